// SPDX-License-Identifier: GPL-2.0
/*
 * Restart areas of a running log: it goes round as often as it likes without
 * being opened again, and what lives is carried along.
 */
#include "calls.h"
#include "disk.h"

#define TM_GUID		guid_of(900)
#define SUPERIOR	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
			 KTM_NOTIFY_PREPARE_COMPLETE | \
			 KTM_NOTIFY_COMMIT_COMPLETE | KTM_NOTIFY_ROLLBACK_COMPLETE | \
			 KTM_NOTIFY_RECOVER_QUERY | KTM_NOTIFY_LAST_RECOVER)

/* The RMs: one whose work only makes the log go round, the others'. */
enum { FILLER = 1, FIRST, SECOND, BOSS };

static struct disk d;
static struct flaky f;
static int tm, filler;

void test_setup(void)
{
	d = disk_make(MIB);
	f = flaky_make(&d);
	journal_format(f.path, TM_GUID);
	tm = tm_online(f.path);
	filler = rm_online(tm, FILLER);
}

static void tear_down(void)
{
	tm_close(tm, f.path);
	flaky_remove(&f);
}

static void commit_filler(void)
{
	int tx = tx_create(tm);

	commit_one(filler, tx);
	close(tx);
}

/* So many times round the ring, without an opening. */
static void go_round(unsigned int times)
{
	struct ktm_tm_space before = tm_space(tm), now;

	do {
		commit_filler();
		now = tm_space(tm);
		CHECK(now.tail_lsn <= now.restart_lsn && now.restart_lsn <= now.next_lsn);
		CHECK(now.next_lsn - now.tail_lsn <= now.bytes);
	} while (now.next_lsn < before.next_lsn + times * now.bytes);
	CHECK(now.restarts >= before.restarts + times);
	CHECK(now.restart_lsn > before.next_lsn);
}

/* The machine was cut off when the disk held that, and comes back. */
static void cut(unsigned char *content)
{
	close(filler);
	tm_close(tm, f.path);
	flaky_remove(&f);
	disk_write(&d, 0, content, d.bytes);
	free(content);
	f = flaky_make(&d);
	tm = tm_online(f.path);
}

static int rm_back(unsigned int n)
{
	guid_t g = guid_of(n);
	int rm = rm_open(tm, &g);

	rm_recover(rm);
	return rm;
}

/* After RM_RECOVER: an RM whose last commit the log need not have heard the end of. */
static void finish_the_last(int rm)
{
	struct ktm_notification n = take(rm), end = n;

	if (n.kind == KTM_NOTIFY_RECOVER) {
		end = take(rm);
		en_recover(rm, n.enlistment, 1);
		en_commit(rm, n.enlistment);
	}
	CHECK_EQ(end.kind, KTM_NOTIFY_LAST_RECOVER);
	CHECK_EQ(rm_info(rm).enlistments, 0);
}

TEST(round_and_round)
{
	struct ktm_tm_space s = tm_space(tm);

	CHECK_EQ(s.restarts, 0);
	CHECK_EQ(s.bytes, tm_info(tm).log_size);
	CHECK_EQ(s.quotas, 0);
	CHECK(s.live > 0 && s.live < s.live_limit);
	go_round(4);
	CHECK_EQ(tm_info(tm).transactions, 0);
	CHECK_EQ(tm_space(tm).reserved, 0);
	printf("# %llu restart areas\n", (unsigned long long)tm_space(tm).restarts);
	cut(flaky_read(&f));
	filler = rm_back(FILLER);
	finish_the_last(filler);
	CHECK_EQ(tm_info(tm).transactions, 0);
	close(filler);
	tear_down();
}

static void vote(int rm, guid_t en, const char *information)
{
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en,
				  .information = (uintptr_t)information,
				  .information_length = strlen(information));

	CALL(rm, KTM_IOC_PREPARE_COMPLETE, &a, KTM_STATUS_SUCCESS);
}

static void information_is(int rm, guid_t en, const char *want)
{
	char got[32] = "";
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_EN_RECOVERY, .guid = en,
				 .buffer = (uintptr_t)got, .length = sizeof(got) - 1);

	CALL(rm, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
	CHECK_EQ(strcmp(got, want), 0);
}

/*
 * Everything a log can know of a transaction lives through three times round: votes of a
 * transaction that has no outcome yet, a decision nobody has carried out, one that one of two
 * has, and a superior's.
 */
