// SPDX-License-Identifier: GPL-2.0
/*
 * Each request to the journal's disk fails once: the first read, the second, and so on
 * until there are no more; the same with writes and flushes, and with writes that were
 * done although they failed. Whoever asked is told so, and the same TM comes back.
 */
#include "disk.h"
#include "nbd.h"
#include "pairs.h"
#include "streams.h"

#define TM_GUID		guid_of(900)
#define SIGNPOST	4096
#define FEW		5
#define MORE		6
/* Records that each of those is followed by, so that the log goes round. */
#define FILL		5
/* No run has as many requests of a kind. */
#define MOST		500

static const char *path;
static int tm;
static struct pair pair;
static int busy;
static unsigned int transactions;
static bool goes_round;
static bool told;	/* of the failure, somebody */
static uint64_t copied;	/* records, while nothing or something failed */

/* So that hundreds of journals can be closed in a minute, nobody waits for grace periods at leisure. */
void test_setup(void)
{
	CHECK_EQ(run("echo 1 >/sys/kernel/rcu_expedited"), 0);
}

/*
 * Up to here nobody has closed the TM: who asked for what failed knows. Where records are
 * copied forward the log itself may have read one, and will read it again: pair_check() misses
 * nothing.
 */
static void check_told(enum nbd_kind kind)
{
	const struct deadline d = deadline_in(PATIENCE);

	if (kind == NBD_READS && goes_round)
		return;
	/* A signpost that cannot be read is written again, and the log is opened. */
	told |= nbd_has_failed() && nbd_failed_at() == SIGNPOST;
	/* The journal's own work may have asked for it, and fail the TM in a moment. */
	told |= pair_read_errors() > 0;
	while (nbd_has_failed() && !told && tm_info(tm).state != KTM_TM_STATE_FAILED) {
		if (deadline_passed(&d))
			FAIL("a request has failed, and nobody was told");
		nap();
	}
}

/*
 * The disk fails once, so whatever it was goes well the second time. Who was refused by a log that
 * has just failed may know it before the TM does.
 */
static void comes_back(void)
{
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);
	const struct deadline d = deadline_in(PATIENCE);
	unsigned int before;

	while ((before = tm_info(tm).state) == KTM_TM_STATE_ONLINE) {
		CHECK(!deadline_passed(&d));
		nap();
	}
	told |= before == KTM_TM_STATE_FAILED;
	if (test_try(tm, KTM_IOC_TM_RECOVER, &r) != KTM_STATUS_SUCCESS) {
		CHECK_EQ(r.status, KTM_STATUS_IO_ERROR);
		CHECK_EQ(tm_info(tm).state, before);
		told = true;
		CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_SUCCESS);
	}
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
	CHECK_EQ(tm_info(tm).indoubt, 0);
}

static void open_tm(void)
{
	unsigned int status = tm_try_attach(path, &tm);

	if (status != KTM_STATUS_SUCCESS) {
		CHECK_EQ(status, KTM_STATUS_IO_ERROR);
		told = true;
		tm = tm_attach(path);
	}
	comes_back();
}

/* The pair, and a stream that makes the log go round. */
static bool open_streams(void)
{
	unsigned int status;

	if (!pair_open(tm, 0, &pair))
		return false;
	if (!goes_round)
		return true;
	status = stream_try_open(tm, "busy", KTM_STREAM_ALL_ACCESS, &busy);
	if (status == KTM_STATUS_STREAM_NOT_FOUND)
		status = stream_try_create(tm, "busy", tm_space(tm).bytes / 5, &busy);
	if (status != KTM_STATUS_IO_ERROR && !pair_went_wrong(status))
		return true;
	pair_close(&pair);
	return false;
}

static void close_all(void)
{
	if (goes_round)
		close(busy);
	pair_close(&pair);
}

/* Of these records only the last is needed. False: the TM has failed. */
static bool go_on(void)
{
	struct ktm_stream_mark m = ARG(ktm_stream_mark);
	unsigned int i;
	uint64_t lsn;

	for (i = 0; goes_round && i < FILL; i++) {
		if (pair_went_wrong(try_append(busy, i, KTM_MAX_STREAM_RECORD, 0, &lsn)))
			return false;
		m.lsn = lsn;
		if (pair_went_wrong(test_try(busy, KTM_IOC_STREAM_ADVANCE, &m)))
			return false;
	}
	return true;
}

