// SPDX-License-Identifier: GPL-2.0
/*
 * The two-phase commit protocol: two tables, one for what can happen to a
 * transaction and one for what can happen to an enlistment. A cell is either
 * an operation below or the status with which the event is refused. A new call
 * or phase is a new column or row, not a new special case.
 *
 * Presumed abort: nothing is logged for a rollback; a prepared record without
 * a decision means abort.
 */
#include "protocol.h"

/* A cell of a table: refuse with a status, or do. */
struct cell {
	u8 status;
	u8 op;
};

#define NO(st)	{ .status = KTM_STATUS_##st }
#define DO(o)	{ .op = OP_##o }

enum op {
	OP_NONE,	/* allowed, nothing to do */
	/* transaction */
	OP_START,	/* ask for votes */
	OP_HANDED,	/* wait for the force; nothing unilateral counts from here */
	OP_NOT_HANDED,	/* the log took no decision, so there is none */
	OP_FORGOTTEN,	/* the log need not hold what everybody has completed */
	OP_COMMIT,
	OP_ABORT,
	OP_DOUBT,
	/* enlistment */
	OP_VOTE,
	OP_LEAVE,	/* read-only */
	OP_REFUSE,	/* roll the transaction back */
	OP_COMPLETE,
	OP_ASK,		/* send RECOVER */
	OP_REJOIN,
	OP_LOSE,	/* its RM closed before it voted */
	OP_DETACH,	/* its RM closed after it voted */
	OP_DROP,	/* its own descriptors are closed, its RM is still there */
};

