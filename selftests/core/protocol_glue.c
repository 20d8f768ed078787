// SPDX-License-Identifier: GPL-2.0
/*
 * The caller of the protocol in the small world of protocol_world.h: it does
 * what enum ktm_action says and nothing more, keeps the log and the queues, and
 * plays the resource managers.
 */
#include "protocol_world.h"

u64 tx_tried[KTM_TX_STATE_INDOUBT + 1][KTM_NR_TX_EVENTS];
u64 en_tried[KTM_EN_STATE_READ_ONLY + 1][KTM_NR_EN_EVENTS];

const char *const edge_names[NR_EDGES] = {
	[EDGE_TX_COMMIT]	= "client: Commit",
	[EDGE_TX_ROLLBACK]	= "client: Rollback",
	[EDGE_TX_CLOSE]		= "client: closes",
	[EDGE_TX_EXPIRE]	= "time-out",
	[EDGE_ENLIST]		= "enlist",
	[EDGE_PREPARE_COMPLETE]	= "PrepareComplete",
	[EDGE_READ_ONLY]	= "ReadOnly",
	[EDGE_EN_ROLLBACK]	= "enlistment: Rollback",
	[EDGE_COMMIT_COMPLETE]	= "CommitComplete",
	[EDGE_ROLLBACK_COMPLETE] = "RollbackComplete",
	[EDGE_EN_CLOSE]		= "enlistment's descriptors closed",
	[EDGE_EN_RECOVER]	= "RecoverEnlistment",
	[EDGE_READ]		= "read notification",
	[EDGE_NOT_FOUND]	= "ask for staged data",
	[EDGE_RM_CLOSE]		= "RM closed",
	[EDGE_RM_OPEN]		= "RM opened",
	[EDGE_RM_RECOVER]	= "RM recovers",
	[EDGE_FORCE]		= "force ends well",
	[EDGE_FAIL]		= "log fails, written of it",
	[EDGE_REOPEN]		= "log reopened",
	[EDGE_CRASH]		= "crash, kept of the log",
};

static const struct {
	u32 bit;
	enum note note;
} notes[] = {
	{ KTM_NOTIFY_PREPARE, NOTE_PREPARE },
	{ KTM_NOTIFY_RECOVER, NOTE_RECOVER },
	{ KTM_NOTIFY_INDOUBT, NOTE_INDOUBT },
	{ KTM_NOTIFY_COMMIT, NOTE_COMMIT },
	{ KTM_NOTIFY_ROLLBACK, NOTE_ROLLBACK },
};

/* ---- the log ---- */

/* Is the record in the log, durable or not? */
bool log_holds(const struct world *w, u8 record)
{
	u8 bit = 1 << (record & REC_EN);
	int i;

	for (i = 0; i < w->nvolatile; i++)
		if ((w->vol[i] & record) == record && (w->vol[i] & REC_EN) == (record & REC_EN))
			return true;
	if (record & REC_PREPARED)
		return w->log_prepared & bit;
	if (record & REC_COMPLETION)
		return w->log_completed & bit;
	return w->log_bits & LOG_DECISION;
}

/* Does the log still speak of the transaction? */
bool log_live(const struct world *w)
{
	bool live = w->log_prepared && !(w->log_bits & LOG_END);
	int i;

	for (i = 0; i < w->nvolatile; i++)
		live = !(w->vol[i] & REC_END);
	return live;
}

static void log_append(struct sim *s, u8 record)
{
	if (s->w.nvolatile == MAX_VOLATILE) {
		bad(s, "more records than a transaction can have");
		return;
	}
	s->w.vol[s->w.nvolatile++] = record;
}

/* The first @count records reach the medium, the others are lost or still wait. */
static void log_write(struct sim *s, int count, bool lose)
{
	struct world *w = &s->w;
	int i;

	for (i = 0; i < count; i++) {
		u8 rec = w->vol[i];

		if (rec & REC_PREPARED)
			w->log_prepared |= 1 << (rec & REC_EN);
		if (rec & REC_COMPLETION)
			w->log_completed |= 1 << (rec & REC_EN);
		if (rec & REC_END)
			w->log_bits |= LOG_END;
		if (rec & REC_DECISION) {
			w->log_bits |= LOG_DECISION;
			w->bits |= W_DECISION_DURABLE;
		}
	}
	if (!lose && count != w->nvolatile)
		bad(s, "the test itself: part of a force");
	memset(w->vol, 0, sizeof(w->vol));
	w->nvolatile = 0;
}

