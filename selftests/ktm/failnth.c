// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of every request fails once, the first, the second and so on:
 * the request is then refused and has changed nothing, so that the same one succeeds
 * afterwards, or it does not need the memory. Behind the vote nothing may fail.
 *
 * Needs a kernel with fault injection (FAILSLAB, FAIL_PAGE_ALLOC), which the stock
 * ones are not.
 */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "calls.h"
#include "disk.h"
#include "failalloc.h"
#include "nomem.h"
#include "streams.h"

#define RM_GUID		guid_of(1)
#define UOW		guid_of(2)
#define TM_GUID		guid_of(3)
#define INFORMATION	16000

/*
 * What allocates more than so many is filling a table with pages, one like the
 * other: from there on some of them are enough.
 */
#define EACH		64
#define THEN		16
/* More than any request allocates, filling a table: a safety net. */
#define MOST		20000

static struct disk d;

/* Which request of the scenario is hit, by its place in it, and which allocation. */
static unsigned int target, nth, place;
static bool hit;
/* That one's number; 0: it was none. */
static unsigned int hit_request;
static unsigned long tried, refused;

void test_setup(void)
{
	fail_nth_open();
}

static bool armed(void)
{
	return ++place == target;
}

/* ---- what a refused request must leave as it was ---- */

/* What is looked at besides that which is asked: descriptors, or -1. */
static int tm_there = -1, tx_there = -1;

union answer {
	struct ktm_tm_info tm;
	struct ktm_rm_info rm;
	struct ktm_rm_completion completion;
	struct ktm_tx_info tx;
	struct ktm_tx_properties properties;
	struct ktm_en_info en;
	struct ktm_stream_info stream;
};

static const unsigned int classes[] = {
	KTM_INFO_TM_BASIC, KTM_INFO_RM_BASIC, KTM_INFO_RM_COMPLETION, KTM_INFO_TX_BASIC,
	KTM_INFO_TX_PROPERTIES, KTM_INFO_EN_BASIC, KTM_INFO_STREAM_BASIC,
};

#define CLASSES	(sizeof(classes) / sizeof(*classes))

struct picture {
	union answer of[3][CLASSES];
	struct nomem_traces traces;
};

/* But for what goes by, and what a log does by itself. */
static void look_at(int fd, unsigned int class, union answer *a)
{
	struct ktm_query q = ARG(ktm_query, .info_class = class, .length = sizeof(*a),
				 .buffer = (uintptr_t)a);

	/* It is of another kind. */
	if (ioctl(fd, KTM_IOC_QUERY, &q))
		return;
	if (class == KTM_INFO_TX_BASIC)
		a->tx.age_ns = 0;
	if (class == KTM_INFO_TM_BASIC) {
		a->tm.log_free = 0;
		a->tm.log_lsn = 0;
		a->tm.log_flushed_lsn = 0;
		a->tm.forces = 0;
		a->tm.writes = 0;
	}
	if (class == KTM_INFO_STREAM_BASIC) {
		a->stream.flushed_lsn = 0;
		a->stream.place_lsn = 0;
	}
}

static void look(int fd, struct picture *p, const struct picture *before)
{
	const int fds[] = { fd, tm_there, tx_there };
	unsigned int i, c;

	memset(p, 0, sizeof(*p));
	for (i = 0; i < 3; i++)
		for (c = 0; c < CLASSES; c++)
			look_at(fds[i], classes[c], &p->of[i][c]);
	p->traces = nomem_look(before ? &before->traces : NULL);
}

/* What a request made may go a moment after it, in a worker. */
static void must_be_as(const struct picture *before, int fd, unsigned int request)
{
	const struct deadline end = deadline_in(PATIENCE);
	static struct picture now;

	for (look(fd, &now, before); memcmp(before, &now, sizeof(now)); look(fd, &now, before)) {
		if (deadline_passed(&end))
			FAIL("%s, refused at allocation %u, has changed %s", request_name(request),
			     nth, memcmp(before->of, now.of, sizeof(now.of)) ? "an object" :
			     "what there is");
		nap();
	}
}

