// SPDX-License-Identifier: GPL-2.0
/*
 * What drivers call: /root/ktm_test.ko (selftests/ktm_test) makes the calls, this program says
 * which, and sees that they come to the same as the requests of processes do.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>

#include "disk.h"
#include "drivercalls.h"

#define UNKNOWN	0x40000000

static struct disk d;
static struct flaky f;
static int tm;

void test_setup(void)
{
	driver_open();
	d = disk_make(8 * MIB);
	f = flaky_make(&d);
	journal_format(f.path, guid_of(960));
	tm = tm_online(f.path);
}

/* Whatever the driver still holds goes with its file. */
static void tear_down(void)
{
	close(drv);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

/* ---- descriptors, references ---- */

TEST(descriptors_are_checked)
{
	int s = stream_create(tm, "s", QUOTA), narrow_s = narrow(s, KTM_STREAM_READ);
	int narrow_tm = narrow(tm, KTM_TM_QUERY_INFORMATION), back;
	struct ktm_stream_read r = ARG(ktm_stream_read, .mode = KTM_STREAM_NEXT);
	struct ktm_stream_append a = ARG(ktm_stream_append);

	DRIVER(KTM_STATUS_INVALID_PARAMETER, TM_GET_FROM_FD, .fd = tm, .access = 0);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, TM_GET_FROM_FD, .fd = tm, .access = UNKNOWN);
	DRIVER(KTM_STATUS_INVALID_HANDLE, TM_GET_FROM_FD, .fd = -1, .access = KTM_TM_RECOVER);
	DRIVER(KTM_STATUS_INVALID_HANDLE, TM_GET_FROM_FD, .fd = 1000, .access = KTM_TM_RECOVER);
	DRIVER(KTM_STATUS_OBJECT_TYPE_MISMATCH, TM_GET_FROM_FD, .fd = drv,
	       .access = KTM_TM_RECOVER);
	DRIVER(KTM_STATUS_OBJECT_TYPE_MISMATCH, TM_GET_FROM_FD, .fd = s, .access = KTM_TM_RECOVER);
	DRIVER(KTM_STATUS_ACCESS_DENIED, TM_GET_FROM_FD, .fd = narrow_tm,
	       .access = KTM_TM_QUERY_INFORMATION | KTM_TM_CREATE_RM);
	DRIVER(KTM_STATUS_SUCCESS, TM_GET_FROM_FD, .fd = narrow_tm,
	       .access = KTM_TM_QUERY_INFORMATION);

	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_CREATE, .bytes = QUOTA, .name = "t",
	       .access = KTM_STREAM_READ);

	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_GET_FROM_FD, .fd = s, .access = 0);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_GET_FROM_FD, .fd = s,
	       .access = KTM_MAXIMUM_ALLOWED);
	DRIVER(KTM_STATUS_INVALID_HANDLE, STREAM_GET_FROM_FD, .fd = -1,
	       .access = KTM_STREAM_READ);
	DRIVER(KTM_STATUS_OBJECT_TYPE_MISMATCH, STREAM_GET_FROM_FD, .fd = tm,
	       .access = KTM_STREAM_READ);
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_GET_FROM_FD, .fd = narrow_s,
	       .access = KTM_STREAM_READ | KTM_STREAM_APPEND);
	DRIVER(KTM_STATUS_SUCCESS, STREAM_GET_FROM_FD, .fd = narrow_s, .access = KTM_STREAM_READ);
	/* And back, with these or less. */
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_TO_FD, .access = 0);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_TO_FD, .access = KTM_MAXIMUM_ALLOWED);
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_TO_FD,
	       .access = KTM_STREAM_READ | KTM_STREAM_APPEND);
	back = DRIVER(KTM_STATUS_SUCCESS, STREAM_TO_FD, .access = KTM_STREAM_READ).ret;
	CHECK_EQ(fcntl(back, F_GETFD), FD_CLOEXEC);
	CALL(back, KTM_IOC_STREAM_READ, &r, KTM_STATUS_NO_MORE_ENTRIES);
	CALL(back, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_ACCESS_DENIED);
	/* It stays when the descriptors go. */
	close(back);
	close(narrow_s);
	CHECK_EQ(driver_where(KTM_STREAM_NEXT, 0), 0);
	driver_put(0);
	driver_put_tm();
	close(s);
	close(narrow_tm);
	tear_down();
}

/* A use has the rights that were asked for, whoever asked. */
TEST(rights_of_a_use)
{
	int s = stream_create(tm, "s", QUOTA);
	struct ktm_stream_info info;

	DRIVER(KTM_STATUS_SUCCESS, STREAM_GET_FROM_FD, .fd = s,
	       .access = KTM_STREAM_QUERY_INFORMATION);
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_APPEND);
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_RESERVE, .records = 1);
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_UNRESERVE);
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_READ, .where = KTM_STREAM_NEXT);
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_FLUSH);
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_ADVANCE);
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_TRUNCATE);
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_SET_QUOTA, .bytes = 2 * QUOTA);
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_DELETE);
	CHECK_EQ(driver_query(0).quota, QUOTA);
	CHECK_EQ(driver_query(0).records, 0);
	DRIVER(KTM_STATUS_SUCCESS, STREAM_GET_FROM_FD, .slot = 1, .fd = s,
	       .access = KTM_STREAM_ALL_ACCESS & ~KTM_STREAM_QUERY_INFORMATION);
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_QUERY, .slot = 1, .data = (uintptr_t)&info);
	driver_add(1, 1, 10);
	close(s);
	tear_down();
}

