// SPDX-License-Identifier: GPL-2.0
/*
 * What drivers call, from many threads at the same time. Which of those that meet is the first is
 * left to chance; whatever that is, what comes of it has to fit together. The kernel half is
 * selftests/ktm_test.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "disk.h"
#include "opcalls.h"

#define ALL_KINDS	0xffffffff

void test_setup(void)
{
	driver_open();
}

/* Seconds after which one that has not ended is taken to be stuck: before the test is. */
static uint64_t patience_ns(void)
{
	const char *limit = getenv("KTM_TEST_SECONDS");

	return (limit ? atoi(limit) / 2ull : 120) * 1000000000;
}

/* ---- many threads, few transactions, few RMs ---- */

#define THREADS	32
#define ROUNDS	300

static void crowd(unsigned int rm_flags, unsigned int rounds, uint64_t seed)
{
	struct ktm_test_crowd r;
	struct ktm_test_op c;

	c = OP_TRY(CROWD, .on = 0, .count = THREADS, .key = rounds, .clock = seed,
		   .flags = rm_flags, .timeout_ns = patience_ns(), .data = (uintptr_t)&r);
	if (c.ret == -ETIMEDOUT)
		FAIL("seed %llu: they do not end", (unsigned long long)seed);
	CHECK_EQ(c.ret, 0);
	if (r.wrong[0])
		FAIL("seed %llu: %s", (unsigned long long)seed, r.wrong);
	printf("# %llu transactions: %llu committed, %llu rolled back; %llu enlistments told %llu times; %llu answers, %llu too late, %llu errors\n",
	       r.transactions, r.committed, r.rolled_back, r.enlistments, r.told, r.answers,
	       r.too_late, r.errors);
	CHECK_EQ(r.transactions, r.committed + r.rolled_back);
	CHECK(r.committed && r.rolled_back && r.answers && r.too_late && r.errors);
	CHECK(r.told > r.enlistments);
}

TEST(crowd_volatile)
{
	op_volatile();
	crowd(KTM_RM_VOLATILE, ROUNDS, 1);
	crowd(KTM_RM_VOLATILE, ROUNDS, 2);
	close(drv);
}

TEST(crowd_durable)
{
	struct disk d = disk_make(32 * MIB);
	int fd;

	journal_format(d.path, guid_of(940));
	fd = disk_open(d.path);
	OP(KTM_STATUS_SUCCESS, TM_CREATE, .slot = 0, .device = fd + 1,
	   .access = KTM_TM_ALL_ACCESS);
	close(fd);
	OP(KTM_STATUS_SUCCESS, TM_RECOVER, .on = 0);
	crowd(0, ROUNDS, 3);
	close(drv);
	tm_close(-1, d.path);
}


/* ---- two or more of them at one thing ---- */

enum { RM = 1, RM2, RM3, TX, EN, OWN };

/* Bits of statuses. */
#define S(name)	(1ull << KTM_STATUS_##name)

