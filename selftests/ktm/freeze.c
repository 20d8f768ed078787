// SPDX-License-Identifier: GPL-2.0
/*
 * Freezing all commits of the machine: what waits, what does not, and that it ends,
 * by a thaw, by itself, and when whoever asked for it is interrupted or dies.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "calls.h"
#include "disk.h"

#define LONG	KTM_MAX_FREEZE_NS
#define SHORT	200000000ull

#define SUPERIOR_MASK	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE)

static int tm, rm, tx;
static guid_t en;

static unsigned int try_thaw(void)
{
	struct ktm_call c = ARG(ktm_call);

	return test_try(dev(), KTM_IOC_THAW, &c);
}

/* A test that failed may have left all frozen. */
void test_setup(void)
{
	try_thaw();
	tm = tm_volatile();
	rm = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
	en = enlist(rm, tx);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void interruptible(void)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
}

static void finish_commit(int r, guid_t e)
{
	en_prepare(r, e);
	en_commit(r, e);
}

/* ---- what waits ---- */

TEST(commits_wait_for_the_thaw)
{
	uint64_t clock;
	pid_t client;

	FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
	FREEZE(LONG, LONG, KTM_STATUS_FREEZE_IN_PROGRESS);
	clock = tm_info(tm).virtual_clock;
	client = commit_in_child(tx, KTM_STATUS_SUCCESS);
	until_asleep(client);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	TAKE_NONE(rm);
	CHECK_EQ(tm_info(tm).virtual_clock, clock);
	THAW(KTM_STATUS_SUCCESS);
	finish_commit(rm, en);
	test_join(client);
	THAW(KTM_STATUS_NOT_FROZEN);
}

/* Two TMs of the machine, one of them durable: not a byte of its log changes. */
TEST(no_log_changes)
{
	struct disk d = disk_make(8 * MIB);
	int durable_tm, durable, txs[3];
	unsigned char *before;
	pid_t clients[3];
	unsigned int i;
	guid_t ens[3];

	journal_format(d.path, guid_of(900));
	durable_tm = tm_online(d.path);
	durable = rm_create(durable_tm, 0);
	rm_recover_empty(durable);
	for (i = 0; i < 3; i++) {
		txs[i] = tx_create(durable_tm);
		ens[i] = enlist(durable, txs[i]);
	}
	FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
	before = disk_read(&d);
	for (i = 0; i < 3; i++)
		clients[i] = commit_in_child(txs[i], KTM_STATUS_SUCCESS);
	for (i = 0; i < 3; i++)
		until_asleep(clients[i]);
	CHECK(disk_is(&d, before));
	THAW(KTM_STATUS_SUCCESS);
	/* In whatever order the clients wake. */
	for (i = 0; i < 6; i++) {
		struct ktm_notification n = take(durable);

		ANSWER(durable, n.kind == KTM_NOTIFY_PREPARE ? KTM_IOC_PREPARE_COMPLETE :
		       KTM_IOC_COMMIT_COMPLETE, n.enlistment, KTM_STATUS_SUCCESS);
	}
	for (i = 0; i < 3; i++) {
		test_join(clients[i]);
		EN_GONE(durable, ens[i]);
	}
	CHECK(!disk_is(&d, before));
	free(before);
}

/* What begins no commit goes on: the rest of the work of everybody. */
TEST(all_else_goes_on)
{
	int other_tm, other, other_tx;
	guid_t e;

	FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
	other_tm = tm_volatile();
	other = rm_create(other_tm, KTM_RM_VOLATILE);
	other_tx = tx_create(other_tm);
	e = enlist(other, other_tx);
	ROLLBACK(other_tx, 0, KTM_STATUS_PENDING);
	TAKE(other, KTM_NOTIFY_ROLLBACK, e);
	ANSWER(other, KTM_IOC_ROLLBACK_COMPLETE, e, KTM_STATUS_SUCCESS);
	WAIT(other_tx, KTM_STATUS_SUCCESS);
	ANSWER(rm, KTM_IOC_READ_ONLY, en, KTM_STATUS_SUCCESS);
	/* Nor does a call wait that would be refused: nothing begins. */
	ANSWER(other, KTM_IOC_EN_COMMIT, e, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	e = enlist(rm, tx);
	ANSWER(rm, KTM_IOC_EN_COMMIT, e, KTM_STATUS_NOT_SUPERIOR);
	close(tx);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, e);
	THAW(KTM_STATUS_SUCCESS);
}

