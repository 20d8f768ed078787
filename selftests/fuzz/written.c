// SPDX-License-Identifier: GPL-2.0
/*
 * Journals that the module writes: run in a machine, it leaves the disk as it is after each
 * step in /out. Small ones, as the fuzzer wants them: what is put into them is short.
 */
#include "calls.h"
#include "disk.h"
#include "streams.h"

#define BYTES		(512u << 10)
#define SUPERIOR	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
			 KTM_NOTIFY_PREPARE_COMPLETE | \
			 KTM_NOTIFY_COMMIT_COMPLETE | KTM_NOTIFY_ROLLBACK_COMPLETE | \
			 KTM_NOTIFY_RECOVER_QUERY | KTM_NOTIFY_LAST_RECOVER)

enum { FIRST = 1, SECOND, BOSS };

static struct disk d;
static int tm, rm[2], s;

void test_setup(void)
{
	d = disk_make(BYTES);
	journal_format(d.path, guid_of(980));
	tm = tm_online(d.path);
	rm[0] = rm_online(tm, FIRST);
	rm[1] = rm_online(tm, SECOND);
	s = stream_create(tm, "s", 64 << 10);
}

/* What a power cut would leave, if the disk had lost nothing. */
static void leave(const char *what, unsigned int n)
{
	unsigned char *content = disk_read(&d);
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/out/%s-%u", what, n);
	f = fopen(path, "wb");
	CHECK(f);
	CHECK_EQ(fwrite(content, 1, d.bytes, f), d.bytes);
	CHECK_EQ(fclose(f), 0);
	free(content);
}

/* An answer of the first RM, with a record of so many bytes, and room for another one. */
static void answer_with_record(unsigned int request, guid_t en, uint64_t tag, unsigned int bytes,
			       unsigned int need)
{
	unsigned char data[KTM_MAX_STREAM_RECORD];
	struct ktm_stream_piece piece = { .base = (uintptr_t)data, .length = bytes };
	struct ktm_stream_append append = ARG(ktm_stream_append, .count = 1,
					      .pieces = (uintptr_t)&piece);
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en, .append = (uintptr_t)&append,
				  .stream_fd = s, .stream_records = !!need, .stream_need = need);

	fill(data, tag, bytes);
	CALL(rm[0], request, &a, KTM_STATUS_SUCCESS);
}

static void vote_with_information(int of, guid_t en, unsigned int bytes)
{
	static unsigned char information[KTM_MAX_RECOVERY_INFORMATION];
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en, .information_length = bytes,
				  .information = (uintptr_t)information);

	fill(information, bytes, bytes);
	CALL(of, KTM_IOC_PREPARE_COMPLETE, &a, KTM_STATUS_SUCCESS);
}

/* How far a transaction of both RMs gets. */
enum { VOTED_ONCE, REFUSED, DECIDED, FINISHED_ONCE, FINISHED, SORTS };

static int take_part(unsigned int sort, uint64_t n)
{
	const int tx = tx_create(tm);
	const guid_t en[2] = { enlist_key(rm[0], tx, n), enlist_key(rm[1], tx, n) };

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm[0], KTM_NOTIFY_PREPARE, en[0]);
	answer_with_record(KTM_IOC_PREPARE_COMPLETE, en[0], n, 40 + 30 * n, 24);
	TAKE(rm[1], KTM_NOTIFY_PREPARE, en[1]);
	if (sort == VOTED_ONCE)
		return tx;
	if (sort == REFUSED) {
		ANSWER(rm[1], KTM_IOC_EN_ROLLBACK, en[1], KTM_STATUS_SUCCESS);
		en_rollback(rm[1], en[1]);
		TAKE(rm[0], KTM_NOTIFY_ROLLBACK, en[0]);
		answer_with_record(KTM_IOC_ROLLBACK_COMPLETE, en[0], ~n, 24, 0);
		return tx;
	}
	vote_with_information(rm[1], en[1], 1 + 20 * n);
	TAKE(rm[0], KTM_NOTIFY_COMMIT, en[0]);
	TAKE(rm[1], KTM_NOTIFY_COMMIT, en[1]);
	if (sort == DECIDED)
		return tx;
	answer_with_record(KTM_IOC_COMMIT_COMPLETE, en[0], ~n, 24, 0);
	if (sort == FINISHED)
		ANSWER(rm[1], KTM_IOC_COMMIT_COMPLETE, en[1], KTM_STATUS_SUCCESS);
	return tx;
}

