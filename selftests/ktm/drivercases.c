// SPDX-License-Identifier: GPL-2.0
/*
 * Hard cases of drivers' RMs: callbacks that do not return, that commit and put, clients that are
 * killed in every phase, superiors here and there, modules that go and come back. The kernel half
 * is selftests/ktm_test/told.c.
 *
 * A callback may run in any thread, and of two enlistments either may be told first: nothing here
 * relies on more than the order of one enlistment's own notifications.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "disk.h"
#include "kernellog.h"
#include "opcalls.h"

#define EN_MASK_0	(EN_MASK | KTM_NOTIFY_PREPREPARE)
#define SINGLE		(EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT)
#define BOSS		(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE | \
			 KTM_NOTIFY_RECOVER_QUERY | KTM_NOTIFY_LAST_RECOVER)

/* Slots: 0 is the TM. */
enum { RM = 1, RM2, RM3, TX, TX2, TX3, EN, EN2, STREAM };

void test_setup(void)
{
	driver_open();
}

static void script(unsigned int rm, unsigned int mask, unsigned int what, int returns,
		   unsigned int with)
{
	OP_TRY(SCRIPT, .on = rm, .mask = mask, .flags = what, .returns = returns, .with = with);
}

static void new_rm(unsigned int slot)
{
	op_rm(slot);
	OP(KTM_STATUS_SUCCESS, RM_ENABLE_CALLBACKS, .on = slot);
}

/* A volatile TM, an RM with callbacks, a transaction. */
static void begin(void)
{
	op_volatile();
	new_rm(RM);
	op_tx(TX);
}

static void commit(unsigned int tx, unsigned int want)
{
	OP(want, TRANSACTION_COMMIT, .on = tx, .flags = KTM_CALL_WAIT);
}

/* A superior that has not heard of it yet keeps it from being over. */
static void ends(unsigned int tx, unsigned int state)
{
	const struct deadline end = deadline_in(PATIENCE);

	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = tx, .timeout_ns = PATIENCE * 1000000000ull);
	while (op_tx_state(tx) != state) {
		CHECK(!deadline_passed(&end));
		nap();
	}
}

/* Somebody else commits: it has to come to this, or to either. */
#define EITHER	(~0u)

struct other {
	unsigned int tx, want;
};

static void commit_in_other(void *data)
{
	const struct other *o = data;
	struct ktm_test_op c;

	if (o->want != EITHER) {
		commit(o->tx, o->want);
		return;
	}
	c = OP_TRY(TRANSACTION_COMMIT, .on = o->tx, .flags = KTM_CALL_WAIT);
	CHECK(c.status == KTM_STATUS_SUCCESS || c.status == KTM_STATUS_ROLLED_BACK);
}

static pid_t committer(unsigned int tx, unsigned int want)
{
	struct other o = { tx, want };

	return test_spawn(commit_in_other, &o);
}

/* So many are told, in any order: how many of them were of this RM (0: of any) and this kind? */
static unsigned int told_of(unsigned int number, unsigned int rm, unsigned int kind)
{
	unsigned int n = 0;
	struct ktm_test_told t;

	while (number--) {
		t = told();
		n += t.notification.kind == kind && (!rm || t.rm == rm);
	}
	return n;
}

/* Nothing more is told but this: the end of a transaction that nobody takes part in. */
static void nothing_more(unsigned int tx)
{
	op_tx(tx);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_COMMIT_ASYNC, .on = tx);
	TOLD(tx, 0);
	op_put(tx);
}

/* ---- callbacks that sleep ---- */

/*
 * One that does not return: the others of its transaction are told, too, and other transactions,
 * also those of RMs that take part in both, come to their ends.
 */
TEST(one_does_not_return)
{
	pid_t pid;

	begin();
	new_rm(RM2);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM2, TX, EN_MASK, 2);
	script(RM, KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, 0, 0);
	pid = committer(TX, KTM_STATUS_SUCCESS);
	CHECK_EQ(told_of(2, 0, KTM_NOTIFY_PREPARE), 2);
	op_tx(TX2);
	op_rm_enlist(RM2, TX2, EN_MASK_0, 3);
	commit(TX2, KTM_STATUS_SUCCESS);
	CHECK_EQ(told_of(3, RM2, KTM_NOTIFY_COMMIT), 1);
	op_tx(TX3);
	op_rm_enlist(RM2, TX3, EN_MASK, 4);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_ROLLBACK, .on = TX3, .flags = KTM_CALL_WAIT);
	TOLD(RM2, KTM_NOTIFY_ROLLBACK);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_PREPARING);
	OP_TRY(RELEASE);
	test_join(pid);
	CHECK_EQ(told_of(2, 0, KTM_NOTIFY_COMMIT), 2);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_COMMITTED);
	close(drv);
}

