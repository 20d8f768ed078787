// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: making and finding them, their records, what outlives a reopening.
 */
#include "calls.h"
#include "disk.h"
#include "streams.h"

#define TM_GUID	guid_of(910)

static const char *path;
static int tm;

void test_setup(void)
{
	path = disk_given();
	journal_format(path, TM_GUID);
	tm = tm_online(path);
}

static void reopen(void)
{
	tm_close(tm, path);
	tm = tm_online(path);
}

static struct ktm_stream_create creation(const char *name, uint64_t quota)
{
	return ARG(ktm_stream_create, .access = KTM_STREAM_ALL_ACCESS, .quota = quota,
		   .name = (uintptr_t)name, .name_length = strlen(name));
}

TEST(create_and_open)
{
	struct ktm_stream_create c = creation("first", QUOTA);
	struct ktm_stream_open o = ARG(ktm_stream_open, .access = KTM_MAXIMUM_ALLOWED);
	struct ktm_stream_info i;
	int s, t;

	c.guid = guid_of(1);
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_SUCCESS);
	s = c.fd;
	i = stream_info(s);
	CHECK(same(&i.guid, &c.guid));
	CHECK_EQ(i.quota, QUOTA);
	CHECK_EQ(i.used, 0);
	CHECK_EQ(i.records, 0);
	CHECK_EQ(i.name_length, 5);
	CHECK(!memcmp(i.name, "first\0", 6));
	CHECK(listed(tm, KTM_KIND_STREAM, c.guid));
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 1);

	t = stream_open(tm, "first");
	i = stream_info(t);
	CHECK(same(&i.guid, &c.guid));
	close(t);
	o.guid = c.guid;
	CALL(tm, KTM_IOC_STREAM_OPEN, &o, KTM_STATUS_SUCCESS);
	i = stream_info(o.fd);
	CHECK(same(&i.guid, &c.guid));
	close(o.fd);
	o.guid = guid_of(2);
	CALL(tm, KTM_IOC_STREAM_OPEN, &o, KTM_STATUS_STREAM_NOT_FOUND);
	CHECK_EQ(stream_try_open(tm, "firs", KTM_MAXIMUM_ALLOWED, &t), KTM_STATUS_STREAM_NOT_FOUND);

	/* Neither its name nor its GUID can be had twice. */
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_OBJECT_NAME_COLLISION);
	c = creation("second", QUOTA);
	c.guid = guid_of(1);
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_OBJECT_NAME_COLLISION);
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 1);
	close(s);
	/* It does not need anybody. */
	s = stream_open(tm, "first");
	close(s);
	reopen();
	s = stream_open(tm, "first");
	i = stream_info(s);
	CHECK_EQ(i.quota, QUOTA);
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 1);
}

TEST(records)
{
	static const unsigned int sizes[] = { 0, 1, 7, 8, 9, 100, 4096, KTM_MAX_STREAM_RECORD };
	uint64_t lsn[8], used = 0, last = 0;
	int s = stream_create(tm, "s", QUOTA);
	struct ktm_stream_info info;
	unsigned int i, round;

	for (i = 0; i < 8; i++) {
		lsn[i] = append(s, i, sizes[i]);
		CHECK(lsn[i] > last);
		last = lsn[i];
		used += cost(sizes[i]);
	}
	for (round = 0; round < 4; round++) {
		for (i = 0; i < 8; i++)
			check_record(s, lsn[i], i, sizes[i]);
		info = stream_info(s);
		CHECK_EQ(info.records, 8);
		CHECK_EQ(info.used, used);
		CHECK_EQ(info.first_lsn, lsn[0]);
		CHECK_EQ(info.last_lsn, lsn[7]);
		CHECK_EQ(info.base_lsn, 0);
		/* From memory, then from the device, then out of the log, then out of its area. */
		if (!round) {
			CHECK_EQ(flush(s, 0), lsn[7]);
		} else {
			close(s);
			reopen();
			s = stream_open(tm, "s");
		}
	}
	/* They go on. */
	CHECK(append(s, 8, 8) > lsn[7]);
}

