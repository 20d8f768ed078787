// SPDX-License-Identifier: GPL-2.0
/*
 * Steps of the tests, see calls.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

const guid_t nil;

bool same(const guid_t *a, const guid_t *b)
{
	return !memcmp(a, b, sizeof(*a));
}

guid_t guid_of(unsigned int n)
{
	guid_t g = { .b = { 0x6b, 0x74, 0x6d, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0 } };

	memcpy(&g.b[12], &n, sizeof(n));
	return g;
}

int dev(void)
{
	static int fd = -1;

	if (fd < 0) {
		fd = open("/dev/ktm", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			FAIL("/dev/ktm: %s", strerror(errno));
	}
	return fd;
}

void become(uid_t uid, gid_t gid)
{
	CHECK(dev() >= 0);
	CHECK_EQ(setgroups(0, NULL), 0);
	CHECK_EQ(setresgid(gid, gid, gid), 0);
	CHECK_EQ(setresuid(uid, uid, uid), 0);
}

int tm_volatile(void)
{
	struct ktm_tm_create c = ARG(ktm_tm_create, .flags = KTM_TM_VOLATILE,
				     .access = KTM_TM_ALL_ACCESS, .device_fd = -1);

	CALL(dev(), KTM_IOC_TM_CREATE, &c, KTM_STATUS_SUCCESS);
	return c.fd;
}

int tm_open(const guid_t *guid)
{
	struct ktm_open o = ARG(ktm_open, .access = KTM_TM_ALL_ACCESS, .guid = *guid);

	CALL(dev(), KTM_IOC_TM_OPEN, &o, KTM_STATUS_SUCCESS);
	return o.fd;
}

guid_t tm_guid(int tm)
{
	return tm_info(tm).guid;
}

int tx_create_timeout(int tm, uint64_t ns)
{
	struct ktm_tx_create c = ARG(ktm_tx_create, .access = KTM_TX_ALL_ACCESS, .tm_fd = tm,
				     .timeout_ns = ns);

	CALL(dev(), KTM_IOC_TX_CREATE, &c, KTM_STATUS_SUCCESS);
	return c.fd;
}

int tx_create(int tm)
{
	return tx_create_timeout(tm, 0);
}

void until_overdue(int tx)
{
	while (tx_info(tx).age_ns < SOON + 500000000)
		nap();
}

int tx_open(const guid_t *uow, unsigned int access)
{
	struct ktm_open o = ARG(ktm_open, .access = access, .guid = *uow);

	CALL(dev(), KTM_IOC_TX_OPEN, &o, KTM_STATUS_SUCCESS);
	return o.fd;
}

int rm_create_as(int tm, unsigned int flags, const guid_t *guid)
{
	struct ktm_rm_create c = ARG(ktm_rm_create, .flags = flags, .access = KTM_RM_ALL_ACCESS,
				     .guid = *guid);

	CALL(tm, KTM_IOC_RM_CREATE, &c, KTM_STATUS_SUCCESS);
	return c.fd;
}

int rm_create(int tm, unsigned int flags)
{
	return rm_create_as(tm, flags, &nil);
}

int rm_open(int tm, const guid_t *guid)
{
	struct ktm_open o = ARG(ktm_open, .access = KTM_RM_ALL_ACCESS, .guid = *guid);

	CALL(tm, KTM_IOC_RM_OPEN, &o, KTM_STATUS_SUCCESS);
	return o.fd;
}

void rm_recover(int rm)
{
	struct ktm_call c = ARG(ktm_call);

	CALL(rm, KTM_IOC_RM_RECOVER, &c, KTM_STATUS_SUCCESS);
}

void rm_recover_empty(int rm)
{
	rm_recover(rm);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
}

/* A durable RM that has nothing to recover; its GUID is guid_of(@n). */
int rm_online(int tm, unsigned int n)
{
	guid_t guid = guid_of(n);
	int rm = rm_create_as(tm, 0, &guid);

	rm_recover_empty(rm);
	return rm;
}

void en_recover(int rm, guid_t en, uint64_t key)
{
	struct ktm_answer a = ARG(ktm_answer, .enlistment = en, .key = key);

	CALL(rm, KTM_IOC_EN_RECOVER, &a, KTM_STATUS_PENDING);
}

void recover_only(int rm, guid_t en)
{
	TAKE(rm, KTM_NOTIFY_RECOVER, en);
	TAKE(rm, KTM_NOTIFY_LAST_RECOVER, nil);
	en_recover(rm, en, 0);
}

void rm_recover_one(int rm, guid_t en)
{
	rm_recover(rm);
	recover_only(rm, en);
}

