// SPDX-License-Identifier: GPL-2.0
/*
 * A log that grows with its device: the new ring against the old one, the writer that waits for
 * it, restart areas and openings step by step, and finding the second superblock.
 */
#include <stdio.h>
#include <stdlib.h>

#include "journal_disk.h"
#include "journal_open.h"
#include "journal_restart.h"
#include "journal_settle.h"
#include "journal_writer.h"

#define UNIT	4096u
#define KIB	1024ull

static int count, failures;
static u8 buf[KTM_JF_BATCH_MAX];
static struct ktm_jo jo;

static void ok(bool good, const char *what)
{
	count++;
	failures += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", count, what);
}

static void format(struct ktm_jf_sb *sb, u64 bytes, u32 unit)
{
	struct ktm_jf_params p = {
		.dev_bytes = bytes, .logical = 512, .physical = unit,
		.uuid.b = { 1 }, .tm_guid.b = { 2 }, .epoch = 3,
	};
	struct ktm_jf_fault fault;

	if (ktm_jf_format(&p, sb, &fault)) {
		fprintf(stderr, "format: %s\n", fault.msg);
		exit(2);
	}
}

/* ---- the new ring ----------------------------------------------------- */

static u64 place_of(const struct ktm_jf_sb *sb, u64 lsn)
{
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];

	ktm_jf_map(sb, lsn, sb->unit, segs);
	return segs[0].place;
}

/* What has a place keeps it; each unit of the ring has one LSN; all that is new is in it. */
static bool same_log(const struct ktm_jf_sb *was, const struct ktm_jf_sb *is, u64 upto, u64 dev_bytes)
{
	static bool used[4096];
	u64 lsn, place, i, units = 0;

	memset(used, 0, sizeof(used));
	for (lsn = is->tail_lsn; lsn < upto; lsn += UNIT)
		if (place_of(was, lsn) != place_of(is, lsn))
			return false;
	for (lsn = is->tail_lsn; lsn < is->tail_lsn + is->ring_bytes; lsn += UNIT) {
		place = place_of(is, lsn);
		if (place + UNIT > dev_bytes || used[place / UNIT])
			return false;
		used[place / UNIT] = true;
	}
	for (lsn = was->tail_lsn; lsn < was->tail_lsn + was->ring_bytes; lsn += UNIT)
		if (!used[place_of(was, lsn) / UNIT])
			return false;
	for (i = 0; i < dev_bytes / UNIT; i++)
		units += used[i];
	return units * UNIT == is->ring_bytes;
}

/* Again and again, wherever the log is: until the table has no room. */
static void rings(void)
{
	bool same = true, decodes = true, full_unchanged = true;
	u32 grown = 0, refused = 0, most = 0;
	struct rng r = { 7 };
	u8 blk[KTM_JF_SB_BYTES];
	struct ktm_jf_fault fault;

	for (u32 n = 0; n < 400; n++) {
		struct ktm_jf_sb sb, was, back;
		u64 dev = 400 * KIB + rng_below(&r, 60) * UNIT;

		format(&sb, dev, UNIT);
		for (u32 k = 0; k < 40 && dev < 4000 * UNIT; k++) {
			u64 left, upto;

			dev += KTM_JF_WINDOW_MIN + rng_below(&r, 40) * UNIT;
			sb.tail_lsn += rng_below(&r, 2 * sb.ring_bytes / UNIT) * UNIT;
			sb.start_lsn = sb.tail_lsn;
			sb.restart_lsn = sb.tail_lsn;
			was = sb;
			/* Half of them hold as much as can be. */
			left = rng_percent(&r, 50) ? rng_below(&r, sb.ring_bytes / UNIT) * UNIT : 0;
			upto = sb.tail_lsn + sb.ring_bytes - left;
			if (!ktm_jf_grow(&sb, dev + rng_below(&r, UNIT), upto)) {
				full_unchanged &= !memcmp(&sb, &was, sizeof(sb));
				refused++;
				continue;
			}
			grown++;
			most = max(most, sb.ring_count);
			same &= same_log(&was, &sb, upto, dev) && !ktm_jf_growth(&sb, dev);
			ktm_jf_sb_encode(&sb, blk);
			decodes &= !ktm_jf_sb_decode(blk, dev, 0, &back, &fault) &&
				   !memcmp(&back, &sb, sizeof(sb));
		}
	}
	printf("# %u times, %u had no room in the table, %u extents at most\n", grown, refused, most);
	ok(grown > 1000 && same, "what is in the log keeps its place, all else is in the ring once");
	ok(decodes, "each is a superblock that is accepted");
	ok(refused && full_unchanged && most == KTM_JF_RING_EXTENTS,
	   "where the table has no room nothing changes");
}