/* ... and one that says no does not wait for it. */
TEST(rolled_back_while_one_sleeps)
{
	pid_t pid;

	begin();
	new_rm(RM2);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_enlist(RM2, TX, EN, EN_MASK);
	script(RM, KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, 0, 0);
	script(RM2, KTM_NOTIFY_PREPARE, 0, KTM_CALLBACK_PENDING, 0);
	pid = committer(TX, KTM_STATUS_ROLLED_BACK);
	CHECK_EQ(told_of(2, 0, KTM_NOTIFY_PREPARE), 2);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_ROLLBACK, .on = EN);
	TOLD(RM2, KTM_NOTIFY_ROLLBACK);
	OP_TRY(RELEASE);
	TOLD(RM, KTM_NOTIFY_ROLLBACK);
	test_join(pid);
	close(drv);
}

/* What nobody has begun to tell, and a rollback overtakes, is not told. */
TEST(overtaken_by_a_rollback)
{
	int other, tm, tx;
	guid_t en;

	begin();
	tm = op_to_fd(OP_TM_TO_FD, 0, KTM_TM_ALL_ACCESS);
	tx = op_to_fd(OP_TRANSACTION_TO_FD, TX, KTM_TX_ALL_ACCESS);
	other = rm_create(tm, KTM_RM_VOLATILE);
	op_rm_enlist(RM, TX, EN_MASK_0, 1);
	en = enlist(other, tx);
	script(0, KTM_NOTIFY_PREPREPARE, KTM_TEST_DO_ANSWER | KTM_TEST_DO_SLEEP,
	       KTM_CALLBACK_PENDING, 0);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPREPARE);
	/* Its own PREPARE waits until its callback has returned. */
	TAKE(other, KTM_NOTIFY_PREPARE, en);
	ANSWER(other, KTM_IOC_EN_ROLLBACK, en, KTM_STATUS_SUCCESS);
	en_rollback(other, en);
	OP_TRY(RELEASE);
	TOLD(RM, KTM_NOTIFY_ROLLBACK);
	nothing_more(TX3);
	close(tx);
	close(other);
	close(tm);
	close(drv);
}

/* Two clients of one RM are in its callbacks at once, or one after the other. */
TEST(two_commit_with_one_rm)
{
	pid_t pids[2];

	begin();
	op_tx(TX2);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM, TX2, EN_MASK, 2);
	script(0, KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, 0, 0);
	pids[0] = committer(TX, KTM_STATUS_SUCCESS);
	pids[1] = committer(TX2, KTM_STATUS_SUCCESS);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	until_waiting(pids[0]);
	until_waiting(pids[1]);
	OP_TRY(RELEASE);
	test_join(pids[0]);
	test_join(pids[1]);
	CHECK_EQ(told_of(3, RM, KTM_NOTIFY_COMMIT), 2);
	close(drv);
}

static void put_rm(void *data)
{
	(void)data;
	op_put(RM);
	go(1);
}

/*
 * Who puts the RM waits for callbacks in whatever thread they run; no other comes then. Who has not
 * voted has not, when it has gone.
 */
TEST(put_waits_for_committers)
{
	pid_t pids[2], putter;

	begin();
	op_tx(TX2);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM, TX2, EN_MASK, 2);
	script(0, KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, 0, 0);
	pids[0] = committer(TX, EITHER);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	pids[1] = committer(TX2, EITHER);
	until_waiting(pids[1]);
	putter = test_spawn(put_rm, NULL);
	until_stuck(putter);
	CHECK(!is_open(1));
	OP_TRY(RELEASE);
	meet(1);
	test_join(putter);
	test_join(pids[0]);
	test_join(pids[1]);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_COMMITTED);
	close(drv);
}

TEST(nothing_is_told_after_a_put)
{
	pid_t pid, putter;

	begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(0, KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, 0, 0);
	pid = committer(TX, KTM_STATUS_SUCCESS);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	putter = test_spawn(put_rm, NULL);
	until_stuck(putter);
	OP_TRY(RELEASE);
	test_join(putter);
	test_join(pid);
	nothing_more(TX2);
	close(drv);
}

/*
 * Callbacks are disabled while one runs, and enabled again by who has the RM open, too: what has
 * come due meanwhile is told there.
 */
