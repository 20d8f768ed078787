// SPDX-License-Identifier: GPL-2.0
/*
 * The journal's superblock, its map from LSN to place, and its batches.
 */
#include "journal_format.h"

/* Far from where sums of an LSN and a length could overflow. */
#define LSN_LIMIT	(1ull << 62)
#define DEVICE_LIMIT	(1ull << 63)

static u32 crc_of(const void *buf, u32 bytes, u32 crc_at)
{
	static const u8 none[4];
	const u8 *p = buf;
	u32 crc = ~0u;

	crc = crc32c(crc, p, crc_at);
	crc = crc32c(crc, none, sizeof(none));
	crc = crc32c(crc, p + crc_at + 4, bytes - crc_at - 4);
	return ~crc;
}

static int wrong(struct ktm_jf_fault *fault, enum ktm_jf_code code, u64 place, const char *msg)
{
	fault->code = code;
	fault->place = place;
	fault->lsn = 0;
	fault->msg = msg;
	switch (code) {
	case KTM_JF_NOT_JOURNAL:
	case KTM_JF_UNSUPPORTED:
		fault->err = -EINVAL;
		break;
	case KTM_JF_TOO_SMALL:
		fault->err = -ENOSPC;
		break;
	default:
		fault->err = -EUCLEAN;
		break;
	}
	return fault->err;
}

void ktm_jf_sb_encode(const struct ktm_jf_sb *sb, void *blk)
{
	struct ktm_jf_dsb *d = blk;
	u32 unit = sb->unit;
	u32 i;

	BUILD_BUG_ON(sizeof(*d) != KTM_JF_SB_BYTES);

	memset(d, 0, sizeof(*d));
	memcpy(d->magic, KTM_JF_SB_MAGIC, sizeof(d->magic));
	d->version = cpu_to_le32(sb->version);
	d->compat = cpu_to_le32(sb->compat);
	d->ro_compat = cpu_to_le32(sb->ro_compat);
	d->incompat = cpu_to_le32(sb->incompat);
	d->unit = cpu_to_le32(unit);
	memcpy(d->uuid, sb->uuid.b, sizeof(d->uuid));
	memcpy(d->tm_guid, sb->tm_guid.b, sizeof(d->tm_guid));
	d->units = cpu_to_le64(core_div64(sb->dev_bytes, unit));
	d->window = cpu_to_le64(sb->window);
	d->created = cpu_to_le64(sb->created);
	for (i = 0; i < 2; i++) {
		d->restart[i].start = cpu_to_le64(core_div64(sb->restart[i].start, unit));
		d->restart[i].units = cpu_to_le64(core_div64(sb->restart[i].bytes, unit));
	}
	d->ring_lsn = cpu_to_le64(sb->ring_lsn);
	d->ring_count = cpu_to_le32(sb->ring_count);
	for (i = 0; i < sb->ring_count; i++) {
		d->ring[i].start = cpu_to_le64(core_div64(sb->ring[i].start, unit));
		d->ring[i].units = cpu_to_le64(core_div64(sb->ring[i].bytes, unit));
	}
	d->generation = cpu_to_le64(sb->generation);
	d->epoch = cpu_to_le64(sb->epoch);
	d->start_lsn = cpu_to_le64(sb->start_lsn);
	d->start_seq = cpu_to_le64(sb->start_seq);
	d->start_prev_crc = cpu_to_le32(sb->start_prev_crc);
	d->restart_index = cpu_to_le32(sb->restart_index);
	d->restart_bytes = cpu_to_le64(sb->restart_bytes);
	d->restart_crc = cpu_to_le32(sb->restart_crc);
	d->restart_lsn = cpu_to_le64(sb->restart_lsn);
	d->tail_lsn = cpu_to_le64(sb->tail_lsn);
	d->crc = cpu_to_le32(crc_of(d, sizeof(*d), offsetof(struct ktm_jf_dsb, crc)));
}

/* From units to bytes, unless it is empty or lies behind so many bytes. */
static bool get_extent(struct ktm_jf_extent *e, const struct ktm_jf_dextent *d, u32 unit, u64 bytes)
{
	u64 all = core_div64(bytes, unit);
	u64 start = le64_to_cpu(d->start);
	u64 units = le64_to_cpu(d->units);

	if (!units || start > all || units > all - start)
		return false;
	e->start = start * unit;
	e->bytes = units * unit;
	return true;
}

static bool overlap(const struct ktm_jf_extent *a, const struct ktm_jf_extent *b)
{
	return a->start < b->start + b->bytes && b->start < a->start + a->bytes;
}

