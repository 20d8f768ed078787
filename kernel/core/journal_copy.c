// SPDX-License-Identifier: GPL-2.0
/*
 * What is copied forward when.
 */
#include "journal_copy.h"

#define CHUNK_MAX	(64u << 10)

/* Seconds between two tries that count, and how many of them have to fail. */
#define PAUSE_MAX	10u
#define ENOUGH		3

static bool pressed(const struct ktm_jw *w)
{
	return ktm_jw_free(w) < w->sb.ring_bytes / 4;
}

/**
 * ktm_jc_init() - how far copying goes this time
 * @c: to be filled in
 * @w: the writer
 *
 * The older half of the ring; if little is free, the older half of what is used of it: with
 * much of the ring reserved the first may be nothing at all, however much of the log is dead.
 */
void ktm_jc_init(struct ktm_jc *c, const struct ktm_jw *w)
{
	const u64 ring = w->sb.ring_bytes;
	const u64 span = w->next_lsn - w->sb.tail_lsn;

	c->pressed = pressed(w);
	c->full = ktm_jw_free(w) < ring / 8;
	c->below = w->next_lsn - min(w->next_lsn, ring / 2);
	if (c->pressed)
		c->below = max(c->below, w->sb.tail_lsn + span / 2);
	/* A part of what a full log has left for copies, so that it gets to more than one. */
	c->chunk = min_t(u64, CHUNK_MAX, ring / 64);
}

/* Each stream is offered once more. */
void ktm_jc_round(struct ktm_jc *c, const struct ktm_jw *w)
{
	c->pressed = pressed(w);
	c->unread = U64_MAX;
	c->oldest = U64_MAX;
	c->second = U64_MAX;
}

/* Of a stream, where the oldest one lies that cannot be read; U64_MAX: there is none. */
void ktm_jc_offer_unread(struct ktm_jc *c, u64 place)
{
	c->unread = min(c->unread, place);
}

/**
 * ktm_jc_offer() - a stream has records
 * @c: in a round
 * @place: where the oldest one lies that can be copied, U64_MAX: it has none
 *
 * Return: it is the first so far.
 */
bool ktm_jc_offer(struct ktm_jc *c, u64 place)
{
	if (place >= c->oldest) {
		c->second = min(c->second, place);
		return false;
	}
	c->second = c->oldest;
	c->oldest = place;
	return true;
}

/**
 * ktm_jc_pick() - all streams were offered
 * @c: in a round
 * @until: out: copy what lies before this
 *
 * The log's oldest comes first, whoever's it is: so each copy lets the tail go on, also when
 * there is not room for all. Where one that cannot be read holds the tail in front of all others
 * their copies would gain nothing, and use up the room that its own will need.
 *
 * Return: false: nothing is left to be copied.
 */
bool ktm_jc_pick(const struct ktm_jc *c, u64 *until)
{
	*until = min(c->below, max(c->second, c->oldest + c->chunk));
	if (ktm_jc_held(c))
		return false;
	return c->oldest < c->below;
}

/* All were offered: do they wait behind one that cannot be read? */
bool ktm_jc_held(const struct ktm_jc *c)
{
	return c->pressed && c->unread < c->oldest;
}

/**
 * ktm_jc_pause() - when a try that has failed is worth another one
 * @lost_after: seconds after which a record is given up
 *
 * Return: seconds.
 */
u32 ktm_jc_pause(u32 lost_after)
{
	return min(lost_after / ENOUGH, PAUSE_MAX);
}

/* A record could not be read for the first time. */
void ktm_jc_failed(struct ktm_jc_unread *u, u32 now)
{
	u->since = now;
	u->last = 0;
	u->failed = 1;
}

/**
 * ktm_jc_counts() - would it count if a record could not be read once more?
 * @c: the plan
 * @u: what is known of it
 * @now: a clock, in seconds
 * @lost_after: as for ktm_jc_failed_again()
 *
 * Of many, those come first: where the device takes its time over each, there is none for
 * tries of which nothing comes.
 */
bool ktm_jc_counts(const struct ktm_jc *c, const struct ktm_jc_unread *u, u32 now, u32 lost_after)
{
	const u32 later = now - u->since;

	if (u->failed < ENOUGH)
		return later - u->last >= ktm_jc_pause(lost_after);
	return c->full && later >= lost_after;
}

/**
 * ktm_jc_failed_again() - a record could not be read once more
 * @c: the plan
 * @u: what is known of it
 * @now: a clock, in seconds
 * @lost_after: seconds for which that must have been so
 *
 * A device may hiccup twice, however far apart; and one moment counts once, however often somebody
 * asks in it. While others have room there is no need to decide.
 *
 * Return: it is to be given up.
 */
bool ktm_jc_failed_again(const struct ktm_jc *c, struct ktm_jc_unread *u, u32 now, u32 lost_after)
{
	const u32 later = now - u->since;

	if (!ktm_jc_counts(c, u, now, lost_after))
		return false;
	if (u->failed < ENOUGH) {
		u->last = later;
		u->failed++;
	}
	return c->full && u->failed == ENOUGH && later >= lost_after;
}