static void log_clear(struct world *w)
{
	w->log_prepared = 0;
	w->log_completed = 0;
	w->log_bits = 0;
}

/* ---- the queues ---- */

static void unqueue(struct world_en *en, enum note note)
{
	u16 q, kept = 0;
	int shift = 0;

	for (q = en->queue; q; q >>= NOTE_BITS) {
		u16 first = q & ((1 << NOTE_BITS) - 1);

		if (first == note)
			continue;
		kept |= first << shift;
		shift += NOTE_BITS;
	}
	en->queue = kept;
}

static void enqueue(struct sim *s, int i, enum note note)
{
	struct world_en *en = &s->w.en[i];
	int shift = 0;

	if (told(en, note))
		bad(s, "told the same thing twice in one life");
	while (en->queue >> shift)
		shift += NOTE_BITS;
	en->queue |= note << shift;
}

static void carry_out(struct sim *s, int i)
{
	struct ktm_enc *enc = &s->en[i];
	size_t n;

	for (n = 0; n < ARRAY_SIZE(notes); n++) {
		if (enc->withdraw & notes[n].bit)
			unqueue(&s->w.en[i], notes[n].note);
		enc->withdraw &= ~notes[n].bit;
	}
	for (n = 0; n < ARRAY_SIZE(notes); n++) {
		if (!(enc->due & notes[n].bit))
			continue;
		enc->due &= ~notes[n].bit;
		if (!(enc->mask & notes[n].bit))
			bad(s, "told what its mask does not name");
		/* What comes while its RM is being closed is dropped with the queue. */
		if (s->closing == s->cfg->rm[i])
			continue;
		if (s->w.rm[s->cfg->rm[i]] == RM_CLOSED)
			bad(s, "told something while its RM is closed");
		enqueue(s, i, notes[n].note);
	}
	if (enc->due || enc->withdraw)
		bad(s, "a notification that does not exist");
}

/* ---- events and what follows from them ---- */

static u32 tx_event(struct sim *s, enum ktm_tx_event ev);

static void perform(struct sim *s, u32 actions, int self)
{
	int i;

	s->done |= actions;
	if (actions & KTM_ACT_LOG_DECISION) {
		s->asked = true;
		if (!durable_vote(s))
			bad(s, "a decision is logged for nobody");
		if (s->w.bits & W_FORCED)
			bad(s, "a second decision");
		if (s->refuse || s->w.bits & W_OFFLINE) {
			if (tx_event(s, KTM_TXEV_DECISION_REFUSED) != KTM_STATUS_SUCCESS)
				bad(s, "that the log refused is refused");
		} else {
			log_append(s, REC_DECISION);
			s->w.bits |= W_FORCED;
			if (tx_event(s, KTM_TXEV_DECISION_HANDED) != KTM_STATUS_SUCCESS)
				bad(s, "that the log took the decision is refused");
		}
	}
	if (actions & KTM_ACT_LOG_COMPLETION) {
		if (self < 0 || s->event_en != self || (s->event != KTM_ENEV_COMMIT_COMPLETE &&
							s->event != KTM_ENEV_ROLLBACK_COMPLETE)) {
			bad(s, "a completion record without a completion");
			return;
		}
		if (!log_holds(&s->w, REC_PREPARED | self) && !(s->w.bits & W_OFFLINE))
			bad(s, "a completion record without a prepared record");
		/* Offline the record is lost; reopening finds the enlistment unfinished. */
		if (!(s->w.bits & W_OFFLINE))
			log_append(s, REC_COMPLETION | self |
				      (ktm_txc_log_ended(&s->tx) ? REC_END : 0));
	}
	for (i = 0; i < MAX_EN; i++)
		if (in_memory(s, i) && (actions & KTM_ACT_NOTIFY_ALL ||
					(actions & KTM_ACT_NOTIFY_SELF && i == self)))
			carry_out(s, i);
	if (actions & KTM_ACT_FINISHED && !ktm_txc_finished(&s->tx))
		bad(s, "finished, but not finished");
}

/* What the protocol owns, to see that a refusal leaves all of it alone. */
struct memory {
	struct ktm_txc tx;
	struct ktm_enc en[MAX_EN];
};

