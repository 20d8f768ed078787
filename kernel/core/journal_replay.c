// SPDX-License-Identifier: GPL-2.0
/* The rules of recovery, see journal_replay.h. */
#include "journal_replay.h"

static int refuse(struct ktm_jp *j, const char *why)
{
	j->why = why;
	return -EUCLEAN;
}

void ktm_jp_init(struct ktm_jp *j, const struct ktm_jf_sb *sb)
{
	memset(j, 0, sizeof(*j));
	j->tail = sb->tail_lsn;
	j->end = sb->restart_lsn;
	j->ring = sb->ring_bytes;
}

static bool in_area(const struct ktm_jrec *rec)
{
	return !rec->lsn;
}

/* In the ring, where the restart area may or may not know of it. */
static bool fuzzy(const struct ktm_jp *j, const struct ktm_jrec *rec)
{
	return !in_area(rec) && rec->lsn <= j->end;
}

/* Does what the restart area holds stand for this record already? */
static bool covered(u64 lsn, const struct ktm_jrec *rec)
{
	return !in_area(rec) && rec->lsn <= lsn;
}

/* A record of something that is not there: over before the restart area was, or damage. */
static int unknown(struct ktm_jp *j, const struct ktm_jrec *rec, const char *why)
{
	return fuzzy(j, rec) ? KTM_JP_SKIP : refuse(j, why);
}

/* Can a record of this kind be where it is? */
static int placed(struct ktm_jp *j, const struct ktm_jrec *rec)
{
	switch (rec->type) {
	case KTM_JREC_RM:
	case KTM_JREC_PREPARED:
	case KTM_JREC_STREAM:
		break;
	case KTM_JREC_CLOCK:
	case KTM_JREC_TX:
	case KTM_JREC_SINDEX:
		if (!in_area(rec))
			return refuse(j, "a record that belongs into a restart area is in the log");
		break;
	default:
		if (in_area(rec))
			return refuse(j, "a record that belongs into the log is in a restart area");
		break;
	}
	if (!in_area(rec) && j->announced)
		return refuse(j, "the restart area lacks records that it announces");
	return 0;
}

/* It goes up by one for each commit, so none that is real comes near the sign bit. */
static int raise_clock(struct ktm_jp *j, u64 clock)
{
	if (clock > U64_MAX / 2)
		return refuse(j, "the virtual clock is out of range");
	j->clock = max(j->clock, clock);
	return 0;
}

int ktm_jp_clock(struct ktm_jp *j, const struct ktm_jrec *rec)
{
	int err = placed(j, rec);

	return err ? err : raise_clock(j, rec->clock.clock);
}

/* ---- resource managers ------------------------------------------------ */

int ktm_jp_rm(struct ktm_jp *j, struct ktm_jp_rm *rm, const struct ktm_jrec *rec)
{
	int err = placed(j, rec);

	if (err)
		return err;
	if (!rm)
		return KTM_JP_MAKE;
	if (rm->gone) {
		rm->gone = false;
		j->owed--;
	}
	return KTM_JP_TAKE;
}

int ktm_jp_rm_gone(struct ktm_jp *j, struct ktm_jp_rm *rm, const struct ktm_jrec *rec)
{
	int err = placed(j, rec);

	if (err)
		return err;
	if (!rm || rm->gone)
		return unknown(j, rec, "a resource manager goes that is not there");
	if (rm->unfinished && !fuzzy(j, rec))
		return refuse(j, "a resource manager goes that has unfinished enlistments");
	/*
	 * What the restart area or memory has may be another of the same GUID, made after
	 * this one had gone; then its record follows.
	 */
	if (rm->unfinished || rm->live) {
		rm->gone = true;
		j->owed++;
		return KTM_JP_SKIP;
	}
	return KTM_JP_END;
}

/* ---- transactions ----------------------------------------------------- */

