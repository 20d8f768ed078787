// SPDX-License-Identifier: GPL-2.0
/*
 * The harness: runs the tests of one program, prints TAP.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "harness.h"

#define MAX_TESTS	256
#define MAX_GATES	64
#define MAX_REQUESTS	64
#define MAX_STATUSES	64
#define MAX_ROWS	256
#define ROW_LENGTH	80
#define EXIT_SKIP	77

/* What all processes of a test see. */
struct shared {
	volatile uint32_t failures;
	volatile uint32_t gates[MAX_GATES];
	volatile uint8_t shown[MAX_REQUESTS][MAX_STATUSES];
	volatile uint32_t notified;
	volatile uint64_t queried;
	volatile uint64_t set;
	volatile uint32_t nr_rows;
	char rows[MAX_ROWS][ROW_LENGTH];
	volatile uint64_t words[SHARED_WORDS];
};

static struct {
	const char *name;
	test_fn fn;
} tests[MAX_TESTS];
static unsigned int nr_tests;
static struct shared *shared;
volatile uint64_t *shared_word;

#define NAME(x)	{ #x, x }
static const struct {
	const char *name;
	unsigned int request;
} requests[] = {
	NAME(KTM_IOC_VERSION), NAME(KTM_IOC_TM_CREATE), NAME(KTM_IOC_TM_OPEN),
	NAME(KTM_IOC_TX_CREATE), NAME(KTM_IOC_TX_OPEN), NAME(KTM_IOC_TM_RECOVER),
	NAME(KTM_IOC_RM_CREATE), NAME(KTM_IOC_RM_OPEN), NAME(KTM_IOC_RM_RECOVER),
	NAME(KTM_IOC_ENLIST), NAME(KTM_IOC_EN_OPEN), NAME(KTM_IOC_COMMIT),
	NAME(KTM_IOC_ROLLBACK), NAME(KTM_IOC_TX_WAIT), NAME(KTM_IOC_PREPARE_COMPLETE),
	NAME(KTM_IOC_COMMIT_COMPLETE), NAME(KTM_IOC_ROLLBACK_COMPLETE),
	NAME(KTM_IOC_READ_ONLY), NAME(KTM_IOC_EN_ROLLBACK), NAME(KTM_IOC_EN_RECOVER),
	NAME(KTM_IOC_QUERY), NAME(KTM_IOC_ENUMERATE), NAME(KTM_IOC_NARROW),
	NAME(KTM_IOC_TM_OPEN_LOG), NAME(KTM_IOC_FREEZE), NAME(KTM_IOC_THAW),
	NAME(KTM_IOC_TM_ROLLFORWARD), NAME(KTM_IOC_TM_RENAME), NAME(KTM_IOC_TM_OFFLINE),
	NAME(KTM_IOC_EXCHANGE), NAME(KTM_IOC_REGISTER_PROTOCOL),
	NAME(KTM_IOC_PROPAGATION_COMPLETE), NAME(KTM_IOC_PROPAGATION_FAILED),
	NAME(KTM_IOC_PREPREPARE_COMPLETE), NAME(KTM_IOC_SINGLE_PHASE_REJECT),
	NAME(KTM_IOC_REQUEST_OUTCOME), NAME(KTM_IOC_EN_PREPREPARE), NAME(KTM_IOC_EN_PREPARE),
	NAME(KTM_IOC_EN_COMMIT), NAME(KTM_IOC_SET),
	NAME(KTM_IOC_STREAM_CREATE), NAME(KTM_IOC_STREAM_OPEN), NAME(KTM_IOC_STREAM_APPEND),
	NAME(KTM_IOC_STREAM_RESERVE), NAME(KTM_IOC_STREAM_READ), NAME(KTM_IOC_STREAM_FLUSH),
	NAME(KTM_IOC_STREAM_ADVANCE), NAME(KTM_IOC_STREAM_TRUNCATE),
	NAME(KTM_IOC_STREAM_DELETE),
};
#undef NAME

