// SPDX-License-Identifier: GPL-2.0
/*
 * Opening a journal for writing. Each step is durable before the next:
 *
 *  1. choose a superblock, read its restart area, scan the ring to the tail
 *  2. write the units from F to the tail again, flush
 *  2b. write the chosen superblock over both copies, each flushed; the signpost, if it is broken
 *  3. write a restart area into the extent that is not in use, flush
 *  3b. where the device has grown: write its last unit
 *  4. write the new superblock over both copies, each flushed
 *  5. done: only now may anybody be told anything
 *
 * The first copy always goes first. So, whatever a crash leaves: as long as the
 * first copy may be torn or be lost with a volatile cache, the second is durable
 * and one generation old or the same; and once the second is touched, the first is durable.
 *
 * Renaming is 2b and 4 without what lies between: the same restart area and restart point, another
 * owner.
 */
#include "journal_open.h"

void ktm_jo_init(struct ktm_jo *o, const struct ktm_jo_params *p)
{
	memset(o, 0, sizeof(*o));
	o->dev_bytes = p->dev_bytes;
	o->sector = p->sector;
	o->new_epoch = p->epoch;
	o->buf = p->buf;
	o->room = p->room;
	o->check_only = p->check_only;
	o->read_only = p->read_only;
	if (p->same) {
		o->has_same = true;
		o->same = *p->same;
	}
	if (p->tm) {
		o->has_tm = true;
		o->tm = *p->tm;
	}
	if (p->rename) {
		o->renaming = true;
		o->rename = *p->rename;
	}
	o->phase = KTM_JO_P_SB1;
	KTM_CORE_BUG_ON(p->room < KTM_JF_BATCH_MAX);
}

static enum ktm_jo_want fail(struct ktm_jo *o, enum ktm_jf_code code, int err, u64 place, u64 lsn,
			     const char *msg)
{
	o->fault.code = code;
	o->fault.err = err;
	o->fault.place = place;
	o->fault.lsn = lsn;
	o->fault.msg = msg;
	o->phase = KTM_JO_P_FAILED;
	return KTM_JO_FAILED;
}

static enum ktm_jo_want damage(struct ktm_jo *o, u64 lsn, const char *msg)
{
	return fail(o, KTM_JF_CORRUPT, -EUCLEAN, ktm_jf_scan_place(&o->scan, lsn),
		    o->scan.area ? 0 : lsn, msg);
}

static enum ktm_jo_want ask(struct ktm_jo *o, enum ktm_jo_want what, u64 place, u32 bytes,
			    void *data)
{
	o->place = place;
	o->bytes = bytes;
	o->data = data;
	o->io = true;
	o->scanning = false;
	return what;
}

/* ---- superblocks ------------------------------------------------------ */

static const char blocks_too_large[] =
	"the device's blocks are larger than the journal's write unit";

static u32 sb_read_bytes(const struct ktm_jo *o)
{
	return max(KTM_JF_SB_BYTES, o->sector);
}

static enum ktm_jo_want read_sb1(struct ktm_jo *o)
{
	if (o->sector > KTM_JF_UNIT_MAX)
		return fail(o, KTM_JF_UNSUPPORTED, -EINVAL, 0, 0, blocks_too_large);
	if (o->dev_bytes < 2 * (u64)sb_read_bytes(o))
		return fail(o, KTM_JF_TOO_SMALL, -ENOSPC, 0, 0,
			    "the device is too small for a journal");
	return ask(o, KTM_JO_READ, 0, sb_read_bytes(o), o->buf);
}

static u64 sb2_place(const struct ktm_jo *o)
{
	if (o->sb1_good)
		return ktm_jf_sb2_place(&o->sb1);
	if (o->sb2_told)
		return o->sb2_told;
	return o->dev_bytes - core_mod64(o->dev_bytes, o->sb2_unit) - o->sb2_unit;
}

static void unreadable_sb(struct ktm_jf_fault *fault, u64 place)
{
	fault->code = KTM_JF_CORRUPT;
	fault->err = -EUCLEAN;
	fault->place = place;
	fault->lsn = 0;
	fault->msg = "a superblock cannot be read: medium error";
}

