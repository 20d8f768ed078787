// SPDX-License-Identifier: LGPL-2.1-or-later
/* Resource managers. */
#include "zw_internal.h"

static uint32_t flags_of(ULONG options, ULONG attributes)
{
	return (options & RESOURCE_MANAGER_VOLATILE ? KTM_RM_VOLATILE : 0) |
	       (options & RESOURCE_MANAGER_COMMUNICATION ? KTM_RM_COMMUNICATION : 0) |
	       (attributes & OBJ_EXCLUSIVE ? KTM_RM_EXCLUSIVE : 0);
}

KTM_EXPORT NTSTATUS NTAPI ZwCreateResourceManager(PHANDLE handle, ACCESS_MASK access, HANDLE tm,
						  LPGUID guid, POBJECT_ATTRIBUTES attributes,
						  ULONG options, PUNICODE_STRING description)
{
	char text[ZW_DESCRIPTION_ROOM];
	struct zw_object object;
	uint32_t rights, found;
	NTSTATUS status;
	int fd;

	if (!handle)
		return STATUS_ACCESS_VIOLATION;
	if (options & ~(ULONG)RESOURCE_MANAGER_MAXIMUM_OPTION)
		return STATUS_INVALID_PARAMETER;
	status = zw_rights_to_create(ZW_RM, access, &rights);
	if (!status)
		status = zw_object(ZW_RM, attributes, guid, &object);
	if (!status)
		status = zw_description(description, text);
	if (status)
		return status;
	/* It may wait for room in the log, and here nothing is interrupted. */
	do {
		fd = ktm_rm_create(KtmDescriptor(tm), flags_of(options, object.attributes), rights,
				   object.mode, &object.guid, text, &found);
	} while (fd < 0 && found == KTM_STATUS_INTERRUPTED);
	return zw_created(&object, fd, found, KtmDescriptor(tm), KTM_IOC_RM_OPEN, rights, handle);
}
KTM_ALSO_NT(CreateResourceManager);

KTM_EXPORT NTSTATUS NTAPI ZwOpenResourceManager(PHANDLE handle, ACCESS_MASK access, HANDLE tm,
						LPGUID guid, POBJECT_ATTRIBUTES attributes)
{
	struct zw_object object;
	uint32_t rights, found;
	NTSTATUS status;
	int fd;

	if (!handle)
		return STATUS_ACCESS_VIOLATION;
	status = zw_rights_to_open(ZW_RM, access, &rights);
	if (!status)
		status = zw_object(ZW_RM, attributes, guid, &object);
	if (status)
		return status;
	if (ktm_guid_is_nil(&object.guid))
		return STATUS_INVALID_PARAMETER;
	fd = ktm_rm_open(KtmDescriptor(tm), &object.guid,
			 object.attributes & OBJ_EXCLUSIVE ? KTM_OPEN_EXCLUSIVE : 0, rights,
			 &found);
	return fd >= 0 ? zw_give(fd, object.attributes, handle) : KtmStatusToNt(found);
}
KTM_ALSO_NT(OpenResourceManager);

KTM_EXPORT NTSTATUS NTAPI ZwRecoverResourceManager(HANDLE handle)
{
	uint32_t status;

	ktm_rm_recover(KtmDescriptor(handle), &status);
	return KtmStatusToNt(status);
}
KTM_ALSO_NT(RecoverResourceManager);
