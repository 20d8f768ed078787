// SPDX-License-Identifier: GPL-2.0
/*
 * What drivers call: enlistments, from <linux/ktm.h>.
 */
#include <linux/err.h>
#include <linux/module.h>

#include "enlistment.h"
#include "use.h"

static u32 enlist(struct ktm_rm_use *rm, struct ktm_transaction_use *tx, struct ktm_enlist *arg,
		  struct ktm_guid *guid, struct ktm_new_fd *nfd)
{
	struct ktm_enlistment *en;
	u32 ret = ktm_enlist(&rm->handle, &tx->handle, arg, nfd, &en);

	if (ret)
		return ret;
	if (guid)
		*guid = arg->guid;
	ktm_object_put(&en->obj);
	return ret;
}

/**
 * ktm_enlistment_create - a resource manager takes part in a transaction
 * @rm: a use with KTM_RM_ENLIST
 * @tx: a use with KTM_TX_ENLIST
 * @flags: KTM_ENLIST_SUPERIOR or 0
 * @mask: KTM_NOTIFY_ bits, see struct ktm_enlist
 * @key: whatever the RM wants to find in its notifications
 * @access: KTM_EN_*, what the caller may do with what is returned
 * @mode: who may open it, as a file's mode; 0 means 0600
 * @guid: out: its GUID; may be NULL
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_ENLIST with KTM_ENLIST_FD.
 *
 * Reference: ZwCreateEnlistment()
 * Rights: KTM_RM_ENLIST on @rm and KTM_TX_ENLIST on @tx
 * Holds: gives a use, to be put with ktm_enlistment_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also while the log is being cleaned; a signal ends that; from a
 * callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -EINVAL: @flags, @mask, @mode or @access
 * * -EACCES: @rm or @tx lacks the right
 * * -ESTALE: phase 1, the single phase or a rollback has begun; for a superior phase 0
 * * -EBUSY: there is a superior
 * * -EOPNOTSUPP: a superior of a volatile RM of a TM with a log
 * * -EXDEV: the transaction belongs to another TM
 * * -EEXIST: the TM's log knows another transaction of that UOW
 * * -ENOTCONN: the TM is not online, or the RM has to recover
 * * -ENOSPC: the log is full
 * * -EDQUOT: who pays has as many objects, or as much of the log, as he may
 * * -ENOMEM: no memory
 * * -EINTR: a signal ended the wait for room in the log
 */
struct ktm_enlistment_use *ktm_enlistment_create(struct ktm_rm_use *rm,
						 struct ktm_transaction_use *tx, u32 flags,
						 u32 mask, u64 key, u32 access, u32 mode,
						 struct ktm_guid *guid, u32 *status)
{
	struct ktm_enlist arg = {
		.flags = flags,
		.mask = mask,
		.key = key,
		.access = access,
		.mode = mode,
	};
	struct ktm_new_fd nfd = KTM_NEW_USE;
	u32 ret = KTM_STATUS_INVALID_PARAMETER;

	/* That there is to be a use of it is said by calling this. */
	if (!(flags & KTM_ENLIST_FD)) {
		arg.flags |= KTM_ENLIST_FD;
		ret = enlist(rm, tx, &arg, guid, &nfd);
	}
	return container_of(ktm_use_made(ret, &nfd, status), struct ktm_enlistment_use, handle);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_create);

