// SPDX-License-Identifier: GPL-2.0
/*
 * Disk images: copying one and putting recorded writes into it.
 *
 * Images are large and hold little, so holes stay holes.
 */
#define _GNU_SOURCE
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char *path)
{
	fprintf(stderr, "ktm-cut: %s: %s\n", path, strerror(errno));
	return -1;
}

static int pwrite_all(int fd, const void *data, size_t len, off_t at)
{
	const char *p = data;

	while (len) {
		ssize_t n = pwrite(fd, p, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int copy_through_memory(int in, int out, off_t from, off_t to)
{
	static char buf[1 << 16];

	while (from < to) {
		size_t want = to - from < (off_t)sizeof(buf) ? (size_t)(to - from) : sizeof(buf);
		ssize_t n = pread(in, buf, want, from);

		if (n < 0 && errno == EINTR)
			continue;
		if (!n)
			errno = EIO;	/* the file shrank under us */
		if (n <= 0 || pwrite_all(out, buf, (size_t)n, from))
			return -1;
		from += n;
	}
	return 0;
}

static int copy_range(int in, int out, off_t from, off_t to)
{
	while (from < to) {
		off64_t src = from, dst = from;
		ssize_t n = copy_file_range(in, &src, out, &dst, (size_t)(to - from), 0);

		/* Not every pair of file systems can; ordinary reads always can. */
		if (n <= 0)
			return copy_through_memory(in, out, from, to);
		from += n;
	}
	return 0;
}

static int copy_data(int in, int out, off_t size)
{
	off_t at = 0;

	if (!ioctl(out, FICLONE, in))
		return 0;
	if (ftruncate(out, size))
		return -1;
	while (at < size) {
		off_t from = lseek(in, at, SEEK_DATA), to;

		if (from < 0)
			return errno == ENXIO ? 0 : -1;
		to = lseek(in, from, SEEK_HOLE);
		if (to < 0 || copy_range(in, out, from, to))
			return -1;
		at = to;
	}
	return 0;
}

/**
 * image_copy() - copy an image, holes and all
 * @base: the image to read
 * @out: the file to make; an older one of that name is replaced
 * @size: set to the size in bytes
 *
 * Return: a descriptor of @out, or -1 after a message on standard error.
 */
int image_copy(const char *base, const char *out, uint64_t *size)
{
	struct stat in_st, out_st;
	int in, fd;

	in = open(base, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return fail(base);
	if (fstat(in, &in_st)) {
		close(in);
		return fail(base);
	}
	if (!stat(out, &out_st) && out_st.st_dev == in_st.st_dev && out_st.st_ino == in_st.st_ino) {
		fprintf(stderr, "ktm-cut: %s: is the base image itself\n", out);
		close(in);
		return -1;
	}
	fd = open(out, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0) {
		close(in);
		return fail(out);
	}
	if (copy_data(in, fd, in_st.st_size)) {
		fail(out);
		close(in);
		close(fd);
		return -1;
	}
	close(in);
	*size = (uint64_t)in_st.st_size;
	return fd;
}

/**
 * image_check_log() - does a log belong to a disk of this size?
 * @base: name of the image, for the message
 * @size: its size in bytes
 * @log: the log
 * @nr: how many of its entries count
 * @log_path: name of the log, for the message
 *
 * Return: 0, or -1 after a message on standard error.
 */
int image_check_log(const char *base, uint64_t size, const struct blocklog *log, size_t nr,
		    const char *log_path)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		const struct blocklog_entry *e = &log->entries[i];

		if (e->length <= size && e->offset <= size - e->length)
			continue;
		fprintf(stderr,
			"ktm-cut: %s: entry %zu reaches to byte %llu, but %s ends at %llu\n",
			log_path, i, (unsigned long long)(e->offset + e->length), base,
			(unsigned long long)size);
		return -1;
	}
	return 0;
}

static int zero_range(int fd, uint64_t at, uint64_t len)
{
	static const char zeroes[1 << 16];

	if (!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)len))
		return 0;
	while (len) {
		size_t n = len < sizeof(zeroes) ? len : sizeof(zeroes);

		if (pwrite_all(fd, zeroes, n, (off_t)at))
			return -1;
		at += n;
		len -= n;
	}
	return 0;
}

static int apply_entry(int fd, const struct blocklog_entry *e)
{
	if (e->flags & BLOCKLOG_DISCARD)
		return zero_range(fd, e->offset, e->length);
	return pwrite_all(fd, e->data, e->length, (off_t)e->offset);
}

static int apply_torn(int fd, const struct blocklog_entry *e, uint32_t piece, const uint8_t *keep)
{
	const uint64_t end = e->offset + e->length;
	uint64_t at = e->offset, next;
	size_t i;

	for (i = 0; at < end; i++, at = next) {
		next = (at / piece + 1) * piece;
		if (next > end)
			next = end;
		if ((keep[i / 8] & (1u << (i % 8))) &&
		    pwrite_all(fd, e->data + (at - e->offset), next - at, (off_t)at))
			return -1;
	}
	return 0;
}

/**
 * image_apply() - bring an image from the start of a boot to behind its cut
 * @fd: the image
 * @out: its name, for the message
 * @log: what was recorded
 * @plan: what became of it
 *
 * Return: 0, or -1 after a message on standard error.
 */
int image_apply(int fd, const char *out, const struct blocklog *log, const struct cut_plan *plan)
{
	size_t i;

	for (i = 0; i < plan->durable; i++)
		if (blocklog_modifies(&log->entries[i]) && apply_entry(fd, &log->entries[i]))
			return fail(out);
	for (i = 0; i < plan->nr; i++) {
		const struct cut_write *w = &plan->writes[i];
		const struct blocklog_entry *e = &log->entries[w->entry];
		int ret = 0;

		if (w->fate == CUT_KEPT)
			ret = apply_entry(fd, e);
		else if (w->fate == CUT_TORN)
			ret = apply_torn(fd, e, plan->piece, w->keep);
		if (ret)
			return fail(out);
	}
	return 0;
}
