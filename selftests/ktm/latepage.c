// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "calls.h"
#include "latepage.h"

struct late_page late_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct late_page p;

	p.uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (p.uffd < 0)
		test_skip("no userfaultfd");
	CHECK_EQ(ioctl(p.uffd, UFFDIO_API, &api), 0);
	p.at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p.at != MAP_FAILED);
	reg.range.start = (uintptr_t)p.at;
	reg.range.len = 4096;
	CHECK_EQ(ioctl(p.uffd, UFFDIO_REGISTER, &reg), 0);
	return p;
}

void late_page_is_wanted(const struct late_page *p)
{
	struct uffd_msg msg;

	CHECK_EQ(read(p->uffd, &msg, sizeof(msg)), (ssize_t)sizeof(msg));
	CHECK_EQ(msg.event, UFFD_EVENT_PAGEFAULT);
}

void late_page_comes(const struct late_page *p)
{
	struct uffdio_zeropage z = { .range = { (uintptr_t)p->at, 4096 } };

	CHECK_EQ(ioctl(p->uffd, UFFDIO_ZEROPAGE, &z), 0);
}

void late_page_is_bad(const struct late_page *p)
{
	struct uffdio_range range = { (uintptr_t)p->at, 4096 };

	CHECK_EQ(mprotect(p->at, 4096, PROT_NONE), 0);
	CHECK_EQ(ioctl(p->uffd, UFFDIO_WAKE, &range), 0);
	close(p->uffd);
}
