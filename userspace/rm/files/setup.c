// SPDX-License-Identifier: GPL-2.0
/*
 * Opening a store, and its identity.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ktm.h>

#include "../common/log.h"
#include "store.h"

#define DEFAULT_MAX_SIZE	(64ull << 20)
#define IDENTITY		"identity"
#define IDENTITY_SIZE		256

/* Makes @name if need be and opens it. */
static int make_directory(int at, const char *name, mode_t mode)
{
	int fd;

	if (mkdirat(at, name, mode) && errno != EEXIST)
		return -errno;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_identity(struct files_store *s)
{
	char rm[KTM_GUID_STRING], tm[KTM_GUID_STRING];
	char text[IDENTITY_SIZE];
	int fd, length, ret = 0;

	length = snprintf(text, sizeof(text), "rm %s\ntm %s\nlog %s\n",
			  ktm_guid_format(&s->identity.rm, rm),
			  ktm_guid_format(&s->identity.tm, tm),
			  s->identity.in_use ? "used" : "empty");
	fd = openat(s->private, IDENTITY ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, text, length) != length || fsync(fd))
		ret = errno ? -errno : -EIO;
	close(fd);
	if (!ret && renameat(s->private, IDENTITY ".new", s->private, IDENTITY))
		ret = -errno;
	if (!ret && fsync(s->private))
		ret = -errno;
	return ret;
}

static int read_identity(struct files_store *s)
{
	char rm[KTM_GUID_STRING], tm[KTM_GUID_STRING], log[8];
	char text[IDENTITY_SIZE];
	ssize_t n;
	int fd;

	fd = openat(s->private, IDENTITY, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return -errno;
	text[n] = 0;
	if (sscanf(text, "rm %36s tm %36s log %7s", rm, tm, log) != 3 ||
	    ktm_guid_parse(rm, &s->identity.rm) || ktm_guid_parse(tm, &s->identity.tm))
		return -EUCLEAN;
	s->identity.in_use = strcmp(log, "empty");
	return 0;
}

DIR *files_opendir(int at)
{
	int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static int open_identity(struct files_store *s)
{
	int ret = read_identity(s);

	if (ret != -ENOENT)
		return ret;
	/* New: its GUID is its own for ever, its TM comes later. */
	ktm_guid_generate(&s->identity.rm);
	if (syncfs(s->dir))
		return -errno;
	return write_identity(s);
}

static int open_directories(struct files_store *s, const char *path)
{
	int ret;

	s->dir = make_directory(AT_FDCWD, path, 0755);
	if (s->dir < 0)
		return s->dir;
	ret = rm_lock_store(s->dir);
	if (ret)
		return ret;
	s->tree = make_directory(s->dir, "tree", 0755);
	s->private = make_directory(s->dir, "ktm", 0700);
	if (s->tree < 0 || s->private < 0)
		return s->tree < 0 ? s->tree : s->private;
	s->staged = make_directory(s->private, "staged", 0700);
	return s->staged < 0 ? s->staged : 0;
}

static int parse_max_size(const char *text, uint64_t *size)
{
	char *end;

	*size = DEFAULT_MAX_SIZE;
	if (!text)
		return 0;
	errno = 0;
	*size = strtoull(text, &end, 10);
	return errno || end == text || *end || *text == '-' ? -EINVAL : 0;
}

int files_open(const struct rm_options *options, struct rm_core *core,
	       struct rm_identity *identity, void **store)
{
	struct files_store *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	*store = s;
	s->core = core;
	s->dir = s->tree = s->private = s->staged = -1;
	ret = parse_max_size(options->extra, &s->max_size);
	if (ret) {
		log_line("--max-size wants a number of bytes");
		return ret;
	}
	ret = open_directories(s, options->store);
	if (!ret)
		ret = open_identity(s);
	if (ret == -EBUSY)
		log_line("%s is in use by another process", options->store);
	else if (ret == -EUCLEAN)
		log_line("%s/ktm/" IDENTITY " is missing or damaged", options->store);
	else if (ret)
		log_line("cannot open %s: %s", options->store, strerror(-ret));
	*identity = s->identity;
	return ret;
}

int files_set_tm(void *store, const struct ktm_guid *tm, bool in_use)
{
	struct files_store *s = store;

	s->identity.tm = *tm;
	s->identity.in_use = in_use;
	return write_identity(s);
}

void files_close(void *store)
{
	struct files_store *s = store;
	int fds[] = { s->staged, s->private, s->tree, s->dir };
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	files_free_kept(s);
	free(s);
}

const struct rm_program files_program = {
	.name = "ktm-rm-files",
	.store_option = "store",
	.extra_option = "max-size",
	.usage =
		"  --store PATH     directory of the store; committed files are in PATH/tree\n"
		"  --max-size N     largest file that is taken, in bytes (67108864)\n",
	.open = files_open,
	.set_tm = files_set_tm,
	.close = files_close,
	.ops = {
		.load = files_load,
		.request = files_request,
		.prepare = files_prepare,
		.commit = files_commit,
		.forget = files_forget,
		.sync = files_sync,
	},
};
