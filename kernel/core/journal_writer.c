// SPDX-License-Identifier: GPL-2.0
/*
 * Appending to the journal.
 *
 * Space. What is appended may cost more than its bytes: each batch has a head and
 * is padded to the unit. A batch ends for one of two reasons. It is full: then it has
 * lost at most its head and one large record, which half as much again on top of each record
 * pays for. Or it is forced: then a record in it is of a kind that reserves a unit
 * and a head. So each batch finds its length in the credit of its records, and an append
 * from a reservation cannot fail. What a batch did not need goes back when it is closed.
 */
#include "journal_writer.h"

/* What a batch may cost beyond its records' own share if it ends before it is full. */
static u64 padding(const struct ktm_jw *w)
{
	return w->sb.unit + KTM_JF_BATCH_HEAD;
}

/*
 * An eighth. But in a full log a restart area pads one batch, or two; so it has to copy what lives
 * in as much, and the record that begins there and ends behind, or each one would use up
 * some of what the next one needs.
 */
static u64 headroom(const struct ktm_jw *w)
{
	const u64 copies = 2 * w->sb.unit + KTM_JF_REC_MAX;

	return max(w->sb.ring_bytes / 8, 2 * padding(w) + copies + copies / 2);
}

void ktm_jw_init(struct ktm_jw *w, const struct ktm_jf_sb *sb, void *const *bufs, u32 nbufs,
		 u32 buf_bytes, bool has_fua)
{
	u32 i;

	/* The smallest buffer in which "half as much again" pays for a batch that is full. */
	BUILD_BUG_ON(KTM_JF_WINDOW_MIN < 3 * (KTM_JF_REC_MAX + KTM_JF_BATCH_HEAD));

	memset(w, 0, sizeof(*w));
	w->sb = *sb;
	w->chain.uuid = sb->uuid;
	w->chain.epoch = sb->epoch;
	w->chain.unit = sb->unit;
	w->has_fua = has_fua;
	w->nbufs = nbufs;
	w->buf_bytes = min_t(u64, min(buf_bytes, KTM_JF_BATCH_MAX), sb->window);
	for (i = 0; i < nbufs; i++)
		w->batch[i].data = bufs[i];
	w->next_lsn = sb->start_lsn;
	w->next_seq = sb->start_seq;
	w->prev_crc = sb->start_prev_crc;
	w->submitted_lsn = sb->start_lsn;
	w->written_lsn = sb->start_lsn;
	w->flushed_lsn = sb->start_lsn;
	w->fua_lsn = sb->start_lsn;
	w->want_lsn = sb->start_lsn;
	w->limit = sb->tail_lsn + sb->ring_bytes;
	w->written_crc = sb->start_prev_crc;
	w->headroom = headroom(w);
	w->untried = true;
	w->tried_lsn = sb->start_lsn;
}

static struct ktm_jw_batch *batch_of(struct ktm_jw *w, u64 n)
{
	return &w->batch[core_mod64(n, w->nbufs)];
}

static struct ktm_jw_batch *open_batch(struct ktm_jw *w)
{
	return w->opened > w->closed ? batch_of(w, w->closed) : NULL;
}

/* Kinds that somebody forces, and whose batch may hold nothing else. */
static bool forcible(u16 type)
{
	return type == KTM_JREC_DECISION || type == KTM_JREC_RM || type == KTM_JREC_RM_GONE ||
	       type == KTM_JREC_STREAM || type == KTM_JREC_STREAM_GONE;
}

static u32 charge_for(u32 unit, u16 type, u32 size)
{
	return size + size / 2 + (forcible(type) ? unit + KTM_JF_BATCH_HEAD : 0);
}

u32 ktm_jw_charge(u32 unit, u16 type, u32 var)
{
	u32 size = ktm_jrec_bytes(type, var);

	return size ? charge_for(unit, type, size) : 0;
}

/* What is used up or set aside for the open batch. */
static u64 used_lsn(const struct ktm_jw *w)
{
	const struct ktm_jw_batch *b = open_batch((struct ktm_jw *)w);

	return w->next_lsn + (b ? b->credit : 0);
}

/* What is left besides @kept bytes. */
static u64 free_but(const struct ktm_jw *w, u64 kept)
{
	u64 taken = used_lsn(w) + w->reserved + kept;

	return taken < w->limit ? w->limit - taken : 0;
}

u64 ktm_jw_free(const struct ktm_jw *w)
{
	return free_but(w, w->headroom);
}

