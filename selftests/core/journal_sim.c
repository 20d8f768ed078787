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

static u64 hash(u64 h, const void *data, size_t len)
{
	const u8 *p = data;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h ^ h >> 29;
}

static u64 mix(u64 a, u64 b)
{
	struct rng r = { a * 0x9e3779b97f4a7c15ull + b };

	return rng_next(&r);
}

static struct ktm_guid guid(u64 a, u64 b)
{
	struct ktm_guid g;

	memcpy(g.b, &a, 8);
	memcpy(g.b + 8, &b, 8);
	return g;
}

static u64 guid_half(const struct ktm_guid *g, int half)
{
	u64 v;

	memcpy(&v, g->b + 8 * half, 8);
	return v;
}

/* ---- what lives ------------------------------------------------------- */

static u64 state_digest(const struct jsim_state *st)
{
	u64 sum = 0;

	for (int i = 0; i < MAX_TX; i++) {
		const struct jsim_tx *tx = &st->tx[i];
		u64 h;

		if (!tx->id || (!tx->prepared && !tx->outcome))
			continue;
		h = mix(tx->id, tx->outcome);
		for (u32 k = 0; k < MAX_ENL; k++)
			if (tx->key[k] && !tx->done[k])
				h += mix(tx->key[k], k * 100000 + tx->info_len[k]);
		sum += mix(h, 1);
	}
	for (int i = 0; i < MAX_RM; i++)
		if (st->rm[i])
			sum += mix(st->rm[i], 2);
	return sum;
}

static struct jsim_tx *find_tx(struct jsim_state *st, u64 id)
{
	for (int i = 0; i < MAX_TX; i++)
		if (st->tx[i].id == id)
			return &st->tx[i];
	return NULL;
}

/* Apply a record to what lives; a sentence if it does not fit. */
static const char *apply(struct jsim_state *st, const struct ktm_jrec *rec)
{
	struct jsim_tx *tx;
	u64 k;

	switch (rec->type) {
	case KTM_JREC_CLOCK:
		st->count = rec->clock.clock;
		return NULL;
	case KTM_JREC_RM:
		for (k = 0; k < MAX_RM; k++)
			if (!st->rm[k])
				break;
		if (k == MAX_RM)
			return "more resource managers than there were";
		st->rm[k] = guid_half(&rec->rm.guid, 0);
		return NULL;
	case KTM_JREC_RM_GONE:
		for (k = 0; k < MAX_RM; k++)
			if (st->rm[k] == guid_half(&rec->rm_gone.guid, 0))
				break;
		if (k == MAX_RM)
			return "a resource manager goes that was not there";
		st->rm[k] = 0;
		return NULL;
	case KTM_JREC_TX:
		tx = find_tx(st, 0);
		if (!tx || find_tx(st, guid_half(&rec->tx.uow, 0)))
			return "a transaction twice, or too many";
		memset(tx, 0, sizeof(*tx));
		tx->id = guid_half(&rec->tx.uow, 0);
		tx->outcome = rec->tx.outcome;
		return NULL;
	case KTM_JREC_PREPARED:
		tx = find_tx(st, guid_half(&rec->prepared.uow, 0));
		if (!tx) {
			tx = find_tx(st, 0);
			if (!tx)
				return "more transactions than there were";
			memset(tx, 0, sizeof(*tx));
			tx->id = guid_half(&rec->prepared.uow, 0);
		}
		k = guid_half(&rec->prepared.enlistment, 1);
		if (k >= MAX_ENL || tx->key[k])
			return "an enlistment that cannot be";
		for (u32 i = 0; i < rec->prepared.info_len; i++)
			if (rec->prepared.info[i] != (u8)(rec->prepared.key + i))
				return "recovery information has changed";
		tx->key[k] = rec->prepared.key;
		tx->info_len[k] = rec->prepared.info_len;
		tx->prepared++;
		return NULL;
	case KTM_JREC_DECISION:
		tx = find_tx(st, guid_half(&rec->decision.uow, 0));
		if (!tx)
			return "a decision about nothing";
		if (tx->prepared != rec->decision.prepared)
			return "a decision counts prepared records that are not there";
		tx->outcome = rec->decision.outcome;
		return NULL;
	case KTM_JREC_COMPLETION:
		tx = find_tx(st, guid_half(&rec->completion.uow, 0));
		k = guid_half(&rec->completion.enlistment, 1);
		if (!tx || !tx->outcome || k >= MAX_ENL || !tx->key[k] || tx->done[k])
			return "a completion of nothing";
		tx->done[k] = true;
		if (rec->flags & KTM_JREC_F_END)
			memset(tx, 0, sizeof(*tx));
		return NULL;
	}
	return "a record of a kind that was never written";
}

