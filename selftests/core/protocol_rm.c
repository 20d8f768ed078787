// SPDX-License-Identifier: GPL-2.0
/*
 * The resource managers of the small world, and what the TM does when they come
 * and go.
 */
#include "protocol_world.h"

/* The next RM takes part, which it may. */
void sim_enlist(struct sim *s, int i)
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

/* An RM brings its data to an outcome. */
void sim_act(struct sim *s, int i, enum rm_data data)
{
	judge_outcome(s, data == DATA_APPLIED ? KTM_OUTCOME_COMMITTED : KTM_OUTCOME_ABORTED);
	s->w.en[i].data = data;
}

/* An RM reads its next notification, and does at once what it says. */
void sim_read_note(struct sim *s, int i)
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
		sim_act(s, i, DATA_APPLIED);
		break;
	case NOTE_ROLLBACK:
		sim_act(s, i, DATA_DROPPED);
		break;
	default:
		break;
	}
}

/* Staged and logged before the vote counts, as a durable vote has to be. */
void sim_prepare_complete(struct sim *s, int i)
{
	struct world_en *en = &s->w.en[i];
	bool durable = s->cfg->durable[i];

	if (ktm_enc_check(&s->en[i], KTM_ENEV_PREPARE_COMPLETE) == KTM_STATUS_SUCCESS && durable) {
		if (s->w.bits & W_OFFLINE)
			return;
		en->data = DATA_STAGED;
		sim_log_append(s, REC_PREPARED | i);
	}
	/* Set before the event: the last vote decides within it. */
	if (ktm_enc_check(&s->en[i], KTM_ENEV_PREPARE_COMPLETE) == KTM_STATUS_SUCCESS)
		en->own |= OWN_VOTED;
	sim_en_event(s, i, KTM_ENEV_PREPARE_COMPLETE);
}

/* Is there something in the log that its RM can take up again? */
bool sim_recoverable(const struct sim *s, int i)
{
	return s->cfg->durable[i] && s->w.en[i].own & (OWN_VOTED | OWN_RECOVERED) &&
	       unfinished(s->en[i].state);
}

/* An RM takes an enlistment up again, due or not. */
void sim_recover(struct sim *s, int i)
{
	struct world_en *en = &s->w.en[i];
	bool due = sim_recoverable(s, i) && !(en->own & OWN_PRESENT);
	enum note next[] = {
		[KTM_EN_STATE_PREPARED] = NOTE_INDOUBT,
		[KTM_EN_STATE_COMMITTING] = NOTE_COMMIT,
		[KTM_EN_STATE_ABORTING] = NOTE_ROLLBACK,
	};
	u32 status;

	if (due)
		en->own |= OWN_PRESENT;
	status = sim_en_event(s, i, KTM_ENEV_RECOVER);
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
void sim_not_found(struct sim *s, int i)
{
	if (in_memory(s, i) &&
	    sim_en_event(s, i, KTM_ENEV_RECOVER) != KTM_STATUS_ENLISTMENT_NOT_FOUND)
		return;
	sim_act(s, i, DATA_DROPPED);
}

/* A volatile enlistment whose own descriptors are closed answers nothing any more. */
void sim_en_close(struct sim *s, int i)
{
	if (!s->cfg->durable[i] && s->en[i].state != KTM_EN_STATE_ACTIVE &&
	    s->en[i].state != KTM_EN_STATE_PREPARING)
		s->w.en[i].own &= ~OWN_PRESENT;
	if (sim_en_event(s, i, KTM_ENEV_CLOSE) != KTM_STATUS_SUCCESS)
		bad(s, "an enlistment cannot close");
}

/* An RM asks for what is unfinished. */
void sim_rm_recover(struct sim *s, int rm)
{
	int i;

	s->w.rm[rm] = RM_ONLINE;
	for (i = 0; i < MAX_EN; i++) {
		struct world_en *en = &s->w.en[i];
		bool ask = in_memory(s, i) && sim_recoverable(s, i);

		if (!in_memory(s, i) || s->cfg->rm[i] != rm)
			continue;
		if (ask) {
			en->own &= ~OWN_PRESENT;
			en->read = 0;
		}
		if (sim_en_event(s, i, KTM_ENEV_RM_RECOVER) != KTM_STATUS_SUCCESS)
			bad(s, "an RM cannot recover");
		if (ask && s->cfg->mask & KTM_NOTIFY_RECOVER && !queued(en, NOTE_RECOVER))
			bad(s, "an RM recovers and hears nothing of an enlistment");
	}
}

/* An RM is closed or dies: unread notifications go, its own disk stays. */
void sim_rm_close(struct sim *s, int rm)
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
		if (sim_en_event(s, i, KTM_ENEV_RM_CLOSE) != KTM_STATUS_SUCCESS)
			bad(s, "an RM cannot close");
	}
	s->closing = -1;
}
