// SPDX-License-Identifier: GPL-2.0
/*
 * The choice of what a power cut loses.
 *
 * A disk owes the host exactly this: every write that was complete before a
 * flush that is itself complete. Of the rest, each sector (what the disk keeps
 * or loses as one: its physical block) may hold what it held before or what any
 * of the writes since has put there, so an earlier write may even survive a
 * later one to the same place.
 *
 * A write with FUA is durable once complete, and nothing else is through it.
 * QEMU records no such write (it turns FUA into write and flush); logs that
 * dm-log-writes made inside a guest do hold them.
 *
 * If every write were kept or lost by the toss of one coin, the states that
 * break software most often (only the last write survived, a hole in front of
 * good data, everything but one write) would almost never come up among
 * hundreds of writes. So a cut first draws a mood and then its fates by it.
 */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum mood { EVEN, MOST_KEPT, MOST_LOST, EARLY_KEPT, LATE_KEPT, GAP, NR_MOODS };

static const char *const mood_names[NR_MOODS] = {
	[EVEN] = "one third each",
	[MOST_KEPT] = "most kept",
	[MOST_LOST] = "most lost",
	[EARLY_KEPT] = "early ones kept",
	[LATE_KEPT] = "late ones kept",
	[GAP] = "a gap in the middle",
};

/* Of 100: so many kept, so many lost, the rest torn. */
static enum cut_fate toss(struct prng *prng, unsigned int kept, unsigned int lost)
{
	uint64_t draw = prng_below(prng, 100);

	if (draw < kept)
		return CUT_KEPT;
	return draw < kept + lost ? CUT_LOST : CUT_TORN;
}

/* @i is the write's place among the @nr; @from and @to are drawn per cut. */
static enum cut_fate draw_fate(struct prng *prng, enum mood mood, size_t i, size_t from, size_t to)
{
	switch (mood) {
	case MOST_KEPT:
		return toss(prng, 80, 10);
	case MOST_LOST:
		return toss(prng, 10, 80);
	case EARLY_KEPT:
		if (i == from)
			return toss(prng, 33, 33);
		return i < from ? CUT_KEPT : CUT_LOST;
	case LATE_KEPT:
		if (i == from)
			return toss(prng, 33, 33);
		return i < from ? CUT_LOST : CUT_KEPT;
	case GAP:
		if (i == from || i == to)
			return toss(prng, 33, 33);
		return i > from && i < to ? CUT_LOST : CUT_KEPT;
	default:
		return toss(prng, 34, 33);
	}
}

/*
 * Chooses which pieces of a torn write survive: half the time a part from
 * the front, else any of them; never none and never all.
 */
static int tear(struct cut_write *w, const struct blocklog_entry *e, uint32_t piece,
		struct prng *prng)
{
	size_t pieces = (e->offset + e->length - 1) / piece - e->offset / piece + 1, i, kept = 0;

	/* One piece does not tear, and a discard has nothing to tear. */
	if (pieces == 1 || (e->flags & BLOCKLOG_DISCARD)) {
		w->fate = prng_below(prng, 2) ? CUT_KEPT : CUT_LOST;
		return 0;
	}
	w->keep = calloc(1, (pieces + 7) / 8);
	if (!w->keep) {
		fprintf(stderr, "ktm-cut: out of memory\n");
		return -1;
	}
	if (prng_below(prng, 2)) {
		kept = 1 + prng_below(prng, pieces - 1);
		for (i = 0; i < kept; i++)
			w->keep[i / 8] |= 1u << (i % 8);
		return 0;
	}
	for (i = 0; i < pieces; i++) {
		if (prng_below(prng, 2)) {
			w->keep[i / 8] |= 1u << (i % 8);
			kept++;
		}
	}
	i = prng_below(prng, pieces);
	if (!kept)
		w->keep[i / 8] |= 1u << (i % 8);
	else if (kept == pieces)
		w->keep[i / 8] &= ~(1u << (i % 8));
	return 0;
}

