/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_NOTIFY_H
#define KTM_NOTIFY_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/ktm.h>

struct iov_iter;
struct ktm_callbacks;
struct ktm_enlistment;
struct ktm_rm;

/*
 * One slot per kind of notification, so that queuing never needs memory. A
 * participant and a superior get different kinds: notify.c says which slot is
 * of which. A slot and KTM_SLOT_NONE fit into KTM_SLOT_BITS.
 */
#define KTM_NR_EN_SLOTS		8
#define KTM_SLOT_BITS		4
#define KTM_SLOT_NONE		KTM_NR_EN_SLOTS

/*
 * What waits of one enlistment; all under the queue's lock. Idle it is in no list. While it
 * is in the queue's, or a slot of it is being read (its copy to user space is under way),
 * it holds a reference on its enlistment.
 *
 * @link: in the queue while something waits and nothing is being read: nothing later of
 *	it goes to any reader until the copy has ended
 * @clock: by slot: the TM's virtual clock when it came due
 * @waiting: slots, in the order in which they came due, the first in the lowest KTM_SLOT_BITS
 * @count: of those
 * @reading: the slot that is being read, or KTM_SLOT_NONE
 * @again: that came due once more meanwhile
 * @dropped: ... or is not to be told any more, if its copy fails
 * @handled: the queue's teller has done what the first of @waiting says, but the answer to it
 *	could not be given: that is all that is left to do
 * @work: tells by callback what waits, with a reference
 * @teller: whom it calls, kept until it has; NULL: it has begun, or is not queued
 */
struct ktm_inbox {
	struct list_head link;
	struct work_struct work;
	struct ktm_callbacks *teller;
	u64 clock[KTM_NR_EN_SLOTS];
	u32 waiting;
	u8 count;
	u8 reading;
	bool again : 1;
	bool dropped : 1;
	bool handled : 1;
};

/*
 * An RM's notifications. Of each enlistment in the order in which they came due; the enlistments
 * in the order in which they have had something to say.
 *
 * @lock: everything here and in the inboxes; taken inside a transaction's mutex;
 *	nothing is taken inside it. A reader does not hold it while it copies.
 * @inboxes: those from which something may be read
 * @wait: readers and pollers
 * @open: somebody has the RM open; else what comes due is dropped, RM recovery
 *	rebuilds what is still owed
 * @recovers: RECOVERs that wait or are being read: LAST_RECOVER waits until there is none, in an
 *	inbox of which something else is being read either; and one whose copy fails comes back
 * @last_recover: the RM's own, whose only slot is LAST_RECOVER
 * @teller: calls the driver whose RM it is, for all that there is to read: readers find nothing;
 *	NULL: it has no callback
 */
struct ktm_queue {
	spinlock_t lock;
	struct list_head inboxes;
	wait_queue_head_t wait;
	bool open;
	u32 recovers;
	struct ktm_inbox last_recover;
	struct ktm_callbacks *teller;
};

/*
 * What has become of a notification: all is done; it was not told, a worker tells it again; only
 * the answer is left to a worker.
 */
enum ktm_delivery {
	KTM_DELIVERED,
	KTM_NOT_DELIVERED,
	KTM_NOT_ANSWERED,
};

/*
 * The enlistment, NULL with LAST_RECOVER, lives until it returns. @handled: it was KTM_NOT_ANSWERED
 * before.
 */
typedef enum ktm_delivery (*ktm_deliver_fn)(struct ktm_enlistment *en,
					    const struct ktm_notification *n, bool handled,
					    void *ctx);

void ktm_queue_init(struct ktm_queue *q);
void ktm_queue_open(struct ktm_queue *q);
void ktm_queue_close(struct ktm_queue *q);
void ktm_inbox_init(struct ktm_inbox *inbox);
void ktm_notify_enlistment(struct ktm_enlistment *en);
void ktm_notify_forget(struct ktm_enlistment *en);
void ktm_notify_last_recover(struct ktm_rm *rm);
void ktm_notify_no_last_recover(struct ktm_rm *rm);
ssize_t ktm_notify_read(struct ktm_rm *rm, struct iov_iter *to, bool nonblock);
ssize_t ktm_notify_fetch(struct ktm_rm *rm, struct iov_iter *to, u64 timeout_ns);
bool ktm_notify_waiting(struct ktm_queue *q);
void ktm_notify_by_callback(struct ktm_queue *q, struct ktm_callbacks *teller);
void ktm_notify_by_worker(struct ktm_enlistment *en);
bool ktm_notify_deliver(struct ktm_queue *q, const struct ktm_callbacks *teller,
			struct ktm_inbox *inbox, ktm_deliver_fn call, void *ctx);

#endif /* KTM_NOTIFY_H */
