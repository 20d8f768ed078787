// SPDX-License-Identifier: GPL-2.0
/*
 * Conformance: each status of the calls that are for a superior, and each
 * notification that it is sent. What happens to the transaction when somebody
 * dies in between is tried elsewhere.
 */
#include "calls.h"
#include "disk.h"

#define SUPERIOR	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE | \
			 KTM_NOTIFY_ROLLBACK_COMPLETE | KTM_NOTIFY_RECOVER_QUERY | \
			 KTM_NOTIFY_LAST_RECOVER)
#define BOSS_GUID	guid_of(1)
#define STORE_GUID	guid_of(2)

static struct disk d;
static int tm, tx, boss, store;
static guid_t sup, en;

/* A durable superior over a durable participant. */
void test_setup(void)
{
	guid_t b = BOSS_GUID, s = STORE_GUID;

	d = disk_make(8 * MIB);
	journal_format(d.path, guid_of(9));
	tm = tm_online(d.path);
	boss = rm_create_as(tm, 0, &b);
	store = rm_create_as(tm, 0, &s);
	rm_recover_empty(boss);
	rm_recover_empty(store);
	tx = tx_create(tm);
	en = enlist_mask(store, tx, EN_MASK | KTM_NOTIFY_PREPREPARE, 0);
}

static void preprepare(void)
{
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TAKE(store, KTM_NOTIFY_PREPREPARE, en);
	ANSWER(store, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
}

static void prepare(void)
{
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	TAKE(store, KTM_NOTIFY_PREPARE, en);
	ANSWER(store, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
}

static void finish_commit(void)
{
	TAKE(store, KTM_NOTIFY_COMMIT, en);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
}

/* Both have to answer ROLLBACK; @told: the superior wants to know when the other has. */
static void finish_rollback(bool told)
{
	TAKE(store, KTM_NOTIFY_ROLLBACK, en);
	TAKE(boss, KTM_NOTIFY_ROLLBACK, sup);
	ANSWER(boss, KTM_IOC_ROLLBACK_COMPLETE, sup, KTM_STATUS_SUCCESS);
	TAKE_NONE(boss);
	ANSWER(store, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	if (told)
		TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	TAKE_NONE(boss);
}

TEST(three_phases)
{
	sup = enlist_superior(boss, tx, SUPERIOR, 0);
	preprepare();
	TX_IS(tx, KTM_TX_STATE_PREPREPARED);
	prepare();
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit();
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_COMMITTED);
}

/* Before, between and after: nothing but the next step is taken. */
TEST(out_of_order)
{
	sup = enlist_superior(boss, tx, SUPERIOR, 0);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_REQUEST_NOT_VALID);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_REQUEST_NOT_VALID);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	TAKE(store, KTM_NOTIFY_PREPREPARE, en);
	ANSWER(store, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_REQUEST_NOT_VALID);
	prepare();
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_REQUEST_NOT_VALID);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_TRANSACTION_NOT_ACTIVE);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_REQUEST_NOT_VALID);
	finish_commit();
}

TEST(rolls_back)
{
	sup = enlist_superior(boss, tx, SUPERIOR, 0);
	preprepare();
	prepare();
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	finish_rollback(true);
}

TEST(commit_after_rollback)
{
	sup = enlist_superior(boss, tx, SUPERIOR, 0);
	preprepare();
	prepare();
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_ALREADY_ABORTED);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_REQUEST_NOT_VALID);
	finish_rollback(true);
}

/* The three calls belong to superiors. */
TEST(not_one)
{
	ANSWER(store, KTM_IOC_EN_PREPREPARE, en, KTM_STATUS_NOT_SUPERIOR);
	ANSWER(store, KTM_IOC_EN_PREPARE, en, KTM_STATUS_NOT_SUPERIOR);
	ANSWER(store, KTM_IOC_EN_COMMIT, en, KTM_STATUS_NOT_SUPERIOR);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(store, KTM_NOTIFY_PREPREPARE, en);
	ANSWER(store, KTM_IOC_EN_PREPARE, en, KTM_STATUS_NOT_SUPERIOR);
	ANSWER(store, KTM_IOC_EN_COMMIT, en, KTM_STATUS_NOT_SUPERIOR);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	TAKE_NONE(store);
}

