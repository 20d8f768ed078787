/* SPDX-License-Identifier: GPL-2.0 */
/* How long single operations take, one after the other. */
#ifndef KTM_BENCH_LATENCY_H
#define KTM_BENCH_LATENCY_H

#include "tm.h"

#define MAX_STORES	2

/* Median of @count calls, in microseconds. */
double latency_of(void (*once)(void *data), void *data, unsigned int count);

/* Has the RMs enlist in the @i-th transaction. */
typedef void (*enlist_fn)(const void *data, int tx, unsigned int i);

/*
 * The same of commits, from the call to its return. The transactions have been begun, and RMs
 * enlisted in them, before the first is timed.
 */
double latency_of_enlisted(const struct tm_handle *tm, enlist_fn enlist, const void *data,
			   unsigned int count);

/* The RMs are stores. */
double latency_of_commits(const struct tm_handle *tm, const int *connections, unsigned int stores,
			  unsigned int count);

#endif
