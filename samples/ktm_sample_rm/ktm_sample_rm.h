/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/ktm_sample_rm, for programs: a store of keys and values that takes part in transactions.
 */
#ifndef KTM_SAMPLE_RM_H
#define KTM_SAMPLE_RM_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define KTM_SAMPLE_MAX_KEY	64	/* bytes, at least 1 */
#define KTM_SAMPLE_MAX_VALUE	256	/* bytes */
#define KTM_SAMPLE_MAX_KEYS	256	/* in the store */
#define KTM_SAMPLE_MAX_WRITES	48	/* keys that one transaction writes or deletes */

/**
 * struct ktm_sample_attach - KTM_SAMPLE_ATTACH: which transaction manager
 * @tm_fd: a descriptor of a TM with a log, online, with KTM_TM_CREATE_RM and
 *	KTM_TM_QUERY_INFORMATION
 * @reserved: 0
 *
 * What the store holds is what its stream in that log says. Returns when it is known which of
 * the transactions found there are unfinished. EALREADY: it is attached.
 *
 * KTM_SAMPLE_DETACH, without an argument: the store is empty again, and the log keeps it. What
 * has not prepared is rolled back. Also when the module goes. After the TM's log has failed and
 * the TM was recovered, detach and attach. ENOTCONN: it is not attached.
 */
struct ktm_sample_attach {
	__s32 tm_fd;
	__u32 reserved;
};

/**
 * struct ktm_sample_item - KTM_SAMPLE_READ, _WRITE, _DELETE, _NEXT: a key and its value
 * @tx_fd: a descriptor of the transaction with KTM_TX_ENLIST; READ, NEXT: or -1
 * @key_length: bytes of @key
 * @value_length: bytes of @value; READ: out
 * @reserved: 0
 * @key: any bytes
 * @value: any bytes; READ: out
 *
 * WRITE and DELETE lock the key until the transaction has ended. READ gives what the transaction
 * itself has written, else what was committed last.
 *
 * EBUSY: another unfinished transaction has written it; READ: one that was found in the log, so
 * that it is not known yet what was committed last. ENOENT: no such key. ESTALE: the transaction
 * is not active any more. ENOSPC: KTM_SAMPLE_MAX_KEYS. E2BIG: KTM_SAMPLE_MAX_WRITES. EINVAL: a
 * length, @reserved. ENOTCONN: not attached, or the TM is offline. Others: as ktm_rm_enlist().
 *
 * KTM_SAMPLE_NEXT: @key, of @key_length bytes, which may be 0, becomes the key behind it in the
 * order of memcmp(), a shorter one before what it is the beginning of, among those for which READ
 * would not say ENOENT. ENOENT: there is none. What commits meanwhile may be missed.
 */
struct ktm_sample_item {
	__s32 tx_fd;
	__u32 key_length;
	__u32 value_length;
	__u32 reserved;
	__u8 key[KTM_SAMPLE_MAX_KEY];
	__u8 value[KTM_SAMPLE_MAX_VALUE];
};

#define KTM_SAMPLE_ATTACH	_IOW(0xBA, 0, struct ktm_sample_attach)
#define KTM_SAMPLE_DETACH	_IO(0xBA, 1)
#define KTM_SAMPLE_READ		_IOWR(0xBA, 2, struct ktm_sample_item)
#define KTM_SAMPLE_WRITE	_IOW(0xBA, 3, struct ktm_sample_item)
#define KTM_SAMPLE_DELETE	_IOW(0xBA, 4, struct ktm_sample_item)
#define KTM_SAMPLE_NEXT		_IOWR(0xBA, 5, struct ktm_sample_item)

#endif /* KTM_SAMPLE_RM_H */
