// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: copying live records forward, out of the way of the log's tail.
 *
 * What cannot be read cannot be copied. It is passed over, so that it stops neither the others nor
 * what stands behind it, and tried again by each restart area. Until then it holds the
 * tail; so one that could not be read for long is given up where no room is left. It stays in
 * the index, as lost: whoever reads it is told, and whether he can do without it is his to say.
 *
 * One restart area at a time calls these; not while the TM is reopened.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "stream.h"

/* A device may be away for a while and come back with all that it had. */
static unsigned int lost_after = 30;
module_param(lost_after, uint, 0644);
MODULE_PARM_DESC(lost_after,
		 "seconds after which a stream's record that cannot be read is given up");

/*
 * A disk may take many seconds to find that it cannot read a block, and who writes a restart area
 * keeps the TM's mutex.
 */
#define VAIN_MAX	NSEC_PER_SEC

/**
 * ktm_scopy_init - a restart area begins to copy forward
 * @sc: to be filled in
 * @tm: its TM, whose mutex is held until ktm_scopy_end()
 */
void ktm_scopy_init(struct ktm_scopy *sc, struct ktm_tm *tm)
{
	*sc = (struct ktm_scopy){ };
	ktm_journal_copy_plan(tm->journal, &sc->plan);
	ktm_sahead_init(&sc->ahead, ktm_journal_block(tm->journal), tm->read_alone);
}

/**
 * ktm_scopy_end - it has copied what it could
 * @sc: what is copied
 * @tm: the TM
 */
void ktm_scopy_end(struct ktm_scopy *sc, struct ktm_tm *tm)
{
	tm->read_alone = sc->ahead.alone;
	ktm_sahead_end(&sc->ahead);
	spin_lock(&tm->list_lock);
	tm->copied += sc->copied;
	spin_unlock(&tm->list_lock);
}

/**
 * ktm_scopy_tired - has enough time gone into reads that failed?
 * @sc: what is copied
 *
 * Then the rest is left to the next restart area.
 */
bool ktm_scopy_tired(const struct ktm_scopy *sc)
{
	return sc->vain_ns >= VAIN_MAX;
}

/* Who needs all of the blocks that could not be read just now need not try. */
static int load_alone(struct ktm_stream *s, const struct ktm_jsent *at, struct ktm_scopy *sc,
		      void *buf, struct ktm_jrec *rec)
{
	const u32 block = sc->ahead.block;
	const u64 from = at->place - core_mod64(at->place, block);
	const u64 end = from + ALIGN(at->place - from + at->bytes, (u64)block);
	u64 began;
	int err;

	if (sc->bad_end && from <= sc->bad && sc->bad_end <= end)
		return sc->bad_err;
	began = ktime_get_ns();
	err = ktm_stream_load(s, at, buf, rec);
	if (!err || err == -EUCLEAN || err == -ENOMEM || err == -ENOTCONN)
		return err;
	sc->vain_ns += ktime_get_ns() - began;
	sc->bad = from;
	sc->bad_end = end;
	sc->bad_err = err;
	sc->ahead.alone = max(sc->ahead.alone, end);
	return err;
}

/*
 * Where a piece cannot be read, each record in it is read by itself: now, unless the device takes
 * long to say so. A region that fails at once is passed over at once, however large it is.
 *
 * Return: 1: it was not tried by itself; or as ktm_stream_load().
 */
static int load(struct ktm_stream *s, const struct ktm_jsent *at, struct ktm_scopy *sc, void *buf,
		struct ktm_jrec *rec)
{
	const u64 began = ktime_get_ns();
	const u8 *data;

	if (ktm_sahead_get(&sc->ahead, s->tm->journal, at, &data)) {
		sc->vain_ns += ktime_get_ns() - began;
		if (ktm_scopy_tired(sc))
			return 1;
	}
	if (data && !ktm_stream_decode(s, at, data, rec))
		return 0;
	return load_alone(s, at, sc, buf, rec);
}

static void passed_over(struct ktm_stream *s, struct ktm_sentry *e, int err)
{
	ktm_jc_failed(&e->failed, ktime_get_seconds());
	list_move_tail(&e->link, &s->index.unread);
	pr_warn_ratelimited("ktm: record %llu of stream %pUb cannot be read: error %d\n", e->lsn,
			    &s->obj.guid, err);
}

static void tried_again(struct ktm_stream *s, struct ktm_sentry *e, const struct ktm_jc *plan)
{
	if (!ktm_jc_failed_again(plan, &e->failed, ktime_get_seconds(), READ_ONCE(lost_after)))
		return;
	ktm_sindex_lose(&s->index, e);
	ktm_journal_unread_gone(s->tm->journal);
	pr_warn_ratelimited("ktm: record %llu of stream %pUb is lost: it could not be read, and held up the log\n",
			    e->lsn, &s->obj.guid);
}

static int not_read(struct ktm_stream *s, struct ktm_sentry *e, int err, bool again,
		    const struct ktm_jc *plan)
{
	/* What has not been written for that reason will be gone when the log is opened again. */
	if (!ktm_journal_online(s->tm->journal))
		return -EIO;
	if (again)
		tried_again(s, e, plan);
	else
		passed_over(s, e, err);
	return 0;
}

/* @again: it has held up others until now. */
static int write_copy(struct ktm_stream *s, struct ktm_sentry *e, struct ktm_jrec *rec, bool again,
		      struct ktm_scopy *sc)
{
	u64 lsn, place;
	int err;

