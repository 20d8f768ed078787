/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/ktm_test: transactions, RMs and enlistments of a driver, one call for one ioctl. What it
 * holds is in slots, of all kinds in one table; selftests/ktm/participant.c and callback*.c decide
 * which call is made.
 */
#ifndef PARTICIPANT_H
#define PARTICIPANT_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/ktm.h>

#define KTM_TEST_SLOTS	32

enum ktm_test_op_fn {
	OP_PUT,
	OP_TM_CREATE,
	OP_TM_OPEN,
	OP_TM_OPEN_LOG,
	OP_TM_GET_FROM_FD,
	OP_TM_TO_FD,
	OP_TM_RECOVER,
	OP_TM_ROLLFORWARD,
	OP_TM_RENAME,
	OP_TM_OFFLINE,
	OP_TM_QUERY,
	OP_TM_ENUMERATE,
	OP_STREAM_CREATE,
	OP_ENUMERATE_OBJECTS,
	OP_FREEZE_TRANSACTIONS,
	OP_THAW_TRANSACTIONS,
	OP_TRANSACTION_CREATE,
	OP_TRANSACTION_OPEN,
	OP_TRANSACTION_GET_FROM_FD,
	OP_TRANSACTION_TO_FD,
	OP_TRANSACTION_COMMIT,
	OP_TRANSACTION_COMMIT_ASYNC,
	OP_TRANSACTION_ROLLBACK,
	OP_TRANSACTION_WAIT,
	OP_TRANSACTION_QUERY,
	OP_TRANSACTION_SET,
	OP_TRANSACTION_ID,
	OP_TRANSACTION_IS_ACTIVE,
	OP_RM_CREATE,
	OP_RM_OPEN,
	OP_RM_GET_FROM_FD,
	OP_RM_TO_FD,
	OP_RM_RECOVER,
	OP_RM_GET_NOTIFICATION,
	OP_RM_QUERY,
	OP_RM_SET,
	OP_RM_ENUMERATE,
	OP_RM_REGISTER_PROTOCOL,
	OP_RM_PROPAGATION_COMPLETE,
	OP_RM_PROPAGATION_FAILED,
	OP_RM_ENABLE_CALLBACKS,
	OP_RM_DISABLE_CALLBACKS,
	OP_RM_ENLIST,
	OP_ENLISTMENT_CREATE,
	OP_ENLISTMENT_OPEN,
	OP_ENLISTMENT_GET_FROM_FD,
	OP_ENLISTMENT_TO_FD,
	OP_ENLISTMENT_PREPREPARE_COMPLETE,
	OP_ENLISTMENT_PREPARE_COMPLETE,
	OP_ENLISTMENT_COMMIT_COMPLETE,
	OP_ENLISTMENT_ROLLBACK_COMPLETE,
	OP_ENLISTMENT_READ_ONLY,
	OP_ENLISTMENT_SINGLE_PHASE_REJECT,
	OP_ENLISTMENT_ROLLBACK,
	OP_ENLISTMENT_REQUEST_OUTCOME,
	OP_ENLISTMENT_RECOVER,
	OP_ENLISTMENT_PREPREPARE,
	OP_ENLISTMENT_PREPARE,
	OP_ENLISTMENT_COMMIT,
	OP_ENLISTMENT_QUERY,
	OP_ENLISTMENT_SET,
	OP_ENLISTMENT_REFERENCE_KEY,
	OP_ENLISTMENT_DEREFERENCE_KEY,
	OP_FUNCTIONS,			/* those above are ktm's */
	OP_SCRIPT = OP_FUNCTIONS,	/* what a callback does, see below */
	OP_RELEASE,			/* callbacks that KTM_TEST_DO_SLEEP, now and later */
	OP_TAKE,			/* the next call of a callback: struct ktm_test_told */
	OP_FORGET,			/* what is in @on is in no slot any more; @key says where it is */
	OP_ADOPT,			/* what FORGET has said is in @slot, perhaps of another load */
	OP_CROWD,			/* many kernel threads: see struct ktm_test_crowd */
	OP_ALL,
};

/* ktm_test_op.how */
#define KTM_TEST_OP_NO_STATUS	0x1	/* NULL for the status, and for what else may be NULL */
#define KTM_TEST_OP_NULL	0x2	/* NULL for the callback, for ENABLE_CALLBACKS and COMMIT_ASYNC */
#define KTM_TEST_OP_PLAIN	0x4	/* ENABLE_CALLBACKS: of one that only says that it is done */
#define KTM_TEST_OP_SLEEP	0x8	/* COMMIT_ASYNC: who is called when it is over sleeps until RELEASE */

