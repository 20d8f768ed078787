/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the clients and the test RMs of one machine share.
 */
#ifndef KTM_CRASH_WORKLOAD_H
#define KTM_CRASH_WORKLOAD_H

#include "calls.h"
#include "marks.h"
#include "records.h"

#include "../cut/prng.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define MAX_ENLISTMENTS	8192

enum vote { VOTE_YES, VOTE_READ_ONLY, VOTE_NO, VOTE_NEVER };

/* Whether a superior has a decision, or a single phase RM. */
enum mind { MIND_OPEN, MIND_COMMIT, MIND_ROLLBACK };

/**
 * struct part - what an RM knows of one enlistment, as if in a store of its own
 * @uow: the transaction
 * @en: the enlistment; its place in the table is its key
 * @rm: whose
 * @incarnation: of the RM, when it enlisted
 * @mask: what it wants to hear
 * @vote: what it is going to answer to PREPARE
 * @rejects: SINGLE_PHASE_COMMIT
 * @slow: leave COMMIT (a superior: COMMIT_REQUEST) unanswered until it is recovered
 * @length: bytes of recovery information
 * @seed: what they are made from
 * @entered: @en is known
 * @voted: @length bytes were left with the vote
 * @mind: what it has decided for good, in the single phase or as a superior
 * @finishing: its RM may have said so; a killed one does not know
 * @done: finished, or it has left
 * @recovered: the incarnation to which RM recovery mentioned it
 * @redo: LSN of its redo record in the RM's stream, 0: there is none
 * @ended: the record of its end is there, too
 */
struct part {
	struct ktm_guid uow;
	struct ktm_guid en;
	uint32_t rm;
	uint32_t incarnation;
	uint32_t mask;
	enum vote vote;
	bool rejects;
	bool slow;
	uint32_t length;
	uint32_t seed;
	atomic_bool entered;
	atomic_bool voted;
	atomic_int mind;
	atomic_bool finishing;
	atomic_bool done;
	uint32_t recovered;
	uint64_t redo;
	bool ended;
};

/**
 * struct shared - outlives the processes that are killed
 * @nr_parts: places taken in @parts
 * @nr_ended: transactions that came to an end
 * @nr_marks: marks made
 * @nr_failures: how often the disk failed
 * @nr_indoubt: Commits that were answered with INDOUBT
 * @nr_records: stream records begun
 * @nr_appended: of these, appended
 * @nr_restarts: restart areas that the running log wrote
 * @nr_copied: stream records that were copied forward
 * @nr_bases: base advances
 * @log_bytes: how far the log has gone
 * @ring_bytes: how long its ring is
 * @incarnation: how often each RM was opened
 */
struct shared {
	atomic_uint nr_parts;
	atomic_uint nr_ended;
	atomic_uint nr_marks;
	atomic_uint nr_failures;
	atomic_uint nr_indoubt;
	atomic_uint nr_records;
	atomic_uint nr_appended;
	atomic_uint nr_restarts;
	atomic_uint nr_copied;
	atomic_uint nr_bases;
	uint64_t log_bytes;
	uint64_t ring_bytes;
	uint32_t incarnation[NR_RMS];
	struct part parts[MAX_ENLISTMENTS];
};

/**
 * struct participant - one test RM of this process
 * @number: which
 * @tm: its TM
 * @fd: its descriptor
 * @lock: read: @fd is used to enlist; write: it is closed and opened
 * @prng: its choices
 * @reopens: it closes and opens itself now and then
 * @may_fail: the disk fails now and then
 * @owes: it has left something unanswered that only its recovery brings back
 * @stream: descriptor of its stream
 * @base: of the stream
 * @last: LSN of the last record that it knows
 * @last_serial: its serial
 * @restart: LSN of the last restart record
 * @known: it has read all of the stream, as it is since the journal was opened last
 * @fresh: it has begun to read the stream, and not recovered since; until then it appends
 *	nothing by itself, so that what it finds is durable, and what it is going to hear of is
 *	not behind the base
 * @full: there was no room for a record
 * @stop: it shall end
 */
struct participant {
	unsigned int number;
	int tm;
	int fd;
	pthread_rwlock_t lock;
	struct prng prng;
	bool reopens;
	bool may_fail;
	bool owes;
	int stream;
	uint64_t base;
	uint64_t last;
	uint32_t last_serial;
	uint64_t restart;
	bool known;
	bool fresh;
	bool full;
	atomic_bool stop;
	pthread_t thread;
};

extern struct shared *shared;
extern struct participant participants[NR_RMS];

/* Where marks go: a disk of their own behind the journal, or a log-writes device. */
void sink_disk(const char *partition);
void sink_device(const char *name);
void mark_put(enum fact fact, const struct ktm_guid *uow, const struct part *part);
void mark_put_record(enum fact fact, unsigned int rm, const struct record *record,
		     const struct mark_record *said);

/* What of a participant's work is done elsewhere. */
bool is_of_failure(const struct participant *p, uint32_t status);
void superior_hears(const struct participant *p);
void superior_handle(struct participant *p, struct part *part, uint32_t kind);
void single_handle(struct participant *p, struct part *part);

/* An RM's stream. */
void log_open(struct participant *p);
bool log_known(struct participant *p);
bool log_found(struct participant *p);
uint32_t log_answer(struct participant *p, struct part *part, unsigned long request,
		    enum record_kind kind, const void *information, uint32_t length);
void log_upkeep(struct participant *p);

/* What the log did is counted; to be told often, as an opening begins from 0. */
void space_note(int tm);

void participant_start(struct participant *p, int tm, struct prng prng, bool reopens,
		       bool may_fail);
void participant_stop(struct participant *p);

/* The disk: to fail, and to be opened again once it works. */
void breaker_disk(const char *name, const char *disk);
void breaker_start(int tm, struct prng prng);
void breaker_stop(void);

void clients_run(int tm, unsigned int transactions, struct prng prng);

#endif
