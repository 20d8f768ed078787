// SPDX-License-Identifier: GPL-2.0
/*
 * TMs, transactions, RMs and enlistments of a driver: /root/ktm_test.ko makes the calls
 * (selftests/ktm_test/participant.c), this program says which, and sees that they come to the same
 * as the requests of processes do. What callbacks come to is in callback*.c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>

#include "disk.h"
#include "opcalls.h"

#define UNKNOWN		0x40000000
#define ALL		0x3f
#define EN_MASK_0	(EN_MASK | KTM_NOTIFY_PREPREPARE)
#define SINGLE		(EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT)
#define SUPERIOR	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE |		\
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE)

/* Slots: 0 is the TM. */
enum { RM = 1, RM2, TX, TX2, EN, EN2, TM2, STREAM, LESS };

void test_setup(void)
{
	driver_open();
}

static void begin(void)
{
	op_volatile();
	op_rm(RM);
	op_tx(TX);
}

/* ---- descriptors and rights ---- */

static void check_get(unsigned int fn, int fd, int less, int other, unsigned int slot)
{
	struct ktm_test_op c = { .fn = fn, .fd = fd, .slot = slot };

#define GET(fd_, access_, want)						\
	do {								\
		c.fd = (fd_);						\
		c.access = (access_);					\
		op_call(__FILE__, __LINE__, c, want);			\
	} while (0)
	GET(fd, 0, KTM_STATUS_INVALID_PARAMETER);
	GET(fd, UNKNOWN, KTM_STATUS_INVALID_PARAMETER);
	GET(fd, KTM_MAXIMUM_ALLOWED, KTM_STATUS_INVALID_PARAMETER);
	GET(-1, 1, KTM_STATUS_INVALID_HANDLE);
	GET(1000, 1, KTM_STATUS_INVALID_HANDLE);
	GET(drv, 1, KTM_STATUS_OBJECT_TYPE_MISMATCH);
	GET(other, 1, KTM_STATUS_OBJECT_TYPE_MISMATCH);
	GET(less, 3, KTM_STATUS_ACCESS_DENIED);
	GET(less, 1, KTM_STATUS_SUCCESS);
#undef GET
}

/* From a use to a descriptor, and from that to another use. */
static void check_both(unsigned int to, unsigned int from, unsigned int slot, int other)
{
	struct ktm_test_op c = { .fn = to, .on = slot };
	int fd = op_to_fd(to, slot, 3), less = op_to_fd(to, slot, 1);

	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	c.access = 0;
	op_call(__FILE__, __LINE__, c, KTM_STATUS_INVALID_PARAMETER);
	c.access = UNKNOWN;
	op_call(__FILE__, __LINE__, c, KTM_STATUS_INVALID_PARAMETER);
	check_get(from, fd, less, other, LESS);
	c.on = LESS;
	c.access = 3;
	op_call(__FILE__, __LINE__, c, KTM_STATUS_ACCESS_DENIED);
	op_put(LESS);
	close(fd);
	close(less);
}

TEST(descriptors)
{
	int tm, tx;

	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	tm = op_to_fd(OP_TM_TO_FD, 0, ALL);
	tx = op_to_fd(OP_TRANSACTION_TO_FD, TX, ALL);
	check_both(OP_TM_TO_FD, OP_TM_GET_FROM_FD, 0, tx);
	check_both(OP_TRANSACTION_TO_FD, OP_TRANSACTION_GET_FROM_FD, TX, tm);
	check_both(OP_RM_TO_FD, OP_RM_GET_FROM_FD, RM, tm);
	check_both(OP_ENLISTMENT_TO_FD, OP_ENLISTMENT_GET_FROM_FD, EN, tm);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	close(tm);
	close(tx);
	close(drv);
}

/* A use in LESS that has none but this right. */
static void lessen(unsigned int to, unsigned int from, unsigned int slot, unsigned int access)
{
	struct ktm_test_op c = { .fn = from, .slot = LESS, .access = access };

	c.fd = op_to_fd(to, slot, access);
	op_call(__FILE__, __LINE__, c, KTM_STATUS_SUCCESS);
	close(c.fd);
}

#define DENIED(fn, ...)	OP(KTM_STATUS_ACCESS_DENIED, fn, ##__VA_ARGS__)

static const unsigned int answers[] = {
	OP_ENLISTMENT_PREPREPARE_COMPLETE, OP_ENLISTMENT_PREPARE_COMPLETE,
	OP_ENLISTMENT_COMMIT_COMPLETE, OP_ENLISTMENT_ROLLBACK_COMPLETE, OP_ENLISTMENT_READ_ONLY,
	OP_ENLISTMENT_SINGLE_PHASE_REJECT, OP_ENLISTMENT_ROLLBACK,
	OP_ENLISTMENT_REQUEST_OUTCOME, OP_ENLISTMENT_RECOVER, OP_ENLISTMENT_PREPREPARE,
	OP_ENLISTMENT_PREPARE, OP_ENLISTMENT_COMMIT,
};

