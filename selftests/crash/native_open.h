/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A journal in memory is opened for writing by the core, as the module would open it.
 */
#ifndef KTM_CRASH_NATIVE_OPEN_H
#define KTM_CRASH_NATIVE_OPEN_H

#include "live.h"

#include "journal_open.h"

#include "../cut/prng.h"

/**
 * struct native - a journal, and what an opening has found in it
 * @disk: all its bytes
 * @bytes: how many
 * @buf: of the opening
 * @jo: the opening
 * @live: what lives
 * @why: what was wrong, in words, or NULL
 */
struct native {
	uint8_t *disk;
	size_t bytes;
	void *buf;
	struct ktm_jo jo;
	struct live live;
	const char *why;
};

/*
 * Opens it, to the end if @steps is 0. Else the power goes when it has asked for so many
 * writes and flushes; of what it had not flushed some is lost. True: it came to its end.
 */
bool native_open(struct native *n, struct prng *prng, size_t steps);
/* What lives is forgotten. */
void native_close(struct native *n);

/* A stream's record: its data are good until the next call. False: something else is there. */
bool native_read(struct native *n, const struct live_stream *stream, const struct ktm_jsent *at,
		 struct ktm_jrec *rec);

#endif
