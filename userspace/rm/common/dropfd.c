// SPDX-License-Identifier: GPL-2.0
/*
 * Closing descriptors that strangers passed.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "server.h"

/* So many closes may hang before the others wait behind them. */
#define DROPPERS_MAX	32

struct dropped {
	struct dropped *next;
	int fd;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct dropped *waiting;
static unsigned int droppers;

static void *drop_all(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	while (waiting) {
		struct dropped *d = waiting;

		waiting = d->next;
		pthread_mutex_unlock(&lock);
		close(d->fd);
		free(d);
		pthread_mutex_lock(&lock);
	}
	droppers--;
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void start_dropper(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	ret = pthread_create(&thread, &attr, drop_all, NULL);
	pthread_attr_destroy(&attr);
	if (ret)
		drop_all(NULL);
}

void server_drop_fd(int fd)
{
	struct dropped *d = malloc(sizeof(*d));
	bool start;

	if (!d) {
		close(fd);
		return;
	}
	d->fd = fd;
	pthread_mutex_lock(&lock);
	d->next = waiting;
	waiting = d;
	/* Those that run take it, unless every one of them hangs. */
	start = droppers < DROPPERS_MAX;
	droppers += start;
	pthread_mutex_unlock(&lock);
	if (start)
		start_dropper();
}
