// SPDX-License-Identifier: GPL-2.0
/*
 * Which names a client may use.
 */
#include <errno.h>
#include <string.h>

#include "names.h"

int name_check(const char *data, size_t size, char name[NAME_LENGTH + 1])
{
	size_t i, start = 0;

	if (size > NAME_LENGTH)
		return -ENAMETOOLONG;
	if (!size || memchr(data, 0, size))
		return -EINVAL;
	memcpy(name, data, size);
	name[size] = 0;

	for (i = 0; i <= size; i++) {
		size_t length = i - start;

		if (name[i] && name[i] != '/')
			continue;
		if (!length || (length == 1 && name[start] == '.') ||
		    (length == 2 && name[start] == '.' && name[start + 1] == '.'))
			return -EINVAL;
		if (length > COMPONENT_MAX)
			return -ENAMETOOLONG;
		start = i + 1;
	}
	return 0;
}

bool name_parent(const char *name, size_t *length)
{
	const char *slash = strchr(name + *length + !!*length, '/');

	if (!slash)
		return false;
	*length = slash - name;
	return true;
}

bool name_below(const char *name, const char *directory)
{
	size_t length = strlen(directory);

	return !length || (!strncmp(name, directory, length) && name[length] == '/');
}
