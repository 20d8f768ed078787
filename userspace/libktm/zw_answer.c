// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a participant answers and what a superior says. */
#include "zw_internal.h"

static NTSTATUS answer(HANDLE handle, uint32_t request, struct ktm_answer *arg)
{
	uint32_t status;

	/* A freeze may be interrupted before anything has begun. */
	do {
		ktm_answer(KtmDescriptor(handle), request, arg, &status);
	} while (status == KTM_STATUS_INTERRUPTED);
	if (KtmStatusToNt(status) < 0 && zw_is_rm(handle))
		return STATUS_OBJECT_TYPE_MISMATCH;
	return KtmStatusToNt(status);
}

static NTSTATUS answer_at(HANDLE handle, uint32_t request, const LARGE_INTEGER *clock)
{
	struct ktm_answer arg = { 0 };
	uint64_t at;
	NTSTATUS status = zw_clock(clock, &at);

	if (status)
		return status;
	arg.virtual_clock = at;
	return answer(handle, request, &arg);
}

KTM_EXPORT NTSTATUS NTAPI ZwRecoverEnlistment(HANDLE handle, PVOID key)
{
	struct ktm_answer arg = { .key = ktm_pointer(key) };

	return answer(handle, KTM_IOC_EN_RECOVER, &arg);
}
KTM_ALSO_NT(RecoverEnlistment);

KTM_EXPORT NTSTATUS NTAPI ZwPrePrepareEnlistment(HANDLE handle, PLARGE_INTEGER clock)
{
	return answer_at(handle, KTM_IOC_EN_PREPREPARE, clock);
}
KTM_ALSO_NT(PrePrepareEnlistment);

KTM_EXPORT NTSTATUS NTAPI ZwPrepareEnlistment(HANDLE handle, PLARGE_INTEGER clock)
{
	return answer_at(handle, KTM_IOC_EN_PREPARE, clock);
}
KTM_ALSO_NT(PrepareEnlistment);

KTM_EXPORT NTSTATUS NTAPI ZwCommitEnlistment(HANDLE handle, PLARGE_INTEGER clock)
{
	return answer_at(handle, KTM_IOC_EN_COMMIT, clock);
}
KTM_ALSO_NT(CommitEnlistment);

KTM_EXPORT NTSTATUS NTAPI ZwRollbackEnlistment(HANDLE handle, PLARGE_INTEGER clock)
{
	return answer_at(handle, KTM_IOC_EN_ROLLBACK, clock);
}
KTM_ALSO_NT(RollbackEnlistment);

KTM_EXPORT NTSTATUS NTAPI ZwPrePrepareComplete(HANDLE handle, PLARGE_INTEGER clock)
{
	return answer_at(handle, KTM_IOC_PREPREPARE_COMPLETE, clock);
}
KTM_ALSO_NT(PrePrepareComplete);

KTM_EXPORT NTSTATUS NTAPI ZwPrepareComplete(HANDLE handle, PLARGE_INTEGER clock)
{
	return answer_at(handle, KTM_IOC_PREPARE_COMPLETE, clock);
}
KTM_ALSO_NT(PrepareComplete);

KTM_EXPORT NTSTATUS NTAPI ZwCommitComplete(HANDLE handle, PLARGE_INTEGER clock)
{
	return answer_at(handle, KTM_IOC_COMMIT_COMPLETE, clock);
}
KTM_ALSO_NT(CommitComplete);

KTM_EXPORT NTSTATUS NTAPI ZwRollbackComplete(HANDLE handle, PLARGE_INTEGER clock)
{
	return answer_at(handle, KTM_IOC_ROLLBACK_COMPLETE, clock);
}
KTM_ALSO_NT(RollbackComplete);

KTM_EXPORT NTSTATUS NTAPI ZwReadOnlyEnlistment(HANDLE handle, PLARGE_INTEGER clock)
{
	return answer_at(handle, KTM_IOC_READ_ONLY, clock);
}
KTM_ALSO_NT(ReadOnlyEnlistment);

KTM_EXPORT NTSTATUS NTAPI ZwSinglePhaseReject(HANDLE handle, PLARGE_INTEGER clock)
{
	return answer_at(handle, KTM_IOC_SINGLE_PHASE_REJECT, clock);
}
KTM_ALSO_NT(SinglePhaseReject);

KTM_EXPORT NTSTATUS NTAPI TmRequestOutcomeEnlistment(PKENLISTMENT enlistment, PLARGE_INTEGER clock)
{
	(void)clock;
	return answer_at(enlistment, KTM_IOC_REQUEST_OUTCOME, NULL);
}
