// SPDX-License-Identifier: GPL-2.0
/*
 * A device that does not answer: who waits for it holds up his own TM, and nobody else's.
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "calls.h"
#include "disk.h"
#include "streams.h"

/* More than a workqueue runs at a time. */
#define VOTES	280
#define STREAMS	VOTES
#define TIMEOUT	16

static struct disk d;
static struct flaky f;
static int tm, rm, s, tx[VOTES];
static guid_t en[VOTES];

void test_setup(void)
{
	guid_t g = guid_of(1);

	d = disk_make(32 * MIB);
	f = flaky_make(&d);
	journal_format(f.path, guid_of(970));
	tm = tm_online(f.path);
	rm = rm_create_as(tm, 0, &g);
	rm_recover_empty(rm);
	s = stream_create(tm, "s", 4 * MIB);
}

static void tear_down(void)
{
	close(s);
	close(rm);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

static void append_big(void *data)
{
	while (!shared_word[0])
		append(s, 1, KTM_MAX_STREAM_RECORD);
	(void)data;
}

static void append_small(void *data)
{
	while (!shared_word[0])
		append(s, 2, 0);
	(void)data;
}

/* One that came too late for its time-out is refused. */
static void vote(void *data)
{
	struct ktm_answer a = ARG(ktm_answer, .enlistment = *(guid_t *)data);

	test_try(rm, KTM_IOC_PREPARE_COMPLETE, &a);
}

/*
 * Does a time-out of another TM come while the device hangs? Afterwards it does not any more: else
 * this test could not end, either.
 */
static bool others_time_out(void)
{
	int other = tm_volatile(), late = tx_create_timeout(other, 1000000);
	struct deadline due = deadline_in(PATIENCE);
	bool in_time;

	while (!(in_time = poll_now(late) & POLLIN) && !deadline_passed(&due))
		nap();
	shared_word[0] = true;
	flaky_release(&f, NO_TROUBLE);
	if (in_time)
		TX_IS(late, KTM_TX_STATE_ABORTED);
	close(late);
	close(other);
	return in_time;
}

static void ends_in(int t, unsigned int seconds)
{
	const struct ktm_tx_properties p = { .set = KTM_TX_SET_TIMEOUT,
					     .timeout_ns = seconds * 1000000000ull };
	struct ktm_set s = ARG(ktm_set, .info_class = KTM_INFO_TX_PROPERTIES,
				.length = sizeof(p), .buffer = (uintptr_t)&p);

	CALL(t, KTM_IOC_SET, &s, KTM_STATUS_SUCCESS);
}

/*
 * Votes wait for a place in memory and keep others from their transactions; time-outs fall due.
 * Not before: a machine that is slow to make the transactions is as slow with all else.
 */
TEST(timeouts_of_others)
{
	pid_t pid[VOTES], big, small;
	unsigned int seconds;
	struct deadline due;
	struct timespec t[2];
	bool in_time;
	int i;

	clock_gettime(CLOCK_MONOTONIC, &t[0]);
	for (i = 0; i < VOTES; i++) {
		tx[i] = tx_create(tm);
		en[i] = enlist(rm, tx[i]);
	}
	clock_gettime(CLOCK_MONOTONIC, &t[1]);
	seconds = TIMEOUT + 8 * (t[1].tv_sec - t[0].tv_sec);
	for (i = 0; i < VOTES; i++) {
		ends_in(tx[i], seconds);
		COMMIT(tx[i], 0, KTM_STATUS_PENDING);
		TAKE(rm, KTM_NOTIFY_PREPARE, en[i]);
	}
	due = deadline_in(seconds + 1);
	flaky_hold(&f);
	big = test_spawn(append_big, NULL);
	until_stuck(big);
	small = test_spawn(append_small, NULL);
	until_stuck(small);
	for (i = 0; i < VOTES; i++)
		pid[i] = test_spawn(vote, &en[i]);
	until_stuck(pid[VOTES - 1]);
	while (!deadline_passed(&due))
		nap();
	in_time = others_time_out();
	CHECK(in_time);
	test_join(big);
	test_join(small);
	for (i = 0; i < VOTES; i++)
		test_join(pid[i]);
	/* And theirs have not been forgotten meanwhile: decided, or rolled back. */
	for (i = 0; i < VOTES; i++) {
		CHECK(poll_for(tx[i], POLLIN) & POLLIN);
		close(tx[i]);
	}
	tear_down();
}

static void stream_name(char name[16], int i)
{
	snprintf(name, 16, "s%d", i);
}

/* Sets something aside in each, and ends when it is killed. */
static void leave_something(void *data)
{
	char name[16];
	int i;

	for (i = 0; i < STREAMS; i++) {
		stream_name(name, i);
		reserve(stream_open(tm, name), 1, 0);
	}
	go(1);
	pause();
	(void)data;
}

static void append_one(void *data)
{
	append(*(int *)data, 3, 0);
}

/*
 * Appenders wait for a place in memory, each in a stream of its own. Who closes such a stream
 * gives back what he had set aside there.
 */
TEST(closings_of_others)
{
	static int own[STREAMS];
	pid_t pid[STREAMS], big, leaver;
	struct deadline end;
	char name[16];
	bool in_time;
	int i;

	for (i = 0; i < STREAMS; i++) {
		stream_name(name, i);
		own[i] = stream_create(tm, name, 4096);
	}
	leaver = test_spawn(leave_something, NULL);
	meet(1);
	flaky_hold(&f);
	big = test_spawn(append_big, NULL);
	until_stuck(big);
	for (i = 0; i < STREAMS; i++)
		pid[i] = test_spawn(append_one, &own[i]);
	for (i = 0; i < STREAMS; i++)
		until_stuck(pid[i]);
	test_kill(leaver);
	in_time = others_time_out();
	CHECK(in_time);
	test_join(big);
	for (i = 0; i < STREAMS; i++) {
		test_join(pid[i]);
		for (end = deadline_in(PATIENCE); stream_info(own[i]).reserved; nap())
			CHECK(!deadline_passed(&end));
		close(own[i]);
	}
	tear_down();
}

static void flush_all(void *data)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush, .flags = *(unsigned int *)data);

	test_try(s, KTM_IOC_STREAM_FLUSH, &fl);
}

