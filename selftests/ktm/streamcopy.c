// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams: what it costs to copy forward, while everybody else who wants something of the
 * TM has to wait, and how often it is done for who finds the log full. Counted, not timed.
 */
#include "calls.h"
#include "disk.h"
#include "hardware.h"
#include "streams.h"

#define TM_GUID		guid_of(986)
#define BUSY_BYTES	12000

static struct disk d;
static int tm, busy;

static void set_up(unsigned int mib)
{
	d = disk_make(mib * MIB);
	journal_format(d.path, TM_GUID);
	tm = tm_online(d.path);
	busy = stream_create(tm, "busy", 128 << 10);
}

static void tear_down(void)
{
	close(busy);
	tm_close(tm, d.path);
}

/* Once round the log, with what dies at once. */
static void one_lap(void)
{
	const struct ktm_tm_space from = tm_space(tm);
	uint64_t base = 0;

	while (tm_space(tm).next_lsn < from.next_lsn + from.bytes) {
		if (base)
			advance(busy, base);
		base = append(busy, 1, BUSY_BYTES);
	}
}

/* ---- small records ------------------------------------------------------- */

/* Requests that the device has been sent for reading. */
static unsigned long reads(void)
{
	unsigned long n;
	char name[96];
	FILE *f;

	snprintf(name, sizeof(name), "/sys/block/%s/stat", strrchr(d.path, '/') + 1);
	f = fopen(name, "r");
	CHECK(f);
	CHECK_EQ(fscanf(f, "%lu", &n), 1);
	fclose(f);
	return n;
}

/*
 * All that two streams may have, record beside record: they come from the device by the piece, and
 * not by the record, nor by the block, of which each holds some.
 */
TEST(small_records)
{
	const unsigned int per_block = 512 / 64;
	uint64_t first[2], last[2], n[2] = { }, copied, lsn;
	unsigned long before;
	int s[2], i;

	set_up(8);
	s[0] = stream_create(tm, "one", 512 << 10);
	s[1] = stream_create(tm, "two", 512 << 10);
	for (i = 0; try_append(s[i], n[i], 8, 0, &lsn) == KTM_STATUS_SUCCESS; i = !i) {
		if (!n[i]++)
			first[i] = lsn;
		last[i] = lsn;
	}
	flush(s[0], 0);
	before = reads();
	copied = tm_space(tm).copied;
	one_lap();
	copied = tm_space(tm).copied - copied;
	CHECK(copied >= n[0] + n[1]);
	CHECK(reads() - before <= copied / per_block / 4);
	for (i = 0; i < 2; i++) {
		CHECK_EQ(stream_info(s[i]).lost, 0);
		check_record(s[i], first[i], 0, 8);
		check_record(s[i], last[i], n[i] - 1, 8);
		close(s[i]);
	}
	tear_down();
}

/* ---- many streams -------------------------------------------------------- */

#define TRACING	"/sys/kernel/tracing/"
#define EVENT	"ktm_test_looks"

static void trace_set(const char *file, const char *text)
{
	const int err = put_text(file, text);

	if (err)
		FAIL("%s into %s: %s", text, file, strerror(err));
}

/* From now on. */
static void count_calls_of(const char *function)
{
	char line[128];

	if (access(TRACING "kprobe_events", W_OK))
		test_skip("this kernel has no probes");
	put_text(TRACING "events/kprobes/" EVENT "/enable", "0");
	snprintf(line, sizeof(line), "p:" EVENT " ktm:%s", function);
	trace_set(TRACING "kprobe_events", line);
	trace_set(TRACING "events/kprobes/" EVENT "/enable", "1");
}

static unsigned long calls(void)
{
	FILE *f = fopen(TRACING "kprobe_profile", "r");
	unsigned long hits = 0;
	char name[64];
	bool found = false;

	CHECK(f);
	while (!found && fscanf(f, "%63s %lu %*u", name, &hits) == 2)
		found = !strcmp(name, EVENT);
	fclose(f);
	CHECK(found);
	return hits;
}