int ktm_jp_tx(struct ktm_jp *j, struct ktm_jp_tx *tx, const struct ktm_jrec *rec)
{
	int err = placed(j, rec);

	if (err)
		return err;
	if (!rec->tx.prepared)
		return refuse(j, "a transaction lives without an enlistment");
	if (rec->tx.lsn > j->end)
		return refuse(j, "a transaction knows more of the log than its restart area");
	if (!tx)
		return KTM_JP_MAKE;
	if (tx->known)
		return refuse(j, "a transaction is in the restart area twice");
	tx->known = true;
	tx->clock = rec->tx.clock;
	tx->lsn = rec->tx.lsn;
	tx->announced = rec->tx.prepared;
	tx->decided = rec->tx.outcome != KTM_JREC_UNDECIDED;
	tx->committed = rec->tx.outcome == KTM_JREC_COMMIT;
	j->announced += tx->announced;
	err = raise_clock(j, tx->clock);
	return err ? err : KTM_JP_TAKE;
}

/* Can this one still vote? */
static int may_prepare(struct ktm_jp *j, const struct ktm_jp_tx *tx, const struct ktm_jrec *rec)
{
	const bool superior = rec->prepared.flags & KTM_JREC_P_SUPERIOR;
	const bool first = rec->prepared.flags & KTM_JREC_P_FIRST;

	if (in_area(rec)) {
		if (!tx->announced)
			return refuse(j, "an enlistment is in the restart area unannounced");
	} else if (first == tx->known) {
		return refuse(j, "a vote says wrongly whether it is its transaction's first");
	} else if (tx->superior || tx->decided || tx->completed) {
		/* Who votes does so before the superior is told, and before the outcome. */
		return refuse(j, "a vote comes after the outcome, or after the superior's");
	}
	if (superior && !in_area(rec) && !tx->known)
		return refuse(j, "a superior votes first");
	if (superior && tx->superior)
		return refuse(j, "a transaction has two superiors");
	if (superior && tx->decided && !tx->committed)
		return refuse(j, "a superior waits for what it has rolled back");
	return 0;
}

static void count_prepared(struct ktm_jp *j, struct ktm_jp_tx *tx, const struct ktm_jrec *rec)
{
	if (rec->prepared.flags & KTM_JREC_P_SUPERIOR)
		tx->superior = true;
	else
		tx->prepared++;
	tx->unfinished++;
	tx->known = true;
	if (in_area(rec)) {
		tx->announced--;
		j->announced--;
	}
}

int ktm_jp_prepared(struct ktm_jp *j, struct ktm_jp_tx *tx, struct ktm_jp_rm *rm, bool again,
		    const struct ktm_jrec *rec)
{
	int err = placed(j, rec);

	if (err)
		return err;
	if (!tx && in_area(rec))
		return refuse(j, "an enlistment is in the restart area before its transaction");
	if (!tx && !(rec->prepared.flags & KTM_JREC_P_FIRST))
		return unknown(j, rec, "a vote of a transaction that is not there");
	if (!tx)
		return KTM_JP_MAKE;
	if (covered(tx->lsn, rec))
		return KTM_JP_SKIP;
	err = may_prepare(j, tx, rec);
	if (err)
		return err;
	if (again)
		return refuse(j, "an enlistment votes twice");
	if (rm && !rm->gone) {
		count_prepared(j, tx, rec);
		rm->unfinished++;
		return KTM_JP_ENLIST;
	}
	/*
	 * Its RM may have gone before the restart area was written, so that enlistment and
	 * transaction were over by then, too: all that is owed of them is in the log.
	 */
	if (!fuzzy(j, rec) || tx->lsn)
		return refuse(j, "an enlistment of a resource manager that is not there");
	count_prepared(j, tx, rec);
	tx->lost++;
	j->owed++;
	return KTM_JP_SKIP;
}

/* An enlistment of it is over. @rm: NULL: one whose RM is not there. */
static void end_enlistment(struct ktm_jp *j, struct ktm_jp_tx *tx, struct ktm_jp_rm *rm)
{
	tx->unfinished--;
	if (rm) {
		rm->unfinished--;
	} else {
		tx->lost--;
		j->owed--;
	}
}

