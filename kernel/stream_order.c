// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams in the order of what a restart area copies forward next.
 *
 * There may be tens of thousands of streams with one record each, and the TM's mutex is held: to
 * look at all of them for each record that is copied would keep everybody waiting.
 * The oldest record of a stream only ever lies further on than before, as copies and new records
 * come behind all others; so a stream has to be looked at again only when it is the first.
 */
#include <linux/minmax.h>

#include "stream.h"

/**
 * ktm_sorder_init - nothing is to be copied yet
 * @o: to be filled in
 * @below: only records that lie before this LSN will be
 */
void ktm_sorder_init(struct ktm_sorder *o, u64 below)
{
	*o = (struct ktm_sorder){ .first = RB_ROOT_CACHED, .below = below, .unread = U64_MAX };
}

static bool lies_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ktm_stream, copy_node)->copy_place <
	       rb_entry(b, struct ktm_stream, copy_node)->copy_place;
}

/**
 * ktm_sorder_add - a stream may have records to be copied
 * @o: the order
 * @s: in the TM's list; the TM's mutex is held, and keeps it there
 */
void ktm_sorder_add(struct ktm_sorder *o, struct ktm_stream *s)
{
	u64 unread;

	lockdep_assert_held(&s->tm->lock);
	s->copy_place = ktm_stream_next_copy(s, &unread);
	o->unread = min(o->unread, unread);
	if (!s->stuck && s->copy_place < o->below)
		rb_add_cached(&s->copy_node, &o->first, lies_before);
}

static struct ktm_stream *first_of(const struct ktm_sorder *o)
{
	return rb_entry_safe(rb_first_cached(&o->first), struct ktm_stream, copy_node);
}

static bool moved(struct ktm_stream *s)
{
	u64 unread;

	return s->stuck || ktm_stream_next_copy(s, &unread) != s->copy_place;
}

/**
 * ktm_sorder_first - whose record lies first
 * @o: the order
 * @second: out: no record of another stream lies before this
 *
 * Return: the stream, its record is at ->copy_place; or NULL.
 */
struct ktm_stream *ktm_sorder_first(struct ktm_sorder *o, u64 *second)
{
	struct ktm_stream *s;
	struct rb_node *next;

	while ((s = first_of(o)) && moved(s)) {
		rb_erase_cached(&s->copy_node, &o->first);
		ktm_sorder_add(o, s);
	}
	next = s ? rb_next(&s->copy_node) : NULL;
	*second = next ? rb_entry(next, struct ktm_stream, copy_node)->copy_place : U64_MAX;
	return s;
}
