// SPDX-License-Identifier: GPL-2.0
/*
 * What can happen in a world of protocol_world.h, and making it happen.
 */
#include "protocol_world.h"

const char *const edge_names[NR_EDGES] = {
	[EDGE_TX_COMMIT]	= "client: Commit",
	[EDGE_TX_ROLLBACK]	= "client: Rollback",
	[EDGE_TX_CLOSE]		= "client: closes",
	[EDGE_TX_EXPIRE]	= "time-out",
	[EDGE_ENLIST]		= "enlist",
	[EDGE_RETRACT]		= "enlisted, and cannot be told",
	[EDGE_PREPREPARE_COMPLETE] = "PrePrepareComplete",
	[EDGE_PREPARE_COMPLETE]	= "PrepareComplete",
	[EDGE_READ_ONLY]	= "ReadOnly",
	[EDGE_EN_ROLLBACK]	= "enlistment: Rollback",
	[EDGE_COMMIT_COMPLETE]	= "CommitComplete",
	[EDGE_ROLLBACK_COMPLETE] = "RollbackComplete",
	[EDGE_SINGLE_REJECT]	= "SinglePhaseReject",
	[EDGE_REQUEST_OUTCOME]	= "RequestOutcome",
	[EDGE_SUP_PREPREPARE]	= "PrePrepareEnlistment",
	[EDGE_SUP_PREPARE]	= "PrepareEnlistment",
	[EDGE_SUP_COMMIT]	= "CommitEnlistment",
	[EDGE_EN_CLOSE]		= "enlistment's descriptors closed",
	[EDGE_EN_RECOVER]	= "RecoverEnlistment",
	[EDGE_READ]		= "read notification",
	[EDGE_DECIDE]		= "commits on its own disk",
	[EDGE_NOT_FOUND]	= "ask for staged data",
	[EDGE_RM_CLOSE]		= "RM closed",
	[EDGE_RM_OPEN]		= "RM opened",
	[EDGE_RM_RECOVER]	= "RM recovers",
	[EDGE_FORCE]		= "force ends well",
	[EDGE_FAIL]		= "log fails, written of it",
	[EDGE_REOPEN]		= "log reopened",
	[EDGE_CRASH]		= "crash, kept of the log",
};

static u8 enlist_kind(const struct config *cfg, int arg)
{
	int i = arg % MAX_EN, k = arg / MAX_EN;

	if (i == SUP)
		return k < cfg->nsups ? cfg->sups[k] : 0;
	return k < cfg->nkinds ? cfg->kinds[k] : 0;
}

/* Is there such a participant to come? Those that are alike come in order. */
static bool can_enlist(const struct world *w, const struct config *cfg, int arg)
{
	int i = arg % MAX_EN, k = arg / MAX_EN, other;
	u8 state = w->tx[TX_STATE];

	if (enlisted(w, i) || k >= (i == SUP ? cfg->nsups : cfg->nkinds) ||
	    (i != SUP && i >= cfg->subs))
		return false;
	if (w->bits & W_OFFLINE || rm_of(w, cfg, i) != RM_ONLINE)
		return false;
	if (state != KTM_TX_STATE_ACTIVE && (i == SUP || state != KTM_TX_STATE_PREPREPARING))
		return false;
	for (other = 0; other < MAX_EN; other++) {
		if (other == i || !enlisted(w, other) || cfg->rm[other] != cfg->rm[i])
			continue;
		/* An RM is durable or not. */
		if ((enlist_kind(cfg, arg) ^ w->en[other].kind) & KIND_DURABLE)
			return false;
	}
	for (other = 0; other < i && i != SUP; other++)
		if (!enlisted(w, other) && cfg->rm[other] == other && cfg->rm[i] == i)
			return false;
	return true;
}

/* A durable one is answered for through an RM that has recovered. */
static bool can_answer(const struct world *w, const struct config *cfg, int i)
{
	return w->en[i].own & OWN_IN_MEMORY &&
	       (!durable(w, i) || rm_of(w, cfg, i) == RM_ONLINE);
}

/* It knows enough to commit by itself, and has not. */
static bool can_decide(const struct world *w, const struct config *cfg, int i)
{
	const struct world_en *en = &w->en[i];

	if (!can_answer(w, cfg, i) || !(en->own & OWN_PRESENT) || !durable(w, i) ||
	    en->data != DATA_STAGED)
		return false;
	if (i != SUP)
		return en->state == KTM_EN_STATE_SINGLE_PHASE && en->read & 1 << NOTE_SINGLE;
	/* Not by what is in no log: there its call decides. */
	return en->flags & KTM_ENC_LOGGED && en->kind & KIND_PHASES && en->read & READ_TO_DECIDE;
}

