// SPDX-License-Identifier: GPL-2.0
/*
 * open_100k: does a commit take longer while many transactions are open?
 * bytes_per_tx: what the kernel keeps for each of them, two enlistments in it.
 */
#include "bench.h"
#include "latency.h"
#include "store.h"

#include <sys/resource.h>

#define FEW	10
#define BATCH	256

/* The clients hold their transactions in one process. */
static void allow_many(unsigned int count)
{
	struct rlimit limit = { .rlim_cur = count + 1000, .rlim_max = count + 1000 };
	FILE *f = fopen("/sys/module/ktm/parameters/max_objects", "w");

	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("cannot have %u descriptors: %s", count, strerror(errno));
	if (!f || fprintf(f, "%u\n", 4 * count + 1000) < 0 || fclose(f))
		die("cannot set max_objects: %s", strerror(errno));
}

/* A volatile RM of this process, which is never asked anything. */
static int silent_rm(int tm)
{
	int rm = ktm_rm_create(tm, KTM_RM_VOLATILE, KTM_RM_ALL_ACCESS, 0, NULL, NULL, NULL);

	if (rm < 0)
		die("cannot make a resource manager: %s", strerror(-rm));
	return rm;
}

static void open_many(const struct tm_handle *tm, const int *rm, unsigned int rms, int *tx,
		      unsigned int count)
{
	unsigned int i, k;
	int ret;

	for (i = 0; i < count; i++) {
		tx[i] = tx_begin(tm);
		for (k = 0; k < rms; k++) {
			ret = ktm_enlist(rm[k], tx[i], KTM_NOTIFY_TWO_PHASE, i, NULL, NULL);
			if (ret)
				die("cannot enlist: %s", strerror(-ret));
		}
	}
}

/* Those who enlisted have to hear of it before it is over. */
static void answer_rollbacks(int rm)
{
	struct ktm_batch_answer answers[KTM_MAX_BATCH];
	char buffer[KTM_MAX_BATCH * sizeof(struct ktm_notification)];
	struct ktm_notification n;
	size_t count = 0, offset;
	ssize_t bytes;

	for (;;) {
		bytes = ktm_exchange(rm, answers, count, NULL, buffer, sizeof(buffer), 0, NULL);
		if (bytes == -ETIMEDOUT)
			return;
		if (bytes < 0)
			die("cannot answer: %s", strerror((int)-bytes));
		count = 0;
		offset = 0;
		while (ktm_next_notification(buffer, (size_t)bytes, &offset, &n, NULL) > 0)
			answers[count++] = (struct ktm_batch_answer){
				.request = KTM_IOC_ROLLBACK_COMPLETE,
				.enlistment = n.enlistment,
			};
	}
}

static void close_all(const int *rm, unsigned int rms, const int *tx, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		close(tx[i]);
	for (i = 0; i < rms; i++)
		answer_rollbacks(rm[i]);
}

static void *table(unsigned int count)
{
	void *memory = calloc(count, sizeof(int));

	if (!memory)
		die("no memory");
	return memory;
}

/* ---- latency ---- */

/* Whatever was done before: the same idle moment, then a batch that does not count. */
static double time_commits(const struct tm_handle *tm, int connection)
{
	nap_ms(enough(10, 1000));
	latency_of_commits(tm, &connection, 1, BATCH);
	return latency_of_commits(tm, &connection, 1, BATCH);
}

void row_open(void)
{
	const unsigned int many = enough(2000, 100000);
	const unsigned int rounds = bench.rounds < 5 ? bench.rounds : 5;
	struct series few = { .count = 0 }, ours = few, value = few;
	int *tx = table(many);
	struct tm_handle tm;
	struct store store;
	int connection, rm;
	unsigned int i;

	allow_many(many);
	tm_start(&tm, NULL);
	store_start(&store, &tm.guid, true, 1);
	connection = store_connect(&store);
	rm = silent_rm(tm.tm);
	pin(0);
	open_many(&tm, &rm, 1, tx, FEW);
	time_commits(&tm, connection);
	for (i = 0; i < rounds; i++) {
		series_add(&few, time_commits(&tm, connection));
		open_many(&tm, &rm, 1, tx + FEW, many - FEW);
		series_add(&ours, time_commits(&tm, connection));
		series_add(&value, ours.value[i] / few.value[i]);
		close_all(&rm, 1, tx + FEW, many - FEW);
	}
	close_all(&rm, 1, tx, FEW);
	close(rm);
	close(connection);
	store_end(&store);
	tm_end(&tm);
	free(tx);
	report("open_100k", "us", &few, &ours, &value, AT_MOST, 1.2);
}

/* ---- memory ---- */

/*
 * All that the kernel takes for itself: slabs (large pieces count there, too), vmalloc,
 * per-processor areas.
 */
static double kernel_bytes(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	unsigned long long kib, sum = 0;
	char line[128], name[64];

	if (!f)
		die("/proc/meminfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63[^:]: %llu kB", name, &kib) == 2 &&
		    (!strcmp(name, "Slab") || !strcmp(name, "VmallocUsed") ||
		     !strcmp(name, "Percpu")))
			sum += kib;
	}
	fclose(f);
	return (double)sum * 1024;
}

void row_bytes(void)
{
	const unsigned int count = enough(2000, 40000);
	struct series ours = { .count = 0 };
	int *tx = table(count);
	struct tm_handle tm;
	double before;
	unsigned int i;
	int rm[2];

	allow_many(2 * count);
	tm_start(&tm, NULL);
	rm[0] = silent_rm(tm.tm);
	rm[1] = silent_rm(tm.tm);
	for (i = 0; i < enough(1, 3); i++) {
		before = kernel_bytes();
		open_many(&tm, rm, 2, tx, count);
		series_add(&ours, (kernel_bytes() - before) / count);
		close_all(rm, 2, tx, count);
		/* What is freed after a grace period is not to count as free before. */
		nap_ms(enough(100, 2000));
	}
	close(rm[0]);
	close(rm[1]);
	tm_end(&tm);
	free(tx);
	report("bytes_per_tx", "bytes", NULL, &ours, &ours, AT_MOST, 2048);
}
