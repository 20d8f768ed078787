// SPDX-License-Identifier: GPL-2.0
/* Block devices, and regular files through loop devices. */
#define _GNU_SOURCE
#include "ktmctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Others may be looking for a free loop device at the same time. */
#define LOOP_TRIES	64

/* A device that is in use is asked for so often, each time after so many milliseconds. */
#define BUSY_TRIES	40
#define BUSY_PAUSE	50

/* ---- for format ---- */

static int measure_block_device(struct device *device)
{
	unsigned int physical;
	int logical, read_only;

	if (ioctl(device->fd, BLKROGET, &read_only) == 0 && read_only)
		return complain("%s is write-protected", device->path);
	if (ioctl(device->fd, BLKGETSIZE64, &device->bytes) ||
	    ioctl(device->fd, BLKSSZGET, &logical) || ioctl(device->fd, BLKPBSZGET, &physical))
		return complain("%s: cannot ask for its size: %s", device->path, strerror(errno));
	device->logical = (uint32_t)logical;
	device->physical = physical;
	return DONE;
}

static bool is_behind_loop(const struct stat *file, const char *loop)
{
	struct loop_info64 info;
	int fd = open(loop, O_RDONLY | O_CLOEXEC);
	bool found;

	if (fd < 0)
		return false;
	found = !ioctl(fd, LOOP_GET_STATUS64, &info) && info.lo_device == file->st_dev &&
		info.lo_inode == file->st_ino;
	close(fd);
	return found;
}

char *device_find_loop(const char *path)
{
	char *name = NULL;
	struct dirent *entry;
	struct stat file;
	DIR *dir;

	dir = stat(path, &file) ? NULL : opendir("/sys/block");
	while (dir && !name && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "loop", 4) ||
		    asprintf(&name, "/dev/%s", entry->d_name) < 0) {
			name = NULL;
		} else if (!is_behind_loop(&file, name)) {
			free(name);
			name = NULL;
		}
	}
	if (dir)
		closedir(dir);
	return name;
}

/* A journal never grows into space that the file system does not have. */
static int allocate_file(struct device *device, uint64_t bytes)
{
	int error = posix_fallocate(device->fd, 0, (off_t)bytes);

	if (error)
		return complain("%s: cannot get %llu bytes: %s", device->path,
				(unsigned long long)bytes, strerror(error));
	return DONE;
}

static int claim_file(struct device *device, uint64_t bytes, uint64_t create_bytes)
{
	char *loop = device_find_loop(device->path);

	if (loop) {
		complain("%s is in use: it is attached to %s (losetup -d %s detaches it)",
			 device->path, loop, loop);
		free(loop);
		return FAILED;
	}
	if (flock(device->fd, LOCK_EX | LOCK_NB))
		return complain("%s is in use by another program", device->path);
	if (create_bytes > bytes) {
		if (allocate_file(device, create_bytes))
			return FAILED;
		bytes = create_bytes;
	}
	device->is_file = true;
	device->bytes = bytes;
	/* What the loop device will have, whatever the file lies on. */
	device->logical = 512;
	device->physical = 512;
	return DONE;
}

/*
 * A transaction manager gives its device up a moment after its last holder has gone, and
 * who has just ended it wants to go on. Errors are left in errno.
 */
static int open_unused(const char *path, int flags)
{
	const struct timespec pause = { .tv_nsec = BUSY_PAUSE * 1000000L };
	int fd, tries = BUSY_TRIES;

	while ((fd = open(path, flags, 0600)) < 0 && errno == EBUSY && --tries)
		nanosleep(&pause, NULL);
	return fd;
}

static int claim(struct device *device, uint64_t create_bytes)
{
	struct stat found;
	int flags = O_RDWR | O_CLOEXEC;

	if (stat(device->path, &found)) {
		if (errno != ENOENT)
			return complain("%s: %s", device->path, strerror(errno));
		if (!create_bytes)
			return complain("%s does not exist (with --size a file is made)",
					device->path);
		/* O_EXCL: whatever appears there meanwhile is not ours. */
		flags |= O_CREAT | O_EXCL;
	} else if (S_ISBLK(found.st_mode)) {
		/* On a block device: refused if it is mounted, swapped to, part of a RAID... */
		flags |= O_EXCL;
	} else if (!S_ISREG(found.st_mode)) {
		return complain("%s is neither a block device nor a regular file", device->path);
	}

	device->fd = open_unused(device->path, flags);
	device->is_new = device->fd >= 0 && (flags & O_CREAT);
	if (device->fd < 0 && errno == EBUSY)
		return complain("%s is in use: mounted, or held by another device or a transaction manager",
				device->path);
	if (device->fd < 0 || fstat(device->fd, &found))
		return complain("%s: %s", device->path, strerror(errno));
	if (S_ISBLK(found.st_mode))
		return measure_block_device(device);
	if (S_ISREG(found.st_mode))
		return claim_file(device, (uint64_t)found.st_size, create_bytes);
	return complain("%s has changed under our hands", device->path);
}

int device_claim(struct device *device, const char *path, uint64_t create_bytes)
{
	int ret;

	memset(device, 0, sizeof(*device));
	device->path = path;
	device->fd = -1;
	ret = claim(device, create_bytes);
	return ret ? device_release(device, ret) : DONE;
}

int device_release(struct device *device, int result)
{
	if (device->fd >= 0 && close(device->fd) && !result)
		result = complain("%s: %s", device->path, strerror(errno));
	if (result && device->is_new)
		unlink(device->path);
	return result;
}

/* ---- for start ---- */

/* Attaches the file to one loop device; -EBUSY: somebody else was faster. */
static int try_loop(int file, const char *name)
{
	/* Detached by itself when the transaction manager gives it up. */
	struct loop_config config = {
		.fd = (uint32_t)file,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR,
	};
	int fd = open(name, O_RDWR | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	if (!ioctl(fd, LOOP_CONFIGURE, &config))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

static int attach_loop(const char *path, int file, char **name)
{
	int control, number, fd = -EBUSY, tries;

	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0) {
		complain("/dev/loop-control: %s (a journal in a file needs the loop module: modprobe loop)",
			 strerror(errno));
		return -1;
	}
	for (tries = 0; fd == -EBUSY && tries < LOOP_TRIES; tries++) {
		number = ioctl(control, LOOP_CTL_GET_FREE);
		if (number < 0) {
			fd = -errno;
		} else if (asprintf(name, "/dev/loop%d", number) < 0) {
			*name = NULL;
			fd = -ENOMEM;
		} else {
			fd = try_loop(file, *name);
			if (fd < 0) {
				free(*name);
				*name = NULL;
			}
		}
	}
	close(control);
	if (fd < 0)
		complain("%s: cannot attach it to a loop device: %s", path, strerror(-fd));
	return fd < 0 ? -1 : fd;
}

int device_open_for_tm(const char *path, char **name)
{
	struct stat found;
	int file, fd;

	*name = NULL;
	file = open(path, O_RDWR | O_CLOEXEC);
	if (file < 0 || fstat(file, &found)) {
		complain("%s: %s", path, strerror(errno));
		if (file >= 0)
			close(file);
		return -1;
	}
	if (S_ISBLK(found.st_mode))
		return file;
	if (!S_ISREG(found.st_mode)) {
		complain("%s is neither a block device nor a regular file", path);
		close(file);
		return -1;
	}

	*name = device_find_loop(path);
	if (*name) {
		fd = open(*name, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			complain("%s: %s", *name, strerror(errno));
	} else {
		fd = attach_loop(path, file, name);
	}
	close(file);
	return fd;
}
