// SPDX-License-Identifier: GPL-2.0
/*
 * Restart areas of a log in which a stream holds many records: what each of them lives by is
 * written down slice by slice, while the stream goes on. Whatever becomes of it meanwhile, the
 * area and the log behind it say together what there was in the end.
 */
#include <pthread.h>

#include "calls.h"
#include "disk.h"
#include "streams.h"

#define SLICE	1024		/* entries at a time, as in kernel/stream_recover.c */
#define MANY	(5 * SLICE)
#define BYTES	8000		/* of data in a record that makes the log go on */

static struct disk d;
static int tm, wide, busy;
static uint64_t lsn[MANY], until;
static unsigned int first, count;	/* of those that live, of a ring */

void test_setup(void)
{
	d = disk_make(3 * MIB);
	journal_format(d.path, guid_of(1100));
	tm = tm_online(d.path);
	wide = stream_create(tm, "wide", MANY * cost(8));
	busy = stream_create(tm, "busy", 64 << 10);
}

static void reopen(void)
{
	close(wide);
	close(busy);
	tm_close(tm, d.path);
	tm = tm_online(d.path);
	wide = stream_open(tm, "wide");
	busy = stream_open(tm, "busy");
}

static void tear_down(void)
{
	close(wide);
	close(busy);
	tm_close(tm, d.path);
}

static uint64_t *nth(unsigned int n)
{
	return &lsn[(first + n) % MANY];
}

static void add(unsigned int n)
{
	for (; n; n--, count++)
		*nth(count) = append(wide, count, 8);
}

static void check_numbers(void)
{
	struct ktm_stream_info i = stream_info(wide);

	CHECK_EQ(i.records, count);
	CHECK_EQ(i.first_lsn, *nth(0));
	CHECK_EQ(i.last_lsn, *nth(count - 1));
}

/* Each of them, though some have been copied forward since. */
static void check_all(void)
{
	uint64_t at = 0;
	unsigned int n;

	for (n = 0; n < count; n++) {
		at = where(wide, KTM_STREAM_NEXT, at);
		CHECK_EQ(at, *nth(n));
	}
	CHECK_EQ(where(wide, KTM_STREAM_NEXT, at), 0);
}

static bool goes_on(void)
{
	return tm_space(tm).restarts < until;
}

/* No sooner than each is over, or another one would follow when all is quiet. */
static void *make_areas_due(void *unused)
{
	struct ktm_tm_space now;
	uint64_t at;

	while (goes_on()) {
		now = tm_space(tm);
		if (now.next_lsn - now.restart_lsn > now.bytes / 4) {
			usleep(100);
			continue;
		}
		at = append(busy, 1, BYTES);
		advance(busy, at);
	}
	return unused;
}

/* While some more restart areas are written. */
static void meanwhile(void *(*one)(void *), void *(*other)(void *))
{
	pthread_t threads[2];

	until = tm_space(tm).restarts + 2;
	CHECK_EQ(pthread_create(&threads[0], NULL, make_areas_due, NULL), 0);
	CHECK_EQ(pthread_create(&threads[1], NULL, one, NULL), 0);
	other(NULL);
	CHECK_EQ(pthread_join(threads[0], NULL), 0);
	CHECK_EQ(pthread_join(threads[1], NULL), 0);
}

static void *look_on(void *unused)
{
	while (goes_on())
		CHECK(stream_info(wide).records > 0);
	return unused;
}

/*
 * The first of what is cut off is the last of a slice. Where that one alone is a restart record,
 * and what comes after it is none, an index that keeps it contradicts itself.
 */
static void *lose_ends(void *unused)
{
	bool restart = false;

	for (; goes_on(); restart = !restart) {
		append_flags(wide, 1, 8, restart ? KTM_STREAM_RESTART : 0);
		append(wide, 2, 8);
		append(wide, 3, 8);
		truncate_to(wide, *nth(count - 1));
	}
	return unused;
}

TEST(an_end_that_is_cut_off_meanwhile)
{
	unsigned int n;

	add(SLICE - 1);
	for (n = 0; n < 40; n++) {
		meanwhile(look_on, lose_ends);
		flush(wide, 0);
		reopen();
		check_numbers();
		CHECK_EQ(stream_info(wide).restart_lsn, 0);
	}
	check_all();
	tear_down();
}

static void *move_on(void *unused)
{
	while (goes_on()) {
		first++;
		count--;
		advance(wide, *nth(0));
		add(1);
	}
	return unused;
}

TEST(a_base_that_goes_on_meanwhile)
{
	unsigned int n;

	add(MANY - 1);
	for (n = 0; n < 10; n++) {
		meanwhile(look_on, move_on);
		check_numbers();
		flush(wide, 0);
		reopen();
		check_numbers();
	}
	check_all();
	tear_down();
}
