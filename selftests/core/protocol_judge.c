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
	if (outcome == KTM_OUTCOME_COMMITTED && durable_vote(s) &&
	    !(s->w.bits & W_DECISION_DURABLE))
		bad(s, "committed before the decision is durable");
	if (outcome == KTM_OUTCOME_ABORTED && log_holds(&s->w, REC_DECISION))
		bad(s, "rolled back with a decision in the log");
}

static void counters(struct sim *s)
{
	u32 unvoted = 0, unfin = 0, owing = 0, open = 0, durable = 0;
	int i;

	for (i = 0; i < MAX_EN; i++) {
		const struct world_en *own = &s->w.en[i];
		bool logged = s->cfg->durable[i] && own->own & (OWN_VOTED | OWN_RECOVERED);
		u8 state = s->en[i].state;

		if (!in_memory(s, i))
			continue;
		if (state == KTM_EN_STATE_ACTIVE || state == KTM_EN_STATE_PREPARING)
			unvoted++;
		if (state == KTM_EN_STATE_COMMITTING || state == KTM_EN_STATE_ABORTING) {
			unfin++;
			if (own->own & OWN_PRESENT)
				owing++;
		}
		if (logged && unfinished(state))
			open++;
		if (logged)
			durable++;
		if (unfinished(state) &&
		    !(s->en[i].flags & KTM_ENC_PRESENT) != !(own->own & OWN_PRESENT))
			bad(s, "present or not is wrong");
		if (!(s->en[i].flags & KTM_ENC_LOGGED) != !logged)
			bad(s, "logged or not is wrong");
	}
	if (s->tx.unvoted != unvoted)
		bad(s, "unvoted is counted wrong");
	if (s->tx.unfinished != unfin)
		bad(s, "unfinished is counted wrong");
	if (s->tx.owing != owing)
		bad(s, "owing is counted wrong");
	if (s->tx.log_open != open)
		bad(s, "log_open is counted wrong");
	/* It is for the decision record; afterwards nobody needs it. */
	if (ktm_txc_outcome(&s->tx) == KTM_OUTCOME_UNDETERMINED &&
	    s->tx.prepared_durable != durable)
		bad(s, "prepared_durable is counted wrong");
}

/* Which states of enlistments a state of their transaction goes with. */
static const u16 together[] = {
#define EN(st)	(1 << KTM_EN_STATE_##st)
	[KTM_TX_STATE_ACTIVE]		= EN(ACTIVE) | EN(READ_ONLY),
	[KTM_TX_STATE_PREPARING]	= EN(PREPARING) | EN(PREPARED) | EN(READ_ONLY),
	[KTM_TX_STATE_DECIDING]		= EN(PREPARED) | EN(READ_ONLY),
	[KTM_TX_STATE_INDOUBT]		= EN(PREPARED) | EN(READ_ONLY),
	[KTM_TX_STATE_COMMITTING]	= EN(COMMITTING) | EN(COMMITTED) | EN(READ_ONLY),
	[KTM_TX_STATE_COMMITTED]	= EN(COMMITTED) | EN(READ_ONLY),
	[KTM_TX_STATE_ABORTING]		= EN(ABORTING) | EN(ABORTED) | EN(READ_ONLY),
	[KTM_TX_STATE_ABORTED]		= EN(ABORTED) | EN(READ_ONLY),
#undef EN
};

static void states(struct sim *s)
{
	bool over = true, waits = false, voting = false;
	u32 outcome = ktm_txc_outcome(&s->tx);
	int i;

	for (i = 0; i < MAX_EN; i++) {
		u8 state = s->en[i].state;

		if (!in_memory(s, i))
			continue;
		if (!(together[s->tx.state] & 1 << state))
			bad(s, "a transaction and its enlistment contradict each other");
		if (!unfinished(state))
			continue;
		over = false;
		if (state == KTM_EN_STATE_PREPARING)
			voting = true;
		if (s->w.en[i].own & OWN_PRESENT && s->w.rm[s->cfg->rm[i]] != RM_CLOSED)
			waits = true;
	}
	if (s->tx.state == KTM_TX_STATE_PREPARING && !voting)
		bad(s, "all have voted and nothing happens");
	/* While the TM is offline the log may hold more than memory. */
	if (!(s->w.bits & W_OFFLINE && over) &&
	    ktm_txc_finished(&s->tx) != (outcome != KTM_OUTCOME_UNDETERMINED && over))
		bad(s, "finished or not is wrong");
	if (s->tx.state == KTM_TX_STATE_INDOUBT ? !ktm_txc_settled(&s->tx) :
	    ktm_txc_settled(&s->tx) != (outcome != KTM_OUTCOME_UNDETERMINED && !waits))
		bad(s, "a waiting client waits too long or not long enough");
	if (outcome != KTM_OUTCOME_UNDETERMINED)
		judge_outcome(s, outcome);
}

