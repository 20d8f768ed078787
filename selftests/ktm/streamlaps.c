// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams in a log that fills up: what one holds, reserves or cannot read any more costs the
 * others nothing, also if the power was cut when nothing was left.
 */
#include "calls.h"
#include "disk.h"
#include "streams.h"

#define BYTES	8000		/* of data in a record of those who write */
#define KEEP	3		/* records that they keep */
#define LAPS	3

static struct disk d;
static struct flaky f;
static int tm, busy;
static uint64_t kept[KEEP], written;

static void lost_after(unsigned int seconds)
{
	char line[96];

	snprintf(line, sizeof(line), "echo %u >/sys/module/ktm/parameters/lost_after", seconds);
	CHECK_EQ(run(line), 0);
}

void test_setup(void)
{
	d = disk_make(8 * MIB);
	f = flaky_make(&d);
	journal_format(f.path, guid_of(960));
	tm = tm_online(f.path);
	busy = stream_create(tm, "busy", 128 << 10);
	lost_after(30);
}

static void reopen(void)
{
	close(busy);
	tm_close(tm, f.path);
	tm = tm_online(f.path);
	busy = stream_open(tm, "busy");
}

static void tear_down(void)
{
	close(busy);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

/* One more record, and one less. */
static unsigned int write_on(void)
{
	unsigned int status = try_append(busy, written, BYTES, 0, &kept[written % KEEP]);

	if (status != KTM_STATUS_SUCCESS)
		return status;
	written++;
	if (written >= KEEP)
		advance(busy, kept[written % KEEP]);
	return status;
}

static void go_round(unsigned int laps)
{
	const uint64_t ring = tm_space(tm).bytes;
	uint64_t total;

	for (total = 0; total < laps * ring; total += BYTES)
		CHECK_EQ(write_on(), KTM_STATUS_SUCCESS);
}

/* Until nobody gets anything any more. */
static void fill_up(void)
{
	const uint64_t ring = tm_space(tm).bytes;
	uint64_t total;

	for (total = 0; write_on() == KTM_STATUS_SUCCESS; total += BYTES)
		CHECK(total < 3 * ring);
	CHECK_EQ(write_on(), KTM_STATUS_LOG_FULL);
}

/* Within its quota, all of it, and then nothing more. */
TEST(one_record_and_the_rest_reserved)
{
	const uint64_t quota = tm_space(tm).bytes * 3 / 8 - (128 << 10) - 4096;
	int s = stream_create(tm, "s", quota);
	uint64_t lsn = append(s, 7, 64);

	reserve(s, 1, 0);
	while (stream_info(s).reserved + 16384 * 2 < quota - cost(64))
		reserve(s, 1, 16384);
	go_round(LAPS);
	check_record(s, lsn, 7, 64);
	CHECK(tm_space(tm).copied > 0);
	/* And what was set aside is there. */
	append_flags(s, 8, 16384, KTM_STREAM_RESERVED);
	close(s);
	reopen();
	go_round(1);
	tear_down();
}

/* The oldest record of the log is one stream's, another one has all that it may. */
TEST(an_idle_record_and_a_full_stream)
{
	int idle = stream_create(tm, "idle", 64 << 10), full;
	uint64_t lsn = append(idle, 7, 64), next, first;
	unsigned int n;

	full = stream_create(tm, "full", tm_space(tm).bytes * 3 / 8 - (192 << 10) - 4096);
	first = append(full, 0, 12000);
	for (n = 1; try_append(full, n, 12000, 0, &next) == KTM_STATUS_SUCCESS; n++)
		;
	CHECK_EQ(try_append(full, n, 12000, 0, &next), KTM_STATUS_STREAM_FULL);
	go_round(LAPS);
	check_record(idle, lsn, 7, 64);
	check_record(full, first, 0, 12000);
	CHECK_EQ(stream_info(full).records, n);
	close(idle);
	close(full);
	tear_down();
}

/* ---- what cannot be read ------------------------------------------------- */

static struct ktm_stream_read read_at(int s, unsigned int mode, uint64_t lsn, unsigned int status)
{
	struct ktm_stream_read r = ARG(ktm_stream_read, .mode = mode, .lsn = lsn);

	CALL(s, KTM_IOC_STREAM_READ, &r, status);
	return r;
}

/* Three records, each in a unit of its own, and the place of the first one. */
static int three_records(uint64_t *lsn)
{
	unsigned char data[600];
	int s = stream_create(tm, "old", 64 << 10);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		lsn[i] = append(s, 100 + i, sizeof(data));
		flush(s, lsn[i]);
	}
	fill(data, 100, sizeof(data));
	f.bad = disk_find(&d, data, sizeof(data)) / 512 * 512;
	f.bad_bytes = 512;
	return s;
}

