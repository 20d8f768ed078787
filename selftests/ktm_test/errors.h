/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/ktm_test: a driver makes calls that must fail, and says in KTAP how each has. What it needs
 * for that and cannot make itself it is given; selftests/ktm/drivererrors.c does, and prints
 * what it says.
 */
#ifndef ERRORS_H
#define ERRORS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* What is tried, and which descriptors it wants. */
enum ktm_test_errors_group {
	ERRORS_OF_TMS,			/* OTHER */
	ERRORS_OF_TRANSACTIONS,		/* OTHER */
	ERRORS_OF_RMS,			/* OTHER */
	ERRORS_OF_ENLISTMENTS,		/* OTHER */
	ERRORS_OF_ANSWERS,
	ERRORS_OF_SUPERIORS,
	ERRORS_OF_FREEZING,
	ERRORS_OF_NOBODY,		/* current is not root in it; DEVICE */
	ERRORS_OF_QUOTAS,		/* the same, and may have four objects */
	ERRORS_WITHOUT_FDS,		/* current can have no more descriptors */
	ERRORS_OF_DEVICES,		/* DEVICE, OTHER, BLANK, BUSY, READ_ONLY, FOR_READING */
	ERRORS_OF_SIGNALS,		/* STREAM */
	ERRORS_WHILE_HELD,		/* TM, RM, STREAM, DEVICE: others wait for the device */
	ERRORS_WHILE_STUCK,		/* STREAM: who waits for the device has its mutex */
	ERRORS_OF_FAILED,		/* RM, SUPERIOR: the log has failed */
	ERRORS_OF_LOST,			/* LOST, NEW, RM: the TM was reopened */
	ERRORS_OF_BROUGHT,		/* VOTER to ABORTER; STREAM: foreign, FILLER: deleted */
	ERRORS_WHEN_FULL,		/* TM to SINGLE: the log has no room */
	ERRORS_WHILE_CLEANED,		/* the same: what makes room waits for the device */
	ERRORS_GROUPS,
};

enum ktm_test_errors_fd {
	FD_TM,			/* of a TM */
	FD_RM,			/* of a durable RM of it */
	FD_STREAM,		/* of a stream of it */
	FD_FILLER,		/* of another one, whose base the log has not got */
	FD_TX,			/* of a transaction */
	FD_VOTER,		/* of an enlistment of it that was told PREPARE */
	FD_COMMITTER,		/* ... COMMIT */
	FD_ABORTER,		/* ... ROLLBACK */
	FD_SUPERIOR,		/* of a superior that has not begun */
	FD_SINGLE,		/* of one that was told SINGLE_PHASE_COMMIT after a reopening */
	FD_DEVICE,		/* block device with a journal */
	FD_OTHER,		/* neither a block device nor ktm's */
	FD_BLANK,		/* block device without a journal */
	FD_BUSY,		/* block device that somebody has for himself */
	FD_READ_ONLY,		/* block device that cannot be written */
	FD_FOR_READING,		/* that of DEVICE, opened for reading */
	FD_LOST,		/* of an enlistment from before the TM was reopened */
	FD_NEW,			/* of one from after that, whose RM has not recovered */
	ERRORS_FDS,
};

/**
 * struct ktm_test_errors - one group of calls
 * @group: enum ktm_test_errors_group
 * @length: out: bytes at @text
 * @text: user memory, KTM_TEST_ERRORS_TEXT bytes: what it says
 * @fds: by enum ktm_test_errors_fd
 */
struct ktm_test_errors {
	__u32 group;
	__u32 length;
	__u64 text;
	__s32 fds[ERRORS_FDS];
	__u32 reserved;
};

#define KTM_TEST_ERRORS_TEXT	32768
#define KTM_TEST_ERRORS		_IOWR(0xB9, 2, struct ktm_test_errors)

#endif /* ERRORS_H */
