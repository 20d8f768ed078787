// SPDX-License-Identifier: GPL-2.0
/*
 * Single phase: one participant decides by itself. When it is chosen and when not,
 * each answer, what the others hear, and what is left when it goes without a word.
 */
#include "calls.h"
#include "disk.h"

#define MANY	(EN_MASK | KTM_NOTIFY_PREPREPARE)
#define SINGLE	(MANY | KTM_NOTIFY_SINGLE_PHASE_COMMIT)
#define BESIDE	(EN_MASK | KTM_NOTIFY_RM_DISCONNECTED)

#define RM_GUID		guid_of(1)
#define OTHER_GUID	guid_of(2)

static struct disk d;
/* Two durable RMs and two volatile ones. */
static int tm, tx, rm, other, v1, v2;
static struct ktm_tm_info at_start;

void test_setup(void)
{
	guid_t a = RM_GUID, b = OTHER_GUID;

	d = disk_make(8 * MIB);
	journal_format(d.path, guid_of(900));
	tm = tm_online(d.path);
	rm = rm_create_as(tm, 0, &a);
	rm_recover_empty(rm);
	other = rm_create_as(tm, 0, &b);
	rm_recover_empty(other);
	v1 = rm_create(tm, KTM_RM_VOLATILE);
	v2 = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
	at_start = tm_info(tm);
}

/* Nothing was written for it, far less forced. */
static void nothing_logged(void)
{
	struct ktm_tm_info now = tm_info(tm);

	CHECK_EQ(now.forces, at_start.forces);
	CHECK_EQ(now.writes, at_start.writes);
	CHECK_EQ(now.log_lsn, at_start.log_lsn);
}

static guid_t candidate(void)
{
	return enlist_mask(rm, tx, SINGLE, 5);
}

static void finish_commit(int who, guid_t en)
{
	en_commit(who, en);
	TAKE_NONE(who);
}

static void finish_rollback(int who, guid_t en)
{
	en_rollback(who, en);
	TAKE_NONE(who);
}

/* Its own commit is the commit. */
static void settle_commit(int who, guid_t en)
{
	ANSWER(who, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE_NONE(who);
}

static int rm_again(void)
{
	guid_t g = RM_GUID;

	return rm_open(tm, &g);
}

/* After a power cut: nothing was forced that would have taken its record along. */
static int rm_anew(void)
{
	guid_t g = RM_GUID;
	struct ktm_open o = ARG(ktm_open, .access = KTM_RM_ALL_ACCESS, .guid = g);

	CALL(tm, KTM_IOC_RM_OPEN, &o, KTM_STATUS_RM_NOT_FOUND);
	return rm_create_as(tm, 0, &g);
}

static void client(void *data)
{
	close(rm);
	close(other);
	close(v1);
	close(v2);
	COMMIT(tx, KTM_CALL_WAIT, *(unsigned int *)data);
}

/* Commit by a process that keeps no RM open, so that ours is the last descriptor. */
static pid_t client_commits(unsigned int want)
{
	return test_spawn(client, &want);
}

static void enlist_refused(void)
{
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = BESIDE);

	CALL(v2, KTM_IOC_ENLIST, &e, KTM_STATUS_TRANSACTION_NOT_ACTIVE);
}

/* ---- chosen ---- */

TEST(alone_and_durable)
{
	guid_t a = candidate();

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_UNDETERMINED);
	EN_IS(rm, a, KTM_EN_STATE_SINGLE_PHASE);
	/* Neither PREPREPARE nor PREPARE comes before it. */
	TAKE_AT(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a, 2, 5);
	TAKE_NONE(rm);
	CHECK_EQ(poll_now(tx) & POLLIN, 0);
	settle_commit(rm, a);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_COMMITTED);
	CHECK(poll_now(tx) & POLLIN);
	nothing_logged();
	CHECK_EQ(tm_info(tm).transactions, 0);
	COMMIT(tx, 0, KTM_STATUS_ALREADY_COMMITTED);
}

