// SPDX-License-Identifier: GPL-2.0
/*
 * What drivers call: resource managers, from <linux/ktm.h>. Their callbacks are callback.c's.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/uio.h>

#include "callback.h"
#include "notify.h"
#include "rm.h"
#include "status.h"
#include "use.h"

static struct ktm_rm_use *rm_made(u32 ret, struct ktm_new_fd *nfd, u32 *status)
{
	return container_of(ktm_use_made(ret, nfd, status), struct ktm_rm_use, handle);
}

/**
 * ktm_rm_create - make a resource manager
 * @tm: a use with KTM_TM_CREATE_RM
 * @flags: KTM_RM_VOLATILE, KTM_RM_EXCLUSIVE, KTM_RM_COMMUNICATION
 * @access: KTM_RM_*, what the caller may do with what is returned
 * @mode: who may open it, as a file's mode; 0 means 0600
 * @description: text for administrators, at most KTM_MAX_DESCRIPTION bytes and a NUL, or NULL
 * @guid: in: the wanted GUID or nil; out: the RM's; may be NULL
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_RM_CREATE. It is current's. A durable one has to call ktm_rm_recover()
 * before it can enlist.
 *
 * Reference: ZwCreateResourceManager()
 * Rights: KTM_TM_CREATE_RM on @tm
 * Holds: gives a use, to be put with ktm_rm_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps, also while the log is being cleaned; a signal ends that; from a
 * callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -EINVAL: @flags, @access, @mode or @description
 * * -EACCES: no such right on @tm
 * * -EOPNOTSUPP: a durable one of a TM without a log
 * * -ENOTCONN: the TM is not online
 * * -EEXIST: the GUID is taken, if only in the log
 * * -EDQUOT: the user has as many objects, or as much of the log, as he may
 * * -ENOSPC: the log is full
 * * -ENOMEM: no memory
 * * -EINTR: a signal ended the wait for room in the log, or killed while it waits
 */
struct ktm_rm_use *ktm_rm_create(struct ktm_tm_use *tm, u32 flags, u32 access, u32 mode,
				 const char *description, struct ktm_guid *guid, u32 *status)
{
	struct ktm_rm_create arg = {
		.flags = flags,
		.access = access,
		.mode = mode,
		.description_length = ktm_text_length(description, KTM_MAX_DESCRIPTION),
	};
	struct ktm_new_fd nfd = KTM_NEW_USE;
	u32 ret;

	if (arg.description_length)
		arg.description = (uintptr_t)description;
	if (guid)
		arg.guid = *guid;
	ret = ktm_rm_call_create(&tm->handle, &arg, &nfd);
	if (!ret && guid)
		*guid = arg.guid;
	return rm_made(ret, &nfd, status);
}
EXPORT_SYMBOL_GPL(ktm_rm_create);

/**
 * ktm_rm_open - open a resource manager by its GUID
 * @tm: a use with any right
 * @guid: its GUID
 * @flags: KTM_OPEN_EXCLUSIVE or 0
 * @access: wanted rights, KTM_RM_*, or KTM_MAXIMUM_ALLOWED
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_RM_OPEN. Owner and mode say what current may.
 *
 * Reference: ZwOpenResourceManager()
 * Rights: none
 * Holds: gives a use, to be put with ktm_rm_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -ENOENT: the TM has no RM of that GUID
 * * -ENOTCONN: the TM was not recovered, or its log has failed
 * * -EINVAL: no rights, unknown ones, or @flags
 * * -EACCES: owner and mode do not grant current what it wants
 * * -EBUSY: it is open, and the one or the other wants it alone
 * * -ENOMEM: no memory
 */
struct ktm_rm_use *ktm_rm_open(struct ktm_tm_use *tm, const struct ktm_guid *guid, u32 flags,
			       u32 access, u32 *status)
{
	struct ktm_open arg = { .guid = *guid, .flags = flags, .access = access };
	struct ktm_new_fd nfd = KTM_NEW_USE;

	return rm_made(ktm_rm_call_open(&tm->handle, &arg, &nfd), &nfd, status);
}
EXPORT_SYMBOL_GPL(ktm_rm_open);

