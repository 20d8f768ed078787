// SPDX-License-Identifier: GPL-2.0
/*
 * A superior, one of its participants or the machine goes away at each step, and
 * the log fails under what it is told: everybody ends with one outcome, nobody
 * waits for somebody who is gone, and the log is forced as often as it must be.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <time.h>

#include "calls.h"
#include "disk.h"
#include "latepage.h"

#define SUPERIOR	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE | \
			 KTM_NOTIFY_ROLLBACK_COMPLETE | KTM_NOTIFY_RECOVER_QUERY | \
			 KTM_NOTIFY_LAST_RECOVER)
#define ON_REQUEST	(SUPERIOR | KTM_NOTIFY_COMMIT_REQUEST)
#define PHASE_0		(EN_MASK | KTM_NOTIFY_PREPREPARE)
#define BOSS_GUID	guid_of(1)
#define STORE_GUID	guid_of(2)

/* How far it has come; each is a moment at which somebody goes. */
enum step { ENLISTED, ASKED_0, PREPREPARED, ASKED_1, VOTED, PREPARED, TOLD, FINISHED };

static struct disk d;
static struct flaky f;
static int tm, tx, boss, store, light;
static guid_t sup, en, len;
static struct ktm_tm_info at_start;
static unsigned int sup_mask = SUPERIOR;

static int rm_known(guid_t guid)
{
	int rm = rm_open(tm, &guid);

	rm_recover_empty(rm);
	return rm;
}

/* A superior over a durable participant and a volatile one, on a disk that can fail. */
void test_setup(void)
{
	guid_t b = BOSS_GUID, s = STORE_GUID;

	d = disk_make(8 * MIB);
	f = flaky_make(&d);
	journal_format(f.path, guid_of(9));
	tm = tm_online(f.path);
	boss = rm_create_as(tm, 0, &b);
	store = rm_create_as(tm, 0, &s);
	close(boss);
	close(store);
	/* So that the log knows both RMs, whatever happens next. */
	tm_close(tm, f.path);
	tm = tm_online(f.path);
	boss = rm_known(b);
	store = rm_known(s);
	light = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
	at_start = tm_info(tm);
}

