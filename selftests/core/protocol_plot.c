// SPDX-License-Identifier: GPL-2.0
/*
 * What can happen to a transaction whose participants are honest, step by step,
 * through kernel/core/protocol.c, and what an onlooker sees of it.
 *
 * Whatever the protocol accepts is tried; nothing here decides whether it
 * should. What an RM reads that asks for an answer it reads at once; what
 * tells it an outcome it reads, and acts on, in a step of its own.
 */
#include "protocol_outcomes.h"

#define HAS(mask, i)	((mask) >> (i) & 1)

static bool here(const struct run *r, int i)
{
	return enlisted(&r->s.w, i) && !HAS(r->o.done | r->o.away | r->o.gone, i);
}

/* Its RM is there, and so is what the TM knows of it. */
static bool can_answer(const struct run *r, int i)
{
	return here(r, i) && in_memory(&r->s, i);
}

static bool accepts(const struct run *r, int i, enum ktm_en_event ev)
{
	return can_answer(r, i) && ktm_enc_check(&r->s.en[i], ev) == KTM_STATUS_SUCCESS;
}

static bool online(const struct run *r)
{
	return !(r->s.w.bits & W_OFFLINE);
}

static void ends(struct run *r, int i, enum end how)
{
	if (r->o.end[i] != END_OPEN && r->o.end[i] != how)
		bad(&r->s, "it ends for somebody in two ways");
	r->o.end[i] = how;
}

static void is_done(struct run *r, int i)
{
	r->o.done |= 1 << i;
}

static enum end told_end(enum note note)
{
	switch (note) {
	case NOTE_COMMIT:
		return END_COMMITTED;
	case NOTE_ROLLBACK:
		return END_ABORTED;
	case NOTE_DISCONNECTED:
		return END_DISCONNECTED;
	default:
		return END_OPEN;
	}
}

/* A request, or what it knows already, is read as soon as it is there. */
static bool reads_at_once(const struct run *r, int i)
{
	enum note note = r->s.w.en[i].queue & NOTE_MASK;

	if (!note || !here(r, i) || (i == SUP && note == NOTE_COMMITTED))
		return false;
	return told_end(note) == END_OPEN || told_end(note) == r->o.end[i];
}

static void client_returns(struct run *r)
{
	bool commits = r->o.client == CLIENT_IN_COMMIT;

	if ((!commits && r->o.client != CLIENT_IN_ROLLBACK) || !tx_in_memory(&r->s) ||
	    !ktm_txc_settled(&r->s.tx))
		return;
	switch (ktm_txc_outcome(&r->s.tx)) {
	case KTM_OUTCOME_COMMITTED:
		r->o.client = CLIENT_COMMITTED;
		break;
	case KTM_OUTCOME_ABORTED:
		r->o.client = commits ? CLIENT_ABORTED : CLIENT_ROLLBACK;
		break;
	default:
		r->o.client = CLIENT_INDOUBT;
		break;
	}
}

/* ---- the client ---- */

static bool tx_event(struct run *r, enum ktm_tx_event ev)
{
	return sim_tx_event(&r->s, ev) == KTM_STATUS_SUCCESS;
}

static bool client_may_call(const struct run *r)
{
	return r->o.client == CLIENT_IDLE && tx_in_memory(&r->s) &&
	       !(r->s.w.bits & W_TX_RECOVERED);
}

static bool do_commit(struct run *r, int arg)
{
	u32 status;

	if (arg || !client_may_call(r) || r->s.tx.state != KTM_TX_STATE_ACTIVE)
		return false;
	status = sim_tx_event(&r->s, KTM_TXEV_COMMIT);
	if (status != KTM_STATUS_SUCCESS && status != KTM_STATUS_SUPERIOR_EXISTS)
		bad(&r->s, "Commit of an active transaction is refused");
	r->o.client = status == KTM_STATUS_SUCCESS ? CLIENT_IN_COMMIT : CLIENT_REFUSED;
	return true;
}

static bool do_rollback(struct run *r, int arg)
{
	if (arg || !client_may_call(r) || !tx_event(r, KTM_TXEV_ROLLBACK))
		return false;
	r->o.client = CLIENT_IN_ROLLBACK;
	return true;
}