static void remember(struct memory *m, const struct sim *s)
{
	memcpy(&m->tx, &s->tx, sizeof(m->tx));
	memcpy(m->en, s->en, sizeof(m->en));
}

static void refused(struct sim *s, const struct memory *m, u32 actions)
{
	if (actions || memcmp(&m->tx, &s->tx, sizeof(m->tx)) ||
	    memcmp(m->en, s->en, sizeof(m->en)))
		bad(s, "what must change nothing changed something");
}

static u32 tx_event(struct sim *s, enum ktm_tx_event ev)
{
	u32 expected = ktm_txc_check(&s->tx, ev);
	struct ktm_result r;
	struct memory m;

	tx_tried[s->tx.state][ev]++;
	remember(&m, s);
	r = ktm_txc_event(&s->tx, ev);
	if (r.status != expected)
		bad(s, "ktm_txc_check does not say what ktm_txc_event does");
	if (r.status == KTM_STATUS_SUCCESS)
		perform(s, r.actions, -1);
	else
		refused(s, &m, r.actions);
	return r.status;
}

static u32 en_event(struct sim *s, int i, enum ktm_en_event ev)
{
	u32 expected = ktm_enc_check(&s->en[i], ev);
	struct ktm_result r;
	struct memory m;

	en_tried[s->en[i].state][ev]++;
	remember(&m, s);
	s->event = ev;
	s->event_en = i;
	r = ktm_enc_event(&s->en[i], ev);
	if (r.status != expected)
		bad(s, "ktm_enc_check does not say what ktm_enc_event does");
	if (r.status == KTM_STATUS_SUCCESS)
		perform(s, r.actions, i);
	else
		refused(s, &m, r.actions);
	s->event_en = -1;
	return r.status;
}

/* ---- the resource managers ---- */

static void act(struct sim *s, int i, enum rm_data data)
{
	judge_outcome(s, data == DATA_APPLIED ? KTM_OUTCOME_COMMITTED : KTM_OUTCOME_ABORTED);
	s->w.en[i].data = data;
}

static void read_note(struct sim *s, int i)
{
	struct world_en *en = &s->w.en[i];
	enum note note = en->queue & ((1 << NOTE_BITS) - 1);

	en->queue >>= NOTE_BITS;
	en->read |= 1 << note;
	switch (note) {
	case NOTE_PREPARE:
		if (s->cfg->durable[i])
			en->data = DATA_STAGED;
		break;
	case NOTE_COMMIT:
		act(s, i, DATA_APPLIED);
		break;
	case NOTE_ROLLBACK:
		act(s, i, DATA_DROPPED);
		break;
	default:
		break;
	}
}

static void prepare_complete(struct sim *s, int i)
{
	struct world_en *en = &s->w.en[i];
	bool durable = s->cfg->durable[i];

	if (ktm_enc_check(&s->en[i], KTM_ENEV_PREPARE_COMPLETE) == KTM_STATUS_SUCCESS && durable) {
		if (s->w.bits & W_OFFLINE)
			return;
		en->data = DATA_STAGED;
		log_append(s, REC_PREPARED | i);
	}
	/* Set before the event: the last vote decides within it. */
	if (ktm_enc_check(&s->en[i], KTM_ENEV_PREPARE_COMPLETE) == KTM_STATUS_SUCCESS)
		en->own |= OWN_VOTED;
	en_event(s, i, KTM_ENEV_PREPARE_COMPLETE);
}

/* Is there something in the log that its RM can take up again? */
static bool recoverable(const struct sim *s, int i)
{
	return s->cfg->durable[i] && s->w.en[i].own & (OWN_VOTED | OWN_RECOVERED) &&
	       unfinished(s->en[i].state);
}

static void recover(struct sim *s, int i)
{
	struct world_en *en = &s->w.en[i];
	bool due = recoverable(s, i) && !(en->own & OWN_PRESENT);
	enum note next[] = {
		[KTM_EN_STATE_PREPARED] = NOTE_INDOUBT,
		[KTM_EN_STATE_COMMITTING] = NOTE_COMMIT,
		[KTM_EN_STATE_ABORTING] = NOTE_ROLLBACK,
	};
	u32 status;

	if (due)
		en->own |= OWN_PRESENT;
	status = en_event(s, i, KTM_ENEV_RECOVER);
	if (due != (status == KTM_STATUS_SUCCESS))
		bad(s, due ? "an enlistment cannot be recovered" :
			     "recovered what cannot be recovered");
	if (status == KTM_STATUS_SUCCESS && !s->bad && !told(en, next[s->en[i].state]) &&
	    (next[s->en[i].state] != NOTE_INDOUBT || s->cfg->mask & KTM_NOTIFY_INDOUBT))
		bad(s, "recovered and told nothing");
}

