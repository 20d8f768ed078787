// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The resource manager's loop against a kernel made of a socket and of functions
 * that do as they are told: every way in which answers, callbacks and the TM
 * can fail, which the real module shows only now and then.
 */
#define _GNU_SOURCE
#include "tap.h"

#include "../internal.h"
#include "../rm.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* ---- the kernel ---- */

/*
 * What was answered, in short: p prepare complete, c commit complete, ...; "|" is
 * the end of an exchange that brought answers, in upper case where each came alone.
 */
static char calls[1024];
/* Statuses, except for the last two: errnos. */
static struct {
	uint32_t prepare, commit, rollback, refuse, en_recover, decide;
	int rm_recover, tm_recover;
} answers;
/* So many answers an exchange carries out, then it fails with this. */
static size_t exchange_takes;
static int exchange_error;
/* What fetching comes to when nothing waits. */
static int nothing_waits;
static uint64_t recovered_key;
static uint64_t now_ns;
static struct ktm_guid answered;
static uint32_t enlisted_mask;
static char information[KTM_MAX_RECOVERY_INFORMATION];
static uint32_t information_length;
/* What came with answers: the record of the last one, and how many there were. */
static char brought[KTM_MAX_STREAM_RECORD];
static uint64_t brought_length, brought_previous;
static unsigned int nr_brought;
static int brought_to;
static uint32_t set_aside_records;
static uint64_t set_aside_bytes;
/* The last byte of each vote's information. */
static char votes[KTM_MAX_BATCH + 1];

static void called(char what)
{
	const size_t length = strlen(calls);

	if (length + 1 < sizeof(calls))
		calls[length] = what;
}

static const struct {
	uint32_t request;
	char letter;
	const uint32_t *status;
} known[] = {
	{ KTM_IOC_PREPREPARE_COMPLETE, 'b', NULL },
	{ KTM_IOC_PREPARE_COMPLETE, 'p', &answers.prepare },
	{ KTM_IOC_COMMIT_COMPLETE, 'c', &answers.commit },
	{ KTM_IOC_ROLLBACK_COMPLETE, 'r', &answers.rollback },
	{ KTM_IOC_READ_ONLY, 'o', NULL },
	{ KTM_IOC_EN_ROLLBACK, 'x', &answers.refuse },
	{ KTM_IOC_EN_RECOVER, 'e', &answers.en_recover },
	{ KTM_IOC_SINGLE_PHASE_REJECT, 's', NULL },
	{ KTM_IOC_EN_PREPARE, 'f', NULL },
	{ KTM_IOC_EN_COMMIT, 'g', &answers.decide },
};

/* A record stays in the stream although its answer was refused: in the single phase. */
static bool record_stays;
static uint64_t flushed_up_to;

/* So many answers are interrupted by a signal. */
static unsigned int signals;

static uint32_t status_of(const uint32_t *status)
{
	if (signals) {
		signals--;
		return KTM_STATUS_INTERRUPTED;
	}
	return status ? *status : KTM_STATUS_SUCCESS;
}

/* Returns the status. */
static uint32_t take_answer(uint32_t request, const struct ktm_guid *enlistment, uint64_t key,
			    uint64_t bytes, uint32_t length, bool alone)
{
	size_t i;

	answered = *enlistment;
	if (request == KTM_IOC_EN_RECOVER)
		recovered_key = key;
	if (request == KTM_IOC_PREPARE_COMPLETE) {
		CHECK(length <= sizeof(information) && !length == !bytes);
		information_length = length;
		if (length)
			memcpy(information, (const void *)(uintptr_t)bytes, length);
		if (length && strlen(votes) < KTM_MAX_BATCH)
			votes[strlen(votes)] = information[length - 1];
	}
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].request == request) {
			called((char)(alone ? known[i].letter - 'a' + 'A' : known[i].letter));
			return status_of(known[i].status);
		}
	}
	called('?');
	return KTM_STATUS_INVALID_PARAMETER;
}

/* The kernel's part of an answer's record; its LSN is 1000 and so many more. */
static void take_record(uint64_t address, int stream, uint32_t records, uint64_t bytes,
			uint32_t status)
{
	struct ktm_stream_append *append = (struct ktm_stream_append *)(uintptr_t)address;
	const struct ktm_stream_piece *pieces;
	uint32_t i;

	set_aside_records = records;
	set_aside_bytes = bytes;
	if (!append) {
		CHECK(!stream || records);
		return;
	}
	CHECK(append->size == sizeof(*append) && !append->count == !append->pieces);
	pieces = (const struct ktm_stream_piece *)(uintptr_t)append->pieces;
	brought_length = 0;
	for (i = 0; i < append->count; i++) {
		CHECK(brought_length + pieces[i].length <= sizeof(brought));
		memcpy(brought + brought_length, (const void *)(uintptr_t)pieces[i].base,
		       pieces[i].length);
		brought_length += pieces[i].length;
	}
	brought_previous = append->previous_lsn;
	brought_to = stream;
	if (!status || record_stays)
		append->lsn = 1000 + ++nr_brought;
}

int ktm_stream_flush(int stream, uint32_t flags, uint64_t lsn, uint64_t *flushed_lsn,
		     uint32_t *status)
{
	CHECK(stream == brought_to && !flags && !flushed_lsn);
	called('F');
	flushed_up_to = lsn;
	return ktm_fail(0, KTM_STATUS_SUCCESS, status);
}

ssize_t ktm_exchange(int rm, struct ktm_batch_answer *batch, size_t count, size_t *done,
		     void *buffer, size_t length, uint64_t timeout_ns, uint32_t *status)
{
	ssize_t bytes;
	size_t i;

	(void)status;
	CHECK(!timeout_ns && count <= KTM_MAX_BATCH && (count || buffer));
	for (i = 0; i < count && i < exchange_takes; i++) {
		batch[i].status = take_answer(batch[i].request, &batch[i].enlistment, batch[i].key,
					      batch[i].information, batch[i].information_length,
					      false);
		take_record(batch[i].append, batch[i].stream_fd, batch[i].stream_records,
			    batch[i].stream_need, batch[i].status);
	}
	*done = i;
	if (count)
		called('|');
	if (i < count)
		return exchange_error;
	if (!buffer)
		return 0;
	bytes = recv(rm, buffer, length, 0);
	return bytes >= 0 ? bytes : nothing_waits;
}

int ktm_answer(int fd, uint32_t request, struct ktm_answer *answer, uint32_t *status)
{
	(void)fd;
	*status = take_answer(request, &answer->enlistment, answer->key, answer->information,
			      answer->information_length, true);
	take_record(answer->append, answer->stream_fd, answer->stream_records,
		    answer->stream_need, *status);
	return -ktm_status_errno(*status);
}

