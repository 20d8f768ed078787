// SPDX-License-Identifier: GPL-2.0
/*
 * Staged work: held, looked at, prepared, committed, dropped.
 *
 * What makes it safe:
 *  - prepare: all that a commit does, contents included, goes into the log in front of
 *    the vote. What is too large for the log stays here and is synced before the vote
 *    (contents, manifest and their directories, by one syncfs), because only the log is
 *    made durable by the decision. The manifest gets its name only when it is whole, so one
 *    that cannot be read and that the TM asks for is damage, nothing less.
 *  - commit: each step is one rename or unlink, and finding it done is no error. None
 *    is synced: after a power cut the tree may have some of it, or a file that is empty,
 *    and the log has it all. Contents that only are here are linked, not moved.
 *  - the base of the log is advanced only behind a syncfs.
 *  - the names stay locked from the request until the commit.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ktm.h>

#include "../common/log.h"
#include "names.h"
#include "store.h"

/* In ktm/: a name for the moment. */
#define LINKED		"linked"
/* More than OPS_MAX names of NAME_LENGTH take. */
#define MANIFEST_MAX	(100u << 20)

struct files_work *files_work(struct rm_tx *tx)
{
	struct files_work *work = tx->work;

	if (work)
		return work;
	work = calloc(1, sizeof(*work));
	if (work)
		work->dir = -1;
	tx->work = work;
	return work;
}

void files_content_name(uint64_t content, char name[24])
{
	snprintf(name, 24, "%" PRIu64, content);
}