TEST(reading_in_every_mode)
{
	int s = stream_create(tm, "s", QUOTA);
	struct ktm_stream_append a;
	uint64_t lsn[6], data = 1;
	struct ktm_stream_piece piece = { .base = (uintptr_t)&data, .length = sizeof(data) };
	unsigned int i, round;

	CHECK_EQ(where(s, KTM_STREAM_NEXT, 0), 0);
	CHECK_EQ(where(s, KTM_STREAM_BEFORE, 0), 0);
	CHECK_EQ(where(s, KTM_STREAM_LAST_RESTART, 0), 0);
	for (i = 0; i < 6; i++) {
		a = ARG(ktm_stream_append, .count = 1, .pieces = (uintptr_t)&piece,
			.flags = i == 1 || i == 4 ? KTM_STREAM_RESTART : 0,
			.previous_lsn = i ? lsn[i - 1] : 0,
			.undo_next_lsn = i > 1 ? lsn[i - 2] : 0);
		CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_SUCCESS);
		lsn[i] = a.lsn;
	}
	for (round = 0; round < 2; round++) {
		CHECK_EQ(where(s, KTM_STREAM_NEXT, 0), lsn[0]);
		CHECK_EQ(where(s, KTM_STREAM_NEXT, lsn[0]), lsn[1]);
		CHECK_EQ(where(s, KTM_STREAM_NEXT, lsn[5]), 0);
		CHECK_EQ(where(s, KTM_STREAM_NEXT, ~0ull), 0);
		CHECK_EQ(where(s, KTM_STREAM_BEFORE, 0), lsn[5]);
		CHECK_EQ(where(s, KTM_STREAM_BEFORE, lsn[5]), lsn[4]);
		CHECK_EQ(where(s, KTM_STREAM_BEFORE, lsn[0]), 0);
		CHECK_EQ(where(s, KTM_STREAM_PREVIOUS_LINK, lsn[3]), lsn[2]);
		CHECK_EQ(where(s, KTM_STREAM_UNDO_LINK, lsn[3]), lsn[1]);
		CHECK_EQ(where(s, KTM_STREAM_PREVIOUS_LINK, lsn[0]), 0);
		CHECK_EQ(where(s, KTM_STREAM_UNDO_LINK, lsn[1]), 0);
		CHECK_EQ(where(s, KTM_STREAM_LAST_RESTART, 0), lsn[4]);
		CHECK_EQ(where(s, KTM_STREAM_LAST_RESTART, lsn[4]), lsn[1]);
		CHECK_EQ(where(s, KTM_STREAM_LAST_RESTART, lsn[1]), 0);
		CHECK_EQ(stream_info(s).restart_lsn, lsn[4]);
		close(s);
		reopen();
		s = stream_open(tm, "s");
	}
}

/* Restart records here and there among many, while others come and go at both ends. */
TEST(last_restart_record)
{
	enum { N = 400 };
	int s = stream_create(tm, "s", QUOTA);
	uint64_t lsn[N], last[N + 1], got;
	unsigned int i, first = 0, end = 0, seed = 1;

	while (end < N) {
		for (i = 0; i < 40; i++, end++) {
			seed = seed * 1103515245 + 12345;
			lsn[end] = append_flags(s, end, 8, seed >> 16 & 7 ? 0 :
						KTM_STREAM_RESTART);
			last[end] = seed >> 16 & 7 ? 0 : lsn[end];
		}
		first += seed >> 20 & 15;
		advance(s, lsn[first]);
		end -= seed >> 25 & 7;
		truncate_to(s, lsn[end - 1]);
		for (i = first, got = 0; i < end; i++) {
			CHECK_EQ(where(s, KTM_STREAM_LAST_RESTART, lsn[i]), got);
			got = last[i] ? last[i] : got;
		}
		CHECK_EQ(where(s, KTM_STREAM_LAST_RESTART, 0), got);
		CHECK_EQ(where(s, KTM_STREAM_LAST_RESTART, ~0ull), got);
		if (end > N - 40)
			break;
	}
	close(s);
}

TEST(what_reading_refuses)
{
	int s = stream_create(tm, "s", QUOTA);
	unsigned char data[100], want[100];
	uint64_t a = append(s, 1, 100), b = append(s, 2, 100);
	struct ktm_stream_read r = ARG(ktm_stream_read, .lsn = a + 1, .buffer = (uintptr_t)data,
				       .length = 100);

	CALL(s, KTM_IOC_STREAM_READ, &r, KTM_STATUS_LOG_RECORD_NONEXISTENT);
	r = ARG(ktm_stream_read, .lsn = 0);
	CALL(s, KTM_IOC_STREAM_READ, &r, KTM_STATUS_LOG_RECORD_NONEXISTENT);
	r = ARG(ktm_stream_read, .lsn = a, .buffer = (uintptr_t)data, .length = 99);
	CALL(s, KTM_IOC_STREAM_READ, &r, KTM_STATUS_BUFFER_TOO_SMALL);
	CHECK_EQ(r.length, 100);
	CHECK_EQ(r.lsn, a);
	r = ARG(ktm_stream_read, .lsn = a, .buffer = 8, .length = 100);
	CALL(s, KTM_IOC_STREAM_READ, &r, KTM_STATUS_FAULT);
	r = ARG(ktm_stream_read, .lsn = a, .mode = KTM_STREAM_LAST_RESTART + 1);
	CALL(s, KTM_IOC_STREAM_READ, &r, KTM_STATUS_INVALID_PARAMETER);
	/* A link to what is gone. */
	r = ARG(ktm_stream_read, .lsn = b, .mode = KTM_STREAM_UNDO_LINK);
	CALL(s, KTM_IOC_STREAM_READ, &r, KTM_STATUS_NO_MORE_ENTRIES);
	r = ARG(ktm_stream_read, .lsn = a, .buffer = (uintptr_t)data, .length = 100);
	CALL(s, KTM_IOC_STREAM_READ, &r, KTM_STATUS_SUCCESS);
	fill(want, 1, 100);
	CHECK(!memcmp(data, want, 100));
}

