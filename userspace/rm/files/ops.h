/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a transaction does to the tree: for each name the last word about it.
 * And the manifest: the same as bytes.
 */
#ifndef KTM_FILES_OPS_H
#define KTM_FILES_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/pack.h"

#define OPS_MAX		65536

enum op_kind {
	OP_NONE		= 0,	/* at a start: a later transaction has the last word */
	OP_PUT		= 1,
	OP_REMOVE	= 2,
};

/**
 * struct op - one name
 * @name: of the file
 * @kind: what becomes of it
 * @content: OP_PUT: number of the staged file
 * @size: OP_PUT: bytes in it
 */
struct op {
	char *name;
	enum op_kind kind;
	uint64_t content;
	uint64_t size;
};

/**
 * struct ops - all of a transaction
 * @ops: in order of their names
 * @count: of them
 * @room: in @ops
 */
struct ops {
	struct op *ops;
	size_t count;
	size_t room;
};

void ops_free(struct ops *ops);
/* Where @name is, or would be (*@found says which). */
size_t ops_find(const struct ops *ops, const char *name, bool *found);
/* Adds or replaces. -EDQUOT: too many; -ENOMEM. */
int ops_set(struct ops *ops, const char *name, enum op_kind kind, uint64_t content,
	    uint64_t size);
/* Whether a file is put somewhere below @directory. */
bool ops_put_below(const struct ops *ops, const char *directory);

/*
 * The manifest: u32 magic, u32 version, u32 count, then per op: u8 kind, u64
 * content, u64 size, bytes name, in strict order of names; at the end the SHA-256
 * of all that. Little-endian.
 */
void manifest_pack(struct pack *p, const struct ops *ops);
/* -EUCLEAN if it is not exactly what manifest_pack() makes; -ENOMEM. */
int manifest_unpack(const void *data, size_t size, struct ops *ops);

#endif /* KTM_FILES_OPS_H */
