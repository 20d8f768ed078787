// SPDX-License-Identifier: GPL-2.0
/*
 * Walks through every world that kernel/core/protocol.c and a correct caller
 * can get into: every event in every state, every notification read or not,
 * every part of the log lost or kept at every moment. See protocol_world.h for
 * what a world is and protocol_judge.c for what must hold in it.
 *
 * Then asks of every world whether everybody's duty done leads to the end.
 *
 * Usage: protocol_exhaustive [first]
 *
 * first: stop at the first violation. Who only wants to know whether there is
 * one need not wait for all.
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol_world.h"

#define D	true
#define V	false

static const struct config configs[] = {
	{ "three durable",		3, { D, D, D }, 3, { 0, 1, 2 }, KTM_NOTIFY_TWO_PHASE },
	{ "two durable, one volatile",	3, { D, D, V }, 3, { 0, 1, 2 }, KTM_NOTIFY_TWO_PHASE },
	{ "one durable, two volatile",	3, { V, D, V }, 3, { 0, 1, 2 }, KTM_NOTIFY_TWO_PHASE },
	{ "three volatile",		3, { V, V, V }, 3, { 0, 1, 2 }, KTM_NOTIFY_TWO_PHASE },
	{ "durable RM twice, durable",	3, { D, D, D }, 2, { 0, 0, 1 }, KTM_NOTIFY_TWO_PHASE },
	{ "durable RM twice, volatile",	3, { D, V, D }, 2, { 0, 1, 0 }, KTM_NOTIFY_TWO_PHASE },
	{ "volatile RM twice, durable",	3, { V, D, V }, 2, { 0, 1, 0 }, KTM_NOTIFY_TWO_PHASE },
	{ "volatile RM twice, volatile", 3, { V, V, V }, 2, { 0, 0, 1 }, KTM_NOTIFY_TWO_PHASE },
	{ "durable and volatile, smallest mask", 2, { D, V }, 2, { 0, 1 }, KTM_NOTIFY_REQUIRED },
};

#define KINDS	64	/* of violations; one of each is told with its history */
#define NOWHERE	UINT32_MAX

struct node {
	struct world w;
	u32 parent;
	u16 edge;
	bool live;
};

struct link {
	u32 from, to;
};

/**
 * struct search - the worlds of one configuration
 * @cfg: the configuration
 * @nodes: the worlds in the order in which they were found
 * @count: how many
 * @room: for how many there is room
 * @index: hash table of positions in @nodes
 * @index_size: its size, a power of two
 * @links: steps that somebody's duty takes
 * @nlinks: how many
 * @links_room: for how many there is room
 * @steps: all steps
 */
struct search {
	const struct config *cfg;
	struct node *nodes;
	u32 count, room;
	u32 *index;
	u32 index_size;
	struct link *links;
	u64 nlinks, links_room;
	u64 steps;
};

static u64 all_worlds, all_steps, all_violations;
static bool only_first;

static struct {
	const char *what;
	u64 count;
} kinds[KINDS];

static bool enough(void)
{
	return only_first && all_violations;
}

static void *more(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (!p) {
		printf("Bail out! no memory for %zu bytes\n", size);
		exit(1);
	}
	return p;
}