/*
 * After LAST_RECOVER of a TM that is online: data about which the log knows
 * nothing is rolled back. That the TM does not know the enlistment, or that no
 * prepared record of it counts any more, must come to the same.
 */
static void not_found(struct sim *s, int i)
{
	if (in_memory(s, i) && en_event(s, i, KTM_ENEV_RECOVER) != KTM_STATUS_ENLISTMENT_NOT_FOUND)
		return;
	act(s, i, DATA_DROPPED);
}

/* A volatile enlistment whose own descriptors are closed answers nothing any more. */
static void en_close(struct sim *s, int i)
{
	if (!s->cfg->durable[i] && s->en[i].state != KTM_EN_STATE_ACTIVE &&
	    s->en[i].state != KTM_EN_STATE_PREPARING)
		s->w.en[i].own &= ~OWN_PRESENT;
	if (en_event(s, i, KTM_ENEV_CLOSE) != KTM_STATUS_SUCCESS)
		bad(s, "an enlistment cannot close");
}

static void rm_recover(struct sim *s, int rm)
{
	int i;

	s->w.rm[rm] = RM_ONLINE;
	for (i = 0; i < MAX_EN; i++) {
		struct world_en *en = &s->w.en[i];
		bool ask = in_memory(s, i) && recoverable(s, i);

		if (!in_memory(s, i) || s->cfg->rm[i] != rm)
			continue;
		if (ask) {
			en->own &= ~OWN_PRESENT;
			en->read = 0;
		}
		if (en_event(s, i, KTM_ENEV_RM_RECOVER) != KTM_STATUS_SUCCESS)
			bad(s, "an RM cannot recover");
		if (ask && s->cfg->mask & KTM_NOTIFY_RECOVER && !queued(en, NOTE_RECOVER))
			bad(s, "an RM recovers and hears nothing of an enlistment");
	}
}

static void rm_close(struct sim *s, int rm)
{
	int i;

	s->w.rm[rm] = RM_CLOSED;
	s->closing = rm;
	for (i = 0; i < MAX_EN; i++) {
		struct world_en *en = &s->w.en[i];

		if (s->cfg->rm[i] != rm)
			continue;
		en->queue = 0;
		en->read = 0;
		if (!s->cfg->durable[i])
			en->data = DATA_NONE;
		if (!in_memory(s, i))
			continue;
		en->own &= ~OWN_PRESENT;
		if (en_event(s, i, KTM_ENEV_RM_CLOSE) != KTM_STATUS_SUCCESS)
			bad(s, "an RM cannot close");
	}
	s->closing = -1;
}

/* ---- the TM ---- */

/* The log back into objects. */
static void rebuild(struct sim *s)
{
	struct world *w = &s->w;
	int i;

	s->rebuilt = true;
	w->bits &= ~(W_TX_IN_MEMORY | W_TX_RECOVERED);
	memset(&s->tx, 0, sizeof(s->tx));
	memset(s->en, 0, sizeof(s->en));
	for (i = 0; i < MAX_EN; i++) {
		w->en[i].own &= OWN_VOTED;
		w->en[i].queue = 0;
		w->en[i].read = 0;
		if (!s->cfg->durable[i])
			w->en[i].data = DATA_NONE;
	}
	if (!log_live(w)) {
		log_clear(w);
		return;
	}
	w->bits |= W_TX_IN_MEMORY | W_TX_RECOVERED;
	ktm_txc_init_recovered(&s->tx, w->log_bits & LOG_DECISION);
	for (i = 0; i < MAX_EN; i++) {
		if (!(w->log_prepared & ~w->log_completed & (1 << i)))
			continue;
		w->en[i].own |= OWN_IN_MEMORY | OWN_RECOVERED;
		ktm_txc_enlist_recovered(&s->tx, &s->en[i], s->cfg->mask);
		if (s->en[i].mask != s->cfg->mask)
			bad(s, "a logged mask is lost");
	}
}

