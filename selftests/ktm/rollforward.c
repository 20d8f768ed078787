// SPDX-License-Identifier: GPL-2.0
/*
 * A log that is read up to a virtual clock: what was decided later counts as not
 * decided, nothing is taken from the log, and recovery to the end finds all of it.
 */
#include "calls.h"
#include "disk.h"

#define TM_GUID	guid_of(900)
#define RM_GUID	guid_of(1)
#define SUP_GUID	guid_of(2)

#define SUPERIOR_MASK	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE | \
			 KTM_NOTIFY_RECOVER_QUERY | KTM_NOTIFY_LAST_RECOVER)

static struct disk d;
static int tm, rm;

/* Transactions that are decided, one after the other, and completed by nobody. */
#define NR	3
static guid_t ens[NR], uows[NR];
static uint64_t clocks[NR];

void test_setup(void)
{
	guid_t g = RM_GUID;

	d = disk_make(8 * MIB);
	journal_format(d.path, TM_GUID);
	tm = tm_online(d.path);
	rm = rm_create_as(tm, 0, &g);
	rm_recover_empty(rm);
}

static void decide_all(void)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		int tx = tx_create(tm);

		ens[i] = enlist_key(rm, tx, 10 + i);
		uows[i] = tx_info(tx).uow;
		COMMIT(tx, 0, KTM_STATUS_PENDING);
		TAKE(rm, KTM_NOTIFY_PREPARE, ens[i]);
		ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, ens[i], KTM_STATUS_SUCCESS);
		TAKE(rm, KTM_NOTIFY_COMMIT, ens[i]);
		clocks[i] = tm_info(tm).virtual_clock;
		CHECK(!i || clocks[i] > clocks[i - 1]);
		close(tx);
	}
}

/* Everything is closed; the log has been read by nobody. */
static void shut(void)
{
	close(rm);
	tm_close(tm, d.path);
	tm = tm_attach(d.path);
}

#define ROLLFORWARD(clock, want)					\
	do {								\
		struct ktm_tm_rollforward __r = ARG(ktm_tm_rollforward,	\
			.device_fd = -1, .virtual_clock = (clock));	\
		CALL(tm, KTM_IOC_TM_ROLLFORWARD, &__r, want);		\
	} while (0)

static void open_and_recover(void)
{
	guid_t g = RM_GUID;

	rm = rm_open(tm, &g);
	CHECK(poll_now(rm) & POLLERR);
	rm_recover(rm);
}

/* RECOVER for each, in whatever order. */
static void asked_for_all(void)
{
	unsigned int i, seen = 0;

	for (i = 0; i < NR; i++) {
		struct ktm_notification n = take(rm);

		CHECK_EQ(n.kind, KTM_NOTIFY_RECOVER);
		CHECK(n.key >= 10 && n.key < 10 + NR);
		CHECK(same(&n.enlistment, &ens[n.key - 10]));
		seen |= 1u << (n.key - 10);
	}
	CHECK_EQ(seen, (1u << NR) - 1);
}

/* The first @n have been decided, the rest is in doubt. */
static void told_of(unsigned int n)
{
	unsigned int i;

	asked_for_all();
	TAKE_NONE(rm);
	for (i = 0; i < NR; i++) {
		en_recover(rm, ens[i], 10 + i);
		TAKE(rm, i < n ? KTM_NOTIFY_COMMIT : KTM_NOTIFY_INDOUBT, ens[i]);
	}
	TAKE_NONE(rm);
}

static void complete_all(void)
{
	unsigned int i;

	asked_for_all();
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	for (i = 0; i < NR; i++) {
		en_recover(rm, ens[i], 10 + i);
		TAKE(rm, KTM_NOTIFY_COMMIT, ens[i]);
		ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, ens[i], KTM_STATUS_SUCCESS);
	}
	CHECK_EQ(tm_info(tm).transactions, 0);
}

