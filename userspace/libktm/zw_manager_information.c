// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a transaction manager tells about itself. */
#include "zw_internal.h"

#include <limits.h>

static NTSTATUS basic(HANDLE handle, PVOID buffer, ULONG length, PULONG needed)
{
	TRANSACTIONMANAGER_BASIC_INFORMATION basic;
	struct zw_answer answer = ZW_FIXED(basic, STATUS_INFO_LENGTH_MISMATCH);
	struct ktm_tm_info info;
	uint32_t status;

	if (ktm_tm_query(KtmDescriptor(handle), &info, &status))
		return zw_class_status(status);
	basic.TmIdentity = KtmGuidToNt(&info.guid);
	basic.VirtualClock.QuadPart = (LONGLONG)info.virtual_clock;
	return zw_answer(&answer, buffer, length, needed);
}

static NTSTATUS log_identity(HANDLE handle, PVOID buffer, ULONG length, PULONG needed)
{
	TRANSACTIONMANAGER_LOG_INFORMATION log;
	struct zw_answer answer = ZW_FIXED(log, STATUS_INFO_LENGTH_MISMATCH);
	struct ktm_guid guid;
	uint32_t status;

	if (ktm_tm_log(KtmDescriptor(handle), &guid, &status))
		return zw_class_status(status);
	log.LogIdentity = KtmGuidToNt(&guid);
	return zw_answer(&answer, buffer, length, needed);
}

static NTSTATUS log_path(HANDLE handle, PVOID buffer, ULONG length, PULONG needed)
{
	struct zw_answer answer = { .too_short = STATUS_INFO_LENGTH_MISMATCH };
	WCHAR wide[PATH_MAX];
	char path[PATH_MAX];
	uint32_t status;
	ULONG count;
	int bytes;

	bytes = ktm_tm_log_path(KtmDescriptor(handle), path, sizeof(path), &status);
	if (bytes < 0)
		return zw_class_status(status);
	count = (ULONG)zw_wide(path, (size_t)bytes, wide);
	answer.fixed = &count;
	answer.fixed_size = offsetof(TRANSACTIONMANAGER_LOGPATH_INFORMATION, LogPath);
	answer.elements = wide;
	answer.element_size = sizeof(wide[0]);
	answer.count = count;
	return zw_answer(&answer, buffer, length, needed);
}

static NTSTATUS probe(HANDLE handle, PULONG needed)
{
	uint32_t status;

	ktm_tm_online(KtmDescriptor(handle), &status);
	if (needed)
		*needed = 0;
	return zw_class_status(status);
}

static NTSTATUS recovery(HANDLE handle, PVOID buffer, ULONG length, PULONG needed)
{
	TRANSACTIONMANAGER_RECOVERY_INFORMATION info;
	struct zw_answer answer = ZW_FIXED(info, STATUS_INFO_LENGTH_MISMATCH);
	uint64_t lsn;
	uint32_t status;

	if (ktm_tm_recovery_lsn(KtmDescriptor(handle), &lsn, &status))
		return zw_class_status(status);
	info.LastRecoveredLsn = lsn;
	return zw_answer(&answer, buffer, length, needed);
}

KTM_EXPORT NTSTATUS NTAPI ZwQueryInformationTransactionManager(HANDLE handle,
	TRANSACTIONMANAGER_INFORMATION_CLASS class, PVOID buffer, ULONG length, PULONG needed)
{
	switch (class) {
	case TransactionManagerBasicInformation:
		return basic(handle, buffer, length, needed);
	case TransactionManagerLogInformation:
		return log_identity(handle, buffer, length, needed);
	case TransactionManagerLogPathInformation:
		return log_path(handle, buffer, length, needed);
	case TransactionManagerOnlineProbeInformation:
		return probe(handle, needed);
	case TransactionManagerRecoveryInformation:
		return recovery(handle, buffer, length, needed);
	default:
		return zw_no_such_class(handle);
	}
}
KTM_ALSO_NT(QueryInformationTransactionManager);

KTM_EXPORT NTSTATUS NTAPI ZwSetInformationTransactionManager(HANDLE handle,
	TRANSACTIONMANAGER_INFORMATION_CLASS class, PVOID buffer, ULONG length)
{
	uint32_t status;

	if (class == TransactionManagerOnlineProbeInformation)
		return probe(handle, NULL);
	/* ktm has nothing to set here either, but says first whether one might. */
	ktm_set(KtmDescriptor(handle), KTM_INFO_TM_BASIC, NULL, buffer, length, &status);
	return KtmStatusToNt(status);
}
KTM_ALSO_NT(SetInformationTransactionManager);
