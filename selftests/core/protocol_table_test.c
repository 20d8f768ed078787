// SPDX-License-Identifier: GPL-2.0
/*
 * What each event comes to in each situation, as the semantics text says it.
 * The tables here were written from that text (the numbers are its sections)
 * and not from the tables of the core; every situation is reached through
 * events, so that the way there is tested, too.
 *
 * A table names what is accepted, and the states then. All else is refused; with
 * what, the reference says by call: see tx_refusal() and en_refusal().
 */
#include <stdio.h>

#include "protocol_names.h"
#include "protocol_scenes.h"

/* What an accepted event comes to. */
struct cell {
	bool ok;
	u8 tx;
	u8 en;
};

#define TX(ev, st)	[KTM_TXEV_##ev] = { true, KTM_TX_STATE_##st, 0 }
#define EN(ev, t, e)	[KTM_ENEV_##ev] = { true, KTM_TX_STATE_##t, KTM_EN_STATE_##e }

/* ---- what happens to a transaction ---- */

/* Nothing that a client, a clock or a closing does matters any more. */
#define IDLE(st)	TX(CLOSE, st), TX(EXPIRE, st)

/*
 * Commit: 5.1. Rollback: 6, before Commit; under a superior until the prepared
 * record is handed over. Close: 1, rolls back before Commit, where no superior
 * can still commit. Time-out, and any failure before the decision: 6, ends when
 * the decision, or under a superior the prepared record, is handed over; in
 * single phase it counts when that is rejected. What the journal reports: 5.4,
 * 5.5, 5.8. What a log that is read again says: 7 and 5.5.
 */
