// SPDX-License-Identifier: GPL-2.0
/*
 * The drivers of samples/ do what Documentation/kernel-rm.md says: a store of keys and values that
 * takes part in transactions, and a client in the kernel.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "../../samples/ktm_sample_rm/ktm_sample_rm.h"
#include "disk.h"
#include "failalloc.h"
#include "streams.h"

#define STORE	"ktm_sample_rm"
#define CLIENT	"ktm_sample_client"
#define REFUSE	"/sys/module/" CLIENT "/parameters/refuse"
#define TM_GUID	guid_of(950)

static struct disk d;
static int tm = -1, store = -1;

/* ---- the modules, and attaching ---- */

static void load(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/root/%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(syscall(SYS_finit_module, fd, "", 0), 0);
	close(fd);
}

static int try_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK);
}

/* A callback that has answered may not have returned yet, and a commit not be over. */
static void unload(const char *name)
{
	const struct deadline end = deadline_in(PATIENCE);

	while (try_unload(name)) {
		CHECK_EQ(errno, EAGAIN);
		CHECK(!deadline_passed(&end));
		nap();
	}
}

static int try_attach(int fd)
{
	struct ktm_sample_attach a = { .tm_fd = fd };

	return ioctl(store, KTM_SAMPLE_ATTACH, &a) ? errno : 0;
}

static int try_detach(void)
{
	return ioctl(store, KTM_SAMPLE_DETACH) ? errno : 0;
}

static void store_open(void)
{
	store = open("/dev/" STORE, O_RDWR | O_CLOEXEC);
	CHECK(store >= 0);
}

static void store_begin(void)
{
	load(STORE);
	store_open();
	CHECK_EQ(try_attach(tm), 0);
}

/* It is unloaded as it is: the module has to clean up by itself. */
static void store_end(void)
{
	close(store);
	unload(STORE);
}

/* A test before this one may have failed and left them. */
void test_setup(void)
{
	try_unload(CLIENT);
	try_unload(STORE);
	d = disk_make(8 * MIB);
	journal_format(d.path, TM_GUID);
	tm = tm_online(d.path);
	store_begin();
}

static void tear_down(void)
{
	store_end();
	tm_close(tm, d.path);
}

/* All of it goes, and comes back. */
static void restart(void)
{
	store_end();
	tm_close(tm, d.path);
	tm = tm_online(d.path);
	store_begin();
}

/* The power goes when the disk holds this. */
static void power_cut(unsigned char *content)
{
	store_end();
	tm = disk_after_cut(&d, tm, content);
	store_begin();
}

/* ---- keys ---- */

static struct ktm_sample_item item_of(int tx, const char *key, const char *value)
{
	struct ktm_sample_item i = { .tx_fd = tx, .key_length = strlen(key),
				     .value_length = strlen(value) };

	CHECK(i.key_length <= sizeof(i.key) && i.value_length <= sizeof(i.value));
	memcpy(i.key, key, i.key_length);
	memcpy(i.value, value, i.value_length);
	return i;
}

static int try_write(int tx, const char *key, const char *value)
{
	struct ktm_sample_item i = item_of(tx, key, value);

	return ioctl(store, KTM_SAMPLE_WRITE, &i) ? errno : 0;
}

static int try_delete(int tx, const char *key)
{
	struct ktm_sample_item i = item_of(tx, key, "");

	return ioctl(store, KTM_SAMPLE_DELETE, &i) ? errno : 0;
}

static int try_read(int tx, const char *key, char *value)
{
	struct ktm_sample_item i = item_of(tx, key, "");

	if (ioctl(store, KTM_SAMPLE_READ, &i))
		return errno;
	memcpy(value, i.value, i.value_length);
	value[i.value_length] = 0;
	return 0;
}

/* The key behind @key, which it becomes. */
static int try_next(int tx, char *key)
{
	struct ktm_sample_item i = item_of(tx, key, "");

	if (ioctl(store, KTM_SAMPLE_NEXT, &i))
		return errno;
	memcpy(key, i.key, i.key_length);
	key[i.key_length] = 0;
	return 0;
}

