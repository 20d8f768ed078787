// SPDX-License-Identifier: GPL-2.0
/*
 * A disk that fails when it is told to, see failing.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "failing.h"
#include "tap.h"

#define SECTOR	512
#define TRIES	6000

static const char *below;
static uint64_t sectors;

/* The header, and a table of one target at most. */
union request {
	struct dm_ioctl head;
	char room[sizeof(struct dm_ioctl) + sizeof(struct dm_target_spec) + 256];
};

static int dm_try(unsigned long what, uint32_t flags, union request *r)
{
	int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC), ret;

	if (control < 0)
		die("no device mapper: %s", strerror(errno));
	r->head.version[0] = DM_VERSION_MAJOR;
	r->head.data_size = sizeof(*r);
	r->head.data_start = sizeof(r->head);
	r->head.flags = flags;
	strcpy(r->head.name, "ktm-failing");
	ret = ioctl(control, what, r) ? errno : 0;
	close(control);
	return ret;
}

static void dm(unsigned long what, uint32_t flags, union request *r)
{
	int error = dm_try(what, flags, r);

	if (error)
		die("device mapper, request 0x%lx: %s", what, strerror(error));
}

static void load(bool fails)
{
	union request r = { .head.target_count = 1 };
	struct dm_target_spec *spec = (void *)(r.room + sizeof(r.head));

	spec->length = sectors;
	strcpy(spec->target_type, fails ? "error" : "linear");
	if (!fails)
		snprintf((char *)(spec + 1), 256, "%s 0", below);
	dm(DM_TABLE_LOAD, 0, &r);
}

static void suspend(uint32_t flags)
{
	union request r = { .head.flags = 0 };

	dm(DM_DEV_SUSPEND, flags, &r);
}

const char *failing_make(const char *disk)
{
	union request r = { .head.flags = 0 };
	static char path[64];
	uint64_t bytes;
	int fd = open(disk, O_RDONLY | O_CLOEXEC), tries;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes))
		die("%s: %s", disk, strerror(errno));
	close(fd);
	below = disk;
	sectors = bytes / SECTOR;
	if (system("modprobe dm-mod"))
		die("no device mapper");
	dm(DM_DEV_CREATE, 0, &r);
	load(false);
	suspend(0);
	snprintf(path, sizeof(path), "/dev/dm-%u", minor(r.head.dev));
	for (tries = 0; access(path, F_OK); tries++) {
		if (tries == TRIES)
			die("%s does not appear", path);
		poll(NULL, 0, 10);
	}
	return path;
}

void failing_set(bool fails)
{
	load(fails);
	suspend(DM_SUSPEND_FLAG | DM_SKIP_LOCKFS_FLAG | DM_NOFLUSH_FLAG);
	suspend(0);
}

void failing_remove(void)
{
	int tries, error;

	for (tries = 0; ; tries++) {
		union request r = { .head.flags = 0 };

		error = dm_try(DM_DEV_REMOVE, 0, &r);
		if (!error)
			return;
		if (error != EBUSY || tries == TRIES)
			die("the failing disk stays: %s", strerror(error));
		poll(NULL, 0, 10);
	}
}
