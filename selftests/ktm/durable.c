// SPDX-License-Identifier: GPL-2.0
/*
 * A TM with a journal: what the log remembers over the closing of an RM and of
 * the whole TM, and the protocol with which an RM takes its work up again.
 *
 * KTM_JOURNAL names the machine's disk (virtio-blk without FUA, NVMe with it).
 */

#include <sys/resource.h>

#include "calls.h"
#include "disk.h"

#define TM_GUID	guid_of(900)

static const char *path;
static int tm;

void test_setup(void)
{
	path = disk_given();
	journal_format(path, TM_GUID);
	tm = tm_online(path);
}

/* Everything is closed, the log is read again. */
static void reopen(void)
{
	tm_close(tm, path);
	tm = tm_online(path);
}

static int rm_new(unsigned int n)
{
	guid_t g = guid_of(n);
	int rm = rm_create_as(tm, 0, &g);

	CHECK_EQ(rm_info(rm).online, 0);
	rm_recover_empty(rm);
	CHECK_EQ(rm_info(rm).online, 1);
	return rm;
}

static int rm_again(unsigned int n)
{
	guid_t g = guid_of(n);

	return rm_open(tm, &g);
}

static void prepare_with(int rm, guid_t en, const void *information, unsigned int length)
{
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en,
				  .information = (uintptr_t)information,
				  .information_length = length);

	CALL(rm, KTM_IOC_PREPARE_COMPLETE, &a, KTM_STATUS_SUCCESS);
}

TEST(identity_is_the_journals)
{
	guid_t want = TM_GUID, got = tm_guid(tm);
	struct ktm_tm_info i = tm_info(tm);
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);

	CHECK(same(&got, &want));
	CHECK_EQ(i.state, KTM_TM_STATE_ONLINE);
	CHECK_EQ(i.flags, 0);
	CHECK_EQ(i.rms, 0);
	CHECK(i.log_size > 0 && i.log_free <= i.log_size && i.log_free > i.log_size / 2);
	CHECK_EQ(i.log_reserved, 0);
	CHECK(i.log_flushed_lsn <= i.log_lsn);
	/* Recover once more: nothing happens. */
	CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).log_lsn, i.log_lsn);
}

/* A volatile TM of the same GUID, which anybody can make, is in nobody's way. */
TEST(no_volatile_tm_in_its_place)
{
	struct ktm_tm_create t = ARG(ktm_tm_create, .flags = KTM_TM_VOLATILE, .device_fd = -1,
				     .access = KTM_TM_ALL_ACCESS, .guid = TM_GUID);
	guid_t guid = TM_GUID;
	int other;

	CALL(dev(), KTM_IOC_TM_CREATE, &t, KTM_STATUS_OBJECT_NAME_COLLISION);
	tm_close(tm, path);
	CALL(dev(), KTM_IOC_TM_CREATE, &t, KTM_STATUS_SUCCESS);
	tm = tm_online(path);
	CHECK_EQ(tm_info(tm).flags, 0);
	other = tm_open(&guid);
	CHECK_EQ(tm_info(other).flags, 0);
	close(other);
	tm_close(tm, path);
	other = tm_open(&guid);
	CHECK_EQ(tm_info(other).flags, KTM_TM_VOLATILE);
	close(other);
	close(t.fd);
	tm = tm_online(path);
}

TEST(commit_and_reopen)
{
	int rm = rm_new(1), tx = tx_create(tm);
	struct ktm_tm_info before = tm_info(tm), after;

	commit_one(rm, tx);
	after = tm_info(tm);
	/* One force for one durable commit. */
	CHECK_EQ(after.forces - before.forces, 1);
	CHECK(after.log_flushed_lsn > before.log_flushed_lsn);
	CHECK_EQ(after.transactions, 0);
	close(tx);
	close(rm);
	reopen();
	CHECK_EQ(tm_info(tm).transactions, 0);
	CHECK_EQ(tm_info(tm).rms, 1);
	rm = rm_again(1);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE_NONE(rm);
}

/* Read-only, rolled back, nobody: nothing of it is forced. */
TEST(what_needs_no_force)
{
	int rm = rm_new(1), tx = tx_create(tm);
	uint64_t forces = tm_info(tm).forces;
	guid_t a = enlist(rm, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm, KTM_IOC_READ_ONLY, a, KTM_STATUS_SUCCESS);
	WAIT(tx, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).forces, forces);

	tx = tx_create(tm);
	a = enlist(rm, tx);
	ROLLBACK(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, a);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, a, KTM_STATUS_SUCCESS);
	WAIT(tx, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).forces, forces);

	tx = tx_create(tm);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).forces, forces);
}

