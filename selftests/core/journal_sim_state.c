// SPDX-License-Identifier: GPL-2.0
/*
 * What lives in the simulated transaction manager. The rules are those of
 * kernel/core/journal_replay.c: strict for what is appended, as lenient as a fuzzy
 * restart area needs for what is replayed; both must come to the same.
 */
#include "journal_sim.h"

/* Entries of one SINDEX record: few, so that an index has several parts. */
#define INDEX_PART	20u

static u64 guid_half(const struct ktm_guid *g, int half)
{
	u64 v;

	memcpy(&v, g->b + 8 * half, 8);
	return v;
}

struct jsim_tx *jsim_find_tx(struct jsim_state *st, u64 id)
{
	for (int i = 0; i < SLOT_TX; i++)
		if (st->tx[i].id == id)
			return &st->tx[i];
	return NULL;
}

static struct jsim_rm *find_rm(struct jsim_state *st, u64 id)
{
	for (int i = 0; i < SLOT_RM; i++)
		if (st->rm[i].id == id)
			return &st->rm[i];
	return NULL;
}

static struct jsim_stream *find_stream(struct jsim_state *st, u64 id)
{
	for (int i = 0; i < SLOT_STREAM; i++)
		if (st->stream[i].id == id)
			return &st->stream[i];
	return NULL;
}

/* What a transaction comes to if nothing more is heard of it. */
static u64 fate(const struct jsim_tx *tx)
{
	if (tx->jp.committed)
		return 1;
	return ktm_jp_sealed(&tx->jp) ? 2 : 3;
}

u64 jsim_state_digest(const struct jsim_state *st)
{
	u64 sum = 0;

	for (int i = 0; i < SLOT_TX; i++) {
		const struct jsim_tx *tx = &st->tx[i];
		u64 h = jsim_mix(tx->id, fate(tx));

		if (!tx->id || !tx->jp.unfinished)
			continue;
		for (u32 k = 0; k < MAX_ENL; k++)
			if (tx->en[k].key)
				h += jsim_mix(tx->en[k].key, k * 100000 + tx->en[k].info_len);
		sum += jsim_mix(h, 1);
	}
	for (int i = 0; i < SLOT_RM; i++)
		if (st->rm[i].id)
			sum += jsim_mix(st->rm[i].id, 2);
	for (int i = 0; i < SLOT_STREAM; i++) {
		const struct jsim_stream *m = &st->stream[i];
		u64 h;

		if (!m->id)
			continue;
		h = jsim_mix(jsim_mix(m->id, m->quota), jsim_mix(m->jp.base, m->jp.last));
		h = jsim_mix(h, m->jp.restart);
		for (u32 k = 0; k < m->count; k++) {
			const struct ktm_jsent *e = &m->ent[k];

			h = jsim_mix(h, e->lsn);
			h = jsim_mix(h, e->place);
			h = jsim_mix(h, (u64)e->bytes << 8 | e->flags);
		}
		sum += jsim_mix(h, 3);
	}
	return sum;
}

/* ---- applying --------------------------------------------------------- */

static const char no_slot[] = "more lives than ever lived";

static const char *apply_rm(struct jsim_state *st, const struct ktm_jrec *rec)
{
	u64 id = guid_half(&rec->rm.guid, 0);
	struct jsim_rm *rm = find_rm(st, id);
	int what = ktm_jp_rm(&st->jp, rm ? &rm->jp : NULL, rec);

	if (what == KTM_JP_MAKE) {
		rm = find_rm(st, 0);
		if (!rm)
			return no_slot;
		memset(rm, 0, sizeof(*rm));
		rm->id = id;
		rm->lsn = rec->lsn;
		what = ktm_jp_rm(&st->jp, &rm->jp, rec);
	}
	return what < 0 ? st->jp.why : NULL;
}

static const char *apply_rm_gone(struct jsim_state *st, const struct ktm_jrec *rec)
{
	struct jsim_rm *rm = find_rm(st, guid_half(&rec->rm_gone.guid, 0));
	int what = ktm_jp_rm_gone(&st->jp, rm ? &rm->jp : NULL, rec);

	if (what == KTM_JP_END)
		memset(rm, 0, sizeof(*rm));
	return what < 0 ? st->jp.why : NULL;
}

static struct jsim_tx *new_tx(struct jsim_state *st, u64 id)
{
	struct jsim_tx *tx = jsim_find_tx(st, 0);