/* A device-mapper device does not go by itself. */
static void tear_down(void)
{
	close(tx);
	close(boss);
	close(store);
	close(light);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

static void forced(unsigned int times)
{
	CHECK_EQ(tm_info(tm).forces - at_start.forces, times);
}

static void enlist_all(unsigned int mask)
{
	en = enlist_mask(store, tx, PHASE_0, 0);
	len = enlist_mask(light, tx, PHASE_0, 0);
	sup = enlist_superior(boss, tx, mask, 5);
}

static void up_to(enum step last)
{
	enlist_all(sup_mask);
	if (last == ENLISTED)
		return;
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TAKE(store, KTM_NOTIFY_PREPREPARE, en);
	TAKE(light, KTM_NOTIFY_PREPREPARE, len);
	if (last == ASKED_0)
		return;
	ANSWER(store, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE_NONE(boss);
	ANSWER(light, KTM_IOC_PREPREPARE_COMPLETE, len, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	if (last == PREPREPARED)
		return;
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	TAKE(store, KTM_NOTIFY_PREPARE, en);
	TAKE(light, KTM_NOTIFY_PREPARE, len);
	if (last == ASKED_1)
		return;
	ANSWER(store, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE_NONE(boss);
	if (last == VOTED)
		return;
	forced(0);
	ANSWER(light, KTM_IOC_PREPARE_COMPLETE, len, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
	forced(1);
	if (last == PREPARED)
		return;
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	TAKE(store, KTM_NOTIFY_COMMIT, en);
	TAKE(light, KTM_NOTIFY_COMMIT, len);
	forced(2);
	if (last == TOLD)
		return;
	ANSWER(light, KTM_IOC_COMMIT_COMPLETE, len, KTM_STATUS_SUCCESS);
	TAKE_NONE(boss);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
}

/* All are there: the superior decides, and hears when they have finished. */
static void superior_commits(void)
{
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	en_commit(store, en);
	en_commit(light, len);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
}

/* The superior learns of a rollback that was not its own idea, and of its end. */
static void superior_rolled_back(void)
{
	en_rollback(boss, sup);
	TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);
	TAKE_NONE(boss);
}

/* ---- the superior ---- */

static void boss_opens(void)
{
	guid_t g = BOSS_GUID;

	boss = rm_open(tm, &g);
	rm_recover(boss);
}

static void boss_is_asked(void)
{
	boss_opens();
	TAKE_AT(boss, KTM_NOTIFY_RECOVER_QUERY, sup, tm_info(tm).virtual_clock, 5);
	TAKE(boss, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE_NONE(boss);
}

static void boss_is_told(void)
{
	boss_opens();
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TAKE(boss, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE_NONE(boss);
}

static void boss_knows_nothing(void)
{
	boss_opens();
	TAKE(boss, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE_NONE(boss);
	ANSWER(boss, KTM_IOC_EN_RECOVER, sup, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_ENLISTMENT_NOT_FOUND);
}

static void superior_closes_early(enum step at)
{
	up_to(at);
	close(boss);
	en_rollback(store, en);
	en_rollback(light, len);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	forced(0);
	boss_knows_nothing();
	CHECK_EQ(tm_info(tm).transactions, 0);
	tear_down();
}

TEST(superior_closes_enlisted) { superior_closes_early(ENLISTED); }
TEST(superior_closes_asked_0) { superior_closes_early(ASKED_0); }
TEST(superior_closes_preprepared) { superior_closes_early(PREPREPARED); }
TEST(superior_closes_asked_1) { superior_closes_early(ASKED_1); }
TEST(superior_closes_voted) { superior_closes_early(VOTED); }

static void superior_in_doubt(void)
{
	TX_BECOMES(tx, KTM_TX_STATE_SUPERIOR_INDOUBT);
	CHECK_EQ(tm_info(tm).indoubt, 1);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_UNDETERMINED);
	CHECK_EQ(poll_now(tx) & POLLIN, 0);
	WAIT(tx, KTM_STATUS_INDOUBT);
	ROLLBACK(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	TAKE_NONE(store);
	TAKE_NONE(light);
	ANSWER(store, KTM_IOC_REQUEST_OUTCOME, en, KTM_STATUS_SUCCESS);
	ANSWER(store, KTM_IOC_EN_ROLLBACK, en, KTM_STATUS_REQUEST_NOT_VALID);
}

TEST(superior_closes_prepared_and_commits)
{
	up_to(PREPARED);
	close(boss);
	superior_in_doubt();
	boss_is_asked();
	TX_IS(tx, KTM_TX_STATE_PREPARED);
	CHECK_EQ(tm_info(tm).indoubt, 0);
	superior_commits();
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	forced(2);
	tear_down();
}

TEST(superior_closes_prepared_and_rolls_back)
{
	up_to(PREPARED);
	close(boss);
	superior_in_doubt();
	boss_is_asked();
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	en_rollback(store, en);
	en_rollback(light, len);
	superior_rolled_back();
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	forced(1);
	tear_down();
}

/* Asked, and away again, as often as it likes. */
TEST(superior_closes_again_and_again)
{
	int i;

	up_to(PREPARED);
	for (i = 0; i < 3; i++) {
		close(boss);
		superior_in_doubt();
		boss_is_asked();
	}
	superior_commits();
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	tear_down();
}

/* It has decided and goes: that holds, and it is told of the end when it is back. */
TEST(superior_closes_decided)
{
	up_to(TOLD);
	close(boss);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	ANSWER(light, KTM_IOC_COMMIT_COMPLETE, len, KTM_STATUS_SUCCESS);
	WAIT(tx, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	boss_is_told();
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	tear_down();
}

/* What it has not read, it has not been told. */
TEST(superior_closes_with_the_end_unread)
{
	up_to(FINISHED);
	CHECK(poll_for(boss, POLLIN) & POLLIN);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	close(boss);
	boss_is_told();
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	close(boss);
	boss_knows_nothing();
	tear_down();
}

/* A client that has inherited nothing else: who closes here is the last to close. */
static void client(void *unused)
{
	(void)unused;
	close(boss);
	close(store);
	close(light);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_INDOUBT);
}

/* A client that waits in Commit need not wait for one who may be gone for good. */
TEST(superior_closes_while_a_client_waits)
{
	pid_t waiting;

	enlist_all(ON_REQUEST);
	waiting = test_spawn(client, NULL);
	TAKE(store, KTM_NOTIFY_PREPREPARE, en);
	TAKE(light, KTM_NOTIFY_PREPREPARE, len);
	ANSWER(store, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	ANSWER(light, KTM_IOC_PREPREPARE_COMPLETE, len, KTM_STATUS_SUCCESS);
	TAKE(store, KTM_NOTIFY_PREPARE, en);
	TAKE(light, KTM_NOTIFY_PREPARE, len);
	ANSWER(store, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	ANSWER(light, KTM_IOC_PREPARE_COMPLETE, len, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_COMMIT_REQUEST, sup);
	until_asleep(waiting);
	close(boss);
	test_join(waiting);
	superior_in_doubt();
	boss_is_asked();
	superior_commits();
	WAIT(tx, KTM_STATUS_SUCCESS);
	tear_down();
}

/* ---- a participant ---- */

static void store_opens(void)
{
	guid_t g = STORE_GUID;

	store = rm_open(tm, &g);
	rm_recover(store);
}

static void store_recovers(unsigned int kind)
{
	store_opens();
	recover_only(store, en);
	TAKE(store, kind, en);
}

static void participant_closes_early(enum step at, bool durable)
{
	up_to(at);
	close(durable ? store : light);
	if (durable)
		en_rollback(light, len);
	else
		en_rollback(store, en);
	superior_rolled_back();
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	forced(0);
	tear_down();
}

TEST(durable_one_closes_enlisted) { participant_closes_early(ENLISTED, true); }
TEST(durable_one_closes_asked_0) { participant_closes_early(ASKED_0, true); }
TEST(durable_one_closes_preprepared) { participant_closes_early(PREPREPARED, true); }
TEST(durable_one_closes_asked_1) { participant_closes_early(ASKED_1, true); }
TEST(volatile_one_closes_enlisted) { participant_closes_early(ENLISTED, false); }
TEST(volatile_one_closes_asked_0) { participant_closes_early(ASKED_0, false); }
TEST(volatile_one_closes_preprepared) { participant_closes_early(PREPREPARED, false); }
TEST(volatile_one_closes_asked_1) { participant_closes_early(ASKED_1, false); }

/* It has voted: that counts, and its absence holds up nobody else. */
TEST(durable_one_closes_voted)
{
	up_to(VOTED);
	close(store);
	ANSWER(light, KTM_IOC_PREPARE_COMPLETE, len, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	en_commit(light, len);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	store_recovers(KTM_NOTIFY_COMMIT);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	TAKE_NONE(boss);
	forced(2);
	tear_down();
}

/* It recovers while only the superior can say. */
TEST(durable_one_closes_prepared)
{
	up_to(PREPARED);
	close(store);
	store_recovers(KTM_NOTIFY_INDOUBT);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	en_rollback(store, en);
	en_rollback(light, len);
	superior_rolled_back();
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	tear_down();
}

TEST(volatile_one_closes_prepared)
{
	up_to(PREPARED);
	close(light);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	en_commit(store, en);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	tear_down();
}

/* ---- the power goes ---- */

static void cut_at(enum step at)
{
	unsigned char *content;

	up_to(at);
	content = disk_read(&d);
	close(tx);
	close(boss);
	close(store);
	close(light);
	tm_close(tm, f.path);
	flaky_remove(&f);
	disk_write(&d, 0, content, d.bytes);
	free(content);
	tm = tm_online(d.path);
	light = rm_create(tm, KTM_RM_VOLATILE);
}

static void cut_early(enum step at)
{
	cut_at(at);
	CHECK_EQ(tm_info(tm).transactions, 0);
	boss_knows_nothing();
	store_opens();
	TAKE(store, KTM_NOTIFY_LAST_RECOVER, nil);
	ANSWER(store, KTM_IOC_EN_RECOVER, en, KTM_STATUS_ENLISTMENT_NOT_FOUND);
}

TEST(power_cut_enlisted) { cut_early(ENLISTED); }
TEST(power_cut_preprepared) { cut_early(PREPREPARED); }
TEST(power_cut_voted) { cut_early(VOTED); }

static void finished(void)
{
	TAKE_NONE(boss);
	TAKE_NONE(store);
	CHECK_EQ(tm_info(tm).transactions, 0);
	close(boss);
	boss_knows_nothing();
}

TEST(power_cut_prepared_and_commits)
{
	cut_at(PREPARED);
	CHECK_EQ(tm_info(tm).indoubt, 1);
	store_recovers(KTM_NOTIFY_INDOUBT);
	boss_is_asked();
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	en_commit(store, en);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	finished();
}

TEST(power_cut_prepared_and_rolls_back)
{
	cut_at(PREPARED);
	store_recovers(KTM_NOTIFY_INDOUBT);
	boss_is_asked();
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	en_rollback(store, en);
	superior_rolled_back();
	finished();
}

/* Nobody is there to answer but the superior: it waits for nobody, nor is anybody forgotten. */
TEST(power_cut_decided)
{
	cut_at(TOLD);
	CHECK_EQ(tm_info(tm).indoubt, 0);
	boss_is_told();
	CHECK_EQ(tm_info(tm).transactions, 1);
	store_recovers(KTM_NOTIFY_COMMIT);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	finished();
}

/* What says that all have finished was not forced: it is all done again. */
TEST(power_cut_with_the_end_unread)
{
	cut_at(FINISHED);
	store_recovers(KTM_NOTIFY_COMMIT);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).transactions, 1);
	boss_is_told();
	finished();
}

/* A rollback is not forced: lost in the cut, the superior is asked again and says the same. */
TEST(power_cut_after_its_rollback)
{
	unsigned char *content;

	up_to(PREPARED);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	en_rollback(store, en);
	en_rollback(light, len);
	superior_rolled_back();
	forced(1);
	content = disk_read(&d);
	tear_down();
	disk_write(&d, 0, content, d.bytes);
	free(content);
	tm = tm_online(d.path);
	boss_is_asked();
	store_recovers(KTM_NOTIFY_INDOUBT);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	en_rollback(store, en);
	superior_rolled_back();
	finished();
}

/* Written, it is believed: nobody is asked again. */
TEST(closed_after_its_rollback)
{
	up_to(PREPARED);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	TAKE(store, KTM_NOTIFY_ROLLBACK, en);
	en_rollback(light, len);
	close(tx);
	close(boss);
	close(store);
	close(light);
	tm_close(tm, f.path);
	tm = tm_online(f.path);
	boss_knows_nothing();
	store_recovers(KTM_NOTIFY_ROLLBACK);
	ANSWER(store, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).transactions, 0);
	tx = tx_create(tm);
	light = rm_create(tm, KTM_RM_VOLATILE);
	tear_down();
}

/* ---- between the hand-over of the prepared state and its being durable ---- */

static void hold_the_seal(void)
{
	up_to(VOTED);
	flaky_hold(&f);
	ANSWER(light, KTM_IOC_PREPARE_COMPLETE, len, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_SEALING);
	TAKE_NONE(boss);
}

/* The record may survive a crash: from here nothing unilateral counts. */
TEST(client_cannot_roll_back_while_it_is_sealed)
{
	hold_the_seal();
	ROLLBACK(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(store, KTM_IOC_EN_ROLLBACK, en, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(light, KTM_IOC_EN_ROLLBACK, len, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_REQUEST_NOT_VALID);
	TX_IS(tx, KTM_TX_STATE_SEALING);
	flaky_release(&f, NO_TROUBLE);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	tear_down();
}

TEST(time_out_while_it_is_sealed)
{
	close(tx);
	tx = tx_create_timeout(tm, SOON);
	hold_the_seal();
	until_overdue(tx);
	TX_IS(tx, KTM_TX_STATE_SEALING);
	flaky_release(&f, NO_TROUBLE);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
	tear_down();
}

TEST(superior_closes_while_it_is_sealed)
{
	hold_the_seal();
	close(boss);
	TX_IS(tx, KTM_TX_STATE_SEALING);
	TAKE_NONE(store);
	flaky_release(&f, NO_TROUBLE);
	superior_in_doubt();
	boss_is_asked();
	superior_commits();
	tear_down();
}

/* One that is not to be asked is told as before, though its RM has recovered meanwhile. */
TEST(superior_without_query_recovers_while_it_is_sealed)
{
	sup_mask &= ~KTM_NOTIFY_RECOVER_QUERY;
	hold_the_seal();
	rm_recover_empty(boss);
	flaky_release(&f, NO_TROUBLE);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	superior_commits();
	tear_down();
}

/* It is the superior's to say no at any time. */
TEST(superior_rolls_back_while_it_is_sealed)
{
	hold_the_seal();
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	en_rollback(store, en);
	en_rollback(light, len);
	superior_rolled_back();
	flaky_release(&f, NO_TROUBLE);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	TAKE_NONE(boss);
	tear_down();
}

/* ---- the log fails ---- */

static void reopened(unsigned int state)
{
	TX_BECOMES(tx, KTM_TX_STATE_INDOUBT);
	WAIT(tx, KTM_STATUS_INDOUBT);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_FAILED);
	TAKE_NONE(boss);
	TAKE_NONE(light);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	TX_IS(tx, state);
}

/* The durable one has to come back for its part. */
static void commits_after_the_reopening(void)
{
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	en_commit(light, len);
	close(store);
	store_recovers(KTM_NOTIFY_COMMIT);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
}

static void fail_the_seal(enum trouble trouble)
{
	up_to(VOTED);
	flaky_set(&f, trouble);
	ANSWER(light, KTM_IOC_PREPARE_COMPLETE, len, KTM_STATUS_SUCCESS);
}

/* Not on the disk, so never told: rolled back. */
TEST(seal_did_not_reach_the_disk)
{
	fail_the_seal(FAIL_WRITES);
	reopened(KTM_TX_STATE_ABORTING);
	en_rollback(light, len);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	rm_recover_empty(boss);
	rm_recover_empty(store);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	ANSWER(store, KTM_IOC_EN_RECOVER, en, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	tear_down();
}

/* On the disk, though nobody was told: the superior is asked. */
TEST(seal_reached_the_disk)
{
	fail_the_seal(FAIL_FLUSHES);
	reopened(KTM_TX_STATE_SUPERIOR_INDOUBT);
	close(boss);
	boss_is_asked();
	commits_after_the_reopening();
	tear_down();
}

static void fail_the_decision(enum trouble trouble)
{
	up_to(PREPARED);
	flaky_set(&f, trouble);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
}

/* Its decision is lost, not its being prepared: it is asked once more. */
TEST(decision_did_not_reach_the_disk)
{
	fail_the_decision(FAIL_WRITES);
	reopened(KTM_TX_STATE_SUPERIOR_INDOUBT);
	close(boss);
	boss_is_asked();
	commits_after_the_reopening();
	tear_down();
}

TEST(decision_reached_the_disk)
{
	fail_the_decision(FAIL_FLUSHES);
	reopened(KTM_TX_STATE_COMMITTING);
	en_commit(light, len);
	close(store);
	store_recovers(KTM_NOTIFY_COMMIT);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	close(boss);
	boss_is_told();
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	tear_down();
}

/* The log is not there to take a decision: nothing is decided, it may say so later. */
TEST(decides_while_the_log_is_gone)
{
	guid_t other;
	int second, rm = rm_create(tm, 0);

	rm_recover_empty(rm);
	up_to(PREPARED);
	second = tx_create(tm);
	other = enlist(rm, second);
	COMMIT(second, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, other);
	flaky_set(&f, FAIL_WRITES);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, other, KTM_STATUS_SUCCESS);
	WAIT(second, KTM_STATUS_INDOUBT);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_TM_NOT_ONLINE);
	TAKE_NONE(light);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_UNDETERMINED);
	close(second);
	close(rm);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	TX_IS(tx, KTM_TX_STATE_SUPERIOR_INDOUBT);
	close(boss);
	boss_is_asked();
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	en_rollback(light, len);
	superior_rolled_back();
	tear_down();
}

/* One more decision goes to the log. */
static int decide_another(unsigned int want)
{
	int rm = rm_create(tm, 0), second = tx_create(tm);
	guid_t other;

	rm_recover_empty(rm);
	other = enlist(rm, second);
	COMMIT(second, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, other);
	if (want == KTM_STATUS_INDOUBT)
		flaky_set(&f, FAIL_WRITES);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, other, KTM_STATUS_SUCCESS);
	if (want == KTM_STATUS_SUCCESS)
		en_commit(rm, other);
	WAIT(second, want);
	close(rm);
	return second;
}

static void force_the_log(void)
{
	close(decide_another(KTM_STATUS_SUCCESS));
}

static void lose_the_log(void)
{
	close(decide_another(KTM_STATUS_INDOUBT));
}

static void *read_boss(void *to)
{
	return (void *)(intptr_t)read(boss, to, sizeof(struct ktm_notification));
}

/*
 * What was being read of the end when the log failed is no news any more when it has
 * been read: the log has told it anew by then, and is told once that it is known.
 */
TEST(the_end_is_read_across_a_reopening)
{
	struct late_page page = late_page();
	struct ktm_notification n;
	pthread_t reader;
	void *bytes;

	up_to(FINISHED);
	/* The participant's completion is on the disk. */
	force_the_log();
	CHECK_EQ(pthread_create(&reader, NULL, read_boss, page.at), 0);
	late_page_is_wanted(&page);
	lose_the_log();
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	late_page_comes(&page);
	CHECK_EQ(pthread_join(reader, &bytes), 0);
	CHECK_EQ((intptr_t)bytes, (intptr_t)sizeof(n));
	memcpy(&n, page.at, sizeof(n));
	CHECK_EQ(n.kind, KTM_NOTIFY_COMMIT_COMPLETE);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	close(boss);
	boss_is_told();
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	close(page.uffd);
	close(boss);
	close(store);
	close(light);
	close(tx);
	tm_close(tm, f.path);
	tm = tm_online(f.path);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

/* ---- where nothing is logged ---- */

/* Only volatile participants: nothing is forced, and nothing is left of it. */
TEST(volatile_participants_only)
{
	len = enlist_mask(light, tx, EN_MASK, 0);
	sup = enlist_superior(boss, tx, SUPERIOR, 5);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	TAKE(light, KTM_NOTIFY_PREPARE, len);
	ANSWER(light, KTM_IOC_PREPARE_COMPLETE, len, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	close(boss);
	en_rollback(light, len);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	boss_knows_nothing();
	forced(0);
	CHECK_EQ(tm_info(tm).writes - at_start.writes, 0);
	tear_down();
}

TEST(on_a_volatile_tm)
{
	int vtm = tm_volatile(), vboss = rm_create(vtm, KTM_RM_VOLATILE);
	int vrm = rm_create(vtm, KTM_RM_VOLATILE), vtx = tx_create(vtm);
	guid_t a = enlist_mask(vrm, vtx, PHASE_0, 0), s = enlist_superior(vboss, vtx, SUPERIOR, 0);

	ANSWER(vboss, KTM_IOC_EN_PREPREPARE, s, KTM_STATUS_PENDING);
	TAKE(vrm, KTM_NOTIFY_PREPREPARE, a);
	ANSWER(vrm, KTM_IOC_PREPREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(vboss, KTM_NOTIFY_PREPREPARE_COMPLETE, s);
	ANSWER(vboss, KTM_IOC_EN_PREPARE, s, KTM_STATUS_PENDING);
	TAKE(vrm, KTM_NOTIFY_PREPARE, a);
	ANSWER(vrm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(vboss, KTM_NOTIFY_PREPARE_COMPLETE, s);
	ANSWER(vboss, KTM_IOC_EN_COMMIT, s, KTM_STATUS_PENDING);
	en_commit(vrm, a);
	TAKE(vboss, KTM_NOTIFY_COMMIT_COMPLETE, s);
	TX_BECOMES(vtx, KTM_TX_STATE_COMMITTED);
	close(vtx);
	vtx = tx_create(vtm);
	a = enlist(vrm, vtx);
	s = enlist_superior(vboss, vtx, SUPERIOR, 0);
	close(vboss);
	en_rollback(vrm, a);
	TX_BECOMES(vtx, KTM_TX_STATE_ABORTED);
	tear_down();
}
