// SPDX-License-Identifier: GPL-2.0
/*
 * What one step may have changed, and what its caller must have been told.
 */
#include "protocol_world.h"

/* Can its time-out still count? */
static bool time_runs(const struct world *w)
{
	switch (w->tx[TX_STATE]) {
	case KTM_TX_STATE_ACTIVE:
	case KTM_TX_STATE_PREPREPARING:
	case KTM_TX_STATE_PREPREPARED:
	case KTM_TX_STATE_PREPARING:
	case KTM_TX_STATE_SINGLE_PHASE:
		return true;
	default:
		return false;
	}
}

/* Who, in a world where a client calls Commit, decides alone: the text's rule, counted here. */
static int expected_single(const struct world *w, bool *alone)
{
	int i, n = 0, durables = 0, bearing = 0, single = -1;

	*alone = false;
	if (w->en[SUP].own & OWN_DRIVES)
		return -1;
	for (i = 0; i < MAX_SUBS; i++) {
		const struct world_en *en = &w->en[i];

		if (!(en->own & OWN_IN_MEMORY) || !unfinished(en->state))
			continue;
		n++;
		durables += durable(w, i);
		bearing += !durable(w, i) && en->kind & KIND_D;
		/* A durable one, or else the last. */
		if (single < 0 || !durable(w, single))
			single = i;
	}
	*alone = n == 1;
	if (!n || !(w->en[single].kind & KIND_S))
		return -1;
	return n == 1 || (durables == 1 && durable(w, single) && bearing == n - 1) ? single : -1;
}

static void commit_begins(struct sim *s, const struct world *before)
{
	bool alone;
	int single = expected_single(before, &alone);

	if (!s->tx.requested && ktm_txc_outcome(&s->tx) == KTM_OUTCOME_UNDETERMINED)
		bad(s, "that a client has called Commit is forgotten");
	/* With nobody to wait for it may be over by now. */
	if (single < 0) {
		if (s->tx.single)
			bad(s, "one participant decides alone that may not");
		return;
	}
	if (s->tx.single != &s->en[single] || s->tx.alone != alone)
		bad(s, "one participant could decide alone and does not");
	if (alone && s->tx.state != KTM_TX_STATE_SINGLE_PHASE)
		bad(s, "the only participant is not asked at once");
}

static void clock(struct sim *s, const struct world *before, u16 edge)
{
	bool begins = before->tx[TX_STATE] == KTM_TX_STATE_ACTIVE &&
		      before->bits & W_TX_IN_MEMORY && s->tx.state != KTM_TX_STATE_ACTIVE &&
		      (EDGE_KIND(edge) == EDGE_TX_COMMIT || EDGE_KIND(edge) == EDGE_SUP_PREPREPARE);

	if (begins != !!(s->done & KTM_ACT_TICK))
		bad(s, "the virtual clock ticks without a commit operation, or does not");
	if (begins && EDGE_KIND(edge) == EDGE_TX_COMMIT)
		commit_begins(s, before);
}

/* Is anything of phase 1 or later going on? */
static bool past_phase0(const struct sim *s)
{
	switch (s->tx.state) {
	case KTM_TX_STATE_ACTIVE:
	case KTM_TX_STATE_PREPREPARING:
	case KTM_TX_STATE_ABORTING:
	case KTM_TX_STATE_ABORTED:
		return false;
	default:
		return true;
	}
}

/* The shortcut holds as long as the others can bear it, and no longer. */
static void shortcut(struct sim *s, const struct world *before, u16 edge)
{
	int i, single = -1;
	bool off = false;

	for (i = 0; i < MAX_SUBS; i++)
		if (before->en[i].own & OWN_SINGLE)
			single = i;
	if (EDGE_KIND(edge) != EDGE_ENLIST || single < 0)
		return;
	for (i = 0; i < MAX_SUBS; i++)
		if (i != single && in_memory(s, i) && unfinished(s->en[i].state) &&
		    (durable(&s->w, i) || !(s->w.en[i].kind & KIND_D)))
			off = true;
	if (off != (s->tx.single == NULL))
		bad(s, off ? "one participant still decides alone beside one that must vote" :
			     "a newcomer that bears it ends the single phase");
}

