// SPDX-License-Identifier: GPL-2.0
/*
 * The smallest journal there is: work is refused before it has voted, never after.
 */
#include <sys/resource.h>
#include <sys/socket.h>

#include "calls.h"
#include "disk.h"
#include "streams.h"

#define MANY	4000

static struct disk d;
static int tm, rm;

void test_setup(void)
{
	const struct rlimit files = { 2 * MANY, 2 * MANY };

	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	d = disk_make(journal_smallest());
	journal_format(d.path, guid_of(1));
	tm = tm_online(d.path);
	rm = rm_create(tm, 0);
	rm_recover_empty(rm);
}

static unsigned int try_enlist(int tx, guid_t *en)
{
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = EN_MASK);
	unsigned int status = test_try(rm, KTM_IOC_ENLIST, &e);

	test_shows(KTM_IOC_ENLIST, status);
	*en = e.guid;
	return status;
}

static void inform(int of, guid_t en, unsigned int length, unsigned int want)
{
	static unsigned char information[KTM_MAX_RECOVERY_INFORMATION];
	struct ktm_set s = ARG(ktm_set, .info_class = KTM_INFO_EN_RECOVERY, .guid = en,
			       .length = length, .buffer = (uintptr_t)information);

	CALL(of, KTM_IOC_SET, &s, want);
}

static unsigned int try_prepare(guid_t en, const void *information, unsigned int length)
{
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en,
				  .information = (uintptr_t)information,
				  .information_length = length);
	unsigned int status = test_try(rm, KTM_IOC_PREPARE_COMPLETE, &a);

	test_shows(KTM_IOC_PREPARE_COMPLETE, status);
	return status;
}

/*
 * Transactions with one enlistment until no more fits; all that were let in can
 * commit, with the log as full as it can be, and when they have, others may come.
 */
TEST(refused_at_enlistment)
{
	static int tx[MANY];
	static guid_t en[MANY];
	unsigned int n, i, status;

	for (n = 0; n < MANY; n++) {
		tx[n] = tx_create(tm);
		status = try_enlist(tx[n], &en[n]);
		if (status != KTM_STATUS_SUCCESS)
			break;
	}
	CHECK(n > 0 && n < MANY);
	CHECK_EQ(status, KTM_STATUS_LOG_FULL);
	CHECK_EQ(tx_info(tx[n]).enlistments, 0);
	TX_IS(tx[n], KTM_TX_STATE_ACTIVE);
	printf("# %u transactions fit\n", n);

	for (i = 0; i < n; i++)
		COMMIT(tx[i], 0, KTM_STATUS_PENDING);
	for (i = 0; i < n; i++) {
		TAKE(rm, KTM_NOTIFY_PREPARE, en[i]);
		CHECK_EQ(try_prepare(en[i], NULL, 0), KTM_STATUS_SUCCESS);
	}
	for (i = 0; i < n; i++) {
		struct ktm_notification note = take(rm);

		CHECK_EQ(note.kind, KTM_NOTIFY_COMMIT);
		ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, note.enlistment, KTM_STATUS_SUCCESS);
	}
	for (i = 0; i < n; i++)
		TX_IS(tx[i], KTM_TX_STATE_COMMITTED);
}

/* Recovery information that does not fit: not voted, and a rollback still works. */
TEST(refused_at_the_vote)
{
	static unsigned char information[KTM_MAX_RECOVERY_INFORMATION];
	static guid_t en[MANY];
	unsigned int n, i, k, status = KTM_STATUS_SUCCESS;
	int tx = tx_create(tm);

	for (n = 0; n < MANY; n++)
		if (try_enlist(tx, &en[n]) != KTM_STATUS_SUCCESS)
			break;
	CHECK(n > 1);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	for (i = 0; i < n; i++)
		TAKE(rm, KTM_NOTIFY_PREPARE, en[i]);
	for (i = 0; i < n; i++) {
		status = try_prepare(en[i], information, sizeof(information));
		if (status != KTM_STATUS_SUCCESS)
			break;
	}
	CHECK_EQ(status, KTM_STATUS_LOG_FULL);
	CHECK(i < n);
	EN_IS(rm, en[i], KTM_EN_STATE_PREPARING);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	printf("# %u of %u could vote\n", i, n);
	ANSWER(rm, KTM_IOC_EN_ROLLBACK, en[i], KTM_STATUS_SUCCESS);
	for (k = 0; k < n; k++) {
		struct ktm_notification note = take(rm);

		CHECK_EQ(note.kind, KTM_NOTIFY_ROLLBACK);
		ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, note.enlistment, KTM_STATUS_SUCCESS);
	}
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	/* What it took is free again. */
	tx = tx_create(tm);
	commit_one(rm, tx);
}

