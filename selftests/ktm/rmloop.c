// SPDX-License-Identifier: GPL-2.0
/*
 * libktm and its loop of a resource manager against the module: resource
 * managers in processes of their own, which are handed transactions over
 * sockets, refuse, delay, die, come back, and lose their device.
 */
#define _GNU_SOURCE
#include <ktm-rm.h>

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "calls.h"
#include "disk.h"

#define TM_GUID	guid_of(900)
#define PATIENCE_NS	(PATIENCE * 1000000000ull)

/* ---- a resource manager in a process of its own ---- */

/* What it is told and what it counts, in shared memory: survives its death. */
enum word {
	PREPARE_REPLY,
	RECOVER_REPLY,
	DIE_IN,			/* a KTM_NOTIFY_ bit: SIGKILL instead of an answer */
	PREPARED,
	COMMITTED,
	ROLLED_BACK,
	RECOVERED,
	INDOUBT,
	LAST_RECOVERED,
	WENT_OFFLINE,
	COOKIE,			/* of the last event */
	STATE,
	NR_WORDS
};

#define WORD(n, word)	shared_word[(n) * NR_WORDS + (word)]

/**
 * struct participant - one resource manager and its process
 * @n: which one; its GUID and its words follow from it
 * @config: for ktm_rm_start()
 * @socket: [0] of the test, [1] of the process
 * @pid: the process
 * @held: an event to be answered later
 */
struct participant {
	unsigned int n;
	struct ktm_rm_config config;
	guid_t guid;
	int socket[2];
	pid_t pid;
	struct ktm_rm_event held;
};

static void note(struct participant *p, enum word word, const struct ktm_rm_event *event)
{
	WORD(p->n, COOKIE) = event->cookie;
	WORD(p->n, word)++;
	if (WORD(p->n, DIE_IN) == event->kind) {
		WORD(p->n, DIE_IN) = 0;
		raise(SIGKILL);
	}
}

static int on_prepare(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	static char information[64];
	struct participant *p = data;

	(void)rm;
	note(p, PREPARED, event);
	p->held = *event;
	snprintf(information, sizeof(information), "redo of %llu", (unsigned long long)event->cookie);
	event->information = information;
	event->information_length = strlen(information);
	return (int)WORD(p->n, PREPARE_REPLY);
}

static int on_commit(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm;
	note(data, COMMITTED, event);
	return KTM_RM_DONE;
}

static int on_rollback(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm;
	note(data, ROLLED_BACK, event);
	return KTM_RM_DONE;
}

/* What was logged with the vote must come back, whoever asks. */
static int on_recover(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct participant *p = data;
	char wanted[64], got[64] = "";
	size_t length = sizeof(got);

	snprintf(wanted, sizeof(wanted), "redo of %llu", (unsigned long long)event->cookie);
	CHECK_EQ(ktm_en_information(ktm_rm_descriptor(rm), &event->enlistment, got, &length, NULL), 0);
	CHECK(length == strlen(wanted) && !memcmp(got, wanted, length));
	note(p, RECOVERED, event);
	event->cookie += 1000;
	return (int)WORD(p->n, RECOVER_REPLY);
}

static void on_indoubt(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	(void)rm;
	note(data, INDOUBT, event);
}

static int on_last_recover(struct ktm_rm *rm, void *data)
{
	struct participant *p = data;

	(void)rm;
	WORD(p->n, LAST_RECOVERED)++;
	return 0;
}

static void on_offline(struct ktm_rm *rm, void *data)
{
	struct participant *p = data;

	(void)rm;
	WORD(p->n, WENT_OFFLINE)++;
}

static const struct ktm_rm_ops ops = {
	.size = sizeof(ops),
	.prepare = on_prepare,
	.commit = on_commit,
	.rollback = on_rollback,
	.recover = on_recover,
	.indoubt = on_indoubt,
	.last_recover = on_last_recover,
	.offline = on_offline,
};

