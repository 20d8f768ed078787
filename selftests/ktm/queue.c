// SPDX-License-Identifier: GPL-2.0
/*
 * The device's queue of requests under the log: what the log asks for goes into it as
 * something that somebody waits for, and who has to wait there, or for what is in there, keeps
 * no outcome from others.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <glob.h>

#include "calls.h"
#include "disk.h"
#include "hardware.h"
#include "nbd.h"
#include "streams.h"

#define QUEUE		"/sys/block/nbd0/queue/"
/* As few requests at a time as a queue may have, and more who want to read than those. */
#define PLACES		4
#define ALL_PLACES	128
#define READERS		24
#define BLOCK		4096u
/* More than is written of a restart area at a time. */
#define VOTES		80
#define INFORMATION	16000
#define RECORD		8000

static const char *path;
static int tm, rm, s;

static void set_up(uint64_t bytes)
{
	path = nbd_make(bytes, NBD_FUA);
	journal_format(path, guid_of(960));
	tm = tm_online(path);
	rm = rm_online(tm, 1);
	s = stream_create(tm, "s", bytes / 8);
}

static void tear_down(void)
{
	close(s);
	close(rm);
	tm_close(tm, path);
	nbd_remove();
}

static void until_held_below(uint64_t place)
{
	const struct deadline d = deadline_in(PATIENCE);

	while (!nbd_held() || nbd_held_at() >= place) {
		if (deadline_passed(&d))
			FAIL("the device is not asked for anything that it could keep waiting");
		nap();
	}
}

static void append_and_flush(void *unused)
{
	(void)unused;
	append(s, 1, 100);
	flush(s, 0);
}

/* Of those that the device has: are there writes, and how many of them does nobody wait for? */
static unsigned int count_writes(unsigned int *background)
{
	unsigned int i, n = 0;
	char line[512];
	glob_t found;
	FILE *f;

	*background = 0;
	if (glob("/sys/kernel/debug/block/nbd0/hctx*/busy", 0, NULL, &found))
		test_skip("this kernel does not show what is in a device's queue");
	for (i = 0; i < found.gl_pathc; i++) {
		f = fopen(found.gl_pathv[i], "r");
		CHECK(f);
		while (fgets(line, sizeof(line), f)) {
			if (!strstr(line, "op=WRITE"))
				continue;
			printf("# %s", line);
			n++;
			*background += !strstr(line, "SYNC") || !strstr(line, "IDLE");
		}
		fclose(f);
	}
	globfree(&found);
	return n;
}

/*
 * Throttling of what is written in the background, as buffered writes of others to the same disk
 * bring about, is only for what is not marked like this.
 */
TEST(writes_are_waited_for)
{
	unsigned int background;
	pid_t writer;

	set_up(MIB);
	nbd_hold(NBD_WRITES, MIB);
	writer = test_spawn(append_and_flush, NULL);
	until_held_below(MIB);
	CHECK(count_writes(&background) > 0);
	CHECK_EQ(background, 0);
	nbd_hold(NBD_KINDS, 0);
	test_join(writer);
	tear_down();
}

/* A block of the device, which keeps it waiting, or the queue does. */
static void read_block(void *data)
{
	const unsigned int n = *(unsigned int *)data;
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	void *block;

	CHECK(fd >= 0);
	CHECK_EQ(posix_memalign(&block, BLOCK, BLOCK), 0);
	CHECK_EQ(pread(fd, block, BLOCK, n * BLOCK), BLOCK);
}

static void give_places(unsigned int n)
{
	char places[16];

	snprintf(places, sizeof(places), "%u", n);
	CHECK_EQ(put_text(QUEUE "scheduler", "none"), 0);
	CHECK_EQ(put_text(QUEUE "nr_requests", places), 0);
}

/* Asked to commit, and its RM has voted. */
static int decide_one(guid_t *en)
{
	int tx = tx_create(tm);

	*en = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(rm, *en);
	return tx;
}

