// SPDX-License-Identifier: GPL-2.0
/*
 * What a careless or lying caller can pass: sizes, flags, reserved fields,
 * pointers, descriptors of the wrong kind, rights that are missing. Each gets
 * its error, and nothing has changed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "calls.h"
#include "disk.h"
#include "kernellog.h"
#include "streams.h"

static int tm, rm, tx, en, stream;
static uint64_t record;
static guid_t tm_id, rm_id, uow, en_id;

enum kind { ON_DEV, ON_TM, ON_RM, ON_TX, ON_EN, ON_STREAM, KINDS };

static int fds[KINDS];

/* It needs a log; nothing else here does. */
static void make_stream(void)
{
	const char *path = disk_given();
	int durable;

	journal_format(path, guid_of(940));
	durable = tm_online(path);
	stream = stream_create(durable, "stream", QUOTA);
	close(durable);
	record = append(stream, 1, 100);
}

void test_setup(void)
{
	make_stream();
	tm = tm_volatile();
	rm = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
	en = enlist_fd(rm, tx, KTM_EN_ALL_ACCESS, &en_id);
	tm_id = tm_guid(tm);
	rm_id = rm_info(rm).guid;
	uow = tx_info(tx).uow;
	fds[ON_DEV] = dev();
	fds[ON_TM] = tm;
	fds[ON_RM] = rm;
	fds[ON_TX] = tx;
	fds[ON_EN] = en;
	fds[ON_STREAM] = stream;
}

/* Any argument struct. */
union arg {
	struct {
		__u32 size;
		__u32 status;
	};
	struct ktm_version version;
	struct ktm_tm_create tm_create;
	struct ktm_open open;
	struct ktm_tm_open_log tm_open_log;
	struct ktm_freeze freeze;
	struct ktm_tx_create tx_create;
	struct ktm_tm_recover tm_recover;
	struct ktm_tm_rename tm_rename;
	struct ktm_tm_rollforward tm_rollforward;
	struct ktm_rm_create rm_create;
	struct ktm_call call;
	struct ktm_tx_wait tx_wait;
	struct ktm_enlist enlist;
	struct ktm_answer answer;
	struct ktm_exchange exchange;
	struct ktm_protocol protocol;
	struct ktm_propagation propagation;
	struct ktm_query query;
	struct ktm_set set;
	struct ktm_enumerate enumerate;
	struct ktm_narrow narrow;
	struct ktm_stream_create stream_create;
	struct ktm_stream_open stream_open;
	struct ktm_stream_append stream_append;
	struct ktm_stream_reserve stream_reserve;
	struct ktm_stream_read stream_read;
	struct ktm_stream_flush stream_flush;
	struct ktm_stream_mark stream_mark;
	unsigned char bytes[256];
};

#define ON(k)	(1u << ON_##k)
#define ANY	(ON(TM) | ON(RM) | ON(TX) | ON(EN) | ON(STREAM))
#define NONE	(~0u)

/*
 * Each request, the kinds of descriptor it is for, the size of its struct's first
 * version, and where its flags and reserved fields are.
 */
static const struct request {
	unsigned int nr, on, size, flags, reserved[2];
} requests[] = {
#define STRUCT(s, f, r1, r2)	sizeof(struct s), f, { r1, r2 }
/* The size of the first version, which is that of its first field that came later. */
#define GROWN(s, later, f, r1, r2)	offsetof(struct s, later), f, { r1, r2 }
#define AT(s, f)		offsetof(struct s, f)
#define OPEN			STRUCT(ktm_open, AT(ktm_open, flags), AT(ktm_open, reserved), NONE)
#define CALLED			STRUCT(ktm_call, AT(ktm_call, flags), AT(ktm_call, reserved), NONE)
#define MARK			STRUCT(ktm_stream_mark, AT(ktm_stream_mark, flags), \
				       AT(ktm_stream_mark, reserved), NONE)
