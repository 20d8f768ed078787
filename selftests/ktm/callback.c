// SPDX-License-Identifier: GPL-2.0
/*
 * Drivers' RMs that are told by callback: what callbacks return, what they call, who runs them,
 * and what becomes of those who wait.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "callbackcalls.h"
#include "programs.h"

/* The kernel's own. */
#define ERESTARTSYS	512

void test_setup(void)
{
	driver_open();
}

/* ---- what it is told, and what comes of what it returns ---- */

TEST(handled)
{
	struct ktm_test_told t;
	guid_t en;

	op_begin();
	en = op_rm_enlist(RM, TX, EN_MASK_0, 77);
	op_commit(TX, KTM_STATUS_SUCCESS);
	t = TOLD(RM, KTM_NOTIFY_PREPREPARE);
	CHECK(same(&t.notification.enlistment, &en));
	CHECK_EQ(t.notification.key, 77);
	CHECK_EQ(t.notification.length, sizeof(t.notification));
	TOLD(RM, KTM_NOTIFY_PREPARE);
	t = TOLD(RM, KTM_NOTIFY_COMMIT);
	CHECK(same(&t.notification.enlistment, &en));
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_COMMITTED);
	close(drv);
}

TEST(handled_rollback)
{
	op_begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_ROLLBACK, .on = TX, .flags = KTM_CALL_WAIT);
	TOLD(RM, KTM_NOTIFY_ROLLBACK);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_ABORTED);
	close(drv);
}

TEST(handled_in_a_single_phase)
{
	op_begin();
	op_rm_enlist(RM, TX, EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT, 1);
	op_commit(TX, KTM_STATUS_SUCCESS);
	TOLD(RM, KTM_NOTIFY_SINGLE_PHASE_COMMIT);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_COMMITTED);
	close(drv);
}

/* It says that it has done it, and has said so to ktm before. */
TEST(answers_by_itself)
{
	op_begin();
	op_rm_enlist(RM, TX, EN_MASK_0, 1);
	op_script(ALL_KINDS, KTM_TEST_DO_ANSWER, KTM_CALLBACK_PENDING, 0);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_ANSWER, KTM_CALLBACK_HANDLED, 0);
	op_commit(TX, KTM_STATUS_SUCCESS);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPREPARE).status, KTM_STATUS_SUCCESS);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).status, KTM_STATUS_SUCCESS);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_COMMIT).status, KTM_STATUS_SUCCESS);
	close(drv);
}

/* It answers when it likes: nobody answers for it. */
TEST(pending)
{
	op_begin();
	op_enlist(RM, TX, EN, EN_MASK);
	op_script(ALL_KINDS, 0, KTM_CALLBACK_PENDING, 0);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	OP(KTM_STATUS_TIMEOUT, TRANSACTION_WAIT, .on = TX, .timeout_ns = 10000000);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_PREPARING);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	OP(KTM_STATUS_TIMEOUT, TRANSACTION_WAIT, .on = TX, .timeout_ns = 10000000);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_COMMITTING);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_COMMIT_COMPLETE, .on = EN);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_COMMITTED);
	close(drv);
}

static void error_in(unsigned int kind)
{
	op_begin();
	op_rm(RM2);
	op_enable(RM2);
	op_rm_enlist(RM, TX, EN_MASK_0, 1);
	op_rm_enlist(RM2, TX, EN_MASK_0, 2);
	op_script(kind, 0, -EIO, 0);
	op_commit(TX, KTM_STATUS_ROLLED_BACK);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_ABORTED);
	close(drv);
	driver_open();
}

TEST(error_before_the_vote)
{
	error_in(KTM_NOTIFY_PREPREPARE);
	error_in(KTM_NOTIFY_PREPARE);
	op_begin();
	op_rm_enlist(RM, TX, EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT, 1);
	op_script(KTM_NOTIFY_SINGLE_PHASE_COMMIT, 0, -EIO, 0);
	op_commit(TX, KTM_STATUS_ROLLED_BACK);
	close(drv);
}