static void put(int tx, const char *key, const char *value)
{
	CHECK_EQ(try_write(tx, key, value), 0);
}

/* What a transaction sees, or with -1 who is outside of all; NULL: there is no such key. */
#define IS(tx, key, want)	check_is(__FILE__, __LINE__, tx, key, want)
static void check_is(const char *file, int line, int tx, const char *key, const char *want)
{
	const struct deadline end = deadline_in(PATIENCE);
	char value[KTM_SAMPLE_MAX_VALUE + 1];
	int err;

	/* After a restart COMMIT may not have come yet. */
	while ((err = try_read(tx, key, value)) == EBUSY && !deadline_passed(&end))
		nap();
	if (want ? err || strcmp(value, want) : err != ENOENT)
		test_fail(file, line, "%s is %s (errno %d), not %s", key, err ? "-" : value, err,
			  want ? want : "absent");
}

/* All keys that somebody sees, in their order, each with a blank behind it. */
#define KEYS(tx, want)	check_key_list(__FILE__, __LINE__, tx, want)
static void check_key_list(const char *file, int line, int tx, const char *want)
{
	char key[KTM_SAMPLE_MAX_KEY + 1] = "", all[256] = "";
	int err;

	while (!(err = try_next(tx, key))) {
		CHECK(strlen(all) + strlen(key) + 2 <= sizeof(all));
		strcat(strcat(all, key), " ");
	}
	if (err != ENOENT || strcmp(all, want))
		test_fail(file, line, "the keys are '%s' (errno %d), not '%s'", all, err, want);
}

static void commit(int tx)
{
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	close(tx);
}

/* Somebody who commits, and has not the store open, so that it can go. */
struct committer {
	int tx;
	unsigned int want;
};

static void commit_without_store(void *data)
{
	struct committer *c = data;

	close(store);
	COMMIT(c->tx, KTM_CALL_WAIT, c->want);
}

static pid_t commit_elsewhere(int tx, unsigned int want)
{
	struct committer c = { tx, want };

	return test_spawn(commit_without_store, &c);
}

/* A whole transaction. */
static void set(const char *key, const char *value)
{
	int tx = tx_create(tm);

	put(tx, key, value);
	commit(tx);
}