	if (tx) {
		memset(tx, 0, sizeof(*tx));
		tx->id = id;
	}
	return tx;
}

static const char *apply_tx(struct jsim_state *st, const struct ktm_jrec *rec)
{
	u64 id = guid_half(&rec->tx.uow, 0);
	struct jsim_tx *tx = jsim_find_tx(st, id);
	int what = ktm_jp_tx(&st->jp, tx ? &tx->jp : NULL, rec);

	if (what == KTM_JP_MAKE) {
		tx = new_tx(st, id);
		if (!tx)
			return no_slot;
		tx->lsn = rec->tx.lsn;
		what = ktm_jp_tx(&st->jp, &tx->jp, rec);
	}
	return what < 0 ? st->jp.why : NULL;
}

static const char *apply_prepared(struct jsim_state *st, const struct ktm_jrec *rec)
{
	u64 id = guid_half(&rec->prepared.uow, 0);
	u64 k = guid_half(&rec->prepared.enlistment, 1);
	struct jsim_tx *tx = jsim_find_tx(st, id);
	struct jsim_rm *rm = find_rm(st, guid_half(&rec->prepared.rm, 0));
	bool again;
	int what;

	if (k >= MAX_ENL)
		return "an enlistment that cannot be";
	for (u32 i = 0; i < rec->prepared.info_len; i++)
		if (rec->prepared.info[i] != (u8)(rec->prepared.key + i))
			return "recovery information has changed";
	again = tx && tx->en[k].key;
	what = ktm_jp_prepared(&st->jp, tx ? &tx->jp : NULL, rm ? &rm->jp : NULL, again, rec);
	if (what == KTM_JP_MAKE) {
		tx = new_tx(st, id);
		if (!tx)
			return no_slot;
		what = ktm_jp_prepared(&st->jp, &tx->jp, rm ? &rm->jp : NULL, false, rec);
	}
	if (what == KTM_JP_ENLIST)
		tx->en[k] = (struct jsim_en){
			.key = rec->prepared.key,
			.rm = rm->id,
			.info_len = rec->prepared.info_len,
			.superior = rec->prepared.flags & KTM_JREC_P_SUPERIOR,
		};
	return what < 0 ? st->jp.why : NULL;
}

static const char *apply_decision(struct jsim_state *st, const struct ktm_jrec *rec)
{
	struct jsim_tx *tx = jsim_find_tx(st, guid_half(&rec->decision.uow, 0));
	struct jsim_en *superior = NULL;
	struct jsim_rm *rm = NULL;
	int what;

	for (u32 k = 0; tx && k < MAX_ENL; k++)
		if (tx->en[k].key && tx->en[k].superior) {
			superior = &tx->en[k];
			rm = find_rm(st, superior->rm);
		}
	what = ktm_jp_decision(&st->jp, tx ? &tx->jp : NULL, rm ? &rm->jp : NULL, rec);
	if (what == KTM_JP_END_SUPERIOR)
		memset(superior, 0, sizeof(*superior));
	return what < 0 ? st->jp.why : NULL;
}

static const char *apply_completion(struct jsim_state *st, const struct ktm_jrec *rec)
{
	struct jsim_tx *tx = jsim_find_tx(st, guid_half(&rec->completion.uow, 0));
	u64 k = guid_half(&rec->completion.enlistment, 1);
	struct jsim_en *en = tx && k < MAX_ENL && tx->en[k].key ? &tx->en[k] : NULL;
	struct jsim_rm *rm = en ? find_rm(st, en->rm) : NULL;
	int what = ktm_jp_completion(&st->jp, tx ? &tx->jp : NULL, rm ? &rm->jp : NULL,
				     en && en->superior, rec);

	if (what == KTM_JP_END && en)
		memset(en, 0, sizeof(*en));
	if (what == KTM_JP_END_TX)
		memset(tx, 0, sizeof(*tx));
	return what < 0 ? st->jp.why : NULL;
}

static struct ktm_jsent *find_entry(struct jsim_stream *m, u64 lsn)
{
	for (u32 i = 0; i < m->count; i++)
		if (m->ent[i].lsn == lsn)
			return &m->ent[i];
	return NULL;
}

static const char *add_entry(struct jsim_stream *m, struct ktm_jsent e)
{
	if (m->count == MAX_SREC)
		return no_slot;
	m->ent[m->count++] = e;
	return NULL;
}