TEST(alone_and_volatile)
{
	guid_t a = enlist_mask(v1, tx, SINGLE, 0);
	pid_t client = client_commits(KTM_STATUS_SUCCESS);

	TAKE(v1, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	until_asleep(client);
	settle_commit(v1, a);
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* On a TM without a log as well. */
TEST(alone_on_a_volatile_tm)
{
	int light = rm_create(tm_volatile(), KTM_RM_VOLATILE);
	guid_t a;

	tx = tx_create(-1);
	a = enlist_mask(light, tx, SINGLE, 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE);
	TAKE(light, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	settle_commit(light, a);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* Who is read-only before Commit does not count. */
TEST(alone_beside_read_only_ones)
{
	guid_t a = candidate(), b = enlist_mask(other, tx, MANY, 0);
	guid_t c = enlist_mask(v1, tx, MANY, 0);

	ANSWER(other, KTM_IOC_READ_ONLY, b, KTM_STATUS_SUCCESS);
	ANSWER(v1, KTM_IOC_READ_ONLY, c, KTM_STATUS_SUCCESS);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	settle_commit(rm, a);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	TAKE_NONE(other);
	TAKE_NONE(v1);
}

/* The volatile ones go through phases 0 and 1, it goes through none. */
TEST(beside_volatile_ones)
{
	guid_t a = candidate(), b, c;
	pid_t client;

	b = enlist_mask(v1, tx, BESIDE | KTM_NOTIFY_PREPREPARE, 0);
	c = enlist_mask(v2, tx, BESIDE, 0);
	client = client_commits(KTM_STATUS_SUCCESS);
	TAKE(v1, KTM_NOTIFY_PREPREPARE, b);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	TAKE_NONE(v2);
	TAKE_NONE(rm);
	ANSWER(v1, KTM_IOC_PREPREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	en_prepare(v1, b);
	TAKE_NONE(rm);
	en_prepare(v2, c);
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE);
	EN_IS(v1, b, KTM_EN_STATE_PREPARED);
	TAKE_NONE(v1);
	TAKE_NONE(v2);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	settle_commit(rm, a);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_COMMITTED);
	finish_commit(v1, b);
	until_asleep(client);
	finish_commit(v2, c);
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	nothing_logged();
}

/* The volatile ones leave one after the other: then it is its turn. */
TEST(beside_volatile_ones_that_leave)
{
	guid_t a = candidate(), b, c;

	b = enlist_mask(v1, tx, BESIDE | KTM_NOTIFY_PREPREPARE, 0);
	c = enlist_mask(v2, tx, BESIDE, 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(v1, KTM_NOTIFY_PREPREPARE, b);
	ANSWER(v1, KTM_IOC_READ_ONLY, b, KTM_STATUS_SUCCESS);
	TAKE_NONE(rm);
	TAKE(v2, KTM_NOTIFY_PREPARE, c);
	ANSWER(v2, KTM_IOC_READ_ONLY, c, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	settle_commit(rm, a);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	TAKE_NONE(v1);
	TAKE_NONE(v2);
}

/* A volatile one that would hear of a disconnection may come in phase 0. */
TEST(one_more_volatile_one_in_phase_0)
{
	guid_t a = candidate(), b = enlist_mask(v1, tx, BESIDE | KTM_NOTIFY_PREPREPARE, 0), c;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(v1, KTM_NOTIFY_PREPREPARE, b);
	c = enlist_mask(v2, tx, BESIDE | KTM_NOTIFY_PREPREPARE, 0);
	ANSWER(v1, KTM_IOC_PREPREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	en_preprepare(v2, c);
	en_prepare(v1, b);
	en_prepare(v2, c);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	settle_commit(rm, a);
	finish_commit(v1, b);
	finish_commit(v2, c);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	nothing_logged();
}

/* ---- not chosen ---- */

/* Both phases, with one force at the end. */
static void in_two_phases(int first, guid_t a, int second, guid_t b, unsigned int forces)
{
	uint64_t before = tm_info(tm).forces;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	en_preprepare(first, a);
	en_preprepare(second, b);
	en_prepare(first, a);
	en_prepare(second, b);
	finish_commit(first, a);
	finish_commit(second, b);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	CHECK_EQ(tm_info(tm).forces - before, forces);
}

TEST(not_for_two_durable_ones)
{
	guid_t a = candidate(), b = enlist_mask(other, tx, SINGLE | KTM_NOTIFY_RM_DISCONNECTED, 0);

	in_two_phases(rm, a, other, b, 1);
}

/* A volatile one that would never hear that the other has gone. */
TEST(not_beside_one_without_disconnection)
{
	guid_t a = candidate(), b = enlist_mask(v1, tx, MANY, 0);

	in_two_phases(rm, a, v1, b, 1);
}

TEST(not_for_a_volatile_one_among_others)
{
	guid_t a = enlist_mask(v1, tx, SINGLE | KTM_NOTIFY_RM_DISCONNECTED, 0);
	guid_t b = enlist_mask(v2, tx, SINGLE | KTM_NOTIFY_RM_DISCONNECTED, 0);

	in_two_phases(v1, a, v2, b, 0);
}

/* The durable one has not registered for it, the volatile one has. */
TEST(not_for_a_volatile_one_beside_a_durable_one)
{
	guid_t a = enlist_mask(rm, tx, MANY | KTM_NOTIFY_RM_DISCONNECTED, 0);
	guid_t b = enlist_mask(v1, tx, SINGLE | KTM_NOTIFY_RM_DISCONNECTED, 0);

	in_two_phases(rm, a, v1, b, 1);
}

TEST(not_without_registering)
{
	guid_t a = enlist_mask(rm, tx, MANY, 0);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_preprepare(rm, a);
	en_prepare(rm, a);
	finish_commit(rm, a);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
}

/* Somebody above decides, so nobody below may. */
TEST(not_under_a_superior)
{
	guid_t a = candidate(), s;

	s = enlist_superior(other, tx, KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_COMMIT_COMPLETE |
			    KTM_NOTIFY_COMMIT_REQUEST, 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	en_preprepare(rm, a);
	en_prepare(rm, a);
	TAKE(other, KTM_NOTIFY_COMMIT_REQUEST, s);
	ANSWER(other, KTM_IOC_EN_COMMIT, s, KTM_STATUS_PENDING);
	finish_commit(rm, a);
	TAKE(other, KTM_NOTIFY_COMMIT_COMPLETE, s);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
}

/* Chosen at Commit or not at all: that the other leaves later does not bring it back. */
TEST(not_when_the_other_leaves_after_commit)
{
	guid_t a = candidate(), b = enlist_mask(other, tx, MANY, 0);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(other, KTM_NOTIFY_PREPREPARE, b);
	ANSWER(other, KTM_IOC_READ_ONLY, b, KTM_STATUS_SUCCESS);
	en_preprepare(rm, a);
	en_prepare(rm, a);
	finish_commit(rm, a);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	CHECK_EQ(tm_info(tm).forces - at_start.forces, 1);
}

/* ---- switched off in phase 0 ---- */

/* @late comes in phase 0 with @mask; from then on it is a commit as any other. */
static void switched_off(int late, unsigned int mask, unsigned int candidate_mask)
{
	guid_t a = enlist_mask(rm, tx, candidate_mask, 0);
	guid_t b = enlist_mask(v1, tx, BESIDE | KTM_NOTIFY_PREPREPARE, 0), c;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(v1, KTM_NOTIFY_PREPREPARE, b);
	TAKE_NONE(rm);
	c = enlist_mask(late, tx, mask, 0);
	/* Now the candidate is asked, too, if it wants to be. */
	if (candidate_mask & KTM_NOTIFY_PREPREPARE) {
		EN_IS(rm, a, KTM_EN_STATE_PREPREPARING);
		en_preprepare(rm, a);
	}
	ANSWER(v1, KTM_IOC_PREPREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	en_preprepare(late, c);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	en_prepare(v1, b);
	en_prepare(late, c);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	en_prepare(rm, a);
	finish_commit(rm, a);
	finish_commit(v1, b);
	finish_commit(late, c);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	CHECK_EQ(tm_info(tm).forces - at_start.forces, 1);
}

TEST(off_by_a_durable_one)
{
	switched_off(other, SINGLE | KTM_NOTIFY_RM_DISCONNECTED, SINGLE);
}

TEST(off_by_a_volatile_one_without_disconnection)
{
	switched_off(v2, MANY, SINGLE);
}

TEST(off_for_one_that_wants_no_phase_0)
{
	switched_off(other, MANY, EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT);
}

/* It has gone for good, even if the one who did it leaves again. */
TEST(off_stays_off)
{
	guid_t a = candidate(), b = enlist_mask(v1, tx, BESIDE | KTM_NOTIFY_PREPREPARE, 0), c;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(v1, KTM_NOTIFY_PREPREPARE, b);
	c = enlist_mask(other, tx, MANY, 0);
	ANSWER(other, KTM_IOC_READ_ONLY, c, KTM_STATUS_SUCCESS);
	TAKE_NONE(other);
	en_preprepare(rm, a);
	ANSWER(v1, KTM_IOC_PREPREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	en_prepare(v1, b);
	en_prepare(rm, a);
	finish_commit(rm, a);
	finish_commit(v1, b);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
}

/* ---- SinglePhaseReject ---- */

TEST(rejected_alone)
{
	guid_t a = candidate(), b;
	pid_t client = client_commits(KTM_STATUS_SUCCESS);

	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	/* From phase 0 on: others may still come. */
	b = enlist(v1, tx);
	en_preprepare(rm, a);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, a, KTM_STATUS_NOT_REQUESTED);
	enlist_refused();
	en_prepare(v1, b);
	en_prepare(rm, a);
	finish_commit(v1, b);
	finish_commit(rm, a);
	test_join(client);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	CHECK_EQ(tm_info(tm).forces - at_start.forces, 1);
}

/* After a rejection it may do all that it could have done in two phases. */
TEST(rejected_then_left_or_rolled_back)
{
	guid_t a = candidate();

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, a, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_PREPREPARE, a);
	ANSWER(rm, KTM_IOC_READ_ONLY, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);

	tx = tx_create(tm);
	a = candidate();
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, a, KTM_STATUS_SUCCESS);
	en_preprepare(rm, a);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_SUCCESS);
	finish_rollback(rm, a);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	nothing_logged();
}

/* The others have voted already: it alone is asked, then one force decides for all. */
TEST(rejected_beside_volatile_ones)
{
	guid_t a = candidate(), b = enlist_mask(v1, tx, BESIDE, 0);
	unsigned char *cut;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(v1, b);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	enlist_refused();
	TAKE_NONE(v1);
	EN_IS(v1, b, KTM_EN_STATE_PREPARED);
	en_prepare(rm, a);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	CHECK_EQ(tm_info(tm).forces - at_start.forces, 1);
	finish_commit(v1, b);
	/* From here on it is a commit as any other: COMMIT comes again after a cut. */
	cut = disk_read(&d);
	close(rm);
	close(other);
	close(v1);
	close(v2);
	close(tx);
	tm = disk_after_cut(&d, tm, cut);
	rm = rm_again();
	rm_recover_one(rm, a);
	finish_commit(rm, a);
}

/* A rejection of what was not asked. */
TEST(rejected_without_being_asked)
{
	guid_t a = candidate(), b = enlist_mask(v1, tx, BESIDE, 0);

	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, a, KTM_STATUS_NOT_REQUESTED);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(v1, KTM_IOC_SINGLE_PHASE_REJECT, b, KTM_STATUS_NOT_REQUESTED);
	en_prepare(v1, b);
	ANSWER(v1, KTM_IOC_SINGLE_PHASE_REJECT, b, KTM_STATUS_NOT_REQUESTED);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	settle_commit(rm, a);
	ANSWER(v1, KTM_IOC_SINGLE_PHASE_REJECT, b, KTM_STATUS_NOT_REQUESTED);
	finish_commit(v1, b);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* ---- rolled back ---- */

TEST(rolled_back_alone)
{
	guid_t a = candidate();
	pid_t client = client_commits(KTM_STATUS_ROLLED_BACK);

	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	ANSWER(rm, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_SUCCESS);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_ABORTED);
	finish_rollback(rm, a);
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	nothing_logged();
}

TEST(rolled_back_beside_volatile_ones)
{
	guid_t a = candidate(), b = enlist_mask(v1, tx, BESIDE, 0);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(v1, b);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	ANSWER(rm, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_SUCCESS);
	finish_rollback(v1, b);
	finish_rollback(rm, a);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	nothing_logged();
}

/* Before its turn it is one as the others: any of them may still roll back. */
TEST(rolled_back_before_its_turn)
{
	guid_t a = candidate(), b = enlist_mask(v1, tx, BESIDE, 0);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(v1, KTM_NOTIFY_PREPARE, b);
	ANSWER(v1, KTM_IOC_EN_ROLLBACK, b, KTM_STATUS_SUCCESS);
	finish_rollback(rm, a);
	finish_rollback(v1, b);
	TX_IS(tx, KTM_TX_STATE_ABORTED);

	tx = tx_create(tm);
	a = candidate();
	b = enlist_mask(v1, tx, BESIDE, 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(v1, b);
	/* Its turn: it may leave the shortcut by rolling back, and nobody else may. */
	ANSWER(v1, KTM_IOC_EN_ROLLBACK, b, KTM_STATUS_REQUEST_NOT_VALID);
	ROLLBACK(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	COMMIT(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	enlist_refused();
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	settle_commit(rm, a);
	finish_commit(v1, b);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* It goes before its turn: it has not answered anything, so nothing is in doubt. */
TEST(closed_before_its_turn)
{
	guid_t b = enlist_mask(v1, tx, BESIDE, 0);

	candidate();
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(v1, KTM_NOTIFY_PREPARE, b);
	close(rm);
	finish_rollback(v1, b);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
}

/* What is no answer to SINGLE_PHASE_COMMIT is refused, and it waits on. */
TEST(other_answers)
{
	guid_t a = candidate();

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	ANSWER(rm, KTM_IOC_PREPREPARE_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm, KTM_IOC_READ_ONLY, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm, KTM_IOC_REQUEST_OUTCOME, a, KTM_STATUS_REQUEST_NOT_VALID);
	EN_IS(rm, a, KTM_EN_STATE_SINGLE_PHASE);
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE);
	settle_commit(rm, a);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* The answer carries a clock as any other. */
TEST(answer_raises_the_clock)
{
	guid_t a = candidate(), b = enlist_mask(v1, tx, BESIDE, 0);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(v1, b);
	TAKE_AT(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a, 2, 5);
	ANSWER_CLOCK(rm, KTM_IOC_COMMIT_COMPLETE, a, 1000, KTM_STATUS_SUCCESS);
	TAKE_AT(v1, KTM_NOTIFY_COMMIT, b, 1000, 0);
	CHECK_EQ(tm_info(tm).virtual_clock, 1000);

	tx = tx_create(tm);
	a = candidate();
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE_AT(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a, 1001, 5);
	ANSWER_CLOCK(rm, KTM_IOC_SINGLE_PHASE_REJECT, a, 2000, KTM_STATUS_SUCCESS);
	TAKE_AT(rm, KTM_NOTIFY_PREPREPARE, a, 2000, 5);
	ANSWER(rm, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_SUCCESS);
	finish_rollback(rm, a);
}

/* ---- the time-out ---- */

/* It passes while the RM decides: that is no reason any more. */
TEST(time_out_passes_and_it_commits)
{
	guid_t a, b;

	tx = tx_create_timeout(tm, SOON);
	a = candidate();
	b = enlist_mask(v1, tx, BESIDE, 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(v1, b);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	until_overdue(tx);
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE);
	TAKE_NONE(v1);
	settle_commit(rm, a);
	finish_commit(v1, b);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* It passes and then the RM does not decide: it counts at once. */
TEST(time_out_passes_and_it_rejects)
{
	guid_t a;
	pid_t client;

	tx = tx_create_timeout(tm, SOON);
	a = candidate();
	client = client_commits(KTM_STATUS_ROLLED_BACK);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	until_overdue(tx);
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, a, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTING);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, a);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, a, KTM_STATUS_SUCCESS);
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
}

/* The RM rejects in time, and then the time passes. */
TEST(it_rejects_and_the_time_out_passes)
{
	guid_t a, b;

	tx = tx_create_timeout(tm, SOON);
	a = candidate();
	b = enlist_mask(v1, tx, BESIDE, 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(v1, b);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, a, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTING);
	finish_rollback(v1, b);
	finish_rollback(rm, a);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
}

/* ---- closed without an answer ---- */

static void in_doubt(void)
{
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE_INDOUBT);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_UNDETERMINED);
	CHECK_EQ(tm_info(tm).indoubt, 1);
	CHECK_EQ(poll_now(tx) & POLLIN, 0);
	WAIT(tx, KTM_STATUS_INDOUBT);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_REQUEST_NOT_VALID);
	ROLLBACK(tx, KTM_CALL_WAIT, KTM_STATUS_REQUEST_NOT_VALID);
	enlist_refused();
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE_INDOUBT);
}

/* The RM comes back and is asked again; @rm and its key are new. */
static void ask_again(guid_t a)
{
	rm = rm_again();
	rm_recover(rm);
	TAKE_AT(rm, KTM_NOTIFY_RECOVER, a, 2, 5);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE_NONE(rm);
	/* It has not said yet that it takes it up. */
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	en_recover(rm, a, 6);
	TAKE_AT(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a, 2, 6);
	TAKE_NONE(rm);
}

static void ends(unsigned int state, unsigned int outcome)
{
	struct ktm_tx_wait w = ARG(ktm_tx_wait);

	TX_BECOMES(tx, state);
	CALL(tx, KTM_IOC_TX_WAIT, &w, KTM_STATUS_SUCCESS);
	CHECK_EQ(w.outcome, outcome);
	CHECK(poll_now(tx) & POLLIN);
	CHECK_EQ(tm_info(tm).indoubt, 0);
}

TEST(closed_alone_and_back_to_commit)
{
	guid_t a = candidate();
	pid_t client = client_commits(KTM_STATUS_INDOUBT);

	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	until_asleep(client);
	close(rm);
	test_join(client);
	in_doubt();
	ask_again(a);
	settle_commit(rm, a);
	ends(KTM_TX_STATE_COMMITTED, KTM_OUTCOME_COMMITTED);
	nothing_logged();
}

TEST(closed_alone_and_back_to_roll_back)
{
	guid_t a = candidate();

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	/* That nobody has read it makes no difference: it was queued. */
	close(rm);
	in_doubt();
	ask_again(a);
	ANSWER(rm, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_SUCCESS);
	finish_rollback(rm, a);
	ends(KTM_TX_STATE_ABORTED, KTM_OUTCOME_ABORTED);
	COMMIT(tx, 0, KTM_STATUS_ALREADY_ABORTED);
}

TEST(closed_alone_and_back_to_reject)
{
	guid_t a = candidate();

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	close(rm);
	in_doubt();
	ask_again(a);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, a, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).indoubt, 0);
	en_preprepare(rm, a);
	en_prepare(rm, a);
	finish_commit(rm, a);
	ends(KTM_TX_STATE_COMMITTED, KTM_OUTCOME_COMMITTED);
	CHECK_EQ(tm_info(tm).forces - at_start.forces, 1);
}

