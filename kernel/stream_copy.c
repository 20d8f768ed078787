// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: copying live records forward, out of the way of the log's tail.
 *
 * What cannot be read cannot be copied. It is passed over, so that it stops neither the others nor
 * what stands behind it, and tried again by each restart area. Until then it holds the
 * tail; so one that could not be read for long is given up where no room is left. It stays in
 * the index, as lost: whoever reads it is told, and whether he can do without it is his to say.
 *
 * Where it holds the tail and little room is left, nothing behind it is copied; but all that
 * would be is read, so that the time of each that cannot be runs from then on, and they are not
 * given up one after the other.
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
	*sc = (struct ktm_scopy){ .front = U64_MAX, .area = ++tm->areas };
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
	ktm_sindex_pass_over(&s->index, e);
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

/*
 * enum purpose - why a record is read
 * @COPY: to be copied
 * @COPY_AGAIN: to be copied, it could not be read before
 * @TRY: to know whether it can be
 */
enum purpose { COPY, COPY_AGAIN, TRY };

static int not_read(struct ktm_stream *s, struct ktm_sentry *e, int err, enum purpose why,
		    const struct ktm_jc *plan)
{
	/* What has not been written for that reason will be gone when the log is opened again. */
	if (!ktm_journal_online(s->tm->journal))
		return -EIO;
	if (why == COPY_AGAIN)
		tried_again(s, e, plan);
	else
		passed_over(s, e, err);
	return 0;
}

static int write_copy(struct ktm_stream *s, struct ktm_sentry *e, struct ktm_jrec *rec,
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
	return 0;
}

/*
 * It could be read again, though not before. In a log that is short of room only the one that
 * holds the tail is copied here: others would use up the room that those in front of them need.
 * They come in their turn.
 */
static int read_again(struct ktm_stream *s, struct ktm_sentry *e, struct ktm_jrec *rec,
		      struct ktm_scopy *sc)
{
	int err = 0;

	if (!sc->plan.pressed || e->place <= sc->front)
		err = write_copy(s, e, rec, sc);
	else
		e->failed = (struct ktm_jc_unread){ };
	if (!err)
		ktm_journal_unread_gone(s->tm->journal);
	return err;
}

static int could_read(struct ktm_stream *s, struct ktm_sentry *e, struct ktm_jrec *rec,
		      enum purpose why, struct ktm_scopy *sc)
{
	switch (why) {
	case COPY:
		return write_copy(s, e, rec, sc);
	case COPY_AGAIN:
		return read_again(s, e, rec, sc);
	case TRY:
		s->tried = ktm_stream_sent(e);
	}
	return 0;
}

/*
 * Writes one again under its old name, if it could be read. Garbage is all right of one
 * that has moved or gone since: that needs no copy.
 *
 * Return: 0: it is out of the way, or was passed over; else nothing else can be copied now.
 */
static int copy_one(struct ktm_stream *s, const struct ktm_jsent *at, u64 opening, void *buf,
		    enum purpose why, struct ktm_scopy *sc)
{
	struct ktm_sentry *e;
	struct ktm_jrec rec;
	int err;

	err = why == COPY_AGAIN ? load_alone(s, at, sc, buf, &rec) : load(s, at, sc, buf, &rec);
	if (err > 0)
		return 0;
	mutex_lock(&s->lock);
	e = ktm_stream_still(s, at, opening);
	if (!e)
		err = 0;
	else if (!err)
		err = could_read(s, e, &rec, why, sc);
	else if (err == -ENOTCONN)
		err = -EIO;
	else if (err != -ENOMEM)
		err = not_read(s, e, err, why, &sc->plan);
	mutex_unlock(&s->lock);
	return err;
}

/* The first that is to be copied, if it lies before @below. */
static bool first_of(struct ktm_stream *s, u64 below, struct ktm_jsent *at, u64 *opening)
{
	const struct ktm_sentry *e;

	mutex_lock(&s->lock);
	*opening = s->opening;
	e = list_first_entry_or_null(&s->index.by_place, struct ktm_sentry, link);
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
	while (!err && !ktm_scopy_tired(sc) && first_of(s, below, &at, &opening)) {
		err = copy_one(s, &at, opening, buf, COPY, sc);
		cond_resched();
	}
	kvfree(buf);
	return err;
}