static void crash(struct sim *s, int kept)
{
	int rm;

	log_write(s, kept, true);
	s->w.bits &= ~W_OFFLINE;
	for (rm = 0; rm < MAX_EN; rm++)
		s->w.rm[rm] = RM_CLOSED;
	rebuild(s);
}

static void fail(struct sim *s, int written)
{
	log_write(s, written, true);
	s->w.bits |= W_OFFLINE;
	if (tx_in_memory(s) && s->tx.state == KTM_TX_STATE_DECIDING &&
	    tx_event(s, KTM_TXEV_DECISION_FAILED) != KTM_STATUS_SUCCESS)
		bad(s, "that the log failed is refused");
}

static void force(struct sim *s)
{
	log_write(s, s->w.nvolatile, false);
	if (tx_in_memory(s) && s->tx.state == KTM_TX_STATE_DECIDING &&
	    tx_event(s, KTM_TXEV_DECISION_DURABLE) != KTM_STATUS_SUCCESS)
		bad(s, "that the decision is durable is refused");
}

/*
 * What memory believes of durable enlistments is dropped, what was not handed
 * to the log is rolled back. @ghosts: what was dropped, which descriptors may
 * still refer to.
 */
static void quiet(struct sim *s, struct ktm_enc *ghosts)
{
	struct world *w = &s->w;
	int i;

	for (i = 0; i < s->cfg->rms; i++)
		if (rm_durable(s->cfg, i) && w->rm[i] == RM_ONLINE)
			w->rm[i] = RM_OPEN;
	if (!tx_in_memory(s))
		return;
	for (i = 0; i < MAX_EN; i++) {
		if (!in_memory(s, i) || !s->cfg->durable[i])
			continue;
		ktm_txc_expire(&s->en[i]);
		list_del_init(&s->en[i].link);
		ghosts[i] = s->en[i];
		INIT_LIST_HEAD(&ghosts[i].link);
		memset(&s->en[i], 0, sizeof(s->en[i]));
		w->en[i].own &= OWN_VOTED;
		w->en[i].queue = 0;
		w->en[i].read = 0;
	}
	if ((s->tx.state == KTM_TX_STATE_ACTIVE || s->tx.state == KTM_TX_STATE_PREPARING) &&
	    tx_event(s, KTM_TXEV_SETTLE_ABORT) != KTM_STATUS_SUCCESS)
		bad(s, "what never had a decision cannot be rolled back");
}

/* A descriptor of what was dropped says something: that must move nothing. */
static void haunt(struct sim *s, struct ktm_enc *ghosts)
{
	struct memory m;
	int i;

	remember(&m, s);
	for (i = 0; i < MAX_EN; i++) {
		if (!ghosts[i].tx)
			continue;
		ktm_enc_event(&ghosts[i], KTM_ENEV_READ_ONLY);
		ktm_enc_event(&ghosts[i], KTM_ENEV_CLOSE);
	}
	if (memcmp(&m.tx, &s->tx, sizeof(m.tx)) || memcmp(m.en, s->en, sizeof(m.en)))
		bad(s, "an enlistment of before the reopening moves its transaction");
}

/* What the log holds comes back into the transaction that memory still has. */
static void adopt(struct sim *s)
{
	struct world *w = &s->w;
	bool decided = w->log_bits & LOG_DECISION;
	u32 outcome = ktm_txc_outcome(&s->tx);
	int i;

	if (log_live(w) && outcome == (decided ? KTM_OUTCOME_ABORTED : KTM_OUTCOME_COMMITTED))
		bad(s, "the log contradicts what was told");
	for (i = 0; i < MAX_EN && log_live(w); i++) {
		if (!(w->log_prepared & ~w->log_completed & (1 << i)))
			continue;
		w->en[i].own |= OWN_IN_MEMORY | OWN_RECOVERED;
		ktm_txc_enlist_recovered(&s->tx, &s->en[i], s->cfg->mask);
	}
	if (s->tx.state == KTM_TX_STATE_INDOUBT) {
		decided &= log_live(w);
		if (tx_event(s, decided ? KTM_TXEV_SETTLE_COMMIT : KTM_TXEV_SETTLE_ABORT) !=
		    KTM_STATUS_SUCCESS)
			bad(s, "what is in doubt cannot be settled");
	} else {
		perform(s, ktm_txc_reopened(&s->tx), -1);
	}
}

