// SPDX-License-Identifier: GPL-2.0
/*
 * The workload of the simulated transaction manager: transactions with and without a
 * superior that commit and roll back, resource managers that come and go, streams that grow
 * and are cut at both ends. What is appended is planned so that no rule is broken.
 */
#include <stdio.h>
#include <stdlib.h>

#include "journal_sim.h"

int jsim_append(struct jsim *s, struct ktm_jrec *rec, u32 reserved, bool force)
{
	static u8 buf[KTM_JF_REC_MAX];
	const char *why;
	u64 lsn;
	int err;

	while ((err = ktm_jw_append(&s->w, rec, reserved, &lsn)) == -EAGAIN) {
		jsim_pump(s);
		jsim_end_one(s);
		if (s->failed || s->w.err)
			return -EIO;
	}
	if (err) {
		s->starved |= err == -ENOSPC;
		if (err == -ENOSPC && reserved)
			jsim_violation(s, "an append from a reservation found no room");
		return err;
	}
	rec->lsn = lsn;
	if (rec->type == KTM_JREC_SREC && !rec->srec.lsn)
		rec->srec.lsn = lsn;
	why = jsim_apply(&s->state, rec);
	if (why) {
		fprintf(stderr, "the workload is wrong: %s (record type %u)\n", why, rec->type);
		abort();
	}
	s->history[s->appended] = jsim_hash(1, buf, ktm_jrec_encode(rec, buf, sizeof(buf)));
	s->lsn[s->appended++] = lsn;
	s->digest[s->appended] = jsim_state_digest(&s->state);
	if (force && ktm_jw_want(&s->w, lsn)) {
		s->starved = true;
		if (reserved)
			jsim_violation(s, "a force from a reservation found no room");
	}
	/* A batch that has filled up goes out by itself, as in the module. */
	if (force || s->w.submitted < s->w.closed)
		jsim_pump(s);
	return 0;
}

static u32 charge(const struct jsim *s, u16 type, u32 var)
{
	return ktm_jw_charge(s->unit, type, var);
}

static bool reserve(struct jsim *s, u32 *what, u32 bytes)
{
	if (ktm_jw_reserve(&s->w, bytes, false)) {
		s->starved = true;
		return false;
	}
	*what = bytes;
	return true;
}

static void unreserve(struct jsim *s, u32 *what)
{
	ktm_jw_unreserve(&s->w, *what);
	*what = 0;
}

/* What the restart area has to hold at most, if all goes on as planned. */
static u64 live_bytes(const struct jsim *s)
{
	/* An RM may be said a second time. */
	u64 sum = ktm_jrec_bytes(KTM_JREC_CLOCK, 0) +
		  2 * MAX_RM * ktm_jrec_bytes(KTM_JREC_RM, KTM_JF_DESC_MAX) +
		  MAX_STREAM * (ktm_jrec_bytes(KTM_JREC_STREAM, KTM_JF_DESC_MAX) +
				MAX_SREC * (sizeof(struct ktm_jsent) + 4));

	for (int i = 0; i < SLOT_TX; i++) {
		const struct jsim_tx *tx = &s->state.tx[i];

		for (u32 k = 0; tx->id && k < MAX_ENL; k++)
			sum += ktm_jf_live_tx_bytes(1, max(tx->plan[k].info_len,
							   tx->en[k].info_len));
	}
	return sum;
}

/* ---- transactions ----------------------------------------------------- */

static struct jsim_rm *some_rm(struct jsim *s)
{
	u32 from = rng_below(&s->rng, SLOT_RM);

	for (u32 n = 0; n < SLOT_RM; n++) {
		struct jsim_rm *rm = &s->state.rm[(from + n) % SLOT_RM];

		if (rm->id)
			return rm;
	}
	return NULL;
}

static u32 living_txs(const struct jsim *s)
{
	u32 n = 0;

	for (int i = 0; i < SLOT_TX; i++)
		n += !!s->state.tx[i].id;
	return n;
}