static void make_prepared(struct jsim *s, struct ktm_jrec *rec, const struct jsim_tx *tx, u32 k)
{
	memset(rec, 0, sizeof(*rec));
	rec->type = KTM_JREC_PREPARED;
	rec->prepared.uow = guid(tx->id, 0);
	rec->prepared.enlistment = guid(tx->id, k);
	rec->prepared.rm = guid(7, k);
	rec->prepared.key = tx->key[k];
	rec->prepared.mask = 0x1f;
	rec->prepared.info_len = tx->info_len[k];
	rec->prepared.info = s->info;
	for (u32 i = 0; i < tx->info_len[k]; i++)
		s->info[i] = (u8)(tx->key[k] + i);
}

static void make_rm(struct ktm_jrec *rec, u64 id, bool gone)
{
	memset(rec, 0, sizeof(*rec));
	rec->type = gone ? KTM_JREC_RM_GONE : KTM_JREC_RM;
	if (gone) {
		rec->rm_gone.guid = guid(id, 0);
		return;
	}
	rec->rm.guid = guid(id, 0);
	rec->rm.mode = 0600;
	rec->rm.desc = (const u8 *)"a resource manager";
	rec->rm.desc_len = 18;
}

/* ---- life ------------------------------------------------------------- */

void jsim_habits(struct jsim *s)
{
	s->fua = rng_percent(&s->rng, 50);
	/* Some force nearly all, some let batches fill up. */
	s->force_percent = rng_percent(&s->rng, 60) ? 80 : 1 + rng_below(&s->rng, 6);
	s->big_percent = rng_percent(&s->rng, 60) ? 15 : 70;
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

	p.uuid = guid(rng_next(&s->rng), seed);
	p.tm_guid = guid(seed, 5);
	s->names[s->nr_names++] = p.tm_guid;
	p.epoch = s->last_epoch = rng_next(&s->rng) | 1;
	if (ktm_jf_format(&p, &sb, &fault)) {
		fprintf(stderr, "format: %s\n", fault.msg);
		exit(2);
	}
	ktm_jf_sb_encode(&sb, blk);
	disk_write(&s->disk, 0, sizeof(blk), blk);
	disk_write(&s->disk, ktm_jf_sb2_place(&sb), sizeof(blk), blk);
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
	to->rng.s = mix(from->rng.s, from->disk.writes + from->nonce);
	to->nonce = from->nonce;
	to->unit = from->unit;
	to->fua = from->fua;
	to->force_percent = from->force_percent;
	to->big_percent = from->big_percent;
	to->appended = from->appended;
	to->acked = from->acked;
	to->last_epoch = from->last_epoch;
	memcpy(to->names, from->names, sizeof(to->names));
	to->nr_names = from->nr_names;
	to->online = false;
	to->in_flight = 0;
	to->failed = false;
	to->boundary = NULL;
}

/* ---- recovery --------------------------------------------------------- */

struct replayed {
	struct jsim_state state;
	u64 from;		/* records that the restart area stands for */
	bool in_ring;
	const char *why;
};