#define PROPAGATED		STRUCT(ktm_propagation, NONE, AT(ktm_propagation, reserved), NONE)
#define ANSWERED		GROWN(ktm_answer, virtual_clock, AT(ktm_answer, flags), NONE, NONE)
	{ KTM_IOC_VERSION, ON(DEV), STRUCT(ktm_version, NONE, AT(ktm_version, reserved), NONE) },
	{ KTM_IOC_TM_CREATE, ON(DEV), STRUCT(ktm_tm_create, AT(ktm_tm_create, flags),
					     AT(ktm_tm_create, reserved), NONE) },
	{ KTM_IOC_TM_OPEN, ON(DEV), OPEN },
	{ KTM_IOC_TX_CREATE, ON(DEV), GROWN(ktm_tx_create, isolation_level,
					    AT(ktm_tx_create, flags), NONE, NONE) },
	{ KTM_IOC_TX_OPEN, ON(DEV), OPEN },
	{ KTM_IOC_TM_OPEN_LOG, ON(DEV), STRUCT(ktm_tm_open_log, AT(ktm_tm_open_log, flags),
					       NONE, NONE) },
	{ KTM_IOC_TM_RECOVER, ON(TM), STRUCT(ktm_tm_recover, AT(ktm_tm_recover, flags),
					     NONE, NONE) },
	{ KTM_IOC_FREEZE, ON(DEV), STRUCT(ktm_freeze, AT(ktm_freeze, flags),
					  AT(ktm_freeze, reserved), NONE) },
	{ KTM_IOC_THAW, ON(DEV), CALLED },
	{ KTM_IOC_TM_ROLLFORWARD, ON(TM), STRUCT(ktm_tm_rollforward, AT(ktm_tm_rollforward, flags),
						 NONE, NONE) },
	{ KTM_IOC_TM_RENAME, ON(TM), STRUCT(ktm_tm_rename, AT(ktm_tm_rename, flags),
					    AT(ktm_tm_rename, reserved), NONE) },
	{ KTM_IOC_TM_OFFLINE, ON(TM), CALLED },
	{ KTM_IOC_RM_CREATE, ON(TM), STRUCT(ktm_rm_create, AT(ktm_rm_create, flags),
					    AT(ktm_rm_create, reserved), NONE) },
	{ KTM_IOC_RM_OPEN, ON(TM), OPEN },
	{ KTM_IOC_RM_RECOVER, ON(RM), CALLED },
	{ KTM_IOC_ENLIST, ON(RM), STRUCT(ktm_enlist, AT(ktm_enlist, flags),
					 AT(ktm_enlist, reserved), AT(ktm_enlist, reserved2)) },
	{ KTM_IOC_EN_OPEN, ON(RM), OPEN },
	{ KTM_IOC_EXCHANGE, ON(RM), STRUCT(ktm_exchange, AT(ktm_exchange, flags),
					   AT(ktm_exchange, reserved), NONE) },
	{ KTM_IOC_REGISTER_PROTOCOL, ON(RM), STRUCT(ktm_protocol, AT(ktm_protocol, flags),
						    NONE, NONE) },
	{ KTM_IOC_PROPAGATION_COMPLETE, ON(RM), PROPAGATED },
	{ KTM_IOC_PROPAGATION_FAILED, ON(RM), PROPAGATED },
	{ KTM_IOC_COMMIT, ON(TX), CALLED },
	{ KTM_IOC_ROLLBACK, ON(TX), CALLED },
	{ KTM_IOC_TX_WAIT, ON(TX), STRUCT(ktm_tx_wait, AT(ktm_tx_wait, flags), NONE, NONE) },
	{ KTM_IOC_PREPARE_COMPLETE, ON(RM) | ON(EN), ANSWERED },
	{ KTM_IOC_COMMIT_COMPLETE, ON(RM) | ON(EN), ANSWERED },
	{ KTM_IOC_ROLLBACK_COMPLETE, ON(RM) | ON(EN), ANSWERED },
	{ KTM_IOC_READ_ONLY, ON(RM) | ON(EN), ANSWERED },
	{ KTM_IOC_EN_ROLLBACK, ON(RM) | ON(EN), ANSWERED },
	{ KTM_IOC_EN_RECOVER, ON(RM) | ON(EN), ANSWERED },
	{ KTM_IOC_PREPREPARE_COMPLETE, ON(RM) | ON(EN), ANSWERED },
	{ KTM_IOC_SINGLE_PHASE_REJECT, ON(RM) | ON(EN), ANSWERED },
	{ KTM_IOC_REQUEST_OUTCOME, ON(RM) | ON(EN), ANSWERED },
	{ KTM_IOC_EN_PREPREPARE, ON(RM) | ON(EN), ANSWERED },
	{ KTM_IOC_EN_PREPARE, ON(RM) | ON(EN), ANSWERED },
	{ KTM_IOC_EN_COMMIT, ON(RM) | ON(EN), ANSWERED },
	{ KTM_IOC_QUERY, ANY, STRUCT(ktm_query, NONE, NONE, NONE) },
	{ KTM_IOC_SET, ANY, STRUCT(ktm_set, NONE, NONE, NONE) },
	{ KTM_IOC_ENUMERATE, ON(DEV) | ON(TM) | ON(RM), STRUCT(ktm_enumerate, NONE, NONE, NONE) },
	{ KTM_IOC_NARROW, ANY, STRUCT(ktm_narrow, NONE, NONE, NONE) },
	{ KTM_IOC_STREAM_CREATE, ON(TM), STRUCT(ktm_stream_create, NONE, NONE, NONE) },
	{ KTM_IOC_STREAM_OPEN, ON(TM), STRUCT(ktm_stream_open, NONE, AT(ktm_stream_open, reserved),
					      NONE) },
	{ KTM_IOC_STREAM_APPEND, ON(STREAM), STRUCT(ktm_stream_append,
						    AT(ktm_stream_append, flags), NONE, NONE) },
	{ KTM_IOC_STREAM_RESERVE, ON(STREAM), STRUCT(ktm_stream_reserve,
						     AT(ktm_stream_reserve, flags), NONE, NONE) },
	{ KTM_IOC_STREAM_READ, ON(STREAM), STRUCT(ktm_stream_read, NONE,
						  AT(ktm_stream_read, reserved), NONE) },
	{ KTM_IOC_STREAM_FLUSH, ON(STREAM), STRUCT(ktm_stream_flush, AT(ktm_stream_flush, flags),
						   AT(ktm_stream_flush, reserved), NONE) },
	{ KTM_IOC_STREAM_ADVANCE, ON(STREAM), MARK },
	{ KTM_IOC_STREAM_TRUNCATE, ON(STREAM), MARK },
	{ KTM_IOC_STREAM_DELETE, ON(STREAM), CALLED },
};

#define NR_REQUESTS	(sizeof(requests) / sizeof(requests[0]))

static guid_t guid_buffer;

/* An argument with which the call would do what it is there for. */
static union arg valid(const struct request *r, enum kind kind)
{
	static const unsigned int classes[KINDS] = {
		[ON_TM] = KTM_INFO_TM_BASIC, [ON_RM] = KTM_INFO_RM_BASIC,
		[ON_TX] = KTM_INFO_TX_BASIC, [ON_EN] = KTM_INFO_EN_BASIC,
		[ON_STREAM] = KTM_INFO_STREAM_BASIC,
	};
	/* A TM has nothing that can be set. */
	static const unsigned int settable[KINDS] = {
		[ON_TM] = KTM_INFO_TM_BASIC, [ON_RM] = KTM_INFO_RM_COMPLETION,
		[ON_TX] = KTM_INFO_TX_PROPERTIES, [ON_EN] = KTM_INFO_EN_RECOVERY,
		[ON_STREAM] = KTM_INFO_STREAM_QUOTA,
	};
	static const unsigned int lengths[KINDS] = {
		[ON_RM] = sizeof(struct ktm_rm_completion),
		[ON_TX] = sizeof(struct ktm_tx_properties), [ON_EN] = 100,
		[ON_STREAM] = sizeof(uint64_t),
	};
	static unsigned char room[512];
	union arg a;

