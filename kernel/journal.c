// SPDX-License-Identifier: GPL-2.0
/*
 * The journal: the core's opening and writer, driven by bios.
 *
 * Who does what. append() and force() run in anybody's context and touch memory, under
 * @lock. Who forces while nothing is under way hands the batch to the device himself;
 * from then on nothing depends on him, who may be frozen, throttled or killed: what ends
 * starts one of two work items, which takes back what has ended, hands out what comes
 * next and then calls back. Two, so that a callback that has to wait holds up no I/O: as
 * long as one of them is calling back, what ends starts the other. One thread at a time
 * pumps (@pumping), so batches are sealed in order without holding the lock over a
 * checksum. Memory for all of it is taken when the journal is attached.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/ioprio.h>
#include <linux/llist.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "core/journal_open.h"
#include "core/journal_writer.h"
#include "journal.h"

/* Each batch may lie in as many pieces as the ring has extents, and one more. */
#define BIO_POOL	(2 * KTM_JF_MAX_SEGS)

/* One write or flush of the pump. */
struct jio {
	struct llist_node node;		/* in ->ended */
	struct ktm_journal *j;
	struct ktm_jw_batch *batch;	/* NULL: the flush */
	atomic_t left;			/* bios under way, and one while they are made */
	int err;
};

struct ktm_journal {
	struct ktm_bdev_claim claim;
	struct block_device *bdev;
	struct bio_set bios;
	struct ktm_jf_sb sb;		/* as attached; geometry and uuid do not change */

	const struct ktm_journal_ops *ops;
	void *ctx;

	spinlock_t lock;		/* all below */
	char path[BDEVNAME_SIZE + 5];
	struct ktm_jw w;
	bool online;
	bool opening;
	bool offline_untold;
	int offline_err;
	u64 granted;			/* reserved while opening */
	u64 live;
	u64 live_capacity;
	u64 tail;
	u64 forces;
	u32 in_flight;
	struct list_head waiting;	/* forces not yet durable, by LSN */
	struct list_head done;		/* forces to be told, in order */
	struct ktm_jf_fault fault;
	wait_queue_head_t changed;	/* room, offline, idle, durable */
	u32 changes;

	bool pumping;			/* somebody hands out batches */

	struct llist_head ended;	/* from end_io; no lock */
	struct jwork {
		struct work_struct work;
		struct ktm_journal *j;
	} works[2];
	struct jwork *teller;		/* calls back; changed under @lock, read by kick() without */
	struct jio batch_io[KTM_JW_BUFS];
	struct jio flush_io;
	void *bufs[KTM_JW_BUFS];
};

struct ktm_jsnap {
	struct ktm_journal *j;
	struct ktm_jo *jo;
};

static struct workqueue_struct *journal_wq;

/*
 * Start the work item that is not calling back. The one may just become the teller, or
 * the teller end: each of the two sides looks again behind its own step.
 */
static void kick(struct ktm_journal *j)
{
	struct jwork *w = READ_ONCE(j->teller) == &j->works[0] ? &j->works[1] : &j->works[0];

	queue_work(journal_wq, &w->work);
	smp_mb();	/* pairs with the one in begin_telling() */
	if (READ_ONCE(j->teller) == w)
		queue_work(journal_wq, &j->works[w == &j->works[0]].work);
}

/* ---- bios ------------------------------------------------------------- */

static void jio_put(struct jio *io, blk_status_t status)
{
	if (status)
		WRITE_ONCE(io->err, blk_status_to_errno(status));
	if (atomic_dec_and_test(&io->left)) {
		struct ktm_journal *j = io->j;

		/* A running pump may take it before the second line: detach waits for us. */
		rcu_read_lock();
		llist_add(&io->node, &j->ended);
		kick(j);
		rcu_read_unlock();
	}
}

static void end_io(struct bio *bio)
{
	struct jio *io = bio->bi_private;
	blk_status_t status = bio->bi_status;

	bio_put(bio);
	jio_put(io, status);
}

/* @data is from vmalloc() and starts on a page. */
static struct bio *make_bio(struct ktm_journal *j, blk_opf_t opf, u64 place, void *data, u32 bytes)
{
	u32 vecs = DIV_ROUND_UP(offset_in_page(data) + bytes, PAGE_SIZE);
	struct bio *bio = bio_alloc_bioset(j->bdev, vecs, opf, GFP_NOIO, &j->bios);

	bio->bi_iter.bi_sector = place >> SECTOR_SHIFT;
	if (bytes && op_is_write(opf))
		flush_kernel_vmap_range(data, bytes);
	while (bytes) {
		u32 len = min_t(u32, bytes, PAGE_SIZE - offset_in_page(data));

		__bio_add_page(bio, vmalloc_to_page(data), len, offset_in_page(data));
		data += len;
		bytes -= len;
	}
	return bio;
}

