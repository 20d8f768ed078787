// SPDX-License-Identifier: GPL-2.0
/*
 * Reading a recorded log of block writes.
 *
 * The recorder was killed in the middle of its work, so the log is read for
 * what it holds and not for what its superblock says it holds:
 *
 *  - The count in the superblock lags; entries are read to the end of the file.
 *  - The last entry may be incomplete: it is left out. The guest cannot have
 *    been told of a request whose entry is not whole.
 *  - QEMU takes an entry's space first and writes it afterwards, so a request
 *    that was still under way can leave a hole (zeroes) in front of entries
 *    that are whole. Holes are skipped: no entry begins with a sector of
 *    zeroes, as a request without data and without flags does not exist.
 *
 * Anything else that does not parse is not a log, and is refused.
 */
#include "blocklog.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool all_zero(const uint8_t *p, size_t len)
{
	return !len || (!p[0] && !memcmp(p, p + 1, len - 1));
}

static int refuse(const char *path, uint64_t at, const char *why)
{
	fprintf(stderr, "ktm-cut: %s: not a block log: %s (at byte %llu)\n", path, why,
		(unsigned long long)at);
	return -1;
}

static int read_super(struct blocklog *log, const char *path)
{
	struct blocklog_super super;

	/*
	 * Nothing was written to the disk yet, or only so little that the
	 * superblock had not followed: QEMU's default sector size holds.
	 */
	log->sector_size = BLOCKLOG_SECTOR;
	if (!log->map_size)
		return 0;
	if (log->map_size < BLOCKLOG_SECTOR)
		return refuse(path, 0, "shorter than a superblock");
	if (all_zero(log->map, BLOCKLOG_SECTOR))
		return 0;

	memcpy(&super, log->map, sizeof(super));
	if (le64toh(super.magic) != BLOCKLOG_MAGIC)
		return refuse(path, 0, "the superblock's magic number is wrong");
	if (le64toh(super.version) != BLOCKLOG_VERSION)
		return refuse(path, 8, "the version is not 1");
	log->sector_size = le32toh(super.sector_size);
	if (log->sector_size < BLOCKLOG_SECTOR || log->sector_size > (1u << 20) ||
	    (log->sector_size & (log->sector_size - 1)))
		return refuse(path, 24, "the sector size is not a power of two from 512 to 1 MiB");
	log->claimed = le64toh(super.nr_entries);
	return 0;
}

/* Checks the fields of the entry at @at; fills @e but for ->data and ->end. */
static int decode(const struct blocklog *log, const char *path, uint64_t at,
		  struct blocklog_entry *e)
{
	const uint64_t limit = INT64_MAX / log->sector_size;
	struct blocklog_raw_entry raw;
	uint64_t sector, nr, flags, data_len;

	memcpy(&raw, log->map + at, sizeof(raw));
	sector = le64toh(raw.sector);
	nr = le64toh(raw.nr_sectors);
	flags = le64toh(raw.flags);
	data_len = le64toh(raw.data_len);

	if (flags & ~(uint64_t)BLOCKLOG_KNOWN_FLAGS)
		return refuse(path, at, "an entry has unknown flags");
	if (sector > limit || nr > limit || sector + nr > limit)
		return refuse(path, at, "an entry's range does not fit any disk");
	if (flags & BLOCKLOG_MARK) {
		if (nr || data_len > log->sector_size - sizeof(raw))
			return refuse(path, at, "a mark is longer than its sector");
	} else if (data_len) {
		return refuse(path, at, "an entry that is not a mark carries a text");
	} else if (!all_zero(log->map + at + sizeof(raw), log->sector_size - sizeof(raw))) {
		return refuse(path, at, "an entry's padding is not zero");
	}
	if (!nr && !(flags & (BLOCKLOG_MARK | BLOCKLOG_FLUSH | BLOCKLOG_FUA)))
		return refuse(path, at, "an entry does nothing");

