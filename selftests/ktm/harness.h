/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small test harness: each TEST() runs in a process group of its own, with a
 * time limit as a safety net, and must leave no transaction and no transaction
 * manager behind. Output is TAP.
 *
 * A check that fails, in whatever process of the test, ends that process and
 * fails the test. Every call checked by CALL() counts as shown, and so do each
 * notification that TAKE() took and each class of information that was queried or
 * set: a test that passes prints "# shows REQUEST STATUS", "# shows notification
 * KIND", "# shows query CLASS", before its own line. check-shown.sh holds these
 * lines against the table in Documentation/uapi.md, check-conformance.sh against
 * those in Documentation/conformance.md.
 */
#ifndef KTM_TEST_HARNESS_H
#define KTM_TEST_HARNESS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/ktm.h>

typedef void (*test_fn)(void);

void test_register(const char *name, test_fn fn);

#define TEST(name)							\
	static void name(void);						\
	__attribute__((constructor)) static void name##_register(void)	\
	{								\
		test_register(#name, name);				\
	}								\
	static void name(void)

/* Called in the test's own process before it; a program may define it. */
void test_setup(void);

__attribute__((noreturn, format(printf, 3, 4)))
void test_fail(const char *file, int line, const char *fmt, ...);
__attribute__((noreturn, format(printf, 1, 2)))
void test_skip(const char *fmt, ...);

#define FAIL(...)	test_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(cond)							\
	do {								\
		if (!(cond))						\
			FAIL("%s (errno %d)", #cond, errno);		\
	} while (0)

#define CHECK_EQ(got, want)						\
	do {								\
		long long __got = (long long)(got);			\
		long long __want = (long long)(want);			\
		if (__got != __want)					\
			FAIL("%s is %lld, not %s (%lld)", #got, __got,	\
			     #want, __want);				\
	} while (0)

/* An argument struct with its size; what is not named is zero. */
#define ARG(type, ...)	((struct type){ .size = sizeof(struct type), ##__VA_ARGS__ })

/* The call must end with this status, and with the errno that goes with it. */
#define CALL(fd, request, arg, want)					\
	test_call(__FILE__, __LINE__, fd, request, arg, want)

/* Wrong kind of descriptor: nobody is there to read the struct, only errno tells. */
#define CALL_ERRNO(fd, request, arg, want)				\
	test_call_errno(__FILE__, __LINE__, fd, request, arg, want)

void test_call(const char *file, int line, int fd, unsigned int request, void *arg,
	       unsigned int want);
void test_call_errno(const char *file, int line, int fd, unsigned int request, void *arg,
		     int want);

/* Where one of two statuses is right: the caller looks, then says which it was. */
unsigned int test_try(int fd, unsigned int request, void *arg);
void test_shows(unsigned int request, unsigned int status);
void test_shows_notification(unsigned int kind);

/*
 * What is no pair of request and status: SHOWS("close transaction-before-commit"),
 * a row of Documentation/conformance.md. Said where it has been seen.
 */
__attribute__((format(printf, 1, 2)))
void test_shows_row(const char *fmt, ...);
#define SHOWS(...)	test_shows_row(__VA_ARGS__)

const char *status_name(unsigned int status);
const char *request_name(unsigned int request);
int status_errno(unsigned int status);

/* ---- processes ---- */

/*
 * fork() for a helper process of a test. The parent gets its pid; the child runs
 * fn(data) and exits 0 if it returns.
 */
pid_t test_spawn(void (*fn)(void *data), void *data);
/* The helper must end by itself, without a failed check. */
void test_join(pid_t pid);
/* SIGKILL, and wait until it is gone. */
void test_kill(pid_t pid);

/*
 * Meeting points between processes of one test, in shared memory: go() opens
 * gate @n for good, meet() waits for it. Open gates are never closed.
 */
void go(unsigned int n);
void meet(unsigned int n);
bool is_open(unsigned int n);

/* Words shared by the processes of one test, zero at its start. */
extern volatile uint64_t *shared_word;
#define SHARED_WORDS	4096

/* A safety net for loops that wait for something: false after @seconds. */
struct deadline {
	struct timespec end;
};
struct deadline deadline_in(unsigned int seconds);
bool deadline_passed(const struct deadline *d);
void nap(void);

/* Runs a command through the shell; its exit code. */
__attribute__((format(printf, 1, 2)))
int run(const char *fmt, ...);

/* Seconds after which a wait that must end counts as hung. */
#define PATIENCE	60

#endif /* KTM_TEST_HARNESS_H */
