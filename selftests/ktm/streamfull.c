// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams in a log that is full for everybody: what is refused has changed nothing, what
 * was set aside can be had, what is given up stays given up, and when there is room again
 * all goes on by itself.
 *
 * The log is made full by its oldest record: it lives, and cannot be read, so that it cannot
 * be copied forward.
 */
#include <signal.h>

#include "calls.h"
#include "disk.h"
#include "nt.h"
#include "streams.h"

#define RM_GUID	guid_of(1)
#define PIN	1500
#define CHUNK	4000

static struct disk d;
static struct flaky f;
static int tm, rm, s, pin, filler;
static uint64_t pinned, second;

void test_setup(void)
{
	guid_t g = RM_GUID;

	/* Not while this runs, whoever is slow. */
	CHECK_EQ(run("echo 3600 >/sys/module/ktm/parameters/lost_after"), 0);
	d = disk_make(MIB);
	f = flaky_make(&d);
	journal_format(f.path, guid_of(960));
	tm = tm_online(f.path);
	rm = rm_create_as(tm, 0, &g);
	rm_recover_empty(rm);
	pin = stream_create(tm, "pin", 4 * PIN);
	s = stream_create(tm, "s", 64 << 10);
	filler = stream_create(tm, "filler", 4 * CHUNK);
	pinned = append(pin, 1, PIN);
	second = append(pin, 2, PIN);
	flush(pin, 0);
}

static void tear_down(void)
{
	close(pin);
	close(s);
	close(filler);
	close(rm);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

static unsigned int try_truncate(int fd, uint64_t last)
{
	struct ktm_stream_mark m = ARG(ktm_stream_mark, .lsn = last);

	return test_try(fd, KTM_IOC_STREAM_TRUNCATE, &m);
}

/* Records of that many bytes, each given up at once, until there is no room for another. */
static void fill_with(unsigned int bytes)
{
	const uint64_t end = tm_space(tm).next_lsn + 4 * tm_space(tm).bytes;
	unsigned int status;
	uint64_t lsn;

	while ((status = try_append(filler, 1, bytes, 0, &lsn)) == KTM_STATUS_SUCCESS) {
		advance(filler, lsn);
		CHECK(tm_space(tm).next_lsn < end);
	}
	CHECK_EQ(status, KTM_STATUS_LOG_FULL);
	CHECK_EQ(lsn, 0);
}

/* From now on the log's end stays where it is. */
static void pin_end(void)
{
	unsigned char data[PIN];

	fill(data, 1, PIN);
	f.bad = disk_find(&d, data, PIN);
	f.bad_bytes = PIN;
	flaky_set(&f, BAD_SPOT);
}

/* To the last byte: not even a base goes in any more. */
static void fill_up(void)
{
	unsigned int n, status;

	pin_end();
	fill_with(CHUNK);
	fill_with(0);
	for (n = 0; (status = try_truncate(filler, stream_info(filler).last_lsn)) ==
		    KTM_STATUS_SUCCESS; n++)
		CHECK(n < 1000);
	CHECK_EQ(status, KTM_STATUS_LOG_FULL);
	CHECK(tm_space(tm).tail_lsn <= stream_info(pin).place_lsn);
}

/* The record that holds the log's end back goes. */
static void make_room(void)
{
	flaky_set(&f, NO_TROUBLE);
	check_record(pin, pinned, 1, PIN);
	advance(pin, second);
}

static void unchanged(const struct ktm_stream_info *before)
{
	const struct ktm_stream_info now = stream_info(s);

	CHECK(!memcmp(before, &now, sizeof(now)));
}

/* All that may be told LOG_FULL; nothing is lost, or changed; and then there is room. */
TEST(refused_when_full)
{
	struct ktm_stream_append a = ARG(ktm_stream_append);
	struct ktm_stream_reserve r = ARG(ktm_stream_reserve, .records = 1, .bytes = CHUNK);
	struct ktm_stream_flush fl = ARG(ktm_stream_flush);
	struct ktm_stream_mark m = ARG(ktm_stream_mark);
	struct ktm_call c = ARG(ktm_call);
	uint64_t quota = 32 << 10, lsn[3];
	struct ktm_set set = ARG(ktm_set, .info_class = KTM_INFO_STREAM_QUOTA,
				 .length = sizeof(quota), .buffer = (uintptr_t)&quota);
	struct ktm_stream_info before;
	int t;

	lsn[0] = append(s, 1, 500);
	lsn[1] = append(s, 2, 500);
	m.lsn = lsn[0];
	fill_up();
	before = stream_info(s);
	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_LOG_FULL);
	CHECK_EQ(a.lsn, 0);
	unchanged(&before);
	a.flags = KTM_STREAM_DURABLE;
	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_LOG_FULL);
	CHECK_EQ(a.lsn, 0);
	unchanged(&before);
	CALL(s, KTM_IOC_STREAM_RESERVE, &r, KTM_STATUS_LOG_FULL);
	CHECK_EQ(r.total_records, 0);
	unchanged(&before);
	CALL(s, KTM_IOC_STREAM_TRUNCATE, &m, KTM_STATUS_LOG_FULL);
	unchanged(&before);
	CALL(filler, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_LOG_FULL);
	CALL(s, KTM_IOC_SET, &set, KTM_STATUS_LOG_FULL);
	CALL(s, KTM_IOC_STREAM_DELETE, &c, KTM_STATUS_LOG_FULL);
	CHECK_EQ(stream_try_create(tm, "t", QUOTA / 8, &t), KTM_STATUS_LOG_FULL);
	unchanged(&before);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);

	make_room();
	lsn[2] = append(s, 3, 500);
	reserve(s, 1, CHUNK);
	unreserve(s, 1, CHUNK);
	flush(s, 0);
	flush(filler, 0);
	check_tags(s, (uint64_t[]){ 1, 2, 3 }, 3, 500);
	truncate_to(s, lsn[0]);
	CALL(s, KTM_IOC_SET, &set, KTM_STATUS_SUCCESS);
	t = stream_create(tm, "t", QUOTA / 8);
	stream_delete(t);
	close(t);
	check_tags(s, (uint64_t[]){ 1 }, 1, 500);
	tear_down();
}