static int unload(void)
{
	return syscall(SYS_delete_module, "ktm", O_NONBLOCK);
}

/* What a driver holds keeps the TM and the module, and nothing else does then. */
TEST(references)
{
	guid_t guid = tm_guid(tm);

	driver_get_tm(tm);
	close(tm);
	driver_make(0, "s");
	driver_put_tm();
	driver_add(0, 1, 100);
	CHECK_EQ(disk_open_alone(f.path), -1);
	CHECK_EQ(unload(), -1);
	tm = tm_open(&guid);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
	close(tm);
	driver_check(0, driver_add_flags(0, 2, 100, KTM_STREAM_DURABLE), 2, 100);
	driver_put(0);
	tm_close(-1, f.path);
	tm = tm_online(f.path);
	driver_get_tm(tm);
	driver_open_name(0, "s");
	CHECK_EQ(driver_query(0).records, 2);
	tear_down();
}

static void use_and_be_killed(void *data)
{
	(void)data;
	close(drv);
	driver_open();
	driver_get_tm(tm);
	driver_make(0, "s");
	DRIVER(KTM_STATUS_SUCCESS, STREAM_RESERVE, .records = 10, .bytes = 1000);
	driver_add_flags(0, 1, 100, KTM_STREAM_DURABLE);
	go(1);
	for (;;)
		pause();
}

/* The driver's file goes with the process, and all that was got through it. */
TEST(its_process_is_killed)
{
	pid_t pid = test_spawn(use_and_be_killed, NULL);
	int s;

	meet(1);
	s = stream_open(tm, "s");
	CHECK(stream_info(s).reserved);
	test_kill(pid);
	CHECK_EQ(stream_info(s).reserved, 0);
	CHECK_EQ(stream_info(s).records, 1);
	close(s);
	tear_down();
}

/* ---- making and finding ---- */

#define SHARE	"/sys/module/ktm/parameters/max_log_share"

static unsigned int get_share(void)
{
	FILE *file = fopen(SHARE, "r");
	unsigned int percent;

	CHECK(file);
	CHECK_EQ(fscanf(file, "%u", &percent), 1);
	fclose(file);
	return percent;
}

static void set_share(unsigned int percent)
{
	FILE *file = fopen(SHARE, "w");

	CHECK(file);
	CHECK(fprintf(file, "%u\n", percent) > 0);
	CHECK_EQ(fclose(file), 0);
}

/* Not root: the driver acts for whoever calls it. */
static void as_nobody(void *data)
{
	(void)data;
	become(NOBODY, NOBODY);
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_OPEN_NAME, .slot = 2, .access = KTM_STREAM_READ,
	       .name = "private");
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_OPEN, .slot = 2, .access = KTM_STREAM_APPEND,
	       .guid = guid_of(2));
	DRIVER(KTM_STATUS_SUCCESS, STREAM_OPEN, .slot = 2, .access = KTM_MAXIMUM_ALLOWED,
	       .guid = guid_of(2));
	DRIVER(KTM_STATUS_ACCESS_DENIED, STREAM_APPEND, .slot = 2);
	DRIVER(KTM_STATUS_QUOTA_EXCEEDED, STREAM_CREATE, .slot = 3, .bytes = 2 * MIB,
	       .access = KTM_STREAM_READ, .name = "large");
	DRIVER(KTM_STATUS_SUCCESS, STREAM_CREATE, .slot = 3, .bytes = QUOTA,
	       .access = KTM_STREAM_ALL_ACCESS, .name = "small");
	DRIVER(KTM_STATUS_QUOTA_EXCEEDED, STREAM_SET_QUOTA, .slot = 3, .bytes = 2 * MIB);
	/* It is his own. */
	DRIVER(KTM_STATUS_SUCCESS, STREAM_OPEN_NAME, .slot = 4, .access = KTM_STREAM_READ,
	       .name = "small");
}

TEST(whose_it_is)
{
	const unsigned int share = get_share();
	struct ktm_stream_info info;

	driver_get_tm(tm);
	DRIVER(KTM_STATUS_SUCCESS, STREAM_CREATE, .slot = 0, .bytes = QUOTA,
	       .access = KTM_STREAM_READ, .name = "private");
	DRIVER(KTM_STATUS_SUCCESS, STREAM_CREATE, .slot = 1, .bytes = QUOTA, .mode = 0604,
	       .access = KTM_STREAM_READ, .guid = guid_of(2), .name = "shown");
	set_share(30);
	test_join(test_spawn(as_nobody, NULL));
	set_share(share);
	info = driver_query(3);
	CHECK_EQ(info.quota, QUOTA);
	CHECK_EQ(info.name_length, 5);
	CHECK(!memcmp(info.name, "small", 6));
	tear_down();
}

