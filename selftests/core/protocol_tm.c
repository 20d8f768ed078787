// SPDX-License-Identifier: GPL-2.0
/*
 * The TM of the small world: its log fails, is forced and reopened, the machine
 * crashes.
 */
#include "protocol_world.h"

/* What of an enlistment is not in the log is gone with its memory. */
static void lose_memory(struct world *w, int i)
{
	struct world_en *en = &w->en[i];

	en->own &= OWN_ENLISTED | OWN_VOTED | OWN_HEARD;
	en->queue = 0;
	en->read = 0;
	if (!durable(w, i))
		en->data = DATA_NONE;
}

/* A later life has its own forces. */
static void forget_forces(struct world *w)
{
	w->bits &= ~(W_SEAL_RUNS | W_DECISION_RUNS);
	if (!(w->bits & W_DECISION_DURABLE))
		w->bits &= ~W_DECISION_FORCED;
	if (!(w->bits & W_SEAL_DURABLE)) {
		w->bits &= ~W_SEAL_FORCED;
		w->en[SUP].own &= ~OWN_VOTED;
	}
}

static void adopt_one(struct sim *s, int i)
{
	struct world_en *en = &s->w.en[i];
	u32 mask = kind_mask(i, en->kind);

	en->own |= OWN_IN_MEMORY | OWN_RECOVERED | (i == SUP ? OWN_DRIVES : 0);
	ktm_txc_enlist_recovered(&s->tx, &s->en[i], mask, i == SUP);
	if (s->en[i].mask != mask)
		bad(s, "a logged mask is lost");
}

/* Everything of which the log speaks and that has not completed. */
static void adopt_all(struct sim *s, enum ktm_found found)
{
	int i;

	for (i = 0; i < MAX_EN; i++) {
		/* An abort the superior need not hear of. */
		if (i == SUP && found == KTM_FOUND_ABORT)
			continue;
		if (s->w.en[i].disk == DISK_PREPARED)
			adopt_one(s, i);
	}
}

static void lose_all(struct sim *s)
{
	struct world *w = &s->w;
	int i;

	s->rebuilt = true;
	w->bits &= ~(W_TX_IN_MEMORY | W_TX_RECOVERED);
	memset(&s->tx, 0, sizeof(s->tx));
	memset(s->en, 0, sizeof(s->en));
	for (i = 0; i < MAX_EN; i++)
		lose_memory(w, i);
	forget_forces(w);
}

/* The log back into objects. @doubt: a decision does not count */
static void rebuild(struct sim *s, bool doubt)
{
	struct world *w = &s->w;
	enum ktm_found found;

	lose_all(s);
	if (!(w->bits & W_OFFLINE))
		log_begin(w);
	if (!log_live(w))
		return;
	found = log_found(w);
	if (found == KTM_FOUND_COMMIT && doubt)
		found = KTM_FOUND_DOUBT;
	w->bits |= W_TX_IN_MEMORY | W_TX_RECOVERED;
	ktm_txc_init_recovered(&s->tx, found);
	adopt_all(s, found);
}

/* The machine goes down with the first @kept of the records not yet durable, and comes up. */
void sim_crash(struct sim *s, int kept)
{
	int rm;

	sim_log_write(s, kept);
	s->w.bits &= ~(W_OFFLINE | W_ROLLED);
	for (rm = 0; rm < MAX_EN; rm++)
		s->w.rm[rm] = RM_CLOSED;
	if (s->cfg->log != LOG_IN_PARTS) {
		rebuild(s, false);
		return;
	}
	/* How far its log is read is a step of its own. */
	s->w.bits |= W_OFFLINE;
	lose_all(s);
}

/* The force that was waited for has ended. */
static void force_ends(struct sim *s, enum ktm_tx_event seal, enum ktm_tx_event decision)
{
	u16 runs = s->w.bits & (W_SEAL_RUNS | W_DECISION_RUNS);

	s->w.bits &= ~runs;
	if (runs == (W_SEAL_RUNS | W_DECISION_RUNS))
		bad(s, "two forces at once");
	if (!runs || !tx_in_memory(s))
		return;
	if (sim_tx_event(s, runs & W_SEAL_RUNS ? seal : decision) != KTM_STATUS_SUCCESS)
		bad(s, "how a force ended is refused");
}

/* The log fails when the first @written of the records not yet durable are. */
void sim_fail(struct sim *s, int written)
{
	sim_log_write(s, written);
	s->w.bits |= W_OFFLINE;
	force_ends(s, KTM_TXEV_SEAL_FAILED, KTM_TXEV_DECISION_FAILED);
}

/* All that was appended is durable. */
void sim_force(struct sim *s)
{
	sim_log_write(s, log_waiting(&s->w));
	force_ends(s, KTM_TXEV_SEAL_DURABLE, KTM_TXEV_DECISION_DURABLE);
}

