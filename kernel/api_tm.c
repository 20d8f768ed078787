// SPDX-License-Identifier: GPL-2.0
/*
 * What drivers call: transaction managers, and freezing, from <linux/ktm.h>.
 */
#include <linux/err.h>
#include <linux/module.h>

#include "freeze.h"
#include "tm.h"
#include "use.h"

static struct ktm_tm_use *tm_made(u32 ret, struct ktm_new_fd *nfd, u32 *status)
{
	return container_of(ktm_use_made(ret, nfd, status), struct ktm_tm_use, handle);
}

/**
 * ktm_tm_create - make a transaction manager
 * @device: block device of its log, opened for reading and writing, not needed any more when
 *	this returns; NULL with KTM_TM_VOLATILE
 * @flags: KTM_TM_VOLATILE, or KTM_TM_PERSIST and KTM_TM_DISCARD
 * @access: KTM_TM_*, what the caller may do with what is returned
 * @mode: who may open it, as a file's mode; 0 means 0600
 * @guid: in: the wanted GUID or nil; out: the TM's; may be NULL
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_TM_CREATE. It is current's.
 *
 * Reference: ZwCreateTransactionManager()
 * Rights: none
 * Holds: gives a use, to be put with ktm_tm_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also for the device; SIGKILL ends that; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -EINVAL: @flags, @access, @mode, or a device with KTM_TM_VOLATILE
 * * -EBADF: no device, or one that is not open for reading and writing
 * * -EBADFD: @device is no block device
 * * -EEXIST: the device has a TM, and @guid says which, or the GUID is taken
 * * -EXDEV: the journal belongs to a TM of another GUID
 * * -EACCES: the device is read-only
 * * -EBUSY: somebody else has the device for himself
 * * -EUCLEAN: there is no journal on it, or a damaged one, or one that this version does not know
 * * -EIO: the device cannot be read
 * * -EDQUOT: the user has as many objects as he may
 * * -ENOMEM: no memory
 * * -EINTR: killed while a TM on that device came or went
 */
struct ktm_tm_use *ktm_tm_create(struct file *device, u32 flags, u32 access, u32 mode,
				 struct ktm_guid *guid, u32 *status)
{
	struct ktm_tm_create arg = { .flags = flags, .access = access, .mode = mode };
	struct ktm_new_fd nfd = KTM_NEW_USE;
	u32 ret;

	if (guid)
		arg.guid = *guid;
	ret = ktm_tm_call_create(&arg, device, &nfd);
	if (guid)
		*guid = arg.guid;
	if (!ret && flags & KTM_TM_PERSIST)
		ktm_tm_persist(ktm_tm_of(nfd.handle->obj));
	return tm_made(ret, &nfd, status);
}
EXPORT_SYMBOL_GPL(ktm_tm_create);

/**
 * ktm_tm_open - open a transaction manager by its GUID
 * @guid: its GUID
 * @access: wanted rights, KTM_TM_*, or KTM_MAXIMUM_ALLOWED
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_TM_OPEN. Owner and mode say what current may.
 *
 * Reference: ZwOpenTransactionManager()
 * Rights: none
 * Holds: gives a use, to be put with ktm_tm_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -ENOENT: no TM of that GUID is there
 * * -EINVAL: no rights, or unknown ones
 * * -EACCES: owner and mode do not grant current what it wants
 * * -ENOMEM: no memory
 */
struct ktm_tm_use *ktm_tm_open(const struct ktm_guid *guid, u32 access, u32 *status)
{
	struct ktm_open arg = { .guid = *guid, .access = access };
	struct ktm_new_fd nfd = KTM_NEW_USE;

	return tm_made(ktm_tm_call_open(&arg, &nfd), &nfd, status);
}
EXPORT_SYMBOL_GPL(ktm_tm_open);

