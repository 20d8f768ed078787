// SPDX-License-Identifier: GPL-2.0
/*
 * What objects tell about themselves and what they can be told: every class of
 * KTM_IOC_QUERY and KTM_IOC_SET, on a TM with a journal and on a volatile one.
 */
#include <limits.h>

#include "calls.h"
#include "disk.h"

#define TM_GUID	guid_of(910)

static const char *path;
static int tm, rm;

void test_setup(void)
{
	guid_t one = guid_of(1);

	path = disk_given();
	journal_format(path, TM_GUID);
	tm = tm_online(path);
	rm = rm_create_as(tm, 0, &one);
	rm_recover_empty(rm);
}

#define QUERY(fd, class, of, out, room, want)				\
	({								\
		struct ktm_query __q = ARG(ktm_query, .info_class = (class), \
			.guid = (of), .buffer = (uintptr_t)(out), .length = (room)); \
		CALL(fd, KTM_IOC_QUERY, &__q, want);			\
		__q.length;						\
	})

#define SET(fd, class, of, in, bytes, want)				\
	do {								\
		struct ktm_set __s = ARG(ktm_set, .info_class = (class), \
			.guid = (of), .buffer = (uintptr_t)(in), .length = (bytes)); \
		CALL(fd, KTM_IOC_SET, &__s, want);			\
	} while (0)

TEST(tm_and_its_log)
{
	struct ktm_tm_info i = tm_info(tm);
	char name[64], real[PATH_MAX];
	int other = tm_volatile(), closed, tx;
	uint64_t lsn;
	guid_t log;

	/* The journal has an identity of its own, which stays. */
	CHECK_EQ(QUERY(tm, KTM_INFO_TM_LOG, nil, &log, sizeof(log), KTM_STATUS_SUCCESS), 16);
	CHECK(!same(&log, &nil) && !same(&log, &i.guid));
	CHECK(realpath(path, real));
	memset(name, 0, sizeof(name));
	CHECK_EQ(QUERY(tm, KTM_INFO_TM_LOG_PATH, nil, name, sizeof(name), KTM_STATUS_SUCCESS),
		 strlen(real));
	CHECK(!strcmp(name, real));
	CHECK_EQ(QUERY(tm, KTM_INFO_TM_LOG_PATH, nil, name, 3, KTM_STATUS_BUFFER_TOO_SMALL),
		 strlen(real));
	CHECK_EQ(QUERY(tm, KTM_INFO_TM_RECOVERY, nil, &lsn, 8, KTM_STATUS_SUCCESS), 8);
	CHECK_EQ(lsn, i.last_recovered_lsn);
	CHECK_EQ(QUERY(tm, KTM_INFO_TM_ONLINE, nil, NULL, 0, KTM_STATUS_SUCCESS), 0);

	CHECK_EQ(QUERY(other, KTM_INFO_TM_ONLINE, nil, NULL, 0, KTM_STATUS_SUCCESS), 0);
	QUERY(other, KTM_INFO_TM_LOG, nil, &log, sizeof(log), KTM_STATUS_TM_VOLATILE);
	QUERY(other, KTM_INFO_TM_LOG_PATH, nil, name, sizeof(name), KTM_STATUS_TM_VOLATILE);
	QUERY(other, KTM_INFO_TM_RECOVERY, nil, &lsn, 8, KTM_STATUS_TM_VOLATILE);
	QUERY(tm, KTM_INFO_RM_COMPLETION, nil, name, sizeof(name), KTM_STATUS_INVALID_INFO_CLASS);
	SET(tm, KTM_INFO_TM_BASIC, nil, &i, sizeof(i), KTM_STATUS_INVALID_INFO_CLASS);

	tx = tx_create(tm);
	commit_one(rm, tx);
	close(tx);
	close(rm);
	tm_close(tm, path);
	closed = tm_attach(path);
	QUERY(closed, KTM_INFO_TM_ONLINE, nil, NULL, 0, KTM_STATUS_TM_NOT_ONLINE);
	tm_recover(closed);
	QUERY(closed, KTM_INFO_TM_ONLINE, nil, NULL, 0, KTM_STATUS_SUCCESS);
	/* It found what was written after the last opening. */
	QUERY(closed, KTM_INFO_TM_RECOVERY, nil, &lsn, 8, KTM_STATUS_SUCCESS);
	CHECK(lsn > i.last_recovered_lsn);
}

