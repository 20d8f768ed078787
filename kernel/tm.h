/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_TM_H
#define KTM_TM_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "journal.h"
#include "object.h"

struct ktm_rm;
struct ktm_stream;
struct recovery;
struct ktm_transaction;

/*
 * A transaction manager.
 *
 * Lock order, outermost first: tm->lock, rm->lock, tx->lock, stream->lock, then one of the
 * spinlocks tm->list_lock, rm->list_lock, rm->queue.lock, the journal's, and those that the
 * tables of objects and of streams have inside. Nobody who may only look walks a list with
 * tm->list_lock held: every commit needs it.
 *
 * @users: whoever keeps it alive: its handles, those of its RMs and of its
 *	bound transactions, forced records on their way to the log, and KTM_TM_PERSIST,
 *	which also holds the module. The last one starts @teardown; from 0 it
 *	never rises again. The upper half says how many of them are work of ours that
 *	somebody has left who has gone: KTM_IOC_TM_OFFLINE does not mind those
 * @lock: @state but for the fall to FAILED, opening and reopening, @flags
 * @state: enum ktm_tm_state; read without a lock where a moment more or less
 *	does not matter, because the journal itself refuses what comes too late
 * @list_lock: @rms, @transactions, @ended, @streams, their counts, @holder,
 *	@copied, @walk, @shadowed
 * @rms: with a reference each: durable ones until the TM goes, because the log
 *	knows them, volatile ones until nobody has them open
 * @transactions: bound and not yet retired; each holds a reference on itself
 *	until it is
 * @walk: number of the last visit to all @transactions
 * @unfinished: how many of @transactions are; the upper half says how many of those are in
 *	doubt. Whoever asks would otherwise walk them all with @list_lock, which every
 *	commit needs. See tx_recount()
 * @ended: those of them that wait for their end record to be durable
 * @streams: its log streams, with a reference each until they are deleted or the TM goes
 * @holder: the one that held the tail back when the log was opened or the last restart
 *	area was written; nil: none did, or it has gone
 * @copied: records that were copied forward since the log was opened
 * @areas: restart areas that have begun to copy forward; under @lock
 * @read_alone: those that lie before this LSN are read one by one for that; under @lock
 * @shadowed: those of @transactions that are the log's and whose UOW a client had taken
 *	before it was read; such a client's transaction gets no enlistment here
 * @reached: the virtual clock up to which its log counts, since it was rolled forward;
 *	U64_MAX: to the end; under @lock
 * @journal: NULL for a volatile one; lives as long as @users
 * @recovery: memory of recovery.c, under @lock
 * @clock: the virtual clock; only rises, and never beyond S64_MAX
 * @dev: of the journal; with @all, under the lock of tm.c's list of all journals
 * @published: it is in the table; written by its creator, read by @teardown
 * @deciding: decisions and superiors' prepared records on their way to the log; a
 *	reopening waits until there is none, woken by @deciding_wait, and so is who waits
 *	for @state to fall
 * @restart: writes a restart area when the log asks for one
 * @retry: asks for one when what could not be read is to be tried again; set by @restart only, so
 *	not any more when @users is 0
 * @reap: retires those of @ended that are to be; on its way, it keeps the TM alive
 */
struct ktm_tm {
	struct ktm_object obj;
	atomic64_t users;
	struct mutex lock;
	u32 state;
	u32 flags;
	spinlock_t list_lock;
	struct list_head rms;
	struct list_head transactions;
	struct list_head ended;
	struct list_head streams;
	struct ktm_guid holder;
	u64 copied;
	u8 areas;
	u64 read_alone;
	u32 nr_rms;
	u32 walk;
	struct list_head shadowed;
	atomic64_t unfinished;
	struct ktm_journal *journal;
	struct recovery *recovery;
	atomic64_t clock;
	u64 reached;
	dev_t dev;
	bool published;
	struct list_head all;
	atomic_t deciding;
	wait_queue_head_t deciding_wait;
	struct work_struct teardown;
	struct work_struct restart;
	struct delayed_work retry;
	struct work_struct reap;
	struct rcu_head rcu;
};

/* What a transaction adds to ktm_tm.unfinished: as it is, and while it is in doubt. */
#define KTM_TM_UNFINISHED	1ll
#define KTM_TM_INDOUBT		((1ll << 32) + 1)

static inline struct ktm_tm *ktm_tm_of(struct ktm_object *obj)
{
	return container_of(obj, struct ktm_tm, obj);
}

static inline bool ktm_tm_online(const struct ktm_tm *tm)
{
	return READ_ONCE(tm->state) == KTM_TM_STATE_ONLINE;
}

/* May RMs hear of what its log says, be that to its end or not? */
static inline bool ktm_tm_tells(const struct ktm_tm *tm)
{
	return ktm_tm_online(tm) || READ_ONCE(tm->state) == KTM_TM_STATE_ROLLED_FORWARD;
}

/* It is online still, but its log is not: it will be told in a moment. */
static inline bool ktm_tm_log_is_failing(const struct ktm_tm *tm)
{
	return tm->journal && ktm_tm_online(tm) && !ktm_journal_online(tm->journal);
}

/* The virtual clock. */
static inline u64 ktm_tm_clock(const struct ktm_tm *tm)
{
	return atomic64_read(&tm->clock);
}

/* What a log or an RM may say that the clock is; 0 is none. The reference's is signed. */
static inline bool ktm_clock_valid(u64 clock)
{
	return clock <= S64_MAX;
}

void ktm_tm_clock_raise(struct ktm_tm *tm, u64 clock);
u64 ktm_tm_clock_tick(struct ktm_tm *tm);

bool ktm_tm_hold(struct ktm_tm *tm);
bool ktm_tm_hold_for_work(struct ktm_tm *tm);
void ktm_tm_release_by_work(struct ktm_tm *tm);
void ktm_tm_release(struct ktm_tm *tm);
void ktm_tms_stop(void);
u32 ktm_tm_call_create(struct ktm_tm_create *arg, struct file *device, struct ktm_new_fd *nfd);
u32 ktm_tm_call_open(struct ktm_open *arg, struct ktm_new_fd *nfd);
u32 ktm_tm_call_open_log(struct ktm_tm_open_log *arg, struct file *device,
			 struct ktm_new_fd *nfd);
void ktm_tm_persist(struct ktm_tm *tm);
u32 ktm_tm_call_offline(struct ktm_handle *handle, const struct ktm_call *arg);
u32 ktm_tm_call_rename(struct ktm_handle *handle, struct ktm_tm_rename *arg);
u32 ktm_tm_call_recover(struct ktm_handle *handle, const struct ktm_tm_recover *arg,
			struct file *device);
u32 ktm_tm_call_rollforward(struct ktm_handle *handle, const struct ktm_tm_rollforward *arg,
			    struct file *device);
void ktm_tm_log_failed(struct ktm_tm *tm);
void ktm_tm_restart_due(struct ktm_tm *tm);
void ktm_tm_info(struct ktm_tm *tm, struct ktm_tm_info *info);
struct ktm_transaction *ktm_tm_first_transaction(struct ktm_tm *tm);
struct ktm_rm *ktm_tm_first_rm(struct ktm_tm *tm);
struct ktm_stream *ktm_tm_next_stream(struct ktm_tm *tm, struct ktm_stream *last);
void ktm_tm_for_each_transaction(struct ktm_tm *tm,
				 void (*fn)(struct ktm_transaction *tx, void *ctx), void *ctx);

#endif /* KTM_TM_H */
