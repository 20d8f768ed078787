// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: out of the log when a TM is opened, and into its restart areas.
 *
 * A recovery builds each stream of the log anew, in a stream that nobody can find. When
 * all of it is durable such a stream is published, or, if one of its id lives, what was
 * found takes the place of what that one has: its descriptors stay, but have to look
 * at it first.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "status.h"
#include "stream.h"

/**
 * ktm_stream_create_recovered - a stream that the log knows
 * @tm: its TM
 * @rec: its record
 * @sp: out: the stream with a reference, not yet known to anybody
 *
 * Return: enum ktm_status; LOG_CORRUPTION_DETECTED for values that no stream can have.
 */
u32 ktm_stream_create_recovered(struct ktm_tm *tm, const struct ktm_jrec *rec,
				struct ktm_stream **sp)
{
	struct ktm_stream *s;
	u32 status;

	if (!rec->stream.name_len || rec->stream.quota > S64_MAX / 2)
		return KTM_STATUS_LOG_CORRUPTION_DETECTED;
	s = ktm_stream_alloc(tm);
	if (!s)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	status = ktm_object_init_recovered(&s->obj, KTM_KIND_STREAM, tm, &rec->stream.guid,
					   rec->stream.mode, rec->stream.uid, rec->stream.gid);
	if (status) {
		kfree(s);
		return status;
	}
	ktm_object_get(&tm->obj);
	s->id = rec->stream.id;
	s->name_length = rec->stream.name_len;
	memcpy(s->name, rec->stream.name, rec->stream.name_len);
	*sp = s;
	return KTM_STATUS_SUCCESS;
}

static int add(struct ktm_stream *s, const struct ktm_jsent *at)
{
	struct ktm_sentry *e = ktm_sentry_alloc(GFP_KERNEL);

	if (!e)
		return -ENOMEM;
	e->lsn = at->lsn;
	e->place = at->place;
	e->bytes = at->bytes;
	e->flags = at->flags;
	if (ktm_sindex_add(&s->index, e))
		return 0;
	ktm_sentry_free(e);
	return -EUCLEAN;
}

static int add_index(struct ktm_stream *s, const struct ktm_jrec *rec)
{
	u32 i;

	for (i = 0; i < rec->sindex.count; i++) {
		const struct ktm_jsent at = ktm_jrec_sent(rec, i);
		int err = add(s, &at);

		if (err)
			return err;
	}
	return 0;
}

static struct ktm_jsent sent_of_record(const struct ktm_jrec *rec)
{
	const u32 bytes = ktm_jrec_size(rec);

	return (struct ktm_jsent){
		.lsn = rec->flags & KTM_JREC_F_COPY ? rec->srec.lsn : rec->lsn,
		.place = rec->lsn - bytes,
		.bytes = bytes,
		.flags = rec->flags & KTM_JREC_F_RESTART,
	};
}

static int ask(struct ktm_stream *s, struct ktm_jp *jp, const struct ktm_jrec *rec)
{
	struct ktm_jp_stream *found = s ? &s->found : NULL;
	const struct ktm_sentry *e;
	struct ktm_jsent live;
	struct ktm_jrec known;

	switch (rec->type) {
	case KTM_JREC_STREAM:
		if (s)
			ktm_stream_to_record(s, &known);
		return ktm_jp_stream(jp, found, s ? &known : NULL, rec);
	case KTM_JREC_STREAM_GONE:
		return ktm_jp_stream_gone(jp, found, rec);
	case KTM_JREC_SINDEX:
		return ktm_jp_sindex(jp, found, rec);
	case KTM_JREC_SBASE:
		return ktm_jp_sbase(jp, found, rec);
	case KTM_JREC_STRUNC:
		return ktm_jp_strunc(jp, found, rec);
	default:
		e = s ? ktm_sindex_find(&s->index, rec->srec.lsn) : NULL;
		if (e)
			live = ktm_stream_sent(e);
		return ktm_jp_srec(jp, found, e ? &live : NULL, rec);
	}
}

static void cut_above(struct ktm_stream *s, u64 lsn)
{
	const struct ktm_sentry *restart;

	ktm_sindex_cut_above(&s->index, lsn);
	restart = ktm_sindex_restart_before(&s->index, U64_MAX);
	ktm_jp_stream_cut(&s->found, restart ? restart->lsn : 0);
}

/* STREAM: its quota, all else of it is as it was. */
static int take(struct ktm_stream *s, const struct ktm_jrec *rec)
{
	if (rec->stream.quota > S64_MAX / 2)
		return -EUCLEAN;
	s->quota = rec->stream.quota;
	return 0;
}

