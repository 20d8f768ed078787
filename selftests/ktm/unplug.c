// SPDX-License-Identifier: GPL-2.0
/*
 * The journal's disk is pulled out while the TM uses it: virtio, NVMe, scsi, and a
 * null_blk, which loses its cache by that. Nobody hangs; nobody is told what the disk
 * does not know; the same TM goes on when the disk is back, under whatever name.
 */
#include "disk.h"
#include "hardware.h"

#define TM_GUID	guid_of(900)
#define PAIRS	3
#define MOST	200

static struct hw hw;
static int tm;

/**
 * enum fate - what somebody has heard of a transaction
 * @UNHEARD: nothing
 * @TOLD: to commit, and has said nothing to that
 * @ENDED: the client, that it is committed: all who take part have finished
 */
enum fate { UNHEARD, TOLD, ENDED };

/* By the pair and the transaction's number, which is the key of both of its enlistments. */
#define FATE(pair, n)		shared_word[(pair) * MOST + (n)]
#define BEGUN(pair)		shared_word[PAIRS * MOST + (pair)]

static int rm_for(unsigned int n)
{
	guid_t guid = guid_of(10 + n);
	int rm = rm_create_as(tm, 0, &guid);

	rm_recover_empty(rm);
	return rm;
}

static void begin(void)
{
	journal_format(hw.path, TM_GUID);
	tm = tm_online(hw.path);
}

/* On its own device it cannot come back, and says so as often as it is asked. */
static void is_gone(void)
{
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_FAILED);
		CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_IO_ERROR);
	}
}

/* The disk is there again: the same TM by a new descriptor. */
static void comes_back(void)
{
	struct ktm_tm_recover r = ARG(ktm_tm_recover);

	hw_plug(&hw);
	r.device_fd = disk_open(hw.path);
	CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_SUCCESS);
	close(r.device_fd);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
	CHECK_EQ(tm_info(tm).indoubt, 0);
}

/* Closed without its disk, and opened by it: it knows what it was told. */
static void closed_without_its_disk(int rm)
{
	int tx = tx_create(tm);
	guid_t en = enlist_key(rm, tx, 77);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(rm, en);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	hw_unplug(&hw);
	close(tx);
	close(rm);
	close(tm);
	hw_plug(&hw);
	tm = tm_online(hw.path);
}

static void recover_one(unsigned int n, uint64_t key)
{
	guid_t guid = guid_of(10 + n);
	struct ktm_notification note;
	int rm = rm_open(tm, &guid);

	rm_recover(rm);
	note = take(rm);
	CHECK_EQ(note.kind, KTM_NOTIFY_RECOVER);
	CHECK_EQ(note.key, key);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(rm, note.enlistment, key);
	en_commit(rm, note.enlistment);
	close(rm);
}

/* The disk goes while nobody asks anything of it; the next commit finds out. */
static void idle(void)
{
	int rm, other, tx, told;
	guid_t en, en_told;

	begin();
	rm = rm_for(0);
	other = rm_for(1);
	told = tx_create(tm);
	en_told = enlist_key(other, told, 5);
	COMMIT(told, 0, KTM_STATUS_PENDING);
	en_prepare(other, en_told);
	TAKE(other, KTM_NOTIFY_COMMIT, en_told);
	hw_unplug(&hw);

	tx = tx_create(tm);
	en = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(rm, en);
	WAIT(tx, KTM_STATUS_INDOUBT);
	CHECK(poll_now(rm) & POLLERR);
	TAKE_NONE(rm);
	/* What was decided is still carried out, in memory. */
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, en_told, KTM_STATUS_SUCCESS);
	WAIT(told, KTM_STATUS_SUCCESS);
	CHECK_EQ(tx_info(told).outcome, KTM_OUTCOME_COMMITTED);
	is_gone();

	comes_back();
	/* Of the one the disk knows nothing; of the other, not that it was finished. */
	WAIT(tx, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	ANSWER(rm, KTM_IOC_EN_RECOVER, en, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	rm_recover(other);
	TAKE(other, KTM_NOTIFY_RECOVER, en_told);
	TAKE(other, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(other, en_told, 5);
	en_commit(other, en_told);
	close(tx);
	close(told);
	tx = tx_create(tm);
	commit_one(rm, tx);
	close(tx);
	close(other);
	closed_without_its_disk(rm);
	recover_one(0, 77);
	tm_close(tm, hw.path);
}

/* Somebody makes it read-only: that is a failure, and no write goes there any more. */
static void read_only(void)
{
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);
	unsigned char *before;
	int rm, tx;
	guid_t en;

	begin();
	rm = rm_for(0);
	tx = tx_create(tm);
	en = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	before = hw_content(&hw);
	hw_read_only(&hw, true);
	en_prepare(rm, en);
	WAIT(tx, KTM_STATUS_INDOUBT);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_FAILED);
	CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_ACCESS_DENIED);
	hw_is(&hw, before);
	free(before);

	hw_read_only(&hw, false);
	tm_recover(tm);
	WAIT(tx, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	close(tx);
	tx = tx_create(tm);
	commit_one(rm, tx);
	close(tx);
	close(rm);
	tm_close(tm, hw.path);
}