/**
 * ktm_rm_get_from_fd - a use of the resource manager behind a descriptor
 * @fd: a descriptor of current's
 * @rights: KTM_RM_*: the descriptor must carry all of them, and the use has no others
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of naming one by its handle. The descriptor may be closed.
 *
 * Reference: ObReferenceObjectByHandle()
 * Rights: those of the descriptor
 * Holds: gives a use, to be put with ktm_rm_put()
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: a use of it, or an ERR_PTR:
 *
 * * -EINVAL: no rights, or unknown ones
 * * -EBADF: current has no such descriptor
 * * -EBADFD: the descriptor is not that of an RM
 * * -EACCES: the descriptor lacks some of @rights
 * * -ENOMEM: no memory
 */
struct ktm_rm_use *ktm_rm_get_from_fd(int fd, u32 rights, u32 *status)
{
	return container_of(ktm_use_get_from_fd(fd, KTM_KIND_RM, rights, _RET_IP_, status),
			    struct ktm_rm_use, handle);
}
EXPORT_SYMBOL_GPL(ktm_rm_get_from_fd);

/**
 * ktm_rm_to_fd - a descriptor of the resource manager of a use
 * @rm: a use
 * @access: KTM_RM_*, rights of the descriptor, all of which the use has
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
int ktm_rm_to_fd(struct ktm_rm_use *rm, u32 access, u32 *status)
{
	return ktm_use_to_fd(&rm->handle, access, status);
}
EXPORT_SYMBOL_GPL(ktm_rm_to_fd);

/**
 * ktm_rm_put - the caller does not use a resource manager any more
 * @rm: what a function above returned
 *
 * The kernel form of closing its descriptor: with the last one that may do more than query, what
 * has not prepared is rolled back, and what has waits until the RM is opened and recovered again.
 * Nobody may be in a call with it. If it has enabled callbacks they are disabled, and those that
 * run are waited for; put from within one, it goes when all have returned, which nobody is told:
 * who wants to be calls ktm_rm_disable_callbacks() before. Callbacks of two RMs that each put the
 * other one wait for each other.
 *
 * Reference: ZwClose(), ObDereferenceObject()
 * Rights: none
 * Holds: takes that of the use
 * Locks: none that a callback of the RM wants
 *
 * Context: Process context; may sleep, also behind an answer of somebody that waits for the device;
 * from a callback, too.
 */
void ktm_rm_put(struct ktm_rm_use *rm)
{
	if (ktm_callbacks_end(&rm->handle))
		ktm_use_put(&rm->handle);
}
EXPORT_SYMBOL_GPL(ktm_rm_put);

/**
 * ktm_rm_recover - a resource manager wants to know of its unfinished enlistments
 * @rm: a use with KTM_RM_RECOVER
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_RM_RECOVER: RECOVER for each unfinished enlistment, then LAST_RECOVER.
 *
 * Reference: TmRecoverResourceManager(), ZwRecoverResourceManager()
 * Rights: KTM_RM_RECOVER
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; SIGKILL ends that; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -ENOTCONN: the TM is not online
 * * -ENOENT: the log did not take the RM, so it was not made
 * * -EINTR: killed while it waits
 */
int ktm_rm_recover(struct ktm_rm_use *rm, u32 *status)
{
	const struct ktm_call arg = { };

	return ktm_tell(ktm_rm_call_recover(&rm->handle, &arg), status);
}
EXPORT_SYMBOL_GPL(ktm_rm_recover);

/**
 * ktm_rm_get_notification - the next notification
 * @rm: a use with KTM_RM_GET_NOTIFICATION
 * @notification: out
 * @timeout_ns: nanoseconds to wait for it; 0: do not; all ones: for ever
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_EXCHANGE without answers. With callbacks there is none here.
 *
 * Reference: TmGetNotificationResourceManager(), ZwGetNotificationResourceManager()
 * Rights: KTM_RM_GET_NOTIFICATION
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps; a signal ends that; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -ETIMEDOUT: there was none
 * * -ENOTCONN: the TM, or the RM, has to recover first
 * * -EINTR: a signal ended the wait
 */
int ktm_rm_get_notification(struct ktm_rm_use *rm, struct ktm_notification *notification,
			    u64 timeout_ns, u32 *status)
{
	struct kvec vec = { .iov_base = notification, .iov_len = sizeof(*notification) };
	struct iov_iter to;
	ssize_t bytes;

	if (!ktm_may(&rm->handle, KTM_RM_GET_NOTIFICATION))
		return ktm_tell(KTM_STATUS_ACCESS_DENIED, status);
	iov_iter_kvec(&to, ITER_DEST, &vec, 1, vec.iov_len);
	bytes = ktm_notify_fetch(ktm_rm_of(rm->handle.obj), &to, timeout_ns);
	return ktm_tell(bytes < 0 ? ktm_status_from_errno(bytes) : KTM_STATUS_SUCCESS, status);
}
EXPORT_SYMBOL_GPL(ktm_rm_get_notification);

