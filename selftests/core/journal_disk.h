/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk with a volatile write cache.
 *
 * What is read is what was written last. What survives a crash is what a flush
 * (or a write through the cache) made durable, and of the rest any part: each
 * write kept, lost, or torn at 512 bytes or at any byte, in any order. A flush covers the writes that
 * had ended when it was sent. A flush that fails drops part of the cache for good,
 * though it still reads back: as a page that a failed flush left clean. Where it
 * drops something the medium below may have become unreadable, as it may be under the head
 * when the power goes.
 */
#ifndef KTM_TEST_JOURNAL_DISK_H
#define KTM_TEST_JOURNAL_DISK_H

#include "journal_format.h"
#include "rng.h"

#define SECTOR		512u
#define MAX_PENDING	256

struct pending {
	u64 place;
	u32 bytes;
	u32 id;
	bool ended;		/* the write has completed */
	bool covered;		/* by the flush under way */
	bool fua;
	bool *lost;		/* by sector: superseded or dropped */
	u8 *data;
};

struct disk {
	u64 bytes;
	u8 *now;		/* what is read */
	u8 *durable;
	bool *bad;		/* by sector: medium error */
	bool *rotten;		/* by sector: the same, once the cache is gone */
	struct pending pending[MAX_PENDING];
	u32 count;
	u32 next_id;
	u32 writes;		/* writes begun since it was made */
};

enum crash_mode {
	CRASH_LOSE_ALL,
	CRASH_KEEP_ALL,
	CRASH_BY_WRITE,
	CRASH_BY_SECTOR,
	CRASH_ORDERED,		/* a prefix of what was written, the last one torn */
	CRASH_WITHIN,		/* the same, torn within a sector */
	CRASH_ROT,		/* all lost, and where each began nothing can be read */
	CRASH_MODES,
};

void disk_init(struct disk *d, u64 bytes);
void disk_free(struct disk *d);
/* Enlarge it; @fill is what is there, forever if nobody writes over it. */
void disk_grow(struct disk *d, u64 bytes, u8 fill);
void disk_clone(struct disk *to, const struct disk *from);

int disk_read(struct disk *d, u64 place, u32 bytes, void *data);
u32 disk_write_begin(struct disk *d, u64 place, u32 bytes, const void *data, bool fua);
void disk_write_end(struct disk *d, u32 id);
void disk_flush_begin(struct disk *d);
void disk_flush_end(struct disk *d);
/* @worst: all of it dropped, and where each write began nothing can be read. */
void disk_flush_fail(struct disk *d, struct rng *r, bool worst);
void disk_write(struct disk *d, u64 place, u32 bytes, const void *data);
void disk_flush(struct disk *d);
/* It is free for others: what is there, and what may still come of it, is noise from now on. */
void disk_poison(struct disk *d, u64 place, u64 bytes);

/* @unreadable: a torn sector may become a medium error. */
void disk_crash(struct disk *d, struct rng *r, enum crash_mode mode, bool unreadable);

#endif
