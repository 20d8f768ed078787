// SPDX-License-Identifier: GPL-2.0
/*
 * What drivers call when memory is short: every allocation of every call fails once. The call
 * is then refused with ENOMEM and has changed nothing, or it does not need the memory; what is
 * set aside never fails. Needs a kernel with fault injection.
 */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "disk.h"
#include "drivercalls.h"
#include "failalloc.h"
#include "opcalls.h"

/* More than any call allocates: a safety net. */
#define TOO_MANY	1000

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

/* What a refusal must leave as it was: all but what the log does by itself. */
static struct ktm_stream_info look(void)
{
	struct ktm_stream_info info = driver_query(0);

	info.flushed_lsn = 0;
	info.place_lsn = 0;
	return info;
}

/* @undo: of a success, so that it can be tried again; the last one stays. */
static void each_allocation(struct ktm_test_call c, unsigned int want, bool may_fail,
			    void (*undo)(void))
{
	const int success = c.fn == TEST_STREAM_READ ? 1 : 0;
	struct ktm_stream_info before, after;
	struct ktm_test_call t;
	unsigned int n;
	bool hit;

	for (n = 1; n < TOO_MANY; n++) {
		before = look();
		t = c;
		fail_nth_arm(n);
		CHECK_EQ(ioctl(drv, KTM_TEST_CALL, &t), 0);
		hit = fail_nth_disarm();
		tried += hit;
		if (t.ret == success) {
			CHECK_EQ(t.status, want);
			if (!hit)
				return;
			if (undo)
				undo();
			continue;
		}
		/* It was the driver's own memory. */
		if (hit && t.ret == -ENOBUFS)
			continue;
		if (!hit || !may_fail)
			FAIL("%s, allocation %u: %s", driver_name(c.fn), n, status_name(t.status));
		CHECK_EQ(t.status, KTM_STATUS_INSUFFICIENT_RESOURCES);
		CHECK_EQ(t.ret, -ENOMEM);
		if (c.fn == TEST_STREAM_APPEND)
			CHECK_EQ(t.lsn, 0);
		after = look();
		CHECK(!memcmp(&before, &after, sizeof(after)));
		refused++;
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
	driver_put(1);
	CHECK(refused >= 4);
	EACH(KTM_STATUS_SUCCESS, STREAM_READ, true, NULL, .lsn = first, .data = at,
	     .length = sizeof(data));
	EACH(KTM_STATUS_SUCCESS, STREAM_APPEND, true, NULL, .pieces = 3, .data = at,
	     .length = 5000);
	EACH(KTM_STATUS_SUCCESS, STREAM_RESERVE, true, unreserve_all, .records = 5,
	     .bytes = 5000);
	unreserve_all();
	EACH(KTM_STATUS_PENDING, STREAM_FLUSH, true, NULL, .flags = KTM_STREAM_NOWAIT);
	EACH(KTM_STATUS_SUCCESS, STREAM_FLUSH, false, NULL);
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

/* Slots: 0 is the TM, the last one is what is tried. */
enum { RM = 1, TX, EN, TRIED };

static void each_op(struct ktm_test_op c, void (*undo)(void))
{
	struct ktm_test_op t;
	unsigned int n;
	int ret, err;
	bool hit;

	for (n = 1; n < TOO_MANY; n++) {
		t = c;
		fail_nth_arm(n);
		ret = ioctl(drv, KTM_TEST_OP, &t);
		err = errno;
		hit = fail_nth_disarm();
		tried += hit;
		/* It was the driver's own memory. */
		if (ret || t.ret == -ENOBUFS) {
			CHECK(hit && (!ret || err == ENOMEM));
			continue;
		}
		if (t.ret >= 0) {
			if (undo)
				undo();
			if (!hit)
				return;
			continue;
		}
		if (!hit)
			FAIL("%s, allocation %u: %s", op_name(c.fn), n, status_name(t.status));
		CHECK_EQ(t.status, KTM_STATUS_INSUFFICIENT_RESOURCES);
		CHECK_EQ(t.ret, -ENOMEM);
		refused++;
	}
	FAIL("%s allocates for ever", op_name(c.fn));
}

#define EACH_OP(undo, fn_, ...)						\
	each_op((struct ktm_test_op){ .fn = OP_##fn_, ##__VA_ARGS__ }, undo)

static void put_tried(void)
{
	op_put(TRIED);
}

static void rm_again(void)
{
	op_put(RM);
	op_rm(RM);
}

static void tx_again(void)
{
	told();
	op_put(TX);
	op_tx(TX);
}

TEST(each_allocation_of_a_participant)
{
	guid_t en, uow;
	int fd;

	refused = 0;
	EACH_OP(put_tried, TM_CREATE, .slot = TRIED, .flags = KTM_TM_VOLATILE,
		.access = KTM_TM_ALL_ACCESS);
	op_volatile();
	fd = op_to_fd(OP_TM_TO_FD, 0, KTM_TM_ALL_ACCESS);
	EACH_OP(put_tried, TM_GET_FROM_FD, .slot = TRIED, .fd = fd, .access = KTM_TM_RECOVER);
	close(fd);
	EACH_OP(put_tried, RM_CREATE, .slot = TRIED, .flags = KTM_RM_VOLATILE, .name = "rm",
		.access = KTM_RM_ALL_ACCESS);
	op_rm(RM);

	EACH_OP(rm_again, RM_ENABLE_CALLBACKS, .on = RM);
	EACH_OP(put_tried, TRANSACTION_CREATE, .slot = TRIED, .name = "tx",
		.access = KTM_TX_ALL_ACCESS);
	op_tx(TX);
	uow = OP_TRY(TRANSACTION_ID, .on = TX).guid;
	EACH_OP(put_tried, TRANSACTION_OPEN, .slot = TRIED, .guid = uow,
		.access = KTM_TX_QUERY_INFORMATION);
	EACH_OP(tx_again, TRANSACTION_COMMIT_ASYNC, .on = TX);
	en = op_rm_enlist(RM, TX, EN_MASK, 1);
	EACH_OP(put_tried, ENLISTMENT_OPEN, .on = RM, .slot = TRIED, .guid = en,
		.access = KTM_EN_QUERY_INFORMATION);
	EACH_OP(NULL, RM_ENLIST, .on = RM, .with = TX, .mask = EN_MASK);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_ACTIVE);
	CHECK(refused >= 8);
	printf("campaign participantnomem: tried=%lu violations=0 seed=0\n# refused=%lu\n", tried,
	       refused);
	close(drv);
	tm_close(tm, d.path);
}

/* The last one. */
TEST(unload)
{
	close(tm);
	driver_unload();
}
