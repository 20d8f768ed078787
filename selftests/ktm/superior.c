// SPDX-License-Identifier: GPL-2.0
/*
 * A superior drives the phases and decides. Each phase, who may do what in it, what it
 * costs in forced writes, and how it ends when somebody says no. Nobody dies here:
 * that is supdeath.c; each status of each call alone is conf-superior.c.
 */
#include "calls.h"
#include "disk.h"

#define BOSS	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
		 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE | \
		 KTM_NOTIFY_ROLLBACK_COMPLETE | KTM_NOTIFY_REQUEST_OUTCOME)
#define ASKED	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_COMMIT_COMPLETE | KTM_NOTIFY_COMMIT_REQUEST)
#define MANY	(EN_MASK | KTM_NOTIFY_PREPREPARE)

static struct disk d;
static int tm, tx, boss, one, two, light;
static guid_t sup;
static struct ktm_tm_info before;

static int durable_rm(void)
{
	int rm = rm_create(tm, 0);

	rm_recover_empty(rm);
	return rm;
}

static void build_on(const char *path)
{
	tm = tm_online(path);
	boss = durable_rm();
	one = durable_rm();
	two = durable_rm();
	light = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
}

static void close_all(void)
{
	close(tx);
	close(boss);
	close(one);
	close(two);
	close(light);
}

/* A durable superior, two durable RMs, a volatile one. */
void test_setup(void)
{
	d = disk_make(8 * MIB);
	journal_format(d.path, guid_of(900));
	build_on(d.path);
	before = tm_info(tm);
}

static guid_t takes_part(int rm)
{
	return enlist_mask(rm, tx, MANY, 0);
}

static void drives(unsigned int mask)
{
	sup = enlist_superior(boss, tx, mask, 40);
	before = tm_info(tm);
}

static void finish_commit(int rm, guid_t en)
{
	en_commit(rm, en);
	TAKE_NONE(rm);
}

/* Both phases with one participant. */
static void phase_0(int rm, guid_t en)
{
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	en_preprepare(rm, en);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
}

static void phase_1(int rm, guid_t en)
{
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	en_prepare(rm, en);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
}

static uint64_t forces(void)
{
	return tm_info(tm).forces - before.forces;
}

static void enlist_refused(int rm)
{
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = MANY);

	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_TRANSACTION_NOT_ACTIVE);
	e.flags = KTM_ENLIST_SUPERIOR;
	e.mask = BOSS;
	CALL(two, KTM_IOC_ENLIST, &e, KTM_STATUS_TRANSACTION_NOT_ACTIVE);
}

/* Each phase begins when it says so, not before, and it hears of each end once. */
TEST(each_phase_waits_for_it)
{
	guid_t a = takes_part(one), b = takes_part(two), c = enlist(light, tx);

	drives(BOSS);
	TAKE_NONE(one);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	EN_IS(boss, sup, KTM_EN_STATE_PREPREPARING);
	en_preprepare(one, a);
	TAKE_NONE(boss);
	en_preprepare(two, b);
	TAKE_AT(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup, 2, 40);
	TX_IS(tx, KTM_TX_STATE_PREPREPARED);
	EN_IS(boss, sup, KTM_EN_STATE_PREPREPARED);
	TAKE_NONE(one);
	TAKE_NONE(two);
	TAKE_NONE(light);

	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	en_prepare(one, a);
	en_prepare(light, c);
	TAKE_NONE(boss);
	en_prepare(two, b);
	TAKE_AT(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup, 2, 40);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
	EN_IS(boss, sup, KTM_EN_STATE_PREPARED);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_UNDETERMINED);
	CHECK_EQ(poll_now(tx) & POLLIN, 0);
	TAKE_NONE(one);
	TAKE_NONE(light);

	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit(one, a);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_COMMITTED);
	finish_commit(two, b);
	TAKE_NONE(boss);
	finish_commit(light, c);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	TAKE_AT(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup, 2, 40);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	TAKE_NONE(boss);
	CHECK_EQ(tm_info(tm).transactions, 0);
}

/* ---- what it costs ---- */

/* One for the prepared state, one for the decision. */
TEST(two_forces)
{
	guid_t a = takes_part(one);

	drives(BOSS);
	phase_0(one, a);
	CHECK_EQ(forces(), 0);
	phase_1(one, a);
	CHECK_EQ(forces(), 1);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit(one, a);
	CHECK_EQ(forces(), 2);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	CHECK_EQ(forces(), 2);
}

