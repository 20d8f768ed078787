// SPDX-License-Identifier: GPL-2.0
/*
 * A database: a durable resource manager, written against <ktm/zw.h> as one would
 * write it for KTM. tps.h is the interface that it exports, tps-client.c uses it.
 *
 *	tps-db JOURNAL GUID DIRECTORY
 *
 * JOURNAL is the block device of the transaction manager's log, GUID the resource
 * manager's own, always the same with the data in DIRECTORY. Clients find it at
 * the socket DIRECTORY/socket.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tps-start.h"
#include "tps-store.h"
#include "tps.h"

#define MASK	(TRANSACTION_NOTIFY_PREPREPARE | TRANSACTION_NOTIFY_PREPARE |		\
		 TRANSACTION_NOTIFY_COMMIT | TRANSACTION_NOTIFY_ROLLBACK |		\
		 TRANSACTION_NOTIFY_RECOVER | TRANSACTION_NOTIFY_LAST_RECOVER |		\
		 TRANSACTION_NOTIFY_INDOUBT)

/* Our part in a transaction; its address is the enlistment's key. */
struct part {
	HANDLE handle;
	GUID enlistment;
	int client;			/* whose data object it is, or -1 */
	bool voted;
	size_t length;
};

static HANDLE ResourceManager;
static struct part *holder;		/* who has the data, from its first call to the outcome */
static bool recovered;			/* LAST_RECOVER has come: clients may */

/* ---- what clients call ---- */

static NTSTATUS enlist(struct part *part, LPGUID transaction)
{
	ENLISTMENT_BASIC_INFORMATION basic;
	HANDLE handle;
	NTSTATUS status;

	status = ZwOpenTransaction(&handle, TRANSACTION_RESOURCE_MANAGER_RIGHTS, NULL, transaction,
				   NULL);
	if (!NT_SUCCESS(status))
		return status;
	status = ZwCreateEnlistment(&part->handle, ENLISTMENT_GENERIC_READ |
						   ENLISTMENT_SUBORDINATE_RIGHTS,
				    ResourceManager, handle, NULL, 0, MASK, part);
	ZwClose(handle);
	if (!NT_SUCCESS(status))
		return status;
	status = ZwQueryInformationEnlistment(part->handle, EnlistmentBasicInformation, &basic,
					      sizeof(basic), NULL);
	if (NT_SUCCESS(status))
		part->enlistment = basic.EnlistmentId;
	return status;
}

static NTSTATUS create_data_object(int client, LPGUID transaction)
{
	struct part *part;
	NTSTATUS status;

	if (holder)
		return STATUS_TRANSACTIONAL_CONFLICT;
	part = calloc(1, sizeof(*part));
	if (!part)
		return STATUS_INSUFFICIENT_RESOURCES;
	part->client = client;
	status = enlist(part, transaction);
	if (!part->handle) {
		free(part);
		return status;
	}
	/* From here on a ROLLBACK will come whatever happens, and free it. */
	holder = part;
	if (NT_SUCCESS(status) && !store_begin(&part->enlistment))
		status = STATUS_DISK_FULL;
	if (!NT_SUCCESS(status))
		ZwRollbackEnlistment(part->handle, NULL);
	return status;
}

static NTSTATUS read_data(struct tps_message *answer)
{
	ssize_t length = store_read(answer->data, sizeof(answer->data));

	if (length < 0)
		return STATUS_IO_DEVICE_ERROR;
	answer->length = (uint32_t)length;
	return STATUS_SUCCESS;
}

static NTSTATUS write_data(struct part *part, const char *data, size_t length)
{
	if (part->length + length > TPS_MAX_DATA)
		return STATUS_DISK_FULL;
	if (!store_append(&part->enlistment, data, length))
		return STATUS_IO_DEVICE_ERROR;
	part->length += length;
	return STATUS_SUCCESS;
}

static NTSTATUS serve(int client, struct tps_message *message, struct tps_message *answer)
{
	if (message->call == TPS_CREATE_DATA_OBJECT)
		return create_data_object(client, &message->transaction);
	if (!holder || holder->client != client || holder->voted)
		return STATUS_TRANSACTION_NOT_ACTIVE;
	switch (message->call) {
	case TPS_READ_DATA:
		return read_data(answer);
	case TPS_WRITE_DATA:
		return write_data(holder, message->data, message->length);
	default:
		return STATUS_NOT_IMPLEMENTED;
	}
}

/* Returns false when the client has gone, or says something that is no message. */
static bool serve_client(int client)
{
	struct tps_message message, answer = { .length = 0 };
	ssize_t bytes = recv(client, &message, sizeof(message), MSG_DONTWAIT);

	if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (!tps_is_whole(&message, bytes))
		return false;
	answer.status = serve(client, &message, &answer);
	bytes = (ssize_t)(TPS_MESSAGE_HEAD + answer.length);
	return send(client, &answer, (size_t)bytes, MSG_NOSIGNAL | MSG_DONTWAIT) == bytes;
}

/* ---- what the transaction manager asks ---- */

static void end(struct part *part)
{
	if (holder == part)
		holder = NULL;
	ZwClose(part->handle);
	free(part);
}

static void prepare(struct part *part)
{
	part->voted = true;
	if (store_prepare())
		ZwPrepareComplete(part->handle, NULL);
	else
		ZwRollbackEnlistment(part->handle, NULL);
}