static const struct cell tx_table[][KTM_NR_TX_EVENTS] = {
	[KTM_TX_STATE_ACTIVE] = {
		[KTM_TXEV_COMMIT]		= DO(START),
		[KTM_TXEV_ROLLBACK]		= DO(ABORT),
		[KTM_TXEV_CLOSE]		= DO(ABORT),
		[KTM_TXEV_EXPIRE]		= DO(ABORT),
		[KTM_TXEV_DECISION_HANDED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_REFUSED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_DURABLE]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_FAILED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_SETTLE_COMMIT]	= NO(LOG_CORRUPTION_DETECTED),
		[KTM_TXEV_SETTLE_ABORT]		= DO(ABORT),
	},
	[KTM_TX_STATE_PREPARING] = {
		[KTM_TXEV_COMMIT]		= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_ROLLBACK]		= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_CLOSE]		= DO(NONE),
		[KTM_TXEV_EXPIRE]		= DO(ABORT),
		[KTM_TXEV_DECISION_HANDED]	= DO(HANDED),
		[KTM_TXEV_DECISION_REFUSED]	= DO(NOT_HANDED),
		[KTM_TXEV_DECISION_DURABLE]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_FAILED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_SETTLE_COMMIT]	= NO(LOG_CORRUPTION_DETECTED),
		[KTM_TXEV_SETTLE_ABORT]		= DO(ABORT),
	},
	[KTM_TX_STATE_DECIDING] = {
		[KTM_TXEV_COMMIT]		= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_ROLLBACK]		= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_CLOSE]		= DO(NONE),
		[KTM_TXEV_EXPIRE]		= DO(NONE),
		[KTM_TXEV_DECISION_HANDED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_REFUSED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_DURABLE]	= DO(COMMIT),
		[KTM_TXEV_DECISION_FAILED]	= DO(DOUBT),
		[KTM_TXEV_SETTLE_COMMIT]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_SETTLE_ABORT]		= NO(REQUEST_NOT_VALID),
	},
	[KTM_TX_STATE_COMMITTING] = {
		[KTM_TXEV_COMMIT]		= NO(ALREADY_COMMITTED),
		[KTM_TXEV_ROLLBACK]		= NO(ALREADY_COMMITTED),
		[KTM_TXEV_CLOSE]		= DO(NONE),
		[KTM_TXEV_EXPIRE]		= DO(NONE),
		[KTM_TXEV_DECISION_HANDED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_REFUSED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_DURABLE]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_FAILED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_SETTLE_COMMIT]	= DO(NONE),
		[KTM_TXEV_SETTLE_ABORT]		= DO(FORGOTTEN),
	},
	[KTM_TX_STATE_COMMITTED] = {
		[KTM_TXEV_COMMIT]		= NO(ALREADY_COMMITTED),
		[KTM_TXEV_ROLLBACK]		= NO(ALREADY_COMMITTED),
		[KTM_TXEV_CLOSE]		= DO(NONE),
		[KTM_TXEV_EXPIRE]		= DO(NONE),
		[KTM_TXEV_DECISION_HANDED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_REFUSED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_DURABLE]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_FAILED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_SETTLE_COMMIT]	= DO(NONE),
		[KTM_TXEV_SETTLE_ABORT]		= DO(FORGOTTEN),
	},
	[KTM_TX_STATE_ABORTING] = {
		[KTM_TXEV_COMMIT]		= NO(ALREADY_ABORTED),
		[KTM_TXEV_ROLLBACK]		= NO(ALREADY_ABORTED),
		[KTM_TXEV_CLOSE]		= DO(NONE),
		[KTM_TXEV_EXPIRE]		= DO(NONE),
		[KTM_TXEV_DECISION_HANDED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_REFUSED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_DURABLE]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_FAILED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_SETTLE_COMMIT]	= NO(LOG_CORRUPTION_DETECTED),
		[KTM_TXEV_SETTLE_ABORT]		= DO(NONE),
	},
	[KTM_TX_STATE_ABORTED] = {
		[KTM_TXEV_COMMIT]		= NO(ALREADY_ABORTED),
		[KTM_TXEV_ROLLBACK]		= NO(ALREADY_ABORTED),
		[KTM_TXEV_CLOSE]		= DO(NONE),
		[KTM_TXEV_EXPIRE]		= DO(NONE),
		[KTM_TXEV_DECISION_HANDED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_REFUSED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_DURABLE]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_FAILED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_SETTLE_COMMIT]	= NO(LOG_CORRUPTION_DETECTED),
		[KTM_TXEV_SETTLE_ABORT]		= DO(NONE),
	},
	[KTM_TX_STATE_INDOUBT] = {
		[KTM_TXEV_COMMIT]		= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_ROLLBACK]		= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_CLOSE]		= DO(NONE),
		[KTM_TXEV_EXPIRE]		= DO(NONE),
		[KTM_TXEV_DECISION_HANDED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_REFUSED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_DURABLE]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_DECISION_FAILED]	= NO(REQUEST_NOT_VALID),
		[KTM_TXEV_SETTLE_COMMIT]	= DO(COMMIT),
		[KTM_TXEV_SETTLE_ABORT]		= DO(ABORT),
	},
};

