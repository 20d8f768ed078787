// SPDX-License-Identifier: GPL-2.0
/*
 * The journal's format, field by field: what is written is read again, and each thing
 * that can be wrong is refused with the code and the words that are its own.
 */
#include <stdio.h>
#include <stdlib.h>

#include "journal_open.h"
#include "journal_writer.h"

#define UNIT	4096u
#define BYTES	(1u << 20)

static int count, failures;
static u8 image[BYTES], saved[BYTES], buf[KTM_JF_BATCH_MAX];
static struct ktm_jo jo;
static struct ktm_jf_sb sb;
static unsigned int writes, replayed;
static bool looks_same = true;
static u64 device;

static void ok(bool good, const char *what)
{
	count++;
	failures += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", count, what);
}

static void fix_crc(void *p, u32 bytes, u32 at)
{
	u32 crc;

	memset((u8 *)p + at, 0, 4);
	crc = cpu_to_le32(~crc32c(~0u, p, bytes));
	memcpy((u8 *)p + at, &crc, 4);
}

/* Open the image (or only its first bytes) as far as it goes, without making anything durable. */
static enum ktm_jf_code run(u64 bytes, u32 sector, bool read_only)
{
	struct ktm_jo_params p = {
		.dev_bytes = bytes,
		.sector = sector,
		.epoch = 99,
		.buf = buf,
		.room = sizeof(buf),
		.read_only = read_only,
	};

	writes = 0;
	replayed = 0;
	ktm_jo_init(&jo, &p);
	for (;;) {
		switch (ktm_jo_step(&jo)) {
		case KTM_JO_READ:
			if (jo.place + jo.bytes > bytes)
				abort();
			memcpy(jo.data, image + jo.place, jo.bytes);
			ktm_jo_io_done(&jo, 0);
			break;
		case KTM_JO_WRITE:
			writes++;
			if (jo.place + jo.bytes > bytes)
				abort();
			memcpy(image + jo.place, jo.data, jo.bytes);
			ktm_jo_io_done(&jo, 0);
			break;
		case KTM_JO_FLUSH:
			writes++;
			ktm_jo_io_done(&jo, 0);
			break;
		case KTM_JO_REPLAY:
			replayed++;
			break;
		case KTM_JO_SNAPSHOT:
			ktm_jo_snap_end(&jo, U64_MAX);
			break;
		case KTM_JO_DONE:
			return KTM_JF_OK;
		case KTM_JO_FORCE:
			abort();
		case KTM_JO_FAILED:
			return jo.fault.code;
		}
	}
}

/* Looked at before, it has to tell what the opening then finds and leaves. */
static enum ktm_jf_code open_image(u64 bytes, u32 sector)
{
	enum ktm_jf_code code = run(bytes, sector, true);
	struct ktm_jf_fault fault = jo.fault;
	struct ktm_jf_sb next = jo.next_sb;
	u32 was_replayed = replayed;
	u64 tail = jo.tail;

	looks_same &= !writes;
	/* What only a reader may open is not to be compared. */
	if (code == KTM_JF_OK && jo.sb.ro_compat)
		return run(bytes, sector, false);
	looks_same &= run(bytes, sector, false) == code && !memcmp(&fault, &jo.fault, sizeof(fault)) &&
		      !memcmp(&next, &jo.next_sb, sizeof(next)) && was_replayed == replayed &&
		      tail == jo.tail;
	return code;
}

static bool refused(enum ktm_jf_code code)
{
	bool good = open_image(device, 512) == code && !writes && jo.fault.err < 0 && jo.fault.msg;

	memcpy(image, saved, sizeof(image));
	return good;
}

static struct ktm_guid guid(u8 first)
{
	struct ktm_guid g = { { first, 1, 2, 3 } };

	return g;
}

static struct ktm_jrec decision(u32 n)
{
	struct ktm_jrec rec = { .type = KTM_JREC_DECISION };

	rec.decision.uow = guid(n);
	rec.decision.outcome = KTM_JREC_COMMIT;
	rec.decision.prepared = n;
	return rec;
}

