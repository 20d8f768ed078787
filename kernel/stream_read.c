// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: reading records.
 *
 * The device is read without the stream's lock. Meanwhile the record may be copied
 * forward or go, and its place be written by others: what was read counts only if it
 * is the record by its own words, and lives there still.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "status.h"
#include "stream.h"

/* The record that is meant, its lock held; NULL: none. */
static const struct ktm_sentry *pick(struct ktm_stream *s, u32 mode, u64 lsn)
{
	lockdep_assert_held(&s->lock);
	switch (mode) {
	case KTM_STREAM_NEXT:
		return ktm_sindex_after(&s->index, lsn);
	case KTM_STREAM_BEFORE:
		return ktm_sindex_before(&s->index, lsn ? lsn : U64_MAX);
	case KTM_STREAM_LAST_RESTART:
		return lsn ? ktm_sindex_restart_before(&s->index, lsn) :
			     ktm_sindex_find(&s->index, s->restart);
	default:
		return ktm_sindex_find(&s->index, lsn);
	}
}

/* What its entry says. */
struct ktm_jsent ktm_stream_sent(const struct ktm_sentry *e)
{
	return (struct ktm_jsent){
		.lsn = e->lsn,
		.place = e->place,
		.bytes = e->bytes,
		.flags = e->flags,
	};
}

/**
 * ktm_stream_decode - are these bytes that record?
 * @s: the stream
 * @at: its entry; no lock is held
 * @buf: as long as it says
 * @rec: out; its data is in @buf
 *
 * What is on the device is to be believed only as far as it says what it is itself.
 *
 * Return: 0; -EUCLEAN: something else.
 */
int ktm_stream_decode(struct ktm_stream *s, const struct ktm_jsent *at, const void *buf,
		      struct ktm_jrec *rec)
{
	const char *why;

	if (ktm_jrec_decode(rec, buf, at->bytes, &why) != at->bytes ||
	    rec->type != KTM_JREC_SREC || rec->srec.id != s->id || rec->srec.lsn != at->lsn ||
	    (rec->flags & KTM_JREC_F_RESTART) != at->flags)
		return -EUCLEAN;
	return 0;
}

/**
 * ktm_stream_load - a record from its place
 * @s: the stream
 * @at: its entry; no lock is held
 * @buf: of KTM_JF_REC_MAX bytes
 * @rec: out; its data is in @buf
 *
 * Return: 0; -EUCLEAN: something else is there, or the record is lost; or as ktm_journal_read().
 */
int ktm_stream_load(struct ktm_stream *s, const struct ktm_jsent *at, void *buf,
		    struct ktm_jrec *rec)
{
	int err;

	if (at->flags & KTM_JREC_F_LOST)
		return -EUCLEAN;
	err = ktm_journal_read(s->tm->journal, at->place, at->bytes, buf);
	return err ? err : ktm_stream_decode(s, at, buf, rec);
}

/* The entry of a record that has neither moved nor gone since; NULL: it has. */
struct ktm_sentry *ktm_stream_still(struct ktm_stream *s, const struct ktm_jsent *at, u64 opening)
{
	struct ktm_sentry *e;

	lockdep_assert_held(&s->lock);
	e = ktm_sindex_find(&s->index, at->lsn);
	return e && e->place == at->place && opening == s->opening ? e : NULL;
}

/* @again: out: it has moved or gone while it was read. */
static u32 read_once(struct ktm_stream *s, u32 mode, u64 lsn, struct ktm_jrec *rec, void *buf,
		     bool *again)
{
	const struct ktm_sentry *e;
	struct ktm_jsent at;
	u64 opening;
	int err;

	*again = false;
	if (mutex_lock_killable(&s->lock))
		return KTM_STATUS_INTERRUPTED;
	opening = s->opening;
	if (s->gone || !ktm_tm_online(s->tm)) {
		mutex_unlock(&s->lock);
		return s->gone ? KTM_STATUS_STREAM_NOT_FOUND : KTM_STATUS_TM_NOT_ONLINE;
	}
	e = pick(s, mode, lsn);
	if (e)
		at = ktm_stream_sent(e);
	mutex_unlock(&s->lock);
	if (!e)
		return mode == KTM_STREAM_AT ? KTM_STATUS_LOG_RECORD_NONEXISTENT :
					       KTM_STATUS_NO_MORE_ENTRIES;

	err = ktm_stream_load(s, &at, buf, rec);
	rec->srec.lsn = at.lsn;

	if (mutex_lock_killable(&s->lock))
		return KTM_STATUS_INTERRUPTED;
	*again = !ktm_stream_still(s, &at, opening);
	mutex_unlock(&s->lock);
	/* A batch that could not be written is no longer in memory, and was never on the device. */
	if (err && !ktm_journal_online(s->tm->journal))
		return KTM_STATUS_TM_NOT_ONLINE;
	switch (err) {
	case 0:
	case -ENOMEM:
	case -EUCLEAN:
		return ktm_status_from_errno(err);
	case -ENOTCONN:
		return KTM_STATUS_TM_NOT_ONLINE;
	default:
		return KTM_STATUS_IO_ERROR;
	}
}

static u32 read_record(struct ktm_stream *s, u32 mode, u64 lsn, struct ktm_jrec *rec, void *buf)
{
	bool again;
	u32 status;

	do {
		if (fatal_signal_pending(current))
			return KTM_STATUS_INTERRUPTED;
		status = read_once(s, mode, lsn, rec, buf, &again);
	} while (again);
	return status;
}

static u32 read_linked(struct ktm_stream *s, u32 mode, u64 lsn, struct ktm_jrec *rec, void *buf)
{
	u32 status = read_record(s, KTM_STREAM_AT, lsn, rec, buf);
	u64 link;

	if (status)
		return status;
	link = mode == KTM_STREAM_UNDO_LINK ? rec->srec.undo_next : rec->srec.previous;
	return link ? read_record(s, KTM_STREAM_AT, link, rec, buf) : KTM_STATUS_NO_MORE_ENTRIES;
}

/**
 * ktm_stream_read - read a record
 * @s: the stream
 * @mode: enum ktm_stream_where
 * @lsn: see there
 * @rec: out: the record; its data is in *@buf
 * @buf: out: to be freed with kvfree()
 *
 * Return: enum ktm_status; only with SUCCESS there is a buffer. With LOG_CORRUPTION_DETECTED and
 * IO_ERROR at least rec->srec.lsn is told.
 */
u32 ktm_stream_read(struct ktm_stream *s, u32 mode, u64 lsn, struct ktm_jrec *rec, void **buf)
{
	u32 status;

	*buf = kvmalloc(KTM_JF_REC_MAX, GFP_KERNEL_ACCOUNT);
	if (!*buf)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	if (mode == KTM_STREAM_PREVIOUS_LINK || mode == KTM_STREAM_UNDO_LINK)
		status = read_linked(s, mode, lsn, rec, *buf);
	else
		status = read_record(s, mode, lsn, rec, *buf);
	if (status) {
		kvfree(*buf);
		*buf = NULL;
	}
	return status;
}
