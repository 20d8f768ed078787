// SPDX-License-Identifier: GPL-2.0
/*
 * What is copied forward when.
 */
#include "journal_copy.h"

#define CHUNK_MAX	(64u << 10)

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
	if (c->pressed && c->unread < c->oldest)
		return false;
	return c->oldest < c->below;
}
