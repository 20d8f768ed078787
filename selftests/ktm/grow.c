// SPDX-License-Identifier: GPL-2.0
/*
 * A log that grows with its device: in use and closed, again and again, round and round
 * afterwards, and with a device that fails in the middle of it.
 */
#include "calls.h"
#include "disk.h"
#include "streams.h"

#define TM_GUID		guid_of(960)
#define KIB		1024u
#define RECORDS		24
#define BYTES		900

enum { FILLER = 1, KEEPER };

static struct disk d;
static struct flaky f;
static int tm, filler;
static uint64_t kept[RECORDS];

void test_setup(void)
{
	d = disk_make(MIB);
	f = flaky_make(&d);
	journal_format(f.path, TM_GUID);
	tm = tm_online(f.path);
	filler = rm_online(tm, FILLER);
}

/* The device mapper's table makes the device above as large as that below. */
static void enlarge(uint64_t bytes)
{
	disk_resize(&d, bytes);
	flaky_set(&f, NO_TROUBLE);
}

static void commit_filler(void)
{
	int tx = tx_create(tm);

	commit_one(filler, tx);
	close(tx);
}

/* A restart area takes in what the device has gained; some commits later it is there. */
static void until_larger(uint64_t than)
{
	const struct deadline end = deadline_in(PATIENCE);

	while (tm_space(tm).bytes <= than) {
		if (deadline_passed(&end))
			FAIL("the log stays at %llu bytes", (unsigned long long)than);
		commit_filler();
	}
}

static void go_round(void)
{
	const struct ktm_tm_space before = tm_space(tm);
	struct ktm_tm_space now;

	do {
		commit_filler();
		now = tm_space(tm);
		CHECK_EQ(now.bytes, before.bytes);
		CHECK(now.next_lsn - now.tail_lsn <= now.bytes);
	} while (now.next_lsn < before.next_lsn + now.bytes);
}

/* Records of a stream, an unfinished transaction: what must be there whatever comes. */
static int keep_something(void)
{
	int s = stream_create(tm, "kept", 2 * RECORDS * cost(BYTES));
	unsigned int i;

	for (i = 0; i < RECORDS; i++)
		kept[i] = append(s, i, BYTES);
	flush(s, 0);
	return s;
}

static void check_kept(int s)
{
	unsigned int i;

	for (i = 0; i < RECORDS; i++)
		check_record(s, kept[i], i, BYTES);
	CHECK_EQ(stream_info(s).records, RECORDS);
}

static void close_all(int s)
{
	close(s);
	close(filler);
	tm_close(tm, f.path);
}

/* The log's end may hold a commit that the filler has not heard the end of. */
static void reopen(void)
{
	guid_t g = guid_of(FILLER);
	struct ktm_notification n;

	tm = tm_online(f.path);
	filler = rm_open(tm, &g);
	rm_recover(filler);
	n = take(filler);
	if (n.kind == KTM_NOTIFY_RECOVER) {
		en_recover(filler, n.enlistment, 1);
		CHECK_EQ(take(filler).kind, KTM_NOTIFY_LAST_RECOVER);
		en_commit(filler, n.enlistment);
	} else {
		CHECK_EQ(n.kind, KTM_NOTIFY_LAST_RECOVER);
	}
}

/* Commits and appends go on while the device becomes larger under them, five times. */
static void load(void *data)
{
	guid_t g = guid_of(KEEPER);
	int rm = rm_create_as(tm, 0, &g), s = stream_create(tm, "load", 40 * cost(3000)), tx;
	uint64_t lsn[20];
	unsigned int n;

	(void)data;
	rm_recover_empty(rm);
	go(1);
	for (n = 0; n < 600; n++) {
		lsn[n % 20] = append(s, n, 3000);
		tx = tx_create(tm);
		commit_one(rm, tx);
		close(tx);
		if (n >= 19) {
			/* The newest twenty live, wherever the ring has them by now. */
			check_record(s, lsn[(n + 1) % 20], n - 19, 3000);
			advance(s, lsn[(n + 1) % 20]);
		}
	}
	for (n = 580; n < 600; n++)
		check_record(s, lsn[n % 20], n, 3000);
}

TEST(under_load)
{
	int s = keep_something();
	uint64_t bytes = tm_space(tm).bytes, size = MIB;
	pid_t child = test_spawn(load, NULL);
	unsigned int i;

	meet(1);
	for (i = 0; i < 5; i++) {
		size += 256 * KIB + 4 * KIB * i;
		enlarge(size);
		until_larger(bytes);
		CHECK_EQ(tm_space(tm).bytes, bytes + 256 * KIB + 4 * KIB * i);
		bytes = tm_space(tm).bytes;
		check_kept(s);
	}
	CHECK_EQ(tm_info(tm).log_size, bytes);
	test_join(child);
	go_round();
	check_kept(s);
	CHECK(tm_space(tm).quotas > 0);
	close_all(s);
	reopen();
	s = stream_open(tm, "kept");
	CHECK_EQ(tm_space(tm).bytes, bytes);
	check_kept(s);
	go_round();
	check_kept(s);
	close(s);
}

/* The machine was cut off when the disk held that. */
static void cut(unsigned char *content)
{
	close(filler);
	tm_close(tm, f.path);
	flaky_remove(&f);
	disk_write(&d, 0, content, d.bytes);
	free(content);
	f = flaky_make(&d);
	reopen();
}

