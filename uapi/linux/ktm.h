/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ktm - the kernel transaction manager: the contract with user space.
 *
 * Everything starts at /dev/ktm. Transaction managers (TM), resource managers
 * (RM), transactions and enlistments are file descriptors, made by ioctl and
 * closed by close(2). A descriptor carries access rights, fixed when it is
 * made; they travel with it over a Unix socket.
 *
 * The request numbers carry no size. Every argument struct begins with @size,
 * which the caller sets to sizeof the struct that it was compiled with: a
 * longer struct than the kernel knows is accepted if what the kernel does not
 * know is zero (else E2BIG), one of an earlier version is filled up with zeros,
 * one shorter than in the first version is refused (EINVAL). Fields named
 * reserved, and unknown flags, must be zero (else EINVAL).
 *
 * Every struct has @status behind @size. It is written on success and on
 * failure whenever @size covers it: one of enum ktm_status, more precise than
 * errno, which is only its class (Documentation/uapi.md has the table of each
 * call's errors).
 *
 * A descriptor of the wrong kind gives ENOTTY if the ioctl is made on it, and
 * EBADFD if it is passed in a field.
 */
#ifndef _UAPI_LINUX_KTM_H
#define _UAPI_LINUX_KTM_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define KTM_ABI_VERSION		1

/**
 * struct ktm_guid - identity of any object
 * @b: 16 bytes in the order of RFC 4122, as uuid_t of libuuid has them
 *
 * All zero ("nil") is no object; where a call takes a GUID of the caller's
 * choice, nil asks the kernel to draw one.
 */
struct ktm_guid {
	__u8 b[16];
};

/*
 * enum ktm_status - what a call came to; one code per NTSTATUS of the reference
 *
 * The numbers are ours and never change. The comment gives the errno.
 */
enum ktm_status {
	KTM_STATUS_SUCCESS			= 0,
	KTM_STATUS_PENDING			= 1,	/* success: 0, still under way */
	KTM_STATUS_TIMEOUT			= 2,	/* ETIMEDOUT */
	KTM_STATUS_NO_MORE_ENTRIES		= 3,	/* success: 0, nothing left */
	KTM_STATUS_INVALID_PARAMETER		= 4,	/* EINVAL */
	KTM_STATUS_INVALID_HANDLE		= 5,	/* EBADF */
	KTM_STATUS_OBJECT_TYPE_MISMATCH		= 6,	/* EBADFD, ENOTTY */
	KTM_STATUS_ACCESS_DENIED		= 7,	/* EACCES */
	KTM_STATUS_INSUFFICIENT_RESOURCES	= 8,	/* ENOMEM */
	KTM_STATUS_BUFFER_TOO_SMALL		= 9,	/* EMSGSIZE */
	KTM_STATUS_INVALID_INFO_CLASS		= 10,	/* EINVAL */
	KTM_STATUS_INFO_LENGTH_MISMATCH		= 11,	/* EMSGSIZE */
	KTM_STATUS_OBJECT_NAME_EXISTS		= 12,	/* EEXIST */
	KTM_STATUS_OBJECT_NAME_COLLISION	= 13,	/* EEXIST */
	KTM_STATUS_OBJECT_NAME_INVALID		= 14,	/* EINVAL */
	KTM_STATUS_LOG_CORRUPTION_DETECTED	= 15,	/* EUCLEAN */
	KTM_STATUS_LOG_FULL			= 16,	/* ENOSPC */
	KTM_STATUS_TM_VOLATILE			= 17,	/* EOPNOTSUPP */
	KTM_STATUS_TM_IDENTITY_MISMATCH		= 18,	/* EXDEV */
	KTM_STATUS_TM_NOT_ONLINE		= 19,	/* ENOTCONN */
	KTM_STATUS_TM_NOT_FOUND			= 20,	/* ENOENT */
	KTM_STATUS_TRANSACTION_NOT_FOUND	= 21,	/* ENOENT */
	KTM_STATUS_RM_NOT_FOUND			= 22,	/* ENOENT */
	KTM_STATUS_ENLISTMENT_NOT_FOUND		= 23,	/* ENOENT */
	KTM_STATUS_TRANSACTION_NOT_ACTIVE	= 24,	/* ESTALE */
	KTM_STATUS_SUPERIOR_EXISTS		= 25,	/* EBUSY */
	KTM_STATUS_ALREADY_ABORTED		= 26,	/* ECANCELED */
	KTM_STATUS_ALREADY_COMMITTED		= 27,	/* EALREADY */
	KTM_STATUS_REQUEST_NOT_VALID		= 28,	/* EPROTO: out of order */
	KTM_STATUS_NOT_REQUESTED		= 29,	/* ENOMSG: nobody asked for it */
	KTM_STATUS_NOT_SUPERIOR			= 30,	/* EPERM */
	KTM_STATUS_RESPONSE_NOT_ENLISTED	= 31,	/* ENOPROTOOPT */
	KTM_STATUS_OBJECT_EXPIRED		= 32,	/* ESTALE */
	KTM_STATUS_UNSUCCESSFUL			= 33,	/* EIO */
	KTM_STATUS_QUOTA_EXCEEDED		= 34,	/* EDQUOT */
	KTM_STATUS_SHARING_VIOLATION		= 35,	/* EBUSY: opened exclusively */
	KTM_STATUS_INDOUBT			= 36,	/* ENOTRECOVERABLE: not known yet */
	KTM_STATUS_IO_ERROR			= 37,	/* EIO: the log's device */
	KTM_STATUS_LOG_NOT_A_JOURNAL		= 38,	/* EUCLEAN: format it first */
	KTM_STATUS_LOG_TOO_SMALL		= 39,	/* EUCLEAN: the device is, for it */
	KTM_STATUS_LOG_UNSUPPORTED		= 40,	/* EUCLEAN: of a later version */
	KTM_STATUS_DEVICE_BUSY			= 41,	/* EBUSY: the log's device is in use */
	KTM_STATUS_INTERRUPTED			= 42,	/* EINTR: by a signal; see each call */
	KTM_STATUS_FAULT			= 43,	/* EFAULT: a pointer in the struct */
	KTM_STATUS_TOO_MANY_FILES		= 44,	/* EMFILE */
	KTM_STATUS_ROLLED_BACK			= 45,	/* ECANCELED: Commit came to abort */
	KTM_STATUS_OBJECT_BUSY			= 46,	/* EBUSY: somebody still uses it */
	KTM_STATUS_NOT_FROZEN			= 47,	/* EPROTO: Thaw without Freeze */
	KTM_STATUS_FREEZE_IN_PROGRESS		= 48,	/* EBUSY: frozen already */
	KTM_STATUS_PROTOCOL_EXISTS		= 49,	/* EEXIST: registered already */
	KTM_STATUS_STREAM_NOT_FOUND		= 50,	/* ENOENT */
	KTM_STATUS_LOG_RECORD_NONEXISTENT	= 51,	/* ENOENT: no live record of that LSN */
	KTM_STATUS_STREAM_FULL			= 52,	/* ENOSPC: its quota */
	KTM_STATUS_STREAM_REOPENED		= 53,	/* ESTALE: look at what it holds first */
	KTM_STATUS_POSSIBLE_DEADLOCK		= 54,	/* EDEADLK: told to drivers only */
};

/* ---- access rights; the values are those of the reference ---- */

#define KTM_TM_QUERY_INFORMATION	0x0001
#define KTM_TM_SET_INFORMATION		0x0002
#define KTM_TM_RECOVER			0x0004
#define KTM_TM_RENAME			0x0008
#define KTM_TM_CREATE_RM		0x0010
#define KTM_TM_BIND_TRANSACTION		0x0020
#define KTM_TM_GENERIC_READ		KTM_TM_QUERY_INFORMATION
#define KTM_TM_GENERIC_WRITE		(KTM_TM_SET_INFORMATION | KTM_TM_RECOVER | \
					 KTM_TM_RENAME | KTM_TM_CREATE_RM)
#define KTM_TM_ALL_ACCESS		0x003f

#define KTM_RM_QUERY_INFORMATION	0x0001
#define KTM_RM_SET_INFORMATION		0x0002
#define KTM_RM_RECOVER			0x0004
#define KTM_RM_ENLIST			0x0008
#define KTM_RM_GET_NOTIFICATION		0x0010
#define KTM_RM_REGISTER_PROTOCOL	0x0020
#define KTM_RM_COMPLETE_PROPAGATION	0x0040
#define KTM_RM_ALL_ACCESS		0x007f

#define KTM_TX_QUERY_INFORMATION	0x0001
#define KTM_TX_SET_INFORMATION		0x0002
#define KTM_TX_ENLIST			0x0004
#define KTM_TX_COMMIT			0x0008
#define KTM_TX_ROLLBACK			0x0010
#define KTM_TX_PROPAGATE		0x0020
/*
 * What a client hands to a resource manager: everything but to commit by the
 * transaction itself. As in the reference, who may enlist may do so as a
 * superior, which then decides.
 */
#define KTM_TX_RESOURCE_MANAGER_RIGHTS	(KTM_TX_QUERY_INFORMATION | KTM_TX_SET_INFORMATION | \
					 KTM_TX_ENLIST | KTM_TX_ROLLBACK | KTM_TX_PROPAGATE)
#define KTM_TX_ALL_ACCESS		0x003f

