// SPDX-License-Identifier: GPL-2.0
/*
 * Drivers' RMs that are told by callback, and commits that call back: the kernel half is
 * selftests/ktm_test/told.c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk.h"
#include "opcalls.h"
#include "programs.h"

#define ALL_KINDS	0xffffffff
/* The kernel's own. */
#define ERESTARTSYS	512
#define EN_MASK_0	(EN_MASK | KTM_NOTIFY_PREPREPARE)
#define DURABLE_RM	guid_of(981)

/* Slots: 0 is the TM. */
enum { RM = 1, RM2, TX, TX2, TX3, EN, EN2 };

void test_setup(void)
{
	driver_open();
}

static void enable(unsigned int rm)
{
	OP(KTM_STATUS_SUCCESS, RM_ENABLE_CALLBACKS, .on = rm);
}

static void script(unsigned int mask, unsigned int what, int returns, unsigned int with)
{
	OP_TRY(SCRIPT, .mask = mask, .flags = what, .returns = returns, .with = with);
}

/* A volatile TM, an RM with callbacks, a transaction. */
static void begin(void)
{
	op_volatile();
	op_rm(RM);
	enable(RM);
	op_tx(TX);
}

static void commit(unsigned int tx, unsigned int want)
{
	OP(want, TRANSACTION_COMMIT, .on = tx, .flags = KTM_CALL_WAIT);
}

static void in_child(void *data)
{
	commit(*(unsigned int *)data, KTM_STATUS_SUCCESS);
}

/* ---- what it is told, and what comes of what it returns ---- */

TEST(handled)
{
	struct ktm_test_told t;
	guid_t en;

	begin();
	en = op_rm_enlist(RM, TX, EN_MASK_0, 77);
	commit(TX, KTM_STATUS_SUCCESS);
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
	begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_ROLLBACK, .on = TX, .flags = KTM_CALL_WAIT);
	TOLD(RM, KTM_NOTIFY_ROLLBACK);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_ABORTED);
	close(drv);
}

TEST(handled_in_a_single_phase)
{
	begin();
	op_rm_enlist(RM, TX, EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT, 1);
	commit(TX, KTM_STATUS_SUCCESS);
	TOLD(RM, KTM_NOTIFY_SINGLE_PHASE_COMMIT);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_COMMITTED);
	close(drv);
}

/* It says that it has done it, and has said so to ktm before. */
TEST(answers_by_itself)
{
	begin();
	op_rm_enlist(RM, TX, EN_MASK_0, 1);
	script(ALL_KINDS, KTM_TEST_DO_ANSWER, KTM_CALLBACK_PENDING, 0);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_ANSWER, KTM_CALLBACK_HANDLED, 0);
	commit(TX, KTM_STATUS_SUCCESS);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPREPARE).status, KTM_STATUS_SUCCESS);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).status, KTM_STATUS_SUCCESS);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_COMMIT).status, KTM_STATUS_SUCCESS);
	close(drv);
}

/* It answers when it likes: nobody answers for it. */
TEST(pending)
{
	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	script(ALL_KINDS, 0, KTM_CALLBACK_PENDING, 0);
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
	begin();
	op_rm(RM2);
	enable(RM2);
	op_rm_enlist(RM, TX, EN_MASK_0, 1);
	op_rm_enlist(RM2, TX, EN_MASK_0, 2);
	script(kind, 0, -EIO, 0);
	commit(TX, KTM_STATUS_ROLLED_BACK);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_ABORTED);
	close(drv);
	driver_open();
}

TEST(error_before_the_vote)
{
	error_in(KTM_NOTIFY_PREPREPARE);
	error_in(KTM_NOTIFY_PREPARE);
	begin();
	op_rm_enlist(RM, TX, EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT, 1);
	script(KTM_NOTIFY_SINGLE_PHASE_COMMIT, 0, -EIO, 0);
	commit(TX, KTM_STATUS_ROLLED_BACK);
	close(drv);
}

