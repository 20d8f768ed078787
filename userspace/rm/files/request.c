// SPDX-License-Identifier: GPL-2.0
/*
 * What clients ask of ktm-rm-files, one name at a time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ktm-rm-client.h>

#include "names.h"
#include "store.h"

#define SEALS	(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int take_name(struct request *r, char name[NAME_LENGTH + 1])
{
	const char *data;
	size_t size;
	int ret;

	data = unpack_bytes(&r->in, &size);
	if (!data || !unpack_done(&r->in))
		return request_fail(r, -EPROTO, "the request is cut short or too long");
	ret = name_check(data, size, name);
	if (ret)
		return request_fail(r, ret, "not a name for a file");
	return 0;
}

static int look_fail(struct request *r, int error, const char *name)
{
	if (error == -ENOTDIR)
		return request_fail(r, error, "%.150s: a directory above it is a file", name);
	return request_fail(r, error, "%.150s: %s", name, strerror(-error));
}

/* Locks the name for writing and looks at what is there. */
static int begin_write(struct files_store *s, struct rm_tx *tx, struct request *r,
		       const char *name, struct found *found)
{
	int ret;

	if (!files_work(tx))
		return request_fail(r, -ENOMEM, "no memory");
	ret = files_lock(s, tx, name);
	if (ret == -EBUSY)
		return request_fail(r, ret, "%.150s: another transaction holds it", name);
	if (ret)
		return request_fail(r, ret, "no memory");
	ret = files_look(s, tx, name, found);
	if (ret)
		return look_fail(r, ret, name);
	if (found->kind == TREE_DIRECTORY)
		return request_fail(r, -EISDIR, "%.150s: is a directory", name);
	return 0;
}

/* None of the directories above @name may be a file, here or in the tree. */
static int check_parents(struct files_store *s, struct rm_tx *tx, struct request *r,
			 const char *name)
{
	const struct files_work *work = tx->work;
	char parent[NAME_LENGTH + 1];
	enum tree_kind kind;
	size_t length = 0;
	uint64_t size;
	bool mine;
	size_t i;
	int ret;

	while (name_parent(name, &length)) {
		memcpy(parent, name, length);
		parent[length] = 0;
		i = ops_find(&work->ops, parent, &mine);
		if (mine && work->ops.ops[i].kind == OP_PUT)
			return look_fail(r, -ENOTDIR, name);
		/*
		 * What is committed counts even if we have removed it: the new
		 * directory and the old file would depend on each other's order.
		 */
		ret = tree_look(s->tree, parent, &kind, &size);
		if (!ret && kind == TREE_FILE)
			ret = -ENOTDIR;
		if (ret)
			return look_fail(r, ret, name);
	}
	return 0;
}

/* A sealed memory file is the one kind of file that can neither change nor block. */
static int check_content(struct files_store *s, struct request *r, uint64_t *size)
{
	struct stat st;
	int seals;

	seals = fcntl(r->fd, F_GET_SEALS);
	if (seals < 0 || (seals & SEALS) != SEALS)
		return request_fail(r, -EBADFD, "the content is not in a sealed memory file");
	if (fstat(r->fd, &st))
		return request_fail(r, -errno, "%s", strerror(errno));
	if ((uint64_t)st.st_size > s->max_size)
		return request_fail(r, -EFBIG, "larger than this resource manager takes");
	*size = st.st_size;
	return 0;
}