/*
 * What was set aside goes in; but there is no room to end the write unit with, so that it
 * could become durable now. Who asked is told, whoever else asks for what.
 */
TEST(flushes_when_full)
{
	struct ktm_stream_append a = ARG(ktm_stream_append,
					 .flags = KTM_STREAM_RESERVED | KTM_STREAM_DURABLE);
	struct ktm_stream_flush fl = ARG(ktm_stream_flush);
	struct ktm_stream_flush nowait = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);
	int other = stream_open(tm, "s");
	struct ktm_stream_info before;
	uint64_t lsn[2];

	reserve(s, 3, 200);
	fill_up();
	lsn[0] = append_flags(s, 1, 100, KTM_STREAM_RESERVED);
	lsn[1] = append_flags(s, 2, 100, KTM_STREAM_RESERVED);
	nowait.lsn = lsn[1];
	CALL(s, KTM_IOC_STREAM_FLUSH, &nowait, KTM_STATUS_PENDING);
	CHECK(poll_for(s, POLLPRI) & POLLERR);
	/* Others ask, too, for less; that is refused as well, and is not his. */
	nowait.lsn = lsn[0];
	CALL(other, KTM_IOC_STREAM_FLUSH, &nowait, KTM_STATUS_PENDING);
	CHECK(poll_for(other, POLLPRI) & POLLERR);
	fl.lsn = lsn[0];
	CALL(other, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_LOG_FULL);
	CHECK_EQ(poll_now(s) & (POLLERR | POLLIN), POLLERR);
	/* To be durable at once it would need that, too: it is not there, its own room is. */
	before = stream_info(s);
	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_LOG_FULL);
	CHECK_EQ(a.lsn, 0);
	unchanged(&before);
	/* Nor does a base that is owed use up any of it. */
	advance(s, lsn[0]);
	before = stream_info(s);
	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_LOG_FULL);
	CHECK_EQ(a.lsn, 0);
	unchanged(&before);
	make_room();
	CALL(s, KTM_IOC_STREAM_APPEND, &a, KTM_STATUS_SUCCESS);
	CHECK(a.lsn > lsn[1]);
	CHECK_EQ(stream_info(s).flushed_lsn, a.lsn);
	CHECK_EQ(stream_info(s).reserved, 0);
	/* What he had asked for has become durable by that. */
	CHECK(poll_now(s) & POLLIN);
	CHECK(poll_now(other) & POLLIN);
	close(other);
	tear_down();
}