/* A request: "e" and a cookie enlists, "a" gives the answer that was put off. */
static void serve_request(struct participant *p, struct ktm_rm *rm)
{
	char request[64];
	int tx, ret;
	ssize_t got;

	got = ktm_tx_recv(p->socket[1], request, sizeof(request) - 1, &tx);
	if (!got)
		_exit(0);
	CHECK(got > 0);
	request[got] = '\0';
	if (*request == 'a') {
		ret = ktm_rm_answer(rm, &p->held, KTM_RM_DONE, NULL);
	} else {
		ret = ktm_rm_enlist(rm, tx, strtoull(request + 1, NULL, 10), NULL, NULL);
		/* Narrowed on its way: a resource manager cannot commit. */
		CHECK_EQ(ktm_tx_commit(tx, 0, NULL), -EACCES);
	}
	if (tx >= 0)
		close(tx);
	CHECK_EQ(send(p->socket[1], &ret, sizeof(ret), MSG_NOSIGNAL), sizeof(ret));
}

static void run_participant(void *data)
{
	struct participant *p = data;
	struct ktm_rm *rm;
	uint32_t status;
	int ret;

	/* Only the process itself may hold its end: its death must be seen. */
	close(p->socket[0]);
	ret = ktm_rm_start(&rm, &p->config, &ops, p, &status);
	if (ret)
		FAIL("participant %u cannot start: %s (%d)", p->n, ktm_status_text(status), ret);
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = ktm_rm_fd(rm), .events = POLLIN },
			{ .fd = p->socket[1], .events = POLLIN },
		};

		WORD(p->n, STATE) = ktm_rm_state(rm);
		CHECK(poll(fds, 2, -1) > 0);
		if (fds[0].revents) {
			ret = ktm_rm_dispatch(rm, &status);
			if (ret < 0)
				FAIL("dispatch: %s (%d)", ktm_status_text(status), ret);
		}
		WORD(p->n, STATE) = ktm_rm_state(rm);
		if (fds[1].revents)
			serve_request(p, rm);
	}
}

static void until(unsigned int n, enum word word, uint64_t value)
{
	const struct deadline d = deadline_in(PATIENCE);

	while (WORD(n, word) != value) {
		if (deadline_passed(&d))
			FAIL("participant %u: word %d is %llu, not %llu", n, word,
			     (unsigned long long)WORD(n, word), (unsigned long long)value);
		nap();
	}
}

/* Starts the process and waits until its resource manager serves. */
static void participant_start(struct participant *p)
{
	WORD(p->n, STATE) = KTM_RM_OFFLINE;
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->socket), 0);
	p->pid = test_spawn(run_participant, p);
	close(p->socket[1]);
	until(p->n, STATE, KTM_RM_ONLINE);
}

static void participant_kill(struct participant *p)
{
	test_kill(p->pid);
	close(p->socket[0]);
}