int ktm_en_rollback(int fd, const struct ktm_guid *enlistment, uint32_t *status)
{
	struct ktm_answer answer = { .enlistment = *enlistment };
	uint32_t ignored;

	return ktm_answer(fd, KTM_IOC_EN_ROLLBACK, &answer, status ? status : &ignored);
}

uint64_t ktm_now_ns(void)
{
	return now_ns;
}

static int called_alone(char what, int answer, uint32_t *status)
{
	called(what);
	return ktm_fail(answer, answer ? KTM_STATUS_UNSUCCESSFUL : KTM_STATUS_SUCCESS, status);
}

int ktm_rm_recover(int rm, uint32_t *status)
{
	(void)rm;
	return called_alone('>', answers.rm_recover, status);
}

int ktm_tm_recover(int tm, int device_fd, uint32_t *status)
{
	(void)tm, (void)device_fd;
	return called_alone('T', answers.tm_recover, status);
}

int ktm_enlist(int rm, int tx, uint32_t mask, uint64_t key, struct ktm_guid *enlistment,
	       uint32_t *status)
{
	(void)rm, (void)tx, (void)key, (void)enlistment;
	enlisted_mask = mask;
	return called_alone('+', 0, status);
}

int ktm_enlist_superior(int rm, int tx, uint32_t mask, uint64_t key, uint32_t access,
			uint32_t mode, struct ktm_guid *enlistment, uint32_t *status)
{
	(void)rm, (void)tx, (void)key, (void)mode, (void)enlistment;
	CHECK(!access);
	enlisted_mask = mask;
	return called_alone('^', 0, status);
}

/* ---- the resource manager ---- */

static char told[1024];
static struct {
	int preprepare, prepare, single_phase, commit, rollback, recover, last_recover, superior,
		recovering;
} replies;
/* Each callback takes so long. */
static uint64_t callback_ns;
static struct ktm_rm_event last_event;

static int tell(char what, int reply, const struct ktm_rm_event *event)
{
	const size_t length = strlen(told);

	if (length + 1 < sizeof(told))
		told[length] = what;
	if (event)
		last_event = *event;
	now_ns += callback_ns;
	return reply;
}

/* One buffer for all, as a resource manager may have it; it is over with the return. */
static char redo[KTM_MAX_RECOVERY_INFORMATION + 1] = "redo";
static size_t redo_length = 4;

/* Records that answers bring: in so many pieces of the one buffer; 0: none. */
static size_t pieces;
static struct iovec record[KTM_MAX_STREAM_PIECES + 1];
static size_t piece_length;
static uint32_t needed;
static uint64_t answered_lsn;
static int answered_error;
static uint32_t answered_status;

static void bring_record(struct ktm_rm_event *event)
{
	size_t i;

	for (i = 0; i < pieces; i++)
		record[i] = (struct iovec){ redo, piece_length };
	event->stream = 55;
	event->record = pieces ? record : NULL;
	event->record_count = pieces;
	event->previous_lsn = 7;
	event->stream_records = needed;
	event->stream_need = 10 * needed;
}

static void on_answered(struct ktm_rm *rm, const struct ktm_rm_event *event, int error,
			uint32_t status, void *data)
{
	(void)rm, (void)data;
	CHECK(!event->record && !event->information);
	answered_lsn = event->lsn;
	answered_error = error;
	answered_status = status;
	tell('A', 0, event);
}

static int on_recovering(struct ktm_rm *rm, void *data)
{
	(void)rm, (void)data;
	return tell('>', replies.recovering, NULL);
}

static int on_prepare(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm, (void)data;
	bring_record(event);
	redo[redo_length - 1]++;
	event->information = redo;
	event->information_length = redo_length;
	return tell('P', replies.prepare, event);
}

static int on_preprepare(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm, (void)data;
	return tell('0', replies.preprepare, event);
}

static int on_single_phase(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm, (void)data;
	bring_record(event);
	return tell('1', replies.single_phase, event);
}

static void on_disconnected(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm, (void)data;
	tell('D', 0, event);
}

static int on_superior(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm, (void)data;
	if (event->kind == KTM_NOTIFY_RECOVER_QUERY)
		event->cookie = 88;
	return tell('S', replies.superior, event);
}

static int on_commit(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm, (void)data;
	bring_record(event);
	return tell('C', replies.commit, event);
}

static int on_rollback(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm, (void)data;
	return tell('B', replies.rollback, event);
}

static int on_recover(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm, (void)data;
	event->cookie = 77;
	return tell('V', replies.recover, event);
}

static void on_indoubt(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm, (void)data;
	tell('I', 0, event);
}

static int on_last_recover(struct ktm_rm *rm, void *data)
{
	(void)rm, (void)data;
	return tell('L', replies.last_recover, NULL);
}

static void on_offline(struct ktm_rm *rm, void *data)
{
	(void)rm, (void)data;
	tell('O', 0, NULL);
}

/* ---- set-up ---- */

static int kernel_end;

static struct ktm_rm *start(uint32_t flags)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct ktm_rm *rm = calloc(1, sizeof(*rm));
	int ends[2];

	memset(calls, 0, sizeof(calls));
	memset(told, 0, sizeof(told));
	memset(votes, 0, sizeof(votes));
	memset(&answers, 0, sizeof(answers));
	signals = 0;
	memset(&replies, 0, sizeof(replies));
	memcpy(redo, "redn", 4);
	redo_length = 4;
	pieces = 0;
	needed = 0;
	piece_length = 4;
	nr_brought = 0;
	exchange_takes = KTM_MAX_BATCH;
	exchange_error = 0;
	nothing_waits = -ETIMEDOUT;
	callback_ns = 0;
	if (!rm || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends))
		exit(1);
	kernel_end = ends[0];
	rm->rm = ends[1];
	rm->tm = -1;
	rm->flags = flags;
	rm->with_streams = true;
	rm->delay_ms = KTM_RM_DELAY_MIN_MS;
	rm->epoll = epoll_create1(0);
	rm->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	rm->stop = eventfd(0, EFD_NONBLOCK);
	epoll_ctl(rm->epoll, EPOLL_CTL_ADD, rm->timer, &event);
	rm->ops = (struct ktm_rm_ops){
		.size = sizeof(rm->ops), .prepare = on_prepare, .commit = on_commit,
		.rollback = on_rollback, .recover = on_recover, .indoubt = on_indoubt,
		.last_recover = on_last_recover, .offline = on_offline,
		.preprepare = on_preprepare, .single_phase = on_single_phase,
		.rm_disconnected = on_disconnected, .superior = on_superior,
	};
	return rm;
}

static void end(struct ktm_rm *rm)
{
	close(kernel_end);
	close(rm->rm);
	close(rm->epoll);
	close(rm->timer);
	close(rm->stop);
	ktm_rm_forget_unknown(rm);
	free(rm);
}

