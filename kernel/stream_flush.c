// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: making records durable, waiting for that, polling.
 *
 * However often somebody asks, the log has no more to remember than one force for each
 * thread that waits and one for each descriptor that does not.
 */
#include <linux/completion.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "ktm.h"
#include "status.h"
#include "stream.h"

/* Who waits. */
struct flush {
	struct ktm_force force;
	struct completion over;
	int err;
};

/*
 * What a descriptor has asked for without waiting. Its one force may outlive the
 * descriptor, so it belongs to both.
 *
 * @force: under way while @forcing; then it has a reference, and the TM
 * @stream: with a reference
 * @lock: what follows
 * @forcing: ask_done() will come
 * @opening: of the stream, when the last of it was asked for
 * @forced: of the stream, when the force that is under way began
 * @asked: LSN, the highest; 0: nothing, or the descriptor is closed
 * @failed: the log had no room to end the unit of the record up to here with, 0: it had
 * @tries: restart areas that the force has waited for since something was asked for last
 */
struct ktm_stream_ask {
	struct ktm_force force;
	struct kref ref;
	struct ktm_stream *stream;
	spinlock_t lock;
	bool forcing;
	u64 opening;
	u64 forced;
	u64 asked;
	u64 failed;
	u32 tries;
};

static void flush_done(struct ktm_force *force, int err)
{
	struct flush *f = container_of(force, struct flush, force);

	f->err = err;
	complete(&f->over);
}

static void ask_release(struct kref *ref)
{
	struct ktm_stream_ask *ask = container_of(ref, struct ktm_stream_ask, ref);

	ktm_object_put(&ask->stream->obj);
	kfree(ask);
}

/**
 * ktm_stream_wake - wake who polls a stream
 * @work: wake of the stream
 */
void ktm_stream_wake(struct work_struct *work)
{
	struct ktm_stream *s = container_of(work, struct ktm_stream, wake);

	wake_up_all(&s->wait);
	ktm_object_put(&s->obj);
}

/* They may be many, and there is always somebody behind who is to be told something, too. */
static void wake_later(struct ktm_stream *s)
{
	if (!wq_has_sleeper(&s->wait))
		return;
	ktm_object_get(&s->obj);
	if (!queue_work(ktm_wq, &s->wake))
		ktm_object_put(&s->obj);
}

/*
 * The log has no room: as whoever waits does, it tries again when a restart area has been
 * written, so that he who asks is not told to ask again until then. Not if he has closed.
 */
static bool ask_again(struct ktm_stream_ask *ask)
{
	lockdep_assert_held(&ask->lock);
	return ask->asked && ask->tries++ < KTM_STREAM_TRIES &&
	       ktm_journal_force_again(ask->stream->tm->journal, &ask->force);
}

/*
 * A force has ended. @next: out: 0, or up to where to force next: more was asked for meanwhile.
 * Return: that was all.
 */
static bool ask_settle(struct ktm_stream_ask *ask, int err, u64 *next)
{
	bool over;

	*next = 0;
	spin_lock(&ask->lock);
	if (ask->forced != ask->opening || ask->asked > ask->force.lsn) {
		ask->forced = ask->opening;
		*next = ask->asked;
		ask->forcing = *next;
	} else if (err != -ENOSPC || !ask_again(ask)) {
		if (err)
			ask->failed = ask->asked;
		ask->forcing = false;
	}
	over = !ask->forcing;
	spin_unlock(&ask->lock);
	return over;
}

/* Its force is no more: what that had goes. */
static void ask_over(struct ktm_stream_ask *ask)
{
	struct ktm_tm *tm = ask->stream->tm;

	ktm_object_get(&tm->obj);
	kref_put(&ask->ref, ask_release);
	ktm_tm_release_by_work(tm);
	ktm_object_put(&tm->obj);
}

static void ask_done(struct ktm_force *force, int err)
{
	struct ktm_stream_ask *ask = container_of(force, struct ktm_stream_ask, force);
	u64 next;

	/* If it is to be told once more, whoever closes may take it back at once. */
	kref_get(&ask->ref);
	if (ask_settle(ask, err, &next)) {
		wake_later(ask->stream);
		ask_over(ask);
	} else if (next) {
		/* If the log was reopened just now, it is one force in vain. */
		ktm_journal_force(ask->stream->tm->journal, force, next);
	}
	kref_put(&ask->ref, ask_release);
}