TEST(what_lives_is_carried_along)
{
	int first = rm_online(tm, FIRST), second = rm_online(tm, SECOND), boss = rm_online(tm, BOSS);
	guid_t voted[2], decided[2], half[2], sealed, sup;
	unsigned char *content;
	int tx[4], i;

	for (i = 0; i < 4; i++)
		tx[i] = tx_create(tm);
	voted[0] = enlist(first, tx[0]);
	voted[1] = enlist(second, tx[0]);
	decided[0] = enlist(first, tx[1]);
	decided[1] = enlist(second, tx[1]);
	half[0] = enlist(first, tx[2]);
	half[1] = enlist(second, tx[2]);
	sealed = enlist(first, tx[3]);
	sup = enlist_superior(boss, tx[3], SUPERIOR, 7);

	COMMIT(tx[0], 0, KTM_STATUS_PENDING);
	TAKE(first, KTM_NOTIFY_PREPARE, voted[0]);
	vote(first, voted[0], "voted");
	TAKE(second, KTM_NOTIFY_PREPARE, voted[1]);

	COMMIT(tx[1], 0, KTM_STATUS_PENDING);
	TAKE(first, KTM_NOTIFY_PREPARE, decided[0]);
	TAKE(second, KTM_NOTIFY_PREPARE, decided[1]);
	vote(first, decided[0], "decided, first");
	vote(second, decided[1], "decided, second");
	TAKE(first, KTM_NOTIFY_COMMIT, decided[0]);
	TAKE(second, KTM_NOTIFY_COMMIT, decided[1]);

	COMMIT(tx[2], 0, KTM_STATUS_PENDING);
	en_prepare(first, half[0]);
	en_prepare(second, half[1]);
	en_commit(first, half[0]);
	TAKE(second, KTM_NOTIFY_COMMIT, half[1]);

	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	TAKE(first, KTM_NOTIFY_PREPARE, sealed);
	vote(first, sealed, "sealed");
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);

	go_round(3);
	/* As long as something is open the TM stays; what that writes is undone by the cut. */
	content = flaky_read(&f);
	for (i = 0; i < 4; i++)
		close(tx[i]);
	close(first);
	close(second);
	close(boss);
	cut(content);

	filler = rm_back(FILLER);
	finish_the_last(filler);
	close(filler);
	CHECK_EQ(tm_info(tm).transactions, 4);
	second = rm_back(SECOND);
	for (i = 0; i < 2; i++) {
		struct ktm_notification n = take(second);

		CHECK_EQ(n.kind, KTM_NOTIFY_RECOVER);
		CHECK(same(&n.enlistment, &decided[1]) || same(&n.enlistment, &half[1]));
		en_recover(second, n.enlistment, 1);
	}
	TAKE(second, KTM_NOTIFY_LAST_RECOVER, nil);
	for (i = 0; i < 2; i++) {
		struct ktm_notification n = take(second);

		CHECK_EQ(n.kind, KTM_NOTIFY_COMMIT);
		ANSWER(second, KTM_IOC_COMMIT_COMPLETE, n.enlistment, KTM_STATUS_SUCCESS);
	}
	first = rm_back(FIRST);
	for (i = 0; i < 3; i++)
		CHECK_EQ(take(first).kind, KTM_NOTIFY_RECOVER);
	TAKE(first, KTM_NOTIFY_LAST_RECOVER, nil);
	information_is(first, voted[0], "voted");
	information_is(first, decided[0], "decided, first");
	information_is(first, sealed, "sealed");
	en_recover(first, voted[0], 1);
	TAKE(first, KTM_NOTIFY_ROLLBACK, voted[0]);
	ANSWER(first, KTM_IOC_ROLLBACK_COMPLETE, voted[0], KTM_STATUS_SUCCESS);
	en_recover(first, decided[0], 1);
	TAKE(first, KTM_NOTIFY_COMMIT, decided[0]);
	ANSWER(first, KTM_IOC_COMMIT_COMPLETE, decided[0], KTM_STATUS_SUCCESS);
	en_recover(first, sealed, 1);
	TAKE(first, KTM_NOTIFY_INDOUBT, sealed);

	boss = rm_back(BOSS);
	TAKE(boss, KTM_NOTIFY_RECOVER_QUERY, sup);
	TAKE(boss, KTM_NOTIFY_LAST_RECOVER, nil);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	TAKE(first, KTM_NOTIFY_COMMIT, sealed);
	ANSWER(first, KTM_IOC_COMMIT_COMPLETE, sealed, KTM_STATUS_SUCCESS);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	close(boss);
	close(first);
	close(second);
	tear_down();
}

/* Field 12 of the device's statistics: discards that have ended. */
static unsigned long discards(const char *path)
{
	unsigned long value = 0;
	char name[128];
	FILE *stat;
	int i;

	snprintf(name, sizeof(name), "/sys/block/%s/stat", strrchr(path, '/') + 1);
	stat = fopen(name, "r");
	CHECK(stat);
	for (i = 0; i < 12; i++)
		CHECK_EQ(fscanf(stat, "%lu", &value), 1);
	fclose(stat);
	return value;
}

