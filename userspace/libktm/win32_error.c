// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The last error, of each thread by itself: the only thing that the library
 * remembers from one call to the next, because Win32 is made so.
 */
#include "win32_internal.h"

static __thread DWORD last_error;

KTM_EXPORT DWORD WINAPI GetLastError(VOID)
{
	return last_error;
}

KTM_EXPORT VOID WINAPI SetLastError(DWORD code)
{
	last_error = code;
}

BOOL win32_result(NTSTATUS status)
{
	if (NT_SUCCESS(status))
		return TRUE;
	last_error = KtmNtToWin32(status);
	return FALSE;
}

HANDLE win32_handle(NTSTATUS status, HANDLE handle)
{
	return win32_result(status) ? handle : INVALID_HANDLE_VALUE;
}
