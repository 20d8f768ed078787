// SPDX-License-Identifier: GPL-2.0
/*
 * Where the live records of a stream are: by name, and in the order of place.
 *
 * Whoever has an index keeps others from it; nothing here takes a lock.
 */
#include <linux/list_sort.h>
#include <linux/rbtree_augmented.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "stream.h"

static struct kmem_cache *sentry_cache;

int ktm_sindex_cache_init(void)
{
	sentry_cache = KMEM_CACHE(ktm_sentry, SLAB_ACCOUNT);
	return sentry_cache ? 0 : -ENOMEM;
}

void ktm_sindex_cache_exit(void)
{
	kmem_cache_destroy(sentry_cache);
}

struct ktm_sentry *ktm_sentry_alloc(gfp_t gfp)
{
	return kmem_cache_alloc(sentry_cache, gfp);
}

void ktm_sentry_free(struct ktm_sentry *e)
{
	if (e)
		kmem_cache_free(sentry_cache, e);
}

void ktm_sindex_init(struct ktm_sindex *ix)
{
	*ix = (struct ktm_sindex){ .by_lsn = RB_ROOT };
	INIT_LIST_HEAD(&ix->by_place);
	INIT_LIST_HEAD(&ix->unread);
}

static struct ktm_sentry *entry_or_null(struct rb_node *n)
{
	return rb_entry_safe(n, struct ktm_sentry, node);
}

static bool is_restart(const struct ktm_sentry *e)
{
	return e->flags & KTM_JREC_F_RESTART;
}

/* Is there a restart record at or below this node? */
static bool has_restart(struct rb_node *n)
{
	const struct ktm_sentry *e = entry_or_null(n);

	return e && e->restarts;
}

static inline bool compute_restarts(struct ktm_sentry *e, bool exit)
{
	bool now = is_restart(e) || has_restart(e->node.rb_left) ||
		   has_restart(e->node.rb_right);

	if (exit && e->restarts == now)
		return true;
	e->restarts = now;
	return false;
}

RB_DECLARE_CALLBACKS(static, keep_restarts, struct ktm_sentry, node, restarts, compute_restarts);

/* The padding to 8 is counted as data: the log's index does not know it apart. */
static u32 data_bytes(const struct ktm_sentry *e)
{
	return e->bytes - ktm_jrec_bytes(KTM_JREC_SREC, 0);
}

/**
 * ktm_sindex_add - one more record
 * @ix: the index
 * @e: the entry, filled in; the index's from now on
 *
 * It lies behind all others, or ktm_sindex_sort() follows.
 *
 * Return: false if there is one of that name; @e is the caller's still.
 */
bool ktm_sindex_add(struct ktm_sindex *ix, struct ktm_sentry *e)
{
	struct rb_node **at = &ix->by_lsn.rb_node, *parent = NULL;

	while (*at) {
		u64 lsn = rb_entry(*at, struct ktm_sentry, node)->lsn;

		if (lsn == e->lsn)
			return false;
		parent = *at;
		at = e->lsn < lsn ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&e->node, parent, at);
	e->restarts = is_restart(e);
	e->tried = 0;
	e->failed = (struct ktm_jc_unread){ };
	keep_restarts_propagate(parent, NULL);
	rb_insert_augmented(&e->node, &ix->by_lsn, &keep_restarts);
	INIT_LIST_HEAD(&e->link);
	if (e->flags & KTM_JREC_F_LOST)
		ix->lost++;
	else
		list_add_tail(&e->link, &ix->by_place);
	ix->records++;
	ix->bytes += data_bytes(e);
	ix->used += ktm_srec_cost(e->bytes);
	return true;
}

static void remove(struct ktm_sindex *ix, struct ktm_sentry *e)
{
	rb_erase_augmented(&e->node, &ix->by_lsn, &keep_restarts);
	list_del(&e->link);
	ix->records--;
	if (e->flags & KTM_JREC_F_LOST)
		ix->lost--;
	ix->bytes -= data_bytes(e);
	ix->used -= ktm_srec_cost(e->bytes);
	ktm_sentry_free(e);
}