/* Whoever submits it: it is the system's, not charged to him, throttled or ranked as his. */
static void submit_async(struct jio *io, struct bio *bio)
{
	ktm_bio_make_root(bio);
	bio->bi_ioprio = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, IOPRIO_BE_NORM);
	bio->bi_private = io;
	bio->bi_end_io = end_io;
	atomic_inc(&io->left);
	submit_bio(bio);
}

static void submit_write(struct ktm_journal *j, struct ktm_jw_batch *b)
{
	struct jio *io = &j->batch_io[b - j->w.batch];
	struct ktm_jf_seg segs[KTM_JF_MAX_SEGS];
	blk_opf_t opf = REQ_OP_WRITE | REQ_SYNC | REQ_META | REQ_PRIO;
	u8 *data = b->data;
	int i, n;

	if (b->fua)
		opf |= REQ_FUA;
	io->batch = b;
	io->err = 0;
	atomic_set(&io->left, 1);
	n = ktm_jf_map(&j->w.sb, b->lsn, b->bytes, segs);
	for (i = 0; i < n; i++) {
		submit_async(io, make_bio(j, opf, segs[i].place, data, segs[i].bytes));
		data += segs[i].bytes;
	}
	jio_put(io, BLK_STS_OK);
}

static void submit_flush(struct ktm_journal *j)
{
	struct jio *io = &j->flush_io;

	io->err = 0;
	atomic_set(&io->left, 1);
	submit_async(io, make_bio(j, REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC, 0, NULL, 0));
	jio_put(io, BLK_STS_OK);
}

/* ---- the pump --------------------------------------------------------- */

static void changed(struct ktm_journal *j)
{
	lockdep_assert_held(&j->lock);
	j->changes++;
	wake_up_all(&j->changed);
}

/* Sorted by LSN; who comes later stands behind his equals. */
static void enqueue(struct list_head *list, struct ktm_force *f)
{
	struct ktm_force *pos;

	list_for_each_entry_reverse(pos, list, node)
		if (pos->lsn <= f->lsn)
			break;
	list_add(&f->node, &pos->node);
}

static void tell(struct ktm_journal *j, struct ktm_force *f, int err)
{
	lockdep_assert_held(&j->lock);
	f->err = err;
	enqueue(&j->done, f);
}

static void go_offline(struct ktm_journal *j, int err)
{
	struct ktm_force *f, *next;

	lockdep_assert_held(&j->lock);
	j->online = false;
	j->offline_err = err;
	j->offline_untold = true;
	j->fault.code = KTM_JF_IO;
	j->fault.err = err;
	j->fault.place = 0;
	j->fault.lsn = j->w.flushed_lsn;
	j->fault.msg = "the device failed; what is behind this LSN may be durable or not";
	list_for_each_entry_safe(f, next, &j->waiting, node) {
		list_del(&f->node);
		tell(j, f, -EIO);
	}
}

static void take_back(struct ktm_journal *j)
{
	struct llist_node *all = llist_del_all(&j->ended);
	struct ktm_force *f, *next;
	struct jio *io, *n;

	lockdep_assert_held(&j->lock);
	if (!all)
		return;
	llist_for_each_entry_safe(io, n, all, node) {
		if (io->batch)
			ktm_jw_write_done(&j->w, io->batch, io->err);
		else
			ktm_jw_flush_done(&j->w, io->err);
		j->in_flight--;
	}
	list_for_each_entry_safe(f, next, &j->waiting, node) {
		if (f->lsn > j->w.flushed_lsn)
			break;
		list_del(&f->node);
		tell(j, f, 0);
	}
	if (j->w.err && j->online) {
		/* Once for each time: reopening is the administrator's, not any user's. */
		pr_warn_ratelimited("ktm: journal on %pg is offline: error %d\n", j->bdev, j->w.err);
		go_offline(j, j->w.err);
	}
	changed(j);
}

/*
 * Hand to the device what is to be handed. Process context; may wait for the device to
 * take it. If somebody else is at it he looks once more, under the lock, before he stops.
 *
 * Return: somebody is to be called back, which is left to the work items.
 */
static bool pump(struct ktm_journal *j)
{
	enum ktm_jw_want want;
	struct ktm_jw_batch *b;
	bool untold;

	spin_lock(&j->lock);
	if (j->pumping) {
		spin_unlock(&j->lock);
		return false;
	}
	j->pumping = true;
	for (;;) {
		take_back(j);
		want = ktm_jw_next(&j->w, &b);
		if (want == KTM_JW_NOTHING)
			break;
		j->in_flight++;
		spin_unlock(&j->lock);
		if (want == KTM_JW_WRITE) {
			ktm_jw_seal(&j->w, b);
			submit_write(j, b);
		} else {
			submit_flush(j);
		}
		spin_lock(&j->lock);
	}
	j->pumping = false;
	untold = !j->teller && (j->offline_untold || !list_empty(&j->done));
	spin_unlock(&j->lock);
	return untold;
}

