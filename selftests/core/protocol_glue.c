// SPDX-License-Identifier: GPL-2.0
/*
 * The caller of the protocol in the small world of protocol_world.h: it makes
 * events and does what enum ktm_action says, in that order and nothing more.
 */
#include "protocol_moves.h"
#include "protocol_world.h"

u64 tx_tried[KTM_NR_TX_STATES][KTM_NR_TX_EVENTS];
u64 en_tried[KTM_NR_EN_STATES][KTM_NR_EN_EVENTS];
u64 sup_tried[KTM_NR_EN_STATES][KTM_NR_EN_EVENTS];

static const struct {
	u32 bit;
	enum note note;
	bool again;	/* may be told although it was read */
} notes[] = {
	{ KTM_NOTIFY_PREPREPARE,		NOTE_PREPREPARE, false },
	{ KTM_NOTIFY_PREPARE,			NOTE_PREPARE, false },
	{ KTM_NOTIFY_SINGLE_PHASE_COMMIT,	NOTE_SINGLE, false },
	{ KTM_NOTIFY_RECOVER,			NOTE_RECOVER, false },
	{ KTM_NOTIFY_INDOUBT,			NOTE_INDOUBT, false },
	{ KTM_NOTIFY_COMMIT,			NOTE_COMMIT, false },
	{ KTM_NOTIFY_ROLLBACK,			NOTE_ROLLBACK, false },
	{ KTM_NOTIFY_RM_DISCONNECTED,		NOTE_DISCONNECTED, false },
	{ KTM_NOTIFY_PREPREPARE_COMPLETE,	NOTE_PREPREPARED, false },
	{ KTM_NOTIFY_PREPARE_COMPLETE,		NOTE_PREPARED, false },
	{ KTM_NOTIFY_COMMIT_REQUEST,		NOTE_COMMIT_REQUEST, false },
	{ KTM_NOTIFY_RECOVER_QUERY,		NOTE_QUERY, true },
	{ KTM_NOTIFY_REQUEST_OUTCOME,		NOTE_REQUEST_OUTCOME, true },
	{ KTM_NOTIFY_COMMIT_COMPLETE,		NOTE_COMMITTED, false },
	{ KTM_NOTIFY_ROLLBACK_COMPLETE,		NOTE_ROLLED_BACK, false },
};

static void unqueue(struct world_en *en, enum note note)
{
	u32 q, kept = 0;
	int shift = 0;

	for (q = en->queue; q; q >>= NOTE_BITS) {
		u32 first = q & NOTE_MASK;

		if (first == note)
			continue;
		kept |= first << shift;
		shift += NOTE_BITS;
	}
	en->queue = kept;
}

static void enqueue(struct sim *s, int i, enum note note, bool again)
{
	struct world_en *en = &s->w.en[i];
	int shift = 0;

	if (!again && told(en, note))
		bad(s, "told the same thing twice in one life");
	/* A queue has one place for each kind. */
	if (queued(en, note))
		return;
	while (shift < 32 && en->queue >> shift)
		shift += NOTE_BITS;
	if (shift == 32)
		bad(s, "the test itself: a queue is full");
	else
		en->queue |= (u32)note << shift;
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
		if (rm_of(&s->w, s->cfg, i) == RM_CLOSED)
			bad(s, "told something while its RM is closed");
		enqueue(s, i, notes[n].note, notes[n].again);
	}
	if (enc->due || enc->withdraw)
		bad(s, "a notification that does not exist");
}

static bool log_refuses(struct sim *s)
{
	s->asked = true;
	return s->refuse || s->w.bits & W_OFFLINE;
}

/* What the log says at once; the actions that come of it go with the others. */
static u32 report(struct sim *s, enum ktm_tx_event ev)
{
	struct ktm_result r;
	struct memory m;

	tx_tried[s->tx.state][ev]++;
	sim_remember(&m, s);
	r = ktm_txc_event(&s->tx, ev);
	note_move(s, &m, BY_TX, -1, ev, r.status);
	if (r.status != KTM_STATUS_SUCCESS)
		bad(s, "what the log did with a record is refused");
	s->done |= r.actions;
	return r.actions;
}

static bool all_have_voted(const struct sim *s)
{
	int i;

	for (i = 0; i < MAX_SUBS; i++)
		if (in_memory(s, i) && unfinished(s->en[i].state) &&
		    s->en[i].state != KTM_EN_STATE_PREPARED)
			return false;
	return true;
}

static u32 log_seal(struct sim *s)
{
	if (!durable_vote(&s->w))
		bad(s, "the prepared state is forced for nobody");
	if (!all_have_voted(s) || !in_memory(s, SUP))
		bad(s, "the prepared state is forced before all have voted");
	if (s->w.bits & W_SEAL_FORCED)
		bad(s, "a second prepared record of the superior");
	if (log_refuses(s))
		return report(s, KTM_TXEV_SEAL_REFUSED);
	sim_log_append(s, REC_PREPARED | SUP);
	s->w.bits |= W_SEAL_FORCED | W_SEAL_RUNS;
	s->w.en[SUP].own |= OWN_VOTED;
	return report(s, KTM_TXEV_SEAL_HANDED);
}

