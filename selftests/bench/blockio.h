/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a disk is asked for, counted by the block layer: the tracepoint where a request goes to
 * the driver, summed up in the kernel by a histogram, so that nothing can be lost.
 */
#ifndef KTM_BENCH_BLOCKIO_H
#define KTM_BENCH_BLOCKIO_H

#include <stdint.h>

/**
 * struct blockio - requests since blockio_begin()
 * @writes: requests that write, with and without FUA
 * @fua: of those with FUA, which only disks that know it are asked for
 * @flushes: requests to empty the disk's cache
 * @stat_writes: the same by /sys/block/DISK/stat
 * @stat_flushes: the same by /sys/block/DISK/stat
 */
struct blockio {
	uint64_t writes;
	uint64_t fua;
	uint64_t flushes;
	uint64_t stat_writes;
	uint64_t stat_flushes;
};

/* @device: a disk or a partition of it. One at a time. */
void blockio_begin(const char *device);
void blockio_end(struct blockio *io);

#endif
