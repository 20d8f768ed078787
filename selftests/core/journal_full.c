// SPDX-License-Identifier: GPL-2.0
/*
 * Does a log go on for ever when streams hold and reserve what they may? What the kernel does when
 * the log fills up (restart areas that are due, copies, who waits for room), over the writer,
 * without a device: logs of many sizes and units, what streams hold spread and packed in many
 * ways, reservations of nothing up to the most, restart areas that come late or whose walk finds
 * no memory, records that cannot be read for a while, or never, and a power cut where the log is
 * as full as it gets. Each time a writer of records that die at once has to get through rings and
 * rings of them, and no record that lives may lie where the ring is written next.
 */
#include <stdio.h>
#include <stdlib.h>

#include "journal_copy.h"
#include "journal_restart.h"
#include "journal_settle.h"
#include "rng.h"

#define STREAMS	3
#define TRIES	8		/* as often as the kernel asks for a restart area */
#define LAPS	6		/* rings of records that die at once */
#define REFUSED	50		/* ms until somebody who was refused asks once more */

struct stream {
	u64 id;
	u64 used;
	u32 count;
	u32 room;
	u32 first;		/* of @e: where the oldest is */
	struct ktm_jsent *e;	/* in the order of place */
	struct ktm_jsent bad;	/* one that cannot be read: where it is; bytes 0: there is none */
	bool passed_over;
	struct ktm_jc_unread failed;
	u32 fails;		/* reads of it that fail, at least */
};

/* A log and what somebody does to it. */
struct trial {
	struct rng rng;
	u64 dev_bytes;
	u32 unit;
	u32 late;		/* percent of the ring that a restart area comes late */
	u32 no_memory;		/* percent of the walks that find none */
	u32 largest;		/* record of a stream */
	u64 reserved;
	struct ktm_jw w;
	struct stream stream[STREAMS];
	u64 due_at;
	bool freed;
	bool stuck;
	u64 ms;			/* the time */
	u32 commit_ms;		/* what a commit takes */
	u64 readable_at;	/* when the device gives again what it did not */
	u32 lost_after;		/* seconds after which it is given up */
	bool alarm;		/* somebody tries again though nobody asks */
	u64 alarm_at;
	unsigned long restarts, copies;
};

static unsigned long tried, violations;
static u8 bufs[KTM_JW_BUFS][KTM_JW_BUF_BYTES];
static u8 area[KTM_JF_BATCH_MAX];
static u8 data[KTM_JF_SREC_MAX];

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* ---- the device, which does all at once --------------------------------- */

static int append(struct ktm_jw *w, const struct ktm_jrec *rec, u64 *lsn)
{
	int err = ktm_jw_append(w, rec, 0, lsn);

	while (err == -EAGAIN) {
		jw_settle(w);
		err = ktm_jw_append(w, rec, 0, lsn);
	}
	jw_settle(w);
	return err;
}

static void violation(struct trial *t, const char *what)
{
	const struct ktm_jw *w = &t->w;

	violations++;
	if (violations <= 20)
		printf("# %s: device %llu KiB, unit %u, reserved %llu%%, late %u%%, no memory %u%%; "
		       "used %llu%% of the ring, free %llu, %lu restart areas, %lu copies\n", what,
		       (unsigned long long)t->dev_bytes >> 10, t->unit,
		       (unsigned long long)(w->reserved * 100 / w->sb.ring_bytes), t->late,
		       t->no_memory,
		       (unsigned long long)((ktm_jw_end(w) - w->sb.tail_lsn) * 100 /
					    w->sb.ring_bytes),
		       (unsigned long long)ktm_jw_free(w), t->restarts, t->copies);
	t->stuck = true;
}

/* ---- streams ------------------------------------------------------------ */

static u64 cost(u32 bytes)
{
	return max(bytes + bytes / 2, 128u);
}

static u64 next_copy(const struct stream *s)
{
	return s->first < s->count ? s->e[s->first].place : U64_MAX;
}

