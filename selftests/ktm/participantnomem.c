// SPDX-License-Identifier: GPL-2.0
/*
 * What drivers call to take part when memory is short: every allocation of every function fails
 * once, the first, the second and so on. The call is then refused with ENOMEM, if that is among
 * its errors, and everything is as before, or it does not need the memory. What drivers call for
 * log streams is drivernomem.c's. Needs a kernel with fault injection.
 */
#include <sys/ioctl.h>
#include <sys/param.h>

#include "disk.h"
#include "failalloc.h"
#include "nomem.h"
#include "opcalls.h"

#define EN_MASK_0	(EN_MASK | KTM_NOTIFY_PREPREPARE)
#define SINGLE		(EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT)
#define SUPERIOR	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE |		\
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE)
#define TM_GUID		guid_of(980)
#define RM_GUID		guid_of(981)
#define UOW		guid_of(982)
#define INFORMATION	16000
/*
 * What allocates more than so many is filling buffers with pages, one like the other: from there
 * on some of them are enough, and fewer and fewer. How many there are is the kernel's choice: now
 * it gets them one by one, now many at once.
 */
#define EACH_ONE	64
#define THEN		16
/* What has no status tells none. */
#define NO_STATUS	UINT32_MAX

/* Slots. What is tried makes the last one. */
enum { TM, RM, TX, EN, BOSS, STREAM, TRIED };

static struct disk d;
/* Of the process: of what was made last; of the log stream in STREAM. */
static int made = -1, stream = -1;
static unsigned long tried, refused;
/* How often each allocation fails that does not matter. */
static unsigned int times = 2;
static unsigned char information[INFORMATION];

void test_setup(void)
{
	fail_nth_open();
	driver_open();
}

/* ---- what is there ---- */

struct picture {
	struct ktm_tm_info tm;
	struct ktm_rm_info rm;
	struct ktm_tx_info tx;
	struct ktm_tx_properties properties;
	struct ktm_en_info en, boss;
	struct ktm_rm_completion completion;
	struct ktm_stream_info stream;
	unsigned char information[INFORMATION];
	unsigned int length;
	struct nomem_traces traces;
};

/* Bytes of the answer; 0: the slot is empty. */
static unsigned int ask(unsigned int fn, unsigned int slot, unsigned int class, void *answer,
			unsigned int length)
{
	struct ktm_test_op c = { .fn = fn, .on = slot, .kind = class, .length = length,
				 .data = (uintptr_t)answer };

	CHECK_EQ(ioctl(drv, KTM_TEST_OP, &c), 0);
	if (c.ret == -ENOBUFS)
		return 0;
	CHECK_EQ(c.ret, 0);
	return c.length;
}