static void replay(struct jsim *s, struct replayed *r, const struct ktm_jrec *rec)
{
	static u8 buf[KTM_JF_REC_MAX];
	u32 size;

	if (r->why)
		return;
	if (rec->lsn && !r->in_ring) {
		r->in_ring = true;
		r->from = r->state.count;
		if (r->from > s->appended)
			r->why = "the restart area stands for more than was ever appended";
		else if (state_digest(&r->state) != s->digest[r->from])
			r->why = "the restart area does not hold what lived";
		if (r->why)
			return;
	}
	if (r->in_ring) {
		size = ktm_jrec_encode(rec, buf, sizeof(buf));
		if (r->state.count >= s->appended ||
		    hash(1, buf, size) != s->history[r->state.count]) {
			r->why = "a record that was not appended at this place";
			return;
		}
	}
	r->why = apply(&r->state, rec);
	if (r->in_ring)
		r->state.count++;
}

/* Record number @n of what lives; false: no more. */
static bool snapshot_record(struct jsim *s, const struct jsim_state *st, u32 n,
			    struct ktm_jrec *rec)
{
	memset(rec, 0, sizeof(*rec));
	if (!n--) {
		rec->type = KTM_JREC_CLOCK;
		rec->clock.clock = st->count;
		return true;
	}
	for (int i = 0; i < MAX_RM; i++)
		if (st->rm[i] && !n--) {
			make_rm(rec, st->rm[i], false);
			return true;
		}
	for (int i = 0; i < MAX_TX; i++) {
		const struct jsim_tx *tx = &st->tx[i];

		if (!tx->id || (!tx->prepared && !tx->outcome))
			continue;
		if (!n--) {
			rec->type = KTM_JREC_TX;
			rec->tx.uow = guid(tx->id, 0);
			rec->tx.outcome = tx->outcome;
			return true;
		}
		for (u32 k = 0; k < MAX_ENL; k++)
			if (tx->key[k] && !tx->done[k] && !n--) {
				make_prepared(s, rec, tx, k);
				return true;
			}
	}
	return false;
}

/* What the recovered transactions still have to log was granted before the crash. */
static void reserve_again(struct jsim *s)
{
	for (int i = 0; i < MAX_TX; i++) {
		struct jsim_tx *tx = &s->state.tx[i];

		if (!tx->id)
			continue;
		tx->enlistments = MAX_ENL;
		for (u32 k = 0; k < MAX_ENL; k++) {
			tx->reserved[k] = 0;
			if (!tx->key[k] || tx->done[k])
				continue;
			tx->completion_reserved[k] = ktm_jw_charge(s->unit, KTM_JREC_COMPLETION, 0);
			ktm_jw_reserve(&s->w, tx->completion_reserved[k], true);
		}
		if (!tx->outcome) {
			tx->decision_reserved = ktm_jw_charge(s->unit, KTM_JREC_DECISION, 0);
			ktm_jw_reserve(&s->w, tx->decision_reserved, true);
		}
	}
}

/* What was read is what lived, and from now on it is what was told. */
static bool found(struct jsim *s, struct replayed *r)
{
	if (!r->in_ring && !r->why && state_digest(&r->state) != s->digest[r->state.count])
		r->why = "the restart area does not hold what lived";
	if (r->why) {
		jsim_violation(s, "%s (record %llu)", r->why, (unsigned long long)r->state.count);
		return false;
	}
	if (r->state.count < s->acked) {
		jsim_violation(s, "%llu records were durable or had been reported, %llu are left",
			      (unsigned long long)s->acked, (unsigned long long)r->state.count);
		return false;
	}
	if (state_digest(&r->state) != s->digest[r->state.count]) {
		jsim_violation(s, "what lives is not what lived");
		return false;
	}
	s->state = r->state;
	s->appended = s->acked = s->state.count;
	return true;
}