static void little_in_the_log(void)
{
	struct rng r = { 9 };
	struct ktm_jf_sb sb;
	u64 dev = 512 * KIB;
	bool grows = true;
	u32 most = 0;

	format(&sb, dev, UNIT);
	for (u32 k = 0; k < 500; k++) {
		u64 span = rng_below(&r, sb.ring_bytes / UNIT / 4) * UNIT;

		dev += 64 * KIB;
		sb.tail_lsn += rng_below(&r, 2 * sb.ring_bytes / UNIT) * UNIT;
		grows &= ktm_jf_grow(&sb, dev, sb.tail_lsn + span);
		most = max(most, sb.ring_count);
	}
	printf("# %u extents at most\n", most);
	ok(grows && most < 8, "a log with little in it can always grow, its pieces become one again");
}

static void how_much(void)
{
	struct ktm_jf_sb sb, big;
	bool good;

	format(&sb, 512 * KIB, UNIT);
	format(&big, 16 << 20, 65536);
	good = !ktm_jf_growth(&sb, 512 * KIB) && !ktm_jf_growth(&sb, 300 * KIB) &&
	       !ktm_jf_growth(&sb, 576 * KIB - 1) && ktm_jf_growth(&sb, 576 * KIB) == 64 * KIB &&
	       ktm_jf_growth(&sb, 579 * KIB) == 64 * KIB && ktm_jf_growth(&sb, 580 * KIB) == 68 * KIB;
	good &= !ktm_jf_growth(&big, (16 << 20) + 65535) &&
		ktm_jf_growth(&big, (16 << 20) + 65536) == 65536;
	ok(good, "whole units, and not less than 64 KiB");
	sb.compat |= KTM_JF_COMPAT_FIXED;
	ok(!ktm_jf_growth(&sb, 4096 * KIB) && !ktm_jf_grow(&sb, 4096 * KIB, sb.tail_lsn),
	   "nothing where the journal was given a part of its device");
}

/* ---- a running log ---------------------------------------------------- */

static u8 bufs[4][KTM_JF_WINDOW_MIN];

static void settle(struct ktm_jw *w)
{
	ktm_jw_want_all(w);
	jw_settle(w);
}

/* Each record forced, until there is no room or so much has been written. */
static void append_bytes(struct ktm_jw *w, u64 bytes)
{
	struct ktm_jrec rec = { .type = KTM_JREC_SREC, .srec = { .id = 1, .len = 16000,
				.data = buf, } };
	u64 end = ktm_jw_end(w) + bytes, lsn;

	rec.srec.data_crc = ktm_jrec_data_crc(buf, 16000);
	while (ktm_jw_end(w) < end && !ktm_jw_append(w, &rec, 0, &lsn))
		settle(w);
}

static bool wants_write(struct ktm_jr *jr, u64 place)
{
	return ktm_jr_step(jr) == KTM_JO_WRITE && jr->place == place && jr->bytes == UNIT;
}

