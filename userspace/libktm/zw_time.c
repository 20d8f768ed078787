// SPDX-License-Identifier: LGPL-2.1-or-later
/* Times: units of 100 ns from now (negative) or since 1601 (positive), as nanoseconds from now. */
#include "zw_internal.h"

#include <time.h>

#define NSEC_PER_TICK		100u
#define TICKS_PER_SEC		10000000ull
/* From 1601-01-01 to 1970-01-01: 369 years, 89 of them leap years. */
#define TICKS_BEFORE_1970	((369ull * 365 + 89) * 86400 * TICKS_PER_SEC)

static uint64_t ticks_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return TICKS_BEFORE_1970 + (uint64_t)now.tv_sec * TICKS_PER_SEC +
	       (uint64_t)now.tv_nsec / NSEC_PER_TICK;
}

uint64_t zw_from_now(const LARGE_INTEGER *time)
{
	uint64_t ticks, now;

	if (!time)
		return KTM_WAIT_FOREVER;
	if (time->QuadPart <= 0) {
		ticks = 0 - (uint64_t)time->QuadPart;
	} else {
		now = ticks_now();
		ticks = (uint64_t)time->QuadPart > now ? (uint64_t)time->QuadPart - now : 0;
	}
	/* What is centuries away never comes. */
	if (ticks > UINT64_MAX / NSEC_PER_TICK)
		return KTM_WAIT_FOREVER;
	return ticks * NSEC_PER_TICK;
}

uint64_t zw_timeout(const LARGE_INTEGER *time)
{
	uint64_t ns;

	if (!time || !time->QuadPart)
		return 0;
	ns = zw_from_now(time);
	if (ns == KTM_WAIT_FOREVER)
		return 0;
	/* A time that has passed is no "never". */
	return ns ? ns : 1;
}

NTSTATUS zw_clock(const LARGE_INTEGER *time, uint64_t *clock)
{
	*clock = time ? (uint64_t)time->QuadPart : 0;
	/* As a number without a sign it would drive the TM's clock to its end. */
	return time && time->QuadPart < 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}
