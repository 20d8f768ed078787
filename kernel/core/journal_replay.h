/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the records of a log mean, one after the other: the rules of recovery.
 *
 * Nothing is kept here but counts. Who replays a log (recovery.c, the tools, the
 * simulations) has its own objects and finds them by GUID or id; it embeds one of the
 * small structs below in each, zeroed when it is made. For each record, in the order of
 * the restart area and then of the ring, it calls the function of its kind with what it
 * has found (NULL: nothing), and does what the answer says. A negative answer is -EUCLEAN:
 * no log says that, and @why of struct ktm_jp is a sentence of what is wrong.
 *
 * The restart area may have been written while the log went on: its parts are of
 * different instants between the restart point S (start_lsn) and E (restart_lsn). So
 * records of the ring that end at or below E may be known to it already, which it says by
 * the lsn of each transaction and stream; or may be of something that was over before the
 * area came by, which is then not in it. Both are skipped. Beyond E nothing is.
 */
#ifndef KTM_CORE_JOURNAL_REPLAY_H
#define KTM_CORE_JOURNAL_REPLAY_H

#include "journal_format.h"
#include "protocol.h"

/**
 * enum ktm_jp_do - what a record asks for
 * @KTM_JP_SKIP: nothing
 * @KTM_JP_MAKE: what it is of is not known: make that, then call again. RM: the resource
 *	manager; TX and PREPARED: the transaction; STREAM: the stream
 * @KTM_JP_TAKE: RM, TX, STREAM: what the record says of it holds from now on
 * @KTM_JP_ENLIST: PREPARED: make the enlistment
 * @KTM_JP_END: RM_GONE, STREAM_GONE: it is over. COMPLETION: the enlistment is
 * @KTM_JP_END_TX: COMPLETION: the enlistment, if there is one, and the transaction are over
 * @KTM_JP_END_SUPERIOR: DECISION: the enlistment of its superior is over
 * @KTM_JP_ADD: SREC: it lives, at rec->lsn less its bytes. SINDEX: all its entries live
 * @KTM_JP_MOVE: SREC: what lives of that name lives there from now on
 * @KTM_JP_CUT_BELOW: SBASE: what has a name below @base of the stream lives no more
 * @KTM_JP_CUT_ABOVE: STRUNC: what has a name above rec->strunc.last lives no more; then
 *	ktm_jp_stream_cut()
 */
enum ktm_jp_do {
	KTM_JP_SKIP,
	KTM_JP_MAKE,
	KTM_JP_TAKE,
	KTM_JP_ENLIST,
	KTM_JP_END,
	KTM_JP_END_TX,
	KTM_JP_END_SUPERIOR,
	KTM_JP_ADD,
	KTM_JP_MOVE,
	KTM_JP_CUT_BELOW,
	KTM_JP_CUT_ABOVE,
};

/**
 * struct ktm_jp - a replay under way
 * @tail: the oldest byte of the log that is still needed
 * @end: E, up to which the restart area may know of the log
 * @clock: the highest virtual clock so far
 * @announced: records and entries of indexes that the restart area has still to bring
 * @owed: records without which what was skipped makes no sense
 * @ring: bytes of the ring
 * @quotas: that the streams which live were granted, as far as ktm_jp_quota() was told
 * @needs: bytes kept in them for enlistments, as far as ktm_jp_need() was told
 * @why: what is wrong, once a call has failed
 */
struct ktm_jp {
	u64 tail;
	u64 end;
	u64 clock;
	u64 announced;
	u64 owed;
	u64 ring;
	u64 quotas;
	u64 needs;
	const char *why;
};

/**
 * struct ktm_jp_rm - a resource manager
 * @unfinished: enlistments of it that are not over
 * @live: memory has it, so a record that ends it cannot be the last word; the caller's
 * @gone: a record says that it is no more, and another has to say that it is again
 */
struct ktm_jp_rm {
	u32 unfinished;
	bool live;
	bool gone;
};

/**
 * struct ktm_jp_tx - a transaction
 * @clock: of its decision
 * @lsn: the restart area knows of its records up to here; 0: it is not in the area
 * @prepared: PREPARED records of participants, of those that are over, too
 * @announced: PREPARED records that the restart area has still to bring
 * @unfinished: enlistments that are not over, the superior's among them
 * @lost: those of them whose RM was no more when the restart area was written
 * @known: a record of it was taken
 * @superior: its superior's enlistment is one of the unfinished
 * @decided: its outcome is in the log
 * @committed: that is a commit
 * @completed: one of its enlistments has a COMPLETION record
 */
struct ktm_jp_tx {
	u64 clock;
	u64 lsn;
	u32 prepared;
	u32 announced;
	u32 unfinished;
	u32 lost;
	bool known;
	bool superior;
	bool decided;
	bool committed;
	bool completed;
};

/**
 * struct ktm_jp_stream - a log stream
 * @base: 0, or the oldest name that is needed
 * @last: the newest name ever, 0: none
 * @restart: name of the newest restart record that lives, 0: none
 * @lsn: the restart area knows of its records up to here; 0: it is not in the area
 * @indexed: name of the last entry of its index so far
 * @indexed_restart: name of the last one that is a restart record
 * @announced: entries that the restart area has still to bring
 * @known: a record of it was taken
 */