static bool do_close(struct run *r, int arg)
{
	if (arg || !client_may_call(r) || r->c->superior ||
	    r->s.tx.state != KTM_TX_STATE_ACTIVE || !tx_event(r, KTM_TXEV_CLOSE))
		return false;
	r->o.client = CLIENT_CLOSED;
	return true;
}

/* ---- the resource managers ---- */

static bool do_enlist(struct run *r, int i)
{
	if (i >= r->c->subs || !HAS(r->c->late, i) || enlisted(&r->s.w, i) ||
	    !tx_in_memory(&r->s) || !online(r) ||
	    ktm_txc_can_enlist(&r->s.tx, false) != KTM_STATUS_SUCCESS)
		return false;
	sim_enlist(&r->s, i, r->c->kind[i]);
	return true;
}

static bool answers(struct run *r, int i, enum ktm_en_event ev)
{
	if (i >= MAX_SUBS || !accepts(r, i, ev))
		return false;
	sim_en_event(&r->s, i, ev);
	return true;
}

/* What it has committed by itself it does not take back. */
static bool is_free(const struct run *r, int i)
{
	return i < MAX_SUBS && r->o.end[i] == END_OPEN;
}

static bool do_read_only(struct run *r, int i)
{
	if (!is_free(r, i) || !answers(r, i, KTM_ENEV_READ_ONLY))
		return false;
	r->s.w.en[i].data = DATA_NONE;
	ends(r, i, END_READ_ONLY);
	is_done(r, i);
	return true;
}

static bool do_refuse(struct run *r, int i)
{
	return is_free(r, i) && answers(r, i, KTM_ENEV_ROLLBACK);
}

static bool do_preprepare_complete(struct run *r, int i)
{
	return answers(r, i, KTM_ENEV_PREPREPARE_COMPLETE);
}

static bool do_prepare_complete(struct run *r, int i)
{
	if (i >= MAX_SUBS || !accepts(r, i, KTM_ENEV_PREPARE_COMPLETE))
		return false;
	sim_prepare_complete(&r->s, i);
	return true;
}

static bool do_request_outcome(struct run *r, int i)
{
	return is_free(r, i) && answers(r, i, KTM_ENEV_REQUEST_OUTCOME);
}

static bool asked_alone(const struct run *r, int i)
{
	return i < MAX_SUBS && can_answer(r, i) && r->s.en[i].state == KTM_EN_STATE_SINGLE_PHASE;
}

static bool do_commit_alone(struct run *r, int i)
{
	if (!asked_alone(r, i) || r->o.end[i] != END_OPEN)
		return false;
	r->s.w.en[i].data = DATA_APPLIED;
	judge_outcome(&r->s, KTM_OUTCOME_COMMITTED);
	ends(r, i, END_COMMITTED);
	return true;
}

static bool do_reject(struct run *r, int i)
{
	if (!is_free(r, i) || !accepts(r, i, KTM_ENEV_SINGLE_PHASE_REJECT))
		return false;
	sim_reject(&r->s, i);
	if (r->o.faults & FAULT_TIME && ktm_txc_outcome(&r->s.tx) == KTM_OUTCOME_ABORTED)
		r->o.faults |= FAULT_EXPIRED;
	return true;
}

/* It reads of the outcome, and does to its data what it says. */
static bool do_act(struct run *r, int i)
{
	enum note note;

	if (i >= MAX_EN || !here(r, i))
		return false;
	note = r->s.w.en[i].queue & NOTE_MASK;
	if (told_end(note) == END_OPEN)
		return false;
	sim_read_note(&r->s, i);
	ends(r, i, told_end(note));
	if (note == NOTE_DISCONNECTED)
		is_done(r, i);
	return true;
}

static bool do_commit_complete(struct run *r, int i)
{
	if (i >= MAX_SUBS || r->o.end[i] != END_COMMITTED ||
	    !answers(r, i, KTM_ENEV_COMMIT_COMPLETE))
		return false;
	is_done(r, i);
	return true;
}

static bool do_rollback_complete(struct run *r, int i)
{
	if (i >= MAX_EN || r->o.end[i] != END_ABORTED ||
	    !accepts(r, i, KTM_ENEV_ROLLBACK_COMPLETE))
		return false;
	/* That it has rolled back itself it need not be told, but it has read all. */
	if (queued(&r->s.w.en[i], NOTE_ROLLBACK))
		return false;
	sim_en_event(&r->s, i, KTM_ENEV_ROLLBACK_COMPLETE);
	is_done(r, i);
	return true;
}