	*e = (struct blocklog_entry) {
		.offset = sector * log->sector_size,
		.length = nr * log->sector_size,
		.flags = (uint32_t)flags,
	};
	return 0;
}

static int append(struct blocklog *log, const struct blocklog_entry *e)
{
	/* Doubles whenever the count reaches a power of two. */
	if (!(log->nr & (log->nr - 1))) {
		size_t room = log->nr ? log->nr * 2 : 1;
		void *grown = realloc(log->entries, room * sizeof(*e));

		if (!grown) {
			fprintf(stderr, "ktm-cut: out of memory\n");
			return -1;
		}
		log->entries = grown;
	}
	log->entries[log->nr++] = *e;
	return 0;
}

static int read_entries(struct blocklog *log, const char *path)
{
	const uint64_t unit = log->sector_size;
	uint64_t at = unit;
	bool in_hole = false;

	while (at < log->map_size) {
		struct blocklog_entry e;

		if (log->map_size - at < unit) {
			log->torn_bytes = log->map_size - at;
			break;
		}
		if (all_zero(log->map + at, unit)) {
			log->holes += !in_hole;
			in_hole = true;
			at += unit;
			continue;
		}
		in_hole = false;
		if (decode(log, path, at, &e))
			return -1;
		if (e.length && !(e.flags & BLOCKLOG_DISCARD)) {
			if (log->map_size - at - unit < e.length) {
				log->torn_bytes = log->map_size - at;
				break;
			}
			e.data = log->map + at + unit;
			at += e.length;
		}
		at += unit;
		e.end = at;
		if (append(log, &e))
			return -1;
	}
	return 0;
}

/**
 * blocklog_open() - map and parse a log
 * @log: filled
 * @path: the file
 *
 * Return: 0, or -1 after a message on standard error.
 */
int blocklog_open(struct blocklog *log, const char *path)
{
	struct stat st;
	int fd;

	memset(log, 0, sizeof(*log));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		fprintf(stderr, "ktm-cut: %s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (st.st_size) {
		void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

		if (map == MAP_FAILED) {
			fprintf(stderr, "ktm-cut: %s: %s\n", path, strerror(errno));
			close(fd);
			return -1;
		}
		log->map = map;
		log->map_size = (size_t)st.st_size;
	}
	close(fd);
	if (read_super(log, path) || read_entries(log, path)) {
		blocklog_close(log);
		return -1;
	}
	return 0;
}

/**
 * blocklog_close() - give back what blocklog_open() took
 * @log: the log
 */
void blocklog_close(struct blocklog *log)
{
	free(log->entries);
	if (log->map)
		munmap((void *)log->map, log->map_size);
	memset(log, 0, sizeof(*log));
}

static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/**
 * blocklog_truncate() - write a log that ends after the first entries
 * @log: the whole log
 * @nr: how many entries to keep, at most as many as there are
 * @out: the file to write
 *
 * Return: 0, or -1 after a message on standard error.
 */
int blocklog_truncate(const struct blocklog *log, size_t nr, const char *out)
{
	struct blocklog_super super = {
		.magic = htole64(BLOCKLOG_MAGIC),
		.version = htole64(BLOCKLOG_VERSION),
		.nr_entries = htole64(nr),
		.sector_size = htole32(log->sector_size),
	};
	uint64_t end = nr ? log->entries[nr - 1].end : log->sector_size;
	uint8_t *first;
	int fd, ret = -1;

	first = calloc(1, log->sector_size);
	if (!first) {
		fprintf(stderr, "ktm-cut: out of memory\n");
		return -1;
	}
	memcpy(first, &super, sizeof(super));
	fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd >= 0 && !write_all(fd, first, log->sector_size) &&
	    (!nr || !write_all(fd, log->map + log->sector_size, end - log->sector_size)))
		ret = 0;
	if (fd >= 0 && close(fd))
		ret = -1;
	if (ret)
		fprintf(stderr, "ktm-cut: %s: %s\n", out, strerror(errno));
	free(first);
	return ret;
}