/**
 * ktm_tm_open_log - open a transaction manager by its log
 * @device: the block device
 * @access: wanted rights, KTM_TM_*, or KTM_MAXIMUM_ALLOWED
 * @guid: out: the TM's GUID; may be NULL
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_TM_OPEN_LOG. Owner and mode say what current may.
 *
 * Reference: ZwOpenTransactionManager()
 * Rights: none
 * Holds: gives a use, to be put with ktm_tm_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -ENOENT: no TM has that device
 * * -EINVAL: no rights, or unknown ones
 * * -EACCES: owner and mode do not grant current what it wants
 * * -ENOMEM: no memory
 * * -EBADF: no device, or an ERR_PTR
 * * -EBADFD: @device is no block device
 */
struct ktm_tm_use *ktm_tm_open_log(struct file *device, u32 access, struct ktm_guid *guid,
				   u32 *status)
{
	struct ktm_tm_open_log arg = { .access = access };
	struct ktm_new_fd nfd = KTM_NEW_USE;
	u32 ret = ktm_tm_call_open_log(&arg, device, &nfd);

	if (!ret && guid)
		*guid = arg.guid;
	return tm_made(ret, &nfd, status);
}
EXPORT_SYMBOL_GPL(ktm_tm_open_log);

/**
 * ktm_tm_get_from_fd - a use of the transaction manager behind a descriptor
 * @fd: a descriptor of current's
 * @rights: KTM_TM_*: the descriptor must carry all of them, and the use has no others
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of naming one by its handle. The descriptor may be closed.
 *
 * Reference: ObReferenceObjectByHandle()
 * Rights: those of the descriptor
 * Holds: gives a use, to be put with ktm_tm_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -EINVAL: no rights, or unknown ones
 * * -EBADF: current has no such descriptor
 * * -EBADFD: the descriptor is not that of a TM
 * * -EACCES: the descriptor lacks some of @rights
 * * -ENOMEM: no memory
 */
struct ktm_tm_use *ktm_tm_get_from_fd(int fd, u32 rights, u32 *status)
{
	return container_of(ktm_use_get_from_fd(fd, KTM_KIND_TM, rights, _RET_IP_, status),
			    struct ktm_tm_use, handle);
}
EXPORT_SYMBOL_GPL(ktm_tm_get_from_fd);

/**
 * ktm_tm_to_fd - a descriptor of the transaction manager of a use
 * @tm: a use
 * @access: KTM_TM_*, rights of the descriptor, all of which the use has
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
int ktm_tm_to_fd(struct ktm_tm_use *tm, u32 access, u32 *status)
{
	return ktm_use_to_fd(&tm->handle, access, status);
}
EXPORT_SYMBOL_GPL(ktm_tm_to_fd);

/**
 * ktm_tm_put - the caller does not use a transaction manager any more
 * @tm: what a function above returned
 *
 * The kernel form of closing its descriptor. The last user of a TM takes it offline, a moment
 * later; its RMs, transactions and streams are users, too. Nobody may be in a call with it.
 *
 * Reference: ZwClose(), ObDereferenceObject()
 * Rights: none
 * Holds: takes that of the use
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep, but not for the device; from a callback, too.
 */
void ktm_tm_put(struct ktm_tm_use *tm)
{
	ktm_use_put(&tm->handle);
}
EXPORT_SYMBOL_GPL(ktm_tm_put);

/**
 * ktm_tm_recover - read the log, go online
 * @tm: a use with KTM_TM_RECOVER
 * @device: NULL, or, of a TM that failed, its device, opened anew
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_TM_RECOVER.
 *
 * Reference: TmRecoverTransactionManager(), ZwRecoverTransactionManager()
 * Rights: KTM_TM_RECOVER
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps for the device; SIGKILL ends that; from a callback, too.
 *
 * Return: 0, also if it is online already, or:
 *
 * * -EACCES: no such right, or @device is read-only
 * * -EOPNOTSUPP: it has no log
 * * -EBADF: @device is an ERR_PTR, or not open for reading and writing
 * * -EBUSY: somebody else has @device for himself
 * * -EXDEV: a ktm_tm_rename() failed on its way, and the log has the new identity: call rename
 *   again
 * * -EUCLEAN: the device holds no journal, another one, or a damaged one; nothing was written
 * * -EIO: the device fails
 * * -ENOMEM: no memory
 * * -EINTR: killed while it waits
 */