TEST(completion_of_an_rm)
{
	struct ktm_rm_completion c = { .port = 17, .key = 0x1122334455667788 }, back;
	guid_t one = guid_of(1);
	int less;

	QUERY(rm, KTM_INFO_RM_COMPLETION, nil, &back, sizeof(back), KTM_STATUS_SUCCESS);
	CHECK_EQ(back.port, -1);
	CHECK_EQ(back.key, 0);
	SET(rm, KTM_INFO_RM_COMPLETION, nil, &c, sizeof(c), KTM_STATUS_SUCCESS);
	QUERY(rm, KTM_INFO_RM_COMPLETION, nil, &back, sizeof(back), KTM_STATUS_SUCCESS);
	CHECK(!memcmp(&c, &back, sizeof(c)));

	c.port = -2;
	SET(rm, KTM_INFO_RM_COMPLETION, nil, &c, sizeof(c), KTM_STATUS_INVALID_PARAMETER);
	c.port = 1;
	c.reserved = 1;
	SET(rm, KTM_INFO_RM_COMPLETION, nil, &c, sizeof(c), KTM_STATUS_INVALID_PARAMETER);
	c.reserved = 0;
	SET(rm, KTM_INFO_RM_COMPLETION, one, &c, sizeof(c), KTM_STATUS_INVALID_PARAMETER);
	SET(rm, KTM_INFO_RM_COMPLETION, nil, &c, sizeof(c) - 1, KTM_STATUS_INFO_LENGTH_MISMATCH);
	SET(rm, KTM_INFO_RM_COMPLETION, nil, NULL, sizeof(c), KTM_STATUS_FAULT);
	SET(rm, KTM_INFO_RM_BASIC, nil, &c, sizeof(c), KTM_STATUS_INVALID_INFO_CLASS);
	QUERY(rm, KTM_INFO_RM_COMPLETION, one, &back, sizeof(back), KTM_STATUS_INVALID_PARAMETER);
	less = narrow(rm, KTM_RM_ALL_ACCESS & ~KTM_RM_SET_INFORMATION);
	SET(less, KTM_INFO_RM_COMPLETION, nil, &c, sizeof(c), KTM_STATUS_ACCESS_DENIED);
	close(less);
	QUERY(rm, KTM_INFO_RM_COMPLETION, nil, &back, sizeof(back), KTM_STATUS_SUCCESS);
	CHECK_EQ(back.port, 17);

	/* Who opens it next has nothing to do with the descriptors of him who is gone. */
	close(rm);
	rm = rm_open(tm, &one);
	QUERY(rm, KTM_INFO_RM_COMPLETION, nil, &back, sizeof(back), KTM_STATUS_SUCCESS);
	CHECK_EQ(back.port, -1);
}

static struct ktm_tx_properties properties(int tx)
{
	struct ktm_tx_properties p;

	CHECK_EQ(QUERY(tx, KTM_INFO_TX_PROPERTIES, nil, &p, sizeof(p), KTM_STATUS_SUCCESS),
		 sizeof(p));
	CHECK_EQ(p.set, 0);
	CHECK_EQ(p.reserved, 0);
	return p;
}