/* What the disk does not take stays owed: the recovery of the next start does it. */
static void commit(struct part *part)
{
	if (!store_commit(&part->enlistment))
		err(1, "cannot commit");
	ZwCommitComplete(part->handle, NULL);
	end(part);
}

static void roll_back(struct part *part)
{
	if (!store_discard(&part->enlistment))
		err(1, "cannot roll back");
	ZwRollbackComplete(part->handle, NULL);
	end(part);
}

/* An enlistment of an earlier life of ours. Its key was an address in that one. */
static void recover(LPGUID enlistment)
{
	struct part *part = calloc(1, sizeof(*part));
	NTSTATUS status;

	if (!part)
		errx(1, "no memory");
	part->enlistment = *enlistment;
	part->client = -1;
	part->voted = true;
	status = ZwOpenEnlistment(&part->handle, ENLISTMENT_GENERIC_READ |
						 ENLISTMENT_SUBORDINATE_RIGHTS | ENLISTMENT_RECOVER,
				  ResourceManager, enlistment, NULL);
	if (NT_SUCCESS(status))
		status = ZwRecoverEnlistment(part->handle, part);
	if (!NT_SUCCESS(status))
		errx(1, "cannot recover an enlistment: status 0x%08x", (unsigned int)status);
	/* COMMIT, ROLLBACK or INDOUBT follows; until the outcome nobody else gets at the data. */
	if (store_has(enlistment))
		holder = part;
}

/* All unfinished ones have been named: what else waits here was never voted on. */
static void discard_unknown(GUID *enlistment)
{
	HANDLE handle;
	NTSTATUS status;

	status = ZwOpenEnlistment(&handle, ENLISTMENT_GENERIC_READ, ResourceManager, enlistment,
				  NULL);
	if (NT_SUCCESS(status))
		ZwClose(handle);
	else if (status != STATUS_ENLISTMENT_NOT_FOUND || !store_discard(enlistment))
		errx(1, "cannot clear up: status 0x%08x", (unsigned int)status);
}

static void notified(const KTM_NOTIFICATION_BUFFER *buffer)
{
	struct part *part = buffer->Notification.TransactionKey;
	GUID enlistment = buffer->Argument.EnlistmentId;

	switch (buffer->Notification.TransactionNotification) {
	case TRANSACTION_NOTIFY_PREPREPARE:
		ZwPrePrepareComplete(part->handle, NULL);
		break;
	case TRANSACTION_NOTIFY_PREPARE:
		prepare(part);
		break;
	case TRANSACTION_NOTIFY_COMMIT:
		commit(part);
		break;
	case TRANSACTION_NOTIFY_ROLLBACK:
		roll_back(part);
		break;
	case TRANSACTION_NOTIFY_RECOVER:
		recover(&enlistment);
		break;
	case TRANSACTION_NOTIFY_LAST_RECOVER:
		if (!store_each(discard_unknown))
			err(1, "cannot clear up");
		recovered = true;
		break;
	case TRANSACTION_NOTIFY_INDOUBT:
		break;
	}
}

/* Whether one came within @timeout (NULL: for ever). */
static bool notification(PLARGE_INTEGER timeout)
{
	KTM_NOTIFICATION_BUFFER buffer;
	NTSTATUS status;

	status = ZwGetNotificationResourceManager(ResourceManager, &buffer.Notification,
						  sizeof(buffer), timeout, NULL, 0, 0);
	if (status == STATUS_TIMEOUT)
		return false;
	if (!NT_SUCCESS(status))
		errx(1, "no notification: status 0x%08x", (unsigned int)status);
	notified(&buffer);
	return true;
}

/* ---- both together ---- */

/* The name is there once a connection is not refused any more. */
static int listen_at(const char *path, const char *until_then)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	strcpy(address.sun_path, until_then);
	/* The resource manager is open exclusively: whoever made an old one is gone. */
	if (unlink(until_then) && errno != ENOENT)
		err(1, "%s", until_then);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 16) ||
	    rename(until_then, path))
		err(1, "%s", path);
	return fd;
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		err(1, "epoll");
}

static void event_of(int epoll, int listener, int fd)
{
	LARGE_INTEGER at_once = { .QuadPart = 0 };

	if (fd == KtmDescriptor(ResourceManager)) {
		notification(&at_once);
	} else if (fd == listener) {
		watch(epoll, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	} else if (!serve_client(fd)) {
		/* The next client may get the same number. */
		if (holder && holder->client == fd)
			holder->client = -1;
		close(fd);
	}
}

int main(int argc, char **argv)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), listener;
	struct epoll_event event;
	HANDLE TransactionManager;

	if (argc != 4)
		errx(2, "usage: tps-db JOURNAL GUID DIRECTORY");
	tps_start(argv[1], argv[2], &TransactionManager, &ResourceManager);
	if (chdir(argv[3]) || !store_open("."))
		err(1, "%s", argv[3]);
	while (!recovered)
		notification(NULL);
	listener = listen_at("socket", "socket.new");
	watch(epoll, KtmDescriptor(ResourceManager));
	watch(epoll, listener);
	for (;;) {
		if (epoll_wait(epoll, &event, 1, -1) == 1)
			event_of(epoll, listener, event.data.fd);
		else if (errno != EINTR)
			err(1, "epoll");
	}
}
