// SPDX-License-Identifier: GPL-2.0
/*
 * Counting context switches: /proc/PID/task/TID/status has two numbers of each thread. No
 * tracepoint of the scheduler is touched: see blockio.c for what that may do to the machine.
 */
#include "switches.h"

#include "bench.h"

#include <ctype.h>
#include <dirent.h>

/* A thread that has ended meanwhile is not counted. False: it is none of the kernel's. */
static bool add_thread(const char *path, double *switches, double *voluntary)
{
	unsigned long long value;
	bool kernel = true;
	char line[256];
	FILE *f = fopen(path, "r");

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		/* Only who has memory of his own says how much. */
		kernel &= strncmp(line, "VmSize:", 7) != 0;
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &value) == 1) {
			*switches += (double)value;
			*voluntary += (double)value;
		} else if (sscanf(line, "nonvoluntary_ctxt_switches: %llu", &value) == 1) {
			*switches += (double)value;
		}
	}
	fclose(f);
	return kernel;
}

static void add_process(struct switches *s, pid_t pid, pid_t partner)
{
	double switches = 0, voluntary = 0;
	struct dirent *entry;
	bool kernel = false;
	char path[512];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return;
	while ((entry = readdir(tasks))) {
		if (!isdigit(entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, entry->d_name);
		kernel = add_thread(path, &switches, &voluntary);
	}
	closedir(tasks);
	if (pid == getpid())
		s->client += switches;
	else if (pid == partner)
		s->partner += switches;
	else if (kernel)
		s->kernel += switches;
	else
		return;
	s->voluntary += voluntary;
}

struct switches switches_now(pid_t partner)
{
	struct switches s = { 0 };
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	if (!proc)
		die("/proc: %s", strerror(errno));
	while ((entry = readdir(proc)))
		if (isdigit(entry->d_name[0]))
			add_process(&s, atoi(entry->d_name), partner);
	closedir(proc);
	return s;
}

struct switches switches_each(const struct switches *before, pid_t partner, unsigned int count)
{
	const struct switches now = switches_now(partner);

	return (struct switches){
		.client = (now.client - before->client) / count,
		.partner = (now.partner - before->partner) / count,
		.kernel = (now.kernel - before->kernel) / count,
		.voluntary = (now.voluntary - before->voluntary) / count,
	};
}
