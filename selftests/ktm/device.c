// SPDX-License-Identifier: GPL-2.0
/*
 * The journal's device fails under a commit: nobody is told an outcome that is
 * not durable, the TM goes offline, and a reopening finds out which it was.
 */
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "calls.h"
#include "disk.h"

#define TM_GUID	guid_of(900)
#define RM_GUID	guid_of(1)

static const unsigned int answers[] = {
	KTM_IOC_PREPARE_COMPLETE, KTM_IOC_COMMIT_COMPLETE, KTM_IOC_ROLLBACK_COMPLETE,
	KTM_IOC_READ_ONLY, KTM_IOC_EN_ROLLBACK, KTM_IOC_EN_RECOVER,
	KTM_IOC_PREPREPARE_COMPLETE, KTM_IOC_SINGLE_PHASE_REJECT, KTM_IOC_REQUEST_OUTCOME,
	KTM_IOC_EN_PREPREPARE, KTM_IOC_EN_PREPARE, KTM_IOC_EN_COMMIT,
};

#define NR_ANSWERS	(sizeof(answers) / sizeof(answers[0]))

static struct disk d;
static struct flaky f;
static int tm, rm, tx;
static guid_t en;

void test_setup(void)
{
	guid_t g = RM_GUID;

	d = disk_make(8 * MIB);
	f = flaky_make(&d);
	journal_format(f.path, TM_GUID);
	tm = tm_online(f.path);
	rm = rm_create_as(tm, 0, &g);
	rm_recover_empty(rm);
	tx = tx_create(tm);
	en = enlist_key(rm, tx, 5);
}

/* A device-mapper device does not go by itself. */
static void tear_down(void)
{
	close(tx);
	close(rm);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

/* Whether it is told at once or not at all: in doubt, and nothing else. */
static void all_in_doubt(void)
{
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = tm);
	struct ktm_rm_create r = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS);
	struct ktm_enlist e = ARG(ktm_enlist, .mask = EN_MASK, .tx_fd = tx);
	struct ktm_call again = ARG(ktm_call);
	int loose = tx_create(-1);

	WAIT(tx, KTM_STATUS_INDOUBT);
	TX_IS(tx, KTM_TX_STATE_INDOUBT);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_UNDETERMINED);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_FAILED);
	CHECK_EQ(tm_info(tm).indoubt, 1);
	CHECK(poll_now(rm) & POLLERR);
	CHECK_EQ(poll_now(rm) & POLLIN, 0);
	CHECK_EQ(poll_now(tx) & POLLIN, 0);
	COMMIT(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	ROLLBACK(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_TM_NOT_ONLINE);
	CALL(tm, KTM_IOC_RM_CREATE, &r, KTM_STATUS_TM_NOT_ONLINE);
	e.tx_fd = loose;
	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_TM_NOT_ONLINE);
	CALL(rm, KTM_IOC_RM_RECOVER, &again, KTM_STATUS_TM_NOT_ONLINE);
	close(loose);
}

static void fail_the_decision(enum trouble trouble)
{
	pid_t client = commit_in_child(tx, KTM_STATUS_INDOUBT);

	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	flaky_set(&f, trouble);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	/* The RM itself is told nothing but that its TM has failed. */
	test_join(client);
	all_in_doubt();
}

/* What a reopened log says is the truth; transaction and RM learn it. */
static void settle(unsigned int state, unsigned int kind, unsigned int outcome)
{
	unsigned int i;

	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
	CHECK_EQ(tm_info(tm).indoubt, 0);
	CHECK_EQ(rm_info(rm).online, 0);
	CHECK(poll_now(rm) & POLLERR);
	TX_IS(tx, state);
	CHECK_EQ(tx_info(tx).outcome, outcome);
	for (i = 0; i < NR_ANSWERS; i++)
		ANSWER(rm, answers[i], en, KTM_STATUS_TM_NOT_ONLINE);
	TX_IS(tx, state);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, en);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(rm, en, 6);
	TAKE(rm, kind, en);
	ANSWER(rm, kind == KTM_NOTIFY_COMMIT ? KTM_IOC_COMMIT_COMPLETE :
	       KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	WAIT(tx, KTM_STATUS_SUCCESS);
	CHECK_EQ(tx_info(tx).outcome, outcome);
	close(tx);
	tx = tx_create(tm);
	commit_one(rm, tx);
}

/*
 * The vote reached the disk with another's force, the decision did not: it was
 * never decided, and the RM that has prepared is told to roll back.
 */