static void all_answers(unsigned int on, unsigned int want)
{
	unsigned int i;

	for (i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		op_call(__FILE__, __LINE__, (struct ktm_test_op){ .fn = answers[i], .on = on },
			want);
}

TEST(rights)
{
	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	lessen(OP_TM_TO_FD, OP_TM_GET_FROM_FD, 0, KTM_TM_SET_INFORMATION);
	DENIED(TM_RECOVER, .on = LESS);
	DENIED(TM_ROLLFORWARD, .on = LESS, .clock = 1);
	DENIED(TM_RENAME, .on = LESS);
	DENIED(TM_OFFLINE, .on = LESS);
	DENIED(TM_QUERY, .on = LESS, .kind = KTM_INFO_TM_BASIC);
	DENIED(TM_ENUMERATE, .on = LESS, .kind = KTM_KIND_TX, .count = 1);
	DENIED(STREAM_CREATE, .on = LESS, .count = 4096, .access = 1, .name = "s");
	DENIED(RM_CREATE, .on = LESS, .slot = RM2, .flags = KTM_RM_VOLATILE, .access = 1);
	DENIED(TRANSACTION_CREATE, .on = LESS, .slot = TX2, .access = KTM_TX_ALL_ACCESS);
	op_put(LESS);

	lessen(OP_TRANSACTION_TO_FD, OP_TRANSACTION_GET_FROM_FD, TX, KTM_TX_PROPAGATE);
	DENIED(TRANSACTION_COMMIT, .on = LESS);
	DENIED(TRANSACTION_ROLLBACK, .on = LESS);
	DENIED(TRANSACTION_WAIT, .on = LESS);
	DENIED(TRANSACTION_QUERY, .on = LESS, .kind = KTM_INFO_TX_BASIC);
	DENIED(TRANSACTION_SET, .on = LESS, .kind = KTM_INFO_TX_PROPERTIES);
	DENIED(RM_ENLIST, .on = RM, .with = LESS, .mask = EN_MASK);
	DENIED(ENLISTMENT_CREATE, .on = RM, .with = LESS, .slot = EN2, .mask = EN_MASK,
	       .access = 1);
	op_put(LESS);

	lessen(OP_RM_TO_FD, OP_RM_GET_FROM_FD, RM, KTM_RM_QUERY_INFORMATION);
	DENIED(RM_RECOVER, .on = LESS);
	DENIED(RM_GET_NOTIFICATION, .on = LESS);
	DENIED(RM_SET, .on = LESS, .kind = KTM_INFO_RM_COMPLETION);
	DENIED(RM_REGISTER_PROTOCOL, .on = LESS, .guid = guid_of(1));
	DENIED(RM_PROPAGATION_COMPLETE, .on = LESS);
	DENIED(RM_PROPAGATION_FAILED, .on = LESS);
	DENIED(RM_ENLIST, .on = LESS, .with = TX, .mask = EN_MASK);
	DENIED(ENLISTMENT_OPEN, .on = LESS, .slot = EN2, .guid = guid_of(1), .access = 1);
	op_put(LESS);
	lessen(OP_RM_TO_FD, OP_RM_GET_FROM_FD, RM, KTM_RM_RECOVER);
	DENIED(RM_QUERY, .on = LESS, .kind = KTM_INFO_RM_BASIC);
	DENIED(RM_ENUMERATE, .on = LESS, .count = 1);
	op_put(LESS);

	lessen(OP_ENLISTMENT_TO_FD, OP_ENLISTMENT_GET_FROM_FD, EN, KTM_EN_QUERY_INFORMATION);
	all_answers(LESS, KTM_STATUS_ACCESS_DENIED);
	DENIED(ENLISTMENT_SET, .on = LESS, .kind = KTM_INFO_EN_RECOVERY);
	op_put(LESS);
	lessen(OP_ENLISTMENT_TO_FD, OP_ENLISTMENT_GET_FROM_FD, EN, KTM_EN_SET_INFORMATION);
	DENIED(ENLISTMENT_QUERY, .on = LESS, .kind = KTM_INFO_EN_BASIC);
	DENIED(ENLISTMENT_REFERENCE_KEY, .on = LESS);
	DENIED(ENLISTMENT_DEREFERENCE_KEY, .on = LESS);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_ACTIVE);
	close(drv);
}

/* Not root: the driver acts for whoever calls it. */
static void as_nobody(void *data)
{
	const guid_t *guids = data;

	become(NOBODY, NOBODY);
	OP(KTM_STATUS_ACCESS_DENIED, TRANSACTION_OPEN, .slot = LESS, .guid = guids[0],
	   .access = KTM_TX_QUERY_INFORMATION);
	OP(KTM_STATUS_ACCESS_DENIED, RM_OPEN, .slot = LESS, .guid = guids[1],
	   .access = KTM_MAXIMUM_ALLOWED);
	OP(KTM_STATUS_ACCESS_DENIED, TM_OPEN, .slot = LESS, .guid = guids[2],
	   .access = KTM_TM_QUERY_INFORMATION);
	OP(KTM_STATUS_ACCESS_DENIED, FREEZE_TRANSACTIONS, .timeout_ns = 1000000);
	OP(KTM_STATUS_ACCESS_DENIED, THAW_TRANSACTIONS);
	op_tx(LESS);
}

TEST(whose_it_is)
{
	guid_t guids[3];

	begin();
	guids[0] = OP_TRY(TRANSACTION_ID, .on = TX).guid;
	guids[1] = OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM2, .flags = KTM_RM_VOLATILE,
		      .access = 1).guid;
	guids[2] = OP(KTM_STATUS_SUCCESS, TM_CREATE, .slot = TM2, .flags = KTM_TM_VOLATILE,
		      .access = 1).guid;
	test_join(test_spawn(as_nobody, guids));
	close(drv);
}

static int unload(void)
{
	return syscall(SYS_delete_module, "ktm", O_NONBLOCK);
}

/* Each use keeps what it is of, and the module. */
TEST(references)
{
	guid_t uow, tm;

	tm = OP(KTM_STATUS_SUCCESS, TM_CREATE, .slot = 0, .flags = KTM_TM_VOLATILE,
		.access = KTM_TM_ALL_ACCESS).guid;
	op_rm(RM);
	op_put(0);
	OP(KTM_STATUS_SUCCESS, TM_OPEN, .slot = 0, .guid = tm, .access = KTM_TM_ALL_ACCESS);
	op_put(RM);
	op_tx(TX);
	uow = OP_TRY(TRANSACTION_ID, .on = TX).guid;
	op_put(0);
	CHECK_EQ(unload(), -1);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_OPEN, .slot = TX2, .guid = uow,
	   .access = KTM_TX_ALL_ACCESS);
	op_put(TX);
	/* One is left that may commit. */
	CHECK_EQ(op_tx_state(TX2), KTM_TX_STATE_ACTIVE);
	op_put(TX2);
	OP(KTM_STATUS_TRANSACTION_NOT_FOUND, TRANSACTION_OPEN, .slot = TX, .guid = uow,
	   .access = KTM_TX_ALL_ACCESS);
	close(drv);
}

/* ---- making and finding ---- */

