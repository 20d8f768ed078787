// SPDX-License-Identifier: GPL-2.0
/*
 * What is under way while a log fails and is opened again: it waits, or is refused, or knows
 * that what it was about is gone.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "calls.h"
#include "disk.h"
#include "latepage.h"
#include "streams.h"

#define BYTES	100

static struct disk d;
static struct flaky f;
static int tm, s;

void test_setup(void)
{
	d = disk_make(8 * MIB);
	f = flaky_make(&d);
	journal_format(f.path, guid_of(980));
	tm = tm_online(f.path);
	s = stream_create(tm, "s", 1 * MIB);
}

static void tear_down(void)
{
	close(s);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

/* By a descriptor that nobody else uses. */
static void lose_the_log(enum trouble trouble)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush);
	int own = stream_open(tm, "s");
	uint64_t lsn;

	flaky_set(&f, trouble);
	if (try_append(own, 0, BYTES, 0, &lsn) == KTM_STATUS_SUCCESS)
		CHECK(test_try(own, KTM_IOC_STREAM_FLUSH, &fl) != KTM_STATUS_SUCCESS);
	tm_failed(tm);
	close(own);
}

static void fail_and_reopen(void)
{
	lose_the_log(FAIL_WRITES);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
}

/* ---- readings ------------------------------------------------------------ */

static void read_record(void *data)
{
	struct ktm_stream_read r = ARG(ktm_stream_read, .lsn = *(uint64_t *)data);
	unsigned int status = test_try(s, KTM_IOC_STREAM_READ, &r);

	/* It has no room for what it reads: the record was found. */
	if (status != KTM_STATUS_BUFFER_TOO_SMALL && status != KTM_STATUS_TM_NOT_ONLINE)
		FAIL("reading gives %s", status_name(status));
}

static void recover_elsewhere(void *data)
{
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = disk_open(data));

	CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_SUCCESS);
	shared_word[0] = true;
}

/* The device that is read from is let go of only when that has ended. */
TEST(waits_for_who_reads)
{
	struct flaky other = flaky_make(&d);
	struct deadline end = deadline_in(2);
	unsigned char data[600];
	pid_t reader, recoverer;
	uint64_t lsn;
	bool waits;

	lsn = append(s, 7, sizeof(data));
	flush(s, 0);
	fill(data, 7, sizeof(data));
	f.bad = disk_find(&d, data, sizeof(data)) / 512 * 512;
	f.bad_bytes = 2 * 512;
	/* In memory it is no more. */
	close(s);
	tm_close(tm, f.path);
	tm = tm_online(f.path);
	s = stream_open(tm, "s");

	flaky_set(&f, SLOW_SPOT);
	reader = test_spawn(read_record, &lsn);
	until_stuck(reader);
	append(s, 8, BYTES);
	CHECK(test_try(s, KTM_IOC_STREAM_FLUSH, &ARG(ktm_stream_flush)) != KTM_STATUS_SUCCESS);
	tm_failed(tm);
	recoverer = test_spawn(recover_elsewhere, other.path);
	/* Longer than it takes; if that is not long enough, what is wrong is not noticed. */
	while (!shared_word[0] && !deadline_passed(&end))
		nap();
	waits = !shared_word[0];
	/* Or the reading would not end, whatever was found. */
	flaky_set(&f, NO_TROUBLE);
	CHECK(waits);
	test_join(reader);
	test_join(recoverer);
	stream_info(s);
	check_record(s, lsn, 7, sizeof(data));
	close(s);
	tm_close(tm, other.path);
	flaky_remove(&other);
	flaky_remove(&f);
}

/* ---- a log that has failed, and whose TM has yet to be told --------------- */

static void append_until_refused(void)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);
	unsigned int status;
	uint64_t lsn;

	append(s, 1, BYTES);
	test_try(s, KTM_IOC_STREAM_FLUSH, &fl);
	do {
		status = try_append(s, 1, BYTES, 0, &lsn);
	} while (status == KTM_STATUS_SUCCESS);
	CHECK_EQ(status, KTM_STATUS_TM_NOT_ONLINE);
}

