// SPDX-License-Identifier: GPL-2.0
#include "protocol_moves.h"
#include "protocol_world.h"

struct cell_moves cell_moves[NR_MOVERS][KTM_NR_TX_STATES][MAX_EVENTS];
u32 tx_moves[NR_MOVERS][KTM_NR_TX_STATES][MAX_EVENTS];
u32 follow_moves[NR_MOVERS][KTM_NR_EN_STATES][KTM_NR_EN_STATES];

/**
 * note_move - remember what an event came to
 * @s: the world after the event, before anything that its actions lead to
 * @before: what the protocol owned before
 * @by: whose event
 * @self: the enlistment whose event it was, or -1
 * @ev: the event
 * @status: its status
 */
void note_move(const struct sim *s, const struct memory *before, enum mover by, int self, int ev,
	       u32 status)
{
	u8 was = by == BY_TX ? before->tx.state : before->en[self].state;
	struct cell_moves *cell = &cell_moves[by][was][ev];
	int i;

	if (status != KTM_STATUS_SUCCESS) {
		cell->refused |= 1ull << status;
		return;
	}
	cell->own |= 1u << (by == BY_TX ? s->tx.state : s->en[self].state);
	tx_moves[by][before->tx.state][ev] |= 1u << s->tx.state;
	for (i = 0; i < MAX_EN; i++)
		if (i != self && in_memory(s, i) && before->en[i].state != s->en[i].state)
			follow_moves[i == SUP ? BY_SUPERIOR : BY_PARTICIPANT]
				    [before->en[i].state][s->en[i].state] |= 1u << s->tx.state;
}