static bool can_ask(const struct world *w, const struct config *cfg, int i)
{
	const struct world_en *en = &w->en[i];

	if (!enlisted(w, i) || !durable(w, i) || rm_of(w, cfg, i) != RM_ONLINE ||
	    w->bits & W_OFFLINE)
		return false;
	if (i == SUP ? en->data != DATA_STAGED &&
		       !(en->data == DATA_APPLIED && !(en->own & OWN_HEARD)) :
		       en->data != DATA_STAGED)
		return false;
	return !(en->own & OWN_IN_MEMORY) || !unfinished(en->state);
}

static bool rm_exists(const struct world *w, const struct config *cfg, int rm, bool to_last)
{
	int i;

	if (cfg->rm[rm] != rm)
		return false;
	for (i = 0; i < MAX_EN; i++)
		if (enlisted(w, i) && cfg->rm[i] == rm)
			return !to_last || durable(w, i);
	return false;
}

/**
 * sim_possible - can this happen in this world?
 * @w: the world
 * @cfg: who takes part
 * @edge: what
 *
 * Everything that the caller's objects do not rule out by their own rules: an
 * answer can come at any time, asked for or not.
 */
bool sim_possible(const struct world *w, const struct config *cfg, u16 edge)
{
	int arg = EDGE_ARG(edge);
	bool tx = w->bits & W_TX_IN_MEMORY;
	bool online = !(w->bits & W_OFFLINE);
	bool serves = online || w->bits & W_ROLLED;
	enum edge_kind kind = EDGE_KIND(edge);

	if (kind >= EDGE_RETRACT && kind <= EDGE_RM_RECOVER && arg >= MAX_EN)
		return false;
	switch (kind) {
	case EDGE_TX_COMMIT:
	case EDGE_TX_ROLLBACK:
	case EDGE_TX_CLOSE:
	case EDGE_TX_EXPIRE:
		return tx && !arg;
	case EDGE_ENLIST:
		return tx && can_enlist(w, cfg, arg);
	case EDGE_RETRACT:
		/* Nobody else knows of a participant; a superior's GUID may have got about. */
		return arg == SUP && w->en[arg].own & OWN_IN_MEMORY && unfinished(w->en[arg].state);
	case EDGE_PREPREPARE_COMPLETE:
	case EDGE_PREPARE_COMPLETE:
	case EDGE_READ_ONLY:
	case EDGE_EN_ROLLBACK:
	case EDGE_COMMIT_COMPLETE:
	case EDGE_ROLLBACK_COMPLETE:
	case EDGE_SINGLE_REJECT:
	case EDGE_REQUEST_OUTCOME:
	case EDGE_SUP_PREPREPARE:
	case EDGE_SUP_PREPARE:
	case EDGE_SUP_COMMIT:
	case EDGE_EN_RECOVER:
		return can_answer(w, cfg, arg);
	case EDGE_EN_CLOSE:
		return w->en[arg].own & OWN_IN_MEMORY;
	case EDGE_READ:
		return w->en[arg].queue;
	case EDGE_DECIDE:
		return can_decide(w, cfg, arg);
	case EDGE_NOT_FOUND:
		return can_ask(w, cfg, arg);
	case EDGE_RM_CLOSE:
		return rm_exists(w, cfg, arg, false) && w->rm[arg] != RM_CLOSED;
	case EDGE_RM_OPEN:
		/* A volatile RM that closed is not the one that comes back. */
		return serves && rm_exists(w, cfg, arg, true) && w->rm[arg] == RM_CLOSED;
	case EDGE_RM_RECOVER:
		return serves && rm_exists(w, cfg, arg, false) && w->rm[arg] != RM_CLOSED;
	case EDGE_FORCE:
		return !arg && online && w->vol[0];
	case EDGE_FAIL:
		return cfg->log != LOG_NONE && online && arg <= log_waiting(w);
	case EDGE_REOPEN:
		return arg < NR_REOPENINGS && !online && (cfg->log == LOG_IN_PARTS || arg < REOPEN_PART);
	case EDGE_CRASH:
		return cfg->log != LOG_NONE && arg <= log_waiting(w);
	default:
		return false;
	}
}

/* What it has committed by itself it does not take back. */
static bool would_lie(struct sim *s, int i, enum ktm_en_event ev)
{
	return i != SUP && s->w.en[i].data == DATA_APPLIED &&
	       s->en[i].state == KTM_EN_STATE_SINGLE_PHASE &&
	       ktm_enc_check(&s->en[i], ev) == KTM_STATUS_SUCCESS;
}

/* Who has prepared wants to know now: of its superior, or that it is rolled back. */
static void request_outcome(struct sim *s, int i)
{
	const struct world_en *sup = &s->w.en[SUP];
	bool missing = s->tx.state == KTM_TX_STATE_PREPARING;

	if (sim_en_event(s, i, KTM_ENEV_REQUEST_OUTCOME) != KTM_STATUS_SUCCESS)
		return;
	if (missing && ktm_txc_outcome(&s->tx) != KTM_OUTCOME_ABORTED)
		bad(s, "an outcome is requested before all have voted, and nothing happens");
	if (s->tx.state == KTM_TX_STATE_PREPARED && sup->own & OWN_PRESENT &&
	    sup->kind & KIND_REST && !queued(sup, NOTE_REQUEST_OUTCOME))
		bad(s, "a superior does not hear that its decision is wanted");
}

