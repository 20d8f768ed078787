// SPDX-License-Identifier: GPL-2.0
/*
 * The journal: the core's opening and writer, driven by bios.
 *
 * Who does what. append() and force() run in anybody's context and touch memory, under
 * @lock. Who forces while nothing is under way hands that one batch to the device himself;
 * from then on nothing depends on him, who may be frozen, throttled or killed: what ends
 * starts one of two work items, which takes back what has ended, hands out what comes
 * next and then calls back. Two, so that a callback that has to wait holds up no I/O: as
 * long as one of them is calling back, what ends starts the other. One thread at a time
 * pumps (@pumping), so batches are sealed in order without holding the lock over a
 * checksum. Memory for all of it is taken when the journal is attached.
 */
#include <linux/list.h>
#include <linux/string.h>

#include "journal_private.h"

struct workqueue_struct *ktm_journal_wq;

/*
 * Start the work item that is not calling back. The one may just become the teller, or
 * the teller end: each of the two sides looks again behind its own step.
 */
void ktm_journal_kick(struct ktm_journal *j)
{
	struct jwork *w = READ_ONCE(j->teller) == &j->works[0] ? &j->works[1] : &j->works[0];

	queue_work(ktm_journal_wq, &w->work);
	smp_mb();	/* pairs with the one in begin_telling() */
	if (READ_ONCE(j->teller) == w)
		queue_work(ktm_journal_wq, &j->works[w == &j->works[0]].work);
}

/* ---- the pump --------------------------------------------------------- */

void ktm_journal_changed(struct ktm_journal *j)
{
	lockdep_assert_held(&j->lock);
	j->changes++;
	wake_up_all(&j->changed);
}

/**
 * ktm_journal_enqueue - somebody waits
 * @list: forces, by LSN
 * @f: his, who stands behind his equals
 */
void ktm_journal_enqueue(struct list_head *list, struct ktm_force *f)
{
	struct ktm_force *pos;

	list_for_each_entry_reverse(pos, list, node)
		if (pos->lsn <= f->lsn)
			break;
	list_add(&f->node, &pos->node);
}

void ktm_journal_tell(struct ktm_journal *j, struct ktm_force *f, int err)
{
	lockdep_assert_held(&j->lock);
	f->err = err;
	/* In turn: who asks again and again for what is durable must not get in front. */
	list_add_tail(&f->node, &j->done);
}

/* Those that have become durable, be it by another's force. */
static void tell_durable(struct ktm_journal *j, struct list_head *list)
{
	struct ktm_force *f, *next;

	list_for_each_entry_safe(f, next, list, node) {
		if (f->lsn > j->w.flushed_lsn)
			break;
		list_del(&f->node);
		ktm_journal_tell(j, f, 0);
	}
}

static void tell_failed(struct ktm_journal *j, struct list_head *list)
{
	struct ktm_force *f, *next;

	list_for_each_entry_safe(f, next, list, node) {
		list_del(&f->node);
		ktm_journal_tell(j, f, -EIO);
	}
}

/**
 * ktm_journal_tell_failed - nothing becomes durable any more
 * @j: the journal, its lock held
 */
void ktm_journal_tell_failed(struct ktm_journal *j)
{
	tell_failed(j, &j->waiting);
	tell_failed(j, &j->starved);
}

static void go_offline(struct ktm_journal *j, int err)
{
	lockdep_assert_held(&j->lock);
	j->online = false;
	j->offline_err = err;
	j->offline_untold = true;
	j->fault.code = KTM_JF_IO;
	j->fault.err = err;
	j->fault.place = 0;
	j->fault.lsn = j->w.flushed_lsn;
	j->fault.msg = "the device failed; what is behind this LSN may be durable or not";
	ktm_journal_tell_failed(j);
}

/**
 * ktm_journal_fail - the device has failed under something else than a batch
 * @j: the journal
 * @err: how
 */
void ktm_journal_fail(struct ktm_journal *j, int err)
{
	spin_lock(&j->lock);
	ktm_jw_fail(&j->w, err);
	if (j->online) {
		pr_warn_ratelimited("ktm: journal on %pg is offline: error %d\n", j->bdev, err);
		go_offline(j, err);
	}
	ktm_journal_changed(j);
	spin_unlock(&j->lock);
	ktm_journal_kick(j);
}

static void take_back(struct ktm_journal *j)
{
	struct llist_node *all = llist_del_all(&j->ended);
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
	tell_durable(j, &j->waiting);
	tell_durable(j, &j->starved);
	if (j->w.err && j->online) {
		/* Once for each time: reopening is the administrator's, not any user's. */
		pr_warn_ratelimited("ktm: journal on %pg is offline: error %d\n", j->bdev, j->w.err);
		go_offline(j, j->w.err);
	}
	j->look_again = true;
	ktm_journal_changed(j);
}

/* Is somebody to be told something, and nobody at it? */
static bool untold(const struct ktm_journal *j)
{
	lockdep_assert_held(&j->lock);
	return !j->teller && (j->offline_untold || !list_empty(&j->done));
}

