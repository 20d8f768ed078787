// SPDX-License-Identifier: GPL-2.0
/*
 * What one user leaves the others of a log, with the share that is everybody's unless
 * max_log_share says otherwise.
 */
#define _GNU_SOURCE
#include <sched.h>
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

/* @fd: where a descriptor of the enlistment goes, NULL: there is to be none. */
static unsigned int try_enlist_fd(int rm, int tx, guid_t *en, int *fd)
{
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = EN_MASK,
				  .flags = fd ? KTM_ENLIST_FD : 0,
				  .access = fd ? KTM_EN_ALL_ACCESS : 0);
	unsigned int status = test_try(rm, KTM_IOC_ENLIST, &e);

	test_shows(KTM_IOC_ENLIST, status);
	*en = e.guid;
	if (fd)
		*fd = e.fd;
	return status;
}

static unsigned int try_enlist(int rm, int tx, guid_t *en)
{
	return try_enlist_fd(rm, tx, en, NULL);
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

static unsigned int try_prepare(guid_t en, const void *information, unsigned int length)
{
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en,
				  .information = (uintptr_t)information,
				  .information_length = length);

	return test_try(rm, KTM_IOC_PREPARE_COMPLETE, &a);
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

/*
 * Transactions that are committed, and whose RM does not say that it has finished: what it has told
 * of itself lives in restart areas only.
 */
static void take_restart_areas(void)
{
	static unsigned char information[KTM_MAX_RECOVERY_INFORMATION];
	unsigned int n, status = KTM_STATUS_SUCCESS, length = sizeof(information);
	guid_t en;
	int tx;

	for (n = 0; n < MANY; n++) {
		tx = tx_create(tm);
		status = try_enlist(rm, tx, &en);
		if (status != KTM_STATUS_SUCCESS)
			break;
		COMMIT(tx, 0, KTM_STATUS_PENDING);
		TAKE(rm, KTM_NOTIFY_PREPARE, en);
		while (length && try_prepare(en, information, length) != KTM_STATUS_SUCCESS)
			length /= 2;
		if (!length)
			CHECK_EQ(try_prepare(en, NULL, 0), KTM_STATUS_SUCCESS);
		TAKE(rm, KTM_NOTIFY_COMMIT, en);
	}
	CHECK_EQ(status, KTM_STATUS_QUOTA_EXCEEDED);
	CHECK(n > 2);
	printf("# %u committed transactions are a share\n", n);
}

/* More than the two can have left of their shares because it was too little for one more. */
static void enlist_some_as_root(void)
{
	enum { SOME = 16 };
	const int tx = tx_create(tm);
	guid_t en[SOME];
	unsigned int i;

	for (i = 0; i < SOME; i++)
		CHECK_EQ(try_enlist(rm, tx, &en[i]), KTM_STATUS_SUCCESS);
	ROLLBACK(tx, 0, KTM_STATUS_PENDING);
	for (i = 0; i < SOME; i++)
		en_rollback(rm, en[i]);
	commit_as_root();
}

TEST(of_restart_areas)
{
	leave_room(take_restart_areas, enlist_some_as_root);
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

static int tx_of(uid_t uid)
{
	int tx;

	set_uid(uid);
	tx = tx_create(tm);
	set_uid(0);
	return tx;
}

/* An enlistment of @enlister's in a transaction of @maker's. */
struct pair {
	int tx, fd;
	guid_t en;
};

static unsigned int enlist_for(uid_t enlister, uid_t maker, struct pair *p)
{
	unsigned int status;

	p->tx = tx_of(maker);
	set_uid(enlister);
	status = try_enlist_fd(rm, p->tx, &p->en, &p->fd);
	set_uid(0);
	return status;
}

/* As many as somebody's share lets in. Behind them is the one that was refused. */
static unsigned int enlist_all_for(uid_t enlister, uid_t maker, struct pair *p)
{
	unsigned int n, status = KTM_STATUS_SUCCESS;

	for (n = 0; n < MANY; n++) {
		status = enlist_for(enlister, maker, &p[n]);
		if (status != KTM_STATUS_SUCCESS)
			break;
	}
	CHECK_EQ(status, KTM_STATUS_QUOTA_EXCEEDED);
	CHECK(n > 2);
	TX_IS(p[n].tx, KTM_TX_STATE_ACTIVE);
	return n;
}

static void roll_back(const struct pair *p)
{
	ROLLBACK(p->tx, 0, KTM_STATUS_PENDING);
	en_rollback(rm, p->en);
}

/*
 * An RM of the administrator's, which is not bound by any share, works for a client: what it
 * has to hold for him is his.
 */
TEST(of_an_rm_for_its_clients)
{
	static struct pair p[MANY];
	const unsigned int n = enlist_all_for(0, NOBODY, p);

	/* Nobody else is concerned. */
	commit_one(rm, tx_create(tm));
	commit_one(rm, tx_of(ANOTHER));
	/* What he gives back he can have again, though the RM keeps its descriptor. */
	roll_back(&p[0]);
	CHECK_EQ(try_enlist(rm, p[n].tx, &p[n].en), KTM_STATUS_SUCCESS);
}

/* In one transaction, as many as somebody's share lets in. */
static void enlist_all_in(uid_t enlister, int tx)
{
	unsigned int n = 0, status;
	guid_t en;

	set_uid(enlister);
	do
		status = try_enlist(rm, tx, &en);
	while (status == KTM_STATUS_SUCCESS && n++ < MANY);
	set_uid(0);
	CHECK_EQ(status, KTM_STATUS_QUOTA_EXCEEDED);
	CHECK(n > 2);
}

/* Somebody's RM has clients of its own: one leaves the others what the RM can have for them. */
TEST(of_one_client_among_many)
{
	struct pair other;

	enlist_all_in(ANOTHER, tx_of(NOBODY));
	CHECK_EQ(enlist_for(ANOTHER, ANOTHER, &other), KTM_STATUS_SUCCESS);
	CHECK_EQ(enlist_for(ANOTHER, ANOTHER - 1, &other), KTM_STATUS_SUCCESS);
}

/* To be in a transaction of the administrator's makes nobody's share larger. */
TEST(of_an_rm_that_works_for_root)
{
	const int tx = tx_of(0);
	guid_t en;

	enlist_all_in(NOBODY, tx);
	/* Another one may, and root himself. */
	set_uid(ANOTHER);
	CHECK_EQ(try_enlist(rm, tx, &en), KTM_STATUS_SUCCESS);
	set_uid(0);
	CHECK_EQ(try_enlist(rm, tx, &en), KTM_STATUS_SUCCESS);
	commit_one(rm, tx_of(0));
}

static void in_a_namespace(void *unused)
{
	(void)unused;
	CHECK_EQ(unshare(CLONE_NEWUSER), 0);
	enlist_all();
}

/* What root has is not held against those who live in a namespace that he made. */
TEST(of_who_lives_in_a_namespace_of_roots)
{
	int s;

	if (access("/proc/self/ns/user", F_OK))
		test_skip("no user namespaces here");
	/* More than a share of all the streams, which have three eighths. */
	CHECK_EQ(stream_try_create(tm, "much", tm_space(tm).bytes / 16 * 5, &s),
		 KTM_STATUS_SUCCESS);
	test_join(test_spawn(in_a_namespace, NULL));
}

/* Gates: 1: the namespace is there; 2: it has users. */
static void as_two_in_a_namespace(void *unused)
{
	guid_t en;

	(void)unused;
	CHECK_EQ(unshare(CLONE_NEWUSER), 0);
	go(1);
	meet(2);
	enlist_all();
	CHECK_EQ(seteuid(NOBODY), 0);
	CHECK_EQ(try_enlist(rm, tx_create(tm), &en), KTM_STATUS_QUOTA_EXCEEDED);
}

/* But they are not more than one user for it, by however many names. */
TEST(of_all_who_live_in_a_namespace_of_roots)
{
	char path[32];
	pid_t child;
	guid_t en;
	FILE *map;

	if (access("/proc/self/ns/user", F_OK))
		test_skip("no user namespaces here");
	child = test_spawn(as_two_in_a_namespace, NULL);
	meet(1);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", child);
	map = fopen(path, "w");
	CHECK(map);
	CHECK(fprintf(map, "0 0 65535\n") > 0);
	CHECK_EQ(fclose(map), 0);
	go(2);
	test_join(child);
	/* Root himself is no part of that. */
	CHECK_EQ(try_enlist(rm, tx_create(tm), &en), KTM_STATUS_SUCCESS);
}

#define TIMES	30000

/* Gate 1: it is enough. */
static void want_too_much(void *name)
{
	uint64_t quota = 1ull << 60;
	struct ktm_set set = ARG(ktm_set, .info_class = KTM_INFO_STREAM_QUOTA,
				 .buffer = (uintptr_t)&quota, .length = sizeof(quota));
	int s;

	become(NOBODY, NOBODY);
	s = stream_create(tm, name, 4096);
	while (!is_open(1))
		CHECK_EQ(test_try(s, KTM_IOC_SET, &set), KTM_STATUS_QUOTA_EXCEEDED);
}

static void inform(int boss, guid_t sup, unsigned int length)
{
	static unsigned char information[8];
	struct ktm_set set = ARG(ktm_set, .info_class = KTM_INFO_EN_RECOVERY, .guid = sup,
				 .length = length,
				 .buffer = length ? (uintptr_t)information : 0);

	CHECK_EQ(test_try(boss, KTM_IOC_SET, &set), KTM_STATUS_SUCCESS);
}

/*
 * What a user is refused takes nothing of his share, not even for a moment. The moments are short,
 * so on both sides it is what is charged with the least ado: the quota of a stream, and what a
 * superior's information needs.
 */
TEST(of_what_is_refused)
{
	int boss = rm_online(tm, 2), tx = tx_of(NOBODY);
	const guid_t sup = enlist_superior(boss, tx, KTM_NOTIFY_ROLLBACK, 0);
	unsigned int i;
	pid_t one, two;

	one = test_spawn(want_too_much, "one");
	two = test_spawn(want_too_much, "two");
	for (i = 0; i < TIMES; i++) {
		inform(boss, sup, 8);
		inform(boss, sup, 0);
	}
	go(1);
	test_join(one);
	test_join(two);
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
