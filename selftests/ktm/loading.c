// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading: refused while anything is in use, clean when idle, also
 * right after the users have been killed.
 *
 * The module is found where selftests/vm puts it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#include "calls.h"
#include "disk.h"
#include "streams.h"

#define MODULE	"/lib/ktm.ko"

static int load(void)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC), ret;

	CHECK(fd >= 0);
	ret = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return ret;
}

static int unload(void)
{
	return syscall(SYS_delete_module, "ktm", O_NONBLOCK);
}

/* Whoever holds it may go a moment after his last descriptor. */
static void unload_patiently(void)
{
	const struct deadline d = deadline_in(PATIENCE);

	while (unload()) {
		CHECK(errno == EAGAIN || errno == EBUSY);
		if (deadline_passed(&d))
			FAIL("ktm cannot be unloaded");
		nap();
	}
}

#define REFUSED()							\
	do {								\
		CHECK_EQ(unload(), -1);					\
		CHECK(errno == EAGAIN || errno == EBUSY);		\
	} while (0)

TEST(refused_while_in_use)
{
	struct ktm_version v = ARG(ktm_version);
	int tm, rm, tx, en, fd;

	CHECK(dev() >= 0);
	REFUSED();
	tm = tm_volatile();
	rm = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
	en = enlist_fd(rm, tx, KTM_EN_ALL_ACCESS, NULL);
	close(dev());
	REFUSED();
	close(tm);
	REFUSED();
	close(rm);
	REFUSED();
	close(tx);
	REFUSED();
	/* One enlistment is the last thing open, and it still works. */
	CHECK_EQ(en_info(en).state, KTM_EN_STATE_ABORTED);
	close(en);
	unload_patiently();
	CHECK_EQ(access("/dev/ktm", F_OK), -1);
	CHECK_EQ(load(), 0);
	fd = open("/dev/ktm", O_RDWR);
	CALL(fd, KTM_IOC_VERSION, &v, KTM_STATUS_SUCCESS);
}

/* A freeze keeps nothing: who unloads the module ends it. */
TEST(while_all_is_frozen)
{
	struct ktm_freeze f = ARG(ktm_freeze, .thaw_timeout_ns = KTM_MAX_FREEZE_NS);
	int fd = open("/dev/ktm", O_RDWR);

	CALL(fd, KTM_IOC_FREEZE, &f, KTM_STATUS_SUCCESS);
	REFUSED();
	close(fd);
	unload_patiently();
	CHECK_EQ(load(), 0);
	commit_one(rm_create(tm_volatile(), KTM_RM_VOLATILE), tx_create(-1));
}

TEST(again_and_again)
{
	int i;

	for (i = 0; i < 50; i++) {
		unload_patiently();
		CHECK_EQ(load(), 0);
	}
}

/* With work done in between, so that there is something to leak. */
static void some_work(void *unused)
{
	int tm = tm_volatile(), rm = rm_create(tm, KTM_RM_VOLATILE), i;

	(void)unused;
	for (i = 0; i < 20; i++)
		commit_one(rm, tx_create(tm));
}

TEST(with_work_in_between)
{
	int i;

	for (i = 0; i < 10; i++) {
		test_join(test_spawn(some_work, NULL));
		unload_patiently();
		CHECK_EQ(load(), 0);
	}
}

static void be_killed(void *data)
{
	const char *path = data;
	int tm = path ? tm_online(path) : tm_volatile();
	int rm = rm_create(tm, path ? 0 : KTM_RM_VOLATILE), tx[8], i;

	if (path)
		rm_recover_empty(rm);
	for (i = 0; i < 8; i++) {
		tx[i] = tx_create_timeout(tm, i % 2 ? SOON : 0);
		enlist(rm, tx[i]);
		if (i % 4 > 1)
			COMMIT(tx[i], 0, KTM_STATUS_PENDING);
	}
	go(1);
	for (;;)
		pause();
}

static void kill_and_unload(char *path)
{
	pid_t user = test_spawn(be_killed, path);

	meet(1);
	REFUSED();
	test_kill(user);
	unload_patiently();
	CHECK_EQ(load(), 0);
}

TEST(right_after_killing_its_users)
{
	kill_and_unload(NULL);
}

/* The journal is detached before the module goes: the device is free, and sound. */
TEST(right_after_killing_durable_users)
{
	struct disk d = disk_make(8 * MIB);
	int fd, tm;

	journal_format(d.path, guid_of(1));
	kill_and_unload(d.path);
	/* Loaded to where it was before, the module would be taken for who has it still. */
	fd = open(d.path, O_RDWR | O_EXCL);
	CHECK(fd >= 0);
	close(fd);
	tm = tm_online(d.path);
	CHECK_EQ(tm_info(tm).rms, 1);
	CHECK_EQ(tm_info(tm).transactions, 0);
}

static void flush_and_be_killed(void *data)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);
	struct flaky *f = data;
	int tm = tm_online(f->path), s = stream_create(tm, "s", 1 << 16);

	append(s, 1, 100);
	flaky_hold(f);
	CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_PENDING);
	go(1);
	for (;;)
		pause();
}

static void release_later(void *data)
{
	unsigned int i;

	for (i = 0; i < 20; i++)
		nap();
	flaky_release(data, NO_TROUBLE);
}

/* Nobody waits for the flush but the journal, and the module for that. */
TEST(while_a_flush_is_under_way)
{
	struct disk d = disk_make(8 * MIB);
	struct flaky f = flaky_make(&d);
	pid_t user, releaser;
	int tm;

	journal_format(f.path, guid_of(1));
	user = test_spawn(flush_and_be_killed, &f);
	meet(1);
	REFUSED();
	test_kill(user);
	releaser = test_spawn(release_later, &f);
	unload_patiently();
	test_join(releaser);
	CHECK_EQ(load(), 0);
	tm = tm_online(f.path);
	close(stream_open(tm, "s"));
	tm_close(tm, f.path);
	flaky_remove(&f);
}

/* A transaction of nobody's, whose time-out is moved when it is due. */
static void move_a_time_out(void *data)
{
	struct ktm_tx_properties p = {
		.set = KTM_TX_SET_TIMEOUT, .timeout_ns = 3600000000000,
	};
	struct ktm_set s = ARG(ktm_set, .info_class = KTM_INFO_TX_PROPERTIES,
			       .length = sizeof(p), .buffer = (uintptr_t)&p);
	unsigned int status;

	status = test_try(tx_create_timeout(-1, 1 + *(int *)data * 1000000), KTM_IOC_SET, &s);
	CHECK(!status || status == KTM_STATUS_TRANSACTION_NOT_ACTIVE);
}

/*
 * A time-out that finds its transaction in use comes back a little later; by then that
 * may be closed, and the module on its way out.
 */
TEST(while_a_time_out_comes_back)
{
	int i;

	for (i = 0; i < 20; i++) {
		test_join(test_spawn(move_a_time_out, &i));
		unload_patiently();
		CHECK_EQ(load(), 0);
	}
}
