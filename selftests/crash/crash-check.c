// SPDX-License-Identifier: GPL-2.0
/*
 * crash-check - recover a recorded run from many power cuts, with the module.
 *
 * Each state is one cut: the disk as it may be then is put on a RAM disk, the
 * module and the RMs recover from it, and what they say is judged by what was
 * known outside before the cut. Some recoveries are recorded and cut themselves.
 */
#include "calls.h"
#include "campaign.h"
#include "disk.h"
#include "dm.h"
#include "history.h"
#include "judge.h"
#include "reopen.h"
#include "state.h"

#include "../cut/prng.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RAM		"/dev/ram0"
#define DISK		RAM "p1"
#define RECORD		"/dev/ram1"
#define RECORD_BYTES	(4u << 20)
#define RECORD_FILE	"/tmp/again"
#define RECORDER	"ktm-again"

/* The module gives up a disk a moment after the last descriptor is closed. */
static int open_idle(const char *disk)
{
	int fd, tries;

	for (tries = 0; tries < PATIENCE_MS; tries++) {
		fd = open(disk, O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC);
		if (fd >= 0 || errno != EBUSY)
			break;
		usleep(1000);
	}
	if (fd < 0)
		die("%s: %s", disk, strerror(errno));
	return fd;
}

/* Past the page cache: the module does not read through it either. */
static void transfer(const char *disk, uint8_t *data, size_t bytes, bool write)
{
	int fd = open_idle(disk);
	void *aligned = NULL;
	ssize_t n;

	if (posix_memalign(&aligned, 4096, bytes))
		die("out of memory");
	if (write)
		memcpy(aligned, data, bytes);
	n = write ? pwrite(fd, aligned, bytes, 0) : pread(fd, aligned, bytes, 0);
	if (n != (ssize_t)bytes)
		die("%s: %s", disk, strerror(errno));
	if (!write)
		memcpy(data, aligned, bytes);
	free(aligned);
	close(fd);
}

/* The last unit of the disk holds a superblock. */
static void check_size(size_t bytes)
{
	if (disk_bytes(DISK) != bytes)
		die("%s has %llu bytes, the journal %zu", DISK,
		    (unsigned long long)disk_bytes(DISK), bytes);
}

/* Recover on a device that records, and leave that record in a file. */
static void record_recovery(struct history *h, const struct cut *cut)
{
	uint8_t *record = calloc(1, RECORD_BYTES);
	char journal[64];
	FILE *f;

	if (!record)
		die("out of memory");
	transfer(RECORD, record, RECORD_BYTES, true);
	dm_create(RECORDER, DM_LOG_WRITES, DISK, RECORD, journal);
	reopen(h, cut, journal, RECORDER);
	dm_remove(RECORDER);
	transfer(RECORD, record, RECORD_BYTES, false);
	f = fopen(RECORD_FILE, "wb");
	if (!f || fwrite(record, RECORD_BYTES, 1, f) != 1 || fclose(f))
		die("%s: %s", RECORD_FILE, strerror(errno));
	free(record);
}

/* The power goes, and goes again while the machine recovers. */
static void try_twice(struct history *h, const struct state *state, const struct disk_state *s)
{
	struct cut cut = { .at = state->at };
	struct disk_state again;
	struct blocklog log;

	record_recovery(h, &cut);
	if (blocklog_open(&log, RECORD_FILE))
		die("the record of a recovery cannot be read");
	history_add(h, &log);
	cut.again = state_draw(&log, 0, state->seed + 1);
	state_begin(&again, s->image, s->bytes);
	state_build(&again, &log, cut.again, state->seed + 2);
	transfer(DISK, again.image, again.bytes, true);
	reopen(h, &cut, DISK, NULL);
	state_end(&again);
	blocklog_close(&log);
	history_forget(h);
}

static void try_state(struct history *h, const struct state *state, struct disk_state *s)
{
	struct cut cut = { .at = state->at };

	state_try(state);
	state_build(s, &h->log, state->at, state->seed);
	transfer(DISK, s->image, s->bytes, true);
	if (state->twice)
		try_twice(h, state, s);
	else
		reopen(h, &cut, DISK, NULL);
	if (!state_is_bad())
		reopen_empty(DISK);
}

int main(int argc, char **argv)
{
	struct options opt = { 0 };
	struct disk_state s;
	struct history h;
	struct state *states;
	size_t bytes, i;
	uint8_t *base;

	campaign_parse(argc, argv, &opt);
	base = campaign_base(opt.base, &bytes);
	disk_split(RAM, 1, 0, bytes);
	check_size(bytes);
	history_load(&h, opt.record, opt.start, opt.bytes);
	state_begin(&s, base, bytes);
	states = opt.have_only ? &opt.only : campaign_states(&opt, &h);
	for (i = 0; i < opt.states && !(opt.enough && campaign_bad() >= opt.enough); i++) {
		if (states[i].at > h.log.nr)
			die("the record has only %zu entries", h.log.nr);
		try_state(&h, &states[i], &s);
	}
	printf("# recovered: %zu COMMIT, %zu ROLLBACK; concluded: %zu\n"
	       "# superiors: %zu asked, %zu told of a commit\n"
	       "# stream records: %zu read back, %zu appended\n", tally.commit, tally.rollback,
	       tally.concluded, tally.queried, tally.told, tally.records, tally.appended);
	/* A campaign in which nothing was left to commit has tried nothing. */
	if (!opt.have_only && !opt.enough && !(tally.commit && tally.rollback && tally.concluded &&
						tally.queried && tally.told && tally.records &&
						tally.appended))
		die("there was nothing to recover");
	printf("campaign module_crash: tried=%zu violations=%zu seed=%llu\n", i, campaign_bad(),
	       (unsigned long long)opt.seed);
	return campaign_bad() ? 1 : 0;
}
