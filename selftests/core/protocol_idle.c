// SPDX-License-Identifier: GPL-2.0
/*
 * Events that must change nothing in a world: those that a correct caller never
 * makes, and those that tell a transaction what it knows.
 */
#include "protocol_world.h"

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

/* Whoever is told to log something reports within the same step. */
static void reports(struct sim *s)
{
	bool seal_runs = s->w.bits & W_SEAL_RUNS, decision_runs = s->w.bits & W_DECISION_RUNS;
	bool undone = ktm_txc_outcome(&s->tx) == KTM_OUTCOME_ABORTED;

	lie(s, KTM_TXEV_SEAL_HANDED);
	lie(s, KTM_TXEV_SEAL_REFUSED);
	/* A superior may commit again if the log took nothing, so that alone is no lie. */
	if (s->tx.state != KTM_TX_STATE_PREPARED) {
		lie(s, KTM_TXEV_DECISION_HANDED);
		lie(s, KTM_TXEV_DECISION_REFUSED);
	}
	if (!decision_runs) {
		lie(s, KTM_TXEV_DECISION_DURABLE);
		lie(s, KTM_TXEV_DECISION_FAILED);
	}
	/* A superior that rolls back does not wait for the force, which ends later. */
	if (!seal_runs && !undone) {
		lie(s, KTM_TXEV_SEAL_DURABLE);
		lie(s, KTM_TXEV_SEAL_FAILED);
	}
}

static void settles(struct sim *s)
{
	bool forced = s->tx.state == KTM_TX_STATE_SEALING || s->tx.state == KTM_TX_STATE_DECIDING;
	u32 outcome = ktm_txc_outcome(&s->tx);
	bool doubt = s->tx.state == KTM_TX_STATE_INDOUBT;

	/* Nobody reads a log again that has not said how a force ended. */
	if (forced)
		lie(s, KTM_TXEV_QUIET);
	/* Nobody settles what was not in doubt; else the log contradicts memory. */
	if (!doubt && outcome != KTM_OUTCOME_COMMITTED)
		lie(s, KTM_TXEV_SETTLE_COMMIT);
	if (!doubt && outcome != KTM_OUTCOME_ABORTED)
		lie(s, KTM_TXEV_SETTLE_SEALED);
	if (outcome == KTM_OUTCOME_UNDETERMINED ? !doubt :
	    s->tx.state == KTM_TX_STATE_COMMITTING && s->tx.log_open)
		lie(s, KTM_TXEV_SETTLE_ABORT);
	if (outcome == KTM_OUTCOME_ABORTED ||
	    (outcome == KTM_OUTCOME_COMMITTED && ktm_txc_finished(&s->tx)))
		over(s, KTM_TXEV_SETTLE_ABORT);
	if (outcome == KTM_OUTCOME_COMMITTED)
		over(s, KTM_TXEV_SETTLE_COMMIT);
	if (outcome == KTM_OUTCOME_ABORTED)
		over(s, KTM_TXEV_SETTLE_SEALED);
}

static void enlistments(struct sim *s)
{
	bool early = s->tx.state == KTM_TX_STATE_ACTIVE;
	u32 expected;

	expected = early || s->tx.state == KTM_TX_STATE_PREPREPARING ?
		   KTM_STATUS_SUCCESS : KTM_STATUS_TRANSACTION_NOT_ACTIVE;
	if (ktm_txc_can_enlist(&s->tx, false) != expected)
		bad(s, "enlisted too late, or refused too early");
	expected = s->w.en[SUP].own & OWN_DRIVES ? KTM_STATUS_SUPERIOR_EXISTS : KTM_STATUS_SUCCESS;
	if (ktm_txc_can_enlist(&s->tx, true) != (early ? expected :
						 (u32)KTM_STATUS_TRANSACTION_NOT_ACTIVE))
		bad(s, "a second superior, or one that comes too late, or one refused too early");
}

/**
 * sim_idle - try everything that must change nothing
 * @s: a loaded world; still the same afterwards
 */
void sim_idle(struct sim *s)
{
	struct world before = s->w;
	int i;

	if (!tx_in_memory(s))
		return;
	reports(s);
	settles(s);
	enlistments(s);
	/* Who has nothing to read has read nothing. */
	for (i = 0; i < MAX_EN; i++)
		if (in_memory(s, i) && !(i == SUP && s->en[i].flags & KTM_ENC_TOLD) &&
		    sim_en_event(s, i, KTM_ENEV_REPORTED) == KTM_STATUS_SUCCESS)
			bad(s, "the end is reported to one that was not told of it");
	if (memcmp(&before, &s->w, sizeof(before)))
		bad(s, "what must change nothing changed something");
}