/* Did the last transaction commit? */
static bool check_pair(void)
{
	bool committed;

	while (!pair_check(tm, 0, &committed))
		comes_back();
	return committed;
}

/* What was finished in memory only is to be finished again. */
static void open_all(void)
{
	while (!open_streams()) {
		comes_back();
		check_pair();
	}
}

/* The TM has failed under a transaction: its client hears what its RMs hear. */
static void reopen_under(int tx)
{
	bool committed;

	close_all();
	comes_back();
	committed = check_pair();
	if (tx >= 0) {
		WAIT(tx, KTM_STATUS_SUCCESS);
		CHECK_EQ(tx_info(tx).outcome, committed ? KTM_OUTCOME_COMMITTED :
							  KTM_OUTCOME_ABORTED);
		close(tx);
	}
	open_all();
}

/* The whole life of a journal, with one failure in it. False: there were not so many. */
static bool live(enum nbd_kind kind, unsigned int number, bool done)
{
	unsigned int n;
	bool failed;
	int tx;

	nbd_fail(kind, 0, false);
	pair_forget();
	told = false;
	journal_format(path, TM_GUID);
	nbd_fail(kind, number, done);
	open_tm();
	open_all();
	for (n = 0; n < transactions; n++) {
		if (!pair_commit(tm, &pair, n, &tx))
			reopen_under(tx);
		else if (!go_on())
			reopen_under(-1);
		if (n != transactions / 2)
			continue;
		/* In the middle it is closed and opened. */
		check_told(kind);
		close_all();
		tm_close(tm, path);
		/* What fails while it is closed concerns nobody any more. */
		told |= nbd_has_failed();
		open_tm();
		check_pair();
		open_all();
	}
	check_told(kind);
	copied += tm_space(tm).copied;
	close_all();
	tm_close(tm, path);
	failed = nbd_has_failed();
	nbd_fail(kind, 0, false);
	tm = tm_online(path);
	check_pair();
	tm_close(tm, path);
	tm = tm_online(path);
	CHECK_EQ(tm_info(tm).transactions, 0);
	CHECK_EQ(tm_info(tm).rms, 2);
	tm_close(tm, path);
	return failed;
}

static void each(const char *name, enum nbd_kind kind, bool done, bool any)
{
	unsigned int number;

	copied = 0;
	for (number = 1; live(kind, number, done); number++)
		CHECK(number < MOST);
	if (any)
		CHECK(number > 2);
	else
		CHECK_EQ(number, 1);
	/* How many depends on when the restart areas came, and on what failed. */
	CHECK(!goes_round || copied);
	if (any)
		printf("campaign each_request_fails_%s: tried=%u violations=0 seed=0\n", name,
		       number - 1);
}

static void on(enum nbd_sort sort, uint64_t bytes)
{
	transactions = FEW;
	goes_round = false;
	pair_vote_bytes = 0;
	path = nbd_make(bytes, sort);
}

TEST(reads)
{
	on(NBD_FLUSH, MIB / 2);
	each("reads", NBD_READS, false, true);
	nbd_remove();
}

TEST(writes_and_flushes)
{
	on(NBD_FLUSH, MIB / 2);
	each("writes", NBD_WRITES, false, true);
	each("writes_done", NBD_WRITES, true, true);
	each("flushes", NBD_FLUSHES, false, true);
	nbd_remove();
}

TEST(forced_writes)
{
	on(NBD_FUA, MIB / 2);
	each("forced_done", NBD_WRITES, true, true);
	nbd_remove();
}

TEST(writes_without_a_cache)
{
	on(NBD_THROUGH, MIB / 2);
	each("through", NBD_WRITES, true, true);
	each("no_flushes", NBD_FLUSHES, false, false);
	nbd_remove();
}

/*
 * Enough for restart areas while the log is used, and for records of streams to be copied
 * forward: that fails, too.
 */
static void on_more(void)
{
	on(NBD_FLUSH, MIB / 2);
	transactions = MORE;
	goes_round = true;
	pair_vote_bytes = 4000;
}

TEST(restart_areas)
{
	on_more();
	each("areas", NBD_WRITES, false, true);
	nbd_remove();
}

TEST(flushes_of_restart_areas)
{
	on_more();
	each("areas_flushes", NBD_FLUSHES, false, true);
	nbd_remove();
}

TEST(reads_of_copies)
{
	on_more();
	each("copies", NBD_READS, false, true);
	nbd_remove();
}