static bool begin_telling(struct ktm_journal *j, struct jwork *w)
{
	bool mine;

	spin_lock(&j->lock);
	mine = !j->teller && (j->offline_untold || !list_empty(&j->done));
	if (mine)
		WRITE_ONCE(j->teller, w);
	spin_unlock(&j->lock);
	smp_mb();	/* pairs with the one in kick() */
	/* What ended a moment ago must not wait for the callbacks. */
	if (mine && work_pending(&w->work))
		queue_work(journal_wq, &j->works[w == &j->works[0]].work);
	return mine;
}

/* The next to be told; NULL: there is none, and nobody is the teller any more. */
static struct ktm_force *next_to_tell(struct ktm_journal *j, bool *offline)
{
	struct ktm_force *f = NULL;

	spin_lock(&j->lock);
	*offline = j->offline_untold;
	j->offline_untold = false;
	if (!*offline) {
		f = list_first_entry_or_null(&j->done, struct ktm_force, node);
		if (f)
			list_del_init(&f->node);
		else
			WRITE_ONCE(j->teller, NULL);
	}
	spin_unlock(&j->lock);
	return f;
}

static void journal_work(struct work_struct *work)
{
	struct jwork *w = container_of(work, struct jwork, work);
	struct ktm_journal *j = w->j;
	struct ktm_force *f;
	bool offline;

	pump(j);
	if (!begin_telling(j, w))
		return;
	for (;;) {
		f = next_to_tell(j, &offline);
		if (offline)
			j->ops->offline(j->ctx, j->offline_err);
		else if (f)
			f->done(f, f->err);
		else
			return;
		cond_resched();
	}
}

/* ---- appending -------------------------------------------------------- */

/**
 * ktm_journal_bytes() - what a record may cost of the ring
 * @j: the journal
 * @type: enum ktm_jrec_type
 * @var: bytes of its variable part
 *
 * With its share of heads and padding; a decision, and an RM's coming and going, which are forced,
 * with a write unit of their own.
 *
 * Return: bytes to reserve; 0 if there is no such record.
 */
u32 ktm_journal_bytes(const struct ktm_journal *j, u16 type, u32 var)
{
	return ktm_jw_charge(j->sb.unit, type, var);
}

/**
 * ktm_journal_reserve() - set aside room for records to come
 * @j: the journal
 * @bytes: sum of ktm_journal_bytes() of them
 *
 * Any context that may take a spinlock. Good until the journal goes offline.
 *
 * Return: 0, -ENOSPC, or -EIO if the journal is offline.
 */
int ktm_journal_reserve(struct ktm_journal *j, u64 bytes)
{
	int err;

	spin_lock(&j->lock);
	if (j->opening) {
		j->granted += bytes;
		err = 0;
	} else if (!j->online) {
		err = -EIO;
	} else {
		err = ktm_jw_reserve(&j->w, bytes, false);
	}
	spin_unlock(&j->lock);
	return err;
}

/**
 * ktm_journal_unreserve() - give back what was reserved and is not needed
 * @j: the journal
 * @bytes: how much
 *
 * Does nothing while the journal is offline: the reservations ended then.
 */
void ktm_journal_unreserve(struct ktm_journal *j, u64 bytes)
{
	spin_lock(&j->lock);
	if (j->opening)
		j->granted -= min(bytes, j->granted);
	else if (j->online)
		ktm_jw_unreserve(&j->w, bytes);
	spin_unlock(&j->lock);
}

/**
 * ktm_journal_live_charge() - set aside room in the restart extents for what will live
 * @j: the journal
 * @bytes: sum of ktm_jrec_bytes() of what a snapshot would emit for it
 *
 * Return: 0 or -ENOSPC.
 */
int ktm_journal_live_charge(struct ktm_journal *j, u64 bytes)
{
	int err = 0;

	spin_lock(&j->lock);
	if (!j->opening && (j->live > j->live_capacity || bytes > j->live_capacity - j->live))
		err = -ENOSPC;
	else
		j->live += bytes;
	spin_unlock(&j->lock);
	return err;
}

/**
 * ktm_journal_live_uncharge() - what was charged lives no more
 * @j: the journal
 * @bytes: how much
 */
void ktm_journal_live_uncharge(struct ktm_journal *j, u64 bytes)
{
	spin_lock(&j->lock);
	j->live -= min(bytes, j->live);
	spin_unlock(&j->lock);
}

