// SPDX-License-Identifier: GPL-2.0
/* A log file that is written record by record and forced by fdatasync(). */
#define _GNU_SOURCE
#include "bench.h"
#include "plain.h"

#include <fcntl.h>
#include <limits.h>

#define LOG_BYTES	(16 << 20)

void plain_log_open(struct plain_log *log, const char *name)
{
	static const char zeros[1 << 16];
	char path[PATH_MAX];
	off_t at;

	snprintf(path, sizeof(path), "%s/%s", bench.files, name);
	log->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (log->fd < 0)
		die("%s: %s", path, strerror(errno));
	for (at = 0; at < LOG_BYTES; at += (off_t)sizeof(zeros)) {
		if (pwrite(log->fd, zeros, sizeof(zeros), at) != sizeof(zeros))
			die("%s: %s", path, strerror(errno));
	}
	if (fsync(log->fd))
		die("%s: %s", path, strerror(errno));
	log->place = 0;
	log->count = 0;
}

static void write_out(struct plain_log *log)
{
	size_t bytes = log->count * sizeof(log->records[0]);

	if (!bytes)
		return;
	if (log->place + (off_t)bytes > LOG_BYTES)
		log->place = 0;
	if (pwrite(log->fd, log->records, bytes, log->place) != (ssize_t)bytes)
		die("a log cannot be written: %s", strerror(errno));
	log->place += (off_t)bytes;
	log->count = 0;
}

void plain_log_append(struct plain_log *log, const struct plain_message *record)
{
	if (log->count == sizeof(log->records) / sizeof(log->records[0]))
		write_out(log);
	log->records[log->count++] = *record;
}

void plain_log_force(struct plain_log *log)
{
	write_out(log);
	if (fdatasync(log->fd))
		die("a log cannot be synced: %s", strerror(errno));
}
