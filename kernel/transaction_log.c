// SPDX-License-Identifier: GPL-2.0
/*
 * What a transaction has in the log of its TM: its room, its records, and what follows when
 * one of them is durable, or will never be.
 */
#include <linux/err.h>
#include <linux/minmax.h>

#include "enlistment.h"
#include "ktm.h"
#include "room.h"
#include "status.h"
#include "transaction_private.h"

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

static void tx_force_over(struct ktm_tm *tm)
{
	if (atomic_dec_and_test(&tm->deciding))
		wake_up_all(&tm->deciding_wait);
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
	ktm_tx_reap_few(tm);
	tx_force_over(tm);
	ktm_object_get(&tm->obj);
	ktm_object_put(&tx->obj);
	ktm_tm_release(tm);
	ktm_object_put(&tm->obj);
}

/* The work of ktm_transaction.forced. */
void ktm_tx_forced(struct work_struct *work)
{
	struct ktm_transaction *tx = container_of(work, struct ktm_transaction, forced.work);

	/* Whoever has it may be stopped: that holds up this transaction, and no worker. */
	if (!mutex_trylock(&tx->lock)) {
		ktm_tx_come_back(tx, KTM_TX_CALLED_FORCED, ktm_wq, &tx->forced, 1);
		return;
	}
	ktm_tx_came(tx, KTM_TX_CALLED_FORCED);
	tx_force_told(tx);
}

static bool few_wait(struct wait_queue_head *wait)
{
	struct list_head *pos;
	unsigned long flags;
	u32 n = 0;

	spin_lock_irqsave(&wait->lock, flags);
	list_for_each(pos, &wait->head) {
		if (++n > KTM_TX_FEW)
			break;
	}
	spin_unlock_irqrestore(&wait->lock, flags);
	return n <= KTM_TX_FEW;
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
		if (++n > KTM_TX_FEW || !few_wait(&en->rm->queue.wait))
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

/*
 * Append a record and have it forced, with that much of what was reserved;
 * ktm_tx_forced() follows unless this fails.
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
u32 ktm_tx_log_decision(struct ktm_transaction *tx)
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
u32 ktm_tx_log_seal(struct ktm_transaction *tx)
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
void ktm_tx_log_abort(struct ktm_transaction *tx)
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
