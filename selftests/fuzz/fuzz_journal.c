// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer's target: a device with anything on it is opened for reading, for writing,
 * and again.
 *
 * No byte outside the device is asked for. Reading writes nothing. Both openings come to
 * the same. What is refused is left as it was, and is refused again. What was opened can be
 * opened again, and the same lives.
 */
#include <stdio.h>
#include <stdlib.h>

#include "journal_model.h"
#include "journal_open.h"
#include "pieces.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const u8 *in, size_t size);

#define ENOUGH_STEPS	200000

/* Behind the largest device nothing is ours, which the address sanitizer sees. */
static u8 dev[UNITS * UNIT], before[UNITS * UNIT];
static u8 buf[KTM_JF_BATCH_MAX] __attribute__((aligned(8)));
static u8 bad[UNITS];		/* PIECE_MEDIUM, PIECE_EIO */
static u64 dev_bytes;
static u32 sector;
static bool eio;		/* some unit has PIECE_EIO */

static struct ktm_jo jo;
static u32 steps;
static bool reached_snapshot;
static unsigned long opened, refused, replayed;

static void violation(const char *what)
{
	fprintf(stderr, "violation: %s\n", what);
	abort();
}

static void device_of(const u8 *in, size_t size)
{
	struct piece pieces[MAX_PIECES];
	u32 n = pieces_parse(in, size, pieces);

	memset(dev, 0, sizeof(dev));
	memset(bad, 0, sizeof(bad));
	dev_bytes = UNITS * UNIT;
	sector = 512;
	eio = false;
	for (u32 i = 0; i < n; i++) {
		const struct piece *p = &pieces[i];
		u32 unit = p->unit % UNITS, room = (UNITS - unit) * UNIT;

		if (p->unit == PIECE_DEVICE) {
			if (p->len < 4)
				continue;
			dev_bytes = (u64)(1 + (p->data[0] | p->data[1] << 8) % UNITS) * UNIT;
			sector = 512u << p->data[2] % 9;
			continue;
		}
		if (p->len)
			memcpy(dev + unit * UNIT, p->data, min(p->len, room));
		bad[unit] = p->flags & (PIECE_MEDIUM | PIECE_EIO);
		eio |= bad[unit] & PIECE_EIO;
	}
	/* No block device ends within a block. */
	dev_bytes = max(dev_bytes / sector, (u64)1) * sector;
}

/* Whoever runs this sees that it got behind the checksums. */
static void say_counts(void)
{
	fprintf(stderr, "opened=%lu refused=%lu replayed=%lu\n", opened, refused, replayed);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	atexit(say_counts);
	return 0;
}

/* ---- I/O ----------------------------------------------------------------- */

static void check_request(void)
{
	if (jo.place > dev_bytes || jo.bytes > dev_bytes - jo.place)
		violation("a request lies outside the device");
	if (!jo.bytes || jo.place % sector || jo.bytes % sector)
		violation("a request is not made of blocks");
}

static int read_units(void)
{
	int err = 0;

	check_request();
	for (u64 u = jo.place / UNIT; u <= (jo.place + jo.bytes - 1) / UNIT; u++) {
		if (bad[u] & PIECE_EIO)
			return -EIO;
		if (bad[u] & PIECE_MEDIUM)
			err = -ENODATA;
	}
	memcpy(jo.data, dev + jo.place, jo.bytes);
	return err;
}

static void write_units(bool read_only)
{
	if (read_only)
		violation("an opening for reading wants to write");
	check_request();
	memcpy(dev + jo.place, jo.data, jo.bytes);
	for (u64 u = jo.place / UNIT; u <= (jo.place + jo.bytes - 1) / UNIT; u++)
		bad[u] &= ~PIECE_MEDIUM;
}

/* As far as it goes without a record or a snapshot. */
static enum ktm_jo_want drive(bool read_only)
{
	for (;;) {
		enum ktm_jo_want want = ktm_jo_step(&jo);

		if (++steps > ENOUGH_STEPS)
			violation("an opening does not end");
		switch (want) {
		case KTM_JO_READ:
			ktm_jo_io_done(&jo, read_units());
			break;
		case KTM_JO_WRITE:
			write_units(read_only);
			ktm_jo_io_done(&jo, 0);
			break;
		case KTM_JO_FLUSH:
			if (read_only)
				violation("an opening for reading wants to flush");
			ktm_jo_io_done(&jo, 0);
			break;
		default:
			return want;
		}
	}
}

/* ---- opening ------------------------------------------------------------- */

static int add(void *ctx, const struct ktm_jrec *rec)
{
	const bool *read_only = ctx;
	int err;

	while ((err = ktm_jo_snap_add(&jo, rec)) == -EAGAIN)
		if (drive(*read_only) != KTM_JO_SNAPSHOT)
			return -EIO;
	return err;
}

static void snapshot(struct jmodel *m, bool read_only)
{
	int err = jmodel_end(m, jo.tail);

	reached_snapshot = true;
	if (!err)
		err = jmodel_snapshot(m, add, &read_only);
	if (err == -EINVAL)
		violation("what lives cannot be written as a record");
	if (err)
		ktm_jo_refuse(&jo, err);
	else
		ktm_jo_snap_end(&jo, jmodel_oldest(m));
}