/* A rollback after the prepared state costs no second one, one before it none at all. */
TEST(rollback_forces_nothing)
{
	guid_t a = takes_part(one);

	drives(BOSS);
	phase_0(one, a);
	phase_1(one, a);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	en_rollback(one, a);
	en_rollback(boss, sup);
	TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	CHECK_EQ(forces(), 1);

	tx = tx_create(tm);
	a = takes_part(one);
	drives(BOSS);
	phase_0(one, a);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	en_rollback(one, a);
	en_rollback(boss, sup);
	CHECK_EQ(forces(), 0);
	CHECK_EQ(tm_info(tm).writes, before.writes);
}

/* No durable one below, or all have left: nothing is written. */
TEST(nothing_durable_below)
{
	guid_t a = takes_part(light), b = takes_part(one);

	drives(BOSS);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	en_preprepare(light, a);
	TAKE(one, KTM_NOTIFY_PREPREPARE, b);
	ANSWER(one, KTM_IOC_READ_ONLY, b, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	phase_1(light, a);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit(light, a);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	CHECK_EQ(forces(), 0);
	CHECK_EQ(tm_info(tm).log_lsn, before.log_lsn);
}

/* Nobody below at all: each phase is over at once. */
TEST(nobody_below)
{
	drives(BOSS);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	CHECK_EQ(forces(), 0);
}

/* All leave, one after the other, in phase 1. */
TEST(all_leave)
{
	guid_t a = takes_part(one), b = takes_part(two);

	drives(BOSS);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	en_preprepare(one, a);
	en_preprepare(two, b);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	/* Between the phases, too. */
	ANSWER(one, KTM_IOC_READ_ONLY, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPREPARED);
	TAKE_NONE(boss);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	TAKE(two, KTM_NOTIFY_PREPARE, b);
	TAKE_NONE(one);
	ANSWER(two, KTM_IOC_READ_ONLY, b, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	CHECK_EQ(forces(), 0);
}

/* ---- what is told is durable ---- */

/*
 * The device waits. Nobody is told "prepared" before it has answered, and in the
 * meantime nobody but the superior itself can end the transaction any more.
 */
TEST(prepared_is_told_when_it_is_durable)
{
	struct ktm_tx_wait w = ARG(ktm_tx_wait);
	struct flaky f;
	guid_t a;

	close_all();
	tm_close(tm, d.path);
	f = flaky_make(&d);
	build_on(f.path);
	a = takes_part(one);
	drives(BOSS);
	phase_0(one, a);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	flaky_hold(&f);
	en_prepare(one, a);
	TX_IS(tx, KTM_TX_STATE_SEALING);
	TAKE_NONE(boss);
	CHECK_EQ(poll_now(tx) & POLLIN, 0);
	CALL(tx, KTM_IOC_TX_WAIT, &w, KTM_STATUS_TIMEOUT);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(one, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(one, KTM_IOC_READ_ONLY, a, KTM_STATUS_NOT_REQUESTED);
	ROLLBACK(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(one, KTM_IOC_REQUEST_OUTCOME, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_SEALING);
	flaky_release(&f, NO_TROUBLE);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);

	/* The same with the decision. */
	flaky_hold(&f);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	TX_IS(tx, KTM_TX_STATE_DECIDING);
	TAKE_NONE(one);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_UNDETERMINED);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_TRANSACTION_NOT_ACTIVE);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(one, KTM_IOC_REQUEST_OUTCOME, a, KTM_STATUS_SUCCESS);
	TAKE_NONE(boss);
	flaky_release(&f, NO_TROUBLE);
	finish_commit(one, a);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	close_all();
	tm_close(tm, f.path);
	flaky_remove(&f);
}

/* It changes its mind while the prepared state is on its way. */
TEST(rolls_back_while_the_device_waits)
{
	struct flaky f;
	guid_t a;

	close_all();
	tm_close(tm, d.path);
	f = flaky_make(&d);
	build_on(f.path);
	a = takes_part(one);
	drives(BOSS);
	phase_0(one, a);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	flaky_hold(&f);
	en_prepare(one, a);
	TX_IS(tx, KTM_TX_STATE_SEALING);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_ABORTED);
	flaky_release(&f, NO_TROUBLE);
	en_rollback(one, a);
	en_rollback(boss, sup);
	TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	TAKE_NONE(boss);
	close_all();
	tm_close(tm, f.path);
	flaky_remove(&f);
}

/* ---- who may come, and when ---- */

