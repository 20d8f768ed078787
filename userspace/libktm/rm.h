/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of the resource manager's loop: rm_start.c opens, rm_recovery.c goes
 * online and offline, rm_answer.c gives answers, rm_loop.c runs.
 */
#ifndef KTM_RM_INTERNAL_H
#define KTM_RM_INTERNAL_H

#include <ktm-rm.h>

#include <stdatomic.h>

/* One batch: as many notifications as can be answered in one call. */
#define KTM_RM_ROOM		(KTM_MAX_BATCH * sizeof(struct ktm_notification))

/* What the answers of one batch bring along; more, and they are given in parts. */
#define KTM_RM_INFORMATION_ROOM	(4 * KTM_MAX_RECOVERY_INFORMATION)

/*
 * An answer that is older than this when a function returns waits no longer for others
 * of its batch. Where the caller's functions are slow (they sync a file each), somebody
 * waits for the answer, and a system call more is nothing beside that.
 */
#define KTM_RM_HOLD_NS		1000000ull

/**
 * struct ktm_rm_record - a record that an answer brings
 * @event: what is answered
 * @append: what the kernel is told
 * @piece: the data, in one piece
 */
struct ktm_rm_record {
	struct ktm_rm_event event;
	struct ktm_stream_append append;
	struct ktm_stream_piece piece;
};

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
 * @blind: @ops.recovering failed: what the caller holds is not known
 * @told: @ops.recovering was called for this recovery
 * @with_streams: the caller knows of streams: his events have those fields
 * @delay_ms: until the next try
 * @tm_guid: identity of the TM
 * @guid: of the RM
 * @ops: the caller's functions
 * @data: goes to them
 * @unknown: tree of the enlistments that @ops.recover said it holds nothing for
 * @answers: those that wait for the next exchange
 * @records: what they bring to streams, by the same index
 * @nr_answers: of them
 * @exchanged_ns: when the last exchange ended
 * @information_length: bytes used of @information
 * @information: copies of what @answers carry, records too: callers may use one buffer
 *	for all
 * @buffer: notifications of one batch
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
	bool blind;
	bool told;
	bool with_streams;
	uint32_t delay_ms;
	struct ktm_guid tm_guid;
	struct ktm_guid guid;
	struct ktm_rm_ops ops;
	void *data;
	void *unknown;
	struct ktm_batch_answer answers[KTM_MAX_BATCH];
	struct ktm_rm_record records[KTM_MAX_BATCH];
	size_t nr_answers;
	uint64_t exchanged_ns;
	size_t information_length;
	char information[KTM_RM_INFORMATION_ROOM];
	char buffer[KTM_RM_ROOM];
};

/**
 * struct ktm_rm_progress - what one dispatch has come to
 * @handled: notifications
 * @error: the first failure, a negative errno
 * @status: of it
 * @lost: the TM is offline, or recovery has to begin again
 */
struct ktm_rm_progress {
	int handled;
	int error;
	uint32_t status;
	bool lost;
};

static inline void ktm_rm_note_error(struct ktm_rm_progress *progress, int error, uint32_t status)
{
	if (progress->error)
		return;
	progress->error = error;
	progress->status = status;
}

/* How long to wait before trying again: from MIN, twice as long each time, to MAX. */
#define KTM_RM_DELAY_MIN_MS	10
#define KTM_RM_DELAY_MAX_MS	1000

/*
 * Asks the kernel to begin recovery, or arms the timer if the TM is not there.
 * Returns a negative errno only for what trying again will not mend.
 */
int ktm_rm_begin_recovery(struct ktm_rm *rm, uint32_t *status);

/* The RM serves nobody from here to the next LAST_RECOVER. */
void ktm_rm_go_offline(struct ktm_rm *rm);
void ktm_rm_back_online(struct ktm_rm *rm);

/* The kernel wants recovery to begin again. */
bool ktm_rm_is_lost(const struct ktm_rm *rm);

/* The timer that wakes an offline RM has expired; it is read. */
bool ktm_rm_timer_expired(struct ktm_rm *rm);

/* Enlistments that the caller holds nothing for. 0 or -ENOMEM. */
int ktm_rm_remember_unknown(struct ktm_rm *rm, const struct ktm_guid *enlistment);
bool ktm_rm_is_unknown(const struct ktm_rm *rm, const struct ktm_guid *enlistment);
/* Was it one? It is not any more. */
bool ktm_rm_take_unknown(struct ktm_rm *rm, const struct ktm_guid *enlistment);
void ktm_rm_forget_unknown(struct ktm_rm *rm);

/*
 * Queues the answer that @reply is to @event. It goes out with the next exchange, or
 * now, if others have waited long enough for it. A reply that is none to this
 * event is noted.
 */
void ktm_rm_queue_answer(struct ktm_rm *rm, const struct ktm_rm_event *event, int reply,
			 struct ktm_rm_progress *progress);

/*
 * Gives the queued answers, which are none then, whatever is returned; @fetch: and
 * fetches a batch of notifications into @rm->buffer, without waiting. Returns
 * their bytes or a negative errno.
 */
ssize_t ktm_rm_exchange(struct ktm_rm *rm, bool fetch, struct ktm_rm_progress *progress);

#endif /* KTM_RM_INTERNAL_H */