/* Until nobody has locked it any more. */
static void until_free(const char *key)
{
	const struct deadline end = deadline_in(PATIENCE);
	int tx = tx_create(tm), err;

	while ((err = try_write(tx, key, "probe")) == EBUSY) {
		CHECK(!deadline_passed(&end));
		nap();
	}
	CHECK_EQ(err, 0);
	ROLLBACK(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	close(tx);
}

static int stream(void)
{
	return stream_open(tm, STORE);
}

/* ---- transactions ---- */

TEST(commit_and_rollback)
{
	int tx = tx_create(tm), none = tx_create(tm);

	put(tx, "a", "1");
	put(tx, "b", "2");
	put(tx, "a", "3");
	IS(tx, "a", "3");
	IS(-1, "a", NULL);
	IS(none, "b", NULL);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	IS(-1, "a", "3");
	IS(-1, "b", "2");
	CHECK_EQ(try_write(tx, "a", "4"), ESTALE);
	close(tx);
	close(none);

	tx = tx_create(tm);
	put(tx, "a", "5");
	put(tx, "c", "6");
	CHECK_EQ(try_delete(tx, "b"), 0);
	CHECK_EQ(try_delete(tx, "b"), ENOENT);
	IS(tx, "b", NULL);
	IS(-1, "b", "2");
	ROLLBACK(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	IS(-1, "a", "3");
	IS(-1, "b", "2");
	IS(-1, "c", NULL);
	close(tx);

	tx = tx_create(tm);
	CHECK_EQ(try_delete(tx, "b"), 0);
	commit(tx);
	IS(-1, "b", NULL);
	set("b", "");
	IS(-1, "b", "");
	tear_down();
}

/* What one has written nobody else may, and the others see what was. */
TEST(isolation)
{
	int one, two;

	set("a", "old");
	one = tx_create(tm);
	two = tx_create(tm);
	put(one, "a", "new");
	put(one, "b", "new");
	CHECK_EQ(try_write(two, "a", "x"), EBUSY);
	CHECK_EQ(try_write(two, "b", "x"), EBUSY);
	CHECK_EQ(try_delete(two, "a"), EBUSY);
	IS(two, "a", "old");
	IS(two, "b", NULL);
	IS(-1, "a", "old");
	put(two, "c", "2");
	COMMIT(one, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	/* At once: who is told that it is over finds the keys free. */
	IS(two, "a", "new");
	put(two, "a", "newer");
	commit(two);
	IS(-1, "a", "newer");
	IS(-1, "b", "new");
	IS(-1, "c", "2");
	close(one);
	tear_down();
}

TEST(keys_in_their_order)
{
	char key[KTM_SAMPLE_MAX_KEY + 1] = "aa";
	int tx;

	KEYS(-1, "");
	set("b", "");
	set("a", "1");
	set("ab", "2");
	set("B", "3");
	KEYS(-1, "B a ab b ");
	/* Behind one that is not there. */
	CHECK_EQ(try_next(-1, key), 0);
	CHECK(!strcmp(key, "ab"));
	tx = tx_create(tm);
	put(tx, "c", "4");
	CHECK_EQ(try_delete(tx, "a"), 0);
	KEYS(tx, "B ab b c ");
	KEYS(-1, "B a ab b ");
	commit(tx);
	KEYS(-1, "B ab b c ");
	restart();
	KEYS(-1, "B ab b c ");
	tear_down();
}

static void write_and_be_killed(void *data)
{
	int tx = tx_create(tm);

	(void)data;
	put(tx, "a", "of the dead");
	go(1);
	for (;;)
		pause();
}

TEST(its_client_is_killed)
{
	pid_t pid;

	set("a", "old");
	pid = test_spawn(write_and_be_killed, NULL);
	meet(1);
	test_kill(pid);
	until_free("a");
	IS(-1, "a", "old");
	tear_down();
}

TEST(what_is_refused)
{
	struct ktm_sample_attach a = { .tm_fd = tm, .reserved = 1 };
	int tx = tx_create(tm), narrow_tx = narrow(tx, KTM_TX_QUERY_INFORMATION);
	int narrow_tm = narrow(tm, KTM_TM_CREATE_RM);
	char key[KTM_SAMPLE_MAX_KEY + 1] = "";
	struct ktm_sample_item i;

	CHECK_EQ(try_attach(tm), EALREADY);
	CHECK_EQ(try_write(tm, "a", "1"), EBADFD);
	CHECK_EQ(try_write(-1, "a", "1"), EBADF);
	CHECK_EQ(try_write(narrow_tx, "a", "1"), EACCES);
	CHECK_EQ(try_write(tx, "", "1"), EINVAL);
	CHECK_EQ(try_delete(tx, "a"), ENOENT);
	CHECK_EQ(try_next(-1, key), ENOENT);
	CHECK_EQ(try_next(narrow_tx, key), EACCES);
	i = item_of(tx, "a", "1");
	i.key_length = KTM_SAMPLE_MAX_KEY + 1;
	CHECK(ioctl(store, KTM_SAMPLE_WRITE, &i) == -1 && errno == EINVAL);
	CHECK(ioctl(store, KTM_SAMPLE_NEXT, &i) == -1 && errno == EINVAL);
	i = item_of(tx, "a", "1");
	i.value_length = KTM_SAMPLE_MAX_VALUE + 1;
	CHECK(ioctl(store, KTM_SAMPLE_WRITE, &i) == -1 && errno == EINVAL);
	i = item_of(tx, "a", "1");
	i.reserved = 1;
	CHECK(ioctl(store, KTM_SAMPLE_WRITE, &i) == -1 && errno == EINVAL);
	CHECK(ioctl(store, KTM_SAMPLE_WRITE, NULL) == -1 && errno == EFAULT);
	CHECK(ioctl(store, KTM_IOC_COMMIT, NULL) == -1 && errno == ENOTTY);
	/* None of these has enlisted. */
	commit(tx);
	IS(-1, "a", NULL);

	CHECK_EQ(try_detach(), 0);
	CHECK_EQ(try_detach(), ENOTCONN);
	CHECK_EQ(try_write(narrow_tx, "a", "1"), EACCES);
	CHECK_EQ(try_read(-1, "a", NULL), ENOTCONN);
	CHECK_EQ(try_next(-1, key), ENOTCONN);
	CHECK_EQ(try_attach(narrow_tm), EACCES);
	CHECK_EQ(try_attach(-1), EBADF);
	CHECK(ioctl(store, KTM_SAMPLE_ATTACH, &a) == -1 && errno == EINVAL);
	CHECK_EQ(try_attach(tm), 0);
	close(narrow_tx);
	close(narrow_tm);
	tear_down();
}

/* Somebody else has the RM: there are not two stores. */
TEST(only_once)
{
	const guid_t guid = { .b = { 0x5b, 0x1f, 0x0e, 0x86, 0x91, 0x7c, 0x4e, 0x2d,
				     0xa3, 0x40, 0x6d, 0x8a, 0x2f, 0x55, 0xc7, 0x13 } };
	int rm;

	CHECK_EQ(try_detach(), 0);
	rm = rm_open(tm, &guid);
	CHECK_EQ(try_attach(tm), EBUSY);
	CHECK_EQ(try_detach(), ENOTCONN);
	close(rm);
	CHECK_EQ(try_attach(tm), 0);
	tear_down();
}

/* ---- limits ---- */

static void name_key(char key[16], unsigned int n)
{
	snprintf(key, 16, "key-%u", n);
}

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
		name_key(key, n);
		name_value(value, n, round);
		put(tx, key, value);
	}
	commit(tx);
}

static void check_keys(unsigned int first, unsigned int count, unsigned int round)
{
	char key[16], value[KTM_SAMPLE_MAX_VALUE + 1];
	unsigned int n;

	for (n = first; n < first + count; n++) {
		name_key(key, n);
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
		name_key(key, n);
		put(tx, key, "x");
	}
	CHECK_EQ(try_write(tx, "one more", "x"), E2BIG);
	/* It has these already. */
	put(tx, key, "y");
	commit(tx);
	IS(-1, key, "y");
	for (n = KTM_SAMPLE_MAX_WRITES; n < KTM_SAMPLE_MAX_KEYS; n++) {
		name_key(key, n);
		set(key, "x");
	}
	tx = tx_create(tm);
	CHECK_EQ(try_write(tx, "one more", "x"), ENOSPC);
	CHECK_EQ(try_delete(tx, key), 0);
	/* Rolled back it would be there again. */
	CHECK_EQ(try_write(tx, "one more", "x"), ENOSPC);
	commit(tx);
	set("one more", "x");
	restart();
	IS(-1, "one more", "x");
	IS(-1, key, NULL);
	IS(-1, "key-47", "y");
	IS(-1, "key-48", "x");
	tear_down();
}

/* Many times what the stream may hold goes through it. */
TEST(stream_is_tidied)
{
	const unsigned int count = 40, rounds = 200;
	struct ktm_stream_info info;
	unsigned int round;
	int s = stream();

	set("kept", "for long");
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
	restart();
	check_keys(0, count, rounds);
	IS(-1, "kept", "for long");
	tear_down();
}

/* ... with one that has prepared, and does not end, in its way. */
TEST(stream_is_tidied_around_the_prepared)
{
	const unsigned int count = 40, rounds = 100;
	int other = rm_online(tm, 951), tx = tx_create(tm), s = stream();
	unsigned int round;
	guid_t en;
	pid_t pid;

	put(tx, "waits", "for the other");
	en = enlist(other, tx);
	pid = commit_elsewhere(tx, KTM_STATUS_SUCCESS);
	TAKE(other, KTM_NOTIFY_PREPARE, en);
	for (round = 1; round <= rounds; round++)
		fill_keys(0, count, round);
	CHECK(stream_info(s).base_lsn);
	close(s);
	IS(-1, "waits", NULL);
	/* It still finds its redo, in a stream that has moved on. */
	store_end();
	store_begin();
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(other, KTM_NOTIFY_COMMIT, en);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	test_join(pid);
	until_free("waits");
	IS(-1, "waits", "for the other");
	close(tx);
	close(other);
	restart();
	IS(-1, "waits", "for the other");
	check_keys(0, count, rounds);
	tear_down();
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
	int s = stream(), tx;
	uint64_t quota;

	set("a", "old");
	quota = stream_info(s).quota;
	CHECK_EQ(set_quota(s, stream_info(s).used), KTM_STATUS_SUCCESS);
	tx = tx_create(tm);
	put(tx, "a", "new");
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_ROLLED_BACK);
	close(tx);
	IS(-1, "a", "old");
	CHECK_EQ(set_quota(s, quota), KTM_STATUS_SUCCESS);
	set("a", "new");
	IS(-1, "a", "new");
	close(s);
	tear_down();
}

