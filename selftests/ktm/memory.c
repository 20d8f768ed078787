// SPDX-License-Identifier: GPL-2.0
/*
 * No memory: each request that needs some fails with ENOMEM when its caller's
 * memory cgroup is full, and has changed nothing. That it fails shows as well
 * that the memory is charged to the caller.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "calls.h"
#include "disk.h"
#include "streams.h"

#define ROOT	"/run/ktm-test-cgroup"
#define GROUP	ROOT "/full"
#define MANY	20000

/* Gates */
enum { INSIDE = 1, FULL, DONE };

static int tm, rm, tx, talker;
static guid_t tm_id, rm_id, uow, en_id;

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

void test_setup(void)
{
	const struct rlimit files = { MANY + 100, MANY + 100 };

	mkdir(ROOT, 0700);
	if (mount("none", ROOT, "cgroup2", 0, NULL) && errno != EBUSY)
		test_skip("no cgroups here");
	if (put(ROOT "/cgroup.subtree_control", "+memory"))
		test_skip("no memory cgroups here");
	CHECK(!mkdir(GROUP, 0700) || errno == EEXIST);
	CHECK_EQ(put(GROUP "/memory.max", "max"), 0);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
}

/*
 * The caller enters the cgroup, with all of its own memory in place, and is not
 * to be killed for what the group lacks; then the group is closed to all more.
 */
static void enter(void)
{
	CHECK_EQ(put("/proc/self/oom_score_adj", "-1000"), 0);
	CHECK_EQ(put(GROUP "/cgroup.procs", "0"), 0);
	CHECK_EQ(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
	go(INSIDE);
	meet(FULL);
}

/* From outside: nothing more may be charged than is. */
static void fill_group(void)
{
	meet(INSIDE);
	CHECK_EQ(put(GROUP "/memory.max", "4096"), 0);
	go(FULL);
	meet(DONE);
	CHECK_EQ(put(GROUP "/memory.max", "max"), 0);
}

/* How often a request works until there is no memory for it. */
#define UNTIL_FULL(fd, request, arg, reset)				\
	({								\
		unsigned int __n = 0, __s;				\
									\
		do {							\
			reset;						\
			__s = test_try(fd, request, arg);		\
			__n += __s == KTM_STATUS_SUCCESS;		\
		} while (__s == KTM_STATUS_SUCCESS && __n < MANY);	\
		if (__s != KTM_STATUS_INSUFFICIENT_RESOURCES)		\
			FAIL("%s: %s after %u", request_name(request),	\
			     status_name(__s), __n);			\
		test_shows(request, __s);				\
		__n;							\
	})

static void ask_for_more(void *unused)
{
	static guid_t guids[4096];
	static struct ktm_en_pair pairs[600];
	struct ktm_tx_create x = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = tm);
	struct ktm_tm_create t = ARG(ktm_tm_create, .flags = KTM_TM_VOLATILE, .device_fd = -1,
				     .access = KTM_TM_ALL_ACCESS);
	struct ktm_rm_create r = ARG(ktm_rm_create, .flags = KTM_RM_VOLATILE,
				     .access = KTM_RM_ALL_ACCESS);
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = EN_MASK);
	struct ktm_narrow n = ARG(ktm_narrow, .access = KTM_TX_QUERY_INFORMATION);
	struct ktm_open o = ARG(ktm_open);
	struct ktm_enumerate list = ARG(ktm_enumerate, .kind = KTM_KIND_TX, .count = 4096,
					.guids = (uintptr_t)guids);
	struct ktm_query q = ARG(ktm_query, .info_class = KTM_INFO_TX_ENLISTMENTS,
				 .buffer = (uintptr_t)pairs);
	struct ktm_set set = ARG(ktm_set, .info_class = KTM_INFO_EN_RECOVERY, .guid = en_id,
				 .buffer = (uintptr_t)guids, .length = 16384);
	struct ktm_protocol p = ARG(ktm_protocol, .protocol = tm_id,
				    .information = (uintptr_t)guids, .length = 4096);
	unsigned int txs, rms, ens, had;

	(void)unused;
	CHECK(dev() >= 0);
	had = tx_info(tx).enlistments;
	enter();
	txs = UNTIL_FULL(dev(), KTM_IOC_TX_CREATE, &x, x.uow = nil);
	UNTIL_FULL(dev(), KTM_IOC_TM_CREATE, &t, t.guid = nil);
	rms = UNTIL_FULL(tm, KTM_IOC_RM_CREATE, &r, r.guid = nil);
	ens = UNTIL_FULL(rm, KTM_IOC_ENLIST, &e, (void)0);
	UNTIL_FULL(tx, KTM_IOC_NARROW, &n, (void)0);
	o.access = KTM_TM_ALL_ACCESS;
	o.guid = tm_id;
	UNTIL_FULL(dev(), KTM_IOC_TM_OPEN, &o, (void)0);
	o.guid = uow;
	UNTIL_FULL(dev(), KTM_IOC_TX_OPEN, &o, (void)0);
	o.guid = rm_id;
	UNTIL_FULL(tm, KTM_IOC_RM_OPEN, &o, (void)0);
	o.access = KTM_EN_ALL_ACCESS;
	o.guid = en_id;
	UNTIL_FULL(rm, KTM_IOC_EN_OPEN, &o, (void)0);
	UNTIL_FULL(dev(), KTM_IOC_ENUMERATE, &list, list.cursor = nil);
	UNTIL_FULL(tx, KTM_IOC_QUERY, &q, q.length = sizeof(pairs));
	UNTIL_FULL(rm, KTM_IOC_SET, &set, (void)0);
	CALL(talker, KTM_IOC_REGISTER_PROTOCOL, &p, KTM_STATUS_INSUFFICIENT_RESOURCES);
	go(DONE);
	/* What was refused is not there, what was not refused is. */
	CHECK_EQ(tm_info(tm).transactions, 1 + txs);
	CHECK_EQ(tm_info(tm).rms, 2 + rms);
	CHECK_EQ(tx_info(tx).enlistments, had + ens);
	TX_IS(tx, KTM_TX_STATE_ACTIVE);
}

