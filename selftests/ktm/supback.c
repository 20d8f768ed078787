// SPDX-License-Identifier: GPL-2.0
/*
 * Superiors that come back, and what they find: after SIGKILL, together with those below
 * them in either order, and after the TM was closed and opened again. What of it the log
 * keeps: the abort of what was prepared, and the superior's own recovery information.
 */
#include "calls.h"
#include "disk.h"

#define BOSS	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
		 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE | \
		 KTM_NOTIFY_ROLLBACK_COMPLETE | KTM_NOTIFY_RECOVER_QUERY | \
		 KTM_NOTIFY_LAST_RECOVER | KTM_NOTIFY_REQUEST_OUTCOME)
#define MANY	(EN_MASK | KTM_NOTIFY_PREPREPARE)

#define BOSS_GUID	guid_of(1)
#define STORE_GUID	guid_of(2)
#define BOSS_KEY	40
#define STORE_KEY	50

/* How far the commit has come. */
enum step {
	PREPARED,		/* durably, and the superior has read that */
	DECIDED,		/* the superior has committed; COMMIT is out */
	FINISHED,		/* by all below; the superior has not read that */
	READ,
};

static const char *const step_names[] = {
	"when prepared", "when decided", "when all have finished",
	"when the superior has read that",
};

static struct disk d;
static int tm, tx, look, boss, store, light;
static guid_t sup, en, volatile_en;

static int rm_again(guid_t g)
{
	struct ktm_open o = ARG(ktm_open, .access = KTM_RM_ALL_ACCESS, .guid = g);
	unsigned int status = test_try(tm, KTM_IOC_RM_OPEN, &o);

	test_shows(KTM_IOC_RM_OPEN, status);
	if (status == KTM_STATUS_RM_NOT_FOUND)
		return rm_create_as(tm, 0, &g);
	CHECK_EQ(status, KTM_STATUS_SUCCESS);
	return o.fd;
}

static void enlist_all(void)
{
	tx = tx_create(tm);
	look = narrow(tx, KTM_TX_QUERY_INFORMATION);
	en = enlist_mask(store, tx, MANY, STORE_KEY);
	volatile_en = enlist(light, tx);
	sup = enlist_superior(boss, tx, BOSS, BOSS_KEY);
}

/* A durable superior over a durable participant and a volatile one. */
void test_setup(void)
{
	d = disk_make(8 * MIB);
	journal_format(d.path, guid_of(900));
	tm = tm_online(d.path);
	boss = rm_again(BOSS_GUID);
	rm_recover_empty(boss);
	store = rm_again(STORE_GUID);
	rm_recover_empty(store);
	light = rm_create(tm, KTM_RM_VOLATILE);
}

static void close_all(void)
{
	close(tx);
	close(look);
	close(boss);
	close(store);
	close(light);
}