/* ---- steps ---- */

/* The next request of the scenario; @may_fail: not promised to succeed without memory. */
static unsigned int step_of(int fd, unsigned int request, void *arg, size_t size, bool may_fail)
{
	struct { unsigned int size, status; } *head = arg;
	static struct picture picture;
	unsigned char before[256];
	int ret;

	CHECK(size <= sizeof(before));
	if (!armed()) {
		ret = ioctl(fd, request, arg);
		if (ret)
			FAIL("%s without trouble: %s", request_name(request),
			     status_name(head->status));
		return head->status;
	}
	memcpy(before, arg, size);
	hit_request = request;
	look(fd, &picture, NULL);
	fail_nth_arm(nth);
	ret = ioctl(fd, request, arg);
	hit = fail_nth_disarm();
	tried += hit;
	if (!ret)
		return head->status;
	refused++;
	if (!hit)
		FAIL("%s fails by itself: %s", request_name(request), status_name(head->status));
	if (!may_fail)
		FAIL("%s fails for want of memory: %s", request_name(request),
		     status_name(head->status));
	if (head->status != KTM_STATUS_INSUFFICIENT_RESOURCES &&
	    head->status != KTM_STATUS_TOO_MANY_FILES)
		FAIL("%s, allocation %u: %s", request_name(request), nth,
		     status_name(head->status));
	must_be_as(&picture, fd, request);
	memcpy(arg, before, size);
	ret = ioctl(fd, request, arg);
	if (ret)
		FAIL("%s, after it had failed at allocation %u: %s", request_name(request), nth,
		     status_name(head->status));
	return head->status;
}

#define STEP(fd, request, arg)	step_of(fd, request, arg, sizeof(*(arg)), true)
#define SURE(fd, request, arg)	step_of(fd, request, arg, sizeof(*(arg)), false)

/* Taking a notification needs no memory. */
static void step_take(int rm, unsigned int kind)
{
	struct ktm_notification n;
	bool now = armed();
	ssize_t got;

	poll_for(rm, POLLIN);
	if (now)
		fail_nth_arm(nth);
	got = read(rm, &n, sizeof(n));
	if (now) {
		hit = fail_nth_disarm();
		tried += hit;
	}
	CHECK_EQ(got, sizeof(n));
	CHECK_EQ(n.kind, kind);
}

/* Closing cannot fail. */
static void step_close(int fd)
{
	bool now = armed();

	if (now)
		fail_nth_arm(nth);
	close(fd);
	if (now) {
		hit = fail_nth_disarm();
		tried += hit;
	}
}

static void step_query(int fd, unsigned int class, guid_t guid)
{
	static char buffer[65536];
	struct ktm_query q = ARG(ktm_query, .info_class = class, .length = sizeof(buffer),
				 .guid = guid, .buffer = (uintptr_t)buffer);

	STEP(fd, KTM_IOC_QUERY, &q);
}

static void step_enumerate(int fd, unsigned int kind)
{
	guid_t found[4];
	struct ktm_enumerate e = ARG(ktm_enumerate, .kind = kind, .count = 4,
				     .guids = (uintptr_t)found);

	STEP(fd, KTM_IOC_ENUMERATE, &e);
	CHECK_EQ(e.count, 1);
}

static int step_open(int fd, unsigned int request, guid_t guid)
{
	struct ktm_open o = ARG(ktm_open, .access = KTM_MAXIMUM_ALLOWED, .guid = guid);

	STEP(fd, request, &o);
	return o.fd;
}

static void step_narrow(int fd, unsigned int access)
{
	struct ktm_narrow n = ARG(ktm_narrow, .access = access);

	STEP(fd, KTM_IOC_NARROW, &n);
	step_close(n.fd);
}

static void step_answer(int rm, unsigned int request, guid_t en, bool durable)
{
	static char information[INFORMATION];
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en);

	if (request == KTM_IOC_PREPARE_COMPLETE) {
		if (durable) {
			a.information = (uintptr_t)information;
			a.information_length = sizeof(information);
		}
		STEP(rm, request, &a);
	} else {
		SURE(rm, request, &a);
	}
}

