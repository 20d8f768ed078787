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

/* ---- the base ---- */

/* @reserved: of room in the journal, 0: of what is free. */
static int append_base(struct ktm_stream *s, u64 base, u32 reserved)
{
	const struct ktm_jrec rec = {
		.type = KTM_JREC_SBASE,
		.sbase = { .id = s->id, .base = base },
	};
	u64 lsn;
	int err;

	err = ktm_journal_append(s->tm->journal, &rec, reserved, &lsn);
	if (!err)
		s->known = lsn;
	return err;
}

static u32 room_status(int err)
{
	if (!err)
		return KTM_STATUS_SUCCESS;
	return err == -ENOSPC ? KTM_STREAM_NO_ROOM : KTM_STATUS_TM_NOT_ONLINE;
}

/**
 * ktm_stream_log_base - see to it that the log has the base
 * @s: the stream, its lock held
 *
 * Before anything else of the stream goes there: whoever finds a later record durable takes
 * the base for durable, too, and throws away what only older ones need.
 *
 * Return: SUCCESS, KTM_STREAM_NO_ROOM or TM_NOT_ONLINE.
 */
u32 ktm_stream_log_base(struct ktm_stream *s)
{
	int err;

	lockdep_assert_held(&s->lock);
	if (!s->base_owed)
		return KTM_STATUS_SUCCESS;
	err = append_base(s, s->base, 0);
	if (!err)
		s->base_owed = false;
	return room_status(err);
}

/*
 * A base that the log has no room for counts all the same, for to give something up must
 * not fail in a full log. It is owed then.
 */
static u32 advance(struct ktm_stream *s, u64 base)
{
	int err;

	if (base == s->base) {
		ktm_stream_log_base(s);
		return KTM_STATUS_SUCCESS;
	}
	err = append_base(s, base, 0);
	if (err && err != -ENOSPC)
		return KTM_STATUS_TM_NOT_ONLINE;
	s->base_owed = err;
	s->base = base;
	ktm_sindex_cut_below(&s->index, base);
	ktm_journal_freed(s->tm->journal);
	if (s->restart < base)
		s->restart = 0;
	return KTM_STATUS_SUCCESS;
}

/* ---- records ---- */

/* Where the room for a record comes from. */
struct room {
	u64 bytes;		/* of what the journal has set aside; 0: of what is free */
	u32 for_base;		/* of those, for a base that is owed */
	bool of_use;		/* set aside by the descriptor */
	bool of_need;		/* set aside by the enlistment */
};

/* What an enlistment gives for a record; besides its own cost that of a base that is owed. */
static u64 share_of_need(const struct ktm_stream *s, u32 bytes)
{
	const u32 charge = ktm_journal_bytes(s->tm->journal, KTM_JREC_SREC,
					     bytes - ktm_jrec_bytes(KTM_JREC_SREC, 0));
	const u32 base = ktm_journal_bytes(s->tm->journal, KTM_JREC_SBASE, 0);

	return max_t(u64, ktm_srec_cost(bytes), charge + (s->base_owed ? base : 0));
}

static u32 find_room(const struct ktm_stream_use *use, const struct ktm_stream_new *new,
		     const struct ktm_stream_need *need, struct room *room)
{
	struct ktm_stream *s = use->stream;
	const u32 bytes = ktm_jrec_bytes(KTM_JREC_SREC, new->length);
	const u64 share = share_of_need(s, bytes);

	*room = (struct room){ };
	if (new->flags & KTM_STREAM_RESERVED) {
		if (!use->records || use->bytes < new->length)
			return KTM_STATUS_INVALID_PARAMETER;
		room->bytes = ktm_stream_room(use->records, use->bytes) -
			      ktm_stream_room(use->records - 1, use->bytes - new->length);
		room->of_use = true;
	} else if (need && need->stream == s && need->spare && need->bytes >= share) {
		room->bytes = share;
		room->of_need = true;
	} else if (ktm_srec_cost(bytes) > ktm_stream_left(s)) {
		return KTM_STATUS_STREAM_FULL;
	}
	return KTM_STATUS_SUCCESS;
}

/*
 * A base that is owed goes first; in a full log out of what is set aside for the record, unless
 * that is to be durable, which such a log does not give it.
 */
static u32 log_base_first(struct ktm_stream *s, struct room *room, bool durable)
{
	u32 status = ktm_stream_log_base(s);

	if (status != KTM_STREAM_NO_ROOM || !room->bytes || durable)
		return status;
	room->for_base = ktm_journal_bytes(s->tm->journal, KTM_JREC_SBASE, 0);
	status = room_status(append_base(s, s->base, room->for_base));
	if (!status)
		s->base_owed = false;
	return status;
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

/**
 * ktm_stream_append_locked - append a record
 * @use: who does; the lock of his stream is held
 * @new: the record
 * @need: of the enlistment that it belongs to, or NULL
 *
 * With KTM_STREAM_DURABLE a flush of it will find room.
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
	if (!status)
		status = log_base_first(s, &room, new->flags & KTM_STREAM_DURABLE);
	if (status)
		return status;
	err = ktm_journal_append_stream(s->tm->journal, &rec, room.bytes - room.for_base,
					new->flags & KTM_STREAM_DURABLE, &new->lsn, &place);
	if (err)
		return room_status(err);
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
 * @upto_base: with KTM_STREAM_DURABLE: the base that it brings is to be durable, too
 *
 * Waits, interruptibly, while the log is being cleaned, and, with KTM_STREAM_DURABLE, until
 * it is durable.
 *
 * Return: enum ktm_status; with DURABLE the record may be there although it is not SUCCESS:
 * then new->lsn says so. LOG_FULL is no such status, but for want of room for the base.
 */
u32 ktm_stream_append(struct ktm_stream_use *use, struct ktm_stream_new *new, bool upto_base)
{
	struct ktm_stream *s = use->stream;
	int tries = KTM_STREAM_TRIES;
	u64 flushed, opening;
	u32 status;

	new->lsn = 0;
	do {
		if (mutex_lock_killable(&s->lock))
			return KTM_STATUS_INTERRUPTED;
		status = ktm_stream_append_locked(use, new, NULL);
		opening = s->opening;
		mutex_unlock(&s->lock);
	} while (ktm_stream_again(s->tm, &status, &tries));
	if (!status && new->flags & KTM_STREAM_DURABLE)
		status = ktm_stream_flush(use, new->base && upto_base ? 0 : new->lsn, opening,
					  true, &flushed);
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
	u32 status;
	u64 lsn;

	status = ktm_stream_log_base(s);
	if (status)
		return status;
	status = room_status(ktm_journal_append(s->tm->journal, &rec, 0, &lsn));
	if (status)
		return status;
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
