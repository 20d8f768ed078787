// SPDX-License-Identifier: GPL-2.0
/*
 * recovery_1m: from a device to a transaction manager that is online, with a log that has seen a
 * million commits and holds 1,000 that are not finished; against reading once what of it
 * has to be read, from the last restart area to the end.
 *
 * Recovering changes the log, so each round has a disk of its own with the same image.
 */
#define _GNU_SOURCE
#include "bench.h"
#include "tm.h"

#include <fcntl.h>

#define CHUNK		(1 << 20)
#define MAX_PIECES	16

struct piece {
	unsigned long long offset;
	unsigned long long bytes;
};

static struct piece pieces[MAX_PIECES];
static unsigned int nr_pieces;
static double total;

static void read_pieces(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f)
		die("%s: %s", path, strerror(errno));
	while (nr_pieces < MAX_PIECES && fscanf(f, "%llu %llu", &pieces[nr_pieces].offset,
						&pieces[nr_pieces].bytes) == 2)
		total += (double)pieces[nr_pieces++].bytes;
	fclose(f);
	if (!nr_pieces)
		die("%s says nothing", path);
}

/* As large requests as the module makes, one after the other. */
static double time_reading(const char *device)
{
	uint64_t start = now_ns();
	unsigned int i;
	void *buffer;
	int fd = open(device, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		die("%s: %s", device, strerror(errno));
	if (posix_memalign(&buffer, 4096, CHUNK))
		die("no memory");
	for (i = 0; i < nr_pieces; i++) {
		unsigned long long at = pieces[i].offset, left = pieces[i].bytes;

		while (left) {
			size_t bytes = left < CHUNK ? left : CHUNK;

			if (pread(fd, buffer, bytes, (off_t)at) != (ssize_t)bytes)
				die("%s: %s", device, strerror(errno));
			at += bytes;
			left -= bytes;
		}
	}
	free(buffer);
	close(fd);
	return (double)(now_ns() - start) / 1e6;
}

static double time_recovery(const char *device, unsigned int live)
{
	uint64_t start = now_ns();
	struct ktm_tm_info info;
	struct tm_handle tm;
	double ms;
	int ret;

	tm_start(&tm, device);
	ms = (double)(now_ns() - start) / 1e6;
	ret = ktm_tm_query(tm.tm, &info, NULL);
	if (ret || info.transactions != live)
		die("%u transactions were recovered, not %u", info.transactions, live);
	tm_end(&tm);
	return ms;
}

void row_recovery(void)
{
	struct series floor = { .count = 0 }, ours = floor, value = floor;
	unsigned int i;

	if (!bench.pieces || !bench.count)
		die("recovery needs --pieces and devices");
	read_pieces(bench.pieces);
	for (i = 0; i < bench.count && i < MAX_ROUNDS; i++) {
		/* The host has the image in its memory then, for both. */
		time_reading(bench.devices[i]);
		series_add(&floor, time_reading(bench.devices[i]));
		series_add(&ours, time_recovery(bench.devices[i], 1000));
		series_add(&value, ours.value[i] / floor.value[i]);
	}
	report("recovery_1m", "ms", &floor, &ours, &value, AT_MOST, 1.5);
	remark("recovery_1m", "%.1f MiB to be read", total / 1048576);
}