int ktm_jw_reserve(struct ktm_jw *w, u64 bytes, bool granted)
{
	if (!granted && (bytes > ktm_jw_free(w) || w->reserved + bytes > w->sb.ring_bytes / 2))
		return -ENOSPC;
	w->reserved += bytes;
	return 0;
}

void ktm_jw_unreserve(struct ktm_jw *w, u64 bytes)
{
	if (KTM_CORE_BUG_ON(bytes > w->reserved))
		bytes = w->reserved;
	w->reserved -= bytes;
}

static void close_batch(struct ktm_jw *w)
{
	struct ktm_jw_batch *b = open_batch(w);

	b->bytes = ALIGN(b->used, w->sb.unit);
	b->seq = w->next_seq++;
	w->next_lsn += b->bytes;
	w->closed++;
	/* Beyond the limit lies what recovery still needs. */
	KTM_CORE_BUG_ON(w->next_lsn > w->limit);
}

static void begin_batch(struct ktm_jw *w)
{
	struct ktm_jw_batch *b = batch_of(w, w->opened);

	b->lsn = w->next_lsn;
	b->used = KTM_JF_BATCH_HEAD;
	b->records = 0;
	b->bytes = 0;
	b->credit = 0;
	b->forcible = false;
	b->fua = false;
	b->written = false;
	w->opened++;
}

static void make_forcible(struct ktm_jw *w, struct ktm_jw_batch *b)
{
	if (!b->forcible)
		b->credit += padding(w);
	b->forcible = true;
}

/* Less than all: the end of a restart area may cost something, too. */
static u64 copy_room(const struct ktm_jw *w)
{
	return free_but(w, 2 * padding(w));
}

static bool is_copy(const struct ktm_jrec *rec)
{
	return rec->type == KTM_JREC_SREC && rec->flags & KTM_JREC_F_COPY;
}

/* Is there room for what nobody has reserved? */
static bool fits(const struct ktm_jw *w, const struct ktm_jrec *rec, u32 charge)
{
	return charge <= (is_copy(rec) ? copy_room(w) : ktm_jw_free(w));
}

/* What its records have set aside pays for its padding, too: it can end here. */
static bool paid(const struct ktm_jw *w, const struct ktm_jw_batch *b)
{
	return ALIGN(b->used, w->sb.unit) <= b->credit;
}

/*
 * What is in the open batch shall be forced. @free: what may be used for its padding. Where that
 * is not there the batch may need none: then to close it gives back what it has set aside.
 */
static int force_open_batch(struct ktm_jw *w, struct ktm_jw_batch *b, u64 free)
{
	if (padding(w) <= free)
		make_forcible(w, b);
	else if (paid(w, b))
		close_batch(w);
	else
		return -ENOSPC;
	return 0;
}

int ktm_jw_append(struct ktm_jw *w, const struct ktm_jrec *rec, u32 reserved, u64 *lsn)
{
	u32 size = ktm_jrec_size(rec);
	struct ktm_jw_batch *b;
	u32 charge;

	if (w->err)
		return w->err;
	if (!size)
		return -EINVAL;
	charge = charge_for(w->sb.unit, rec->type, size);
	if (reserved) {
		if (KTM_CORE_BUG_ON(reserved < charge || reserved > w->reserved))
			return -EINVAL;
	} else if (!fits(w, rec, charge)) {
		return -ENOSPC;
	}
	/* Only a hostile geometry can grant more than the ring holds; it gets no further. */
	if (used_lsn(w) + max(charge, reserved) > w->limit)
		return -ENOSPC;

	b = open_batch(w);
	if (b && b->used + size > w->buf_bytes) {
		close_batch(w);
		b = NULL;
	}
	if (!b) {
		if (w->opened - w->freed >= w->nbufs)
			return -EAGAIN;
		begin_batch(w);
		b = open_batch(w);
	}
	ktm_jrec_encode(rec, b->data + b->used, size);
	if (rec->type == KTM_JREC_SREC && !rec->srec.lsn)
		ktm_jrec_name(b->data + b->used, b->lsn + b->used + size, rec->srec.data_crc);
	b->used += size;
	b->records++;
	/* A batch is padded once, however many of its records could have been forced alone. */
	b->credit += size + size / 2;
	if (forcible(rec->type) || reserved >= charge + padding(w))
		make_forcible(w, b);
	w->reserved -= reserved;
	w->appends++;
	if (is_copy(rec))
		w->copied += size;
	*lsn = b->lsn + b->used;
	return 0;
}