TEST(make_and_find)
{
	guid_t uow, rm, wanted = guid_of(3);

	OP(KTM_STATUS_INVALID_PARAMETER, TM_CREATE, .flags = UNKNOWN, .access = 1);
	OP(KTM_STATUS_INVALID_PARAMETER, TM_CREATE, .flags = KTM_TM_VOLATILE);
	OP(KTM_STATUS_INVALID_HANDLE, TM_CREATE, .access = 1);
	OP(KTM_STATUS_SUCCESS, TM_CREATE, .flags = KTM_TM_VOLATILE, .guid = guid_of(1),
	   .access = KTM_TM_ALL_ACCESS);
	OP(KTM_STATUS_OBJECT_NAME_COLLISION, TM_CREATE, .slot = TM2, .flags = KTM_TM_VOLATILE,
	   .guid = guid_of(1), .access = 1);
	OP(KTM_STATUS_SUCCESS, TM_OPEN, .slot = TM2, .guid = guid_of(1), .access = 1);
	op_put(TM2);
	OP(KTM_STATUS_TM_NOT_FOUND, TM_OPEN, .slot = TM2, .guid = guid_of(2), .access = 1);
	OP(KTM_STATUS_INVALID_PARAMETER, TM_OPEN, .slot = TM2, .guid = guid_of(1));
	OP(KTM_STATUS_INVALID_HANDLE, TM_OPEN_LOG, .slot = TM2, .access = 1);

	OP(KTM_STATUS_INVALID_PARAMETER, TRANSACTION_CREATE, .flags = UNKNOWN, .access = 1);
	uow = OP(KTM_STATUS_SUCCESS, TRANSACTION_CREATE, .slot = TX, .access = KTM_TX_ALL_ACCESS,
		 .guid = guid_of(3), .name = "of a driver").guid;
	CHECK(same(&uow, &wanted));
	OP(KTM_STATUS_OBJECT_NAME_COLLISION, TRANSACTION_CREATE, .slot = TX2, .access = 1,
	   .guid = guid_of(3));
	OP(KTM_STATUS_TRANSACTION_NOT_FOUND, TRANSACTION_OPEN, .slot = TX2, .guid = guid_of(4),
	   .access = 1);
	OP(KTM_STATUS_INVALID_PARAMETER, TRANSACTION_OPEN, .slot = TX2, .guid = guid_of(3));

	OP(KTM_STATUS_INVALID_PARAMETER, RM_CREATE, .slot = RM, .flags = UNKNOWN, .access = 1);
	OP(KTM_STATUS_TM_VOLATILE, RM_CREATE, .slot = RM, .access = 1);
	rm = OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM, .flags = KTM_RM_VOLATILE,
		.access = KTM_RM_ALL_ACCESS, .name = "the driver's").guid;
	OP(KTM_STATUS_OBJECT_NAME_COLLISION, RM_CREATE, .slot = RM2, .flags = KTM_RM_VOLATILE,
	   .access = 1, .guid = rm);
	OP(KTM_STATUS_SHARING_VIOLATION, RM_OPEN, .slot = RM2, .guid = rm,
	   .flags = KTM_OPEN_EXCLUSIVE, .access = KTM_RM_ENLIST);
	OP(KTM_STATUS_SUCCESS, RM_OPEN, .slot = RM2, .guid = rm, .access = KTM_RM_ENLIST);
	OP(KTM_STATUS_RM_NOT_FOUND, RM_OPEN, .slot = RM2, .guid = guid_of(5), .access = 1);
	OP(KTM_STATUS_INVALID_PARAMETER, RM_OPEN, .slot = RM2, .guid = rm);
	close(drv);
}

TEST(enlisting)
{
	guid_t en;

	begin();
	OP(KTM_STATUS_INVALID_PARAMETER, RM_ENLIST, .on = RM, .with = TX, .mask = 0);
	OP(KTM_STATUS_INVALID_PARAMETER, RM_ENLIST, .on = RM, .with = TX, .mask = EN_MASK,
	   .flags = KTM_ENLIST_FD);
	OP(KTM_STATUS_INVALID_PARAMETER, ENLISTMENT_CREATE, .on = RM, .with = TX, .slot = EN,
	   .mask = EN_MASK, .access = 0);
	OP(KTM_STATUS_INVALID_PARAMETER, ENLISTMENT_CREATE, .on = RM, .with = TX, .slot = EN,
	   .mask = EN_MASK, .access = 1, .flags = KTM_ENLIST_FD);
	en = op_rm_enlist(RM, TX, EN_MASK, 1);
	OP(KTM_STATUS_INVALID_PARAMETER, ENLISTMENT_OPEN, .on = RM, .slot = EN, .guid = en);
	OP(KTM_STATUS_ENLISTMENT_NOT_FOUND, ENLISTMENT_OPEN, .on = RM, .slot = EN,
	   .guid = guid_of(1), .access = 1);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_OPEN, .on = RM, .slot = EN, .guid = en,
	   .access = KTM_EN_ALL_ACCESS);
	/* It belongs to its RM: this one's going means nothing. */
	op_put(EN);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_ACTIVE);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_CREATE, .on = RM, .with = TX, .slot = EN, .mask = SUPERIOR,
	   .flags = KTM_ENLIST_SUPERIOR, .access = KTM_EN_ALL_ACCESS);
	OP(KTM_STATUS_SUPERIOR_EXISTS, RM_ENLIST, .on = RM, .with = TX, .mask = SUPERIOR,
	   .flags = KTM_ENLIST_SUPERIOR);
	OP(KTM_STATUS_SUPERIOR_EXISTS, TRANSACTION_COMMIT, .on = TX);
	op_put(EN);
	OP(KTM_STATUS_TRANSACTION_NOT_ACTIVE, RM_ENLIST, .on = RM, .with = TX, .mask = EN_MASK);
	/* Of another TM. */
	OP(KTM_STATUS_SUCCESS, TM_CREATE, .slot = TM2, .flags = KTM_TM_VOLATILE,
	   .access = KTM_TM_ALL_ACCESS);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_CREATE, .on = TM2, .slot = TX2,
	   .access = KTM_TX_ALL_ACCESS);
	OP(KTM_STATUS_TM_IDENTITY_MISMATCH, ENLISTMENT_CREATE, .on = RM, .with = TX2, .slot = EN,
	   .mask = EN_MASK, .access = 1);
	close(drv);
}

/* ---- commit and rollback ---- */