TEST(properties_of_a_transaction)
{
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = tm,
				     .flags = KTM_TX_DO_NOT_PROMOTE, .timeout_ns = 3600000000000,
				     .description = (uintptr_t)"first", .description_length = 5,
				     .isolation_level = 3, .isolation_flags = 0x80000001);
	struct ktm_tx_properties p, want;
	int tx, less;
	guid_t en;

	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_SUCCESS);
	tx = c.fd;
	p = properties(tx);
	CHECK_EQ(p.outcome, KTM_OUTCOME_UNDETERMINED);
	CHECK_EQ(p.timeout_ns, 3600000000000);
	CHECK_EQ(p.isolation_level, 3);
	CHECK_EQ(p.isolation_flags, 0x80000001);
	CHECK_EQ(p.description_length, 5);
	CHECK(!memcmp(p.description, "first\0", 6));

	/* Each by itself; what is not named stays. */
	want = p;
	p = (struct ktm_tx_properties){ .set = KTM_TX_SET_DESCRIPTION, .description = "second!",
					.description_length = 7, .isolation_level = 9 };
	SET(tx, KTM_INFO_TX_PROPERTIES, nil, &p, sizeof(p), KTM_STATUS_SUCCESS);
	memcpy(want.description, p.description, sizeof(p.description));
	want.description_length = 7;
	p = properties(tx);
	CHECK(!memcmp(&p, &want, sizeof(p)));
	CHECK_EQ(tx_info(tx).description_length, 7);
	p = (struct ktm_tx_properties){ .set = KTM_TX_SET_ISOLATION, .isolation_level = 1,
					.isolation_flags = 2, .timeout_ns = 5 };
	SET(tx, KTM_INFO_TX_PROPERTIES, nil, &p, sizeof(p), KTM_STATUS_SUCCESS);
	want.isolation_level = 1;
	want.isolation_flags = 2;
	p = properties(tx);
	CHECK(!memcmp(&p, &want, sizeof(p)));
	p = (struct ktm_tx_properties){ .set = KTM_TX_SET_TIMEOUT | KTM_TX_SET_DESCRIPTION };
	SET(tx, KTM_INFO_TX_PROPERTIES, nil, &p, sizeof(p), KTM_STATUS_SUCCESS);
	p = properties(tx);
	CHECK_EQ(p.timeout_ns, 0);
	CHECK_EQ(p.description_length, 0);
	CHECK_EQ(p.description[0], 0);

	/* Lies. */
	want = p;
	p = (struct ktm_tx_properties){ .set = 8 };
	SET(tx, KTM_INFO_TX_PROPERTIES, nil, &p, sizeof(p), KTM_STATUS_INVALID_PARAMETER);
	p = (struct ktm_tx_properties){ .outcome = KTM_OUTCOME_COMMITTED };
	SET(tx, KTM_INFO_TX_PROPERTIES, nil, &p, sizeof(p), KTM_STATUS_INVALID_PARAMETER);
	p = (struct ktm_tx_properties){ .reserved = 1 };
	SET(tx, KTM_INFO_TX_PROPERTIES, nil, &p, sizeof(p), KTM_STATUS_INVALID_PARAMETER);
	p = (struct ktm_tx_properties){ .set = KTM_TX_SET_DESCRIPTION, .description_length = 129 };
	SET(tx, KTM_INFO_TX_PROPERTIES, nil, &p, sizeof(p), KTM_STATUS_INVALID_PARAMETER);
	p = (struct ktm_tx_properties){ .set = KTM_TX_SET_ISOLATION, .isolation_level = 7 };
	SET(tx, KTM_INFO_TX_PROPERTIES, nil, &p, sizeof(p) + 1, KTM_STATUS_INFO_LENGTH_MISMATCH);
	SET(tx, KTM_INFO_TX_PROPERTIES, tm_guid(tm), &p, sizeof(p), KTM_STATUS_INVALID_PARAMETER);
	SET(tx, KTM_INFO_TX_BASIC, nil, &p, sizeof(p), KTM_STATUS_INVALID_INFO_CLASS);
	less = narrow(tx, KTM_TX_ALL_ACCESS & ~KTM_TX_SET_INFORMATION);
	SET(less, KTM_INFO_TX_PROPERTIES, nil, &p, sizeof(p), KTM_STATUS_ACCESS_DENIED);
	close(less);
	p = properties(tx);
	CHECK(!memcmp(&p, &want, sizeof(p)));

	en = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	p = (struct ktm_tx_properties){ .set = KTM_TX_SET_DESCRIPTION };
	SET(tx, KTM_INFO_TX_PROPERTIES, nil, &p, sizeof(p), KTM_STATUS_TRANSACTION_NOT_ACTIVE);
	ANSWER(rm, KTM_IOC_EN_ROLLBACK, en, KTM_STATUS_SUCCESS);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	SET(tx, KTM_INFO_TX_PROPERTIES, nil, &p, sizeof(p), KTM_STATUS_TRANSACTION_NOT_ACTIVE);
	CHECK_EQ(properties(tx).outcome, KTM_OUTCOME_ABORTED);
}

static void set_timeout(int tx, uint64_t ns)
{
	struct ktm_tx_properties p = { .set = KTM_TX_SET_TIMEOUT, .timeout_ns = ns };

	SET(tx, KTM_INFO_TX_PROPERTIES, nil, &p, sizeof(p), KTM_STATUS_SUCCESS);
}

