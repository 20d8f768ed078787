/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The floor: a process at the other end of two pipes that sends back each byte it
 * gets. No coordinator in another process can answer sooner than that.
 */
#ifndef KTM_BENCH_PARTNER_H
#define KTM_BENCH_PARTNER_H

#include <sys/types.h>

struct partner {
	pid_t pid;
	int to;
	int from;
};

void partner_start(struct partner *p, unsigned int cpu);
void partner_round_trip(const struct partner *p);
void partner_end(struct partner *p);

#endif
