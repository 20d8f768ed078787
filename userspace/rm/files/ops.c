// SPDX-License-Identifier: GPL-2.0
/*
 * What a transaction does to the tree.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "ops.h"

void ops_free(struct ops *ops)
{
	size_t i;

	for (i = 0; i < ops->count; i++)
		free(ops->ops[i].name);
	free(ops->ops);
	memset(ops, 0, sizeof(*ops));
}

size_t ops_find(const struct ops *ops, const char *name, bool *found)
{
	size_t low = 0, high = ops->count;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, ops->ops[middle].name);

		if (!order) {
			*found = true;
			return middle;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static int ops_make_room(struct ops *ops)
{
	size_t room = ops->room ? ops->room * 2 : 16;
	struct op *more;

	if (ops->count >= OPS_MAX)
		return -EDQUOT;
	if (ops->count < ops->room)
		return 0;
	more = reallocarray(ops->ops, room, sizeof(*more));
	if (!more)
		return -ENOMEM;
	ops->ops = more;
	ops->room = room;
	return 0;
}

int ops_set(struct ops *ops, const char *name, enum op_kind kind, uint64_t content,
	    uint64_t size)
{
	bool found;
	size_t i = ops_find(ops, name, &found);
	struct op *op;

	if (!found) {
		char *copy;
		int ret = ops_make_room(ops);

		if (ret)
			return ret;
		copy = strdup(name);
		if (!copy)
			return -ENOMEM;
		memmove(&ops->ops[i + 1], &ops->ops[i], (ops->count - i) * sizeof(*op));
		ops->ops[i].name = copy;
		ops->count++;
	}
	op = &ops->ops[i];
	op->kind = kind;
	op->content = content;
	op->size = size;
	return 0;
}

bool ops_put_below(const struct ops *ops, const char *directory)
{
	bool found;
	size_t i;

	for (i = ops_find(ops, directory, &found); i < ops->count; i++) {
		const struct op *op = &ops->ops[i];

		if (strncmp(op->name, directory, strlen(directory)))
			break;
		if (op->kind == OP_PUT && name_below(op->name, directory))
			return true;
	}
	return false;
}