#define NAME(s, e)	[KTM_STATUS_##s] = { "KTM_STATUS_" #s, e }
static const struct {
	const char *name;
	int err;
} statuses[] = {
	NAME(SUCCESS, 0), NAME(PENDING, 0), NAME(TIMEOUT, ETIMEDOUT), NAME(NO_MORE_ENTRIES, 0),
	NAME(INVALID_PARAMETER, EINVAL), NAME(INVALID_HANDLE, EBADF),
	NAME(OBJECT_TYPE_MISMATCH, EBADFD), NAME(ACCESS_DENIED, EACCES),
	NAME(INSUFFICIENT_RESOURCES, ENOMEM), NAME(BUFFER_TOO_SMALL, EMSGSIZE),
	NAME(INVALID_INFO_CLASS, EINVAL), NAME(INFO_LENGTH_MISMATCH, EMSGSIZE),
	NAME(OBJECT_NAME_EXISTS, EEXIST), NAME(OBJECT_NAME_COLLISION, EEXIST),
	NAME(OBJECT_NAME_INVALID, EINVAL), NAME(LOG_CORRUPTION_DETECTED, EUCLEAN),
	NAME(LOG_FULL, ENOSPC), NAME(TM_VOLATILE, EOPNOTSUPP), NAME(TM_IDENTITY_MISMATCH, EXDEV),
	NAME(TM_NOT_ONLINE, ENOTCONN), NAME(TM_NOT_FOUND, ENOENT),
	NAME(TRANSACTION_NOT_FOUND, ENOENT), NAME(RM_NOT_FOUND, ENOENT),
	NAME(ENLISTMENT_NOT_FOUND, ENOENT), NAME(TRANSACTION_NOT_ACTIVE, ESTALE),
	NAME(SUPERIOR_EXISTS, EBUSY), NAME(ALREADY_ABORTED, ECANCELED),
	NAME(ALREADY_COMMITTED, EALREADY), NAME(REQUEST_NOT_VALID, EPROTO),
	NAME(NOT_REQUESTED, ENOMSG), NAME(NOT_SUPERIOR, EPERM),
	NAME(RESPONSE_NOT_ENLISTED, ENOPROTOOPT), NAME(OBJECT_EXPIRED, ESTALE),
	NAME(UNSUCCESSFUL, EIO), NAME(QUOTA_EXCEEDED, EDQUOT), NAME(SHARING_VIOLATION, EBUSY),
	NAME(INDOUBT, ENOTRECOVERABLE), NAME(IO_ERROR, EIO), NAME(LOG_NOT_A_JOURNAL, EUCLEAN),
	NAME(LOG_TOO_SMALL, EUCLEAN), NAME(LOG_UNSUPPORTED, EUCLEAN), NAME(DEVICE_BUSY, EBUSY),
	NAME(INTERRUPTED, EINTR), NAME(FAULT, EFAULT), NAME(TOO_MANY_FILES, EMFILE),
	NAME(ROLLED_BACK, ECANCELED), NAME(OBJECT_BUSY, EBUSY), NAME(NOT_FROZEN, EPROTO),
	NAME(FREEZE_IN_PROGRESS, EBUSY), NAME(PROTOCOL_EXISTS, EEXIST),
	NAME(STREAM_NOT_FOUND, ENOENT), NAME(LOG_RECORD_NONEXISTENT, ENOENT),
	NAME(STREAM_FULL, ENOSPC), NAME(STREAM_REOPENED, ESTALE),
	NAME(POSSIBLE_DEADLOCK, EDEADLK),
};
#undef NAME

#define NAME(k)	{ #k, KTM_NOTIFY_##k }
static const struct {
	const char *name;
	unsigned int kind;
} notifications[] = {
	NAME(PREPREPARE), NAME(PREPARE), NAME(COMMIT), NAME(ROLLBACK), NAME(PREPREPARE_COMPLETE),
	NAME(PREPARE_COMPLETE), NAME(COMMIT_COMPLETE), NAME(ROLLBACK_COMPLETE), NAME(RECOVER),
	NAME(SINGLE_PHASE_COMMIT), NAME(RECOVER_QUERY), NAME(LAST_RECOVER), NAME(INDOUBT),
	NAME(RM_DISCONNECTED), NAME(COMMIT_REQUEST), NAME(REQUEST_OUTCOME),
};
#undef NAME

