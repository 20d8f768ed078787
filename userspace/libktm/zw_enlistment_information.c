// SPDX-License-Identifier: LGPL-2.1-or-later
/* What an enlistment tells about itself; the bytes that are logged for its RM. */
#include "zw_internal.h"

static NTSTATUS basic(HANDLE handle, PVOID buffer, ULONG length, PULONG needed)
{
	ENLISTMENT_BASIC_INFORMATION basic;
	struct zw_answer answer = ZW_FIXED(basic, STATUS_INFO_LENGTH_MISMATCH);
	struct ktm_en_info info;
	uint32_t status;

	if (ktm_en_query(KtmDescriptor(handle), NULL, &info, &status))
		return zw_en_class_status(handle, status);
	basic.EnlistmentId = KtmGuidToNt(&info.enlistment);
	basic.TransactionId = KtmGuidToNt(&info.uow);
	basic.ResourceManagerId = KtmGuidToNt(&info.rm);
	return zw_answer(&answer, buffer, length, needed);
}

static NTSTATUS recovery(HANDLE handle, PVOID buffer, ULONG length, PULONG needed)
{
	size_t bytes = length;
	uint32_t status;

	ktm_en_information(KtmDescriptor(handle), NULL, buffer, &bytes, &status);
	if (status != KTM_STATUS_SUCCESS && status != KTM_STATUS_BUFFER_TOO_SMALL)
		return zw_en_class_status(handle, status);
	if (needed)
		*needed = (ULONG)bytes;
	return status == KTM_STATUS_SUCCESS ? STATUS_SUCCESS : STATUS_INFO_LENGTH_MISMATCH;
}

static NTSTATUS crm(HANDLE handle, PVOID buffer, ULONG length, PULONG needed)
{
	ENLISTMENT_CRM_INFORMATION crm;
	struct zw_answer answer = ZW_FIXED(crm, STATUS_INFO_LENGTH_MISMATCH);
	struct ktm_en_crm info;
	uint32_t status;

	if (ktm_en_crm(KtmDescriptor(handle), NULL, &info, &status))
		return zw_en_class_status(handle, status);
	crm.CrmTransactionManagerId = KtmGuidToNt(&info.tm);
	crm.CrmResourceManagerId = KtmGuidToNt(&info.rm);
	crm.CrmEnlistmentId = KtmGuidToNt(&info.enlistment);
	return zw_answer(&answer, buffer, length, needed);
}

KTM_EXPORT NTSTATUS NTAPI ZwQueryInformationEnlistment(HANDLE handle,
	ENLISTMENT_INFORMATION_CLASS class, PVOID buffer, ULONG length, PULONG needed)
{
	switch (class) {
	case EnlistmentBasicInformation:
		return basic(handle, buffer, length, needed);
	case EnlistmentRecoveryInformation:
		return recovery(handle, buffer, length, needed);
	case EnlistmentCrmInformation:
		return crm(handle, buffer, length, needed);
	default:
		return zw_no_such_class(handle);
	}
}
KTM_ALSO_NT(QueryInformationEnlistment);

KTM_EXPORT NTSTATUS NTAPI ZwSetInformationEnlistment(HANDLE handle,
	ENLISTMENT_INFORMATION_CLASS class, PVOID buffer, ULONG length)
{
	uint32_t status;

	if (class == EnlistmentRecoveryInformation) {
		/* A superior's may wait for room in the log, and here nothing is interrupted. */
		do {
			ktm_en_set_information(KtmDescriptor(handle), NULL, buffer, length,
					       &status);
		} while (status == KTM_STATUS_INTERRUPTED);
		return zw_en_class_status(handle, status);
	}
	ktm_set(KtmDescriptor(handle), KTM_INFO_TX_BASIC, NULL, buffer, length, &status);
	return KtmStatusToNt(status);
}
KTM_ALSO_NT(SetInformationEnlistment);
