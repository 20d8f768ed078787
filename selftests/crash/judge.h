/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Does what recovery says agree with what was known?
 */
#ifndef KTM_CRASH_JUDGE_H
#define KTM_CRASH_JUDGE_H

#include "history.h"
#include "streams.h"

/* Says what is wrong, for the state that is being tried. */
void violation(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* @found: the stream of each RM that has one */
void judge(const struct history *h, const struct cut *cut, const struct found_stream *found);

#endif
