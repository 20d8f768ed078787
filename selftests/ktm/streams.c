// SPDX-License-Identifier: GPL-2.0
#include "streams.h"

unsigned int stream_try_create(int tm, const char *name, uint64_t quota, int *fd)
{
	struct ktm_stream_create c = ARG(ktm_stream_create, .access = KTM_STREAM_ALL_ACCESS,
					 .quota = quota, .name = (uintptr_t)name,
					 .name_length = strlen(name));
	unsigned int status = test_try(tm, KTM_IOC_STREAM_CREATE, &c);

	*fd = c.fd;
	return status;
}

int stream_create(int tm, const char *name, uint64_t quota)
{
	int fd;

	CHECK_EQ(stream_try_create(tm, name, quota, &fd), KTM_STATUS_SUCCESS);
	test_shows(KTM_IOC_STREAM_CREATE, KTM_STATUS_SUCCESS);
	return fd;
}

unsigned int stream_try_open(int tm, const char *name, unsigned int access, int *fd)
{
	struct ktm_stream_open o = ARG(ktm_stream_open, .access = access, .name = (uintptr_t)name,
				       .name_length = strlen(name));
	unsigned int status = test_try(tm, KTM_IOC_STREAM_OPEN, &o);

	*fd = o.fd;
	return status;
}

int stream_open(int tm, const char *name)
{
	int fd;

	CHECK_EQ(stream_try_open(tm, name, KTM_STREAM_ALL_ACCESS, &fd), KTM_STATUS_SUCCESS);
	test_shows(KTM_IOC_STREAM_OPEN, KTM_STATUS_SUCCESS);
	return fd;
}

void stream_delete(int s)
{
	struct ktm_call c = ARG(ktm_call);

	CALL(s, KTM_IOC_STREAM_DELETE, &c, KTM_STATUS_SUCCESS);
}

void fill(unsigned char *data, uint64_t tag, unsigned int bytes)
{
	uint64_t x = tag * 0x9e3779b97f4a7c15ull + 1;
	unsigned int i;

	for (i = 0; i < bytes; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		data[i] = x;
	}
	if (bytes >= sizeof(tag))
		memcpy(data, &tag, sizeof(tag));
}

unsigned int try_append(int s, uint64_t tag, unsigned int bytes, unsigned int flags,
			uint64_t *lsn)
{
	unsigned char data[KTM_MAX_STREAM_RECORD];
	/* In two pieces, so that gathering is a part of every test. */
	struct ktm_stream_piece pieces[2] = {
		{ .base = (uintptr_t)data, .length = bytes / 3 },
		{ .base = (uintptr_t)data + bytes / 3, .length = bytes - bytes / 3 },
	};
	struct ktm_stream_append a = ARG(ktm_stream_append, .flags = flags, .count = 2,
					 .pieces = (uintptr_t)pieces);
	unsigned int status;

	fill(data, tag, bytes);
	status = test_try(s, KTM_IOC_STREAM_APPEND, &a);
	*lsn = a.lsn;
	return status;
}

uint64_t append_flags(int s, uint64_t tag, unsigned int bytes, unsigned int flags)
{
	uint64_t lsn;

	CHECK_EQ(try_append(s, tag, bytes, flags, &lsn), KTM_STATUS_SUCCESS);
	test_shows(KTM_IOC_STREAM_APPEND, KTM_STATUS_SUCCESS);
	CHECK(lsn);
	return lsn;
}

uint64_t append(int s, uint64_t tag, unsigned int bytes)
{
	return append_flags(s, tag, bytes, 0);
}

static unsigned int read_one(int s, unsigned int mode, uint64_t lsn, unsigned char *data,
			     struct ktm_stream_read *r)
{
	*r = ARG(ktm_stream_read, .mode = mode, .lsn = lsn, .buffer = (uintptr_t)data,
		 .length = KTM_MAX_STREAM_RECORD);
	return test_try(s, KTM_IOC_STREAM_READ, r);
}

