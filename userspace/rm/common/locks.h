/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which transaction holds which name. A lock is never waited for: who cannot
 * have it is told at once, so there is no deadlock and nothing to time out.
 */
#ifndef KTM_RM_LOCKS_H
#define KTM_RM_LOCKS_H

#include <stdbool.h>
#include <stddef.h>

struct lock;

/**
 * struct lock_hold - one owner's hold on one lock
 * @owner: whose it is
 * @lock: of what
 * @older: the one that @owner took before it
 * @peer: the next one on @lock
 * @exclusive: nobody else may hold it
 */
struct lock_hold {
	struct lock_owner *owner;
	struct lock *lock;
	struct lock_hold *older;
	struct lock_hold *peer;
	bool exclusive;
};

/**
 * struct lock - a name that somebody holds
 * @next: in its bucket
 * @holds: who
 * @size: of @name
 * @name: any bytes
 */
struct lock {
	struct lock *next;
	struct lock_hold *holds;
	size_t size;
	unsigned char name[];
};

/**
 * struct lock_owner - a transaction
 * @newest: what it took last; all zero to begin with
 */
struct lock_owner {
	struct lock_hold *newest;
};

#define LOCK_BUCKETS	16384

struct lock_table {
	struct lock *buckets[LOCK_BUCKETS];
};

/* 0; -EBUSY: somebody else holds it; -ENOMEM. What the owner has already is kept. */
int lock_take(struct lock_table *table, struct lock_owner *owner, const void *name, size_t size,
	      bool exclusive);

/* Gives back all that was taken after @mark (the owner's newest then; NULL: everything). */
void lock_release(struct lock_table *table, struct lock_owner *owner, struct lock_hold *mark);

#endif /* KTM_RM_LOCKS_H */