TEST(create_and_open)
{
	const struct ktm_test_call good = { .fn = TEST_STREAM_CREATE, .bytes = QUOTA, .name = "s",
					    .access = KTM_STREAM_ALL_ACCESS };
	struct ktm_test_call c = good;
	int s, other;

	driver_get_tm(tm);
	c.access = 0;
	DRIVER_CALL(c, KTM_STATUS_INVALID_PARAMETER);
	c.access = UNKNOWN;
	DRIVER_CALL(c, KTM_STATUS_INVALID_PARAMETER);
	c = good;
	c.mode = 01000;
	DRIVER_CALL(c, KTM_STATUS_INVALID_PARAMETER);
	c = good;
	c.bytes = cost(0) - 1;
	DRIVER_CALL(c, KTM_STATUS_INVALID_PARAMETER);
	c = good;
	c.name[0] = 0;
	DRIVER_CALL(c, KTM_STATUS_INVALID_PARAMETER);
	memset(c.name, 'x', KTM_MAX_STREAM_NAME + 1);
	DRIVER_CALL(c, KTM_STATUS_INVALID_PARAMETER);
	c = good;
	c.bytes = 8 * MIB;
	DRIVER_CALL(c, KTM_STATUS_LOG_FULL);
	c = good;
	memset(c.name, 'x', KTM_MAX_STREAM_NAME);
	c.guid = guid_of(1);
	DRIVER_CALL(c, KTM_STATUS_SUCCESS);
	c.slot = 1;
	DRIVER_CALL(c, KTM_STATUS_OBJECT_NAME_COLLISION);
	c.guid = guid_of(2);
	DRIVER_CALL(c, KTM_STATUS_OBJECT_NAME_COLLISION);
	c = good;
	c.slot = 1;
	c.guid = guid_of(1);
	DRIVER_CALL(c, KTM_STATUS_OBJECT_NAME_COLLISION);
	/* The GUID is drawn, and told. */
	c.guid = nil;
	c = DRIVER_CALL(c, KTM_STATUS_SUCCESS);
	CHECK(!same(&c.guid, &nil));
	CHECK(listed(tm, KTM_KIND_STREAM, c.guid));
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 2);

	DRIVER(KTM_STATUS_STREAM_NOT_FOUND, STREAM_OPEN, .slot = 2, .guid = guid_of(3),
	       .access = KTM_STREAM_READ);
	DRIVER(KTM_STATUS_STREAM_NOT_FOUND, STREAM_OPEN_NAME, .slot = 2, .name = "t",
	       .access = KTM_STREAM_READ);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_OPEN_NAME, .slot = 2, .name = "",
	       .access = KTM_STREAM_READ);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_OPEN_NAME, .slot = 2, .name = "s",
	       .access = UNKNOWN);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_OPEN, .slot = 2, .guid = c.guid, .access = 0);
	DRIVER(KTM_STATUS_SUCCESS, STREAM_OPEN, .slot = 2, .guid = c.guid,
	       .access = KTM_STREAM_ALL_ACCESS);
	driver_open_name(3, "s");
	/* All are one. */
	driver_add(1, 1, 10);
	driver_add(2, 2, 10);
	driver_add(3, 3, 10);
	s = stream_open(tm, "s");
	check_tags(s, (uint64_t[]){ 1, 2, 3 }, 3, 10);
	close(s);
	close(drv);

	driver_open();
	other = tm_volatile();
	DRIVER(KTM_STATUS_SUCCESS, TM_GET_FROM_FD, .fd = other, .access = KTM_TM_CREATE_RM);
	DRIVER_CALL(good, KTM_STATUS_TM_VOLATILE);
	driver_put_tm();
	close(other);
	tear_down();
}

TEST(not_online)
{
	tm_close(tm, f.path);
	tm = tm_attach(f.path);
	driver_get_tm(tm);
	DRIVER(KTM_STATUS_TM_NOT_ONLINE, STREAM_CREATE, .bytes = QUOTA, .name = "s",
	       .access = KTM_STREAM_READ);
	DRIVER(KTM_STATUS_TM_NOT_ONLINE, STREAM_OPEN, .access = KTM_STREAM_READ,
	       .guid = guid_of(1));
	DRIVER(KTM_STATUS_TM_NOT_ONLINE, STREAM_OPEN_NAME, .name = "s",
	       .access = KTM_STREAM_READ);
	tear_down();
}

/* ---- records ---- */