/*
 * Who hands out the next batch waits for a place in the queue, and others are in front of him. What
 * has been written meanwhile is acknowledged all the same.
 */
TEST(who_waits_for_a_place)
{
	static unsigned int n[READERS];
	pid_t reader[READERS], writer;
	guid_t en;
	int tx, i;

	set_up(MIB);
	give_places(PLACES);
	nbd_hold(NBD_WRITES, MIB);
	tx = decide_one(&en);
	until_held_below(MIB);
	nbd_hold(NBD_READS, MIB);
	for (i = 0; i < READERS; i++) {
		n[i] = i;
		reader[i] = test_spawn(read_block, &n[i]);
		until_stuck(reader[i]);
	}
	CHECK_EQ(nbd_held(), PLACES - 1);
	writer = test_spawn(append_and_flush, NULL);
	until_stuck(writer);
	CHECK_EQ(poll_now(tx) & POLLIN, 0);
	nbd_hold(NBD_WRITES, 0);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	/* He has been at it all the time. */
	until_stuck(writer);
	nbd_hold(NBD_KINDS, 0);
	for (i = 0; i < READERS; i++)
		test_join(reader[i]);
	test_join(writer);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	WAIT(tx, KTM_STATUS_SUCCESS);
	close(tx);
	give_places(ALL_PLACES);
	tear_down();
}

static void vote(guid_t en)
{
	static unsigned char information[INFORMATION];
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en,
				  .information = (uintptr_t)information,
				  .information_length = sizeof(information));

	CALL(rm, KTM_IOC_PREPARE_COMPLETE, &a, KTM_STATUS_SUCCESS);
}

/* Needed no longer than until the next one comes. */
static void append_next(unsigned int flags)
{
	static uint64_t last;

	if (last)
		advance(s, last);
	last = append_flags(s, 1, RECORD, flags);
}

/* The log asks for the restart area when it is appended to behind @due. */
static void append_behind(uint64_t due)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush, .flags = KTM_STREAM_NOWAIT);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		append_next(0);
		CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_PENDING);
	}
	CHECK(tm_space(tm).next_lsn >= due);
	append_next(0);
}

/*
 * A restart area is being written in the middle of a large transaction, which nobody can touch until
 * the device goes on. It is decided then; that others are, too, they hear all the same.
 */
TEST(who_is_being_written_down)
{
	const uint64_t bytes = 16 * MIB;
	unsigned int background;
	uint64_t due, ring;
	guid_t en[VOTES];
	int tx, small, other, i;

	set_up(bytes);
	other = rm_online(tm, 2);
	ring = journal_ring_place(path);
	due = tm_space(tm).restart_lsn + tm_space(tm).bytes / 4;
	tx = tx_create(tm);
	for (i = 0; i < VOTES; i++)
		en[i] = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	for (i = 0; i < VOTES; i++)
		TAKE(rm, KTM_NOTIFY_PREPARE, en[i]);
	for (i = 0; i < VOTES - 1; i++)
		vote(en[i]);
	while (tm_space(tm).next_lsn < due - 2 * RECORD)
		append_next(KTM_STREAM_DURABLE);
	CHECK_EQ(tm_space(tm).restarts, 0);
	nbd_hold(NBD_WRITES, bytes);
	vote(en[VOTES - 1]);
	append_behind(due);
	until_held_below(ring);
	CHECK(count_writes(&background) > 1);
	CHECK_EQ(background, 0);
	CHECK_EQ(poll_now(tx) & POLLIN, 0);

	/* The log goes on, the restart area does not. */
	nbd_hold(NBD_WRITES, ring);
	small = tx_create(tm);
	commit_one(other, small);
	close(small);
	CHECK_EQ(tm_space(tm).restarts, 0);
	nbd_hold(NBD_KINDS, 0);
	for (i = 0; i < VOTES; i++)
		en_commit(rm, en[i]);
	WAIT(tx, KTM_STATUS_SUCCESS);
	close(tx);
	close(other);
	tear_down();
}
