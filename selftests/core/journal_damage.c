// SPDX-License-Identifier: GPL-2.0
/*
 * Damage campaign of the journal's core: bits that flip, sectors that cannot be read,
 * images that somebody made to hurt.
 *
 * What a later batch knows to be durable must be refused when it is damaged, and
 * nothing written; damage behind that ends the log there; one superblock may be lost.
 * Of a hostile image only this is asked: the opening ends, and stays on the device.
 *
 *	journal_damage [SEED [RUNS]]	(default 1, 24)
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal_sim.h"

#define MAX_BATCHES	512
#define MAX_HOSTILE_IOS	20000

static struct jsim origin, trial;
static unsigned long tried;
static struct ktm_jf_batch batches[MAX_BATCHES];
static u32 nbatches;
static struct ktm_jf_sb sb;
static u8 scan_buf[KTM_JF_BATCH_MAX];
static u64 flushed;		/* the highest that any batch states */

static void wrong(const char *what, const struct ktm_jf_fault *fault)
{
	jsim_violation(&trial, "%s (%s, lsn %llu)", what, fault->msg ? fault->msg : "-",
		       (unsigned long long)fault->lsn);
}

/* What is on the disk, by the core's own scanner. */
static void survey(struct disk *d)
{
	struct ktm_jf_scan scan;
	struct ktm_jf_fault fault;
	const u8 *data;

	if (ktm_jf_sb_decode(d->now, d->bytes, 0, &sb, &fault)) {
		fprintf(stderr, "survey: %s\n", fault.msg);
		exit(2);
	}
	nbatches = 0;
	/* Before a superblock named the area, the log had been forced that far. */
	flushed = sb.restart_lsn;
	ktm_jf_scan_ring(&scan, &sb, scan_buf, sizeof(scan_buf));
	for (;;) {
		struct ktm_jf_batch *b = &batches[nbatches];
		enum ktm_jf_found found = ktm_jf_scan_at(&scan, scan.link.lsn, b, &data);

		if (found == KTM_JF_NEED_READ) {
			ktm_jf_scan_read_done(&scan, disk_read(d, scan.place, scan.want,
							       ktm_jf_scan_to(&scan)));
			continue;
		}
		if (found == KTM_JF_NOTHING || !ktm_jf_scan_accept(&scan, b))
			return;
		flushed = max(flushed, b->flushed_lsn);
		if (++nbatches == MAX_BATCHES)
			exit(2);
	}
}

static void damage_at(struct disk *d, struct rng *r, u64 place)
{
	if (rng_percent(r, 25)) {
		d->bad[place / SECTOR] = true;
		return;
	}
	d->now[place] ^= 1u << rng_below(r, 8);
	d->durable[place] = d->now[place];
}

static u64 ring_place(u64 lsn)
{
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	u64 rest = lsn % sb.unit;

	ktm_jf_map(&sb, lsn - rest, sb.unit, segs);
	return segs[0].place + rest;
}

/* A whole batch of the epoch, at its place, which is not the next one of the chain. */
static void break_chain(struct disk *d, struct rng *r, const struct ktm_jf_batch *b)
{
	struct ktm_jf_dbatch *h = (struct ktm_jf_dbatch *)scan_buf;
	u32 crc;

	for (u32 i = 0; i < b->bytes; i++)
		scan_buf[i] = d->now[ring_place(b->lsn + i)];
	if (rng_percent(r, 50))
		h->prev_crc = cpu_to_le32(b->prev_crc ^ 1u << rng_below(r, 32));
	else
		h->seq = cpu_to_le64(b->seq + 1 + rng_below(r, 9));
	h->crc = 0;
	crc = ~crc32c(~0u, h, b->bytes);
	h->crc = cpu_to_le32(crc);
	for (u32 i = 0; i < b->bytes; i++) {
		u64 at = ring_place(b->lsn + i);

		d->now[at] = scan_buf[i];
		d->durable[at] = scan_buf[i];
	}
}