/* It was written again, behind all others. */
void ktm_sindex_move(struct ktm_sindex *ix, struct ktm_sentry *e, u64 place)
{
	e->place = place;
	e->failed = (struct ktm_jc_unread){ };
	list_move_tail(&e->link, &ix->by_place);
}

/* It cannot be copied forward. */
void ktm_sindex_pass_over(struct ktm_sindex *ix, struct ktm_sentry *e)
{
	struct ktm_sentry *pos;

	list_for_each_entry_reverse(pos, &ix->unread, link)
		if (pos->place < e->place)
			break;
	list_move(&e->link, &pos->link);
}

/* Those in @list, in the order of place, could be read after all; but each stays where it is. */
void ktm_sindex_put_back(struct ktm_sindex *ix, struct list_head *list)
{
	struct list_head *pos = ix->by_place.next;
	struct ktm_sentry *e, *next;

	list_for_each_entry_safe(e, next, list, link) {
		while (pos != &ix->by_place &&
		       list_entry(pos, struct ktm_sentry, link)->place < e->place)
			pos = pos->next;
		list_move_tail(&e->link, pos);
	}
}

/* It cannot be read: from now on it is only a name, and holds no part of the log. */
void ktm_sindex_lose(struct ktm_sindex *ix, struct ktm_sentry *e)
{
	e->place = 0;
	e->flags |= KTM_JREC_F_LOST;
	list_del_init(&e->link);
	ix->lost++;
}

/* The first whose name is not below @lsn. */
static struct ktm_sentry *not_below(const struct ktm_sindex *ix, u64 lsn)
{
	struct rb_node *n = ix->by_lsn.rb_node;
	struct ktm_sentry *found = NULL;

	while (n) {
		struct ktm_sentry *e = rb_entry(n, struct ktm_sentry, node);

		if (e->lsn >= lsn) {
			found = e;
			n = n->rb_left;
		} else {
			n = n->rb_right;
		}
	}
	return found;
}

/* The one of that name, or NULL. */
struct ktm_sentry *ktm_sindex_find(const struct ktm_sindex *ix, u64 lsn)
{
	struct ktm_sentry *e = not_below(ix, lsn);

	return e && e->lsn == lsn ? e : NULL;
}

/* The first behind @lsn, or NULL. */
struct ktm_sentry *ktm_sindex_after(const struct ktm_sindex *ix, u64 lsn)
{
	return lsn == U64_MAX ? NULL : not_below(ix, lsn + 1);
}

/* The last before @lsn, U64_MAX: the last; or NULL. */
struct ktm_sentry *ktm_sindex_before(const struct ktm_sindex *ix, u64 lsn)
{
	struct ktm_sentry *e = not_below(ix, lsn);

	return entry_or_null(e ? rb_prev(&e->node) : rb_last(&ix->by_lsn));
}

/* The last restart record at or below a node where there is one. */
static struct ktm_sentry *last_restart(struct rb_node *n)
{
	for (;;) {
		if (has_restart(n->rb_right))
			n = n->rb_right;
		else if (is_restart(rb_entry(n, struct ktm_sentry, node)))
			return rb_entry(n, struct ktm_sentry, node);
		else
			n = n->rb_left;
	}
}

/*
 * The last restart record before @lsn, U64_MAX: the last; or NULL. Whoever may read asks for it
 * as often as he likes, with the stream's lock held, so it costs no walk from record to record.
 */
struct ktm_sentry *ktm_sindex_restart_before(const struct ktm_sindex *ix, u64 lsn)
{
	struct rb_node *n = ix->by_lsn.rb_node;
	struct ktm_sentry *found = NULL;

