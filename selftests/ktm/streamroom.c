// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: what they may take. Quotas, room that is set aside, several who
 * append to one, and a log that is filled many times over.
 */
#include <sys/resource.h>

#include "calls.h"
#include "disk.h"
#include "streams.h"

static struct disk d;
static int tm;

void test_setup(void)
{
	d = disk_make(8 * MIB);
	journal_format(d.path, guid_of(920));
	tm = tm_online(d.path);
}

static void reopen(void)
{
	tm_close(tm, d.path);
	tm = tm_online(d.path);
}

static unsigned int set_quota(int s, uint64_t quota)
{
	struct ktm_set set = ARG(ktm_set, .info_class = KTM_INFO_STREAM_QUOTA,
				 .length = sizeof(quota), .buffer = (uintptr_t)&quota);
	unsigned int status = test_try(s, KTM_IOC_SET, &set);

	test_shows(KTM_IOC_SET, status);
	return status;
}

static void change_quota(int s, uint64_t quota)
{
	struct ktm_set set = ARG(ktm_set, .info_class = KTM_INFO_STREAM_QUOTA,
				 .length = sizeof(quota), .buffer = (uintptr_t)&quota);

	CALL(s, KTM_IOC_SET, &set, KTM_STATUS_SUCCESS);
}

static uint64_t get_quota(int s)
{
	uint64_t quota;
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_STREAM_QUOTA,
				 .length = sizeof(quota), .buffer = (uintptr_t)&quota);

	CALL(s, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
	return quota;
}

/* A stream that is full costs only itself. */
TEST(quota)
{
	const unsigned int bytes = 1000;
	int s = stream_create(tm, "s", 10 * cost(bytes)), other = stream_create(tm, "t", QUOTA);
	struct ktm_stream_mark m;
	uint64_t lsn[11], next;
	unsigned int i;

	for (i = 0; i < 10; i++)
		lsn[i] = append(s, i, bytes);
	CHECK_EQ(stream_info(s).used, 10 * cost(bytes));
	CHECK_EQ(try_append(s, 10, 0, 0, &next), KTM_STATUS_STREAM_FULL);
	test_shows(KTM_IOC_STREAM_APPEND, KTM_STATUS_STREAM_FULL);
	CHECK_EQ(stream_info(s).records, 10);
	append(other, 1, bytes);
	/* To give something up needs no quota. */
	m = ARG(ktm_stream_mark, .lsn = lsn[1]);
	CALL(s, KTM_IOC_STREAM_ADVANCE, &m, KTM_STATUS_SUCCESS);
	lsn[10] = append(s, 10, bytes);
	CHECK_EQ(try_append(s, 11, 0, 0, &next), KTM_STATUS_STREAM_FULL);
	truncate_to(s, lsn[9]);
	append(s, 11, bytes);

	/* More of it, and less, but not less than it holds. */
	CHECK_EQ(set_quota(s, 10 * cost(bytes) - 1), KTM_STATUS_STREAM_FULL);
	CHECK_EQ(get_quota(s), 10 * cost(bytes));
	change_quota(s, 12 * cost(bytes));
	append(s, 12, bytes);
	append(s, 13, bytes);
	CHECK_EQ(try_append(s, 14, 0, 0, &next), KTM_STATUS_STREAM_FULL);
	close(s);
	close(other);
	reopen();
	s = stream_open(tm, "s");
	CHECK_EQ(get_quota(s), 12 * cost(bytes));
	CHECK_EQ(stream_info(s).used, 12 * cost(bytes));
	truncate_to(s, 0);
	change_quota(s, cost(0));
	CHECK_EQ(set_quota(s, 0), KTM_STATUS_INVALID_PARAMETER);
	CHECK_EQ(set_quota(s, cost(0) - 1), KTM_STATUS_INVALID_PARAMETER);
	append(s, 1, 0);
}

