/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which names a client may use.
 */
#ifndef KTM_FILES_NAMES_H
#define KTM_FILES_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_LENGTH	1023
#define COMPONENT_MAX	255

/*
 * A relative path of components that are neither empty nor "." nor "..", without
 * NUL. Copies it to @name with a NUL behind it. 0, -EINVAL or -ENAMETOOLONG.
 */
int name_check(const char *data, size_t size, char name[NAME_LENGTH + 1]);

/*
 * Walks over the directories above @name, the topmost first: puts the length of
 * the next one into *@length, which begins with 0. False: no more.
 */
bool name_parent(const char *name, size_t *length);

/* Whether @name is below @directory ("" is the root, below which everything is). */
bool name_below(const char *name, const char *directory);

#endif /* KTM_FILES_NAMES_H */
