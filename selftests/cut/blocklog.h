/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A block device's life as dm-log-writes and QEMU's blklogwrites record it.
 */
#ifndef KTM_CUT_BLOCKLOG_H
#define KTM_CUT_BLOCKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCKLOG_MAGIC		0x6a736677736872ull
#define BLOCKLOG_VERSION	1

/* The smallest piece of a write that a disk keeps or loses as one. */
#define BLOCKLOG_SECTOR		512u

#define BLOCKLOG_FLUSH		(1u << 0)
#define BLOCKLOG_FUA		(1u << 1)
#define BLOCKLOG_DISCARD	(1u << 2)
#define BLOCKLOG_MARK		(1u << 3)
#define BLOCKLOG_METADATA	(1u << 4)
#define BLOCKLOG_KNOWN_FLAGS	0x1fu

/* On-disk structures, little-endian. */
struct blocklog_super {
	uint64_t magic;
	uint64_t version;
	uint64_t nr_entries;
	uint32_t sector_size;
} __attribute__((packed));

struct blocklog_raw_entry {
	uint64_t sector;
	uint64_t nr_sectors;
	uint64_t flags;
	uint64_t data_len;
} __attribute__((packed));

/**
 * struct blocklog_entry - one recorded request
 * @offset: where on the disk, in bytes
 * @length: how much of the disk, in bytes; 0 for a bare flush or a mark
 * @flags: BLOCKLOG_*
 * @data: the bytes written; NULL for discards, flushes and marks
 * @end: offset in the log behind this entry
 */
struct blocklog_entry {
	uint64_t offset;
	uint64_t length;
	uint32_t flags;
	const uint8_t *data;
	uint64_t end;
};

/**
 * struct blocklog - a log, mapped and parsed
 * @torn_bytes: length of an incomplete last entry that was left out
 * @holes: places where a request's space was taken but never written
 */
struct blocklog {
	const uint8_t *map;
	size_t map_size;
	uint32_t sector_size;
	uint64_t claimed;
	struct blocklog_entry *entries;
	size_t nr;
	uint64_t torn_bytes;
	size_t holes;
};

int blocklog_open(struct blocklog *log, const char *path);
void blocklog_close(struct blocklog *log);
int blocklog_truncate(const struct blocklog *log, size_t nr, const char *out);

/* A request that changes the disk: a write or a discard. */
static inline bool blocklog_modifies(const struct blocklog_entry *e)
{
	return e->length != 0;
}

/*
 * blocklog_last_flush() - index behind which entries are not known durable:
 * everything in front of it is. A flush that carries data (PREFLUSH) makes
 * durable what came before it, but not its own data.
 */
static inline size_t blocklog_last_flush(const struct blocklog *log, size_t nr)
{
	while (nr && !(log->entries[nr - 1].flags & BLOCKLOG_FLUSH))
		nr--;
	return nr ? nr - 1 : 0;
}

#endif