static void have_sb1(struct ktm_jo *o, int err)
{
	o->phase = KTM_JO_P_SIGNPOST;
	o->sb2_unit = max(KTM_JF_UNIT_MIN, o->sector);
	if (err) {
		unreadable_sb(&o->sb1_fault, 0);
		return;
	}
	memcpy(o->raw1, o->buf, sizeof(o->raw1));
	o->sb1_read = true;
	o->sb1_good = !ktm_jf_sb_decode(o->raw1, o->dev_bytes, 0, &o->sb1, &o->sb1_fault);
	/*
	 * A whole superblock that makes no sense was not made so by a crash: its other
	 * copy is not asked, and nothing is written.
	 */
	if (!o->sb1_good && ktm_jf_sb_whole(o->raw1)) {
		o->fault = o->sb1_fault;
		o->phase = KTM_JO_P_FAILED;
	} else if (o->sb1_good && o->sb1.unit < o->sector) {
		fail(o, KTM_JF_UNSUPPORTED, -EINVAL, 0, 0, blocks_too_large);
	} else if (o->sb1_good) {
		o->phase = KTM_JO_P_SB2;
	}
}

/*
 * Without the first copy, where is the second? The last unit of the device holds it only as long
 * as the device has not been enlarged. The signpost is written again only while both copies are
 * durable and equal: who finds it torn by a crash has the first one.
 */
static void have_signpost(struct ktm_jo *o, int err)
{
	if (!err)
		o->sb2_told = ktm_jf_signpost(o->buf, o->dev_bytes, o->sb2_unit);
	o->phase = KTM_JO_P_SB2;
	if (o->sb2_told)
		return;
	/* It is in the second unit, however large that is. */
	o->sb2_unit *= 2;
	if (o->sb2_unit <= KTM_JF_UNIT_MAX && o->dev_bytes >= 2 * (u64)o->sb2_unit)
		o->phase = KTM_JO_P_SIGNPOST;
	else
		o->sb2_unit = max(KTM_JF_UNIT_MIN, o->sector);
}

/*
 * Could what is at place 0 be a copy of this superblock that was torn, damaged or wiped? If
 * it could not, it is somebody else's, and recovery would write over it.
 */
static bool was_ours(const u8 *raw, const struct ktm_jf_sb *sb)
{
	const struct ktm_jf_dsb *d = (const struct ktm_jf_dsb *)raw;
	u32 i;

	if (!memcmp(d->magic, KTM_JF_SB_MAGIC, sizeof(d->magic)) ||
	    !memcmp(d->uuid, sb->uuid.b, sizeof(d->uuid)))
		return true;
	for (i = 0; i < KTM_JF_SB_BYTES; i++)
		if (raw[i])
			return false;
	return true;
}

static void have_sb2(struct ktm_jo *o, int err)
{
	struct ktm_jf_fault fault;

	if (err) {
		unreadable_sb(&fault, sb2_place(o));
	} else {
		memcpy(o->raw2, o->buf, sizeof(o->raw2));
		o->sb2_good = !ktm_jf_sb_decode(o->raw2, o->dev_bytes, sb2_place(o), &o->sb2,
						&fault);
		if (!o->sb2_good && ktm_jf_sb_whole(o->raw2) &&
		    (o->sb1_good || fault.code != KTM_JF_CORRUPT)) {
			o->fault = fault;
			o->phase = KTM_JO_P_FAILED;
			return;
		}
	}
	/* Of several places that were looked at, one with traces of a copy says more. */
	if (!o->sb2_good && (!o->sb2_fault.msg || o->sb2_fault.code == KTM_JF_NOT_JOURNAL))
		o->sb2_fault = fault;
	/* Where nothing says how large a unit is, each size is tried. */
	if (!o->sb2_good && !o->sb1_good && !o->sb2_told && o->sb2_unit < KTM_JF_UNIT_MAX) {
		o->sb2_unit *= 2;
		if (o->dev_bytes >= 2 * (u64)o->sb2_unit)
			return;
	}
	o->phase = KTM_JO_P_CHOOSE;
}

