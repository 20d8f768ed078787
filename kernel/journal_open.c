// SPDX-License-Identifier: GPL-2.0
/*
 * The journal's device: attaching, opening, replacing, renaming, letting go.
 */
#include <linux/err.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "journal_private.h"

/* Each batch may lie in as many pieces as the ring has extents, and one more. */
#define BIO_POOL	(2 * KTM_JF_MAX_SEGS)


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
			ktm_jo_io_done(jo, ktm_jio_sync(j, bdev, want, jo->place, jo->data,
							jo->bytes));
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

	u32 i;

	if (rec->type == KTM_JREC_SINDEX) {
		for (i = 0; i < rec->sindex.count; i++)
			if (!(rec->sindex.entries[i].flags & KTM_JREC_F_LOST))
				snap->tail = min(snap->tail, rec->sindex.entries[i].place);
	}
	if (!snap->jo)
		return ktm_journal_restart_add(snap, rec);
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

/* What is no reason to refuse a journal, and yet somebody should look after. */
static void tell_of_signpost(struct ktm_journal *j, const struct ktm_jo *jo)
{
	switch (jo->post) {
	case KTM_JO_POST_LOST:
		pr_notice("ktm: journal on %pg: its signpost was broken, and was written again\n",
			  j->bdev);
		break;
	case KTM_JO_POST_BAD:
		pr_warn("ktm: journal on %pg: its signpost is broken and cannot be written, so the log does not grow\n",
			j->bdev);
		break;
	case KTM_JO_POST_NO_PLACE:
		pr_warn("ktm: journal on %pg: it has no place for a signpost, so the log does not grow\n",
			j->bdev);
		break;
	default:
		break;
	}
}

/* 0; 1: all was read that was wanted; or a negative errno. */
static int run_opening(struct ktm_journal *j, struct ktm_jo *jo)
{
	struct ktm_jsnap snap = { .j = j, .jo = jo, .tail = U64_MAX };
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
				ktm_jo_snap_end(jo, snap.tail);
			break;
		case KTM_JO_DONE:
			return stopped;
		default:
			return jo->fault.err;
		}
	}
}

static bool is_idle(struct ktm_journal *j)
{
	bool idle;

	spin_lock(&j->lock);
	idle = !j->in_flight && !j->pumping && !j->readers;
	spin_unlock(&j->lock);
	return idle;
}

static void wait_idle(struct ktm_journal *j)
{
	int i;

	wait_event(j->changed, is_idle(j));
	/* For the end of a batch or a flush. One that was never online has had none. */
	if (j->w.nbufs)
		synchronize_rcu();
	/* Each may have started the other once more. */
	for (i = 0; i < 4; i++)
		flush_work(&j->works[i % 2].work);
}

/* It may be written, and has not been pulled out: what is left of it then has no size. */
static int check_device(struct block_device *bdev, struct ktm_jf_fault *fault)
{
	if (bdev_read_only(bdev)) {
		failed(fault, KTM_JF_IO, -EROFS, "the device is read-only");
		return -EROFS;
	}
	if (!bdev_nr_bytes(bdev)) {
		failed(fault, KTM_JF_IO, -EIO, "the device is gone");
		return -EIO;
	}
	return 0;
}

/* Of a journal that is attached and not online. Return: an opening, or an ERR_PTR and @fault. */
static struct ktm_jo *begin_opening_again(struct ktm_journal *j, const struct ktm_jo_params *what,
					  struct ktm_jf_fault *fault)
{
	struct ktm_jo *jo;
	int err;

	*fault = (struct ktm_jf_fault){ };
	if (READ_ONCE(j->online))
		return ERR_PTR(-EBUSY);
	wait_idle(j);
	err = check_device(j->bdev, fault);
	if (err)
		return ERR_PTR(err);
	jo = begin_opening(j->bdev, what);
	if (jo)
		return jo;
	failed(fault, KTM_JF_IO, -ENOMEM, "no memory for an opening");
	return ERR_PTR(-ENOMEM);
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

	jo = begin_opening_again(j, &what, fault);
	if (IS_ERR(jo))
		return PTR_ERR(jo);
	j->ops = ops;
	j->ctx = ctx;
	spin_lock(&j->lock);
	j->opening = true;
	j->granted = 0;
	j->granted_quota = 0;
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
		ktm_jw_quota(&j->w, j->granted_quota, true);
		j->sb = jo->next_sb;
		j->live_capacity = ktm_jf_live_capacity(&j->sb);
		j->seen_bytes = jo->dev_bytes;
		j->vain_bytes = 0;
		j->forces = 0;
		j->restarts = 0;
		j->due_told = false;
		/* A log that was full when it was left: who is refused may ask for room once. */
		j->freed = true;
		j->online = true;
	} else if (err < 0) {
		*fault = jo->fault;
	}
	j->fault = *fault;
	spin_unlock(&j->lock);
	if (err >= 0)
		tell_of_signpost(j, jo);
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
	vfree(j->area);
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
	INIT_LIST_HEAD(&j->starved);
	INIT_LIST_HEAD(&j->done);
	init_waitqueue_head(&j->changed);
	init_llist_head(&j->ended);
	for (i = 0; i < 2; i++) {
		INIT_WORK(&j->works[i].work, ktm_journal_work);
		j->works[i].j = j;
	}
	j->flush_io.j = j;
	for (i = 0; i < KTM_JW_BUFS; i++) {
		j->batch_io[i].j = j;
		j->bufs[i] = __vmalloc(KTM_JW_BUF_BYTES, GFP_KERNEL_ACCOUNT);
		if (!j->bufs[i])
			goto fail;
	}
	j->area = __vmalloc(KTM_JF_BATCH_MAX, GFP_KERNEL_ACCOUNT);
	if (!j->area)
		goto fail;
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
	struct ktm_bdev_claim claim, old;
	struct ktm_jf_sb sb;
	int err;

	*fault = (struct ktm_jf_fault){ };
	if (READ_ONCE(j->online))
		return -EBUSY;
	wait_idle(j);
	err = claim_and_check(j, filp, &j->sb.uuid, &claim, &sb, fault);
	if (err)
		return err;
	/* Whoever looks at the device under the lock has one that is claimed. */
	spin_lock(&j->lock);
	old = j->claim;
	j->claim = claim;
	j->bdev = claim.bdev;
	spin_unlock(&j->lock);
	ktm_bdev_release(&old);
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

	jo = begin_opening_again(j, &what, fault);
	if (IS_ERR(jo))
		return PTR_ERR(jo);
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
	spin_lock(&j->lock);
	if (j->online)
		ktm_jw_want_all(&j->w);
	spin_unlock(&j->lock);
	ktm_journal_kick(j);
	wait_event(j->changed, settled(j));

	spin_lock(&j->lock);
	j->online = false;
	/* Only what did not fit into the ring any more. */
	ktm_journal_tell_failed(j);
	spin_unlock(&j->lock);
	ktm_journal_kick(j);
	wait_idle(j);
	ktm_bdev_release(&j->claim);
	free_journal(j);
}
