/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The index: a key per package, its name, in the store of ktm_sample_rm. The value says what of
 * the package is in the two other stores: "VERSION DOCUMENTS DIGEST", the last being the SHA-256
 * of the documents' digests, in the order of the manifest, one after the other.
 */
#ifndef KTM_DEMO_INDEX_H
#define KTM_DEMO_INDEX_H

#include "manifest.h"

#include <nettle/sha2.h>

#include "../../samples/ktm_sample_rm/ktm_sample_rm.h"

#define STORE_DEVICE	"/dev/ktm_sample_rm"

/* struct index_value - a value that is being made: of so many documents */
struct index_value {
	struct sha256_ctx ctx;
	size_t documents;
};

void index_begin(struct index_value *v);
void index_add(struct index_value *v, const char *sha256);
int index_end(struct index_value *v, const char *version, char text[KTM_SAMPLE_MAX_VALUE + 1]);

#endif