static void answer(struct sim *s, enum edge_kind kind, int i)
{
	switch (kind) {
	case EDGE_PREPREPARE_COMPLETE:
		sim_en_event(s, i, KTM_ENEV_PREPREPARE_COMPLETE);
		break;
	case EDGE_PREPARE_COMPLETE:
		sim_prepare_complete(s, i);
		break;
	case EDGE_READ_ONLY:
		if (sim_en_event(s, i, KTM_ENEV_READ_ONLY) == KTM_STATUS_SUCCESS)
			s->w.en[i].data = DATA_NONE;
		break;
	case EDGE_EN_ROLLBACK:
		if (i == SUP)
			sup_rollback(s);
		else if (!would_lie(s, i, KTM_ENEV_ROLLBACK))
			sim_en_event(s, i, KTM_ENEV_ROLLBACK);
		break;
	case EDGE_COMMIT_COMPLETE:
		if (sim_en_event(s, i, KTM_ENEV_COMMIT_COMPLETE) == KTM_STATUS_SUCCESS)
			sim_act(s, i, DATA_APPLIED);
		break;
	case EDGE_ROLLBACK_COMPLETE:
		if (sim_en_event(s, i, KTM_ENEV_ROLLBACK_COMPLETE) == KTM_STATUS_SUCCESS)
			sim_act(s, i, DATA_DROPPED);
		break;
	case EDGE_SINGLE_REJECT:
		if (!would_lie(s, i, KTM_ENEV_SINGLE_PHASE_REJECT))
			sim_reject(s, i);
		break;
	case EDGE_REQUEST_OUTCOME:
		request_outcome(s, i);
		break;
	case EDGE_SUP_PREPREPARE:
		sim_en_event(s, i, KTM_ENEV_SUP_PREPREPARE);
		break;
	case EDGE_SUP_PREPARE:
		sim_en_event(s, i, KTM_ENEV_SUP_PREPARE);
		break;
	case EDGE_SUP_COMMIT:
		if (i == SUP)
			sup_commit(s);
		else
			sim_en_event(s, i, KTM_ENEV_SUP_COMMIT);
		break;
	default:
		bad(s, "the test itself: no such step");
		break;
	}
}

/**
 * sim_step - let something happen
 * @s: a loaded world
 * @edge: what, possible in it
 */
void sim_step(struct sim *s, u16 edge)
{
	int arg = EDGE_ARG(edge);

	s->refuse = edge & EDGE_REFUSE;
	switch (EDGE_KIND(edge)) {
	case EDGE_TX_COMMIT:
		sim_tx_event(s, KTM_TXEV_COMMIT);
		break;
	case EDGE_TX_ROLLBACK:
		sim_tx_event(s, KTM_TXEV_ROLLBACK);
		break;
	case EDGE_TX_CLOSE:
		sim_tx_event(s, KTM_TXEV_CLOSE);
		break;
	case EDGE_TX_EXPIRE:
		sim_tx_event(s, KTM_TXEV_EXPIRE);
		break;
	case EDGE_ENLIST:
		sim_enlist(s, arg % MAX_EN, enlist_kind(s->cfg, arg));
		break;
	case EDGE_RETRACT:
		sim_retract(s, arg);
		break;
	case EDGE_EN_CLOSE:
		sim_en_close(s, arg);
		break;
	case EDGE_EN_RECOVER:
		sim_recover(s, arg);
		break;
	case EDGE_READ:
		sim_read_note(s, arg);
		break;
	case EDGE_DECIDE:
		if (arg == SUP) {
			sup_decides(s);
		} else {
			s->w.en[arg].data = DATA_APPLIED;
			s->w.seen = KTM_OUTCOME_COMMITTED;
		}
		break;
	case EDGE_NOT_FOUND:
		sim_not_found(s, arg);
		break;
	case EDGE_RM_CLOSE:
		sim_rm_close(s, arg);
		break;
	case EDGE_RM_OPEN:
		s->w.rm[arg] = RM_OPEN;
		break;
	case EDGE_RM_RECOVER:
		sim_rm_recover(s, arg);
		break;
	case EDGE_FORCE:
		sim_force(s);
		break;
	case EDGE_FAIL:
		sim_fail(s, arg);
		break;
	case EDGE_REOPEN:
		sim_reopen(s, arg);
		break;
	case EDGE_CRASH:
		sim_crash(s, arg);
		break;
	default:
		answer(s, EDGE_KIND(edge), arg);
		break;
	}
}
