// SPDX-License-Identifier: GPL-2.0
/*
 * A stream's index, for a restart area, see journal_picture.h.
 */
#include "journal_picture.h"

/**
 * ktm_jpic_add() - the next entry
 * @p: the picture
 * @e: of a name behind ktm_jpic_last()
 *
 * Return: false: there is no room for it.
 */
bool ktm_jpic_add(struct ktm_jpic *p, const struct ktm_jsent *e)
{
	if (ktm_jpic_full(p))
		return false;
	p->at[p->end++] = *e;
	return true;
}

bool ktm_jpic_full(const struct ktm_jpic *p)
{
	return p->end == p->room;
}

/**
 * ktm_jpic_enlarge() - there is more room now
 * @p: the picture; it was full, and nothing was added since
 * @at: @p->at, copied then
 * @room: how many entries @at is large enough for
 *
 * What has gone since then is no more in the picture, whatever the copy says.
 *
 * Return: what @p->at was.
 */
struct ktm_jsent *ktm_jpic_enlarge(struct ktm_jpic *p, struct ktm_jsent *at, u64 room)
{
	struct ktm_jsent *old = p->at;

	p->at = at;
	p->room = room;
	return old;
}

/* The name behind which it goes on; 0: at the first one. */
u64 ktm_jpic_last(const struct ktm_jpic *p)
{
	return p->first < p->end ? p->at[p->end - 1].lsn : 0;
}

/* Those with a name below @lsn go. */
void ktm_jpic_cut_below(struct ktm_jpic *p, u64 lsn)
{
	while (p->first < p->end && p->at[p->first].lsn < lsn)
		p->first++;
}

/* Those with a name above @lsn go. */
void ktm_jpic_cut_above(struct ktm_jpic *p, u64 lsn)
{
	while (p->first < p->end && p->at[p->end - 1].lsn > lsn)
		p->end--;
}
