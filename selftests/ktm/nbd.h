/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk that is a process of the test: a network block device over a socket pair,
 * which fails the very request that it is told to, or keeps it waiting.
 */
#ifndef KTM_TEST_NBD_H
#define KTM_TEST_NBD_H

#include "calls.h"

/**
 * enum nbd_kind - kinds of requests
 * @NBD_READS: reads
 * @NBD_WRITES: writes, forced ones among them
 * @NBD_FLUSHES: empty flushes
 */
enum nbd_kind { NBD_READS, NBD_WRITES, NBD_FLUSHES, NBD_KINDS };

/**
 * enum nbd_sort - what it says of itself
 * @NBD_THROUGH: no volatile cache
 * @NBD_FLUSH: a cache, and flushes
 * @NBD_FUA: a cache, flushes and forced writes
 */
enum nbd_sort { NBD_THROUGH, NBD_FLUSH, NBD_FUA };

/* Makes it, empty; skips the test where the kernel has none. Its path. */
const char *nbd_make(uint64_t bytes, enum nbd_sort sort);
/* When nobody uses it any more. */
void nbd_remove(void);

/*
 * From now on, the request with that number (from 1 on; 0: none) of a kind fails; @done: after
 * it was done, as a disk may that loses the answer.
 */
void nbd_fail(enum nbd_kind kind, unsigned int number, bool done);
bool nbd_has_failed(void);
/* If it has: at which byte of the disk. */
uint64_t nbd_failed_at(void);

/*
 * From now on requests of a kind that begin below that byte wait, and others of that kind, those
 * that waited among them, go on; NBD_KINDS: all go on.
 */
void nbd_hold(enum nbd_kind kind, uint64_t below);
/* How many have begun to wait since, of whatever kind. */
unsigned int nbd_held(void);
/* The lowest byte at which one of these begins. */
uint64_t nbd_held_at(void);

#endif /* KTM_TEST_NBD_H */