/* One batch of notifications of the kinds given, of enlistments 1, 2, ... */
static void notify(const uint32_t *kinds, size_t count)
{
	struct ktm_notification records[KTM_MAX_BATCH];
	size_t i;

	memset(records, 0, sizeof(records));
	for (i = 0; i < count; i++) {
		records[i].length = sizeof(records[i]);
		records[i].kind = kinds[i];
		records[i].key = 100 + i;
		if (kinds[i] != KTM_NOTIFY_LAST_RECOVER)
			records[i].enlistment.b[0] = (uint8_t)(1 + i);
	}
	CHECK(send(kernel_end, records, count * sizeof(records[0]), 0) ==
	      (ssize_t)(count * sizeof(records[0])));
}

#define NOTIFY(...) notify((const uint32_t[]){ __VA_ARGS__ },			\
			   sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static bool is_readable(const struct ktm_rm *rm, int timeout_ms)
{
	struct pollfd fd = { .fd = ktm_rm_fd(rm), .events = POLLIN };

	return poll(&fd, 1, timeout_ms) == 1;
}

/* Recovered, nothing was unfinished. */
static struct ktm_rm *start_online(uint32_t flags)
{
	struct ktm_rm *rm = start(flags);

	CHECK(ktm_rm_begin_recovery(rm, NULL) == 0);
	if (flags & KTM_RM_LOOP_VOLATILE) {
		CHECK(ktm_rm_state(rm) == KTM_RM_ONLINE && !*calls && !*told);
		return rm;
	}
	CHECK(ktm_rm_state(rm) == KTM_RM_RECOVERING);
	CHECK(ktm_rm_enlist(rm, 0, 0, NULL, NULL) == -ENOTCONN);
	NOTIFY(KTM_NOTIFY_LAST_RECOVER);
	CHECK(is_readable(rm, 10000) && ktm_rm_dispatch(rm, NULL) == 1);
	CHECK(ktm_rm_state(rm) == KTM_RM_ONLINE && !is_readable(rm, 0));
	CHECK(!strcmp(calls, ">") && !strcmp(told, "L"));
	memset(calls, 0, sizeof(calls));
	memset(told, 0, sizeof(told));
	return rm;
}

/* Dispatches until the state is as wanted; the time-out is a safety net. */
static int dispatch_until(struct ktm_rm *rm, enum ktm_rm_state state)
{
	int tries, ret = 0;

	for (tries = 0; tries < 100 && ret >= 0 && ktm_rm_state(rm) != state; tries++) {
		if (!is_readable(rm, 10000))
			return -ETIMEDOUT;
		ret = ktm_rm_dispatch(rm, NULL);
	}
	return ret;
}

/* ---- tests ---- */

/* The kinds come, each of an enlistment of its own, to functions that reply as set. */
static void expect(struct ktm_rm *rm, uint32_t kind, const char *tells, const char *answer,
		   int result)
{
	memset(calls, 0, sizeof(calls));
	memset(told, 0, sizeof(told));
	NOTIFY(kind);
	CHECK(ktm_rm_dispatch(rm, NULL) == result);
	CHECK(!strcmp(told, tells) && !strcmp(calls, answer));
	if (strcmp(calls, answer))
		printf("# %s, not %s\n", calls, answer);
}

static void expect_prepare(int reply, const char *answer)
{
	struct ktm_rm *rm = start_online(0);

	replies.prepare = reply;
	expect(rm, KTM_NOTIFY_PREPARE, "P", answer, 1);
	end(rm);
}

static void test_prepare(void)
{
	struct ktm_rm *rm;

	expect_prepare(KTM_RM_DONE, "p|");
	CHECK(!memcmp(information, "redo", 4) && information_length == 4);
	expect_prepare(KTM_RM_READ_ONLY, "o|");
	expect_prepare(KTM_RM_REFUSE, "x|");
	expect_prepare(-EIO, "x|");
	expect_prepare(KTM_RM_NONE, "x|");
	expect_prepare(KTM_RM_COMMIT, "x|");
	expect_prepare(1000, "x|");
	rm = start_online(KTM_RM_LOOP_VOLATILE);
	expect(rm, KTM_NOTIFY_PREPARE, "P", "p|", 1);
	CHECK(!information_length);
	end(rm);
	done("prepare: each reply becomes its answer, a failure refuses");

	rm = start_online(0);
	replies.prepare = KTM_RM_LATER;
	expect(rm, KTM_NOTIFY_PREPARE, "P", "", 1);
	last_event.information_length = 0;
	CHECK(ktm_rm_answer(rm, &last_event, KTM_RM_NONE, NULL) == -EINVAL && !*calls);
	CHECK(ktm_rm_answer(rm, &last_event, KTM_RM_DONE, NULL) == 0 && !strcmp(calls, "P"));
	CHECK(answered.b[0] == 1);
	answers.prepare = KTM_STATUS_LOG_FULL;
	memset(calls, 0, sizeof(calls));
	CHECK(ktm_rm_answer(rm, &last_event, KTM_RM_DONE, NULL) == -ENOSPC && !strcmp(calls, "PX"));
	end(rm);
	done("prepare: an answer may come later");

	rm = start_online(0);
	answers.prepare = KTM_STATUS_LOG_FULL;
	expect(rm, KTM_NOTIFY_PREPARE, "P", "p|X", 1);
	answers.prepare = KTM_STATUS_NOT_REQUESTED;
	expect(rm, KTM_NOTIFY_PREPARE, "P", "p|", 1);
	answers.prepare = KTM_STATUS_ACCESS_DENIED;
	expect(rm, KTM_NOTIFY_PREPARE, "P", "p|X", -EACCES);
	CHECK(answered.b[0] == 1);
	replies.prepare = KTM_RM_REFUSE;
	answers.refuse = KTM_STATUS_REQUEST_NOT_VALID;
	expect(rm, KTM_NOTIFY_PREPARE, "P", "x|", 1);
	end(rm);
	done("prepare: a vote that cannot be logged is a no, one that comes too late is nothing");

	rm = start_online(0);
	redo_length = KTM_MAX_RECOVERY_INFORMATION + 1;
	expect(rm, KTM_NOTIFY_PREPARE, "P", "x|", -EINVAL);
	end(rm);
	done("prepare: more information than can be logged is refused");
}

