// SPDX-License-Identifier: LGPL-2.1-or-later
/* DesiredAccess: from the rights of Windows to those of ktm, which have the same bits. */
#include "zw_internal.h"

/* Any descriptor can be polled, duplicated and passed on: these mean nothing. */
#define EVERYBODY_HAS	(STANDARD_RIGHTS_ALL | SYNCHRONIZE)

static const struct {
	ACCESS_MASK read;
	ACCESS_MASK write;
	ACCESS_MASK execute;
	ACCESS_MASK all;
} kinds[] = {
	[ZW_TM] = {
		TRANSACTIONMANAGER_GENERIC_READ, TRANSACTIONMANAGER_GENERIC_WRITE,
		TRANSACTIONMANAGER_GENERIC_EXECUTE, KTM_TM_ALL_ACCESS,
	},
	[ZW_RM] = {
		RESOURCEMANAGER_GENERIC_READ, RESOURCEMANAGER_GENERIC_WRITE,
		RESOURCEMANAGER_GENERIC_EXECUTE, KTM_RM_ALL_ACCESS,
	},
	[ZW_TX] = {
		TRANSACTION_GENERIC_READ, TRANSACTION_GENERIC_WRITE,
		TRANSACTION_GENERIC_EXECUTE, KTM_TX_ALL_ACCESS,
	},
	[ZW_EN] = {
		ENLISTMENT_GENERIC_READ, ENLISTMENT_GENERIC_WRITE,
		ENLISTMENT_GENERIC_EXECUTE, KTM_EN_ALL_ACCESS,
	},
};

_Static_assert(TRANSACTIONMANAGER_BIND_TRANSACTION == KTM_TM_BIND_TRANSACTION &&
	       RESOURCEMANAGER_COMPLETE_PROPAGATION == KTM_RM_COMPLETE_PROPAGATION &&
	       TRANSACTION_PROPAGATE == KTM_TX_PROPAGATE &&
	       ENLISTMENT_SUPERIOR_RIGHTS == KTM_EN_SUPERIOR_RIGHTS, "the rights have one value");

NTSTATUS zw_rights_to_open(enum zw_kind kind, ACCESS_MASK wanted, uint32_t *rights)
{
	const ACCESS_MASK generic = GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL;
	ACCESS_MASK found = wanted & ~generic;

	if (wanted & GENERIC_READ)
		found |= kinds[kind].read;
	if (wanted & GENERIC_WRITE)
		found |= kinds[kind].write;
	if (wanted & GENERIC_EXECUTE)
		found |= kinds[kind].execute;
	if (wanted & GENERIC_ALL)
		found |= kinds[kind].all;
	found &= ~(ACCESS_MASK)EVERYBODY_HAS;

	if (found & ~(kinds[kind].all | MAXIMUM_ALLOWED))
		return STATUS_ACCESS_DENIED;
	if (!found)
		return STATUS_INVALID_PARAMETER;
	*rights = found & MAXIMUM_ALLOWED ? KTM_MAXIMUM_ALLOWED : found;
	return STATUS_SUCCESS;
}

NTSTATUS zw_rights_to_create(enum zw_kind kind, ACCESS_MASK wanted, uint32_t *rights)
{
	NTSTATUS status = zw_rights_to_open(kind, wanted, rights);

	/* A new object belongs to the caller. */
	if (NT_SUCCESS(status) && *rights == KTM_MAXIMUM_ALLOWED)
		*rights = kinds[kind].all;
	return status;
}