TEST(enlisting)
{
	guid_t a = takes_part(one), b;

	drives(BOSS);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	en_preprepare(one, a);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	/* Phase 0 is over: it has been told so. */
	enlist_refused(light);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	en_rollback(one, a);
	en_rollback(boss, sup);
	TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);

	tx = tx_create(tm);
	a = takes_part(one);
	drives(BOSS);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TAKE(one, KTM_NOTIFY_PREPREPARE, a);
	b = takes_part(light);
	ANSWER(one, KTM_IOC_PREPREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE_NONE(boss);
	en_preprepare(light, b);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	enlist_refused(light);
	en_prepare(one, a);
	en_prepare(light, b);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	enlist_refused(light);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit(one, a);
	finish_commit(light, b);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
}

/* An RM below may be the superior's own. */
TEST(superior_and_participant_in_one_rm)
{
	guid_t a = takes_part(boss);

	drives(BOSS);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	en_preprepare(boss, a);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	en_prepare(boss, a);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_COMMIT, a);
	ANSWER(boss, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
}

/* Not a log in sight: a volatile superior on a volatile TM. */
TEST(on_a_volatile_tm)
{
	int other = tm_volatile();
	guid_t a;

	close_all();
	close(tm);
	tm = other;
	boss = rm_create(tm, KTM_RM_VOLATILE);
	one = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(-1);
	a = takes_part(one);
	sup = enlist_superior(boss, tx, BOSS, 0);
	phase_0(one, a);
	phase_1(one, a);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit(one, a);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
}

/* ---- somebody says no ---- */

/* The superior is told, whenever it happens, and what it was asked before is withdrawn. */
TEST(a_participant_rolls_back)
{
	guid_t a, b;
	int step;

	for (step = 0; step < 4; step++) {
		tx = tx_create(tm);
		a = takes_part(one);
		b = takes_part(two);
		drives(BOSS);
		if (step > 0)
			ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
		if (step > 1) {
			en_preprepare(one, a);
			en_preprepare(two, b);
		}
		if (step > 2) {
			TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
			ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
			en_prepare(two, b);
			TAKE(one, KTM_NOTIFY_PREPARE, a);
		}
		ANSWER(one, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_SUCCESS);
		TX_IS(tx, KTM_TX_STATE_ABORTING);
		en_rollback(two, b);
		/* At step 2 it had not read that phase 0 is over. */
		TAKE(boss, KTM_NOTIFY_ROLLBACK, sup);
		TAKE_NONE(boss);
		en_rollback(one, a);
		TX_IS(tx, KTM_TX_STATE_ABORTING);
		ANSWER(boss, KTM_IOC_ROLLBACK_COMPLETE, sup, KTM_STATUS_SUCCESS);
		TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);
		TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
		CHECK_EQ(forces(), 0);
	}
}

/* It answers ROLLBACK first and is told of the end last. */
TEST(rollback_complete_comes_last)
{
	guid_t a = takes_part(one), b = takes_part(two);

	drives(BOSS);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	en_rollback(boss, sup);
	ANSWER(boss, KTM_IOC_ROLLBACK_COMPLETE, sup, KTM_STATUS_NOT_REQUESTED);
	en_rollback(one, a);
	TAKE_NONE(boss);
	en_rollback(two, b);
	TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
}

/* The client may, until all have prepared durably; it waits for the superior's answer, too. */
TEST(the_client_rolls_back)
{
	guid_t a = takes_part(one);

	drives(BOSS);
	phase_0(one, a);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	TAKE(one, KTM_NOTIFY_PREPARE, a);
	ROLLBACK(tx, 0, KTM_STATUS_PENDING);
	en_rollback(one, a);
	en_rollback(boss, sup);
	TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);

	tx = tx_create(tm);
	a = takes_part(one);
	drives(BOSS);
	phase_0(one, a);
	phase_1(one, a);
	ROLLBACK(tx, KTM_CALL_WAIT, KTM_STATUS_REQUEST_NOT_VALID);
	COMMIT(tx, 0, KTM_STATUS_SUPERIOR_EXISTS);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit(one, a);
	ROLLBACK(tx, 0, KTM_STATUS_ALREADY_COMMITTED);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
}

/* The time-out counts until all have prepared, and then no more. */
TEST(time_out)
{
	guid_t a;

	tx = tx_create_timeout(tm, SOON);
	a = takes_part(one);
	drives(BOSS);
	phase_0(one, a);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTING);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_REQUEST_NOT_VALID);
	en_rollback(one, a);
	en_rollback(boss, sup);
	TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);

	tx = tx_create_timeout(tm, SOON);
	a = takes_part(one);
	drives(BOSS);
	phase_0(one, a);
	phase_1(one, a);
	until_overdue(tx);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
	TAKE_NONE(one);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit(one, a);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
}