TEST(enabled_again_while_one_runs)
{
	pid_t pid, putter;
	guid_t guid, en;
	int other, tm, tx;

	op_volatile();
	guid = OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM, .flags = KTM_RM_VOLATILE,
		  .access = KTM_RM_ALL_ACCESS).guid;
	OP(KTM_STATUS_SUCCESS, RM_ENABLE_CALLBACKS, .on = RM);
	OP(KTM_STATUS_SUCCESS, RM_OPEN, .on = 0, .slot = RM2, .guid = guid,
	   .access = KTM_RM_ALL_ACCESS);
	tm = op_to_fd(OP_TM_TO_FD, 0, KTM_TM_ALL_ACCESS);
	other = rm_create(tm, KTM_RM_VOLATILE);
	op_tx(TX);
	tx = op_to_fd(OP_TRANSACTION_TO_FD, TX, KTM_TX_ALL_ACCESS);
	en = enlist(other, tx);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(0, KTM_NOTIFY_PREPARE, KTM_TEST_DO_SLEEP, KTM_CALLBACK_PENDING, 0);
	pid = committer(TX, KTM_STATUS_ROLLED_BACK);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TAKE(other, KTM_NOTIFY_PREPARE, en);
	ANSWER(other, KTM_IOC_EN_ROLLBACK, en, KTM_STATUS_SUCCESS);
	en_rollback(other, en);
	putter = test_spawn(put_rm, NULL);
	until_stuck(putter);
	OP(KTM_STATUS_SUCCESS, RM_ENABLE_CALLBACKS, .on = RM2);
	OP_TRY(RELEASE);
	TOLD(RM2, KTM_NOTIFY_ROLLBACK);
	test_join(putter);
	test_join(pid);
	close(tx);
	close(other);
	close(tm);
	close(drv);
}

/* ---- callbacks that fail ---- */

/* A rollback cannot be refused: the answer is owed, and can still be given. */
TEST(error_of_a_rollback)
{
	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	script(0, KTM_NOTIFY_ROLLBACK, 0, -EIO, 0);
	OP(KTM_STATUS_PENDING, TRANSACTION_ROLLBACK, .on = TX);
	TOLD(RM, KTM_NOTIFY_ROLLBACK);
	OP(KTM_STATUS_TIMEOUT, TRANSACTION_WAIT, .on = TX, .timeout_ns = 10000000);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_ABORTING);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_ROLLBACK_COMPLETE, .on = EN);
	ends(TX, KTM_TX_STATE_ABORTED);
	close(drv);
}

/* Of a superior: what it hears before it decides it may refuse, what it hears afterwards not. */
static void superior_fails(unsigned int kind, unsigned int state)
{
	begin();
	new_rm(RM2);
	op_rm_enlist(RM2, TX, EN_MASK, 1);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_CREATE, .on = RM, .with = TX, .slot = EN, .mask = BOSS,
	   .flags = KTM_ENLIST_SUPERIOR, .access = KTM_EN_ALL_ACCESS);
	script(RM, kind, 0, -EIO, 0);
	OP(KTM_STATUS_PENDING, ENLISTMENT_PREPREPARE, .on = EN);
	TOLD(RM, KTM_NOTIFY_PREPREPARE_COMPLETE);
	if (kind != KTM_NOTIFY_PREPREPARE_COMPLETE) {
		OP(KTM_STATUS_PENDING, ENLISTMENT_PREPARE, .on = EN);
		CHECK_EQ(told_of(2, RM, KTM_NOTIFY_PREPARE_COMPLETE), 1);
	}
	if (kind == KTM_NOTIFY_COMMIT_COMPLETE) {
		OP(KTM_STATUS_PENDING, ENLISTMENT_COMMIT, .on = EN);
		CHECK_EQ(told_of(2, RM, KTM_NOTIFY_COMMIT_COMPLETE), 1);
	}
	ends(TX, state);
	close(drv);
	driver_open();
}

TEST(errors_of_a_superior)
{
	superior_fails(KTM_NOTIFY_PREPREPARE_COMPLETE, KTM_TX_STATE_ABORTED);
	superior_fails(KTM_NOTIFY_PREPARE_COMPLETE, KTM_TX_STATE_ABORTED);
	superior_fails(KTM_NOTIFY_COMMIT_COMPLETE, KTM_TX_STATE_COMMITTED);
	close(drv);
}

/* ---- callbacks that commit ---- */