/* Then it owes its answer, and can still give it. */
TEST(error_after_the_vote)
{
	op_begin();
	op_enlist(RM, TX, EN, EN_MASK);
	op_script(KTM_NOTIFY_COMMIT, 0, -EIO, 0);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	OP(KTM_STATUS_TIMEOUT, TRANSACTION_WAIT, .on = TX, .timeout_ns = 10000000);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_COMMITTING);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_COMMIT_COMPLETE, .on = EN);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	close(drv);
}

/* ---- who is told ---- */

TEST(enabling)
{
	op_volatile();
	op_rm(RM);
	OP(KTM_STATUS_INVALID_PARAMETER, RM_ENABLE_CALLBACKS, .on = RM, .how = KTM_TEST_OP_NULL);
	OP(KTM_STATUS_SUCCESS, RM_GET_FROM_FD, .slot = RM2,
	   .fd = op_to_fd(OP_RM_TO_FD, RM, KTM_RM_ENLIST), .access = KTM_RM_ENLIST);
	OP(KTM_STATUS_ACCESS_DENIED, RM_ENABLE_CALLBACKS, .on = RM2);
	op_enable(RM);
	OP(KTM_STATUS_REQUEST_NOT_VALID, RM_ENABLE_CALLBACKS, .on = RM);
	close(drv);
}

/* What has waited is told, and readers find nothing any more. */
TEST(instead_of_reading)
{
	int rm;

	op_volatile();
	op_rm(RM);
	op_tx(TX);
	rm = op_to_fd(OP_RM_TO_FD, RM, KTM_RM_ALL_ACCESS);
	op_enlist(RM, TX, EN, EN_MASK);
	op_enlist(RM, TX, EN2, EN_MASK);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	CHECK(poll_now(rm) & POLLIN);
	op_script(ALL_KINDS, KTM_TEST_DO_SLEEP, KTM_CALLBACK_PENDING, 0);
	op_enable(RM);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TAKE_NONE(rm);
	OP(KTM_STATUS_TIMEOUT, RM_GET_NOTIFICATION, .on = RM, .timeout_ns = 0);
	OP_TRY(RELEASE);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN2);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_COMMIT_COMPLETE, .on = EN);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_COMMIT_COMPLETE, .on = EN2);
	close(rm);
	close(drv);
}

/* ---- what it does ---- */

TEST(puts_its_own_enlistment)
{
	op_begin();
	op_enlist(RM, TX, EN, EN_MASK);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_PUT, KTM_CALLBACK_PENDING, EN);
	op_commit(TX, KTM_STATUS_ROLLED_BACK);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	close(drv);
}

/* The callback that puts its own RM is its last. */
TEST(puts_its_own_rm)
{
	op_begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM, TX, EN_MASK, 2);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_PUT, KTM_CALLBACK_PENDING, RM);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_ABORTED);
	close(drv);
}

TEST(puts_its_own_rm_in_the_caller)
{
	op_begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_PUT, KTM_CALLBACK_PENDING, RM);
	op_commit(TX, KTM_STATUS_ROLLED_BACK);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).thread, (unsigned int)gettid());
	close(drv);
}

/* It is lent: that does no harm. */
TEST(puts_what_is_lent)
{
	op_begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_PUT_LENT, KTM_CALLBACK_HANDLED, 0);
	op_commit(TX, KTM_STATUS_SUCCESS);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	close(drv);
}

TEST(commits_another_transaction)
{
	struct ktm_test_told t;

	op_begin();
	op_rm(RM2);
	op_enable(RM2);
	op_tx(TX2);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM2, TX2, EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT, 2);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_COMMIT, KTM_CALLBACK_HANDLED, TX2);
	op_commit(TX, KTM_STATUS_SUCCESS);
	/* Not in a thread that is in a callback already. */
	t = TOLD(RM2, KTM_NOTIFY_SINGLE_PHASE_COMMIT);
	CHECK(t.thread != (unsigned int)gettid());
	t = TOLD(RM, KTM_NOTIFY_PREPARE);
	CHECK_EQ(t.thread, (unsigned int)gettid());
	CHECK_EQ(t.ret, 0);
	CHECK_EQ(t.status, KTM_STATUS_SUCCESS);
	CHECK_EQ(op_tx_state(TX2), KTM_TX_STATE_COMMITTED);
	close(drv);
}

