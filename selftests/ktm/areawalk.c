// SPDX-License-Identifier: GPL-2.0
/*
 * Whom a restart area writes down: those that were there when it began, and nobody who has
 * come since, however many of the others have gone. Those are in the log behind it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>

#include "calls.h"
#include "disk.h"
#include "nbd.h"
#include "streams.h"

#define TM_GUID		guid_of(975)
#define STORE_GUID	guid_of(1)
#define BYTES		(16 * MIB)
/* More than go into one batch of the area, with what they bring. */
#define OLD		80
#define FRESH		OLD
#define INFORMATION	16000u
#define CHUNK		MIB

static const char *path;
static int tm, store, light;
static int tx[OLD + 1];
static guid_t en[OLD + 1], len[OLD + 1];

/* What an enlistment brings with its vote, different for each. */
static const unsigned char *information(unsigned int n)
{
	static unsigned char bytes[INFORMATION];

	fill(bytes, 1000 + n, INFORMATION);
	return bytes;
}

/* The store has voted, the other RM has not. */
static void prepare(unsigned int n)
{
	struct ktm_answer a = ARG(ktm_answer, .information = (uintptr_t)information(n),
				  .information_length = INFORMATION);

	tx[n] = tx_create(tm);
	a.enlistment = en[n] = enlist(store, tx[n]);
	len[n] = enlist(light, tx[n]);
	COMMIT(tx[n], 0, KTM_STATUS_PENDING);
	TAKE(store, KTM_NOTIFY_PREPARE, en[n]);
	TAKE(light, KTM_NOTIFY_PREPARE, len[n]);
	CALL(store, KTM_IOC_PREPARE_COMPLETE, &a, KTM_STATUS_SUCCESS);
}

static void roll_back(unsigned int n)
{
	ANSWER(light, KTM_IOC_EN_ROLLBACK, len[n], KTM_STATUS_SUCCESS);
	en_rollback(light, len[n]);
	en_rollback(store, en[n]);
	close(tx[n]);
}

/* The log is used until an area is being written, which the device keeps waiting. */
static void until_held(int s)
{
	const uint64_t end = tm_space(tm).next_lsn + 2 * tm_space(tm).bytes;
	uint64_t base = 0;

	while (!nbd_held()) {
		if (tm_space(tm).next_lsn > end)
			FAIL("no restart area is written");
		if (base)
			advance(s, base);
		base = append(s, base, 8000);
	}
}

/* Does the device hold that below this byte? */
static bool on_disk(unsigned int n, uint64_t below)
{
	/* Its beginning, so that what a record or a batch adds does not matter. */
	const unsigned char *wanted = information(n);
	unsigned char *data = mmap(NULL, below + CHUNK, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open(path, O_RDONLY | O_DIRECT);
	uint64_t at = 0;
	bool found;

	CHECK(data != MAP_FAILED);
	CHECK(fd >= 0);
	while (at < below) {
		ssize_t got = pread(fd, data + at, CHUNK, at);

		CHECK(got > 0);
		at += got;
	}
	found = memmem(data, below, wanted, 64);
	close(fd);
	munmap(data, below + CHUNK);
	return found;
}

static void gone(unsigned int left)
{
	const struct deadline d = deadline_in(PATIENCE);

	/* Until the log has forgotten them, too. */
	while (count_objects(tm, KTM_KIND_TX) > left) {
		int t = tx_create(tm);

		commit_one(store, t);
		close(t);
		CHECK(!deadline_passed(&d));
	}
}

/* All whom it has visited go, while one has come: it is over. */
TEST(who_comes_meanwhile)
{
	const struct deadline d = deadline_in(PATIENCE);
	static unsigned char known[INFORMATION];
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_EN_RECOVERY,
				 .length = INFORMATION, .buffer = (uintptr_t)known);
	uint64_t restarts, ring;
	unsigned int i;
	guid_t g = STORE_GUID;
	int s;

	path = nbd_make(BYTES, NBD_FLUSH);
	journal_format(path, TM_GUID);
	ring = journal_ring_place(path);
	tm = tm_online(path);
	store = rm_online(tm, 1);
	light = rm_create(tm, KTM_RM_VOLATILE);
	s = stream_create(tm, "s", 128 << 10);
	for (i = 0; i < OLD; i++)
		prepare(i);
	nbd_hold(NBD_WRITES, ring);
	until_held(s);
	restarts = tm_space(tm).restarts;
	prepare(FRESH);
	q.guid = en[FRESH];
	for (i = 0; i < OLD; i++)
		roll_back(i);
	/* The fresh one, and the last of those that took the others' ends along. */
	gone(2);
	nbd_hold(NBD_KINDS, 0);
	while (tm_space(tm).restarts == restarts) {
		CHECK(!deadline_passed(&d));
		nap();
	}
	CHECK(on_disk(0, ring));
	CHECK(!on_disk(FRESH, ring));
	/* It is in the log all the same. */
	close(tx[FRESH]);
	close(light);
	close(store);
	close(s);
	tm_close(tm, path);
	tm = tm_online(path);
	CHECK_EQ(tm_info(tm).transactions, 1);
	store = rm_open(tm, &g);
	rm_recover(store);
	TAKE(store, KTM_NOTIFY_RECOVER, en[FRESH]);
	TAKE(store, KTM_NOTIFY_LAST_RECOVER, nil);
	CALL(store, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
	CHECK_EQ(q.length, INFORMATION);
	CHECK(!memcmp(known, information(FRESH), INFORMATION));
	en_recover(store, en[FRESH], 0);
	en_rollback(store, en[FRESH]);
	close(store);
	tm_close(tm, path);
	nbd_remove();
}
