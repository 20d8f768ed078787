// SPDX-License-Identifier: LGPL-2.1-or-later
/* Notifications, one at a time. */
#include "zw_internal.h"

/* Room for one record, of a kernel that knows a little more too, but not for two. */
#define ONE_RECORD	(2 * sizeof(struct ktm_notification) - 8)

/*
 * The two that Windows sends with an argument never come to a volatile RM, which
 * may therefore do without room for it. A notification that has been read cannot
 * be put back, so this has to be known before.
 */
static NTSTATUS has_room(HANDLE rm, ULONG length)
{
	struct ktm_rm_info info;
	uint32_t status;

	if (length >= sizeof(KTM_NOTIFICATION_BUFFER))
		return STATUS_SUCCESS;
	if (length < sizeof(TRANSACTION_NOTIFICATION))
		return STATUS_BUFFER_TOO_SMALL;
	/* Of what may not be asked it is not known; what is no RM has no notifications. */
	if (ktm_rm_query(KtmDescriptor(rm), &info, &status))
		return status == KTM_STATUS_ACCESS_DENIED ? STATUS_BUFFER_TOO_SMALL :
							    zw_class_status(status);
	return info.flags & KTM_RM_VOLATILE ? STATUS_SUCCESS : STATUS_BUFFER_TOO_SMALL;
}

static NTSTATUS read_one(HANDLE rm, uint64_t timeout_ns, struct ktm_notification *record)
{
	uint64_t begin = ktm_now_ns();
	char buffer[ONE_RECORD];
	size_t offset = 0;
	uint32_t status;
	ssize_t bytes;

	do {
		bytes = ktm_get_notifications(KtmDescriptor(rm), buffer, sizeof(buffer),
					      ktm_remaining(begin, timeout_ns), &status);
	} while (bytes == -EINTR);
	if (bytes < 0)
		return KtmStatusToNt(status);
	if (ktm_next_notification(buffer, (size_t)bytes, &offset, record, NULL) != 1)
		return STATUS_UNSUCCESSFUL;
	return STATUS_SUCCESS;
}

/* Returns the bytes written. */
static ULONG tell(const struct ktm_notification *record, PTRANSACTION_NOTIFICATION to,
		  ULONG length)
{
	const TRANSACTION_NOTIFICATION_RECOVERY_ARGUMENT argument = {
		.EnlistmentId = KtmGuidToNt(&record->enlistment),
		.UOW = KtmGuidToNt(&record->uow),
	};

	memset(to, 0, sizeof(*to));
	to->TransactionKey = (PVOID)(ULONG_PTR)record->key;
	to->TransactionNotification = record->kind;
	to->TmVirtualClock.QuadPart = (LONGLONG)record->virtual_clock;
	if (record->kind == KTM_NOTIFY_LAST_RECOVER || length < sizeof(KTM_NOTIFICATION_BUFFER))
		return sizeof(*to);
	to->ArgumentLength = sizeof(argument);
	memcpy(to + 1, &argument, sizeof(argument));
	return sizeof(*to) + sizeof(argument);
}

KTM_EXPORT NTSTATUS NTAPI ZwGetNotificationResourceManager(HANDLE rm, PTRANSACTION_NOTIFICATION to,
							   ULONG length, PLARGE_INTEGER timeout,
							   PULONG returned, ULONG asynchronous,
							   ULONG_PTR context)
{
	struct ktm_notification record;
	ULONG bytes;
	NTSTATUS status;

	if (!to)
		return STATUS_ACCESS_VIOLATION;
	if (asynchronous || context)
		return STATUS_INVALID_PARAMETER;
	status = has_room(rm, length);
	if (status) {
		if (returned && status == STATUS_BUFFER_TOO_SMALL)
			*returned = sizeof(KTM_NOTIFICATION_BUFFER);
		return status;
	}
	status = read_one(rm, zw_from_now(timeout), &record);
	if (status)
		return status;
	bytes = tell(&record, to, length);
	if (returned)
		*returned = bytes;
	return STATUS_SUCCESS;
}
KTM_ALSO_NT(GetNotificationResourceManager);
