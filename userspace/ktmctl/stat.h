/* SPDX-License-Identifier: GPL-2.0 */
/* What ktmctl journal stat counts (stat.c) and shows (stat_text.c, stat_json.c). */
#ifndef KTMCTL_STAT_H
#define KTMCTL_STAT_H

#include "survey.h"

/**
 * struct stat_report - a journal in numbers
 * @survey: where they come from
 * @streams: struct live_stream, NULL-terminated
 * @used: bytes of the ring from the tail to the end of the log
 * @needed: the same after recovery
 * @capacity: bytes of what lives that a restart extent holds
 * @usual: usual transactions that fit besides what lives
 * @largest: transactions with the most information
 * @outcomes: how many transactions end how, by enum ktm_found
 * @holder: the stream that holds the tail back, or NULL
 */
struct stat_report {
	const struct survey *survey;
	struct live_stream **streams;
	uint64_t used;
	uint64_t needed;
	uint64_t capacity;
	uint64_t usual;
	uint64_t largest;
	uint64_t outcomes[KTM_FOUND_DOUBT];
	const struct live_stream *holder;
};

void stat_text(const struct stat_report *report);
void stat_json(const struct stat_report *report);

#endif /* KTMCTL_STAT_H */