/* The new time-out counts, and only it. */
TEST(time_out_set_later)
{
	int lifted = tx_create_timeout(tm, SOON), sooner, later, given;
	guid_t en = enlist(rm, lifted);

	set_timeout(lifted, 0);
	later = tx_create_timeout(tm, SOON);
	set_timeout(later, 3600000000000);
	/* As large as can be is never. */
	set_timeout(tx_create_timeout(tm, SOON), ~0ull);
	sooner = tx_create_timeout(tm, 3600000000000);
	set_timeout(sooner, 1);
	TX_BECOMES(sooner, KTM_TX_STATE_ABORTED);
	given = tx_create(tm);
	set_timeout(given, SOON);
	TX_BECOMES(given, KTM_TX_STATE_ABORTED);
	/* Those that were to end before it live. */
	TX_IS(lifted, KTM_TX_STATE_ACTIVE);
	TX_IS(later, KTM_TX_STATE_ACTIVE);
	COMMIT(later, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	COMMIT(lifted, 0, KTM_STATUS_PENDING);
	ANSWER(rm, KTM_IOC_READ_ONLY, en, KTM_STATUS_SUCCESS);
	WAIT(lifted, KTM_STATUS_SUCCESS);
}

#define MOVERS		4
#define MOVES		24
#define DUE_NS		20000000ull
#define FAR_NS		(3 * PATIENCE * 1000000000ull)

/* What was to be rolled back about now is not, or was; either way whoever asks is told. */
static void move_time_outs(void *unused)
{
	struct ktm_tx_properties p = { .set = KTM_TX_SET_TIMEOUT, .timeout_ns = FAR_NS };
	struct ktm_set s = ARG(ktm_set, .info_class = KTM_INFO_TX_PROPERTIES,
			       .length = sizeof(p), .buffer = (uintptr_t)&p);
	unsigned int i, status;
	int tx;

	for (i = 0; i < MOVES; i++) {
		tx = tx_create_timeout(tm, 1 + i * DUE_NS / MOVES);
		status = test_try(tx, KTM_IOC_SET, &s);
		if (status)
			CHECK_EQ(status, KTM_STATUS_TRANSACTION_NOT_ACTIVE);
		TX_IS(tx, status ? KTM_TX_STATE_ABORTED : KTM_TX_STATE_ACTIVE);
		close(tx);
	}
	__atomic_add_fetch(&shared_word[0], 1, __ATOMIC_SEQ_CST);
	(void)unused;
}

/* Moved far away at the moment when it is due: nobody waits until then. */
TEST(time_out_moved_when_it_is_due)
{
	struct deadline end = deadline_in(PATIENCE);
	pid_t pid[MOVERS];
	unsigned int i;

	for (i = 0; i < MOVERS; i++)
		pid[i] = test_spawn(move_time_outs, NULL);
	while (shared_word[0] < MOVERS) {
		CHECK(!deadline_passed(&end));
		nap();
	}
	for (i = 0; i < MOVERS; i++)
		test_join(pid[i]);
}

static unsigned char pattern[KTM_MAX_RECOVERY_INFORMATION], room[KTM_MAX_RECOVERY_INFORMATION];

static void holds(int fd, guid_t of, const void *want, unsigned int length)
{
	memset(room, 0xa5, sizeof(room));
	CHECK_EQ(QUERY(fd, KTM_INFO_EN_RECOVERY, of, room, sizeof(room), KTM_STATUS_SUCCESS),
		 length);
	CHECK(!memcmp(room, want, length));
}

/* Logged with the vote, given back after a restart; what comes with the vote goes first. */
TEST(recovery_information_of_an_enlistment)
{
	struct ktm_answer vote = ARG(ktm_answer, .information = (uintptr_t)"vote",
				     .information_length = 4);
	int tx = tx_create(tm), en, less, i;
	guid_t one = guid_of(1), a, b, c;

	for (i = 0; i < KTM_MAX_RECOVERY_INFORMATION; i++)
		pattern[i] = i * 7;
	en = enlist_fd(rm, tx, KTM_EN_ALL_ACCESS, &a);
	b = enlist(rm, tx);
	c = enlist(rm, tx);
	holds(en, nil, "", 0);
	SET(en, KTM_INFO_EN_RECOVERY, nil, "first", 5, KTM_STATUS_SUCCESS);
	holds(en, nil, "first", 5);
	SET(rm, KTM_INFO_EN_RECOVERY, a, pattern, sizeof(pattern), KTM_STATUS_SUCCESS);
	SET(rm, KTM_INFO_EN_RECOVERY, a, pattern, sizeof(pattern) + 1,
	    KTM_STATUS_INFO_LENGTH_MISMATCH);
	SET(rm, KTM_INFO_EN_RECOVERY, a, NULL, 5, KTM_STATUS_INVALID_PARAMETER);
	SET(rm, KTM_INFO_EN_RECOVERY, a, (void *)8, 5, KTM_STATUS_FAULT);
	SET(rm, KTM_INFO_EN_RECOVERY, one, "lost", 4, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	SET(en, KTM_INFO_EN_RECOVERY, a, "mine", 4, KTM_STATUS_INVALID_PARAMETER);
	SET(en, KTM_INFO_EN_BASIC, nil, "mine", 4, KTM_STATUS_INVALID_INFO_CLASS);
	less = narrow(en, KTM_EN_ALL_ACCESS & ~KTM_EN_SET_INFORMATION);
	SET(less, KTM_INFO_EN_RECOVERY, nil, "mine", 4, KTM_STATUS_ACCESS_DENIED);
	holds(rm, a, pattern, sizeof(pattern));
	SET(rm, KTM_INFO_EN_RECOVERY, b, "replaced", 8, KTM_STATUS_SUCCESS);
	SET(rm, KTM_INFO_EN_RECOVERY, c, "taken back", 10, KTM_STATUS_SUCCESS);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	SET(rm, KTM_INFO_EN_RECOVERY, c, NULL, 0, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_PREPARE, a);
	TAKE(rm, KTM_NOTIFY_PREPARE, b);
	TAKE(rm, KTM_NOTIFY_PREPARE, c);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, a, KTM_STATUS_SUCCESS);
	SET(rm, KTM_INFO_EN_RECOVERY, a, "late", 4, KTM_STATUS_REQUEST_NOT_VALID);
	holds(rm, a, pattern, sizeof(pattern));
	vote.enlistment = b;
	CALL(rm, KTM_IOC_PREPARE_COMPLETE, &vote, KTM_STATUS_SUCCESS);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, c, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, a);
	TAKE(rm, KTM_NOTIFY_COMMIT, b);
	TAKE(rm, KTM_NOTIFY_COMMIT, c);
	close(less);
	close(en);
	close(tx);
	close(rm);
	tm_close(tm, path);

	tm = tm_online(path);
	rm = rm_open(tm, &one);
	holds(rm, a, pattern, sizeof(pattern));
	holds(rm, b, "vote", 4);
	holds(rm, c, "", 0);
	SET(rm, KTM_INFO_EN_RECOVERY, a, "late", 4, KTM_STATUS_REQUEST_NOT_VALID);
	rm_recover(rm);
	for (i = 0; i < 3; i++)
		CHECK_EQ(take(rm).kind, KTM_NOTIFY_RECOVER);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(rm, a, 0);
	en_recover(rm, b, 0);
	en_recover(rm, c, 0);
	for (i = 0; i < 3; i++)
		CHECK_EQ(take(rm).kind, KTM_NOTIFY_COMMIT);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, a, KTM_STATUS_SUCCESS);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, b, KTM_STATUS_SUCCESS);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, c, KTM_STATUS_SUCCESS);
}

