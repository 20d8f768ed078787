// SPDX-License-Identifier: GPL-2.0
/*
 * stressall: a line for every request of the module.
 */
#define _GNU_SOURCE
#include "stressall.h"

#define MASK_MANY	(KTM_NOTIFY_TWO_PHASE | KTM_NOTIFY_PREPREPARE | \
			 KTM_NOTIFY_SINGLE_PHASE_COMMIT | KTM_NOTIFY_RM_DISCONNECTED)
#define MASK_SUPERIOR	(KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_PREPREPARE_COMPLETE | \
			 KTM_NOTIFY_PREPARE_COMPLETE | KTM_NOTIFY_COMMIT_COMPLETE | \
			 KTM_NOTIFY_ROLLBACK_COMPLETE | KTM_NOTIFY_RECOVER_QUERY | \
			 KTM_NOTIFY_REQUEST_OUTCOME | KTM_NOTIFY_RECOVER | \
			 KTM_NOTIFY_LAST_RECOVER)
#define MILLISECOND	1000000ull

static guid_t shared_guid(const guid_t *from)
{
	guid_t g;
	unsigned int i;

	/* Another may be writing: half of one and half of another is nobody's. */
	for (i = 0; i < sizeof(g); i++)
		g.b[i] = __atomic_load_n(&from->b[i], __ATOMIC_RELAXED);
	return g;
}

static void share_guid(guid_t *to, const guid_t *g)
{
	unsigned int i;

	for (i = 0; i < sizeof(*g); i++)
		__atomic_store_n(&to->b[i], g->b[i], __ATOMIC_RELAXED);
}

static guid_t some_uow(struct actor *a)
{
	return shared_guid(&common->uows[draw(a, NR_SHARED)]);
}

static guid_t some_enlistment(struct actor *a)
{
	return shared_guid(&common->enlistments[draw(a, NR_SHARED)]);
}

static guid_t some_rm(struct actor *a)
{
	return guid_of(50 + draw(a, NR_RMS));
}

static void make_version(struct actor *a, unsigned int request)
{
	struct ktm_version v = ARG(ktm_version);

	(void)a;
	make(dev(), request, &v);
}

/* Requests on a TM that give no descriptor. */
static void on_a_tm(struct actor *a, int tm, unsigned int request)
{
	struct ktm_tm_recover recover = ARG(ktm_tm_recover, .device_fd = -1);
	struct ktm_tm_rollforward forward = ARG(ktm_tm_rollforward, .device_fd = -1,
						.virtual_clock = 1 + draw(a, 100));
	struct ktm_tm_rename rename = ARG(ktm_tm_rename);
	struct ktm_call call = ARG(ktm_call);

	if (request == KTM_IOC_TM_RECOVER)
		make(tm, request, &recover);
	else if (request == KTM_IOC_TM_ROLLFORWARD)
		make(tm, request, &forward);
	else if (request == KTM_IOC_TM_OFFLINE)
		make(tm, request, &call);
	else if (make(tm, request, &rename) == KTM_STATUS_SUCCESS)
		share_guid(&common->tms[NR_DISKS - 1], &rename.guid);
}

static void make_on_a_tm(struct actor *a, unsigned int request)
{
	on_a_tm(a, some_fd(a, KTM_KIND_TM), request);
}

/*
 * Descriptors of the last TM are not kept: with four processes at it, it would never
 * go. Here it is recovered, renamed, put offline while others make and open it.
 */
static void keep_tm(struct actor *a, unsigned int n, int fd)
{
	static const unsigned int requests[] = {
		KTM_IOC_TM_RECOVER, KTM_IOC_TM_ROLLFORWARD, KTM_IOC_TM_RENAME,
		KTM_IOC_TM_OFFLINE,
	};
	unsigned int left;

	if (n < NR_DISKS - 1) {
		keep_fd(a, KTM_KIND_TM, fd);
		return;
	}
	for (left = draw(a, 6); left; left--)
		on_a_tm(a, fd, requests[draw(a, sizeof(requests) / sizeof(requests[0]))]);
	close(fd);
}

