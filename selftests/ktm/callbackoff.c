// SPDX-License-Identifier: GPL-2.0
/*
 * Callbacks that are disabled, by who puts their RM or by who asks for that: who waits for whom.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "callbackcalls.h"

void test_setup(void)
{
	driver_open();
}

/* Put, it calls nobody any more; what comes is for readers. */
TEST(disabled_by_put)
{
	int rm, tx;
	guid_t en;

	op_begin();
	rm = op_to_fd(OP_RM_TO_FD, RM, KTM_RM_ALL_ACCESS);
	tx = op_to_fd(OP_TRANSACTION_TO_FD, TX, KTM_TX_ALL_ACCESS);
	en = op_rm_enlist(RM, TX, EN_MASK, 1);
	op_script(ALL_KINDS, KTM_TEST_DO_ANSWER, KTM_CALLBACK_PENDING, 0);
	op_put(RM);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(rm, en);
	en_commit(rm, en);
	WAIT(tx, KTM_STATUS_SUCCESS);
	/* And they may be enabled again. */
	OP(KTM_STATUS_SUCCESS, RM_GET_FROM_FD, .slot = RM, .fd = rm, .access = KTM_RM_ALL_ACCESS);
	op_enable(RM);
	op_tx(TX2);
	op_rm_enlist(RM, TX2, EN_MASK, 2);
	op_commit(TX2, KTM_STATUS_SUCCESS);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	close(rm);
	close(tx);
	close(drv);
}

static void put_rm(void *data)
{
	(void)data;
	op_put(RM);
	go(1);
}

/* Who puts it waits for what runs. */
TEST(put_waits_for_a_callback)
{
	pid_t pid;

	op_begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, 0, 0);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	pid = test_spawn(put_rm, NULL);
	until_stuck(pid);
	OP_TRY(RELEASE);
	meet(1);
	test_join(pid);
	close(drv);
}

/* Also for that which the caller of Commit runs; with it the vote comes to nothing. */
TEST(put_waits_for_a_caller)
{
	pid_t caller, pid;

	op_begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, KTM_CALLBACK_PENDING, 0);
	caller = test_spawn(committer_in_vain, NULL);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).thread, (unsigned int)caller);
	pid = test_spawn(put_rm, NULL);
	until_stuck(pid);
	CHECK(!is_open(1));
	OP_TRY(RELEASE);
	meet(1);
	test_join(pid);
	test_join(caller);
	close(drv);
}

/* ---- disabled, and told whether that was done ---- */

/* Another use of the RM. */
static void another_use(unsigned int access)
{
	OP(KTM_STATUS_SUCCESS, RM_GET_FROM_FD, .slot = RM2, .access = access,
	   .fd = op_to_fd(OP_RM_TO_FD, RM, access));
}

/* By the use that has enabled them, once; then anybody may enable them. */
TEST(disabling)
{
	op_begin();
	another_use(KTM_RM_ENLIST);
	OP(KTM_STATUS_ACCESS_DENIED, RM_DISABLE_CALLBACKS, .on = RM2);
	op_put(RM2);
	another_use(KTM_RM_ALL_ACCESS);
	OP(KTM_STATUS_REQUEST_NOT_VALID, RM_DISABLE_CALLBACKS, .on = RM2);
	OP(KTM_STATUS_SUCCESS, RM_DISABLE_CALLBACKS, .on = RM);
	OP(KTM_STATUS_REQUEST_NOT_VALID, RM_DISABLE_CALLBACKS, .on = RM);
	op_enable(RM2);
	OP(KTM_STATUS_REQUEST_NOT_VALID, RM_DISABLE_CALLBACKS, .on = RM);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_commit(TX, KTM_STATUS_SUCCESS);
	TOLD(RM2, KTM_NOTIFY_PREPARE);
	TOLD(RM2, KTM_NOTIFY_COMMIT);
	OP(KTM_STATUS_SUCCESS, RM_DISABLE_CALLBACKS, .on = RM2);
	op_put(RM2);
	op_enable(RM);
	op_tx(TX2);
	op_rm_enlist(RM, TX2, EN_MASK, 2);
	op_commit(TX2, KTM_STATUS_SUCCESS);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	close(drv);
}

static void disable_rm(void *data)
{
	(void)data;
	OP(KTM_STATUS_SUCCESS, RM_DISABLE_CALLBACKS, .on = RM);
	go(1);
}