/* Who was refused comes back at once: it is as if the TM knew already. */
TEST(nothing_begins_in_a_failed_log)
{
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);
	struct ktm_tm_rollforward fw = ARG(ktm_tm_rollforward, .device_fd = -1,
					   .virtual_clock = 1ull << 40);
	struct ktm_call c = ARG(ktm_call);
	int rm = rm_online(tm, 1);
	unsigned int i;

	for (i = 0; i < 12; i++) {
		flaky_set(&f, FAIL_WRITES);
		append_until_refused();
		if (i % 3 == 0)
			CALL(rm, KTM_IOC_RM_RECOVER, &c, KTM_STATUS_TM_NOT_ONLINE);
		else if (i % 3 == 1)
			CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_IO_ERROR);
		else
			CALL(tm, KTM_IOC_TM_ROLLFORWARD, &fw, KTM_STATUS_IO_ERROR);
		tm_failed(tm);
		flaky_set(&f, NO_TROUBLE);
		tm_recover(tm);
		stream_info(s);
		rm_recover_empty(rm);
	}
	close(rm);
	tear_down();
}

/* ---- notifications that are being copied ---------------------------------- */

static int reading_rm;

static void *read_in_vain(void *to)
{
	CHECK_EQ(read(reading_rm, to, sizeof(struct ktm_notification)), -1);
	CHECK_EQ(errno, EFAULT);
	return NULL;
}

/* The copy of what waits fails behind a reopening. */
static void copy_fails_too_late(int rm)
{
	struct late_page page = late_page();
	pthread_t reader;

	reading_rm = rm;
	CHECK_EQ(pthread_create(&reader, NULL, read_in_vain, page.at), 0);
	late_page_is_wanted(&page);
	TAKE_NONE(rm);
	fail_and_reopen();
	late_page_is_bad(&page);
	CHECK_EQ(pthread_join(reader, NULL), 0);
}

/* What is not true any more does not come back to be read again. */
TEST(what_is_withdrawn_does_not_come_back)
{
	int rm = rm_online(tm, 1), tx;
	guid_t en;

	tx = tx_create(tm);
	en = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	copy_fails_too_late(rm);
	TAKE_NONE(rm);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	EN_GONE(rm, en);
	close(tx);

	rm_recover(rm);
	copy_fails_too_late(rm);
	TAKE_NONE(rm);
	/* And what is true is told, once. */
	rm_recover_empty(rm);
	TAKE_NONE(rm);
	tx = tx_create(tm);
	commit_one(rm, tx);
	close(tx);
	close(rm);
	tear_down();
}

/* ---- flushes --------------------------------------------------------------- */

/* Asked for before: it is nothing that anybody waits for behind the reopening. */
TEST(asked_for_before_a_reopening)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);
	unsigned int i;
	uint64_t lsn;

	for (i = 0; i < 10; i++) {
		lsn = append(s, 1, BYTES);
		flush(s, lsn);
		flaky_hold(&f);
		/* Far behind what will be there. */
		append(s, 2, KTM_MAX_STREAM_RECORD);
		append(s, 2, BYTES);
		CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_PENDING);
		CHECK_EQ(poll_now(s) & (POLLIN | POLLERR), 0);
		flaky_release(&f, FAIL_WRITES);
		CHECK(poll_for(s, POLLERR) & POLLERR);
		tm_failed(tm);
		flaky_set(&f, NO_TROUBLE);
		tm_recover(tm);
		CHECK_EQ(poll_now(s) & (POLLIN | POLLERR | POLLPRI), POLLERR);
		CHECK_EQ(stream_info(s).last_lsn, lsn);
		CHECK_EQ(poll_now(s) & (POLLIN | POLLERR | POLLPRI), POLLIN);
		lsn = append(s, 3, BYTES);
		CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_PENDING);
		CHECK(poll_for(s, POLLIN) & POLLIN);
		CHECK_EQ(stream_info(s).flushed_lsn, lsn);
		advance(s, lsn);
	}
	tear_down();
}

static void flush_and_be_interrupted(void *data)
{
	CALL(s, KTM_IOC_STREAM_FLUSH, &ARG(ktm_stream_flush), KTM_STATUS_INTERRUPTED);
	(void)data;
}