/* Then it owes its answer, and can still give it. */
TEST(error_after_the_vote)
{
	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	script(KTM_NOTIFY_COMMIT, 0, -EIO, 0);
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
	enable(RM);
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
	script(ALL_KINDS, KTM_TEST_DO_SLEEP, KTM_CALLBACK_PENDING, 0);
	enable(RM);
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

/* Put, it calls nobody any more; what comes is for readers. */
TEST(disabled_by_put)
{
	int rm, tx;
	guid_t en;

	begin();
	rm = op_to_fd(OP_RM_TO_FD, RM, KTM_RM_ALL_ACCESS);
	tx = op_to_fd(OP_TRANSACTION_TO_FD, TX, KTM_TX_ALL_ACCESS);
	en = op_rm_enlist(RM, TX, EN_MASK, 1);
	script(ALL_KINDS, KTM_TEST_DO_ANSWER, KTM_CALLBACK_PENDING, 0);
	op_put(RM);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(rm, en);
	en_commit(rm, en);
	WAIT(tx, KTM_STATUS_SUCCESS);
	/* And they may be enabled again. */
	OP(KTM_STATUS_SUCCESS, RM_GET_FROM_FD, .slot = RM, .fd = rm, .access = KTM_RM_ALL_ACCESS);
	enable(RM);
	op_tx(TX2);
	op_rm_enlist(RM, TX2, EN_MASK, 2);
	commit(TX2, KTM_STATUS_SUCCESS);
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

	begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, 0, 0);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	pid = test_spawn(put_rm, NULL);
	until_stuck(pid);
	OP_TRY(RELEASE);
	meet(1);
	test_join(pid);
	close(drv);
}

static void rolled_back(void *data)
{
	(void)data;
	commit(TX, KTM_STATUS_ROLLED_BACK);
}

/* Also for that which the caller of Commit runs; with it the vote comes to nothing. */
TEST(put_waits_for_a_caller)
{
	pid_t caller, pid;

	begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, KTM_CALLBACK_PENDING, 0);
	caller = test_spawn(rolled_back, NULL);
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
	begin();
	another_use(KTM_RM_ENLIST);
	OP(KTM_STATUS_ACCESS_DENIED, RM_DISABLE_CALLBACKS, .on = RM2);
	op_put(RM2);
	another_use(KTM_RM_ALL_ACCESS);
	OP(KTM_STATUS_REQUEST_NOT_VALID, RM_DISABLE_CALLBACKS, .on = RM2);
	OP(KTM_STATUS_SUCCESS, RM_DISABLE_CALLBACKS, .on = RM);
	OP(KTM_STATUS_REQUEST_NOT_VALID, RM_DISABLE_CALLBACKS, .on = RM);
	enable(RM2);
	OP(KTM_STATUS_REQUEST_NOT_VALID, RM_DISABLE_CALLBACKS, .on = RM);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	commit(TX, KTM_STATUS_SUCCESS);
	TOLD(RM2, KTM_NOTIFY_PREPARE);
	TOLD(RM2, KTM_NOTIFY_COMMIT);
	OP(KTM_STATUS_SUCCESS, RM_DISABLE_CALLBACKS, .on = RM2);
	op_put(RM2);
	enable(RM);
	op_tx(TX2);
	op_rm_enlist(RM, TX2, EN_MASK, 2);
	commit(TX2, KTM_STATUS_SUCCESS);
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

	begin();
	op_enlist(RM, TX, EN, EN_MASK_0);
	script(KTM_NOTIFY_PREPREPARE, KTM_TEST_DO_SLEEP, KTM_CALLBACK_PENDING, 0);
	if (callers)
		*caller = test_spawn(rolled_back, NULL);
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
	enable(RM);
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

	begin();
	another_use(KTM_RM_ALL_ACCESS);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_DISABLE, KTM_CALLBACK_HANDLED, use);
	if (callers)
		commit(TX, KTM_STATUS_SUCCESS);
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

	begin();
	op_rm(RM2);
	enable(RM2);
	op_tx(TX2);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_enlist(RM2, TX2, EN2, EN_MASK);
	OP_TRY(SCRIPT, .on = RM2, .mask = KTM_NOTIFY_PREPARE, .flags = KTM_TEST_DO_SLEEP,
	       .returns = KTM_CALLBACK_PENDING);
	script(KTM_NOTIFY_PREPARE, what, KTM_CALLBACK_HANDLED, RM2);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX2);
	TOLD(RM2, KTM_NOTIFY_PREPARE);
	if (callers) {
		pid = test_spawn(in_child, (void *)&tx);
		until_stuck(pid);
	} else {
		OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	}
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

	begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, KTM_CALLBACK_HANDLED, 0);
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
	enable(RM2);
	op_tx(TX2);
	op_rm_enlist(RM, TX2, EN_MASK, 2);
	commit(TX2, KTM_STATUS_SUCCESS);
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