#define ASK(fn, slot, class, answer)	\
	ask(OP_##fn##_QUERY, slot, KTM_INFO_##class, answer, sizeof(*(answer)))

static void look(struct picture *p, const struct picture *before)
{
	memset(p, 0, sizeof(*p));
	ASK(TM, TM, TM_BASIC, &p->tm);
	ASK(RM, RM, RM_BASIC, &p->rm);
	ASK(RM, RM, RM_COMPLETION, &p->completion);
	ASK(TRANSACTION, TX, TX_BASIC, &p->tx);
	ASK(TRANSACTION, TX, TX_PROPERTIES, &p->properties);
	ASK(ENLISTMENT, EN, EN_BASIC, &p->en);
	ASK(ENLISTMENT, BOSS, EN_BASIC, &p->boss);
	p->length = ask(OP_ENLISTMENT_QUERY, EN, KTM_INFO_EN_RECOVERY, p->information,
			sizeof(p->information));
	if (stream >= 0)
		p->stream = stream_info(stream);
	p->traces = nomem_look(before ? &before->traces : NULL);
	/* Which go by, and what the log does by itself. */
	p->tx.age_ns = 0;
	p->tm.log_free = 0;
	p->tm.log_lsn = 0;
	p->tm.log_flushed_lsn = 0;
	p->tm.forces = 0;
	p->tm.writes = 0;
	p->stream.flushed_lsn = 0;
	p->stream.place_lsn = 0;
}

#define DIFFERS(what)	(memcmp(&a->what, &b->what, sizeof(a->what)) ? #what " " : "")

/* What a call made may go a moment after it, in a worker. */
static void must_be_as(const struct picture *a, const char *name, unsigned int n)
{
	const struct deadline end = deadline_in(PATIENCE);
	static struct picture now;
	const struct picture *b = &now;

	for (look(&now, a); memcmp(a, b, sizeof(*a)); look(&now, a)) {
		if (deadline_passed(&end))
			FAIL("%s, refused at allocation %u, has changed: %s%s%s%s%s%s%s%s%s%s%s",
			     name, n, DIFFERS(tm), DIFFERS(rm), DIFFERS(tx), DIFFERS(properties),
			     DIFFERS(en), DIFFERS(boss), DIFFERS(completion), DIFFERS(stream),
			     DIFFERS(information), DIFFERS(length), DIFFERS(traces));
		nap();
	}
}

/* ---- each allocation ---- */

static bool as_wanted(const struct ktm_test_op *t, unsigned int want)
{
	if (t->status != want)
		return false;
	return want == NO_STATUS || !status_errno(want) ? t->ret >= 0 :
							  t->ret == -status_errno(want);
}

enum came_to { REFUSED, SUCCEEDED, UNTOUCHED };

/* The n-th allocation of a call fails, if it makes so many. */
static enum came_to fail_at(unsigned int n, const char *name, struct ktm_test_op c,
			    unsigned int want, bool may_fail)
{
	static struct picture before;
	int ret, err;
	bool hit;

	look(&before, NULL);
	fail_nth_arm(n);
	ret = ioctl(drv, KTM_TEST_OP, &c);
	err = errno;
	hit = fail_nth_disarm();
	tried += hit;
	/* It was the driver's own memory. */
	if (ret || c.ret == -ENOBUFS) {
		CHECK(hit && (!ret || err == ENOMEM));
		return REFUSED;
	}
	if (as_wanted(&c, want)) {
		made = c.ret;
		return hit ? SUCCEEDED : UNTOUCHED;
	}
	if (!hit || !may_fail)
		FAIL("%s, allocation %u: %s, returned %d", name, n, status_name(c.status), c.ret);
	CHECK_EQ(c.status, KTM_STATUS_INSUFFICIENT_RESOURCES);
	CHECK_EQ(c.ret, -ENOMEM);
	must_be_as(&before, name, n);
	shows_call(op_name(c.fn), KTM_STATUS_INSUFFICIENT_RESOURCES);
	refused++;
	return REFUSED;
}

/*
 * @want: without trouble; @again: after that, so that it can be tried once more. Not every
 * allocation is the call's: the kernel's own come and go, and move those behind them by one. So
 * one that has not mattered, and might, fails twice.
 */
static void each(const char *name, struct ktm_test_op c, unsigned int want, bool may_fail,
		 void (*again)(void))
{
	enum came_to came_to;
	unsigned int n, i;

	for (n = 1; n < TOO_MANY; n += n < EACH_ONE ? 1 : MAX(THEN, n / THEN)) {
		for (i = 0; i < (may_fail ? times : 1); i++) {
			came_to = fail_at(n, name, c, want, may_fail);
			if (came_to == REFUSED)
				break;
			if (again)
				again();
			if (came_to == UNTOUCHED) {
				nomem_tried(name);
				return;
			}
		}
	}
	FAIL("%s allocates for ever", name);
}

#define TRY(want, may_fail, again, fn_, ...)					\
	each(op_name(OP_##fn_), (struct ktm_test_op){ .fn = OP_##fn_, ##__VA_ARGS__ },	\
	     want, may_fail, again)
/* Which needs memory; which does not, or waits for it. */
#define EACH(again, fn, ...)	TRY(KTM_STATUS_SUCCESS, true, again, fn, ##__VA_ARGS__)
#define SURE(again, fn, ...)	TRY(KTM_STATUS_SUCCESS, false, again, fn, ##__VA_ARGS__)
#define BEGINS(again, fn, ...)	TRY(KTM_STATUS_PENDING, false, again, fn, ##__VA_ARGS__)

/* To put something cannot fail. @again makes it anew. */
static void each_put(const char *name, unsigned int slot, void (*again)(void))
{
	each(name, (struct ktm_test_op){ .fn = OP_PUT, .on = slot }, NO_STATUS, false, again);
}

static void put_tried(void)
{
	op_put(TRIED);
}

static void close_made(void)
{
	CHECK_EQ(close(made), 0);
}

static void report(const char *name)
{
	printf("campaign %s: tried=%lu violations=0 seed=0\n# refused=%lu\n", name, tried, refused);
	CHECK(tried && refused);
}

/* ---- stages of a transaction ---- */

static void put_if_there(unsigned int slot)
{
	struct ktm_test_op c = { .fn = OP_PUT, .on = slot };

	CHECK_EQ(ioctl(drv, KTM_TEST_OP, &c), 0);
}

/* All but a volatile TM goes, whatever state it is in. */
static void clear(void)
{
	struct ktm_test_op c = { .fn = OP_ENLISTMENT_ROLLBACK, .on = BOSS };

	CHECK_EQ(ioctl(drv, KTM_TEST_OP, &c), 0);
	put_if_there(RM);
	put_if_there(BOSS);
	put_if_there(EN);
	put_if_there(TX);
}

static void fresh_log(void);

/* An RM, a transaction, and it takes part. */
static void begin(unsigned int mask)
{
	if (d.bytes) {
		fresh_log();
	} else {
		clear();
		op_rm(RM);
	}
	op_tx(TX);
	op_enlist(RM, TX, EN, mask);
}

static void active(void)
{
	begin(EN_MASK);
}

static void commit_begun(void)
{
	active();
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
}

static void preprepare(void)
{
	begin(EN_MASK_0);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	OP_TAKES(RM, KTM_NOTIFY_PREPREPARE);
}

static void prepare(void)
{
	commit_begun();
	OP_TAKES(RM, KTM_NOTIFY_PREPARE);
}

static void commit(void)
{
	prepare();
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	OP_TAKES(RM, KTM_NOTIFY_COMMIT);
}

static void roll_back(void)
{
	active();
	OP(KTM_STATUS_PENDING, TRANSACTION_ROLLBACK, .on = TX);
	OP_TAKES(RM, KTM_NOTIFY_ROLLBACK);
}

static void single(void)
{
	begin(SINGLE);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	OP_TAKES(RM, KTM_NOTIFY_SINGLE_PHASE_COMMIT);
}

/* One has prepared, another has yet to. */
static void one_of_two(void)
{
	active();
	op_rm_enlist(RM, TX, EN_MASK, 2);
	OP(KTM_STATUS_PENDING, TRANSACTION_COMMIT, .on = TX);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
}

static void no_participant(void)
{
	clear();
	op_tx(TX);
}

static void superior(void)
{
	begin(EN_MASK_0);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_CREATE, .on = RM, .with = TX, .slot = BOSS,
	   .flags = KTM_ENLIST_SUPERIOR, .mask = SUPERIOR, .access = KTM_EN_ALL_ACCESS);
}

static void superior_preprepared(void)
{
	superior();
	OP(KTM_STATUS_PENDING, ENLISTMENT_PREPREPARE, .on = BOSS);
	OP_TAKES(RM, KTM_NOTIFY_PREPREPARE);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPREPARE_COMPLETE, .on = EN);
	OP_TAKES(RM, KTM_NOTIFY_PREPREPARE_COMPLETE);
}

