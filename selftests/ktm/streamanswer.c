// SPDX-License-Identifier: GPL-2.0
/*
 * Answers that bring a record for a log stream, or set room aside in one: the record is in
 * the log before what the answer itself brings there, one force makes both durable,
 * and what is refused has changed nothing.
 */
#include "calls.h"
#include "disk.h"
#include "streams.h"

#define RM_GUID	guid_of(1)

static struct disk d;
static int tm, rm, s;

static void open_all(void)
{
	guid_t g = RM_GUID;

	rm = rm_open(tm, &g);
	s = stream_open(tm, "s");
}

void test_setup(void)
{
	guid_t g = RM_GUID;

	d = disk_make(8 * MIB);
	journal_format(d.path, guid_of(930));
	tm = tm_online(d.path);
	rm = rm_create_as(tm, 0, &g);
	rm_recover_empty(rm);
	s = stream_create(tm, "s", QUOTA);
}

/* A moment of the disk: what a power cut would leave of it. */
static void cut(unsigned char *content)
{
	close(rm);
	close(s);
	tm = disk_after_cut(&d, tm, content);
	open_all();
}

struct bring {
	unsigned char data[1000];
	struct ktm_stream_piece piece;
	struct ktm_stream_append append;
	struct ktm_answer answer;
};

/* An answer with a record, and with room for others. */
static struct ktm_answer *bring(struct bring *b, guid_t en, uint64_t tag, unsigned int bytes,
				unsigned int records, uint64_t need)
{
	fill(b->data, tag, bytes);
	b->piece = (struct ktm_stream_piece){ .base = (uintptr_t)b->data, .length = bytes };
	b->append = ARG(ktm_stream_append, .count = 1, .pieces = (uintptr_t)&b->piece,
			.status = 0x5a5a);
	b->answer = ARG(ktm_answer, .enlistment = en, .append = (uintptr_t)&b->append,
			.stream_fd = s, .stream_records = records, .stream_need = need);
	return &b->answer;
}

/* One transaction, up to the point where its RM is asked to prepare. */
static guid_t begin(int *tx)
{
	guid_t en;

	*tx = tx_create(tm);
	en = enlist(rm, *tx);
	COMMIT(*tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	return en;
}

/* One flush in all, and everything is there afterwards. */
TEST(commit_with_records)
{
	struct bring b;
	uint64_t forces, lsn[2];
	unsigned int round;
	guid_t en;
	int tx;

	en = begin(&tx);
	forces = tm_info(tm).forces;
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, bring(&b, en, 1, 900, 1, 500), KTM_STATUS_SUCCESS);
	CHECK_EQ(b.append.status, KTM_STATUS_SUCCESS);
	lsn[0] = b.append.lsn;
	CHECK(lsn[0]);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	CHECK_EQ(tm_info(tm).forces, forces + 1);
	CHECK_EQ(stream_info(s).flushed_lsn, lsn[0]);
	CHECK(stream_info(s).reserved >= cost(500));
	CALL(rm, KTM_IOC_COMMIT_COMPLETE, bring(&b, en, 2, 500, 0, 0), KTM_STATUS_SUCCESS);
	lsn[1] = b.append.lsn;
	CHECK(lsn[1] > lsn[0]);
	WAIT(tx, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).forces, forces + 1);
	CHECK_EQ(stream_info(s).reserved, 0);
	CHECK_EQ(stream_info(s).used, cost(900) + cost(500));
	close(tx);
	for (round = 0; round < 2; round++) {
		check_record(s, lsn[0], 1, 900);
		check_record(s, lsn[1], 2, 500);
		flush(s, 0);
		cut(disk_read(&d));
	}
}

/*
 * A power cut behind each step. Behind the vote: neither the vote nor its record
 * counts, or both do. Behind the decision: both, and the need is still kept. Behind
 * the completion: if that is there so is its record.
 */
