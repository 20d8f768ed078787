// SPDX-License-Identifier: GPL-2.0
/*
 * Transactions: the protocol's actions carried out, and what clients call.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/percpu_counter.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "enlistment.h"
#include "freeze.h"
#include "ktm.h"
#include "room.h"
#include "status.h"
#include "transaction.h"

static struct kmem_cache *tx_cache;

/* So many are told something, or retired, where others wait for that to be over. */
#define FEW		16
/* Jiffies until a time-out is looked at again that has found the mutex held: at most. */
#define TIMER_RETRY	(HZ / 10)

/* ktm_transaction.called */
#define TX_FORCED	1
#define TX_TIMER	2

/* All that have not been freed. */
static struct percpu_counter tx_alive;

static void tx_timer(struct work_struct *work);
static void tx_forced(struct work_struct *work);
static void tx_force_told(struct ktm_transaction *tx);

static void tx_setup(struct ktm_transaction *tx)
{
	percpu_counter_inc(&tx_alive);
	mutex_init(&tx->lock);
	INIT_LIST_HEAD(&tx->tm_link);
	INIT_LIST_HEAD(&tx->ended_link);
	INIT_LIST_HEAD(&tx->shadow_link);
	init_waitqueue_head(&tx->wait);
	init_waitqueue_head(&tx->turn);
	INIT_DELAYED_WORK(&tx->timer, tx_timer);
	INIT_DELAYED_WORK(&tx->forced, tx_forced);
	tx->created = ktime_get();
	tx->deadline = KTIME_MAX;
}

/**
 * ktm_tx_lock - take a transaction's mutex for somebody who has called
 * @tx: the transaction
 *
 * An outcome and a time-out must not wait for the mutex, so they try until they find it free.
 * Those who ask and ask must not keep them from that: they step aside. Not for work items: those
 * that are to come may be behind them in their workqueue.
 */
void ktm_tx_lock(struct ktm_transaction *tx)
{
	wait_event(tx->turn, !READ_ONCE(tx->called));
	mutex_lock(&tx->lock);
}

/*
 * @who has found the mutex held. Return: false: whoever has it has queued it meanwhile, perhaps
 * for a deadline that is years away, so nobody is to wait for it.
 */
static bool tx_come_back(struct ktm_transaction *tx, u32 who, struct workqueue_struct *wq,
			 struct delayed_work *work, unsigned long delay)
{
	bool queued;

	spin_lock_irq(&tx->turn.lock);
	queued = queue_delayed_work(wq, work, delay);
	WRITE_ONCE(tx->called, queued ? tx->called | who : tx->called & ~who);
	spin_unlock_irq(&tx->turn.lock);
	if (!queued)
		wake_up_all(&tx->turn);
	return queued;
}

/* @who has the mutex. */
static void tx_came(struct ktm_transaction *tx, u32 who)
{
	lockdep_assert_held(&tx->lock);
	spin_lock_irq(&tx->turn.lock);
	WRITE_ONCE(tx->called, tx->called & ~who);
	spin_unlock_irq(&tx->turn.lock);
	wake_up_all(&tx->turn);
}

static void tx_count_as(struct ktm_transaction *tx, s64 counted)
{
	lockdep_assert_held(&tx->lock);
	if (counted != tx->counted)
		atomic64_add(counted - tx->counted, &tx->tm->unfinished);
	tx->counted = counted;
}

/*
 * Its TM's count follows its state: behind whatever may have changed that, bound it or retired
 * it, and before anybody is told.
 */
static void tx_recount(struct ktm_transaction *tx)
{
	const u8 state = tx->core.state;

	if (!tx->tm || tx->retired || state == KTM_TX_STATE_COMMITTED ||
	    state == KTM_TX_STATE_ABORTED)
		tx_count_as(tx, 0);
	else
		tx_count_as(tx, ktm_state_indoubt(state) ? KTM_TM_INDOUBT : KTM_TM_UNFINISHED);
}

/* Enter a TM for good. The caller keeps the TM alive. */
static void tx_join(struct ktm_transaction *tx, struct ktm_tm *tm)
{
	ktm_object_get(&tm->obj);
	tx->tm = tm;
	if (tx->handles)
		tx->holds_tm = ktm_tm_hold(tm);
	spin_lock(&tm->list_lock);
	/* As if visited: see ktm_tm_for_each_transaction(). */
	tx->walk = tm->walk;
	list_add_tail(&tx->tm_link, &tm->transactions);
	spin_unlock(&tm->list_lock);
	tx_recount(tx);
}

/*
 * Does the log know an unfinished transaction of the same UOW that is not this
 * one? Records of both would be taken for one transaction's.
 */
static bool tx_is_shadowing(struct ktm_transaction *tx)
{
	struct ktm_tm *tm = tx->tm;
	struct ktm_transaction *other;
	bool found = false;

	spin_lock(&tm->list_lock);
	list_for_each_entry(other, &tm->shadowed, shadow_link)
		found |= other != tx && ktm_guid_eq(&other->obj.guid, &tx->obj.guid);
	spin_unlock(&tm->list_lock);
	return found;
}

/**
 * ktm_tx_bind - a transaction has work in a TM now
 * @tx: the transaction, its mutex held
 * @tm: the TM, kept alive by the caller
 *
 * Return: SUCCESS, TM_IDENTITY_MISMATCH if it belongs to another one, or
 * OBJECT_NAME_COLLISION if the TM's log knows another one of that UOW.
 */
u32 ktm_tx_bind(struct ktm_transaction *tx, struct ktm_tm *tm)
{
	bool bound = tx->tm;

	lockdep_assert_held(&tx->lock);
	if (bound && tx->tm != tm)
		return KTM_STATUS_TM_IDENTITY_MISMATCH;
	if (!bound)
		tx_join(tx, tm);
	if (!tx_is_shadowing(tx))
		return KTM_STATUS_SUCCESS;
	if (!bound)
		ktm_tx_unbind(tx);
	return KTM_STATUS_OBJECT_NAME_COLLISION;
}

