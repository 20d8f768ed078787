// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "drivercalls.h"

#define MODULE	"/root/ktm_test.ko"
/* What calls have come to in tests so far: other processes than this one. */
#define SEEN	"/tmp/driver-seen"

int drv = -1;

int driver_load(const char *parameters)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC), ret, err;

	CHECK(fd >= 0);
	ret = syscall(SYS_finit_module, fd, parameters, 0);
	err = errno;
	close(fd);
	errno = err;
	return ret;
}

void driver_open(void)
{
	drv = open("/dev/ktm_test", O_RDWR | O_CLOEXEC);
	if (drv < 0) {
		CHECK_EQ(driver_load(""), 0);
		drv = open("/dev/ktm_test", O_RDWR | O_CLOEXEC);
	}
	CHECK(drv >= 0);
}

void driver_unload(void)
{
	close(drv);
	CHECK_EQ(syscall(SYS_delete_module, "ktm_test", O_NONBLOCK), 0);
}

static const char *const names[TEST_FUNCTIONS] = {
	[TEST_TM_GET_FROM_FD] = "ktm_tm_get_from_fd",
	[TEST_TM_PUT] = "ktm_tm_put",
	[TEST_STREAM_CREATE] = "ktm_log_stream_create",
	[TEST_STREAM_OPEN] = "ktm_log_stream_open",
	[TEST_STREAM_OPEN_NAME] = "ktm_log_stream_open_name",
	[TEST_STREAM_GET_FROM_FD] = "ktm_log_stream_get_from_fd",
	[TEST_STREAM_TO_FD] = "ktm_log_stream_to_fd",
	[TEST_STREAM_PUT] = "ktm_log_stream_put",
	[TEST_STREAM_APPEND] = "ktm_log_stream_append",
	[TEST_STREAM_RESERVE] = "ktm_log_stream_reserve",
	[TEST_STREAM_UNRESERVE] = "ktm_log_stream_unreserve",
	[TEST_STREAM_READ] = "ktm_log_stream_read",
	[TEST_STREAM_FLUSH] = "ktm_log_stream_flush",
	[TEST_STREAM_POLL] = "ktm_log_stream_poll",
	[TEST_STREAM_ADVANCE] = "ktm_log_stream_advance",
	[TEST_STREAM_TRUNCATE] = "ktm_log_stream_truncate",
	[TEST_STREAM_QUERY] = "ktm_log_stream_query",
	[TEST_STREAM_SET_QUOTA] = "ktm_log_stream_set_quota",
	[TEST_STREAM_DELETE] = "ktm_log_stream_delete",
	[TEST_RACE] = "a race",
};