static u32 some_info_len(struct jsim *s)
{
	u32 dice = rng_below(&s->rng, 100);

	return dice >= s->big_percent ? rng_below(&s->rng, 200) :
	       dice > 5 ? rng_below(&s->rng, 4096) : KTM_JF_INFO_MAX - rng_below(&s->rng, 8);
}

static void give_up_plan(struct jsim *s, struct jsim_tx *tx)
{
	for (u32 k = 0; k < MAX_ENL; k++) {
		if (!tx->prepare_reserved[k])
			continue;
		unreserve(s, &tx->prepare_reserved[k]);
		unreserve(s, &tx->completion_reserved[k]);
		memset(&tx->plan[k], 0, sizeof(tx->plan[k]));
	}
}

static void begin_tx(struct jsim *s)
{
	struct jsim_tx *tx = jsim_find_tx(&s->state, 0);
	u32 enlistments = 1 + rng_below(&s->rng, MAX_ENL);
	bool superior = enlistments > 1 && rng_percent(&s->rng, 30);
	u64 live = live_bytes(s);
	bool ok;

	if (living_txs(s) >= MAX_TX)
		return;
	memset(tx, 0, sizeof(*tx));
	ok = reserve(s, &tx->decision_reserved, charge(s, KTM_JREC_DECISION, 0));
	for (u32 k = 0; k < enlistments && ok; k++) {
		struct jsim_en *en = &tx->plan[k];
		const struct jsim_rm *rm = some_rm(s);
		u32 bytes;

		en->info_len = some_info_len(s);
		en->superior = superior && k == enlistments - 1;
		live += ktm_jf_live_tx_bytes(1, en->info_len);
		if (!rm || live > ktm_jf_live_capacity(&s->w.sb)) {
			ok = false;
			break;
		}
		en->rm = rm->id;
		bytes = charge(s, KTM_JREC_PREPARED, en->info_len);
		/* Its superior's is forced. */
		if (en->superior)
			bytes += charge(s, KTM_JREC_DECISION, 0);
		ok = reserve(s, &tx->prepare_reserved[k], bytes) &&
		     reserve(s, &tx->completion_reserved[k], charge(s, KTM_JREC_COMPLETION, 0));
		if (!ok && tx->prepare_reserved[k])
			unreserve(s, &tx->prepare_reserved[k]);
	}
	if (!ok) {
		give_up_plan(s, tx);
		unreserve(s, &tx->decision_reserved);
		memset(tx, 0, sizeof(*tx));
		return;
	}
	tx->id = ++s->nonce;
}

static void prepare(struct jsim *s, struct jsim_tx *tx, u32 k)
{
	u32 reserved = tx->prepare_reserved[k];
	struct ktm_jrec rec;

	tx->plan[k].key = ++s->nonce;
	jsim_make_prepared(&rec, s->info, tx->id, &tx->plan[k], k);
	if (!tx->jp.known)
		rec.prepared.flags |= KTM_JREC_P_FIRST;
	tx->prepare_reserved[k] = 0;
	jsim_append(s, &rec, reserved, tx->plan[k].superior);
}

static void decide(struct jsim *s, struct jsim_tx *tx, u32 result)
{
	u32 reserved = tx->decision_reserved;
	struct ktm_jrec rec = {
		.type = KTM_JREC_DECISION,
		.decision = {
			.uow = jsim_guid(tx->id, 0),
			.outcome = result,
			.prepared = tx->jp.prepared,
			.clock = ++s->nonce,
		},
	};

	tx->decision_reserved = 0;
	jsim_append(s, &rec, reserved, result == KTM_JREC_COMMIT &&
				       rng_percent(&s->rng, s->force_percent));
	/* Its superior, which knows of the abort, writes no completion. */
	for (u32 k = 0; k < MAX_ENL; k++)
		if (!tx->en[k].key && tx->completion_reserved[k])
			unreserve(s, &tx->completion_reserved[k]);
}