TEST(two_phases)
{
	begin();
	op_enlist(RM, TX, EN, EN_MASK_0);
	CHECK_EQ(OP_TRY(TRANSACTION_IS_ACTIVE, .on = TX).ret, 1);
	OP(KTM_STATUS_INVALID_PARAMETER, TRANSACTION_COMMIT, .on = TX, .flags = UNKNOWN);
	OP(KTM_STATUS_INVALID_PARAMETER, TRANSACTION_ROLLBACK, .on = TX, .flags = UNKNOWN);
	OP(KTM_STATUS_TIMEOUT, TRANSACTION_WAIT, .on = TX);
	OP(KTM_STATUS_TIMEOUT, RM_GET_NOTIFICATION, .on = RM);
	OP(KTM_STATUS_NOT_REQUESTED, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	CHECK_EQ(OP_TRY(TRANSACTION_IS_ACTIVE, .on = TX).ret, 0);
	OP(KTM_STATUS_REQUEST_NOT_VALID, TRANSACTION_COMMIT, .on = TX);
	OP(KTM_STATUS_REQUEST_NOT_VALID, TRANSACTION_ROLLBACK, .on = TX);
	OP_TAKES(RM, KTM_NOTIFY_PREPREPARE);
	OP(KTM_STATUS_INVALID_PARAMETER, ENLISTMENT_PREPREPARE_COMPLETE, .on = EN,
	   .clock = ~0ull);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPREPARE_COMPLETE, .on = EN);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE);
	/* A volatile one has nothing that could be logged. */
	OP(KTM_STATUS_INVALID_PARAMETER, ENLISTMENT_PREPARE_COMPLETE, .on = EN, .length = 5);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN, .clock = 1000);
	OP_TAKES(RM, KTM_NOTIFY_COMMIT);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_COMMIT_COMPLETE, .on = EN);
	CHECK_EQ(OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER).kind,
		 KTM_OUTCOME_COMMITTED);
	OP(KTM_STATUS_ALREADY_COMMITTED, TRANSACTION_COMMIT, .on = TX);
	OP(KTM_STATUS_ALREADY_COMMITTED, TRANSACTION_ROLLBACK, .on = TX);
	OP(KTM_STATUS_NOT_REQUESTED, ENLISTMENT_COMMIT_COMPLETE, .on = EN);
	close(drv);
}

TEST(rolling_back)
{
	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	OP(KTM_STATUS_PENDING, TRANSACTION_ROLLBACK, .on = TX);
	OP_TAKES(RM, KTM_NOTIFY_ROLLBACK);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_ROLLBACK_COMPLETE, .on = EN);
	CHECK_EQ(OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER).kind,
		 KTM_OUTCOME_ABORTED);
	OP(KTM_STATUS_NOT_REQUESTED, ENLISTMENT_ROLLBACK_COMPLETE, .on = EN);
	OP(KTM_STATUS_ALREADY_ABORTED, TRANSACTION_COMMIT, .on = TX);
	OP(KTM_STATUS_REQUEST_NOT_VALID, TRANSACTION_ROLLBACK, .on = TX);
	OP(KTM_STATUS_REQUEST_NOT_VALID, ENLISTMENT_ROLLBACK, .on = EN);
	/* By the RM. */
	op_tx(TX2);
	op_enlist(RM, TX2, EN2, EN_MASK);
	OP(KTM_STATUS_INVALID_PARAMETER, ENLISTMENT_ROLLBACK, .on = EN2, .clock = ~0ull);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_ROLLBACK, .on = EN2);
	OP_TAKES(RM, KTM_NOTIFY_ROLLBACK);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_ROLLBACK_COMPLETE, .on = EN2);
	CHECK_EQ(op_tx_state(TX2), KTM_TX_STATE_ABORTED);
	close(drv);
}

/* What putting the last use of each means. */
TEST(putting)
{
	int tx;

	begin();
	tx = op_to_fd(OP_TRANSACTION_TO_FD, TX, KTM_TX_QUERY_INFORMATION);
	op_put(TX);
	TX_IS(tx, KTM_TX_STATE_ABORTED);
	close(tx);
	op_tx(TX);
	op_enlist(RM, TX, EN, EN_MASK);
	op_put(EN);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_ABORTING);
	op_tx(TX2);
	op_rm_enlist(RM, TX2, EN_MASK, 1);
	op_put(RM);
	CHECK_EQ(op_tx_state(TX2), KTM_TX_STATE_ABORTED);
	close(drv);
}

TEST(leaving_and_one_phase)
{
	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	OP(KTM_STATUS_INVALID_PARAMETER, ENLISTMENT_READ_ONLY, .on = EN, .clock = ~0ull);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_READ_ONLY, .on = EN);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_COMMIT, .on = TX, .flags = KTM_CALL_WAIT);
	OP(KTM_STATUS_TIMEOUT, RM_GET_NOTIFICATION, .on = RM);
	op_put(EN);
	op_tx(TX2);
	op_enlist(RM, TX2, EN, SINGLE);
	OP(KTM_STATUS_NOT_REQUESTED, ENLISTMENT_SINGLE_PHASE_REJECT, .on = EN);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX2);
	OP_TAKES(RM, KTM_NOTIFY_SINGLE_PHASE_COMMIT);
	OP(KTM_STATUS_INVALID_PARAMETER, ENLISTMENT_SINGLE_PHASE_REJECT, .on = EN,
	   .clock = ~0ull);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_SINGLE_PHASE_REJECT, .on = EN);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	OP_TAKES(RM, KTM_NOTIFY_COMMIT);
	OP(KTM_STATUS_NOT_REQUESTED, ENLISTMENT_READ_ONLY, .on = EN);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_COMMIT_COMPLETE, .on = EN);
	close(drv);
}

/* Who has prepared asks, and another has not. */
TEST(asks_for_the_outcome)
{
	begin();
	op_enlist(RM, TX, EN, EN_MASK);
	op_enlist(RM, TX, EN2, EN_MASK);
	OP(KTM_STATUS_REQUEST_NOT_VALID, ENLISTMENT_REQUEST_OUTCOME, .on = EN);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_REQUEST_OUTCOME, .on = EN);
	OP_TAKES(RM, KTM_NOTIFY_ROLLBACK);
	close(drv);
}

/* The key is counted for the enlistment, whichever use of it is at hand. */
TEST(keys)
{
	guid_t en;

	begin();
	en = op_rm_enlist(RM, TX, EN_MASK, 0x1234567890);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_OPEN, .on = RM, .slot = EN, .guid = en,
	   .access = KTM_EN_QUERY_INFORMATION);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_OPEN, .on = RM, .slot = EN2, .guid = en,
	   .access = KTM_EN_QUERY_INFORMATION);
	OP(KTM_STATUS_REQUEST_NOT_VALID, ENLISTMENT_DEREFERENCE_KEY, .on = EN);
	CHECK_EQ(OP(KTM_STATUS_SUCCESS, ENLISTMENT_REFERENCE_KEY, .on = EN).key, 0x1234567890);
	CHECK_EQ(OP(KTM_STATUS_SUCCESS, ENLISTMENT_REFERENCE_KEY, .on = EN2).key, 0x1234567890);
	CHECK_EQ(OP(KTM_STATUS_SUCCESS, ENLISTMENT_DEREFERENCE_KEY, .on = EN).count, 0);
	CHECK_EQ(OP(KTM_STATUS_SUCCESS, ENLISTMENT_DEREFERENCE_KEY, .on = EN).count, 1);
	OP(KTM_STATUS_REQUEST_NOT_VALID, ENLISTMENT_DEREFERENCE_KEY, .on = EN2);
	close(drv);
}

