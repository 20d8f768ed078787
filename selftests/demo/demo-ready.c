// SPDX-License-Identifier: GPL-2.0
/*
 * demo-ready - waits until recovery is over, and says so.
 *
 * usage: demo-ready SECONDS SOCKET...
 *
 * Over means: every resource manager serves (they do not before they have had
 * LAST_RECOVER and dealt with what came before it), and no transaction manager
 * has a transaction left that is unfinished or in doubt. Exits 1 if that does
 * not come about in time.
 */
#include <errno.h>
#include <ktm.h>
#include <ktm-rm-client.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static time_t deadline;

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "demo-ready: %s: %s\n", what, why);
	exit(1);
}

static void pause_until_deadline(const char *what, const char *why)
{
	if (now() >= deadline)
		die(what, why);
	usleep(20000);
}

static void wait_for_rm(const char *path)
{
	struct ktm_client *c;
	int ret;

	while ((ret = ktm_client_connect(path, 0, &c))) {
		if (ret != -ENOENT && ret != -ECONNREFUSED)
			die(path, strerror(-ret));
		pause_until_deadline(path, "does not serve");
	}
	ktm_client_close(c);
}

/* Adds up what all transaction managers of the machine have left to do. */
static void count_unfinished(int ktm, unsigned int *tms, unsigned int *unfinished,
			     unsigned int *indoubt)
{
	struct ktm_iter iter;
	struct ktm_guid guid;
	int ret;

	*tms = *unfinished = *indoubt = 0;
	ktm_iter_init(&iter, ktm, KTM_KIND_TM);
	while ((ret = ktm_iter_next(&iter, &guid, NULL)) > 0) {
		struct ktm_tm_info info;
		int tm = ktm_tm_open(ktm, &guid, 0, KTM_TM_QUERY_INFORMATION, NULL);

		if (tm < 0)
			die("could not open the transaction manager", strerror(-tm));
		ret = ktm_tm_query(tm, &info, NULL);
		close(tm);
		if (ret)
			die("could not query the transaction manager", strerror(-ret));
		(*tms)++;
		*unfinished += info.transactions;
		*indoubt += info.indoubt;
	}
	if (ret < 0)
		die("could not list the transaction managers", strerror(-ret));
}

int main(int argc, char **argv)
{
	unsigned int tms, unfinished, indoubt;
	int ktm, i;

	if (argc < 3)
		die("usage", "demo-ready SECONDS SOCKET...");
	deadline = now() + atoi(argv[1]);
	for (i = 2; i < argc; i++)
		wait_for_rm(argv[i]);
	ktm = ktm_open_device();
	if (ktm < 0)
		die(KTM_DEVICE, strerror(-ktm));
	while (count_unfinished(ktm, &tms, &unfinished, &indoubt), unfinished || indoubt) {
		char text[80];

		snprintf(text, sizeof(text), "%u unfinished, %u in doubt", unfinished, indoubt);
		pause_until_deadline("transactions are left over", text);
	}
	if (!tms)
		die("the resource managers serve", "but there is no transaction manager");
	close(ktm);
	printf("%u transactions unfinished, %u in doubt\n", unfinished, indoubt);
	return 0;
}
