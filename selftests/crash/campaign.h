/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which states are tried, and how many of them are wrong: what crash-check and
 * crash-native have in common.
 */
#ifndef KTM_CRASH_CAMPAIGN_H
#define KTM_CRASH_CAMPAIGN_H

#include "history.h"

/**
 * struct state - one state to try
 * @at: the power goes after so many entries
 * @seed: of everything that is chosen for it
 * @twice: it goes once more during the recovery
 */
struct state {
	size_t at;
	uint64_t seed;
	bool twice;
};

/**
 * struct options - what is to be tried
 * @base: the disk before the record
 * @record: of the run
 * @start: where the journal begins on the disk that was recorded
 * @bytes: how long it is, 0: all of the disk
 * @seed: of all choices
 * @states: how many
 * @twice: each so many one of them goes through a second cut; 0: none
 * @enough: stop after so many that are wrong; 0: do not
 * @only: the one state, if @have_only
 * @have_only: see @only
 * @keep: directory for images of states
 * @keep_each: of each so many one; 0: none
 */
struct options {
	const char *base;
	const char *record;
	uint64_t start;
	uint64_t bytes;
	uint64_t seed;
	size_t states;
	size_t twice;
	size_t enough;
	struct state only;
	bool have_only;
	const char *keep;
	size_t keep_each;
};

void campaign_parse(int argc, char **argv, struct options *opt);
uint8_t *campaign_base(const char *path, size_t *bytes);

/* In the order of the record. */
struct state *campaign_states(const struct options *opt, const struct history *h);

/* The next one; whether anything was wrong with it; with how many. */
void state_try(const struct state *state);
bool state_is_bad(void);
size_t campaign_bad(void);

#endif
