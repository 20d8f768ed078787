// SPDX-License-Identifier: GPL-2.0
/*
 * Each error of each function that drivers call: /root/ktm_test.ko (selftests/ktm_test/errors.h)
 * makes the calls and says in KTAP how each has failed. This program brings about what they fail
 * for, and prints what it is told. check-called.sh holds that against the functions' descriptions.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "../ktm_test/errors.h"
#include "disk.h"
#include "opcalls.h"

#define TM_GUID		guid_of(950)
#define SINGLE		(EN_MASK | KTM_NOTIFY_PREPREPARE | KTM_NOTIFY_SINGLE_PHASE_COMMIT)
#define SUPERIOR	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE |		\
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE)

static int fds[ERRORS_FDS];
static struct disk d;
static struct flaky f;
static int tm, rm, s;

void test_setup(void)
{
	unsigned int i;

	driver_open();
	for (i = 0; i < ERRORS_FDS; i++)
		fds[i] = -1;
}

/* All of one group must fail as it has to. */
static void group(unsigned int n)
{
	static char text[KTM_TEST_ERRORS_TEXT + 1];
	struct ktm_test_errors a = { .group = n, .text = (uintptr_t)text };

	memcpy(a.fds, fds, sizeof(fds));
	CHECK_EQ(ioctl(drv, KTM_TEST_ERRORS, &a), 0);
	text[a.length] = 0;
	printf("%s", text);
	CHECK(strstr(text, "    ok "));
	CHECK(!strstr(text, "    not ok "));
}

static void on_nothing(unsigned int n)
{
	fds[FD_OTHER] = open("/dev/null", O_RDWR | O_CLOEXEC);
	CHECK(fds[FD_OTHER] >= 0);
	group(n);
}

/* ---- without a log ---- */

TEST(tms)
{
	on_nothing(ERRORS_OF_TMS);
}

TEST(transactions)
{
	on_nothing(ERRORS_OF_TRANSACTIONS);
}

TEST(rms)
{
	on_nothing(ERRORS_OF_RMS);
}

TEST(enlistments)
{
	on_nothing(ERRORS_OF_ENLISTMENTS);
}

TEST(answers)
{
	group(ERRORS_OF_ANSWERS);
}

TEST(superiors)
{
	group(ERRORS_OF_SUPERIORS);
}

TEST(freezing)
{
	group(ERRORS_OF_FREEZING);
}

static void set_parameter(const char *name, unsigned int value)
{
	CHECK_EQ(run("echo %u >/sys/module/ktm/parameters/%s", value, name), 0);
}

TEST(quotas)
{
	set_parameter("max_objects", 4);
	group(ERRORS_OF_QUOTAS);
	set_parameter("max_objects", 65536);
}

/* ---- with one ---- */

static void format(void)
{
	d = disk_make(8 * MIB);
	journal_format(d.path, TM_GUID);
}

TEST(nobody)
{
	format();
	fds[FD_DEVICE] = disk_open(d.path);
	group(ERRORS_OF_NOBODY);
	close(fds[FD_DEVICE]);
	tm_close(-1, d.path);
}

static void read_only(int fd, int on)
{
	CHECK_EQ(ioctl(fd, BLKROSET, &on), 0);
}

TEST(devices)
{
	struct disk blank = disk_make(MIB), busy = disk_make(MIB), ro = disk_make(MIB);
	int alone;

	format();
	fds[FD_DEVICE] = disk_open(d.path);
	fds[FD_FOR_READING] = disk_open_read_only(d.path);
	fds[FD_BLANK] = disk_open(blank.path);
	fds[FD_BUSY] = disk_open(busy.path);
	fds[FD_READ_ONLY] = disk_open(ro.path);
	alone = disk_open_alone(busy.path);
	CHECK(alone >= 0);
	read_only(fds[FD_READ_ONLY], 1);
	on_nothing(ERRORS_OF_DEVICES);
	/* Another test's disk may be the same device. */
	read_only(fds[FD_READ_ONLY], 0);
	close(fds[FD_DEVICE]);
	close(fds[FD_FOR_READING]);
	tm_close(-1, d.path);
}

static void go_online(uint64_t bytes)
{
	d = disk_make(bytes);
	f = flaky_make(&d);
	journal_format(f.path, TM_GUID);
	tm = tm_online(f.path);
	rm = rm_online(tm, 1);
	s = stream_create(tm, "s", QUOTA / 4);
	fds[FD_TM] = tm;
	fds[FD_RM] = rm;
	fds[FD_STREAM] = s;
}