struct step {
	int rm;
	guid_t en;
	unsigned int request;
	unsigned int want;
};

static void take_step(void *data)
{
	const struct step *s = data;

	interruptible();
	ANSWER(s->rm, s->request, s->en, s->want);
}

/* A superior's steps: each waits, and a signal ends that wait before anything begins. */
static void step_waits(int sup_rm, guid_t sup, unsigned int request)
{
	struct step s = { sup_rm, sup, request, KTM_STATUS_INTERRUPTED };
	unsigned int state = tx_info(tx).state;
	pid_t pid;

	FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
	pid = test_spawn(take_step, &s);
	until_asleep(pid);
	kill(pid, SIGUSR1);
	test_join(pid);
	TX_IS(tx, state);
	s.want = KTM_STATUS_PENDING;
	pid = test_spawn(take_step, &s);
	until_asleep(pid);
	TX_IS(tx, state);
	TAKE_NONE(rm);
	THAW(KTM_STATUS_SUCCESS);
	test_join(pid);
}

TEST(superiors_wait)
{
	int sup_rm = rm_create(tm, KTM_RM_VOLATILE);
	guid_t sup;

	close(tx);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, en);
	tx = tx_create(tm);
	en = enlist_mask(rm, tx, EN_MASK | KTM_NOTIFY_PREPREPARE, 0);
	sup = enlist_superior(sup_rm, tx, SUPERIOR_MASK, 0);
	step_waits(sup_rm, sup, KTM_IOC_EN_PREPREPARE);
	TAKE(rm, KTM_NOTIFY_PREPREPARE, en);
	/* Phase 0 has begun: a freeze waits for it. */
	FREEZE(SHORT, LONG, KTM_STATUS_TIMEOUT);
	ANSWER(rm, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(sup_rm, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	/* Between the phases it is the superior's turn: a freeze does not wait for it. */
	step_waits(sup_rm, sup, KTM_IOC_EN_PREPARE);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	FREEZE(SHORT, LONG, KTM_STATUS_TIMEOUT);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(sup_rm, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	step_waits(sup_rm, sup, KTM_IOC_EN_COMMIT);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	FREEZE(SHORT, LONG, KTM_STATUS_TIMEOUT);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(sup_rm, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* ---- what a freeze waits for ---- */

static void freeze_for_long(void *unused)
{
	(void)unused;
	FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
}

/* Until the last who is there has completed; nobody begins meanwhile. */
TEST(waits_for_commits_under_way)
{
	int late = tx_create(tm);
	guid_t late_en = enlist(rm, late);
	pid_t freezer, client;

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	FREEZE(0, LONG, KTM_STATUS_TIMEOUT);
	FREEZE(SHORT, LONG, KTM_STATUS_TIMEOUT);
	THAW(KTM_STATUS_NOT_FROZEN);
	freezer = test_spawn(freeze_for_long, NULL);
	until_asleep(freezer);
	FREEZE(LONG, LONG, KTM_STATUS_FREEZE_IN_PROGRESS);
	/* It is not frozen yet, so there is nothing to thaw. */
	THAW(KTM_STATUS_NOT_FROZEN);
	client = commit_in_child(late, KTM_STATUS_SUCCESS);
	until_asleep(client);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	until_asleep(freezer);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	test_join(freezer);
	WAIT(tx, KTM_STATUS_SUCCESS);
	TX_IS(late, KTM_TX_STATE_ACTIVE);
	THAW(KTM_STATUS_SUCCESS);
	finish_commit(rm, late_en);
	test_join(client);
}

/* However one ends, it is not waited for any more. */
TEST(ends_that_a_freeze_waits_for)
{
	int i;

	for (i = 0; i < 5; i++) {
		int r = rm_create(tm, KTM_RM_VOLATILE), t = tx_create(tm), single = i == 4;
		guid_t e = enlist_mask(r, t, EN_MASK | (single ? KTM_NOTIFY_SINGLE_PHASE_COMMIT :
							0), 0);

		COMMIT(t, 0, KTM_STATUS_PENDING);
		FREEZE(0, LONG, KTM_STATUS_TIMEOUT);
		switch (i) {
		case 0:
			ANSWER(r, KTM_IOC_READ_ONLY, e, KTM_STATUS_SUCCESS);
			break;
		case 1:
			ANSWER(r, KTM_IOC_EN_ROLLBACK, e, KTM_STATUS_SUCCESS);
			break;
		case 2:
			close(r);
			break;
		case 3:
			ANSWER(r, KTM_IOC_PREPARE_COMPLETE, e, KTM_STATUS_SUCCESS);
			FREEZE(0, LONG, KTM_STATUS_TIMEOUT);
			close(r);
			break;
		case 4:
			TAKE(r, KTM_NOTIFY_SINGLE_PHASE_COMMIT, e);
			ANSWER(r, KTM_IOC_COMMIT_COMPLETE, e, KTM_STATUS_SUCCESS);
			break;
		}
		FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
		THAW(KTM_STATUS_SUCCESS);
		close(t);
	}
}

static pid_t wanderer;

/* Whoever sleeps wakes on another CPU than the one that he went to sleep on, often. */
static void drive_about(void *unused)
{
	const struct timespec moment = { 0, 100000 };
	unsigned int cpu;

	(void)unused;
	for (cpu = 0; !shared_word[0]; cpu = !cpu) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		CHECK_EQ(sched_setaffinity(wanderer, sizeof(set), &set), 0);
		nanosleep(&moment, NULL);
	}
}

/* When nothing is under way there is nothing to wait for, so no time is needed. */
TEST(freezes_at_once_when_idle)
{
	pid_t driver;
	int i;

	wanderer = gettid();
	driver = test_spawn(drive_about, NULL);
	for (i = 0; i < 200; i++) {
		FREEZE(i % 2, LONG, KTM_STATUS_SUCCESS);
		THAW(KTM_STATUS_SUCCESS);
	}
	shared_word[0] = 1;
	test_join(driver);
}

/*
 * An RM that is away holds up no freeze. But its part, too, must not be completed in
 * the middle of one: its device might have been copied before, the log after.
 */
TEST(who_comes_back_completes_later)
{
	struct disk d = disk_make(8 * MIB);
	guid_t rm_guid = guid_of(1), e;
	int durable_tm, durable, t;
	unsigned char *before;
	struct step s;
	pid_t pid;

	journal_format(d.path, guid_of(900));
	durable_tm = tm_online(d.path);
	durable = rm_create_as(durable_tm, 0, &rm_guid);
	rm_recover_empty(durable);
	t = tx_create(durable_tm);
	e = enlist_key(durable, t, 5);
	COMMIT(t, 0, KTM_STATUS_PENDING);
	TAKE(durable, KTM_NOTIFY_PREPARE, e);
	ANSWER(durable, KTM_IOC_PREPARE_COMPLETE, e, KTM_STATUS_SUCCESS);
	TAKE(durable, KTM_NOTIFY_COMMIT, e);
	FREEZE(SHORT, LONG, KTM_STATUS_TIMEOUT);
	close(durable);
	FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
	durable = rm_open(durable_tm, &rm_guid);
	rm_recover(durable);
	TAKE(durable, KTM_NOTIFY_RECOVER, e);
	TAKE(durable, KTM_NOTIFY_LAST_RECOVER, nil);
	before = disk_read(&d);
	s = (struct step){ durable, e, KTM_IOC_EN_RECOVER, KTM_STATUS_INTERRUPTED };
	pid = test_spawn(take_step, &s);
	until_asleep(pid);
	kill(pid, SIGUSR1);
	test_join(pid);
	s.want = KTM_STATUS_PENDING;
	pid = test_spawn(take_step, &s);
	until_asleep(pid);
	ANSWER(durable, KTM_IOC_COMMIT_COMPLETE, e, KTM_STATUS_NOT_REQUESTED);
	TAKE_NONE(durable);
	CHECK(disk_is(&d, before));
	THAW(KTM_STATUS_SUCCESS);
	test_join(pid);
	TAKE(durable, KTM_NOTIFY_COMMIT, e);
	/* Now it is under way again. */
	FREEZE(SHORT, LONG, KTM_STATUS_TIMEOUT);
	ANSWER(durable, KTM_IOC_COMMIT_COMPLETE, e, KTM_STATUS_SUCCESS);
	FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
	THAW(KTM_STATUS_SUCCESS);
	free(before);
	close(durable);
	close(t);
	tm_close(durable_tm, d.path);
}

/* The same of one that has still to say how it ends, which may go to the log. */
TEST(who_comes_back_decides_later)
{
	struct disk d = disk_make(8 * MIB);
	guid_t rm_guid = guid_of(1), e;
	int durable_tm, durable, t;
	unsigned char *before;
	struct step s;
	pid_t pid;

	journal_format(d.path, guid_of(900));
	durable_tm = tm_online(d.path);
	durable = rm_create_as(durable_tm, 0, &rm_guid);
	rm_recover_empty(durable);
	t = tx_create(durable_tm);
	e = enlist_mask(durable, t, EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT, 5);
	COMMIT(t, 0, KTM_STATUS_PENDING);
	TAKE(durable, KTM_NOTIFY_SINGLE_PHASE_COMMIT, e);
	FREEZE(SHORT, LONG, KTM_STATUS_TIMEOUT);
	close(durable);
	TX_IS(t, KTM_TX_STATE_SINGLE_PHASE_INDOUBT);
	FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
	durable = rm_open(durable_tm, &rm_guid);
	rm_recover(durable);
	TAKE(durable, KTM_NOTIFY_RECOVER, e);
	TAKE(durable, KTM_NOTIFY_LAST_RECOVER, nil);
	before = disk_read(&d);
	s = (struct step){ durable, e, KTM_IOC_EN_RECOVER, KTM_STATUS_PENDING };
	pid = test_spawn(take_step, &s);
	until_asleep(pid);
	TAKE_NONE(durable);
	ANSWER(durable, KTM_IOC_SINGLE_PHASE_REJECT, e, KTM_STATUS_NOT_REQUESTED);
	CHECK(disk_is(&d, before));
	THAW(KTM_STATUS_SUCCESS);
	test_join(pid);
	TAKE(durable, KTM_NOTIFY_SINGLE_PHASE_COMMIT, e);
	FREEZE(SHORT, LONG, KTM_STATUS_TIMEOUT);
	ANSWER(durable, KTM_IOC_SINGLE_PHASE_REJECT, e, KTM_STATUS_SUCCESS);
	finish_commit(durable, e);
	TX_BECOMES(t, KTM_TX_STATE_COMMITTED);
	free(before);
	close(durable);
	close(t);
	tm_close(durable_tm, d.path);
}

/* ---- that it ends ---- */

TEST(thaws_by_itself)
{
	pid_t client;

	FREEZE(LONG, SHORT, KTM_STATUS_SUCCESS);
	client = commit_in_child(tx, KTM_STATUS_SUCCESS);
	finish_commit(rm, en);
	test_join(client);
	THAW(KTM_STATUS_NOT_FROZEN);
}

/* The timer of a freeze that was thawed does not end the next one. */
TEST(an_old_timer_does_not_count)
{
	int old = tx_create(tm);
	pid_t client;

	FREEZE(LONG, SOON, KTM_STATUS_SUCCESS);
	THAW(KTM_STATUS_SUCCESS);
	FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
	until_overdue(old);
	client = commit_in_child(tx, KTM_STATUS_SUCCESS);
	until_asleep(client);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	THAW(KTM_STATUS_SUCCESS);
	finish_commit(rm, en);
	test_join(client);
}

static void freeze_and_die(void *unused)
{
	(void)unused;
	FREEZE(LONG, 3 * SHORT, KTM_STATUS_SUCCESS);
	go(0);
	pause();
}

/* Who froze all is gone: it ends when it was to end. */
TEST(freezer_dies)
{
	pid_t freezer = test_spawn(freeze_and_die, NULL), client;

	meet(0);
	test_kill(freezer);
	client = commit_in_child(tx, KTM_STATUS_SUCCESS);
	finish_commit(rm, en);
	test_join(client);
}

static void freeze_interrupted(void *unused)
{
	(void)unused;
	interruptible();
	FREEZE(LONG, LONG, KTM_STATUS_INTERRUPTED);
}

/* Who waits to freeze is interrupted, or dies: those that he held up go on at once. */
TEST(freezer_gives_up)
{
	int i;

	for (i = 0; i < 2; i++) {
		int t = tx_create(tm), late = tx_create(tm);
		guid_t e = enlist(rm, t), late_en = enlist(rm, late);
		pid_t freezer, client;

		COMMIT(t, 0, KTM_STATUS_PENDING);
		freezer = test_spawn(i ? freeze_for_long : freeze_interrupted, NULL);
		until_asleep(freezer);
		client = commit_in_child(late, KTM_STATUS_SUCCESS);
		until_asleep(client);
		TX_IS(late, KTM_TX_STATE_ACTIVE);
		if (i) {
			test_kill(freezer);
		} else {
			kill(freezer, SIGUSR1);
			test_join(freezer);
		}
		TAKE(rm, KTM_NOTIFY_PREPARE, e);
		finish_commit(rm, late_en);
		test_join(client);
		ANSWER(rm, KTM_IOC_READ_ONLY, e, KTM_STATUS_SUCCESS);
		THAW(KTM_STATUS_NOT_FROZEN);
	}
}

/* ---- who waits at the gate and gives up ---- */

static void commit_interrupted(void *unused)
{
	(void)unused;
	interruptible();
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_INTERRUPTED);
}

TEST(client_interrupted)
{
	uint64_t clock = tm_info(tm).virtual_clock;
	pid_t client;

	FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
	client = test_spawn(commit_interrupted, NULL);
	until_asleep(client);
	kill(client, SIGUSR1);
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	CHECK_EQ(tm_info(tm).virtual_clock, clock);
	TAKE_NONE(rm);
	/* It takes work as before. */
	ANSWER(rm, KTM_IOC_READ_ONLY, enlist(rm, tx), KTM_STATUS_SUCCESS);
	THAW(KTM_STATUS_SUCCESS);
	TAKE_NONE(rm);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	finish_commit(rm, en);
}

/* One that nobody can commit any more is rolled back, frozen or not. */
TEST(client_killed)
{
	pid_t client;

	FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
	client = commit_in_child(tx, KTM_STATUS_SUCCESS);
	close(tx);
	until_asleep(client);
	test_kill(client);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, en);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	THAW(KTM_STATUS_SUCCESS);
}

static void commit_too_late(void *t)
{
	unsigned int status;
	struct ktm_call c = ARG(ktm_call, .flags = KTM_CALL_WAIT);

	status = test_try(*(int *)t, KTM_IOC_COMMIT, &c);
	if (status != KTM_STATUS_ALREADY_ABORTED)
		FAIL("Commit of one whose time was over: %s", status_name(status));
}

/* Its own time passes meanwhile. */
TEST(time_out_at_the_gate)
{
	int t = tx_create_timeout(tm, SOON);
	guid_t e = enlist(rm, t);
	pid_t client;

	FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
	client = test_spawn(commit_too_late, &t);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, e);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, e, KTM_STATUS_SUCCESS);
	THAW(KTM_STATUS_SUCCESS);
	test_join(client);
}

