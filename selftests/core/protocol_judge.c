// SPDX-License-Identifier: GPL-2.0
/*
 * What must hold in every world. Nothing here asks protocol.c for an opinion
 * that it then believes: counters are counted again, and what may be seen is
 * held against the log.
 */
#include "protocol_world.h"

/**
 * judge_outcome - somebody sees an outcome, or acts on one
 * @s: the world
 * @outcome: COMMITTED or ABORTED
 *
 * Over any crashes it is the same for all, and it is never seen too early.
 */
void judge_outcome(struct sim *s, u32 outcome)
{
	if (s->w.seen && s->w.seen != outcome)
		bad(s, "two outcomes of one transaction");
	s->w.seen = outcome;
	if (outcome == KTM_OUTCOME_COMMITTED && durable_vote(&s->w) &&
	    !(s->w.bits & W_DECISION_DURABLE))
		bad(s, "committed before the decision is durable");
	if (outcome == KTM_OUTCOME_ABORTED && log_holds(&s->w, REC_COMMIT, 0))
		bad(s, "rolled back with a decision in the log");
}

/* Is its prepared record in the log, as far as its struct ktm_enc has to know? */
static bool logged(const struct sim *s, int i)
{
	if (!durable(&s->w, i) || !(s->w.en[i].own & (OWN_VOTED | OWN_RECOVERED)))
		return false;
	/* Of a rollback the log need not hear from the superior. */
	return i != SUP || ktm_txc_outcome(&s->tx) != KTM_OUTCOME_ABORTED;
}

static bool has_not_voted(u8 state)
{
	return state == KTM_EN_STATE_ACTIVE || state == KTM_EN_STATE_PREPREPARING ||
	       state == KTM_EN_STATE_PREPREPARED || state == KTM_EN_STATE_PREPARING ||
	       state == KTM_EN_STATE_SINGLE_PHASE;
}

static bool owes(const struct sim *s, int i)
{
	u8 state = s->en[i].state;

	if (!(s->w.en[i].own & OWN_PRESENT))
		return false;
	return state == KTM_EN_STATE_ABORTING || (state == KTM_EN_STATE_COMMITTING && i != SUP);
}

static void flags(struct sim *s, int i)
{
	const struct world_en *own = &s->w.en[i];

	if (!unfinished(s->en[i].state))
		return;
	if (!(s->en[i].flags & KTM_ENC_PRESENT) != !(own->own & OWN_PRESENT))
		bad(s, "present or not is wrong");
	if (!(s->en[i].flags & KTM_ENC_LOGGED) != !logged(s, i))
		bad(s, "logged or not is wrong");
}

static void counters(struct sim *s)
{
	bool undecided = ktm_txc_outcome(&s->tx) == KTM_OUTCOME_UNDETERMINED;
	u32 unready = 0, unvoted = 0, unfin = 0, owing = 0, open = 0, voted = 0;
	int i;

	for (i = 0; i < MAX_EN; i++) {
		u8 state = s->en[i].state;

		if (!in_memory(s, i))
			continue;
		flags(s, i);
		owing += owes(s, i);
		open += logged(s, i) && unfinished(state);
		if (i == SUP)
			continue;
		unready += state == KTM_EN_STATE_PREPREPARING;
		unvoted += has_not_voted(state);
		unfin += state == KTM_EN_STATE_COMMITTING || state == KTM_EN_STATE_ABORTING;
		voted += logged(s, i);
	}
	if (s->tx.unfinished != unfin)
		bad(s, "unfinished is counted wrong");
	if (s->tx.owing != owing)
		bad(s, "owing is counted wrong");
	if (s->tx.log_open != open)
		bad(s, "log_open is counted wrong");
	/* The others are for what leads to the outcome; afterwards nobody needs them. */
	if (!undecided || ktm_txc_finished(&s->tx))
		return;
	if (s->tx.unready != unready)
		bad(s, "unready is counted wrong");
	if (s->tx.unvoted != unvoted)
		bad(s, "unvoted is counted wrong");
	if (s->tx.prepared_durable != voted)
		bad(s, "prepared_durable is counted wrong");
}

