// SPDX-License-Identifier: GPL-2.0
/*
 * Who waits in Commit or Rollback calls drivers' RMs, where otherwise both would be woken, the RM's
 * worker and then the caller.
 *
 * One enlistment at a time is left to callers, behind all that the same step has to tell to others;
 * while one is in a callback the others are the workers'. So RMs work side by side, and a
 * callback that never returns keeps nobody else's notification.
 */
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "callback.h"
#include "enlistment.h"
#include "notify.h"
#include "rm.h"
#include "transaction.h"

/**
 * ktm_tx_leave_to_caller - may who waits for the transaction tell what waits of an enlistment?
 * @en: the enlistment, of an RM with callbacks; its transaction's mutex is held
 *
 * Return: false: nobody does.
 */
bool ktm_tx_leave_to_caller(struct ktm_enlistment *en)
{
	struct ktm_transaction *tx = en->tx;
	bool left;

	lockdep_assert_held(&tx->lock);
	spin_lock_irq(&tx->wait.lock);
	left = tx->tellers && !tx->to_tell;
	if (left) {
		ktm_object_get(&en->obj);
		WRITE_ONCE(tx->to_tell, en);
		wake_up_locked(&tx->wait);
	}
	spin_unlock_irq(&tx->wait.lock);
	return left;
}

/**
 * ktm_tx_teller_begin - the caller is going to wait for a transaction, and tells meanwhile
 * @tx: the transaction, its mutex held; before that wait it waits for nobody else
 *
 * Return: false: it is in a callback, and so runs no other; true: ktm_tx_teller_end() is owed.
 */
bool ktm_tx_teller_begin(struct ktm_transaction *tx)
{
	lockdep_assert_held(&tx->lock);
	if (ktm_in_callback())
		return false;
	spin_lock_irq(&tx->wait.lock);
	tx->tellers++;
	spin_unlock_irq(&tx->wait.lock);
	return true;
}

/**
 * ktm_tx_teller_end - the caller does not wait any more
 * @tx: the transaction, of which ktm_tx_teller_begin() returned true; its mutex is not held
 */
void ktm_tx_teller_end(struct ktm_transaction *tx)
{
	struct ktm_enlistment *en = NULL;

	spin_lock_irq(&tx->wait.lock);
	if (!--tx->tellers) {
		en = tx->to_tell;
		tx->to_tell = NULL;
	}
	spin_unlock_irq(&tx->wait.lock);
	if (!en)
		return;
	ktm_notify_by_worker(en);
	ktm_object_put(&en->obj);
}

/* While the caller is in a callback it is no teller: nothing is left to it. */
static struct ktm_enlistment *take_left(struct ktm_transaction *tx)
{
	struct ktm_enlistment *en;

	spin_lock_irq(&tx->wait.lock);
	en = tx->to_tell;
	if (en) {
		WRITE_ONCE(tx->to_tell, NULL);
		tx->tellers--;
	}
	spin_unlock_irq(&tx->wait.lock);
	return en;
}

static void tell(struct ktm_transaction *tx)
{
	struct ktm_enlistment *en = take_left(tx);

	/* Another caller was quicker. */
	if (!en)
		return;
	ktm_callback_tell(en);
	ktm_object_put(&en->obj);
	spin_lock_irq(&tx->wait.lock);
	tx->tellers++;
	spin_unlock_irq(&tx->wait.lock);
}

/**
 * ktm_tx_wait_settled - wait for a transaction's end
 * @tx: the transaction; no lock is held
 * @teller: what ktm_tx_teller_begin() returned
 *
 * Return: 0 or -ERESTARTSYS.
 */
int ktm_tx_wait_settled(struct ktm_transaction *tx, bool teller)
{
	int err;

	while (!READ_ONCE(tx->settled)) {
		err = wait_event_interruptible(tx->wait, READ_ONCE(tx->settled) ||
							 (teller && READ_ONCE(tx->to_tell)));
		if (err)
			return err;
		if (READ_ONCE(tx->settled))
			break;
		/* A callback that heeds signals would have to be called once more. */
		if (signal_pending(current))
			return -ERESTARTSYS;
		tell(tx);
	}
	return 0;
}