/*
 * Take back what has ended, and hand to the device what is to be handed. Process context; may
 * wait for the device to take it. Whoever is at it may be off the processor for long, so the
 * others do all but the handing out, and a client hands out one batch, not what others bring
 * meanwhile: that, and what is then to be told, is the work items'.
 *
 * @own: one batch only
 *
 * Return: there is something left for the work items.
 */
static bool pump(struct ktm_journal *j, bool own)
{
	enum ktm_jw_want want;
	struct ktm_jw_batch *b;
	bool left;

	spin_lock(&j->lock);
	take_back(j);
	if (j->pumping) {
		j->look_again = true;
		left = own && untold(j);
		spin_unlock(&j->lock);
		return left;
	}
	j->pumping = true;
	do {
		j->look_again = false;
		want = ktm_jw_next(&j->w, &b);
		if (want == KTM_JW_NOTHING)
			break;
		j->in_flight++;
		spin_unlock(&j->lock);
		if (want == KTM_JW_WRITE) {
			ktm_jw_seal(&j->w, b);
			ktm_jio_write(j, b);
		} else {
			ktm_jio_flush(j);
		}
		spin_lock(&j->lock);
		take_back(j);
	} while (!own && !untold(j));
	j->pumping = false;
	/* Without either, the end of what is in flight looks after what comes next. */
	left = j->look_again || (want != KTM_JW_NOTHING && j->w.submitted < j->w.closed) ||
	       (own && untold(j));
	if (!j->in_flight)
		wake_up_all(&j->changed);
	spin_unlock(&j->lock);
	return left;
}