static void force(struct ktm_journal *j, struct ktm_force *f, u64 lsn)
{
	int err;

	lockdep_assert_held(&j->lock);
	f->lsn = lsn;
	j->forces++;
	if (!j->online) {
		tell(j, f, -EIO);
	} else if (lsn <= j->w.flushed_lsn) {
		tell(j, f, 0);
	} else {
		err = ktm_jw_want(&j->w, lsn);
		if (err)
			tell(j, f, err);
		else
			enqueue(&j->waiting, f);
	}
}

enum jnext {
	J_NOTHING,
	J_PUMP,
	J_KICK,
};

/*
 * After an append or a force: who has something for the device? While anything is under
 * way its end looks after what has come meanwhile; what has filled a batch need not wait
 * for that, and is a work item's.
 */
static enum jnext what_next(const struct ktm_journal *j)
{
	lockdep_assert_held(&j->lock);
	if (!list_empty(&j->done))
		return J_KICK;
	if (!j->in_flight && (!list_empty(&j->waiting) || j->w.submitted < j->w.closed))
		return J_PUMP;
	return j->w.submitted < j->w.closed ? J_KICK : J_NOTHING;
}

static void do_next(struct ktm_journal *j, enum jnext next)
{
	if (next == J_KICK || (next == J_PUMP && pump(j)))
		kick(j);
}

static int append(struct ktm_journal *j, const struct ktm_jrec *rec, u32 reserved, u64 *lsn,
		  struct ktm_force *f)
{
	enum jnext next;
	u32 seen;
	int err;

	might_sleep();
	for (;;) {
		spin_lock(&j->lock);
		err = j->online ? ktm_jw_append(&j->w, rec, reserved, lsn) : -EIO;
		if (!err && f)
			force(j, f, *lsn);
		seen = j->changes;
		next = what_next(j);
		spin_unlock(&j->lock);
		do_next(j, next);
		if (err != -EAGAIN)
			return err;
		wait_event(j->changed, READ_ONCE(j->changes) != seen);
	}
}

/**
 * ktm_journal_append() - add a record to the log
 * @j: the journal
 * @rec: the record; its variable part is copied before this returns
 * @reserved: how much of the caller's reservation this uses up (at least
 *	ktm_journal_bytes() of it), or 0: nothing was reserved
 * @lsn: out, LSN of the record's end, for ktm_journal_force()
 *
 * Sleeps while all buffers are on their way to the device. A record with a reservation is
 * never refused for lack of room.
 *
 * Return: 0; -EIO: offline, nothing was handed over; -ENOSPC: not reserved, no room;
 * -EINVAL: no such record, or less reserved than it needs. Only with 0 is the reservation gone.
 */
int ktm_journal_append(struct ktm_journal *j, const struct ktm_jrec *rec, u32 reserved, u64 *lsn)
{
	return append(j, rec, reserved, lsn, NULL);
}

/**
 * ktm_journal_force() - be told when the log is durable up to an LSN
 * @j: the journal
 * @f: the caller's, until f->done() is called
 * @lsn: as ktm_journal_append() gave it
 *
 * Sleeps while the device takes it. f->done() is called exactly once, later, from the
 * journal's work.
 */
void ktm_journal_force(struct ktm_journal *j, struct ktm_force *f, u64 lsn)
{
	enum jnext next;

	might_sleep();
	spin_lock(&j->lock);
	force(j, f, lsn);
	next = what_next(j);
	spin_unlock(&j->lock);
	do_next(j, next);
}

/**
 * ktm_journal_flushed() - up to where is the log durable?
 * @j: the journal
 */
u64 ktm_journal_flushed(struct ktm_journal *j)
{
	u64 lsn;

	spin_lock(&j->lock);
	lsn = j->w.flushed_lsn;
	spin_unlock(&j->lock);
	return lsn;
}

/**
 * ktm_journal_append_force() - append a record and be told when it is durable, in one
 * @j: the journal
 * @rec: as for ktm_journal_append()
 * @reserved: as for ktm_journal_append()
 * @f: as for ktm_journal_force(); if this fails f->done() is not called
 *
 * For records whose fate somebody is told: between an append and a force the journal may
 * have gone offline and come back without the record, and its LSN may then be another's.
 *
 * Return: as ktm_journal_append().
 */
int ktm_journal_append_force(struct ktm_journal *j, const struct ktm_jrec *rec, u32 reserved,
			     struct ktm_force *f)
{
	u64 lsn;

	return append(j, rec, reserved, &lsn, f);
}

/* ---- opening ---------------------------------------------------------- */