TEST(what_is_no_record)
{
	static unsigned char data[2 * KTM_MAX_STREAM_RECORD];
	const uint64_t at = (uintptr_t)data;
	uint64_t first, last;

	driver_get_tm(tm);
	driver_make(0, "s");
	first = driver_add(0, 1, 10);
	last = driver_add(0, 2, 10);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_APPEND, .flags = 0x8);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_APPEND, .pieces = KTM_MAX_STREAM_PIECES + 1);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_APPEND, .pieces = 1, .data = at,
	       .length = KTM_MAX_STREAM_RECORD + 1);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_APPEND, .pieces = 3, .data = at,
	       .length = KTM_MAX_STREAM_RECORD + 1);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_APPEND, .previous_lsn = last + 1);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_APPEND, .undo_next_lsn = last + 1);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_APPEND, .base_lsn = first);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_APPEND, .base_lsn = last + 1,
	       .flags = KTM_STREAM_RESTART);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_APPEND, .flags = KTM_STREAM_RESERVED);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_RESERVE, .records = 65537);
	DRIVER(KTM_STATUS_STREAM_FULL, STREAM_RESERVE, .records = 1, .bytes = QUOTA);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_UNRESERVE, .records = 1);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_READ, .where = KTM_STREAM_LAST_RESTART + 1);
	DRIVER(KTM_STATUS_LOG_RECORD_NONEXISTENT, STREAM_READ, .lsn = last + 1);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_FLUSH, .flags = 0x2);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_FLUSH, .lsn = last + 1);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_ADVANCE, .lsn = last + 1);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_TRUNCATE, .lsn = last + 1);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_SET_QUOTA, .bytes = 0);
	DRIVER(KTM_STATUS_LOG_FULL, STREAM_SET_QUOTA, .bytes = 8 * MIB);
	DRIVER(KTM_STATUS_STREAM_FULL, STREAM_SET_QUOTA, .bytes = cost(10));
	DRIVER(KTM_STATUS_SUCCESS, STREAM_SET_QUOTA, .bytes = 2 * cost(10) + cost(100));
	DRIVER(KTM_STATUS_STREAM_FULL, STREAM_APPEND, .pieces = 1, .data = at, .length = 1000);
	/* Nothing of all that has changed anything. */
	CHECK_EQ(driver_query(0).records, 2);
	CHECK_EQ(driver_query(0).last_lsn, last);
	CHECK_EQ(driver_query(0).reserved, 0);
	CHECK_EQ(driver_query(0).used, 2 * cost(10));
	driver_add(0, 3, 100);
	tear_down();
}

TEST(records)
{
	static const unsigned int sizes[] = { 0, 1, 7, 100, 4096, KTM_MAX_STREAM_RECORD };
	unsigned char data[KTM_MAX_STREAM_RECORD];
	struct ktm_test_call c;
	uint64_t lsn[8];
	unsigned int i;
	int s;

	driver_get_tm(tm);
	driver_make(0, "s");
	s = stream_open(tm, "s");
	for (i = 0; i < 6; i++) {
		lsn[i] = driver_add(0, i, sizes[i]);
		driver_check(0, lsn[i], i, sizes[i]);
		check_record(s, lsn[i], i, sizes[i]);
	}
	/* As many pieces as there may be; with links; a restart record that takes along the base. */
	fill(data, 6, 1000);
	c = DRIVER(KTM_STATUS_SUCCESS, STREAM_APPEND, .pieces = KTM_MAX_STREAM_PIECES,
		   .data = (uintptr_t)data, .length = 1000, .flags = KTM_STREAM_RESTART,
		   .previous_lsn = lsn[5], .undo_next_lsn = lsn[3], .base_lsn = lsn[2]);
	lsn[6] = c.lsn;
	check_record(s, lsn[6], 6, 1000);
	lsn[7] = append(s, 7, 10);
	driver_check(0, lsn[7], 7, 10);
	c = DRIVER(KTM_STATUS_BUFFER_TOO_SMALL, STREAM_READ, .lsn = lsn[6],
		   .data = (uintptr_t)data, .length = 999);
	CHECK_EQ(c.length, 1000);
	CHECK_EQ(c.flags, KTM_STREAM_RESTART);
	CHECK_EQ(c.previous_lsn, lsn[5]);
	CHECK_EQ(c.undo_next_lsn, lsn[3]);
	CHECK_EQ(c.base_lsn, 0);
	DRIVER(KTM_STATUS_LOG_RECORD_NONEXISTENT, STREAM_READ, .lsn = lsn[1]);
	CHECK_EQ(driver_query(0).base_lsn, lsn[2]);
	CHECK_EQ(driver_query(0).restart_lsn, lsn[6]);

	CHECK_EQ(driver_where(KTM_STREAM_NEXT, 0), lsn[2]);
	CHECK_EQ(driver_where(KTM_STREAM_NEXT, lsn[2]), lsn[3]);
	CHECK_EQ(driver_where(KTM_STREAM_NEXT, lsn[7]), 0);
	CHECK_EQ(driver_where(KTM_STREAM_BEFORE, 0), lsn[7]);
	CHECK_EQ(driver_where(KTM_STREAM_BEFORE, lsn[7]), lsn[6]);
	CHECK_EQ(driver_where(KTM_STREAM_PREVIOUS_LINK, lsn[6]), lsn[5]);
	CHECK_EQ(driver_where(KTM_STREAM_UNDO_LINK, lsn[6]), lsn[3]);
	CHECK_EQ(driver_where(KTM_STREAM_PREVIOUS_LINK, lsn[5]), 0);
	CHECK_EQ(driver_where(KTM_STREAM_LAST_RESTART, 0), lsn[6]);
	CHECK_EQ(driver_where(KTM_STREAM_LAST_RESTART, lsn[6]), 0);

	DRIVER(KTM_STATUS_SUCCESS, STREAM_ADVANCE, .lsn = lsn[5]);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_ADVANCE, .lsn = lsn[4]);
	DRIVER(KTM_STATUS_SUCCESS, STREAM_TRUNCATE, .lsn = lsn[6]);
	CHECK_EQ(driver_query(0).first_lsn, lsn[5]);
	CHECK_EQ(driver_query(0).last_lsn, lsn[6]);
	close(s);
	tear_down();
}

