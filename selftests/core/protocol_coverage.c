// SPDX-License-Identifier: GPL-2.0
/*
 * Which cells of the three tables the exploration has tried. One that no longer
 * gets somewhere would find nothing; and what cannot be reached is said why.
 */
#include <stdio.h>

#include "protocol_names.h"
#include "protocol_search.h"

static const struct {
	u8 state;
	const char *why;
} no_superior[] = {
	{ KTM_EN_STATE_SINGLE_PHASE, "where there is a superior, nobody decides alone" },
	{ KTM_EN_STATE_DISCONNECTED, "where there is a superior, nobody decides alone" },
};

static const char *superior_never(size_t state)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(no_superior); i++)
		if (no_superior[i].state == state)
			return no_superior[i].why;
	return NULL;
}

static u32 cell(u64 tried, const char *why, const char *table, const char *state,
		const char *event)
{
	if (!tried == !!why)
		return 0;
	printf("# %s, %s: %s: %s%s\n", table, state, event, tried ? "tried, although " : "untried",
	       tried ? why : "");
	return 1;
}

/**
 * coverage_gaps - hold what was tried against what there is
 *
 * Return: how many cells were not tried that should, or were that cannot.
 */
u32 coverage_gaps(void)
{
	u32 n = 0;
	size_t i, j;

	for (i = 0; i < KTM_NR_TX_STATES; i++)
		for (j = 0; j < KTM_NR_TX_EVENTS; j++)
			n += cell(tx_tried[i][j], NULL, "transaction", tx_state_names[i],
				  tx_event_names[j]);
	for (i = 0; i < KTM_NR_EN_STATES; i++) {
		for (j = 0; j < KTM_NR_EN_EVENTS; j++) {
			n += cell(en_tried[i][j], NULL, "participant", en_state_names[i],
				  en_event_names[j]);
			n += cell(sup_tried[i][j], superior_never(i), "superior",
				  en_state_names[i], en_event_names[j]);
		}
	}
	return n;
}
