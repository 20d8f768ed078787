// SPDX-License-Identifier: GPL-2.0
/*
 * Who lives how long: an RM that closes with parts in many transactions at once, RMs
 * with several descriptors, exclusive ones whose owner is killed, and transactions
 * that have no TM until somebody enlists. The single rules are tried one by one in
 * rollback.c, objects.c and conf-close.c.
 */
#include "calls.h"

#define MANY	(EN_MASK | KTM_NOTIFY_PREPREPARE)
#define SINGLE	(MANY | KTM_NOTIFY_SINGLE_PHASE_COMMIT)
#define BOSS	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
		 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE)

static int tm, other;

void test_setup(void)
{
	tm = tm_volatile();
	other = rm_create(tm, KTM_RM_VOLATILE);
}

static void rolled_back(int tx, guid_t en)
{
	TAKE(other, KTM_NOTIFY_ROLLBACK, en);
	ANSWER(other, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
}

/* Each transaction gets what its own state asks for, and none of them another's. */
TEST(one_rm_closes_in_many_transactions)
{
	int rm = rm_create(tm, KTM_RM_VOLATILE);
	int active = tx_create(tm), asked = tx_create(tm), voted = tx_create(tm);
	int decided = tx_create(tm), single = tx_create(tm), over = tx_create(tm);
	int left = tx_create(tm), driven = tx_create(tm);
	guid_t in_active = enlist(other, active), in_asked = enlist(other, asked);
	guid_t in_voted = enlist(other, voted), in_decided = enlist(other, decided);
	guid_t in_left = enlist(other, left), in_driven = enlist(other, driven), mine;

	enlist(rm, active);
	mine = enlist_mask(rm, asked, MANY, 0);
	COMMIT(asked, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPREPARE, mine);

	mine = enlist(rm, voted);
	COMMIT(voted, 0, KTM_STATUS_PENDING);
	en_prepare(rm, mine);
	TAKE(other, KTM_NOTIFY_PREPARE, in_voted);

	mine = enlist(rm, decided);
	COMMIT(decided, 0, KTM_STATUS_PENDING);
	en_prepare(rm, mine);
	en_prepare(other, in_decided);
	TX_IS(decided, KTM_TX_STATE_COMMITTING);
	TAKE(other, KTM_NOTIFY_COMMIT, in_decided);
	/* It has not read COMMIT: unread notifications go with it. */
	CHECK(poll_now(rm) & POLLIN);

	mine = enlist_mask(rm, single, SINGLE, 0);
	COMMIT(single, 0, KTM_STATUS_PENDING);
	TX_IS(single, KTM_TX_STATE_SINGLE_PHASE);

	commit_one(other, over);
	mine = enlist(rm, left);
	ANSWER(rm, KTM_IOC_READ_ONLY, mine, KTM_STATUS_SUCCESS);
	enlist_superior(rm, driven, BOSS, 0);

	close(rm);
	rolled_back(active, in_active);
	TX_IS(over, KTM_TX_STATE_COMMITTED);
	TX_IS(left, KTM_TX_STATE_ACTIVE);
	TX_IS(voted, KTM_TX_STATE_PREPARING);
	TX_IS(single, KTM_TX_STATE_SINGLE_PHASE_INDOUBT);
	rolled_back(asked, in_asked);
	rolled_back(driven, in_driven);
	/* Who has voted has answered whatever he owed. */
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, in_voted, KTM_STATUS_SUCCESS);
	TAKE(other, KTM_NOTIFY_COMMIT, in_voted);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, in_voted, KTM_STATUS_SUCCESS);
	TX_BECOMES(voted, KTM_TX_STATE_COMMITTED);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, in_decided, KTM_STATUS_SUCCESS);
	TX_BECOMES(decided, KTM_TX_STATE_COMMITTED);
	COMMIT(left, 0, KTM_STATUS_PENDING);
	en_prepare(other, in_left);
	TAKE(other, KTM_NOTIFY_COMMIT, in_left);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, in_left, KTM_STATUS_SUCCESS);
	TX_BECOMES(left, KTM_TX_STATE_COMMITTED);
	TAKE_NONE(other);
}

/* It is the last descriptor that counts, whoever has it; one for looking is none. */
TEST(rm_with_several_descriptors)
{
	guid_t g = guid_of(1), en;
	int rm = rm_create_as(tm, KTM_RM_VOLATILE, &g), second = rm_open(tm, &g);
	int third = narrow(rm, KTM_RM_GET_NOTIFICATION);
	int sight = narrow(rm, KTM_RM_QUERY_INFORMATION), tx = tx_create(tm);

	en = enlist(rm, tx);
	close(rm);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	/* Each of them answers for the same enlistments. */
	TAKE(third, KTM_NOTIFY_PREPARE, en);
	close(second);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	close(third);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	CHECK_EQ(rm_info(sight).enlistments, 0);
	close(sight);
}

static void own_it(void *unused)
{
	guid_t g = guid_of(1);

	(void)unused;
	rm_create_as(tm, KTM_RM_VOLATILE | KTM_RM_EXCLUSIVE, &g);
	go(1);
	pause();
}

