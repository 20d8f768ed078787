// SPDX-License-Identifier: GPL-2.0
/*
 * Notifications: from the protocol's due bits to read(2).
 *
 * A notification leaves the queue only after its copy succeeded. While it is
 * being copied nothing later of the same enlistment goes to any reader, so the
 * order per enlistment holds with several readers too, and a copy that failed
 * can be put back in front without overtaking or being overtaken.
 */
#include <linux/hrtimer.h>
#include <linux/sched/signal.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

#include "callback.h"
#include "enlistment.h"
#include "notify.h"
#include "rm.h"
#include "transaction.h"

/* What the slots of a participant and of a superior are for. */
static const u32 participant_slots[KTM_NR_EN_SLOTS] = {
	KTM_NOTIFY_PREPREPARE,
	KTM_NOTIFY_PREPARE,
	KTM_NOTIFY_SINGLE_PHASE_COMMIT,
	KTM_NOTIFY_COMMIT,
	KTM_NOTIFY_ROLLBACK,
	KTM_NOTIFY_RM_DISCONNECTED,
	KTM_NOTIFY_RECOVER,
	KTM_NOTIFY_INDOUBT,
};

static const u32 superior_slots[KTM_NR_EN_SLOTS] = {
	KTM_NOTIFY_PREPREPARE_COMPLETE,
	KTM_NOTIFY_PREPARE_COMPLETE,
	KTM_NOTIFY_COMMIT_REQUEST,
	KTM_NOTIFY_REQUEST_OUTCOME,
	KTM_NOTIFY_ROLLBACK,
	KTM_NOTIFY_COMMIT_COMPLETE,
	KTM_NOTIFY_ROLLBACK_COMPLETE,
	KTM_NOTIFY_RECOVER_QUERY,
};

static const u32 *slots_of(const struct ktm_enlistment *en)
{
	return en->core.flags & KTM_ENC_SUPERIOR ? superior_slots : participant_slots;
}

/* NULL: the RM's own. */
static struct ktm_enlistment *inbox_owner(struct ktm_queue *q, struct ktm_inbox *inbox)
{
	return inbox == &q->last_recover ? NULL : container_of(inbox, struct ktm_enlistment, inbox);
}

static u32 kind_of(struct ktm_queue *q, struct ktm_inbox *inbox, u8 slot)
{
	struct ktm_enlistment *en = inbox_owner(q, inbox);

	return en ? slots_of(en)[slot] : KTM_NOTIFY_LAST_RECOVER;
}

static bool is_recover(struct ktm_queue *q, struct ktm_inbox *inbox, u8 slot)
{
	return kind_of(q, inbox, slot) & (KTM_NOTIFY_RECOVER | KTM_NOTIFY_RECOVER_QUERY);
}

static void inbox_init(struct ktm_inbox *inbox, work_func_t work)
{
	INIT_LIST_HEAD(&inbox->link);
	INIT_WORK(&inbox->work, work);
	inbox->teller = NULL;
	inbox->waiting = 0;
	inbox->count = 0;
	inbox->reading = KTM_SLOT_NONE;
	inbox->again = false;
	inbox->dropped = false;
	inbox->handled = false;
}

/* There may be something in it to be told by callback. */
static void inbox_kick(struct ktm_queue *q, struct ktm_inbox *inbox)
{
	struct ktm_enlistment *en = inbox_owner(q, inbox);

	lockdep_assert_held(&q->lock);
	/* One that is on its way looks yet. */
	if (!q->teller || inbox->teller)
		return;
	ktm_object_get(en ? &en->obj : &container_of(q, struct ktm_rm, queue)->obj);
	inbox->teller = q->teller;
	ktm_callbacks_queue(q->teller, &inbox->work);
}

/* LAST_RECOVER says that no RECOVER is to come. */
static bool may_be_read(struct ktm_queue *q, struct ktm_inbox *inbox)
{
	lockdep_assert_held(&q->lock);
	return !list_empty(&inbox->link) && (inbox != &q->last_recover || !q->recovers);
}