static void superior_prepared(void)
{
	superior_preprepared();
	OP(KTM_STATUS_PENDING, ENLISTMENT_PREPARE, .on = BOSS);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	OP_TAKES(RM, KTM_NOTIFY_PREPARE_COMPLETE);
}

/* ---- transaction managers ---- */

static void thaw(void)
{
	OP(KTM_STATUS_SUCCESS, THAW_TRANSACTIONS);
}

static void freeze(void)
{
	OP(KTM_STATUS_SUCCESS, FREEZE_TRANSACTIONS, .timeout_ns = KTM_MAX_FREEZE_NS);
}

static void open_tm(void)
{
	OP(KTM_STATUS_SUCCESS, TM_OPEN, .slot = TRIED, .guid = TM_GUID, .access = KTM_TM_RECOVER);
}

TEST(managers)
{
	unsigned char buffer[512];
	guid_t list[8];
	int fd;

	EACH(put_tried, TM_CREATE, .slot = TRIED, .flags = KTM_TM_VOLATILE,
	     .access = KTM_TM_ALL_ACCESS);
	OP(KTM_STATUS_SUCCESS, TM_CREATE, .slot = TM, .flags = KTM_TM_VOLATILE, .guid = TM_GUID,
	   .access = KTM_TM_ALL_ACCESS);
	op_tx(TX);
	EACH(put_tried, TM_OPEN, .slot = TRIED, .guid = TM_GUID, .access = KTM_TM_RECOVER);
	EACH(close_made, TM_TO_FD, .on = TM, .access = KTM_TM_ALL_ACCESS);
	fd = op_to_fd(OP_TM_TO_FD, TM, KTM_TM_ALL_ACCESS);
	EACH(put_tried, TM_GET_FROM_FD, .slot = TRIED, .fd = fd, .access = KTM_TM_RECOVER);
	close(fd);
	open_tm();
	each_put("ktm_tm_put", TRIED, open_tm);
	SURE(NULL, TM_QUERY, .on = TM, .kind = KTM_INFO_TM_BASIC, .data = (uintptr_t)buffer,
	     .length = sizeof(buffer));
	EACH(NULL, TM_ENUMERATE, .on = TM, .kind = KTM_KIND_TX, .count = 8,
	     .data = (uintptr_t)list);
	EACH(NULL, ENUMERATE_OBJECTS, .kind = KTM_KIND_TM, .count = 8, .data = (uintptr_t)list);
	SURE(thaw, FREEZE_TRANSACTIONS, .timeout_ns = KTM_MAX_FREEZE_NS);
	freeze();
	SURE(freeze, THAW_TRANSACTIONS);
	thaw();
	report("managers");
	close(drv);
}

