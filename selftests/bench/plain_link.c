// SPDX-License-Identifier: GPL-2.0
/* Streams of messages over Unix sockets, and a loop around them. */
#define _GNU_SOURCE
#include "bench.h"
#include "plain.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

int plain_listen(void)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* An address without a name: the kernel finds one that is free. */
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(sa_family_t)) || listen(fd, 256))
		die("cannot listen: %s", strerror(errno));
	return fd;
}

int plain_connect(int listener)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	socklen_t length = sizeof(address);

	if (fd < 0 || getsockname(listener, (struct sockaddr *)&address, &length) ||
	    connect(fd, (struct sockaddr *)&address, length))
		die("cannot connect: %s", strerror(errno));
	return fd;
}

struct plain_link *plain_link(int fd)
{
	struct plain_link *link = calloc(1, sizeof(*link));

	if (!link)
		die("no memory");
	link->fd = fd;
	return link;
}

void plain_flush(struct plain_link *link)
{
	const char *at = (const char *)link->outgoing;
	size_t left = link->out * sizeof(link->outgoing[0]);

	while (left) {
		ssize_t sent = send(link->fd, at, left, MSG_NOSIGNAL);

		/* Who has gone wants no answer. */
		if (sent < 0)
			break;
		at += sent;
		left -= (size_t)sent;
	}
	link->out = 0;
}

void plain_send(struct plain_link *link, const struct plain_message *m)
{
	if (link->out == PLAIN_MANY)
		plain_flush(link);
	link->outgoing[link->out++] = *m;
}

void plain_loop_init(struct plain_loop *loop)
{
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		die("epoll: %s", strerror(errno));
}

void plain_loop_add(struct plain_loop *loop, struct plain_link *link)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = link };

	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, link->fd, &event))
		die("epoll: %s", strerror(errno));
}

/* Takes what is there; false: the other side has gone. */
static bool receive(struct plain_loop *loop, struct plain_link *link)
{
	ssize_t bytes = recv(link->fd, (char *)link->in + link->in_bytes,
			     sizeof(link->in) - link->in_bytes, 0);
	size_t i, whole;

	if (bytes <= 0)
		return false;
	link->in_bytes += (size_t)bytes;
	whole = link->in_bytes / sizeof(link->in[0]);
	for (i = 0; i < whole; i++)
		loop->take(loop->data, link, &link->in[i]);
	link->in_bytes -= whole * sizeof(link->in[0]);
	memmove(link->in, &link->in[whole], link->in_bytes);
	return true;
}

void plain_loop_run(struct plain_loop *loop, int listener)
{
	struct plain_link door = { .fd = listener };
	struct epoll_event events[PLAIN_MANY];
	int i, n;

	plain_loop_add(loop, &door);
	for (;;) {
		n = epoll_wait(loop->epoll, events, PLAIN_MANY, -1);
		for (i = 0; i < n; i++) {
			struct plain_link *link = events[i].data.ptr;

			if (link == &door) {
				int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

				if (fd >= 0)
					plain_loop_add(loop, plain_link(fd));
			} else if (!receive(loop, link)) {
				/* Someone may still want to answer it: it is not freed. */
				close(link->fd);
				link->fd = -1;
			}
		}
		loop->turn_over(loop->data);
	}
}