/* Which states of participants and of the superior a state of their transaction goes with. */
#define EN(st)	(1 << KTM_EN_STATE_##st)
#define VOTED	(EN(PREPARED) | EN(READ_ONLY) | EN(DISCONNECTED))
static const struct {
	u16 subs, sup;
} together[KTM_NR_TX_STATES] = {
	[KTM_TX_STATE_ACTIVE]	= { EN(ACTIVE) | EN(READ_ONLY), EN(ACTIVE) },
	[KTM_TX_STATE_PREPREPARING] = { EN(ACTIVE) | EN(PREPREPARING) | EN(PREPREPARED) |
					EN(READ_ONLY), EN(PREPREPARING) },
	[KTM_TX_STATE_PREPREPARED] = { EN(PREPREPARED) | EN(READ_ONLY), EN(PREPREPARED) },
	[KTM_TX_STATE_PREPARING] = { EN(ACTIVE) | EN(PREPARING) | VOTED, EN(PREPARING) },
	[KTM_TX_STATE_SEALING]	= { EN(PREPARED) | EN(READ_ONLY), EN(PREPARED) },
	[KTM_TX_STATE_PREPARED]	= { EN(PREPARED) | EN(READ_ONLY), EN(PREPARED) },
	[KTM_TX_STATE_SUPERIOR_INDOUBT] = { EN(PREPARED) | EN(READ_ONLY), EN(PREPARED) },
	[KTM_TX_STATE_DECIDING]	= { VOTED, EN(PREPARED) },
	[KTM_TX_STATE_INDOUBT]	= { VOTED, EN(PREPARED) },
	[KTM_TX_STATE_SINGLE_PHASE] = { EN(SINGLE_PHASE) | VOTED, 0 },
	[KTM_TX_STATE_SINGLE_PHASE_INDOUBT] = { EN(SINGLE_PHASE) | EN(READ_ONLY) |
						EN(DISCONNECTED), 0 },
	[KTM_TX_STATE_COMMITTING] = { EN(COMMITTING) | EN(COMMITTED) | EN(READ_ONLY) |
				      EN(DISCONNECTED), EN(COMMITTING) | EN(COMMITTED) },
	[KTM_TX_STATE_COMMITTED] = { EN(COMMITTED) | EN(READ_ONLY) | EN(DISCONNECTED),
				     EN(COMMITTED) },
	[KTM_TX_STATE_ABORTING]	= { EN(ABORTING) | EN(ABORTED) | EN(READ_ONLY) |
				    EN(DISCONNECTED), EN(ABORTING) | EN(ABORTED) },
	[KTM_TX_STATE_ABORTED]	= { EN(ABORTED) | EN(READ_ONLY) | EN(DISCONNECTED), EN(ABORTED) },
};

static bool fits(const struct sim *s, int i)
{
	u16 with = i == SUP ? together[s->tx.state].sup : together[s->tx.state].subs;
	u8 state = s->en[i].state;

	if ((s->tx.superior == &s->en[i]) != !!(s->w.en[i].own & OWN_DRIVES))
		return false;
	/* One that was never told that it enlisted. */
	if (i == SUP && !(s->w.en[i].own & OWN_DRIVES))
		return state == KTM_EN_STATE_READ_ONLY;
	/* Who is to decide alone waits for the others; nobody else does. */
	if (state == KTM_EN_STATE_ACTIVE && s->tx.state != KTM_TX_STATE_ACTIVE &&
	    s->tx.single != &s->en[i])
		return false;
	return with & 1 << state;
}

