// SPDX-License-Identifier: GPL-2.0
/*
 * Staged work: held, looked at, prepared, committed, dropped, found again.
 *
 * What makes it safe:
 *  - prepare: contents, manifest and their directories are on disk (one syncfs)
 *    before the vote. The manifest gets its name only when it is whole, so one
 *    that cannot be read and that the TM asks for is damage, nothing less.
 *  - commit: each step is one rename or unlink, and finding it done is no error.
 *    All is on disk before the manifest goes, and that it is gone is on disk
 *    before the TM hears that we are done.
 *  - the names stay locked from the request until then.
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

static int write_manifest(const struct files_work *work)
{
	struct pack p;
	size_t done = 0;
	int fd, ret = 0;

	pack_init(&p, MANIFEST_MAX);
	manifest_pack(&p, &work->ops);
	if (p.failed) {
		pack_free(&p);
		return -ENOMEM;
	}
	fd = openat(work->dir, MANIFEST ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		ret = -errno;
	while (!ret && done < p.used) {
		ssize_t n = write(fd, p.data + done, p.used - done);

		if (n >= 0)
			done += n;
		else if (errno != EINTR)
			ret = -errno;
	}
	if (fd >= 0)
		close(fd);
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

int files_prepare(void *store, struct rm_tx *tx)
{
	struct files_store *s = store;
	struct files_work *work = tx->work;
	int ret;

	if (!work || !work->ops.count)
		return 1;
	ret = files_stage_dir(s, tx);
	if (!ret && work->failed_syncs != s->failed_syncs)
		ret = -EIO;
	if (!ret)
		ret = write_manifest(work);
	return ret ? ret : sync_all(s);
}

/* ---- commit ---- */

static int move_in(struct files_store *s, const struct files_work *work, const struct op *op)
{
	enum tree_kind kind;
	char content[24];
	uint64_t size;
	int ret;

	files_content_name(op->content, content);
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

/* Empties and removes the directory of @tx, the manifest before all else. */
static int drop_stage_dir(struct files_store *s, struct rm_tx *tx)
{
	struct files_work *work = tx->work;
	char name[KTM_GUID_STRING];
	struct dirent *e;
	int ret = 0;
	DIR *dir;

	if (unlinkat(work->dir, MANIFEST, 0) && errno != ENOENT)
		return -errno;
	dir = files_opendir(work->dir);
	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (unlinkat(work->dir, e->d_name, 0) && errno != ENOENT)
			ret = -errno;
	}
	closedir(dir);
	ktm_guid_format(&tx->enlistment, name);
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

	for (i = 0; i < work->ops.count && !ret; i++) {
		const struct op *op = &work->ops.ops[i];

		if (op->kind == OP_PUT)
			ret = move_in(s, work, op);
		else
			ret = tree_remove(s->tree, op->name);
		if (ret)
			log_line("%s: %s", op->name, strerror(-ret));
	}
	if (!ret)
		ret = sync_all(s);
	if (!ret)
		ret = drop_stage_dir(s, tx);
	if (!ret && fsync(s->staged))
		ret = -errno;
	return ret;
}

int files_forget(void *store, struct rm_tx *tx, bool keep)
{
	struct files_work *work = tx->work;
	int ret;

	if (!work)
		return 0;
	if (work->dir >= 0 && !keep) {
		ret = drop_stage_dir(store, tx);
		if (ret)
			log_line("staged files of a transaction that was rolled back stay: %s",
				 strerror(-ret));
		if (ret && !faccessat(work->dir, MANIFEST, F_OK, AT_SYMLINK_NOFOLLOW))
			return ret;
	}
	if (work->dir >= 0)
		close(work->dir);
	ops_free(&work->ops);
	free(work);
	tx->work = NULL;
	return 0;
}

/* ---- start ---- */

/* -ENOENT: not prepared; -EUCLEAN: cannot be read. */
static int read_manifest(struct files_work *work)
{
	struct stat st;
	size_t done = 0;
	char *data;
	int fd, ret = 0;

	fd = openat(work->dir, MANIFEST, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		close(fd);
		return -errno;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > MANIFEST_MAX) {
		close(fd);
		return -EUCLEAN;
	}
	data = malloc(st.st_size + 1);
	if (!data)
		ret = -ENOMEM;
	while (!ret && done < (size_t)st.st_size) {
		ssize_t n = read(fd, data + done, st.st_size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			ret = n ? -errno : -EUCLEAN;
		else
			done += n;
	}
	close(fd);
	if (!ret)
		ret = manifest_unpack(data, done, &work->ops);
	free(data);
	return ret;
}

static int load_one(struct files_store *s, struct rm_core *core, const struct ktm_guid *guid)
{
	struct rm_tx *tx = core_add_prepared(core, guid);
	struct files_work *work = tx ? files_work(tx) : NULL;
	size_t i;
	int ret;

	if (!work)
		return -ENOMEM;
	ret = files_stage_dir(s, tx);
	if (ret)
		return ret;
	ret = read_manifest(work);
	if (ret == -ENOENT) {
		/* Not voted for, or committed already: there is nothing to decide. */
		core_rollback(core, guid);
		return 0;
	}
	if (ret == -EUCLEAN) {
		tx->damaged = true;
		return 0;
	}
	for (i = 0; i < work->ops.count && !ret; i++)
		ret = files_lock(s, tx, work->ops.ops[i].name);
	if (ret == -EBUSY) {
		log_line("two prepared transactions claim %s", work->ops.ops[i - 1].name);
		ret = -EUCLEAN;
	}
	return ret;
}

int files_load(void *store, struct rm_core *core)
{
	struct files_store *s = store;
	struct dirent *e;
	int ret = 0;
	DIR *dir;

	dir = files_opendir(s->staged);
	if (!dir)
		return -errno;
	while (!ret && (e = readdir(dir))) {
		struct ktm_guid guid;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (ktm_guid_parse(e->d_name, &guid))
			log_line("ktm/staged/%s is not ours and stays", e->d_name);
		else
			ret = load_one(s, core, &guid);
	}
	closedir(dir);
	if (ret)
		log_line("cannot load what is prepared: %s", strerror(-ret));
	return ret;
}
