/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The store of ktm-rm-files, a directory:
 *
 *	tree/				what is committed, and served
 *	ktm/identity			GUIDs of the RM and of the TM
 *	ktm/staged/ENLISTMENT/N		contents that a transaction has put
 *	ktm/staged/ENLISTMENT/manifest	it was too large for the log: this is what it does
 *
 * All on one file system, so that a commit only renames. What a transaction does,
 * contents included, goes into the log with the vote.
 */
#ifndef KTM_FILES_STORE_H
#define KTM_FILES_STORE_H

#include <dirent.h>

#include "../common/program.h"
#include "ops.h"
#include "tree.h"

#define MANIFEST	"manifest"

/**
 * struct files_store - an open store
 * @core: whose locks we take
 * @dir: the directory, locked while we run
 * @tree: tree/
 * @private: ktm/
 * @staged: ktm/staged/
 * @max_size: of a file, in bytes
 * @failed_syncs: how many syncs have failed
 * @identity: what ktm/identity says
 * @kept: directories in staged/ that a redo which might come back would need
 */
struct files_store {
	struct rm_core *core;
	int dir;
	int tree;
	int private;
	int staged;
	uint64_t max_size;
	unsigned int failed_syncs;
	struct rm_identity identity;
	struct files_kept *kept;
};

/**
 * struct files_kept - see kept.c
 * @next: in the list
 * @enlistment: name of the directory
 * @redo_lsn: where its redo begins
 * @gone_lsn: when a record behind this one is durable, so is that its redo is gone; 0: it
 *	is not gone yet
 */
struct files_kept {
	struct files_kept *next;
	struct ktm_guid enlistment;
	uint64_t redo_lsn;
	uint64_t gone_lsn;
};

/**
 * struct files_work - of one transaction
 * @dir: its directory in staged/, or -1: it has none yet
 * @failed_syncs: of the store, when the directory was made
 * @next_content: number of the next file in it
 * @ops: what it does
 */
struct files_work {
	int dir;
	unsigned int failed_syncs;
	uint64_t next_content;
	struct ops ops;
};

/**
 * struct found - what a transaction sees under a name
 * @kind: what is there
 * @size: of a file
 * @own: it was put by this transaction: staged file @content
 * @content: its number
 */
struct found {
	enum tree_kind kind;
	uint64_t size;
	bool own;
	uint64_t content;
};

/* setup.c */
extern const struct rm_program files_program;
int files_open(const struct rm_options *options, struct rm_core *core,
	       struct rm_identity *identity, void **store);
int files_set_tm(void *store, const struct ktm_guid *tm, bool in_use);
void files_close(void *store);
/* Reads a directory that is open; NULL and errno. */
DIR *files_opendir(int at);

/* stage.c: what a transaction has not committed */
struct files_work *files_work(struct rm_tx *tx);
int files_stage_dir(struct files_store *s, struct rm_tx *tx);
void files_content_name(uint64_t content, char name[24]);
/* Exclusive on the name, shared on the directories above it. */
int files_lock(struct files_store *s, struct rm_tx *tx, const char *name);
int files_look(struct files_store *s, struct rm_tx *tx, const char *name, struct found *found);
int files_prepare(void *store, struct rm_tx *tx, struct pack *redo, uint64_t room);
int files_commit(void *store, struct rm_tx *tx);
void files_forget(void *store, struct rm_tx *tx, bool keep);
int files_sync(void *store, uint64_t base, uint64_t last, uint64_t flushed);
/* One operation of what is committed; what an earlier attempt has done is no error. */
int files_carry_out(struct files_store *s, struct rm_tx *tx, const struct op *op);
/* Writes @size bytes, or reads so many. */
int files_write(int dir, const char *name, const void *data, size_t size);
int files_read(int dir, const char *name, void *data, size_t size);
/* Removes ktm/staged/@enlistment with all that is in it, the manifest before all else. */
int files_drop_dir(struct files_store *s, const struct ktm_guid *enlistment);

/* redo.c: what a transaction does as bytes for the log, and back */
uint64_t files_redo_size(const struct files_work *work);
int files_redo_pack(struct pack *p, const struct files_work *work);
int files_redo_unpack(struct files_store *s, struct rm_tx *tx, const struct redo_tx *redo);

/* load.c: what the log says, carried out after a crash */
int files_load(void *store, struct rm_core *core, const struct redo_log *log);

/* kept.c */
int files_keep_dir(struct files_store *s, const struct ktm_guid *enlistment, uint64_t redo_lsn);
void files_drop_kept(struct files_store *s, uint64_t base, uint64_t last, uint64_t flushed);
void files_free_kept(struct files_store *s);

/* request.c, list.c: what clients ask */
int files_request(void *store, struct rm_tx *tx, struct request *r);
int files_list(struct files_store *s, struct rm_tx *tx, struct request *r);

#endif /* KTM_FILES_STORE_H */