/* Read, write or flush for the opening, and wait. */
static int sync_io(struct ktm_journal *j, struct block_device *bdev, enum ktm_jo_want want,
		   const struct ktm_jo *jo)
{
	blk_opf_t opf = REQ_SYNC | REQ_META;
	struct bio *bio;
	int err;

	switch (want) {
	case KTM_JO_READ:
		opf |= REQ_OP_READ;
		break;
	case KTM_JO_WRITE:
		opf |= REQ_OP_WRITE;
		break;
	default:
		return blkdev_issue_flush(bdev);
	}
	bio = make_bio(j, opf, jo->place, jo->data, jo->bytes);
	bio_set_dev(bio, bdev);
	err = submit_bio_wait(bio);
	bio_put(bio);
	if (!err && want == KTM_JO_READ)
		invalidate_kernel_vmap_range(jo->data, jo->bytes);
	return err;
}

/* Step until something else than I/O is wanted. */
static enum ktm_jo_want run_io(struct ktm_journal *j, struct block_device *bdev, struct ktm_jo *jo)
{
	for (;;) {
		enum ktm_jo_want want = ktm_jo_step(jo);

		/* The ring may be as large as the device, and the caller holds the TM. */
		if (want == KTM_JO_READ && fatal_signal_pending(current)) {
			ktm_jo_refuse(jo, -EINTR);
			return KTM_JO_FAILED;
		}
		switch (want) {
		case KTM_JO_READ:
		case KTM_JO_WRITE:
		case KTM_JO_FLUSH:
			ktm_jo_io_done(jo, sync_io(j, bdev, want, jo));
			cond_resched();
			break;
		default:
			return want;
		}
	}
}

/**
 * ktm_jsnap_add() - one more record of what lives
 * @snap: as given to the snapshot callback
 * @rec: the record
 *
 * Return: 0; -ENOSPC: the restart extent is full; or another error, to be returned as it is.
 */
int ktm_jsnap_add(struct ktm_jsnap *snap, const struct ktm_jrec *rec)
{
	int err;

	for (;;) {
		err = ktm_jo_snap_add(snap->jo, rec);
		if (err != -EAGAIN)
			return err;
		if (run_io(snap->j, snap->j->bdev, snap->jo) != KTM_JO_SNAPSHOT)
			return snap->jo->fault.err;
	}
}

/* @what: what it is about; the rest of the parameters is filled in. */
static struct ktm_jo *begin_opening(struct block_device *bdev, const struct ktm_jo_params *what)
{
	struct ktm_jo_params p = *what;
	struct ktm_jo *jo = kmalloc(sizeof(*jo), GFP_KERNEL_ACCOUNT);

	if (!jo)
		return NULL;
	p.dev_bytes = bdev_nr_bytes(bdev);
	p.sector = bdev_logical_block_size(bdev);
	p.room = KTM_JF_BATCH_MAX;
	p.buf = __vmalloc(p.room, GFP_KERNEL_ACCOUNT);
	if (!p.buf) {
		kfree(jo);
		return NULL;
	}
	while (!p.epoch)
		p.epoch = get_random_u64();
	ktm_jo_init(jo, &p);
	return jo;
}

static void end_opening(struct ktm_jo *jo)
{
	vfree(jo->buf);
	kfree(jo);
}

static void failed(struct ktm_jf_fault *fault, enum ktm_jf_code code, int err, const char *msg)
{
	*fault = (struct ktm_jf_fault){ .code = code, .err = err, .msg = msg };
}

/* 0; 1: all was read that was wanted; or a negative errno. */
static int run_opening(struct ktm_journal *j, struct ktm_jo *jo)
{
	struct ktm_jsnap snap = { .j = j, .jo = jo };
	bool begun = false, stopped = false;
	enum ktm_jo_want want;
	int err;

	for (;;) {
		want = run_io(j, j->bdev, jo);
		if (!begun && (want == KTM_JO_REPLAY || want == KTM_JO_SNAPSHOT)) {
			j->ops->begin(j->ctx, &jo->sb);
			begun = true;
		}
		switch (want) {
		case KTM_JO_REPLAY:
			err = j->ops->replay(j->ctx, &jo->rec);
			if (err < 0)
				ktm_jo_refuse(jo, err);
			cond_resched();
			break;
		case KTM_JO_SNAPSHOT:
			err = j->ops->snapshot(j->ctx, &snap, jo->tail);
			stopped = err > 0;
			if (err < 0)
				ktm_jo_refuse(jo, err);
			else if (stopped)
				ktm_jo_stop(jo);
			else
				ktm_jo_snap_end(jo, U64_MAX);
			break;
		case KTM_JO_DONE:
			return stopped;
		default:
			return jo->fault.err;
		}
	}
}

static void wait_idle(struct ktm_journal *j)
{
	int i;

	wait_event(j->changed, !READ_ONCE(j->in_flight));
	synchronize_rcu();
	/* Each may have started the other once more. */
	for (i = 0; i < 4; i++)
		flush_work(&j->works[i % 2].work);
}

