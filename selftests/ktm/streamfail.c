// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams when the device fails, is slow, or lies, and when the power is cut: what was
 * flushed is there, who used a stream is told that it was read again.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>

#include "calls.h"
#include "disk.h"
#include "streams.h"

static struct disk d;
static struct flaky f;
static int tm, s;

void test_setup(void)
{
	d = disk_make(8 * MIB);
	f = flaky_make(&d);
	journal_format(f.path, guid_of(950));
	tm = tm_online(f.path);
	s = stream_create(tm, "s", QUOTA);
}

static void tear_down(void)
{
	close(s);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

/* All that may be asked of a stream comes to this. */
static void all_refused(unsigned int status)
{
	struct ktm_stream_append a = ARG(ktm_stream_append);
	struct ktm_stream_reserve r = ARG(ktm_stream_reserve, .records = 1);
	struct ktm_stream_flush fl = ARG(ktm_stream_flush);
	struct ktm_stream_mark m = ARG(ktm_stream_mark);

	CALL(s, KTM_IOC_STREAM_APPEND, &a, status);
	CALL(s, KTM_IOC_STREAM_RESERVE, &r, status);
	CALL(s, KTM_IOC_STREAM_FLUSH, &fl, status);
	CALL(s, KTM_IOC_STREAM_ADVANCE, &m, status);
	CALL(s, KTM_IOC_STREAM_TRUNCATE, &m, status);
	CHECK(poll_now(s) & POLLERR);
	CHECK_EQ(poll_now(s) & POLLIN, 0);
}

/* The flush fails: nobody knows, until the log is read again. */
TEST(device_fails_under_a_flush)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush);
	struct ktm_stream_create c = ARG(ktm_stream_create, .access = KTM_STREAM_ALL_ACCESS,
					 .quota = QUOTA, .name = (uintptr_t)"t", .name_length = 1);
	struct ktm_stream_open o = ARG(ktm_stream_open, .access = KTM_STREAM_ALL_ACCESS,
				       .name = (uintptr_t)"s", .name_length = 1);
	struct ktm_stream_read r = ARG(ktm_stream_read, .mode = KTM_STREAM_NEXT);
	struct ktm_call call = ARG(ktm_call);
	uint64_t first, second, quota = 2 * QUOTA;
	struct ktm_set set = ARG(ktm_set, .info_class = KTM_INFO_STREAM_QUOTA,
				 .length = sizeof(quota), .buffer = (uintptr_t)&quota);

	first = append(s, 1, 100);
	flush(s, first);
	CHECK(poll_now(s) & POLLIN);
	second = append(s, 2, 100);
	reserve(s, 3, 300);
	flaky_set(&f, FAIL_WRITES);
	CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_IO_ERROR);
	tm_failed(tm);
	all_refused(KTM_STATUS_TM_NOT_ONLINE);
	CALL(s, KTM_IOC_STREAM_READ, &r, KTM_STATUS_TM_NOT_ONLINE);
	CALL(s, KTM_IOC_STREAM_DELETE, &call, KTM_STATUS_TM_NOT_ONLINE);
	CALL(s, KTM_IOC_SET, &set, KTM_STATUS_TM_NOT_ONLINE);
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_TM_NOT_ONLINE);
	CALL(tm, KTM_IOC_STREAM_OPEN, &o, KTM_STATUS_TM_NOT_ONLINE);
	/* To have looked now does not help later. */
	stream_info(s);

	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	all_refused(KTM_STATUS_STREAM_REOPENED);
	/* Reading is looking. */
	check_record(s, first, 1, 100);
	r = ARG(ktm_stream_read, .lsn = second);
	CALL(s, KTM_IOC_STREAM_READ, &r, KTM_STATUS_LOG_RECORD_NONEXISTENT);
	all_refused(KTM_STATUS_STREAM_REOPENED);
	CHECK_EQ(stream_info(s).records, 1);
	CHECK_EQ(stream_info(s).reserved, 0);
	CHECK_EQ(stream_info(s).flushed_lsn, first);
	CHECK(poll_now(s) & POLLIN);
	CHECK_EQ(try_append(s, 3, 10, KTM_STREAM_RESERVED, &second), KTM_STATUS_INVALID_PARAMETER);
	CHECK(append(s, 3, 100) > first);
	flush(s, 0);
	check_tags(s, (uint64_t[]){ 1, 3 }, 2, 100);
	tear_down();
}

