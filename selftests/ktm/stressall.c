// SPDX-License-Identifier: GPL-2.0
/*
 * Every request there is, on the same objects, from several processes with several
 * threads each, in an order that a seed draws: none comes to anything but what its
 * line in stresslines.c allows, nobody hears of another outcome of a transaction
 * than anybody else, nobody is told to commit who has not voted, and at the end
 * all transactions come to theirs, and nothing of the log stays reserved.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "disk.h"
#include "stressall.h"

#define PROCESSES	4
#define THREADS		3
#define ROUNDS		2000
#define NR_SLOTS	6
/* Numbers from here on are not used again after a close. */
#define FIRST_DISK_FD	500

struct common *common;

static int slots[NR_KINDS][NR_SLOTS];
static uint64_t seed;

unsigned int draw(struct actor *a, unsigned int n)
{
	a->random ^= a->random << 13;
	a->random ^= a->random >> 7;
	a->random ^= a->random << 17;
	return (a->random >> 20) % n;
}

/* How often is it all done? A debug kernel is given more. */
static unsigned int rounds(void)
{
	const char *more = getenv("KTM_STRESS");

	return ROUNDS * (more ? atoi(more) : 1);
}

void fds_open(void)
{
	unsigned int i;
	int fd;

	dev();
	for (i = 0; i < NR_KINDS * NR_SLOTS; i++)
		slots[i / NR_SLOTS][i % NR_SLOTS] = -1;
	for (i = 0; i < NR_DISKS; i++) {
		fd = disk_open(common->disks[i]);
		CHECK_EQ(fcntl(fd, F_DUPFD_CLOEXEC, FIRST_DISK_FD + i), FIRST_DISK_FD + i);
		close(fd);
	}
}

int disk_fd(unsigned int n)
{
	return FIRST_DISK_FD + n;
}

int some_fd(struct actor *a, unsigned int kind)
{
	return __atomic_load_n(&slots[kind][draw(a, NR_SLOTS)], __ATOMIC_SEQ_CST);
}

/* Whoever takes a number out of its slot is the one to close it. */
static void replace_fd(struct actor *a, unsigned int kind, int fd)
{
	int old = __atomic_exchange_n(&slots[kind][draw(a, NR_SLOTS)], fd, __ATOMIC_SEQ_CST);

	if (old >= 0)
		close(old);
}

void keep_fd(struct actor *a, unsigned int kind, int fd)
{
	if (kind == KTM_KIND_RM)
		CHECK_EQ(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	replace_fd(a, kind, fd);
}

void close_some_fd(struct actor *a)
{
	replace_fd(a, 1 + draw(a, NR_KINDS - 1), -1);
}

static const struct line *line_of(unsigned int request)
{
	unsigned int i;

	for (i = 0; i < nr_lines; i++)
		if (lines[i].request == request)
			return &lines[i];
	FAIL("%s has no line", request_name(request));
}

/* What may come of any request, when logs fail. */
#define FAILED_LOG	(1ull << KTM_STATUS_IO_ERROR | 1ull << KTM_STATUS_TM_NOT_ONLINE | \
			 1ull << KTM_STATUS_INDOUBT | 1ull << KTM_STATUS_OBJECT_EXPIRED)

void came_to(unsigned int request, unsigned int status)
{
	uint64_t allowed = line_of(request)->allowed | (common->log_fails ? FAILED_LOG : 0);

	if (!(allowed & 1ull << status))
		FAIL("%s: %s", request_name(request), status_name(status));
	__atomic_add_fetch(&common->made[_IOC_NR(request)], 1, __ATOMIC_RELAXED);
	if (!status_errno(status))
		__atomic_add_fetch(&common->done[_IOC_NR(request)], 1, __ATOMIC_RELAXED);
}

