// SPDX-License-Identifier: GPL-2.0
/*
 * cut-judge - may a disk look like this after the power went?
 *
 * usage: cut-judge BASE LOG OUT
 *
 * Judges by the rule alone and shares no code with the choices of ktm-cut: a
 * 512-byte sector of OUT holds what the last settled write (or discard) has put
 * there, BASE if there is none, or what some later unsettled one has. Settled
 * is what lies in front of the last flush, and what was written with FUA.
 *
 * Prints how many unsettled writes are there whole, not at all and in part, and
 * how many sectors hold an unsettled write that is not the newest. Exits 1 on a
 * state that no disk may be in, 2 when it cannot judge.
 */
#include "blocklog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct image {
	const uint8_t *map;
	uint64_t size;
};

static const uint8_t zero_sector[BLOCKLOG_SECTOR];

static void die(const char *what)
{
	fprintf(stderr, "cut-judge: %s: %s\n", what, strerror(errno));
	exit(2);
}

static struct image open_image(const char *path)
{
	struct image img;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		die(path);
	img.size = (uint64_t)st.st_size;
	img.map = mmap(NULL, img.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (img.map == MAP_FAILED)
		die(path);
	close(fd);
	return img;
}

static bool holds(const struct image *img, uint64_t at, const uint8_t *data)
{
	return !memcmp(img->map + at, data, BLOCKLOG_SECTOR);
}

static const uint8_t *data_at(const struct blocklog_entry *e, uint64_t at)
{
	return e->data ? e->data + (at - e->offset) : zero_sector;
}

int main(int argc, char **argv)
{
	size_t flushed = 0, kept = 0, lost = 0, torn = 0, older = 0, i;
	const struct blocklog_entry **settled, **newest;
	const struct blocklog_entry *e;
	struct image base, out;
	struct blocklog log;
	uint64_t at, bad = 0;
	bool *legal;

	if (argc != 4) {
		fprintf(stderr, "usage: cut-judge BASE LOG OUT\n");
		return 2;
	}
	if (blocklog_open(&log, argv[2]))
		return 2;
	base = open_image(argv[1]);
	out = open_image(argv[3]);
	if (base.size != out.size) {
		printf("the sizes of %s and %s differ\n", argv[1], argv[3]);
		return 1;
	}
	for (i = 0; i < log.nr; i++)
		if (log.entries[i].flags & BLOCKLOG_FLUSH)
			flushed = i;

	settled = calloc(base.size / BLOCKLOG_SECTOR, sizeof(*settled));
	newest = calloc(base.size / BLOCKLOG_SECTOR, sizeof(*newest));
	legal = calloc(base.size / BLOCKLOG_SECTOR, sizeof(*legal));
	if (!settled || !newest || !legal)
		die("memory");
	for (i = 0; i < log.nr; i++) {
		e = &log.entries[i];
		for (at = e->offset; at < e->offset + e->length; at += BLOCKLOG_SECTOR) {
			if (i < flushed || (e->flags & BLOCKLOG_FUA))
				settled[at / BLOCKLOG_SECTOR] = e;
			newest[at / BLOCKLOG_SECTOR] = e;
		}
	}
	for (at = 0; at < base.size; at += BLOCKLOG_SECTOR) {
		e = settled[at / BLOCKLOG_SECTOR];
		legal[at / BLOCKLOG_SECTOR] =
			holds(&out, at, e ? data_at(e, at) : base.map + at);
	}
	for (i = flushed; i < log.nr; i++) {
		size_t there = 0, all = 0;

		e = &log.entries[i];
		for (at = e->offset; at < e->offset + e->length; at += BLOCKLOG_SECTOR) {
			const struct blocklog_entry *s = settled[at / BLOCKLOG_SECTOR];

			all++;
			if ((s && s >= e) || !holds(&out, at, data_at(e, at)))
				continue;
			there++;
			legal[at / BLOCKLOG_SECTOR] = true;
			older += e != newest[at / BLOCKLOG_SECTOR];
		}
		if (!all || (e->flags & BLOCKLOG_FUA))
			continue;
		kept += there == all;
		lost += !there;
		torn += there && there != all;
	}
	for (at = 0; at < base.size; at += BLOCKLOG_SECTOR) {
		if (legal[at / BLOCKLOG_SECTOR])
			continue;
		if (!bad++)
			printf("the sector at byte %llu holds what it cannot hold\n",
			       (unsigned long long)at);
	}
	printf("kept %zu lost %zu torn %zu older %zu illegal %llu\n", kept, lost, torn, older,
	       (unsigned long long)bad);
	return bad != 0;
}
