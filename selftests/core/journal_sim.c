// SPDX-License-Identifier: GPL-2.0
/*
 * A transaction manager in miniature, see journal_sim.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal_sim.h"

unsigned long jsim_violations;
bool jsim_quiet;
struct ktm_jo jsim_jo;

#define MAX_IOS		5000

static u8 open_buf[KTM_JF_BATCH_MAX];

void jsim_violation(struct jsim *s, const char *fmt, ...)
{
	va_list ap;

	jsim_violations++;
	s->failed = true;
	if (jsim_quiet || jsim_violations > 20)
		return;
	printf("# violation: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

u64 jsim_hash(u64 h, const void *data, size_t len)
{
	const u8 *p = data;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h ^ h >> 29;
}

u64 jsim_mix(u64 a, u64 b)
{
	struct rng r = { a * 0x9e3779b97f4a7c15ull + b };

	return rng_next(&r);
}

struct ktm_guid jsim_guid(u64 a, u64 b)
{
	struct ktm_guid g;

	memcpy(g.b, &a, 8);
	memcpy(g.b + 8, &b, 8);
	return g;
}

/* ---- life ------------------------------------------------------------- */

void jsim_habits(struct jsim *s)
{
	s->fua = rng_percent(&s->rng, 50);
	/* Some force nearly all, some let batches fill up. */
	s->force_percent = rng_percent(&s->rng, 60) ? 80 : 1 + rng_below(&s->rng, 6);
	s->big_percent = rng_percent(&s->rng, 60) ? 15 : 70;
	s->stream_percent = rng_percent(&s->rng, 30) ? 0 : 10 + rng_below(&s->rng, 60);
	s->restarts = rng_percent(&s->rng, 75);
	s->lazy = rng_percent(&s->rng, 30);
	s->growing = rng_percent(&s->rng, 60);
}

/* The device was as large before: what it has gained holds old parts of this very journal. */
static void old_content(struct jsim *s, u64 had)
{
	const u64 units = core_div64(had, s->unit);
	u64 to = had - core_mod64(had, s->unit), from, bytes;

	/* The superblocks and the signpost have their places. */
	for (; to < s->disk.bytes; to += bytes) {
		from = (2 + rng_below(&s->rng, units - 2)) * s->unit;
		bytes = (1 + rng_below(&s->rng, 8)) * (u64)s->unit;
		bytes = min(bytes, min(s->disk.bytes - to, units * s->unit - from));
		if (to >= had) {
			memcpy(s->disk.now + to, s->disk.now + from, bytes);
			memcpy(s->disk.durable + to, s->disk.now + from, bytes);
		}
	}
}

void jsim_grow(struct jsim *s)
{
	u64 more = rng_percent(&s->rng, 20) ? rng_below(&s->rng, 2 * s->unit) :
		   rng_below(&s->rng, 3 * KTM_JF_WINDOW_MIN);
	u64 bytes = (s->disk.bytes + more) / SECTOR * SECTOR;

	u64 had = s->disk.bytes;

	if (!s->growing || bytes > s->most_bytes)
		return;
	disk_grow(&s->disk, bytes, rng_next(&s->rng));
	if (rng_percent(&s->rng, 50))
		old_content(s, had);
}

/* A ring of several extents, out of order, as one that has grown may be. */
static void split_ring(struct jsim *s, struct ktm_jf_sb *sb)
{
	u64 units = sb->ring_bytes / sb->unit, at = sb->ring[0].start;

	sb->ring_count = 2 + rng_below(&s->rng, 10);
	for (u32 i = 0; i < sb->ring_count; i++) {
		u64 share = i + 1 < sb->ring_count ?
			    1 + rng_below(&s->rng, units / 2) : units;

		/* The one behind comes before the others. */
		memmove(&sb->ring[1], &sb->ring[0], i * sizeof(sb->ring[0]));
		sb->ring[0].start = at;
		sb->ring[0].bytes = share * sb->unit;
		at += share * sb->unit;
		units -= share;
	}
}