/* ---- what it does ---- */

TEST(puts_its_own_enlistment)
{
	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_PUT, KTM_CALLBACK_PENDING, EN);
	commit(TX, KTM_STATUS_ROLLED_BACK);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	close(drv);
}

/* The callback that puts its own RM is its last. */
TEST(puts_its_own_rm)
{
	begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM, TX, EN_MASK, 2);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_PUT, KTM_CALLBACK_PENDING, RM);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_ABORTED);
	close(drv);
}

TEST(puts_its_own_rm_in_the_caller)
{
	begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_PUT, KTM_CALLBACK_PENDING, RM);
	commit(TX, KTM_STATUS_ROLLED_BACK);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).thread, (unsigned int)gettid());
	close(drv);
}

/* It is lent: that does no harm. */
TEST(puts_what_is_lent)
{
	begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_PUT_LENT, KTM_CALLBACK_HANDLED, 0);
	commit(TX, KTM_STATUS_SUCCESS);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	close(drv);
}

TEST(commits_another_transaction)
{
	struct ktm_test_told t;

	begin();
	op_rm(RM2);
	enable(RM2);
	op_tx(TX2);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM2, TX2, EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT, 2);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_COMMIT, KTM_CALLBACK_HANDLED, TX2);
	commit(TX, KTM_STATUS_SUCCESS);
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

	begin();
	op_tx(TX2);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM, TX2, EN_MASK, 2);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_COMMIT | KTM_TEST_DO_ONCE, KTM_CALLBACK_HANDLED,
	       TX2);
	if (callers)
		commit(TX, KTM_STATUS_SUCCESS);
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
	begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(KTM_NOTIFY_COMMIT, KTM_TEST_DO_ANSWER | KTM_TEST_DO_COMMIT, KTM_CALLBACK_PENDING,
	       TX);
	commit(TX, KTM_STATUS_SUCCESS);
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

	begin();
	op_rm(RM2);
	enable(RM2);
	op_tx(TX2);
	op_tx(TX3);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM2, TX2, EN_MASK, 2);
	op_rm_enlist(RM, TX3, EN_MASK, 3);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP | KTM_TEST_DO_ONCE, 0, 0);
	if (callers)
		pid = test_spawn(in_child, (void *)&tx);
	else
		OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	for (i = 0; i < 2; i++) {
		if (callers)
			commit(others[i].tx, KTM_STATUS_SUCCESS);
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

	begin();
	op_rm_enlist(RM, TX, EN_MASK_0, 1);
	commit(TX, KTM_STATUS_SUCCESS);
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

	begin();
	op_rm(RM2);
	enable(RM2);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM2, TX, EN_MASK, 2);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, 0, 0);
	pid = test_spawn(in_child, (void *)&tx);
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

	begin();
	op_rm(RM2);
	enable(RM2);
	op_enlist(RM, TX, EN, EN_MASK_0);
	op_enlist(RM2, TX, EN2, EN_MASK);
	script(KTM_NOTIFY_PREPREPARE, KTM_TEST_DO_SLEEP, KTM_CALLBACK_PENDING, 0);
	pid = test_spawn(rolled_back, (void *)&tx);
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
	in_child(data);
}

