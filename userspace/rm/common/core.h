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
#include "server.h"

/* Transactions that may be open at once. */
#define RM_TX_MAX	4096

enum rm_tx_state {
	RM_TX_ACTIVE,		/* takes work */
	RM_TX_PREPARED,		/* staged durably; nothing can be added */
	RM_TX_STUCK,		/* rolled back, but what is durable of it could not be removed */
};

/**
 * struct rm_tx - our part in one transaction
 * @next: in the core's list
 * @number: names it, in requests too
 * @enlistment: under which prepared work is kept
 * @uow: the transaction; nil after a restart
 * @state: see above
 * @named: the TM has asked for it in the recovery that is under way
 * @damaged: what is prepared for it cannot be read
 * @locks: what it holds
 * @work: the store's
 */
struct rm_tx {
	struct rm_tx *next;
	uint64_t number;
	struct ktm_guid enlistment;
	struct ktm_guid uow;
	enum rm_tx_state state;
	bool named;
	bool damaged;
	struct lock_owner locks;
	void *work;
};

struct rm_core;

/**
 * struct rm_store_ops - what a store can do; 0 or a negative errno
 * @load: find everything that is prepared and core_add_prepared() it, with its
 *	locks. What is there but makes no sense is damaged: if the TM asks for it,
 *	that is an error; if not, it was torn before it was voted for
 * @request: do what a client asks; @tx is NULL for a request without one
 * @prepare: make durable what commit needs, which then cannot fail for any
 *	reason but a broken disk or a full one; 1: there is nothing to commit.
 *	On failure nothing is left but what forget() removes
 * @commit: make it visible, durably, and keep no durable trace of the
 *	preparation. May be called again after any failure or crash
 * @forget: free everything and undo it, durable things too, but for @keep. An error
 *	means that the next load will find it prepared: nothing is freed, and
 *	nobody else gets its locks till then
 */
struct rm_store_ops {
	int (*load)(void *store, struct rm_core *core);
	int (*request)(void *store, struct rm_tx *tx, struct request *r);
	int (*prepare)(void *store, struct rm_tx *tx);
	int (*commit)(void *store, struct rm_tx *tx);
	int (*forget)(void *store, struct rm_tx *tx, bool keep);
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
};

/* For the store's load: work that was prepared; NULL if there is no memory. */
struct rm_tx *core_add_prepared(struct rm_core *core, const struct ktm_guid *enlistment);

/* A request_fn; @context is the core. */
int core_request(void *context, struct request *r);

/* What the TM says. prepare: 1 if there is nothing to commit. */
int core_prepare(struct rm_core *core, const struct ktm_guid *enlistment);
int core_commit(struct rm_core *core, const struct ktm_guid *enlistment);
void core_rollback(struct rm_core *core, const struct ktm_guid *enlistment);
/* 0 and the number of what is prepared for it; -ENOENT: nothing is; -EUCLEAN. */
int core_recover(struct rm_core *core, const struct ktm_guid *enlistment, uint64_t *number);
/* Drops what the TM did not name; from now on clients are served. */
void core_last_recover(struct rm_core *core);
/* Drops what is not prepared: the TM will have rolled it back when it is back. */
void core_offline(struct rm_core *core);

/* Ends: frees everything, leaves what is prepared where it is. */
void core_end(struct rm_core *core);

#endif /* KTM_RM_CORE_H */