/* Away, back, away again: it stays the same. */
TEST(closed_again_and_again)
{
	guid_t a = candidate();
	int i;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	for (i = 0; i < 3; i++) {
		close(rm);
		in_doubt();
		rm = rm_again();
		rm_recover(rm);
		TAKE(rm, KTM_NOTIFY_RECOVER, a);
		TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
		in_doubt();
		en_recover(rm, a, i);
		TAKE_AT(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a, 2, (unsigned int)i);
	}
	settle_commit(rm, a);
	ends(KTM_TX_STATE_COMMITTED, KTM_OUTCOME_COMMITTED);
}

/* The volatile ones are told who has gone; their part is over. */
TEST(closed_beside_volatile_ones)
{
	guid_t a = candidate(), b = enlist_mask(v1, tx, BESIDE, 0), g;
	int en = enlist_mask_fd(v2, tx, BESIDE, KTM_EN_ALL_ACCESS, false, &g);
	pid_t client = client_commits(KTM_STATUS_INDOUBT);

	en_prepare(v1, b);
	TAKE(v2, KTM_NOTIFY_PREPARE, g);
	ANSWER_FD(en, KTM_IOC_PREPARE_COMPLETE, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	close(rm);
	test_join(client);
	TAKE(v1, KTM_NOTIFY_RM_DISCONNECTED, b);
	TAKE(v2, KTM_NOTIFY_RM_DISCONNECTED, g);
	CHECK_EQ(en_info(en).state, KTM_EN_STATE_DISCONNECTED);
	ANSWER_FD(en, KTM_IOC_COMMIT_COMPLETE, KTM_STATUS_NOT_REQUESTED);
	ANSWER_FD(en, KTM_IOC_ROLLBACK_COMPLETE, KTM_STATUS_NOT_REQUESTED);
	CHECK_EQ(tx_info(tx).enlistments, 1);
	in_doubt();
	ask_again(a);
	settle_commit(rm, a);
	ends(KTM_TX_STATE_COMMITTED, KTM_OUTCOME_COMMITTED);
	/* Nobody tells them how it came out. */
	TAKE_NONE(v1);
	TAKE_NONE(v2);
	CHECK_EQ(en_info(en).state, KTM_EN_STATE_DISCONNECTED);
	close(en);
}

/* Back, beside volatile ones that are over: in two phases it is alone. */
TEST(closed_beside_volatile_ones_and_back_to_reject)
{
	guid_t a = candidate(), b = enlist_mask(v1, tx, BESIDE, 0);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(v1, b);
	close(rm);
	TAKE(v1, KTM_NOTIFY_RM_DISCONNECTED, b);
	ask_again(a);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	enlist_refused();
	en_prepare(rm, a);
	finish_commit(rm, a);
	ends(KTM_TX_STATE_COMMITTED, KTM_OUTCOME_COMMITTED);
	TAKE_NONE(v1);
	CHECK_EQ(tm_info(tm).forces - at_start.forces, 1);
}

/* The client goes as well: the transaction stays for the RM to settle. */
TEST(closed_and_the_client_too)
{
	guid_t a = candidate(), uow = tx_info(tx).uow;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	close(rm);
	close(tx);
	ask_again(a);
	CHECK_EQ(tm_info(tm).transactions, 1);
	CHECK(listed(tm, KTM_KIND_TX, uow));
	settle_commit(rm, a);
	CHECK_EQ(tm_info(tm).transactions, 0);
}

static void rm_that_dies(void *unused)
{
	guid_t a;

	(void)unused;
	rm = rm_again();
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	a = candidate();
	memcpy((void *)shared_word, &a, sizeof(a));
	go(1);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	go(2);
	pause();
}

/* SIGKILL of the RM that has read it. */
TEST(killed_without_an_answer)
{
	pid_t child, client;
	guid_t a, b;

	close(rm);
	child = test_spawn(rm_that_dies, NULL);
	meet(1);
	memcpy(&a, (void *)shared_word, sizeof(a));
	b = enlist_mask(v1, tx, BESIDE, 0);
	client = client_commits(KTM_STATUS_INDOUBT);
	en_prepare(v1, b);
	meet(2);
	TAKE_NONE(v1);
	test_kill(child);
	test_join(client);
	TAKE(v1, KTM_NOTIFY_RM_DISCONNECTED, b);
	in_doubt();
	ask_again(a);
	settle_commit(rm, a);
	ends(KTM_TX_STATE_COMMITTED, KTM_OUTCOME_COMMITTED);
}

/* A volatile one cannot come back: it is in doubt for good, and nobody waits for it. */
TEST(volatile_one_closed)
{
	guid_t a = enlist_mask(v1, tx, SINGLE, 0);
	pid_t client = client_commits(KTM_STATUS_INDOUBT);

	TAKE(v1, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	close(v1);
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE_INDOUBT);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_UNDETERMINED);
	/* Who polls need not wait either: there is nothing more to come. */
	CHECK(poll_now(tx) & POLLIN);
	WAIT(tx, KTM_STATUS_INDOUBT);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_REQUEST_NOT_VALID);
	/* When the last descriptor goes, so does the transaction. */
	close(tx);
	CHECK_EQ(count_objects(tm, KTM_KIND_TX), 0);
	CHECK_EQ(tm_info(tm).transactions, 0);
}