/* Who does not wait any more is not told, also when all are told that it failed. */
TEST(many_waits_are_interrupted)
{
	enum { WAITERS = 40 };
	const enum trouble ends[] = { NO_TROUBLE, FAIL_WRITES };
	pid_t pid[WAITERS];
	unsigned int i, k;

	catch_signal(SIGUSR1);
	for (k = 0; k < 2; k++) {
		append(s, 1, BYTES);
		flaky_hold(&f);
		for (i = 0; i < WAITERS; i++)
			pid[i] = test_spawn(flush_and_be_interrupted, NULL);
		for (i = 0; i < WAITERS; i++)
			until_asleep(pid[i]);
		for (i = 0; i < WAITERS; i++)
			CHECK_EQ(kill(pid[i], SIGUSR1), 0);
		for (i = 0; i < WAITERS; i++)
			test_join(pid[i]);
		flaky_release(&f, ends[k]);
		if (ends[k] == NO_TROUBLE)
			flush(s, 0);
		else
			tm_failed(tm);
	}
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	stream_info(s);
	append(s, 2, BYTES);
	flush(s, 0);
	tear_down();
}

/* ---- appends --------------------------------------------------------------- */

#define MOST	1500	/* acknowledged records */

enum word {
	OVER,
	COUNT,
	FIRST,		/* of MOST: their LSNs; the tag is the index */
};

static void append_durably(void *data)
{
	uint64_t lsn;

	while (!shared_word[OVER] && shared_word[COUNT] < MOST) {
		const uint64_t tag = shared_word[COUNT];

		if (try_append(s, tag, BYTES, KTM_STREAM_DURABLE, &lsn) == KTM_STATUS_SUCCESS) {
			shared_word[FIRST + tag] = lsn;
			shared_word[COUNT] = tag + 1;
		}
	}
	(void)data;
}

/* For who appends, too: the descriptor is one. */
static void look_all_the_time(void *data)
{
	while (!shared_word[OVER])
		stream_info(s);
	(void)data;
}

/* Others take the places of what was lost. */
static void append_others(void *data)
{
	const int own = *(int *)data;
	unsigned int n;
	uint64_t lsn;

	for (n = 0; !shared_word[OVER] && n < MOST; nap()) {
		if (try_append(own, MOST, BYTES, 0, &lsn) == KTM_STATUS_SUCCESS)
			n++;
		else
			stream_info(own);
	}
}

/* A record that was said to be durable is there, however often the log was read again. */
TEST(durable_over_reopenings)
{
	void (*const doing[])(void *) = { append_durably, look_all_the_time, append_others };
	int own = stream_open(tm, "s");
	pid_t pid[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		pid[i] = test_spawn(doing[i], &own);
	close(own);
	for (i = 0; i < 15; i++) {
		const uint64_t seen = shared_word[COUNT];
		const struct deadline end = deadline_in(PATIENCE);

		while (shared_word[COUNT] == seen && seen < MOST) {
			CHECK(!deadline_passed(&end));
			nap();
		}
		fail_and_reopen();
	}
	shared_word[OVER] = true;
	for (i = 0; i < 3; i++)
		test_join(pid[i]);
	stream_info(s);
	printf("# %llu records\n", (unsigned long long)shared_word[COUNT]);
	for (i = 0; i < shared_word[COUNT]; i++)
		check_record(s, shared_word[FIRST + i], i, BYTES);
	tear_down();
}

/* ---- transactions ---------------------------------------------------------- */

static void create_all_the_time(void *data)
{
	while (!shared_word[OVER]) {
		struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS,
					     .tm_fd = tm);
		unsigned int status = test_try(dev(), KTM_IOC_TX_CREATE, &c);

		shared_word[COUNT]++;
		if (status == KTM_STATUS_SUCCESS)
			close(c.fd);
		else if (status != KTM_STATUS_TM_NOT_ONLINE)
			FAIL("TX_CREATE gives %s", status_name(status));
	}
	(void)data;
}

/* Made, or not: nobody is told of one that he does not know. */
TEST(transactions_made_meanwhile)
{
	pid_t pid[2];
	unsigned int i;
	int rm, tx;

	for (i = 0; i < 2; i++)
		pid[i] = test_spawn(create_all_the_time, NULL);
	for (i = 0; i < 20; i++)
		fail_and_reopen();
	shared_word[OVER] = true;
	for (i = 0; i < 2; i++)
		test_join(pid[i]);
	CHECK(shared_word[COUNT] > 20);
	rm = rm_online(tm, 1);
	tx = tx_create(tm);
	commit_one(rm, tx);
	close(tx);
	close(rm);
	tear_down();
}