/* ---- a client commits ---- */

/* It waits in its call until the superior has decided and all below have finished. */
TEST(commit_request_and_a_client_that_waits)
{
	guid_t a = takes_part(one);
	pid_t client;

	drives(ASKED);
	client = commit_in_child(tx, KTM_STATUS_SUCCESS);
	en_preprepare(one, a);
	/* Who is asked drives nothing. */
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_RESPONSE_NOT_ENLISTED);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_REQUEST_NOT_VALID);
	TAKE_NONE(boss);
	en_prepare(one, a);
	TAKE_AT(boss, KTM_NOTIFY_COMMIT_REQUEST, sup, 2, 40);
	CHECK_EQ(forces(), 1);
	ROLLBACK(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit(one, a);
	/* Whether the superior has read of it is nothing to the client. */
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	CHECK_EQ(forces(), 2);
}

TEST(commit_request_refused_and_a_client_that_waits)
{
	guid_t a = takes_part(one);
	pid_t client;

	drives(ASKED);
	client = commit_in_child(tx, KTM_STATUS_ROLLED_BACK);
	en_preprepare(one, a);
	en_prepare(one, a);
	TAKE(boss, KTM_NOTIFY_COMMIT_REQUEST, sup);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	en_rollback(one, a);
	until_asleep(client);
	en_rollback(boss, sup);
	test_join(client);
	TAKE_NONE(boss);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	CHECK_EQ(forces(), 1);
}

/* The superior began the commit itself: the client comes too late, asked for or not. */
TEST(commit_by_the_client_when_it_has_begun)
{
	guid_t a = takes_part(one);

	drives(BOSS | KTM_NOTIFY_COMMIT_REQUEST);
	phase_0(one, a);
	COMMIT(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	phase_1(one, a);
	COMMIT(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit(one, a);
	COMMIT(tx, 0, KTM_STATUS_ALREADY_COMMITTED);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
}

/* ---- REQUEST_OUTCOME ---- */

/* Another has not voted: there is no outcome but a rollback that could be told now. */
TEST(request_outcome_before_all_have_voted)
{
	guid_t a = takes_part(one), b = takes_part(two);

	drives(BOSS);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	en_preprepare(one, a);
	en_preprepare(two, b);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	en_prepare(one, a);
	ANSWER(one, KTM_IOC_REQUEST_OUTCOME, a, KTM_STATUS_SUCCESS);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_ABORTED);
	en_rollback(one, a);
	en_rollback(two, b);
	en_rollback(boss, sup);
	TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);
}

/* A superior that does not want to be asked is not; several asking is one question. */
TEST(request_outcome_of_the_superior)
{
	guid_t a = takes_part(one), b = takes_part(two);

	drives(BOSS & ~KTM_NOTIFY_REQUEST_OUTCOME);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	en_preprepare(one, a);
	en_preprepare(two, b);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	en_prepare(one, a);
	en_prepare(two, b);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	ANSWER(one, KTM_IOC_REQUEST_OUTCOME, a, KTM_STATUS_SUCCESS);
	TAKE_NONE(boss);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	en_rollback(one, a);
	en_rollback(two, b);
	en_rollback(boss, sup);
	TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);

	tx = tx_create(tm);
	a = takes_part(one);
	b = takes_part(two);
	drives(BOSS);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	en_preprepare(one, a);
	en_preprepare(two, b);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	en_prepare(one, a);
	en_prepare(two, b);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	ANSWER(one, KTM_IOC_REQUEST_OUTCOME, a, KTM_STATUS_SUCCESS);
	ANSWER(two, KTM_IOC_REQUEST_OUTCOME, b, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_REQUEST_OUTCOME, sup);
	TAKE_NONE(boss);
	/* Asked again after it has read that. */
	ANSWER(two, KTM_IOC_REQUEST_OUTCOME, b, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_REQUEST_OUTCOME, sup);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit(one, a);
	finish_commit(two, b);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
}

/* ---- masks, descriptors, clock ---- */

/* It gets what it registered for, and may begin only the phases whose end it hears of. */
TEST(masks)
{
	static const unsigned int response[] = {
		KTM_NOTIFY_PREPREPARE_COMPLETE, KTM_NOTIFY_PREPARE_COMPLETE,
		KTM_NOTIFY_COMMIT_COMPLETE,
	};
	static const unsigned int request[] = {
		KTM_IOC_EN_PREPREPARE, KTM_IOC_EN_PREPARE, KTM_IOC_EN_COMMIT,
	};
	guid_t a;
	int lacks;

	for (lacks = 0; lacks < 3; lacks++) {
		tx = tx_create(tm);
		a = takes_part(one);
		drives((BOSS & ~response[lacks]) & ~KTM_NOTIFY_ROLLBACK_COMPLETE);
		if (lacks > 0)
			phase_0(one, a);
		if (lacks > 1)
			phase_1(one, a);
		ANSWER(boss, request[lacks], sup, KTM_STATUS_RESPONSE_NOT_ENLISTED);
		ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
		en_rollback(one, a);
		en_rollback(boss, sup);
		TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
		TAKE_NONE(boss);
	}
}