/* Another one of its own RM, whose callbacks are workers' then: from the caller, and from one. */
static void commits_another_of_its_rm(bool callers)
{
	struct ktm_test_told t;

	op_begin();
	op_tx(TX2);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM, TX2, EN_MASK, 2);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_COMMIT | KTM_TEST_DO_ONCE, KTM_CALLBACK_HANDLED,
	       TX2);
	if (callers)
		op_commit(TX, KTM_STATUS_SUCCESS);
	else
		OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	t = TOLD(RM, KTM_NOTIFY_PREPARE);
	CHECK_EQ(t.threads, 2);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	CHECK_EQ(op_tx_state(TX2), KTM_TX_STATE_COMMITTED);
	t = TOLD(RM, KTM_NOTIFY_PREPARE);
	CHECK_EQ(t.threads, 1);
	CHECK_EQ(t.ret, 0);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_COMMITTED);
	close(drv);
	driver_open();
}

TEST(commits_another_transaction_of_its_rm)
{
	commits_another_of_its_rm(true);
	commits_another_of_its_rm(false);
}

/* Its own: it is told what that comes to. */
TEST(calls_into_its_own_transaction)
{
	op_begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_script(KTM_NOTIFY_COMMIT, KTM_TEST_DO_ANSWER | KTM_TEST_DO_COMMIT, KTM_CALLBACK_PENDING,
	       TX);
	op_commit(TX, KTM_STATUS_SUCCESS);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_COMMIT).status, KTM_STATUS_ALREADY_COMMITTED);
	close(drv);
}

/*
 * One that does not return holds up its own transaction only, not others of its RM: in the thread
 * that waits for the commit, or, where none does, in a worker.
 */
static void never_returns(bool callers)
{
	static const struct { unsigned int tx, rm; } others[] = { { TX2, RM2 }, { TX3, RM } };
	static const unsigned int tx = TX;
	struct ktm_test_told t;
	pid_t pid = -1;
	unsigned int i;

	op_begin();
	op_rm(RM2);
	op_enable(RM2);
	op_tx(TX2);
	op_tx(TX3);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM2, TX2, EN_MASK, 2);
	op_rm_enlist(RM, TX3, EN_MASK, 3);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP | KTM_TEST_DO_ONCE, 0, 0);
	if (callers)
		pid = test_spawn(committer, (void *)&tx);
	else
		OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	for (i = 0; i < 2; i++) {
		if (callers)
			op_commit(others[i].tx, KTM_STATUS_SUCCESS);
		else
			OP_TRY(TRANSACTION_COMMIT, .on = others[i].tx);
		t = TOLD(others[i].rm, KTM_NOTIFY_PREPARE);
		CHECK_EQ(t.threads, 2);
		TOLD(others[i].rm, KTM_NOTIFY_COMMIT);
	}
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_PREPARING);
	OP_TRY(RELEASE);
	if (callers)
		test_join(pid);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	close(drv);
	driver_open();
}

TEST(one_never_returns)
{
	never_returns(true);
	never_returns(false);
}

/* ---- in which thread ---- */

/* Who waits for the commit runs them, and need not be woken for that. */
TEST(called_by_who_waits)
{
	const unsigned int self = gettid();

	op_begin();
	op_rm_enlist(RM, TX, EN_MASK_0, 1);
	op_commit(TX, KTM_STATUS_SUCCESS);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPREPARE).thread, self);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).thread, self);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_COMMIT).thread, self);
	op_tx(TX2);
	op_rm_enlist(RM, TX2, EN_MASK, 2);
	OP_TRY(TRANSACTION_COMMIT, .on = TX2);
	CHECK(TOLD(RM, KTM_NOTIFY_PREPARE).thread != self);
	CHECK(TOLD(RM, KTM_NOTIFY_COMMIT).thread != self);
	close(drv);
}

