// SPDX-License-Identifier: GPL-2.0
/*
 * Drivers that go, or that cannot: while they are called, before they have started, with what
 * they have not put.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "callbackcalls.h"
#include "kernellog.h"
#include "programs.h"

void test_setup(void)
{
	driver_open();
}

static int unload(const char *module)
{
	return syscall(SYS_delete_module, module, O_NONBLOCK);
}

/* The driver cannot go while one of its callbacks runs, or is still to come. */
TEST(not_unloaded_in_a_callback)
{
	op_begin();
	op_enlist(RM, TX, EN, EN_MASK);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, 0, 0);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT_ASYNC, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	CHECK_EQ(unload("ktm_test"), -1);
	CHECK_EQ(unload("ktm"), -1);
	OP_TRY(RELEASE);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	TOLD(TX, 0);
	close(drv);
}

/*
 * A driver whose init function fails goes in any case, and is not called for what it has begun to
 * commit. That goes on.
 */
TEST(commit_async_and_fail_to_start)
{
	int log = log_open();
	int t = tm_volatile(), rm = rm_create(t, KTM_RM_VOLATILE), tx = tx_create(t);
	const guid_t en = enlist(rm, tx);
	char parameters[32];

	driver_unload();
	snprintf(parameters, sizeof(parameters), "commits=%d", tx);
	CHECK_EQ(driver_load(parameters), -1);
	CHECK_EQ(errno, ECANCELED);
	CHECK(logged(log, "ktm: module ktm_test goes and is not told how 1 of its commits end"));
	en_prepare(rm, en);
	en_commit(rm, en);
	WAIT(tx, KTM_STATUS_SUCCESS);
	close(tx);
	close(rm);
	close(t);
	/* Who would call it keeps ktm.ko until then; so does our own /dev/ktm. */
	until_run("grep -qx 1 /sys/module/ktm/refcnt");
	CHECK(!logged(log, "the module has not started"));
	close(log);
}

/* Nor does it go while a callback runs that puts its RM. */
static void fail_to_start_in_a_callback(const char *how)
{
	int t = tm_volatile(), rm = rm_create(t, KTM_RM_VOLATILE), tx = tx_create(t);
	char parameters[32];

	enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	driver_unload();
	snprintf(parameters, sizeof(parameters), "puts=%d %s", rm, how);
	CHECK_EQ(driver_load(parameters), -1);
	CHECK_EQ(errno, ECANCELED);
	close(tx);
	close(rm);
	close(t);
}

TEST(put_in_a_callback_and_fail_to_start)
{
	int log = log_open();

	fail_to_start_in_a_callback("");
	CHECK(logged(log, "ktm_test: the callback returns"));
	close(log);
}

/* Too late: it was closed for the module. */
TEST(puts_in_a_callback_after_failing_to_start)
{
	int log = log_open();

	fail_to_start_in_a_callback("late=1");
	CHECK(logged(log, "ktm: module ktm_test goes and has not put its RM"));
	CHECK(logged(log, "ktm_test: the callback returns"));
	CHECK(!logged(log, "puts a use that he has not got"));
	close(log);
}

/*
 * The last one. A driver that goes and holds a TM and an RM with callbacks: both are named, the
 * RM is closed, and the TM can still be used by who knows where it is.
 */
TEST(forgotten)
{
	int log = log_open(), tm;
	struct ktm_test_op c;

	op_begin();
	op_put(TX);
	tm = op_to_fd(OP_TM_TO_FD, 0, KTM_TM_ALL_ACCESS);
	CHECK_EQ(count_objects(tm, KTM_KIND_RM), 1);
	OP_TRY(FORGET, .on = RM);
	c = OP_TRY(FORGET, .on = 0);
	driver_unload();
	CHECK(logged(log, "ktm: module ktm_test goes and has not put its RM"));
	CHECK(logged(log, "ktm: module ktm_test goes and has not put a use of tm"));
	CHECK_EQ(count_objects(tm, KTM_KIND_RM), 0);
	close(tm);
	CHECK_EQ(unload("ktm"), -1);
	driver_open();
	OP_TRY(ADOPT, .slot = 0, .kind = c.kind, .key = c.key);
	op_rm(RM);
	op_put(RM);
	op_put(0);
	driver_unload();
	CHECK(!logged(log, "ktm: module ktm_test goes"));
	close(log);
	op_show();
}