static const struct {
	const char *name;
	reach_fn reach;
	struct cell cell[KTM_NR_TX_EVENTS];
} tx_rows[] = {
	{ "active, nobody enlisted", nobody,
	  { TX(COMMIT, COMMITTED), TX(ROLLBACK, ABORTED), TX(CLOSE, ABORTED), TX(EXPIRE, ABORTED),
	    TX(QUIET, ABORTED) } },
	{ "active", active,
	  { TX(COMMIT, PREPARING), TX(ROLLBACK, ABORTING), TX(CLOSE, ABORTING),
	    TX(EXPIRE, ABORTING), TX(QUIET, ABORTING) } },
	{ "active, all have left", active_left,
	  { TX(COMMIT, COMMITTED), TX(ROLLBACK, ABORTED), TX(CLOSE, ABORTED), TX(EXPIRE, ABORTED),
	    TX(QUIET, ABORTED) } },
	{ "active, phase 0 is wanted", active_phase0,
	  { TX(COMMIT, PREPREPARING), TX(ROLLBACK, ABORTING), TX(CLOSE, ABORTING),
	    TX(EXPIRE, ABORTING), TX(QUIET, ABORTING) } },
	{ "active, one could decide alone", active_single,
	  { TX(COMMIT, SINGLE_PHASE), TX(ROLLBACK, ABORTING), TX(CLOSE, ABORTING),
	    TX(EXPIRE, ABORTING), TX(QUIET, ABORTING) } },
	{ "phase 0", preprepare,
	  { TX(CLOSE, PREPREPARING), TX(EXPIRE, ABORTING), TX(QUIET, ABORTING) } },
	{ "preparing, a vote is missing", preparing,
	  { TX(CLOSE, PREPARING), TX(EXPIRE, ABORTING), TX(QUIET, ABORTING) } },
	{ "preparing, all have voted", all_voted,
	  { TX(CLOSE, PREPARING), TX(EXPIRE, ABORTING), TX(DECISION_HANDED, DECIDING),
	    TX(DECISION_REFUSED, ABORTING), TX(QUIET, ABORTING) } },
	{ "deciding", deciding,
	  { IDLE(DECIDING), TX(DECISION_DURABLE, COMMITTING), TX(DECISION_FAILED, INDOUBT) } },
	{ "in doubt", indoubt,
	  { IDLE(INDOUBT), TX(QUIET, INDOUBT), TX(SETTLE_COMMIT, COMMITTING),
	    TX(SETTLE_SEALED, SUPERIOR_INDOUBT), TX(SETTLE_ABORT, ABORTING) } },
	{ "committing", committing,
	  { IDLE(COMMITTING), TX(QUIET, COMMITTING), TX(SETTLE_COMMIT, COMMITTING) } },
	{ "committing, nothing logged", committing_volatile,
	  { IDLE(COMMITTING), TX(QUIET, COMMITTING), TX(SETTLE_COMMIT, COMMITTING),
	    TX(SETTLE_ABORT, COMMITTING) } },
	{ "committing, ended in the log", committing_log_ended,
	  { IDLE(COMMITTING), TX(QUIET, COMMITTING), TX(SETTLE_COMMIT, COMMITTING),
	    TX(SETTLE_ABORT, COMMITTING) } },
	{ "committing, found in the log", committing_recovered,
	  { IDLE(COMMITTING), TX(QUIET, COMMITTING), TX(SETTLE_COMMIT, COMMITTING) } },
	{ "committed", committed,
	  { IDLE(COMMITTED), TX(QUIET, COMMITTED), TX(SETTLE_COMMIT, COMMITTED),
	    TX(SETTLE_ABORT, COMMITTED) } },
	{ "aborting", aborting,
	  { IDLE(ABORTING), TX(QUIET, ABORTING), TX(SEAL_DURABLE, ABORTING),
	    TX(SEAL_FAILED, ABORTING), TX(SETTLE_SEALED, ABORTING), TX(SETTLE_ABORT, ABORTING) } },
	{ "aborting, found in the log", aborting_recovered,
	  { IDLE(ABORTING), TX(QUIET, ABORTING), TX(SEAL_DURABLE, ABORTING),
	    TX(SEAL_FAILED, ABORTING), TX(SETTLE_SEALED, ABORTING), TX(SETTLE_ABORT, ABORTING) } },
	{ "aborted", aborted,
	  { IDLE(ABORTED), TX(QUIET, ABORTED), TX(SEAL_DURABLE, ABORTED), TX(SEAL_FAILED, ABORTED),
	    TX(SETTLE_SEALED, ABORTED), TX(SETTLE_ABORT, ABORTED) } },
	{ "one decides alone", single, { IDLE(SINGLE_PHASE), TX(QUIET, SINGLE_PHASE) } },
	{ "one will decide alone", single_waits,
	  { TX(CLOSE, PREPARING), TX(EXPIRE, ABORTING), TX(QUIET, ABORTING) } },
	{ "one that decides alone is away", single_lost,
	  { IDLE(SINGLE_PHASE_INDOUBT), TX(QUIET, SINGLE_PHASE_INDOUBT) } },
	{ "one that decided alone is gone", single_gone,
	  { IDLE(SINGLE_PHASE_INDOUBT), TX(QUIET, SINGLE_PHASE_INDOUBT) } },
	{ "superior, active", sup_active,
	  { TX(ROLLBACK, ABORTING), TX(CLOSE, ACTIVE), TX(EXPIRE, ABORTING),
	    TX(QUIET, ABORTING) } },
	{ "superior for clients, active", sup_request_active,
	  { TX(COMMIT, PREPREPARING), TX(ROLLBACK, ABORTING), TX(CLOSE, ACTIVE),
	    TX(EXPIRE, ABORTING), TX(QUIET, ABORTING) } },
	{ "superior for clients, phase 0", sup_request_phase0,
	  { TX(CLOSE, PREPREPARING), TX(EXPIRE, ABORTING), TX(QUIET, ABORTING) } },
	{ "superior for clients, preparing", sup_request_preparing,
	  { TX(CLOSE, PREPARING), TX(EXPIRE, ABORTING), TX(QUIET, ABORTING) } },
	{ "superior, phase 0", sup_phase0,
	  { TX(ROLLBACK, ABORTING), TX(CLOSE, PREPREPARING), TX(EXPIRE, ABORTING),
	    TX(QUIET, ABORTING) } },
	{ "superior, pre-prepared", sup_preprepared,
	  { TX(ROLLBACK, ABORTING), TX(CLOSE, PREPREPARED), TX(EXPIRE, ABORTING),
	    TX(QUIET, ABORTING) } },
	{ "superior, preparing", sup_preparing,
	  { TX(ROLLBACK, ABORTING), TX(CLOSE, PREPARING), TX(EXPIRE, ABORTING),
	    TX(QUIET, ABORTING) } },
	{ "superior, all have voted", sup_all_voted,
	  { TX(ROLLBACK, ABORTING), TX(CLOSE, PREPARING), TX(EXPIRE, ABORTING),
	    TX(SEAL_HANDED, SEALING), TX(SEAL_REFUSED, ABORTING), TX(QUIET, ABORTING) } },
	{ "superior, the seal is forced", sup_sealing,
	  { IDLE(SEALING), TX(SEAL_DURABLE, PREPARED), TX(SEAL_FAILED, INDOUBT) } },
	{ "superior, the seal has failed", sup_indoubt_seal,
	  { IDLE(INDOUBT), TX(QUIET, INDOUBT), TX(SETTLE_COMMIT, COMMITTING),
	    TX(SETTLE_SEALED, SUPERIOR_INDOUBT), TX(SETTLE_ABORT, ABORTING) } },
	{ "superior, prepared", sup_prepared,
	  { IDLE(PREPARED), TX(DECISION_HANDED, DECIDING), TX(DECISION_REFUSED, PREPARED),
	    TX(QUIET, INDOUBT) } },
	{ "superior, prepared, nothing logged", sup_prepared_volatile,
	  { IDLE(PREPARED), TX(DECISION_HANDED, DECIDING), TX(DECISION_REFUSED, PREPARED),
	    TX(QUIET, ABORTING) } },
	{ "superior, away", sup_lost, { IDLE(SUPERIOR_INDOUBT), TX(QUIET, INDOUBT) } },
	{ "superior, found in the log", sup_recovered,
	  { IDLE(SUPERIOR_INDOUBT), TX(QUIET, INDOUBT) } },
	{ "superior, deciding", sup_deciding,
	  { IDLE(DECIDING), TX(DECISION_DURABLE, COMMITTING), TX(DECISION_FAILED, INDOUBT) } },
	{ "superior, committing", sup_committing,
	  { IDLE(COMMITTING), TX(QUIET, COMMITTING), TX(SETTLE_COMMIT, COMMITTING) } },
	{ "superior, has not read of the end", sup_told,
	  { IDLE(COMMITTING), TX(QUIET, COMMITTING), TX(SETTLE_COMMIT, COMMITTING) } },
	{ "superior, has read of the end", sup_reported,
	  { IDLE(COMMITTED), TX(QUIET, COMMITTED), TX(SETTLE_COMMIT, COMMITTED),
	    TX(SETTLE_ABORT, COMMITTED) } },
	{ "superior, aborted, has not read of the end", sup_aborted_told,
	  { IDLE(ABORTING), TX(QUIET, ABORTING), TX(SEAL_DURABLE, ABORTING),
	    TX(SEAL_FAILED, ABORTING), TX(SETTLE_SEALED, ABORTING), TX(SETTLE_ABORT, ABORTING) } },
};