#define KTM_EN_QUERY_INFORMATION	0x0001
#define KTM_EN_SET_INFORMATION		0x0002
#define KTM_EN_RECOVER			0x0004
#define KTM_EN_SUBORDINATE_RIGHTS	0x0008
#define KTM_EN_SUPERIOR_RIGHTS		0x0010
#define KTM_EN_ALL_ACCESS		0x001f

/* on a log stream; mode bit r grants QUERY and READ, w APPEND and MANAGE, x SET */
#define KTM_STREAM_QUERY_INFORMATION	0x0001
#define KTM_STREAM_SET_INFORMATION	0x0002
#define KTM_STREAM_READ			0x0004
#define KTM_STREAM_APPEND		0x0008
#define KTM_STREAM_MANAGE		0x0010
#define KTM_STREAM_ALL_ACCESS		0x001f

/*
 * In an Open: whatever the mode of the object grants the caller. Rights asked
 * for by name are granted in full or refused (EACCES).
 */
#define KTM_MAXIMUM_ALLOWED		0x02000000

/* ---- notifications: bits of an enlistment's mask; values of the reference ---- */

#define KTM_NOTIFY_PREPREPARE		0x00000001
#define KTM_NOTIFY_PREPARE		0x00000002
#define KTM_NOTIFY_COMMIT		0x00000004
#define KTM_NOTIFY_ROLLBACK		0x00000008
#define KTM_NOTIFY_PREPREPARE_COMPLETE	0x00000010
#define KTM_NOTIFY_PREPARE_COMPLETE	0x00000020
#define KTM_NOTIFY_COMMIT_COMPLETE	0x00000040
#define KTM_NOTIFY_ROLLBACK_COMPLETE	0x00000080
#define KTM_NOTIFY_RECOVER		0x00000100
#define KTM_NOTIFY_SINGLE_PHASE_COMMIT	0x00000200
#define KTM_NOTIFY_DELEGATE_COMMIT	0x00000400	/* never sent */
#define KTM_NOTIFY_RECOVER_QUERY	0x00000800
#define KTM_NOTIFY_ENLIST_PREPREPARE	0x00001000	/* never sent */
#define KTM_NOTIFY_LAST_RECOVER		0x00002000
#define KTM_NOTIFY_INDOUBT		0x00004000
#define KTM_NOTIFY_PROPAGATE_PULL	0x00008000	/* never sent */
#define KTM_NOTIFY_PROPAGATE_PUSH	0x00010000	/* never sent */
#define KTM_NOTIFY_MARSHAL		0x00020000	/* never sent */
#define KTM_NOTIFY_ENLIST_MASK		0x00040000	/* never sent */
#define KTM_NOTIFY_RM_DISCONNECTED	0x01000000
#define KTM_NOTIFY_TM_ONLINE		0x02000000	/* never sent */
#define KTM_NOTIFY_COMMIT_REQUEST	0x04000000
#define KTM_NOTIFY_PROMOTE		0x08000000	/* never sent */
#define KTM_NOTIFY_PROMOTE_NEW		0x10000000	/* never sent */
#define KTM_NOTIFY_REQUEST_OUTCOME	0x20000000
#define KTM_NOTIFY_COMMIT_FINALIZE	0x40000000	/* never sent */

/* Every bit that has a meaning: a mask may name them all. */
#define KTM_NOTIFY_ALL			0x7f07ffff
/* What every participant must name. PREPREPARE may be left out: no phase 0 for it. */
#define KTM_NOTIFY_REQUIRED	(KTM_NOTIFY_PREPARE | KTM_NOTIFY_COMMIT | KTM_NOTIFY_ROLLBACK)
/* What most want: two phases and recovery. */
#define KTM_NOTIFY_TWO_PHASE	(KTM_NOTIFY_REQUIRED | KTM_NOTIFY_RECOVER | \
				 KTM_NOTIFY_LAST_RECOVER | KTM_NOTIFY_INDOUBT)
/* What a superior must name, and what only a participant may. */
#define KTM_NOTIFY_SUPERIOR_REQUIRED	KTM_NOTIFY_ROLLBACK
#define KTM_NOTIFY_SUPERIOR_REFUSED	(KTM_NOTIFY_PREPREPARE | KTM_NOTIFY_PREPARE | \
					 KTM_NOTIFY_COMMIT | KTM_NOTIFY_SINGLE_PHASE_COMMIT)

/**
 * struct ktm_notification - what read(2) on an RM descriptor returns
 * @length: bytes of this record, argument and padding to 8 included
 * @kind: one KTM_NOTIFY_ bit
 * @enlistment: which enlistment; nil with LAST_RECOVER
 * @uow: the transaction's GUID; nil with LAST_RECOVER
 * @key: the RM's key of the enlistment (with RECOVER: the logged one)
 * @virtual_clock: the TM's clock when the notification came due
 * @argument_length: bytes that follow the struct; 0 in this version
 * @reserved: 0
 *
 * read returns as many whole records as fit; EMSGSIZE if not even one does,
 * EAGAIN if none waits and the descriptor is O_NONBLOCK, EINTR. A record is
 * taken off the queue only when it has been copied. poll says POLLIN while one
 * waits, and POLLERR while the TM is offline or the RM must call RM_RECOVER.
 */
struct ktm_notification {
	__u32 length;
	__u32 kind;
	struct ktm_guid enlistment;
	struct ktm_guid uow;
	__u64 key;
	__u64 virtual_clock;
	__u32 argument_length;
	__u32 reserved;
};

/* ---- limits ---- */

#define KTM_MAX_DESCRIPTION		128	/* bytes of UTF-8, no NUL needed */
#define KTM_MAX_RECOVERY_INFORMATION	16384	/* bytes */
#define KTM_MAX_PROTOCOL_INFORMATION	4096	/* bytes */
#define KTM_MAX_PROTOCOLS		16	/* of one RM */
#define KTM_MAX_BATCH			256	/* answers in one KTM_IOC_EXCHANGE */
#define KTM_MAX_FREEZE_NS		60000000000ULL	/* one minute */
#define KTM_MAX_STREAM_NAME		128	/* bytes of UTF-8, no NUL needed */
#define KTM_MAX_STREAM_RECORD		16384	/* bytes of data in one record */
#define KTM_MAX_STREAM_PIECES		64	/* that the data of one record is gathered from */

/* ---- states that queries tell ---- */

enum ktm_tm_state {
	KTM_TM_STATE_OFFLINE	= 0,	/* made, not recovered yet; or see FAILED */
	KTM_TM_STATE_RECOVERING	= 1,
	KTM_TM_STATE_ONLINE	= 2,
	KTM_TM_STATE_FAILED	= 3,	/* its log failed: call TM_RECOVER to reopen it */
	KTM_TM_STATE_ROLLED_FORWARD = 4, /* recovered up to a virtual clock, not to the end */
};

enum ktm_tx_state {
	KTM_TX_STATE_ACTIVE	= 0,	/* takes work and enlistments */
	KTM_TX_STATE_PREPARING	= 1,	/* Commit was called, votes are awaited */
	KTM_TX_STATE_DECIDING	= 2,	/* all voted, the decision is on its way to the log */
	KTM_TX_STATE_COMMITTING	= 3,	/* committed; some RMs have not finished */
	KTM_TX_STATE_COMMITTED	= 4,	/* committed by all */
	KTM_TX_STATE_ABORTING	= 5,	/* rolled back; some RMs have not finished */
	KTM_TX_STATE_ABORTED	= 6,	/* rolled back by all */
	KTM_TX_STATE_INDOUBT	= 7,	/* the log failed under the decision */
	KTM_TX_STATE_PREPREPARING = 8,	/* phase 0; still takes enlistments */
	KTM_TX_STATE_PREPREPARED = 9,	/* phase 0 is over, the superior starts phase 1 */
	KTM_TX_STATE_SEALING	= 10,	/* all voted, that is on its way to the log */
	KTM_TX_STATE_PREPARED	= 11,	/* only the superior decides */
	KTM_TX_STATE_SINGLE_PHASE = 12,	/* only the one participant decides */
	KTM_TX_STATE_SINGLE_PHASE_INDOUBT = 13,	/* which has closed without an answer */
	KTM_TX_STATE_SUPERIOR_INDOUBT = 14,	/* prepared, and the superior has closed */
};

enum ktm_tx_outcome {
	KTM_OUTCOME_UNDETERMINED = 1,
	KTM_OUTCOME_COMMITTED	= 2,
	KTM_OUTCOME_ABORTED	= 3,
};

enum ktm_en_state {
	KTM_EN_STATE_ACTIVE	= 0,
	KTM_EN_STATE_PREPARING	= 1,	/* PREPARE was sent */
	KTM_EN_STATE_PREPARED	= 2,	/* PrepareComplete was accepted */
	KTM_EN_STATE_COMMITTING	= 3,	/* must commit, CommitComplete is awaited */
	KTM_EN_STATE_COMMITTED	= 4,
	KTM_EN_STATE_ABORTING	= 5,	/* must roll back, RollbackComplete is awaited */
	KTM_EN_STATE_ABORTED	= 6,
	KTM_EN_STATE_READ_ONLY	= 7,	/* has left */
	KTM_EN_STATE_PREPREPARING = 8,	/* PREPREPARE was sent */
	KTM_EN_STATE_PREPREPARED = 9,	/* PrePrepareComplete was accepted, or none is wanted */
	KTM_EN_STATE_SINGLE_PHASE = 10,	/* SINGLE_PHASE_COMMIT was sent */
	KTM_EN_STATE_DISCONNECTED = 11,	/* over; who knew the outcome has closed */
};