	while (n) {
		struct ktm_sentry *e = rb_entry(n, struct ktm_sentry, node);

		if (e->lsn >= lsn) {
			n = n->rb_left;
			continue;
		}
		if (is_restart(e) || has_restart(n->rb_left))
			found = e;
		n = n->rb_right;
	}
	if (!found || is_restart(found))
		return found;
	return last_restart(found->node.rb_left);
}

static struct ktm_sentry *first_of(const struct list_head *list)
{
	return list_empty(list) ? NULL : list_first_entry(list, struct ktm_sentry, link);
}

/* The one that lies first in the log, or NULL. */
struct ktm_sentry *ktm_sindex_oldest(const struct ktm_sindex *ix)
{
	struct ktm_sentry *e = first_of(&ix->by_place);
	struct ktm_sentry *u = first_of(&ix->unread);

	if (!e || !u)
		return e ? e : u;
	return u->place < e->place ? u : e;
}

/* Those with a name below @lsn go. May sleep. */
void ktm_sindex_cut_below(struct ktm_sindex *ix, u64 lsn)
{
	struct ktm_sentry *e;

	if (ix->picture)
		ktm_jpic_cut_below(ix->picture, lsn);
	while ((e = entry_or_null(rb_first(&ix->by_lsn))) && e->lsn < lsn) {
		remove(ix, e);
		cond_resched();
	}
}

/* Those with a name above @lsn go. May sleep. */
void ktm_sindex_cut_above(struct ktm_sindex *ix, u64 lsn)
{
	struct ktm_sentry *e;

	if (ix->picture)
		ktm_jpic_cut_above(ix->picture, lsn);
	while ((e = entry_or_null(rb_last(&ix->by_lsn))) && e->lsn > lsn) {
		remove(ix, e);
		cond_resched();
	}
}

/* All go. Does not sleep, so it may be long. */
void ktm_sindex_clear(struct ktm_sindex *ix)
{
	struct ktm_sentry *e, *next;

	rbtree_postorder_for_each_entry_safe(e, next, &ix->by_lsn, node)
		ktm_sentry_free(e);
	ktm_sindex_init(ix);
}

static int place_order(void *priv, const struct list_head *a, const struct list_head *b)
{
	const struct ktm_sentry *x = list_entry(a, struct ktm_sentry, link);
	const struct ktm_sentry *y = list_entry(b, struct ktm_sentry, link);

	return x->place > y->place;
}

/* After entries were added in another order than that of their places. */
void ktm_sindex_sort(struct ktm_sindex *ix)
{
	list_sort(NULL, &ix->by_place, place_order);
}

static void swap_lists(struct list_head *a, struct list_head *b)
{
	LIST_HEAD(list);

	list_splice_init(a, &list);
	list_splice_init(b, a);
	list_splice(&list, b);
}

/* Each gets what the other has. */
void ktm_sindex_swap(struct ktm_sindex *a, struct ktm_sindex *b)
{
	swap_lists(&a->by_place, &b->by_place);
	swap_lists(&a->unread, &b->unread);
	swap(a->by_lsn, b->by_lsn);
	swap(a->lost, b->lost);
	swap(a->records, b->records);
	swap(a->bytes, b->bytes);
	swap(a->used, b->used);
}

/**
 * ktm_sindex_slice - go on with the picture for a restart area
 * @ix: the index
 * @most: so many entries, for whoever else wants the index has to wait meanwhile
 *
 * Return: that were the last ones: the picture is the index as it is now.
 */
bool ktm_sindex_slice(struct ktm_sindex *ix, u32 most)
{
	struct ktm_sentry *e = ktm_sindex_after(ix, ktm_jpic_last(ix->picture));

	for (; e && most; most--) {
		const struct ktm_jsent at = ktm_stream_sent(e);

		if (!ktm_jpic_add(ix->picture, &at))
			break;
		e = entry_or_null(rb_next(&e->node));
	}
	return !e;
}
