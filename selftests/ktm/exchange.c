// SPDX-License-Identifier: GPL-2.0
/*
 * Many answers and the next notifications in one call: each answer counts as if it
 * had been given alone, what was done stays done whatever becomes of the rest.
 * And answers by key.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include "calls.h"
#include "disk.h"

#define RECORD	sizeof(struct ktm_notification)
#define NR	3

static int tm, rm;
static int txs[NR];
static guid_t ens[NR];
static struct ktm_batch_answer answers[KTM_MAX_BATCH + 1];
static struct ktm_notification got[16];

void test_setup(void)
{
	tm = tm_volatile();
	rm = rm_create(tm, KTM_RM_VOLATILE);
}

static void begin(void)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		txs[i] = tx_create(tm);
		ens[i] = enlist_key(rm, txs[i], 100 + i);
	}
}

static void begin_commits(void)
{
	unsigned int i;

	begin();
	for (i = 0; i < NR; i++)
		COMMIT(txs[i], 0, KTM_STATUS_PENDING);
}

static struct ktm_batch_answer answer(unsigned int request, guid_t en)
{
	return (struct ktm_batch_answer){ .request = request, .status = 0x5a5a5a5a,
					  .enlistment = en };
}

static void answer_each(unsigned int request)
{
	unsigned int i;

	for (i = 0; i < NR; i++)
		answers[i] = answer(request, ens[i]);
}

/* All @count of @answers and room for @room notifications. */
static struct ktm_exchange exchange(unsigned int count, unsigned int room, uint64_t timeout)
{
	return ARG(ktm_exchange, .count = count, .answers = count ? (uintptr_t)answers : 0,
		   .length = room * RECORD, .buffer = room ? (uintptr_t)got : 0,
		   .timeout_ns = timeout, .done = 77, .bytes = 77);
}

#define PATIENTLY	(PATIENCE * 1000000000ull)

/* The call must end with @want, with so many answers done and notifications fetched. */
#define EXCHANGE(on, e, want, done_, fetched)				\
	do {								\
		CALL(on, KTM_IOC_EXCHANGE, &(e), want);			\
		CHECK_EQ((e).done, done_);				\
		CHECK_EQ((e).bytes, (fetched) * RECORD);		\
	} while (0)

#define IS(i, want)	CHECK_EQ(answers[i].status, want)

static void fetched_each(unsigned int kind)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		CHECK_EQ(got[i].length, RECORD);
		CHECK_EQ(got[i].kind, kind);
		CHECK(same(&got[i].enlistment, &ens[i]));
		CHECK_EQ(got[i].key, 100 + i);
	}
}

/* A whole RM, in four calls for three transactions. */
TEST(answers_and_fetches)
{
	struct ktm_exchange e = exchange(0, 16, PATIENTLY);
	unsigned int i;

	begin_commits();
	EXCHANGE(rm, e, KTM_STATUS_SUCCESS, 0, NR);
	fetched_each(KTM_NOTIFY_PREPARE);
	answer_each(KTM_IOC_PREPARE_COMPLETE);
	e = exchange(NR, 16, PATIENTLY);
	EXCHANGE(rm, e, KTM_STATUS_SUCCESS, NR, NR);
	fetched_each(KTM_NOTIFY_COMMIT);
	for (i = 0; i < NR; i++)
		IS(i, KTM_STATUS_SUCCESS);
	answer_each(KTM_IOC_COMMIT_COMPLETE);
	e = exchange(NR, 0, 0);
	EXCHANGE(rm, e, KTM_STATUS_SUCCESS, NR, 0);
	for (i = 0; i < NR; i++) {
		IS(i, KTM_STATUS_SUCCESS);
		WAIT(txs[i], KTM_STATUS_SUCCESS);
		TX_IS(txs[i], KTM_TX_STATE_COMMITTED);
	}
	/* Neither answers nor room: nothing to do. */
	e = exchange(0, 0, 0);
	EXCHANGE(rm, e, KTM_STATUS_SUCCESS, 0, 0);
}

