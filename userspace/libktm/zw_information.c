// SPDX-License-Identifier: LGPL-2.1-or-later
/* How information is given, and refused. */
#include "zw_internal.h"

NTSTATUS zw_answer(const struct zw_answer *answer, PVOID buffer, ULONG length, PULONG needed)
{
	size_t all = answer->fixed_size + answer->count * answer->element_size, fit;

	if (needed)
		*needed = (ULONG)all;
	if (length < answer->fixed_size)
		return answer->too_short;
	if (!all)
		return STATUS_SUCCESS;
	if (!buffer)
		return STATUS_ACCESS_VIOLATION;
	if (answer->fixed_size)
		memcpy(buffer, answer->fixed, answer->fixed_size);
	if (!answer->count)
		return STATUS_SUCCESS;
	/* Whole elements only. */
	fit = (length - answer->fixed_size) / answer->element_size;
	if (fit > answer->count)
		fit = answer->count;
	memcpy((char *)buffer + answer->fixed_size, answer->elements, fit * answer->element_size);
	return fit < answer->count ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

NTSTATUS zw_no_such_class(HANDLE handle)
{
	uint32_t length = 0, status;

	ktm_query(KtmDescriptor(handle), 0, NULL, NULL, &length, &status);
	return KtmStatusToNt(status);
}

NTSTATUS zw_class_status(uint32_t status)
{
	return status == KTM_STATUS_INVALID_INFO_CLASS ? STATUS_OBJECT_TYPE_MISMATCH :
							 KtmStatusToNt(status);
}

NTSTATUS zw_en_class_status(HANDLE handle, uint32_t status)
{
	NTSTATUS answer = zw_class_status(status);

	return answer < 0 && zw_is_rm(handle) ? STATUS_OBJECT_TYPE_MISMATCH : answer;
}
