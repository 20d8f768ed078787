/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers and strings to bytes and back, little-endian: for the packets of the
 * protocol and for what the resource managers keep on disk.
 *
 * Neither side checks each step: a pack or an unpack that failed once stays
 * failed, and its user looks at the end.
 */
#ifndef KTM_RM_PACK_H
#define KTM_RM_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct pack - bytes being written
 * @data: the bytes, the pack's own
 * @used: how many
 * @room: how many fit before it has to grow
 * @limit: how many there may be at most; more makes it fail
 * @failed: too many, or no memory
 */
struct pack {
	unsigned char *data;
	size_t used;
	size_t room;
	size_t limit;
	bool failed;
};

void pack_init(struct pack *p, size_t limit);
void pack_free(struct pack *p);
void pack_u8(struct pack *p, uint8_t v);
void pack_u16(struct pack *p, uint16_t v);
void pack_u32(struct pack *p, uint32_t v);
void pack_u64(struct pack *p, uint64_t v);
void pack_raw(struct pack *p, const void *data, size_t size);
/* With its length in front, as a u32. */
void pack_bytes(struct pack *p, const void *data, size_t size);
/* Writes over what is there already. */
void pack_u32_at(struct pack *p, size_t at, uint32_t v);

/**
 * struct unpack - bytes being read
 * @at: next byte
 * @end: behind the last
 * @failed: something went beyond the end
 */
struct unpack {
	const unsigned char *at;
	const unsigned char *end;
	bool failed;
};

void unpack_init(struct unpack *u, const void *data, size_t size);
uint8_t unpack_u8(struct unpack *u);
uint16_t unpack_u16(struct unpack *u);
uint32_t unpack_u32(struct unpack *u);
uint64_t unpack_u64(struct unpack *u);
/* NULL if there are not that many bytes. */
const void *unpack_raw(struct unpack *u, size_t size);
/* What pack_bytes() wrote; points into the bytes. */
const void *unpack_bytes(struct unpack *u, size_t *size);
/* Nothing failed, and nothing is left over. */
bool unpack_done(const struct unpack *u);

#endif /* KTM_RM_PACK_H */
