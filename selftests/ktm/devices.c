// SPDX-License-Identifier: GPL-2.0
/*
 * Every sort of disk: small and large blocks, with and without a volatile cache, with
 * and without forced writes. The block layer's own tracepoints say what was asked of it;
 * then it is pulled out, put back, and what was told must be there.
 */
#include "blktrace.h"
#include "disk.h"
#include "hardware.h"
#include "pairs.h"
#include "streams.h"

#define TM_GUID		guid_of(900)
#define LONE_COMMITS	24
#define CLIENTS		4
#define CROWD		32
#define COMMITS		10
#define CROWD_COMMITS	4
#define INFORMATION	16000
#define VOTE_BYTES(n)	(INFORMATION - 100 * (n))

/**
 * struct sort - what a disk is like
 * @name: of the disk
 * @block: its logical block size
 * @cache: volatile
 * @fua: and it can force a write through that
 * @crowd: it is so slow, and so many work on it, that a force covers several batches
 */
struct sort {
	const char *name;
	unsigned int block;
	bool cache, fua, crowd;
};

/* What a client knows: its RM was told to commit this transaction, and left it so. */
#define TOLD(client, k)	shared_word[(client) * COMMITS + (k)]
#define LEFT		2
#define FINISHED	1

static struct hw hw;
static int tm;
static unsigned int clients, commits;

static int rm_for(unsigned int client)
{
	guid_t guid = guid_of(10 + client);
	int rm = rm_create_as(tm, 0, &guid);

	rm_recover_empty(rm);
	return rm;
}

static void fill_for(unsigned char *information, uint64_t key)
{
	unsigned int i;

	for (i = 0; i < INFORMATION; i++)
		information[i] = (unsigned char)(key * 31 + i * 7 + (i >> 8));
}

/* Votes with so many bytes, and comes back when it was told to commit. */
static guid_t commit_until_told(int rm, uint64_t key, unsigned int bytes)
{
	static unsigned char information[INFORMATION];
	int tx = tx_create(tm);
	guid_t en = enlist_key(rm, tx, key);
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en,
				  .information = bytes ? (uintptr_t)information : 0,
				  .information_length = bytes);

	fill_for(information, key);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, &a, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	close(tx);
	return en;
}

/* Nothing is under way when the RM hears of the outcome: all of the log is durable. */
static void work_alone(void)
{
	int rm = rm_for(clients);
	unsigned int i;

	for (i = 0; i < LONE_COMMITS; i++) {
		guid_t en = commit_until_told(rm, i, 0);

		blk_mark(tm_info(tm).log_lsn);
		ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	}
	close(rm);
}

static void client(void *data)
{
	const unsigned int n = *(unsigned int *)data;
	int rm = rm_for(n);
	unsigned int i;

	for (i = 0; i < commits; i++) {
		guid_t en = commit_until_told(rm, n * 1000 + i, VOTE_BYTES(i));

		blk_mark(tm_info(tm).log_flushed_lsn);
		TOLD(n, i) = LEFT;
		if (i % 2)
			continue;
		TOLD(n, i) = FINISHED;
		ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	}
}

static void work_together(void)
{
	unsigned int n[CROWD], i;
	pid_t pids[CROWD];

	for (i = 0; i < clients; i++) {
		n[i] = i;
		pids[i] = test_spawn(client, &n[i]);
	}
	for (i = 0; i < clients; i++)
		test_join(pids[i]);
}

static void check_information(int rm, guid_t en, uint64_t key)
{
	static unsigned char want[INFORMATION], got[INFORMATION];
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_EN_RECOVERY, .guid = en,
				 .length = sizeof(got), .buffer = (uintptr_t)got);

	fill_for(want, key);
	CALL(rm, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
	CHECK_EQ(q.length, VOTE_BYTES(key % 1000));
	CHECK(!memcmp(want, got, q.length));
}