/* The driver holds nothing any more. */
static void tear_down(void)
{
	close(s);
	close(rm);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

TEST(without_descriptors)
{
	struct rlimit few, none = { .rlim_cur = 3 };

	go_online(8 * MIB);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &few), 0);
	none.rlim_max = few.rlim_max;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	group(ERRORS_WITHOUT_FDS);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	tear_down();
}

TEST(signals)
{
	go_online(8 * MIB);
	group(ERRORS_OF_SIGNALS);
	tear_down();
}

static void recover_it(void *unused)
{
	(void)unused;
	tm_recover(tm);
}

static void attach_other(void *path)
{
	close(tm_attach(path));
}

static void fail(void)
{
	int none;

	flaky_set(&f, FAIL_WRITES);
	CHECK_EQ(stream_try_create(tm, "none", 4096, &none), KTM_STATUS_IO_ERROR);
	tm_failed(tm);
}

/* One reads its log again, another one its superblocks, and neither gets an answer. */
TEST(held)
{
	struct disk e = disk_make(8 * MIB);
	struct flaky other = flaky_make(&e);
	pid_t pids[2];

	go_online(8 * MIB);
	journal_format(other.path, guid_of(951));
	fds[FD_DEVICE] = disk_open(other.path);
	fail();
	flaky_hold(&f);
	flaky_hold(&other);
	pids[0] = test_spawn(recover_it, NULL);
	pids[1] = test_spawn(attach_other, other.path);
	until_stuck(pids[0]);
	until_stuck(pids[1]);
	group(ERRORS_WHILE_HELD);
	flaky_release(&f, NO_TROUBLE);
	flaky_release(&other, NO_TROUBLE);
	test_join(pids[0]);
	test_join(pids[1]);
	close(fds[FD_DEVICE]);
	tm_close(-1, other.path);
	flaky_remove(&other);
	tear_down();
}

static void append_on(void *unused)
{
	(void)unused;
	while (!is_open(1)) {
		append(s, 1, KTM_MAX_STREAM_RECORD);
		truncate_to(s, 0);
	}
}

TEST(stuck)
{
	pid_t pid;

	go_online(8 * MIB);
	flaky_hold(&f);
	pid = test_spawn(append_on, NULL);
	until_stuck(pid);
	group(ERRORS_WHILE_STUCK);
	go(1);
	flaky_release(&f, NO_TROUBLE);
	test_join(pid);
	tear_down();
}

static int en_open(guid_t guid)
{
	struct ktm_open o = ARG(ktm_open, .guid = guid, .access = KTM_EN_ALL_ACCESS);

	CALL(rm, KTM_IOC_EN_OPEN, &o, KTM_STATUS_SUCCESS);
	return o.fd;
}

/* What has voted is known by another object then. */
TEST(failed_and_reopened)
{
	int tx, led, en;
	guid_t voter, sup;

	go_online(8 * MIB);
	tx = tx_create(tm);
	led = tx_create(tm);
	en = enlist_fd(rm, tx, KTM_EN_ALL_ACCESS, &voter);
	enlist(rm, tx);
	sup = enlist_superior(rm, led, SUPERIOR, 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, voter);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, voter, KTM_STATUS_SUCCESS);
	append_flags(s, 1, 10, KTM_STREAM_DURABLE);
	fds[FD_SUPERIOR] = en_open(sup);
	fail();
	group(ERRORS_OF_FAILED);
	close(fds[FD_SUPERIOR]);
	fds[FD_SUPERIOR] = -1;
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	fds[FD_LOST] = en;
	fds[FD_NEW] = en_open(voter);
	group(ERRORS_OF_LOST);
	close(fds[FD_NEW]);
	close(en);
	close(tx);
	close(led);
	tear_down();
}

/* ---- with what answers bring, and in a full log ---- */

#define PIN	1500
#define CHUNK	4000

static int pin, filler, asked, tx[5];
static uint64_t pinned, second;