static void read_last(void *data)
{
	where(s, KTM_STREAM_BEFORE, 0);
	(void)data;
}

static void nothing(int sig)
{
	(void)sig;
}

/* [1]: it was told that a signal came. */
static void flush_until_signal(void *data)
{
	struct sigaction act = { .sa_handler = nothing };

	CHECK_EQ(sigaction(SIGUSR1, &act, NULL), 0);
	CALL(s, KTM_IOC_STREAM_FLUSH, &ARG(ktm_stream_flush), KTM_STATUS_INTERRUPTED);
	shared_word[1] = true;
	(void)data;
}

static bool gone_in_time(pid_t pid, const struct deadline *due)
{
	CHECK_EQ(kill(pid, SIGKILL), 0);
	while (waitpid(pid, NULL, WNOHANG) != pid) {
		if (deadline_passed(due))
			return false;
		nap();
	}
	return true;
}

/*
 * Who appends sleeps, with the stream to himself, until the device is back. Who only reads
 * or flushes, before him or behind him, can be killed all the same.
 */
TEST(killed_beside_an_appender)
{
	enum { WAITS, SIGNALLED, BEGINS, READS, WHO };
	static unsigned int flags[WHO] = { [BEGINS] = KTM_STREAM_NOWAIT };
	struct deadline due;
	bool told, gone[WHO];
	pid_t pid[WHO], big;
	int i;

	append(s, 1, 100);
	flaky_hold(&f);
	pid[WAITS] = test_spawn(flush_all, &flags[WAITS]);
	pid[SIGNALLED] = test_spawn(flush_until_signal, NULL);
	until_asleep(pid[WAITS]);
	until_asleep(pid[SIGNALLED]);
	big = test_spawn(append_big, NULL);
	until_stuck(big);
	pid[BEGINS] = test_spawn(flush_all, &flags[BEGINS]);
	pid[READS] = test_spawn(read_last, NULL);
	until_stuck(pid[BEGINS]);
	until_stuck(pid[READS]);

	CHECK_EQ(kill(pid[SIGNALLED], SIGUSR1), 0);
	due = deadline_in(PATIENCE);
	while (!shared_word[1] && !deadline_passed(&due))
		nap();
	told = shared_word[1];
	for (i = 0; i < WHO; i++)
		gone[i] = gone_in_time(pid[i], &due);
	shared_word[0] = true;
	flaky_release(&f, NO_TROUBLE);
	CHECK(told);
	for (i = 0; i < WHO; i++)
		CHECK(gone[i]);
	test_join(big);
	tear_down();
}