/* Up to what is asked for when the log is durable. */
static void begin_restart(struct ktm_jw *w, struct ktm_jr *jr, u64 dev, u64 *upto)
{
	struct ktm_jf_link start;
	u64 end;

	ktm_jw_mark(w);
	ktm_jr_init(jr, &w->sb, dev, buf);
	if (ktm_jw_want_end(w, U64_MAX, false, &end))
		exit(2);
	ktm_jr_end(jr, end, U64_MAX);
	while (ktm_jr_step(jr) == KTM_JO_FLUSH)
		ktm_jr_io_done(jr, 0);
	ktm_jw_marked(w, &start);
	*upto = ktm_jw_hold(w, dev, U64_MAX);
	ktm_jr_forced(jr, &start, *upto, 0);
}

/* The same ring in so many pieces, the last first. */
static void in_pieces(struct ktm_jf_sb *sb, u32 count)
{
	u64 start = sb->ring[0].start, units = sb->ring_bytes / UNIT;

	sb->ring_count = count;
	for (u32 i = count; i; i--) {
		sb->ring[i - 1].start = start;
		sb->ring[i - 1].bytes = units / i * UNIT;
		start += sb->ring[i - 1].bytes;
		units -= units / i;
	}
}

/* As nearly always: nobody is told that the log is full because it becomes larger. */
static void not_held(void)
{
	void *b[4] = { bufs[0], bufs[1], bufs[2], bufs[3] };
	u64 upto, limit, free, lsn, dev = 512 * KIB;
	bool good = true, same = true;
	struct rng r = { 5 };
	struct ktm_jf_sb sb;
	struct ktm_jw w;
	struct ktm_jr jr;

	format(&sb, dev, UNIT);
	for (u32 n = 0; n < 3; n++) {
		dev += 256 * KIB;
		ktm_jw_init(&w, &sb, b, 4, KTM_JF_WINDOW_MIN, false);
		append_bytes(&w, 40000 + rng_below(&r, 60000));
		limit = w.limit;
		free = ktm_jw_free(&w);
		begin_restart(&w, &jr, dev, &upto);
		good &= upto == limit && w.limit == limit && ktm_jw_free(&w) + UNIT >= free - UNIT;
		append_bytes(&w, U64_MAX / 2);
		good &= w.flushed_lsn + w.headroom + 50000 > limit;
		while (ktm_jr_step(&jr) != KTM_JO_DONE)
			ktm_jr_io_done(&jr, 0);
		/* Where it was written it is found. */
		for (lsn = jr.next_sb.tail_lsn; lsn < w.next_lsn; lsn += UNIT)
			same &= place_of(&sb, lsn) == place_of(&jr.next_sb, lsn);
		ktm_jw_restarted(&w, &jr.next_sb);
		good &= w.sb.ring_bytes == sb.ring_bytes + 256 * KIB;
		/* As if all of that were dead now. */
		sb = w.sb;
		sb.start_lsn = w.next_lsn;
		sb.tail_lsn = w.next_lsn;
		sb.restart_lsn = w.next_lsn;
	}
	ok(good, "while few pieces come of it the log has the room that it has");
	ok(same, "and what is written meanwhile keeps its place");
}