static void make_tm_create(struct actor *a, unsigned int request)
{
	struct ktm_tm_create c = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS);
	unsigned int n = draw(a, NR_DISKS + 1);

	if (n < NR_DISKS) {
		c.device_fd = disk_fd(n);
		c.flags = draw(a, 2) ? KTM_TM_PERSIST : 0;
	} else {
		c.device_fd = -1;
		c.flags = KTM_TM_VOLATILE;
	}
	if (make(dev(), request, &c) == KTM_STATUS_SUCCESS)
		keep_tm(a, n % NR_DISKS, c.fd);
}

static void make_open(struct actor *a, unsigned int request, int on, unsigned int kind, guid_t g)
{
	struct ktm_open o = ARG(ktm_open, .access = KTM_MAXIMUM_ALLOWED, .guid = g);

	if (make(on, request, &o) == KTM_STATUS_SUCCESS)
		keep_fd(a, kind, o.fd);
}

static void make_tm_open(struct actor *a, unsigned int request)
{
	unsigned int n = draw(a, NR_DISKS);
	struct ktm_open o = ARG(ktm_open, .access = KTM_MAXIMUM_ALLOWED,
				.guid = shared_guid(&common->tms[n]));

	if (make(dev(), request, &o) == KTM_STATUS_SUCCESS)
		keep_tm(a, n, o.fd);
}

static void make_tx_open(struct actor *a, unsigned int request)
{
	make_open(a, request, dev(), KTM_KIND_TX, some_uow(a));
}

static void make_rm_open(struct actor *a, unsigned int request)
{
	struct ktm_open o = ARG(ktm_open, .access = KTM_MAXIMUM_ALLOWED, .guid = some_rm(a),
				.flags = draw(a, 16) ? 0 : KTM_OPEN_EXCLUSIVE);
	struct ktm_call call = ARG(ktm_call);

	if (make(some_fd(a, KTM_KIND_TM), request, &o) != KTM_STATUS_SUCCESS)
		return;
	if (draw(a, 8))
		make(o.fd, KTM_IOC_RM_RECOVER, &call);
	keep_fd(a, KTM_KIND_RM, o.fd);
}

static void make_en_open(struct actor *a, unsigned int request)
{
	make_open(a, request, some_fd(a, KTM_KIND_RM), KTM_KIND_EN, some_enlistment(a));
}

static void make_tm_open_log(struct actor *a, unsigned int request)
{
	unsigned int n = draw(a, NR_DISKS);
	struct ktm_tm_open_log o = ARG(ktm_tm_open_log, .access = KTM_MAXIMUM_ALLOWED,
				       .device_fd = disk_fd(n));

	if (make(dev(), request, &o) != KTM_STATUS_SUCCESS)
		return;
	share_guid(&common->tms[n], &o.guid);
	keep_tm(a, n, o.fd);
}

static void make_freeze(struct actor *a, unsigned int request)
{
	struct ktm_freeze f = ARG(ktm_freeze, .freeze_timeout_ns = MILLISECOND * draw(a, 3),
				  .thaw_timeout_ns = MILLISECOND * (1 + draw(a, 3)));

	make(dev(), request, &f);
}

static void make_thaw(struct actor *a, unsigned int request)
{
	struct ktm_call call = ARG(ktm_call);

	(void)a;
	make(dev(), request, &call);
}

static void make_rm_create(struct actor *a, unsigned int request)
{
	struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS,
				     .guid = some_rm(a), .description = (uintptr_t)"stress",
				     .description_length = 6);
	struct ktm_call call = ARG(ktm_call);

	c.flags = (draw(a, 2) ? KTM_RM_VOLATILE : 0) | (draw(a, 16) ? 0 : KTM_RM_EXCLUSIVE) |
		  (draw(a, 2) ? KTM_RM_COMMUNICATION : 0);
	if (make(some_fd(a, KTM_KIND_TM), request, &c) != KTM_STATUS_SUCCESS)
		return;
	if (!(c.flags & KTM_RM_VOLATILE) && draw(a, 8))
		make(c.fd, KTM_IOC_RM_RECOVER, &call);
	keep_fd(a, KTM_KIND_RM, c.fd);
}

