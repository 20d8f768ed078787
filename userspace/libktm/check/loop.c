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

/* What was called, in short: p prepare complete, c commit complete, ... */
static char calls[256];
static struct {
	int prepare, commit, rollback, read_only, refuse, en_recover, rm_recover, tm_recover;
} answers;
static uint64_t recovered_key;
static char information[64];

static int called(char what, int answer, uint32_t *status)
{
	const size_t length = strlen(calls);

	if (length + 1 < sizeof(calls))
		calls[length] = what;
	return ktm_fail(answer, answer ? KTM_STATUS_UNSUCCESSFUL : KTM_STATUS_SUCCESS, status);
}

int ktm_prepare_complete(int fd, const struct ktm_guid *enlistment, const void *bytes,
			 size_t length, uint32_t *status)
{
	(void)fd, (void)enlistment;
	memset(information, 0, sizeof(information));
	if (length)
		memcpy(information, bytes, length);
	return called('p', answers.prepare, status);
}

#define ANSWER(function, what, field)							\
int function(int fd, const struct ktm_guid *enlistment, uint32_t *status)		\
{											\
	(void)fd, (void)enlistment;							\
	return called(what, answers.field, status);					\
}
ANSWER(ktm_commit_complete, 'c', commit)
ANSWER(ktm_rollback_complete, 'r', rollback)
ANSWER(ktm_read_only, 'o', read_only)
ANSWER(ktm_en_rollback, 'x', refuse)

int ktm_en_recover(int fd, const struct ktm_guid *enlistment, uint64_t key, uint32_t *status)
{
	(void)fd, (void)enlistment;
	recovered_key = key;
	return called('e', answers.en_recover, status);
}

int ktm_rm_recover(int rm, uint32_t *status)
{
	(void)rm;
	return called('R', answers.rm_recover, status);
}

int ktm_tm_recover(int tm, int device_fd, uint32_t *status)
{
	(void)tm, (void)device_fd;
	return called('T', answers.tm_recover, status);
}

int ktm_enlist(int rm, int tx, uint32_t mask, uint64_t key, struct ktm_guid *enlistment,
	       uint32_t *status)
{
	(void)rm, (void)tx, (void)mask, (void)key, (void)enlistment;
	return called('E', 0, status);
}

/* ---- the resource manager ---- */

static char told[256];
static struct {
	int prepare, commit, rollback, recover, last_recover;
} replies;
static struct ktm_rm_event last_event;

static int tell(char what, int reply, const struct ktm_rm_event *event)
{
	const size_t length = strlen(told);

	if (length + 1 < sizeof(told))
		told[length] = what;
	if (event)
		last_event = *event;
	return reply;
}

static int on_prepare(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm, (void)data;
	event->information = "redo";
	event->information_length = 4;
	return tell('P', replies.prepare, event);
}