/* In a callback, the caller's or a worker's, whose RM is then disabled. */
static pid_t disable_in_a_callback(bool callers, pid_t *caller)
{
	pid_t pid;

	op_begin();
	op_enlist(RM, TX, EN, EN_MASK_0);
	op_script(KTM_NOTIFY_PREPREPARE, KTM_TEST_DO_SLEEP, KTM_CALLBACK_PENDING, 0);
	if (callers)
		*caller = test_spawn(committer_in_vain, NULL);
	else
		OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPREPARE);
	pid = test_spawn(disable_rm, NULL);
	until_stuck(pid);
	CHECK(!is_open(1));
	return pid;
}

/* It waits for the one that runs; what has come behind that is for readers, and what comes. */
static void waits_for_what_runs(bool callers)
{
	pid_t caller, pid = disable_in_a_callback(callers, &caller);
	int rm = op_to_fd(OP_RM_TO_FD, RM, KTM_RM_ALL_ACCESS);

	OP(KTM_STATUS_SUCCESS, ENLISTMENT_ROLLBACK, .on = EN);
	op_tx(TX2);
	op_enlist(RM, TX2, EN2, EN_MASK);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX2);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE);
	CHECK(!is_open(1));
	OP_TRY(RELEASE);
	meet(1);
	test_join(pid);
	CHECK(poll_now(rm) & POLLIN);
	OP_TAKES(RM, KTM_NOTIFY_ROLLBACK);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_ROLLBACK_COMPLETE, .on = EN);
	if (callers)
		test_join(caller);
	op_enable(RM);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN2);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	close(rm);
	close(drv);
	driver_open();
}

TEST(disabling_waits_for_a_callback)
{
	waits_for_what_runs(false);
}

TEST(disabling_waits_for_a_caller)
{
	waits_for_what_runs(true);
}

/* By whichever use of its own RM: it would wait for itself, and all goes on. */
static void disables_its_own(unsigned int use, bool callers)
{
	struct ktm_test_told t;

	op_begin();
	another_use(KTM_RM_ALL_ACCESS);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_DISABLE, KTM_CALLBACK_HANDLED, use);
	if (callers)
		op_commit(TX, KTM_STATUS_SUCCESS);
	else
		OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	t = TOLD(RM, KTM_NOTIFY_PREPARE);
	CHECK_EQ(t.thread == (unsigned int)gettid(), callers);
	CHECK_EQ(t.ret, -EDEADLK);
	CHECK_EQ(t.status, KTM_STATUS_POSSIBLE_DEADLOCK);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	OP(KTM_STATUS_SUCCESS, RM_DISABLE_CALLBACKS, .on = RM);
	close(drv);
	driver_open();
}

TEST(disables_its_own_rm)
{
	disables_its_own(RM, false);
	disables_its_own(RM2, false);
	disables_its_own(RM, true);
	disables_its_own(RM2, true);
}

/* Those of another RM it waits for: whoever's thread it has. */
static void disables_another(unsigned int what, bool callers)
{
	static const unsigned int tx = TX;
	pid_t pid = -1;

	op_begin();
	op_rm(RM2);
	op_enable(RM2);
	op_tx(TX2);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_enlist(RM2, TX2, EN2, EN_MASK);
	OP_TRY(SCRIPT, .on = RM2, .mask = KTM_NOTIFY_PREPARE, .flags = KTM_TEST_DO_SLEEP,
	       .returns = KTM_CALLBACK_PENDING);
	op_script(KTM_NOTIFY_PREPARE, what, KTM_CALLBACK_HANDLED, RM2);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX2);
	TOLD(RM2, KTM_NOTIFY_PREPARE);
	if (callers) {
		pid = test_spawn(committer, (void *)&tx);
		until_stuck(pid);
	} else {
		OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	}
	/* It is not done before the other one returns: this is told first. */
	op_tx(TX3);
	op_rm_enlist(RM, TX3, EN_MASK, 3);
	OP_TRY(TRANSACTION_ROLLBACK, .on = TX3);
	TOLD(RM, KTM_NOTIFY_ROLLBACK);
	OP_TRY(RELEASE);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).ret, 0);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	if (callers)
		test_join(pid);
	if (what == KTM_TEST_DO_DISABLE) {
		OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN2);
		OP_TAKES(RM2, KTM_NOTIFY_COMMIT);
	}
	close(drv);
	driver_open();
}