static const struct cell en_table[][KTM_NR_EN_EVENTS] = {
	[KTM_EN_STATE_ACTIVE] = {
		[KTM_ENEV_PREPARE_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_READ_ONLY]		= DO(LEAVE),
		[KTM_ENEV_ROLLBACK]		= DO(REFUSE),
		[KTM_ENEV_COMMIT_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_ROLLBACK_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_RM_RECOVER]		= DO(NONE),
		[KTM_ENEV_RECOVER]		= NO(NOT_REQUESTED),
		[KTM_ENEV_RM_CLOSE]		= DO(LOSE),
		[KTM_ENEV_CLOSE]		= DO(REFUSE),
	},
	[KTM_EN_STATE_PREPARING] = {
		[KTM_ENEV_PREPARE_COMPLETE]	= DO(VOTE),
		[KTM_ENEV_READ_ONLY]		= DO(LEAVE),
		[KTM_ENEV_ROLLBACK]		= DO(REFUSE),
		[KTM_ENEV_COMMIT_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_ROLLBACK_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_RM_RECOVER]		= DO(NONE),
		[KTM_ENEV_RECOVER]		= NO(NOT_REQUESTED),
		[KTM_ENEV_RM_CLOSE]		= DO(LOSE),
		[KTM_ENEV_CLOSE]		= DO(REFUSE),
	},
	[KTM_EN_STATE_PREPARED] = {
		[KTM_ENEV_PREPARE_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_READ_ONLY]		= NO(REQUEST_NOT_VALID),
		[KTM_ENEV_ROLLBACK]		= NO(REQUEST_NOT_VALID),
		[KTM_ENEV_COMMIT_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_ROLLBACK_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_RM_RECOVER]		= DO(ASK),
		[KTM_ENEV_RECOVER]		= DO(REJOIN),
		[KTM_ENEV_RM_CLOSE]		= DO(DETACH),
		[KTM_ENEV_CLOSE]		= DO(DROP),
	},
	[KTM_EN_STATE_COMMITTING] = {
		[KTM_ENEV_PREPARE_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_READ_ONLY]		= NO(ALREADY_COMMITTED),
		[KTM_ENEV_ROLLBACK]		= NO(ALREADY_COMMITTED),
		[KTM_ENEV_COMMIT_COMPLETE]	= DO(COMPLETE),
		[KTM_ENEV_ROLLBACK_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_RM_RECOVER]		= DO(ASK),
		[KTM_ENEV_RECOVER]		= DO(REJOIN),
		[KTM_ENEV_RM_CLOSE]		= DO(DETACH),
		[KTM_ENEV_CLOSE]		= DO(DROP),
	},
	[KTM_EN_STATE_COMMITTED] = {
		[KTM_ENEV_PREPARE_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_READ_ONLY]		= NO(ALREADY_COMMITTED),
		[KTM_ENEV_ROLLBACK]		= NO(ALREADY_COMMITTED),
		[KTM_ENEV_COMMIT_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_ROLLBACK_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_RM_RECOVER]		= DO(NONE),
		[KTM_ENEV_RECOVER]		= NO(ENLISTMENT_NOT_FOUND),
		[KTM_ENEV_RM_CLOSE]		= DO(NONE),
		[KTM_ENEV_CLOSE]		= DO(NONE),
	},
	[KTM_EN_STATE_ABORTING] = {
		[KTM_ENEV_PREPARE_COMPLETE]	= NO(ALREADY_ABORTED),
		[KTM_ENEV_READ_ONLY]		= NO(ALREADY_ABORTED),
		[KTM_ENEV_ROLLBACK]		= NO(ALREADY_ABORTED),
		[KTM_ENEV_COMMIT_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_ROLLBACK_COMPLETE]	= DO(COMPLETE),
		[KTM_ENEV_RM_RECOVER]		= DO(ASK),
		[KTM_ENEV_RECOVER]		= DO(REJOIN),
		[KTM_ENEV_RM_CLOSE]		= DO(DETACH),
		[KTM_ENEV_CLOSE]		= DO(DROP),
	},
	[KTM_EN_STATE_ABORTED] = {
		[KTM_ENEV_PREPARE_COMPLETE]	= NO(ALREADY_ABORTED),
		[KTM_ENEV_READ_ONLY]		= NO(ALREADY_ABORTED),
		[KTM_ENEV_ROLLBACK]		= NO(ALREADY_ABORTED),
		[KTM_ENEV_COMMIT_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_ROLLBACK_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_RM_RECOVER]		= DO(NONE),
		[KTM_ENEV_RECOVER]		= NO(ENLISTMENT_NOT_FOUND),
		[KTM_ENEV_RM_CLOSE]		= DO(NONE),
		[KTM_ENEV_CLOSE]		= DO(NONE),
	},
	[KTM_EN_STATE_READ_ONLY] = {
		[KTM_ENEV_PREPARE_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_READ_ONLY]		= NO(REQUEST_NOT_VALID),
		[KTM_ENEV_ROLLBACK]		= NO(REQUEST_NOT_VALID),
		[KTM_ENEV_COMMIT_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_ROLLBACK_COMPLETE]	= NO(NOT_REQUESTED),
		[KTM_ENEV_RM_RECOVER]		= DO(NONE),
		[KTM_ENEV_RECOVER]		= NO(ENLISTMENT_NOT_FOUND),
		[KTM_ENEV_RM_CLOSE]		= DO(NONE),
		[KTM_ENEV_CLOSE]		= DO(NONE),
	},
};

