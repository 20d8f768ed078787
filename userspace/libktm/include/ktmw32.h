/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ktm under the names of Win32's ktmw32.h. Each function is one of <ktm/zw.h> with
 * fewer arguments; <ktm/nt.h> says what handles and strings are here, and
 * Documentation/porting.md what else differs from Windows.
 *
 * Results
 *	FALSE, or INVALID_HANDLE_VALUE from what makes a handle, and then GetLastError()
 *	says why: the Win32 code that belongs to the NTSTATUS, for each thread by itself.
 *	On success the last error is left alone.
 *
 * Asynchronous notifications, completion ports
 *	A resource manager's descriptor is readable for poll(2), epoll(7) and io_uring
 *	while a notification waits: that is the asynchrony, and the library needs no
 *	thread of its own for it. The calls of Windows map onto it like this:
 *
 *	A completion port is an epoll descriptor. SetResourceManagerCompletionPort() adds
 *	the resource manager to it, for reading, with CompletionKey as its data.u64, so
 *	epoll_wait(2) takes the place of GetQueuedCompletionStatus() and returns the key.
 *
 *	GetNotificationResourceManagerAsync() lends a buffer. If a notification waits, it
 *	is put there at once: TRUE, and the port says nothing more of that one. If none
 *	does: FALSE, ERROR_IO_PENDING, and the request rests in the OVERLAPPED, which
 *	belongs to the caller. Who finds the descriptor readable calls
 *	GetOverlappedResult() with it, which takes one notification into the lent buffer;
 *	ERROR_IO_INCOMPLETE if another thread was faster or none came. With bWait it waits
 *	itself; while it does, another thread gets ERROR_IO_INCOMPLETE for that request,
 *	with bWait too. Once a request is over, that is told to all who ask: threads that
 *	share a port lend a buffer each, with an OVERLAPPED of its own, and each
 *	notification is handled once. So
 *
 *		GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, INFINITE);
 *
 *	becomes
 *
 *		epoll_wait(KtmDescriptor(port), &event, 1, -1);
 *		key = event.data.u64;
 *		GetOverlappedResult(rm_of(key), overlapped_of(key), &bytes, FALSE);
 *
 *	hEvent of the OVERLAPPED is NULL or an eventfd(2) descriptor. It is signalled (1 is
 *	added) when the request completes, that is within one of these two calls: it
 *	tells other threads of the program. Nothing but those calls completes a request,
 *	so a thread must not wait for hEvent alone, but on the resource manager, or on both.
 *	A request is taken back by forgetting it.
 */
#ifndef KTMW32_H
#define KTMW32_H

#include <ktm/winerror.h>
#include <ktm/zw.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _SECURITY_ATTRIBUTES {
	DWORD nLength;			/* sizeof(SECURITY_ATTRIBUTES) */
	LPVOID lpSecurityDescriptor;	/* NULL, or KTM_SECURITY_DESCRIPTOR */
	BOOL bInheritHandle;		/* the descriptor survives execve */
} SECURITY_ATTRIBUTES, *PSECURITY_ATTRIBUTES, *LPSECURITY_ATTRIBUTES;

/* Internal: STATUS_PENDING, then the NTSTATUS; while it is pending the rest is the library's. */
typedef struct _OVERLAPPED {
	ULONG_PTR Internal;
	ULONG_PTR InternalHigh;
	__extension__ union {
		__extension__ struct {
			DWORD Offset;
			DWORD OffsetHigh;
		};
		PVOID Pointer;
	};
	HANDLE hEvent;
} OVERLAPPED, *LPOVERLAPPED;

/* ---- last error, handles ---- */

DWORD WINAPI GetLastError(VOID);
VOID WINAPI SetLastError(_In_ DWORD dwErrCode);
BOOL WINAPI CloseHandle(_In_ HANDLE hObject);

/* The Win32 code for an NTSTATUS; ERROR_GEN_FAILURE for one that ktm does not use. */
DWORD KtmNtToWin32(NTSTATUS status);

/* ---- transaction managers ---- */

/* LogFileName: NULL with TRANSACTION_MANAGER_VOLATILE, else the journal. CommitStrength: 0. */
HANDLE WINAPI CreateTransactionManager(_In_opt_ LPSECURITY_ATTRIBUTES lpTransactionAttributes,
				       _In_opt_ LPWSTR LogFileName, _In_opt_ ULONG CreateOptions,
				       _In_opt_ ULONG CommitStrength);