static guid_t superior(int boss, int tx)
{
	return enlist_superior(boss, tx, KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE |
			       KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE, 0);
}

/* A superior's information is kept when all others have voted: it has its room before. */
TEST(superior_refused_before_the_votes)
{
	static guid_t other[MANY];
	static int others[MANY];
	int boss = rm_online(tm, 2), tx = tx_create(tm), small = tx_create(tm);
	guid_t en[2], sup[2];
	unsigned int n, i;

	CHECK_EQ(try_enlist(tx, &en[0]), KTM_STATUS_SUCCESS);
	CHECK_EQ(try_enlist(small, &en[1]), KTM_STATUS_SUCCESS);
	sup[0] = superior(boss, tx);
	sup[1] = superior(boss, small);
	inform(boss, sup[0], KTM_MAX_RECOVERY_INFORMATION, KTM_STATUS_SUCCESS);
	for (n = 0; n < MANY; n++) {
		others[n] = tx_create(tm);
		if (try_enlist(others[n], &other[n]) != KTM_STATUS_SUCCESS)
			break;
	}
	CHECK(n < MANY);
	inform(boss, sup[1], KTM_MAX_RECOVERY_INFORMATION, KTM_STATUS_LOG_FULL);
	/* In a log that has room for this, and for nothing else. */
	commit_under(boss, sup[0], rm, en[0]);
	commit_under(boss, sup[1], rm, en[1]);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	TX_IS(small, KTM_TX_STATE_COMMITTED);
	close(others[n]);
	for (i = 0; i < n; i++) {
		close(others[i]);
		en_rollback(rm, other[i]);
	}
}

#define SHARE_FILE	"/sys/module/ktm/parameters/max_log_share"

static void set_share(unsigned int percent)
{
	FILE *f = fopen(SHARE_FILE, "w");

	CHECK(f);
	CHECK(fprintf(f, "%u\n", percent) > 0);
	CHECK_EQ(fclose(f), 0);
}

/* As another user, with the descriptors that were open before. */
static void use_up_the_share(void *unused)
{
	static unsigned char information[KTM_MAX_RECOVERY_INFORMATION];
	struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS);
	static guid_t en[MANY];
	unsigned int n, i, status = KTM_STATUS_SUCCESS;
	int tx;

	(void)unused;
	become(NOBODY, NOBODY);
	tx = tx_create(tm);
	for (n = 0; n < MANY; n++) {
		status = try_enlist(tx, &en[n]);
		if (status != KTM_STATUS_SUCCESS)
			break;
	}
	CHECK_EQ(status, KTM_STATUS_QUOTA_EXCEEDED);
	CHECK(n > 1);
	CHECK_EQ(tx_info(tx).enlistments, n);
	status = test_try(tm, KTM_IOC_RM_CREATE, &c);
	while (status == KTM_STATUS_SUCCESS) {
		c.guid = nil;
		status = test_try(tm, KTM_IOC_RM_CREATE, &c);
	}
	test_shows(KTM_IOC_RM_CREATE, status);
	CHECK_EQ(status, KTM_STATUS_QUOTA_EXCEEDED);
	printf("# %u enlistments are a tenth\n", n);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	for (i = 0; i < n; i++)
		TAKE(rm, KTM_NOTIFY_PREPARE, en[i]);
	CHECK_EQ(try_prepare(en[0], information, sizeof(information)),
		 KTM_STATUS_QUOTA_EXCEEDED);
	EN_IS(rm, en[0], KTM_EN_STATE_PREPARING);
	/* What it has been let in with is enough to vote and to commit. */
	for (i = 0; i < n; i++)
		CHECK_EQ(try_prepare(en[i], NULL, 0), KTM_STATUS_SUCCESS);
	for (i = 0; i < n; i++) {
		TAKE(rm, KTM_NOTIFY_COMMIT, en[i]);
		ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en[i], KTM_STATUS_SUCCESS);
	}
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	/* It is free again. */
	commit_one(rm, tx_create(tm));
}

