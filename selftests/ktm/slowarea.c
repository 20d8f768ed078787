// SPDX-License-Identifier: GPL-2.0
/*
 * Restart areas on a device that takes as long as it likes over them: transactions commit
 * and streams are appended to all the same.
 */
#include <poll.h>

#include "calls.h"
#include "disk.h"
#include "kernellog.h"
#include "nbd.h"
#include "streams.h"

#define TM_GUID		guid_of(970)
#define KEPT		4
#define KEPT_BYTES	3000
#define BUSY_BYTES	2000
/*
 * Transactions that begin and end while the device keeps something waiting: the log has room for
 * so many without the area.
 */
#define MEANWHILE	4
#define SUPERIOR	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE)

static const char *path;
static int tm, rm, old, busy, rest;
static uint64_t kept[KEPT], base;

static void set_up(void)
{
	unsigned int i;

	path = nbd_make(MIB, NBD_FLUSH);
	journal_format(path, TM_GUID);
	tm = tm_online(path);
	rm = rm_online(tm, 1);
	old = stream_create(tm, "old", 32 << 10);
	busy = stream_create(tm, "busy", 64 << 10);
	for (i = 0; i < KEPT; i++)
		kept[i] = append(old, i, KEPT_BYTES);
	flush(old, 0);
}

/* A record that is needed no longer than until the next one comes. */
static void append_next(unsigned int bytes)
{
	if (base)
		advance(busy, base);
	base = append(busy, base, bytes);
}

static void commit_and_append(void)
{
	const int tx = tx_create(tm);

	commit_one(rm, tx);
	close(tx);
	append_next(BUSY_BYTES);
}

/* Until the device has something that it keeps; by then nothing has come of it. */
static void until_held(void)
{
	const uint64_t end = tm_space(tm).next_lsn + 2 * tm_space(tm).bytes;

	while (!nbd_held()) {
		if (tm_space(tm).next_lsn > end)
			FAIL("nothing was asked of the device that could be kept waiting");
		commit_and_append();
	}
}

static void go_on_meanwhile(void)
{
	const struct ktm_tm_space before = tm_space(tm);
	unsigned int n;

	for (n = 0; n < MEANWHILE; n++)
		commit_and_append();
	CHECK_EQ(tm_space(tm).restarts, before.restarts);
	CHECK_EQ(tm_space(tm).copied, before.copied);
	CHECK(tm_space(tm).next_lsn > before.next_lsn);
}

/* The device does what it has kept: the area comes about. */
static void released(uint64_t restarts)
{
	const struct deadline d = deadline_in(PATIENCE);

	nbd_hold(NBD_KINDS, 0);
	while (tm_space(tm).restarts == restarts) {
		if (deadline_passed(&d))
			FAIL("no restart area comes about");
		nap();
	}
}

static void check_kept(void)
{
	unsigned int i;

	for (i = 0; i < KEPT; i++)
		check_record(old, kept[i], i, KEPT_BYTES);
}

static void tear_down(void)
{
	check_kept();
	CHECK_EQ(tm_info(tm).transactions, 0);
	close(rm);
	close(busy);
	close(old);
	tm_close(tm, path);
	tm = tm_online(path);
	old = stream_open(tm, "old");
	check_kept();
	close(old);
	tm_close(tm, path);
	nbd_remove();
}

/* What the area writes waits: its extents and the first superblock lie before the ring. */
TEST(area_that_cannot_be_written)
{
	uint64_t restarts;

	set_up();
	nbd_hold(NBD_WRITES, journal_ring_place(path));
	until_held();
	restarts = tm_space(tm).restarts;
	go_on_meanwhile();
	released(restarts);
	tear_down();
}

/* The log reads what is to be copied forward. */
TEST(record_that_cannot_be_read)
{
	uint64_t restarts;

	set_up();
	nbd_hold(NBD_READS, MIB);
	until_held();
	restarts = tm_space(tm).restarts;
	go_on_meanwhile();
	released(restarts);
	CHECK(tm_space(tm).copied > 0);
	tear_down();
}