/* All quotas together are three eighths of the log at most. */
TEST(sum_of_quotas)
{
	const uint64_t most = tm_space(tm).bytes * 3 / 8;
	int s = stream_create(tm, "s", most / 2), t;

	CHECK_EQ(tm_space(tm).quotas, most / 2);
	CHECK_EQ(stream_try_create(tm, "t", most - most / 2 + 4096, &t), KTM_STATUS_LOG_FULL);
	test_shows(KTM_IOC_STREAM_CREATE, KTM_STATUS_LOG_FULL);
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 1);
	CHECK_EQ(set_quota(s, most + 4096), KTM_STATUS_LOG_FULL);
	CHECK_EQ(tm_space(tm).quotas, most / 2);
	t = stream_create(tm, "t", most / 4);
	stream_delete(t);
	CHECK_EQ(tm_space(tm).quotas, most / 2);
	close(t);
	close(s);
	reopen();
	CHECK_EQ(tm_space(tm).quotas, most / 2);
	t = stream_create(tm, "t", most / 4);
	close(t);
}

TEST(reserve_and_use)
{
	const uint64_t quota = 20 * cost(1000);
	int s = stream_create(tm, "s", quota), t = stream_open(tm, "s");
	struct ktm_stream_reserve r;
	uint64_t free_before = tm_space(tm).free, lsn;
	unsigned int i;

	CHECK_EQ(try_append(s, 1, 8, KTM_STREAM_RESERVED, &lsn), KTM_STATUS_INVALID_PARAMETER);
	reserve(s, 10, 10 * 1000);
	CHECK(stream_info(s).reserved >= 10 * cost(1000));
	CHECK(tm_space(tm).free < free_before);
	/* Others have the rest. */
	for (i = 0; try_append(t, i, 1000, 0, &lsn) == KTM_STATUS_SUCCESS; i++)
		CHECK(i < 11);
	CHECK_EQ(try_append(t, i, 1000, 0, &lsn), KTM_STATUS_STREAM_FULL);
	CHECK_EQ(try_append(t, i, 1000, KTM_STREAM_RESERVED, &lsn), KTM_STATUS_INVALID_PARAMETER);
	r = ARG(ktm_stream_reserve, .records = 1, .bytes = 4000);
	CALL(t, KTM_IOC_STREAM_RESERVE, &r, KTM_STATUS_STREAM_FULL);
	/* More than was set aside cannot be used or given back. */
	CHECK_EQ(try_append(s, 1, 10001, KTM_STREAM_RESERVED, &lsn),
		 KTM_STATUS_INVALID_PARAMETER);
	r = ARG(ktm_stream_reserve, .flags = KTM_STREAM_UNRESERVE, .records = 11);
	CALL(s, KTM_IOC_STREAM_RESERVE, &r, KTM_STATUS_INVALID_PARAMETER);
	r = ARG(ktm_stream_reserve, .flags = KTM_STREAM_UNRESERVE, .bytes = 10001);
	CALL(s, KTM_IOC_STREAM_RESERVE, &r, KTM_STATUS_INVALID_PARAMETER);
	CHECK_EQ(r.total_records, 10);
	CHECK_EQ(r.total_bytes, 10000);
	for (i = 0; i < 9; i++)
		append_flags(s, 100 + i, i % 2 ? 1 : 1999, KTM_STREAM_RESERVED);
	unreserve(s, 0, 0);
	/* What is left goes back with the descriptor. */
	CHECK(stream_info(t).reserved);
	close(s);
	CHECK_EQ(stream_info(t).reserved, 0);
	stream_delete(t);
	close(t);
}

/* What was set aside can be had whatever the sizes of the records turn out to be. */
TEST(any_split)
{
	const unsigned int records = 40, bytes = 8000;
	int s = stream_create(tm, "s", QUOTA);
	unsigned int i, left = bytes, round;

	for (round = 0; round < 8; round++) {
		left = bytes;
		reserve(s, records, bytes);
		for (i = 0; i < records; i++) {
			unsigned int n = (i * 37 + round * 101) % (left + 1);

			if (i == records - 1)
				n = left;
			append_flags(s, i, n, KTM_STREAM_RESERVED);
			left -= n;
		}
		CHECK_EQ(stream_info(s).reserved, 0);
		truncate_to(s, 0);
	}
}