/* What failed with the disk, in whatever step; anything else fails the test. */
static bool went_wrong(unsigned int status)
{
	if (status == KTM_STATUS_SUCCESS || status == KTM_STATUS_PENDING)
		return false;
	if (status != KTM_STATUS_TM_NOT_ONLINE && status != KTM_STATUS_INDOUBT)
		FAIL("status %s", status_name(status));
	return true;
}

static bool answer_fails(int rm, unsigned int request, guid_t en)
{
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en);

	return went_wrong(test_try(rm, request, &a));
}

/* The next notification, or false if the TM has failed and nothing waits. */
static bool take_unless_failed(int rm, unsigned int kind, guid_t en)
{
	if (!(poll_for(rm, POLLIN | POLLERR) & POLLIN))
		return false;
	TAKE(rm, kind, en);
	return true;
}

/* One transaction of two RMs; false when the disk has gone. */
static bool commit_pair(const int rm[2], unsigned int pair, unsigned int n)
{
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = tm);
	struct ktm_call call = ARG(ktm_call);
	guid_t en[2];
	unsigned int i;

	if (went_wrong(test_try(dev(), KTM_IOC_TX_CREATE, &c)))
		return false;
	for (i = 0; i < 2; i++) {
		struct ktm_enlist e = ARG(ktm_enlist, .mask = EN_MASK, .tx_fd = c.fd, .key = n);

		if (went_wrong(test_try(rm[i], KTM_IOC_ENLIST, &e)))
			return false;
		en[i] = e.guid;
	}
	BEGUN(pair) = n + 1;
	if (went_wrong(test_try(c.fd, KTM_IOC_COMMIT, &call)))
		return false;
	for (i = 0; i < 2; i++)
		if (!take_unless_failed(rm[i], KTM_NOTIFY_PREPARE, en[i]) ||
		    answer_fails(rm[i], KTM_IOC_PREPARE_COMPLETE, en[i]))
			return false;
	for (i = 0; i < 2; i++) {
		if (!take_unless_failed(rm[i], KTM_NOTIFY_COMMIT, en[i]))
			return false;
		FATE(pair, n) = TOLD;
	}
	for (i = 0; n % 2 && i < 2; i++) {
		/* In memory this goes through even now. */
		ANSWER(rm[i], KTM_IOC_COMMIT_COMPLETE, en[i], KTM_STATUS_SUCCESS);
	}
	if (n % 2)
		FATE(pair, n) = ENDED;
	close(c.fd);
	return true;
}

static void worker(void *data)
{
	const unsigned int pair = *(unsigned int *)data;
	int rm[2] = { rm_for(2 * pair), rm_for(2 * pair + 1) };
	unsigned int n = 0;

	go(pair);
	while (n < MOST && commit_pair(rm, pair, n))
		n++;
	if (n == MOST)
		FAIL("the disk was never missed");
}