/* In the same RM: begun in a callback it goes on when that has returned, or meanwhile. */
static void begins_another_in(unsigned int kind)
{
	begin();
	op_tx(TX2);
	op_rm_enlist(RM, TX, EN_MASK_0, 1);
	op_rm_enlist(RM, TX2, EN_MASK_0, 2);
	script(0, kind, KTM_TEST_DO_BEGIN, KTM_CALLBACK_HANDLED, TX2);
	commit(TX, KTM_STATUS_SUCCESS);
	ends(TX2, KTM_TX_STATE_COMMITTED);
	CHECK_EQ(told_of(6, RM, KTM_NOTIFY_COMMIT), 2);
	close(drv);
	driver_open();
}

TEST(begins_another_in_the_same_rm)
{
	begins_another_in(KTM_NOTIFY_PREPREPARE);
	begins_another_in(KTM_NOTIFY_PREPARE);
	begins_another_in(KTM_NOTIFY_COMMIT);
	close(drv);
}

/* A callback waits for a commit, whose callback waits for a commit. */
TEST(commits_in_commits)
{
	unsigned int i;

	begin();
	new_rm(RM2);
	new_rm(RM3);
	op_tx(TX2);
	op_tx(TX3);
	for (i = 0; i < 3; i++)
		op_rm_enlist(RM + i, TX + i, EN_MASK, i);
	script(RM, KTM_NOTIFY_PREPARE, KTM_TEST_DO_COMMIT, KTM_CALLBACK_HANDLED, TX2);
	script(RM2, KTM_NOTIFY_COMMIT, KTM_TEST_DO_COMMIT, KTM_CALLBACK_HANDLED, TX3);
	commit(TX, KTM_STATUS_SUCCESS);
	TOLD(RM2, KTM_NOTIFY_PREPARE);
	TOLD(RM3, KTM_NOTIFY_PREPARE);
	TOLD(RM3, KTM_NOTIFY_COMMIT);
	CHECK_EQ(TOLD(RM2, KTM_NOTIFY_COMMIT).status, KTM_STATUS_SUCCESS);
	CHECK_EQ(TOLD(RM, KTM_NOTIFY_PREPARE).status, KTM_STATUS_SUCCESS);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	for (i = 0; i < 3; i++)
		CHECK_EQ(op_tx_state(TX + i), KTM_TX_STATE_COMMITTED);
	close(drv);
}

/* Two RMs, in each of whose callbacks the other's transaction is committed. */
TEST(commits_crosswise)
{
	begin();
	new_rm(RM2);
	op_tx(TX2);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM2, TX2, EN_MASK, 2);
	script(RM, KTM_NOTIFY_PREPARE, KTM_TEST_DO_BEGIN, KTM_CALLBACK_HANDLED, TX2);
	script(RM2, KTM_NOTIFY_PREPARE, KTM_TEST_DO_BEGIN, KTM_CALLBACK_HANDLED, TX);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	ends(TX, KTM_TX_STATE_COMMITTED);
	ends(TX2, KTM_TX_STATE_COMMITTED);
	CHECK_EQ(told_of(4, 0, KTM_NOTIFY_COMMIT), 2);
	close(drv);
}

/* Two RMs in each of two transactions, which come to them in different orders. */
TEST(two_rms_in_two_transactions)
{
	pid_t pids[2];

	begin();
	new_rm(RM2);
	op_tx(TX2);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_rm_enlist(RM2, TX, EN_MASK, 2);
	op_rm_enlist(RM2, TX2, EN_MASK, 3);
	op_rm_enlist(RM, TX2, EN_MASK, 4);
	pids[0] = committer(TX, KTM_STATUS_SUCCESS);
	pids[1] = committer(TX2, KTM_STATUS_SUCCESS);
	test_join(pids[0]);
	test_join(pids[1]);
	CHECK_EQ(told_of(8, 0, KTM_NOTIFY_COMMIT), 4);
	close(drv);
}

/* ---- callbacks that put ---- */

/* Its own enlistment, at each of its notifications; the RM goes on with others. */
static void puts_its_own_in(unsigned int kind, unsigned int mask, unsigned int want)
{
	begin();
	op_enlist(RM, TX, EN, mask);
	script(0, kind, KTM_TEST_DO_PUT, KTM_CALLBACK_HANDLED, EN);
	if (kind == KTM_NOTIFY_ROLLBACK)
		OP(want, TRANSACTION_ROLLBACK, .on = TX, .flags = KTM_CALL_WAIT);
	else
		commit(TX, want);
	script(0, kind, 0, KTM_CALLBACK_HANDLED, 0);
	op_tx(TX2);
	op_rm_enlist(RM, TX2, mask, 2);
	commit(TX2, KTM_STATUS_SUCCESS);
	close(drv);
	driver_open();
}