/* What it may do does not depend on whose thread that is. */
TEST(with_the_rights_of_the_kernel)
{
	static const unsigned int tx = TX;
	pid_t pid;

	begin();
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
	CHECK_EQ(run("echo $PPID >" GROUP "/cgroup.procs; echo -1000 >/proc/$PPID/oom_score_adj"),
		 0);
	CHECK_EQ(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
	CHECK_EQ(run("echo 4096 >" GROUP "/memory.max"), 0);
	in_child(data);
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
	begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(ALL_KINDS, KTM_TEST_DO_ALLOCATE, KTM_CALLBACK_HANDLED, 0);
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

	begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_ONCE, -EINTR, 0);
	commit(TX, KTM_STATUS_SUCCESS);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).thread, self);
	CHECK(TOLD(RM, KTM_NOTIFY_PREPARE).thread != self);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	op_tx(TX2);
	op_rm_enlist(RM, TX2, EN_MASK, 2);
	script(KTM_NOTIFY_COMMIT, KTM_TEST_DO_ONCE, -ERESTARTSYS, 0);
	commit(TX2, KTM_STATUS_SUCCESS);
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

	begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(KTM_NOTIFY_COMMIT, KTM_TEST_DO_SLEEP | KTM_TEST_DO_ONCE, -ENOMEM, 0);
	pid = test_spawn(in_child, (void *)&tx);
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
	begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(KTM_NOTIFY_PREPARE, 0, -EINTR, 0);
	commit(TX, KTM_STATUS_ROLLED_BACK);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	close(drv);
}

/* kill -9 of a client that is in a driver's callback: that returns, and the commit goes on. */
TEST(caller_is_killed_in_a_callback)
{
	static const unsigned int tx = TX;
	pid_t pid;

	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, KTM_CALLBACK_PENDING, 0);
	pid = test_spawn(in_child, (void *)&tx);
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

	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	script(KTM_NOTIFY_PREPARE, 0, KTM_CALLBACK_PENDING, 0);
	pid = test_spawn(in_child, (void *)&tx);
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
	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	script(KTM_NOTIFY_PREPARE, 0, KTM_CALLBACK_PENDING, 0);
	pid = test_spawn(in_child, (void *)&tx);
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
	commit(TX, KTM_STATUS_ALREADY_ABORTED);
}

/* Who is frozen is not yet one that waits for the commit. */
TEST(not_by_who_is_frozen)
{
	pid_t pid;

	begin();
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

	begin();
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

	begin();
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

	begin();
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
	script(KTM_NOTIFY_PREPARE_COMPLETE, 0, -EIO, 0);
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
			commit(tx, KTM_STATUS_SUCCESS);
		op_put(tx);
	}
}

/* Many clients, each of whose transactions several RMs take part in. */
TEST(many_at_once)
{
	pid_t pids[MANY];
	unsigned int i;

	op_volatile();
	script(ALL_KINDS, KTM_TEST_DO_QUIETLY, KTM_CALLBACK_HANDLED, 0);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_QUIETLY | KTM_TEST_DO_ANSWER,
	       KTM_CALLBACK_PENDING, 0);
	for (i = 0; i < MANY_RMS; i++) {
		op_rm(1 + i);
		enable(1 + i);
	}
	for (i = 0; i < MANY; i++)
		pids[i] = test_spawn(one_of_many, (void *)(uintptr_t)i);
	for (i = 0; i < MANY; i++)
		test_join(pids[i]);
	close(drv);
}

/* ---- durable ---- */

static void make_durable(struct disk *d)
{
	int fd;

	*d = disk_make(8 * MIB);
	journal_format(d->path, guid_of(980));
	fd = disk_open(d->path);
	OP(KTM_STATUS_SUCCESS, TM_CREATE, .slot = 0, .device = fd + 1,
	   .access = KTM_TM_ALL_ACCESS);
	close(fd);
	OP(KTM_STATUS_SUCCESS, TM_RECOVER, .on = 0);
	OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM, .guid = DURABLE_RM,
	   .access = KTM_RM_ALL_ACCESS);
	enable(RM);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	TOLD(RM, KTM_NOTIFY_LAST_RECOVER);
}

static void finish_durable(struct disk *d)
{
	close(drv);
	tm_close(-1, d->path);
}

TEST(durable)
{
	struct disk d;

	make_durable(&d);
	op_tx(TX);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	commit(TX, KTM_STATUS_SUCCESS);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	finish_durable(&d);
}