HANDLE WINAPI OpenTransactionManager(_In_ LPWSTR LogFileName, _In_ ACCESS_MASK DesiredAccess,
				     _In_opt_ ULONG OpenOptions);
HANDLE WINAPI OpenTransactionManagerById(_In_ LPGUID TransactionManagerId,
					 _In_ ACCESS_MASK DesiredAccess,
					 _In_opt_ ULONG OpenOptions);
BOOL WINAPI RecoverTransactionManager(_In_ HANDLE TransactionManagerHandle);
BOOL WINAPI RollforwardTransactionManager(_In_ HANDLE TransactionManagerHandle,
					  _In_opt_ PLARGE_INTEGER TmVirtualClock);
BOOL WINAPI RenameTransactionManager(_In_ LPWSTR LogFileName,
				     _In_ LPGUID ExistingTransactionManagerGuid);
BOOL WINAPI GetCurrentClockTransactionManager(_In_ HANDLE TransactionManagerHandle,
					      _Out_ PLARGE_INTEGER TmVirtualClock);
BOOL WINAPI GetTransactionManagerId(_In_ HANDLE TransactionManagerHandle,
				    _Out_ LPGUID TransactionManagerId);

/* ---- transactions ---- */

/* UOW: NULL. IsolationLevel and IsolationFlags: kept. Timeout: milliseconds; 0, INFINITE: never. */
HANDLE WINAPI CreateTransaction(_In_opt_ LPSECURITY_ATTRIBUTES lpTransactionAttributes,
				_In_opt_ LPGUID UOW, _In_opt_ DWORD CreateOptions,
				_In_opt_ DWORD IsolationLevel, _In_opt_ DWORD IsolationFlags,
				_In_opt_ DWORD Timeout, _In_opt_ LPWSTR Description);
HANDLE WINAPI OpenTransaction(_In_ DWORD dwDesiredAccess, _In_ LPGUID TransactionId);
BOOL WINAPI CommitTransaction(_In_ HANDLE TransactionHandle);
/* FALSE and ERROR_IO_PENDING: begun. The handle is readable for poll(2) when it has ended. */
BOOL WINAPI CommitTransactionAsync(_In_ HANDLE TransactionHandle);
BOOL WINAPI RollbackTransaction(_In_ HANDLE TransactionHandle);
BOOL WINAPI RollbackTransactionAsync(_In_ HANDLE TransactionHandle);
BOOL WINAPI GetTransactionId(_In_ HANDLE TransactionHandle, _Out_ LPGUID TransactionId);
/* Out-parameters may be NULL. BufferLength: bytes at Description, which gets a NUL. */
BOOL WINAPI GetTransactionInformation(_In_ HANDLE TransactionHandle, _Out_opt_ PDWORD Outcome,
				      _Out_opt_ PDWORD IsolationLevel,
				      _Out_opt_ PDWORD IsolationFlags, _Out_opt_ PDWORD Timeout,
				      _In_ DWORD BufferLength, _Out_opt_ LPWSTR Description);
/* Timeout: 0 or INFINITE removes it. Description: NULL leaves it alone. */
BOOL WINAPI SetTransactionInformation(_In_ HANDLE TransactionHandle,
				      _In_opt_ DWORD IsolationLevel,
				      _In_opt_ DWORD IsolationFlags, _In_opt_ DWORD Timeout,
				      _In_opt_ LPWSTR Description);

/* ---- resource managers ---- */

HANDLE WINAPI CreateResourceManager(_In_opt_ LPSECURITY_ATTRIBUTES lpResourceManagerAttributes,
				    _In_ LPGUID ResourceManagerID, _In_opt_ DWORD CreateOptions,
				    _In_ HANDLE TmHandle, _In_opt_ LPWSTR Description);
HANDLE WINAPI OpenResourceManager(_In_ DWORD dwDesiredAccess, _In_ HANDLE TmHandle,
				  _In_ LPGUID RmGuid);
BOOL WINAPI RecoverResourceManager(_In_ HANDLE ResourceManagerHandle);
/* ERROR_TIMEOUT: nothing came in dwMilliseconds (INFINITE: for ever). */
BOOL WINAPI GetNotificationResourceManager(_In_ HANDLE ResourceManagerHandle,
					   _Out_ PTRANSACTION_NOTIFICATION TransactionNotification,
					   _In_ ULONG NotificationLength,
					   _In_opt_ DWORD dwMilliseconds,
					   _Out_opt_ PULONG ReturnLength);
