// SPDX-License-Identifier: GPL-2.0
/*
 * A client that may write next to nothing to any disk (io.max) commits, and holds up nobody: what
 * the journal writes is the system's, whoever hands it to the device.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "calls.h"
#include "disk.h"
#include "streams.h"

#define ROOT	"/run/ktm-test-io"
#define GROUP	ROOT "/slow"

static const char *path;
static int tm;

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

void test_setup(void)
{
	struct stat found;
	char limit[96];

	path = getenv("KTM_JOURNAL");
	if (!path)
		test_skip("KTM_JOURNAL names no disk");
	CHECK_EQ(stat(path, &found), 0);
	mkdir(ROOT, 0700);
	if (mount("none", ROOT, "cgroup2", 0, NULL) && errno != EBUSY)
		test_skip("no cgroups here");
	if (put(ROOT "/cgroup.subtree_control", "+io"))
		test_skip("no io cgroups here");
	CHECK(!mkdir(GROUP, 0700) || errno == EEXIST);
	snprintf(limit, sizeof(limit), "%u:%u rbps=1024 wbps=64", major(found.st_rdev),
		 minor(found.st_rdev));
	if (put(GROUP "/io.max", limit))
		FAIL("io.max %s: %s", limit, strerror(errno));
	journal_format(path, guid_of(990));
	tm = tm_online(path);
}

static void in_the_group(void *data)
{
	int rm = rm_create(tm, 0), s, i, tx;

	(void)data;
	rm_recover_empty(rm);
	s = stream_create(tm, "s", QUOTA);
	CHECK_EQ(put(GROUP "/cgroup.procs", "0"), 0);
	for (i = 0; i < 8; i++) {
		append(s, i, 1000);
		flush(s, 0);
		tx = tx_create(tm);
		commit_one(rm, tx);
		close(tx);
	}
	close(s);
	close(rm);
	shared_word[0] = true;
}

TEST(limited_client)
{
	pid_t pid = test_spawn(in_the_group, NULL);
	int rm = rm_create(tm, 0), i, tx;

	rm_recover_empty(rm);
	for (i = 0; i < 8; i++) {
		tx = tx_create(tm);
		commit_one(rm, tx);
		close(tx);
	}
	test_join(pid);
	CHECK(shared_word[0]);
	close(rm);
	tm_close(tm, path);
}

/* He sleeps in the kernel, where he cannot be stopped: it counts once a signal may wake him. */
static void until_frozen(void)
{
	struct deadline end = deadline_in(PATIENCE);

	while (run("grep -q '^frozen 1' " GROUP "/cgroup.events")) {
		if (deadline_passed(&end))
			FAIL("he is not frozen");
		nap();
	}
}

static int frozen_stream;

static void flush_it(void *unused)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush);
	unsigned int status;

	(void)unused;
	CHECK_EQ(put(GROUP "/cgroup.procs", "0"), 0);
	status = test_try(frozen_stream, KTM_IOC_STREAM_FLUSH, &fl);
	CHECK(status == KTM_STATUS_SUCCESS || status == KTM_STATUS_INTERRUPTED);
}

/* He has handed his batch to the device, and is frozen before that is done: all goes on. */
TEST(frozen_client)
{
	struct deadline end;
	struct disk d = disk_make(4 * MIB);
	struct flaky f = flaky_make(&d);
	int other, rm, tx;
	uint64_t lsn;
	pid_t pid;

	tm_close(tm, path);
	journal_format(f.path, guid_of(991));
	other = tm_online(f.path);
	rm = rm_create(other, 0);
	rm_recover_empty(rm);
	frozen_stream = stream_create(other, "s", QUOTA);
	lsn = append(frozen_stream, 1, 1000);
	flaky_hold(&f);
	pid = test_spawn(flush_it, NULL);
	until_asleep(pid);
	CHECK_EQ(put(GROUP "/cgroup.freeze", "1"), 0);
	until_frozen();
	end = deadline_in(PATIENCE);
	flaky_release(&f, NO_TROUBLE);
	while (stream_info(frozen_stream).flushed_lsn != lsn) {
		if (deadline_passed(&end))
			FAIL("what a frozen client has forced does not become durable");
		nap();
	}
	tx = tx_create(other);
	commit_one(rm, tx);
	close(tx);
	CHECK_EQ(put(GROUP "/cgroup.freeze", "0"), 0);
	test_join(pid);
	close(frozen_stream);
	close(rm);
	tm_close(other, f.path);
	flaky_remove(&f);
}