static void drop(struct sim *s, int i, struct ktm_enc *ghosts)
{
	ktm_txc_expire(&s->en[i]);
	ktm_txc_forget(&s->en[i]);
	ghosts[i] = s->en[i];
	INIT_LIST_HEAD(&ghosts[i].link);
	memset(&s->en[i], 0, sizeof(s->en[i]));
	lose_memory(&s->w, i);
}

/*
 * What memory believes of durable enlistments is dropped, what was not handed
 * to the log is rolled back. Who decides alone stays: no log knows of that.
 * @ghosts: what was dropped, which descriptors may still refer to.
 */
static void quiet(struct sim *s, struct ktm_enc *ghosts)
{
	struct world *w = &s->w;
	int i;

	for (i = 0; i < MAX_EN; i++)
		if (durable(w, i) && rm_of(w, s->cfg, i) == RM_ONLINE)
			w->rm[s->cfg->rm[i]] = RM_OPEN;
	if (!tx_in_memory(s))
		return;
	for (i = 0; i < MAX_EN; i++)
		if (in_memory(s, i) && durable(w, i) &&
		    s->en[i].state != KTM_EN_STATE_SINGLE_PHASE)
			drop(s, i, ghosts);
	if (sim_tx_event(s, KTM_TXEV_QUIET) != KTM_STATUS_SUCCESS)
		bad(s, "a transaction cannot wait for the log");
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
		if (ktm_enc_finished(&ghosts[i]))
			actions |= ktm_enc_event(&ghosts[i], KTM_ENEV_READ_ONLY).actions;
		actions |= ktm_enc_event(&ghosts[i], KTM_ENEV_CLOSE).actions;
	}
	if (actions || memcmp(&m.tx, &s->tx, sizeof(m.tx)) || memcmp(m.en, s->en, sizeof(m.en)))
		bad(s, "an enlistment of before the reopening moves its transaction");
}

/* What the log says, and what memory knows of it that the log could not be told. */
static enum ktm_found found_for(const struct sim *s, bool doubt)
{
	enum ktm_found found = log_found(&s->w);

	if (!log_live(&s->w))
		return KTM_FOUND_ABORT;
	if (found == KTM_FOUND_SEALED && ktm_txc_outcome(&s->tx) == KTM_OUTCOME_ABORTED)
		return KTM_FOUND_ABORT;
	return found == KTM_FOUND_COMMIT && doubt ? KTM_FOUND_DOUBT : found;
}

static bool contradicts(enum ktm_found found, u32 outcome)
{
	if (found == KTM_FOUND_DOUBT)
		return outcome == KTM_OUTCOME_ABORTED;
	return outcome == (found == KTM_FOUND_COMMIT ? KTM_OUTCOME_ABORTED :
						       KTM_OUTCOME_COMMITTED);
}

/* What the log holds comes back into the transaction that memory still has. */
static void adopt(struct sim *s, bool doubt)
{
	static const enum ktm_tx_event settling[] = {
		[KTM_FOUND_ABORT]	= KTM_TXEV_SETTLE_ABORT,
		[KTM_FOUND_SEALED]	= KTM_TXEV_SETTLE_SEALED,
		[KTM_FOUND_COMMIT]	= KTM_TXEV_SETTLE_COMMIT,
	};
	enum ktm_found found = found_for(s, doubt);
	u32 outcome = ktm_txc_outcome(&s->tx);

	if (log_live(&s->w) && contradicts(found, outcome))
		bad(s, "the log contradicts what was told");
	if (!(s->w.bits & W_OFFLINE)) {
		if (found == KTM_FOUND_ABORT)
			s->w.bits |= W_LOG_ABORT;
		log_begin(&s->w);
	}
	forget_forces(&s->w);
	if (log_live(&s->w))
		adopt_all(s, found);
	if (s->tx.state == KTM_TX_STATE_INDOUBT) {
		if (found != KTM_FOUND_DOUBT &&
		    sim_tx_event(s, settling[found]) != KTM_STATUS_SUCCESS)
			bad(s, "what is in doubt cannot be settled");
	} else if (outcome != KTM_OUTCOME_UNDETERMINED) {
		sim_perform(s, ktm_txc_reopened(&s->tx), -1);
	} else if (log_live(&s->w)) {
		bad(s, "the log holds what nobody has settled");
	}
}

/* The failed log is opened again, well or not, and to its end or not. */
void sim_reopen(struct sim *s, enum reopening how)
{
	bool doubt = how == REOPEN_DOUBT, part = doubt || how == REOPEN_PART;
	struct ktm_enc ghosts[MAX_EN] = { };

	s->reopened = true;
	quiet(s, ghosts);
	if (tx_in_memory(s))
		haunt(s, ghosts);
	if (how == REOPEN_FAIL)
		return;
	s->w.bits &= ~(W_OFFLINE | W_ROLLED);
	if (part)
		s->w.bits |= W_OFFLINE | W_ROLLED;
	if (!tx_in_memory(s) || (how == REOPEN_FORGET && ktm_txc_finished(&s->tx))) {
		rebuild(s, doubt);
	} else {
		adopt(s, doubt);
		haunt(s, ghosts);
	}
}