static void make_rm_recover(struct actor *a, unsigned int request)
{
	struct ktm_call call = ARG(ktm_call);

	make(some_fd(a, KTM_KIND_RM), request, &call);
}

/* Returns whether it is a superior that has to drive what it enlisted in. */
static bool enlist_some(struct actor *a, unsigned int request, int tx, guid_t *made)
{
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .key = draw(a, 64));

	if (draw(a, 5)) {
		e.mask = draw(a, 2) ? MASK_MANY : KTM_NOTIFY_TWO_PHASE;
	} else {
		e.flags = KTM_ENLIST_SUPERIOR;
		e.mask = MASK_SUPERIOR | (draw(a, 2) ? KTM_NOTIFY_COMMIT_REQUEST : 0);
	}
	if (!draw(a, 3)) {
		e.flags |= KTM_ENLIST_FD;
		e.access = KTM_EN_ALL_ACCESS;
	}
	if (make(some_fd(a, KTM_KIND_RM), request, &e) != KTM_STATUS_SUCCESS)
		return false;
	share_guid(&common->enlistments[draw(a, NR_SHARED)], &e.guid);
	if (e.fd >= 0)
		keep_fd(a, KTM_KIND_EN, e.fd);
	*made = e.guid;
	return e.flags & KTM_ENLIST_SUPERIOR && !(e.mask & KTM_NOTIFY_COMMIT_REQUEST);
}

static void make_enlist(struct actor *a, unsigned int request)
{
	guid_t made;

	enlist_some(a, request, some_fd(a, KTM_KIND_TX), &made);
}

static void begin_commit(struct actor *a, int tx)
{
	struct ktm_answer answer = ARG(ktm_answer);
	struct ktm_call call = ARG(ktm_call);
	unsigned int left;
	bool driven = false;
	guid_t made;

	for (left = 1 + draw(a, 4); left; left--) {
		if (enlist_some(a, KTM_IOC_ENLIST, tx, &made)) {
			driven = true;
			answer.enlistment = made;
		}
	}
	/* Its RM is one of those that this process has open, perhaps this one. */
	for (left = draw(a, 8); driven && left; left--)
		make(some_fd(a, KTM_KIND_RM), KTM_IOC_EN_PREPREPARE, &answer);
	if (!driven)
		make(tx, KTM_IOC_COMMIT, &call);
}

static void make_tx_create(struct actor *a, unsigned int request)
{
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = -1,
				     .description = (uintptr_t)"stress",
				     .description_length = 6);

	if (draw(a, 2))
		c.tm_fd = some_fd(a, KTM_KIND_TM);
	if (!draw(a, 4))
		c.timeout_ns = MILLISECOND * draw(a, 50);
	if (make(dev(), request, &c) != KTM_STATUS_SUCCESS)
		return;
	share_guid(&common->uows[draw(a, NR_SHARED)], &c.uow);
	/* Few would come to a commit if all of it were left to chance. */
	if (draw(a, 3))
		begin_commit(a, c.fd);
	keep_fd(a, KTM_KIND_TX, c.fd);
}

static void make_exchange(struct actor *a, unsigned int request)
{
	struct ktm_notification found[8];
	struct ktm_batch_answer answers[8];
	struct ktm_exchange e = ARG(ktm_exchange, .buffer = (uintptr_t)found,
				    .length = sizeof(found),
				    .timeout_ns = draw(a, 4) ? 0 : MILLISECOND);
	int rm = some_fd(a, KTM_KIND_RM);
	unsigned int i, rounds;

	/* Each round carries what the last one asks for. */
	for (rounds = 0; rounds < 4; rounds++) {
		e.bytes = 0;
		e.done = 0;
		if (make(rm, request, &e) == NO_STATUS)
			break;
		for (i = 0; i < e.done; i++)
			came_to(answers[i].request, answers[i].status);
		e.count = 0;
		if (e.status != KTM_STATUS_SUCCESS)
			break;
		for (i = 0; i < e.bytes / sizeof(found[0]); i++)
			e.count += heard(a, &found[i], &answers[e.count]);
		e.answers = e.count ? (uintptr_t)answers : 0;
	}
}

