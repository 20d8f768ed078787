// SPDX-License-Identifier: GPL-2.0
/*
 * ktmctl journal check, stat and dump on the machine's disk: while a TM has it, which
 * they may not disturb, and after that, when what they say recovery will do is compared
 * with what it does.
 *
 * KTM_JOURNAL names the disk.
 */
#include <ktm.h>

#include "disk.h"
#include "programs.h"

#define TM_GUID	guid_of(900)

static char work[] = "/tmp/ktm-inspect-XXXXXX";
static const char *path;
static int tm;

void test_setup(void)
{
	path = disk_given();
	CHECK(mkdtemp(work));
	CHECK_EQ(chdir(work), 0);
	journal_format(path, TM_GUID);
	tm = tm_online(path);
}

/* How many lines of a file are like that. */
static void check_lines(int count, const char *pattern, const char *file)
{
	int found;
	FILE *grep;

	CHECK_EQ(run("grep -cE -e '%s' %s >count", pattern, file), !count);
	grep = fopen("count", "re");
	CHECK(grep && fscanf(grep, "%d", &found) == 1);
	fclose(grep);
	if (found != count)
		FAIL("%d lines of %s are like '%s', not %d", found, file, pattern, count);
}

/* What "ktmctl journal check" says of one transaction. */
static void check_says(const char *what, guid_t uow, int count)
{
	char pattern[128], text[KTM_GUID_STRING];

	snprintf(pattern, sizeof(pattern), "^  %s %s", what, ktm_guid_format(&uow, text));
	check_lines(count, pattern, "said");
}

static int look(void)
{
	return run("ktmctl journal check %s >said 2>why", path);
}

TEST(a_journal_in_use_is_not_disturbed)
{
	guid_t me = TM_GUID;
	char text[KTM_GUID_STRING], warning[128];
	int rm = rm_online(tm, 1), tx = tx_create(tm);

	snprintf(warning, sizeof(warning), "is in use by transaction manager %s",
		 ktm_guid_format(&me, text));
	commit_one(rm, tx);
	CHECK_EQ(look(), 0);
	check_lines(1, warning, "why");
	CHECK_EQ(run("ktmctl journal stat %s >out 2>why", path), 0);
	check_lines(1, warning, "why");
	CHECK_EQ(run("ktmctl journal dump --json %s >out 2>why", path), 0);
	check_lines(1, warning, "why");
	close(tx);
	tx = tx_create(tm);
	commit_one(rm, tx);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);

	close(tx);
	close(rm);
	tm_close(tm, path);
	CHECK_EQ(look(), 0);
	check_lines(1, "^nothing is wrong$", "said");
	check_lines(0, ".", "why");
	/* Both commits, from the device itself and not from what was cached before. */
	CHECK_EQ(run("ktmctl journal dump %s >out", path), 0);
	check_lines(2, " DECISION .*, commit, ", "out");
}

TEST(recovery_does_what_was_said)
{
	int rm = rm_online(tm, 1), slow = rm_online(tm, 2);
	int tx = tx_create(tm), other = tx_create(tm), last;
	guid_t decided = tx_info(tx).uow, undecided = tx_info(other).uow;
	guid_t a = enlist(rm, tx), b = enlist(rm, other), c = enlist(slow, other), g = guid_of(1);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	COMMIT(other, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, b);
	TAKE(slow, KTM_NOTIFY_PREPARE, c);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	/* That vote waits in memory; the next commit's force takes it along. */
	last = tx_create(tm);
	commit_one(slow, last);
	close(last);
	close(rm);
	close(slow);
	close(tx);
	close(other);
	tm_close(tm, path);

	CHECK_EQ(look(), 0);
	check_says("commit again", decided, 1);
	check_says("roll back", undecided, 1);
	check_lines(1, "is told COMMIT$", "said");
	check_lines(1, "is told ROLLBACK$", "said");
	CHECK_EQ(run("ktmctl journal stat --json %s >out", path), 0);
	check_lines(1, "\"transactions\":\\{\"commit\":1,\"roll_back\":1,\"superior\":0\\}", "out");

	tm = tm_online(path);
	rm = rm_open(tm, &g);
	rm_recover(rm);
	CHECK_EQ(tm_info(tm).transactions, 2);
	tx = tx_open(&decided, KTM_TX_QUERY_INFORMATION);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_COMMITTED);
	other = tx_open(&undecided, KTM_TX_QUERY_INFORMATION);
	CHECK_EQ(tx_info(other).outcome, KTM_OUTCOME_ABORTED);
	close(tx);
	close(other);
	close(rm);
	tm_close(tm, path);

	/* The opening has written a restart area; what lives is the same. */
	CHECK_EQ(look(), 0);
	check_says("commit again", decided, 1);
	check_says("roll back", undecided, 1);
	check_lines(2, ", as was decided at clock ", "said");
}

static int stream_new(int on, const char *name)
{
	int stream = ktm_stream_create(on, name, 32768, KTM_STREAM_ALL_ACCESS, 0, NULL, NULL);

	CHECK(stream >= 0);
	return stream;
}

static uint64_t append(int stream, const char *text, size_t length)
{
	const struct iovec piece = { .iov_base = (void *)text, .iov_len = length };
	uint64_t lsn;

	CHECK_EQ(ktm_stream_append(stream, 0, &piece, 1, 0, 0, &lsn, NULL), 0);
	return lsn;
}

