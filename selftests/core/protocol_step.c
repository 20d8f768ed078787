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
	[EDGE_PREPARE_COMPLETE]	= "PrepareComplete",
	[EDGE_READ_ONLY]	= "ReadOnly",
	[EDGE_EN_ROLLBACK]	= "enlistment: Rollback",
	[EDGE_COMMIT_COMPLETE]	= "CommitComplete",
	[EDGE_ROLLBACK_COMPLETE] = "RollbackComplete",
	[EDGE_EN_CLOSE]		= "enlistment's descriptors closed",
	[EDGE_EN_RECOVER]	= "RecoverEnlistment",
	[EDGE_READ]		= "read notification",
	[EDGE_NOT_FOUND]	= "ask for staged data",
	[EDGE_RM_CLOSE]		= "RM closed",
	[EDGE_RM_OPEN]		= "RM opened",
	[EDGE_RM_RECOVER]	= "RM recovers",
	[EDGE_FORCE]		= "force ends well",
	[EDGE_FAIL]		= "log fails, written of it",
	[EDGE_REOPEN]		= "log reopened",
	[EDGE_CRASH]		= "crash, kept of the log",
};

void world_init(struct world *w, const struct config *cfg)
{
	int i;

	memset(w, 0, sizeof(*w));
	w->bits = W_TX_IN_MEMORY;
	for (i = 0; i < cfg->rms; i++)
		w->rm[i] = RM_ONLINE;
}

/**
 * sim_load - bring a world to life
 * @s: where
 * @w: the world
 * @cfg: who takes part
 */
void sim_load(struct sim *s, const struct world *w, const struct config *cfg)
{
	int i;

	memset(s, 0, sizeof(*s));
	s->w = *w;
	s->cfg = cfg;
	s->event_en = -1;
	s->closing = -1;
	if (!tx_in_memory(s))
		return;
	INIT_LIST_HEAD(&s->tx.enlistments);
	s->tx.state = w->tx[0];
	s->tx.unvoted = w->tx[1];
	s->tx.prepared_durable = w->tx[2];
	s->tx.log_open = w->tx[3];
	s->tx.unfinished = w->tx[4];
	s->tx.owing = w->tx[5];
	for (i = 0; i < MAX_EN; i++) {
		if (!in_memory(s, i))
			continue;
		s->en[i].tx = &s->tx;
		s->en[i].state = w->en[i].state;
		s->en[i].flags = w->en[i].flags;
		s->en[i].mask = cfg->mask;
		list_add_tail(&s->en[i].link, &s->tx.enlistments);
	}
}

/* What was read matters only while it can be answered. */
static u8 read_that_matters(const struct ktm_enc *en)
{
	switch (en->state) {
	case KTM_EN_STATE_PREPARING:
		return 1 << NOTE_PREPARE;
	case KTM_EN_STATE_PREPARED:
		return 1 << NOTE_INDOUBT | 1 << NOTE_RECOVER;
	case KTM_EN_STATE_COMMITTING:
		return 1 << NOTE_COMMIT | 1 << NOTE_RECOVER;
	case KTM_EN_STATE_ABORTING:
		return 1 << NOTE_ROLLBACK | 1 << NOTE_RECOVER;
	default:
		return 0;
	}
}

/**
 * sim_store - freeze a world again
 * @s: the world; @s->w is then complete
 */