TEST(transactions)
{
	unsigned int n;

	leave("transactions", 0);
	for (n = 1; n <= 2 * SORTS; n++) {
		take_part(n % SORTS, n);
		flush(s, 0);
		leave("transactions", n);
	}
}

/* Sealed and undecided; decided by the superior; given up by it. */
TEST(superiors)
{
	const int boss = rm_online(tm, BOSS);
	unsigned int n;

	for (n = 0; n < 3; n++) {
		const int tx = tx_create(tm);
		const guid_t en = enlist_key(rm[0], tx, n);
		const guid_t sup = enlist_superior(boss, tx, SUPERIOR, n);

		ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
		TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
		ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
		TAKE(rm[0], KTM_NOTIFY_PREPARE, en);
		vote_with_information(rm[0], en, 10 + n);
		TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
		leave("sealed", n);
		if (n == 1) {
			ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
			TAKE(rm[0], KTM_NOTIFY_COMMIT, en);
		} else if (n == 2) {
			ANSWER(boss, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
			TAKE(rm[0], KTM_NOTIFY_ROLLBACK, en);
		}
		flush(s, 0);
		leave("superior", n);
	}
}

/* Everything that can be done to a stream. */
TEST(streams)
{
	int other = stream_create(tm, "another", 8 << 10);
	uint64_t lsn[6], quota = 32 << 10;
	struct ktm_set set = ARG(ktm_set, .info_class = KTM_INFO_STREAM_QUOTA,
				 .length = sizeof(quota), .buffer = (uintptr_t)&quota);
	unsigned int i;

	for (i = 0; i < 6; i++) {
		lsn[i] = append_flags(s, i, 10 + 50 * i, i % 2 ? KTM_STREAM_RESTART : 0);
		append(other, i, 30);
	}
	flush(s, 0);
	leave("streams", 0);
	advance(s, lsn[2]);
	truncate_to(s, lsn[4]);
	append(s, 7, 70);
	flush(s, 0);
	leave("streams", 1);
	reserve(s, 2, 500);
	CALL(s, KTM_IOC_SET, &set, KTM_STATUS_SUCCESS);
	flush(s, 0);
	leave("streams", 2);
	stream_delete(other);
	leave("streams", 3);
	close(other);
	other = stream_create(tm, "another", 8 << 10);
	append(other, 8, 80);
	flush(other, 0);
	leave("streams", 4);
}

/* The running log writes restart areas, and copies forward what is old. */
TEST(areas)
{
	uint64_t last = 0, restarts = 0, copied = 0;
	unsigned int n = 0;

	take_part(DECIDED, 1);
	take_part(FINISHED, 2);
	while (!copied) {
		const int other = n ? stream_open(tm, "busy") : stream_create(tm, "busy", 8 << 10);
		struct ktm_tm_space space;

		if (last)
			advance(other, last);
		last = append(other, n++, 100);
		flush(other, 0);
		close(other);
		space = tm_space(tm);
		if (space.restarts == restarts)
			continue;
		restarts = space.restarts;
		copied = space.copied;
		leave("areas", n);
	}
}

/* Opened again and again, with what is not finished. */
TEST(openings)
{
	unsigned int n;

	for (n = 1; n <= 4; n++) {
		const int tx = take_part(n % 2 ? DECIDED : FINISHED_ONCE, n);

		leave("openings", n);
		close(tx);
		close(rm[0]);
		close(rm[1]);
		close(s);
		tm = disk_after_cut(&d, tm, disk_read(&d));
		leave("opened", n);
		rm[0] = rm_online(tm, 10 * FIRST + n);
		rm[1] = rm_online(tm, 10 * SECOND + n);
		s = stream_open(tm, "s");
	}
}