/*
 * The device fails under what is just being copied forward. Nothing is wrong with that record: what
 * the log has not written for that reason, and what it could not read, is found behind the
 * next opening.
 */
TEST(device_fails_under_a_copy)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);
	const struct deadline end = deadline_in(PATIENCE);
	const char *record;
	int log = log_open();
	uint64_t lsn;

	set_up();
	nbd_hold(NBD_READS, MIB);
	until_held();
	/* That the transactions so far have ended is durable. */
	flush(busy, 0);
	nbd_fail(NBD_WRITES, 1, false);
	append_next(BUSY_BYTES);
	test_try(busy, KTM_IOC_STREAM_FLUSH, &fl);
	while (try_append(busy, 1, BUSY_BYTES, 0, &lsn) == KTM_STATUS_SUCCESS)
		nap();
	/* The log has failed; whether its TM knows already is another matter. */
	nbd_fail(NBD_READS, 1, false);
	nbd_hold(NBD_KINDS, 0);
	while (!nbd_has_failed()) {
		CHECK(!deadline_passed(&end));
		nap();
	}
	tm_failed(tm);
	/* The restart area has ended by then. */
	tm_recover(tm);
	record = logged(log, "cannot be read|is lost");
	if (record)
		FAIL("logged: %s", record);
	close(log);
	stream_info(old);
	rm_recover_empty(rm);
	tear_down();
}

static void fill_at_large(void *unused)
{
	(void)unused;
	while (!shared_word[0])
		append_next(BUSY_BYTES);
}

/*
 * First at large, then to the last bytes. Each record is written at once: a batch has more put
 * aside than it needs while it is being filled, and would give that back some time.
 */
static void fill_up(void *unused)
{
	(void)unused;
	while (tm_space(tm).free > 4 * BUSY_BYTES) {
		append_next(BUSY_BYTES);
		flush(busy, 0);
	}
	while (!shared_word[0]) {
		append(rest, 1, 1);
		flush(rest, 0);
	}
}

/* As large as a vote may be, so that it needs more room than there is. */
static void vote(void *data)
{
	static unsigned char information[KTM_MAX_RECOVERY_INFORMATION];
	struct ktm_answer a = ARG(ktm_answer, .enlistment = *(guid_t *)data,
				  .information = (uintptr_t)information,
				  .information_length = sizeof(information));

	CALL(rm, KTM_IOC_PREPARE_COMPLETE, &a, KTM_STATUS_SUCCESS);
}

/* @fn needs @bytes in a log that is full until the area has come about, which it does then. */
static void wait_for_the_area(uint64_t bytes, void (*fn)(void *), void *data)
{
	const struct deadline d = deadline_in(PATIENCE);
	pid_t filler, waiter;

	rest = stream_create(tm, "rest", 32 << 10);
	nbd_hold(NBD_WRITES, journal_ring_place(path));
	filler = test_spawn(fill_up, NULL);
	while (tm_space(tm).free >= bytes) {
		CHECK(!deadline_passed(&d));
		nap();
	}
	CHECK(nbd_held());
	waiter = test_spawn(fn, data);
	until_asleep(waiter);
	shared_word[0] = true;
	nbd_hold(NBD_KINDS, 0);
	test_join(waiter);
	test_join(filler);
	close(rest);
}

/* What is dead in the log makes nobody's vote fail: it waits until the area has come about. */
TEST(vote_in_a_log_that_is_full_of_what_is_dead)
{
	guid_t en;
	int tx;

	set_up();
	tx = tx_create(tm);
	en = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	wait_for_the_area(KTM_MAX_RECOVERY_INFORMATION, vote, &en);
	en_commit(rm, en);
	WAIT(tx, KTM_STATUS_SUCCESS);
	close(tx);
	tear_down();
}

#define SINGLE	(EN_MASK | KTM_NOTIFY_PREPREPARE | KTM_NOTIFY_SINGLE_PHASE_COMMIT)

static void reject(void *data)
{
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, *(guid_t *)data, KTM_STATUS_SUCCESS);
}

