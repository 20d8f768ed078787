// SPDX-License-Identifier: GPL-2.0
/*
 * What drivers call for log streams when memory is short: every allocation of every call fails
 * once. The call is then refused with ENOMEM and has changed nothing, or it does not need the
 * memory; what is set aside never fails. All else that drivers call is participantnomem.c's.
 * Needs a kernel with fault injection.
 */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "disk.h"
#include "drivercalls.h"
#include "failalloc.h"
#include "nomem.h"

static struct disk d;
static int tm;
static unsigned long tried, refused;

void test_setup(void)
{
	fail_nth_open();
	driver_open();
	d = disk_make(8 * MIB);
	journal_format(d.path, guid_of(970));
	tm = tm_online(d.path);
}

struct picture {
	struct ktm_stream_info stream;
	struct nomem_traces traces;
};

/* What a refusal must leave as it was: all but what the log does by itself. */
static void look(struct picture *p, const struct picture *before)
{
	memset(p, 0, sizeof(*p));
	p->stream = driver_query(0);
	p->stream.flushed_lsn = 0;
	p->stream.place_lsn = 0;
	p->traces = nomem_look(before ? &before->traces : NULL);
}

/* What a call made may go a moment after it, in a worker. */
static void must_be_as(const struct picture *before, unsigned int fn, unsigned int n)
{
	const struct deadline end = deadline_in(PATIENCE);
	struct picture now;

	for (look(&now, before); memcmp(before, &now, sizeof(now)); look(&now, before)) {
		if (deadline_passed(&end))
			FAIL("%s, refused at allocation %u, has changed the %s", driver_name(fn), n,
			     memcmp(&before->stream, &now.stream, sizeof(now.stream)) ?
			     "stream" : "module's uses");
		nap();
	}
}

/* Of what tells no status. */
#define NO_STATUS	UINT32_MAX

enum came_to { REFUSED, SUCCEEDED, UNTOUCHED };

/* Descriptor that TO_FD has made. */
static int made;

/* The n-th allocation of a call fails, if it makes so many. */
static enum came_to fail_at(unsigned int n, struct ktm_test_call c, unsigned int want,
			    bool may_fail)
{
	struct picture before;
	bool hit;

	look(&before, NULL);
	fail_nth_arm(n);
	CHECK_EQ(ioctl(drv, KTM_TEST_CALL, &c), 0);
	hit = fail_nth_disarm();
	tried += hit;
	if (c.ret >= 0) {
		CHECK_EQ(c.status, want);
		if (c.fn == TEST_STREAM_TO_FD)
			made = c.ret;
		else
			CHECK_EQ(c.ret, c.fn == TEST_STREAM_READ ? 1 :
					c.fn == TEST_STREAM_POLL ? POLLIN | POLLRDNORM : 0);
		return hit ? SUCCEEDED : UNTOUCHED;
	}
	/* It was the driver's own memory. */
	if (hit && c.ret == -ENOBUFS)
		return REFUSED;
	if (!hit || !may_fail)
		FAIL("%s, allocation %u: %s", driver_name(c.fn), n, status_name(c.status));
	CHECK_EQ(c.status, KTM_STATUS_INSUFFICIENT_RESOURCES);
	CHECK_EQ(c.ret, -ENOMEM);
	if (c.fn == TEST_STREAM_APPEND)
		CHECK_EQ(c.lsn, 0);
	must_be_as(&before, c.fn, n);
	shows_call(driver_name(c.fn), KTM_STATUS_INSUFFICIENT_RESOURCES);
	refused++;
	return REFUSED;
}

/*
 * @undo: of a success, so that it can be tried again; the last one stays. Not every allocation is
 * the call's: the kernel's own come and go, and move those behind them by one. So one that has not
 * mattered fails twice.
 */
static void each_allocation(struct ktm_test_call c, unsigned int want, bool may_fail,
			    void (*undo)(void))
{
	enum came_to came_to;
	unsigned int n, i;

	for (n = 1; n < TOO_MANY; n++) {
		for (i = 0; i < 2; i++) {
			came_to = fail_at(n, c, want, may_fail);
			if (came_to == REFUSED)
				break;
			if (came_to == UNTOUCHED) {
				nomem_tried(driver_name(c.fn));
				return;
			}
			if (undo)
				undo();
		}
	}
	FAIL("%s allocates for ever", driver_name(c.fn));
}

