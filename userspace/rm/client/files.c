// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Calls of ktm-rm-files.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"

#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		size -= n;
	}
	return 0;
}

static int copy_all(int to, int from)
{
	char buffer[65536];
	off_t offset = 0;

	for (;;) {
		ssize_t n = pread(from, buffer, sizeof(buffer), offset);
		int ret;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : 0;
		ret = write_all(to, buffer, n);
		if (ret)
			return ret;
		offset += n;
	}
}

/* A sealed memory file is what the RM takes: it can neither change nor block. */
static int put(struct ktm_client *c, uint64_t t, const char *name, unsigned int flags,
	       const void *data, size_t size, int from)
{
	struct unpack out;
	int fd, ret;

	fd = memfd_create("ktm-files-put", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	ret = from < 0 ? write_all(fd, data, size) : copy_all(fd, from);
	if (!ret && fcntl(fd, F_ADD_SEALS, SEALS))
		ret = -errno;
	if (!ret) {
		client_begin(c, RM_OP_FILES_PUT, t);
		pack_u32(&c->request, flags);
		pack_bytes(&c->request, name, strlen(name));
		ret = client_call(c, PASS_FD, fd, NULL, NULL, &out);
	}
	close(fd);
	return ret;
}

int ktm_files_put(struct ktm_client *c, uint64_t t, const char *name, unsigned int flags,
		  const void *data, size_t size)
{
	return put(c, t, name, flags, data, size, -1);
}

int ktm_files_put_fd(struct ktm_client *c, uint64_t t, const char *name, unsigned int flags,
		     int fd)
{
	if (fd < 0)
		return -EBADF;
	return put(c, t, name, flags, NULL, 0, fd);
}

int ktm_files_remove(struct ktm_client *c, uint64_t t, const char *name)
{
	struct unpack out;

	client_begin(c, RM_OP_FILES_REMOVE, t);
	pack_bytes(&c->request, name, strlen(name));
	return client_call(c, PASS_NOTHING, -1, NULL, NULL, &out);
}

int ktm_files_get(struct ktm_client *c, uint64_t t, const char *name, int *fd)
{
	struct unpack out;

	client_begin(c, RM_OP_FILES_GET, t);
	pack_bytes(&c->request, name, strlen(name));
	return client_call(c, PASS_NOTHING, -1, NULL, fd, &out);
}

int ktm_files_stat(struct ktm_client *c, uint64_t t, const char *name, uint64_t *size)
{
	struct unpack out;
	int ret;

	client_begin(c, RM_OP_FILES_STAT, t);
	pack_bytes(&c->request, name, strlen(name));
	ret = client_call(c, PASS_NOTHING, -1, NULL, NULL, &out);
	if (ret)
		return ret;
	*size = unpack_u64(&out);
	return unpack_done(&out) ? 0 : client_broken(c, -EPROTO);
}

/* One answer's entries; the name of the last one is left in @after. */
static int list_some(struct ktm_client *c, struct unpack *out, char *after,
		     int (*each)(void *arg, const struct ktm_files_entry *entry), void *arg)
{
	uint32_t count = unpack_u32(out);

	while (count--) {
		struct ktm_files_entry entry = { .name = after };
		const char *name;
		size_t length;
		int ret;

		entry.directory = unpack_u8(out);
		entry.size = unpack_u64(out);
		name = unpack_bytes(out, &length);
		if (out->failed || !length || length > KTM_FILES_NAME_MAX)
			return client_broken(c, -EPROTO);
		memcpy(after, name, length);
		after[length] = 0;
		ret = each(arg, &entry);
		if (ret)
			return ret;
	}
	return unpack_done(out) ? 0 : client_broken(c, -EPROTO);
}

int ktm_files_list(struct ktm_client *c, uint64_t t, const char *directory,
		   int (*each)(void *arg, const struct ktm_files_entry *entry), void *arg)
{
	char after[KTM_FILES_NAME_MAX + 1] = "";
	struct unpack out;
	uint8_t more;
	int ret;

	do {
		client_begin(c, RM_OP_FILES_LIST, t);
		pack_bytes(&c->request, directory, strlen(directory));
		pack_bytes(&c->request, after, strlen(after));
		ret = client_call(c, PASS_NOTHING, -1, NULL, NULL, &out);
		if (ret)
			return ret;
		more = unpack_u8(&out);
		ret = list_some(c, &out, after, each, arg);
	} while (!ret && more);
	return ret;
}