int ktm_jw_append_forcible(struct ktm_jw *w, const struct ktm_jrec *rec, u32 reserved, u64 *lsn)
{
	const struct ktm_jw_batch *b = open_batch(w);
	const u32 size = ktm_jrec_size(rec);
	u64 more = reserved ? 0 : charge_for(w->sb.unit, rec->type, size);
	int err;

	/* One that could be forced alone, or whose batch can be anyway, needs nothing besides. */
	if (!forcible(rec->type) && !(b && b->forcible && b->used + size <= w->buf_bytes))
		more += padding(w);
	if (!w->err && more > ktm_jw_free(w))
		return -ENOSPC;
	w->reserved += more;
	err = ktm_jw_append(w, rec, reserved + more, lsn);
	if (err)
		w->reserved -= more;
	return err;
}

u64 ktm_jw_end(const struct ktm_jw *w)
{
	const struct ktm_jw_batch *b = open_batch((struct ktm_jw *)w);

	return b ? b->lsn + b->used : w->next_lsn;
}

int ktm_jw_want(struct ktm_jw *w, u64 lsn)
{
	struct ktm_jw_batch *b = open_batch(w);

	if (lsn > ktm_jw_end(w))
		return -EINVAL;
	if (b && lsn > b->lsn && !b->forcible) {
		int err = force_open_batch(w, b, ktm_jw_free(w));

		if (err)
			return err;
	}
	w->want_lsn = max(w->want_lsn, lsn);
	return 0;
}

void ktm_jw_want_all(struct ktm_jw *w)
{
	struct ktm_jw_batch *b = open_batch(w);

	if (b && w->next_lsn + ALIGN(b->used, w->sb.unit) <= w->limit)
		close_batch(w);
	w->want_lsn = max(w->want_lsn, w->next_lsn);
}

/*
 * The forced batch is all that is not yet durable, or on its way through the cache: one more
 * such write will do. They may end in any order; what counts is up to where all have.
 */
static bool alone(const struct ktm_jw *w, const struct ktm_jw_batch *b)
{
	return w->has_fua && b->lsn == w->fua_lsn &&
	       w->want_lsn > b->lsn && w->want_lsn <= b->lsn + b->bytes;
}

static enum ktm_jw_want next_write(struct ktm_jw *w, struct ktm_jw_batch **out)
{
	struct ktm_jw_batch *b = batch_of(w, w->submitted);

	b->fua = alone(w, b);
	if (b->fua) {
		w->fuas++;
		w->fua_lsn = b->lsn + b->bytes;
		w->fua_writes++;
	}
	b->flushed_lsn = w->flushed_lsn;
	w->submitted++;
	w->submitted_lsn = b->lsn + b->bytes;
	w->writes++;
	*out = b;
	return KTM_JW_WRITE;
}

/* @blocked: a batch cannot go out before something is flushed. */
static bool flush_now(const struct ktm_jw *w, bool blocked)
{
	if (w->want_ticket > w->flushed_ticket)
		return true;
	if (w->written_lsn == w->flushed_lsn)
		return false;
	/* A flush covers the writes that have ended, so it waits for all that it is for. */
	return (w->want_lsn > w->flushed_lsn && w->written_lsn >= w->want_lsn) ||
	       (blocked && w->written_lsn == w->submitted_lsn);
}

/* Who comes while as many forces are under way as may be shares the next batch. */
static bool may_force(const struct ktm_jw *w)
{
	return !w->force && w->fuas < KTM_JW_FUAS;
}

bool ktm_jw_ready(const struct ktm_jw *w)
{
	return w->has_fua && !w->err && w->want_lsn > w->next_lsn && may_force(w);
}

enum ktm_jw_want ktm_jw_next(struct ktm_jw *w, struct ktm_jw_batch **b)
{
	bool blocked = false;

	if (w->err)
		return KTM_JW_NOTHING;
	if (may_force(w) && w->want_lsn > w->next_lsn)
		close_batch(w);
	if (w->submitted < w->closed) {
		struct ktm_jw_batch *n = batch_of(w, w->submitted);

		/* Never more than W unflushed: the search behind the tail relies on it. */
		if (n->lsn + n->bytes - w->flushed_lsn <= w->sb.window)
			return next_write(w, b);
		blocked = true;
	}
	if (w->force || !flush_now(w, blocked))
		return KTM_JW_NOTHING;
	w->force = true;
	w->force_lsn = w->written_lsn;
	w->force_ticket = w->want_ticket;
	w->flushes++;
	return KTM_JW_FLUSH;
}