/* One of these statuses. No note is made of it: there are too many. */
#define MAY(set, fn_, ...)						\
	may(__LINE__, (struct ktm_test_op){ .fn = OP_##fn_, ##__VA_ARGS__ }, set)
static struct ktm_test_op may(int line, struct ktm_test_op c, uint64_t set)
{
	CHECK_EQ(ioctl(drv, KTM_TEST_OP, &c), 0);
	if (c.ret == -ENOBUFS)
		test_fail(__FILE__, line, "%s: the test is wrong", op_name(c.fn));
	if (c.status >= 64 || !(set & 1ull << c.status))
		test_fail(__FILE__, line, "%s: %s", op_name(c.fn), status_name(c.status));
	return c;
}

static void put(unsigned int slot)
{
	struct ktm_test_op c = { .fn = OP_PUT, .on = slot };

	CHECK_EQ(ioctl(drv, KTM_TEST_OP, &c), 0);
	CHECK_EQ(c.ret, 0);
}

static void script(unsigned int mask, unsigned int what, int returns)
{
	OP_TRY(SCRIPT, .mask = mask, .flags = what | KTM_TEST_DO_QUIETLY, .returns = returns);
}

/* RMs that do all they are told. */
static void begin(unsigned int rms)
{
	unsigned int i;

	op_volatile();
	script(ALL_KINDS, 0, KTM_CALLBACK_HANDLED);
	for (i = 0; i < rms; i++) {
		op_rm(RM + i);
		OP(KTM_STATUS_SUCCESS, RM_ENABLE_CALLBACKS, .on = RM + i);
	}
}

/* So many meet here, each time anew; 0 and 1 are the words of that. */
static void together(unsigned int number)
{
	const struct deadline d = deadline_in(PATIENCE);
	const uint64_t round = __atomic_load_n(&shared_word[1], __ATOMIC_SEQ_CST);

	if (__atomic_add_fetch(&shared_word[0], 1, __ATOMIC_SEQ_CST) == number) {
		__atomic_store_n(&shared_word[0], 0, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&shared_word[1], 1, __ATOMIC_SEQ_CST);
		return;
	}
	while (__atomic_load_n(&shared_word[1], __ATOMIC_SEQ_CST) == round) {
		if (deadline_passed(&d))
			FAIL("the others do not come");
		sched_yield();
	}
}

static void add(unsigned int word)
{
	__atomic_add_fetch(&shared_word[word], 1, __ATOMIC_SEQ_CST);
}

/* @number processes, each of which calls this with its number. */
static void all_of(unsigned int number, void (*one)(void *))
{
	pid_t pids[16];
	unsigned int i;

	for (i = 0; i < number; i++)
		pids[i] = test_spawn(one, (void *)(uintptr_t)i);
	for (i = 0; i < number; i++)
		test_join(pids[i]);
}

#define TIMES	150

/* ---- made, found and put ---- */

#define NAMES	2

/*
 * Whoever has made one has the only one of that name: word 8 and what follows count those. Half of
 * the processes make, half open.
 */
static void make_or_open(unsigned int me, struct ktm_test_op make, struct ktm_test_op find,
			 unsigned int none, unsigned int word)
{
	struct ktm_test_op c;

	if (me % 2) {
		c = may(__LINE__, find, S(SUCCESS) | 1ull << none);
		if (!c.status)
			put(c.slot);
		return;
	}
	c = may(__LINE__, make, S(SUCCESS) | S(OBJECT_NAME_COLLISION));
	if (c.status)
		return;
	if (__atomic_add_fetch(&shared_word[word], 1, __ATOMIC_SEQ_CST) != 1)
		FAIL("two have made the same");
	nap();
	__atomic_sub_fetch(&shared_word[word], 1, __ATOMIC_SEQ_CST);
	put(c.slot);
}

static void make_and_open(void *data)
{
	const unsigned int me = (uintptr_t)data, slot = 8 + me;
	unsigned int i, n;

	for (i = 0; i < TIMES / 2; i++) {
		n = i % NAMES;
		together(6);
		make_or_open(me, (struct ktm_test_op){
				.fn = OP_TRANSACTION_CREATE, .slot = slot, .guid = guid_of(10 + n),
				.access = KTM_TX_ALL_ACCESS },
			     (struct ktm_test_op){
				.fn = OP_TRANSACTION_OPEN, .slot = slot, .guid = guid_of(10 + n),
				.access = KTM_TX_ALL_ACCESS },
			     KTM_STATUS_TRANSACTION_NOT_FOUND, 8 + n);
		make_or_open(me, (struct ktm_test_op){
				.fn = OP_RM_CREATE, .slot = slot, .guid = guid_of(20 + n),
				.flags = KTM_RM_VOLATILE, .access = KTM_RM_ALL_ACCESS },
			     (struct ktm_test_op){
				.fn = OP_RM_OPEN, .slot = slot, .guid = guid_of(20 + n),
				.access = KTM_RM_ALL_ACCESS },
			     KTM_STATUS_RM_NOT_FOUND, 16 + n);
		make_or_open(me, (struct ktm_test_op){
				.fn = OP_TM_CREATE, .slot = slot, .guid = guid_of(30 + n),
				.flags = KTM_TM_VOLATILE, .access = KTM_TM_ALL_ACCESS },
			     (struct ktm_test_op){
				.fn = OP_TM_OPEN, .slot = slot, .guid = guid_of(30 + n),
				.access = KTM_TM_ALL_ACCESS },
			     KTM_STATUS_TM_NOT_FOUND, 24 + n);
	}
}

TEST(made_found_and_put)
{
	begin(0);
	all_of(6, make_and_open);
	close(drv);
}

/* Enlistments, which are found through their RM, as long as their transaction is not over. */
static void enlist_and_find(void *data)
{
	const unsigned int me = (uintptr_t)data, slot = 8 + me;
	struct ktm_test_op c;
	unsigned int i;
	guid_t en;

	for (i = 0; i < TIMES; i++) {
		together(4);
		if (!me) {
			MAY(S(SUCCESS), TRANSACTION_CREATE, .slot = TX, .access = KTM_TX_ALL_ACCESS);
			en = MAY(S(SUCCESS), RM_ENLIST, .on = RM, .with = TX, .mask = EN_MASK).guid;
			memcpy((void *)&shared_word[8], &en, sizeof(en));
		}
		together(4);
		memcpy(&en, (void *)&shared_word[8], sizeof(en));
		if (!me) {
			MAY(S(SUCCESS), TRANSACTION_COMMIT, .on = TX, .flags = KTM_CALL_WAIT);
			put(TX);
			continue;
		}
		c = MAY(S(SUCCESS) | S(ENLISTMENT_NOT_FOUND), ENLISTMENT_OPEN, .on = RM, .slot = slot,
			.guid = en, .access = KTM_EN_ALL_ACCESS);
		if (!c.status)
			put(slot);
	}
}

TEST(enlisted_and_found)
{
	begin(1);
	all_of(4, enlist_and_find);
	close(drv);
}

/* ---- ends of a transaction ---- */

/* It is committed, rolled back and runs out of time at once: all hear the same. */
static void end_it(void *data)
{
	const unsigned int me = (uintptr_t)data;
	unsigned int i, status, outcome;

	for (i = 0; i < TIMES; i++) {
		together(4);
		if (!me) {
			MAY(S(SUCCESS), TRANSACTION_CREATE, .slot = TX, .access = KTM_TX_ALL_ACCESS,
			    .timeout_ns = i % 3 ? 0 : 1 + i * 10000);
			MAY(S(SUCCESS) | S(TRANSACTION_NOT_ACTIVE), RM_ENLIST, .on = RM, .with = TX,
			    .mask = EN_MASK | (i % 2 ? KTM_NOTIFY_SINGLE_PHASE_COMMIT : 0));
		}
		together(4);
		switch (me) {
		case 0:
			status = MAY(S(SUCCESS) | S(ROLLED_BACK) | S(ALREADY_ABORTED),
				     TRANSACTION_COMMIT, .on = TX, .flags = KTM_CALL_WAIT).status;
			outcome = status ? KTM_OUTCOME_ABORTED : KTM_OUTCOME_COMMITTED;
			break;
		case 1:
			if (i % 3 == 0)
				goto wait;
			status = MAY(S(SUCCESS) | S(ALREADY_COMMITTED) | S(REQUEST_NOT_VALID),
				     TRANSACTION_ROLLBACK, .on = TX, .flags = KTM_CALL_WAIT).status;
			if (status == KTM_STATUS_REQUEST_NOT_VALID)
				goto wait;
			outcome = status ? KTM_OUTCOME_COMMITTED : KTM_OUTCOME_ABORTED;
			break;
		default:
wait:
			outcome = MAY(S(SUCCESS), TRANSACTION_WAIT, .on = TX,
				      .timeout_ns = FOREVER).kind;
		}
		shared_word[8 + me] = outcome;
		together(4);
		CHECK_EQ(outcome, shared_word[8]);
		CHECK_EQ(outcome, op_tx_state(TX) == KTM_TX_STATE_COMMITTED ?
				  KTM_OUTCOME_COMMITTED : KTM_OUTCOME_ABORTED);
		together(4);
		if (!me)
			put(TX);
	}
}

TEST(commit_rollback_and_time_out)
{
	begin(1);
	all_of(4, end_it);
	close(drv);
}

/* Who could enlist takes part, up to the end. */
static void enlist_it(void *data)
{
	const unsigned int me = (uintptr_t)data, slot = 8 + me;
	struct ktm_en_info info;
	unsigned int i, status;

	for (i = 0; i < TIMES; i++) {
		together(4);
		if (!me)
			MAY(S(SUCCESS), TRANSACTION_CREATE, .slot = TX, .access = KTM_TX_ALL_ACCESS);
		together(4);
		if (!me)
			MAY(S(SUCCESS), TRANSACTION_COMMIT, .on = TX, .flags = KTM_CALL_WAIT);
		else
			status = MAY(S(SUCCESS) | S(TRANSACTION_NOT_ACTIVE), ENLISTMENT_CREATE,
				     .on = RM - 1 + me, .with = TX, .slot = slot,
				     .mask = EN_MASK | (i % 2 ? KTM_NOTIFY_PREPREPARE : 0),
				     .access = KTM_EN_ALL_ACCESS).status;
		together(4);
		if (!me) {
			put(TX);
		} else if (!status) {
			MAY(S(SUCCESS), ENLISTMENT_QUERY, .on = slot, .kind = KTM_INFO_EN_BASIC,
			    .length = sizeof(info), .data = (uintptr_t)&info);
			CHECK_EQ(info.state, KTM_EN_STATE_COMMITTED);
			put(slot);
		}
	}
}

TEST(enlisting_against_commit)
{
	begin(3);
	all_of(4, enlist_it);
	close(drv);
}

/* ---- answers ---- */

/* All of them answer, one answer is taken: word 8 counts. */
static void answer_it(void *data)
{
	static const unsigned int steps[] = {
		OP_ENLISTMENT_PREPREPARE_COMPLETE, OP_ENLISTMENT_PREPARE_COMPLETE,
		OP_ENLISTMENT_COMMIT_COMPLETE,
	};
	const unsigned int me = (uintptr_t)data;
	unsigned int i, n;

	for (i = 0; i < TIMES; i++) {
		together(4);
		if (!me) {
			MAY(S(SUCCESS), TRANSACTION_CREATE, .slot = TX, .access = KTM_TX_ALL_ACCESS);
			MAY(S(SUCCESS), ENLISTMENT_CREATE, .on = RM, .with = TX, .slot = EN,
			    .mask = EN_MASK | KTM_NOTIFY_PREPREPARE, .access = KTM_EN_ALL_ACCESS);
			MAY(S(PENDING), TRANSACTION_COMMIT, .on = TX);
		}
		for (n = 0; n < 3; n++) {
			shared_word[8] = 0;
			together(4);
			if (!may(__LINE__, (struct ktm_test_op){ .fn = steps[n], .on = EN },
				 S(SUCCESS) | S(NOT_REQUESTED)).status)
				add(8);
			together(4);
			CHECK_EQ(shared_word[8], 1);
			together(4);
		}
		if (!me) {
			MAY(S(SUCCESS), TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
			CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_COMMITTED);
			put(EN);
			put(TX);
		}
	}
}

TEST(answers_of_several)
{
	begin(1);
	script(ALL_KINDS, 0, KTM_CALLBACK_PENDING);
	all_of(4, answer_it);
	close(drv);
}

/* ---- keys ---- */

/* Each holds the key for a while, and the transaction ends meanwhile; word 8 counts last ones. */
static void hold_key(void *data)
{
	const unsigned int me = (uintptr_t)data;
	unsigned int i, n;

	for (i = 0; i < TIMES; i++) {
		together(4);
		if (!me) {
			MAY(S(SUCCESS), TRANSACTION_CREATE, .slot = TX, .access = KTM_TX_ALL_ACCESS);
			MAY(S(SUCCESS), ENLISTMENT_CREATE, .on = RM, .with = TX, .slot = EN, .key = 5 + i,
			    .mask = EN_MASK, .access = KTM_EN_ALL_ACCESS);
			shared_word[8] = 0;
		}
		together(4);
		if (!me)
			MAY(S(SUCCESS), TRANSACTION_COMMIT, .on = TX, .flags = KTM_CALL_WAIT);
		for (n = 0; n < 8; n++)
			CHECK_EQ(MAY(S(SUCCESS), ENLISTMENT_REFERENCE_KEY, .on = EN).key, 5 + i);
		together(4);
		for (n = 0; n < 8; n++)
			if (MAY(S(SUCCESS), ENLISTMENT_DEREFERENCE_KEY, .on = EN).count)
				add(8);
		together(4);
		CHECK_EQ(shared_word[8], 1);
		MAY(S(REQUEST_NOT_VALID), ENLISTMENT_DEREFERENCE_KEY, .on = EN);
		together(4);
		if (!me) {
			put(EN);
			put(TX);
		}
	}
}

TEST(keys_against_completion)
{
	begin(1);
	all_of(4, hold_key);
	close(drv);
}

/* ---- commits that call back ---- */

static void commit_and_put(void *data)
{
	const unsigned int slot = 8 + (uintptr_t)data;
	unsigned int i;

	for (i = 0; i < TIMES; i++) {
		MAY(S(SUCCESS), TRANSACTION_CREATE, .slot = slot, .access = KTM_TX_ALL_ACCESS);
		if (i % 4)
			MAY(S(SUCCESS), RM_ENLIST, .on = RM, .with = slot, .mask = EN_MASK);
		MAY(S(SUCCESS) | S(PENDING), TRANSACTION_COMMIT_ASYNC, .on = slot);
		put(slot);
	}
}

/* Each calls back once, though nobody has the transaction any more. */
TEST(async_against_put)
{
	unsigned int i, counts[32] = { };
	struct ktm_test_told t;
	pid_t pids[4];

	begin(1);
	for (i = 0; i < 4; i++)
		pids[i] = test_spawn(commit_and_put, (void *)(uintptr_t)i);
	for (i = 0; i < 4 * TIMES; i++) {
		t = told();
		CHECK_EQ(t.status, KTM_STATUS_SUCCESS);
		counts[t.rm]++;
	}
	for (i = 0; i < 4; i++) {
		test_join(pids[i]);
		CHECK_EQ(counts[8 + i], TIMES);
	}
	/* Nothing more than that. */
	op_tx(TX);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_COMMIT_ASYNC, .on = TX);
	CHECK_EQ(told().rm, TX);
	close(drv);
}

/* ---- descriptors ---- */

#define FDS	6

static int first_fd;
static bool enough;

static unsigned int a_fd(unsigned int *seed)
{
	return first_fd + rand_r(seed) % FDS;
}

static void *close_some(void *data)
{
	unsigned int seed = 1;

	(void)data;
	while (!__atomic_load_n(&enough, __ATOMIC_SEQ_CST)) {
		close(a_fd(&seed));
		sched_yield();
	}
	return NULL;
}

/* What is got from a descriptor is what it was of when it was got. */
static void *get_some(void *data)
{
	const unsigned int slot = (uintptr_t)data;
	unsigned int i, seed = slot;
	struct ktm_test_op c;

	for (i = 0; i < TIMES * 4; i++) {
		c = MAY(S(SUCCESS) | S(INVALID_HANDLE) | S(OBJECT_TYPE_MISMATCH),
			TRANSACTION_GET_FROM_FD, .slot = slot, .fd = a_fd(&seed),
			.access = KTM_TX_QUERY_INFORMATION);
		if (c.status)
			continue;
		CHECK_EQ(MAY(S(TIMEOUT), TRANSACTION_WAIT, .on = slot).ret, -ETIMEDOUT);
		put(slot);
	}
	return NULL;
}

/* What is not for the others to close is closed at once. */
static void make_one(unsigned int fn, unsigned int on, unsigned int access)
{
	struct ktm_test_op c = { .fn = fn, .on = on, .access = access };
	int fd = may(__LINE__, c, S(SUCCESS)).ret;

	if (fd >= first_fd + FDS)
		close(fd);
}

static void *make_some(void *data)
{
	unsigned int i;

	(void)data;
	for (i = 0; i < TIMES * 4; i++) {
		make_one(OP_TRANSACTION_TO_FD, TX, KTM_TX_ALL_ACCESS);
		make_one(OP_ENLISTMENT_TO_FD, EN, KTM_EN_ALL_ACCESS);
		make_one(OP_RM_TO_FD, RM, KTM_RM_ENLIST);
		sched_yield();
	}
	return NULL;
}

TEST(descriptors_against_close)
{
	pthread_t threads[4];
	int fd;

	begin(1);
	op_tx(TX);
	op_enlist(RM, TX, EN, EN_MASK);
	first_fd = dup(drv);
	close(first_fd);
	CHECK_EQ(pthread_create(&threads[0], NULL, close_some, NULL), 0);
	CHECK_EQ(pthread_create(&threads[1], NULL, make_some, NULL), 0);
	CHECK_EQ(pthread_create(&threads[2], NULL, get_some, (void *)8), 0);
	CHECK_EQ(pthread_create(&threads[3], NULL, get_some, (void *)9), 0);
	CHECK_EQ(pthread_join(threads[1], NULL), 0);
	CHECK_EQ(pthread_join(threads[2], NULL), 0);
	CHECK_EQ(pthread_join(threads[3], NULL), 0);
	__atomic_store_n(&enough, true, __ATOMIC_SEQ_CST);
	CHECK_EQ(pthread_join(threads[0], NULL), 0);
	for (fd = first_fd; fd < first_fd + FDS; fd++)
		close(fd);
	/* All of that was of this one, and nothing of it is left. */
	OP(KTM_STATUS_SUCCESS, TRANSACTION_COMMIT, .on = TX, .flags = KTM_CALL_WAIT);
	put(TX);
	CHECK_EQ(count_objects(dev(), KTM_KIND_TX), 0);
	close(drv);
}

/* ---- callbacks that come and go ---- */

static void commit_many(void *data)
{
	const unsigned int slot = 8 + (uintptr_t)data;
	unsigned int i;

	for (i = 0; i < TIMES; i++) {
		MAY(S(SUCCESS), TRANSACTION_CREATE, .slot = slot, .access = KTM_TX_ALL_ACCESS);
		MAY(S(SUCCESS), RM_ENLIST, .on = RM, .with = slot, .mask = EN_MASK);
		MAY(S(SUCCESS), TRANSACTION_COMMIT, .on = slot, .flags = KTM_CALL_WAIT);
		put(slot);
	}
}

/* Does what it reads, which is told nobody else. */
static void read_all(void *data)
{
	const int rm = *(int *)data;
	struct ktm_notification n;

	CHECK_EQ(fcntl(rm, F_SETFL, O_NONBLOCK), 0);
	while (!is_open(1)) {
		if (read(rm, &n, sizeof(n)) < 0) {
			CHECK_EQ(errno, EAGAIN);
			sched_yield();
			continue;
		}
		if (n.kind == KTM_NOTIFY_PREPARE)
			ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, n.enlistment, KTM_STATUS_SUCCESS);
		else if (n.kind == KTM_NOTIFY_COMMIT)
			ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, n.enlistment, KTM_STATUS_SUCCESS);
		else
			FAIL("notification 0x%x", n.kind);
	}
}

