/* SPDX-License-Identifier: GPL-2.0 */
/* What the example resource managers share: requests over a Unix socket. */
#ifndef EXAMPLES_SERVE_H
#define EXAMPLES_SERVE_H

#include <ktm-rm.h>

/* Longest request, in bytes. */
#define SERVE_MAX	4096

/*
 * A request: takes part in the transaction and keeps @value for its commit.
 * Returns 0 or a negative errno, which is what the client gets.
 */
typedef int serve_stage(struct ktm_rm *rm, int tx, const void *value, size_t length);

/*
 * Starts the resource manager and serves clients at the socket @path until
 * something fails; returns the exit code.
 */
int serve(const char *path, const struct ktm_rm_config *config, const struct ktm_rm_ops *ops,
	  serve_stage *stage);

#endif /* EXAMPLES_SERVE_H */