/* What is set aside belongs to one use, be that a driver's or a descriptor's. */
TEST(uses_are_apart)
{
	unsigned char data[10];
	uint64_t lsn;
	int s;

	driver_get_tm(tm);
	driver_make(0, "s");
	driver_open_name(1, "s");
	s = stream_open(tm, "s");
	reserve(s, 1, 10);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_APPEND, .flags = KTM_STREAM_RESERVED);
	DRIVER(KTM_STATUS_SUCCESS, STREAM_RESERVE, .records = 3, .bytes = 30);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_APPEND, .slot = 1,
	       .flags = KTM_STREAM_RESERVED);
	CHECK_EQ(try_append(s, 1, 20, KTM_STREAM_RESERVED, &lsn), KTM_STATUS_INVALID_PARAMETER);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_APPEND, .flags = KTM_STREAM_RESERVED,
	       .pieces = 1, .data = (uintptr_t)data, .length = 31);
	driver_add_flags(0, 1, 10, KTM_STREAM_RESERVED);
	DRIVER(KTM_STATUS_INVALID_PARAMETER, STREAM_UNRESERVE, .records = 3);
	DRIVER(KTM_STATUS_SUCCESS, STREAM_UNRESERVE, .records = 1, .bytes = 10);
	append_flags(s, 2, 10, KTM_STREAM_RESERVED);
	CHECK(driver_query(1).reserved);
	driver_put(0);
	CHECK_EQ(driver_query(1).reserved, 0);
	check_tags(s, (uint64_t[]){ 1, 2 }, 2, 10);
	close(s);
	tear_down();
}

/* ---- what is durable ---- */

TEST(flushing)
{
	const struct deadline end = deadline_in(PATIENCE);
	struct ktm_test_call c;
	uint64_t lsn[3];

	driver_get_tm(tm);
	driver_make(0, "s");
	driver_open_name(1, "s");
	lsn[0] = driver_add(0, 1, 100);
	c = DRIVER(KTM_STATUS_SUCCESS, STREAM_FLUSH, .lsn = lsn[0]);
	CHECK_EQ(c.lsn, lsn[0]);
	lsn[1] = driver_add(0, 2, 100);
	CHECK_EQ(driver_query(0).flushed_lsn, lsn[0]);
	CHECK(driver_poll(0) & POLLIN);
	flaky_hold(&f);
	c = DRIVER(KTM_STATUS_PENDING, STREAM_FLUSH, .flags = KTM_STREAM_NOWAIT);
	CHECK_EQ(c.lsn, lsn[0]);
	CHECK_EQ(driver_poll(0), 0);
	/* Who has not asked is not told. */
	CHECK(driver_poll(1) & POLLIN);
	flaky_release(&f, NO_TROUBLE);
	while (!driver_poll(0)) {
		CHECK(!deadline_passed(&end));
		nap();
	}
	CHECK_EQ(driver_poll(0) & (POLLIN | POLLERR), POLLIN);
	CHECK_EQ(driver_query(0).flushed_lsn, lsn[1]);
	lsn[2] = driver_add_flags(0, 3, 100, KTM_STREAM_DURABLE);
	CHECK_EQ(driver_query(0).flushed_lsn, lsn[2]);
	tear_down();
}

static void flush_interrupted(void *data)
{
	(void)data;
	DRIVER(KTM_STATUS_INTERRUPTED, STREAM_FLUSH);
}

static void append_interrupted(void *data)
{
	struct ktm_test_call c;

	(void)data;
	c = DRIVER(KTM_STATUS_INTERRUPTED, STREAM_APPEND, .flags = KTM_STREAM_DURABLE);
	CHECK(c.lsn);
	shared_word[0] = c.lsn;
}

/* A signal ends the wait, not what was waited for. */
TEST(signals)
{
	void (*const waits[])(void *) = { flush_interrupted, append_interrupted };
	unsigned int i;
	uint64_t lsn;

	driver_get_tm(tm);
	driver_make(0, "s");
	for (i = 0; i < 2; i++) {
		lsn = driver_add(0, i, 100);
		flaky_hold(&f);
		interrupt(waits[i], NULL);
		flaky_release(&f, NO_TROUBLE);
		CHECK(DRIVER(KTM_STATUS_SUCCESS, STREAM_FLUSH).lsn >= lsn);
	}
	driver_check(0, shared_word[0], 0, 0);
	tear_down();
}

