/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TEST_H
#define TEST_H

#include "ktm_test.h"

int test_race(struct ktm_tm_use *tm, struct ktm_log_stream *shared, u32 threads, u32 each);

#endif /* TEST_H */
