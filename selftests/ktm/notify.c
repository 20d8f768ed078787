// SPDX-License-Identifier: GPL-2.0
/*
 * The queue of an RM: read, poll, signals, several readers, order, and that
 * nothing is lost when a copy fails.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "calls.h"

#define RECORD	sizeof(struct ktm_notification)

static int tm, tx, rm;

void test_setup(void)
{
	tm = tm_volatile();
	rm = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
}

static void set_nonblock(int fd)
{
	CHECK_EQ(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

static void expect_read_error(int fd, void *buffer, size_t size, int want)
{
	ssize_t n;

	errno = 0;
	n = read(fd, buffer, size);
	if (n != -1 || errno != want)
		FAIL("read of %zu bytes: %zd, errno %d, not %d", size, n, errno, want);
}

TEST(nonblocking_and_short_buffers)
{
	char buffer[2 * RECORD];
	guid_t a = enlist(rm, tx);

	set_nonblock(rm);
	expect_read_error(rm, buffer, sizeof(buffer), EAGAIN);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	CHECK_EQ(poll_now(rm), POLLIN);
	expect_read_error(rm, buffer, 0, EMSGSIZE);
	expect_read_error(rm, buffer, RECORD - 1, EMSGSIZE);
	CHECK_EQ(poll_now(rm), POLLIN);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	CHECK_EQ(poll_now(rm), 0);
	expect_read_error(rm, buffer, sizeof(buffer), EAGAIN);
}

/* A record leaves the queue only when it has been copied. */
TEST(bad_pointer_loses_nothing)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	guid_t a = enlist(rm, tx);
	struct ktm_notification n;

	CHECK(page != MAP_FAILED);
	CHECK_EQ(mprotect(page + 4096, 4096, PROT_NONE), 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	expect_read_error(rm, (void *)1, RECORD, EFAULT);
	expect_read_error(rm, page + 4096, RECORD, EFAULT);
	/* The fault comes in the middle of the record. */
	expect_read_error(rm, page + 4096 - RECORD / 2, RECORD, EFAULT);
	CHECK_EQ(poll_now(rm), POLLIN);
	n = take(rm);
	CHECK_EQ(n.kind, KTM_NOTIFY_PREPARE);
	CHECK(same(&n.enlistment, &a));
	TAKE_NONE(rm);
}

/* Where the second of two records does not fit behind a bad page, the first is delivered. */
TEST(fault_behind_a_whole_record)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	guid_t a = enlist(rm, tx), b = enlist(rm, tx);
	struct ktm_notification *n = (void *)(page + 4096 - RECORD);

	CHECK(page != MAP_FAILED);
	CHECK_EQ(mprotect(page + 4096, 4096, PROT_NONE), 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	CHECK_EQ(read(rm, n, 2 * RECORD), RECORD);
	CHECK(same(&n->enlistment, &a));
	TAKE(rm, KTM_NOTIFY_PREPARE, b);
}

TEST(several_per_read)
{
	struct ktm_notification n[8];
	guid_t en[5];
	unsigned int i;

	for (i = 0; i < 5; i++)
		en[i] = enlist_key(rm, tx, 100 + i);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	/* Two whole ones and a half: two. */
	CHECK_EQ(read(rm, n, 2 * RECORD + RECORD / 2), 2 * RECORD);
	CHECK_EQ(read(rm, n + 2, sizeof(n) - 2 * RECORD), 3 * RECORD);
	for (i = 0; i < 5; i++) {
		CHECK_EQ(n[i].length, RECORD);
		CHECK_EQ(n[i].kind, KTM_NOTIFY_PREPARE);
		CHECK_EQ(n[i].key, 100 + i);
		CHECK(same(&n[i].enlistment, &en[i]));
	}
	TAKE_NONE(rm);
}

TEST(readv_and_epoll)
{
	struct ktm_notification n;
	struct iovec iov[2] = { { &n, 20 }, { (char *)&n + 20, RECORD - 20 } };
	struct epoll_event ev = { .events = EPOLLIN }, got;
	guid_t a = enlist(rm, tx);
	int ep = epoll_create1(0);

	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, rm, &ev), 0);
	CHECK_EQ(epoll_wait(ep, &got, 1, 0), 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	CHECK_EQ(epoll_wait(ep, &got, 1, PATIENCE * 1000), 1);
	CHECK_EQ(readv(rm, iov, 2), RECORD);
	CHECK_EQ(n.kind, KTM_NOTIFY_PREPARE);
	CHECK(same(&n.enlistment, &a));
	CHECK_EQ(epoll_wait(ep, &got, 1, 0), 0);
}

static void read_one(void *data)
{
	guid_t *en = data;
	struct ktm_notification n;

	CHECK_EQ(read(rm, &n, sizeof(n)), RECORD);
	CHECK_EQ(n.kind, KTM_NOTIFY_PREPARE);
	CHECK(same(&n.enlistment, en));
}

/* A reader that sleeps is woken by what comes. */
TEST(blocking_read_wakes)
{
	guid_t a = enlist(rm, tx);
	pid_t reader = test_spawn(read_one, &a);

	until_asleep(reader);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	test_join(reader);
	TAKE_NONE(rm);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void interruptible(int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };

	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
}

static void read_interrupted(void *unused)
{
	struct ktm_notification n;

	(void)unused;
	interruptible(0);
	expect_read_error(rm, &n, sizeof(n), EINTR);
}