TEST(disables_another_rm)
{
	disables_another(KTM_TEST_DO_DISABLE, true);
	disables_another(KTM_TEST_DO_DISABLE, false);
}

TEST(puts_another_rm)
{
	disables_another(KTM_TEST_DO_PUT, true);
	disables_another(KTM_TEST_DO_PUT, false);
}

/* One has done it; but the other one, too, need not fear a callback any more. */
static void disable_or_not(void *data)
{
	const int ret = OP_TRY(RM_DISABLE_CALLBACKS, .on = RM).ret;

	(void)data;
	CHECK(!ret || ret == -EPROTO);
	__atomic_add_fetch(&shared_word[ret ? 1 : 0], 1, __ATOMIC_SEQ_CST);
}

TEST(two_disable)
{
	pid_t pids[2];

	op_begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, KTM_CALLBACK_HANDLED, 0);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	pids[0] = test_spawn(disable_or_not, NULL);
	pids[1] = test_spawn(disable_or_not, NULL);
	until_stuck(pids[0]);
	until_stuck(pids[1]);
	OP_TRY(RELEASE);
	test_join(pids[0]);
	test_join(pids[1]);
	CHECK_EQ(shared_word[0], 1);
	CHECK_EQ(shared_word[1], 1);
	OP_TAKES(RM, KTM_NOTIFY_COMMIT);
	close(drv);
}

/* To put what somebody uses is wrong. It waits, too, and both end. */
TEST(put_while_disabling_waits)
{
	pid_t caller, pid = disable_in_a_callback(true, &caller), putter;

	putter = test_spawn(put_rm, NULL);
	until_stuck(putter);
	CHECK(!is_open(1));
	OP_TRY(RELEASE);
	test_join(pid);
	test_join(putter);
	test_join(caller);
	close(drv);
}

/* By the same use not before all have returned; another one is told at once. */
TEST(enabled_again_while_disabling_waits)
{
	pid_t caller, pid = disable_in_a_callback(true, &caller);

	another_use(KTM_RM_ALL_ACCESS);
	OP(KTM_STATUS_REQUEST_NOT_VALID, RM_ENABLE_CALLBACKS, .on = RM);
	op_enable(RM2);
	op_tx(TX2);
	op_rm_enlist(RM, TX2, EN_MASK, 2);
	op_commit(TX2, KTM_STATUS_SUCCESS);
	TOLD(RM2, KTM_NOTIFY_PREPARE);
	TOLD(RM2, KTM_NOTIFY_COMMIT);
	CHECK(!is_open(1));
	OP_TRY(RELEASE);
	test_join(pid);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_ROLLBACK, .on = EN);
	TOLD(RM2, KTM_NOTIFY_ROLLBACK);
	test_join(caller);
	close(drv);
}

/*
 * In the thread of a client that is about to die, and cannot answer for a use without the right to:
 * what it was told is done, and the answer is left to a worker, who has it no better.
 */
static pid_t handled_in_who_dies(void)
{
	static const unsigned int tx = TX;
	pid_t pid;

	op_volatile();
	op_rm(RM2);
	OP(KTM_STATUS_SUCCESS, RM_GET_FROM_FD, .slot = RM, .access = KTM_RM_GET_NOTIFICATION,
	   .fd = op_to_fd(OP_RM_TO_FD, RM2, KTM_RM_GET_NOTIFICATION));
	op_enable(RM);
	op_tx(TX);
	op_enlist(RM2, TX, EN, EN_MASK);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP | KTM_TEST_DO_ONCE, KTM_CALLBACK_HANDLED,
		  0);
	pid = test_spawn(committer, (void *)&tx);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).thread, (unsigned int)pid);
	return pid;
}

/* Nobody does it a second time. */
TEST(handled_but_not_answered)
{
	test_kill(handled_in_who_dies());
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_COMMIT_COMPLETE, .on = EN);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	close(drv);
}

/* But who takes the RM over has not done it. */
TEST(handled_and_disabled)
{
	pid_t client = handled_in_who_dies(), pid = test_spawn(disable_rm, NULL);

	until_stuck(pid);
	test_kill(client);
	test_join(pid);
	op_enable(RM2);
	TOLD(RM2, KTM_NOTIFY_PREPARE);
	TOLD(RM2, KTM_NOTIFY_COMMIT);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	close(drv);
}
