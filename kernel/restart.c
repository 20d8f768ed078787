// SPDX-License-Identifier: GPL-2.0
/*
 * What lives of a TM, for a restart area while it runs.
 *
 * Each object is written down as it is at one instant, under its own lock, with the
 * end of its last record; recovery skips what the area already knows of it. What the log
 * learns after the restart point it finds in the log again, whether or not it was visited.
 * The TM's mutex keeps RMs and streams from coming and going, and openings away.
 */
#include <linux/mutex.h>

#include "core/journal_copy.h"
#include "ktm.h"
#include "restart.h"
#include "rm.h"
#include "stream.h"
#include "tm.h"
#include "transaction.h"

/* More than all but the largest transactions have to say. */
#define TX_ROOM		KTM_JF_AREA_ROOM

struct walk {
	struct ktm_tm *tm;
	struct ktm_jsnap *snap;
	struct ktm_guid holder;
	int err;
};

static int add_clock(struct walk *w)
{
	const struct ktm_jrec rec = {
		.type = KTM_JREC_CLOCK,
		.clock.clock = ktm_tm_clock(w->tm),
	};

	return ktm_jsnap_add(w->snap, &rec);
}

static int add_rms(struct walk *w)
{
	struct ktm_tm *tm = w->tm;
	struct ktm_jrec rec;
	struct ktm_rm *rm;
	int err = 0;

	lockdep_assert_held(&tm->lock);
	spin_lock(&tm->list_lock);
	list_for_each_entry(rm, &tm->rms, tm_link) {
		if (!ktm_rm_durable(rm))
			continue;
		/* Durable ones stay in the list, so the walk can go on from it. */
		spin_unlock(&tm->list_lock);
		ktm_rm_to_record(rm, &rec);
		err = ktm_jsnap_add(w->snap, &rec);
		spin_lock(&tm->list_lock);
		if (err)
			break;
	}
	spin_unlock(&tm->list_lock);
	return err;
}

static void order_streams(struct ktm_tm *tm, struct ktm_sorder *o)
{
	struct ktm_stream *s;

	for (s = ktm_tm_next_stream(tm, NULL); s; s = ktm_tm_next_stream(tm, s))
		ktm_sorder_add(o, s);
}

/*
 * The one to be copied from next; *@until: what lies before this. Of all those that are to be
 * offered the first two in the order are enough.
 */
static struct ktm_stream *oldest_stream(struct ktm_tm *tm, struct ktm_sorder *o, struct ktm_jc *c,
					u64 *until)
{
	struct ktm_stream *s;
	u64 second;

	ktm_journal_copy_round(tm->journal, c);
	s = ktm_sorder_first(o, &second);
	ktm_jc_offer_unread(c, o->unread);
	if (s) {
		ktm_jc_offer(c, s->copy_place);
		ktm_jc_offer(c, second);
	}
	return ktm_jc_pick(c, until) ? s : NULL;
}

/* @err: of copying @s. Return: 0 if others may be copied all the same. */
static int look_after(struct ktm_stream *s, int err)
{
	if (err != -ENOMEM)
		return err;
	/* Who is refused next may ask for another restart area at once. */
	ktm_journal_freed(s->tm->journal);
	s->stuck = true;
	return 0;
}

static bool any_unread(struct ktm_tm *tm)
{
	u64 unread, oldest = U64_MAX;
	struct ktm_stream *s;

	for (s = ktm_tm_next_stream(tm, NULL); s; s = ktm_tm_next_stream(tm, s)) {
		ktm_stream_next_copy(s, &unread);
		oldest = min(oldest, unread);
	}
	return oldest != U64_MAX;
}

/*
 * In a full log nobody may be left who could ask for a restart area, be it that he was refused,
 * be it that he does not wait; so what could not be read has its own clock. The work
 * asks for the next one and touches nothing else, and that one sets it again while it has to.
 */
static void retry_later(struct walk *w, bool pressed, bool tired)
{
	const bool any = any_unread(w->tm);

	ktm_journal_unread(w->tm->journal, any);
	if ((any || tired) && pressed)
		mod_delayed_work(ktm_slow_wq, &w->tm->retry,
				 tired ? HZ : ktm_stream_retry_after() * HZ);
	else
		cancel_delayed_work(&w->tm->retry);
}

/* Where the first record of all lies. Return: there are some that could not be read. */
static bool look_for_unread(struct ktm_tm *tm, struct ktm_scopy *sc)
{
	struct ktm_stream *s;
	u64 unread, place;
	bool any = false;

	for (s = ktm_tm_next_stream(tm, NULL); s; s = ktm_tm_next_stream(tm, s)) {
		s->stuck = false;
		place = ktm_stream_next_copy(s, &unread);
		sc->front = min3(sc->front, place, unread);
		any |= unread < sc->plan.below;
	}
	return any;
}

static int copy_unread(struct ktm_tm *tm, bool counts, struct ktm_scopy *sc)
{
	struct ktm_stream *s;
	int err;

	for (s = ktm_tm_next_stream(tm, NULL); s; s = ktm_tm_next_stream(tm, s)) {
		err = look_after(s, ktm_stream_copy_unread(s, counts, sc));
		if (err || ktm_scopy_tired(sc)) {
			ktm_object_put(&s->obj);
			return err;
		}
	}
	return 0;
}