/* The line of "stat --json" in out says of the stream what the module says. */
static void check_stream(const struct ktm_stream_info *info)
{
	char pattern[512], text[KTM_GUID_STRING];

	snprintf(pattern, sizeof(pattern),
		 "\"guid\":\"%s\",\"name\":\"%.*s\",\"quota\":%llu,\"used\":%llu,"
		 "\"base\":%llu,\"last\":%llu,\"restart\":%llu,\"records\":%llu,",
		 ktm_guid_format(&info->guid, text),
		 (int)info->name_length, info->name, info->quota, info->used, info->base_lsn,
		 info->last_lsn, info->restart_lsn, info->records);
	check_lines(1, pattern, "out");
}

/* The log has gone round and restart areas were written: ktmctl still finds what lives. */
TEST(streams_as_the_module_has_them)
{
	static const char filler[1000];
	const struct iovec piece = { .iov_base = (void *)"checkpoint", .iov_len = 10 };
	struct disk disk = disk_make(MIB);
	struct ktm_stream_info kept_info, busy_info;
	struct ktm_tm_space space;
	int on, kept, busy, i;
	uint64_t lsn;

	journal_format(disk.path, guid_of(901));
	on = tm_online(disk.path);
	kept = stream_new(on, "kept");
	busy = stream_new(on, "busy");
	append(kept, "one", 3);
	CHECK_EQ(ktm_stream_restart(kept, 0, &piece, 1, 0, NULL, NULL), 0);
	append(kept, "two", 3);
	for (i = 0; i < 2000; i++) {
		lsn = append(busy, filler, sizeof(filler));
		if (i % 10)
			continue;
		CHECK_EQ(ktm_stream_flush(busy, 0, 0, NULL, NULL), 0);
		CHECK_EQ(ktm_stream_advance(busy, lsn, NULL), 0);
	}
	CHECK_EQ(ktm_stream_flush(busy, 0, 0, NULL, NULL), 0);
	CHECK_EQ(ktm_stream_query(kept, &kept_info, NULL), 0);
	CHECK_EQ(ktm_stream_query(busy, &busy_info, NULL), 0);
	space = tm_space(on);
	CHECK(space.restarts > 0 && space.copied > 0);
	close(kept);
	close(busy);
	tm_close(on, disk.path);

	CHECK_EQ(run("ktmctl journal stat --json %s >out", disk.path), 0);
	check_stream(&kept_info);
	check_stream(&busy_info);
	CHECK_EQ(run("ktmctl journal check %s >said", disk.path), 0);
	check_lines(1, "^nothing is wrong$", "said");
	check_lines(1, "^  keep the log from LSN ", "said");
}

/* A device whose reads fail is not called damaged. */
TEST(a_device_that_fails)
{
	struct disk disk = disk_make(16 * MIB);
	struct flaky flaky;

	journal_format(disk.path, TM_GUID);
	flaky = flaky_make(&disk);
	CHECK_EQ(run("ktmctl journal check %s >said", flaky.path), 0);
	flaky_set(&flaky, FAIL_ALL);
	CHECK_EQ(run("ktmctl journal check %s 2>why", flaky.path), 1);
	check_lines(1, "cannot read at byte 0: ", "why");
	flaky_set(&flaky, NO_TROUBLE);
	flaky_remove(&flaky);
}

/* The same disk every time, which cannot read its last unit when told to. */
#define WEAK_BYTES	(8 * MIB)
#define WEAK_PLACE	(WEAK_BYTES - 4096)
#define WEAK_DRIVER	"/sys/bus/pseudo/drivers/scsi_debug"
#define WEAK_OPTIONS	WEAK_DRIVER "/opts"

/* A medium error is one copy of the superblock that is lost; any other error is not. */
TEST(a_medium_error_is_not_a_failure)
{
	char name[64], device[96];
	FILE *found;

	CHECK_EQ(run("modprobe sd_mod && modprobe scsi_debug dev_size_mb=8 delay=0 "
		     "medium_error_start=%u medium_error_count=8", WEAK_PLACE / 512), 0);
	until_run("ls " WEAK_DRIVER "/adapter0/host*/target*/*/block >name 2>why");
	found = fopen("name", "re");
	CHECK(found && fscanf(found, "%63s", name) == 1);
	fclose(found);
	snprintf(device, sizeof(device), "test -b /dev/%s", name);
	until_run(device);
	snprintf(device, sizeof(device), "/dev/%s", name);
	journal_format(device, TM_GUID);
	CHECK_EQ(run("ktmctl journal check %s >said", device), 0);

	CHECK_EQ(run("echo 2 >" WEAK_OPTIONS), 0);
	CHECK_EQ(run("ktmctl journal check %s >said", device), 3);
	check_lines(1, "^superblock at byte 8384512: not good: .*: medium error$", "said");
	check_lines(1, "^1 place cannot be read .*, the first at byte 8384512$", "said");
	check_lines(1, "^recovery makes good what is wrong$", "said");
	CHECK_EQ(run("echo 0 >" WEAK_OPTIONS), 0);
	until_run("rmmod scsi_debug");
}
