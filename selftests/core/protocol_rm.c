// SPDX-License-Identifier: GPL-2.0
/*
 * The resource managers of the small world, and what the TM does when they come
 * and go.
 */
#include "protocol_world.h"

/* The next RM takes part, which it may. */
void sim_enlist(struct sim *s, int i, u8 kind)
{
	struct world_en *en = &s->w.en[i];
	u8 flags = (kind & KIND_DURABLE ? KTM_ENC_DURABLE : 0) | (i == SUP ? KTM_ENC_SUPERIOR : 0);

	if (ktm_txc_can_enlist(&s->tx, i == SUP) != KTM_STATUS_SUCCESS) {
		bad(s, "an active transaction takes no enlistment");
		return;
	}
	en->own = OWN_ENLISTED | OWN_IN_MEMORY | OWN_PRESENT | (i == SUP ? OWN_DRIVES : 0);
	en->kind = kind;
	sim_perform(s, ktm_txc_enlist(&s->tx, &s->en[i], kind_mask(i, kind), flags), i);
	if (s->en[i].mask != kind_mask(i, kind))
		bad(s, "a mask is lost");
}

/* The caller of Enlist could not be told that it did. */
void sim_retract(struct sim *s, int i)
{
	struct world_en *en = &s->w.en[i];

	sim_perform(s, ktm_txc_retract(&s->en[i]), i);
	if (s->en[i].state == KTM_EN_STATE_READ_ONLY) {
		en->own &= ~OWN_DRIVES;
		en->data = DATA_NONE;
	} else if (ktm_txc_outcome(&s->tx) == KTM_OUTCOME_UNDETERMINED &&
		   !(s->w.bits & W_SEAL_FORCED)) {
		bad(s, "who never knew of an enlistment keeps it");
	}
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
	enum note note = en->queue & NOTE_MASK;

	en->queue >>= NOTE_BITS;
	en->read |= 1 << note;
	if (i == SUP) {
		sup_read_note(s, note);
		return;
	}
	switch (note) {
	case NOTE_PREPARE:
	case NOTE_SINGLE:
		if (en->data == DATA_NONE)
			en->data = DATA_STAGED;
		break;
	case NOTE_COMMIT:
		sim_act(s, i, DATA_APPLIED);
		break;
	case NOTE_ROLLBACK:
		sim_act(s, i, DATA_DROPPED);
		break;
	case NOTE_DISCONNECTED:
		en->data = DATA_NONE;
		break;
	default:
		break;
	}
}

/* Staged and logged before the vote counts, as a durable vote has to be. */
void sim_prepare_complete(struct sim *s, int i)
{
	struct world_en *en = &s->w.en[i];
	bool accepted = ktm_enc_check(&s->en[i], KTM_ENEV_PREPARE_COMPLETE) == KTM_STATUS_SUCCESS;

	if (accepted) {
		if (durable(&s->w, i) && s->w.bits & W_OFFLINE)
			return;
		if (durable(&s->w, i))
			sim_log_append(s, REC_PREPARED | i);
		/* Set before the event: the last vote decides within it. */
		en->data = DATA_STAGED;
		en->own |= OWN_VOTED;
	}
	sim_en_event(s, i, KTM_ENEV_PREPARE_COMPLETE);
}

/* It will not commit by itself; what it was asked meanwhile counts now. */
void sim_reject(struct sim *s, int i)
{
	bool overdue = s->tx.overdue, alone = s->tx.alone;

	if (sim_en_event(s, i, KTM_ENEV_SINGLE_PHASE_REJECT) != KTM_STATUS_SUCCESS)
		return;
	if (overdue != (ktm_txc_outcome(&s->tx) == KTM_OUTCOME_ABORTED))
		bad(s, "a time-out while one participant decided counts wrongly");
	if (!overdue && s->tx.state == KTM_TX_STATE_PREPREPARING && !alone)
		bad(s, "a second phase 0");
}

/* Is there something in the log, or unknown to it only, that its RM can take up again? */
bool sim_recoverable(const struct sim *s, int i)
{
	if (!durable(&s->w, i) || !unfinished(s->en[i].state))
		return false;
	return s->w.en[i].own & (OWN_VOTED | OWN_RECOVERED) ||
	       s->en[i].state == KTM_EN_STATE_SINGLE_PHASE;
}

