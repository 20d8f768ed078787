/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the journal share: journal.c appends, hands out and calls back,
 * journal_io.c makes bios of that, journal_open.c opens and lets go, journal_restart.c
 * writes restart areas, journal_read.c reads records again.
 */
#ifndef KTM_JOURNAL_PRIVATE_H
#define KTM_JOURNAL_PRIVATE_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/llist.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "core/journal_open.h"
#include "core/journal_restart.h"
#include "core/journal_writer.h"
#include "journal.h"

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
	struct ktm_jf_sb sb;		/* as attached or opened; unit and uuid do not change */

	bool discard;			/* tell the device what a restart area has freed */
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
	u64 granted_quota;
	u64 restarts;			/* restart areas since the opening */
	u64 restart_tries;		/* those that failed counted, too */
	bool freed;			/* since the last one began something was given up */
	bool due_told;			/* that one is wanted, and it has not begun */
	u64 seen_bytes;			/* size of the device that was reckoned with */
	u64 vain_bytes;			/* size that the log could not grow to */
	u64 live;
	u64 live_capacity;
	u64 tail;
	u64 forces;
	u32 in_flight;
	u32 readers;			/* of records; a reopening waits for them */
	struct list_head waiting;	/* forces not yet durable, by LSN */
	struct list_head starved;	/* those refused that wait for a restart area, by LSN */
	struct list_head done;		/* forces to be told, in order */
	struct ktm_jf_fault fault;
	wait_queue_head_t changed;	/* room, offline, idle, durable */
	u32 changes;

	bool pumping;			/* somebody hands out batches */
	bool look_again;		/* since he last looked for one something has changed */

	struct llist_head ended;	/* from end_io; no lock */
	struct jwork {
		struct work_struct work;
		struct ktm_journal *j;
	} works[2];
	struct jwork *teller;		/* calls back; changed under @lock, read by kick without */
	struct jio batch_io[KTM_JW_BUFS];
	struct jio flush_io;
	void *bufs[KTM_JW_BUFS];

	/* Of the one who writes a restart area. */
	struct ktm_jr restart;
	void *area;
};

/* @jo: NULL: it is a restart area of the running log. @tail: oldest place that lives. */
struct ktm_jsnap {
	struct ktm_journal *j;
	struct ktm_jo *jo;
	u64 tail;
};

extern struct workqueue_struct *ktm_journal_wq;

void ktm_journal_work(struct work_struct *work);
void ktm_journal_kick(struct ktm_journal *j);
void ktm_journal_enqueue(struct list_head *list, struct ktm_force *f);
void ktm_journal_tell(struct ktm_journal *j, struct ktm_force *f, int err);
void ktm_journal_tell_failed(struct ktm_journal *j);
void ktm_journal_feed(struct ktm_journal *j);
void ktm_journal_changed(struct ktm_journal *j);
void ktm_journal_fail(struct ktm_journal *j, int err);

void ktm_jio_write(struct ktm_journal *j, struct ktm_jw_batch *b);
void ktm_jio_flush(struct ktm_journal *j);
bool ktm_journal_may_grow(struct ktm_journal *j);
int ktm_journal_restart_add(struct ktm_jsnap *snap, const struct ktm_jrec *rec);
int ktm_jio_sync(struct ktm_journal *j, struct block_device *bdev, enum ktm_jo_want want,
		 u64 place, void *data, u32 bytes);

#endif /* KTM_JOURNAL_PRIVATE_H */