static void test_phases(void)
{
	struct ktm_rm *rm = start_online(0);

	expect(rm, KTM_NOTIFY_PREPREPARE, "0", "b|", 1);
	replies.preprepare = KTM_RM_READ_ONLY;
	expect(rm, KTM_NOTIFY_PREPREPARE, "0", "o|", 1);
	replies.preprepare = -EIO;
	expect(rm, KTM_NOTIFY_PREPREPARE, "0", "x|", 1);
	replies.preprepare = KTM_RM_LATER;
	expect(rm, KTM_NOTIFY_PREPREPARE, "0", "", 1);
	CHECK(ktm_rm_answer(rm, &last_event, KTM_RM_DONE, NULL) == 0 && !strcmp(calls, "B"));
	done("phase 0: flushed, left or refused");

	expect(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, "1", "c|", 1);
	replies.single_phase = KTM_RM_REJECT;
	expect(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, "1", "s|", 1);
	replies.single_phase = KTM_RM_REFUSE;
	expect(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, "1", "x|", 1);
	replies.single_phase = KTM_RM_READ_ONLY;
	expect(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, "1", "", -EINVAL);
	replies.single_phase = -EIO;
	expect(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, "1", "", -EIO);
	CHECK(ktm_rm_answer(rm, &last_event, KTM_RM_DONE, NULL) == 0 && !strcmp(calls, "C"));
	done("single phase: committed, rejected or rolled back; a failure is not answered for");

	expect(rm, KTM_NOTIFY_RM_DISCONNECTED, "D", "", 1);
	rm->ops.rm_disconnected = NULL;
	expect(rm, KTM_NOTIFY_RM_DISCONNECTED, "", "", 1);
	end(rm);
	done("whoever knew the outcome is gone: told, and nothing is answered");
}

static void test_masks(void)
{
	const uint32_t phases = KTM_NOTIFY_PREPREPARE | KTM_NOTIFY_SINGLE_PHASE_COMMIT |
				KTM_NOTIFY_RM_DISCONNECTED;
	struct ktm_rm *rm = start_online(0);

	CHECK(ktm_rm_enlist(rm, 0, 0, NULL, NULL) == 0);
	CHECK(enlisted_mask == (KTM_NOTIFY_TWO_PHASE | phases));
	rm->ops.preprepare = NULL;
	rm->ops.rm_disconnected = NULL;
	CHECK(ktm_rm_enlist(rm, 0, 0, NULL, NULL) == 0);
	CHECK(enlisted_mask == (KTM_NOTIFY_TWO_PHASE | KTM_NOTIFY_SINGLE_PHASE_COMMIT));
	rm->ops.single_phase = NULL;
	CHECK(ktm_rm_enlist(rm, 0, 0, NULL, NULL) == 0);
	CHECK(enlisted_mask == KTM_NOTIFY_TWO_PHASE);

	CHECK(ktm_rm_enlist_superior(rm, 0, 0, 0, NULL, NULL) == 0);
	CHECK(!(enlisted_mask & (KTM_NOTIFY_SUPERIOR_REFUSED | KTM_NOTIFY_COMMIT_REQUEST)));
	CHECK(enlisted_mask & KTM_NOTIFY_SUPERIOR_REQUIRED);
	CHECK(enlisted_mask & KTM_NOTIFY_RECOVER_QUERY);
	CHECK(ktm_rm_enlist_superior(rm, 0, KTM_RM_SUPERIOR_ON_REQUEST, 0, NULL, NULL) == 0);
	CHECK(enlisted_mask & KTM_NOTIFY_COMMIT_REQUEST);
	CHECK(ktm_rm_enlist_superior(rm, 0, 2, 0, NULL, NULL) == -EINVAL);
	rm->ops.superior = NULL;
	CHECK(ktm_rm_enlist_superior(rm, 0, 0, 0, NULL, NULL) == -EINVAL);
	rm->ops.prepare = NULL;
	CHECK(ktm_rm_enlist(rm, 0, 0, NULL, NULL) == -EINVAL);
	CHECK(!strcmp(calls, "+++^^"));
	end(rm);
	done("nobody is asked what he has no function for");
}

static void test_superior(void)
{
	struct ktm_rm *rm = start_online(0);

	expect(rm, KTM_NOTIFY_PREPREPARE_COMPLETE, "S", "", 1);
	CHECK(last_event.kind == KTM_NOTIFY_PREPREPARE_COMPLETE);
	expect(rm, KTM_NOTIFY_COMMIT_COMPLETE, "S", "", 1);
	expect(rm, KTM_NOTIFY_ROLLBACK_COMPLETE, "S", "", 1);
	expect(rm, KTM_NOTIFY_ROLLBACK, "B", "r|", 1);
	replies.superior = KTM_RM_PREPARE;
	expect(rm, KTM_NOTIFY_PREPREPARE_COMPLETE, "S", "f|", 1);
	expect(rm, KTM_NOTIFY_PREPARE_COMPLETE, "S", "", -EINVAL);
	replies.superior = KTM_RM_COMMIT;
	expect(rm, KTM_NOTIFY_PREPARE_COMPLETE, "S", "g|", 1);
	expect(rm, KTM_NOTIFY_COMMIT_REQUEST, "S", "g|", 1);
	expect(rm, KTM_NOTIFY_REQUEST_OUTCOME, "S", "g|", 1);
	expect(rm, KTM_NOTIFY_COMMIT_COMPLETE, "S", "", -EINVAL);
	replies.superior = KTM_RM_REFUSE;
	expect(rm, KTM_NOTIFY_PREPREPARE_COMPLETE, "S", "x|", 1);
	expect(rm, KTM_NOTIFY_PREPARE_COMPLETE, "S", "x|", 1);
	expect(rm, KTM_NOTIFY_COMMIT_REQUEST, "S", "x|", 1);
	expect(rm, KTM_NOTIFY_REQUEST_OUTCOME, "S", "x|", 1);
	replies.superior = -EIO;
	expect(rm, KTM_NOTIFY_COMMIT_REQUEST, "S", "", -EIO);
	replies.superior = KTM_RM_LATER;
	expect(rm, KTM_NOTIFY_COMMIT_REQUEST, "S", "", 1);
	CHECK(ktm_rm_answer(rm, &last_event, KTM_RM_COMMIT, NULL) == 0 && !strcmp(calls, "G"));
	done("a superior goes on, decides, rolls back, or says so later");

	replies.superior = KTM_RM_COMMIT;
	answers.decide = KTM_STATUS_ALREADY_ABORTED;
	expect(rm, KTM_NOTIFY_PREPARE_COMPLETE, "S", "g|", 1);
	answers.decide = KTM_STATUS_TRANSACTION_NOT_ACTIVE;
	expect(rm, KTM_NOTIFY_PREPARE_COMPLETE, "S", "g|", 1);
	answers.decide = KTM_STATUS_RESPONSE_NOT_ENLISTED;
	expect(rm, KTM_NOTIFY_PREPARE_COMPLETE, "S", "g|", -ENOPROTOOPT);
	done("a superior whose transaction has ended, or that has decided, is not told of it");

	answers.decide = KTM_STATUS_PENDING;
	signals = 3;
	expect(rm, KTM_NOTIFY_PREPARE_COMPLETE, "S", "g|GGG", 1);
	signals = 2;
	memset(calls, 0, sizeof(calls));
	CHECK(ktm_rm_answer(rm, &last_event, KTM_RM_COMMIT, NULL) == 0 && !strcmp(calls, "GGG"));
	end(rm);
	done("a decision that a signal interrupts, while all is frozen, is given again");

	rm = start(0);
	CHECK(ktm_rm_begin_recovery(rm, NULL) == 0);
	expect(rm, KTM_NOTIFY_RECOVER_QUERY, "S", "e|", 1);
	CHECK(recovered_key == 88 && ktm_rm_state(rm) == KTM_RM_RECOVERING);
	replies.superior = KTM_RM_COMMIT;
	expect(rm, KTM_NOTIFY_RECOVER_QUERY, "S", "eg|", 1);
	replies.superior = KTM_RM_REFUSE;
	expect(rm, KTM_NOTIFY_RECOVER_QUERY, "S", "ex|", 1);
	replies.superior = -EIO;
	expect(rm, KTM_NOTIFY_RECOVER_QUERY, "S", "", -EIO);
	expect(rm, KTM_NOTIFY_LAST_RECOVER, "", "", 1);
	CHECK(ktm_rm_state(rm) == KTM_RM_OFFLINE);
	end(rm);
	done("a superior that recovers says who it is, then what it knows");
}

