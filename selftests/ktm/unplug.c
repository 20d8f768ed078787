// SPDX-License-Identifier: GPL-2.0
/*
 * The journal's disk is pulled out while the TM uses it: virtio, NVMe, scsi, and a
 * null_blk, which loses its cache by that. Nobody hangs; nobody is told what the disk
 * does not know; the same TM goes on when the disk is back, under whatever name, and
 * the streams in its log have what was durable.
 */
#include "disk.h"
#include "hardware.h"
#include "pairs.h"
#include "streams.h"

#define TM_GUID	guid_of(900)

/* Records that stay while the log goes round; their LSNs and a flag, for all processes. */
#define KEPT		8
#define KEPT_BYTES	700
#define KEPT_LSN(i)	shared_word[SHARED_WORDS - 1 - KEPT + (i)]
#define BACK		shared_word[SHARED_WORDS - 1]

/* Gates: those below are the pairs'. */
enum { FILLING = PAIRS, READING };

static struct hw hw;
static int tm;

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
	rm = pair_rm(tm, 0);
	other = pair_rm(tm, 1);
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
	rm = pair_rm(tm, 0);
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

static void worker(void *data)
{
	const unsigned int number = *(unsigned int *)data;
	unsigned int n = 0;
	struct pair pair;
	int tx;

	CHECK(pair_open(tm, number, &pair));
	go(number);
	while (n < PAIR_MOST && pair_commit(tm, &pair, n, &tx))
		n++;
	if (n == PAIR_MOST)
		FAIL("the disk was never missed");
}

/* One more record, and none before it is needed any more. */
static unsigned int fill_on(int s, uint64_t n)
{
	struct ktm_stream_mark m = ARG(ktm_stream_mark);
	unsigned int status;
	uint64_t lsn;

	status = try_append(s, n, KTM_MAX_STREAM_RECORD, 0, &lsn);
	m.lsn = lsn;
	return status == KTM_STATUS_SUCCESS ? test_try(s, KTM_IOC_STREAM_ADVANCE, &m) : status;
}

/* The log goes round, and what stays in it is copied forward. */
static void begin_streams(void)
{
	int old = stream_create(tm, "old", 64 << 10), busy = stream_create(tm, "busy", 256 << 10);
	unsigned int i;

	for (i = 0; i < KEPT; i++)
		KEPT_LSN(i) = append(old, i, KEPT_BYTES);
	for (i = 0; tm_space(tm).copied < KEPT; i++)
		CHECK_EQ(fill_on(busy, i), KTM_STATUS_SUCCESS);
	flush(busy, 0);
	close(busy);
	close(old);
}

static void filler(void *unused)
{
	int s = stream_open(tm, "busy");
	unsigned int status;
	uint64_t n = 0;

	(void)unused;
	while ((status = fill_on(s, n)) == KTM_STATUS_SUCCESS)
		if (!n++)
			go(FILLING);
	CHECK_EQ(status, KTM_STATUS_TM_NOT_ONLINE);
}

/* What it gets is right, with the disk, without it, and while the TM is opened again. */
static void reader(void *unused)
{
	unsigned char data[KEPT_BYTES], want[KEPT_BYTES];
	unsigned int i, status, missed = 0;
	int s = stream_open(tm, "old");

	(void)unused;
	for (i = 0; !BACK; i++) {
		struct ktm_stream_read r = ARG(ktm_stream_read, .mode = KTM_STREAM_AT,
					       .lsn = KEPT_LSN(i % KEPT), .length = KEPT_BYTES,
					       .buffer = (uintptr_t)data);

		if (i == KEPT)
			go(READING);
		status = test_try(s, KTM_IOC_STREAM_READ, &r);
		if (status != KTM_STATUS_SUCCESS) {
			CHECK(status == KTM_STATUS_IO_ERROR || status == KTM_STATUS_TM_NOT_ONLINE);
			missed++;
			nap();
			continue;
		}
		fill(want, i % KEPT, KEPT_BYTES);
		CHECK_EQ(r.length, KEPT_BYTES);
		CHECK(!memcmp(data, want, KEPT_BYTES));
	}
	if (!missed)
		FAIL("the disk was never missed");
}

static void check_streams(void)
{
	int old = stream_open(tm, "old"), busy = stream_open(tm, "busy");
	const struct ktm_stream_info i = stream_info(busy);
	unsigned int n;

	CHECK_EQ(stream_info(old).records, KEPT);
	for (n = 0; n < KEPT; n++)
		check_record(old, KEPT_LSN(n), n, KEPT_BYTES);
	/* At least what was flushed in the beginning. */
	CHECK(i.base_lsn && i.records && i.first_lsn >= i.base_lsn);
	for (n = 0; n < 2; n++)
		CHECK_EQ(fill_on(busy, n), KTM_STATUS_SUCCESS);
	close(old);
	close(busy);
}

/* The disk goes in the middle of commits of several processes. */
static void under_load(void)
{
	unsigned int pairs[PAIRS], i;
	pid_t pids[PAIRS], fills, reads;
	bool committed;
	int rm, tx;

	begin();
	begin_streams();
	fills = test_spawn(filler, NULL);
	reads = test_spawn(reader, NULL);
	meet(FILLING);
	meet(READING);
	for (i = 0; i < PAIRS; i++) {
		pairs[i] = i;
		pids[i] = test_spawn(worker, &pairs[i]);
	}
	for (i = 0; i < PAIRS; i++) {
		meet(i);
		while (pair_begun(i) < 4)
			nap();
	}
	hw_unplug(&hw);
	for (i = 0; i < PAIRS; i++)
		test_join(pids[i]);
	test_join(fills);
	is_gone();
	comes_back();
	BACK = true;
	test_join(reads);
	for (i = 0; i < PAIRS; i++)
		CHECK(pair_check(tm, i, &committed));
	CHECK_EQ(pair_read_errors(), 0);
	check_streams();
	rm = pair_rm(tm, 2 * PAIRS);
	tx = tx_create(tm);
	commit_one(rm, tx);
	close(tx);
	close(rm);
	tm_close(tm, hw.path);
	tm = tm_online(hw.path);
	CHECK_EQ(tm_info(tm).transactions, 0);
	CHECK_EQ(tm_info(tm).rms, 2 * PAIRS + 1);
	check_streams();
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
	hw = hw_null("null512", 4, &cached);
	read_only();
}

ON(virtio, hw_find("virtio"))
ON(nvme, hw_find("nvme"))
ON(scsi, hw_find("scsi"))
ON(null, hw_null("null512", 4, &cached))
ON(null_through, hw_null("null4k", 4, &through))
