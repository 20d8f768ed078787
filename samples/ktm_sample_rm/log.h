/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The store's records in its log stream.
 */
#ifndef KTM_SAMPLE_LOG_H
#define KTM_SAMPLE_LOG_H

#include <linux/ktm.h>
#include <linux/uio.h>

#include "store.h"

/* What each record begins with; all numbers are little-endian. */
struct sample_head {
	__le32 magic;
	__le32 kind;
	struct ktm_guid enlistment;
};

/**
 * struct sample_log - the stream
 * @stream: a use of it with KTM_STREAM_APPEND, _READ, _MANAGE and _QUERY_INFORMATION
 * @buffer: room for one record, so that nothing is allocated when one is written
 *
 * Used by one thread at a time.
 */
struct sample_log {
	struct ktm_log_stream *stream;
	void *buffer;
};

/**
 * struct sample_answer - a record that goes into the log with an answer to ktm
 * @stream: what the answer takes
 * @record: it
 * @piece: where its data is
 * @head: of one that has nothing else
 */
struct sample_answer {
	struct ktm_answer_stream stream;
	struct ktm_log_record record;
	struct kvec piece;
	struct sample_head head;
};

int sample_log_open(struct sample_log *log, struct ktm_tm_use *tm);
void sample_log_close(struct sample_log *log);
int sample_log_read(struct sample_log *log, struct sample_store *store);
void sample_log_redo(struct sample_log *log, const struct sample_tx *tx, struct sample_answer *a);
void sample_log_committed(struct sample_log *log, const struct sample_tx *tx,
			  struct sample_answer *a);
bool sample_log_is_untidy(struct sample_log *log);
int sample_log_tidy(struct sample_log *log, struct sample_store *store);

#endif /* KTM_SAMPLE_LOG_H */
