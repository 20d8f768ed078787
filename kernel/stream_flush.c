// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: making records durable, waiting for that, polling.
 */
#include <linux/completion.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "status.h"
#include "stream.h"

/*
 * A force that was asked for. Who waits may be interrupted before it is over, so it
 * belongs to both.
 */
struct flush {
	struct ktm_force force;
	struct kref ref;
	struct completion over;
	struct ktm_stream *stream;
	int err;
};

static void flush_release(struct kref *ref)
{
	struct flush *f = container_of(ref, struct flush, ref);

	ktm_object_put(&f->stream->obj);
	kfree(f);
}

static void flush_done(struct ktm_force *force, int err)
{
	struct flush *f = container_of(force, struct flush, force);
	struct ktm_stream *s = f->stream;

	f->err = err;
	if (err == -ENOSPC)
		atomic64_set(&s->unpadded, force->lsn);
	complete_all(&f->over);
	wake_up_all(&s->wait);
	kref_put(&f->ref, flush_release);
}

/* Up to where, and for pollers: what he asked for. */
static u32 begin(struct ktm_stream_use *use, struct flush *f, u64 lsn, bool wait)
{
	struct ktm_stream *s = use->stream;
	u32 status;

	lockdep_assert_held(&s->lock);
	status = ktm_stream_check(s, use);
	if (!status && lsn > s->last)
		status = KTM_STATUS_INVALID_PARAMETER;
	/* All there is: bases and truncations, too. */
	if (!status && !lsn)
		status = ktm_stream_log_base(s);
	if (status)
		return status;
	if (!lsn)
		lsn = s->known;
	if (!wait) {
		atomic64_set(&s->unpadded, 0);
		WRITE_ONCE(use->asked, max(use->asked, lsn));
	}
	kref_get(&f->ref);
	/* Under the lock, which a reopening takes: the LSN is of this opening. */
	ktm_journal_force(s->tm->journal, &f->force, lsn);
	return KTM_STATUS_SUCCESS;
}

static struct flush *flush_alloc(struct ktm_stream *s)
{
	struct flush *f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);

	if (!f)
		return NULL;
	kref_init(&f->ref);
	init_completion(&f->over);
	f->force.done = flush_done;
	f->stream = s;
	ktm_object_get(&s->obj);
	return f;
}

static u32 flush_once(struct ktm_stream_use *use, u64 lsn, bool wait)
{
	struct ktm_stream *s = use->stream;
	struct flush *f = flush_alloc(s);
	u32 status;

	if (!f)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	if (mutex_lock_killable(&s->lock)) {
		status = KTM_STATUS_INTERRUPTED;
		goto put;
	}
	status = begin(use, f, lsn, wait);
	mutex_unlock(&s->lock);
	if (status)
		goto put;
	if (!wait) {
		status = KTM_STATUS_PENDING;
		goto put;
	}
	if (wait_for_completion_interruptible(&f->over))
		status = KTM_STATUS_INTERRUPTED;
	else if (f->err)
		status = f->err == -ENOSPC ? KTM_STREAM_NO_ROOM : KTM_STATUS_IO_ERROR;
put:
	kref_put(&f->ref, flush_release);
	return status;
}

static u64 last_flushed(struct ktm_stream *s)
{
	const struct ktm_sentry *e;
	u64 lsn;

	mutex_lock(&s->lock);
	e = ktm_sindex_before(&s->index, ktm_journal_flushed(s->tm->journal) + 1);
	lsn = e ? e->lsn : 0;
	mutex_unlock(&s->lock);
	return lsn;
}

/**
 * ktm_stream_flush - KTM_IOC_STREAM_FLUSH
 * @use: who asks
 * @lsn: up to and with this record; 0: all there are
 * @wait: until it is durable, or a signal comes
 * @flushed: out: LSN of the last durable record, 0: none
 *
 * Return: enum ktm_status; PENDING if it is not to wait.
 */
u32 ktm_stream_flush(struct ktm_stream_use *use, u64 lsn, bool wait, u64 *flushed)
{
	int tries = wait ? KTM_STREAM_TRIES : 0;
	u32 status;

	do {
		status = flush_once(use, lsn, wait);
	} while (ktm_stream_again(use->stream->tm, &status, &tries));
	*flushed = last_flushed(use->stream);
	return status;
}

/**
 * ktm_stream_poll - what a poller is told
 * @use: whose descriptor it is
 *
 * Takes no lock: an appender may hold the stream's while a device hangs.
 */
__poll_t ktm_stream_poll(const struct ktm_stream_use *use)
{
	struct ktm_stream *s = use->stream;
	const u64 asked = READ_ONCE(use->asked);
	__poll_t events = 0;
	u64 flushed;

	if (!ktm_tm_online(s->tm) || READ_ONCE(s->gone) ||
	    READ_ONCE(use->opening) != READ_ONCE(s->opening))
		return EPOLLERR;
	flushed = ktm_journal_flushed(s->tm->journal);
	if (flushed >= asked)
		events |= EPOLLIN | EPOLLRDNORM;
	else if (atomic64_read(&s->unpadded) >= asked)
		events |= EPOLLERR;
	return events;
}