struct ktm_jp_stream {
	u64 base;
	u64 last;
	u64 restart;
	u64 lsn;
	u64 indexed;
	u64 indexed_restart;
	u32 announced;
	bool known;
};

void ktm_jp_init(struct ktm_jp *j, const struct ktm_jf_sb *sb);

int ktm_jp_clock(struct ktm_jp *j, const struct ktm_jrec *rec);
int ktm_jp_rm(struct ktm_jp *j, struct ktm_jp_rm *rm, const struct ktm_jrec *rec);
int ktm_jp_rm_gone(struct ktm_jp *j, struct ktm_jp_rm *rm, const struct ktm_jrec *rec);
int ktm_jp_tx(struct ktm_jp *j, struct ktm_jp_tx *tx, const struct ktm_jrec *rec);

/* @again: an enlistment of that GUID, of whatever transaction, is not over. */
int ktm_jp_prepared(struct ktm_jp *j, struct ktm_jp_tx *tx, struct ktm_jp_rm *rm, bool again,
		    const struct ktm_jrec *rec);

/* @superior: the RM of its superior's enlistment, if that is not over. */
int ktm_jp_decision(struct ktm_jp *j, struct ktm_jp_tx *tx, struct ktm_jp_rm *superior,
		    const struct ktm_jrec *rec);

/* @rm: the RM of the enlistment, NULL: not found; @superior: it is the superior's. */
int ktm_jp_completion(struct ktm_jp *j, struct ktm_jp_tx *tx, struct ktm_jp_rm *rm,
		      bool superior, const struct ktm_jrec *rec);

/* @live: what its record says so far; looked at only if @s->known. */
int ktm_jp_stream(struct ktm_jp *j, struct ktm_jp_stream *s, const struct ktm_jrec *live,
		  const struct ktm_jrec *rec);

int ktm_jp_stream_gone(struct ktm_jp *j, struct ktm_jp_stream *s, const struct ktm_jrec *rec);
int ktm_jp_sindex(struct ktm_jp *j, struct ktm_jp_stream *s, const struct ktm_jrec *rec);

/* @live: where the record of that name lives so far, or NULL. */
int ktm_jp_srec(struct ktm_jp *j, struct ktm_jp_stream *s, const struct ktm_jsent *live,
		const struct ktm_jrec *rec);

int ktm_jp_sbase(struct ktm_jp *j, struct ktm_jp_stream *s, const struct ktm_jrec *rec);
int ktm_jp_strunc(struct ktm_jp *j, struct ktm_jp_stream *s, const struct ktm_jrec *rec);

/* Its end is cut off. @restart: name of the newest restart record that still lives, or 0. */
static inline void ktm_jp_stream_cut(struct ktm_jp_stream *s, u64 restart)
{
	s->restart = restart;
}

/**
 * ktm_jp_end() - all records were replayed
 * @j: the replay
 * @tail: where the log ends
 *
 * That no two streams that live have one GUID, and that the streams of the enlistments
 * that are not over live, is for the caller to see now: before, it need not be so.
 *
 * Return: 0 or -EUCLEAN.
 */
int ktm_jp_end(struct ktm_jp *j, u64 tail);

/**
 * ktm_jp_quota() - after ktm_jp_end(), once for each stream that lives
 * @j: the replay
 * @quota: its quota
 *
 * All quotas together are three eighths of the ring at most: nobody is granted more, so a log
 * that says so lies, and whoever is named as an owner would be charged for it.
 *
 * Return: 0 or -EUCLEAN.
 */
int ktm_jp_quota(struct ktm_jp *j, u64 quota);

/**
 * ktm_jp_need() - after ktm_jp_end(), once for each enlistment that is not over
 * @j: the replay
 * @quota: of its stream; 0: that does not live
 * @need: bytes kept for it there
 *
 * Return: 0 or -EUCLEAN.
 */
int ktm_jp_need(struct ktm_jp *j, u64 quota, u64 need);

/* No decision in the log, and none that is presumed either: the superior has to make it. */
static inline bool ktm_jp_sealed(const struct ktm_jp_tx *tx)
{
	return tx->superior && !tx->decided;
}

/* Was it decided when nothing counts yet, with decisions up to and with @limit? */
static inline bool ktm_jp_decided_later(const struct ktm_jp_tx *tx, u64 limit)
{
	return tx->decided && tx->clock > limit;
}

/* What a transaction without a decision comes to is presumed: it was rolled back. */
enum ktm_found ktm_jp_outcome(const struct ktm_jp_tx *tx, u64 limit);

/* It was rolled back, as a decision would say; SKIP or END_SUPERIOR. */
int ktm_jp_abort(struct ktm_jp *j, struct ktm_jp_tx *tx, struct ktm_jp_rm *superior);

#endif /* KTM_CORE_JOURNAL_REPLAY_H */