void sim_store(struct sim *s)
{
	struct world *w = &s->w;
	int i;

	memset(w->tx, 0, sizeof(w->tx));
	if (tx_in_memory(s)) {
		w->tx[0] = s->tx.state;
		w->tx[1] = s->tx.unvoted;
		w->tx[2] = s->tx.prepared_durable;
		w->tx[3] = s->tx.log_open;
		w->tx[4] = s->tx.unfinished;
		w->tx[5] = s->tx.owing;
	}
	for (i = 0; i < MAX_EN; i++) {
		w->en[i].state = 0;
		w->en[i].flags = 0;
		if (!in_memory(s, i))
			continue;
		w->en[i].state = s->en[i].state;
		w->en[i].flags = s->en[i].flags;
		w->en[i].read &= read_that_matters(&s->en[i]);
		if (w->en[i].own & OWN_PRESENT)
			w->en[i].read &= ~(1 << NOTE_RECOVER);
		if (!unfinished(s->en[i].state))
			w->en[i].own &= ~OWN_PRESENT;
	}
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

	switch (EDGE_KIND(edge)) {
	case EDGE_TX_COMMIT:
	case EDGE_TX_ROLLBACK:
	case EDGE_TX_CLOSE:
	case EDGE_TX_EXPIRE:
		return tx && !arg;
	case EDGE_ENLIST:
		return tx && online && arg == w->enlisted && arg < cfg->count &&
		       w->tx[0] == KTM_TX_STATE_ACTIVE && w->rm[cfg->rm[arg]] == RM_ONLINE;
	case EDGE_PREPARE_COMPLETE:
	case EDGE_READ_ONLY:
	case EDGE_EN_ROLLBACK:
	case EDGE_COMMIT_COMPLETE:
	case EDGE_ROLLBACK_COMPLETE:
	case EDGE_EN_CLOSE:
		return arg < w->enlisted && w->en[arg].own & OWN_IN_MEMORY;
	case EDGE_EN_RECOVER:
		return arg < w->enlisted && w->en[arg].own & OWN_IN_MEMORY &&
		       w->rm[cfg->rm[arg]] == RM_ONLINE;
	case EDGE_READ:
		return arg < w->enlisted && w->en[arg].queue;
	case EDGE_NOT_FOUND:
		return arg < w->enlisted && cfg->durable[arg] && online &&
		       w->rm[cfg->rm[arg]] == RM_ONLINE && w->en[arg].data == DATA_STAGED &&
		       (!(w->en[arg].own & OWN_IN_MEMORY) ||
			w->en[arg].state == KTM_EN_STATE_ABORTED ||
			w->en[arg].state == KTM_EN_STATE_COMMITTED);
	case EDGE_RM_CLOSE:
		return arg < cfg->rms && w->rm[arg] != RM_CLOSED;
	case EDGE_RM_OPEN:
	case EDGE_RM_RECOVER:
		if (arg >= cfg->rms ||
		    (EDGE_KIND(edge) == EDGE_RM_OPEN) != (w->rm[arg] == RM_CLOSED))
			return false;
		/* A volatile RM that closed is not the one that comes back. */
		return EDGE_KIND(edge) == EDGE_RM_RECOVER || rm_durable(cfg, arg);
	case EDGE_FORCE:
		return !arg && online && w->nvolatile;
	case EDGE_FAIL:
		return online && arg <= w->nvolatile;
	case EDGE_REOPEN:
		return arg < NR_REOPENINGS && !online;
	case EDGE_CRASH:
		return arg <= w->nvolatile;
	default:
		return false;
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
		sim_enlist(s, arg);
		break;
	case EDGE_PREPARE_COMPLETE:
		sim_prepare_complete(s, arg);
		break;
	case EDGE_READ_ONLY:
		if (sim_en_event(s, arg, KTM_ENEV_READ_ONLY) == KTM_STATUS_SUCCESS)
			s->w.en[arg].data = DATA_NONE;
		break;
	case EDGE_EN_ROLLBACK:
		sim_en_event(s, arg, KTM_ENEV_ROLLBACK);
		break;
	case EDGE_COMMIT_COMPLETE:
		if (sim_en_event(s, arg, KTM_ENEV_COMMIT_COMPLETE) == KTM_STATUS_SUCCESS)
			sim_act(s, arg, DATA_APPLIED);
		break;
	case EDGE_ROLLBACK_COMPLETE:
		if (sim_en_event(s, arg, KTM_ENEV_ROLLBACK_COMPLETE) == KTM_STATUS_SUCCESS)
			sim_act(s, arg, DATA_DROPPED);
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
		bad(s, "the test itself: no such step");
		break;
	}
}

static void lie(struct sim *s, enum ktm_tx_event ev)
{
	if (sim_tx_event(s, ev) == KTM_STATUS_SUCCESS)
		bad(s, "a journal that says what cannot be is believed");
}

/* A log may still hold what is over or known, or may hold it no more. */
static void over(struct sim *s, enum ktm_tx_event ev)
{
	struct memory m;

	sim_remember(&m, s);
	if (sim_tx_event(s, ev) != KTM_STATUS_SUCCESS)
		bad(s, "what a good log says is called damage");
	sim_unchanged(s, &m, s->done);
}

/**
 * sim_idle - events that must change nothing in this world
 * @s: a loaded world
 *
 * They are those that a correct caller never makes, and those that tell a
 * transaction what it knows.
 */
void sim_idle(struct sim *s)
{
	bool deciding = s->tx.state == KTM_TX_STATE_DECIDING;
	u32 outcome = ktm_txc_outcome(&s->tx);
	struct ktm_enc late;

	if (!tx_in_memory(s))
		return;
	/* Whoever is told to log a decision reports within the same step. */
	lie(s, KTM_TXEV_DECISION_HANDED);
	lie(s, KTM_TXEV_DECISION_REFUSED);
	if (!deciding) {
		lie(s, KTM_TXEV_DECISION_DURABLE);
		lie(s, KTM_TXEV_DECISION_FAILED);
	}
	/* Nobody settles what a force still decides; else the log contradicts memory. */
	if (deciding || (s->tx.state != KTM_TX_STATE_INDOUBT && outcome != KTM_OUTCOME_COMMITTED))
		lie(s, KTM_TXEV_SETTLE_COMMIT);
	if (deciding || (s->tx.state == KTM_TX_STATE_COMMITTING && s->tx.log_open))
		lie(s, KTM_TXEV_SETTLE_ABORT);
	if (ktm_txc_finished(&s->tx) || outcome == KTM_OUTCOME_ABORTED)
		over(s, KTM_TXEV_SETTLE_ABORT);
	if (outcome == KTM_OUTCOME_COMMITTED)
		over(s, KTM_TXEV_SETTLE_COMMIT);
	if (s->tx.state == KTM_TX_STATE_ACTIVE)
		return;
	if (ktm_txc_enlist(&s->tx, &late, s->cfg->mask, true) != KTM_STATUS_TRANSACTION_NOT_ACTIVE)
		bad(s, "enlisted too late");
}