static bool undecidable(u8 state)
{
	return state == KTM_TX_STATE_ACTIVE || state == KTM_TX_STATE_PREPREPARING ||
	       state == KTM_TX_STATE_PREPREPARED || state == KTM_TX_STATE_PREPARING ||
	       state == KTM_TX_STATE_SEALING;
}

/* The reference's pages, by call; a log that says what cannot be is damaged. */
static u32 tx_refusal(const struct scene *w, enum ktm_tx_event ev)
{
	u32 outcome = ktm_txc_outcome(&w->tx);

	switch (ev) {
	case KTM_TXEV_COMMIT:
		if (outcome == KTM_OUTCOME_COMMITTED)
			return KTM_STATUS_ALREADY_COMMITTED;
		if (outcome == KTM_OUTCOME_ABORTED)
			return KTM_STATUS_ALREADY_ABORTED;
		return w->tx.superior && !(w->tx.superior->mask & KTM_NOTIFY_COMMIT_REQUEST) ?
		       KTM_STATUS_SUPERIOR_EXISTS : KTM_STATUS_REQUEST_NOT_VALID;
	case KTM_TXEV_ROLLBACK:
		return outcome == KTM_OUTCOME_COMMITTED ? KTM_STATUS_ALREADY_COMMITTED :
							  KTM_STATUS_REQUEST_NOT_VALID;
	case KTM_TXEV_SETTLE_COMMIT:
		return undecidable(w->tx.state) || outcome == KTM_OUTCOME_ABORTED ?
		       KTM_STATUS_LOG_CORRUPTION_DETECTED : KTM_STATUS_REQUEST_NOT_VALID;
	case KTM_TXEV_SETTLE_SEALED:
		return undecidable(w->tx.state) || outcome == KTM_OUTCOME_COMMITTED ?
		       KTM_STATUS_LOG_CORRUPTION_DETECTED : KTM_STATUS_REQUEST_NOT_VALID;
	case KTM_TXEV_SETTLE_ABORT:
		return outcome == KTM_OUTCOME_COMMITTED ? KTM_STATUS_LOG_CORRUPTION_DETECTED :
							  KTM_STATUS_REQUEST_NOT_VALID;
	default:
		return KTM_STATUS_REQUEST_NOT_VALID;
	}
}

/* ---- what happens to a participant ---- */

/*
 * PrePrepareComplete, PrepareComplete: 5.3. ReadOnly: 5.7, before PrepareComplete.
 * Rollback: 6, before PrepareComplete. CommitComplete, SinglePhaseReject, Rollback
 * in single phase: 5.2. RequestOutcome: 5.8, of one that has voted. Recovery: 7;
 * only an unfinished one that its RM does not have is taken up. Closing: 1, and
 * its decisions on volatile enlistments and on RMs that nobody has open.
 */
#define OUT(t, e)	EN(RM_RECOVER, t, e), EN(RM_CLOSE, t, e), EN(CLOSE, t, e)
#define UNVOTED(t, e)	EN(ROLLBACK, ABORTING, ABORTING), EN(RM_RECOVER, t, e), \
			EN(RM_CLOSE, ABORTED, ABORTED), EN(CLOSE, ABORTING, ABORTING)

struct en_row {
	const char *name;
	reach_fn reach;
	struct cell cell[KTM_NR_EN_EVENTS];
};