/* See the kernel's Documentation/block/stat.rst. */
static unsigned int flushes_of_the_disk(void)
{
	unsigned int column = 0;
	char name[128], *at;
	char line[512];
	FILE *f;

	snprintf(name, sizeof(name), "/sys/block/%s/stat", strrchr(d.path, '/') + 1);
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

	set("a", "first");
	before = flushes_of_the_disk();
	for (n = 0; n < commits; n++)
		set("a", "again");
	flushes = flushes_of_the_disk() - before;
	/* One more now and then is the journal's own. */
	if (flushes < commits || flushes > commits + commits / 10)
		FAIL("%u flushes for %u commits", flushes, commits);
	tear_down();
}

/* ---- restarts ---- */

TEST(it_is_there_after_a_restart)
{
	char value[16];
	int tx, n;

	set("a", "1");
	set("b", "2");
	for (n = 0; n < 3; n++) {
		tx = tx_create(tm);
		snprintf(value, sizeof(value), "%d", n);
		put(tx, "a", value);
		put(tx, value, "x");
		if (n == 1)
			CHECK_EQ(try_delete(tx, "b"), 0);
		commit(tx);
		tx = tx_create(tm);
		put(tx, "a", "not this");
		store_end();
		close(tx);
		tm_close(tm, d.path);
		tm = tm_online(d.path);
		store_begin();
		IS(-1, "a", value);
		IS(-1, value, "x");
		IS(-1, "b", n < 1 ? "2" : NULL);
	}
	set("a", "it goes on");
	IS(-1, "a", "it goes on");
	tear_down();
}