static const char *apply_stream(struct jsim_state *st, const struct ktm_jrec *rec)
{
	struct jsim_stream *m = find_stream(st, rec->stream.id);
	struct ktm_jrec known;
	int what;

	if (m)
		jsim_make_stream(&known, m->id, m->quota);
	what = ktm_jp_stream(&st->jp, m ? &m->jp : NULL, m ? &known : NULL, rec);
	if (what == KTM_JP_MAKE) {
		m = find_stream(st, 0);
		if (!m)
			return no_slot;
		memset(m, 0, sizeof(*m));
		m->id = rec->stream.id;
		m->lsn = rec->stream.lsn;
		what = ktm_jp_stream(&st->jp, &m->jp, NULL, rec);
	}
	if (what == KTM_JP_TAKE)
		m->quota = rec->stream.quota;
	return what < 0 ? st->jp.why : NULL;
}

static const char *apply_gone(struct jsim_state *st, const struct ktm_jrec *rec)
{
	struct jsim_stream *m = find_stream(st, rec->stream_gone.id);
	int what = ktm_jp_stream_gone(&st->jp, m ? &m->jp : NULL, rec);

	if (what == KTM_JP_END)
		memset(m, 0, sizeof(*m));
	return what < 0 ? st->jp.why : NULL;
}

static const char *apply_srec(struct jsim_state *st, const struct ktm_jrec *rec)
{
	struct jsim_stream *m = find_stream(st, rec->srec.id);
	struct ktm_jsent *live = m ? find_entry(m, rec->srec.lsn) : NULL;
	u32 bytes = ktm_jrec_size(rec);
	int what = ktm_jp_srec(&st->jp, m ? &m->jp : NULL, live, rec);

	if (what == KTM_JP_MOVE)
		live->place = rec->lsn - bytes;
	if (what == KTM_JP_ADD)
		return add_entry(m, (struct ktm_jsent){
			.lsn = rec->lsn,
			.place = rec->lsn - bytes,
			.bytes = bytes,
			.flags = rec->flags & KTM_JREC_F_RESTART,
		});
	return what < 0 ? st->jp.why : NULL;
}

static const char *apply_sindex(struct jsim_state *st, const struct ktm_jrec *rec)
{
	struct jsim_stream *m = find_stream(st, rec->sindex.id);
	int what = ktm_jp_sindex(&st->jp, m ? &m->jp : NULL, rec);
	const char *why = what < 0 ? st->jp.why : NULL;

	for (u32 i = 0; i < rec->sindex.count && !why; i++)
		why = add_entry(m, ktm_jrec_sent(rec, i));
	return why;
}

/* Only names from @from up to @to live on. */
static void cut(struct jsim_stream *m, u64 from, u64 to)
{
	u32 n = 0;

	for (u32 i = 0; i < m->count; i++)
		if (m->ent[i].lsn >= from && m->ent[i].lsn <= to)
			m->ent[n++] = m->ent[i];
	m->count = n;
}

static const char *apply_smark(struct jsim_state *st, const struct ktm_jrec *rec)
{
	bool base = rec->type == KTM_JREC_SBASE;
	struct jsim_stream *m = find_stream(st, base ? rec->sbase.id : rec->strunc.id);
	struct ktm_jp_stream *jp = m ? &m->jp : NULL;
	int what = base ? ktm_jp_sbase(&st->jp, jp, rec) : ktm_jp_strunc(&st->jp, jp, rec);

	if (what == KTM_JP_CUT_BELOW)
		cut(m, m->jp.base, U64_MAX);
	if (what == KTM_JP_CUT_ABOVE) {
		u64 restart = 0;

		cut(m, 0, rec->strunc.last);
		for (u32 i = 0; i < m->count; i++)
			if (m->ent[i].flags & KTM_JREC_F_RESTART)
				restart = m->ent[i].lsn;
		ktm_jp_stream_cut(&m->jp, restart);
	}
	return what < 0 ? st->jp.why : NULL;
}