TEST(cut_at_each_step)
{
	static const char *const steps[] = { "asked", "voted", "told to commit", "completed",
					     "flushed" };
	unsigned char *at[5];
	struct bring b;
	uint64_t lsn;
	guid_t en;
	int tx, i;

	en = begin(&tx);
	at[0] = disk_read(&d);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, bring(&b, en, 1, 700, 2, 900), KTM_STATUS_SUCCESS);
	lsn = b.append.lsn;
	at[1] = disk_read(&d);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	at[2] = disk_read(&d);
	CALL(rm, KTM_IOC_COMMIT_COMPLETE, bring(&b, en, 2, 600, 0, 0), KTM_STATUS_SUCCESS);
	at[3] = disk_read(&d);
	flush(s, 0);
	at[4] = disk_read(&d);
	close(tx);
	for (i = 0; i < 5; i++) {
		struct ktm_notification n;
		bool committed = false;

		printf("# %s\n", steps[i]);
		cut(at[i]);
		rm_recover(rm);
		n = take(rm);
		if (n.kind == KTM_NOTIFY_RECOVER) {
			CHECK(same(&n.enlistment, &en));
			CHECK(i >= 1 && i < 4);
			check_record(s, lsn, 1, 700);
			/* The room is still there, whatever else is appended. */
			CHECK(stream_info(s).reserved >= cost(450) * 2);
			en_recover(rm, en, 0);
			n = take(rm);
			while (n.kind == KTM_NOTIFY_LAST_RECOVER)
				n = take(rm);
			CHECK(n.kind == KTM_NOTIFY_COMMIT || n.kind == KTM_NOTIFY_ROLLBACK);
			committed = n.kind == KTM_NOTIFY_COMMIT;
			CHECK(committed || i < 2);
			CALL(rm, committed ? KTM_IOC_COMMIT_COMPLETE : KTM_IOC_ROLLBACK_COMPLETE,
			     bring(&b, en, 3, 900, 0, 0), KTM_STATUS_SUCCESS);
			CHECK_EQ(stream_info(s).reserved, 0);
			CHECK_EQ(stream_info(s).records, 2);
			check_record(s, b.append.lsn, 3, 900);
			CHECK(b.append.lsn > lsn);
		} else {
			CHECK_EQ(n.kind, KTM_NOTIFY_LAST_RECOVER);
			CHECK(i != 2);
			/* It is over: then so much is in the stream. */
			CHECK(i < 4 || stream_info(s).records == 2);
		}
	}
}

/* What the stream keeps for it can be had, even if all else is full. */
TEST(need_is_kept)
{
	struct bring b;
	uint64_t lsn, n = 0;
	guid_t en;
	int tx;

	en = begin(&tx);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, bring(&b, en, 1, 0, 1, 1000), KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	while (try_append(s, n, 1000, 0, &lsn) == KTM_STATUS_SUCCESS)
		n++;
	while (try_append(s, n, 0, 0, &lsn) == KTM_STATUS_SUCCESS)
		n++;
	CHECK_EQ(try_append(s, n, 0, 0, &lsn), KTM_STATUS_STREAM_FULL);
	CALL(rm, KTM_IOC_COMMIT_COMPLETE, bring(&b, en, 2, 1000, 0, 0), KTM_STATUS_SUCCESS);
	check_record(s, b.append.lsn, 2, 1000);
	WAIT(tx, KTM_STATUS_SUCCESS);
	CHECK_EQ(stream_info(s).reserved, 0);
}