	memset(&a, 0, sizeof(a));
	a.size = r->size;
	switch (r->nr) {
	case KTM_IOC_TM_CREATE:
		a.tm_create.flags = KTM_TM_VOLATILE;
		a.tm_create.access = KTM_TM_ALL_ACCESS;
		a.tm_create.device_fd = -1;
		break;
	case KTM_IOC_TM_OPEN:
		a.open.access = KTM_TM_ALL_ACCESS;
		a.open.guid = tm_id;
		break;
	case KTM_IOC_TX_CREATE:
		a.tx_create.access = KTM_TX_ALL_ACCESS;
		a.tx_create.tm_fd = tm;
		break;
	case KTM_IOC_TX_OPEN:
		a.open.access = KTM_TX_ALL_ACCESS;
		a.open.guid = uow;
		break;
	case KTM_IOC_FREEZE:
		a.freeze.thaw_timeout_ns = 1;
		break;
	case KTM_IOC_TM_OPEN_LOG:
		a.tm_open_log.access = KTM_TM_ALL_ACCESS;
		a.tm_open_log.device_fd = -1;
		break;
	case KTM_IOC_TM_ROLLFORWARD:
		a.tm_rollforward.device_fd = -1;
		a.tm_rollforward.virtual_clock = 1;
		break;
	case KTM_IOC_TM_RECOVER:
		a.tm_recover.device_fd = -1;
		break;
	case KTM_IOC_RM_CREATE:
		a.rm_create.flags = KTM_RM_VOLATILE;
		a.rm_create.access = KTM_RM_ALL_ACCESS;
		break;
	case KTM_IOC_RM_OPEN:
		a.open.access = KTM_RM_ALL_ACCESS;
		a.open.guid = rm_id;
		break;
	case KTM_IOC_REGISTER_PROTOCOL:
		a.protocol.protocol = tm_id;
		break;
	case KTM_IOC_ENLIST:
		a.enlist.tx_fd = tx;
		a.enlist.mask = EN_MASK;
		break;
	case KTM_IOC_EN_OPEN:
		a.open.access = KTM_EN_ALL_ACCESS;
		a.open.guid = en_id;
		break;
	case KTM_IOC_PREPARE_COMPLETE:
	case KTM_IOC_COMMIT_COMPLETE:
	case KTM_IOC_ROLLBACK_COMPLETE:
	case KTM_IOC_READ_ONLY:
	case KTM_IOC_EN_ROLLBACK:
	case KTM_IOC_EN_RECOVER:
	case KTM_IOC_PREPREPARE_COMPLETE:
	case KTM_IOC_SINGLE_PHASE_REJECT:
	case KTM_IOC_REQUEST_OUTCOME:
	case KTM_IOC_EN_PREPREPARE:
	case KTM_IOC_EN_PREPARE:
	case KTM_IOC_EN_COMMIT:
		if (kind == ON_RM)
			a.answer.enlistment = en_id;
		break;
	case KTM_IOC_EXCHANGE:
		a.exchange.buffer = (uintptr_t)room;
		a.exchange.length = sizeof(room);
		break;
	case KTM_IOC_QUERY:
		a.query.info_class = classes[kind];
		a.query.buffer = (uintptr_t)room;
		a.query.length = sizeof(room);
		break;
	case KTM_IOC_SET:
		a.set.info_class = settable[kind];
		a.set.buffer = (uintptr_t)room;
		a.set.length = lengths[kind];
		break;
	case KTM_IOC_ENUMERATE:
		a.enumerate.kind = kind == ON_RM ? KTM_KIND_EN : KTM_KIND_TX;
		a.enumerate.guids = (uintptr_t)&guid_buffer;
		a.enumerate.count = 1;
		break;
	case KTM_IOC_NARROW:
		a.narrow.access = 1;
		break;
	case KTM_IOC_STREAM_CREATE:
		a.stream_create.access = KTM_STREAM_ALL_ACCESS;
		a.stream_create.quota = QUOTA;
		a.stream_create.name = (uintptr_t)"another";
		a.stream_create.name_length = 7;
		break;
	case KTM_IOC_STREAM_OPEN:
		a.stream_open.access = KTM_STREAM_ALL_ACCESS;
		a.stream_open.guid = tm_id;
		break;
	case KTM_IOC_STREAM_RESERVE:
		a.stream_reserve.records = 1;
		break;
	case KTM_IOC_STREAM_READ:
		a.stream_read.lsn = record;
		break;
	case KTM_IOC_STREAM_ADVANCE:
		a.stream_mark.lsn = record;
		break;
	}
	return a;
}

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* All that a refused call could have changed. */
struct snapshot {
	unsigned int tms, txs, rms, ens, fds, tx_state, en_state, tx_enlistments, notified;
	struct ktm_stream_info stream;
};

static struct snapshot look(void)
{
	struct snapshot s;

	memset(&s, 0, sizeof(s));
	s.tms = count_objects(dev(), KTM_KIND_TM);
	s.txs = count_objects(dev(), KTM_KIND_TX);
	s.rms = count_objects(tm, KTM_KIND_RM);
	s.ens = count_objects(rm, KTM_KIND_EN);
	s.fds = count_fds();
	s.tx_state = tx_info(tx).state;
	s.en_state = en_info(en).state;
	s.tx_enlistments = tx_info(tx).enlistments;
	s.notified = poll_now(rm) & POLLIN;
	s.stream = stream_info(stream);
	return s;
}

static void unchanged(const struct snapshot *before, const char *after_what)
{
	const struct deadline d = deadline_in(PATIENCE);
	struct snapshot now;

	/* What was made and taken back goes a moment later. */
	for (;;) {
		now = look();
		if (!memcmp(&now, before, sizeof(now)))
			return;
		if (deadline_passed(&d))
			break;
		nap();
	}
	FAIL("%s: TMs %u -> %u, transactions %u -> %u, RMs %u -> %u, enlistments %u -> %u, "
	     "descriptors %u -> %u, transaction %u -> %u, enlistment %u -> %u, or the stream",
	     after_what,
	     before->tms, now.tms, before->txs, now.txs, before->rms, now.rms, before->ens,
	     now.ens, before->fds, now.fds, before->tx_state, now.tx_state, before->en_state,
	     now.en_state);
}

