// SPDX-License-Identifier: GPL-2.0
/*
 * What everybody would do if nothing failed, and where that must lead: every
 * world there is has a way from it to the end.
 */
#include "protocol_world.h"

/**
 * at_goal - is everything over?
 * @w: the world
 * @cfg: who takes part
 *
 * Return: whether nobody owes anything, nobody keeps data locked and the log
 * has forgotten the transaction.
 */
bool at_goal(const struct world *w, const struct config *cfg)
{
	const struct world_en *sup = &w->en[SUP];
	struct sim s;
	int i;

	if (w->bits & W_OFFLINE || log_live(w))
		return false;
	sim_load(&s, w, cfg);
	if (tx_in_memory(&s) && !ktm_txc_finished(&s.tx))
		return false;
	for (i = 0; i < MAX_EN; i++)
		if (w->en[i].data == DATA_STAGED)
			return false;
	/* A superior that has committed waits for the end, if it would find it in the log. */
	return sup->data != DATA_APPLIED || sup->own & OWN_HEARD ||
	       !(sup->own & OWN_VOTED);
}

/* Its turn has come, and it knows. One whose mask asks for nothing acts on its own account. */
static bool superior_may_decide(const struct world_en *sup)
{
	return sup->read & READ_TO_DECIDE || sup->data == DATA_APPLIED ||
	       !(sup->kind & KIND_REST);
}

static bool answer_is_duty(const struct world_en *en, enum edge_kind kind, int i)
{
	switch (kind) {
	case EDGE_PREPREPARE_COMPLETE:
		return en->read & 1 << NOTE_PREPREPARE;
	case EDGE_PREPARE_COMPLETE:
		return en->read & 1 << NOTE_PREPARE;
	case EDGE_COMMIT_COMPLETE:
		return en->read & (1 << NOTE_COMMIT | 1 << NOTE_SINGLE);
	case EDGE_ROLLBACK_COMPLETE:
		return en->read & 1 << NOTE_ROLLBACK;
	case EDGE_SUP_PREPREPARE:
		return i == SUP && en->state == KTM_EN_STATE_ACTIVE;
	case EDGE_SUP_PREPARE:
		return i == SUP && en->read & 1 << NOTE_PREPREPARED;
	case EDGE_SUP_COMMIT:
		return i == SUP && superior_may_decide(en);
	case EDGE_EN_ROLLBACK:
		return i == SUP && (superior_may_decide(en) || !(en->kind & KIND_PHASES));
	default:
		return false;
	}
}

/**
 * benign - would this happen if everybody did their duty and nothing failed?
 * @w: the world
 * @cfg: who takes part
 * @edge: a possible step
 *
 * An answer counts only if its question was read: what no RM would ever do by
 * itself must not be what saves the transaction.
 */
bool benign(const struct world *w, const struct config *cfg, u16 edge)
{
	int i = EDGE_ARG(edge) % MAX_EN;
	const struct world_en *en = &w->en[i];

	if (edge & EDGE_REFUSE)
		return false;
	switch (EDGE_KIND(edge)) {
	case EDGE_TX_COMMIT:
	case EDGE_TX_ROLLBACK:
	case EDGE_READ:
	case EDGE_NOT_FOUND:
	case EDGE_RM_OPEN:
	case EDGE_FORCE:
	case EDGE_REOPEN:
		return true;
	case EDGE_RM_RECOVER:
		return w->rm[i] == RM_OPEN;
	case EDGE_EN_RECOVER:
		/* Who did not ask to be told enumerates its enlistments. */
		return en->read & 1 << NOTE_RECOVER || !(en->kind & KIND_RECOVERY) || i == SUP;
	default:
		return rm_of(w, cfg, i) == RM_ONLINE && answer_is_duty(en, EDGE_KIND(edge), i);
	}
}