/* A driver decides over a process's RM. */
TEST(superior)
{
	int other, tm, tx;
	guid_t en;

	begin();
	tm = op_to_fd(OP_TM_TO_FD, 0, KTM_TM_ALL_ACCESS);
	tx = op_to_fd(OP_TRANSACTION_TO_FD, TX, KTM_TX_ALL_ACCESS);
	other = rm_create(tm, KTM_RM_VOLATILE);
	en = enlist(other, tx);
	op_enlist(RM, TX, EN2, EN_MASK);
	OP(KTM_STATUS_NOT_SUPERIOR, ENLISTMENT_PREPREPARE, .on = EN2);
	OP(KTM_STATUS_NOT_SUPERIOR, ENLISTMENT_PREPARE, .on = EN2);
	OP(KTM_STATUS_NOT_SUPERIOR, ENLISTMENT_COMMIT, .on = EN2);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_READ_ONLY, .on = EN2);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_CREATE, .on = RM, .with = TX, .slot = EN,
	   .mask = SUPERIOR, .flags = KTM_ENLIST_SUPERIOR, .access = KTM_EN_ALL_ACCESS);
	OP(KTM_STATUS_INVALID_PARAMETER, ENLISTMENT_PREPREPARE, .on = EN, .clock = ~0ull);
	OP(KTM_STATUS_PENDING, ENLISTMENT_PREPREPARE, .on = EN);
	OP_TAKES(RM, KTM_NOTIFY_PREPREPARE_COMPLETE);
	OP(KTM_STATUS_PENDING, ENLISTMENT_PREPARE, .on = EN);
	en_prepare(other, en);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE_COMPLETE);
	OP(KTM_STATUS_PENDING, ENLISTMENT_COMMIT, .on = EN);
	en_commit(other, en);
	OP_TAKES(RM, KTM_NOTIFY_COMMIT_COMPLETE);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	close(tx);
	close(other);
	close(tm);
	close(drv);
}

/* A process decides over a driver's RM. */
TEST(subordinate)
{
	int boss, tm, tx;
	guid_t sup;

	begin();
	tm = op_to_fd(OP_TM_TO_FD, 0, KTM_TM_ALL_ACCESS);
	tx = op_to_fd(OP_TRANSACTION_TO_FD, TX, KTM_TX_ALL_ACCESS);
	boss = rm_create(tm, KTM_RM_VOLATILE);
	sup = enlist_superior(boss, tx, SUPERIOR, 1);
	op_enlist(RM, TX, EN, EN_MASK);
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	OP_TAKES(RM, KTM_NOTIFY_COMMIT);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_COMMIT_COMPLETE, .on = EN);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
	close(tx);
	close(boss);
	close(tm);
	close(drv);
}

/* ---- what they tell of themselves ---- */

static bool is_listed(const guid_t *list, unsigned int n, guid_t guid)
{
	while (n--)
		if (same(&list[n], &guid))
			return true;
	return false;
}

TEST(lists)
{
	guid_t list[8], en, uow;
	struct ktm_test_op c;

	begin();
	en = op_rm_enlist(RM, TX, EN_MASK, 1);
	uow = OP_TRY(TRANSACTION_ID, .on = TX).guid;
	OP(KTM_STATUS_INVALID_PARAMETER, RM_ENUMERATE, .on = RM, .count = 0);
	OP(KTM_STATUS_INVALID_PARAMETER, TM_ENUMERATE, .on = 0, .kind = KTM_KIND_EN, .count = 8);
	OP(KTM_STATUS_INVALID_PARAMETER, ENUMERATE_OBJECTS, .kind = KTM_KIND_RM, .count = 8);
	c = OP(KTM_STATUS_SUCCESS, RM_ENUMERATE, .on = RM, .count = 8, .data = (uintptr_t)list);
	CHECK_EQ(c.count, 1);
	CHECK(is_listed(list, 1, en));
	OP(KTM_STATUS_NO_MORE_ENTRIES, RM_ENUMERATE, .on = RM, .count = 8, .guid = c.guid);
	c = OP(KTM_STATUS_SUCCESS, TM_ENUMERATE, .kind = KTM_KIND_TX, .count = 8,
	       .data = (uintptr_t)list);
	CHECK_EQ(c.count, 1);
	CHECK(is_listed(list, 1, uow));
	OP(KTM_STATUS_NO_MORE_ENTRIES, TM_ENUMERATE, .kind = KTM_KIND_TX, .count = 8,
	   .guid = c.guid);
	c = OP(KTM_STATUS_SUCCESS, ENUMERATE_OBJECTS, .kind = KTM_KIND_TX, .count = 8,
	       .data = (uintptr_t)list);
	CHECK(is_listed(list, c.count, uow));
	OP(KTM_STATUS_NO_MORE_ENTRIES, ENUMERATE_OBJECTS, .kind = KTM_KIND_TX, .count = 8,
	   .guid = c.guid);
	close(drv);
}

