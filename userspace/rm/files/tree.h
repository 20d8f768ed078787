/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The served tree, by names relative to it. Symbolic links and other file systems
 * in it are never followed: nothing leads out, and a rename cannot fail for being
 * across file systems.
 */
#ifndef KTM_FILES_TREE_H
#define KTM_FILES_TREE_H

#include <stdint.h>

enum tree_kind {
	TREE_NOTHING,
	TREE_FILE,
	TREE_DIRECTORY,
};

/*
 * What is at @name ("" is the root). -ENOTDIR: a directory above it is a file;
 * -ELOOP, -EXDEV, -EINVAL: something is there that is not ours to touch.
 */
int tree_look(int tree, const char *name, enum tree_kind *kind, uint64_t *size);
/* A descriptor for reading of a file or directory. */
int tree_open(int tree, const char *name, int flags);
/* Moves a file in, making directories as needed; replaces what is there. */
int tree_move_in(int tree, const char *name, int from_dir, const char *from);
/* Removes a file; that it is not there is no error. */
int tree_remove(int tree, const char *name);

#endif /* KTM_FILES_TREE_H */
