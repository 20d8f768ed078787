// SPDX-License-Identifier: GPL-2.0
/*
 * Commit on a volatile TM: each step, and what can be seen after it.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "calls.h"

static int tm, tx, rm1, rm2;

void test_setup(void)
{
	tm = tm_volatile();
	rm1 = rm_create(tm, KTM_RM_VOLATILE);
	rm2 = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
}

/* Every state on the way, seen from the transaction and from both enlistments. */
TEST(two_rms_step_by_step)
{
	guid_t a = enlist_key(rm1, tx, 11), b = enlist_key(rm2, tx, 22);
	struct ktm_tx_info i;
	struct ktm_en_info e;
	struct ktm_notification n;

	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	i = tx_info(tx);
	CHECK_EQ(i.outcome, KTM_OUTCOME_UNDETERMINED);
	CHECK_EQ(i.enlistments, 2);
	EN_IS(rm1, a, KTM_EN_STATE_ACTIVE);
	TAKE_NONE(rm1);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_UNDETERMINED);
	EN_IS(rm1, a, KTM_EN_STATE_PREPARING);
	EN_IS(rm2, b, KTM_EN_STATE_PREPARING);
	n = take(rm1);
	CHECK_EQ(n.kind, KTM_NOTIFY_PREPARE);
	CHECK_EQ(n.key, 11);
	CHECK(same(&n.enlistment, &a));
	CHECK(same(&n.uow, &i.uow));
	n = take(rm2);
	CHECK_EQ(n.key, 22);
	TAKE_NONE(rm1);
	TAKE_NONE(rm2);

	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	EN_IS(rm1, a, KTM_EN_STATE_PREPARED);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	TAKE_NONE(rm1);
	CHECK_EQ(poll_now(tx) & POLLIN, 0);

	ANSWER(rm2, KTM_IOC_PREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTING);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_COMMITTED);
	EN_IS(rm1, a, KTM_EN_STATE_COMMITTING);
	TAKE(rm1, KTM_NOTIFY_COMMIT, a);
	TAKE(rm2, KTM_NOTIFY_COMMIT, b);

	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	CHECK_EQ(tx_info(tx).enlistments, 1);
	e = rm_en_info(rm2, b);
	CHECK_EQ(e.state, KTM_EN_STATE_COMMITTING);
	CHECK_EQ(e.key, 22);
	CHECK_EQ(e.mask, EN_MASK);
	CHECK(same(&e.uow, &i.uow));
	ANSWER(rm2, KTM_IOC_COMMIT_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	CHECK_EQ(tx_info(tx).enlistments, 0);
	CHECK(poll_now(tx) & POLLIN);
	WAIT(tx, KTM_STATUS_SUCCESS);
	TAKE_NONE(rm1);
	TAKE_NONE(rm2);
}

struct rm_process {
	int rm;
	guid_t en;
};

static void answer_commit(void *data)
{
	struct rm_process *p = data;

	close(tx);
	TAKE(p->rm, KTM_NOTIFY_PREPARE, p->en);
	ANSWER(p->rm, KTM_IOC_PREPARE_COMPLETE, p->en, KTM_STATUS_SUCCESS);
	TAKE(p->rm, KTM_NOTIFY_COMMIT, p->en);
	ANSWER(p->rm, KTM_IOC_COMMIT_COMPLETE, p->en, KTM_STATUS_SUCCESS);
}

/* The client waits in Commit while two other processes answer. */
TEST(two_rms_in_their_own_processes)
{
	struct rm_process p1 = { rm1, enlist(rm1, tx) }, p2 = { rm2, enlist(rm2, tx) };
	pid_t a = test_spawn(answer_commit, &p1), b = test_spawn(answer_commit, &p2);

	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	test_join(a);
	test_join(b);
}

/* Commit(wait) returns when all have finished, not when it is decided. */
TEST(commit_waits_for_the_last)
{
	guid_t a = enlist(rm1, tx);
	pid_t client = commit_in_child(tx, KTM_STATUS_SUCCESS);

	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm1, KTM_NOTIFY_COMMIT, a);
	until_asleep(client);
	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* The same RM twice in one transaction: two parts, each with its own answers. */
TEST(one_rm_enlisted_twice)
{
	guid_t a = enlist_key(rm1, tx, 1), b = enlist_key(rm1, tx, 2);

	CHECK(!same(&a, &b));
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	TAKE(rm1, KTM_NOTIFY_PREPARE, b);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm1, KTM_NOTIFY_COMMIT, a);
	TAKE(rm1, KTM_NOTIFY_COMMIT, b);
	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