TEST(signal_ends_a_read)
{
	pid_t reader = test_spawn(read_interrupted, NULL);

	until_asleep(reader);
	kill(reader, SIGUSR1);
	test_join(reader);
}

static void commit_interrupted(void *unused)
{
	(void)unused;
	/* With SA_RESTART, too: a call with an effect is never started twice. */
	interruptible(SA_RESTART);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_INTERRUPTED);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_REQUEST_NOT_VALID);
	go(1);
	WAIT(tx, KTM_STATUS_SUCCESS);
}

/* A signal ends the wait in Commit, not the commit. */
TEST(signal_does_not_undo_commit)
{
	guid_t a = enlist(rm, tx);
	pid_t client = test_spawn(commit_interrupted, NULL);

	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	until_asleep(client);
	kill(client, SIGUSR1);
	meet(1);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

static void rollback_interrupted(void *unused)
{
	(void)unused;
	interruptible(SA_RESTART);
	ROLLBACK(tx, KTM_CALL_WAIT, KTM_STATUS_INTERRUPTED);
}

TEST(signal_does_not_undo_rollback)
{
	guid_t a = enlist(rm, tx);
	pid_t client = test_spawn(rollback_interrupted, NULL);

	TAKE(rm, KTM_NOTIFY_ROLLBACK, a);
	until_asleep(client);
	kill(client, SIGUSR1);
	test_join(client);
	TX_IS(tx, KTM_TX_STATE_ABORTING);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
}

static void wait_interrupted(void *unused)
{
	struct ktm_tx_wait w = ARG(ktm_tx_wait, .timeout_ns = FOREVER);

	(void)unused;
	interruptible(SA_RESTART);
	CALL(tx, KTM_IOC_TX_WAIT, &w, KTM_STATUS_INTERRUPTED);
}

TEST(signal_ends_a_wait)
{
	pid_t waiter = test_spawn(wait_interrupted, NULL);

	until_asleep(waiter);
	kill(waiter, SIGUSR1);
	test_join(waiter);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
}

#define ORDERED	200
#define READERS	4

/*
 * What each reader saw of each transaction: PREPARE before COMMIT of the same
 * enlistment whoever reads, each exactly once. Index: enlistment's key.
 */
static int seen_prepare[ORDERED], seen_commit[ORDERED], completed;

static void *reader(void *unused)
{
	struct ktm_notification n[3];
	ssize_t got;
	int i;

	(void)unused;
	while (__atomic_load_n(&completed, __ATOMIC_SEQ_CST) < ORDERED) {
		got = read(rm, n, sizeof(n));
		if (got < 0) {
			CHECK_EQ(errno, EAGAIN);
			nap();
			continue;
		}
		for (i = 0; i < got / (ssize_t)RECORD; i++) {
			unsigned int k = n[i].key;

			CHECK(k < ORDERED);
			if (n[i].kind == KTM_NOTIFY_PREPARE) {
				CHECK_EQ(__atomic_add_fetch(&seen_prepare[k], 1, __ATOMIC_SEQ_CST),
					 1);
				ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, n[i].enlistment,
				       KTM_STATUS_SUCCESS);
			} else {
				CHECK_EQ(n[i].kind, KTM_NOTIFY_COMMIT);
				CHECK_EQ(seen_prepare[k], 1);
				CHECK_EQ(__atomic_add_fetch(&seen_commit[k], 1, __ATOMIC_SEQ_CST),
					 1);
				ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, n[i].enlistment,
				       KTM_STATUS_SUCCESS);
				__atomic_add_fetch(&completed, 1, __ATOMIC_SEQ_CST);
			}
		}
	}
	return NULL;
}

TEST(several_readers_share_the_queue)
{
	pthread_t threads[READERS];
	int txs[ORDERED], i;

	set_nonblock(rm);
	for (i = 0; i < READERS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, reader, NULL), 0);
	for (i = 0; i < ORDERED; i++) {
		txs[i] = tx_create(tm);
		enlist_key(rm, txs[i], i);
		COMMIT(txs[i], 0, KTM_STATUS_PENDING);
	}
	for (i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < ORDERED; i++) {
		WAIT(txs[i], KTM_STATUS_SUCCESS);
		CHECK_EQ(seen_commit[i], 1);
	}
	TAKE_NONE(rm);
}

/* What the last close leaves unread is dropped, and nobody waits for it. */
TEST(unread_notifications_go_with_the_rm)
{
	guid_t a = enlist(rm, tx);
	int other = rm_create(tm, KTM_RM_VOLATILE);
	guid_t b = enlist(other, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	poll_for(rm, POLLIN);
	close(rm);
	TAKE(other, KTM_NOTIFY_COMMIT, b);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, b, KTM_STATUS_SUCCESS);
	WAIT(tx, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	SHOWS("close rm-unread-notifications");
}

TEST(only_what_may_be_read)
{
	char buffer[RECORD];
	int blind = narrow(rm, KTM_RM_ALL_ACCESS & ~KTM_RM_GET_NOTIFICATION);
	guid_t a = enlist(rm, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	expect_read_error(blind, buffer, sizeof(buffer), EACCES);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	errno = 0;
	CHECK_EQ(read(tx, buffer, sizeof(buffer)), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(write(rm, buffer, sizeof(buffer)), -1);
	SHOWS("right RM_GET_NOTIFICATION read");
}