/* No more than fits; the rest waits for the next call. */
TEST(as_many_as_fit)
{
	struct ktm_exchange e = exchange(0, 2, 0);

	begin_commits();
	e.length += RECORD - 1;
	EXCHANGE(rm, e, KTM_STATUS_SUCCESS, 0, 2);
	e = exchange(0, 2, 0);
	EXCHANGE(rm, e, KTM_STATUS_SUCCESS, 0, 1);
	CHECK(same(&got[0].enlistment, &ens[2]));
	TAKE_NONE(rm);
}

TEST(a_refused_one_does_not_stop_the_rest)
{
	struct ktm_exchange e;
	unsigned int i = 0;

	begin_commits();
	answers[i++] = answer(KTM_IOC_COMMIT_COMPLETE, ens[0]);
	answers[i++] = answer(KTM_IOC_PREPARE_COMPLETE, guid_of(1));
	answers[i++] = answer(KTM_IOC_COMMIT, ens[0]);
	answers[i++] = answer(KTM_IOC_QUERY, ens[0]);
	answers[i++] = answer(0, ens[0]);
	answers[i++] = answer(KTM_IOC_PREPARE_COMPLETE, ens[0]);
	answers[i - 1].flags = 0x80;
	answers[i++] = answer(KTM_IOC_PREPARE_COMPLETE, ens[0]);
	answers[i - 1].key = 1;
	answers[i++] = answer(KTM_IOC_PREPARE_COMPLETE, ens[0]);
	answers[i - 1].virtual_clock = ~0ull;
	answers[i++] = answer(KTM_IOC_EN_COMMIT, ens[0]);
	answers[i++] = answer(KTM_IOC_PREPARE_COMPLETE, ens[0]);
	/* In their order: what stands before has happened. */
	answers[i++] = answer(KTM_IOC_PREPARE_COMPLETE, ens[0]);
	answers[i++] = answer(KTM_IOC_READ_ONLY, ens[1]);
	answers[i++] = answer(KTM_IOC_EN_ROLLBACK, ens[2]);
	answers[i++] = answer(KTM_IOC_ROLLBACK_COMPLETE, ens[2]);
	e = exchange(i, 0, 0);
	EXCHANGE(rm, e, KTM_STATUS_SUCCESS, i, 0);
	i = 0;
	IS(i++, KTM_STATUS_NOT_REQUESTED);
	IS(i++, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	IS(i++, KTM_STATUS_INVALID_PARAMETER);
	IS(i++, KTM_STATUS_INVALID_PARAMETER);
	IS(i++, KTM_STATUS_INVALID_PARAMETER);
	IS(i++, KTM_STATUS_INVALID_PARAMETER);
	IS(i++, KTM_STATUS_INVALID_PARAMETER);
	IS(i++, KTM_STATUS_INVALID_PARAMETER);
	IS(i++, KTM_STATUS_NOT_SUPERIOR);
	IS(i++, KTM_STATUS_SUCCESS);
	IS(i++, KTM_STATUS_NOT_REQUESTED);
	IS(i++, KTM_STATUS_SUCCESS);
	IS(i++, KTM_STATUS_SUCCESS);
	IS(i++, KTM_STATUS_SUCCESS);
	TX_IS(txs[0], KTM_TX_STATE_COMMITTING);
	TX_IS(txs[1], KTM_TX_STATE_COMMITTED);
	TX_IS(txs[2], KTM_TX_STATE_ABORTED);
}

/* What a single answer has, one of many has too: information, clock. */
TEST(all_fields_count)
{
	static const char text[] = "where the redo lies";
	struct disk d = disk_make(8 * MIB);
	guid_t rm_guid = guid_of(1);
	struct ktm_exchange e;
	char back[64] = "";
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_EN_RECOVERY,
				 .length = sizeof(back), .buffer = (uintptr_t)back);
	unsigned char *at_vote;
	int durable_tm, durable, tx, pusher;
	guid_t en, other;

	journal_format(d.path, guid_of(900));
	durable_tm = tm_online(d.path);
	durable = rm_create_as(durable_tm, 0, &rm_guid);
	rm_recover_empty(durable);
	pusher = rm_create(durable_tm, KTM_RM_VOLATILE);
	tx = tx_create(durable_tm);
	en = enlist_key(durable, tx, 5);
	other = enlist(pusher, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	answers[0] = answer(KTM_IOC_PREPARE_COMPLETE, en);
	answers[0].information = (uintptr_t)text;
	answers[0].information_length = sizeof(text);
	answers[0].virtual_clock = 1000;
	e = exchange(1, 0, 0);
	EXCHANGE(durable, e, KTM_STATUS_SUCCESS, 1, 0);
	IS(0, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(durable_tm).virtual_clock, 1000);
	ANSWER(pusher, KTM_IOC_PREPARE_COMPLETE, other, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTING);
	at_vote = disk_read(&d);
	close(durable);
	close(pusher);
	close(tx);
	durable_tm = disk_after_cut(&d, durable_tm, at_vote);
	durable = rm_open(durable_tm, &rm_guid);
	rm_recover(durable);
	TAKE(durable, KTM_NOTIFY_RECOVER, en);
	TAKE(durable, KTM_NOTIFY_LAST_RECOVER, nil);
	q.guid = en;
	CALL(durable, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
	CHECK_EQ(q.length, sizeof(text));
	CHECK(!memcmp(back, text, sizeof(text)));
	/* EN_RECOVER is an answer, too; the next one is of the enlistment that it brought back. */
	answers[0] = answer(KTM_IOC_EN_RECOVER, en);
	answers[0].key = 6;
	e = exchange(1, 1, PATIENTLY);
	EXCHANGE(durable, e, KTM_STATUS_SUCCESS, 1, 1);
	IS(0, KTM_STATUS_PENDING);
	CHECK_EQ(got[0].kind, KTM_NOTIFY_COMMIT);
	CHECK_EQ(got[0].key, 6);
	CHECK_EQ(got[0].virtual_clock, 1000);
	ANSWER(durable, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	close(durable);
	tm_close(durable_tm, d.path);
}

/* ---- what cannot be read or written ---- */

/* Two pages of which the second is not there. */
static char *edge(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	CHECK_EQ(mprotect(page + 4096, 4096, PROT_NONE), 0);
	return page + 4096;
}

TEST(done_counts_up_to_the_fault)
{
	const unsigned int whole = 2 * sizeof(answers[0]);
	struct ktm_batch_answer *at = (void *)(edge() - whole);
	struct ktm_exchange e;

	begin_commits();
	answer_each(KTM_IOC_PREPARE_COMPLETE);
	memcpy(at, answers, whole);
	e = exchange(NR, 16, PATIENTLY);
	e.answers = (uintptr_t)at;
	EXCHANGE(rm, e, KTM_STATUS_FAULT, 2, 0);
	CHECK_EQ(at[0].status, KTM_STATUS_SUCCESS);
	CHECK_EQ(at[1].status, KTM_STATUS_SUCCESS);
	EN_IS(rm, ens[0], KTM_EN_STATE_COMMITTING);
	EN_IS(rm, ens[1], KTM_EN_STATE_COMMITTING);
	EN_IS(rm, ens[2], KTM_EN_STATE_PREPARING);
	/* Nothing was fetched, and nothing is lost: going on from there ends it. */
	answers[0] = answers[2];
	e = exchange(1, 16, PATIENTLY);
	EXCHANGE(rm, e, KTM_STATUS_SUCCESS, 1, NR);
	fetched_each(KTM_NOTIFY_COMMIT);
}

/* One whose status cannot be told was carried out all the same, the next one was not. */
TEST(done_counts_what_cannot_be_told)
{
	char *page = edge() - 4096;
	struct ktm_exchange e;

	begin_commits();
	answer_each(KTM_IOC_PREPARE_COMPLETE);
	memcpy(page, answers, NR * sizeof(answers[0]));
	CHECK_EQ(mprotect(page, 4096, PROT_READ), 0);
	e = exchange(NR, 0, 0);
	e.answers = (uintptr_t)page;
	EXCHANGE(rm, e, KTM_STATUS_FAULT, 1, 0);
	EN_IS(rm, ens[0], KTM_EN_STATE_COMMITTING);
	EN_IS(rm, ens[1], KTM_EN_STATE_PREPARING);
}

TEST(no_answers_where_they_should_be)
{
	struct ktm_exchange e = exchange(NR, 0, 0);

	begin_commits();
	e.answers = 4096;
	EXCHANGE(rm, e, KTM_STATUS_FAULT, 0, 0);
	e.answers = ~0ull - 8;
	EXCHANGE(rm, e, KTM_STATUS_FAULT, 0, 0);
	EN_IS(rm, ens[0], KTM_EN_STATE_PREPARING);
}

TEST(no_room_where_it_should_be)
{
	struct ktm_exchange e;

	begin_commits();
	answer_each(KTM_IOC_PREPARE_COMPLETE);
	e = exchange(NR, 16, PATIENTLY);
	e.buffer = 4096;
	EXCHANGE(rm, e, KTM_STATUS_FAULT, NR, 0);
	EN_IS(rm, ens[2], KTM_EN_STATE_COMMITTING);
	/* As much as could be copied, the rest is not lost. */
	e = exchange(0, 16, PATIENTLY);
	e.buffer = (uintptr_t)edge() - 2 * RECORD;
	EXCHANGE(rm, e, KTM_STATUS_SUCCESS, 0, 2);
	e = exchange(0, 16, PATIENTLY);
	EXCHANGE(rm, e, KTM_STATUS_SUCCESS, 0, NR - 2);
}

/* What is wrong with the call itself is found before anything is done. */
TEST(bad_calls_do_nothing)
{
	struct ktm_exchange e;

	begin_commits();
	answer_each(KTM_IOC_PREPARE_COMPLETE);
	e = exchange(NR, 1, 0);
	e.length = RECORD - 1;
	EXCHANGE(rm, e, KTM_STATUS_BUFFER_TOO_SMALL, 0, 0);
	e = exchange(NR, 1, 0);
	e.length = 0;
	EXCHANGE(rm, e, KTM_STATUS_INVALID_PARAMETER, 0, 0);
	e = exchange(NR, 1, 0);
	e.buffer = 0;
	EXCHANGE(rm, e, KTM_STATUS_INVALID_PARAMETER, 0, 0);
	e = exchange(NR, 1, 0);
	e.answers = 0;
	EXCHANGE(rm, e, KTM_STATUS_INVALID_PARAMETER, 0, 0);
	e = exchange(NR, 1, 0);
	e.count = 0;
	EXCHANGE(rm, e, KTM_STATUS_INVALID_PARAMETER, 0, 0);
	e = exchange(KTM_MAX_BATCH + 1, 1, 0);
	EXCHANGE(rm, e, KTM_STATUS_INVALID_PARAMETER, 0, 0);
	IS(0, 0x5a5a5a5a);
	EN_IS(rm, ens[0], KTM_EN_STATE_PREPARING);
	/* The largest batch that there may be. */
	e = exchange(KTM_MAX_BATCH, 0, 0);
	EXCHANGE(rm, e, KTM_STATUS_SUCCESS, KTM_MAX_BATCH, 0);
	IS(NR - 1, KTM_STATUS_SUCCESS);
	IS(KTM_MAX_BATCH - 1, KTM_STATUS_INVALID_PARAMETER);
}

TEST(rights)
{
	int mute = narrow(rm, KTM_RM_ALL_ACCESS & ~KTM_RM_ENLIST);
	int deaf = narrow(rm, KTM_RM_ALL_ACCESS & ~KTM_RM_GET_NOTIFICATION);
	struct ktm_exchange e;

	begin_commits();
	answer_each(KTM_IOC_PREPARE_COMPLETE);
	e = exchange(NR, 16, 0);
	EXCHANGE(deaf, e, KTM_STATUS_ACCESS_DENIED, 0, 0);
	IS(0, 0x5a5a5a5a);
	e = exchange(NR, 16, 0);
	EXCHANGE(mute, e, KTM_STATUS_SUCCESS, NR, NR);
	IS(0, KTM_STATUS_ACCESS_DENIED);
	IS(2, KTM_STATUS_ACCESS_DENIED);
	EN_IS(rm, ens[0], KTM_EN_STATE_PREPARING);
	e = exchange(NR, 0, 0);
	EXCHANGE(deaf, e, KTM_STATUS_SUCCESS, NR, 0);
	IS(0, KTM_STATUS_SUCCESS);
	IS(2, KTM_STATUS_SUCCESS);
	EN_IS(rm, ens[0], KTM_EN_STATE_COMMITTING);
	SHOWS("right RM_GET_NOTIFICATION KTM_IOC_EXCHANGE");
}

/* ---- waiting ---- */

/* Nothing comes: the answers count, and neither too short nor for ever. */
TEST(timeout)
{
	const uint64_t ns = 300000000;
	struct timespec from, to;
	struct ktm_exchange e;

	begin_commits();
	e = exchange(0, 16, 0);
	EXCHANGE(rm, e, KTM_STATUS_SUCCESS, 0, NR);
	EXCHANGE(rm, e, KTM_STATUS_TIMEOUT, 0, 0);
	answers[0] = answer(KTM_IOC_READ_ONLY, ens[0]);
	e = exchange(1, 16, ns);
	clock_gettime(CLOCK_MONOTONIC, &from);
	EXCHANGE(rm, e, KTM_STATUS_TIMEOUT, 1, 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	CHECK((to.tv_sec - from.tv_sec) * 1000000000ll + to.tv_nsec - from.tv_nsec >= (long long)ns);
	TX_IS(txs[0], KTM_TX_STATE_COMMITTED);
}

static void fetch_one(void *timeout)
{
	struct ktm_exchange e = exchange(0, 1, *(uint64_t *)timeout);

	EXCHANGE(rm, e, KTM_STATUS_SUCCESS, 0, 1);
	CHECK_EQ(got[0].kind, KTM_NOTIFY_PREPARE);
}

/* Whether the descriptor is O_NONBLOCK or not. */
TEST(waits_for_the_first)
{
	uint64_t timeouts[] = { PATIENTLY, FOREVER, FOREVER - 1 };
	unsigned int i;
	pid_t pid;

	begin();
	CHECK_EQ(fcntl(rm, F_SETFL, O_NONBLOCK), 0);
	for (i = 0; i < NR; i++) {
		pid = test_spawn(fetch_one, &timeouts[i]);
		until_asleep(pid);
		COMMIT(txs[i], 0, KTM_STATUS_PENDING);
		test_join(pid);
	}
}

static void on_signal(int sig)
{
	(void)sig;
}

static void exchange_interrupted(void *timeout)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct ktm_exchange e = exchange(NR, 16, *(uint64_t *)timeout);

	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	answer_each(KTM_IOC_READ_ONLY);
	EXCHANGE(rm, e, KTM_STATUS_INTERRUPTED, NR, 0);
	IS(0, KTM_STATUS_SUCCESS);
	IS(2, KTM_STATUS_SUCCESS);
}

/* A signal ends the wait; the answers were given, once. */
TEST(signal_keeps_what_was_done)
{
	uint64_t timeouts[] = { PATIENTLY, FOREVER };
	unsigned int i, t;
	pid_t pid;

	for (t = 0; t < 2; t++) {
		begin_commits();
		for (i = 0; i < NR; i++)
			TAKE(rm, KTM_NOTIFY_PREPARE, ens[i]);
		pid = test_spawn(exchange_interrupted, &timeouts[t]);
		until_asleep(pid);
		kill(pid, SIGUSR1);
		test_join(pid);
		for (i = 0; i < NR; i++)
			TX_IS(txs[i], KTM_TX_STATE_COMMITTED);
	}
}

static void fetch_in_vain(void *fd)
{
	struct ktm_exchange e = exchange(0, 16, FOREVER);

	EXCHANGE(*(int *)fd, e, KTM_STATUS_TM_NOT_ONLINE, 0, 0);
}

/* There is nothing to wait for before the RM, or its TM, has recovered. */
TEST(nobody_waits_for_what_cannot_come)
{
	struct disk d = disk_make(8 * MIB);
	struct flaky f = flaky_make(&d);
	int durable_tm, durable, tx;
	struct ktm_exchange e;
	pid_t pid;
	guid_t en;

	journal_format(f.path, guid_of(900));
	durable_tm = tm_online(f.path);
	durable = rm_create(durable_tm, 0);
	e = exchange(0, 16, FOREVER);
	EXCHANGE(durable, e, KTM_STATUS_TM_NOT_ONLINE, 0, 0);
	rm_recover(durable);
	/* What waits is given whatever becomes of the TM. */
	EXCHANGE(durable, e, KTM_STATUS_SUCCESS, 0, 1);
	CHECK_EQ(got[0].kind, KTM_NOTIFY_LAST_RECOVER);
	tx = tx_create(durable_tm);
	en = enlist(durable, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(durable, KTM_NOTIFY_PREPARE, en);
	pid = test_spawn(fetch_in_vain, &durable);
	until_asleep(pid);
	flaky_set(&f, FAIL_WRITES);
	ANSWER(durable, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	test_join(pid);
	CHECK_EQ(tm_info(durable_tm).state, KTM_TM_STATE_FAILED);
	flaky_set(&f, NO_TROUBLE);
	close(tx);
	close(durable);
	tm_close(durable_tm, f.path);
	flaky_remove(&f);
}

/* ---- several at once ---- */

#define THREADS	4
#define ROUNDS	300

static volatile unsigned int prepares, commits;

/* Fetches with one call, and answers with the next what it has fetched. */
static void *serve(void *unused)
{
	struct ktm_notification mine[8];
	struct ktm_batch_answer reply[8];
	struct ktm_exchange e;
	unsigned int i, n = 0;

	do {
		e = ARG(ktm_exchange, .count = n, .answers = n ? (uintptr_t)reply : 0,
			.buffer = (uintptr_t)mine, .length = sizeof(mine),
			.timeout_ns = 100000000);
		if (test_try(rm, KTM_IOC_EXCHANGE, &e) == KTM_STATUS_TIMEOUT)
			e.bytes = 0;
		CHECK_EQ(e.done, n);
		for (i = 0; i < n; i++)
			CHECK_EQ(reply[i].status, KTM_STATUS_SUCCESS);
		n = e.bytes / RECORD;
		for (i = 0; i < n; i++) {
			bool prepare = mine[i].kind == KTM_NOTIFY_PREPARE;

			CHECK(prepare || mine[i].kind == KTM_NOTIFY_COMMIT);
			__sync_fetch_and_add(prepare ? &prepares : &commits, 1);
			reply[i] = answer(prepare ? KTM_IOC_PREPARE_COMPLETE :
						    KTM_IOC_COMMIT_COMPLETE, mine[i].enlistment);
		}
	} while (n || !shared_word[0]);
	return unused;
}

/* Each notification goes to one of them, and each answer counts once. */
TEST(several_threads)
{
	pthread_t threads[THREADS];
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, serve, NULL), 0);
	for (i = 0; i < ROUNDS; i++) {
		int tx = tx_create(tm);

		enlist(rm, tx);
		COMMIT(tx, i % 4 ? 0 : KTM_CALL_WAIT,
		       i % 4 ? KTM_STATUS_PENDING : KTM_STATUS_SUCCESS);
		close(tx);
	}
	shared_word[0] = 1;
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(prepares, ROUNDS);
	CHECK_EQ(commits, ROUNDS);
	CHECK_EQ(rm_info(rm).enlistments, 0);
	CHECK_EQ(tm_info(tm).transactions, 0);
}

/* ---- by key ---- */

#define BY_KEY(on, request, key_, want)					\
	do {								\
		struct ktm_answer __a = ARG(ktm_answer, .key = (key_),	\
					    .flags = KTM_ANSWER_BY_KEY); \
		CALL(on, request, &__a, want);				\
	} while (0)

TEST(by_key)
{
	struct ktm_exchange e;
	unsigned int i;

	begin_commits();
	BY_KEY(rm, KTM_IOC_PREPARE_COMPLETE, 101, KTM_STATUS_SUCCESS);
	EN_IS(rm, ens[0], KTM_EN_STATE_PREPARING);
	EN_IS(rm, ens[1], KTM_EN_STATE_COMMITTING);
	EN_IS(rm, ens[2], KTM_EN_STATE_PREPARING);
	BY_KEY(rm, KTM_IOC_PREPARE_COMPLETE, 101, KTM_STATUS_NOT_REQUESTED);
	BY_KEY(rm, KTM_IOC_PREPARE_COMPLETE, 99, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	BY_KEY(rm, KTM_IOC_PREPARE_COMPLETE, 103, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	BY_KEY(rm, KTM_IOC_COMMIT_COMPLETE, 101, KTM_STATUS_SUCCESS);
	BY_KEY(rm, KTM_IOC_COMMIT_COMPLETE, 101, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	/* And in a batch. */
	for (i = 0; i < 2; i++) {
		answers[i] = answer(KTM_IOC_READ_ONLY, nil);
		answers[i].flags = KTM_ANSWER_BY_KEY;
		answers[i].key = i ? 102 : 100;
	}
	e = exchange(2, 0, 0);
	EXCHANGE(rm, e, KTM_STATUS_SUCCESS, 2, 0);
	IS(0, KTM_STATUS_SUCCESS);
	IS(1, KTM_STATUS_SUCCESS);
	TX_IS(txs[0], KTM_TX_STATE_COMMITTED);
	TX_IS(txs[2], KTM_TX_STATE_COMMITTED);
}

TEST(several_of_one_key)
{
	static const unsigned int requests[] = {
		KTM_IOC_PREPARE_COMPLETE, KTM_IOC_COMMIT_COMPLETE, KTM_IOC_ROLLBACK_COMPLETE,
		KTM_IOC_READ_ONLY, KTM_IOC_EN_ROLLBACK, KTM_IOC_PREPREPARE_COMPLETE,
		KTM_IOC_SINGLE_PHASE_REJECT, KTM_IOC_REQUEST_OUTCOME, KTM_IOC_EN_PREPREPARE,
		KTM_IOC_EN_PREPARE, KTM_IOC_EN_COMMIT,
	};
	int tx = tx_create(tm), other = rm_create(tm, KTM_RM_VOLATILE);
	guid_t a = enlist_key(rm, tx, 7), b = enlist_key(rm, tx, 7), c = enlist_key(other, tx, 7);
	unsigned int i;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		BY_KEY(rm, requests[i], 7, KTM_STATUS_OBJECT_NAME_COLLISION);
	EN_IS(rm, a, KTM_EN_STATE_PREPARING);
	EN_IS(rm, b, KTM_EN_STATE_PREPARING);
	/* Another RM's keys are its own. */
	BY_KEY(other, KTM_IOC_PREPARE_COMPLETE, 7, KTM_STATUS_SUCCESS);
	EN_IS(other, c, KTM_EN_STATE_PREPARED);
	/* One that is over makes no trouble, though its transaction goes on. */
	ANSWER(rm, KTM_IOC_READ_ONLY, a, KTM_STATUS_SUCCESS);
	BY_KEY(rm, KTM_IOC_PREPARE_COMPLETE, 7, KTM_STATUS_SUCCESS);
	EN_IS(rm, b, KTM_EN_STATE_COMMITTING);
	BY_KEY(rm, KTM_IOC_COMMIT_COMPLETE, 7, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	BY_KEY(rm, KTM_IOC_COMMIT_COMPLETE, 7, KTM_STATUS_NOT_REQUESTED);
	BY_KEY(other, KTM_IOC_COMMIT_COMPLETE, 7, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

TEST(by_key_or_by_guid)
{
	struct ktm_answer a = ARG(ktm_answer, .flags = KTM_ANSWER_BY_KEY, .key = 7);
	int tx = tx_create(tm), en;

	en = enlist_mask_fd(rm, tx, EN_MASK, KTM_EN_ALL_ACCESS, false, &a.enlistment);
	CALL(rm, KTM_IOC_READ_ONLY, &a, KTM_STATUS_INVALID_PARAMETER);
	a.enlistment = nil;
	CALL(rm, KTM_IOC_EN_RECOVER, &a, KTM_STATUS_INVALID_PARAMETER);
	CALL(en, KTM_IOC_READ_ONLY, &a, KTM_STATUS_INVALID_PARAMETER);
	a.flags = 3;
	CALL(rm, KTM_IOC_READ_ONLY, &a, KTM_STATUS_INVALID_PARAMETER);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
}

/* The key that counts is the one that the RM gave last. */
TEST(key_of_a_recovered_one)
{
	struct disk d = disk_make(8 * MIB);
	guid_t rm_guid = guid_of(1), en;
	int durable_tm, durable, tx;

	journal_format(d.path, guid_of(900));
	durable_tm = tm_online(d.path);
	durable = rm_create_as(durable_tm, 0, &rm_guid);
	rm_recover_empty(durable);
	tx = tx_create(durable_tm);
	en = enlist_key(durable, tx, 5);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(durable, KTM_NOTIFY_PREPARE, en);
	BY_KEY(durable, KTM_IOC_PREPARE_COMPLETE, 5, KTM_STATUS_SUCCESS);
	TAKE(durable, KTM_NOTIFY_COMMIT, en);
	close(durable);
	close(tx);
	tm_close(durable_tm, d.path);
	durable_tm = tm_online(d.path);
	durable = rm_open(durable_tm, &rm_guid);
	BY_KEY(durable, KTM_IOC_COMMIT_COMPLETE, 5, KTM_STATUS_TM_NOT_ONLINE);
	rm_recover(durable);
	TAKE_AT(durable, KTM_NOTIFY_RECOVER, en, tm_info(durable_tm).virtual_clock, 5);
	TAKE(durable, KTM_NOTIFY_LAST_RECOVER, nil);
	BY_KEY(durable, KTM_IOC_COMMIT_COMPLETE, 5, KTM_STATUS_NOT_REQUESTED);
	en_recover(durable, en, 6);
	TAKE_AT(durable, KTM_NOTIFY_COMMIT, en, tm_info(durable_tm).virtual_clock, 6);
	BY_KEY(durable, KTM_IOC_COMMIT_COMPLETE, 5, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	BY_KEY(durable, KTM_IOC_COMMIT_COMPLETE, 6, KTM_STATUS_SUCCESS);
	CHECK_EQ(rm_info(durable).enlistments, 0);
	close(durable);
	tm_close(durable_tm, d.path);
}