void check_record(int s, uint64_t lsn, uint64_t tag, unsigned int bytes)
{
	unsigned char data[KTM_MAX_STREAM_RECORD], want[KTM_MAX_STREAM_RECORD];
	struct ktm_stream_read r;

	CHECK_EQ(read_one(s, KTM_STREAM_AT, lsn, data, &r), KTM_STATUS_SUCCESS);
	test_shows(KTM_IOC_STREAM_READ, KTM_STATUS_SUCCESS);
	fill(want, tag, bytes);
	CHECK_EQ(r.lsn, lsn);
	CHECK_EQ(r.length, bytes);
	CHECK(!memcmp(data, want, bytes));
}

uint64_t where(int s, unsigned int mode, uint64_t lsn)
{
	unsigned char data[KTM_MAX_STREAM_RECORD];
	struct ktm_stream_read r;
	unsigned int status = read_one(s, mode, lsn, data, &r);

	if (status == KTM_STATUS_NO_MORE_ENTRIES) {
		test_shows(KTM_IOC_STREAM_READ, status);
		return 0;
	}
	CHECK_EQ(status, KTM_STATUS_SUCCESS);
	return r.lsn;
}

uint64_t tag_at(int s, unsigned int mode, uint64_t lsn)
{
	unsigned char data[KTM_MAX_STREAM_RECORD];
	struct ktm_stream_read r;
	uint64_t tag;

	CHECK_EQ(read_one(s, mode, lsn, data, &r), KTM_STATUS_SUCCESS);
	CHECK(r.length >= sizeof(tag));
	memcpy(&tag, data, sizeof(tag));
	return tag;
}

void check_tags(int s, const uint64_t *tags, unsigned int n, unsigned int bytes)
{
	uint64_t lsn = 0, last = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		lsn = where(s, KTM_STREAM_NEXT, last);
		CHECK(lsn > last);
		check_record(s, lsn, tags[i], bytes);
		last = lsn;
	}
	CHECK_EQ(where(s, KTM_STREAM_NEXT, last), 0);
}

uint64_t flush(int s, uint64_t lsn)
{
	struct ktm_stream_flush f = ARG(ktm_stream_flush, .lsn = lsn);

	CALL(s, KTM_IOC_STREAM_FLUSH, &f, KTM_STATUS_SUCCESS);
	return f.flushed_lsn;
}

void reserve(int s, unsigned int records, uint64_t bytes)
{
	struct ktm_stream_reserve r = ARG(ktm_stream_reserve, .records = records, .bytes = bytes);

	CALL(s, KTM_IOC_STREAM_RESERVE, &r, KTM_STATUS_SUCCESS);
}

void unreserve(int s, unsigned int records, uint64_t bytes)
{
	struct ktm_stream_reserve r = ARG(ktm_stream_reserve, .flags = KTM_STREAM_UNRESERVE,
					  .records = records, .bytes = bytes);

	CALL(s, KTM_IOC_STREAM_RESERVE, &r, KTM_STATUS_SUCCESS);
}

void advance(int s, uint64_t lsn)
{
	struct ktm_stream_mark m = ARG(ktm_stream_mark, .lsn = lsn);

	CALL(s, KTM_IOC_STREAM_ADVANCE, &m, KTM_STATUS_SUCCESS);
}

void truncate_to(int s, uint64_t lsn)
{
	struct ktm_stream_mark m = ARG(ktm_stream_mark, .lsn = lsn);

	CALL(s, KTM_IOC_STREAM_TRUNCATE, &m, KTM_STATUS_SUCCESS);
}

struct ktm_stream_info stream_info(int s)
{
	struct ktm_stream_info i;
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_STREAM_BASIC,
				 .length = sizeof(i), .buffer = (uintptr_t)&i);

	CALL(s, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
	CHECK_EQ(q.length, sizeof(i));
	return i;
}

uint64_t cost(unsigned int bytes)
{
	unsigned int length = (48 + bytes + 7) / 8 * 8;

	return length + length / 2 > 128 ? length + length / 2 : 128;
}