static struct ktm_stream_ask *ask_alloc(struct ktm_stream *s)
{
	struct ktm_stream_ask *ask = kzalloc(sizeof(*ask), GFP_KERNEL_ACCOUNT);

	if (!ask)
		return NULL;
	kref_init(&ask->ref);
	spin_lock_init(&ask->lock);
	ask->force.done = ask_done;
	ask->stream = s;
	ktm_object_get(&s->obj);
	return ask;
}

/* The descriptor gets its one, unless another thread of it was quicker. */
static bool ask_make(struct ktm_stream_use *use)
{
	struct ktm_stream_ask *ask;

	if (READ_ONCE(use->ask))
		return true;
	ask = ask_alloc(use->stream);
	if (!ask)
		return false;
	if (cmpxchg(&use->ask, NULL, ask))
		kref_put(&ask->ref, ask_release);
	return true;
}

static void ask(struct ktm_stream_use *use, u64 lsn)
{
	struct ktm_stream_ask *ask = use->ask;
	struct ktm_stream *s = use->stream;
	bool begin;

	lockdep_assert_held(&s->lock);
	spin_lock(&ask->lock);
	ask->opening = s->opening;
	ask->asked = max(ask->asked, lsn);
	ask->failed = 0;
	ask->tries = 0;
	lsn = ask->asked;
	begin = !ask->forcing && lsn > ktm_journal_flushed(s->tm->journal);
	if (begin) {
		ask->forcing = true;
		ask->forced = ask->opening;
	}
	spin_unlock(&ask->lock);
	if (!begin)
		return;
	/* The descriptor has it, so this cannot be in vain. */
	if (WARN_ON_ONCE(!ktm_tm_hold_for_work(s->tm)))
		return;
	kref_get(&ask->ref);
	ktm_journal_force(s->tm->journal, &ask->force, lsn);
}

/**
 * ktm_stream_ask_forget - it was asked for before a reopening
 * @use: who did; the stream's lock is held
 */
void ktm_stream_ask_forget(struct ktm_stream_use *use)
{
	struct ktm_stream_ask *ask = use->ask;

	if (!ask)
		return;
	spin_lock(&ask->lock);
	ask->asked = 0;
	ask->failed = 0;
	spin_unlock(&ask->lock);
}

/**
 * ktm_stream_ask_end - nobody asks or polls through it any more
 * @use: who did
 */
void ktm_stream_ask_end(struct ktm_stream_use *use)
{
	struct ktm_stream_ask *ask = use->ask;
	bool forcing;

	if (!ask)
		return;
	ktm_stream_ask_forget(use);
	spin_lock(&ask->lock);
	forcing = ask->forcing;
	spin_unlock(&ask->lock);
	/* Else whoever opens, asks and closes again and again leaves one behind each time. */
	if (forcing && ktm_journal_unforce(ask->stream->tm->journal, &ask->force))
		ask_over(ask);
	kref_put(&ask->ref, ask_release);
}

/* PENDING: @f is told, or, without one, pollers are. */
static u32 begin(struct ktm_stream_use *use, struct flush *f, u64 lsn, u64 opening)
{
	struct ktm_stream *s = use->stream;
	u32 status;

	lockdep_assert_held(&s->lock);
	status = ktm_stream_check(s, use);
	/* Another thread of the descriptor may have looked at what a reopening has left. */
	if (!status && opening != s->opening)
		status = KTM_STATUS_STREAM_REOPENED;
	if (!status && lsn > s->last)
		status = KTM_STATUS_INVALID_PARAMETER;
	/* All there is: bases and truncations, too. */
	if (!status && !lsn)
		status = ktm_stream_log_base(s);
	if (status)
		return status;
	if (!lsn)
		lsn = s->known;
	if (!f) {
		ask(use, lsn);
		return KTM_STATUS_PENDING;
	}
	if (lsn <= ktm_journal_flushed(s->tm->journal))
		return KTM_STATUS_SUCCESS;
	/* Under the lock, which a reopening takes: the LSN is of this opening. */
	ktm_journal_force(s->tm->journal, &f->force, lsn);
	return KTM_STATUS_PENDING;
}

