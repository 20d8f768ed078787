/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trouble at a chosen system call: the process dies, or the call fails. The calls
 * that change files are replaced for the whole program, libraries included.
 */
#ifndef TROUBLE_H
#define TROUBLE_H

enum trouble {
	TROUBLE_NONE,
	TROUBLE_DIE_BEFORE,	/* _exit(TROUBLE_EXIT) instead of the call */
	TROUBLE_DIE_AFTER,	/* the same after it */
	TROUBLE_FAIL,		/* it fails with EIO, once */
};

#define TROUBLE_EXIT	77

/* From now on: at call number @at, the first being 1. Clears the trace. */
void trouble_set(enum trouble kind, unsigned int at);
/* Calls since then. Stops counting. */
unsigned int trouble_count(void);
/* The calls since then as one letter each: r rename, u unlink, m mkdir, S syncfs,
 * f fsync and fdatasync, w any writing, t truncate.
 */
const char *trouble_trace(void);

#endif /* TROUBLE_H */
