/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KTM_STREAM_FOUND_H
#define KTM_STREAM_FOUND_H

#include <linux/hashtable.h>

#include "stream.h"

/* The streams that a recovery has found in the log; no lock, it is one thread's. */
struct ktm_found_streams {
	struct ktm_tm *tm;
	DECLARE_HASHTABLE(by_id, 8);
	DECLARE_HASHTABLE(by_guid, 8);
	DECLARE_HASHTABLE(by_name, 8);
};

void ktm_found_streams_init(struct ktm_found_streams *f, struct ktm_tm *tm);
int ktm_found_streams_replay(struct ktm_found_streams *f, struct ktm_jp *jp,
			     const struct ktm_jrec *rec);
int ktm_found_streams_need(struct ktm_found_streams *f, struct ktm_jp *jp, u64 id, u64 need);
int ktm_found_streams_check(struct ktm_found_streams *f, struct ktm_jp *jp);
int ktm_found_streams_snapshot(struct ktm_found_streams *f, struct ktm_jsnap *snap);
void ktm_found_streams_publish(struct ktm_found_streams *f);
struct ktm_stream *ktm_found_streams_live(struct ktm_found_streams *f, u64 id);
void ktm_found_streams_drop(struct ktm_found_streams *f);
void ktm_streams_quiet(struct ktm_tm *tm);

#endif /* KTM_STREAM_FOUND_H */