/* ---- requests ---- */

#define KTM_IOC_MAGIC		0xB8
#define KTM_IOC(nr)		_IO(KTM_IOC_MAGIC, (nr))

/* on /dev/ktm */
#define KTM_IOC_VERSION			KTM_IOC(0x00)	/* struct ktm_version */
#define KTM_IOC_TM_CREATE		KTM_IOC(0x01)	/* struct ktm_tm_create */
#define KTM_IOC_TM_OPEN			KTM_IOC(0x02)	/* struct ktm_open */
#define KTM_IOC_TX_CREATE		KTM_IOC(0x03)	/* struct ktm_tx_create */
#define KTM_IOC_TX_OPEN			KTM_IOC(0x04)	/* struct ktm_open */
#define KTM_IOC_TM_OPEN_LOG		KTM_IOC(0x05)	/* struct ktm_tm_open_log */
#define KTM_IOC_FREEZE			KTM_IOC(0x06)	/* struct ktm_freeze */
#define KTM_IOC_THAW			KTM_IOC(0x07)	/* struct ktm_call */
/* on a TM */
#define KTM_IOC_TM_RECOVER		KTM_IOC(0x10)	/* struct ktm_tm_recover */
#define KTM_IOC_RM_CREATE		KTM_IOC(0x11)	/* struct ktm_rm_create */
#define KTM_IOC_RM_OPEN			KTM_IOC(0x12)	/* struct ktm_open */
#define KTM_IOC_TM_ROLLFORWARD		KTM_IOC(0x13)	/* struct ktm_tm_rollforward */
#define KTM_IOC_TM_RENAME		KTM_IOC(0x14)	/* struct ktm_tm_rename */
#define KTM_IOC_TM_OFFLINE		KTM_IOC(0x15)	/* struct ktm_call */
#define KTM_IOC_STREAM_CREATE		KTM_IOC(0x16)	/* struct ktm_stream_create */
#define KTM_IOC_STREAM_OPEN		KTM_IOC(0x17)	/* struct ktm_stream_open */
/* on an RM */
#define KTM_IOC_RM_RECOVER		KTM_IOC(0x20)	/* struct ktm_call */
#define KTM_IOC_ENLIST			KTM_IOC(0x21)	/* struct ktm_enlist */
#define KTM_IOC_EN_OPEN			KTM_IOC(0x22)	/* struct ktm_open */
#define KTM_IOC_EXCHANGE		KTM_IOC(0x23)	/* struct ktm_exchange */
#define KTM_IOC_REGISTER_PROTOCOL	KTM_IOC(0x24)	/* struct ktm_protocol */
#define KTM_IOC_PROPAGATION_COMPLETE	KTM_IOC(0x25)	/* struct ktm_propagation */
#define KTM_IOC_PROPAGATION_FAILED	KTM_IOC(0x26)	/* struct ktm_propagation */
/* on a transaction */
#define KTM_IOC_COMMIT			KTM_IOC(0x30)	/* struct ktm_call */
#define KTM_IOC_ROLLBACK		KTM_IOC(0x31)	/* struct ktm_call */
#define KTM_IOC_TX_WAIT			KTM_IOC(0x32)	/* struct ktm_tx_wait */
/* on an enlistment, or on its RM with the enlistment's GUID; struct ktm_answer */
#define KTM_IOC_PREPARE_COMPLETE	KTM_IOC(0x40)
#define KTM_IOC_COMMIT_COMPLETE		KTM_IOC(0x41)
#define KTM_IOC_ROLLBACK_COMPLETE	KTM_IOC(0x42)
#define KTM_IOC_READ_ONLY		KTM_IOC(0x43)
#define KTM_IOC_EN_ROLLBACK		KTM_IOC(0x44)
#define KTM_IOC_EN_RECOVER		KTM_IOC(0x45)
#define KTM_IOC_PREPREPARE_COMPLETE	KTM_IOC(0x46)
#define KTM_IOC_SINGLE_PHASE_REJECT	KTM_IOC(0x47)
#define KTM_IOC_REQUEST_OUTCOME		KTM_IOC(0x48)
/* the same, by a superior */
#define KTM_IOC_EN_PREPREPARE		KTM_IOC(0x49)
#define KTM_IOC_EN_PREPARE		KTM_IOC(0x4a)
#define KTM_IOC_EN_COMMIT		KTM_IOC(0x4b)
/* on any object */
#define KTM_IOC_QUERY			KTM_IOC(0x50)	/* struct ktm_query */
#define KTM_IOC_ENUMERATE		KTM_IOC(0x51)	/* struct ktm_enumerate */
#define KTM_IOC_NARROW			KTM_IOC(0x52)	/* struct ktm_narrow */
#define KTM_IOC_SET			KTM_IOC(0x53)	/* struct ktm_set */
/* on a log stream */
#define KTM_IOC_STREAM_APPEND		KTM_IOC(0x60)	/* struct ktm_stream_append */
#define KTM_IOC_STREAM_RESERVE		KTM_IOC(0x61)	/* struct ktm_stream_reserve */
#define KTM_IOC_STREAM_READ		KTM_IOC(0x62)	/* struct ktm_stream_read */
#define KTM_IOC_STREAM_FLUSH		KTM_IOC(0x63)	/* struct ktm_stream_flush */
#define KTM_IOC_STREAM_ADVANCE		KTM_IOC(0x64)	/* struct ktm_stream_mark */
#define KTM_IOC_STREAM_TRUNCATE		KTM_IOC(0x65)	/* struct ktm_stream_mark */
#define KTM_IOC_STREAM_DELETE		KTM_IOC(0x66)	/* struct ktm_call */

/**
 * struct ktm_version - KTM_IOC_VERSION: what the module is
 * @size: sizeof(struct ktm_version)
 * @status: out
 * @abi: out: KTM_ABI_VERSION of the module
 * @reserved: 0
 * @features: out: bits for what came after version 1; 0
 */
struct ktm_version {
	__u32 size;
	__u32 status;
	__u32 abi;
	__u32 reserved;
	__u64 features;
};

/* ktm_tm_create.flags */
#define KTM_TM_VOLATILE		0x1	/* no log: all its RMs are volatile */
#define KTM_TM_PERSIST		0x2	/* it stays until KTM_IOC_TM_OFFLINE */
#define KTM_TM_DISCARD		0x4	/* the device is told which part of the log is not needed */

/**
 * struct ktm_tm_create - KTM_IOC_TM_CREATE: make a transaction manager
 * @size: sizeof(struct ktm_tm_create)
 * @status: out
 * @flags: KTM_TM_VOLATILE, or any of KTM_TM_PERSIST and KTM_TM_DISCARD
 * @access: rights of the new descriptor, KTM_TM_*
 * @mode: who may open it, as a file's mode; 0 means 0600. The owner is the
 *	caller's fsuid and fsgid.
 * @device_fd: durable: an O_RDWR descriptor of a block device that holds a
 *	journal (ktmctl journal format); volatile: -1
 * @guid: volatile: in, the wanted GUID or nil; out: the TM's. Durable: must be
 *	nil or the journal's, out: the journal's.
 * @fd: out: descriptor, O_CLOEXEC
 * @reserved: 0
 *
 * A durable TM claims its device, is offline and does nothing before
 * KTM_IOC_TM_RECOVER; it lives while a descriptor of it, of one of its RMs or
 * of a transaction bound to it is open, or, with KTM_TM_PERSIST, until
 * KTM_IOC_TM_OFFLINE, and the module cannot be unloaded before. A volatile one
 * is online at once.
 * If the TM of that journal is open already: OBJECT_NAME_COLLISION, @guid says
 * which one to open. Waits for a TM that is just giving up the device.
 */
struct ktm_tm_create {
	__u32 size;
	__u32 status;
	__u32 flags;
	__u32 access;
	__u32 mode;
	__s32 device_fd;
	struct ktm_guid guid;
	__s32 fd;
	__u32 reserved;
};

/**
 * struct ktm_tm_open_log - KTM_IOC_TM_OPEN_LOG: open the TM of a journal
 * @size: sizeof(struct ktm_tm_open_log)
 * @status: out
 * @access: wanted rights, KTM_TM_* or KTM_MAXIMUM_ALLOWED
 * @device_fd: a descriptor of the block device
 * @guid: out: the TM's
 * @fd: out: descriptor, O_CLOEXEC
 * @flags: 0
 *
 * As KTM_IOC_TM_OPEN, found by its log. TM_NOT_FOUND if no TM has claimed the
 * device.
 */
struct ktm_tm_open_log {
	__u32 size;
	__u32 status;
	__u32 access;
	__s32 device_fd;
	struct ktm_guid guid;
	__s32 fd;
	__u32 flags;
};

