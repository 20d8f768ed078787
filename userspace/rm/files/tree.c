// SPDX-License-Identifier: GPL-2.0
/*
 * The served tree.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "names.h"
#include "tree.h"

int tree_open(int tree, const char *name, int flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	int fd;

	do {
		fd = syscall(SYS_openat2, tree, *name ? name : ".", &how, sizeof(how));
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return fd < 0 ? -errno : fd;
}

int tree_look(int tree, const char *name, enum tree_kind *kind, uint64_t *size)
{
	struct stat st;
	int fd, ret;

	*kind = TREE_NOTHING;
	*size = 0;
	fd = tree_open(tree, name, O_PATH);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	ret = fstat(fd, &st) ? -errno : 0;
	close(fd);
	if (ret)
		return ret;
	if (S_ISDIR(st.st_mode))
		*kind = TREE_DIRECTORY;
	else if (S_ISREG(st.st_mode))
		*kind = TREE_FILE;
	else
		return -EINVAL;
	*size = st.st_size;
	return 0;
}

/* The directory @name, made if it is not there. */
static int tree_directory(int tree, const char *name)
{
	char parent[NAME_LENGTH + 1];
	const char *last;
	int fd, up;

	fd = tree_open(tree, name, O_PATH | O_DIRECTORY);
	if (fd != -ENOENT || !*name)
		return fd;

	last = strrchr(name, '/');
	snprintf(parent, sizeof(parent), "%.*s", last ? (int)(last - name) : 0, name);
	up = tree_directory(tree, parent);
	if (up < 0)
		return up;
	if (mkdirat(up, last ? last + 1 : name, 0755) && errno != EEXIST)
		fd = -errno;
	else
		fd = tree_open(tree, name, O_PATH | O_DIRECTORY);
	close(up);
	return fd;
}

/* Splits @name; the descriptor of the directory above the last component. */
static int tree_parent(int tree, const char *name, bool make, const char **last)
{
	char parent[NAME_LENGTH + 1];
	const char *slash = strrchr(name, '/');

	*last = slash ? slash + 1 : name;
	snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - name) : 0, name);
	return make ? tree_directory(tree, parent) :
		      tree_open(tree, parent, O_PATH | O_DIRECTORY);
}

int tree_move_in(int tree, const char *name, int from_dir, const char *from)
{
	const char *last;
	int up, ret;

	up = tree_parent(tree, name, true, &last);
	if (up < 0)
		return up;
	ret = renameat(from_dir, from, up, last) ? -errno : 0;
	close(up);
	return ret;
}

/*
 * Another operation of the same transaction may have put a file where a directory
 * above the name would be, or a directory where the file was.
 */
int tree_remove(int tree, const char *name)
{
	const char *last;
	int up, ret;

	up = tree_parent(tree, name, false, &last);
	if (up == -ENOENT || up == -ENOTDIR)
		return 0;
	if (up < 0)
		return up;
	ret = unlinkat(up, last, 0) ? -errno : 0;
	close(up);
	return ret == -ENOENT || ret == -EISDIR ? 0 : ret;
}
