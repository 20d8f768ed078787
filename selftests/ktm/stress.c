// SPDX-License-Identifier: GPL-2.0
/*
 * Many processes and threads on the same objects, all calls, a fixed count.
 * Each answer has to be one that some order of the calls explains, and nothing
 * is left at the end: the harness looks.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "calls.h"
#include "disk.h"

#define PROCESSES	4
#define THREADS		3
#define ROUNDS		150

static guid_t tm_id, rm_ids[3];

/* xorshift: the choices of each thread, the same in every run. */
static unsigned int draw(uint64_t *x, unsigned int n)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x % n;
}

static void allow(int fd, unsigned int request, void *arg, uint64_t allowed)
{
	unsigned int status = test_try(fd, request, arg);

	if (status >= 64 || !(allowed & 1ull << status))
		FAIL("%s: %s", request_name(request), status_name(status));
}

#define BIT(s)	(1ull << KTM_STATUS_##s)

/* What may come of an answer when others commit, roll back and close meanwhile. */
#define ANY_ANSWER							\
	(BIT(SUCCESS) | BIT(NOT_REQUESTED) | BIT(ENLISTMENT_NOT_FOUND) |	\
	 BIT(REQUEST_NOT_VALID) | BIT(ALREADY_ABORTED) | BIT(ALREADY_COMMITTED))

static void answer_any(int rm, unsigned int request, guid_t en)
{
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en);

	allow(rm, request, &a, ANY_ANSWER);
}

/* Answer whatever comes, now and then with a rollback instead of a vote. */
static void serve(int rm, uint64_t *x)
{
	struct ktm_notification n[4];
	ssize_t got = read(rm, n, sizeof(n));
	unsigned int i;

	if (got < 0) {
		CHECK(errno == EAGAIN || errno == EINTR);
		return;
	}
	for (i = 0; i < got / sizeof(n[0]); i++) {
		if (n[i].kind == KTM_NOTIFY_PREPARE)
			answer_any(rm, draw(x, 8) ? KTM_IOC_PREPARE_COMPLETE :
				   draw(x, 2) ? KTM_IOC_READ_ONLY : KTM_IOC_EN_ROLLBACK,
				   n[i].enlistment);
		else if (n[i].kind == KTM_NOTIFY_COMMIT)
			answer_any(rm, KTM_IOC_COMMIT_COMPLETE, n[i].enlistment);
		else if (n[i].kind == KTM_NOTIFY_ROLLBACK)
			answer_any(rm, KTM_IOC_ROLLBACK_COMPLETE, n[i].enlistment);
		else
			FAIL("notification 0x%x", n[i].kind);
	}
}

static int open_any(unsigned int request, int on, guid_t g, unsigned int access, uint64_t allowed)
{
	struct ktm_open o = ARG(ktm_open, .access = access, .guid = g);

	allow(on, request, &o, allowed | BIT(SUCCESS));
	return o.status == KTM_STATUS_SUCCESS ? o.fd : -1;
}

static void one_round(int tm, int rm, uint64_t *x)
{
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = tm,
				     .timeout_ns = draw(x, 4) ? 0 : 1000000 * draw(x, 20));
	struct ktm_enlist e = ARG(ktm_enlist, .mask = EN_MASK);
	struct ktm_call call = ARG(ktm_call);
	unsigned int i, n = draw(x, 3);
	int tx, second;

	/* A few names for all, so that they meet. */
	c.uow = guid_of(1000 + draw(x, 6));
	allow(dev(), KTM_IOC_TX_CREATE, &c, BIT(SUCCESS) | BIT(OBJECT_NAME_COLLISION));
	tx = c.status == KTM_STATUS_SUCCESS ? c.fd :
	     open_any(KTM_IOC_TX_OPEN, dev(), c.uow, KTM_TX_ALL_ACCESS,
		      BIT(TRANSACTION_NOT_FOUND));
	if (tx < 0)
		return;
	for (i = 0; i < n; i++) {
		e.tx_fd = tx;
		e.flags = draw(x, 4) ? 0 : KTM_ENLIST_FD;
		e.access = e.flags ? KTM_EN_ALL_ACCESS : 0;
		allow(rm, KTM_IOC_ENLIST, &e, BIT(SUCCESS) | BIT(TRANSACTION_NOT_ACTIVE));
		if (e.status == KTM_STATUS_SUCCESS && e.flags)
			close(e.fd);
	}
	second = narrow(tx, KTM_TX_QUERY_INFORMATION);
	switch (draw(x, 4)) {
	case 0:
		allow(tx, KTM_IOC_ROLLBACK, &call, BIT(SUCCESS) | BIT(PENDING) |
		      BIT(ALREADY_ABORTED) | BIT(ALREADY_COMMITTED) | BIT(REQUEST_NOT_VALID));
		break;
	case 1:
		break;
	default:
		allow(tx, KTM_IOC_COMMIT, &call, BIT(SUCCESS) | BIT(PENDING) | BIT(ROLLED_BACK) |
		      BIT(ALREADY_ABORTED) | BIT(ALREADY_COMMITTED) | BIT(REQUEST_NOT_VALID));
		break;
	}
	serve(rm, x);
	tx_info(second);
	close(tx);
	close(second);
}