/**
 * struct ktm_freeze - KTM_IOC_FREEZE: let no transaction commit for a while
 * @size: sizeof(struct ktm_freeze)
 * @status: out
 * @flags: 0
 * @reserved: 0
 * @freeze_timeout_ns: how long to wait for commits that are under way, in
 *	nanoseconds, at most KTM_MAX_FREEZE_NS; TIMEOUT and nothing is frozen if
 *	they take longer
 * @thaw_timeout_ns: after that many nanoseconds all is thawed without
 *	KTM_IOC_THAW; not 0, at most KTM_MAX_FREEZE_NS
 *
 * Needs CAP_SYS_ADMIN in the initial user namespace (ACCESS_DENIED). Until the
 * thaw, Commit of a client, Preprepare, Prepare and Commit of a superior, and
 * RecoverEnlistment of a committed transaction, or of one in the single phase,
 * wait before they begin (a signal ends that wait: INTERRUPTED, and nothing was
 * begun), so no log gets a decision to commit, or what an RM has completed of
 * one: a snapshot of several devices is consistent.
 * KTM_IOC_THAW takes struct ktm_call; NOT_FROZEN if there is nothing to thaw.
 */
struct ktm_freeze {
	__u32 size;
	__u32 status;
	__u32 flags;
	__u32 reserved;
	__u64 freeze_timeout_ns;
	__u64 thaw_timeout_ns;
};

/* ktm_open.flags */
#define KTM_OPEN_EXCLUSIVE	0x1	/* RM only: nobody else may have it open */

/**
 * struct ktm_open - open an object by its GUID
 * @size: sizeof(struct ktm_open)
 * @status: out
 * @flags: KTM_OPEN_EXCLUSIVE or 0
 * @access: wanted rights, or KTM_MAXIMUM_ALLOWED; never 0
 * @guid: of the object
 * @fd: out: descriptor, O_CLOEXEC
 * @reserved: 0
 *
 * For KTM_IOC_TM_OPEN and KTM_IOC_TX_OPEN on /dev/ktm, KTM_IOC_RM_OPEN on a TM
 * and KTM_IOC_EN_OPEN on an RM (which needs KTM_RM_ENLIST). Owner and mode of
 * the object bound what is granted: r gives the query right, w what a
 * participant needs, x COMMIT and ROLLBACK on a transaction and RECOVER
 * elsewhere. CAP_DAC_OVERRIDE in the initial user namespace grants all.
 * The mode of the file that a descriptor came from plays no part.
 */
struct ktm_open {
	__u32 size;
	__u32 status;
	__u32 flags;
	__u32 access;
	struct ktm_guid guid;
	__s32 fd;
	__u32 reserved;
};

/* ktm_tx_create.flags */
#define KTM_TX_DO_NOT_PROMOTE	0x1	/* kept for the reference's sake: nothing promotes */

/**
 * struct ktm_tx_create - KTM_IOC_TX_CREATE: begin a transaction
 * @size: sizeof(struct ktm_tx_create)
 * @status: out
 * @flags: KTM_TX_DO_NOT_PROMOTE or 0
 * @access: rights of the new descriptor, KTM_TX_*
 * @mode: who may open it by GUID; 0 means 0600
 * @tm_fd: the TM it belongs to (needs KTM_TM_BIND_TRANSACTION), or -1: then it
 *	is bound to the TM of its first enlistment
 * @uow: in: the wanted GUID or nil; out: the transaction's
 * @timeout_ns: nanoseconds from now after which it is rolled back unless its
 *	decision has been handed to the log by then; 0: never
 * @description: pointer to UTF-8 text for administrators, or 0
 * @description_length: bytes of it, 0 to KTM_MAX_DESCRIPTION
 * @fd: out: descriptor, O_CLOEXEC
 * @isolation_level: for the participants to read (KTM_INFO_TX_PROPERTIES); means
 *	nothing to the TM
 * @isolation_flags: the same
 *
 * When the last descriptor that may commit is closed before KTM_IOC_COMMIT, the
 * transaction is rolled back. A UOW that is in use, or that the log may still
 * know, is refused: OBJECT_NAME_COLLISION.
 */
struct ktm_tx_create {
	__u32 size;
	__u32 status;
	__u32 flags;
	__u32 access;
	__u32 mode;
	__s32 tm_fd;
	struct ktm_guid uow;
	__u64 timeout_ns;
	__u64 description;
	__u32 description_length;
	__s32 fd;
	__u32 isolation_level;
	__u32 isolation_flags;
};

/**
 * struct ktm_tm_recover - KTM_IOC_TM_RECOVER: read the log, go online
 * @size: sizeof(struct ktm_tm_recover)
 * @status: out
 * @flags: 0
 * @device_fd: -1, or, for a TM that failed, a new descriptor of its device
 *
 * Needs KTM_TM_RECOVER. On a TM that is online: success, nothing happens. On
 * one that failed (a device error): reopens the log; what it says is the truth:
 * decided transactions are committed, all others rolled back, every RM must
 * call KTM_IOC_RM_RECOVER again. LOG_CORRUPTION_DETECTED: the log is damaged;
 * nothing was written, the kernel log says where. A volatile TM: TM_VOLATILE.
 */
struct ktm_tm_recover {
	__u32 size;
	__u32 status;
	__u32 flags;
	__s32 device_fd;
};

/**
 * struct ktm_tm_rollforward - KTM_IOC_TM_ROLLFORWARD: recover up to a clock
 * @size: sizeof(struct ktm_tm_rollforward)
 * @status: out
 * @flags: 0
 * @device_fd: as for KTM_IOC_TM_RECOVER
 * @virtual_clock: decisions with a greater clock count as not made; not 0
 *
 * Needs KTM_TM_RECOVER and a TM that is not online (REQUEST_NOT_VALID). If the
 * log ends before that clock, the same as KTM_IOC_TM_RECOVER. Else the TM is
 * KTM_TM_STATE_ROLLED_FORWARD: nothing was taken from the log, RMs may be
 * opened and recovered (without LAST_RECOVER; what was decided later is
 * INDOUBT; answers count, but are not logged), everything else is
 * TM_NOT_ONLINE. From there it goes on only forwards (INVALID_PARAMETER for an
 * earlier clock; of a TM that failed online: earlier than its own), by this
 * request or by KTM_IOC_TM_RECOVER, after which RMs recover again.
 */
struct ktm_tm_rollforward {
	__u32 size;
	__u32 status;
	__u32 flags;
	__s32 device_fd;
	__u64 virtual_clock;
};

/**
 * struct ktm_tm_rename - KTM_IOC_TM_RENAME: give a TM another identity
 * @size: sizeof(struct ktm_tm_rename)
 * @status: out
 * @flags: 0
 * @reserved: 0
 * @guid: in: the new GUID, or nil to draw one; out: the TM's
 *
 * Needs KTM_TM_RENAME and a durable TM that has not been recovered yet
 * (REQUEST_NOT_VALID; TM_VOLATILE). The new identity is in the log when this
 * returns. The journal keeps its own (KTM_INFO_TM_LOG).
 */
struct ktm_tm_rename {
	__u32 size;
	__u32 status;
	__u32 flags;
	__u32 reserved;
	struct ktm_guid guid;
};

/* ktm_rm_create.flags */
#define KTM_RM_VOLATILE		0x1	/* nothing of it is logged or recovered */
#define KTM_RM_EXCLUSIVE	0x2	/* this descriptor shall be the only one */
#define KTM_RM_COMMUNICATION	0x4	/* may register protocols */

/**
 * struct ktm_rm_create - KTM_IOC_RM_CREATE: make a resource manager
 * @size: sizeof(struct ktm_rm_create)
 * @status: out
 * @flags: KTM_RM_VOLATILE, KTM_RM_EXCLUSIVE, KTM_RM_COMMUNICATION
 * @access: rights of the new descriptor, KTM_RM_*
 * @mode: who may open it by GUID; 0 means 0600; logged for a durable RM
 * @reserved: 0
 * @guid: in: the RM's own GUID or nil; out
 * @description: pointer to UTF-8 text for administrators, or 0
 * @description_length: bytes of it, 0 to KTM_MAX_DESCRIPTION
 * @fd: out: descriptor, O_CLOEXEC
 *
 * Needs KTM_TM_CREATE_RM and an online TM. A GUID that the TM knows, from the
 * log too: OBJECT_NAME_COLLISION, use KTM_IOC_RM_OPEN (also after EFAULT: the
 * RM was made, only the answer could not be told). A durable RM on a
 * volatile TM: TM_VOLATILE. A durable RM must call KTM_IOC_RM_RECOVER after
 * each Create and Open before it can enlist.
 */
struct ktm_rm_create {
	__u32 size;
	__u32 status;
	__u32 flags;
	__u32 access;
	__u32 mode;
	__u32 reserved;
	struct ktm_guid guid;
	__u64 description;
	__u32 description_length;
	__s32 fd;
};

/* ktm_call.flags */
#define KTM_CALL_WAIT		0x1	/* Commit, Rollback: until every RM has finished */

