// SPDX-License-Identifier: GPL-2.0
/*
 * Restart areas of a running log, step by step: the writer's mark and headroom, the names of
 * streams' records, the order of what the machine asks for, and what is refused.
 */
#include <stdio.h>
#include <stdlib.h>

#include "journal_restart.h"
#include "journal_settle.h"
#include "journal_writer.h"

#define UNIT	4096u
#define NBUFS	4u

static int count, failures;
static u8 bufs[NBUFS][KTM_JF_WINDOW_MIN];
static u8 area[KTM_JF_BATCH_MAX];
static struct ktm_jf_sb sb;
static struct ktm_jw w;
static struct ktm_jr jr;

static void ok(bool good, const char *what)
{
	count++;
	failures += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", count, what);
}

static void begin(u64 units)
{
	struct ktm_jf_params p = {
		.dev_bytes = units * UNIT,
		.logical = 512,
		.physical = UNIT,
		.uuid.b = { 1 },
		.tm_guid.b = { 2 },
		.epoch = 3,
	};
	void *b[NBUFS] = { bufs[0], bufs[1], bufs[2], bufs[3] };
	struct ktm_jf_fault fault;

	if (ktm_jf_format(&p, &sb, &fault)) {
		fprintf(stderr, "format: %s\n", fault.msg);
		exit(2);
	}
	ktm_jw_init(&w, &sb, b, NBUFS, KTM_JF_WINDOW_MIN, false);
}

static struct ktm_jrec decision(u64 clock)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_DECISION,
		.decision = { .uow.b = { 7 }, .outcome = KTM_JREC_COMMIT, .clock = clock },
	};
}

static struct ktm_jrec srec(u64 name, const void *data, u32 len)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_SREC,
		.flags = name ? KTM_JREC_F_COPY : 0,
		.srec = {
			.id = 5,
			.lsn = name,
			.len = len,
			.data = data,
			.data_crc = ktm_jrec_data_crc(data, len),
		},
	};
}

static void force(void)
{
	struct ktm_jrec rec = decision(1);
	u64 lsn;

	if (ktm_jw_append(&w, &rec, 0, &lsn) || ktm_jw_want(&w, lsn)) {
		fprintf(stderr, "no room for a decision\n");
		exit(2);
	}
	jw_settle(&w);
}

/* ---- the writer ------------------------------------------------------- */

static void names(void)
{
	static const u8 data[] = "redo";
	struct ktm_jrec rec = srec(0, data, sizeof(data)), got;
	u32 bytes = ktm_jrec_size(&rec);
	const char *why;
	const u8 *p;
	u64 lsn;

	begin(256);
	ok(!ktm_jw_append(&w, &rec, 0, &lsn) && lsn == sb.start_lsn + KTM_JF_BATCH_HEAD + bytes,
	   "a stream's record ends where the writer says");
	p = ktm_jw_peek(&w, lsn - bytes, bytes);
	ok(p && ktm_jrec_decode(&got, p, bytes, &why) == bytes && got.srec.lsn == lsn &&
	   !memcmp(got.srec.data, data, sizeof(data)), "it is found in its buffer, under its name");
	ok(!ktm_jw_peek(&w, lsn - bytes, bytes + 8) && !ktm_jw_peek(&w, lsn, 8),
	   "what is not in a buffer is not found there");
	rec = srec(lsn, data, sizeof(data));
	ok(!ktm_jw_append(&w, &rec, 0, &lsn), "it is copied forward");
	p = ktm_jw_peek(&w, lsn - bytes, bytes);
	ok(p && ktm_jrec_decode(&got, p, bytes, &why) == bytes && got.srec.lsn == lsn - bytes &&
	   got.flags == KTM_JREC_F_COPY, "the copy has the old name");
	ktm_jw_want_all(&w);
	jw_settle(&w);
	ok(!ktm_jw_peek(&w, lsn - bytes, bytes), "once written it is not in a buffer any more");
}

