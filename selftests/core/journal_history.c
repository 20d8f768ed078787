// SPDX-License-Identifier: GPL-2.0
/* A log as it is written, see journal_history.h. */
#include <stdio.h>
#include <stdlib.h>

#include "journal_history.h"

#define BATCH_CLOSES	20000u	/* bytes */
#define MANY		5u	/* of each kind */
#define UOWS		12u	/* that are used over and over */

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static struct ktm_guid guid(u32 kind, u32 n)
{
	struct ktm_guid g = { { 0 } };

	memcpy(g.b, &n, sizeof(n));
	memcpy(g.b + 4, &kind, sizeof(kind));
	g.b[15] = 1;
	return g;
}

enum { G_RM = 1, G_TX, G_EN, G_STREAM };

/* No text, and no two neighbours alike. */
static u8 filler[KTM_JF_INFO_MAX];

void jhistory_init(struct jhistory *h, u64 seed, u64 start, u32 unit, bool info)
{
	struct ktm_jf_sb sb = { .start_lsn = start, .restart_lsn = start, .tail_lsn = start };

	memset(h, 0, sizeof(*h));
	h->rng.s = seed;
	h->unit = unit;
	h->info = info;
	h->next = start;
	h->clock = 1;
	jmodel_init(&h->now, &sb);
	for (u32 i = 0; i < sizeof(filler); i++)
		filler[i] = 37 * i + 65;
}

void jhistory_free(struct jhistory *h)
{
	jmodel_free(&h->now);
	free(h->recs);
	free(h->bytes);
}

/* ---- appending --------------------------------------------------------- */

static u8 *room(struct jhistory *h, u32 bytes)
{
	while (h->used + bytes > h->bytes_room) {
		h->bytes_room = 2 * h->bytes_room + 65536;
		h->bytes = must(realloc(h->bytes, h->bytes_room));
	}
	return h->bytes + h->used;
}

static u32 encode(struct jhistory *h, const struct ktm_jrec *rec)
{
	u8 *to = room(h, KTM_JF_REC_MAX);
	u32 size = ktm_jrec_encode(rec, to, KTM_JF_REC_MAX);

	if (!size)
		abort();
	h->used += size;
	return size;
}

u64 jhistory_close(struct jhistory *h)
{
	if (h->batch)
		h->next = ALIGN(h->next, (u64)h->unit);
	h->batch = 0;
	return h->next;
}

static void decoded(const struct jhistory *h, const struct jh_rec *r, struct ktm_jrec *rec)
{
	const char *why;

	if (ktm_jrec_decode(rec, h->bytes + r->at, r->size, &why) != r->size) {
		fprintf(stderr, "history: %s\n", why);
		abort();
	}
	rec->lsn = r->lsn;
}

/* Appended, it counts. */
static void append(struct jhistory *h, struct ktm_jrec *rec)
{
	u32 size = ktm_jrec_size(rec);
	struct ktm_jrec back;
	struct jh_rec *r;

	if (h->batch && (h->next + size - h->batch > BATCH_CLOSES || rng_percent(&h->rng, 15)))
		jhistory_close(h);
	if (!h->batch) {
		h->batch = h->next;
		h->next += KTM_JF_BATCH_HEAD;
	}
	if (rec->type == KTM_JREC_SREC && !rec->srec.lsn)
		rec->srec.lsn = h->next + size;
	if (h->count == h->recs_room) {
		h->recs_room = 2 * h->recs_room + 256;
		h->recs = must(realloc(h->recs, h->recs_room * sizeof(*h->recs)));
	}
	r = &h->recs[h->count++];
	*r = (struct jh_rec){ .lsn = h->next + size, .batch = h->batch, .at = h->used };
	r->size = encode(h, rec);
	h->next += size;
	decoded(h, r, &back);
	if (jmodel_replay(&h->now, &back)) {
		fprintf(stderr, "history: %s\n", h->now.jp.why);
		abort();
	}
}

/* ---- what happens ------------------------------------------------------- */

static u32 some_bytes(struct jhistory *h)
{
	if (!h->info)
		return 0;
	return rng_below(&h->rng, rng_percent(&h->rng, 10) ? 3000 : 40);
}

static struct jm_rm *any_rm(struct jhistory *h)
{
	struct jm_rm *rm, *found = NULL;
	u32 n = 0;

	for (rm = h->now.rms; rm; rm = rm->next)
		if (!rng_below(&h->rng, ++n))
			found = rm;
	return found;
}

static struct jm_tx *any_tx(struct jhistory *h)
{
	struct jm_tx *tx, *found = NULL;
	u32 n = 0;

	for (tx = h->now.txs; tx; tx = tx->next)
		if (!rng_below(&h->rng, ++n))
			found = tx;
	return found;
}

static struct jm_stream *any_stream(struct jhistory *h)
{
	struct jm_stream *s, *found = NULL;
	u32 n = 0;

