// SPDX-License-Identifier: GPL-2.0
/*
 * Partitions without a table.
 */
#include "calls.h"
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/blkpg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/**
 * disk_split() - let a part of a disk be one of its own
 * @disk: the disk's path
 * @number: of the partition, which the machine forgets when it ends
 * @start: where it begins
 * @bytes: how long it is
 */
void disk_split(const char *disk, int number, uint64_t start, uint64_t bytes)
{
	struct blkpg_partition part = {
		.start = (long long)start, .length = (long long)bytes, .pno = number,
	};
	struct blkpg_ioctl_arg arg = {
		.op = BLKPG_ADD_PARTITION, .datalen = sizeof(part), .data = &part,
	};
	int fd = open(disk, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, BLKPG, &arg))
		die("%s: no partition %d: %s", disk, number, strerror(errno));
	close(fd);
}
