// SPDX-License-Identifier: GPL-2.0
/* A device with a history on it, see journal_image.h. */
#include <stdlib.h>

#include "journal_area.h"
#include "journal_image.h"

#define UNIT	4096u

static u8 batch[KTM_JF_BATCH_MAX] __attribute__((aligned(8)));

static void put(u8 *image, const struct ktm_jf_sb *sb, u64 lsn, u32 bytes)
{
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	int n = ktm_jf_map(sb, lsn, bytes, segs);
	u32 at = 0;

	for (int i = 0; i < n; i++) {
		memcpy(image + segs[i].place, batch + at, segs[i].bytes);
		at += segs[i].bytes;
	}
}

/* All batches of the log in their order; the superblock learns what it has to know of them. */
static void put_ring(const struct jhistory *h, struct ktm_jf_sb *sb, u8 *image, u64 start)
{
	const struct ktm_jf_chain chain = { .uuid = sb->uuid, .epoch = sb->epoch, .unit = UNIT };
	struct ktm_jf_link link = { .lsn = sb->ring_lsn, .seq = 1 };
	u64 flushed = 0;
	u32 i = 0;

	while (i < h->count) {
		u32 used = KTM_JF_BATCH_HEAD, records = 0;

		link.lsn = h->recs[i].batch;
		if (link.lsn == start) {
			sb->start_seq = link.seq;
			sb->start_prev_crc = link.prev_crc;
		}
		memset(batch, 0, sizeof(batch));
		for (; i < h->count && h->recs[i].batch == link.lsn; i++, records++) {
			memcpy(batch + used, h->bytes + h->recs[i].at, h->recs[i].size);
			used += h->recs[i].size;
		}
		/* Now and then one was forced; what was not is within the window. */
		if (!flushed || link.lsn % (5 * UNIT) == 0 || link.lsn - flushed > 8 * UNIT)
			flushed = link.lsn;
		link.prev_crc = ktm_jf_batch_seal(&chain, &link, flushed, used, records, batch);
		put(image, sb, link.lsn, ALIGN(used, UNIT));
		link.lsn += ALIGN(used, UNIT);
		link.seq++;
	}
	/* Nothing was written since. */
	if (link.lsn == start) {
		sb->start_seq = link.seq;
		sb->start_prev_crc = link.prev_crc;
	}
}

static bool put_area(const struct jhistory *h, struct ktm_jf_sb *sb, u8 *image,
		     const struct jh_area *area)
{
	struct ktm_jrec rec;
	struct ktm_ja ja;
	const char *why;
	u64 place;
	u32 at, bytes;

	ktm_ja_init(&ja, sb, batch);
	for (at = 0; at < area->bytes; ) {
		bytes = ktm_jrec_decode(&rec, h->bytes + area->at + at, area->bytes - at, &why);
		if (!bytes)
			abort();
		/* Decoded, the entries of an index are as they are on a device. */
		if (rec.type == KTM_JREC_SINDEX) {
			static struct ktm_jsent entries[KTM_JF_SINDEX_MAX];

			for (u32 i = 0; i < rec.sindex.count; i++)
				entries[i] = ktm_jrec_sent(&rec, i);
			rec.sindex.entries = entries;
		}
		switch (ktm_ja_add(&ja, &rec)) {
		case 0:
			at += bytes;
			break;
		case -EAGAIN:
			bytes = ktm_ja_seal(&ja, &place);
			memcpy(image + place, batch, bytes);
			ktm_ja_written(&ja, sb);
			break;
		default:
			return false;
		}
	}
	bytes = ktm_ja_seal(&ja, &place);
	memcpy(image + place, batch, bytes);
	ktm_ja_written(&ja, sb);
	return true;
}

bool jimage_make(u64 seed, u8 *image, u32 units, u32 steps, u32 later, bool info)
{
	struct ktm_jf_params p = {
		.dev_bytes = (u64)units * UNIT, .logical = 512, .physical = UNIT,
		.uuid = { { 1, 2, 3 } }, .tm_guid = { { 4, 5, 6 } }, .epoch = seed | 1,
	};
	struct ktm_jf_fault fault;
	struct jh_area area;
	struct ktm_jf_sb sb;
	struct jhistory h;
	bool good = false, grown = seed % 5 == 3;

	memset(image, 0, p.dev_bytes);
	/* Some were made on a smaller device, which has grown. */
	if (grown && p.dev_bytes > ktm_jf_min_bytes(UNIT) + KTM_JF_WINDOW_MIN)
		p.dev_bytes = ktm_jf_min_bytes(UNIT);
	if (ktm_jf_format(&p, &sb, &fault))
		return false;
	ktm_jf_sb_encode(&sb, image + ktm_jf_signpost_place(&sb));
	/* The log may be in its first lap or in a later one. */
	jhistory_init(&h, seed, sb.ring_lsn, UNIT, info);
	h.next += (u64)rng_below(&h.rng, 200) * UNIT;
	while (steps--)
		jhistory_step(&h);
	jhistory_area(&h, &area);
	while (later--)
		jhistory_step(&h);

	sb.generation = 2;
	sb.start_lsn = area.start;
	sb.restart_lsn = area.end;
	sb.tail_lsn = area.tail / UNIT * UNIT;
	sb.restart_index = rng_below(&h.rng, 2);
	if (grown)
		ktm_jf_grow(&sb, (u64)units * UNIT, sb.tail_lsn + rng_below(&h.rng, 40) * UNIT);
	if (jhistory_close(&h) - sb.tail_lsn <= sb.ring_bytes) {
		put_ring(&h, &sb, image, area.start);
		good = put_area(&h, &sb, image, &area);
	}
	ktm_jf_sb_encode(&sb, image);
	ktm_jf_sb_encode(&sb, image + ktm_jf_sb2_place(&sb));
	jhistory_free(&h);
	return good;
}
