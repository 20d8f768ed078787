/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading a chain of batches, from the ring or from a restart area.
 *
 * The scanner does no I/O: it says what it wants to read and is told when that
 * is in its buffer. What it returns has been checked; what it cannot accept it
 * reports as "nothing continues the chain here", and its user decides what that means.
 */
#ifndef KTM_CORE_JOURNAL_SCAN_H
#define KTM_CORE_JOURNAL_SCAN_H

#include "journal_format.h"

struct ktm_jf_scan {
	const struct ktm_jf_sb *sb;
	struct ktm_jf_chain chain;
	u64 area;		/* place of a restart area; 0: the ring */
	u64 end;		/* LSN that nothing may reach beyond */
	struct ktm_jf_link link;	/* what comes next */

	u8 *buf;
	u32 room;
	u64 win_lsn;		/* what the buffer holds */
	u32 win_bytes;

	u64 place;		/* the read asked for */
	u32 want;
	u32 careful;		/* bytes still to be read one unit at a time */
	bool retried;
};

enum ktm_jf_found {
	KTM_JF_NEED_READ,	/* ->place, ->want, to be read to ktm_jf_scan_to() */
	KTM_JF_BATCH,		/* a whole batch at the LSN asked for */
	KTM_JF_NOTHING,		/* none */
};

/* @buf: at least KTM_JF_BATCH_MAX bytes. */
void ktm_jf_scan_ring(struct ktm_jf_scan *s, const struct ktm_jf_sb *sb, void *buf, u32 room);
void ktm_jf_scan_restart(struct ktm_jf_scan *s, const struct ktm_jf_sb *sb, void *buf, u32 room);

/* Where the bytes of the read asked for go. */
static inline void *ktm_jf_scan_to(const struct ktm_jf_scan *s)
{
	return s->buf + s->win_bytes;
}

/**
 * ktm_jf_scan_read_done() - the read asked for has ended
 * @s: the scanner
 * @err: 0, -ENODATA for a medium error, or another negative errno
 *
 * A medium error is narrowed down to its unit, which is read once more and
 * then counts as no part of any batch. Any other error is returned.
 */
int ktm_jf_scan_read_done(struct ktm_jf_scan *s, int err);

/**
 * ktm_jf_scan_at() - is there a whole batch of the chain's epoch at this LSN?
 * @s: the scanner
 * @lsn: where to look
 * @b: out, what it says of itself
 * @data: out, its first byte; good until the next call
 */
enum ktm_jf_found ktm_jf_scan_at(struct ktm_jf_scan *s, u64 lsn, struct ktm_jf_batch *b,
				 const u8 **data);

/* Does @b continue the chain? If so the chain ends behind it from now on. */
bool ktm_jf_scan_accept(struct ktm_jf_scan *s, const struct ktm_jf_batch *b);

/* Byte on the device of an LSN of this scan. */
u64 ktm_jf_scan_place(const struct ktm_jf_scan *s, u64 lsn);

#endif /* KTM_CORE_JOURNAL_SCAN_H */
