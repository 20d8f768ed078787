// SPDX-License-Identifier: LGPL-2.1-or-later
/* Handing a transaction to another process over a Unix socket. */
#include "internal.h"

#include <sys/socket.h>
#include <unistd.h>

KTM_EXPORT ssize_t ktm_tx_send(int socket, int tx, const void *data, size_t length,
			       uint32_t *status)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec vector = { .iov_base = (void *)(uintptr_t)data, .iov_len = length };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	ssize_t sent;
	int narrowed;

	/* A stream socket drops descriptors that come without a byte. */
	if (!length)
		return ktm_fail(-EINVAL, KTM_STATUS_INVALID_PARAMETER, status);
	narrowed = ktm_narrow(tx, KTM_TX_RESOURCE_MANAGER_RIGHTS, status);
	if (narrowed < 0)
		return narrowed;

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(narrowed));
	memcpy(CMSG_DATA(head), &narrowed, sizeof(narrowed));
	sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	if (sent < 0)
		sent = ktm_fail(-errno, KTM_STATUS_UNSUCCESSFUL, status);
	close(narrowed);
	return sent;
}

/*
 * Keeps the first descriptor and closes the others: a peer must not be able to
 * fill our table. Returns how many came.
 */
static unsigned int take_descriptors(struct msghdr *message, int *first)
{
	unsigned int count = 0;
	struct cmsghdr *head;
	size_t offset;
	int fd;

	for (head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		for (offset = 0; CMSG_LEN(offset + sizeof(fd)) <= head->cmsg_len;
		     offset += sizeof(fd)) {
			memcpy(&fd, CMSG_DATA(head) + offset, sizeof(fd));
			if (!count++)
				*first = fd;
			else
				close(fd);
		}
	}
	return count;
}

KTM_EXPORT ssize_t ktm_tx_recv(int socket, void *data, size_t length, int *tx)
{
	/* Room for credentials and a label, too, if the socket is set to pass them. */
	union {
		struct cmsghdr head;
		char bytes[1024];
	} control;
	struct iovec vector = { .iov_base = data, .iov_len = length };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.bytes),
	};
	unsigned int count;
	ssize_t received;

	*tx = -1;
	received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	if (received < 0)
		return -errno;
	count = take_descriptors(&message, tx);
	if (message.msg_flags & MSG_TRUNC)
		received = -EMSGSIZE;
	else if (count > 1 || (message.msg_flags & MSG_CTRUNC))
		received = -EBADMSG;
	if (received < 0 && *tx >= 0) {
		close(*tx);
		*tx = -1;
	}
	return received;
}