/* Three batches of one decision each, the third stating that the first two are durable. */
static void make_image(void)
{
	struct ktm_jf_params p = {
		.dev_bytes = BYTES, .logical = 512, .physical = 4096,
		.uuid = guid(1), .tm_guid = guid(2), .epoch = 42,
	};
	struct ktm_jf_fault fault;
	struct ktm_jf_chain chain;
	struct ktm_jf_link link;
	u32 i;

	memset(image, 0x5a, sizeof(image));
	if (ktm_jf_format(&p, &sb, &fault))
		abort();
	device = BYTES;
	/* A restart area of one record. */
	memset(&chain, 0, sizeof(chain));
	memset(&link, 0, sizeof(link));
	chain.uuid = sb.uuid;
	chain.epoch = sb.epoch;
	chain.unit = sb.unit;
	chain.flags = KTM_JF_BATCH_RESTART;
	{
		struct ktm_jrec rec = { .type = KTM_JREC_CLOCK, .clock.clock = 5 };
		u8 *at = image + sb.restart[0].start;
		u32 size = ktm_jrec_encode(&rec, at + KTM_JF_BATCH_HEAD, 100);

		sb.restart_crc = ktm_jf_batch_seal(&chain, &link, 0, KTM_JF_BATCH_HEAD + size, 1,
						   at);
		sb.restart_bytes = UNIT;
	}
	chain.flags = 0;
	link.lsn = sb.start_lsn;
	link.seq = sb.start_seq;
	link.prev_crc = 0;
	for (i = 0; i < 3; i++) {
		struct ktm_jrec rec = decision(i);
		struct ktm_jf_seg seg[KTM_JF_MAX_SEGS];
		u32 size;

		ktm_jf_map(&sb, link.lsn, UNIT, seg);
		size = ktm_jrec_encode(&rec, image + seg[0].place + KTM_JF_BATCH_HEAD, 100);
		link.prev_crc = ktm_jf_batch_seal(&chain, &link, i == 2 ? link.lsn : sb.start_lsn,
						  KTM_JF_BATCH_HEAD + size, 1,
						  image + seg[0].place);
		link.lsn += UNIT;
		link.seq++;
	}
	ktm_jf_sb_encode(&sb, image);
	memcpy(image + ktm_jf_sb2_place(&sb), image, KTM_JF_SB_BYTES);
	memcpy(saved, image, sizeof(image));
}

static u8 *batch_at(u32 n)
{
	return image + sb.ring[0].start + n * UNIT;
}

/* Set a field of both superblocks and make them whole. */
static void set_sb(u32 at, u32 bytes, u64 value)
{
	value = cpu_to_le64(value);
	memcpy(image + at, &value, bytes);
	fix_crc(image, KTM_JF_SB_BYTES, 8);
	memcpy(image + BYTES - UNIT, image, KTM_JF_SB_BYTES);
}