/**
 * ktm_journal_open() - scan, make the finding durable, go online
 * @j: a journal that is attached and not online
 * @ops: whom to ask and tell; kept until the next opening or detach
 * @ctx: handed to @ops
 * @fault: out, on failure, what is wrong and where
 *
 * Sleeps. What @ops is asked to replay counts only if this does not fail. On failure the journal
 * stays offline, what is on the device means what it meant before, and the call may be made again.
 * ktm_journal_reserve() and ktm_journal_live_charge() never fail from within the callbacks.
 *
 * Return: 0; 1 if @ops wanted no more than to read, then what it read is durable and the
 * journal is not online; or a negative errno.
 */
int ktm_journal_open(struct ktm_journal *j, const struct ktm_journal_ops *ops, void *ctx,
		     struct ktm_jf_fault *fault)
{
	const struct ktm_jo_params what = { .same = &j->sb.uuid, .tm = &j->sb.tm_guid };
	struct ktm_jo *jo;
	bool fua;
	int err;

	*fault = (struct ktm_jf_fault){ };
	if (READ_ONCE(j->online))
		return -EBUSY;
	wait_idle(j);
	if (bdev_read_only(j->bdev)) {
		failed(fault, KTM_JF_IO, -EROFS, "the device is read-only");
		return -EROFS;
	}
	jo = begin_opening(j->bdev, &what);
	if (!jo) {
		failed(fault, KTM_JF_IO, -ENOMEM, "no memory for an opening");
		return -ENOMEM;
	}
	j->ops = ops;
	j->ctx = ctx;
	spin_lock(&j->lock);
	j->opening = true;
	j->granted = 0;
	j->live = 0;
	spin_unlock(&j->lock);

	err = run_opening(j, jo);

	/* Without a volatile cache a write that has ended is durable. */
	fua = bdev_fua(j->bdev) || !bdev_write_cache(j->bdev);
	spin_lock(&j->lock);
	j->opening = false;
	if (err >= 0)
		j->tail = jo->tail;
	if (!err) {
		ktm_jw_init(&j->w, &jo->next_sb, j->bufs, KTM_JW_BUFS, KTM_JW_BUF_BYTES, fua);
		ktm_jw_reserve(&j->w, j->granted, true);
		j->sb = jo->next_sb;
		j->live_capacity = ktm_jf_live_capacity(&j->sb);
		j->forces = 0;
		j->online = true;
	} else if (err < 0) {
		*fault = jo->fault;
	}
	j->fault = *fault;
	spin_unlock(&j->lock);
	end_opening(jo);
	return err;
}

/* ---- attach, replace, detach ------------------------------------------ */

/* Claim the device of a descriptor and read its superblocks; nothing is written. */
static int claim_and_check(struct ktm_journal *j, struct file *filp, const struct ktm_guid *same,
			   struct ktm_bdev_claim *claim, struct ktm_jf_sb *sb,
			   struct ktm_jf_fault *fault)
{
	const struct ktm_jo_params what = { .same = same, .check_only = true };
	struct block_device *bdev;
	struct ktm_jo *jo;
	int err;

	if (!S_ISBLK(file_inode(filp)->i_mode)) {
		failed(fault, KTM_JF_NOT_JOURNAL, -ENOTBLK, "not a block device");
		return -ENOTBLK;
	}
	if (!(filp->f_mode & FMODE_READ) || !(filp->f_mode & FMODE_WRITE)) {
		failed(fault, KTM_JF_IO, -EBADF,
		       "the descriptor is not open for reading and writing");
		return -EBADF;
	}
	err = ktm_bdev_claim(claim, file_inode(filp)->i_rdev, j);
	if (err) {
		failed(fault, KTM_JF_IO, err, "the device cannot be claimed");
		return err;
	}
	bdev = claim->bdev;
	/* Our bios do not see what a formatter left in the page cache; it must not come later. */
	err = sync_blockdev(bdev);
	if (err) {
		failed(fault, KTM_JF_IO, err,
		       "what others wrote to the device cannot be written out");
		goto release;
	}
	invalidate_bdev(bdev);
	if (bdev_read_only(bdev)) {
		err = -EROFS;
		failed(fault, KTM_JF_IO, err, "the device is read-only");
		goto release;
	}

	jo = begin_opening(bdev, &what);
	if (!jo) {
		err = -ENOMEM;
		failed(fault, KTM_JF_IO, err, "no memory to read the superblocks");
		goto release;
	}
	if (run_io(j, bdev, jo) == KTM_JO_DONE) {
		*sb = jo->sb;
	} else {
		*fault = jo->fault;
		err = fault->err;
	}
	end_opening(jo);
	if (!err)
		return 0;
release:
	ktm_bdev_release(claim);
	return err;
}