/**
 * ktm_rm_enlist - the same without a use: the enlistment belongs to its RM
 * @rm: a use with KTM_RM_ENLIST
 * @tx: a use with KTM_TX_ENLIST
 * @flags: KTM_ENLIST_SUPERIOR or 0
 * @mask: KTM_NOTIFY_ bits, see struct ktm_enlist
 * @key: whatever the RM wants to find in its notifications
 * @mode: who may open it, as a file's mode; 0 means 0600
 * @guid: out: its GUID; may be NULL
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_ENLIST without KTM_ENLIST_FD, for an RM that answers in its callback,
 * or by uses from ktm_enlistment_open(). Else as ktm_enlistment_create().
 *
 * Reference: ZwCreateEnlistment()
 * Rights: KTM_RM_ENLIST on @rm and KTM_TX_ENLIST on @tx
 * Holds: gives none: the enlistment belongs to its RM
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also while the log is being cleaned; a signal ends that; from a
 * callback, too.
 *
 * Return: 0, or:
 *
 * * -EINVAL: @flags, @mask, @mode
 * * -EACCES: @rm or @tx lacks the right
 * * -ESTALE: phase 1, the single phase or a rollback has begun; for a superior phase 0
 * * -EBUSY: there is a superior
 * * -EOPNOTSUPP: a superior of a volatile RM of a TM with a log
 * * -EXDEV: the transaction belongs to another TM
 * * -EEXIST: the TM's log knows another transaction of that UOW
 * * -ENOTCONN: the TM is not online, or the RM has to recover
 * * -ENOSPC: the log is full
 * * -EDQUOT: who pays has as many objects, or as much of the log, as he may
 * * -ENOMEM: no memory
 * * -EINTR: a signal ended the wait for room in the log
 */
int ktm_rm_enlist(struct ktm_rm_use *rm, struct ktm_transaction_use *tx, u32 flags, u32 mask,
		  u64 key, u32 mode, struct ktm_guid *guid, u32 *status)
{
	struct ktm_enlist arg = { .flags = flags, .mask = mask, .key = key, .mode = mode };
	struct ktm_new_fd nfd = KTM_NEW_USE;
	u32 ret = KTM_STATUS_INVALID_PARAMETER;

	if (!(flags & KTM_ENLIST_FD))
		ret = enlist(rm, tx, &arg, guid, &nfd);
	return ktm_tell(ret, status);
}
EXPORT_SYMBOL_GPL(ktm_rm_enlist);

/**
 * ktm_enlistment_open - open an enlistment by its GUID
 * @rm: a use with KTM_RM_ENLIST of its RM
 * @guid: its GUID
 * @access: wanted rights, KTM_EN_*, or KTM_MAXIMUM_ALLOWED
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_EN_OPEN. Owner and mode say what current may.
 *
 * Reference: ZwOpenEnlistment()
 * Rights: KTM_RM_ENLIST on @rm
 * Holds: gives a use, to be put with ktm_enlistment_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -ENOENT: the RM has no such enlistment
 * * -EINVAL: no rights, or unknown ones
 * * -EACCES: no such right on @rm, or owner and mode do not grant current what it wants
 * * -ENOMEM: no memory
 */
struct ktm_enlistment_use *ktm_enlistment_open(struct ktm_rm_use *rm, const struct ktm_guid *guid,
					       u32 access, u32 *status)
{
	struct ktm_open arg = { .guid = *guid, .access = access };
	struct ktm_new_fd nfd = KTM_NEW_USE;
	u32 ret = ktm_en_open(&rm->handle, &arg, &nfd);

	return container_of(ktm_use_made(ret, &nfd, status), struct ktm_enlistment_use, handle);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_open);

/**
 * ktm_enlistment_get_from_fd - a use of the enlistment behind a descriptor
 * @fd: a descriptor of current's
 * @rights: KTM_EN_*: the descriptor must carry all of them, and the use has no others
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of naming one by its handle. The descriptor may be closed.
 *
 * Reference: ObReferenceObjectByHandle()
 * Rights: those of the descriptor
 * Holds: gives a use, to be put with ktm_enlistment_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -EINVAL: no rights, or unknown ones
 * * -EBADF: current has no such descriptor
 * * -EBADFD: the descriptor is not that of an enlistment
 * * -EACCES: the descriptor lacks some of @rights
 * * -ENOMEM: no memory
 */
struct ktm_enlistment_use *ktm_enlistment_get_from_fd(int fd, u32 rights, u32 *status)
{
	return container_of(ktm_use_get_from_fd(fd, KTM_KIND_EN, rights, _RET_IP_, status),
			    struct ktm_enlistment_use, handle);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_get_from_fd);

