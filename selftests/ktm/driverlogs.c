// SPDX-License-Identifier: GPL-2.0
/*
 * Errors of functions that drivers call which take several steps to bring about: of devices that
 * fail under a call, of logs that are another's, and of who has his share of a log. As
 * drivererrors.c, but one call for one ioctl.
 */
#include "disk.h"
#include "opcalls.h"

#define TM_GUID		guid_of(940)
#define SINGLE		(EN_MASK | KTM_NOTIFY_PREPREPARE | KTM_NOTIFY_SINGLE_PHASE_COMMIT)
#define SUPERIOR	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE |		\
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE)

/* Slots: 0 is the TM. */
enum { RM = 1, TX, EN, STREAM, SUP, LED };

static struct disk d;
static struct flaky f;

void test_setup(void)
{
	driver_open();
	d = disk_make(8 * MIB);
	f = flaky_make(&d);
	journal_format(f.path, TM_GUID);
}

static void tear_down(void)
{
	close(drv);
	tm_close(-1, f.path);
	flaky_remove(&f);
}

static void attach(const char *path)
{
	int fd = disk_open(path);

	OP(KTM_STATUS_SUCCESS, TM_CREATE, .device = fd + 1, .access = KTM_TM_ALL_ACCESS);
	close(fd);
}

static void go_online(void)
{
	attach(f.path);
	OP(KTM_STATUS_SUCCESS, TM_RECOVER);
	OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM, .access = KTM_RM_ALL_ACCESS);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	OP_TAKES(RM, KTM_NOTIFY_LAST_RECOVER);
}

/* ---- the device ---- */

TEST(device_cannot_be_read)
{
	int fd = disk_open(f.path);

	flaky_set(&f, FAIL_ALL);
	OP(KTM_STATUS_IO_ERROR, TM_CREATE, .device = fd + 1, .access = 1);
	flaky_set(&f, NO_TROUBLE);
	close(fd);
	attach(f.path);
	flaky_set(&f, FAIL_ALL);
	OP(KTM_STATUS_IO_ERROR, TM_RENAME);
	OP(KTM_STATUS_IO_ERROR, TM_ROLLFORWARD, .clock = 1);
	OP(KTM_STATUS_IO_ERROR, TM_RECOVER);
	flaky_set(&f, NO_TROUBLE);
	OP(KTM_STATUS_SUCCESS, TM_RECOVER);
	tear_down();
}

/* Without the device below: what is written to the disk is there at once. */
TEST(log_of_another_name)
{
	unsigned char *before, *after, *zeros = calloc(1, d.bytes);

	CHECK(zeros);
	flaky_remove(&f);
	before = disk_read(&d);
	attach(d.path);
	OP(KTM_STATUS_SUCCESS, TM_RENAME, .guid = guid_of(941));
	op_put(0);
	tm_close(-1, d.path);
	after = disk_read(&d);
	disk_write(&d, 0, before, d.bytes);
	attach(d.path);
	disk_write(&d, 0, after, d.bytes);
	OP(KTM_STATUS_TM_IDENTITY_MISMATCH, TM_RECOVER);
	OP(KTM_STATUS_TM_IDENTITY_MISMATCH, TM_ROLLFORWARD, .clock = 1);
	disk_write(&d, 0, zeros, d.bytes);
	OP(KTM_STATUS_LOG_NOT_A_JOURNAL, TM_RENAME, .guid = guid_of(942));
	close(drv);
	tm_close(-1, d.path);
	free(before);
	free(after);
	free(zeros);
}

static void commit_in_doubt(void *unused)
{
	(void)unused;
	OP(KTM_STATUS_INDOUBT, TRANSACTION_COMMIT, .on = TX, .flags = KTM_CALL_WAIT);
}

TEST(in_doubt)
{
	pid_t pid;

	go_online();
	op_tx(TX);
	op_enlist(RM, TX, EN, EN_MASK);
	pid = test_spawn(commit_in_doubt, NULL);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE);
	flaky_set(&f, FAIL_WRITES);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	test_join(pid);
	OP(KTM_STATUS_INDOUBT, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	flaky_set(&f, NO_TROUBLE);
	OP(KTM_STATUS_SUCCESS, TM_RECOVER);
	tear_down();
}