#define NAME(c)	{ #c, KTM_INFO_##c }
static const struct {
	const char *name;
	unsigned int class;
} classes[] = {
	NAME(TM_BASIC), NAME(RM_BASIC), NAME(TX_BASIC), NAME(TX_ENLISTMENTS), NAME(EN_BASIC),
	NAME(EN_RECOVERY), NAME(TM_LOG), NAME(TM_LOG_PATH), NAME(TM_RECOVERY), NAME(TM_ONLINE),
	NAME(RM_COMPLETION), NAME(TX_PROPERTIES), NAME(TX_SUPERIOR), NAME(EN_CRM),
	NAME(STREAM_BASIC), NAME(STREAM_QUOTA), NAME(TM_SPACE),
};
#undef NAME

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* What a status field holds before a call, so that "not written" is seen. */
#define STATUS_UNTOUCHED	0xdeadbeefu

/* Every argument struct begins like this. */
struct head {
	__u32 size;
	__u32 status;
};

const char *status_name(unsigned int status)
{
	if (status == STATUS_UNTOUCHED)
		return "(status not written)";
	if (status >= ARRAY_SIZE(statuses) || !statuses[status].name)
		return "(unknown status)";
	return statuses[status].name;
}

int status_errno(unsigned int status)
{
	return status < ARRAY_SIZE(statuses) ? statuses[status].err : -1;
}

static int request_index(unsigned int request)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(requests); i++)
		if (requests[i].request == request)
			return i;
	return -1;
}

const char *request_name(unsigned int request)
{
	int i = request_index(request);

	return i < 0 ? "(unknown request)" : requests[i].name;
}

void test_register(const char *name, test_fn fn)
{
	if (nr_tests == MAX_TESTS)
		abort();
	tests[nr_tests].name = name;
	tests[nr_tests++].fn = fn;
}

__attribute__((weak)) void test_setup(void)
{
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("# %s:%d: %s\n", file, line, text);
	fflush(stdout);
	/* Who sees that ends the test, and us with it. */
	__atomic_add_fetch(&shared->failures, 1, __ATOMIC_SEQ_CST);
	_exit(1);
}

void test_skip(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	_exit(EXIT_SKIP);
}

void test_shows(unsigned int request, unsigned int status)
{
	int i = request_index(request);

	if (i >= 0 && status < MAX_STATUSES)
		shared->shown[i][status] = 1;
}

void test_shows_notification(unsigned int kind)
{
	__atomic_or_fetch(&shared->notified, kind, __ATOMIC_SEQ_CST);
}

void test_shows_row(const char *fmt, ...)
{
	const unsigned int i = __atomic_fetch_add(&shared->nr_rows, 1, __ATOMIC_SEQ_CST);
	va_list ap;
	int n;

	if (i >= MAX_ROWS)
		FAIL("more than %u rows are shown by one test", MAX_ROWS);
	va_start(ap, fmt);
	n = vsnprintf(shared->rows[i], ROW_LENGTH, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= ROW_LENGTH)
		FAIL("too long for a row: %s", fmt);
}

unsigned int test_try(int fd, unsigned int request, void *arg)
{
	struct head *head = arg;
	int ret;

	head->status = STATUS_UNTOUCHED;
	errno = 0;
	ret = ioctl(fd, request, arg);
	if (ret < 0 && status_errno(head->status) != errno)
		FAIL("%s: status %s with errno %d", request_name(request),
		     status_name(head->status), errno);
	if (ret == 0 && status_errno(head->status) != 0)
		FAIL("%s: returned 0 with status %s", request_name(request),
		     status_name(head->status));
	if (ret > 0)
		FAIL("%s: returned %d", request_name(request), ret);
	return head->status;
}