/* See above. ReturnLength is set if it returns TRUE, else GetOverlappedResult() tells. */
BOOL WINAPI GetNotificationResourceManagerAsync(_In_ HANDLE ResourceManagerHandle,
	_Out_ PTRANSACTION_NOTIFICATION TransactionNotification,
	_In_ ULONG TransactionNotificationLength, _Out_opt_ PULONG ReturnLength,
	_Inout_ LPOVERLAPPED pOverlapped);
BOOL WINAPI GetOverlappedResult(_In_ HANDLE hFile, _Inout_ LPOVERLAPPED lpOverlapped,
				_Out_ LPDWORD lpNumberOfBytesTransferred, _In_ BOOL bWait);
/* IoCompletionPortHandle: an epoll descriptor; NULL takes the resource manager from its port. */
BOOL WINAPI SetResourceManagerCompletionPort(_In_ HANDLE ResourceManagerHandle,
					     _In_opt_ HANDLE IoCompletionPortHandle,
					     _In_ ULONG_PTR CompletionKey);

/* ---- enlistments ---- */

HANDLE WINAPI CreateEnlistment(_In_opt_ LPSECURITY_ATTRIBUTES lpEnlistmentAttributes,
			       _In_ HANDLE ResourceManagerHandle, _In_ HANDLE TransactionHandle,
			       _In_ NOTIFICATION_MASK NotificationMask,
			       _In_opt_ DWORD CreateOptions, _In_opt_ PVOID EnlistmentKey);
HANDLE WINAPI OpenEnlistment(_In_ DWORD dwDesiredAccess, _In_ HANDLE ResourceManagerHandle,
			     _In_ LPGUID EnlistmentId);
BOOL WINAPI RecoverEnlistment(_In_ HANDLE EnlistmentHandle, _In_opt_ PVOID EnlistmentKey);
BOOL WINAPI GetEnlistmentId(_In_ HANDLE EnlistmentHandle, _Out_ LPGUID EnlistmentId);
BOOL WINAPI GetEnlistmentRecoveryInformation(_In_ HANDLE EnlistmentHandle, _In_ ULONG BufferSize,
					     _Out_writes_bytes_(BufferSize) PVOID Buffer,
					     _Out_ PULONG BufferUsed);
BOOL WINAPI SetEnlistmentRecoveryInformation(_In_ HANDLE EnlistmentHandle, _In_ ULONG BufferSize,
					     _In_reads_bytes_(BufferSize) PVOID Buffer);

/* What follows takes a virtual clock, or NULL: the TM's is raised to it if it is less. */

BOOL WINAPI PrePrepareEnlistment(_In_ HANDLE EnlistmentHandle,
				 _In_opt_ PLARGE_INTEGER TmVirtualClock);
BOOL WINAPI PrepareEnlistment(_In_ HANDLE EnlistmentHandle,
			      _In_opt_ PLARGE_INTEGER TmVirtualClock);
BOOL WINAPI CommitEnlistment(_In_ HANDLE EnlistmentHandle,
			     _In_opt_ PLARGE_INTEGER TmVirtualClock);
BOOL WINAPI RollbackEnlistment(_In_ HANDLE EnlistmentHandle,
			       _In_opt_ PLARGE_INTEGER TmVirtualClock);
BOOL WINAPI PrePrepareComplete(_In_ HANDLE EnlistmentHandle,
			       _In_opt_ PLARGE_INTEGER TmVirtualClock);
BOOL WINAPI PrepareComplete(_In_ HANDLE EnlistmentHandle,
			    _In_opt_ PLARGE_INTEGER TmVirtualClock);
BOOL WINAPI CommitComplete(_In_ HANDLE EnlistmentHandle,
			   _In_opt_ PLARGE_INTEGER TmVirtualClock);
BOOL WINAPI RollbackComplete(_In_ HANDLE EnlistmentHandle,
			     _In_opt_ PLARGE_INTEGER TmVirtualClock);
BOOL WINAPI ReadOnlyEnlistment(_In_ HANDLE EnlistmentHandle,
			       _In_opt_ PLARGE_INTEGER TmVirtualClock);
BOOL WINAPI SinglePhaseReject(_In_ HANDLE EnlistmentHandle,
			      _In_opt_ PLARGE_INTEGER TmVirtualClock);

#ifdef __cplusplus
}
#endif

#endif /* KTMW32_H */
