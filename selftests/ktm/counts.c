// SPDX-License-Identifier: GPL-2.0
/*
 * How many transactions a TM has that are unfinished, and how many of them in doubt: kept
 * while they come, go and change, so after each step it must be what a look at all of them
 * would give.
 */
#include <sys/mman.h>

#include "calls.h"
#include "disk.h"

#define TM_GUID		guid_of(930)
#define BOSS_GUID	guid_of(1)
#define STORE_GUID	guid_of(2)
#define BOSS_MASK	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE | \
			 KTM_NOTIFY_ROLLBACK_COMPLETE | KTM_NOTIFY_RECOVER_QUERY | \
			 KTM_NOTIFY_LAST_RECOVER)
#define SINGLE		(EN_MASK | KTM_NOTIFY_PREPREPARE | KTM_NOTIFY_SINGLE_PHASE_COMMIT)

static struct disk d;
static struct flaky f;
static int tm, boss, store, light;

void test_setup(void)
{
	guid_t b = BOSS_GUID, s = STORE_GUID;

	d = disk_make(8 * MIB);
	f = flaky_make(&d);
	journal_format(f.path, TM_GUID);
	tm = tm_online(f.path);
	boss = rm_create_as(tm, 0, &b);
	rm_recover_empty(boss);
	store = rm_create_as(tm, 0, &s);
	rm_recover_empty(store);
	light = rm_create(tm, KTM_RM_VOLATILE);
}

/* A device-mapper device does not go by itself. */
static void tear_down(void)
{
	close(boss);
	close(store);
	close(light);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

#define COUNTS(transactions_, indoubt_)					\
	do {								\
		struct ktm_tm_info __i = tm_info(tm);			\
		CHECK_EQ(__i.transactions, transactions_);		\
		CHECK_EQ(__i.indoubt, indoubt_);			\
	} while (0)

/* Bound when it is made, or by its first enlistment; gone with its outcome or its client. */
TEST(come_and_go)
{
	int a = tx_create(tm), b = tx_create(-1);
	guid_t en;

	COUNTS(1, 0);
	en = enlist(light, b);
	COUNTS(2, 0);
	ROLLBACK(a, 0, KTM_STATUS_SUCCESS);
	COUNTS(1, 0);
	close(a);
	COUNTS(1, 0);
	ROLLBACK(b, 0, KTM_STATUS_PENDING);
	COUNTS(1, 0);
	en_rollback(light, en);
	COUNTS(0, 0);
	close(b);
	COUNTS(0, 0);
	/* Closed by its client it rolls back, and that takes its RM. */
	a = tx_create(tm);
	en = enlist(store, a);
	close(a);
	COUNTS(1, 0);
	en_rollback(store, en);
	COUNTS(0, 0);
	a = tx_create(tm);
	close(a);
	COUNTS(0, 0);
	a = tx_create_timeout(tm, 1000000);
	TX_BECOMES(a, KTM_TX_STATE_ABORTED);
	COUNTS(0, 0);
	close(a);
	tear_down();
}

/* Its first enlistment does not come about: it is nobody's again. */
TEST(not_bound_after_all)
{
	int away = rm_create(tm, 0), other = tm_volatile(), tx = tx_create(-1);
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = EN_MASK);
	unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rm = rm_create(other, KTM_RM_VOLATILE);
	guid_t en;

	CHECK(page != MAP_FAILED);
	CALL(away, KTM_IOC_ENLIST, &e, KTM_STATUS_TM_NOT_ONLINE);
	COUNTS(0, 0);
	/* It can still go to another TM. */
	en = enlist(rm, tx);
	COUNTS(0, 0);
	CHECK_EQ(tm_info(other).transactions, 1);
	ROLLBACK(tx, 0, KTM_STATUS_PENDING);
	en_rollback(rm, en);
	CHECK_EQ(tm_info(other).transactions, 0);
	close(tx);
	/* Retracted, because its RM could not be told of it; the TM has it all the same. */
	e.tx_fd = tx = tx_create(-1);
	memcpy(page, &e, sizeof(e));
	CHECK_EQ(mprotect(page, 4096, PROT_READ), 0);
	CALL_ERRNO(store, KTM_IOC_ENLIST, page, EFAULT);
	COUNTS(1, 0);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	COUNTS(0, 0);
	close(tx);
	close(rm);
	close(other);
	close(away);
	tear_down();
}

