// SPDX-License-Identifier: LGPL-2.1-or-later
/* Transaction managers. */
#include "win32_internal.h"

KTM_EXPORT HANDLE WINAPI CreateTransactionManager(LPSECURITY_ATTRIBUTES security, LPWSTR log,
						  ULONG options, ULONG strength)
{
	OBJECT_ATTRIBUTES attributes;
	HANDLE handle = NULL;
	UNICODE_STRING name;
	NTSTATUS status;

	status = ZwCreateTransactionManager(&handle, TRANSACTIONMANAGER_ALL_ACCESS,
					    win32_attributes(security, &attributes),
					    win32_string(log, &name), options, strength);
	return win32_handle(status, handle);
}

KTM_EXPORT HANDLE WINAPI OpenTransactionManager(LPWSTR log, ACCESS_MASK access, ULONG options)
{
	HANDLE handle = NULL;
	UNICODE_STRING name;
	NTSTATUS status;

	status = ZwOpenTransactionManager(&handle, access, NULL, win32_string(log, &name), NULL,
					  options);
	return win32_handle(status, handle);
}

KTM_EXPORT HANDLE WINAPI OpenTransactionManagerById(LPGUID id, ACCESS_MASK access, ULONG options)
{
	HANDLE handle = NULL;
	NTSTATUS status;

	status = ZwOpenTransactionManager(&handle, access, NULL, NULL, id, options);
	return win32_handle(status, handle);
}

KTM_EXPORT BOOL WINAPI RecoverTransactionManager(HANDLE handle)
{
	return win32_result(ZwRecoverTransactionManager(handle));
}

KTM_EXPORT BOOL WINAPI RollforwardTransactionManager(HANDLE handle, PLARGE_INTEGER clock)
{
	return win32_result(ZwRollforwardTransactionManager(handle, clock));
}

KTM_EXPORT BOOL WINAPI RenameTransactionManager(LPWSTR log, LPGUID existing)
{
	UNICODE_STRING name;

	return win32_result(ZwRenameTransactionManager(win32_string(log, &name), existing));
}

static NTSTATUS query(HANDLE handle, TRANSACTIONMANAGER_BASIC_INFORMATION *info)
{
	return ZwQueryInformationTransactionManager(handle, TransactionManagerBasicInformation,
						    info, sizeof(*info), NULL);
}

KTM_EXPORT BOOL WINAPI GetCurrentClockTransactionManager(HANDLE handle, PLARGE_INTEGER clock)
{
	TRANSACTIONMANAGER_BASIC_INFORMATION info;
	NTSTATUS status = clock ? query(handle, &info) : STATUS_ACCESS_VIOLATION;

	if (!status)
		*clock = info.VirtualClock;
	return win32_result(status);
}

KTM_EXPORT BOOL WINAPI GetTransactionManagerId(HANDLE handle, LPGUID id)
{
	TRANSACTIONMANAGER_BASIC_INFORMATION info;
	NTSTATUS status = id ? query(handle, &info) : STATUS_ACCESS_VIOLATION;

	if (!status)
		*id = info.TmIdentity;
	return win32_result(status);
}
