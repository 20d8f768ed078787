// SPDX-License-Identifier: GPL-2.0
/*
 * What an administrator does and sees: ktmctl on the machine's disk and on files,
 * and the example resource managers under it, killed at every moment.
 */
#define _GNU_SOURCE
#include <ktm.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "disk.h"
#include "programs.h"
#include "streams.h"

#define ME_A	"00000000-0000-4000-8000-00000000000a"
#define ME_B	"00000000-0000-4000-8000-00000000000b"

static char work[] = "/tmp/ktm-admin-XXXXXX";

static void to_work(void)
{
	CHECK(mkdtemp(work));
	CHECK_EQ(chdir(work), 0);
}

/* The GUID that ktmctl start has told. */
static void read_guid(const char *output, char guid[KTM_GUID_STRING])
{
	FILE *log = fopen(output, "re");

	CHECK(log && fscanf(log, "transaction manager %36s", guid) == 1);
	fclose(log);
}

/* The TM of a journal, held by ktmctl; its GUID goes to @guid. */
static pid_t start_tm(const char *path, char guid[KTM_GUID_STRING])
{
	pid_t pid = START("tm.log", "ktmctl", "start", path);

	until_run("grep -q online tm.log");
	read_guid("tm.log", guid);
	return pid;
}

static void stop_tm(pid_t pid)
{
	int status;

	CHECK_EQ(kill(pid, SIGTERM), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
}

/* A TM gives its device up a moment after its last holder has gone. */
static void until_free(const char *path)
{
	const struct deadline d = deadline_in(PATIENCE);
	int fd;

	while ((fd = disk_open_alone(path)) < 0) {
		if (deadline_passed(&d))
			FAIL("%s is still in use", path);
		nap();
	}
	close(fd);
}

/* ---- format and start ---- */

TEST(format_refuses_what_is_used)
{
	struct disk disk = disk_make(32 * MIB);
	char guid[KTM_GUID_STRING];
	pid_t tm;

	to_work();
	CHECK_EQ(run("mkswap -L mine %s >/dev/null", disk.path), 0);
	CHECK_EQ(run("ktmctl journal format %s 2>why", disk.path), 1);
	CHECK_EQ(run("grep -q 'swap named \"mine\"; nothing was changed' why"), 0);
	CHECK_EQ(run("swapon %s", disk.path), 0);
	CHECK_EQ(run("ktmctl journal format --force %s 2>why", disk.path), 1);
	CHECK_EQ(run("grep -q 'is in use' why"), 0);
	CHECK_EQ(run("swapoff %s", disk.path), 0);
	CHECK_EQ(run("ktmctl journal format --force %s >/dev/null", disk.path), 0);

	tm = start_tm(disk.path, guid);
	CHECK_EQ(run("ktmctl journal format --force %s 2>why", disk.path), 1);
	CHECK_EQ(run("grep -q 'is in use' why"), 0);
	stop_tm(tm);
	/* The device may be held for another moment: format waits for that. */
	CHECK_EQ(run("ktmctl journal format %s 2>why", disk.path), 1);
	CHECK_EQ(run("grep -q 'a ktm journal, transaction manager %s' why", guid), 0);
}

TEST(start_says_what_is_wrong)
{
	struct disk disk = disk_make(16 * MIB);

	to_work();
	CHECK_EQ(run("ktmctl start %s 2>why", disk.path), 1);
	CHECK_EQ(run("grep -q 'ktmctl journal format' why"), 0);
	CHECK_EQ(run("ktmctl start nothing 2>why"), 1);
	CHECK_EQ(run("ktmctl start . 2>why"), 1);
	CHECK_EQ(run("ktmctl start /dev/null 2>why"), 1);
	CHECK_EQ(run("grep -q 'neither a block device' why"), 0);
	CHECK_EQ(run("ktmctl recover " ME_A " 2>why"), 1);
	CHECK_EQ(run("grep -q 'no such transaction manager' why"), 0);
	CHECK_EQ(run("ktmctl status | grep -q 'no transaction manager'"), 0);
}

TEST(journal_in_a_file)
{
	char guid[KTM_GUID_STRING], again[KTM_GUID_STRING], command[128];
	pid_t tm, second;

	to_work();
	CHECK_EQ(run("ktmctl journal format --size 16M journal >/dev/null"), 0);
	tm = start_tm("journal", guid);
	CHECK_EQ(run("grep -q 'journal on /dev/loop' tm.log"), 0);
	CHECK_EQ(run("ktmctl journal format --force journal 2>why"), 1);
	CHECK_EQ(run("grep -q 'attached to /dev/loop' why"), 0);
	CHECK_EQ(run("ln journal alias && ktmctl journal format --force alias 2>why"), 1);
	CHECK_EQ(run("grep -q 'attached to /dev/loop' why"), 0);
	/* A second one holds the same TM through the same loop device. */
	second = start_tm("journal", again);
	CHECK(!strcmp(guid, again));
	stop_tm(tm);
	snprintf(command, sizeof(command), "ktmctl status | grep -q '%s: online, durable'", guid);
	until_run(command);
	stop_tm(second);
	/* The last one takes the loop device with it. */
	until_run("! grep -qs admin /sys/block/loop*/loop/backing_file");
	tm = start_tm("journal", again);
	CHECK(!strcmp(guid, again));
	stop_tm(tm);
}

/* ---- status ---- */

TEST(status_shows_who_waits_for_whom)
{
	int tm = tm_volatile(), rm, tx, unbound;
	struct ktm_guid en;

	to_work();
	rm = ktm_rm_create(tm, KTM_RM_VOLATILE | KTM_RM_EXCLUSIVE, KTM_RM_ALL_ACCESS, 0, NULL,
			   "evil \033[31m\"na\\me\" \xff\x9b[m \xc2\x9b[m \xe0\x82\x9b[m \xc3\x9b", NULL);
	tx = ktm_tx_create(dev(), tm, 0, KTM_TX_ALL_ACCESS, 0, 3600000000000ull, "a transfer", NULL,
			   NULL);
	unbound = ktm_tx_begin(dev(), -1, "free", NULL, NULL);
	CHECK(rm >= 0 && tx >= 0 && unbound >= 0);
	CHECK_EQ(ktm_enlist(rm, tx, KTM_NOTIFY_REQUIRED, 0, &en, NULL), 0);
	CHECK_EQ(run("ktmctl status >text && ktmctl status --json >json"), 0);
	CHECK_EQ(run("grep -q 'online, volatile, 1 resource managers, 1 transactions' text"), 0);
	/* What comes from others must not reach a terminal as it is. */
	CHECK_EQ(run("grep -q 'evil ?\\[31m' text"), 0);
	CHECK_EQ(run("grep -q '\" ??\\[m ?\\[m ???\\[m \xc3\x9b\"' text"), 0);
	CHECK_EQ(run("grep -q '\"a transfer\": active, for .* of at most 1 h 0 min' text"), 0);
	CHECK_EQ(run("grep -q '\"free\": active' text"), 0);
	CHECK_EQ(run("grep -qF 'evil \\u001b[31m\\\"na\\\\me\\\" \\ufffd\\ufffd[m \\u009b[m' json"), 0);
	CHECK_EQ(run("grep -q '\"exclusive\":true,\"online\":true,\"enlistments\":1' json"), 0);
	CHECK_EQ(run("grep -q '\"state\":\"active\",\"superior\":false,\"present\":true,' json"), 0);
	CHECK_EQ(run("grep -q '\"unbound_transactions\":\\[{\"uow\":' json"), 0);

	CHECK_EQ(ktm_tx_commit(tx, 0, NULL), 0);
	CHECK_EQ(run("ktmctl status >text && ktmctl status --json >json"), 0);
	CHECK_EQ(run("grep -q '\"a transfer\": preparing' text"), 0);
	CHECK_EQ(run("grep -q 'waits for .*: preparing' text"), 0);
	CHECK_EQ(run("grep -q '\"waited_for\":true' json"), 0);
	CHECK_EQ(ktm_en_rollback(rm, &en, NULL), 0);
	CHECK_EQ(ktm_rollback_complete(rm, &en, NULL), 0);
}

TEST(a_failed_device_is_shown_and_recovered)
{
	struct disk disk = disk_make(16 * MIB);
	struct flaky flaky;
	char guid[KTM_GUID_STRING];
	pid_t tm, rm;

	to_work();
	CHECK_EQ(run("ktmctl journal format %s >/dev/null && mkdir a", disk.path), 0);
	flaky = flaky_make(&disk);
	tm = start_tm(flaky.path, guid);
	rm = START("a.log", "rm40", guid, ME_A, "a");
	until_run("rm40-client before a/socket 2>/dev/null");
	flaky_set(&flaky, FAIL_WRITES);
	CHECK_EQ(run("rm40-client lost a/socket 2>why"), 1);
	CHECK_EQ(run("grep -q 'outcome is not known yet' why"), 0);
	CHECK_EQ(run("ktmctl status >text"), 0);
	CHECK_EQ(run("grep -q 'failed, durable' text && grep -q 'ktmctl recover %s' text", guid), 0);
	CHECK_EQ(run("ktmctl recover %s 2>why", guid), 1);
	flaky_set(&flaky, NO_TROUBLE);
	CHECK_EQ(run("ktmctl recover %s >/dev/null", guid), 0);
	CHECK_EQ(run("grep -q before a/value"), 0);
	until_run("rm40-client after a/socket 2>/dev/null");
	CHECK_EQ(run("grep -q after a/value"), 0);
	/* What had been staged for the lost one is gone. */
	CHECK_EQ(run("ls a | grep -v -e value -e socket"), 1);
	test_kill(rm);
	stop_tm(tm);
	until_free(flaky.path);
	flaky_remove(&flaky);
}

/* What ktmctl says of the transaction, and for whom it says that it waits. */
static void expect_superior(const char *state, const char *line)
{
	CHECK_EQ(run("ktmctl status >text && ktmctl status --json >json"), 0);
	CHECK_EQ(run("grep -q '\"driven\": %s' text", state), 0);
	CHECK_EQ(run("grep -q '%s' text", line), 0);
}

TEST(status_shows_the_superior)
{
	int tm = tm_volatile(), rm, above, tx;
	struct ktm_guid en, sup;

	to_work();
	rm = ktm_rm_create(tm, KTM_RM_VOLATILE, KTM_RM_ALL_ACCESS, 0, NULL, "below", NULL);
	above = ktm_rm_create(tm, KTM_RM_VOLATILE, KTM_RM_ALL_ACCESS, 0, NULL, "above", NULL);
	tx = ktm_tx_begin(dev(), tm, "driven", NULL, NULL);
	CHECK(rm >= 0 && above >= 0 && tx >= 0);
	CHECK_EQ(ktm_enlist(rm, tx, KTM_NOTIFY_REQUIRED | KTM_NOTIFY_PREPREPARE, 0, &en, NULL), 0);
	CHECK_EQ(ktm_enlist_superior(above, tx, KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE |
				     KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE, 0, 0, 0,
				     &sup, NULL), 0);
	expect_superior("active", "enlisted .* \"above\", the superior: active");
	CHECK_EQ(run("grep -q '\"superior\":true,\"present\":true,\"waited_for\":false' json"), 0);
	CHECK_EQ(run("grep -q '\"superior\":false,\"present\":true,\"waited_for\":false' json"), 0);
	CHECK_EQ(run("grep -q '\"virtual_clock\":1,' json"), 0);

	CHECK_EQ(ktm_en_preprepare(above, &sup, NULL), 0);
	expect_superior("pre-preparing", "waits for .* \"below\": pre-preparing");
	CHECK_EQ(run("grep -q '\"virtual_clock\":2,' json"), 0);
	CHECK_EQ(run("grep -q 'virtual clock 2$' text"), 0);
	CHECK_EQ(ktm_preprepare_complete(rm, &en, NULL), 0);
	expect_superior("pre-prepared", "waits for .* \"above\", the superior:");
	CHECK_EQ(ktm_en_prepare(above, &sup, NULL), 0);
	expect_superior("preparing", "waits for .* \"below\": preparing");
	CHECK_EQ(ktm_prepare_complete(rm, &en, NULL, 0, NULL), 0);
	expect_superior("prepared", "waits for .* \"above\", the superior: prepared");
	CHECK_EQ(run("grep -q '\"superior\":true,\"present\":true,\"waited_for\":true' json"), 0);
	CHECK_EQ(ktm_en_commit(above, &sup, NULL), 0);
	expect_superior("committing", "waits for .* \"below\": committing");
	CHECK_EQ(run("grep -q 'waits for .* \"above\"' text"), 1);
	CHECK_EQ(ktm_commit_complete(rm, &en, NULL), 0);
}

TEST(status_shows_who_decides_alone)
{
	int tm = tm_volatile(), rm, tx;
	struct ktm_guid en;

	to_work();
	rm = ktm_rm_create(tm, KTM_RM_VOLATILE, KTM_RM_ALL_ACCESS, 0, NULL, "alone", NULL);
	tx = ktm_tx_begin(dev(), tm, "short", NULL, NULL);
	CHECK(rm >= 0 && tx >= 0);
	CHECK_EQ(ktm_enlist(rm, tx, KTM_NOTIFY_REQUIRED | KTM_NOTIFY_SINGLE_PHASE_COMMIT, 0, &en,
			    NULL), 0);
	CHECK_EQ(ktm_tx_commit(tx, 0, NULL), 0);
	CHECK_EQ(run("ktmctl status >text && ktmctl status --json >json"), 0);
	CHECK_EQ(run("grep -q '\"short\": single phase' text"), 0);
	CHECK_EQ(run("grep -q 'waits for .* \"alone\": single phase' text"), 0);
	CHECK_EQ(run("grep -q '\"state\":\"single phase\"' json"), 0);
	CHECK_EQ(ktm_commit_complete(rm, &en, NULL), 0);
}

/* ---- log streams ---- */

#define RECORD	1500		/* bytes of data */
#define CHUNK	4000

static char tm_text[KTM_GUID_STRING];

static void name_tm(int tm)
{
	const guid_t guid = tm_guid(tm);

	ktm_guid_format(&guid, tm_text);
}

static void take_status(void)
{
	CHECK_EQ(run("ktmctl status >text && ktmctl status --json >json"), 0);
}

/* What was written is given up at once: the log goes round, and its end is somebody else's. */
static void write_on(int filler)
{
	advance(filler, append(filler, 2, CHUNK));
}

static bool holds_it_back(int tm, const guid_t *guid)
{
	const guid_t holder = tm_space(tm).holder;

	return same(&holder, guid);
}

/* A record that cannot be read cannot be copied forward, until the log gives it up. */
TEST(status_shows_streams_and_who_holds_the_tail)
{
	struct disk disk = disk_make(MIB);
	struct flaky flaky = flaky_make(&disk);
	unsigned char data[RECORD];
	char guid[KTM_GUID_STRING];
	struct ktm_stream_info info;
	int tm, s, filler, n;

	to_work();
	CHECK_EQ(run("echo 3600 >/sys/module/ktm/parameters/lost_after"), 0);
	journal_format(flaky.path, guid_of(970));
	tm = tm_online(flaky.path);
	s = stream_create(tm, "evil \033[31m", 16 << 10);
	filler = stream_create(tm, "filler", 32 << 10);
	append(s, 1, RECORD);
	/* Each in a write unit of its own, so that one of them can be bad alone. */
	flush(s, 0);
	append(s, 3, RECORD);
	flush(s, 0);
	info = stream_info(s);
	ktm_guid_format(&info.guid, guid);
	take_status();
	CHECK_EQ(run("grep -q 'room: 48 KiB are quotas of streams' text"), 0);
	CHECK_EQ(run("grep -qF 'stream %s \"evil ?[31m\": 2 records, %llu of 16384 bytes of quota' text",
		     guid, info.used), 0);
	CHECK_EQ(run("grep -q '\"filler\": 0 records, 0 of 32768 bytes' text"), 0);
	CHECK_EQ(run("grep -q '\"quotas\":49152,' json"), 0);
	CHECK_EQ(run("grep -qF '\"name\":\"evil \\u001b[31m\",\"quota\":16384,\"used\":%llu,' json",
		     info.used), 0);
	CHECK_EQ(run("grep -q '\"records\":2,\"lost\":0,\"base\":0,\"first\":%llu,\"last\":%llu,' json",
		     info.first_lsn, info.last_lsn), 0);
	CHECK_EQ(run("grep -q 'held back' text"), 1);
	CHECK_EQ(run("grep -q 'tail_held_by' json"), 1);

	fill(data, 1, RECORD);
	flaky.bad = disk_find(&disk, data, RECORD);
	flaky.bad_bytes = RECORD;
	flaky_set(&flaky, BAD_SPOT);
	for (n = 0; !holds_it_back(tm, &info.guid); n++) {
		CHECK(n < 1000);
		write_on(filler);
	}
	take_status();
	CHECK_EQ(run("grep -qF 'its tail is held back by stream %s \"evil ?[31m\"' text", guid), 0);
	CHECK_EQ(run("grep -q '\"tail_held_by\":\"%s\"' json", guid), 0);
	CHECK_EQ(run("echo 0 >/sys/module/ktm/parameters/lost_after"), 0);
	for (n = 0; !stream_info(s).lost; n++) {
		CHECK(n < 1000);
		write_on(filler);
	}
	take_status();
	CHECK_EQ(run("grep -q ': 2 records, 1 of them lost, ' text"), 0);
	CHECK_EQ(run("grep -q '\"records\":2,\"lost\":1,' json"), 0);
	CHECK_EQ(run("echo 30 >/sys/module/ktm/parameters/lost_after"), 0);

	/* Of a log that has failed as much as can be known. */
	flaky_set(&flaky, FAIL_WRITES);
	append(s, 4, 100);
	CHECK(ktm_stream_flush(s, 0, 0, NULL, NULL) < 0);
	tm_failed(tm);
	take_status();
	CHECK_EQ(run("grep -q 'stream %s (.*offline' text", guid), 0);
	CHECK_EQ(run("grep -q '{\"guid\":\"%s\",\"error\":\"TM_NOT_ONLINE\"}' json", guid), 0);
	name_tm(tm);
	CHECK_EQ(run("ktmctl delete-stream --force %s filler 2>why", tm_text), 1);
	CHECK_EQ(run("grep -q 'ktmctl recover %s comes first' why", tm_text), 0);
	close(s);
	close(filler);
	tm_close(tm, flaky.path);
	flaky_remove(&flaky);
}

static void expect_refusal(const char *arguments, const char *why)
{
	CHECK_EQ(run("ktmctl delete-stream %s 2>why", arguments), 1);
	CHECK_EQ(run("grep -q '%s' why", why), 0);
}

TEST(delete_stream)
{
	struct disk disk = disk_make(MIB);
	char guid[KTM_GUID_STRING], arguments[256];
	int tm, rm, tx, full, empty, voted;
	struct ktm_stream_info info;
	struct ktm_answer vote;
	uint64_t lsn;
	guid_t en;

	to_work();
	journal_format(disk.path, guid_of(971));
	tm = tm_online(disk.path);
	name_tm(tm);
	full = stream_create(tm, "full", 16 << 10);
	empty = stream_create(tm, ME_A, 16 << 10);
	voted = stream_create(tm, "voted", 16 << 10);
	append(full, 1, RECORD);
	append(full, 2, RECORD);
	append(empty, 1, RECORD);
	truncate_to(empty, 0);

	snprintf(arguments, sizeof(arguments), "%s nothing", tm_text);
	expect_refusal(arguments, "has no stream .nothing. (ktmctl status shows them)");
	snprintf(arguments, sizeof(arguments), "%s " ME_B, tm_text);
	expect_refusal(arguments, "has no stream");
	expect_refusal(ME_B " full", "no such transaction manager");
	snprintf(arguments, sizeof(arguments), "%s full", tm_text);
	expect_refusal(arguments, "it has 2 live records .*--force");
	CHECK_EQ(stream_info(full).records, 2);

	/* By a name that looks like a GUID, and by the GUID. */
	CHECK_EQ(run("ktmctl delete-stream %s " ME_A " >out", tm_text), 0);
	CHECK_EQ(run("grep -q 'is deleted, and 0 live records with it; 16384 bytes' out"), 0);
	info = stream_info(full);
	ktm_guid_format(&info.guid, guid);
	CHECK_EQ(run("ktmctl delete-stream --force %s %s >out", tm_text, guid), 0);
	CHECK_EQ(run("grep -q 'stream %s is deleted, and 2 live records' out", guid), 0);
	CHECK_EQ(try_append(full, 3, RECORD, 0, &lsn), KTM_STATUS_STREAM_NOT_FOUND);
	CHECK_EQ(try_append(empty, 3, RECORD, 0, &lsn), KTM_STATUS_STREAM_NOT_FOUND);
	CHECK_EQ(tm_space(tm).quotas, 16 << 10);

	/* Who has voted counts on his stream. */
	rm = rm_create(tm, 0);
	rm_recover_empty(rm);
	tx = tx_create(tm);
	en = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	vote = ARG(ktm_answer, .enlistment = en, .stream_fd = voted, .stream_records = 1,
		   .stream_need = 100);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, &vote, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	snprintf(arguments, sizeof(arguments), "--force %s voted", tm_text);
	expect_refusal(arguments, "it has to end first");
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	WAIT(tx, KTM_STATUS_SUCCESS);
	CHECK_EQ(run("ktmctl delete-stream %s voted >out", tm_text), 0);
	take_status();
	CHECK_EQ(run("grep -q 'room: 0 KiB are quotas' text && grep -q '\"streams\":\\[\\],' json"), 0);
	CHECK_EQ(run("grep -q '    stream ' text"), 1);
	close(tx);
	close(rm);
	close(full);
	close(empty);
	close(voted);
	tm_close(tm, disk.path);
}

/* ---- a TM that stays, and one that gets another name ---- */

static const char *journal;

static void need_disk(void)
{
	journal = disk_given();
	until_free(journal);
	CHECK_EQ(run("ktmctl journal format --force %s >/dev/null", journal), 0);
	to_work();
}

TEST(a_tm_stays_until_it_is_taken_offline)
{
	char guid[KTM_GUID_STRING];
	struct ktm_guid identity;
	pid_t holder;
	int tm;

	need_disk();
	CHECK_EQ(run("ktmctl start --persist %s >tm.log", journal), 0);
	CHECK_EQ(run("grep -q 'is online (%s)' tm.log", journal), 0);
	CHECK_EQ(run("ktmctl status >text && ktmctl status --json >json"), 0);
	CHECK_EQ(run("grep -q 'stays when nobody uses it' text"), 0);
	CHECK_EQ(run("grep -q \"log on \\\"$(readlink -f %s)\\\": \" text", journal), 0);
	CHECK_EQ(run("grep -q \"\\\"path\\\":\\\"$(readlink -f %s)\\\"\" json", journal), 0);
	CHECK_EQ(run("grep -q '\"persistent\":true,' json"), 0);
	CHECK_EQ(run("ktmctl journal format --force %s 2>why", journal), 1);
	/* What a second one cannot do does not end it. */
	CHECK_EQ(run("ktmctl start --persist --until 1 %s 2>why", journal), 1);
	CHECK_EQ(run("grep -q 'there is nothing to recover' why"), 0);
	CHECK_EQ(run("ktmctl status --json | grep -q '\"persistent\":true,'"), 0);
	/* A second one finds it, and may hold it, too. */
	holder = start_tm(journal, guid);
	CHECK_EQ(run("ktmctl offline %s 2>why", guid), 1);
	CHECK_EQ(run("grep -q 'still uses it' why"), 0);
	stop_tm(holder);
	CHECK_EQ(ktm_guid_parse(guid, &identity), 0);
	tm = tm_open(&identity);
	CHECK_EQ(run("ktmctl offline %s 2>why", guid), 1);
	close(tm);
	CHECK_EQ(run("ktmctl offline %s", guid), 0);
	until_free(journal);
	CHECK_EQ(run("ktmctl offline %s 2>why", guid), 1);
	CHECK_EQ(run("grep -q 'no such transaction manager' why"), 0);

	/* One that was not made to stay cannot be made so, and is not taken offline. */
	holder = start_tm(journal, guid);
	CHECK_EQ(run("ktmctl start --persist %s 2>why", journal), 1);
	CHECK_EQ(run("grep -q 'will go with its last user' why"), 0);
	CHECK_EQ(run("ktmctl offline %s 2>why", guid), 1);
	CHECK_EQ(run("grep -q 'not started with --persist' why"), 0);
	stop_tm(holder);
	until_free(journal);
}

TEST(what_cannot_be_recovered_does_not_stay)
{
	struct disk disk = disk_make(16 * MIB);
	struct flaky flaky;

	to_work();
	CHECK_EQ(run("ktmctl journal format %s >/dev/null", disk.path), 0);
	flaky = flaky_make(&disk);
	flaky_set(&flaky, FAIL_WRITES);
	CHECK_EQ(run("ktmctl start --persist %s 2>why", flaky.path), 1);
	until_free(flaky.path);
	flaky_set(&flaky, NO_TROUBLE);
	flaky_remove(&flaky);
}

TEST(rename_gives_another_identity)
{
	static const char wanted[] = "5c1e8f0a-90f5-4c0e-8a56-2ad1d5a1f7be";
	char before[KTM_GUID_STRING], after[KTM_GUID_STRING];
	pid_t tm;

	need_disk();
	tm = start_tm(journal, before);
	CHECK_EQ(run("ktmctl rename %s 2>why", journal), 1);
	CHECK_EQ(run("grep -q '%s is in use' why", before), 0);
	stop_tm(tm);
	until_free(journal);
	CHECK_EQ(run("ktmctl rename --tm-guid %s %s >out", wanted, journal), 0);
	CHECK_EQ(run("grep -q '%s is now %s' out", before, wanted), 0);
	until_free(journal);
	tm = start_tm(journal, after);
	CHECK(!strcmp(after, wanted));
	stop_tm(tm);
	until_free(journal);
	CHECK_EQ(run("ktmctl rename %s >/dev/null", journal), 0);
	until_free(journal);
	tm = start_tm(journal, after);
	CHECK(strcmp(after, wanted) && strcmp(after, before));
	stop_tm(tm);
	until_free(journal);
}

/* Two transactions are committed, at the clocks 2 and 3, and the RM has not done its part. */
static void leave_two_commits(void)
{
	int tm = tm_online(journal), rm = rm_create(tm, 0), tx;
	struct ktm_guid en;
	unsigned int i;

	rm_recover_empty(rm);
	for (i = 0; i < 2; i++) {
		tx = tx_create(tm);
		en = enlist(rm, tx);
		COMMIT(tx, 0, KTM_STATUS_PENDING);
		TAKE(rm, KTM_NOTIFY_PREPARE, en);
		ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
		TAKE_AT(rm, KTM_NOTIFY_COMMIT, en, 2 + i, 0);
		close(tx);
	}
	close(rm);
	tm_close(tm, journal);
}

TEST(rolling_forward)
{
	char guid[KTM_GUID_STRING];
	pid_t tm;

	need_disk();
	leave_two_commits();
	tm = START("tm.log", "ktmctl", "start", "--until", "2", journal);
	until_run("grep -q 'is rolled forward to virtual clock 2 ' tm.log");
	CHECK_EQ(run("ktmctl status >text && ktmctl status --json >json"), 0);
	CHECK_EQ(run("grep -q 'rolled forward, durable, .* virtual clock 2$' text"), 0);
	CHECK_EQ(run("grep -q 'takes no new work' text"), 0);
	CHECK_EQ(run("grep -q '\"state\":\"rolled forward\"' json"), 0);
	CHECK_EQ(run("grep -q ': committing' text && grep -q ': in doubt' text"), 0);
	read_guid("tm.log", guid);
	CHECK_EQ(run("ktmctl recover --until 1 %s 2>why", guid), 1);
	CHECK_EQ(run("ktmctl recover %s >out && grep -q 'is online$' out", guid), 0);
	CHECK_EQ(run("ktmctl status | grep -q 'virtual clock 3$'"), 0);
	CHECK_EQ(run("ktmctl recover --until 9 %s 2>why", guid), 1);
	CHECK_EQ(run("grep -q 'nothing to recover' why"), 0);
	stop_tm(tm);
	until_free(journal);
	/* A log that ends before is recovered as ever. */
	tm = START("tm.log", "ktmctl", "start", "--until", "9", journal);
	until_run("grep -q 'is online ' tm.log");
	stop_tm(tm);
	until_free(journal);
}

/* ---- freezing ---- */

TEST(freeze_and_thaw)
{
	int tm = tm_volatile(), rm = rm_create(tm, KTM_RM_VOLATILE), under_way, tx;
	struct ktm_guid first, en;
	pid_t client;

	to_work();
	CHECK_EQ(run("ktmctl thaw 2>why"), 1);
	CHECK_EQ(run("grep -qi 'frozen' why"), 0);
	under_way = tx_create(tm);
	first = enlist(rm, under_way);
	COMMIT(under_way, 0, KTM_STATUS_PENDING);
	CHECK_EQ(run("ktmctl freeze --wait 0 2>why"), 1);
	CHECK_EQ(run("grep -q 'under way; nothing is frozen' why"), 0);
	TAKE(rm, KTM_NOTIFY_PREPARE, first);
	ANSWER(rm, KTM_IOC_READ_ONLY, first, KTM_STATUS_SUCCESS);

	CHECK_EQ(run("ktmctl freeze --wait 60 --for 60 >out && grep -q 'frozen for 60' out"), 0);
	CHECK_EQ(run("ktmctl freeze 2>why"), 1);
	tx = tx_create(tm);
	en = enlist(rm, tx);
	client = commit_in_child(tx, KTM_STATUS_SUCCESS);
	until_asleep(client);
	TAKE_NONE(rm);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	CHECK_EQ(run("ktmctl thaw >/dev/null"), 0);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	ANSWER(rm, KTM_IOC_READ_ONLY, en, KTM_STATUS_SUCCESS);
	test_join(client);
	CHECK_EQ(run("ktmctl thaw 2>why"), 1);
}

/* ---- the example resource managers ---- */

static void need_journal(void)
{
	need_disk();
	CHECK_EQ(run("mkdir a b"), 0);
}

/* Both have the value that they got together last. */
static bool are_equal(void)
{
	return !run("cmp -s a/value b/value");
}

TEST(rm40_all_or_nothing)
{
	char guid[KTM_GUID_STRING], command[128];
	pid_t tm, a, b;

	need_journal();
	tm = start_tm(journal, guid);
	a = START("a.log", "rm40", guid, ME_A, "a");
	b = START("b.log", "rm40", guid, ME_B, "b");
	until_run("rm40-client one a/socket b/socket 2>/dev/null");
	CHECK(are_equal());
	CHECK_EQ(run("rm40-client two a/socket b/socket && grep -q two a/value"), 0);
	CHECK(are_equal());
	/* One of them is not there: nothing happens at the other. */
	test_kill(b);
	CHECK_EQ(run("rm40-client three a/socket b/socket 2>/dev/null"), 1);
	CHECK_EQ(run("grep -q two a/value && grep -q two b/value"), 0);
	/* It comes back, the other one stays; nothing staged is left behind. */
	b = START("b.log", "rm40", guid, ME_B, "b");
	until_run("rm40-client four a/socket b/socket 2>/dev/null");
	CHECK(are_equal());
	CHECK_EQ(run("ls a b | grep -v -e value -e socket -e : -e '^$'"), 1);
	/* A second process for the same data is refused. */
	CHECK_EQ(run("rm40 %s " ME_A " a 2>why", guid), 1);
	CHECK_EQ(run("grep -q exclusively why"), 0);
	/* A request without a transaction, and nonsense: it goes on. */
	CHECK_EQ(run("rm40-client 2>/dev/null"), 2);
	test_kill(a);
	test_kill(b);
	snprintf(command, sizeof(command), "ktmctl status | grep -q '%s: online'", guid);
	until_run(command);
	stop_tm(tm);
}

/* One value after the other, whatever happens to the resource managers. */
static void client_loop(void *data)
{
	char value[16];
	unsigned int i;
	int status;
	pid_t pid;

	(void)data;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0;; i++) {
		snprintf(value, sizeof(value), "%u", i);
		pid = START("client.log", "rm40-client", value, "a/socket", "b/socket");
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		if (status)
			nap();
		else
			shared_word[0]++;
	}
}