/* Only its own descriptor is closed: its RM is there and can still answer. */
TEST(enlistment_descriptor_closed)
{
	guid_t a;
	int en = enlist_mask_fd(rm, tx, SINGLE, KTM_EN_ALL_ACCESS, false, &a);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	close(en);
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE);
	settle_commit(rm, a);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* A volatile one beside it that has voted may go. */
TEST(voted_one_beside_it_closed)
{
	guid_t a = candidate(), b = enlist_mask(v1, tx, BESIDE, 0);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(v1, b);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	close(v1);
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE);
	settle_commit(rm, a);
	ends(KTM_TX_STATE_COMMITTED, KTM_OUTCOME_COMMITTED);
}

/* ---- the power goes, the log fails ---- */

static void close_all_but_tm(void)
{
	close(rm);
	close(other);
	close(v1);
	close(v2);
	close(tx);
}

/* The log knows nothing of it; the RM's own log is the truth. */
static void forgotten(guid_t a, int again)
{
	CHECK_EQ(tm_info(tm).transactions, 0);
	CHECK_EQ(tm_info(tm).indoubt, 0);
	rm = again;
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE_NONE(rm);
	ANSWER(rm, KTM_IOC_EN_RECOVER, a, KTM_STATUS_ENLISTMENT_NOT_FOUND);
}