static u32 hash(const struct world *w)
{
	const u8 *p = (const u8 *)w;
	u64 h = 0xcbf29ce484222325;
	size_t i;

	for (i = 0; i < sizeof(*w); i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h ^ h >> 32;
}

static void index_grow(struct search *se)
{
	u32 i, at;

	free(se->index);
	se->index_size = se->index_size ? 2 * se->index_size : 1 << 16;
	se->index = more(NULL, se->index_size * sizeof(*se->index));
	memset(se->index, 0xff, se->index_size * sizeof(*se->index));
	for (i = 0; i < se->count; i++) {
		at = hash(&se->nodes[i].w) & (se->index_size - 1);
		while (se->index[at] != NOWHERE)
			at = (at + 1) & (se->index_size - 1);
		se->index[at] = i;
	}
}

static u32 found(struct search *se, const struct world *w, u32 parent, u16 edge)
{
	u32 at;

	if (2 * se->count >= se->index_size)
		index_grow(se);
	at = hash(w) & (se->index_size - 1);
	while (se->index[at] != NOWHERE) {
		if (!memcmp(&se->nodes[se->index[at]].w, w, sizeof(*w)))
			return se->index[at];
		at = (at + 1) & (se->index_size - 1);
	}
	if (se->count == se->room) {
		se->room = se->room ? 2 * se->room : 1 << 12;
		se->nodes = more(se->nodes, se->room * sizeof(*se->nodes));
	}
	se->nodes[se->count].w = *w;
	se->nodes[se->count].parent = parent;
	se->nodes[se->count].edge = edge;
	se->nodes[se->count].live = false;
	se->index[at] = se->count;
	return se->count++;
}

static void tell_history(const struct search *se, u32 at)
{
	if (se->nodes[at].parent == NOWHERE)
		return;
	tell_history(se, se->nodes[at].parent);
	printf("#     %s %d%s\n", edge_names[EDGE_KIND(se->nodes[at].edge)],
	       EDGE_ARG(se->nodes[at].edge),
	       se->nodes[at].edge & EDGE_REFUSE ? ", the log refuses" : "");
}

static void violation(const struct search *se, u32 at, const char *last, int arg, const char *what)
{
	int k = 0;

	all_violations++;
	while (k < KINDS - 1 && kinds[k].what && strcmp(kinds[k].what, what))
		k++;
	kinds[k].what = what;
	if (kinds[k].count++)
		return;
	printf("# %s: %s, after:\n", se->cfg->name, what);
	tell_history(se, at);
	if (last)
		printf("#     %s %d\n", last, arg);
}

static void add_link(struct search *se, u32 from, u32 to)
{
	if (se->nlinks == se->links_room) {
		se->links_room = se->links_room ? 2 * se->links_room : 1 << 14;
		se->links = more(se->links, se->links_room * sizeof(*se->links));
	}
	se->links[se->nlinks++] = (struct link){ from, to };
}

/* Take one step out of a world; tell whether the log was asked to take a decision. */
static bool take(struct search *se, u32 at, u16 edge)
{
	struct world before = se->nodes[at].w;
	struct sim s;
	u32 to;

	sim_load(&s, &before, se->cfg);
	sim_step(&s, edge);
	judge(&s, &before);
	se->steps++;
	if (s.bad) {
		violation(se, at, edge_names[EDGE_KIND(edge)], EDGE_ARG(edge), s.bad);
		return s.asked;
	}
	sim_store(&s);
	to = found(se, &s.w, at, edge);
	if (to != at && benign(&before, se->cfg, edge))
		add_link(se, at, to);
	return s.asked;
}

static void visit(struct search *se, u32 at)
{
	struct world w = se->nodes[at].w;
	struct sim s;
	int kind, arg;

	sim_load(&s, &w, se->cfg);
	sim_idle(&s);
	se->steps++;
	if (s.bad)
		violation(se, at, NULL, 0, s.bad);
	for (kind = 0; kind < NR_EDGES; kind++) {
		for (arg = 0; arg <= MAX_VOLATILE; arg++) {
			u16 edge = EDGE(kind, arg);

			if (sim_possible(&w, se->cfg, edge) && take(se, at, edge))
				take(se, at, edge | EDGE_REFUSE);
		}
	}
}

/* Mark all worlds from which duty leads to the end, from the end backwards. */
static void liveness(struct search *se)
{
	u32 *first = more(NULL, (se->count + 1) * sizeof(*first));
	u32 *from = more(NULL, (se->nlinks + 1) * sizeof(*from));
	u32 *todo = more(NULL, (se->count + 1) * sizeof(*todo));
	u32 n = 0, i, j;
	u64 l;

	memset(first, 0, (se->count + 1) * sizeof(*first));
	for (l = 0; l < se->nlinks; l++)
		first[se->links[l].to]++;
	for (i = 0; i < se->count; i++)
		first[i + 1] += first[i];
	for (l = 0; l < se->nlinks; l++)
		from[--first[se->links[l].to]] = se->links[l].from;
	for (i = 0; i < se->count; i++) {
		if (!at_goal(&se->nodes[i].w, se->cfg))
			continue;
		se->nodes[i].live = true;
		todo[n++] = i;
	}
	first[se->count] = se->nlinks;
	while (n) {
		i = todo[--n];
		for (j = first[i]; j < first[i + 1]; j++) {
			if (se->nodes[from[j]].live)
				continue;
			se->nodes[from[j]].live = true;
			todo[n++] = from[j];
		}
	}
	for (i = 0; i < se->count; i++)
		if (!se->nodes[i].live)
			violation(se, i, NULL, 0, "cannot come to an end");
	free(first);
	free(from);
	free(todo);
}

static void explore(int number, const struct config *cfg)
{
	struct search se = { .cfg = cfg };
	u64 before = all_violations;
	struct world w;
	u32 i;

	world_init(&w, cfg);
	found(&se, &w, NOWHERE, 0);
	for (i = 0; i < se.count && !enough(); i++)
		visit(&se, i);
	if (!enough())
		liveness(&se);
	printf("# %s: states=%u transitions=%llu\n", cfg->name, se.count,
	       (unsigned long long)se.steps);
	printf("%s %d - %s\n", all_violations == before ? "ok" : "not ok", number, cfg->name);
	all_worlds += se.count;
	all_steps += se.steps;
	free(se.nodes);
	free(se.index);
	free(se.links);
}

/* An exploration that no longer gets somewhere would find nothing. */
static u32 count_untried(void)
{
	u32 n = 0;
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(tx_tried); i++)
		for (j = 0; j < KTM_NR_TX_EVENTS; j++)
			if (!tx_tried[i][j]) {
				printf("# transaction: state %zu, event %zu untried\n", i, j);
				n++;
			}
	for (i = 0; i < ARRAY_SIZE(en_tried); i++)
		for (j = 0; j < KTM_NR_EN_EVENTS; j++)
			if (!en_tried[i][j]) {
				printf("# enlistment: state %zu, event %zu untried\n", i, j);
				n++;
			}
	return n;
}

