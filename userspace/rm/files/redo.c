// SPDX-License-Identifier: GPL-2.0
/*
 * What a transaction does, as bytes for the log: the manifest with its length in
 * front, the contents of what it puts in the manifest's order, SHA-256 of all that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/digest.h"
#include "store.h"

uint64_t files_redo_size(const struct files_work *work)
{
	uint64_t size = 128;
	size_t i;

	for (i = 0; i < work->ops.count; i++) {
		const struct op *op = &work->ops.ops[i];

		size += 32 + strlen(op->name) + (op->kind == OP_PUT ? op->size : 0);
	}
	return size;
}

static int pack_content(struct pack *p, const struct files_work *work, const struct op *op)
{
	char name[24];
	void *data;
	int ret;

	data = malloc(op->size + 1);
	if (!data)
		return -ENOMEM;
	files_content_name(op->content, name);
	ret = files_read(work->dir, name, data, op->size);
	if (!ret)
		pack_raw(p, data, op->size);
	free(data);
	return ret;
}

int files_redo_pack(struct pack *p, const struct files_work *work)
{
	struct pack manifest;
	int ret = 0;
	size_t i;

	pack_init(&manifest, p->limit);
	manifest_pack(&manifest, &work->ops);
	if (manifest.failed)
		p->failed = true;
	else
		pack_bytes(p, manifest.data, manifest.used);
	pack_free(&manifest);
	for (i = 0; i < work->ops.count && !ret; i++)
		if (work->ops.ops[i].kind == OP_PUT)
			ret = pack_content(p, work, &work->ops.ops[i]);
	digest_pack(p);
	return ret ? ret : p->failed ? -ENOMEM : 0;
}

/* Contents go where the transaction had staged them; what is there is not to be trusted. */
static int unpack_contents(struct files_store *s, struct rm_tx *tx, struct unpack *u)
{
	struct files_work *work = tx->work;
	int ret = 0;
	size_t i;

	for (i = 0; i < work->ops.count && !ret; i++) {
		const struct op *op = &work->ops.ops[i];
		const void *data;
		char name[24];

		if (op->kind != OP_PUT)
			continue;
		data = unpack_raw(u, op->size);
		if (!data)
			return -EUCLEAN;
		ret = files_stage_dir(s, tx);
		files_content_name(op->content, name);
		if (!ret)
			ret = files_write(work->dir, name, data, op->size);
	}
	return ret ? ret : unpack_done(u) ? 0 : -EUCLEAN;
}

int files_redo_unpack(struct files_store *s, struct rm_tx *tx, const struct redo_tx *redo)
{
	struct files_work *work = tx->work;
	size_t size = redo->bytes.used, length;
	const void *manifest;
	struct unpack u;
	int ret;

	if (!redo->bytes.data || !digest_check(redo->bytes.data, &size))
		return -EUCLEAN;
	unpack_init(&u, redo->bytes.data, size);
	manifest = unpack_bytes(&u, &length);
	if (!manifest)
		return -EUCLEAN;
	ret = manifest_unpack(manifest, length, &work->ops);
	return ret ? ret : unpack_contents(s, tx, &u);
}
