/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How often somebody went to sleep, or was put off a processor, so that another one had to be woken
 * or run: context switches, as the kernel counts them for each thread. A count, so a busy
 * machine changes it little.
 */
#ifndef KTM_BENCH_SWITCHES_H
#define KTM_BENCH_SWITCHES_H

#include <sys/types.h>

/**
 * struct switches - context switches since the machine started
 * @client: of this process
 * @partner: of the process that it works with
 * @kernel: of the kernel's threads
 * @voluntary: of all of them, those who went to sleep; each was woken for that
 */
struct switches {
	double client;
	double partner;
	double kernel;
	double voluntary;
};

struct switches switches_now(pid_t partner);
/* What has come since, for each of so many. */
struct switches switches_each(const struct switches *before, pid_t partner, unsigned int count);

#endif
