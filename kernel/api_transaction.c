// SPDX-License-Identifier: GPL-2.0
/*
 * What drivers call: transactions, from <linux/ktm.h>.
 */
#include <linux/err.h>
#include <linux/module.h>

#include "transaction.h"
#include "use.h"

static struct ktm_transaction_use *tx_made(u32 ret, struct ktm_new_fd *nfd, u32 *status)
{
	return container_of(ktm_use_made(ret, nfd, status), struct ktm_transaction_use, handle);
}

/**
 * ktm_transaction_create - begin a transaction
 * @tm: the TM that it belongs to, a use with KTM_TM_BIND_TRANSACTION, or NULL: that of its first
 *	enlistment
 * @flags: KTM_TX_DO_NOT_PROMOTE or 0
 * @access: KTM_TX_*, what the caller may do with what is returned
 * @mode: who may open it, as a file's mode; 0 means 0600
 * @timeout_ns: nanoseconds after which it is rolled back, 0: never
 * @description: text for administrators, at most KTM_MAX_DESCRIPTION bytes and a NUL, or NULL
 * @uow: in: the wanted GUID or nil; out: the transaction's; may be NULL
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_TX_CREATE (ZwCreateTransaction()). It is current's. May sleep.
 *
 * Return: a use of it, for ktm_transaction_put(), or an ERR_PTR: -EINVAL: an argument; -EACCES: no
 * such right on @tm; -ENOTCONN: the TM is not online; -EEXIST: the UOW is in use, or the log may
 * still know it; -EDQUOT: the user's quota; -ENOMEM.
 */
struct ktm_transaction_use *ktm_transaction_create(struct ktm_tm_use *tm, u32 flags, u32 access,
						   u32 mode, u64 timeout_ns,
						   const char *description, struct ktm_guid *uow,
						   u32 *status)
{
	struct ktm_tx_create arg = {
		.flags = flags,
		.access = access,
		.mode = mode,
		.timeout_ns = timeout_ns,
		.description_length = ktm_text_length(description, KTM_MAX_DESCRIPTION),
	};
	struct ktm_new_fd nfd = KTM_NEW_USE;
	u32 ret;

	if (arg.description_length)
		arg.description = (uintptr_t)description;
	if (uow)
		arg.uow = *uow;
	ret = ktm_tx_create(&arg, tm ? &tm->handle : NULL, &nfd);
	if (!ret && uow)
		*uow = arg.uow;
	return tx_made(ret, &nfd, status);
}
EXPORT_SYMBOL_GPL(ktm_transaction_create);

/**
 * ktm_transaction_open - open a transaction by its GUID
 * @uow: its GUID
 * @access: wanted rights, KTM_TX_*, or KTM_MAXIMUM_ALLOWED
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_TX_OPEN (ZwOpenTransaction()). Owner and mode say what current may.
 * May sleep.
 *
 * Return: a use of it, for ktm_transaction_put(), or an ERR_PTR: -ENOENT: there is none; -EINVAL:
 * no rights, or unknown ones; -EACCES: current may not; -ENOMEM.
 */
struct ktm_transaction_use *ktm_transaction_open(const struct ktm_guid *uow, u32 access,
						 u32 *status)
{
	struct ktm_open arg = { .guid = *uow, .access = access };
	struct ktm_new_fd nfd = KTM_NEW_USE;

	return tx_made(ktm_handle_open(KTM_KIND_TX, NULL, 0, &arg, &nfd), &nfd, status);
}
EXPORT_SYMBOL_GPL(ktm_transaction_open);

/**
 * ktm_transaction_get_from_fd - a use of the transaction behind a descriptor
 * @fd: a descriptor of current's
 * @rights: KTM_TX_*: the descriptor must carry all of them, and the use has no others
 * @status: out: enum ktm_status, or NULL
 *
 * As ktm_tm_get_from_fd(). One with KTM_TX_COMMIT keeps the transaction from being rolled back when
 * the client's descriptors are closed, so a participant should not ask for that.
 *
 * Return: the use, for ktm_transaction_put(), or an ERR_PTR, see there.
 */