/* Where live records of streams are said to be is at least on the device. */
static void check_places(const struct jmodel *m)
{
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];

	for (const struct jm_stream *s = m->streams; s; s = s->next) {
		for (u32 i = 0; i < s->count; i++) {
			const struct ktm_jsent *e = &s->entries[i];
			int n;

			if (e->place < jo.next_sb.tail_lsn || e->place + e->bytes > jo.tail ||
			    jo.tail - e->place > jo.sb.ring_bytes)
				violation("a stream's record lies outside the log");
			n = ktm_jf_map(&jo.sb, e->place, e->bytes, segs);
			for (int k = 0; k < n; k++)
				if (segs[k].place + segs[k].bytes > dev_bytes)
					violation("a stream's record lies outside the device");
		}
	}
}

/* What a record points to is a part of it. */
static void check_record(void)
{
	const struct ktm_jrec *rec = &jo.rec;
	const u8 *at = NULL;
	u32 len = 0;

	switch (rec->type) {
	case KTM_JREC_RM:
		at = rec->rm.desc;
		len = rec->rm.desc_len;
		break;
	case KTM_JREC_PREPARED:
		at = rec->prepared.info;
		len = rec->prepared.info_len;
		break;
	case KTM_JREC_STREAM:
		at = rec->stream.name;
		len = rec->stream.name_len;
		break;
	case KTM_JREC_SREC:
		at = rec->srec.data;
		len = rec->srec.len;
		break;
	case KTM_JREC_SINDEX:
		at = rec->sindex.raw;
		len = rec->sindex.count * sizeof(struct ktm_jsent);
		break;
	}
	if (at && (at < jo.batch_data + KTM_JF_BATCH_HEAD || at + len > jo.batch_data + jo.rec_pos))
		violation("a record says that it goes on behind its end");
}

/* @digest: out: of what lives, if KTM_JF_OK is returned. */
static enum ktm_jf_code opening(bool read_only, u64 epoch, u64 *digest)
{
	const struct ktm_jo_params p = {
		.dev_bytes = dev_bytes, .sector = sector, .epoch = epoch,
		.buf = buf, .room = sizeof(buf), .read_only = read_only,
	};
	struct jmodel m;
	bool begun = false;
	u64 last = 0;
	int err;

	ktm_jo_init(&jo, &p);
	steps = 0;
	reached_snapshot = false;
	for (;;) {
		enum ktm_jo_want want = drive(read_only);

		if (!begun && (want == KTM_JO_REPLAY || want == KTM_JO_SNAPSHOT)) {
			jmodel_init(&m, &jo.sb);
			begun = true;
		}
		switch (want) {
		case KTM_JO_REPLAY:
			if (jo.rec.lsn < last)
				violation("records come out of order");
			last = jo.rec.lsn;
			replayed++;
			check_record();
			err = jmodel_replay(&m, &jo.rec);
			if (err)
				ktm_jo_refuse(&jo, err);
			break;
		case KTM_JO_SNAPSHOT:
			snapshot(&m, read_only);
			break;
		case KTM_JO_DONE:
			if (!begun)
				violation("an opening ends before it begins");
			check_places(&m);
			*digest = jmodel_digest(&m);
			jmodel_free(&m);
			return KTM_JF_OK;
		case KTM_JO_FAILED:
			if (begun)
				jmodel_free(&m);
			if (jo.fault.code == KTM_JF_OK || jo.fault.err >= 0 || !jo.fault.msg)
				violation("an opening fails and does not say why");
			return jo.fault.code;
		default:
			violation("an opening wants what there is not");
		}
	}
}

int LLVMFuzzerTestOneInput(const u8 *in, size_t size)
{
	u64 found = 0, first = 0, again = 0;
	enum ktm_jf_code seen, code;
	bool feature;

	device_of(in, size);
	memcpy(before, dev, sizeof(dev));
	seen = opening(true, 77, &found);
	opened += seen == KTM_JF_OK;
	refused += seen == KTM_JF_REFUSED;
	feature = jo.sb.ro_compat;
	if (memcmp(before, dev, sizeof(dev)))
		violation("an opening for reading has written");

	code = opening(false, 77, &first);
	if (code != seen && !(feature && code == KTM_JF_UNSUPPORTED))
		violation("openings for reading and for writing come to different ends");
	if (code != KTM_JF_OK) {
		/* What can be known before is. */
		if (!reached_snapshot && memcmp(before, dev, sizeof(dev)))
			violation("what was refused was written to");
		if (opening(false, 78, &again) != code)
			violation("what was refused once is now refused for another reason");
		return 0;
	}
	if (first != found)
		violation("openings for reading and for writing find different things");
	if (eio)
		return 0;
	if (opening(false, 78, &again) != KTM_JF_OK)
		violation("what was opened cannot be opened again");
	if (again != first)
		violation("what was opened says something else when it is opened again");
	if (opening(true, 79, &again) != KTM_JF_OK || again != first)
		violation("what was opened twice reads differently");
	return 0;
}