static u64 unread_place(const struct stream *s)
{
	return s->bad.bytes ? s->bad.place : U64_MAX;
}

static u64 oldest_place(const struct stream *s)
{
	return min(next_copy(s), unread_place(s));
}

static void add(struct stream *s, const struct ktm_jsent *e)
{
	if (s->count == s->room) {
		s->room = 2 * s->room + 64;
		s->e = must(realloc(s->e, s->room * sizeof(*s->e)));
	}
	s->e[s->count++] = *e;
}

static struct ktm_jrec record(const struct stream *s, u32 bytes, u64 name)
{
	const u32 len = bytes - ktm_jrec_bytes(KTM_JREC_SREC, 0);

	return (struct ktm_jrec){
		.type = KTM_JREC_SREC,
		.flags = name ? KTM_JREC_F_COPY : 0,
		.srec = { .id = s->id, .lsn = name, .len = len, .data = data,
			  .data_crc = ktm_jrec_data_crc(data, len) },
	};
}

static int write_record(struct trial *t, struct stream *s, u32 len)
{
	const u32 bytes = ktm_jrec_bytes(KTM_JREC_SREC, len);
	struct ktm_jrec rec = record(s, bytes, 0);
	struct ktm_jsent e = { .bytes = bytes };
	int err = append(&t->w, &rec, &e.lsn);

	if (err)
		return err;
	e.place = e.lsn - bytes;
	add(s, &e);
	s->used += cost(bytes);
	return 0;
}

/* As ktm_stream_copy_forward(). */
static int copy_forward(struct trial *t, struct stream *s, u64 until)
{
	while (next_copy(s) < until) {
		struct ktm_jsent e = s->e[s->first];
		struct ktm_jrec rec = record(s, e.bytes, e.lsn);
		u64 lsn;
		int err = append(&t->w, &rec, &lsn);

		if (err)
			return err;
		s->first++;
		e.place = lsn - e.bytes;
		add(s, &e);
		t->copies++;
	}
	return 0;
}

/* It is written like any other, but nobody can read it. */
static void write_bad_record(struct trial *t, struct stream *s)
{
	if (write_record(t, s, rng_percent(&t->rng, 50) ? KTM_JF_SREC_MAX : 64))
		abort();
	s->bad = s->e[--s->count];
	s->passed_over = false;
}

/* As ktm_journal_unread_gone(). */
static void unread_gone(struct trial *t)
{
	t->freed = true;
	ktm_jw_unread_gone(&t->w);
}

/* As ktm_stream_copy_unread(). */
static int copy_unread(struct trial *t, struct stream *s, const struct ktm_jc *c)
{
	struct ktm_jrec rec;
	u64 lsn;
	int err;

	if (unread_place(s) >= c->below)
		return 0;
	if (t->ms >= t->readable_at && !s->fails) {
		rec = record(s, s->bad.bytes, s->bad.lsn);
		err = append(&t->w, &rec, &lsn);
		if (err)
			return err;
		s->bad.place = lsn - s->bad.bytes;
		add(s, &s->bad);
		s->bad.bytes = 0;
		t->copies++;
		unread_gone(t);
		return 0;
	}
	if (s->fails)
		s->fails--;
	if (!s->passed_over) {
		ktm_jc_failed(&s->failed, t->ms / 1000);
	} else if (ktm_jc_failed_again(c, &s->failed, t->ms / 1000, t->lost_after)) {
		s->bad.bytes = 0;
		unread_gone(t);
		if (t->readable_at != U64_MAX)
			violation(t, "a record is given up that can be read");
	}
	s->passed_over = true;
	return 0;
}

