/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between libktm's loop and the core.
 */
#ifndef KTM_RM_PARTICIPANT_H
#define KTM_RM_PARTICIPANT_H

#include <ktm-rm.h>

#include "core.h"

/**
 * struct participant - our side of libktm's loop
 * @rm: the loop
 * @core: gets what it says
 * @name: of the program; the stream's begins with it
 * @quota: of the stream; 0: as is usual
 * @record: goes with the answer that is being given
 * @online: called after each LAST_RECOVER; 0 or a negative errno
 * @context: its argument
 */
struct participant {
	struct ktm_rm *rm;
	struct rm_core *core;
	const char *name;
	uint64_t quota;
	struct redo_record record;
	int (*online)(void *context);
	void *context;
};

/* Opens or creates the RM; the rest of the struct is filled in by the caller. */
int participant_start(struct participant *p, const struct ktm_rm_config *config,
		      uint32_t *status);

/* For struct rm_core; @context is the participant. */
int participant_enlist(void *context, int fd, uint64_t number, struct ktm_guid *enlistment,
		       struct ktm_guid *uow);
void participant_leave(void *context, const struct ktm_guid *enlistment);

#endif /* KTM_RM_PARTICIPANT_H */