/* One transaction with one RM, and everything else that can be asked on the way. */
static void transaction(int tm, int rm, bool durable)
{
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .uow = UOW,
				     .tm_fd = tm, .timeout_ns = 3600000000000ull,
				     .description = (uintptr_t)"failing", .description_length = 7);
	struct ktm_enlist e = ARG(ktm_enlist, .flags = KTM_ENLIST_FD, .mask = EN_MASK,
				  .access = KTM_EN_ALL_ACCESS);
	struct ktm_tx_wait w = ARG(ktm_tx_wait, .timeout_ns = PATIENCE * 1000000000ull);
	struct ktm_call call = ARG(ktm_call);
	int again;

	STEP(dev(), KTM_IOC_TX_CREATE, &c);
	tx_there = c.fd;
	again = step_open(dev(), KTM_IOC_TX_OPEN, UOW);
	step_close(again);
	step_narrow(c.fd, KTM_TX_QUERY_INFORMATION);
	e.tx_fd = c.fd;
	STEP(rm, KTM_IOC_ENLIST, &e);
	again = step_open(rm, KTM_IOC_EN_OPEN, e.guid);
	step_close(again);
	step_query(c.fd, KTM_INFO_TX_BASIC, nil);
	step_query(c.fd, KTM_INFO_TX_ENLISTMENTS, nil);
	step_query(rm, KTM_INFO_EN_BASIC, e.guid);
	step_enumerate(dev(), KTM_KIND_TX);
	step_enumerate(rm, KTM_KIND_EN);
	CHECK_EQ(STEP(c.fd, KTM_IOC_COMMIT, &call), KTM_STATUS_PENDING);
	step_take(rm, KTM_NOTIFY_PREPARE);
	step_answer(rm, KTM_IOC_PREPARE_COMPLETE, e.guid, durable);
	step_take(rm, KTM_NOTIFY_COMMIT);
	step_answer(rm, KTM_IOC_COMMIT_COMPLETE, e.guid, durable);
	SURE(c.fd, KTM_IOC_TX_WAIT, &w);
	CHECK_EQ(w.outcome, KTM_OUTCOME_COMMITTED);
	step_close(e.fd);
	step_close(c.fd);
	tx_there = -1;
}

static void step_set(int fd, unsigned int class, guid_t guid, void *buffer, unsigned int length)
{
	struct ktm_set set = ARG(ktm_set, .info_class = class, .guid = guid, .length = length,
				 .buffer = (uintptr_t)buffer);

	STEP(fd, KTM_IOC_SET, &set);
}

/* Superiors: what they ask for needs no memory, nor do the answers to it but a vote. */
static void step_sure(int rm, unsigned int request, guid_t en, unsigned int want)
{
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en);

	CHECK_EQ(SURE(rm, request, &a), want);
}

static guid_t step_enlist(int rm, int tx, unsigned int mask, unsigned int flags)
{
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = mask, .flags = flags);

	STEP(rm, KTM_IOC_ENLIST, &e);
	return e.guid;
}

static void outcome_is(int tx, unsigned int outcome)
{
	struct ktm_tx_wait w = ARG(ktm_tx_wait, .timeout_ns = PATIENCE * 1000000000ull);

	SURE(tx, KTM_IOC_TX_WAIT, &w);
	CHECK_EQ(w.outcome, outcome);
}

#define SUPERIOR_MASK	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE)