/* What needs a log that takes records. */
static void takes_no_work(void)
{
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = tm);
	struct ktm_rm_create r = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS);
	struct ktm_rm_create v = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS,
				     .flags = KTM_RM_VOLATILE);
	struct ktm_enlist e = ARG(ktm_enlist, .mask = EN_MASK, .tx_fd = tx_create(-1));
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_TM_ONLINE);
	struct ktm_tm_rename n = ARG(ktm_tm_rename);
	struct ktm_answer a = ARG(ktm_answer, .enlistment = guid_of(77));

	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_TM_NOT_ONLINE);
	CALL(tm, KTM_IOC_RM_CREATE, &r, KTM_STATUS_TM_NOT_ONLINE);
	CALL(tm, KTM_IOC_RM_CREATE, &v, KTM_STATUS_TM_NOT_ONLINE);
	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_TM_NOT_ONLINE);
	CALL(tm, KTM_IOC_QUERY, &q, KTM_STATUS_TM_NOT_ONLINE);
	CALL(tm, KTM_IOC_TM_RENAME, &n, KTM_STATUS_REQUEST_NOT_VALID);
	/* Not "not found", which would mean that it has been rolled back. */
	CALL(rm, KTM_IOC_EN_RECOVER, &a, KTM_STATUS_TM_NOT_ONLINE);
	CHECK_EQ(rm_info(rm).online, 0);
	close(e.tx_fd);
}

TEST(short_of_the_end)
{
	struct ktm_open o = ARG(ktm_open, .access = KTM_TX_QUERY_INFORMATION | KTM_TX_ROLLBACK);
	unsigned char *before;
	int tx;

	decide_all();
	before = disk_read(&d);
	shut();
	ROLLFORWARD(clocks[0], KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ROLLED_FORWARD);
	CHECK_EQ(tm_info(tm).virtual_clock, clocks[0]);
	CHECK_EQ(tm_info(tm).indoubt, NR - 1);
	open_and_recover();
	CHECK_EQ(poll_now(rm) & POLLERR, 0);
	told_of(1);
	takes_no_work();
	/* One that is decided later is in doubt to all, and nobody can change that. */
	o.guid = uows[1];
	CALL(dev(), KTM_IOC_TX_OPEN, &o, KTM_STATUS_SUCCESS);
	tx = o.fd;
	TX_IS(tx, KTM_TX_STATE_INDOUBT);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_UNDETERMINED);
	WAIT(tx, KTM_STATUS_INDOUBT);
	ROLLBACK(tx, 0, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, ens[1], KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm, KTM_IOC_EN_ROLLBACK, ens[1], KTM_STATUS_REQUEST_NOT_VALID);
	/* What has been carried out is over for now. */
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, ens[0], KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).transactions, NR - 1);
	CHECK(disk_is(&d, before));

	/* To the end: everything is there, what was completed meanwhile is asked for again. */
	tm_recover(tm);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, ens[1], KTM_STATUS_TM_NOT_ONLINE);
	CHECK(poll_now(rm) & POLLERR);
	rm_recover(rm);
	complete_all();
	WAIT(tx, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
	close(tx);
	tx = tx_create(tm);
	commit_one(rm, tx);
	close(tx);
	shut();
	tm_recover(tm);
	CHECK_EQ(tm_info(tm).transactions, 0);
	tm_close(tm, d.path);
	free(before);
}

/* Step by step, each step further; the last one reaches the end. */
TEST(only_forwards)
{
	unsigned int i;

	decide_all();
	shut();
	for (i = 0; i < NR - 1; i++) {
		ROLLFORWARD(clocks[i], KTM_STATUS_SUCCESS);
		CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ROLLED_FORWARD);
		CHECK_EQ(tm_info(tm).virtual_clock, clocks[i]);
		if (!i)
			open_and_recover();
		else
			rm_recover(rm);
		told_of(i + 1);
		ROLLFORWARD(clocks[i] - 1, KTM_STATUS_INVALID_PARAMETER);
		CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ROLLED_FORWARD);
		/* To where it is already: the same again. */
		ROLLFORWARD(clocks[i], KTM_STATUS_SUCCESS);
		rm_recover(rm);
		told_of(i + 1);
	}
	ROLLFORWARD(clocks[NR - 1], KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
	ROLLFORWARD(clocks[NR - 1], KTM_STATUS_REQUEST_NOT_VALID);
	rm_recover(rm);
	complete_all();
	close(rm);
	tm_close(tm, d.path);
}

