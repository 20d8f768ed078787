// SPDX-License-Identifier: GPL-2.0
/*
 * A fault on purpose: preloaded into a resource manager (FAULT=files or
 * FAULT=sqlite in the environment of run) it makes every sync a lie. The demo
 * must then find violations, or its power cuts or its checks are worth nothing.
 */
#define _GNU_SOURCE
#include <unistd.h>

int fsync(int fd)
{
	(void)fd;
	return 0;
}

int fdatasync(int fd)
{
	(void)fd;
	return 0;
}

int syncfs(int fd)
{
	(void)fd;
	return 0;
}
