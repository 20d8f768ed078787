/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Disks for durable tests: a loop device over a file in memory, which can be
 * compared byte for byte, and above it a device-mapper device that fails when
 * told to.
 */
#ifndef KTM_TEST_DISK_H
#define KTM_TEST_DISK_H

#include "calls.h"

#define MIB	(1u << 20)

/**
 * struct disk - one loop device
 * @image: descriptor of the file behind it, which has no name any more
 * @path: the block device
 * @bytes: its size
 */
struct disk {
	int image;
	char path[64];
	uint64_t bytes;
};

/* The one that KTM_JOURNAL names; a test that is given none is skipped. */
const char *disk_given(void);
/* Makes an empty disk; it goes with the test. */
struct disk disk_make(uint64_t bytes);
void disk_resize(struct disk *d, uint64_t bytes);

/* Writes a new journal with the module's own code for the format. */
void journal_format(const char *path, guid_t tm);
/* Where its ring begins; what is written while a restart area comes about lies before. */
uint64_t journal_ring_place(const char *path);
/* The smallest device that the format takes. */
uint64_t journal_smallest(void);

/* What the file behind the disk holds; the caller frees it. */
unsigned char *disk_read(const struct disk *d);
void disk_write(const struct disk *d, uint64_t offset, const void *data, size_t bytes);
bool disk_is(const struct disk *d, const unsigned char *content);
/*
 * A power cut at the moment when disk_read() gave @content: everything is closed,
 * the disk is as it was then, and the TM is online again. Frees @content.
 */
int disk_after_cut(const struct disk *d, int tm, unsigned char *content);

/* As TM_CREATE wants it; for reading only; for oneself alone (-1 and errno: not now). */
int disk_open(const char *path);
int disk_open_read_only(const char *path);
int disk_open_alone(const char *path);

/* A durable TM on a device: made, offline; and brought online. */
int tm_attach(const char *path);
unsigned int tm_try_attach(const char *path, int *tm);
void tm_recover(int tm);
int tm_online(const char *path);
/* Closes the last descriptor of a TM and waits until the device is free again. */
void tm_close(int tm, const char *path);

/**
 * struct flaky - a device-mapper device over a disk
 * @path: its block device
 * @disk: what is below
 * @bad: BAD_SPOT, SLOW_SPOT: where, in bytes
 * @bad_bytes: how much of it
 */
struct flaky {
	char path[64];
	char name[32];
	const struct disk *disk;
	uint64_t bad;
	uint64_t bad_bytes;
};

enum trouble {
	NO_TROUBLE,
	FAIL_WRITES,		/* writes and flushes fail, nothing reaches the disk */
	FAIL_FLUSHES,		/* writes reach the disk, flushes fail */
	FAIL_ALL,		/* reads, too */
	BAD_SPOT,		/* what is asked of one place fails */
	FAIL_END,		/* the last sectors cannot be written or read */
	SLOW_SPOT,		/* what is asked of one place takes until this ends; all writes fail */
};

/* Where @data, so many @bytes of it, is on the disk now. */
uint64_t disk_find(const struct disk *d, const void *data, size_t bytes);

struct flaky flaky_make(const struct disk *d);
void flaky_set(struct flaky *f, enum trouble trouble);
/* Between the two, whatever is asked of it waits. */
void flaky_hold(struct flaky *f);
void flaky_release(struct flaky *f, enum trouble trouble);
/*
 * What the file below holds at one moment, as a power cut would leave it: while the log is
 * being written disk_read() may see the end of it later than its beginning.
 */
unsigned char *flaky_read(struct flaky *f);
void flaky_remove(struct flaky *f);

#endif /* KTM_TEST_DISK_H */