/* A stream whose making did not become durable was never there; and one that was stays. */
TEST(device_fails_under_creation)
{
	int t;
	struct ktm_stream_info i;

	append(s, 1, 100);
	flush(s, 0);
	flaky_set(&f, FAIL_WRITES);
	CHECK_EQ(stream_try_create(tm, "t", QUOTA, &t), KTM_STATUS_IO_ERROR);
	test_shows(KTM_IOC_STREAM_CREATE, KTM_STATUS_IO_ERROR);
	tm_failed(tm);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	CHECK_EQ(stream_try_open(tm, "t", KTM_MAXIMUM_ALLOWED, &t), KTM_STATUS_STREAM_NOT_FOUND);
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 1);
	i = stream_info(s);
	CHECK_EQ(i.records, 1);
	/* Its quota is free again. */
	t = stream_create(tm, "t", 2 * QUOTA);
	close(t);
	tear_down();
}

/* Deleted, but the log has not got it: it is back, for who opens it anew. */
TEST(device_fails_under_deletion)
{
	struct ktm_call c = ARG(ktm_call);

	append(s, 1, 100);
	flush(s, 0);
	flaky_set(&f, FAIL_WRITES);
	CALL(s, KTM_IOC_STREAM_DELETE, &c, KTM_STATUS_IO_ERROR);
	tm_failed(tm);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	all_refused(KTM_STATUS_STREAM_NOT_FOUND);
	close(s);
	s = stream_open(tm, "s");
	check_tags(s, (uint64_t[]){ 1 }, 1, 100);
	tear_down();
}

/* A quota that was not changed durably is the old one. */
TEST(device_fails_under_a_change)
{
	uint64_t quota = 2 * QUOTA;
	struct ktm_set set = ARG(ktm_set, .info_class = KTM_INFO_STREAM_QUOTA,
				 .length = sizeof(quota), .buffer = (uintptr_t)&quota);

	flaky_set(&f, FAIL_WRITES);
	CALL(s, KTM_IOC_SET, &set, KTM_STATUS_IO_ERROR);
	tm_failed(tm);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	CHECK_EQ(stream_info(s).quota, QUOTA);
	tear_down();
}

/* Who does not wait polls. */
TEST(flush_without_waiting)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);
	uint64_t lsn = append(s, 1, 100);
	int other = stream_open(tm, "s");

	flaky_hold(&f);
	CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_PENDING);
	CHECK_EQ(fl.flushed_lsn, 0);
	CHECK_EQ(poll_now(s) & POLLIN, 0);
	/* Who has asked for nothing waits for nothing. */
	CHECK(poll_now(other) & POLLIN);
	/* Nor does who reads, or appends. */
	check_record(other, lsn, 1, 100);
	append(other, 2, 100);
	flaky_release(&f, NO_TROUBLE);
	CHECK(poll_for(s, POLLIN) & POLLIN);
	CHECK(stream_info(s).flushed_lsn >= lsn);
	fl = ARG(ktm_stream_flush, .lsn = stream_info(s).last_lsn + 1);
	CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_INVALID_PARAMETER);
	close(other);
	tear_down();
}

/* KiB of memory that the kernel cannot take back. */
static unsigned long kernel_memory(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *file = fopen("/proc/meminfo", "re");

	CHECK(file);
	while (fgets(line, sizeof(line), file) && sscanf(line, "SUnreclaim: %lu", &kib) != 1)
		;
	fclose(file);
	CHECK(kib);
	return kib;
}