	for (s = h->now.streams; s; s = s->next)
		if (!rng_below(&h->rng, ++n))
			found = s;
	return found;
}

/* Its GUID may be that of one that was there before. */
static void rm_comes(struct jhistory *h)
{
	struct ktm_jrec rec = {
		.type = KTM_JREC_RM,
		.rm = { .guid = guid(G_RM, rng_below(&h->rng, MANY)), .mode = 0600,
			.desc = filler, .desc_len = rng_below(&h->rng, 20) },
	};

	for (struct jm_rm *rm = h->now.rms; rm; rm = rm->next)
		if (!memcmp(&rm->rec.rm.guid, &rec.rm.guid, sizeof(rec.rm.guid)))
			return;
	append(h, &rec);
}

static void rm_goes(struct jhistory *h)
{
	struct jm_rm *rm = any_rm(h);
	struct ktm_jrec rec = { .type = KTM_JREC_RM_GONE };

	if (!rm || rm->jp.unfinished)
		return;
	rec.rm_gone.guid = rm->rec.rm.guid;
	append(h, &rec);
}

static void votes(struct jhistory *h, const struct ktm_guid *uow, u32 flags)
{
	struct jm_rm *rm = any_rm(h);
	struct ktm_jrec rec = { .type = KTM_JREC_PREPARED };

	if (!rm)
		return;
	rec.prepared.uow = *uow;
	rec.prepared.enlistment = guid(G_EN, ++h->names);
	rec.prepared.rm = rm->rec.rm.guid;
	rec.prepared.key = h->names;
	rec.prepared.mask = 0x1f;
	rec.prepared.flags = flags;
	rec.prepared.mode = 0600;
	rec.prepared.info = filler;
	rec.prepared.info_len = some_bytes(h);
	append(h, &rec);
}

static void tx_begins(struct jhistory *h)
{
	struct ktm_guid uow = guid(G_TX, rng_below(&h->rng, UOWS));

	for (struct jm_tx *tx = h->now.txs; tx; tx = tx->next)
		if (!memcmp(&tx->uow, &uow, sizeof(uow)))
			return;
	votes(h, &uow, KTM_JREC_P_FIRST);
}

static void decides(struct jhistory *h, struct jm_tx *tx, u32 outcome)
{
	struct ktm_jrec rec = {
		.type = KTM_JREC_DECISION,
		.decision = { .uow = tx->uow, .outcome = outcome, .prepared = tx->jp.prepared,
			      .clock = h->clock },
	};

	h->clock += rng_below(&h->rng, 3);
	append(h, &rec);
}

static void finishes(struct jhistory *h, struct jm_tx *tx)
{
	struct ktm_jrec rec = {
		.type = KTM_JREC_COMPLETION,
		.flags = tx->jp.unfinished == 1 ? KTM_JREC_F_END : 0,
		.completion.uow = tx->uow,
	};
	struct jm_en *en = tx->enlistments;

	if (rng_percent(&h->rng, 50) && en->next)
		en = en->next;
	rec.completion.enlistment = en->rec.prepared.enlistment;
	append(h, &rec);
}

static void tx_goes_on(struct jhistory *h)
{
	struct jm_tx *tx = any_tx(h);
	u32 dice = rng_below(&h->rng, 100);

	if (!tx) {
		tx_begins(h);
	} else if (tx->jp.decided || tx->jp.completed) {
		finishes(h, tx);
	} else if (tx->jp.superior) {
		decides(h, tx, dice < 70 ? KTM_JREC_COMMIT : KTM_JREC_ABORT);
	} else if (dice < 40) {
		votes(h, &tx->uow, 0);
	} else if (dice < 55) {
		votes(h, &tx->uow, KTM_JREC_P_SUPERIOR);
	} else if (dice < 85) {
		decides(h, tx, KTM_JREC_COMMIT);
	} else {
		finishes(h, tx);
	}
}

static void stream_comes(struct jhistory *h)
{
	struct jm_stream *s = any_stream(h);
	struct ktm_jrec rec = {
		.type = KTM_JREC_STREAM,
		.stream = { .mode = 0600, .name = filler, .name_len = rng_below(&h->rng, 20) },
	};

	if (s && rng_percent(&h->rng, 50)) {
		rec.stream = s->rec.stream;
		rec.stream.base = 0;
		rec.stream.last = s->jp.last;
		rec.stream.restart = 0;
		rec.stream.lsn = 0;
		rec.stream.entries = 0;
	} else {
		rec.stream.id = ++h->names;
		rec.stream.guid = guid(G_STREAM, rng_below(&h->rng, MANY));
	}
	rec.stream.quota = 1000 * (1 + rng_below(&h->rng, 50));
	append(h, &rec);
}

