/* SPDX-License-Identifier: GPL-2.0 */
/* Programs that a test runs beside itself. */
#ifndef KTM_TEST_PROGRAMS_H
#define KTM_TEST_PROGRAMS_H

#include "harness.h"

/* Starts a program; what it prints goes to the file @output. */
pid_t start(const char *output, const char *const *argv);

#define START(output, ...)	start(output, (const char *const []){ __VA_ARGS__, NULL })

/* The command succeeds within the patience that we have. */
void until_run(const char *command);

#endif /* KTM_TEST_PROGRAMS_H */