/* Fisher and Yates' shuffle of [@from, @to). */
static void shuffle(struct cut_plan *plan, size_t from, size_t to, struct prng *prng)
{
	while (to - from > 1) {
		size_t pick = from + prng_below(prng, to - from);
		struct cut_write tmp = plan->writes[--to];

		plan->writes[to] = plan->writes[pick];
		plan->writes[pick] = tmp;
	}
}

/*
 * A durable write is never undone by an older one, so the shuffle goes on
 * between two writes with FUA and not across them.
 */
static void shuffle_runs(struct cut_plan *plan, const struct blocklog *log, struct prng *prng)
{
	size_t from = 0, i;

	for (i = 0; i < plan->nr; i++) {
		if (!(log->entries[plan->writes[i].entry].flags & BLOCKLOG_FUA))
			continue;
		shuffle(plan, from, i, prng);
		from = i + 1;
	}
	shuffle(plan, from, plan->nr, prng);
	plan->shuffled = true;
}

static int draw_all(struct cut_plan *plan, const struct blocklog *log, enum cut_policy policy,
		    struct prng *prng)
{
	enum mood mood = prng_below(prng, NR_MOODS);
	size_t from, to, i;

	from = prng_below(prng, plan->nr);
	to = from + prng_below(prng, plan->nr - from);
	plan->mood = policy == CUT_RANDOM ? mood_names[mood] :
		     policy == CUT_KEEP_ALL ? "all kept" : "all lost";
	for (i = 0; i < plan->nr; i++) {
		struct cut_write *w = &plan->writes[i];
		const struct blocklog_entry *e = &log->entries[w->entry];

		if (e->flags & BLOCKLOG_FUA)
			w->fate = CUT_KEPT;
		else if (policy != CUT_RANDOM)
			w->fate = policy == CUT_KEEP_ALL ? CUT_KEPT : CUT_LOST;
		else
			w->fate = draw_fate(prng, mood, i, from, to);
		if (w->fate == CUT_TORN && tear(w, e, plan->piece, prng))
			return -1;
		plan->count[w->fate]++;
	}
	if (policy == CUT_RANDOM && prng_below(prng, 2))
		shuffle_runs(plan, log, prng);
	return 0;
}

/**
 * cut_plan_make() - decide what a disk holds after the power went
 * @plan: filled; cut_plan_free() gives it back, also after a failure
 * @log: what was recorded
 * @nr_entries: the power goes after this many entries
 * @policy: how to choose
 * @piece: how many bytes the disk keeps or loses as one, a power of two
 * @prng: where the choices come from
 *
 * Return: 0, or -1 after a message on standard error.
 */
int cut_plan_make(struct cut_plan *plan, const struct blocklog *log, size_t nr_entries,
		  enum cut_policy policy, uint32_t piece, struct prng prng)
{
	size_t i;

	memset(plan, 0, sizeof(*plan));
	plan->piece = piece;
	plan->durable = blocklog_last_flush(log, nr_entries);
	plan->mood = "nothing unflushed";
	if (plan->durable == nr_entries)
		return 0;
	plan->writes = calloc(nr_entries - plan->durable, sizeof(*plan->writes));
	if (!plan->writes) {
		fprintf(stderr, "ktm-cut: out of memory\n");
		return -1;
	}
	for (i = plan->durable; i < nr_entries; i++)
		if (blocklog_modifies(&log->entries[i]))
			plan->writes[plan->nr++].entry = i;
	return plan->nr ? draw_all(plan, log, policy, &prng) : 0;
}

/**
 * cut_plan_free() - give back what cut_plan_make() took
 * @plan: the plan
 */
void cut_plan_free(struct cut_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->nr; i++)
		free(plan->writes[i].keep);
	free(plan->writes);
	memset(plan, 0, sizeof(*plan));
}