/**
 * ktm_tx_unbind - the enlistment for which it was bound did not come about
 * @tx: the transaction, its mutex held since it was bound
 */
void ktm_tx_unbind(struct ktm_transaction *tx)
{
	struct ktm_tm *tm = tx->tm;

	lockdep_assert_held(&tx->lock);
	tx_count_as(tx, 0);
	spin_lock(&tm->list_lock);
	list_del_init(&tx->tm_link);
	spin_unlock(&tm->list_lock);
	tx->tm = NULL;
	if (tx->holds_tm)
		ktm_tm_release(tm);
	tx->holds_tm = false;
	/* The next one may have another log. */
	ktm_user_put(tx->payer);
	tx->payer = NULL;
	ktm_object_put(&tm->obj);
}

/* The log and everybody else has done with it. The caller has a reference. */
static void tx_leave(struct ktm_transaction *tx)
{
	lockdep_assert_held(&tx->lock);
	if (tx->retired)
		return;
	tx->retired = true;
	tx_recount(tx);
	if (tx->tm) {
		spin_lock(&tx->tm->list_lock);
		list_del_init(&tx->tm_link);
		list_del_init(&tx->ended_link);
		list_del_init(&tx->shadow_link);
		spin_unlock(&tx->tm->list_lock);
	}
	if (tx->published)
		ktm_object_unpublish(&tx->obj);
	ktm_object_put(&tx->obj);
}

static bool tx_end_is_durable(const struct ktm_transaction *tx)
{
	return !tx->end_lsn || ktm_journal_flushed(tx->tm->journal) >= tx->end_lsn;
}

/*
 * Nobody can do anything with it any more, once it is finished and closed. Its
 * UOW stays taken until the log has forgotten it too.
 */
static void tx_retire(struct ktm_transaction *tx)
{
	lockdep_assert_held(&tx->lock);
	if (tx->handles || tx->retired || !ktm_txc_finished(&tx->core))
		return;
	if (tx_end_is_durable(tx)) {
		tx_leave(tx);
		return;
	}
	spin_lock(&tx->tm->list_lock);
	if (list_empty(&tx->ended_link))
		list_add_tail(&tx->ended_link, &tx->tm->ended);
	spin_unlock(&tx->tm->list_lock);
}

/* The next that can be retired, with a reference; with @lock: if its mutex, then held, was free. */
static struct ktm_transaction *tx_next_ended(struct ktm_tm *tm, bool lock, bool *left)
{
	struct ktm_transaction *tx;

	spin_lock(&tm->list_lock);
	tx = list_first_entry_or_null(&tm->ended, struct ktm_transaction, ended_link);
	/* They are in the order of their ends but for races of no account. */
	*left = tx && tx_end_is_durable(tx);
	if (!*left || (lock && !mutex_trylock(&tx->lock)))
		tx = NULL;
	if (tx) {
		list_del_init(&tx->ended_link);
		ktm_object_get(&tx->obj);
	}
	spin_unlock(&tm->list_lock);
	return tx;
}

/**
 * ktm_tx_reap_ended - retire those whose end record has become durable
 * @tm: the TM; no transaction's mutex is held
 */
void ktm_tx_reap_ended(struct ktm_tm *tm)
{
	struct ktm_transaction *tx;
	bool left;

	while ((tx = tx_next_ended(tm, false, &left))) {
		mutex_lock(&tx->lock);
		tx_retire(tx);
		mutex_unlock(&tx->lock);
		ktm_object_put(&tx->obj);
	}
}

/**
 * ktm_tx_reap_work - the same, for those that could not be retired at once
 * @work: reap of the TM, which it keeps alive
 */
void ktm_tx_reap_work(struct work_struct *work)
{
	struct ktm_tm *tm = container_of(work, struct ktm_tm, reap);

	ktm_tx_reap_ended(tm);
	ktm_tm_release_by_work(tm);
}

/* Where others wait: a few, with whom nobody is busy; the others are a work item's. */
static void tx_reap_few(struct ktm_tm *tm)
{
	struct ktm_transaction *tx;
	bool left;
	u32 n;

	for (n = 0; n < FEW; n++) {
		tx = tx_next_ended(tm, true, &left);
		if (!tx)
			break;
		tx_retire(tx);
		mutex_unlock(&tx->lock);
		ktm_object_put(&tx->obj);
	}
	if (left && ktm_tm_hold_for_work(tm) && !queue_work(ktm_wq, &tm->reap))
		ktm_tm_release_by_work(tm);
}

static struct ktm_log_bytes tx_held(const struct ktm_transaction *tx)
{
	return (struct ktm_log_bytes){ .ring = tx->reserved, .area = tx->charged };
}

/**
 * ktm_tx_reserve - room in the log for the decision, and for the transaction in restart areas
 * @tx: the transaction, bound, its mutex held
 *
 * A whole unit, so that the decision always fits. Nothing if it has that already.
 *
 * Return: enum ktm_status, or KTM_STREAM_NO_ROOM.
 */