static void *worker(void *data)
{
	uint64_t x = 0x9e3779b97f4a7c15ull * ((uintptr_t)data + 1);
	int tm = tm_open(&tm_id), rm, i;

	rm = rm_open(tm, &rm_ids[(uintptr_t)data % 3]);
	CHECK_EQ(fcntl(rm, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	for (i = 0; i < ROUNDS; i++) {
		one_round(tm, rm, &x);
		if (!draw(&x, 30))
			count_objects(dev(), KTM_KIND_TX);
		if (!draw(&x, 30))
			count_objects(rm, KTM_KIND_EN);
	}
	close(rm);
	close(tm);
	return NULL;
}

static void many_threads(void *data)
{
	pthread_t threads[THREADS];
	uintptr_t i;

	dev();
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, worker,
					(void *)((uintptr_t)data * THREADS + i)), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void run_all(int tm, unsigned int rm_flags)
{
	pid_t pids[PROCESSES];
	uint64_t x = 1;
	int rms[3];
	uintptr_t i;
	struct deadline d;

	tm_id = tm_guid(tm);
	for (i = 0; i < 3; i++) {
		rm_ids[i] = guid_of(50 + i);
		rms[i] = rm_create_as(tm, rm_flags, &rm_ids[i]);
		if (!rm_flags)
			rm_recover_empty(rms[i]);
		CHECK_EQ(fcntl(rms[i], F_SETFL, O_RDWR | O_NONBLOCK), 0);
	}
	for (i = 0; i < PROCESSES; i++)
		pids[i] = test_spawn(many_threads, (void *)i);
	for (i = 0; i < PROCESSES; i++)
		test_join(pids[i]);
	/* What nobody has answered yet, is answered here; then all has ended. */
	d = deadline_in(PATIENCE);
	while (tm_info(tm).transactions) {
		for (i = 0; i < 3; i++)
			serve(rms[i], &x);
		if (deadline_passed(&d))
			FAIL("%u transactions do not end", tm_info(tm).transactions);
	}
	for (i = 0; i < 3; i++)
		CHECK_EQ(rm_info(rms[i]).enlistments, 0);
}

TEST(everything_at_once)
{
	run_all(tm_volatile(), KTM_RM_VOLATILE);
}

TEST(everything_at_once_with_a_journal)
{
	struct disk d = disk_make(16 * MIB);
	int tm;

	journal_format(d.path, guid_of(1));
	tm = tm_online(d.path);
	run_all(tm, 0);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
	CHECK_EQ(tm_info(tm).log_reserved, 0);
}

static void open_and_close(void *unused)
{
	guid_t g = rm_ids[0];
	int tm = tm_open(&tm_id), i, rm;

	(void)unused;
	for (i = 0; i < 2000; i++) {
		struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS,
					     .flags = KTM_RM_VOLATILE, .guid = g);

		allow(tm, KTM_IOC_RM_CREATE, &c, BIT(SUCCESS) | BIT(OBJECT_NAME_COLLISION));
		rm = c.status == KTM_STATUS_SUCCESS ? c.fd :
		     open_any(KTM_IOC_RM_OPEN, tm, g, KTM_RM_ALL_ACCESS, BIT(RM_NOT_FOUND));
		if (rm >= 0)
			close(rm);
	}
}

/* The last close of a volatile RM against its opening by GUID. */
TEST(open_against_last_close)
{
	pid_t pids[PROCESSES];
	int tm = tm_volatile(), i;

	tm_id = tm_guid(tm);
	rm_ids[0] = guid_of(60);
	for (i = 0; i < PROCESSES; i++)
		pids[i] = test_spawn(open_and_close, NULL);
	for (i = 0; i < PROCESSES; i++)
		test_join(pids[i]);
	CHECK_EQ(tm_info(tm).rms, 0);
	CHECK_EQ(count_objects(tm, KTM_KIND_RM), 0);
}

static void forever(void *data)
{
	for (;;)
		many_threads(data);
}

/* All users are killed in the middle of it, again and again. */
TEST(killed_in_the_middle)
{
	pid_t pids[PROCESSES];
	int tm = tm_volatile(), rms[3], i, k;
	uintptr_t p;

	tm_id = tm_guid(tm);
	for (i = 0; i < 3; i++) {
		rm_ids[i] = guid_of(50 + i);
		rms[i] = rm_create_as(tm, KTM_RM_VOLATILE, &rm_ids[i]);
	}
	for (k = 0; k < 10; k++) {
		for (p = 0; p < PROCESSES; p++)
			pids[p] = test_spawn(forever, (void *)p);
		for (i = 0; i < 20 * k; i++)
			nap();
		for (p = 0; p < PROCESSES; p++)
			test_kill(pids[p]);
	}
	/* With their RMs gone nothing holds up the rest. */
	for (i = 0; i < 3; i++)
		close(rms[i]);
	for (i = 0; tm_info(tm).transactions && i < 30000; i++)
		nap();
	CHECK_EQ(tm_info(tm).transactions, 0);
	CHECK_EQ(count_objects(tm, KTM_KIND_RM), 0);
}