static void test_outcome(void)
{
	uint32_t status = 0;
	struct ktm_rm *rm = start_online(0);

	NOTIFY(KTM_NOTIFY_COMMIT, KTM_NOTIFY_ROLLBACK);
	CHECK(ktm_rm_dispatch(rm, NULL) == 2 && !strcmp(told, "CB") && !strcmp(calls, "cr|"));
	CHECK(last_event.cookie == 101 && last_event.enlistment.b[0] == 2);
	answers.commit = KTM_STATUS_NOT_REQUESTED;
	answers.rollback = KTM_STATUS_ENLISTMENT_NOT_FOUND;
	NOTIFY(KTM_NOTIFY_COMMIT, KTM_NOTIFY_ROLLBACK);
	CHECK(ktm_rm_dispatch(rm, NULL) == 2);
	end(rm);
	done("commit, rollback: done and answered; nobody waiting is no failure");

	/* -ENOENT is harmless from the kernel, and a failure from a callback. */
	rm = start_online(0);
	replies.commit = -ENOENT;
	NOTIFY(KTM_NOTIFY_COMMIT, KTM_NOTIFY_ROLLBACK);
	CHECK(ktm_rm_dispatch(rm, &status) == -ENOENT && status == KTM_STATUS_UNSUCCESSFUL);
	CHECK(!strcmp(told, "CB") && !strcmp(calls, "r|") && ktm_rm_state(rm) == KTM_RM_ONLINE);
	replies.commit = -ENOTCONN;
	NOTIFY(KTM_NOTIFY_COMMIT);
	CHECK(ktm_rm_dispatch(rm, NULL) == -ENOTCONN && ktm_rm_state(rm) == KTM_RM_ONLINE);
	CHECK(ktm_rm_answer(rm, &last_event, KTM_RM_DONE, NULL) == 0 && !strcmp(calls, "r|C"));
	end(rm);
	done("commit: a failing function is not answered for, is told, and holds up nobody");
}

/* ---- batches ---- */

static void notify_many(uint32_t kind, size_t count)
{
	uint32_t kinds[KTM_MAX_BATCH];
	size_t i;

	for (i = 0; i < count; i++)
		kinds[i] = kind;
	notify(kinds, count);
}

static size_t count_calls(char what)
{
	size_t i, count = 0;

	for (i = 0; calls[i]; i++)
		count += calls[i] == what;
	return count;
}

static void test_batches(void)
{
	struct ktm_rm *rm = start_online(0);
	int handled;

	/* Three batches of which the later ones come while the first is answered. */
	notify_many(KTM_NOTIFY_COMMIT, 3);
	notify_many(KTM_NOTIFY_ROLLBACK, 2);
	notify_many(KTM_NOTIFY_COMMIT, 1);
	CHECK(ktm_rm_dispatch(rm, NULL) == 6 && !strcmp(calls, "ccc|rr|c|"));
	memset(calls, 0, sizeof(calls));
	notify_many(KTM_NOTIFY_COMMIT, KTM_MAX_BATCH);
	CHECK(ktm_rm_dispatch(rm, NULL) == KTM_MAX_BATCH);
	CHECK(count_calls('c') == KTM_MAX_BATCH && count_calls('|') == 1);
	/* However many there are, a dispatch leaves nothing unsaid. */
	memset(calls, 0, sizeof(calls));
	for (handled = 0; handled < 40; handled++)
		notify_many(KTM_NOTIFY_COMMIT, 1);
	handled = ktm_rm_dispatch(rm, NULL);
	CHECK(handled > 0 && handled < 40 && count_calls('c') == (size_t)handled);
	end(rm);
	done("a batch is answered by the call that fetches the next one");

	rm = start_online(0);
	callback_ns = KTM_RM_HOLD_NS / 2;
	notify_many(KTM_NOTIFY_COMMIT, 5);
	CHECK(ktm_rm_dispatch(rm, NULL) == 5 && !strcmp(calls, "cc|cc|c|"));
	memset(calls, 0, sizeof(calls));
	callback_ns = KTM_RM_HOLD_NS;
	notify_many(KTM_NOTIFY_COMMIT, 3);
	CHECK(ktm_rm_dispatch(rm, NULL) == 3 && !strcmp(calls, "c|c|c|"));
	end(rm);
	done("no answer waits long for others of its batch");

	/* Each vote with its own bytes, though the function used one buffer; they fill the room. */
	rm = start_online(0);
	notify_many(KTM_NOTIFY_PREPARE, 2);
	CHECK(ktm_rm_dispatch(rm, NULL) == 2 && !strcmp(calls, "pp|"));
	CHECK(!strcmp(votes, "op"));
	memset(calls, 0, sizeof(calls));
	redo_length = KTM_MAX_RECOVERY_INFORMATION;
	redo[redo_length - 1] = 0;
	notify_many(KTM_NOTIFY_PREPARE, 6);
	CHECK(ktm_rm_dispatch(rm, NULL) == 6 && !strcmp(calls, "pppp|pp|"));
	CHECK(!strcmp(votes, "op\1\2\3\4\5\6"));
	end(rm);
	done("recovery information is copied, and what does not fit is sent before");

	rm = start_online(0);
	exchange_takes = 2;
	exchange_error = -ENOMEM;
	notify_many(KTM_NOTIFY_COMMIT, 4);
	CHECK(ktm_rm_dispatch(rm, NULL) == -ENOMEM && !strcmp(calls, "cc|CC"));
	exchange_takes = 0;
	answers.prepare = KTM_STATUS_LOG_FULL;
	expect(rm, KTM_NOTIFY_PREPARE, "P", "|PX", -ENOMEM);
	exchange_takes = KTM_MAX_BATCH;
	answers.prepare = KTM_STATUS_SUCCESS;
	expect(rm, KTM_NOTIFY_PREPARE, "P", "p|", 1);
	end(rm);
	done("what an exchange could not carry out is answered one by one, and only once");
}