static void running(void)
{
	void *b[4] = { bufs[0], bufs[1], bufs[2], bufs[3] };
	u64 upto, limit, free, ring, headroom, dev = 1024 * KIB;
	struct ktm_jf_sb sb, read;
	struct ktm_jf_fault fault;
	struct ktm_jw w;
	struct ktm_jr jr;
	bool good;

	format(&sb, 512 * KIB, UNIT);
	in_pieces(&sb, 10);
	ktm_jw_init(&w, &sb, b, 4, KTM_JF_WINDOW_MIN, false);
	append_bytes(&w, 40000);
	limit = w.limit;
	headroom = w.headroom;
	ktm_jw_reserve(&w, 50000, false);
	free = ktm_jw_free(&w);
	begin_restart(&w, &jr, dev, &upto);
	ok(upto == w.limit && upto < limit && !(upto % UNIT) && ktm_jw_free(&w) < free &&
	   ktm_jw_free(&w) >= w.sb.ring_bytes / 8, "where they would be many the writer stays where it leaves most free");
	good = wants_write(&jr, dev - UNIT);
	ktm_jr_io_done(&jr, 0);
	good &= wants_write(&jr, 0) && !ktm_jf_sb_decode(jr.data, dev, 0, &read, &fault) &&
		read.ring_bytes == sb.ring_bytes + 512 * KIB && read.dev_bytes == sb.dev_bytes;
	ktm_jr_io_done(&jr, 0);
	good &= ktm_jr_step(&jr) == KTM_JO_FLUSH && w.sb.ring_bytes == sb.ring_bytes;
	ktm_jr_io_done(&jr, 0);
	good &= wants_write(&jr, ktm_jf_sb2_place(&sb));
	ktm_jr_io_done(&jr, 0);
	good &= ktm_jr_step(&jr) == KTM_JO_FLUSH && w.limit == upto;
	ktm_jr_io_done(&jr, 0);
	good &= ktm_jr_step(&jr) == KTM_JO_DONE;
	ok(good, "the device's end, the first copy, the second where it was, each flushed");
	append_bytes(&w, U64_MAX / 2);
	ok(ktm_jw_end(&w) + w.reserved <= upto, "until then nothing is written behind");
	ktm_jw_restarted(&w, &jr.next_sb);
	ring = w.sb.ring_bytes;
	ok(ring == sb.ring_bytes + 512 * KIB && w.limit == w.sb.tail_lsn + ring &&
	   w.headroom > headroom && w.headroom == ring / 8 &&
	   !ktm_jw_quota(&w, ring / 8 * 3, false) && ktm_jw_quota(&w, 1, false),
	   "then room, headroom and quotas are those of the larger ring");
	ktm_jw_unreserve(&w, 50000);
	ok(!ktm_jw_reserve(&w, ring / 3, false), "and reservations");

	/* The device only says so. */
	ktm_jw_init(&w, &sb, b, 4, KTM_JF_WINDOW_MIN, false);
	append_bytes(&w, 40000);
	begin_restart(&w, &jr, dev, &upto);
	good = wants_write(&jr, dev - UNIT);
	ktm_jr_io_done(&jr, -EIO);
	good &= wants_write(&jr, 0);
	while (ktm_jr_step(&jr) != KTM_JO_DONE)
		ktm_jr_io_done(&jr, 0);
	ktm_jw_restarted(&w, &jr.next_sb);
	ok(good && w.sb.ring_bytes == sb.ring_bytes && w.sb.ring_count == 10 &&
	   w.limit == w.sb.tail_lsn + sb.ring_bytes,
	   "where the device's end cannot be written the log goes on as it was");

	begin_restart(&w, &jr, 512 * KIB, &upto);
	ok(upto == w.sb.tail_lsn + sb.ring_bytes && wants_write(&jr, 0),
	   "where it has not grown nothing is held up, and its end is not written");
	ktm_jw_unmark(&w);
	begin_restart(&w, &jr, dev, &upto);
	ktm_jw_unmark(&w);
	ok(upto < w.limit, "a restart area that does not come about leaves no limit behind");
}

/* ---- openings --------------------------------------------------------- */

static void put(struct disk *d, const struct ktm_jf_sb *sb, bool signpost)
{
	u8 blk[KTM_JF_SB_BYTES];

	ktm_jf_sb_encode(sb, blk);
	if (signpost)
		disk_write(d, ktm_jf_signpost_place(sb), sizeof(blk), blk);
	disk_write(d, 0, sizeof(blk), blk);
	disk_write(d, ktm_jf_sb2_place(sb), sizeof(blk), blk);
	disk_flush(d);
}

