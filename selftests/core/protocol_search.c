// SPDX-License-Identifier: GPL-2.0
/*
 * Walks through every world that the protocol and a correct caller can get
 * into, then asks of every one whether everybody's duty done leads to the end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol_search.h"

#define KINDS	64	/* of violations; one of each is told with its history */
#define NOWHERE	UINT32_MAX

static struct {
	const char *what;
	u64 count;
} kinds[KINDS];

static bool enough(const struct search *se)
{
	return se->only_first && se->violations;
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
	u64 h = 0x9e3779b97f4a7c15, part;
	size_t i;

	for (i = 0; i < sizeof(*w); i += sizeof(part)) {
		memcpy(&part, (const u8 *)w + i, sizeof(part));
		h = (h ^ part) * 0xd6e8feb86659fd93;
		h ^= h >> 32;
	}
	return h;
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

static void tell_step(const struct search *se, u16 edge)
{
	int arg = EDGE_ARG(edge);

	if (EDGE_KIND(edge) == EDGE_ENLIST)
		printf("#     enlist %d, kind %#x\n", arg % MAX_EN,
		       arg % MAX_EN == SUP ? se->cfg->sups[arg / MAX_EN] :
					     se->cfg->kinds[arg / MAX_EN]);
	else
		printf("#     %s %d%s\n", edge_names[EDGE_KIND(edge)], arg,
		       edge & EDGE_REFUSE ? ", the log refuses" : "");
}

/* Participants that are alike may change places from one step to the next. */
static void tell_history(const struct search *se, u32 at)
{
	if (se->nodes[at].parent == NOWHERE)
		return;
	tell_history(se, se->nodes[at].parent);
	tell_step(se, se->nodes[at].edge);
}

/* @edge: the last step, or -1 */
static void violation(struct search *se, u32 at, int edge, const char *what)
{
	int k = 0;

	se->violations++;
	while (k < KINDS - 1 && kinds[k].what && strcmp(kinds[k].what, what))
		k++;
	kinds[k].what = what;
	if (kinds[k].count++)
		return;
	printf("# %s: %s, after:\n", se->cfg->name, what);
	tell_history(se, at);
	if (edge >= 0)
		tell_step(se, edge);
}

static void add_link(struct search *se, u32 from, u32 to)
{
	if (se->nlinks == se->links_room) {
		se->links_room = se->links_room ? 2 * se->links_room : 1 << 14;
		se->links = more(se->links, se->links_room * sizeof(*se->links));
	}
	se->links[se->nlinks++] = (struct link){ from, to };
}

/* Take one step out of a world; tell whether the log was asked to force a record. */
static bool take(struct search *se, u32 at, u16 edge)
{
	struct world before = se->nodes[at].w;
	struct sim s;
	u32 to;

	sim_load(&s, &before, se->cfg);
	sim_step(&s, edge);
	judge(&s, &before, edge);
	se->steps++;
	if (s.bad) {
		violation(se, at, edge, s.bad);
		return s.asked;
	}
	sim_store(&s);
	if (!memcmp(&s.w, &before, sizeof(before)))
		return s.asked;
	to = found(se, &s.w, at, edge);
	if (benign(&before, se->cfg, edge))
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
		violation(se, at, -1, s.bad);
	for (kind = 0; kind < NR_EDGES; kind++) {
		int args = kind == EDGE_ENLIST ? MAX_ARGS : MAX_VOLATILE + 1;

		for (arg = 0; arg < args; arg++) {
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
			violation(se, i, -1, "cannot come to an end");
	free(first);
	free(from);
	free(todo);
}

/**
 * search_run - explore a configuration
 * @se: zeroed but for @cfg and @only_first; violations are told as they are found
 */
void search_run(struct search *se)
{
	struct world w;
	u32 i;

	world_init(&w);
	found(se, &w, NOWHERE, 0);
	for (i = 0; i < se->count && !enough(se); i++)
		visit(se, i);
	if (!enough(se))
		liveness(se);
	for (i = 0; i < KINDS && kinds[i].what; i++) {
		printf("# %llu times: %s\n", (unsigned long long)kinds[i].count, kinds[i].what);
		kinds[i].what = NULL;
		kinds[i].count = 0;
	}
}

void search_free(struct search *se)
{
	free(se->nodes);
	free(se->index);
	free(se->links);
}
