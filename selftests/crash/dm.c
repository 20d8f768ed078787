// SPDX-License-Identifier: GPL-2.0
/*
 * A device-mapper device with one target, without dmsetup: a mark costs one
 * ioctl and no process.
 */
#include "dm.h"

#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ROOM	1024

/* An ioctl's header and what follows it. */
struct request {
	struct dm_ioctl head;
	char data[ROOM];
} __attribute__((aligned(8)));

static int control = -1;

static void dm_begin(struct request *r, const char *name)
{
	memset(r, 0, sizeof(*r));
	r->head.version[0] = DM_VERSION_MAJOR;
	r->head.data_size = sizeof(*r);
	r->head.data_start = offsetof(struct request, data);
	snprintf(r->head.name, sizeof(r->head.name), "%s", name);
}

static int dm_try(unsigned long command, struct request *r)
{
	if (control < 0)
		control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		die("/dev/mapper/control: %s", strerror(errno));
	return ioctl(control, command, r);
}

static void dm_do(unsigned long command, struct request *r, const char *what)
{
	if (dm_try(command, r))
		die("device mapper: %s: %s", what, strerror(errno));
}

/**
 * disk_bytes() - size of a block device
 * @disk: its path
 *
 * Return: bytes.
 */
uint64_t disk_bytes(const char *disk)
{
	uint64_t bytes = 0;
	int fd = open(disk, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes))
		die("%s: %s", disk, strerror(errno));
	close(fd);
	return bytes;
}

static void set_target(const char *name, enum dm_target target, const char *disk,
		       const char *other)
{
	struct dm_target_spec *spec;
	struct request r;
	char *text;

	dm_begin(&r, name);
	spec = (struct dm_target_spec *)r.data;
	text = r.data + sizeof(*spec);
	spec->length = disk_bytes(disk) / 512;
	strcpy(spec->target_type, target == DM_LOG_WRITES ? "log-writes" : "flakey");
	/* flakey: from sector 0 on, so many seconds up, so many down, what is done then */
	if (target == DM_LOG_WRITES)
		snprintf(text, ROOM - sizeof(*spec), "%s %s", disk, other);
	else if (target == DM_FLAKY)
		snprintf(text, ROOM - sizeof(*spec), "%s 0 3600 0", disk);
	else
		snprintf(text, ROOM - sizeof(*spec), "%s 0 0 3600 1 error_writes", disk);
	spec->next = ROOM;
	r.head.target_count = 1;
	dm_do(DM_TABLE_LOAD, &r, "load a target");

	dm_begin(&r, name);
	dm_do(DM_DEV_SUSPEND, &r, "resume");
}

/**
 * dm_create() - make a device over a disk
 * @name: its name
 * @target: what it does
 * @disk: the disk
 * @other: DM_LOG_WRITES: the disk that the record goes to
 * @path: out: the device's node
 */
void dm_create(const char *name, enum dm_target target, const char *disk, const char *other,
	       char path[64])
{
	struct request r;

	dm_begin(&r, name);
	dm_do(DM_DEV_CREATE, &r, "create");
	/* devtmpfs names it by its minor number. */
	snprintf(path, 64, "/dev/dm-%u", minor(r.head.dev));
	set_target(name, target, disk, other);
}

/**
 * dm_change() - from now on it does something else
 * @name: the device
 * @target: what it does
 * @disk: the disk that it has
 */
void dm_change(const char *name, enum dm_target target, const char *disk)
{
	set_target(name, target, disk, NULL);
}

/**
 * dm_mark() - put a mark into the record
 * @name: the device
 * @text: one word
 */
void dm_mark(const char *name, const char *text)
{
	struct dm_target_msg *message;
	struct request r;

	dm_begin(&r, name);
	message = (struct dm_target_msg *)r.data;
	snprintf(message->message, ROOM - sizeof(*message), "mark %s", text);
	dm_do(DM_TARGET_MSG, &r, "mark");
}

/**
 * dm_remove() - take the device away; its record is complete then
 * @name: the device
 *
 * Whoever had it open may still be about to close it.
 */
void dm_remove(const char *name)
{
	struct request r;
	int tries;

	for (tries = 0; tries < PATIENCE_MS; tries++) {
		dm_begin(&r, name);
		if (!dm_try(DM_DEV_REMOVE, &r))
			return;
		if (errno != EBUSY)
			break;
		usleep(1000);
	}
	die("device mapper: remove: %s", strerror(errno));
}
