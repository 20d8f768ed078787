// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a resource manager tells about itself, and where it is waited for. */
#include "zw_internal.h"

static NTSTATUS basic(HANDLE handle, PVOID buffer, ULONG length, PULONG needed)
{
	RESOURCEMANAGER_BASIC_INFORMATION head;
	WCHAR description[KTM_MAX_DESCRIPTION];
	struct zw_answer answer = {
		.fixed = &head,
		.fixed_size = offsetof(RESOURCEMANAGER_BASIC_INFORMATION, Description),
		.elements = description,
		.element_size = sizeof(description[0]),
		.too_short = STATUS_BUFFER_TOO_SMALL,
	};
	struct ktm_rm_info info;
	uint32_t status;

	if (ktm_rm_query(KtmDescriptor(handle), &info, &status))
		return zw_class_status(status);
	answer.count = zw_wide(info.description, info.description_length, description);
	head.ResourceManagerId = KtmGuidToNt(&info.guid);
	head.DescriptionLength = (ULONG)(answer.count * sizeof(WCHAR));
	return zw_answer(&answer, buffer, length, needed);
}

static NTSTATUS completion(HANDLE handle, PVOID buffer, ULONG length, PULONG needed)
{
	RESOURCEMANAGER_COMPLETION_INFORMATION info;
	struct zw_answer answer = ZW_FIXED(info, STATUS_BUFFER_TOO_SMALL);
	struct ktm_rm_completion bound;
	uint32_t status;

	if (ktm_rm_completion(KtmDescriptor(handle), &bound, &status))
		return zw_class_status(status);
	info.IoCompletionPortHandle = bound.port < 0 ? NULL : KtmHandle(bound.port);
	info.CompletionKey = (ULONG_PTR)bound.key;
	return zw_answer(&answer, buffer, length, needed);
}

KTM_EXPORT NTSTATUS NTAPI ZwQueryInformationResourceManager(HANDLE handle,
	RESOURCEMANAGER_INFORMATION_CLASS class, PVOID buffer, ULONG length, PULONG needed)
{
	switch (class) {
	case ResourceManagerBasicInformation:
		return basic(handle, buffer, length, needed);
	case ResourceManagerCompletionInformation:
		return completion(handle, buffer, length, needed);
	default:
		return zw_no_such_class(handle);
	}
}
KTM_ALSO_NT(QueryInformationResourceManager);

static NTSTATUS bind(HANDLE handle, const void *buffer, ULONG length)
{
	RESOURCEMANAGER_COMPLETION_INFORMATION info;
	uint32_t status;

	if (length != sizeof(info))
		return STATUS_INFO_LENGTH_MISMATCH;
	if (!buffer)
		return STATUS_ACCESS_VIOLATION;
	memcpy(&info, buffer, sizeof(info));
	if (zw_is_bad(info.IoCompletionPortHandle))
		return STATUS_INVALID_HANDLE;
	ktm_rm_bind_completion(KtmDescriptor(handle), KtmDescriptor(info.IoCompletionPortHandle),
			       info.CompletionKey, &status);
	return zw_class_status(status);
}

KTM_EXPORT NTSTATUS NTAPI ZwSetInformationResourceManager(HANDLE handle,
	RESOURCEMANAGER_INFORMATION_CLASS class, PVOID buffer, ULONG length)
{
	uint32_t status;

	if (class == ResourceManagerCompletionInformation)
		return bind(handle, buffer, length);
	ktm_set(KtmDescriptor(handle), KTM_INFO_RM_BASIC, NULL, buffer, length, &status);
	return KtmStatusToNt(status);
}
KTM_ALSO_NT(SetInformationResourceManager);
