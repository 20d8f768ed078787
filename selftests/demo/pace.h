/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Keeps the import without transactions beside the one with: a counter in a
 * shared file says how many packages the one with transactions has begun.
 * Without it the faster of the two would be done before the last cuts.
 */
#ifndef KTM_DEMO_PACE_H
#define KTM_DEMO_PACE_H

#include <stdatomic.h>
#include <stdint.h>

#define PACE_FREE	UINT64_MAX	/* nobody to wait for any more */

_Atomic uint64_t *pace_open(const char *path);

#endif