static enum ktm_jo_want choose_sb(struct ktm_jo *o)
{
	if (!o->sb1_good && !o->sb2_good) {
		o->fault = o->sb1_fault;
		o->phase = KTM_JO_P_FAILED;
		return KTM_JO_FAILED;
	}
	if (o->sb1_good && o->sb2_good) {
		if (memcmp(&o->sb1.uuid, &o->sb2.uuid, sizeof(o->sb1.uuid)))
			return fail(o, KTM_JF_CORRUPT, -EUCLEAN, sb2_place(o), 0,
				    "the two superblocks belong to different journals");
		if (o->sb1.generation == o->sb2.generation &&
		    memcmp(o->raw1, o->raw2, sizeof(o->raw1)))
			return fail(o, KTM_JF_CORRUPT, -EUCLEAN, sb2_place(o), 0,
				    "the two superblocks say different things of the same opening");
	}
	if (!o->sb1_good && o->sb1_read && !was_ours(o->raw1, &o->sb2))
		return fail(o, KTM_JF_NOT_JOURNAL, -EINVAL, 0, 0,
			    "something else was written over the first superblock of a journal");
	if (!o->sb1_good || (o->sb2_good && o->sb2.generation > o->sb1.generation)) {
		o->sb = o->sb2;
		memcpy(o->raw1, o->raw2, sizeof(o->raw1));
	} else {
		o->sb = o->sb1;
	}
	if (o->sb.unit < o->sector)
		return fail(o, KTM_JF_UNSUPPORTED, -EINVAL, 0, 0, blocks_too_large);
	if (!o->read_only && (o->sb.ro_compat & ~KTM_JF_RO_COMPAT))
		return fail(o, KTM_JF_UNSUPPORTED, -EINVAL, 0, 0,
			    "the journal has features that this version cannot write");
	if (o->has_same && memcmp(&o->sb.uuid, &o->same, sizeof(o->same)))
		return fail(o, KTM_JF_NOT_JOURNAL, -ESTALE, 0, 0,
			    "the device holds another journal");
	if (o->has_tm && memcmp(&o->sb.tm_guid, &o->tm, sizeof(o->tm)))
		return fail(o, KTM_JF_REFUSED, -EXDEV, 0, 0,
			    "the journal belongs to another transaction manager");
	if (o->check_only) {
		o->phase = KTM_JO_P_DONE;
		return KTM_JO_DONE;
	}
	o->phase = KTM_JO_P_POST;
	return ktm_jo_step(o);
}

/* ---- the signpost ----------------------------------------------------- */

/*
 * Nobody needs it before the first copy is lost, and then it is too late to find it broken. A
 * device that fails altogether is noticed soon enough: here that is as if it were not there.
 */
static void have_post(struct ktm_jo *o, int err)
{
	const u64 says = err ? 0 : ktm_jf_signpost(o->buf, o->dev_bytes, o->sb.unit);

	if (says == ktm_jf_sb2_place(&o->sb))
		o->post = KTM_JO_POST_GOOD;
	else if (ktm_jf_signpost_free(&o->sb))
		o->post = KTM_JO_POST_LOST;
	else
		o->post = KTM_JO_POST_NO_PLACE;
	o->sb.stays = o->post == KTM_JO_POST_NO_PLACE;
	if (o->renaming) {
		o->phase = KTM_JO_P_SAME1;
		return;
	}
	o->flushed = o->sb.start_lsn;
	ktm_jf_scan_restart(&o->scan, &o->sb, o->buf, o->room);
	o->phase = KTM_JO_P_AREA;
}

/* Both copies are durable and equal, so what a crash makes of it does not count. */
static enum ktm_jo_want write_post(struct ktm_jo *o)
{
	memset(o->buf, 0, o->sb.unit);
	memcpy(o->buf, o->raw1, sizeof(o->raw1));
	return ask(o, KTM_JO_WRITE, ktm_jf_signpost_place(&o->sb), o->sb.unit, o->buf);
}

static enum ktm_jo_want write_sb(struct ktm_jo *o, u64 place)
{
	memset(o->buf, 0, o->sb.unit);
	if (o->phase == KTM_JO_P_SAME1 || o->phase == KTM_JO_P_SAME2)
		memcpy(o->buf, o->raw1, sizeof(o->raw1));
	else
		ktm_jf_sb_encode(&o->next_sb, o->buf);
	return ask(o, KTM_JO_WRITE, place, o->sb.unit, o->buf);
}

