// SPDX-License-Identifier: GPL-2.0
/*
 * The client in samples/, which begins transactions in the kernel; and both drivers when memory is
 * short.
 */
#define _GNU_SOURCE
#include <fcntl.h>

#include "failalloc.h"
#include "samplecalls.h"

void test_setup(void)
{
	sample_setup();
}

#define REFUSE	"/sys/module/" CLIENT "/parameters/refuse"

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

	sample_load(CLIENT);
	fd = open("/dev/" CLIENT, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static void client_end(int fd)
{
	close(fd);
	sample_unload(CLIENT);
	sample_tear_down();
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

	sample_set("a", "old");
	tx = tx_create(tm);
	sample_put(tx, "a", "new");
	client_write(c, "a 1", EBUSY);
	client_write(c, "word", EINVAL);
	client_write(c, "", EINVAL);
	memset(long_key, 'k', sizeof(long_key));
	strcpy(long_key + KTM_SAMPLE_MAX_KEY + 1, " ");
	client_write(c, long_key, EINVAL);
	CHECK_EQ(write(c, nowhere, 4), -1);
	CHECK_EQ(errno, EFAULT);
	client_is(c, "");
	sample_commit(tx);
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
	sample_until_free("last");
	client_end(c);
}

static void client_writes(void *key)
{
	char text[32];
	int c = shared_word[0];

	snprintf(text, sizeof(text), "%s 1", (const char *)key);
	client_write(c, text, 0);
}

static void client_reads_one(void *n)
{
	char line[256];

	shared_word[(uintptr_t)n] = read(shared_word[0], line, sizeof(line));
}

static char keys[2][2] = { "a", "b" };

/* One of the active transactions, -1: there is none; how many, beside those that have ended. */
static int open_active(unsigned int *count)
{
	guid_t all[64];
	struct ktm_enumerate e = ARG(ktm_enumerate, .kind = KTM_KIND_TX,
				     .guids = (uintptr_t)all, .count = 64);
	int found = -1;
	unsigned int i;

	test_try(tm, KTM_IOC_ENUMERATE, &e);
	*count = 0;
	for (i = 0; i < e.count; i++) {
		struct ktm_open o = ARG(ktm_open, .access = KTM_TX_ALL_ACCESS, .guid = all[i]);

		if (test_try(dev(), KTM_IOC_TX_OPEN, &o))
			continue;
		if (tx_info(o.fd).state == KTM_TX_STATE_ACTIVE && !(*count)++)
			found = o.fd;
		else
			close(o.fd);
	}
	return found;
}

/* Both commits are begun, and one waits for @rm; both readers wait. Who is told of the first one? */
static void two_read(int rm)
{
	const struct deadline end = deadline_in(PATIENCE);
	pid_t writer[2], reader[2];
	unsigned int count;
	int tx, n;
	guid_t en;

	shared_word[1] = shared_word[2] = 0;
	FREEZE(KTM_MAX_FREEZE_NS, KTM_MAX_FREEZE_NS, KTM_STATUS_SUCCESS);
	for (n = 0; n < 2; n++)
		writer[n] = test_spawn(client_writes, keys[n]);
	for (;;) {
		tx = open_active(&count);
		if (count == 2)
			break;
		close(tx);
		CHECK(!deadline_passed(&end));
		nap();
	}
	for (n = 0; n < 2; n++)
		until_asleep(writer[n]);
	en = enlist(rm, tx);
	for (n = 0; n < 2; n++) {
		reader[n] = test_spawn(client_reads_one, (void *)(uintptr_t)(n + 1));
		until_asleep(reader[n]);
	}
	THAW(KTM_STATUS_SUCCESS);
	for (n = 0; n < 2; n++)
		test_join(writer[n]);
	while (!shared_word[1] && !shared_word[2]) {
		CHECK(!deadline_passed(&end));
		nap();
	}
	/* The other one has been woken too, and goes on waiting. */
	until_asleep(reader[!shared_word[2]]);
	en_prepare(rm, en);
	en_commit(rm, en);
	for (n = 0; n < 2; n++) {
		test_join(reader[n]);
		CHECK_EQ(shared_word[n + 1], strlen("a committed\n"));
	}
	close(tx);
}

/* Of two who are woken for one line, who is too late does not take that for the end. */
TEST(client_has_two_readers)
{
	int c = client_open(), rm = rm_create(tm, KTM_RM_VOLATILE), i;

	shared_word[0] = c;
	for (i = 0; i < 40; i++)
		two_read(rm);
	close(rm);
	client_end(c);
}

/* Without a store there is no TM. */
TEST(client_without_a_store)
{
	int c = client_open();

	client_write(c, "a 1", 0);
	client_is(c, "a committed\n");
	CHECK_EQ(sample_try_detach(), 0);
	client_write(c, "a 2", ENOTCONN);
	CHECK_EQ(open("/dev/" CLIENT, O_RDWR | O_CLOEXEC), -1);
	CHECK_EQ(errno, ENOTCONN);
	CHECK_EQ(sample_try_attach(tm), 0);
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
	return sample_try_attach(tm);
}

static void after_attach(int err)
{
	char value[KTM_SAMPLE_MAX_VALUE + 1];

	if (err) {
		CHECK_EQ(sample_try_read(-1, "a", value), ENOTCONN);
		return;
	}
	IS(-1, "a", "old");
	CHECK_EQ(sample_try_detach(), 0);
}

static int tx_short;

static int step_write(void)
{
	return sample_try_write(tx_short, "b", "new");
}

/* If it was refused it has locked nothing, and its transaction goes on. */
static void after_write(int err)
{
	if (err)
		sample_set("b", "somebody's");
	ROLLBACK(tx_short, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	close(tx_short);
	tx_short = tx_create(tm);
}

static int step_delete(void)
{
	return sample_try_delete(tx_short, "a");
}

static void after_delete(int err)
{
	if (err)
		sample_set("a", "old");
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
	sample_until_free("c");
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
	sample_tear_down();
	fail_nth_open();
	tm = tm_online(sample_disk.path);
	store_begin();
	sample_set("a", "old");
	CHECK_EQ(sample_try_detach(), 0);
	each_allocation(step_attach, after_attach);
	CHECK_EQ(sample_try_attach(tm), 0);
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