static void name_path(struct ktm_journal *j)
{
	spin_lock(&j->lock);
	snprintf(j->path, sizeof(j->path), "/dev/%pg", j->bdev);
	spin_unlock(&j->lock);
}

static void free_journal(struct ktm_journal *j)
{
	int i;

	for (i = 0; i < KTM_JW_BUFS; i++)
		vfree(j->bufs[i]);
	bioset_exit(&j->bios);
	kfree(j);
}

static struct ktm_journal *alloc_journal(void)
{
	struct ktm_journal *j = kzalloc(sizeof(*j), GFP_KERNEL_ACCOUNT);
	int i;

	if (!j)
		return NULL;
	spin_lock_init(&j->lock);
	INIT_LIST_HEAD(&j->waiting);
	INIT_LIST_HEAD(&j->done);
	init_waitqueue_head(&j->changed);
	init_llist_head(&j->ended);
	for (i = 0; i < 2; i++) {
		INIT_WORK(&j->works[i].work, journal_work);
		j->works[i].j = j;
	}
	j->flush_io.j = j;
	for (i = 0; i < KTM_JW_BUFS; i++) {
		j->batch_io[i].j = j;
		j->bufs[i] = __vmalloc(KTM_JW_BUF_BYTES, GFP_KERNEL_ACCOUNT);
		if (!j->bufs[i])
			goto fail;
	}
	if (bioset_init(&j->bios, BIO_POOL, 0, BIOSET_NEED_BVECS))
		goto fail;
	return j;
fail:
	/* An empty bio_set may be ended, too. */
	free_journal(j);
	return NULL;
}

/**
 * ktm_journal_attach() - take a device that holds a journal
 * @filp: the caller's descriptor of it, open for reading and writing
 * @jp: out
 * @fault: out, on failure, what is wrong and where
 *
 * Sleeps. Claims the device for itself, so @filp may be closed afterwards. Writes nothing.
 *
 * Return: 0; -ENOTBLK, -EBADF: not such a descriptor; -EBUSY: the device is in use; or
 * a negative errno that goes with @fault.
 */
int ktm_journal_attach(struct file *filp, struct ktm_journal **jp, struct ktm_jf_fault *fault)
{
	struct ktm_journal *j = alloc_journal();
	int err;

	*fault = (struct ktm_jf_fault){ };
	if (!j) {
		failed(fault, KTM_JF_IO, -ENOMEM, "no memory for a journal");
		return -ENOMEM;
	}
	err = claim_and_check(j, filp, NULL, &j->claim, &j->sb, fault);
	if (err) {
		free_journal(j);
		return err;
	}
	j->bdev = j->claim.bdev;
	name_path(j);
	j->live_capacity = ktm_jf_live_capacity(&j->sb);
	*jp = j;
	return 0;
}

/**
 * ktm_journal_replace() - the same journal by another descriptor
 * @j: a journal that is not online
 * @filp: descriptor of the device where it now is
 * @fault: out, on failure, what is wrong and where
 *
 * Sleeps. On failure @j keeps the device it has.
 *
 * Return: 0; -EBUSY: it is online, or the device is in use; -ESTALE: it holds another
 * journal; or as ktm_journal_attach().
 */
int ktm_journal_replace(struct ktm_journal *j, struct file *filp, struct ktm_jf_fault *fault)
{
	struct ktm_bdev_claim claim;
	struct ktm_jf_sb sb;
	int err;

	*fault = (struct ktm_jf_fault){ };
	if (READ_ONCE(j->online))
		return -EBUSY;
	wait_idle(j);
	err = claim_and_check(j, filp, &j->sb.uuid, &claim, &sb, fault);
	if (err)
		return err;
	ktm_bdev_release(&j->claim);
	j->claim = claim;
	j->bdev = claim.bdev;
	name_path(j);
	return 0;
}

/**
 * ktm_journal_rename() - give a journal to another transaction manager
 * @j: a journal that is attached and not online
 * @tm: GUID of the other one
 * @fault: out, on failure, what is wrong and where
 *
 * Sleeps. If it fails on the way the device may say the one or the other; @j goes on
 * saying the old one and is opened only if the device does too. It may be called again.
 *
 * Return: 0 and it is durable, or a negative errno.
 */
int ktm_journal_rename(struct ktm_journal *j, const struct ktm_guid *tm,
		       struct ktm_jf_fault *fault)
{
	const struct ktm_jo_params what = { .same = &j->sb.uuid, .rename = tm };
	struct ktm_jo *jo;
	int err = 0;