/**
 * struct ktm_call - a call without further arguments
 * @size: sizeof(struct ktm_call)
 * @status: out
 * @flags: KTM_CALL_WAIT for KTM_IOC_COMMIT and KTM_IOC_ROLLBACK, else 0
 * @reserved: 0
 *
 * KTM_IOC_COMMIT needs KTM_TX_COMMIT, KTM_IOC_ROLLBACK KTM_TX_ROLLBACK. Without
 * WAIT: PENDING (returns 0) unless it is over already. With WAIT: SUCCESS when
 * committed (rolled back) and every RM that is there has finished; Commit gives
 * ROLLED_BACK when the outcome was abort and INDOUBT when who knows the outcome
 * is away: the log failed under the decision, or the single-phase RM or the
 * superior has closed. A signal ends the wait (EINTR), not the commit; but see
 * KTM_IOC_FREEZE: what waits for a thaw has not begun.
 *
 * KTM_IOC_RM_RECOVER needs KTM_RM_RECOVER: queues RECOVER for each unfinished
 * enlistment of the RM, then LAST_RECOVER.
 *
 * KTM_IOC_TM_OFFLINE needs KTM_TM_RECOVER: a TM with KTM_TM_PERSIST loses that
 * and goes with the caller's descriptor. OBJECT_BUSY while any other descriptor
 * of it, of an RM or enlistment of it, or of a transaction bound to it is open.
 * REQUEST_NOT_VALID for one without KTM_TM_PERSIST.
 *
 * KTM_IOC_STREAM_DELETE needs KTM_STREAM_MANAGE: the stream is gone, durably when this
 * returns; who has it open finds STREAM_NOT_FOUND. OBJECT_BUSY while an enlistment that has
 * voted has room set aside in it.
 */