static const struct en_row en_rows[] = {
	{ "active", active, { EN(READ_ONLY, ACTIVE, READ_ONLY), UNVOTED(ACTIVE, ACTIVE) } },
	{ "active, volatile", active_volatile,
	  { EN(READ_ONLY, ACTIVE, READ_ONLY), UNVOTED(ACTIVE, ACTIVE) } },
	{ "phase 0", preprepare,
	  { EN(PREPREPARE_COMPLETE, PREPARING, PREPARING), EN(READ_ONLY, COMMITTED, READ_ONLY),
	    UNVOTED(PREPREPARING, PREPREPARING) } },
	{ "phase 0, the last to answer under a superior", sup_phase0,
	  { EN(PREPREPARE_COMPLETE, PREPREPARED, PREPREPARED),
	    EN(READ_ONLY, PREPREPARED, READ_ONLY),
	    EN(ROLLBACK, ABORTING, ABORTING), EN(RM_RECOVER, PREPREPARING, PREPREPARING),
	    EN(RM_CLOSE, ABORTING, ABORTED), EN(CLOSE, ABORTING, ABORTING) } },
	{ "pre-prepared, another is not", preprepared,
	  { EN(READ_ONLY, PREPREPARING, READ_ONLY), EN(ROLLBACK, ABORTING, ABORTING),
	    EN(RM_RECOVER, PREPREPARING, PREPREPARED), EN(RM_CLOSE, ABORTING, ABORTED),
	    EN(CLOSE, ABORTING, ABORTING) } },
	{ "preparing", preparing,
	  { EN(PREPARE_COMPLETE, PREPARING, PREPARED), EN(READ_ONLY, COMMITTED, READ_ONLY),
	    UNVOTED(PREPARING, PREPARING) } },
	{ "preparing, volatile", preparing_volatile,
	  { EN(PREPARE_COMPLETE, COMMITTING, COMMITTING), EN(READ_ONLY, COMMITTED, READ_ONLY),
	    UNVOTED(PREPARING, PREPARING) } },
	{ "prepared, another has not voted", voted_first,
	  { EN(REQUEST_OUTCOME, ABORTING, ABORTING), OUT(PREPARING, PREPARED) } },
	{ "prepared, volatile, another has not voted", voted_volatile,
	  { EN(REQUEST_OUTCOME, ABORTING, ABORTING), OUT(PREPARING, PREPARED) } },
	{ "prepared, its RM was closed", voted_away,
	  { EN(REQUEST_OUTCOME, ABORTING, ABORTING), EN(RECOVER, PREPARING, PREPARED),
	    OUT(PREPARING, PREPARED) } },
	{ "prepared, its RM recovers", voted_recovering,
	  { EN(REQUEST_OUTCOME, ABORTING, ABORTING), EN(RECOVER, PREPARING, PREPARED),
	    OUT(PREPARING, PREPARED) } },
	{ "prepared, volatile and closed", voted_gone,
	  { EN(REQUEST_OUTCOME, ABORTING, ABORTED), OUT(PREPARING, PREPARED) } },
	{ "prepared, being decided", deciding,
	  { EN(REQUEST_OUTCOME, DECIDING, PREPARED), OUT(DECIDING, PREPARED) } },
	{ "prepared, in doubt", indoubt,
	  { EN(REQUEST_OUTCOME, INDOUBT, PREPARED), OUT(INDOUBT, PREPARED) } },
	{ "prepared, the superior decides", sup_prepared,
	  { EN(REQUEST_OUTCOME, PREPARED, PREPARED), OUT(PREPARED, PREPARED) } },
	{ "prepared, the superior is away", sup_lost,
	  { EN(REQUEST_OUTCOME, SUPERIOR_INDOUBT, PREPARED), OUT(SUPERIOR_INDOUBT, PREPARED) } },
	{ "committing", committing,
	  { EN(COMMIT_COMPLETE, COMMITTED, COMMITTED), EN(REQUEST_OUTCOME, COMMITTING, COMMITTING),
	    OUT(COMMITTING, COMMITTING) } },
	{ "committing, volatile", committing_volatile,
	  { EN(COMMIT_COMPLETE, COMMITTED, COMMITTED), EN(REQUEST_OUTCOME, COMMITTING, COMMITTING),
	    EN(RM_RECOVER, COMMITTING, COMMITTING), EN(RM_CLOSE, COMMITTED, COMMITTED),
	    EN(CLOSE, COMMITTED, COMMITTED) } },
	{ "committing, its RM was closed", committing_away,
	  { EN(REQUEST_OUTCOME, COMMITTING, COMMITTING), EN(RECOVER, COMMITTING, COMMITTING),
	    OUT(COMMITTING, COMMITTING) } },
	{ "committing, found in the log", committing_recovered,
	  { EN(REQUEST_OUTCOME, COMMITTING, COMMITTING), EN(RECOVER, COMMITTING, COMMITTING),
	    OUT(COMMITTING, COMMITTING) } },
	{ "committing under a superior", sup_committing,
	  { EN(COMMIT_COMPLETE, COMMITTING, COMMITTED),
	    EN(REQUEST_OUTCOME, COMMITTING, COMMITTING), OUT(COMMITTING, COMMITTING) } },
	{ "committed", committed,
	  { EN(REQUEST_OUTCOME, COMMITTED, COMMITTED), OUT(COMMITTED, COMMITTED) } },
	{ "aborting, had voted", aborting,
	  { EN(ROLLBACK_COMPLETE, ABORTED, ABORTED), EN(REQUEST_OUTCOME, ABORTING, ABORTING),
	    OUT(ABORTING, ABORTING) } },
	{ "aborting, had not voted", aborting_unvoted,
	  { EN(ROLLBACK_COMPLETE, ABORTED, ABORTED), EN(REQUEST_OUTCOME, ABORTING, ABORTING),
	    EN(RM_RECOVER, ABORTING, ABORTING), EN(RM_CLOSE, ABORTED, ABORTED),
	    EN(CLOSE, ABORTING, ABORTING) } },
	{ "aborting, volatile", aborting_volatile,
	  { EN(ROLLBACK_COMPLETE, ABORTED, ABORTED), EN(REQUEST_OUTCOME, ABORTING, ABORTING),
	    EN(RM_RECOVER, ABORTING, ABORTING), EN(RM_CLOSE, ABORTED, ABORTED),
	    EN(CLOSE, ABORTED, ABORTED) } },
	{ "aborting, its RM was closed", aborting_away,
	  { EN(REQUEST_OUTCOME, ABORTING, ABORTING), EN(RECOVER, ABORTING, ABORTING),
	    OUT(ABORTING, ABORTING) } },
	{ "aborting, found in the log", aborting_recovered,
	  { EN(REQUEST_OUTCOME, ABORTING, ABORTING), EN(RECOVER, ABORTING, ABORTING),
	    OUT(ABORTING, ABORTING) } },
	{ "aborting, the superior has answered", sup_aborted_untold,
	  { EN(ROLLBACK_COMPLETE, ABORTING, ABORTED), EN(REQUEST_OUTCOME, ABORTING, ABORTING),
	    EN(RM_RECOVER, ABORTING, ABORTING), EN(RM_CLOSE, ABORTING, ABORTED),
	    EN(CLOSE, ABORTING, ABORTING) } },
	{ "aborted", aborted,
	  { EN(REQUEST_OUTCOME, ABORTED, ABORTED), OUT(ABORTED, ABORTED) } },
	{ "left, the transaction is active", active_left, { OUT(ACTIVE, READ_ONLY) } },
	{ "left, the transaction is committed", committed_left, { OUT(COMMITTED, READ_ONLY) } },
	{ "will decide alone", single_waits,
	  { EN(READ_ONLY, PREPARING, READ_ONLY), EN(ROLLBACK, ABORTING, ABORTING),
	    EN(RM_RECOVER, PREPARING, ACTIVE), EN(RM_CLOSE, ABORTING, ABORTED),
	    EN(CLOSE, ABORTING, ABORTING) } },
	{ "decides alone", single,
	  { EN(COMMIT_COMPLETE, COMMITTED, COMMITTED),
	    EN(SINGLE_PHASE_REJECT, PREPARING, PREPARING),
	    EN(ROLLBACK, ABORTING, ABORTING), EN(RM_RECOVER, SINGLE_PHASE, SINGLE_PHASE),
	    EN(RM_CLOSE, SINGLE_PHASE_INDOUBT, SINGLE_PHASE),
	    EN(CLOSE, SINGLE_PHASE, SINGLE_PHASE) } },
	{ "decides alone, its time is over", single_overdue,
	  { EN(COMMIT_COMPLETE, COMMITTED, COMMITTED), EN(SINGLE_PHASE_REJECT, ABORTING, ABORTING),
	    EN(ROLLBACK, ABORTING, ABORTING), EN(RM_RECOVER, SINGLE_PHASE, SINGLE_PHASE),
	    EN(RM_CLOSE, SINGLE_PHASE_INDOUBT, SINGLE_PHASE),
	    EN(CLOSE, SINGLE_PHASE, SINGLE_PHASE) } },
	{ "decides alone, volatile", single_volatile,
	  { EN(COMMIT_COMPLETE, COMMITTED, COMMITTED),
	    EN(SINGLE_PHASE_REJECT, PREPARING, PREPARING),
	    EN(ROLLBACK, ABORTING, ABORTING), EN(RM_RECOVER, SINGLE_PHASE, SINGLE_PHASE),
	    EN(RM_CLOSE, SINGLE_PHASE_INDOUBT, DISCONNECTED),
	    EN(CLOSE, SINGLE_PHASE_INDOUBT, DISCONNECTED) } },
	{ "decides alone, beside one that has voted", single_beside,
	  { EN(COMMIT_COMPLETE, COMMITTING, COMMITTED),
	    EN(SINGLE_PHASE_REJECT, PREPARING, PREPARING), EN(ROLLBACK, ABORTING, ABORTING),
	    EN(RM_RECOVER, SINGLE_PHASE, SINGLE_PHASE),
	    EN(RM_CLOSE, SINGLE_PHASE_INDOUBT, SINGLE_PHASE),
	    EN(CLOSE, SINGLE_PHASE, SINGLE_PHASE) } },
	{ "decides alone, its RM was closed", single_lost,
	  { EN(RECOVER, SINGLE_PHASE, SINGLE_PHASE),
	    EN(RM_RECOVER, SINGLE_PHASE_INDOUBT, SINGLE_PHASE),
	    EN(RM_CLOSE, SINGLE_PHASE_INDOUBT, SINGLE_PHASE),
	    EN(CLOSE, SINGLE_PHASE_INDOUBT, SINGLE_PHASE) } },
	{ "decides alone beside another, its RM was closed", single_lost_beside,
	  { EN(RECOVER, SINGLE_PHASE, SINGLE_PHASE),
	    EN(RM_RECOVER, SINGLE_PHASE_INDOUBT, SINGLE_PHASE),
	    EN(RM_CLOSE, SINGLE_PHASE_INDOUBT, SINGLE_PHASE),
	    EN(CLOSE, SINGLE_PHASE_INDOUBT, SINGLE_PHASE) } },
	{ "disconnected", single_disconnected, { OUT(SINGLE_PHASE_INDOUBT, DISCONNECTED) } },
	{ "decided alone, volatile and closed", single_gone,
	  { OUT(SINGLE_PHASE_INDOUBT, DISCONNECTED) } },
};