/* Both superblock copies, both restart extents and the ring: none may touch another. */
static bool layout_overlaps(const struct ktm_jf_sb *sb)
{
	struct ktm_jf_extent all[4 + KTM_JF_RING_EXTENTS];
	u32 n = 0, i, k;

	all[n].start = 0;
	all[n++].bytes = sb->unit;
	all[n].start = ktm_jf_sb2_place(sb);
	all[n++].bytes = sb->unit;
	all[n++] = sb->restart[0];
	all[n++] = sb->restart[1];
	for (i = 0; i < sb->ring_count; i++)
		all[n++] = sb->ring[i];
	for (i = 0; i < n; i++)
		for (k = i + 1; k < n; k++)
			if (overlap(&all[i], &all[k]))
				return true;
	return false;
}

bool ktm_jf_signpost_free(const struct ktm_jf_sb *sb)
{
	const struct ktm_jf_extent post = { ktm_jf_signpost_place(sb), sb->unit };
	u32 i;

	if (overlap(&post, &sb->restart[0]) || overlap(&post, &sb->restart[1]))
		return false;
	for (i = 0; i < sb->ring_count; i++)
		if (overlap(&post, &sb->ring[i]))
			return false;
	return true;
}

static int decode_layout(const struct ktm_jf_dsb *d, u64 dev_bytes, u64 place,
			 struct ktm_jf_sb *sb, struct ktm_jf_fault *fault)
{
	u64 units = le64_to_cpu(d->units);
	u32 i;

	sb->unit = le32_to_cpu(d->unit);
	if (sb->unit < KTM_JF_UNIT_MIN || sb->unit > KTM_JF_UNIT_MAX ||
	    (sb->unit & (sb->unit - 1)))
		return wrong(fault, KTM_JF_CORRUPT, place,
			     "the superblock's write unit is not a power of two from 4096 to 65536");
	if (!units)
		return wrong(fault, KTM_JF_CORRUPT, place, "the superblock's device size is zero");
	if (units > core_div64(dev_bytes, sb->unit))
		return wrong(fault, KTM_JF_TOO_SMALL, place,
			     "the device is smaller than the superblock says it was");
	sb->dev_bytes = units * sb->unit;
	if (place && place != ktm_jf_sb2_place(sb))
		return wrong(fault, KTM_JF_CORRUPT, place,
			     "a superblock is not where it says that copies of it are");

	for (i = 0; i < 2; i++)
		if (!get_extent(&sb->restart[i], &d->restart[i], sb->unit, sb->dev_bytes))
			return wrong(fault, KTM_JF_CORRUPT, place,
				     "a restart extent is empty or leaves the device");
	if (sb->restart[0].bytes != sb->restart[1].bytes)
		return wrong(fault, KTM_JF_CORRUPT, place,
			     "the two restart extents differ in size");
	sb->ring_count = le32_to_cpu(d->ring_count);
	if (!sb->ring_count || sb->ring_count > KTM_JF_RING_EXTENTS)
		return wrong(fault, KTM_JF_CORRUPT, place,
			     "the ring's table has no entries, or more than fit into it");
	for (i = 0; i < sb->ring_count; i++) {
		if (!get_extent(&sb->ring[i], &d->ring[i], sb->unit, DEVICE_LIMIT))
			return wrong(fault, KTM_JF_CORRUPT, place,
				     "an extent of the ring is empty or lies where no device reaches");
		if (sb->ring[i].start + sb->ring[i].bytes > dev_bytes)
			return wrong(fault, KTM_JF_TOO_SMALL, place,
				     "the device is smaller than it was when the log had grown onto it");
		sb->ring_bytes += sb->ring[i].bytes;
	}
	if (layout_overlaps(sb))
		return wrong(fault, KTM_JF_CORRUPT, place,
			     "two parts of the journal lie on the same place");

	/* What recovery reserves again for all that lives has to fit into the ring. */
	if (sb->ring_bytes / 2 < sb->restart[0].bytes)
		return wrong(fault, KTM_JF_CORRUPT, place,
			     "the ring is smaller than twice a restart extent");

	sb->window = le64_to_cpu(d->window);
	if (sb->window < KTM_JF_WINDOW_MIN || core_mod64(sb->window, sb->unit) ||
	    sb->window > sb->ring_bytes / 4 || sb->window > KTM_JF_WINDOW_MAX)
		return wrong(fault, KTM_JF_CORRUPT, place,
			     "the largest unflushed span is below 64 KiB, above a quarter of the ring, or above 64 MiB");
	return 0;
}