static int copy_content(struct files_work *work, uint64_t content, int from, uint64_t size)
{
	off_t offset = 0;
	char name[24];
	int fd, ret = 0;

	files_content_name(content, name);
	fd = openat(work->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	while (!ret && (uint64_t)offset < size) {
		ssize_t n = sendfile(fd, from, &offset, size - offset);

		if (!n)
			ret = -EIO;
		else if (n < 0 && errno != EINTR)
			ret = -errno;
	}
	if (close(fd) && !ret)
		ret = -errno;
	if (ret)
		unlinkat(work->dir, name, 0);
	return ret;
}

static void drop_content(const struct files_work *work, uint64_t content)
{
	char name[24];

	files_content_name(content, name);
	/* What stays by mistake goes with the directory. */
	unlinkat(work->dir, name, 0);
}

static int put(struct files_store *s, struct rm_tx *tx, struct request *r)
{
	uint32_t flags = unpack_u32(&r->in);
	char name[NAME_LENGTH + 1];
	struct files_work *work;
	struct found found;
	uint64_t size = 0;
	int ret;

	ret = take_name(r, name);
	if (ret)
		return ret;
	if (flags & ~KTM_FILES_NEW)
		return request_fail(r, -EINVAL, "unknown flags");
	if (r->fd < 0)
		return request_fail(r, -EPROTO, "the content's descriptor is missing");
	ret = check_content(s, r, &size);
	if (!ret)
		ret = begin_write(s, tx, r, name, &found);
	if (!ret)
		ret = check_parents(s, tx, r, name);
	if (ret)
		return ret;
	if (flags & KTM_FILES_NEW && found.kind == TREE_FILE)
		return request_fail(r, -EEXIST, "%.150s: is there already", name);

	work = tx->work;
	ret = files_stage_dir(s, tx);
	if (!ret)
		ret = copy_content(work, work->next_content, r->fd, size);
	if (ret)
		return request_fail(r, ret, "cannot stage %.150s: %s", name, strerror(-ret));
	ret = ops_set(&work->ops, name, OP_PUT, work->next_content, size);
	if (ret) {
		drop_content(work, work->next_content);
		return request_fail(r, ret, "too many files in one transaction");
	}
	work->next_content++;
	if (found.own)
		drop_content(work, found.content);
	close(r->fd);
	r->fd = -1;
	return 0;
}

static int remove_name(struct files_store *s, struct rm_tx *tx, struct request *r)
{
	char name[NAME_LENGTH + 1];
	struct found found;
	int ret;

	ret = take_name(r, name);
	if (!ret)
		ret = begin_write(s, tx, r, name, &found);
	if (ret)
		return ret;
	if (found.kind == TREE_NOTHING)
		return request_fail(r, -ENOENT, "%.150s: no such file", name);
	ret = ops_set(&files_work(tx)->ops, name, OP_REMOVE, 0, 0);
	if (ret)
		return request_fail(r, ret, "too many files in one transaction");
	if (found.own)
		drop_content(tx->work, found.content);
	return 0;
}

/* A file that can be read. */
static int find_file(struct files_store *s, struct rm_tx *tx, struct request *r,
		     char name[NAME_LENGTH + 1], struct found *found)
{
	int ret;

	ret = take_name(r, name);
	if (ret)
		return ret;
	ret = files_look(s, tx, name, found);
	if (ret)
		return look_fail(r, ret, name);
	if (found->kind == TREE_NOTHING)
		return request_fail(r, -ENOENT, "%.150s: no such file", name);
	if (found->kind == TREE_DIRECTORY)
		return request_fail(r, -EISDIR, "%.150s: is a directory", name);
	return 0;
}

static int get(struct files_store *s, struct rm_tx *tx, struct request *r)
{
	char name[NAME_LENGTH + 1], content[24];
	struct found found;
	int ret;

	ret = find_file(s, tx, r, name, &found);
	if (ret)
		return ret;
	if (found.own) {
		files_content_name(found.content, content);
		ret = tree_open(((struct files_work *)tx->work)->dir, content, O_RDONLY);
	} else {
		/* Not to be held up by what somebody has put in a file's place. */
		ret = tree_open(s->tree, name, O_RDONLY | O_NONBLOCK);
	}
	if (ret < 0)
		return look_fail(r, ret, name);
	r->out_fd = ret;
	return 0;
}

static int stat_name(struct files_store *s, struct rm_tx *tx, struct request *r)
{
	char name[NAME_LENGTH + 1];
	struct found found;
	int ret;

	ret = find_file(s, tx, r, name, &found);
	if (!ret)
		pack_u64(&r->out, found.size);
	return ret;
}

int files_request(void *store, struct rm_tx *tx, struct request *r)
{
	struct files_store *s = store;

	if (r->fd >= 0 && r->op != RM_OP_FILES_PUT)
		return request_fail(r, -EPROTO, "no descriptor was asked for");
	switch (r->op) {
	case RM_OP_FILES_PUT:
	case RM_OP_FILES_REMOVE:
		if (!tx)
			return request_fail(r, -EINVAL, "writing needs a transaction");
		return r->op == RM_OP_FILES_PUT ? put(s, tx, r) : remove_name(s, tx, r);
	case RM_OP_FILES_GET:
		return get(s, tx, r);
	case RM_OP_FILES_STAT:
		return stat_name(s, tx, r);
	case RM_OP_FILES_LIST:
		return files_list(s, tx, r);
	default:
		return request_fail(r, -EOPNOTSUPP, "ktm-rm-files has no such request");
	}
}
