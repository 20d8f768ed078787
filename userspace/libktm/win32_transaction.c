// SPDX-License-Identifier: LGPL-2.1-or-later
/* Transactions. */
#include "win32_internal.h"

#define TICKS_PER_MS	10000

/* Milliseconds; 0 and INFINITE: never. */
static LARGE_INTEGER timeout_of(DWORD ms)
{
	return (LARGE_INTEGER){ .QuadPart = ms == INFINITE ? 0 : -(LONGLONG)ms * TICKS_PER_MS };
}

KTM_EXPORT HANDLE WINAPI CreateTransaction(LPSECURITY_ATTRIBUTES security, LPGUID uow,
					   DWORD options, DWORD isolation_level,
					   DWORD isolation_flags, DWORD timeout,
					   LPWSTR description)
{
	LARGE_INTEGER time = timeout_of(timeout);
	OBJECT_ATTRIBUTES attributes;
	HANDLE handle = NULL;
	UNICODE_STRING text;
	NTSTATUS status;

	/* Reserved: whoever wants to choose it uses the kernel's call. */
	if (uow)
		return win32_handle(STATUS_INVALID_PARAMETER, NULL);
	status = ZwCreateTransaction(&handle, TRANSACTION_ALL_ACCESS,
				     win32_attributes(security, &attributes), NULL, NULL, options,
				     isolation_level, isolation_flags, &time,
				     win32_string(description, &text));
	return win32_handle(status, handle);
}

KTM_EXPORT HANDLE WINAPI OpenTransaction(DWORD access, LPGUID id)
{
	HANDLE handle = NULL;
	NTSTATUS status = ZwOpenTransaction(&handle, access, NULL, id, NULL);

	return win32_handle(status, handle);
}

KTM_EXPORT BOOL WINAPI CommitTransaction(HANDLE handle)
{
	return win32_result(ZwCommitTransaction(handle, TRUE));
}

KTM_EXPORT BOOL WINAPI RollbackTransaction(HANDLE handle)
{
	return win32_result(ZwRollbackTransaction(handle, TRUE));
}

/* What has only begun is told as an error. */
static BOOL begun(NTSTATUS status)
{
	if (status == STATUS_PENDING) {
		SetLastError(ERROR_IO_PENDING);
		return FALSE;
	}
	return win32_result(status);
}

KTM_EXPORT BOOL WINAPI CommitTransactionAsync(HANDLE handle)
{
	return begun(ZwCommitTransaction(handle, FALSE));
}

KTM_EXPORT BOOL WINAPI RollbackTransactionAsync(HANDLE handle)
{
	return begun(ZwRollbackTransaction(handle, FALSE));
}

KTM_EXPORT BOOL WINAPI GetTransactionId(HANDLE handle, LPGUID id)
{
	TRANSACTION_BASIC_INFORMATION info;
	NTSTATUS status = STATUS_ACCESS_VIOLATION;

	if (id)
		status = ZwQueryInformationTransaction(handle, TransactionBasicInformation, &info,
						       sizeof(info), NULL);
	if (!status)
		*id = info.TransactionId;
	return win32_result(status);
}

/* Any description fits. */
union properties {
	TRANSACTION_PROPERTIES_INFORMATION info;
	char room[sizeof(TRANSACTION_PROPERTIES_INFORMATION) + KTM_MAX_DESCRIPTION * sizeof(WCHAR)];
};

/* With a NUL; what does not fit is cut off, and said. */
static NTSTATUS give_description(const TRANSACTION_PROPERTIES_INFORMATION *info, DWORD length,
				 LPWSTR to)
{
	size_t room = length / sizeof(WCHAR), count = info->DescriptionLength / sizeof(WCHAR);

	if (!to)
		return STATUS_SUCCESS;
	if (!room)
		return STATUS_BUFFER_OVERFLOW;
	memcpy(to, info->Description, (count < room ? count : room - 1) * sizeof(WCHAR));
	to[count < room ? count : room - 1] = 0;
	return count < room ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}

static DWORD milliseconds(LARGE_INTEGER relative)
{
	ULONGLONG ms = (0 - (ULONGLONG)relative.QuadPart + TICKS_PER_MS - 1) / TICKS_PER_MS;

	return ms < INFINITE ? (DWORD)ms : INFINITE;
}

KTM_EXPORT BOOL WINAPI GetTransactionInformation(HANDLE handle, PDWORD outcome,
						 PDWORD isolation_level, PDWORD isolation_flags,
						 PDWORD timeout, DWORD length, LPWSTR description)
{
	union properties found;
	NTSTATUS status;

	status = ZwQueryInformationTransaction(handle, TransactionPropertiesInformation, &found,
					       sizeof(found), NULL);
	if (status)
		return win32_result(status);
	if (outcome)
		*outcome = found.info.Outcome;
	if (isolation_level)
		*isolation_level = found.info.IsolationLevel;
	if (isolation_flags)
		*isolation_flags = found.info.IsolationFlags;
	if (timeout)
		*timeout = milliseconds(found.info.Timeout);
	return win32_result(give_description(&found.info, length, description));
}

KTM_EXPORT BOOL WINAPI SetTransactionInformation(HANDLE handle, DWORD isolation_level,
						 DWORD isolation_flags, DWORD timeout,
						 LPWSTR description)
{
	uint32_t set = KTM_TX_SET_TIMEOUT | KTM_TX_SET_ISOLATION;
	LARGE_INTEGER time = timeout_of(timeout);
	UNICODE_STRING text;

	if (description)
		set |= KTM_TX_SET_DESCRIPTION;
	return win32_result(zw_set_properties(handle, set, isolation_level, isolation_flags,
					      zw_timeout(&time), win32_string(description, &text)));
}
