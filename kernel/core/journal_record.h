/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two files that encode and decode records share: the transaction manager's records
 * and those of log streams. A type that is neither has no size.
 */
#ifndef KTM_CORE_JOURNAL_RECORD_H
#define KTM_CORE_JOURNAL_RECORD_H

#include "journal_format.h"

static inline void put_guid(u8 *to, const struct ktm_guid *guid)
{
	memcpy(to, guid->b, sizeof(guid->b));
}

static inline void get_guid(struct ktm_guid *guid, const u8 *from)
{
	memcpy(guid->b, from, sizeof(guid->b));
}

/* As ktm_jrec_bytes() and ktm_jrec_size(), for a record of a stream. */
u32 ktm_jsrec_bytes(u16 type, u32 var);
u32 ktm_jsrec_size(const struct ktm_jrec *rec);

/* The body of one that has a size, into zeroed memory behind the head of a record. */
void ktm_jsrec_encode(const struct ktm_jrec *rec, void *buf);

/* Its fixed part. Returns the length that its variable part should have. */
u32 ktm_jsrec_decode(struct ktm_jrec *rec, const void *buf);

/* All of it is there: is its checksum right, if its type has one? */
bool ktm_jsrec_whole(struct ktm_jrec *rec, const void *buf);

#endif /* KTM_CORE_JOURNAL_RECORD_H */