void ktm_jw_seal(struct ktm_jw *w, struct ktm_jw_batch *b)
{
	struct ktm_jf_link link = {
		.lsn = b->lsn,
		.seq = b->seq,
		.prev_crc = w->prev_crc,
	};

	b->crc = ktm_jf_batch_seal(&w->chain, &link, b->flushed_lsn, b->used, b->records, b->data);
	w->prev_crc = b->crc;
}

/* All up to the mark has been written, so the checksum before it is known. */
static void see_mark(struct ktm_jw *w)
{
	if (w->marking && !w->marked && w->written_lsn == w->mark.lsn) {
		w->mark.prev_crc = w->written_crc;
		w->marked = true;
	}
}

void ktm_jw_write_done(struct ktm_jw *w, struct ktm_jw_batch *b, int err)
{
	if (err)
		ktm_jw_fail(w, err);
	b->written = true;
	while (w->freed < w->submitted && batch_of(w, w->freed)->written) {
		struct ktm_jw_batch *first = batch_of(w, w->freed++);

		w->written_lsn = first->lsn + first->bytes;
		w->written_crc = first->crc;
		see_mark(w);
		/* Before it there was nothing else, or it would not have been alone(). */
		if (first->fua && !w->err)
			w->flushed_lsn = w->written_lsn;
	}
	if (b->fua)
		w->fuas--;
}

void ktm_jw_flush_done(struct ktm_jw *w, int err)
{
	w->force = false;
	if (err)
		ktm_jw_fail(w, err);
	/* Another one that failed meanwhile may have dropped what this one should have flushed. */
	if (w->err)
		return;
	/* What went through the cache meanwhile may be further. */
	w->flushed_lsn = max(w->flushed_lsn, w->force_lsn);
	w->fua_lsn = max(w->fua_lsn, w->flushed_lsn);
	w->flushed_ticket = w->force_ticket;
}

void ktm_jw_fail(struct ktm_jw *w, int err)
{
	if (!w->err)
		w->err = err;
}

/* ---- restart areas of the running log ---------------------------------- */

/* Of what was written since the last one began some will be dead. */
static bool worth_it(const struct ktm_jw *w)
{
	return w->untried || w->next_lsn - w->tried_lsn >= w->sb.ring_bytes / 16;
}

bool ktm_jw_restart_due(const struct ktm_jw *w)
{
	if (w->err || w->marking || !worth_it(w))
		return false;
	return w->next_lsn - w->sb.start_lsn >= w->sb.ring_bytes / 4 ||
	       ktm_jw_free(w) < w->sb.ring_bytes / 4;
}

void ktm_jw_unread_gone(struct ktm_jw *w)
{
	w->vain = 0;
}

void ktm_jw_unread(struct ktm_jw *w, bool any, u32 now)
{
	w->unread = any;
	w->unread_at = now;
}

/* Not more often than that: whoever is refused must not keep the device busy. */
static bool worth_reading(const struct ktm_jw *w, u32 now)
{
	return w->unread && now - w->unread_at > 1;
}

bool ktm_jw_restart_helps(const struct ktm_jw *w, u32 now)
{
	/*
	 * What lives may lie so dense that only its own copies find room where it was, but dead
	 * bytes lie behind it. If half a ring was copied and nothing has come of it, none do.
	 */
	return !w->err && (w->marking || worth_it(w) || w->vain < w->sb.ring_bytes / 2 ||
			   worth_reading(w, now));
}

int ktm_jw_mark(struct ktm_jw *w)
{
	if (w->err)
		return w->err;
	if (w->marking)
		return -EBUSY;
	/*
	 * Where the open batch begins: what it already holds is replayed, too, which does no
	 * harm. To close it would cost a padding each time, also where the walk then fails.
	 */
	w->marking = true;
	w->marked = false;
	if (worth_it(w))
		w->vain = 0;
	w->untried = false;
	w->tried_lsn = w->next_lsn;
	w->copied = 0;
	w->mark.lsn = w->next_lsn;
	w->mark.seq = w->next_seq;
	see_mark(w);
	return 0;
}

