// SPDX-License-Identifier: GPL-2.0
/*
 * Closing descriptors that strangers passed.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "log.h"
#include "server.h"

/* So many closes may hang before descriptors are left open instead. */
#define DROPPERS_MAX	32

static atomic_int droppers;

static void *drop(void *arg)
{
	close((intptr_t)arg);
	atomic_fetch_sub(&droppers, 1);
	return NULL;
}

void server_drop_fd(int fd)
{
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	if (atomic_fetch_add(&droppers, 1) >= DROPPERS_MAX) {
		atomic_fetch_sub(&droppers, 1);
		log_line("descriptor %d is left open: closing others like it hangs", fd);
		return;
	}
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	ret = pthread_create(&thread, &attr, drop, (void *)(intptr_t)fd);
	pthread_attr_destroy(&attr);
	if (ret)
		drop((void *)(intptr_t)fd);
}