/* One that is driven from above, in all three phases. */
static void from_above(int tm, int rm)
{
	static char information[INFORMATION];
	int tx = tx_create(tm);
	guid_t superior = step_enlist(rm, tx, SUPERIOR_MASK, KTM_ENLIST_SUPERIOR);
	guid_t en = step_enlist(rm, tx, EN_MASK | KTM_NOTIFY_PREPREPARE, 0);

	step_query(tx, KTM_INFO_TX_SUPERIOR, nil);
	step_set(rm, KTM_INFO_EN_RECOVERY, superior, information, sizeof(information));
	step_set(rm, KTM_INFO_EN_RECOVERY, en, information, sizeof(information));
	step_sure(rm, KTM_IOC_EN_PREPREPARE, superior, KTM_STATUS_PENDING);
	step_take(rm, KTM_NOTIFY_PREPREPARE);
	step_sure(rm, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	step_take(rm, KTM_NOTIFY_PREPREPARE_COMPLETE);
	step_sure(rm, KTM_IOC_EN_PREPARE, superior, KTM_STATUS_PENDING);
	step_take(rm, KTM_NOTIFY_PREPARE);
	/* All that it wants to have logged it has told before. */
	step_sure(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	step_take(rm, KTM_NOTIFY_PREPARE_COMPLETE);
	step_query(rm, KTM_INFO_EN_RECOVERY, superior);
	step_sure(rm, KTM_IOC_EN_COMMIT, superior, KTM_STATUS_PENDING);
	step_take(rm, KTM_NOTIFY_COMMIT);
	step_sure(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	step_take(rm, KTM_NOTIFY_COMMIT_COMPLETE);
	outcome_is(tx, KTM_OUTCOME_COMMITTED);
	step_close(tx);
}

/* A vote among many: what one of them lacks is told with it, the call succeeds. */
static void step_exchange(int rm, guid_t en, bool durable)
{
	static char information[INFORMATION];
	struct ktm_batch_answer answer = { .request = KTM_IOC_PREPARE_COMPLETE, .enlistment = en };
	struct ktm_exchange e = ARG(ktm_exchange, .answers = (uintptr_t)&answer, .count = 1);
	bool now = armed();

	if (durable) {
		answer.information = (uintptr_t)information;
		answer.information_length = sizeof(information);
	}
	if (now) {
		hit_request = KTM_IOC_EXCHANGE;
		fail_nth_arm(nth);
	}
	CHECK_EQ(ioctl(rm, KTM_IOC_EXCHANGE, &e), 0);
	if (now) {
		hit = fail_nth_disarm();
		tried += hit;
		if (answer.status == KTM_STATUS_INSUFFICIENT_RESOURCES) {
			refused++;
			CHECK(hit);
			CHECK_EQ(ioctl(rm, KTM_IOC_EXCHANGE, &e), 0);
		}
	}
	CHECK_EQ(answer.status, KTM_STATUS_SUCCESS);
}

/* The single phase, which is rejected, and then two of them. */
static void single_phase(int tm, int rm, bool durable)
{
	struct ktm_tx_properties p = { .set = KTM_TX_SET_DESCRIPTION | KTM_TX_SET_TIMEOUT,
				       .timeout_ns = 3600000000000ull,
				       .description_length = 4, .description = "fail" };
	struct ktm_call call = ARG(ktm_call);
	int tx = tx_create(tm);
	guid_t en = step_enlist(rm, tx, EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT, 0);

	step_set(tx, KTM_INFO_TX_PROPERTIES, nil, &p, sizeof(p));
	step_query(tx, KTM_INFO_TX_PROPERTIES, nil);
	CHECK_EQ(SURE(tx, KTM_IOC_COMMIT, &call), KTM_STATUS_PENDING);
	step_take(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT);
	step_sure(rm, KTM_IOC_SINGLE_PHASE_REJECT, en, KTM_STATUS_SUCCESS);
	step_take(rm, KTM_NOTIFY_PREPARE);
	step_exchange(rm, en, durable);
	step_take(rm, KTM_NOTIFY_COMMIT);
	step_sure(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	outcome_is(tx, KTM_OUTCOME_COMMITTED);
	step_close(tx);
}

static void step_protocol(int rm)
{
	struct ktm_protocol p = ARG(ktm_protocol, .protocol = guid_of(8),
				    .information = (uintptr_t)"somewhere", .length = 9);
	struct ktm_rm_completion completion = { .port = -1, .key = 7 };

	STEP(rm, KTM_IOC_REGISTER_PROTOCOL, &p);
	step_set(rm, KTM_INFO_RM_COMPLETION, nil, &completion, sizeof(completion));
}

static void volatile_life(void)
{
	struct ktm_tm_create t = ARG(ktm_tm_create, .flags = KTM_TM_VOLATILE, .device_fd = -1,
				     .access = KTM_TM_ALL_ACCESS, .guid = TM_GUID);
	struct ktm_rm_create r = ARG(ktm_rm_create,
				     .flags = KTM_RM_VOLATILE | KTM_RM_COMMUNICATION,
				     .access = KTM_RM_ALL_ACCESS, .guid = RM_GUID);
	int again;

	STEP(dev(), KTM_IOC_TM_CREATE, &t);
	tm_there = t.fd;
	again = step_open(dev(), KTM_IOC_TM_OPEN, TM_GUID);
	STEP(again, KTM_IOC_RM_CREATE, &r);
	step_close(again);
	again = step_open(t.fd, KTM_IOC_RM_OPEN, RM_GUID);
	transaction(t.fd, again, false);
	from_above(t.fd, again);
	single_phase(t.fd, again, false);
	step_protocol(again);
	step_close(again);
	step_close(r.fd);
	step_enumerate(dev(), KTM_KIND_TM);
	step_close(t.fd);
	/* The TM goes in a worker; the next one wants the same GUID. */
	while (listed(dev(), KTM_KIND_TM, TM_GUID))
		usleep(1000);
}

static void durable_life(void)
{
	struct ktm_tm_create t = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS);
	struct ktm_rm_create r = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS,
				     .guid = RM_GUID);
	struct ktm_tm_recover recover = ARG(ktm_tm_recover, .device_fd = -1);
	struct ktm_call call = ARG(ktm_call);
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .uow = guid_of(7));
	struct ktm_answer a = ARG(ktm_answer);
	struct ktm_notification n;
	guid_t en;
	int rm;

	journal_format(d.path, TM_GUID);
	t.device_fd = disk_open(d.path);
	STEP(dev(), KTM_IOC_TM_CREATE, &t);
	tm_there = t.fd;
	STEP(t.fd, KTM_IOC_TM_RECOVER, &recover);
	STEP(t.fd, KTM_IOC_RM_CREATE, &r);
	STEP(r.fd, KTM_IOC_RM_RECOVER, &call);
	step_take(r.fd, KTM_NOTIFY_LAST_RECOVER);
	transaction(t.fd, r.fd, true);
	from_above(t.fd, r.fd);
	single_phase(t.fd, r.fd, true);

	/* One that is decided and not completed, to be found in the log. */
	c.tm_fd = t.fd;
	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_SUCCESS);
	en = enlist(r.fd, c.fd);
	COMMIT(c.fd, 0, KTM_STATUS_PENDING);
	TAKE(r.fd, KTM_NOTIFY_PREPARE, en);
	ANSWER(r.fd, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(r.fd, KTM_NOTIFY_COMMIT, en);
	close(c.fd);
	close(r.fd);
	tm_close(t.fd, d.path);

	t = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS, .device_fd = t.device_fd);
	CALL(dev(), KTM_IOC_TM_CREATE, &t, KTM_STATUS_SUCCESS);
	recover = ARG(ktm_tm_recover, .device_fd = -1);
	STEP(t.fd, KTM_IOC_TM_RECOVER, &recover);
	CHECK_EQ(tm_info(t.fd).rms, 1);
	CHECK_EQ(tm_info(t.fd).transactions, 1);
	rm = step_open(t.fd, KTM_IOC_RM_OPEN, RM_GUID);
	call = ARG(ktm_call);
	STEP(rm, KTM_IOC_RM_RECOVER, &call);
	n = take(rm);
	CHECK_EQ(n.kind, KTM_NOTIFY_RECOVER);
	CHECK(same(&n.enlistment, &en));
	CHECK_EQ(take(rm).kind, KTM_NOTIFY_LAST_RECOVER);
	a.enlistment = en;
	SURE(rm, KTM_IOC_EN_RECOVER, &a);
	step_take(rm, KTM_NOTIFY_COMMIT);
	step_answer(rm, KTM_IOC_COMMIT_COMPLETE, en, true);
	close(rm);
	close(t.device_fd);
	tm_close(t.fd, d.path);
}

