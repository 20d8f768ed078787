/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Results in TAP.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>

/* One result; returns @condition. */
bool ok(bool condition, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A check that prints nothing when it holds; for loops, followed by one ok(). */
bool check(bool condition, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether any check() has failed since then; for the conditions of loops. */
bool failing(void);
/* How many check() have failed since the last call; resets it. */
unsigned int failures(void);
/* "campaign NAME: tried=N violations=M seed=S" and its result. */
void campaign(const char *name, unsigned long tried, unsigned long violations,
	      unsigned long seed);
/* The plan; the exit code. */
int done(void);
/* The test itself cannot go on. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif /* TAP_H */