/* The loop and the client that it has just started: none of them commits any more. */
static void kill_client(pid_t loop)
{
	CHECK_EQ(kill(-loop, SIGKILL), 0);
	while (waitpid(-loop, NULL, 0) > 0)
		;
	CHECK_EQ(errno, ECHILD);
}

static bool rm_is_online(int tm, const char *guid)
{
	struct ktm_rm_info info = { 0 };
	struct ktm_guid me;
	int rm;

	CHECK_EQ(ktm_guid_parse(guid, &me), 0);
	rm = ktm_rm_open(tm, &me, 0, KTM_RM_QUERY_INFORMATION, NULL);
	CHECK(rm >= 0);
	CHECK_EQ(ktm_rm_query(rm, &info, NULL), 0);
	close(rm);
	return info.online;
}

/*
 * Both are there, and whatever the client had begun has ended everywhere. Nothing
 * is committed for it: that would make them equal again.
 */
static void until_settled(int tm)
{
	const struct deadline d = deadline_in(PATIENCE);

	while (!rm_is_online(tm, ME_A) || !rm_is_online(tm, ME_B) || tm_info(tm).transactions) {
		if (deadline_passed(&d))
			FAIL("%u transactions do not end", tm_info(tm).transactions);
		nap();
	}
}

TEST(rm40_killed_again_and_again)
{
	static const char *const directory[] = { "a", "b" };
	static const char *const me[] = { ME_A, ME_B };
	const unsigned int seed = 20261121, rounds = 100;
	unsigned int round, violations = 0;
	char guid[KTM_GUID_STRING], log[16];
	pid_t holder, rms[2], client;
	struct ktm_guid identity;
	uint64_t before;
	int tm;

	need_journal();
	/* What the client's loop leaves behind is ours to wait for. */
	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	srandom(seed);
	holder = start_tm(journal, guid);
	CHECK_EQ(ktm_guid_parse(guid, &identity), 0);
	tm = tm_open(&identity);
	for (round = 0; round < 2; round++)
		rms[round] = START("rm.log", "rm40", guid, me[round], directory[round]);
	until_run("rm40-client first a/socket b/socket 2>/dev/null");
	for (round = 0; round < rounds; round++) {
		const unsigned int victim = random() % 2;
		const struct deadline d = deadline_in(PATIENCE);
		unsigned int naps = random() % 60;

		before = shared_word[0];
		client = test_spawn(client_loop, NULL);
		setpgid(client, client);
		while (shared_word[0] == before && !deadline_passed(&d))
			nap();
		while (naps--)
			nap();
		test_kill(rms[victim]);
		kill_client(client);
		snprintf(log, sizeof(log), "%s.log", directory[victim]);
		rms[victim] = START(log, "rm40", guid, me[victim], directory[victim]);
		until_settled(tm);
		violations += !are_equal();
	}
	printf("campaign rm40: tried=%u violations=%u seed=%u\n", rounds, violations, seed);
	CHECK_EQ(violations, 0);
	test_kill(rms[0]);
	test_kill(rms[1]);
	close(tm);
	stop_tm(holder);
}