static void roll_back(struct jsim *s, struct jsim_tx *tx)
{
	give_up_plan(s, tx);
	if (ktm_jp_sealed(&tx->jp)) {
		decide(s, tx, KTM_JREC_ABORT);
		return;
	}
	unreserve(s, &tx->decision_reserved);
	tx->rolled_back = true;
	if (!tx->jp.known)
		memset(tx, 0, sizeof(*tx));
}

static void complete(struct jsim *s, struct jsim_tx *tx)
{
	struct ktm_jrec rec = {
		.type = KTM_JREC_COMPLETION,
		.flags = tx->jp.unfinished == 1 ? KTM_JREC_F_END : 0,
	};
	u32 k = rng_below(&s->rng, MAX_ENL), reserved;

	while (!tx->en[k].key)
		k = (k + 1) % MAX_ENL;
	rec.completion.uow = jsim_guid(tx->id, 0);
	rec.completion.enlistment = jsim_guid(tx->id, k);
	reserved = tx->completion_reserved[k];
	tx->completion_reserved[k] = 0;
	memset(&tx->plan[k], 0, sizeof(tx->plan[k]));
	jsim_append(s, &rec, reserved, false);
}

static void advance_tx(struct jsim *s, struct jsim_tx *tx)
{
	if (tx->jp.decided || tx->rolled_back) {
		complete(s, tx);
		return;
	}
	if (rng_percent(&s->rng, 8)) {
		roll_back(s, tx);
		return;
	}
	for (u32 k = 0; k < MAX_ENL; k++)
		if (tx->prepare_reserved[k]) {
			prepare(s, tx, k);
			return;
		}
	decide(s, tx, KTM_JREC_COMMIT);
}

/* ---- resource managers ------------------------------------------------ */

static bool needed(const struct jsim *s, u64 rm)
{
	for (int i = 0; i < SLOT_TX; i++)
		for (u32 k = 0; k < MAX_ENL; k++)
			if (s->state.tx[i].id && (s->state.tx[i].plan[k].rm == rm ||
						  s->state.tx[i].en[k].rm == rm))
				return true;
	return false;
}

static void change_rm(struct jsim *s)
{
	struct jsim_rm *rm = some_rm(s);
	struct ktm_jrec rec;
	u32 count = 0;

	for (int i = 0; i < SLOT_RM; i++)
		count += !!s->state.rm[i].id;
	if (rm && (count == MAX_RM || rng_percent(&s->rng, 40))) {
		if (needed(s, rm->id))
			return;
		jsim_make_rm(&rec, rm->id, true);
	} else {
		jsim_make_rm(&rec, ++s->nonce, false);
	}
	jsim_append(s, &rec, 0, rng_percent(&s->rng, s->force_percent));
}

/* ---- streams ---------------------------------------------------------- */

/* What a record counts in its stream's quota. */
static u64 weight(u32 bytes)
{
	return max(bytes + bytes / 2, 128u);
}

static u64 used(const struct jsim_stream *m)
{
	u64 sum = m->reserved;

	for (u32 i = 0; i < m->count; i++)
		sum += weight(m->ent[i].bytes);
	return sum;
}

static void create_stream(struct jsim *s)
{
	u64 quota = s->w.sb.ring_bytes / 64 * (2 + rng_below(&s->rng, 8));
	struct ktm_jrec rec;

	if (ktm_jw_quota(&s->w, quota, false))
		return;
	jsim_make_stream(&rec, ++s->nonce, quota);
	if (jsim_append(s, &rec, 0, rng_percent(&s->rng, s->force_percent)))
		ktm_jw_quota(&s->w, -(s64)quota, false);
}