TEST(power_cut_without_an_answer)
{
	guid_t a = candidate(), b = enlist_mask(v1, tx, BESIDE, 0);
	unsigned char *cut;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(v1, b);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	cut = disk_read(&d);
	settle_commit(rm, a);
	finish_commit(v1, b);
	close_all_but_tm();
	tm = disk_after_cut(&d, tm, cut);
	forgotten(a, rm_anew());
}

TEST(power_cut_after_the_answer)
{
	guid_t a = candidate(), uow = tx_info(tx).uow;
	unsigned char *cut;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	settle_commit(rm, a);
	cut = disk_read(&d);
	close_all_but_tm();
	tm = disk_after_cut(&d, tm, cut);
	CHECK(!listed(tm, KTM_KIND_TX, uow));
	forgotten(a, rm_anew());
}

TEST(power_cut_in_doubt)
{
	guid_t a = candidate();
	unsigned char *cut;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	close(rm);
	in_doubt();
	cut = disk_read(&d);
	rm = rm_again();
	close_all_but_tm();
	tm = disk_after_cut(&d, tm, cut);
	forgotten(a, rm_anew());
}

/* Without a cut, too: all descriptors are closed, the TM goes, and its memory with it. */
TEST(tm_closed_in_doubt)
{
	guid_t a = candidate();

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	close_all_but_tm();
	tm_close(tm, d.path);
	tm = tm_online(d.path);
	forgotten(a, rm_again());
}