static void create_one(void *data)
{
	struct ktm_stream_create c = ARG(ktm_stream_create, .access = KTM_STREAM_ALL_ACCESS,
					 .guid = *(guid_t *)data, .quota = QUOTA,
					 .name = (uintptr_t)"new", .name_length = 3);

	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_SUCCESS);
}

/* It waits for a place for its first record, and might find none: there is no such stream yet. */
TEST(found_before_it_is_made)
{
	guid_t guid = guid_of(977);
	struct ktm_stream_open o = ARG(ktm_stream_open, .access = KTM_STREAM_ALL_ACCESS,
				       .guid = guid);
	unsigned int by_guid, by_name, streams;
	pid_t big, small, maker;
	int fd;

	flaky_hold(&f);
	big = test_spawn(append_big, NULL);
	until_stuck(big);
	small = test_spawn(append_small, NULL);
	until_stuck(small);
	maker = test_spawn(create_one, &guid);
	until_stuck(maker);
	by_guid = test_try(tm, KTM_IOC_STREAM_OPEN, &o);
	by_name = stream_try_open(tm, "new", KTM_STREAM_ALL_ACCESS, &fd);
	streams = count_objects(tm, KTM_KIND_STREAM);
	shared_word[0] = true;
	flaky_release(&f, NO_TROUBLE);
	CHECK_EQ(by_guid, KTM_STATUS_STREAM_NOT_FOUND);
	CHECK_EQ(by_name, KTM_STATUS_STREAM_NOT_FOUND);
	CHECK_EQ(streams, 1);
	test_join(maker);
	test_join(big);
	test_join(small);
	CALL(tm, KTM_IOC_STREAM_OPEN, &o, KTM_STATUS_SUCCESS);
	close(o.fd);
	tear_down();
}

/* [1]: what became of it. */
static void ask(void *data)
{
	shared_word[1] = tx_info(tx[0]).outcome;
	(void)data;
}

/*
 * A time-out is due, and tries whether its transaction is free. Who asks about that comes
 * behind it: else those who ask and ask could keep it from its time-out for ever.
 */
TEST(asked_when_it_is_due)
{
	pid_t big, voter, asker;
	struct deadline due;

	tx[0] = tx_create_timeout(tm, TIMEOUT * 1000000000ull);
	en[0] = enlist(rm, tx[0]);
	en[1] = enlist(rm, tx[0]);
	COMMIT(tx[0], 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en[0]);
	TAKE(rm, KTM_NOTIFY_PREPARE, en[1]);
	due = deadline_in(TIMEOUT + 1);
	flaky_hold(&f);
	big = test_spawn(append_big, NULL);
	until_stuck(big);
	voter = test_spawn(vote, &en[0]);
	until_stuck(voter);
	while (!deadline_passed(&due))
		nap();
	asker = test_spawn(ask, NULL);
	until_stuck(asker);
	shared_word[0] = true;
	flaky_release(&f, NO_TROUBLE);
	test_join(asker);
	test_join(voter);
	test_join(big);
	CHECK_EQ(shared_word[1], KTM_OUTCOME_ABORTED);
	close(tx[0]);
	tear_down();
}

/*
 * Who has voted first hears first that it is decided: all of them are durable by the same
 * flushes, and are told in the order of the log.
 */
TEST(told_in_the_order_of_the_log)
{
	enum { DECIDED = 32 };
	int i;

	flaky_hold(&f);
	for (i = 0; i < DECIDED; i++) {
		tx[i] = tx_create(tm);
		en[i] = enlist(rm, tx[i]);
		COMMIT(tx[i], 0, KTM_STATUS_PENDING);
		en_prepare(rm, en[i]);
	}
	flaky_release(&f, NO_TROUBLE);
	/* Nothing is asked of any before all are told: who is busy with one gets others ahead of it. */
	for (i = 0; i < DECIDED; i++)
		CHECK(poll_for(tx[i], POLLIN) & POLLIN);
	for (i = 0; i < DECIDED; i++)
		TAKE(rm, KTM_NOTIFY_COMMIT, en[i]);
	for (i = 0; i < DECIDED; i++) {
		ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en[i], KTM_STATUS_SUCCESS);
		WAIT(tx[i], KTM_STATUS_SUCCESS);
		close(tx[i]);
	}
	tear_down();
}