unsigned int make(int fd, unsigned int request, void *arg)
{
	struct { unsigned int size, status; } *head = arg;
	unsigned int status;
	int ret, err;

	head->status = NO_STATUS;
	ret = ioctl(fd, request, arg);
	err = ret ? errno : 0;
	status = head->status;
	if (err == EBADF && status == NO_STATUS)
		return NO_STATUS;
	if (err == ENOTTY && status == KTM_STATUS_OBJECT_TYPE_MISMATCH)
		return NO_STATUS;
	if (status == NO_STATUS || err != status_errno(status))
		FAIL("%s: %s and errno %d", request_name(request), status_name(status), err);
	came_to(request, status);
	return status;
}

bool answer_of(const struct ktm_notification *n, struct ktm_batch_answer *answer)
{
	static const struct {
		unsigned int kind;
		unsigned int request;
	} answers[] = {
		{ KTM_NOTIFY_PREPREPARE, KTM_IOC_PREPREPARE_COMPLETE },
		{ KTM_NOTIFY_PREPARE, KTM_IOC_PREPARE_COMPLETE },
		{ KTM_NOTIFY_COMMIT, KTM_IOC_COMMIT_COMPLETE },
		{ KTM_NOTIFY_ROLLBACK, KTM_IOC_ROLLBACK_COMPLETE },
		{ KTM_NOTIFY_SINGLE_PHASE_COMMIT, KTM_IOC_COMMIT_COMPLETE },
		{ KTM_NOTIFY_RECOVER, KTM_IOC_EN_RECOVER },
		{ KTM_NOTIFY_RECOVER_QUERY, KTM_IOC_EN_ROLLBACK },
		{ KTM_NOTIFY_REQUEST_OUTCOME, KTM_IOC_EN_COMMIT },
		{ KTM_NOTIFY_COMMIT_REQUEST, KTM_IOC_EN_COMMIT },
		{ KTM_NOTIFY_PREPREPARE_COMPLETE, KTM_IOC_EN_PREPARE },
		{ KTM_NOTIFY_PREPARE_COMPLETE, KTM_IOC_EN_COMMIT },
	};
	unsigned int i;

	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (answers[i].kind != n->kind)
			continue;
		*answer = (struct ktm_batch_answer){ .request = answers[i].request,
						     .enlistment = n->enlistment };
		if (n->kind == KTM_NOTIFY_RECOVER)
			answer->key = n->key;
		return true;
	}
	return false;
}

static unsigned int told_by(unsigned int kind)
{
	switch (kind) {
	case KTM_NOTIFY_COMMIT:
	case KTM_NOTIFY_COMMIT_COMPLETE:
		return KTM_OUTCOME_COMMITTED;
	case KTM_NOTIFY_ROLLBACK:
	case KTM_NOTIFY_ROLLBACK_COMPLETE:
		return KTM_OUTCOME_ABORTED;
	default:
		return KTM_OUTCOME_UNDETERMINED;
	}
}

bool heard(struct actor *a, const struct ktm_notification *n, struct ktm_batch_answer *answer)
{
	static const unsigned int others[] = {
		KTM_IOC_READ_ONLY, KTM_IOC_EN_ROLLBACK, KTM_IOC_REQUEST_OUTCOME,
		KTM_IOC_SINGLE_PHASE_REJECT,
	};

	/* It belongs to no transaction. */
	if (n->kind == KTM_NOTIFY_LAST_RECOVER)
		return false;
	ledger_outcome(&n->uow, told_by(n->kind));
	if (n->kind == KTM_NOTIFY_COMMIT && !ledger_voted(&n->enlistment))
		FAIL("told to commit without a vote");
	if (!answer_of(n, answer))
		return false;
	if (!draw(a, 10))
		answer->request = others[draw(a, 4)];
	else if (!draw(a, 50))
		return false;
	/* Before it is made: COMMIT may come before it returns. */
	if (answer->request == KTM_IOC_PREPARE_COMPLETE)
		ledger_vote(&n->enlistment);
	return true;
}