/* It goes with a vote in the log, comes back, and is told by callback how that has ended. */
TEST(comes_back)
{
	struct ktm_test_told t;
	struct disk d;
	guid_t en;

	make_durable(&d);
	op_tx(TX);
	en = op_rm_enlist(RM, TX, EN_MASK, 5);
	script(KTM_NOTIFY_COMMIT, 0, KTM_CALLBACK_PENDING, 0);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	op_put(RM);
	OP(KTM_STATUS_SUCCESS, RM_OPEN, .on = 0, .slot = RM, .guid = DURABLE_RM,
	   .access = KTM_RM_ALL_ACCESS);
	script(KTM_NOTIFY_COMMIT, 0, KTM_CALLBACK_HANDLED, 0);
	enable(RM);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	t = TOLD(RM, KTM_NOTIFY_RECOVER);
	CHECK(same(&t.notification.enlistment, &en));
	CHECK_EQ(t.notification.key, 5);
	/* Which of the two is first is not said. */
	t = told();
	if (t.notification.kind == KTM_NOTIFY_LAST_RECOVER) {
		TOLD(RM, KTM_NOTIFY_COMMIT);
	} else {
		CHECK_EQ(t.notification.kind, KTM_NOTIFY_COMMIT);
		TOLD(RM, KTM_NOTIFY_LAST_RECOVER);
	}
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	finish_durable(&d);
}

/* An RM that has voted, and comes back when that was decided; and another one. */
static void come_back(struct disk *d)
{
	make_durable(d);
	op_rm(RM2);
	enable(RM2);
	op_tx(TX);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(KTM_NOTIFY_COMMIT, 0, KTM_CALLBACK_PENDING, 0);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	op_put(RM);
	OP(KTM_STATUS_SUCCESS, RM_OPEN, .on = 0, .slot = RM, .guid = DURABLE_RM,
	   .access = KTM_RM_ALL_ACCESS);
	enable(RM);
}

/* Nothing else was told than what the test has taken. */
static void nothing_but_that(void)
{
	op_tx(TX2);
	op_rm_enlist(RM2, TX2, EN_MASK, 2);
	OP_TRY(TRANSACTION_ROLLBACK, .on = TX2);
	TOLD(RM2, KTM_NOTIFY_ROLLBACK);
}

/* A RECOVER counts when its callback has returned: it may be told again. */
TEST(last_recover_behind_what_is_told)
{
	unsigned int i, kinds = 0;
	struct disk d;

	come_back(&d);
	script(KTM_NOTIFY_COMMIT, 0, KTM_CALLBACK_HANDLED, 0);
	script(KTM_NOTIFY_RECOVER, KTM_TEST_DO_SLEEP, KTM_CALLBACK_HANDLED, 0);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	TOLD(RM, KTM_NOTIFY_RECOVER);
	nothing_but_that();
	OP_TRY(RELEASE);
	for (i = 0; i < 2; i++)
		kinds |= told().notification.kind;
	CHECK_EQ(kinds, KTM_NOTIFY_COMMIT | KTM_NOTIFY_LAST_RECOVER);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	finish_durable(&d);
}

/* It waits for no other callback: that of COMMIT may wait until all is recovered. */
TEST(last_recover_while_another_is_told)
{
	unsigned int i, kinds = 0;
	struct disk d;

	come_back(&d);
	script(KTM_NOTIFY_COMMIT, KTM_TEST_DO_SLEEP, KTM_CALLBACK_HANDLED, 0);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	TOLD(RM, KTM_NOTIFY_RECOVER);
	for (i = 0; i < 2; i++)
		kinds |= told().notification.kind;
	CHECK_EQ(kinds, KTM_NOTIFY_COMMIT | KTM_NOTIFY_LAST_RECOVER);
	OP_TRY(RELEASE);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	finish_durable(&d);
}

/* The RECOVER of EN has to wait, for the callback of its PREPARE. */
static void recover_meanwhile(struct disk *d)
{
	make_durable(d);
	op_rm(RM2);
	enable(RM2);
	op_tx(TX);
	op_enlist(RM, TX, EN, EN_MASK);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_ANSWER | KTM_TEST_DO_SLEEP, KTM_CALLBACK_PENDING,
	       0);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	nothing_but_that();
}

/* And LAST_RECOVER behind it. */
TEST(last_recover_behind_what_waits)
{
	unsigned int kind, kinds = 0;
	struct disk d;

	recover_meanwhile(&d);
	OP_TRY(RELEASE);
	do {
		kind = told().notification.kind;
		kinds |= kind;
	} while (kind != KTM_NOTIFY_LAST_RECOVER);
	CHECK(kinds & KTM_NOTIFY_RECOVER);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	finish_durable(&d);
}