static int on_commit(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm, (void)data;
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
	memset(&answers, 0, sizeof(answers));
	memset(&replies, 0, sizeof(replies));
	if (!rm || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends))
		exit(1);
	kernel_end = ends[0];
	rm->rm = ends[1];
	rm->tm = -1;
	rm->flags = flags;
	rm->delay_ms = KTM_RM_DELAY_MIN_MS;
	rm->epoll = epoll_create1(0);
	rm->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	rm->stop = eventfd(0, EFD_NONBLOCK);
	epoll_ctl(rm->epoll, EPOLL_CTL_ADD, rm->timer, &event);
	rm->ops = (struct ktm_rm_ops){
		.size = sizeof(rm->ops), .prepare = on_prepare, .commit = on_commit,
		.rollback = on_rollback, .recover = on_recover, .indoubt = on_indoubt,
		.last_recover = on_last_recover, .offline = on_offline,
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
	struct ktm_notification records[8];
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

	CHECK(ktm_rm_begin_recovery(rm, NULL) == 0 && ktm_rm_state(rm) == KTM_RM_RECOVERING);
	CHECK(ktm_rm_enlist(rm, 0, 0, NULL, NULL) == -ENOTCONN);
	NOTIFY(KTM_NOTIFY_LAST_RECOVER);
	CHECK(is_readable(rm, 10000) && ktm_rm_dispatch(rm, NULL) == 1);
	CHECK(ktm_rm_state(rm) == KTM_RM_ONLINE && !is_readable(rm, 0));
	CHECK(!strcmp(calls, "R") && !strcmp(told, "L"));
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

static void expect_prepare(int reply, const char *answer, int result)
{
	struct ktm_rm *rm = start_online(0);

	replies.prepare = reply;
	NOTIFY(KTM_NOTIFY_PREPARE);
	CHECK(ktm_rm_dispatch(rm, NULL) == result);
	CHECK(!strcmp(told, "P") && !strcmp(calls, answer));
	end(rm);
}

static void test_prepare(void)
{
	struct ktm_rm *rm;

	expect_prepare(KTM_RM_DONE, "p", 1);
	CHECK(!strcmp(information, "redo"));
	expect_prepare(KTM_RM_READ_ONLY, "o", 1);
	expect_prepare(KTM_RM_REFUSE, "x", 1);
	expect_prepare(-EIO, "x", 1);
	expect_prepare(KTM_RM_NONE, "x", 1);
	expect_prepare(1000, "x", 1);
	rm = start_online(KTM_RM_LOOP_VOLATILE);
	NOTIFY(KTM_NOTIFY_PREPARE);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1 && !*information);
	end(rm);
	done("prepare: each reply becomes its answer, a failure refuses");

	rm = start_online(0);
	replies.prepare = KTM_RM_LATER;
	NOTIFY(KTM_NOTIFY_PREPARE);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1 && !*calls);
	last_event.information_length = 0;
	CHECK(ktm_rm_answer(rm, &last_event, KTM_RM_NONE, NULL) == -EINVAL && !*calls);
	CHECK(ktm_rm_answer(rm, &last_event, KTM_RM_DONE, NULL) == 0 && !strcmp(calls, "p"));
	end(rm);
	done("prepare: an answer may come later");

	rm = start_online(0);
	answers.prepare = -ENOSPC;
	NOTIFY(KTM_NOTIFY_PREPARE);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1 && !strcmp(calls, "px"));
	answers.prepare = -ENOMSG;
	NOTIFY(KTM_NOTIFY_PREPARE);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1 && !strcmp(calls, "pxp"));
	answers.prepare = -EACCES;
	NOTIFY(KTM_NOTIFY_PREPARE);
	CHECK(ktm_rm_dispatch(rm, NULL) == -EACCES && !strcmp(calls, "pxppx"));
	replies.prepare = KTM_RM_REFUSE;
	answers.refuse = -EPROTO;
	NOTIFY(KTM_NOTIFY_PREPARE);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1 && !strcmp(calls, "pxppxx"));
	end(rm);
	done("prepare: a vote that cannot be logged is a no, one that comes too late is nothing");
}

static void test_outcome(void)
{
	uint32_t status = 0;
	struct ktm_rm *rm = start_online(0);

	NOTIFY(KTM_NOTIFY_COMMIT, KTM_NOTIFY_ROLLBACK);
	CHECK(ktm_rm_dispatch(rm, NULL) == 2 && !strcmp(told, "CB") && !strcmp(calls, "cr"));
	CHECK(last_event.cookie == 101 && last_event.enlistment.b[0] == 2);
	answers.commit = -ENOMSG;
	answers.rollback = -ENOENT;
	NOTIFY(KTM_NOTIFY_COMMIT, KTM_NOTIFY_ROLLBACK);
	CHECK(ktm_rm_dispatch(rm, NULL) == 2);
	end(rm);
	done("commit, rollback: done and answered; nobody waiting is no failure");

	/* -ENOENT is harmless from the kernel, and a failure from a callback. */
	rm = start_online(0);
	replies.commit = -ENOENT;
	NOTIFY(KTM_NOTIFY_COMMIT, KTM_NOTIFY_ROLLBACK);
	CHECK(ktm_rm_dispatch(rm, &status) == -ENOENT && status == KTM_STATUS_UNSUCCESSFUL);
	CHECK(!strcmp(told, "CB") && !strcmp(calls, "r") && ktm_rm_state(rm) == KTM_RM_ONLINE);
	replies.commit = -ENOTCONN;
	NOTIFY(KTM_NOTIFY_COMMIT);
	CHECK(ktm_rm_dispatch(rm, NULL) == -ENOTCONN && ktm_rm_state(rm) == KTM_RM_ONLINE);
	CHECK(ktm_rm_answer(rm, &last_event, KTM_RM_DONE, NULL) == 0 && !strcmp(calls, "rc"));
	end(rm);
	done("commit: a failing function is not answered for, is told, and holds up nobody");
}