static u32 log_decision(struct sim *s)
{
	if (!durable_vote(&s->w))
		bad(s, "a decision is logged for nobody");
	if (!all_have_voted(s))
		bad(s, "a decision before all have voted");
	if (s->w.bits & W_DECISION_FORCED)
		bad(s, "a second decision");
	if (s->w.en[SUP].own & OWN_DRIVES && s->w.en[SUP].data != DATA_APPLIED)
		bad(s, "a decision that its superior has not made");
	if (log_refuses(s))
		return report(s, KTM_TXEV_DECISION_REFUSED);
	sim_log_append(s, REC_COMMIT);
	s->w.bits |= W_DECISION_FORCED | W_DECISION_RUNS;
	return report(s, KTM_TXEV_DECISION_HANDED);
}

static void log_abort(struct sim *s)
{
	if (!(s->w.bits & W_SEAL_FORCED) && !log_holds(&s->w, REC_PREPARED, SUP))
		bad(s, "a decision to abort that nobody needs");
	/* Offline it is lost; reopening asks memory, and then the superior. */
	if (!(s->w.bits & W_OFFLINE))
		sim_log_append(s, REC_ABORT);
}

static bool completes(const struct sim *s, int self)
{
	if (self < 0 || s->event_en != self)
		return false;
	if (self == SUP)
		return s->event == KTM_ENEV_REPORTED;
	return s->event == KTM_ENEV_COMMIT_COMPLETE || s->event == KTM_ENEV_ROLLBACK_COMPLETE;
}

static void log_completion(struct sim *s, int self)
{
	bool last = ktm_txc_log_ended(&s->tx);

	if (!completes(s, self)) {
		bad(s, "a completion record without a completion");
		return;
	}
	/* Offline the record is lost; reopening finds the enlistment unfinished. */
	if (s->w.bits & W_OFFLINE)
		return;
	if (!log_holds(&s->w, REC_PREPARED, self))
		bad(s, "a completion record without a prepared record");
	sim_log_append(s, (last ? REC_END : REC_COMPLETION) | self);
}

/* Nobody works at it any more. A notification without an answer is still read. */
static void finish(struct sim *s)
{
	int i;

	if (!ktm_txc_finished(&s->tx))
		bad(s, "finished, but not finished");
	for (i = 0; i < MAX_EN; i++) {
		bool disconnected = queued(&s->w.en[i], NOTE_DISCONNECTED);

		if (in_memory(s, i))
			s->w.en[i].queue = disconnected ? NOTE_DISCONNECTED : 0;
	}
}

/**
 * sim_perform - do what the protocol says, in its order
 * @s: the world
 * @actions: enum ktm_action bits
 * @self: the enlistment whose event it was, or -1
 */
void sim_perform(struct sim *s, u32 actions, int self)
{
	int i;

	s->done |= actions;
	if (actions & KTM_ACT_LOG_SEAL)
		actions |= log_seal(s);
	if (actions & KTM_ACT_LOG_DECISION)
		actions |= log_decision(s);
	if (actions & KTM_ACT_LOG_ABORT)
		log_abort(s);
	if (actions & KTM_ACT_LOG_COMPLETION)
		log_completion(s, self);
	for (i = 0; i < MAX_EN; i++)
		if (in_memory(s, i) && (actions & KTM_ACT_NOTIFY_ALL ||
					(actions & KTM_ACT_NOTIFY_SELF && i == self)))
			carry_out(s, i);
	if (actions & KTM_ACT_FINISHED)
		finish(s);
}

/* For sim_unchanged(). */
void sim_remember(struct memory *m, const struct sim *s)
{
	memcpy(&m->tx, &s->tx, sizeof(m->tx));
	memcpy(m->en, s->en, sizeof(m->en));
}

/* Nothing was to be done, and what the protocol owns is as it was. */
void sim_unchanged(struct sim *s, const struct memory *m, u32 actions)
{
	if (actions || memcmp(&m->tx, &s->tx, sizeof(m->tx)) ||
	    memcmp(m->en, s->en, sizeof(m->en)))
		bad(s, "what must change nothing changed something");
}

/* Something happens to the transaction; returns enum ktm_status. */
u32 sim_tx_event(struct sim *s, enum ktm_tx_event ev)
{
	u32 expected = ktm_txc_check(&s->tx, ev);
	struct ktm_result r;
	struct memory m;

	tx_tried[s->tx.state][ev]++;
	sim_remember(&m, s);
	r = ktm_txc_event(&s->tx, ev);
	note_move(s, &m, BY_TX, -1, ev, r.status);
	if (r.status != expected)
		bad(s, "ktm_txc_check does not say what ktm_txc_event does");
	if (r.status == KTM_STATUS_SUCCESS)
		sim_perform(s, r.actions, -1);
	else
		sim_unchanged(s, &m, r.actions);
	return r.status;
}

/* Something happens to an enlistment; returns enum ktm_status. */
u32 sim_en_event(struct sim *s, int i, enum ktm_en_event ev)
{
	u32 expected = ktm_enc_check(&s->en[i], ev);
	struct ktm_result r;
	struct memory m;

	if (i == SUP)
		sup_tried[s->en[i].state][ev]++;
	else
		en_tried[s->en[i].state][ev]++;
	sim_remember(&m, s);
	s->event = ev;
	s->event_en = i;
	r = ktm_enc_event(&s->en[i], ev);
	note_move(s, &m, i == SUP ? BY_SUPERIOR : BY_PARTICIPANT, i, ev, r.status);
	if (r.status != expected)
		bad(s, "ktm_enc_check does not say what ktm_enc_event does");
	if (r.status == KTM_STATUS_SUCCESS)
		sim_perform(s, r.actions, i);
	else
		sim_unchanged(s, &m, r.actions);
	s->event_en = -1;
	return r.status;
}