/* What the restart area will say that it knows of each object. */
static void note_lsn(struct jsim_state *st, const struct ktm_jrec *rec)
{
	struct jsim_stream *m = NULL;
	struct jsim_tx *tx = NULL;

	switch (rec->type) {
	case KTM_JREC_PREPARED:
		tx = jsim_find_tx(st, guid_half(&rec->prepared.uow, 0));
		break;
	case KTM_JREC_DECISION:
		tx = jsim_find_tx(st, guid_half(&rec->decision.uow, 0));
		break;
	case KTM_JREC_COMPLETION:
		tx = jsim_find_tx(st, guid_half(&rec->completion.uow, 0));
		break;
	case KTM_JREC_STREAM:
		m = find_stream(st, rec->stream.id);
		break;
	case KTM_JREC_SREC:
		m = find_stream(st, rec->srec.id);
		break;
	case KTM_JREC_SBASE:
		m = find_stream(st, rec->sbase.id);
		break;
	case KTM_JREC_STRUNC:
		m = find_stream(st, rec->strunc.id);
		break;
	}
	if (tx)
		tx->lsn = max(tx->lsn, rec->lsn);
	if (m)
		m->lsn = max(m->lsn, rec->lsn);
}

static const char *apply(struct jsim_state *st, const struct ktm_jrec *rec)
{
	switch (rec->type) {
	case KTM_JREC_CLOCK:
		return ktm_jp_clock(&st->jp, rec) < 0 ? st->jp.why : NULL;
	case KTM_JREC_RM:
		return apply_rm(st, rec);
	case KTM_JREC_RM_GONE:
		return apply_rm_gone(st, rec);
	case KTM_JREC_TX:
		return apply_tx(st, rec);
	case KTM_JREC_PREPARED:
		return apply_prepared(st, rec);
	case KTM_JREC_DECISION:
		return apply_decision(st, rec);
	case KTM_JREC_COMPLETION:
		return apply_completion(st, rec);
	case KTM_JREC_STREAM:
		return apply_stream(st, rec);
	case KTM_JREC_STREAM_GONE:
		return apply_gone(st, rec);
	case KTM_JREC_SREC:
		return apply_srec(st, rec);
	case KTM_JREC_SINDEX:
		return apply_sindex(st, rec);
	case KTM_JREC_SBASE:
	case KTM_JREC_STRUNC:
		return apply_smark(st, rec);
	}
	return "a record of a kind that was never written";
}

const char *jsim_apply(struct jsim_state *st, const struct ktm_jrec *rec)
{
	const char *why = apply(st, rec);

	if (!why)
		note_lsn(st, rec);
	return why;
}

/* ---- making records --------------------------------------------------- */

void jsim_make_rm(struct ktm_jrec *rec, u64 id, bool gone)
{
	memset(rec, 0, sizeof(*rec));
	rec->type = gone ? KTM_JREC_RM_GONE : KTM_JREC_RM;
	if (gone) {
		rec->rm_gone.guid = jsim_guid(id, 0);
		return;
	}
	rec->rm.guid = jsim_guid(id, 0);
	rec->rm.mode = 0600;
	rec->rm.desc = (const u8 *)"a resource manager";
	rec->rm.desc_len = 18;
}

void jsim_make_prepared(struct ktm_jrec *rec, u8 *info, u64 tx, const struct jsim_en *en, u32 k)
{
	memset(rec, 0, sizeof(*rec));
	rec->type = KTM_JREC_PREPARED;
	rec->prepared.uow = jsim_guid(tx, 0);
	rec->prepared.enlistment = jsim_guid(tx, k);
	rec->prepared.rm = jsim_guid(en->rm, 0);
	rec->prepared.key = en->key;
	rec->prepared.mask = 0x1f;
	rec->prepared.flags = en->superior ? KTM_JREC_P_SUPERIOR : 0;
	rec->prepared.info_len = en->info_len;
	rec->prepared.info = info;
	for (u32 i = 0; i < en->info_len; i++)
		info[i] = (u8)(en->key + i);
}

void jsim_make_stream(struct ktm_jrec *rec, u64 id, u64 quota)
{
	memset(rec, 0, sizeof(*rec));
	rec->type = KTM_JREC_STREAM;
	rec->stream.guid = jsim_guid(id, 9);
	rec->stream.id = id;
	rec->stream.quota = quota;
	rec->stream.mode = 0600;
	rec->stream.name = (const u8 *)"redo";
	rec->stream.name_len = 4;
}

void jsim_make_data(struct ktm_jrec *rec, u8 *data)
{
	for (u32 i = 0; i < rec->srec.len; i++)
		data[i] = (u8)(rec->srec.undo_next * 13 + i);
	rec->srec.data = data;
	rec->srec.data_crc = ktm_jrec_data_crc(data, rec->srec.len);
}

bool jsim_data_good(const struct ktm_jrec *rec)
{
	for (u32 i = 0; i < rec->srec.len; i++)
		if (rec->srec.data[i] != (u8)(rec->srec.undo_next * 13 + i))
			return false;
	return true;
}