TEST(nobody_takes_part)
{
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	CHECK(poll_now(tx) & POLLIN);

	/* Without a TM as well. */
	tx = tx_create(-1);
	COMMIT(tx, 0, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	COMMIT(tx, 0, KTM_STATUS_ALREADY_COMMITTED);
}

/* Who is read-only hears nothing more, the others go on. */
TEST(read_only_before_and_after_prepare)
{
	guid_t a = enlist(rm1, tx), b = enlist(rm2, tx), c = enlist(rm2, tx);

	ANSWER(rm1, KTM_IOC_READ_ONLY, a, KTM_STATUS_SUCCESS);
	CHECK_EQ(tx_info(tx).enlistments, 2);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE_NONE(rm1);
	TAKE(rm2, KTM_NOTIFY_PREPARE, b);
	TAKE(rm2, KTM_NOTIFY_PREPARE, c);
	ANSWER(rm2, KTM_IOC_READ_ONLY, b, KTM_STATUS_SUCCESS);
	ANSWER(rm2, KTM_IOC_PREPARE_COMPLETE, c, KTM_STATUS_SUCCESS);
	TAKE(rm2, KTM_NOTIFY_COMMIT, c);
	TAKE_NONE(rm1);
	ANSWER(rm2, KTM_IOC_COMMIT_COMPLETE, c, KTM_STATUS_SUCCESS);
	TAKE_NONE(rm2);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

TEST(all_read_only)
{
	guid_t a = enlist(rm1, tx), b = enlist(rm2, tx);
	pid_t client = commit_in_child(tx, KTM_STATUS_SUCCESS);

	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	TAKE(rm2, KTM_NOTIFY_PREPARE, b);
	ANSWER(rm1, KTM_IOC_READ_ONLY, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	ANSWER(rm2, KTM_IOC_READ_ONLY, b, KTM_STATUS_SUCCESS);
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	TAKE_NONE(rm1);
	TAKE_NONE(rm2);
}

TEST(commit_twice)
{
	guid_t a = enlist(rm1, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	COMMIT(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_REQUEST_NOT_VALID);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	TAKE_NONE(rm1);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTING);
	COMMIT(tx, 0, KTM_STATUS_ALREADY_COMMITTED);
	TAKE(rm1, KTM_NOTIFY_COMMIT, a);
	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_ALREADY_COMMITTED);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

TEST(rollback_after_commit_began)
{
	guid_t a = enlist(rm1, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	ROLLBACK(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTING);
	ROLLBACK(tx, KTM_CALL_WAIT, KTM_STATUS_ALREADY_COMMITTED);
	TAKE(rm1, KTM_NOTIFY_COMMIT, a);
	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	ROLLBACK(tx, 0, KTM_STATUS_ALREADY_COMMITTED);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* An answer that nobody waits for is refused in every state, and changes none. */
TEST(answers_nobody_asked_for)
{
	guid_t a = enlist(rm1, tx), unknown = guid_of(99);

	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm1, KTM_IOC_ROLLBACK_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm1, KTM_IOC_EN_RECOVER, a, KTM_STATUS_REQUEST_NOT_VALID);
	EN_IS(rm1, a, KTM_EN_STATE_ACTIVE);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm1, KTM_IOC_ROLLBACK_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm1, KTM_IOC_EN_RECOVER, a, KTM_STATUS_REQUEST_NOT_VALID);
	EN_IS(rm1, a, KTM_EN_STATE_PREPARING);
	TAKE(rm1, KTM_NOTIFY_PREPARE, a);

	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm1, KTM_NOTIFY_COMMIT, a);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm1, KTM_IOC_ROLLBACK_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm1, KTM_IOC_READ_ONLY, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm1, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_REQUEST_NOT_VALID);
	EN_IS(rm1, a, KTM_EN_STATE_COMMITTING);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);

	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, unknown, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, unknown, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	ANSWER(rm1, KTM_IOC_ROLLBACK_COMPLETE, unknown, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	ANSWER(rm1, KTM_IOC_READ_ONLY, unknown, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	ANSWER(rm1, KTM_IOC_EN_ROLLBACK, unknown, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	ANSWER(rm1, KTM_IOC_EN_RECOVER, unknown, KTM_STATUS_ENLISTMENT_NOT_FOUND);
}

/* Prepared, while the other has not voted: it may not leave any more. */
TEST(no_way_back_after_the_vote)
{
	guid_t a = enlist(rm1, tx), b = enlist(rm2, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm1, KTM_IOC_READ_ONLY, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm1, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_REQUEST_NOT_VALID);
	EN_IS(rm1, a, KTM_EN_STATE_PREPARED);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	TAKE(rm2, KTM_NOTIFY_PREPARE, b);
	ANSWER(rm2, KTM_IOC_EN_ROLLBACK, b, KTM_STATUS_SUCCESS);
	TAKE(rm1, KTM_NOTIFY_ROLLBACK, a);
	TAKE(rm2, KTM_NOTIFY_ROLLBACK, b);
	TX_IS(tx, KTM_TX_STATE_ABORTING);
	ANSWER(rm1, KTM_IOC_ROLLBACK_COMPLETE, a, KTM_STATUS_SUCCESS);
	ANSWER(rm2, KTM_IOC_ROLLBACK_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
}

/* Another RM's enlistment is none of mine, even with its GUID. */
TEST(answers_for_somebody_else)
{
	guid_t a = enlist(rm1, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	ANSWER(rm2, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	ANSWER(rm2, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	EN_IS(rm1, a, KTM_EN_STATE_PREPARING);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
}

TEST(enlist_too_late)
{
	guid_t a = enlist(rm1, tx);
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = EN_MASK);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	CALL(rm2, KTM_IOC_ENLIST, &e, KTM_STATUS_TRANSACTION_NOT_ACTIVE);
	CHECK_EQ(tx_info(tx).enlistments, 1);
	CHECK_EQ(rm_info(rm2).enlistments, 0);
	ANSWER(rm1, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_SUCCESS);
	CALL(rm2, KTM_IOC_ENLIST, &e, KTM_STATUS_TRANSACTION_NOT_ACTIVE);
	TX_IS(tx, KTM_TX_STATE_ABORTING);
}

/* One descriptor per enlistment, answered on it without a GUID. */
TEST(enlistments_with_descriptors)
{
	guid_t g;
	int en = enlist_fd(rm1, tx, KTM_EN_ALL_ACCESS, &g);
	struct ktm_en_info i = en_info(en);
	struct ktm_answer with_guid = ARG(ktm_answer, .enlistment = g);

	CHECK(same(&i.enlistment, &g));
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm1, KTM_NOTIFY_PREPARE, g);
	CALL(en, KTM_IOC_PREPARE_COMPLETE, &with_guid, KTM_STATUS_INVALID_PARAMETER);
	CHECK_EQ(en_info(en).state, KTM_EN_STATE_PREPARING);
	ANSWER_FD(en, KTM_IOC_PREPARE_COMPLETE, KTM_STATUS_SUCCESS);
	/* The only one, and nothing to log: decided with its vote. */
	CHECK_EQ(en_info(en).state, KTM_EN_STATE_COMMITTING);
	TAKE(rm1, KTM_NOTIFY_COMMIT, g);
	ANSWER_FD(en, KTM_IOC_COMMIT_COMPLETE, KTM_STATUS_SUCCESS);
	CHECK_EQ(en_info(en).state, KTM_EN_STATE_COMMITTED);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* A transaction made without a TM belongs to that of its first enlistment. */
TEST(bound_by_the_first_enlistment)
{
	int other_tm = tm_volatile(), other_rm = rm_create(other_tm, KTM_RM_VOLATILE);
	int loose = tx_create(-1);
	guid_t tm_id = tm_guid(tm), got = tx_info(loose).tm;
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = loose, .mask = EN_MASK);

	CHECK(same(&got, &nil));
	enlist(rm1, loose);
	got = tx_info(loose).tm;
	CHECK(same(&got, &tm_id));
	CALL(other_rm, KTM_IOC_ENLIST, &e, KTM_STATUS_TM_IDENTITY_MISMATCH);
	e.tx_fd = tx;
	CALL(other_rm, KTM_IOC_ENLIST, &e, KTM_STATUS_TM_IDENTITY_MISMATCH);
	CHECK_EQ(tx_info(loose).enlistments, 1);
	CHECK_EQ(rm_info(other_rm).enlistments, 0);
	TX_IS(loose, KTM_TX_STATE_ACTIVE);
}

/* What an enlistment must name, and bits that mean nothing. */
TEST(masks)
{
	static const unsigned int bad[] = {
		0, KTM_NOTIFY_PREPARE | KTM_NOTIFY_COMMIT,
		KTM_NOTIFY_PREPARE | KTM_NOTIFY_ROLLBACK,
		KTM_NOTIFY_COMMIT | KTM_NOTIFY_ROLLBACK,
		KTM_NOTIFY_PREPREPARE, KTM_NOTIFY_SINGLE_PHASE_COMMIT,
		KTM_NOTIFY_REQUIRED | 0x80000000u, KTM_NOTIFY_REQUIRED | 0x00080000,
	};
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx);
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e.mask = bad[i];
		CALL(rm1, KTM_IOC_ENLIST, &e, KTM_STATUS_INVALID_PARAMETER);
		CHECK_EQ(tx_info(tx).enlistments, 0);
	}
	e.mask = KTM_NOTIFY_REQUIRED;
	CALL(rm1, KTM_IOC_ENLIST, &e, KTM_STATUS_SUCCESS);
	CHECK_EQ(rm_en_info(rm1, e.guid).mask, KTM_NOTIFY_REQUIRED);
}

/* TX_WAIT: not yet, in time, and without being asked to wait. */
TEST(wait_for_the_outcome)
{
	guid_t a = enlist(rm1, tx);
	struct ktm_tx_wait w = ARG(ktm_tx_wait);
	pid_t client;

	CALL(tx, KTM_IOC_TX_WAIT, &w, KTM_STATUS_TIMEOUT);
	w.timeout_ns = 1000000;
	CALL(tx, KTM_IOC_TX_WAIT, &w, KTM_STATUS_TIMEOUT);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	client = commit_in_child(tx, KTM_STATUS_SUCCESS);
	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm1, KTM_NOTIFY_COMMIT, a);
	w.timeout_ns = 0;
	CALL(tx, KTM_IOC_TX_WAIT, &w, KTM_STATUS_TIMEOUT);
	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	w.timeout_ns = FOREVER;
	CALL(tx, KTM_IOC_TX_WAIT, &w, KTM_STATUS_SUCCESS);
	CHECK_EQ(w.outcome, KTM_OUTCOME_COMMITTED);
	test_join(client);
}
