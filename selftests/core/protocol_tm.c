// SPDX-License-Identifier: GPL-2.0
/*
 * The TM of the small world: its log fails, is forced and reopened, the machine
 * crashes.
 */
#include "protocol_world.h"

/* The log back into objects. */
static void rebuild(struct sim *s)
{
	struct world *w = &s->w;
	int i;

	s->rebuilt = true;
	w->bits &= ~(W_TX_IN_MEMORY | W_TX_RECOVERED);
	memset(&s->tx, 0, sizeof(s->tx));
	memset(s->en, 0, sizeof(s->en));
	for (i = 0; i < MAX_EN; i++) {
		w->en[i].own &= OWN_VOTED;
		w->en[i].queue = 0;
		w->en[i].read = 0;
		if (!s->cfg->durable[i])
			w->en[i].data = DATA_NONE;
	}
	if (!log_live(w)) {
		sim_log_clear(w);
		return;
	}
	w->bits |= W_TX_IN_MEMORY | W_TX_RECOVERED;
	ktm_txc_init_recovered(&s->tx, w->log_bits & LOG_DECISION);
	for (i = 0; i < MAX_EN; i++) {
		if (!(w->log_prepared & ~w->log_completed & (1 << i)))
			continue;
		w->en[i].own |= OWN_IN_MEMORY | OWN_RECOVERED;
		ktm_txc_enlist_recovered(&s->tx, &s->en[i], s->cfg->mask);
		if (s->en[i].mask != s->cfg->mask)
			bad(s, "a logged mask is lost");
	}
}

/* The machine goes down with the first @kept of the records not yet durable, and comes up. */
void sim_crash(struct sim *s, int kept)
{
	int rm;

	sim_log_write(s, kept, true);
	s->w.bits &= ~W_OFFLINE;
	for (rm = 0; rm < MAX_EN; rm++)
		s->w.rm[rm] = RM_CLOSED;
	rebuild(s);
}

/* The log fails when the first @written of the records not yet durable are. */
void sim_fail(struct sim *s, int written)
{
	sim_log_write(s, written, true);
	s->w.bits |= W_OFFLINE;
	if (tx_in_memory(s) && s->tx.state == KTM_TX_STATE_DECIDING &&
	    sim_tx_event(s, KTM_TXEV_DECISION_FAILED) != KTM_STATUS_SUCCESS)
		bad(s, "that the log failed is refused");
}

/* All that was appended is durable. */
void sim_force(struct sim *s)
{
	sim_log_write(s, s->w.nvolatile, false);
	if (tx_in_memory(s) && s->tx.state == KTM_TX_STATE_DECIDING &&
	    sim_tx_event(s, KTM_TXEV_DECISION_DURABLE) != KTM_STATUS_SUCCESS)
		bad(s, "that the decision is durable is refused");
}

/*
 * What memory believes of durable enlistments is dropped, what was not handed
 * to the log is rolled back. @ghosts: what was dropped, which descriptors may
 * still refer to.
 */
static void quiet(struct sim *s, struct ktm_enc *ghosts)
{
	struct world *w = &s->w;
	int i;

	for (i = 0; i < s->cfg->rms; i++)
		if (rm_durable(s->cfg, i) && w->rm[i] == RM_ONLINE)
			w->rm[i] = RM_OPEN;
	if (!tx_in_memory(s))
		return;
	for (i = 0; i < MAX_EN; i++) {
		if (!in_memory(s, i) || !s->cfg->durable[i])
			continue;
		ktm_txc_expire(&s->en[i]);
		list_del_init(&s->en[i].link);
		ghosts[i] = s->en[i];
		INIT_LIST_HEAD(&ghosts[i].link);
		memset(&s->en[i], 0, sizeof(s->en[i]));
		w->en[i].own &= OWN_VOTED;
		w->en[i].queue = 0;
		w->en[i].read = 0;
	}
	if ((s->tx.state == KTM_TX_STATE_ACTIVE || s->tx.state == KTM_TX_STATE_PREPARING) &&
	    sim_tx_event(s, KTM_TXEV_SETTLE_ABORT) != KTM_STATUS_SUCCESS)
		bad(s, "what never had a decision cannot be rolled back");
}

/* A descriptor of what was dropped says something: that must move nothing. */
static void haunt(struct sim *s, struct ktm_enc *ghosts)
{
	struct memory m;
	u32 actions = 0;
	int i;

	sim_remember(&m, s);
	for (i = 0; i < MAX_EN; i++) {
		if (!ghosts[i].tx)
			continue;
		actions |= ktm_enc_event(&ghosts[i], KTM_ENEV_READ_ONLY).actions;
		actions |= ktm_enc_event(&ghosts[i], KTM_ENEV_CLOSE).actions;
	}
	if (actions || memcmp(&m.tx, &s->tx, sizeof(m.tx)) || memcmp(m.en, s->en, sizeof(m.en)))
		bad(s, "an enlistment of before the reopening moves its transaction");
}

/* What the log holds comes back into the transaction that memory still has. */
static void adopt(struct sim *s)
{
	struct world *w = &s->w;
	bool decided = w->log_bits & LOG_DECISION;
	u32 outcome = ktm_txc_outcome(&s->tx);
	int i;

	if (log_live(w) && outcome == (decided ? KTM_OUTCOME_ABORTED : KTM_OUTCOME_COMMITTED))
		bad(s, "the log contradicts what was told");
	for (i = 0; i < MAX_EN && log_live(w); i++) {
		if (!(w->log_prepared & ~w->log_completed & (1 << i)))
			continue;
		w->en[i].own |= OWN_IN_MEMORY | OWN_RECOVERED;
		ktm_txc_enlist_recovered(&s->tx, &s->en[i], s->cfg->mask);
	}
	if (s->tx.state == KTM_TX_STATE_INDOUBT) {
		decided &= log_live(w);
		if (sim_tx_event(s, decided ? KTM_TXEV_SETTLE_COMMIT : KTM_TXEV_SETTLE_ABORT) !=
		    KTM_STATUS_SUCCESS)
			bad(s, "what is in doubt cannot be settled");
	} else {
		sim_perform(s, ktm_txc_reopened(&s->tx), -1);
	}
}

/* The failed log is opened again, well or not. */
void sim_reopen(struct sim *s, enum reopening how)
{
	struct ktm_enc ghosts[MAX_EN] = { };
	struct world *w = &s->w;

	s->reopened = true;
	quiet(s, ghosts);
	if (tx_in_memory(s))
		haunt(s, ghosts);
	if (how == REOPEN_FAIL)
		return;
	w->bits &= ~W_OFFLINE;
	if (!tx_in_memory(s) || (how == REOPEN_FORGET && ktm_txc_finished(&s->tx))) {
		rebuild(s);
	} else {
		adopt(s);
		haunt(s, ghosts);
	}
	/* The new log begins with what lives. */
	w->log_prepared &= ~w->log_completed;
	w->log_completed = 0;
	if (!log_live(w) || !w->log_prepared)
		sim_log_clear(w);
}
