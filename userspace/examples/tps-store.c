// SPDX-License-Identifier: GPL-2.0
/* The files of an example database. */
#include "tps-store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <ktm.h>

#define TEXT_FILE	"text"

static int directory;			/* synced when a name in it has changed */

/* An enlistment's file. */
static const char *file_of(const GUID *enlistment, char name[KTM_GUID_STRING])
{
	struct ktm_guid guid = KtmGuidFromNt(enlistment);

	return ktm_guid_format(&guid, name);
}

bool store_open(const char *path)
{
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return directory >= 0;
}

ssize_t store_read(char *data, size_t size)
{
	int fd = openat(directory, TEXT_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	length = read(fd, data, size);
	close(fd);
	return length;
}

static bool write_to(const GUID *enlistment, int flags, const char *data, size_t length)
{
	char name[KTM_GUID_STRING];
	int fd = openat(directory, file_of(enlistment, name),
			O_WRONLY | O_SYNC | O_CLOEXEC | flags, 0600);
	bool good;

	if (fd < 0)
		return false;
	good = write(fd, data, length) == (ssize_t)length;
	close(fd);
	return good;
}

bool store_begin(const GUID *enlistment)
{
	return write_to(enlistment, O_CREAT | O_EXCL, "", 0);
}

bool store_append(const GUID *enlistment, const char *data, size_t length)
{
	return write_to(enlistment, O_APPEND, data, length);
}

bool store_prepare(void)
{
	/* The bytes were synced as they were written; that the file is there was not. */
	return !fsync(directory);
}

bool store_commit(const GUID *enlistment)
{
	char name[KTM_GUID_STRING];

	/* After a crash it may have been done already. */
	if (renameat(directory, file_of(enlistment, name), directory, TEXT_FILE) &&
	    errno != ENOENT)
		return false;
	return !fsync(directory);
}

bool store_discard(const GUID *enlistment)
{
	char name[KTM_GUID_STRING];

	return !unlinkat(directory, file_of(enlistment, name), 0) || errno == ENOENT;
}

bool store_has(const GUID *enlistment)
{
	char name[KTM_GUID_STRING];

	return !faccessat(directory, file_of(enlistment, name), F_OK, 0);
}

bool store_each(void (*visit)(GUID *enlistment))
{
	struct dirent *entry;
	struct ktm_guid guid;
	GUID enlistment;
	DIR *here;
	int fd;

	/* A descriptor of its own: it has a position. */
	fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	here = fdopendir(fd);
	if (!here) {
		close(fd);
		return false;
	}
	while ((entry = readdir(here))) {
		if (ktm_guid_parse(entry->d_name, &guid))
			continue;
		enlistment = KtmGuidToNt(&guid);
		visit(&enlistment);
	}
	return !closedir(here);
}