TEST(puts_its_own_enlistment)
{
	puts_its_own_in(KTM_NOTIFY_PREPREPARE, EN_MASK_0, KTM_STATUS_ROLLED_BACK);
	puts_its_own_in(KTM_NOTIFY_PREPARE, EN_MASK, KTM_STATUS_ROLLED_BACK);
	puts_its_own_in(KTM_NOTIFY_COMMIT, EN_MASK, KTM_STATUS_SUCCESS);
	puts_its_own_in(KTM_NOTIFY_ROLLBACK, EN_MASK, KTM_STATUS_SUCCESS);
	puts_its_own_in(KTM_NOTIFY_SINGLE_PHASE_COMMIT, SINGLE, KTM_STATUS_INDOUBT);
	close(drv);
}

/* Its own RM, which others are to be told of: it has been closed for them. */
TEST(puts_its_own_rm)
{
	begin();
	new_rm(RM2);
	op_tx(TX2);
	op_rm_enlist(RM, TX, EN_MASK_0, 1);
	op_rm_enlist(RM2, TX, EN_MASK_0, 2);
	op_rm_enlist(RM, TX2, EN_MASK_0, 3);
	script(RM, KTM_NOTIFY_COMMIT, KTM_TEST_DO_PUT, KTM_CALLBACK_HANDLED, RM);
	commit(TX, KTM_STATUS_SUCCESS);
	ends(TX2, KTM_TX_STATE_ABORTED);
	close(drv);
}

/* The use that the commit was begun with, while the commit runs. */
TEST(puts_the_transaction)
{
	begin();
	op_rm_enlist(RM, TX, EN_MASK, 1);
	script(0, KTM_NOTIFY_PREPARE, KTM_TEST_DO_PUT, KTM_CALLBACK_HANDLED, TX);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT_ASYNC, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	CHECK_EQ(told_of(2, RM, KTM_NOTIFY_COMMIT), 1);
	nothing_more(TX2);
	close(drv);
}

/* ---- clients that are killed ---- */

/* The process has a transaction, which the driver's RM takes part in, and may only look at. */
static void client(void *data)
{
	const unsigned int request = *(unsigned int *)data;
	struct ktm_call call = ARG(ktm_call, .flags = KTM_CALL_WAIT);
	const unsigned int access = KTM_TX_ENLIST | KTM_TX_QUERY_INFORMATION;
	int tx = tx_create(-1);

	OP(KTM_STATUS_SUCCESS, TRANSACTION_GET_FROM_FD, .slot = TX2, .fd = tx, .access = access);
	op_rm_enlist(RM, TX2, EN_MASK_0, 1);
	op_rm_enlist(RM2, TX2, EN_MASK_0, 2);
	test_try(tx, request, &call);
	FAIL("it has survived");
}

/* kill -9 while its commit or rollback is in this callback: that goes on as it was begun. */
static void killed_in(unsigned int kind)
{
	static const unsigned int to_commit = KTM_IOC_COMMIT, to_roll_back = KTM_IOC_ROLLBACK;
	const bool commits = kind != KTM_NOTIFY_ROLLBACK;
	struct ktm_test_told t;
	pid_t pid;

	begin();
	new_rm(RM2);
	script(RM, kind, KTM_TEST_DO_SLEEP, 0, 0);
	pid = test_spawn(client, (void *)(commits ? &to_commit : &to_roll_back));
	do
		t = told();
	while (t.rm != RM || t.notification.kind != kind);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	OP_TRY(RELEASE);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	ends(TX2, commits ? KTM_TX_STATE_COMMITTED : KTM_TX_STATE_ABORTED);
	close(drv);
	driver_open();
}

TEST(client_is_killed_in_a_callback)
{
	killed_in(KTM_NOTIFY_PREPREPARE);
	killed_in(KTM_NOTIFY_PREPARE);
	killed_in(KTM_NOTIFY_COMMIT);
	killed_in(KTM_NOTIFY_ROLLBACK);
	close(drv);
}

