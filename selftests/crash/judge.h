/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Does what recovery says agree with what was known?
 */
#ifndef KTM_CRASH_JUDGE_H
#define KTM_CRASH_JUDGE_H

#include "history.h"

/* Says what is wrong, for the state that is being tried. */
void violation(const char *format, ...) __attribute__((format(printf, 1, 2)));

void judge(const struct history *h, const struct cut *cut);

#endif