struct ktm_transaction_use *ktm_transaction_get_from_fd(int fd, u32 rights, u32 *status)
{
	return container_of(ktm_use_get_from_fd(fd, KTM_KIND_TX, rights, _RET_IP_, status),
			    struct ktm_transaction_use, handle);
}
EXPORT_SYMBOL_GPL(ktm_transaction_get_from_fd);

/**
 * ktm_transaction_to_fd - a descriptor of the transaction of a use
 * @tx: a use
 * @access: KTM_TX_*, rights of the descriptor, all of which the use has
 * @status: out: enum ktm_status, or NULL
 *
 * As ktm_tm_to_fd().
 *
 * Return: the descriptor or a negative errno, see there.
 */
int ktm_transaction_to_fd(struct ktm_transaction_use *tx, u32 access, u32 *status)
{
	return ktm_use_to_fd(&tx->handle, access, status);
}
EXPORT_SYMBOL_GPL(ktm_transaction_to_fd);

/**
 * ktm_transaction_put - the caller does not use a transaction any more
 * @tx: what a function above returned
 *
 * The kernel form of closing its descriptor: with the last one that may commit, a transaction for
 * which nobody has called Commit is rolled back. Nobody may be in a call with it. Process context;
 * may sleep; does not wait for the device.
 */
void ktm_transaction_put(struct ktm_transaction_use *tx)
{
	ktm_use_put(&tx->handle);
}
EXPORT_SYMBOL_GPL(ktm_transaction_put);

/**
 * ktm_transaction_commit - commit a transaction
 * @tx: a use with KTM_TX_COMMIT
 * @flags: KTM_CALL_WAIT: until every RM has finished; or 0
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_COMMIT (ZwCommitTransaction()). Sleeps, also while all is frozen, and
 * with KTM_CALL_WAIT for RMs and the device; a signal ends the wait, not the commit. With
 * KTM_CALL_WAIT not from a callback of an RM that takes part: that would wait for itself.
 *
 * Return: 0: committed, or, without KTM_CALL_WAIT (PENDING), begun; or: -EACCES: no such right;
 * -EINVAL: @flags; -ECANCELED: it was rolled back, now (ROLLED_BACK) or before; -EALREADY: it is
 * committed; -EPROTO: somebody has called Commit; -EBUSY: a superior decides; -ENOTRECOVERABLE: in
 * doubt; -EINTR: a signal.
 */
int ktm_transaction_commit(struct ktm_transaction_use *tx, u32 flags, u32 *status)
{
	const struct ktm_call arg = { .flags = flags };

	return ktm_tell(ktm_tx_commit(&tx->handle, &arg), status);
}
EXPORT_SYMBOL_GPL(ktm_transaction_commit);

/**
 * ktm_transaction_rollback - roll a transaction back
 * @tx: a use with KTM_TX_ROLLBACK
 * @flags: KTM_CALL_WAIT: until every RM has finished; or 0
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_ROLLBACK (ZwRollbackTransaction()). Sleeps, and with KTM_CALL_WAIT for
 * RMs, as ktm_transaction_commit().
 *
 * Return: 0: rolled back, or, without KTM_CALL_WAIT (PENDING), begun; or: -EACCES: no such right;
 * -EINVAL: @flags; -EALREADY: it is committed; -EPROTO: Commit was called, or it was rolled back
 * before; -EINTR: a signal.
 */
int ktm_transaction_rollback(struct ktm_transaction_use *tx, u32 flags, u32 *status)
{
	const struct ktm_call arg = { .flags = flags };

	return ktm_tell(ktm_tx_rollback(&tx->handle, &arg), status);
}
EXPORT_SYMBOL_GPL(ktm_transaction_rollback);

