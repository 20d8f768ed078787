// SPDX-License-Identifier: GPL-2.0
/*
 * Each request to the journal's disk fails once: the first read, the second, and so on
 * until there are no more; the same with writes and flushes, and with writes that were
 * done although they failed. Whoever asked is told so, and the same TM comes back.
 */
#include "disk.h"
#include "nbd.h"
#include "pairs.h"

#define TM_GUID		guid_of(900)
#define SIGNPOST	4096
#define FEW		5
#define MANY		24
/* No run has as many requests of a kind. */
#define MOST		500

static const char *path;
static int tm;
static unsigned int transactions;
static bool told;	/* of the failure, somebody */

/* Up to here nobody has closed the TM: who asked for what failed knows. */
static void check_told(void)
{
	const struct deadline d = deadline_in(PATIENCE);

	/* A signpost that cannot be read is written again, and the log is opened. */
	told |= nbd_has_failed() && nbd_failed_at() == SIGNPOST;
	/* The journal's own work may have asked for it, and fail the TM in a moment. */
	while (nbd_has_failed() && !told && tm_info(tm).state != KTM_TM_STATE_FAILED) {
		if (deadline_passed(&d))
			FAIL("a request has failed, and nobody was told");
		nap();
	}
}

/* The disk fails once, so whatever it was goes well the second time. */
static void comes_back(void)
{
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);
	unsigned int before = tm_info(tm).state;

	CHECK(before != KTM_TM_STATE_ONLINE);
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

/* An RM that is there and has nothing to recover, whatever fails on the way. */
static int rm_try(unsigned int number)
{
	struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS, .mode = 0700,
				     .guid = guid_of(10 + number));
	struct ktm_open o = ARG(ktm_open, .access = KTM_RM_ALL_ACCESS, .guid = c.guid);
	struct ktm_call again = ARG(ktm_call);
	unsigned int status = test_try(tm, KTM_IOC_RM_OPEN, &o);
	int fd = o.fd;

	if (status == KTM_STATUS_RM_NOT_FOUND) {
		status = test_try(tm, KTM_IOC_RM_CREATE, &c);
		fd = c.fd;
	}
	if (pair_went_wrong(status))
		return -1;
	if (pair_went_wrong(test_try(fd, KTM_IOC_RM_RECOVER, &again))) {
		close(fd);
		return -1;
	}
	TAKE(fd, KTM_NOTIFY_LAST_RECOVER, nil);
	return fd;
}

static void open_rms(int rm[2])
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		rm[i] = rm_try(i);
		if (rm[i] >= 0)
			continue;
		comes_back();
		i = -1;
	}
}

/* The TM has failed under a transaction: its client hears what its RMs hear. */
static void reopen_under(int rm[2], int tx)
{
	const struct deadline d = deadline_in(PATIENCE);
	unsigned int i;
	bool committed;

	while (tm_info(tm).state != KTM_TM_STATE_FAILED) {
		CHECK(!deadline_passed(&d));
		nap();
	}
	for (i = 0; i < 2; i++)
		close(rm[i]);
	comes_back();
	committed = pair_check(tm, 0);
	if (tx >= 0) {
		WAIT(tx, KTM_STATUS_SUCCESS);
		CHECK_EQ(tx_info(tx).outcome, committed ? KTM_OUTCOME_COMMITTED :
							  KTM_OUTCOME_ABORTED);
		close(tx);
	}
	open_rms(rm);
}

/* The whole life of a journal, with one failure in it. False: there were not so many. */
static bool live(enum nbd_kind kind, unsigned int number, bool done)
{
	unsigned int n;
	int rm[2], tx;
	bool failed;

	nbd_fail(kind, 0, false);
	pair_forget();
	told = false;
	journal_format(path, TM_GUID);
	nbd_fail(kind, number, done);
	open_tm();
	open_rms(rm);
	for (n = 0; n < transactions; n++) {
		if (!pair_commit(tm, rm, 0, n, &tx))
			reopen_under(rm, tx);
		if (n != transactions / 2)
			continue;
		/* In the middle it is closed and opened. */
		check_told();
		close(rm[0]);
		close(rm[1]);
		tm_close(tm, path);
		/* What fails while it is closed concerns nobody any more. */
		told |= nbd_has_failed();
		open_tm();
		pair_check(tm, 0);
		open_rms(rm);
	}
	check_told();
	close(rm[0]);
	close(rm[1]);
	tm_close(tm, path);
	failed = nbd_has_failed();
	nbd_fail(kind, 0, false);
	tm = tm_online(path);
	pair_check(tm, 0);
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

	for (number = 1; live(kind, number, done); number++)
		CHECK(number < MOST);
	if (any)
		CHECK(number > 2);
	else
		CHECK_EQ(number, 1);
	if (any)
		printf("campaign each_request_fails_%s: tried=%u violations=0 seed=0\n", name,
		       number - 1);
}

static void on(enum nbd_sort sort, uint64_t bytes)
{
	transactions = FEW;
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

/* Enough for restart areas while the log is used, whose writes and flushes fail, too. */
static void on_many(void)
{
	on(NBD_FLUSH, MIB);
	transactions = MANY;
	pair_vote_bytes = 8000;
}

TEST(restart_areas)
{
	on_many();
	each("areas", NBD_WRITES, false, true);
	nbd_remove();
}

TEST(flushes_of_restart_areas)
{
	on_many();
	each("areas_flushes", NBD_FLUSHES, false, true);
	nbd_remove();
}