/* Of two full buffers only one may be under way if both are more than W. */
static void window(void)
{
	static const u8 data[KTM_JF_WINDOW_MIN / 16];
	struct ktm_jrec rec = srec(0, data, sizeof(data));
	struct ktm_jw_batch *b, *second;
	u64 lsn;

	begin(128);
	while (w.closed - w.submitted < 2) {
		if (ktm_jw_append(&w, &rec, 0, &lsn)) {
			fprintf(stderr, "no room for two batches\n");
			exit(2);
		}
	}
	ok(w.next_lsn - w.flushed_lsn > sb.window, "more than W is on its way");
	ok(ktm_jw_next(&w, &b) == KTM_JW_WRITE, "the first batch is written");
	ok(ktm_jw_next(&w, &second) == KTM_JW_NOTHING, "not so the second, before a flush");
	ktm_jw_seal(&w, b);
	ktm_jw_write_done(&w, b, 0);
	ok(ktm_jw_next(&w, &second) == KTM_JW_FLUSH, "which follows the first");
	ktm_jw_flush_done(&w, 0);
	ok(ktm_jw_next(&w, &second) == KTM_JW_WRITE, "and then the second is written");
}

static void marks(void)
{
	struct ktm_jrec rec = decision(1);
	struct ktm_jf_link link;
	struct ktm_jw_batch *b;
	u64 lsn;

	begin(256);
	ok(!ktm_jw_mark(&w) && ktm_jw_marked(&w, &link) && link.lsn == sb.start_lsn &&
	   link.seq == sb.start_seq && link.prev_crc == sb.start_prev_crc,
	   "a mark right behind an opening is the opening's own restart point");
	ok(ktm_jw_mark(&w) == -EBUSY, "one mark at a time");
	ktm_jw_unmark(&w);
	ok(!ktm_jw_marked(&w, &link), "a mark that was given up is none");

	if (ktm_jw_append(&w, &rec, 0, &lsn) || ktm_jw_want(&w, lsn) ||
	    ktm_jw_next(&w, &b) != KTM_JW_WRITE)
		exit(2);
	ktm_jw_seal(&w, b);
	ok(!ktm_jw_append(&w, &rec, 0, &lsn) && !ktm_jw_mark(&w) && !ktm_jw_marked(&w, &link) &&
	   ktm_jw_end(&w) == lsn, "while the batch before it is written a mark is not known");
	ktm_jw_write_done(&w, b, 0);
	ok(ktm_jw_marked(&w, &link) && link.lsn == sb.start_lsn + UNIT &&
	   link.seq == sb.start_seq + 1 && link.prev_crc == b->crc && b->crc,
	   "then it has the checksum of that, and is where the open batch begins");
	force();
	force();
	ok(ktm_jw_marked(&w, &link) && link.lsn == sb.start_lsn + UNIT, "and stays what it is");
}

static void tickets(void)
{
	struct ktm_jw_batch *b;
	u64 first, second;

	begin(256);
	first = ktm_jw_want_flush(&w);
	ok(!ktm_jw_flushed(&w, first) && ktm_jw_next(&w, &b) == KTM_JW_FLUSH,
	   "a flush is sent though the log has nothing to flush");
	second = ktm_jw_want_flush(&w);
	ok(ktm_jw_next(&w, &b) == KTM_JW_NOTHING, "no second one while it is under way");
	ktm_jw_flush_done(&w, 0);
	ok(ktm_jw_flushed(&w, first) && !ktm_jw_flushed(&w, second),
	   "it is not one for what was written after it was sent");
	ok(ktm_jw_next(&w, &b) == KTM_JW_FLUSH, "so another one is sent");
	ktm_jw_flush_done(&w, -EIO);
	ok(!ktm_jw_flushed(&w, second) && w.err == -EIO, "which fails, and nothing was flushed");
}

/* Does the open batch, or that there is none, need nothing more for its padding? */
static bool could_end(void)
{
	const struct ktm_jw_batch *b = &w.batch[core_mod64(w.closed, w.nbufs)];

	return w.opened == w.closed || ALIGN(b->used, UNIT) <= b->credit;
}

