// SPDX-License-Identifier: GPL-2.0
/* What a log says, see journal_model.h. */
#include <stdlib.h>

#include "journal_model.h"

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static bool same(const struct ktm_guid *a, const struct ktm_guid *b)
{
	return !memcmp(a, b, sizeof(*a));
}

void jmodel_init(struct jmodel *m, const struct ktm_jf_sb *sb)
{
	memset(m, 0, sizeof(*m));
	ktm_jp_init(&m->jp, sb);
}

/* The part of a record that its pointer points to gets memory of its own. */
static const u8 *keep(const u8 *data, u32 len)
{
	u8 *copy = must(malloc(len + 1));

	if (len)
		memcpy(copy, data, len);
	return copy;
}

/* ---- finding and dropping --------------------------------------------- */

static struct jm_rm *find_rm(const struct jmodel *m, const struct ktm_guid *guid)
{
	struct jm_rm *rm = m->rms;

	while (rm && !same(&rm->rec.rm.guid, guid))
		rm = rm->next;
	return rm;
}

static struct jm_tx *find_tx(const struct jmodel *m, const struct ktm_guid *uow)
{
	struct jm_tx *tx = m->txs;

	while (tx && !same(&tx->uow, uow))
		tx = tx->next;
	return tx;
}

static struct jm_en *find_en(const struct jm_tx *tx, const struct ktm_guid *guid)
{
	struct jm_en *en = tx->enlistments;

	while (en && !same(&en->rec.prepared.enlistment, guid))
		en = en->next;
	return en;
}

static struct jm_stream *find_stream(const struct jmodel *m, u64 id)
{
	struct jm_stream *s = m->streams;

	while (s && s->rec.stream.id != id)
		s = s->next;
	return s;
}

static void drop_en(struct jm_tx *tx, struct jm_en *en)
{
	struct jm_en **p = &tx->enlistments;

	while (*p != en)
		p = &(*p)->next;
	*p = en->next;
	if (tx->superior == en)
		tx->superior = NULL;
	free((void *)en->rec.prepared.info);
	free(en);
}

static void drop_tx(struct jmodel *m, struct jm_tx *tx)
{
	struct jm_tx **p = &m->txs;

	while (*p != tx)
		p = &(*p)->next;
	*p = tx->next;
	while (tx->enlistments)
		drop_en(tx, tx->enlistments);
	free(tx);
}

static void drop_rm(struct jmodel *m, struct jm_rm *rm)
{
	struct jm_rm **p = &m->rms;

	while (*p != rm)
		p = &(*p)->next;
	*p = rm->next;
	free((void *)rm->rec.rm.desc);
	free(rm);
}

static void drop_stream(struct jmodel *m, struct jm_stream *s)
{
	struct jm_stream **p = &m->streams;

	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	free((void *)s->rec.stream.name);
	free(s->entries);
	free(s);
}

void jmodel_free(struct jmodel *m)
{
	while (m->txs)
		drop_tx(m, m->txs);
	while (m->rms)
		drop_rm(m, m->rms);
	while (m->streams)
		drop_stream(m, m->streams);
}

/* ---- transactions ----------------------------------------------------- */

static int replay_rm(struct jmodel *m, const struct ktm_jrec *rec)
{
	struct jm_rm *rm = find_rm(m, &rec->rm.guid);
	int what = ktm_jp_rm(&m->jp, rm ? &rm->jp : NULL, rec);

	if (what == KTM_JP_MAKE) {
		rm = must(calloc(1, sizeof(*rm)));
		rm->next = m->rms;
		m->rms = rm;
	} else if (what == KTM_JP_TAKE) {
		free((void *)rm->rec.rm.desc);
	} else {
		return what;
	}
	rm->rec = *rec;
	rm->rec.lsn = 0;
	rm->rec.rm.desc = keep(rec->rm.desc, rec->rm.desc_len);
	return 0;
}

static int replay_rm_gone(struct jmodel *m, const struct ktm_jrec *rec)
{
	struct jm_rm *rm = find_rm(m, &rec->rm_gone.guid);
	int what = ktm_jp_rm_gone(&m->jp, rm ? &rm->jp : NULL, rec);

	if (what == KTM_JP_END)
		drop_rm(m, rm);
	return what;
}

static struct jm_tx *make_tx(struct jmodel *m, const struct ktm_guid *uow, u32 uid, u32 gid,
			     u16 mode)
{
	struct jm_tx *tx = must(calloc(1, sizeof(*tx)));

	tx->uow = *uow;
	tx->uid = uid;
	tx->gid = gid;
	tx->mode = mode;
	tx->next = m->txs;
	m->txs = tx;
	return tx;
}