bool ktm_jw_marked(const struct ktm_jw *w, struct ktm_jf_link *link)
{
	*link = w->mark;
	return w->marking && w->marked;
}

bool ktm_jw_worth_ending(const struct ktm_jw *w, u64 tail_lsn, bool grows)
{
	const u64 tail = min(tail_lsn - core_mod64(tail_lsn, w->sb.unit), w->mark.lsn);
	const struct ktm_jw_batch *b = open_batch((struct ktm_jw *)w);

	if (grows || w->copied || tail > w->sb.tail_lsn)
		return true;
	/* What is forced gives back what its batch has set aside and does not need. */
	return (b && b->credit > ALIGN(b->used, w->sb.unit)) ||
	       w->mark.lsn - w->sb.start_lsn >= w->sb.ring_bytes / 16;
}

int ktm_jw_want_end(struct ktm_jw *w, u64 tail_lsn, bool grows, u64 *lsn)
{
	bool gains = grows || min(tail_lsn, w->mark.lsn) >= w->sb.tail_lsn + padding(w);
	struct ktm_jw_batch *b = open_batch(w);

	if (w->err)
		return w->err;
	if (b && !b->forcible) {
		/* One that gives back less than it takes would use up the headroom in time. */
		int err = force_open_batch(w, b, gains ? free_but(w, 0) : ktm_jw_free(w));

		if (err)
			return err;
	}
	*lsn = ktm_jw_end(w);
	w->want_lsn = max(w->want_lsn, *lsn);
	return 0;
}

u64 ktm_jw_want_flush(struct ktm_jw *w)
{
	return ++w->want_ticket;
}

bool ktm_jw_flushed(const struct ktm_jw *w, u64 ticket)
{
	return w->flushed_ticket >= ticket;
}

/* May all that could be written meanwhile keep its place, and the table stay small? */
static bool all_stays(const struct ktm_jw *w, u64 dev_bytes, u64 tail_lsn)
{
	struct ktm_jf_sb next = w->sb;

	next.tail_lsn = min(tail_lsn - core_mod64(tail_lsn, next.unit), w->mark.lsn);
	return ktm_jf_grow(&next, dev_bytes, w->limit) &&
	       next.ring_count <= KTM_JF_RING_EXTENTS / 2;
}

u64 ktm_jw_hold(struct ktm_jw *w, u64 dev_bytes, u64 tail_lsn)
{
	u64 enough = used_lsn(w) + w->reserved + w->headroom + w->sb.ring_bytes / 8;

	/* On a unit; what is promised and some more has room in front of it. */
	if (ktm_jf_growth(&w->sb, dev_bytes) && !all_stays(w, dev_bytes, tail_lsn))
		w->limit = min(w->limit, enough + w->sb.unit - core_mod64(enough, w->sb.unit));
	return w->limit;
}

void ktm_jw_unmark(struct ktm_jw *w)
{
	if (w->marking)
		w->vain += w->copied + w->sb.ring_bytes / 64;
	w->limit = w->sb.tail_lsn + w->sb.ring_bytes;
	w->marking = false;
}

void ktm_jw_restarted(struct ktm_jw *w, const struct ktm_jf_sb *sb)
{
	const u64 cost = w->copied + w->sb.ring_bytes / 64;
	const bool gained = sb->ring_bytes > w->sb.ring_bytes ||
			    sb->tail_lsn - w->sb.tail_lsn > cost;

	w->vain = gained ? 0 : w->vain + cost;
	w->sb = *sb;
	w->limit = sb->tail_lsn + sb->ring_bytes;
	w->headroom = headroom(w);
	w->marking = false;
}

int ktm_jw_quota(struct ktm_jw *w, s64 change, bool granted)
{
	if (change > 0 && !granted &&
	    ((u64)change > w->sb.ring_bytes || w->quota + change > ktm_jw_most_quota(&w->sb)))
		return -ENOSPC;
	if (KTM_CORE_BUG_ON(change < 0 && (u64)-change > w->quota))
		change = -(s64)w->quota;
	w->quota += change;
	return 0;
}

const u8 *ktm_jw_peek(const struct ktm_jw *w, u64 place, u32 bytes)
{
	u64 n;

	for (n = w->freed; n < w->opened; n++) {
		const struct ktm_jw_batch *b = batch_of((struct ktm_jw *)w, n);

		if (place >= b->lsn && place + bytes <= b->lsn + b->used)
			return b->data + (place - b->lsn);
	}
	return NULL;
}