/* What always comes to the same. */
static void step_same(int fd, unsigned int request, void *arg, unsigned int want)
{
	struct { unsigned int size, status; } *head = arg;
	bool now = armed();

	if (now) {
		hit_request = request;
		fail_nth_arm(nth);
	}
	CHECK_EQ(ioctl(fd, request, arg), status_errno(want) ? -1 : 0);
	if (now) {
		hit = fail_nth_disarm();
		tried += hit;
	}
	CHECK_EQ(head->status, want);
}

/* Asked of everybody, and of RMs, which nobody asks to propagate. */
static void small_questions(int rm)
{
	struct ktm_version version = ARG(ktm_version);
	struct ktm_freeze f = ARG(ktm_freeze, .freeze_timeout_ns = KTM_MAX_FREEZE_NS,
				  .thaw_timeout_ns = KTM_MAX_FREEZE_NS);
	struct ktm_propagation p = ARG(ktm_propagation, .cookie = 1);
	struct ktm_call call = ARG(ktm_call);

	step_same(dev(), KTM_IOC_VERSION, &version, KTM_STATUS_SUCCESS);
	step_same(dev(), KTM_IOC_FREEZE, &f, KTM_STATUS_SUCCESS);
	step_same(dev(), KTM_IOC_THAW, &call, KTM_STATUS_SUCCESS);
	step_same(rm, KTM_IOC_PROPAGATION_COMPLETE, &p, KTM_STATUS_NOT_REQUESTED);
	step_same(rm, KTM_IOC_PROPAGATION_FAILED, &p, KTM_STATUS_NOT_REQUESTED);
}