/* A volatile RM beside a durable one: no trace of it in the log. */
TEST(volatile_rm_leaves_no_trace)
{
	int rm = rm_new(1), light = rm_create(tm, KTM_RM_VOLATILE), tx = tx_create(tm);
	guid_t light_id = rm_info(light).guid, a = enlist(rm, tx), b = enlist(light, tx);
	struct ktm_open o = ARG(ktm_open, .access = KTM_RM_ALL_ACCESS, .guid = light_id);

	CHECK_EQ(rm_info(light).online, 1);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	TAKE(light, KTM_NOTIFY_PREPARE, b);
	ANSWER(light, KTM_IOC_PREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	TAKE(light, KTM_NOTIFY_COMMIT, b);
	close(light);
	close(rm);
	close(tx);
	reopen();
	CHECK_EQ(tm_info(tm).rms, 1);
	CALL(tm, KTM_IOC_RM_OPEN, &o, KTM_STATUS_RM_NOT_FOUND);
	rm = rm_again(1);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, a);
	en_recover(rm, a, 0);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
}

/* Decided, not completed: COMMIT comes again, over any number of restarts. */
TEST(commit_is_delivered_until_completed)
{
	static const char note[] = "where the redo lies";
	char back[64];
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_EN_RECOVERY);
	int rm = rm_new(1), tx = tx_create(tm), times;
	guid_t uow = tx_info(tx).uow, a = enlist_key(rm, tx, 1000);
	struct ktm_notification n;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	prepare_with(rm, a, note, sizeof(note));
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	close(tx);
	close(rm);
	for (times = 0; times < 3; times++) {
		reopen();
		CHECK_EQ(tm_info(tm).transactions, 1);
		CHECK_EQ(tm_info(tm).indoubt, 0);
		tx = tx_open(&uow, KTM_TX_QUERY_INFORMATION);
		TX_IS(tx, KTM_TX_STATE_COMMITTING);
		CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_COMMITTED);
		rm = rm_again(1);
		rm_recover(rm);
		n = take(rm);
		CHECK_EQ(n.kind, KTM_NOTIFY_RECOVER);
		CHECK(same(&n.enlistment, &a));
		CHECK(same(&n.uow, &uow));
		CHECK_EQ(n.key, 1000);
		TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
		TAKE_NONE(rm);
		q.guid = a;
		q.buffer = (uintptr_t)back;
		q.length = sizeof(back);
		CALL(rm, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
		CHECK_EQ(q.length, sizeof(note));
		CHECK(!memcmp(back, note, sizeof(note)));
		/* Nobody has taken it up: it was not told COMMIT, it has nothing to say. */
		ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
		en_recover(rm, a, 2000 + times);
		ANSWER(rm, KTM_IOC_EN_RECOVER, a, KTM_STATUS_REQUEST_NOT_VALID);
		n = take(rm);
		CHECK_EQ(n.kind, KTM_NOTIFY_COMMIT);
		CHECK_EQ(n.key, 2000 + times);
		close(rm);
		close(tx);
	}
	rm = rm_again(1);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, a);
	en_recover(rm, a, 0);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).transactions, 0);
	close(rm);
	reopen();
	CHECK_EQ(tm_info(tm).transactions, 0);
	rm = rm_again(1);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE_NONE(rm);
}

/* Prepared, and never decided: no record means abort. */
TEST(prepared_without_a_decision_rolls_back)
{
	int rm = rm_new(1), other = rm_new(2), tx = tx_create(tm);
	guid_t uow = tx_info(tx).uow, a = enlist_key(rm, tx, 5), b = enlist(other, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(other, KTM_NOTIFY_PREPARE, b);
	close(rm);
	close(other);
	close(tx);
	reopen();
	rm = rm_again(1);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, a);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	tx = tx_open(&uow, KTM_TX_QUERY_INFORMATION);
	TX_IS(tx, KTM_TX_STATE_ABORTING);
	en_recover(rm, a, 6);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, a);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	other = rm_again(2);
	rm_recover(other);
	TAKE(other, KTM_NOTIFY_LAST_RECOVER, nil);
	close(rm);
	close(other);
	close(tx);
	reopen();
	CHECK_EQ(tm_info(tm).transactions, 0);
}

