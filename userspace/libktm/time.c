// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is left of a time-out when a signal has ended a wait. */
#include "internal.h"

#include <time.h>

#define NSEC_PER_SEC	1000000000ull

uint64_t ktm_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

uint64_t ktm_remaining(uint64_t begin, uint64_t timeout_ns)
{
	uint64_t gone;

	if (timeout_ns == 0 || timeout_ns == KTM_WAIT_FOREVER)
		return timeout_ns;
	gone = ktm_now_ns() - begin;
	return gone < timeout_ns ? timeout_ns - gone : 0;
}