static void stream_goes(struct jhistory *h)
{
	struct jm_stream *s = any_stream(h);
	struct ktm_jrec rec = { .type = KTM_JREC_STREAM_GONE };

	if (!s || s == h->walked)
		return;
	rec.stream_gone.id = s->rec.stream.id;
	append(h, &rec);
}

static void stream_writes(struct jhistory *h, struct jm_stream *s, const struct ktm_jsent *copy)
{
	struct ktm_jrec rec = { .type = KTM_JREC_SREC };

	rec.srec.id = s->rec.stream.id;
	rec.srec.previous = s->jp.last;
	rec.srec.data = filler;
	if (copy) {
		rec.flags = KTM_JREC_F_COPY | copy->flags;
		rec.srec.lsn = copy->lsn;
		rec.srec.len = copy->bytes - ktm_jrec_bytes(KTM_JREC_SREC, 0);
	} else {
		rec.flags = rng_percent(&h->rng, 20) ? KTM_JREC_F_RESTART : 0;
		rec.srec.len = some_bytes(h);
	}
	rec.srec.data_crc = ktm_jrec_data_crc(rec.srec.data, rec.srec.len);
	append(h, &rec);
}

static void stream_goes_on(struct jhistory *h)
{
	struct jm_stream *s = any_stream(h);
	u32 dice = rng_below(&h->rng, 100);
	struct ktm_jrec rec = { 0 };

	if (!s)
		return;
	if (dice < 55 || !s->count) {
		stream_writes(h, s, NULL);
	} else if (dice < 75 && s != h->walked) {
		stream_writes(h, s, &s->entries[rng_below(&h->rng, s->count)]);
	} else if (dice < 90) {
		rec.type = KTM_JREC_SBASE;
		rec.sbase.id = s->rec.stream.id;
		rec.sbase.base = s->entries[rng_below(&h->rng, s->count)].lsn +
				 rng_below(&h->rng, 2);
		append(h, &rec);
	} else {
		rec.type = KTM_JREC_STRUNC;
		rec.strunc.id = s->rec.stream.id;
		rec.strunc.last = rng_percent(&h->rng, 20) ? 0 :
				  s->entries[rng_below(&h->rng, s->count)].lsn;
		append(h, &rec);
	}
}

void jhistory_step(struct jhistory *h)
{
	u32 dice = rng_below(&h->rng, 100);

	if (dice < 7)
		rm_comes(h);
	else if (dice < 12)
		rm_goes(h);
	else if (dice < 25)
		tx_begins(h);
	else if (dice < 65)
		tx_goes_on(h);
	else if (dice < 70)
		stream_comes(h);
	else if (dice < 73)
		stream_goes(h);
	else
		stream_goes_on(h);
}

/* ---- restart areas ------------------------------------------------------- */

/*
 * The area is collected aside: its records stand together at last, and the log goes on
 * meanwhile. @rms: GUIDs of the resource managers that it holds. @done: ids of what the
 * walk at hand has come by.
 */
struct walk {
	struct jhistory *h;
	u8 *bytes;
	u32 used, room;
	struct ktm_guid rms[64], done[64];
	u32 nr_rms, nr_done;
};

static int walk_add(void *ctx, const struct ktm_jrec *rec)
{
	struct walk *w = ctx;
	u32 size;

	while (w->used + KTM_JF_REC_MAX > w->room) {
		w->room = 2 * w->room + 65536;
		w->bytes = must(realloc(w->bytes, w->room));
	}
	size = ktm_jrec_encode(rec, w->bytes + w->used, KTM_JF_REC_MAX);
	if (!size)
		abort();
	w->used += size;
	return 0;
}

static bool among(const struct ktm_guid *list, u32 n, const struct ktm_guid *guid)
{
	while (n--)
		if (!memcmp(&list[n], guid, sizeof(*guid)))
			return true;
	return false;
}

static void note(struct ktm_guid *list, u32 *n, const struct ktm_guid *guid)
{
	if (*n == 64)
		abort();
	list[(*n)++] = *guid;
}

static void walk_rm(struct walk *w, struct jm_rm *rm)
{
	if (among(w->rms, w->nr_rms, &rm->rec.rm.guid))
		return;
	walk_add(w, &rm->rec);
	note(w->rms, &w->nr_rms, &rm->rec.rm.guid);
}

/* One that came after the walk over RMs is written where it is first named. */
static void walk_tx(struct walk *w, struct jm_tx *tx)
{
	for (struct jm_en *en = tx->enlistments; en; en = en->next)
		walk_rm(w, en->rm);
	jmodel_snapshot_tx(tx, tx->seen, walk_add, w);
}

/* Between any two of them the log may go on. */
static void goes_on(struct jhistory *h)
{
	u32 n = rng_percent(&h->rng, 40) ? rng_below(&h->rng, 12) : 0;

	while (n--)
		jhistory_step(h);
}

