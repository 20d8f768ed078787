// SPDX-License-Identifier: GPL-2.0
/*
 * Requests over a Unix SEQPACKET socket: one message is one request and brings
 * the transaction's descriptor; the answer is an int, 0 or a negative errno.
 *
 * It shows how a program with a poll loop of its own takes the resource
 * manager's loop in: ktm_rm_fd() is one descriptor more.
 */
#define _GNU_SOURCE
#include "serve.h"

#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		errx(1, "%s: too long for a socket", path);
	strcpy(address.sun_path, path);
	/* The RM is open exclusively: whoever made the old one is gone. */
	if (unlink(path) && errno != ENOENT)
		err(1, "%s", path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 16))
		err(1, "%s", path);
	return fd;
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		err(1, "epoll");
}

/* A client that says something wrong, or nothing any more, is dropped. */
static void serve_client(struct ktm_rm *rm, int client, serve_stage *stage)
{
	char value[SERVE_MAX];
	ssize_t length;
	int tx, ret;

	length = ktm_tx_recv(client, value, sizeof(value), &tx);
	if (length == -EAGAIN || length == -EINTR)
		return;
	if (length > 0) {
		ret = tx < 0 ? -EBADF : stage(rm, tx, value, (size_t)length);
		length = send(client, &ret, sizeof(ret), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	if (tx >= 0)
		close(tx);
	if (length <= 0)
		close(client);
}

static void serve_event(struct ktm_rm *rm, int epoll, int listener, int fd, serve_stage *stage)
{
	uint32_t status;
	int client;

	if (fd == ktm_rm_fd(rm)) {
		/* What it could not finish is finished by the recovery of the next start. */
		if (ktm_rm_dispatch(rm, &status) < 0)
			errx(1, "%s", ktm_status_text(status));
	} else if (fd == listener) {
		client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (client >= 0)
			watch(epoll, client);
	} else {
		serve_client(rm, fd, stage);
	}
}

int serve(const char *path, const struct ktm_rm_config *config, const struct ktm_rm_ops *ops,
	  serve_stage *stage)
{
	struct epoll_event event;
	int ret, epoll, listener;
	struct ktm_rm *rm;
	uint32_t status;

	ret = ktm_rm_start(&rm, config, ops, NULL, &status);
	if (ret)
		errx(1, "cannot start: %s (%s)", ktm_status_text(status), strerror(-ret));
	listener = listen_at(path);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(epoll, ktm_rm_fd(rm));
	watch(epoll, listener);
	for (;;) {
		if (epoll_wait(epoll, &event, 1, -1) == 1)
			serve_event(rm, epoll, listener, event.data.fd, stage);
		else if (errno != EINTR)
			err(1, "epoll");
	}
}
