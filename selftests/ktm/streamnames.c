// SPDX-License-Identifier: GPL-2.0
/*
 * Log streams by name: which one is found, whatever was made, deleted, lost and opened again
 * before, and while others do that.
 */
#include "calls.h"
#include "disk.h"
#include "streams.h"

#define SMALL	4096u
#define MANY	400u

enum { OVER, FOUND };

static struct disk d;
static struct flaky f;
static int tm;

void test_setup(void)
{
	d = disk_make(64 * MIB);
	f = flaky_make(&d);
	journal_format(f.path, guid_of(960));
	tm = tm_online(f.path);
}

static void tear_down(void)
{
	tm_close(tm, f.path);
	flaky_remove(&f);
}

static void name_of(char *name, unsigned int n)
{
	sprintf(name, "stream-%u", n);
}

/* The stream of that name, which must be the one whose quota says @n. */
static void check_found(unsigned int n)
{
	char name[32];
	int s;

	name_of(name, n);
	s = stream_open(tm, name);
	CHECK_EQ(stream_info(s).quota, SMALL + n);
	close(s);
}

static void check_missing(int on, const char *name)
{
	int s;

	CHECK_EQ(stream_try_open(on, name, KTM_MAXIMUM_ALLOWED, &s), KTM_STATUS_STREAM_NOT_FOUND);
}

static void make(unsigned int n)
{
	char name[32];

	name_of(name, n);
	close(stream_create(tm, name, SMALL + n));
}

static void drop(unsigned int n)
{
	char name[32];
	int s;

	name_of(name, n);
	s = stream_open(tm, name);
	stream_delete(s);
	close(s);
}

static void reopen(void)
{
	tm_close(tm, f.path);
	tm = tm_online(f.path);
}

/* So many that the tables grow and shrink; each is found, those that are gone are not. */
TEST(many)
{
	char name[32];
	unsigned int i;

	for (i = 0; i < MANY; i++)
		make(i);
	for (i = 0; i < MANY; i++)
		check_found(i);
	reopen();
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), MANY);
	for (i = 0; i < MANY; i++)
		check_found(i);
	for (i = 0; i < MANY; i += 2)
		drop(i);
	for (i = 0; i < MANY; i++) {
		name_of(name, i);
		if (i % 2)
			check_found(i);
		else
			check_missing(tm, name);
	}
	for (i = 1; i < MANY; i += 2)
		drop(i);
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 0);
	make(7);
	check_found(7);
	drop(7);
	tear_down();
}

/* Of a name that begins or ends like it, that has other bytes, that another TM has. */
TEST(only_that_one)
{
	static const char *const names[] = { "a", "aa", "ab", "b", "A", "a ", " a" };
	struct disk d2 = disk_make(8 * MIB);
	char longest[KTM_MAX_STREAM_NAME + 1];
	struct ktm_stream_info i;
	int tm2, s, fd;
	unsigned int n;

	journal_format(d2.path, guid_of(961));
	tm2 = tm_online(d2.path);
	for (n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		check_missing(tm, names[n]);
		close(stream_create(tm, names[n], SMALL + n));
		check_missing(tm2, names[n]);
	}
	memset(longest, 'x', KTM_MAX_STREAM_NAME);
	longest[KTM_MAX_STREAM_NAME] = 0;
	close(stream_create(tm, longest, SMALL + n));
	s = stream_open(tm, longest);
	CHECK_EQ(stream_info(s).quota, SMALL + n);
	close(s);
	longest[KTM_MAX_STREAM_NAME - 1] = 0;
	check_missing(tm, longest);
	/* The same name in both: two streams. */
	close(stream_create(tm2, "a", 2 * SMALL));
	for (n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		CHECK_EQ(stream_try_create(tm, names[n], SMALL, &fd),
			 KTM_STATUS_OBJECT_NAME_COLLISION);
		s = stream_open(tm, names[n]);
		i = stream_info(s);
		CHECK_EQ(i.quota, SMALL + n);
		CHECK_EQ(i.name_length, strlen(names[n]));
		CHECK(!memcmp(i.name, names[n], i.name_length));
		close(s);
	}
	s = stream_open(tm2, "a");
	CHECK_EQ(stream_info(s).quota, 2 * SMALL);
	stream_delete(s);
	close(s);
	check_missing(tm2, "a");
	s = stream_open(tm, "a");
	close(s);
	tm_close(tm2, d2.path);
	tear_down();
}