/*
 * Everything that there was when the walk began, and is still there when it comes by. What
 * has come since it may meet or not.
 */
static void walk_txs(struct walk *w)
{
	struct jm_tx *tx;

	w->nr_done = 0;
	do {
		goes_on(w->h);
		for (tx = w->h->now.txs; tx; tx = tx->next)
			if (!among(w->done, w->nr_done, &tx->uow))
				break;
		if (tx) {
			note(w->done, &w->nr_done, &tx->uow);
			walk_tx(w, tx);
		}
	} while (tx);
}

static void walk_rms(struct walk *w)
{
	struct jm_rm *rm;

	do {
		goes_on(w->h);
		for (rm = w->h->now.rms; rm; rm = rm->next)
			if (!among(w->rms, w->nr_rms, &rm->rec.rm.guid))
				break;
		if (rm)
			walk_rm(w, rm);
	} while (rm);
}

/* Some more of its index; true: that was all. */
static bool walk_slice(struct jm_stream *s, struct ktm_jpic *p, u32 most)
{
	u32 i = 0;

	while (i < s->count && s->entries[i].lsn <= ktm_jpic_last(p))
		i++;
	while (i < s->count && most-- && ktm_jpic_add(p, &s->entries[i]))
		i++;
	return i == s->count;
}

static void enlarge(struct jhistory *h, struct ktm_jpic *p)
{
	const u64 room = p->room + 1 + rng_below(&h->rng, 8);
	struct ktm_jsent *at = must(malloc(room * sizeof(*at)));

	if (p->room)
		memcpy(at, p->at, p->room * sizeof(*at));
	goes_on(h);
	free(ktm_jpic_enlarge(p, at, room));
}

/* Slice by slice, between which it goes on; but it neither goes away nor is copied forward. */
static void walk_stream(struct walk *w, struct jm_stream *s)
{
	struct jhistory *h = w->h;
	struct ktm_jpic picture = { 0 };

	h->walked = s;
	s->picture = &picture;
	while (!walk_slice(s, &picture, 1 + rng_below(&h->rng, 6))) {
		if (ktm_jpic_full(&picture))
			enlarge(h, &picture);
		else
			goes_on(h);
	}
	s->picture = NULL;
	h->walked = NULL;
	jmodel_snapshot_stream(s, s->seen, &picture, walk_add, w);
	free(picture.at);
}

static void walk_streams(struct walk *w, u64 names)
{
	struct jm_stream *s;
	struct ktm_guid id;

	w->nr_done = 0;
	do {
		goes_on(w->h);
		for (s = w->h->now.streams; s; s = s->next) {
			id = guid(G_STREAM, s->rec.stream.id);
			if (s->rec.stream.id <= names && !among(w->done, w->nr_done, &id))
				break;
		}
		if (s) {
			note(w->done, &w->nr_done, &id);
			walk_stream(w, s);
		}
	} while (s);
}

void jhistory_area(struct jhistory *h, struct jh_area *area)
{
	struct ktm_jrec clock = { .type = KTM_JREC_CLOCK };
	struct walk w = { .h = h };

	area->start = jhistory_close(h);
	/* As the kernel's cursor: nothing that lives below this is forgotten later. */
	area->tail = min(jmodel_oldest(&h->now), area->start);
	clock.clock.clock = h->now.jp.clock;
	walk_add(&w, &clock);
	walk_rms(&w);
	walk_streams(&w, h->names);
	walk_txs(&w);
	goes_on(h);
	area->end = h->next;
	area->at = h->used;
	area->bytes = w.used;
	memcpy(room(h, w.used), w.bytes, w.used);
	h->used += w.used;
	free(w.bytes);
}

/* ---- replay ---------------------------------------------------------------- */

int jhistory_replay(const struct jhistory *h, const struct jh_area *area, u64 upto,
		    struct jmodel *m)
{
	struct ktm_jf_sb sb = { .start_lsn = h->unit, .restart_lsn = h->unit };
	struct ktm_jrec rec;
	const char *why;
	u32 at, i;
	int err;

	if (area) {
		sb.start_lsn = area->start;
		sb.restart_lsn = area->end;
		sb.tail_lsn = area->tail;
	}
	jmodel_init(m, &sb);
	for (at = 0; area && at < area->bytes; ) {
		at += ktm_jrec_decode(&rec, h->bytes + area->at + at, area->bytes - at, &why);
		if (why)
			abort();
		err = jmodel_replay(m, &rec);
		if (err)
			return err;
	}
	for (i = 0; i < h->count && h->recs[i].lsn <= upto; i++) {
		if (h->recs[i].lsn <= sb.start_lsn)
			continue;
		decoded(h, &h->recs[i], &rec);
		err = jmodel_replay(m, &rec);
		if (err)
			return err;
	}
	return jmodel_end(m, upto);
}
