// SPDX-License-Identifier: GPL-2.0
/*
 * Conformance: what counts as an open handle, and closing at moments at which
 * nothing may happen. The rules by which a close rolls back are with the
 * rollbacks, those of the single phase and of superiors with these.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/socket.h>

#include "calls.h"
#include "disk.h"

static int tm, rm, tx, look;
static guid_t uow;

/* @look keeps nothing: it may not commit. */
void test_setup(void)
{
	tm = tm_volatile();
	rm = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
	uow = tx_info(tx).uow;
	look = tx_open(&uow, KTM_TX_QUERY_INFORMATION | KTM_TX_ROLLBACK);
}

/* A volatile one has answered whatever it owed; the commit goes on without it. */
TEST(volatile_enlistment_prepared)
{
	int rm2 = rm_create(tm, KTM_RM_VOLATILE), fd;
	guid_t other = enlist(rm2, tx), en;

	fd = enlist_fd(rm, tx, KTM_EN_ALL_ACCESS, &en);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	TAKE(rm2, KTM_NOTIFY_PREPARE, other);
	ANSWER_FD(fd, KTM_IOC_PREPARE_COMPLETE, KTM_STATUS_SUCCESS);
	close(fd);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	ANSWER(rm2, KTM_IOC_PREPARE_COMPLETE, other, KTM_STATUS_SUCCESS);
	TAKE(rm2, KTM_NOTIFY_COMMIT, other);
	ANSWER(rm2, KTM_IOC_COMMIT_COMPLETE, other, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	TAKE_NONE(rm);
	SHOWS("close enlistment-volatile-prepared");
}

/* A durable one: its RM is there, is told, and answers for it. */
TEST(durable_enlistment_prepared)
{
	struct disk d = disk_make(8 * MIB);
	int store, durable, fd;
	guid_t en;

	journal_format(d.path, guid_of(9));
	durable = tm_online(d.path);
	store = rm_create(durable, 0);
	rm_recover_empty(store);
	fd = enlist_fd(store, tx = tx_create(durable), KTM_EN_ALL_ACCESS, &en);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(store, KTM_NOTIFY_PREPARE, en);
	ANSWER_FD(fd, KTM_IOC_PREPARE_COMPLETE, KTM_STATUS_SUCCESS);
	close(fd);
	TAKE(store, KTM_NOTIFY_COMMIT, en);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	ANSWER(store, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	SHOWS("close enlistment-durable-prepared");
}

/* On its way to somebody who has not fetched it yet. */
TEST(descriptor_in_a_socket)
{
	guid_t en = enlist(rm, tx);
	int pair[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	send_fd(pair[0], tx);
	close(tx);
	close(pair[0]);
	TX_IS(look, KTM_TX_STATE_ACTIVE);
	TAKE_NONE(rm);
	/* Thrown away with the socket, unread. */
	close(pair[1]);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, en);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	TX_BECOMES(look, KTM_TX_STATE_ABORTED);
	SHOWS("close queued-in-a-socket");
}

static void *wait_in_the_call(void *unused)
{
	shared_word[0] = gettid();
	go(1);
	WAIT(tx, KTM_STATUS_SUCCESS);
	return unused;
}

static void inside(void *unused)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, wait_in_the_call, NULL), 0);
	meet(2);
	close(tx);
	go(3);
	pthread_join(thread, NULL);
	go(4);
	(void)unused;
}

/* Its number is free already, but a thread has not come back from it. */
TEST(thread_inside_a_call)
{
	guid_t en = enlist(rm, tx);
	pid_t child = test_spawn(inside, NULL);

	close(tx);
	meet(1);
	until_asleep(shared_word[0]);
	go(2);
	meet(3);
	TX_IS(look, KTM_TX_STATE_ACTIVE);
	TAKE_NONE(rm);
	ROLLBACK(look, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, en);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	meet(4);
	test_join(child);
	SHOWS("close thread-in-a-call");
}
