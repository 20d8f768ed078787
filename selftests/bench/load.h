/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Many clients at once, each a process, for so long; how often they came round.
 */
#ifndef KTM_BENCH_LOAD_H
#define KTM_BENCH_LOAD_H

#include <stdint.h>

/**
 * struct load - what the clients do
 * @clients: how many
 * @ms: how long
 * @pinned: client n stays on processor n
 * @prepare: in each client, before the time begins: what it returns goes to @once
 * @once: one round; false: it did not count
 * @data: goes to both
 */
struct load {
	unsigned int clients;
	unsigned int ms;
	bool pinned;
	void *(*prepare)(unsigned int client, void *data);
	bool (*once)(void *mine);
	void *data;
};

/**
 * struct load_result - what came of it
 * @done: rounds that counted and ended within the time
 * @refused: rounds that did not count
 * @seconds: the time
 * @per_second: @done in a second
 */
struct load_result {
	uint64_t done;
	uint64_t refused;
	double seconds;
	double per_second;
};

/*
 * @begin and @end (may be NULL) are called when the time begins and when it is over, the clients
 * being at work.
 */
struct load_result load_run(const struct load *load, void (*begin)(void), void (*end)(void));

#endif