/* ---- reading ---------------------------------------------------------- */

static enum ktm_jo_want read_more(struct ktm_jo *o)
{
	ask(o, KTM_JO_READ, o->scan.place, o->scan.want, ktm_jf_scan_to(&o->scan));
	o->scanning = true;
	return KTM_JO_READ;
}

static void begin_batch(struct ktm_jo *o, const u8 *data)
{
	o->batch_data = data;
	o->rec_pos = KTM_JF_BATCH_HEAD;
	o->rec_left = o->batch.records;
}

/* The next record of the batch at hand; after the last, the batch is done with. */
static enum ktm_jo_want next_record(struct ktm_jo *o)
{
	const char *why;
	u32 bytes;

	if (!o->rec_left) {
		if (o->rec_pos != o->batch.used)
			return damage(o, o->batch.lsn, "a batch holds more than its records");
		o->batch_data = NULL;
		return ktm_jo_step(o);
	}
	bytes = ktm_jrec_decode(&o->rec, o->batch_data + o->rec_pos, o->batch.used - o->rec_pos,
				&why);
	if (!bytes)
		return damage(o, o->batch.lsn, why);
	o->rec_pos += bytes;
	o->rec_left--;
	if (!o->scan.area)
		o->rec.lsn = o->batch.lsn + o->rec_pos;
	return KTM_JO_REPLAY;
}

static enum ktm_jo_want read_area(struct ktm_jo *o)
{
	const u8 *data;

	if (o->batch_data)
		return next_record(o);
	if (o->scan.link.lsn < o->sb.restart_bytes) {
		switch (ktm_jf_scan_at(&o->scan, o->scan.link.lsn, &o->batch, &data)) {
		case KTM_JF_NEED_READ:
			return read_more(o);
		case KTM_JF_NOTHING:
			return damage(o, o->scan.link.lsn, "the restart area is damaged");
		case KTM_JF_BATCH:
			break;
		}
		/* An area of empty batches would recurse as deep as it is long. */
		if (!ktm_jf_scan_accept(&o->scan, &o->batch) || !o->batch.records)
			return damage(o, o->batch.lsn, "the restart area is out of order");
		begin_batch(o, data);
		return next_record(o);
	}
	if (o->scan.link.prev_crc != o->sb.restart_crc)
		return damage(o, 0, "the restart area is not the one that the superblock means");
	ktm_jf_scan_ring(&o->scan, &o->sb, o->buf, o->room);
	o->phase = KTM_JO_P_RING;
	return ktm_jo_step(o);
}

static enum ktm_jo_want read_ring(struct ktm_jo *o)
{
	const u8 *data;

	if (o->batch_data)
		return next_record(o);
	switch (ktm_jf_scan_at(&o->scan, o->scan.link.lsn, &o->batch, &data)) {
	case KTM_JF_NEED_READ:
		return read_more(o);
	case KTM_JF_BATCH:
		if (!ktm_jf_scan_accept(&o->scan, &o->batch))
			break;
		/* No writer leaves an empty one, and each would recurse. */
		if (!o->batch.records)
			return damage(o, o->batch.lsn, "a batch holds no record");
		o->flushed = max(o->flushed, o->batch.flushed_lsn);
		begin_batch(o, data);
		return next_record(o);
	case KTM_JF_NOTHING:
		break;
	}
	o->tail = o->scan.link.lsn;
	/* It was durable up to there before a superblock named the area. */
	if (o->tail < o->sb.restart_lsn)
		return damage(o, o->tail, "the log ends before what its restart area knows of");
	o->cursor = o->tail + o->sb.unit;
	o->phase = KTM_JO_P_PROBE;
	return ktm_jo_step(o);
}

/*
 * Is what looks like the tail a hole in what was durable? The writer never leaves more
 * than W unflushed, so the first batch that was built after the place at hand was
 * flushed begins at most W behind it, and says so.
 */
