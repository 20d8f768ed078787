// SPDX-License-Identifier: GPL-2.0
/*
 * Commits that call back.
 */
#include <unistd.h>

#include "callbackcalls.h"
#include "disk.h"

void test_setup(void)
{
	driver_open();
}

/* A durable RM with callbacks and a transaction with it, on a log that is about to fail. */
static void begin_to_fail(struct disk *d, struct flaky *f)
{
	*d = disk_make(8 * MIB);
	*f = flaky_make(d);
	op_begin_durable(f->path, nil);
	op_tx(TX);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	flaky_set(f, FAIL_WRITES);
}

static void end_failing(struct flaky *f)
{
	close(drv);
	flaky_set(f, NO_TROUBLE);
	tm_close(-1, f->path);
	flaky_remove(f);
}

/* The log fails under the decision. */
TEST(commit_async_in_doubt)
{
	struct ktm_test_told t;
	struct flaky f;
	struct disk d;

	begin_to_fail(&d, &f);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT_ASYNC, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	t = TOLD(TX, 0);
	CHECK_EQ(t.ret, -ENOTRECOVERABLE);
	CHECK_EQ(t.status, KTM_STATUS_INDOUBT);
	end_failing(&f);
}

TEST(commit_async)
{
	struct ktm_test_told t;

	op_begin();
	op_enlist(RM, TX, EN, EN_MASK);
	op_script(KTM_NOTIFY_PREPARE, 0, KTM_CALLBACK_PENDING, 0);
	OP(KTM_STATUS_INVALID_PARAMETER, TRANSACTION_COMMIT_ASYNC, .on = TX,
	   .how = KTM_TEST_OP_NULL);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT_ASYNC, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	t = TOLD(TX, 0);
	CHECK_EQ(t.ret, 0);
	CHECK_EQ(t.status, KTM_STATUS_SUCCESS);
	OP(KTM_STATUS_ALREADY_COMMITTED, TRANSACTION_COMMIT_ASYNC, .on = TX);
	close(drv);
}

/* It goes on when nobody has the transaction any more. */
TEST(commit_async_and_put)
{
	struct ktm_test_told t;

	op_begin();
	op_enlist(RM, TX, EN, EN_MASK);
	op_script(KTM_NOTIFY_PREPARE, 0, KTM_CALLBACK_PENDING, 0);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT_ASYNC, .on = TX);
	op_put(TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_ROLLBACK, .on = EN);
	TOLD(RM, KTM_NOTIFY_ROLLBACK);
	t = TOLD(TX, 0);
	CHECK_EQ(t.ret, -ECANCELED);
	CHECK_EQ(t.status, KTM_STATUS_ROLLED_BACK);
	close(drv);
}

TEST(commit_async_is_refused)
{
	op_volatile();
	op_tx(TX);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_GET_FROM_FD, .slot = TX2,
	   .fd = op_to_fd(OP_TRANSACTION_TO_FD, TX, KTM_TX_ROLLBACK), .access = KTM_TX_ROLLBACK);
	OP(KTM_STATUS_ACCESS_DENIED, TRANSACTION_COMMIT_ASYNC, .on = TX2);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_ROLLBACK, .on = TX2);
	OP(KTM_STATUS_ALREADY_ABORTED, TRANSACTION_COMMIT_ASYNC, .on = TX);
	close(drv);
}

/* Nothing to do: it is over at once, and calls back all the same. */
TEST(commit_async_of_nothing)
{
	op_volatile();
	op_tx(TX);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_COMMIT_ASYNC, .on = TX);
	CHECK_EQ(TOLD(TX, 0).status, KTM_STATUS_SUCCESS);
	close(drv);
}

/* One who was called and does not return holds up nobody: neither others who are, nor callbacks. */
TEST(one_does_not_return)
{
	op_begin();
	op_tx(TX2);
	op_tx(TX3);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_COMMIT_ASYNC, .on = TX2, .how = KTM_TEST_OP_SLEEP);
	CHECK_EQ(TOLD(TX2, 0).status, KTM_STATUS_SUCCESS);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_COMMIT_ASYNC, .on = TX3);
	CHECK_EQ(TOLD(TX3, 0).status, KTM_STATUS_SUCCESS);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	OP_TRY(RELEASE);
	close(drv);
}
