/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A resource manager: a process with a table of accounts, changed in transactions. Made of
 * libktm's loop and a thread that serves clients over Unix sockets. Unless it is volatile
 * it keeps its data in a log stream (accounts.h).
 */
#ifndef KTM_BENCH_STORE_H
#define KTM_BENCH_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <ktm.h>

#include "peer.h"


/**
 * struct store - a resource manager, seen by those who use it
 * @pid: its process
 * @listener: where clients come in; inherited by them
 * @guid: of the RM
 * @tm: GUID of its TM
 * @is_volatile: it logs nothing
 * @cpu: where it runs, or -1: anywhere
 */
struct store {
	pid_t pid;
	int listener;
	struct ktm_guid guid;
	struct ktm_guid tm;
	bool is_volatile;
	int cpu;
};

/* Returns when it serves. */
void store_start(struct store *s, const struct ktm_guid *tm, bool is_volatile, int cpu);
/* Ends the process and starts another one, which recovers. */
void store_restart(struct store *s);
void store_end(struct store *s);

/* A client's connection. */
int store_connect(const struct store *s);

/*
 * Changes an account in a transaction, which the store enlists in. False: another
 * transaction holds the account; roll back.
 */
bool store_change(int connection, int tx, uint32_t account, int64_t delta);
/* The same in two steps, so that two stores work at the same time. */
void store_ask(int connection, int tx, uint32_t account, int64_t delta);
bool store_hear(int connection);

/* The sum of all accounts. */
int64_t store_sum(int connection);

#endif