u32 ktm_tx_reserve(struct ktm_transaction *tx)
{
	struct ktm_journal *j = tx->tm->journal;
	const struct ktm_log_bytes bytes = {
		.ring = tx->reserved ? 0 : ktm_journal_bytes(j, KTM_JREC_DECISION, 0),
		.area = tx->charged ? 0 : ktm_jrec_bytes(KTM_JREC_TX, 0),
	};
	u32 status;

	lockdep_assert_held(&tx->lock);
	if (tx->reserved && tx->charged)
		return KTM_STATUS_SUCCESS;
	if (!tx->payer) {
		struct ktm_user *payer = ktm_user_of_log(tx->obj.user, j);

		if (IS_ERR(payer))
			return KTM_STATUS_INSUFFICIENT_RESOURCES;
		tx->payer = payer;
	}
	status = ktm_room_take(j, tx->payer, bytes, !tx->obj.unbounded);
	if (status)
		return status;
	tx->reserved += bytes.ring;
	tx->charged += bytes.area;
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_tx_reserve_recovered - what recovery has found has its room in the log
 * @tx: the transaction, bound, its mutex held
 * @bytes: for the decision, and in restart areas
 *
 * May sleep until there is memory.
 */
void ktm_tx_reserve_recovered(struct ktm_transaction *tx, struct ktm_log_bytes bytes)
{
	lockdep_assert_held(&tx->lock);
	if (!tx->payer)
		tx->payer = ktm_user_of_log_nofail(tx->obj.user, tx->tm->journal);
	ktm_user_charge_log(tx->payer, bytes, NULL);
	tx->reserved = bytes.ring;
	tx->charged = bytes.area;
}

/* What was kept in the log for its decision is not needed (any more). */
void ktm_tx_unreserve(struct ktm_transaction *tx)
{
	lockdep_assert_held(&tx->lock);
	ktm_room_give_back(tx->tm->journal, tx->payer, tx_held(tx));
	tx->reserved = 0;
	tx->charged = 0;
}

/* The log is opened again, and begins without reservations. */
void ktm_tx_void(struct ktm_transaction *tx)
{
	lockdep_assert_held(&tx->lock);
	ktm_user_uncharge_log(tx->payer, tx_held(tx));
	tx->reserved = 0;
	tx->charged = 0;
}

/* What was kept for the decision has gone into it. */
static void tx_spent(struct ktm_transaction *tx)
{
	ktm_user_uncharge_log(tx->payer, (struct ktm_log_bytes){ .ring = tx->reserved });
	tx->reserved = 0;
}

static void tx_stop_timer(struct ktm_transaction *tx)
{
	bool cancelled;

	tx->deadline = KTIME_MAX;
	spin_lock_irq(&tx->turn.lock);
	cancelled = cancel_delayed_work(&tx->timer);
	if (cancelled)
		WRITE_ONCE(tx->called, tx->called & ~TX_TIMER);
	spin_unlock_irq(&tx->turn.lock);
	if (!cancelled)
		return;
	wake_up_all(&tx->turn);
	ktm_object_put(&tx->obj);
}

static bool few_wait(struct wait_queue_head *wait)
{
	struct list_head *pos;
	unsigned long flags;
	u32 n = 0;

	spin_lock_irqsave(&wait->lock, flags);
	list_for_each(pos, &wait->head) {
		if (++n > FEW)
			break;
	}
	spin_unlock_irqrestore(&wait->lock, flags);
	return n <= FEW;
}

/* Is it short work to tell all whom it concerns, and without waiting for anybody? */
static bool tx_tells_few(struct ktm_transaction *tx)
{
	struct ktm_enlistment *en;
	struct ktm_enc *core;
	u32 n = 0;

	lockdep_assert_held(&tx->lock);
	if (!few_wait(&tx->wait))
		return false;
	list_for_each_entry(core, &tx->core.enlistments, link) {
		en = ktm_en_of_core(core);
		if (++n > FEW || !few_wait(&en->rm->queue.wait))
			return false;
		/* To be forgotten with this, perhaps, which takes the lock of its stream. */
		if (en->need.stream && core->flags & KTM_ENC_GONE)
			return false;
	}
	return true;
}

/*
 * From the journal's work, behind which others wait to be told: it goes on at once if nobody
 * is busy with the transaction and it has little to say.
 */
static void tx_force_done(struct ktm_force *force, int err)
{
	struct ktm_transaction *tx = container_of(force, struct ktm_transaction, force);

	tx->forced_err = err;
	if (mutex_trylock(&tx->lock)) {
		if (tx_tells_few(tx)) {
			tx_force_told(tx);
			return;
		}
		mutex_unlock(&tx->lock);
	}
	queue_delayed_work(ktm_wq, &tx->forced, 0);
}

static void tx_force_over(struct ktm_tm *tm)
{
	if (atomic_dec_and_test(&tm->deciding))
		wake_up_all(&tm->deciding_wait);
}

/*
 * Append a record and have it forced, with that much of what was reserved;
 * tx_forced() follows unless this fails.
 */
static int tx_append_force(struct ktm_transaction *tx, const struct ktm_jrec *rec, u32 reserved)
{
	struct ktm_tm *tm = tx->tm;
	int err;

	lockdep_assert_held(&tx->lock);
	if (WARN_ON_ONCE(!ktm_tm_hold(tm)))
		return -EIO;
	/* Counted before the log has it: a reopening waits until its fate is known here. */
	atomic_inc(&tm->deciding);
	ktm_object_get(&tx->obj);
	tx->force.done = tx_force_done;
	err = ktm_journal_append_force(tm->journal, rec, reserved, &tx->force);
	if (err) {
		tx_force_over(tm);
		ktm_object_put(&tx->obj);
		ktm_tm_release(tm);
	}
	return err;
}

static void tx_decision_record(struct ktm_transaction *tx, u32 outcome, struct ktm_jrec *rec)
{
	*rec = (struct ktm_jrec){
		.type = KTM_JREC_DECISION,
		.decision = {
			.uow = tx->obj.guid,
			.outcome = outcome,
			.prepared = tx->core.prepared_durable,
			.clock = ktm_tm_clock(tx->tm),
		},
	};
}

static void tx_decision_logged(struct ktm_transaction *tx, const struct ktm_jrec *rec, u64 lsn)
{
	lockdep_assert_held(&tx->lock);
	tx->log_outcome = rec->decision.outcome;
	tx->log_clock = rec->decision.clock;
	tx->log_lsn = lsn;
}

/*
 * The decision goes to the log. From HANDED on its fate is the outcome; if the
 * log takes nothing, nothing is decided: the transaction rolls back, or waits
 * for its superior to decide again.
 */
static u32 tx_log_decision(struct ktm_transaction *tx)
{
	struct ktm_jrec rec;

	tx_decision_record(tx, KTM_JREC_COMMIT, &rec);
	if (tx_append_force(tx, &rec, tx->reserved))
		return ktm_txc_event(&tx->core, KTM_TXEV_DECISION_REFUSED).actions;
	tx_decision_logged(tx, &rec, tx->force.lsn);
	tx_spent(tx);
	tx->sealing = false;
	return ktm_txc_event(&tx->core, KTM_TXEV_DECISION_HANDED).actions;
}

/* The prepared state of a superior: what it is told of must outlive a crash. */
static u32 tx_log_seal(struct ktm_transaction *tx)
{
	struct ktm_enlistment *sup = ktm_en_of_core(tx->core.superior);
	u32 bytes = ktm_en_record_bytes(sup);
	struct ktm_jrec rec;

	sup->log_key = sup->key;
	ktm_en_to_record(sup, &tx->obj, &rec);
	if (tx_append_force(tx, &rec, bytes))
		return ktm_txc_event(&tx->core, KTM_TXEV_SEAL_REFUSED).actions;
	ktm_en_spent(sup, bytes);
	sup->logged = true;
	tx->sealing = true;
	tx->logged = true;
	tx->log_lsn = tx->force.lsn;
	return ktm_txc_event(&tx->core, KTM_TXEV_SEAL_HANDED).actions;
}

/*
 * What a superior was told of is not presumed to be aborted. Not forced: as long
 * as the log has not got it, it asks the superior again.
 */
static void tx_log_abort(struct ktm_transaction *tx)
{
	struct ktm_jrec rec;
	u64 lsn;

	tx_decision_record(tx, KTM_JREC_ABORT, &rec);
	if (ktm_journal_append(tx->tm->journal, &rec, tx->reserved, &lsn)) {
		tx->end_lsn = U64_MAX;
		return;
	}
	tx_decision_logged(tx, &rec, lsn);
	/* Its own doing, or told to it: the log does not expect it to finish. */
	if (tx->core.superior)
		ktm_en_of_core(tx->core.superior)->logged = false;
	tx_spent(tx);
	tx->end_lsn = max(tx->end_lsn, lsn);
}

static void tx_notify_all(struct ktm_transaction *tx)
{
	struct ktm_enc *core;

	list_for_each_entry(core, &tx->core.enlistments, link)
		ktm_notify_enlistment(ktm_en_of_core(core));
}

/* Nobody owes anything any more: let go of the enlistments and of the log. */
static void tx_finish(struct ktm_transaction *tx)
{
	struct ktm_enlistment *en;

	while (!list_empty(&tx->core.enlistments)) {
		en = ktm_en_of_core(list_first_entry(&tx->core.enlistments, struct ktm_enc, link));
		ktm_en_forget(en);
	}
	if (tx->tm && tx->tm->journal)
		ktm_tx_unreserve(tx);
	tx_retire(tx);
}

/* A freeze waits for those that are under way, from the step that begins it on. */
static void tx_count(struct ktm_transaction *tx)
{
	bool under_way = ktm_txc_under_way(&tx->core);

	lockdep_assert_held(&tx->lock);
	if (under_way == tx->under_way)
		return;
	if (under_way)
		under_way = ktm_commit_is_under_way();
	else
		ktm_commit_is_over();
	tx->under_way = under_way;
}

/**
 * ktm_tx_snapshot - write down what the log has to go on knowing of a transaction
 * @tx: the transaction, its mutex held
 * @snap: restart area of the running log
 *
 * Return: 0 or a negative errno, to be returned as it is.
 */
int ktm_tx_snapshot(struct ktm_transaction *tx, struct ktm_jsnap *snap)
{
	struct ktm_enc *core;
	struct ktm_jrec rec = {
		.type = KTM_JREC_TX,
		.tx = {
			.uow = tx->obj.guid,
			.outcome = tx->log_outcome,
			.uid = from_kuid(&init_user_ns, tx->obj.uid),
			.gid = from_kgid(&init_user_ns, tx->obj.gid),
			.mode = tx->obj.mode,
			.clock = tx->log_clock,
			.lsn = tx->log_lsn,
		},
	};
	int err;

	lockdep_assert_held(&tx->lock);
	list_for_each_entry(core, &tx->core.enlistments, link)
		rec.tx.prepared += ktm_en_of_core(core)->logged;
	if (!rec.tx.prepared)
		return 0;
	err = ktm_jsnap_add(snap, &rec);
	if (err)
		return err;
	list_for_each_entry(core, &tx->core.enlistments, link) {
		struct ktm_enlistment *en = ktm_en_of_core(core);

		if (!en->logged)
			continue;
		ktm_en_to_record(en, &tx->obj, &rec);
		err = ktm_jsnap_add(snap, &rec);
		if (err)
			return err;
	}
	return 0;
}

/**
 * ktm_tx_pass_gate - wait while all is frozen, before something begins
 * @tx: the transaction, its mutex held; let go of during the wait
 * @passed: out: ktm_commit_is_over() is owed when it has begun
 *
 * One that is under way already need not wait: a freeze waits for it.
 *
 * Return: SUCCESS or INTERRUPTED.
 */
u32 ktm_tx_pass_gate(struct ktm_transaction *tx, bool *passed)
{
	int err = 0;

	lockdep_assert_held(&tx->lock);
	while (!tx->under_way) {
		*passed = ktm_commit_may_begin();
		if (*passed)
			break;
		mutex_unlock(&tx->lock);
		err = ktm_freeze_wait();
		mutex_lock(&tx->lock);
		if (err)
			return KTM_STATUS_INTERRUPTED;
	}
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_tx_carry_out - do what the protocol says, in its order
 * @tx: the transaction, its mutex held; the caller has a reference
 * @en: the enlistment whose event it was, with a reference, or NULL
 * @actions: enum ktm_action bits
 */
void ktm_tx_carry_out(struct ktm_transaction *tx, struct ktm_enlistment *en, u32 actions)
{
	u64 lsn;

	lockdep_assert_held(&tx->lock);
	if (actions & KTM_ACT_TICK && tx->tm)
		ktm_tm_clock_tick(tx->tm);
	if (actions & KTM_ACT_LOG_SEAL)
		actions |= tx_log_seal(tx);
	if (actions & KTM_ACT_LOG_DECISION)
		actions |= tx_log_decision(tx);
	if (actions & KTM_ACT_LOG_ABORT)
		tx_log_abort(tx);
	/*
	 * A journal that is offline takes no completion record; the RM is then
	 * asked again after the reopening, which is what it has to expect.
	 */
	if (actions & KTM_ACT_LOG_COMPLETION) {
		if (ktm_en_log_completion(en, ktm_txc_log_ended(&tx->core), &lsn))
			lsn = U64_MAX;
		else
			tx->log_lsn = lsn;
		tx->end_lsn = max(tx->end_lsn, lsn);
	}
	tx_recount(tx);
	if (actions & KTM_ACT_STOP_TIMER)
		tx_stop_timer(tx);
	if (actions & KTM_ACT_NOTIFY_ALL)
		tx_notify_all(tx);
	else if (actions & KTM_ACT_NOTIFY_SELF)
		ktm_notify_enlistment(en);
	if (actions & KTM_ACT_FINISHED)
		tx_finish(tx);
	WRITE_ONCE(tx->settled, ktm_txc_settled(&tx->core));
	tx_count(tx);
	if (actions & (KTM_ACT_WAKE | KTM_ACT_FINISHED))
		wake_up_all(&tx->wait);
}

/**
 * ktm_tx_event - something happened to a transaction
 * @tx: the transaction, its mutex held; the caller has a reference
 * @ev: what
 *
 * Return: enum ktm_status.
 */
u32 ktm_tx_event(struct ktm_transaction *tx, enum ktm_tx_event ev)
{
	struct ktm_result r = ktm_txc_event(&tx->core, ev);

	ktm_tx_carry_out(tx, NULL, r.actions);
	return r.status;
}

/**
 * ktm_tx_enlistment_event - something happened to an enlistment
 * @en: the enlistment, its transaction's mutex held; the caller has a reference
 * @ev: what
 *
 * Return: enum ktm_status.
 */
u32 ktm_tx_enlistment_event(struct ktm_enlistment *en, enum ktm_en_event ev)
{
	struct ktm_result r = ktm_enc_event(&en->core, ev);

	ktm_tx_carry_out(en->tx, en, r.actions);
	return r.status;
}

/* The mutex is held, and let go of. */
static void tx_force_told(struct ktm_transaction *tx)
{
	struct ktm_tm *tm = tx->tm;
	enum ktm_tx_event ev;

	lockdep_assert_held(&tx->lock);
	if (tx->sealing)
		ev = tx->forced_err ? KTM_TXEV_SEAL_FAILED : KTM_TXEV_SEAL_DURABLE;
	else
		ev = tx->forced_err ? KTM_TXEV_DECISION_FAILED : KTM_TXEV_DECISION_DURABLE;
	ktm_tx_event(tx, ev);
	mutex_unlock(&tx->lock);
	tx_reap_few(tm);
	tx_force_over(tm);
	ktm_object_get(&tm->obj);
	ktm_object_put(&tx->obj);
	ktm_tm_release(tm);
	ktm_object_put(&tm->obj);
}

static void tx_forced(struct work_struct *work)
{
	struct ktm_transaction *tx = container_of(work, struct ktm_transaction, forced.work);

	/* Whoever has it may be stopped: that holds up this transaction, and no worker. */
	if (!mutex_trylock(&tx->lock)) {
		tx_come_back(tx, TX_FORCED, ktm_wq, &tx->forced, 1);
		return;
	}
	tx_came(tx, TX_FORCED);
	tx_force_told(tx);
}

static void tx_arm_timer(struct ktm_transaction *tx)
{
	s64 left = ktime_to_ns(ktime_sub(tx->deadline, ktime_get()));
	u64 jiffies = nsecs_to_jiffies64(max_t(s64, left, 0));

	lockdep_assert_held(&tx->lock);
	ktm_object_get(&tx->obj);
	if (!queue_delayed_work(ktm_slow_wq, &tx->timer,
				min_t(u64, jiffies + 1, MAX_JIFFY_OFFSET)))
		ktm_object_put(&tx->obj);
}

static void tx_timer(struct work_struct *work)
{
	struct ktm_transaction *tx = container_of(work, struct ktm_transaction, timer.work);

	/*
	 * A vote may have it that waits for a hung device; many of those must not take all
	 * workers. Armed again meanwhile: that one will do.
	 */
	if (!mutex_trylock(&tx->lock)) {
		tx->timer_retry = clamp_t(unsigned long, 2 * tx->timer_retry, 1, TIMER_RETRY);
		if (!tx_come_back(tx, TX_TIMER, ktm_slow_wq, &tx->timer, tx->timer_retry))
			ktm_object_put(&tx->obj);
		return;
	}
	tx_came(tx, TX_TIMER);
	tx->timer_retry = 0;
	/* Before this had the mutex the deadline may have been moved or lifted. */
	if (tx->deadline != KTIME_MAX) {
		if (ktime_before(ktime_get(), tx->deadline))
			tx_arm_timer(tx);
		else
			ktm_tx_event(tx, KTM_TXEV_EXPIRE);
	}
	mutex_unlock(&tx->lock);
	ktm_object_put(&tx->obj);
}

/**
 * ktm_tx_set_timeout - when it is rolled back by itself
 * @tx: the transaction, active, its mutex held; the caller has a reference
 * @ns: nanoseconds from now; 0: never
 */
void ktm_tx_set_timeout(struct ktm_transaction *tx, u64 ns)
{
	lockdep_assert_held(&tx->lock);
	tx_stop_timer(tx);
	tx->timeout_ns = ns;
	if (!ns)
		return;
	tx->deadline = ktime_add_safe(ktime_get(), min_t(u64, ns, KTIME_MAX));
	tx_arm_timer(tx);
}

static u32 copy_description(struct ktm_transaction *tx, const struct ktm_tx_create *arg,
			    bool in_kernel)
{
	if (arg->description_length > KTM_MAX_DESCRIPTION ||
	    !arg->description != !arg->description_length)
		return KTM_STATUS_INVALID_PARAMETER;
	if (!arg->description_length)
		return KTM_STATUS_SUCCESS;
	/* Not memdup_user(), which charges nobody. */
	tx->description = kmalloc(arg->description_length, GFP_KERNEL_ACCOUNT);
	if (!tx->description)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	if (copy_from_sockptr(tx->description, ktm_pointer(in_kernel, arg->description),
			      arg->description_length))
		return KTM_STATUS_FAULT;
	tx->description_length = arg->description_length;
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_tx_create - KTM_IOC_TX_CREATE
 * @arg: the request
 * @handle: of the TM that it shall belong to; or NULL
 * @nfd: out: the descriptor
 *
 * Return: enum ktm_status.
 */
u32 ktm_tx_create(struct ktm_tx_create *arg, struct ktm_handle *handle, struct ktm_new_fd *nfd)
{
	struct ktm_tm *tm = handle ? ktm_tm_of(handle->obj) : NULL;
	struct ktm_transaction *tx;
	u32 status;

	if (handle && !ktm_may(handle, KTM_TM_BIND_TRANSACTION))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->flags & ~KTM_TX_DO_NOT_PROMOTE || !arg->access ||
	    arg->access & ~KTM_TX_ALL_ACCESS)
		return KTM_STATUS_INVALID_PARAMETER;
	if (tm && !ktm_tm_online(tm))
		return KTM_STATUS_TM_NOT_ONLINE;
	tx = kmem_cache_zalloc(tx_cache, GFP_KERNEL);
	if (!tx)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	status = ktm_object_init(&tx->obj, KTM_KIND_TX, NULL, &arg->uow, arg->mode);
	if (status) {
		kmem_cache_free(tx_cache, tx);
		return status;
	}
	tx_setup(tx);
	ktm_txc_init(&tx->core);
	tx->isolation_level = arg->isolation_level;
	tx->isolation_flags = arg->isolation_flags;
	status = copy_description(tx, arg, nfd->in_kernel);
	if (status)
		goto put;
	/* From here on tx_leave() ends it: the reference that it holds on itself. */
	ktm_object_get(&tx->obj);
	mutex_lock(&tx->lock);
	if (tm)
		tx_join(tx, tm);
	mutex_unlock(&tx->lock);
	status = ktm_handle_create(&tx->obj, arg->access, 0, nfd);
	/* Its TM was opened again just now, and has ended what nobody had yet. */
	if (status == KTM_STATUS_TRANSACTION_NOT_FOUND)
		status = KTM_STATUS_TM_NOT_ONLINE;
	/*
	 * Found by others only when all is in place, and while our descriptor
	 * keeps it: who opens and closes it at once must not end it.
	 */
	mutex_lock(&tx->lock);
	if (status) {
		ktm_tx_event(tx, KTM_TXEV_CLOSE);
		tx_retire(tx);
	} else {
		status = ktm_status_from_errno(ktm_object_publish(&tx->obj));
		tx->published = !status;
		if (!status)
			ktm_tx_set_timeout(tx, arg->timeout_ns);
	}
	mutex_unlock(&tx->lock);
	if (status)
		ktm_new_fd_cancel(nfd);
	arg->uow = tx->obj.guid;
	arg->fd = nfd->fd;
put:
	ktm_object_put(&tx->obj);
	return status;
}

static u32 tx_opened(struct ktm_object *obj, u32 access, u32 flags)
{
	struct ktm_transaction *tx = ktm_tx_of(obj);
	u32 status = KTM_STATUS_TRANSACTION_NOT_FOUND;

	ktm_tx_lock(tx);
	if (tx->retired)
		goto out;
	if (tx->tm && !tx->holds_tm) {
		if (!ktm_tm_hold(tx->tm))
			goto out;
		tx->holds_tm = true;
	}
	tx->handles++;
	if (access & KTM_TX_COMMIT)
		tx->committers++;
	status = KTM_STATUS_SUCCESS;
out:
	mutex_unlock(&tx->lock);
	return status;
}

static void tx_closed(struct ktm_object *obj, u32 access, bool unseen)
{
	struct ktm_transaction *tx = ktm_tx_of(obj);
	struct ktm_tm *tm = NULL;

	ktm_tx_lock(tx);
	tx->handles--;
	if (access & KTM_TX_COMMIT) {
		tx->committers--;
		tx->left |= !unseen;
	}
	/* One that nobody has had open for commit may still be opened for it, while it is open. */
	if (!tx->committers && (tx->left || !tx->handles))
		ktm_tx_event(tx, KTM_TXEV_CLOSE);
	if (!tx->handles) {
		if (tx->holds_tm)
			tm = tx->tm;
		tx->holds_tm = false;
		tx_retire(tx);
	}
	mutex_unlock(&tx->lock);
	if (tm)
		ktm_tm_release(tm);
}

static u32 tx_outcome_status(struct ktm_transaction *tx, u32 wanted)
{
	u32 outcome = ktm_txc_outcome(&tx->core);

	if (ktm_state_indoubt(tx->core.state))
		return KTM_STATUS_INDOUBT;
	if (!ktm_txc_settled(&tx->core))
		return KTM_STATUS_PENDING;
	if (outcome == wanted)
		return KTM_STATUS_SUCCESS;
	return outcome == KTM_OUTCOME_ABORTED ? KTM_STATUS_ROLLED_BACK :
						KTM_STATUS_ALREADY_COMMITTED;
}

static u32 tx_end(struct ktm_transaction *tx, enum ktm_tx_event ev, u32 wanted,
		  const struct ktm_call *arg)
{
	const bool wait = arg->flags & KTM_CALL_WAIT;
	u32 status = KTM_STATUS_SUCCESS;
	bool passed = false, teller = false;
	int err = 0;

	if (arg->flags & ~KTM_CALL_WAIT || arg->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	ktm_tx_lock(tx);
	if (ev == KTM_TXEV_COMMIT)
		status = ktm_tx_pass_gate(tx, &passed);
	if (!status) {
		teller = wait && ktm_tx_teller_begin(tx);
		status = ktm_tx_event(tx, ev);
	}
	if (!status && !wait)
		status = tx_outcome_status(tx, wanted);
	mutex_unlock(&tx->lock);
	if (passed)
		ktm_commit_is_over();
	if (!status && wait)
		err = ktm_tx_wait_settled(tx, teller);
	if (teller)
		ktm_tx_teller_end(tx);
	/* Interrupted, it is the wait that ends, not what was begun. */
	if (err)
		return KTM_STATUS_INTERRUPTED;
	if (status || !wait)
		return status;
	ktm_tx_lock(tx);
	status = tx_outcome_status(tx, wanted);
	mutex_unlock(&tx->lock);
	return status;
}

/* KTM_IOC_COMMIT */
u32 ktm_tx_commit(struct ktm_handle *handle, const struct ktm_call *arg)
{
	if (!ktm_may(handle, KTM_TX_COMMIT))
		return KTM_STATUS_ACCESS_DENIED;
	return tx_end(ktm_tx_of(handle->obj), KTM_TXEV_COMMIT, KTM_OUTCOME_COMMITTED, arg);
}

/* What a commit that was begun has come to by now. */
u32 ktm_tx_commit_status(struct ktm_transaction *tx)
{
	u32 status;

	ktm_tx_lock(tx);
	status = tx_outcome_status(tx, KTM_OUTCOME_COMMITTED);
	mutex_unlock(&tx->lock);
	return status;
}

/* KTM_IOC_ROLLBACK */
u32 ktm_tx_rollback(struct ktm_handle *handle, const struct ktm_call *arg)
{
	if (!ktm_may(handle, KTM_TX_ROLLBACK))
		return KTM_STATUS_ACCESS_DENIED;
	return tx_end(ktm_tx_of(handle->obj), KTM_TXEV_ROLLBACK, KTM_OUTCOME_ABORTED, arg);
}

/* KTM_IOC_TX_WAIT */
u32 ktm_tx_wait(struct ktm_handle *handle, struct ktm_tx_wait *arg)
{
	struct ktm_transaction *tx = ktm_tx_of(handle->obj);
	u32 status;
	int err = 0;

	if (!ktm_may(handle, KTM_TX_QUERY_INFORMATION))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->flags)
		return KTM_STATUS_INVALID_PARAMETER;
	if (arg->timeout_ns >= KTIME_MAX)
		err = wait_event_interruptible(tx->wait, READ_ONCE(tx->settled));
	else if (arg->timeout_ns)
		err = wait_event_interruptible_hrtimeout(tx->wait, READ_ONCE(tx->settled),
							 ns_to_ktime(arg->timeout_ns));
	if (err == -ERESTARTSYS)
		return KTM_STATUS_INTERRUPTED;
	ktm_tx_lock(tx);
	arg->outcome = ktm_txc_outcome(&tx->core);
	if (ktm_state_indoubt(tx->core.state))
		status = KTM_STATUS_INDOUBT;
	else if (ktm_txc_settled(&tx->core))
		status = KTM_STATUS_SUCCESS;
	else
		status = KTM_STATUS_TIMEOUT;
	mutex_unlock(&tx->lock);
	return status;
}

/**
 * ktm_tx_create_recovered - a transaction that the log knows
 * @tm: its TM
 * @uow: its GUID
 * @mode: as logged
 * @uid: as logged
 * @gid: as logged
 * @txp: out: not published yet, with a reference for the caller
 *
 * Return: enum ktm_status.
 */
u32 ktm_tx_create_recovered(struct ktm_tm *tm, const struct ktm_guid *uow, u32 mode, u32 uid,
			    u32 gid, struct ktm_transaction **txp)
{
	struct ktm_transaction *tx = kmem_cache_zalloc(tx_cache, GFP_KERNEL);
	u32 status;

	if (!tx)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	status = ktm_object_init_recovered(&tx->obj, KTM_KIND_TX, NULL, uow, mode, uid, gid);
	if (status) {
		kmem_cache_free(tx_cache, tx);
		return status;
	}
	tx_setup(tx);
	ktm_txc_init_recovered(&tx->core, KTM_FOUND_ABORT);
	tx->settled = true;
	*txp = tx;
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_tx_publish_recovered - it is what the log says, durably: let it be found
 * @tx: from ktm_tx_create_recovered(), its enlistments in place
 * @tm: its TM
 *
 * May sleep until there is memory: what the log knows cannot be refused.
 */
void ktm_tx_publish_recovered(struct ktm_transaction *tx, struct ktm_tm *tm)
{
	mutex_lock(&tx->lock);
	ktm_object_get(&tx->obj);
	tx->logged = true;
	/* A client may have taken the UOW meanwhile; RMs find theirs by enlistment. */
	tx->published = !ktm_object_publish_nofail(&tx->obj);
	tx_join(tx, tm);
	if (!tx->published) {
		spin_lock(&tm->list_lock);
		list_add_tail(&tx->shadow_link, &tm->shadowed);
		spin_unlock(&tm->list_lock);
	}
	mutex_unlock(&tx->lock);
}

/**
 * ktm_tx_discard - its TM goes; what is unfinished is in the log only
 * @tx: the transaction, with a reference of the caller
 */
void ktm_tx_discard(struct ktm_transaction *tx)
{
	mutex_lock(&tx->lock);
	tx_stop_timer(tx);
	while (!list_empty(&tx->core.enlistments))
		ktm_en_forget(ktm_en_of_core(list_first_entry(&tx->core.enlistments,
							      struct ktm_enc, link)));
	if (tx->tm && tx->tm->journal)
		ktm_tx_unreserve(tx);
	if (tx->under_way)
		ktm_commit_is_over();
	tx->under_way = false;
	tx_leave(tx);
	mutex_unlock(&tx->lock);
}

/* KTM_INFO_TX_BASIC */
void ktm_tx_info(struct ktm_transaction *tx, struct ktm_tx_info *info)
{
	memset(info, 0, sizeof(*info));
	info->uow = tx->obj.guid;
	ktm_tx_lock(tx);
	if (tx->tm)
		info->tm = tx->tm->obj.guid;
	info->state = tx->core.state;
	info->outcome = ktm_txc_outcome(&tx->core);
	info->enlistments = ktm_tx_unfinished_enlistments(tx);
	info->timeout_ns = tx->timeout_ns;
	info->description_length = tx->description_length;
	if (tx->description)
		memcpy(info->description, tx->description, tx->description_length);
	mutex_unlock(&tx->lock);
	info->age_ns = ktime_to_ns(ktime_sub(ktime_get(), tx->created));
}

/* Enlistments whose part is not over. */
u32 ktm_tx_unfinished_enlistments(struct ktm_transaction *tx)
{
	struct ktm_enc *core;
	u32 n = 0;

	lockdep_assert_held(&tx->lock);
	list_for_each_entry(core, &tx->core.enlistments, link)
		n += !ktm_enc_finished(core);
	return n;
}

static void tx_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(tx_cache, container_of(rcu, struct ktm_transaction, rcu));
}

static void tx_free(struct ktm_object *obj)
{
	struct ktm_transaction *tx = ktm_tx_of(obj);

	kfree(tx->description);
	WARN_ON_ONCE(tx->reserved || tx->charged);
	ktm_user_put(tx->payer);
	if (tx->tm)
		ktm_object_put(&tx->tm->obj);
	percpu_counter_dec(&tx_alive);
	call_rcu(&tx->rcu, tx_free_rcu);
}

static void tx_show(struct ktm_object *obj, struct seq_file *m)
{
	seq_printf(m, "ktm-state:\t%u\n", READ_ONCE(ktm_tx_of(obj)->core.state));
}

static __poll_t tx_poll(struct file *file, poll_table *wait)
{
	struct ktm_handle *handle = file->private_data;
	struct ktm_transaction *tx = ktm_tx_of(handle->obj);

	poll_wait(file, &tx->wait, wait);
	/* No lock: it may be held while a vote waits for the device. */
	if (ktm_state_outcome(READ_ONCE(tx->core.state)) == KTM_OUTCOME_UNDETERMINED &&
	    !ktm_txc_finished(&tx->core))
		return 0;
	return EPOLLIN | EPOLLRDNORM;
}

static const struct file_operations tx_fops = {
	.owner		= THIS_MODULE,
	.release	= ktm_handle_release,
	.unlocked_ioctl	= ktm_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.poll		= tx_poll,
	.show_fdinfo	= ktm_handle_show_fdinfo,
	.llseek		= noop_llseek,
};

const struct ktm_kind_ops ktm_tx_ops = {
	.name		= "tx",
	.fops		= &tx_fops,
	.not_found	= KTM_STATUS_TRANSACTION_NOT_FOUND,
	.all_access	= KTM_TX_ALL_ACCESS,
	.r		= KTM_TX_QUERY_INFORMATION,
	.w		= KTM_TX_RESOURCE_MANAGER_RIGHTS,
	.x		= KTM_TX_COMMIT | KTM_TX_ROLLBACK,
	.opened		= tx_opened,
	.closed		= tx_closed,
	.free		= tx_free,
	.show		= tx_show,
};

/**
 * ktm_transactions_init() - once, when the module is loaded
 *
 * A cache of their own: they are many, and the general ones come in powers of two.
 */
int ktm_transactions_init(void)
{
	int err = percpu_counter_init(&tx_alive, 0, GFP_KERNEL);

	if (err)
		return err;
	tx_cache = KMEM_CACHE(ktm_transaction, SLAB_ACCOUNT);
	if (tx_cache)
		return 0;
	percpu_counter_destroy(&tx_alive);
	return -ENOMEM;
}

/**
 * ktm_transactions_stop() - wait for those that a time-out still refers to
 *
 * When nobody has one open; before the workqueues go, into which such a time-out comes back.
 */
void ktm_transactions_stop(void)
{
	while (percpu_counter_sum(&tx_alive))
		msleep(20);
}

/**
 * ktm_transactions_exit() - once, when none is left and rcu_barrier() has been passed
 */
void ktm_transactions_exit(void)
{
	kmem_cache_destroy(tx_cache);
	percpu_counter_destroy(&tx_alive);
}