static void test_recovery(void)
{
	struct ktm_rm *rm = start(0);

	CHECK(ktm_rm_begin_recovery(rm, NULL) == 0);
	NOTIFY(KTM_NOTIFY_RECOVER, KTM_NOTIFY_INDOUBT);
	CHECK(ktm_rm_dispatch(rm, NULL) == 2 && !strcmp(calls, ">e|") && recovered_key == 77);
	CHECK(!strcmp(told, "VI") && ktm_rm_state(rm) == KTM_RM_RECOVERING);
	end(rm);

	rm = start(0);
	replies.recover = KTM_RM_NONE;
	CHECK(ktm_rm_begin_recovery(rm, NULL) == 0);
	NOTIFY(KTM_NOTIFY_RECOVER, KTM_NOTIFY_RECOVER, KTM_NOTIFY_RECOVER, KTM_NOTIFY_LAST_RECOVER);
	NOTIFY(KTM_NOTIFY_COMMIT, KTM_NOTIFY_ROLLBACK, KTM_NOTIFY_INDOUBT, KTM_NOTIFY_COMMIT);
	while (is_readable(rm, 0))
		CHECK(ktm_rm_dispatch(rm, NULL) >= 0);
	/* Nothing held for 1, 2 and 3; 4 is a new one. */
	CHECK(!strcmp(told, "VVVLC") && !strcmp(calls, ">eee|crc|"));
	NOTIFY(KTM_NOTIFY_COMMIT);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1 && !strcmp(told, "VVVLCC"));
	end(rm);
	done("recovery: a COMMIT for which nothing is held is completed by the loop");

	/* What was not held in an earlier recovery may be in this one. */
	rm = start(0);
	replies.recover = KTM_RM_NONE;
	CHECK(ktm_rm_begin_recovery(rm, NULL) == 0);
	NOTIFY(KTM_NOTIFY_RECOVER);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1);
	ktm_rm_go_offline(rm);
	replies.recover = KTM_RM_DONE;
	CHECK(dispatch_until(rm, KTM_RM_RECOVERING) >= 0);
	NOTIFY(KTM_NOTIFY_RECOVER, KTM_NOTIFY_LAST_RECOVER);
	NOTIFY(KTM_NOTIFY_COMMIT);
	while (is_readable(rm, 0))
		CHECK(ktm_rm_dispatch(rm, NULL) > 0);
	CHECK(!strcmp(told, "VVLC"));
	end(rm);
	done("recovery: each begins with nothing known");

	/* Nothing held, but only the function can know whether it committed before the crash. */
	rm = start(0);
	replies.recover = KTM_RM_NONE;
	CHECK(ktm_rm_begin_recovery(rm, NULL) == 0);
	NOTIFY(KTM_NOTIFY_RECOVER, KTM_NOTIFY_LAST_RECOVER);
	NOTIFY(KTM_NOTIFY_SINGLE_PHASE_COMMIT);
	while (is_readable(rm, 0))
		CHECK(ktm_rm_dispatch(rm, NULL) > 0);
	CHECK(!strcmp(told, "VL1") && !strcmp(calls, ">e|c|"));
	end(rm);
	done("recovery: a single phase is asked again, whatever is held");

	rm = start(0);
	replies.recover = -EIO;
	CHECK(ktm_rm_begin_recovery(rm, NULL) == 0);
	NOTIFY(KTM_NOTIFY_RECOVER, KTM_NOTIFY_LAST_RECOVER);
	CHECK(ktm_rm_dispatch(rm, NULL) == -EIO);
	CHECK(ktm_rm_state(rm) == KTM_RM_OFFLINE && !strcmp(told, "V") && !strcmp(calls, ">"));
	replies.recover = KTM_RM_DONE;
	replies.last_recover = -ENOSPC;
	CHECK(dispatch_until(rm, KTM_RM_RECOVERING) >= 0);
	NOTIFY(KTM_NOTIFY_RECOVER, KTM_NOTIFY_LAST_RECOVER);
	CHECK(ktm_rm_dispatch(rm, NULL) == -ENOSPC && ktm_rm_state(rm) == KTM_RM_OFFLINE);
	replies.last_recover = 0;
	CHECK(dispatch_until(rm, KTM_RM_RECOVERING) >= 0);
	NOTIFY(KTM_NOTIFY_LAST_RECOVER);
	CHECK(dispatch_until(rm, KTM_RM_ONLINE) >= 0);
	CHECK(!strcmp(calls, ">>e|>") && !strcmp(told, "VVLL"));
	end(rm);
	/* LAST_RECOVER waits for the answers that are on their way. */
	rm = start(0);
	answers.en_recover = KTM_STATUS_INSUFFICIENT_RESOURCES;
	CHECK(ktm_rm_begin_recovery(rm, NULL) == 0);
	NOTIFY(KTM_NOTIFY_RECOVER, KTM_NOTIFY_RECOVER, KTM_NOTIFY_LAST_RECOVER);
	CHECK(ktm_rm_dispatch(rm, NULL) == -ENOMEM && ktm_rm_state(rm) == KTM_RM_OFFLINE);
	CHECK(!strcmp(told, "VV") && !strcmp(calls, ">ee|"));
	/* One that takes part already, or has ended, is recovered. */
	answers.en_recover = KTM_STATUS_REQUEST_NOT_VALID;
	CHECK(dispatch_until(rm, KTM_RM_RECOVERING) >= 0);
	NOTIFY(KTM_NOTIFY_RECOVER);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1);
	answers.en_recover = KTM_STATUS_ENLISTMENT_NOT_FOUND;
	NOTIFY(KTM_NOTIFY_RECOVER, KTM_NOTIFY_LAST_RECOVER);
	CHECK(ktm_rm_dispatch(rm, NULL) == 2 && ktm_rm_state(rm) == KTM_RM_ONLINE);
	end(rm);
	done("recovery: a step that fails makes it begin again, and nobody is served meanwhile");
}