static void rest_can_be_read(int s, const uint64_t *lsn)
{
	CHECK_EQ(where(s, KTM_STREAM_NEXT, lsn[0]), lsn[1]);
	check_record(s, lsn[1], 101, 600);
	check_record(s, lsn[2], 102, 600);
	CHECK_EQ(where(s, KTM_STREAM_BEFORE, 0), lsn[2]);
}

static void first_is_lost(int s, const uint64_t *lsn)
{
	struct ktm_stream_info info = stream_info(s);

	CHECK_EQ(info.lost, 1);
	CHECK_EQ(info.records, 3);
	CHECK_EQ(info.first_lsn, lsn[0]);
	read_at(s, KTM_STREAM_AT, lsn[0], KTM_STATUS_LOG_CORRUPTION_DETECTED);
	/* Who goes through them is told which one it is. */
	CHECK_EQ(read_at(s, KTM_STREAM_NEXT, 0, KTM_STATUS_LOG_CORRUPTION_DETECTED).lsn, lsn[0]);
	rest_can_be_read(s, lsn);
}

static void lost_for_good(int s, const uint64_t *lsn)
{
	uint64_t used;

	first_is_lost(s, lsn);
	close(s);
	reopen();
	s = stream_open(tm, "old");
	first_is_lost(s, lsn);
	go_round(1);
	first_is_lost(s, lsn);
	used = stream_info(s).used;
	/* It counts until it is given up. */
	advance(s, lsn[1]);
	CHECK_EQ(stream_info(s).lost, 0);
	CHECK_EQ(stream_info(s).used, used - cost(600));
	CHECK_EQ(where(s, KTM_STREAM_NEXT, 0), lsn[1]);
	flush(s, 0);
	close(s);
	reopen();
	s = stream_open(tm, "old");
	CHECK_EQ(stream_info(s).records, 2);
	CHECK_EQ(stream_info(s).lost, 0);
	append(s, 103, 600);
	close(s);
}

/* The device does not give it: everybody else goes on. */
TEST(a_bad_sector)
{
	const uint64_t ring = tm_space(tm).bytes;
	uint64_t lsn[3], total;
	int s = three_records(lsn);

	lost_after(0);
	flaky_set(&f, BAD_SPOT);
	CHECK_EQ(read_at(s, KTM_STREAM_NEXT, 0, KTM_STATUS_IO_ERROR).lsn, lsn[0]);
	for (total = 0; !stream_info(s).lost; total += BYTES) {
		CHECK(total < 2 * ring);
		CHECK_EQ(write_on(), KTM_STATUS_SUCCESS);
	}
	/* A disk replaces a bad sector when it is written to. */
	flaky_set(&f, NO_TROUBLE);
	go_round(LAPS);
	lost_for_good(s, lsn);
	tear_down();
}

/*
 * A whole region, where several lie who write nothing any more. The device says at once that it cannot
 * read it: so it is passed over at once, and not piece by piece in one restart area each.
 */
TEST(a_bad_region)
{
	enum { STREAMS = 4, EACH = 30, MANY = STREAMS * EACH };
	uint64_t ring = tm_space(tm).bytes, restarts, total;
	unsigned char data[BYTES];
	char name[8];
	int s[STREAMS];
	unsigned int i, lost;

	for (i = 0; i < STREAMS; i++) {
		snprintf(name, sizeof(name), "old%u", i);
		s[i] = stream_create(tm, name, 512 << 10);
	}
	for (i = 0; i < MANY; i++)
		append(s[i / EACH], 200 + i, BYTES);
	flush(s[STREAMS - 1], 0);
	fill(data, 200, BYTES);
	f.bad = disk_find(&d, data, BYTES) / 512 * 512;
	fill(data, 200 + MANY - 1, BYTES);
	f.bad_bytes = disk_find(&d, data, BYTES) + BYTES - f.bad;
	lost_after(0);
	flaky_set(&f, BAD_SPOT);
	restarts = tm_space(tm).restarts;
	for (lost = total = 0; lost < MANY; total += BYTES) {
		CHECK(total < 2 * ring);
		CHECK_EQ(write_on(), KTM_STATUS_SUCCESS);
		for (lost = i = 0; i < STREAMS; i++)
			lost += stream_info(s[i]).lost;
	}
	/* One in which none of them could be read, and two more to give them up, of each stream. */
	restarts = tm_space(tm).restarts - restarts;
	printf("# %llu restart areas until all was given up\n", (unsigned long long)restarts);
	CHECK(restarts <= MANY / 3);
	flaky_set(&f, NO_TROUBLE);
	go_round(LAPS);
	for (i = 0; i < STREAMS; i++) {
		CHECK_EQ(stream_info(s[i]).lost, EACH);
		close(s[i]);
	}
	tear_down();
}