/*
 * The log fails, under another's decision, while the RM decides by itself. It may have
 * committed and cannot say so: nobody may be told that it was rolled back. After the
 * reopening it is asked again, and those beside it have heard nothing in between.
 */
TEST(log_fails_without_an_answer)
{
	guid_t a, b, c;
	struct flaky f;
	int second;

	close_all_but_tm();
	tm_close(tm, d.path);
	f = flaky_make(&d);
	tm = tm_online(f.path);
	rm = rm_again();
	rm_recover_empty(rm);
	other = rm_create(tm, 0);
	rm_recover_empty(other);
	v1 = rm_create(tm, KTM_RM_VOLATILE);
	v2 = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
	second = tx_create(tm);
	a = candidate();
	b = enlist_mask(v1, tx, BESIDE, 0);
	c = enlist(other, second);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(v1, b);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	COMMIT(second, 0, KTM_STATUS_PENDING);
	TAKE(other, KTM_NOTIFY_PREPARE, c);
	flaky_set(&f, FAIL_WRITES);
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, c, KTM_STATUS_SUCCESS);
	WAIT(second, KTM_STATUS_INDOUBT);
	TAKE_NONE(v1);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_UNDETERMINED);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE);
	TAKE_NONE(v1);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_TM_NOT_ONLINE);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, a);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(rm, a, 6);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, a);
	settle_commit(rm, a);
	finish_commit(v1, b);
	ends(KTM_TX_STATE_COMMITTED, KTM_OUTCOME_COMMITTED);
	close(second);
	close_all_but_tm();
	tm_close(tm, f.path);
	flaky_remove(&f);
}