/* Nobody begins a step whose end he would not be told. */
TEST(without_complete)
{
	sup = enlist_superior(boss, tx, KTM_NOTIFY_ROLLBACK, 0);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_RESPONSE_NOT_ENLISTED);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_RESPONSE_NOT_ENLISTED);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_RESPONSE_NOT_ENLISTED);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	TAKE_NONE(store);
}

TEST(only_one)
{
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = SUPERIOR,
				  .flags = KTM_ENLIST_SUPERIOR);

	sup = enlist_superior(boss, tx, SUPERIOR, 0);
	CALL(boss, KTM_IOC_ENLIST, &e, KTM_STATUS_SUPERIOR_EXISTS);
	CALL(store, KTM_IOC_ENLIST, &e, KTM_STATUS_SUPERIOR_EXISTS);
	CHECK_EQ(tx_info(tx).enlistments, 2);
}

/* It could not come back to say what became of what is prepared durably. */
TEST(volatile_on_durable)
{
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = SUPERIOR,
				  .flags = KTM_ENLIST_SUPERIOR);
	int light = rm_create(tm, KTM_RM_VOLATILE);

	CALL(light, KTM_IOC_ENLIST, &e, KTM_STATUS_TM_VOLATILE);
	CHECK_EQ(tx_info(tx).enlistments, 1);
}

/* The client may commit only if the superior wants to be asked. */
TEST(client_cannot_commit)
{
	sup = enlist_superior(boss, tx, SUPERIOR, 0);
	COMMIT(tx, 0, KTM_STATUS_SUPERIOR_EXISTS);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_SUPERIOR_EXISTS);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	TAKE_NONE(store);
	TAKE_NONE(boss);
}

