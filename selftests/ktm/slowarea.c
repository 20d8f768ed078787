// SPDX-License-Identifier: GPL-2.0
/*
 * Restart areas on a device that takes as long as it likes over them: transactions commit
 * and streams are appended to all the same.
 */
#include "calls.h"
#include "disk.h"
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

static const char *path;
static int tm, rm, old, busy;
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

static void fill_up(void *unused)
{
	(void)unused;
	while (!shared_word[0])
		append_next(BUSY_BYTES);
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

/* What is dead in the log makes nobody's vote fail: it waits until the area has come about. */
TEST(vote_in_a_log_that_is_full_of_what_is_dead)
{
	pid_t filler, voter;
	guid_t en;
	int tx;

	set_up();
	tx = tx_create(tm);
	en = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	nbd_hold(NBD_WRITES, journal_ring_place(path));
	filler = test_spawn(fill_up, NULL);
	until_asleep(filler);
	CHECK(nbd_held());
	voter = test_spawn(vote, &en);
	until_asleep(voter);
	nbd_hold(NBD_KINDS, 0);
	test_join(voter);
	shared_word[0] = true;
	test_join(filler);
	en_commit(rm, en);
	WAIT(tx, KTM_STATUS_SUCCESS);
	close(tx);
	tear_down();
}