int main(int argc, char **argv)
{
	size_t i;
	u32 n;

	/* Padding would make equal worlds differ. */
	BUILD_BUG_ON(sizeof(struct world) != 48);
	setvbuf(stdout, NULL, _IOLBF, 0);
	only_first = argc == 2 && !strcmp(argv[1], "first");
	if (argc > 1 && !only_first) {
		fprintf(stderr, "usage: %s [first]\n", argv[0]);
		return 2;
	}
	printf("TAP version 13\n1..%zu\n", ARRAY_SIZE(configs) + 1);
	for (i = 0; i < ARRAY_SIZE(configs) && !enough(); i++)
		explore(i + 1, &configs[i]);
	for (n = 0; n < KINDS && kinds[n].what; n++)
		printf("# %llu times: %s\n", (unsigned long long)kinds[n].count, kinds[n].what);
	if (enough()) {
		printf("Bail out! a violation\n");
		n = 1;
	} else {
		n = count_untried();
		printf("%s %zu - every cell of both tables was tried\n", n ? "not ok" : "ok",
		       i + 1);
	}
	printf("# in all: states=%llu transitions=%llu\n", (unsigned long long)all_worlds,
	       (unsigned long long)all_steps);
	printf("campaign protocol: tried=%llu violations=%llu seed=0\n",
	       (unsigned long long)all_steps, (unsigned long long)all_violations);
	return all_violations || n;
}