/* As copy_streams() of the kernel. */
static void copy_streams(struct trial *t)
{
	u64 until, unread = U64_MAX;
	struct ktm_jc c;
	int err = 0;

	ktm_jc_init(&c, &t->w);
	for (int i = 0; i < STREAMS && !err; i++)
		err = copy_unread(t, &t->stream[i], &c);
	while (!err) {
		struct stream *s = NULL;

		ktm_jc_round(&c, &t->w);
		for (int i = 0; i < STREAMS; i++) {
			ktm_jc_offer_unread(&c, unread_place(&t->stream[i]));
			if (ktm_jc_offer(&c, next_copy(&t->stream[i])))
				s = &t->stream[i];
		}
		if (!ktm_jc_pick(&c, &until))
			break;
		err = copy_forward(t, s, until);
	}
	for (int i = 0; i < STREAMS; i++)
		unread = min(unread, unread_place(&t->stream[i]));
	ktm_jw_unread(&t->w, unread != U64_MAX, t->ms / 1000);
	t->alarm_at = t->alarm && unread != U64_MAX && c.pressed ? t->ms + 10000 : U64_MAX;
}

/* ---- restart areas ------------------------------------------------------ */

static void give_up(struct trial *t, int err)
{
	ktm_jw_unmark(&t->w);
	t->freed |= err == -ENOMEM;
}

static void run(struct trial *t, struct ktm_jr *jr)
{
	struct ktm_jf_link link;

	for (;;) {
		switch (ktm_jr_step(jr)) {
		case KTM_JO_WRITE:
		case KTM_JO_FLUSH:
			ktm_jr_io_done(jr, 0);
			break;
		case KTM_JO_FORCE:
			jw_settle(&t->w);
			if (t->w.flushed_lsn < jr->end_lsn || !ktm_jw_marked(&t->w, &link))
				violation(t, "the log does not become durable");
			ktm_jr_forced(jr, &link, ktm_jw_hold(&t->w, jr->dev_bytes, jr->tail), 0);
			break;
		case KTM_JO_DONE:
			return;
		default:
			violation(t, "a restart area fails though nothing has");
			return;
		}
	}
}

/* As ktm_journal_restart(). */
static void restart_area(struct trial *t)
{
	u64 tail = U64_MAX, end;
	struct ktm_jr jr;
	int err;

	t->freed = false;
	t->due_at = 0;
	if (ktm_jw_mark(&t->w)) {
		violation(t, "a restart area cannot begin");
		return;
	}
	ktm_jr_init(&jr, &t->w.sb, t->w.sb.dev_bytes, area);
	copy_streams(t);
	if (rng_percent(&t->rng, t->no_memory)) {
		give_up(t, -ENOMEM);
		return;
	}
	for (int i = 0; i < STREAMS; i++)
		tail = min(tail, oldest_place(&t->stream[i]));
	if (!ktm_jw_worth_ending(&t->w, tail, false)) {
		give_up(t, -ENOSPC);
		return;
	}
	err = ktm_jw_want_end(&t->w, tail, false, &end);
	if (err) {
		give_up(t, err);
		return;
	}
	ktm_jr_end(&jr, end, tail);
	run(t, &jr);
	ktm_jw_restarted(&t->w, &jr.next_sb);
	t->restarts++;
	for (int i = 0; i < STREAMS; i++)
		if (oldest_place(&t->stream[i]) < t->w.sb.tail_lsn)
			violation(t, "a record that lives will be written over");
}

/* ---- who writes what dies at once ---------------------------------------- */

static void restart_if_due(struct trial *t)
{
	struct ktm_jw *w = &t->w;

	if (!t->due_at && ktm_jw_restart_due(w))
		t->due_at = w->next_lsn + w->sb.ring_bytes * t->late / 100;
	if (t->due_at && w->next_lsn >= t->due_at)
		restart_area(t);
}

static int one_decision(struct trial *t)
{
	const struct ktm_jrec rec = {
		.type = KTM_JREC_DECISION,
		.decision = { .outcome = KTM_JREC_COMMIT, .prepared = 1 },
	};
	u64 lsn;
	int err = append(&t->w, &rec, &lsn);

	/* As whoever waits for room does, see ktm_journal_wait_room(). */
	for (int i = 0; i < TRIES && err == -ENOSPC; i++) {
		if (!t->freed && !ktm_jw_restart_helps(&t->w, t->ms / 1000))
			break;
		restart_area(t);
		err = append(&t->w, &rec, &lsn);
	}
	if (!err) {
		ktm_jw_want(&t->w, lsn);
		jw_settle(&t->w);
	}
	return err;
}