/* Every request on every kind of descriptor: ENOTTY where it does not belong. */
TEST(wrong_kind_of_descriptor)
{
	struct snapshot before = look();
	unsigned int i, k;
	union arg a;

	for (i = 0; i < NR_REQUESTS; i++) {
		for (k = 0; k < KINDS; k++) {
			if (requests[i].on & 1u << k)
				continue;
			a = valid(&requests[i], k);
			CALL_ERRNO(fds[k], requests[i].nr, &a, ENOTTY);
			CHECK_EQ(a.status, KTM_STATUS_OBJECT_TYPE_MISMATCH);
			test_shows(requests[i].nr, a.status);
		}
	}
	unchanged(&before, "requests on the wrong descriptors");
}

TEST(unknown_requests)
{
	struct snapshot before = look();
	union arg a = { .size = sizeof(a) };
	unsigned int nr, i, k;

	for (nr = 0; nr < 256; nr++) {
		for (i = 0; i < NR_REQUESTS; i++)
			if (requests[i].nr == KTM_IOC(nr))
				break;
		if (i < NR_REQUESTS)
			continue;
		for (k = 0; k < KINDS; k++)
			CALL_ERRNO(fds[k], KTM_IOC(nr), &a, ENOTTY);
	}
	/* Of another magic, with a size or a direction in its number. */
	for (k = 0; k < KINDS; k++) {
		CALL_ERRNO(fds[k], _IO('x', 0x50), &a, ENOTTY);
		CALL_ERRNO(fds[k], _IOWR(KTM_IOC_MAGIC, 0x50, struct ktm_query), &a, ENOTTY);
	}
	unchanged(&before, "unknown requests");
}

#define FOR_EACH(r, k)							\
	for (r = requests; r < requests + NR_REQUESTS; r++)		\
		for (k = 0; k < KINDS; k++)				\
			if (r->on & 1u << k)

/* Too small to hold even the status: nothing is written back. */
TEST(size_without_status)
{
	struct snapshot before = look();
	const struct request *r;
	unsigned int k, size;
	union arg a, copy;

	FOR_EACH(r, k) {
		for (size = 0; size < 8; size++) {
			a = valid(r, k);
			a.size = size;
			a.status = 0x5a5a5a5a;
			copy = a;
			CALL_ERRNO(fds[k], r->nr, &a, EINVAL);
			if (memcmp(&a, &copy, sizeof(a)))
				FAIL("%s with size %u wrote to the struct", request_name(r->nr),
				     size);
		}
	}
	unchanged(&before, "sizes below 8");
}

/* Smaller than the first version of the struct: the status says so. */
TEST(size_too_small)
{
	struct snapshot before = look();
	const struct request *r;
	unsigned int k, size;
	union arg a;

	FOR_EACH(r, k) {
		for (size = 8; size < r->size; size++) {
			a = valid(r, k);
			a.size = size;
			CALL(fds[k], r->nr, &a, KTM_STATUS_INVALID_PARAMETER);
		}
	}
	unchanged(&before, "sizes too small");
}

/* A caller of a later version: what we do not know must be zero. */
TEST(size_of_a_later_version)
{
	struct snapshot before = look();
	const struct request *r;
	unsigned int k;
	union arg a;

	FOR_EACH(r, k) {
		a = valid(r, k);
		a.size = r->size + 40;
		a.bytes[r->size + 39] = 1;
		CALL_ERRNO(fds[k], r->nr, &a, E2BIG);
		CHECK_EQ(a.status, KTM_STATUS_INVALID_PARAMETER);
		a = valid(r, k);
		a.size = 1u << 20;
		errno = 0;
		CHECK_EQ(ioctl(fds[k], r->nr, &a), -1);
		CHECK(errno == E2BIG || errno == EFAULT);
		a.size = ~0u;
		CHECK_EQ(ioctl(fds[k], r->nr, &a), -1);
		CHECK(errno == E2BIG || errno == EFAULT);
	}
	unchanged(&before, "sizes too large");

	/* And if it is zero, the call is as good as any. */
	for (r = requests; r < requests + NR_REQUESTS; r++) {
		if (r->nr != KTM_IOC_QUERY)
			continue;
		a = valid(r, ON_TX);
		a.size = r->size + 40;
		CALL(tx, r->nr, &a, KTM_STATUS_SUCCESS);
	}
}

TEST(unknown_flags)
{
	struct snapshot before = look();
	const struct request *r;
	unsigned int k, bit;
	union arg a;

	FOR_EACH(r, k) {
		if (r->flags == NONE)
			continue;
		for (bit = 4; bit < 32; bit += 9) {
			const __u32 flag = 1u << bit;
			__u32 flags;

			a = valid(r, k);
			memcpy(&flags, a.bytes + r->flags, 4);
			flags |= flag;
			memcpy(a.bytes + r->flags, &flags, 4);
			CALL(fds[k], r->nr, &a, KTM_STATUS_INVALID_PARAMETER);
		}
	}
	unchanged(&before, "unknown flags");
}

TEST(reserved_fields)
{
	struct snapshot before = look();
	const struct request *r;
	unsigned int k, i;
	union arg a;

	FOR_EACH(r, k) {
		for (i = 0; i < 2; i++) {
			if (r->reserved[i] == NONE)
				continue;
			a = valid(r, k);
			a.bytes[r->reserved[i]] = 1;
			CALL(fds[k], r->nr, &a, KTM_STATUS_INVALID_PARAMETER);
		}
	}
	unchanged(&before, "reserved fields");
}

