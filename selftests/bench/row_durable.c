// SPDX-License-Identifier: GPL-2.0
/*
 * durable_1client: a durable commit, against what nobody can do without: one
 * direct, synced write of one unit and a round trip for each of the two phases.
 */
#define _GNU_SOURCE
#include "bench.h"
#include "partner.h"
#include "store.h"
#include "tm.h"

#include <fcntl.h>

#define UNIT		4096
#define BATCH		128

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

static double time_floor(const struct partner *partner)
{
	static off_t place;
	double us[BATCH];
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		uint64_t start = now_ns();

		partner_round_trip(partner);
		if (pwrite(raw, unit, UNIT, place) != UNIT)
			die("%s: %s", bench.raw, strerror(errno));
		partner_round_trip(partner);
		us[i] = (double)(now_ns() - start) / 1000;
		place = (place + UNIT) % (8 << 20);
	}
	return median_of(us, BATCH);
}

static double time_commits(const struct tm_handle *tm, int connection)
{
	double us[BATCH];
	unsigned int i;
	int tx[BATCH];

	for (i = 0; i < BATCH; i++) {
		tx[i] = tx_begin(tm);
		if (!store_change(connection, tx[i], i, 1))
			die("an account is held that should be free");
	}
	for (i = 0; i < BATCH; i++) {
		uint64_t start = now_ns();

		tx_commit(tx[i]);
		us[i] = (double)(now_ns() - start) / 1000;
	}
	for (i = 0; i < BATCH; i++)
		close(tx[i]);
	return median_of(us, BATCH);
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
	close(connection);
	store_end(&store);
	partner_end(&partner);
	tm_end(&tm);
	close(raw);
	free(unit);
	report("durable_1client", "us", &floor, &ours, &value, AT_MOST, 1.25);
}
