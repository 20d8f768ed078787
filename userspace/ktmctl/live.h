/* SPDX-License-Identifier: GPL-2.0 */
/* What lives in a journal: its records put together by the core's rules of recovery. */
#ifndef KTMCTL_LIVE_H
#define KTMCTL_LIVE_H

#include "journal_replay.h"

struct live_rm {
	struct ktm_guid guid;
	struct ktm_jp_rm found;
	uint32_t uid, gid, flags;
	uint16_t mode;
	uint16_t description_length;
	uint8_t description[KTM_JF_DESC_MAX];
};

struct live_en {
	struct ktm_guid guid;
	struct live_rm *rm;
	struct live_tx *tx;
	struct list_head link;
	uint64_t key;
	uint64_t stream;
	uint64_t stream_need;
	uint32_t information_length;
	uint32_t mask;
	bool superior;
};

/* @enlistments: those that are not over, in the order of the log */
struct live_tx {
	struct ktm_guid uow;
	struct ktm_jp_tx found;
	struct list_head enlistments;
	uint32_t uid, gid;
	uint16_t mode;
};

/*
 * @records: those that live, by rising name, from @first to @end in the array
 * @bytes: length of all of them in the log
 */
struct live_stream {
	struct ktm_guid key;		/* its id, as a tree wants it */
	uint64_t id;
	struct ktm_guid guid;
	struct ktm_jp_stream found;
	uint64_t quota;
	uint32_t uid, gid;
	uint16_t mode;
	uint16_t name_length;
	uint8_t name[KTM_JF_DESC_MAX];
	struct ktm_jsent *records;
	size_t first, end, room;
	uint64_t bytes;
};

/* A tree of what begins with a GUID, and how many there are. */
struct live_tree {
	void *root;
	size_t count;
};

/**
 * struct live - what lives
 * @rms: struct live_rm, by GUID
 * @transactions: struct live_tx
 * @enlistments: struct live_en, those that are not over
 * @streams: struct live_stream, by id
 * @found: the replay; @found.why says why a record was refused
 */
struct live {
	struct live_tree rms;
	struct live_tree transactions;
	struct live_tree enlistments;
	struct live_tree streams;
	struct ktm_jp found;
};

/* The superblock that was chosen is known. */
void live_init(struct live *live, const struct ktm_jf_sb *sb);
void live_free(struct live *live);

/* One record. 0; -EUCLEAN: no log says that; -ENOMEM. */
int live_replay(struct live *live, const struct ktm_jrec *rec);

/* All has been read, up to @tail. 0 or -EUCLEAN. */
int live_complete(struct live *live, uint64_t tail);

/* Has each stream a name of its own, each enlistment the stream it needs? Or -ENOMEM. */
int live_consistent(struct live *live);

/* All of a tree in its order, NULL-terminated, to be freed. NULL: out of memory. */
void **live_list(const struct live_tree *tree);

/* What its live records count against its quota, and how many of them the log has given up. */
uint64_t live_used(const struct live_stream *stream, uint64_t *lost);

/* The oldest place of a live record of the stream, of all streams; U64_MAX: there is none. */
uint64_t live_oldest_of(const struct live_stream *stream);
uint64_t live_oldest(const struct live *live, const struct live_stream **whose);

/* What a STREAM record would say of it. */
void live_stream_record(const struct live_stream *stream, struct ktm_jrec *rec);

/*
 * Hands out the records that an opening writes into its restart area, until @add
 * returns other than 0; returns that, or -ENOMEM.
 */
int live_records(const struct live *live, int (*add)(void *ctx, const struct ktm_jrec *rec),
		 void *ctx);

#endif /* KTMCTL_LIVE_H */