/* How a reopening goes. */
enum reopening {
	REOPEN_KEEP,	/* a transaction that is over is still in memory */
	REOPEN_FORGET,	/* it is not */
	REOPEN_FAIL,	/* the log cannot be opened yet */
	NR_REOPENINGS
};

static void reopen(struct sim *s, enum reopening how)
{
	struct ktm_enc ghosts[MAX_EN] = { };
	struct world *w = &s->w;

	s->reopened = true;
	quiet(s, ghosts);
	if (tx_in_memory(s))
		haunt(s, ghosts);
	if (how == REOPEN_FAIL)
		return;
	w->bits &= ~W_OFFLINE;
	if (!tx_in_memory(s) || (how == REOPEN_FORGET && ktm_txc_finished(&s->tx))) {
		rebuild(s);
	} else {
		adopt(s);
		haunt(s, ghosts);
	}
	/* The new log begins with what lives. */
	w->log_prepared &= ~w->log_completed;
	w->log_completed = 0;
	if (!log_live(w) || !w->log_prepared)
		log_clear(w);
}

static void enlist(struct sim *s, int i)
{
	struct world_en *en = &s->w.en[i];

	s->w.enlisted++;
	en->own = OWN_IN_MEMORY | OWN_PRESENT;
	if (ktm_txc_enlist(&s->tx, &s->en[i], s->cfg->mask, s->cfg->durable[i]) !=
	    KTM_STATUS_SUCCESS)
		bad(s, "an active transaction takes no enlistment");
	if (s->en[i].mask != s->cfg->mask)
		bad(s, "a mask is lost");
}

/* ---- one step ---- */

void world_init(struct world *w, const struct config *cfg)
{
	int i;

	memset(w, 0, sizeof(*w));
	w->bits = W_TX_IN_MEMORY;
	for (i = 0; i < cfg->rms; i++)
		w->rm[i] = RM_ONLINE;
}

/**
 * sim_load - bring a world to life
 * @s: where
 * @w: the world
 * @cfg: who takes part
 */
void sim_load(struct sim *s, const struct world *w, const struct config *cfg)
{
	int i;

	memset(s, 0, sizeof(*s));
	s->w = *w;
	s->cfg = cfg;
	s->event_en = -1;
	s->closing = -1;
	if (!tx_in_memory(s))
		return;
	INIT_LIST_HEAD(&s->tx.enlistments);
	s->tx.state = w->tx[0];
	s->tx.unvoted = w->tx[1];
	s->tx.prepared_durable = w->tx[2];
	s->tx.log_open = w->tx[3];
	s->tx.unfinished = w->tx[4];
	s->tx.owing = w->tx[5];
	for (i = 0; i < MAX_EN; i++) {
		if (!in_memory(s, i))
			continue;
		s->en[i].tx = &s->tx;
		s->en[i].state = w->en[i].state;
		s->en[i].flags = w->en[i].flags;
		s->en[i].mask = cfg->mask;
		list_add_tail(&s->en[i].link, &s->tx.enlistments);
	}
}

/* What was read matters only while it can be answered. */
static u8 read_that_matters(const struct ktm_enc *en)
{
	switch (en->state) {
	case KTM_EN_STATE_PREPARING:
		return 1 << NOTE_PREPARE;
	case KTM_EN_STATE_PREPARED:
		return 1 << NOTE_INDOUBT | 1 << NOTE_RECOVER;
	case KTM_EN_STATE_COMMITTING:
		return 1 << NOTE_COMMIT | 1 << NOTE_RECOVER;
	case KTM_EN_STATE_ABORTING:
		return 1 << NOTE_ROLLBACK | 1 << NOTE_RECOVER;
	default:
		return 0;
	}
}

/**
 * sim_store - freeze a world again
 * @s: the world; @s->w is then complete
 */