/* At each moment: what was committed is there, what was not is not. */
TEST(power_cuts)
{
	unsigned char *before, *active, *after;
	int tx;

	set("a", "1");
	before = disk_read(&d);
	tx = tx_create(tm);
	put(tx, "a", "2");
	put(tx, "b", "2");
	active = disk_read(&d);
	commit(tx);
	after = disk_read(&d);
	power_cut(before);
	IS(-1, "a", "1");
	power_cut(active);
	IS(-1, "a", "1");
	IS(-1, "b", NULL);
	power_cut(after);
	/* COMMIT comes again. */
	until_free("a");
	IS(-1, "a", "2");
	IS(-1, "b", "2");
	/* And again, from what has become durable meanwhile. */
	set("c", "3");
	power_cut(disk_read(&d));
	until_free("c");
	IS(-1, "a", "2");
	IS(-1, "b", "2");
	IS(-1, "c", "3");
	tear_down();
}

/* It has voted, another has not, and it goes. Nobody may touch what may yet be committed. */
static int vote(int other, guid_t *en, int *tx, unsigned int want)
{
	const struct deadline end = deadline_in(PATIENCE);
	int s = stream();
	pid_t pid;

	set("a", "old");
	*tx = tx_create(tm);
	put(*tx, "a", "new");
	put(*tx, "new", "");
	*en = enlist(other, *tx);
	pid = commit_elsewhere(*tx, want);
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

	CHECK_EQ(try_write(tx, "a", "mine"), EBUSY);
	CHECK_EQ(try_delete(tx, "a"), EBUSY);
	CHECK_EQ(try_read(-1, "a", value), EBUSY);
	/* It is there, or will be: whoever asks must not take it for absent. */
	KEYS(-1, "a new ");
	put(tx, "b", "the others are free");
	commit(tx);
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
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(other, KTM_NOTIFY_COMMIT, en);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	test_join(pid);
	IS(-1, "a", "new");
	close(tx);
	close(other);
	restart();
	IS(-1, "a", "new");
	tear_down();
}

