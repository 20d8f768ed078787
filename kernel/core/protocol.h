/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two-phase commit protocol as pure logic.
 *
 * One struct ktm_txc per transaction, one struct ktm_enc per enlistment, both
 * embedded in the caller's objects. The caller serialises all calls for one
 * transaction (in the module: by the transaction's mutex) and does what the
 * returned actions say, in the order in which enum ktm_action lists them,
 * before it lets the next event of that transaction in. Nothing here sleeps,
 * allocates or calls out.
 *
 * The journal is seen through events: the caller appends the decision record
 * when told to (KTM_ACT_LOG_DECISION) and reports DECISION_HANDED or
 * DECISION_REFUSED at once, DECISION_DURABLE or DECISION_FAILED when the force
 * has ended; the same with the record that a superior waits for (LOG_SEAL).
 */
#ifndef KTM_CORE_PROTOCOL_H
#define KTM_CORE_PROTOCOL_H

#include "shim.h"
#include "../../uapi/linux/ktm.h"

/* What can happen to a transaction. */
enum ktm_tx_event {
	KTM_TXEV_COMMIT,	/* a client calls Commit */
	KTM_TXEV_ROLLBACK,	/* a client calls Rollback */
	KTM_TXEV_CLOSE,		/* no client is left who could commit it */
	KTM_TXEV_EXPIRE,	/* its time-out, or a failure before the decision */
	KTM_TXEV_DECISION_HANDED,	/* the decision record has its place in the log */
	KTM_TXEV_DECISION_REFUSED,	/* the log took nothing */
	KTM_TXEV_DECISION_DURABLE,
	KTM_TXEV_DECISION_FAILED,	/* written or not: nobody can tell */
	KTM_TXEV_SEAL_HANDED,	/* the same for the superior's prepared record */
	KTM_TXEV_SEAL_REFUSED,
	KTM_TXEV_SEAL_DURABLE,
	KTM_TXEV_SEAL_FAILED,
	KTM_TXEV_QUIET,		/* the log is about to be read again */
	KTM_TXEV_SETTLE_COMMIT,	/* a reopened log holds the decision */
	KTM_TXEV_SETTLE_SEALED,	/* it holds the superior's prepared record only */
	KTM_TXEV_SETTLE_ABORT,	/* it holds neither, or a decision to abort */
	KTM_NR_TX_EVENTS
};

/* What can happen to an enlistment. */
enum ktm_en_event {
	KTM_ENEV_PREPREPARE_COMPLETE,
	KTM_ENEV_PREPARE_COMPLETE,	/* durable: its record was appended before */
	KTM_ENEV_READ_ONLY,
	KTM_ENEV_ROLLBACK,
	KTM_ENEV_COMMIT_COMPLETE,
	KTM_ENEV_ROLLBACK_COMPLETE,
	KTM_ENEV_SINGLE_PHASE_REJECT,
	KTM_ENEV_REQUEST_OUTCOME,
	KTM_ENEV_SUP_PREPREPARE,	/* a superior drives the phases */
	KTM_ENEV_SUP_PREPARE,
	KTM_ENEV_SUP_COMMIT,
	KTM_ENEV_RM_RECOVER,	/* its RM asks for what is unfinished */
	KTM_ENEV_RECOVER,	/* its RM takes it up again */
	KTM_ENEV_REPORTED,	/* the superior has read COMMIT_COMPLETE or ROLLBACK_COMPLETE */
	KTM_ENEV_RM_CLOSE,	/* nobody has its RM open any more */
	KTM_ENEV_CLOSE,		/* it had descriptors of its own, the last was closed */
	KTM_NR_EN_EVENTS
};

#define KTM_NR_TX_STATES	(KTM_TX_STATE_SUPERIOR_INDOUBT + 1)
#define KTM_NR_EN_STATES	(KTM_EN_STATE_DISCONNECTED + 1)

/**
 * enum ktm_action - what the caller does after an event, in this order
 * @KTM_ACT_TICK: a commit operation begins: advance the TM's clock
 * @KTM_ACT_LOG_SEAL: append the superior's prepared record, report what came of it
 *	(SEAL_HANDED, SEAL_REFUSED), and if it was handed over, start the force
 * @KTM_ACT_LOG_DECISION: the same with the commit decision
 * @KTM_ACT_LOG_ABORT: append the decision to abort, not forced
 * @KTM_ACT_LOG_COMPLETION: append the completion record of this enlistment; it
 *	is the end record if ktm_txc_log_ended()
 * @KTM_ACT_STOP_TIMER: the time-out has lost its meaning
 * @KTM_ACT_NOTIFY_SELF: this enlistment's @due and @withdraw are to be carried out
 * @KTM_ACT_NOTIFY_ALL: the same for every enlistment of the transaction
 * @KTM_ACT_WAKE: those who wait for the transaction shall look again
 * @KTM_ACT_FINISHED: nobody owes anything any more: forget the transaction
 */
enum ktm_action {
	KTM_ACT_TICK		= 0x001,
	KTM_ACT_LOG_SEAL	= 0x002,
	KTM_ACT_LOG_DECISION	= 0x004,
	KTM_ACT_LOG_ABORT	= 0x008,
	KTM_ACT_LOG_COMPLETION	= 0x010,
	KTM_ACT_STOP_TIMER	= 0x020,
	KTM_ACT_NOTIFY_SELF	= 0x040,
	KTM_ACT_NOTIFY_ALL	= 0x080,
	KTM_ACT_WAKE		= 0x100,
	KTM_ACT_FINISHED	= 0x200,
};

/**
 * struct ktm_txc - the protocol's part of a transaction
 * @enlistments: its struct ktm_enc, by @link
 * @superior: the one of them that drives and decides, or NULL
 * @single: the one that is to answer SINGLE_PHASE_COMMIT, or NULL
 * @state: enum ktm_tx_state
 * @requested: a client has called Commit
 * @alone: @single was the only participant when it was chosen
 * @overdue: its time was over while @single was to decide
 * @sealed: the superior's prepared record was handed to the log
 * @unready: participants that owe a PrePrepareComplete
 * @unvoted: participants that take part and have not voted
 * @prepared_durable: durable ones that voted yes; what the decision record states
 * @log_open: enlistments with a prepared record and without a completion record
 * @unfinished: participants that owe a CommitComplete or RollbackComplete
 * @owing: enlistments that owe one and are present, for whom a waiting client waits
 */
struct ktm_txc {
	struct list_head enlistments;
	struct ktm_enc *superior;
	struct ktm_enc *single;
	u8 state;
	bool requested;
	bool alone;
	bool overdue;
	bool sealed;
	u32 unready;
	u32 unvoted;
	u32 prepared_durable;
	u32 log_open;
	u32 unfinished;
	u32 owing;
};

/* ktm_enc.flags */
#define KTM_ENC_DURABLE	0x01	/* of a durable RM */
#define KTM_ENC_LOGGED	0x02	/* its prepared record is in the log */
#define KTM_ENC_PRESENT	0x04	/* its RM is open and knows of it */
#define KTM_ENC_GONE	0x08	/* nobody will ever answer for it */
#define KTM_ENC_SUPERIOR	0x10
#define KTM_ENC_UNREPORTED	0x20	/* a superior that has not read of the end */
#define KTM_ENC_TOLD	0x40	/* what it has to read of the end is due or queued */
#define KTM_ENC_ASKED	0x80	/* a superior whose RM has recovered, before RECOVER */

/**
 * struct ktm_enc - the protocol's part of an enlistment
 * @link: in the transaction's list
 * @tx: its transaction
 * @state: enum ktm_en_state
 * @flags: KTM_ENC_
 * @mask: KTM_NOTIFY_ bits that its RM wants
 * @due: notifications to queue; the caller clears what it has queued
 * @withdraw: notifications to take back, before @due, if nobody has begun to
 *	read them; the caller clears it
 */
struct ktm_enc {
	struct list_head link;
	struct ktm_txc *tx;
	u8 state;
	u8 flags;
	u32 mask;
	u32 due;
	u32 withdraw;
};

/**
 * struct ktm_result - what an event came to
 * @status: enum ktm_status; other than SUCCESS: nothing has changed
 * @actions: enum ktm_action bits
 */
struct ktm_result {
	u32 status;
	u32 actions;
};

/* What a log says of a transaction that it has not forgotten. */
enum ktm_found {
	KTM_FOUND_ABORT,	/* no decision, or one to abort */
	KTM_FOUND_SEALED,	/* no decision: a superior has to make it */
	KTM_FOUND_COMMIT,
	KTM_FOUND_DOUBT,	/* a decision that does not count yet: rolled forward short of it */
};

void ktm_txc_init(struct ktm_txc *tx);
void ktm_txc_init_recovered(struct ktm_txc *tx, enum ktm_found found);
u32 ktm_txc_can_enlist(const struct ktm_txc *tx, bool superior);
u32 ktm_txc_retract(struct ktm_enc *en);
void ktm_txc_forget(struct ktm_enc *en);
u32 ktm_txc_enlist(struct ktm_txc *tx, struct ktm_enc *en, u32 mask, u8 flags);
void ktm_txc_enlist_recovered(struct ktm_txc *tx, struct ktm_enc *en, u32 mask, bool superior);
void ktm_txc_expire(struct ktm_enc *en);
u32 ktm_txc_reopened(struct ktm_txc *tx);
u32 ktm_txc_check(const struct ktm_txc *tx, enum ktm_tx_event ev);
u32 ktm_enc_check(const struct ktm_enc *en, enum ktm_en_event ev);
struct ktm_result ktm_txc_event(struct ktm_txc *tx, enum ktm_tx_event ev);
struct ktm_result ktm_enc_event(struct ktm_enc *en, enum ktm_en_event ev);

/* The outcome that a transaction in this state shows to the world. */
static inline u32 ktm_state_outcome(u8 state)
{
	switch (state) {
	case KTM_TX_STATE_COMMITTING:
	case KTM_TX_STATE_COMMITTED:
		return KTM_OUTCOME_COMMITTED;
	case KTM_TX_STATE_ABORTING:
	case KTM_TX_STATE_ABORTED:
		return KTM_OUTCOME_ABORTED;
	default:
		return KTM_OUTCOME_UNDETERMINED;
	}
}

static inline u32 ktm_txc_outcome(const struct ktm_txc *tx)
{
	return ktm_state_outcome(tx->state);
}

/* Who could tell the outcome is away. */
static inline bool ktm_state_indoubt(u8 state)
{
	return state == KTM_TX_STATE_INDOUBT || state == KTM_TX_STATE_SINGLE_PHASE_INDOUBT ||
	       state == KTM_TX_STATE_SUPERIOR_INDOUBT;
}

/* Need a waiting client wait no longer? */
static inline bool ktm_txc_settled(const struct ktm_txc *tx)
{
	if (ktm_state_indoubt(tx->state))
		return true;
	return ktm_txc_outcome(tx) != KTM_OUTCOME_UNDETERMINED && !tx->owing;
}

/* Has a commit begun whose decision, or some present one's completion, is still to come? */
static inline bool ktm_txc_under_way(const struct ktm_txc *tx)
{
	switch (tx->state) {
	case KTM_TX_STATE_PREPREPARING:
	case KTM_TX_STATE_PREPARING:
	case KTM_TX_STATE_SEALING:
	case KTM_TX_STATE_DECIDING:
	case KTM_TX_STATE_SINGLE_PHASE:
		return true;
	case KTM_TX_STATE_COMMITTING:
		return tx->owing;
	default:
		return false;
	}
}

/* Nobody will ever do anything to it. */
static inline bool ktm_txc_finished(const struct ktm_txc *tx)
{
	return tx->state == KTM_TX_STATE_COMMITTED || tx->state == KTM_TX_STATE_ABORTED ||
	       (tx->state == KTM_TX_STATE_SINGLE_PHASE_INDOUBT && !tx->single);
}

/* Has every enlistment that the log knows a completion record? */
static inline bool ktm_txc_log_ended(const struct ktm_txc *tx)
{
	return !tx->log_open;
}

/* Is this enlistment's part over, whatever becomes of the others? */
static inline bool ktm_enc_finished(const struct ktm_enc *en)
{
	return en->state == KTM_EN_STATE_COMMITTED || en->state == KTM_EN_STATE_ABORTED ||
	       en->state == KTM_EN_STATE_READ_ONLY || en->state == KTM_EN_STATE_DISCONNECTED;
}

#endif /* KTM_CORE_PROTOCOL_H */
