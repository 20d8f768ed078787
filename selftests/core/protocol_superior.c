// SPDX-License-Identifier: GPL-2.0
/*
 * The superior of the small world. What it has decided it never takes back: its
 * decision is on its own disk before it calls, if what it was told is in the log.
 */
#include "protocol_world.h"

/* A superior learns of something. */
void sup_read_note(struct sim *s, enum note note)
{
	struct world_en *en = &s->w.en[SUP];

	switch (note) {
	case NOTE_PREPARED:
	case NOTE_COMMIT_REQUEST:
	case NOTE_QUERY:
		if (en->data == DATA_NONE)
			en->data = DATA_STAGED;
		break;
	case NOTE_ROLLBACK:
		sim_act(s, SUP, DATA_DROPPED);
		break;
	case NOTE_COMMITTED:
		judge_outcome(s, KTM_OUTCOME_COMMITTED);
		en->own |= OWN_HEARD;
		break;
	case NOTE_ROLLED_BACK:
		judge_outcome(s, KTM_OUTCOME_ABORTED);
		en->own |= OWN_HEARD;
		break;
	default:
		break;
	}
	if ((note == NOTE_COMMITTED || note == NOTE_ROLLED_BACK) &&
	    sim_en_event(s, SUP, KTM_ENEV_REPORTED) != KTM_STATUS_SUCCESS)
		bad(s, "that the superior has heard of the end is refused");
}

/*
 * From here everybody above commits. All that is below must be able to follow,
 * whatever fails.
 */
void sup_decides(struct sim *s)
{
	if (s->w.seen == KTM_OUTCOME_ABORTED)
		bad(s, "a superior can commit what was rolled back");
	if (durable_vote(&s->w) && !(s->w.bits & W_SEAL_DURABLE))
		bad(s, "a superior can commit what is not durably prepared");
	s->w.seen = KTM_OUTCOME_COMMITTED;
	s->w.en[SUP].data = DATA_APPLIED;
}

/* It is honest: what it has rolled back it does not commit. */
void sup_commit(struct sim *s)
{
	if (ktm_enc_check(&s->en[SUP], KTM_ENEV_SUP_COMMIT) == KTM_STATUS_SUCCESS) {
		if (s->w.en[SUP].data == DATA_DROPPED)
			return;
		sup_decides(s);
	}
	sim_en_event(s, SUP, KTM_ENEV_SUP_COMMIT);
}

void sup_rollback(struct sim *s)
{
	bool accepted = ktm_enc_check(&s->en[SUP], KTM_ENEV_ROLLBACK) == KTM_STATUS_SUCCESS;

	if (accepted && s->w.en[SUP].data == DATA_APPLIED)
		return;
	if (accepted)
		s->w.en[SUP].data = DATA_DROPPED;
	sim_en_event(s, SUP, KTM_ENEV_ROLLBACK);
}

/* Is there something in the log for it that it would take up again? */
bool sup_is_open(const struct sim *s)
{
	u8 state = s->en[SUP].state;

	return durable(&s->w, SUP) && s->w.en[SUP].own & (OWN_VOTED | OWN_RECOVERED) &&
	       (state == KTM_EN_STATE_PREPARED || state == KTM_EN_STATE_COMMITTING);
}

/* Its RM asks for what is unfinished: there is no RECOVER for a superior. */
void sup_rm_recover(struct sim *s)
{
	struct world_en *en = &s->w.en[SUP];
	bool open = sup_is_open(s);

	if (open) {
		en->own |= OWN_PRESENT;
		en->read = 0;
	}
	if (sim_en_event(s, SUP, KTM_ENEV_RM_RECOVER) != KTM_STATUS_SUCCESS)
		bad(s, "a superior's RM cannot recover");
	if (open && en->kind & KIND_REST && s->tx.state == KTM_TX_STATE_PREPARED &&
	    !queued(en, NOTE_QUERY))
		bad(s, "a superior recovers and is not asked");
}

/* For a superior it means finished; one that had not decided has rolled back. */
void sup_not_found(struct sim *s)
{
	int i;

	s->w.en[SUP].own |= OWN_HEARD;
	if (s->w.en[SUP].data != DATA_APPLIED) {
		sim_act(s, SUP, DATA_DROPPED);
		return;
	}
	for (i = 0; i < MAX_SUBS; i++)
		if (durable(&s->w, i) && s->w.en[i].data == DATA_STAGED && !log_live(&s->w))
			bad(s, "a superior's commit is finished and has not happened");
}