#define EACH(want, fn_, may_fail, undo, ...)				\
	each_allocation((struct ktm_test_call){ .fn = TEST_##fn_, ##__VA_ARGS__ }, want,	\
			may_fail, undo)

static void put_one(void)
{
	driver_put(1);
}

static void close_made(void)
{
	CHECK_EQ(close(made), 0);
}

static void delete_one(void)
{
	DRIVER(KTM_STATUS_SUCCESS, STREAM_DELETE, .slot = 1);
	driver_put(1);
}

static void make_again(void)
{
	driver_put(0);
	driver_make(0, "s");
}

static void unreserve_all(void)
{
	DRIVER(KTM_STATUS_SUCCESS, STREAM_UNRESERVE, .records = 5, .bytes = 5000);
}

static void reserve_again(void)
{
	DRIVER(KTM_STATUS_SUCCESS, STREAM_RESERVE, .records = 1, .bytes = 1000);
}

static void open_one(void)
{
	driver_open_name(1, "s");
}

TEST(each_allocation_fails)
{
	static unsigned char data[KTM_MAX_STREAM_RECORD];
	const uint64_t at = (uintptr_t)data;
	struct ktm_stream_info info;
	uint64_t first;
	int s;

	driver_get_tm(tm);
	driver_make(0, "s");
	s = stream_open(tm, "s");
	first = driver_add(0, 1, 1000);
	EACH(KTM_STATUS_SUCCESS, STREAM_CREATE, true, delete_one, .slot = 1, .bytes = QUOTA,
	     .access = KTM_STREAM_ALL_ACCESS, .name = "t");
	delete_one();
	EACH(KTM_STATUS_SUCCESS, STREAM_OPEN_NAME, true, put_one, .slot = 1, .name = "s",
	     .access = KTM_STREAM_READ);
	driver_put(1);
	EACH(KTM_STATUS_SUCCESS, STREAM_OPEN, true, put_one, .slot = 1,
	     .guid = driver_query(0).guid, .access = KTM_STREAM_READ);
	driver_put(1);
	EACH(KTM_STATUS_SUCCESS, STREAM_GET_FROM_FD, true, put_one, .slot = 1, .fd = s,
	     .access = KTM_STREAM_READ);
	EACH(KTM_STATUS_SUCCESS, STREAM_TO_FD, true, close_made, .slot = 1,
	     .access = KTM_STREAM_READ);
	close_made();
	EACH(NO_STATUS, STREAM_PUT, false, open_one, .slot = 1);
	CHECK(refused >= 5);
	EACH(KTM_STATUS_SUCCESS, STREAM_READ, true, NULL, .lsn = first, .data = at,
	     .length = sizeof(data));
	EACH(KTM_STATUS_SUCCESS, STREAM_APPEND, true, NULL, .pieces = 3, .data = at,
	     .length = 5000);
	EACH(KTM_STATUS_SUCCESS, STREAM_RESERVE, true, unreserve_all, .records = 5,
	     .bytes = 5000);
	unreserve_all();
	reserve_again();
	EACH(KTM_STATUS_SUCCESS, STREAM_UNRESERVE, false, reserve_again, .records = 1,
	     .bytes = 1000);
	EACH(KTM_STATUS_PENDING, STREAM_FLUSH, true, NULL, .flags = KTM_STREAM_NOWAIT);
	EACH(KTM_STATUS_SUCCESS, STREAM_FLUSH, false, NULL);
	EACH(NO_STATUS, STREAM_POLL, false, NULL);
	EACH(KTM_STATUS_SUCCESS, STREAM_ADVANCE, false, NULL, .lsn = first);
	EACH(KTM_STATUS_SUCCESS, STREAM_TRUNCATE, false, NULL, .lsn = first);
	EACH(KTM_STATUS_SUCCESS, STREAM_SET_QUOTA, false, NULL, .bytes = 2 * QUOTA);
	EACH(KTM_STATUS_SUCCESS, STREAM_QUERY, false, NULL, .data = (uintptr_t)&info);
	/* What was set aside does not fail: not even for the data. */
	reserve_again();
	EACH(KTM_STATUS_SUCCESS, STREAM_APPEND, false, reserve_again, .pieces = 3, .data = at,
	     .length = 1000, .flags = KTM_STREAM_RESERVED);
	driver_check(0, first, 1, 1000);
	EACH(KTM_STATUS_SUCCESS, STREAM_DELETE, false, make_again);
	close(s);
	printf("campaign drivernomem: tried=%lu violations=0 seed=0\n# refused=%lu\n", tried,
	       refused);
	close(drv);
	tm_close(tm, d.path);
}

TEST(all_were_tried)
{
	nomem_all_exported("ktm_log_stream_", false);
	close(drv);
	close(tm);
}
