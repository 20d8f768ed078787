// SPDX-License-Identifier: GPL-2.0
/*
 * How a new journal is laid out on a device:
 *
 *	unit 0		superblock, first copy
 *	restart[0]	restart extent
 *	restart[1]	restart extent
 *	ring[0]		all the rest
 *	last unit	superblock, second copy
 */
#include "journal_format.h"

#define WINDOW_DEFAULT	(4ull << 20)

u32 ktm_jf_unit(u32 logical, u32 physical)
{
	u32 unit = max(KTM_JF_UNIT_MIN, max(logical, physical));

	if (unit > KTM_JF_UNIT_MAX || (unit & (unit - 1)))
		return 0;
	return unit;
}

/* Room for one batch of the largest record beside small ones. */
static u64 restart_min(u32 unit)
{
	return ALIGN((u64)KTM_JF_WINDOW_MIN, unit);
}

static u64 ring_min(u32 unit)
{
	/* What restart areas of the running log keep for themselves is in whole units. */
	return max(4ull * KTM_JF_WINDOW_MIN, 64ull * unit);
}

u64 ktm_jf_min_bytes(u32 unit)
{
	return 2 * (u64)unit + 2 * restart_min(unit) + ring_min(unit);
}

static int refuse(struct ktm_jf_fault *fault, enum ktm_jf_code code, int err, const char *msg)
{
	fault->code = code;
	fault->err = err;
	fault->place = 0;
	fault->lsn = 0;
	fault->msg = msg;
	return err;
}

int ktm_jf_format(const struct ktm_jf_params *p, struct ktm_jf_sb *sb, struct ktm_jf_fault *fault)
{
	u64 units, restart, ring;
	u32 unit;

	memset(sb, 0, sizeof(*sb));
	unit = ktm_jf_unit(p->logical, p->physical);
	if (!unit)
		return refuse(fault, KTM_JF_UNSUPPORTED, -EINVAL,
			      "the device's block size is larger than 64 KiB or no power of two");
	if (p->dev_bytes < ktm_jf_min_bytes(unit))
		return refuse(fault, KTM_JF_TOO_SMALL, -ENOSPC,
			      "the device is too small for a journal");
	if (!p->epoch)
		return refuse(fault, KTM_JF_UNSUPPORTED, -EINVAL, "the epoch must not be zero");

	units = core_div64(p->dev_bytes, unit);
	restart = p->restart_bytes ? ALIGN(p->restart_bytes, (u64)unit) :
		  core_div64(units, 8) * unit;
	restart = max(restart, restart_min(unit));
	/* A fifth: the ring is then at least twice as large, see the check of the superblock. */
	if (restart > core_div64(units, 5) * unit ||
	    units * unit - 2 * unit - 2 * restart < ring_min(unit)) {
		if (p->restart_bytes)
			return refuse(fault, KTM_JF_TOO_SMALL, -ENOSPC,
				      "restart extents of this size leave too little for the ring");
		restart = restart_min(unit);
	}
	ring = units * unit - 2 * unit - 2 * restart;

	sb->version = KTM_JF_VERSION;
	sb->unit = unit;
	sb->dev_bytes = units * unit;
	sb->uuid = p->uuid;
	sb->tm_guid = p->tm_guid;
	sb->created = p->created;
	sb->restart[0].start = unit;
	sb->restart[0].bytes = restart;
	sb->restart[1].start = unit + restart;
	sb->restart[1].bytes = restart;
	sb->ring_count = 1;
	sb->ring[0].start = unit + 2 * restart;
	sb->ring[0].bytes = ring;
	sb->ring_bytes = ring;
	/* Rounded down to units, never above a quarter. */
	sb->window = min_t(u64, core_div64(ring / 4, unit) * unit, KTM_JF_WINDOW_MAX);
	if (!p->window)
		sb->window = min_t(u64, sb->window, WINDOW_DEFAULT);
	else if (p->window < KTM_JF_WINDOW_MIN || core_mod64(p->window, unit) ||
		 p->window > sb->window)
		return refuse(fault, KTM_JF_UNSUPPORTED, -EINVAL,
			      "the largest unflushed span must be whole units, from 64 KiB to a quarter of the ring and to 64 MiB");
	else
		sb->window = p->window;
	/* LSN 0 means "none", so the log starts one unit in. */
	sb->ring_lsn = unit;
	sb->start_lsn = unit;
	sb->restart_lsn = unit;
	sb->tail_lsn = unit;
	sb->start_seq = 1;
	sb->generation = 1;
	sb->epoch = p->epoch;
	return 0;
}

u64 ktm_jf_live_capacity(const struct ktm_jf_sb *sb)
{
	/*
	 * A batch of the area is closed when the next record does not fit, or when its writer
	 * would not have to stop within what it says next: its head and that much are lost,
	 * and padding is part of that. The last one is only closed when nothing fits.
	 */
	u64 area = sb->restart[0].bytes;
	u64 lost = KTM_JF_BATCH_HEAD + max(KTM_JF_REC_MAX, KTM_JF_AREA_ROOM);
	u64 all = core_div64(area, KTM_JF_BATCH_MAX - lost) * lost +
		  KTM_JF_BATCH_HEAD + KTM_JF_REC_MAX;

	return area > all ? area - all : 0;
}

u64 ktm_jf_live_tx_bytes(u32 enlistments, u32 info_len)
{
	return ktm_jrec_bytes(KTM_JREC_TX, 0) +
	       (u64)enlistments * ktm_jrec_bytes(KTM_JREC_PREPARED, info_len);
}
