/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing a restart area and the superblock that names it: what openings and the
 * restart areas of a running log have in common. No I/O: the user writes what is in the buffer.
 */
#ifndef KTM_CORE_JOURNAL_AREA_H
#define KTM_CORE_JOURNAL_AREA_H

#include "journal_format.h"

/**
 * enum ktm_jo_want - what an opening or a restart area wants of its user
 * @KTM_JO_READ: read @bytes at @place to @data
 * @KTM_JO_WRITE: write them
 * @KTM_JO_FLUSH: make durable what was written
 * @KTM_JO_FORCE: restart area: make the log durable up to @end_lsn
 * @KTM_JO_REPLAY: opening: take a record
 * @KTM_JO_SNAPSHOT: hand over what lives
 * @KTM_JO_DONE: nothing, it is done
 * @KTM_JO_FAILED: nothing, it has failed
 */
enum ktm_jo_want {
	KTM_JO_READ,
	KTM_JO_WRITE,
	KTM_JO_FLUSH,
	KTM_JO_FORCE,
	KTM_JO_REPLAY,
	KTM_JO_SNAPSHOT,
	KTM_JO_DONE,
	KTM_JO_FAILED,
};

/**
 * struct ktm_ja - a restart area being written
 * @chain: what its batches say they belong to
 * @link: what the next batch of it says
 * @start: byte on the device where its extent begins
 * @extent: length of that
 * @used: bytes in the open batch
 * @records: records there
 * @buf: the open batch, KTM_JF_BATCH_MAX bytes
 */
struct ktm_ja {
	struct ktm_jf_chain chain;
	struct ktm_jf_link link;
	u64 start;
	u64 extent;
	u32 used;
	u32 records;
	u8 *buf;
};

/* @next: the superblock that will name it: its epoch and extent; buf: KTM_JF_BATCH_MAX bytes. */
void ktm_ja_init(struct ktm_ja *a, const struct ktm_jf_sb *next, void *buf);

/* 0; -EAGAIN: the batch is full, write it and add again; -ENOSPC: so is the extent; -EINVAL. */
int ktm_ja_add(struct ktm_ja *a, const struct ktm_jrec *rec);

/* Head and checksum for what is in the buffer. Returns its length; *@place is where it goes. */
u32 ktm_ja_seal(struct ktm_ja *a, u64 *place);

/* It has been written: @next names the area as far as it goes now. */
void ktm_ja_written(struct ktm_ja *a, struct ktm_jf_sb *next);

#endif /* KTM_CORE_JOURNAL_AREA_H */