/* Rolled back without a vote, or after one: nothing stays set aside. */
TEST(need_ends)
{
	struct bring b;
	guid_t en, two;
	int tx;

	en = begin(&tx);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, bring(&b, en, 1, 10, 3, 300), KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	CHECK(stream_info(s).reserved >= 3 * cost(100));
	/* Without a record: all of it goes back. */
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	CHECK_EQ(stream_info(s).reserved, 0);
	close(tx);

	tx = tx_create(tm);
	en = enlist(rm, tx);
	two = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	TAKE(rm, KTM_NOTIFY_PREPARE, two);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, bring(&b, en, 2, 10, 1, 300), KTM_STATUS_SUCCESS);
	CHECK(stream_info(s).reserved);
	ANSWER(rm, KTM_IOC_EN_ROLLBACK, two, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, en);
	CALL(rm, KTM_IOC_ROLLBACK_COMPLETE, bring(&b, en, 3, 300, 0, 0), KTM_STATUS_SUCCESS);
	check_record(s, b.append.lsn, 3, 300);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, two);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, two, KTM_STATUS_SUCCESS);
	CHECK_EQ(stream_info(s).reserved, 0);
	close(tx);
	stream_delete(s);
}

/* What an unfinished vote relies on cannot be deleted. */
TEST(not_deleted_under_a_vote)
{
	struct ktm_call c = ARG(ktm_call);
	struct bring b;
	guid_t en;
	int tx;

	en = begin(&tx);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, bring(&b, en, 1, 0, 1, 10), KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	CALL(s, KTM_IOC_STREAM_DELETE, &c, KTM_STATUS_OBJECT_BUSY);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	CALL(s, KTM_IOC_STREAM_DELETE, &c, KTM_STATUS_SUCCESS);
}

/* Refused: not voted, nothing appended, nothing set aside. */
static void refused(guid_t en, struct ktm_answer *a, unsigned int status)
{
	const struct ktm_stream_info before = stream_info(s);
	struct ktm_stream_info now;

	CALL(rm, KTM_IOC_PREPARE_COMPLETE, a, status);
	EN_IS(rm, en, KTM_EN_STATE_PREPARING);
	now = stream_info(s);
	CHECK_EQ(now.records, before.records);
	CHECK_EQ(now.reserved, before.reserved);
	CHECK_EQ(now.last_lsn, before.last_lsn);
}