/* What was left unfinished is there; of what was finished the last may be there, too. */
static void recover_client(unsigned int n)
{
	guid_t guid = guid_of(10 + n), found[COMMITS];
	bool seen[COMMITS] = { false };
	struct ktm_notification note;
	int rm = rm_open(tm, &guid);
	unsigned int i, nr = 0;

	rm_recover(rm);
	for (note = take(rm); note.kind == KTM_NOTIFY_RECOVER; note = take(rm)) {
		const unsigned int i = note.key % 1000;

		CHECK_EQ(note.key / 1000, n);
		CHECK(i < COMMITS && !seen[i]);
		seen[i] = true;
		check_information(rm, note.enlistment, note.key);
		found[nr++] = note.enlistment;
	}
	CHECK_EQ(note.kind, KTM_NOTIFY_LAST_RECOVER);
	for (i = 0; i < commits; i++)
		if (TOLD(n, i) == LEFT && !seen[i])
			FAIL("what client %u was told of transaction %u is lost", n, i);
	for (i = 0; i < nr; i++) {
		en_recover(rm, found[i], 0);
		TAKE(rm, KTM_NOTIFY_COMMIT, found[i]);
		ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, found[i], KTM_STATUS_SUCCESS);
	}
	close(rm);
}

static void check_sort(const struct sort *sort)
{
	CHECK_EQ(hw_queue_number(&hw, "logical_block_size"), sort->block);
	CHECK_EQ(hw_has_cache(&hw), sort->cache);
	CHECK_EQ(hw_queue_number(&hw, "fua"), sort->fua);
}

/* Each lone commit has waited for exactly one force, of the sort that the disk has. */
static void check_lone(const struct sort *sort, const struct blk_count *c)
{
	const unsigned int forces = c->forced + c->flushes;

	printf("# %s: %u commits, one after the other: %u writes, %u forced, %u flushes\n",
	       sort->name, LONE_COMMITS, c->writes, c->forced, c->flushes);
	CHECK(c->writes >= LONE_COMMITS);
	if (!sort->cache)
		return;
	CHECK(forces >= LONE_COMMITS && forces <= LONE_COMMITS + 2);
	if (sort->fua)
		CHECK_EQ(c->flushes, 0);
}

static unsigned int try_read(int s, uint64_t lsn)
{
	struct ktm_stream_read r = ARG(ktm_stream_read, .mode = KTM_STREAM_AT, .lsn = lsn);

	return test_try(s, KTM_IOC_STREAM_READ, &r);
}

/*
 * A stream that keeps what it has, while another one makes the log go round: the device is
 * read where records are copied forward. Then it is pulled out; of the second stream everything
 * up to the last flush is there, and nothing from before its base.
 */
static void work_in_streams(void)
{
	enum { KEPT = 10, KEPT_BYTES = 700, BUSY = 4 };
	const uint64_t end = tm_space(tm).next_lsn + tm_space(tm).bytes * 5 / 4;
	int old = stream_create(tm, "old", 64 << 10), busy = stream_create(tm, "busy", 256 << 10);
	uint64_t kept[KEPT], lsn[BUSY], place;
	unsigned int i, n = 0, status;

	for (i = 0; i < KEPT; i++)
		kept[i] = append(old, i, KEPT_BYTES);
	place = stream_info(old).place_lsn;
	while (tm_space(tm).next_lsn < end) {
		lsn[n % BUSY] = append(busy, n, KTM_MAX_STREAM_RECORD);
		if (n++)
			advance(busy, lsn[(n - 2) % BUSY]);
	}
	CHECK(tm_space(tm).copied >= KEPT);
	CHECK(stream_info(old).place_lsn > place);
	for (i = 0; i < KEPT; i++)
		check_record(old, kept[i], i, KEPT_BYTES);
	CHECK_EQ(flush(busy, 0), lsn[(n - 1) % BUSY]);

	hw_unplug(&hw);
	status = try_read(old, kept[0]);
	CHECK(status == KTM_STATUS_IO_ERROR || status == KTM_STATUS_TM_NOT_ONLINE);
	close(old);
	close(busy);
	close(tm);
	hw_plug(&hw);
	tm = tm_online(hw.path);
	old = stream_open(tm, "old");
	busy = stream_open(tm, "busy");
	CHECK_EQ(stream_info(old).records, KEPT);
	for (i = 0; i < KEPT; i++)
		check_record(old, kept[i], i, KEPT_BYTES);
	CHECK_EQ(stream_info(busy).base_lsn, lsn[(n - 2) % BUSY]);
	check_tags(busy, (uint64_t[]){ n - 2, n - 1 }, 2, KTM_MAX_STREAM_RECORD);
	close(old);
	close(busy);
}

