// SPDX-License-Identifier: GPL-2.0
/* Time, and processes that are pinned to a processor. */
#define _GNU_SOURCE
#include "bench.h"

#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "ktm-bench: ");
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void nap_ms(unsigned int ms)
{
	usleep(ms * 1000);
}

unsigned int cpus(void)
{
	return (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
}

void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % cpus(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cannot pin to processor %u: %s", cpu, strerror(errno));
}

/* A child that gives up must not leave us waiting for what it would have said. */
static void child_ended(int signal)
{
	siginfo_t info = { .si_pid = 0 };

	(void)signal;
	if (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid &&
	    !(info.si_code == CLD_EXITED && !info.si_status) &&
	    !(info.si_code == CLD_KILLED && info.si_status == SIGTERM))
		_exit(1);
}

pid_t spawn(void (*fn)(void *data), void *data)
{
	const struct sigaction watch = { .sa_handler = child_ended, .sa_flags = SA_RESTART };
	pid_t pid;

	sigaction(SIGCHLD, &watch, NULL);
	pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fn(data);
	exit(0);
}

void join(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid: %s", strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		die("a process ended with wait status %#x", (unsigned int)status);
}

void stop(pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid: %s", strerror(errno));
	if (!(WIFEXITED(status) && !WEXITSTATUS(status)) &&
	    !(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM))
		die("a process ended with wait status %#x", (unsigned int)status);
}

void *share(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	return memory;
}