static void shows_class(volatile uint64_t *mask, unsigned int class)
{
	if (class < 64)
		__atomic_or_fetch(mask, 1ull << class, __ATOMIC_SEQ_CST);
}

void test_call(const char *file, int line, int fd, unsigned int request, void *arg,
	       unsigned int want)
{
	struct head *head = arg;
	int ret, err;

	head->status = STATUS_UNTOUCHED;
	errno = 0;
	ret = ioctl(fd, request, arg);
	err = errno;
	if (head->status != want)
		test_fail(file, line, "%s: status %s (errno %d), not %s", request_name(request),
			  status_name(head->status), ret ? err : 0, status_name(want));
	if (ret != (status_errno(want) ? -1 : 0) || (ret && err != status_errno(want)))
		test_fail(file, line, "%s: %s with return %d, errno %d instead of %d",
			  request_name(request), status_name(want), ret, err, status_errno(want));
	test_shows(request, want);
	if (want == KTM_STATUS_SUCCESS && request == KTM_IOC_QUERY)
		shows_class(&shared->queried, ((struct ktm_query *)arg)->info_class);
	if (want == KTM_STATUS_SUCCESS && request == KTM_IOC_SET)
		shows_class(&shared->set, ((struct ktm_set *)arg)->info_class);
}

void test_call_errno(const char *file, int line, int fd, unsigned int request, void *arg,
		     int want)
{
	int ret, err;

	errno = 0;
	ret = ioctl(fd, request, arg);
	err = errno;
	if (ret != -1 || err != want)
		test_fail(file, line, "%s: returned %d, errno %d instead of %d",
			  request_name(request), ret, err, want);
}

struct deadline deadline_in(unsigned int seconds)
{
	struct deadline d;

	clock_gettime(CLOCK_MONOTONIC, &d.end);
	d.end.tv_sec += seconds;
	return d;
}

bool deadline_passed(const struct deadline *d)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > d->end.tv_sec ||
	       (now.tv_sec == d->end.tv_sec && now.tv_nsec > d->end.tv_nsec);
}

void nap(void)
{
	const struct timespec ts = { .tv_nsec = 2000000 };

	nanosleep(&ts, NULL);
}

void go(unsigned int n)
{
	__atomic_store_n(&shared->gates[n], 1, __ATOMIC_SEQ_CST);
}

bool is_open(unsigned int n)
{
	return __atomic_load_n(&shared->gates[n], __ATOMIC_SEQ_CST);
}

void meet(unsigned int n)
{
	const struct deadline d = deadline_in(PATIENCE);

	while (!is_open(n)) {
		if (shared->failures)
			_exit(1);
		if (deadline_passed(&d))
			FAIL("nobody opened gate %u", n);
		nap();
	}
}

pid_t test_spawn(void (*fn)(void *data), void *data)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		fn(data);
		fflush(stdout);
		_exit(0);
	}
	return pid;
}

void test_join(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		FAIL("helper process %d ended with status 0x%x", pid, status);
}