static void traffic(struct trial *t, u32 laps, const char *what)
{
	const u64 from = ktm_jw_end(&t->w);

	while (!t->stuck && ktm_jw_end(&t->w) - from < laps * t->w.sb.ring_bytes) {
		/* Even then the next one who asks may have more luck. */
		if (one_decision(t) && (!t->no_memory || one_decision(t)))
			violation(t, what);
		else
			restart_if_due(t);
	}
}

/* Nobody asks for a restart area until nothing fits any more. */
static void burst(struct trial *t)
{
	const struct ktm_jrec rec = { .type = KTM_JREC_DECISION,
				      .decision = { .outcome = KTM_JREC_COMMIT, .prepared = 1 } };
	u64 lsn;

	while (!append(&t->w, &rec, &lsn)) {
		ktm_jw_want(&t->w, lsn);
		jw_settle(&t->w);
	}
}

/* ---- trials --------------------------------------------------------------- */

static void begin(struct trial *t)
{
	const struct ktm_jf_params p = {
		.dev_bytes = t->dev_bytes, .logical = 512, .physical = t->unit, .epoch = 7,
	};
	void *b[KTM_JW_BUFS];
	struct ktm_jf_fault fault;
	struct ktm_jf_sb sb;

	for (int i = 0; i < KTM_JW_BUFS; i++)
		b[i] = bufs[i];
	if (ktm_jf_format(&p, &sb, &fault)) {
		fprintf(stderr, "format: %s\n", fault.msg);
		exit(2);
	}
	ktm_jw_init(&t->w, &sb, b, KTM_JW_BUFS, KTM_JW_BUF_BYTES, true);
	for (int i = 0; i < STREAMS; i++)
		t->stream[i].id = i + 1;
	tried++;
}

static void end(struct trial *t)
{
	for (int i = 0; i < STREAMS; i++)
		free(t->stream[i].e);
}

/* Records into a stream until it has so much of its quota; others write between. */
static void fill(struct trial *t, struct stream *s, u64 quota, u32 between)
{
	const u32 largest = cost(ktm_jrec_bytes(KTM_JREC_SREC, t->largest));

	for (int tries = 0; tries < TRIES && !t->stuck && s->used + largest <= quota; tries++) {
		if (write_record(t, s, rng_below(&t->rng, t->largest + 1)))
			restart_area(t);
		else
			tries = 0;
		for (u32 n = rng_below(&t->rng, between + 1); n; n--)
			one_decision(t);
		restart_if_due(t);
	}
}

static void reserve(struct trial *t, u64 bytes)
{
	if (!ktm_jw_reserve(&t->w, bytes, false))
		t->reserved += bytes;
}

/*
 * What a reopening leaves: what lives, where it is; no reservations. All has been written: what a
 * power cut takes from the end lies elsewhere from then on, and an index here knows one place only.
 */
static void reopen(struct trial *t)
{
	void *b[KTM_JW_BUFS];
	u64 tail = U64_MAX;
	struct ktm_jf_sb sb;

	ktm_jw_want_all(&t->w);
	jw_settle(&t->w);
	sb = t->w.sb;
	for (int i = 0; i < KTM_JW_BUFS; i++)
		b[i] = bufs[i];
	for (int i = 0; i < STREAMS; i++)
		tail = min(tail, oldest_place(&t->stream[i]));
	sb.start_lsn = t->w.next_lsn;
	sb.restart_lsn = sb.start_lsn;
	sb.tail_lsn = min(tail - core_mod64(tail, sb.unit), sb.start_lsn);
	sb.start_seq = t->w.next_seq + 2;
	sb.start_prev_crc = t->w.written_crc;
	sb.generation++;
	sb.epoch++;
	ktm_jw_init(&t->w, &sb, b, KTM_JW_BUFS, KTM_JW_BUF_BYTES, true);
	t->due_at = 0;
	t->freed = false;
}

