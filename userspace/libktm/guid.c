// SPDX-License-Identifier: LGPL-2.1-or-later
/* GUIDs, through libuuid: the bytes of both are in the same order. */
#include "internal.h"

#include <uuid/uuid.h>

_Static_assert(sizeof(uuid_t) == sizeof(struct ktm_guid), "a GUID is a uuid_t");
_Static_assert(UUID_STR_LEN == KTM_GUID_STRING, "a GUID's text is a uuid_t's");

KTM_EXPORT int ktm_guid_parse(const char *text, struct ktm_guid *guid)
{
	uuid_t parsed;

	if (uuid_parse(text, parsed))
		return -EINVAL;
	memcpy(guid->b, parsed, sizeof(parsed));
	return 0;
}

KTM_EXPORT char *ktm_guid_format(const struct ktm_guid *guid, char text[KTM_GUID_STRING])
{
	uuid_unparse_lower(guid->b, text);
	return text;
}

KTM_EXPORT void ktm_guid_generate(struct ktm_guid *guid)
{
	uuid_generate(guid->b);
}

KTM_EXPORT bool ktm_guid_is_nil(const struct ktm_guid *guid)
{
	return uuid_is_null(guid->b);
}

KTM_EXPORT bool ktm_guid_equal(const struct ktm_guid *a, const struct ktm_guid *b)
{
	return !memcmp(a->b, b->b, sizeof(a->b));
}