static void states(struct sim *s)
{
	u32 outcome = ktm_txc_outcome(&s->tx);
	bool over = true, waits = false, heard = true, doubt;
	u32 at_work = 0;
	int i;

	for (i = 0; i < MAX_EN; i++) {
		if (!in_memory(s, i))
			continue;
		if (!fits(s, i))
			bad(s, "a transaction and its enlistment contradict each other");
		at_work |= 1 << s->en[i].state;
		over &= !unfinished(s->en[i].state);
		waits |= owes(s, i) && rm_of(&s->w, s->cfg, i) != RM_CLOSED;
		if (i == SUP && s->en[i].flags & KTM_ENC_UNREPORTED)
			heard = false;
	}
	if ((s->tx.state == KTM_TX_STATE_PREPREPARING && !(at_work & EN(PREPREPARING))) ||
	    (s->tx.state == KTM_TX_STATE_PREPARING && !(at_work & EN(PREPARING))))
		bad(s, "all have answered and nothing happens");
	doubt = s->tx.state == KTM_TX_STATE_INDOUBT ||
		s->tx.state == KTM_TX_STATE_SINGLE_PHASE_INDOUBT ||
		s->tx.state == KTM_TX_STATE_SUPERIOR_INDOUBT;
	if (s->tx.state == KTM_TX_STATE_SINGLE_PHASE_INDOUBT) {
		if (ktm_txc_finished(&s->tx) != over)
			bad(s, "in doubt for good or not is wrong");
	} else if (!(s->w.bits & W_OFFLINE && over)) {
		/* While the TM is offline the log may hold more than memory. */
		if (ktm_txc_finished(&s->tx) !=
		    (outcome != KTM_OUTCOME_UNDETERMINED && over && heard))
			bad(s, "finished or not is wrong");
	}
	if (ktm_txc_settled(&s->tx) != (doubt || (outcome != KTM_OUTCOME_UNDETERMINED && !waits)))
		bad(s, "a waiting client waits too long or not long enough");
	if (outcome != KTM_OUTCOME_UNDETERMINED)
		judge_outcome(s, outcome);
}

static bool end_logged(const struct world *w)
{
	int i;

	for (i = 0; i < MAX_VOLATILE && w->vol[i]; i++)
		if (REC_KIND(w->vol[i]) == REC_END)
			return true;
	return w->bits & W_LOG_END;
}

/* Does the log wait for a completion record of it? */
static bool log_waits_for(const struct world *w, int i)
{
	if (!log_holds(w, REC_PREPARED, i) || log_holds(w, REC_COMPLETION, i))
		return false;
	return i != SUP || !log_holds(w, REC_ABORT, 0);
}

static void records(struct sim *s)
{
	const struct world *w = &s->w;
	int i;

	for (i = 0; i < MAX_EN; i++) {
		const struct world_en *en = &w->en[i];

		if (log_holds(w, REC_COMPLETION, i) && en->data != DATA_APPLIED &&
		    en->data != DATA_DROPPED)
			bad(s, "a completion record of one that has not completed");
		if (end_logged(w) && log_waits_for(w, i))
			bad(s, "the log forgets one that has not completed");
		if (!tx_in_memory(s) || w->bits & W_OFFLINE)
			continue;
		if (log_waits_for(w, i) != (in_memory(s, i) && logged(s, i) &&
					    unfinished(s->en[i].state)))
			bad(s, "log and memory contradict each other");
	}
}

/* A commit forces what it has to, and not more. */
static void forces(struct sim *s)
{
	const struct world_en *sup = &s->w.en[SUP];
	bool logs = durable_vote(&s->w), superior = sup->own & OWN_DRIVES;

	if (s->tx.state != KTM_TX_STATE_COMMITTED || s->w.bits & W_TX_RECOVERED)
		return;
	if (logs != !!(s->w.bits & W_DECISION_FORCED) ||
	    (logs && (superior || sup->own & OWN_VOTED)) != !!(s->w.bits & W_SEAL_FORCED))
		bad(s, "a commit took another number of forces than it needs");
	if (superior && s->en[SUP].flags & KTM_ENC_LOGGED && !(sup->own & OWN_HEARD))
		bad(s, "a superior's transaction ends before it has heard of that");
}

/**
 * judge - say whether a step went right
 * @s: the world after the step
 * @before: the world before
 * @edge: the step
 */
void judge(struct sim *s, const struct world *before, u16 edge)
{
	int i;

	if (tx_in_memory(s)) {
		counters(s);
		states(s);
		for (i = 0; i < MAX_EN; i++)
			if (in_memory(s, i))
				judge_notes(s, i);
		forces(s);
	}
	records(s);
	judge_step(s, before, edge);
}