	*fault = (struct ktm_jf_fault){ };
	if (READ_ONCE(j->online))
		return -EBUSY;
	wait_idle(j);
	if (bdev_read_only(j->bdev)) {
		failed(fault, KTM_JF_IO, -EROFS, "the device is read-only");
		return -EROFS;
	}
	jo = begin_opening(j->bdev, &what);
	if (!jo) {
		failed(fault, KTM_JF_IO, -ENOMEM, "no memory to change the superblocks");
		return -ENOMEM;
	}
	if (run_io(j, j->bdev, jo) == KTM_JO_DONE) {
		spin_lock(&j->lock);
		j->sb = jo->next_sb;
		spin_unlock(&j->lock);
	} else {
		*fault = jo->fault;
		err = fault->err;
	}
	end_opening(jo);
	return err;
}

static bool settled(struct ktm_journal *j)
{
	bool ret;

	spin_lock(&j->lock);
	ret = !j->online || j->w.flushed_lsn >= j->w.want_lsn;
	spin_unlock(&j->lock);
	return ret;
}

/**
 * ktm_journal_detach() - let go of the device
 * @j: a journal that nobody appends to or forces any more; freed
 *
 * Sleeps. Writes out and flushes what was appended, if it is online; tells all who wait.
 */
void ktm_journal_detach(struct ktm_journal *j)
{
	struct ktm_force *f, *next;

	spin_lock(&j->lock);
	if (j->online)
		ktm_jw_want_all(&j->w);
	spin_unlock(&j->lock);
	kick(j);
	wait_event(j->changed, settled(j));

	spin_lock(&j->lock);
	j->online = false;
	/* Only what did not fit into the ring any more. */
	list_for_each_entry_safe(f, next, &j->waiting, node) {
		list_del(&f->node);
		tell(j, f, -EIO);
	}
	spin_unlock(&j->lock);
	kick(j);
	wait_idle(j);
	ktm_bdev_release(&j->claim);
	free_journal(j);
}

/* ---- looking ---------------------------------------------------------- */

/**
 * ktm_journal_guid() - the transaction manager that a journal belongs to
 * @j: the journal
 */
const struct ktm_guid *ktm_journal_guid(const struct ktm_journal *j)
{
	return &j->sb.tm_guid;
}

/**
 * ktm_journal_uuid() - the journal's own identity
 * @j: the journal
 */
const struct ktm_guid *ktm_journal_uuid(const struct ktm_journal *j)
{
	return &j->sb.uuid;
}

/**
 * ktm_journal_path() - the path of the device, by the kernel's name for it
 * @j: the journal
 * @path: out
 * @room: bytes there
 *
 * Return: length of it without the NUL.
 */
u32 ktm_journal_path(struct ktm_journal *j, char *path, u32 room)
{
	u32 length;

	spin_lock(&j->lock);
	length = strscpy(path, j->path, room);
	spin_unlock(&j->lock);
	return length;
}

/**
 * ktm_journal_dev() - the device it is on
 * @j: the journal
 */
dev_t ktm_journal_dev(const struct ktm_journal *j)
{
	return j->bdev->bd_dev;
}

/**
 * ktm_journal_ring_bytes() - how much log there is
 * @j: the journal
 */
u64 ktm_journal_ring_bytes(const struct ktm_journal *j)
{
	return j->sb.ring_bytes;
}

/**
 * ktm_journal_stat() - the journal in numbers
 * @j: the journal
 * @st: out
 */
void ktm_journal_stat(struct ktm_journal *j, struct ktm_journal_stat *st)
{
	spin_lock(&j->lock);
	*st = (struct ktm_journal_stat){
		.online = j->online,
		.unit = j->sb.unit,
		.ring_bytes = j->sb.ring_bytes,
		.free_bytes = j->online ? ktm_jw_free(&j->w) : 0,
		.reserved_bytes = j->w.reserved,
		.restart_capacity = j->live_capacity,
		.restart_charged = j->live,
		.start_lsn = j->sb.start_lsn,
		.next_lsn = j->w.next_lsn,
		.flushed_lsn = j->w.flushed_lsn,
		.recovered_lsn = j->tail,
		.generation = j->sb.generation,
		.appends = j->w.appends,
		.forces = j->forces,
		.writes = j->w.writes,
		.fua_writes = j->w.fua_writes,
		.flushes = j->w.flushes,
		.fault = j->fault,
	};
	spin_unlock(&j->lock);
}

/**
 * ktm_journal_init() - once, when the module is loaded
 */
int ktm_journal_init(void)
{
	/* Reclaim may wait for a commit, so its work must not wait for memory. */
	journal_wq = alloc_workqueue("ktm_journal", WQ_MEM_RECLAIM | WQ_UNBOUND | WQ_HIGHPRI, 0);
	return journal_wq ? 0 : -ENOMEM;
}

/**
 * ktm_journal_exit() - once, when no journal is attached any more
 */
void ktm_journal_exit(void)
{
	destroy_workqueue(journal_wq);
}
