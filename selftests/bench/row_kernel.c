// SPDX-License-Identifier: GPL-2.0
/*
 * kernel_rm: from the Commit call to its return, in two phases, with one RM that is a driver and
 * told by callback; against one round trip over pipes, the least that an RM in another process
 * can cost. The driver is the tests' (selftests/ktm_test), whose callbacks do nothing.
 */
#include "bench.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include "../ktm_test/participant.h"
#include "latency.h"
#include "partner.h"
#include "tm.h"

#define BATCH	256

/* Slots: of the driver's uses. */
enum { TM, RM, TX };

static void driver_call(int driver, struct ktm_test_op op)
{
	if (ioctl(driver, KTM_TEST_OP, &op))
		die("the driver: %s", strerror(errno));
	if (op.ret < 0)
		die("the driver's call %u: %s", op.fn, strerror(-op.ret));
}

static int driver_start(const struct tm_handle *tm)
{
	int driver = open("/dev/ktm_test", O_RDWR | O_CLOEXEC);

	if (driver < 0)
		die("/dev/ktm_test: %s", strerror(errno));
	driver_call(driver, (struct ktm_test_op){ .fn = OP_TM_GET_FROM_FD, .fd = tm->tm,
						  .slot = TM, .access = KTM_TM_CREATE_RM });
	driver_call(driver, (struct ktm_test_op){ .fn = OP_RM_CREATE, .on = TM, .slot = RM,
						  .flags = KTM_RM_VOLATILE,
						  .access = KTM_RM_ALL_ACCESS });
	driver_call(driver, (struct ktm_test_op){ .fn = OP_SCRIPT, .mask = UINT32_MAX,
						  .flags = KTM_TEST_DO_QUIETLY });
	driver_call(driver, (struct ktm_test_op){ .fn = OP_RM_ENABLE_CALLBACKS, .on = RM });
	return driver;
}

static void driver_enlist(const void *data, int tx, unsigned int i)
{
	const int driver = *(const int *)data;

	(void)i;
	driver_call(driver, (struct ktm_test_op){ .fn = OP_TRANSACTION_GET_FROM_FD, .fd = tx,
						  .slot = TX, .access = KTM_TX_ENLIST });
	driver_call(driver, (struct ktm_test_op){ .fn = OP_RM_ENLIST, .on = RM, .with = TX,
						  .mask = KTM_NOTIFY_TWO_PHASE });
	driver_call(driver, (struct ktm_test_op){ .fn = OP_PUT, .on = TX });
}

static void round_trip(void *data)
{
	partner_round_trip(data);
}

void row_kernel(void)
{
	struct series floor = { .count = 0 }, ours = floor, value = floor;
	struct partner partner;
	struct tm_handle tm;
	unsigned int i;
	int driver;

	tm_start(&tm, NULL);
	partner_start(&partner, 1);
	driver = driver_start(&tm);
	pin(0);
	latency_of(round_trip, &partner, BATCH);
	latency_of_enlisted(&tm, driver_enlist, &driver, BATCH);
	for (i = 0; i < bench.rounds; i++) {
		series_add(&floor, latency_of(round_trip, &partner, BATCH));
		series_add(&ours, latency_of_enlisted(&tm, driver_enlist, &driver, BATCH));
		series_add(&value, ours.value[i] / floor.value[i]);
	}
	close(driver);
	partner_end(&partner);
	tm_end(&tm);
	report("kernel_rm", "us", &floor, &ours, &value, AT_MOST, 0.3);
}
