// SPDX-License-Identifier: GPL-2.0
/*
 * Restart areas of the running log: what lives is written down, so that recovery need not
 * read what is older and the ring's oldest part can be used again. Commits go on meanwhile.
 * Where the device has become larger since the last one, so does the ring.
 */
#include <linux/completion.h>
#include <linux/ktime.h>

#include "core/journal_copy.h"
#include "journal_private.h"

/* A multiple of every write unit, far from overflow. */
#define DISCARD_MAX	(64u << 20)

struct waiter {
	struct ktm_force force;
	struct completion done;
	int err;
};

static void waiter_told(struct ktm_force *f, int err)
{
	struct waiter *w = container_of(f, struct waiter, force);

	w->err = err;
	complete(&w->done);
}

/* What the area knows of has to be in the log first. */
static int force_log(struct ktm_journal *j, u64 lsn, struct ktm_jf_link *mark, u64 *upto)
{
	struct waiter w = { .force.done = waiter_told };
	bool marked;

	init_completion(&w.done);
	ktm_journal_force(j, &w.force, lsn);
	wait_for_completion(&w.done);
	if (w.err)
		return w.err;
	spin_lock(&j->lock);
	marked = ktm_jw_marked(&j->w, mark);
	if (marked)
		*upto = ktm_jw_hold(&j->w, j->restart.dev_bytes, j->restart.tail);
	spin_unlock(&j->lock);
	/* All before the mark is durable, so it is known; a reopening would have forgotten it. */
	return marked ? 0 : -EIO;
}

static bool flush_ended(struct ktm_journal *j, u64 ticket, bool *flushed)
{
	bool ended;

	spin_lock(&j->lock);
	*flushed = ktm_jw_flushed(&j->w, ticket);
	ended = *flushed || !j->online;
	spin_unlock(&j->lock);
	return ended;
}

/* What the area wrote; flushes are the writer's, one at a time. */
static int flush_device(struct ktm_journal *j)
{
	bool flushed;
	u64 ticket;

	spin_lock(&j->lock);
	ticket = ktm_jw_want_flush(&j->w);
	spin_unlock(&j->lock);
	ktm_journal_kick(j);
	wait_event(j->changed, flush_ended(j, ticket, &flushed));
	return flushed ? 0 : -EIO;
}

/* Step until records are wanted, or it is over. */
static enum ktm_jo_want run_restart(struct ktm_journal *j)
{
	struct ktm_jr *jr = &j->restart;
	struct ktm_jf_link mark = { };
	enum ktm_jo_want want;
	u64 upto = 0;
	int err;

	for (;;) {
		want = ktm_jr_step(jr);
		switch (want) {
		case KTM_JO_WRITE:
			ktm_jr_io_done(jr, ktm_jio_sync(j, j->bdev, want, jr->place, jr->data,
							jr->bytes));
			break;
		case KTM_JO_FLUSH:
			ktm_jr_io_done(jr, flush_device(j));
			break;
		case KTM_JO_FORCE:
			err = force_log(j, jr->end_lsn, &mark, &upto);
			ktm_jr_forced(jr, &mark, upto, err);
			break;
		default:
			return want;
		}
	}
}

/* For ktm_jsnap_add(), while the log runs. */
int ktm_journal_restart_add(struct ktm_jsnap *snap, const struct ktm_jrec *rec)
{
	struct ktm_jr *jr = &snap->j->restart;
	int err;

	for (;;) {
		err = ktm_jr_add(jr, rec);
		if (err != -EAGAIN)
			return err;
		if (run_restart(snap->j) != KTM_JO_SNAPSHOT)
			return jr->err;
	}
}

/**
 * ktm_jsnap_make_room - write out what was added, unless so much more fits
 * @snap: as given to the walk of a restart area
 * @bytes: of records that are to be added without waiting for the device
 *
 * To be called before a lock is taken on which a commit may wait.
 *
 * Return: 0 or a negative errno, to be returned as it is.
 */
