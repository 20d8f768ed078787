// SPDX-License-Identifier: GPL-2.0
/*
 * How much the log was made to do.
 */
#include "workload.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t restarts, copied;

/* The module counts from its last opening. */
static unsigned int more(uint64_t *before, uint64_t now)
{
	uint64_t since = now >= *before ? now - *before : now;

	*before = now;
	return (unsigned int)since;
}

/**
 * space_note() - add up what the log did
 * @tm: its TM
 */
void space_note(int tm)
{
	struct ktm_tm_space space;

	pthread_mutex_lock(&lock);
	if (!tm_space(tm, &space)) {
		atomic_fetch_add(&shared->nr_restarts, more(&restarts, space.restarts));
		atomic_fetch_add(&shared->nr_copied, more(&copied, space.copied));
		shared->log_bytes = space.next_lsn;
		shared->ring_bytes = space.bytes;
	}
	pthread_mutex_unlock(&lock);
}