static int decode_state(const struct ktm_jf_dsb *d, u64 place, struct ktm_jf_sb *sb,
			struct ktm_jf_fault *fault)
{
	sb->ring_lsn = le64_to_cpu(d->ring_lsn);
	sb->generation = le64_to_cpu(d->generation);
	sb->epoch = le64_to_cpu(d->epoch);
	sb->start_lsn = le64_to_cpu(d->start_lsn);
	sb->start_seq = le64_to_cpu(d->start_seq);
	sb->start_prev_crc = le32_to_cpu(d->start_prev_crc);
	sb->restart_index = le32_to_cpu(d->restart_index);
	sb->restart_bytes = le64_to_cpu(d->restart_bytes);
	sb->restart_crc = le32_to_cpu(d->restart_crc);
	sb->restart_lsn = le64_to_cpu(d->restart_lsn);
	sb->tail_lsn = le64_to_cpu(d->tail_lsn);

	if (!sb->ring_lsn || core_mod64(sb->ring_lsn, sb->unit) ||
	    core_mod64(sb->start_lsn, sb->unit) ||
	    sb->start_lsn < sb->ring_lsn || sb->start_lsn >= LSN_LIMIT)
		return wrong(fault, KTM_JF_CORRUPT, place,
			     "the restart point is not on a unit of the ring");
	/* Between the tail and where the log ends there is never more than the ring. */
	if (core_mod64(sb->tail_lsn, sb->unit) || sb->tail_lsn < sb->ring_lsn ||
	    sb->tail_lsn > sb->start_lsn || sb->start_lsn - sb->tail_lsn > sb->ring_bytes)
		return wrong(fault, KTM_JF_CORRUPT, place,
			     "the log's tail is not on a unit of the ring before the restart point");
	if (sb->restart_lsn < sb->start_lsn ||
	    sb->restart_lsn - sb->tail_lsn > sb->ring_bytes)
		return wrong(fault, KTM_JF_CORRUPT, place,
			     "the restart area says that it knows of what cannot be in the log");
	if (sb->start_seq >= LSN_LIMIT || sb->generation >= LSN_LIMIT)
		return wrong(fault, KTM_JF_CORRUPT, place,
			     "a counter in the superblock is out of range");
	if (!sb->epoch)
		return wrong(fault, KTM_JF_CORRUPT, place, "the superblock has no epoch");
	if (sb->restart_index > 1)
		return wrong(fault, KTM_JF_CORRUPT, place,
			     "the superblock names a restart extent that does not exist");
	if (core_mod64(sb->restart_bytes, sb->unit) || sb->restart_bytes > sb->restart[0].bytes)
		return wrong(fault, KTM_JF_CORRUPT, place,
			     "the restart area is larger than its extent, or no whole units");
	if (!sb->restart_bytes && sb->restart_crc)
		return wrong(fault, KTM_JF_CORRUPT, place,
			     "an empty restart area has a checksum");
	return 0;
}

bool ktm_jf_sb_whole(const void *blk)
{
	const struct ktm_jf_dsb *d = blk;

	return !memcmp(d->magic, KTM_JF_SB_MAGIC, sizeof(d->magic)) &&
	       le32_to_cpu(d->crc) == crc_of(d, sizeof(*d), offsetof(struct ktm_jf_dsb, crc));
}

u64 ktm_jf_signpost(const void *blk, u64 dev_bytes, u64 place)
{
	const struct ktm_jf_dsb *d = blk;
	u64 units = le64_to_cpu(d->units);
	u32 unit = le32_to_cpu(d->unit);

	if (!ktm_jf_sb_whole(blk) || le32_to_cpu(d->version) != KTM_JF_VERSION || unit != place ||
	    unit < KTM_JF_UNIT_MIN || unit > KTM_JF_UNIT_MAX || units < 3 ||
	    units > core_div64(dev_bytes, unit))
		return 0;
	return (units - 1) * unit;
}

int ktm_jf_sb_decode(const void *blk, u64 dev_bytes, u64 place, struct ktm_jf_sb *sb,
		     struct ktm_jf_fault *fault)
{
	const struct ktm_jf_dsb *d = blk;
	int err;

	memset(sb, 0, sizeof(*sb));
	if (memcmp(d->magic, KTM_JF_SB_MAGIC, sizeof(d->magic)))
		return wrong(fault, KTM_JF_NOT_JOURNAL, place, "no superblock of a journal");
	if (!ktm_jf_sb_whole(blk))
		return wrong(fault, KTM_JF_CORRUPT, place, "a superblock's checksum is wrong");

