// SPDX-License-Identifier: GPL-2.0
/*
 * The store of keys and values in samples/ does what Documentation/kernel-rm.md says: its keys,
 * their transactions, its limits.
 */
#define _GNU_SOURCE
#include <sys/ioctl.h>

#include "samplecalls.h"
#include "streams.h"

void test_setup(void)
{
	sample_setup();
}

TEST(commit_and_rollback)
{
	int tx = tx_create(tm), none = tx_create(tm);

	sample_put(tx, "a", "1");
	sample_put(tx, "b", "2");
	sample_put(tx, "a", "3");
	IS(tx, "a", "3");
	IS(-1, "a", NULL);
	IS(none, "b", NULL);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	IS(-1, "a", "3");
	IS(-1, "b", "2");
	CHECK_EQ(sample_try_write(tx, "a", "4"), ESTALE);
	close(tx);
	close(none);

	tx = tx_create(tm);
	sample_put(tx, "a", "5");
	sample_put(tx, "c", "6");
	CHECK_EQ(sample_try_delete(tx, "b"), 0);
	CHECK_EQ(sample_try_delete(tx, "b"), ENOENT);
	IS(tx, "b", NULL);
	IS(-1, "b", "2");
	ROLLBACK(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	IS(-1, "a", "3");
	IS(-1, "b", "2");
	IS(-1, "c", NULL);
	close(tx);

	tx = tx_create(tm);
	CHECK_EQ(sample_try_delete(tx, "b"), 0);
	sample_commit(tx);
	IS(-1, "b", NULL);
	sample_set("b", "");
	IS(-1, "b", "");
	sample_tear_down();
}

/* What one has written nobody else may, and the others see what was. */
TEST(isolation)
{
	int one, two;

	sample_set("a", "old");
	one = tx_create(tm);
	two = tx_create(tm);
	sample_put(one, "a", "new");
	sample_put(one, "b", "new");
	CHECK_EQ(sample_try_write(two, "a", "x"), EBUSY);
	CHECK_EQ(sample_try_write(two, "b", "x"), EBUSY);
	CHECK_EQ(sample_try_delete(two, "a"), EBUSY);
	IS(two, "a", "old");
	IS(two, "b", NULL);
	IS(-1, "a", "old");
	sample_put(two, "c", "2");
	COMMIT(one, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	/* At once: who is told that it is over finds the keys free. */
	IS(two, "a", "new");
	sample_put(two, "a", "newer");
	sample_commit(two);
	IS(-1, "a", "newer");
	IS(-1, "b", "new");
	IS(-1, "c", "2");
	close(one);
	sample_tear_down();
}

TEST(keys_in_their_order)
{
	char key[KTM_SAMPLE_MAX_KEY + 1] = "aa";
	int tx;

	KEYS(-1, "");
	sample_set("b", "");
	sample_set("a", "1");
	sample_set("ab", "2");
	sample_set("B", "3");
	KEYS(-1, "B a ab b ");
	/* Behind one that is not there. */
	CHECK_EQ(sample_try_next(-1, key), 0);
	CHECK(!strcmp(key, "ab"));
	tx = tx_create(tm);
	sample_put(tx, "c", "4");
	CHECK_EQ(sample_try_delete(tx, "a"), 0);
	KEYS(tx, "B ab b c ");
	KEYS(-1, "B a ab b ");
	sample_commit(tx);
	KEYS(-1, "B ab b c ");
	sample_restart();
	KEYS(-1, "B ab b c ");
	sample_tear_down();
}

static void write_and_be_killed(void *data)
{
	int tx = tx_create(tm);

	(void)data;
	sample_put(tx, "a", "of the dead");
	go(1);
	for (;;)
		pause();
}

TEST(its_client_is_killed)
{
	pid_t pid;

	sample_set("a", "old");
	pid = test_spawn(write_and_be_killed, NULL);
	meet(1);
	test_kill(pid);
	sample_until_free("a");
	IS(-1, "a", "old");
	sample_tear_down();
}

TEST(what_is_refused)
{
	struct ktm_sample_attach a = { .tm_fd = tm, .reserved = 1 };
	int tx = tx_create(tm), narrow_tx = narrow(tx, KTM_TX_QUERY_INFORMATION);
	int narrow_tm = narrow(tm, KTM_TM_CREATE_RM);
	char key[KTM_SAMPLE_MAX_KEY + 1] = "";
	struct ktm_sample_item i;

	CHECK_EQ(sample_try_attach(tm), EALREADY);
	CHECK_EQ(sample_try_write(tm, "a", "1"), EBADFD);
	CHECK_EQ(sample_try_write(-1, "a", "1"), EBADF);
	CHECK_EQ(sample_try_write(narrow_tx, "a", "1"), EACCES);
	CHECK_EQ(sample_try_write(tx, "", "1"), EINVAL);
	CHECK_EQ(sample_try_delete(tx, "a"), ENOENT);
	CHECK_EQ(sample_try_next(-1, key), ENOENT);
	CHECK_EQ(sample_try_next(narrow_tx, key), EACCES);
	i = sample_item_of(tx, "a", "1");
	i.key_length = KTM_SAMPLE_MAX_KEY + 1;
	CHECK(ioctl(store, KTM_SAMPLE_WRITE, &i) == -1 && errno == EINVAL);
	CHECK(ioctl(store, KTM_SAMPLE_NEXT, &i) == -1 && errno == EINVAL);
	i = sample_item_of(tx, "a", "1");
	i.value_length = KTM_SAMPLE_MAX_VALUE + 1;
	CHECK(ioctl(store, KTM_SAMPLE_WRITE, &i) == -1 && errno == EINVAL);
	i = sample_item_of(tx, "a", "1");
	i.reserved = 1;
	CHECK(ioctl(store, KTM_SAMPLE_WRITE, &i) == -1 && errno == EINVAL);
	CHECK(ioctl(store, KTM_SAMPLE_WRITE, NULL) == -1 && errno == EFAULT);
	CHECK(ioctl(store, KTM_IOC_COMMIT, NULL) == -1 && errno == ENOTTY);
	/* None of these has enlisted. */
	sample_commit(tx);
	IS(-1, "a", NULL);

	CHECK_EQ(sample_try_detach(), 0);
	CHECK_EQ(sample_try_detach(), ENOTCONN);
	CHECK_EQ(sample_try_write(narrow_tx, "a", "1"), EACCES);
	CHECK_EQ(sample_try_read(-1, "a", NULL), ENOTCONN);
	CHECK_EQ(sample_try_next(-1, key), ENOTCONN);
	CHECK_EQ(sample_try_attach(narrow_tm), EACCES);
	CHECK_EQ(sample_try_attach(-1), EBADF);
	CHECK(ioctl(store, KTM_SAMPLE_ATTACH, &a) == -1 && errno == EINVAL);
	CHECK_EQ(sample_try_attach(tm), 0);
	close(narrow_tx);
	close(narrow_tm);
	sample_tear_down();
}

/* Somebody else has the RM: there are not two stores. */
TEST(only_once)
{
	const guid_t guid = { .b = { 0x5b, 0x1f, 0x0e, 0x86, 0x91, 0x7c, 0x4e, 0x2d,
				     0xa3, 0x40, 0x6d, 0x8a, 0x2f, 0x55, 0xc7, 0x13 } };
	int rm;

	CHECK_EQ(sample_try_detach(), 0);
	rm = rm_open(tm, &guid);
	CHECK_EQ(sample_try_attach(tm), EBUSY);
	CHECK_EQ(sample_try_detach(), ENOTCONN);
	close(rm);
	CHECK_EQ(sample_try_attach(tm), 0);
	sample_tear_down();
}

/* ---- limits ---- */

/* A value as long as may be, that tells of @n and of @round. */
static void name_value(char *value, unsigned int n, unsigned int round)
{
	int length = snprintf(value, KTM_SAMPLE_MAX_VALUE, "%u of %u ", n, round);

	memset(value + length, 'v', KTM_SAMPLE_MAX_VALUE - length);
	value[KTM_SAMPLE_MAX_VALUE] = 0;
}

static void fill_keys(unsigned int first, unsigned int count, unsigned int round)
{
	char key[16], value[KTM_SAMPLE_MAX_VALUE + 1];
	int tx = tx_create(tm);
	unsigned int n;

	for (n = first; n < first + count; n++) {
		sample_name_key(key, n);
		name_value(value, n, round);
		sample_put(tx, key, value);
	}
	sample_commit(tx);
}

static void check_keys(unsigned int first, unsigned int count, unsigned int round)
{
	char key[16], value[KTM_SAMPLE_MAX_VALUE + 1];
	unsigned int n;

	for (n = first; n < first + count; n++) {
		sample_name_key(key, n);
		name_value(value, n, round);
		IS(-1, key, value);
	}
}

TEST(limits)
{
	char key[16];
	unsigned int n;
	int tx;

	tx = tx_create(tm);
	for (n = 0; n < KTM_SAMPLE_MAX_WRITES; n++) {
		sample_name_key(key, n);
		sample_put(tx, key, "x");
	}
	CHECK_EQ(sample_try_write(tx, "one more", "x"), E2BIG);
	/* It has these already. */
	sample_put(tx, key, "y");
	sample_commit(tx);
	IS(-1, key, "y");
	for (n = KTM_SAMPLE_MAX_WRITES; n < KTM_SAMPLE_MAX_KEYS; n++) {
		sample_name_key(key, n);
		sample_set(key, "x");
	}
	tx = tx_create(tm);
	CHECK_EQ(sample_try_write(tx, "one more", "x"), ENOSPC);
	CHECK_EQ(sample_try_delete(tx, key), 0);
	/* Rolled back it would be there again. */
	CHECK_EQ(sample_try_write(tx, "one more", "x"), ENOSPC);
	sample_commit(tx);
	sample_set("one more", "x");
	sample_restart();
	IS(-1, "one more", "x");
	IS(-1, key, NULL);
	IS(-1, "key-47", "y");
	IS(-1, "key-48", "x");
	sample_tear_down();
}

/* Many times what the stream may hold goes through it. */
TEST(stream_is_tidied)
{
	const unsigned int count = 40, rounds = 200;
	struct ktm_stream_info info;
	unsigned int round;
	int s = sample_stream();

	sample_set("kept", "for long");
	for (round = 1; round <= rounds; round++)
		fill_keys(0, count, round);
	info = stream_info(s);
	CHECK(info.base_lsn);
	CHECK(info.restart_lsn);
	CHECK(info.used <= info.quota);
	CHECK((uint64_t)count * rounds * KTM_SAMPLE_MAX_VALUE > info.quota);
	CHECK_EQ(info.reserved, 0);
	close(s);
	check_keys(0, count, rounds);
	sample_restart();
	check_keys(0, count, rounds);
	IS(-1, "kept", "for long");
	sample_tear_down();
}

/* ... with one that has prepared, and does not end, in its way. */
TEST(stream_is_tidied_around_the_prepared)
{
	const unsigned int count = 40, rounds = 100;
	int other = rm_online(tm, 951), tx = tx_create(tm), s = sample_stream();
	unsigned int round;
	guid_t en;
	pid_t pid;

	sample_put(tx, "waits", "for the other");
	en = enlist(other, tx);
	pid = sample_commit_elsewhere(tx, KTM_STATUS_SUCCESS);
	TAKE(other, KTM_NOTIFY_PREPARE, en);
	for (round = 1; round <= rounds; round++)
		fill_keys(0, count, round);
	CHECK(stream_info(s).base_lsn);
	close(s);
	IS(-1, "waits", NULL);
	/* It still finds its redo, in a stream that has moved on. */
	store_end();
	store_begin();
	sample_other_commits(other, en);
	test_join(pid);
	sample_until_free("waits");
	IS(-1, "waits", "for the other");
	close(tx);
	close(other);
	sample_restart();
	IS(-1, "waits", "for the other");
	check_keys(0, count, rounds);
	sample_tear_down();
}

static unsigned int set_quota(int s, uint64_t quota)
{
	struct ktm_set q = ARG(ktm_set, .info_class = KTM_INFO_STREAM_QUOTA,
			       .buffer = (uintptr_t)&quota, .length = sizeof(quota));

	return test_try(s, KTM_IOC_SET, &q);
}

/* Without room for its redo it votes no; with room it works again. */
TEST(out_of_quota)
{
	int s = sample_stream(), tx;
	uint64_t quota;

	sample_set("a", "old");
	quota = stream_info(s).quota;
	CHECK_EQ(set_quota(s, stream_info(s).used), KTM_STATUS_SUCCESS);
	tx = tx_create(tm);
	sample_put(tx, "a", "new");
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_ROLLED_BACK);
	close(tx);
	IS(-1, "a", "old");
	CHECK_EQ(set_quota(s, quota), KTM_STATUS_SUCCESS);
	sample_set("a", "new");
	IS(-1, "a", "new");
	close(s);
	sample_tear_down();
}

/* See the kernel's Documentation/block/stat.rst. */
static unsigned int flushes_of_the_disk(void)
{
	unsigned int column = 0;
	char name[128], *at;
	char line[512];
	FILE *f;

	snprintf(name, sizeof(name), "/sys/block/%s/stat", strrchr(sample_disk.path, '/') + 1);
	f = fopen(name, "r");
	CHECK(f && fgets(line, sizeof(line), f));
	fclose(f);
	for (at = strtok(line, " "); at && column < 15; at = strtok(NULL, " "))
		column++;
	CHECK(at);
	return strtoul(at, NULL, 10);
}

/* That of the decision, which makes the vote and its redo durable, too. */
TEST(a_commit_costs_one_flush)
{
	const unsigned int commits = 40;
	unsigned int before, flushes, n;

	sample_set("a", "first");
	before = flushes_of_the_disk();
	for (n = 0; n < commits; n++)
		sample_set("a", "again");
	flushes = flushes_of_the_disk() - before;
	/* One more now and then is the journal's own. */
	if (flushes < commits || flushes > commits + commits / 10)
		FAIL("%u flushes for %u commits", flushes, commits);
	sample_tear_down();
}