static int replay_tx(struct jmodel *m, const struct ktm_jrec *rec)
{
	struct jm_tx *tx = find_tx(m, &rec->tx.uow);
	int what = ktm_jp_tx(&m->jp, tx ? &tx->jp : NULL, rec);

	if (what != KTM_JP_MAKE)
		return what;
	tx = make_tx(m, &rec->tx.uow, rec->tx.uid, rec->tx.gid, rec->tx.mode);
	return ktm_jp_tx(&m->jp, &tx->jp, rec);
}

static void enlist(struct jm_tx *tx, struct jm_rm *rm, const struct ktm_jrec *rec)
{
	struct jm_en *en = must(calloc(1, sizeof(*en)));

	en->rm = rm;
	en->rec = *rec;
	en->rec.lsn = 0;
	en->rec.prepared.flags &= ~KTM_JREC_P_FIRST;
	en->rec.prepared.info = keep(rec->prepared.info, rec->prepared.info_len);
	en->next = tx->enlistments;
	tx->enlistments = en;
	if (rec->prepared.flags & KTM_JREC_P_SUPERIOR)
		tx->superior = en;
}

static bool votes(const struct jmodel *m, const struct ktm_guid *enlistment)
{
	for (struct jm_tx *tx = m->txs; tx; tx = tx->next)
		if (find_en(tx, enlistment))
			return true;
	return false;
}

static int replay_prepared(struct jmodel *m, const struct ktm_jrec *rec)
{
	struct jm_rm *rm = find_rm(m, &rec->prepared.rm);
	struct jm_tx *tx = find_tx(m, &rec->prepared.uow);
	bool again = votes(m, &rec->prepared.enlistment);
	int what;

	what = ktm_jp_prepared(&m->jp, tx ? &tx->jp : NULL, rm ? &rm->jp : NULL, again, rec);
	if (what == KTM_JP_MAKE) {
		tx = make_tx(m, &rec->prepared.uow, rec->prepared.uid, rec->prepared.gid,
			     rec->prepared.mode);
		what = ktm_jp_prepared(&m->jp, &tx->jp, rm ? &rm->jp : NULL, again, rec);
	}
	if (what == KTM_JP_ENLIST)
		enlist(tx, rm, rec);
	if (tx)
		tx->seen = rec->lsn;
	return what;
}

static int replay_decision(struct jmodel *m, const struct ktm_jrec *rec)
{
	struct jm_tx *tx = find_tx(m, &rec->decision.uow);
	int what;

	what = ktm_jp_decision(&m->jp, tx ? &tx->jp : NULL,
			       tx && tx->superior ? &tx->superior->rm->jp : NULL, rec);
	if (what == KTM_JP_END_SUPERIOR)
		drop_en(tx, tx->superior);
	if (tx)
		tx->seen = rec->lsn;
	return what;
}

static int replay_completion(struct jmodel *m, const struct ktm_jrec *rec)
{
	struct jm_tx *tx = find_tx(m, &rec->completion.uow);
	struct jm_en *en = tx ? find_en(tx, &rec->completion.enlistment) : NULL;
	int what;

	what = ktm_jp_completion(&m->jp, tx ? &tx->jp : NULL, en ? &en->rm->jp : NULL,
				 en && tx->superior == en, rec);
	if (en && (what == KTM_JP_END || what == KTM_JP_END_TX))
		drop_en(tx, en);
	if (what == KTM_JP_END_TX)
		drop_tx(m, tx);
	else if (tx)
		tx->seen = rec->lsn;
	return what;
}

/* ---- streams ---------------------------------------------------------- */

static int replay_stream(struct jmodel *m, const struct ktm_jrec *rec)
{
	struct jm_stream *s = find_stream(m, rec->stream.id);
	int what = ktm_jp_stream(&m->jp, s ? &s->jp : NULL, s ? &s->rec : NULL, rec);

	if (what == KTM_JP_MAKE) {
		s = must(calloc(1, sizeof(*s)));
		s->rec.stream.name = keep(NULL, 0);
		s->rec.stream.id = rec->stream.id;
		s->next = m->streams;
		m->streams = s;
		what = ktm_jp_stream(&m->jp, &s->jp, NULL, rec);
	}
	if (what == KTM_JP_TAKE) {
		free((void *)s->rec.stream.name);
		s->rec = *rec;
		s->rec.lsn = 0;
		s->rec.stream.name = keep(rec->stream.name, rec->stream.name_len);
		s->seen = rec->lsn;
	}
	return what;
}

static int replay_stream_gone(struct jmodel *m, const struct ktm_jrec *rec)
{
	struct jm_stream *s = find_stream(m, rec->stream_gone.id);
	int what = ktm_jp_stream_gone(&m->jp, s ? &s->jp : NULL, rec);

	if (what == KTM_JP_END)
		drop_stream(m, s);
	return what;
}