/* There is one RECOVER less that it waits for. */
static void last_recover_kick(struct ktm_queue *q)
{
	if (may_be_read(q, &q->last_recover))
		inbox_kick(q, &q->last_recover);
}

static void inbox_work(struct ktm_queue *q, struct ktm_inbox *inbox)
{
	struct ktm_callbacks *teller;

	spin_lock(&q->lock);
	teller = inbox->teller;
	inbox->teller = NULL;
	spin_unlock(&q->lock);
	ktm_callbacks_tell(teller, inbox);
	/* Enabled since, by whom this has kept from queueing it. */
	spin_lock(&q->lock);
	if (q->teller != teller && may_be_read(q, inbox))
		inbox_kick(q, inbox);
	spin_unlock(&q->lock);
	ktm_callbacks_put(teller);
}

static void enlistment_work(struct work_struct *work)
{
	struct ktm_enlistment *en = container_of(work, struct ktm_enlistment, inbox.work);

	inbox_work(&en->rm->queue, &en->inbox);
	ktm_object_put(&en->obj);
}

static void last_recover_work(struct work_struct *work)
{
	struct ktm_rm *rm = container_of(work, struct ktm_rm, queue.last_recover.work);

	inbox_work(&rm->queue, &rm->queue.last_recover);
	ktm_object_put(&rm->obj);
}

void ktm_inbox_init(struct ktm_inbox *inbox)
{
	inbox_init(inbox, enlistment_work);
}

void ktm_queue_init(struct ktm_queue *q)
{
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->inboxes);
	init_waitqueue_head(&q->wait);
	q->open = false;
	q->recovers = 0;
	q->teller = NULL;
	inbox_init(&q->last_recover, last_recover_work);
}

static u8 waiting_at(const struct ktm_inbox *inbox, unsigned int place)
{
	return inbox->waiting >> place * KTM_SLOT_BITS & ((1 << KTM_SLOT_BITS) - 1);
}

static void waiting_append(struct ktm_inbox *inbox, u8 slot)
{
	inbox->waiting |= (u32)slot << inbox->count++ * KTM_SLOT_BITS;
}

static void waiting_prepend(struct ktm_inbox *inbox, u8 slot)
{
	inbox->waiting = inbox->waiting << KTM_SLOT_BITS | slot;
	inbox->count++;
}

static u8 waiting_take(struct ktm_inbox *inbox, unsigned int place)
{
	const u32 before = (1u << place * KTM_SLOT_BITS) - 1;
	const u8 slot = waiting_at(inbox, place);

	/* What is behind the last is 0. */
	inbox->waiting = (inbox->waiting & before) | (inbox->waiting >> KTM_SLOT_BITS & ~before);
	inbox->count--;
	return slot;
}

/* Where a slot is in @waiting; @count: nowhere. */
static unsigned int waiting_find(const struct ktm_inbox *inbox, u8 slot)
{
	unsigned int place;

	static_assert(KTM_NR_EN_SLOTS * KTM_SLOT_BITS <= 32 && KTM_SLOT_NONE < 1 << KTM_SLOT_BITS);
	for (place = 0; place < inbox->count; place++) {
		if (waiting_at(inbox, place) == slot)
			break;
	}
	return place;
}

/* True: there is something to be read now where there was nothing. */
static bool inbox_add(struct ktm_queue *q, struct ktm_inbox *inbox, u8 slot, u64 clock)
{
	struct ktm_enlistment *en = inbox_owner(q, inbox);

	lockdep_assert_held(&q->lock);
	WRITE_ONCE(inbox->clock[slot], clock);
	if (inbox->reading == slot) {
		inbox->again = true;
		return false;
	}
	if (waiting_find(inbox, slot) < inbox->count)
		return false;
	waiting_append(inbox, slot);
	q->recovers += is_recover(q, inbox, slot);
	if (inbox->reading != KTM_SLOT_NONE || !list_empty(&inbox->link))
		return false;
	if (en)
		ktm_object_get(&en->obj);
	list_add_tail(&inbox->link, &q->inboxes);
	return true;
}