/* Two RMs; one completed before the end: only the other is asked again. */
TEST(only_the_unfinished_is_recovered)
{
	int rm = rm_new(1), other = rm_new(2), tx = tx_create(tm);
	guid_t a = enlist(rm, tx), b = enlist(other, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	TAKE(other, KTM_NOTIFY_PREPARE, b);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	close(tx);
	close(other);
	/* A completion is durable with the next force, at the latest. */
	tx = tx_create(tm);
	commit_one(rm, tx);
	close(tx);
	close(rm);
	reopen();
	rm = rm_again(1);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE_NONE(rm);
	other = rm_again(2);
	rm_recover(other);
	TAKE(other, KTM_NOTIFY_RECOVER, b);
	en_recover(other, b, 0);
	TAKE(other, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE(other, KTM_NOTIFY_COMMIT, b);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, b, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).transactions, 0);
}

/* The RM goes when it is prepared and comes back before the decision: in doubt. */
TEST(rm_back_before_the_decision)
{
	int rm = rm_new(1), other = rm_new(2), tx = tx_create(tm);
	guid_t a = enlist_key(rm, tx, 1), b = enlist(other, tx);
	struct ktm_en_pair pair[2];
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_TX_ENLISTMENTS,
				 .length = sizeof(pair), .buffer = (uintptr_t)pair);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	close(rm);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	CALL(tx, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
	CHECK_EQ(pair[0].present + pair[1].present, 1);
	rm = rm_again(1);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, a);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(rm, a, 9);
	TAKE(rm, KTM_NOTIFY_INDOUBT, a);
	EN_IS(rm, a, KTM_EN_STATE_PREPARED);
	TAKE(other, KTM_NOTIFY_PREPARE, b);
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	TAKE(other, KTM_NOTIFY_COMMIT, b);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

static void bad_read(int rm)
{
	/* The compiler would know better. */
	void *volatile nowhere = NULL;

	errno = 0;
	CHECK_EQ(read(rm, nowhere, sizeof(struct ktm_notification)), -1);
	CHECK_EQ(errno, EFAULT);
}

/* What of one enlistment waits unread comes in its order, and stays there if it cannot be copied. */
TEST(two_wait_of_one_enlistment)
{
	int rm = rm_new(1), other = rm_new(2), tx = tx_create(tm);
	guid_t a = enlist(rm, tx), b = enlist(other, tx);
	struct ktm_notification n[3];

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	close(rm);
	rm = rm_again(1);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, a);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(rm, a, 9);
	TAKE(other, KTM_NOTIFY_PREPARE, b);
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	TAKE(other, KTM_NOTIFY_COMMIT, b);
	bad_read(rm);
	CHECK_EQ(read(rm, n, sizeof(n)), (ssize_t)(2 * sizeof(n[0])));
	CHECK_EQ(n[0].kind, KTM_NOTIFY_INDOUBT);
	CHECK_EQ(n[1].kind, KTM_NOTIFY_COMMIT);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* An RM that is away holds up nobody's Commit(wait) after the decision. */
TEST(absent_rm_does_not_hold_up_commit)
{
	int rm = rm_new(1), other = rm_new(2), tx = tx_create(tm);
	guid_t a = enlist(rm, tx), b = enlist(other, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	close(rm);
	TAKE(other, KTM_NOTIFY_PREPARE, b);
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	TAKE(other, KTM_NOTIFY_COMMIT, b);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, b, KTM_STATUS_SUCCESS);
	WAIT(tx, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	CHECK(poll_now(tx) & POLLIN);
	rm = rm_again(1);
	rm_recover_one(rm, a);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	SHOWS("close rm-durable-prepared");
	SHOWS("close rm-after-the-decision");
}

static void wait_for_ever(void *data)
{
	struct ktm_tx_wait w = ARG(ktm_tx_wait, .timeout_ns = FOREVER);

	CALL(*(int *)data, KTM_IOC_TX_WAIT, &w, KTM_STATUS_SUCCESS);
	CHECK_EQ(w.outcome, KTM_OUTCOME_COMMITTED);
}

/* Once the RM has taken its part up again, it is waited for again. */
TEST(wait_again_after_recover)
{
	int rm = rm_new(1), tx = tx_create(tm);
	guid_t a = enlist(rm, tx);
	pid_t waiter;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	close(rm);
	WAIT(tx, KTM_STATUS_SUCCESS);
	rm = rm_again(1);
	rm_recover_one(rm, a);
	waiter = test_spawn(wait_for_ever, &tx);
	until_asleep(waiter);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	test_join(waiter);
}

/* A refused Enlist changes nothing: the transaction still belongs to nobody. */
TEST(refused_enlist_does_not_bind)
{
	guid_t g = guid_of(1), got;
	int rm = rm_create_as(tm, 0, &g), tx = tx_create(-1);
	int other = rm_create(tm_volatile(), KTM_RM_VOLATILE);
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = EN_MASK);

	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_TM_NOT_ONLINE);
	got = tx_info(tx).tm;
	CHECK(same(&got, &nil));
	enlist(other, tx);
}

