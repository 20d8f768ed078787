// SPDX-License-Identifier: GPL-2.0
/*
 * The counter by which two imports run side by side.
 */
#include "pace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/**
 * pace_open() - map the counter, which is made if it is not there
 * @path: the file
 *
 * Return: the counter, or NULL after a message on standard error.
 */
_Atomic uint64_t *pace_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *map = MAP_FAILED;

	if (fd >= 0 && !ftruncate(fd, sizeof(uint64_t)))
		map = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return map == MAP_FAILED ? NULL : map;
}