TEST(what_answers_refuse)
{
	struct disk e = disk_make(8 * MIB);
	struct bring b;
	struct ktm_answer *a = &b.answer;
	int tx, foreign, tm2, less, gone;
	guid_t en;

	en = begin(&tx);
	bring(&b, en, 1, 100, 1, 100);
	/* More than the stream may have: the room, the record, both. */
	a->stream_need = QUOTA;
	refused(en, a, KTM_STATUS_STREAM_FULL);
	CHECK_EQ(b.append.status, KTM_STATUS_STREAM_FULL);
	CHECK_EQ(b.append.lsn, 0);
	a->stream_need = ~0ull;
	refused(en, a, KTM_STATUS_STREAM_FULL);
	bring(&b, en, 1, 1000, 1, (QUOTA - 128 - 1200) / 3 * 2);
	refused(en, a, KTM_STATUS_STREAM_FULL);
	bring(&b, en, 1, 100, KTM_MAX_BATCH + 1, 100);
	refused(en, a, KTM_STATUS_INVALID_PARAMETER);
	bring(&b, en, 1, 100, 0, 100);
	refused(en, a, KTM_STATUS_INVALID_PARAMETER);
	bring(&b, en, 1, 100, 1, 100);
	b.append.flags = KTM_STREAM_DURABLE;
	refused(en, a, KTM_STATUS_INVALID_PARAMETER);
	b.append.flags = KTM_STREAM_RESERVED;
	refused(en, a, KTM_STATUS_INVALID_PARAMETER);
	b.append.flags = 0;
	b.append.previous_lsn = ~0ull;
	refused(en, a, KTM_STATUS_INVALID_PARAMETER);
	CHECK_EQ(b.append.status, KTM_STATUS_INVALID_PARAMETER);
	b.append.previous_lsn = 0;
	b.append.size = sizeof(b.append) - 8;
	refused(en, a, KTM_STATUS_INVALID_PARAMETER);
	b.append.size = sizeof(b.append);
	b.piece.base = 8;
	refused(en, a, KTM_STATUS_FAULT);
	a->append = 8;
	refused(en, a, KTM_STATUS_FAULT);
	/* The stream's descriptor. */
	bring(&b, en, 1, 100, 1, 100);
	a->stream_fd = -1;
	refused(en, a, KTM_STATUS_INVALID_HANDLE);
	a->stream_fd = rm;
	CALL_ERRNO(rm, KTM_IOC_PREPARE_COMPLETE, a, EBADFD);
	CHECK_EQ(a->status, KTM_STATUS_OBJECT_TYPE_MISMATCH);
	less = narrow(s, KTM_STREAM_ALL_ACCESS & ~KTM_STREAM_APPEND);
	a->stream_fd = less;
	refused(en, a, KTM_STATUS_ACCESS_DENIED);
	close(less);
	journal_format(e.path, guid_of(931));
	tm2 = tm_online(e.path);
	foreign = stream_create(tm2, "s", QUOTA);
	a->stream_fd = foreign;
	refused(en, a, KTM_STATUS_TM_IDENTITY_MISMATCH);
	close(foreign);
	tm_close(tm2, e.path);
	gone = stream_create(tm, "gone", QUOTA);
	stream_delete(gone);
	a->stream_fd = gone;
	refused(en, a, KTM_STATUS_STREAM_NOT_FOUND);
	close(gone);
	/* And after all that it can still vote. */
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, bring(&b, en, 1, 100, 1, 100), KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	/* An answer that is refused for its own sake brings nothing. */
	CALL(rm, KTM_IOC_ROLLBACK_COMPLETE, bring(&b, en, 5, 50, 0, 0),
	     KTM_STATUS_NOT_REQUESTED);
	CHECK_EQ(b.append.lsn, 0);
	CHECK_EQ(stream_info(s).records, 1);
	/* One whose record is refused is not taken. */
	bring(&b, en, 5, 1000, 0, 0);
	b.append.base_lsn = 1;
	CALL(rm, KTM_IOC_COMMIT_COMPLETE, &b.answer, KTM_STATUS_INVALID_PARAMETER);
	EN_IS(rm, en, KTM_EN_STATE_COMMITTING);
	CALL(rm, KTM_IOC_COMMIT_COMPLETE, bring(&b, en, 6, 100, 0, 0), KTM_STATUS_SUCCESS);
	check_tags(s, (uint64_t[]){ 1, 6 }, 2, 100);
}

/* One that has been told to roll back. */
static guid_t begin_rollback(int *tx)
{
	guid_t en;

	*tx = tx_create(tm);
	en = enlist(rm, *tx);
	ROLLBACK(*tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, en);
	return en;
}

/* One that has been told to commit; it has set nothing aside. */
static guid_t begin_commit(int *tx)
{
	guid_t en = begin(tx);

	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	return en;
}

/* Refused: it has not answered, and nothing is appended. */
static void end_refused(unsigned int request, struct bring *b, unsigned int status)
{
	CALL(rm, request, &b->answer, status);
	CHECK_EQ(b->append.status, status);
	CHECK_EQ(b->append.lsn, 0);
	EN_IS(rm, b->answer.enlistment, request == KTM_IOC_COMMIT_COMPLETE ?
	      KTM_EN_STATE_COMMITTING : KTM_EN_STATE_ABORTING);
}

