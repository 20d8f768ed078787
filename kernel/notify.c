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
#include <linux/slab.h>
#include <linux/uio.h>

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

static void slot_init(struct ktm_slot *slot, u8 kind)
{
	INIT_LIST_HEAD(&slot->link);
	slot->kind = kind;
	slot->queued = false;
	slot->reading = false;
	slot->again = false;
}

static struct ktm_enlistment *slot_enlistment(struct ktm_slot *slot)
{
	if (slot->kind == KTM_SLOT_LAST_RECOVER)
		return NULL;
	return container_of(slot - slot->kind, struct ktm_enlistment, inbox.slots[0]);
}

void ktm_queue_init(struct ktm_queue *q)
{
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->slots);
	init_waitqueue_head(&q->wait);
	q->open = false;
	slot_init(&q->last_recover, KTM_SLOT_LAST_RECOVER);
}

void ktm_inbox_init(struct ktm_inbox *inbox)
{
	int i;

	for (i = 0; i < KTM_NR_EN_SLOTS; i++)
		slot_init(&inbox->slots[i], i);
	inbox->reading = false;
}

static void slot_queue(struct ktm_queue *q, struct ktm_slot *slot, u64 clock)
{
	lockdep_assert_held(&q->lock);
	WRITE_ONCE(slot->clock, clock);
	if (slot->reading) {
		slot->again = true;
		return;
	}
	if (slot->queued)
		return;
	if (slot_enlistment(slot))
		ktm_object_get(&slot_enlistment(slot)->obj);
	slot->queued = true;
	list_add_tail(&slot->link, &q->slots);
}

/*
 * Returns the enlistment whose reference the slot held, to be put by the caller
 * without the lock, or NULL.
 */
static struct ktm_enlistment *slot_withdraw(struct ktm_queue *q, struct ktm_slot *slot)
{
	lockdep_assert_held(&q->lock);
	slot->again = false;
	if (!slot->queued)
		return NULL;
	slot->queued = false;
	list_del_init(&slot->link);
	return slot_enlistment(slot);
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
	struct ktm_slot *slot;

	spin_lock(&q->lock);
	q->open = false;
	while (!list_empty(&q->slots)) {
		slot = list_first_entry(&q->slots, struct ktm_slot, link);
		en = slot_withdraw(q, slot);
		spin_unlock(&q->lock);
		if (en)
			ktm_object_put(&en->obj);
		spin_lock(&q->lock);
	}
	spin_unlock(&q->lock);
}

/**
 * ktm_notify_enlistment - carry out what the protocol asked for an enlistment
 * @en: the enlistment; its transaction's mutex is held, the caller has a reference
 */
void ktm_notify_enlistment(struct ktm_enlistment *en)
{
	struct ktm_queue *q = &en->rm->queue;
	u32 due = en->core.due, withdraw = en->core.withdraw;
	u64 clock = ktm_tm_clock(en->rm->tm);
	const u32 *kinds = slots_of(en);
	bool wake = false;
	int i, puts = 0;

	lockdep_assert_held(&en->tx->lock);
	if (!due && !withdraw)
		return;
	en->core.due = 0;
	en->core.withdraw = 0;
	spin_lock(&q->lock);
	for (i = 0; i < KTM_NR_EN_SLOTS; i++) {
		if (withdraw & kinds[i] && slot_withdraw(q, &en->inbox.slots[i]))
			puts++;
	}
	for (i = 0; i < KTM_NR_EN_SLOTS && q->open; i++) {
		if (due & kinds[i]) {
			slot_queue(q, &en->inbox.slots[i], clock);
			wake = true;
		}
	}
	spin_unlock(&q->lock);
	if (wake)
		wake_up_interruptible(&q->wait);
	while (puts--)
		ktm_object_put(&en->obj);
}

