// SPDX-License-Identifier: GPL-2.0
/* Reading a journal through the core's own opening, which is told not to write. */
#define _GNU_SOURCE
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of memory that is read into past the page cache. */
#define ALIGNMENT	KTM_JF_UNIT_MAX

/* What a loop device gives a file. */
#define FILE_SECTOR	512u

static int open_descriptor(const char *path, const struct stat *found)
{
	int flags = O_RDONLY | O_CLOEXEC, fd;

	if (!S_ISBLK(found->st_mode))
		return open(path, flags);
	/* The module's writes go past the page cache, and an error there hides its kind. */
	fd = open(path, flags | O_DIRECT);
	return fd < 0 && errno == EINVAL ? open(path, flags) : fd;
}

static int measure(struct image *image, const struct stat *found)
{
	int logical;

	image->is_file = S_ISREG(found->st_mode);
	if (image->is_file) {
		image->sector = FILE_SECTOR;
		image->bytes = (uint64_t)found->st_size / FILE_SECTOR * FILE_SECTOR;
		return DONE;
	}
	if (ioctl(image->fd, BLKGETSIZE64, &image->bytes) ||
	    ioctl(image->fd, BLKSSZGET, &logical))
		return complain("%s: cannot ask for its size: %s", image->path, strerror(errno));
	image->sector = (uint32_t)logical;
	return DONE;
}

static void warn_of_use(const struct image *image)
{
	char *user = image_user(image);

	if (user)
		fprintf(stderr, "ktmctl: %s is in use by %s: "
			"what is written meanwhile may look like damage\n", image->path, user);
	free(user);
}

int image_open(struct image *image, const char *path)
{
	struct ktm_jo_params params = {
		.room = KTM_JF_BATCH_MAX,
		.read_only = true,
	};
	struct stat found;

	memset(image, 0, sizeof(*image));
	image->path = path;
	image->fd = -1;
	if (stat(path, &found))
		return complain("%s: %s", path, strerror(errno));
	if (!S_ISBLK(found.st_mode) && !S_ISREG(found.st_mode))
		return complain("%s is neither a block device nor a regular file", path);
	image->fd = open_descriptor(path, &found);
	if (image->fd < 0 || fstat(image->fd, &found))
		return complain("%s: %s", path, strerror(errno));
	if (measure(image, &found))
		return FAILED;
	if (posix_memalign(&image->buf, ALIGNMENT, KTM_JF_BATCH_MAX))
		return complain("out of memory");
	warn_of_use(image);
	params.dev_bytes = image->bytes;
	params.sector = image->sector;
	params.buf = image->buf;
	ktm_jo_init(&image->jo, &params);
	return DONE;
}

void image_close(struct image *image)
{
	if (image->fd >= 0)
		close(image->fd);
	free(image->buf);
}

int image_read(struct image *image, uint64_t place, uint32_t bytes, void *data)
{
	ssize_t got;

	do {
		got = pread(image->fd, data, bytes, (off_t)place);
	} while (got < 0 && errno == EINTR);
	if (got == (ssize_t)bytes)
		return 0;
	/* It was larger a moment ago. */
	if (got >= 0)
		return -EIO;
	return -errno;
}

static int read_next(struct image *image)
{
	struct ktm_jo *jo = &image->jo;
	int err = image_read(image, jo->place, jo->bytes, jo->data);

	/* A larger one is read again unit by unit, and each unit twice. */
	if (err == -ENODATA && jo->bytes <= max(jo->sb.unit, KTM_JF_SB_BYTES) &&
	    (!image->bad || jo->place != image->last_bad)) {
		if (!image->bad++)
			image->first_bad = jo->place;
		image->last_bad = jo->place;
	}
	return err;
}

enum ktm_jo_want image_next(struct image *image)
{
	enum ktm_jo_want want;

	while ((want = ktm_jo_step(&image->jo)) == KTM_JO_READ)
		ktm_jo_io_done(&image->jo, read_next(image));
	return want;
}

int image_chosen(const struct image *image)
{
	const struct ktm_jo *jo = &image->jo;

	return !jo->sb1_good || (jo->sb2_good && jo->sb2.generation > jo->sb1.generation);
}

uint64_t image_place(const struct image *image, uint64_t lsn)
{
	const struct ktm_jf_sb *sb = &image->jo.sb;
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	const uint64_t rest = lsn % sb->unit;

	ktm_jf_map(sb, lsn - rest, sb->unit, segs);
	return segs[0].place + rest;
}

const char *fault_name(enum ktm_jf_code code)
{
	static const char *const names[] = {
		[KTM_JF_OK]		= "OK",
		[KTM_JF_NOT_JOURNAL]	= "NOT_JOURNAL",
		[KTM_JF_TOO_SMALL]	= "TOO_SMALL",
		[KTM_JF_UNSUPPORTED]	= "UNSUPPORTED",
		[KTM_JF_CORRUPT]	= "CORRUPT",
		[KTM_JF_IO]		= "IO",
		[KTM_JF_FULL]		= "FULL",
		[KTM_JF_REFUSED]	= "REFUSED",
	};

	return names[code];
}
