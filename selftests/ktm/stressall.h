/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stressall: who makes the requests, on what, and the table of all of them.
 */
#ifndef KTM_TEST_STRESSALL_H
#define KTM_TEST_STRESSALL_H

#include "calls.h"
#include "ledger.h"

#define NR_KINDS	6	/* KTM_KIND_, from 1 */
#define NR_DISKS	3
#define NR_RMS		4
#define NR_SHARED	16

/*
 * What all processes share.
 *
 * @disks: the journals: the first TM stays, the second may, the last comes and goes
 * @tms: their GUIDs
 * @uows: of transactions made lately, and of enlistments below
 * @log_fails: now and then the device of the first TM does not write
 * @clock: the greatest virtual clock that the first TM is known to have had
 * @made: how often each request was made, by its number
 * @done: how often it succeeded
 */
struct common {
	char disks[NR_DISKS][64];
	guid_t tms[NR_DISKS];
	guid_t uows[NR_SHARED];
	guid_t enlistments[NR_SHARED];
	bool log_fails;
	uint64_t clock;
	uint64_t made[256];
	uint64_t done[256];
};

extern struct common *common;

/* One thread. @rounds: how many requests it makes; ~0: until it is killed */
struct actor {
	uint64_t random;
	uint64_t rounds;
};

unsigned int draw(struct actor *a, unsigned int n);

/*
 * One line of the table: makes one request with arguments drawn by @a.
 *
 * @allowed: what may come of it while others do what they like
 * @weight: how often it is drawn
 */
struct line {
	unsigned int request;
	uint64_t allowed;
	unsigned int weight;
	void (*make)(struct actor *a, unsigned int request);
};

extern const struct line lines[];
extern const unsigned int nr_lines;

/* Descriptors of this process, any thread may take, use and replace them. */
int some_fd(struct actor *a, unsigned int kind);
void keep_fd(struct actor *a, unsigned int kind, int fd);
void close_some_fd(struct actor *a);
/* Journals stay open under numbers of their own, which are not used again. */
int disk_fd(unsigned int n);
void fds_open(void);

/*
 * Makes a request; what comes of it must be in @allowed of its line. The descriptor
 * may have been closed by another thread, or be another object's by now: NO_STATUS.
 */
#define NO_STATUS	(~0u)
unsigned int make(int fd, unsigned int request, void *arg);
/* The same of one that was made as part of another. */
void came_to(unsigned int request, unsigned int status);

/* Answers a notification as its RM should. Returns false if there is no answer to it. */
bool answer_of(const struct ktm_notification *n, struct ktm_batch_answer *answer);
/* Notes what it tells, and draws an answer, nearly always the right one. */
bool heard(struct actor *a, const struct ktm_notification *n, struct ktm_batch_answer *answer);
/* stressstreams.c */
void make_stream_create(struct actor *a, unsigned int request);
void make_stream_open(struct actor *a, unsigned int request);
void make_stream_append(struct actor *a, unsigned int request);
void make_stream_reserve(struct actor *a, unsigned int request);
void make_stream_read(struct actor *a, unsigned int request);
void make_stream_flush(struct actor *a, unsigned int request);
void make_stream_mark(struct actor *a, unsigned int request);
void make_stream_delete(struct actor *a, unsigned int request);

/* Now and then an answer brings a record for a stream, and needs room there. */
struct bring {
	struct ktm_stream_append append;
	struct ktm_stream_piece pieces[2];
};
bool bring_record(struct actor *a, unsigned int request, struct ktm_answer *answer,
		  struct bring *b);

/* Takes some of an RM's notifications and answers them. */
void serve(struct actor *a, int rm);

#endif /* KTM_TEST_STRESSALL_H */