int files_stage_dir(struct files_store *s, struct rm_tx *tx)
{
	struct files_work *work = tx->work;
	char name[KTM_GUID_STRING];

	if (work->dir >= 0)
		return 0;
	ktm_guid_format(&tx->enlistment, name);
	if (mkdirat(s->staged, name, 0700) && errno != EEXIST)
		return -errno;
	work->failed_syncs = s->failed_syncs;
	work->dir = openat(s->staged, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return work->dir < 0 ? -errno : 0;
}

int files_lock(struct files_store *s, struct rm_tx *tx, const char *name)
{
	struct lock_hold *mark = tx->locks.newest;
	size_t length = 0;
	int ret = 0;

	while (!ret && name_parent(name, &length))
		ret = lock_take(&s->core->locks, &tx->locks, name, length, false);
	if (!ret)
		ret = lock_take(&s->core->locks, &tx->locks, name, strlen(name), true);
	if (ret)
		lock_release(&s->core->locks, &tx->locks, mark);
	return ret;
}

int files_look(struct files_store *s, struct rm_tx *tx, const char *name, struct found *found)
{
	const struct files_work *work = tx ? tx->work : NULL;
	const struct op *op;
	bool mine;
	size_t i;

	memset(found, 0, sizeof(*found));
	if (work) {
		i = ops_find(&work->ops, name, &mine);
		if (mine) {
			op = &work->ops.ops[i];
			found->own = op->kind == OP_PUT;
			found->kind = found->own ? TREE_FILE : TREE_NOTHING;
			found->size = op->size;
			found->content = op->content;
			return 0;
		}
		if (ops_put_below(&work->ops, name)) {
			found->kind = TREE_DIRECTORY;
			return 0;
		}
	}
	return tree_look(s->tree, name, &found->kind, &found->size);
}

/* ---- prepare ---- */

int files_write(int dir, const char *name, const void *data, size_t size)
{
	const char *at = data;
	int fd, ret = 0;

	fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	while (!ret && size) {
		ssize_t n = write(fd, at, size);

		if (n >= 0) {
			at += n;
			size -= n;
		} else if (errno != EINTR) {
			ret = -errno;
		}
	}
	if (close(fd) && !ret)
		ret = -errno;
	return ret;
}

int files_read(int dir, const char *name, void *data, size_t size)
{
	char *at = data;
	int fd, ret = 0;

	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (!ret && size) {
		ssize_t n = read(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			ret = n ? -errno : -EIO;
		} else {
			at += n;
			size -= n;
		}
	}
	close(fd);
	return ret;
}

static int write_manifest(const struct files_work *work)
{
	struct pack p;
	int ret;

	pack_init(&p, MANIFEST_MAX);
	manifest_pack(&p, &work->ops);
	ret = p.failed ? -ENOMEM : files_write(work->dir, MANIFEST ".new", p.data, p.used);
	pack_free(&p);
	if (!ret && renameat(work->dir, MANIFEST ".new", work->dir, MANIFEST))
		ret = -errno;
	return ret;
}

/*
 * A write that failed is reported by one sync, whosever it was, and by no later
 * one. So a sync that fails speaks about all that was staged before it.
 */
static int sync_all(struct files_store *s)
{
	if (!syncfs(s->dir))
		return 0;
	s->failed_syncs++;
	return -errno;
}

int files_prepare(void *store, struct rm_tx *tx, struct pack *redo, uint64_t room)
{
	struct files_store *s = store;
	struct files_work *work = tx->work;
	int ret;

	if (!work || !work->ops.count)
		return RM_VOTE_NOTHING;
	if (!redo)
		return RM_VOTE_LOGGED;
	if (files_redo_size(work) <= room)
		return files_redo_pack(redo, work);
	ret = files_stage_dir(s, tx);
	if (!ret && work->failed_syncs != s->failed_syncs)
		ret = -EIO;
	if (!ret)
		ret = write_manifest(work);
	if (!ret)
		ret = sync_all(s);
	return ret ? ret : RM_VOTE_STORED;
}

/* ---- commit ---- */

/* What the log does not have stays in its directory, too. */
static int link_in(struct files_store *s, const struct files_work *work, const struct op *op,
		   const char *content)
{
	int ret;

	if (unlinkat(s->private, LINKED, 0) && errno != ENOENT)
		return -errno;
	if (linkat(work->dir, content, s->private, LINKED, 0))
		return -errno;
	ret = tree_move_in(s->tree, op->name, s->private, LINKED);
	/* A rename to another name of the same file does nothing. */
	if (!ret && unlinkat(s->private, LINKED, 0) && errno != ENOENT)
		ret = -errno;
	return ret;
}

static int move_in(struct files_store *s, const struct rm_tx *tx, const struct op *op)
{
	const struct files_work *work = tx->work;
	enum tree_kind kind;
	char content[24];
	uint64_t size;
	int ret;

	files_content_name(op->content, content);
	if (tx->stored)
		return link_in(s, work, op, content);
	ret = tree_move_in(s->tree, op->name, work->dir, content);
	if (ret != -ENOENT)
		return ret;
	/* Moved by an earlier attempt: then it must be there. */
	ret = tree_look(s->tree, op->name, &kind, &size);
	if (!ret && (kind != TREE_FILE || size != op->size)) {
		log_line("the prepared content of %s is missing", op->name);
		ret = -EUCLEAN;
	}
	return ret;
}

int files_carry_out(struct files_store *s, struct rm_tx *tx, const struct op *op)
{
	int ret = op->kind == OP_PUT ? move_in(s, tx, op) : tree_remove(s->tree, op->name);

	if (ret)
		log_line("%s: %s", op->name, strerror(-ret));
	return ret;
}

int files_drop_dir(struct files_store *s, const struct ktm_guid *enlistment)
{
	char name[KTM_GUID_STRING];
	struct dirent *e;
	int at, ret = 0;
	DIR *dir;

	ktm_guid_format(enlistment, name);
	at = openat(s->staged, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0)
		return errno == ENOENT ? 0 : -errno;
	if (unlinkat(at, MANIFEST, 0) && errno != ENOENT)
		ret = -errno;
	dir = ret ? NULL : files_opendir(at);
	close(at);
	if (!dir)
		return ret ? ret : -errno;
	while ((e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (unlinkat(dirfd(dir), e->d_name, 0) && errno != ENOENT)
			ret = -errno;
	}
	closedir(dir);
	if (!ret && unlinkat(s->staged, name, AT_REMOVEDIR) && errno != ENOENT)
		ret = -errno;
	return ret;
}

int files_commit(void *store, struct rm_tx *tx)
{
	struct files_store *s = store;
	struct files_work *work = tx->work;
	int ret = 0;
	size_t i;

	for (i = 0; i < work->ops.count && !ret; i++)
		ret = files_carry_out(s, tx, &work->ops.ops[i]);
	if (!ret && tx->stored)
		ret = files_keep_dir(s, &tx->enlistment, tx->redo_lsn);
	return ret;
}

void files_forget(void *store, struct rm_tx *tx, bool keep)
{
	struct files_store *s = store;
	struct files_work *work = tx->work;
	int ret;

	if (!work)
		return;
	/* What the log has is not needed here. */
	if (work->dir >= 0 && (!keep || (!tx->stored && tx->state == RM_TX_PREPARED))) {
		ret = files_drop_dir(s, &tx->enlistment);
		/* The next start finds that nobody needs them. */
		if (ret)
			log_line("staged files of a transaction that is over stay: %s",
				 strerror(-ret));
	}
	if (work->dir >= 0)
		close(work->dir);
	ops_free(&work->ops);
	free(work);
	tx->work = NULL;
}

int files_sync(void *store, uint64_t base, uint64_t last, uint64_t flushed)
{
	struct files_store *s = store;
	int ret;

	/* Of what an earlier one has failed to write nobody knows whose it was. */
	ret = s->failed_syncs ? -EIO : sync_all(s);
	if (!ret)
		files_drop_kept(s, base, last, flushed);
	return ret;
}