/* The device gives something else. */
TEST(a_damaged_record)
{
	static const unsigned char zeros[512];
	uint64_t lsn[3];
	int s = three_records(lsn);

	lost_after(0);
	disk_write(&d, f.bad, zeros, sizeof(zeros));
	CHECK_EQ(read_at(s, KTM_STREAM_NEXT, 0, KTM_STATUS_LOG_CORRUPTION_DETECTED).lsn, lsn[0]);
	CHECK_EQ(stream_info(s).lost, 0);
	go_round(LAPS);
	lost_for_good(s, lsn);
	tear_down();
}

/* Away for a while, and back: nothing is lost, and whoever asks who is to blame is told. */
TEST(unreadable_for_a_while)
{
	struct ktm_stream_info info;
	struct ktm_guid holder;
	uint64_t lsn[3];
	int s = three_records(lsn);

	lost_after(3600);
	flaky_set(&f, BAD_SPOT);
	fill_up();
	holder = tm_space(tm).holder;
	info = stream_info(s);
	CHECK(same(&holder, &info.guid));
	CHECK_EQ(info.lost, 0);
	rest_can_be_read(s, lsn);
	flaky_set(&f, NO_TROUBLE);
	go_round(LAPS);
	check_record(s, lsn[0], 100, 600);
	rest_can_be_read(s, lsn);
	CHECK_EQ(stream_info(s).lost, 0);
	close(s);
	tear_down();
}

/* More of them than there is room for copies: they move as there is. */
TEST(many_unreadable_for_a_while)
{
	enum { MANY = 120 };
	int s = stream_create(tm, "old", 3 * MIB / 2), behind = stream_create(tm, "behind", 4096);
	unsigned char data[BYTES];
	uint64_t lsn[MANY];
	unsigned int i;

	for (i = 0; i < MANY; i++)
		lsn[i] = append(s, 200 + i, BYTES);
	append(behind, 1, 64);
	flush(behind, 0);
	fill(data, 200, BYTES);
	f.bad = disk_find(&d, data, BYTES) / 512 * 512;
	fill(data, 200 + MANY - 1, BYTES);
	f.bad_bytes = disk_find(&d, data, BYTES) + BYTES - f.bad;
	lost_after(3600);
	flaky_set(&f, BAD_SPOT);
	fill_up();
	flaky_set(&f, NO_TROUBLE);
	go_round(LAPS);
	CHECK_EQ(stream_info(s).lost, 0);
	for (i = 0; i < MANY; i++)
		check_record(s, lsn[i], 200 + i, BYTES);
	close(behind);
	close(s);
	tear_down();
}

/* The log is full, and what it would try for those who are refused is used up. */
static void fill_and_ask(void)
{
	unsigned int n;

	lost_after(3600);
	flaky_set(&f, BAD_SPOT);
	fill_up();
	for (n = 0; n < 10; n++)
		CHECK_EQ(write_on(), KTM_STATUS_LOG_FULL);
}

static void until_there_is_room(void)
{
	const struct deadline end = deadline_in(PATIENCE);

	while (tm_space(tm).free < tm_space(tm).bytes / 4) {
		if (deadline_passed(&end))
			FAIL("the log stays full");
		nap();
	}
}

/* Who asks a while later has what could not be read tried again. */
TEST(read_again_for_who_asks)
{
	uint64_t lsn[3];
	int s = three_records(lsn);

	fill_and_ask();
	flaky_set(&f, NO_TROUBLE);
	sleep(3);
	go_round(LAPS);
	check_record(s, lsn[0], 100, 600);
	CHECK_EQ(stream_info(s).lost, 0);
	close(s);
	tear_down();
}

/* Nobody asks any more. */
TEST(read_again_though_nobody_asks)
{
	uint64_t lsn[3];
	int s = three_records(lsn);

	fill_and_ask();
	flaky_set(&f, NO_TROUBLE);
	until_there_is_room();
	go_round(LAPS);
	check_record(s, lsn[0], 100, 600);
	CHECK_EQ(stream_info(s).lost, 0);
	close(s);
	tear_down();
}

