/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of the client library share: a connection, and one call.
 */
#ifndef KTM_RM_CLIENT_PRIVATE_H
#define KTM_RM_CLIENT_PRIVATE_H

#include <stdbool.h>

#include <ktm-rm-client.h>

#include "../common/pack.h"
#include "../common/protocol.h"

#define CLIENT_MESSAGE	256

/**
 * struct ktm_client - a connection
 * @fd: socket
 * @broken: requests and answers may no longer match; nothing more is sent
 * @next_id: of the next request
 * @request: being written
 * @answer: where the last answer was received
 * @message: what the RM said about the last error
 */
struct ktm_client {
	int fd;
	bool broken;
	uint64_t next_id;
	struct pack request;
	unsigned char *answer;
	char message[CLIENT_MESSAGE];
};

/* What goes along with a request. */
enum client_pass {
	PASS_NOTHING,
	PASS_FD,		/* a descriptor as it is */
	PASS_TRANSACTION,	/* a transaction, narrowed on its way */
};

/* Begins a request; the caller then packs the rest into c->request. */
void client_begin(struct ktm_client *c, enum rm_op op, uint64_t t);

/*
 * Sends it and waits for the answer. @t: out, may be NULL: the handle in the
 * answer's header. @got: out, may be NULL: the descriptor that came, which then
 * must come; else none may. @out: what follows the header.
 */
int client_call(struct ktm_client *c, enum client_pass pass, int fd, uint64_t *t, int *got,
		struct unpack *out);

/* The answer was not what the protocol says. */
int client_broken(struct ktm_client *c, int error);

#endif /* KTM_RM_CLIENT_PRIVATE_H */
