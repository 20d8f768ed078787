// SPDX-License-Identifier: GPL-2.0
/*
 * forced_writes: how often the disk has to flush for one durable commit of one client.
 * Counted by the block layer, over a whole run, whatever else the log does in it.
 */
#include "bench.h"
#include "blockio.h"
#include "store.h"
#include "tm.h"

void row_forced(void)
{
	const unsigned int commits = enough(500, 10000);
	struct series ours = { .count = 0 };
	struct blockio io;
	struct tm_handle tm;
	struct store store;
	int connection, tx;
	unsigned int i;

	tm_start(&tm, bench.journal);
	store_start(&store, &tm.guid, false, 1);
	connection = store_connect(&store);
	blockio_begin(bench.disk);
	for (i = 0; i < commits; i++) {
		tx = tx_begin(&tm);
		if (!store_change(connection, tx, i % ACCOUNTS, 1))
			die("an account is held that should be free");
		tx_commit(tx);
		close(tx);
	}
	blockio_end(&io);
	if (store_sum(connection) != (int64_t)ACCOUNTS * BALANCE + commits)
		die("the store has lost changes");
	close(connection);
	store_end(&store);
	tm_end(&tm);
	series_add(&ours, (double)(io.flushes + io.fua) / commits);
	report("forced_writes", "flushes/commit", NULL, &ours, &ours, AT_MOST, 1.01);
	remark("forced_writes", "%u commits: %llu writes, %llu of them with FUA, %llu flushes "
	       "(/sys/block: %llu writes, %llu flushes)", commits,
	       (unsigned long long)io.writes, (unsigned long long)io.fua,
	       (unsigned long long)io.flushes, (unsigned long long)io.stat_writes,
	       (unsigned long long)io.stat_flushes);
}
