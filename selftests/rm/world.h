/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A resource manager without a kernel: its core and its store as they are, a
 * transaction manager that the test plays. A transaction is a memory file with a
 * UOW in it.
 */
#ifndef WORLD_H
#define WORLD_H

#include "../../userspace/rm/common/program.h"
#include "stream.h"

/**
 * struct world - one resource manager in this process
 * @program: which
 * @core: its core
 * @store: its store
 * @identity: what the store said when it was opened
 * @joined: of the one connection that requests come over
 * @answer: body of the last answer
 * @answer_fd: descriptor that came with it, or -1; closed by the next request
 * @answer_t: handle in it
 * @message: of the last error
 */
struct world {
	const struct rm_program *program;
	struct rm_core core;
	void *store;
	struct rm_identity identity;
	struct joined joined;
	struct pack answer;
	int answer_fd;
	uint64_t answer_t;
	char message[MESSAGE_MAX];
};

/*
 * What the TM does: what a vote or a commit brings goes into the stream, and votes make
 * nothing durable, but the decision does.
 */
int world_prepare(struct world *w, const struct ktm_guid *enlistment);
int world_commit(struct world *w, const struct ktm_guid *enlistment);

/* Opens and loads the store; 0 or what it answers. Not serving yet. */
int world_open(struct world *w, const struct rm_program *program, const char *path,
	       const char *extra);
/* Ends in good order, as on SIGTERM. */
void world_close(struct world *w);

/* A new transaction in which the RM takes part; its handle, and its enlistment. */
uint64_t world_join(struct world *w, struct ktm_guid *enlistment);
int world_enlist(void *context, int fd, uint64_t number, struct ktm_guid *enlistment,
		 struct ktm_guid *uow);
void world_leave(void *context, const struct ktm_guid *enlistment);
/* A descriptor of a new transaction. */
int world_transaction(void);

/* What follows the header goes here; world_request() sends it. */
void world_begin(struct pack *p);
/* @fd is not taken. The answer is in the world. */
int world_request(struct world *w, enum rm_op op, uint64_t t, struct pack *p, int fd);

#endif /* WORLD_H */
