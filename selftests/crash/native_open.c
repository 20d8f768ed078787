// SPDX-License-Identifier: GPL-2.0
/*
 * See native_open.h.
 */
#include "native_open.h"

#include "calls.h"

#include <errno.h>
#include <stdlib.h>

#define SECTOR		512u
#define MAX_PENDING	64u

/* A write that no flush has covered, and what was there before. */
struct pending {
	uint64_t place;
	uint32_t bytes;
	uint8_t *before;
};

/**
 * struct power - the disk's cache, and when the power goes
 * @pending: what is lost then, perhaps
 * @nr: how much that is
 * @left: writes and flushes until then; 0: it stays
 * @prng: says what is lost
 */
struct power {
	struct pending pending[MAX_PENDING];
	size_t nr;
	size_t left;
	struct prng *prng;
};

static void flush(struct power *p)
{
	while (p->nr)
		free(p->pending[--p->nr].before);
}

static int transfer(struct native *n, struct power *p, bool write)
{
	struct ktm_jo *jo = &n->jo;
	struct pending *pending = &p->pending[p->nr];

	if (jo->place > n->bytes || jo->bytes > n->bytes - jo->place)
		return -EIO;
	if (!write) {
		memcpy(jo->data, n->disk + jo->place, jo->bytes);
		return 0;
	}
	if (p->nr++ == MAX_PENDING)
		die("an opening writes too much without a flush");
	*pending = (struct pending){ jo->place, jo->bytes, malloc(jo->bytes) };
	if (!pending->before)
		die("out of memory");
	memcpy(pending->before, n->disk + jo->place, jo->bytes);
	memcpy(n->disk + jo->place, jo->data, jo->bytes);
	return 0;
}

/* Each sector of each write is there or not; the last first, so that what is under it comes back. */
static void lose(struct native *n, struct power *p)
{
	while (p->nr) {
		struct pending *w = &p->pending[--p->nr];
		const uint64_t sort = prng_below(p->prng, 3);
		uint32_t at;

		for (at = 0; at < w->bytes; at += SECTOR)
			if (sort == 0 || (sort == 1 && prng_below(p->prng, 2)))
				memcpy(n->disk + w->place + at, w->before + at, SECTOR);
		free(w->before);
	}
}

/* What is asked for until it is something else than reading and writing. -1: the power went. */
static int next(struct native *n, struct power *p)
{
	enum ktm_jo_want want;

	for (;;) {
		want = ktm_jo_step(&n->jo);
		switch (want) {
		case KTM_JO_READ:
			ktm_jo_io_done(&n->jo, transfer(n, p, false));
			continue;
		case KTM_JO_WRITE:
			ktm_jo_io_done(&n->jo, transfer(n, p, true));
			break;
		case KTM_JO_FLUSH:
			flush(p);
			ktm_jo_io_done(&n->jo, 0);
			break;
		default:
			return want;
		}
		if (p->left && !--p->left)
			return -1;
	}
}

struct snapshot {
	struct native *n;
	struct power *p;
};

static int add(void *ctx, const struct ktm_jrec *rec)
{
	struct snapshot *s = ctx;
	int err, want;

	while ((err = ktm_jo_snap_add(&s->n->jo, rec)) == -EAGAIN) {
		want = next(s->n, s->p);
		if (want != KTM_JO_SNAPSHOT)
			return want < 0 ? -EINTR : -EIO;
	}
	return err;
}

static int give(struct native *n, struct power *p)
{
	struct snapshot s = { n, p };
	const struct live_stream *whose;
	int err = live_complete(&n->live, n->jo.tail);

	if (!err)
		err = live_consistent(&n->live);
	if (!err)
		err = live_records(&n->live, add, &s);
	if (!err)
		ktm_jo_snap_end(&n->jo, live_oldest(&n->live, &whose));
	return err;
}

static int replay(struct native *n, struct power *p)
{
	bool begun = false;
	int want, err;

	for (;;) {
		want = next(n, p);
		if (!begun && (want == KTM_JO_REPLAY || want == KTM_JO_SNAPSHOT)) {
			live_init(&n->live, &n->jo.sb);
			begun = true;
		}
		if (want == KTM_JO_REPLAY)
			err = live_replay(&n->live, &n->jo.rec);
		else if (want == KTM_JO_SNAPSHOT)
			err = give(n, p);
		else
			return want;
		if (err == -EINTR)
			return -1;
		if (err) {
			n->why = n->live.found.why;
			ktm_jo_refuse(&n->jo, err);
		}
	}
}

bool native_open(struct native *n, struct prng *prng, size_t steps)
{
	struct power p = { .left = steps, .prng = prng };
	const struct ktm_jo_params params = {
		.dev_bytes = n->bytes,
		.sector = SECTOR,
		.epoch = prng_next(prng) | 1,
		.buf = n->buf,
		.room = KTM_JF_BATCH_MAX,
	};
	int want;

	memset(&n->live, 0, sizeof(n->live));
	n->why = NULL;
	ktm_jo_init(&n->jo, &params);
	want = replay(n, &p);
	if (want < 0)
		lose(n, &p);
	flush(&p);
	if (want == KTM_JO_FAILED && !n->why)
		n->why = n->jo.fault.msg;
	return want == KTM_JO_DONE;
}

void native_close(struct native *n)
{
	live_free(&n->live);
}

bool native_read(struct native *n, const struct live_stream *stream, const struct ktm_jsent *at,
		 struct ktm_jrec *rec)
{
	const struct ktm_jf_sb *sb = &n->jo.sb;
	const uint64_t first = at->place - at->place % sb->unit;
	const uint32_t skip = (uint32_t)(at->place - first);
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	uint8_t *to = n->buf;
	const char *why;
	int i, count;

	count = ktm_jf_map(sb, first, ALIGN(skip + at->bytes, sb->unit), segs);
	for (i = 0; i < count; i++) {
		memcpy(to, n->disk + segs[i].place, segs[i].bytes);
		to += segs[i].bytes;
	}
	return ktm_jrec_decode(rec, (uint8_t *)n->buf + skip, at->bytes, &why) == at->bytes &&
	       rec->type == KTM_JREC_SREC && rec->srec.id == stream->id &&
	       rec->srec.lsn == at->lsn;
}