TEST(advance_the_base)
{
	int s = stream_create(tm, "s", QUOTA);
	struct ktm_stream_mark m;
	struct ktm_stream_info i;
	uint64_t lsn[5];
	unsigned int n, round;

	for (n = 0; n < 5; n++)
		lsn[n] = append_flags(s, n, 100, n == 1 ? KTM_STREAM_RESTART : 0);
	advance(s, lsn[1]);
	CHECK_EQ(stream_info(s).restart_lsn, lsn[1]);
	/* It need not be a record's. */
	advance(s, lsn[1] + 1);
	i = stream_info(s);
	CHECK_EQ(i.base_lsn, lsn[1] + 1);
	CHECK_EQ(i.records, 3);
	CHECK_EQ(i.used, 3 * cost(100));
	CHECK_EQ(i.first_lsn, lsn[2]);
	CHECK_EQ(i.restart_lsn, 0);
	m = ARG(ktm_stream_mark, .lsn = lsn[1]);
	CALL(s, KTM_IOC_STREAM_ADVANCE, &m, KTM_STATUS_INVALID_PARAMETER);
	m = ARG(ktm_stream_mark, .lsn = lsn[4] + 1);
	CALL(s, KTM_IOC_STREAM_ADVANCE, &m, KTM_STATUS_INVALID_PARAMETER);
	flush(s, 0);
	for (round = 0; round < 2; round++) {
		check_tags(s, (uint64_t[]){ 2, 3, 4 }, 3, 100);
		CHECK_EQ(stream_info(s).base_lsn, lsn[1] + 1);
		close(s);
		reopen();
		s = stream_open(tm, "s");
	}
	advance(s, lsn[4]);
	CHECK_EQ(stream_info(s).records, 1);
}

TEST(truncate_the_end)
{
	int s = stream_create(tm, "s", QUOTA);
	struct ktm_stream_mark m;
	uint64_t lsn[5], next;
	unsigned int n, round;

	for (n = 0; n < 5; n++)
		lsn[n] = append_flags(s, n, 100, n != 2 ? KTM_STREAM_RESTART : 0);
	m = ARG(ktm_stream_mark, .lsn = lsn[4] + 1);
	CALL(s, KTM_IOC_STREAM_TRUNCATE, &m, KTM_STATUS_INVALID_PARAMETER);
	truncate_to(s, lsn[2]);
	CHECK_EQ(stream_info(s).restart_lsn, lsn[1]);
	CHECK_EQ(stream_info(s).last_lsn, lsn[2]);
	next = append(s, 5, 100);
	CHECK(next > lsn[4]);
	flush(s, 0);
	for (round = 0; round < 2; round++) {
		check_tags(s, (uint64_t[]){ 0, 1, 2, 5 }, 4, 100);
		close(s);
		reopen();
		s = stream_open(tm, "s");
	}
	truncate_to(s, 0);
	CHECK_EQ(stream_info(s).records, 0);
	CHECK_EQ(stream_info(s).restart_lsn, 0);
	flush(s, 0);
	close(s);
	reopen();
	s = stream_open(tm, "s");
	CHECK_EQ(stream_info(s).records, 0);
	CHECK(append(s, 6, 100) > next);
}

/* A restart record that takes the base with it. */
TEST(restart_record_with_base)
{
	int s = stream_create(tm, "s", QUOTA);
	uint64_t a = append(s, 1, 50), b = append(s, 2, 50);
	struct ktm_stream_append r = ARG(ktm_stream_append, .flags = KTM_STREAM_RESTART,
					 .base_lsn = b);

	CHECK(a < b);
	CALL(s, KTM_IOC_STREAM_APPEND, &r, KTM_STATUS_SUCCESS);
	CHECK_EQ(stream_info(s).base_lsn, b);
	CHECK_EQ(stream_info(s).records, 2);
	CHECK_EQ(stream_info(s).restart_lsn, r.lsn);
	r.base_lsn = r.lsn + 1;
	CALL(s, KTM_IOC_STREAM_APPEND, &r, KTM_STATUS_INVALID_PARAMETER);
	r.base_lsn = a;
	CALL(s, KTM_IOC_STREAM_APPEND, &r, KTM_STATUS_INVALID_PARAMETER);
	r.flags = 0;
	r.base_lsn = b;
	CALL(s, KTM_IOC_STREAM_APPEND, &r, KTM_STATUS_INVALID_PARAMETER);
	CHECK_EQ(stream_info(s).records, 2);
}

