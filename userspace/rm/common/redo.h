/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a resource manager keeps in the transaction manager's log: a stream with the
 * redo of each prepared transaction and, behind it, a record that it is committed.
 *
 * The order is what makes it right (Documentation/streams.md):
 *  - The redo goes into the log with the vote, in front of it, so the decision that
 *    comes later in the same log makes it durable. The record that a transaction
 *    is committed goes with the answer to COMMIT, in the same way. Nothing of
 *    ours is flushed for either.
 *  - Locks are given back only when that record has been appended or will be before
 *    any client is served again. So of two transactions that touch the same thing, the
 *    later one's redo is behind the earlier one's end.
 *  - The store is synced now and then, and then the base is advanced: not beyond the
 *    redo of what is undecided, nor beyond what is durable of the stream (an LSN that
 *    is not may be given to another record after a power cut).
 *
 * A record is: u32 magic, u32 kind, 16 bytes enlistment, redo. Redo that is longer than
 * a record is in several, each linked to the one before it.
 */
#ifndef KTM_RM_REDO_H
#define KTM_RM_REDO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <ktm.h>

#include "pack.h"

#define REDO_HEAD	24
/* Bytes of redo in one record. */
#define REDO_PART	(KTM_MAX_STREAM_RECORD - REDO_HEAD)

/**
 * struct redo - the stream
 * @fd: its descriptor, or -1: there is none, nothing is logged
 * @quota: bytes of the log that it may take
 * @used: of them, as far as we know
 * @unsynced: transactions that were committed since the store was last synced
 * @bytes: redo of the transaction that is being voted for
 * @head: of its last record
 */
struct redo {
	int fd;
	uint64_t quota;
	uint64_t used;
	unsigned int unsynced;
	struct pack bytes;
	unsigned char head[REDO_HEAD];
};

/**
 * struct redo_record - what goes into the log with an answer
 * @pieces: the record; they stay until the next one is made
 * @count: of them; 0: there is no record
 * @previous_lsn: the record that it goes on from, or 0
 * @need_records: records that the transaction will still need
 * @need_bytes: bytes in them
 */
struct redo_record {
	struct iovec pieces[2];
	size_t count;
	uint64_t previous_lsn;
	uint32_t need_records;
	uint64_t need_bytes;
};

/**
 * struct redo_tx - a transaction that the stream knows
 * @enlistment: whose redo it is
 * @lsn: of its first record
 * @last: of its last one so far
 * @stored: its redo is in the store
 * @whole: there is all of it
 * @headless: the base has gone beyond its beginning: it has ended, synced
 * @committed: there is the record that says so
 * @bytes: its redo
 */
struct redo_tx {
	struct ktm_guid enlistment;
	uint64_t lsn;
	uint64_t last;
	bool stored;
	bool whole;
	bool headless;
	bool committed;
	struct pack bytes;
};

/**
 * struct redo_log - what a stream holds
 * @stream: its GUID
 * @tree: all of @txs, by enlistment
 * @txs: in the order of their first records
 * @count: of them
 * @room: in @txs
 * @committed: those that are committed, in the order in which they were
 * @committed_count: of them
 */
struct redo_log {
	struct ktm_guid stream;
	void *tree;
	struct redo_tx **txs;
	size_t count;
	size_t room;
	struct redo_tx **committed;
	size_t committed_count;
};

void redo_init(struct redo *redo);
/*
 * Opens the stream @name of the TM, or makes it with @quota bytes (0: a sixteenth of
 * the log); an existing one gets @quota if that is not 0. Says what is wrong.
 */
int redo_open(struct redo *redo, int tm, const char *name, uint64_t quota);
void redo_close(struct redo *redo);

/* Redo of one transaction should take no more of the log than this. */
uint64_t redo_room(const struct redo *redo);

/*
 * Logs redo->bytes, but for the last record, which is left for the vote to bring. @stored:
 * the redo is in the store, the record only says so. @lsn: of the first record, 0: it is
 * the last one, too. -ENOSPC: it does not fit.
 */
int redo_vote(struct redo *redo, const struct ktm_guid *enlistment, bool stored,
	      struct redo_record *record, uint64_t *lsn);
/* The record that a transaction is committed, for the answer to COMMIT. */
void redo_committed(struct redo *redo, const struct ktm_guid *enlistment,
		    struct redo_record *record);

/* Reads all of the stream; redo_log_free() in any case. 0, -EUCLEAN, ... */
int redo_read(struct redo *redo, struct redo_log *log);
void redo_log_free(struct redo_log *log);
bool redo_log_has(const struct redo_log *log, const struct ktm_guid *enlistment);

/* Is it time to sync the store? */
bool redo_is_full(const struct redo *redo);
/*
 * For a sync: what the base may be advanced to if @oldest is the first record that is
 * still needed (UINT64_MAX: none is), the last record, and the last durable one.
 */
int redo_ends(struct redo *redo, uint64_t oldest, uint64_t *base, uint64_t *last,
	      uint64_t *flushed);
int redo_advance(struct redo *redo, uint64_t base);

#endif /* KTM_RM_REDO_H */
