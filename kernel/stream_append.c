// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: appending, advancing the base, cutting off the end.
 */
#include <linux/sched/signal.h>

#include "status.h"
#include "stream.h"

/**
 * ktm_stream_again - is another try worth while?
 * @tm: the TM
 * @status: of the last one; if there is to be no other, what to tell
 * @tries: how many others there may be
 *
 * Waits until the log has been cleaned if it had no room. No lock may be held: cleaning
 * takes them.
 */
bool ktm_stream_again(struct ktm_tm *tm, u32 *status, int *tries)
{
	int err;

	if (*status != KTM_STREAM_NO_ROOM)
		return false;
	err = (*tries)-- > 0 ? ktm_journal_wait_room(tm->journal) : -ENOSPC;
	if (!err)
		return true;
	if (err == -ENOSPC)
		*status = KTM_STATUS_LOG_FULL;
	else
		*status = err == -EIO ? KTM_STATUS_TM_NOT_ONLINE : KTM_STATUS_INTERRUPTED;
	return false;
}

/* Where the room for a record comes from. */
struct room {
	u64 bytes;		/* of what the journal has set aside; 0: of what is free */
	bool of_use;		/* set aside by the descriptor */
	bool of_need;		/* set aside by the enlistment */
};

static u32 find_room(const struct ktm_stream_use *use, const struct ktm_stream_new *new,
		     const struct ktm_stream_need *need, struct room *room)
{
	const struct ktm_stream *s = use->stream;
	const u64 cost = ktm_srec_cost(ktm_jrec_bytes(KTM_JREC_SREC, new->length));

	*room = (struct room){ };
	if (new->flags & KTM_STREAM_RESERVED) {
		if (!use->records || use->bytes < new->length)
			return KTM_STATUS_INVALID_PARAMETER;
		room->bytes = ktm_stream_room(use->records, use->bytes) -
			      ktm_stream_room(use->records - 1, use->bytes - new->length);
		room->of_use = true;
	} else if (need && need->stream == s && need->spare && need->bytes >= cost) {
		room->bytes = cost;
		room->of_need = true;
	} else if (cost > ktm_stream_left(s)) {
		return KTM_STATUS_STREAM_FULL;
	}
	return KTM_STATUS_SUCCESS;
}

static u32 check_new(const struct ktm_stream *s, const struct ktm_stream_new *new)
{
	if (new->previous > s->last || new->undo_next > s->last)
		return KTM_STATUS_INVALID_PARAMETER;
	if (new->base && (new->base < s->base || new->base > s->last))
		return KTM_STATUS_INVALID_PARAMETER;
	return KTM_STATUS_SUCCESS;
}

/* The entry and the accounts of a record that the log has taken. */
static void take_place(struct ktm_stream_use *use, struct ktm_stream_new *new,
		       struct ktm_stream_need *need, const struct room *room, u64 place)
{
	struct ktm_stream *s = use->stream;
	struct ktm_sentry *e;

	if (room->of_use) {
		e = list_first_entry(&s->spare, struct ktm_sentry, link);
		list_del(&e->link);
		use->records--;
		use->bytes -= new->length;
	} else if (room->of_need) {
		e = need->spare;
		need->spare = NULL;
		need->bytes -= room->bytes;
	} else {
		e = new->entry;
		new->entry = NULL;
	}
	s->reserved -= room->bytes;
	e->lsn = new->lsn;
	e->place = place;
	e->bytes = ktm_jrec_bytes(KTM_JREC_SREC, new->length);
	e->flags = new->flags & KTM_STREAM_RESTART ? KTM_JREC_F_RESTART : 0;
	WARN_ON_ONCE(!ktm_sindex_add(&s->index, e));
	s->last = new->lsn;
	s->known = new->lsn;
	if (e->flags)
		s->restart = new->lsn;
}

/*
 * A base that the log has no room for counts all the same: the next restart area
 * has it, and until then what it gives up may come back after a crash, as it may anyhow.
 */