void test_kill(pid_t pid)
{
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

int run(const char *fmt, ...)
{
	char command[2048];
	va_list ap;
	int status;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	fflush(stdout);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static unsigned int count_kind(int dev, unsigned int kind)
{
	struct ktm_guid guids[16];
	struct ktm_enumerate e = ARG(ktm_enumerate, .kind = kind, .count = ARRAY_SIZE(guids),
				     .guids = (uintptr_t)guids);

	if (ioctl(dev, KTM_IOC_ENUMERATE, &e))
		return ~0u;
	return e.count;
}

/*
 * What a test made must go with its processes. Objects may go a moment after the
 * last descriptor, in a worker of the kernel, so there is some patience.
 */
static bool nothing_left(void)
{
	struct deadline d = deadline_in(PATIENCE);
	unsigned int tms, txs;
	int dev = open("/dev/ktm", O_RDWR | O_CLOEXEC);

	/* A test of loading and unloading: without the module nothing is left. */
	if (dev < 0)
		return true;
	for (;;) {
		tms = count_kind(dev, KTM_KIND_TM);
		txs = count_kind(dev, KTM_KIND_TX);
		if ((!tms && !txs) || deadline_passed(&d))
			break;
		nap();
	}
	close(dev);
	if (tms || txs)
		printf("# left behind: %u transaction managers, %u transactions\n", tms, txs);
	return !tms && !txs;
}

/* Where the processes of a hung test are in the kernel. */
static void print_stacks(pid_t group)
{
	struct dirent *entry;
	char path[300], line[256];
	DIR *proc = opendir("/proc");
	FILE *f;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);

		if (pid <= 0 || getpgid(pid) != group)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stack", pid);
		printf("# process %d:\n", pid);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			printf("#   %s", line);
		if (f)
			fclose(f);
	}
	if (proc)
		closedir(proc);
}

static void print_shown(void)
{
	unsigned int r, s, i;

	for (r = 0; r < ARRAY_SIZE(requests); r++)
		for (s = 0; s < ARRAY_SIZE(statuses); s++)
			if (shared->shown[r][s])
				printf("# shows %s %s\n", requests[r].name, statuses[s].name);
	for (i = 0; i < ARRAY_SIZE(notifications); i++)
		if (shared->notified & notifications[i].kind)
			printf("# shows notification %s\n", notifications[i].name);
	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		if (shared->queried & 1ull << classes[i].class)
			printf("# shows query %s\n", classes[i].name);
		if (shared->set & 1ull << classes[i].class)
			printf("# shows set %s\n", classes[i].name);
	}
	for (i = 0; i < shared->nr_rows; i++)
		printf("# shows %s\n", shared->rows[i]);
}

/* Waits for @pid for at most @seconds; false if it is still there then. */
static bool wait_child(pid_t pid, unsigned int seconds, int *status)
{
	struct deadline d = deadline_in(seconds);

	for (;;) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		if (deadline_passed(&d))
			return false;
		nap();
	}
}

/* Takes away whatever the test's processes left running. */
static void reap_group(pid_t group)
{
	kill(-group, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

enum result { PASSED, FAILED, SKIPPED };

static enum result run_one(unsigned int i, unsigned int seconds)
{
	bool ended;
	int status = 0;
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return FAILED;
	if (pid == 0) {
		setpgid(0, 0);
		test_setup();
		tests[i].fn();
		fflush(stdout);
		_exit(0);
	}
	setpgid(pid, pid);
	ended = wait_child(pid, seconds, &status);
	if (!ended) {
		printf("# not ended after %u seconds\n", seconds);
		print_stacks(pid);
	}
	reap_group(pid);
	if (!nothing_left() || !ended || shared->failures)
		return FAILED;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP)
		return SKIPPED;
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		printf("# the test's process ended with status 0x%x\n", status);
		return FAILED;
	}
	return PASSED;
}

static bool wanted(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	const char *limit = getenv("KTM_TEST_SECONDS");
	unsigned int seconds = limit ? atoi(limit) : 240;
	unsigned int i, n = 0, failed = 0, plan = 0;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	shared_word = shared->words;
	/* Orphans of a killed helper come to us, so that none outlives its test. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);

	for (i = 0; i < nr_tests; i++)
		plan += wanted(tests[i].name, argc, argv);
	printf("TAP version 13\n1..%u\n", plan);
	for (i = 0; i < nr_tests; i++) {
		enum result result;

		if (!wanted(tests[i].name, argc, argv))
			continue;
		result = run_one(i, seconds);
		if (result == PASSED)
			print_shown();
		failed += result == FAILED;
		printf("%s %u %s%s\n", result == FAILED ? "not ok" : "ok", ++n, tests[i].name,
		       result == SKIPPED ? " # SKIP" : "");
		fflush(stdout);
	}
	return failed ? 1 : 0;
}