/* While the answer is somebody else's: its RM may still say no, or yes. */
static void killed_while_waiting(bool yes)
{
	static const unsigned int to_commit = KTM_IOC_COMMIT;
	struct ktm_test_told t;
	guid_t en = nil;
	pid_t pid;
	int n;

	begin();
	new_rm(RM2);
	script(RM, KTM_NOTIFY_PREPARE, 0, KTM_CALLBACK_PENDING, 0);
	pid = test_spawn(client, (void *)&to_commit);
	for (n = 0; n < 4; n++) {
		t = told();
		if (t.rm == RM)
			en = t.notification.enlistment;
	}
	until_asleep(pid);
	test_kill(pid);
	CHECK_EQ(op_tx_state(TX2), KTM_TX_STATE_PREPARING);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_OPEN, .on = RM, .slot = EN, .guid = en,
	   .access = KTM_EN_ALL_ACCESS);
	if (yes)
		OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	else
		OP(KTM_STATUS_SUCCESS, ENLISTMENT_ROLLBACK, .on = EN);
	CHECK_EQ(told_of(2, 0, yes ? KTM_NOTIFY_COMMIT : KTM_NOTIFY_ROLLBACK), 2);
	ends(TX2, yes ? KTM_TX_STATE_COMMITTED : KTM_TX_STATE_ABORTED);
	close(drv);
	driver_open();
}

TEST(client_is_killed_while_it_waits)
{
	killed_while_waiting(true);
	killed_while_waiting(false);
	close(drv);
}

/* ---- superiors, and drivers that go and come back ---- */

#define TM_GUID		guid_of(930)
#define RM_GUID		guid_of(931)
#define BOSS_NUMBER	932
#define OTHER_NUMBER	933
#define THIRD_NUMBER	934

static struct disk d;
static int tm;

/* The driver's durable RM, made or found again; what is recovered is the caller's to hear. */
static void rm_opens(void)
{
	struct ktm_test_op c;

	OP(KTM_STATUS_SUCCESS, TM_GET_FROM_FD, .slot = 0, .fd = tm, .access = KTM_TM_ALL_ACCESS);
	c = OP_TRY(RM_OPEN, .on = 0, .slot = RM, .guid = RM_GUID, .access = KTM_RM_ALL_ACCESS);
	if (c.status == KTM_STATUS_RM_NOT_FOUND)
		OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM, .guid = RM_GUID,
		   .access = KTM_RM_ALL_ACCESS);
	else
		CHECK_EQ(c.status, KTM_STATUS_SUCCESS);
	OP(KTM_STATUS_SUCCESS, RM_ENABLE_CALLBACKS, .on = RM);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
}

static void begin_durable(void)
{
	d = disk_make(8 * MIB);
	journal_format(d.path, TM_GUID);
	tm = tm_online(d.path);
	rm_opens();
	TOLD(RM, KTM_NOTIFY_LAST_RECOVER);
}

/* The process's transaction, and what the driver may do with it. */
static int tx_of_both(void)
{
	int tx = tx_create(tm);

	OP(KTM_STATUS_SUCCESS, TRANSACTION_GET_FROM_FD, .slot = TX, .fd = tx,
	   .access = KTM_TX_ENLIST | KTM_TX_QUERY_INFORMATION);
	return tx;
}

/* With all that it holds, callbacks and all; and another one comes, and knows nothing. */
static void driver_goes(void)
{
	driver_unload();
}

static void driver_comes(void)
{
	driver_open();
	rm_opens();
}

static void end_durable(void)
{
	close(drv);
	tm_close(tm, d.path);
}

/* A process decides over a driver's RM. */
TEST(process_decides)
{
	int boss, tx;
	guid_t sup;

	begin_durable();
	boss = rm_online(tm, BOSS_NUMBER);
	tx = tx_of_both();
	sup = enlist_superior(boss, tx, BOSS, 1);
	op_rm_enlist(RM, TX, EN_MASK_0, 2);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TOLD(RM, KTM_NOTIFY_PREPREPARE);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	close(tx);
	close(boss);
	end_durable();
}

static void boss_to_be_killed(void *data)
{
	const int tx = *(int *)data;
	int boss = rm_online(tm, BOSS_NUMBER);
	guid_t sup = enlist_superior(boss, tx, BOSS, 1);

	close(drv);
	memcpy((void *)shared_word, &sup, sizeof(sup));
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	if (is_open(1))
		go(2);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	go(2);
	pause();
}