/* The struct itself is nowhere, or ends in nowhere, or cannot be written to. */
TEST(bad_struct_pointers)
{
	unsigned char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct snapshot before = look();
	const struct request *r;
	unsigned char *half;
	unsigned int k;
	__u32 status;
	union arg a;

	CHECK(page != MAP_FAILED);
	CHECK_EQ(mprotect(page + 4096, 4096, PROT_NONE), 0);
	FOR_EACH(r, k) {
		a = valid(r, k);
		CALL_ERRNO(fds[k], r->nr, NULL, EFAULT);
		CALL_ERRNO(fds[k], r->nr, (void *)-4096ul, EFAULT);
		/* All but its last four bytes are there, the status among them. */
		half = page + 4096 - r->size + 4;
		memcpy(half, &a, r->size - 4);
		CALL_ERRNO(fds[k], r->nr, half, EFAULT);
		memcpy(&status, half + offsetof(union arg, status), sizeof(status));
		CHECK_EQ(status, KTM_STATUS_FAULT);
		test_shows(r->nr, status);
	}
	unchanged(&before, "bad pointers");
}

/*
 * What could not be told to its caller was not made: no descriptor that nobody
 * knows the number of, no object.
 */
TEST(read_only_struct)
{
	static const unsigned int makers[] = {
		KTM_IOC_TM_CREATE, KTM_IOC_TM_OPEN, KTM_IOC_TX_CREATE, KTM_IOC_TX_OPEN,
		KTM_IOC_RM_CREATE, KTM_IOC_RM_OPEN, KTM_IOC_EN_OPEN, KTM_IOC_NARROW,
	};
	unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct snapshot before = look();
	const struct request *r;
	unsigned int k, i;
	union arg a;

	CHECK(page != MAP_FAILED);
	FOR_EACH(r, k) {
		for (i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
			if (makers[i] != r->nr)
				continue;
			a = valid(r, k);
			CHECK_EQ(mprotect(page, 4096, PROT_READ | PROT_WRITE), 0);
			memcpy(page, &a, sizeof(a));
			CHECK_EQ(mprotect(page, 4096, PROT_READ), 0);
			CALL_ERRNO(fds[k], r->nr, page, EFAULT);
			unchanged(&before, request_name(r->nr));
		}
	}
}

/* An enlistment that its RM could not be told of takes no part. */
TEST(read_only_enlist)
{
	unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = EN_MASK);
	unsigned int before = tx_info(tx).enlistments, open_before = count_fds(), i;

	for (i = 0; i < 2; i++) {
		if (i) {
			e.flags = KTM_ENLIST_FD;
			e.access = KTM_EN_ALL_ACCESS;
		}
		CHECK_EQ(mprotect(page, 4096, PROT_READ | PROT_WRITE), 0);
		memcpy(page, &e, sizeof(e));
		CHECK_EQ(mprotect(page, 4096, PROT_READ), 0);
		CALL_ERRNO(rm, KTM_IOC_ENLIST, page, EFAULT);
		CHECK_EQ(tx_info(tx).enlistments, before);
		CHECK_EQ(count_fds(), open_before);
	}
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
	ANSWER(rm, KTM_IOC_READ_ONLY, en_id, KTM_STATUS_SUCCESS);
	COMMIT(tx, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
}

/* Who was not told his descriptor for commit has never had it, so he has not closed it either. */
TEST(read_only_open)
{
	unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_QUERY_INFORMATION,
				     .tm_fd = tm);
	struct ktm_open o = ARG(ktm_open, .access = KTM_TX_ALL_ACCESS);

	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_SUCCESS);
	o.guid = c.uow;
	memcpy(page, &o, sizeof(o));
	CHECK_EQ(mprotect(page, 4096, PROT_READ), 0);
	CALL_ERRNO(dev(), KTM_IOC_TX_OPEN, page, EFAULT);
	TX_IS(c.fd, KTM_TX_STATE_ACTIVE);
	/* Who has had it has. */
	CALL(dev(), KTM_IOC_TX_OPEN, &o, KTM_STATUS_SUCCESS);
	close(o.fd);
	TX_IS(c.fd, KTM_TX_STATE_ABORTED);
	close(c.fd);
}

/* Descriptors in fields. */
TEST(descriptors_in_fields)
{
	struct ktm_enlist e = ARG(ktm_enlist, .mask = EN_MASK);
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS);
	struct ktm_tm_create t = ARG(ktm_tm_create, .access = KTM_TM_ALL_ACCESS);
	struct snapshot before = look();
	const int file = open("/proc/self/status", O_RDONLY);
	const int other_kinds[] = { dev(), rm, stream, file };
	const int none[] = { -1, -2, 9999, 0x7fffffff };
	unsigned int i;

	before.fds++;
	for (i = 0; i < 4; i++) {
		e.tx_fd = other_kinds[i];
		CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_OBJECT_TYPE_MISMATCH);
		c.tm_fd = other_kinds[i];
		CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_OBJECT_TYPE_MISMATCH);
		t.device_fd = other_kinds[i];
		CALL(dev(), KTM_IOC_TM_CREATE, &t, KTM_STATUS_OBJECT_TYPE_MISMATCH);
		e.tx_fd = none[i];
		CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_INVALID_HANDLE);
		c.tm_fd = none[i];
		/* -1 means no TM. */
		if (i)
			CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_INVALID_HANDLE);
		t.device_fd = none[i];
		CALL(dev(), KTM_IOC_TM_CREATE, &t, KTM_STATUS_INVALID_HANDLE);
	}
	e.tx_fd = tm;
	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_OBJECT_TYPE_MISMATCH);
	c.tm_fd = tx;
	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_OBJECT_TYPE_MISMATCH);
	/* A volatile TM has no device. */
	t.flags = KTM_TM_VOLATILE;
	t.device_fd = file;
	CALL(dev(), KTM_IOC_TM_CREATE, &t, KTM_STATUS_INVALID_PARAMETER);
	unchanged(&before, "wrong descriptors in fields");
}