/* Durable data of which the TM knows nothing is rolled back. */
static void learns_that_nothing_is_known(struct run *r, int i)
{
	if (r->s.w.en[i].data == DATA_STAGED)
		sim_not_found(&r->s, i);
	if (r->o.end[i] == END_OPEN)
		ends(r, i, END_ABORTED);
	is_done(r, i);
}

static bool do_come_back(struct run *r, int i)
{
	if (i >= MAX_SUBS || !HAS(r->o.away & ~(r->o.gone | r->o.done), i) || !online(r))
		return false;
	r->o.away &= ~(1 << i);
	r->s.w.rm[i] = RM_OPEN;
	sim_rm_recover(&r->s, i);
	if (in_memory(&r->s, i) && sim_recoverable(&r->s, i))
		sim_recover(&r->s, i);
	else
		learns_that_nothing_is_known(r, i);
	return true;
}

/* ---- the superior ---- */

/* One that waits for COMMIT_REQUEST leaves the phases to the client. */
static bool drives(const struct run *r)
{
	return !(r->c->kind[SUP] & KIND_REQUEST);
}

static bool do_sup_preprepare(struct run *r, int arg)
{
	if (arg || !drives(r) || !accepts(r, SUP, KTM_ENEV_SUP_PREPREPARE))
		return false;
	sim_en_event(&r->s, SUP, KTM_ENEV_SUP_PREPREPARE);
	return true;
}

static bool do_sup_prepare(struct run *r, int arg)
{
	if (arg || !drives(r) || !accepts(r, SUP, KTM_ENEV_SUP_PREPARE))
		return false;
	sim_en_event(&r->s, SUP, KTM_ENEV_SUP_PREPARE);
	return true;
}

static bool do_sup_commit(struct run *r, int arg)
{
	if (arg || !accepts(r, SUP, KTM_ENEV_SUP_COMMIT) || r->o.end[SUP] == END_ABORTED)
		return false;
	ends(r, SUP, END_COMMITTED);
	sup_commit(&r->s);
	return true;
}

static bool do_sup_rollback(struct run *r, int arg)
{
	if (arg || !accepts(r, SUP, KTM_ENEV_ROLLBACK) || r->o.end[SUP] == END_COMMITTED)
		return false;
	ends(r, SUP, END_ABORTED);
	sup_rollback(&r->s);
	return true;
}

static bool do_sup_hears(struct run *r, int arg)
{
	if (arg || !here(r, SUP) || (r->s.w.en[SUP].queue & NOTE_MASK) != NOTE_COMMITTED)
		return false;
	sim_read_note(&r->s, SUP);
	ends(r, SUP, END_COMMITTED);
	is_done(r, SUP);
	return true;
}

static bool do_sup_comes_back(struct run *r, int arg)
{
	if (arg || !HAS(r->o.away & ~(r->o.gone | r->o.done), SUP) || !online(r))
		return false;
	r->o.away &= ~(1 << SUP);
	r->s.w.rm[SUP] = RM_OPEN;
	sim_rm_recover(&r->s, SUP);
	if (in_memory(&r->s, SUP) && unfinished(r->s.en[SUP].state))
		return true;
	if (r->s.w.en[SUP].data == DATA_STAGED || r->s.w.en[SUP].data == DATA_APPLIED)
		sim_not_found(&r->s, SUP);
	if (r->o.end[SUP] == END_OPEN)
		ends(r, SUP, END_ABORTED);
	is_done(r, SUP);
	return true;
}

/* ---- what goes wrong ---- */

static bool may_fail(const struct run *r)
{
	return r->o.used < r->c->faults;
}

/* Did its RM lose its work, or all that it had to answer with? */
static void close_rm(struct run *r, int i)
{
	bool lasts = i == SUP || asked_alone(r, i) || r->s.w.en[i].own & OWN_VOTED;
	bool comes_back = !HAS(r->o.gone, i);

	r->o.used++;
	r->o.died |= 1 << i;
	r->o.away |= 1 << i;
	if (!durable(&r->s.w, i)) {
		if (r->o.end[i] == END_OPEN)
			ends(r, i, END_CLOSED);
		is_done(r, i);
	} else if (!lasts && comes_back) {
		if (r->o.end[i] == END_OPEN)
			ends(r, i, END_ABORTED);
		is_done(r, i);
	}
	sim_rm_close(&r->s, i);
}