TEST(what_endings_refuse)
{
	static const unsigned int requests[] = { KTM_IOC_COMMIT_COMPLETE,
						 KTM_IOC_ROLLBACK_COMPLETE };
	int tx[2], gone = stream_create(tm, "gone", QUOTA), tm2, foreign, i;
	struct disk e = disk_make(8 * MIB);
	guid_t en[2];
	struct bring b;
	uint64_t lsn;

	en[0] = begin_commit(&tx[0]);
	en[1] = begin_rollback(&tx[1]);
	stream_delete(gone);
	for (i = 0; i < 2; i++) {
		bring(&b, en[i], 1, 1000, 0, 0);
		b.answer.stream_fd = gone;
		end_refused(requests[i], &b, KTM_STATUS_STREAM_NOT_FOUND);
	}
	journal_format(e.path, guid_of(931));
	tm2 = tm_online(e.path);
	foreign = stream_create(tm2, "s", QUOTA);
	for (i = 0; i < 2; i++) {
		bring(&b, en[i], 1, 1000, 0, 0);
		b.answer.stream_fd = foreign;
		CALL(rm, requests[i], &b.answer, KTM_STATUS_TM_IDENTITY_MISMATCH);
	}
	close(foreign);
	tm_close(tm2, e.path);
	while (try_append(s, 1, 1000, 0, &lsn) == KTM_STATUS_SUCCESS)
		;
	for (i = 0; i < 2; i++) {
		bring(&b, en[i], 1, 1000, 0, 0);
		end_refused(requests[i], &b, KTM_STATUS_STREAM_FULL);
	}
	truncate_to(s, 0);
	for (i = 0; i < 2; i++) {
		CALL(rm, requests[i], bring(&b, en[i], i, 1000, 0, 0), KTM_STATUS_SUCCESS);
		close(tx[i]);
	}
	check_tags(s, (uint64_t[]){ 0, 1 }, 2, 1000);
	close(gone);
}

/* The same TM, on a disk that can fail. */
static struct flaky on_flaky(void)
{
	struct flaky f;

	flush(s, 0);
	close(s);
	close(rm);
	tm_close(tm, d.path);
	f = flaky_make(&d);
	tm = tm_online(f.path);
	return f;
}

/*
 * The log is opened again: whoever has not looked what his stream holds now gets no record into
 * it with an answer, either.
 */
TEST(answers_after_a_reopening)
{
	struct ktm_stream_flush fl = ARG(ktm_stream_flush);
	struct flaky f = on_flaky();
	struct bring b;
	guid_t en;
	int tx;

	open_all();
	rm_recover_empty(rm);
	append(s, 1, 100);
	flaky_set(&f, FAIL_WRITES);
	CALL(s, KTM_IOC_STREAM_FLUSH, &fl, KTM_STATUS_IO_ERROR);
	while (tm_info(tm).state != KTM_TM_STATE_FAILED)
		nap();
	flaky_set(&f, NO_TROUBLE);
	tm_recover(tm);
	rm_recover_empty(rm);

	en = begin(&tx);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, bring(&b, en, 2, 100, 0, 0),
	     KTM_STATUS_STREAM_REOPENED);
	CHECK_EQ(b.append.lsn, 0);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, bring(&b, en, 2, 100, 1, 100),
	     KTM_STATUS_STREAM_REOPENED);
	EN_IS(rm, en, KTM_EN_STATE_PREPARING);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	bring(&b, en, 2, 100, 0, 0);
	end_refused(KTM_IOC_COMMIT_COMPLETE, &b, KTM_STATUS_STREAM_REOPENED);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	close(tx);
	en = begin_rollback(&tx);
	bring(&b, en, 2, 100, 0, 0);
	end_refused(KTM_IOC_ROLLBACK_COMPLETE, &b, KTM_STATUS_STREAM_REOPENED);
	/* He looks; now it may go in. */
	CHECK_EQ(stream_info(s).records, 0);
	CALL(rm, KTM_IOC_ROLLBACK_COMPLETE, &b.answer, KTM_STATUS_SUCCESS);
	close(tx);
	check_tags(s, (uint64_t[]){ 2 }, 1, 100);
	close(s);
	close(rm);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