static void make_protocol(struct actor *a, unsigned int request)
{
	struct ktm_protocol p = ARG(ktm_protocol, .protocol = guid_of(70 + draw(a, 20)),
				    .information = (uintptr_t)"somewhere", .length = 9);

	make(some_fd(a, KTM_KIND_RM), request, &p);
}

static void make_propagation(struct actor *a, unsigned int request)
{
	struct ktm_propagation p = ARG(ktm_propagation, .cookie = draw(a, 100));

	if (request == KTM_IOC_PROPAGATION_FAILED)
		p.cause = KTM_STATUS_UNSUCCESSFUL;
	make(some_fd(a, KTM_KIND_RM), request, &p);
}

static void make_tx_call(struct actor *a, unsigned int request)
{
	struct ktm_call call = ARG(ktm_call);

	make(some_fd(a, KTM_KIND_TX), request, &call);
}

static void make_tx_wait(struct actor *a, unsigned int request)
{
	struct ktm_tx_wait w = ARG(ktm_tx_wait, .timeout_ns = draw(a, 4) ? 0 : MILLISECOND);

	make(some_fd(a, KTM_KIND_TX), request, &w);
}

static void make_answer(struct actor *a, unsigned int request)
{
	static char information[300];
	struct ktm_answer answer = ARG(ktm_answer);

	if (request == KTM_IOC_PREPARE_COMPLETE && draw(a, 2)) {
		answer.information = (uintptr_t)information;
		answer.information_length = sizeof(information);
	}
	if (request != KTM_IOC_EN_RECOVER && request != KTM_IOC_REQUEST_OUTCOME && !draw(a, 4))
		answer.virtual_clock = draw(a, 1000);
	if (request == KTM_IOC_EN_RECOVER)
		answer.key = draw(a, 64);
	if (request != KTM_IOC_PREPARE_COMPLETE && request != KTM_IOC_EN_RECOVER && !draw(a, 4)) {
		answer.flags = KTM_ANSWER_BY_KEY;
		answer.key = draw(a, 64);
		make(some_fd(a, KTM_KIND_RM), request, &answer);
	} else if (draw(a, 3)) {
		answer.enlistment = some_enlistment(a);
		/* It may be read as COMMIT before this returns. */
		if (request == KTM_IOC_PREPARE_COMPLETE && !same(&answer.enlistment, &nil))
			ledger_vote(&answer.enlistment);
		make(some_fd(a, KTM_KIND_RM), request, &answer);
	} else if (request != KTM_IOC_PREPARE_COMPLETE) {
		make(some_fd(a, KTM_KIND_EN), request, &answer);
	}
}

static unsigned int query(int fd, unsigned int request, unsigned int class, guid_t g, void *buffer,
			  unsigned int length)
{
	struct ktm_query q = ARG(ktm_query, .info_class = class, .length = length, .guid = g,
				 .buffer = (uintptr_t)buffer);

	return make(fd, request, &q);
}