void jsim_init(struct jsim *s, u64 seed, u32 unit, u64 units)
{
	struct ktm_jf_params p = { .dev_bytes = units * unit, .logical = 512, .physical = unit };
	struct ktm_jf_fault fault;
	struct ktm_jf_sb sb;
	u8 blk[KTM_JF_SB_BYTES];

	memset(s, 0, sizeof(*s));
	s->rng.s = seed;
	s->unit = unit;
	jsim_habits(s);
	disk_init(&s->disk, units * unit);
	/* What was on the device before. */
	for (u64 i = 0; i < s->disk.bytes; i += 512)
		memset(s->disk.now + i, (int)rng_next(&s->rng), 512);
	memcpy(s->disk.durable, s->disk.now, s->disk.bytes);

	p.uuid = jsim_guid(rng_next(&s->rng), seed);
	p.tm_guid = jsim_guid(seed, 5);
	s->names[s->nr_names++] = p.tm_guid;
	p.epoch = s->last_epoch = rng_next(&s->rng) | 1;
	if (ktm_jf_format(&p, &sb, &fault)) {
		fprintf(stderr, "format: %s\n", fault.msg);
		exit(2);
	}
	if (rng_percent(&s->rng, 40))
		split_ring(s, &sb);
	ktm_jf_sb_encode(&sb, blk);
	s->sb2_place = ktm_jf_sb2_place(&sb);
	s->most_bytes = s->disk.bytes * 2;
	disk_write(&s->disk, ktm_jf_signpost_place(&sb), sizeof(blk), blk);
	disk_write(&s->disk, 0, sizeof(blk), blk);
	disk_write(&s->disk, s->sb2_place, sizeof(blk), blk);
	disk_flush(&s->disk);
}

void jsim_free(struct jsim *s)
{
	disk_free(&s->disk);
}

void jsim_clone(struct jsim *to, const struct jsim *from)
{
	/* The long arrays as far as they are used, the rest as it is. */
	memcpy(to->history, from->history, from->appended * sizeof(u64));
	memcpy(to->digest, from->digest, (from->appended + 1) * sizeof(u64));
	memcpy(to->lsn, from->lsn, from->appended * sizeof(u64));
	disk_clone(&to->disk, &from->disk);
	to->rng.s = jsim_mix(from->rng.s, from->disk.writes + from->nonce);
	to->nonce = from->nonce;
	to->unit = from->unit;
	to->fua = from->fua;
	to->force_percent = from->force_percent;
	to->big_percent = from->big_percent;
	to->stream_percent = from->stream_percent;
	to->restarts = from->restarts;
	to->lazy = from->lazy;
	to->growing = from->growing;
	to->most_bytes = from->most_bytes;
	to->sb2_place = from->sb2_place;
	to->grown[0] = 0;
	to->grown[1] = 0;
	to->appended = from->appended;
	to->acked = from->acked;
	to->last_epoch = from->last_epoch;
	memcpy(to->names, from->names, sizeof(to->names));
	to->nr_names = from->nr_names;
	to->online = false;
	to->in_flight = 0;
	to->restart.phase = JSIM_R_OFF;
	to->starved = false;
	to->one_superblock = false;
	to->no_signpost = false;
	to->damaged = false;
	to->failed = false;
	to->boundary = NULL;
	to->restart_boundary = NULL;
}

/* ---- recovery --------------------------------------------------------- */

struct replayed {
	struct jsim_state state;
	u64 next;		/* index in the history of the record that has to come next */
	bool in_ring;
	const char *why;
};