/* 0, or why not; writes at @broken fail. */
static enum ktm_jf_code open_disk(struct disk *d, u64 bytes, u64 broken)
{
	struct ktm_jo_params p = {
		.dev_bytes = bytes, .sector = 512, .epoch = 9, .buf = buf, .room = sizeof(buf),
	};
	int err;

	ktm_jo_init(&jo, &p);
	for (;;) {
		switch (ktm_jo_step(&jo)) {
		case KTM_JO_READ:
			err = disk_read(d, jo.place, jo.bytes, jo.data);
			ktm_jo_io_done(&jo, err);
			break;
		case KTM_JO_WRITE:
			if (jo.place != broken)
				disk_write(d, jo.place, jo.bytes, jo.data);
			ktm_jo_io_done(&jo, jo.place == broken ? -EIO : 0);
			break;
		case KTM_JO_FLUSH:
			disk_flush(d);
			ktm_jo_io_done(&jo, 0);
			break;
		case KTM_JO_SNAPSHOT:
			ktm_jo_snap_end(&jo, U64_MAX);
			break;
		case KTM_JO_DONE:
			return KTM_JF_OK;
		default:
			return jo.fault.code;
		}
	}
}

static void lose(struct disk *d, u64 place, u32 how)
{
	u8 none[KTM_JF_SB_BYTES] = { 0 };

	if (how == 0)
		d->bad[place / SECTOR] = true;
	else if (how == 1)
		disk_write(d, place, sizeof(none), none);
	else
		d->now[place + 64] ^= 4;
	disk_flush(d);
}

static void openings(void)
{
	static const char *const ways[] = { "unreadable", "wiped", "torn" };
	char what[100];
	struct disk d, big;
	struct ktm_jf_sb sb;

	for (u32 unit = UNIT; unit <= KTM_JF_UNIT_MAX; unit *= 2) {
		bool found = true, grows = true, alone = true, twice = true;
		u64 bytes = ktm_jf_min_bytes(unit), more = bytes + 40 * unit;

		for (u32 how = 0; how < 3; how++) {
			format(&sb, bytes, unit);
			disk_init(&d, bytes);
			put(&d, &sb, true);
			disk_grow(&d, more, 0x5a);
			lose(&d, 0, how);
			found &= open_disk(&d, more, 0) == KTM_JF_IO && jo.sb2_good;
			grows &= open_disk(&d, more, U64_MAX) == KTM_JF_OK &&
				 jo.next_sb.ring_bytes == sb.ring_bytes + 40 * unit;
			/* It has grown; each copy alone, and the device is larger once more. */
			disk_grow(&d, more + 40 * unit, 0x5a);
			lose(&d, 0, how);
			alone &= open_disk(&d, more + 40 * unit, U64_MAX) == KTM_JF_OK;
			lose(&d, ktm_jf_sb2_place(&sb), how);
			lose(&d, ktm_jf_signpost_place(&sb), how);
			alone &= open_disk(&d, more + 40 * unit, U64_MAX) == KTM_JF_OK &&
				 jo.sb.ring_bytes == sb.ring_bytes + 80 * unit;
			disk_free(&d);

			/* The signpost with the first copy: as long as it has not grown. */
			disk_init(&d, bytes);
			put(&d, &sb, false);
			lose(&d, 0, how);
			disk_clone(&big, &d);
			twice &= open_disk(&d, bytes, U64_MAX) == KTM_JF_OK;
			disk_free(&d);
			disk_grow(&big, more, 0x5a);
			twice &= open_disk(&big, more, U64_MAX) != KTM_JF_OK;
			disk_free(&big);
			if (unit != UNIT)
				continue;
			snprintf(what, sizeof(what), "the first superblock %s, the device larger: "
				 "the second is found", ways[how]);
			ok(found && alone, what);
		}
		snprintf(what, sizeof(what), "unit %u: an opening grows, whatever copy is lost", unit);
		ok(found && grows && alone && twice, what);
	}
}