static void on_and_off(void *data)
{
	const guid_t *guid = data;
	unsigned int i;

	for (i = 0; !is_open(1); i++) {
		MAY(S(SUCCESS), RM_OPEN, .on = 0, .slot = RM2, .guid = *guid,
		    .access = KTM_RM_ALL_ACCESS);
		MAY(S(SUCCESS), RM_ENABLE_CALLBACKS, .on = RM2);
		sched_yield();
		if (i % 2)
			MAY(S(SUCCESS), RM_DISABLE_CALLBACKS, .on = RM2);
		put(RM2);
		sched_yield();
	}
}

/* By one use, as another one does, too. Word 8 counts what has been enabled, 9 what disabled. */
static void on_and_off_with_another(void *data)
{
	const uint64_t set = S(SUCCESS) | S(REQUEST_NOT_VALID);

	(void)data;
	while (!is_open(1)) {
		if (!MAY(set, RM_ENABLE_CALLBACKS, .on = RM).ret)
			add(8);
		sched_yield();
		if (!MAY(set, RM_DISABLE_CALLBACKS, .on = RM).ret)
			add(9);
	}
}

/* Each notification is told once, by callback or to who reads, and none is lost. */
static void on_and_off_under_commits(unsigned int togglers, void (*toggle)(void *data))
{
	pid_t clients[2], reader, pids[2];
	guid_t guid;
	unsigned int i;
	int rm;

	begin(0);
	guid = OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM, .flags = KTM_RM_VOLATILE,
		  .access = KTM_RM_ALL_ACCESS).guid;
	rm = op_to_fd(OP_RM_TO_FD, RM, KTM_RM_ALL_ACCESS);
	reader = test_spawn(read_all, &rm);
	for (i = 0; i < togglers; i++)
		pids[i] = test_spawn(toggle, &guid);
	for (i = 0; i < 2; i++)
		clients[i] = test_spawn(commit_many, (void *)(uintptr_t)i);
	for (i = 0; i < 2; i++)
		test_join(clients[i]);
	go(1);
	for (i = 0; i < togglers; i++)
		test_join(pids[i]);
	test_join(reader);
	close(rm);
	close(drv);
}