static void space(void)
{
	static u8 data[KTM_JF_SREC_MAX];
	struct ktm_jrec plain = srec(0, data, sizeof(data)), copy = srec(8, data, sizeof(data));
	struct ktm_jrec small = srec(0, data, 8), decided = decision(1);
	struct ktm_jf_link link;
	bool due_at_first;
	int i;
	u64 lsn, end, need;
	int err;

	begin(256);
	due_at_first = ktm_jw_restart_due(&w);
	while (!(err = ktm_jw_append(&w, &plain, 0, &lsn)))
		jw_settle(&w);
	ok(err == -ENOSPC && !due_at_first && ktm_jw_restart_due(&w),
	   "the log fills up, and a restart area is due then and not before");
	need = ktm_jw_charge(UNIT, KTM_JREC_DECISION, 0) + ktm_jw_free(&w);
	ok(ktm_jw_reserve(&w, need, false) == -ENOSPC, "the headroom cannot be reserved");
	err = ktm_jw_append(&w, &copy, 0, &lsn);
	ok(!err, "a copy finds room in it");
	do {
		ktm_jw_want_all(&w);
		jw_settle(&w);
		while (!(err = ktm_jw_append(&w, &copy, 0, &lsn)))
			jw_settle(&w);
		copy.srec.len /= 2;
		copy.srec.data_crc = ktm_jrec_data_crc(data, copy.srec.len);
	} while (could_end());
	need = ktm_jw_end(&w);
	ok(err == -ENOSPC && !ktm_jw_mark(&w) && ktm_jw_end(&w) == need, "a mark needs no room");
	ok(w.opened > w.closed && ktm_jw_want_end(&w, sb.tail_lsn, false, &end) == -ENOSPC,
	   "one that gives nothing back does not get its end from the headroom");
	ok(!ktm_jw_want_end(&w, U64_MAX, false, &end) && end == need,
	   "copies leave what the end needs");
	jw_settle(&w);
	ok(w.flushed_lsn >= end && ktm_jw_marked(&w, &link) && w.next_lsn <= w.limit,
	   "all of it durable, within the ring");
	ktm_jr_init(&jr, &w.sb, sb.dev_bytes, area);
	jr.next_sb.start_lsn = link.lsn;
	jr.next_sb.tail_lsn = link.lsn;
	ktm_jw_restarted(&w, &jr.next_sb);
	ok(!ktm_jw_append(&w, &plain, 0, &lsn) && !ktm_jw_restart_due(&w) &&
	   w.limit == link.lsn + sb.ring_bytes, "the restart area gives its room back");

	/* What its records have set aside is enough, however little is free. */
	begin(256);
	copy = srec(8, data, sizeof(data));
	while (!ktm_jw_append(&w, &copy, 0, &lsn))
		jw_settle(&w);
	ok(could_end() && !ktm_jw_want(&w, lsn), "a batch that pays for its padding can be forced");
	jw_settle(&w);
	ok(w.flushed_lsn >= lsn && w.next_lsn <= w.limit, "and is durable, within the ring");

	begin(256);
	need = ktm_jw_charge(UNIT, KTM_JREC_SREC, sizeof(data)) + UNIT + KTM_JF_BATCH_HEAD;
	err = ktm_jw_reserve(&w, need, false);
	while (!ktm_jw_append(&w, &copy, 0, &lsn))
		jw_settle(&w);
	ok(!err && !ktm_jw_append(&w, &plain, need, &lsn) && !ktm_jw_want(&w, lsn),
	   "who reserved a unit besides may force, whatever is left");

	/* As votes do for their decisions, each of which may be forced alone. */
	begin(256);
	need = ktm_jw_charge(UNIT, KTM_JREC_DECISION, 0);
	err = ktm_jw_reserve(&w, 64 * need, false);
	while (!ktm_jw_append(&w, &copy, 0, &lsn) || !ktm_jw_append(&w, &small, 0, &lsn))
		jw_settle(&w);
	for (i = 0; i < 64; i++) {
		err = err ?: ktm_jw_append(&w, &decided, need, &lsn) ?: ktm_jw_want(&w, lsn);
		jw_settle(&w);
	}
	ok(!err, "who reserved for a decision may force it, whatever is left");
	ok(w.flushed_lsn >= lsn && w.next_lsn <= w.limit, "and it is durable, within the ring");

	begin(256);
	need = sb.ring_bytes / 8 * 3;
	ok(!ktm_jw_quota(&w, need, false) && ktm_jw_quota(&w, 1, false) == -ENOSPC &&
	   !ktm_jw_quota(&w, 1, true) && !ktm_jw_quota(&w, -(s64)need - 1, false) && !w.quota,
	   "quotas are three eighths of the ring together, but for what was granted before");
}