/**
 * ktm_stream_replay - one record of the log that is about a stream
 * @s: the stream of its id, as found so far; NULL: none
 * @jp: the replay
 * @rec: the record, STREAM to SINDEX
 *
 * Return: 0: that was all; KTM_JP_MAKE: the caller makes the stream, with
 * ktm_stream_create_recovered(), and calls again; KTM_JP_END: the caller drops it; or a
 * negative errno.
 */
int ktm_stream_replay(struct ktm_stream *s, struct ktm_jp *jp, const struct ktm_jrec *rec)
{
	struct ktm_jsent at;
	int what = ask(s, jp, rec);

	switch (what) {
	case KTM_JP_TAKE:
		return take(s, rec);
	case KTM_JP_ADD:
		if (rec->type == KTM_JREC_SINDEX)
			return add_index(s, rec);
		at = sent_of_record(rec);
		return add(s, &at);
	case KTM_JP_MOVE:
		at = sent_of_record(rec);
		ktm_sindex_move(&s->index, ktm_sindex_find(&s->index, at.lsn), at.place);
		return 0;
	case KTM_JP_CUT_BELOW:
		ktm_sindex_cut_below(&s->index, s->found.base);
		return 0;
	case KTM_JP_CUT_ABOVE:
		cut_above(s, rec->strunc.last);
		return 0;
	case KTM_JP_SKIP:
		return 0;
	default:
		return what;
	}
}

/**
 * ktm_stream_replayed - the log was read to its end
 * @s: a stream that was found
 *
 * Before the snapshot: sets its accounts in the journal, which, opening, refuses nothing.
 */
void ktm_stream_replayed(struct ktm_stream *s)
{
	/* An index from a restart area comes in the order of names. */
	ktm_sindex_sort(&s->index);
	s->base = s->found.base;
	s->last = s->found.last;
	s->restart = s->found.restart;
	s->charged = ktm_stream_live_bytes(s, s->quota);
	ktm_journal_quota(s->tm->journal, s->quota);
	ktm_journal_live_charge(s->tm->journal, s->charged);
}

/**
 * ktm_stream_quiet - its TM leaves the log, to read it again
 * @s: a stream that lives
 *
 * After all transactions of the TM were made quiet: what their enlistments and the
 * descriptors had set aside in it is void.
 */
void ktm_stream_quiet(struct ktm_stream *s)
{
	mutex_lock(&s->lock);
	WRITE_ONCE(s->opening, s->opening + 1);
	ktm_stream_void_use(s);
	s->reserved = 0;
	s->needs = 0;
	mutex_unlock(&s->lock);
	wake_up_all(&s->wait);
}

/**
 * ktm_stream_publish_recovered - what the log says is durable: let it be found
 * @s: from ktm_stream_create_recovered(), of an id that the TM does not have
 *
 * May sleep until there is memory.
 */
void ktm_stream_publish_recovered(struct ktm_stream *s)
{
	WARN_ON_ONCE(ktm_object_publish_nofail(&s->obj));
	s->payer = ktm_user_of_log_nofail(s->obj.user, s->tm->journal);
	ktm_user_charge_log(s->payer, ktm_stream_held(s), NULL);
	ktm_stream_enter_tables_nofail(s);
	ktm_stream_join(s);
}

/**
 * ktm_stream_swap - a stream that lives gets what was found of it
 * @s: it lives; quiet
 * @found: of the same id; what @s had goes with it
 */
void ktm_stream_swap(struct ktm_stream *s, struct ktm_stream *found)
{
	mutex_lock(&s->lock);
	ktm_user_uncharge_log(s->payer, ktm_stream_held(s));
	ktm_user_charge_log(s->payer, ktm_stream_held(found), NULL);
	ktm_sindex_swap(&s->index, &found->index);
	s->quota = found->quota;
	s->charged = found->charged;
	s->base = found->base;
	s->base_owed = false;
	s->last = found->last;
	s->restart = found->restart;
	s->known = 0;
	mutex_unlock(&s->lock);
	wake_up_all(&s->wait);
}

/**
 * ktm_stream_lost - a stream that lived is not in the log
 * @s: the stream, in the TM's list, with a reference of the caller
 *
 * Its making had not become durable, or its deletion had.
 */
void ktm_stream_lost(struct ktm_stream *s)
{
	mutex_lock(&s->lock);
	WRITE_ONCE(s->gone, true);
	ktm_sindex_cut_above(&s->index, 0);
	ktm_user_uncharge_log(s->payer, ktm_stream_held(s));
	s->quota = 0;
	s->charged = 0;
	mutex_unlock(&s->lock);
	ktm_stream_discard(s);
	wake_up_all(&s->wait);
}

