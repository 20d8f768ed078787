/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A SHA-256 behind bytes that are kept on disk, to know them again.
 */
#ifndef KTM_RM_DIGEST_H
#define KTM_RM_DIGEST_H

#include "pack.h"

/* Appends the digest of all that is there. */
void digest_pack(struct pack *p);
/* Whether the bytes end with their digest; takes its length off *@size. */
bool digest_check(const void *data, size_t *size);

#endif /* KTM_RM_DIGEST_H */