int ktm_jp_abort(struct ktm_jp *j, struct ktm_jp_tx *tx, struct ktm_jp_rm *superior)
{
	const bool waits = tx->superior;

	tx->decided = true;
	tx->committed = false;
	if (!waits)
		return KTM_JP_SKIP;
	/* It was its superior's own doing, or was told to it: it need not hear of it. */
	tx->superior = false;
	end_enlistment(j, tx, superior);
	return superior ? KTM_JP_END_SUPERIOR : KTM_JP_SKIP;
}

int ktm_jp_decision(struct ktm_jp *j, struct ktm_jp_tx *tx, struct ktm_jp_rm *superior,
		    const struct ktm_jrec *rec)
{
	int err = placed(j, rec);

	if (err)
		return err;
	/* That of a transaction which is over by now counts for the clock all the same. */
	err = raise_clock(j, rec->decision.clock);
	if (err)
		return err;
	if (!tx)
		return unknown(j, rec, "a decision about a transaction that is not there");
	if (covered(tx->lsn, rec))
		return KTM_JP_SKIP;
	if (tx->decided || tx->completed)
		return refuse(j, "a decision comes after the outcome");
	/* The votes stand before it in the same log. */
	if (tx->prepared != rec->decision.prepared)
		return refuse(j, "a decision counts other votes than there are");
	/* An abort is presumed, unless a superior was told that all is prepared. */
	if (rec->decision.outcome == KTM_JREC_ABORT && !tx->superior)
		return refuse(j, "a rollback was decided that nobody waits for");
	tx->clock = rec->decision.clock;
	if (rec->decision.outcome == KTM_JREC_ABORT)
		return ktm_jp_abort(j, tx, superior);
	tx->decided = true;
	tx->committed = true;
	return KTM_JP_SKIP;
}

int ktm_jp_completion(struct ktm_jp *j, struct ktm_jp_tx *tx, struct ktm_jp_rm *rm,
		      bool superior, const struct ktm_jrec *rec)
{
	const bool end = rec->flags & KTM_JREC_F_END;
	int err = placed(j, rec);

	if (err)
		return err;
	if (!tx)
		return unknown(j, rec, "an enlistment of a transaction finishes that is not there");
	if (covered(tx->lsn, rec))
		return KTM_JP_SKIP;
	if (!rm && !(tx->lost && fuzzy(j, rec)))
		return refuse(j, "an enlistment finishes that is not there");
	end_enlistment(j, tx, rm);
	if (superior)
		tx->superior = false;
	tx->completed = true;
	if (end != !tx->unfinished)
		return refuse(j, "an enlistment says wrongly whether it finishes last");
	return end ? KTM_JP_END_TX : KTM_JP_END;
}

enum ktm_found ktm_jp_outcome(const struct ktm_jp_tx *tx, u64 limit)
{
	if (ktm_jp_decided_later(tx, limit))
		return KTM_FOUND_DOUBT;
	if (tx->committed)
		return KTM_FOUND_COMMIT;
	return ktm_jp_sealed(tx) ? KTM_FOUND_SEALED : KTM_FOUND_ABORT;
}

/* ---- streams ---------------------------------------------------------- */

static const char no_stream[] = "a record of a stream that is not there";

/* Ids are not used twice: what has the id of a stream is that one, and only quotas change. */
static bool same_stream(const struct ktm_jrec *a, const struct ktm_jrec *b)
{
	return !memcmp(&a->stream.guid, &b->stream.guid, sizeof(a->stream.guid)) &&
	       a->stream.uid == b->stream.uid && a->stream.gid == b->stream.gid &&
	       a->stream.mode == b->stream.mode && a->stream.name_len == b->stream.name_len &&
	       !memcmp(a->stream.name, b->stream.name, a->stream.name_len);
}

