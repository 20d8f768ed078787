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
 * The kernel form of KTM_IOC_TX_CREATE. It is current's.
 *
 * Reference: ZwCreateTransaction()
 * Rights: KTM_TM_BIND_TRANSACTION on @tm
 * Holds: gives a use, to be put with ktm_transaction_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -EINVAL: @flags, @access, @mode or @description
 * * -EACCES: no such right on @tm
 * * -ENOTCONN: the TM is not online
 * * -EEXIST: the UOW is in use, or the log may still know it
 * * -EDQUOT: the user has as many objects as he may
 * * -ENOMEM: no memory
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
 * The kernel form of KTM_IOC_TX_OPEN. Owner and mode say what current may.
 *
 * Reference: ZwOpenTransaction()
 * Rights: none
 * Holds: gives a use, to be put with ktm_transaction_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -ENOENT: there is no transaction of that GUID
 * * -EINVAL: no rights, or unknown ones
 * * -EACCES: owner and mode do not grant current what it wants
 * * -ENOMEM: no memory
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
 * The kernel form of naming one by its handle. The descriptor may be closed. A use with
 * KTM_TX_COMMIT keeps the transaction from being rolled back when the client's descriptors are
 * closed, so a participant should not ask for that.
 *
 * Reference: ObReferenceObjectByHandle()
 * Rights: those of the descriptor
 * Holds: gives a use, to be put with ktm_transaction_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -EINVAL: no rights, or unknown ones
 * * -EBADF: current has no such descriptor
 * * -EBADFD: the descriptor is not that of a transaction
 * * -EACCES: the descriptor lacks some of @rights
 * * -ENOMEM: no memory
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
 * The kernel form of KTM_IOC_NARROW.
 *
 * Reference: ObOpenObjectByPointer()
 * Rights: @access, which may be any
 * Holds: gives a descriptor, O_CLOEXEC, which is current's to close
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: the descriptor, or:
 *
 * * -EINVAL: no rights, or unknown ones
 * * -EACCES: the use lacks some of @access
 * * -EMFILE: current, or the machine, can have no more descriptors
 * * -ENOMEM: no memory
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
 * which nobody has called Commit is rolled back. Nobody may be in a call with it.
 *
 * Reference: ZwClose(), ObDereferenceObject()
 * Rights: none
 * Holds: takes that of the use
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep, also behind an answer of somebody that waits for the device;
 * from a callback, too.
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
 * The kernel form of KTM_IOC_COMMIT. With KTM_CALL_WAIT this thread may run callbacks of drivers'
 * RMs, see ktm_rm_callback.
 *
 * Reference: ZwCommitTransaction()
 * Rights: KTM_TX_COMMIT
 * Holds: takes none, gives none
 * Locks: with KTM_CALL_WAIT none that a callback of an RM that takes part wants
 *
 * Context: Process context; sleeps, also while all is frozen, and with KTM_CALL_WAIT for RMs and
 * the device; a signal ends the wait, not the commit; from a callback, too, but with KTM_CALL_WAIT
 * not of an RM that takes part: that would wait for itself.
 *
 * Return: 0: committed, or, without KTM_CALL_WAIT (PENDING), begun; or:
 *
 * * -EACCES: no such right
 * * -EINVAL: @flags
 * * -ECANCELED: it was rolled back, now (ROLLED_BACK) or before
 * * -EALREADY: it is committed
 * * -EPROTO: somebody has called Commit
 * * -EBUSY: a superior decides
 * * -ENOTRECOVERABLE: in doubt: who knows the outcome is away
 * * -EINTR: a signal ended the wait, not the commit; while all is frozen nothing has begun
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
 * The kernel form of KTM_IOC_ROLLBACK.
 *
 * Reference: ZwRollbackTransaction()
 * Rights: KTM_TX_ROLLBACK
 * Holds: takes none, gives none
 * Locks: with KTM_CALL_WAIT none that a callback of an RM that takes part wants
 *
 * Context: Process context; sleeps, with KTM_CALL_WAIT also for RMs; a signal ends the wait, not
 * the rollback; from a callback, too, but with KTM_CALL_WAIT not of an RM that takes part: that
 * would wait for itself.
 *
 * Return: 0: rolled back, or, without KTM_CALL_WAIT (PENDING), begun; or:
 *
 * * -EACCES: no such right
 * * -EINVAL: @flags
 * * -EALREADY: it is committed
 * * -EPROTO: Commit was called, only the superior decides, or it was rolled back before
 * * -EINTR: a signal ended the wait, not the rollback
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
 * The kernel form of KTM_IOC_TX_WAIT. Starts nothing.
 *
 * Reference: none, as waiting for its handle
 * Rights: KTM_TX_QUERY_INFORMATION
 * Holds: takes none, gives none
 * Locks: none that a callback of an RM that takes part wants
 *
 * Context: Process context; sleeps; a signal ends that; from a callback, too, but not of an RM that
 * takes part: that would wait for itself.
 *
 * Return: 0: it is known, and every RM that is there has finished; or:
 *
 * * -EACCES: no such right
 * * -ETIMEDOUT: not yet
 * * -ENOTRECOVERABLE: in doubt: who knows the outcome is away
 * * -EINTR: a signal ended the wait
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
 * The kernel form of KTM_IOC_QUERY.
 *
 * Reference: ZwQueryInformationTransaction()
 * Rights: KTM_TX_QUERY_INFORMATION
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EINVAL: no class of a transaction
 * * -EMSGSIZE: @buffer is too small, @length says what is needed
 * * -ENOENT: KTM_INFO_TX_SUPERIOR: it has none
 * * -ENOMEM: no memory
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
 * The kernel form of KTM_IOC_SET.
 *
 * Reference: ZwSetInformationTransaction()
 * Rights: KTM_TX_SET_INFORMATION
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EINVAL: no class that can be set, or what is said makes no sense
 * * -EMSGSIZE: @length is not that of the struct
 * * -ESTALE: Commit or a rollback has begun
 * * -ENOMEM: no memory
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
 * Reference: TmGetTransactionId()
 * Rights: none
 * Holds: takes none, gives none
 * Locks: any of the caller, spinlocks, too
 *
 * Context: Process context; does not sleep; from a callback, too.
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
 * It may be over a moment later.
 *
 * Reference: TmIsTransactionActive()
 * Rights: none
 * Holds: takes none, gives none
 * Locks: any of the caller, spinlocks, too
 *
 * Context: Process context; does not sleep; from a callback, too.
 *
 * Return: whether neither Commit nor a rollback has begun.
 */
bool ktm_transaction_is_active(const struct ktm_transaction_use *tx)
{
	return READ_ONCE(ktm_tx_of(tx->handle.obj)->core.state) == KTM_TX_STATE_ACTIVE;
}
EXPORT_SYMBOL_GPL(ktm_transaction_is_active);
