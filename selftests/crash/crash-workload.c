// SPDX-License-Identifier: GPL-2.0
/*
 * crash-workload - transactions of all sorts on a disk that is recorded.
 *
 * Runs in phases, each a process of its own that opens the journal, recovers and
 * works; every other one is killed in the middle, and in some the disk fails now and
 * then. The last only recovers, and nothing may be left after it.
 */
#include "workload.h"

#include "disk.h"
#include "dm.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_PHASES	8
#define NAME		"ktm-crash"
#define FLAKY		"ktm-crash-flaky"

struct shared *shared;
struct participant participants[NR_RMS];

static char partition[64], journal[64];

static int open_tm(void)
{
	uint32_t status;
	int tm, tries;

	/* What the last process left may still be on its way to the log. */
	for (tries = 0; tries < PATIENCE_MS; tries++) {
		status = tm_create(journal, &tm);
		if (status != KTM_STATUS_OBJECT_NAME_COLLISION)
			break;
		usleep(1000);
	}
	if (status)
		die("the journal cannot be taken: status %u", status);
	status = tm_recover(tm);
	if (status)
		die("the journal cannot be opened: status %u", status);
	return tm;
}

static void await_nothing_left(int tm)
{
	struct ktm_tm_info info;
	int tries;

	for (tries = 0; tries < PATIENCE_MS / 10; tries++) {
		if (tm_info(tm, &info))
			die("the transaction manager cannot be queried");
		if (!info.transactions && !info.indoubt)
			return;
		usleep(10000);
	}
	die("%u transactions are left, %u in doubt", info.transactions, info.indoubt);
}

static void phase(unsigned int transactions, bool fails, struct prng prng)
{
	unsigned int i;
	int tm;

	mark_put(FACT_REOPENS, NULL, NULL);
	tm = open_tm();
	mark_put(FACT_REOPENED, NULL, NULL);
	for (i = 0; i < NR_RMS; i++) {
		participants[i].number = i;
		participant_start(&participants[i], tm, prng_stream(prng_next(&prng), i),
				  transactions, fails);
	}
	if (fails)
		breaker_start(tm, prng_stream(prng_next(&prng), i));
	if (transactions)
		clients_run(tm, transactions, prng);
	else
		await_nothing_left(tm);
	if (fails)
		breaker_stop();
	for (i = 0; i < NR_RMS; i++)
		participant_stop(&participants[i]);
	close(tm);
	exit(0);
}

/* @kill_after: so many transactions, or 0. @fails: the disk does, now and then. */
static void run_phase(unsigned int transactions, unsigned int kill_after, bool fails,
		      struct prng prng)
{
	unsigned int before = shared->nr_ended;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid)
		phase(transactions, fails, prng);
	while (kill_after && shared->nr_ended - before < kill_after) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			die("a phase ended early");
		usleep(1000);
	}
	if (kill_after)
		kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid ||
	    (kill_after ? !WIFSIGNALED(status) : !WIFEXITED(status) || WEXITSTATUS(status)))
		die("a phase failed");
	/* The one that was to mend the disk is gone. */
	if (kill_after && fails)
		dm_change(FLAKY, DM_FLAKY, partition);
}

/* Partitions without a table: the journal, and a place for marks behind it. */
static void split_disk(const char *disk, uint64_t start, uint64_t bytes)
{
	char marks[64];

	disk_split(disk, 1, start, bytes);
	disk_split(disk, 2, start + bytes, disk_bytes(disk) - start - bytes);
	snprintf(partition, sizeof(partition), "%s1", disk);
	snprintf(marks, sizeof(marks), "%s2", disk);
	sink_disk(marks);
}

int main(int argc, char **argv)
{
	unsigned int transactions, i, each;
	struct prng prng;
	char *disk;
	bool steady;

	steady = argc == 7 && !strcmp(argv[6], "steady");
	if (argc != 6 + steady || (strcmp(argv[1], "outside") && strcmp(argv[1], "inside")))
		die("usage: crash-workload outside DISK START:BYTES TRANSACTIONS SEED [steady]\n"
		    "       crash-workload inside DISK LOGDISK TRANSACTIONS SEED [steady]");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	disk = realpath(argv[2], NULL);
	if (shared == MAP_FAILED || !disk)
		die("%s: %s", argv[2], strerror(errno));
	if (!strcmp(argv[1], "outside")) {
		unsigned long long start, bytes;

		if (sscanf(argv[3], "%llu:%llu", &start, &bytes) != 2)
			die("%s is not START:BYTES", argv[3]);
		split_disk(disk, start, bytes);
	} else {
		dm_create(NAME, DM_LOG_WRITES, disk, argv[3], partition);
		sink_device(NAME);
	}
	/* On top of what is recorded, so that a write that failed is in no record. */
	dm_create(FLAKY, DM_FLAKY, partition, NULL, journal);
	breaker_disk(FLAKY, partition);
	transactions = (unsigned int)strtoul(argv[4], NULL, 0);
	prng = prng_stream(strtoull(argv[5], NULL, 0), 0);

	mark_put(FACT_START, NULL, NULL);
	each = transactions / NR_PHASES + 1;
	for (i = 0; i < NR_PHASES; i++) {
		unsigned int kill_after = i % 2 ? 1 + (unsigned int)prng_below(&prng, each) : 0;

		run_phase(each + kill_after, kill_after, !steady && i % 4 >= 2,
			  prng_stream(prng_next(&prng), i));
	}
	run_phase(0, 0, false, prng);
	dm_remove(FLAKY);
	if (!strcmp(argv[1], "inside"))
		dm_remove(NAME);
	printf("# %u transactions ended, %u enlistments, %u marks\n"
	       "# the disk failed %u times, Commit was in doubt %u times\n", shared->nr_ended,
	       shared->nr_parts, shared->nr_marks, shared->nr_failures, shared->nr_indoubt);
	printf("# %u stream records appended, %u base advances\n"
	       "# the log went round its ring %" PRIu64 " times, running it wrote %u restart areas"
	       " and copied %u records forward\n", shared->nr_appended, shared->nr_bases,
	       shared->log_bytes / shared->ring_bytes, shared->nr_restarts, shared->nr_copied);
	if (shared->log_bytes < 3 * shared->ring_bytes || !shared->nr_restarts ||
	    !shared->nr_copied)
		die("the log did too little for a test");
	return 0;
}