void sim_store(struct sim *s)
{
	struct world *w = &s->w;
	int i;

	memset(w->tx, 0, sizeof(w->tx));
	if (tx_in_memory(s)) {
		w->tx[0] = s->tx.state;
		w->tx[1] = s->tx.unvoted;
		w->tx[2] = s->tx.prepared_durable;
		w->tx[3] = s->tx.log_open;
		w->tx[4] = s->tx.unfinished;
		w->tx[5] = s->tx.owing;
	}
	for (i = 0; i < MAX_EN; i++) {
		w->en[i].state = 0;
		w->en[i].flags = 0;
		if (!in_memory(s, i))
			continue;
		w->en[i].state = s->en[i].state;
		w->en[i].flags = s->en[i].flags;
		w->en[i].read &= read_that_matters(&s->en[i]);
		if (w->en[i].own & OWN_PRESENT)
			w->en[i].read &= ~(1 << NOTE_RECOVER);
		if (!unfinished(s->en[i].state))
			w->en[i].own &= ~OWN_PRESENT;
	}
}

/**
 * sim_possible - can this happen in this world?
 * @w: the world
 * @cfg: who takes part
 * @edge: what
 *
 * Everything that the caller's objects do not rule out by their own rules: an
 * answer can come at any time, asked for or not.
 */
bool sim_possible(const struct world *w, const struct config *cfg, u16 edge)
{
	int arg = EDGE_ARG(edge);
	bool tx = w->bits & W_TX_IN_MEMORY;
	bool online = !(w->bits & W_OFFLINE);

	switch (EDGE_KIND(edge)) {
	case EDGE_TX_COMMIT:
	case EDGE_TX_ROLLBACK:
	case EDGE_TX_CLOSE:
	case EDGE_TX_EXPIRE:
		return tx && !arg;
	case EDGE_ENLIST:
		return tx && online && arg == w->enlisted && arg < cfg->count &&
		       w->tx[0] == KTM_TX_STATE_ACTIVE && w->rm[cfg->rm[arg]] == RM_ONLINE;
	case EDGE_PREPARE_COMPLETE:
	case EDGE_READ_ONLY:
	case EDGE_EN_ROLLBACK:
	case EDGE_COMMIT_COMPLETE:
	case EDGE_ROLLBACK_COMPLETE:
	case EDGE_EN_CLOSE:
		return arg < w->enlisted && w->en[arg].own & OWN_IN_MEMORY;
	case EDGE_EN_RECOVER:
		return arg < w->enlisted && w->en[arg].own & OWN_IN_MEMORY &&
		       w->rm[cfg->rm[arg]] == RM_ONLINE;
	case EDGE_READ:
		return arg < w->enlisted && w->en[arg].queue;
	case EDGE_NOT_FOUND:
		return arg < w->enlisted && cfg->durable[arg] && online &&
		       w->rm[cfg->rm[arg]] == RM_ONLINE && w->en[arg].data == DATA_STAGED &&
		       (!(w->en[arg].own & OWN_IN_MEMORY) ||
			w->en[arg].state == KTM_EN_STATE_ABORTED ||
			w->en[arg].state == KTM_EN_STATE_COMMITTED);
	case EDGE_RM_CLOSE:
		return arg < cfg->rms && w->rm[arg] != RM_CLOSED;
	case EDGE_RM_OPEN:
	case EDGE_RM_RECOVER:
		if (arg >= cfg->rms ||
		    (EDGE_KIND(edge) == EDGE_RM_OPEN) != (w->rm[arg] == RM_CLOSED))
			return false;
		/* A volatile RM that closed is not the one that comes back. */
		return EDGE_KIND(edge) == EDGE_RM_RECOVER || rm_durable(cfg, arg);
	case EDGE_FORCE:
		return !arg && online && w->nvolatile;
	case EDGE_FAIL:
		return online && arg <= w->nvolatile;
	case EDGE_REOPEN:
		return arg < NR_REOPENINGS && !online;
	case EDGE_CRASH:
		return arg <= w->nvolatile;
	default:
		return false;
	}
}

/**
 * sim_step - let something happen
 * @s: a loaded world
 * @edge: what, possible in it
 */
