// SPDX-License-Identifier: GPL-2.0
/*
 * Listing a directory: what is committed under what the transaction has done.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "store.h"

/**
 * struct names - last components, gathered
 * @names: each its own allocation
 * @count: of them
 * @room: in @names
 * @failed: no memory
 */
struct names {
	char **names;
	size_t count;
	size_t room;
	bool failed;
};

static void names_add(struct names *n, const char *name, size_t length)
{
	char **more;
	char *copy;

	if (n->count == n->room) {
		n->room = n->room ? n->room * 2 : 64;
		more = reallocarray(n->names, n->room, sizeof(*more));
		if (!more) {
			n->room = n->count;
			n->failed = true;
			return;
		}
		n->names = more;
	}
	copy = strndup(name, length);
	if (!copy) {
		n->failed = true;
		return;
	}
	n->names[n->count++] = copy;
}

static void names_free(struct names *n)
{
	while (n->count)
		free(n->names[--n->count]);
	free(n->names);
}

static int names_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int gather_committed(struct files_store *s, const char *directory, const char *after,
			    struct names *names)
{
	struct dirent *e;
	DIR *dir;
	int fd;

	fd = tree_open(s->tree, directory, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
		    strcmp(e->d_name, after) > 0)
			names_add(names, e->d_name, strlen(e->d_name));
	closedir(dir);
	return 0;
}

static void gather_own(const struct files_work *work, const char *directory, const char *after,
		       struct names *names)
{
	size_t skip = *directory ? strlen(directory) + 1 : 0;
	size_t i;

	for (i = 0; i < work->ops.count; i++) {
		const struct op *op = &work->ops.ops[i];
		const char *child = op->name + skip;
		char name[COMPONENT_MAX + 1];

		if (op->kind != OP_PUT || !name_below(op->name, directory))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(child, "/"), child);
		if (strcmp(name, after) > 0)
			names_add(names, name, strlen(name));
	}
}

/* Packs entries until the packet is full. */
static int pack_entries(struct files_store *s, struct rm_tx *tx, const char *directory,
			const struct names *names, struct request *r)
{
	size_t head = r->out.used;
	uint32_t count = 0;
	uint8_t more = 0;
	size_t i;

	pack_u8(&r->out, 0);
	pack_u32(&r->out, 0);
	for (i = 0; i < names->count; i++) {
		const char *name = names->names[i];
		char path[NAME_LENGTH + 1];
		struct found found;
		int ret;

		if (i && !strcmp(name, names->names[i - 1]))
			continue;
		if (r->out.used + 16 + strlen(name) > RM_PACKET_MAX) {
			more = 1;
			break;
		}
		/* What is too long for a name, or is no file, is not ours. */
		if (snprintf(path, sizeof(path), "%s%s%s", directory, *directory ? "/" : "",
			     name) >= (int)sizeof(path))
			continue;
		ret = files_look(s, tx, path, &found);
		if (ret || found.kind == TREE_NOTHING)
			continue;
		pack_u8(&r->out, found.kind == TREE_DIRECTORY);
		pack_u64(&r->out, found.kind == TREE_FILE ? found.size : 0);
		pack_bytes(&r->out, name, strlen(name));
		count++;
	}
	if (r->out.failed)
		return request_fail(r, -ENOMEM, "no memory");
	r->out.data[head] = more;
	pack_u32_at(&r->out, head + 1, count);
	return 0;
}

int files_list(struct files_store *s, struct rm_tx *tx, struct request *r)
{
	char directory[NAME_LENGTH + 1] = "", after[NAME_LENGTH + 1] = "";
	struct names names = { 0 };
	const char *d, *a;
	size_t dn, an;
	int ret;

	d = unpack_bytes(&r->in, &dn);
	a = unpack_bytes(&r->in, &an);
	if (!d || !a || !unpack_done(&r->in))
		return request_fail(r, -EPROTO, "the request is cut short or too long");
	if ((dn && name_check(d, dn, directory)) || (an && name_check(a, an, after)))
		return request_fail(r, -EINVAL, "not a name");

	ret = gather_committed(s, directory, after, &names);
	if (tx && tx->work && (!ret || ret == -ENOENT) &&
	    (!*directory || ops_put_below(&((struct files_work *)tx->work)->ops, directory))) {
		gather_own(tx->work, directory, after, &names);
		ret = 0;
	}
	if (!ret && names.failed)
		ret = -ENOMEM;
	if (ret) {
		request_fail(r, ret, "%.150s: %s", directory, strerror(-ret));
	} else {
		if (names.count)
			qsort(names.names, names.count, sizeof(*names.names), names_order);
		ret = pack_entries(s, tx, directory, &names, r);
	}
	names_free(&names);
	return ret;
}