/* kill -9 of it: before all have voted it is rolled back, afterwards in doubt until it is back. */
static void boss_is_killed(bool prepared)
{
	guid_t sup, boss_guid = guid_of(BOSS_NUMBER);
	pid_t pid;
	int boss, tx;

	begin_durable();
	tx = tx_of_both();
	op_enlist(RM, TX, EN, EN_MASK);
	if (!prepared) {
		script(0, KTM_NOTIFY_PREPARE, 0, KTM_CALLBACK_PENDING, 0);
		go(1);
	}
	pid = test_spawn(boss_to_be_killed, &tx);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	meet(2);
	memcpy(&sup, (void *)shared_word, sizeof(sup));
	test_kill(pid);
	if (!prepared) {
		TOLD(RM, KTM_NOTIFY_ROLLBACK);
		ends(TX, KTM_TX_STATE_ABORTED);
	} else {
		TX_IS(tx, KTM_TX_STATE_SUPERIOR_INDOUBT);
		boss = rm_open(tm, &boss_guid);
		rm_recover(boss);
		TAKE(boss, KTM_NOTIFY_RECOVER_QUERY, sup);
		TAKE(boss, KTM_NOTIFY_LAST_RECOVER, nil);
		ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
		TOLD(RM, KTM_NOTIFY_COMMIT);
		TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
		ends(TX, KTM_TX_STATE_COMMITTED);
		close(boss);
	}
	close(tx);
	end_durable();
}

TEST(deciding_process_is_killed_early)
{
	boss_is_killed(false);
}

TEST(deciding_process_is_killed_late)
{
	boss_is_killed(true);
}

/*
 * A driver decides over two processes' RMs; its module goes when they have voted, and comes back,
 * and decides.
 */
static void driver_decides(bool goes, bool commits)
{
	struct ktm_test_told t;
	guid_t sup, en1, en2;
	int one, two, tx;

	begin_durable();
	one = rm_online(tm, OTHER_NUMBER);
	two = rm_online(tm, THIRD_NUMBER);
	tx = tx_of_both();
	sup = OP(KTM_STATUS_SUCCESS, ENLISTMENT_CREATE, .on = RM, .with = TX, .slot = EN,
		 .mask = BOSS, .flags = KTM_ENLIST_SUPERIOR, .access = KTM_EN_ALL_ACCESS).guid;
	en1 = enlist(one, tx);
	en2 = enlist(two, tx);
	OP(KTM_STATUS_PENDING, ENLISTMENT_PREPREPARE, .on = EN);
	TOLD(RM, KTM_NOTIFY_PREPREPARE_COMPLETE);
	OP(KTM_STATUS_PENDING, ENLISTMENT_PREPARE, .on = EN);
	en_prepare(one, en1);
	en_prepare(two, en2);
	TOLD(RM, KTM_NOTIFY_PREPARE_COMPLETE);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
	if (goes) {
		driver_goes();
		TX_IS(tx, KTM_TX_STATE_SUPERIOR_INDOUBT);
		TAKE_NONE(one);
		TAKE_NONE(two);
		driver_comes();
		t = TOLD(RM, KTM_NOTIFY_RECOVER_QUERY);
		CHECK(same(&t.notification.enlistment, &sup));
		TOLD(RM, KTM_NOTIFY_LAST_RECOVER);
		TX_IS(tx, KTM_TX_STATE_PREPARED);
		OP(KTM_STATUS_SUCCESS, ENLISTMENT_OPEN, .on = RM, .slot = EN, .guid = sup,
		   .access = KTM_EN_ALL_ACCESS);
	}
	if (commits) {
		OP(KTM_STATUS_PENDING, ENLISTMENT_COMMIT, .on = EN);
		en_commit(one, en1);
		en_commit(two, en2);
		TOLD(RM, KTM_NOTIFY_COMMIT_COMPLETE);
	} else {
		OP(KTM_STATUS_SUCCESS, ENLISTMENT_ROLLBACK, .on = EN);
		en_rollback(one, en1);
		en_rollback(two, en2);
	}
	TX_BECOMES(tx, commits ? KTM_TX_STATE_COMMITTED : KTM_TX_STATE_ABORTED);
	close(tx);
	close(one);
	close(two);
	end_durable();
	driver_open();
}

TEST(driver_decides_over_two)
{
	driver_decides(false, true);
	driver_decides(false, false);
	close(drv);
}

TEST(driver_decides_when_it_is_back)
{
	driver_decides(true, true);
	driver_decides(true, false);
	close(drv);
}

/* Which of the two is first is not said. */
static void told_both(unsigned int one, unsigned int two)
{
	const unsigned int kind = told().notification.kind;

	if (kind != one && kind != two)
		FAIL("notification 0x%x", kind);
	TOLD(RM, kind == one ? two : one);
}

