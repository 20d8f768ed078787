// SPDX-License-Identifier: GPL-2.0
/* The clients' half of the interface of the example databases: one call, one answer. */
#define _GNU_SOURCE
#include "tps.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

static NTSTATUS call(HANDLE handle, struct tps_message *message)
{
	const size_t bytes = TPS_MESSAGE_HEAD + message->length;
	int fd = KtmDescriptor(handle);
	ssize_t got;

	if (send(fd, message, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
		return STATUS_CONNECTION_DISCONNECTED;
	got = recv(fd, message, sizeof(*message), 0);
	if (!tps_is_whole(message, got))
		return STATUS_CONNECTION_DISCONNECTED;
	return message->status;
}

NTSTATUS CreateDataObject(const char *Database, LPGUID TransactionId, PHANDLE DataHandle)
{
	struct tps_message message = {
		.call = TPS_CREATE_DATA_OBJECT,
		.transaction = *TransactionId,
	};
	int fd = connect_to(Database);
	NTSTATUS status;

	*DataHandle = NULL;
	if (fd < 0)
		return STATUS_CONNECTION_REFUSED;
	status = call(KtmHandle(fd), &message);
	if (NT_SUCCESS(status))
		*DataHandle = KtmHandle(fd);
	else
		close(fd);
	return status;
}

NTSTATUS ReadData(HANDLE DataHandle, PVOID Data, ULONG Size, PULONG Length)
{
	struct tps_message message = { .call = TPS_READ_DATA };
	NTSTATUS status = call(DataHandle, &message);

	if (!NT_SUCCESS(status))
		return status;
	*Length = message.length;
	if (message.length > Size)
		return STATUS_BUFFER_TOO_SMALL;
	memcpy(Data, message.data, message.length);
	return STATUS_SUCCESS;
}

NTSTATUS WriteData(HANDLE DataHandle, const void *Data, ULONG Length)
{
	struct tps_message message = { .call = TPS_WRITE_DATA, .length = Length };

	if (Length > sizeof(message.data))
		return STATUS_INVALID_PARAMETER;
	memcpy(message.data, Data, Length);
	return call(DataHandle, &message);
}

VOID CloseDataObject(HANDLE DataHandle)
{
	if (DataHandle)
		close(KtmDescriptor(DataHandle));
}
