/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Unix socket that clients come to, inside an epoll loop. Whatever a client
 * sends or fails to take, nobody else waits for it.
 */
#ifndef KTM_RM_SERVER_H
#define KTM_RM_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "pack.h"
#include "protocol.h"

/**
 * struct source - what an epoll event belongs to; the event's data.ptr
 * @ready: to be called with its events
 */
struct source {
	void (*ready)(struct source *source, uint32_t events);
};

/* Connections that may be open at once; each has an answer's descriptor at most. */
#define CONNECTIONS_MAX	256
#define JOINED_MAX	256
#define MESSAGE_MAX	256

/**
 * struct joined - the transactions that a connection may name
 * @count: of @t
 * @t: their handles
 */
struct joined {
	unsigned int count;
	uint64_t t[JOINED_MAX];
};

/**
 * struct request - a packet, well formed as far as its header goes
 * @op: enum rm_op, or anything else
 * @t: handle that it names
 * @in: what follows the header
 * @fd: descriptor that came along, or -1; who takes it sets it to -1. Of any
 *	kind: even fstat or close may hang on it (see server_drop_fd())
 * @joined: of the connection
 * @out: the answer after its header
 * @out_t: handle in the answer's header
 * @out_fd: descriptor to go along with the answer and then be closed, or -1
 * @message: in case of an error: what is wrong, in words
 */
struct request {
	uint16_t op;
	uint64_t t;
	struct unpack in;
	int fd;
	struct joined *joined;
	struct pack out;
	uint64_t out_t;
	int out_fd;
	char message[MESSAGE_MAX];
};

/* Fills in the words; returns @error (negative), to be returned. */
int request_fail(struct request *r, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* 0 or a negative errno. */
typedef int (*request_fn)(void *context, struct request *r);

struct server;

/* @handler is called with @context for each request. */
struct server *server_new(int epoll, request_fn handler, void *context);

/* Begins to listen. A socket that nobody listens on any more is replaced. */
int server_listen(struct server *s, const char *path, mode_t mode);

/* Adds a connected socket, as accept would have. Takes @fd in any case. */
int server_adopt(struct server *s, int fd);

/* Ends all connections and removes the socket. */
void server_free(struct server *s);

/*
 * Closes a descriptor that somebody else made. Closing a file of a FUSE file
 * system waits for its daemon, which may be the client.
 */
void server_drop_fd(int fd);

#endif /* KTM_RM_SERVER_H */
