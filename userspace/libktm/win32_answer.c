// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a participant answers and what a superior says. */
#include "win32_internal.h"

KTM_EXPORT BOOL WINAPI PrePrepareEnlistment(HANDLE handle, PLARGE_INTEGER clock)
{
	return win32_result(ZwPrePrepareEnlistment(handle, clock));
}

KTM_EXPORT BOOL WINAPI PrepareEnlistment(HANDLE handle, PLARGE_INTEGER clock)
{
	return win32_result(ZwPrepareEnlistment(handle, clock));
}

KTM_EXPORT BOOL WINAPI CommitEnlistment(HANDLE handle, PLARGE_INTEGER clock)
{
	return win32_result(ZwCommitEnlistment(handle, clock));
}

KTM_EXPORT BOOL WINAPI RollbackEnlistment(HANDLE handle, PLARGE_INTEGER clock)
{
	return win32_result(ZwRollbackEnlistment(handle, clock));
}

KTM_EXPORT BOOL WINAPI PrePrepareComplete(HANDLE handle, PLARGE_INTEGER clock)
{
	return win32_result(ZwPrePrepareComplete(handle, clock));
}

KTM_EXPORT BOOL WINAPI PrepareComplete(HANDLE handle, PLARGE_INTEGER clock)
{
	return win32_result(ZwPrepareComplete(handle, clock));
}

KTM_EXPORT BOOL WINAPI CommitComplete(HANDLE handle, PLARGE_INTEGER clock)
{
	return win32_result(ZwCommitComplete(handle, clock));
}

KTM_EXPORT BOOL WINAPI RollbackComplete(HANDLE handle, PLARGE_INTEGER clock)
{
	return win32_result(ZwRollbackComplete(handle, clock));
}

KTM_EXPORT BOOL WINAPI ReadOnlyEnlistment(HANDLE handle, PLARGE_INTEGER clock)
{
	return win32_result(ZwReadOnlyEnlistment(handle, clock));
}

KTM_EXPORT BOOL WINAPI SinglePhaseReject(HANDLE handle, PLARGE_INTEGER clock)
{
	return win32_result(ZwSinglePhaseReject(handle, clock));
}
