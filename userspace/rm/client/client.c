// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A connection to a resource manager: one request, one answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <ktm.h>

#include "client.h"
#include "../common/header.h"

int ktm_client_connect(const char *path, unsigned int timeout_ms, struct ktm_client **out)
{
	struct timeval tv = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int size = RM_PACKET_MAX;
	struct ktm_client *c;
	int ret;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	pack_init(&c->request, RM_PACKET_MAX);
	c->answer = malloc(RM_PACKET_MAX + 1);
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || !c->answer) {
		ret = c->answer ? -errno : -ENOMEM;
		goto fail;
	}
	/* A packet must fit whatever the machine's default is. */
	if (setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
	    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) ||
	    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) ||
	    connect(c->fd, (struct sockaddr *)&sa, sizeof(sa))) {
		ret = errno == EAGAIN ? -ETIMEDOUT : -errno;
		goto fail;
	}
	*out = c;
	return 0;
fail:
	ktm_client_close(c);
	return ret;
}

void ktm_client_close(struct ktm_client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	pack_free(&c->request);
	free(c->answer);
	free(c);
}

int ktm_client_fd(const struct ktm_client *c)
{
	return c->fd;
}

const char *ktm_client_message(const struct ktm_client *c)
{
	return c->message;
}

int client_broken(struct ktm_client *c, int error)
{
	c->broken = true;
	snprintf(c->message, sizeof(c->message), "the connection failed: %s", strerror(-error));
	return error;
}

void client_begin(struct ktm_client *c, enum rm_op op, uint64_t t)
{
	struct rm_header h = { .op = op, .id = ++c->next_id, .t = t };

	c->request.used = 0;
	c->request.failed = false;
	c->message[0] = 0;
	header_pack(&c->request, &h);
}

/* 0; a negative errno if nothing was sent. */
static int send_packet(struct ktm_client *c, enum client_pass pass, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { c->request.data, c->request.used };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (pass == PASS_TRANSACTION) {
		n = ktm_tx_send(c->fd, fd, iov.iov_base, iov.iov_len, NULL);
		return n < 0 ? (int)n : 0;
	}
	if (pass == PASS_FD) {
		struct cmsghdr *cmsg;

		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.room);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	do {
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Bytes received, or a negative errno. @got: descriptor that came, or -1. */
static ssize_t receive_packet(struct ktm_client *c, int *got)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { c->answer, RM_PACKET_MAX };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *cmsg;
	ssize_t n;

	*got = -1;
	do {
		n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
		    cmsg->cmsg_len >= CMSG_LEN(sizeof(int)))
			memcpy(got, CMSG_DATA(cmsg), sizeof(int));
	if (!n)
		return -ECONNRESET;
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EPROTO;
	return n;
}

int client_call(struct ktm_client *c, enum client_pass pass, int fd, uint64_t *t, int *got,
		struct unpack *out)
{
	struct rm_header h;
	int received;
	ssize_t n;
	int ret;

	if (c->broken)
		return -ENOTCONN;
	if (c->request.failed)
		return c->request.used + 1024 < RM_PACKET_MAX ? -ENOMEM : -EMSGSIZE;
	header_set_length(&c->request);

	ret = send_packet(c, pass, fd);
	if (ret == -EPIPE || ret == -ECONNRESET || ret == -EAGAIN)
		return client_broken(c, ret == -EAGAIN ? -ETIMEDOUT : -ECONNRESET);
	if (ret)
		return ret;

	n = receive_packet(c, &received);
	if (n < 0) {
		ret = n;
		goto broken;
	}
	unpack_init(out, c->answer, n);
	header_unpack(out, &h);
	ret = -EPROTO;
	if (out->failed || h.magic != RM_MAGIC || h.version != RM_VERSION || h.length != n ||
	    h.id != c->next_id)
		goto broken;
	if (h.error) {
		size_t length = out->end - out->at;

		if (received >= 0 || h.error > 4095)
			goto broken;
		if (length >= sizeof(c->message))
			length = sizeof(c->message) - 1;
		memcpy(c->message, out->at, length);
		c->message[length] = 0;
		return -(int)h.error;
	}
	if ((received >= 0) != !!got)
		goto broken;
	if (got)
		*got = received;
	if (t)
		*t = h.t;
	return 0;
broken:
	if (received >= 0)
		close(received);
	return client_broken(c, ret);
}

int ktm_client_join(struct ktm_client *c, int tx_fd, uint64_t *t)
{
	struct unpack out;

	client_begin(c, RM_OP_JOIN, 0);
	return client_call(c, PASS_TRANSACTION, tx_fd, t, NULL, &out);
}