/* ---- what happens to a superior ---- */

/*
 * Its three calls: 5.8; Rollback until it commits: 6. Closing before the prepared
 * record is handed over rolls back, after that it is in doubt. Recovery: 7, for
 * what is in the log; it need not say that it takes it up.
 */
static const struct en_row sup_rows[] = {
	{ "active", sup_active,
	  { EN(SUP_PREPREPARE, PREPREPARING, PREPREPARING), EN(ROLLBACK, ABORTING, ABORTING),
	    EN(RM_RECOVER, ACTIVE, ACTIVE), EN(RM_CLOSE, ABORTING, ABORTED),
	    EN(CLOSE, ABORTING, ABORTING) } },
	{ "active, of the smallest mask", sup_bare,
	  { EN(ROLLBACK, ABORTING, ABORTING), EN(RM_RECOVER, ACTIVE, ACTIVE),
	    EN(RM_CLOSE, ABORTING, ABORTED), EN(CLOSE, ABORTING, ABORTING) } },
	{ "phase 0", sup_phase0,
	  { EN(ROLLBACK, ABORTING, ABORTING), EN(RM_RECOVER, PREPREPARING, PREPREPARING),
	    EN(RM_CLOSE, ABORTING, ABORTED), EN(CLOSE, ABORTING, ABORTING) } },
	{ "pre-prepared", sup_preprepared,
	  { EN(SUP_PREPARE, PREPARING, PREPARING), EN(ROLLBACK, ABORTING, ABORTING),
	    EN(RM_RECOVER, PREPREPARED, PREPREPARED), EN(RM_CLOSE, ABORTING, ABORTED),
	    EN(CLOSE, ABORTING, ABORTING) } },
	{ "preparing", sup_preparing,
	  { EN(ROLLBACK, ABORTING, ABORTING), EN(RM_RECOVER, PREPARING, PREPARING),
	    EN(RM_CLOSE, ABORTING, ABORTED), EN(CLOSE, ABORTING, ABORTING) } },
	{ "preparing for a client", sup_request_preparing,
	  { EN(ROLLBACK, ABORTING, ABORTING), EN(RM_RECOVER, PREPARING, PREPARING),
	    EN(RM_CLOSE, ABORTING, ABORTED), EN(CLOSE, ABORTING, ABORTING) } },
	{ "the seal is forced", sup_sealing,
	  { EN(ROLLBACK, ABORTING, ABORTING), EN(RM_RECOVER, SEALING, PREPARED),
	    EN(RM_CLOSE, SEALING, PREPARED), EN(CLOSE, SEALING, PREPARED) } },
	{ "the seal has failed", sup_indoubt_seal,
	  { EN(RM_RECOVER, INDOUBT, PREPARED), EN(RM_CLOSE, INDOUBT, PREPARED),
	    EN(CLOSE, INDOUBT, PREPARED) } },
	{ "prepared", sup_prepared,
	  { EN(SUP_COMMIT, PREPARED, PREPARED), EN(ROLLBACK, ABORTING, ABORTING),
	    EN(RM_RECOVER, PREPARED, PREPARED), EN(RM_CLOSE, SUPERIOR_INDOUBT, PREPARED),
	    EN(CLOSE, PREPARED, PREPARED) } },
	{ "prepared, nothing logged", sup_prepared_volatile,
	  { EN(SUP_COMMIT, COMMITTING, COMMITTING), EN(ROLLBACK, ABORTING, ABORTING),
	    EN(RM_RECOVER, PREPARED, PREPARED), EN(RM_CLOSE, ABORTING, ABORTED),
	    EN(CLOSE, PREPARED, PREPARED) } },
	{ "prepared, its RM was closed", sup_lost,
	  { EN(RM_RECOVER, PREPARED, PREPARED), EN(RM_CLOSE, SUPERIOR_INDOUBT, PREPARED),
	    EN(CLOSE, SUPERIOR_INDOUBT, PREPARED) } },
	{ "prepared, found in the log", sup_recovered,
	  { EN(RM_RECOVER, PREPARED, PREPARED), EN(RM_CLOSE, SUPERIOR_INDOUBT, PREPARED),
	    EN(CLOSE, SUPERIOR_INDOUBT, PREPARED) } },
	{ "prepared, its RM recovers", sup_asked,
	  { EN(SUP_COMMIT, PREPARED, PREPARED), EN(ROLLBACK, ABORTING, ABORTING),
	    EN(RECOVER, PREPARED, PREPARED), EN(RM_RECOVER, PREPARED, PREPARED),
	    EN(RM_CLOSE, SUPERIOR_INDOUBT, PREPARED), EN(CLOSE, PREPARED, PREPARED) } },
	{ "deciding", sup_deciding, { OUT(DECIDING, PREPARED) } },
	{ "committing", sup_committing, { OUT(COMMITTING, COMMITTING) } },
	{ "committing, its RM was closed", sup_committing_away, { OUT(COMMITTING, COMMITTING) } },
	{ "has not read of the end", sup_told,
	  { EN(REPORTED, COMMITTED, COMMITTED), OUT(COMMITTING, COMMITTING) } },
	{ "has read of the end", sup_reported, { OUT(COMMITTED, COMMITTED) } },
	{ "aborting", sup_aborting,
	  { EN(ROLLBACK_COMPLETE, ABORTING, ABORTED), EN(RM_RECOVER, ABORTING, ABORTING),
	    EN(RM_CLOSE, ABORTING, ABORTED), EN(CLOSE, ABORTING, ABORTING) } },
	{ "aborted, the others are not", sup_aborted_untold, { OUT(ABORTING, ABORTED) } },
	{ "aborted, has not read of the end", sup_aborted_told,
	  { EN(REPORTED, ABORTED, ABORTED), EN(RM_RECOVER, ABORTING, ABORTED),
	    EN(RM_CLOSE, ABORTED, ABORTED), EN(CLOSE, ABORTING, ABORTED) } },
	{ "aborted", sup_aborted, { OUT(ABORTED, ABORTED) } },
	{ "could not be told that it enlisted", sup_left, { OUT(ACTIVE, READ_ONLY) } },
};