/* On a descriptor of its own: the three calls need the superior's right, Rollback the other. */
TEST(rights)
{
	int weak = enlist_mask_fd(boss, tx, BOSS, KTM_EN_SUBORDINATE_RIGHTS, true, &sup);
	struct ktm_open o = ARG(ktm_open, .guid = sup, .access = KTM_EN_SUPERIOR_RIGHTS |
				KTM_EN_QUERY_INFORMATION);

	ANSWER_FD(weak, KTM_IOC_EN_PREPREPARE, KTM_STATUS_ACCESS_DENIED);
	ANSWER_FD(weak, KTM_IOC_EN_PREPARE, KTM_STATUS_ACCESS_DENIED);
	ANSWER_FD(weak, KTM_IOC_EN_COMMIT, KTM_STATUS_ACCESS_DENIED);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	CALL(boss, KTM_IOC_EN_OPEN, &o, KTM_STATUS_SUCCESS);
	ANSWER_FD(o.fd, KTM_IOC_EN_ROLLBACK, KTM_STATUS_ACCESS_DENIED);
	ANSWER_FD(o.fd, KTM_IOC_EN_PREPREPARE, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER_FD(o.fd, KTM_IOC_EN_PREPARE, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	CHECK_EQ(en_info(o.fd).state, KTM_EN_STATE_PREPARED);
	ANSWER_FD(weak, KTM_IOC_EN_ROLLBACK, KTM_STATUS_SUCCESS);
	en_rollback(boss, sup);
	TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
}

/* The commit begins once: with phase 0, or with the client's call. Each call may raise it. */
TEST(clock)
{
	guid_t a = takes_part(one);

	drives(BOSS);
	ANSWER_CLOCK(boss, KTM_IOC_EN_PREPARE, sup, 500, KTM_STATUS_REQUEST_NOT_VALID);
	CHECK_EQ(tm_info(tm).virtual_clock, 1);
	ANSWER_CLOCK(boss, KTM_IOC_EN_PREPREPARE, sup, 100, KTM_STATUS_PENDING);
	TAKE_AT(one, KTM_NOTIFY_PREPREPARE, a, 101, 0);
	ANSWER(one, KTM_IOC_PREPREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE_AT(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup, 101, 40);
	ANSWER_CLOCK(boss, KTM_IOC_EN_PREPARE, sup, 200, KTM_STATUS_PENDING);
	TAKE_AT(one, KTM_NOTIFY_PREPARE, a, 200, 0);
	ANSWER_CLOCK(one, KTM_IOC_PREPARE_COMPLETE, a, 250, KTM_STATUS_SUCCESS);
	TAKE_AT(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup, 250, 40);
	ANSWER_CLOCK(boss, KTM_IOC_EN_COMMIT, sup, 300, KTM_STATUS_PENDING);
	TAKE_AT(one, KTM_NOTIFY_COMMIT, a, 300, 0);
	ANSWER_CLOCK(one, KTM_IOC_COMMIT_COMPLETE, a, 299, KTM_STATUS_SUCCESS);
	TAKE_AT(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup, 300, 40);
	CHECK_EQ(tm_info(tm).virtual_clock, 300);

	tx = tx_create(tm);
	drives(ASKED);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE_AT(boss, KTM_NOTIFY_COMMIT_REQUEST, sup, 301, 40);
	ANSWER_CLOCK(boss, KTM_IOC_EN_ROLLBACK, sup, 400, KTM_STATUS_SUCCESS);
	TAKE_AT(boss, KTM_NOTIFY_ROLLBACK, sup, 400, 40);
	ANSWER(boss, KTM_IOC_ROLLBACK_COMPLETE, sup, KTM_STATUS_SUCCESS);
}

/* One whose RM is read late: nothing that it has not read is lost or out of order. */
TEST(unread_notifications_stay_in_order)
{
	drives(BOSS);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	/* Going on says that it knows: what told it so is taken back. */
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	en_rollback(boss, sup);
	TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);
	TAKE_NONE(boss);
}