int ktm_jp_stream(struct ktm_jp *j, struct ktm_jp_stream *s, const struct ktm_jrec *live,
		  const struct ktm_jrec *rec)
{
	int err = placed(j, rec);

	if (err)
		return err;
	if (in_area(rec) && max(rec->stream.lsn, max(rec->stream.base, rec->stream.last)) > j->end)
		return refuse(j, "a stream knows more of the log than its restart area");
	if (in_area(rec) && rec->stream.restart > rec->stream.last)
		return refuse(j, "a stream's restart record is behind its last");
	if (!in_area(rec) && (rec->stream.base || rec->stream.restart || rec->stream.lsn ||
			      rec->stream.entries))
		return refuse(j, "a stream says in the log what only a restart area does");
	/* It is new, or was never written to, or has changed and is over. */
	if (!s && !in_area(rec) && rec->stream.last)
		return unknown(j, rec, no_stream);
	if (!s)
		return KTM_JP_MAKE;
	if (s->known && in_area(rec))
		return refuse(j, "a stream is in the restart area twice");
	if (s->known && !same_stream(live, rec))
		return refuse(j, "a stream changes its GUID, name, owner or mode");
	if (s->known && covered(s->lsn, rec))
		return KTM_JP_SKIP;
	if (!in_area(rec) && rec->stream.last != s->last)
		return refuse(j, "a stream says wrongly which record is its last");
	if (s->known)
		return KTM_JP_TAKE;
	s->known = true;
	if (in_area(rec)) {
		s->base = rec->stream.base;
		s->last = rec->stream.last;
		s->restart = rec->stream.restart;
		s->lsn = rec->stream.lsn;
		s->announced = rec->stream.entries;
		j->announced += s->announced;
		if (s->restart && !s->announced)
			return refuse(j, "a stream's restart record is not in its index");
	}
	return KTM_JP_TAKE;
}

int ktm_jp_stream_gone(struct ktm_jp *j, struct ktm_jp_stream *s, const struct ktm_jrec *rec)
{
	int err = placed(j, rec);

	if (err)
		return err;
	if (!s)
		return unknown(j, rec, no_stream);
	/* Ids are not used twice, so the area cannot know of this and hold it as well. */
	if (covered(s->lsn, rec))
		return refuse(j, "the restart area holds a stream that had gone");
	return KTM_JP_END;
}

static int check_entry(struct ktm_jp *j, const struct ktm_jp_stream *s, const struct ktm_jsent *e)
{
	if (e->lsn <= s->indexed || e->lsn < s->base || e->lsn > s->last)
		return refuse(j, "an entry of a stream's index has a name that cannot be");
	if (e->bytes < ktm_jrec_bytes(KTM_JREC_SREC, 0) ||
	    e->bytes > ktm_jrec_bytes(KTM_JREC_SREC, KTM_JF_SREC_MAX) || e->bytes % 8)
		return refuse(j, "an entry of a stream's index has a length that cannot be");
	if (e->flags & ~(u32)(KTM_JREC_F_RESTART | KTM_JREC_F_LOST))
		return refuse(j, "an entry of a stream's index has flags that are not known");
	if (e->flags & KTM_JREC_F_LOST)
		return e->place ? refuse(j, "an entry of a stream's index is lost and has a place") : 0;
	/* A record is named after where it ended first, and was copied forward since. */
	if (e->place < j->tail || e->place >= j->end || e->bytes > j->end - e->place ||
	    e->place + e->bytes < e->lsn)
		return refuse(j, "an entry of a stream's index lies outside the log");
	return 0;
}

int ktm_jp_sindex(struct ktm_jp *j, struct ktm_jp_stream *s, const struct ktm_jrec *rec)
{
	int err = placed(j, rec);
	u32 i;

	if (err)
		return err;
	if (!s)
		return refuse(j, no_stream);
	if (rec->sindex.count > s->announced)
		return refuse(j, "a stream's index has more entries than announced");
	for (i = 0; i < rec->sindex.count; i++) {
		const struct ktm_jsent e = ktm_jrec_sent(rec, i);

		err = check_entry(j, s, &e);
		if (err)
			return err;
		s->indexed = e.lsn;
		if (e.flags & KTM_JREC_F_RESTART)
			s->indexed_restart = e.lsn;
	}
	s->announced -= rec->sindex.count;
	j->announced -= rec->sindex.count;
	if (!s->announced && s->indexed_restart != s->restart)
		return refuse(j, "a stream's restart record is not in its index");
	return KTM_JP_ADD;
}