static void superior_with_too_much(void *unused)
{
	int boss, tx;
	guid_t en, sup;

	(void)unused;
	boss = rm_online(tm, 2);
	become(NOBODY, NOBODY);
	tx = tx_create(tm);
	CHECK_EQ(try_enlist(tx, &en), KTM_STATUS_SUCCESS);
	sup = superior(boss, tx);
	inform(boss, sup, KTM_MAX_RECOVERY_INFORMATION, KTM_STATUS_QUOTA_EXCEEDED);
	inform(boss, sup, 8, KTM_STATUS_SUCCESS);
	commit_under(boss, sup, rm, en);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

TEST(share_of_a_superior)
{
	set_share(10);
	test_join(test_spawn(superior_with_too_much, NULL));
	set_share(50);
}

/* One user's unfinished work leaves the others room. */
TEST(share_of_a_user)
{
	set_share(10);
	test_join(test_spawn(use_up_the_share, NULL));
	/* The administrator is not bound by it. */
	set_share(0);
	commit_one(rm, tx_create(tm));
	set_share(50);
}

/* Resource managers take nothing of the ring, but each its place in a restart area. */
static void fill_restart_areas(void *unused)
{
	static const char text[KTM_MAX_DESCRIPTION] = "so long that few fit";
	struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS,
				     .description = (uintptr_t)text,
				     .description_length = sizeof(text));
	unsigned int n, status = KTM_STATUS_SUCCESS;

	(void)unused;
	become(NOBODY, NOBODY);
	for (n = 0; n < MANY && status == KTM_STATUS_SUCCESS; n++) {
		c.guid = nil;
		status = test_try(tm, KTM_IOC_RM_CREATE, &c);
		if (status == KTM_STATUS_SUCCESS)
			close(c.fd);
	}
	CHECK_EQ(status, KTM_STATUS_QUOTA_EXCEEDED);
	CHECK(n > 2);
}

/* A user's share is of each thing that there is only so much of. */
TEST(share_of_restart_areas)
{
	const struct ktm_tm_space before = tm_space(tm);

	test_join(test_spawn(fill_restart_areas, NULL));
	CHECK(tm_space(tm).live - before.live <= before.live_limit / 2);
	/* The others have the rest. */
	commit_one(rm, tx_create(tm));
	close(rm_create(tm, 0));
}

static struct flaky on_a_flaky_disk(void)
{
	struct flaky f;

	close(rm);
	tm_close(tm, d.path);
	f = flaky_make(&d);
	tm = tm_online(f.path);
	rm = rm_online(tm, 1);
	return f;
}

static void fail_and_reopen(struct flaky *f)
{
	int s;

	flaky_set(f, FAIL_WRITES);
	CHECK_EQ(stream_try_create(tm, "s", 4096, &s), KTM_STATUS_IO_ERROR);
	tm_failed(tm);
	flaky_set(f, NO_TROUBLE);
	tm_recover(tm);
}

#define SINGLE	(EN_MASK | KTM_NOTIFY_PREPREPARE | KTM_NOTIFY_SINGLE_PHASE_COMMIT)
/* Each of them would have to count much less than it takes, not to use up a share. */
#define TRIES	300

