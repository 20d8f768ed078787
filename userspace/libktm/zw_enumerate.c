// SPDX-License-Identifier: LGPL-2.1-or-later
/* Lists of objects. */
#include "zw_internal.h"

#include <unistd.h>

/* More the kernel does not give at once. */
#define MOST	4096

static const uint32_t kinds[] = {
	[KTMOBJECT_TRANSACTION] = KTM_KIND_TX,
	[KTMOBJECT_TRANSACTION_MANAGER] = KTM_KIND_TM,
	[KTMOBJECT_RESOURCE_MANAGER] = KTM_KIND_RM,
	[KTMOBJECT_ENLISTMENT] = KTM_KIND_EN,
};

_Static_assert(sizeof(GUID) == sizeof(struct ktm_guid), "a list of one has room for the other");

/* Those that the kernel has put into the caller's array, in place. */
static void to_nt(GUID *guids, uint32_t count)
{
	struct ktm_guid from;
	uint32_t i;

	for (i = 0; i < count; i++) {
		memcpy(&from, guids + i, sizeof(from));
		guids[i] = KtmGuidToNt(&from);
	}
}

static uint32_t enumerate(int fd, uint32_t kind, PKTMOBJECT_CURSOR at, uint32_t room)
{
	struct ktm_guid cursor = KtmGuidFromNt(&at->LastQuery);
	uint32_t status;

	at->ObjectIdCount = 0;
	ktm_enumerate(fd, kind, &cursor, (struct ktm_guid *)(void *)at->ObjectIds, &room, &status);
	if (status == KTM_STATUS_SUCCESS) {
		at->LastQuery = KtmGuidToNt(&cursor);
		at->ObjectIdCount = room;
		to_nt(at->ObjectIds, room);
	}
	return status;
}

KTM_EXPORT NTSTATUS NTAPI ZwEnumerateTransactionObject(HANDLE root, KTMOBJECT_TYPE type,
						       PKTMOBJECT_CURSOR cursor, ULONG length,
						       PULONG returned)
{
	const size_t head = offsetof(KTMOBJECT_CURSOR, ObjectIds);
	NTSTATUS status = STATUS_SUCCESS;
	int fd = KtmDescriptor(root);
	uint32_t found;
	size_t room;

	if (!cursor || !returned)
		return STATUS_ACCESS_VIOLATION;
	if ((unsigned int)type >= KTMOBJECT_INVALID || length < sizeof(*cursor))
		return STATUS_INVALID_PARAMETER;
	if (zw_is_bad(root))
		return STATUS_INVALID_HANDLE;
	if (!root && (type == KTMOBJECT_TRANSACTION || type == KTMOBJECT_TRANSACTION_MANAGER))
		status = zw_device(&fd);
	if (status)
		return status;

	room = (length - head) / sizeof(GUID);
	found = enumerate(fd, kinds[type], cursor, room < MOST ? (uint32_t)room : MOST);
	if (!root && fd >= 0)
		close(fd);
	*returned = (ULONG)(head + cursor->ObjectIdCount * sizeof(GUID));
	/* All else is as it must be: the root has no objects of this type. */
	return found == KTM_STATUS_INVALID_PARAMETER ? STATUS_OBJECT_TYPE_MISMATCH :
						       KtmStatusToNt(found);
}
KTM_ALSO_NT(EnumerateTransactionObject);