/* ---- transactions ---- */

static void told_and_again(void)
{
	told();
	no_participant();
}

/* Else what a refused call has set would not be seen. */
static void set_otherwise(void)
{
	struct ktm_tx_properties p = { .set = KTM_TX_SET_DESCRIPTION | KTM_TX_SET_TIMEOUT,
				       .description_length = 2, .description = "tx" };

	OP(KTM_STATUS_SUCCESS, TRANSACTION_SET, .on = TX, .kind = KTM_INFO_TX_PROPERTIES,
	   .data = (uintptr_t)&p, .length = sizeof(p));
}

static void put_and_make_tx(void)
{
	op_tx(TRIED);
}

TEST(transactions)
{
	struct ktm_tx_properties p = { .set = KTM_TX_SET_DESCRIPTION | KTM_TX_SET_TIMEOUT,
				       .timeout_ns = 3600000000000ull,
				       .description_length = 3, .description = "new" };
	unsigned char buffer[512];
	guid_t uow;
	int fd;

	op_volatile();
	EACH(put_tried, TRANSACTION_CREATE, .slot = TRIED, .name = "tx",
	     .access = KTM_TX_ALL_ACCESS);
	active();
	uow = OP_TRY(TRANSACTION_ID, .on = TX).guid;
	EACH(put_tried, TRANSACTION_OPEN, .slot = TRIED, .guid = uow,
	     .access = KTM_TX_ALL_ACCESS);
	EACH(close_made, TRANSACTION_TO_FD, .on = TX, .access = KTM_TX_ALL_ACCESS);
	fd = op_to_fd(OP_TRANSACTION_TO_FD, TX, KTM_TX_ALL_ACCESS);
	EACH(put_tried, TRANSACTION_GET_FROM_FD, .slot = TRIED, .fd = fd,
	     .access = KTM_TX_ALL_ACCESS);
	close(fd);
	op_tx(TRIED);
	each_put("ktm_transaction_put", TRIED, put_and_make_tx);
	op_put(TRIED);
	TRY(NO_STATUS, false, NULL, TRANSACTION_ID, .on = TX);
	TRY(NO_STATUS, false, NULL, TRANSACTION_IS_ACTIVE, .on = TX);
	SURE(NULL, TRANSACTION_QUERY, .on = TX, .kind = KTM_INFO_TX_BASIC,
	     .data = (uintptr_t)buffer, .length = sizeof(buffer));
	EACH(NULL, TRANSACTION_QUERY, .on = TX, .kind = KTM_INFO_TX_ENLISTMENTS,
	     .data = (uintptr_t)buffer, .length = sizeof(buffer));
	EACH(set_otherwise, TRANSACTION_SET, .on = TX, .kind = KTM_INFO_TX_PROPERTIES,
	     .data = (uintptr_t)&p, .length = sizeof(p));
	BEGINS(active, TRANSACTION_ROLLBACK, .on = TX);
	BEGINS(active, TRANSACTION_COMMIT, .on = TX);
	no_participant();
	SURE(no_participant, TRANSACTION_COMMIT, .on = TX, .flags = KTM_CALL_WAIT);
	EACH(told_and_again, TRANSACTION_COMMIT_ASYNC, .on = TX);
	OP(KTM_STATUS_SUCCESS, TRANSACTION_COMMIT, .on = TX, .flags = KTM_CALL_WAIT);
	SURE(NULL, TRANSACTION_WAIT, .on = TX, .timeout_ns = FOREVER);
	report("transactions");
	close(drv);
}

