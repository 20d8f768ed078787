// SPDX-License-Identifier: GPL-2.0
/*
 * The Unix socket that clients come to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "header.h"
#include "log.h"
#include "server.h"

/* Descriptors taken from one packet; the kernel closes what is beyond. */
#define FDS_MAX		4
/* Kept between requests; more is given back. */
#define KEEP_ROOM	4096

/**
 * struct connection - one client
 * @source: in the epoll set; first, so that an event leads here
 * @server: whose it is
 * @next: of the server
 * @fd: socket
 * @waiting: an answer could not be sent yet; until then nothing more is read
 * @answer: it
 * @answer_fd: descriptor that goes with it, or -1
 * @joined: transactions it may name
 */
struct connection {
	struct source source;
	struct server *server;
	struct connection *next;
	int fd;
	bool waiting;
	struct pack answer;
	int answer_fd;
	struct joined joined;
};

/**
 * struct server - the socket and its clients
 * @source: of the listening socket; first
 * @epoll: where everything is registered
 * @listener: listening socket, or -1
 * @paused: as many connections as may be: none is accepted
 * @path: where it listens, or NULL
 * @connections: list
 * @count: of them
 * @handler: called for each request
 * @context: its argument
 * @packet: where a request is received
 */
struct server {
	struct source source;
	int epoll;
	int listener;
	bool paused;
	char *path;
	struct connection *connections;
	unsigned int count;
	request_fn handler;
	void *context;
	unsigned char packet[RM_PACKET_MAX];
};

int request_fail(struct request *r, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->message, sizeof(r->message), format, args);
	va_end(args);
	return error;
}

static int server_watch(struct server *s, int op, int fd, struct source *source, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = source };

	return epoll_ctl(s->epoll, op, fd, &ev) ? -errno : 0;
}

static void server_pause(struct server *s, bool pause)
{
	if (s->listener < 0 || s->paused == pause)
		return;
	if (!server_watch(s, EPOLL_CTL_MOD, s->listener, &s->source, pause ? 0 : EPOLLIN))
		s->paused = pause;
}

static void connection_close(struct connection *c)
{
	struct server *s = c->server;
	struct connection **at;

	for (at = &s->connections; *at != c; at = &(*at)->next)
		;
	*at = c->next;
	s->count--;
	close(c->fd);
	if (c->answer_fd >= 0)
		close(c->answer_fd);
	pack_free(&c->answer);
	free(c);
	server_pause(s, false);
}

/* 0: sent; -EAGAIN: the client does not read; else the connection is of no use. */
static int connection_send(struct connection *c)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { c->answer.data, c->answer.used };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (c->answer_fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.room);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &c->answer_fd, sizeof(int));
	}
	if (sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : -errno;

	if (c->answer_fd >= 0)
		close(c->answer_fd);
	c->answer_fd = -1;
	c->answer.used = 0;
	if (c->answer.room > KEEP_ROOM) {
		pack_free(&c->answer);
		pack_init(&c->answer, RM_PACKET_MAX);
	}
	return 0;
}

/* Sends, or arranges for it to be sent when the client reads. */
static void connection_answer(struct connection *c)
{
	int ret = connection_send(c);
	bool waiting = ret == -EAGAIN;

	if (ret && !waiting) {
		connection_close(c);
		return;
	}
	if (waiting == c->waiting)
		return;
	c->waiting = waiting;
	if (server_watch(c->server, EPOLL_CTL_MOD, c->fd, &c->source, waiting ? EPOLLOUT : EPOLLIN))
		connection_close(c);
}

/*
 * Bytes of the packet; 0: the client has gone; -EAGAIN; -EPROTO: there was a
 * packet, and it cannot be used. @fd: what came along, or -1.
 */
static ssize_t connection_receive(struct connection *c, int *fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { c->server->packet, sizeof(c->server->packet) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};
	unsigned int fds = 0;
	struct cmsghdr *cmsg;
	ssize_t n;

	*fd = -1;
	n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : 0;

	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		size_t i, count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (i = 0; i < count; i++) {
			int one;

			memcpy(&one, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (fds++)
				server_drop_fd(one);
			else
				*fd = one;
		}
	}
	if (fds > 1 || msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		if (*fd >= 0)
			server_drop_fd(*fd);
		*fd = -1;
		return -EPROTO;
	}
	return n;
}