static bool do_die(struct run *r, int i)
{
	if (i >= MAX_EN || !may_fail(r) || !here(r, i) || HAS(r->o.died, i))
		return false;
	close_rm(r, i);
	return true;
}

static bool do_go(struct run *r, int i)
{
	if (i >= MAX_EN || !may_fail(r) || !here(r, i) || HAS(r->o.died, i) ||
	    !durable(&r->s.w, i))
		return false;
	r->o.gone |= 1 << i;
	close_rm(r, i);
	return true;
}

static bool do_expire(struct run *r, int arg)
{
	u32 before;

	if (arg || !may_fail(r) || r->o.faults & FAULT_TIME || !tx_in_memory(&r->s))
		return false;
	before = ktm_txc_outcome(&r->s.tx);
	if (!tx_event(r, KTM_TXEV_EXPIRE))
		return false;
	r->o.used++;
	r->o.faults |= FAULT_TIME;
	if (before != ktm_txc_outcome(&r->s.tx))
		r->o.faults |= FAULT_EXPIRED;
	else if (!r->s.tx.overdue)
		return false;
	return true;
}

static bool force_runs(const struct run *r)
{
	return r->s.w.bits & (W_SEAL_RUNS | W_DECISION_RUNS);
}

static bool do_force(struct run *r, int arg)
{
	if (arg || !online(r) || !force_runs(r))
		return false;
	sim_force(&r->s);
	return true;
}

static bool do_log_fails(struct run *r, int written)
{
	int i;

	if (!may_fail(r) || r->o.faults & FAULT_LOG || !online(r) || !force_runs(r) ||
	    written > log_waiting(&r->s.w))
		return false;
	r->o.used++;
	r->o.faults |= FAULT_LOG;
	for (i = 0; i < MAX_EN; i++)
		if (enlisted(&r->s.w, i) && durable(&r->s.w, i))
			r->o.away |= 1 << i;
	sim_fail(&r->s, written);
	return true;
}

/* A superior that has rolled back and is asked again says so again. */
static void take_up_again(struct run *r)
{
	if (r->c->superior && tx_in_memory(&r->s) && in_memory(&r->s, SUP) &&
	    r->s.en[SUP].state == KTM_EN_STATE_PREPARED && !HAS(r->o.gone, SUP))
		r->o.done &= ~(1 << SUP);
}

static bool do_reopen(struct run *r, int how)
{
	if (online(r) || how > REOPEN_FORGET ||
	    (how == REOPEN_FORGET && !(tx_in_memory(&r->s) && ktm_txc_finished(&r->s.tx))))
		return false;
	sim_reopen(&r->s, how);
	take_up_again(r);
	return true;
}

static bool client_waits(const struct run *r)
{
	return r->o.client == CLIENT_IN_COMMIT || r->o.client == CLIENT_IN_ROLLBACK;
}

static bool still_in(const struct run *r, int i)
{
	return enlisted(&r->s.w, i) && !HAS(r->o.done | r->o.gone, i);
}

static bool matters(const struct run *r)
{
	int i;

	for (i = 0; i < MAX_EN; i++)
		if (still_in(r, i))
			return true;
	return client_waits(r);
}

static void lose_memory(struct run *r, int i)
{
	r->o.away |= 1 << i;
	if (i == SUP || !still_in(r, i) ||
	    (durable(&r->s.w, i) && r->s.w.en[i].own & OWN_VOTED))
		return;
	if (r->o.end[i] == END_OPEN)
		ends(r, i, durable(&r->s.w, i) ? END_ABORTED : END_CLOSED);
	is_done(r, i);
}

static bool do_crash(struct run *r, int kept)
{
	int i;

	if (!may_fail(r) || r->o.faults & FAULT_CRASH || !matters(r) ||
	    kept > log_waiting(&r->s.w))
		return false;
	r->o.used++;
	r->o.faults |= FAULT_CRASH;
	for (i = 0; i < MAX_EN; i++)
		if (enlisted(&r->s.w, i))
			lose_memory(r, i);
	if (client_waits(r))
		r->o.client = CLIENT_LOST;
	sim_crash(&r->s, kept);
	take_up_again(r);
	return true;
}