static void superblock_fields(void)
{
	static const struct {
		u32 at, bytes;
		u64 value;
		enum ktm_jf_code code;
		const char *what;
	} fields[] = {
		{ 12, 4, 1, KTM_JF_UNSUPPORTED, "another version" },
		{ 20, 4, 1, KTM_JF_UNSUPPORTED, "an unknown feature for writers" },
		{ 24, 4, 1, KTM_JF_UNSUPPORTED, "an unknown feature for readers" },
		{ 28, 4, 0, KTM_JF_CORRUPT, "unit 0" },
		{ 28, 4, 5000, KTM_JF_CORRUPT, "unit no power of two" },
		{ 28, 4, 131072, KTM_JF_CORRUPT, "unit too large" },
		{ 64, 8, 0, KTM_JF_CORRUPT, "device of no units" },
		{ 64, 8, BYTES / UNIT + 1, KTM_JF_TOO_SMALL, "a device that has shrunk" },
		{ 64, 8, ~0ull, KTM_JF_TOO_SMALL, "a size beyond all devices" },
		{ 72, 8, 0, KTM_JF_CORRUPT, "W of 0" },
		{ 72, 8, 65537, KTM_JF_CORRUPT, "W no whole units" },
		{ 72, 8, 1 << 20, KTM_JF_CORRUPT, "W above a quarter of the ring" },
		{ 88, 8, 0, KTM_JF_CORRUPT, "restart extent over the superblock" },
		{ 88, 8, ~0ull, KTM_JF_CORRUPT, "restart extent outside" },
		{ 96, 8, 0, KTM_JF_CORRUPT, "restart extent of no length" },
		{ 96, 8, 1, KTM_JF_CORRUPT, "restart extents of two sizes" },
		{ 104, 8, 1, KTM_JF_CORRUPT, "restart extents on each other" },
		{ 112, 8, ~0ull, KTM_JF_CORRUPT, "restart extent too long" },
		{ 120, 8, 0, KTM_JF_CORRUPT, "ring without a first LSN" },
		{ 120, 8, 100, KTM_JF_CORRUPT, "first LSN not on a unit" },
		{ 128, 4, 0, KTM_JF_CORRUPT, "ring without extents" },
		{ 128, 4, 17, KTM_JF_CORRUPT, "ring of too many extents" },
		{ 128, 4, 2, KTM_JF_CORRUPT, "ring with an empty extent" },
		{ 136, 8, 1, KTM_JF_CORRUPT, "ring over a restart extent" },
		{ 144, 8, 16, KTM_JF_CORRUPT, "ring too small" },
		{ 144, 8, ~0ull, KTM_JF_CORRUPT, "ring too long" },
		{ 392, 8, ~0ull, KTM_JF_CORRUPT, "generation at its end" },
		{ 400, 8, 0, KTM_JF_CORRUPT, "no epoch" },
		{ 408, 8, 0, KTM_JF_CORRUPT, "restart point before the ring" },
		{ 408, 8, 4097, KTM_JF_CORRUPT, "restart point not on a unit" },
		{ 408, 8, 1ull << 63, KTM_JF_CORRUPT, "restart point out of range" },
		{ 416, 8, ~0ull, KTM_JF_CORRUPT, "sequence number at its end" },
		{ 428, 4, 2, KTM_JF_CORRUPT, "a third restart extent" },
		{ 428, 4, 1, KTM_JF_CORRUPT, "the restart extent that is not in use" },
		{ 432, 8, 100, KTM_JF_CORRUPT, "restart area no whole units" },
		{ 432, 8, 1 << 20, KTM_JF_CORRUPT, "restart area larger than its extent" },
		{ 432, 8, 0, KTM_JF_CORRUPT, "empty restart area with a checksum" },
		{ 432, 8, 2 * UNIT, KTM_JF_CORRUPT, "restart area shorter than stated" },
		{ 440, 4, 1, KTM_JF_CORRUPT, "restart area that is not the one meant" },
	};
	char text[128];

	for (u32 i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		set_sb(fields[i].at, fields[i].bytes, fields[i].value);
		snprintf(text, sizeof(text), "superblock: %s", fields[i].what);
		ok(refused(fields[i].code), text);
	}
	set_sb(20, 4, 1);
	ok(run(device, 512, true) == KTM_JF_OK && replayed == 4 && !writes,
	   "superblock: a feature that only writers have to know does not keep a reader away");
	memcpy(image, saved, sizeof(image));
}

static void superblock_bytes(void)
{
	bool both = true, one = true;

	for (u32 at = 0; at < KTM_JF_SB_BYTES; at++) {
		image[at] ^= 0x10;
		image[BYTES - UNIT + at] ^= 0x10;
		both &= refused(at < 8 ? KTM_JF_NOT_JOURNAL : KTM_JF_CORRUPT);
		image[at % 2 ? at : BYTES - UNIT + at] ^= 0x10;
		one &= open_image(device, 512) == KTM_JF_OK && replayed == 4;
		memcpy(image, saved, sizeof(image));
	}
	ok(both, "superblock: any byte wrong in both copies is refused, nothing written");
	ok(one, "superblock: any byte wrong in one copy does no harm");
}

static void devices(void)
{
	memset(image, 0, sizeof(image));
	ok(refused(KTM_JF_NOT_JOURNAL), "an empty device is no journal");
	for (u32 i = 0; i < sizeof(image); i++)
		image[i] = i * 7 + i / 4096;
	ok(refused(KTM_JF_NOT_JOURNAL), "a foreign device is no journal");
	memset(image, 0x77, KTM_JF_SB_BYTES);
	ok(refused(KTM_JF_NOT_JOURNAL), "what something else has written over is left alone");
	image[BYTES - UNIT + 32] ^= 1;
	fix_crc(image + BYTES - UNIT, KTM_JF_SB_BYTES, 8);
	ok(refused(KTM_JF_CORRUPT), "superblocks of two journals");
	image[BYTES - UNIT + 80] ^= 1;
	fix_crc(image + BYTES - UNIT, KTM_JF_SB_BYTES, 8);
	ok(refused(KTM_JF_CORRUPT), "superblocks of one generation that differ");
	device = 4096;
	ok(refused(KTM_JF_TOO_SMALL), "a device of one unit");
	device = 0;
	ok(refused(KTM_JF_TOO_SMALL), "a device of no size");
	device = BYTES - UNIT;
	ok(refused(KTM_JF_TOO_SMALL), "a device that was cut short");
	device = BYTES;
	ok(open_image(device, 8192) == KTM_JF_UNSUPPORTED && !writes,
	   "blocks larger than the unit");
	memset(image, 0, KTM_JF_SB_BYTES);
	ok(open_image(device, 512) == KTM_JF_OK && replayed == 4, "a first copy that was wiped");
	memcpy(image, saved, sizeof(image));
}