static void make_without_commit(void)
{
	OP(KTM_STATUS_SUCCESS, TRANSACTION_CREATE, .slot = TX, .guid = UOW,
	   .access = KTM_TX_QUERY_INFORMATION);
}

/* Who has opened it for commit may end it, and does by going. */
static void ended_by_going(void)
{
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_ACTIVE);
	op_put(TRIED);
	CHECK_EQ(op_tx_state(TX), KTM_TX_STATE_ABORTED);
	op_put(TX);
	make_without_commit();
}

/* An RM that is called, perhaps by who waits; its driver has done what it is told. */
static void called(void)
{
	clear();
	op_rm(RM);
	CHECK_EQ(OP_TRY(SCRIPT, .mask = ~0u, .flags = KTM_TEST_DO_QUIETLY,
			.returns = KTM_CALLBACK_HANDLED).ret, 0);
	OP(KTM_STATUS_SUCCESS, RM_ENABLE_CALLBACKS, .on = RM);
	op_tx(TX);
	op_rm_enlist(RM, TX, EN_MASK_0, 1);
}

TEST(waiting_for_callbacks)
{
	op_volatile();
	called();
	SURE(called, TRANSACTION_COMMIT, .on = TX, .flags = KTM_CALL_WAIT);
	SURE(called, TRANSACTION_ROLLBACK, .on = TX, .flags = KTM_CALL_WAIT);
	CHECK(tried);
	close(drv);
}

/* Who could not open it for commit has never had it, so he has not gone. */
TEST(never_open_for_commit)
{
	op_volatile();
	make_without_commit();
	EACH(ended_by_going, TRANSACTION_OPEN, .slot = TRIED, .guid = UOW,
	     .access = KTM_TX_ALL_ACCESS);
	report("never_open_for_commit");
	close(drv);
}

/* ---- resource managers ---- */

static void rm_again(void)
{
	op_put(RM);
	OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM, .access = KTM_RM_ALL_ACCESS,
	   .flags = KTM_RM_VOLATILE | KTM_RM_COMMUNICATION);
}

static void enable(void)
{
	OP(KTM_STATUS_SUCCESS, RM_ENABLE_CALLBACKS, .on = RM);
}

static void make_rm(void)
{
	op_rm(TRIED);
}