/* The log is filled many times over: what is dead goes, what lives stays. */
TEST(round_the_ring)
{
	const unsigned int bytes = 8000, keep = 5;
	int s = stream_create(tm, "s", 1 * MIB), old = stream_create(tm, "old", 10 * cost(3000));
	uint64_t none, first[10], lsn[keep], total = 0, ring = tm_space(tm).bytes, n = 0;
	unsigned int i;

	for (i = 0; i < 10; i++)
		first[i] = append(old, 1000 + i, 3000);
	/* At its quota: that is nobody's concern but its own. */
	CHECK_EQ(stream_info(old).used, get_quota(old));
	while (total < 6 * ring) {
		lsn[n % keep] = append(s, n, bytes);
		total += bytes;
		n++;
		if (n >= keep)
			advance(s, lsn[n % keep]);
	}
	CHECK(tm_space(tm).restarts > 0);
	/* In the way of the log's tail, so they were copied, under their names. */
	CHECK(tm_space(tm).copied > 0);
	CHECK(stream_info(old).place_lsn > first[9]);
	for (i = 0; i < 10; i++)
		check_record(old, first[i], 1000 + i, 3000);
	CHECK_EQ(stream_info(s).records, keep);
	for (i = 0; i < 2; i++) {
		unsigned int k;

		for (k = 0; k < 10; k++)
			check_record(old, first[k], 1000 + k, 3000);
		for (k = 0; k < keep; k++)
			check_record(s, lsn[(n + k) % keep], n - keep + k, bytes);
		CHECK_EQ(where(old, KTM_STREAM_NEXT, 0), first[0]);
		CHECK_EQ(where(old, KTM_STREAM_NEXT, first[9]), 0);
		flush(s, 0);
		close(s);
		close(old);
		reopen();
		s = stream_open(tm, "s");
		old = stream_open(tm, "old");
	}
	/* What it holds is all that it may, still. */
	CHECK_EQ(stream_info(old).used, get_quota(old));
	CHECK_EQ(try_append(old, 1, 0, 0, &none), KTM_STATUS_STREAM_FULL);
	truncate_to(old, first[8]);
	append(old, 1, 1);
}

/* Who reads while records are copied from under him gets what he asked for. */
static int shared_stream, shared_other;

static void read_all_the_time(void *data)
{
	int s = stream_open(tm, "old");
	unsigned int n = 0;

	while (!shared_word[0]) {
		check_record(s, shared_word[1 + n % 10], 1000 + n % 10, 3000);
		n++;
	}
	CHECK(n > 0);
	shared_word[20] = n;
	close(s);
	(void)data;
}

TEST(read_what_moves)
{
	uint64_t total = 0, ring = tm_space(tm).bytes, n = 0, last;
	unsigned int i;
	pid_t reader;

	shared_stream = stream_create(tm, "s", 1 * MIB);
	shared_other = stream_create(tm, "old", 256 << 10);
	for (i = 0; i < 10; i++)
		shared_word[1 + i] = append(shared_other, 1000 + i, 3000);
	reader = test_spawn(read_all_the_time, NULL);
	while (total < 3 * ring) {
		last = append(shared_stream, n++, 8000);
		total += 8000;
		if (n % 8 == 0)
			advance(shared_stream, last);
	}
	shared_word[0] = 1;
	test_join(reader);
	printf("# %llu records were read meanwhile, %llu copied\n",
	       (unsigned long long)shared_word[20], (unsigned long long)tm_space(tm).copied);
	CHECK(tm_space(tm).copied > 0);
}

/* Several processes append to one stream: all is there, each one's in its order. */
#define WRITERS	4
#define EACH	200

static void write_some(void *data)
{
	const unsigned int me = (uintptr_t)data;
	int s = stream_open(tm, "s");
	uint64_t last = 0, lsn;
	unsigned int i;

	for (i = 0; i < EACH; i++) {
		lsn = append(s, me * 100000 + i, 8 + (me * 7 + i * 13) % 300);
		CHECK(lsn > last);
		last = lsn;
	}
	close(s);
}