static void count_no_more(void)
{
	trace_set(TRACING "events/kprobes/" EVENT "/enable", "0");
	/* To open it is to empty it. */
	trace_set(TRACING "kprobe_events", "");
}

/*
 * One record each: to look at all streams for each record that is copied would be MANY times as
 * much work as there is.
 */
TEST(many_streams)
{
	enum { MANY = 1000 };
	static uint64_t lsn[MANY];
	struct ktm_tm_space before, after;
	unsigned long looks;
	char name[16];
	unsigned int i;
	int s;

	set_up(8);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		s = stream_create(tm, name, 128);
		lsn[i] = append(s, i, 8);
		close(s);
	}
	flush(busy, 0);
	count_calls_of("ktm_stream_next_copy");
	before = tm_space(tm);
	one_lap();
	after = tm_space(tm);
	looks = calls();
	count_no_more();
	after.copied -= before.copied;
	after.restarts -= before.restarts;
	CHECK(after.copied >= MANY);
	CHECK(looks >= after.copied);
	CHECK(looks <= 4 * MANY * (after.restarts + 1) + 16 * after.copied);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		s = stream_open(tm, name);
		check_record(s, lsn[i], i, 8);
		close(s);
	}
	tear_down();
}

/* ---- those who are refused ----------------------------------------------- */

/* Until the log has no room, and makes none for who asks. */
static void fill_up(void)
{
	enum { VAIN = 10 };
	unsigned int refused = 0;
	uint64_t base = 0, lsn;

	while (refused < VAIN) {
		if (try_append(busy, 1, BUSY_BYTES, 0, &lsn) != KTM_STATUS_SUCCESS) {
			refused++;
			continue;
		}
		if (base)
			advance(busy, base);
		base = lsn;
	}
}

static void be_refused(void *unused)
{
	uint64_t lsn;

	CHECK_EQ(try_append(busy, 1, BUSY_BYTES, 0, &lsn), KTM_STATUS_LOG_FULL);
	(void)unused;
}

/* Restart areas that begin while two wait for one that is under way, and after that. */
static unsigned long areas_for_two(struct flaky *f)
{
	unsigned long before;
	pid_t pid[2];
	unsigned int i;

	/* In a moment what cannot be read is worth another try. */
	sleep(3);
	flaky_hold(f);
	for (i = 0; i < 2; i++) {
		pid[i] = test_spawn(be_refused, NULL);
		until_asleep(pid[i]);
	}
	before = calls();
	flaky_release(f, BAD_SPOT);
	for (i = 0; i < 2; i++)
		test_join(pid[i]);
	return calls() - before;
}

/*
 * One restart area is under way for somebody who was refused, and tries to read what cannot be
 * read. Somebody else who is refused meanwhile waits for that one, and has no other one made.
 */
TEST(refused_while_one_is_under_way)
{
	enum { ROUNDS = 3 };
	unsigned char data[600];
	unsigned int round = 0;
	unsigned long areas;
	struct flaky f;
	int s;

	d = disk_make(8 * MIB);
	f = flaky_make(&d);
	journal_format(f.path, TM_GUID);
	tm = tm_online(f.path);
	busy = stream_create(tm, "busy", 128 << 10);
	s = stream_create(tm, "old", 64 << 10);
	flush(s, append(s, 7, sizeof(data)));
	fill(data, 7, sizeof(data));
	f.bad = disk_find(&d, data, sizeof(data)) / 512 * 512;
	f.bad_bytes = 512;
	CHECK_EQ(put_text("/sys/module/ktm/parameters/lost_after", "3600"), 0);
	count_calls_of("ktm_journal_restart");
	flaky_set(&f, BAD_SPOT);
	fill_up();
	/* One may be due for its own reasons just then. */
	do
		areas = areas_for_two(&f);
	while (areas && ++round < ROUNDS);
	CHECK_EQ(areas, 0);
	count_no_more();
	close(s);
	close(busy);
	tm_close(tm, f.path);
	flaky_remove(&f);
}
