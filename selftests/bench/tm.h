/* SPDX-License-Identifier: GPL-2.0 */
/* A transaction manager, and the steps of its clients. */
#ifndef KTM_BENCH_TM_H
#define KTM_BENCH_TM_H

#include <ktm.h>

struct tm_handle {
	int ktm;
	int tm;
	struct ktm_guid guid;
};

/* @device: NULL for a volatile one; its journal must have been formatted. */
void tm_start(struct tm_handle *t, const char *device);
void tm_end(struct tm_handle *t);

int tx_begin(const struct tm_handle *t);
/* Waits for the end of it. */
void tx_commit(int tx);
void tx_roll_back(int tx);

#endif
