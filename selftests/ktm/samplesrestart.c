// SPDX-License-Identifier: GPL-2.0
/*
 * The store in samples/ keeps what was committed, and nothing else: when it is unloaded, when the
 * power goes, when the device of the log fails.
 */
#define _GNU_SOURCE
#include <fcntl.h>

#include "samplecalls.h"
#include "streams.h"

void test_setup(void)
{
	sample_setup();
}

TEST(it_is_there_after_a_restart)
{
	char value[16];
	int tx, n;

	sample_set("a", "1");
	sample_set("b", "2");
	for (n = 0; n < 3; n++) {
		tx = tx_create(tm);
		snprintf(value, sizeof(value), "%d", n);
		sample_put(tx, "a", value);
		sample_put(tx, value, "x");
		if (n == 1)
			CHECK_EQ(sample_try_delete(tx, "b"), 0);
		sample_commit(tx);
		tx = tx_create(tm);
		sample_put(tx, "a", "not this");
		store_end();
		close(tx);
		tm_close(tm, sample_disk.path);
		tm = tm_online(sample_disk.path);
		store_begin();
		IS(-1, "a", value);
		IS(-1, value, "x");
		IS(-1, "b", n < 1 ? "2" : NULL);
	}
	sample_set("a", "it goes on");
	IS(-1, "a", "it goes on");
	sample_tear_down();
}

/* At each moment: what was committed is there, what was not is not. */
TEST(power_cuts)
{
	unsigned char *before, *active, *after;
	int tx;

	sample_set("a", "1");
	before = disk_read(&sample_disk);
	tx = tx_create(tm);
	sample_put(tx, "a", "2");
	sample_put(tx, "b", "2");
	active = disk_read(&sample_disk);
	sample_commit(tx);
	after = disk_read(&sample_disk);
	sample_power_cut(before);
	IS(-1, "a", "1");
	sample_power_cut(active);
	IS(-1, "a", "1");
	IS(-1, "b", NULL);
	sample_power_cut(after);
	/* COMMIT comes again. */
	sample_until_free("a");
	IS(-1, "a", "2");
	IS(-1, "b", "2");
	/* And again, from what has become durable meanwhile. */
	sample_set("c", "3");
	sample_power_cut(disk_read(&sample_disk));
	sample_until_free("c");
	IS(-1, "a", "2");
	IS(-1, "b", "2");
	IS(-1, "c", "3");
	sample_tear_down();
}

/* It has voted, another has not, and it goes. Nobody may touch what may yet be committed. */
static int vote(int other, guid_t *en, int *tx, unsigned int want)
{
	const struct deadline end = deadline_in(PATIENCE);
	int s = sample_stream();
	pid_t pid;

	sample_set("a", "old");
	*tx = tx_create(tm);
	sample_put(*tx, "a", "new");
	sample_put(*tx, "new", "");
	*en = enlist(other, *tx);
	pid = sample_commit_elsewhere(*tx, want);
	TAKE(other, KTM_NOTIFY_PREPARE, *en);
	/* The redo and the commit record of the first, the redo of this one. */
	while (stream_info(s).records < 3) {
		CHECK(!deadline_passed(&end));
		nap();
	}
	close(s);
	return pid;
}

static void check_in_doubt(void)
{
	char value[KTM_SAMPLE_MAX_VALUE + 1];
	int tx = tx_create(tm);

	CHECK_EQ(sample_try_write(tx, "a", "mine"), EBUSY);
	CHECK_EQ(sample_try_delete(tx, "a"), EBUSY);
	CHECK_EQ(sample_try_read(-1, "a", value), EBUSY);
	/* It is there, or will be: whoever asks must not take it for absent. */
	KEYS(-1, "a new ");
	sample_put(tx, "b", "the others are free");
	sample_commit(tx);
	IS(-1, "b", "the others are free");
}

TEST(unloaded_when_prepared)
{
	int other = rm_online(tm, 951), tx;
	guid_t en;
	pid_t pid;

	pid = vote(other, &en, &tx, KTM_STATUS_SUCCESS);
	store_end();
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	store_begin();
	check_in_doubt();
	sample_other_commits(other, en);
	test_join(pid);
	IS(-1, "a", "new");
	close(tx);
	close(other);
	sample_restart();
	IS(-1, "a", "new");
	sample_tear_down();
}

/* It was committed while it was away. */
TEST(committed_while_unloaded)
{
	int other = rm_online(tm, 951), tx;
	guid_t en;
	pid_t pid;

	pid = vote(other, &en, &tx, KTM_STATUS_SUCCESS);
	store_end();
	sample_other_commits(other, en);
	/* Who commits does not wait for one that is not there. */
	test_join(pid);
	store_begin();
	sample_until_free("a");
	IS(-1, "a", "new");
	close(tx);
	close(other);
	sample_tear_down();
}

