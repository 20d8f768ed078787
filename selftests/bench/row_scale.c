// SPDX-License-Identifier: GPL-2.0
/*
 * scale_cpu: as many pairs of client and resource manager as there are processors, each pair on
 * one of its own, all on one transaction manager; against pairs that only pass a
 * byte to and fro.
 */
#include "bench.h"
#include "load.h"
#include "partner.h"
#include "store.h"
#include "tm.h"

#define MAX_PAIRS	64

struct setup {
	struct tm_handle tm;
	struct store store[MAX_PAIRS];
};

struct mine {
	const struct setup *setup;
	int connection;
	struct partner partner;
};

static void *prepare_ktm(unsigned int client, void *data)
{
	const struct setup *setup = data;
	static struct mine mine;

	mine.setup = setup;
	mine.connection = store_connect(&setup->store[client]);
	return &mine;
}

static bool once_ktm(void *data)
{
	const struct mine *mine = data;
	int tx = tx_begin(&mine->setup->tm);

	if (!store_change(mine->connection, tx, 0, 1))
		die("an account is held that should be free");
	tx_commit(tx);
	close(tx);
	return true;
}

static void *prepare_pipes(unsigned int client, void *data)
{
	static struct mine mine;

	(void)data;
	partner_start(&mine.partner, client);
	return &mine;
}

static bool once_pipes(void *data)
{
	const struct mine *mine = data;

	partner_round_trip(&mine->partner);
	return true;
}

static double throughput(struct setup *setup, unsigned int pairs, bool pipes)
{
	const struct load load = {
		.clients = pairs,
		.ms = enough(200, 1000),
		.pinned = true,
		.prepare = pipes ? prepare_pipes : prepare_ktm,
		.once = pipes ? once_pipes : once_ktm,
		.data = setup,
	};

	return load_run(&load, NULL, NULL).per_second;
}

void row_scale(void)
{
	struct series floor = { .count = 0 }, ours = floor, value = floor;
	const unsigned int pairs = cpus() < MAX_PAIRS ? cpus() : MAX_PAIRS;
	static struct setup setup;
	unsigned int i;

	tm_start(&setup.tm, NULL);
	for (i = 0; i < pairs; i++)
		store_start(&setup.store[i], &setup.tm.guid, true, (int)i);
	for (i = 0; i < bench.rounds; i++) {
		double one, all;

		one = throughput(&setup, 1, true);
		all = throughput(&setup, pairs, true);
		series_add(&floor, all / one);
		one = throughput(&setup, 1, false);
		all = throughput(&setup, pairs, false);
		series_add(&ours, all / one);
		series_add(&value, ours.value[i] / floor.value[i]);
	}
	for (i = 0; i < pairs; i++)
		store_end(&setup.store[i]);
	tm_end(&setup.tm);
	report("scale_cpu", "times", &floor, &ours, &value, AT_LEAST, 0.9);
	remark("scale_cpu", "%u pairs", pairs);
}