/* Before the first decision: the TM knows of each transaction, and of no outcome. */
TEST(before_all_of_it)
{
	decide_all();
	shut();
	ROLLFORWARD(clocks[0] - 1, KTM_STATUS_SUCCESS);
	open_and_recover();
	told_of(0);
	tm_recover(tm);
	rm_recover(rm);
	complete_all();
	close(rm);
	tm_close(tm, d.path);
}

/* A log that ends before that clock is simply recovered. */
TEST(beyond_the_end)
{
	decide_all();
	shut();
	ROLLFORWARD(INT64_MAX, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
	CHECK_EQ(tm_info(tm).virtual_clock, clocks[NR - 1]);
	open_and_recover();
	complete_all();
	close(rm);
	tm_close(tm, d.path);
}

/* From a restart area as from the ring: the clock of each decision is in both. */
TEST(after_a_restart_area)
{
	decide_all();
	shut();
	tm_recover(tm);
	tm_close(tm, d.path);
	tm = tm_attach(d.path);
	ROLLFORWARD(clocks[1], KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ROLLED_FORWARD);
	open_and_recover();
	told_of(2);
	tm_recover(tm);
	rm_recover(rm);
	complete_all();
	close(rm);
	tm_close(tm, d.path);
}

/* What nobody ever decided is rolled back, as by a recovery; so it stays. */
TEST(never_decided)
{
	int tx, other = rm_create(tm, KTM_RM_VOLATILE), pusher;
	guid_t en;

	tx = tx_create(tm);
	en = enlist_key(rm, tx, 5);
	enlist(other, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	/* Another's decision takes the vote to the disk. */
	pusher = tx_create(tm);
	commit_one(rm, pusher);
	close(pusher);
	rm = (close(rm), -1);
	close(other);
	/* The RM that has not voted is gone: that rolls it back. */
	WAIT(tx, KTM_STATUS_SUCCESS);
	close(tx);
	tm_close(tm, d.path);
	tm = tm_attach(d.path);
	ROLLFORWARD(1, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ROLLED_FORWARD);
	open_and_recover();
	TAKE(rm, KTM_NOTIFY_RECOVER, en);
	TAKE_NONE(rm);
	en_recover(rm, en, 6);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, en);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	tm_recover(tm);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, en);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(rm, en, 7);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, en);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).transactions, 0);
	close(rm);
	tm_close(tm, d.path);
}

/* ---- superiors ---- */

static int sup_rm;
static guid_t sup, sub;