static void until_failed(void)
{
	const struct deadline end = deadline_in(PATIENCE);

	while (tm_info(tm).state != KTM_TM_STATE_FAILED) {
		CHECK(!deadline_passed(&end));
		nap();
	}
}

/* The device answers again, and the log is read. */
static void mend(void)
{
	until_failed();
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
}

/* All that may be asked of a stream's use comes to this. */
static void all_refused(unsigned int status)
{
	DRIVER(status, STREAM_APPEND);
	DRIVER(status, STREAM_RESERVE, .records = 1);
	DRIVER(status, STREAM_FLUSH);
	DRIVER(status, STREAM_FLUSH, .flags = KTM_STREAM_NOWAIT);
	DRIVER(status, STREAM_ADVANCE);
	DRIVER(status, STREAM_TRUNCATE);
	CHECK(driver_poll(0) & POLLERR);
	CHECK_EQ(driver_poll(0) & POLLIN, 0);
}

/* The flush fails: what a driver holds lives through the reopening. */
TEST(device_fails)
{
	uint64_t first, second;
	struct ktm_test_call c;

	driver_get_tm(tm);
	driver_make(0, "s");
	driver_make(1, "t");
	first = driver_add_flags(0, 1, 100, KTM_STREAM_DURABLE);
	DRIVER(KTM_STATUS_SUCCESS, STREAM_RESERVE, .records = 3, .bytes = 300);
	flaky_set(&f, FAIL_WRITES);
	c = DRIVER(KTM_STATUS_IO_ERROR, STREAM_APPEND, .flags = KTM_STREAM_DURABLE);
	second = c.lsn;
	CHECK(second > first);
	until_failed();
	all_refused(KTM_STATUS_TM_NOT_ONLINE);
	DRIVER(KTM_STATUS_TM_NOT_ONLINE, STREAM_READ, .lsn = first);
	DRIVER(KTM_STATUS_TM_NOT_ONLINE, STREAM_SET_QUOTA, .bytes = 2 * QUOTA);
	DRIVER(KTM_STATUS_TM_NOT_ONLINE, STREAM_DELETE);
	mend();
	all_refused(KTM_STATUS_STREAM_REOPENED);
	DRIVER(KTM_STATUS_STREAM_REOPENED, STREAM_UNRESERVE);
	driver_check(0, first, 1, 100);
	DRIVER(KTM_STATUS_LOG_RECORD_NONEXISTENT, STREAM_READ, .lsn = second);
	CHECK_EQ(driver_query(0).records, 1);
	CHECK_EQ(driver_query(0).reserved, 0);
	CHECK(driver_add_flags(0, 2, 100, KTM_STREAM_DURABLE) > first);
	/* Each use looks for itself. */
	DRIVER(KTM_STATUS_STREAM_REOPENED, STREAM_APPEND, .slot = 1);

	flaky_set(&f, FAIL_WRITES);
	DRIVER(KTM_STATUS_IO_ERROR, STREAM_SET_QUOTA, .bytes = 2 * QUOTA);
	mend();
	driver_query(0);
	driver_add(0, 3, 100);
	flaky_set(&f, FAIL_WRITES);
	DRIVER(KTM_STATUS_IO_ERROR, STREAM_FLUSH);
	mend();
	flaky_set(&f, FAIL_WRITES);
	DRIVER(KTM_STATUS_IO_ERROR, STREAM_CREATE, .slot = 2, .bytes = QUOTA, .name = "u",
	       .access = KTM_STREAM_ALL_ACCESS);
	mend();
	flaky_set(&f, FAIL_WRITES);
	DRIVER(KTM_STATUS_IO_ERROR, STREAM_DELETE, .slot = 1);
	mend();
	driver_query(0);
	CHECK_EQ(driver_where(KTM_STREAM_NEXT, 0), first);
	tear_down();
}

TEST(unreadable_record)
{
	unsigned char want[4096], junk[16] = { 1, 2, 3 }, *image, *at;
	struct ktm_test_call c;
	uint64_t lsn, next;
	unsigned int i;

	driver_get_tm(tm);
	driver_make(0, "s");
	lsn = driver_add(0, 1, sizeof(want));
	next = driver_add(0, 2, 100);
	/* What is in the log's buffers still must go. */
	for (i = 0; i < 128; i++) {
		driver_add_flags(0, 3, KTM_MAX_STREAM_RECORD, KTM_STREAM_DURABLE);
		DRIVER(KTM_STATUS_SUCCESS, STREAM_TRUNCATE, .lsn = next);
	}
	image = disk_read(&d);
	fill(want, 1, sizeof(want));
	at = memmem(image, d.bytes, want, sizeof(want));
	CHECK(at);
	disk_write(&d, at - image + 500, junk, sizeof(junk));
	c = DRIVER(KTM_STATUS_LOG_CORRUPTION_DETECTED, STREAM_READ, .where = KTM_STREAM_NEXT);
	/* It says which one, so that the reader can go on. */
	CHECK_EQ(c.lsn, lsn);
	CHECK_EQ(c.length, 0);
	CHECK_EQ(driver_where(KTM_STREAM_NEXT, lsn), next);
	disk_write(&d, at - image, want, sizeof(want));
	free(image);
	driver_check(0, lsn, 1, sizeof(want));
	flaky_set(&f, FAIL_ALL);
	c = DRIVER(KTM_STATUS_IO_ERROR, STREAM_READ, .where = KTM_STREAM_NEXT);
	CHECK_EQ(c.lsn, lsn);
	flaky_set(&f, NO_TROUBLE);
	driver_check(0, lsn, 1, sizeof(want));
	tear_down();
}

