/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How transactions can end: worlds of protocol_world.h, each with what an
 * onlooker has seen up to there. selftests/core/promela/README.md says what is
 * allowed to happen and what a line of outcome says.
 */
#ifndef PROTOCOL_OUTCOMES_H
#define PROTOCOL_OUTCOMES_H

#include "protocol_world.h"

enum client {
	CLIENT_IDLE,
	CLIENT_IN_COMMIT,
	CLIENT_IN_ROLLBACK,
	CLIENT_COMMITTED,
	CLIENT_ABORTED,
	CLIENT_INDOUBT,
	CLIENT_ROLLBACK,
	CLIENT_CLOSED,
	CLIENT_REFUSED,
	CLIENT_LOST,
};

/* How it ended for somebody, by his own data. */
enum end {
	END_OPEN,
	END_COMMITTED,
	END_ABORTED,
	END_READ_ONLY,
	END_DISCONNECTED,
	END_CLOSED,
};

/* Faults of the machine and its clock: seen.faults */
#define FAULT_CRASH	0x01
#define FAULT_LOG	0x02
#define FAULT_TIME	0x04	/* the time was over */
#define FAULT_EXPIRED	0x08	/* and that rolled back */

/**
 * struct seen - what an onlooker knows
 * @client: enum client
 * @end: enum end, per enlistment
 * @done: whose last answer was accepted; by bits, as the next three
 * @away: whose RM has closed or has to recover
 * @gone: whose RM will never come back
 * @died: whose RM has closed, or will never come back
 * @faults: FAULT_ bits
 * @used: how much has gone wrong
 * @forces: forced records handed to the journal
 */
struct seen {
	u8 client;
	u8 end[MAX_EN];
	u8 done;
	u8 away;
	u8 gone;
	u8 died;
	u8 faults;
	u8 used;
	u8 forces;
};

/**
 * struct cast - who plays
 * @cfg: for the small world, without @cfg.subs: nobody changes places
 * @subs: participants
 * @kind: KIND_ bits of each place, the superior's too
 * @late: who is not there at the start, by bits
 * @superior: there is one
 * @faults: how much may go wrong in a run
 */
struct cast {
	struct config cfg;
	int subs;
	u8 kind[MAX_EN];
	u8 late;
	bool superior;
	int faults;
};

/**
 * struct run - a world brought to life, and who looks on
 * @s: the world
 * @o: what was seen of it
 * @c: who plays
 */
struct run {
	struct sim s;
	struct seen o;
	const struct cast *c;
};

/* protocol_cast.c */
bool cast_parse(struct cast *c, const char *name, int faults);

/* protocol_plot.c */
#define PLOT_ARGS	(MAX_VOLATILE + 1)
const char *plot_name(int step);
void plot_begin(struct run *r);
bool plot_step(struct run *r, int step, int arg);
bool plot_is_over(const struct run *r);

#endif /* PROTOCOL_OUTCOMES_H */
