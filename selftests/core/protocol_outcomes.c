// SPDX-License-Identifier: GPL-2.0
/*
 * Prints every way in which a transaction that kernel/core/protocol.c drives can
 * end, a line each, in no order. selftests/promela/check.sh holds the lines
 * against those of the model.
 *
 * Usage: protocol_outcomes CONFIG FAULTS
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol_outcomes.h"

struct node {
	struct world w;
	struct seen o;
	u32 parent;
	u8 step, arg;
};

#define NOWHERE	UINT32_MAX

static struct node *nodes;
static u32 count, room;
static u32 *table;
static u32 table_size;
static bool wrong;

static void *more(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (!p) {
		fprintf(stderr, "no memory for %zu bytes\n", size);
		exit(1);
	}
	return p;
}

static u32 hash(const void *data, size_t size)
{
	const u8 *p = data;
	u64 h = 0xcbf29ce484222325;

	while (size--)
		h = (h ^ *p++) * 0x100000001b3;
	return h ^ h >> 32;
}

/* What makes a node: the world, and what was seen. */
#define KEY_SIZE	(sizeof(struct world) + sizeof(struct seen))

static u32 *place(const struct node *n)
{
	u32 at = hash(n, KEY_SIZE) & (table_size - 1);

	while (table[at] != NOWHERE && memcmp(&nodes[table[at]], n, KEY_SIZE))
		at = (at + 1) & (table_size - 1);
	return &table[at];
}

static void table_grow(void)
{
	u32 i;

	free(table);
	table_size = table_size ? 2 * table_size : 1 << 16;
	table = more(NULL, table_size * sizeof(*table));
	memset(table, 0xff, table_size * sizeof(*table));
	for (i = 0; i < count; i++)
		*place(&nodes[i]) = i;
}

static void tell(const struct cast *c, u32 at, const char *what)
{
	fprintf(stderr, "%s: %s, backwards from the end:\n", c->cfg.name, what);
	for (; nodes[at].parent != NOWHERE; at = nodes[at].parent)
		fprintf(stderr, "    %s %d\n", plot_name(nodes[at].step), nodes[at].arg);
	wrong = true;
}

static void add(struct run *r, u32 parent, int step, int arg)
{
	struct node n;
	u32 *at;

	memset(&n, 0, sizeof(n));
	sim_store(&r->s);
	n.w = r->s.w;
	n.o = r->o;
	n.parent = parent;
	n.step = step;
	n.arg = arg;
	if (2 * count >= table_size)
		table_grow();
	at = place(&n);
	if (*at == NOWHERE) {
		if (count == room) {
			room = room ? 2 * room : 1 << 12;
			nodes = more(nodes, room * sizeof(*nodes));
		}
		nodes[count] = n;
		*at = count++;
	}
	if (r->s.bad)
		tell(r->c, *at, r->s.bad);
}

static const char *const clients[] = {
	[CLIENT_IDLE]		= "NONE",
	[CLIENT_COMMITTED]	= "COMMITTED",
	[CLIENT_ABORTED]	= "ABORTED",
	[CLIENT_INDOUBT]	= "INDOUBT",
	[CLIENT_ROLLBACK]	= "ROLLBACK",
	[CLIENT_CLOSED]		= "CLOSED",
	[CLIENT_REFUSED]	= "REFUSED",
	[CLIENT_LOST]		= "LOST",
};

static const char *const endings[] = {
	[END_OPEN]		= "PREPARED",
	[END_COMMITTED]		= "COMMITTED",
	[END_ABORTED]		= "ABORTED",
	[END_READ_ONLY]		= "READ_ONLY",
	[END_DISCONNECTED]	= "DISCONNECTED",
	[END_CLOSED]		= "CLOSED",
};

static const char *ending(const struct node *n, int i)
{
	if (!enlisted(&n->w, i))
		return "ABSENT";
	return n->o.end[i] == END_OPEN && n->o.gone & 1 << i ? "GONE" : endings[n->o.end[i]];
}

static const char *separator;

static void print_fault(bool happened, const char *name, int number)
{
	if (!happened)
		return;
	printf("%s%s", separator, name);
	if (number)
		printf("%d", number);
	separator = ",";
}

static void print_line(const struct cast *c, const struct node *n)
{
	const struct seen *o = &n->o;
	int i;

	printf("client=%s", clients[o->client]);
	for (i = 0; i < c->subs; i++)
		printf(" en%d=%s", i + 1, ending(n, i));
	if (c->superior)
		printf(" sup=%s", ending(n, SUP));
	printf(" forces=%d faults=", o->forces);
	separator = "";
	print_fault(o->faults & FAULT_CRASH, "c", 0);
	print_fault(o->faults & FAULT_LOG, "j", 0);
	for (i = 0; i < c->subs; i++)
		print_fault(o->died & ~o->gone & 1 << i, "r", i + 1);
	for (i = 0; i < c->subs; i++)
		print_fault(o->gone & 1 << i, "g", i + 1);
	print_fault(o->died & ~o->gone & 1 << SUP, "s", 0);
	print_fault(o->gone & 1 << SUP, "gs", 0);
	print_fault(o->faults & FAULT_EXPIRED, "t", 0);
	printf("%s\n", *separator ? "" : "none");
}

static void load(struct run *r, const struct node *n, const struct cast *c)
{
	sim_load(&r->s, &n->w, &c->cfg);
	r->o = n->o;
	r->c = c;
}

static void visit(const struct cast *c, u32 at)
{
	bool moved = false, over;
	struct node n = nodes[at];
	struct run r;
	int step, arg;

	load(&r, &n, c);
	over = plot_is_over(&r);
	for (step = 0; plot_name(step); step++) {
		for (arg = 0; arg < PLOT_ARGS; arg++) {
			load(&r, &n, c);
			if (!plot_step(&r, step, arg))
				continue;
			moved = true;
			add(&r, at, step, arg);
		}
	}
	if (over)
		print_line(c, &n);
	else if (!moved)
		tell(c, at, "nobody can go on");
}

int main(int argc, char **argv)
{
	struct cast c;
	struct run r;
	u32 i;

	/* Padding would make equal nodes differ. */
	BUILD_BUG_ON(KEY_SIZE != offsetof(struct node, parent));
	if (argc != 3 || !cast_parse(&c, argv[1], atoi(argv[2]))) {
		fprintf(stderr, "usage: %s CONFIG FAULTS\n", argv[0]);
		return 2;
	}
	r.c = &c;
	plot_begin(&r);
	add(&r, NOWHERE, 0, 0);
	for (i = 0; i < count && !wrong; i++)
		visit(&c, i);
	fprintf(stderr, "%s: %u states\n", c.cfg.name, count);
	return wrong;
}