/* One record, the rest of the quota set aside, and nothing else from that user. */
static void idle_record(struct trial *t, u64 quota)
{
	begin(t);
	if (write_record(t, &t->stream[0], 64))
		abort();
	reserve(t, quota - t->stream[0].used);
	traffic(t, 4 * LAPS, "one small record and a reservation stop the log");
	end(t);
}

/* The oldest record is one stream's, another one holds all that it may. */
static void idle_and_full(struct trial *t, u64 reserved)
{
	begin(t);
	if (write_record(t, &t->stream[1], 64))
		abort();
	fill(t, &t->stream[0], t->w.sb.ring_bytes / 8 * 3 - 512, rng_below(&t->rng, 3));
	reserve(t, reserved);
	traffic(t, LAPS, "an idle record and a full stream stop the log");
	if (!t->stuck && t->reserved) {
		ktm_jw_unreserve(&t->w, t->reserved);
		t->reserved = 0;
		traffic(t, LAPS, "the log stands still though reservations were given back");
	}
	end(t);
}

/* As full as it gets, then a power cut. */
static void full_and_cut(struct trial *t, u64 held)
{
	begin(t);
	if (write_record(t, &t->stream[1], 64))
		abort();
	fill(t, &t->stream[0], held, 1);
	burst(t);
	for (u32 n = rng_below(&t->rng, 3); n; n--) {
		/* And even with a restart area that did not come about. */
		if (!ktm_jw_mark(&t->w)) {
			copy_streams(t);
			ktm_jw_unmark(&t->w);
		}
	}
	reopen(t);
	traffic(t, LAPS, "a log that was full at a power cut stays full");
	end(t);
}

/* Commits, or who is refused and asks once more, until a record that is bad is so no more. */
static void until_settled(struct trial *t, const struct stream *s)
{
	const u64 end = t->ms + 3600000;

	while (!t->stuck && s->bad.bytes && t->ms < end) {
		if (t->ms >= t->alarm_at)
			restart_area(t);
		if (one_decision(t)) {
			t->ms += REFUSED;
			continue;
		}
		t->ms += t->commit_ms;
		restart_if_due(t);
	}
	if (!t->stuck && s->bad.bytes)
		violation(t, "what cannot be read stops the log for good");
}

/*
 * The log's oldest record cannot be read, another stream holds and reserves this and that. Those
 * who ask have it tried again, or nobody asks any more and somebody else does.
 */
static void unreadable(struct trial *t, u64 held, u64 reserved)
{
	struct stream *s = &t->stream[1];

	t->commit_ms = 1 + rng_below(&t->rng, 20);
	t->lost_after = rng_below(&t->rng, 61);
	switch (rng_below(&t->rng, 4)) {
	case 0:
		t->readable_at = rng_below(&t->rng, 120000);
		t->lost_after = 3600;
		break;
	case 1:
		/* A device that hiccups, and then once more. */
		t->readable_at = 0;
		s->fails = 2;
		break;
	default:
		t->readable_at = U64_MAX;
	}
	t->alarm = rng_percent(&t->rng, 50);
	t->alarm_at = U64_MAX;
	begin(t);
	write_bad_record(t, s);
	fill(t, &t->stream[0], held - min(held, s->used), rng_below(&t->rng, 3));
	reserve(t, reserved);
	until_settled(t, s);
	traffic(t, LAPS, "a log that could not read a record stays full");
	end(t);
}

