/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The resource manager's loop: registers, recovers, turns notifications into
 * calls of your functions and their results into answers. ktm_rm_start(3) has
 * the manual, userspace/examples/rm40.c is the smallest whole example.
 *
 * What it does for you:
 *
 *  - Opens the resource manager, or creates it the first time, and recovers.
 *  - Answers a batch of notifications and fetches the next ones in one system
 *    call (ktm_exchange()).
 *  - Refuses to enlist before LAST_RECOVER has been handled: until then nobody
 *    may be served (ktm_rm_state()).
 *  - Answers by itself for enlistments that you say you know nothing of: a COMMIT
 *    for which nothing is staged is completed and changes nothing.
 *  - When the transaction manager goes offline (its device failed), waits until
 *    it is back, then recovers again.
 */
#ifndef KTM_RM_H
#define KTM_RM_H

#include <ktm.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ktm_rm;

/**
 * struct ktm_rm_event - what a function of yours is asked about
 * @kind: KTM_NOTIFY_PREPARE, _COMMIT, _ROLLBACK, ...
 * @reserved: 0
 * @enlistment: file prepared data under it
 * @uow: the transaction
 * @cookie: given to ktm_rm_enlist(). With RECOVER and RECOVER_QUERY that of the
 *	process that enlisted; what you put here is the cookie from then on
 * @information: prepare: you may point it at bytes to be logged with the vote of
 *	a durable RM. They are copied as soon as your function has returned, so
 *	they cannot be on its own stack; with KTM_RM_LATER they stay until the
 *	answer is given
 * @information_length: 0 to KTM_MAX_RECOVERY_INFORMATION
 * @stream: prepare, commit, rollback of a durable RM: the log stream that the rest
 *	is about, a descriptor of your own
 * @stream_records: prepare: records that the stream will still need for this
 *	transaction; room is set aside with the vote, for the one that the answer to
 *	commit or rollback brings: more than 1 only makes it larger
 * @stream_need: prepare: bytes of data in those
 * @record: a record that goes into the stream together with the answer, in front
 *	of it: data in so many pieces; kept as @information is. NULL: none
 * @record_count: elements of @record
 * @previous_lsn: of the record
 * @undo_next_lsn: of the record
 * @lsn: in @answered: the record's, 0: it is not in the stream
 *
 * To answer later, copy the struct.
 */
struct ktm_rm_event {
	uint32_t kind;
	uint32_t reserved;
	struct ktm_guid enlistment;
	struct ktm_guid uow;
	uint64_t cookie;
	const void *information;
	size_t information_length;
	int stream;
	uint32_t stream_records;
	uint64_t stream_need;
	const struct iovec *record;
	size_t record_count;
	uint64_t previous_lsn;
	uint64_t undo_next_lsn;
	uint64_t lsn;
};

/**
 * enum ktm_rm_reply - what your functions return; or a negative errno: failed
 * @KTM_RM_DONE: preprepare: I have flushed. prepare: all that a commit needs is
 *	safe, I vote yes. commit, rollback: my part has ended, durably.
 *	single_phase: it is committed, durably: who finds that in his stream flushes
 *	the stream before he says so. recover: I hold data for it.
 *	superior: noted
 * @KTM_RM_READ_ONLY: preprepare, prepare: nothing to do, I leave; I shall hear
 *	no more of it
 * @KTM_RM_REFUSE: preprepare, prepare: I vote no; rollback follows. single_phase:
 *	it is rolled back. superior: roll it back
 * @KTM_RM_LATER: the answer comes by ktm_rm_answer()
 * @KTM_RM_NONE: recover: I hold nothing for it (it was finished before the
 *	crash, or never prepared); the loop does the rest
 * @KTM_RM_REJECT: single_phase: not by me alone, do it in two phases
 * @KTM_RM_PREPARE: superior: go on to phase 1
 * @KTM_RM_COMMIT: superior: commit it, this is the decision
 */
enum ktm_rm_reply {
	KTM_RM_DONE		= 0,
	KTM_RM_READ_ONLY	= 1,
	KTM_RM_REFUSE		= 2,
	KTM_RM_LATER		= 3,
	KTM_RM_NONE		= 4,
	KTM_RM_REJECT		= 5,
	KTM_RM_PREPARE		= 6,
	KTM_RM_COMMIT		= 7,
};