/* What was refused has taken no name. */
TEST(refused)
{
	struct ktm_stream_create c = ARG(ktm_stream_create, .access = KTM_STREAM_ALL_ACCESS,
					 .quota = SMALL, .name = (uintptr_t)"b", .name_length = 1);
	int s = stream_create(tm, "a", SMALL), fd;
	unsigned int i;

	c.guid = stream_info(s).guid;
	for (i = 0; i < 2; i++) {
		/* The GUID is taken, the log has not got so much. */
		CALL(tm, KTM_IOC_STREAM_CREATE, &c, KTM_STATUS_OBJECT_NAME_COLLISION);
		check_missing(tm, "b");
		CHECK_EQ(stream_try_create(tm, "b", 64 * MIB, &fd), KTM_STATUS_LOG_FULL);
		check_missing(tm, "b");
	}
	close(stream_create(tm, "b", SMALL));
	close(s);
	tear_down();
}

static void log_fails(void)
{
	int s;

	flaky_set(&f, FAIL_WRITES);
	/* Neither this one nor what else is not durable will have been there. */
	CHECK_EQ(stream_try_create(tm, "lost", SMALL, &s), KTM_STATUS_IO_ERROR);
	tm_failed(tm);
}

static void log_is_back(void)
{
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
}

/*
 * A reopening finds some as they were, loses one, and has one again whose deletion did not
 * become durable: a name is of the one that the log has, and of no other.
 */
TEST(reopening)
{
	struct ktm_call del = ARG(ktm_call);
	int kept = stream_create(tm, "kept", SMALL), again = stream_create(tm, "again", SMALL);
	struct ktm_stream_info old = stream_info(again), now;
	guid_t kept_guid = stream_info(kept).guid;
	unsigned int i;
	int s;

	for (i = 0; i < 3; i++) {
		log_fails();
		log_is_back();
		check_missing(tm, "lost");
		s = stream_open(tm, "kept");
		now = stream_info(s);
		close(s);
		CHECK(same(&now.guid, &kept_guid));
		/* The name of one that was lost can be had. */
		close(stream_create(tm, "lost", 2 * SMALL));
		s = stream_open(tm, "lost");
		CHECK_EQ(stream_info(s).quota, 2 * SMALL);
		stream_delete(s);
		close(s);
	}
	flaky_set(&f, FAIL_WRITES);
	CALL(again, KTM_IOC_STREAM_DELETE, &del, KTM_STATUS_IO_ERROR);
	tm_failed(tm);
	log_is_back();
	close(again);
	again = stream_open(tm, "again");
	now = stream_info(again);
	CHECK(same(&now.guid, &old.guid));
	stream_delete(again);
	check_missing(tm, "again");
	close(stream_create(tm, "again", SMALL));
	close(again);
	again = stream_open(tm, "again");
	now = stream_info(again);
	CHECK(!same(&now.guid, &old.guid));
	close(again);
	close(kept);
	tear_down();
}

static void ask_all_the_time(void *unused)
{
	struct ktm_stream_info i;
	struct ktm_query q;
	unsigned int status;
	int s;

	while (!shared_word[OVER]) {
		status = stream_try_open(tm, "one", KTM_STREAM_ALL_ACCESS, &s);
		if (status) {
			CHECK_EQ(status, KTM_STATUS_STREAM_NOT_FOUND);
			continue;
		}
		q = ARG(ktm_query, .info_class = KTM_INFO_STREAM_BASIC, .length = sizeof(i),
			.buffer = (uintptr_t)&i);
		status = test_try(s, KTM_IOC_QUERY, &q);
		/* Unless it was deleted meanwhile it is that one. */
		if (status) {
			CHECK_EQ(status, KTM_STATUS_STREAM_NOT_FOUND);
		} else {
			CHECK(i.name_length == 3 && !memcmp(i.name, "one", 3));
			__sync_fetch_and_add(&shared_word[FOUND], 1);
		}
		close(s);
	}
	(void)unused;
}

/* Many ask for a name while the stream of that name is made and deleted again and again. */
TEST(asked_for_meanwhile)
{
	struct deadline end = deadline_in(PATIENCE);
	pid_t pid[3];
	unsigned int i;
	int s;

	for (i = 0; i < 3; i++)
		pid[i] = test_spawn(ask_all_the_time, NULL);
	for (i = 0; i < 200 || (shared_word[FOUND] < 20 && !deadline_passed(&end)); i++) {
		s = stream_create(tm, "one", SMALL);
		append(s, i, 100);
		stream_delete(s);
		close(s);
	}
	shared_word[OVER] = true;
	for (i = 0; i < 3; i++)
		test_join(pid[i]);
	CHECK(shared_word[FOUND] >= 20);
	check_missing(tm, "one");
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 0);
	tear_down();
}
