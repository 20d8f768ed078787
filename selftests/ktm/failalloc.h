/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's fault injection: one allocation of this thread fails. */
#ifndef KTM_TEST_FAILALLOC_H
#define KTM_TEST_FAILALLOC_H

#include <stdbool.h>

/* Skips the test on a kernel that cannot. */
void fail_nth_open(void);
/* The @n-th from now on, counted from 1; 0: none. */
void fail_nth_arm(unsigned int n);
/* Was there such an allocation? */
bool fail_nth_disarm(void);

#endif