/*
 * Gates: 1: it is asked; 2: the log is full; 3: it was refused; 4: his share
 * is nothing; 5: he knows; 6: it is what it was, and there is room.
 */
static void reject_as_somebody(void *unused)
{
	unsigned int i;
	guid_t en;
	int tx;

	(void)unused;
	become(NOBODY, NOBODY);
	tx = tx_create(tm);
	en = enlist_mask(rm, tx, SINGLE, 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
	go(1);
	meet(2);
	recover_only(rm, en);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
	for (i = 0; i < TRIES; i++)
		ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, en, KTM_STATUS_LOG_FULL);
	go(3);
	meet(4);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, en, KTM_STATUS_QUOTA_EXCEEDED);
	go(5);
	meet(6);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, en, KTM_STATUS_SUCCESS);
	en_preprepare(rm, en);
	en_prepare(rm, en);
	en_commit(rm, en);
	WAIT(tx, KTM_STATUS_SUCCESS);
}

/*
 * What a reopening has let go of has to be had again, to decide in two phases. However often that is
 * refused, the user's account is not the fuller for it.
 */
TEST(refused_again_and_again)
{
	static guid_t en[MANY];
	static int tx[MANY];
	struct flaky f;
	unsigned int n, i;
	int other;
	pid_t somebody;

	f = on_a_flaky_disk();
	somebody = test_spawn(reject_as_somebody, NULL);
	meet(1);
	fail_and_reopen(&f);

	other = rm;
	rm = rm_online(tm, 2);
	for (n = 0; n < MANY; n++) {
		tx[n] = tx_create(tm);
		if (try_enlist(tx[n], &en[n]) != KTM_STATUS_SUCCESS)
			break;
	}
	CHECK(n > 0 && n < MANY);
	rm_recover(other);
	go(2);
	meet(3);
	close(tx[n]);
	for (i = 0; i < n; i++) {
		close(tx[i]);
		en_rollback(rm, en[i]);
	}
	set_share(0);
	go(4);
	meet(5);
	set_share(50);
	go(6);
	test_join(somebody);
	close(rm);
	close(other);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

/* How many enlistments does this user get into a transaction, beside what he has? */
static unsigned int left_of_the_share(void)
{
	static guid_t en[MANY];
	const int tx = tx_create(tm);
	unsigned int n, i;

	for (n = 0; try_enlist(tx, &en[n]) == KTM_STATUS_SUCCESS; n++)
		CHECK(n < MANY - 1);
	ROLLBACK(tx, 0, KTM_STATUS_PENDING);
	for (i = 0; i < n; i++)
		en_rollback(rm, en[i]);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	close(tx);
	return n;
}

/* Gates: 1: it is asked; 2: the log was opened again. */
static void reject_and_take_the_rest(void *unused)
{
	unsigned int left;
	guid_t en;
	int tx;

	(void)unused;
	become(NOBODY, NOBODY);
	tx = tx_create(tm);
	en = enlist_mask(rm, tx, SINGLE, 0);
	left = left_of_the_share();
	printf("# %u enlistments are left of the share\n", left);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
	go(1);
	meet(2);
	recover_only(rm, en);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, en, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_PREPREPARE, en);
	CHECK_EQ(left_of_the_share(), left);
	ANSWER(rm, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	en_prepare(rm, en);
	en_commit(rm, en);
	WAIT(tx, KTM_STATUS_SUCCESS);
}

/* What is had again in the place of what a reopening has let go of is not charged twice. */
TEST(rejected_behind_a_reopening)
{
	struct flaky f = on_a_flaky_disk();
	pid_t somebody;

	somebody = test_spawn(reject_and_take_the_rest, NULL);
	meet(1);
	fail_and_reopen(&f);
	rm_recover(rm);
	go(2);
	test_join(somebody);
	close(rm);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

#define LENT	8

/*
 * Whose transactions they were that root enlisted in: one that is decided when the log is opened
 * again, and others. Gate 1: that is over.
 */
static void lend_and_take_the_rest(void *data)
{
	unsigned int left, i;
	int tx, active[LENT];

	become(NOBODY, NOBODY);
	/* So that his account of this log outlives the reopening. */
	rm_create(tm, 0);
	left = left_of_the_share();
	tx = tx_create(tm);
	send_fd(*(int *)data, tx);
	for (i = 0; i < LENT; i++) {
		active[i] = tx_create(tm);
		send_fd(*(int *)data, active[i]);
	}
	meet(1);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	for (i = 0; i < LENT; i++)
		TX_IS(active[i], KTM_TX_STATE_ABORTED);
	CHECK_EQ(left_of_the_share(), left);
}

/* Nor does it stay on the account of him whose transaction it was, beside what is found again. */
TEST(lent_before_a_reopening)
{
	struct flaky f = on_a_flaky_disk();
	int ends[2], tx, i;
	pid_t somebody;
	guid_t en[LENT];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	somebody = test_spawn(lend_and_take_the_rest, &ends[1]);
	tx = recv_fd(ends[0]);
	for (i = 0; i < LENT; i++) {
		int active = recv_fd(ends[0]);

		enlist(rm, active);
		close(active);
		en[i] = enlist(rm, tx);
	}
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	for (i = 0; i < LENT; i++)
		en_prepare(rm, en[i]);
	for (i = 0; i < LENT; i++)
		TAKE(rm, KTM_NOTIFY_COMMIT, en[i]);
	fail_and_reopen(&f);
	rm_recover(rm);
	for (i = 0; i < LENT; i++)
		TAKE(rm, KTM_NOTIFY_RECOVER, en[i]);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	for (i = 0; i < LENT; i++) {
		en_recover(rm, en[i], 0);
		en_commit(rm, en[i]);
	}
	WAIT(tx, KTM_STATUS_SUCCESS);
	close(tx);
	go(1);
	test_join(somebody);
	close(rm);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

/* So much of the log that a restart area would be worth while, but none is due yet. */
static void use_some_of_the_log(int s)
{
	struct ktm_tm_space now = tm_space(tm);

	while (now.next_lsn - now.restart_lsn < now.bytes / 8) {
		const uint64_t lsn = append(s, 1, 8);

		flush(s, lsn);
		advance(s, lsn);
		now = tm_space(tm);
	}
}

/* What has no place in a restart area finds none in the next one: none is written for it. */
static void refused_in_vain(void)
{
	struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS);
	const int tx = tx_create(tm);
	unsigned int i;
	guid_t en;

	CHECK_EQ(tm_space(tm).restarts, 0);
	for (i = 0; i < 8; i++) {
		CHECK_EQ(try_enlist(tx, &en), KTM_STATUS_LOG_FULL);
		CALL(tm, KTM_IOC_RM_CREATE, &c, KTM_STATUS_LOG_FULL);
	}
	CHECK_EQ(tm_space(tm).restarts, 0);
	close(tx);
}

/* So many RMs that their records no longer fit: said when they are made. */
TEST(too_many_rms)
{
	struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS);
	unsigned int n, status = KTM_STATUS_SUCCESS;
	int s = stream_create(tm, "s", 16384);
	guid_t one = nil;

	for (n = 0; n < MANY && status == KTM_STATUS_SUCCESS; n++) {
		c.guid = nil;
		status = test_try(tm, KTM_IOC_RM_CREATE, &c);
		test_shows(KTM_IOC_RM_CREATE, status);
		if (status == KTM_STATUS_SUCCESS) {
			one = c.guid;
			close(c.fd);
		}
	}
	CHECK_EQ(status, KTM_STATUS_LOG_FULL);
	printf("# %u resource managers fit\n", n);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
	close(s);
	close(rm);
	tm_close(tm, d.path);
	tm = tm_online(d.path);
	CHECK(tm_info(tm).rms >= n);

	/* Nobody is about to write a restart area now. */
	rm = rm_open(tm, &one);
	rm_recover_empty(rm);
	s = stream_open(tm, "s");
	use_some_of_the_log(s);
	refused_in_vain();
}
