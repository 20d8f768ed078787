/* SPDX-License-Identifier: GPL-2.0 */
/* Every world that can be reached, and what was wrong on the way. */
#ifndef PROTOCOL_SEARCH_H
#define PROTOCOL_SEARCH_H

#include "protocol_world.h"

struct node {
	struct world w;
	u32 parent;
	u16 edge;
	bool live;
};

struct link {
	u32 from, to;
};

/**
 * struct search - the worlds of one configuration
 * @cfg: the configuration
 * @only_first: stop at the first violation
 * @nodes: the worlds in the order in which they were found
 * @count: how many
 * @room: for how many there is room
 * @index: hash table of positions in @nodes
 * @index_size: its size, a power of two
 * @links: steps that somebody's duty takes
 * @nlinks: how many
 * @links_room: for how many there is room
 * @steps: all steps
 * @violations: how often something was wrong
 */
struct search {
	const struct config *cfg;
	bool only_first;
	struct node *nodes;
	u32 count, room;
	u32 *index;
	u32 index_size;
	struct link *links;
	u64 nlinks, links_room;
	u64 steps;
	u64 violations;
};

void search_run(struct search *se);
void search_free(struct search *se);

/* protocol_coverage.c */
u32 coverage_gaps(void);

#endif /* PROTOCOL_SEARCH_H */