TEST(rolled_back_while_unloaded)
{
	int other = rm_online(tm, 951), tx;
	guid_t en;
	pid_t pid;

	pid = vote(other, &en, &tx, KTM_STATUS_ROLLED_BACK);
	store_end();
	ANSWER(other, KTM_IOC_EN_ROLLBACK, en, KTM_STATUS_SUCCESS);
	en_rollback(other, en);
	test_join(pid);
	store_begin();
	sample_until_free("a");
	IS(-1, "a", "old");
	close(tx);
	close(other);
	sample_tear_down();
}

/* Without a decision in the log it was rolled back: nobody is asked. */
TEST(power_cut_when_prepared)
{
	int other = rm_online(tm, 951), tx;
	unsigned char *content;
	guid_t en;
	pid_t pid;

	pid = vote(other, &en, &tx, KTM_STATUS_SUCCESS);
	content = disk_read(&sample_disk);
	sample_other_commits(other, en);
	test_join(pid);
	close(tx);
	close(other);
	sample_power_cut(content);
	IS(-1, "a", "old");
	sample_set("a", "it goes on");
	sample_restart();
	IS(-1, "a", "it goes on");
	sample_tear_down();
}

/*
 * A process's RM in the same transaction, after a cut: it hears what has become of that. Its answer
 * is durable: behind it in the log is a stream that was made.
 */