TEST(resource_managers)
{
	struct ktm_rm_completion completion = { .port = 5, .key = 7 };
	static char address[] = "somewhere";
	unsigned char buffer[512];
	struct ktm_rm_info info;
	struct ktm_en_info en;
	guid_t list[8];
	int fd;

	op_volatile();
	EACH(put_tried, RM_CREATE, .slot = TRIED, .flags = KTM_RM_VOLATILE, .name = "rm",
	     .access = KTM_RM_ALL_ACCESS);
	active();
	ASK(RM, RM, RM_BASIC, &info);
	EACH(put_tried, RM_OPEN, .slot = TRIED, .guid = info.guid, .access = KTM_RM_ALL_ACCESS);
	EACH(close_made, RM_TO_FD, .on = RM, .access = KTM_RM_ALL_ACCESS);
	fd = op_to_fd(OP_RM_TO_FD, RM, KTM_RM_ALL_ACCESS);
	EACH(put_tried, RM_GET_FROM_FD, .slot = TRIED, .fd = fd, .access = KTM_RM_ENLIST);
	close(fd);
	op_rm(TRIED);
	each_put("ktm_rm_put", TRIED, make_rm);
	op_put(TRIED);
	commit_begun();
	SURE(commit_begun, RM_GET_NOTIFICATION, .on = RM, .data = (uintptr_t)buffer);
	ASK(ENLISTMENT, EN, EN_BASIC, &en);
	SURE(NULL, RM_QUERY, .on = RM, .kind = KTM_INFO_RM_BASIC, .data = (uintptr_t)buffer,
	     .length = sizeof(buffer));
	EACH(NULL, RM_QUERY, .on = RM, .kind = KTM_INFO_EN_RECOVERY, .guid = en.enlistment,
	     .data = (uintptr_t)information, .length = sizeof(information));
	EACH(NULL, RM_ENUMERATE, .on = RM, .count = 8, .data = (uintptr_t)list);
	SURE(NULL, RM_SET, .on = RM, .kind = KTM_INFO_RM_COMPLETION,
	     .data = (uintptr_t)&completion, .length = sizeof(completion));
	TRY(KTM_STATUS_NOT_REQUESTED, false, NULL, RM_PROPAGATION_COMPLETE, .on = RM, .length = 8);
	TRY(KTM_STATUS_NOT_REQUESTED, false, NULL, RM_PROPAGATION_FAILED, .on = RM);
	clear();
	op_rm(RM);
	rm_again();
	EACH(rm_again, RM_REGISTER_PROTOCOL, .on = RM, .guid = guid_of(8),
	     .data = (uintptr_t)address, .length = sizeof(address));
	EACH(rm_again, RM_ENABLE_CALLBACKS, .on = RM);
	enable();
	SURE(enable, RM_DISABLE_CALLBACKS, .on = RM);
	report("resource_managers");
	close(drv);
}

/* ---- enlistments ---- */

static void put_and_begin(void)
{
	op_put(TRIED);
	active();
}

static void enlisted_again(void)
{
	active();
	op_enlist(RM, TX, TRIED, EN_MASK);
}

static void dereference(void)
{
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_DEREFERENCE_KEY, .on = EN);
}

static void reference(void)
{
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_REFERENCE_KEY, .on = EN);
}

TEST(enlistments)
{
	unsigned char buffer[512];
	struct ktm_en_info info;
	int fd;

	op_volatile();
	active();
	EACH(put_and_begin, ENLISTMENT_CREATE, .on = RM, .with = TX, .slot = TRIED,
	     .mask = EN_MASK, .access = KTM_EN_ALL_ACCESS);
	EACH(active, RM_ENLIST, .on = RM, .with = TX, .mask = EN_MASK);
	ASK(ENLISTMENT, EN, EN_BASIC, &info);
	EACH(put_tried, ENLISTMENT_OPEN, .on = RM, .slot = TRIED, .guid = info.enlistment,
	     .access = KTM_EN_ALL_ACCESS);
	EACH(close_made, ENLISTMENT_TO_FD, .on = EN, .access = KTM_EN_ALL_ACCESS);
	fd = op_to_fd(OP_ENLISTMENT_TO_FD, EN, KTM_EN_ALL_ACCESS);
	EACH(put_tried, ENLISTMENT_GET_FROM_FD, .slot = TRIED, .fd = fd,
	     .access = KTM_EN_ALL_ACCESS);
	close(fd);
	op_enlist(RM, TX, TRIED, EN_MASK);
	each_put("ktm_enlistment_put", TRIED, enlisted_again);
	op_put(TRIED);
	active();
	SURE(NULL, ENLISTMENT_QUERY, .on = EN, .kind = KTM_INFO_EN_BASIC,
	     .data = (uintptr_t)buffer, .length = sizeof(buffer));
	EACH(NULL, ENLISTMENT_QUERY, .on = EN, .kind = KTM_INFO_EN_RECOVERY,
	     .data = (uintptr_t)information, .length = sizeof(information));
	SURE(dereference, ENLISTMENT_REFERENCE_KEY, .on = EN);
	reference();
	SURE(reference, ENLISTMENT_DEREFERENCE_KEY, .on = EN);
	report("enlistments");
	close(drv);
}

