// SPDX-License-Identifier: GPL-2.0
/* Who has a journal in use while we look at it. */
#define _GNU_SOURCE
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Words for the TM that has claimed the device, to be freed; NULL: none, or no module. */
static char *find_tm(int device)
{
	int ktm = ktm_open_device();
	char guid_text[KTM_GUID_STRING], *text = NULL;
	struct ktm_guid guid;
	int tm, ret = -1;

	if (ktm < 0)
		return NULL;
	tm = ktm_tm_open_log(ktm, device, KTM_TM_QUERY_INFORMATION, &guid, NULL);
	if (tm >= 0)
		ret = asprintf(&text, "transaction manager %s", ktm_guid_format(&guid, guid_text));
	else if (tm == -EACCES)
		ret = asprintf(&text, "a transaction manager of somebody else");
	if (tm >= 0)
		close(tm);
	close(ktm);
	return ret < 0 ? NULL : text;
}

static char *find_loop_user(const char *path)
{
	char *loop = device_find_loop(path), *tm, *text = NULL;
	int fd, ret = -1;

	if (!loop)
		return NULL;
	fd = open(loop, O_RDONLY | O_CLOEXEC);
	tm = fd < 0 ? NULL : find_tm(fd);
	if (tm)
		ret = asprintf(&text, "%s through %s", tm, loop);
	if (fd >= 0)
		close(fd);
	free(tm);
	if (ret >= 0) {
		free(loop);
		return text;
	}
	return loop;
}

char *image_user(const struct image *image)
{
	return image->is_file ? find_loop_user(image->path) : find_tm(image->fd);
}
