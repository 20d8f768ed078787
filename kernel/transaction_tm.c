// SPDX-License-Identifier: GPL-2.0
/*
 * A transaction and its TM: when it enters that for good, what it counts for there, and when it
 * may be forgotten.
 */
#include "enlistment.h"
#include "ktm.h"
#include "status.h"
#include "transaction_private.h"

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
void ktm_tx_recount(struct ktm_transaction *tx)
{
	const u8 state = tx->core.state;

	if (!tx->tm || tx->retired || state == KTM_TX_STATE_COMMITTED ||
	    state == KTM_TX_STATE_ABORTED)
		tx_count_as(tx, 0);
	else
		tx_count_as(tx, ktm_state_indoubt(state) ? KTM_TM_INDOUBT : KTM_TM_UNFINISHED);
}

/* Enter a TM for good. The caller keeps the TM alive. */
void ktm_tx_join(struct ktm_transaction *tx, struct ktm_tm *tm)
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
	ktm_tx_recount(tx);
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
		ktm_tx_join(tx, tm);
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
void ktm_tx_leave(struct ktm_transaction *tx)
{
	lockdep_assert_held(&tx->lock);
	if (tx->retired)
		return;
	tx->retired = true;
	ktm_tx_recount(tx);
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
void ktm_tx_retire(struct ktm_transaction *tx)
{
	lockdep_assert_held(&tx->lock);
	if (tx->handles || tx->retired || !ktm_txc_finished(&tx->core))
		return;
	if (tx_end_is_durable(tx)) {
		ktm_tx_leave(tx);
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
		ktm_tx_retire(tx);
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
void ktm_tx_reap_few(struct ktm_tm *tm)
{
	struct ktm_transaction *tx;
	bool left;
	u32 n;

	for (n = 0; n < KTM_TX_FEW; n++) {
		tx = tx_next_ended(tm, true, &left);
		if (!tx)
			break;
		ktm_tx_retire(tx);
		mutex_unlock(&tx->lock);
		ktm_object_put(&tx->obj);
	}
	if (left && ktm_tm_hold_for_work(tm) && !queue_work(ktm_wq, &tm->reap))
		ktm_tm_release_by_work(tm);
}
