/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The header of a packet, written and read.
 */
#ifndef KTM_RM_HEADER_H
#define KTM_RM_HEADER_H

#include "pack.h"
#include "protocol.h"

static inline void header_pack(struct pack *p, const struct rm_header *h)
{
	pack_u32(p, RM_MAGIC);
	pack_u16(p, RM_VERSION);
	pack_u16(p, h->op);
	pack_u32(p, h->length);
	pack_u32(p, h->error);
	pack_u64(p, h->id);
	pack_u64(p, h->t);
}

/* The length is known only when the rest has been written. */
static inline void header_set_length(struct pack *p)
{
	pack_u32_at(p, 8, p->used);
}

static inline void header_unpack(struct unpack *u, struct rm_header *h)
{
	h->magic = unpack_u32(u);
	h->version = unpack_u16(u);
	h->op = unpack_u16(u);
	h->length = unpack_u32(u);
	h->error = unpack_u32(u);
	h->id = unpack_u64(u);
	h->t = unpack_u64(u);
}

#endif /* KTM_RM_HEADER_H */
