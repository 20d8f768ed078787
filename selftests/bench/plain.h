/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two-phase commit in user space, as one writes it today: a coordinator and two stores, each
 * a process with one thread around epoll, Unix sockets between them, a log file each.
 * Presumed abort. Each collects what one turn of its loop brings and makes that durable with
 * one fdatasync().
 */
#ifndef KTM_BENCH_PLAIN_H
#define KTM_BENCH_PLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Message, and record in a log. */
enum plain_what {
	PLAIN_CHANGE,		/* client to store; answered OK or BUSY */
	PLAIN_FORGET,		/* client to store: it will not be committed; not answered */
	PLAIN_SUM,		/* client to store; answered OK, or BUSY while changes are open */
	PLAIN_TRY_COMMIT,	/* client to coordinator; answered OK */
	PLAIN_PREPARE,		/* coordinator to store; answered PREPARED */
	PLAIN_COMMIT,		/* coordinator to store; not answered */
	PLAIN_PREPARED,
	PLAIN_OK,
	PLAIN_BUSY,
};

struct plain_message {
	uint32_t what;
	uint32_t account;
	uint64_t tx;
	int64_t value;
};

/* ---- a listening socket, and loops around it ---- */

int plain_listen(void);
int plain_connect(int listener);

#define PLAIN_MANY	256

/*
 * A stream of messages: what came, and what is to go out at the end of a turn.
 */
struct plain_link {
	int fd;
	size_t in_bytes;
	size_t out;
	struct plain_message in[PLAIN_MANY];
	struct plain_message outgoing[PLAIN_MANY];
};

struct plain_link *plain_link(int fd);
void plain_send(struct plain_link *link, const struct plain_message *m);
void plain_flush(struct plain_link *link);

/**
 * struct plain_loop - one process
 * @take: a message has come by @link
 * @turn_over: all that was there has been taken
 * @data: goes to them
 * @epoll: of all links
 */
struct plain_loop {
	void (*take)(void *data, struct plain_link *link, const struct plain_message *m);
	void (*turn_over)(void *data);
	void *data;
	int epoll;
};

void plain_loop_init(struct plain_loop *loop);
void plain_loop_add(struct plain_loop *loop, struct plain_link *link);
/* Does not return. */
void plain_loop_run(struct plain_loop *loop, int listener);

/* ---- a log ---- */

/*
 * Laid out in full beforehand, so that a record costs the file system no
 * metadata; from its end it goes on at its beginning.
 */
struct plain_log {
	int fd;
	off_t place;
	size_t count;
	struct plain_message records[4 * PLAIN_MANY];
};

void plain_log_open(struct plain_log *log, const char *name);
void plain_log_append(struct plain_log *log, const struct plain_message *record);
void plain_log_force(struct plain_log *log);

/* ---- the processes ---- */

struct plain_store_config {
	const char *log;
	int listener;
};

void plain_store(void *config);

struct plain_coordinator_config {
	const char *log;
	int listener;
	int stores[2];
};

void plain_coordinator(void *config);

#endif