TEST(not_before_recovery)
{
	guid_t g = guid_of(1), unknown = guid_of(404);
	struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS, .guid = g);
	struct ktm_open o = ARG(ktm_open, .access = KTM_RM_ALL_ACCESS, .guid = g);
	struct ktm_enlist e = ARG(ktm_enlist, .mask = EN_MASK);
	struct ktm_tx_create x = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS);
	int rm = rm_new(1), tx, fresh;

	close(rm);
	tm_close(tm, path);
	tm = tm_attach(path);
	CALL(tm, KTM_IOC_RM_CREATE, &c, KTM_STATUS_TM_NOT_ONLINE);
	CALL(tm, KTM_IOC_RM_OPEN, &o, KTM_STATUS_TM_NOT_ONLINE);
	c.flags = KTM_RM_VOLATILE;
	CALL(tm, KTM_IOC_RM_CREATE, &c, KTM_STATUS_TM_NOT_ONLINE);
	x.tm_fd = tm;
	CALL(dev(), KTM_IOC_TX_CREATE, &x, KTM_STATUS_TM_NOT_ONLINE);
	CHECK_EQ(tm_info(tm).rms, 0);
	tm_recover(tm);

	/* It is in the log now: open it, do not make it again. */
	c.flags = 0;
	CALL(tm, KTM_IOC_RM_CREATE, &c, KTM_STATUS_OBJECT_NAME_COLLISION);
	CALL(tm, KTM_IOC_RM_OPEN, &o, KTM_STATUS_SUCCESS);
	fresh = o.fd;
	tx = tx_create(tm);
	e.tx_fd = tx;
	CALL(fresh, KTM_IOC_ENLIST, &e, KTM_STATUS_TM_NOT_ONLINE);
	CHECK(poll_now(fresh) & POLLERR);
	/* Unknown to the log, before the RM has heard the last RECOVER: not known yet. */
	ANSWER(fresh, KTM_IOC_EN_RECOVER, unknown, KTM_STATUS_TM_NOT_ONLINE);
	rm_recover(fresh);
	TAKE(fresh, KTM_NOTIFY_LAST_RECOVER, nil);
	CHECK_EQ(poll_now(fresh) & POLLERR, 0);
	ANSWER(fresh, KTM_IOC_EN_RECOVER, unknown, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	CALL(fresh, KTM_IOC_ENLIST, &e, KTM_STATUS_SUCCESS);
}

/* Owner and mode of a durable RM are logged. */
TEST(owner_and_mode_survive)
{
	guid_t g = guid_of(1);
	static const char text[] = "orders database";
	struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS, .guid = g,
				     .flags = KTM_RM_EXCLUSIVE, .mode = 0640,
				     .description = (uintptr_t)text,
				     .description_length = sizeof(text) - 1);
	struct ktm_open o = ARG(ktm_open, .access = KTM_RM_ALL_ACCESS, .guid = g,
				.flags = KTM_OPEN_EXCLUSIVE);
	struct ktm_rm_info i;

	CALL(tm, KTM_IOC_RM_CREATE, &c, KTM_STATUS_SUCCESS);
	rm_recover_empty(c.fd);
	close(c.fd);
	reopen();
	CALL(tm, KTM_IOC_RM_OPEN, &o, KTM_STATUS_SUCCESS);
	i = rm_info(o.fd);
	CHECK_EQ(i.description_length, sizeof(text) - 1);
	CHECK(!memcmp(i.description, text, sizeof(text) - 1));
	CHECK_EQ(i.flags & KTM_RM_VOLATILE, 0);
	o.flags = 0;
	CALL(tm, KTM_IOC_RM_OPEN, &o, KTM_STATUS_SHARING_VIOLATION);
}

