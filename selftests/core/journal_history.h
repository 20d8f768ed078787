/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A log as a transaction manager writes it that does everything: resource managers come
 * and go, transactions with and without superiors, streams with copies, bases and cuts;
 * and restart areas, written while all that goes on.
 */
#ifndef KTM_TEST_JOURNAL_HISTORY_H
#define KTM_TEST_JOURNAL_HISTORY_H

#include "journal_model.h"
#include "rng.h"

/* A record in the log, @batch: LSN of the batch that holds it. Encoded: at @at of the bytes. */
struct jh_rec {
	u64 lsn;
	u64 batch;
	u32 at, size;
};

struct jh_area {
	u64 start, end, tail;	/* S, E, and the oldest place that was live */
	u32 at, bytes;		/* its records, encoded, one after the other */
};

struct jhistory {
	struct rng rng;
	u32 unit;
	bool info;		/* data in records */
	struct jmodel now;	/* all that lives */
	struct jm_stream *walked;	/* its index is being written into a restart area, or NULL */
	u64 next;		/* LSN where the next record begins */
	u64 batch;		/* LSN of the open batch, 0: none */
	u64 names;		/* numbers for what has to be new */
	u64 clock;
	struct jh_rec *recs;
	u32 count, recs_room;
	u8 *bytes;
	u32 used, bytes_room;
};

/* @start: LSN of the first batch. */
void jhistory_init(struct jhistory *h, u64 seed, u64 start, u32 unit, bool info);
void jhistory_free(struct jhistory *h);

/* One thing happens. */
void jhistory_step(struct jhistory *h);

/* A restart area is written, while other things happen. */
void jhistory_area(struct jhistory *h, struct jh_area *area);

/* The open batch is closed; where the next one begins. */
u64 jhistory_close(struct jhistory *h);

/*
 * What the log up to @upto says: with @area: from its records and those of the log behind its
 * start; NULL: from all records since the beginning. -EUCLEAN and m->jp.why if that does not fit.
 */
int jhistory_replay(const struct jhistory *h, const struct jh_area *area, u64 upto,
		    struct jmodel *m);

#endif