/**
 * ktm_enlistment_to_fd - a descriptor of the enlistment of a use
 * @en: a use
 * @access: KTM_EN_*, rights of the descriptor, all of which the use has
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
int ktm_enlistment_to_fd(struct ktm_enlistment_use *en, u32 access, u32 *status)
{
	return ktm_use_to_fd(&en->handle, access, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_to_fd);

/**
 * ktm_enlistment_put - the caller does not use an enlistment any more
 * @en: what a function above returned
 *
 * The kernel form of closing its descriptor: with the last use and descriptor of one that was made
 * with ktm_enlistment_create() its transaction is rolled back, unless it has prepared. Nobody may
 * be in a call with it. What is lent to a callback is not put.
 *
 * Reference: ZwClose(), ObDereferenceObject()
 * Rights: none
 * Holds: takes that of the use
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep, also behind an answer of somebody that waits for the device;
 * from a callback, too.
 */
void ktm_enlistment_put(struct ktm_enlistment_use *en)
{
	ktm_use_put(&en->handle);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_put);

/* ---- answers ---- */

static int answer_with(struct ktm_enlistment_use *en, unsigned int cmd,
		       const struct ktm_answer *arg, const struct ktm_answer_stream *stream,
		       u32 *status)
{
	u32 ret = KTM_STATUS_ACCESS_DENIED;

	if (ktm_en_may_answer(&en->handle, cmd))
		ret = ktm_driver_answer(ktm_en_of(en->handle.obj), cmd, arg, stream);
	return ktm_tell(ret, status);
}

static int answer(struct ktm_enlistment_use *en, unsigned int cmd, u64 clock, u32 *status)
{
	const struct ktm_answer arg = { .virtual_clock = clock };

	return answer_with(en, cmd, &arg, NULL, status);
}

/**
 * ktm_enlistment_preprepare_complete - phase 0 is over for it
 * @en: a use with KTM_EN_SUBORDINATE_RIGHTS
 * @clock: 0, or what the TM's virtual clock is at least
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_PREPREPARE_COMPLETE.
 *
 * Reference: TmPrePrepareComplete(), ZwPrePrepareComplete()
 * Rights: KTM_EN_SUBORDINATE_RIGHTS
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EINVAL: @clock is beyond what a clock can be
 * * -ENOMSG: nobody has asked for it
 * * -ENOTCONN: the TM is not online, or was reopened and the RM has to recover
 * * -ESTALE: the TM was reopened, and knows the enlistment as another object
 */