/**
 * ktm_transaction_wait - wait for the end of a transaction
 * @tx: a use with KTM_TX_QUERY_INFORMATION
 * @timeout_ns: nanoseconds to wait at most; 0: do not; all ones: for ever
 * @outcome: out: enum ktm_tx_outcome, as far as it is known; may be NULL
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_TX_WAIT. Starts nothing. Sleeps; a signal ends that.
 *
 * Return: 0: it is known, and every RM that is there has finished; or: -EACCES: no such right;
 * -ETIMEDOUT; -ENOTRECOVERABLE: in doubt; -EINTR: a signal.
 */
int ktm_transaction_wait(struct ktm_transaction_use *tx, u64 timeout_ns, u32 *outcome,
			 u32 *status)
{
	struct ktm_tx_wait arg = { .timeout_ns = timeout_ns };
	u32 ret = ktm_tx_wait(&tx->handle, &arg);

	if (outcome)
		*outcome = arg.outcome ? arg.outcome : KTM_OUTCOME_UNDETERMINED;
	return ktm_tell(ret, status);
}
EXPORT_SYMBOL_GPL(ktm_transaction_wait);

/**
 * ktm_transaction_query - ask a transaction about itself
 * @tx: a use with KTM_TX_QUERY_INFORMATION
 * @info_class: KTM_INFO_TX_*
 * @buffer: out: the answer, as struct ktm_query says
 * @length: in: bytes at @buffer; out: bytes of the whole answer
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_QUERY (ZwQueryInformationTransaction()). May sleep.
 *
 * Return: 0, or: -EACCES: no such right; -EINVAL: no such class; -EMSGSIZE: @buffer is too small,
 * @length says what is needed; -ENOENT: KTM_INFO_TX_SUPERIOR: it has none; -ENOMEM.
 */
int ktm_transaction_query(struct ktm_transaction_use *tx, u32 info_class, void *buffer,
			  u32 *length, u32 *status)
{
	return ktm_use_query(&tx->handle, info_class, NULL, buffer, length, status);
}
EXPORT_SYMBOL_GPL(ktm_transaction_query);

/**
 * ktm_transaction_set - change time-out, isolation or description of a transaction
 * @tx: a use with KTM_TX_SET_INFORMATION
 * @info_class: KTM_INFO_TX_PROPERTIES
 * @buffer: a struct ktm_tx_properties
 * @length: bytes of it
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_SET (ZwSetInformationTransaction()). May sleep.
 *
 * Return: 0, or: -EACCES: no such right; -EINVAL: no such class, or what is said makes no sense;
 * -EMSGSIZE: @length; -ESTALE: Commit or a rollback has begun; -ENOMEM.
 */
int ktm_transaction_set(struct ktm_transaction_use *tx, u32 info_class, const void *buffer,
			u32 length, u32 *status)
{
	return ktm_use_set(&tx->handle, info_class, NULL, buffer, length, status);
}
EXPORT_SYMBOL_GPL(ktm_transaction_set);

/**
 * ktm_transaction_id - the GUID of a transaction
 * @tx: a use
 *
 * TmGetTransactionId() in the reference. Needs no right; does not sleep.
 *
 * Return: its UOW.
 */
struct ktm_guid ktm_transaction_id(const struct ktm_transaction_use *tx)
{
	return tx->handle.obj->guid;
}
EXPORT_SYMBOL_GPL(ktm_transaction_id);

/**
 * ktm_transaction_is_active - does a transaction still take work?
 * @tx: a use
 *
 * TmIsTransactionActive() in the reference. It may be over a moment later. Needs no right; does not
 * sleep.
 *
 * Return: whether neither Commit nor a rollback has begun.
 */
bool ktm_transaction_is_active(const struct ktm_transaction_use *tx)
{
	return READ_ONCE(ktm_tx_of(tx->handle.obj)->core.state) == KTM_TX_STATE_ACTIVE;
}
EXPORT_SYMBOL_GPL(ktm_transaction_is_active);
