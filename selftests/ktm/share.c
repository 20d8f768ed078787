// SPDX-License-Identifier: GPL-2.0
/*
 * What one user leaves the others of a log, with the share that is everybody's unless
 * max_log_share says otherwise.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "calls.h"
#include "disk.h"
#include "streams.h"

#define MANY		4000
#define ANOTHER		(NOBODY - 1)

static struct disk d;
static int tm, rm;

void test_setup(void)
{
	const struct rlimit files = { 2 * MANY, 2 * MANY };

	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	d = disk_make(MIB);
	journal_format(d.path, guid_of(1));
	tm = tm_online(d.path);
	rm = rm_create(tm, 0);
	rm_recover_empty(rm);
}

static unsigned int try_enlist(int rm, int tx, guid_t *en)
{
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = EN_MASK);
	unsigned int status = test_try(rm, KTM_IOC_ENLIST, &e);

	test_shows(KTM_IOC_ENLIST, status);
	*en = e.guid;
	return status;
}

/* Transactions with an enlistment each, until it is said that there are to be no more. */
static unsigned int enlist_all(void)
{
	unsigned int n, status = KTM_STATUS_SUCCESS;
	guid_t en;

	for (n = 0; n < MANY; n++) {
		status = try_enlist(rm, tx_create(tm), &en);
		if (status != KTM_STATUS_SUCCESS)
			break;
	}
	CHECK_EQ(status, KTM_STATUS_QUOTA_EXCEEDED);
	CHECK(n > 2);
	printf("# %u transactions are a share\n", n);
	return n;
}

/* Gates: user n has all that he can have; gate of @leave: they may go. */
struct greedy {
	void (*take)(void);
	uid_t uid;
	unsigned int gate, leave;
};

static void be_greedy(void *data)
{
	const struct greedy *g = data;

	become(g->uid, g->uid);
	g->take();
	go(g->gate);
	meet(g->leave);
}

static void leave_room(void (*take)(void), void (*others)(void))
{
	struct greedy one = { take, NOBODY, 1, 3 }, two = { take, ANOTHER, 2, 3 };
	pid_t first, second;

	first = test_spawn(be_greedy, &one);
	meet(1);
	/* As much for the second one as for the first, and the administrator finds some, too. */
	second = test_spawn(be_greedy, &two);
	meet(2);
	others();
	go(3);
	test_join(first);
	test_join(second);
}

static void take_transactions(void)
{
	enlist_all();
}

static void commit_as_root(void)
{
	commit_one(rm, tx_create(tm));
	close(rm_create(tm, 0));
}

TEST(of_unfinished_work)
{
	leave_room(take_transactions, commit_as_root);
}

static void take_streams(void)
{
	const uint64_t most = tm_space(tm).bytes / 8 * 3;
	unsigned int n, status;
	char name[16];
	int s;

	CHECK_EQ(stream_try_create(tm, "all", most, &s), KTM_STATUS_QUOTA_EXCEEDED);
	for (n = 0, status = KTM_STATUS_SUCCESS; status == KTM_STATUS_SUCCESS; n++) {
		snprintf(name, sizeof(name), "%u.%u", getuid(), n);
		status = stream_try_create(tm, name, most / 16, &s);
	}
	CHECK_EQ(status, KTM_STATUS_QUOTA_EXCEEDED);
	CHECK(n > 2);
	printf("# %u sixteenths are a share\n", n - 1);
}

static void commit_only(void)
{
	commit_one(rm, tx_create(tm));
}

TEST(of_streams)
{
	leave_room(take_streams, commit_only);
}

static void set_uid(uid_t uid)
{
	CHECK_EQ(seteuid(uid), 0);
}

/*
 * An RM of the administrator's, which is not bound by any share, works for a client: what it
 * has to hold for him is his.
 */
TEST(of_an_rm_for_its_clients)
{
	static guid_t en[MANY];
	static int tx[MANY];
	unsigned int n, status = KTM_STATUS_SUCCESS;

	for (n = 0; n < MANY; n++) {
		set_uid(NOBODY);
		tx[n] = tx_create(tm);
		set_uid(0);
		status = try_enlist(rm, tx[n], &en[n]);
		if (status != KTM_STATUS_SUCCESS)
			break;
	}
	CHECK_EQ(status, KTM_STATUS_QUOTA_EXCEEDED);
	TX_IS(tx[n], KTM_TX_STATE_ACTIVE);
	/* Nobody else is concerned, and what he gives back he can have again. */
	commit_one(rm, tx_create(tm));
	set_uid(ANOTHER);
	status = tx_create(tm);
	set_uid(0);
	commit_one(rm, status);
	ROLLBACK(tx[0], 0, KTM_STATUS_PENDING);
	en_rollback(rm, en[0]);
	CHECK_EQ(try_enlist(rm, tx[n], &en[n]), KTM_STATUS_SUCCESS);
}

static void use_both(void *other)
{
	const uint64_t most = tm_space(*(int *)other).bytes / 8 * 3;
	int s, r;

	become(NOBODY, NOBODY);
	CHECK_EQ(stream_try_create(*(int *)other, "large", most * 2 / 5, &s), KTM_STATUS_SUCCESS);
	CHECK(most * 2 / 5 > tm_space(tm).bytes);
	r = rm_create(tm, 0);
	rm_recover_empty(r);
	commit_one(r, tx_create(tm));
	CHECK_EQ(stream_try_create(tm, "small", 8192, &s), KTM_STATUS_SUCCESS);
}

/* Who has much in a large log may have his share of a small one. */
TEST(of_each_log_by_itself)
{
	struct disk large = disk_make(32 * MIB);
	int other;

	journal_format(large.path, guid_of(2));
	other = tm_online(large.path);
	test_join(test_spawn(use_both, &other));
	close(other);
}