/*
 * Who never waits, and who is the only one there: he is refused, some room is given up, and by
 * asking again alone he gets it.
 */
TEST(cleaned_for_who_does_not_wait)
{
	struct ktm_stream_flush nowait = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);
	uint64_t lsn;

	reserve(s, 1, 100);
	fill_up();
	lsn = append_flags(s, 3, 100, KTM_STREAM_RESERVED);
	nowait.lsn = lsn;
	CALL(s, KTM_IOC_STREAM_FLUSH, &nowait, KTM_STATUS_PENDING);
	CHECK(poll_for(s, POLLPRI) & POLLERR);
	make_room();
	CALL(s, KTM_IOC_STREAM_FLUSH, &nowait, KTM_STATUS_PENDING);
	CHECK(poll_for(s, POLLPRI | POLLIN) & POLLIN);
	CHECK_EQ(stream_info(s).flushed_lsn, lsn);
	tear_down();
}

/*
 * Something is asked for, and the log is full; room is given up, and the restart area that finds
 * it waits for the device, which is held.
 */
static uint64_t ask_and_hold(void)
{
	struct ktm_stream_flush nowait = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);

	reserve(s, 1, 100);
	fill_up();
	nowait.lsn = append_flags(s, 3, 100, KTM_STREAM_RESERVED);
	make_room();
	flaky_hold(&f);
	CALL(s, KTM_IOC_STREAM_FLUSH, &nowait, KTM_STATUS_PENDING);
	return nowait.lsn;
}

/* However often he asks he is told nothing meanwhile, and then once, that it is durable. */
TEST(told_when_there_is_room)
{
	enum { TIMES = 50 };
	struct ktm_stream_flush nowait = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);
	unsigned int n;

	nowait.lsn = ask_and_hold();
	for (n = 0; n < TIMES; n++) {
		nap();
		CHECK_EQ(poll_now(s), 0);
		CALL(s, KTM_IOC_STREAM_FLUSH, &nowait, KTM_STATUS_PENDING);
	}
	flaky_release(&f, NO_TROUBLE);
	CHECK_EQ(poll_for(s, POLLIN | POLLPRI), POLLIN);
	CHECK_EQ(stream_info(s).flushed_lsn, nowait.lsn);
	tear_down();
}

static void delete_it(void *unused)
{
	stream_delete(s);
	(void)unused;
}

/* He closes before that: nothing keeps the TM. */
TEST(closed_before_there_is_room)
{
	ask_and_hold();
	close(s);
	s = stream_open(tm, "s");
	flaky_release(&f, NO_TROUBLE);
	flush(s, 0);
	check_tags(s, (uint64_t[]){ 3 }, 1, 100);
	tear_down();
}

/* The stream is deleted as soon as there is. */
TEST(deleted_before_there_is_room)
{
	pid_t pid;

	ask_and_hold();
	pid = test_spawn(delete_it, NULL);
	/* For the restart area, or for the lock that it has. */
	until_waiting(pid);
	flaky_release(&f, NO_TROUBLE);
	test_join(pid);
	CHECK_EQ(poll_for(s, POLLPRI), POLLERR);
	tear_down();
}