/* ---- its end ---- */

TEST(deleted)
{
	struct ktm_stream_info info;
	int s;

	driver_get_tm(tm);
	driver_make(0, "s");
	s = stream_open(tm, "s");
	driver_open_name(1, "s");
	driver_add(0, 1, 100);
	DRIVER(KTM_STATUS_SUCCESS, STREAM_RESERVE, .records = 1, .bytes = 100);
	DRIVER(KTM_STATUS_SUCCESS, STREAM_DELETE, .slot = 1);
	all_refused(KTM_STATUS_STREAM_NOT_FOUND);
	DRIVER(KTM_STATUS_STREAM_NOT_FOUND, STREAM_UNRESERVE);
	DRIVER(KTM_STATUS_STREAM_NOT_FOUND, STREAM_READ, .where = KTM_STREAM_NEXT);
	DRIVER(KTM_STATUS_STREAM_NOT_FOUND, STREAM_QUERY, .data = (uintptr_t)&info);
	DRIVER(KTM_STATUS_STREAM_NOT_FOUND, STREAM_SET_QUOTA, .bytes = 2 * QUOTA);
	DRIVER(KTM_STATUS_STREAM_NOT_FOUND, STREAM_DELETE);
	/* The descriptor is still one of a stream. */
	DRIVER(KTM_STATUS_SUCCESS, STREAM_GET_FROM_FD, .slot = 2, .fd = s,
	       .access = KTM_STREAM_READ);
	DRIVER(KTM_STATUS_STREAM_NOT_FOUND, STREAM_READ, .slot = 2, .where = KTM_STREAM_NEXT);
	close(s);
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 0);
	/* The name is free again. */
	driver_make(3, "s");
	tear_down();
}

TEST(not_deleted_under_a_vote)
{
	int rm = rm_online(tm, 1), tx = tx_create(tm), s;
	struct ktm_answer a;
	guid_t en;

	driver_get_tm(tm);
	driver_make(0, "s");
	s = stream_open(tm, "s");
	en = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	a = ARG(ktm_answer, .enlistment = en, .stream_fd = s, .stream_records = 1,
		.stream_need = 10);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, &a, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	DRIVER(KTM_STATUS_OBJECT_BUSY, STREAM_DELETE);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	DRIVER(KTM_STATUS_SUCCESS, STREAM_DELETE);
	close(tx);
	close(rm);
	close(s);
	tear_down();
}

/* ---- many threads, and a power cut ---- */

enum { THREADS = 12, EACH = 40 };

/* All of them, each thread's own in their order, each linked to the one before it. */
static void check_race(int s)
{
	uint64_t last[THREADS] = { 0 }, lsn = 0;
	unsigned int next[THREADS] = { 0 }, i, n;
	struct ktm_test_mark mark;

	for (n = 0; n < THREADS * EACH; n++) {
		struct ktm_stream_read r = ARG(ktm_stream_read, .mode = KTM_STREAM_NEXT,
					       .lsn = lsn, .buffer = (uintptr_t)&mark,
					       .length = sizeof(mark));

		CHECK_EQ(test_try(s, KTM_IOC_STREAM_READ, &r), KTM_STATUS_SUCCESS);
		CHECK_EQ(r.length, sizeof(mark));
		CHECK(mark.thread < THREADS);
		CHECK_EQ(mark.number, next[mark.thread]++);
		CHECK_EQ(r.previous_lsn, last[mark.thread]);
		CHECK(r.lsn > lsn);
		last[mark.thread] = r.lsn;
		lsn = r.lsn;
	}
	CHECK_EQ(where(s, KTM_STREAM_NEXT, lsn), 0);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(next[i], EACH);
}