/* SCRIPT: what a callback does when it is told one of @mask; ktm_test_op.flags */
#define KTM_TEST_DO_SLEEP	0x1	/* until RELEASE */
#define KTM_TEST_DO_COMMIT	0x2	/* commits the transaction in @with and waits for that */
#define KTM_TEST_DO_PUT		0x4	/* puts what is in @with */
#define KTM_TEST_DO_ANSWER	0x8	/* gives the answer by itself, before all of these */
#define KTM_TEST_DO_QUIETLY	0x10	/* is not noted: nobody TAKEs it */
#define KTM_TEST_DO_ONCE	0x20	/* and the next time nothing, which is then HANDLED */
#define KTM_TEST_DO_BEGIN	0x40	/* begins to commit the transaction in @with, and does not wait */
#define KTM_TEST_DO_ALLOCATE	0x100	/* allocates a MiB, accounted, and frees it again */
#define KTM_TEST_DO_PUT_LENT	0x80	/* puts the use that is lent to it, which is wrong */
#define KTM_TEST_DO_DISABLE	0x200	/* disables the callbacks of the RM in @with */

/**
 * struct ktm_test_op - one call
 * @fn: enum ktm_test_op_fn
 * @how: KTM_TEST_OP_
 * @ret: out: what it returned; of a pointer 0 or the error
 * @status: out: the status that it told; U32_MAX: it told none
 * @on: slot of what is used; SCRIPT: of the RM, 0: of all that have no script of their own
 * @with: ENLIST: of the transaction; SCRIPT: see above; answers: of a log stream, if it is one
 * @slot: where what is made goes
 * @fd: for _GET_FROM_FD
 * @device: descriptor of a block device plus 1; 0: none
 * @access: rights
 * @mode: who may open it
 * @flags: also of SCRIPT
 * @mask: ENLIST: notifications; SCRIPT: those it is for
 * @kind: of information, of objects
 * @returns: SCRIPT: what the callback returns
 * @count: out: DEREFERENCE_KEY: it was the last; of objects; of records that room is set aside for; STREAM_CREATE: its quota
 * @length: in and out: bytes at @data
 * @reserved: 0
 * @data: user memory
 * @key: of an enlistment
 * @clock: the virtual clock
 * @timeout_ns: nanoseconds
 * @guid: in and out
 * @name: a description, or a stream's name, with a NUL
 */
struct ktm_test_op {
	__u32 fn;
	__u32 how;
	__s32 ret;
	__u32 status;
	__u32 on;
	__u32 with;
	__u32 slot;
	__s32 fd;
	__u32 device;
	__u32 access;
	__u32 mode;
	__u32 flags;
	__u32 mask;
	__u32 kind;
	__s32 returns;
	__u32 count;
	__u32 length;
	__u32 reserved;
	__u64 data;
	__u64 key;
	__u64 clock;
	__u64 timeout_ns;
	struct ktm_guid guid;
	__u8 name[KTM_MAX_DESCRIPTION + 8];
};

#define KTM_TEST_OP	_IOWR(0xB9, 1, struct ktm_test_op)

/**
 * struct ktm_test_told - what a callback was told
 * @rm: slot of the RM; of the end of a commit: of the transaction
 * @ret: of what the callback called, of the end of a commit
 * @status: the same
 * @threads: callbacks of this file that were running, this one included
 * @thread: where it was called
 * @uid: fsuid with which
 * @notification: what; of the end of a commit all zero
 */
struct ktm_test_told {
	__u32 rm;
	__s32 ret;
	__u32 status;
	__u32 threads;
	__u32 thread;
	__u32 uid;
	struct ktm_notification notification;
};

/**
 * struct ktm_test_crowd - what came of a CROWD
 * @transactions: that were begun
 * @committed: of those
 * @rolled_back: of those
 * @enlistments: of theirs
 * @told: callbacks
 * @answers: of callbacks, and of others who came between, that were taken
 * @too_late: of those, that were not: somebody else had answered, or it had been rolled back
 * @errors: of callbacks
 * @wrong: what was first seen that must not be, or ""
 *
 * ktm_test_op.count kernel threads, ktm_test_op.key times each, do something to one of 8
 * transactions: enlist one of 4 RMs (ktm_test_op.flags is how these are made) of the TM in @on,
 * answer for an enlistment, look, commit, roll back, let it time out. Callbacks answer, leave the
 * answer to others, fail, sleep, commit another transaction, put their own enlistment.
 * ktm_test_op.clock is the seed. If they have not ended after @timeout_ns, @ret is -ETIMEDOUT, and
 * this module stays.
 */
struct ktm_test_crowd {
	__u64 transactions;
	__u64 committed;
	__u64 rolled_back;
	__u64 enlistments;
	__u64 told;
	__u64 answers;
	__u64 too_late;
	__u64 errors;
	char wrong[160];
};

#endif /* PARTICIPANT_H */