TEST(decision_did_not_reach_the_disk)
{
	int other = rm_create(tm, KTM_RM_VOLATILE), pusher = rm_create(tm, 0);
	guid_t b = enlist(other, tx);
	pid_t client = commit_in_child(tx, KTM_STATUS_INDOUBT);
	int second = tx_create(tm);

	rm_recover_empty(pusher);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	TAKE(other, KTM_NOTIFY_PREPARE, b);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	commit_one(pusher, second);
	close(second);
	close(pusher);
	flaky_set(&f, FAIL_WRITES);
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	test_join(client);
	all_in_doubt();
	TAKE_NONE(other);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	TAKE(other, KTM_NOTIFY_ROLLBACK, b);
	ANSWER(other, KTM_IOC_ROLLBACK_COMPLETE, b, KTM_STATUS_SUCCESS);
	close(other);
	settle(KTM_TX_STATE_ABORTING, KTM_NOTIFY_ROLLBACK, KTM_OUTCOME_ABORTED);
	tear_down();
}

/* Neither did: the log knows nothing of it, and an RM that asks is told so. */
TEST(nothing_reached_the_disk)
{
	fail_the_decision(FAIL_WRITES);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	WAIT(tx, KTM_STATUS_SUCCESS);
	CHECK_EQ(rm_info(rm).online, 0);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE_NONE(rm);
	ANSWER(rm, KTM_IOC_EN_RECOVER, en, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	close(tx);
	tx = tx_create(tm);
	commit_one(rm, tx);
	tear_down();
}

/* Only the flush failed: the record is there, so it is committed. */
TEST(decision_reached_the_disk)
{
	fail_the_decision(FAIL_FLUSHES);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	settle(KTM_TX_STATE_COMMITTING, KTM_NOTIFY_COMMIT, KTM_OUTCOME_COMMITTED);
	tear_down();
}

/* As long as the device fails, so does Recover, and nobody is told anything. */
TEST(recover_while_it_still_fails)
{
	static const enum trouble troubles[] = { FAIL_ALL, FAIL_WRITES, FAIL_FLUSHES };
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);
	unsigned int i;

	fail_the_decision(FAIL_FLUSHES);
	for (i = 0; i < 3; i++) {
		flaky_set(&f, troubles[i]);
		CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_IO_ERROR);
		all_in_doubt();
	}
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	settle(KTM_TX_STATE_COMMITTING, KTM_NOTIFY_COMMIT, KTM_OUTCOME_COMMITTED);
	tear_down();
}

/* All descriptors are closed with the outcome open: the next TM finds it in the log. */
TEST(closed_in_doubt)
{
	guid_t uow = tx_info(tx).uow, g = RM_GUID;

	fail_the_decision(FAIL_FLUSHES);
	close(tx);
	close(rm);
	tm_close(tm, f.path);
	flaky_set(&f, NO_TROUBLE);
	tm = tm_online(f.path);
	tx = tx_open(&uow, KTM_TX_QUERY_INFORMATION);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	rm = rm_open(tm, &g);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, en);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(rm, en, 6);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	tear_down();
}