TEST(enabled_and_disabled)
{
	on_and_off_under_commits(1, on_and_off);
}

TEST(enabled_and_disabled_by_two)
{
	on_and_off_under_commits(2, on_and_off_with_another);
	CHECK(shared_word[8]);
	CHECK_EQ(shared_word[8], shared_word[9]);
}

/* ---- a module that goes ---- */

struct away {
	int tm, rm;
};

/* Without the driver: it shall be able to go. Word 8 counts what has ended. */
static void commit_without_driver(void *data)
{
	const struct away *a = data;
	int tx;

	close(drv);
	while (!is_open(2)) {
		tx = tx_create(a->tm);
		enlist(a->rm, tx);
		COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
		close(tx);
		add(8);
	}
	go(3);
}

static void read_without_driver(void *data)
{
	const struct away *a = data;
	struct ktm_notification n;

	close(drv);
	CHECK_EQ(fcntl(a->rm, F_SETFL, O_NONBLOCK), 0);
	while (!is_open(3)) {
		if (read(a->rm, &n, sizeof(n)) < 0)
			sched_yield();
		else
			ANSWER(a->rm, n.kind == KTM_NOTIFY_PREPARE ? KTM_IOC_PREPARE_COMPLETE :
			       KTM_IOC_COMMIT_COMPLETE, n.enlistment, KTM_STATUS_SUCCESS);
	}
}

