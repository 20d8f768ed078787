// SPDX-License-Identifier: GPL-2.0
/*
 * A SHA-256 behind bytes that are kept on disk.
 */
#include <string.h>

#include <nettle/sha2.h>

#include "digest.h"

static void digest(const void *data, size_t size, uint8_t out[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, size, data);
	sha256_digest(&sha, SHA256_DIGEST_SIZE, out);
}

void digest_pack(struct pack *p)
{
	uint8_t sum[SHA256_DIGEST_SIZE];

	if (p->failed)
		return;
	digest(p->data, p->used, sum);
	pack_raw(p, sum, sizeof(sum));
}

bool digest_check(const void *data, size_t *size)
{
	uint8_t sum[SHA256_DIGEST_SIZE];

	if (*size < sizeof(sum))
		return false;
	*size -= sizeof(sum);
	digest(data, *size, sum);
	return !memcmp(sum, (const char *)data + *size, sizeof(sum));
}