static void check_all_written(int s)
{
	unsigned int next[WRITERS] = { 0 }, n = 0;
	uint64_t lsn = 0;

	while ((lsn = where(s, KTM_STREAM_NEXT, lsn))) {
		const uint64_t tag = tag_at(s, KTM_STREAM_AT, lsn);

		CHECK(tag / 100000 < WRITERS);
		CHECK_EQ(tag % 100000, next[tag / 100000]++);
		n++;
	}
	CHECK_EQ(n, WRITERS * EACH);
}

TEST(many_writers)
{
	int s = stream_create(tm, "s", 1 * MIB);
	pid_t pid[WRITERS];
	unsigned int i;

	for (i = 0; i < WRITERS; i++)
		pid[i] = test_spawn(write_some, (void *)(uintptr_t)i);
	for (i = 0; i < WRITERS; i++)
		test_join(pid[i]);
	check_all_written(s);
	flush(s, 0);
	close(s);
	reopen();
	s = stream_open(tm, "s");
	check_all_written(s);
}

/* A user's quotas are bounded, too. */
static void be_somebody(void *data)
{
	const uint64_t most = tm_space(tm).bytes * 3 / 8;
	struct ktm_stream_create c = ARG(ktm_stream_create, .access = KTM_STREAM_ALL_ACCESS,
					 .quota = most / 2, .name = (uintptr_t)"mine",
					 .name_length = 4);
	int s;

	become(NOBODY, NOBODY);
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_QUOTA_EXCEEDED);
	c.quota = most / 16;
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_SUCCESS);
	s = c.fd;
	CHECK_EQ(set_quota(s, most / 2), KTM_STATUS_QUOTA_EXCEEDED);
	CHECK_EQ(get_quota(s), most / 16);
	(void)data;
}

TEST(share_of_a_user)
{
	CHECK_EQ(run("echo 10 >/sys/module/ktm/parameters/max_log_share"), 0);
	test_join(test_spawn(be_somebody, NULL));
	CHECK_EQ(run("echo 50 >/sys/module/ktm/parameters/max_log_share"), 0);
}

/* Owner and mode. */
static void be_another(void *data)
{
	int fd;

	become(NOBODY, NOBODY);
	CHECK_EQ(stream_try_open(tm, "private", KTM_MAXIMUM_ALLOWED, &fd),
		 KTM_STATUS_ACCESS_DENIED);
	test_shows(KTM_IOC_STREAM_OPEN, KTM_STATUS_ACCESS_DENIED);
	CHECK_EQ(stream_try_open(tm, "public", KTM_STREAM_READ | KTM_STREAM_QUERY_INFORMATION,
				 &fd), KTM_STATUS_SUCCESS);
	check_record(fd, shared_word[0], 1, 10);
	CHECK_EQ(stream_try_open(tm, "public", KTM_STREAM_APPEND, &fd), KTM_STATUS_ACCESS_DENIED);
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 1);
	(void)data;
}

TEST(owner_and_mode)
{
	struct ktm_stream_create c = ARG(ktm_stream_create, .access = KTM_STREAM_ALL_ACCESS,
					 .quota = QUOTA, .name = (uintptr_t)"public",
					 .name_length = 6, .mode = 0644);
	int s = stream_create(tm, "private", QUOTA), round;

	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_SUCCESS);
	shared_word[0] = append(c.fd, 1, 10);
	flush(c.fd, 0);
	for (round = 0; round < 2; round++) {
		test_join(test_spawn(be_another, NULL));
		close(s);
		close(c.fd);
		/* They are in the log. */
		reopen();
		s = stream_open(tm, "private");
		c.fd = stream_open(tm, "public");
	}
}

