// SPDX-License-Identifier: GPL-2.0
/*
 * What the index says of a package.
 */
#include "index.h"

#include <stdio.h>

/**
 * index_begin() - of no documents yet
 * @v: the value
 */
void index_begin(struct index_value *v)
{
	sha256_init(&v->ctx);
	v->documents = 0;
}

/**
 * index_add() - and one more
 * @v: the value
 * @sha256: its digest in hexadecimal digits
 */
void index_add(struct index_value *v, const char *sha256)
{
	sha256_update(&v->ctx, SHA256_HEX, (const uint8_t *)sha256);
	v->documents++;
}

/**
 * index_end() - these were all
 * @v: the value
 * @version: of the package
 * @text: out: as the store has it
 *
 * Return: 0, or -1: the store has no room for such a long one.
 */
int index_end(struct index_value *v, const char *version, char text[KTM_SAMPLE_MAX_VALUE + 1])
{
	char hex[SHA256_HEX + 1];
	int length;

	sha256_hex_end(&v->ctx, hex);
	length = snprintf(text, KTM_SAMPLE_MAX_VALUE + 1, "%s %zu %s", version, v->documents, hex);
	return length > KTM_SAMPLE_MAX_VALUE ? -1 : 0;
}