/* Up to where only the superior decides, which is durable. */
static int prepare_for_superior(void)
{
	guid_t g = SUP_GUID;
	int tx = tx_create(tm);

	sup_rm = rm_create_as(tm, 0, &g);
	rm_recover_empty(sup_rm);
	sub = enlist_key(rm, tx, 20);
	sup = enlist_superior(sup_rm, tx, SUPERIOR_MASK, 21);
	ANSWER(sup_rm, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TAKE(sup_rm, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(sup_rm, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, sub);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, sub, KTM_STATUS_SUCCESS);
	TAKE(sup_rm, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	return tx;
}

static void open_superior(void)
{
	guid_t g = SUP_GUID;

	sup_rm = rm_open(tm, &g);
	rm_recover(sup_rm);
}

/* It decided later: until then it is as little known to it as to others. */
TEST(superior_decides_later)
{
	int tx = prepare_for_superior();
	uint64_t clock;

	ANSWER(sup_rm, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_COMMIT, sub);
	clock = tm_info(tm).virtual_clock;
	close(tx);
	close(sup_rm);
	shut();
	ROLLFORWARD(clock - 1, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ROLLED_FORWARD);
	open_superior();
	open_and_recover();
	TAKE(rm, KTM_NOTIFY_RECOVER, sub);
	en_recover(rm, sub, 20);
	TAKE(rm, KTM_NOTIFY_INDOUBT, sub);
	/* It cannot decide otherwise than it has. */
	ANSWER(sup_rm, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_REQUEST_NOT_VALID);
	TAKE_NONE(rm);
	tm_recover(tm);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, sub);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(rm, sub, 20);
	TAKE(rm, KTM_NOTIFY_COMMIT, sub);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, sub, KTM_STATUS_SUCCESS);
	rm_recover(sup_rm);
	TAKE(sup_rm, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	TAKE(sup_rm, KTM_NOTIFY_LAST_RECOVER, nil);
	CHECK_EQ(tm_info(tm).transactions, 0);
	close(sup_rm);
	close(rm);
	tm_close(tm, d.path);
}

/*
 * It has not decided. While the log takes nothing it cannot commit; it can roll back,
 * and what it told is true after the recovery, too.
 */
TEST(superior_has_not_decided)
{
	int tx = prepare_for_superior(), pusher;

	/* A later decision of others, so that the log goes further. */
	pusher = tx_create(tm);
	commit_one(rm, pusher);
	close(pusher);
	close(tx);
	close(sup_rm);
	shut();
	ROLLFORWARD(1, KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ROLLED_FORWARD);
	open_superior();
	TAKE(sup_rm, KTM_NOTIFY_RECOVER_QUERY, sup);
	open_and_recover();
	TAKE(rm, KTM_NOTIFY_RECOVER, sub);
	en_recover(rm, sub, 20);
	TAKE(rm, KTM_NOTIFY_INDOUBT, sub);
	ANSWER(sup_rm, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_TM_NOT_ONLINE);
	TAKE_NONE(rm);
	ANSWER(sup_rm, KTM_IOC_EN_ROLLBACK, sup, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, sub);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, sub, KTM_STATUS_SUCCESS);
	tm_recover(tm);
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_RECOVER, sub);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(rm, sub, 20);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, sub);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, sub, KTM_STATUS_SUCCESS);
	rm_recover(sup_rm);
	TAKE(sup_rm, KTM_NOTIFY_LAST_RECOVER, nil);
	ANSWER(sup_rm, KTM_IOC_EN_RECOVER, sup, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	close(sup_rm);
	close(rm);
	tm_close(tm, d.path);
}

/* ---- failures ---- */

/* A power cut at any point of it finds the log as it was. */
TEST(power_cuts)
{
	unsigned char *before, *now;
	unsigned int i;

	decide_all();
	before = disk_read(&d);
	for (i = 0; i < 4; i++) {
		shut();
		if (i >= 1)
			ROLLFORWARD(clocks[0], KTM_STATUS_SUCCESS);
		if (i >= 2) {
			open_and_recover();
			told_of(1);
			ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, ens[0], KTM_STATUS_SUCCESS);
		}
		if (i >= 3)
			ROLLFORWARD(clocks[1], KTM_STATUS_SUCCESS);
		now = disk_read(&d);
		CHECK(!memcmp(now, before, d.bytes));
		if (i >= 2)
			close(rm);
		tm = disk_after_cut(&d, tm, now);
		open_and_recover();
		asked_for_all();
		TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
		/* And all over again. */
		close(rm);
		tm_close(tm, d.path);
		disk_write(&d, 0, before, d.bytes);
		tm = tm_attach(d.path);
		rm = tx_create(-1);
	}
	close(rm);
	tm_close(tm, d.path);
	free(before);
}

/*
 * The device fails when it is to go on: what was told of a part of the log is void
 * with the rest, until it can be read again.
 */