/**
 * ktm_stream_need_recovered - what an enlistment that was found has set aside
 * @need: of the enlistment, empty, the mutex of its transaction held
 * @s: its stream, which lives
 * @bytes: as its prepared record says; reserved in the journal already
 *
 * All of them, though the record that they are for may be in the log already, and only the
 * note behind it be lost: records do not say of which enlistment they are, and who has voted
 * must be able to write it (again). The stream may hold more than its quota then, by what was
 * being completed when the power went, and takes nothing else until it does not.
 *
 * May sleep until there is memory.
 */
void ktm_stream_need_recovered(struct ktm_stream_need *need, struct ktm_stream *s, u64 bytes)
{
	ktm_object_get(&s->obj);
	need->stream = s;
	need->spare = ktm_sentry_alloc(GFP_KERNEL | __GFP_NOFAIL);
	need->bytes = bytes;
	mutex_lock(&s->lock);
	s->reserved += bytes;
	s->needs++;
	mutex_unlock(&s->lock);
}

/* Entries of an index that are written down before others may use the stream again. */
#define SLICE	1024u
/* Microseconds, at least, for which they may. */
#define GAP_US	20

/* Copies what may be much while others use the stream: none of it is written to meanwhile. */
static int enlarge(struct ktm_stream *s, struct ktm_jpic *picture)
{
	const u64 records = READ_ONCE(s->index.records);
	/* And some that come meanwhile. */
	const u64 room = (picture->room ?: records) + records / 8 + 64;
	struct ktm_jsent *at = kvmalloc_array(room, sizeof(*at), GFP_KERNEL);

	if (!at)
		return -ENOMEM;
	if (picture->room)
		memcpy(at, picture->at, picture->room * sizeof(*at));
	mutex_lock(&s->lock);
	at = ktm_jpic_enlarge(picture, at, room);
	mutex_unlock(&s->lock);
	kvfree(at);
	return 0;
}

/*
 * Its index and its record, both as they are at one instant: the end of the last slice. Whoever
 * appends or cuts waits for one slice, however much the stream holds.
 */
static int take_picture(struct ktm_stream *s, struct ktm_jpic *picture, struct ktm_jrec *rec)
{
	int err = enlarge(s, picture);
	bool full;

	mutex_lock(&s->lock);
	s->index.picture = picture;
	while (!err && !ktm_sindex_slice(&s->index, SLICE)) {
		full = ktm_jpic_full(picture);
		mutex_unlock(&s->lock);
		/* Who waits, spinning, would hardly get it from one who takes it again at once. */
		usleep_range(GAP_US, 2 * GAP_US);
		if (full)
			err = enlarge(s, picture);
		mutex_lock(&s->lock);
	}
	s->index.picture = NULL;
	ktm_stream_to_record(s, rec);
	rec->stream.base = s->base;
	rec->stream.restart = s->restart;
	rec->stream.lsn = s->known;
	rec->stream.entries = picture->end - picture->first;
	mutex_unlock(&s->lock);
	return err;
}

/**
 * ktm_stream_snapshot - what a restart area says of a stream
 * @s: the stream; one that has gone says nothing
 * @emit: takes a record; may sleep; another value than 0 ends it
 * @ctx: for @emit
 *
 * Nothing is copied forward meanwhile, and the stream is not swapped.
 *
 * Return: 0, -ENOMEM, or what @emit returned.
 */
int ktm_stream_snapshot(struct ktm_stream *s, int (*emit)(void *ctx, const struct ktm_jrec *rec),
			void *ctx)
{
	struct ktm_jpic picture = { };
	const struct ktm_jsent *at;
	struct ktm_jrec rec;
	u32 left, n;
	int err;

	if (READ_ONCE(s->gone))
		return 0;
	err = take_picture(s, &picture, &rec);
	if (err)
		goto free;
	at = picture.at + picture.first;
	left = rec.stream.entries;
	err = emit(ctx, &rec);
	while (!err && left) {
		n = min(left, KTM_JF_SINDEX_MAX);
		rec = (struct ktm_jrec){
			.type = KTM_JREC_SINDEX,
			.sindex = { .id = s->id, .count = n, .entries = at },
		};
		err = emit(ctx, &rec);
		at += n;
		left -= n;
	}
free:
	kvfree(picture.at);
	return err;
}

/**
 * ktm_stream_oldest_place - where in the log its oldest record lies
 * @s: the stream
 *
 * Return: LSN of its first byte, or U64_MAX if there is none.
 */
u64 ktm_stream_oldest_place(struct ktm_stream *s)
{
	const struct ktm_sentry *e;
	u64 place;

	mutex_lock(&s->lock);
	e = ktm_sindex_oldest(&s->index);
	place = e ? e->place : U64_MAX;
	mutex_unlock(&s->lock);
	return place;
}