void en_preprepare(int rm, guid_t en)
{
	TAKE(rm, KTM_NOTIFY_PREPREPARE, en);
	ANSWER(rm, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
}

void en_prepare(int rm, guid_t en)
{
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
}

void en_commit(int rm, guid_t en)
{
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
}

void en_rollback(int rm, guid_t en)
{
	TAKE(rm, KTM_NOTIFY_ROLLBACK, en);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
}

static struct ktm_enlist enlist_as(int rm, struct ktm_enlist e)
{
	CALL(rm, KTM_IOC_ENLIST, &e, KTM_STATUS_SUCCESS);
	CHECK(e.flags & KTM_ENLIST_FD ? e.fd >= 0 : e.fd == -1);
	CHECK(!same(&e.guid, &nil));
	return e;
}

guid_t enlist_mask(int rm, int tx, unsigned int mask, uint64_t key)
{
	return enlist_as(rm, ARG(ktm_enlist, .tx_fd = tx, .mask = mask, .key = key)).guid;
}

guid_t enlist_superior(int rm, int tx, unsigned int mask, uint64_t key)
{
	return enlist_as(rm, ARG(ktm_enlist, .tx_fd = tx, .mask = mask, .key = key,
				 .flags = KTM_ENLIST_SUPERIOR)).guid;
}

int enlist_mask_fd(int rm, int tx, unsigned int mask, unsigned int access, bool superior,
		   guid_t *guid)
{
	struct ktm_enlist e;

	e = enlist_as(rm, ARG(ktm_enlist, .tx_fd = tx, .mask = mask, .access = access,
			      .flags = KTM_ENLIST_FD | (superior ? KTM_ENLIST_SUPERIOR : 0)));
	if (guid)
		*guid = e.guid;
	return e.fd;
}

guid_t enlist_key(int rm, int tx, uint64_t key)
{
	return enlist_mask(rm, tx, EN_MASK, key);
}

guid_t enlist(int rm, int tx)
{
	return enlist_key(rm, tx, 0);
}

int enlist_fd(int rm, int tx, unsigned int access, guid_t *guid)
{
	return enlist_mask_fd(rm, tx, EN_MASK, access, false, guid);
}

short poll_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n = poll(&p, 1, PATIENCE * 1000);

	if (n != 1)
		FAIL("poll of descriptor %d for 0x%x: %s", fd, events,
		     n ? strerror(errno) : "nothing came");
	return p.revents;
}

short poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

struct ktm_notification take(int rm)
{
	struct ktm_notification n;
	ssize_t got;

	poll_for(rm, POLLIN);
	memset(&n, 0xa5, sizeof(n));
	got = read(rm, &n, sizeof(n));
	if (got < 0)
		FAIL("read of an RM: %s", strerror(errno));
	CHECK_EQ(got, sizeof(n));
	CHECK_EQ(n.length, sizeof(n));
	CHECK_EQ(n.argument_length, 0);
	CHECK_EQ(n.reserved, 0);
	return n;
}

static void query(int fd, unsigned int class, guid_t guid, void *buffer, unsigned int length)
{
	struct ktm_query q = ARG(ktm_query, .info_class = class, .length = length, .guid = guid,
				 .buffer = (uintptr_t)buffer);

	CALL(fd, KTM_IOC_QUERY, &q, KTM_STATUS_SUCCESS);
	CHECK_EQ(q.length, length);
}

struct ktm_tm_info tm_info(int tm)
{
	struct ktm_tm_info i;

	query(tm, KTM_INFO_TM_BASIC, nil, &i, sizeof(i));
	return i;
}

struct ktm_tm_space tm_space(int tm)
{
	struct ktm_tm_space space;

	query(tm, KTM_INFO_TM_SPACE, nil, &space, sizeof(space));
	return space;
}

void tm_failed(int tm)
{
	const struct deadline end = deadline_in(PATIENCE);

	while (tm_info(tm).state != KTM_TM_STATE_FAILED) {
		CHECK(!deadline_passed(&end));
		nap();
	}
}

struct ktm_rm_info rm_info(int rm)
{
	struct ktm_rm_info i;

	query(rm, KTM_INFO_RM_BASIC, nil, &i, sizeof(i));
	return i;
}

struct ktm_tx_info tx_info(int tx)
{
	struct ktm_tx_info i;

	query(tx, KTM_INFO_TX_BASIC, nil, &i, sizeof(i));
	return i;
}

struct ktm_en_info en_info(int en)
{
	struct ktm_en_info i;

	query(en, KTM_INFO_EN_BASIC, nil, &i, sizeof(i));
	return i;
}

struct ktm_en_info rm_en_info(int rm, guid_t guid)
{
	struct ktm_en_info i;

	query(rm, KTM_INFO_EN_BASIC, guid, &i, sizeof(i));
	return i;
}

void tx_becomes(const char *file, int line, int tx, unsigned int state)
{
	const struct deadline d = deadline_in(PATIENCE);
	unsigned int now;

	while ((now = tx_info(tx).state) != state) {
		if (deadline_passed(&d))
			test_fail(file, line, "the transaction stays in state %u, not %u", now,
				  state);
		nap();
	}
}