/* Each byte of a batch: the first is known to be durable, the last is not. */
static void batch_bytes(void)
{
	bool first = true, last = true;

	for (u32 at = 0; at < UNIT; at++) {
		batch_at(0)[at] ^= 0x10;
		first &= refused(KTM_JF_CORRUPT) && jo.fault.lsn == sb.start_lsn &&
			 jo.fault.place == sb.ring[0].start;
		batch_at(2)[at] ^= 0x10;
		last &= open_image(device, 512) == KTM_JF_OK && replayed == 3 &&
			jo.tail == sb.start_lsn + 2 * UNIT;
		memcpy(image, saved, sizeof(image));
	}
	ok(first, "batch: any byte wrong where a later one says durable is damage, place named");
	ok(last, "batch: any byte wrong in the last one ends the log there");
}

static void set_batch(u8 *batch, u32 at, u32 bytes, u64 value)
{
	value = cpu_to_le64(value);
	memcpy(batch + at, &value, bytes);
}

/* What is to be written again begins at no batch: the third names the second's middle. */
static void durable_nowhere(void)
{
	u32 crc;

	memcpy(batch_at(3), batch_at(2), UNIT);
	memset(batch_at(2), 0, UNIT);
	set_batch(batch_at(1), 56, 4, 2 * UNIT);
	fix_crc(batch_at(1), 2 * UNIT, 4);
	memcpy(&crc, batch_at(1) + 4, sizeof(crc));
	set_batch(batch_at(3), 40, 8, sb.start_lsn + 3 * UNIT);
	set_batch(batch_at(3), 48, 8, sb.start_lsn + 2 * UNIT);
	set_batch(batch_at(3), 64, 4, le32_to_cpu(crc));
	fix_crc(batch_at(3), UNIT, 4);
	ok(refused(KTM_JF_CORRUPT) && jo.fault.lsn == sb.start_lsn + 2 * UNIT &&
	   jo.tail == sb.start_lsn + 4 * UNIT && jo.flushed == sb.start_lsn + 2 * UNIT,
	   "no batch begins where the log is said to be durable");
}

static void batch_fields(void)
{
	static const struct {
		u32 at, bytes;
		u64 value;
		const char *what;
	} fields[] = {
		{ 0, 4, 1, "magic" }, { 8, 4, 77, "uuid" }, { 24, 8, 43, "epoch" },
		{ 32, 8, 9, "sequence number" }, { 40, 8, 4096, "LSN of another place" },
		{ 48, 8, 1ull << 40, "flushed_lsn above its own" }, { 48, 8, 5, "flushed_lsn not on a unit" },
		{ 56, 4, 0, "length 0" }, { 56, 4, 100, "length no whole units" },
		{ 56, 4, 2 << 20, "length above 1 MiB" }, { 60, 4, 80, "less used than the head" },
		{ 60, 4, 4097, "more used than its length" }, { 64, 4, 1, "checksum of the one before" },
		{ 72, 4, 1, "flag of a restart area" },
	};
	char text[128];

	for (u32 i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		u64 v = cpu_to_le64(fields[i].value);

		memcpy(batch_at(2) + fields[i].at, &v, fields[i].bytes);
		fix_crc(batch_at(2), UNIT, 4);
		snprintf(text, sizeof(text), "batch with a right checksum: %s does not continue the log",
			 fields[i].what);
		ok(open_image(device, 512) == KTM_JF_OK && replayed == 3, text);
		memcpy(image, saved, sizeof(image));
	}
	for (u32 n = 0; n < 3; n += 2) {
		u32 v = cpu_to_le32(n);

		memcpy(batch_at(2) + 68, &v, 4);
		fix_crc(batch_at(2), UNIT, 4);
		ok(refused(KTM_JF_CORRUPT), "batch with a right checksum: a wrong number of records");
	}
}