/* No rights, or rights that there are not. */
TEST(access_masks)
{
	struct ktm_tm_create t = ARG(ktm_tm_create, .flags = KTM_TM_VOLATILE, .device_fd = -1);
	struct ktm_tx_create c = ARG(ktm_tx_create, .tm_fd = -1);
	struct ktm_rm_create r = ARG(ktm_rm_create, .flags = KTM_RM_VOLATILE);
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = EN_MASK,
				  .flags = KTM_ENLIST_FD);
	const unsigned int bad[] = { 0, 0x80, 0xffffffff, KTM_MAXIMUM_ALLOWED };
	struct snapshot before = look();
	unsigned int i;

	for (i = 0; i < 4; i++) {
		t.access = c.access = r.access = e.access = bad[i];
		CALL(dev(), KTM_IOC_TM_CREATE, &t, KTM_STATUS_INVALID_PARAMETER);
		CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_INVALID_PARAMETER);
		CALL(tm, KTM_IOC_RM_CREATE, &r, KTM_STATUS_INVALID_PARAMETER);
		CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_INVALID_PARAMETER);
	}
	/* Rights for a descriptor that is not asked for. */
	e.flags = 0;
	e.access = KTM_EN_ALL_ACCESS;
	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_INVALID_PARAMETER);
	unchanged(&before, "bad access masks");
}

/* Every call without the right that it needs, and with all others. */
TEST(rights_missing)
{
	static const struct {
		unsigned int nr;
		enum kind on;
		unsigned int all, needed;
		const char *right;
	} needs[] = {
#define RIGHT(r)	KTM_##r, #r
		{ KTM_IOC_TM_RECOVER, ON_TM, KTM_TM_ALL_ACCESS, RIGHT(TM_RECOVER) },
		{ KTM_IOC_TM_ROLLFORWARD, ON_TM, KTM_TM_ALL_ACCESS, RIGHT(TM_RECOVER) },
		{ KTM_IOC_TM_RENAME, ON_TM, KTM_TM_ALL_ACCESS, RIGHT(TM_RENAME) },
		{ KTM_IOC_TM_OFFLINE, ON_TM, KTM_TM_ALL_ACCESS, RIGHT(TM_RECOVER) },
		{ KTM_IOC_RM_CREATE, ON_TM, KTM_TM_ALL_ACCESS, RIGHT(TM_CREATE_RM) },
		{ KTM_IOC_QUERY, ON_TM, KTM_TM_ALL_ACCESS, RIGHT(TM_QUERY_INFORMATION) },
		{ KTM_IOC_ENUMERATE, ON_TM, KTM_TM_ALL_ACCESS, RIGHT(TM_QUERY_INFORMATION) },
		{ KTM_IOC_SET, ON_TM, KTM_TM_ALL_ACCESS, RIGHT(TM_SET_INFORMATION) },
		{ KTM_IOC_SET, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_SET_INFORMATION) },
		{ KTM_IOC_SET, ON_TX, KTM_TX_ALL_ACCESS, RIGHT(TX_SET_INFORMATION) },
		{ KTM_IOC_SET, ON_EN, KTM_EN_ALL_ACCESS, RIGHT(EN_SET_INFORMATION) },
		{ KTM_IOC_RM_RECOVER, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_RECOVER) },
		{ KTM_IOC_ENLIST, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_ENLIST) },
		{ KTM_IOC_EN_OPEN, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_ENLIST) },
		{ KTM_IOC_PREPARE_COMPLETE, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_ENLIST) },
		{ KTM_IOC_COMMIT_COMPLETE, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_ENLIST) },
		{ KTM_IOC_ROLLBACK_COMPLETE, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_ENLIST) },
		{ KTM_IOC_READ_ONLY, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_ENLIST) },
		{ KTM_IOC_EN_ROLLBACK, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_ENLIST) },
		{ KTM_IOC_EN_RECOVER, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_RECOVER) },
		{ KTM_IOC_PREPREPARE_COMPLETE, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_ENLIST) },
		{ KTM_IOC_SINGLE_PHASE_REJECT, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_ENLIST) },
		{ KTM_IOC_REQUEST_OUTCOME, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_ENLIST) },
		{ KTM_IOC_EN_PREPREPARE, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_ENLIST) },
		{ KTM_IOC_EN_PREPARE, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_ENLIST) },
		{ KTM_IOC_EN_COMMIT, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_ENLIST) },
		{ KTM_IOC_EXCHANGE, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_GET_NOTIFICATION) },
		{ KTM_IOC_QUERY, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_QUERY_INFORMATION) },
		{ KTM_IOC_ENUMERATE, ON_RM, KTM_RM_ALL_ACCESS, RIGHT(RM_QUERY_INFORMATION) },
		{ KTM_IOC_REGISTER_PROTOCOL, ON_RM, KTM_RM_ALL_ACCESS,
		  RIGHT(RM_REGISTER_PROTOCOL) },
		{ KTM_IOC_PROPAGATION_COMPLETE, ON_RM, KTM_RM_ALL_ACCESS,
		  RIGHT(RM_COMPLETE_PROPAGATION) },
		{ KTM_IOC_PROPAGATION_FAILED, ON_RM, KTM_RM_ALL_ACCESS,
		  RIGHT(RM_COMPLETE_PROPAGATION) },
		{ KTM_IOC_COMMIT, ON_TX, KTM_TX_ALL_ACCESS, RIGHT(TX_COMMIT) },
		{ KTM_IOC_ROLLBACK, ON_TX, KTM_TX_ALL_ACCESS, RIGHT(TX_ROLLBACK) },
		{ KTM_IOC_TX_WAIT, ON_TX, KTM_TX_ALL_ACCESS, RIGHT(TX_QUERY_INFORMATION) },
		{ KTM_IOC_QUERY, ON_TX, KTM_TX_ALL_ACCESS, RIGHT(TX_QUERY_INFORMATION) },
		{ KTM_IOC_PREPARE_COMPLETE, ON_EN, KTM_EN_ALL_ACCESS, RIGHT(EN_SUBORDINATE_RIGHTS) },
		{ KTM_IOC_COMMIT_COMPLETE, ON_EN, KTM_EN_ALL_ACCESS, RIGHT(EN_SUBORDINATE_RIGHTS) },
		{ KTM_IOC_ROLLBACK_COMPLETE, ON_EN, KTM_EN_ALL_ACCESS, RIGHT(EN_SUBORDINATE_RIGHTS) },
		{ KTM_IOC_READ_ONLY, ON_EN, KTM_EN_ALL_ACCESS, RIGHT(EN_SUBORDINATE_RIGHTS) },
		{ KTM_IOC_EN_ROLLBACK, ON_EN, KTM_EN_ALL_ACCESS, RIGHT(EN_SUBORDINATE_RIGHTS) },
		{ KTM_IOC_EN_RECOVER, ON_EN, KTM_EN_ALL_ACCESS, RIGHT(EN_RECOVER) },
		{ KTM_IOC_PREPREPARE_COMPLETE, ON_EN, KTM_EN_ALL_ACCESS, RIGHT(EN_SUBORDINATE_RIGHTS) },
		{ KTM_IOC_SINGLE_PHASE_REJECT, ON_EN, KTM_EN_ALL_ACCESS, RIGHT(EN_SUBORDINATE_RIGHTS) },
		{ KTM_IOC_REQUEST_OUTCOME, ON_EN, KTM_EN_ALL_ACCESS, RIGHT(EN_SUBORDINATE_RIGHTS) },
		{ KTM_IOC_EN_PREPREPARE, ON_EN, KTM_EN_ALL_ACCESS, RIGHT(EN_SUPERIOR_RIGHTS) },
		{ KTM_IOC_EN_PREPARE, ON_EN, KTM_EN_ALL_ACCESS, RIGHT(EN_SUPERIOR_RIGHTS) },
		{ KTM_IOC_EN_COMMIT, ON_EN, KTM_EN_ALL_ACCESS, RIGHT(EN_SUPERIOR_RIGHTS) },
		{ KTM_IOC_QUERY, ON_EN, KTM_EN_ALL_ACCESS, RIGHT(EN_QUERY_INFORMATION) },
		{ KTM_IOC_STREAM_CREATE, ON_TM, KTM_TM_ALL_ACCESS, RIGHT(TM_CREATE_RM) },