/* The device fails before: that is told, and he can ask again when the log is back. */
TEST(failed_before_there_is_room)
{
	struct ktm_stream_flush nowait = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);

	ask_and_hold();
	flaky_release(&f, FAIL_WRITES);
	CHECK_EQ(poll_for(s, POLLIN | POLLPRI), POLLERR);
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	stream_info(s);
	nowait.lsn = append(s, 4, 100);
	CALL(s, KTM_IOC_STREAM_FLUSH, &nowait, KTM_STATUS_PENDING);
	CHECK(poll_for(s, POLLIN | POLLPRI) & POLLIN);
	CHECK_EQ(stream_info(s).flushed_lsn, nowait.lsn);
	tear_down();
}

/* The same for a base that the log has not got yet. */
TEST(base_of_who_does_not_wait)
{
	struct ktm_stream_flush nowait = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);
	const struct deadline end = deadline_in(PATIENCE);
	uint64_t base;

	append(s, 1, 200);
	base = append(s, 2, 200);
	flush(s, 0);
	fill_up();
	advance(s, base);
	CALL(s, KTM_IOC_STREAM_FLUSH, &nowait, KTM_STATUS_LOG_FULL);
	make_room();
	while (test_try(s, KTM_IOC_STREAM_FLUSH, &nowait) == KTM_STATUS_LOG_FULL) {
		CHECK(!deadline_passed(&end));
		nap();
	}
	CHECK_EQ(nowait.status, KTM_STATUS_PENDING);
	CHECK(poll_for(s, POLLIN) & POLLIN);
	tear_down();
}

struct voted {
	unsigned char data[100];
	struct ktm_stream_piece piece;
	struct ktm_stream_append append;
	struct ktm_answer answer;
};

/* An answer with a record of that tag for @s. */
static struct ktm_answer *with_record(struct voted *v, guid_t en, uint64_t tag,
				      unsigned int records, uint64_t need)
{
	fill(v->data, tag, sizeof(v->data));
	v->piece = (struct ktm_stream_piece){ .base = (uintptr_t)v->data,
					      .length = sizeof(v->data) };
	v->append = ARG(ktm_stream_append, .count = 1, .pieces = (uintptr_t)&v->piece);
	v->answer = ARG(ktm_answer, .enlistment = en, .append = (uintptr_t)&v->append,
			.stream_fd = s, .stream_records = records, .stream_need = need);
	return &v->answer;
}

/* A transaction with two enlistments; one has voted, with a record and room for another. */
static int half_voted(guid_t *one, guid_t *two, uint64_t tag)
{
	struct voted v;
	int tx = tx_create(tm);

	*one = enlist(rm, tx);
	*two = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, *one);
	TAKE(rm, KTM_NOTIFY_PREPARE, *two);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, with_record(&v, *one, tag, 1, sizeof(v.data)),
	     KTM_STATUS_SUCCESS);
	return tx;
}

/* Room for a record, but not for the end of the write unit that it would be in. */
static void fill_but_one(void)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush);
	unsigned int status, n = 0;
	uint64_t lsn;

	pin_end();
	fill_with(CHUNK);
	do {
		CHECK_EQ(try_append(filler, 1, 0, 0, &lsn), KTM_STATUS_SUCCESS);
		status = test_try(filler, KTM_IOC_STREAM_FLUSH, &fl);
		CHECK(n++ < 100);
	} while (status == KTM_STATUS_SUCCESS);
	CHECK_EQ(status, KTM_STATUS_LOG_FULL);
	CHECK_EQ(try_append(s, 1, 100, 0, &lsn), KTM_STATUS_SUCCESS);
}