static void record_fields(void)
{
	static const struct {
		u32 at, bytes;
		u64 value;
		const char *what;
	} fields[] = {
		{ 0, 4, 0, "length 0" }, { 0, 4, 48, "length beyond the batch" },
		{ 0, 4, 32, "length below its type's" }, { 0, 4, ~0u, "length without end" },
		{ 4, 2, 0, "type 0" }, { 4, 2, 99, "type unknown" }, { 4, 2, 4, "type of a longer one" },
		{ 6, 2, 1, "flag of another type" }, { 24, 4, 0, "outcome 0 in a decision" },
		{ 24, 4, 3, "outcome unknown" },
	};
	char text[128];

	for (u32 i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		u64 v = cpu_to_le64(fields[i].value);

		memcpy(batch_at(2) + KTM_JF_BATCH_HEAD + fields[i].at, &v, fields[i].bytes);
		fix_crc(batch_at(2), UNIT, 4);
		snprintf(text, sizeof(text), "record in a whole batch: %s is refused", fields[i].what);
		ok(refused(KTM_JF_CORRUPT), text);
	}
}

/* Encode, decode, encode: the same bytes, and none beyond the stated size. */
static void round_trips(void)
{
	static u8 info[KTM_JF_INFO_MAX], one[KTM_JF_REC_MAX + 8], two[KTM_JF_REC_MAX + 8];
	static const u32 lengths[] = { 0, 1, 7, 8, 128, 129, 16383, 16384, 16385 };
	bool same = true, refuses = true, cut = true;

	for (u32 i = 0; i < sizeof(info); i++)
		info[i] = i * 31;
	for (u16 type = 0; type < 12; type++) {
		for (u32 k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
			struct ktm_jrec rec, back;
			u32 size, var = 0;
			const char *why;

			memset(&rec, 0, sizeof(rec));
			memset(((u8 *)&rec) + offsetof(struct ktm_jrec, tx), 0x3c, sizeof(rec.tx));
			rec.type = type;
			if (type == KTM_JREC_RM) {
				rec.rm.desc = info;
				rec.rm.desc_len = var = lengths[k];
			} else if (type == KTM_JREC_PREPARED) {
				rec.prepared.info = info;
				rec.prepared.info_len = var = lengths[k];
			} else if (type == KTM_JREC_DECISION) {
				rec.decision.outcome = KTM_JREC_ABORT;
			} else if (type == KTM_JREC_TX) {
				rec.tx.outcome = KTM_JREC_UNDECIDED;
			} else if (type == KTM_JREC_COMPLETION) {
				rec.flags = KTM_JREC_F_END;
			}
			size = ktm_jrec_bytes(type, var);
			memset(one, 0xee, sizeof(one));
			if (!size) {
				refuses &= !ktm_jrec_encode(&rec, one, sizeof(one)) && one[0] == 0xee;
				continue;
			}
			refuses &= !ktm_jrec_encode(&rec, one, size - 1) && one[0] == 0xee;
			same &= ktm_jrec_encode(&rec, one, size) == size && one[size] == 0xee &&
				ktm_jrec_decode(&back, one, size, &why) == size && !why &&
				ktm_jrec_encode(&back, two, size) == size && !memcmp(one, two, size);
			cut &= !ktm_jrec_decode(&back, one, size - 1, &why) && why;
		}
	}
	ok(same, "record: every type, encoded, decoded, encoded is the same");
	ok(refuses, "record: no type, too long, too little room: nothing is encoded");
	ok(cut, "record: cut short is not decoded");
}

static void mapping(void)
{
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	struct ktm_jf_sb m = sb;
	int n;

	n = ktm_jf_map(&m, m.ring_lsn + m.ring_bytes - UNIT, 3 * UNIT, segs);
	ok(n == 2 && segs[0].place == m.ring[0].start + m.ring_bytes - UNIT && segs[0].bytes == UNIT &&
	   segs[1].place == m.ring[0].start && segs[1].bytes == 2 * UNIT, "map: around the end of the ring");
	m.ring_count = 2;
	m.ring[0].bytes = 2 * UNIT;
	m.ring[1].start = 90 * UNIT;
	m.ring[1].bytes = 3 * UNIT;
	m.ring_bytes = 5 * UNIT;
	n = ktm_jf_map(&m, m.ring_lsn + 11 * UNIT, 5 * UNIT, segs);
	ok(n == 3 && segs[0].place == m.ring[0].start + UNIT && segs[0].bytes == UNIT &&
	   segs[1].place == 90 * UNIT && segs[1].bytes == 3 * UNIT &&
	   segs[2].place == m.ring[0].start && segs[2].bytes == UNIT,
	   "map: over two extents and around");
}