TEST(questions)
{
	struct ktm_tx_properties p = { .set = KTM_TX_SET_DESCRIPTION, .description_length = 3,
				       .description = "new" };
	struct ktm_rm_completion completion = { .port = 5, .key = 7 };
	struct ktm_rm_completion kept;
	struct ktm_tm_info tm;
	struct ktm_rm_info rm;
	struct ktm_tx_info tx;
	struct ktm_en_info en;
	struct ktm_en_pair pair;
	guid_t guid;

	op_volatile();
	OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM, .flags = KTM_RM_VOLATILE, .name = "rm",
	   .access = KTM_RM_ALL_ACCESS);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_CREATE, .slot = TX, .name = "tx",
	   .access = KTM_TX_ALL_ACCESS);
	guid = op_enlist(RM, TX, EN, EN_MASK);
	CHECK_EQ(OP(KTM_STATUS_BUFFER_TOO_SMALL, TM_QUERY, .kind = KTM_INFO_TM_BASIC).length,
		 sizeof(tm));
	OP(KTM_STATUS_SUCCESS, TM_QUERY, .kind = KTM_INFO_TM_BASIC, .length = sizeof(tm),
	   .data = (uintptr_t)&tm);
	CHECK_EQ(tm.flags, KTM_TM_VOLATILE);
	OP(KTM_STATUS_INVALID_INFO_CLASS, TM_QUERY, .kind = KTM_INFO_TX_BASIC);
	OP(KTM_STATUS_TM_VOLATILE, TM_QUERY, .kind = KTM_INFO_TM_LOG);

	OP(KTM_STATUS_BUFFER_TOO_SMALL, RM_QUERY, .on = RM, .kind = KTM_INFO_RM_BASIC);
	OP(KTM_STATUS_SUCCESS, RM_QUERY, .on = RM, .kind = KTM_INFO_RM_BASIC,
	   .length = sizeof(rm), .data = (uintptr_t)&rm);
	CHECK_EQ(rm.enlistments, 1);
	CHECK(rm.description_length == 2 && !memcmp(rm.description, "rm", 2));
	OP(KTM_STATUS_INVALID_INFO_CLASS, RM_QUERY, .on = RM, .kind = KTM_INFO_TX_BASIC);
	OP(KTM_STATUS_INVALID_PARAMETER, RM_QUERY, .on = RM, .kind = KTM_INFO_RM_BASIC,
	   .guid = guid);
	OP(KTM_STATUS_ENLISTMENT_NOT_FOUND, RM_QUERY, .on = RM, .kind = KTM_INFO_EN_BASIC,
	   .guid = guid_of(1));
	OP(KTM_STATUS_SUCCESS, RM_SET, .on = RM, .kind = KTM_INFO_RM_COMPLETION,
	   .length = sizeof(completion), .data = (uintptr_t)&completion);
	OP(KTM_STATUS_SUCCESS, RM_QUERY, .on = RM, .kind = KTM_INFO_RM_COMPLETION,
	   .length = sizeof(kept), .data = (uintptr_t)&kept);
	CHECK(kept.port == 5 && kept.key == 7);
	OP(KTM_STATUS_INFO_LENGTH_MISMATCH, RM_SET, .on = RM, .kind = KTM_INFO_RM_COMPLETION);
	OP(KTM_STATUS_INVALID_INFO_CLASS, RM_SET, .on = RM, .kind = KTM_INFO_RM_BASIC);
	OP(KTM_STATUS_ENLISTMENT_NOT_FOUND, RM_SET, .on = RM, .kind = KTM_INFO_EN_RECOVERY,
	   .guid = guid_of(1));

	OP(KTM_STATUS_BUFFER_TOO_SMALL, TRANSACTION_QUERY, .on = TX, .kind = KTM_INFO_TX_BASIC);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_SET, .on = TX, .kind = KTM_INFO_TX_PROPERTIES,
	   .length = sizeof(p), .data = (uintptr_t)&p);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_QUERY, .on = TX, .kind = KTM_INFO_TX_BASIC,
	   .length = sizeof(tx), .data = (uintptr_t)&tx);
	CHECK(tx.description_length == 3 && !memcmp(tx.description, "new", 3));
	OP(KTM_STATUS_INFO_LENGTH_MISMATCH, TRANSACTION_SET, .on = TX,
	   .kind = KTM_INFO_TX_PROPERTIES);
	p.set = UNKNOWN;
	OP(KTM_STATUS_INVALID_PARAMETER, TRANSACTION_SET, .on = TX,
	   .kind = KTM_INFO_TX_PROPERTIES, .length = sizeof(p), .data = (uintptr_t)&p);
	OP(KTM_STATUS_INVALID_INFO_CLASS, TRANSACTION_SET, .on = TX, .kind = KTM_INFO_TX_BASIC);
	OP(KTM_STATUS_INVALID_INFO_CLASS, TRANSACTION_QUERY, .on = TX, .kind = KTM_INFO_RM_BASIC);
	OP(KTM_STATUS_ENLISTMENT_NOT_FOUND, TRANSACTION_QUERY, .on = TX,
	   .kind = KTM_INFO_TX_SUPERIOR, .length = sizeof(pair));

	OP(KTM_STATUS_BUFFER_TOO_SMALL, ENLISTMENT_QUERY, .on = EN, .kind = KTM_INFO_EN_BASIC);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_QUERY, .on = EN, .kind = KTM_INFO_EN_BASIC,
	   .length = sizeof(en), .data = (uintptr_t)&en);
	CHECK(same(&en.enlistment, &guid));
	OP(KTM_STATUS_INVALID_INFO_CLASS, ENLISTMENT_QUERY, .on = EN, .kind = KTM_INFO_RM_BASIC);
	OP(KTM_STATUS_INVALID_INFO_CLASS, ENLISTMENT_SET, .on = EN, .kind = KTM_INFO_EN_BASIC);

	OP(KTM_STATUS_PENDING, TRANSACTION_ROLLBACK, .on = TX);
	p.set = KTM_TX_SET_TIMEOUT;
	OP(KTM_STATUS_TRANSACTION_NOT_ACTIVE, TRANSACTION_SET, .on = TX,
	   .kind = KTM_INFO_TX_PROPERTIES, .length = sizeof(p), .data = (uintptr_t)&p);
	close(drv);
}

TEST(protocols)
{
	static char address[] = "somewhere";
	unsigned int i;

	op_volatile();
	op_rm(RM);
	OP(KTM_STATUS_REQUEST_NOT_VALID, RM_REGISTER_PROTOCOL, .on = RM, .guid = guid_of(1));
	OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM2, .access = KTM_RM_ALL_ACCESS,
	   .flags = KTM_RM_VOLATILE | KTM_RM_COMMUNICATION);
	OP(KTM_STATUS_INVALID_PARAMETER, RM_REGISTER_PROTOCOL, .on = RM2);
	OP(KTM_STATUS_INVALID_PARAMETER, RM_REGISTER_PROTOCOL, .on = RM2, .guid = guid_of(1),
	   .length = KTM_MAX_PROTOCOL_INFORMATION + 1);
	OP(KTM_STATUS_SUCCESS, RM_REGISTER_PROTOCOL, .on = RM2, .guid = guid_of(1),
	   .data = (uintptr_t)address, .length = sizeof(address));
	OP(KTM_STATUS_PROTOCOL_EXISTS, RM_REGISTER_PROTOCOL, .on = RM2, .guid = guid_of(1));
	for (i = 1; i < KTM_MAX_PROTOCOLS; i++)
		OP(KTM_STATUS_SUCCESS, RM_REGISTER_PROTOCOL, .on = RM2, .guid = guid_of(1 + i));
	OP(KTM_STATUS_QUOTA_EXCEEDED, RM_REGISTER_PROTOCOL, .on = RM2, .guid = guid_of(100));
	OP(KTM_STATUS_NOT_REQUESTED, RM_PROPAGATION_COMPLETE, .on = RM, .length = 8);
	OP(KTM_STATUS_INVALID_PARAMETER, RM_PROPAGATION_COMPLETE, .on = RM,
	   .length = KTM_MAX_PROTOCOL_INFORMATION + 1);
	OP(KTM_STATUS_NOT_REQUESTED, RM_PROPAGATION_FAILED, .on = RM);
	close(drv);
}