static bool durable(const struct ktm_enc *en)
{
	return en->flags & KTM_ENC_DURABLE;
}

static bool present(const struct ktm_enc *en)
{
	return en->flags & KTM_ENC_PRESENT;
}

/* Has ktm_txc.owing counted this one? */
static bool owes(const struct ktm_enc *en)
{
	return present(en) && (en->state == KTM_EN_STATE_COMMITTING ||
			       en->state == KTM_EN_STATE_ABORTING);
}

static u32 close_if_finished(struct ktm_txc *tx)
{
	if (tx->unfinished)
		return 0;
	if (tx->state == KTM_TX_STATE_COMMITTING)
		tx->state = KTM_TX_STATE_COMMITTED;
	else if (tx->state == KTM_TX_STATE_ABORTING)
		tx->state = KTM_TX_STATE_ABORTED;
	else
		return 0;
	return KTM_ACT_FINISHED;
}

/* The enlistment now has to be brought to the outcome. */
static void owe(struct ktm_enc *en, u8 state, u32 kind)
{
	en->state = state;
	en->tx->unfinished++;
	if (present(en)) {
		en->tx->owing++;
		en->due |= kind;
	}
}

static u32 commit_all(struct ktm_txc *tx)
{
	struct ktm_enc *en;

	tx->state = KTM_TX_STATE_COMMITTING;
	list_for_each_entry(en, &tx->enlistments, link) {
		if (en->state != KTM_EN_STATE_PREPARED)
			continue;
		if (en->flags & KTM_ENC_GONE)
			en->state = KTM_EN_STATE_COMMITTED;
		else
			owe(en, KTM_EN_STATE_COMMITTING, KTM_NOTIFY_COMMIT);
	}
	return KTM_ACT_STOP_TIMER | KTM_ACT_NOTIFY_ALL | KTM_ACT_WAKE | close_if_finished(tx);
}

static u32 abort_all(struct ktm_txc *tx)
{
	struct ktm_enc *en;

	tx->state = KTM_TX_STATE_ABORTING;
	tx->unvoted = 0;
	list_for_each_entry(en, &tx->enlistments, link) {
		if (ktm_enc_finished(en))
			continue;
		en->withdraw |= KTM_NOTIFY_PREPARE;
		if (en->flags & KTM_ENC_GONE)
			en->state = KTM_EN_STATE_ABORTED;
		else
			owe(en, KTM_EN_STATE_ABORTING, KTM_NOTIFY_ROLLBACK);
	}
	return KTM_ACT_STOP_TIMER | KTM_ACT_NOTIFY_ALL | KTM_ACT_WAKE | close_if_finished(tx);
}

/* The last vote is in: decide, through the log if a durable RM depends on it. */
static u32 decide_if_voted(struct ktm_txc *tx)
{
	if (tx->state != KTM_TX_STATE_PREPARING || tx->unvoted)
		return 0;
	if (tx->prepared_durable)
		return KTM_ACT_LOG_DECISION;
	return commit_all(tx);
}

static u32 start(struct ktm_txc *tx)
{
	struct ktm_enc *en;

	tx->state = KTM_TX_STATE_PREPARING;
	list_for_each_entry(en, &tx->enlistments, link) {
		if (en->state != KTM_EN_STATE_ACTIVE)
			continue;
		en->state = KTM_EN_STATE_PREPARING;
		en->due |= KTM_NOTIFY_PREPARE;
	}
	return KTM_ACT_NOTIFY_ALL | decide_if_voted(tx);
}

