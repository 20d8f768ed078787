// SPDX-License-Identifier: GPL-2.0
/*
 * Results in TAP.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

static unsigned int count, failed, unchecked;

bool ok(bool condition, const char *format, ...)
{
	va_list args;

	printf("%sok %u ", condition ? "" : "not ", ++count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	if (!condition)
		failed++;
	return condition;
}

bool check(bool condition, const char *format, ...)
{
	va_list args;

	if (condition)
		return true;
	/* The first few say enough. */
	if (unchecked++ < 10) {
		printf("# ");
		va_start(args, format);
		vprintf(format, args);
		va_end(args);
		putchar('\n');
		fflush(stdout);
	}
	return false;
}

bool failing(void)
{
	return unchecked;
}

unsigned int failures(void)
{
	unsigned int n = unchecked;

	unchecked = 0;
	return n;
}

void campaign(const char *name, unsigned long tried, unsigned long violations,
	      unsigned long seed)
{
	printf("campaign %s: tried=%lu violations=%lu seed=%lu\n", name, tried, violations, seed);
	ok(tried && !violations, "%s", name);
}

int done(void)
{
	printf("1..%u\n", count);
	return failed || !count;
}

void die(const char *format, ...)
{
	va_list args;

	printf("Bail out! ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	exit(1);
}