/* While it is in the callback of one RM the others are told by workers. */
TEST(others_at_the_same_time)
{
	static const unsigned int tx = TX;
	struct ktm_test_told t1, t2;
	pid_t pid;

	op_begin();
	op_rm(RM2);
	op_enable(RM2);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM2, TX, EN_MASK, 2);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, 0, 0);
	pid = test_spawn(committer, (void *)&tx);
	t1 = told();
	t2 = told();
	CHECK_EQ(t1.notification.kind, KTM_NOTIFY_PREPARE);
	CHECK_EQ(t2.notification.kind, KTM_NOTIFY_PREPARE);
	CHECK_EQ((t1.thread == (unsigned int)pid) + (t2.thread == (unsigned int)pid), 1);
	OP_TRY(RELEASE);
	test_join(pid);
	close(drv);
}

/* What comes due while the caller is in a callback, for another RM than that one's. */
TEST(news_for_another_meanwhile)
{
	static const unsigned int tx = TX;
	pid_t pid;

	op_begin();
	op_rm(RM2);
	op_enable(RM2);
	op_enlist(RM, TX, EN, EN_MASK_0);
	op_enlist(RM2, TX, EN2, EN_MASK);
	op_script(KTM_NOTIFY_PREPREPARE, KTM_TEST_DO_SLEEP, KTM_CALLBACK_PENDING, 0);
	pid = test_spawn(committer_in_vain, (void *)&tx);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPREPARE).thread, (unsigned int)pid);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_ROLLBACK, .on = EN);
	CHECK(TOLD(RM2, KTM_NOTIFY_ROLLBACK).thread != (unsigned int)pid);
	OP_TRY(RELEASE);
	test_join(pid);
	close(drv);
}

static void as_nobody(void *data)
{
	CHECK_EQ(setresuid(65534, 65534, 65534), 0);
	committer(data);
}

/* What it may do does not depend on whose thread that is. */
TEST(with_the_rights_of_the_kernel)
{
	static const unsigned int tx = TX;
	pid_t pid;

	op_begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	pid = test_spawn(as_nobody, (void *)&tx);
	test_join(pid);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).uid, 0);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_COMMIT).uid, 0);
	close(drv);
}

#define GROUP	"/run/ktm-test-cgroup/callback"

/* With all of its own memory in place, and not to be killed for what the group lacks. */
static void in_a_full_group(void *data)
{
	struct ktm_test_op c = { .fn = OP_TRANSACTION_COMMIT, .on = *(unsigned int *)data,
				 .flags = KTM_CALL_WAIT };

	CHECK_EQ(run("echo $PPID >" GROUP "/cgroup.procs; echo -1000 >/proc/$PPID/oom_score_adj"),
		 0);
	CHECK_EQ(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
	CHECK_EQ(run("echo 4096 >" GROUP "/memory.max"), 0);
	/* By itself: to note what was called takes memory, too. */
	CHECK_EQ(ioctl(drv, KTM_TEST_OP, &c), 0);
	CHECK_EQ(c.status, KTM_STATUS_SUCCESS);
	go(1);
}

/* Nor does what memory it gets. */
TEST(with_the_memory_of_the_kernel)
{
	static const unsigned int tx = TX;
	pid_t pid;

	if (run("mkdir -p /run/ktm-test-cgroup; mount -t cgroup2 none /run/ktm-test-cgroup; "
		"echo +memory >/run/ktm-test-cgroup/cgroup.subtree_control && mkdir -p " GROUP))
		test_skip("no memory cgroups here");
	op_begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_script(ALL_KINDS, KTM_TEST_DO_ALLOCATE, KTM_CALLBACK_HANDLED, 0);
	pid = test_spawn(in_a_full_group, (void *)&tx);
	meet(1);
	CHECK_EQ(run("echo max >" GROUP "/memory.max"), 0);
	test_join(pid);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).ret, 0);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_COMMIT).ret, 0);
	close(drv);
}