	sb->version = le32_to_cpu(d->version);
	sb->compat = le32_to_cpu(d->compat);
	sb->ro_compat = le32_to_cpu(d->ro_compat);
	sb->incompat = le32_to_cpu(d->incompat);
	if (sb->version != KTM_JF_VERSION)
		return wrong(fault, KTM_JF_UNSUPPORTED, place, "a journal of another version");
	if (sb->incompat & ~KTM_JF_INCOMPAT)
		return wrong(fault, KTM_JF_UNSUPPORTED, place,
			     "the journal has features that this version cannot read");
	memcpy(sb->uuid.b, d->uuid, sizeof(d->uuid));
	memcpy(sb->tm_guid.b, d->tm_guid, sizeof(d->tm_guid));
	sb->created = le64_to_cpu(d->created);

	err = decode_layout(d, dev_bytes, place, sb, fault);
	if (err)
		return err;
	return decode_state(d, place, sb, fault);
}

int ktm_jf_map(const struct ktm_jf_sb *sb, u64 lsn, u32 bytes, struct ktm_jf_seg *segs)
{
	u64 off = core_mod64(lsn - sb->ring_lsn, sb->ring_bytes);
	u32 i = 0;
	int n = 0;

	while (off >= sb->ring[i].bytes)
		off -= sb->ring[i++].bytes;
	while (bytes) {
		u32 len = min_t(u64, bytes, sb->ring[i].bytes - off);

		segs[n].place = sb->ring[i].start + off;
		segs[n++].bytes = len;
		bytes -= len;
		off = 0;
		i = i + 1 < sb->ring_count ? i + 1 : 0;
	}
	return n;
}

u32 ktm_jf_batch_seal(const struct ktm_jf_chain *chain, const struct ktm_jf_link *link,
		      u64 flushed_lsn, u32 used, u32 records, void *buf)
{
	struct ktm_jf_dbatch *d = buf;
	u32 bytes = ALIGN(used, chain->unit);
	u32 crc;

	memset(d, 0, sizeof(*d));
	memset((u8 *)buf + used, 0, bytes - used);
	d->magic = cpu_to_le32(KTM_JF_BATCH_MAGIC);
	memcpy(d->uuid, chain->uuid.b, sizeof(d->uuid));
	d->epoch = cpu_to_le64(chain->epoch);
	d->seq = cpu_to_le64(link->seq);
	d->lsn = cpu_to_le64(link->lsn);
	d->flushed_lsn = cpu_to_le64(flushed_lsn);
	d->bytes = cpu_to_le32(bytes);
	d->used = cpu_to_le32(used);
	d->prev_crc = cpu_to_le32(link->prev_crc);
	d->records = cpu_to_le32(records);
	d->flags = cpu_to_le32(chain->flags);
	crc = crc_of(buf, bytes, offsetof(struct ktm_jf_dbatch, crc));
	d->crc = cpu_to_le32(crc);
	return crc;
}

bool ktm_jf_batch_peek(const struct ktm_jf_chain *chain, u64 lsn, const void *head, u32 *bytes)
{
	const struct ktm_jf_dbatch *d = head;
	u32 used = le32_to_cpu(d->used);

	*bytes = le32_to_cpu(d->bytes);
	return le32_to_cpu(d->magic) == KTM_JF_BATCH_MAGIC &&
	       !memcmp(d->uuid, chain->uuid.b, sizeof(d->uuid)) &&
	       le64_to_cpu(d->epoch) == chain->epoch &&
	       le64_to_cpu(d->lsn) == lsn &&
	       le32_to_cpu(d->flags) == chain->flags &&
	       *bytes && *bytes <= KTM_JF_BATCH_MAX && !(*bytes % chain->unit) &&
	       used >= sizeof(*d) && used <= *bytes &&
	       le64_to_cpu(d->flushed_lsn) <= lsn &&
	       !core_mod64(le64_to_cpu(d->flushed_lsn), chain->unit);
}

bool ktm_jf_batch_verify(const struct ktm_jf_chain *chain, u64 lsn, const void *buf, u32 avail,
			 struct ktm_jf_batch *out)
{
	const struct ktm_jf_dbatch *d = buf;
	u32 bytes;

	if (avail < sizeof(*d) || !ktm_jf_batch_peek(chain, lsn, buf, &bytes) || bytes > avail)
		return false;
	out->crc = le32_to_cpu(d->crc);
	if (out->crc != crc_of(buf, bytes, offsetof(struct ktm_jf_dbatch, crc)))
		return false;
	out->lsn = lsn;
	out->seq = le64_to_cpu(d->seq);
	out->flushed_lsn = le64_to_cpu(d->flushed_lsn);
	out->bytes = bytes;
	out->used = le32_to_cpu(d->used);
	out->records = le32_to_cpu(d->records);
	out->prev_crc = le32_to_cpu(d->prev_crc);
	return true;
}
