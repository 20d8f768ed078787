// SPDX-License-Identifier: GPL-2.0
/*
 * Whose turn it is with a transaction's mutex: those who call wait for it, time-outs and outcomes
 * come back.
 */
#include <linux/minmax.h>

#include "ktm.h"
#include "transaction_private.h"

/* Jiffies until a time-out is looked at again that has found the mutex held: at most. */
#define TIMER_RETRY	(HZ / 10)

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
bool ktm_tx_come_back(struct ktm_transaction *tx, u32 who, struct workqueue_struct *wq,
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
void ktm_tx_came(struct ktm_transaction *tx, u32 who)
{
	lockdep_assert_held(&tx->lock);
	spin_lock_irq(&tx->turn.lock);
	WRITE_ONCE(tx->called, tx->called & ~who);
	spin_unlock_irq(&tx->turn.lock);
	wake_up_all(&tx->turn);
}

/* It does not expire by itself any more. Its mutex is held. */
void ktm_tx_stop_timer(struct ktm_transaction *tx)
{
	bool cancelled;

	tx->deadline = KTIME_MAX;
	spin_lock_irq(&tx->turn.lock);
	cancelled = cancel_delayed_work(&tx->timer);
	if (cancelled)
		WRITE_ONCE(tx->called, tx->called & ~KTM_TX_CALLED_TIMER);
	spin_unlock_irq(&tx->turn.lock);
	if (!cancelled)
		return;
	wake_up_all(&tx->turn);
	ktm_object_put(&tx->obj);
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

/* The work of ktm_transaction.timer. */
void ktm_tx_timer(struct work_struct *work)
{
	struct ktm_transaction *tx = container_of(work, struct ktm_transaction, timer.work);

	/*
	 * A vote may have it that waits for a hung device; many of those must not take all
	 * workers. Armed again meanwhile: that one will do.
	 */
	if (!mutex_trylock(&tx->lock)) {
		tx->timer_retry = clamp_t(unsigned long, 2 * tx->timer_retry, 1, TIMER_RETRY);
		if (!ktm_tx_come_back(tx, KTM_TX_CALLED_TIMER, ktm_slow_wq, &tx->timer,
				      tx->timer_retry))
			ktm_object_put(&tx->obj);
		return;
	}
	ktm_tx_came(tx, KTM_TX_CALLED_TIMER);
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
	ktm_tx_stop_timer(tx);
	tx->timeout_ns = ns;
	if (!ns)
		return;
	tx->deadline = ktime_add_safe(ktime_get(), min_t(u64, ns, KTIME_MAX));
	tx_arm_timer(tx);
}