int ktm_jsnap_make_room(struct ktm_jsnap *snap, u32 bytes)
{
	struct ktm_jr *jr = &snap->j->restart;

	if (snap->jo || ktm_jr_room(jr, bytes))
		return 0;
	return run_restart(snap->j) == KTM_JO_SNAPSHOT ? 0 : jr->err;
}

/**
 * ktm_journal_may_grow - has the device become larger since somebody looked?
 * @j: the journal, its lock held
 */
bool ktm_journal_may_grow(struct ktm_journal *j)
{
	u64 bytes = bdev_nr_bytes(j->bdev);

	lockdep_assert_held(&j->lock);
	return bytes > j->seen_bytes && bytes != j->vain_bytes && ktm_jf_growth(&j->w.sb, bytes);
}

/**
 * ktm_journal_outgrown - would a restart area make the log larger?
 * @j: the journal
 */
bool ktm_journal_outgrown(struct ktm_journal *j)
{
	bool ret;

	spin_lock(&j->lock);
	ret = j->online && ktm_journal_may_grow(j);
	spin_unlock(&j->lock);
	return ret;
}

static int begin(struct ktm_journal *j)
{
	int err;

	spin_lock(&j->lock);
	err = j->online ? ktm_jw_mark(&j->w) : -EIO;
	if (!err) {
		ktm_jr_init(&j->restart, &j->w.sb, bdev_nr_bytes(j->bdev), j->area);
		/* If it does not come about, the next one that is due tries again. */
		j->seen_bytes = j->restart.dev_bytes;
	}
	j->due_told = false;
	j->freed = false;
	spin_unlock(&j->lock);
	return err;
}

/**
 * ktm_journal_freed - something that lives in the log was given up
 * @j: the journal
 *
 * A restart area can make its room free: who is refused may ask for one, whether those before
 * had anything to gain or not.
 */
void ktm_journal_freed(struct ktm_journal *j)
{
	spin_lock(&j->lock);
	j->freed = true;
	spin_unlock(&j->lock);
}

/**
 * ktm_journal_unread_gone - a record that could not be read was copied at last, or given up
 * @j: the journal
 *
 * The restart areas that gained nothing as long as it was in their way do not count any more.
 */
void ktm_journal_unread_gone(struct ktm_journal *j)
{
	spin_lock(&j->lock);
	j->freed = true;
	ktm_jw_unread_gone(&j->w);
	spin_unlock(&j->lock);
}

/**
 * ktm_journal_copy_plan - what a restart area is to copy forward
 * @j: the journal
 * @c: see ktm_jc_init()
 */
void ktm_journal_copy_plan(struct ktm_journal *j, struct ktm_jc *c)
{
	spin_lock(&j->lock);
	ktm_jc_init(c, &j->w);
	spin_unlock(&j->lock);
}

/**
 * ktm_journal_copy_round - ktm_jc_round(), as full as the log is now
 * @j: the journal
 * @c: the plan
 */
void ktm_journal_copy_round(struct ktm_journal *j, struct ktm_jc *c)
{
	spin_lock(&j->lock);
	ktm_jc_round(c, &j->w);
	spin_unlock(&j->lock);
}

/**
 * ktm_journal_unread - are there records that a restart area could not copy?
 * @j: the journal
 * @any: there are; who is refused for lack of room may have them tried again in a moment
 */
void ktm_journal_unread(struct ktm_journal *j, bool any)
{
	spin_lock(&j->lock);
	ktm_jw_unread(&j->w, any, ktime_get_seconds());
	spin_unlock(&j->lock);
}

/* All was added: how far it may know of the log. */
static int end_walk(struct ktm_journal *j, u64 tail)
{
	const u64 bytes = j->restart.dev_bytes;
	bool grows;
	u64 end;
	int err;

	spin_lock(&j->lock);
	grows = bytes != j->vain_bytes && ktm_jf_growth(&j->w.sb, bytes);
	if (!j->online)
		err = -EIO;
	else if (!ktm_jw_worth_ending(&j->w, tail, grows))
		err = -ENOSPC;
	else
		err = ktm_jw_want_end(&j->w, tail, grows, &end);
	spin_unlock(&j->lock);
	if (!err)
		ktm_jr_end(&j->restart, end, tail);
	return err;
}