static void seen(unsigned int fn, unsigned int status)
{
	int fd = open(SEEN, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	char line[32];
	int length = snprintf(line, sizeof(line), "%u %u\n", fn, status);

	CHECK(fd >= 0);
	/* For those of other users, too; who may not has no need to. */
	fchmod(fd, 0666);
	CHECK_EQ(write(fd, line, length), length);
	close(fd);
}

void driver_try(struct ktm_test_call *c)
{
	CHECK_EQ(ioctl(drv, KTM_TEST_CALL, c), 0);
	if (c->ret == -ENOBUFS)
		FAIL("%s: the test is wrong", names[c->fn]);
}

static bool returns(const struct ktm_test_call *c, unsigned int status)
{
	if (c->fn == TEST_STREAM_TO_FD && status == KTM_STATUS_SUCCESS)
		return c->ret >= 0;
	if (c->fn == TEST_STREAM_READ && status == KTM_STATUS_SUCCESS)
		return c->ret == 1;
	return c->ret == -status_errno(status);
}

/* How often the same comes to the same: of what is refused for what it is, always. */
static bool refused_again(unsigned int status)
{
	switch (status) {
	case KTM_STATUS_SUCCESS:
	case KTM_STATUS_PENDING:
	case KTM_STATUS_INTERRUPTED:
	case KTM_STATUS_IO_ERROR:
	case KTM_STATUS_OBJECT_NAME_COLLISION:
		return false;
	default:
		return true;
	}
}

struct ktm_test_call driver_call(const char *file, int line, struct ktm_test_call c,
					unsigned int want)
{
	const struct ktm_test_call again = c;

	driver_try(&c);
	if (c.status != want || !returns(&c, want))
		test_fail(file, line, "%s returned %d, status %s, not %s", names[c.fn], c.ret,
			  status_name(c.status), status_name(want));
	seen(c.fn, want);
	if (refused_again(want)) {
		struct ktm_test_call blind = again;

		blind.how = KTM_TEST_NO_STATUS;
		driver_try(&blind);
		if (blind.status != UINT_MAX || blind.ret != c.ret)
			test_fail(file, line, "%s without a status returned %d, not %d",
				  names[c.fn], blind.ret, c.ret);
	}
	return c;
}

/* ---- steps that must succeed ---- */

void driver_get_tm(int tm)
{
	DRIVER(KTM_STATUS_SUCCESS, TM_GET_FROM_FD, .fd = tm, .access = KTM_TM_CREATE_RM);
}

void driver_put(unsigned int slot)
{
	struct ktm_test_call c = { .fn = TEST_STREAM_PUT, .slot = slot };

	driver_try(&c);
	CHECK_EQ(c.ret, 0);
	seen(c.fn, KTM_STATUS_SUCCESS);
}

void driver_put_tm(void)
{
	struct ktm_test_call c = { .fn = TEST_TM_PUT };

	driver_try(&c);
	CHECK_EQ(c.ret, 0);
	seen(c.fn, KTM_STATUS_SUCCESS);
}

void driver_make(unsigned int slot, const char *name)
{
	struct ktm_test_call c = { .fn = TEST_STREAM_CREATE, .slot = slot, .bytes = QUOTA,
				   .access = KTM_STREAM_ALL_ACCESS };

	strcpy((char *)c.name, name);
	DRIVER_CALL(c, KTM_STATUS_SUCCESS);
}

void driver_open_name(unsigned int slot, const char *name)
{
	struct ktm_test_call c = { .fn = TEST_STREAM_OPEN_NAME, .slot = slot,
				   .access = KTM_STREAM_ALL_ACCESS };

	strcpy((char *)c.name, name);
	DRIVER_CALL(c, KTM_STATUS_SUCCESS);
}

uint64_t driver_add_flags(unsigned int slot, uint64_t tag, unsigned int bytes, unsigned int flags)
{
	unsigned char data[KTM_MAX_STREAM_RECORD];
	struct ktm_test_call c;

	fill(data, tag, bytes);
	c = DRIVER(KTM_STATUS_SUCCESS, STREAM_APPEND, .slot = slot, .flags = flags, .pieces = 3,
		   .data = (uintptr_t)data, .length = bytes);
	CHECK(c.lsn);
	return c.lsn;
}

uint64_t driver_add(unsigned int slot, uint64_t tag, unsigned int bytes)
{
	return driver_add_flags(slot, tag, bytes, 0);
}

void driver_check(unsigned int slot, uint64_t lsn, uint64_t tag, unsigned int bytes)
{
	unsigned char data[KTM_MAX_STREAM_RECORD], want[KTM_MAX_STREAM_RECORD];
	struct ktm_test_call c;

	c = DRIVER(KTM_STATUS_SUCCESS, STREAM_READ, .slot = slot, .where = KTM_STREAM_AT,
		   .lsn = lsn, .data = (uintptr_t)data, .length = sizeof(data));
	fill(want, tag, bytes);
	CHECK_EQ(c.lsn, lsn);
	CHECK_EQ(c.length, bytes);
	CHECK(!memcmp(data, want, bytes));
}

struct ktm_stream_info driver_query(unsigned int slot)
{
	struct ktm_stream_info info;

	DRIVER(KTM_STATUS_SUCCESS, STREAM_QUERY, .slot = slot, .data = (uintptr_t)&info);
	return info;
}

unsigned int driver_poll(unsigned int slot)
{
	struct ktm_test_call c = { .fn = TEST_STREAM_POLL, .slot = slot };

	driver_try(&c);
	seen(c.fn, KTM_STATUS_SUCCESS);
	return c.ret;
}

uint64_t driver_where(unsigned int where, uint64_t lsn)
{
	struct ktm_test_call c = { .fn = TEST_STREAM_READ, .where = where, .lsn = lsn };

	driver_try(&c);
	if (c.status != KTM_STATUS_NO_MORE_ENTRIES) {
		CHECK_EQ(c.status, c.length ? KTM_STATUS_BUFFER_TOO_SMALL : KTM_STATUS_SUCCESS);
		return c.lsn;
	}
	CHECK_EQ(c.ret, 0);
	CHECK_EQ(c.lsn, 0);
	seen(c.fn, c.status);
	return 0;
}

const char *driver_name(unsigned int fn)
{
	return names[fn];
}

void driver_seen(uint64_t met[TEST_FUNCTIONS])
{
	FILE *file = fopen(SEEN, "r");
	unsigned int fn, status;

	CHECK(file);
	memset(met, 0, TEST_FUNCTIONS * sizeof(*met));
	while (fscanf(file, "%u %u", &fn, &status) == 2) {
		CHECK(fn < TEST_FUNCTIONS && status < 64);
		met[fn] |= 1ull << status;
	}
	fclose(file);
}

static const char *errno_name(unsigned int status)
{
	const char *name = strerrorname_np(status_errno(status));

	return status_errno(status) ? name : "0";
}

void shows_call(const char *name, unsigned int status)
{
	printf("# called %s %s %s\n", name, errno_name(status),
	       status_name(status) + strlen("KTM_STATUS_"));
}

void driver_show(void)
{
	uint64_t met[TEST_FUNCTIONS];
	unsigned int fn, status;

	driver_seen(met);
	for (fn = 0; fn < TEST_RACE; fn++)
		for (status = 0; status < 64; status++)
			if (met[fn] >> status & 1)
				shows_call(names[fn], status);
}