/* Who decides alone is refused before his record is there: then he may refuse the transaction. */
TEST(single_phase_when_full)
{
	struct ktm_stream_info before;
	struct voted v;
	guid_t en;
	int tx = tx_create(tm);

	en = enlist_mask(rm, tx, EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT, 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
	fill_but_one();
	before = stream_info(s);
	CALL(rm, KTM_IOC_COMMIT_COMPLETE, with_record(&v, en, 2, 0, 0), KTM_STATUS_LOG_FULL);
	CHECK_EQ(v.append.status, KTM_STATUS_LOG_FULL);
	CHECK_EQ(v.append.lsn, 0);
	unchanged(&before);
	EN_IS(rm, en, KTM_EN_STATE_SINGLE_PHASE);
	ANSWER(rm, KTM_IOC_EN_ROLLBACK, en, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, en);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
	close(tx);
	make_room();
	flush(s, 0);
	check_tags(s, (uint64_t[]){ 1 }, 1, 100);
	tear_down();
}

static void power_cut(void)
{
	unsigned char *content = disk_read(&d);
	const guid_t g = RM_GUID;

	tear_down();
	disk_write(&d, 0, content, d.bytes);
	free(content);
	f = flaky_make(&d);
	tm = tm_online(f.path);
	rm = rm_open(tm, &g);
	s = stream_open(tm, "s");
	pin = stream_open(tm, "pin");
	filler = stream_open(tm, "filler");
}

/* A vote that would need room is not one; one that has counted is carried out. */
TEST(votes_when_full)
{
	struct voted v;
	guid_t en[2], late;
	int tx, other;

	tx = half_voted(&en[0], &en[1], 1);
	other = tx_create(tm);
	late = enlist(rm, other);
	COMMIT(other, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, late);
	fill_up();
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, with_record(&v, late, 2, 0, 0), KTM_STATUS_LOG_FULL);
	CHECK_EQ(v.append.status, KTM_STATUS_LOG_FULL);
	CHECK_EQ(v.append.lsn, 0);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, with_record(&v, late, 2, 1, 3000),
	     KTM_STATUS_LOG_FULL);
	EN_IS(rm, late, KTM_EN_STATE_PREPARING);
	CHECK_EQ(stream_info(s).records, 1);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en[1], KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en[0]);
	TAKE(rm, KTM_NOTIFY_COMMIT, en[1]);
	CALL(rm, KTM_IOC_COMMIT_COMPLETE, with_record(&v, en[0], 3, 0, 0), KTM_STATUS_SUCCESS);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en[1], KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	ANSWER(rm, KTM_IOC_EN_ROLLBACK, late, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, late);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, late, KTM_STATUS_SUCCESS);
	TX_BECOMES(other, KTM_TX_STATE_ABORTED);
	close(tx);
	close(other);
	check_tags(s, (uint64_t[]){ 1, 3 }, 2, sizeof(v.data));
	tear_down();
}

/*
 * A base is moved while the log has no room for that. Once anything later of the stream is
 * durable, so is the base: who has seen that gives up what only older records need.
 */
TEST(base_of_a_full_log)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush);
	struct ktm_stream_flush nowait = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);
	uint64_t old, base, last;
	guid_t en[2];
	int tx;

	old = append(s, 1, 200);
	base = append(s, 2, 200);
	tx = half_voted(&en[0], &en[1], 3);
	flush(s, 0);
	reserve(s, 1, 200);
	fill_up();
	advance(s, base);
	CHECK_EQ(stream_info(s).base_lsn, base);
	/* It is not in the log, and nobody says so. */
	CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_LOG_FULL);
	CALL(s, KTM_IOC_STREAM_FLUSH, &nowait, KTM_STATUS_LOG_FULL);
	CHECK_EQ(try_truncate(s, base), KTM_STATUS_LOG_FULL);
	/* What was set aside has room for it; a decision makes both durable. */
	last = append_flags(s, 4, 200, KTM_STREAM_RESERVED);
	CHECK(stream_info(s).flushed_lsn < last);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en[1], KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en[0]);
	CHECK_EQ(stream_info(s).flushed_lsn, last);
	close(tx);
	power_cut();
	CHECK_EQ(stream_info(s).base_lsn, base);
	CHECK_EQ(where(s, KTM_STREAM_NEXT, 0), base);
	CHECK_EQ(where(s, KTM_STREAM_BEFORE, 0), last);
	CHECK(old < base);
	make_room();
	flush(s, 0);
	tear_down();
}

