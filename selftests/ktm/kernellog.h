/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel of the machine has logged. */
#ifndef KTM_TEST_KERNEL_LOG_H
#define KTM_TEST_KERNEL_LOG_H

/* A descriptor that reads what is logged from now on. */
int log_open(void);
/*
 * The next record that matches @regex, an extended one; NULL: none does, and all has been read.
 * It stays until the next call.
 */
const char *logged(int log, const char *regex);

#endif /* KTM_TEST_KERNEL_LOG_H */