void serve(struct actor *a, int rm)
{
	struct ktm_notification n[4];
	struct ktm_batch_answer b;
	struct ktm_answer answer;
	ssize_t got = read(rm, n, sizeof(n));
	unsigned int i, status;
	struct bring bring;
	bool brings;

	/* By now it may be closed, narrowed, or something that cannot be read. */
	if (got < 0) {
		CHECK(errno == EAGAIN || errno == EINTR || errno == EBADF || errno == EINVAL ||
		      errno == EACCES || errno == ENOTCONN);
		return;
	}
	for (i = 0; i < got / sizeof(n[0]); i++) {
		if (!heard(a, &n[i], &b))
			continue;
		answer = ARG(ktm_answer, .enlistment = b.enlistment, .key = b.key);
		brings = bring_record(a, b.request, &answer, &bring);
		status = make(rm, b.request, &answer);
		if (!brings || status == KTM_STATUS_SUCCESS || status == NO_STATUS)
			continue;
		/* Perhaps it goes without. */
		answer = ARG(ktm_answer, .enlistment = b.enlistment, .key = b.key);
		make(rm, b.request, &answer);
	}
}

static const struct line *some_line(struct actor *a)
{
	unsigned int sum = 0, i, at;

	for (i = 0; i < nr_lines; i++)
		sum += lines[i].weight;
	at = draw(a, sum);
	for (i = 0; at >= lines[i].weight; i++)
		at -= lines[i].weight;
	return &lines[i];
}

static void *act(void *data)
{
	struct actor *a = data;
	const struct line *line;
	uint64_t i;

	for (i = 0; i < a->rounds; i++) {
		/* Each once for certain. */
		line = i < nr_lines ? &lines[i] : some_line(a);
		line->make(a, line->request);
		serve(a, some_fd(a, KTM_KIND_RM));
		if (!draw(a, 20))
			close_some_fd(a);
	}
	return NULL;
}