static u32 response(enum ktm_en_event ev)
{
	switch (ev) {
	case KTM_ENEV_SUP_PREPREPARE:
		return KTM_NOTIFY_PREPREPARE_COMPLETE;
	case KTM_ENEV_SUP_PREPARE:
		return KTM_NOTIFY_PREPARE_COMPLETE;
	default:
		return KTM_NOTIFY_COMMIT_COMPLETE;
	}
}

/* A superior's call: who is none, or did not ask for its answer; CommitEnlistment says more. */
static u32 call_refusal(const struct scene *w, const struct ktm_enc *en, enum ktm_en_event ev)
{
	if (!(en->flags & KTM_ENC_SUPERIOR))
		return KTM_STATUS_NOT_SUPERIOR;
	if (!(en->mask & response(ev)))
		return KTM_STATUS_RESPONSE_NOT_ENLISTED;
	if (ev != KTM_ENEV_SUP_COMMIT)
		return KTM_STATUS_REQUEST_NOT_VALID;
	if (w->tx.state == KTM_TX_STATE_DECIDING || en->state == KTM_EN_STATE_COMMITTING ||
	    en->state == KTM_EN_STATE_COMMITTED)
		return KTM_STATUS_TRANSACTION_NOT_ACTIVE;
	return en->state == KTM_EN_STATE_ABORTING || en->state == KTM_EN_STATE_ABORTED ?
	       KTM_STATUS_ALREADY_ABORTED : KTM_STATUS_REQUEST_NOT_VALID;
}