/**
 * ktm_rm_query - ask a resource manager about itself, or about an enlistment of it
 * @rm: a use with KTM_RM_QUERY_INFORMATION
 * @info_class: KTM_INFO_RM_*, or KTM_INFO_EN_* of @enlistment
 * @enlistment: its GUID, or NULL
 * @buffer: out: the answer, as struct ktm_query says
 * @length: in: bytes at @buffer; out: bytes of the whole answer
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_QUERY.
 *
 * Reference: ZwQueryInformationResourceManager()
 * Rights: KTM_RM_QUERY_INFORMATION
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EINVAL: no class of an RM, or an enlistment where none is meant
 * * -ENOENT: the RM has no such enlistment
 * * -EMSGSIZE: @buffer is too small, @length says what is needed
 * * -ENOMEM: no memory
 */
int ktm_rm_query(struct ktm_rm_use *rm, u32 info_class, const struct ktm_guid *enlistment,
		 void *buffer, u32 *length, u32 *status)
{
	return ktm_use_query(&rm->handle, info_class, enlistment, buffer, length, status);
}
EXPORT_SYMBOL_GPL(ktm_rm_query);

/**
 * ktm_rm_set - tell a resource manager something about itself, or about an enlistment of it
 * @rm: a use with KTM_RM_SET_INFORMATION
 * @info_class: KTM_INFO_RM_COMPLETION, or KTM_INFO_EN_RECOVERY of @enlistment
 * @enlistment: its GUID, or NULL
 * @buffer: what, as struct ktm_set says
 * @length: bytes of it
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_SET.
 *
 * Reference: ZwSetInformationResourceManager()
 * Rights: KTM_RM_SET_INFORMATION
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; sleeps; of a superior also while the log is being cleaned, and a signal
 * ends that; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EINVAL: no class that can be set, or what is said makes no sense
 * * -ENOENT: the RM has no such enlistment
 * * -EMSGSIZE: @length is not that of the struct, or more than KTM_MAX_RECOVERY_INFORMATION
 * * -EPROTO: KTM_INFO_EN_RECOVERY: it has voted, or is over
 * * -ESTALE: KTM_INFO_EN_RECOVERY: the TM was reopened, and knows the enlistment as another object
 * * -ENOSPC: KTM_INFO_EN_RECOVERY of a superior: the log is full
 * * -EDQUOT: KTM_INFO_EN_RECOVERY of a superior: who pays has as much of the log as he may
 * * -ENOTCONN: KTM_INFO_EN_RECOVERY of a superior: the TM's log has failed
 * * -ENOMEM: no memory
 * * -EINTR: KTM_INFO_EN_RECOVERY of a superior: a signal ended the wait for room in the log
 */
int ktm_rm_set(struct ktm_rm_use *rm, u32 info_class, const struct ktm_guid *enlistment,
	       const void *buffer, u32 length, u32 *status)
{
	return ktm_use_set(&rm->handle, info_class, enlistment, buffer, length, status);
}
EXPORT_SYMBOL_GPL(ktm_rm_set);

/**
 * ktm_rm_enumerate - list the enlistments of a resource manager
 * @rm: a use with KTM_RM_QUERY_INFORMATION
 * @cursor: in: nil to begin, else as the last call left it; out: where to go on
 * @guids: out: their GUIDs, in ascending order
 * @count: in: room at @guids, 1 to 4096; out: how many there are, 0 behind the last
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_ENUMERATE on an RM. Lists what current could open.
 *
 * Reference: ZwEnumerateTransactionObject()
 * Rights: KTM_RM_QUERY_INFORMATION
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; SIGKILL ends that; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EINVAL: @count
 * * -ENOMEM: no memory
 * * -EINTR: killed
 */
int ktm_rm_enumerate(struct ktm_rm_use *rm, struct ktm_guid *cursor, struct ktm_guid *guids,
		     u32 *count, u32 *status)
{
	return ktm_use_enumerate(&rm->handle, KTM_KIND_EN, cursor, guids, count, status);
}
EXPORT_SYMBOL_GPL(ktm_rm_enumerate);

