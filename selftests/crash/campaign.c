// SPDX-License-Identifier: GPL-2.0
/*
 * Which states are tried, and how many of them are wrong.
 */
#include "campaign.h"

#include "calls.h"
#include "judge.h"
#include "state.h"

#include "../cut/prng.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct state *current;
static size_t violations, bad_states;
static bool bad;

void violation(const char *format, ...)
{
	va_list args;

	violations++;
	bad_states += !bad;
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

uint8_t *campaign_base(const char *path, size_t *bytes)
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

void state_try(const struct state *state)
{
	current = state;
	bad = false;
}

bool state_is_bad(void)
{
	return bad;
}

size_t campaign_bad(void)
{
	return bad_states;
}

static int by_place(const void *a, const void *b)
{
	const struct state *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

struct state *campaign_states(const struct options *opt, const struct history *h)
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
	die("usage: %s --base IMAGE --record LOG [--part START:BYTES] --seed N\n"
	    "\t(--states N [--twice EVERY] [--enough BAD] | --only AT:SEED[:2]) [--keep EVERY:DIR]",
	    program_invocation_short_name);
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

void campaign_parse(int argc, char **argv, struct options *opt)
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
		{ "keep", required_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned long long start, bytes;
	char *end;
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
		case 'k':
			opt->keep_each = strtoul(optarg, &end, 10);
			if (!opt->keep_each || *end != ':')
				usage();
			opt->keep = end + 1;
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