TEST(answers)
{
	op_volatile();
	preprepare();
	SURE(preprepare, ENLISTMENT_PREPREPARE_COMPLETE, .on = EN);
	prepare();
	EACH(prepare, ENLISTMENT_PREPARE_COMPLETE, .on = EN);
	commit();
	SURE(commit, ENLISTMENT_COMMIT_COMPLETE, .on = EN);
	roll_back();
	SURE(roll_back, ENLISTMENT_ROLLBACK_COMPLETE, .on = EN);
	single();
	SURE(single, ENLISTMENT_SINGLE_PHASE_REJECT, .on = EN);
	SURE(single, ENLISTMENT_COMMIT_COMPLETE, .on = EN);
	active();
	SURE(active, ENLISTMENT_READ_ONLY, .on = EN);
	SURE(active, ENLISTMENT_ROLLBACK, .on = EN);
	one_of_two();
	SURE(one_of_two, ENLISTMENT_REQUEST_OUTCOME, .on = EN);
	superior();
	BEGINS(superior, ENLISTMENT_PREPREPARE, .on = BOSS);
	SURE(superior, ENLISTMENT_ROLLBACK, .on = BOSS);
	superior_preprepared();
	BEGINS(superior_preprepared, ENLISTMENT_PREPARE, .on = BOSS);
	superior_prepared();
	BEGINS(superior_prepared, ENLISTMENT_COMMIT, .on = BOSS);
	clear();
	close(drv);
}

/* ---- with a log ---- */

static void attach(unsigned int flags)
{
	int fd = disk_open(d.path);

	OP(KTM_STATUS_SUCCESS, TM_CREATE, .slot = TM, .flags = flags, .device = fd + 1,
	   .access = KTM_TM_ALL_ACCESS);
	close(fd);
}

static void all_gone(void)
{
	unsigned int slot;

	clear();
	for (slot = 0; slot <= TRIED; slot++)
		put_if_there(slot);
	if (stream >= 0)
		close(stream);
	stream = -1;
	tm_close(-1, d.path);
}

static void new_journal(void)
{
	all_gone();
	journal_format(d.path, TM_GUID);
}

static void offline(void)
{
	new_journal();
	attach(0);
}

static void staying(void)
{
	new_journal();
	attach(KTM_TM_PERSIST);
}

/* A TM that is online, with a stream, and an RM that is. */
static void fresh_log(void)
{
	int tm;

	offline();
	OP(KTM_STATUS_SUCCESS, TM_RECOVER, .on = TM);
	OP(KTM_STATUS_SUCCESS, STREAM_CREATE, .on = TM, .slot = STREAM, .count = QUOTA,
	   .name = "s", .access = KTM_STREAM_ALL_ACCESS);
	tm = op_to_fd(OP_TM_TO_FD, TM, KTM_TM_ALL_ACCESS);
	stream = stream_open(tm, "s");
	close(tm);
	OP(KTM_STATUS_SUCCESS, RM_CREATE, .on = TM, .slot = RM, .guid = RM_GUID,
	   .access = KTM_RM_ALL_ACCESS);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	OP_TAKES(RM, KTM_NOTIFY_LAST_RECOVER);
}

static void gone_with_tried(void)
{
	op_put(TRIED);
	all_gone();
}

TEST(managers_with_a_log)
{
	unsigned char buffer[512];
	int fd;

	/* Most are of the journal, which is read twice here, and in failnth. */
	times = 1;
	d = disk_make(8 * MIB);
	new_journal();
	fd = disk_open(d.path);
	EACH(gone_with_tried, TM_CREATE, .slot = TRIED, .device = fd + 1,
	     .access = KTM_TM_ALL_ACCESS);
	offline();
	EACH(put_tried, TM_OPEN_LOG, .slot = TRIED, .device = fd + 1, .access = KTM_TM_RECOVER);
	close(fd);
	SURE(NULL, TM_QUERY, .on = TM, .kind = KTM_INFO_TM_LOG_PATH, .data = (uintptr_t)buffer,
	     .length = sizeof(buffer));
	EACH(offline, TM_RENAME, .on = TM, .guid = guid_of(983));
	EACH(offline, TM_RECOVER, .on = TM);
	EACH(offline, TM_ROLLFORWARD, .on = TM, .clock = 1000000);
	staying();
	SURE(staying, TM_OFFLINE, .on = TM);
	OP(KTM_STATUS_SUCCESS, TM_OFFLINE, .on = TM);
	all_gone();
	report("managers_with_a_log");
	close(drv);
}

