/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What both resource managers are at heart: the transactions they take part in,
 * and how requests of clients and words of the transaction manager reach the
 * store. Knows neither sockets nor the kernel, so that it can be tested alone.
 */
#ifndef KTM_RM_CORE_H
#define KTM_RM_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/ktm.h>

#include "locks.h"
#include "redo.h"
#include "server.h"

/* Transactions that may be open at once. */
#define RM_TX_MAX	4096

enum rm_tx_state {
	RM_TX_ACTIVE,		/* takes work */
	RM_TX_PREPARED,		/* its redo is in the log; nothing can be added */
};

/**
 * struct rm_tx - our part in one transaction
 * @next: in the core's list
 * @number: names it, in requests too
 * @enlistment: under which prepared work is kept
 * @uow: the transaction; nil after a restart
 * @state: see above
 * @stored: prepared, and its redo is in the store
 * @redo_lsn: of the first record of its redo; 0: it has none, or that is not known yet
 * @named: the TM has asked for it in the recovery that is under way
 * @damaged: what is prepared for it cannot be read
 * @missing: the store has nothing of it, which it has if a rollback was begun: a commit
 *	cannot come
 * @locks: what it holds
 * @work: the store's
 */
struct rm_tx {
	struct rm_tx *next;
	uint64_t number;
	struct ktm_guid enlistment;
	struct ktm_guid uow;
	enum rm_tx_state state;
	bool stored;
	uint64_t redo_lsn;
	bool named;
	bool damaged;
	bool missing;
	struct lock_owner locks;
	void *work;
};

struct rm_core;

/* What a store's prepare() may say besides a negative errno. */
enum rm_vote {
	RM_VOTE_LOGGED		= 0,	/* the redo is to go into the log */
	RM_VOTE_NOTHING		= 1,	/* there is nothing to commit */
	RM_VOTE_STORED		= 2,	/* too large for that: it is in the store, synced */
};

/**
 * struct rm_store_ops - what a store can do; 0 or a negative errno
 * @load: the store as it is after a crash, or at the first start: carry out what
 *	@log says is committed, in its order, unless that was done before; keep for
 *	decision what is not: core_add_prepared() it, with its locks; drop what the log
 *	does not name. What is there but makes no sense is damaged: an error if
 *	it is committed, or if the TM asks for it
 * @request: do what a client asks; @tx is NULL for a request without one
 * @prepare: write into @redo what commit needs, at most @room bytes; what is longer
 *	goes into the store, which is synced. Nothing of commit can fail then for any
 *	reason but a broken disk or a full one. Without @redo (a volatile RM) nothing needs
 *	to be kept
 * @commit: make it visible; nothing needs to be durable. May be called again after
 *	any failure or crash
 * @forget: free everything, and drop what is in the store for it, but for @keep
 * @sync: all that was committed is durable when it returns. Then the base of the log goes
 *	to @base, and the redo before it is gone, but may be back after a power cut. @last
 *	is the log's last record, @flushed the last durable one
 */
struct rm_store_ops {
	int (*load)(void *store, struct rm_core *core, const struct redo_log *log);
	int (*request)(void *store, struct rm_tx *tx, struct request *r);
	int (*prepare)(void *store, struct rm_tx *tx, struct pack *redo, uint64_t room);
	int (*commit)(void *store, struct rm_tx *tx);
	void (*forget)(void *store, struct rm_tx *tx, bool keep);
	int (*sync)(void *store, uint64_t base, uint64_t last, uint64_t flushed);
};

/* Enlists in the transaction @fd; 0 and both GUIDs, or a negative errno. */
typedef int (*enlist_fn)(void *context, int fd, uint64_t number, struct ktm_guid *enlistment,
			 struct ktm_guid *uow);
/* Takes that back: somebody else's work on the same transaction is here already. */
typedef void (*leave_fn)(void *context, const struct ktm_guid *enlistment);

/**
 * struct rm_core - one resource manager
 * @ops: its store's functions
 * @store: their argument
 * @enlist: how to take part
 * @leave: how not to
 * @context: their argument
 * @serving: after LAST_RECOVER, while the TM is online
 * @txs: list
 * @count: of them
 * @limit: how many there may be, RM_TX_MAX at most
 * @next_number: for the next one
 * @locks: of all
 * @redo: the stream in the log
 */
struct rm_core {
	const struct rm_store_ops *ops;
	void *store;
	enlist_fn enlist;
	leave_fn leave;
	void *context;
	bool serving;
	struct rm_tx *txs;
	unsigned int count;
	unsigned int limit;
	uint64_t next_number;
	struct lock_table locks;
	struct redo redo;
};

/* For the store's load: work that was prepared; NULL if there is no memory. */
struct rm_tx *core_add_prepared(struct rm_core *core, const struct redo_tx *redo);

/* Recovery begins: everything as the log says. */
int core_load(struct rm_core *core);

/* A request_fn; @context is the core. */
int core_request(void *context, struct request *r);

/*
 * What the TM says. @record goes into the log with the answer. prepare: 1 if there is
 * nothing to commit.
 */
int core_prepare(struct rm_core *core, const struct ktm_guid *enlistment,
		 struct redo_record *record);
int core_commit(struct rm_core *core, const struct ktm_guid *enlistment,
		struct redo_record *record);
void core_rollback(struct rm_core *core, const struct ktm_guid *enlistment);
/* The vote was taken, and with it the record @lsn. */
void core_voted(struct rm_core *core, const struct ktm_guid *enlistment, uint64_t lsn);
/* 0 and the number of what is prepared for it; -ENOENT: nothing is; -EUCLEAN. */
int core_recover(struct rm_core *core, const struct ktm_guid *enlistment, uint64_t *number);
/* Drops what the TM did not name; from now on clients are served. */
void core_last_recover(struct rm_core *core);
/* Drops what is not prepared: the TM will have rolled it back when it is back. */
void core_offline(struct rm_core *core);

/* Syncs the store and advances the base; not while an answer is still to be given. */
int core_sync(struct rm_core *core);
/* Should that be done now; else there may be something to be synced some time. */
bool core_should_sync(const struct rm_core *core);
bool core_may_sync(const struct rm_core *core);
/* Before the end: syncs all. @empty: nothing is left that only this TM can decide. */
int core_settle(struct rm_core *core, bool *empty);

/* Ends: frees everything, leaves what is prepared where it is. */
void core_end(struct rm_core *core);

#endif /* KTM_RM_CORE_H */