static void asked_by_the_client(void)
{
	sup = enlist_superior(boss, tx, KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_COMMIT_REQUEST |
			      KTM_NOTIFY_COMMIT_COMPLETE | KTM_NOTIFY_PREPARE_COMPLETE, 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(store, KTM_NOTIFY_PREPREPARE, en);
	ANSWER(store, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(store, KTM_NOTIFY_PREPARE, en);
	ANSWER(store, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_COMMIT_REQUEST, sup);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
}

TEST(commit_request)
{
	asked_by_the_client();
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_REQUEST_NOT_VALID);
	COMMIT(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit();
}

TEST(commit_request_refused)
{
	asked_by_the_client();
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	finish_rollback(false);
}

/* A superior answers no participant's notification. */
TEST(no_answers_of_a_participant)
{
	static const unsigned int answers[] = {
		KTM_IOC_PREPREPARE_COMPLETE, KTM_IOC_PREPARE_COMPLETE, KTM_IOC_COMMIT_COMPLETE,
		KTM_IOC_ROLLBACK_COMPLETE, KTM_IOC_READ_ONLY, KTM_IOC_SINGLE_PHASE_REJECT,
	};
	unsigned int i;

	sup = enlist_superior(boss, tx, SUPERIOR, 0);
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		ANSWER(boss, answers[i], sup, KTM_STATUS_NOT_REQUESTED);
	ANSWER(boss, KTM_IOC_REQUEST_OUTCOME, sup, KTM_STATUS_REQUEST_NOT_VALID);
	preprepare();
	prepare();
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		ANSWER(boss, answers[i], sup, KTM_STATUS_NOT_REQUESTED);
	ANSWER(boss, KTM_IOC_REQUEST_OUTCOME, sup, KTM_STATUS_REQUEST_NOT_VALID);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
}

/* Prepared, and tired of waiting: the superior is asked to decide. */
TEST(request_outcome)
{
	sup = enlist_superior(boss, tx, SUPERIOR | KTM_NOTIFY_REQUEST_OUTCOME, 0);
	ANSWER(store, KTM_IOC_REQUEST_OUTCOME, en, KTM_STATUS_REQUEST_NOT_VALID);
	preprepare();
	ANSWER(store, KTM_IOC_REQUEST_OUTCOME, en, KTM_STATUS_REQUEST_NOT_VALID);
	prepare();
	ANSWER(store, KTM_IOC_REQUEST_OUTCOME, en, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_REQUEST_OUTCOME, sup);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit();
}

TEST(can_be_seen)
{
	struct ktm_en_pair pair;
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_TX_SUPERIOR,
				 .buffer = (uintptr_t)&pair, .length = sizeof(pair));
	guid_t b = BOSS_GUID;

	CALL(tx, KTM_IOC_QUERY, &q, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	sup = enlist_superior(boss, tx, SUPERIOR, 0);
	q.length = sizeof(pair);
	CALL(tx, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
	CHECK_EQ(q.length, sizeof(pair));
	CHECK(same(&pair.enlistment, &sup));
	CHECK(same(&pair.rm, &b));
	CHECK_EQ(pair.present, 1);
}

/* While there is one, the client's last close does nothing: somebody else decides. */
TEST(client_closes)
{
	guid_t uow = tx_info(tx).uow;

	sup = enlist_superior(boss, tx, SUPERIOR, 0);
	close(tx);
	TAKE_NONE(store);
	TAKE_NONE(boss);
	tx = tx_open(&uow, KTM_TX_QUERY_INFORMATION);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	preprepare();
	prepare();
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit();
	SHOWS("close transaction-with-a-superior");
}

TEST(closes_before_prepared)
{
	sup = enlist_superior(boss, tx, SUPERIOR, 0);
	preprepare();
	close(boss);
	TAKE(store, KTM_NOTIFY_ROLLBACK, en);
	ANSWER(store, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	SHOWS("close superior-before-prepared");
}

static void boss_is_back(void)
{
	guid_t b = BOSS_GUID;

	boss = rm_open(tm, &b);
	rm_recover(boss);
	TAKE(boss, KTM_NOTIFY_RECOVER_QUERY, sup);
	TAKE(boss, KTM_NOTIFY_LAST_RECOVER, nil);
}

/* In doubt until it is back and says so itself. */
TEST(closes_after_prepared)
{
	struct ktm_answer a = ARG(ktm_answer, .key = 77);

	sup = enlist_superior(boss, tx, SUPERIOR, 0);
	preprepare();
	prepare();
	close(boss);
	TX_BECOMES(tx, KTM_TX_STATE_SUPERIOR_INDOUBT);
	TAKE_NONE(store);
	ROLLBACK(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	SHOWS("close superior-after-prepared");
	boss_is_back();
	a.enlistment = sup;
	CALL(boss, KTM_IOC_EN_RECOVER, &a, KTM_STATUS_PENDING);
	CHECK_EQ(rm_en_info(boss, sup).key, 77);
	TAKE_NONE(boss);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	finish_commit();
}

/* The same with a crash in between: what was prepared is in the log, the outcome is not. */
TEST(asked_after_a_crash)
{
	guid_t uow = tx_info(tx).uow, s = STORE_GUID;
	unsigned char *content;

	sup = enlist_superior(boss, tx, SUPERIOR, 0);
	preprepare();
	prepare();
	content = disk_read(&d);
	close(tx);
	close(boss);
	close(store);
	tm = disk_after_cut(&d, tm, content);
	tx = tx_open(&uow, KTM_TX_ALL_ACCESS);
	TX_IS(tx, KTM_TX_STATE_SUPERIOR_INDOUBT);
	store = rm_open(tm, &s);
	rm_recover_one(store, en);
	TAKE(store, KTM_NOTIFY_INDOUBT, en);
	boss_is_back();
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	TAKE(store, KTM_NOTIFY_ROLLBACK, en);
	ANSWER(store, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
}