/* The same, and the later record is one that an enlistment had room set aside for. */
TEST(base_and_a_completion)
{
	uint64_t base, last;
	guid_t en[4];
	struct voted v;
	int tx[2];

	append(s, 1, 200);
	base = append(s, 2, 200);
	tx[0] = half_voted(&en[0], &en[1], 3);
	tx[1] = half_voted(&en[2], &en[3], 4);
	flush(s, 0);
	fill_up();
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en[1], KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en[0]);
	TAKE(rm, KTM_NOTIFY_COMMIT, en[1]);
	/* The batch that was forced has given back what it did not need. */
	fill_up();
	advance(s, base);
	CHECK_EQ(try_truncate(s, base), KTM_STATUS_LOG_FULL);
	CALL(rm, KTM_IOC_COMMIT_COMPLETE, with_record(&v, en[0], 5, 0, 0), KTM_STATUS_SUCCESS);
	last = v.append.lsn;
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en[3], KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en[2]);
	CHECK_EQ(stream_info(s).flushed_lsn, last);
	close(tx[0]);
	close(tx[1]);
	power_cut();
	CHECK_EQ(stream_info(s).base_lsn, base);
	CHECK_EQ(where(s, KTM_STREAM_NEXT, 0), base);
	tear_down();
}

static const unsigned int endings[] = {
	KTM_IOC_PREPARE_COMPLETE, KTM_IOC_COMMIT_COMPLETE, KTM_IOC_ROLLBACK_COMPLETE,
};

struct ending {
	unsigned int request;
	guid_t en;
};

static void answer_and_be_interrupted(void *data)
{
	const struct ending *e = data;
	struct voted v;

	CALL(rm, e->request, with_record(&v, e->en, 5, 0, 0), KTM_STATUS_INTERRUPTED);
	CHECK_EQ(v.append.lsn, 0);
}

/* A vote with information, and no stream. */
static struct ktm_answer informed(guid_t en)
{
	static unsigned char information[4096];

	return ARG(ktm_answer, .enlistment = en, .information = (uintptr_t)information,
		   .information_length = sizeof(information));
}

static void be_interrupted_informed(void *data)
{
	struct ktm_answer a = informed(*(guid_t *)data);

	CALL(rm, KTM_IOC_PREPARE_COMPLETE, &a, KTM_STATUS_INTERRUPTED);
}

static void be_interrupted_enlisting(void *data)
{
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = *(int *)data, .mask = KTM_NOTIFY_REQUIRED);

	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_INTERRUPTED);
}

/*
 * Answers with records for which nothing was set aside: refused; and a signal ends their wait while
 * the log is being cleaned. Nothing has been answered then, nothing is there.
 */
