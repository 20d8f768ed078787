// SPDX-License-Identifier: GPL-2.0
/*
 * Which transaction holds which name.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "locks.h"

static struct lock **lock_bucket(struct lock_table *table, const unsigned char *name, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325;	/* FNV-1a */

	while (size--)
		hash = (hash ^ *name++) * 0x100000001b3;
	return &table->buckets[(hash ^ hash >> 32) % LOCK_BUCKETS];
}

static struct lock *lock_find(struct lock *lock, const void *name, size_t size)
{
	while (lock && (lock->size != size || memcmp(lock->name, name, size)))
		lock = lock->next;
	return lock;
}

static struct lock *lock_add(struct lock **bucket, const void *name, size_t size)
{
	struct lock *lock = malloc(sizeof(*lock) + size);

	if (!lock)
		return NULL;
	lock->holds = NULL;
	lock->size = size;
	memcpy(lock->name, name, size);
	lock->next = *bucket;
	*bucket = lock;
	return lock;
}

int lock_take(struct lock_table *table, struct lock_owner *owner, const void *name, size_t size,
	      bool exclusive)
{
	struct lock **bucket = lock_bucket(table, name, size);
	struct lock *lock = lock_find(*bucket, name, size);
	struct lock_hold *hold;

	if (lock) {
		bool have = false;

		for (hold = lock->holds; hold; hold = hold->peer) {
			if (hold->owner != owner && (exclusive || hold->exclusive))
				return -EBUSY;
			if (hold->owner == owner && hold->exclusive >= exclusive)
				have = true;
		}
		if (have)
			return 0;
	}

	hold = malloc(sizeof(*hold));
	if (!hold)
		return -ENOMEM;
	if (!lock)
		lock = lock_add(bucket, name, size);
	if (!lock) {
		free(hold);
		return -ENOMEM;
	}
	hold->owner = owner;
	hold->lock = lock;
	hold->exclusive = exclusive;
	hold->peer = lock->holds;
	lock->holds = hold;
	hold->older = owner->newest;
	owner->newest = hold;
	return 0;
}

static void lock_drop(struct lock_table *table, struct lock_hold *hold)
{
	struct lock *lock = hold->lock;
	struct lock_hold **at;
	struct lock **l;

	for (at = &lock->holds; *at != hold; at = &(*at)->peer)
		;
	*at = hold->peer;
	free(hold);
	if (lock->holds)
		return;
	for (l = lock_bucket(table, lock->name, lock->size); *l != lock; l = &(*l)->next)
		;
	*l = lock->next;
	free(lock);
}

void lock_release(struct lock_table *table, struct lock_owner *owner, struct lock_hold *mark)
{
	while (owner->newest != mark) {
		struct lock_hold *hold = owner->newest;

		owner->newest = hold->older;
		lock_drop(table, hold);
	}
}