/* The process killed itself, as it was told to. */
static void participant_died(struct participant *p)
{
	int status;

	CHECK_EQ(waitpid(p->pid, &status, 0), p->pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(p->socket[0]);
}

static int answer_of(const struct participant *p)
{
	int answer;

	CHECK_EQ(recv(p->socket[0], &answer, sizeof(answer), 0), sizeof(answer));
	return answer;
}

static int try_join(const struct participant *p, int tx, uint64_t cookie)
{
	char request[64];

	snprintf(request, sizeof(request), "e%llu", (unsigned long long)cookie);
	CHECK_EQ(ktm_tx_send(p->socket[0], tx, request, strlen(request), NULL), strlen(request));
	return answer_of(p);
}

static void join(const struct participant *p, int tx, uint64_t cookie)
{
	CHECK_EQ(try_join(p, tx, cookie), 0);
}

static int begin(int tm)
{
	int tx = ktm_tx_begin(dev(), tm, "rmloop", NULL, NULL);

	CHECK(tx >= 0);
	return tx;
}

static struct participant participant(unsigned int n, const char *device, const guid_t *tm,
				      uint32_t flags)
{
	return (struct participant){
		.n = n,
		.config = {
			.size = sizeof(struct ktm_rm_config),
			.flags = flags,
			.device = device,
			.tm = tm,
			.description = "participant",
		},
	};
}

/* Volatile: the TM is the test's own. */
static guid_t memory_tm;

static void start_two(struct participant *p, int *tm)
{
	unsigned int i;

	*tm = tm_volatile();
	memory_tm = tm_guid(*tm);
	for (i = 0; i < 2; i++) {
		p[i] = participant(i, NULL, &memory_tm, KTM_RM_LOOP_VOLATILE);
		participant_start(&p[i]);
	}
}

/* Durable: the machine's disk, formatted anew. */
static const char *journal;

static struct participant durable_participant(unsigned int n, guid_t *guid)
{
	struct participant p = participant(n, journal, NULL, 0);

	*guid = guid_of(100 + n);
	p.config.guid = guid;
	return p;
}

static void need_journal(void)
{
	journal = disk_given();
	journal_format(journal, TM_GUID);
}

/* Nothing of the TM is unfinished any more; CommitComplete comes by itself. */
static void until_finished(int tm)
{
	const struct deadline d = deadline_in(PATIENCE);

	while (tm_info(tm).transactions) {
		if (deadline_passed(&d))
			FAIL("%u transactions are unfinished", tm_info(tm).transactions);
		nap();
	}
}

/* One of the participants has voted yes, the other has not. */
static void until_one_voted(int tx)
{
	const struct deadline d = deadline_in(PATIENCE);
	struct ktm_en_pair *pairs;
	size_t count, i, voted;

	do {
		CHECK_EQ(ktm_tx_enlistments(tx, &pairs, &count, NULL), 0);
		for (i = voted = 0; i < count; i++)
			voted += pairs[i].state == KTM_EN_STATE_PREPARED;
		free(pairs);
		if (deadline_passed(&d))
			FAIL("%zu of %zu have voted", voted, count);
		nap();
	} while (voted != 1);
}

/* ---- volatile ---- */

TEST(two_commit)
{
	struct participant p[2];
	uint32_t status = 99;
	int tm, tx;

	start_two(p, &tm);
	tx = begin(tm);
	join(&p[0], tx, 7);
	join(&p[1], tx, 8);
	CHECK_EQ(ktm_tx_commit(tx, KTM_CALL_WAIT, &status), 0);
	CHECK_EQ(status, KTM_STATUS_SUCCESS);
	CHECK_EQ(WORD(0, COMMITTED), 1);
	CHECK_EQ(WORD(1, COMMITTED), 1);
	CHECK_EQ(WORD(0, COOKIE), 7);
	CHECK_EQ(WORD(1, COOKIE), 8);
	CHECK_EQ(ktm_tx_commit(tx, KTM_CALL_WAIT, &status), -EALREADY);
	CHECK_EQ(status, KTM_STATUS_ALREADY_COMMITTED);
}

static void expect_rollback(int reply)
{
	struct participant p[2];
	uint32_t status = 99, outcome;
	int tm, tx;

	start_two(p, &tm);
	WORD(1, PREPARE_REPLY) = reply;
	tx = begin(tm);
	join(&p[0], tx, 0);
	join(&p[1], tx, 0);
	CHECK_EQ(ktm_tx_commit(tx, KTM_CALL_WAIT, &status), -ECANCELED);
	CHECK_EQ(status, KTM_STATUS_ROLLED_BACK);
	CHECK_EQ(ktm_tx_wait(tx, 0, PATIENCE_NS, &outcome, NULL), 0);
	CHECK_EQ(outcome, KTM_OUTCOME_ABORTED);
	/* Who refused hears it, too. */
	CHECK_EQ(WORD(0, ROLLED_BACK), 1);
	CHECK_EQ(WORD(1, ROLLED_BACK), 1);
	CHECK_EQ(WORD(0, COMMITTED) + WORD(1, COMMITTED), 0);
	CHECK_EQ(ktm_tx_rollback(tx, KTM_CALL_WAIT, NULL), -EPROTO);
}

TEST(one_refuses)
{
	expect_rollback(KTM_RM_REFUSE);
}

TEST(one_fails_to_prepare)
{
	expect_rollback(-EIO);
}

TEST(one_is_read_only)
{
	struct participant p[2];
	int tm, tx;

	start_two(p, &tm);
	WORD(1, PREPARE_REPLY) = KTM_RM_READ_ONLY;
	tx = begin(tm);
	join(&p[0], tx, 0);
	join(&p[1], tx, 0);
	CHECK_EQ(ktm_tx_commit(tx, KTM_CALL_WAIT, NULL), 0);
	CHECK_EQ(WORD(0, COMMITTED), 1);
	CHECK_EQ(WORD(1, PREPARED), 1);
	CHECK_EQ(WORD(1, COMMITTED) + WORD(1, ROLLED_BACK), 0);
}

TEST(one_dies_before_its_vote)
{
	struct participant p[2];
	int tm, tx;

	start_two(p, &tm);
	WORD(1, DIE_IN) = KTM_NOTIFY_PREPARE;
	tx = begin(tm);
	join(&p[0], tx, 0);
	join(&p[1], tx, 0);
	CHECK_EQ(ktm_tx_commit(tx, KTM_CALL_WAIT, NULL), -ECANCELED);
	CHECK_EQ(WORD(0, ROLLED_BACK), 1);
	participant_died(&p[1]);
}

TEST(client_leaves)
{
	struct participant p[2];
	int tm, tx;

	start_two(p, &tm);
	tx = begin(tm);
	join(&p[0], tx, 0);
	join(&p[1], tx, 0);
	close(tx);
	until(0, ROLLED_BACK, 1);
	until(1, ROLLED_BACK, 1);
}

/* ---- waiting and signals ---- */

static void let_answer(void *data)
{
	struct participant *p = data;
	unsigned int i;

	until(p->n, PREPARED, 1);
	/* Some signals first, with the client in its wait. */
	for (i = 0; i < 50; i++)
		nap();
	CHECK_EQ(send(p->socket[0], "a", 1, 0), 1);
	CHECK_EQ(answer_of(p), 0);
}

TEST(signals_do_not_end_a_commit)
{
	struct participant p[2];
	uint32_t status;
	pid_t helper;
	int tm, tx;

	start_two(p, &tm);
	WORD(0, PREPARE_REPLY) = KTM_RM_LATER;
	tx = begin(tm);
	join(&p[0], tx, 0);
	join(&p[1], tx, 0);
	helper = test_spawn(let_answer, &p[0]);
	be_interrupted(true);
	CHECK_EQ(ktm_tx_commit(tx, KTM_CALL_WAIT, &status), 0);
	CHECK_EQ(status, KTM_STATUS_SUCCESS);
	CHECK_EQ(WORD(0, COMMITTED), 1);
	be_interrupted(false);
	test_join(helper);
}

TEST(signals_end_a_wait_that_asked_for_it)
{
	struct participant p[2];
	uint32_t status, outcome;
	int tm, tx, answer, narrowed;

	start_two(p, &tm);
	WORD(0, PREPARE_REPLY) = KTM_RM_LATER;
	tx = begin(tm);
	join(&p[0], tx, 0);
	be_interrupted(true);
	CHECK_EQ(ktm_tx_commit(tx, KTM_CALL_WAIT | KTM_WAIT_INTERRUPTIBLE, &status), -EINTR);
	CHECK_EQ(status, KTM_STATUS_INTERRUPTED);
	CHECK_EQ(ktm_tx_wait(tx, KTM_WAIT_INTERRUPTIBLE, KTM_WAIT_FOREVER, NULL, &status), -EINTR);
	/* A time-out does not grow by signals. */
	CHECK_EQ(ktm_tx_wait(tx, 0, 50000000, &outcome, &status), -ETIMEDOUT);
	CHECK_EQ(status, KTM_STATUS_TIMEOUT);
	CHECK_EQ(ktm_tx_wait(tx, 0, 0, &outcome, &status), -ETIMEDOUT);
	/* It was begun all the same. */
	CHECK_EQ(ktm_tx_commit(tx, KTM_CALL_WAIT, &status), -EPROTO);
	narrowed = ktm_narrow(tx, KTM_TX_QUERY_INFORMATION, NULL);
	CHECK(narrowed >= 0);
	until(0, PREPARED, 1);
	CHECK_EQ(send(p[0].socket[0], "a", 1, 0), 1);
	while (recv(p[0].socket[0], &answer, sizeof(answer), 0) < 0)
		CHECK_EQ(errno, EINTR);
	CHECK_EQ(answer, 0);
	CHECK_EQ(ktm_tx_wait(narrowed, 0, KTM_WAIT_FOREVER, &outcome, &status), 0);
	CHECK_EQ(outcome, KTM_OUTCOME_COMMITTED);
}

TEST(commit_without_waiting)
{
	struct participant p[2];
	uint32_t status, outcome;
	int tm, tx;

	start_two(p, &tm);
	WORD(0, PREPARE_REPLY) = KTM_RM_LATER;
	tx = begin(tm);
	join(&p[0], tx, 0);
	CHECK_EQ(ktm_tx_commit(tx, 0, &status), 0);
	CHECK_EQ(status, KTM_STATUS_PENDING);
	until(0, PREPARED, 1);
	CHECK_EQ(send(p[0].socket[0], "a", 1, 0), 1);
	CHECK_EQ(answer_of(&p[0]), 0);
	CHECK_EQ(ktm_tx_wait(tx, 0, PATIENCE_NS, &outcome, &status), 0);
	CHECK_EQ(outcome, KTM_OUTCOME_COMMITTED);
	/* Nobody waits for a second answer. */
	CHECK_EQ(send(p[0].socket[0], "a", 1, 0), 1);
	CHECK(answer_of(&p[0]) < 0);
}

/* ---- durable ---- */

TEST(durable_commit_and_restart)
{
	struct participant p;
	guid_t guid;
	int tx;

	need_journal();
	p = durable_participant(0, &guid);
	participant_start(&p);
	tx = begin(-1);
	join(&p, tx, 1);
	CHECK_EQ(ktm_tx_commit(tx, KTM_CALL_WAIT, NULL), 0);
	participant_kill(&p);
	close(tx);
	participant_start(&p);
	CHECK_EQ(WORD(0, LAST_RECOVERED), 2);
	CHECK_EQ(WORD(0, RECOVERED), 0);
	CHECK_EQ(WORD(0, COMMITTED), 1);
	tx = begin(-1);
	join(&p, tx, 2);
	CHECK_EQ(ktm_tx_commit(tx, KTM_CALL_WAIT, NULL), 0);
	CHECK_EQ(WORD(0, COMMITTED), 2);
}

/* It died with a COMMIT in its hands: the next one gets it, with the new cookie. */
static void die_in_commit(int reply, unsigned int commits)
{
	struct participant p;
	guid_t guid;
	int tx, tm;

	need_journal();
	tm = tm_online(journal);
	p = durable_participant(0, &guid);
	participant_start(&p);
	WORD(0, DIE_IN) = KTM_NOTIFY_COMMIT;
	tx = begin(-1);
	join(&p, tx, 5);
	CHECK_EQ(ktm_tx_commit(tx, KTM_CALL_WAIT, NULL), 0);
	participant_died(&p);
	CHECK_EQ(tm_info(tm).transactions, 1);
	WORD(0, RECOVER_REPLY) = reply;
	participant_start(&p);
	CHECK_EQ(WORD(0, RECOVERED), 1);
	until_finished(tm);
	CHECK_EQ(WORD(0, COMMITTED), 1 + commits);
	CHECK_EQ(WORD(0, COOKIE), commits ? 1005 : 5);
}

TEST(commit_comes_again_after_death)
{
	die_in_commit(KTM_RM_DONE, 1);
}

TEST(commit_of_nothing_is_completed)
{
	die_in_commit(KTM_RM_NONE, 0);
}

TEST(dies_prepared_and_learns_of_the_rollback)
{
	struct participant p[2];
	guid_t guids[2];
	int tx, tm;

	need_journal();
	tm = tm_online(journal);
	p[0] = durable_participant(0, &guids[0]);
	p[1] = durable_participant(1, &guids[1]);
	participant_start(&p[0]);
	participant_start(&p[1]);
	WORD(1, PREPARE_REPLY) = KTM_RM_LATER;
	tx = begin(-1);
	join(&p[0], tx, 3);
	join(&p[1], tx, 4);
	CHECK_EQ(ktm_tx_commit(tx, 0, NULL), 0);
	until(1, PREPARED, 1);
	until_one_voted(tx);
	participant_kill(&p[0]);
	participant_start(&p[0]);
	CHECK_EQ(WORD(0, RECOVERED), 1);
	until(0, INDOUBT, 1);
	CHECK_EQ(WORD(0, ROLLED_BACK), 0);
	participant_kill(&p[1]);
	until(0, ROLLED_BACK, 1);
	CHECK_EQ(WORD(0, COOKIE), 1003);
	until_finished(tm);
	CHECK_EQ(WORD(0, COMMITTED), 0);
}

TEST(exclusive_and_successor)
{
	struct participant p;
	struct ktm_rm_config config;
	struct ktm_rm *rm;
	uint32_t status;
	guid_t guid;

	need_journal();
	p = durable_participant(0, &guid);
	participant_start(&p);
	config = p.config;
	CHECK_EQ(ktm_rm_start(&rm, &config, &ops, &p, &status), -EBUSY);
	CHECK_EQ(status, KTM_STATUS_SHARING_VIOLATION);
	config.wait_ms = 60;
	CHECK_EQ(ktm_rm_start(&rm, &config, &ops, &p, &status), -EBUSY);
	/* Who only looks stands in nobody's way. */
	participant_kill(&p);
	config.wait_ms = UINT32_MAX;
	CHECK_EQ(ktm_rm_start(&rm, &config, &ops, &p, &status), 0);
	ktm_rm_end(rm);
}

TEST(wrong_starts)
{
	static const struct ktm_rm_ops none = { .size = sizeof(none) };
	struct participant p;
	struct ktm_rm_config config;
	struct ktm_rm *rm = NULL;
	guid_t guid, other = guid_of(999);
	uint32_t status;

	need_journal();
	p = durable_participant(0, &guid);
	config = p.config;
	CHECK_EQ(ktm_rm_start(&rm, &config, &none, NULL, &status), -EINVAL);
	config.guid = NULL;
	CHECK_EQ(ktm_rm_start(&rm, &config, &ops, NULL, &status), -EINVAL);
	config = p.config;
	config.size++;
	CHECK_EQ(ktm_rm_start(&rm, &config, &ops, NULL, &status), -EINVAL);
	config = p.config;
	config.flags = 0x100;
	CHECK_EQ(ktm_rm_start(&rm, &config, &ops, NULL, &status), -EINVAL);
	config = p.config;
	config.device = NULL;
	CHECK_EQ(ktm_rm_start(&rm, &config, &ops, NULL, &status), -EINVAL);
	config.tm = &other;
	CHECK_EQ(ktm_rm_start(&rm, &config, &ops, NULL, &status), -ENOENT);
	CHECK_EQ(status, KTM_STATUS_TM_NOT_FOUND);
	config.device = journal;
	CHECK_EQ(ktm_rm_start(&rm, &config, &ops, NULL, &status), -EXDEV);
	CHECK_EQ(status, KTM_STATUS_TM_IDENTITY_MISMATCH);
	config.device = "/dev/zero";
	CHECK(ktm_rm_start(&rm, &config, &ops, NULL, &status) < 0);
	config.device = "/dev/nothing";
	CHECK_EQ(ktm_rm_start(&rm, &config, &ops, NULL, &status), -ENOENT);
	CHECK(!rm);
}

/* ---- the device fails and comes back ---- */

static void lose_the_device(uint32_t flags)
{
	struct participant p;
	struct disk disk;
	struct flaky flaky;
	uint32_t status, outcome;
	guid_t guid, tm_identity = TM_GUID;
	int tx, next, tm, ret;

	disk = disk_make(16 * MIB);
	journal_format(disk.path, TM_GUID);
	flaky = flaky_make(&disk);
	journal = flaky.path;
	p = durable_participant(0, &guid);
	p.config.flags = flags;
	participant_start(&p);
	tm = tm_open(&tm_identity);
	tx = begin(-1);
	join(&p, tx, 9);
	flaky_set(&flaky, FAIL_WRITES);
	ret = ktm_tx_commit(tx, KTM_CALL_WAIT, &status);
	if (ret != -ENOTRECOVERABLE)
		FAIL("commit on a failed device: %d (%s)", ret, ktm_status_text(status));
	until(0, WENT_OFFLINE, 1);
	next = begin(-1);
	CHECK_EQ(try_join(&p, next, 10), -ENOTCONN);
	flaky_set(&flaky, NO_TROUBLE);
	if (!(flags & KTM_RM_LOOP_REOPEN))
		CHECK_EQ(ktm_tm_recover(tm, -1, &status), 0);
	until(0, STATE, KTM_RM_ONLINE);
	CHECK_EQ(WORD(0, LAST_RECOVERED), 2);
	/*
	 * Nothing reached the device: rolled back. The resource manager knows it from
	 * not having been asked about it before LAST_RECOVER.
	 */
	CHECK_EQ(ktm_tx_wait(tx, 0, PATIENCE_NS, &outcome, NULL), 0);
	CHECK_EQ(outcome, KTM_OUTCOME_ABORTED);
	CHECK_EQ(WORD(0, RECOVERED) + WORD(0, ROLLED_BACK) + WORD(0, COMMITTED), 0);
	CHECK_EQ(try_join(&p, next, 10), 0);
	CHECK_EQ(ktm_tx_commit(next, KTM_CALL_WAIT, &status), 0);
	CHECK_EQ(WORD(0, COMMITTED), 1);
	participant_kill(&p);
	close(tx);
	close(next);
	tm_close(tm, flaky.path);
	flaky_remove(&flaky);
}

TEST(device_fails_and_administrator_recovers)
{
	lose_the_device(0);
}

TEST(device_fails_and_loop_reopens)
{
	lose_the_device(KTM_RM_LOOP_REOPEN);
}

/* ---- looking ---- */

TEST(many_enlistments_are_listed)
{
	enum { COUNT = 100 };
	int tm = tm_volatile(), rm, tx, i, found = 0;
	struct ktm_en_pair *pairs;
	struct ktm_iter iter;
	guid_t guids[COUNT], guid, last = nil;
	size_t count, k;

	rm = ktm_rm_create(tm, KTM_RM_VOLATILE, KTM_RM_ALL_ACCESS, 0, NULL, "many", NULL);
	CHECK(rm >= 0);
	tx = begin(tm);
	for (i = 0; i < COUNT; i++)
		CHECK_EQ(ktm_enlist(rm, tx, KTM_NOTIFY_REQUIRED, i, &guids[i], NULL), 0);
	CHECK_EQ(ktm_tx_enlistments(tx, &pairs, &count, NULL), 0);
	CHECK_EQ(count, COUNT);
	for (i = 0; i < COUNT; i++) {
		for (k = 0; k < count && !same(&pairs[k].enlistment, &guids[i]); k++)
			;
		CHECK(k < count);
	}
	free(pairs);
	ktm_iter_init(&iter, rm, KTM_KIND_EN);
	while (ktm_iter_next(&iter, &guid, NULL) > 0) {
		CHECK(memcmp(&last, &guid, sizeof(guid)) < 0);
		last = guid;
		found++;
	}
	CHECK_EQ(found, COUNT);
}

TEST(queries_tell_the_truth)
{
	struct ktm_version version;
	struct ktm_tm_info tm_is;
	struct ktm_rm_info rm_is;
	struct ktm_tx_info tx_is;
	struct ktm_en_info en_is;
	uint32_t length, status;
	guid_t uow, en;
	char small[4];
	int tm = tm_volatile(), rm, tx, fd;

	CHECK_EQ(ktm_get_version(dev(), &version, NULL), 0);
	CHECK_EQ(version.abi, KTM_ABI_VERSION);
	rm = ktm_rm_create(tm, KTM_RM_VOLATILE, KTM_RM_ALL_ACCESS, 0, NULL, "a \"name\"", NULL);
	tx = ktm_tx_begin(dev(), tm, "", &uow, NULL);
	CHECK(rm >= 0 && tx >= 0);
	fd = ktm_enlist_fd(rm, tx, KTM_NOTIFY_REQUIRED, 42, KTM_EN_ALL_ACCESS, 0, &en, NULL);
	CHECK(fd >= 0);
	CHECK_EQ(ktm_tm_query(tm, &tm_is, NULL), 0);
	CHECK_EQ(tm_is.rms, 1);
	CHECK_EQ(tm_is.transactions, 1);
	CHECK_EQ(ktm_rm_query(rm, &rm_is, NULL), 0);
	CHECK(rm_is.description_length == 8 && !memcmp(rm_is.description, "a \"name\"", 8));
	CHECK_EQ(ktm_tx_query(tx, &tx_is, NULL), 0);
	CHECK(same(&tx_is.uow, &uow) && same(&tx_is.tm, &tm_is.guid) && !tx_is.description_length);
	CHECK_EQ(ktm_en_query(fd, NULL, &en_is, NULL), 0);
	CHECK(en_is.key == 42 && same(&en_is.rm, &rm_is.guid));
	CHECK_EQ(ktm_en_query(rm, &en, &en_is, NULL), 0);
	CHECK(same(&en_is.enlistment, &en));
	length = sizeof(small);
	CHECK_EQ(ktm_query(tx, KTM_INFO_TX_BASIC, NULL, small, &length, &status), -EMSGSIZE);
	CHECK_EQ(status, KTM_STATUS_BUFFER_TOO_SMALL);
	CHECK_EQ(length, sizeof(tx_is));
	CHECK_EQ(ktm_rm_query(tx, &rm_is, &status), -EINVAL);
	CHECK_EQ(status, KTM_STATUS_INVALID_INFO_CLASS);
	CHECK_EQ(ktm_tx_open(dev(), &en, 0, KTM_MAXIMUM_ALLOWED, &status), -ENOENT);
	CHECK_EQ(status, KTM_STATUS_TRANSACTION_NOT_FOUND);
}