static void online(struct jsim *s)
{
	void *bufs[4] = { s->bufs[0], s->bufs[1], s->bufs[2], s->bufs[3] };

	s->last_epoch = jsim_jo.new_epoch;
	ktm_jw_init(&s->w, &jsim_jo.next_sb, bufs, 4,
		    rng_percent(&s->rng, 60) ? KTM_JF_WINDOW_MIN : KTM_JW_BUF_BYTES, s->fua);
	reserve_again(s);
	s->in_flight = 0;
	s->online = true;
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
	struct ktm_guid name = guid(rng_next(&s->rng), 5);
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
		.dev_bytes = s->disk.bytes,
		.sector = 512,
		/* Even a source of random numbers that repeats itself must do no harm. */
		.epoch = rng_percent(&s->rng, 20) ? s->last_epoch : rng_next(&s->rng) | 1,
		.buf = open_buf,
		.room = sizeof(open_buf),
	};
	struct replayed r = { 0 };
	struct ktm_jrec rec;
	u32 io = 0, snap = 0;
	int err;

	s->online = false;
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
			replay(s, &r, &jsim_jo.rec);
			break;
		case KTM_JO_SNAPSHOT:
			if (stop == STOP_READ) {
				ktm_jo_stop(&jsim_jo);
				break;
			}
			for (err = 0; snapshot_record(s, &r.state, snap, &rec); snap++) {
				err = ktm_jo_snap_add(&jsim_jo, &rec);
				if (err)
					break;
			}
			if (err == -EAGAIN)
				break;
			if (err)
				ktm_jo_refuse(&jsim_jo, err);
			else
				ktm_jo_snap_end(&jsim_jo, U64_MAX);
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

static void at_boundary(struct jsim *s)
{
	if (s->w.submitted_lsn - s->w.flushed_lsn > s->w.sb.window)
		jsim_violation(s, "more than W is unflushed");
	if (s->boundary)
		s->boundary(s);
}

static void pump(struct jsim *s)
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
		at_boundary(s);
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
	at_boundary(s);
}

void jsim_drain(struct jsim *s, bool fail)
{
	while (s->in_flight)
		end_one(s, rng_below(&s->rng, s->in_flight), fail && rng_percent(&s->rng, 50));
}

void jsim_sync(struct jsim *s)
{
	ktm_jw_want_all(&s->w);
	do {
		pump(s);
		jsim_drain(s, false);
	} while (!s->w.err && s->w.flushed_lsn < s->w.want_lsn);
}

/* ---- the workload ----------------------------------------------------- */

static bool append(struct jsim *s, const struct ktm_jrec *rec, u32 reserved, bool force)
{
	static u8 buf[KTM_JF_REC_MAX];
	const char *why;
	u64 lsn;
	int err;

	while ((err = ktm_jw_append(&s->w, rec, reserved, &lsn)) == -EAGAIN) {
		pump(s);
		if (s->in_flight)
			end_one(s, rng_below(&s->rng, s->in_flight), false);
		if (s->failed)
			return false;
	}
	if (err) {
		if (err == -ENOSPC && reserved)
			jsim_violation(s, "an append from a reservation found no room");
		return false;
	}
	why = apply(&s->state, rec);
	if (why) {
		fprintf(stderr, "the workload is wrong: %s\n", why);
		abort();
	}
	s->history[s->appended] = hash(1, buf, ktm_jrec_encode(rec, buf, sizeof(buf)));
	s->lsn[s->appended++] = lsn;
	s->state.count = s->appended;
	s->digest[s->appended] = state_digest(&s->state);
	if (force)
		err = ktm_jw_want(&s->w, lsn);
	/* A batch that has filled up goes out by itself, as in the module. */
	if (force || s->w.submitted < s->w.closed)
		pump(s);
	return !err;
}

static bool reserve(struct jsim *s, u32 *what, u16 type, u32 var)
{
	u32 bytes = ktm_jw_charge(s->unit, type, var);

	if (ktm_jw_reserve(&s->w, bytes, false))
		return false;
	*what = bytes;
	return true;
}

/* What the restart area has to hold at most, if all goes on as planned. */
static u64 live_bytes(const struct jsim *s)
{
	u64 sum = ktm_jrec_bytes(KTM_JREC_CLOCK, 0) +
		  MAX_RM * ktm_jrec_bytes(KTM_JREC_RM, KTM_JF_DESC_MAX);

	for (int i = 0; i < MAX_TX; i++)
		if (s->state.tx[i].id)
			for (u32 k = 0; k < MAX_ENL; k++)
				sum += ktm_jf_live_tx_bytes(1, s->state.tx[i].info_len[k]);
	return sum;
}