static void process(uint64_t first, uint64_t how_many)
{
	struct actor actors[THREADS];
	pthread_t threads[THREADS];
	unsigned int i;

	fds_open();
	for (i = 0; i < THREADS; i++) {
		actors[i] = (struct actor){ .random = 0x9e3779b97f4a7c15ull * (first + i + 1),
					    .rounds = how_many };
		CHECK_EQ(pthread_create(&threads[i], NULL, act, &actors[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void counted(void *data)
{
	process(seed + (uintptr_t)data * THREADS, rounds());
}

static void for_ever(void *data)
{
	process(seed + (uintptr_t)data * THREADS, ~0ull);
}

/*
 * The first TM is there for good, with durable RMs that nobody has open. Its journal is
 * on @flaky, if there is one.
 */
static int set_up(struct disk *disks, struct flaky *flaky)
{
	unsigned int i;
	int tm, rm;

	common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	CHECK(common != MAP_FAILED);
	ledger_open();
	for (i = 0; i < NR_DISKS; i++) {
		disks[i] = disk_make(i ? 32 * MIB : 128 * MIB);
		memcpy(common->disks[i], disks[i].path, sizeof(common->disks[i]));
		common->tms[i] = guid_of(900 + i);
	}
	if (flaky) {
		*flaky = flaky_make(&disks[0]);
		memcpy(common->disks[0], flaky->path, sizeof(common->disks[0]));
		common->log_fails = true;
	}
	for (i = 0; i < NR_DISKS; i++)
		journal_format(common->disks[i], common->tms[i]);
	tm = tm_online(common->disks[0]);
	for (i = 0; i < NR_RMS - 1; i++) {
		const guid_t g = guid_of(50 + i);

		rm = rm_create_as(tm, 0, &g);
		rm_recover_empty(rm);
		close(rm);
	}
	return tm;
}

/* An RM that does all that it should, at last. */
static void finish(int rm)
{
	struct ktm_notification n;
	struct ktm_batch_answer b;
	struct ktm_answer answer;

	while (poll_now(rm) & POLLIN) {
		CHECK_EQ(read(rm, &n, sizeof(n)), sizeof(n));
		if (n.kind == KTM_NOTIFY_LAST_RECOVER)
			continue;
		ledger_outcome(&n.uow, told_by(n.kind));
		if (!answer_of(&n, &b))
			continue;
		answer = ARG(ktm_answer, .enlistment = b.enlistment, .key = b.key);
		make(rm, b.request, &answer);
	}
}

static void finish_all(int tm)
{
	const struct deadline d = deadline_in(PATIENCE);
	guid_t guids[64];
	struct ktm_enumerate e = ARG(ktm_enumerate, .kind = KTM_KIND_RM, .count = 64,
				     .guids = (uintptr_t)guids);
	unsigned int i, n = 0;
	int rms[64];

	if (test_try(tm, KTM_IOC_ENUMERATE, &e) == KTM_STATUS_SUCCESS)
		n = e.count;
	CHECK(n < 64);
	for (i = 0; i < n; i++) {
		rms[i] = rm_open(tm, &guids[i]);
		rm_recover(rms[i]);
	}
	do {
		for (i = 0; i < n; i++)
			finish(rms[i]);
		if (deadline_passed(&d))
			FAIL("%u transactions do not end", tm_info(tm).transactions);
	} while (tm_info(tm).transactions);
	for (i = 0; i < n; i++) {
		CHECK_EQ(rm_info(rms[i]).enlistments, 0);
		close(rms[i]);
	}
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
	CHECK_EQ(tm_info(tm).indoubt, 0);
	CHECK_EQ(tm_info(tm).log_reserved, 0);
}

/* The others may be anything by now: gone, or there to stay, or rolled forward. */
static int open_other(const char *path)
{
	struct ktm_tm_open_log o = ARG(ktm_tm_open_log, .access = KTM_TM_ALL_ACCESS,
				       .device_fd = disk_open(path));
	const struct deadline d = deadline_in(PATIENCE);
	int tm = -1;

	while (tm < 0) {
		if (test_try(dev(), KTM_IOC_TM_OPEN_LOG, &o) == KTM_STATUS_SUCCESS)
			tm = o.fd;
		else
			tm_try_attach(path, &tm);
		if (deadline_passed(&d))
			FAIL("the TM of %s is neither to be opened nor to be made", path);
	}
	close(o.device_fd);
	tm_recover(tm);
	return tm;
}

static void close_other(int tm, const char *path)
{
	struct ktm_call call = ARG(ktm_call);

	if (tm_info(tm).flags & KTM_TM_PERSIST)
		CALL(tm, KTM_IOC_TM_OFFLINE, &call, KTM_STATUS_SUCCESS);
	tm_close(tm, path);
}

static void end_of_all(int tm)
{
	unsigned int i, rms;
	int other;

	finish_all(tm);
	for (i = 1; i < NR_DISKS; i++) {
		other = open_other(common->disks[i]);
		finish_all(other);
		close_other(other, common->disks[i]);
	}
	rms = tm_info(tm).rms;
	tm_close(tm, common->disks[0]);
	/* What the log holds is over, too. */
	tm = tm_online(common->disks[0]);
	CHECK_EQ(tm_info(tm).transactions, 0);
	CHECK_EQ(tm_info(tm).rms, rms);
	tm_close(tm, common->disks[0]);
}

/*
 * A request on the wrong thing, or with a struct that is too short, is told so; one
 * that does not exist is told nothing.
 */
static bool known(unsigned int request)
{
	struct { unsigned int size, status; } head = { sizeof(head), NO_STATUS };

	CHECK(ioctl(dev(), request, &head) < 0);
	return head.status != NO_STATUS;
}

static void print_counts(void)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < nr_lines; i++) {
		const unsigned int nr = _IOC_NR(lines[i].request);

		printf("# %s: %llu made, %llu succeeded\n", request_name(lines[i].request),
		       (unsigned long long)common->made[nr], (unsigned long long)common->done[nr]);
		sum += common->made[nr];
		CHECK(common->made[nr]);
	}
	printf("# %u transactions committed, %u rolled back\n",
	       ledger_count(KTM_OUTCOME_COMMITTED), ledger_count(KTM_OUTCOME_ABORTED));
	printf("campaign stress: tried=%llu violations=0 seed=%llu\n", (unsigned long long)sum,
	       (unsigned long long)seed);
	CHECK(ledger_count(KTM_OUTCOME_COMMITTED) && ledger_count(KTM_OUTCOME_ABORTED));
}

void test_setup(void)
{
	const char *wanted = getenv("KTM_SEED");

	seed = wanted ? strtoull(wanted, NULL, 10) : 1;
}

TEST(no_request_is_without_a_line)
{
	unsigned int nr, i;

	for (nr = 0; nr < 256; nr++) {
		for (i = 0; i < nr_lines && lines[i].request != KTM_IOC(nr); i++)
			;
		if (known(KTM_IOC(nr)) && i == nr_lines)
			FAIL("request 0x%02x has no line in stresslines.c", nr);
		if (!known(KTM_IOC(nr)) && i < nr_lines)
			FAIL("the module does not know %s", request_name(KTM_IOC(nr)));
	}
}

TEST(all_requests_at_once)
{
	struct disk disks[NR_DISKS];
	pid_t pids[PROCESSES];
	uintptr_t i;
	int tm = set_up(disks, NULL);

	for (i = 0; i < PROCESSES; i++)
		pids[i] = test_spawn(counted, (void *)i);
	for (i = 0; i < PROCESSES; i++)
		test_join(pids[i]);
	end_of_all(tm);
	print_counts();
}

/* One after the other is killed, wherever it is, and a new one takes its place. */
TEST(killed_in_any_request)
{
	struct disk disks[NR_DISKS];
	pid_t pids[PROCESSES];
	struct actor me = { .random = seed + 12345 };
	unsigned int k, wait;
	uintptr_t i;
	int tm = set_up(disks, NULL);

	for (i = 0; i < PROCESSES; i++)
		pids[i] = test_spawn(for_ever, (void *)i);
	for (k = 0; k < rounds() / 40; k++) {
		for (wait = draw(&me, 30); wait; wait--)
			nap();
		i = draw(&me, PROCESSES);
		test_kill(pids[i]);
		pids[i] = test_spawn(for_ever, (void *)(i + PROCESSES * (k + 1)));
	}
	for (i = 0; i < PROCESSES; i++)
		test_kill(pids[i]);
	end_of_all(tm);
	print_counts();
}

/*
 * Fails writes and flushes until the TM has noticed, again and again, while anybody is
 * at work. Returns how often it has.
 */
static unsigned int fail_now_and_then(int tm, struct flaky *flaky, pid_t *pids)
{
	static const enum trouble troubles[] = { FAIL_WRITES, FAIL_FLUSHES, FAIL_ALL };
	struct actor me = { .random = seed + 54321 };
	unsigned int left = PROCESSES, failed = 0, i, wait;
	int status;

	while (left) {
		for (wait = 10 + draw(&me, 30); wait; wait--)
			nap();
		flaky_set(flaky, troubles[draw(&me, 3)]);
		for (wait = 100; wait && tm_info(tm).state == KTM_TM_STATE_ONLINE; wait--)
			nap();
		failed += tm_info(tm).state == KTM_TM_STATE_FAILED;
		flaky_set(flaky, NO_TROUBLE);
		for (i = 0; i < PROCESSES; i++) {
			if (!pids[i] || waitpid(pids[i], &status, WNOHANG) != pids[i])
				continue;
			if (!WIFEXITED(status) || WEXITSTATUS(status))
				FAIL("a process ended with status 0x%x", status);
			pids[i] = 0;
			left--;
		}
	}
	return failed;
}

/* The first TM loses its journal and is brought back under all who use it. */
TEST(log_fails_under_all_requests)
{
	struct disk disks[NR_DISKS];
	pid_t pids[PROCESSES];
	struct flaky flaky;
	unsigned int failed;
	uintptr_t i;
	int tm = set_up(disks, &flaky);

	for (i = 0; i < PROCESSES; i++)
		pids[i] = test_spawn(counted, (void *)i);
	failed = fail_now_and_then(tm, &flaky, pids);
	printf("# the log failed %u times\n", failed);
	CHECK(failed);
	tm_recover(tm);
	end_of_all(tm);
	flaky_remove(&flaky);
	print_counts();
}