#undef RIGHT
/* The reference has no such right. */
#define OURS(r)		KTM_STREAM_##r, NULL
		{ KTM_IOC_QUERY, ON_STREAM, KTM_STREAM_ALL_ACCESS, OURS(QUERY_INFORMATION) },
		{ KTM_IOC_SET, ON_STREAM, KTM_STREAM_ALL_ACCESS, OURS(SET_INFORMATION) },
		{ KTM_IOC_STREAM_APPEND, ON_STREAM, KTM_STREAM_ALL_ACCESS, OURS(APPEND) },
		{ KTM_IOC_STREAM_RESERVE, ON_STREAM, KTM_STREAM_ALL_ACCESS, OURS(APPEND) },
		{ KTM_IOC_STREAM_FLUSH, ON_STREAM, KTM_STREAM_ALL_ACCESS, OURS(APPEND) },
		{ KTM_IOC_STREAM_READ, ON_STREAM, KTM_STREAM_ALL_ACCESS, OURS(READ) },
		{ KTM_IOC_STREAM_ADVANCE, ON_STREAM, KTM_STREAM_ALL_ACCESS, OURS(MANAGE) },
		{ KTM_IOC_STREAM_TRUNCATE, ON_STREAM, KTM_STREAM_ALL_ACCESS, OURS(MANAGE) },
		{ KTM_IOC_STREAM_DELETE, ON_STREAM, KTM_STREAM_ALL_ACCESS, OURS(MANAGE) },
#undef OURS
	};
	struct ktm_enlist e = ARG(ktm_enlist, .mask = EN_MASK);
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS);
	struct snapshot before = look();
	unsigned int i, k;
	union arg a;
	int less;

	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		for (k = 0; k < NR_REQUESTS && requests[k].nr != needs[i].nr; k++)
			;
		a = valid(&requests[k], needs[i].on);
		less = narrow(fds[needs[i].on], needs[i].all & ~needs[i].needed);
		CALL(less, needs[i].nr, &a, KTM_STATUS_ACCESS_DENIED);
		close(less);
		unchanged(&before, request_name(needs[i].nr));
		if (needs[i].right)
			SHOWS("right %s %s", needs[i].right, request_name(needs[i].nr));
	}
	/* The rights of a descriptor in a field. */
	e.tx_fd = narrow(tx, KTM_TX_ALL_ACCESS & ~KTM_TX_ENLIST);
	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_ACCESS_DENIED);
	close(e.tx_fd);
	c.tm_fd = narrow(tm, KTM_TM_ALL_ACCESS & ~KTM_TM_BIND_TRANSACTION);
	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_ACCESS_DENIED);
	close(c.tm_fd);
	unchanged(&before, "rights missing in fields");
	SHOWS("right TX_ENLIST %s", request_name(KTM_IOC_ENLIST));
	SHOWS("right TM_BIND_TRANSACTION %s", request_name(KTM_IOC_TX_CREATE));
}

/* The least that each call needs is enough. */
TEST(rights_that_suffice)
{
	int en_only = narrow(en, KTM_EN_SUBORDINATE_RIGHTS);
	int commit_only = narrow(tx, KTM_TX_COMMIT), wait_only = narrow(tx, KTM_TX_QUERY_INFORMATION);
	int tm_only = narrow(tm, KTM_TM_CREATE_RM), enlist_only = narrow(rm, KTM_RM_ENLIST);
	int read_only = narrow(rm, KTM_RM_GET_NOTIFICATION);
	int into = narrow(tx, KTM_TX_ENLIST);
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = into, .mask = EN_MASK);

	close(rm_create(tm_only, KTM_RM_VOLATILE));
	CALL(enlist_only, KTM_IOC_ENLIST, &e, KTM_STATUS_SUCCESS);
	COMMIT(commit_only, 0, KTM_STATUS_PENDING);
	TAKE(read_only, KTM_NOTIFY_PREPARE, en_id);
	TAKE(read_only, KTM_NOTIFY_PREPARE, e.guid);
	ANSWER_FD(en_only, KTM_IOC_PREPARE_COMPLETE, KTM_STATUS_SUCCESS);
	ANSWER(enlist_only, KTM_IOC_READ_ONLY, e.guid, KTM_STATUS_SUCCESS);
	TAKE(read_only, KTM_NOTIFY_COMMIT, en_id);
	ANSWER_FD(en_only, KTM_IOC_COMMIT_COMPLETE, KTM_STATUS_SUCCESS);
	WAIT(wait_only, KTM_STATUS_SUCCESS);
}