/* An exclusive one is free again as soon as its owner is gone, however that came. */
TEST(exclusive_rm_whose_owner_is_killed)
{
	const struct deadline d = deadline_in(PATIENCE);
	guid_t g = guid_of(1);
	struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS, .guid = g,
				     .flags = KTM_RM_VOLATILE | KTM_RM_EXCLUSIVE);
	struct ktm_open o = ARG(ktm_open, .access = KTM_RM_ALL_ACCESS, .guid = g);
	pid_t pid = test_spawn(own_it, NULL);
	unsigned int status;

	meet(1);
	CALL(tm, KTM_IOC_RM_OPEN, &o, KTM_STATUS_SHARING_VIOLATION);
	CALL(tm, KTM_IOC_RM_CREATE, &c, KTM_STATUS_OBJECT_NAME_COLLISION);
	test_kill(pid);
	/* A volatile one goes with it; that may be a moment after the process. */
	do {
		c.guid = g;
		status = test_try(tm, KTM_IOC_RM_CREATE, &c);
		CHECK(status == KTM_STATUS_SUCCESS || !deadline_passed(&d));
	} while (status != KTM_STATUS_SUCCESS);
	commit_one(c.fd, tx_create(tm));
}

/* ---- transactions without a TM ---- */

/* It has none until the first enlistment; what is refused does not bind it. */
TEST(bound_when_somebody_enlists)
{
	int second_tm = tm_volatile(), second = rm_create(second_tm, KTM_RM_VOLATILE);
	int tx = tx_create(-1);
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = 0);
	guid_t id = tm_guid(second_tm), g = tx_info(tx).tm;

	CHECK(same(&g, &nil));
	CHECK_EQ(tm_info(tm).transactions, 0);
	CALL(other, KTM_IOC_ENLIST, &e, KTM_STATUS_INVALID_PARAMETER);
	g = tx_info(tx).tm;
	CHECK(same(&g, &nil));
	/* A superior binds it as well. */
	enlist_superior(second, tx, BOSS, 0);
	g = tx_info(tx).tm;
	CHECK(same(&g, &id));
	CHECK_EQ(tm_info(second_tm).transactions, 1);
	e.mask = EN_MASK;
	CALL(other, KTM_IOC_ENLIST, &e, KTM_STATUS_TM_IDENTITY_MISMATCH);
	enlist(second, tx);
	ROLLBACK(tx, 0, KTM_STATUS_PENDING);
}

/* Nobody has enlisted: it ends as any other, and moves no clock. */
TEST(never_bound)
{
	int tx = tx_create(-1);

	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	tx = tx_create(-1);
	ROLLBACK(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	tx = tx_create_timeout(-1, 1000000);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	CHECK_EQ(tm_info(tm).virtual_clock, 1);
}

/* The UOW is unique over the machine, whether it has a TM or not. */
TEST(uow_is_unique_over_the_machine)
{
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = -1,
				     .uow = guid_of(7));
	guid_t en;
	int tx;

	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_SUCCESS);
	tx = c.fd;
	c.uow = guid_of(7);
	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_OBJECT_NAME_COLLISION);
	c.tm_fd = tm;
	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_OBJECT_NAME_COLLISION);
	en = enlist(other, tx);
	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_OBJECT_NAME_COLLISION);
	close(tx);
	TAKE(other, KTM_NOTIFY_ROLLBACK, en);
	/* Its part is still being undone. */
	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_OBJECT_NAME_COLLISION);
	ANSWER(other, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_SUCCESS);
}

#define RACERS	8

struct racer {
	int tx, rm;
	unsigned int number;
};

static void race(void *data)
{
	struct racer *r = data;
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = r->tx, .mask = EN_MASK);
	unsigned int status;

	meet(1);
	status = test_try(r->rm, KTM_IOC_ENLIST, &e);
	CHECK(status == KTM_STATUS_SUCCESS || status == KTM_STATUS_TM_IDENTITY_MISMATCH);
	shared_word[r->number] = status == KTM_STATUS_SUCCESS ? 1 : 2;
	meet(2);
}

/* RMs of two TMs enlist at once: all that get in are of one of the two. */
TEST(two_tms_bind_at_once)
{
	int tms[2] = { tm, tm_volatile() }, i, tx = tx_create(-1);
	struct racer r[RACERS];
	pid_t pids[RACERS];
	unsigned int in[2] = { 0 };
	const struct deadline d = deadline_in(PATIENCE);

	for (i = 0; i < RACERS; i++) {
		r[i].tx = tx;
		r[i].number = i;
		r[i].rm = rm_create(tms[i % 2], KTM_RM_VOLATILE);
		pids[i] = test_spawn(race, &r[i]);
	}
	go(1);
	for (i = 0; i < RACERS; i++) {
		while (!shared_word[i]) {
			CHECK(!deadline_passed(&d));
			nap();
		}
		in[i % 2] += shared_word[i] == 1;
	}
	CHECK(in[0] == 0 || in[1] == 0);
	CHECK_EQ(in[0] + in[1], RACERS / 2);
	CHECK_EQ(tx_info(tx).enlistments, RACERS / 2);
	CHECK_EQ(tm_info(tms[in[0] ? 0 : 1]).transactions, 1);
	CHECK_EQ(tm_info(tms[in[0] ? 1 : 0]).transactions, 0);
	go(2);
	for (i = 0; i < RACERS; i++)
		test_join(pids[i]);
}