/* One enlistment is to vote, one to commit, one to roll back, one is a superior, one is to come. */
static void begin_all(void)
{
	static const unsigned int at[] = { FD_VOTER, FD_COMMITTER, FD_ABORTER };
	unsigned int i;
	guid_t en;

	for (i = 0; i < 3; i++) {
		tx[i] = tx_create(tm);
		fds[at[i]] = enlist_fd(rm, tx[i], KTM_EN_ALL_ACCESS, &en);
		if (at[i] == FD_ABORTER) {
			ROLLBACK(tx[i], 0, KTM_STATUS_PENDING);
			TAKE(rm, KTM_NOTIFY_ROLLBACK, en);
			continue;
		}
		COMMIT(tx[i], 0, KTM_STATUS_PENDING);
		TAKE(rm, KTM_NOTIFY_PREPARE, en);
		if (at[i] == FD_VOTER)
			continue;
		ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
		TAKE(rm, KTM_NOTIFY_COMMIT, en);
	}
	tx[3] = tx_create(tm);
	fds[FD_SUPERIOR] = en_open(enlist_superior(rm, tx[3], SUPERIOR, 0));
	tx[4] = tx_create(tm);
	fds[FD_TX] = tx[4];
}

static void end_all(void)
{
	unsigned int i;

	close(fds[FD_VOTER]);
	close(fds[FD_COMMITTER]);
	close(fds[FD_ABORTER]);
	close(fds[FD_SUPERIOR]);
	for (i = 0; i < 5; i++)
		close(tx[i]);
}

TEST(brought)
{
	struct disk e = disk_make(8 * MIB);
	int other, foreign, gone;

	go_online(8 * MIB);
	begin_all();
	journal_format(e.path, guid_of(951));
	other = tm_online(e.path);
	foreign = stream_create(other, "s", QUOTA);
	gone = stream_create(tm, "gone", QUOTA);
	stream_delete(gone);
	fds[FD_STREAM] = foreign;
	fds[FD_FILLER] = gone;
	group(ERRORS_OF_BROUGHT);
	close(foreign);
	tm_close(other, e.path);
	close(gone);
	end_all();
	tear_down();
}

static unsigned int try_truncate(int fd, uint64_t last)
{
	struct ktm_stream_mark m = ARG(ktm_stream_mark, .lsn = last);

	return test_try(fd, KTM_IOC_STREAM_TRUNCATE, &m);
}

/* Records of so many bytes, each given up at once, until there is no room for another. */
static void fill_with(unsigned int bytes)
{
	unsigned int status;
	uint64_t lsn;

	while ((status = try_append(filler, 1, bytes, 0, &lsn)) == KTM_STATUS_SUCCESS)
		advance(filler, lsn);
	CHECK_EQ(status, KTM_STATUS_LOG_FULL);
}

/* As streamfull.c does: the oldest record lives and cannot be read, so the log's end stays. */
static void fill_up(void)
{
	unsigned char data[PIN];
	unsigned int status;

	fill(data, 1, PIN);
	f.bad = disk_find(&d, data, PIN);
	f.bad_bytes = PIN;
	flaky_set(&f, BAD_SPOT);
	fill_with(CHUNK);
	fill_with(0);
	while ((status = try_truncate(filler, stream_info(filler).last_lsn)) ==
	       KTM_STATUS_SUCCESS)
		;
	CHECK_EQ(status, KTM_STATUS_LOG_FULL);
}

/* The record that holds the log's end back goes. */
static void make_room(void)
{
	flaky_set(&f, NO_TROUBLE);
	check_record(pin, pinned, 1, PIN);
	advance(pin, second);
}

/* What a reopening has let go of: to decide in two phases it has to be had again. */
static void ask_again(void)
{
	guid_t en;

	asked = tx_create(tm);
	en = enlist_mask(rm, asked, SINGLE, 0);
	COMMIT(asked, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
	fds[FD_SINGLE] = en_open(en);
	fail();
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	stream_info(s);
	rm_recover_one(rm, en);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
}

TEST(full)
{
	/* Not while this runs, whoever is slow. */
	set_parameter("lost_after", 3600);
	go_online(MIB);
	ask_again();
	pin = stream_create(tm, "pin", 4 * PIN);
	filler = stream_create(tm, "filler", 4 * CHUNK);
	fds[FD_FILLER] = filler;
	pinned = append(pin, 1, PIN);
	second = append(pin, 2, PIN);
	flush(pin, 0);
	append(s, 1, 500);
	begin_all();
	fill_up();
	group(ERRORS_WHEN_FULL);
	make_room();
	flaky_hold(&f);
	group(ERRORS_WHILE_CLEANED);
	flaky_release(&f, NO_TROUBLE);
	end_all();
	close(fds[FD_SINGLE]);
	close(asked);
	close(pin);
	close(filler);
	tear_down();
}

/* The last one. */
TEST(unload)
{
	driver_unload();
}
