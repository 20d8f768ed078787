// SPDX-License-Identifier: GPL-2.0
/*
 * What a disk may hold after the power went: the rule and the choices are those
 * of selftests/cut, here in memory, for many cuts of one record in a row.
 */
#include "state.h"

#include "../cut/plan.h"
#include "calls.h"

#include <stdlib.h>
#include <string.h>

void state_begin(struct disk_state *s, const uint8_t *base, size_t bytes)
{
	s->bytes = bytes;
	s->applied = 0;
	s->durable = malloc(bytes);
	s->image = malloc(bytes);
	if (!s->durable || !s->image)
		die("out of memory");
	memcpy(s->durable, base, bytes);
}

void state_end(struct disk_state *s)
{
	free(s->durable);
	free(s->image);
}

static void apply(const struct disk_state *s, uint8_t *to, const struct blocklog_entry *e,
		  const struct cut_write *w)
{
	uint64_t at;

	if (!blocklog_modifies(e))
		return;
	if (e->offset > s->bytes || e->length > s->bytes - e->offset)
		die("the record writes behind the end of the disk");
	if (e->flags & BLOCKLOG_DISCARD) {
		memset(to + e->offset, 0, e->length);
		return;
	}
	for (at = 0; at < e->length; at += BLOCKLOG_SECTOR) {
		size_t i = at / BLOCKLOG_SECTOR;

		if (!w || w->fate == CUT_KEPT || w->keep[i / 8] & (1u << (i % 8)))
			memcpy(to + e->offset + at, e->data + at, BLOCKLOG_SECTOR);
	}
}

/**
 * state_build() - the disk after a cut
 * @s: @s->image is what it holds; later cuts come after earlier ones
 * @log: the record
 * @at: so many of its entries have happened; a write that comes next may be under way
 * @seed: of the choices
 */
void state_build(struct disk_state *s, struct blocklog *log, size_t at, uint64_t seed)
{
	struct prng prng = prng_stream(seed, 0);
	struct blocklog_entry *next = at < log->nr ? &log->entries[at] : NULL;
	bool under_way = next && blocklog_modifies(next) && prng_next(&prng) % 2;
	uint32_t flags = under_way ? next->flags : 0;
	struct cut_plan plan;
	size_t i;

	/* While it is under way, not even a forced write is certain. */
	if (under_way)
		next->flags &= ~(BLOCKLOG_FUA | BLOCKLOG_FLUSH);
	if (cut_plan_make(&plan, log, at + under_way, CUT_RANDOM, BLOCKLOG_SECTOR, prng))
		die("out of memory");
	if (plan.durable < s->applied)
		die("cuts are out of order");
	for (; s->applied < plan.durable; s->applied++)
		apply(s, s->durable, &log->entries[s->applied], NULL);
	memcpy(s->image, s->durable, s->bytes);
	for (i = 0; i < plan.nr; i++)
		if (plan.writes[i].fate != CUT_LOST)
			apply(s, s->image, &log->entries[plan.writes[i].entry], &plan.writes[i]);
	cut_plan_free(&plan);
	if (under_way)
		next->flags = flags;
}

/* Does a flush or a forced write end or begin here? */
static bool is_edge(const struct blocklog *log, size_t at)
{
	const uint32_t forced = BLOCKLOG_FLUSH | BLOCKLOG_FUA;

	return (at && log->entries[at - 1].flags & forced) ||
	       (at < log->nr && log->entries[at].flags & forced);
}

/**
 * state_draw() - a moment to cut at
 * @log: the record
 * @from: not before this entry
 * @seed: of the choice
 *
 * Return: how many entries have happened.
 */
size_t state_draw(const struct blocklog *log, size_t from, uint64_t seed)
{
	struct prng prng = prng_stream(seed, 1);
	size_t at, edges = 0;

	for (at = from; at <= log->nr; at++)
		edges += is_edge(log, at);
	if (!edges || !prng_below(&prng, 4))
		return from + prng_below(&prng, log->nr - from + 1);
	edges = prng_below(&prng, edges);
	for (at = from; !is_edge(log, at) || edges; at++)
		edges -= is_edge(log, at);
	return at;
}