static enum ktm_jo_want probe(struct ktm_jo *o)
{
	u64 last = min(o->tail + o->sb.window, o->scan.end - o->sb.unit);
	const u8 *data;

	for (; o->cursor <= last; o->cursor += o->sb.unit) {
		switch (ktm_jf_scan_at(&o->scan, o->cursor, &o->batch, &data)) {
		case KTM_JF_NEED_READ:
			return read_more(o);
		case KTM_JF_NOTHING:
			continue;
		case KTM_JF_BATCH:
			break;
		}
		if (o->batch.flushed_lsn > o->tail)
			return damage(o, o->tail,
				      "a batch is damaged that a later one knows to be durable");
		o->flushed = max(o->flushed, o->batch.flushed_lsn);
	}
	o->cursor = o->flushed;
	o->phase = o->flushed < o->tail ? KTM_JO_P_REWRITE : KTM_JO_P_SAME1;
	return ktm_jo_step(o);
}

/* ---- step 2 ----------------------------------------------------------- */

/* A batch may lie in several pieces where the ring wraps: one write for each. */
static enum ktm_jo_want rewrite_piece(struct ktm_jo *o, const u8 *data)
{
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];

	ktm_jf_map(&o->sb, o->cursor + o->rewritten, o->batch.bytes - o->rewritten, segs);
	return ask(o, KTM_JO_WRITE, segs[0].place, segs[0].bytes,
		   (void *)(data + o->rewritten));
}

static enum ktm_jo_want rewrite(struct ktm_jo *o)
{
	bool first = o->cursor == o->flushed;
	const u8 *data;

	switch (ktm_jf_scan_at(&o->scan, o->cursor, &o->batch, &data)) {
	case KTM_JF_NEED_READ:
		return read_more(o);
	case KTM_JF_NOTHING:
		return damage(o, o->cursor,
			      first ? "no batch begins where the log is said to be durable" :
				      "a batch that was there a moment ago is gone");
	case KTM_JF_BATCH:
		break;
	}
	/* Read a second time, it has to be the same chain. */
	if (!first && (o->batch.seq != o->relink.seq || o->batch.prev_crc != o->relink.prev_crc))
		return damage(o, o->cursor, "a batch has changed while the journal was opened");
	return rewrite_piece(o, data);
}

static void rewrite_done(struct ktm_jo *o)
{
	o->rewritten += o->bytes;
	if (o->rewritten < o->batch.bytes)
		return;
	o->rewritten = 0;
	o->cursor += o->batch.bytes;
	o->relink.seq = o->batch.seq + 1;
	o->relink.prev_crc = o->batch.crc;
	if (o->cursor < o->tail)
		return;
	if (o->cursor != o->tail || o->relink.seq != o->scan.link.seq ||
	    o->relink.prev_crc != o->scan.link.prev_crc) {
		damage(o, o->tail, "the log has changed while the journal was opened");
		return;
	}
	o->phase = KTM_JO_P_REWRITE_FLUSH;
}

/* ---- step 3 ----------------------------------------------------------- */

static void begin_snapshot(struct ktm_jo *o)
{
	o->next_sb = o->sb;
	o->next_sb.generation++;
	o->next_sb.epoch = o->new_epoch;
	o->next_sb.start_lsn = o->tail;
	/*
	 * One number is left out: even with an epoch drawn twice, what tears leave of a
	 * first batch that was lost before cannot pass for this opening's.
	 */
	o->next_sb.start_seq = o->scan.link.seq + 1;
	o->next_sb.start_prev_crc = o->scan.link.prev_crc;
	o->next_sb.restart_index = 1 - o->sb.restart_index;
	o->next_sb.restart_bytes = 0;
	o->next_sb.restart_crc = 0;
	o->next_sb.restart_lsn = o->tail;
	ktm_ja_init(&o->area, &o->next_sb, o->buf);
	o->phase = KTM_JO_P_SNAPSHOT;
}

/* The next superblock is this one with another owner. */
static void begin_rename(struct ktm_jo *o)
{
	o->next_sb = o->sb;
	o->next_sb.generation++;
	o->next_sb.tm_guid = o->rename;
	o->phase = KTM_JO_P_NEW1;
}

