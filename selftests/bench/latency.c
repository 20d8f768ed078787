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

double latency_of_commits(const struct tm_handle *tm, const int *connections, unsigned int stores,
			  unsigned int count)
{
	int tx[count], *next = tx;
	unsigned int i, k;
	double us;

	for (i = 0; i < count; i++) {
		tx[i] = tx_begin(tm);
		for (k = 0; k < stores; k++) {
			if (!store_change(connections[k], tx[i], i, 1))
				die("an account is held that should be free");
		}
	}
	us = latency_of(commit_next, &next, count);
	for (i = 0; i < count; i++)
		close(tx[i]);
	return us;
}
