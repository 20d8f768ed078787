// SPDX-License-Identifier: GPL-2.0
/*
 * Durable RMs of drivers that are told by callback, and come back.
 */
#include <unistd.h>

#include "callbackcalls.h"
#include "disk.h"

#define DURABLE_RM	guid_of(981)

void test_setup(void)
{
	driver_open();
}

static void make_durable(struct disk *d)
{
	*d = disk_make(8 * MIB);
	op_begin_durable(d->path, DURABLE_RM);
}

static void finish_durable(struct disk *d)
{
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	close(drv);
	tm_close(-1, d->path);
}

TEST(durable)
{
	struct disk d;

	make_durable(&d);
	op_tx(TX);
	op_rm_enlist(RM, TX, EN_MASK, 1);
	op_commit(TX, KTM_STATUS_SUCCESS);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	finish_durable(&d);
}

/* An RM that has voted, and comes back when that was decided; and another one. */
static guid_t come_back(struct disk *d)
{
	guid_t en;

	make_durable(d);
	op_rm(RM2);
	op_enable(RM2);
	op_tx(TX);
	en = op_rm_enlist(RM, TX, EN_MASK, 5);
	op_script(KTM_NOTIFY_COMMIT, 0, KTM_CALLBACK_PENDING, 0);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	TOLD(RM, KTM_NOTIFY_PREPARE);
	TOLD(RM, KTM_NOTIFY_COMMIT);
	op_put(RM);
	OP(KTM_STATUS_SUCCESS, RM_OPEN, .on = 0, .slot = RM, .guid = DURABLE_RM,
	   .access = KTM_RM_ALL_ACCESS);
	op_script(KTM_NOTIFY_COMMIT, 0, KTM_CALLBACK_HANDLED, 0);
	op_enable(RM);
	return en;
}

/* Which of the two is first is not said. */
static void told_commit_and_last_recover(void)
{
	unsigned int i, kinds = 0;

	for (i = 0; i < 2; i++)
		kinds |= told().notification.kind;
	CHECK_EQ(kinds, KTM_NOTIFY_COMMIT | KTM_NOTIFY_LAST_RECOVER);
}

/* It goes with a vote in the log, comes back, and is told by callback how that has ended. */
TEST(comes_back)
{
	struct ktm_test_told t;
	struct disk d;
	guid_t en;

	en = come_back(&d);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	t = TOLD(RM, KTM_NOTIFY_RECOVER);
	CHECK(same(&t.notification.enlistment, &en));
	CHECK_EQ(t.notification.key, 5);
	told_commit_and_last_recover();
	finish_durable(&d);
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
	struct disk d;

	come_back(&d);
	op_script(KTM_NOTIFY_RECOVER, KTM_TEST_DO_SLEEP, KTM_CALLBACK_HANDLED, 0);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	TOLD(RM, KTM_NOTIFY_RECOVER);
	nothing_but_that();
	OP_TRY(RELEASE);
	told_commit_and_last_recover();
	finish_durable(&d);
}

/* It waits for no other callback: that of COMMIT may wait until all is recovered. */
TEST(last_recover_while_another_is_told)
{
	struct disk d;

	come_back(&d);
	op_script(KTM_NOTIFY_COMMIT, KTM_TEST_DO_SLEEP, KTM_CALLBACK_HANDLED, 0);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	TOLD(RM, KTM_NOTIFY_RECOVER);
	told_commit_and_last_recover();
	OP_TRY(RELEASE);
	finish_durable(&d);
}

/* The RECOVER of EN has to wait, for the callback of its PREPARE. */
static void recover_meanwhile(struct disk *d)
{
	make_durable(d);
	op_rm(RM2);
	op_enable(RM2);
	op_tx(TX);
	op_enlist(RM, TX, EN, EN_MASK);
	op_script(KTM_NOTIFY_PREPARE, KTM_TEST_DO_ANSWER | KTM_TEST_DO_SLEEP, KTM_CALLBACK_PENDING,
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
	finish_durable(&d);
}