int ktm_enlistment_preprepare_complete(struct ktm_enlistment_use *en, u64 clock, u32 *status)
{
	return answer(en, KTM_IOC_PREPREPARE_COMPLETE, clock, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_preprepare_complete);

/**
 * ktm_enlistment_prepare_complete - it votes yes: all that is needed to commit is safe
 * @en: a use with KTM_EN_SUBORDINATE_RIGHTS
 * @information: of a durable one: what is logged with the vote, and given back after a crash;
 *	replaces what ktm_enlistment_set() gave; or NULL
 * @length: bytes of it, at most KTM_MAX_RECOVERY_INFORMATION
 * @stream: what it brings for a log stream, or NULL
 * @clock: 0, or what the TM's virtual clock is at least
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_PREPARE_COMPLETE.
 *
 * Reference: TmPrepareComplete(), ZwPrepareComplete()
 * Rights: KTM_EN_SUBORDINATE_RIGHTS, and KTM_STREAM_APPEND on @stream
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also while the log is being cleaned; a signal ends that; from a
 * callback, too.
 *
 * Return: 0, or, and it has not voted:
 *
 * * -EACCES: no such right, on @stream either
 * * -EINVAL: an argument
 * * -ENOMSG: nobody has asked for it
 * * -ENOSPC: LOG_FULL or STREAM_FULL: no room for what it brings
 * * -EDQUOT: who pays has as much of the log as he may
 * * -EXDEV: the stream is another TM's
 * * -ENOENT: the stream was deleted
 * * -ENOTCONN: the TM is not online, or was reopened and the RM has to recover
 * * -ESTALE: the TM was reopened: the enlistment is another object, or the stream was not looked at
 * * -ENOMEM: no memory
 * * -EINTR: a signal ended the wait for room in the log
 */
int ktm_enlistment_prepare_complete(struct ktm_enlistment_use *en, const void *information,
				    u32 length, const struct ktm_answer_stream *stream, u64 clock,
				    u32 *status)
{
	const struct ktm_answer arg = {
		.information = (uintptr_t)information,
		.information_length = length,
		.virtual_clock = clock,
	};

	return answer_with(en, KTM_IOC_PREPARE_COMPLETE, &arg, stream, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_prepare_complete);

/**
 * ktm_enlistment_commit_complete - it has committed
 * @en: a use with KTM_EN_SUBORDINATE_RIGHTS
 * @stream: what it brings for a log stream, or NULL
 * @clock: 0, or what the TM's virtual clock is at least
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_COMMIT_COMPLETE, also of the single phase. Waits for memory rather
 * than fail for want of it.
 *
 * Reference: TmCommitComplete(), ZwCommitComplete()
 * Rights: KTM_EN_SUBORDINATE_RIGHTS, and KTM_STREAM_APPEND on @stream
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also while the log is being cleaned, and for the device if a
 * record is brought for the answer to the single phase; a signal ends that; from a callback, too.
 *
 * Return: 0, or, and it has not answered:
 *
 * * -EACCES: no such right, on @stream either
 * * -EINVAL: an argument
 * * -ENOMSG: nobody has asked for it
 * * -ENOSPC: LOG_FULL or STREAM_FULL: no room for what it brings
 * * -EXDEV: the stream is another TM's
 * * -ENOENT: the stream was deleted
 * * -ENOTCONN: the TM is not online, or was reopened and the RM has to recover
 * * -ESTALE: the TM was reopened: the enlistment is another object, or the stream was not looked at
 * * -EIO: the single phase: the log failed, and the record may be there
 * * -EINTR: a signal ended the wait for room in the log, or for the record
 */
int ktm_enlistment_commit_complete(struct ktm_enlistment_use *en,
				   const struct ktm_answer_stream *stream, u64 clock, u32 *status)
{
	const struct ktm_answer arg = { .virtual_clock = clock };

	return answer_with(en, KTM_IOC_COMMIT_COMPLETE, &arg, stream, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_commit_complete);

/**
 * ktm_enlistment_rollback_complete - it has rolled back
 * @en: a use with KTM_EN_SUBORDINATE_RIGHTS
 * @stream: what it brings for a log stream, or NULL
 * @clock: 0, or what the TM's virtual clock is at least
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_ROLLBACK_COMPLETE. Waits for memory rather than fail for want of it.
 *
 * Reference: TmRollbackComplete(), ZwRollbackComplete()
 * Rights: KTM_EN_SUBORDINATE_RIGHTS, and KTM_STREAM_APPEND on @stream
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also while the log is being cleaned; a signal ends that; from a
 * callback, too.
 *
 * Return: 0, or, and it has not answered:
 *
 * * -EACCES: no such right, on @stream either
 * * -EINVAL: an argument
 * * -ENOMSG: nobody has asked for it
 * * -ENOSPC: LOG_FULL or STREAM_FULL: no room for what it brings
 * * -EXDEV: the stream is another TM's
 * * -ENOENT: the stream was deleted
 * * -ENOTCONN: the TM is not online, or was reopened and the RM has to recover
 * * -ESTALE: the TM was reopened: the enlistment is another object, or the stream was not looked at
 * * -EINTR: a signal ended the wait for room in the log
 */
int ktm_enlistment_rollback_complete(struct ktm_enlistment_use *en,
				     const struct ktm_answer_stream *stream, u64 clock,
				     u32 *status)
{
	const struct ktm_answer arg = { .virtual_clock = clock };

	return answer_with(en, KTM_IOC_ROLLBACK_COMPLETE, &arg, stream, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_rollback_complete);

/**
 * ktm_enlistment_read_only - it leaves the transaction and hears no more of it
 * @en: a use with KTM_EN_SUBORDINATE_RIGHTS
 * @clock: 0, or what the TM's virtual clock is at least
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_READ_ONLY, until it has voted.
 *
 * Reference: TmReadOnlyEnlistment(), ZwReadOnlyEnlistment()
 * Rights: KTM_EN_SUBORDINATE_RIGHTS
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EINVAL: @clock is beyond what a clock can be
 * * -ENOMSG: it has voted, was sent SINGLE_PHASE_COMMIT, is a superior, or the transaction has
 *   ended
 * * -ENOTCONN: the TM is not online, or was reopened and the RM has to recover
 * * -ESTALE: the TM was reopened, and knows the enlistment as another object
 */
int ktm_enlistment_read_only(struct ktm_enlistment_use *en, u64 clock, u32 *status)
{
	return answer(en, KTM_IOC_READ_ONLY, clock, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_read_only);

/**
 * ktm_enlistment_single_phase_reject - in two phases, please
 * @en: a use with KTM_EN_SUBORDINATE_RIGHTS
 * @clock: 0, or what the TM's virtual clock is at least
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_SINGLE_PHASE_REJECT.
 *
 * Reference: TmSinglePhaseReject(), ZwSinglePhaseReject()
 * Rights: KTM_EN_SUBORDINATE_RIGHTS
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also while the log is being cleaned; a signal ends that; from a
 * callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EINVAL: @clock is beyond what a clock can be
 * * -ENOMSG: nobody has asked for the single phase
 * * -ENOSPC: the TM was reopened, and its log has no room for two phases
 * * -EDQUOT: the TM was reopened, and who pays has as much of the log as he may
 * * -ENOTCONN: the TM is not online, or was reopened and the RM has to recover
 * * -ESTALE: the TM was reopened, and knows the enlistment as another object
 * * -EINTR: a signal ended the wait for room in the log
 */
int ktm_enlistment_single_phase_reject(struct ktm_enlistment_use *en, u64 clock, u32 *status)
{
	return answer(en, KTM_IOC_SINGLE_PHASE_REJECT, clock, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_single_phase_reject);

/**
 * ktm_enlistment_rollback - roll its transaction back
 * @en: a use with KTM_EN_SUBORDINATE_RIGHTS, also of a superior
 * @clock: 0, or what the TM's virtual clock is at least
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_EN_ROLLBACK: a participant until it has voted, a superior until it has
 * decided.
 *
 * Reference: TmRollbackEnlistment(), ZwRollbackEnlistment()
 * Rights: KTM_EN_SUBORDINATE_RIGHTS, also of a superior
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EINVAL: @clock is beyond what a clock can be
 * * -EPROTO: it has voted, a superior: decided, or the transaction has ended
 * * -ENOTCONN: the TM is not online, or was reopened and the RM has to recover
 * * -ESTALE: the TM was reopened, and knows the enlistment as another object
 */
int ktm_enlistment_rollback(struct ktm_enlistment_use *en, u64 clock, u32 *status)
{
	return answer(en, KTM_IOC_EN_ROLLBACK, clock, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_rollback);

/**
 * ktm_enlistment_request_outcome - one that has prepared wants to know
 * @en: a use with KTM_EN_SUBORDINATE_RIGHTS
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_REQUEST_OUTCOME: rolls back if another has not prepared, else asks the
 * superior.
 *
 * Reference: TmRequestOutcomeEnlistment()
 * Rights: KTM_EN_SUBORDINATE_RIGHTS
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EPROTO: it has not prepared, or is a superior
 * * -ENOTCONN: the TM is not online, or was reopened and the RM has to recover
 * * -ESTALE: the TM was reopened, and knows the enlistment as another object
 */
int ktm_enlistment_request_outcome(struct ktm_enlistment_use *en, u32 *status)
{
	return answer(en, KTM_IOC_REQUEST_OUTCOME, 0, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_request_outcome);

/**
 * ktm_enlistment_recover - it answers RECOVER
 * @en: a use with KTM_EN_RECOVER
 * @key: what it is called from now on
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_EN_RECOVER: COMMIT, ROLLBACK or INDOUBT follows.
 *
 * Reference: TmRecoverEnlistment(), ZwRecoverEnlistment()
 * Rights: KTM_EN_RECOVER
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also while all is frozen; a signal ends that; from a callback,
 * too.
 *
 * Return: 0 (PENDING), or:
 *
 * * -EACCES: no such right
 * * -EPROTO: it takes part, nobody has asked
 * * -ENOTCONN: the TM is not online, or was reopened and the RM has to recover
 * * -ESTALE: the TM was reopened, and knows the enlistment as another object
 * * -EINTR: a signal ended the wait while all is frozen
 */
int ktm_enlistment_recover(struct ktm_enlistment_use *en, u64 key, u32 *status)
{
	const struct ktm_answer arg = { .key = key };

	return answer_with(en, KTM_IOC_EN_RECOVER, &arg, NULL, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_recover);

/* ---- what a superior does ---- */

/**
 * ktm_enlistment_preprepare - a superior begins phase 0
 * @en: a use with KTM_EN_SUPERIOR_RIGHTS of a superior
 * @clock: 0, or what the TM's virtual clock is at least
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_EN_PREPREPARE. PREPREPARE_COMPLETE follows.
 *
 * Reference: TmPrePrepareEnlistment(), ZwPrePrepareEnlistment()
 * Rights: KTM_EN_SUPERIOR_RIGHTS
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also while all is frozen; a signal ends that; from a callback,
 * too.
 *
 * Return: 0 (PENDING), or:
 *
 * * -EACCES: no such right
 * * -EINVAL: @clock is beyond what a clock can be
 * * -EPERM: it is no superior
 * * -ENOPROTOOPT: it has not registered for the notification that follows
 * * -EPROTO: the commit has begun, or the transaction has ended
 * * -ENOTCONN: the TM is not online, or was reopened and the RM has to recover
 * * -ESTALE: the TM was reopened, and knows the enlistment as another object
 * * -EINTR: a signal ended the wait while all is frozen
 */
int ktm_enlistment_preprepare(struct ktm_enlistment_use *en, u64 clock, u32 *status)
{
	return answer(en, KTM_IOC_EN_PREPREPARE, clock, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_preprepare);

/**
 * ktm_enlistment_prepare - a superior begins phase 1
 * @en: a use with KTM_EN_SUPERIOR_RIGHTS of a superior
 * @clock: 0, or what the TM's virtual clock is at least
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_EN_PREPARE. PREPARE_COMPLETE follows, or ROLLBACK.
 *
 * Reference: TmPrepareEnlistment(), ZwPrepareEnlistment()
 * Rights: KTM_EN_SUPERIOR_RIGHTS
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also while all is frozen; a signal ends that; from a callback,
 * too.
 *
 * Return: 0 (PENDING), or:
 *
 * * -EACCES: no such right
 * * -EINVAL: @clock is beyond what a clock can be
 * * -EPERM: it is no superior
 * * -ENOPROTOOPT: it has not registered for the notification that follows
 * * -EPROTO: phase 0 is not over, phase 1 has begun, or the transaction has ended
 * * -ENOTCONN: the TM is not online, or was reopened and the RM has to recover
 * * -ESTALE: the TM was reopened, and knows the enlistment as another object
 * * -EINTR: a signal ended the wait while all is frozen
 */
int ktm_enlistment_prepare(struct ktm_enlistment_use *en, u64 clock, u32 *status)
{
	return answer(en, KTM_IOC_EN_PREPARE, clock, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_prepare);

/**
 * ktm_enlistment_commit - a superior decides to commit
 * @en: a use with KTM_EN_SUPERIOR_RIGHTS of a superior
 * @clock: 0, or what the TM's virtual clock is at least
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_EN_COMMIT. COMMIT_COMPLETE follows.
 *
 * Reference: TmCommitEnlistment(), ZwCommitEnlistment()
 * Rights: KTM_EN_SUPERIOR_RIGHTS
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also while all is frozen; a signal ends that; from a callback,
 * too.
 *
 * Return: 0 (PENDING), or:
 *
 * * -EACCES: no such right
 * * -EINVAL: @clock is beyond what a clock can be
 * * -EPERM: it is no superior
 * * -ENOPROTOOPT: it has not registered for the notification that follows
 * * -EPROTO: not all have prepared
 * * -ECANCELED: it is rolled back
 * * -ENOTCONN: the TM is not online, or was reopened and the RM has to recover
 * * -ESTALE: it has decided to commit, or the TM was reopened, and knows the enlistment as another
 *   object
 * * -EINTR: a signal ended the wait while all is frozen
 */
int ktm_enlistment_commit(struct ktm_enlistment_use *en, u64 clock, u32 *status)
{
	return answer(en, KTM_IOC_EN_COMMIT, clock, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_commit);

/* ---- what it knows ---- */

/**
 * ktm_enlistment_query - ask an enlistment about itself
 * @en: a use with KTM_EN_QUERY_INFORMATION
 * @info_class: KTM_INFO_EN_*
 * @buffer: out: the answer, as struct ktm_query says
 * @length: in: bytes at @buffer; out: bytes of the whole answer
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_QUERY.
 *
 * Reference: ZwQueryInformationEnlistment()
 * Rights: KTM_EN_QUERY_INFORMATION
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EINVAL: no class of an enlistment
 * * -EMSGSIZE: @buffer is too small, @length says what is needed
 * * -ENOMEM: no memory
 */
int ktm_enlistment_query(struct ktm_enlistment_use *en, u32 info_class, void *buffer, u32 *length,
			 u32 *status)
{
	return ktm_use_query(&en->handle, info_class, NULL, buffer, length, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_query);

/**
 * ktm_enlistment_set - what is logged with its vote, and given back after a crash
 * @en: a use with KTM_EN_SET_INFORMATION
 * @info_class: KTM_INFO_EN_RECOVERY
 * @buffer: the information; each replaces the last
 * @length: bytes of it, at most KTM_MAX_RECOVERY_INFORMATION
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_SET.
 *
 * Reference: ZwSetInformationEnlistment()
 * Rights: KTM_EN_SET_INFORMATION
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps; of a superior also while the log is being cleaned, and a signal
 * ends that; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EINVAL: no class that can be set, or no buffer
 * * -EMSGSIZE: @length is more than KTM_MAX_RECOVERY_INFORMATION
 * * -EPROTO: it has voted, or is over
 * * -ESTALE: the TM was reopened, and knows the enlistment as another object
 * * -ENOSPC: a superior: the log is full
 * * -EDQUOT: a superior: who pays has as much of the log as he may
 * * -ENOTCONN: a superior: the TM's log has failed
 * * -ENOMEM: no memory
 * * -EINTR: a superior: a signal ended the wait for room in the log
 */
int ktm_enlistment_set(struct ktm_enlistment_use *en, u32 info_class, const void *buffer,
		       u32 length, u32 *status)
{
	return ktm_use_set(&en->handle, info_class, NULL, buffer, length, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_set);

/**
 * ktm_enlistment_reference_key - go on using what its key stands for
 * @en: a use with KTM_EN_QUERY_INFORMATION
 * @key: out: the key, as given to ktm_enlistment_create() or ktm_enlistment_recover()
 * @status: out: enum ktm_status, or NULL
 *
 * ktm counts how often, from 0, so that who is the last can free what the key is a pointer to.
 *
 * Reference: TmReferenceEnlistmentKey()
 * Rights: KTM_EN_QUERY_INFORMATION
 * Holds: gives one on the key, for ktm_enlistment_dereference_key()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -ENOMEM: there are 4294967295 of them
 */
int ktm_enlistment_reference_key(struct ktm_enlistment_use *en, u64 *key, u32 *status)
{
	u32 ret = KTM_STATUS_ACCESS_DENIED;

	if (ktm_may(&en->handle, KTM_EN_QUERY_INFORMATION))
		ret = ktm_key_reference(ktm_en_of(en->handle.obj), key);
	return ktm_tell(ret, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_reference_key);

/**
 * ktm_enlistment_dereference_key - undo ktm_enlistment_reference_key()
 * @en: a use with KTM_EN_QUERY_INFORMATION, any one of the enlistment
 * @last: out: it was the last
 * @status: out: enum ktm_status, or NULL
 *
 * Reference: TmDereferenceEnlistmentKey()
 * Rights: KTM_EN_QUERY_INFORMATION
 * Holds: takes one on the key
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EPROTO: there was none
 */
int ktm_enlistment_dereference_key(struct ktm_enlistment_use *en, bool *last, u32 *status)
{
	u32 ret = KTM_STATUS_ACCESS_DENIED;

	if (ktm_may(&en->handle, KTM_EN_QUERY_INFORMATION))
		ret = ktm_key_dereference(ktm_en_of(en->handle.obj), last);
	return ktm_tell(ret, status);
}
EXPORT_SYMBOL_GPL(ktm_enlistment_dereference_key);