/* @counts: only what is worth it; else only what this restart area has not tried yet. */
static bool to_be_tried(const struct ktm_sentry *e, bool counts, const struct ktm_scopy *sc)
{
	if (!counts)
		return e->tried != sc->area;
	return ktm_jc_counts(&sc->plan, &e->failed, ktime_get_seconds(), READ_ONCE(lost_after));
}

/* The first of those that could not be read which is to be tried. The others go to @kept. */
static bool next_unread(struct ktm_stream *s, bool counts, const struct ktm_scopy *sc,
			struct list_head *kept, struct ktm_jsent *at, u64 *opening)
{
	struct ktm_sentry *e, *next;
	bool found = false;

	mutex_lock(&s->lock);
	*opening = s->opening;
	list_for_each_entry_safe(e, next, &s->index.unread, link) {
		if (e->place >= sc->plan.below)
			break;
		found = to_be_tried(e, counts, sc);
		if (found) {
			*at = ktm_stream_sent(e);
			break;
		}
		list_move_tail(&e->link, kept);
	}
	mutex_unlock(&s->lock);
	return found;
}

/* What was tried, but not copied, makes way for the next one. */
static void keep(struct ktm_stream *s, const struct ktm_jsent *at, u8 area,
		 struct list_head *kept, struct list_head *readable)
{
	struct ktm_sentry *e;

	mutex_lock(&s->lock);
	e = ktm_sindex_find(&s->index, at->lsn);
	if (e && e->place == at->place) {
		e->tried = area;
		list_move_tail(&e->link, e->failed.failed ? kept : readable);
	}
	mutex_unlock(&s->lock);
}

/**
 * ktm_stream_copy_unread - try again what could not be copied forward before
 * @s: the stream
 * @counts: only that of which it would count if it failed once more; else only the rest
 * @sc: what is copied
 *
 * Return: as ktm_stream_copy_forward().
 */
int ktm_stream_copy_unread(struct ktm_stream *s, bool counts, struct ktm_scopy *sc)
{
	LIST_HEAD(readable);
	struct ktm_jsent at;
	LIST_HEAD(kept);
	u64 opening;
	void *buf;
	int err = 0;

	/* It is restart areas that put something there. */
	if (list_empty(&s->index.unread))
		return 0;
	buf = kvmalloc(KTM_JF_REC_MAX, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	while (!err && !ktm_scopy_tired(sc) && next_unread(s, counts, sc, &kept, &at, &opening)) {
		err = copy_one(s, &at, opening, buf, COPY_AGAIN, sc);
		if (!err)
			keep(s, &at, sc->area, &kept, &readable);
		cond_resched();
	}
	mutex_lock(&s->lock);
	list_splice(&kept, &s->index.unread);
	ktm_sindex_put_back(&s->index, &readable);
	mutex_unlock(&s->lock);
	kvfree(buf);
	return err;
}

/* Behind the last one that was tried; if that has moved or gone, from the first one on. */
static bool next_untried(struct ktm_stream *s, u64 below, struct ktm_jsent *at, u64 *opening)
{
	struct ktm_sentry *e;
	bool found;

	mutex_lock(&s->lock);
	*opening = s->opening;
	e = ktm_sindex_find(&s->index, s->tried.lsn);
	if (e && e->place == s->tried.place && !e->failed.failed)
		e = list_next_entry(e, link);
	else
		e = list_first_entry(&s->index.by_place, struct ktm_sentry, link);
	found = !list_entry_is_head(e, &s->index.by_place, link) && e->place < below;
	if (found)
		*at = ktm_stream_sent(e);
	mutex_unlock(&s->lock);
	return found;
}

/**
 * ktm_stream_try_reading - find out what of the older records cannot be read, and copy nothing
 * @s: the stream
 * @sc: what would be copied
 *
 * What could be read once is not tried a second time. ktm_scopy_tired() after some time, whether
 * the device reads or not.
 *
 * Return: as ktm_stream_copy_forward().
 */
int ktm_stream_try_reading(struct ktm_stream *s, struct ktm_scopy *sc)
{
	const u64 before = sc->vain_ns, began = ktime_get_ns();
	struct ktm_jsent at;
	u64 opening;
	void *buf;
	int err;

	if (!next_untried(s, sc->plan.below, &at, &opening))
		return 0;
	buf = kvmalloc(KTM_JF_REC_MAX, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	do {
		err = copy_one(s, &at, opening, buf, TRY, sc);
		sc->vain_ns = before + (ktime_get_ns() - began);
		cond_resched();
	} while (!err && !ktm_scopy_tired(sc) && next_untried(s, sc->plan.below, &at, &opening));
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