static void every_step(const struct sort *sort)
{
	const struct blk_rules rules = { .cache = sort->cache, .fua = sort->fua };
	struct blk_record record;
	struct blk_count c;
	unsigned int i;

	clients = sort->crowd ? CROWD : CLIENTS;
	commits = sort->crowd ? CROWD_COMMITS : COMMITS;
	check_sort(sort);
	journal_format(hw.path, TM_GUID);
	tm = tm_online(hw.path);
	blk_record_start(hw.path);
	work_alone();
	record = blk_record_end();
	c = blk_judge(&record, &rules);
	free(record.events);
	check_lone(sort, &c);
	tm_close(tm, hw.path);

	tm = tm_online(hw.path);
	blk_record_start(hw.path);
	work_together();
	record = blk_record_end();
	c = blk_judge(&record, &rules);
	free(record.events);
	printf("# %s: %u commits of %u clients: %u writes, %u forced, %u flushes\n",
	       sort->name, clients * commits, clients, c.writes, c.forced, c.flushes);
	CHECK(!sort->cache || c.forced + c.flushes > 0);
	CHECK(!sort->crowd || c.flushes);

	/* Nothing is written out before: what was told has to be there already. */
	hw_unplug(&hw);
	close(tm);
	hw_plug(&hw);
	check_sort(sort);
	tm = tm_online(hw.path);
	for (i = 0; i < clients; i++)
		recover_client(i);
	tm_close(tm, hw.path);
	tm = tm_online(hw.path);
	CHECK_EQ(tm_info(tm).transactions, 0);
	CHECK_EQ(tm_info(tm).rms, clients + 1);
	work_in_streams();
	tm_close(tm, hw.path);
}

