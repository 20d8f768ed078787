/* SPDX-License-Identifier: GPL-2.0 */
/* What the cells of the three tables came to while worlds were walked through. */
#ifndef PROTOCOL_MOVES_H
#define PROTOCOL_MOVES_H

#include "../../kernel/core/protocol_table.h"

/* Whose event it was. */
enum mover {
	BY_TX,		/* clients, the clock, the log: enum ktm_tx_event */
	BY_PARTICIPANT,	/* enum ktm_en_event */
	BY_SUPERIOR,
	NR_MOVERS
};
#define MAX_EVENTS	max((int)KTM_NR_TX_EVENTS, (int)KTM_NR_EN_EVENTS)

/**
 * struct cell_moves - what an event came to in one state of whom it happened to
 * @refused: statuses, one bit each
 * @own: the states then, one bit each
 */
struct cell_moves {
	u64 refused;
	u32 own;
};

/* By whose event, and the state of the transaction or of that enlistment. */
extern struct cell_moves cell_moves[NR_MOVERS][KTM_NR_TX_STATES][MAX_EVENTS];
/* The transaction's states after an event of anybody's, one bit each, by the one before. */
extern u32 tx_moves[NR_MOVERS][KTM_NR_TX_STATES][MAX_EVENTS];
/*
 * Moves of a participant or superior that were not its own: from one state to
 * another, the transaction's states then.
 */
extern u32 follow_moves[NR_MOVERS][KTM_NR_EN_STATES][KTM_NR_EN_STATES];

struct sim;
struct memory;

void note_move(const struct sim *s, const struct memory *before, enum mover by, int self, int ev,
	       u32 status);

#endif /* PROTOCOL_MOVES_H */