/* Whose enlistment it is, by its own descriptor and by the RM's. */
TEST(identities_of_an_enlistment)
{
	guid_t want_tm = tm_guid(tm), want_rm = rm_info(rm).guid, a;
	int tx = tx_create(tm), en = enlist_fd(rm, tx, KTM_EN_ALL_ACCESS, &a), i;
	struct ktm_en_crm crm;

	for (i = 0; i < 2; i++) {
		memset(&crm, 0, sizeof(crm));
		CHECK_EQ(QUERY(i ? rm : en, KTM_INFO_EN_CRM, i ? a : nil, &crm, sizeof(crm),
			       KTM_STATUS_SUCCESS), sizeof(crm));
		CHECK(same(&crm.tm, &want_tm));
		CHECK(same(&crm.rm, &want_rm));
		CHECK(same(&crm.enlistment, &a));
	}
	QUERY(rm, KTM_INFO_EN_CRM, want_rm, &crm, sizeof(crm), KTM_STATUS_ENLISTMENT_NOT_FOUND);
	QUERY(en, KTM_INFO_EN_CRM, nil, &crm, 20, KTM_STATUS_BUFFER_TOO_SMALL);
}

/* Not lowered by a restart, which has the highest that the log knows. */
TEST(virtual_clock_of_a_tm)
{
	uint64_t clock = tm_info(tm).virtual_clock;
	guid_t one = guid_of(1);
	int other = tm_volatile(), tx = tx_create(tm);

	CHECK_EQ(tm_info(other).virtual_clock, 1);
	CHECK_EQ(clock, 1);
	commit_one(rm, tx);
	close(tx);
	clock = tm_info(tm).virtual_clock;
	close(rm);
	tm_close(tm, path);
	tm = tm_online(path);
	CHECK_EQ(tm_info(tm).virtual_clock, clock);
	rm = rm_open(tm, &one);
}