/* Streams hold, reserve and give up this and that, all the time. */
static void come_and_go(struct trial *t)
{
	begin(t);
	for (int round = 0; round < 12 && !t->stuck; round++) {
		struct stream *s = &t->stream[rng_below(&t->rng, STREAMS)];
		const u64 quota = t->w.sb.ring_bytes / 8;

		fill(t, s, rng_below(&t->rng, 100) * quota / 100, rng_below(&t->rng, 8));
		if (rng_percent(&t->rng, 30)) {
			s->first = s->count;
			s->used = 0;
			t->freed = true;
		}
		if (t->reserved) {
			ktm_jw_unreserve(&t->w, t->reserved);
			t->reserved = 0;
		}
		reserve(t, rng_below(&t->rng, 51) * t->w.sb.ring_bytes / 100);
		traffic(t, 1, "what streams may have stops the log");
		if (rng_percent(&t->rng, 20)) {
			burst(t);
			reopen(t);
			t->reserved = 0;
		}
	}
	end(t);
}

static const u32 units[] = { 4096, 4096, 16384, 65536 };

static u64 device(struct rng *rng, u32 unit)
{
	const u64 least = ktm_jf_min_bytes(unit);

	switch (rng_below(rng, 10)) {
	case 0:
		return 16u << 20;
	case 1:
		return max(least, 4u << 20);
	case 2:
	case 3:
	case 4:
	case 5:
		return ALIGN(least + rng_below(rng, least), (u64)unit);
	default:
		return least;
	}
}

int main(int argc, char **argv)
{
	const u32 trials = argc > 1 ? strtoul(argv[1], NULL, 0) : 500;
	const u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	unsigned long restarts = 0, copies = 0;

	for (u32 n = 0; n < trials && violations < 50; n++) {
		struct trial t = { .rng.s = seed * 1000003 + n };
		struct ktm_jf_fault fault;
		struct ktm_jf_sb sb;
		u64 ring;

		t.unit = units[rng_below(&t.rng, 4)];
		t.dev_bytes = device(&t.rng, t.unit);
		/* There one open batch is a good part of all that is left. */
		if (n % 6 == 3) {
			t.unit = 4096;
			t.dev_bytes = ktm_jf_min_bytes(t.unit);
		}
		t.late = rng_percent(&t.rng, 50) ? 0 : rng_below(&t.rng, 41);
		t.no_memory = rng_percent(&t.rng, 80) ? 0 : 20;
		t.largest = rng_percent(&t.rng, 50) ? KTM_JF_SREC_MAX : 16 + rng_below(&t.rng, 2000);
		if (ktm_jf_format(&(struct ktm_jf_params){ .dev_bytes = t.dev_bytes, .logical = 512,
				  .physical = t.unit, .epoch = 7 }, &sb, &fault))
			return 2;
		ring = sb.ring_bytes;
		switch (n % 6) {
		case 0:
			idle_record(&t, ring / 8 * 3 - (rng_percent(&t.rng, 50) ? 0 :
				    rng_below(&t.rng, 30) * ring / 100));
			break;
		case 1:
			idle_and_full(&t, rng_below(&t.rng, 51) * ring / 100);
			break;
		case 2:
			full_and_cut(&t, rng_below(&t.rng, 38) * ring / 100);
			break;
		case 3:
			idle_and_full(&t, (40 + rng_below(&t.rng, 11)) * ring / 100);
			break;
		case 4:
			unreadable(&t, (20 + rng_below(&t.rng, 18)) * ring / 100,
				   rng_below(&t.rng, 51) * ring / 100);
			break;
		default:
			come_and_go(&t);
			break;
		}
		restarts += t.restarts;
		copies += t.copies;
	}
	printf("# %lu restart areas, %lu records copied forward\n", restarts, copies);
	printf("campaign journal_full: tried=%lu violations=%lu seed=%llu\n", tried, violations,
	       (unsigned long long)seed);
	printf("TAP version 13\n1..2\n");
	printf("%sok 1 - a log that is full of dead bytes makes room\n", violations ? "not " : "");
	printf("%sok 2 - restart areas were written, and records copied forward\n",
	       restarts && copies ? "" : "not ");
	return violations || !restarts || !copies;
}