TEST(answers_and_signals)
{
	struct ktm_stream_info before;
	struct ending e[3];
	struct ktm_answer a;
	struct voted v;
	int tx[5], i;
	guid_t en;

	for (i = 0; i < 3; i++) {
		tx[i] = tx_create(tm);
		e[i] = (struct ending){ endings[i], enlist(rm, tx[i]) };
		if (endings[i] == KTM_IOC_ROLLBACK_COMPLETE) {
			ROLLBACK(tx[i], 0, KTM_STATUS_PENDING);
			TAKE(rm, KTM_NOTIFY_ROLLBACK, e[i].en);
			continue;
		}
		COMMIT(tx[i], 0, KTM_STATUS_PENDING);
		TAKE(rm, KTM_NOTIFY_PREPARE, e[i].en);
		if (endings[i] == KTM_IOC_PREPARE_COMPLETE)
			continue;
		ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, e[i].en, KTM_STATUS_SUCCESS);
		TAKE(rm, KTM_NOTIFY_COMMIT, e[i].en);
	}
	tx[3] = tx_create(tm);
	en = enlist(rm, tx[3]);
	COMMIT(tx[3], 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	tx[4] = tx_create(tm);
	fill_up();
	before = stream_info(s);
	for (i = 0; i < 3; i++) {
		CALL(rm, endings[i], with_record(&v, e[i].en, 5, 0, 0), KTM_STATUS_LOG_FULL);
		CHECK_EQ(v.append.lsn, 0);
	}
	a = informed(en);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, &a, KTM_STATUS_LOG_FULL);
	make_room();
	flaky_hold(&f);
	for (i = 0; i < 3; i++)
		interrupt(answer_and_be_interrupted, &e[i]);
	interrupt(be_interrupted_informed, &en);
	interrupt(be_interrupted_enlisting, &tx[4]);
	CHECK_EQ(tx_info(tx[4]).enlistments, 0);
	unchanged(&before);
	flaky_release(&f, NO_TROUBLE);
	for (i = 0; i < 3; i++)
		CALL(rm, endings[i], with_record(&v, e[i].en, i, 0, 0), KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, e[0].en);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, e[0].en, KTM_STATUS_SUCCESS);
	a = informed(en);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, &a, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	for (i = 0; i < 5; i++)
		close(tx[i]);
	check_tags(s, (uint64_t[]){ 0, 1, 2 }, 3, sizeof(v.data));
	tear_down();
}

static void be_interrupted_reserving(void *unused)
{
	struct ktm_stream_reserve r = ARG(ktm_stream_reserve, .records = 1, .bytes = CHUNK);

	(void)unused;
	CALL(s, KTM_IOC_STREAM_RESERVE, &r, KTM_STATUS_INTERRUPTED);
}

static void be_interrupted_truncating(void *unused)
{
	struct ktm_stream_mark m = ARG(ktm_stream_mark);

	(void)unused;
	CALL(s, KTM_IOC_STREAM_TRUNCATE, &m, KTM_STATUS_INTERRUPTED);
}

static void be_interrupted_setting(void *unused)
{
	uint64_t quota = 32 << 10;
	struct ktm_set set = ARG(ktm_set, .info_class = KTM_INFO_STREAM_QUOTA,
				 .length = sizeof(quota), .buffer = (uintptr_t)&quota);

	(void)unused;
	CALL(s, KTM_IOC_SET, &set, KTM_STATUS_INTERRUPTED);
}

static void be_interrupted_deleting(void *unused)
{
	struct ktm_call c = ARG(ktm_call);

	(void)unused;
	CALL(s, KTM_IOC_STREAM_DELETE, &c, KTM_STATUS_INTERRUPTED);
}

static void be_interrupted_creating(void *unused)
{
	struct ktm_stream_create c = ARG(ktm_stream_create, .access = KTM_STREAM_ALL_ACCESS,
					 .quota = 4096, .name = (uintptr_t)"t", .name_length = 1);

	(void)unused;
	CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_INTERRUPTED);
}

static void be_interrupted_creating_rm(void *unused)
{
	struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS);

	(void)unused;
	CALL(tm, KTM_IOC_RM_CREATE, &c, KTM_STATUS_INTERRUPTED);
}

/* A signal ends their wait for room; nothing has been done. */
static void interrupt_all(void (*const *who)(void *), unsigned int count)
{
	struct ktm_stream_info before;
	unsigned int i;

	append(s, 1, 100);
	fill_up();
	before = stream_info(s);
	make_room();
	flaky_hold(&f);
	for (i = 0; i < count; i++)
		interrupt(who[i], NULL);
	unchanged(&before);
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 3);
	CHECK_EQ(tm_info(tm).rms, 1);
	flaky_release(&f, NO_TROUBLE);
	check_tags(s, (uint64_t[]){ 1 }, 1, 100);
	append(s, 2, 100);
	tear_down();
}