static bool begin_tx(struct jsim *s)
{
	struct jsim_tx *tx = find_tx(&s->state, 0);
	u64 live = live_bytes(s);
	bool ok;

	if (!tx)
		return true;
	memset(tx, 0, sizeof(*tx));
	tx->enlistments = 1 + rng_below(&s->rng, MAX_ENL);
	for (u32 k = 0; k < tx->enlistments; k++) {
		u32 dice = rng_below(&s->rng, 100);

		tx->info_len[k] = dice >= s->big_percent ? rng_below(&s->rng, 200) :
				  dice > 5 ? rng_below(&s->rng, 4096) :
					     KTM_JF_INFO_MAX - rng_below(&s->rng, 8);
		live += ktm_jf_live_tx_bytes(1, tx->info_len[k]);
	}
	if (live > ktm_jf_live_capacity(&s->w.sb))
		return true;
	ok = reserve(s, &tx->decision_reserved, KTM_JREC_DECISION, 0);
	for (u32 k = 0; k < tx->enlistments && ok; k++) {
		ok = reserve(s, &tx->reserved[k], KTM_JREC_PREPARED, tx->info_len[k]) &&
		     reserve(s, &tx->completion_reserved[k], KTM_JREC_COMPLETION, 0);
	}
	if (!ok)
		return false;	/* the reservations end with the reopening */
	tx->id = ++s->nonce;
	return true;
}

static bool advance_tx(struct jsim *s, struct jsim_tx *tx)
{
	struct ktm_jrec rec;
	u32 left = 0, reserved, k = 0;

	memset(&rec, 0, sizeof(rec));
	if (!tx->outcome) {
		struct jsim_tx next = *tx;

		for (k = 0; k < MAX_ENL && !tx->reserved[k]; k++)
			;
		if (k < MAX_ENL) {
			next.key[k] = ++s->nonce;
			make_prepared(s, &rec, &next, k);
			reserved = tx->reserved[k];
			tx->reserved[k] = 0;
			return append(s, &rec, reserved, false);
		}
		rec.type = KTM_JREC_DECISION;
		rec.decision.uow = guid(tx->id, 0);
		rec.decision.outcome = rng_percent(&s->rng, 80) ? KTM_JREC_COMMIT : KTM_JREC_ABORT;
		rec.decision.prepared = tx->prepared;
		rec.decision.clock = ++s->nonce;
		reserved = tx->decision_reserved;
		tx->decision_reserved = 0;
		return append(s, &rec, reserved, rng_percent(&s->rng, s->force_percent));
	}
	for (u32 i = 0; i < MAX_ENL; i++)
		if (tx->key[i] && !tx->done[i]) {
			left++;
			k = i;
		}
	rec.type = KTM_JREC_COMPLETION;
	rec.flags = left == 1 ? KTM_JREC_F_END : 0;
	rec.completion.uow = guid(tx->id, 0);
	rec.completion.enlistment = guid(tx->id, k);
	reserved = tx->completion_reserved[k];
	tx->completion_reserved[k] = 0;
	return append(s, &rec, reserved, false);
}

static bool change_rm(struct jsim *s)
{
	u32 k = rng_below(&s->rng, MAX_RM);
	struct ktm_jrec rec;

	if (s->state.rm[k])
		make_rm(&rec, s->state.rm[k], true);
	else
		make_rm(&rec, ++s->nonce, false);
	return append(s, &rec, 0, rng_percent(&s->rng, s->force_percent));
}

bool jsim_step(struct jsim *s)
{
	u32 dice = rng_below(&s->rng, 100);
	struct jsim_tx *tx;

	if (!s->online || s->w.err || s->appended > MAX_HISTORY - 8)
		return false;
	if (dice < 20)
		return begin_tx(s);
	if (dice < 24)
		return change_rm(s);
	if (dice < 70) {
		tx = &s->state.tx[rng_below(&s->rng, MAX_TX)];
		return tx->id ? advance_tx(s, tx) : true;
	}
	if (s->in_flight)
		end_one(s, rng_below(&s->rng, s->in_flight), false);
	pump(s);
	return true;
}