static void notifications(struct sim *s, int i)
{
	const struct world_en *own = &s->w.en[i];
	bool present = own->own & OWN_PRESENT;
	u8 state = s->en[i].state;

	if (s->en[i].due || s->en[i].withdraw)
		bad(s, "a notification was left behind");
	if (state == KTM_EN_STATE_PREPARING ? !told(own, NOTE_PREPARE) : queued(own, NOTE_PREPARE))
		bad(s, "PREPARE is missing, or comes too late");
	if (state == KTM_EN_STATE_COMMITTING && present ? !told(own, NOTE_COMMIT) :
							   queued(own, NOTE_COMMIT))
		bad(s, "COMMIT is missing, or comes to the wrong one");
	if (state == KTM_EN_STATE_ABORTING && present ? !told(own, NOTE_ROLLBACK) :
							 queued(own, NOTE_ROLLBACK))
		bad(s, "ROLLBACK is missing, or comes to the wrong one");
	if (queued(own, NOTE_RECOVER) && (present || !unfinished(state)))
		bad(s, "RECOVER to one that need not recover");
	if (own->queue && s->w.rm[s->cfg->rm[i]] == RM_CLOSED)
		bad(s, "a queue outlives its RM");
}

static void records(struct sim *s)
{
	bool end = false;
	int i;

	for (i = 0; i < s->w.nvolatile; i++)
		end |= s->w.vol[i] & REC_END;
	end |= s->w.log_bits & LOG_END;
	for (i = 0; i < MAX_EN; i++) {
		bool completed = log_holds(&s->w, REC_COMPLETION | i);

		if (completed && s->w.en[i].data != DATA_APPLIED &&
		    s->w.en[i].data != DATA_DROPPED)
			bad(s, "a completion record of one that has not completed");
		if (end && log_holds(&s->w, REC_PREPARED | i) && !completed)
			bad(s, "the log forgets one that has not completed");
		if (!tx_in_memory(s) || s->w.bits & W_OFFLINE)
			continue;
		if ((log_holds(&s->w, REC_PREPARED | i) && !completed) !=
		    (in_memory(s, i) && s->en[i].flags & KTM_ENC_LOGGED &&
		     unfinished(s->en[i].state)))
			bad(s, "log and memory contradict each other");
	}
	if (tx_in_memory(s) && s->tx.state == KTM_TX_STATE_COMMITTED &&
	    !(s->w.bits & W_TX_RECOVERED) && durable_vote(s) != !!(s->w.bits & W_FORCED))
		bad(s, "a commit took another number of forces than it needs");
}

/* What the step must have told its caller. */
static void reports(struct sim *s, const struct world *before)
{
	struct sim old;
	bool left, ended, quiet;

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
	left = (before->tx[0] == KTM_TX_STATE_ACTIVE || before->tx[0] == KTM_TX_STATE_PREPARING) &&
	       s->tx.state != KTM_TX_STATE_ACTIVE && s->tx.state != KTM_TX_STATE_PREPARING;
	if (left && !(s->done & KTM_ACT_STOP_TIMER))
		bad(s, "the time-out outlives its meaning");
}

/**
 * judge - say whether a step went right
 * @s: the world after the step
 * @before: the world before
 */
void judge(struct sim *s, const struct world *before)
{
	int i;

	if (tx_in_memory(s)) {
		counters(s);
		states(s);
		for (i = 0; i < MAX_EN; i++)
			if (in_memory(s, i))
				notifications(s, i);
	}
	records(s);
	reports(s, before);
}

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
	int i;

	if (w->bits & W_OFFLINE || log_live(w))
		return false;
	if (w->bits & W_TX_IN_MEMORY && w->tx[0] != KTM_TX_STATE_COMMITTED &&
	    w->tx[0] != KTM_TX_STATE_ABORTED)
		return false;
	for (i = 0; i < cfg->count; i++)
		if (w->en[i].data == DATA_STAGED)
			return false;
	return true;
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
	const struct world_en *en = &w->en[EDGE_ARG(edge) % MAX_EN];
	bool online = w->rm[cfg->rm[EDGE_ARG(edge) % MAX_EN]] == RM_ONLINE;

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
		return w->rm[EDGE_ARG(edge)] == RM_OPEN;
	case EDGE_PREPARE_COMPLETE:
		return online && en->read & 1 << NOTE_PREPARE;
	case EDGE_COMMIT_COMPLETE:
		return online && en->read & 1 << NOTE_COMMIT;
	case EDGE_ROLLBACK_COMPLETE:
		return online && en->read & 1 << NOTE_ROLLBACK;
	case EDGE_EN_RECOVER:
		/* Who did not ask to be told enumerates its enlistments. */
		return en->read & 1 << NOTE_RECOVER || !(cfg->mask & KTM_NOTIFY_RECOVER);
	default:
		return false;
	}
}