/* True: nothing waits any more, the caller has the inbox's reference to put, without the lock. */
static bool inbox_remove(struct ktm_queue *q, struct ktm_inbox *inbox, u8 slot)
{
	unsigned int place = waiting_find(inbox, slot);

	lockdep_assert_held(&q->lock);
	if (inbox->reading == slot)
		inbox->again = false;
	if (place == inbox->count)
		return false;
	if (!place)
		inbox->handled = false;
	waiting_take(inbox, place);
	q->recovers -= is_recover(q, inbox, slot);
	last_recover_kick(q);
	if (inbox->count || list_empty(&inbox->link))
		return false;
	list_del_init(&inbox->link);
	return true;
}

/* Somebody has the RM open now. */
void ktm_queue_open(struct ktm_queue *q)
{
	spin_lock(&q->lock);
	q->open = true;
	spin_unlock(&q->lock);
}

/* Nobody has the RM open any more: no reader, and nobody to read it for. */
void ktm_queue_close(struct ktm_queue *q)
{
	struct ktm_enlistment *en;
	struct ktm_inbox *inbox;

	spin_lock(&q->lock);
	q->open = false;
	while (!list_empty(&q->inboxes)) {
		inbox = list_first_entry(&q->inboxes, struct ktm_inbox, link);
		en = inbox_owner(q, inbox);
		while (inbox->count)
			q->recovers -= is_recover(q, inbox, waiting_take(inbox, 0));
		inbox->handled = false;
		list_del_init(&inbox->link);
		spin_unlock(&q->lock);
		if (en)
			ktm_object_put(&en->obj);
		spin_lock(&q->lock);
	}
	spin_unlock(&q->lock);
}

static void notify(struct ktm_enlistment *en, bool forget)
{
	struct ktm_queue *q = &en->rm->queue;
	u32 due = en->core.due, withdraw = en->core.withdraw;
	u64 clock = ktm_tm_clock(en->rm->tm);
	const u32 *kinds = slots_of(en);
	bool wake = false, put = false, call = false;
	int i;

	lockdep_assert_held(&en->tx->lock);
	if (!due && !withdraw)
		return;
	en->core.due = 0;
	en->core.withdraw = 0;
	spin_lock(&q->lock);
	for (i = 0; i < KTM_NR_EN_SLOTS; i++) {
		if (withdraw & kinds[i])
			put |= inbox_remove(q, &en->inbox, i);
	}
	if (forget && en->inbox.reading != KTM_SLOT_NONE && withdraw & kinds[en->inbox.reading])
		en->inbox.dropped = true;
	for (i = 0; i < KTM_NR_EN_SLOTS && q->open; i++) {
		if (due & kinds[i]) {
			call |= inbox_add(q, &en->inbox, i, clock);
			wake = true;
		}
	}
	call = call && q->teller;
	spin_unlock(&q->lock);
	if (call && !ktm_tx_leave_to_caller(en))
		ktm_notify_by_worker(en);
	if (wake)
		wake_up_interruptible(&q->wait);
	if (put)
		ktm_object_put(&en->obj);
}

/**
 * ktm_notify_enlistment - carry out what the protocol asked for an enlistment
 * @en: the enlistment; its transaction's mutex is held, the caller has a reference
 *
 * What is being copied is in delivery: if that fails it comes back, withdrawn or not.
 */
void ktm_notify_enlistment(struct ktm_enlistment *en)
{
	notify(en, false);
}

/**
 * ktm_notify_forget - there is nothing more to say about an enlistment
 * @en: as for ktm_notify_enlistment()
 *
 * Nor does what is being copied come back. That an RM has gone asks for no answer, and is
 * still news.
 */
