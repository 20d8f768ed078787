// SPDX-License-Identifier: GPL-2.0
/*
 * Restart areas of the simulated log while it runs, and reading what streams hold.
 *
 * Each call goes one step, so that appends, forces and crashes come between any two. When
 * one is done, what it gives back is overwritten with noise: whoever still needs it is found out.
 */
#include "journal_sim.h"

static void io_boundary(struct jsim *s)
{
	jsim_at_boundary(s);
	if (s->restart_boundary)
		s->restart_boundary(s);
}

/* ---- reading a record of a stream ------------------------------------- */

/* The record at that place, from a buffer of the writer or from the disk; NULL: unreadable. */
static const u8 *bytes_at(struct jsim *s, const struct ktm_jf_sb *sb, const struct ktm_jsent *e)
{
	static u8 buf[KTM_JF_REC_MAX];
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	const u8 *p = s->online ? ktm_jw_peek(&s->w, e->place, e->bytes) : NULL;
	u32 off = 0;
	int n;

	if (p)
		return p;
	n = ktm_jf_map(sb, e->place, e->bytes, segs);
	for (int i = 0; i < n; i++) {
		u64 end = segs[i].place + segs[i].bytes;

		for (u64 at = segs[i].place / SECTOR; at * SECTOR < end; at++)
			if (s->disk.bad[at])
				return NULL;
		memcpy(buf + off, s->disk.now + segs[i].place, segs[i].bytes);
		off += segs[i].bytes;
	}
	return buf;
}

/* Is what lives there that record, as it was appended? */
static bool read_record(struct jsim *s, const struct ktm_jf_sb *sb, u64 id,
			const struct ktm_jsent *e, struct ktm_jrec *rec)
{
	static u8 again[KTM_JF_REC_MAX];
	const u8 *p = bytes_at(s, sb, e);
	const char *why;
	u64 n;

	if (!p || ktm_jrec_decode(rec, p, e->bytes, &why) != e->bytes ||
	    rec->type != KTM_JREC_SREC || rec->srec.id != id || rec->srec.lsn != e->lsn ||
	    (rec->flags & KTM_JREC_F_RESTART) != e->flags || !jsim_data_good(rec))
		return false;
	rec->flags &= ~KTM_JREC_F_COPY;
	n = jsim_count(s, e->lsn);
	if (n && s->lsn[n - 1] == e->lsn &&
	    s->history[n - 1] != jsim_hash(1, again, ktm_jrec_encode(rec, again, sizeof(again))))
		return false;
	return true;
}

void jsim_check_streams(struct jsim *s, const struct ktm_jf_sb *sb, const struct jsim_state *st)
{
	struct ktm_jrec rec;

	for (int i = 0; i < SLOT_STREAM && !s->failed; i++) {
		const struct jsim_stream *m = &st->stream[i];

		for (u32 k = 0; m->id && k < m->count; k++)
			if (!read_record(s, sb, m->id, &m->ent[k], &rec)) {
				jsim_violation(s, "a live record of a stream is not at its place");
				return;
			}
	}
}

/* ---- the restart area ------------------------------------------------- */

void jsim_restart_begin(struct jsim *s)
{
	struct jsim_restart *r = &s->restart;

	if (ktm_jw_mark(&s->w)) {
		jsim_violation(s, "a restart area cannot begin");
		return;
	}
	jsim_pump(s);
	ktm_jr_init(&r->jr, &s->w.sb, s->disk.bytes, r->buf);
	memset(&r->walk, 0, sizeof(r->walk));
	r->walk.since = s->w.mark.lsn;
	r->walk.tail = U64_MAX;
	/* From nothing to nearly all that is there. */
	r->want_tail = s->w.mark.lsn - rng_below(&s->rng, s->w.mark.lsn - s->w.sb.tail_lsn + 1);
	r->again = false;
	r->hurry = false;
	r->phase = JSIM_R_COPY;
}

/* Copy the oldest record that is in the way; false: none, or no room. */
static bool copy_forward(struct jsim *s, u64 below)
{
	const struct jsim_stream *oldest = NULL;
	struct ktm_jsent e = { .place = below };
	struct ktm_jrec rec;

	for (int i = 0; i < SLOT_STREAM; i++) {
		const struct jsim_stream *m = &s->state.stream[i];

		for (u32 k = 0; m->id && k < m->count; k++)
			if (m->ent[k].place < e.place) {
				e = m->ent[k];
				oldest = m;
			}
	}
	if (!oldest)
		return false;
	if (!read_record(s, &s->w.sb, oldest->id, &e, &rec)) {
		jsim_violation(s, "a record to be copied is not at its place");
		return false;
	}
	memcpy(s->info, rec.srec.data, rec.srec.len);
	rec.srec.data = s->info;
	rec.flags |= KTM_JREC_F_COPY;
	rec.lsn = 0;
	if (jsim_append(s, &rec, 0, false))
		return false;
	s->copied++;
	return true;
}

/* There was no room for its end. That may only be if it would have made none. */
static void give_up(struct jsim *s)
{
	struct jsim_restart *r = &s->restart;

	if (min(r->walk.tail, s->w.mark.lsn) - s->w.sb.tail_lsn >= 2 * s->unit)
		jsim_violation(s, "a restart area finds no room for its end");
	ktm_jw_unmark(&s->w);
	r->phase = JSIM_R_OFF;
}