/* Its record is the decision. */
TEST(single_phase_fails)
{
	go_online();
	OP(KTM_STATUS_SUCCESS, STREAM_CREATE, .slot = STREAM, .count = 65536, .name = "s",
	   .access = KTM_STREAM_ALL_ACCESS);
	op_tx(TX);
	op_enlist(RM, TX, EN, EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	OP_TAKES(RM, KTM_NOTIFY_SINGLE_PHASE_COMMIT);
	flaky_set(&f, FAIL_FLUSHES);
	CHECK(OP(KTM_STATUS_IO_ERROR, ENLISTMENT_COMMIT_COMPLETE, .on = EN, .with = STREAM,
		 .length = 100).key);
	flaky_set(&f, NO_TROUBLE);
	tear_down();
}

/* ---- a user's share ---- */

static void set_share(unsigned int percent)
{
	CHECK_EQ(run("echo %u >/sys/module/ktm/parameters/max_log_share", percent), 0);
}

/* Gates: 1: he has begun; 2: his share is nothing. */
static void vote_as_somebody(void *unused)
{
	guid_t sup;

	(void)unused;
	become(NOBODY, NOBODY);
	op_tx(TX);
	op_enlist(RM, TX, EN, EN_MASK);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE);
	op_tx(LED);
	sup = OP(KTM_STATUS_SUCCESS, ENLISTMENT_CREATE, .on = RM, .with = LED, .slot = SUP,
		 .flags = KTM_ENLIST_SUPERIOR, .mask = SUPERIOR, .access = KTM_EN_ALL_ACCESS).guid;
	go(1);
	meet(2);
	OP(KTM_STATUS_QUOTA_EXCEEDED, ENLISTMENT_PREPARE_COMPLETE, .on = EN, .length = 8192);
	OP(KTM_STATUS_QUOTA_EXCEEDED, ENLISTMENT_SET, .on = SUP, .kind = KTM_INFO_EN_RECOVERY,
	   .length = 8192);
	OP(KTM_STATUS_QUOTA_EXCEEDED, RM_SET, .on = RM, .guid = sup,
	   .kind = KTM_INFO_EN_RECOVERY, .length = 8192);
}

TEST(share)
{
	pid_t pid;

	set_share(50);
	go_online();
	pid = test_spawn(vote_as_somebody, NULL);
	meet(1);
	set_share(0);
	go(2);
	test_join(pid);
	set_share(50);
	tear_down();
}

/* ---- the single phase, rejected after a reopening: two phases need room anew ---- */

enum { MANY = 2000 };

/* Gates: 1: it is asked; 2: the log is full; 3: it was refused; 4: his share is nothing; 5: he knows. */
static void reject_as_somebody(void *unused)
{
	(void)unused;
	become(NOBODY, NOBODY);
	op_tx(TX);
	op_enlist(RM, TX, EN, SINGLE);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	OP_TAKES(RM, KTM_NOTIFY_SINGLE_PHASE_COMMIT);
	go(1);
	meet(2);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	OP_TAKES(RM, KTM_NOTIFY_RECOVER);
	OP(KTM_STATUS_PENDING, ENLISTMENT_RECOVER, .on = EN);
	OP_TAKES(RM, KTM_NOTIFY_LAST_RECOVER);
	OP_TAKES(RM, KTM_NOTIFY_SINGLE_PHASE_COMMIT);
	OP(KTM_STATUS_LOG_FULL, ENLISTMENT_SINGLE_PHASE_REJECT, .on = EN);
	go(3);
	meet(4);
	OP(KTM_STATUS_QUOTA_EXCEEDED, ENLISTMENT_SINGLE_PHASE_REJECT, .on = EN);
	go(5);
}

static unsigned int try_enlist(int rm, int tx, guid_t *en)
{
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = EN_MASK);
	unsigned int status = test_try(rm, KTM_IOC_ENLIST, &e);

	*en = e.guid;
	return status;
}

TEST(single_phase_is_rejected)
{
	static guid_t en[MANY];
	static int tx[MANY];
	int tm, rm, none;
	unsigned int n;
	pid_t somebody;

	set_share(50);
	go_online();
	tm = op_to_fd(OP_TM_TO_FD, 0, KTM_TM_ALL_ACCESS);
	somebody = test_spawn(reject_as_somebody, NULL);
	meet(1);
	flaky_set(&f, FAIL_WRITES);
	CHECK_EQ(stream_try_create(tm, "none", 4096, &none), KTM_STATUS_IO_ERROR);
	tm_failed(tm);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	rm = rm_online(tm, 2);
	for (n = 0; n < MANY; n++) {
		tx[n] = tx_create(tm);
		if (try_enlist(rm, tx[n], &en[n]) != KTM_STATUS_SUCCESS)
			break;
	}
	CHECK(n > 0 && n < MANY);
	go(2);
	meet(3);
	close(tx[n]);
	while (n--) {
		close(tx[n]);
		en_rollback(rm, en[n]);
	}
	set_share(0);
	go(4);
	meet(5);
	set_share(50);
	test_join(somebody);
	close(rm);
	close(tm);
	tear_down();
}

/* What the calls of this machine have come to, for check-called.sh; the last one. */
TEST(all_are_shown)
{
	op_show();
	tear_down();
	driver_open();
	driver_unload();
}
