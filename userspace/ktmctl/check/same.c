// SPDX-License-Identifier: GPL-2.0
/*
 * ktmctl finds in a log what the tests' model finds, which keeps it in another way: random
 * histories of a transaction manager, with restart areas of a running log, cut anywhere.
 * What ktmctl would write into the next restart area is read by a second model.
 *
 *	same SEED HISTORIES
 */
#include <stdio.h>
#include <stdlib.h>

#include "journal_history.h"
#include "live.h"
#include "values.h"

static unsigned long tried, violations;
static u64 seed;

/* The histories are about order; what their objects are called and may do is of no concern. */
const char *values_wrong(const struct ktm_jrec *rec)
{
	(void)rec;
	return NULL;
}
static void violation(u64 upto, const char *what)
{
	violations++;
	if (violations < 20)
		printf("# seed %llu, up to LSN %llu: %s\n", (unsigned long long)seed,
		       (unsigned long long)upto, what);
}

/* As jhistory_replay(), for ktmctl. */
static int replay(const struct jhistory *h, const struct jh_area *area, u64 upto,
		  struct live *live)
{
	const struct ktm_jf_sb sb = {
		.start_lsn = area->start,
		.restart_lsn = area->end,
		.tail_lsn = area->tail,
	};
	struct ktm_jrec rec;
	const char *why;
	u32 at, i;
	int err = 0;

	live_init(live, &sb);
	for (at = 0; !err && at < area->bytes;) {
		at += ktm_jrec_decode(&rec, h->bytes + area->at + at, area->bytes - at, &why);
		if (why)
			abort();
		err = live_replay(live, &rec);
	}
	for (i = 0; !err && i < h->count && h->recs[i].lsn <= upto; i++) {
		if (h->recs[i].lsn <= area->start)
			continue;
		if (!ktm_jrec_decode(&rec, h->bytes + h->recs[i].at, h->recs[i].size, &why))
			abort();
		rec.lsn = h->recs[i].lsn;
		err = live_replay(live, &rec);
	}
	return err ? err : live_complete(live, upto);
}

/* A record as the next opening reads it: encoded and decoded. */
static int read_again(void *ctx, const struct ktm_jrec *rec)
{
	static u8 bytes[KTM_JF_REC_MAX];
	struct jmodel *model = ctx;
	struct ktm_jrec back;
	const char *why;
	u32 size = ktm_jrec_encode(rec, bytes, sizeof(bytes));

	if (!size || !ktm_jrec_decode(&back, bytes, size, &why))
		return -EINVAL;
	return jmodel_replay(model, &back);
}

static void compare(const struct jhistory *h, const struct jh_area *area, u64 upto)
{
	const struct ktm_jf_sb next = {
		.start_lsn = upto,
		.restart_lsn = upto,
		.tail_lsn = area->tail,
	};
	const struct live_stream *whose;
	struct jmodel model, again;
	struct live live;

	tried++;
	if (jhistory_replay(h, area, upto, &model))
		abort();
	jmodel_init(&again, &next);
	if (replay(h, area, upto, &live))
		violation(upto, live.found.why);
	else if (live_oldest(&live, &whose) != jmodel_oldest(&model))
		violation(upto, "another oldest record");
	else if (live_records(&live, read_again, &again) || jmodel_end(&again, upto))
		violation(upto, again.jp.why ? again.jp.why : "what lives is no restart area");
	else if (jmodel_digest(&again) != jmodel_digest(&model))
		violation(upto, "another live set");
	live_free(&live);
	jmodel_free(&model);
	jmodel_free(&again);
}

static void history(void)
{
	struct jhistory h;
	struct jh_area area;
	u32 i, first;

	jhistory_init(&h, seed, 4096, 4096, false);
	for (i = rng_below(&h.rng, 400); i; i--)
		jhistory_step(&h);
	jhistory_area(&h, &area);
	first = h.count;
	for (i = rng_below(&h.rng, 100); i; i--)
		jhistory_step(&h);
	compare(&h, &area, area.end);
	compare(&h, &area, h.next);
	for (i = 0; i < 6 && h.count > first; i++)
		compare(&h, &area, h.recs[first + rng_below(&h.rng, h.count - first)].lsn);
	jhistory_free(&h);
}

int main(int argc, char **argv)
{
	u64 count, done;

	if (argc != 3)
		return 2;
	seed = strtoull(argv[1], NULL, 0);
	count = strtoull(argv[2], NULL, 0);
	for (done = 0; done < count; done++, seed++)
		history();
	printf("campaign ktmctl_live: tried=%lu violations=%lu seed=%s\n", tried, violations,
	       argv[1]);
	return violations != 0;
}
