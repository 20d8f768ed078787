/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Steps of the tests of drivers' RMs that are told by callback: the kernel half is
 * selftests/ktm_test/told.c.
 */
#ifndef KTM_TEST_CALLBACK_CALLS_H
#define KTM_TEST_CALLBACK_CALLS_H

#include "opcalls.h"

#define ALL_KINDS	0xffffffff
#define EN_MASK_0	(EN_MASK | KTM_NOTIFY_PREPREPARE)

/* Slots: 0 is the TM. */
enum { RM = 1, RM2, TX, TX2, TX3, EN, EN2 };

void op_enable(unsigned int rm);
/* What callbacks told one of the kinds of @mask do: KTM_TEST_DO_, with slot @with. */
void op_script(unsigned int mask, unsigned int what, int returns, unsigned int with);
/* A volatile TM, an RM with callbacks, a transaction. */
void op_begin(void);
/* A TM with a new log there, an RM with callbacks that has recovered. */
void op_begin_durable(const char *path, guid_t rm);
void op_commit(unsigned int tx, unsigned int want);

/* For test_spawn(): commits the transaction in the slot that @tx points to. */
void committer(void *tx);
/* The same with TX, which is rolled back meanwhile. */
void committer_in_vain(void *unused);

#endif /* KTM_TEST_CALLBACK_CALLS_H */