/* All the ways in which one does not commit, and the ones that do not wait to be asked. */
static void no_commits(int tm, int rm)
{
	struct ktm_call call = ARG(ktm_call);
	int tx = tx_create(tm);
	guid_t en = enlist(rm, tx), other;

	CHECK_EQ(SURE(tx, KTM_IOC_ROLLBACK, &call), KTM_STATUS_PENDING);
	step_take(rm, KTM_NOTIFY_ROLLBACK);
	step_sure(rm, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	close(tx);

	tx = tx_create(tm);
	en = enlist(rm, tx);
	other = enlist(rm, tx);
	step_sure(rm, KTM_IOC_READ_ONLY, other, KTM_STATUS_SUCCESS);
	step_sure(rm, KTM_IOC_EN_ROLLBACK, en, KTM_STATUS_SUCCESS);
	step_take(rm, KTM_NOTIFY_ROLLBACK);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	close(tx);

	tx = tx_create(tm);
	en = enlist(rm, tx);
	other = enlist(rm, tx);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	take(rm);
	take(rm);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	step_sure(rm, KTM_IOC_REQUEST_OUTCOME, en, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_ABORTING);
	close(tx);
	close(rm);
}

/* Who could not open it for commit has never had it, so he has not closed it either. */
static void without_commit(int tm)
{
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_QUERY_INFORMATION,
				     .tm_fd = tm, .uow = UOW);
	int again;

	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_SUCCESS);
	tx_there = c.fd;
	again = step_open(dev(), KTM_IOC_TX_OPEN, UOW);
	TX_IS(c.fd, KTM_TX_STATE_ACTIVE);
	close(again);
	TX_IS(c.fd, KTM_TX_STATE_ABORTED);
	close(c.fd);
	tx_there = -1;
}

static void rest_of_life(void)
{
	int tm = tm_volatile(), rm = rm_create(tm, KTM_RM_VOLATILE);

	tm_there = tm;
	small_questions(rm);
	no_commits(tm, rm);
	without_commit(tm);
	tm_there = -1;
	close(tm);
	while (count_objects(dev(), KTM_KIND_TM))
		usleep(1000);
}