TEST(freezing)
{
	op_volatile();
	op_tx(TX);
	OP(KTM_STATUS_NOT_FROZEN, THAW_TRANSACTIONS);
	OP(KTM_STATUS_INVALID_PARAMETER, FREEZE_TRANSACTIONS, .timeout_ns = 0);
	OP(KTM_STATUS_SUCCESS, FREEZE_TRANSACTIONS, .timeout_ns = KTM_MAX_FREEZE_NS);
	OP(KTM_STATUS_FREEZE_IN_PROGRESS, FREEZE_TRANSACTIONS, .timeout_ns = KTM_MAX_FREEZE_NS);
	OP(KTM_STATUS_SUCCESS, THAW_TRANSACTIONS);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_COMMIT, .on = TX, .flags = KTM_CALL_WAIT);
	op_tx(TX2);
	op_rm(RM);
	op_rm_enlist(RM, TX2, EN_MASK, 1);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX2);
	OP(KTM_STATUS_TIMEOUT, FREEZE_TRANSACTIONS, .timeout_ns = 1000000);
	close(drv);
}

/* ---- durable ---- */

#define TM_GUID	guid_of(990)
#define RM_GUID	guid_of(991)

static void attach(const char *path, unsigned int flags)
{
	int fd = disk_open(path);

	OP(KTM_STATUS_SUCCESS, TM_CREATE, .flags = flags, .device = fd + 1,
	   .access = KTM_TM_ALL_ACCESS);
	close(fd);
}

static struct disk make_log(void)
{
	struct disk d = disk_make(8 * MIB);

	journal_format(d.path, TM_GUID);
	return d;
}

static void go_online(const char *path)
{
	attach(path, 0);
	OP(KTM_STATUS_SUCCESS, TM_RECOVER);
}

static void open_rm(void)
{
	OP(KTM_STATUS_SUCCESS, RM_OPEN, .slot = RM, .guid = RM_GUID, .access = KTM_RM_ALL_ACCESS);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
}

TEST(logs)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd, ro;
	struct disk d = make_log();
	guid_t guid = guid_of(992);

	OP(KTM_STATUS_OBJECT_TYPE_MISMATCH, TM_CREATE, .device = null + 1, .access = 1);
	OP(KTM_STATUS_OBJECT_TYPE_MISMATCH, TM_OPEN_LOG, .slot = TM2, .device = null + 1,
	   .access = 1);
	ro = disk_open_read_only(d.path);
	OP(KTM_STATUS_INVALID_HANDLE, TM_CREATE, .device = ro + 1, .access = 1);
	close(ro);
	fd = disk_open(d.path);
	OP(KTM_STATUS_INVALID_PARAMETER, TM_CREATE, .device = fd + 1, .access = 1,
	   .flags = KTM_TM_VOLATILE);
	OP(KTM_STATUS_TM_IDENTITY_MISMATCH, TM_CREATE, .device = fd + 1, .access = 1,
	   .guid = guid_of(1));
	OP(KTM_STATUS_TM_NOT_FOUND, TM_OPEN_LOG, .slot = TM2, .device = fd + 1, .access = 1);
	attach(d.path, 0);
	OP(KTM_STATUS_OBJECT_NAME_COLLISION, TM_CREATE, .slot = TM2, .device = fd + 1,
	   .access = 1);
	OP(KTM_STATUS_SUCCESS, TM_OPEN_LOG, .slot = TM2, .device = fd + 1, .access = 1);
	op_put(TM2);
	OP(KTM_STATUS_INVALID_PARAMETER, TM_OPEN_LOG, .slot = TM2, .device = fd + 1);
	close(fd);
	OP(KTM_STATUS_TM_NOT_ONLINE, RM_CREATE, .slot = RM, .access = 1);
	OP(KTM_STATUS_TM_NOT_ONLINE, RM_OPEN, .slot = RM, .guid = guid, .access = 1);
	OP(KTM_STATUS_TM_NOT_ONLINE, TRANSACTION_CREATE, .slot = TX, .access = 1);
	OP(KTM_STATUS_TM_NOT_ONLINE, TM_QUERY, .kind = KTM_INFO_TM_ONLINE);
	OP(KTM_STATUS_SUCCESS, TM_RENAME, .guid = guid);
	OP(KTM_STATUS_INVALID_PARAMETER, TM_ROLLFORWARD, .clock = 0);
	OP(KTM_STATUS_SUCCESS, TM_ROLLFORWARD, .clock = 1000000);
	OP(KTM_STATUS_REQUEST_NOT_VALID, TM_ROLLFORWARD, .clock = 1000000);
	OP(KTM_STATUS_REQUEST_NOT_VALID, TM_RENAME, .guid = guid_of(993));
	OP(KTM_STATUS_SUCCESS, TM_RECOVER);
	OP(KTM_STATUS_REQUEST_NOT_VALID, TM_OFFLINE);
	op_put(0);
	tm_close(-1, d.path);
	attach(d.path, KTM_TM_PERSIST);
	OP(KTM_STATUS_SUCCESS, TM_OPEN, .slot = TM2, .guid = guid, .access = KTM_TM_RECOVER);
	OP(KTM_STATUS_OBJECT_BUSY, TM_OFFLINE);
	op_put(0);
	op_put(TM2);
	/* It has stayed. */
	OP(KTM_STATUS_SUCCESS, TM_OPEN, .guid = guid, .access = KTM_TM_ALL_ACCESS);
	OP(KTM_STATUS_SUCCESS, TM_OFFLINE);
	op_put(0);
	tm_close(-1, d.path);
	op_volatile();
	OP(KTM_STATUS_TM_VOLATILE, TM_RECOVER);
	OP(KTM_STATUS_TM_VOLATILE, TM_ROLLFORWARD, .clock = 1);
	OP(KTM_STATUS_TM_VOLATILE, TM_RENAME);
	close(null);
	close(drv);
}