static u32 do_tx(struct ktm_txc *tx, u8 op)
{
	switch (op) {
	case OP_START:
		return start(tx);
	case OP_HANDED:
		tx->state = KTM_TX_STATE_DECIDING;
		return KTM_ACT_STOP_TIMER;
	case OP_COMMIT:
		return commit_all(tx);
	case OP_ABORT:
	case OP_NOT_HANDED:
		return abort_all(tx);
	case OP_DOUBT:
		tx->state = KTM_TX_STATE_INDOUBT;
		return KTM_ACT_WAKE;
	default:
		return 0;
	}
}

static u32 vote(struct ktm_enc *en)
{
	struct ktm_txc *tx = en->tx;

	en->state = KTM_EN_STATE_PREPARED;
	en->withdraw |= KTM_NOTIFY_PREPARE;
	tx->unvoted--;
	if (durable(en)) {
		en->flags |= KTM_ENC_LOGGED;
		tx->prepared_durable++;
		tx->log_open++;
	}
	return KTM_ACT_NOTIFY_SELF | decide_if_voted(tx);
}

static u32 leave(struct ktm_enc *en)
{
	en->state = KTM_EN_STATE_READ_ONLY;
	en->withdraw |= KTM_NOTIFY_PREPARE;
	en->tx->unvoted--;
	return KTM_ACT_NOTIFY_SELF | decide_if_voted(en->tx);
}

static u32 complete(struct ktm_enc *en)
{
	struct ktm_txc *tx = en->tx;
	u32 actions = KTM_ACT_NOTIFY_SELF | KTM_ACT_WAKE;

	if (owes(en))
		tx->owing--;
	tx->unfinished--;
	en->withdraw |= KTM_NOTIFY_COMMIT | KTM_NOTIFY_ROLLBACK;
	en->state = en->state == KTM_EN_STATE_COMMITTING ? KTM_EN_STATE_COMMITTED :
							   KTM_EN_STATE_ABORTED;
	if (en->flags & KTM_ENC_LOGGED) {
		tx->log_open--;
		actions |= KTM_ACT_LOG_COMPLETION;
	}
	return actions | close_if_finished(tx);
}

/* Its RM must take it up again before it hears more of it. */
static u32 suspend(struct ktm_enc *en)
{
	u32 actions = 0;

	if (owes(en)) {
		en->tx->owing--;
		actions |= KTM_ACT_WAKE;
	}
	en->flags &= ~KTM_ENC_PRESENT;
	en->withdraw |= KTM_NOTIFY_COMMIT | KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_INDOUBT |
			KTM_NOTIFY_RECOVER;
	return actions | KTM_ACT_NOTIFY_SELF;
}

static u32 ask(struct ktm_enc *en)
{
	u32 actions;

	/* What the log does not know is not recovered, it just goes on. */
	if (!(en->flags & KTM_ENC_LOGGED))
		return 0;
	actions = suspend(en);
	en->due |= KTM_NOTIFY_RECOVER & en->mask;
	return actions;
}

static u32 rejoin(struct ktm_enc *en)
{
	u32 actions = KTM_ACT_NOTIFY_SELF;

	en->flags |= KTM_ENC_PRESENT;
	en->withdraw |= KTM_NOTIFY_RECOVER;
	switch (en->state) {
	case KTM_EN_STATE_COMMITTING:
		en->tx->owing++;
		en->due |= KTM_NOTIFY_COMMIT;
		break;
	case KTM_EN_STATE_ABORTING:
		en->tx->owing++;
		en->due |= KTM_NOTIFY_ROLLBACK;
		break;
	default:
		en->due |= KTM_NOTIFY_INDOUBT & en->mask;
		break;
	}
	/* Who waits has one more to wait for. */
	if (owes(en))
		actions |= KTM_ACT_WAKE;
	return actions;
}

/* Nobody will answer for it any more, and it has not voted. */
static u32 lose(struct ktm_enc *en)
{
	en->flags = (en->flags & ~KTM_ENC_PRESENT) | KTM_ENC_GONE;
	return abort_all(en->tx);
}

static u32 detach(struct ktm_enc *en)
{
	u32 actions = suspend(en);

	if (en->flags & KTM_ENC_LOGGED)
		return actions;
	/* Nothing of it is in the log: it has answered whatever it owed. */
	en->flags |= KTM_ENC_GONE;
	if (en->state == KTM_EN_STATE_PREPARED)
		return actions;
	return actions | complete(en);
}