static bool begin_telling(struct ktm_journal *j, struct jwork *w)
{
	bool mine;

	spin_lock(&j->lock);
	mine = untold(j);
	if (mine)
		WRITE_ONCE(j->teller, w);
	spin_unlock(&j->lock);
	smp_mb();	/* pairs with the one in ktm_journal_kick() */
	/* What ended a moment ago must not wait for the callbacks. */
	if (mine && work_pending(&w->work))
		queue_work(ktm_journal_wq, &j->works[w == &j->works[0]].work);
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

void ktm_journal_work(struct work_struct *work)
{
	struct jwork *w = container_of(work, struct jwork, work);
	struct ktm_journal *j = w->j;
	bool left = pump(j, false), mine = begin_telling(j, w);
	struct ktm_force *f;
	bool offline;

	/* Of the two, the one that does not call back. */
	if (left)
		ktm_journal_kick(j);
	if (!mine)
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

/* Return: he is to wait; else he is told. */
static bool begin_force(struct ktm_journal *j, struct ktm_force *f)
{
	int err = 0;

	lockdep_assert_held(&j->lock);
	j->forces++;
	if (!j->online) {
		err = -EIO;
	} else if (f->lsn > j->w.flushed_lsn) {
		err = ktm_jw_want(&j->w, f->lsn);
		if (!err)
			return true;
	}
	ktm_journal_tell(j, f, err);
	return false;
}

static void force(struct ktm_journal *j, struct ktm_force *f, u64 lsn)
{
	f->lsn = lsn;
	if (begin_force(j, f))
		ktm_journal_enqueue(&j->waiting, f);
}

/**
 * ktm_journal_feed - a restart area has come to its end, well or not
 * @j: the journal, its lock held; ktm_journal_kick() follows
 *
 * Those who wait for one are refused again, or not. They may be many, and so may those with whom
 * they wait from now on: both stand in order, so each is passed once.
 */
void ktm_journal_feed(struct ktm_journal *j)
{
	struct list_head *behind = &j->waiting;
	struct ktm_force *f, *next;

	lockdep_assert_held(&j->lock);
	list_for_each_entry_safe(f, next, &j->starved, node) {
		list_del(&f->node);
		if (!begin_force(j, f))
			continue;
		while (!list_is_last(behind, &j->waiting) &&
		       list_entry(behind->next, struct ktm_force, node)->lsn <= f->lsn)
			behind = behind->next;
		list_add(&f->node, behind);
		behind = &f->node;
	}
}

enum jnext {
	J_NOTHING,
	J_PUMP,
	J_KICK,
};

/*
 * After an append or a force: who has something for the device? While as much is under way
 * as may be its end looks after what has come meanwhile; what has filled a batch need not
 * wait for that, and is a work item's.
 */
static enum jnext what_next(const struct ktm_journal *j)
{
	lockdep_assert_held(&j->lock);
	if (!list_empty(&j->done))
		return J_KICK;
	if (!j->in_flight && (!list_empty(&j->waiting) || j->w.submitted < j->w.closed))
		return J_PUMP;
	if (ktm_jw_ready(&j->w))
		return J_PUMP;
	return j->w.submitted < j->w.closed ? J_KICK : J_NOTHING;
}

/* Is a restart area to be asked for now? */
static bool due(struct ktm_journal *j)
{
	lockdep_assert_held(&j->lock);
	if (!j->online || j->due_told ||
	    (!ktm_jw_restart_due(&j->w) && !ktm_journal_may_grow(j)))
		return false;
	j->due_told = true;
	return true;
}

static void do_next(struct ktm_journal *j, enum jnext next)
{
	if (next == J_KICK || (next == J_PUMP && pump(j, true)))
		ktm_journal_kick(j);
}

typedef int (*append_fn)(struct ktm_jw *w, const struct ktm_jrec *rec, u32 reserved, u64 *lsn);

static int append(struct ktm_journal *j, append_fn fn, const struct ktm_jrec *rec, u32 reserved,
		  u64 *lsn, struct ktm_force *f)
{
	bool restart_due;
	enum jnext next;
	u32 seen;
	int err;

	might_sleep();
	for (;;) {
		spin_lock(&j->lock);
		err = j->online ? fn(&j->w, rec, reserved, lsn) : -EIO;
		if (!err && f)
			force(j, f, *lsn);
		seen = j->changes;
		next = what_next(j);
		restart_due = due(j);
		spin_unlock(&j->lock);
		do_next(j, next);
		if (restart_due)
			j->ops->restart_due(j->ctx);
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
	return append(j, ktm_jw_append, rec, reserved, lsn, NULL);
}

/**
 * ktm_journal_append_stream() - add a record of a stream to the log
 * @j: the journal
 * @rec: as for ktm_journal_append(); with the name 0 it gets one
 * @reserved: as there
 * @durable: it will be forced: a log that has no room for that refuses it now
 * @lsn: out: LSN of its end, and its name if it has got one
 * @place: out: LSN of its first byte
 *
 * Return: as ktm_journal_append(); with @durable -ENOSPC also if room was reserved for it.
 */
int ktm_journal_append_stream(struct ktm_journal *j, const struct ktm_jrec *rec, u32 reserved,
			      bool durable, u64 *lsn, u64 *place)
{
	int err = append(j, durable ? ktm_jw_append_forcible : ktm_jw_append, rec, reserved, lsn,
			 NULL);

	if (!err)
		*place = *lsn - ktm_jrec_size(rec);
	return err;
}

/**
 * ktm_journal_quota() - what streams may keep alive together changes
 * @j: the journal
 * @change: by how many bytes
 *
 * Return: 0; -ENOSPC: more than the log can give; -EIO: offline.
 */
int ktm_journal_quota(struct ktm_journal *j, s64 change)
{
	int err = 0;

	spin_lock(&j->lock);
	if (j->opening)
		j->granted_quota += change;
	else if (j->online)
		err = ktm_jw_quota(&j->w, change, false);
	else
		err = -EIO;
	spin_unlock(&j->lock);
	return err;
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
 * ktm_journal_unforce() - be told no more
 * @j: the journal
 * @f: as given to ktm_journal_force() by whoever calls this
 *
 * What was asked for goes on.
 *
 * Return: false: f->done() is being called, or was.
 */
bool ktm_journal_unforce(struct ktm_journal *j, struct ktm_force *f)
{
	bool in_time;

	spin_lock(&j->lock);
	in_time = !list_empty(&f->node);
	if (in_time)
		list_del_init(&f->node);
	spin_unlock(&j->lock);
	return in_time;
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

	return append(j, ktm_jw_append, rec, reserved, &lsn, f);
}

/* ---- looking ---------------------------------------------------------- */

/**
 * ktm_journal_online() - does it take records?
 * @j: the journal
 *
 * It may go offline a moment before its TM is told.
 */
bool ktm_journal_online(const struct ktm_journal *j)
{
	return READ_ONCE(j->online);
}

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
 * ktm_journal_shared() - what there is of the log for all users together
 * @j: the journal
 *
 * Of the ring, unfinished work may set aside half, and the quotas of streams may come to three
 * eighths. A user has a share of one sum over both, as both are of one user: of the lesser. So
 * whoever has all of his share leaves the others theirs of either. Restart areas are given out
 * to the last byte; of them, too, two who have all of their shares leave a quarter.
 */
struct ktm_log_bytes ktm_journal_shared(struct ktm_journal *j)
{
	struct ktm_log_bytes all;

	spin_lock(&j->lock);
	all = (struct ktm_log_bytes){
		.ring = ktm_jw_most_quota(&j->sb),
		.area = j->live_capacity / 4 * 3,
	};
	spin_unlock(&j->lock);
	return all;
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
		.quotas = j->w.quota,
		.restarts = j->restarts,
		.tail_lsn = j->w.sb.tail_lsn,
		.start_lsn = j->w.sb.start_lsn,
		.next_lsn = j->w.next_lsn,
		.flushed_lsn = j->w.flushed_lsn,
		.recovered_lsn = j->tail,
		.generation = j->w.sb.generation,
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
	ktm_journal_wq = alloc_workqueue("ktm_journal", WQ_MEM_RECLAIM | WQ_UNBOUND | WQ_HIGHPRI, 0);
	return ktm_journal_wq ? 0 : -ENOMEM;
}

/**
 * ktm_journal_exit() - once, when no journal is attached any more
 */
void ktm_journal_exit(void)
{
	destroy_workqueue(ktm_journal_wq);
}