TEST(every_request_that_needs_some)
{
	pid_t child;
	int i;

	tm = tm_volatile();
	rm = rm_create(tm, KTM_RM_VOLATILE);
	talker = rm_create(tm, KTM_RM_VOLATILE | KTM_RM_COMMUNICATION);
	tx = tx_create(tm);
	/* Many, so that a list of them is more than a page. */
	for (i = 0; i < 500; i++)
		en_id = enlist(rm, tx);
	tm_id = tm_guid(tm);
	rm_id = rm_info(rm).guid;
	uow = tx_info(tx).uow;
	child = test_spawn(ask_for_more, NULL);
	fill_group();
	test_join(child);
	/* And all is well when it has gone. */
	commit_one(rm_create(tm, KTM_RM_VOLATILE), tx_create(tm));
}

static int stream;
static uint64_t record;

static void stream_without(void *unused)
{
	static char name[8], data[KTM_MAX_STREAM_RECORD];
	struct ktm_stream_piece piece = { .base = (uintptr_t)data, .length = sizeof(data) };
	struct ktm_stream_create c = ARG(ktm_stream_create, .access = KTM_STREAM_ALL_ACCESS,
					 .quota = 4096, .name = (uintptr_t)name);
	struct ktm_stream_open o = ARG(ktm_stream_open, .access = KTM_STREAM_ALL_ACCESS,
				       .name = (uintptr_t)"stream", .name_length = 6);
	struct ktm_stream_append a = ARG(ktm_stream_append, .count = 1,
					 .pieces = (uintptr_t)&piece);
	struct ktm_stream_reserve r = ARG(ktm_stream_reserve, .records = 1000);
	struct ktm_stream_read get = ARG(ktm_stream_read, .buffer = (uintptr_t)data);
	unsigned int n = 0;

	(void)unused;
	enter();
	CALL(stream, KTM_IOC_STREAM_RESERVE, &r, KTM_STATUS_INSUFFICIENT_RESOURCES);
	UNTIL_FULL(stream, KTM_IOC_STREAM_READ, &get,
		   (get.lsn = record, get.length = sizeof(data)));
	UNTIL_FULL(stream, KTM_IOC_STREAM_APPEND, &a, (void)0);
	shared_word[0] = UNTIL_FULL(tm, KTM_IOC_STREAM_CREATE, &c,
				    (c.guid = nil, c.name_length = sprintf(name, "%u", n++)));
	UNTIL_FULL(tm, KTM_IOC_STREAM_OPEN, &o, o.guid = nil);
	go(DONE);
}

/* Records, their places in memory, and streams. */
TEST(streams)
{
	struct disk d = disk_make(16 * MIB);
	pid_t child;

	journal_format(d.path, guid_of(1));
	tm = tm_online(d.path);
	stream = stream_create(tm, "stream", 2 * MIB);
	record = append(stream, 1, 1000);
	flush(stream, 0);
	child = test_spawn(stream_without, NULL);
	fill_group();
	test_join(child);
	CHECK_EQ(count_objects(tm, KTM_KIND_STREAM), 1 + shared_word[0]);
	CHECK_EQ(stream_info(stream).reserved, 0);
	check_record(stream, record, 1, 1000);
	append(stream, 2, 1000);
}

static void recover_without(void *device)
{
	struct ktm_tm_recover r = ARG(ktm_tm_recover, .device_fd = -1);
	struct ktm_tm_rollforward f = ARG(ktm_tm_rollforward, .device_fd = -1, .virtual_clock = 1);
	struct ktm_tm_rename n = ARG(ktm_tm_rename);
	struct ktm_tm_open_log o = ARG(ktm_tm_open_log, .access = KTM_TM_ALL_ACCESS,
				       .device_fd = *(int *)device);

	CHECK(dev() >= 0);
	enter();
	CALL(tm, KTM_IOC_TM_RECOVER, &r, KTM_STATUS_INSUFFICIENT_RESOURCES);
	CALL(tm, KTM_IOC_TM_ROLLFORWARD, &f, KTM_STATUS_INSUFFICIENT_RESOURCES);
	CALL(tm, KTM_IOC_TM_RENAME, &n, KTM_STATUS_INSUFFICIENT_RESOURCES);
	UNTIL_FULL(dev(), KTM_IOC_TM_OPEN_LOG, &o, (void)0);
	go(DONE);
}

/* Recovery without memory: offline, and as good as before when there is some. */
TEST(recovery)
{
	struct disk d = disk_make(8 * MIB);
	int looked = disk_open_read_only(d.path);
	unsigned char *before;
	pid_t child;

	journal_format(d.path, guid_of(1));
	before = disk_read(&d);
	tm = tm_attach(d.path);
	child = test_spawn(recover_without, &looked);
	fill_group();
	test_join(child);
	CHECK_EQ(tm_info(tm).state, KTM_TM_STATE_OFFLINE);
	CHECK(disk_is(&d, before));
	tm_recover(tm);
}