static int copied(struct ktm_jp *j, struct ktm_jp_stream *s, const struct ktm_jsent *live,
		  const struct ktm_jrec *rec)
{
	if (rec->srec.lsn > s->last)
		return refuse(j, "a stream's record is the copy of one that never was");
	/* What was given up while it was copied. */
	if (!live)
		return KTM_JP_SKIP;
	if (live->bytes != ktm_jrec_size(rec) ||
	    live->flags != (rec->flags & KTM_JREC_F_RESTART))
		return refuse(j, "a copy of a stream's record is not what it is a copy of");
	return KTM_JP_MOVE;
}

int ktm_jp_srec(struct ktm_jp *j, struct ktm_jp_stream *s, const struct ktm_jsent *live,
		const struct ktm_jrec *rec)
{
	int err = placed(j, rec);

	if (err)
		return err;
	if (!s)
		return unknown(j, rec, no_stream);
	if (covered(s->lsn, rec))
		return KTM_JP_SKIP;
	if (rec->flags & KTM_JREC_F_COPY)
		return copied(j, s, live, rec);
	if (rec->srec.lsn != rec->lsn)
		return refuse(j, "a stream's record is not named after its place");
	if (rec->lsn <= s->last)
		return refuse(j, "a stream's records are out of order");
	s->last = rec->lsn;
	if (rec->flags & KTM_JREC_F_RESTART)
		s->restart = rec->lsn;
	return KTM_JP_ADD;
}

int ktm_jp_sbase(struct ktm_jp *j, struct ktm_jp_stream *s, const struct ktm_jrec *rec)
{
	int err = placed(j, rec);

	if (err)
		return err;
	if (!s)
		return unknown(j, rec, no_stream);
	if (covered(s->lsn, rec))
		return KTM_JP_SKIP;
	/* Else it could be above what is still to be appended. */
	if (rec->sbase.base > rec->lsn)
		return refuse(j, "a stream's base is ahead of the log");
	if (rec->sbase.base <= s->base)
		return KTM_JP_SKIP;
	s->base = rec->sbase.base;
	if (s->restart < s->base)
		s->restart = 0;
	return KTM_JP_CUT_BELOW;
}

int ktm_jp_strunc(struct ktm_jp *j, struct ktm_jp_stream *s, const struct ktm_jrec *rec)
{
	int err = placed(j, rec);

	if (err)
		return err;
	if (!s)
		return unknown(j, rec, no_stream);
	if (covered(s->lsn, rec))
		return KTM_JP_SKIP;
	if (rec->strunc.last > s->last)
		return refuse(j, "a stream is cut off behind its end");
	return KTM_JP_CUT_ABOVE;
}

/* ---- the end ---------------------------------------------------------- */

int ktm_jp_end(struct ktm_jp *j, u64 tail)
{
	if (j->announced)
		return refuse(j, "the restart area lacks records that it announces");
	if (tail < j->end)
		return refuse(j, "the log ends before the restart area does");
	if (j->owed)
		return refuse(j, "the log lacks the end of what its restart area does not know");
	return 0;
}

int ktm_jp_quota(struct ktm_jp *j, u64 quota)
{
	if (quota > j->ring / 8 * 3 || j->quotas > j->ring / 8 * 3 - quota)
		return refuse(j, "streams may keep more than the log can give them");
	j->quotas += quota;
	return 0;
}

int ktm_jp_need(struct ktm_jp *j, u64 quota, u64 need)
{
	if (!quota || need > quota)
		return refuse(j, "an enlistment needs more of its stream than there is");
	/* More than the quotas: what has been written out of one lives, and is kept once more. */
	if (need > j->ring || j->needs > j->ring - need)
		return refuse(j, "enlistments need more of their streams than the log has");
	j->needs += need;
	return 0;
}