unsigned int count_objects(int fd, unsigned int kind)
{
	guid_t guids[64];
	struct ktm_enumerate e = ARG(ktm_enumerate, .kind = kind, .guids = (uintptr_t)guids);
	unsigned int n = 0, status;

	do {
		e.count = 64;
		status = test_try(fd, KTM_IOC_ENUMERATE, &e);
		test_shows(KTM_IOC_ENUMERATE, status);
		if (status != KTM_STATUS_SUCCESS && status != KTM_STATUS_NO_MORE_ENTRIES)
			FAIL("enumeration: %s", status_name(status));
		n += e.count;
	} while (status == KTM_STATUS_SUCCESS);
	CHECK_EQ(e.count, 0);
	return n;
}

bool listed(int fd, unsigned int kind, guid_t guid)
{
	guid_t one;
	struct ktm_enumerate e = ARG(ktm_enumerate, .kind = kind, .guids = (uintptr_t)&one);

	for (;;) {
		e.count = 1;
		if (test_try(fd, KTM_IOC_ENUMERATE, &e) != KTM_STATUS_SUCCESS)
			return false;
		if (same(&one, &guid))
			return true;
	}
}

int narrow(int fd, unsigned int access)
{
	struct ktm_narrow n = ARG(ktm_narrow, .access = access);

	CALL(fd, KTM_IOC_NARROW, &n, KTM_STATUS_SUCCESS);
	return n.fd;
}

void send_fd(int sock, int fd)
{
	char space[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte = 'd';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space,
			      .msg_controllen = sizeof(space) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	CHECK_EQ(sendmsg(sock, &msg, 0), 1);
}

int recv_fd(int sock)
{
	char space[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space,
			      .msg_controllen = sizeof(space) };
	struct cmsghdr *c;
	int fd;

	CHECK_EQ(recvmsg(sock, &msg, 0), 1);
	c = CMSG_FIRSTHDR(&msg);
	CHECK(c && c->cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

struct commit_args {
	int tx;
	unsigned int want;
};

static void commit_child(void *data)
{
	const struct commit_args *a = data;

	COMMIT(a->tx, KTM_CALL_WAIT, a->want);
}

pid_t commit_in_child(int tx, unsigned int want)
{
	struct commit_args a = { tx, want };

	return test_spawn(commit_child, &a);
}

static char process_state(pid_t pid)
{
	char path[64], line[512], *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	line[n] = 0;
	end = strrchr(line, ')');
	return end ? end[2] : 0;
}

/* The function of the kernel in which it sleeps, for who reads the log. */
static const char *where_asleep(pid_t pid)
{
	static char name[128];
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/wchan", pid);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, name, sizeof(name) - 1);
	if (fd >= 0)
		close(fd);
	name[n < 0 ? 0 : n] = 0;
	return name;
}

/* Ten times in a row: not in passing, on a lock or a page. */
static void until_in_state(pid_t pid, const char *states)
{
	const struct deadline d = deadline_in(PATIENCE);
	unsigned int times = 0;

	while (times < 10) {
		const char state = process_state(pid);

		times = state && strchr(states, state) ? times + 1 : 0;
		if (deadline_passed(&d))
			FAIL("process %d does not come to state %s, but is in %c, %s", pid,
			     states, state, where_asleep(pid));
		nap();
	}
}

void until_asleep(pid_t pid)
{
	until_in_state(pid, "S");
}

void until_stuck(pid_t pid)
{
	until_in_state(pid, "D");
}

void until_waiting(pid_t pid)
{
	until_in_state(pid, "SD");
}

static void nothing(int signal)
{
	(void)signal;
}

void catch_signal(int signal)
{
	const struct sigaction action = { .sa_handler = nothing };

	CHECK_EQ(sigaction(signal, &action, NULL), 0);
}

void be_interrupted(bool on)
{
	const struct itimerval often = { { 0, on ? 3000 : 0 }, { 0, on ? 3000 : 0 } };

	catch_signal(SIGALRM);
	CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
}

void interrupt(void (*call)(void *), void *data)
{
	pid_t pid;

	catch_signal(SIGUSR1);
	pid = test_spawn(call, data);
	until_asleep(pid);
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	test_join(pid);
}

void commit_under(int boss, guid_t sup, int rm, guid_t en)
{
	ANSWER(boss, KTM_IOC_EN_PREPREPARE, sup, KTM_STATUS_PENDING);
	TAKE(boss, KTM_NOTIFY_PREPREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_PREPARE, sup, KTM_STATUS_PENDING);
	en_prepare(rm, en);
	TAKE(boss, KTM_NOTIFY_PREPARE_COMPLETE, sup);
	ANSWER(boss, KTM_IOC_EN_COMMIT, sup, KTM_STATUS_PENDING);
	en_commit(rm, en);
	TAKE(boss, KTM_NOTIFY_COMMIT_COMPLETE, sup);
}

void commit_one(int rm, int tx)
{
	guid_t en = enlist(rm, tx);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	en_prepare(rm, en);
	en_commit(rm, en);
	WAIT(tx, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_COMMITTED);
}
