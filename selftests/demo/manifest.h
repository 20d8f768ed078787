/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The list of what the demo imports, as catalogue.sh wrote it, and the files.
 */
#ifndef KTM_DEMO_MANIFEST_H
#define KTM_DEMO_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX	64	/* without the terminating zero */

/**
 * struct document - one file of a package
 * @package: index of its package
 * @path: where it lies on the machine that the catalogue was made on
 * @size: in bytes
 * @sha256: in lower-case hexadecimal digits
 */
struct document {
	size_t package;
	const char *path;
	uint64_t size;
	char sha256[SHA256_HEX + 1];
};

/**
 * struct package - a package; its documents lie side by side
 */
struct package {
	const char *name;
	const char *version;
	size_t first;
	size_t nr;
};

struct manifest {
	char *text;
	struct package *packages;
	size_t nr_packages;
	struct document *documents;
	size_t nr_documents;
};

int manifest_load(struct manifest *m, const char *path);
void manifest_free(struct manifest *m);
const struct package *manifest_find_package(const struct manifest *m, const char *name);
const struct document *manifest_find_document(const struct manifest *m, const char *path);

int read_whole_file(const char *path, void **data, size_t *size);
struct sha256_ctx;
void sha256_hex_end(struct sha256_ctx *ctx, char hex[SHA256_HEX + 1]);
void sha256_hex(const void *data, size_t size, char hex[SHA256_HEX + 1]);

#endif
