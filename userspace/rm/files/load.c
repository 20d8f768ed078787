// SPDX-License-Identifier: GPL-2.0
/*
 * What the log says, after a crash: what is committed is carried out again, what is
 * undecided is kept for the transaction manager to ask for.
 *
 * The tree may have all of what is committed, or only a part, in any order. So of
 * each name only the last word is carried out. An earlier one may be impossible by now: a
 * name that was a file then, and removed, can be a directory of later ones.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ktm.h>

#include "../common/log.h"
#include "names.h"
#include "store.h"

#define MANIFEST_MAX	(100u << 20)

/* -ENOENT: it is not there; -EUCLEAN: it cannot be read. */
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

/* Fills in the work of @tx. */
static int load_work(struct files_store *s, struct rm_tx *tx, const struct redo_tx *redo)
{
	struct files_work *work = files_work(tx);
	int ret;

	if (!work)
		return -ENOMEM;
	if (!redo->stored)
		return files_redo_unpack(s, tx, redo);
	ret = files_stage_dir(s, tx);
	return ret ? ret : read_manifest(work);
}

/* ---- what is committed ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void keep_name(void *name)
{
	(void)name;
}

/*
 * From the newest to the oldest: names that a later transaction has a word on are
 * struck off, as operations of no kind.
 */
static int strike_off(struct rm_tx *txs, size_t count)
{
	void *seen = NULL;
	int ret = 0;
	size_t i, j;

	for (i = count; i && !ret; i--) {
		struct files_work *work = txs[i - 1].work;

		for (j = 0; j < work->ops.count && !ret; j++) {
			struct op *op = &work->ops.ops[j];
			char **node = tsearch(op->name, &seen, compare_names);

			if (!node)
				ret = -ENOMEM;
			else if (*node != op->name)
				op->kind = OP_NONE;
		}
	}
	tdestroy(seen, keep_name);
	return ret;
}

static int carry_out(struct files_store *s, struct rm_tx *tx)
{
	struct files_work *work = tx->work;
	int ret = 0;
	size_t i;

	for (i = 0; i < work->ops.count && !ret; i++)
		if (work->ops.ops[i].kind != OP_NONE)
			ret = files_carry_out(s, tx, &work->ops.ops[i]);
	if (!ret && tx->stored)
		ret = files_keep_dir(s, &tx->enlistment, tx->redo_lsn);
	return ret;
}

static int load_committed(struct files_store *s, const struct redo_log *log)
{
	struct rm_tx *txs = calloc(log->committed_count + 1, sizeof(*txs));
	size_t i, count = 0;
	int ret = 0;

	if (!txs)
		return -ENOMEM;
	while (count < log->committed_count && !ret) {
		const struct redo_tx *redo = log->committed[count];
		struct rm_tx *tx = &txs[count++];

		tx->enlistment = redo->enlistment;
		tx->state = RM_TX_PREPARED;
		tx->stored = redo->stored;
		tx->redo_lsn = redo->lsn;
		ret = load_work(s, tx, redo);
		if (ret)
			log_line("a committed transaction in the log is damaged: %s",
				 strerror(-ret));
	}
	if (!ret)
		ret = strike_off(txs, count);
	for (i = 0; i < count && !ret; i++)
		ret = carry_out(s, &txs[i]);
	for (i = 0; i < count; i++)
		files_forget(s, &txs[i], true);
	free(txs);
	return ret;
}

/* ---- what is not decided ---- */

static int load_undecided(struct files_store *s, const struct redo_tx *redo)
{
	struct rm_tx *tx = core_add_prepared(s->core, redo);
	struct files_work *work;
	size_t i;
	int ret;

	ret = tx ? load_work(s, tx, redo) : -ENOMEM;
	work = ret ? NULL : tx->work;
	for (i = 0; work && i < work->ops.count && !ret; i++)
		ret = files_lock(s, tx, work->ops.ops[i].name);
	/* A later one claims the name, so this one has ended: it was rolled back. */
	if (ret == -EBUSY)
		ret = -EUCLEAN;
	if (ret == -EUCLEAN) {
		tx->damaged = true;
		ret = 0;
	}
	if (ret == -ENOENT) {
		tx->missing = true;
		ret = 0;
	}
	return ret;
}

/* ---- what nobody needs ---- */

/* A directory with a manifest may be needed by redo that a power cut brings back. */
static int look_at_dir(struct files_store *s, const struct ktm_guid *guid)
{
	char name[KTM_GUID_STRING], path[KTM_GUID_STRING + sizeof(MANIFEST)];

	snprintf(path, sizeof(path), "%s/" MANIFEST, ktm_guid_format(guid, name));
	if (!faccessat(s->staged, path, F_OK, AT_SYMLINK_NOFOLLOW))
		return files_keep_dir(s, guid, 0);
	return files_drop_dir(s, guid);
}

static int look_at_dirs(struct files_store *s, const struct redo_log *log)
{
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
		else if (!redo_log_has(log, &guid))
			ret = look_at_dir(s, &guid);
	}
	closedir(dir);
	return ret;
}

int files_load(void *store, struct rm_core *core, const struct redo_log *log)
{
	struct files_store *s = store;
	size_t i;
	int ret;

	(void)core;
	ret = look_at_dirs(s, log);
	if (!ret)
		ret = load_committed(s, log);
	for (i = log->count; i && !ret; i--) {
		const struct redo_tx *redo = log->txs[i - 1];

		if (!redo->committed && redo->whole && !redo->headless)
			ret = load_undecided(s, redo);
	}
	if (ret)
		log_line("cannot load what the log holds: %s", strerror(-ret));
	return ret;
}
