// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "calls.h"
#include "failalloc.h"

static int fail_nth = -1;

static void knob(const char *dir, const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		test_skip("this kernel cannot make allocations fail");
	CHECK(write(fd, value, strlen(value)) > 0);
	close(fd);
}

void fail_nth_open(void)
{
	mkdir("/sys/kernel/debug", 0700);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		test_skip("this kernel cannot make allocations fail");
	knob("failslab", "ignore-gfp-wait", "N");
	knob("failslab", "verbose", "0");
	knob("fail_page_alloc", "ignore-gfp-wait", "N");
	knob("fail_page_alloc", "ignore-gfp-highmem", "N");
	knob("fail_page_alloc", "min-order", "0");
	knob("fail_page_alloc", "verbose", "0");
}

void fail_nth_arm(unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	CHECK_EQ(pwrite(fail_nth, text, length, 0), length);
}

bool fail_nth_disarm(void)
{
	char text[16] = "";

	CHECK(pread(fail_nth, text, sizeof(text) - 1, 0) > 0);
	fail_nth_arm(0);
	return !atoi(text);
}