/* A lost signpost is mended by the next opening, whose log may then grow. */
static void mended(void)
{
	for (u32 unit = UNIT; unit <= KTM_JF_UNIT_MAX; unit *= 4) {
		u64 bytes = ktm_jf_min_bytes(unit), more = bytes + 40 * unit, after;
		bool finds = true, fails = true;
		struct ktm_jf_sb sb;
		struct disk d;
		char what[100];

		for (u32 how = 0; how < 3; how++) {
			format(&sb, bytes, unit);
			disk_init(&d, bytes);
			put(&d, &sb, true);
			lose(&d, ktm_jf_signpost_place(&sb), how);
			disk_grow(&d, more, 0x5a);
			/* Its place cannot be written: all else goes on, but nothing grows. */
			fails &= open_disk(&d, more, ktm_jf_signpost_place(&sb)) == KTM_JF_OK &&
				 jo.post == KTM_JO_POST_BAD && jo.next_sb.stays &&
				 jo.next_sb.ring_bytes == sb.ring_bytes &&
				 !ktm_jf_growth(&jo.next_sb, more);
			finds &= open_disk(&d, more, U64_MAX) == KTM_JF_OK &&
				 jo.post == KTM_JO_POST_LOST && !jo.next_sb.stays &&
				 jo.next_sb.ring_bytes == sb.ring_bytes + 40 * unit;
			after = d.writes;
			lose(&d, 0, how);
			finds &= open_disk(&d, more, U64_MAX) == KTM_JF_OK &&
				 jo.post == KTM_JO_POST_GOOD && jo.sb2_good && !jo.sb1_good &&
				 jo.sb.ring_bytes == sb.ring_bytes + 40 * unit && d.writes > after;
			disk_free(&d);
		}
		snprintf(what, sizeof(what),
			 "unit %u: a signpost that is lost is there again before the log grows", unit);
		ok(finds, what);
		snprintf(what, sizeof(what),
			 "unit %u: where it cannot be written the log is opened and does not grow",
			 unit);
		ok(fails, what);
	}
}

/* Of the steps of an opening: both copies are durable before it is touched, and nothing new is. */
static void mended_in_turn(void)
{
	static const char *const wanted = "W0 F W2 F Ws F F We W0 F W2 F ";
	struct ktm_jo_params p = {
		.dev_bytes = 768 * KIB, .sector = 512, .epoch = 9, .buf = buf, .room = sizeof(buf),
	};
	const struct ktm_guid other = { { 7 } };
	char steps[100] = "", renaming[100] = "";
	struct ktm_jf_sb sb;
	struct disk d;

	format(&sb, 512 * KIB, UNIT);
	for (u32 n = 0; n < 2; n++) {
		char *to = n ? renaming : steps;
		enum ktm_jo_want want;

		disk_init(&d, 512 * KIB);
		put(&d, &sb, false);
		disk_grow(&d, 768 * KIB, 0x5a);
		p.rename = n ? &other : NULL;
		ktm_jo_init(&jo, &p);
		while ((want = ktm_jo_step(&jo)) != KTM_JO_DONE && want != KTM_JO_FAILED) {
			if (want == KTM_JO_SNAPSHOT) {
				ktm_jo_snap_end(&jo, U64_MAX);
				continue;
			}
			if (want == KTM_JO_WRITE)
				strcat(to, jo.place == 0 ? "W0 " : jo.place == UNIT ? "Ws " :
					   jo.place == ktm_jf_sb2_place(&sb) ? "W2 " : "We ");
			else if (want == KTM_JO_FLUSH)
				strcat(to, "F ");
			ktm_jo_io_done(&jo, want != KTM_JO_READ ? 0 :
				       disk_read(&d, jo.place, jo.bytes, jo.data));
		}
		disk_free(&d);
	}
	printf("# %s; renaming: %s\n", steps, renaming);
	ok(!strcmp(steps, wanted), "it is written between the two times that the copies are");
	ok(!strcmp(renaming, "W0 F W2 F Ws F W0 F W2 F "), "when the journal is renamed, too");
}