/* One that stays by itself: opened by its log, renamed, recovered in part, put offline. */
static void managed_life(void)
{
	struct ktm_tm_create t = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS,
				     .flags = KTM_TM_PERSIST);
	struct ktm_tm_open_log o = ARG(ktm_tm_open_log, .access = KTM_TM_ALL_ACCESS);
	struct ktm_tm_rename rename = ARG(ktm_tm_rename, .guid = guid_of(9));
	struct ktm_tm_rollforward to = ARG(ktm_tm_rollforward, .device_fd = -1,
					   .virtual_clock = 1000000);
	struct ktm_call call = ARG(ktm_call);
	int device;

	journal_format(d.path, TM_GUID);
	device = disk_open(d.path);
	t.device_fd = device;
	STEP(dev(), KTM_IOC_TM_CREATE, &t);
	step_close(t.fd);
	o.device_fd = device;
	STEP(dev(), KTM_IOC_TM_OPEN_LOG, &o);
	STEP(o.fd, KTM_IOC_TM_RENAME, &rename);
	CHECK(listed(dev(), KTM_KIND_TM, guid_of(9)));
	CHECK(!listed(dev(), KTM_KIND_TM, TM_GUID));
	step_query(o.fd, KTM_INFO_TM_LOG_PATH, nil);
	STEP(o.fd, KTM_IOC_TM_ROLLFORWARD, &to);
	SURE(o.fd, KTM_IOC_TM_OFFLINE, &call);
	close(device);
	tm_close(o.fd, d.path);
}

/* A record with ten pieces, which are too many to be listed without memory. */
static struct ktm_stream_append record(unsigned int flags)
{
	static char data[10][500];
	static struct ktm_stream_piece pieces[10];
	unsigned int i;

	for (i = 0; i < 10; i++)
		pieces[i] = (struct ktm_stream_piece){ .base = (uintptr_t)data[i],
						       .length = sizeof(data[i]) };
	return ARG(ktm_stream_append, .flags = flags, .count = 10, .pieces = (uintptr_t)pieces);
}

/* Answers that bring a record: the vote may be refused, what comes behind it not. */
static void answers_with_records(int tm, int rm, int s)
{
	struct ktm_call call = ARG(ktm_call);
	struct ktm_stream_append r;
	struct ktm_answer a;
	int tx = tx_create(tm);
	guid_t en = enlist(rm, tx);

	SURE(tx, KTM_IOC_COMMIT, &call);
	step_take(rm, KTM_NOTIFY_PREPARE);
	r = record(0);
	a = ARG(ktm_answer, .enlistment = en, .append = (uintptr_t)&r, .stream_fd = s,
		.stream_records = 1, .stream_need = 5000);
	STEP(rm, KTM_IOC_PREPARE_COMPLETE, &a);
	step_take(rm, KTM_NOTIFY_COMMIT);
	r = record(0);
	a = ARG(ktm_answer, .enlistment = en, .append = (uintptr_t)&r, .stream_fd = s);
	SURE(rm, KTM_IOC_COMMIT_COMPLETE, &a);
	outcome_is(tx, KTM_OUTCOME_COMMITTED);
	close(tx);
}

