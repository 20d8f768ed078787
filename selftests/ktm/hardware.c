// SPDX-License-Identifier: GPL-2.0
/*
 * Disks that come and go, see hardware.h.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "hardware.h"

#define NULLB	"/sys/kernel/config/nullb"

int put_text(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC), err = 0;

	if (fd < 0)
		return errno;
	/* To open it is to empty it, where that means something. */
	if (*text && write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		err = errno;
	close(fd);
	return err;
}

/* The first line, without blanks around it; false if it cannot be read. */
bool get_text(const char *file, char *text, size_t room)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, room - 1);
	close(fd);
	if (n < 0)
		return false;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	while (n && (!text[n] || text[n] == ' '))
		text[n--] = 0;
	return true;
}

static void must_put(const char *file, const char *text)
{
	int err = put_text(file, text);

	if (err)
		FAIL("%s into %s: %s", text, file, strerror(err));
}

/* A scsi disk tells its serial in a page with a head of four bytes. */
static bool get_serial(const char *name, char *serial, size_t room)
{
	char file[HW_PATH];
	ssize_t n;
	int fd;

	snprintf(file, sizeof(file), "/sys/block/%s/serial", name);
	if (get_text(file, serial, room))
		return true;
	snprintf(file, sizeof(file), "/sys/block/%s/device/serial", name);
	if (get_text(file, serial, room))
		return true;
	snprintf(file, sizeof(file), "/sys/block/%s/device/vpd_pg80", name);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = pread(fd, serial, room - 1, 4);
	close(fd);
	if (n <= 0)
		return false;
	serial[n] = 0;
	return true;
}

/* Its name comes before it does, and stays a moment longer. */
static bool answers(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	off_t bytes;

	if (fd < 0)
		return false;
	bytes = lseek(fd, 0, SEEK_END);
	close(fd);
	return bytes > 0;
}

static bool look_for(struct hw *hw)
{
	DIR *all = opendir("/sys/block");
	struct dirent *entry;
	bool found = false;
	char serial[64];

	CHECK(all);
	while (!found && (entry = readdir(all))) {
		if (entry->d_name[0] == '.' || !get_serial(entry->d_name, serial, sizeof(serial)))
			continue;
		if (strcmp(serial, hw->serial))
			continue;
		snprintf(hw->name, sizeof(hw->name), "%.31s", entry->d_name);
		snprintf(hw->path, sizeof(hw->path), "/dev/%s", hw->name);
		found = answers(hw->path);
	}
	closedir(all);
	return found;
}

/* Whatever was taken away before is looked for again; the kernel may take a moment. */
static void rescan(struct hw *hw)
{
	const struct deadline d = deadline_in(PATIENCE);
	char file[HW_PATH];
	unsigned int i;

	put_text("/sys/bus/pci/rescan", "1");
	for (i = 0; i < 64; i++) {
		snprintf(file, sizeof(file), "/sys/class/scsi_host/host%u/scan", i);
		/* Each disk is alone on its controller; looking everywhere takes minutes. */
		put_text(file, "0 0 0");
	}
	while (!look_for(hw)) {
		if (deadline_passed(&d))
			FAIL("the disk %s does not come", hw->serial);
		nap();
	}
}

struct hw hw_find(const char *serial)
{
	struct hw hw = { .null = false };

	snprintf(hw.serial, sizeof(hw.serial), "%s", serial);
	if (!look_for(&hw))
		rescan(&hw);
	return hw;
}

static void null_put(const struct hw *hw, const char *attribute, unsigned int value)
{
	char file[HW_PATH], text[16];

	snprintf(file, sizeof(file), NULLB "/%s/%s", hw->serial, attribute);
	snprintf(text, sizeof(text), "%u", value);
	must_put(file, text);
}

static bool null_is_there(struct hw *hw)
{
	char file[HW_PATH];

	snprintf(file, sizeof(file), "/sys/block/%s", hw->name);
	snprintf(hw->path, sizeof(hw->path), "/dev/%s", hw->name);
	return !access(file, F_OK) && answers(hw->path);
}

static void null_power(struct hw *hw, bool on)
{
	const struct deadline d = deadline_in(PATIENCE);
	char file[HW_PATH], index[16];

	null_put(hw, "power", on);
	if (!on)
		return;
	snprintf(file, sizeof(file), NULLB "/%s/index", hw->serial);
	CHECK(get_text(file, index, sizeof(index)));
	/* Since 6.5 it has the name of its directory, before it has a number. */
	for (;;) {
		snprintf(hw->name, sizeof(hw->name), "%.31s", hw->serial);
		if (null_is_there(hw))
			return;
		snprintf(hw->name, sizeof(hw->name), "nullb%s", index);
		if (null_is_there(hw))
			return;
		if (deadline_passed(&d))
			FAIL("%s does not appear", hw->path);
		nap();
	}
}

