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

/*
 * Whoever has taken Pointer out of an OVERLAPPED has the request, and InternalHigh with
 * it: of two threads that were woken, one alone may fill the buffer that is lent.
 */
static PVOID take(LPOVERLAPPED overlapped)
{
	return __atomic_exchange_n(&overlapped->Pointer, NULL, __ATOMIC_ACQUIRE);
}

static void put_back(LPOVERLAPPED overlapped, PVOID to, ULONG length)
{
	overlapped->InternalHigh = length;
	__atomic_store_n(&overlapped->Internal, STATUS_PENDING, __ATOMIC_RELAXED);
	__atomic_store_n(&overlapped->Pointer, to, __ATOMIC_RELEASE);
}

/* The request is over: @status says how. */
static void complete(LPOVERLAPPED overlapped, NTSTATUS status, ULONG bytes)
{
	/* From the store on it may be lent anew by another thread. */
	const HANDLE event = overlapped->hEvent;
	const uint64_t one = 1;
	ssize_t ret;

	overlapped->InternalHigh = bytes;
	__atomic_store_n(&overlapped->Internal, (ULONG)status, __ATOMIC_RELEASE);
	if (!event)
		return;
	/* Full: then it has been signalled. */
	ret = write(KtmDescriptor(event), &one, sizeof(one));
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
	if (status == STATUS_TIMEOUT)
		put_back(overlapped, to, length);
	else
		complete(overlapped, status, *bytes);
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
	PVOID to;

	if (!overlapped || !transferred)
		return win32_result(STATUS_ACCESS_VIOLATION);
	status = (NTSTATUS)__atomic_load_n(&overlapped->Internal, __ATOMIC_ACQUIRE);
	if (status == STATUS_PENDING) {
		to = take(overlapped);
		bytes = to ? (ULONG)overlapped->InternalHigh : 0;
		/* Without it, another thread is at it: for this one it goes on. */
		status = to ? attempt(rm, overlapped, to, bytes, wait ? NULL : &at_once, &bytes) :
			      STATUS_TIMEOUT;
	} else {
		bytes = (ULONG)overlapped->InternalHigh;
	}
	if (status == STATUS_TIMEOUT) {
		SetLastError(ERROR_IO_INCOMPLETE);
		return FALSE;
	}
	*transferred = bytes;
	return win32_result(status);
}