static void refused_append(int s, uint64_t told, unsigned int flags, unsigned int status)
{
	struct ktm_stream_append a = ARG(ktm_stream_append, .flags = flags, .lsn = told);

	CALL(s, KTM_IOC_STREAM_APPEND, &a, status);
	CHECK_EQ(a.lsn, 0);
}

/* Who asks once more with what an earlier call has filled in must not take that for an answer. */
TEST(refused_append_has_no_name)
{
	int s = stream_create(tm, "s", 256), reader;
	uint64_t lsn = append(s, 1, 8), last;

	CHECK_EQ(stream_try_open(tm, "s", KTM_STREAM_READ, &reader), KTM_STATUS_SUCCESS);
	refused_append(reader, lsn, 0, KTM_STATUS_ACCESS_DENIED);
	refused_append(s, lsn, 1u << 31, KTM_STATUS_INVALID_PARAMETER);
	last = append(s, 2, 8);
	refused_append(s, last, 0, KTM_STATUS_STREAM_FULL);
	close(reader);
}

TEST(delete_and_make_again)
{
	struct ktm_call c = ARG(ktm_call);
	int s = stream_create(tm, "s", QUOTA), t = stream_open(tm, "s"), fd;
	struct ktm_stream_read r = ARG(ktm_stream_read, .mode = KTM_STREAM_NEXT);
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_STREAM_BASIC);
	uint64_t lsn, quota = 2 * QUOTA;
	struct ktm_set set = ARG(ktm_set, .info_class = KTM_INFO_STREAM_QUOTA,
				 .length = sizeof(quota), .buffer = (uintptr_t)&quota);

	append(s, 1, 100);
	stream_delete(s);
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 0);
	CHECK_EQ(stream_try_open(tm, "s", KTM_MAXIMUM_ALLOWED, &fd), KTM_STATUS_STREAM_NOT_FOUND);
	/* For who has it open, too. */
	CHECK_EQ(try_append(t, 2, 100, 0, &lsn), KTM_STATUS_STREAM_NOT_FOUND);
	test_shows(KTM_IOC_STREAM_APPEND, KTM_STATUS_STREAM_NOT_FOUND);
	CALL(t, KTM_IOC_STREAM_READ, &r, KTM_STATUS_STREAM_NOT_FOUND);
	CALL(t, KTM_IOC_QUERY, &q, KTM_STATUS_STREAM_NOT_FOUND);
	CALL(t, KTM_IOC_STREAM_DELETE, &c, KTM_STATUS_STREAM_NOT_FOUND);
	CALL(t, KTM_IOC_SET, &set, KTM_STATUS_STREAM_NOT_FOUND);
	CHECK(poll_now(t) & POLLERR);
	close(s);
	s = stream_create(tm, "s", QUOTA);
	CHECK_EQ(stream_info(s).records, 0);
	append(s, 3, 100);
	flush(s, 0);
	close(s);
	close(t);
	reopen();
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 1);
	s = stream_open(tm, "s");
	check_tags(s, (uint64_t[]){ 3 }, 1, 100);
	stream_delete(s);
	close(s);
	reopen();
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 0);
}

/* Its quota is changed when much has happened to it: the log says no more than that. */
TEST(quota_of_one_whose_base_has_moved)
{
	int s = stream_create(tm, "s", QUOTA);
	uint64_t quota = 2 * QUOTA, base, restart;
	struct ktm_set set = ARG(ktm_set, .info_class = KTM_INFO_STREAM_QUOTA,
				 .length = sizeof(quota), .buffer = (uintptr_t)&quota);

	append(s, 1, 50);
	base = append(s, 2, 50);
	restart = append_flags(s, 3, 50, KTM_STREAM_RESTART);
	advance(s, base);
	CALL(s, KTM_IOC_SET, &set, KTM_STATUS_SUCCESS);
	append(s, 4, 50);
	flush(s, 0);
	close(s);
	reopen();
	s = stream_open(tm, "s");
	CHECK_EQ(stream_info(s).quota, quota);
	CHECK_EQ(stream_info(s).base_lsn, base);
	CHECK_EQ(stream_info(s).restart_lsn, restart);
	check_tags(s, (uint64_t[]){ 2, 3, 4 }, 3, 50);
}