TEST(device_fails)
{
	struct flaky f;

	decide_all();
	close(rm);
	tm_close(tm, d.path);
	f = flaky_make(&d);
	tm = tm_attach(f.path);
	flaky_set(&f, FAIL_ALL);
	ROLLFORWARD(clocks[0], KTM_STATUS_IO_ERROR);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_OFFLINE);
	flaky_set(&f, NO_TROUBLE);
	ROLLFORWARD(clocks[0], KTM_STATUS_SUCCESS);
	open_and_recover();
	told_of(1);
	flaky_set(&f, FAIL_ALL);
	ROLLFORWARD(clocks[1], KTM_STATUS_IO_ERROR);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_FAILED);
	CHECK(poll_now(rm) & POLLERR);
	ANSWER(rm, KTM_IOC_EN_RECOVER, ens[2], KTM_STATUS_TM_NOT_ONLINE);
	flaky_set(&f, NO_TROUBLE);
	ROLLFORWARD(clocks[0] - 1, KTM_STATUS_INVALID_PARAMETER);
	ROLLFORWARD(clocks[1], KTM_STATUS_SUCCESS);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ROLLED_FORWARD);
	rm_recover(rm);
	told_of(2);
	tm_recover(tm);
	rm_recover(rm);
	complete_all();
	/* One that fails online has told all of it, and can only go on from there. */
	flaky_set(&f, FAIL_WRITES);
	{
		int tx = tx_create(tm);
		guid_t en = enlist(rm, tx);

		COMMIT(tx, 0, KTM_STATUS_PENDING);
		TAKE(rm, KTM_NOTIFY_PREPARE, en);
		ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
		WAIT(tx, KTM_STATUS_INDOUBT);
		CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_FAILED);
		flaky_set(&f, NO_TROUBLE);
		ROLLFORWARD(clocks[NR - 1], KTM_STATUS_INVALID_PARAMETER);
		ROLLFORWARD(tm_info(tm).virtual_clock, KTM_STATUS_SUCCESS);
		CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ONLINE);
		close(tx);
	}
	close(rm);
	tm_close(tm, f.path);
	flaky_remove(&f);
}

TEST(what_is_refused)
{
	struct disk other = disk_make(8 * MIB);
	int none = tm_volatile();
	struct ktm_tm_rollforward r = ARG(ktm_tm_rollforward, .virtual_clock = 5, .device_fd = -1);
	unsigned char *before;

	CALL(none, KTM_IOC_TM_ROLLFORWARD, &r, KTM_STATUS_TM_VOLATILE);
	CALL(tm, KTM_IOC_TM_ROLLFORWARD, &r, KTM_STATUS_REQUEST_NOT_VALID);
	decide_all();
	before = disk_read(&d);
	shut();
	ROLLFORWARD(0, KTM_STATUS_INVALID_PARAMETER);
	ROLLFORWARD(1ull << 63, KTM_STATUS_INVALID_PARAMETER);
	r.device_fd = 9999;
	CALL(tm, KTM_IOC_TM_ROLLFORWARD, &r, KTM_STATUS_INVALID_HANDLE);
	journal_format(other.path, TM_GUID);
	r.device_fd = disk_open(other.path);
	CALL(tm, KTM_IOC_TM_ROLLFORWARD, &r, KTM_STATUS_LOG_NOT_A_JOURNAL);
	close(r.device_fd);
	/* Another journal where its own should be, and one of another TM. */
	{
		unsigned char *foreign = disk_read(&other);

		disk_write(&d, 0, foreign, d.bytes);
		ROLLFORWARD(clocks[0], KTM_STATUS_LOG_NOT_A_JOURNAL);
		disk_write(&d, 0, before, d.bytes);
		/* Both superblocks are damaged. */
		disk_write(&d, 64, foreign, 16);
		disk_write(&d, d.bytes - 4096 + 64, foreign, 16);
		ROLLFORWARD(clocks[0], KTM_STATUS_LOG_CORRUPTION_DETECTED);
		disk_write(&d, 0, before, d.bytes);
		free(foreign);
	}
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_OFFLINE);
	CHECK(disk_is(&d, before));
	/* The descriptor of its device may be given again. */
	r.device_fd = disk_open(d.path);
	r.virtual_clock = clocks[0];
	CALL(tm, KTM_IOC_TM_ROLLFORWARD, &r, KTM_STATUS_SUCCESS);
	close(r.device_fd);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_ROLLED_FORWARD);
	/* Closed as it is, it is as if nothing had been. */
	tm_close(tm, d.path);
	CHECK(disk_is(&d, before));
	tm = tm_online(d.path);
	open_and_recover();
	complete_all();
	close(rm);
	tm_close(tm, d.path);
	free(before);
}