/* However often he asks, what is kept of it is one force. */
TEST(asked_again_and_again)
{
	enum { TIMES = 100000, ROOM = 6 << 10 };
	struct ktm_stream_flush fl = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);
	int other = stream_open(tm, "s");
	unsigned long before;
	uint64_t lsn[2];
	unsigned int i;

	lsn[0] = append(s, 1, 100);
	flush(s, 0);
	CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_PENDING);
	CHECK(poll_now(s) & POLLIN);

	flaky_hold(&f);
	lsn[0] = append(s, 2, 100);
	fl.lsn = lsn[0];
	CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_PENDING);
	lsn[1] = append(s, 3, 100);
	before = kernel_memory();
	for (i = 0; i < TIMES; i++) {
		fl.lsn = lsn[i & 1];
		CHECK_EQ(test_try(s, KTM_IOC_STREAM_FLUSH, &fl), KTM_STATUS_PENDING);
	}
	CHECK(kernel_memory() < before + ROOM);
	CALL(other, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_PENDING);
	CHECK_EQ(poll_now(s) & (POLLIN | POLLERR), 0);
	CHECK_EQ(poll_now(other) & (POLLIN | POLLERR), 0);
	/* Who closes leaves it behind. */
	close(other);
	flaky_release(&f, NO_TROUBLE);
	CHECK(poll_for(s, POLLIN) & POLLIN);
	CHECK(stream_info(s).flushed_lsn >= lsn[1]);
	tear_down();
}

static void wait_for_flush(void *data)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush);

	CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_INTERRUPTED);
	(void)data;
}

static void append_durably(void *data)
{
	struct ktm_stream_append a = ARG(ktm_stream_append, .flags = KTM_STREAM_DURABLE);

	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_INTERRUPTED);
	/* It is there all the same, and the caller knows. */
	CHECK(a.lsn);
	shared_word[0] = a.lsn;
	(void)data;
}

/* A signal ends the wait, not what was waited for. */
TEST(signals)
{
	void (*const waits[])(void *) = { wait_for_flush, append_durably };
	unsigned int i;
	uint64_t lsn;

	for (i = 0; i < 2; i++) {
		lsn = append(s, i, 100);
		flaky_hold(&f);
		interrupt(waits[i], NULL);
		flaky_release(&f, NO_TROUBLE);
		CHECK(flush(s, lsn) >= lsn);
	}
	check_record(s, shared_word[0], 0, 0);
	tear_down();
}

/*
 * Until all buffers wait for the device: then with the stream's lock held. @data: a
 * descriptor that only the parent shall have.
 */
static void append_for_ever(void *data)
{
	close(*(int *)data);
	for (;;)
		advance(s, append(s, 1, 16000));
}

static void ask_for_ever(void *data)
{
	close(*(int *)data);
	for (;;)
		stream_info(s);
}

static void delete_it(void *data)
{
	close(*(int *)data);
	stream_delete(s);
}

static void kill_one(pid_t pid)
{
	int status;

	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
}

/*
 * The device hangs, and somebody with it in the middle of an append. Who asks about the
 * stream meanwhile, or wants it gone, can be killed; who closes it does not wait, and what he
 * had set aside is given back.
 */
TEST(device_hangs)
{
	int other = stream_open(tm, "s");
	struct deadline end;
	pid_t appender, asker, remover;

	reserve(other, 3, 300);
	CHECK(stream_info(s).reserved);
	flaky_hold(&f);
	appender = test_spawn(append_for_ever, &other);
	until_stuck(appender);
	asker = test_spawn(ask_for_ever, &other);
	remover = test_spawn(delete_it, &other);
	until_stuck(asker);
	until_stuck(remover);
	kill_one(asker);
	kill_one(remover);
	close(other);
	/* And who opens it. */
	other = stream_open(tm, "s");
	flaky_release(&f, NO_TROUBLE);
	kill_one(appender);
	for (end = deadline_in(PATIENCE); stream_info(s).reserved; nap())
		CHECK(!deadline_passed(&end));
	flush(s, 0);
	close(other);
	tear_down();
}

