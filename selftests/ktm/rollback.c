// SPDX-License-Identifier: GPL-2.0
/*
 * Every reason for a rollback on a volatile TM, and what each leaves.
 */

#include "calls.h"

static int tm, tx, rm1, rm2;

void test_setup(void)
{
	tm = tm_volatile();
	rm1 = rm_create(tm, KTM_RM_VOLATILE);
	rm2 = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
}

static void finish_rollback(guid_t a, guid_t b)
{
	TX_IS(tx, KTM_TX_STATE_ABORTING);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_ABORTED);
	TAKE(rm1, KTM_NOTIFY_ROLLBACK, a);
	TAKE(rm2, KTM_NOTIFY_ROLLBACK, b);
	EN_IS(rm1, a, KTM_EN_STATE_ABORTING);
	ANSWER(rm1, KTM_IOC_ROLLBACK_COMPLETE, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTING);
	ANSWER(rm2, KTM_IOC_ROLLBACK_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	CHECK(poll_now(tx) & POLLIN);
	TAKE_NONE(rm1);
	TAKE_NONE(rm2);
}

TEST(by_the_client)
{
	guid_t a = enlist(rm1, tx), b = enlist(rm2, tx);

	ROLLBACK(tx, 0, KTM_STATUS_PENDING);
	finish_rollback(a, b);
	ROLLBACK(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	COMMIT(tx, 0, KTM_STATUS_ALREADY_ABORTED);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
}

static void roll_back_and_wait(void *unused)
{
	(void)unused;
	ROLLBACK(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
}

TEST(by_the_client_who_waits)
{
	guid_t a = enlist(rm1, tx), b = enlist(rm2, tx);
	pid_t client = test_spawn(roll_back_and_wait, NULL);

	TAKE(rm1, KTM_NOTIFY_ROLLBACK, a);
	TAKE(rm2, KTM_NOTIFY_ROLLBACK, b);
	ANSWER(rm1, KTM_IOC_ROLLBACK_COMPLETE, a, KTM_STATUS_SUCCESS);
	until_asleep(client);
	ANSWER(rm2, KTM_IOC_ROLLBACK_COMPLETE, b, KTM_STATUS_SUCCESS);
	test_join(client);
}

TEST(of_nobody)
{
	ROLLBACK(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	tx = tx_create(-1);
	ROLLBACK(tx, 0, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
}

TEST(by_an_rm_before_commit)
{
	guid_t a = enlist(rm1, tx), b = enlist(rm2, tx);

	ANSWER(rm1, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_SUCCESS);
	finish_rollback(a, b);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_ALREADY_ABORTED);
}

/* The client waits in Commit and learns that it came to a rollback. */
TEST(by_an_rm_instead_of_a_vote)
{
	guid_t a = enlist(rm1, tx), b = enlist(rm2, tx);
	pid_t client = commit_in_child(tx, KTM_STATUS_ROLLED_BACK);

	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	TAKE(rm2, KTM_NOTIFY_PREPARE, b);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	ANSWER(rm2, KTM_IOC_EN_ROLLBACK, b, KTM_STATUS_SUCCESS);
	/* The vote is void, nobody wants it twice. */
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm1, KTM_IOC_READ_ONLY, a, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm1, KTM_IOC_EN_ROLLBACK, a, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	finish_rollback(a, b);
	test_join(client);
}

/* A vote that crosses a rollback is void. */
TEST(vote_too_late)
{
	guid_t a = enlist(rm1, tx), b = enlist(rm2, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm2, KTM_IOC_EN_ROLLBACK, b, KTM_STATUS_SUCCESS);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_NOT_REQUESTED);
	finish_rollback(a, b);
}

/* A PREPARE that nobody has read is withdrawn by the ROLLBACK behind it. */
TEST(overtakes_an_unread_prepare)
{
	guid_t a = enlist(rm1, tx), b = enlist(rm2, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	CHECK(poll_now(rm1) & POLLIN);
	TAKE(rm2, KTM_NOTIFY_PREPARE, b);
	ANSWER(rm2, KTM_IOC_EN_ROLLBACK, b, KTM_STATUS_SUCCESS);
	finish_rollback(a, b);
}

TEST(by_the_time_out)
{
	guid_t a, b;

	tx = tx_create_timeout(tm, SOON);
	a = enlist(rm1, tx);
	b = enlist(rm2, tx);
	poll_for(rm1, POLLIN);
	finish_rollback(a, b);
	COMMIT(tx, 0, KTM_STATUS_ALREADY_ABORTED);
}

/* The time-out also counts while the votes are awaited. */
TEST(by_the_time_out_during_commit)
{
	guid_t a, b;
	pid_t client;

	tx = tx_create_timeout(tm, SOON);
	a = enlist(rm1, tx);
	b = enlist(rm2, tx);
	client = commit_in_child(tx, KTM_STATUS_ROLLED_BACK);
	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTING);
	finish_rollback(a, b);
	test_join(client);
}

/* Once decided, a time-out has nothing to say any more. */
TEST(time_out_after_the_decision)
{
	guid_t a;

	tx = tx_create_timeout(tm, SOON);
	CHECK_EQ(tx_info(tx).timeout_ns, SOON);
	a = enlist(rm1, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm1, KTM_NOTIFY_COMMIT, a);
	until_overdue(tx);
	TX_IS(tx, KTM_TX_STATE_COMMITTING);
	TAKE_NONE(rm1);
	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}

/* The last descriptor that may commit: a narrowed one does not keep it. */
TEST(by_closing_the_client)
{
	int rest = narrow(tx, KTM_TX_RESOURCE_MANAGER_RIGHTS), twin = dup(tx);
	guid_t a = enlist(rm1, tx), b = enlist(rm2, tx);

	close(tx);
	TX_IS(rest, KTM_TX_STATE_ACTIVE);
	close(twin);
	tx = rest;
	poll_for(rm1, POLLIN);
	finish_rollback(a, b);
	SHOWS("close transaction-before-commit");
	SHOWS("close transaction-without-a-committer");
}

/* A second descriptor that may commit does keep it. */
TEST(not_by_closing_one_of_two)
{
	int second = narrow(tx, KTM_TX_COMMIT | KTM_TX_QUERY_INFORMATION);
	guid_t a = enlist(rm1, tx);

	close(tx);
	TX_IS(second, KTM_TX_STATE_ACTIVE);
	TAKE_NONE(rm1);
	COMMIT(second, 0, KTM_STATUS_PENDING);
	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	SHOWS("close transaction-one-of-two");
}

/* After Commit the client may go: it is committed all the same. */
TEST(not_by_closing_after_commit)
{
	int rest = narrow(tx, KTM_TX_QUERY_INFORMATION);
	guid_t a = enlist(rm1, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	close(tx);
	TX_IS(rest, KTM_TX_STATE_PREPARING);
	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm1, KTM_NOTIFY_COMMIT, a);
	ANSWER(rm1, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	TX_IS(rest, KTM_TX_STATE_COMMITTED);
	SHOWS("close transaction-after-commit");
}

TEST(by_closing_an_rm_before_it_prepared)
{
	guid_t b = enlist(rm2, tx);

	enlist(rm1, tx);
	close(rm1);
	TAKE(rm2, KTM_NOTIFY_ROLLBACK, b);
	TX_IS(tx, KTM_TX_STATE_ABORTING);
	ANSWER(rm2, KTM_IOC_ROLLBACK_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	SHOWS("close rm-before-prepared");
}

TEST(by_closing_an_rm_that_was_asked)
{
	guid_t a = enlist(rm1, tx), b = enlist(rm2, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	TAKE(rm2, KTM_NOTIFY_PREPARE, b);
	ANSWER(rm2, KTM_IOC_PREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	close(rm1);
	TAKE(rm2, KTM_NOTIFY_ROLLBACK, b);
	TX_IS(tx, KTM_TX_STATE_ABORTING);
	ANSWER(rm2, KTM_IOC_ROLLBACK_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	SHOWS("close rm-asked");
}

/* A volatile RM that closes when prepared has answered whatever it owed. */
TEST(not_by_closing_a_prepared_volatile_rm)
{
	guid_t a = enlist(rm1, tx), b = enlist(rm2, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm1, KTM_NOTIFY_PREPARE, a);
	TAKE(rm2, KTM_NOTIFY_PREPARE, b);
	ANSWER(rm1, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	close(rm1);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	ANSWER(rm2, KTM_IOC_PREPARE_COMPLETE, b, KTM_STATUS_SUCCESS);
	TAKE(rm2, KTM_NOTIFY_COMMIT, b);
	ANSWER(rm2, KTM_IOC_COMMIT_COMPLETE, b, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	SHOWS("close rm-volatile-prepared");
}

TEST(by_closing_an_enlistment)
{
	guid_t a;
	int en = enlist_fd(rm1, tx, KTM_EN_ALL_ACCESS, &a), twin = dup(en);
	guid_t b = enlist(rm2, tx);

	close(en);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	close(twin);
	/* Its RM is still there to undo what it did. */
	finish_rollback(a, b);
	SHOWS("close enlistment-before-prepared");
}

/* An enlistment that belongs to its RM is not taken over by opening it. */
TEST(not_by_closing_an_opened_enlistment)
{
	guid_t a = enlist(rm1, tx);
	struct ktm_open o = ARG(ktm_open, .access = KTM_EN_ALL_ACCESS, .guid = a);

	CALL(rm1, KTM_IOC_EN_OPEN, &o, KTM_STATUS_SUCCESS);
	CHECK_EQ(en_info(o.fd).state, KTM_EN_STATE_ACTIVE);
	close(o.fd);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	EN_IS(rm1, a, KTM_EN_STATE_ACTIVE);
	TAKE_NONE(rm1);
	SHOWS("close enlistment-opened-later");
}

/* During a rollback, a closed RM holds up nobody who waits for it. */
TEST(closed_rm_does_not_hold_up_a_rollback)
{
	guid_t a = enlist(rm1, tx), b = enlist(rm2, tx);

	ROLLBACK(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm1, KTM_NOTIFY_ROLLBACK, a);
	ANSWER(rm1, KTM_IOC_ROLLBACK_COMPLETE, a, KTM_STATUS_SUCCESS);
	TAKE(rm2, KTM_NOTIFY_ROLLBACK, b);
	close(rm2);
	WAIT(tx, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	SHOWS("close rm-during-rollback");
}
