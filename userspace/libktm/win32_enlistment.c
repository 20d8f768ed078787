// SPDX-License-Identifier: LGPL-2.1-or-later
/* Enlistments: taking part, what is known of it. */
#include "win32_internal.h"

KTM_EXPORT HANDLE WINAPI CreateEnlistment(LPSECURITY_ATTRIBUTES security, HANDLE rm,
					  HANDLE transaction, NOTIFICATION_MASK mask,
					  DWORD options, PVOID key)
{
	OBJECT_ATTRIBUTES attributes;
	HANDLE handle = NULL;
	NTSTATUS status;

	status = ZwCreateEnlistment(&handle, ENLISTMENT_ALL_ACCESS, rm, transaction,
				    win32_attributes(security, &attributes), options, mask, key);
	return win32_handle(status, handle);
}

KTM_EXPORT HANDLE WINAPI OpenEnlistment(DWORD access, HANDLE rm, LPGUID id)
{
	HANDLE handle = NULL;
	NTSTATUS status = ZwOpenEnlistment(&handle, access, rm, id, NULL);

	return win32_handle(status, handle);
}

KTM_EXPORT BOOL WINAPI RecoverEnlistment(HANDLE handle, PVOID key)
{
	return win32_result(ZwRecoverEnlistment(handle, key));
}

KTM_EXPORT BOOL WINAPI GetEnlistmentId(HANDLE handle, LPGUID id)
{
	ENLISTMENT_BASIC_INFORMATION info;
	NTSTATUS status = STATUS_ACCESS_VIOLATION;

	if (id)
		status = ZwQueryInformationEnlistment(handle, EnlistmentBasicInformation, &info,
						      sizeof(info), NULL);
	if (!status)
		*id = info.EnlistmentId;
	return win32_result(status);
}

KTM_EXPORT BOOL WINAPI GetEnlistmentRecoveryInformation(HANDLE handle, ULONG size, PVOID buffer,
							PULONG used)
{
	return win32_result(ZwQueryInformationEnlistment(handle, EnlistmentRecoveryInformation,
							 buffer, size, used));
}

KTM_EXPORT BOOL WINAPI SetEnlistmentRecoveryInformation(HANDLE handle, ULONG size, PVOID buffer)
{
	return win32_result(ZwSetInformationEnlistment(handle, EnlistmentRecoveryInformation,
						       buffer, size));
}