static void append_a_while(void *data)
{
	close(*(int *)data);
	while (!shared_word[0])
		advance(s, append(s, 1, 16000));
}

/*
 * Who has gone while the device was slow may have left something that is still to be done: the
 * TM can be taken offline all the same, for nobody has it open.
 */
TEST(offline_behind_the_last_close)
{
	struct ktm_tm_create c = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS, .mode = 0600,
				     .flags = KTM_TM_PERSIST);
	struct ktm_call call = ARG(ktm_call);
	int other, round;
	pid_t appender;

	close(s);
	tm_close(tm, f.path);
	for (round = 0; round < 6; round++) {
		shared_word[0] = false;
		c.device_fd = disk_open(f.path);
		CALL(dev(), KTM_IOC_TM_CREATE, &c, KTM_STATUS_SUCCESS);
		close(c.device_fd);
		tm = c.fd;
		tm_recover(tm);
		s = stream_open(tm, "s");
		other = stream_open(tm, "s");
		reserve(other, 3, 300);
		flaky_hold(&f);
		appender = test_spawn(append_a_while, &other);
		until_stuck(appender);
		close(other);
		close(s);
		shared_word[0] = true;
		flaky_release(&f, NO_TROUBLE);
		test_join(appender);
		CALL(tm, KTM_IOC_TM_OFFLINE, &call, KTM_STATUS_SUCCESS);
		tm_close(tm, f.path);
	}
	flaky_remove(&f);
}

/* Durable when it returns: nothing else has to be asked for. */
TEST(durable_append)
{
	uint64_t forces = tm_info(tm).forces, lsn;

	lsn = append_flags(s, 1, 100, KTM_STREAM_DURABLE);
	CHECK_EQ(tm_info(tm).forces, forces + 1);
	CHECK_EQ(stream_info(s).flushed_lsn, lsn);
	flaky_set(&f, FAIL_FLUSHES);
	CHECK_EQ(try_append(s, 2, 100, KTM_STREAM_DURABLE, &lsn), KTM_STATUS_IO_ERROR);
	test_shows(KTM_IOC_STREAM_APPEND, KTM_STATUS_IO_ERROR);
	tm_failed(tm);
	flaky_set(&f, NO_TROUBLE);
	tear_down();
}

/* [0]: LSN of the record to be read; [1]: it is over. */
static void read_all_the_time(void *data)
{
	struct ktm_stream_read r;
	unsigned int status;

	while (!shared_word[1]) {
		r = ARG(ktm_stream_read, .lsn = shared_word[0]);
		status = test_try(s, KTM_IOC_STREAM_READ, &r);
		if (status != KTM_STATUS_BUFFER_TOO_SMALL && status != KTM_STATUS_TM_NOT_ONLINE &&
		    status != KTM_STATUS_LOG_RECORD_NONEXISTENT)
			FAIL("reading gives %s", status_name(status));
	}
	(void)data;
}

/* A record that could not be written is gone with its log, not damaged. */
TEST(read_what_is_not_written)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush);
	pid_t reader[2];
	unsigned int i;

	shared_word[0] = append(s, 1, 100);
	for (i = 0; i < 2; i++)
		reader[i] = test_spawn(read_all_the_time, NULL);
	for (i = 0; i < 12; i++) {
		shared_word[0] = append(s, 1, 100);
		flaky_set(&f, FAIL_WRITES);
		CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_IO_ERROR);
		tm_failed(tm);
		flaky_set(&f, NO_TROUBLE);
		tm_recover(tm);
		stream_info(s);
	}
	shared_word[1] = true;
	for (i = 0; i < 2; i++)
		test_join(reader[i]);
	tear_down();
}

/*
 * Power cuts: what was flushed by then is there, whole and in order, and nothing else but
 * what was appended behind it, in order, without a gap.
 */