/* A log stream: what was set aside needs no memory, and a recovery finds all of it. */
static void stream_life(void)
{
	struct ktm_tm_create t = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS);
	struct ktm_stream_create c = ARG(ktm_stream_create, .access = KTM_STREAM_ALL_ACCESS,
					 .quota = QUOTA, .name = (uintptr_t)"s", .name_length = 1);
	struct ktm_stream_open o = ARG(ktm_stream_open, .access = KTM_STREAM_ALL_ACCESS,
				       .name = (uintptr_t)"s", .name_length = 1);
	struct ktm_stream_reserve reserve = ARG(ktm_stream_reserve, .records = 5, .bytes = 25000);
	struct ktm_stream_read read = ARG(ktm_stream_read, .mode = KTM_STREAM_NEXT);
	struct ktm_stream_flush flush = ARG(ktm_stream_flush);
	struct ktm_stream_mark mark = ARG(ktm_stream_mark);
	struct ktm_tm_recover recover = ARG(ktm_tm_recover, .device_fd = -1);
	struct ktm_call call = ARG(ktm_call);
	static char data[KTM_MAX_STREAM_RECORD];
	struct ktm_stream_append r = record(0);
	uint64_t first, quota = 2 * QUOTA;
	int rm;

	journal_format(d.path, TM_GUID);
	t.fd = tm_online(d.path);
	tm_there = t.fd;
	rm = rm_create(t.fd, 0);
	rm_recover_empty(rm);
	STEP(t.fd, KTM_IOC_STREAM_CREATE, &c);
	STEP(t.fd, KTM_IOC_STREAM_OPEN, &o);
	step_close(o.fd);
	STEP(c.fd, KTM_IOC_STREAM_APPEND, &r);
	first = r.lsn;
	STEP(c.fd, KTM_IOC_STREAM_RESERVE, &reserve);
	r = record(KTM_STREAM_RESERVED);
	SURE(c.fd, KTM_IOC_STREAM_APPEND, &r);
	read.buffer = (uintptr_t)data;
	read.length = sizeof(data);
	STEP(c.fd, KTM_IOC_STREAM_READ, &read);
	STEP(c.fd, KTM_IOC_STREAM_FLUSH, &flush);
	answers_with_records(t.fd, rm, c.fd);
	step_set(c.fd, KTM_INFO_STREAM_QUOTA, nil, &quota, sizeof(quota));
	step_query(c.fd, KTM_INFO_STREAM_BASIC, nil);
	step_enumerate(t.fd, KTM_KIND_STREAM);
	mark.lsn = first + 1;
	SURE(c.fd, KTM_IOC_STREAM_ADVANCE, &mark);
	mark.lsn = stream_info(c.fd).last_lsn - 1;
	SURE(c.fd, KTM_IOC_STREAM_TRUNCATE, &mark);
	CHECK_EQ(stream_info(c.fd).records, 2);
	CALL(c.fd, KTM_IOC_STREAM_FLUSH, &flush, KTM_STATUS_SUCCESS);
	step_close(c.fd);
	close(rm);
	tm_close(t.fd, d.path);

	t.fd = tm_attach(d.path);
	STEP(t.fd, KTM_IOC_TM_RECOVER, &recover);
	o.guid = nil;
	STEP(t.fd, KTM_IOC_STREAM_OPEN, &o);
	CHECK_EQ(stream_info(o.fd).records, 2);
	CHECK_EQ(stream_info(o.fd).quota, quota);
	SURE(o.fd, KTM_IOC_STREAM_DELETE, &call);
	close(o.fd);
	tm_close(t.fd, d.path);
}

static void each_allocation(void (*life)(void))
{
	bool more = true;

	for (target = 1; more; target++) {
		for (nth = 1; ; nth += nth < EACH ? 1 : THEN) {
			CHECK(nth < MOST);
			place = 0;
			hit = false;
			hit_request = 0;
			tm_there = -1;
			life();
			more = place >= target;
			if (!hit)
				break;
		}
		if (hit_request)
			nomem_tried(request_name(hit_request));
	}
	printf("campaign failnth: tried=%lu violations=0 seed=0\n# refused=%lu\n", tried, refused);
	CHECK(tried && refused);
}

TEST(volatile_tm)
{
	each_allocation(volatile_life);
}

TEST(durable_tm)
{
	d = disk_make(8 * MIB);
	each_allocation(durable_life);
}

TEST(log_stream)
{
	d = disk_make(8 * MIB);
	each_allocation(stream_life);
}

TEST(managed_tm)
{
	d = disk_make(8 * MIB);
	each_allocation(managed_life);
}

TEST(the_rest)
{
	each_allocation(rest_of_life);
}

/* The last one. */
TEST(all_were_tried)
{
	nomem_all_requests();
}