struct hw hw_null(const char *name, unsigned int mib, const struct null_kind *kind)
{
	struct hw hw = { .null = true };

	snprintf(hw.serial, sizeof(hw.serial), "%s", name);
	if (run("modprobe null_blk nr_devices=0 2>/dev/null"))
		test_skip("no null_blk in this kernel");
	if (access(NULLB, F_OK))
		run("mount -t configfs configfs /sys/kernel/config");
	hw_null_remove(&hw);
	if (run("mkdir " NULLB "/%s", name))
		FAIL("no null_blk %s", name);
	null_put(&hw, "size", mib);
	null_put(&hw, "blocksize", kind->block);
	null_put(&hw, "memory_backed", 1);
	null_put(&hw, "cache_size", kind->cache);
	null_put(&hw, "discard", kind->discard);
	/* Requests end a while after they were sent, by a timer, or at once. */
	null_put(&hw, "queue_mode", kind->bios ? 0 : 2);
	null_put(&hw, "irqmode", kind->us ? 2 : 0);
	null_put(&hw, "completion_nsec", 1000 * kind->us);
	null_power(&hw, true);
	return hw;
}

void hw_null_remove(const struct hw *hw)
{
	char directory[HW_PATH];

	snprintf(directory, sizeof(directory), NULLB "/%s", hw->serial);
	if (access(directory, F_OK))
		return;
	null_put(hw, "power", 0);
	if (rmdir(directory))
		FAIL("%s: %s", directory, strerror(errno));
}

/* The device that has the disk: the nearest one above it that has such a file. */
static void tell_device(const struct hw *hw, const char *word)
{
	char place[PATH_MAX], link[HW_PATH], file[PATH_MAX + 32], *end;

	snprintf(link, sizeof(link), "/sys/block/%s/device", hw->name);
	if (!realpath(link, place))
		FAIL("%s: %s", link, strerror(errno));
	while ((end = strrchr(place, '/')) && end != place) {
		snprintf(file, sizeof(file), "%s/%s", place, word);
		if (!access(file, W_OK)) {
			must_put(file, "1");
			return;
		}
		*end = 0;
	}
	FAIL("nothing to take %s out with", hw->name);
}

void hw_unplug(const struct hw *hw)
{
	if (hw->null)
		null_put(hw, "power", 0);
	else
		tell_device(hw, strncmp(hw->name, "sd", 2) ? "remove" : "delete");
}

void hw_plug(struct hw *hw)
{
	if (hw->null)
		null_power(hw, true);
	else
		rescan(hw);
}

void hw_queue(const struct hw *hw, const char *attribute, char *value, size_t room)
{
	char file[HW_PATH];

	snprintf(file, sizeof(file), "/sys/block/%s/queue/%s", hw->name, attribute);
	if (!get_text(file, value, room))
		FAIL("%s cannot be read", file);
}

unsigned int hw_queue_number(const struct hw *hw, const char *attribute)
{
	char value[32];

	hw_queue(hw, attribute, value, sizeof(value));
	return strtoul(value, NULL, 10);
}

bool hw_has_cache(const struct hw *hw)
{
	char value[32];

	hw_queue(hw, "write_cache", value, sizeof(value));
	return !strcmp(value, "write back");
}

void hw_read_only(const struct hw *hw, bool on)
{
	int fd = open(hw->path, O_RDONLY | O_CLOEXEC), value = on;

	CHECK(fd >= 0);
	CHECK_EQ(ioctl(fd, BLKROSET, &value), 0);
	close(fd);
}

static unsigned char *read_all(const struct hw *hw, off_t *bytes)
{
	int fd = open(hw->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	unsigned char *content = NULL;
	off_t at = 0;
	ssize_t n;

	CHECK(fd >= 0);
	*bytes = lseek(fd, 0, SEEK_END);
	CHECK_EQ(posix_memalign((void **)&content, 4096, *bytes), 0);
	for (; at < *bytes; at += n) {
		n = pread(fd, content + at, *bytes - at, at);
		CHECK(n > 0);
	}
	close(fd);
	return content;
}

unsigned char *hw_content(const struct hw *hw)
{
	off_t bytes;

	return read_all(hw, &bytes);
}

void hw_is(const struct hw *hw, const unsigned char *content)
{
	off_t bytes, i;
	unsigned char *now = read_all(hw, &bytes);

	for (i = 0; i < bytes; i++)
		if (now[i] != content[i])
			FAIL("byte %lld of %s has changed", (long long)i, hw->name);
	free(now);
}
