// SPDX-License-Identifier: GPL-2.0
/*
 * crash-check - recover a recorded run from many power cuts, with the module.
 *
 * Each state is one cut: the disk as it may be then is put on a RAM disk, the
 * module and the RMs recover from it, and what they say is judged by what was
 * known outside before the cut. Some recoveries are recorded and cut themselves.
 */
#include "calls.h"
#include "disk.h"
#include "dm.h"
#include "history.h"
#include "judge.h"
#include "reopen.h"
#include "state.h"

#include "../cut/prng.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
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

/**
 * struct state - one state to try
 * @at: the power goes after so many entries
 * @seed: of everything that is chosen for it
 * @twice: it goes once more during the recovery
 */
struct state {
	size_t at;
	uint64_t seed;
	bool twice;
};

struct options {
	const char *base;
	const char *record;
	uint64_t start;
	uint64_t bytes;
	uint64_t seed;
	size_t states;
	size_t twice;
	size_t enough;
	struct state only;
	bool have_only;
};

static const struct state *current;
static size_t violations, bad_states;
static bool bad;

void violation(const char *format, ...)
{
	va_list args;

	violations++;
	bad = true;
	/* One fault spoils many states in the same way. */
	if (violations > 40)
		return;
	printf("# state %zu:%llu%s: ", current->at, (unsigned long long)current->seed,
	       current->twice ? ":2" : "");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static uint8_t *read_file(const char *path, size_t *bytes)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long size;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) <= 0)
		die("%s: %s", path, strerror(errno));
	data = malloc((size_t)size);
	rewind(f);
	if (!data || fread(data, (size_t)size, 1, f) != 1)
		die("%s cannot be read", path);
	fclose(f);
	*bytes = (size_t)size;
	return data;
}

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

	current = state;
	bad = false;
	state_build(s, &h->log, state->at, state->seed);
	transfer(DISK, s->image, s->bytes, true);
	if (state->twice)
		try_twice(h, state, s);
	else
		reopen(h, &cut, DISK, NULL);
	if (!bad)
		reopen_empty(DISK);
	bad_states += bad;
}

static int by_place(const void *a, const void *b)
{
	const struct state *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static struct state *draw_states(const struct options *opt, const struct history *h)
{
	struct prng prng = prng_stream(opt->seed, 0);
	struct state *states = calloc(opt->states, sizeof(*states));
	size_t i;

	if (!states)
		die("out of memory");
	for (i = 0; i < opt->states; i++) {
		states[i].seed = prng_next(&prng);
		states[i].at = state_draw(&h->log, h->start, states[i].seed);
		states[i].twice = opt->twice && i % opt->twice == 0;
	}
	qsort(states, opt->states, sizeof(*states), by_place);
	return states;
}

static void usage(void)
{
	die("usage: crash-check --base IMAGE --record LOG [--part START:BYTES] --seed N\n"
	    "                   (--states N [--twice EVERY] [--enough BAD] | --only AT:SEED[:2])");
}

static void parse_only(const char *text, struct options *opt)
{
	unsigned long long at, seed;
	int twice = 1;

	if (sscanf(text, "%llu:%llu:%d", &at, &seed, &twice) < 2)
		usage();
	opt->only = (struct state){ .at = at, .seed = seed, .twice = twice == 2 };
	opt->have_only = true;
	opt->states = 1;
}

static void parse(int argc, char **argv, struct options *opt)
{
	static const struct option options[] = {
		{ "base", required_argument, NULL, 'b' },
		{ "record", required_argument, NULL, 'r' },
		{ "part", required_argument, NULL, 'p' },
		{ "seed", required_argument, NULL, 's' },
		{ "states", required_argument, NULL, 'n' },
		{ "twice", required_argument, NULL, 't' },
		{ "enough", required_argument, NULL, 'e' },
		{ "only", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned long long start, bytes;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'b':
			opt->base = optarg;
			break;
		case 'r':
			opt->record = optarg;
			break;
		case 'p':
			if (sscanf(optarg, "%llu:%llu", &start, &bytes) != 2)
				usage();
			opt->start = start;
			opt->bytes = bytes;
			break;
		case 's':
			opt->seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			opt->states = strtoul(optarg, NULL, 0);
			break;
		case 't':
			opt->twice = strtoul(optarg, NULL, 0);
			break;
		case 'e':
			opt->enough = strtoul(optarg, NULL, 0);
			break;
		case 'o':
			parse_only(optarg, opt);
			break;
		default:
			usage();
		}
	}
	if (!opt->base || !opt->record || !opt->states || optind != argc)
		usage();
}

int main(int argc, char **argv)
{
	struct options opt = { 0 };
	struct disk_state s;
	struct history h;
	struct state *states;
	size_t bytes, i;
	uint8_t *base;

	parse(argc, argv, &opt);
	base = read_file(opt.base, &bytes);
	disk_split(RAM, 1, 0, bytes);
	check_size(bytes);
	history_load(&h, opt.record, opt.start, opt.bytes);
	state_begin(&s, base, bytes);
	states = opt.have_only ? &opt.only : draw_states(&opt, &h);
	for (i = 0; i < opt.states && !(opt.enough && bad_states >= opt.enough); i++) {
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
	printf("campaign module_crash: tried=%zu violations=%zu seed=%llu\n", i, bad_states,
	       (unsigned long long)opt.seed);
	return bad_states ? 1 : 0;
}