u64 jsim_count(const struct jsim *s, u64 lsn)
{
	u64 low = 0, high = s->appended;

	while (low < high) {
		u64 middle = low + (high - low) / 2;

		if (s->lsn[middle] <= lsn)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void replay(struct jsim *s, struct replayed *r, const struct ktm_jrec *rec)
{
	static u8 buf[KTM_JF_REC_MAX];
	u32 size;

	if (r->why)
		return;
	if (rec->lsn && !r->in_ring) {
		r->in_ring = true;
		r->next = jsim_count(s, jsim_jo.sb.start_lsn);
	}
	if (r->in_ring) {
		size = ktm_jrec_encode(rec, buf, sizeof(buf));
		if (r->next >= s->appended || s->lsn[r->next] != rec->lsn ||
		    jsim_hash(1, buf, size) != s->history[r->next]) {
			r->why = "a record that was not appended at this place";
			return;
		}
		r->next++;
	}
	r->why = jsim_apply(&r->state, rec);
}

/* What was read is what lived, and from now on it is what was told. */
static bool found(struct jsim *s, struct replayed *r)
{
	u64 count = jsim_count(s, jsim_jo.tail);

	if (!r->why && ktm_jp_end(&r->state.jp, jsim_jo.tail))
		r->why = r->state.jp.why;
	if (!r->why && r->in_ring && r->next != count)
		r->why = "the log ends behind a record that was not read";
	if (!r->why && count < s->acked)
		r->why = "what was durable or had been reported is gone";
	if (!r->why && jsim_state_digest(&r->state) != s->digest[count])
		r->why = "what lives is not what lived";
	if (r->why) {
		jsim_violation(s, "%s (%llu records, %llu were known to be durable)", r->why,
			       (unsigned long long)count, (unsigned long long)s->acked);
		return false;
	}
	if (!s->damaged)
		jsim_check_streams(s, &jsim_jo.sb, &r->state);
	s->state = r->state;
	/* What is appended from now on is held to the strict rules. */
	s->state.jp.end = 0;
	s->appended = s->acked = count;
	return !s->failed;
}

/* What has been read cannot be lost any more: of a long history only the end is kept. */
static void forget(struct jsim *s)
{
	u64 drop = s->appended - 1000;

	if (s->appended < MAX_HISTORY / 2)
		return;
	memmove(s->history, s->history + drop, 1000 * sizeof(u64));
	memmove(s->lsn, s->lsn + drop, 1000 * sizeof(u64));
	memmove(s->digest, s->digest + drop, 1001 * sizeof(u64));
	s->appended = s->acked = 1000;
}

static void online(struct jsim *s)
{
	void *bufs[4] = { s->bufs[0], s->bufs[1], s->bufs[2], s->bufs[3] };

	s->last_epoch = jsim_jo.new_epoch;
	ktm_jw_init(&s->w, &jsim_jo.next_sb, bufs, 4,
		    rng_percent(&s->rng, 60) ? KTM_JF_WINDOW_MIN : KTM_JW_BUF_BYTES, s->fua);
	jsim_reserve_again(s);
	forget(s);
	s->in_flight = 0;
	s->restart.phase = JSIM_R_OFF;
	s->starved = false;
	s->one_superblock = false;
	s->old_sb = jsim_jo.sb;
	s->grown[0] += jsim_jo.next_sb.ring_bytes > jsim_jo.sb.ring_bytes;
	s->opened = true;
	s->online = true;
	/* In the ring as it is now. */
	if (!s->damaged)
		jsim_check_streams(s, &s->w.sb, &s->state);
}

static bool do_io(struct jsim *s, enum ktm_jo_want want, enum jsim_stop stop, bool here, int *err)
{
	*err = 0;
	switch (want) {
	case KTM_JO_READ:
		*err = disk_read(&s->disk, jsim_jo.place, jsim_jo.bytes, jsim_jo.data);
		if (here && stop == STOP_ERROR)
			*err = -EIO;
		break;
	case KTM_JO_WRITE:
		if (here) {
			disk_write_begin(&s->disk, jsim_jo.place, jsim_jo.bytes, jsim_jo.data, false);
			*err = -EIO;
			break;
		}
		disk_write(&s->disk, jsim_jo.place, jsim_jo.bytes, jsim_jo.data);
		break;
	default:
		disk_flush_begin(&s->disk);
		if (here && stop == STOP_ERROR) {
			disk_flush_fail(&s->disk, &s->rng, rng_percent(&s->rng, 30));
			*err = -EIO;
		} else if (!here) {
			disk_flush_end(&s->disk);
		}
		break;
	}
	return !(here && stop == STOP_CRASH);
}

/* The owner that the disk names is one that it may have; from now on it is the only one. */
static void settle_name(struct jsim *s)
{
	for (u32 i = 0; i < s->nr_names; i++) {
		if (memcmp(&s->names[i], &jsim_jo.sb.tm_guid, sizeof(s->names[i])))
			continue;
		s->names[0] = s->names[i];
		s->nr_names = 1;
		return;
	}
	jsim_violation(s, "the journal belongs to a TM that it was not given to");
}

enum jsim_recovery jsim_rename(struct jsim *s, enum jsim_stop stop, u32 at, u32 *ios,
			       struct ktm_jf_fault *fault)
{
	struct ktm_guid name = jsim_guid(rng_next(&s->rng), 5);
	struct ktm_jo_params p = {
		.dev_bytes = s->disk.bytes,
		.sector = 512,
		.rename = &name,
		.buf = open_buf,
		.room = sizeof(open_buf),
	};
	u32 io = 0;
	int err;

	s->online = false;
	if (s->nr_names < MAX_NAMES)
		s->names[s->nr_names++] = name;
	ktm_jo_init(&jsim_jo, &p);
	for (;;) {
		enum ktm_jo_want want = ktm_jo_step(&jsim_jo);

		if (ios)
			*ios = io;
		switch (want) {
		case KTM_JO_READ:
		case KTM_JO_WRITE:
		case KTM_JO_FLUSH:
			if (!do_io(s, want, stop, stop != STOP_NEVER && io == at, &err))
				return STOPPED;
			ktm_jo_io_done(&jsim_jo, err);
			io++;
			break;
		case KTM_JO_FORCE:
		case KTM_JO_REPLAY:
		case KTM_JO_SNAPSHOT:
			jsim_violation(s, "renaming reads the log");
			return STOPPED;
		case KTM_JO_DONE:
			settle_name(s);
			s->names[0] = name;
			return RECOVERED;
		case KTM_JO_FAILED:
			*fault = jsim_jo.fault;
			return jsim_jo.fault.code == KTM_JF_IO ? IO_FAILED : REFUSED;
		}
	}
}

enum jsim_recovery jsim_recover(struct jsim *s, enum jsim_stop stop, u32 at, u32 *ios,
			      struct ktm_jf_fault *fault)
{
	struct ktm_jo_params p = {
		.sector = 512,
		/* Even a source of random numbers that repeats itself must do no harm. */
		.epoch = rng_percent(&s->rng, 20) ? s->last_epoch : rng_next(&s->rng) | 1,
		.buf = open_buf,
		.room = sizeof(open_buf),
	};
	static struct replayed r;
	static struct jsim_walk walk;
	struct ktm_jrec rec;
	bool again = false, replaying = false;
	u32 io = 0;
	int err;

	s->online = false;
	if (rng_percent(&s->rng, 50))
		jsim_grow(s);
	p.dev_bytes = s->disk.bytes;
	memset(&r, 0, sizeof(r));
	memset(&walk, 0, sizeof(walk));
	walk.presume = true;
	walk.since = U64_MAX;
	walk.tail = U64_MAX;
	ktm_jo_init(&jsim_jo, &p);
	for (;;) {
		enum ktm_jo_want want = ktm_jo_step(&jsim_jo);

		if (ios)
			*ios = io;
		if (io > MAX_IOS) {
			jsim_violation(s, "the opening does not end");
			return STOPPED;
		}
		switch (want) {
		case KTM_JO_READ:
		case KTM_JO_WRITE:
		case KTM_JO_FLUSH:
			if (!do_io(s, want, stop, (stop == STOP_CRASH || stop == STOP_ERROR) &&
						  io == at, &err))
				return STOPPED;
			ktm_jo_io_done(&jsim_jo, err);
			io++;
			break;
		case KTM_JO_REPLAY:
			if (!replaying)
				ktm_jp_init(&r.state.jp, &jsim_jo.sb);
			replaying = true;
			replay(s, &r, &jsim_jo.rec);
			break;
		case KTM_JO_SNAPSHOT:
			if (stop == STOP_READ) {
				ktm_jo_stop(&jsim_jo);
				break;
			}
			for (err = 0; again || jsim_walk_next(&walk, &r.state, &rec);) {
				err = ktm_jo_snap_add(&jsim_jo, &rec);
				again = err == -EAGAIN;
				if (err)
					break;
			}
			if (err == -EAGAIN)
				break;
			if (err)
				ktm_jo_refuse(&jsim_jo, err);
			else
				ktm_jo_snap_end(&jsim_jo, walk.tail);
			break;
		case KTM_JO_FORCE:
			jsim_violation(s, "an opening forces a log that takes nothing");
			return STOPPED;
		case KTM_JO_DONE:
			if (found(s, &r) && stop != STOP_READ)
				online(s);
			settle_name(s);
			return RECOVERED;
		case KTM_JO_FAILED:
			*fault = jsim_jo.fault;
			return jsim_jo.fault.code == KTM_JF_IO ? IO_FAILED : REFUSED;
		}
	}
}

void jsim_check_tail(struct jsim *s)
{
	struct ktm_jf_batch b;
	struct ktm_jf_scan scan;
	const u8 *data;
	struct disk d;

	disk_clone(&d, &s->disk);
	disk_crash(&d, &s->rng, CRASH_LOSE_ALL, false);
	ktm_jf_scan_ring(&scan, &jsim_jo.sb, open_buf, sizeof(open_buf));
	while (scan.link.lsn < jsim_jo.tail) {
		enum ktm_jf_found found = ktm_jf_scan_at(&scan, scan.link.lsn, &b, &data);

		if (found == KTM_JF_NEED_READ) {
			ktm_jf_scan_read_done(&scan, disk_read(&d, scan.place, scan.want,
							       ktm_jf_scan_to(&scan)));
			continue;
		}
		if (found == KTM_JF_NOTHING || !ktm_jf_scan_accept(&scan, &b)) {
			jsim_violation(s, "what recovery read from the ring was not made durable");
			break;
		}
	}
	disk_free(&d);
}

/* ---- the writer's I/O ------------------------------------------------- */

void jsim_at_boundary(struct jsim *s)
{
	/* Of what both superblocks still need nothing may be written over. */
	if (s->w.next_lsn + s->w.reserved > s->w.sb.tail_lsn + s->w.sb.ring_bytes)
		jsim_violation(s, "more is written and reserved than the ring holds");
	if (s->w.submitted_lsn - s->w.flushed_lsn > s->w.sb.window)
		jsim_violation(s, "more than W is unflushed");
	if (s->boundary)
		s->boundary(s);
}

void jsim_pump(struct jsim *s)
{
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	struct ktm_jw_batch *b;

	for (;;) {
		struct jsim_io *io = &s->flight[s->in_flight];
		u32 off = 0;

		switch (ktm_jw_next(&s->w, &b)) {
		case KTM_JW_NOTHING:
			return;
		case KTM_JW_WRITE:
			ktm_jw_seal(&s->w, b);
			io->batch = b;
			io->nids = ktm_jf_map(&s->w.sb, b->lsn, b->bytes, segs);
			for (u32 i = 0; i < io->nids; i++) {
				io->ids[i] = disk_write_begin(&s->disk, segs[i].place,
							      segs[i].bytes, b->data + off,
							      b->fua);
				off += segs[i].bytes;
			}
			break;
		case KTM_JW_FLUSH:
			io->batch = NULL;
			disk_flush_begin(&s->disk);
			break;
		}
		s->in_flight++;
		jsim_at_boundary(s);
	}
}

static void learn_durable(struct jsim *s)
{
	while (s->acked < s->appended && s->lsn[s->acked] <= s->w.flushed_lsn)
		s->acked++;
}

static void end_one(struct jsim *s, u32 n, bool fail)
{
	struct jsim_io io = s->flight[n];

	memmove(&s->flight[n], &s->flight[n + 1], (s->in_flight - n - 1) * sizeof(io));
	s->in_flight--;
	if (!io.batch) {
		if (fail)
			disk_flush_fail(&s->disk, &s->rng, rng_percent(&s->rng, 30));
		else
			disk_flush_end(&s->disk);
		ktm_jw_flush_done(&s->w, fail ? -EIO : 0);
	} else {
		/* A write that fails leaves anything on the medium: it stays pending. */
		for (u32 i = 0; i < io.nids && !fail; i++)
			disk_write_end(&s->disk, io.ids[i]);
		ktm_jw_write_done(&s->w, io.batch, fail ? -EIO : 0);
	}
	learn_durable(s);
	jsim_at_boundary(s);
}

void jsim_end_one(struct jsim *s)
{
	if (s->in_flight)
		end_one(s, rng_below(&s->rng, s->in_flight), false);
}

void jsim_drain(struct jsim *s, bool fail)
{
	jsim_restart_drain(s, fail && rng_percent(&s->rng, 50));
	while (s->in_flight)
		end_one(s, rng_below(&s->rng, s->in_flight), fail && rng_percent(&s->rng, 50));
}

void jsim_sync(struct jsim *s)
{
	while (s->restart.phase != JSIM_R_OFF && !s->failed && !s->w.err)
		jsim_restart_step(s);
	ktm_jw_want_all(&s->w);
	do {
		jsim_pump(s);
		jsim_drain(s, false);
	} while (!s->w.err && s->w.flushed_lsn < s->w.want_lsn);
}
