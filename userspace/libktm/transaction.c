// SPDX-License-Identifier: LGPL-2.1-or-later
/* Transactions: begin, commit, roll back, wait. */
#include "internal.h"

KTM_EXPORT int ktm_tx_create_with(int ktm, struct ktm_tx_create *arg, uint32_t *status)
{
	int ret;

	arg->size = sizeof(*arg);
	arg->status = 0;
	ret = ktm_call(ktm, KTM_IOC_TX_CREATE, arg, status);
	return ret ? ret : arg->fd;
}

KTM_EXPORT int ktm_tx_create(int ktm, int tm, uint32_t flags, uint32_t access, uint32_t mode,
			     uint64_t timeout_ns, const char *description, struct ktm_guid *uow,
			     uint32_t *status)
{
	struct ktm_tx_create arg = {
		.flags = flags,
		.access = access,
		.mode = mode,
		.tm_fd = tm,
		.uow = ktm_guid_or_nil(uow),
		.timeout_ns = timeout_ns,
		.description = ktm_description_pointer(description),
		.description_length = ktm_description_length(description),
	};
	int fd = ktm_tx_create_with(ktm, &arg, status);

	if (fd >= 0 && uow)
		*uow = arg.uow;
	return fd;
}

KTM_EXPORT int ktm_tx_begin(int ktm, int tm, const char *description, struct ktm_guid *uow,
			    uint32_t *status)
{
	struct ktm_guid drawn = { 0 };
	int fd = ktm_tx_create(ktm, tm, 0, KTM_TX_ALL_ACCESS, 0, 0, description, &drawn, status);

	if (fd >= 0 && uow)
		*uow = drawn;
	return fd;
}

KTM_EXPORT int ktm_tx_open(int ktm, const struct ktm_guid *uow, uint32_t flags, uint32_t access,
			   uint32_t *status)
{
	return ktm_open_by_guid(ktm, KTM_IOC_TX_OPEN, uow, flags, access, status);
}

static int wait_once(int tx, uint64_t timeout_ns, uint32_t *outcome, uint32_t *status)
{
	struct ktm_tx_wait arg = { .size = sizeof(arg), .timeout_ns = timeout_ns };
	int ret = ktm_call(tx, KTM_IOC_TX_WAIT, &arg, status);

	*outcome = arg.outcome;
	return ret;
}

KTM_EXPORT int ktm_tx_wait(int tx, uint32_t flags, uint64_t timeout_ns, uint32_t *outcome,
			   uint32_t *status)
{
	uint64_t begin = ktm_now_ns();
	uint32_t found;
	int ret;

	if (flags & ~KTM_WAIT_INTERRUPTIBLE)
		return ktm_fail(-EINVAL, KTM_STATUS_INVALID_PARAMETER, status);
	do {
		ret = wait_once(tx, ktm_remaining(begin, timeout_ns), &found, status);
	} while (ret == -EINTR && !(flags & KTM_WAIT_INTERRUPTIBLE));
	if (outcome)
		*outcome = found;
	return ret;
}

/*
 * A signal ended the wait inside a Commit or Rollback, which itself goes on.
 * A descriptor without the right to query cannot wait again: EINTR it is then.
 */
static int wait_on(int tx, uint32_t wanted, uint32_t *status)
{
	uint32_t outcome;
	int ret;

	do {
		ret = wait_once(tx, KTM_WAIT_FOREVER, &outcome, status);
	} while (ret == -EINTR);

	if (ret == -EACCES)
		return ktm_fail(-EINTR, KTM_STATUS_INTERRUPTED, status);
	if (ret || outcome == wanted)
		return ret;
	if (wanted == KTM_OUTCOME_COMMITTED)
		return ktm_fail(-ECANCELED, KTM_STATUS_ROLLED_BACK, status);
	return ktm_fail(-EALREADY, KTM_STATUS_ALREADY_COMMITTED, status);
}

static bool has_begun(uint32_t status)
{
	return status == KTM_STATUS_REQUEST_NOT_VALID || status == KTM_STATUS_ALREADY_COMMITTED ||
	       status == KTM_STATUS_ALREADY_ABORTED;
}

static int end_transaction(int tx, unsigned long request, uint32_t flags, uint32_t wanted,
			   uint32_t *status)
{
	struct ktm_call arg = { .size = sizeof(arg), .flags = flags & ~KTM_WAIT_INTERRUPTIBLE };
	bool again = false;
	uint32_t found;
	int ret;

	/*
	 * A freeze holds a commit up before it begins, and a signal ends that wait
	 * too: whether it has begun is told by a second call.
	 */
	do {
		arg.status = 0;
		ret = ktm_call(tx, request, &arg, &found);
		if (again && arg.flags & KTM_CALL_WAIT && has_begun(found))
			return wait_on(tx, wanted, status);
		again = true;
	} while (ret == -EINTR && !(flags & KTM_WAIT_INTERRUPTIBLE));
	if (status)
		*status = found;
	return ret;
}

KTM_EXPORT int ktm_tx_commit(int tx, uint32_t flags, uint32_t *status)
{
	return end_transaction(tx, KTM_IOC_COMMIT, flags, KTM_OUTCOME_COMMITTED, status);
}

KTM_EXPORT int ktm_tx_rollback(int tx, uint32_t flags, uint32_t *status)
{
	return end_transaction(tx, KTM_IOC_ROLLBACK, flags, KTM_OUTCOME_ABORTED, status);
}
