// SPDX-License-Identifier: GPL-2.0
/*
 * Records that shall be durable, ktm_jw_append_forcible(): one that is taken can be forced,
 * whatever becomes of the rest of the log; one that is refused has changed nothing; and none is
 * refused that could be.
 *
 * Every sort of open batch, record and reservation, each with just enough room, one byte less,
 * all the room there is, and with a buffer to be had or not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "journal_settle.h"
#include "journal_writer.h"

#define UNIT	4096u
#define NBUFS	4u
#define PADDING	(UNIT + KTM_JF_BATCH_HEAD)

enum batch { NONE, PLAIN, FORCED, FULL, FORCED_FULL, BATCHES };
enum record { SMALL, LARGE, DECISION, RECORDS };
enum kept { NOTHING, ITSELF, AND_A_UNIT, KEPTS };
enum room { AMPLE, ENOUGH, SHORT, ROOMS };

static const char *const batches[] = {
	"no batch", "a batch", "one with a decision", "a full one", "a full one with a decision",
};
static const char *const records[] = { "a small record", "a large one", "a decision" };
static const char *const kepts[] = { "nothing", "its own room", "that and a unit" };
static const char *const rooms[] = { "ample", "enough", "one byte too little" };

struct trial {
	enum batch batch;
	enum record record;
	enum kept kept;
	enum room room;
	bool buffer;
};

static u8 bufs[NBUFS][KTM_JF_WINDOW_MIN];
static u8 data[KTM_JF_SREC_MAX];
static struct ktm_jf_sb sb;
static struct ktm_jw w;
static unsigned int tried, violations;

static void violation(const struct trial *t, const char *what)
{
	violations++;
	printf("# %s (%s, %s, reserved: %s, room: %s%s)\n", what, batches[t->batch],
	       records[t->record], kepts[t->kept], rooms[t->room],
	       t->buffer ? "" : ", no buffer");
}

static void begin(void)
{
	struct ktm_jf_params p = {
		.dev_bytes = 256 * UNIT,
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

static struct ktm_jrec decision(void)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_DECISION,
		.decision = { .uow.b = { 7 }, .outcome = KTM_JREC_COMMIT, .clock = 1 },
	};
}

static struct ktm_jrec srec(u32 len)
{
	return (struct ktm_jrec){
		.type = KTM_JREC_SREC,
		.srec = {
			.id = 5,
			.len = len,
			.data = data,
			.data_crc = ktm_jrec_data_crc(data, len),
		},
	};
}

static struct ktm_jrec record_of(enum record record)
{
	switch (record) {
	case SMALL:
		return srec(8);
	case LARGE:
		return srec(KTM_JF_SREC_MAX);
	default:
		return decision();
	}
}

static void must_append(struct ktm_jrec rec)
{
	u64 lsn;

	if (ktm_jw_append(&w, &rec, 0, &lsn)) {
		fprintf(stderr, "no room for what goes in front\n");
		exit(2);
	}
}

static u32 left_in_batch(void)
{
	return w.buf_bytes - w.batch[core_mod64(w.closed, w.nbufs)].used;
}

/* So that nothing more fits into the open batch. */
static void fill_batch(void)
{
	struct ktm_jrec rec;
	u32 len;

	for (len = KTM_JF_SREC_MAX; ; len /= 2) {
		rec = srec(len);
		while (ktm_jrec_size(&rec) <= left_in_batch())
			must_append(rec);
		if (!len)
			return;
	}
}

static void open_batch_for(enum batch batch)
{
	if (batch == NONE)
		return;
	must_append(batch == FORCED || batch == FORCED_FULL ? decision() : srec(8));
	if (batch == FULL || batch == FORCED_FULL)
		fill_batch();
}

/* Closed, and on their way for long. */
static void use_up_buffers(unsigned int n)
{
	while (n--) {
		must_append(srec(8));
		ktm_jw_want_all(&w);
	}
}

/* Somebody else gets all but @left bytes of what is free. */
static void take_all_but(u64 left)
{
	if (ktm_jw_free(&w) < left) {
		fprintf(stderr, "the log is too small for this\n");
		exit(2);
	}
	if (ktm_jw_reserve(&w, ktm_jw_free(&w) - left, true))
		exit(2);
}

static bool holds_together(void)
{
	const struct ktm_jw_batch *b = &w.batch[core_mod64(w.closed, w.nbufs)];
	u64 credit = w.opened > w.closed ? b->credit : 0;

	return w.next_lsn + credit + w.reserved + w.headroom <= w.limit;
}