static void test_offline(void)
{
	struct ktm_rm *rm = start_online(0);
	int tries;

	answers.commit = KTM_STATUS_TM_NOT_ONLINE;
	answers.rm_recover = -ENOTCONN;
	NOTIFY(KTM_NOTIFY_COMMIT, KTM_NOTIFY_ROLLBACK);
	CHECK(ktm_rm_dispatch(rm, NULL) == 2 && ktm_rm_state(rm) == KTM_RM_OFFLINE);
	CHECK(!strcmp(told, "CBO") && ktm_rm_enlist(rm, 0, 0, NULL, NULL) == -ENOTCONN);
	/* What the kernel would say by POLLERR all the time does not make the caller spin. */
	NOTIFY(KTM_NOTIFY_LAST_RECOVER);
	for (tries = 0; tries < 3; tries++)
		CHECK(is_readable(rm, 10000) && ktm_rm_dispatch(rm, NULL) == 0 &&
		      ktm_rm_state(rm) == KTM_RM_OFFLINE && !is_readable(rm, 0));
	answers.rm_recover = 0;
	CHECK(dispatch_until(rm, KTM_RM_ONLINE) >= 0 && !strcmp(told, "CBOL"));
	CHECK(!strcmp(calls, "cr|>>>>") && ktm_rm_enlist(rm, 0, 0, NULL, NULL) == 0);
	end(rm);
	done("offline: the caller is told once, woken by a timer, and back after LAST_RECOVER");

	rm = start_online(0);
	nothing_waits = -ENOTCONN;
	NOTIFY(KTM_NOTIFY_ROLLBACK);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1 && ktm_rm_state(rm) == KTM_RM_OFFLINE);
	CHECK(!strcmp(told, "BO") && !strcmp(calls, "r|"));
	end(rm);
	done("offline: seen when the next ones are fetched");

	rm = start_online(KTM_RM_LOOP_REOPEN);
	answers.commit = KTM_STATUS_TM_NOT_ONLINE;
	answers.rm_recover = -ENOTCONN;
	answers.tm_recover = -EUCLEAN;
	NOTIFY(KTM_NOTIFY_COMMIT);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1);
	CHECK(is_readable(rm, 10000) && ktm_rm_dispatch(rm, NULL) == -EUCLEAN);
	answers.tm_recover = -EIO;
	CHECK(is_readable(rm, 10000) && ktm_rm_dispatch(rm, NULL) == 0);
	CHECK(ktm_rm_state(rm) == KTM_RM_OFFLINE && !strcmp(calls, "c|>T>T"));
	end(rm);
	done("offline: reopening the log if told to; damage is reported, a failing device waited for");

	rm = start_online(KTM_RM_LOOP_VOLATILE);
	rm->ops.recovering = on_recovering;
	expect(rm, KTM_NOTIFY_PREPARE, "P", "p|", 1);
	nothing_waits = -ENOTCONN;
	ktm_rm_dispatch(rm, NULL);
	CHECK(ktm_rm_state(rm) == KTM_RM_OFFLINE);
	CHECK(ktm_rm_enlist(rm, 0, 0, NULL, NULL) == -ENOTCONN);
	nothing_waits = -ETIMEDOUT;
	CHECK(dispatch_until(rm, KTM_RM_ONLINE) >= 0 && ktm_rm_enlist(rm, 0, 0, NULL, NULL) == 0);
	NOTIFY(KTM_NOTIFY_COMMIT);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1 && !strcmp(told, "PC") && !strchr(calls, '>'));
	end(rm);
	done("offline: a volatile resource manager keeps what it has prepared");
}

static void test_strange(void)
{
	struct ktm_rm *rm = start_online(0);
	char bytes[64] = { 1 };

	NOTIFY(0x80000000, KTM_NOTIFY_PROMOTE, KTM_NOTIFY_ROLLBACK);
	CHECK(ktm_rm_dispatch(rm, NULL) == 3 && !strcmp(told, "B") && !strcmp(calls, "r|"));
	CHECK(send(kernel_end, bytes, sizeof(bytes), 0) == sizeof(bytes));
	CHECK(ktm_rm_dispatch(rm, NULL) == -EBADMSG);
	NOTIFY(KTM_NOTIFY_ROLLBACK);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1 && !strcmp(told, "BB"));
	CHECK(ktm_rm_dispatch(rm, NULL) == 0);
	end(rm);
	done("unknown kinds are passed over, malformed records reported");

	rm = start_online(0);
	ktm_rm_stop(rm);
	CHECK(ktm_rm_run(rm, NULL) == 0);
	replies.commit = -EFBIG;
	NOTIFY(KTM_NOTIFY_COMMIT);
	CHECK(ktm_rm_run(rm, NULL) == -EFBIG);
	end(rm);
	done("run ends when it is stopped, before it began too, and when something fails");
}

/* ---- streams ---- */

/* A loop of a resource manager with a stream; recovered. */
static struct ktm_rm *start_with_stream(uint32_t flags)
{
	struct ktm_rm *rm = start_online(flags);

	rm->ops.answered = on_answered;
	rm->ops.recovering = on_recovering;
	pieces = 1;
	return rm;
}

static void test_records(void)
{
	struct ktm_rm *rm = start_with_stream(0);

	needed = 2;
	expect(rm, KTM_NOTIFY_PREPARE, "PA", "p|", 1);
	CHECK(nr_brought == 1 && brought_length == 4 && !memcmp(brought, "redo", 4));
	CHECK(brought_to == 55 && brought_previous == 7 && answered_lsn == 1001);
	CHECK(!answered_error && last_event.enlistment.b[0] == 1);
	CHECK(set_aside_records == 2 && set_aside_bytes == 20);
	expect(rm, KTM_NOTIFY_COMMIT, "CA", "c|", 1);
	CHECK(nr_brought == 2 && answered_lsn == 1002 && !set_aside_records && !set_aside_bytes);
	pieces = 3;
	expect(rm, KTM_NOTIFY_COMMIT, "CA", "c|", 1);
	CHECK(brought_length == 12 && !memcmp(brought, "redoredoredo", 12));
	piece_length = 0;
	expect(rm, KTM_NOTIFY_COMMIT, "CA", "c|", 1);
	CHECK(!brought_length && nr_brought == 4);
	pieces = 0;
	expect(rm, KTM_NOTIFY_PREPARE, "P", "p|", 1);
	CHECK(nr_brought == 4 && set_aside_records == 2);
	end(rm);
	done("streams: an answer brings its record, gathered, and says what will be needed");

	rm = start_with_stream(0);
	NOTIFY(KTM_NOTIFY_PREPARE, KTM_NOTIFY_PREPARE);
	CHECK(ktm_rm_dispatch(rm, NULL) == 2 && !strcmp(told, "PPAA") && !strcmp(calls, "pp|"));
	CHECK(nr_brought == 2 && !memcmp(brought, "redp", 4));
	redo_length = 1;
	pieces = KTM_MAX_STREAM_PIECES;
	piece_length = KTM_MAX_STREAM_RECORD / KTM_MAX_STREAM_PIECES;
	expect(rm, KTM_NOTIFY_COMMIT, "CA", "c|", 1);
	CHECK(brought_length == KTM_MAX_STREAM_RECORD);
	/* Five of them do not fit into the room of one exchange. */
	memset(calls, 0, sizeof(calls));
	NOTIFY(KTM_NOTIFY_COMMIT, KTM_NOTIFY_COMMIT, KTM_NOTIFY_COMMIT, KTM_NOTIFY_COMMIT,
	       KTM_NOTIFY_COMMIT);
	CHECK(ktm_rm_dispatch(rm, NULL) == 5 && !strcmp(calls, "cccc|c|"));
	end(rm);
	done("streams: each record of a batch is copied, and all get through");

	rm = start_with_stream(0);
	pieces = KTM_MAX_STREAM_PIECES + 1;
	expect(rm, KTM_NOTIFY_PREPARE, "P", "x|", -EINVAL);
	pieces = 2;
	piece_length = KTM_MAX_STREAM_RECORD / 2 + 1;
	expect(rm, KTM_NOTIFY_PREPARE, "P", "x|", -EINVAL);
	expect(rm, KTM_NOTIFY_COMMIT, "C", "", -EINVAL);
	CHECK(!nr_brought);
	end(rm);
	done("streams: a record that is too long is a vote for no");
}