static void walk(struct jsim *s)
{
	struct jsim_restart *r = &s->restart;
	bool grows = ktm_jf_growth(&s->w.sb, r->jr.dev_bytes) && rng_percent(&s->rng, 80);
	u64 end;

	for (u32 n = 1 + rng_below(&s->rng, 8); n; n--) {
		int err;

		if (!r->again && !jsim_walk_next(&r->walk, &s->state, &r->rec)) {
			if (ktm_jw_want_end(&s->w, r->walk.tail, grows, &end)) {
				give_up(s);
				return;
			}
			ktm_jr_end(&r->jr, end, r->walk.tail);
			r->phase = JSIM_R_STEP;
			return;
		}
		err = ktm_jr_add(&r->jr, &r->rec);
		r->again = err == -EAGAIN;
		if (r->again) {
			r->phase = JSIM_R_STEP;
			return;
		}
		if (err) {
			jsim_violation(s, "what lives does not fit into a restart extent");
			r->phase = JSIM_R_OFF;
			return;
		}
	}
}

void jsim_give_back(struct jsim *s, const struct ktm_jf_sb *old)
{
	const struct ktm_jf_sb *sb = &s->w.sb;
	const struct ktm_jf_extent *unused = &sb->restart[1 - sb->restart_index];
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	u64 lsn;

	/* Where it was: if the ring has grown, other LSNs have these places now. */
	for (lsn = old->tail_lsn; lsn < sb->tail_lsn; lsn += s->unit) {
		ktm_jf_map(old, lsn, s->unit, segs);
		disk_poison(&s->disk, segs[0].place, s->unit);
	}
	disk_poison(&s->disk, unused->start, unused->bytes);
}

static void finish(struct jsim *s)
{
	struct ktm_jf_sb old = s->w.sb;

	ktm_jw_restarted(&s->w, &s->restart.jr.next_sb);
	s->grown[1] += s->w.sb.ring_bytes > old.ring_bytes;
	jsim_give_back(s, &old);
	s->restarted++;
	s->one_superblock = false;
	s->restart.phase = JSIM_R_OFF;
	jsim_check_streams(s, &s->w.sb, &s->state);
}

static void ask(struct jsim *s)
{
	struct jsim_restart *r = &s->restart;

	switch (ktm_jr_step(&r->jr)) {
	case KTM_JO_SNAPSHOT:
		r->phase = JSIM_R_WALK;
		break;
	case KTM_JO_WRITE:
		s->one_superblock |= r->jr.phase >= KTM_JR_P_SB1;
		r->io = disk_write_begin(&s->disk, r->jr.place, r->jr.bytes, r->jr.data, false);
		r->phase = JSIM_R_WRITE;
		io_boundary(s);
		break;
	case KTM_JO_FLUSH:
		r->ticket = ktm_jw_want_flush(&s->w);
		r->phase = JSIM_R_FLUSH;
		break;
	case KTM_JO_FORCE:
		r->phase = JSIM_R_FORCE;
		break;
	case KTM_JO_DONE:
		finish(s);
		break;
	default:
		jsim_violation(s, "a restart area fails though no I/O has failed");
		break;
	}
}

void jsim_restart_drain(struct jsim *s, bool fail)
{
	struct jsim_restart *r = &s->restart;

	if (r->phase != JSIM_R_WRITE)
		return;
	if (fail) {
		ktm_jr_io_done(&r->jr, -EIO);
		ktm_jw_fail(&s->w, -EIO);
		r->phase = JSIM_R_OFF;
		return;
	}
	disk_write_end(&s->disk, r->io);
	io_boundary(s);
	/* A device may claim a size that it does not have: the log lives on. */
	fail = r->jr.phase == KTM_JR_P_TRY_END && rng_percent(&s->rng, 20);
	ktm_jr_io_done(&r->jr, fail ? -EIO : 0);
	r->phase = JSIM_R_STEP;
}

static void wait_force(struct jsim *s)
{
	struct jsim_restart *r = &s->restart;
	struct ktm_jf_link start;

	if (s->w.flushed_lsn < r->jr.end_lsn)
		return;
	if (!ktm_jw_marked(&s->w, &start)) {
		jsim_violation(s, "the log is durable behind the mark, but the mark is not known");
		return;
	}
	ktm_jr_forced(&r->jr, &start, ktm_jw_hold(&s->w, r->jr.dev_bytes, r->jr.tail), 0);
	r->phase = JSIM_R_STEP;
}

void jsim_restart_step(struct jsim *s)
{
	struct jsim_restart *r = &s->restart;

	/* The walk of a real one may find no memory; another one begins anew. */
	if ((r->phase == JSIM_R_COPY || r->phase == JSIM_R_WALK) && !rng_below(&s->rng, 60)) {
		ktm_jw_unmark(&s->w);
		r->phase = JSIM_R_OFF;
	}
	switch (r->phase) {
	case JSIM_R_OFF:
		break;
	case JSIM_R_COPY:
		if ((s->lazy && !r->hurry) || !copy_forward(s, r->want_tail))
			r->phase = JSIM_R_WALK;
		break;
	case JSIM_R_WALK:
		walk(s);
		break;
	case JSIM_R_STEP:
		ask(s);
		break;
	case JSIM_R_WRITE:
		jsim_restart_drain(s, false);
		break;
	case JSIM_R_FLUSH:
		jsim_pump(s);
		jsim_end_one(s);
		if (ktm_jw_flushed(&s->w, r->ticket)) {
			ktm_jr_io_done(&r->jr, 0);
			r->phase = JSIM_R_STEP;
			io_boundary(s);
		}
		break;
	case JSIM_R_FORCE:
		jsim_pump(s);
		jsim_end_one(s);
		wait_force(s);
		break;
	}
}