/* What is over, or known to no log, cannot be taken up again. */
static u32 recover_refusal(const struct ktm_enc *en)
{
	bool superior = en->flags & KTM_ENC_SUPERIOR;

	if (ktm_enc_finished(en) || en->flags & KTM_ENC_GONE ||
	    (superior && en->state == KTM_EN_STATE_ABORTING))
		return KTM_STATUS_ENLISTMENT_NOT_FOUND;
	return KTM_STATUS_REQUEST_NOT_VALID;
}

static u32 en_refusal(const struct scene *w, const struct ktm_enc *en, enum ktm_en_event ev)
{
	switch (ev) {
	case KTM_ENEV_PREPREPARE_COMPLETE:
	case KTM_ENEV_PREPARE_COMPLETE:
	case KTM_ENEV_READ_ONLY:
	case KTM_ENEV_COMMIT_COMPLETE:
	case KTM_ENEV_ROLLBACK_COMPLETE:
	case KTM_ENEV_SINGLE_PHASE_REJECT:
		return KTM_STATUS_NOT_REQUESTED;
	case KTM_ENEV_SUP_PREPREPARE:
	case KTM_ENEV_SUP_PREPARE:
	case KTM_ENEV_SUP_COMMIT:
		return call_refusal(w, en, ev);
	case KTM_ENEV_RECOVER:
		return recover_refusal(en);
	default:
		return KTM_STATUS_REQUEST_NOT_VALID;
	}
}

