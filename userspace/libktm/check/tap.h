/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TAP for the library's own tests: CHECK() conditions, end each test with done(). */
#ifndef KTM_CHECK_TAP_H
#define KTM_CHECK_TAP_H

#include <stdbool.h>
#include <stdio.h>

static int tap_count;
static int tap_failures;
static bool tap_bad;

#define CHECK(condition)						\
	do {								\
		if (!(condition)) {					\
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);	\
			tap_bad = true;					\
		}							\
	} while (0)

static void done(const char *name)
{
	printf("%sok %d %s\n", tap_bad ? "not " : "", ++tap_count, name);
	tap_failures += tap_bad;
	tap_bad = false;
}

/* Returns the exit code. */
static int tap_end(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures ? 1 : 0;
}

#endif /* KTM_CHECK_TAP_H */
