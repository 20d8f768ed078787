/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TEST_H
#define TEST_H

#include "ktm_test.h"
#include "participant.h"

struct participant;

struct participant *participant_open(void);
void participant_release(struct participant *p);
long participant_ioctl(struct participant *p, void __user *arg);

long errors_ioctl(void __user *arg);

int test_fail_to_start(void);

int test_crowd(struct ktm_tm_use *tm, const struct ktm_test_op *op, struct ktm_test_crowd *report);
int test_race(struct ktm_tm_use *tm, struct ktm_log_stream *shared, u32 threads, u32 each);

#endif /* TEST_H */