/* ---- walking ---------------------------------------------------------- */

static bool walk_stream(struct jsim_walk *w, const struct jsim_stream *live, struct ktm_jrec *rec)
{
	struct jsim_stream *m = &w->stream;
	u32 at;

	if (!w->part) {
		if (!live->id)
			return false;
		*m = *live;
		jsim_make_stream(rec, m->id, m->quota);
		rec->stream.base = m->jp.base;
		rec->stream.last = m->jp.last;
		rec->stream.restart = m->jp.restart;
		rec->stream.lsn = m->lsn;
		rec->stream.entries = m->count;
		for (u32 i = 0; i < m->count; i++)
			w->tail = min(w->tail, m->ent[i].place);
		w->part = 1;
		return true;
	}
	at = (w->part++ - 1) * INDEX_PART;
	if (at >= m->count)
		return false;
	memset(rec, 0, sizeof(*rec));
	rec->type = KTM_JREC_SINDEX;
	rec->sindex.id = m->id;
	rec->sindex.count = min(m->count - at, INDEX_PART);
	rec->sindex.entries = &m->ent[at];
	return true;
}

static u32 outcome(const struct jsim_walk *w, const struct jsim_tx *tx)
{
	if (tx->jp.committed)
		return KTM_JREC_COMMIT;
	if (tx->jp.decided || tx->jp.completed || tx->rolled_back)
		return KTM_JREC_ABORT;
	return w->presume && !ktm_jp_sealed(&tx->jp) ? KTM_JREC_ABORT : KTM_JREC_UNDECIDED;
}

/* Its RMs that the walk may have missed come first, then itself, then who has not finished. */
static void begin_tx(struct jsim_walk *w, const struct jsim_state *st, const struct jsim_tx *live)
{
	w->tx = *live;
	w->rms = 0;
	for (u32 k = 0; k < MAX_ENL; k++) {
		const struct jsim_rm *rm;

		if (!live->en[k].key)
			continue;
		rm = find_rm((struct jsim_state *)st, live->en[k].rm);
		if (rm->lsn > w->since)
			w->rm[w->rms++] = *rm;
	}
}

static bool walk_tx(struct jsim_walk *w, const struct jsim_state *st, const struct jsim_tx *live,
		    struct ktm_jrec *rec)
{
	struct jsim_tx *tx = &w->tx;
	u32 n, k;

	if (!w->part) {
		if (!live->id || !live->jp.unfinished)
			return false;
		begin_tx(w, st, live);
	}
	n = w->part++;
	if (n < w->rms) {
		jsim_make_rm(rec, w->rm[n].id, false);
		return true;
	}
	n -= w->rms;
	if (!n) {
		memset(rec, 0, sizeof(*rec));
		rec->type = KTM_JREC_TX;
		rec->tx.uow = jsim_guid(tx->id, 0);
		rec->tx.outcome = outcome(w, tx);
		rec->tx.prepared = tx->jp.unfinished;
		rec->tx.clock = tx->jp.clock;
		rec->tx.lsn = tx->lsn;
		return true;
	}
	for (k = 0; k < MAX_ENL; k++)
		if (tx->en[k].key && !--n) {
			jsim_make_prepared(rec, w->info, tx->id, &tx->en[k], k);
			return true;
		}
	return false;
}

static bool walk_object(struct jsim_walk *w, const struct jsim_state *st, u32 n,
			struct ktm_jrec *rec)
{
	if (!n) {
		if (w->part++)
			return false;
		memset(rec, 0, sizeof(*rec));
		rec->type = KTM_JREC_CLOCK;
		rec->clock.clock = st->jp.clock;
		return true;
	}
	n--;
	if (n < SLOT_RM) {
		if (w->part++ || !st->rm[n].id)
			return false;
		jsim_make_rm(rec, st->rm[n].id, false);
		return true;
	}
	n -= SLOT_RM;
	if (n < SLOT_STREAM)
		return walk_stream(w, &st->stream[n], rec);
	return walk_tx(w, st, &st->tx[n - SLOT_STREAM], rec);
}

bool jsim_walk_next(struct jsim_walk *w, const struct jsim_state *st, struct ktm_jrec *rec)
{
	for (; w->object < 1 + SLOT_RM + SLOT_STREAM + SLOT_TX; w->object++, w->part = 0)
		if (walk_object(w, st, w->object, rec))
			return true;
	return false;
}
