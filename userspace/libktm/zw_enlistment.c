// SPDX-License-Identifier: LGPL-2.1-or-later
/* Enlistments: taking part. */
#include "zw_internal.h"

_Static_assert(TRANSACTION_NOTIFY_RM_DISCONNECTED == KTM_NOTIFY_RM_DISCONNECTED &&
	       TRANSACTION_NOTIFY_COMMIT_FINALIZE == KTM_NOTIFY_COMMIT_FINALIZE,
	       "the notifications have one value");

KTM_EXPORT NTSTATUS NTAPI ZwCreateEnlistment(PHANDLE handle, ACCESS_MASK access, HANDLE rm,
					     HANDLE transaction, POBJECT_ATTRIBUTES attributes,
					     ULONG options, NOTIFICATION_MASK mask, PVOID key)
{
	int (*enlist)(int rm, int tx, uint32_t mask, uint64_t key, uint32_t access, uint32_t mode,
		      struct ktm_guid *enlistment, uint32_t *status);
	struct zw_object object;
	uint32_t rights, found;
	NTSTATUS status;
	int fd;

	if (!handle)
		return STATUS_ACCESS_VIOLATION;
	if (options & ~(ULONG)ENLISTMENT_MAXIMUM_OPTION)
		return STATUS_INVALID_PARAMETER;
	status = zw_rights_to_create(ZW_EN, access, &rights);
	if (!status)
		status = zw_object(ZW_EN, attributes, NULL, &object);
	if (status)
		return status;
	/* Prepared data is filed under its GUID: the kernel draws it, and never twice. */
	if (!ktm_guid_is_nil(&object.guid))
		return STATUS_OBJECT_NAME_INVALID;
	enlist = options & ENLISTMENT_SUPERIOR ? ktm_enlist_superior : ktm_enlist_fd;
	/* It may wait for room in the log, and here nothing is interrupted. */
	do {
		fd = enlist(KtmDescriptor(rm), KtmDescriptor(transaction), mask, ktm_pointer(key),
			    rights, object.mode, NULL, &found);
	} while (fd < 0 && found == KTM_STATUS_INTERRUPTED);
	return fd >= 0 ? zw_give(fd, object.attributes, handle) : KtmStatusToNt(found);
}
KTM_ALSO_NT(CreateEnlistment);

KTM_EXPORT NTSTATUS NTAPI ZwOpenEnlistment(PHANDLE handle, ACCESS_MASK access, HANDLE rm,
					   LPGUID guid, POBJECT_ATTRIBUTES attributes)
{
	struct zw_object object;
	uint32_t rights, found;
	NTSTATUS status;
	int fd;

	if (!handle)
		return STATUS_ACCESS_VIOLATION;
	status = zw_rights_to_open(ZW_EN, access, &rights);
	if (!status)
		status = zw_object(ZW_EN, attributes, guid, &object);
	if (status)
		return status;
	if (ktm_guid_is_nil(&object.guid))
		return STATUS_INVALID_PARAMETER;
	fd = ktm_en_open(KtmDescriptor(rm), &object.guid, 0, rights, &found);
	return fd >= 0 ? zw_give(fd, object.attributes, handle) : KtmStatusToNt(found);
}
KTM_ALSO_NT(OpenEnlistment);