static u32 await(struct ktm_stream *s, struct flush *f)
{
	if (wait_for_completion_interruptible(&f->over)) {
		if (ktm_journal_unforce(s->tm->journal, &f->force))
			return KTM_STATUS_INTERRUPTED;
		/* It has just been told. */
		wait_for_completion(&f->over);
	}
	if (f->err)
		return f->err == -ENOSPC ? KTM_STREAM_NO_ROOM : KTM_STATUS_IO_ERROR;
	return KTM_STATUS_SUCCESS;
}

static u32 flush_once(struct ktm_stream_use *use, u64 lsn, u64 opening, bool wait)
{
	struct flush f = { .force.done = flush_done };
	struct ktm_stream *s = use->stream;
	u32 status;

	init_completion(&f.over);
	if (mutex_lock_killable(&s->lock))
		return KTM_STATUS_INTERRUPTED;
	status = begin(use, wait ? &f : NULL, lsn, opening);
	mutex_unlock(&s->lock);
	if (wait && status == KTM_STATUS_PENDING)
		status = await(s, &f);
	return status;
}

/* Not said to who is killed: an appender may hold the lock while a device hangs. */
static u64 last_flushed(struct ktm_stream *s)
{
	const struct ktm_sentry *e;
	u64 lsn;

	if (mutex_lock_killable(&s->lock))
		return 0;
	e = ktm_sindex_before(&s->index, ktm_journal_flushed(s->tm->journal) + 1);
	lsn = e ? e->lsn : 0;
	mutex_unlock(&s->lock);
	return lsn;
}

/**
 * ktm_stream_flush - KTM_IOC_STREAM_FLUSH
 * @use: who asks
 * @lsn: up to and with this record; 0: all there are
 * @opening: the opening of the TM that this is meant of
 * @wait: until it is durable, or a signal comes
 * @flushed: out: LSN of the last durable record, 0: none, or INTERRUPTED
 *
 * Return: enum ktm_status; PENDING if it is not to wait.
 */
u32 ktm_stream_flush(struct ktm_stream_use *use, u64 lsn, u64 opening, bool wait, u64 *flushed)
{
	int tries = wait ? KTM_STREAM_TRIES : 0;
	u32 status;

	if (!wait && !ask_make(use))
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	do {
		status = flush_once(use, lsn, opening, wait);
	} while (ktm_stream_again(use->stream->tm, &status, &tries));
	if (!wait && status == KTM_STATUS_LOG_FULL)
		ktm_journal_want_room(use->stream->tm->journal);
	/* Who is to come back at once does not wait for the lock, either. */
	*flushed = status == KTM_STATUS_INTERRUPTED ? 0 : last_flushed(use->stream);
	return status;
}

/**
 * ktm_stream_poll - what a poller is told
 * @use: whose descriptor it is
 *
 * Takes no mutex: an appender may hold the stream's while a device hangs.
 */
__poll_t ktm_stream_poll(const struct ktm_stream_use *use)
{
	struct ktm_stream_ask *ask = READ_ONCE(use->ask);
	struct ktm_stream *s = use->stream;
	u64 asked, failed;

	if (!ktm_tm_online(s->tm) || READ_ONCE(s->gone) ||
	    READ_ONCE(use->opening) != READ_ONCE(s->opening))
		return EPOLLERR;
	if (!ask)
		return EPOLLIN | EPOLLRDNORM;
	/* Who waits is in the list before he looks: pairs with the one in wq_has_sleeper(). */
	smp_mb();
	spin_lock(&ask->lock);
	asked = ask->asked;
	failed = ask->failed;
	spin_unlock(&ask->lock);
	if (ktm_journal_flushed(s->tm->journal) >= asked)
		return EPOLLIN | EPOLLRDNORM;
	return failed >= asked ? EPOLLERR | EPOLLPRI : 0;
}