/* Many answers in one call, each with a record. */
TEST(in_a_batch)
{
	enum { N = 8 };
	struct ktm_batch_answer answers[N];
	struct ktm_exchange x = ARG(ktm_exchange, .count = N, .answers = (uintptr_t)answers);
	static struct bring b[N];
	guid_t en[N];
	int tx[N], i;

	for (i = 0; i < N; i++) {
		en[i] = begin(&tx[i]);
		bring(&b[i], en[i], i, 100, 1, 100);
		answers[i] = (struct ktm_batch_answer){
			.request = KTM_IOC_PREPARE_COMPLETE,
			.enlistment = en[i],
			.append = b[i].answer.append,
			.stream_fd = s,
			.stream_records = 1,
			.stream_need = 100,
		};
	}
	CALL(rm, KTM_IOC_EXCHANGE, &x, KTM_STATUS_SUCCESS);
	CHECK_EQ(x.done, N);
	for (i = 0; i < N; i++) {
		CHECK_EQ(answers[i].status, KTM_STATUS_SUCCESS);
		check_record(s, b[i].append.lsn, i, 100);
	}
	for (i = 0; i < N; i++) {
		struct ktm_notification n = take(rm);
		struct bring done;

		CHECK_EQ(n.kind, KTM_NOTIFY_COMMIT);
		CALL(rm, KTM_IOC_COMMIT_COMPLETE, bring(&done, n.enlistment, 100 + i, 100, 0, 0),
		     KTM_STATUS_SUCCESS);
	}
	for (i = 0; i < N; i++)
		WAIT(tx[i], KTM_STATUS_SUCCESS);
	CHECK_EQ(stream_info(s).records, 2 * N);
	CHECK_EQ(stream_info(s).reserved, 0);
}

/* A transaction up to the point where its RM is asked to decide alone. */
static guid_t ask_alone(int tx)
{
	guid_t en = enlist_mask(rm, tx, EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT, 0);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
	return en;
}

static guid_t begin_single(int *tx)
{
	*tx = tx_create(tm);
	return ask_alone(*tx);
}

/*
 * Who decides alone brings his record: it is durable before anybody hears of the outcome,
 * for no decision of the TM's comes after it.
 */
TEST(single_phase_with_a_record)
{
	unsigned char *content;
	struct bring b;
	uint64_t lsn;
	guid_t en;
	int tx;

	append(s, 1, 100);
	flush(s, 0);
	en = begin_single(&tx);
	CALL(rm, KTM_IOC_COMMIT_COMPLETE, bring(&b, en, 2, 100, 0, 0), KTM_STATUS_SUCCESS);
	CHECK_EQ(b.append.status, KTM_STATUS_SUCCESS);
	lsn = b.append.lsn;
	WAIT(tx, KTM_STATUS_SUCCESS);
	/* What the device has got. A flush that only this question would cause comes too late. */
	content = disk_read(&d);
	CHECK_EQ(stream_info(s).flushed_lsn, lsn);
	close(tx);
	cut(content);
	check_tags(s, (uint64_t[]){ 1, 2 }, 2, 100);
}

/* The log fails while his record becomes durable: he has not answered, and it may be there. */
TEST(single_phase_and_a_failure)
{
	struct flaky f = on_flaky();
	struct bring b;
	guid_t en;
	int tx;

	open_all();
	rm_recover_empty(rm);
	en = begin_single(&tx);
	flaky_set(&f, FAIL_FLUSHES);
	CALL(rm, KTM_IOC_COMMIT_COMPLETE, bring(&b, en, 2, 100, 0, 0), KTM_STATUS_IO_ERROR);
	CHECK_EQ(b.append.status, KTM_STATUS_IO_ERROR);
	CHECK(b.append.lsn);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_UNDETERMINED);
	flaky_set(&f, NO_TROUBLE);
	close(tx);
	close(s);
	close(rm);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

static void decide_and_be_interrupted(void *data)
{
	struct bring b;

	CALL(rm, KTM_IOC_COMMIT_COMPLETE, bring(&b, *(guid_t *)data, 2, 100, 0, 0),
	     KTM_STATUS_INTERRUPTED);
	CHECK(b.append.lsn);
	shared_word[0] = b.append.lsn;
}