/**
 * struct ktm_rm_ops - your functions
 * @size: sizeof(struct ktm_rm_ops)
 * @prepare: make safe what a commit will need, then vote. Failing is refusing
 * @commit: do it, durably; nothing staged (any more): return KTM_RM_DONE.
 *	Failing: the outcome stands, so nothing is answered, and
 *	ktm_rm_dispatch() returns the error: mend it and ktm_rm_answer(), or
 *	exit; the next start gets COMMIT again
 * @rollback: undo it; the same rules as @commit
 * @recover: durable: do you hold data for @enlistment? KTM_RM_DONE or
 *	KTM_RM_NONE; a failure stops recovery
 * @indoubt: not decided yet: keep its data locked. May be NULL
 * @last_recover: all of RECOVER has been said: whatever is staged and was not
 *	named is rolled back and to be dropped. Serve from now on. May be NULL
 * @offline: the TM is gone; stop serving until @last_recover. May be NULL. Not called for a
 *	volatile RM, nor is @recovering, @recover or @last_recover: it keeps what it has
 *	prepared and is told the outcome; until the TM is back it cannot enlist
 * @preprepare: phase 0: flush what others shall have before they prepare; they
 *	may still be enlisted. NULL: not asked
 * @single_phase: you are the only one that counts: commit by yourself, durably.
 *	Only you know what became of it: failing is answered as little as in
 *	@commit, and after your crash you are asked again, whatever @recover has
 *	said. NULL: always two phases
 * @rm_disconnected: whoever was asked @single_phase has gone without an answer:
 *	this enlistment is over, its outcome unknown. NULL: no volatile RM stands
 *	beside a single phase
 * @superior: of an enlistment made by ktm_rm_enlist_superior(); @event->kind is
 *	PREPREPARE_COMPLETE, PREPARE_COMPLETE, COMMIT_COMPLETE, ROLLBACK_COMPLETE,
 *	COMMIT_REQUEST, REQUEST_OUTCOME, or at recovery RECOVER_QUERY. ROLLBACK
 *	goes to @rollback. NULL: cannot be one
 *
 * @recovering: recovery begins, at the start and each time the TM is back: read your
 *	stream anew (ktm_stream_query() first). Comes before the first @recover, or
 *	@last_recover if there is none. A failure stops recovery: votes are refused, @rollback
 *	goes on, nothing else is called or answered until it has been called again, after
 *	a while, and has succeeded. May be NULL
 * @answered: an answer that brought a record was given (@error 0), or refused with
 *	@error and @status: a refused vote is a no, any other refusal is handled as
 *	without a record. @event->lsn is the record's name, 0 if it is not in the stream.
 *	After a refused @single_phase it may be there: then do not refuse the transaction
 *	without having undone that, by a later record or by truncating. May be NULL
 *
 * @prepare and @commit may be NULL for who is only ever a superior. What an
 * enlistment is asked follows from which functions are there.
 *
 * They are called by ktm_rm_dispatch() only, one after the other, and may call
 * every function of this header but ktm_rm_dispatch(), ktm_rm_run() and
 * ktm_rm_end(). What one has returned may go out only when the next has, too: a
 * function that waits for other processes returns KTM_RM_LATER instead. @answered is
 * called by ktm_rm_answer(), too, and from @answered none of them may be called.
 */
struct ktm_rm_ops {
	size_t size;
	int (*prepare)(struct ktm_rm *rm, struct ktm_rm_event *event, void *data);
	int (*commit)(struct ktm_rm *rm, struct ktm_rm_event *event, void *data);
	int (*rollback)(struct ktm_rm *rm, struct ktm_rm_event *event, void *data);
	int (*recover)(struct ktm_rm *rm, struct ktm_rm_event *event, void *data);
	void (*indoubt)(struct ktm_rm *rm, struct ktm_rm_event *event, void *data);
	int (*last_recover)(struct ktm_rm *rm, void *data);
	void (*offline)(struct ktm_rm *rm, void *data);
	int (*preprepare)(struct ktm_rm *rm, struct ktm_rm_event *event, void *data);
	int (*single_phase)(struct ktm_rm *rm, struct ktm_rm_event *event, void *data);
	void (*rm_disconnected)(struct ktm_rm *rm, struct ktm_rm_event *event, void *data);
	int (*superior)(struct ktm_rm *rm, struct ktm_rm_event *event, void *data);
	int (*recovering)(struct ktm_rm *rm, void *data);
	void (*answered)(struct ktm_rm *rm, const struct ktm_rm_event *event, int error,
			 uint32_t status, void *data);
};

/* ktm_rm_config.flags */
#define KTM_RM_LOOP_VOLATILE	0x1u	/* a volatile RM: nothing is logged or recovered */
#define KTM_RM_LOOP_SHARED	0x2u	/* not exclusive: others may have it open, too */
#define KTM_RM_LOOP_REOPEN	0x4u	/* a TM that failed: reopen its log by myself */

