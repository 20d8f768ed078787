// SPDX-License-Identifier: GPL-2.0
/* Many clients at once, each a process. */
#include "bench.h"

#include "load.h"

#include <stdatomic.h>

/* In shared memory. Each client's counters have a cache line of their own. */
struct counters {
	_Atomic uint64_t done;
	_Atomic uint64_t refused;
	char apart[112];
};

struct board {
	_Atomic unsigned int ready;
	_Atomic bool stop;
	_Atomic bool go;
	struct counters of[];
};

struct client {
	const struct load *load;
	struct board *board;
	unsigned int number;
};

static void run_client(void *data)
{
	const struct client *c = data;
	struct counters *counters = &c->board->of[c->number];
	void *mine;

	if (c->load->pinned)
		pin(c->number);
	mine = c->load->prepare(c->number, c->load->data);
	atomic_fetch_add(&c->board->ready, 1);
	while (!atomic_load(&c->board->go))
		nap_ms(1);
	while (!atomic_load(&c->board->stop)) {
		if (c->load->once(mine))
			atomic_fetch_add(&counters->done, 1);
		else
			atomic_fetch_add(&counters->refused, 1);
	}
}

static void add_up(const struct board *board, unsigned int clients, struct load_result *sum)
{
	unsigned int i;

	for (i = 0; i < clients; i++) {
		sum->done += atomic_load(&board->of[i].done);
		sum->refused += atomic_load(&board->of[i].refused);
	}
}

struct load_result load_run(const struct load *load, void (*begin)(void), void (*end)(void))
{
	struct board *board = share(sizeof(*board) + load->clients * sizeof(board->of[0]));
	struct load_result before = { 0 }, result = { 0 };
	pid_t pids[load->clients];
	uint64_t start;
	unsigned int i;

	for (i = 0; i < load->clients; i++) {
		struct client c = { .load = load, .board = board, .number = i };

		pids[i] = spawn(run_client, &c);
	}
	while (atomic_load(&board->ready) < load->clients)
		nap_ms(1);
	atomic_store(&board->go, true);
	/* What the first rounds find cold is not what is asked for. */
	nap_ms(load->ms / 8);
	if (begin)
		begin();
	add_up(board, load->clients, &before);
	start = now_ns();
	nap_ms(load->ms);
	add_up(board, load->clients, &result);
	result.seconds = (double)(now_ns() - start) / 1e9;
	if (end)
		end();
	atomic_store(&board->stop, true);
	for (i = 0; i < load->clients; i++)
		join(pids[i]);
	result.done -= before.done;
	result.refused -= before.refused;
	result.per_second = (double)result.done / result.seconds;
	return result;
}