TEST(given_up_though_nobody_asks)
{
	uint64_t lsn[3];
	int s = three_records(lsn);

	fill_and_ask();
	lost_after(3);
	until_there_is_room();
	flaky_set(&f, NO_TROUBLE);
	go_round(LAPS);
	lost_for_good(s, lsn);
	tear_down();
}

/* One try speaks for all the records in a block; each of them comes back. */
TEST(many_in_one_bad_sector)
{
	enum { MANY = 60 };
	int s = stream_create(tm, "old", 64 << 10);
	uint64_t lsn[MANY];
	unsigned char data[600];
	unsigned int i;

	for (i = 0; i < MANY; i++)
		lsn[i] = append(s, 100 + i, i == MANY / 2 ? sizeof(data) : 8);
	flush(s, 0);
	fill(data, 100 + MANY / 2, sizeof(data));
	/* In front of the large one lie nine or ten small ones in one sector. */
	f.bad = disk_find(&d, data, sizeof(data)) / 512 * 512 - 512;
	f.bad_bytes = 512;
	fill_and_ask();
	flaky_set(&f, NO_TROUBLE);
	until_there_is_room();
	for (i = 0; i < MANY; i++)
		check_record(s, lsn[i], 100 + i, i == MANY / 2 ? sizeof(data) : 8);
	CHECK_EQ(stream_info(s).lost, 0);
	close(s);
	tear_down();
}

/* What a record of BYTES holds, and where; it can be damaged, and mended. */
struct spot {
	unsigned char data[BYTES];
	uint64_t place;
};

static struct spot spot_of(uint64_t tag)
{
	struct spot spot;

	fill(spot.data, tag, BYTES);
	spot.place = disk_find(&d, spot.data, BYTES);
	return spot;
}

static void damage(const struct spot *spot)
{
	static const unsigned char zeros[512];

	disk_write(&d, spot->place, zeros, sizeof(zeros));
}

static bool is_damaged(const struct spot *spot)
{
	unsigned char *content = disk_read(&d);
	bool is = !content[spot->place] &&
		  !memcmp(content + spot->place, content + spot->place + 1, 511);

	free(content);
	return is;
}

static void mend(const struct spot *spot)
{
	disk_write(&d, spot->place, spot->data, BYTES);
}

/* Whoever is refused a moment later has what could not be read tried again. */
static void ask_later(unsigned int status)
{
	sleep(3);
	CHECK_EQ(write_on(), status);
}

/*
 * Several that cannot be read, with others that can between them: while the first one holds
 * the tail nothing behind it is copied, but the time of each runs. They are given up together: the
 * log is not full again for each.
 */
TEST(each_has_its_time)
{
	enum { STREAMS = 2, MANY = 48, EVERY = 4, SECONDS = 6 };
	uint64_t ring = tm_space(tm).bytes, lsn[MANY], total = 0;
	int s[STREAMS] = { stream_create(tm, "one", MIB / 2), stream_create(tm, "two", MIB / 2) };
	unsigned int i, status, refused = 0;
	struct spot spot;

	for (i = 0; i < MANY; i++)
		lsn[i] = append(s[i % STREAMS], 200 + i, BYTES);
	flush(s[(MANY - 1) % STREAMS], 0);
	for (i = 0; i < MANY; i += EVERY) {
		spot = spot_of(200 + i);
		damage(&spot);
	}
	lost_after(3600);
	fill_up();
	CHECK_EQ(stream_info(s[0]).lost, 0);
	lost_after(SECONDS);
	while (stream_info(s[0]).lost < MANY / EVERY) {
		status = write_on();
		if (status == KTM_STATUS_SUCCESS) {
			total += BYTES;
			CHECK(total < 2 * ring);
		} else {
			CHECK_EQ(status, KTM_STATUS_LOG_FULL);
			CHECK(++refused <= SECONDS);
			sleep(2);
		}
	}
	printf("# refused %u times\n", refused);
	go_round(LAPS);
	for (i = 0; i < MANY; i++)
		if (i % EVERY)
			check_record(s[i % STREAMS], lsn[i], 200 + i, BYTES);
	for (i = 0; i < STREAMS; i++)
		close(s[i]);
	tear_down();
}

/*
 * What can be read again behind one that cannot is not copied: that would use up the room that the
 * first one's copy needs.
 */
