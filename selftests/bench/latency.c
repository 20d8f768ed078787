// SPDX-License-Identifier: GPL-2.0
/* How long single operations take, one after the other. */
#include "latency.h"

#include "bench.h"
#include "store.h"

double latency_of(void (*once)(void *data), void *data, unsigned int count)
{
	double us[count];
	unsigned int i;

	for (i = 0; i < count; i++) {
		uint64_t start = now_ns();

		once(data);
		us[i] = (double)(now_ns() - start) / 1000;
	}
	return median_of(us, count);
}

static void commit_next(void *data)
{
	int **next = data;

	tx_commit(*(*next)++);
}

double latency_of_enlisted(const struct tm_handle *tm, enlist_fn enlist, const void *data,
			   unsigned int count)
{
	int tx[count], *next = tx;
	unsigned int i;
	double us;

	for (i = 0; i < count; i++) {
		tx[i] = tx_begin(tm);
		enlist(data, tx[i], i);
	}
	us = latency_of(commit_next, &next, count);
	for (i = 0; i < count; i++)
		close(tx[i]);
	return us;
}

struct stores {
	const int *connections;
	unsigned int count;
};

static void enlist_stores(const void *data, int tx, unsigned int i)
{
	const struct stores *s = data;
	unsigned int k;

	for (k = 0; k < s->count; k++) {
		if (!store_change(s->connections[k], tx, i, 1))
			die("an account is held that should be free");
	}
}

double latency_of_commits(const struct tm_handle *tm, const int *connections, unsigned int stores,
			  unsigned int count)
{
	const struct stores s = { connections, stores };

	return latency_of_enlisted(tm, enlist_stores, &s, count);
}