/* A clock that has been seen cannot be ahead of one that is seen later. */
static void query_clock(unsigned int request)
{
	uint64_t before = __atomic_load_n(&common->clock, __ATOMIC_SEQ_CST);
	struct ktm_open o = ARG(ktm_open, .access = KTM_TM_QUERY_INFORMATION,
				.guid = shared_guid(&common->tms[0]));
	struct ktm_tm_info info;

	CHECK_EQ(make(dev(), KTM_IOC_TM_OPEN, &o), KTM_STATUS_SUCCESS);
	CHECK_EQ(query(o.fd, request, KTM_INFO_TM_BASIC, nil, &info, sizeof(info)),
		 KTM_STATUS_SUCCESS);
	close(o.fd);
	CHECK(info.virtual_clock >= before);
	while (before < info.virtual_clock &&
	       !__atomic_compare_exchange_n(&common->clock, &before, info.virtual_clock, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

static const struct {
	unsigned int kind;
	unsigned int class;
} classes[] = {
	{ KTM_KIND_TM, KTM_INFO_TM_BASIC }, { KTM_KIND_TM, KTM_INFO_TM_LOG },
	{ KTM_KIND_TM, KTM_INFO_TM_LOG_PATH }, { KTM_KIND_TM, KTM_INFO_TM_RECOVERY },
	{ KTM_KIND_TM, KTM_INFO_TM_ONLINE }, { KTM_KIND_RM, KTM_INFO_RM_BASIC },
	{ KTM_KIND_RM, KTM_INFO_RM_COMPLETION }, { KTM_KIND_RM, KTM_INFO_EN_BASIC },
	{ KTM_KIND_RM, KTM_INFO_EN_RECOVERY }, { KTM_KIND_RM, KTM_INFO_EN_CRM },
	{ KTM_KIND_TX, KTM_INFO_TX_ENLISTMENTS }, { KTM_KIND_TX, KTM_INFO_TX_PROPERTIES },
	{ KTM_KIND_TX, KTM_INFO_TX_SUPERIOR }, { KTM_KIND_EN, KTM_INFO_EN_BASIC },
	{ KTM_KIND_EN, KTM_INFO_EN_RECOVERY }, { KTM_KIND_EN, KTM_INFO_EN_CRM },
	{ KTM_KIND_TM, KTM_INFO_TM_SPACE }, { KTM_KIND_STREAM, KTM_INFO_STREAM_BASIC },
	{ KTM_KIND_STREAM, KTM_INFO_STREAM_QUOTA },
};
#define NR_CLASSES	(sizeof(classes) / sizeof(classes[0]))

static void make_query(struct actor *a, unsigned int request)
{
	unsigned int i = draw(a, NR_CLASSES + 4);
	struct ktm_tx_info info;
	char buffer[4096];
	guid_t g = nil;

	if (i == NR_CLASSES) {
		query_clock(request);
	} else if (i > NR_CLASSES) {
		if (query(some_fd(a, KTM_KIND_TX), request, KTM_INFO_TX_BASIC, nil, &info,
			  sizeof(info)) == KTM_STATUS_SUCCESS)
			ledger_outcome(&info.uow, info.outcome);
	} else {
		if (classes[i].kind == KTM_KIND_RM && classes[i].class != KTM_INFO_RM_BASIC &&
		    classes[i].class != KTM_INFO_RM_COMPLETION)
			g = some_enlistment(a);
		query(some_fd(a, classes[i].kind), request, classes[i].class, g, buffer,
		      sizeof(buffer));
	}
}

static void set_quota(struct actor *a, unsigned int request)
{
	uint64_t quota = 4096 + draw(a, 200000);
	struct ktm_set s = ARG(ktm_set, .info_class = KTM_INFO_STREAM_QUOTA,
			       .buffer = (uintptr_t)&quota, .length = sizeof(quota));

	make(some_fd(a, KTM_KIND_STREAM), request, &s);
}

static void make_set(struct actor *a, unsigned int request)
{
	static char information[500];
	struct ktm_tx_properties p = { .set = KTM_TX_SET_TIMEOUT | KTM_TX_SET_DESCRIPTION,
				       .description_length = draw(a, KTM_MAX_DESCRIPTION) };
	struct ktm_rm_completion completion = { .port = -1, .key = draw(a, 10) };
	struct ktm_set s = ARG(ktm_set);
	unsigned int kind;

	if (draw(a, 5) == 0) {
		set_quota(a, request);
		return;
	}
	if (draw(a, 3) == 0) {
		kind = KTM_KIND_TX;
		p.timeout_ns = draw(a, 2) ? 0 : MILLISECOND * draw(a, 50);
		s.info_class = KTM_INFO_TX_PROPERTIES;
		s.buffer = (uintptr_t)&p;
		s.length = sizeof(p);
	} else if (draw(a, 2)) {
		kind = KTM_KIND_EN;
		s.info_class = KTM_INFO_EN_RECOVERY;
		s.buffer = (uintptr_t)information;
		s.length = 1 + draw(a, sizeof(information));
	} else {
		kind = KTM_KIND_RM;
		s.info_class = KTM_INFO_RM_COMPLETION;
		s.buffer = (uintptr_t)&completion;
		s.length = sizeof(completion);
	}
	make(some_fd(a, kind), request, &s);
}

static void make_enumerate(struct actor *a, unsigned int request)
{
	static const unsigned int kinds[] = { KTM_KIND_TM, KTM_KIND_TX, KTM_KIND_RM, KTM_KIND_EN,
					      KTM_KIND_STREAM };
	guid_t found[8];
	struct ktm_enumerate e = ARG(ktm_enumerate, .guids = (uintptr_t)found);
	unsigned int i;
	int fd;

	e.kind = kinds[draw(a, 5)];
	fd = e.kind == KTM_KIND_EN ? some_fd(a, KTM_KIND_RM) :
	     e.kind == KTM_KIND_RM || e.kind == KTM_KIND_STREAM ? some_fd(a, KTM_KIND_TM) : dev();
	for (i = 0; i < 20; i++) {
		e.count = 8;
		if (make(fd, request, &e) != KTM_STATUS_SUCCESS)
			break;
	}
}

static void make_narrow(struct actor *a, unsigned int request)
{
	unsigned int kind = 1 + draw(a, NR_KINDS - 1);
	struct ktm_narrow n = ARG(ktm_narrow, .access = 0x1 | draw(a, 0x20));

	if (make(some_fd(a, kind), request, &n) == KTM_STATUS_SUCCESS)
		keep_fd(a, kind, n.fd);
}

#define BIT(s)		(1ull << KTM_STATUS_##s)
/* A descriptor may have been narrowed, and its TM be offline. */
#define ON_A_TM		(BIT(SUCCESS) | BIT(ACCESS_DENIED) | BIT(TM_NOT_ONLINE))
#define ON_AN_RM	ON_A_TM
#define ON_A_TX		(BIT(SUCCESS) | BIT(ACCESS_DENIED))
/* INVALID_PARAMETER, here and below: the descriptor is another object's by now. */
#define AN_ANSWER		(ON_AN_RM | BIT(ENLISTMENT_NOT_FOUND) | BIT(NOT_REQUESTED) | \
			 BIT(REQUEST_NOT_VALID) | BIT(ALREADY_ABORTED) | BIT(ALREADY_COMMITTED) | \
			 BIT(OBJECT_EXPIRED) | BIT(INVALID_PARAMETER) | \
			 BIT(OBJECT_NAME_COLLISION))
#define A_SUPERIOR	(AN_ANSWER | BIT(PENDING) | BIT(NOT_SUPERIOR) | \
			 BIT(RESPONSE_NOT_ENLISTED) | BIT(TRANSACTION_NOT_ACTIVE))

#define ON_A_STREAM	(ON_A_TM | BIT(STREAM_NOT_FOUND) | BIT(STREAM_REOPENED))
/* The stream may be any, or its descriptor be closed or something else by now. */
#define WITH_A_RECORD	(ON_A_STREAM | BIT(STREAM_FULL) | BIT(LOG_FULL) | BIT(INVALID_HANDLE) | \
			 BIT(OBJECT_TYPE_MISMATCH) | BIT(TM_IDENTITY_MISMATCH))