void ktm_notify_forget(struct ktm_enlistment *en)
{
	en->core.due = 0;
	en->core.withdraw = ~KTM_NOTIFY_RM_DISCONNECTED;
	notify(en, true);
}

/* The last of what RM recovery has to say. To readers it comes behind all that waits. */
void ktm_notify_last_recover(struct ktm_rm *rm)
{
	struct ktm_queue *q = &rm->queue;

	spin_lock(&q->lock);
	if (q->open) {
		inbox_remove(q, &q->last_recover, 0);
		inbox_add(q, &q->last_recover, 0, ktm_tm_clock(rm->tm));
		last_recover_kick(q);
	}
	spin_unlock(&q->lock);
	wake_up_interruptible(&q->wait);
}

/*
 * Its TM is reopened: the RECOVERs in front of it are withdrawn, and an RM that read it without
 * them would take what it has prepared for rolled back.
 */
void ktm_notify_no_last_recover(struct ktm_rm *rm)
{
	struct ktm_queue *q = &rm->queue;

	spin_lock(&q->lock);
	inbox_remove(q, &q->last_recover, 0);
	q->last_recover.dropped = q->last_recover.reading != KTM_SLOT_NONE;
	spin_unlock(&q->lock);
}

static struct ktm_inbox *readable(struct ktm_queue *q)
{
	struct ktm_inbox *inbox;

	list_for_each_entry(inbox, &q->inboxes, link) {
		if (may_be_read(q, inbox))
			return inbox;
	}
	return NULL;
}

/*
 * Take the next one for a reader (both NULL), or for @teller that of @inbox: @reading of the inbox;
 * its reference goes with it. @handled: out: it was, by @teller.
 */
static struct ktm_inbox *read_begin(struct ktm_queue *q, const struct ktm_callbacks *teller,
				    struct ktm_inbox *inbox, bool *handled)
{
	spin_lock(&q->lock);
	if (teller != q->teller)
		inbox = NULL;
	else if (!teller)
		inbox = readable(q);
	else if (!may_be_read(q, inbox))
		inbox = NULL;
	if (inbox) {
		inbox->reading = waiting_take(inbox, 0);
		*handled = inbox->handled;
		inbox->handled = false;
		list_del_init(&inbox->link);
	}
	spin_unlock(&q->lock);
	return inbox;
}

/* @teller: who has told it, NULL: a reader has it. */
static void read_end(struct ktm_queue *q, struct ktm_inbox *inbox, enum ktm_delivery how,
		     const struct ktm_callbacks *teller)
{
	struct ktm_enlistment *en = inbox_owner(q, inbox);
	const bool copied = how == KTM_DELIVERED;
	bool more, wake;

	spin_lock(&q->lock);
	if (!copied && (!inbox->dropped || inbox->again)) {
		waiting_prepend(inbox, inbox->reading);
		/* If not by who is called next, or if it came due again, it is to be told. */
		inbox->handled = how == KTM_NOT_ANSWERED && teller == q->teller && !inbox->again;
	} else if (copied && inbox->again) {
		waiting_append(inbox, inbox->reading);
	} else {
		q->recovers -= is_recover(q, inbox, inbox->reading);
	}
	inbox->reading = KTM_SLOT_NONE;
	inbox->again = false;
	inbox->dropped = false;
	more = inbox->count;
	if (more && en)
		list_add(&inbox->link, &q->inboxes);
	else if (more)
		list_add_tail(&inbox->link, &q->inboxes);
	wake = !list_empty(&q->inboxes);
	/* Who has told it goes on with all else that waits there, as long as he may. */
	if (more && (!copied || teller != q->teller))
		inbox_kick(q, inbox);
	last_recover_kick(q);
	spin_unlock(&q->lock);
	if (wake)
		wake_up_interruptible(&q->wait);
	if (en && !more)
		ktm_object_put(&en->obj);
}

