// SPDX-License-Identifier: GPL-2.0
/*
 * The caller of the protocol in the small world of protocol_world.h: it makes
 * events and does what enum ktm_action says, in that order and nothing more.
 */
#include "protocol_world.h"

u64 tx_tried[KTM_TX_STATE_INDOUBT + 1][KTM_NR_TX_EVENTS];
u64 en_tried[KTM_EN_STATE_READ_ONLY + 1][KTM_NR_EN_EVENTS];

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
	if (actions & KTM_ACT_LOG_DECISION) {
		s->asked = true;
		if (!durable_vote(s))
			bad(s, "a decision is logged for nobody");
		if (s->w.bits & W_FORCED)
			bad(s, "a second decision");
		if (s->refuse || s->w.bits & W_OFFLINE) {
			if (sim_tx_event(s, KTM_TXEV_DECISION_REFUSED) != KTM_STATUS_SUCCESS)
				bad(s, "that the log refused is refused");
		} else {
			sim_log_append(s, REC_DECISION);
			s->w.bits |= W_FORCED;
			if (sim_tx_event(s, KTM_TXEV_DECISION_HANDED) != KTM_STATUS_SUCCESS)
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
			sim_log_append(s, REC_COMPLETION | self |
				      (ktm_txc_log_ended(&s->tx) ? REC_END : 0));
	}
	for (i = 0; i < MAX_EN; i++)
		if (in_memory(s, i) && (actions & KTM_ACT_NOTIFY_ALL ||
					(actions & KTM_ACT_NOTIFY_SELF && i == self)))
			carry_out(s, i);
	if (actions & KTM_ACT_FINISHED && !ktm_txc_finished(&s->tx))
		bad(s, "finished, but not finished");
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

	en_tried[s->en[i].state][ev]++;
	sim_remember(&m, s);
	s->event = ev;
	s->event_en = i;
	r = ktm_enc_event(&s->en[i], ev);
	if (r.status != expected)
		bad(s, "ktm_enc_check does not say what ktm_enc_event does");
	if (r.status == KTM_STATUS_SUCCESS)
		sim_perform(s, r.actions, i);
	else
		sim_unchanged(s, &m, r.actions);
	s->event_en = -1;
	return r.status;
}