/* Until it is not to be told any more. */
TEST(last_recover_behind_what_is_withdrawn)
{
	struct disk d;

	recover_meanwhile(&d);
	OP(KTM_STATUS_PENDING, ENLISTMENT_RECOVER, .on = EN);
	TOLD(RM, KTM_NOTIFY_LAST_RECOVER);
	OP_TRY(RELEASE);
	/* INDOUBT before it, if that is not durable yet. */
	while (told().notification.kind != KTM_NOTIFY_COMMIT)
		;
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	finish_durable(&d);
}

/* A durable RM with callbacks and a transaction with it, on a log that is about to fail. */
static void begin_to_fail(struct disk *d, struct flaky *f)
{
	int fd;

	*d = disk_make(8 * MIB);
	*f = flaky_make(d);
	journal_format(f->path, guid_of(980));
	fd = disk_open(f->path);
	OP(KTM_STATUS_SUCCESS, TM_CREATE, .slot = 0, .device = fd + 1,
	   .access = KTM_TM_ALL_ACCESS);
	close(fd);
	OP(KTM_STATUS_SUCCESS, TM_RECOVER, .on = 0);
	OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM, .access = KTM_RM_ALL_ACCESS);
	enable(RM);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	TOLD(RM, KTM_NOTIFY_LAST_RECOVER);
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

/* ---- commits that call back ---- */

TEST(commit_async)
{
	struct ktm_test_told t;

	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	script(KTM_NOTIFY_PREPARE, 0, KTM_CALLBACK_PENDING, 0);
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

	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	script(KTM_NOTIFY_PREPARE, 0, KTM_CALLBACK_PENDING, 0);
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

/* ---- modules ---- */

static int unload(const char *module)
{
	return syscall(SYS_delete_module, module, O_NONBLOCK);
}

/* The driver cannot go while one of its callbacks runs, or is still to come. */
TEST(not_unloaded_in_a_callback)
{
	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, 0, 0);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT_ASYNC, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	CHECK_EQ(unload("ktm_test"), -1);
	CHECK_EQ(unload("ktm"), -1);
	OP_TRY(RELEASE);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	TOLD(TX, 0);
	close(drv);
}

/* Is it in the kernel's log, in what came since this was opened? */
static bool logged(int log, const char *text)
{
	char line[8192];
	ssize_t n;

	while ((n = read(log, line, sizeof(line) - 1)) > 0) {
		line[n] = 0;
		if (strstr(line, text))
			return true;
	}
	CHECK_EQ(errno, EAGAIN);
	return false;
}

/*
 * A driver whose init function fails goes in any case, and is not called for what it has begun to
 * commit. That goes on.
 */
TEST(commit_async_and_fail_to_start)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int t = tm_volatile(), rm = rm_create(t, KTM_RM_VOLATILE), tx = tx_create(t);
	const guid_t en = enlist(rm, tx);
	char parameters[32];

	CHECK(log >= 0);
	lseek(log, 0, SEEK_END);
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

/* Nor does it go while a callback runs that has put its RM. */
TEST(put_in_a_callback_and_fail_to_start)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int t = tm_volatile(), rm = rm_create(t, KTM_RM_VOLATILE), tx = tx_create(t);
	char parameters[32];

	CHECK(log >= 0);
	lseek(log, 0, SEEK_END);
	enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	driver_unload();
	snprintf(parameters, sizeof(parameters), "puts=%d", rm);
	CHECK_EQ(driver_load(parameters), -1);
	CHECK_EQ(errno, ECANCELED);
	CHECK(logged(log, "ktm_test: the callback returns"));
	close(tx);
	close(rm);
	close(t);
	close(log);
}

/*
 * The last one. A driver that goes and holds a TM and an RM with callbacks: both are named, the
 * RM is closed, and the TM can still be used by who knows where it is.
 */
TEST(forgotten)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), tm;
	struct ktm_test_op c;

	CHECK(log >= 0);
	begin();
	op_put(TX);
	tm = op_to_fd(OP_TM_TO_FD, 0, KTM_TM_ALL_ACCESS);
	CHECK_EQ(count_objects(tm, KTM_KIND_RM), 1);
	OP_TRY(FORGET, .on = RM);
	c = OP_TRY(FORGET, .on = 0);
	lseek(log, 0, SEEK_END);
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
