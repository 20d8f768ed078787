/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/ktm_test: a driver that calls what ktm.ko exports, one call for one ioctl, with the
 * arguments that it is given. selftests/ktm/driver.c decides which, and looks at what came of it.
 */
#ifndef KTM_TEST_H
#define KTM_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/ktm.h>

/* Each open file of /dev/ktm_test has one TM and so many uses of streams. */
#define KTM_TEST_STREAMS	8

enum ktm_test_fn {
	TEST_TM_GET_FROM_FD,
	TEST_TM_PUT,
	TEST_STREAM_CREATE,
	TEST_STREAM_OPEN,
	TEST_STREAM_OPEN_NAME,
	TEST_STREAM_GET_FROM_FD,
	TEST_STREAM_TO_FD,
	TEST_STREAM_PUT,
	TEST_STREAM_APPEND,
	TEST_STREAM_RESERVE,
	TEST_STREAM_UNRESERVE,
	TEST_STREAM_READ,
	TEST_STREAM_FLUSH,
	TEST_STREAM_POLL,
	TEST_STREAM_ADVANCE,
	TEST_STREAM_TRUNCATE,
	TEST_STREAM_QUERY,
	TEST_STREAM_SET_QUOTA,
	TEST_STREAM_DELETE,
	TEST_RACE,			/* many kernel threads on one stream, see struct ktm_test_race */
	TEST_FUNCTIONS,
};

/* ktm_test_call.how */
#define KTM_TEST_NO_STATUS	0x1	/* NULL for the status, and for what else may be NULL */

/**
 * struct ktm_test_call - one call
 * @fn: enum ktm_test_fn
 * @how: KTM_TEST_
 * @slot: of the stream that is used or made
 * @fd: for _GET_FROM_FD
 * @ret: out: what it returned; of a pointer 0 or the error; of POLL the events; of TO_FD the
 *	descriptor
 * @status: out: the status that it told; U32_MAX: it told none
 * @access: rights, also for _GET_FROM_FD and _TO_FD
 * @mode: CREATE: who may open it
 * @flags: APPEND, FLUSH
 * @where: READ
 * @records: RESERVE, UNRESERVE
 * @pieces: APPEND: that the data is cut into
 * @length: in: bytes at @data; out: READ: of the record
 * @data: user memory: APPEND, READ: data; QUERY: a struct ktm_stream_info
 * @bytes: RESERVE, UNRESERVE; CREATE, SET_QUOTA: the quota
 * @lsn: in: READ, FLUSH, ADVANCE, TRUNCATE; out: APPEND, READ, FLUSH
 * @previous_lsn: APPEND, READ
 * @undo_next_lsn: APPEND, READ
 * @base_lsn: APPEND
 * @guid: CREATE, OPEN, OPEN_NAME
 * @name: CREATE, OPEN_NAME, with a NUL
 */
struct ktm_test_call {
	__u32 fn;
	__u32 how;
	__u32 slot;
	__s32 fd;
	__s32 ret;
	__u32 status;
	__u32 access;
	__u32 mode;
	__u32 flags;
	__u32 where;
	__u32 records;
	__u32 pieces;
	__u64 length;
	__u64 data;
	__u64 bytes;
	__u64 lsn;
	__u64 previous_lsn;
	__u64 undo_next_lsn;
	__u64 base_lsn;
	struct ktm_guid guid;
	__u8 name[KTM_MAX_STREAM_NAME + 8];
};

#define KTM_TEST_CALL	_IOWR(0xB9, 0, struct ktm_test_call)

/*
 * RACE: ktm_test_call.records threads append so many records (@pieces) each, of struct
 * ktm_test_mark: half of them through the use in @slot, half through one of their own of
 * the same stream. Each record is linked to the thread's one before it. Every eighth is durable;
 * some are reserved first, some read again, some flushed. @ret: 0, or the errno of the
 * first call that did not do what it should.
 */
struct ktm_test_mark {
	__u32 thread;
	__u32 number;
};

#endif /* KTM_TEST_H */