static void make_srec(struct jsim *s, struct jsim_stream *m, struct ktm_jrec *rec, u32 len)
{
	memset(rec, 0, sizeof(*rec));
	rec->type = KTM_JREC_SREC;
	rec->flags = rng_percent(&s->rng, 15) ? KTM_JREC_F_RESTART : 0;
	rec->srec.id = m->id;
	rec->srec.previous = m->jp.last;
	rec->srec.undo_next = ++s->nonce;
	rec->srec.len = len;
	jsim_make_data(rec, s->info);
}

static void append_srec(struct jsim *s, struct jsim_stream *m)
{
	u32 dice = rng_below(&s->rng, 100);
	u32 len = dice < 80 ? rng_below(&s->rng, 400) : dice < 96 ? rng_below(&s->rng, 4096) :
		  KTM_JF_SREC_MAX - rng_below(&s->rng, 9);
	struct ktm_jrec rec;
	u32 bytes;

	if (m->reserved) {
		bytes = m->reserved;
		make_srec(s, m, &rec, m->reserved_len);
		m->reserved = 0;
		jsim_append(s, &rec, bytes, false);
		return;
	}
	bytes = ktm_jrec_bytes(KTM_JREC_SREC, len);
	if (m->count == MAX_SREC || used(m) + weight(bytes) > m->quota)
		return;
	if (rng_percent(&s->rng, 30)) {
		u32 got;

		if (reserve(s, &got, charge(s, KTM_JREC_SREC, len))) {
			m->reserved = got;
			m->reserved_len = len;
		}
		return;
	}
	make_srec(s, m, &rec, len);
	jsim_append(s, &rec, 0, rng_percent(&s->rng, s->force_percent / 4));
}

static void cut_stream(struct jsim *s, struct jsim_stream *m, bool base)
{
	const struct ktm_jsent *e = &m->ent[rng_below(&s->rng, max(m->count, 1u))];
	struct ktm_jrec rec = { .type = base ? KTM_JREC_SBASE : KTM_JREC_STRUNC };

	if (!m->count)
		return;
	if (base) {
		rec.sbase.id = m->id;
		rec.sbase.base = rng_percent(&s->rng, 10) ? m->jp.last + 1 : e->lsn;
		if (rec.sbase.base <= m->jp.base)
			return;
	} else {
		rec.strunc.id = m->id;
		rec.strunc.last = rng_percent(&s->rng, 10) ? 0 : e->lsn;
	}
	jsim_append(s, &rec, 0, false);
}

static void drop_stream(struct jsim *s, struct jsim_stream *m)
{
	struct ktm_jrec rec = { .type = KTM_JREC_STREAM_GONE, .stream_gone.id = m->id };
	u64 quota = m->quota, reserved = m->reserved;

	if (jsim_append(s, &rec, 0, rng_percent(&s->rng, s->force_percent)))
		return;
	ktm_jw_quota(&s->w, -(s64)quota, false);
	ktm_jw_unreserve(&s->w, reserved);
}

static void change_quota(struct jsim *s, struct jsim_stream *m)
{
	u64 quota = used(m) + rng_below(&s->rng, 8192);
	s64 change = quota - m->quota;
	struct ktm_jrec rec;

	if (ktm_jw_quota(&s->w, change, false))
		return;
	jsim_make_stream(&rec, m->id, quota);
	rec.stream.last = m->jp.last;
	if (jsim_append(s, &rec, 0, false))
		ktm_jw_quota(&s->w, -change, true);
}

static void work_on_streams(struct jsim *s)
{
	struct jsim_stream *m = &s->state.stream[rng_below(&s->rng, MAX_STREAM)];
	u32 dice = rng_below(&s->rng, 100);
	u32 living = 0;

	for (int i = 0; i < SLOT_STREAM; i++)
		living += !!s->state.stream[i].id;
	if (living < MAX_STREAM && rng_percent(&s->rng, 20)) {
		create_stream(s);
		return;
	}
	if (!m->id)
		return;
	if (dice < 76)
		append_srec(s, m);
	else if (dice < 88)
		cut_stream(s, m, true);
	else if (dice < 92)
		cut_stream(s, m, false);
	else if (dice < 93)
		drop_stream(s, m);
	else if (dice < 95)
		change_quota(s, m);
	else if (m->lsn > s->w.flushed_lsn && ktm_jw_want(&s->w, m->lsn))
		s->starved = true;
}