/* Phase 0: who wants it is asked, and nobody goes on before it has answered. */
static void phase0(struct sim *s, const struct world *before, u16 edge)
{
	bool answered = EDGE_KIND(edge) == EDGE_PREPREPARE_COMPLETE ||
			EDGE_KIND(edge) == EDGE_READ_ONLY;
	int i;

	for (i = 0; i < MAX_SUBS; i++) {
		const struct world_en *old = &before->en[i], *own = &s->w.en[i];
		u8 was = old->own & OWN_IN_MEMORY ? old->state : (u8)KTM_EN_STATE_ACTIVE;
		u8 is = s->en[i].state;

		if (!in_memory(s, i) || !unfinished(is) || is == KTM_EN_STATE_ABORTING ||
		    own->own & OWN_RECOVERED)
			continue;
		if (was == KTM_EN_STATE_PREPREPARING && is != was &&
		    !(answered && EDGE_ARG(edge) == i))
			bad(s, "phase 0 ends for one that has not answered");
		/* One that was to decide alone and may not is asked like a newcomer. */
		if ((was == KTM_EN_STATE_ACTIVE || was == KTM_EN_STATE_SINGLE_PHASE) &&
		    is == KTM_EN_STATE_PREPREPARED && own->kind & KIND_P)
			bad(s, "phase 0 passes over one that wants it");
		if (was == KTM_EN_STATE_PREPREPARED && before->tx[TX_STATE] ==
		    KTM_TX_STATE_PREPREPARING && past_phase0(s) && !answered)
			bad(s, "phase 1 begins by itself");
	}
}

/* What the step must have told its caller. */
static void reports(struct sim *s, const struct world *before)
{
	struct sim old;
	bool ended, quiet;

	if (s->rebuilt || !tx_in_memory(s))
		return;
	sim_load(&old, before, s->cfg);
	/*
	 * Also from settled to not, when an RM comes back: callers may keep a copy.
	 * Not while the log is away: those who wait then wait for its reopening.
	 */
	quiet = s->reopened && s->w.bits & W_OFFLINE;
	if (((!quiet && ktm_txc_settled(&old.tx) != ktm_txc_settled(&s->tx)) ||
	     ktm_txc_outcome(&old.tx) != ktm_txc_outcome(&s->tx)) && !(s->done & KTM_ACT_WAKE))
		bad(s, "those who wait are not woken");
	/* What was finished in memory only may begin again when the log is reopened. */
	ended = ktm_txc_finished(&s->tx) && !ktm_txc_finished(&old.tx);
	if (!s->reopened && !(s->done & KTM_ACT_FINISHED) != !ended)
		bad(s, "FINISHED is missing, or comes twice");
}

static void timer(struct sim *s, const struct world *before)
{
	struct world after = s->w;
	bool in_doubt = s->tx.state == KTM_TX_STATE_SINGLE_PHASE_INDOUBT && s->tx.single;

	after.tx[TX_STATE] = s->tx.state;
	if (s->rebuilt || !tx_in_memory(s))
		return;
	if (time_runs(before) && !time_runs(&after) && !in_doubt &&
	    !(s->done & KTM_ACT_STOP_TIMER))
		bad(s, "the time-out outlives its meaning");
	if ((time_runs(&after) || in_doubt) && s->done & KTM_ACT_STOP_TIMER)
		bad(s, "a time-out is lost");
}

/* A superior hears of the end when all have ended that are there; others may come back. */
static void ends(struct sim *s, const struct world *before)
{
	const struct world_en *old = &before->en[SUP], *own = &s->w.en[SUP];

	if (((queued(own, NOTE_COMMITTED) && !queued(old, NOTE_COMMITTED)) ||
	     (queued(own, NOTE_ROLLED_BACK) && !queued(old, NOTE_ROLLED_BACK))) &&
	    !subs_have_ended(s))
		bad(s, "a superior hears of an end that has not come");
}

/* Rolling back costs no force, whatever was forced before. */
static void forces(struct sim *s)
{
	if (tx_in_memory(s) && s->asked && !s->refuse && !(s->w.bits & W_OFFLINE) &&
	    ktm_txc_outcome(&s->tx) == KTM_OUTCOME_ABORTED)
		bad(s, "a rollback is forced");
}

/**
 * judge_step - say whether a step changed what it may
 * @s: the world after the step
 * @before: the world before
 * @edge: the step
 */
void judge_step(struct sim *s, const struct world *before, u16 edge)
{
	reports(s, before);
	timer(s, before);
	forces(s);
	if (s->rebuilt || !tx_in_memory(s))
		return;
	clock(s, before, edge);
	shortcut(s, before, edge);
	phase0(s, before, edge);
	ends(s, before);
}