/* What is being read. */
static void fill_in(struct ktm_queue *q, struct ktm_inbox *inbox, struct ktm_notification *n)
{
	struct ktm_enlistment *en = inbox_owner(q, inbox);

	*n = (struct ktm_notification){
		.length = sizeof(*n),
		.kind = kind_of(q, inbox, inbox->reading),
		/* Coming due again while it is being read may change it. */
		.virtual_clock = READ_ONCE(inbox->clock[inbox->reading]),
	};
	if (en) {
		n->enlistment = en->obj.guid;
		n->uow = en->tx->obj.guid;
		n->key = READ_ONCE(en->key);
	}
}

static int copy_one(struct ktm_queue *q, struct ktm_inbox *inbox, struct iov_iter *to)
{
	struct ktm_notification n;
	size_t copied;

	fill_in(q, inbox, &n);
	copied = copy_to_iter(&n, sizeof(n), to);
	if (copied == sizeof(n))
		return 0;
	iov_iter_revert(to, copied);
	return -EFAULT;
}

/* A superior has been told of the end: the log need not keep that for it any more. */
static struct ktm_enlistment *reports_to(struct ktm_queue *q, struct ktm_inbox *inbox)
{
	const u32 ends = KTM_NOTIFY_COMMIT_COMPLETE | KTM_NOTIFY_ROLLBACK_COMPLETE;
	struct ktm_enlistment *en = inbox_owner(q, inbox);

	if (!(kind_of(q, inbox, inbox->reading) & ends))
		return NULL;
	ktm_object_get(&en->obj);
	return en;
}

static void reported(struct ktm_enlistment *en, bool copied)
{
	if (copied) {
		ktm_tx_lock(en->tx);
		/* While it was copied, a reopening may have let go of it: it is told anew. */
		if (!list_empty(&en->core.link))
			ktm_tx_enlistment_event(en, KTM_ENEV_REPORTED);
		mutex_unlock(&en->tx->lock);
	}
	ktm_object_put(&en->obj);
}

/* Is there something to read, or to see by poll? */
bool ktm_notify_waiting(struct ktm_queue *q)
{
	bool waiting;

	spin_lock(&q->lock);
	waiting = !q->teller && readable(q);
	spin_unlock(&q->lock);
	return waiting;
}

/**
 * ktm_notify_by_callback - from now on its notifications are told by callback, or not any more
 * @q: an RM's
 * @teller: whose callback; NULL: nobody's any more, and no work is queued
 */
void ktm_notify_by_callback(struct ktm_queue *q, struct ktm_callbacks *teller)
{
	struct ktm_inbox *inbox;

	spin_lock(&q->lock);
	q->teller = teller;
	list_for_each_entry(inbox, &q->inboxes, link) {
		inbox->handled = false;
		inbox_kick(q, inbox);
	}
	spin_unlock(&q->lock);
	wake_up_interruptible(&q->wait);
}

/* What waits of it is told by a worker, whoever else was to. */
void ktm_notify_by_worker(struct ktm_enlistment *en)
{
	struct ktm_queue *q = &en->rm->queue;

	spin_lock(&q->lock);
	inbox_kick(q, &en->inbox);
	spin_unlock(&q->lock);
}

/**
 * ktm_notify_deliver - tell the next notification by callback
 * @q: an RM's
 * @teller: as given to ktm_notify_by_callback(); if that has changed since, there is nothing
 * @inbox: of which one is told, kept by the caller
 * @call: is told; may sleep, may answer; nothing later of that inbox is told until it returns
 * @ctx: for @call
 *
 * Return: false: there was none, or a worker has to see to it once more.
 */
bool ktm_notify_deliver(struct ktm_queue *q, const struct ktm_callbacks *teller,
			struct ktm_inbox *inbox, ktm_deliver_fn call, void *ctx)
{
	struct ktm_enlistment *superior;
	struct ktm_notification n;
	enum ktm_delivery how;
	bool handled;

