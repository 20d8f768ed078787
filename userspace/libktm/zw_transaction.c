// SPDX-License-Identifier: LGPL-2.1-or-later
/* Transactions. */
#include "zw_internal.h"

#include <unistd.h>

static NTSTATUS create(const struct zw_object *object, struct ktm_tx_create *arg, PHANDLE handle)
{
	NTSTATUS result;
	uint32_t status;
	int ktm, fd;

	result = zw_device(&ktm);
	if (result)
		return result;
	fd = ktm_tx_create_with(ktm, arg, &status);
	result = zw_created(object, fd, status, ktm, KTM_IOC_TX_OPEN, arg->access, handle);
	close(ktm);
	return result;
}

KTM_EXPORT NTSTATUS NTAPI ZwCreateTransaction(PHANDLE handle, ACCESS_MASK access,
					      POBJECT_ATTRIBUTES attributes, LPGUID uow, HANDLE tm,
					      ULONG options, ULONG isolation_level,
					      ULONG isolation_flags, PLARGE_INTEGER timeout,
					      PUNICODE_STRING description)
{
	struct ktm_tx_create arg = {
		.tm_fd = KtmDescriptor(tm),
		.timeout_ns = zw_timeout(timeout),
		.isolation_level = isolation_level,
		.isolation_flags = isolation_flags,
	};
	char text[ZW_DESCRIPTION_ROOM];
	struct zw_object object;
	NTSTATUS status;

	if (!handle)
		return STATUS_ACCESS_VIOLATION;
	if (options & ~(ULONG)TRANSACTION_MAXIMUM_OPTION)
		return STATUS_INVALID_PARAMETER;
	if (zw_is_bad(tm))
		return STATUS_INVALID_HANDLE;
	if (options & TRANSACTION_DO_NOT_PROMOTE)
		arg.flags = KTM_TX_DO_NOT_PROMOTE;
	status = zw_rights_to_create(ZW_TX, access, &arg.access);
	if (!status)
		status = zw_object(ZW_TX, attributes, uow, &object);
	if (!status)
		status = zw_description(description, text);
	if (status)
		return status;

	arg.mode = object.mode;
	arg.uow = object.guid;
	arg.description = ktm_description_pointer(text);
	arg.description_length = (uint32_t)strlen(text);
	return create(&object, &arg, handle);
}
KTM_ALSO_NT(CreateTransaction);

/* The GUID before this one, in the order of enumerations. */
static struct ktm_guid guid_before(struct ktm_guid guid)
{
	size_t i = sizeof(guid.b);

	while (i-- && !guid.b[i]--)
		;
	return guid;
}

/* The TM's list, from just before it, begins with it, or it is none of the TM's. */
static NTSTATUS is_of_tm(HANDLE tm, const struct ktm_guid *uow)
{
	struct ktm_guid cursor = guid_before(*uow), found;
	uint32_t status, count = 1;

	ktm_enumerate(KtmDescriptor(tm), KTM_KIND_TX, &cursor, &found, &count, &status);
	if (status == KTM_STATUS_SUCCESS)
		return ktm_guid_equal(&found, uow) ? STATUS_SUCCESS : STATUS_TRANSACTION_NOT_FOUND;
	if (status == KTM_STATUS_NO_MORE_ENTRIES)
		return STATUS_TRANSACTION_NOT_FOUND;
	/* What has no transactions is no TM. */
	return status == KTM_STATUS_INVALID_PARAMETER ? STATUS_OBJECT_TYPE_MISMATCH :
							KtmStatusToNt(status);
}

KTM_EXPORT NTSTATUS NTAPI ZwOpenTransaction(PHANDLE handle, ACCESS_MASK access,
					    POBJECT_ATTRIBUTES attributes, LPGUID uow, HANDLE tm)
{
	struct zw_object object;
	uint32_t rights, found;
	NTSTATUS status;
	int ktm, fd;

	if (!handle)
		return STATUS_ACCESS_VIOLATION;
	status = zw_rights_to_open(ZW_TX, access, &rights);
	if (!status)
		status = zw_object(ZW_TX, attributes, uow, &object);
	if (status)
		return status;
	if (ktm_guid_is_nil(&object.guid))
		return STATUS_INVALID_PARAMETER;
	if (tm)
		status = is_of_tm(tm, &object.guid);
	if (!status)
		status = zw_device(&ktm);
	if (status)
		return status;
	fd = ktm_tx_open(ktm, &object.guid, 0, rights, &found);
	close(ktm);
	return fd >= 0 ? zw_give(fd, object.attributes, handle) : KtmStatusToNt(found);
}
KTM_ALSO_NT(OpenTransaction);

KTM_EXPORT NTSTATUS NTAPI ZwCommitTransaction(HANDLE handle, BOOLEAN wait)
{
	uint32_t status;

	ktm_tx_commit(KtmDescriptor(handle), wait ? KTM_CALL_WAIT : 0, &status);
	return KtmStatusToNt(status);
}
KTM_ALSO_NT(CommitTransaction);

KTM_EXPORT NTSTATUS NTAPI ZwRollbackTransaction(HANDLE handle, BOOLEAN wait)
{
	uint32_t status;

	ktm_tx_rollback(KtmDescriptor(handle), wait ? KTM_CALL_WAIT : 0, &status);
	return KtmStatusToNt(status);
}
KTM_ALSO_NT(RollbackTransaction);