/* What an RM hears after all that; @found: by number, whether it has the transaction. */
static void recover_rm(unsigned int number, bool *found)
{
	guid_t guid = guid_of(10 + number), all[MOST];
	struct ktm_notification note;
	int rm = rm_open(tm, &guid);
	unsigned int i, nr = 0;

	memset(found, 0, MOST * sizeof(*found));
	rm_recover(rm);
	for (note = take(rm); note.kind == KTM_NOTIFY_RECOVER; note = take(rm)) {
		CHECK(note.key < MOST && !found[note.key] && nr < MOST);
		found[note.key] = true;
		all[nr++] = note.enlistment;
	}
	CHECK_EQ(note.kind, KTM_NOTIFY_LAST_RECOVER);
	for (i = 0; i < nr; i++) {
		struct ktm_notification outcome;

		en_recover(rm, all[i], 0);
		outcome = take(rm);
		/* Its decision is in the log or the TM rolled it back: it has no other way. */
		if (outcome.kind == KTM_NOTIFY_ROLLBACK) {
			CHECK_EQ(FATE(number / 2, outcome.key), UNHEARD);
			found[outcome.key] = false;
			ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, all[i], KTM_STATUS_SUCCESS);
		} else {
			CHECK_EQ(outcome.kind, KTM_NOTIFY_COMMIT);
			ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, all[i], KTM_STATUS_SUCCESS);
		}
	}
	close(rm);
}

static void check_pair(unsigned int pair)
{
	bool found[2][MOST];
	unsigned int n;

	recover_rm(2 * pair, found[0]);
	recover_rm(2 * pair + 1, found[1]);
	for (n = 0; n < BEGUN(pair); n++) {
		if (FATE(pair, n) == TOLD && !(found[0][n] && found[1][n]))
			FAIL("pair %u was told of transaction %u, which is lost", pair, n);
		/* Who has finished may be asked again, or not; else both hear the same. */
		if (FATE(pair, n) == UNHEARD && found[0][n] != found[1][n])
			FAIL("transaction %u of pair %u has two outcomes", n, pair);
	}
}

/* The disk goes in the middle of commits of several processes. */
static void under_load(void)
{
	unsigned int pairs[PAIRS], i;
	pid_t pids[PAIRS];
	int rm, tx;

	begin();
	for (i = 0; i < PAIRS; i++) {
		pairs[i] = i;
		pids[i] = test_spawn(worker, &pairs[i]);
	}
	for (i = 0; i < PAIRS; i++) {
		meet(i);
		while (BEGUN(i) < 4)
			nap();
	}
	hw_unplug(&hw);
	for (i = 0; i < PAIRS; i++)
		test_join(pids[i]);
	is_gone();
	comes_back();
	for (i = 0; i < PAIRS; i++)
		check_pair(i);
	rm = rm_for(2 * PAIRS);
	tx = tx_create(tm);
	commit_one(rm, tx);
	close(tx);
	close(rm);
	tm_close(tm, hw.path);
	tm = tm_online(hw.path);
	CHECK_EQ(tm_info(tm).transactions, 0);
	CHECK_EQ(tm_info(tm).rms, 2 * PAIRS + 1);
	tm_close(tm, hw.path);
}

#define ON(name, made)							\
	TEST(name##_idle)						\
	{								\
		hw = made;						\
		idle();							\
	}								\
	TEST(name##_under_load)						\
	{								\
		hw = made;						\
		under_load();						\
	}

static const struct null_kind cached = { .block = 512, .cache = 4, .us = 300 };
static const struct null_kind through = { .block = 4096, .us = 300 };

TEST(read_only_in_use)
{
	hw = hw_null("null512", 16, &cached);
	read_only();
}

ON(virtio, hw_find("virtio"))
ON(nvme, hw_find("nvme"))
ON(scsi, hw_find("scsi"))
ON(null, hw_null("null512", 16, &cached))
ON(null_through, hw_null("null4k", 16, &through))