/* The reference has a right to propagate: here it gives nothing, and nothing needs it. */
TEST(right_to_propagate)
{
	int with = narrow(tx, KTM_TX_PROPAGATE), without = narrow(tx, KTM_TX_ALL_ACCESS &
								  ~KTM_TX_PROPAGATE);
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = with, .mask = EN_MASK);
	struct snapshot before = look();
	const struct request *r;
	union arg a;

	for (r = requests; r < requests + NR_REQUESTS; r++) {
		/* Which itself asks for no more than is there. */
		if (!(r->on & ON(TX)) || r->nr == KTM_IOC_NARROW)
			continue;
		a = valid(r, ON_TX);
		CALL(with, r->nr, &a, KTM_STATUS_ACCESS_DENIED);
	}
	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_ACCESS_DENIED);
	unchanged(&before, "only the right to propagate");
	e.tx_fd = without;
	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_SUCCESS);
	TX_IS(without, KTM_TX_STATE_ACTIVE);
	ANSWER(rm, KTM_IOC_READ_ONLY, en_id, KTM_STATUS_SUCCESS);
	ANSWER(rm, KTM_IOC_READ_ONLY, e.guid, KTM_STATUS_SUCCESS);
	COMMIT(without, KTM_CALL_WAIT, KTM_STATUS_SUCCESS);
	SHOWS("right TX_PROPAGATE nothing");
}

/* What a volatile TM has not got. */
TEST(volatile_tm)
{
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);
	struct ktm_rm_create c = ARG(ktm_rm_create, .access = KTM_RM_ALL_ACCESS);
	struct ktm_stream_create s = ARG(ktm_stream_create, .access = KTM_STREAM_ALL_ACCESS,
					 .quota = QUOTA, .name = (uintptr_t)"s", .name_length = 1);
	struct snapshot before = look();

	CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_TM_VOLATILE);
	CALL(tm, KTM_IOC_RM_CREATE, &c, KTM_STATUS_TM_VOLATILE);
	CALL(tm, KTM_IOC_STREAM_CREATE, &s, KTM_STATUS_TM_VOLATILE);
	unchanged(&before, "what needs a log");
}

/* Fields that belong to other requests of the same struct. */
TEST(fields_of_answers)
{
	static const unsigned int answers[] = {
		KTM_IOC_PREPARE_COMPLETE, KTM_IOC_COMMIT_COMPLETE, KTM_IOC_ROLLBACK_COMPLETE,
		KTM_IOC_READ_ONLY, KTM_IOC_EN_ROLLBACK, KTM_IOC_EN_RECOVER,
		KTM_IOC_PREPREPARE_COMPLETE, KTM_IOC_SINGLE_PHASE_REJECT, KTM_IOC_REQUEST_OUTCOME,
		KTM_IOC_EN_PREPREPARE, KTM_IOC_EN_PREPARE, KTM_IOC_EN_COMMIT,
	};
	static char information[16];
	static struct ktm_stream_append append = { .size = sizeof(append) };
	struct snapshot before = look();
	struct ktm_answer a;
	unsigned int i;

	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		a = ARG(ktm_answer, .enlistment = en_id, .key = 1);
		if (answers[i] != KTM_IOC_EN_RECOVER)
			CALL(rm, answers[i], &a, KTM_STATUS_INVALID_PARAMETER);
		/* A volatile enlistment has nothing to be logged, the others have no room for it. */
		a = ARG(ktm_answer, .enlistment = en_id, .information = (uintptr_t)information,
			.information_length = sizeof(information));
		CALL(rm, answers[i], &a, KTM_STATUS_INVALID_PARAMETER);
		a = ARG(ktm_answer, .enlistment = en_id, .information_length = 1);
		CALL(rm, answers[i], &a, KTM_STATUS_INVALID_PARAMETER);
		/* Nor does it bring a record for a stream, or need room in one. */
		a = ARG(ktm_answer, .enlistment = en_id, .append = (uintptr_t)&append,
			.stream_fd = stream);
		CALL(rm, answers[i], &a, KTM_STATUS_INVALID_PARAMETER);
		a = ARG(ktm_answer, .enlistment = en_id, .stream_records = 1, .stream_fd = stream);
		CALL(rm, answers[i], &a, KTM_STATUS_INVALID_PARAMETER);
		a = ARG(ktm_answer, .enlistment = en_id, .stream_fd = stream);
		CALL(rm, answers[i], &a, KTM_STATUS_INVALID_PARAMETER);
		/* On an enlistment's own descriptor there is no choice of enlistment. */
		a = ARG(ktm_answer, .enlistment = en_id);
		CALL(en, answers[i], &a, KTM_STATUS_INVALID_PARAMETER);
	}
	unchanged(&before, "fields of answers");
}

/* What anybody can provoke as often as he likes must not fill the kernel log. */
TEST(nothing_is_logged)
{
	static void (*const bad_input[])(void) = {
		wrong_kind_of_descriptor, unknown_requests, size_without_status, size_too_small,
		size_of_a_later_version, unknown_flags, reserved_fields, bad_struct_pointers,
		descriptors_in_fields, access_masks, rights_missing, fields_of_answers,
	};
	const char *record;
	int log = log_open();
	unsigned int i;

	for (i = 0; i < sizeof(bad_input) / sizeof(bad_input[0]); i++)
		bad_input[i]();
	record = logged(log, "ktm");
	if (record)
		FAIL("logged: %s", record);
	close(log);
}