int ktm_tm_recover(struct ktm_tm_use *tm, struct file *device, u32 *status)
{
	const struct ktm_tm_recover arg = { };

	return ktm_tell(ktm_tm_call_recover(&tm->handle, &arg, device), status);
}
EXPORT_SYMBOL_GPL(ktm_tm_recover);

/**
 * ktm_tm_rollforward - read the log up to a virtual clock
 * @tm: a use with KTM_TM_RECOVER
 * @clock: decisions with a greater one count as not made; not 0
 * @device: as for ktm_tm_recover()
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_TM_ROLLFORWARD.
 *
 * Reference: ZwRollforwardTransactionManager()
 * Rights: KTM_TM_RECOVER
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps for the device; SIGKILL ends that; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right, or @device is read-only
 * * -EPROTO: it is online
 * * -EINVAL: @clock is 0, none, or before what was told
 * * -EOPNOTSUPP: it has no log
 * * -EBADF: @device is an ERR_PTR, or not open for reading and writing
 * * -EBUSY: somebody else has @device for himself
 * * -EXDEV: a ktm_tm_rename() failed on its way, and the log has the new identity
 * * -EUCLEAN: the device holds no journal, another one, or a damaged one; nothing was written
 * * -EIO: the device fails
 * * -ENOMEM: no memory
 * * -EINTR: killed while it waits
 */
int ktm_tm_rollforward(struct ktm_tm_use *tm, u64 clock, struct file *device, u32 *status)
{
	const struct ktm_tm_rollforward arg = { .virtual_clock = clock };

	return ktm_tell(ktm_tm_call_rollforward(&tm->handle, &arg, device), status);
}
EXPORT_SYMBOL_GPL(ktm_tm_rollforward);

/**
 * ktm_tm_rename - give a transaction manager another identity
 * @tm: a use with KTM_TM_RENAME
 * @guid: in: the new GUID, or nil to draw one; out: the TM's
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_TM_RENAME.
 *
 * Reference: TmRenameTransactionManager()
 * Rights: KTM_TM_RENAME
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps for the device; SIGKILL ends that; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EOPNOTSUPP: it has no log
 * * -EPROTO: it was recovered
 * * -EEXIST: a durable TM has that GUID, if only this one
 * * -EUCLEAN: the device holds no journal, another one, or a damaged one
 * * -EIO: the device fails
 * * -ENOMEM: no memory
 * * -EINTR: killed while it waits
 */
int ktm_tm_rename(struct ktm_tm_use *tm, struct ktm_guid *guid, u32 *status)
{
	struct ktm_tm_rename arg = { .guid = *guid };
	u32 ret = ktm_tm_call_rename(&tm->handle, &arg);

	if (!ret)
		*guid = arg.guid;
	return ktm_tell(ret, status);
}
EXPORT_SYMBOL_GPL(ktm_tm_rename);

/**
 * ktm_tm_offline - a transaction manager with KTM_TM_PERSIST does not stay any more
 * @tm: a use with KTM_TM_RECOVER; still to be put
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_TM_OFFLINE.
 *
 * Reference: none
 * Rights: KTM_TM_RECOVER
 * Holds: takes that which KTM_TM_PERSIST has kept; @tm is still to be put
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; SIGKILL ends that; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EPROTO: it does not stay
 * * -EBUSY: somebody else has it, an RM or a transaction of it open
 * * -EINTR: killed while it waits
 */
int ktm_tm_offline(struct ktm_tm_use *tm, u32 *status)
{
	const struct ktm_call arg = { };

	return ktm_tell(ktm_tm_call_offline(&tm->handle, &arg), status);
}
EXPORT_SYMBOL_GPL(ktm_tm_offline);

