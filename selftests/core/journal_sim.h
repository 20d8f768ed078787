/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A transaction manager in miniature over the journal's core and a simulated disk.
 *
 * It keeps what it appended (the history), knows what must have survived, and after each
 * recovery compares. A violation is counted and said; it ends the trial at hand.
 *
 *	journal_sim.c		opening, closing, the writer's I/O
 *	journal_sim_state.c	what lives: records applied to it, walked for a restart area
 *	journal_sim_work.c	the workload
 *	journal_sim_restart.c	restart areas of the running log, reading streams
 */
#ifndef KTM_TEST_JOURNAL_SIM_H
#define KTM_TEST_JOURNAL_SIM_H

#include "journal_disk.h"
#include "journal_open.h"
#include "journal_replay.h"
#include "journal_restart.h"
#include "journal_writer.h"

/* How many live at once. */
#define MAX_TX		16
#define MAX_ENL		3
#define MAX_RM		6
#define MAX_STREAM	4
#define MAX_SREC	48
/* While a log is replayed, what its restart area does not know any more lives again for a while. */
#define SLOT_TX		40
#define SLOT_RM		24
#define SLOT_STREAM	12

#define MAX_HISTORY	16384
#define MAX_FLIGHT	64
#define MAX_NAMES	32
#define JSIM_ENOUGH	50	/* violations after which a campaign stops */

/* @id: 0: slot is free; @lsn: of its record, 0: in a restart area */
struct jsim_rm {
	u64 id;
	u64 lsn;
	struct ktm_jp_rm jp;
};

/* An enlistment: @key: 0: not prepared yet, or finished */
struct jsim_en {
	u64 key;
	u64 rm;
	u32 info_len;
	bool superior;
};

struct jsim_tx {
	u64 id;			/* 0: slot is free */
	u64 lsn;		/* of its last record */
	struct ktm_jp_tx jp;
	struct jsim_en en[MAX_ENL];
	/* what it plans, and has reserved for that */
	struct jsim_en plan[MAX_ENL];
	u32 prepare_reserved[MAX_ENL];
	u32 completion_reserved[MAX_ENL];
	u32 decision_reserved;
	bool rolled_back;
};

struct jsim_stream {
	u64 id;
	u64 lsn;
	u64 quota;
	u64 reserved;		/* for one append to come */
	u32 reserved_len;
	struct ktm_jp_stream jp;
	u32 count;
	struct ktm_jsent ent[MAX_SREC];
};

struct jsim_state {
	struct ktm_jp jp;
	struct jsim_rm rm[SLOT_RM];
	struct jsim_tx tx[SLOT_TX];
	struct jsim_stream stream[SLOT_STREAM];
};

/* A walk over all that lives; each object is copied when its turn comes. */
struct jsim_walk {
	u32 object;
	u32 part;
	bool presume;		/* abort: who has no decision will not get one */
	u64 since;		/* RMs made behind this are said again before who needs them */
	u64 tail;		/* oldest place of a record in what was said */
	struct jsim_rm rm[MAX_ENL];
	u32 rms;
	struct jsim_tx tx;
	struct jsim_stream stream;
	u8 info[KTM_JF_INFO_MAX];
};

enum jsim_restart_phase {
	JSIM_R_OFF,
	JSIM_R_COPY,
	JSIM_R_WALK,
	JSIM_R_STEP,
	JSIM_R_WRITE,
	JSIM_R_FLUSH,
	JSIM_R_FORCE,
};

/* A restart area of the running log; goes on a little at each step of the workload. */
struct jsim_restart {
	enum jsim_restart_phase phase;
	struct ktm_jr jr;
	struct jsim_walk walk;
	struct ktm_jrec rec;
	bool again;		/* @rec was not taken yet */
	bool hurry;		/* something waits for room */
	u64 want_tail;
	u64 ticket;
	u32 io;
	u8 buf[KTM_JF_BATCH_MAX];
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
	u32 stream_percent;		/* how much of the work is that of streams */
	bool restarts;			/* restart areas are made while it runs */
	bool lazy;			/* they copy nothing forward unless room is short */

	u64 history[MAX_HISTORY];	/* hash of each record appended */
	u64 digest[MAX_HISTORY + 1];	/* of what lives after so many records */
	u64 lsn[MAX_HISTORY];
	u64 appended;
	u64 acked;			/* this many must survive */
	struct jsim_state state;
	bool damaged;			/* somebody has damaged the disk: streams may be unreadable */

