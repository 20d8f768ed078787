/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tables behind protocol.c. Private to it and to what draws them.
 */
#ifndef KTM_CORE_PROTOCOL_TABLE_H
#define KTM_CORE_PROTOCOL_TABLE_H

#include "protocol.h"

/* A cell of a table: refuse with a status, or do. */
struct ktm_cell {
	u8 status;
	u8 op;
};

enum ktm_op {
	OP_NONE,	/* allowed, nothing to do */
	/* transaction */
	OP_START,	/* a client's Commit: phase 0, or the single phase */
	OP_ABORT,
	OP_CLIENT_ABORT,	/* unless a client has called Commit */
	OP_ABANDON,	/* abort, unless a superior can still commit it */
	OP_OVERDUE,	/* its time is over, which counts if the single phase is rejected */
	OP_HANDED,	/* wait for the force; nothing unilateral counts from here */
	OP_NOT_HANDED,	/* the log took nothing, so nothing is decided */
	OP_SEAL_HANDED,
	OP_SEALED,	/* only the superior decides from here */
	OP_COMMIT,
	OP_DOUBT,
	OP_QUIET,	/* what is sealed depends on what the log says */
	OP_FORGOTTEN,	/* the log need not hold what everybody has completed */
	OP_SETTLE_SEALED,
	OP_SETTLE_ABORT,
	/* enlistment */
	OP_READY,	/* phase 0 is over for it */
	OP_VOTE,
	OP_LEAVE,	/* read-only */
	OP_REFUSE,	/* roll the transaction back */
	OP_COMPLETE,
	OP_OUTCOME,	/* ask for the outcome */
	OP_ASK,		/* send RECOVER */
	OP_REJOIN,
	OP_LOSE,	/* its RM closed before it voted */
	OP_DETACH,	/* its RM closed after it voted */
	OP_DROP,	/* its own descriptors are closed, its RM is still there */
	/* in the single phase */
	OP_SINGLE_COMMIT,
	OP_SINGLE_ABORT,
	OP_SINGLE_REJECT,
	OP_SINGLE_LOSE,
	OP_SINGLE_DROP,
	/* a superior */
	OP_SUP_PREPREPARE,
	OP_SUP_PREPARE,
	OP_SUP_COMMIT,
	OP_SUP_ABORT,	/* also when prepared */
	OP_SUP_QUERY,	/* its RM recovers: ask it for the decision */
	OP_SUP_TELL,	/* its RM recovers: tell it of the end */
	OP_SUP_REKEY,	/* it has taken it up again, which it need not say */
	OP_SUP_REPORTED,
	OP_SUP_LOSE,	/* its RM closed when it was prepared */
	OP_SUP_DROP,
	OP_SUP_DETACH,	/* its RM closed after it decided */
	KTM_NR_OPS
};

extern const struct ktm_cell ktm_tx_table[KTM_NR_TX_STATES][KTM_NR_TX_EVENTS];
extern const struct ktm_cell ktm_en_table[KTM_NR_EN_STATES][KTM_NR_EN_EVENTS];
extern const struct ktm_cell ktm_sup_table[KTM_NR_EN_STATES][KTM_NR_EN_EVENTS];

#endif /* KTM_CORE_PROTOCOL_TABLE_H */