static u32 do_en(struct ktm_enc *en, u8 op)
{
	switch (op) {
	case OP_VOTE:
		return vote(en);
	case OP_LEAVE:
		return leave(en);
	case OP_REFUSE:
		return abort_all(en->tx);
	case OP_COMPLETE:
		return complete(en);
	case OP_ASK:
		return ask(en);
	case OP_REJOIN:
		return rejoin(en);
	case OP_LOSE:
		return lose(en);
	case OP_DETACH:
		return detach(en);
	case OP_DROP:
		/* A durable one can still be answered for through its RM. */
		return durable(en) ? 0 : detach(en);
	default:
		return 0;
	}
}

/**
 * ktm_txc_init - a new transaction
 * @tx: its memory
 */
void ktm_txc_init(struct ktm_txc *tx)
{
	memset(tx, 0, sizeof(*tx));
	INIT_LIST_HEAD(&tx->enlistments);
	tx->state = KTM_TX_STATE_ACTIVE;
}

/**
 * ktm_txc_init_recovered - a transaction that the log knows and has not ended
 * @tx: its memory
 * @committed: its decision was found; else it is rolled back (presumed abort)
 */
void ktm_txc_init_recovered(struct ktm_txc *tx, bool committed)
{
	ktm_txc_init(tx);
	tx->state = committed ? KTM_TX_STATE_COMMITTING : KTM_TX_STATE_ABORTING;
}

/**
 * ktm_txc_enlist - an RM takes part
 * @tx: the transaction
 * @en: memory of the enlistment
 * @mask: KTM_NOTIFY_ bits it wants; checked by the caller
 * @durable: it is logged and recovered
 *
 * Return: KTM_STATUS_SUCCESS, or TRANSACTION_NOT_ACTIVE and nothing has changed.
 */