/* ---- the machine ------------------------------------------------------ */

static void order(void)
{
	struct ktm_jrec clock = { .type = KTM_JREC_CLOCK, .clock.clock = 9 };
	struct ktm_jrec none = { .type = 0x7fff };
	struct ktm_jf_link link;
	struct ktm_jf_fault fault;
	struct ktm_jf_sb read;
	u64 end;
	bool good;

	begin(256);
	force();
	if (ktm_jw_mark(&w))
		exit(2);
	force();
	ktm_jr_init(&jr, &w.sb, sb.dev_bytes, area);
	ok(ktm_jr_step(&jr) == KTM_JO_SNAPSHOT && ktm_jr_add(&jr, &none) == -EINVAL &&
	   !ktm_jr_add(&jr, &clock), "the machine wants records");
	if (ktm_jw_want_end(&w, U64_MAX, false, &end))
		exit(2);
	ktm_jr_end(&jr, end, sb.start_lsn + 5);
	good = ktm_jr_step(&jr) == KTM_JO_WRITE && jr.place == sb.restart[1].start &&
	       jr.bytes == UNIT;
	ok(good, "the area goes into the extent that is not in use");
	ktm_jr_io_done(&jr, 0);
	good = ktm_jr_step(&jr) == KTM_JO_FLUSH;
	ktm_jr_io_done(&jr, 0);
	good &= ktm_jr_step(&jr) == KTM_JO_FORCE && jr.end_lsn == end;
	ok(good, "it is flushed, then the log is forced to what it knows of");
	if (!ktm_jw_marked(&w, &link))
		exit(2);
	ktm_jr_forced(&jr, &link, w.limit, 0);
	good = ktm_jr_step(&jr) == KTM_JO_WRITE && !jr.place;
	good &= !ktm_jf_sb_decode(jr.data, sb.dev_bytes, 0, &read, &fault);
	ok(good && read.generation == sb.generation + 1 && read.epoch == sb.epoch &&
	   read.start_lsn == link.lsn && read.start_seq == link.seq &&
	   read.start_prev_crc == link.prev_crc && read.restart_lsn == end &&
	   read.tail_lsn == sb.start_lsn && read.restart_index == 1 &&
	   read.restart_bytes == UNIT && read.restart_crc,
	   "the first copy of the superblock says all of that, the tail on a unit");
	ktm_jr_io_done(&jr, 0);
	good = ktm_jr_step(&jr) == KTM_JO_FLUSH;
	ktm_jr_io_done(&jr, 0);
	good &= ktm_jr_step(&jr) == KTM_JO_WRITE && jr.place == ktm_jf_sb2_place(&sb);
	ktm_jr_io_done(&jr, 0);
	good &= ktm_jr_step(&jr) == KTM_JO_FLUSH;
	ktm_jr_io_done(&jr, 0);
	ok(good && ktm_jr_step(&jr) == KTM_JO_DONE, "then the second, and it is done");
}