TEST(the_first_comes_first)
{
	enum { MANY = 160 };
	int s = stream_create(tm, "many", 2 * MIB), one = stream_create(tm, "one", 64 << 10);
	uint64_t lsn[MANY], first = append(one, 7, BYTES);
	struct spot spot, last;
	unsigned int i;

	for (i = 0; i < MANY; i++)
		lsn[i] = append(s, 200 + i, BYTES);
	flush(s, 0);
	spot = spot_of(200);
	last = spot_of(200 + MANY - 1);
	f.bad = spot.place / 512 * 512;
	f.bad_bytes = last.place + BYTES - f.bad;
	spot = spot_of(7);
	damage(&spot);
	lost_after(3600);
	flaky_set(&f, BAD_SPOT);
	fill_up();
	flaky_set(&f, NO_TROUBLE);
	for (i = 0; i < 3; i++)
		ask_later(KTM_STATUS_LOG_FULL);
	mend(&spot);
	ask_later(KTM_STATUS_SUCCESS);
	go_round(LAPS);
	check_record(one, first, 7, BYTES);
	for (i = 0; i < MANY; i++)
		check_record(s, lsn[i], 200 + i, BYTES);
	CHECK_EQ(stream_info(s).lost + stream_info(one).lost, 0);
	close(one);
	close(s);
	tear_down();
}

/*
 * One that can be read again, behind another that cannot, and then it cannot either: nothing is
 * written where it is.
 */
TEST(unreadable_once_more)
{
	int s = stream_create(tm, "two", 64 << 10), one = stream_create(tm, "one", 64 << 10);
	uint64_t lsn[3], end;
	struct spot spot[3];
	unsigned int i;

	lsn[0] = append(one, 200, BYTES);
	lsn[1] = append(s, 201, BYTES);
	end = tm_space(tm).next_lsn + tm_space(tm).bytes / 4;
	while (tm_space(tm).next_lsn < end)
		CHECK_EQ(write_on(), KTM_STATUS_SUCCESS);
	lsn[2] = append(s, 202, BYTES);
	flush(s, 0);
	for (i = 0; i < 3; i++) {
		spot[i] = spot_of(200 + i);
		damage(&spot[i]);
	}
	lost_after(3600);
	fill_up();
	mend(&spot[1]);
	ask_later(KTM_STATUS_LOG_FULL);
	damage(&spot[1]);
	mend(&spot[0]);
	sleep(3);
	fill_up();
	CHECK(is_damaged(&spot[1]));
	mend(&spot[1]);
	mend(&spot[2]);
	ask_later(KTM_STATUS_SUCCESS);
	go_round(LAPS);
	check_record(one, lsn[0], 200, BYTES);
	check_record(s, lsn[1], 201, BYTES);
	check_record(s, lsn[2], 202, BYTES);
	CHECK_EQ(stream_info(s).lost + stream_info(one).lost, 0);
	close(one);
	close(s);
	tear_down();
}

/* As long as nothing comes of them no restart areas are written, though records are tried again. */
TEST(areas_in_vain)
{
	uint64_t lsn[3], restarts;
	int s = three_records(lsn);
	unsigned int n;

	fill_and_ask();
	ask_later(KTM_STATUS_LOG_FULL);
	restarts = tm_space(tm).restarts;
	for (n = 0; n < 3; n++)
		ask_later(KTM_STATUS_LOG_FULL);
	CHECK_EQ(tm_space(tm).restarts, restarts);
	flaky_set(&f, NO_TROUBLE);
	ask_later(KTM_STATUS_SUCCESS);
	CHECK(tm_space(tm).restarts > restarts);
	check_record(s, lsn[0], 100, 600);
	close(s);
	tear_down();
}

/* What is tried again does not outlive those for whom it is. */
TEST(closed_while_it_cannot_be_read)
{
	uint64_t lsn[3];
	int s = three_records(lsn);

	fill_and_ask();
	lost_after(3);
	close(s);
	reopen();
	fill_up();
	tear_down();
}

/* The power is cut when nothing is left; one copy would make room, and is made. */
TEST(full_when_the_power_was_cut)
{
	unsigned char *content;
	uint64_t lsn[3];
	int s = three_records(lsn);

	lost_after(3600);
	flaky_set(&f, BAD_SPOT);
	fill_up();
	content = disk_read(&d);
	close(s);
	close(busy);
	tm_close(tm, f.path);
	flaky_set(&f, NO_TROUBLE);
	disk_write(&d, 0, content, d.bytes);
	free(content);
	tm = tm_online(f.path);
	s = stream_open(tm, "old");
	busy = stream_open(tm, "busy");
	/* The last ones were not flushed, so they may be gone. */
	written = 0;
	go_round(LAPS);
	check_record(s, lsn[0], 100, 600);
	rest_can_be_read(s, lsn);
	close(s);
	tear_down();
}