static void test_recovery(void)
{
	struct ktm_rm *rm = start(0);

	CHECK(ktm_rm_begin_recovery(rm, NULL) == 0);
	NOTIFY(KTM_NOTIFY_RECOVER, KTM_NOTIFY_INDOUBT);
	CHECK(ktm_rm_dispatch(rm, NULL) == 2 && !strcmp(calls, "Re") && recovered_key == 77);
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
	CHECK(!strcmp(told, "VVVLC") && !strcmp(calls, "Reeecrc"));
	NOTIFY(KTM_NOTIFY_COMMIT);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1 && !strcmp(told, "VVVLCC"));
	end(rm);
	done("recovery: a COMMIT for which nothing is held is completed by the loop");

	rm = start(0);
	replies.recover = -EIO;
	CHECK(ktm_rm_begin_recovery(rm, NULL) == 0);
	NOTIFY(KTM_NOTIFY_RECOVER, KTM_NOTIFY_LAST_RECOVER);
	CHECK(ktm_rm_dispatch(rm, NULL) == -EIO);
	CHECK(ktm_rm_state(rm) == KTM_RM_OFFLINE && !strcmp(told, "V") && !strcmp(calls, "R"));
	replies.recover = KTM_RM_DONE;
	replies.last_recover = -ENOSPC;
	CHECK(dispatch_until(rm, KTM_RM_RECOVERING) >= 0);
	NOTIFY(KTM_NOTIFY_RECOVER, KTM_NOTIFY_LAST_RECOVER);
	CHECK(ktm_rm_dispatch(rm, NULL) == -ENOSPC && ktm_rm_state(rm) == KTM_RM_OFFLINE);
	replies.last_recover = 0;
	CHECK(dispatch_until(rm, KTM_RM_RECOVERING) >= 0);
	NOTIFY(KTM_NOTIFY_LAST_RECOVER);
	CHECK(dispatch_until(rm, KTM_RM_ONLINE) >= 0);
	CHECK(!strcmp(calls, "RReR") && !strcmp(told, "VVLL"));
	end(rm);
	done("recovery: a step that fails makes it begin again, and nobody is served meanwhile");
}

static void test_offline(void)
{
	struct ktm_rm *rm = start_online(0);
	int tries;

	answers.commit = -ENOTCONN;
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
	CHECK(!strcmp(calls, "crRRRR") && ktm_rm_enlist(rm, 0, 0, NULL, NULL) == 0);
	end(rm);
	done("offline: the caller is told once, woken by a timer, and back after LAST_RECOVER");

	rm = start_online(KTM_RM_LOOP_REOPEN);
	answers.commit = -ENOTCONN;
	answers.rm_recover = -ENOTCONN;
	answers.tm_recover = -EUCLEAN;
	NOTIFY(KTM_NOTIFY_COMMIT);
	CHECK(ktm_rm_dispatch(rm, NULL) == 1);
	CHECK(is_readable(rm, 10000) && ktm_rm_dispatch(rm, NULL) == -EUCLEAN);
	answers.tm_recover = -EIO;
	CHECK(is_readable(rm, 10000) && ktm_rm_dispatch(rm, NULL) == 0);
	CHECK(ktm_rm_state(rm) == KTM_RM_OFFLINE && !strcmp(calls, "cRTRT"));
	end(rm);
	done("offline: reopening the log if told to; damage is reported, a failing device waited for");
}

static void test_strange(void)
{
	struct ktm_rm *rm = start_online(0);
	char bytes[64] = { 1 };

	NOTIFY(0x40000000, KTM_NOTIFY_PREPREPARE, KTM_NOTIFY_ROLLBACK);
	CHECK(ktm_rm_dispatch(rm, NULL) == 3 && !strcmp(told, "B") && !strcmp(calls, "r"));
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

int main(void)
{
	test_prepare();
	test_outcome();
	test_recovery();
	test_offline();
	test_strange();
	return tap_end();
}