TEST(power_cuts)
{
	enum { CUTS = 12, EACH = 5 };
	unsigned char *at[CUTS];
	uint64_t lsn[CUTS * EACH], flushed[CUTS], next = 0;
	unsigned int i, k;

	tear_down();
	tm = tm_online(d.path);
	s = stream_open(tm, "s");
	for (i = 0; i < CUTS; i++) {
		for (k = 0; k < EACH; k++, next++)
			lsn[next] = append(s, next, 50 + 300 * k);
		if (i % 3 != 1)
			flush(s, i % 3 ? lsn[next - 2] : 0);
		flushed[i] = stream_info(s).flushed_lsn;
		at[i] = disk_read(&d);
	}
	close(s);
	for (i = 0; i < CUTS; i++) {
		uint64_t here = 0, last = 0;

		tm = disk_after_cut(&d, tm, at[i]);
		s = stream_open(tm, "s");
		for (k = 0; (here = where(s, KTM_STREAM_NEXT, last)); k++) {
			CHECK(k < (i + 1) * EACH);
			CHECK_EQ(here, lsn[k]);
			check_record(s, here, k, 50 + 300 * (k % EACH));
			last = here;
		}
		CHECK(last >= flushed[i]);
		/* What comes is behind all that, whatever was lost. */
		CHECK(append(s, 7777, 10) > last);
		close(s);
	}
	tm_close(tm, d.path);
}

/* A base that was advanced, and an end that was cut off, then a power cut. */
TEST(power_cut_behind_marks)
{
	uint64_t lsn[6];
	unsigned char *at;
	unsigned int i;

	for (i = 0; i < 6; i++)
		lsn[i] = append(s, i, 100);
	flush(s, 0);
	advance(s, lsn[2]);
	truncate_to(s, lsn[4]);
	/* Durable with what comes later in the log. */
	append_flags(s, 9, 100, KTM_STREAM_DURABLE);
	at = disk_read(&d);
	close(s);
	tm_close(tm, f.path);
	flaky_remove(&f);
	disk_write(&d, 0, at, d.bytes);
	free(at);
	tm = tm_online(d.path);
	s = stream_open(tm, "s");
	check_tags(s, (uint64_t[]){ 2, 3, 4, 9 }, 4, 100);
	CHECK_EQ(stream_info(s).base_lsn, lsn[2]);
	close(s);
	tm_close(tm, d.path);
}

/* What is on the device is not the record: said, and nothing else suffers. */
TEST(damage)
{
	static const unsigned char junk[16] = { 0xde, 0xad };
	unsigned char data[1000], want[1000], *image, *found;
	struct ktm_stream_read r;
	uint64_t lsn[3], big;
	unsigned int i;

	for (i = 0; i < 3; i++)
		lsn[i] = append(s, i, sizeof(data));
	flush(s, 0);
	/* What is in the buffers still must go. */
	for (i = 0; i < 64; i++)
		big = append(s, 100 + i, KTM_MAX_STREAM_RECORD / 8);
	flush(s, big);
	for (i = 0; i < 64; i++) {
		truncate_to(s, lsn[2]);
		big = append(s, 200, KTM_MAX_STREAM_RECORD);
		flush(s, big);
	}
	image = disk_read(&d);
	fill(want, 1, sizeof(want));
	found = memmem(image, d.bytes, want, sizeof(want));
	CHECK(found);
	disk_write(&d, found - image + 500, junk, sizeof(junk));
	r = ARG(ktm_stream_read, .lsn = lsn[1], .buffer = (uintptr_t)data,
		.length = sizeof(data));
	CALL(s, KTM_IOC_STREAM_READ, &r, KTM_STATUS_LOG_CORRUPTION_DETECTED);
	check_record(s, lsn[0], 0, sizeof(data));
	check_record(s, lsn[2], 2, sizeof(data));
	disk_write(&d, found - image, want, sizeof(want));
	check_record(s, lsn[1], 1, sizeof(data));
	free(image);
	/* And a device that does not answer. */
	flaky_set(&f, FAIL_ALL);
	CALL(s, KTM_IOC_STREAM_READ, &r, KTM_STATUS_IO_ERROR);
	flaky_set(&f, NO_TROUBLE);
	check_record(s, lsn[1], 1, sizeof(data));
	tear_down();
}
