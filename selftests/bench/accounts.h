/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of accounts that a store holds in memory, and its log stream.
 *
 * The stream is all there is on the disk: now and then the whole table, as records of it that
 * a restart record ends; behind that what is to be redone of each transaction that was voted
 * for, and that it was done. A store that starts reads the table and redoes what was done.
 */
#ifndef KTM_BENCH_ACCOUNTS_H
#define KTM_BENCH_ACCOUNTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <ktm-rm.h>

#include "peer.h"

#define MAX_CHANGES	4096
#define NO_CHANGE	UINT32_MAX

/**
 * struct change - of one account, in a transaction that has not ended
 * @redo: what goes into the stream with the vote
 * @redo_lsn: where it is, 0: not voted yet
 * @next: among those that are free
 * @used: it is not free
 */
struct change {
	struct redo {
		uint32_t kind;
		uint32_t account;
		int64_t delta;
		struct ktm_guid enlistment;
	} redo;
	uint64_t redo_lsn;
	uint32_t next;
	bool used;
};

/**
 * struct accounts - a store
 * @rm: its loop
 * @stream: descriptor, or -1: it is volatile
 * @lock: of all that follows: the loop's thread and the one that serves take turns
 * @balance: of each account
 * @held: by a transaction that has not ended
 * @changes: of those transactions; their enlistments' cookies are places in it
 * @free: the first that is free
 * @open: how many are not
 * @done: changes since the table was written last
 */
struct accounts {
	struct ktm_rm *rm;
	int stream;
	pthread_mutex_t lock;
	int64_t balance[ACCOUNTS];
	bool held[ACCOUNTS];
	struct change changes[MAX_CHANGES];
	uint32_t free;
	unsigned int open;
	unsigned int done;
};

/* False: another transaction holds the account. @place: the change's */
bool accounts_hold(struct accounts *a, uint32_t account, int64_t delta, uint32_t *place);
/* The transaction has ended: what it changed counts, or does not. */
void accounts_end(struct accounts *a, uint32_t place, bool commit);

/* The records that go with a vote and with the end of a commit; good until the next call. */
void accounts_vote(struct accounts *a, struct ktm_rm_event *event);
void accounts_done(struct accounts *a, struct ktm_rm_event *event);

/* Opens the RM's stream, or makes it. 0 or a negative errno. */
int accounts_open(struct accounts *a);
/* From the stream to the table. Changes that were not done are there, and hold their account. */
int accounts_replay(struct accounts *a);
/* The change that an enlistment voted for, or NO_CHANGE. */
uint32_t accounts_find(struct accounts *a, const struct ktm_guid *enlistment);
/* Nobody asks for those of @found that are not set: they were never decided. */
void accounts_drop_unasked(struct accounts *a, const bool *asked);

/* Writes the table, if that is due. While no answer of the loop is under way. */
int accounts_checkpoint(struct accounts *a);

#endif