TEST(streams_and_signals)
{
	static void (*const who[])(void *) = {
		be_interrupted_reserving, be_interrupted_truncating, be_interrupted_setting,
	};

	interrupt_all(who, 3);
}

/* These take the TM's lock, which the restart area has that they have asked for: one at a time. */
TEST(creation_and_signals)
{
	static void (*const who[])(void *) = { be_interrupted_creating };

	interrupt_all(who, 1);
}

TEST(deletion_and_signals)
{
	static void (*const who[])(void *) = { be_interrupted_deleting };

	interrupt_all(who, 1);
}

TEST(rm_creation_and_signals)
{
	static void (*const who[])(void *) = { be_interrupted_creating_rm };

	interrupt_all(who, 1);
}

static void count_signal(int number)
{
	(void)number;
	shared_word[0]++;
}

static void enlist_by_zw(void *tx)
{
	HANDLE en;

	NT(STATUS_SUCCESS, ZwCreateEnlistment, &en, ENLISTMENT_ALL_ACCESS, KtmHandle(rm),
	   KtmHandle(*(int *)tx), NULL, 0, NOTIFY_TWO_PHASE, NULL);
}

static void create_rm_by_zw(void *unused)
{
	HANDLE h;

	(void)unused;
	NT(STATUS_SUCCESS, ZwCreateResourceManager, &h, RESOURCEMANAGER_ALL_ACCESS, KtmHandle(tm),
	   NULL, NULL, 0, NULL);
}

/* The reference's calls wait on. */
static void not_interrupted(void (*who)(void *), void *data)
{
	const struct sigaction action = { .sa_handler = count_signal };
	struct deadline end = deadline_in(PATIENCE);
	pid_t pid;

	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	fill_up();
	make_room();
	flaky_hold(&f);
	pid = test_spawn(who, data);
	until_asleep(pid);
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	while (!shared_word[0]) {
		CHECK(!deadline_passed(&end));
		nap();
	}
	flaky_release(&f, NO_TROUBLE);
	test_join(pid);
}

TEST(zw_enlisting_and_signals)
{
	int tx = tx_create(tm);

	not_interrupted(enlist_by_zw, &tx);
	close(tx);
	tear_down();
}

TEST(zw_rm_creation_and_signals)
{
	not_interrupted(create_rm_by_zw, NULL);
	tear_down();
}

/* A new RM waits for that room, too. */
TEST(rm_when_there_would_be_room)
{
	struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS);

	fill_up();
	CALL(tm, KTM_IOC_RM_CREATE, &c, KTM_STATUS_LOG_FULL);
	make_room();
	CALL(tm, KTM_IOC_RM_CREATE, &c, KTM_STATUS_SUCCESS);
	close(c.fd);
	tear_down();
}

/* Who may not open it is not told its GUID. */
static void look_as_somebody(void *data)
{
	struct ktm_tm_space sp = tm_space(tm);

	CHECK(!same(&sp.holder, &nil));
	become(NOBODY, NOBODY);
	sp = tm_space(tm);
	CHECK(sp.tail_lsn < sp.restart_lsn);
	CHECK(same(&sp.holder, &nil));
	(void)data;
}

static bool holds_it_back(const guid_t *guid)
{
	const guid_t holder = tm_space(tm).holder;

	return same(&holder, guid);
}

/* As long as it does, over an opening of the log, too, which does not change that. */
TEST(who_holds_it_back)
{
	const guid_t guid = stream_info(pin).guid;

	CHECK(holds_it_back(&nil));
	fill_up();
	CHECK(tm_space(tm).restarts > 0);
	CHECK(holds_it_back(&guid));
	test_join(test_spawn(look_as_somebody, NULL));
	power_cut();
	CHECK(tm_space(tm).tail_lsn < tm_space(tm).restart_lsn);
	CHECK(holds_it_back(&guid));
	stream_delete(pin);
	CHECK(!holds_it_back(&guid));
	tear_down();
}
