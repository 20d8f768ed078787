// SPDX-License-Identifier: GPL-2.0
/*
 * Restart areas that are written while the log goes on: each says, with the log behind its
 * restart point, what the whole log says, wherever the log ends.
 */
#include <stdio.h>
#include <stdlib.h>

#include "journal_history.h"

#define HISTORIES	12000
#define ENDS		6	/* of each log, at random */

static unsigned long tried, violations;

static void compare(const struct jhistory *h, const struct jh_area *area, u64 upto, u64 seed)
{
	struct jmodel whole, part;
	int err;

	tried++;
	if (jhistory_replay(h, NULL, upto, &whole)) {
		violations++;
		printf("# seed %llu: the whole log: %s\n", (unsigned long long)seed, whole.jp.why);
	}
	err = jhistory_replay(h, area, upto, &part);
	if (err || jmodel_digest(&whole) != jmodel_digest(&part)) {
		violations++;
		if (violations < 20)
			printf("# seed %llu, S %llu, E %llu, T %llu: %s\n",
			       (unsigned long long)seed, (unsigned long long)area->start,
			       (unsigned long long)area->end, (unsigned long long)upto,
			       err ? part.jp.why : "another live set");
	}
	jmodel_free(&whole);
	jmodel_free(&part);
}

static void history(u64 seed)
{
	struct jhistory h;
	struct jh_area area;
	u32 i, k, first;

	jhistory_init(&h, seed, 4096, 4096, false);
	for (i = rng_below(&h.rng, 400); i; i--)
		jhistory_step(&h);
	jhistory_area(&h, &area);
	first = h.count;
	for (i = rng_below(&h.rng, 100); i; i--)
		jhistory_step(&h);
	/* The log reaches at least as far as the area knows. */
	compare(&h, &area, area.end, seed);
	compare(&h, &area, h.next, seed);
	for (k = 0; k < ENDS && h.count > first; k++)
		compare(&h, &area, h.recs[first + rng_below(&h.rng, h.count - first)].lsn, seed);
	jhistory_free(&h);
}

int main(int argc, char **argv)
{
	u64 seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	for (u64 i = 0; i < HISTORIES; i++)
		history(seed + i);
	printf("TAP version 13\n1..1\n");
	printf("campaign journal_fuzzy: tried=%lu violations=%lu seed=%llu\n", tried, violations,
	       (unsigned long long)seed);
	printf("%sok 1 - a restart area of a running log says what the log says\n",
	       violations ? "not " : "");
	return violations != 0;
}
