// SPDX-License-Identifier: GPL-2.0
/*
 * durable_1client: a durable commit, against what nobody can do without: one
 * direct, synced write of one unit and a round trip for each of the two phases.
 */
#define _GNU_SOURCE
#include "bench.h"
#include "latency.h"
#include "partner.h"
#include "store.h"
#include "switches.h"

#include <fcntl.h>

#define UNIT		4096
#define BATCH		128
/* Commits whose context switches are counted: many, as the machine does other things as well. */
#define BATCHES		enough(2, 16)

static int raw = -1;
static void *unit;

static void raw_open(void)
{
	raw = open(bench.raw, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);
	if (raw < 0)
		die("%s: %s", bench.raw, strerror(errno));
	if (posix_memalign(&unit, UNIT, UNIT))
		die("no memory");
	memset(unit, 1, UNIT);
}

static void write_between_round_trips(void *data)
{
	static off_t place;

	partner_round_trip(data);
	if (pwrite(raw, unit, UNIT, place) != UNIT)
		die("%s: %s", bench.raw, strerror(errno));
	partner_round_trip(data);
	place = (place + UNIT) % (8 << 20);
}

static double time_floor(struct partner *partner)
{
	return latency_of(write_between_round_trips, partner, BATCH);
}

static double time_commits(const struct tm_handle *tm, int connection)
{
	return latency_of_commits(tm, &connection, 1, BATCH);
}

static void remark_switches(const char *whose, const struct switches *s)
{
	remark("durable_1client", "context switches of %s: client %.2f, its partner %.2f, the "
	       "kernel's threads %.2f; %.2f of these by who went to sleep and was woken", whose,
	       s->client, s->partner, s->kernel, s->voluntary);
}

/* Of a commit that is alone, its transaction begun and enlisted before; and of the floor. */
static void count_switches(struct partner *partner, const struct store *store,
			   const struct tm_handle *tm, int connection)
{
	struct switches sum = { 0 }, each, before;
	int tx[BATCH];
	unsigned int i, k;

	before = switches_now(partner->pid);
	for (i = 0; i < BATCH * BATCHES; i++)
		write_between_round_trips(partner);
	each = switches_each(&before, partner->pid, BATCH * BATCHES);
	remark_switches("the floor", &each);

	for (k = 0; k < BATCHES; k++) {
		for (i = 0; i < BATCH; i++) {
			tx[i] = tx_begin(tm);
			if (!store_change(connection, tx[i], i, 1))
				die("an account is held that should be free");
		}
		before = switches_now(store->pid);
		for (i = 0; i < BATCH; i++)
			tx_commit(tx[i]);
		each = switches_each(&before, store->pid, BATCH * BATCHES);
		sum.client += each.client;
		sum.partner += each.partner;
		sum.kernel += each.kernel;
		sum.voluntary += each.voluntary;
		for (i = 0; i < BATCH; i++)
			close(tx[i]);
	}
	remark_switches("a commit", &sum);
}

void row_durable(void)
{
	struct series floor = { .count = 0 }, ours = floor, value = floor;
	struct partner partner;
	struct tm_handle tm;
	struct store store;
	int connection;
	unsigned int i;

	raw_open();
	tm_start(&tm, bench.journal);
	partner_start(&partner, 1);
	store_start(&store, &tm.guid, false, 1);
	connection = store_connect(&store);
	pin(0);
	time_floor(&partner);
	time_commits(&tm, connection);
	for (i = 0; i < bench.rounds; i++) {
		series_add(&floor, time_floor(&partner));
		series_add(&ours, time_commits(&tm, connection));
		series_add(&value, ours.value[i] / floor.value[i]);
	}
	count_switches(&partner, &store, &tm, connection);
	close(connection);
	store_end(&store);
	partner_end(&partner);
	tm_end(&tm);
	close(raw);
	free(unit);
	report("durable_1client", "us", &floor, &ours, &value, AT_MOST, 1.25);
}