static u32 advance(struct ktm_stream *s, u64 base)
{
	const struct ktm_jrec rec = {
		.type = KTM_JREC_SBASE,
		.sbase = { .id = s->id, .base = base },
	};
	u64 lsn;
	int err;

	if (base == s->base)
		return KTM_STATUS_SUCCESS;
	err = ktm_journal_append(s->tm->journal, &rec, 0, &lsn);
	if (err && err != -ENOSPC)
		return KTM_STATUS_TM_NOT_ONLINE;
	if (!err)
		s->known = lsn;
	s->base = base;
	ktm_sindex_cut_below(&s->index, base);
	ktm_journal_freed(s->tm->journal);
	if (s->restart < base)
		s->restart = 0;
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_stream_append_locked - append a record
 * @use: who does; the lock of his stream is held
 * @new: the record
 * @need: of the enlistment that it belongs to, or NULL
 *
 * Return: enum ktm_status, or KTM_STREAM_NO_ROOM; unless it is SUCCESS nothing has changed.
 */
u32 ktm_stream_append_locked(struct ktm_stream_use *use, struct ktm_stream_new *new,
			     struct ktm_stream_need *need)
{
	struct ktm_stream *s = use->stream;
	const struct ktm_jrec rec = {
		.type = KTM_JREC_SREC,
		.flags = new->flags & KTM_STREAM_RESTART ? KTM_JREC_F_RESTART : 0,
		.srec = {
			.id = s->id,
			.previous = new->previous,
			.undo_next = new->undo_next,
			.len = new->length,
			.data_crc = new->crc,
			.data = new->data,
		},
	};
	struct room room;
	u32 status;
	u64 place;
	int err;

	lockdep_assert_held(&s->lock);
	status = ktm_stream_check(s, use);
	if (!status)
		status = check_new(s, new);
	if (!status)
		status = find_room(use, new, need, &room);
	if (status)
		return status;
	err = ktm_journal_append_stream(s->tm->journal, &rec, room.bytes, &new->lsn, &place);
	if (err)
		return err == -ENOSPC ? KTM_STREAM_NO_ROOM : KTM_STATUS_TM_NOT_ONLINE;
	take_place(use, new, need, &room, place);
	/* The record is there; a log that fails now takes it away again, and the base with it. */
	if (new->base)
		advance(s, new->base);
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_stream_append - append a record
 * @use: who does
 * @new: the record
 *
 * Waits, interruptibly, while the log is being cleaned, and, with KTM_STREAM_DURABLE, until
 * it is durable.
 *
 * Return: enum ktm_status; with DURABLE the record may be there although it is not SUCCESS:
 * then new->lsn says so.
 */
u32 ktm_stream_append(struct ktm_stream_use *use, struct ktm_stream_new *new)
{
	struct ktm_stream *s = use->stream;
	int tries = KTM_STREAM_TRIES;
	u64 flushed;
	u32 status;

	new->lsn = 0;
	do {
		if (mutex_lock_killable(&s->lock))
			return KTM_STATUS_INTERRUPTED;
		status = ktm_stream_append_locked(use, new, NULL);
		mutex_unlock(&s->lock);
	} while (ktm_stream_again(s->tm, &status, &tries));
	if (!status && new->flags & KTM_STREAM_DURABLE)
		status = ktm_stream_flush(use, new->lsn, true, &flushed);
	return status;
}

/**
 * ktm_stream_advance - KTM_IOC_STREAM_ADVANCE
 * @use: who does
 * @base: the oldest LSN that is needed
 *
 * Return: enum ktm_status.
 */
u32 ktm_stream_advance(struct ktm_stream_use *use, u64 base)
{
	struct ktm_stream *s = use->stream;
	u32 status;

	if (mutex_lock_killable(&s->lock))
		return KTM_STATUS_INTERRUPTED;
	status = ktm_stream_check(s, use);
	if (!status && (base < s->base || base > s->last))
		status = KTM_STATUS_INVALID_PARAMETER;
	if (!status)
		status = advance(s, base);
	mutex_unlock(&s->lock);
	return status;
}

/*
 * What comes later in the log stands behind this; so, unlike a base, it counts only if the
 * log has it.
 */
static u32 truncate(struct ktm_stream *s, u64 last)
{
	const struct ktm_jrec rec = {
		.type = KTM_JREC_STRUNC,
		.strunc = { .id = s->id, .last = last },
	};
	const struct ktm_sentry *restart;
	u64 lsn;
	int err;

	err = ktm_journal_append(s->tm->journal, &rec, 0, &lsn);
	if (err)
		return err == -ENOSPC ? KTM_STREAM_NO_ROOM : KTM_STATUS_TM_NOT_ONLINE;
	s->known = lsn;
	ktm_sindex_cut_above(&s->index, last);
	ktm_journal_freed(s->tm->journal);
	if (s->restart > last) {
		restart = ktm_sindex_restart_before(&s->index, U64_MAX);
		s->restart = restart ? restart->lsn : 0;
	}
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_stream_truncate - KTM_IOC_STREAM_TRUNCATE
 * @use: who does
 * @last: the last LSN that stays, 0: none
 *
 * Return: enum ktm_status.
 */
u32 ktm_stream_truncate(struct ktm_stream_use *use, u64 last)
{
	struct ktm_stream *s = use->stream;
	int tries = KTM_STREAM_TRIES;
	u32 status;

	do {
		if (mutex_lock_killable(&s->lock))
			return KTM_STATUS_INTERRUPTED;
		status = ktm_stream_check(s, use);
		if (!status && last > s->last)
			status = KTM_STATUS_INVALID_PARAMETER;
		if (!status)
			status = truncate(s, last);
		mutex_unlock(&s->lock);
	} while (ktm_stream_again(s->tm, &status, &tries));
	return status;
}
