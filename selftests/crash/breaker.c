// SPDX-License-Identifier: GPL-2.0
/*
 * A disk that fails for moments, and somebody who opens the journal again.
 */
#include "workload.h"

#include "dm.h"

#include <unistd.h>

static const char *device, *below;
static atomic_bool stop;
static pthread_t thread;
static struct prng choices;
static int broken_tm;

/**
 * breaker_disk() - which disk it is about
 * @name: the device that the journal is on
 * @disk: what is below it
 */
void breaker_disk(const char *name, const char *disk)
{
	device = name;
	below = disk;
}

static void *breaker_run(void *arg)
{
	uint32_t status;
	int tries;

	while (!stop) {
		usleep(2000 + (unsigned int)prng_below(&choices, 40000));
		dm_change(device, DM_FAILING, below);
		usleep(2000 + (unsigned int)prng_below(&choices, 30000));
		mark_put(FACT_REOPENS, NULL, NULL);
		/* It cannot be opened while it fails, and loses nothing by the attempt. */
		tm_recover(broken_tm);
		dm_change(device, DM_FLAKY, below);
		for (tries = 0; (status = tm_recover(broken_tm)); tries++) {
			if (tries == 1000)
				die("the journal cannot be opened again: status %u", status);
			usleep(1000);
		}
		mark_put(FACT_REOPENED, NULL, NULL);
		atomic_fetch_add(&shared->nr_failures, 1);
	}
	return arg;
}

/**
 * breaker_start() - let the disk fail from time to time
 * @tm: the TM whose journal is on it
 * @prng: the choices
 */
void breaker_start(int tm, struct prng prng)
{
	broken_tm = tm;
	choices = prng;
	stop = false;
	if (pthread_create(&thread, NULL, breaker_run, NULL))
		die("no thread for the disk");
}

/* The disk works from here on. */
void breaker_stop(void)
{
	stop = true;
	pthread_join(thread, NULL);
}
