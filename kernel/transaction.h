/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_TRANSACTION_H
#define KTM_TRANSACTION_H

#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "core/protocol.h"
#include "journal.h"
#include "object.h"
#include "tm.h"

struct ktm_enlistment;

/*
 * A transaction.
 *
 * @lock: everything here but what is fixed at creation; also @core and key of
 *	its enlistments. May be held across an append to the journal, never
 *	across a force or while waiting for anybody.
 * @tm: set once, with a reference; NULL while it has none
 * @tm_link: in tm->transactions, under tm->list_lock
 * @rcu: in the place of @tm_link, when nobody has it any more
 * @walk: tm->walk when it was visited last, or bound; under tm->list_lock
 * @ended_link: in tm->ended, under tm->list_lock
 * @handles: all of them
 * @committers: those with KTM_TX_COMMIT
 * @left: one of those was closed by who had it
 * @holds_tm: @handles keep the TM alive
 * @published: it is in the table of UOWs
 * @retired: it has left the table and the TM's list. Until then it holds a
 *	reference on itself
 * @logged: a prepared record of it went to the log of @tm, which then knows its UOW
 * @log_lsn: end of its last record there
 * @log_outcome: what a decision of it there says, KTM_JREC_UNDECIDED if there is none
 * @log_clock: the virtual clock in that
 * @shadow_link: in tm->shadowed, under tm->list_lock
 * @counted: what it adds to tm->unfinished
 * @under_way: a freeze waits for it: ktm_txc_under_way(@core)
 * @settled: ktm_txc_settled(@core), to be read by waiters without the lock
 * @wait: for its end; waiters and pollers
 * @tellers: threads in Commit or Rollback that call drivers' RMs before they sleep; under
 *	@wait's lock
 * @to_tell: an enlistment that is left to one of them, with a reference, or NULL; under @wait's
 *	lock
 * @timer: runs @core's EXPIRE at @deadline; pending, it holds a reference
 * @deadline: KTIME_MAX: none
 * @force: of the superior's prepared record, later of the decision; under way, it
 *	holds a reference and the TM
 * @sealing: @force is of the former
 * @forced: takes over from the journal's work, which must not wait for @lock; nor does this, it
 *	tries again
 * @timer_retry: jiffies until @timer tries again
 * @turn: for who steps aside (ktm_tx_lock()); its lock is that of @called
 * @called: which of @timer and @forced wants @lock and tries again: KTM_TX_CALLED_
 * @forced_err: what the force came to
 * @payer: who made it, in the log of @tm; NULL while that has nothing of it
 * @reserved: bytes of the log kept for the decision; charged to @payer
 * @charged: bytes of restart area for the transaction itself; charged to @payer
 * @end_lsn: end of its last completion record; U64_MAX: one was not taken, or a
 *	decision to abort, so the log goes on knowing it
 */
struct ktm_transaction {
	struct ktm_object obj;
	struct mutex lock;
	struct ktm_txc core;
	struct ktm_tm *tm;
	union {
		struct list_head tm_link;
		struct rcu_head rcu;
	};
	struct list_head ended_link;
	struct list_head shadow_link;
	u32 walk;
	u32 handles;
	u32 committers;
	u32 description_length;
	bool left;
	bool holds_tm;
	bool published;
	bool retired;
	bool logged;
	bool under_way;
	bool settled;
	bool sealing;
	wait_queue_head_t wait;
	struct ktm_enlistment *to_tell;
	struct delayed_work timer;
	ktime_t deadline;
	struct ktm_force force;
	struct delayed_work forced;
	unsigned long timer_retry;
	wait_queue_head_t turn;
	u32 called;
	int forced_err;
	struct ktm_user *payer;
	u32 reserved;
	u32 charged;
	u32 log_outcome;
	u32 tellers;
	u64 log_lsn;
	u64 log_clock;
	u64 end_lsn;
	s64 counted;
	u64 timeout_ns;
	ktime_t created;
	u32 isolation_level;
	u32 isolation_flags;
	u8 *description;
};

static inline struct ktm_transaction *ktm_tx_of(struct ktm_object *obj)
{
	return container_of(obj, struct ktm_transaction, obj);
}

int ktm_transactions_init(void);
void ktm_transactions_stop(void);
void ktm_transactions_exit(void);
u32 ktm_tx_create(struct ktm_tx_create *arg, struct ktm_handle *handle, struct ktm_new_fd *nfd);
u32 ktm_tx_pass_gate(struct ktm_transaction *tx, bool *passed);
void ktm_tx_carry_out(struct ktm_transaction *tx, struct ktm_enlistment *en, u32 actions);
u32 ktm_tx_event(struct ktm_transaction *tx, enum ktm_tx_event ev);
u32 ktm_tx_enlistment_event(struct ktm_enlistment *en, enum ktm_en_event ev);
u32 ktm_tx_create_recovered(struct ktm_tm *tm, const struct ktm_guid *uow, u32 mode, u32 uid,
			    u32 gid, struct ktm_transaction **txp);
void ktm_tx_publish_recovered(struct ktm_transaction *tx, struct ktm_tm *tm);
void ktm_tx_discard(struct ktm_transaction *tx);
void ktm_tx_info(struct ktm_transaction *tx, struct ktm_tx_info *info);
u32 ktm_tx_unfinished_enlistments(struct ktm_transaction *tx);

/* transaction_call.c */
u32 ktm_tx_commit(struct ktm_handle *handle, const struct ktm_call *arg);
u32 ktm_tx_commit_status(struct ktm_transaction *tx);
u32 ktm_tx_rollback(struct ktm_handle *handle, const struct ktm_call *arg);
u32 ktm_tx_wait(struct ktm_handle *handle, struct ktm_tx_wait *arg);

/* transaction_turn.c */
void ktm_tx_lock(struct ktm_transaction *tx);
void ktm_tx_set_timeout(struct ktm_transaction *tx, u64 ns);

/* transaction_tm.c */
u32 ktm_tx_bind(struct ktm_transaction *tx, struct ktm_tm *tm);
void ktm_tx_unbind(struct ktm_transaction *tx);
void ktm_tx_reap_ended(struct ktm_tm *tm);
void ktm_tx_reap_work(struct work_struct *work);

/* transaction_log.c */
u32 ktm_tx_reserve(struct ktm_transaction *tx);
void ktm_tx_reserve_recovered(struct ktm_transaction *tx, struct ktm_log_bytes bytes);
void ktm_tx_unreserve(struct ktm_transaction *tx);
void ktm_tx_void(struct ktm_transaction *tx);
int ktm_tx_snapshot(struct ktm_transaction *tx, struct ktm_jsnap *snap);

/* transaction_tell.c */
bool ktm_tx_leave_to_caller(struct ktm_enlistment *en);
bool ktm_tx_teller_begin(struct ktm_transaction *tx);
void ktm_tx_teller_end(struct ktm_transaction *tx);
int ktm_tx_wait_settled(struct ktm_transaction *tx, bool teller);

/* transaction_async.c */
void ktm_async_module_gone(const struct module *module);
int ktm_async_init(void);
void ktm_async_exit(void);

#endif /* KTM_TRANSACTION_H */