/* Each disk that the machine was given, see TESTS. */
#define GIVEN(name, ...)						\
	TEST(name)							\
	{								\
		static const struct sort sort = { #name, __VA_ARGS__ };	\
									\
		hw = hw_find(#name);					\
		every_step(&sort);					\
	}

GIVEN(virtio, 512, .cache = true)
GIVEN(virtio4k, 4096, .cache = true)
GIVEN(virtio_through, 512, .cache = false)
GIVEN(nvme, 512, .cache = true, .fua = true)
GIVEN(nvme4k, 4096, .cache = true, .fua = true)
GIVEN(scsi, 512, .cache = true, .fua = true)
GIVEN(scsi4k, 4096, .cache = true, .fua = true)
GIVEN(scsi_flush, 512, .cache = true)
GIVEN(scsi_through, 4096, .cache = false)

/* These lose what is in their cache when the power goes. */
static void on_null(const struct sort *sort, const struct null_kind *kind)
{
	hw = hw_null(sort->name, sort->crowd ? 16 : 4, kind);
	every_step(sort);
	hw_null_remove(&hw);
}

#define NULLED(name, bios_, us_, ...)				\
	TEST(name)							\
	{								\
		static const struct sort sort = { #name, __VA_ARGS__ };	\
		const struct null_kind kind = {				\
			.block = sort.block, .cache = sort.cache ? 4 : 0, \
			.bios = bios_, .discard = true, .us = us_ };		\
									\
		on_null(&sort, &kind);					\
	}

NULLED(null512, false, 300, 512, .cache = true, .fua = true)
NULLED(null4k, false, 300, 4096, .cache = true, .fua = true)
NULLED(null_crowd, false, 30000, 512, .cache = true, .fua = true, .crowd = true)
NULLED(null_through, false, 300, 512, .cache = false)
/* Without requests it forgets to flush, so it gets nothing to flush. */
NULLED(null_bios, true, 300, 512, .cache = false)

/*
 * Whoever appends or flushes may hand a batch to the device himself, but what follows from that
 * is not his: he may be stopped at any moment, and others wait for it. On this disk a write
 * has ended when it has been sent, and the flush behind it could follow at once.
 */
TEST(null_one_each)
{
	enum { ROUNDS = 8, BIG = 12 };
	static const struct null_kind kind = { .block = 4096, .cache = 4 };
	unsigned int i, mine = 0, flushes = 0;
	struct blk_record r;
	int tm, s;

	hw = hw_null("one", 16, &kind);
	journal_format(hw.path, TM_GUID);
	tm = tm_online(hw.path);
	s = stream_create(tm, "s", MIB);
	blk_record_start(hw.path);
	for (i = 0; i < ROUNDS * (BIG + 1); i++) {
		blk_mark(i);
		if (i % (BIG + 1) < BIG)
			advance(s, append(s, i, KTM_MAX_STREAM_RECORD));
		else
			flush(s, 0);
	}
	r = blk_record_end();
	for (i = 0; i < r.nr; i++) {
		const struct blk_event *e = &r.events[i];

		if (e->what == BLK_MARK)
			mine = 0;
		if (e->what != BLK_SENT)
			continue;
		flushes += e->preflush;
		mine += e->by == getpid();
		if (mine > 1)
			FAIL("one call has handed out two");
	}
	/* More than a batch at a time is no single forced write. */
	CHECK(flushes >= ROUNDS);
	free(r.events);
	close(s);
	tm_close(tm, hw.path);
	hw_null_remove(&hw);
}

/* Who finds nobody at it hands out his batch himself: nobody has to be woken for that. */
TEST(null_alone)
{
	enum { ROUNDS = 32 };
	static const struct null_kind kind = { .block = 4096, .cache = 4 };
	unsigned int i, mine = 0;
	bool counted = false;
	struct blk_record r;
	int tm, s;

	hw = hw_null("alone", 16, &kind);
	journal_format(hw.path, TM_GUID);
	tm = tm_online(hw.path);
	s = stream_create(tm, "s", MIB);
	blk_record_start(hw.path);
	for (i = 0; i < ROUNDS; i++) {
		/* Until a work item that has told of the last one has gone, too. */
		nap();
		blk_mark(i);
		append(s, i, 100);
		flush(s, 0);
	}
	r = blk_record_end();
	for (i = 0; i < r.nr; i++) {
		const struct blk_event *e = &r.events[i];

		if (e->what == BLK_MARK)
			counted = false;
		if (e->what != BLK_SENT || !e->write || e->by != getpid() || counted)
			continue;
		counted = true;
		mine++;
	}
	/* But where that one was off the processor for long. */
	CHECK(mine > ROUNDS / 2);
	free(r.events);
	close(s);
	tm_close(tm, hw.path);
	hw_null_remove(&hw);
}

static int tm_that_discards(void)
{
	struct ktm_tm_create c = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS,
				     .flags = KTM_TM_DISCARD, .device_fd = disk_open(hw.path));

	CALL(dev(), KTM_IOC_TM_CREATE, &c, KTM_STATUS_SUCCESS);
	close(c.device_fd);
	tm_recover(c.fd);
	return c.fd;
}

/*
 * Asked for it, the TM discards the part of the log that a restart area has made needless,
 * and this disk forgets what is discarded: nothing of what lives may be among it.
 */
TEST(null_discard)
{
	static const struct null_kind kind = {
		.block = 512, .cache = 4, .discard = true, .us = 300,
	};
	unsigned int n, discards = 0;
	struct blk_record record;
	struct pair pair;
	bool committed;
	size_t i;
	int tx;

	hw = hw_null("null_discard", 2, &kind);
	journal_format(hw.path, TM_GUID);
	tm = tm_that_discards();
	blk_record_start(hw.path);
	CHECK(pair_open(tm, 0, &pair));
	pair_vote_bytes = 8000;
	for (n = 0; n < 48; n++)
		CHECK(pair_commit(tm, &pair, n, &tx));
	record = blk_record_end();
	for (i = 0; i < record.nr; i++) {
		const struct blk_event *e = &record.events[i];

		if (e->what != BLK_SENT || !e->discard)
			continue;
		discards++;
		CHECK(e->sector && e->sectors);
		CHECK_EQ(e->sector % 8, 0);
		CHECK_EQ(e->sectors % 8, 0);
	}
	free(record.events);
	printf("# %u commits, %u discards\n", n, discards);
	CHECK(discards);
	hw_unplug(&hw);
	pair_close(&pair);
	close(tm);
	hw_plug(&hw);
	tm = tm_online(hw.path);
	CHECK(pair_check(tm, 0, &committed));
	tm_close(tm, hw.path);
	hw_null_remove(&hw);
}
