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
 * has ended.
 */
#ifndef KTM_CORE_PROTOCOL_H
#define KTM_CORE_PROTOCOL_H

#include "shim.h"
#include "../../uapi/linux/ktm.h"

/* What can happen to a transaction. */
enum ktm_tx_event {
	KTM_TXEV_COMMIT,	/* a client calls Commit */
	KTM_TXEV_ROLLBACK,	/* a client calls Rollback */
	KTM_TXEV_CLOSE,		/* nobody is left who could commit it */
	KTM_TXEV_EXPIRE,	/* its time-out, or a failure before the decision */
	KTM_TXEV_DECISION_HANDED,	/* the decision record has its place in the log */
	KTM_TXEV_DECISION_REFUSED,	/* the log took nothing */
	KTM_TXEV_DECISION_DURABLE,
	KTM_TXEV_DECISION_FAILED,	/* written or not: nobody can tell */
	KTM_TXEV_SETTLE_COMMIT,	/* a reopened log holds the decision */
	KTM_TXEV_SETTLE_ABORT,	/* a reopened log does not hold it */
	KTM_NR_TX_EVENTS
};

/* What can happen to an enlistment. */
enum ktm_en_event {
	KTM_ENEV_PREPARE_COMPLETE,	/* durable: its record was appended before */
	KTM_ENEV_READ_ONLY,
	KTM_ENEV_ROLLBACK,
	KTM_ENEV_COMMIT_COMPLETE,
	KTM_ENEV_ROLLBACK_COMPLETE,
	KTM_ENEV_RM_RECOVER,	/* its RM asks for what is unfinished */
	KTM_ENEV_RECOVER,	/* its RM takes it up again */
	KTM_ENEV_RM_CLOSE,	/* nobody has its RM open any more */
	KTM_ENEV_CLOSE,		/* it had descriptors of its own, the last was closed */
	KTM_NR_EN_EVENTS
};

/**
 * enum ktm_action - what the caller does after an event, in this order
 * @KTM_ACT_LOG_DECISION: append the commit decision, report what came of it, and
 *	if it was handed over, start the force
 * @KTM_ACT_LOG_COMPLETION: append the completion record of this enlistment; it
 *	is the end record if ktm_txc_log_ended()
 * @KTM_ACT_STOP_TIMER: the time-out has lost its meaning
 * @KTM_ACT_NOTIFY_SELF: this enlistment's @due and @withdraw are to be carried out
 * @KTM_ACT_NOTIFY_ALL: the same for every enlistment of the transaction
 * @KTM_ACT_WAKE: those who wait for the transaction shall look again
 * @KTM_ACT_FINISHED: nobody owes anything any more: forget the transaction
 */
enum ktm_action {
	KTM_ACT_LOG_DECISION	= 0x01,
	KTM_ACT_LOG_COMPLETION	= 0x02,
	KTM_ACT_STOP_TIMER	= 0x04,
	KTM_ACT_NOTIFY_SELF	= 0x08,
	KTM_ACT_NOTIFY_ALL	= 0x10,
	KTM_ACT_WAKE		= 0x20,
	KTM_ACT_FINISHED	= 0x40,
};

/**
 * struct ktm_txc - the protocol's part of a transaction
 * @enlistments: its struct ktm_enc, by @link
 * @state: enum ktm_tx_state
 * @unvoted: enlistments that take part and have not voted
 * @prepared_durable: durable ones that voted yes; what the decision record states
 * @log_open: enlistments with a prepared record and without a completion record
 * @unfinished: enlistments that owe a CommitComplete or RollbackComplete
 * @owing: those of them that are present, for whom a waiting client waits
 */
struct ktm_txc {
	struct list_head enlistments;
	u8 state;
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

void ktm_txc_init(struct ktm_txc *tx);
void ktm_txc_init_recovered(struct ktm_txc *tx, bool committed);
u32 ktm_txc_enlist(struct ktm_txc *tx, struct ktm_enc *en, u32 mask, bool durable);
void ktm_txc_enlist_recovered(struct ktm_txc *tx, struct ktm_enc *en, u32 mask);
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

/* Need a waiting client wait no longer? */
static inline bool ktm_txc_settled(const struct ktm_txc *tx)
{
	if (tx->state == KTM_TX_STATE_INDOUBT)
		return true;
	return ktm_txc_outcome(tx) != KTM_OUTCOME_UNDETERMINED && !tx->owing;
}

static inline bool ktm_txc_finished(const struct ktm_txc *tx)
{
	return tx->state == KTM_TX_STATE_COMMITTED || tx->state == KTM_TX_STATE_ABORTED;
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
	       en->state == KTM_EN_STATE_READ_ONLY;
}

#endif /* KTM_CORE_PROTOCOL_H */