static void formats(void)
{
	struct ktm_jf_params p = { .logical = 512, .epoch = 1 };
	struct ktm_jf_sb made, back;
	struct ktm_jf_fault fault;
	static u8 blk[KTM_JF_SB_BYTES];
	bool all = true, small = true;

	for (u32 unit = 4096; unit <= 65536; unit *= 2) {
		p.physical = unit;
		p.dev_bytes = ktm_jf_min_bytes(unit) - 1;
		small &= ktm_jf_format(&p, &made, &fault) == -ENOSPC && fault.code == KTM_JF_TOO_SMALL;
		for (u64 n = 0; n < 400; n++) {
			p.dev_bytes = ktm_jf_min_bytes(unit) + (n < 200 ? n * 1000 : n << 24);
			if (ktm_jf_format(&p, &made, &fault)) {
				all = false;
				continue;
			}
			ktm_jf_sb_encode(&made, blk);
			all &= !ktm_jf_sb_decode(blk, p.dev_bytes, 0, &back, &fault) &&
			       !memcmp(&made, &back, sizeof(made)) &&
			       !ktm_jf_sb_decode(blk, p.dev_bytes, ktm_jf_sb2_place(&made), &back, &fault);
		}
	}
	ok(small, "format: one byte too small is refused, for each unit");
	ok(all, "format: what it makes is a superblock, for each unit and many sizes");
	p.physical = 131072;
	ok(ktm_jf_format(&p, &made, &fault) == -EINVAL, "format: blocks that are too large");
	p.physical = 4096;
	p.dev_bytes = BYTES;
	p.restart_bytes = BYTES / 3;
	ok(ktm_jf_format(&p, &made, &fault) == -ENOSPC, "format: restart extents that are too large");
	p.restart_bytes = 0;
	p.window = 5000;
	ok(ktm_jf_format(&p, &made, &fault) == -EINVAL, "format: W that is no whole units");
}

static void writer_refusals(void)
{
	static u8 room[2][KTM_JF_WINDOW_MIN];
	void *bufs[2] = { room[0], room[1] };
	struct ktm_jrec rec = decision(1);
	struct ktm_jw_batch *b;
	struct ktm_jw w;
	u64 lsn;

	ktm_jw_init(&w, &sb, bufs, 2, KTM_JF_WINDOW_MIN, false);
	ok(ktm_jw_reserve(&w, sb.ring_bytes / 2 + 1, false) == -ENOSPC,
	   "writer: more than half the ring cannot be reserved");
	ok(ktm_jw_want(&w, sb.start_lsn + 1) == -EINVAL, "writer: nothing that was not appended");
	rec.decision.outcome = 9;
	ok(ktm_jw_append(&w, &rec, 0, &lsn) == -EINVAL, "writer: a record that is none");
	rec.decision.outcome = KTM_JREC_COMMIT;
	ok(!ktm_jw_append(&w, &rec, 0, &lsn) && !ktm_jw_want(&w, lsn) &&
	   ktm_jw_next(&w, &b) == KTM_JW_WRITE, "writer: a forced record is written");
	ktm_jw_seal(&w, b);
	ktm_jw_write_done(&w, b, -EIO);
	ok(ktm_jw_next(&w, &b) == KTM_JW_NOTHING && w.flushed_lsn == sb.start_lsn &&
	   ktm_jw_append(&w, &rec, 0, &lsn) == -EIO, "writer: after an error nothing is written or taken");
}

int main(void)
{
	printf("TAP version 13\n");
	make_image();
	ok(open_image(device, 512) == KTM_JF_OK && replayed == 4 &&
	   jo.next_sb.generation == 2 && jo.next_sb.start_lsn == sb.start_lsn + 3 * UNIT,
	   "the image as made is opened, and four records replayed");
	memcpy(image, saved, sizeof(image));
	superblock_fields();
	superblock_bytes();
	devices();
	batch_bytes();
	batch_fields();
	durable_nowhere();
	record_fields();
	round_trips();
	mapping();
	formats();
	writer_refusals();
	ok(looks_same, "read-only: all of these were told as the opening went, and nothing written");
	printf("1..%d\n", count);
	return failures != 0;
}