/**
 * ktm_rm_register_protocol - how to reach a resource manager from afar
 * @rm: a use with KTM_RM_REGISTER_PROTOCOL, of an RM with KTM_RM_COMMUNICATION
 * @protocol: its GUID, not nil
 * @flags: KTM_PROTOCOL_
 * @information: the address, or NULL
 * @length: bytes of it, at most KTM_MAX_PROTOCOL_INFORMATION
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_REGISTER_PROTOCOL.
 *
 * Reference: ZwRegisterProtocolAddressInformation()
 * Rights: KTM_RM_REGISTER_PROTOCOL
 * Holds: takes none, gives none
 * Locks: any mutexes of the caller
 *
 * Context: Process context; may sleep; from a callback, too.
 *
 * Return: 0, or:
 *
 * * -EACCES: no such right
 * * -EINVAL: an argument
 * * -EPROTO: the RM was made without KTM_RM_COMMUNICATION
 * * -EEXIST: the RM has registered it
 * * -EDQUOT: it has registered KTM_MAX_PROTOCOLS
 * * -ENOMEM: no memory
 */
int ktm_rm_register_protocol(struct ktm_rm_use *rm, const struct ktm_guid *protocol, u32 flags,
			     const void *information, u32 length, u32 *status)
{
	const struct ktm_protocol arg = {
		.protocol = *protocol,
		.flags = flags,
		.information = (uintptr_t)information,
		.length = length,
	};

	return ktm_tell(ktm_register_protocol(&rm->handle, &arg, true), status);
}
EXPORT_SYMBOL_GPL(ktm_rm_register_protocol);

/**
 * ktm_rm_propagation_complete - a transaction has been propagated
 * @rm: a use with KTM_RM_COMPLETE_PROPAGATION
 * @cookie: of the notification that is answered
 * @buffer: the answer, or NULL
 * @length: bytes of it, at most KTM_MAX_PROTOCOL_INFORMATION
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_PROPAGATION_COMPLETE. Nobody is ever asked to propagate, so no cookie
 * is one.
 *
 * Reference: TmPropagationComplete(), ZwPropagationComplete()
 * Rights: KTM_RM_COMPLETE_PROPAGATION
 * Holds: takes none, gives none
 * Locks: any of the caller, spinlocks, too
 *
 * Context: Process context; does not sleep; from a callback, too.
 *
 * Return: never 0, but:
 *
 * * -EACCES: no such right
 * * -EINVAL: @buffer or @length
 * * -ENOMSG: nobody has asked
 */
int ktm_rm_propagation_complete(struct ktm_rm_use *rm, u32 cookie, const void *buffer, u32 length,
				u32 *status)
{
	const struct ktm_propagation arg = {
		.cookie = cookie,
		.buffer = (uintptr_t)buffer,
		.length = length,
	};

	return ktm_tell(ktm_propagation_complete(&rm->handle, &arg), status);
}
EXPORT_SYMBOL_GPL(ktm_rm_propagation_complete);

/**
 * ktm_rm_propagation_failed - a transaction could not be propagated
 * @rm: a use with KTM_RM_COMPLETE_PROPAGATION
 * @cookie: of the notification that is answered
 * @cause: enum ktm_status
 * @status: out: enum ktm_status, or NULL
 *
 * The kernel form of KTM_IOC_PROPAGATION_FAILED. Nobody is ever asked to propagate, so no cookie is
 * one.
 *
 * Reference: TmPropagationFailed(), ZwPropagationFailed()
 * Rights: KTM_RM_COMPLETE_PROPAGATION
 * Holds: takes none, gives none
 * Locks: any of the caller, spinlocks, too
 *
 * Context: Process context; does not sleep; from a callback, too.
 *
 * Return: never 0, but:
 *
 * * -EACCES: no such right
 * * -ENOMSG: nobody has asked
 */
int ktm_rm_propagation_failed(struct ktm_rm_use *rm, u32 cookie, u32 cause, u32 *status)
{
	const struct ktm_propagation arg = { .cookie = cookie, .cause = cause };

	return ktm_tell(ktm_propagation_failed(&rm->handle, &arg), status);
}
EXPORT_SYMBOL_GPL(ktm_rm_propagation_failed);