static void killed(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The signals of that thread are none of the RM's. */
TEST(interrupted_and_told_again)
{
	const unsigned int self = gettid();

	op_begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_ONCE, -EINTR, 0);
	op_commit(TX, KTM_STATUS_SUCCESS);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).thread, self);
	CHECK(TOLD(RM, KTM_NOTIFY_PREPARE).thread != self);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	op_tx(TX2);
	op_rm_enlist(RM, TX2, EN_MASK, 2);
	op_script(KTM_NOTIFY_COMMIT, KTM_TEST_DO_ONCE, -ERESTARTSYS, 0);
	op_commit(TX2, KTM_STATUS_SUCCESS);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_COMMIT).thread, self);
	CHECK(TOLD(RM, KTM_NOTIFY_COMMIT).thread != self);
	CHECK_EQ(op_tx_state(TX2), KTM_TX_STATE_COMMITTED);
	close(drv);
}

/* Nor what it could not do because that thread is about to die. */
TEST(fails_in_who_is_killed)
{
	static const unsigned int tx = TX;
	pid_t pid;

	op_begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_script(KTM_NOTIFY_COMMIT, KTM_TEST_DO_SLEEP | KTM_TEST_DO_ONCE, -ENOMEM, 0);
	pid = test_spawn(committer, (void *)&tx);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).thread, (unsigned int)pid);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_COMMIT).thread, (unsigned int)pid);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	OP_TRY(RELEASE);
	killed(pid);
	CHECK(TOLD(RM, KTM_NOTIFY_COMMIT).thread != (unsigned int)pid);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	close(drv);
}

/* A worker has none: there it is an error as others are. */
TEST(interrupted_without_signals)
{
	op_begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_script(KTM_NOTIFY_PREPARE, 0, -EINTR, 0);
	op_commit(TX, KTM_STATUS_ROLLED_BACK);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	close(drv);
}

/* kill -9 of a client that is in a driver's callback: that returns, and the commit goes on. */
TEST(caller_is_killed_in_a_callback)
{
	static const unsigned int tx = TX;
	pid_t pid;

	op_begin();
	op_enlist(RM, TX, EN, EN_MASK);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, KTM_CALLBACK_PENDING, 0);
	pid = test_spawn(committer, (void *)&tx);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).thread, (unsigned int)pid);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	OP_TRY(RELEASE);
	killed(pid);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	CHECK(TOLD(RM, KTM_NOTIFY_COMMIT).thread != (unsigned int)pid);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	close(drv);
}

/* And of one that is about to: what was left to it is told by a worker. */
TEST(caller_is_killed_before)
{
	static const unsigned int tx = TX;
	pid_t pid;

	op_begin();
	op_enlist(RM, TX, EN, EN_MASK);
	op_script(KTM_NOTIFY_PREPARE, 0, KTM_CALLBACK_PENDING, 0);
	pid = test_spawn(committer, (void *)&tx);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	until_asleep(pid);
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	CHECK(TOLD(RM, KTM_NOTIFY_COMMIT).thread != (unsigned int)pid);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	killed(pid);
	close(drv);
}

static void in_real_time(bool on)
{
	const struct sched_param p = { .sched_priority = on };

	CHECK_EQ(sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &p), 0);
}

/*
 * A COMMIT of EN is left to who waits, and on his processor it is our turn, until in_real_time() is
 * over.
 */
static pid_t left_to_caller(void)
{
	static const unsigned int tx = TX;
	cpu_set_t first;
	pid_t pid;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	CHECK_EQ(sched_setaffinity(0, sizeof(first), &first), 0);
	op_begin();
	op_enlist(RM, TX, EN, EN_MASK);
	op_script(KTM_NOTIFY_PREPARE, 0, KTM_CALLBACK_PENDING, 0);
	pid = test_spawn(committer, (void *)&tx);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	until_asleep(pid);
	in_real_time(true);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	return pid;
}