	bool online;
	bool starved;			/* something found no room */
	bool one_superblock;		/* a restart area has begun to write one, and has not ended */
	bool no_signpost;		/* it was broken, and no opening has been made since */
	bool opened;			/* just now; what was read is there still */
	struct ktm_jf_sb old_sb;	/* of the opening before */
	struct ktm_jw w;
	struct jsim_io flight[MAX_FLIGHT];
	u32 in_flight;
	struct jsim_restart restart;
	unsigned long restarted;	/* restart areas that were made while it ran */
	unsigned long copied;		/* records copied forward */
	bool growing;			/* the disk is enlarged now and then */
	u64 most_bytes;			/* up to this size */
	u64 sb2_place;			/* of the second superblock, ever since it was formatted */
	unsigned long grown[2];		/* how often the ring became larger: at an opening, later */
	u64 last_epoch;
	u8 bufs[4][KTM_JW_BUF_BYTES];
	u8 info[KTM_JF_INFO_MAX];	/* variable part of the record being appended */

	struct ktm_guid names[MAX_NAMES];	/* the TM that the disk may say it belongs to */
	u32 nr_names;

	bool failed;			/* a violation was found */
	void (*boundary)(struct jsim *s);	/* called at every I/O boundary */
	void (*restart_boundary)(struct jsim *s);	/* while a restart area does I/O */
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
extern struct ktm_jo jsim_jo;	/* of the last recovery */

void jsim_violation(struct jsim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
u64 jsim_hash(u64 h, const void *data, size_t len);
u64 jsim_mix(u64 a, u64 b);
struct ktm_guid jsim_guid(u64 a, u64 b);

/* A formatted disk of this many units with nothing in it. */
void jsim_init(struct jsim *s, u64 seed, u32 unit, u64 units);
/* What kind of workload the next ones are, and whether the disk has FUA. */
void jsim_habits(struct jsim *s);
void jsim_free(struct jsim *s);

/* What a crash leaves of it: the disk and what is known of it. */
void jsim_clone(struct jsim *to, const struct jsim *from);

/* How many records of the history end at or before this LSN. */
u64 jsim_count(const struct jsim *s, u64 lsn);

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

/* The device becomes larger, or does not. */
void jsim_grow(struct jsim *s);

/* End all I/O that is under way, with errors if @fail. */
void jsim_drain(struct jsim *s, bool fail);

/* End a restart area, force all that was appended, and wait. */
void jsim_sync(struct jsim *s);

/* With all lost that was not flushed: are the batches up to the tail that was found still there? */
void jsim_check_tail(struct jsim *s);

/* ---- journal_sim.c, for the other files ---- */

void jsim_pump(struct jsim *s);
void jsim_end_one(struct jsim *s);
void jsim_at_boundary(struct jsim *s);

/* ---- journal_sim_state.c ---- */

struct jsim_tx *jsim_find_tx(struct jsim_state *st, u64 id);
u64 jsim_state_digest(const struct jsim_state *st);
/* Apply a record to what lives; a sentence if it does not fit. */
const char *jsim_apply(struct jsim_state *st, const struct ktm_jrec *rec);
void jsim_make_rm(struct ktm_jrec *rec, u64 id, bool gone);
void jsim_make_prepared(struct ktm_jrec *rec, u8 *info, u64 tx, const struct jsim_en *en, u32 k);
void jsim_make_stream(struct ktm_jrec *rec, u64 id, u64 quota);
void jsim_make_data(struct ktm_jrec *rec, u8 *data);
bool jsim_data_good(const struct ktm_jrec *rec);
/* The next record of all that lives; false: no more. */
bool jsim_walk_next(struct jsim_walk *w, const struct jsim_state *st, struct ktm_jrec *rec);

/* ---- journal_sim_work.c ---- */

/* 0; -EAGAIN never; the record's LSN goes to *@rec. */
int jsim_append(struct jsim *s, struct ktm_jrec *rec, u32 reserved, bool force);
/* What the recovered transactions still have to log, and the streams' quotas. */
void jsim_reserve_again(struct jsim *s);

/* ---- journal_sim_restart.c ---- */

void jsim_restart_begin(struct jsim *s);
void jsim_restart_step(struct jsim *s);
/* Both superblocks begin behind it: what no longer counts is noise from now on. */
void jsim_give_back(struct jsim *s, const struct ktm_jf_sb *old);
/* Its write under way ends, well or not. */
void jsim_restart_drain(struct jsim *s, bool fail);
/* Can every live record of every stream be read, and is it what was appended? */
void jsim_check_streams(struct jsim *s, const struct ktm_jf_sb *sb, const struct jsim_state *st);

#endif