void sim_step(struct sim *s, u16 edge)
{
	int arg = EDGE_ARG(edge);

	s->refuse = edge & EDGE_REFUSE;
	switch (EDGE_KIND(edge)) {
	case EDGE_TX_COMMIT:
		tx_event(s, KTM_TXEV_COMMIT);
		break;
	case EDGE_TX_ROLLBACK:
		tx_event(s, KTM_TXEV_ROLLBACK);
		break;
	case EDGE_TX_CLOSE:
		tx_event(s, KTM_TXEV_CLOSE);
		break;
	case EDGE_TX_EXPIRE:
		tx_event(s, KTM_TXEV_EXPIRE);
		break;
	case EDGE_ENLIST:
		enlist(s, arg);
		break;
	case EDGE_PREPARE_COMPLETE:
		prepare_complete(s, arg);
		break;
	case EDGE_READ_ONLY:
		if (en_event(s, arg, KTM_ENEV_READ_ONLY) == KTM_STATUS_SUCCESS)
			s->w.en[arg].data = DATA_NONE;
		break;
	case EDGE_EN_ROLLBACK:
		en_event(s, arg, KTM_ENEV_ROLLBACK);
		break;
	case EDGE_COMMIT_COMPLETE:
		if (en_event(s, arg, KTM_ENEV_COMMIT_COMPLETE) == KTM_STATUS_SUCCESS)
			act(s, arg, DATA_APPLIED);
		break;
	case EDGE_ROLLBACK_COMPLETE:
		if (en_event(s, arg, KTM_ENEV_ROLLBACK_COMPLETE) == KTM_STATUS_SUCCESS)
			act(s, arg, DATA_DROPPED);
		break;
	case EDGE_EN_CLOSE:
		en_close(s, arg);
		break;
	case EDGE_EN_RECOVER:
		recover(s, arg);
		break;
	case EDGE_READ:
		read_note(s, arg);
		break;
	case EDGE_NOT_FOUND:
		not_found(s, arg);
		break;
	case EDGE_RM_CLOSE:
		rm_close(s, arg);
		break;
	case EDGE_RM_OPEN:
		s->w.rm[arg] = RM_OPEN;
		break;
	case EDGE_RM_RECOVER:
		rm_recover(s, arg);
		break;
	case EDGE_FORCE:
		force(s);
		break;
	case EDGE_FAIL:
		fail(s, arg);
		break;
	case EDGE_REOPEN:
		reopen(s, arg);
		break;
	case EDGE_CRASH:
		crash(s, arg);
		break;
	default:
		bad(s, "the test itself: no such step");
		break;
	}
}

static void lie(struct sim *s, enum ktm_tx_event ev)
{
	if (tx_event(s, ev) == KTM_STATUS_SUCCESS)
		bad(s, "a journal that says what cannot be is believed");
}

/* A log may still hold what is over or known, or may hold it no more. */
static void over(struct sim *s, enum ktm_tx_event ev)
{
	struct memory m;

	remember(&m, s);
	if (tx_event(s, ev) != KTM_STATUS_SUCCESS)
		bad(s, "what a good log says is called damage");
	refused(s, &m, s->done);
}

/**
 * sim_idle - events that must change nothing in this world
 * @s: a loaded world
 *
 * They are those that a correct caller never makes, and those that tell a
 * transaction what it knows.
 */
void sim_idle(struct sim *s)
{
	bool deciding = s->tx.state == KTM_TX_STATE_DECIDING;
	u32 outcome = ktm_txc_outcome(&s->tx);
	struct ktm_enc late;

	if (!tx_in_memory(s))
		return;
	/* Whoever is told to log a decision reports within the same step. */
	lie(s, KTM_TXEV_DECISION_HANDED);
	lie(s, KTM_TXEV_DECISION_REFUSED);
	if (!deciding) {
		lie(s, KTM_TXEV_DECISION_DURABLE);
		lie(s, KTM_TXEV_DECISION_FAILED);
	}
	/* Nobody settles what a force still decides; else the log contradicts memory. */
	if (deciding || (s->tx.state != KTM_TX_STATE_INDOUBT && outcome != KTM_OUTCOME_COMMITTED))
		lie(s, KTM_TXEV_SETTLE_COMMIT);
	if (deciding || (s->tx.state == KTM_TX_STATE_COMMITTING && s->tx.log_open))
		lie(s, KTM_TXEV_SETTLE_ABORT);
	if (ktm_txc_finished(&s->tx) || outcome == KTM_OUTCOME_ABORTED)
		over(s, KTM_TXEV_SETTLE_ABORT);
	if (outcome == KTM_OUTCOME_COMMITTED)
		over(s, KTM_TXEV_SETTLE_COMMIT);
	if (s->tx.state == KTM_TX_STATE_ACTIVE)
		return;
	if (ktm_txc_enlist(&s->tx, &late, s->cfg->mask, true) != KTM_STATUS_TRANSACTION_NOT_ACTIVE)
		bad(s, "enlisted too late");
}