/* It dies in that moment. */
TEST(caller_is_killed_with_something_to_tell)
{
	const pid_t pid = left_to_caller();

	CHECK_EQ(kill(pid, SIGKILL), 0);
	in_real_time(false);
	CHECK(TOLD(RM, KTM_NOTIFY_COMMIT).thread != (unsigned int)pid);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	killed(pid);
	close(drv);
}

/* What waits for it is not for readers. */
TEST(left_by_readers)
{
	const pid_t pid = left_to_caller();
	const int rm = op_to_fd(OP_RM_TO_FD, RM, KTM_RM_ALL_ACCESS);

	CHECK_EQ(poll_now(rm), 0);
	TAKE_NONE(rm);
	OP(KTM_STATUS_TIMEOUT, RM_GET_NOTIFICATION, .on = RM, .timeout_ns = 0);
	in_real_time(false);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_COMMIT).thread, (unsigned int)pid);
	test_join(pid);
	close(rm);
	close(drv);
}

static void frozen_client(void *data)
{
	(void)data;
	op_commit(TX, KTM_STATUS_ALREADY_ABORTED);
}

/* Who is frozen is not yet one that waits for the commit. */
TEST(not_by_who_is_frozen)
{
	pid_t pid;

	op_begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	OP(KTM_STATUS_SUCCESS, FREEZE_TRANSACTIONS, .timeout_ns = KTM_MAX_FREEZE_NS);
	pid = test_spawn(frozen_client, NULL);
	until_asleep(pid);
	OP_TRY(TRANSACTION_ROLLBACK, .on = TX);
	TOLD(RM, KTM_NOTIFY_ROLLBACK);
	OP(KTM_STATUS_SUCCESS, THAW_TRANSACTIONS);
	test_join(pid);
	close(drv);
}

/* ---- with processes ---- */