/* Nothing that counts was written. Another one is tried when some more of the log is used. */
static void give_up(struct ktm_journal *j, int err)
{
	spin_lock(&j->lock);
	/* There may be memory when the next one who is refused asks. */
	if (err == -ENOMEM)
		j->freed = true;
	ktm_jw_unmark(&j->w);
	j->restart_tries++;
	ktm_journal_feed(j);
	ktm_journal_changed(j);
	spin_unlock(&j->lock);
	ktm_journal_kick(j);
}

/**
 * ktm_journal_set_discard - is the device told which part of the log is not needed any more?
 * @j: a journal that has not been opened
 * @discard: yes or no
 */
void ktm_journal_set_discard(struct ktm_journal *j, bool discard)
{
	j->discard = discard;
}

/*
 * Both superblocks start behind it, and nobody writes there before ktm_jw_restarted(). A
 * device that does not want to know of it is no worse for that.
 */
static void discard_freed(struct ktm_journal *j)
{
	const struct ktm_jf_sb *old = &j->w.sb;
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	u64 lsn, end = j->restart.next_sb.tail_lsn;
	u32 bytes;
	int i, n;

	if (!j->discard || !bdev_max_discard_sectors(j->bdev))
		return;
	for (lsn = old->tail_lsn; lsn < end; lsn += bytes) {
		bytes = min_t(u64, end - lsn, DISCARD_MAX);
		n = ktm_jf_map(old, lsn, bytes, segs);
		for (i = 0; i < n; i++)
			blkdev_issue_discard(j->bdev, segs[i].place >> SECTOR_SHIFT,
					     segs[i].bytes >> SECTOR_SHIFT, GFP_NOIO);
	}
}

/* Both superblocks say so. */
static void take_over(struct ktm_journal *j)
{
	const struct ktm_jf_sb *sb = &j->restart.next_sb;
	const u64 bytes = j->restart.dev_bytes;
	u64 was;

	discard_freed(j);
	spin_lock(&j->lock);
	was = j->w.sb.ring_bytes;
	ktm_jw_restarted(&j->w, sb);
	j->sb.ring_bytes = sb->ring_bytes;
	/* Its end cannot be written, or the ring would be in too many pieces. */
	j->vain_bytes = ktm_jf_growth(sb, bytes) ? bytes : 0;
	j->restarts++;
	j->restart_tries++;
	ktm_journal_feed(j);
	ktm_journal_changed(j);
	spin_unlock(&j->lock);
	ktm_journal_kick(j);
	if (sb->ring_bytes != was)
		pr_info("ktm: journal on %pg has grown: its ring has %llu bytes\n", j->bdev,
			sb->ring_bytes);
}

/**
 * ktm_journal_restart - write a restart area
 * @j: the journal
 * @walk: hands over all that lives through ktm_jsnap_add(), each object as it is at one
 *	instant, with the end of its last record; called once
 * @ctx: for @walk
 *
 * Sleeps; one at a time, not while the journal is opened or detached. If the device fails the
 * journal goes offline.
 *
 * Return: 0: what was there before is no longer needed, and its room is free; -ENOSPC: the log or
 * the restart extent is too full, or there was nothing to gain: nothing has changed; -EIO: offline;
 * or what @walk returned.
 */
int ktm_journal_restart(struct ktm_journal *j, int (*walk)(void *ctx, struct ktm_jsnap *snap),
			void *ctx)
{
	struct ktm_jsnap snap = { .j = j, .tail = U64_MAX };
	int err;

	err = begin(j);
	if (err) {
		give_up(j, err);
		return err;
	}
	err = walk(ctx, &snap);
	if (!err)
		err = end_walk(j, snap.tail);
	if (err && !j->restart.err) {
		give_up(j, err);
		return err;
	}
	if (!err && run_restart(j) == KTM_JO_DONE) {
		take_over(j);
		return 0;
	}
	ktm_journal_fail(j, j->restart.err);
	give_up(j, -EIO);
	return -EIO;
}