/* It was taken. Others take what is left; all the same it becomes durable, within the ring. */
static void check_taken(const struct trial *t, u64 lsn, u64 reserved)
{
	if (w.reserved != reserved)
		violation(t, "what was set aside for it is not used up");
	if (!holds_together())
		violation(t, "more is promised than there is");
	take_all_but(0);
	if (ktm_jw_want(&w, lsn))
		violation(t, "it was taken and cannot be forced");
	jw_settle(&w);
	if (w.flushed_lsn < lsn)
		violation(t, "it was forced and is not durable");
	if (!holds_together())
		violation(t, "its end was paid by somebody else");
}

/* What it needs besides what was reserved. Not by asking the code that is tried. */
static u64 need_of(const struct trial *t, u32 charge)
{
	const bool can_anyway = t->record == DECISION || t->batch == FORCED;

	return (t->kept == NOTHING ? charge : 0) + (can_anyway ? 0 : PADDING);
}

static void one(const struct trial *t)
{
	const bool fits = t->batch == PLAIN || t->batch == FORCED;
	struct ktm_jrec rec = record_of(t->record);
	u32 reserved = 0, charge;
	u64 lsn = 0, others;
	struct ktm_jw was;
	int err;

	begin();
	charge = ktm_jw_charge(UNIT, rec.type, rec.type == KTM_JREC_SREC ? rec.srec.len : 0);
	if (t->kept != NOTHING)
		reserved = charge + (t->kept == AND_A_UNIT ? PADDING : 0);
	if (!t->buffer)
		use_up_buffers(t->batch == NONE ? NBUFS : NBUFS - 1);
	open_batch_for(t->batch);
	if (ktm_jw_reserve(&w, reserved, true))
		exit(2);
	if (t->room != AMPLE) {
		const u64 need = need_of(t, charge);

		/* Where it needs nothing besides there is no less. */
		if (t->room == SHORT && !need)
			return;
		take_all_but(need - (t->room == SHORT));
	}
	others = w.reserved - reserved;
	tried++;

	was = w;
	err = ktm_jw_append_forcible(&w, &rec, reserved, &lsn);
	if (t->room == SHORT) {
		if (err != -ENOSPC)
			violation(t, "it is taken though there is no room to force it");
		else if (memcmp(&was, &w, sizeof(w)))
			violation(t, "it is refused and has changed something");
		return;
	}
	if (!t->buffer && !fits) {
		if (err != -EAGAIN)
			violation(t, "it does not wait for a buffer");
		else if (w.reserved != was.reserved || w.appends != was.appends)
			violation(t, "it has to wait and has changed something");
		jw_settle(&w);
		err = ktm_jw_append_forcible(&w, &rec, reserved, &lsn);
	}
	if (err)
		violation(t, "it is refused though there is room to force it");
	else
		check_taken(t, lsn, others);
}

/* A writer that has failed, and a record that is none. */
static void refused(void)
{
	const struct trial t = { .batch = PLAIN };
	struct ktm_jrec none = { .type = 0x7fff }, rec = srec(8);
	struct ktm_jw was;
	u64 lsn;

	begin();
	open_batch_for(PLAIN);
	was = w;
	tried += 3;
	if (ktm_jw_append_forcible(&w, &none, 0, &lsn) != -EINVAL || memcmp(&was, &w, sizeof(w)))
		violation(&t, "what is no record is not refused as that");
	ktm_jw_fail(&w, -EIO);
	was = w;
	if (ktm_jw_append_forcible(&w, &rec, 0, &lsn) != -EIO || memcmp(&was, &w, sizeof(w)))
		violation(&t, "a log that has failed does not say so");
	take_all_but(0);
	was = w;
	if (ktm_jw_append_forcible(&w, &rec, 0, &lsn) != -EIO || memcmp(&was, &w, sizeof(w)))
		violation(&t, "a log that has failed says that it is full");
}

int main(void)
{
	unsigned int n;

	for (n = 0; n < BATCHES * RECORDS * KEPTS * ROOMS * 2; n++) {
		const struct trial t = {
			.batch = n % BATCHES,
			.record = n / BATCHES % RECORDS,
			.kept = n / BATCHES / RECORDS % KEPTS,
			.room = n / BATCHES / RECORDS / KEPTS % ROOMS,
			.buffer = n / BATCHES / RECORDS / KEPTS / ROOMS,
		};

		one(&t);
	}
	refused();
	printf("TAP version 13\n1..1\n%sok 1 - what can be durable\n", violations ? "not " : "");
	printf("campaign journal_forcible: tried=%u violations=%u seed=0\n", tried, violations);
	return violations != 0;
}
