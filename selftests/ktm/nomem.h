/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of allocations that fail have in common: what they have tried, held against what
 * there is, and what a refused call must not leave behind.
 */
#ifndef KTM_TEST_NOMEM_H
#define KTM_TEST_NOMEM_H

#include <stdbool.h>

/* More allocations than any call makes: a safety net. */
#define TOO_MANY	100000

/* Each allocation of this has failed, in a test of this machine. */
void nomem_tried(const char *name);
/*
 * Each function that ktm.ko exports was tried, and nothing that it does not: of those whose name
 * begins like this, or of all others.
 */
void nomem_all_exported(const char *prefix, bool others);
/* Each request that the module knows was tried. */
void nomem_all_requests(void);

/*
 * @fd: the lowest descriptor that is free
 * @uses: of ktm.ko, by descriptors and by drivers
 * @tms: there are
 * @txs: there are
 */
struct nomem_traces {
	int fd;
	int uses;
	unsigned int tms;
	unsigned int txs;
};

/*
 * @before: what nomem_look() said then. What was about to go, in a worker, and has gone by now is
 * told as if it were still there: only what has come counts.
 */
struct nomem_traces nomem_look(const struct nomem_traces *before);

#endif /* KTM_TEST_NOMEM_H */