static void store_votes(void)
{
	ANSWER(store, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
}

static void advance(enum step to)
{
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TAKE(store, KTM_NOTIFY_PREPREPARE, en);
	ANSWER(store, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	TAKE(light, KTM_NOTIFY_PREPARE, volatile_en);
	ANSWER(light, KTM_IOC_PREPARE_COMPLETE, volatile_en, KTM_STATUS_SUCCESS);
	TAKE(store, KTM_NOTIFY_PREPARE, en);
	store_votes();
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	TX_IS(tx, KTM_TX_STATE_PREPARED);
	if (to >= DECIDED) {
		ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
		TAKE(store, KTM_NOTIFY_COMMIT, en);
		TAKE(light, KTM_NOTIFY_COMMIT, volatile_en);
		ANSWER(light, KTM_IOC_COMMIT_COMPLETE, volatile_en, KTM_STATUS_SUCCESS);
	}
	if (to >= FINISHED)
		ANSWER(store, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	if (to >= READ) {
		TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
		TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	}
}

/* RM_RECOVER, and exactly this one notification (0: none) before LAST_RECOVER. */
static int back(guid_t g, unsigned int kind, guid_t which, uint64_t key)
{
	int rm = rm_again(g);
	struct ktm_notification n;

	rm_recover(rm);
	if (kind) {
		n = take(rm);
		CHECK_EQ(n.kind, kind);
		CHECK(same(&n.enlistment, &which));
		CHECK_EQ(n.key, key);
		test_shows_notification(kind);
	}
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	TAKE_NONE(rm);
	return rm;
}

static void below_commit(void)
{
	TAKE(store, KTM_NOTIFY_COMMIT, en);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
}

static void below_roll_back(void)
{
	TAKE(store, KTM_NOTIFY_ROLLBACK, en);
	ANSWER(store, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
}

static void light_rolls_back(void)
{
	TAKE(light, KTM_NOTIFY_ROLLBACK, volatile_en);
	ANSWER(light, KTM_IOC_ROLLBACK_COMPLETE, volatile_en, KTM_STATUS_SUCCESS);
}

/* Not prepared yet: everything is rolled back, and it finds nothing when it is back. */
static void superior_was_early(void)
{
	below_roll_back();
	light_rolls_back();
	TX_BECOMES(look, KTM_TX_STATE_ABORTED);
	boss = back(BOSS_GUID, 0, nil, 0);
	ANSWER(boss, KTM_IOC_EN_RECOVER, sup, KTM_STATUS_ENLISTMENT_NOT_FOUND);
}

/* It decides when it is back, as if it had never been away. */
static void superior_left_all_prepared(void)
{
	TX_IS(look, KTM_TX_STATE_SUPERIOR_INDOUBT);
	WAIT(look, KTM_STATUS_INDOUBT);
	CHECK_EQ(tm_info(tm).indoubt, 1);
	TAKE_NONE(store);
	TAKE_NONE(light);
	boss = back(BOSS_GUID, KTM_NOTIFY_RECOVER_QUERY, sup, BOSS_KEY);
	TX_IS(look, KTM_TX_STATE_PREPARED);
	CHECK_EQ(tm_info(tm).indoubt, 0);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	below_commit();
	TAKE(light, KTM_NOTIFY_COMMIT, volatile_en);
	ANSWER(light, KTM_IOC_COMMIT_COMPLETE, volatile_en, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_BECOMES(look, KTM_TX_STATE_COMMITTED);
}

static void dying_superior(void *data)
{
	boss = rm_again(BOSS_GUID);
	rm_recover_empty(boss);
	sup = enlist_superior(boss, tx, BOSS, BOSS_KEY);
	memcpy((void *)shared_word, &sup, sizeof(sup));
	go(1);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	go(2);
	if (*(bool *)data)
		TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	go(3);
	pause();
}

/* SIGKILL: before all have prepared, and after. */
static void superior_dies(bool prepared)
{
	pid_t pid;

	close(boss);
	tx = tx_create(tm);
	look = narrow(tx, KTM_TX_QUERY_INFORMATION);
	en = enlist_mask(store, tx, MANY, STORE_KEY);
	volatile_en = enlist(light, tx);
	pid = test_spawn(dying_superior, &prepared);
	meet(1);
	memcpy(&sup, (void *)shared_word, sizeof(sup));
	TAKE(store, KTM_NOTIFY_PREPREPARE, en);
	ANSWER(store, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	meet(2);
	TAKE(light, KTM_NOTIFY_PREPARE, volatile_en);
	ANSWER(light, KTM_IOC_PREPARE_COMPLETE, volatile_en, KTM_STATUS_SUCCESS);
	TAKE(store, KTM_NOTIFY_PREPARE, en);
	if (prepared)
		store_votes();
	meet(3);
	test_kill(pid);
	if (prepared)
		superior_left_all_prepared();
	else
		superior_was_early();
}

TEST(superior_dies_before_it_is_prepared)
{
	superior_dies(false);
}

TEST(superior_dies_prepared)
{
	superior_dies(true);
}

/* Both are away; the participant is back first, then the superior, and the other way round. */
static void both_close(bool superior_first)
{
	enlist_all();
	advance(PREPARED);
	close(boss);
	close(store);
	TX_IS(look, KTM_TX_STATE_SUPERIOR_INDOUBT);
	if (superior_first)
		boss = back(BOSS_GUID, KTM_NOTIFY_RECOVER_QUERY, sup, BOSS_KEY);
	store = back(STORE_GUID, KTM_NOTIFY_RECOVER, en, STORE_KEY);
	en_recover(store, en, 0);
	TAKE(store, KTM_NOTIFY_INDOUBT, en);
	/* Nobody is there who could be asked, or he is asked. */
	ANSWER(store, KTM_IOC_REQUEST_OUTCOME, en, KTM_STATUS_SUCCESS);
	if (superior_first)
		TAKE(boss, KTM_NOTIFY_REQUEST_OUTCOME, sup);
	else
		boss = back(BOSS_GUID, KTM_NOTIFY_RECOVER_QUERY, sup, BOSS_KEY);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	below_roll_back();
	light_rolls_back();
	TAKE(boss, KTM_NOTIFY_ROLLBACK, sup);
	ANSWER(boss, KTM_IOC_ROLLBACK_COMPLETE, sup, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);
	TX_BECOMES(look, KTM_TX_STATE_ABORTED);
}

TEST(both_close_prepared)
{
	both_close(true);
	both_close(false);
}

/* ---- what the log keeps ---- */

/* The abort of what was sealed is durable with the next force: nobody is asked again. */
TEST(power_cut_after_a_rollback)
{
	unsigned char *cut;
	guid_t other;

	enlist_all();
	advance(PREPARED);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	light_rolls_back();
	TAKE(boss, KTM_NOTIFY_ROLLBACK, sup);
	TAKE(store, KTM_NOTIFY_ROLLBACK, en);
	ANSWER(boss, KTM_IOC_ROLLBACK_COMPLETE, sup, KTM_STATUS_SUCCESS);
	close(tx);
	tx = tx_create(tm);
	other = enlist(store, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(store, KTM_NOTIFY_PREPARE, other);
	ANSWER(store, KTM_IOC_PREPARE_COMPLETE, other, KTM_STATUS_SUCCESS);
	TAKE(store, KTM_NOTIFY_COMMIT, other);
	cut = disk_read(&d);
	close_all();
	tm = disk_after_cut(&d, tm, cut);
	CHECK_EQ(tm_info(tm).indoubt, 0);
	boss = back(BOSS_GUID, 0, nil, 0);
	store = rm_again(STORE_GUID);
	rm_recover(store);
	CHECK_EQ(take(store).kind, KTM_NOTIFY_RECOVER);
	CHECK_EQ(take(store).kind, KTM_NOTIFY_RECOVER);
	TAKE(store, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(store, en, 0);
	below_roll_back();
	en_recover(store, other, 0);
	TAKE(store, KTM_NOTIFY_COMMIT, other);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, other, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).transactions, 0);
}

/*
 * All is closed and opened again, without a cut: what has been written is there. The
 * superior that has not read of the end is told of it once, and then never again.
 */
static void tm_closes(enum step at)
{
	printf("# the TM is closed %s\n", step_names[at]);
	enlist_all();
	advance(at);
	close_all();
	tm_close(tm, d.path);
	tm = tm_online(d.path);
	light = rm_create(tm, KTM_RM_VOLATILE);
	if (at == FINISHED) {
		store = back(STORE_GUID, 0, nil, 0);
		boss = back(BOSS_GUID, KTM_NOTIFY_COMMIT_COMPLETE, sup, BOSS_KEY);
	} else if (at == READ) {
		store = back(STORE_GUID, 0, nil, 0);
		boss = back(BOSS_GUID, 0, nil, 0);
	} else {
		/* One that is back is waited for. */
		store = back(STORE_GUID, KTM_NOTIFY_RECOVER, en, STORE_KEY);
		en_recover(store, en, 0);
		boss = back(BOSS_GUID, 0, nil, 0);
		below_commit();
		TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	}
	CHECK_EQ(tm_info(tm).transactions, 0);
	ANSWER(boss, KTM_IOC_EN_RECOVER, sup, KTM_STATUS_ENLISTMENT_NOT_FOUND);
}

TEST(tm_closes_decided)
{
	tm_closes(DECIDED);
	tm_closes(FINISHED);
	tm_closes(READ);
}

TEST(its_information_is_logged)
{
	static const char text[] = "coordinator at node 7";
	char got[64] = "";
	struct ktm_set s = ARG(ktm_set, .info_class = KTM_INFO_EN_RECOVERY,
			       .buffer = (uintptr_t)text, .length = sizeof(text));
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_EN_RECOVERY,
				 .buffer = (uintptr_t)got, .length = sizeof(got));
	unsigned char *cut;

	enlist_all();
	s.guid = sup;
	CALL(boss, KTM_IOC_SET, &s, KTM_STATUS_SUCCESS);
	advance(PREPARED);
	CALL(boss, KTM_IOC_SET, &s, KTM_STATUS_REQUEST_NOT_VALID);
	cut = disk_read(&d);
	close_all();
	tm = disk_after_cut(&d, tm, cut);
	boss = back(BOSS_GUID, KTM_NOTIFY_RECOVER_QUERY, sup, BOSS_KEY);
	q.guid = sup;
	CALL(boss, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
	CHECK_EQ(q.length, sizeof(text));
	CHECK(!memcmp(got, text, sizeof(text)));
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
}
