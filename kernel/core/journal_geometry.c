// SPDX-License-Identifier: GPL-2.0
/*
 * How a new journal is laid out on a device:
 *
 *	unit 0		superblock, first copy
 *	unit 1		signpost
 *	restart[0]	restart extent
 *	restart[1]	restart extent
 *	ring[0]		all the rest
 *	last unit	superblock, second copy
 */
#include "journal_format.h"

#define WINDOW_DEFAULT	(4ull << 20)

/* Units beside the restart extents and the ring: two copies of the superblock, the signpost. */
#define NOT_RING	3

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
	return NOT_RING * (u64)unit + 2 * restart_min(unit) + ring_min(unit);
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
	    units * unit - NOT_RING * unit - 2 * restart < ring_min(unit)) {
		if (p->restart_bytes)
			return refuse(fault, KTM_JF_TOO_SMALL, -ENOSPC,
				      "restart extents of this size leave too little for the ring");
		restart = restart_min(unit);
	}
	ring = units * unit - NOT_RING * unit - 2 * restart;

	sb->version = KTM_JF_VERSION;
	sb->compat = p->fixed ? KTM_JF_COMPAT_FIXED : 0;
	sb->unit = unit;
	sb->dev_bytes = units * unit;
	sb->uuid = p->uuid;
	sb->tm_guid = p->tm_guid;
	sb->created = p->created;
	sb->restart[0].start = ktm_jf_signpost_place(sb) + unit;
	sb->restart[0].bytes = restart;
	sb->restart[1].start = sb->restart[0].start + restart;
	sb->restart[1].bytes = restart;
	sb->ring_count = 1;
	sb->ring[0].start = sb->restart[1].start + restart;
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

/* ---- growing ---------------------------------------------------------- */

/* Of a ring that is made anew: the old one and what is new may each be in pieces. */
struct table {
	u32 count;
	struct ktm_jf_extent e[2 * KTM_JF_RING_EXTENTS + 3];
};

/* What begins where the one before it ends becomes part of that. */
static void append(struct table *t, u64 start, u64 bytes)
{
	struct ktm_jf_extent *last = t->count ? &t->e[t->count - 1] : NULL;

	if (last && last->start + last->bytes == start) {
		last->bytes += bytes;
	} else {
		t->e[t->count].start = start;
		t->e[t->count++].bytes = bytes;
	}
}

u64 ktm_jf_growth(const struct ktm_jf_sb *sb, u64 dev_bytes)
{
	u64 used = sb->dev_bytes;
	u32 i;

	if (sb->stays || sb->compat & KTM_JF_COMPAT_FIXED)
		return 0;
	for (i = 0; i < sb->ring_count; i++)
		used = max(used, sb->ring[i].start + sb->ring[i].bytes);
	dev_bytes -= core_mod64(dev_bytes, sb->unit);
	return dev_bytes >= used + restart_min(sb->unit) ? dev_bytes - used : 0;
}

/* Where [@from, @to) lies: at most one lap of the ring. */
static void append_span(struct table *t, const struct ktm_jf_sb *sb, u64 from, u64 to)
{
	u64 off = core_mod64(from - sb->ring_lsn, sb->ring_bytes), left = to - from;
	u32 i = 0;

	while (off >= sb->ring[i].bytes)
		off -= sb->ring[i++].bytes;
	while (left) {
		u64 bytes = min(left, sb->ring[i].bytes - off);

		append(t, sb->ring[i].start + off, bytes);
		left -= bytes;
		off = 0;
		i = i + 1 < sb->ring_count ? i + 1 : 0;
	}
}

static void sort_by_place(struct table *t)
{
	struct ktm_jf_extent e;
	u32 i, k;

	for (i = 1; i < t->count; i++) {
		e = t->e[i];
		for (k = i; k && t->e[k - 1].start > e.start; k--)
			t->e[k] = t->e[k - 1];
		t->e[k] = e;
	}
}

/* By place, from the one on that begins where the last of @t ends, if there is one. */
static void append_all(struct table *t, struct table *rest)
{
	const struct ktm_jf_extent *last = t->count ? &t->e[t->count - 1] : NULL;
	u64 end = last ? last->start + last->bytes : 0;
	u32 i, first = 0;

	sort_by_place(rest);
	for (i = 0; i < rest->count; i++)
		if (rest->e[i].start == end)
			first = i;
	for (i = 0; i < rest->count; i++) {
		const struct ktm_jf_extent *e = &rest->e[(first + i) % rest->count];

		append(t, e->start, e->bytes);
	}
}

bool ktm_jf_grow(struct ktm_jf_sb *sb, u64 dev_bytes, u64 upto)
{
	u64 gain = ktm_jf_growth(sb, dev_bytes);
	struct table all = { }, rest = { };

	/* What is asked for beyond the ring would make more pieces than there is place for. */
	if (!gain || KTM_CORE_BUG_ON(upto < sb->tail_lsn ||
				     upto - sb->tail_lsn > sb->ring_bytes))
		return false;
	append_span(&all, sb, sb->tail_lsn, upto);
	append_span(&rest, sb, upto, sb->tail_lsn + sb->ring_bytes);
	append(&rest, dev_bytes - core_mod64(dev_bytes, sb->unit) - gain, gain);
	/* Nothing is there that is needed, so it may come in the order that makes fewest pieces. */
	append_all(&all, &rest);
	if (all.count > KTM_JF_RING_EXTENTS)
		return false;
	memset(sb->ring, 0, sizeof(sb->ring));
	memcpy(sb->ring, all.e, all.count * sizeof(all.e[0]));
	sb->ring_count = all.count;
	sb->ring_bytes += gain;
	sb->ring_lsn = sb->tail_lsn;
	return true;
}

/* ---- restart extents -------------------------------------------------- */

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
