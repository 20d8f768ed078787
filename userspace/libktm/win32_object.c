// SPDX-License-Identifier: LGPL-2.1-or-later
/* Arguments that Win32 has in another form than the kernel's calls; closing. */
#include "win32_internal.h"

POBJECT_ATTRIBUTES win32_attributes(const SECURITY_ATTRIBUTES *from, POBJECT_ATTRIBUTES to)
{
	ULONG inherit = from && from->bInheritHandle ? OBJ_INHERIT : 0;

	InitializeObjectAttributes(to, NULL, inherit, NULL,
				   from ? from->lpSecurityDescriptor : NULL);
	/* A length that is none is refused where attributes are. */
	if (from && from->nLength != sizeof(*from))
		to->Length = 0;
	return to;
}

PUNICODE_STRING win32_string(LPCWSTR from, PUNICODE_STRING to)
{
	RtlInitUnicodeString(to, from);
	return from ? to : NULL;
}

KTM_EXPORT BOOL WINAPI CloseHandle(HANDLE handle)
{
	return win32_result(ZwClose(handle));
}