struct ktm_call {
	__u32 size;
	__u32 status;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct ktm_tx_wait - KTM_IOC_TX_WAIT: wait for the end of a transaction
 * @size: sizeof(struct ktm_tx_wait)
 * @status: out
 * @flags: 0
 * @outcome: out: enum ktm_tx_outcome
 * @timeout_ns: nanoseconds to wait at most (TIMEOUT); 0: do not wait; all ones:
 *	for ever
 *
 * Needs KTM_TX_QUERY_INFORMATION. Returns SUCCESS when the outcome is known and
 * every RM that is there has finished, INDOUBT as KTM_IOC_COMMIT. Starts nothing.
 */
struct ktm_tx_wait {
	__u32 size;
	__u32 status;
	__u32 flags;
	__u32 outcome;
	__u64 timeout_ns;
};

/* ktm_enlist.flags */
#define KTM_ENLIST_FD		0x1	/* give a descriptor; else the RM answers by GUID */
#define KTM_ENLIST_SUPERIOR	0x2	/* this one drives the commit and decides */

/**
 * struct ktm_enlist - KTM_IOC_ENLIST: an RM takes part in a transaction
 * @size: sizeof(struct ktm_enlist)
 * @status: out
 * @flags: KTM_ENLIST_FD, KTM_ENLIST_SUPERIOR
 * @tx_fd: the transaction (needs KTM_TX_ENLIST)
 * @mask: KTM_NOTIFY_ bits: at least KTM_NOTIFY_REQUIRED, at most _ALL; of a
 *	superior at least _SUPERIOR_REQUIRED and none of _SUPERIOR_REFUSED
 * @access: with KTM_ENLIST_FD: rights of the descriptor, KTM_EN_*; else 0
 * @mode: who may open it by GUID; 0 means 0600
 * @reserved: 0
 * @key: whatever the RM wants to find in its notifications
 * @guid: out: the enlistment's GUID; prepared data should be filed under it
 * @fd: out: descriptor or -1
 * @reserved2: 0
 *
 * Needs KTM_RM_ENLIST. TRANSACTION_NOT_ACTIVE once phase 1 or a rollback began
 * (in phase 0 one may still enlist), SUPERIOR_EXISTS for a second superior,
 * TM_VOLATILE for a superior of a volatile RM on a durable TM,
 * TM_IDENTITY_MISMATCH if the transaction belongs to another TM, TM_NOT_ONLINE
 * if the TM is offline or the (durable) RM has not called KTM_IOC_RM_RECOVER,
 * LOG_FULL if what a commit may need cannot be reserved in the log; waits while that is being
 * cleaned (a signal: INTERRUPTED, it does not take part).
 */
struct ktm_enlist {
	__u32 size;
	__u32 status;
	__u32 flags;
	__s32 tx_fd;
	__u32 mask;
	__u32 access;
	__u32 mode;
	__u32 reserved;
	__u64 key;
	struct ktm_guid guid;
	__s32 fd;
	__u32 reserved2;
};

/* ktm_answer.flags, on an RM descriptor */
#define KTM_ANSWER_BY_KEY	0x1	/* @key says which enlistment, @enlistment is nil */

/**
 * struct ktm_answer - what an RM says about one enlistment
 * @size: sizeof(struct ktm_answer)
 * @status: out
 * @flags: KTM_ANSWER_BY_KEY or 0
 * @information_length: PREPARE_COMPLETE: bytes of recovery information, 0 to
 *	KTM_MAX_RECOVERY_INFORMATION; else 0
 * @enlistment: on an RM descriptor: which one; on an enlistment: nil
 * @key: EN_RECOVER: the RM's new key; with KTM_ANSWER_BY_KEY (not for
 *	EN_RECOVER): the key of exactly one enlistment of the RM that is not
 *	over (OBJECT_NAME_COLLISION if of several); else 0
 * @information: PREPARE_COMPLETE of a durable enlistment: pointer to bytes that
 *	are logged with the vote and given back after a crash (KTM_INFO_EN_RECOVERY);
 *	replaces what KTM_IOC_SET has given; else 0
 * @virtual_clock: 0, or a value to which the TM's clock is raised if it is less;
 *	not for EN_RECOVER and REQUEST_OUTCOME
 * @append: PREPARE_COMPLETE, COMMIT_COMPLETE, ROLLBACK_COMPLETE of a durable
 *	enlistment: pointer to a struct ktm_stream_append, a record that goes into
 *	the log before the answer's own, its @status and @lsn are written; else 0
 * @stream_fd: with @append or @stream_need: the stream, on which the descriptor
 *	has KTM_STREAM_APPEND, of the same TM (TM_IDENTITY_MISMATCH); else 0
 * @stream_records: PREPARE_COMPLETE: records that the room is to be enough for, whatever
 *	the outcome, at most KTM_MAX_BATCH; one, the @append of the completion, can
 *	be had out of it; else 0
 * @stream_need: PREPARE_COMPLETE: bytes of data in those; else 0
 *
 * What @stream_need and @stream_records ask for is set aside, also across a crash,
 * or the vote fails and changes nothing (LOG_FULL, STREAM_FULL, QUOTA_EXCEEDED). The
 * @append of COMMIT_COMPLETE and ROLLBACK_COMPLETE is taken from it; what is left
 * goes back; so records beyond one only make it larger. If @append is refused so is the
 * answer, with its status. The @append of an answer to SINGLE_PHASE_COMMIT is made durable
 * before the answer counts, which the call waits for; if the answer is not taken and the
 * @lsn of @append is not 0, the record is there, and is not to be brought again.
 *
 * Needs KTM_EN_SUBORDINATE_RIGHTS (EN_RECOVER: KTM_EN_RECOVER; EN_PREPREPARE,
 * EN_PREPARE, EN_COMMIT: KTM_EN_SUPERIOR_RIGHTS) on an enlistment descriptor,
 * KTM_RM_ENLIST (KTM_RM_RECOVER for EN_RECOVER) on an RM descriptor.
 *
 * KTM_IOC_PREPREPARE_COMPLETE ends phase 0 for it: it has flushed what it will
 * flush into others.
 * KTM_IOC_PREPARE_COMPLETE votes yes: everything needed to commit is safe.
 * KTM_IOC_READ_ONLY leaves the transaction instead, until it has voted.
 * KTM_IOC_EN_ROLLBACK rolls the transaction back, until it has voted.
 * KTM_IOC_COMMIT_COMPLETE and KTM_IOC_ROLLBACK_COMPLETE end its part.
 * KTM_IOC_EN_RECOVER answers RECOVER; COMMIT, ROLLBACK or INDOUBT follows.
 * KTM_IOC_SINGLE_PHASE_REJECT answers SINGLE_PHASE_COMMIT: do it in two phases.
 * KTM_IOC_REQUEST_OUTCOME, of one that has prepared: roll back if another has
 * not, else ask the superior, if there is one, to decide now.
 *
 * A superior: KTM_IOC_EN_PREPREPARE begins phase 0, KTM_IOC_EN_PREPARE, when
 * phase 0 is over, phase 1, KTM_IOC_EN_COMMIT, when phase 1 is over, decides;
 * each returns PENDING, the matching _COMPLETE notification follows,
 * and the superior must have registered for it (RESPONSE_NOT_ENLISTED). One that
 * is not a superior: NOT_SUPERIOR. KTM_IOC_EN_ROLLBACK until it has decided.
 * NOT_REQUESTED: an answer that nobody waits for; nothing has changed.
 */
struct ktm_answer {
	__u32 size;
	__u32 status;
	__u32 flags;
	__u32 information_length;
	struct ktm_guid enlistment;
	__u64 key;
	__u64 information;
	__u64 virtual_clock;
	__u64 append;
	__s32 stream_fd;
	__u32 stream_records;
	__u64 stream_need;
};

/**
 * struct ktm_batch_answer - one answer of many
 * @request: the KTM_IOC_ of an answer, as the request number
 * @status: out: what came of it
 * @flags: as in struct ktm_answer
 * @information_length: as in struct ktm_answer; so are all that follow
 * @enlistment: which one
 * @key: see there
 * @information: see there
 * @virtual_clock: see there
 * @append: see there
 * @stream_fd: see there
 * @stream_records: see there
 * @stream_need: see there
 */
struct ktm_batch_answer {
	__u32 request;
	__u32 status;
	__u32 flags;
	__u32 information_length;
	struct ktm_guid enlistment;
	__u64 key;
	__u64 information;
	__u64 virtual_clock;
	__u64 append;
	__s32 stream_fd;
	__u32 stream_records;
	__u64 stream_need;
};

/**
 * struct ktm_exchange - KTM_IOC_EXCHANGE: answer many, fetch the next
 * @size: sizeof(struct ktm_exchange)
 * @status: out: of the fetching; each answer has its own
 * @flags: 0
 * @count: number of @answers, 0 to KTM_MAX_BATCH
 * @answers: pointer to an array of struct ktm_batch_answer, or 0
 * @buffer: pointer to room for notifications, or 0: fetch none
 * @length: bytes of it, room for at least one (BUFFER_TOO_SMALL), or 0
 * @bytes: out: bytes of whole notifications, as read(2) gives them
 * @done: out: answers that were carried out, in their order; they have been,
 *	whatever @status says. Less than @count only with FAULT
 * @reserved: 0
 * @timeout_ns: nanoseconds to wait for the first notification (TIMEOUT); 0: do
 *	not wait; all ones: for ever
 *
 * On an RM. Needs KTM_RM_GET_NOTIFICATION to fetch; an answer needs what it
 * needs alone on an RM descriptor. One that is refused does not stop the rest.
 * TM_NOT_ONLINE instead of waiting while the TM, or a durable RM, has to recover.
 */
struct ktm_exchange {
	__u32 size;
	__u32 status;
	__u32 flags;
	__u32 count;
	__u64 answers;
	__u64 buffer;
	__u32 length;
	__u32 bytes;
	__u32 done;
	__u32 reserved;
	__u64 timeout_ns;
};

/* ktm_protocol.flags */
#define KTM_PROTOCOL_EXPLICIT_MARSHAL_ONLY	0x1
#define KTM_PROTOCOL_DYNAMIC_MARSHAL_INFO	0x2

/**
 * struct ktm_protocol - KTM_IOC_REGISTER_PROTOCOL: how to reach an RM from afar
 * @size: sizeof(struct ktm_protocol)
 * @status: out
 * @flags: KTM_PROTOCOL_
 * @length: bytes of @information, 0 to KTM_MAX_PROTOCOL_INFORMATION
 * @protocol: its GUID, not nil
 * @information: pointer to the address information, or 0
 *
 * Needs KTM_RM_REGISTER_PROTOCOL and KTM_RM_COMMUNICATION (REQUEST_NOT_VALID).
 * PROTOCOL_EXISTS for one that the RM has registered; QUOTA_EXCEEDED beyond
 * KTM_MAX_PROTOCOLS. Forgotten with the RM's last close. As in the reference,
 * nothing propagates transactions yet, so nobody asks for it.
 */
struct ktm_protocol {
	__u32 size;
	__u32 status;
	__u32 flags;
	__u32 length;
	struct ktm_guid protocol;
	__u64 information;
};

/**
 * struct ktm_propagation - KTM_IOC_PROPAGATION_COMPLETE, _FAILED
 * @size: sizeof(struct ktm_propagation)
 * @status: out
 * @cookie: of the PROPAGATE notification that is answered
 * @length: COMPLETE: bytes of @buffer, 0 to KTM_MAX_PROTOCOL_INFORMATION; FAILED: 0
 * @buffer: COMPLETE: pointer to the answer, or 0; FAILED: 0
 * @cause: FAILED: enum ktm_status, why; COMPLETE: 0
 * @reserved: 0
 *
 * Needs KTM_RM_COMPLETE_PROPAGATION. PROPAGATE_PULL and _PUSH are never sent,
 * so no cookie is valid: NOT_REQUESTED.
 */
struct ktm_propagation {
	__u32 size;
	__u32 status;
	__u32 cookie;
	__u32 length;
	__u64 buffer;
	__u32 cause;
	__u32 reserved;
};

/* ktm_query.info_class */
enum ktm_info_class {
	KTM_INFO_TM_BASIC	= 1,	/* struct ktm_tm_info */
	KTM_INFO_RM_BASIC	= 2,	/* struct ktm_rm_info */
	KTM_INFO_TX_BASIC	= 3,	/* struct ktm_tx_info */
	KTM_INFO_TX_ENLISTMENTS	= 4,	/* struct ktm_en_pair[] */
	KTM_INFO_EN_BASIC	= 5,	/* struct ktm_en_info; on an RM: of @guid */
	KTM_INFO_EN_RECOVERY	= 6,	/* the recovery information; on an RM: of @guid */
	KTM_INFO_TM_LOG		= 7,	/* struct ktm_guid: the journal's own identity */
	KTM_INFO_TM_LOG_PATH	= 8,	/* text without NUL: the device's path */
	KTM_INFO_TM_RECOVERY	= 9,	/* __u64: LSN where the log ended when it was opened */
	KTM_INFO_TM_ONLINE	= 10,	/* nothing; TM_NOT_ONLINE if it is not */
	KTM_INFO_RM_COMPLETION	= 11,	/* struct ktm_rm_completion; also set */
	KTM_INFO_TX_PROPERTIES	= 12,	/* struct ktm_tx_properties; also set */
	KTM_INFO_TX_SUPERIOR	= 13,	/* struct ktm_en_pair; ENLISTMENT_NOT_FOUND if none */
	KTM_INFO_EN_CRM		= 14,	/* struct ktm_en_crm; on an RM: of @guid */
	KTM_INFO_STREAM_BASIC	= 15,	/* struct ktm_stream_info */
	KTM_INFO_STREAM_QUOTA	= 16,	/* __u64: bytes; also set */
	KTM_INFO_TM_SPACE	= 17,	/* struct ktm_tm_space */
};

/**
 * struct ktm_query - KTM_IOC_QUERY: ask an object about itself
 * @size: sizeof(struct ktm_query)
 * @status: out
 * @info_class: enum ktm_info_class, of the descriptor's kind
 * @length: in: bytes at @buffer; out: bytes of the whole answer
 * @guid: KTM_INFO_EN_* on an RM descriptor: the enlistment; else nil
 * @buffer: pointer to where the answer goes
 *
 * Needs the QUERY_INFORMATION right. BUFFER_TOO_SMALL: nothing was written to
 * the buffer, @length says how much is needed.
 */
struct ktm_query {
	__u32 size;
	__u32 status;
	__u32 info_class;
	__u32 length;
	struct ktm_guid guid;
	__u64 buffer;
};

/**
 * struct ktm_set - KTM_IOC_SET: change what an object knows about itself
 * @size: sizeof(struct ktm_set)
 * @status: out
 * @info_class: enum ktm_info_class, one that can be set, of the descriptor's kind
 * @length: bytes at @buffer (INFO_LENGTH_MISMATCH)
 * @guid: KTM_INFO_EN_* on an RM descriptor: the enlistment; else nil
 * @buffer: pointer to the information
 *
 * Needs the SET_INFORMATION right; INVALID_INFO_CLASS for one that cannot be
 * set (on a TM: any). KTM_INFO_EN_RECOVERY: each set replaces the last, 0 to
 * KTM_MAX_RECOVERY_INFORMATION bytes; until the vote (a superior: until
 * KTM_IOC_EN_PREPARE), because it is logged with it (REQUEST_NOT_VALID after).
 * A superior's has its room in the log from then on, which may be refused: LOG_FULL,
 * QUOTA_EXCEEDED.
 * KTM_INFO_TX_PROPERTIES: until Commit or a rollback began
 * (TRANSACTION_NOT_ACTIVE).
 */
struct ktm_set {
	__u32 size;
	__u32 status;
	__u32 info_class;
	__u32 length;
	struct ktm_guid guid;
	__u64 buffer;
};

/**
 * struct ktm_rm_completion - KTM_INFO_RM_COMPLETION
 * @port: number of the descriptor that the RM's user waits on, -1: none
 * @reserved: 0
 * @key: what it finds there
 *
 * The module only keeps both: an RM descriptor can be polled, so the port is an
 * epoll descriptor to which user space has added it with @key as its data.
 */
struct ktm_rm_completion {
	__s32 port;
	__u32 reserved;
	__u64 key;
};

/* ktm_tx_properties.set */
#define KTM_TX_SET_TIMEOUT	0x1
#define KTM_TX_SET_ISOLATION	0x2
#define KTM_TX_SET_DESCRIPTION	0x4

/**
 * struct ktm_tx_properties - KTM_INFO_TX_PROPERTIES
 * @set: in KTM_IOC_SET: KTM_TX_SET_ bits of what shall change; in queries 0
 * @outcome: enum ktm_tx_outcome; in KTM_IOC_SET 0
 * @timeout_ns: as set last, nanoseconds from then; 0: never
 * @isolation_level: for the participants
 * @isolation_flags: for the participants
 * @description_length: bytes of @description
 * @reserved: 0
 * @description: UTF-8, padded with zeros
 */
struct ktm_tx_properties {
	__u32 set;
	__u32 outcome;
	__u64 timeout_ns;
	__u32 isolation_level;
	__u32 isolation_flags;
	__u32 description_length;
	__u32 reserved;
	__u8 description[KTM_MAX_DESCRIPTION];
};

/**
 * struct ktm_en_crm - KTM_INFO_EN_CRM
 * @tm: GUID of its TM
 * @rm: GUID of its RM
 * @enlistment: its GUID
 */
struct ktm_en_crm {
	struct ktm_guid tm;
	struct ktm_guid rm;
	struct ktm_guid enlistment;
};

/**
 * struct ktm_tm_info - KTM_INFO_TM_BASIC
 * @guid: the TM's identity
 * @virtual_clock: 1 for a new TM; one more with each commit that begins
 * @state: enum ktm_tm_state
 * @flags: KTM_TM_VOLATILE, KTM_TM_PERSIST
 * @rms: RMs known, open or not
 * @transactions: transactions that are not finished
 * @indoubt: those of them whose outcome cannot be told
 * @reserved: 0
 * @log_size: bytes of the ring; this and the rest are 0 for a volatile TM
 * @log_free: bytes of it that are free
 * @log_reserved: bytes promised to those who have not written yet
 * @log_lsn: where the next batch goes
 * @log_flushed_lsn: up to where everything is durable
 * @last_recovered_lsn: where the log ended when it was last opened
 * @forces: device flushes (or FUA writes) made since it was opened
 * @writes: batches written since it was opened
 */
struct ktm_tm_info {
	struct ktm_guid guid;
	__u64 virtual_clock;
	__u32 state;
	__u32 flags;
	__u32 rms;
	__u32 transactions;
	__u32 indoubt;
	__u32 reserved;
	__u64 log_size;
	__u64 log_free;
	__u64 log_reserved;
	__u64 log_lsn;
	__u64 log_flushed_lsn;
	__u64 last_recovered_lsn;
	__u64 forces;
	__u64 writes;
};

/**
 * struct ktm_rm_info - KTM_INFO_RM_BASIC
 * @guid: of the RM
 * @tm: of its TM
 * @flags: KTM_RM_VOLATILE, KTM_RM_EXCLUSIVE, KTM_RM_COMMUNICATION
 * @online: 1 if it may enlist; 0: it must call KTM_IOC_RM_RECOVER first
 * @enlistments: not finished
 * @description_length: bytes of @description
 * @description: UTF-8, padded with zeros
 */
struct ktm_rm_info {
	struct ktm_guid guid;
	struct ktm_guid tm;
	__u32 flags;
	__u32 online;
	__u32 enlistments;
	__u32 description_length;
	__u8 description[KTM_MAX_DESCRIPTION];
};

/**
 * struct ktm_tx_info - KTM_INFO_TX_BASIC
 * @uow: of the transaction
 * @tm: of its TM, nil while it has none
 * @state: enum ktm_tx_state
 * @outcome: enum ktm_tx_outcome
 * @enlistments: that have not finished
 * @description_length: bytes of @description
 * @timeout_ns: as given at creation
 * @age_ns: nanoseconds since it was created (or found in the log)
 * @description: UTF-8, padded with zeros
 */
struct ktm_tx_info {
	struct ktm_guid uow;
	struct ktm_guid tm;
	__u32 state;
	__u32 outcome;
	__u32 enlistments;
	__u32 description_length;
	__u64 timeout_ns;
	__u64 age_ns;
	__u8 description[KTM_MAX_DESCRIPTION];
};

/**
 * struct ktm_en_pair - one element of KTM_INFO_TX_ENLISTMENTS
 * @enlistment: its GUID
 * @rm: whose it is
 * @state: enum ktm_en_state
 * @present: 1 if its RM is open and knows of it; 0: the RM must recover it
 */
struct ktm_en_pair {
	struct ktm_guid enlistment;
	struct ktm_guid rm;
	__u32 state;
	__u32 present;
};

/**
 * struct ktm_en_info - KTM_INFO_EN_BASIC
 * @enlistment: its GUID
 * @uow: of its transaction
 * @rm: of its RM
 * @key: the RM's key
 * @state: enum ktm_en_state
 * @mask: KTM_NOTIFY_ bits
 */
struct ktm_en_info {
	struct ktm_guid enlistment;
	struct ktm_guid uow;
	struct ktm_guid rm;
	__u64 key;
	__u32 state;
	__u32 mask;
};

/* ktm_enumerate.kind */
enum ktm_object_kind {
	KTM_KIND_TM		= 1,	/* on /dev/ktm */
	KTM_KIND_RM		= 2,	/* on a TM */
	KTM_KIND_TX		= 3,	/* on /dev/ktm: all; on a TM: its own */
	KTM_KIND_EN		= 4,	/* on an RM */
	KTM_KIND_STREAM		= 5,	/* on a TM */
};

/**
 * struct ktm_enumerate - KTM_IOC_ENUMERATE: list objects
 * @size: sizeof(struct ktm_enumerate)
 * @status: out
 * @kind: enum ktm_object_kind
 * @count: in: room at @guids, in GUIDs, 1 to 4096; out: how many were written
 * @cursor: in: nil to begin, else as the last call left it; out: where to go on
 * @guids: pointer to an array of struct ktm_guid
 *
 * In ascending order of GUID, those behind @cursor. Shows only what the caller
 * could open. Needs QUERY_INFORMATION on a TM or RM. NO_MORE_ENTRIES (returns
 * 0, @count 0) behind the last. An object that lives during the whole
 * enumeration is shown exactly once.
 */
struct ktm_enumerate {
	__u32 size;
	__u32 status;
	__u32 kind;
	__u32 count;
	struct ktm_guid cursor;
	__u64 guids;
};

/**
 * struct ktm_narrow - KTM_IOC_NARROW: a second descriptor with fewer rights
 * @size: sizeof(struct ktm_narrow)
 * @status: out
 * @access: rights of the new one, all of which this one has
 * @fd: out: descriptor, O_CLOEXEC
 */
struct ktm_narrow {
	__u32 size;
	__u32 status;
	__u32 access;
	__s32 fd;
};

/* ---- log streams ---- */

/**
 * struct ktm_stream_create - KTM_IOC_STREAM_CREATE: make a log stream
 * @size: sizeof(struct ktm_stream_create)
 * @status: out
 * @access: rights of the new descriptor, KTM_STREAM_*
 * @mode: who may open it, as a file's mode; 0 means 0600
 * @guid: in: the wanted GUID or nil; out: the stream's
 * @quota: bytes of the log that its live and reserved records may take, at least 128; heads
 *	and padding included: each record counts half as much again as its length with a
 *	head of 48, and at least 128
 * @name: pointer to its name, UTF-8, unique in its TM (OBJECT_NAME_COLLISION)
 * @name_length: 1 to KTM_MAX_STREAM_NAME
 * @fd: out: descriptor, O_CLOEXEC
 *
 * On a TM that is online; needs KTM_TM_CREATE_RM. A stream is an ordered set of
 * records within the TM's log, for its RMs. It lives until KTM_IOC_STREAM_DELETE; it
 * is durable when this returns. All quotas together are at most three eighths of
 * the log (LOG_FULL). TM_VOLATILE without a log.
 */
struct ktm_stream_create {
	__u32 size;
	__u32 status;
	__u32 access;
	__u32 mode;
	struct ktm_guid guid;
	__u64 quota;
	__u64 name;
	__u32 name_length;
	__s32 fd;
};

/**
 * struct ktm_stream_open - KTM_IOC_STREAM_OPEN: open a stream by GUID or name
 * @size: sizeof(struct ktm_stream_open)
 * @status: out
 * @access: wanted rights, KTM_STREAM_* or KTM_MAXIMUM_ALLOWED
 * @name_length: bytes of @name, 0: by @guid
 * @guid: in: which one, nil if by name; out: the stream's
 * @name: pointer to its name, or 0
 * @fd: out: descriptor, O_CLOEXEC
 * @reserved: 0
 *
 * On a TM that is online. STREAM_NOT_FOUND; ACCESS_DENIED by its owner and mode.
 */
struct ktm_stream_open {
	__u32 size;
	__u32 status;
	__u32 access;
	__u32 name_length;
	struct ktm_guid guid;
	__u64 name;
	__s32 fd;
	__u32 reserved;
};

/**
 * struct ktm_stream_piece - where a part of a record's data is
 * @base: pointer
 * @length: bytes
 */
struct ktm_stream_piece {
	__u64 base;
	__u64 length;
};

/* ktm_stream_append.flags */
#define KTM_STREAM_RESTART	0x1	/* a restart record, found by KTM_STREAM_LAST_RESTART */
#define KTM_STREAM_RESERVED	0x2	/* out of what KTM_IOC_STREAM_RESERVE has set aside */
#define KTM_STREAM_DURABLE	0x4	/* return when it is durable */

/**
 * struct ktm_stream_append - KTM_IOC_STREAM_APPEND: add a record
 * @size: sizeof(struct ktm_stream_append)
 * @status: out
 * @flags: KTM_STREAM_RESTART, _RESERVED, _DURABLE; in an answer only _RESTART
 * @count: number of @pieces, 0 to KTM_MAX_STREAM_PIECES
 * @pieces: pointer to an array of struct ktm_stream_piece, or 0; at most
 *	KTM_MAX_STREAM_RECORD bytes together
 * @previous_lsn: kept with the record, for KTM_STREAM_PREVIOUS_LINK; 0 or the LSN of
 *	an earlier record
 * @undo_next_lsn: the same, for KTM_STREAM_UNDO_LINK
 * @base_lsn: with KTM_STREAM_RESTART: advance the base to this LSN together with
 *	it (as KTM_IOC_STREAM_ADVANCE); else 0
 * @lsn: out: its LSN, greater than that of every record before it
 *
 * Needs KTM_STREAM_APPEND. Not durable when it returns, but with KTM_STREAM_DURABLE: a
 * decision of the TM that comes later, or KTM_IOC_STREAM_FLUSH, makes it so. If with
 * KTM_STREAM_DURABLE the status is not SUCCESS and @lsn is not 0, the record is there (it is
 * not to be appended again), but is not known to be durable: INTERRUPTED, a signal ended the
 * wait; LOG_FULL, no room for @base_lsn; IO_ERROR, TM_NOT_ONLINE, STREAM_REOPENED,
 * STREAM_NOT_FOUND: the log failed, or what follows from that. Waits (a signal: INTERRUPTED,
 * nothing was appended) while the log is being cleaned; STREAM_FULL beyond the stream's quota,
 * LOG_FULL if cleaning does not help: no room for the record, or, with KTM_STREAM_DURABLE, to
 * end the write unit with, which one that was set aside can meet, too. TM_NOT_ONLINE;
 * STREAM_REOPENED until this descriptor has asked for KTM_INFO_STREAM_BASIC after the TM was
 * reopened: records that had not become durable are gone, and their LSNs may be others'.
 */
struct ktm_stream_append {
	__u32 size;
	__u32 status;
	__u32 flags;
	__u32 count;
	__u64 pieces;
	__u64 previous_lsn;
	__u64 undo_next_lsn;
	__u64 base_lsn;
	__u64 lsn;
};

/* ktm_stream_reserve.flags */
#define KTM_STREAM_UNRESERVE	0x1	/* give back */

/**
 * struct ktm_stream_reserve - KTM_IOC_STREAM_RESERVE: make sure of records to come
 * @size: sizeof(struct ktm_stream_reserve)
 * @status: out
 * @flags: KTM_STREAM_UNRESERVE or 0
 * @records: how many records; 0 to 65536
 * @bytes: of data in them together
 * @total_records: out: set aside now
 * @total_bytes: out: the same
 *
 * Needs KTM_STREAM_APPEND. What is set aside belongs to this descriptor: an append
 * with KTM_STREAM_RESERVED through it uses it and can only fail with the device (with
 * KTM_STREAM_DURABLE see there); closing
 * gives it back, as does a reopening. STREAM_FULL, LOG_FULL; INVALID_PARAMETER to
 * give back more than there is, and for an append that is larger than what is left.
 */
struct ktm_stream_reserve {
	__u32 size;
	__u32 status;
	__u32 flags;
	__u32 records;
	__u64 bytes;
	__u64 total_records;
	__u64 total_bytes;
};

/* ktm_stream_read.mode: which record */
enum ktm_stream_where {
	KTM_STREAM_AT		= 0,	/* the one of @lsn */
	KTM_STREAM_NEXT		= 1,	/* the first behind @lsn; 0: the first */
	KTM_STREAM_BEFORE	= 2,	/* the last before @lsn; 0: the last */
	KTM_STREAM_PREVIOUS_LINK = 3,	/* that which the one of @lsn names as previous */
	KTM_STREAM_UNDO_LINK	= 4,	/* that which the one of @lsn names as to be undone next */
	KTM_STREAM_LAST_RESTART	= 5,	/* the last restart record before @lsn; 0: the last */
};

/**
 * struct ktm_stream_read - KTM_IOC_STREAM_READ: read a record
 * @size: sizeof(struct ktm_stream_read)
 * @status: out
 * @mode: enum ktm_stream_where
 * @length: in: bytes at @buffer; out: bytes of data in the record
 * @buffer: pointer to where the data goes, or 0
 * @lsn: in: see @mode; out: of the record, also of one that cannot be read
 * @previous_lsn: out
 * @undo_next_lsn: out
 * @flags: out: KTM_STREAM_RESTART or 0
 * @reserved: 0
 *
 * Needs KTM_STREAM_READ. NO_MORE_ENTRIES (returns 0) if there is none such;
 * LOG_RECORD_NONEXISTENT if @lsn with AT or a LINK, or what it links to, is not that of a live
 * record. BUFFER_TOO_SMALL: all but the data was told. LOG_CORRUPTION_DETECTED: what is
 * on the device is not the record, or it could not be read for so long that the log has given
 * it up; IO_ERROR: the device does not give it. The others can be read all the same, and a
 * base that advances beyond it is rid of it. TM_NOT_ONLINE.
 */
struct ktm_stream_read {
	__u32 size;
	__u32 status;
	__u32 mode;
	__u32 length;
	__u64 buffer;
	__u64 lsn;
	__u64 previous_lsn;
	__u64 undo_next_lsn;
	__u32 flags;
	__u32 reserved;
};

/* ktm_stream_flush.flags */
#define KTM_STREAM_NOWAIT	0x1	/* do not wait for the device: poll for POLLIN */

/**
 * struct ktm_stream_flush - KTM_IOC_STREAM_FLUSH: make records durable
 * @size: sizeof(struct ktm_stream_flush)
 * @status: out
 * @flags: KTM_STREAM_NOWAIT or 0
 * @reserved: 0
 * @lsn: up to and with this one; 0: all there are
 * @flushed_lsn: out: of the stream's last durable record, 0: none, or INTERRUPTED
 *
 * Needs KTM_STREAM_APPEND. With KTM_STREAM_NOWAIT: PENDING (returns 0), and the
 * descriptor polls POLLIN when all that was asked for through it is durable; POLLERR
 * while the TM is not online or the stream was reopened (STREAM_REOPENED); POLLERR and POLLPRI
 * if there was no room to end the write unit with and cleaning the log did not help, until it
 * is asked for again.
 * What is durable already is PENDING, too, and wakes nobody: see @flushed_lsn.
 * INTERRUPTED: it goes on, unless it waited for room. LOG_FULL: no room to end the write unit
 * with, or, all being asked for, for a base that the log has not got yet.
 */
struct ktm_stream_flush {
	__u32 size;
	__u32 status;
	__u32 flags;
	__u32 reserved;
	__u64 lsn;
	__u64 flushed_lsn;
};

/**
 * struct ktm_stream_mark - KTM_IOC_STREAM_ADVANCE, KTM_IOC_STREAM_TRUNCATE
 * @size: sizeof(struct ktm_stream_mark)
 * @status: out
 * @lsn: ADVANCE: the oldest that is still needed; records before it are gone and
 *	their room comes back. It need not be one's; INVALID_PARAMETER below the base,
 *	or beyond the last. TRUNCATE: the last that stays, 0: none; those behind it are void.
 *	LSNs of later records are greater all the same.
 * @flags: 0
 * @reserved: 0
 *
 * Needs KTM_STREAM_MANAGE. Not durable when it returns: after a crash a base may be an
 * earlier one, and what was truncated may be back, unless a record that was appended to
 * the stream later is durable, or all was flushed (KTM_IOC_STREAM_FLUSH with @lsn 0).
 * STREAM_REOPENED as for an append. TRUNCATE: LOG_FULL. To advance takes no room that a
 * full log would not have: the log has the base at the latest in front of the next record.
 */
struct ktm_stream_mark {
	__u32 size;
	__u32 status;
	__u64 lsn;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct ktm_stream_info - KTM_INFO_STREAM_BASIC
 * @guid: the stream
 * @quota: bytes
 * @used: of these, taken by live records
 * @reserved: of these, set aside
 * @bytes: of data in live records, of each rounded up to 8
 * @records: live ones
 * @base_lsn: nothing before this is needed; 0: never advanced
 * @first_lsn: of the oldest live record, 0: none
 * @last_lsn: of the newest live record, 0: none
 * @restart_lsn: of the last restart record, 0: none
 * @flushed_lsn: of the last durable record, 0: none
 * @place_lsn: where in the log its oldest record lies now; 0: none
 * @name_length: bytes of @name
 * @lost: of @records, those that could not be read for so long that the log has given them up
 * @name: UTF-8, padded with zeros
 */
struct ktm_stream_info {
	struct ktm_guid guid;
	__u64 quota;
	__u64 used;
	__u64 reserved;
	__u64 bytes;
	__u64 records;
	__u64 base_lsn;
	__u64 first_lsn;
	__u64 last_lsn;
	__u64 restart_lsn;
	__u64 flushed_lsn;
	__u64 place_lsn;
	__u32 name_length;
	__u32 lost;
	__u8 name[KTM_MAX_STREAM_NAME];
};

/**
 * struct ktm_tm_space - KTM_INFO_TM_SPACE: the room in a TM's log
 * @bytes: of the log
 * @free: neither used nor set aside
 * @reserved: set aside for what has begun
 * @quotas: of all streams together
 * @restart_lsn: where a recovery would begin to read
 * @tail_lsn: the oldest that is still needed
 * @next_lsn: where the next write goes
 * @restarts: restart areas written since it was opened
 * @copied: records that were copied forward since then
 * @live: bytes that a restart area takes
 * @live_limit: bytes that it may take
 * @holder: the stream that holds the tail back; nil: none does, or it is one that the
 *	caller may not open
 */
struct ktm_tm_space {
	__u64 bytes;
	__u64 free;
	__u64 reserved;
	__u64 quotas;
	__u64 restart_lsn;
	__u64 tail_lsn;
	__u64 next_lsn;
	__u64 restarts;
	__u64 copied;
	__u64 live;
	__u64 live_limit;
	struct ktm_guid holder;
};

#endif /* _UAPI_LINUX_KTM_H */