static void add_entry(struct jm_stream *s, const struct ktm_jsent *e)
{
	if (s->count == s->room) {
		s->room = 2 * s->room + 8;
		s->entries = must(realloc(s->entries, s->room * sizeof(*e)));
	}
	s->entries[s->count++] = *e;
}

static int replay_sindex(struct jmodel *m, const struct ktm_jrec *rec)
{
	struct jm_stream *s = find_stream(m, rec->sindex.id);
	int what = ktm_jp_sindex(&m->jp, s ? &s->jp : NULL, rec);

	for (u32 i = 0; what == KTM_JP_ADD && i < rec->sindex.count; i++) {
		struct ktm_jsent e = ktm_jrec_sent(rec, i);

		add_entry(s, &e);
	}
	return what;
}

static int replay_srec(struct jmodel *m, const struct ktm_jrec *rec)
{
	struct jm_stream *s = find_stream(m, rec->srec.id);
	struct ktm_jsent *live = NULL, e = {
		.lsn = rec->srec.lsn,
		.place = rec->lsn - ktm_jrec_size(rec),
		.bytes = ktm_jrec_size(rec),
		.flags = rec->flags & KTM_JREC_F_RESTART,
	};
	int what;

	for (u32 i = 0; s && i < s->count; i++)
		if (s->entries[i].lsn == rec->srec.lsn)
			live = &s->entries[i];
	what = ktm_jp_srec(&m->jp, s ? &s->jp : NULL, live, rec);
	if (what == KTM_JP_ADD)
		add_entry(s, &e);
	if (what == KTM_JP_MOVE)
		*live = e;
	if (s)
		s->seen = rec->lsn;
	return what;
}

/* Only what has a name from @from to @to lives on. */
static void cut(struct jm_stream *s, u64 from, u64 to)
{
	u32 count = 0;

	if (s->picture) {
		ktm_jpic_cut_below(s->picture, from);
		ktm_jpic_cut_above(s->picture, to);
	}
	for (u32 i = 0; i < s->count; i++)
		if (s->entries[i].lsn >= from && s->entries[i].lsn <= to)
			s->entries[count++] = s->entries[i];
	s->count = count;
}

static int replay_sbase(struct jmodel *m, const struct ktm_jrec *rec)
{
	struct jm_stream *s = find_stream(m, rec->sbase.id);
	int what = ktm_jp_sbase(&m->jp, s ? &s->jp : NULL, rec);

	if (what == KTM_JP_CUT_BELOW)
		cut(s, s->jp.base, U64_MAX);
	if (s)
		s->seen = rec->lsn;
	return what;
}

static int replay_strunc(struct jmodel *m, const struct ktm_jrec *rec)
{
	struct jm_stream *s = find_stream(m, rec->strunc.id);
	int what = ktm_jp_strunc(&m->jp, s ? &s->jp : NULL, rec);
	u64 restart = 0;

	if (what != KTM_JP_CUT_ABOVE)
		return what;
	cut(s, 0, rec->strunc.last);
	for (u32 i = 0; i < s->count; i++)
		if (s->entries[i].flags & KTM_JREC_F_RESTART)
			restart = s->entries[i].lsn;
	ktm_jp_stream_cut(&s->jp, restart);
	s->seen = rec->lsn;
	return what;
}

/* ---- all --------------------------------------------------------------- */

static int replay(struct jmodel *m, const struct ktm_jrec *rec)
{
	switch (rec->type) {
	case KTM_JREC_CLOCK:
		return ktm_jp_clock(&m->jp, rec);
	case KTM_JREC_RM:
		return replay_rm(m, rec);
	case KTM_JREC_RM_GONE:
		return replay_rm_gone(m, rec);
	case KTM_JREC_PREPARED:
		return replay_prepared(m, rec);
	case KTM_JREC_DECISION:
		return replay_decision(m, rec);
	case KTM_JREC_COMPLETION:
		return replay_completion(m, rec);
	case KTM_JREC_TX:
		return replay_tx(m, rec);
	case KTM_JREC_STREAM:
		return replay_stream(m, rec);
	case KTM_JREC_STREAM_GONE:
		return replay_stream_gone(m, rec);
	case KTM_JREC_SREC:
		return replay_srec(m, rec);
	case KTM_JREC_SBASE:
		return replay_sbase(m, rec);
	case KTM_JREC_STRUNC:
		return replay_strunc(m, rec);
	case KTM_JREC_SINDEX:
		return replay_sindex(m, rec);
	}
	abort();
}

int jmodel_replay(struct jmodel *m, const struct ktm_jrec *rec)
{
	int what = replay(m, rec);

	return min(what, 0);
}