static void fails(void)
{
	static const u64 far = ~0ull;
	struct ktm_jrec clock = { .type = KTM_JREC_CLOCK };
	struct ktm_jf_link link = { 0 };
	u32 n;

	begin(256);
	ktm_jr_init(&jr, &w.sb, sb.dev_bytes, area);
	ktm_jr_end(&jr, sb.start_lsn, far);
	ok(ktm_jr_step(&jr) == KTM_JO_FLUSH, "an empty area is not written");
	ktm_jr_io_done(&jr, -EIO);
	ok(ktm_jr_step(&jr) == KTM_JO_FAILED && jr.err == -EIO, "an I/O that fails ends it");
	ktm_jr_init(&jr, &w.sb, sb.dev_bytes, area);
	ktm_jr_end(&jr, sb.start_lsn, far);
	ktm_jr_io_done(&jr, 0);
	ktm_jr_forced(&jr, &link, w.limit, -EIO);
	ok(ktm_jr_step(&jr) == KTM_JO_FAILED && jr.err == -EIO, "so does a force that fails");

	ktm_jr_init(&jr, &w.sb, sb.dev_bytes, area);
	for (n = 0; !ktm_jr_add(&jr, &clock); n++)
		;
	ok(ktm_jr_add(&jr, &clock) == -ENOSPC && ktm_jr_step(&jr) == KTM_JO_SNAPSHOT &&
	   n == (sb.restart[0].bytes - KTM_JF_BATCH_HEAD) / ktm_jrec_size(&clock),
	   "an extent takes what fits and no more");

	begin(8192);
	ktm_jr_init(&jr, &w.sb, sb.dev_bytes, area);
	ok(ktm_jr_room(&jr, KTM_JF_AREA_ROOM), "there is room in an empty batch");
	while (KTM_JF_BATCH_MAX - jr.area.used >= KTM_JF_AREA_ROOM)
		if (ktm_jr_add(&jr, &clock))
			exit(2);
	ok(!ktm_jr_room(&jr, KTM_JF_AREA_ROOM) && ktm_jr_step(&jr) == KTM_JO_WRITE &&
	   ktm_jr_add(&jr, &clock) == -EAGAIN, "where it does not suffice the batch is written first");
	ktm_jr_io_done(&jr, 0);
	ok(ktm_jr_step(&jr) == KTM_JO_SNAPSHOT && ktm_jr_room(&jr, KTM_JF_AREA_ROOM) &&
	   !ktm_jr_add(&jr, &clock), "then there is");
}

/* However the walk asks for room, what was charged fits into the extent. */
static void capacity(void)
{
	static u8 info[KTM_JF_INFO_MAX];
	struct ktm_jrec rec = { .type = KTM_JREC_PREPARED, .prepared.info = info };
	bool fits = true;

	for (u32 n = 0; n < 12; n++) {
		u64 left;

		begin(2048 + n * 3000);
		ktm_jr_init(&jr, &w.sb, sb.dev_bytes, area);
		left = ktm_jf_live_capacity(&sb);
		for (u32 i = 0; fits; i++) {
			rec.prepared.info_len = (i * 7919 + n) % (KTM_JF_INFO_MAX + 1);
			if (ktm_jrec_size(&rec) > left)
				break;
			left -= ktm_jrec_size(&rec);
			if (!(i % 4) && !ktm_jr_room(&jr, KTM_JF_AREA_ROOM)) {
				ktm_jr_step(&jr);
				ktm_jr_io_done(&jr, 0);
			}
			while (ktm_jr_add(&jr, &rec) == -EAGAIN) {
				ktm_jr_step(&jr);
				ktm_jr_io_done(&jr, 0);
			}
			fits = jr.area.records;
		}
		fits &= jr.area.link.lsn + jr.area.used <= sb.restart[0].bytes;
	}
	ok(fits, "what is charged fits, however it is packed");
}

int main(void)
{
	printf("TAP version 13\n");
	names();
	window();
	marks();
	tickets();
	space();
	order();
	fails();
	capacity();
	printf("1..%d\n", count);
	printf("campaign journal_restart: tried=%d violations=%d seed=0\n", count, failures);
	return failures != 0;
}