/* ---- all of it -------------------------------------------------------- */

void jsim_reserve_again(struct jsim *s)
{
	for (int i = 0; i < SLOT_TX; i++) {
		struct jsim_tx *tx = &s->state.tx[i];

		if (!tx->id)
			continue;
		/* Presumed abort: what was not decided by now never will be, but by a superior. */
		tx->rolled_back = !tx->jp.decided && !ktm_jp_sealed(&tx->jp);
		for (u32 k = 0; k < MAX_ENL; k++) {
			if (!tx->en[k].key)
				continue;
			tx->completion_reserved[k] = charge(s, KTM_JREC_COMPLETION, 0);
			ktm_jw_reserve(&s->w, tx->completion_reserved[k], true);
		}
		if (ktm_jp_sealed(&tx->jp)) {
			tx->decision_reserved = charge(s, KTM_JREC_DECISION, 0);
			ktm_jw_reserve(&s->w, tx->decision_reserved, true);
		}
	}
	for (int i = 0; i < SLOT_STREAM; i++)
		ktm_jw_quota(&s->w, s->state.stream[i].quota, true);
}

/* Nobody has anything to come, so nothing is reserved. */
static void check_reservations(struct jsim *s)
{
	u64 sum = 0;

	for (int i = 0; i < SLOT_TX; i++) {
		const struct jsim_tx *tx = &s->state.tx[i];

		sum += tx->decision_reserved;
		for (u32 k = 0; k < MAX_ENL; k++)
			sum += tx->prepare_reserved[k] + tx->completion_reserved[k];
	}
	for (int i = 0; i < SLOT_STREAM; i++)
		sum += s->state.stream[i].reserved;
	if (sum != s->w.reserved)
		jsim_violation(s, "%llu bytes are reserved, but %llu should be",
			       (unsigned long long)s->w.reserved, (unsigned long long)sum);
}

static bool make_room(struct jsim *s)
{
	s->starved = false;
	if (!s->restarts)
		return false;
	if (s->restart.phase == JSIM_R_OFF) {
		jsim_restart_begin(s);
		s->restart.hurry = true;
	}
	return true;
}

bool jsim_step(struct jsim *s)
{
	u32 dice = rng_below(&s->rng, 100);
	struct jsim_tx *tx;

	if (!s->online || s->w.err || s->appended > MAX_HISTORY - 64)
		return false;
	if (s->opened)
		jsim_give_back(s, &s->old_sb);
	s->opened = false;
	if (s->starved && !make_room(s))
		return false;
	if (!rng_below(&s->rng, 300))
		jsim_grow(s);
	if (!rng_below(&s->rng, 100))
		jsim_check_streams(s, &s->w.sb, &s->state);
	if (s->restart.phase != JSIM_R_OFF && rng_percent(&s->rng, 40)) {
		jsim_restart_step(s);
		return true;
	}
	if (s->restarts && s->restart.phase == JSIM_R_OFF &&
	    (ktm_jw_restart_due(&s->w) ? rng_percent(&s->rng, 30) : !rng_below(&s->rng, 200)))
		jsim_restart_begin(s);
	check_reservations(s);
	if (rng_percent(&s->rng, s->stream_percent)) {
		work_on_streams(s);
	} else if (dice < 20) {
		begin_tx(s);
	} else if (dice < 24) {
		change_rm(s);
	} else if (dice < 70) {
		tx = &s->state.tx[rng_below(&s->rng, SLOT_TX)];
		if (tx->id)
			advance_tx(s, tx);
	} else {
		jsim_end_one(s);
		jsim_pump(s);
	}
	return true;
}
