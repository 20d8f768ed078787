// SPDX-License-Identifier: GPL-2.0
/*
 * volatile_1rm, volatile_2rm: from the Commit call to its return, enlisted
 * beforehand, against as many round trips over pipes to processes on the same
 * processors.
 */
#include "bench.h"
#include "latency.h"
#include "partner.h"
#include "store.h"

#define BATCH		256

struct sides {
	struct tm_handle tm;
	unsigned int stores;
	struct store store[MAX_STORES];
	int connection[MAX_STORES];
	struct partner partner[MAX_STORES];
};

static void sides_start(struct sides *s, unsigned int stores)
{
	unsigned int i;

	s->stores = stores;
	tm_start(&s->tm, NULL);
	for (i = 0; i < stores; i++) {
		partner_start(&s->partner[i], i + 1);
		store_start(&s->store[i], &s->tm.guid, true, (int)i + 1);
		s->connection[i] = store_connect(&s->store[i]);
	}
	pin(0);
}

static void sides_end(struct sides *s)
{
	unsigned int i;

	for (i = 0; i < s->stores; i++) {
		close(s->connection[i]);
		store_end(&s->store[i]);
		partner_end(&s->partner[i]);
	}
	tm_end(&s->tm);
}

static void round_trips(void *data)
{
	const struct sides *s = data;
	unsigned int i;

	for (i = 0; i < s->stores; i++)
		partner_round_trip(&s->partner[i]);
}

static double time_commits(const struct sides *s)
{
	return latency_of_commits(&s->tm, s->connection, s->stores, BATCH);
}

static void measure(const char *row, unsigned int stores)
{
	struct series floor = { .count = 0 }, ours = floor, value = floor;
	struct sides s;
	unsigned int i;

	sides_start(&s, stores);
	latency_of(round_trips, &s, BATCH);
	time_commits(&s);
	for (i = 0; i < bench.rounds; i++) {
		series_add(&floor, latency_of(round_trips, &s, BATCH));
		series_add(&ours, time_commits(&s));
		series_add(&value, ours.value[i] / floor.value[i]);
	}
	sides_end(&s);
	report(row, "us", &floor, &ours, &value, AT_MOST, 1.5);
}

void row_volatile(void)
{
	measure("volatile_1rm", 1);
	measure("volatile_2rm", 2);
}