TEST(race_and_power_cut)
{
	struct ktm_test_call c = { .fn = TEST_RACE, .records = THREADS, .pieces = EACH };
	unsigned char *content;
	int s;

	/* Without the device below, which stays: a cut writes to the disk. */
	tm_close(tm, f.path);
	flaky_remove(&f);
	tm = tm_online(d.path);
	driver_get_tm(tm);
	driver_make(0, "s");
	driver_try(&c);
	CHECK_EQ(c.ret, 0);
	s = stream_open(tm, "s");
	check_race(s);
	close(s);
	CHECK_EQ(driver_query(0).reserved, 0);
	DRIVER(KTM_STATUS_SUCCESS, STREAM_FLUSH);
	content = disk_read(&d);
	/* Nobody has heard of this one when the power goes. */
	driver_add(0, 1, 100);
	close(drv);
	tm = disk_after_cut(&d, tm, content);
	s = stream_open(tm, "s");
	check_race(s);
	driver_open();
	driver_get_tm(tm);
	driver_open_name(0, "s");
	CHECK_EQ(driver_query(0).records, THREADS * EACH);
	driver_add(0, 2, 100);
	close(s);
	close(drv);
	tm_close(tm, d.path);
}

/* ---- all there is was tried ---- */

#define BIT(status)	(1ull << KTM_STATUS_##status)
#define GETTING		(BIT(SUCCESS) | BIT(INVALID_PARAMETER) | BIT(INVALID_HANDLE) | \
			 BIT(OBJECT_TYPE_MISMATCH) | BIT(ACCESS_DENIED))
#define OPENING		(BIT(SUCCESS) | BIT(INVALID_PARAMETER) | BIT(TM_NOT_ONLINE) | \
			 BIT(STREAM_NOT_FOUND) | BIT(ACCESS_DENIED))
#define USING		(BIT(SUCCESS) | BIT(ACCESS_DENIED) | BIT(STREAM_NOT_FOUND))
#define WRITING		(USING | BIT(INVALID_PARAMETER) | BIT(TM_NOT_ONLINE) | BIT(STREAM_REOPENED))

/*
 * What the functions' descriptions in kernel/log_stream.c say, but for lack of memory, being
 * killed, and a full log where that needs one: for all functions these come from the code that
 * requests of processes go through, and other programs make those fail.
 */
static const uint64_t expected[TEST_FUNCTIONS] = {
	[TEST_TM_GET_FROM_FD] = GETTING,
	[TEST_TM_PUT] = BIT(SUCCESS),
	[TEST_STREAM_CREATE] = BIT(SUCCESS) | BIT(INVALID_PARAMETER) | BIT(TM_VOLATILE) |
		BIT(ACCESS_DENIED) |
		BIT(TM_NOT_ONLINE) | BIT(OBJECT_NAME_COLLISION) | BIT(QUOTA_EXCEEDED) |
		BIT(LOG_FULL) | BIT(IO_ERROR),
	[TEST_STREAM_OPEN] = OPENING,
	[TEST_STREAM_OPEN_NAME] = OPENING,
	[TEST_STREAM_GET_FROM_FD] = GETTING,
	[TEST_STREAM_TO_FD] = BIT(SUCCESS) | BIT(INVALID_PARAMETER) | BIT(ACCESS_DENIED),
	[TEST_STREAM_PUT] = BIT(SUCCESS),
	[TEST_STREAM_APPEND] = WRITING | BIT(STREAM_FULL) | BIT(IO_ERROR) | BIT(INTERRUPTED),
	[TEST_STREAM_RESERVE] = WRITING | BIT(STREAM_FULL),
	[TEST_STREAM_UNRESERVE] = USING | BIT(INVALID_PARAMETER) | BIT(STREAM_REOPENED),
	[TEST_STREAM_READ] = USING | BIT(INVALID_PARAMETER) | BIT(NO_MORE_ENTRIES) |
		BIT(BUFFER_TOO_SMALL) | BIT(LOG_RECORD_NONEXISTENT) |
		BIT(LOG_CORRUPTION_DETECTED) | BIT(IO_ERROR) | BIT(TM_NOT_ONLINE),
	[TEST_STREAM_FLUSH] = WRITING | BIT(PENDING) | BIT(IO_ERROR) | BIT(INTERRUPTED),
	[TEST_STREAM_POLL] = BIT(SUCCESS),
	[TEST_STREAM_ADVANCE] = WRITING,
	[TEST_STREAM_TRUNCATE] = WRITING,
	[TEST_STREAM_QUERY] = USING,
	[TEST_STREAM_SET_QUOTA] = USING | BIT(INVALID_PARAMETER) | BIT(STREAM_FULL) |
		BIT(LOG_FULL) | BIT(QUOTA_EXCEEDED) | BIT(TM_NOT_ONLINE) | BIT(IO_ERROR),
	[TEST_STREAM_DELETE] = USING | BIT(OBJECT_BUSY) | BIT(TM_NOT_ONLINE) | BIT(IO_ERROR),
};

/* The last test: those before it have left what they saw. It unloads the driver, too. */
TEST(everything_was_tried)
{
	uint64_t met[TEST_FUNCTIONS];
	unsigned int fn, status;

	driver_show();
	driver_seen(met);
	for (fn = 0; fn < TEST_FUNCTIONS; fn++)
		for (status = 0; status < 64; status++)
			if ((met[fn] ^ expected[fn]) >> status & 1)
				FAIL("%s: %s was %s", driver_name(fn), status_name(status),
				     met[fn] >> status & 1 ? "met, and nobody expects it" :
				     "not met");
	tear_down();
	driver_unload();
}