static void test_refused_records(void)
{
	struct ktm_rm *rm = start_with_stream(0);
	struct ktm_rm_event event;
	uint32_t status;

	answers.prepare = KTM_STATUS_STREAM_FULL;
	expect(rm, KTM_NOTIFY_PREPARE, "PA", "p|X", 1);
	CHECK(answered_error == -ENOSPC && answered_status == KTM_STATUS_STREAM_FULL);
	CHECK(!answered_lsn);
	answers.commit = KTM_STATUS_STREAM_REOPENED;
	expect(rm, KTM_NOTIFY_COMMIT, "CAO", "c|", 1);
	CHECK(answered_error == -ESTALE && ktm_rm_state(rm) == KTM_RM_OFFLINE);
	end(rm);
	done("streams: a refused record refuses the vote; a log that was reopened is read again");

	rm = start_with_stream(0);
	signals = 2;
	expect(rm, KTM_NOTIFY_COMMIT, "CA", "c|CC", 1);
	CHECK(nr_brought == 1 && answered_lsn == 1001);
	exchange_takes = 0;
	exchange_error = -ENOMEM;
	expect(rm, KTM_NOTIFY_PREPARE, "PA", "|P", -ENOMEM);
	CHECK(nr_brought == 2 && brought_length == 4 && answered_lsn == 1002);
	exchange_takes = KTM_MAX_BATCH;
	replies.prepare = KTM_RM_LATER;
	expect(rm, KTM_NOTIFY_PREPARE, "P", "", 1);
	event = last_event;
	CHECK(event.record == record && !ktm_rm_answer(rm, &event, KTM_RM_REFUSE, &status));
	CHECK(nr_brought == 2);
	rm->ops.answered = NULL;
	CHECK(!ktm_rm_answer(rm, &event, KTM_RM_DONE, &status) && nr_brought == 3);
	event.record_count = KTM_MAX_STREAM_PIECES + 1;
	CHECK(ktm_rm_answer(rm, &event, KTM_RM_DONE, &status) == -EINVAL && nr_brought == 3);
	end(rm);
	done("streams: signals and a failing exchange lose no record and double none");

	rm = start_with_stream(0);
	rm->ops.single_phase = on_single_phase;
	record_stays = true;
	signals = 1;
	expect(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, "1A", "c|FC", 1);
	CHECK(nr_brought == 1 && flushed_up_to == 1001 && answered_lsn == 1001 && !answered_error);
	answers.commit = KTM_STATUS_NOT_REQUESTED;
	expect(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, "1A", "c|", 1);
	CHECK(nr_brought == 2 && answered_lsn == 1002 && answered_error == -ENOMSG);
	answers.commit = KTM_STATUS_IO_ERROR;
	expect(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, "1AO", "c|", 1);
	CHECK(answered_error == -EIO && ktm_rm_state(rm) == KTM_RM_OFFLINE);
	record_stays = false;
	end(rm);
	done("streams: a record that stays is told of, and not brought twice");

	rm = start_with_stream(KTM_RM_LOOP_VOLATILE);
	expect(rm, KTM_NOTIFY_PREPARE, "P", "p|", 1);
	rm->flags = 0;
	rm->with_streams = false;
	expect(rm, KTM_NOTIFY_PREPARE, "P", "p|", 1);
	CHECK(!nr_brought);
	end(rm);
	done("streams: none with a volatile RM, nor with one that was built before there were any");
}

static void test_recovering(void)
{
	struct ktm_rm *rm = start(0);

	rm->ops.recovering = on_recovering;
	CHECK(ktm_rm_begin_recovery(rm, NULL) == 0 && !*told);
	NOTIFY(KTM_NOTIFY_RECOVER, KTM_NOTIFY_RECOVER, KTM_NOTIFY_LAST_RECOVER);
	CHECK(ktm_rm_dispatch(rm, NULL) == 3 && !strcmp(told, ">VVL"));
	CHECK(ktm_rm_state(rm) == KTM_RM_ONLINE);
	ktm_rm_go_offline(rm);
	replies.recovering = -EIO;
	CHECK(dispatch_until(rm, KTM_RM_RECOVERING) >= 0);
	NOTIFY(KTM_NOTIFY_LAST_RECOVER);
	CHECK(ktm_rm_dispatch(rm, NULL) == -EIO && !strcmp(told, ">VVLO>"));
	CHECK(ktm_rm_state(rm) == KTM_RM_OFFLINE);
	replies.recovering = 0;
	CHECK(dispatch_until(rm, KTM_RM_RECOVERING) >= 0);
	NOTIFY(KTM_NOTIFY_LAST_RECOVER);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1 && !strcmp(told, ">VVLO>>L"));
	NOTIFY(KTM_NOTIFY_COMMIT);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1 && !strcmp(told, ">VVLO>>LC"));
	end(rm);
	done("streams: each recovery begins with reading them; if that fails it begins again");

	rm = start(0);
	rm->ops.recovering = on_recovering;
	replies.recovering = -EIO;
	CHECK(ktm_rm_begin_recovery(rm, NULL) == 0);
	memset(calls, 0, sizeof(calls));
	NOTIFY(KTM_NOTIFY_RECOVER, KTM_NOTIFY_RECOVER_QUERY, KTM_NOTIFY_LAST_RECOVER,
	       KTM_NOTIFY_COMMIT, KTM_NOTIFY_SINGLE_PHASE_COMMIT, KTM_NOTIFY_PREPARE,
	       KTM_NOTIFY_ROLLBACK);
	CHECK(ktm_rm_dispatch(rm, NULL) == -EIO && !strcmp(told, ">B") && !strcmp(calls, "xr|"));
	CHECK(ktm_rm_state(rm) == KTM_RM_OFFLINE);
	end(rm);
	done("streams: if that fails nothing is finished, and what can be refused is refused");
}

int main(void)
{
	test_prepare();
	test_phases();
	test_masks();
	test_superior();
	test_outcome();
	test_batches();
	test_recovery();
	test_offline();
	test_strange();
	test_records();
	test_refused_records();
	test_recovering();
	return tap_end();
}
