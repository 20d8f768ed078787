// SPDX-License-Identifier: GPL-2.0
/*
 * The manifest of a prepared transaction.
 */
#include <errno.h>
#include <string.h>

#include "../common/digest.h"
#include "names.h"
#include "ops.h"

#define MANIFEST_MAGIC		0x4d6d746bu	/* "ktmM" in the file */
#define MANIFEST_VERSION	1

void manifest_pack(struct pack *p, const struct ops *ops)
{
	size_t i;

	pack_u32(p, MANIFEST_MAGIC);
	pack_u32(p, MANIFEST_VERSION);
	pack_u32(p, ops->count);
	for (i = 0; i < ops->count; i++) {
		const struct op *op = &ops->ops[i];

		pack_u8(p, op->kind);
		pack_u64(p, op->content);
		pack_u64(p, op->size);
		pack_bytes(p, op->name, strlen(op->name));
	}
	digest_pack(p);
}

static int unpack_op(struct unpack *u, struct ops *ops)
{
	uint8_t kind = unpack_u8(u);
	uint64_t content = unpack_u64(u);
	uint64_t size = unpack_u64(u);
	char name[NAME_LENGTH + 1];
	const char *data;
	size_t length;

	data = unpack_bytes(u, &length);
	if (!data || (kind != OP_PUT && kind != OP_REMOVE) || name_check(data, length, name))
		return -EUCLEAN;
	if (ops->count && strcmp(ops->ops[ops->count - 1].name, name) >= 0)
		return -EUCLEAN;
	return ops_set(ops, name, kind, content, size);
}

int manifest_unpack(const void *data, size_t size, struct ops *ops)
{
	struct unpack u;
	uint32_t count;
	int ret = 0;

	memset(ops, 0, sizeof(*ops));
	if (!digest_check(data, &size))
		return -EUCLEAN;
	unpack_init(&u, data, size);
	if (unpack_u32(&u) != MANIFEST_MAGIC || unpack_u32(&u) != MANIFEST_VERSION)
		return -EUCLEAN;
	for (count = unpack_u32(&u); count && !ret; count--)
		ret = unpack_op(&u, ops);
	if (!ret && (!unpack_done(&u) || !ops->count))
		ret = -EUCLEAN;
	if (ret)
		ops_free(ops);
	return ret;
}