/* ---- compare ---- */

static int tests, failures;

static void result(bool ok, const char *kind, const char *name)
{
	printf("%s %d - %s: %s\n", ok ? "ok" : "not ok", ++tests, kind, name);
	failures += !ok;
}

static void reach(struct scene *w, reach_fn how)
{
	memset(w, 0xa5, sizeof(*w));
	w->broken = false;
	how(w);
	if (w->broken)
		printf("# the situation cannot be reached\n");
}

/* @en: whose state matters, or NULL */
static bool same(const struct scene *w, const struct scene *before, struct ktm_result r,
		 const struct cell *want, u32 refusal, const struct ktm_enc *en,
		 const char *event)
{
	u32 status = want->ok ? KTM_STATUS_SUCCESS : refusal;

	if (w->broken)
		return false;
	if (r.status != status) {
		printf("# %s: status %u, should be %u\n", event, r.status, status);
		return false;
	}
	if (r.status) {
		if (!r.actions && !memcmp(w, before, sizeof(*w)))
			return true;
		printf("# %s: refused, but something has changed\n", event);
		return false;
	}
	if (w->tx.state == want->tx && (!en || en->state == want->en))
		return true;
	printf("# %s: transaction %s, should be %s; enlistment %s, should be %s\n", event,
	       tx_state_names[w->tx.state], tx_state_names[want->tx],
	       en ? en_state_names[en->state] : "-", en ? en_state_names[want->en] : "-");
	return false;
}

static void try_tx(size_t row)
{
	struct scene w, before;
	struct ktm_result r;
	bool ok = true;
	int ev;

	for (ev = 0; ev < KTM_NR_TX_EVENTS; ev++) {
		reach(&w, tx_rows[row].reach);
		before = w;
		r = ktm_txc_event(&w.tx, ev);
		ok &= ktm_txc_check(&before.tx, ev) == r.status;
		ok &= same(&w, &before, r, &tx_rows[row].cell[ev], tx_refusal(&before, ev), NULL,
			   tx_event_names[ev]);
	}
	result(ok, "transaction", tx_rows[row].name);
}

static void try_en(const struct en_row *row, const char *kind, size_t subject)
{
	struct scene w, before;
	struct ktm_result r;
	bool ok = true;
	u32 refusal, can;
	int ev;

	for (ev = 0; ev < KTM_NR_EN_EVENTS; ev++) {
		struct ktm_enc *en = (struct ktm_enc *)((char *)&w + subject);

		reach(&w, row->reach);
		before = w;
		can = ktm_enc_check(en, ev);
		refusal = en_refusal(&w, en, ev);
		r = ktm_enc_event(en, ev);
		ok &= can == r.status;
		ok &= same(&w, &before, r, &row->cell[ev], refusal, en, en_event_names[ev]);
	}
	result(ok, kind, row->name);
}

int main(void)
{
	size_t i;

	printf("TAP version 13\n1..%zu\n",
	       ARRAY_SIZE(tx_rows) + ARRAY_SIZE(en_rows) + ARRAY_SIZE(sup_rows));
	for (i = 0; i < ARRAY_SIZE(tx_rows); i++)
		try_tx(i);
	for (i = 0; i < ARRAY_SIZE(en_rows); i++)
		try_en(&en_rows[i], "participant", offsetof(struct scene, en));
	for (i = 0; i < ARRAY_SIZE(sup_rows); i++)
		try_en(&sup_rows[i], "superior", offsetof(struct scene, sup));
	printf("campaign protocol_table: tried=%d violations=%d seed=0\n", tests, failures);
	return failures != 0;
}