static int try_reading(struct ktm_tm *tm, struct ktm_scopy *sc)
{
	struct ktm_stream *s;
	int err;

	for (s = ktm_tm_next_stream(tm, NULL); s; s = ktm_tm_next_stream(tm, s)) {
		err = look_after(s, ktm_stream_try_reading(s, sc));
		if (err || ktm_scopy_tired(sc)) {
			ktm_object_put(&s->obj);
			return err;
		}
	}
	return 0;
}

static int copy_forward(struct ktm_tm *tm, struct ktm_scopy *sc)
{
	struct ktm_sorder order;
	struct ktm_stream *s;
	int err = 0;
	u64 until;

	ktm_sorder_init(&order, sc->plan.below);
	order_streams(tm, &order);
	while (!err && !ktm_scopy_tired(sc)) {
		s = oldest_stream(tm, &order, &sc->plan, &until);
		if (!s)
			return ktm_jc_held(&sc->plan) ? try_reading(tm, sc) : 0;
		err = look_after(s, ktm_stream_copy_forward(s, until, sc));
	}
	return err;
}

/*
 * Records that live, but lie in the older part of the ring, are written once more: else
 * they would keep what is dead around them. What cannot be read, or not now, stays where
 * it is.
 */
static int copy_streams(struct walk *w)
{
	struct ktm_tm *tm = w->tm;
	struct ktm_scopy sc;
	bool tired;
	int err = 0;

	ktm_scopy_init(&sc, tm);
	if (look_for_unread(tm, &sc)) {
		err = copy_unread(tm, true, &sc);
		if (!err && !ktm_scopy_tired(&sc))
			err = copy_unread(tm, false, &sc);
	}
	/* What others have can be read all the same. */
	tired = ktm_scopy_tired(&sc);
	sc.vain_ns = 0;
	if (!err)
		err = copy_forward(tm, &sc);
	retry_later(w, sc.plan.pressed, tired || ktm_scopy_tired(&sc));
	ktm_scopy_end(&sc, tm);
	return err == -ENOSPC ? 0 : err;
}

static int add_record(void *ctx, const struct ktm_jrec *rec)
{
	return ktm_jsnap_add(ctx, rec);
}

static int add_streams(struct walk *w)
{
	struct ktm_tm *tm = w->tm;
	u64 place, oldest = U64_MAX;
	struct ktm_stream *s;
	int err = 0;

	for (s = ktm_tm_next_stream(tm, NULL); s; s = ktm_tm_next_stream(tm, s)) {
		place = ktm_stream_oldest_place(s);
		if (place < oldest) {
			oldest = place;
			w->holder = s->obj.guid;
		}
		err = err ? err : ktm_stream_snapshot(s, add_record, w->snap);
	}
	return err;
}

static void add_tx(struct ktm_transaction *tx, void *ctx)
{
	struct walk *w = ctx;

	if (!w->err)
		w->err = ktm_jsnap_make_room(w->snap, TX_ROOM);
	if (w->err)
		return;
	mutex_lock(&tx->lock);
	if (tx->tm == w->tm)
		w->err = ktm_tx_snapshot(tx, w->snap);
	mutex_unlock(&tx->lock);
}

static int walk(void *ctx, struct ktm_jsnap *snap)
{
	struct walk *w = ctx;

	w->snap = snap;
	w->err = copy_streams(w);
	if (!w->err)
		w->err = add_clock(w);
	if (!w->err)
		w->err = add_rms(w);
	if (!w->err)
		w->err = add_streams(w);
	if (!w->err)
		ktm_tm_for_each_transaction(w->tm, add_tx, w);
	return w->err;
}

/**
 * ktm_restart_run - write a restart area, so that the log's oldest part can be used again
 * @tm: the TM, its mutex held
 *
 * Return: 0 or a negative errno, see ktm_journal_restart().
 */
int ktm_restart_run(struct ktm_tm *tm)
{
	struct walk w = { .tm = tm };
	int err;

	lockdep_assert_held(&tm->lock);
	if (!ktm_tm_online(tm))
		return -EIO;
	err = ktm_journal_restart(tm->journal, walk, &w);
	if (err)
		return err;
	spin_lock(&tm->list_lock);
	tm->holder = w.holder;
	spin_unlock(&tm->list_lock);
	return 0;
}

/**
 * ktm_restart_work - the log asks for a restart area
 * @work: restart of the TM
 */
void ktm_restart_work(struct work_struct *work)
{
	struct ktm_tm *tm = container_of(work, struct ktm_tm, restart);

	if (!ktm_tm_hold_for_work(tm))
		return;
	mutex_lock(&tm->lock);
	ktm_restart_run(tm);
	mutex_unlock(&tm->lock);
	ktm_tm_release_by_work(tm);
}

/**
 * ktm_restart_retry_work - what could not be copied forward is worth another restart area
 * @work: retry of the TM
 */
void ktm_restart_retry_work(struct work_struct *work)
{
	ktm_tm_restart_due(container_of(to_delayed_work(work), struct ktm_tm, retry));
}
