/* SPDX-License-Identifier: GPL-2.0 */
/* A journal read to its end, and what an opening would make of it; for check and stat. */
#ifndef KTMCTL_SURVEY_H
#define KTMCTL_SURVEY_H

#include "image.h"
#include "live.h"

enum behind {
	BEHIND_NOTHING,		/* nothing of this journal's epoch */
	BEHIND_TORN,		/* a batch whose head is there, and which is not whole */
	BEHIND_STRANGE,		/* a whole batch that does not continue the log */
	BEHIND_UNREADABLE,
	BEHIND_FULL,		/* the log may not go further */
};

/**
 * struct survey - what was found
 * @image: the journal; its opening says what is wrong with it
 * @live: what lives
 * @why: more words than the opening's for what is wrong with the records, or NULL
 * @area_batches: of the restart area
 * @area_records: of it
 * @batches: of the log that was read
 * @records: of it
 * @live_bytes: what all that lives takes in a restart area
 * @behind: what is where the log ends
 * @survivors: whole batches behind that, which nobody will ever read
 */
struct survey {
	struct image image;
	struct live live;
	const char *why;
	uint64_t area_batches;
	uint64_t area_records;
	uint64_t batches;
	uint64_t records;
	uint64_t live_bytes;
	enum behind behind;
	uint64_t survivors;
};

/*
 * Reads it. 0: it was opened, or was found damaged, see @image.jo.fault. FAILED: complained,
 * nothing is known of it. To be ended in any case.
 */
int survey_begin(struct survey *survey, const char *path);
void survey_end(struct survey *survey);

/* Could an opening that writes go to its end? */
bool survey_opens(const struct survey *survey);

/*
 * A live record of a stream as it stands in the log. NULL: it is whole; else what is
 * wrong with it, in words.
 */
const char *survey_read(struct survey *survey, const struct live_stream *stream,
			const struct ktm_jsent *record);

#endif /* KTMCTL_SURVEY_H */