TEST(what_creation_refuses)
{
	static char name[KTM_MAX_STREAM_NAME + 1];
	const struct ktm_stream_create good = ARG(ktm_stream_create, .quota = QUOTA,
		.access = KTM_STREAM_ALL_ACCESS, .name = (uintptr_t)name, .name_length = 1);
	struct ktm_stream_create c;
	struct ktm_stream_open o;
	const struct rlimit few = { 0, 1024 }, many = { 1024, 1024 };

	memset(name, 'x', sizeof(name));
	c = good;
	c.name_length = sizeof(name);
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_INVALID_PARAMETER);
	c = good;
	c.name_length = 0;
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_INVALID_PARAMETER);
	c = good;
	c.name = 8;
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_FAULT);
	c = good;
	c.quota = 0;
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_INVALID_PARAMETER);
	c.quota = cost(0) - 1;
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_INVALID_PARAMETER);
	c.quota = ~0ull;
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_INVALID_PARAMETER);
	c.quota = 1ull << 61;
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_LOG_FULL);
	c = good;
	c.mode = 01000;
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_INVALID_PARAMETER);
	c = good;
	c.access = 0;
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_INVALID_PARAMETER);
	c.access = KTM_MAXIMUM_ALLOWED;
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_INVALID_PARAMETER);
	c = good;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_TOO_MANY_FILES);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &many), 0);
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 0);
	c = good;
	c.name_length = KTM_MAX_STREAM_NAME;
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_SUCCESS);
	CHECK_EQ(stream_info(c.fd).name_length, KTM_MAX_STREAM_NAME);

	/* By name or by GUID, not both, not neither. */
	o = ARG(ktm_stream_open, .access = KTM_STREAM_READ);
	CALL(tm, KTM_IOC_STREAM_OPEN, &o, KTM_STATUS_INVALID_PARAMETER);
	o.guid = c.guid;
	o.name = (uintptr_t)name;
	o.name_length = KTM_MAX_STREAM_NAME;
	CALL(tm, KTM_IOC_STREAM_OPEN, &o, KTM_STATUS_INVALID_PARAMETER);
	o.name = 8;
	o.guid = nil;
	CALL(tm, KTM_IOC_STREAM_OPEN, &o, KTM_STATUS_FAULT);
	o = ARG(ktm_stream_open, .guid = c.guid);
	CALL(tm, KTM_IOC_STREAM_OPEN, &o, KTM_STATUS_INVALID_PARAMETER);
	o.access = KTM_STREAM_READ;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	CALL(tm, KTM_IOC_STREAM_OPEN, &o, KTM_STATUS_TOO_MANY_FILES);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &many), 0);
}

TEST(what_appending_refuses)
{
	static char data[KTM_MAX_STREAM_RECORD + 1];
	struct ktm_stream_piece pieces[KTM_MAX_STREAM_PIECES + 1];
	int s = stream_create(tm, "s", QUOTA);
	struct ktm_stream_append a;
	unsigned int i;

	for (i = 0; i <= KTM_MAX_STREAM_PIECES; i++)
		pieces[i] = (struct ktm_stream_piece){ .base = (uintptr_t)data, .length = 256 };
	a = ARG(ktm_stream_append, .count = KTM_MAX_STREAM_PIECES + 1,
		.pieces = (uintptr_t)pieces);
	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_INVALID_PARAMETER);
	a.count = KTM_MAX_STREAM_PIECES;
	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_SUCCESS);
	pieces[9].length = 257;
	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_INVALID_PARAMETER);
	/* Lengths that would wrap around together. */
	pieces[0].length = 1ull << 63;
	pieces[1].length = 1ull << 63;
	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_INVALID_PARAMETER);
	pieces[0] = (struct ktm_stream_piece){ .base = 8, .length = 100 };
	a.count = 1;
	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_FAULT);
	a.pieces = 8;
	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_FAULT);
	a.pieces = 0;
	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_INVALID_PARAMETER);
	/* Links lead back. */
	a = ARG(ktm_stream_append, .previous_lsn = stream_info(s).last_lsn + 1);
	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_INVALID_PARAMETER);
	a = ARG(ktm_stream_append, .undo_next_lsn = ~0ull);
	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_INVALID_PARAMETER);
	CHECK_EQ(stream_info(s).records, 1);
}