/* A signal ends the wait: the record is there, and is not brought again. */
TEST(single_phase_and_a_signal)
{
	struct flaky f = on_flaky();
	guid_t en;
	int tx;

	open_all();
	rm_recover_empty(rm);
	en = begin_single(&tx);
	flaky_hold(&f);
	interrupt(decide_and_be_interrupted, &en);
	EN_IS(rm, en, KTM_EN_STATE_SINGLE_PHASE);
	flaky_release(&f, NO_TROUBLE);
	CHECK_EQ(flush(s, shared_word[0]), shared_word[0]);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	WAIT(tx, KTM_STATUS_SUCCESS);
	check_tags(s, (uint64_t[]){ 2 }, 1, 100);
	close(tx);
	close(s);
	close(rm);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

/* A process of its own, that the RM dies with. */
static void decide_and_die(void *data)
{
	struct bring b;
	guid_t en;

	open_all();
	rm_recover_empty(rm);
	en = ask_alone(*(int *)data);
	memcpy((void *)shared_word, &en, sizeof(en));
	go(1);
	meet(2);
	test_try(rm, KTM_IOC_COMMIT_COMPLETE, bring(&b, en, 2, 100, 0, 0));
}

/*
 * Who decides alone dies while his record becomes durable. He is asked again, and finds it in the
 * stream, not durable: he makes it so before he answers, for what was told counts.
 */
TEST(single_phase_and_killed)
{
	struct ktm_notification n;
	const guid_t g = RM_GUID;
	unsigned char *content;
	struct deadline end;
	struct flaky f;
	uint64_t lsn;
	guid_t en;
	pid_t pid;
	int tx;

	append(s, 1, 100);
	f = on_flaky();
	tx = tx_create(tm);
	pid = test_spawn(decide_and_die, &tx);
	meet(1);
	memcpy(&en, (void *)shared_word, sizeof(en));
	flaky_hold(&f);
	go(2);
	s = stream_open(tm, "s");
	for (end = deadline_in(PATIENCE); stream_info(s).records < 2; nap())
		CHECK(!deadline_passed(&end));
	until_asleep(pid);
	test_kill(pid);
	rm = rm_open(tm, &g);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, en);
	en_recover(rm, en, 0);
	while ((n = take(rm)).kind == KTM_NOTIFY_LAST_RECOVER)
		;
	CHECK_EQ(n.kind, KTM_NOTIFY_SINGLE_PHASE_COMMIT);
	lsn = where(s, KTM_STREAM_BEFORE, 0);
	check_record(s, lsn, 2, 100);
	CHECK(stream_info(s).flushed_lsn < lsn);
	flaky_release(&f, NO_TROUBLE);
	CHECK_EQ(flush(s, lsn), lsn);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	WAIT(tx, KTM_STATUS_SUCCESS);
	content = disk_read(&d);
	close(tx);
	close(s);
	close(rm);
	tm_close(tm, f.path);
	flaky_remove(&f);
	disk_write(&d, 0, content, d.bytes);
	free(content);
	tm = tm_online(d.path);
	open_all();
	check_tags(s, (uint64_t[]){ 1, 2 }, 2, 100);
}

/* Its record does not fit: it has not answered, and others may decide. */
TEST(single_phase_without_room)
{
	struct bring b;
	uint64_t lsn;
	guid_t en;
	int tx;

	en = begin_single(&tx);
	while (try_append(s, 1, 1000, 0, &lsn) == KTM_STATUS_SUCCESS)
		;
	CALL(rm, KTM_IOC_COMMIT_COMPLETE, bring(&b, en, 2, 1000, 0, 0), KTM_STATUS_STREAM_FULL);
	CHECK_EQ(b.append.status, KTM_STATUS_STREAM_FULL);
	CHECK_EQ(b.append.lsn, 0);
	EN_IS(rm, en, KTM_EN_STATE_SINGLE_PHASE);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, en, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	truncate_to(s, 0);
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, bring(&b, en, 3, 100, 0, 0), KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	WAIT(tx, KTM_STATUS_SUCCESS);
	close(tx);
}
