/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_NOTIFY_H
#define KTM_NOTIFY_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <uapi/linux/ktm.h>

struct iov_iter;
struct ktm_enlistment;
struct ktm_rm;

/*
 * One slot per kind of notification, so that queuing never needs memory. A
 * participant and a superior get different kinds: notify.c says which slot is
 * of which.
 */
#define KTM_NR_EN_SLOTS		8
#define KTM_SLOT_LAST_RECOVER	KTM_NR_EN_SLOTS

/*
 * A slot is idle, queued (on the RM's list) or being read (its copy to user
 * space is under way). Queued and being read, it holds a reference on its
 * enlistment. All fields belong to the queue's lock.
 *
 * @clock: the TM's virtual clock when it came due
 * @kind: its place among those of its enlistment, or KTM_SLOT_LAST_RECOVER
 * @again: it came due once more while it was being read
 */
struct ktm_slot {
	struct list_head link;
	u64 clock;
	u8 kind;
	bool queued;
	bool reading;
	bool again;
};

/*
 * An RM's notifications, in the order in which they came due.
 *
 * @lock: everything here and in the slots; taken inside a transaction's mutex;
 *	nothing is taken inside it. A reader does not hold it while it copies.
 * @wait: readers and pollers
 * @open: somebody has the RM open; else what comes due is dropped, RM recovery
 *	rebuilds what is still owed
 * @reading: slots that are being read; LAST_RECOVER waits until none is, because
 *	a RECOVER whose copy fails comes back
 */
struct ktm_queue {
	spinlock_t lock;
	struct list_head slots;
	wait_queue_head_t wait;
	bool open;
	u32 reading;
	struct ktm_slot last_recover;
};

/* An enlistment's part of it; @reading: nothing later of it goes to a reader. */
struct ktm_inbox {
	struct ktm_slot slots[KTM_NR_EN_SLOTS];
	bool reading;
};

void ktm_queue_init(struct ktm_queue *q);
void ktm_queue_open(struct ktm_queue *q);
void ktm_queue_close(struct ktm_queue *q);
void ktm_inbox_init(struct ktm_inbox *inbox);
void ktm_notify_enlistment(struct ktm_enlistment *en);
void ktm_notify_last_recover(struct ktm_rm *rm);
ssize_t ktm_notify_read(struct ktm_rm *rm, struct iov_iter *to, bool nonblock);
ssize_t ktm_notify_fetch(struct ktm_rm *rm, struct iov_iter *to, u64 timeout_ns);
bool ktm_notify_waiting(struct ktm_queue *q);

#endif /* KTM_NOTIFY_H */