TEST(recovery_information_byte_for_byte)
{
	static unsigned char longest[KTM_MAX_RECOVERY_INFORMATION + 1], back[sizeof(longest)];
	static const unsigned int lengths[] = { 0, 1, 7, 4096, KTM_MAX_RECOVERY_INFORMATION };
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_EN_RECOVERY);
	struct ktm_answer a = ARG(ktm_answer);
	guid_t en[5];
	unsigned int i, k;
	int rm = rm_new(1), tx = tx_create(tm);

	for (i = 0; i < sizeof(longest); i++)
		longest[i] = i * 7 + i / 256;
	for (i = 0; i < 5; i++)
		en[i] = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	a.enlistment = en[0];
	a.information = (uintptr_t)longest;
	a.information_length = sizeof(longest);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, &a, KTM_STATUS_INVALID_PARAMETER);
	a.information_length = 0;
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, &a, KTM_STATUS_INVALID_PARAMETER);
	a.information_length = 100;
	a.information = 1;
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, &a, KTM_STATUS_FAULT);
	EN_IS(rm, en[0], KTM_EN_STATE_PREPARING);
	for (i = 0; i < 5; i++) {
		TAKE(rm, KTM_NOTIFY_PREPARE, en[i]);
		prepare_with(rm, en[i], lengths[i] ? longest + i : NULL, lengths[i]);
	}
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTING);
	for (k = 0; k < 2; k++) {
		for (i = 0; i < 5; i++) {
			memset(back, 0, sizeof(back));
			q.guid = en[i];
			q.buffer = (uintptr_t)back;
			q.length = lengths[i] ? lengths[i] - 1 : 0;
			if (lengths[i])
				CALL(rm, KTM_IOC_QUERY, &q, KTM_STATUS_BUFFER_TOO_SMALL);
			CHECK_EQ(back[0], 0);
			q.length = sizeof(back);
			CALL(rm, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
			CHECK_EQ(q.length, lengths[i]);
			CHECK(!memcmp(back, longest + i, lengths[i]));
			CHECK_EQ(back[lengths[i]], 0);
		}
		if (k)
			break;
		close(rm);
		close(tx);
		reopen();
		rm = rm_again(1);
		rm_recover(rm);
		for (i = 0; i < 5; i++)
			CHECK_EQ(take(rm).kind, KTM_NOTIFY_RECOVER);
		TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	}
}

/* A UOW that the log may still know is not given to anybody again. */
TEST(uow_is_not_reused)
{
	int rm = rm_new(1), tx;
	guid_t uow = guid_of(4711), a;
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = tm,
				     .uow = uow);

	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_SUCCESS);
	tx = c.fd;
	a = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	close(rm);
	close(tx);
	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_OBJECT_NAME_COLLISION);
	reopen();
	c.tm_fd = tm;
	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_OBJECT_NAME_COLLISION);
	rm = rm_again(1);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, a);
	en_recover(rm, a, 0);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	/* Its end record is durable with the next force; soon after it is free. */
	tx = tx_create(tm);
	commit_one(rm, tx);
	while (test_try(dev(), KTM_IOC_TX_CREATE, &c) == KTM_STATUS_OBJECT_NAME_COLLISION)
		nap();
	CHECK_EQ(c.status, KTM_STATUS_SUCCESS);
}

/*
 * A UOW that only the log of a TM knows that is not recovered yet: a client may take
 * it for an unbound transaction, but not bring that into this TM.
 */
TEST(uow_that_only_the_log_knows)
{
	int rm = rm_new(1), tx, light;
	guid_t uow = guid_of(4711), a, got;
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = tm,
				     .uow = uow);
	struct ktm_enlist e = ARG(ktm_enlist, .mask = EN_MASK);

	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_SUCCESS);
	tx = c.fd;
	a = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	close(rm);
	close(tx);
	tm_close(tm, path);
	c.tm_fd = -1;
	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_SUCCESS);
	tm = tm_online(path);
	rm = rm_again(1);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, a);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	e.tx_fd = c.fd;
	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_OBJECT_NAME_COLLISION);
	got = tx_info(c.fd).tm;
	CHECK(same(&got, &nil));
	CHECK_EQ(tx_info(c.fd).enlistments, 0);
	/* Elsewhere it may be used. */
	light = rm_create(tm_volatile(), KTM_RM_VOLATILE);
	commit_one(light, c.fd);
	/* And what the log knows goes its way. */
	en_recover(rm, a, 0);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).transactions, 0);
}