/* The device fails once; what was not durable is gone. */
static void fail_and_reopen(void)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush);

	nbd_fail(NBD_WRITES, 1, false);
	append(busy, 1, BUSY_BYTES);
	CHECK(test_try(busy, KTM_IOC_STREAM_FLUSH, &fl) != KTM_STATUS_SUCCESS);
	tm_failed(tm);
	tm_recover(tm);
	stream_info(old);
	stream_info(busy);
	base = 0;
}

/*
 * Nor does it make a rejection of the single phase fail, which has to have again what a reopening
 * has let go of.
 */
TEST(rejection_in_a_log_that_is_full_of_what_is_dead)
{
	uint64_t needs;
	guid_t en;
	int tx;

	set_up();
	tx = tx_create(tm);
	needs = tm_space(tm).reserved;
	en = enlist_mask(rm, tx, SINGLE, 0);
	needs = tm_space(tm).reserved - needs;
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
	fail_and_reopen();
	rm_recover_one(rm, en);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
	wait_for_the_area(needs, reject, &en);
	en_preprepare(rm, en);
	en_prepare(rm, en);
	en_commit(rm, en);
	WAIT(tx, KTM_STATUS_SUCCESS);
	close(tx);
	tear_down();
}

static int boss;

static void inform(void *sup)
{
	static unsigned char information[KTM_MAX_RECOVERY_INFORMATION];
	struct ktm_set s = ARG(ktm_set, .info_class = KTM_INFO_EN_RECOVERY, .guid = *(guid_t *)sup,
			       .length = sizeof(information), .buffer = (uintptr_t)information);

	CALL(boss, KTM_IOC_SET, &s, KTM_STATUS_SUCCESS);
}

/* Nor does a superior have to do with less than it has to keep. */
TEST(superior_in_a_log_that_is_full_of_what_is_dead)
{
	guid_t en, sup;
	int tx;

	set_up();
	boss = rm_online(tm, 2);
	tx = tx_create(tm);
	en = enlist(rm, tx);
	sup = enlist_superior(boss, tx, SUPERIOR, 0);
	wait_for_the_area(KTM_MAX_RECOVERY_INFORMATION, inform, &sup);
	commit_under(boss, sup, rm, en);
	close(tx);
	close(boss);
	tear_down();
}

/* It is durable, or not yet, a while later. */
static bool becomes_durable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 300) > 0;
}

static void wait_until_durable(void *unused)
{
	CHECK_EQ(poll_for(old, POLLIN | POLLPRI), POLLIN);
	(void)unused;
}

/*
 * Who was refused and waits for the area is told at once when what somebody else forces, who has set
 * the room for it aside, makes his records durable, too.
 */
TEST(told_of_anothers_force)
{
	enum { TIMES = 32 };
	struct ktm_stream_flush nowait = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);
	pid_t filler, poller;
	uint64_t restarts;
	unsigned int n = 0;
	guid_t en;
	int tx;

	set_up();
	reserve(old, TIMES, TIMES * 100);
	tx = tx_create(tm);
	en = enlist(rm, tx);
	nbd_hold(NBD_WRITES, journal_ring_place(path));
	filler = test_spawn(fill_at_large, NULL);
	until_asleep(filler);
	CHECK(nbd_held());
	restarts = tm_space(tm).restarts;
	/* What little room there is may be enough for one or two. */
	do {
		CHECK(n < TIMES);
		nowait.lsn = append_flags(old, n++, 100, KTM_STREAM_RESERVED);
		CALL(old, KTM_IOC_STREAM_FLUSH, &nowait, KTM_STATUS_PENDING);
	} while (becomes_durable(old));
	poller = test_spawn(wait_until_durable, NULL);
	until_asleep(poller);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(rm, en);
	en_commit(rm, en);
	test_join(poller);
	CHECK_EQ(tm_space(tm).restarts, restarts);
	nbd_hold(NBD_KINDS, 0);
	shared_word[0] = true;
	test_join(filler);
	WAIT(tx, KTM_STATUS_SUCCESS);
	close(tx);
	tear_down();
}
