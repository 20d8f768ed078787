/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Steps of the tests of log streams; each must succeed unless it says otherwise.
 */
#ifndef KTM_TEST_STREAMS_H
#define KTM_TEST_STREAMS_H

#include "calls.h"

#define QUOTA	(256u << 10)

/* A stream with all rights. */
int stream_create(int tm, const char *name, uint64_t quota);
unsigned int stream_try_create(int tm, const char *name, uint64_t quota, int *fd);
int stream_open(int tm, const char *name);
unsigned int stream_try_open(int tm, const char *name, unsigned int access, int *fd);
void stream_delete(int s);

/* A record of @bytes that can be told from all others by @tag; its LSN. */
uint64_t append(int s, uint64_t tag, unsigned int bytes);
uint64_t append_flags(int s, uint64_t tag, unsigned int bytes, unsigned int flags);
unsigned int try_append(int s, uint64_t tag, unsigned int bytes, unsigned int flags,
			uint64_t *lsn);

/* The record of that LSN must be that one. */
void check_record(int s, uint64_t lsn, uint64_t tag, unsigned int bytes);
/* All that live, first to last: these tags, of so many bytes each. */
void check_tags(int s, const uint64_t *tags, unsigned int n, unsigned int bytes);
/* LSN of the record that @mode and @lsn mean; 0: no more. */
uint64_t where(int s, unsigned int mode, uint64_t lsn);
/* ... and its tag. */
uint64_t tag_at(int s, unsigned int mode, uint64_t lsn);

uint64_t flush(int s, uint64_t lsn);
void reserve(int s, unsigned int records, uint64_t bytes);
void unreserve(int s, unsigned int records, uint64_t bytes);
void advance(int s, uint64_t lsn);
void truncate_to(int s, uint64_t lsn);
struct ktm_stream_info stream_info(int s);

/* What a record of so many bytes counts against the quota. */
uint64_t cost(unsigned int bytes);

/* The data of such a record. */
void fill(unsigned char *data, uint64_t tag, unsigned int bytes);

#endif /* KTM_TEST_STREAMS_H */