#define LINE(r, a, w, m)	{ KTM_IOC_##r, a, w, m }
const struct line lines[] = {
	LINE(VERSION, BIT(SUCCESS), 1, make_version),
	LINE(TM_CREATE, BIT(SUCCESS) | BIT(OBJECT_NAME_COLLISION) | BIT(DEVICE_BUSY), 3,
	     make_tm_create),
	LINE(TM_OPEN, BIT(SUCCESS) | BIT(TM_NOT_FOUND), 10, make_tm_open),
	LINE(TX_CREATE, ON_A_TM | BIT(INVALID_HANDLE) | BIT(OBJECT_TYPE_MISMATCH), 30,
	     make_tx_create),
	LINE(TX_OPEN, BIT(SUCCESS) | BIT(TRANSACTION_NOT_FOUND), 10, make_tx_open),
	LINE(TM_OPEN_LOG, BIT(SUCCESS) | BIT(TM_NOT_FOUND), 2, make_tm_open_log),
	LINE(FREEZE, BIT(SUCCESS) | BIT(TIMEOUT) | BIT(FREEZE_IN_PROGRESS), 1, make_freeze),
	LINE(THAW, BIT(SUCCESS) | BIT(NOT_FROZEN), 1, make_thaw),
	LINE(TM_RECOVER, ON_A_TM | BIT(TM_VOLATILE), 5, make_on_a_tm),
	LINE(TM_ROLLFORWARD, ON_A_TM | BIT(TM_VOLATILE) | BIT(REQUEST_NOT_VALID) |
			     BIT(INVALID_PARAMETER), 1, make_on_a_tm),
	LINE(TM_RENAME, ON_A_TM | BIT(TM_VOLATILE) | BIT(REQUEST_NOT_VALID), 1, make_on_a_tm),
	LINE(TM_OFFLINE, ON_A_TM | BIT(REQUEST_NOT_VALID) | BIT(OBJECT_BUSY), 1, make_on_a_tm),
	LINE(RM_CREATE, ON_A_TM | BIT(TM_VOLATILE) | BIT(OBJECT_NAME_COLLISION), 10,
	     make_rm_create),
	LINE(RM_OPEN, ON_A_TM | BIT(RM_NOT_FOUND) | BIT(SHARING_VIOLATION), 20, make_rm_open),
	LINE(RM_RECOVER, ON_AN_RM | BIT(RM_NOT_FOUND), 5, make_rm_recover),
	LINE(ENLIST, ON_AN_RM | BIT(TRANSACTION_NOT_ACTIVE) | BIT(SUPERIOR_EXISTS) |
		     BIT(TM_VOLATILE) | BIT(TM_IDENTITY_MISMATCH) | BIT(INVALID_HANDLE) |
		     BIT(OBJECT_TYPE_MISMATCH), 60, make_enlist),
	LINE(EN_OPEN, ON_AN_RM | BIT(ENLISTMENT_NOT_FOUND), 10, make_en_open),
	LINE(EXCHANGE, ON_AN_RM | BIT(TIMEOUT), 20, make_exchange),
	LINE(REGISTER_PROTOCOL, ON_AN_RM | BIT(REQUEST_NOT_VALID) | BIT(PROTOCOL_EXISTS) |
				BIT(QUOTA_EXCEEDED), 2, make_protocol),
	LINE(PROPAGATION_COMPLETE, BIT(NOT_REQUESTED) | BIT(ACCESS_DENIED), 1, make_propagation),
	LINE(PROPAGATION_FAILED, BIT(NOT_REQUESTED) | BIT(ACCESS_DENIED), 1, make_propagation),
	LINE(COMMIT, ON_A_TX | BIT(PENDING) | BIT(ROLLED_BACK) | BIT(ALREADY_ABORTED) |
		     BIT(ALREADY_COMMITTED) | BIT(REQUEST_NOT_VALID) | BIT(SUPERIOR_EXISTS) |
		     BIT(INDOUBT), 30, make_tx_call),
	LINE(ROLLBACK, ON_A_TX | BIT(PENDING) | BIT(ALREADY_COMMITTED) | BIT(REQUEST_NOT_VALID) |
		       BIT(INDOUBT), 3, make_tx_call),
	LINE(TX_WAIT, ON_A_TX | BIT(TIMEOUT) | BIT(INDOUBT), 5, make_tx_wait),
	LINE(PREPARE_COMPLETE, AN_ANSWER | WITH_A_RECORD, 3, make_answer),
	LINE(COMMIT_COMPLETE, AN_ANSWER | WITH_A_RECORD, 2, make_answer),
	LINE(ROLLBACK_COMPLETE, AN_ANSWER | WITH_A_RECORD, 2, make_answer),
	LINE(READ_ONLY, AN_ANSWER, 2, make_answer),
	LINE(EN_ROLLBACK, AN_ANSWER, 1, make_answer),
	LINE(EN_RECOVER, AN_ANSWER | BIT(PENDING), 2, make_answer),
	LINE(PREPREPARE_COMPLETE, AN_ANSWER, 2, make_answer),
	LINE(SINGLE_PHASE_REJECT, AN_ANSWER | BIT(LOG_FULL) | BIT(QUOTA_EXCEEDED), 2, make_answer),
	LINE(REQUEST_OUTCOME, AN_ANSWER, 2, make_answer),
	LINE(EN_PREPREPARE, A_SUPERIOR, 8, make_answer),
	LINE(EN_PREPARE, A_SUPERIOR, 5, make_answer),
	LINE(EN_COMMIT, A_SUPERIOR, 5, make_answer),
	LINE(QUERY, ON_A_TM | BIT(ENLISTMENT_NOT_FOUND) | BIT(TM_VOLATILE) | BIT(OBJECT_EXPIRED) |
		    BIT(INVALID_INFO_CLASS) | BIT(INVALID_PARAMETER) | BIT(STREAM_NOT_FOUND), 20,
	     make_query),
	LINE(ENUMERATE, ON_A_TM | BIT(NO_MORE_ENTRIES) | BIT(INVALID_PARAMETER), 5,
	     make_enumerate),
	LINE(NARROW, ON_A_TM | BIT(INVALID_PARAMETER) | BIT(RM_NOT_FOUND) |
		     BIT(ENLISTMENT_NOT_FOUND) | BIT(TRANSACTION_NOT_FOUND) |
		     BIT(STREAM_NOT_FOUND), 3, make_narrow),
	LINE(SET, ON_AN_RM | BIT(REQUEST_NOT_VALID) | BIT(TRANSACTION_NOT_ACTIVE) |
		  BIT(INVALID_INFO_CLASS) | BIT(ENLISTMENT_NOT_FOUND) | BIT(OBJECT_EXPIRED) |
		  BIT(STREAM_NOT_FOUND) | BIT(STREAM_FULL) | BIT(LOG_FULL) | BIT(QUOTA_EXCEEDED) |
		  BIT(INFO_LENGTH_MISMATCH), 5, make_set),
	LINE(STREAM_CREATE, ON_A_TM | BIT(TM_VOLATILE) | BIT(OBJECT_NAME_COLLISION) |
			    BIT(LOG_FULL), 10, make_stream_create),
	LINE(STREAM_OPEN, ON_A_TM | BIT(STREAM_NOT_FOUND), 15, make_stream_open),
	LINE(STREAM_APPEND, ON_A_STREAM | BIT(STREAM_FULL) | BIT(LOG_FULL) |
			    BIT(INVALID_PARAMETER), 40, make_stream_append),
	LINE(STREAM_RESERVE, ON_A_STREAM | BIT(STREAM_FULL) | BIT(LOG_FULL) |
			     BIT(INVALID_PARAMETER), 10, make_stream_reserve),
	LINE(STREAM_READ, ON_A_STREAM | BIT(NO_MORE_ENTRIES) | BIT(LOG_RECORD_NONEXISTENT), 30,
	     make_stream_read),
	LINE(STREAM_FLUSH, ON_A_STREAM | BIT(PENDING) | BIT(LOG_FULL), 10, make_stream_flush),
	LINE(STREAM_ADVANCE, ON_A_STREAM | BIT(INVALID_PARAMETER), 10, make_stream_mark),
	LINE(STREAM_TRUNCATE, ON_A_STREAM | BIT(INVALID_PARAMETER) | BIT(LOG_FULL), 3,
	     make_stream_mark),
	LINE(STREAM_DELETE, ON_A_STREAM | BIT(OBJECT_BUSY) | BIT(LOG_FULL), 2, make_stream_delete),
};
const unsigned int nr_lines = sizeof(lines) / sizeof(lines[0]);