/* A process and a driver commit together, or not at all. */
TEST(with_a_process)
{
	int other, tm, tx;
	guid_t en;

	op_begin();
	tm = op_to_fd(OP_TM_TO_FD, 0, KTM_TM_ALL_ACCESS);
	tx = op_to_fd(OP_TRANSACTION_TO_FD, TX, KTM_TX_ALL_ACCESS);
	other = rm_create(tm, KTM_RM_VOLATILE);
	en = enlist(other, tx);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	en_prepare(other, en);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	en_commit(other, en);
	WAIT(tx, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	close(tx);
	tx = tx_create(-1);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_GET_FROM_FD, .slot = TX2, .fd = tx,
	   .access = KTM_TX_ENLIST);
	op_rm_enlist(RM, TX2, EN_MASK, 2);
	en = enlist(other, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(other, KTM_NOTIFY_PREPARE, en);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	ANSWER(other, KTM_IOC_EN_ROLLBACK, en, KTM_STATUS_SUCCESS);
	TOLD(RM, KTM_NOTIFY_ROLLBACK);
	en_rollback(other, en);
	WAIT(tx, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	close(tx);
	close(other);
	close(tm);
	close(drv);
}

static void client(void *data)
{
	int tx = tx_create(-1);

	(void)data;
	OP(KTM_STATUS_SUCCESS, TRANSACTION_GET_FROM_FD, .slot = TX2, .fd = tx,
	   .access = KTM_TX_ENLIST);
	op_rm_enlist(RM, TX2, EN_MASK, 1);
	go(1);
	for (;;)
		pause();
}

/* kill -9 of the process whose transaction a driver's RM has. */
TEST(client_is_killed)
{
	pid_t pid;

	op_begin();
	pid = test_spawn(client, NULL);
	meet(1);
	test_kill(pid);
	TOLD(RM, KTM_NOTIFY_ROLLBACK);
	close(drv);
}

/* A driver decides over a process's RM, by callback. */
TEST(superior_of_a_process)
{
	const unsigned int mask = KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE |
		KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE;
	int other, tm, tx;
	guid_t en;

	op_begin();
	tm = op_to_fd(OP_TM_TO_FD, 0, KTM_TM_ALL_ACCESS);
	tx = op_to_fd(OP_TRANSACTION_TO_FD, TX, KTM_TX_ALL_ACCESS);
	other = rm_create(tm, KTM_RM_VOLATILE);
	en = enlist(other, tx);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_CREATE, .on = RM, .with = TX, .slot = EN, .mask = mask,
	   .flags = KTM_ENLIST_SUPERIOR, .access = KTM_EN_ALL_ACCESS);
	OP(KTM_STATUS_PENDING, ENLISTMENT_PREPREPARE, .on = EN);
	TOLD(RM, KTM_NOTIFY_PREPREPARE_COMPLETE);
	OP(KTM_STATUS_PENDING, ENLISTMENT_PREPARE, .on = EN);
	en_prepare(other, en);
	TOLD(RM, KTM_NOTIFY_PREPARE_COMPLETE);
	OP(KTM_STATUS_PENDING, ENLISTMENT_COMMIT, .on = EN);
	en_commit(other, en);
	TOLD(RM, KTM_NOTIFY_COMMIT_COMPLETE);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	/* One that cannot go on lets it all roll back. */
	close(tx);
	op_tx(TX2);
	tx = op_to_fd(OP_TRANSACTION_TO_FD, TX2, KTM_TX_ALL_ACCESS);
	en = enlist(other, tx);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_CREATE, .on = RM, .with = TX2, .slot = EN2, .mask = mask,
	   .flags = KTM_ENLIST_SUPERIOR, .access = KTM_EN_ALL_ACCESS);
	op_script(KTM_NOTIFY_PREPARE_COMPLETE, 0, -EIO, 0);
	OP(KTM_STATUS_PENDING, ENLISTMENT_PREPREPARE, .on = EN2);
	TOLD(RM, KTM_NOTIFY_PREPREPARE_COMPLETE);
	OP(KTM_STATUS_PENDING, ENLISTMENT_PREPARE, .on = EN2);
	en_prepare(other, en);
	TOLD(RM, KTM_NOTIFY_PREPARE_COMPLETE);
	en_rollback(other, en);
	TOLD(RM, KTM_NOTIFY_ROLLBACK);
	close(tx);
	close(other);
	close(tm);
	close(drv);
}

#define MANY		8
#define MANY_RMS	4
#define MANY_TIMES	40

/* Every third one is rolled back; every second one is committed by who waits. */
static void one_of_many(void *data)
{
	const unsigned int tx = 16 + (uintptr_t)data;
	unsigned int i, n;

	for (i = 0; i < MANY_TIMES; i++) {
		op_tx(tx);
		for (n = 0; n < MANY_RMS; n++)
			op_rm_enlist(1 + n, tx, n % 2 ? EN_MASK : EN_MASK_0, i);
		if (i % 3 == 2)
			OP(KTM_STATUS_SUCCESS, TRANSACTION_ROLLBACK, .on = tx,
			   .flags = KTM_CALL_WAIT);
		else
			op_commit(tx, KTM_STATUS_SUCCESS);
		op_put(tx);
	}
}

/* Many clients, each of whose transactions several RMs take part in. */
TEST(many_at_once)
{
	pid_t pids[MANY];
	unsigned int i;

	op_volatile();
	op_script(ALL_KINDS, KTM_TEST_DO_QUIETLY, KTM_CALLBACK_HANDLED, 0);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_QUIETLY | KTM_TEST_DO_ANSWER,
	       KTM_CALLBACK_PENDING, 0);
	for (i = 0; i < MANY_RMS; i++) {
		op_rm(1 + i);
		op_enable(1 + i);
	}
	for (i = 0; i < MANY; i++)
		pids[i] = test_spawn(one_of_many, (void *)(uintptr_t)i);
	for (i = 0; i < MANY; i++)
		test_join(pids[i]);
	close(drv);
}