static void until_more(uint64_t than)
{
	const struct deadline d = deadline_in(PATIENCE);

	while (shared_word[8] <= than) {
		CHECK(!deadline_passed(&d));
		nap();
	}
}

/*
 * The module goes while its callbacks come one after the other, and has not put its RM: none comes
 * into memory that has gone, none is lost, and who reads the RM goes on with it.
 */
static void goes_under_callbacks(void)
{
	const struct deadline d = deadline_in(PATIENCE);
	pid_t client, reader;
	struct away a;

	op_volatile();
	op_rm(RM);
	a.tm = op_to_fd(OP_TM_TO_FD, 0, KTM_TM_ALL_ACCESS);
	a.rm = op_to_fd(OP_RM_TO_FD, RM, KTM_RM_ALL_ACCESS);
	OP(KTM_STATUS_SUCCESS, RM_ENABLE_CALLBACKS, .on = RM, .how = KTM_TEST_OP_PLAIN);
	OP_TRY(FORGET, .on = RM);
	shared_word[8] = 0;
	client = test_spawn(commit_without_driver, &a);
	until_more(2);
	close(drv);
	while (syscall(SYS_delete_module, "ktm_test", O_NONBLOCK)) {
		CHECK_EQ(errno, EAGAIN);
		CHECK(!deadline_passed(&d));
	}
	reader = test_spawn(read_without_driver, &a);
	until_more(shared_word[8] + 2);
	go(2);
	test_join(client);
	test_join(reader);
	close(a.rm);
	close(a.tm);
}

TEST(module_goes_under_callbacks)
{
	goes_under_callbacks();
}

TEST(module_goes_under_callbacks_again)
{
	goes_under_callbacks();
}

/* The last one. */
TEST(unloads)
{
	driver_unload();
}
