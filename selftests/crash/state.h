/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a disk may hold after the power went.
 */
#ifndef KTM_CRASH_STATE_H
#define KTM_CRASH_STATE_H

#include "../cut/blocklog.h"

#include <stdint.h>

/**
 * struct disk_state - an image, and one that runs ahead of it
 * @bytes: size of the disk
 * @durable: the disk with the first @applied entries
 * @applied: see @durable
 * @image: what state_build() made
 */
struct disk_state {
	size_t bytes;
	uint8_t *durable;
	size_t applied;
	uint8_t *image;
};

void state_begin(struct disk_state *s, const uint8_t *base, size_t bytes);
void state_end(struct disk_state *s);
void state_build(struct disk_state *s, struct blocklog *log, size_t at, uint64_t seed);

/* A moment to cut at: [@from, nr], mostly where flushes and forced writes begin and end. */
size_t state_draw(const struct blocklog *log, size_t from, uint64_t seed);

#endif
