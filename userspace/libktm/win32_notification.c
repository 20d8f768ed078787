// SPDX-License-Identifier: LGPL-2.1-or-later
/* Notifications: waited for, or with a buffer that is lent until one comes. */
#include "win32_internal.h"

#include <unistd.h>

#define TICKS_PER_MS	10000

/* NULL: for ever. */
static NTSTATUS get(HANDLE rm, PVOID to, ULONG length, PLARGE_INTEGER timeout, PULONG returned)
{
	return ZwGetNotificationResourceManager(rm, to, length, timeout, returned, 0, 0);
}

KTM_EXPORT BOOL WINAPI GetNotificationResourceManager(HANDLE rm, PTRANSACTION_NOTIFICATION to,
						      ULONG length, DWORD ms, PULONG returned)
{
	LARGE_INTEGER timeout = { .QuadPart = -(LONGLONG)ms * TICKS_PER_MS };
	NTSTATUS status = get(rm, to, length, ms == INFINITE ? NULL : &timeout, returned);

	/* Among NTSTATUS codes that is a success. */
	if (status == STATUS_TIMEOUT) {
		SetLastError(ERROR_TIMEOUT);
		return FALSE;
	}
	return win32_result(status);
}

/* The request is over: @status says how. */
static void complete(LPOVERLAPPED overlapped, NTSTATUS status, ULONG bytes)
{
	const uint64_t one = 1;
	ssize_t ret;

	overlapped->Internal = (ULONG)status;
	overlapped->InternalHigh = bytes;
	if (!overlapped->hEvent)
		return;
	/* Full: then it has been signalled. */
	ret = write(KtmDescriptor(overlapped->hEvent), &one, sizeof(one));
	(void)ret;
}

/*
 * Takes a notification into the lent buffer. STATUS_TIMEOUT: there is none, the
 * request goes on.
 */
static NTSTATUS attempt(HANDLE rm, LPOVERLAPPED overlapped, PVOID to, ULONG length,
			PLARGE_INTEGER timeout, PULONG bytes)
{
	NTSTATUS status;

	*bytes = 0;
	status = get(rm, to, length, timeout, bytes);
	if (status != STATUS_TIMEOUT) {
		complete(overlapped, status, *bytes);
		return status;
	}
	overlapped->Internal = STATUS_PENDING;
	overlapped->InternalHigh = length;
	overlapped->Pointer = to;
	return status;
}

KTM_EXPORT BOOL WINAPI GetNotificationResourceManagerAsync(HANDLE rm, PTRANSACTION_NOTIFICATION to,
							   ULONG length, PULONG returned,
							   LPOVERLAPPED overlapped)
{
	LARGE_INTEGER at_once = { .QuadPart = 0 };
	NTSTATUS status;
	ULONG bytes;

	if (!overlapped)
		return win32_result(STATUS_INVALID_PARAMETER);
	status = attempt(rm, overlapped, to, length, &at_once, &bytes);
	if (status == STATUS_TIMEOUT) {
		SetLastError(ERROR_IO_PENDING);
		return FALSE;
	}
	if (returned)
		*returned = bytes;
	return win32_result(status);
}

KTM_EXPORT BOOL WINAPI GetOverlappedResult(HANDLE rm, LPOVERLAPPED overlapped, LPDWORD transferred,
					   BOOL wait)
{
	LARGE_INTEGER at_once = { .QuadPart = 0 };
	NTSTATUS status;
	ULONG bytes;

	if (!overlapped || !transferred)
		return win32_result(STATUS_ACCESS_VIOLATION);
	status = (NTSTATUS)overlapped->Internal;
	bytes = (ULONG)overlapped->InternalHigh;
	if (status == STATUS_PENDING)
		status = attempt(rm, overlapped, overlapped->Pointer, bytes,
				 wait ? NULL : &at_once, &bytes);
	if (status == STATUS_TIMEOUT) {
		SetLastError(ERROR_IO_INCOMPLETE);
		return FALSE;
	}
	*transferred = bytes;
	return win32_result(status);
}
