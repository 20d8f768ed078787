// SPDX-License-Identifier: GPL-2.0
/*
 * Trouble at a chosen system call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "trouble.h"

static enum trouble kind;
static unsigned int at, calls;
static bool counting;
static char trace[65536];

void trouble_set(enum trouble new_kind, unsigned int new_at)
{
	kind = new_kind;
	at = new_at;
	calls = 0;
	trace[0] = 0;
	counting = true;
}

unsigned int trouble_count(void)
{
	counting = false;
	return calls;
}

const char *trouble_trace(void)
{
	return trace;
}

/* Whether the call shall fail. */
static bool before(char letter)
{
	if (!counting)
		return false;
	if (calls + 1 < sizeof(trace)) {
		trace[calls] = letter;
		trace[calls + 1] = 0;
	}
	calls++;
	if (calls != at)
		return false;
	if (kind == TROUBLE_DIE_BEFORE)
		_exit(TROUBLE_EXIT);
	return kind == TROUBLE_FAIL;
}

static void after(void)
{
	int error = errno;

	if (counting && calls == at && kind == TROUBLE_DIE_AFTER)
		_exit(TROUBLE_EXIT);
	errno = error;
}

#define REPLACE(letter, call) ({			\
	long ret_ = -1;					\
							\
	if (before(letter)) {				\
		errno = EIO;				\
	} else {					\
		ret_ = (call);				\
		after();				\
	}						\
	ret_;						\
})

int renameat(int d1, const char *n1, int d2, const char *n2)
{
	return REPLACE('r', syscall(SYS_renameat, d1, n1, d2, n2));
}

int unlinkat(int d, const char *n, int flags)
{
	return REPLACE('u', syscall(SYS_unlinkat, d, n, flags));
}

int unlink(const char *n)
{
	return REPLACE('u', syscall(SYS_unlinkat, AT_FDCWD, n, 0));
}

int mkdirat(int d, const char *n, mode_t mode)
{
	return REPLACE('m', syscall(SYS_mkdirat, d, n, mode));
}

int syncfs(int fd)
{
	return REPLACE('S', syscall(SYS_syncfs, fd));
}

int fsync(int fd)
{
	return REPLACE('f', syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
	return REPLACE('f', syscall(SYS_fdatasync, fd));
}

ssize_t write(int fd, const void *data, size_t size)
{
	return REPLACE('w', syscall(SYS_write, fd, data, size));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset)
{
	return REPLACE('w', syscall(SYS_pwrite64, fd, data, size, offset));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return pwrite64(fd, data, size, offset);
}

ssize_t sendfile(int to, int from, off_t *offset, size_t size)
{
	return REPLACE('w', syscall(SYS_sendfile, to, from, offset, size));
}

int ftruncate64(int fd, off_t size)
{
	return REPLACE('t', syscall(SYS_ftruncate, fd, size));
}

int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}