/**
 * ktm_tm_query - ask a transaction manager about itself
 * @tm: a use with KTM_TM_QUERY_INFORMATION
 * @info_class: KTM_INFO_TM_*
 * @buffer: out: the answer, as struct ktm_query says
 * @length: in: bytes at @buffer; out: bytes of the whole answer
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_QUERY.
 *
 * Reference: ZwQueryInformationTransactionManager()
 * Rights: KTM_TM_QUERY_INFORMATION
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EINVAL: no class of a TM
 * * -EMSGSIZE: @buffer is too small, @length says what is needed
 * * -EOPNOTSUPP: it has no log
 * * -ENOTCONN: KTM_INFO_TM_ONLINE: it is not
 */
int ktm_tm_query(struct ktm_tm_use *tm, u32 info_class, void *buffer, u32 *length, u32 *status)
{
	return ktm_use_query(&tm->handle, info_class, NULL, buffer, length, status);
}
EXPORT_SYMBOL_GPL(ktm_tm_query);

/**
 * ktm_tm_enumerate - list objects of a transaction manager
 * @tm: a use with KTM_TM_QUERY_INFORMATION
 * @kind: KTM_KIND_RM, KTM_KIND_TX or KTM_KIND_STREAM
 * @cursor: in: nil to begin, else as the last call left it; out: where to go on
 * @guids: out: their GUIDs, in ascending order
 * @count: in: room at @guids, 1 to 4096; out: how many there are, 0 behind the last
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_ENUMERATE on a TM. Lists what current could open.
 *
 * Reference: ZwEnumerateTransactionObject()
 * Rights: KTM_TM_QUERY_INFORMATION
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; SIGKILL ends that; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EINVAL: @kind or @count
 * * -ENOMEM: no memory
 * * -EINTR: killed
 */
int ktm_tm_enumerate(struct ktm_tm_use *tm, u32 kind, struct ktm_guid *cursor,
		     struct ktm_guid *guids, u32 *count, u32 *status)
{
	return ktm_use_enumerate(&tm->handle, kind, cursor, guids, count, status);
}
EXPORT_SYMBOL_GPL(ktm_tm_enumerate);

/**
 * ktm_freeze_transactions - let no transaction of this machine commit for a while
 * @freeze_timeout_ns: how long to wait for commits that are under way
 * @thaw_timeout_ns: after that many nanoseconds all is thawed by itself
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_FREEZE.
 *
 * Reference: ZwFreezeTransactions()
 * Rights: none, but CAP_SYS_ADMIN
 * Holds: takes none, gives none
 * Locks: none that a callback wants
 *
 * Context: Process context; sleeps; a signal ends that; not from a callback, as it would wait for
 * the commit of which that is part.
 *
 * Return: 0, or:
 *
 * * -EACCES: current lacks CAP_SYS_ADMIN
 * * -EINVAL: @thaw_timeout_ns is 0, or a time-out is too long
 * * -EBUSY: all is frozen already
 * * -ETIMEDOUT: commits took longer; nothing is frozen
 * * -EINTR: a signal came before; nothing is frozen
 */
int ktm_freeze_transactions(u64 freeze_timeout_ns, u64 thaw_timeout_ns, u32 *status)
{
	const struct ktm_freeze arg = {
		.freeze_timeout_ns = freeze_timeout_ns,
		.thaw_timeout_ns = thaw_timeout_ns,
	};

	return ktm_tell(ktm_freeze(&arg), status);
}
EXPORT_SYMBOL_GPL(ktm_freeze_transactions);

/**
 * ktm_thaw_transactions - transactions may commit again
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_THAW.
 *
 * Reference: ZwThawTransactions()
 * Rights: none, but CAP_SYS_ADMIN
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: current lacks CAP_SYS_ADMIN
 * * -EPROTO: nothing is frozen
 */
int ktm_thaw_transactions(u32 *status)
{
	const struct ktm_call arg = { };

	return ktm_tell(ktm_thaw(&arg), status);
}
EXPORT_SYMBOL_GPL(ktm_thaw_transactions);