/* ---- what an opening says and does -------------------------------------- */

static struct ktm_jo jo;

/* A consumer that believes everything and keeps nothing. The disk aborts on I/O outside it. */
static void open_without_thought(struct jsim *s, bool read_only)
{
	struct ktm_jo_params p = {
		.dev_bytes = s->disk.bytes,
		.sector = 512,
		.epoch = 77,
		.buf = scan_buf,
		.room = sizeof(scan_buf),
		.read_only = read_only,
	};
	u64 sum = 0;

	ktm_jo_init(&jo, &p);
	for (u32 io = 0; io < MAX_HOSTILE_IOS;) {
		switch (ktm_jo_step(&jo)) {
		case KTM_JO_READ:
			ktm_jo_io_done(&jo, disk_read(&s->disk, jo.place, jo.bytes, jo.data));
			io++;
			break;
		case KTM_JO_WRITE:
			disk_write(&s->disk, jo.place, jo.bytes, jo.data);
			disk_flush(&s->disk);
			ktm_jo_io_done(&jo, 0);
			io++;
			break;
		case KTM_JO_FLUSH:
			disk_flush(&s->disk);
			ktm_jo_io_done(&jo, 0);
			io++;
			break;
		case KTM_JO_REPLAY:
			if (jo.rec.type == KTM_JREC_PREPARED)
				for (u32 i = 0; i < jo.rec.prepared.info_len; i++)
					sum += jo.rec.prepared.info[i];
			if (jo.rec.type == KTM_JREC_RM)
				for (u32 i = 0; i < jo.rec.rm.desc_len; i++)
					sum += jo.rec.rm.desc[i];
			break;
		case KTM_JO_SNAPSHOT:
			ktm_jo_snap_end(&jo, U64_MAX);
			break;
		case KTM_JO_DONE:
			return;
		case KTM_JO_FORCE:
			jsim_violation(s, "an opening forces a log that takes nothing");
			return;
		case KTM_JO_FAILED:
			if (!jo.fault.err || !jo.fault.msg)
				jsim_violation(s, "a refusal without a reason");
			return;
		}
	}
	jsim_violation(s, "the opening of a hostile image does not end (%llu)",
		       (unsigned long long)sum);
}

/* Only looked at, the disk is left alone; what was told is kept in jo. */
static void look(struct jsim *s)
{
	u32 writes = s->disk.writes;

	open_without_thought(s, true);
	if (s->disk.writes != writes)
		jsim_violation(s, "a journal was written to that was only to be read");
}

/* Did the opening go as look() had told? */
static void expect_as_told(struct jsim *s, const struct ktm_jo *told, const struct ktm_jo *went)
{
	if (told->fault.code != went->fault.code || told->fault.place != went->fault.place ||
	    told->fault.lsn != went->fault.lsn || told->tail != went->tail ||
	    told->flushed != went->flushed)
		jsim_violation(s, "told was '%s', but the opening said '%s'",
			       told->fault.msg ? told->fault.msg : "-",
			       went->fault.msg ? went->fault.msg : "-");
}

/* Opening is refused as damage, and the disk is as it was. */
static void expect_refusal(struct jsim *s, const char *what, u64 lsn)
{
	struct ktm_jf_fault fault = { 0 };
	u32 writes = s->disk.writes;

	look(s);
	if (jsim_recover(s, STOP_NEVER, 0, NULL, &fault) != REFUSED)
		wrong(what, &fault);
	else if (fault.code != KTM_JF_CORRUPT && fault.code != KTM_JF_NOT_JOURNAL)
		wrong("refused, but not as damage", &fault);
	else if (lsn && fault.lsn != lsn)
		wrong("refused, but another place is named", &fault);
	if (s->disk.writes != writes)
		wrong("a refused journal was written to", &fault);
	expect_as_told(s, &jo, &jsim_jo);
}