/* A durable RM that could not be given to its maker is not in the log either. */
TEST(failed_create_leaves_no_rm)
{
	const struct rlimit none = { 0, 4096 };
	struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS);

	CHECK(dev() >= 0);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	CALL(tm, KTM_IOC_RM_CREATE, &c, KTM_STATUS_TOO_MANY_FILES);
	CHECK_EQ(tm_info(tm).rms, 0);
}

/* One device, one TM: the second is told which it is. */
TEST(device_is_claimed)
{
	int second = -1;
	struct ktm_tm_create c = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS,
				     .device_fd = -1);
	guid_t want = TM_GUID;

	CHECK_EQ(tm_try_attach(path, &second), KTM_STATUS_OBJECT_NAME_COLLISION);
	c.device_fd = dev();
	CALL(dev(), KTM_IOC_TM_CREATE, &c, KTM_STATUS_OBJECT_TYPE_MISMATCH);
	c.device_fd = 12345;
	CALL(dev(), KTM_IOC_TM_CREATE, &c, KTM_STATUS_INVALID_HANDLE);
	close(tm);
	tm = tm_attach(path);
	c.guid = tm_guid(tm);
	CHECK(same(&c.guid, &want));
}

/* Work that nobody holds is in the log alone. */
TEST(unfinished_work_pins_nothing)
{
	int rm = rm_new(1), tx = tx_create(tm);
	guid_t uow = tx_info(tx).uow, a = enlist(rm, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	close(rm);
	close(tx);
	tm_close(tm, path);
	CHECK(!listed(dev(), KTM_KIND_TM, TM_GUID));
	CHECK(!listed(dev(), KTM_KIND_TX, uow));
	SHOWS("close tm-durable");
}

/* Many commits, so that the ring goes round more than once. */
TEST(round_the_ring)
{
	struct disk d = disk_make(MIB);
	uint64_t size, begin;
	int rm, i, tx;
	guid_t a;

	/* A small one, so that it does not take long. */
	tm_close(tm, path);
	path = d.path;
	journal_format(path, TM_GUID);
	tm = tm_online(path);
	rm = rm_new(1);
	size = tm_info(tm).log_size;
	begin = tm_info(tm).log_lsn;
	for (i = 0; tm_info(tm).log_lsn < begin + 2 * size; i++) {
		tx = tx_create(tm);
		commit_one(rm, tx);
		close(tx);
		if (i % 100 == 99) {
			close(rm);
			reopen();
			rm = rm_again(1);
			rm_recover(rm);
			TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
		}
	}
	tx = tx_create(tm);
	a = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	close(rm);
	close(tx);
	reopen();
	rm = rm_again(1);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, a);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
}

/* Group commit: many clients wait at once, all are right. */
#define CLIENTS	16

static void client(void *unused)
{
	int rm = rm_create(tm, 0), tx, i;

	(void)unused;
	rm_recover_empty(rm);
	for (i = 0; i < 10; i++) {
		tx = tx_create(tm);
		commit_one(rm, tx);
		close(tx);
	}
}

TEST(many_clients_at_once)
{
	struct ktm_tm_info before = tm_info(tm), after;
	pid_t pids[CLIENTS];
	int i;

	for (i = 0; i < CLIENTS; i++)
		pids[i] = test_spawn(client, NULL);
	for (i = 0; i < CLIENTS; i++)
		test_join(pids[i]);
	after = tm_info(tm);
	CHECK_EQ(after.transactions, 0);
	CHECK_EQ(after.rms, CLIENTS);
	printf("# %d commits, %llu forces, %llu batches\n", CLIENTS * 10,
	       (unsigned long long)(after.forces - before.forces),
	       (unsigned long long)(after.writes - before.writes));
	reopen();
	CHECK_EQ(tm_info(tm).rms, CLIENTS);
	CHECK_EQ(tm_info(tm).transactions, 0);
}
