// SPDX-License-Identifier: GPL-2.0
/*
 * group_64: how many commits of 64 clients one flush of the disk makes durable, if a flush
 * takes 5 ms. The runner has put dm-delay between the log and the disk.
 */
#include "bench.h"
#include "blockio.h"
#include "load.h"
#include "store.h"
#include "tm.h"

#define CLIENTS	64

struct setup {
	struct tm_handle tm;
	struct store store;
};

struct mine {
	const struct setup *setup;
	int connection;
	uint32_t account;
};

static struct blockio io;

static void begin(void)
{
	blockio_begin(bench.disk);
}

static void end(void)
{
	blockio_end(&io);
}

static void *prepare(unsigned int client, void *data)
{
	const struct setup *setup = data;
	static struct mine mine;

	mine.setup = setup;
	mine.connection = store_connect(&setup->store);
	mine.account = client;
	return &mine;
}

static bool once(void *data)
{
	struct mine *mine = data;
	int tx = tx_begin(&mine->setup->tm);

	/* Another one each time: the last may not have been let go of yet. */
	mine->account = (mine->account + CLIENTS) % ACCOUNTS;
	if (!store_change(mine->connection, tx, mine->account, 1))
		die("an account is held that should be free");
	tx_commit(tx);
	close(tx);
	return true;
}

void row_group(void)
{
	struct series ours = { .count = 0 }, rate = ours, ms = ours;
	struct setup setup;
	const struct load load = {
		.clients = CLIENTS,
		.ms = enough(300, 3000),
		.prepare = prepare,
		.once = once,
		.data = &setup,
	};
	struct load_result r;
	unsigned int i;

	tm_start(&setup.tm, bench.journal);
	store_start(&setup.store, &setup.tm.guid, false, -1);
	for (i = 0; i < bench.rounds; i++) {
		r = load_run(&load, begin, end);
		if (!(io.flushes + io.fua))
			die("no flush at all in %g seconds", r.seconds);
		series_add(&ours, (double)r.done / (double)(io.flushes + io.fua));
		series_add(&rate, r.per_second);
		series_add(&ms, r.seconds * 1000 / (double)(io.flushes + io.fua));
	}
	store_end(&setup.store);
	tm_end(&setup.tm);
	report("group_64", "commits/flush", NULL, &ours, &ours, AT_LEAST, 16);
	remark("group_64", "%.0f commits a second, a flush every %.1f ms", series_median(&rate),
	       series_median(&ms));
}