/* Opening finds so many records and no more. */
static void expect_records(struct jsim *s, const char *what, u64 count)
{
	struct ktm_jf_fault fault = { 0 };

	look(s);
	if (jsim_recover(s, STOP_NEVER, 0, NULL, &fault) != RECOVERED || s->failed)
		wrong(what, &fault);
	else if (s->appended != count)
		wrong("the log does not end where it was damaged", &fault);
	expect_as_told(s, &jo, &jsim_jo);
}

static void one_trial(struct jsim *from, struct rng *r)
{
	struct jsim *s = &trial;
	u64 count, place;
	u32 n;

	jsim_clone(s, from);
	s->rng.s = rng_next(r);
	tried++;
	switch (rng_below(r, 8)) {
	case 0: case 1: case 2:
		/* Inside what is known to be durable. */
		for (n = 0; n < nbatches && batches[n].lsn + batches[n].bytes <= flushed; n++)
			;
		if (!n)
			break;
		n = rng_below(r, n);
		damage_at(&s->disk, r, ring_place(batches[n].lsn + rng_below(r, batches[n].bytes)));
		expect_refusal(s, "damage in the durable part was taken for a tail", batches[n].lsn);
		break;
	case 3:
		/* Behind it: cannot be told from a tear. */
		for (n = nbatches; n && batches[n - 1].lsn >= flushed; n--)
			;
		if (n == nbatches)
			break;
		n += rng_below(r, nbatches - n);
		for (count = from->appended; count && from->lsn[count - 1] > batches[n].lsn; count--)
			;
		if (rng_percent(r, 50))
			break_chain(&s->disk, r, &batches[n]);
		else
			damage_at(&s->disk, r,
				  ring_place(batches[n].lsn + rng_below(r, batches[n].bytes)));
		s->acked = 0;
		expect_records(s, "damage in the last forced span was not taken for a tear", count);
		break;
	case 4:
		if (!sb.restart_bytes)
			break;
		damage_at(&s->disk, r, sb.restart[sb.restart_index].start +
				       rng_below(r, sb.restart_bytes));
		expect_refusal(s, "a damaged restart area was accepted", 0);
		break;
	case 5:
		place = rng_percent(r, 50) ? 0 : ktm_jf_sb2_place(&sb);
		damage_at(&s->disk, r, place + rng_below(r, KTM_JF_SB_BYTES));
		expect_records(s, "one copy of the superblock was not enough", from->appended);
		break;
	case 6:
		n = rng_below(r, KTM_JF_SB_BYTES);
		damage_at(&s->disk, r, n);
		damage_at(&s->disk, r, ktm_jf_sb2_place(&sb) + n);
		expect_refusal(s, "two damaged superblocks were accepted", 0);
		break;
	default: {
		struct ktm_jf_fault fault;

		/* Anything, anywhere: what is reported was appended. */
		for (n = 1 + rng_below(r, 6); n; n--)
			damage_at(&s->disk, r, rng_below(r, s->disk.bytes));
		s->acked = 0;
		s->damaged = true;
		if (jsim_recover(s, STOP_NEVER, 0, NULL, &fault) == IO_FAILED)
			wrong("a medium error stopped the opening", &fault);
		break;
	}
	}
	jsim_free(s);
}

/* ---- hostile images --------------------------------------------------- */

/* Change a field of the superblock and make both copies whole again. */
static void hostile_sb(struct disk *d, struct rng *r)
{
	struct ktm_jf_dsb *a = (struct ktm_jf_dsb *)d->now;
	u32 crc;

	for (u32 n = 1 + rng_below(r, 3); n; n--) {
		u32 at = 12 + 4 * rng_below(r, (464 - 12) / 4);
		u32 v = rng_percent(r, 30) ? rng_next(r) : rng_percent(r, 40) ? rng_below(r, 200) :
			rng_percent(r, 50) ? ~rng_below(r, 3) : 1u << rng_below(r, 32);

		if (rng_percent(r, 30))
			v += *(u32 *)(d->now + at);
		memcpy(d->now + at, &v, 4);
	}
	a->crc = 0;
	crc = ~crc32c(~0u, a, sizeof(*a));
	a->crc = cpu_to_le32(crc);
	memcpy(d->now + ktm_jf_sb2_place(&sb), a, sizeof(*a));
}

