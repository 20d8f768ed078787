// SPDX-License-Identifier: GPL-2.0
/*
 * Commit, Rollback and the wait for an outcome.
 */
#include <linux/hrtimer.h>

#include "freeze.h"
#include "ktm.h"
#include "status.h"
#include "transaction_private.h"

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
