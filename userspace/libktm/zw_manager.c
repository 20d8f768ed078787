// SPDX-License-Identifier: LGPL-2.1-or-later
/* Transaction managers. */
#include "zw_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

/* The block device that LogFileName names. */
static NTSTATUS open_log(PCUNICODE_STRING name, int *device)
{
	static const char prefix[] = "\\??\\";
	char text[PATH_MAX];
	const char *path = text;
	NTSTATUS status;

	status = zw_text(name, text, sizeof(text));
	if (status)
		return status == STATUS_ACCESS_VIOLATION ? status : STATUS_OBJECT_NAME_INVALID;
	if (!strncmp(path, prefix, sizeof(prefix) - 1))
		path += sizeof(prefix) - 1;
	*device = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	return *device >= 0 ? STATUS_SUCCESS : zw_open_error(errno);
}

/* Both, or neither. */
static NTSTATUS open_device_and_log(PCUNICODE_STRING name, int *ktm, int *device)
{
	NTSTATUS status = zw_device(ktm);

	if (status)
		return status;
	status = open_log(name, device);
	if (status)
		close(*ktm);
	return status;
}

static NTSTATUS create(const struct zw_object *object, int ktm, int device, uint32_t flags,
		       uint32_t rights, PHANDLE handle)
{
	struct zw_object made = *object;
	uint32_t status;
	int fd;

	fd = ktm_tm_create(ktm, device, flags, rights, object->mode, &made.guid, &status);
	return zw_created(&made, fd, status, ktm, KTM_IOC_TM_OPEN, rights, handle);
}

KTM_EXPORT NTSTATUS NTAPI ZwCreateTransactionManager(PHANDLE handle, ACCESS_MASK access,
						     POBJECT_ATTRIBUTES attributes,
						     PUNICODE_STRING log, ULONG options,
						     ULONG strength)
{
	struct zw_object object;
	int ktm, device = -1;
	uint32_t rights;
	NTSTATUS status;

	if (!handle)
		return STATUS_ACCESS_VIOLATION;
	if (options & ~(ULONG)TRANSACTION_MANAGER_VOLATILE || strength || !options == !log)
		return STATUS_INVALID_PARAMETER;
	status = zw_rights_to_create(ZW_TM, access, &rights);
	if (!status)
		status = zw_object(ZW_TM, attributes, NULL, &object);
	if (!status)
		status = log ? open_device_and_log(log, &ktm, &device) : zw_device(&ktm);
	if (status)
		return status;

	status = create(&object, ktm, device, options ? KTM_TM_VOLATILE : 0, rights, handle);
	if (device >= 0)
		close(device);
	close(ktm);
	return status;
}
KTM_ALSO_NT(CreateTransactionManager);

static NTSTATUS open_by_log(PCUNICODE_STRING log, uint32_t rights, ULONG attributes,
			    PHANDLE handle)
{
	int ktm, device, fd;
	uint32_t found;
	NTSTATUS status;

	status = open_device_and_log(log, &ktm, &device);
	if (status)
		return status;
	fd = ktm_tm_open_log(ktm, device, rights, NULL, &found);
	close(device);
	close(ktm);
	return fd >= 0 ? zw_give(fd, attributes, handle) : KtmStatusToNt(found);
}

static NTSTATUS open_by_guid(const struct zw_object *object, uint32_t rights, PHANDLE handle)
{
	uint32_t found;
	NTSTATUS status;
	int ktm, fd;

	status = zw_device(&ktm);
	if (status)
		return status;
	fd = ktm_tm_open(ktm, &object->guid, 0, rights, &found);
	close(ktm);
	return fd >= 0 ? zw_give(fd, object->attributes, handle) : KtmStatusToNt(found);
}

KTM_EXPORT NTSTATUS NTAPI ZwOpenTransactionManager(PHANDLE handle, ACCESS_MASK access,
						   POBJECT_ATTRIBUTES attributes,
						   PUNICODE_STRING log, LPGUID identity,
						   ULONG options)
{
	struct zw_object object;
	uint32_t rights;
	NTSTATUS status;

	if (!handle)
		return STATUS_ACCESS_VIOLATION;
	if (options)
		return STATUS_INVALID_PARAMETER;
	status = zw_rights_to_open(ZW_TM, access, &rights);
	if (!status)
		status = zw_object(ZW_TM, attributes, identity, &object);
	if (status)
		return status;
	/* Exactly one says which. */
	if (!log == ktm_guid_is_nil(&object.guid))
		return STATUS_INVALID_PARAMETER;
	return log ? open_by_log(log, rights, object.attributes, handle) :
		     open_by_guid(&object, rights, handle);
}
KTM_ALSO_NT(OpenTransactionManager);

KTM_EXPORT NTSTATUS NTAPI ZwRecoverTransactionManager(HANDLE handle)
{
	uint32_t status;

	ktm_tm_recover(KtmDescriptor(handle), -1, &status);
	return KtmStatusToNt(status);
}
KTM_ALSO_NT(RecoverTransactionManager);

KTM_EXPORT NTSTATUS NTAPI ZwRollforwardTransactionManager(HANDLE handle, PLARGE_INTEGER until)
{
	uint64_t clock;
	uint32_t found;
	NTSTATUS status;

	if (!until)
		return ZwRecoverTransactionManager(handle);
	status = zw_clock(until, &clock);
	if (status)
		return status;
	ktm_tm_rollforward(KtmDescriptor(handle), -1, clock, &found);
	return KtmStatusToNt(found);
}
KTM_ALSO_NT(RollforwardTransactionManager);

/* Whoever has claimed the device, or nobody yet: then we do, as long as the call takes. */
static int open_or_create(int ktm, int device, struct ktm_guid *guid, uint32_t *status)
{
	int tm;

	memset(guid, 0, sizeof(*guid));
	tm = ktm_tm_create(ktm, device, 0, KTM_TM_RENAME, 0, guid, status);
	if (*status == KTM_STATUS_OBJECT_NAME_COLLISION)
		tm = ktm_tm_open(ktm, guid, 0, KTM_TM_RENAME, status);
	return tm;
}

KTM_EXPORT NTSTATUS NTAPI ZwRenameTransactionManager(PUNICODE_STRING log, LPGUID existing)
{
	struct ktm_guid guid, wanted;
	int ktm, device, tm;
	NTSTATUS status;
	uint32_t found;

	if (!log || !existing)
		return STATUS_INVALID_PARAMETER;
	status = open_device_and_log(log, &ktm, &device);
	if (status)
		return status;
	wanted = KtmGuidFromNt(existing);
	tm = open_or_create(ktm, device, &guid, &found);
	if (tm >= 0) {
		if (ktm_guid_equal(&guid, &wanted))
			ktm_tm_rename(tm, NULL, &found);
		else
			found = KTM_STATUS_TM_IDENTITY_MISMATCH;
		close(tm);
	}
	close(device);
	close(ktm);
	return KtmStatusToNt(found);
}
KTM_ALSO_NT(RenameTransactionManager);
