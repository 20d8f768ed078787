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
 * The kernel form of KTM_IOC_TM_CREATE (ZwCreateTransactionManager()). It is current's. Sleeps,
 * also for the device, killably.
 *
 * Return: a use of it, for ktm_tm_put(), or an ERR_PTR: -EINVAL: an argument; -EBADF: no device, or
 * not opened for reading and writing; -EBADFD: it is no block device; -EEXIST: the device has a TM,
 * and @guid says which, or the GUID is taken; -EXDEV: the journal is of another GUID; -EACCES: the
 * device is read-only; -EBUSY: others use the device; -EUCLEAN: there is no journal on it, or not a
 * good one; -EIO: it cannot be read; -EDQUOT: the user's quota; -ENOMEM; -EINTR: killed.
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
 * The kernel form of KTM_IOC_TM_OPEN (ZwOpenTransactionManager()). Owner and mode say what current
 * may. May sleep.
 *
 * Return: a use of it, for ktm_tm_put(), or an ERR_PTR: -ENOENT: there is none; -EINVAL: no rights,
 * or unknown ones; -EACCES: current may not; -ENOMEM.
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
 * The kernel form of KTM_IOC_TM_OPEN_LOG. Else as ktm_tm_open().
 *
 * Return: see there; -EBADF: no device; -EBADFD: it is no block device.
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
 * The kernel form of naming a TM by its handle (ObReferenceObjectByHandle() in the reference). The
 * descriptor may be closed. May sleep.
 *
 * Return: the use, for ktm_tm_put(), or an ERR_PTR: -EINVAL: no rights, or unknown ones; -EBADF:
 * there is no such descriptor; -EBADFD: it is of something else; -EACCES: it lacks some of the
 * rights; -ENOMEM.
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
 * The kernel form of KTM_IOC_NARROW (ObOpenObjectByPointer() in the reference). May sleep.
 *
 * Return: the descriptor, O_CLOEXEC, which is current's to close from now on; or: -EINVAL: no
 * rights, or unknown ones; -EACCES: the use lacks some of them; -EMFILE; -ENOMEM.
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
 * later; its RMs, transactions and streams are users, too. Nobody may be in a call with it. Process
 * context; may sleep; does not wait for the device.
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
 * The kernel form of KTM_IOC_TM_RECOVER (TmRecoverTransactionManager()). Sleeps for the device,
 * killably.
 *
 * Return: 0, also if it is online already; or: -EACCES: no such right; -EOPNOTSUPP: it has no log;
 * -EBADF: @device is an ERR_PTR, or not opened for reading and writing; -EXDEV: a renaming failed
 * on its way, call it again; -EUCLEAN: no journal, another one, or a damaged one; -EIO; -ENOMEM;
 * -EINTR: killed.
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
 * The kernel form of KTM_IOC_TM_ROLLFORWARD (ZwRollforwardTransactionManager()). Sleeps for the
 * device, killably.
 *
 * Return: as ktm_tm_recover(); -EPROTO: it is online; -EINVAL: @clock is 0 or before what was told.
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
 * The kernel form of KTM_IOC_TM_RENAME (TmRenameTransactionManager()). Sleeps for the device,
 * killably.
 *
 * Return: 0, or: -EACCES: no such right; -EOPNOTSUPP: it has no log; -EPROTO: it was recovered;
 * -EEXIST: a durable TM has that GUID; -EUCLEAN: no journal, another one, or a damaged one; -EIO;
 * -ENOMEM; -EINTR: killed.
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
 * The kernel form of KTM_IOC_TM_OFFLINE. May sleep, killably.
 *
 * Return: 0, or: -EACCES: no such right; -EPROTO: it does not stay; -EBUSY: somebody else has it,
 * an RM or a transaction of it open; -EINTR: killed.
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
 * The kernel form of KTM_IOC_QUERY (ZwQueryInformationTransactionManager()). May sleep.
 *
 * Return: 0, or: -EACCES: no such right; -EINVAL: no such class; -EMSGSIZE: @buffer is too small,
 * @length says what is needed; -EOPNOTSUPP: it has no log; -ENOTCONN: KTM_INFO_TM_ONLINE: it is
 * not.
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
 * The kernel form of KTM_IOC_ENUMERATE on a TM (ZwEnumerateTransactionObject()). Lists what current
 * could open. May sleep, killably.
 *
 * Return: 0, or: -EACCES: no such right; -EINVAL: @kind or @count; -ENOMEM; -EINTR: killed.
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
 * The kernel form of KTM_IOC_FREEZE (ZwFreezeTransactions()). Sleeps; a signal ends that. Not from
 * a callback: the freeze would wait for the commit of which that is part.
 *
 * Return: 0, or: -EACCES: current lacks CAP_SYS_ADMIN; -EINVAL: an argument; -EBUSY: all is frozen
 * already; -ETIMEDOUT: commits took longer; -EINTR: a signal.
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
 * The kernel form of KTM_IOC_THAW (ZwThawTransactions()). May sleep.
 *
 * Return: 0, or: -EACCES: current lacks CAP_SYS_ADMIN; -EPROTO: nothing is frozen.
 */
int ktm_thaw_transactions(u32 *status)
{
	const struct ktm_call arg = { };

	return ktm_tell(ktm_thaw(&arg), status);
}
EXPORT_SYMBOL_GPL(ktm_thaw_transactions);