/* Those that were not decided yet are rolled back, volatile RMs hear of it at once. */
TEST(others_are_rolled_back)
{
	int light = rm_create(tm, KTM_RM_VOLATILE), other = tx_create(tm);
	guid_t b = enlist(light, other), c;

	c = enlist(light, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	TAKE(light, KTM_NOTIFY_PREPARE, c);
	flaky_set(&f, FAIL_WRITES);
	ANSWER(light, KTM_IOC_PREPARE_COMPLETE, c, KTM_STATUS_SUCCESS);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	WAIT(tx, KTM_STATUS_INDOUBT);
	TAKE_NONE(light);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	TX_IS(tx, KTM_TX_STATE_ABORTING);
	TX_IS(other, KTM_TX_STATE_ABORTING);
	poll_for(light, POLLIN);
	CHECK_EQ(take(light).kind, KTM_NOTIFY_ROLLBACK);
	CHECK_EQ(take(light).kind, KTM_NOTIFY_ROLLBACK);
	ANSWER(light, KTM_IOC_ROLLBACK_COMPLETE, b, KTM_STATUS_SUCCESS);
	ANSWER(light, KTM_IOC_ROLLBACK_COMPLETE, c, KTM_STATUS_SUCCESS);
	TX_BECOMES(other, KTM_TX_STATE_ABORTED);
	close(other);
	close(light);
	tear_down();
}

/*
 * A descriptor of a prepared enlistment ends with a reopening, whose log knows better;
 * one that had not prepared says that it is rolled back.
 */
TEST(enlistment_descriptors_expire)
{
	struct ktm_open o = ARG(ktm_open, .access = KTM_EN_ALL_ACCESS, .guid = en);
	struct ktm_set set = ARG(ktm_set, .info_class = KTM_INFO_EN_RECOVERY);
	int other = tx_create(tm), fd = enlist_fd(rm, other, KTM_EN_ALL_ACCESS, NULL);
	unsigned int i;

	CALL(rm, KTM_IOC_EN_OPEN, &o, KTM_STATUS_SUCCESS);
	fail_the_decision(FAIL_FLUSHES);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	for (i = 0; i < NR_ANSWERS; i++)
		ANSWER_FD(o.fd, answers[i], KTM_STATUS_OBJECT_EXPIRED);
	CALL(o.fd, KTM_IOC_SET, &set, KTM_STATUS_OBJECT_EXPIRED);
	TX_IS(other, KTM_TX_STATE_ABORTED);
	settle(KTM_TX_STATE_COMMITTING, KTM_NOTIFY_COMMIT, KTM_OUTCOME_COMMITTED);
	ANSWER_FD(fd, KTM_IOC_PREPARE_COMPLETE, KTM_STATUS_NOT_REQUESTED);
	CHECK_EQ(en_info(fd).state, KTM_EN_STATE_ABORTED);
	close(o.fd);
	close(fd);
	close(other);
	tear_down();
}

/*
 * The TM is reopened before the RM has read what its recovery said: nothing of that is left, and
 * not LAST_RECOVER alone either, by which it would know that it has prepared nothing.
 */
TEST(reopened_before_the_rm_has_read)
{
	int rm2 = rm_create(tm, 0), tx2;
	pid_t client;
	guid_t en2;

	rm_recover_empty(rm2);
	fail_the_decision(FAIL_FLUSHES);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	rm_recover(rm);
	CHECK(poll_now(rm) & POLLIN);

	rm_recover_empty(rm2);
	tx2 = tx_create(tm);
	en2 = enlist(rm2, tx2);
	client = commit_in_child(tx2, KTM_STATUS_INDOUBT);
	TAKE(rm2, KTM_NOTIFY_PREPARE, en2);
	flaky_set(&f, FAIL_FLUSHES);
	ANSWER(rm2, KTM_IOC_PREPARE_COMPLETE, en2, KTM_STATUS_SUCCESS);
	test_join(client);
	/* It may still read what it was told before. */
	CHECK(poll_now(rm) & POLLIN);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	CHECK_EQ(poll_now(rm) & POLLIN, 0);
	TAKE_NONE(rm);
	close(tx2);
	close(rm2);
	settle(KTM_TX_STATE_COMMITTING, KTM_NOTIFY_COMMIT, KTM_OUTCOME_COMMITTED);
	tear_down();
}

/* A read error while opening: nothing is known, nothing changed, try again. */
TEST(read_error_at_opening)
{
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);
	unsigned char *before;
	guid_t g = RM_GUID;

	close(tx);
	close(rm);
	tm_close(tm, f.path);
	before = disk_read(&d);
	flaky_set(&f, FAIL_ALL);
	CHECK_EQ(tm_try_attach(f.path, &tm), KTM_STATUS_IO_ERROR);
	flaky_set(&f, NO_TROUBLE);
	tm = tm_attach(f.path);
	flaky_set(&f, FAIL_ALL);
	CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_IO_ERROR);
	CHECK(tm_info(tm).state != KTM_TM_STATE_ONLINE);
	CHECK(disk_is(&d, before));
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	tx = tx_create(tm);
	rm = rm_open(tm, &g);
	tear_down();
}

/* A new descriptor of its device may be given, one of another device not. */
TEST(reopened_with_a_new_descriptor)
{
	struct disk wrong = disk_make(8 * MIB);
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = 12345);
	struct ktm_tm_rollforward forward = ARG(ktm_tm_rollforward, .virtual_clock = 1000000);
	int on = 1, alone;

	fail_the_decision(FAIL_FLUSHES);
	flaky_set(&f, NO_TROUBLE);
	CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_INVALID_HANDLE);
	journal_format(wrong.path, guid_of(901));
	r.device_fd = disk_open(wrong.path);
	CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_LOG_NOT_A_JOURNAL);
	forward.device_fd = r.device_fd;
	alone = disk_open_alone(wrong.path);
	CHECK(alone >= 0);
	CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_DEVICE_BUSY);
	CALL(tm, KTM_IOC_TM_ROLLFORWARD, &forward, KTM_STATUS_DEVICE_BUSY);
	close(alone);
	CHECK_EQ(ioctl(r.device_fd, BLKROSET, &on), 0);
	CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_ACCESS_DENIED);
	CALL(tm, KTM_IOC_TM_ROLLFORWARD, &forward, KTM_STATUS_ACCESS_DENIED);
	/* Another test's disk may be the same device. */
	on = 0;
	CHECK_EQ(ioctl(r.device_fd, BLKROSET, &on), 0);
	close(r.device_fd);
	all_in_doubt();
	r.device_fd = disk_open(f.path);
	CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_SUCCESS);
	close(r.device_fd);
	settle(KTM_TX_STATE_COMMITTING, KTM_NOTIFY_COMMIT, KTM_OUTCOME_COMMITTED);
	tear_down();
}