int jmodel_end(struct jmodel *m, u64 tail)
{
	return ktm_jp_end(&m->jp, tail);
}

u64 jmodel_oldest(const struct jmodel *m)
{
	u64 oldest = U64_MAX;

	for (const struct jm_stream *s = m->streams; s; s = s->next)
		for (u32 i = 0; i < s->count; i++)
			oldest = min(oldest, s->entries[i].place);
	return oldest;
}

/* ---- giving it back --------------------------------------------------- */

/* @lsn: 0: an opening writes it, what nobody will decide was rolled back. */
int jmodel_snapshot_tx(const struct jm_tx *tx, u64 lsn,
		       int (*add)(void *ctx, const struct ktm_jrec *rec), void *ctx)
{
	struct ktm_jrec rec = {
		.type = KTM_JREC_TX,
		.tx = {
			.uow = tx->uow,
			.uid = tx->uid,
			.gid = tx->gid,
			.mode = tx->mode,
			.clock = tx->jp.clock,
			.prepared = tx->jp.unfinished,
			.lsn = lsn,
		},
	};
	int err;

	switch (ktm_jp_outcome(&tx->jp, U64_MAX)) {
	case KTM_FOUND_COMMIT:
		rec.tx.outcome = KTM_JREC_COMMIT;
		break;
	case KTM_FOUND_ABORT:
		rec.tx.outcome = lsn && !tx->jp.decided ? KTM_JREC_UNDECIDED : KTM_JREC_ABORT;
		break;
	case KTM_FOUND_SEALED:
		rec.tx.outcome = KTM_JREC_UNDECIDED;
		break;
	case KTM_FOUND_DOUBT:
		abort();
	}
	err = add(ctx, &rec);
	for (const struct jm_en *en = tx->enlistments; en && !err; en = en->next)
		err = add(ctx, &en->rec);
	return err;
}

int jmodel_snapshot_stream(const struct jm_stream *s, u64 lsn, const struct ktm_jpic *picture,
			   int (*add)(void *ctx, const struct ktm_jrec *rec), void *ctx)
{
	u32 left = picture->end - picture->first;
	const struct ktm_jsent *at = left ? picture->at + picture->first : NULL;
	struct ktm_jrec rec = s->rec;
	int err;

	rec.stream.base = s->jp.base;
	rec.stream.last = s->jp.last;
	rec.stream.restart = s->jp.restart;
	rec.stream.lsn = lsn;
	rec.stream.entries = left;
	err = add(ctx, &rec);
	while (!err && left) {
		struct ktm_jrec part = {
			.type = KTM_JREC_SINDEX,
			.sindex = {
				.id = s->rec.stream.id,
				.count = min(left, KTM_JF_SINDEX_MAX),
				.entries = at,
			},
		};

		err = add(ctx, &part);
		at += part.sindex.count;
		left -= part.sindex.count;
	}
	return err;
}

int jmodel_snapshot(const struct jmodel *m, int (*add)(void *ctx, const struct ktm_jrec *rec),
		    void *ctx)
{
	struct ktm_jrec clock = { .type = KTM_JREC_CLOCK, .clock.clock = m->jp.clock };
	int err = add(ctx, &clock);

	for (const struct jm_rm *rm = m->rms; rm && !err; rm = rm->next)
		err = add(ctx, &rm->rec);
	for (const struct jm_stream *s = m->streams; s && !err; s = s->next) {
		const struct ktm_jpic all = { .at = s->entries, .end = s->count };

		err = jmodel_snapshot_stream(s, 0, &all, add, ctx);
	}
	for (const struct jm_tx *tx = m->txs; tx && !err; tx = tx->next)
		err = jmodel_snapshot_tx(tx, 0, add, ctx);
	return err;
}

/* ---- digest ------------------------------------------------------------ */

static u64 mix(u64 h, const void *data, size_t len)
{
	const u8 *p = data;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h ^ h >> 29;
}

struct sum {
	u64 head;		/* of what the next records belong to */
	u64 total;
};

/* Each record counts for itself, together with what it belongs to. */
static int sum_record(void *ctx, const struct ktm_jrec *rec)
{
	static u8 buf[KTM_JF_REC_MAX];
	struct sum *sum = ctx;
	u32 size = ktm_jrec_encode(rec, buf, sizeof(buf));
	u64 h;

	if (!size)
		abort();
	if (rec->type == KTM_JREC_TX || rec->type == KTM_JREC_STREAM)
		sum->head = mix(1, buf, size);
	h = mix(sum->head, buf, size);
	sum->total += h * 0x9e3779b97f4a7c15ull;
	return 0;
}

u64 jmodel_digest(const struct jmodel *m)
{
	struct sum sum = { 0 };

	jmodel_snapshot(m, sum_record, &sum);
	return sum.total;
}
