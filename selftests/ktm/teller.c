// SPDX-License-Identifier: GPL-2.0
/*
 * Who tells that something has become durable has others behind him who wait to hear that, too. So
 * he does himself what is short work; what may be long, as many as somebody cares to make it,
 * is a work item's. Which of the two it was is seen by the kernel's tracepoints of work items.
 */
#include <sys/stat.h>

#include "calls.h"
#include "disk.h"
#include "hardware.h"
#include "streams.h"

#define TRACE	"/sys/kernel/tracing/instances/ktm-work"
#define EVENT	TRACE "/events/workqueue/workqueue_execute_start/enable"
/* Many more than he does himself. */
#define MANY	40

static struct disk d;
static struct flaky f;
static int tm, rm;

static void set(const char *file, const char *text)
{
	int err = put_text(file, text);

	if (err)
		FAIL("%s into %s: %s", text, file, strerror(err));
}

/* Switched on once, before there is work, see ../README.md. */
static void prepare_record(void)
{
	if (access("/sys/kernel/tracing/events/workqueue/workqueue_execute_start", F_OK))
		test_skip("this kernel has no tracepoints of work items");
	if (access(TRACE, F_OK)) {
		CHECK_EQ(mkdir(TRACE, 0700), 0);
		set(TRACE "/buffer_size_kb", "4096");
		set(EVENT, "1");
	}
	set(TRACE "/tracing_on", "0");
}

static void begin_record(void)
{
	set(TRACE "/trace", "");
	set(TRACE "/tracing_on", "1");
}

/* Did work items of that function run since begin_record()? */
static bool end_record(const char *function)
{
	char line[1024], name[80];
	bool found = false;
	FILE *trace;

	set(TRACE "/tracing_on", "0");
	snprintf(name, sizeof(name), "function %s ", function);
	trace = fopen(TRACE "/trace", "re");
	CHECK(trace);
	while (fgets(line, sizeof(line), trace))
		found |= strstr(line, name) != NULL;
	fclose(trace);
	return found;
}

void test_setup(void)
{
	prepare_record();
	d = disk_make(32 * MIB);
	f = flaky_make(&d);
	journal_format(f.path, guid_of(950));
	tm = tm_online(f.path);
	rm = rm_online(tm, 1);
}

static void tear_down(void)
{
	close(rm);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

/* Is a work item needed to tell a transaction of so many enlistments its outcome? */
static bool told_by_work(unsigned int enlistments)
{
	int tx = tx_create(tm);
	guid_t en[MANY];
	unsigned int i;
	bool by_work;

	for (i = 0; i < enlistments; i++)
		en[i] = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	flaky_hold(&f);
	for (i = 0; i < enlistments; i++)
		en_prepare(rm, en[i]);
	begin_record();
	flaky_release(&f, NO_TROUBLE);
	/* Asks nothing that would keep others from the transaction. */
	CHECK(poll_for(tx, POLLIN) & POLLIN);
	by_work = end_record("ktm_tx_forced");
	for (i = 0; i < enlistments; i++)
		en_commit(rm, en[i]);
	WAIT(tx, KTM_STATUS_SUCCESS);
	close(tx);
	return by_work;
}

TEST(one_who_takes_part)
{
	CHECK(!told_by_work(1));
	tear_down();
}

TEST(many_who_take_part)
{
	CHECK(told_by_work(MANY));
	tear_down();
}

static void wait_for_outcome(void *data)
{
	CHECK(poll_for(*(int *)data, POLLIN) & POLLIN);
}

TEST(many_who_wait_for_an_outcome)
{
	int tx = tx_create(tm);
	guid_t en = enlist(rm, tx);
	pid_t waiter[MANY];
	unsigned int i;
	bool by_work;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	flaky_hold(&f);
	en_prepare(rm, en);
	for (i = 0; i < MANY; i++) {
		waiter[i] = test_spawn(wait_for_outcome, &tx);
		until_asleep(waiter[i]);
	}
	begin_record();
	flaky_release(&f, NO_TROUBLE);
	for (i = 0; i < MANY; i++)
		test_join(waiter[i]);
	by_work = end_record("ktm_tx_forced");
	en_commit(rm, en);
	WAIT(tx, KTM_STATUS_SUCCESS);
	close(tx);
	CHECK(by_work);
	tear_down();
}

/* However many poll a stream: a work item of its own wakes them. */
TEST(who_polls_a_stream)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);
	int s = stream_create(tm, "s", QUOTA);
	pid_t waiter;

	append(s, 1, 100);
	flaky_hold(&f);
	CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_PENDING);
	waiter = test_spawn(wait_for_outcome, &s);
	until_asleep(waiter);
	begin_record();
	flaky_release(&f, NO_TROUBLE);
	test_join(waiter);
	CHECK(end_record("ktm_stream_wake"));
	close(s);
	tear_down();
}

/* What has ended goes when that is durable, by whatever is forced next. */
TEST(many_that_have_ended)
{
	const unsigned int before = count_objects(dev(), KTM_KIND_TX);
	struct deadline end = deadline_in(PATIENCE);
	guid_t en[MANY], last;
	unsigned int i;
	int tx[MANY], next;
	bool by_work;

	/* All are decided, so that nothing of theirs is forced when they end. */
	for (i = 0; i < MANY; i++) {
		tx[i] = tx_create(tm);
		en[i] = enlist(rm, tx[i]);
		COMMIT(tx[i], 0, KTM_STATUS_PENDING);
		en_prepare(rm, en[i]);
		TAKE(rm, KTM_NOTIFY_COMMIT, en[i]);
	}
	next = tx_create(tm);
	last = enlist(rm, next);
	COMMIT(next, 0, KTM_STATUS_PENDING);
	for (i = 0; i < MANY; i++) {
		ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en[i], KTM_STATUS_SUCCESS);
		close(tx[i]);
	}
	CHECK_EQ(count_objects(dev(), KTM_KIND_TX), before + MANY + 1);
	begin_record();
	en_prepare(rm, last);
	while (count_objects(dev(), KTM_KIND_TX) > before + 1) {
		CHECK(!deadline_passed(&end));
		nap();
	}
	by_work = end_record("ktm_tx_reap_work");
	en_commit(rm, last);
	WAIT(next, KTM_STATUS_SUCCESS);
	close(next);
	CHECK(by_work);
	tear_down();
}

/* Until what is under way for the log has ended: no work of its comes any more. */
static void until_quiet(void)
{
	struct deadline end = deadline_in(PATIENCE);

	do {
		CHECK(!deadline_passed(&end));
		begin_record();
		nap();
	} while (end_record("ktm_journal_work"));
}

/* Nobody need be told that what is durable is: whoever asks again and again is not in the way. */
static void flush_the_durable(unsigned int flags, unsigned int status)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush, .flags = flags);
	int s = stream_create(tm, "s", QUOTA);

	fl.lsn = append(s, 1, 100);
	flush(s, 0);
	append(s, 2, 100);
	until_quiet();
	begin_record();
	CALL(s, KTM_IOC_STREAM_FLUSH, &fl, status);
	nap();
	CHECK(!end_record("ktm_journal_work"));
	close(s);
	tear_down();
}

TEST(flushed_what_is_durable)
{
	flush_the_durable(0, KTM_STATUS_SUCCESS);
}

TEST(asked_for_what_is_durable)
{
	flush_the_durable(KTM_STREAM_NOWAIT, KTM_STATUS_PENDING);
}