/* It was committed while it was away. */
TEST(committed_while_unloaded)
{
	int other = rm_online(tm, 951), tx;
	guid_t en;
	pid_t pid;

	pid = vote(other, &en, &tx, KTM_STATUS_SUCCESS);
	store_end();
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(other, KTM_NOTIFY_COMMIT, en);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	/* Who commits does not wait for one that is not there. */
	test_join(pid);
	store_begin();
	until_free("a");
	IS(-1, "a", "new");
	close(tx);
	close(other);
	tear_down();
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
	until_free("a");
	IS(-1, "a", "old");
	close(tx);
	close(other);
	tear_down();
}

/* Without a decision in the log it was rolled back: nobody is asked. */
TEST(power_cut_when_prepared)
{
	int other = rm_online(tm, 951), tx;
	unsigned char *content;
	guid_t en;
	pid_t pid;

	pid = vote(other, &en, &tx, KTM_STATUS_SUCCESS);
	content = disk_read(&d);
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(other, KTM_NOTIFY_COMMIT, en);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	test_join(pid);
	close(tx);
	close(other);
	power_cut(content);
	IS(-1, "a", "old");
	set("a", "it goes on");
	restart();
	IS(-1, "a", "it goes on");
	tear_down();
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
	voted = disk_read(&d);
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(other, KTM_NOTIFY_COMMIT, en);
	decided = disk_read(&d);
	again = disk_read(&d);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	test_join(pid);
	until_free("a");
	finished = disk_read(&d);
	close(tx);
	close(other);

	power_cut(voted);
	IS(-1, "a", "old");
	other_hears(en, false);

	power_cut(decided);
	until_free("a");
	IS(-1, "a", "new");
	other_hears(en, true);
	restart();
	IS(-1, "a", "new");
	other_hears(en, false);

	/* The other one is there first, and it goes once more before the store comes. */
	store_end();
	tm = disk_after_cut(&d, tm, again);
	other_hears(en, true);
	again = disk_read(&d);
	tm = disk_after_cut(&d, tm, again);
	other_hears(en, false);
	store_begin();
	until_free("a");
	IS(-1, "a", "new");

	power_cut(finished);
	until_free("a");
	IS(-1, "a", "new");
	tear_down();
}

/* Who alone writes a key finds what he has committed last, unless the store is away, or in doubt. */
static void check_own(const char *key, unsigned int committed)
{
	char value[KTM_SAMPLE_MAX_VALUE + 1], want[16];
	int err = try_read(-1, key, value);

	snprintf(want, sizeof(want), "%u", committed);
	if (!err)
		CHECK(!strcmp(value, want));
	else
		CHECK(err == ENOTCONN || err == EBUSY || (err == ENOENT && !committed));
}

/* Commits as long as it may, to a store that comes and goes; what was committed is in word @data. */
static void write_to_what_goes(void *data)
{
	const unsigned int n = (uintptr_t)data;
	struct ktm_call call = ARG(ktm_call, .flags = KTM_CALL_WAIT);
	char key[16], value[16];
	unsigned int i, status;
	int tx, err;

	close(store);
	name_key(key, n);
	for (i = 1; !is_open(1); i++) {
		store = open("/dev/" STORE, O_RDWR | O_CLOEXEC);
		if (store < 0) {
			nap();
			continue;
		}
		check_own(key, shared_word[n]);
		tx = tx_create(tm);
		snprintf(value, sizeof(value), "%u", i);
		err = try_write(tx, key, value);
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
		name_key(key, n);
		until_free(key);
		snprintf(value, sizeof(value), "%u", (unsigned int)shared_word[n]);
		IS(-1, key, value);
	}
	tear_down();
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
	restart();
	IS(-1, "a", "old");
	set("a", "it goes on");
	tear_down();
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
	set("a", "newer");
	content = disk_read(&d);
	close(tx);
	close(other);
	power_cut(content);
	until_free("a");
	IS(-1, "a", "newer");
	while (tm_info(tm).transactions) {
		CHECK(!deadline_passed(&end));
		nap();
	}
	tear_down();
}