/* Change a batch and make it whole again. */
static void hostile_batch(struct disk *d, struct rng *r)
{
	const struct ktm_jf_batch *b = &batches[rng_below(r, nbatches)];
	struct ktm_jf_dbatch *h = (struct ktm_jf_dbatch *)scan_buf;
	u32 bytes, crc;

	for (u32 i = 0; i < b->bytes; i++)
		scan_buf[i] = d->now[ring_place(b->lsn + i)];
	for (u32 n = 1 + rng_below(r, 4); n; n--) {
		u32 at = rng_percent(r, 40) ? 8 + rng_below(r, KTM_JF_BATCH_HEAD - 8) :
					      KTM_JF_BATCH_HEAD + rng_below(r, b->used -
								      KTM_JF_BATCH_HEAD + 1);

		scan_buf[at] = rng_percent(r, 50) ? rng_next(r) : rng_below(r, 4) - 1;
	}
	bytes = le32_to_cpu(h->bytes);
	if (bytes < sizeof(*h) || bytes > b->bytes)
		bytes = b->bytes;
	h->crc = 0;
	crc = ~crc32c(~0u, h, bytes);
	h->crc = cpu_to_le32(crc);
	for (u32 i = 0; i < b->bytes; i++)
		d->now[ring_place(b->lsn + i)] = scan_buf[i];
}

static void one_hostile(struct jsim *from, struct rng *r)
{
	static struct ktm_jo told;

	jsim_clone(&trial, from);
	tried++;
	if (rng_percent(r, 60))
		hostile_sb(&trial.disk, r);
	if (nbatches && rng_percent(r, 60))
		hostile_batch(&trial.disk, r);
	look(&trial);
	told = jo;
	open_without_thought(&trial, false);
	/* Features that forbid writing do not forbid looking. */
	if (!jo.sb.ro_compat)
		expect_as_told(&trial, &told, &jo);
	jsim_free(&trial);
}

static void run(u64 seed)
{
	static const u32 units[] = { 4096, 4096, 8192, 65536 };
	struct rng r = { seed };
	u32 unit = units[rng_below(&r, 4)];
	struct ktm_jf_fault fault;

	jsim_init(&origin, seed, unit, ktm_jf_min_bytes(unit) / unit + 5 + rng_below(&r, 60));
	for (u32 round = 1 + rng_below(&r, 4); round; round--) {
		if (jsim_recover(&origin, STOP_NEVER, 0, NULL, &fault) != RECOVERED) {
			jsim_violation(&origin, "cannot be opened: %s", fault.msg);
			return;
		}
		for (u32 n = rng_below(&r, 900); n && jsim_step(&origin); n--)
			;
		jsim_sync(&origin);
	}
	survey(&origin.disk);
	for (u32 n = 0; n < 300; n++)
		one_trial(&origin, &r);
	for (u32 n = 0; n < 300; n++)
		one_hostile(&origin, &r);
	jsim_free(&origin);
}

int main(int argc, char **argv)
{
	u64 first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	u64 runs = argc > 2 ? strtoull(argv[2], NULL, 0) : 24;

	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	for (u64 i = 0; i < runs && jsim_violations < JSIM_ENOUGH; i++)
		run(first + i);
	printf("TAP version 13\n1..1\n");
	printf("%sok 1 - damage is refused, tears are not, hostile images do no harm\n",
	       jsim_violations ? "not " : "");
	printf("campaign journal_damage: tried=%lu violations=%lu seed=%llu\n", tried,
	       jsim_violations, (unsigned long long)first);
	return jsim_violations != 0;
}
