// SPDX-License-Identifier: GPL-2.0
/*
 * Phase 0: who is asked, who may still come, who may leave, and every way in which
 * it ends. And what goes with every phase: the virtual clock, answers by key.
 */
#include <fcntl.h>

#include "calls.h"
#include "disk.h"

#define PHASE0	(EN_MASK | KTM_NOTIFY_PREPREPARE)

static int tm, tx, rm1, rm2, rm3;

void test_setup(void)
{
	tm = tm_volatile();
	rm1 = rm_create(tm, KTM_RM_VOLATILE);
	rm2 = rm_create(tm, KTM_RM_VOLATILE);
	rm3 = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
}

static guid_t enlist0(int rm)
{
	return enlist_mask(rm, tx, PHASE0, 0);
}

static void finish_rollback(int rm, guid_t en)
{
	en_rollback(rm, en);
	TAKE_NONE(rm);
}

static void enlist_refused(int rm)
{
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = PHASE0);

	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_TRANSACTION_NOT_ACTIVE);
	CHECK_EQ(rm_info(rm).enlistments, 0);
}

/* Nobody is asked to prepare before the last has pre-prepared. */
TEST(all_of_phase_0_comes_first)
{
	guid_t a = enlist0(rm1), b = enlist0(rm2);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_UNDETERMINED);
	CHECK_EQ(tx_info(tx).enlistments, 2);
	EN_IS(rm1, a, KTM_EN_STATE_PREPREPARING);
	EN_IS(rm2, b, KTM_EN_STATE_PREPREPARING);
	TAKE(rm1, KTM_NOTIFY_PREPREPARE, a);
	TAKE(rm2, KTM_NOTIFY_PREPREPARE, b);
	ANSWER(rm1, KTM_IOC_PREPREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	EN_IS(rm1, a, KTM_EN_STATE_PREPREPARED);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	TAKE_NONE(rm1);
	TAKE_NONE(rm2);
	CHECK_EQ(poll_now(tx) & POLLIN, 0);

	ANSWER(rm2, KTM_IOC_PREPREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	EN_IS(rm1, a, KTM_EN_STATE_PREPARING);
	EN_IS(rm2, b, KTM_EN_STATE_PREPARING);
	en_prepare(rm1, a);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	TAKE_NONE(rm1);
	en_prepare(rm2, b);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	en_commit(rm1, a);
	en_commit(rm2, b);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	TAKE_NONE(rm1);
	TAKE_NONE(rm2);
}

/* Who does not want phase 0 sleeps through it, and is asked to prepare with the rest. */
TEST(not_wanted_by_all)
{
	guid_t a = enlist0(rm1), b = enlist(rm2, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	EN_IS(rm2, b, KTM_EN_STATE_PREPREPARED);
	TAKE_NONE(rm2);
	en_preprepare(rm1, a);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	en_prepare(rm2, b);
	en_prepare(rm1, a);
	en_commit(rm1, a);
	en_commit(rm2, b);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* Who comes in phase 0 is asked in phase 0; who comes later is not let in. */
TEST(enlist_during_phase_0)
{
	guid_t a = enlist0(rm1), b, c;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	b = enlist0(rm2);
	EN_IS(rm2, b, KTM_EN_STATE_PREPREPARING);
	en_preprepare(rm1, a);
	/* All who were there at Commit are through, the new one is not. */
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	TAKE_NONE(rm1);
	c = enlist(rm3, tx);
	EN_IS(rm3, c, KTM_EN_STATE_PREPREPARED);
	TAKE_NONE(rm3);
	CHECK_EQ(tx_info(tx).enlistments, 3);
	en_preprepare(rm2, b);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	enlist_refused(rm_create(tm, KTM_RM_VOLATILE));
	en_prepare(rm1, a);
	en_prepare(rm2, b);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	en_prepare(rm3, c);
	en_commit(rm1, a);
	en_commit(rm2, b);
	enlist_refused(rm_create(tm, KTM_RM_VOLATILE));
	en_commit(rm3, c);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	enlist_refused(rm_create(tm, KTM_RM_VOLATILE));
}

#define CHAIN	8

struct link {
	int rm, next;
	guid_t en;
};

/* A cache: it flushes into the next RM, which takes part only from then on. */
static void cache(void *data)
{
	struct link *l = data;
	struct ktm_notification n = take(l->rm);

	CHECK_EQ(n.kind, KTM_NOTIFY_PREPREPARE);
	if (l->next >= 0)
		enlist0(l->next);
	ANSWER(l->rm, KTM_IOC_PREPREPARE_COMPLETE, n.enlistment, KTM_STATUS_SUCCESS);
	en_prepare(l->rm, n.enlistment);
	/* What it flushed into has been asked, too. */
	if (l->next >= 0)
		CHECK_EQ(rm_info(l->next).enlistments, 1);
	en_commit(l->rm, n.enlistment);
}

/* Each of a chain of caches, in processes of their own, brings the next one in. */
TEST(caches_that_flush_into_each_other)
{
	struct link links[CHAIN];
	pid_t pids[CHAIN];
	int i;

	for (i = 0; i < CHAIN; i++)
		links[i].rm = rm_create(tm, KTM_RM_VOLATILE);
	for (i = 0; i < CHAIN; i++) {
		links[i].next = i + 1 < CHAIN ? links[i + 1].rm : -1;
		pids[i] = test_spawn(cache, &links[i]);
	}
	enlist0(links[0].rm);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	for (i = 0; i < CHAIN; i++)
		test_join(pids[i]);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* Once more by the same RM, for another part. */
TEST(the_same_rm_enlists_again)
{
	guid_t a = enlist0(rm1), b;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm1, KTM_NOTIFY_PREPREPARE, a);
	b = enlist0(rm1);
	CHECK(!same(&a, &b));
	ANSWER(rm1, KTM_IOC_PREPREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	en_preprepare(rm1, b);
	en_prepare(rm1, a);
	en_prepare(rm1, b);
	en_commit(rm1, a);
	en_commit(rm1, b);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* ---- leaving ---- */

TEST(read_only_instead_of_pre_prepared)
{
	guid_t a = enlist0(rm1), b = enlist0(rm2), c = enlist0(rm3);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm1, KTM_NOTIFY_PREPREPARE, a);
	ANSWER(rm1, KTM_IOC_READ_ONLY, a, KTM_STATUS_SUCCESS);
	CHECK_EQ(tx_info(tx).enlistments, 2);
	/* This one has not even read that it is asked: that is withdrawn. */
	CHECK(poll_now(rm2) & POLLIN);
	ANSWER(rm2, KTM_IOC_READ_ONLY, b, KTM_STATUS_SUCCESS);
	TAKE_NONE(rm2);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	en_preprepare(rm3, c);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	TAKE_NONE(rm1);
	TAKE_NONE(rm2);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm1, KTM_IOC_PREPREPARE_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	en_prepare(rm3, c);
	en_commit(rm3, c);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	TAKE_NONE(rm1);
	TAKE_NONE(rm2);
}

/* Between its two answers, while others are still in phase 0. */
TEST(read_only_when_pre_prepared)
{
	guid_t a = enlist0(rm1), b = enlist0(rm2);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_preprepare(rm1, a);
	ANSWER(rm1, KTM_IOC_READ_ONLY, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	en_preprepare(rm2, b);
	TAKE_NONE(rm1);
	en_prepare(rm2, b);
	en_commit(rm2, b);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* The one who did not want phase 0 leaves in it. */
TEST(read_only_without_being_asked)
{
	guid_t a = enlist0(rm1), b = enlist(rm2, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	ANSWER(rm2, KTM_IOC_READ_ONLY, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	en_preprepare(rm1, a);
	TAKE_NONE(rm2);
	en_prepare(rm1, a);
	en_commit(rm1, a);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* The last that phase 0 waits for leaves: the others go on with phase 1. */
TEST(read_only_ends_phase_0)
{
	guid_t a = enlist0(rm1), b = enlist0(rm2);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_preprepare(rm1, a);
	TAKE(rm2, KTM_NOTIFY_PREPREPARE, b);
	ANSWER(rm2, KTM_IOC_READ_ONLY, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	en_prepare(rm1, a);
	ANSWER(rm1, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_REQUEST_NOT_VALID);
	en_commit(rm1, a);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* Everybody leaves in phase 0: committed, and nobody hears of it. */
TEST(all_leave_in_phase_0)
{
	guid_t a = enlist0(rm1), b = enlist0(rm2);
	pid_t client = commit_in_child(tx, KTM_STATUS_SUCCESS);

	TAKE(rm1, KTM_NOTIFY_PREPREPARE, a);
	TAKE(rm2, KTM_NOTIFY_PREPREPARE, b);
	ANSWER(rm1, KTM_IOC_READ_ONLY, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	ANSWER(rm2, KTM_IOC_READ_ONLY, b, KTM_STATUS_SUCCESS);
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	TAKE_NONE(rm1);
	TAKE_NONE(rm2);
}

/* ---- rollback ---- */

TEST(rollback_instead_of_pre_prepared)
{
	guid_t a = enlist0(rm1), b = enlist0(rm2), c = enlist(rm3, tx);
	pid_t client = commit_in_child(tx, KTM_STATUS_ROLLED_BACK);

	TAKE(rm1, KTM_NOTIFY_PREPREPARE, a);
	/* Nobody has begun to read b's PREPREPARE: the rollback overtakes it. */
	poll_for(rm2, POLLIN);
	ANSWER(rm1, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTING);
	ANSWER(rm2, KTM_IOC_PREPREPARE_COMPLETE, b, KTM_STATUS_NOT_REQUESTED);
	enlist_refused(rm_create(tm, KTM_RM_VOLATILE));
	finish_rollback(rm1, a);
	finish_rollback(rm2, b);
	finish_rollback(rm3, c);
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
}

/* Pre-prepared is no vote. */
TEST(rollback_when_pre_prepared)
{
	guid_t a = enlist0(rm1), b = enlist0(rm2);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_preprepare(rm1, a);
	TAKE(rm2, KTM_NOTIFY_PREPREPARE, b);
	ANSWER(rm1, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_SUCCESS);
	finish_rollback(rm1, a);
	finish_rollback(rm2, b);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
}

/* A client cannot take its Commit back, not in phase 0 either. */
TEST(client_cannot_roll_back_in_phase_0)
{
	guid_t a = enlist0(rm1);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	ROLLBACK(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	COMMIT(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	en_preprepare(rm1, a);
	ROLLBACK(tx, KTM_CALL_WAIT, KTM_STATUS_REQUEST_NOT_VALID);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	en_prepare(rm1, a);
	en_commit(rm1, a);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* Nor does it by closing: the commit has begun. */
TEST(client_closes_in_phase_0)
{
	int rest = narrow(tx, KTM_TX_QUERY_INFORMATION);
	guid_t a = enlist0(rm1);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	close(tx);
	TX_IS(rest, KTM_TX_STATE_PREPREPARING);
	en_preprepare(rm1, a);
	en_prepare(rm1, a);
	en_commit(rm1, a);
	TX_IS(rest, KTM_TX_STATE_COMMITTED);
}

TEST(time_out_in_phase_0)
{
	guid_t a, b;
	pid_t client;

	tx = tx_create_timeout(tm, SOON);
	a = enlist0(rm1);
	b = enlist0(rm2);
	client = commit_in_child(tx, KTM_STATUS_ROLLED_BACK);
	en_preprepare(rm1, a);
	TAKE(rm2, KTM_NOTIFY_PREPREPARE, b);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTING);
	ANSWER(rm2, KTM_IOC_PREPREPARE_COMPLETE, b, KTM_STATUS_NOT_REQUESTED);
	finish_rollback(rm1, a);
	finish_rollback(rm2, b);
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
}

/* An RM that goes before it has voted, asked or not, through with phase 0 or not. */
TEST(rm_closes_in_phase_0)
{
	int i, rm;
	guid_t a, b;

	for (i = 0; i < 3; i++) {
		tx = tx_create(tm);
		rm = rm_create(tm, KTM_RM_VOLATILE);
		a = enlist0(rm1);
		b = enlist_mask(rm, tx, i == 2 ? EN_MASK : PHASE0, 0);
		COMMIT(tx, 0, KTM_STATUS_PENDING);
		TAKE(rm1, KTM_NOTIFY_PREPREPARE, a);
		if (i == 1)
			en_preprepare(rm, b);
		TX_IS(tx, KTM_TX_STATE_PREPREPARING);
		close(rm);
		finish_rollback(rm1, a);
		TX_IS(tx, KTM_TX_STATE_ABORTED);
	}
}

/* The same for an enlistment that has descriptors of its own. */
TEST(enlistment_closes_in_phase_0)
{
	guid_t a, b;
	int i, en;

	for (i = 0; i < 2; i++) {
		tx = tx_create(tm);
		a = enlist0(rm1);
		en = enlist_mask_fd(rm2, tx, PHASE0, KTM_EN_ALL_ACCESS, false, &b);
		COMMIT(tx, 0, KTM_STATUS_PENDING);
		TAKE(rm1, KTM_NOTIFY_PREPREPARE, a);
		TAKE(rm2, KTM_NOTIFY_PREPREPARE, b);
		if (i)
			ANSWER_FD(en, KTM_IOC_PREPREPARE_COMPLETE, KTM_STATUS_SUCCESS);
		CHECK_EQ(en_info(en).state,
			 i ? KTM_EN_STATE_PREPREPARED : KTM_EN_STATE_PREPREPARING);
		close(en);
		finish_rollback(rm1, a);
		/* Its RM is still there, and undoes its part. */
		finish_rollback(rm2, b);
		TX_IS(tx, KTM_TX_STATE_ABORTED);
	}
}

static void die_in_phase_0(void *data)
{
	int rm = rm_create(tm, KTM_RM_VOLATILE);
	guid_t en = enlist0(rm);

	go(1);
	meet(2);
	TAKE(rm, KTM_NOTIFY_PREPREPARE, en);
	if (*(int *)data)
		ANSWER(rm, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	go(3);
	pause();
}

static void rm_dies_in_phase_0(int answered)
{
	pid_t rm = test_spawn(die_in_phase_0, &answered), client;
	guid_t a;

	meet(1);
	a = enlist0(rm1);
	client = commit_in_child(tx, KTM_STATUS_ROLLED_BACK);
	TAKE(rm1, KTM_NOTIFY_PREPREPARE, a);
	go(2);
	meet(3);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	test_kill(rm);
	finish_rollback(rm1, a);
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
}

TEST(rm_dies_asked)
{
	rm_dies_in_phase_0(0);
}

TEST(rm_dies_pre_prepared)
{
	rm_dies_in_phase_0(1);
}

/* The client is killed in its Commit: who takes part goes on. */
TEST(client_dies_in_phase_0)
{
	int rest = narrow(tx, KTM_TX_QUERY_INFORMATION);
	guid_t a = enlist0(rm1), b;
	pid_t client = commit_in_child(tx, KTM_STATUS_SUCCESS);

	TAKE(rm1, KTM_NOTIFY_PREPREPARE, a);
	until_asleep(client);
	test_kill(client);
	b = enlist0(rm2);
	close(tx);
	ANSWER(rm1, KTM_IOC_PREPREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	en_preprepare(rm2, b);
	en_prepare(rm1, a);
	en_prepare(rm2, b);
	en_commit(rm1, a);
	en_commit(rm2, b);
	TX_IS(rest, KTM_TX_STATE_COMMITTED);
}

/* ---- answers out of order ---- */

static void not_requested(int rm, guid_t en, unsigned int but)
{
	static const unsigned int answers[] = {
		KTM_IOC_PREPREPARE_COMPLETE, KTM_IOC_PREPARE_COMPLETE, KTM_IOC_COMMIT_COMPLETE,
		KTM_IOC_ROLLBACK_COMPLETE, KTM_IOC_SINGLE_PHASE_REJECT,
	};
	const unsigned int before = rm_en_info(rm, en).state, tx_before = tx_info(tx).state;
	unsigned int i;

	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (answers[i] != but)
			ANSWER(rm, answers[i], en, KTM_STATUS_NOT_REQUESTED);
		EN_IS(rm, en, before);
		TX_IS(tx, tx_before);
	}
}

/* In every state all answers but the one that is awaited are refused, and change nothing. */
TEST(answers_out_of_order)
{
	guid_t a = enlist0(rm1), b = enlist0(rm2), c = enlist(rm3, tx), unknown = guid_of(99);

	not_requested(rm1, a, 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	not_requested(rm1, a, KTM_IOC_PREPREPARE_COMPLETE);
	/* It did not register for it. */
	not_requested(rm3, c, 0);
	en_preprepare(rm1, a);
	not_requested(rm1, a, 0);
	en_preprepare(rm2, b);
	not_requested(rm1, a, KTM_IOC_PREPARE_COMPLETE);
	not_requested(rm3, c, KTM_IOC_PREPARE_COMPLETE);
	en_prepare(rm1, a);
	not_requested(rm1, a, 0);
	en_prepare(rm2, b);
	en_prepare(rm3, c);
	not_requested(rm1, a, KTM_IOC_COMMIT_COMPLETE);
	en_commit(rm1, a);
	en_commit(rm2, b);
	ANSWER(rm1, KTM_IOC_PREPREPARE_COMPLETE, unknown, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	ANSWER(rm1, KTM_IOC_SINGLE_PHASE_REJECT, unknown, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	en_commit(rm3, c);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

TEST(answers_out_of_order_after_a_rollback)
{
	guid_t a = enlist0(rm1);

	ROLLBACK(tx, 0, KTM_STATUS_PENDING);
	ANSWER(rm1, KTM_IOC_PREPREPARE_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm1, KTM_IOC_SINGLE_PHASE_REJECT, a, KTM_STATUS_NOT_REQUESTED);
	finish_rollback(rm1, a);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
}

/* The new answers need what all need: the right, on the descriptor that is used. */
TEST(rights_of_the_answers)
{
	int weak = narrow(rm1, KTM_RM_GET_NOTIFICATION | KTM_RM_QUERY_INFORMATION);
	guid_t a;
	int en = enlist_mask_fd(rm1, tx, PHASE0, KTM_EN_QUERY_INFORMATION | KTM_EN_RECOVER, false,
				&a);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(weak, KTM_NOTIFY_PREPREPARE, a);
	ANSWER(weak, KTM_IOC_PREPREPARE_COMPLETE, a, KTM_STATUS_ACCESS_DENIED);
	ANSWER(weak, KTM_IOC_SINGLE_PHASE_REJECT, a, KTM_STATUS_ACCESS_DENIED);
	ANSWER(weak, KTM_IOC_REQUEST_OUTCOME, a, KTM_STATUS_ACCESS_DENIED);
	ANSWER_FD(en, KTM_IOC_PREPREPARE_COMPLETE, KTM_STATUS_ACCESS_DENIED);
	ANSWER_FD(en, KTM_IOC_SINGLE_PHASE_REJECT, KTM_STATUS_ACCESS_DENIED);
	ANSWER_FD(en, KTM_IOC_REQUEST_OUTCOME, KTM_STATUS_ACCESS_DENIED);
	EN_IS(rm1, a, KTM_EN_STATE_PREPREPARING);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
}

/* ---- answers by key ---- */

static struct ktm_answer by_key(uint64_t key)
{
	return ARG(ktm_answer, .flags = KTM_ANSWER_BY_KEY, .key = key);
}

TEST(answers_by_key)
{
	guid_t a = enlist_mask(rm1, tx, PHASE0, 7), b = enlist_mask(rm1, tx, PHASE0, 8);
	guid_t c = enlist_mask(rm1, tx, PHASE0, 8);
	struct ktm_answer k = by_key(7);
	int en;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	CALL(rm1, KTM_IOC_PREPREPARE_COMPLETE, &k, KTM_STATUS_SUCCESS);
	EN_IS(rm1, a, KTM_EN_STATE_PREPREPARED);
	k = by_key(8);
	CALL(rm1, KTM_IOC_PREPREPARE_COMPLETE, &k, KTM_STATUS_OBJECT_NAME_COLLISION);
	EN_IS(rm1, b, KTM_EN_STATE_PREPREPARING);
	EN_IS(rm1, c, KTM_EN_STATE_PREPREPARING);
	k = by_key(9);
	CALL(rm1, KTM_IOC_PREPREPARE_COMPLETE, &k, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	/* Another RM's keys are its own. */
	k = by_key(7);
	CALL(rm2, KTM_IOC_READ_ONLY, &k, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	k.enlistment = a;
	CALL(rm1, KTM_IOC_READ_ONLY, &k, KTM_STATUS_INVALID_PARAMETER);
	k.enlistment = nil;
	CALL(rm1, KTM_IOC_EN_RECOVER, &k, KTM_STATUS_INVALID_PARAMETER);
	en = enlist_mask_fd(rm2, tx, PHASE0, KTM_EN_ALL_ACCESS, false, NULL);
	k = by_key(0);
	CALL(en, KTM_IOC_READ_ONLY, &k, KTM_STATUS_INVALID_PARAMETER);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	/* When one of the two has left, the other is the only one. */
	ANSWER(rm1, KTM_IOC_READ_ONLY, b, KTM_STATUS_SUCCESS);
	k = by_key(8);
	CALL(rm1, KTM_IOC_PREPREPARE_COMPLETE, &k, KTM_STATUS_SUCCESS);
	EN_IS(rm1, c, KTM_EN_STATE_PREPREPARED);
	close(en);
	TX_IS(tx, KTM_TX_STATE_ABORTING);
}

/* ---- the virtual clock ---- */

#define CLOCK()	tm_info(tm).virtual_clock

/* One more with each commit that begins, and with nothing else. */
TEST(clock_counts_commits)
{
	int empty = tx_create(tm), other = tx_create(tm);
	guid_t a = enlist0(rm1), b;

	CHECK_EQ(CLOCK(), 1);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	CHECK_EQ(CLOCK(), 2);
	COMMIT(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	CHECK_EQ(CLOCK(), 2);
	TAKE_AT(rm1, KTM_NOTIFY_PREPREPARE, a, 2, 0);
	COMMIT(empty, 0, KTM_STATUS_SUCCESS);
	CHECK_EQ(CLOCK(), 3);
	ANSWER(rm1, KTM_IOC_PREPREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	CHECK_EQ(CLOCK(), 3);
	TAKE_AT(rm1, KTM_NOTIFY_PREPARE, a, 3, 0);
	b = enlist_mask(rm2, other, PHASE0, 0);
	ROLLBACK(other, 0, KTM_STATUS_PENDING);
	CHECK_EQ(CLOCK(), 3);
	TAKE_AT(rm2, KTM_NOTIFY_ROLLBACK, b, 3, 0);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE_AT(rm1, KTM_NOTIFY_COMMIT, a, 3, 0);
	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	ANSWER(rm2, KTM_IOC_ROLLBACK_COMPLETE, b, KTM_STATUS_SUCCESS);
	CHECK_EQ(CLOCK(), 3);
}

/* A notification says when it came due, not when it was read. */
TEST(clock_of_a_notification_stays)
{
	guid_t a = enlist0(rm1);
	int empty = tx_create(tm);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	COMMIT(empty, 0, KTM_STATUS_SUCCESS);
	CHECK_EQ(CLOCK(), 3);
	TAKE_AT(rm1, KTM_NOTIFY_PREPREPARE, a, 2, 0);
}

/* Each answer may raise it; none lowers it; one that is refused does nothing. */
TEST(clock_is_raised_by_answers)
{
	guid_t a = enlist0(rm1), b = enlist0(rm2), c = enlist0(rm3);

	ANSWER_CLOCK(rm1, KTM_IOC_PREPREPARE_COMPLETE, a, 500, KTM_STATUS_NOT_REQUESTED);
	CHECK_EQ(CLOCK(), 1);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	ANSWER_CLOCK(rm3, KTM_IOC_READ_ONLY, c, 50, KTM_STATUS_SUCCESS);
	CHECK_EQ(CLOCK(), 50);
	ANSWER_CLOCK(rm1, KTM_IOC_PREPREPARE_COMPLETE, a, 100, KTM_STATUS_SUCCESS);
	CHECK_EQ(CLOCK(), 100);
	ANSWER_CLOCK(rm2, KTM_IOC_PREPREPARE_COMPLETE, b, 99, KTM_STATUS_SUCCESS);
	CHECK_EQ(CLOCK(), 100);
	TAKE_AT(rm1, KTM_NOTIFY_PREPARE, a, 100, 0);
	ANSWER_CLOCK(rm1, KTM_IOC_PREPARE_COMPLETE, a, 1ull << 40, KTM_STATUS_SUCCESS);
	TAKE_AT(rm2, KTM_NOTIFY_PREPARE, b, 100, 0);
	ANSWER_CLOCK(rm2, KTM_IOC_PREPARE_COMPLETE, b, 1, KTM_STATUS_SUCCESS);
	TAKE_AT(rm1, KTM_NOTIFY_COMMIT, a, 1ull << 40, 0);
	TAKE_AT(rm2, KTM_NOTIFY_COMMIT, b, 1ull << 40, 0);
	ANSWER_CLOCK(rm1, KTM_IOC_COMMIT_COMPLETE, a, (1ull << 40) + 5, KTM_STATUS_SUCCESS);
	ANSWER_CLOCK(rm1, KTM_IOC_COMMIT_COMPLETE, a, (1ull << 40) + 9,
		     KTM_STATUS_NOT_REQUESTED);
	CHECK_EQ(CLOCK(), (1ull << 40) + 5);
	ANSWER(rm2, KTM_IOC_COMMIT_COMPLETE, b, KTM_STATUS_SUCCESS);

	tx = tx_create(tm);
	a = enlist0(rm1);
	ANSWER_CLOCK(rm1, KTM_IOC_EN_ROLLBACK, a, 1ull << 41, KTM_STATUS_SUCCESS);
	ANSWER_CLOCK(rm1, KTM_IOC_ROLLBACK_COMPLETE, a, (1ull << 41) + 1, KTM_STATUS_SUCCESS);
	CHECK_EQ(CLOCK(), (1ull << 41) + 1);
}

/*
 * Somebody who raises it as far as it goes does not turn it back for the others. It
 * is a signed number in the reference: what would be negative there is no clock.
 */
TEST(clock_does_not_wrap)
{
	guid_t a = enlist0(rm1);
	uint64_t high;
	int i;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	ANSWER_CLOCK(rm1, KTM_IOC_PREPREPARE_COMPLETE, a, 1ull << 63,
		     KTM_STATUS_INVALID_PARAMETER);
	ANSWER_CLOCK(rm1, KTM_IOC_PREPREPARE_COMPLETE, a, ~0ull, KTM_STATUS_INVALID_PARAMETER);
	CHECK_EQ(CLOCK(), 2);
	ANSWER_CLOCK(rm1, KTM_IOC_PREPREPARE_COMPLETE, a, INT64_MAX, KTM_STATUS_SUCCESS);
	high = CLOCK();
	CHECK_EQ(high, INT64_MAX);
	for (i = 0; i < 3; i++) {
		tx = tx_create(tm);
		COMMIT(tx, 0, KTM_STATUS_SUCCESS);
		CHECK(CLOCK() >= high);
	}
}

/* Where the reference takes none, neither do we. */
TEST(clock_where_none_is_taken)
{
	guid_t a = enlist0(rm1);

	ANSWER_CLOCK(rm1, KTM_IOC_EN_RECOVER, a, 9, KTM_STATUS_INVALID_PARAMETER);
	ANSWER_CLOCK(rm1, KTM_IOC_REQUEST_OUTCOME, a, 9, KTM_STATUS_INVALID_PARAMETER);
	CHECK_EQ(CLOCK(), 1);
}

/* ---- with a journal ---- */

#define STORE	guid_of(1)

static struct disk d;

static int store_open(void)
{
	guid_t g = STORE;

	return rm_open(tm, &g);
}

static int with_a_journal(void)
{
	guid_t g = STORE;
	int store;

	close(rm1);
	close(rm2);
	close(rm3);
	close(tx);
	close(tm);
	d = disk_make(8 * MIB);
	journal_format(d.path, guid_of(900));
	tm = tm_online(d.path);
	rm1 = rm_create(tm, KTM_RM_VOLATILE);
	store = rm_create_as(tm, 0, &g);
	rm_recover_empty(store);
	tx = tx_create(tm);
	return store;
}

/* A volatile cache alone; in phase 0 it flushes into a database. */
TEST(durable_store_enlists_in_phase_0)
{
	int store = with_a_journal();
	guid_t a = enlist0(rm1), b;
	uint64_t forces = tm_info(tm).forces;
	unsigned char *cut;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm1, KTM_NOTIFY_PREPREPARE, a);
	b = enlist_mask(store, tx, PHASE0, 77);
	ANSWER(rm1, KTM_IOC_PREPREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	en_preprepare(store, b);
	en_prepare(rm1, a);
	en_prepare(store, b);
	en_commit(rm1, a);
	TAKE(store, KTM_NOTIFY_COMMIT, b);
	CHECK_EQ(tm_info(tm).forces - forces, 1);
	/* What came in so late is in the log like the rest. */
	cut = disk_read(&d);
	close(rm1);
	close(store);
	close(tx);
	tm = disk_after_cut(&d, tm, cut);
	store = store_open();
	rm_recover(store);
	TAKE_AT(store, KTM_NOTIFY_RECOVER, b, 2, 77);
	TAKE(store, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(store, b, 78);
	TAKE_AT(store, KTM_NOTIFY_COMMIT, b, 2, 78);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, b, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).transactions, 0);
}

/* The power goes in phase 0: nobody has prepared, the log knows nothing. */
TEST(power_cut_in_phase_0)
{
	int store = with_a_journal();
	guid_t a = enlist_mask(store, tx, PHASE0, 0), uow = tx_info(tx).uow, g = STORE;
	struct ktm_open o = ARG(ktm_open, .access = KTM_TX_QUERY_INFORMATION, .guid = uow);
	unsigned char *cut;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_preprepare(store, a);
	TAKE(store, KTM_NOTIFY_PREPARE, a);
	cut = disk_read(&d);
	close(store);
	close(rm1);
	close(tx);
	tm = disk_after_cut(&d, tm, cut);
	CHECK_EQ(tm_info(tm).transactions, 0);
	CALL(dev(), KTM_IOC_TX_OPEN, &o, KTM_STATUS_TRANSACTION_NOT_FOUND);
	/* Not even the RM: nothing that depends on it has been forced. */
	store = rm_create_as(tm, 0, &g);
	rm_recover_empty(store);
	ANSWER(store, KTM_IOC_EN_RECOVER, a, KTM_STATUS_ENLISTMENT_NOT_FOUND);
}

/* Phase 0 costs no force; an RM that leaves in it none at all. */
TEST(phase_0_forces_nothing)
{
	int store = with_a_journal();
	struct ktm_tm_info before = tm_info(tm);
	guid_t a = enlist_mask(store, tx, PHASE0, 0);

	CHECK(tm_info(tm).log_reserved > before.log_reserved);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(store, KTM_NOTIFY_PREPREPARE, a);
	ANSWER(store, KTM_IOC_READ_ONLY, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	CHECK_EQ(tm_info(tm).forces, before.forces);
	CHECK_EQ(tm_info(tm).writes, before.writes);
	CHECK_EQ(tm_info(tm).log_lsn, before.log_lsn);
	CHECK_EQ(tm_info(tm).log_reserved, before.log_reserved);
}

/* The clock goes with the decisions into the log. */
TEST(clock_is_recovered)
{
	int store = with_a_journal();
	guid_t a = enlist_mask(store, tx, PHASE0, 0);
	uint64_t clock;
	unsigned char *cut;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(store, KTM_NOTIFY_PREPREPARE, a);
	ANSWER_CLOCK(store, KTM_IOC_PREPREPARE_COMPLETE, a, 1000, KTM_STATUS_SUCCESS);
	TAKE(store, KTM_NOTIFY_PREPARE, a);
	ANSWER_CLOCK(store, KTM_IOC_PREPARE_COMPLETE, a, 2000, KTM_STATUS_SUCCESS);
	TAKE_AT(store, KTM_NOTIFY_COMMIT, a, 2000, 0);
	cut = disk_read(&d);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	close(store);
	close(rm1);
	close(tx);
	tm = disk_after_cut(&d, tm, cut);
	CHECK_EQ(CLOCK(), 2000);
	/* A closing and an opening without a cut keep it, too. */
	tm_close(tm, d.path);
	tm = tm_online(d.path);
	clock = CLOCK();
	CHECK_EQ(clock, 2000);
	tx = tx_create(tm);
	COMMIT(tx, 0, KTM_STATUS_SUCCESS);
	CHECK_EQ(CLOCK(), 2001);
}

/* The log fails under another's decision while this one is in phase 0: rolled back. */
TEST(log_fails_in_phase_0)
{
	int store = with_a_journal(), other, loser;
	struct flaky f;
	guid_t a, b, c;

	close(store);
	close(rm1);
	close(tx);
	tm_close(tm, d.path);
	f = flaky_make(&d);
	tm = tm_online(f.path);
	store = store_open();
	rm_recover_empty(store);
	rm1 = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
	other = tx_create(tm);
	a = enlist_mask(store, tx, PHASE0, 0);
	b = enlist0(rm1);
	loser = rm_create(tm, 0);
	rm_recover_empty(loser);
	c = enlist(loser, other);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_preprepare(store, a);
	TAKE(rm1, KTM_NOTIFY_PREPREPARE, b);
	COMMIT(other, 0, KTM_STATUS_PENDING);
	TAKE(loser, KTM_NOTIFY_PREPARE, c);
	flaky_set(&f, FAIL_WRITES);
	ANSWER(loser, KTM_IOC_PREPARE_COMPLETE, c, KTM_STATUS_SUCCESS);
	WAIT(other, KTM_STATUS_INDOUBT);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	TX_IS(other, KTM_TX_STATE_ABORTED);
	finish_rollback(rm1, b);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	rm_recover(store);
	TAKE(store, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE_NONE(store);
	close(store);
	close(loser);
	close(rm1);
	close(tx);
	close(other);
	tm_close(tm, f.path);
	flaky_remove(&f);
}