static void other_hears(guid_t en, bool committed)
{
	const guid_t guid = guid_of(951);
	struct ktm_open o = ARG(ktm_open, .access = KTM_RM_ALL_ACCESS, .guid = guid);

	/* Nothing had to be known of it yet. */
	if (test_try(tm, KTM_IOC_RM_OPEN, &o) == KTM_STATUS_RM_NOT_FOUND) {
		CHECK(!committed);
		return;
	}
	CHECK_EQ(o.status, KTM_STATUS_SUCCESS);
	if (committed) {
		rm_recover_one(o.fd, en);
		TAKE(o.fd, KTM_NOTIFY_COMMIT, en);
		ANSWER(o.fd, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
		close(stream_create(tm, "forced", 4096));
	} else {
		rm_recover_empty(o.fd);
	}
	close(o.fd);
}

/*
 * The store and a process's RM, and the power goes: when the store only has voted, when it is
 * decided, when the process's RM has finished. Both end the same way, and again after another cut.
 */
TEST(power_cuts_with_another)
{
	int other = rm_online(tm, 951), tx;
	unsigned char *voted, *decided, *again, *finished;
	guid_t en;
	pid_t pid;

	pid = vote(other, &en, &tx, KTM_STATUS_SUCCESS);
	voted = disk_read(&sample_disk);
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(other, KTM_NOTIFY_COMMIT, en);
	decided = disk_read(&sample_disk);
	again = disk_read(&sample_disk);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	test_join(pid);
	sample_until_free("a");
	finished = disk_read(&sample_disk);
	close(tx);
	close(other);

	sample_power_cut(voted);
	IS(-1, "a", "old");
	other_hears(en, false);

	sample_power_cut(decided);
	sample_until_free("a");
	IS(-1, "a", "new");
	other_hears(en, true);
	sample_restart();
	IS(-1, "a", "new");
	other_hears(en, false);

	/* The other one is there first, and it goes once more before the store comes. */
	store_end();
	tm = disk_after_cut(&sample_disk, tm, again);
	other_hears(en, true);
	again = disk_read(&sample_disk);
	tm = disk_after_cut(&sample_disk, tm, again);
	other_hears(en, false);
	store_begin();
	sample_until_free("a");
	IS(-1, "a", "new");

	sample_power_cut(finished);
	sample_until_free("a");
	IS(-1, "a", "new");
	sample_tear_down();
}

/* Who alone writes a key finds what he has committed last, or the store is away, or in doubt. */
static void check_own(const char *key, unsigned int committed)
{
	char value[KTM_SAMPLE_MAX_VALUE + 1], want[16];
	int err = sample_try_read(-1, key, value);

	snprintf(want, sizeof(want), "%u", committed);
	if (!err)
		CHECK(!strcmp(value, want));
	else
		CHECK(err == ENOTCONN || err == EBUSY || (err == ENOENT && !committed));
}

/* Commits as long as it may, to a store that comes and goes; word @data is what was committed. */
static void write_to_what_goes(void *data)
{
	const unsigned int n = (uintptr_t)data;
	struct ktm_call call = ARG(ktm_call, .flags = KTM_CALL_WAIT);
	char key[16], value[16];
	unsigned int i, status;
	int tx, err;

	close(store);
	sample_name_key(key, n);
	for (i = 1; !is_open(1); i++) {
		store = open("/dev/" STORE, O_RDWR | O_CLOEXEC);
		if (store < 0) {
			nap();
			continue;
		}
		check_own(key, shared_word[n]);
		tx = tx_create(tm);
		snprintf(value, sizeof(value), "%u", i);
		err = sample_try_write(tx, key, value);
		close(store);
		if (!err) {
			status = test_try(tx, KTM_IOC_COMMIT, &call);
			if (status == KTM_STATUS_SUCCESS)
				shared_word[n] = i;
			else
				/* ALREADY_ABORTED: it went before this was asked for. */
				CHECK(status == KTM_STATUS_ROLLED_BACK ||
				      status == KTM_STATUS_ALREADY_ABORTED);
		} else {
			CHECK(err == ENOTCONN || err == EBUSY);
		}
		close(tx);
	}
}

/* Its module goes and comes, whatever its callbacks are at: what was committed is there. */
TEST(unloaded_again_and_again)
{
	const unsigned int writers = 3, times = 8;
	char key[16], value[16];
	unsigned int i, n;
	pid_t pids[3];

	for (n = 0; n < writers; n++)
		pids[n] = test_spawn(write_to_what_goes, (void *)(uintptr_t)n);
	for (i = 0; i < times; i++) {
		const struct deadline end = deadline_in(PATIENCE);
		const uint64_t before = shared_word[i % writers];

		while (shared_word[i % writers] == before) {
			CHECK(!deadline_passed(&end));
			nap();
		}
		store_end();
		store_begin();
	}
	go(1);
	for (n = 0; n < writers; n++) {
		test_join(pids[n]);
		sample_name_key(key, n);
		sample_until_free(key);
		snprintf(value, sizeof(value), "%u", (unsigned int)shared_word[n]);
		IS(-1, key, value);
	}
	sample_tear_down();
}

/* Its redo is in the stream, and the TM has forgotten it: nobody asks for it. */
TEST(rolled_back_before_a_restart)
{
	int other = rm_online(tm, 951), tx;
	guid_t en;
	pid_t pid;

	pid = vote(other, &en, &tx, KTM_STATUS_ROLLED_BACK);
	ANSWER(other, KTM_IOC_EN_ROLLBACK, en, KTM_STATUS_SUCCESS);
	en_rollback(other, en);
	test_join(pid);
	close(tx);
	close(other);
	sample_restart();
	IS(-1, "a", "old");
	sample_set("a", "it goes on");
	sample_tear_down();
}

/* The redo of two is in the stream, and the first one was rolled back. */
TEST(power_cut_after_a_rollback)
{
	const struct deadline end = deadline_in(PATIENCE);
	int other = rm_online(tm, 951), tx;
	unsigned char *content;
	guid_t en;
	pid_t pid;

	pid = vote(other, &en, &tx, KTM_STATUS_ROLLED_BACK);
	ANSWER(other, KTM_IOC_EN_ROLLBACK, en, KTM_STATUS_SUCCESS);
	en_rollback(other, en);
	test_join(pid);
	sample_set("a", "newer");
	content = disk_read(&sample_disk);
	close(tx);
	close(other);
	sample_power_cut(content);
	sample_until_free("a");
	IS(-1, "a", "newer");
	while (tm_info(tm).transactions) {
		CHECK(!deadline_passed(&end));
		nap();
	}
	sample_tear_down();
}

/* ---- the device of the log fails ---- */

TEST(log_fails)
{
	char value[KTM_SAMPLE_MAX_VALUE + 1];
	struct flaky f;
	int tx, fd;

	store_end();
	tm_close(tm, sample_disk.path);
	f = flaky_make(&sample_disk);
	tm = tm_online(f.path);
	store_begin();
	sample_set("a", "old");
	tx = tx_create(tm);
	sample_put(tx, "a", "new");
	flaky_set(&f, FAIL_WRITES);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	tm_failed(tm);
	flaky_set(&f, NO_TROUBLE);
	fd = tx_create(-1);
	CHECK_EQ(sample_try_write(fd, "b", "1"), ENOTCONN);
	close(fd);
	tm_recover(tm);
	/* The store has to look again. */
	fd = tx_create(tm);
	CHECK_EQ(sample_try_write(fd, "b", "1"), ENOTCONN);
	close(fd);
	CHECK_EQ(sample_try_detach(), 0);
	CHECK_EQ(sample_try_attach(tm), 0);
	sample_until_free("a");
	CHECK_EQ(sample_try_read(-1, "a", value), 0);
	CHECK(!strcmp(value, tx_info(tx).outcome == KTM_OUTCOME_COMMITTED ? "new" : "old"));
	close(tx);
	sample_set("a", "newer");
	store_end();
	tm_close(tm, f.path);
	flaky_remove(&f);
	tm = tm_online(sample_disk.path);
	store_begin();
	IS(-1, "a", "newer");
	sample_tear_down();
}
