// SPDX-License-Identifier: LGPL-2.1-or-later
/* Resource managers. */
#include "win32_internal.h"

KTM_EXPORT HANDLE WINAPI CreateResourceManager(LPSECURITY_ATTRIBUTES security, LPGUID guid,
					       DWORD options, HANDLE tm, LPWSTR description)
{
	OBJECT_ATTRIBUTES attributes;
	HANDLE handle = NULL;
	UNICODE_STRING text;
	NTSTATUS status;

	/* Not optional here: one that is drawn nobody could open again. */
	if (!guid)
		return win32_handle(STATUS_INVALID_PARAMETER, NULL);
	status = ZwCreateResourceManager(&handle, RESOURCEMANAGER_ALL_ACCESS, tm, guid,
					 win32_attributes(security, &attributes), options,
					 win32_string(description, &text));
	return win32_handle(status, handle);
}

KTM_EXPORT HANDLE WINAPI OpenResourceManager(DWORD access, HANDLE tm, LPGUID guid)
{
	HANDLE handle = NULL;
	NTSTATUS status = ZwOpenResourceManager(&handle, access, tm, guid, NULL);

	return win32_handle(status, handle);
}

KTM_EXPORT BOOL WINAPI RecoverResourceManager(HANDLE handle)
{
	return win32_result(ZwRecoverResourceManager(handle));
}

KTM_EXPORT BOOL WINAPI SetResourceManagerCompletionPort(HANDLE handle, HANDLE port, ULONG_PTR key)
{
	RESOURCEMANAGER_COMPLETION_INFORMATION info = { port, key };

	return win32_result(ZwSetInformationResourceManager(handle,
							    ResourceManagerCompletionInformation,
							    &info, sizeof(info)));
}