/* ---- who may, and how ---- */

static void may_not(void *unused)
{
	(void)unused;
	dev();
	become(NOBODY, NOBODY);
	FREEZE(0, LONG, KTM_STATUS_ACCESS_DENIED);
	THAW(KTM_STATUS_ACCESS_DENIED);
	/* Nor the root of a namespace of his own. */
	if (!unshare(CLONE_NEWUSER)) {
		FREEZE(0, LONG, KTM_STATUS_ACCESS_DENIED);
		THAW(KTM_STATUS_ACCESS_DENIED);
	}
}

TEST(only_an_administrator)
{
	test_join(test_spawn(may_not, NULL));
	FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
	test_join(test_spawn(may_not, NULL));
	THAW(KTM_STATUS_SUCCESS);
}

TEST(times_that_cannot_be)
{
	FREEZE(0, 0, KTM_STATUS_INVALID_PARAMETER);
	FREEZE(0, LONG + 1, KTM_STATUS_INVALID_PARAMETER);
	FREEZE(LONG + 1, LONG, KTM_STATUS_INVALID_PARAMETER);
	FREEZE(~0ull, ~0ull, KTM_STATUS_INVALID_PARAMETER);
	THAW(KTM_STATUS_NOT_FROZEN);
	FREEZE(LONG, 1, KTM_STATUS_SUCCESS);
	commit_one(rm, tx_create(tm));
}

