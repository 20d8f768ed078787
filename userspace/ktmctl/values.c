// SPDX-License-Identifier: GPL-2.0
/* See values.h. */
#include "values.h"

#include <ktm.h>

/* What is added to it must not overflow: see kernel/stream_recover.c. */
#define QUOTA_MAX	((uint64_t)INT64_MAX / 2)

static bool owner_good(const struct ktm_guid *guid, uint32_t uid, uint32_t gid, uint16_t mode)
{
	return !ktm_guid_is_nil(guid) && uid != UINT32_MAX && gid != UINT32_MAX &&
	       !(mode & ~0777);
}

static bool mask_good(uint32_t mask, bool superior)
{
	const uint32_t required = superior ? KTM_NOTIFY_SUPERIOR_REQUIRED : KTM_NOTIFY_REQUIRED;

	if (superior && (mask & KTM_NOTIFY_SUPERIOR_REFUSED))
		return false;
	return (mask & required) == required && !(mask & ~KTM_NOTIFY_ALL);
}

static const char *prepared_wrong(const struct ktm_jrec *rec)
{
	const uint32_t flags = rec->prepared.flags;

	if (flags & ~(KTM_JREC_P_SUPERIOR | KTM_JREC_P_FIRST))
		return "an enlistment has flags that are not known";
	if (!mask_good(rec->prepared.mask, flags & KTM_JREC_P_SUPERIOR))
		return "an enlistment has a mask that cannot be";
	if (!owner_good(&rec->prepared.uow, rec->prepared.uid, rec->prepared.gid,
			rec->prepared.mode) || ktm_guid_is_nil(&rec->prepared.enlistment))
		return "an enlistment's GUID, owner or mode cannot be";
	return NULL;
}

const char *values_wrong(const struct ktm_jrec *rec)
{
	switch (rec->type) {
	case KTM_JREC_RM:
		if (rec->rm.flags & ~KTM_JREC_RM_COMMUNICATION)
			return "a resource manager has flags that are not known";
		if (!owner_good(&rec->rm.guid, rec->rm.uid, rec->rm.gid, rec->rm.mode))
			return "a resource manager's GUID, owner or mode cannot be";
		break;
	case KTM_JREC_TX:
		if (!owner_good(&rec->tx.uow, rec->tx.uid, rec->tx.gid, rec->tx.mode))
			return "a transaction's GUID, owner or mode cannot be";
		break;
	case KTM_JREC_PREPARED:
		return prepared_wrong(rec);
	case KTM_JREC_STREAM:
		if (!rec->stream.name_len || rec->stream.quota > QUOTA_MAX)
			return "a stream's name or quota cannot be";
		if (!owner_good(&rec->stream.guid, rec->stream.uid, rec->stream.gid,
				rec->stream.mode))
			return "a stream's GUID, owner or mode cannot be";
		break;
	default:
		break;
	}
	return NULL;
}