/* ---- the device of the log fails ---- */

TEST(log_fails)
{
	char value[KTM_SAMPLE_MAX_VALUE + 1];
	struct flaky f;
	int tx, fd;

	store_end();
	tm_close(tm, d.path);
	f = flaky_make(&d);
	tm = tm_online(f.path);
	store_begin();
	set("a", "old");
	tx = tx_create(tm);
	put(tx, "a", "new");
	flaky_set(&f, FAIL_WRITES);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	tm_failed(tm);
	flaky_set(&f, NO_TROUBLE);
	fd = tx_create(-1);
	CHECK_EQ(try_write(fd, "b", "1"), ENOTCONN);
	close(fd);
	tm_recover(tm);
	/* The store has to look again. */
	fd = tx_create(tm);
	CHECK_EQ(try_write(fd, "b", "1"), ENOTCONN);
	close(fd);
	CHECK_EQ(try_detach(), 0);
	CHECK_EQ(try_attach(tm), 0);
	until_free("a");
	CHECK_EQ(try_read(-1, "a", value), 0);
	CHECK(!strcmp(value, tx_info(tx).outcome == KTM_OUTCOME_COMMITTED ? "new" : "old"));
	close(tx);
	set("a", "newer");
	store_end();
	tm_close(tm, f.path);
	flaky_remove(&f);
	tm = tm_online(d.path);
	store_begin();
	IS(-1, "a", "newer");
	tear_down();
}

/* ---- the client ---- */

/* Not NULL: the compiler knows that nothing is there. */
static void *const volatile nowhere = (void *)1;

static void client_write(int fd, const char *text, int want)
{
	ssize_t ret = write(fd, text, strlen(text));

	CHECK_EQ(ret < 0 ? errno : 0, want);
	CHECK(want || ret == (ssize_t)strlen(text));
}

static void client_is(int fd, const char *want)
{
	char line[256] = "";

	CHECK(read(fd, line, sizeof(line) - 1) >= 0);
	if (strcmp(line, want))
		FAIL("the client has told '%s', not '%s'", line, want);
}

