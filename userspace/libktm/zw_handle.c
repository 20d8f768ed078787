// SPDX-License-Identifier: LGPL-2.1-or-later
/* Handles: descriptors under another name. */
#include "zw_internal.h"

#include <fcntl.h>
#include <unistd.h>

NTSTATUS zw_open_error(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return STATUS_OBJECT_NAME_NOT_FOUND;
	case ENAMETOOLONG:
	case ELOOP:
		return STATUS_OBJECT_NAME_INVALID;
	case EACCES:
	case EPERM:
		return STATUS_ACCESS_DENIED;
	case EROFS:
		return STATUS_MEDIA_WRITE_PROTECTED;
	case EMFILE:
	case ENFILE:
		return STATUS_TOO_MANY_OPENED_FILES;
	case ENOMEM:
		return STATUS_INSUFFICIENT_RESOURCES;
	case ENXIO:
	case ENODEV:
		return STATUS_NO_SUCH_DEVICE;
	default:
		return STATUS_UNSUCCESSFUL;
	}
}

NTSTATUS zw_device(int *ktm)
{
	*ktm = ktm_open_device();
	if (*ktm >= 0)
		return STATUS_SUCCESS;
	/* The name is ours: that it is not there means that the module is not loaded. */
	return *ktm == -ENOENT ? STATUS_NO_SUCH_DEVICE : zw_open_error(-*ktm);
}

NTSTATUS zw_give(int fd, ULONG attributes, PHANDLE handle)
{
	int moved;

	/* 0 would read as NULL, which is no handle. */
	if (!fd) {
		moved = fcntl(fd, F_DUPFD_CLOEXEC, 1);
		close(fd);
		if (moved < 0)
			return STATUS_TOO_MANY_OPENED_FILES;
		fd = moved;
	}
	if (attributes & OBJ_INHERIT)
		fcntl(fd, F_SETFD, 0);
	*handle = KtmHandle(fd);
	return STATUS_SUCCESS;
}

bool zw_is_rm(HANDLE handle)
{
	/* Refused for its size, but only where the request itself is known. */
	struct ktm_call arg = { .size = 0 };
	uint32_t status;

	ktm_call(KtmDescriptor(handle), KTM_IOC_RM_RECOVER, &arg, &status);
	return status == KTM_STATUS_INVALID_PARAMETER;
}

KTM_EXPORT NTSTATUS NTAPI ZwClose(HANDLE handle)
{
	/* Whatever else close(2) says, the descriptor is gone. */
	if (close(KtmDescriptor(handle)) && errno == EBADF)
		return STATUS_INVALID_HANDLE;
	return STATUS_SUCCESS;
}
KTM_ALSO_NT(Close);
