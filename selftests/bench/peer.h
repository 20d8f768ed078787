/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Those that are compared: each has two stores of accounts, and many clients that
 * transfer from the one to the other.
 */
#ifndef KTM_BENCH_PEER_H
#define KTM_BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>

#define ACCOUNTS	8192
#define BALANCE		1000000

/**
 * struct peer - one that is compared
 * @name: in the plot
 * @start: makes stores and processes; @self then keeps what they need
 * @connect: in a client's process; what it returns goes to @transfer
 * @transfer: @amount from @from in the first store to @to in the second one; returns when it is
 *	durable. False: somebody else was at one of the accounts, nothing has changed
 * @sum: of all accounts of both stores, when no client is at work any more
 * @end: ends the processes
 * @self: goes to them
 */
struct peer {
	const char *name;
	void (*start)(struct peer *peer);
	void *(*connect)(const struct peer *peer, unsigned int client);
	bool (*transfer)(void *mine, uint32_t from, uint32_t to, int64_t amount);
	int64_t (*sum)(const struct peer *peer);
	void (*end)(struct peer *peer);
	void *self;
};

extern struct peer peer_ktm, peer_sqlite_delete, peer_sqlite_wal, peer_plain;

#endif
