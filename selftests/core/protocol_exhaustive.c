// SPDX-License-Identifier: GPL-2.0
/*
 * Walks through every world that kernel/core/protocol.c and a correct caller
 * can get into: every event in every state, every notification read or not,
 * every part of the log lost or kept at every moment. See protocol_world.h for
 * what a world is and protocol_judge.c for what must hold in it.
 *
 * Usage: protocol_exhaustive [first]
 *
 * first: stop at the first violation. Who only wants to know whether there is
 * one need not wait for all.
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol_search.h"

#define D	(KIND_DURABLE | KIND_RECOVERY)
#define V	KIND_RECOVERY

/* Every mixture of what matters. */
static const u8 every_kind[] = {
	D, D | KIND_P, D | KIND_S, D | KIND_P | KIND_S,
	V, V | KIND_P, V | KIND_S, V | KIND_P | KIND_S, V | KIND_D, V | KIND_P | KIND_D,
	V | KIND_S | KIND_D, V | KIND_P | KIND_S | KIND_D,
	/* That a durable one would bear to hear no outcome must not count. */
	D | KIND_S | KIND_D,
};

/* What matters beside a superior. */
static const u8 under_superior[] = { D, D | KIND_P, V, V | KIND_P };

#define S	(KIND_DURABLE | KIND_PHASES | KIND_REST)

static const u8 superiors[] = { S, S | KIND_REQUEST };

static const u8 odd_superiors[] = {
	KIND_DURABLE, KIND_DURABLE | KIND_REQUEST, KIND_DURABLE | KIND_PHASES,
	KIND_DURABLE | KIND_PHASES | KIND_REQUEST,
};

static const u8 volatile_kinds[] = {
	V, V | KIND_P, V | KIND_S, V | KIND_P | KIND_S, V | KIND_D, V | KIND_P | KIND_D,
	V | KIND_S | KIND_D, V | KIND_P | KIND_S | KIND_D,
};

static const u8 volatile_superiors[] = {
	KIND_PHASES | KIND_REST, KIND_PHASES | KIND_REST | KIND_REQUEST, 0,
};

static const u8 rolled[] = { D, V };
static const u8 rolled_superiors[] = { S };

static const u8 smallest[] = { KIND_DURABLE, KIND_DURABLE | KIND_S, 0 };

#define KINDS(k)	k, ARRAY_SIZE(k)

/* The small ones first: who stops at the first violation shall find it soon. */
static const struct config configs[] = {
	{ "two with the smallest mask", 2, { 0, 1, 2, 3 }, KINDS(smallest), NULL, 0, LOG_WHOLE },
	{ "one under a superior of another mask", 1, { 0, 1, 2, 3 }, KINDS(smallest),
	  KINDS(odd_superiors), LOG_WHOLE },
	{ "three of a volatile TM, and a superior", 3, { 0, 1, 2, 3 }, KINDS(volatile_kinds),
	  KINDS(volatile_superiors), LOG_NONE },
	{ "two under a superior, rolled forward", 2, { 0, 1, 2, 3 }, KINDS(rolled),
	  KINDS(rolled_superiors), LOG_IN_PARTS },
	{ "two under a superior", 2, { 0, 1, 2, 3 }, KINDS(under_superior), KINDS(superiors),
	    LOG_WHOLE },
	{ "two under a superior, one of its RM", 2, { 0, 1, 2, 0 }, KINDS(under_superior),
	  KINDS(superiors), LOG_WHOLE },
	{ "three of any kind", 3, { 0, 1, 2, 3 }, KINDS(every_kind), NULL, 0, LOG_WHOLE },
	{ "two of one RM, one of another", 3, { 0, 0, 2, 3 }, KINDS(every_kind), NULL, 0, LOG_WHOLE },
};

static u64 all_worlds, all_steps, all_violations;

static void explore(int number, const struct config *cfg, bool only_first)
{
	struct search se = { .cfg = cfg, .only_first = only_first };

	search_run(&se);
	printf("# %s: states=%u transitions=%llu\n", cfg->name, se.count,
	       (unsigned long long)se.steps);
	printf("%s %d - %s\n", se.violations ? "not ok" : "ok", number, cfg->name);
	all_worlds += se.count;
	all_steps += se.steps;
	all_violations += se.violations;
	search_free(&se);
}

int main(int argc, char **argv)
{
	bool only_first = argc == 2 && !strcmp(argv[1], "first");
	size_t i;
	u32 gaps = 0;

	/* Padding would make equal worlds differ. */
	BUILD_BUG_ON(sizeof(struct world_en) != 12);
	BUILD_BUG_ON(sizeof(struct world) != MAX_EN * sizeof(struct world_en) + 24);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !only_first) {
		fprintf(stderr, "usage: %s [first]\n", argv[0]);
		return 2;
	}
	printf("TAP version 13\n1..%zu\n", ARRAY_SIZE(configs) + 1);
	for (i = 0; i < ARRAY_SIZE(configs) && !(only_first && all_violations); i++)
		explore(i + 1, &configs[i], only_first);
	if (only_first && all_violations) {
		printf("Bail out! a violation\n");
	} else {
		gaps = coverage_gaps();
		printf("%s %zu - every cell of the three tables that can be reached was tried\n",
		       gaps ? "not ok" : "ok", i + 1);
	}
	printf("# in all: states=%llu transitions=%llu\n", (unsigned long long)all_worlds,
	       (unsigned long long)all_steps);
	printf("campaign protocol: tried=%llu violations=%llu seed=0\n",
	       (unsigned long long)all_steps, (unsigned long long)all_violations);
	return all_violations || gaps;
}
