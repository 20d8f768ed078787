// SPDX-License-Identifier: LGPL-2.1-or-later
/* ObjectAttributes: which object, whose, and what its handle is like. */
#include "zw_internal.h"

#define TAKEN		(OBJ_INHERIT | OBJ_EXCLUSIVE | OBJ_CASE_INSENSITIVE | OBJ_OPENIF |	\
			 OBJ_KERNEL_HANDLE | OBJ_FORCE_ACCESS_CHECK)

/* As *_OBJECT_PATH has them, which are of the type of WCHAR literals. */
static const char *const paths[] = {
	[ZW_TM] = "\\transactionmanager\\",
	[ZW_RM] = "\\resourcemanager\\",
	[ZW_TX] = "\\transaction\\",
	[ZW_EN] = "\\enlistment\\",
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The path of its kind, then the GUID in braces. */
static NTSTATUS guid_of_name(enum zw_kind kind, PCUNICODE_STRING name, struct ktm_guid *guid)
{
	const size_t path = strlen(paths[kind]);
	/* Longer than any name that is valid. */
	char text[96];
	NTSTATUS status;
	size_t i;

	status = zw_text(name, text, sizeof(text));
	if (status)
		return status == STATUS_ACCESS_VIOLATION ? status : STATUS_OBJECT_NAME_INVALID;
	if (strlen(text) != path + 1 + KTM_GUID_STRING)
		return STATUS_OBJECT_NAME_INVALID;
	for (i = 0; i < path; i++)
		if (lower(text[i]) != paths[kind][i])
			return STATUS_OBJECT_NAME_INVALID;
	if (text[path] != '{' || text[path + KTM_GUID_STRING] != '}')
		return STATUS_OBJECT_NAME_INVALID;
	text[path + KTM_GUID_STRING] = '\0';
	return ktm_guid_parse(text + path + 1, guid) ? STATUS_OBJECT_NAME_INVALID : STATUS_SUCCESS;
}

static NTSTATUS mode_of(const KTM_SECURITY_DESCRIPTOR *descriptor, uint32_t *mode)
{
	if (!descriptor)
		return STATUS_SUCCESS;
	if (descriptor->Length != sizeof(*descriptor) || descriptor->Mode & ~0777u)
		return STATUS_INVALID_ACL;
	*mode = descriptor->Mode;
	return STATUS_SUCCESS;
}

static NTSTATUS take_attributes(enum zw_kind kind, const OBJECT_ATTRIBUTES *from,
				struct zw_object *object)
{
	NTSTATUS status;

	if (from->Length != sizeof(*from) || from->RootDirectory ||
	    from->SecurityQualityOfService || from->Attributes & ~(ULONG)TAKEN)
		return STATUS_INVALID_PARAMETER;
	/* Of the others, nobody's being alone means anything. */
	if (from->Attributes & OBJ_EXCLUSIVE && kind != ZW_RM)
		return STATUS_INVALID_PARAMETER;
	object->attributes = from->Attributes;
	status = mode_of(from->SecurityDescriptor, &object->mode);
	if (status || !from->ObjectName || !from->ObjectName->Length)
		return status;
	return guid_of_name(kind, from->ObjectName, &object->guid);
}

NTSTATUS zw_object(enum zw_kind kind, const OBJECT_ATTRIBUTES *attributes, const GUID *guid,
		   struct zw_object *object)
{
	NTSTATUS status;

	memset(object, 0, sizeof(*object));
	if (attributes) {
		status = take_attributes(kind, attributes, object);
		if (status)
			return status;
	}
	if (!guid)
		return STATUS_SUCCESS;
	if (!ktm_guid_is_nil(&object->guid))
		return STATUS_INVALID_PARAMETER;
	object->guid = KtmGuidFromNt(guid);
	return STATUS_SUCCESS;
}

NTSTATUS zw_created(const struct zw_object *object, int fd, uint32_t status, int on,
		    unsigned long request, uint32_t rights, PHANDLE handle)
{
	uint32_t flags = object->attributes & OBJ_EXCLUSIVE ? KTM_OPEN_EXCLUSIVE : 0;
	NTSTATUS given;

	if (fd >= 0)
		return zw_give(fd, object->attributes, handle);
	if (status != KTM_STATUS_OBJECT_NAME_COLLISION || !(object->attributes & OBJ_OPENIF))
		return KtmStatusToNt(status);

	fd = ktm_open_by_guid(on, request, &object->guid, flags, rights, &status);
	if (fd < 0)
		return KtmStatusToNt(status);
	given = zw_give(fd, object->attributes, handle);
	return given ? given : STATUS_OBJECT_NAME_EXISTS;
}