static const struct {
	const char *name;
	bool (*take)(struct run *r, int arg);
} steps[] = {
	{ "the client calls Commit", do_commit },
	{ "the client calls Rollback", do_rollback },
	{ "the client closes", do_close },
	{ "enlists", do_enlist },
	{ "ReadOnly", do_read_only },
	{ "Rollback", do_refuse },
	{ "PrePrepareComplete", do_preprepare_complete },
	{ "PrepareComplete", do_prepare_complete },
	{ "RequestOutcome", do_request_outcome },
	{ "commits by itself", do_commit_alone },
	{ "SinglePhaseReject", do_reject },
	{ "acts on what it reads", do_act },
	{ "CommitComplete", do_commit_complete },
	{ "RollbackComplete", do_rollback_complete },
	{ "comes back", do_come_back },
	{ "the superior: PrePrepare", do_sup_preprepare },
	{ "the superior: Prepare", do_sup_prepare },
	{ "the superior: Commit", do_sup_commit },
	{ "the superior: Rollback", do_sup_rollback },
	{ "the superior hears of the end", do_sup_hears },
	{ "the superior comes back", do_sup_comes_back },
	{ "dies", do_die },
	{ "dies for good", do_go },
	{ "the time is over", do_expire },
	{ "the force ends", do_force },
	{ "the force fails, written", do_log_fails },
	{ "reopened", do_reopen },
	{ "the power is cut, kept", do_crash },
};

/**
 * plot_begin - the first world
 * @r: @r->c is set
 */
void plot_begin(struct run *r)
{
	struct world w;
	int i;

	world_init(&w);
	sim_load(&r->s, &w, &r->c->cfg);
	memset(&r->o, 0, sizeof(r->o));
	for (i = 0; i < r->c->subs; i++)
		if (!HAS(r->c->late, i))
			sim_enlist(&r->s, i, r->c->kind[i]);
	if (r->c->superior)
		sim_enlist(&r->s, SUP, r->c->kind[SUP]);
}

/* How often something was handed over to be forced, in this step. */
static int handed_over(const struct run *r, u16 before)
{
	u16 bits = r->s.w.bits & ~before;

	return !!(bits & W_SEAL_FORCED) + !!(bits & W_DECISION_FORCED);
}

/**
 * plot_step - let something happen
 * @r: a world brought to life
 * @step: what
 * @arg: to whom, or how much
 *
 * Return: whether it can happen; if not, @r must not be used any more.
 */
bool plot_step(struct run *r, int step, int arg)
{
	u16 bits = r->s.w.bits;
	int i;

	if (!steps[step].take(r, arg))
		return false;
	r->o.forces += handed_over(r, bits);
	for (i = 0; i < MAX_EN; i++)
		while (reads_at_once(r, i))
			sim_read_note(&r->s, i);
	client_returns(r);
	return true;
}

const char *plot_name(int step)
{
	return step < (int)ARRAY_SIZE(steps) ? steps[step].name : NULL;
}

/* Waits for a superior that will never say anything. */
static bool abandoned(const struct run *r)
{
	int i;

	if (!r->c->superior || !HAS(r->o.gone, SUP) || !tx_in_memory(&r->s) ||
	    !(r->s.w.bits & W_SEAL_DURABLE) ||
	    ktm_txc_outcome(&r->s.tx) != KTM_OUTCOME_UNDETERMINED)
		return false;
	for (i = 0; i < MAX_SUBS; i++)
		if (still_in(r, i) && (HAS(r->o.away, i) ||
				       r->s.en[i].state != KTM_EN_STATE_PREPARED))
			return false;
	return online(r) && !force_runs(r);
}

/**
 * plot_is_over - can the run end here?
 * @r: a world
 */
bool plot_is_over(const struct run *r)
{
	int i;

	if (client_waits(r))
		return false;
	if (abandoned(r))
		return true;
	for (i = 0; i < MAX_EN; i++)
		if (still_in(r, i))
			return false;
	return r->o.client != CLIENT_IDLE || r->c->superior || !tx_in_memory(&r->s) ||
	       r->s.tx.state != KTM_TX_STATE_ACTIVE;
}