/**
 * struct ktm_rm_config - who you are
 * @size: sizeof(struct ktm_rm_config)
 * @flags: KTM_RM_LOOP_*
 * @device: path of the block device with the TM's journal: the TM is opened, or
 *	made and recovered if nobody has it open; or NULL
 * @tm: GUID of the TM; with @device: what it must be (-EXDEV); NULL: any
 * @guid: your own GUID, always the same; NULL: a new one (volatile only)
 * @description: for administrators; may be NULL
 * @mode: who may open the RM, as ktm_rm_create(); 0: 0700, its owner
 * @wait_ms: how long to wait while somebody else has the RM open exclusively (a
 *	predecessor that is just ending): 0 not at all, UINT32_MAX for ever
 * @reserved: 0
 */
struct ktm_rm_config {
	size_t size;
	uint32_t flags;
	uint32_t mode;
	uint32_t wait_ms;
	uint32_t reserved;
	const char *device;
	const struct ktm_guid *tm;
	const struct ktm_guid *guid;
	const char *description;
};

/*
 * Opens (or creates) the RM and begins its recovery, which ktm_rm_dispatch()
 * then carries out. Returns 0 and the RM in *@rm. @data goes to your functions.
 */
int ktm_rm_start(struct ktm_rm **rm, const struct ktm_rm_config *config,
		 const struct ktm_rm_ops *ops, void *data, uint32_t *status);

/* Closes it and frees it. Enlistments that have not voted are rolled back. */
void ktm_rm_end(struct ktm_rm *rm);

/* Put this into your poll, select or (level-triggered) epoll; readable: dispatch. */
int ktm_rm_fd(const struct ktm_rm *rm);

/*
 * Handles what waits, without blocking. Returns how many notifications were
 * handled, or a negative errno: that of a function of yours, or of a call that
 * could not succeed. The loop stays usable; the rest has been handled or is kept.
 */
int ktm_rm_dispatch(struct ktm_rm *rm, uint32_t *status);

/* The loop for programs that do nothing else. Returns 0 after ktm_rm_stop(). */
int ktm_rm_run(struct ktm_rm *rm, uint32_t *status);
/* Makes ktm_rm_run() return; from any thread or signal handler. */
void ktm_rm_stop(struct ktm_rm *rm);

enum ktm_rm_state {
	KTM_RM_OFFLINE		= 0,	/* the TM is offline; the loop tries again */
	KTM_RM_RECOVERING	= 1,	/* LAST_RECOVER has not come: serve nobody */
	KTM_RM_ONLINE		= 2,	/* serve, and enlist */
};

enum ktm_rm_state ktm_rm_state(const struct ktm_rm *rm);

/*
 * Takes part in a transaction. 0 and the enlistment's GUID (NULL: not wanted).
 * -ENOTCONN while the state is not KTM_RM_ONLINE. From any thread.
 */
int ktm_rm_enlist(struct ktm_rm *rm, int tx, uint64_t cookie, struct ktm_guid *enlistment,
		  uint32_t *status);

/* Flag of ktm_rm_enlist_superior(): a client's Commit is let through, as COMMIT_REQUEST. */
#define KTM_RM_SUPERIOR_ON_REQUEST	0x1u

/*
 * Becomes the superior of a transaction. Its phases begin with ktm_en_preprepare(),
 * ktm_en_prepare(), ktm_en_commit() on ktm_rm_descriptor(), or by what @superior
 * returns.
 */
int ktm_rm_enlist_superior(struct ktm_rm *rm, int tx, uint32_t flags, uint64_t cookie,
			   struct ktm_guid *enlistment, uint32_t *status);

/*
 * The answer that a function of yours returned KTM_RM_LATER for (or failed to
 * give): @reply as it could have returned. From any thread.
 */
int ktm_rm_answer(struct ktm_rm *rm, const struct ktm_rm_event *event, enum ktm_rm_reply reply,
		  uint32_t *status);

/* The TM's identity. Store it with prepared data: only its own TM knows what became of it. */
void ktm_rm_tm_guid(const struct ktm_rm *rm, struct ktm_guid *guid);
void ktm_rm_guid(const struct ktm_rm *rm, struct ktm_guid *guid);

/* The RM's and TM's descriptors, for calls of <ktm.h>; they stay the loop's. */
int ktm_rm_descriptor(const struct ktm_rm *rm);
int ktm_rm_tm_descriptor(const struct ktm_rm *rm);

#ifdef __cplusplus
}
#endif

#endif /* KTM_RM_H */