/* It votes, everything goes, and it finds what it has voted for, and its information. */
TEST(recovery)
{
	static char information[] = "what it needs to commit", other[] = "other";
	char found[sizeof(information)];
	struct disk d = make_log();
	struct ktm_notification n;
	guid_t en;

	go_online(d.path);
	OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM, .guid = RM_GUID,
	   .access = KTM_RM_ALL_ACCESS);
	op_tx(TX);
	OP(KTM_STATUS_TM_NOT_ONLINE, RM_ENLIST, .on = RM, .with = TX, .mask = EN_MASK);
	OP(KTM_STATUS_TM_NOT_ONLINE, ENLISTMENT_CREATE, .on = RM, .with = TX, .slot = EN,
	   .mask = EN_MASK, .access = 1);
	OP(KTM_STATUS_TM_NOT_ONLINE, RM_GET_NOTIFICATION, .on = RM);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	OP_TAKES(RM, KTM_NOTIFY_LAST_RECOVER);
	en = op_enlist(RM, TX, EN, EN_MASK);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_SET, .on = EN, .kind = KTM_INFO_EN_RECOVERY,
	   .data = (uintptr_t)other, .length = 5);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN,
	   .data = (uintptr_t)information, .length = sizeof(information));
	OP_TAKES(RM, KTM_NOTIFY_COMMIT);
	OP(KTM_STATUS_REQUEST_NOT_VALID, ENLISTMENT_SET, .on = EN, .kind = KTM_INFO_EN_RECOVERY);
	close(drv);
	tm_close(-1, d.path);

	driver_open();
	go_online(d.path);
	open_rm();
	n = op_take(RM);
	CHECK_EQ(n.kind, KTM_NOTIFY_RECOVER);
	CHECK(same(&n.enlistment, &en));
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_OPEN, .on = RM, .slot = EN, .guid = en,
	   .access = KTM_EN_ALL_ACCESS);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_QUERY, .on = EN, .kind = KTM_INFO_EN_RECOVERY,
	   .data = (uintptr_t)found, .length = sizeof(found));
	CHECK(!memcmp(found, information, sizeof(found)));
	OP(KTM_STATUS_PENDING, ENLISTMENT_RECOVER, .on = EN, .key = 9);
	n = op_take(RM);
	if (n.kind == KTM_NOTIFY_LAST_RECOVER)
		n = op_take(RM);
	CHECK_EQ(n.kind, KTM_NOTIFY_COMMIT);
	CHECK_EQ(n.key, 9);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_COMMIT_COMPLETE, .on = EN);
	OP(KTM_STATUS_NOT_REQUESTED, ENLISTMENT_COMMIT_COMPLETE, .on = EN);
	close(drv);
	tm_close(-1, d.path);
}

/* What answers bring for a stream. */
TEST(records_with_answers)
{
	struct disk d = make_log();
	struct ktm_stream_info info;
	struct ktm_test_op c;
	int tm, s;

	go_online(d.path);
	OP(KTM_STATUS_SUCCESS, STREAM_CREATE, .slot = STREAM, .count = 8192, .name = "s",
	   .access = KTM_STREAM_ALL_ACCESS);
	OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM, .guid = RM_GUID,
	   .access = KTM_RM_ALL_ACCESS);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	OP_TAKES(RM, KTM_NOTIFY_LAST_RECOVER);
	op_tx(TX);
	op_enlist(RM, TX, EN, EN_MASK);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE);
	OP(KTM_STATUS_INVALID_PARAMETER, ENLISTMENT_PREPARE_COMPLETE, .on = EN, .with = STREAM,
	   .length = 5, .flags = KTM_STREAM_DURABLE);
	OP(KTM_STATUS_STREAM_FULL, ENLISTMENT_PREPARE_COMPLETE, .on = EN, .with = STREAM,
	   .length = 16384);
	c = OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN, .with = STREAM,
	       .length = 100, .count = 2);
	CHECK(c.key);
	OP_TAKES(RM, KTM_NOTIFY_COMMIT);
	tm = op_to_fd(OP_TM_TO_FD, 0, KTM_TM_ALL_ACCESS);
	s = stream_open(tm, "s");
	CHECK_EQ(stream_info(s).records, 1);
	c = OP(KTM_STATUS_SUCCESS, ENLISTMENT_COMMIT_COMPLETE, .on = EN, .with = STREAM,
	       .length = 10);
	CHECK(c.key);
	info = stream_info(s);
	CHECK_EQ(info.records, 2);
	CHECK_EQ(info.last_lsn, c.key);
	op_put(EN);
	/* Rolled back, with a record that says so; and nothing for a stream but room. */
	op_tx(TX2);
	op_enlist(RM, TX2, EN, EN_MASK);
	OP(KTM_STATUS_PENDING, TRANSACTION_ROLLBACK, .on = TX2);
	OP_TAKES(RM, KTM_NOTIFY_ROLLBACK);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_ROLLBACK_COMPLETE, .on = EN, .with = STREAM,
	   .length = 10);
	CHECK_EQ(stream_info(s).records, 3);
	close(s);
	close(tm);
	close(drv);
	tm_close(-1, d.path);
}

/* Each function was called, but for those of callbacks, and has succeeded where it can. */
TEST(all_were_called)
{
	uint64_t met[OP_FUNCTIONS];
	unsigned int fn;

	op_show();
	op_seen(met);
	for (fn = 0; fn < OP_FUNCTIONS; fn++) {
		const bool other = fn == OP_RM_ENABLE_CALLBACKS ||
				   fn == OP_RM_DISABLE_CALLBACKS ||
				   fn == OP_TRANSACTION_COMMIT_ASYNC;
		const bool never = fn == OP_RM_PROPAGATION_COMPLETE ||
				   fn == OP_RM_PROPAGATION_FAILED;
		const uint64_t well = 1ull << KTM_STATUS_SUCCESS | 1ull << KTM_STATUS_PENDING;

		if (!other && (!met[fn] || (!never && !(met[fn] & well))))
			FAIL("%s was not called, or has never succeeded", op_name(fn));
	}
	driver_unload();
}