/* An RM takes an enlistment up again, due or not. */
void sim_recover(struct sim *s, int i)
{
	static const enum note next[] = {
		[KTM_EN_STATE_PREPARED] = NOTE_INDOUBT,
		[KTM_EN_STATE_SINGLE_PHASE] = NOTE_SINGLE,
		[KTM_EN_STATE_COMMITTING] = NOTE_COMMIT,
		[KTM_EN_STATE_ABORTING] = NOTE_ROLLBACK,
	};
	struct world_en *en = &s->w.en[i];
	bool due = sim_recoverable(s, i) && !(en->own & OWN_PRESENT);
	u32 status;

	if (i == SUP) {
		due = s->en[i].flags & KTM_ENC_ASKED && sup_is_open(s);
	} else if (due) {
		en->own |= OWN_PRESENT;
	}
	status = sim_en_event(s, i, KTM_ENEV_RECOVER);
	if (due != (status == KTM_STATUS_SUCCESS))
		bad(s, due ? "an enlistment cannot be recovered" :
			     "recovered what cannot be recovered");
	if (status != KTM_STATUS_SUCCESS || s->bad || i == SUP)
		return;
	if (!told(en, next[s->en[i].state]) &&
	    (next[s->en[i].state] != NOTE_INDOUBT || en->kind & KIND_RECOVERY))
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
	if (i == SUP)
		sup_not_found(s);
	else
		sim_act(s, i, DATA_DROPPED);
}

/* Has it answered all that it will have to answer but for the outcome? */
static bool has_voted(u8 state)
{
	return state == KTM_EN_STATE_PREPARED || state == KTM_EN_STATE_COMMITTING ||
	       state == KTM_EN_STATE_ABORTING || state == KTM_EN_STATE_SINGLE_PHASE;
}

/* A volatile enlistment whose own descriptors are closed answers nothing any more. */
void sim_en_close(struct sim *s, int i)
{
	struct world_en *en = &s->w.en[i];

	if (!durable(&s->w, i) && has_voted(s->en[i].state)) {
		en->own &= ~OWN_PRESENT;
		/* That it closed is its answer, whatever it made of its data. */
		if (en->data == DATA_STAGED)
			en->data = DATA_NONE;
	}
	if (sim_en_event(s, i, KTM_ENEV_CLOSE) != KTM_STATUS_SUCCESS)
		bad(s, "an enlistment cannot close");
}

static void recover_one(struct sim *s, int i)
{
	struct world_en *en = &s->w.en[i];
	bool ask = sim_recoverable(s, i);

	if (i == SUP) {
		sup_rm_recover(s);
		return;
	}
	if (ask) {
		en->own &= ~OWN_PRESENT;
		en->read = 0;
	}
	if (sim_en_event(s, i, KTM_ENEV_RM_RECOVER) != KTM_STATUS_SUCCESS)
		bad(s, "an RM cannot recover");
	if (ask && en->kind & KIND_RECOVERY && !queued(en, NOTE_RECOVER))
		bad(s, "an RM recovers and hears nothing of an enlistment");
}

/* An RM asks for what is unfinished. */
void sim_rm_recover(struct sim *s, int rm)
{
	int i;

	s->w.rm[rm] = RM_ONLINE;
	for (i = 0; i < MAX_EN; i++)
		if (in_memory(s, i) && s->cfg->rm[i] == rm)
			recover_one(s, i);
}

/* An RM is closed or dies: unread notifications go, its own disk stays. */
void sim_rm_close(struct sim *s, int rm)
{
	int i;

	s->w.rm[rm] = RM_CLOSED;
	s->closing = rm;
	for (i = 0; i < MAX_EN; i++) {
		struct world_en *en = &s->w.en[i];

		if (!enlisted(&s->w, i) || s->cfg->rm[i] != rm)
			continue;
		en->queue = 0;
		en->read = 0;
		if (!durable(&s->w, i))
			en->data = DATA_NONE;
		if (!in_memory(s, i))
			continue;
		en->own &= ~OWN_PRESENT;
		if (sim_en_event(s, i, KTM_ENEV_RM_CLOSE) != KTM_STATUS_SUCCESS)
			bad(s, "an RM cannot close");
	}
	s->closing = -1;
}
