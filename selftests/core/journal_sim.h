/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A transaction manager in miniature over the journal's core and a simulated disk.
 *
 * It keeps what it appended (the history), knows what must have survived, and after each
 * recovery compares. A violation is counted and said; it ends the trial at hand.
 */
#ifndef KTM_TEST_JOURNAL_SIM_H
#define KTM_TEST_JOURNAL_SIM_H

#include "journal_disk.h"
#include "journal_open.h"
#include "journal_writer.h"

#define MAX_TX		16
#define MAX_ENL		3
#define MAX_RM		6
#define MAX_HISTORY	8192
#define MAX_FLIGHT	64
#define MAX_NAMES	32
#define JSIM_ENOUGH	50	/* violations after which a campaign stops */

struct jsim_tx {
	u64 id;			/* 0: slot is free */
	u32 outcome;
	u32 enlistments;	/* planned */
	u32 prepared;
	u64 key[MAX_ENL];
	u32 info_len[MAX_ENL];
	bool done[MAX_ENL];
	u32 reserved[MAX_ENL];	/* PREPARED still to be appended */
	u32 decision_reserved;
	u32 completion_reserved[MAX_ENL];
};

struct jsim_state {
	struct jsim_tx tx[MAX_TX];
	u64 rm[MAX_RM];
	u64 count;		/* records that made it */
};

/* I/O of the writer that is under way. */
struct jsim_io {
	struct ktm_jw_batch *batch;	/* NULL: a flush */
	u32 ids[KTM_JF_MAX_SEGS];
	u32 nids;
};

struct jsim {
	struct disk disk;
	struct rng rng;
	u64 nonce;
	u32 unit;
	bool fua;
	u32 force_percent;		/* how many decisions are forced */
	u32 big_percent;		/* how much recovery information is large */

	u64 history[MAX_HISTORY];	/* hash of each record appended */
	u64 digest[MAX_HISTORY + 1];	/* of what lives after so many records */
	u64 lsn[MAX_HISTORY];
	u64 appended;
	u64 acked;			/* this many must survive */
	struct jsim_state state;

	bool online;
	struct ktm_jw w;
	struct jsim_io flight[MAX_FLIGHT];
	u32 in_flight;
	u64 last_epoch;
	u8 bufs[4][KTM_JW_BUF_BYTES];
	u8 info[KTM_JF_INFO_MAX];	/* of the record being appended */

	struct ktm_guid names[MAX_NAMES];	/* the TM that the disk may say it belongs to */
	u32 nr_names;

	bool failed;			/* a violation was found */
	void (*boundary)(struct jsim *s);	/* called at every I/O boundary */
};

enum jsim_stop {
	STOP_NEVER,
	STOP_CRASH,		/* the caller crashes the disk next */
	STOP_ERROR,		/* the I/O fails */
	STOP_READ,		/* nothing fails, but it only wants to read */
};

enum jsim_recovery {
	RECOVERED,
	STOPPED,
	IO_FAILED,
	REFUSED,
};

extern unsigned long jsim_violations;
extern bool jsim_quiet;

void jsim_violation(struct jsim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A formatted disk of this many units with nothing in it. */
void jsim_init(struct jsim *s, u64 seed, u32 unit, u64 units);
/* What kind of workload the next ones are, and whether the disk has FUA. */
void jsim_habits(struct jsim *s);
void jsim_free(struct jsim *s);

/* What a crash leaves of it: the disk and what is known of it. */
void jsim_clone(struct jsim *to, const struct jsim *from);

/*
 * Open the journal. @stop happens at I/O number @at; *@ios counts them. On RECOVERED what
 * was found has been checked and the writer runs, but after STOP_READ; on REFUSED *@fault says why.
 */
enum jsim_recovery jsim_recover(struct jsim *s, enum jsim_stop stop, u32 at, u32 *ios,
			      struct ktm_jf_fault *fault);

/* Give it another owner; as jsim_recover(), but RECOVERED leaves the journal closed. */
enum jsim_recovery jsim_rename(struct jsim *s, enum jsim_stop stop, u32 at, u32 *ios,
			       struct ktm_jf_fault *fault);

/* One step of the workload; false: the journal is full or offline and wants to be opened again. */
bool jsim_step(struct jsim *s);

/* End all I/O that is under way, with errors if @fail. */
void jsim_drain(struct jsim *s, bool fail);

/* Force all that was appended, and wait. */
void jsim_sync(struct jsim *s);

/* With all lost that was not flushed: are the batches up to the tail that was found still there? */
void jsim_check_tail(struct jsim *s);

extern struct ktm_jo jsim_jo;	/* of the last recovery */

#endif
