// SPDX-License-Identifier: GPL-2.0
/*
 * demo-keys - the store of ktm_sample_rm, from outside.
 *
 * usage: demo-keys attach DEVICE SECONDS
 *	  demo-keys detach
 *	  demo-keys list
 *
 * attach waits until somebody has brought the transaction manager of the journal on DEVICE
 * online, SECONDS at most, and has the store take part in it: the store recovers. Once it has, it
 * is given less room in the journal than it asked for, so that it has to tidy its stream in
 * the middle of the import. list prints "KEY<tab>VALUE" for each key that there is.
 */
#include "index.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ktm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/*
 * It tidies at one half of it. All values of the demo are some 30 KB, a transaction leaves less than 500
 * bytes: enough for the store to go on, and to tidy twice or so.
 */
#define STREAM_ROOM	(96 << 10)
#define STREAM_NAME	"ktm_sample_rm"

static void die(const char *what, const char *why)
{
	fprintf(stderr, "demo-keys: %s: %s\n", what, why);
	exit(1);
}

static int open_store(void)
{
	int fd = open(STORE_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die(STORE_DEVICE, strerror(errno));
	return fd;
}

/* -1: there is none, or it is not online yet. */
static int try_open_tm(int ktm, int device)
{
	struct ktm_tm_info info;
	uint32_t status;
	int tm = ktm_tm_open_log(ktm, device, KTM_TM_ALL_ACCESS, NULL, &status);

	if (tm == -ENOENT)
		return -1;
	if (tm < 0 || ktm_tm_query(tm, &info, &status))
		die("could not open the transaction manager", ktm_status_text(status));
	if (info.state == KTM_TM_STATE_ONLINE)
		return tm;
	close(tm);
	return -1;
}

static int open_tm(const char *path, int seconds)
{
	int ktm = ktm_open_device(), device = open(path, O_RDWR | O_CLOEXEC), tm;
	struct timespec now;
	time_t deadline;

	if (ktm < 0)
		die(KTM_DEVICE, strerror(-ktm));
	if (device < 0)
		die(path, strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &now);
	deadline = now.tv_sec + seconds;
	while ((tm = try_open_tm(ktm, device)) < 0) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= deadline)
			die(path, "nobody brings its transaction manager online");
		usleep(20000);
	}
	close(device);
	close(ktm);
	return tm;
}

static void limit_room(int tm)
{
	uint32_t status;
	int stream = ktm_stream_open_name(tm, STREAM_NAME, KTM_STREAM_SET_INFORMATION, NULL, &status);

	if (stream < 0 || ktm_stream_set_quota(stream, STREAM_ROOM, &status))
		die("could not limit the room of the store", ktm_status_text(status));
	close(stream);
}

static void attach(const char *path, int seconds)
{
	int store = open_store(), tm = open_tm(path, seconds);
	struct ktm_sample_attach a = { .tm_fd = tm };

	if (ioctl(store, KTM_SAMPLE_ATTACH, &a))
		die("could not attach the store", strerror(errno));
	limit_room(tm);
	close(tm);
	close(store);
}

static void detach(void)
{
	int store = open_store();

	if (ioctl(store, KTM_SAMPLE_DETACH))
		die("could not detach the store", strerror(errno));
	close(store);
}

/* Whatever is there, it is one word on one line. */
static void print_bytes(const unsigned char *bytes, size_t length, char behind)
{
	size_t i;

	for (i = 0; i < length; i++)
		putchar(isprint(bytes[i]) ? bytes[i] : '?');
	putchar(behind);
}

static void list(void)
{
	struct ktm_sample_item item = { .tx_fd = -1 };
	int store = open_store();

	while (!ioctl(store, KTM_SAMPLE_NEXT, &item)) {
		print_bytes(item.key, item.key_length, '\t');
		if (ioctl(store, KTM_SAMPLE_READ, &item))
			die("could not read a key", strerror(errno));
		print_bytes(item.value, item.value_length, '\n');
	}
	if (errno != ENOENT)
		die("could not list the keys", strerror(errno));
	close(store);
	if (fflush(stdout))
		die("standard output", strerror(errno));
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "attach"))
		attach(argv[2], atoi(argv[3]));
	else if (argc == 2 && !strcmp(argv[1], "detach"))
		detach();
	else if (argc == 2 && !strcmp(argv[1], "list"))
		list();
	else
		die("usage", "demo-keys attach DEVICE SECONDS | detach | list");
	return 0;
}