	rec->flags |= KTM_JREC_F_COPY;
	err = ktm_journal_append_stream(s->tm->journal, rec, 0, false, &lsn, &place);
	if (err)
		return err;
	s->known = lsn;
	ktm_sindex_move(&s->index, e, place);
	sc->copied++;
	if (again)
		ktm_journal_unread_gone(s->tm->journal);
	return 0;
}

/*
 * Writes one again under its old name, if it could be read. Garbage is all right of one
 * that has moved or gone since: that needs no copy.
 *
 * Return: 0: it is out of the way, or was passed over; else nothing else can be copied now.
 */
static int copy_one(struct ktm_stream *s, const struct ktm_jsent *at, u64 opening, void *buf,
		    bool again, struct ktm_scopy *sc)
{
	struct ktm_sentry *e;
	struct ktm_jrec rec;
	int err;

	err = again ? load_alone(s, at, sc, buf, &rec) : load(s, at, sc, buf, &rec);
	if (err > 0)
		return 0;
	mutex_lock(&s->lock);
	e = ktm_stream_still(s, at, opening);
	if (!e)
		err = 0;
	else if (!err)
		err = write_copy(s, e, &rec, again, sc);
	else if (err == -ENOTCONN)
		err = -EIO;
	else if (err != -ENOMEM)
		err = not_read(s, e, err, again, &sc->plan);
	mutex_unlock(&s->lock);
	return err;
}

/* The first of @list, if it lies before @below. */
static bool first_of(struct ktm_stream *s, struct list_head *list, u64 below,
		     struct ktm_jsent *at, u64 *opening)
{
	const struct ktm_sentry *e;

	mutex_lock(&s->lock);
	*opening = s->opening;
	e = list_first_entry_or_null(list, struct ktm_sentry, link);
	if (e)
		*at = ktm_stream_sent(e);
	mutex_unlock(&s->lock);
	return e && at->place < below;
}

/**
 * ktm_stream_copy_forward - copy live records out of the way of the log's tail
 * @s: the stream
 * @below: those that lie before this LSN
 * @sc: what is copied
 *
 * Oldest first. A record that dies meanwhile is left alone.
 *
 * Return: 0: all, but for those that cannot be read, or ktm_scopy_tired(); -ENOSPC: there is no
 * more room for copies; -ENOMEM; -EIO: the journal is offline.
 */
int ktm_stream_copy_forward(struct ktm_stream *s, u64 below, struct ktm_scopy *sc)
{
	void *buf = kvmalloc(KTM_JF_REC_MAX, GFP_KERNEL_ACCOUNT);
	struct ktm_jsent at;
	u64 opening;
	int err = 0;

	if (!buf)
		return -ENOMEM;
	while (!err && !ktm_scopy_tired(sc) &&
	       first_of(s, &s->index.by_place, below, &at, &opening)) {
		err = copy_one(s, &at, opening, buf, false, sc);
		cond_resched();
	}
	kvfree(buf);
	return err;
}

/* What was not read this time either makes way for the next one. */
static void keep(struct ktm_stream *s, const struct ktm_jsent *at, struct list_head *kept)
{
	struct ktm_sentry *e;

	mutex_lock(&s->lock);
	e = ktm_sindex_find(&s->index, at->lsn);
	if (e && e->place == at->place)
		list_move_tail(&e->link, kept);
	mutex_unlock(&s->lock);
}

/**
 * ktm_stream_copy_unread - try again what could not be copied forward before
 * @s: the stream
 * @sc: what is copied
 *
 * Return: as ktm_stream_copy_forward().
 */
int ktm_stream_copy_unread(struct ktm_stream *s, struct ktm_scopy *sc)
{
	const u64 below = sc->plan.below;
	struct ktm_jsent at;
	LIST_HEAD(kept);
	u64 opening;
	void *buf;
	int err = 0;

	if (!first_of(s, &s->index.unread, below, &at, &opening))
		return 0;
	buf = kvmalloc(KTM_JF_REC_MAX, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	while (!err && !ktm_scopy_tired(sc) &&
	       first_of(s, &s->index.unread, below, &at, &opening)) {
		err = copy_one(s, &at, opening, buf, true, sc);
		if (!err)
			keep(s, &at, &kept);
		cond_resched();
	}
	mutex_lock(&s->lock);
	list_splice(&kept, &s->index.unread);
	mutex_unlock(&s->lock);
	kvfree(buf);
	return err;
}

static u64 place_of_first(struct list_head *list)
{
	const struct ktm_sentry *e = list_first_entry_or_null(list, struct ktm_sentry, link);

	return e ? e->place : U64_MAX;
}

/**
 * ktm_stream_next_copy - where the first record lies that copying forward has not passed over
 * @s: the stream
 * @unread: out: the same of those that it has
 *
 * Return: LSN of its first byte, or U64_MAX if there is none.
 */
u64 ktm_stream_next_copy(struct ktm_stream *s, u64 *unread)
{
	u64 place;

	mutex_lock(&s->lock);
	place = place_of_first(&s->index.by_place);
	*unread = place_of_first(&s->index.unread);
	mutex_unlock(&s->lock);
	return place;
}

/**
 * ktm_stream_retry_after - when what could not be read is to be tried again, though nobody asks
 *
 * Return: seconds, not 0.
 */
unsigned int ktm_stream_retry_after(void)
{
	return max(ktm_jc_pause(READ_ONCE(lost_after)), 1U);
}
