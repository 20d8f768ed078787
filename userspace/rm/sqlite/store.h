/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The store of ktm-rm-sqlite: one SQLite database, in WAL mode, that this
 * process alone writes. Beside the tables of its users it holds
 *
 *	ktm_identity	GUIDs of the RM, of the TM and of its stream in the TM's log
 *	ktm_applied	what was committed lately, so that it is not carried out twice
 *	ktm_intent	what a transaction will change if it is too long for the log
 *
 * SQLite has one writer at a time and cannot prepare. So each transaction is
 * kept as the list of row changes that its statements made, and SQLite's own
 * write transaction is only a place to work in: the changes of the transaction
 * that works are put into it, its next statement runs on top of them, and it is
 * always rolled back, until a commit is written. The list goes into the log with the
 * vote, so a commit need not be durable here before the base of the log moves on. The rows that a
 * transaction changed, and their unique keys, are locked from the statement to
 * the end: so what its changes met then, they meet again, in whatever order
 * transactions commit, and carrying them out cannot fail.
 */
#ifndef KTM_SQLITE_STORE_H
#define KTM_SQLITE_STORE_H

#include <time.h>

#include "../common/program.h"
#include "schema.h"

/* Bytes that the changes of one transaction may take. */
#define CHANGES_MAX	(16u << 20)
/* Characters of a LIKE or GLOB pattern; SQLite takes 50000. */
#define SQL_PATTERN_MAX	1000

/**
 * struct sql_work - of one transaction
 * @changes: as record.c writes them
 * @count: how many
 */
struct sql_work {
	struct pack changes;
	uint32_t count;
};

/**
 * struct sql_client - a statement of a client that is being prepared or run
 * @write: it may write
 * @steps: how much longer it may run
 * @deadline: the same, as a time
 * @refusal: why it is denied
 * @tx: a write is recorded for it
 * @ran: it was begun
 * @error: recording failed: negative errno
 */
struct sql_client {
	bool write;
	unsigned int steps;
	time_t deadline;
	char refusal[MESSAGE_MAX];
	struct rm_tx *tx;
	bool ran;
	int error;
};

/**
 * struct sql_store - an open database
 * @core: whose locks we take
 * @lock: descriptor of the database, locked while we run
 * @db: where transactions work and are committed
 * @reader: sees only what is committed
 * @schema: of the tables
 * @sync_failed: a sync has failed: what it was about may be lost, and no later one says so
 * @loaded: the transaction whose changes are in @db's open write transaction
 * @client: the client's statement, or NULL while we run our own
 */
struct sql_store {
	struct rm_core *core;
	int lock;
	sqlite3 *db;
	sqlite3 *reader;
	struct schema schema;
	bool sync_failed;
	struct rm_tx *loaded;
	struct sql_client *client;
};

/* setup.c */
extern const struct rm_program sql_program;
int sql_open(const struct rm_options *options, struct rm_core *core,
	     struct rm_identity *identity, void **store);
int sql_set_tm(void *store, const struct ktm_guid *tm, bool in_use);
void sql_close(void *store);

/* work.c: the write transaction and what is in it */
int sql_run(sqlite3 *db, const char *sql);
/* A result code as a negative errno. */
int sql_errno(int rc);
/* What the connection says about its last error, to the log; returns sql_errno(). */
int sql_log(sqlite3 *db, const char *what, int rc);
/* Begins a write transaction with nothing in it; a result code of SQLite. */
int sql_begin(struct sql_store *s);
/* Makes @tx the one that is loaded; a result code. */
int sql_load_tx(struct sql_store *s, struct rm_tx *tx);
/* Rolls the write transaction back, whoever's it is. */
void sql_unload(struct sql_store *s);
/* All that was committed until now is durable when it returns; a result code. */
int sql_flush(struct sql_store *s);
/* Runs @sql with at most a blob and a number as its parameters; a result code. */
int sql_change(sqlite3 *db, const char *sql, const struct ktm_guid *guid, int64_t number);

/* record.c: from statements to changes */
void sql_record_hook(void *store, sqlite3 *db, int op, const char *database, const char *table,
		     sqlite3_int64 key1, sqlite3_int64 key2);
/* And back: carries them all out; a result code. */
int sql_replay(struct sql_store *s, const struct sql_work *work);
/* Whether these are @count changes and nothing else. */
bool sql_changes_valid(const struct pack *changes, uint32_t count);

/* intent.c: what prepared transactions will change */
struct sql_work *sql_work(struct rm_tx *tx);
int sql_prepare(void *store, struct rm_tx *tx, struct pack *redo, uint64_t room);
void sql_forget(void *store, struct rm_tx *tx, bool keep);
/*
 * Fills in the work from the redo in the log, or in the database; with @locks takes them,
 * too. 0, -ENOENT: there is none; -EUCLEAN, -EBUSY or -ENOMEM.
 */
int sql_work_load(struct sql_store *s, struct rm_tx *tx, const struct redo_tx *redo, bool locks);
/* In the open write transaction. */
int sql_intent_delete(struct sql_store *s, const struct ktm_guid *enlistment);

/* commit.c: carried out, synced, carried out again after a crash */
int sql_commit(void *store, struct rm_tx *tx);
int sql_sync(void *store, uint64_t base, uint64_t last, uint64_t flushed);
int sql_load(void *store, struct rm_core *core, const struct redo_log *log);

/* client.c */
int sql_authorize(void *store, int action, const char *a, const char *b, const char *database,
		  const char *trigger);
int sql_progress(void *store);
int sql_request(void *store, struct rm_tx *tx, struct request *r);

#endif /* KTM_SQLITE_STORE_H */