/* Is one worth while, besides the one that may be under way? */
static bool another_helps(struct ktm_journal *j)
{
	lockdep_assert_held(&j->lock);
	/* What became free before the one that is under way began is its own to find. */
	return j->online && (j->freed || ktm_journal_may_grow(j) ||
			     (!j->w.marking &&
			      ktm_jw_restart_helps(&j->w, ktime_get_seconds())));
}

/**
 * ktm_journal_want_room - see to a restart area, if one can help
 * @j: the journal
 *
 * For who was told -ENOSPC and does not wait. Does not sleep.
 */
void ktm_journal_want_room(struct ktm_journal *j)
{
	bool helps;

	spin_lock(&j->lock);
	helps = another_helps(j);
	spin_unlock(&j->lock);
	if (helps)
		j->ops->restart_due(j->ctx);
}

/**
 * ktm_journal_force_again - try once more when a restart area has been written
 * @j: the journal
 * @f: a force that was told -ENOSPC, by its callback
 *
 * Does not sleep.
 *
 * Return: false if none can help; else f->done() is called once more, after a restart area
 * that is under way or asked for now, or when another's force has made it durable, unless
 * ktm_journal_unforce() is in time.
 */
bool ktm_journal_force_again(struct ktm_journal *j, struct ktm_force *f)
{
	bool durable, asks, waits;

	spin_lock(&j->lock);
	/* Since he was refused another's force may have ended. */
	durable = j->online && f->lsn <= j->w.flushed_lsn;
	asks = !durable && another_helps(j);
	waits = asks || (!durable && j->online && j->w.marking);
	if (durable)
		ktm_journal_tell(j, f, 0);
	else if (waits)
		ktm_journal_enqueue(&j->starved, f);
	spin_unlock(&j->lock);
	if (durable)
		ktm_journal_kick(j);
	if (asks)
		j->ops->restart_due(j->ctx);
	return durable || waits;
}

/*
 * Whoever is refused, while one is under way or was asked for, waits for that one: to ask for
 * another each time would keep two who are refused in turn having areas written for each other.
 * @impatient: it should have begun by now.
 */
static bool ask_for_one(struct ktm_journal *j, bool impatient)
{
	bool asks;

	spin_lock(&j->lock);
	asks = !j->w.marking && (impatient || !j->due_told);
	if (asks)
		j->due_told = true;
	spin_unlock(&j->lock);
	return asks;
}

/**
 * ktm_journal_wait_room - wait until a restart area has been written
 * @j: the journal
 *
 * For who was told -ENOSPC; no lock is held that the walk of a restart area takes. One that was
 * under way may have passed what has become free since: who is told so again after that
 * may ask once more.
 *
 * Return: 0; -ENOSPC: too little has become free since the last one; -EIO: offline; -EINTR: a
 * signal.
 */
int ktm_journal_wait_room(struct ktm_journal *j)
{
	bool helps, impatient = false;
	u64 enough;

	spin_lock(&j->lock);
	enough = j->restart_tries + 1;
	/* Whoever asks in vain must not keep the device busy. */
	helps = j->freed || (j->online && ktm_journal_may_grow(j)) ||
		ktm_jw_restart_helps(&j->w, ktime_get_seconds());
	spin_unlock(&j->lock);
	if (!helps)
		return -ENOSPC;
	do {
		if (!READ_ONCE(j->online))
			return -EIO;
		if (ask_for_one(j, impatient))
			j->ops->restart_due(j->ctx);
		impatient = true;
		if (wait_event_interruptible_timeout(j->changed,
						     READ_ONCE(j->restart_tries) >= enough ||
						     !READ_ONCE(j->online), HZ) < 0)
			return -EINTR;
	} while (READ_ONCE(j->restart_tries) < enough);
	return 0;
}