/* If asked to, the device hears of what is not needed; what is needed stays. */
TEST(freed_space_is_discarded)
{
	struct ktm_tm_create c = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS,
				     .flags = KTM_TM_DISCARD);
	int first = rm_online(tm, FIRST), tx = tx_create(tm);
	guid_t en = enlist(first, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(first, KTM_NOTIFY_PREPARE, en);
	vote(first, en, "kept");
	TAKE(first, KTM_NOTIFY_COMMIT, en);
	go_round(1);
	CHECK_EQ(discards(d.path), 0);
	close(tx);
	close(first);
	close(filler);
	tear_down();

	c.device_fd = disk_open(d.path);
	CALL(dev(), KTM_IOC_TM_CREATE, &c, KTM_STATUS_SUCCESS);
	close(c.device_fd);
	tm = c.fd;
	tm_recover(tm);
	CHECK_EQ(tm_info(tm).flags, KTM_TM_DISCARD);
	filler = rm_back(FILLER);
	finish_the_last(filler);
	go_round(2);
	CHECK(discards(d.path) > 0);
	close(filler);
	tm_close(tm, d.path);

	tm = tm_online(d.path);
	first = rm_back(FIRST);
	TAKE(first, KTM_NOTIFY_RECOVER, en);
	TAKE(first, KTM_NOTIFY_LAST_RECOVER, nil);
	information_is(first, en, "kept");
	close(first);
	tm_close(tm, d.path);
}

/* While the log goes round, others commit, and nobody waits for it. */
static void client(void *unused)
{
	int rm = rm_create(tm, 0), tx, i;

	(void)unused;
	rm_recover_empty(rm);
	for (i = 0; i < 60; i++) {
		tx = tx_create(tm);
		commit_one(rm, tx);
		close(tx);
	}
}

TEST(commits_go_on_meanwhile)
{
	pid_t pids[4];
	int i;

	for (i = 0; i < 4; i++)
		pids[i] = test_spawn(client, NULL);
	go_round(3);
	for (i = 0; i < 4; i++)
		test_join(pids[i]);
	CHECK_EQ(tm_info(tm).transactions, 0);
	cut(flaky_read(&f));
	CHECK(tm_info(tm).transactions <= 5);
	CHECK_EQ(tm_info(tm).rms, 5);
	tear_down();
}

/* Its transaction in doubt has ended one way or the other. */
static void recover_filler(guid_t last, int tx)
{
	struct ktm_notification n;

	rm_recover(filler);
	for (n = take(filler); n.kind == KTM_NOTIFY_RECOVER; n = take(filler)) {
		/* The one before it may be told of again. */
		en_recover(filler, n.enlistment, 1);
	}
	CHECK_EQ(n.kind, KTM_NOTIFY_LAST_RECOVER);
	while (poll_now(filler) & POLLIN) {
		n = take(filler);
		CHECK(n.kind == KTM_NOTIFY_COMMIT || same(&n.enlistment, &last));
		ANSWER(filler, n.kind == KTM_NOTIFY_COMMIT ? KTM_IOC_COMMIT_COMPLETE :
		       KTM_IOC_ROLLBACK_COMPLETE, n.enlistment, KTM_STATUS_SUCCESS);
	}
	WAIT(tx, KTM_STATUS_SUCCESS);
}

/* Who is refused by a log that has just failed may know it before the TM does. */
static void until_failed(void)
{
	const struct deadline end = deadline_in(PATIENCE);

	while (tm_info(tm).state != KTM_TM_STATE_FAILED) {
		if (deadline_passed(&end))
			FAIL("the TM does not fail");
		nap();
	}
}

/*
 * The device fails, at another moment each time, while the log goes round: the TM is
 * offline, and reopened on the same object it knows what it knew.
 */
TEST(device_fails_while_it_goes_round)
{
	int first = rm_online(tm, FIRST), tx, i;
	guid_t en;

	tx = tx_create(tm);
	en = enlist(first, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(first, en);
	TAKE(first, KTM_NOTIFY_COMMIT, en);
	for (i = 0; i < 12; i++) {
		struct ktm_answer a;
		guid_t last;
		int k, other;

		/* From just before the log asks for a restart area to well behind that. */
		go_round(1);
		for (k = 0; k < 4 * i; k++)
			commit_filler();
		other = tx_create(tm);
		last = enlist(filler, other);
		COMMIT(other, 0, KTM_STATUS_PENDING);
		TAKE(filler, KTM_NOTIFY_PREPARE, last);
		flaky_set(&f, i % 2 ? FAIL_WRITES : FAIL_FLUSHES);
		/* A restart area may have met it before the vote can. */
		a = ARG(ktm_answer, .enlistment = last);
		if (test_try(filler, KTM_IOC_PREPARE_COMPLETE, &a) == KTM_STATUS_SUCCESS &&
		    /* Or between the vote and the decision, which the log then has not taken. */
		    tx_info(other).state != KTM_TX_STATE_ABORTING)
			WAIT(other, KTM_STATUS_INDOUBT);
		until_failed();
		flaky_set(&f, NO_TROUBLE);
		tm_recover(tm);
		recover_filler(last, other);
		close(other);
	}
	rm_recover(first);
	TAKE(first, KTM_NOTIFY_RECOVER, en);
	TAKE(first, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(first, en, 1);
	TAKE(first, KTM_NOTIFY_COMMIT, en);
	ANSWER(first, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	WAIT(tx, KTM_STATUS_SUCCESS);
	close(first);
	close(tx);
	close(filler);
	tear_down();
}
