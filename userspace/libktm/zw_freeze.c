// SPDX-License-Identifier: LGPL-2.1-or-later
/* Holding up all commits of the machine. */
#include "zw_internal.h"

#include <unistd.h>

KTM_EXPORT NTSTATUS NTAPI ZwFreezeTransactions(PLARGE_INTEGER freeze_timeout,
					       PLARGE_INTEGER thaw_timeout)
{
	uint64_t begin = ktm_now_ns(), freeze_ns;
	uint32_t found;
	NTSTATUS status;
	int ktm;

	if (!freeze_timeout || !thaw_timeout)
		return STATUS_INVALID_PARAMETER;
	status = zw_device(&ktm);
	if (status)
		return status;
	freeze_ns = zw_from_now(freeze_timeout);
	do {
		ktm_freeze(ktm, ktm_remaining(begin, freeze_ns), zw_from_now(thaw_timeout), &found);
	} while (found == KTM_STATUS_INTERRUPTED);
	close(ktm);
	return KtmStatusToNt(found);
}
KTM_ALSO_NT(FreezeTransactions);

KTM_EXPORT NTSTATUS NTAPI ZwThawTransactions(VOID)
{
	uint32_t found;
	NTSTATUS status;
	int ktm;

	status = zw_device(&ktm);
	if (status)
		return status;
	ktm_thaw(ktm, &found);
	close(ktm);
	return KtmStatusToNt(found);
}
KTM_ALSO_NT(ThawTransactions);