/* One packet that was received, to its answer. */
static void connection_handle(struct connection *c, ssize_t n, int fd)
{
	struct server *s = c->server;
	struct rm_header h = { 0 };
	struct request r = {
		.fd = fd,
		.joined = &c->joined,
		.out = c->answer,
		.out_fd = -1,
	};
	int ret;

	unpack_init(&r.in, s->packet, n > 0 ? n : 0);
	header_unpack(&r.in, &h);
	r.op = h.op;
	r.t = h.t;
	/* Room for the header, which is known last. */
	r.out.used = 0;
	r.out.failed = false;
	header_pack(&r.out, &h);

	if (n < 0)
		ret = request_fail(&r, -EPROTO, "too long, or more than one descriptor");
	else if (r.in.failed || h.magic != RM_MAGIC || h.version != RM_VERSION ||
		 h.length != n || h.error)
		ret = request_fail(&r, -EPROTO, "not a request of this protocol");
	else
		ret = s->handler(s->context, &r);
	if (!ret && r.out.failed)
		ret = request_fail(&r, -EMSGSIZE, "the answer does not fit into a packet");

	if (r.fd >= 0)
		server_drop_fd(r.fd);
	if (ret) {
		if (r.out_fd >= 0)
			close(r.out_fd);
		r.out_fd = -1;
		r.out.failed = false;
		r.out.used = RM_HEADER;
		pack_raw(&r.out, r.message, strlen(r.message));
	}
	h.error = -ret;
	h.length = r.out.used;
	h.t = r.out_t;
	r.out.used = 0;
	header_pack(&r.out, &h);
	r.out.used = h.length;

	c->answer = r.out;
	c->answer_fd = r.out_fd;
	if (c->answer.failed)
		connection_close(c);
	else
		connection_answer(c);
}

static void connection_ready(struct source *source, uint32_t events)
{
	struct connection *c = (struct connection *)source;
	ssize_t n;
	int fd;

	if (c->waiting) {
		if (events & (EPOLLERR | EPOLLHUP))
			connection_close(c);
		else
			connection_answer(c);
		return;
	}
	/* One packet each time: nobody gets more than their turn. */
	n = connection_receive(c, &fd);
	if (n == -EAGAIN)
		return;
	if (n) {
		connection_handle(c, n, fd);
		return;
	}
	if (fd >= 0)
		server_drop_fd(fd);
	connection_close(c);
}

int server_adopt(struct server *s, int fd)
{
	int size = RM_PACKET_MAX;
	struct connection *c = calloc(1, sizeof(*c));
	int ret;

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->source.ready = connection_ready;
	c->server = s;
	c->fd = fd;
	c->answer_fd = -1;
	pack_init(&c->answer, RM_PACKET_MAX);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)))
		ret = -errno;
	else
		ret = server_watch(s, EPOLL_CTL_ADD, fd, &c->source, EPOLLIN);
	if (ret) {
		close(fd);
		free(c);
		return ret;
	}
	c->next = s->connections;
	s->connections = c;
	if (++s->count >= CONNECTIONS_MAX)
		server_pause(s, true);
	return 0;
}

static void listener_ready(struct source *source, uint32_t events)
{
	struct server *s = (struct server *)source;
	int fd;

	(void)events;
	fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		server_adopt(s, fd);
		return;
	}
	/* No descriptor left: wait until a client goes instead of spinning. */
	if ((errno == EMFILE || errno == ENFILE || errno == ENOMEM) && s->count) {
		log_line("cannot accept a client: %s", strerror(errno));
		server_pause(s, true);
	}
}

struct server *server_new(int epoll, request_fn handler, void *context)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->source.ready = listener_ready;
	s->epoll = epoll;
	s->listener = -1;
	s->handler = handler;
	s->context = context;
	return s;
}

/* A socket that was left behind refuses; one in use does not. */
static int server_clear_path(const struct sockaddr_un *sa)
{
	struct stat st;
	int fd, ret;

	if (lstat(sa->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	ret = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) ? errno : 0;
	close(fd);
	if (ret != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(sa->sun_path) && errno != ENOENT ? -errno : 0;
}

int server_listen(struct server *s, const char *path, mode_t mode)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	mode_t mask;
	int ret;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	ret = server_clear_path(&sa);
	if (ret)
		return ret;

	s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0)
		return -errno;
	/* Never, not even for a moment, open to more people than it shall be. */
	mask = umask(0777);
	ret = bind(s->listener, (struct sockaddr *)&sa, sizeof(sa)) ? -errno : 0;
	umask(mask);
	if (!ret) {
		s->path = strdup(path);
		if (!s->path) {
			unlink(path);
			ret = -ENOMEM;
		}
	}
	if (!ret && (listen(s->listener, 64) || chmod(path, mode)))
		ret = -errno;
	if (!ret)
		ret = server_watch(s, EPOLL_CTL_ADD, s->listener, &s->source, EPOLLIN);
	return ret;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	while (s->connections)
		connection_close(s->connections);
	if (s->listener >= 0)
		close(s->listener);
	if (s->path)
		unlink(s->path);
	free(s->path);
	free(s);
}