/* The last of what RM recovery has to say. */
void ktm_notify_last_recover(struct ktm_rm *rm)
{
	struct ktm_queue *q = &rm->queue;

	spin_lock(&q->lock);
	if (q->open) {
		slot_withdraw(q, &q->last_recover);
		slot_queue(q, &q->last_recover, ktm_tm_clock(rm->tm));
	}
	spin_unlock(&q->lock);
	wake_up_interruptible(&q->wait);
}

static struct ktm_slot *slot_readable(struct ktm_queue *q)
{
	struct ktm_slot *slot;

	lockdep_assert_held(&q->lock);
	list_for_each_entry(slot, &q->slots, link) {
		struct ktm_enlistment *en = slot_enlistment(slot);

		if (en ? !en->inbox.reading : !q->reading)
			return slot;
	}
	return NULL;
}

/* Take the next one for this reader; its reference goes with it. */
static struct ktm_slot *read_begin(struct ktm_queue *q)
{
	struct ktm_slot *slot;

	spin_lock(&q->lock);
	slot = slot_readable(q);
	if (slot) {
		list_del_init(&slot->link);
		slot->queued = false;
		slot->reading = true;
		q->reading++;
		if (slot_enlistment(slot))
			slot_enlistment(slot)->inbox.reading = true;
	}
	spin_unlock(&q->lock);
	return slot;
}

static void read_end(struct ktm_queue *q, struct ktm_slot *slot, bool copied)
{
	struct ktm_enlistment *en = slot_enlistment(slot);
	bool back = false, wake;

	spin_lock(&q->lock);
	slot->reading = false;
	q->reading--;
	if (en)
		en->inbox.reading = false;
	if (!copied) {
		back = true;
		list_add(&slot->link, &q->slots);
	} else if (slot->again) {
		back = true;
		list_add_tail(&slot->link, &q->slots);
	}
	slot->again = false;
	slot->queued = back;
	wake = !list_empty(&q->slots);
	spin_unlock(&q->lock);
	if (wake)
		wake_up_interruptible(&q->wait);
	if (en && !back)
		ktm_object_put(&en->obj);
}

static int copy_one(struct ktm_slot *slot, struct iov_iter *to)
{
	struct ktm_enlistment *en = slot_enlistment(slot);
	struct ktm_notification n = {
		.length = sizeof(n),
		.kind = en ? slots_of(en)[slot->kind] : KTM_NOTIFY_LAST_RECOVER,
		/* Coming due again while it is being read may change it. */
		.virtual_clock = READ_ONCE(slot->clock),
	};
	size_t copied;

	if (en) {
		n.enlistment = en->obj.guid;
		n.uow = en->tx->obj.guid;
		n.key = READ_ONCE(en->key);
	}
	copied = copy_to_iter(&n, sizeof(n), to);
	if (copied == sizeof(n))
		return 0;
	iov_iter_revert(to, copied);
	return -EFAULT;
}

/* A superior has been told of the end: the log need not keep that for it any more. */
static struct ktm_enlistment *slot_reports_to(struct ktm_slot *slot)
{
	const u32 ends = KTM_NOTIFY_COMMIT_COMPLETE | KTM_NOTIFY_ROLLBACK_COMPLETE;
	struct ktm_enlistment *en = slot_enlistment(slot);

	if (!en || !(slots_of(en)[slot->kind] & ends))
		return NULL;
	ktm_object_get(&en->obj);
	return en;
}

static void reported(struct ktm_enlistment *en, bool copied)
{
	if (copied) {
		mutex_lock(&en->tx->lock);
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
	waiting = slot_readable(q);
	spin_unlock(&q->lock);
	return waiting;
}

/* As many whole ones as wait and fit, without waiting; 0 if none waits. */
static ssize_t copy_waiting(struct ktm_queue *q, struct iov_iter *to)
{
	struct ktm_enlistment *superior;
	struct ktm_slot *slot;
	ssize_t done = 0;
	int err;

	while (iov_iter_count(to) >= sizeof(struct ktm_notification)) {
		slot = read_begin(q);
		if (!slot)
			break;
		superior = slot_reports_to(slot);
		err = copy_one(slot, to);
		read_end(q, slot, !err);
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