/* As one that was made before there were signposts: a restart extent begins there. */
static void no_place(void)
{
	u64 bytes = 512 * KIB, more = 768 * KIB;
	struct ktm_jf_sb sb;
	struct disk d;
	u32 before;

	format(&sb, bytes, UNIT);
	sb.restart[0].start -= UNIT;
	sb.restart[1].start -= UNIT;
	disk_init(&d, bytes);
	put(&d, &sb, false);
	disk_grow(&d, more, 0x5a);
	before = d.writes;
	ok(open_disk(&d, more, UNIT) == KTM_JF_OK && jo.post == KTM_JO_POST_NO_PLACE &&
	   jo.next_sb.stays && jo.next_sb.ring_bytes == sb.ring_bytes && d.writes > before,
	   "a journal that has no place for a signpost is opened and does not grow");
	disk_free(&d);
}

static void at_openings(void)
{
	u64 bytes = 512 * KIB, more = 768 * KIB;
	struct ktm_jf_sb sb;
	struct disk d;
	u32 writes;

	format(&sb, bytes, UNIT);
	disk_init(&d, bytes);
	put(&d, &sb, true);
	disk_grow(&d, more, 0x5a);
	ok(open_disk(&d, more, more - UNIT) == KTM_JF_OK &&
	   jo.next_sb.ring_bytes == sb.ring_bytes, "an end that cannot be written is left alone");
	ok(open_disk(&d, more, U64_MAX) == KTM_JF_OK &&
	   jo.next_sb.ring_bytes == sb.ring_bytes + 256 * KIB, "another opening tries again");
	writes = d.writes;
	ok(open_disk(&d, more - UNIT, U64_MAX) == KTM_JF_TOO_SMALL && jo.fault.err == -ENOSPC &&
	   open_disk(&d, bytes, U64_MAX) == KTM_JF_TOO_SMALL &&
	   open_disk(&d, bytes - UNIT, U64_MAX) == KTM_JF_TOO_SMALL && d.writes == writes,
	   "a device that has shrunk is refused, and nothing is written");
	ok(open_disk(&d, more, U64_MAX) == KTM_JF_OK, "with its size back it can be opened");
	disk_free(&d);
}

static void signposts(void)
{
	u8 blk[KTM_JF_SB_BYTES], odd[KTM_JF_SB_BYTES];
	struct ktm_jf_sb sb;
	u64 place;
	bool good;

	format(&sb, 512 * KIB, UNIT);
	ktm_jf_sb_encode(&sb, blk);
	place = ktm_jf_sb2_place(&sb);
	good = ktm_jf_signpost(blk, 512 * KIB, UNIT) == place &&
	       ktm_jf_signpost(blk, 4096 * KIB, UNIT) == place;
	good &= !ktm_jf_signpost(blk, 508 * KIB, UNIT) && !ktm_jf_signpost(blk, 512 * KIB, 2 * UNIT);
	memcpy(odd, blk, sizeof(odd));
	odd[3000] ^= 1;
	good &= !ktm_jf_signpost(odd, 512 * KIB, UNIT);
	sb.version++;
	ktm_jf_sb_encode(&sb, odd);
	good &= !ktm_jf_signpost(odd, 512 * KIB, UNIT);
	memset(odd, 0, sizeof(odd));
	good &= !ktm_jf_signpost(odd, 512 * KIB, UNIT);
	ok(good, "a signpost is one of its unit, whole, and of a device that is no larger");
}

int main(void)
{
	printf("TAP version 13\n");
	rings();
	little_in_the_log();
	how_much();
	not_held();
	running();
	signposts();
	openings();
	mended();
	mended_in_turn();
	no_place();
	at_openings();
	printf("1..%d\n", count);
	printf("campaign journal_grow: tried=%d violations=%d seed=0\n", count, failures);
	return failures != 0;
}