u32 ktm_txc_enlist(struct ktm_txc *tx, struct ktm_enc *en, u32 mask, bool durable)
{
	if (tx->state != KTM_TX_STATE_ACTIVE)
		return KTM_STATUS_TRANSACTION_NOT_ACTIVE;
	memset(en, 0, sizeof(*en));
	en->tx = tx;
	en->state = KTM_EN_STATE_ACTIVE;
	en->flags = KTM_ENC_PRESENT | (durable ? KTM_ENC_DURABLE : 0);
	en->mask = mask;
	list_add_tail(&en->link, &tx->enlistments);
	tx->unvoted++;
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_txc_enlist_recovered - an enlistment whose prepared record was found
 * @tx: a transaction whose outcome is known, or INDOUBT and about to be settled
 * @en: memory of the enlistment
 * @mask: its logged mask
 *
 * It waits for its RM to come and recover it. A transaction that had finished
 * in memory only has something to do again.
 */
void ktm_txc_enlist_recovered(struct ktm_txc *tx, struct ktm_enc *en, u32 mask)
{
	memset(en, 0, sizeof(*en));
	en->tx = tx;
	en->flags = KTM_ENC_DURABLE | KTM_ENC_LOGGED;
	en->mask = mask;
	list_add_tail(&en->link, &tx->enlistments);
	tx->log_open++;
	if (tx->state == KTM_TX_STATE_INDOUBT) {
		en->state = KTM_EN_STATE_PREPARED;
		tx->prepared_durable++;
		return;
	}
	if (ktm_txc_outcome(tx) == KTM_OUTCOME_COMMITTED) {
		tx->state = KTM_TX_STATE_COMMITTING;
		en->state = KTM_EN_STATE_COMMITTING;
	} else {
		tx->state = KTM_TX_STATE_ABORTING;
		en->state = KTM_EN_STATE_ABORTING;
	}
	tx->unfinished++;
}

/**
 * ktm_txc_expire - a failed log is about to be read again: forget what it held
 * @en: a durable enlistment; the caller takes it off the transaction's list
 *
 * What of it is in the log comes back by ktm_txc_enlist_recovered().
 */
void ktm_txc_expire(struct ktm_enc *en)
{
	struct ktm_txc *tx = en->tx;

	switch (en->state) {
	case KTM_EN_STATE_ACTIVE:
	case KTM_EN_STATE_PREPARING:
		/* Rolled back next; a descriptor that outlives it must not do so again. */
		en->state = KTM_EN_STATE_ABORTED;
		tx->unvoted--;
		break;
	case KTM_EN_STATE_PREPARED:
		tx->prepared_durable--;
		break;
	case KTM_EN_STATE_COMMITTING:
	case KTM_EN_STATE_ABORTING:
		if (owes(en))
			tx->owing--;
		tx->unfinished--;
		break;
	default:
		return;
	}
	if (en->flags & KTM_ENC_LOGGED)
		tx->log_open--;
	en->flags = (en->flags & ~KTM_ENC_PRESENT) | KTM_ENC_GONE;
}

/**
 * ktm_txc_reopened - all that the log holds of a transaction is in place again
 * @tx: a transaction whose outcome is known
 *
 * Return: actions; it may be over now.
 */
u32 ktm_txc_reopened(struct ktm_txc *tx)
{
	return KTM_ACT_WAKE | close_if_finished(tx);
}

/**
 * ktm_txc_check - would the event be accepted?
 * @tx: the transaction
 * @ev: the event
 *
 * Return: KTM_STATUS_SUCCESS or the status with which it would be refused.
 */
u32 ktm_txc_check(const struct ktm_txc *tx, enum ktm_tx_event ev)
{
	const struct cell *cell = &tx_table[tx->state][ev];

	/* Nobody was told to log a decision before the last vote. */
	if ((cell->op == OP_HANDED || cell->op == OP_NOT_HANDED) && tx->unvoted)
		return KTM_STATUS_REQUEST_NOT_VALID;
	if (cell->op == OP_FORGOTTEN && tx->log_open)
		return KTM_STATUS_LOG_CORRUPTION_DETECTED;
	return cell->status;
}

/**
 * ktm_enc_check - would the event be accepted?
 * @en: the enlistment
 * @ev: the event
 *
 * Return: KTM_STATUS_SUCCESS or the status with which it would be refused.
 */
u32 ktm_enc_check(const struct ktm_enc *en, enum ktm_en_event ev)
{
	const struct cell *cell = &en_table[en->state][ev];

	/* Who has not taken it up again was not asked, and who has need not. */
	if (cell->op == OP_COMPLETE && !present(en))
		return KTM_STATUS_NOT_REQUESTED;
	if (cell->op == OP_REJOIN && present(en))
		return KTM_STATUS_NOT_REQUESTED;
	/* The log knows nothing of it, so there is nothing to take up. */
	if (cell->op == OP_REJOIN && en->flags & KTM_ENC_GONE)
		return KTM_STATUS_ENLISTMENT_NOT_FOUND;
	return cell->status;
}

/**
 * ktm_txc_event - something happened to a transaction
 * @tx: the transaction
 * @ev: what
 *
 * Return: the status, and what the caller must do now.
 */
struct ktm_result ktm_txc_event(struct ktm_txc *tx, enum ktm_tx_event ev)
{
	struct ktm_result r = { .status = ktm_txc_check(tx, ev) };

	if (r.status == KTM_STATUS_SUCCESS)
		r.actions = do_tx(tx, tx_table[tx->state][ev].op);
	return r;
}

/**
 * ktm_enc_event - something happened to an enlistment
 * @en: the enlistment
 * @ev: what
 *
 * Return: the status, and what the caller must do now.
 */
struct ktm_result ktm_enc_event(struct ktm_enc *en, enum ktm_en_event ev)
{
	struct ktm_result r = { .status = ktm_enc_check(en, ev) };

	if (r.status == KTM_STATUS_SUCCESS)
		r.actions = do_en(en, en_table[en->state][ev].op);
	return r;
}
