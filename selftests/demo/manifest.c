// SPDX-License-Identifier: GPL-2.0
/*
 * The list of what the demo imports, and the files.
 */
#include "manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/**
 * read_whole_file() - read a file into memory
 * @path: its name
 * @data: set to the bytes, to be freed; a zero follows them
 * @size: set to how many there are
 *
 * Return: 0, or -1 with errno set.
 */
int read_whole_file(const char *path, void **data, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), saved;
	size_t have = 0;
	struct stat st;
	char *buf = NULL;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st))
		goto fail;
	buf = malloc((size_t)st.st_size + 1);
	if (!buf)
		goto fail;
	while (have < (size_t)st.st_size) {
		ssize_t n = read(fd, buf + have, (size_t)st.st_size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			goto fail;
		if (!n)
			break;
		have += (size_t)n;
	}
	close(fd);
	buf[have] = 0;
	*data = buf;
	*size = have;
	return 0;
fail:
	saved = errno;
	free(buf);
	close(fd);
	errno = saved;
	return -1;
}

/**
 * sha256_hex_end() - what came to a context, as hexadecimal digits
 * @ctx: the context, which begins anew
 * @hex: where the digits go
 */
void sha256_hex_end(struct sha256_ctx *ctx, char hex[SHA256_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA256_DIGEST_SIZE];
	size_t i;

	sha256_digest(ctx, sizeof(digest), digest);
	for (i = 0; i < sizeof(digest); i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[SHA256_HEX] = 0;
}

/**
 * sha256_hex() - the SHA-256 of some bytes in hexadecimal digits
 * @data: the bytes
 * @size: how many
 * @hex: where the digits go
 */
void sha256_hex(const void *data, size_t size, char hex[SHA256_HEX + 1])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, size, data);
	sha256_hex_end(&ctx, hex);
}

/* Cuts the field that ends with @end off the front of *@text. */
static char *field(char **text, char end)
{
	char *start = *text, *stop = strchr(start, end);

	if (!stop)
		return NULL;
	*stop = 0;
	*text = stop + 1;
	return start;
}

static int parse_line(struct manifest *m, char **text)
{
	char *name = field(text, '\t'), *version, *path, *size, *sha256;
	struct package *p;

	if (!name || !(version = field(text, '\t')) || !(path = field(text, '\t')) ||
	    !(size = field(text, '\t')) || !(sha256 = field(text, '\n')) ||
	    strlen(sha256) != SHA256_HEX)
		return -1;
	if (!m->nr_packages || strcmp(m->packages[m->nr_packages - 1].name, name)) {
		if (manifest_find_package(m, name))
			return -1;	/* its lines are not together */
		m->packages[m->nr_packages++] = (struct package) {
			.name = name, .version = version, .first = m->nr_documents,
		};
	}
	p = &m->packages[m->nr_packages - 1];
	p->nr++;
	m->documents[m->nr_documents].package = m->nr_packages - 1;
	m->documents[m->nr_documents].path = path;
	m->documents[m->nr_documents].size = strtoull(size, NULL, 10);
	memcpy(m->documents[m->nr_documents].sha256, sha256, SHA256_HEX + 1);
	m->nr_documents++;
	return 0;
}

/**
 * manifest_load() - read the list
 * @m: filled
 * @path: the file
 *
 * Return: 0, or -1 after a message on standard error.
 */
int manifest_load(struct manifest *m, const char *path)
{
	size_t size, lines = 0;
	char *at;

	memset(m, 0, sizeof(*m));
	if (read_whole_file(path, (void **)&m->text, &size)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	for (at = m->text; (at = strchr(at, '\n')); at++)
		lines++;
	m->packages = calloc(lines + 1, sizeof(*m->packages));
	m->documents = calloc(lines + 1, sizeof(*m->documents));
	if (!m->packages || !m->documents) {
		fprintf(stderr, "out of memory\n");
		manifest_free(m);
		return -1;
	}
	for (at = m->text; *at;) {
		if (parse_line(m, &at)) {
			fprintf(stderr, "%s: line %zu is not one of a catalogue\n", path,
				m->nr_documents + 1);
			manifest_free(m);
			return -1;
		}
	}
	return 0;
}

/**
 * manifest_free() - give back what manifest_load() took
 * @m: the list
 */
void manifest_free(struct manifest *m)
{
	free(m->text);
	free(m->packages);
	free(m->documents);
	memset(m, 0, sizeof(*m));
}

/**
 * manifest_find_package() - a package by its name, or NULL
 * @m: the list
 * @name: the name
 */
const struct package *manifest_find_package(const struct manifest *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->nr_packages; i++)
		if (!strcmp(m->packages[i].name, name))
			return &m->packages[i];
	return NULL;
}

/**
 * manifest_find_document() - a document by its path, or NULL
 * @m: the list
 * @path: the path
 */
const struct document *manifest_find_document(const struct manifest *m, const char *path)
{
	size_t i;

	for (i = 0; i < m->nr_documents; i++)
		if (!strcmp(m->documents[i].path, path))
			return &m->documents[i];
	return NULL;
}