static void begin_new(struct ktm_jo *o)
{
	if (o->renaming)
		begin_rename(o);
	else
		begin_snapshot(o);
}

static void made_same(struct ktm_jo *o)
{
	if (o->post == KTM_JO_POST_LOST)
		o->phase = KTM_JO_P_POST_WRITE;
	else
		begin_new(o);
}

/* A log that cannot say where its second copy is must not grow away from it. */
static void post_written(struct ktm_jo *o, int err)
{
	o->phase = KTM_JO_P_POST_FLUSH;
	if (!err)
		return;
	o->post = KTM_JO_POST_BAD;
	o->sb.stays = true;
	begin_new(o);
}

int ktm_jo_snap_add(struct ktm_jo *o, const struct ktm_jrec *rec)
{
	int err;

	if (o->phase != KTM_JO_P_SNAPSHOT)
		return -EAGAIN;
	err = ktm_ja_add(&o->area, rec);
	if (err == -EAGAIN)
		o->phase = KTM_JO_P_SNAP_WRITE;
	return err;
}

void ktm_jo_stop(struct ktm_jo *o)
{
	KTM_CORE_BUG_ON(o->phase != KTM_JO_P_SNAPSHOT || o->area.records);
	o->phase = KTM_JO_P_DONE;
}

void ktm_jo_snap_end(struct ktm_jo *o, u64 tail_lsn)
{
	u64 tail = min(tail_lsn - core_mod64(tail_lsn, o->sb.unit), o->tail);

	/* Who replays has checked each place that the log named. */
	if (KTM_CORE_BUG_ON(tail < o->sb.tail_lsn)) {
		fail(o, KTM_JF_REFUSED, -EINVAL, 0, tail,
		     "a record lives that the log did not hold any more");
		return;
	}
	o->next_sb.tail_lsn = tail;
	o->snap_last = true;
	o->phase = o->area.records ? KTM_JO_P_SNAP_WRITE : KTM_JO_P_SNAP_FLUSH;
}

static enum ktm_jo_want snap_write(struct ktm_jo *o)
{
	u64 place;
	u32 bytes = ktm_ja_seal(&o->area, &place);

	return ask(o, KTM_JO_WRITE, place, bytes, o->buf);
}

static void snap_written(struct ktm_jo *o)
{
	ktm_ja_written(&o->area, &o->next_sb);
	o->phase = o->snap_last ? KTM_JO_P_SNAP_FLUSH : KTM_JO_P_SNAPSHOT;
}

/*
 * A size that the device only claims to have would make a log that fails when it gets there. So
 * its last unit is written first; if that fails, the log stays as it is.
 */
static enum ktm_jo_want try_end(struct ktm_jo *o)
{
	u64 end = o->dev_bytes - core_mod64(o->dev_bytes, o->sb.unit);

	if (!ktm_jf_growth(&o->sb, o->dev_bytes)) {
		o->phase = KTM_JO_P_NEW1;
		return ktm_jo_step(o);
	}
	memset(o->buf, 0, o->sb.unit);
	return ask(o, KTM_JO_WRITE, end - o->sb.unit, o->sb.unit, o->buf);
}

/* Nothing is written behind the tail that was found, before both copies say more. */
static void end_tried(struct ktm_jo *o, int err)
{
	if (!err)
		ktm_jf_grow(&o->next_sb, o->dev_bytes, o->tail);
	o->phase = KTM_JO_P_NEW1;
}

/* ---- the machine ------------------------------------------------------ */