static void rm_put_tried(void)
{
	op_put(TRIED);
	fresh_log();
}

static void rm_gone(void)
{
	active();
	op_put(RM);
}

/* It has prepared, and comes back. */
static void asked_to_recover(void)
{
	struct ktm_notification n;

	commit();
	op_put(EN);
	op_put(RM);
	OP(KTM_STATUS_SUCCESS, RM_OPEN, .on = TM, .slot = RM, .guid = RM_GUID,
	   .access = KTM_RM_ALL_ACCESS);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	n = op_take(RM);
	CHECK_EQ(n.kind, KTM_NOTIFY_RECOVER);
	OP_TAKES(RM, KTM_NOTIFY_LAST_RECOVER);
	OP(KTM_STATUS_SUCCESS, ENLISTMENT_OPEN, .on = RM, .slot = EN, .guid = n.enlistment,
	   .access = KTM_EN_ALL_ACCESS);
}

static void inform_otherwise(void)
{
	static char other[] = "other";

	OP(KTM_STATUS_SUCCESS, ENLISTMENT_SET, .on = EN, .kind = KTM_INFO_EN_RECOVERY,
	   .data = (uintptr_t)other, .length = sizeof(other));
}

TEST(durable)
{
	struct ktm_en_info info;

	d = disk_make(8 * MIB);
	fresh_log();
	EACH(rm_put_tried, RM_CREATE, .on = TM, .slot = TRIED, .name = "rm",
	     .access = KTM_RM_ALL_ACCESS);
	rm_gone();
	EACH(put_tried, RM_OPEN, .on = TM, .slot = TRIED, .guid = RM_GUID,
	     .access = KTM_RM_ALL_ACCESS);
	fresh_log();
	op_tx(TX);
	EACH(active, RM_ENLIST, .on = RM, .with = TX, .mask = EN_MASK);
	SURE(NULL, RM_RECOVER, .on = RM);
	active();
	EACH(inform_otherwise, ENLISTMENT_SET, .on = EN, .kind = KTM_INFO_EN_RECOVERY,
	     .data = (uintptr_t)information, .length = sizeof(information));
	/* For less than a page there is one way only to have it. */
	EACH(inform_otherwise, ENLISTMENT_SET, .on = EN, .kind = KTM_INFO_EN_RECOVERY,
	     .data = (uintptr_t)information, .length = 100);
	ASK(ENLISTMENT, EN, EN_BASIC, &info);
	EACH(inform_otherwise, RM_SET, .on = RM, .kind = KTM_INFO_EN_RECOVERY,
	     .guid = info.enlistment, .data = (uintptr_t)information, .length = 100);
	EACH(inform_otherwise, RM_SET, .on = RM, .kind = KTM_INFO_EN_RECOVERY,
	     .guid = info.enlistment, .data = (uintptr_t)information,
	     .length = sizeof(information));
	prepare();
	EACH(prepare, ENLISTMENT_PREPARE_COMPLETE, .on = EN, .data = (uintptr_t)information,
	     .length = sizeof(information));
	EACH(prepare, ENLISTMENT_PREPARE_COMPLETE, .on = EN, .with = STREAM, .length = 100,
	     .count = 2);
	commit();
	SURE(commit, ENLISTMENT_COMMIT_COMPLETE, .on = EN, .with = STREAM, .length = 100);
	roll_back();
	SURE(roll_back, ENLISTMENT_ROLLBACK_COMPLETE, .on = EN, .with = STREAM, .length = 100);
	single();
	SURE(single, ENLISTMENT_SINGLE_PHASE_REJECT, .on = EN);
	superior_preprepared();
	BEGINS(superior_preprepared, ENLISTMENT_PREPARE, .on = BOSS);
	asked_to_recover();
	BEGINS(asked_to_recover, ENLISTMENT_RECOVER, .on = EN, .key = 9);
	all_gone();
	report("durable");
	close(drv);
}

/* The last one, behind drivernomem.c. */
TEST(all_were_tried)
{
	nomem_all_exported("ktm_log_stream_", true);
	driver_unload();
}