TEST(power_cut_afterwards)
{
	int s = keep_something();
	uint64_t bytes = tm_space(tm).bytes;

	enlarge(3 * MIB);
	until_larger(bytes);
	go_round();
	close(s);
	cut(flaky_read(&f));
	s = stream_open(tm, "kept");
	CHECK_EQ(tm_space(tm).bytes, bytes + 2 * MIB);
	check_kept(s);
	close(s);
}

TEST(while_closed)
{
	int s = keep_something(), i;
	uint64_t bytes = tm_space(tm).bytes;

	for (i = 2; i <= 4; i++) {
		close_all(s);
		enlarge(i * MIB);
		reopen();
		s = stream_open(tm, "kept");
		CHECK_EQ(tm_space(tm).bytes, bytes + (i - 1) * MIB);
		check_kept(s);
		go_round();
		check_kept(s);
	}
	close(s);
}

/* The first superblock is lost, and the end of the device is not where the second one is. */
TEST(first_superblock_lost)
{
	static const unsigned char none[4096];
	int s = keep_something();
	uint64_t bytes = tm_space(tm).bytes;

	close_all(s);
	disk_write(&d, 0, none, sizeof(none));
	enlarge(2 * MIB);
	reopen();
	s = stream_open(tm, "kept");
	CHECK_EQ(tm_space(tm).bytes, bytes + MIB);
	check_kept(s);
	close_all(s);
	disk_write(&d, 0, none, sizeof(none));
	enlarge(3 * MIB);
	reopen();
	s = stream_open(tm, "kept");
	check_kept(s);
	close(s);
}

/* Of what is needed only with the first superblock lost an opening makes sure before the log grows. */
TEST(signpost_broken)
{
	static const unsigned char none[4096], noise[4096] = { 0x5a, 1, 2, 3 };
	int s = keep_something(), i;
	uint64_t bytes = tm_space(tm).bytes;

	for (i = 2; i <= 3; i++) {
		close_all(s);
		disk_write(&d, 4096, i == 2 ? none : noise, sizeof(none));
		enlarge(i * MIB);
		reopen();
		CHECK_EQ(tm_space(tm).bytes, bytes + (i - 1) * MIB);
		s = stream_open(tm, "kept");
		close_all(s);
		disk_write(&d, 0, none, sizeof(none));
		enlarge(i * MIB + MIB / 2);
		reopen();
		s = stream_open(tm, "kept");
		check_kept(s);
	}
	close(s);
}

TEST(shrunk)
{
	int s = keep_something(), other;
	unsigned char *content;

	close_all(s);
	enlarge(2 * MIB);
	reopen();
	s = stream_open(tm, "kept");
	close_all(s);
	content = disk_read(&d);
	enlarge(2 * MIB - 64 * KIB);
	CHECK_EQ(tm_try_attach(f.path, &other), KTM_STATUS_LOG_TOO_SMALL);
	enlarge(2 * MIB);
	disk_write(&d, 2 * MIB - 64 * KIB, content + 2 * MIB - 64 * KIB, 64 * KIB);
	CHECK(disk_is(&d, content));
	free(content);
	reopen();
	s = stream_open(tm, "kept");
	check_kept(s);
	close(s);
}

/* Nothing but a larger log helps who asks for a larger quota: his request makes it grow. */
TEST(quota)
{
	const uint64_t most = tm_space(tm).bytes / 8 * 3;
	int s = stream_create(tm, "s", most), t;

	CHECK_EQ(stream_try_create(tm, "t", most / 2, &t), KTM_STATUS_LOG_FULL);
	enlarge(2 * MIB);
	CHECK_EQ(stream_try_create(tm, "t", most / 2, &t), KTM_STATUS_SUCCESS);
	CHECK(tm_space(tm).bytes / 8 * 3 >= most + most / 2);
	close(s);
	close(t);
}

/* It fails while the restart area is written that takes in what it has gained. */
TEST(fails_midway)
{
	static const enum trouble troubles[] = { FAIL_FLUSHES, FAIL_WRITES, FAIL_ALL };
	int s = keep_something();
	uint64_t bytes = tm_space(tm).bytes;
	unsigned int i;

	for (i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
		const struct deadline end = deadline_in(PATIENCE);

		disk_resize(&d, (2 + i) * MIB);
		flaky_set(&f, troubles[i]);
		/* Nobody forces it: the only one who writes is the restart area. */
		append(s, 1, 8);
		while (tm_info(tm).state == KTM_TM_STATE_ONLINE) {
			if (deadline_passed(&end))
				FAIL("the TM stays online");
			nap();
		}
		flaky_set(&f, NO_TROUBLE);
		close_all(s);
		reopen();
		s = stream_open(tm, "kept");
		CHECK_EQ(tm_space(tm).bytes, bytes + (1 + i) * MIB);
		truncate_to(s, kept[RECORDS - 1]);
		check_kept(s);
	}
	close(s);
}

/* A device that only says that it is larger: the log works on, and grows when it is. */
TEST(end_that_fails)
{
	int s = keep_something(), i;
	uint64_t bytes = tm_space(tm).bytes;

	disk_resize(&d, 2 * MIB);
	flaky_set(&f, FAIL_END);
	for (i = 0; i < 20; i++)
		commit_filler();
	go_round();
	CHECK_EQ(tm_space(tm).bytes, bytes);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
	check_kept(s);
	close_all(s);
	reopen();
	CHECK_EQ(tm_space(tm).bytes, bytes);
	flaky_set(&f, NO_TROUBLE);
	until_larger(bytes);
	CHECK_EQ(tm_space(tm).bytes, bytes + MIB);
	s = stream_open(tm, "kept");
	check_kept(s);
	close(s);
}