static int client_open(void)
{
	int fd;

	load(CLIENT);
	fd = open("/dev/" CLIENT, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static void client_end(int fd)
{
	close(fd);
	unload(CLIENT);
	tear_down();
}

TEST(client_commits)
{
	int c = client_open();

	client_is(c, "");
	client_write(c, "a 1\n", 0);
	client_is(c, "a committed\n");
	IS(-1, "a", "1");
	client_write(c, "a two words", 0);
	client_is(c, "a committed\n");
	client_is(c, "");
	IS(-1, "a", "two words");
	client_end(c);
}

TEST(client_is_refused)
{
	char long_key[KTM_SAMPLE_MAX_KEY + 3];
	int c = client_open(), tx;

	set("a", "old");
	tx = tx_create(tm);
	put(tx, "a", "new");
	client_write(c, "a 1", EBUSY);
	client_write(c, "word", EINVAL);
	client_write(c, "", EINVAL);
	memset(long_key, 'k', sizeof(long_key));
	strcpy(long_key + KTM_SAMPLE_MAX_KEY + 1, " ");
	client_write(c, long_key, EINVAL);
	CHECK_EQ(write(c, nowhere, 4), -1);
	CHECK_EQ(errno, EFAULT);
	client_is(c, "");
	commit(tx);
	IS(-1, "a", "new");
	/* Its other RM votes no. */
	CHECK_EQ(run("echo 1 >" REFUSE), 0);
	client_write(c, "a 1", 0);
	client_is(c, "a rolled back\n");
	IS(-1, "a", "new");
	CHECK_EQ(run("echo 0 >" REFUSE), 0);
	client_write(c, "a 1", 0);
	client_is(c, "a committed\n");
	IS(-1, "a", "1");
	client_end(c);
}

/* Many at once, nobody reads; then nobody is there any more. */
TEST(client_has_many)
{
	int c = client_open(), n, m, again;
	char text[32];

	for (n = 0; ; n++) {
		snprintf(text, sizeof(text), "key-%d %d", n, n);
		if (write(c, text, strlen(text)) < 0)
			break;
	}
	CHECK_EQ(errno, EDQUOT);
	CHECK_EQ(n, 64);
	for (m = 0; m < n; m++) {
		CHECK(read(c, text, sizeof(text)) == -1 && errno == EINVAL);
		CHECK(read(c, nowhere, 256) == -1 && errno == EFAULT);
	}
	client_is(c, "");
	for (m = 0; m < n; m++) {
		snprintf(text, sizeof(text), "key-%d", m);
		IS(-1, text, text + 4);
	}
	again = open("/dev/" CLIENT, O_RDWR | O_CLOEXEC);
	CHECK(again >= 0);
	client_write(again, "last 1", 0);
	close(again);
	until_free("last");
	client_end(c);
}

/* Without a store there is no TM. */
TEST(client_without_a_store)
{
	int c = client_open();

	client_write(c, "a 1", 0);
	client_is(c, "a committed\n");
	CHECK_EQ(try_detach(), 0);
	client_write(c, "a 2", ENOTCONN);
	CHECK_EQ(open("/dev/" CLIENT, O_RDWR | O_CLOEXEC), -1);
	CHECK_EQ(errno, ENOTCONN);
	CHECK_EQ(try_attach(tm), 0);
	IS(-1, "a", "1");
	client_end(c);
}

/* ---- memory is short ---- */

/* More than anything here allocates: a safety net. */
#define TOO_MANY	1000

/* Each allocation of @step fails once: it is refused then, or does without. @after looks. */
static void each_allocation(int (*step)(void), void (*after)(int err))
{
	unsigned int n, refused = 0;
	bool hit = true;
	int err;

	for (n = 1; hit; n++) {
		CHECK(n < TOO_MANY);
		fail_nth_arm(n);
		err = step();
		hit = fail_nth_disarm();
		if (err) {
			CHECK(hit);
			CHECK_EQ(err, ENOMEM);
			refused++;
		}
		after(err);
	}
	CHECK(refused);
}

static int step_attach(void)
{
	return try_attach(tm);
}

static void after_attach(int err)
{
	char value[KTM_SAMPLE_MAX_VALUE + 1];

	if (err) {
		CHECK_EQ(try_read(-1, "a", value), ENOTCONN);
		return;
	}
	IS(-1, "a", "old");
	CHECK_EQ(try_detach(), 0);
}

static int tx_short;

static int step_write(void)
{
	return try_write(tx_short, "b", "new");
}

/* If it was refused it has locked nothing, and its transaction goes on. */
static void after_write(int err)
{
	if (err)
		set("b", "somebody's");
	ROLLBACK(tx_short, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	close(tx_short);
	tx_short = tx_create(tm);
}

static int step_delete(void)
{
	return try_delete(tx_short, "a");
}

static void after_delete(int err)
{
	if (err)
		set("a", "old");
	after_write(0);
	IS(-1, "a", "old");
}

static int client;

static int step_client(void)
{
	return write(client, "c 1", 3) < 0 ? errno : 0;
}

static void after_client(int err)
{
	client_is(client, err ? "" : "c committed\n");
	until_free("c");
}

static int step_open_client(void)
{
	client = open("/dev/" CLIENT, O_RDWR | O_CLOEXEC);
	return client < 0 ? errno : 0;
}

static void after_open_client(int err)
{
	if (!err)
		close(client);
}

TEST(memory_is_short)
{
	/* Where it is skipped nothing must be left. */
	tear_down();
	fail_nth_open();
	tm = tm_online(d.path);
	store_begin();
	set("a", "old");
	CHECK_EQ(try_detach(), 0);
	each_allocation(step_attach, after_attach);
	CHECK_EQ(try_attach(tm), 0);
	tx_short = tx_create(tm);
	each_allocation(step_write, after_write);
	each_allocation(step_delete, after_delete);
	close(tx_short);
	client = client_open();
	each_allocation(step_client, after_client);
	close(client);
	each_allocation(step_open_client, after_open_client);
	client_end(-1);
}