static void commit_without_driver(void *data)
{
	const struct other *o = data;

	close(drv);
	COMMIT(o->tx, KTM_CALL_WAIT, o->want);
}

/*
 * The module of a durable RM goes when that has voted: its vote stays, and it hears how it ends when
 * it is back, whether that was decided meanwhile or is later. A process's RM hears the same.
 */
static void goes_prepared(bool decided_meanwhile, bool yes)
{
	struct other o = { .want = yes ? KTM_STATUS_SUCCESS : KTM_STATUS_ROLLED_BACK };
	const unsigned int outcome = yes ? KTM_NOTIFY_COMMIT : KTM_NOTIFY_ROLLBACK;
	struct ktm_test_told t;
	guid_t en, other_en;
	unsigned int i;
	int other, tx;
	pid_t pid;

	begin_durable();
	other = rm_online(tm, OTHER_NUMBER);
	tx = tx_of_both();
	en = op_rm_enlist(RM, TX, EN_MASK, 7);
	other_en = enlist(other, tx);
	o.tx = tx;
	pid = test_spawn(commit_without_driver, &o);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TAKE(other, KTM_NOTIFY_PREPARE, other_en);
	driver_goes();
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	for (i = 0; i < 2; i++) {
		if (i == decided_meanwhile) {
			driver_comes();
			t = TOLD(RM, KTM_NOTIFY_RECOVER);
			CHECK(same(&t.notification.enlistment, &en));
			CHECK_EQ(t.notification.key, 7);
			told_both(KTM_NOTIFY_LAST_RECOVER, decided_meanwhile ? outcome :
							   KTM_NOTIFY_INDOUBT);
			continue;
		}
		ANSWER(other, yes ? KTM_IOC_PREPARE_COMPLETE : KTM_IOC_EN_ROLLBACK, other_en,
		       KTM_STATUS_SUCCESS);
		if (yes)
			en_commit(other, other_en);
		else
			en_rollback(other, other_en);
	}
	if (!decided_meanwhile)
		TOLD(RM, outcome);
	test_join(pid);
	WAIT(tx, KTM_STATUS_SUCCESS);
	TX_IS(tx, yes ? KTM_TX_STATE_COMMITTED : KTM_TX_STATE_ABORTED);
	/* It has ended for good. */
	op_put(RM);
	op_put(0);
	rm_opens();
	TOLD(RM, KTM_NOTIFY_LAST_RECOVER);
	close(tx);
	close(other);
	end_durable();
	driver_open();
}

TEST(module_goes_prepared)
{
	goes_prepared(false, true);
	goes_prepared(false, false);
	close(drv);
}

TEST(module_goes_prepared_and_misses_the_end)
{
	goes_prepared(true, true);
	goes_prepared(true, false);
	close(drv);
}

/* ---- modules that forget to put ---- */

/* The last one. Each kind of what a driver may hold is named; the next one that has it puts it. */
TEST(forgets_one_of_each)
{
	static const unsigned int slots[] = { EN, TX, RM, STREAM, 0 };
	static const char *const names[] = { "en", "tx", "rm", "stream", "tm" };
	struct ktm_test_op held[5];
	char text[96];
	unsigned int i;
	int log;

	begin_durable();
	CHECK_EQ(run("dmesg -c >/dev/null"), 0);
	log = log_open();
	op_put(RM);
	OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM, .flags = KTM_RM_VOLATILE,
	   .access = KTM_RM_ALL_ACCESS);
	OP(KTM_STATUS_SUCCESS, STREAM_CREATE, .slot = STREAM, .count = 8192, .name = "s",
	   .access = KTM_STREAM_ALL_ACCESS);
	op_tx(TX);
	op_enlist(RM, TX, EN, EN_MASK);
	for (i = 0; i < 5; i++)
		held[i] = OP_TRY(FORGET, .on = slots[i]);
	driver_unload();
	for (i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "ktm: module ktm_test goes and has not put a use of %s ",
			 names[i]);
		/* They may come in any order. */
		CHECK(lseek(log, 0, SEEK_DATA) >= 0);
		if (!logged(log, text))
			FAIL("the kernel's log has no '%s'", text);
	}
	close(log);
	driver_open();
	for (i = 0; i < 5; i++)
		OP_TRY(ADOPT, .slot = slots[i], .kind = held[i].kind, .key = held[i].key);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_ACTIVE);
	for (i = 0; i < 5; i++)
		op_put(slots[i]);
	driver_unload();
	tm_close(tm, d.path);
}