TEST(two_phases)
{
	int tx = tx_create(tm);
	guid_t a = enlist(store, tx), b = enlist(light, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	COUNTS(1, 0);
	en_prepare(store, a);
	COUNTS(1, 0);
	en_prepare(light, b);
	en_commit(light, b);
	COUNTS(1, 0);
	en_commit(store, a);
	COUNTS(0, 0);
	close(tx);
	/* Nobody waits for it any more, its RM alone finishes it. */
	tx = tx_create(tm);
	a = enlist(store, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(store, a);
	TAKE(store, KTM_NOTIFY_COMMIT, a);
	close(tx);
	COUNTS(1, 0);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	COUNTS(0, 0);
	tear_down();
}

/* The superior goes when all have voted, and comes back. */
TEST(superior_in_doubt)
{
	int tx = tx_create(tm), n = tx_create(tm);
	guid_t g = BOSS_GUID, sup, en;

	en = enlist(store, tx);
	sup = enlist_superior(boss, tx, BOSS_MASK, 0);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	en_prepare(store, en);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	COUNTS(2, 0);
	close(boss);
	TX_BECOMES(tx, KTM_TX_STATE_SUPERIOR_INDOUBT);
	COUNTS(2, 1);
	close(n);
	COUNTS(1, 1);
	boss = rm_open(tm, &g);
	rm_recover(boss);
	TAKE(boss, KTM_NOTIFY_RECOVER_QUERY, sup);
	TAKE(boss, KTM_NOTIFY_LAST_RECOVER, nil);
	COUNTS(1, 0);
	/* The log knows it so, too. */
	close(tx);
	close(boss);
	close(store);
	close(light);
	COUNTS(1, 1);
	tm_close(tm, f.path);
	tm = tm_online(f.path);
	COUNTS(1, 1);
	boss = rm_open(tm, &g);
	rm_recover(boss);
	TAKE(boss, KTM_NOTIFY_RECOVER_QUERY, sup);
	TAKE(boss, KTM_NOTIFY_LAST_RECOVER, nil);
	COUNTS(1, 0);
	ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	COUNTS(1, 0);
	g = STORE_GUID;
	store = rm_open(tm, &g);
	rm_recover_one(store, en);
	en_rollback(store, en);
	COUNTS(1, 0);
	en_rollback(boss, sup);
	TAKE(boss, KTM_NOTIFY_ROLLBACK_COMPLETE, sup);
	COUNTS(0, 0);
	light = rm_create(tm, KTM_RM_VOLATILE);
	tear_down();
}

/* Who alone decides has gone without a word. */
TEST(single_phase_in_doubt)
{
	int tx = tx_create(tm);
	guid_t g = STORE_GUID, en = enlist_mask(store, tx, SINGLE, 0);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	COUNTS(1, 0);
	close(store);
	COUNTS(1, 1);
	store = rm_open(tm, &g);
	rm_recover_one(store, en);
	TAKE(store, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
	COUNTS(1, 0);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	COUNTS(0, 0);
	close(tx);
	/* A volatile one never comes back: it stays in doubt until its client goes. */
	tx = tx_create(tm);
	enlist_mask(light, tx, SINGLE, 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	close(light);
	TX_BECOMES(tx, KTM_TX_STATE_SINGLE_PHASE_INDOUBT);
	COUNTS(1, 1);
	close(tx);
	COUNTS(0, 0);
	light = rm_create(tm, KTM_RM_VOLATILE);
	tear_down();
}

static void log_fails(void)
{
	int tx = tx_create(tm);
	guid_t en = enlist(store, tx);
	pid_t client = commit_in_child(tx, KTM_STATUS_INDOUBT);

	TAKE(store, KTM_NOTIFY_PREPARE, en);
	flaky_set(&f, FAIL_WRITES);
	ANSWER(store, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	test_join(client);
	close(tx);
	tm_failed(tm);
}

/* Its log fails and is opened again: what was in doubt is settled, what is not in it is done again. */
TEST(reopening)
{
	int tx = tx_create(tm), idle = tx_create(tm), busy = tx_create(tm);
	guid_t en = enlist(store, tx);

	enlist(store, busy);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(store, en);
	en_commit(store, en);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	/* That it has finished is in memory only. */
	COUNTS(2, 0);
	log_fails();
	COUNTS(3, 1);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	/* The one in doubt was never decided; @busy was ended; @tx is to be finished again. */
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	TX_IS(busy, KTM_TX_STATE_ABORTED);
	COUNTS(1 + (tx_info(idle).state == KTM_TX_STATE_ACTIVE), 0);
	rm_recover_one(store, en);
	en_commit(store, en);
	COUNTS(tx_info(idle).state == KTM_TX_STATE_ACTIVE, 0);
	close(idle);
	close(busy);
	close(tx);
	COUNTS(0, 0);
	tear_down();
}

/* Opened anew: what the log has left of them. */
TEST(from_the_log)
{
	int tx = tx_create(tm);
	guid_t g = STORE_GUID, en = enlist(store, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(store, en);
	TAKE(store, KTM_NOTIFY_COMMIT, en);
	close(tx);
	close(boss);
	close(store);
	close(light);
	COUNTS(1, 0);
	tm_close(tm, f.path);
	tm = tm_online(f.path);
	COUNTS(1, 0);
	store = rm_open(tm, &g);
	rm_recover_one(store, en);
	en_commit(store, en);
	COUNTS(0, 0);
	g = BOSS_GUID;
	boss = rm_open(tm, &g);
	light = rm_create(tm, KTM_RM_VOLATILE);
	tear_down();
}