/* ---- under load ---- */

#define CLIENTS		3
#define FREEZES		25

static volatile unsigned int committed;

static void *serve(void *unused)
{
	struct ktm_notification n;

	while (!shared_word[1]) {
		if (!(poll_now(rm) & POLLIN)) {
			nap();
			continue;
		}
		n = take(rm);
		ANSWER(rm, n.kind == KTM_NOTIFY_PREPARE ? KTM_IOC_PREPARE_COMPLETE :
		       KTM_IOC_COMMIT_COMPLETE, n.enlistment, KTM_STATUS_SUCCESS);
	}
	return unused;
}

static void *commit_often(void *unused)
{
	while (!shared_word[0]) {
		int t = tx_create(tm);

		enlist(rm, t);
		COMMIT(t, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
		__sync_fetch_and_add(&committed, 1);
		close(t);
	}
	return unused;
}

/* In each freeze nothing begins and nothing is left; and each client is served in the end. */
TEST(under_load)
{
	pthread_t server, clients[CLIENTS];
	unsigned int i, before;

	ANSWER(rm, KTM_IOC_READ_ONLY, en, KTM_STATUS_SUCCESS);
	CHECK_EQ(pthread_create(&server, NULL, serve, NULL), 0);
	for (i = 0; i < CLIENTS; i++)
		CHECK_EQ(pthread_create(&clients[i], NULL, commit_often, NULL), 0);
	for (i = 0; i < FREEZES; i++) {
		const struct deadline d = deadline_in(PATIENCE);
		uint64_t clock;

		before = committed;
		FREEZE(LONG, LONG, KTM_STATUS_SUCCESS);
		clock = tm_info(tm).virtual_clock;
		nap();
		TAKE_NONE(rm);
		CHECK_EQ(tm_info(tm).virtual_clock, clock);
		THAW(KTM_STATUS_SUCCESS);
		while (committed < before + CLIENTS + 1) {
			if (deadline_passed(&d))
				FAIL("no commit goes on after the thaw");
			nap();
		}
	}
	shared_word[0] = 1;
	for (i = 0; i < CLIENTS; i++)
		pthread_join(clients[i], NULL);
	shared_word[1] = 1;
	pthread_join(server, NULL);
}