static enum ktm_jo_want step(struct ktm_jo *o)
{
	switch (o->phase) {
	case KTM_JO_P_SB1:
		return read_sb1(o);
	case KTM_JO_P_SIGNPOST:
		return ask(o, KTM_JO_READ, o->sb2_unit, sb_read_bytes(o), o->buf);
	case KTM_JO_P_SB2:
		return ask(o, KTM_JO_READ, sb2_place(o), sb_read_bytes(o), o->buf);
	case KTM_JO_P_CHOOSE:
		return choose_sb(o);
	case KTM_JO_P_POST:
		return ask(o, KTM_JO_READ, ktm_jf_signpost_place(&o->sb), sb_read_bytes(o), o->buf);
	case KTM_JO_P_AREA:
		return read_area(o);
	case KTM_JO_P_RING:
		return read_ring(o);
	case KTM_JO_P_PROBE:
		return probe(o);
	case KTM_JO_P_REWRITE:
		return rewrite(o);
	case KTM_JO_P_SAME1:
	case KTM_JO_P_NEW1:
		return write_sb(o, 0);
	case KTM_JO_P_SAME2:
	case KTM_JO_P_NEW2:
		return write_sb(o, ktm_jf_sb2_place(&o->sb));
	case KTM_JO_P_REWRITE_FLUSH:
	case KTM_JO_P_SAME1_FLUSH:
	case KTM_JO_P_SAME2_FLUSH:
	case KTM_JO_P_POST_FLUSH:
	case KTM_JO_P_SNAP_FLUSH:
	case KTM_JO_P_NEW1_FLUSH:
	case KTM_JO_P_NEW2_FLUSH:
		return ask(o, KTM_JO_FLUSH, 0, 0, NULL);
	case KTM_JO_P_POST_WRITE:
		return write_post(o);
	case KTM_JO_P_SNAPSHOT:
		return KTM_JO_SNAPSHOT;
	case KTM_JO_P_SNAP_WRITE:
		return snap_write(o);
	case KTM_JO_P_TRY_END:
		return try_end(o);
	case KTM_JO_P_DONE:
		return KTM_JO_DONE;
	case KTM_JO_P_FAILED:
		break;
	}
	return KTM_JO_FAILED;
}

void ktm_jo_io_done(struct ktm_jo *o, int err)
{
	bool allowed = (o->phase <= KTM_JO_P_SB2 && err == -ENODATA) || o->phase == KTM_JO_P_POST ||
		       o->phase == KTM_JO_P_POST_WRITE || o->phase == KTM_JO_P_TRY_END;

	KTM_CORE_BUG_ON(!o->io);
	o->io = false;
	if (o->scanning) {
		err = ktm_jf_scan_read_done(&o->scan, err);
		if (!err)
			return;
	}
	if (err && !allowed) {
		fail(o, KTM_JF_IO, err, o->place, 0,
		     "the device failed while the journal was opened");
		return;
	}

	switch (o->phase) {
	case KTM_JO_P_SB1:
		have_sb1(o, err);
		break;
	case KTM_JO_P_SIGNPOST:
		have_signpost(o, err);
		break;
	case KTM_JO_P_SB2:
		have_sb2(o, err);
		break;
	case KTM_JO_P_POST:
		have_post(o, err);
		break;
	case KTM_JO_P_POST_WRITE:
		post_written(o, err);
		break;
	case KTM_JO_P_POST_FLUSH:
		begin_new(o);
		break;
	case KTM_JO_P_REWRITE:
		rewrite_done(o);
		break;
	case KTM_JO_P_SNAP_WRITE:
		snap_written(o);
		break;
	case KTM_JO_P_SAME2_FLUSH:
		made_same(o);
		break;
	case KTM_JO_P_TRY_END:
		end_tried(o, err);
		break;
	case KTM_JO_P_NEW2_FLUSH:
		o->phase = KTM_JO_P_DONE;
		break;
	default:
		/* A write and its flush, and what follows a flush, stand in order. */
		o->phase++;
		break;
	}
}

enum ktm_jo_want ktm_jo_step(struct ktm_jo *o)
{
	enum ktm_jo_want want = step(o);

	/* What it would write it either has read from there, or does not read again. */
	while (o->read_only && (want == KTM_JO_WRITE || want == KTM_JO_FLUSH)) {
		ktm_jo_io_done(o, 0);
		want = step(o);
	}
	return want;
}

void ktm_jo_refuse(struct ktm_jo *o, int err)
{
	if (o->phase == KTM_JO_P_FAILED)
		return;
	if (err == -ENOSPC)
		fail(o, KTM_JF_FULL, err, o->sb.restart[1 - o->sb.restart_index].start, 0,
		     "what lives does not fit into a restart extent");
	else
		fail(o, KTM_JF_REFUSED, err, 0, o->rec.lsn,
		     "the records of the log do not fit together");
}