	inbox = read_begin(q, teller, inbox, &handled);
	if (!inbox)
		return false;
	fill_in(q, inbox, &n);
	superior = reports_to(q, inbox);
	how = call(inbox_owner(q, inbox), &n, handled, ctx);
	read_end(q, inbox, how, teller);
	if (superior)
		reported(superior, how == KTM_DELIVERED);
	return how == KTM_DELIVERED;
}

/* As many whole ones as wait and fit, without waiting; 0 if none waits. */
static ssize_t copy_waiting(struct ktm_queue *q, struct iov_iter *to)
{
	struct ktm_enlistment *superior;
	struct ktm_inbox *inbox;
	ssize_t done = 0;
	bool handled;
	int err;

	while (iov_iter_count(to) >= sizeof(struct ktm_notification)) {
		inbox = read_begin(q, NULL, NULL, &handled);
		if (!inbox)
			break;
		superior = reports_to(q, inbox);
		err = copy_one(q, inbox, to);
		read_end(q, inbox, err ? KTM_NOT_DELIVERED : KTM_DELIVERED, NULL);
		if (superior)
			reported(superior, !err);
		if (err)
			return done ? done : err;
		done += sizeof(struct ktm_notification);
	}
	return done;
}

/**
 * ktm_notify_read - as many whole notifications as fit, for read(2)
 * @rm: the RM
 * @to: where to
 * @nonblock: do not wait for the first
 *
 * Return: bytes, or -EMSGSIZE, -EAGAIN, -EINTR, -EFAULT.
 */
ssize_t ktm_notify_read(struct ktm_rm *rm, struct iov_iter *to, bool nonblock)
{
	struct ktm_queue *q = &rm->queue;
	ssize_t done;

	if (iov_iter_count(to) < sizeof(struct ktm_notification))
		return -EMSGSIZE;
	for (;;) {
		done = copy_waiting(q, to);
		if (done)
			return done;
		if (nonblock)
			return -EAGAIN;
		/* Taking notifications is no state change: EINTR loses nothing. */
		if (wait_event_interruptible(q->wait, ktm_notify_waiting(q)))
			return -EINTR;
	}
}

/**
 * ktm_notify_fetch - as many whole notifications as fit, for a request
 * @rm: the RM
 * @to: where to, with room for one
 * @timeout_ns: nanoseconds to wait for the first; 0: do not; all ones: for ever
 *
 * Unlike a reader, who can poll, nobody waits for an RM that has nothing to hear
 * before it recovers.
 *
 * Return: bytes, or -ENOTCONN, -ETIMEDOUT, -EINTR, -EFAULT.
 */
ssize_t ktm_notify_fetch(struct ktm_rm *rm, struct iov_iter *to, u64 timeout_ns)
{
	const ktime_t start = ktime_get();
	const ktime_t end = timeout_ns >= KTIME_MAX ? KTIME_MAX :
						      ktime_add_safe(start, timeout_ns);
	struct ktm_queue *q = &rm->queue;
	ktime_t left = ktime_sub(end, start);
	ssize_t done;
	int err;

	for (;;) {
		done = copy_waiting(q, to);
		if (done)
			return done;
		if (!ktm_rm_hears(rm))
			return -ENOTCONN;
		/* Another one may have been quicker each time that we woke. */
		if (left <= 0)
			return -ETIMEDOUT;
		if (end == KTIME_MAX)
			err = wait_event_interruptible(q->wait, ktm_notify_waiting(q) ||
								!ktm_rm_hears(rm));
		else
			err = wait_event_interruptible_hrtimeout(q->wait, ktm_notify_waiting(q) ||
								 !ktm_rm_hears(rm), left);
		if (err == -ERESTARTSYS)
			return -EINTR;
		if (end != KTIME_MAX)
			left = ktime_sub(end, ktime_get());
	}
}
