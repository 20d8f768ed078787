/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of the resource manager's loop: rm_start.c opens, rm_loop.c runs. */
#ifndef KTM_RM_INTERNAL_H
#define KTM_RM_INTERNAL_H

#include <ktm-rm.h>

#include <stdatomic.h>

/**
 * struct ktm_rm - a resource manager and its loop
 * @tm: descriptor
 * @rm: descriptor, O_NONBLOCK
 * @epoll: what the caller polls: @rm while it may be read, @timer while it may not
 * @timer: when to try again
 * @stop: eventfd that ends ktm_rm_run()
 * @flags: KTM_RM_LOOP_*
 * @state: enum ktm_rm_state; other threads read it
 * @failed: a step of this recovery failed: it has to begin again
 * @delay_ms: until the next try
 * @tm_guid: identity of the TM
 * @guid: of the RM
 * @ops: the caller's functions
 * @data: goes to them
 * @unknown: tree of the enlistments that @ops.recover said it holds nothing for
 * @buffer: notifications of one read
 *
 * All but @state and the descriptors belongs to the thread that dispatches; the
 * descriptors do not change between start and end.
 */
struct ktm_rm {
	int tm;
	int rm;
	int epoll;
	int timer;
	int stop;
	uint32_t flags;
	_Atomic int state;
	bool failed;
	uint32_t delay_ms;
	struct ktm_guid tm_guid;
	struct ktm_guid guid;
	struct ktm_rm_ops ops;
	void *data;
	void *unknown;
	char buffer[KTM_NOTIFICATION_ROOM];
};

/* How long to wait before trying again: from MIN, twice as long each time, to MAX. */
#define KTM_RM_DELAY_MIN_MS	10
#define KTM_RM_DELAY_MAX_MS	1000

/*
 * Asks the kernel to begin recovery, or arms the timer if the TM is not there.
 * Returns a negative errno only for what trying again will not mend.
 */
int ktm_rm_begin_recovery(struct ktm_rm *rm, uint32_t *status);

void ktm_rm_forget_unknown(struct ktm_rm *rm);

#endif /* KTM_RM_INTERNAL_H */
