// SPDX-License-Identifier: GPL-2.0
/*
 * ktm-cut - make the power go out.
 *
 * Turns the image a disk had at the start of a boot and the recorded log of
 * what was written to it into an image the disk may hold after the power went.
 */
#include "blocklog.h"
#include "image.h"
#include "plan.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage_text[] =
	"usage: ktm-cut apply --seed N [--entries K | --all]\n"
	"                     [--policy random|keep-all|drop-all] [--sector BYTES]\n"
	"                     BASE LOG OUT [BASE LOG OUT]...\n"
	"       ktm-cut list LOG\n"
	"       ktm-cut stat LOG\n"
	"       ktm-cut truncate LOG K OUT\n"
	"\n"
	"apply     writes to OUT what the disk with image BASE may hold when the power goes at\n"
	"          the end of LOG (or after K entries). Writes in front of the last flush are\n"
	"          there; each one behind it is kept, lost or torn, in any order, as the seed\n"
	"          says. Several disks get choices of their own from the one seed. A disk\n"
	"          keeps or loses --sector bytes as one: a power of two, 512 if not given.\n"
	"list      prints one line per entry of LOG.\n"
	"stat      prints counts, one `name value` per line.\n"
	"truncate  writes the first K entries of LOG to OUT, as a log.\n";

static int usage(void)
{
	fputs(usage_text, stderr);
	return 2;
}

static int parse_number(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (errno || end == text || *end || strchr(text, '-')) {
		fprintf(stderr, "ktm-cut: %s is not a number\n", text);
		return -1;
	}
	return 0;
}

static int clip_entries(const struct blocklog *log, const char *path, uint64_t wanted, size_t *nr)
{
	if (wanted > log->nr) {
		fprintf(stderr, "ktm-cut: %s: has %zu entries, not %llu\n", path, log->nr,
			(unsigned long long)wanted);
		return -1;
	}
	*nr = wanted;
	return 0;
}

struct apply_options {
	uint64_t seed;
	uint64_t entries;
	uint64_t sector;
	bool have_seed;
	bool all;
	enum cut_policy policy;
};

static int cut_disk(const struct apply_options *opt, unsigned int disk, char **paths)
{
	const char *base = paths[0], *log_path = paths[1], *out = paths[2];
	struct cut_plan plan = { 0 };
	struct blocklog log;
	uint64_t size;
	int fd, ret = -1;
	size_t nr;

	if (blocklog_open(&log, log_path))
		return -1;
	nr = log.nr;
	if (!opt->all && clip_entries(&log, log_path, opt->entries, &nr))
		goto out_log;
	fd = image_copy(base, out, &size);
	if (fd < 0)
		goto out_log;
	if (!image_check_log(base, size, &log, nr, log_path) &&
	    !cut_plan_make(&plan, &log, nr, opt->policy, (uint32_t)opt->sector,
			   prng_stream(opt->seed, disk)))
		ret = image_apply(fd, out, &log, &plan);
	if (close(fd) && !ret) {
		fprintf(stderr, "ktm-cut: %s: %s\n", out, strerror(errno));
		ret = -1;
	}
	if (ret)
		unlink(out);	/* half an image must not pass for a whole one */
	else
		printf("%s: %zu entries, %zu in front of the last flush; of %zu writes behind it %zu kept, %zu lost, %zu torn (%s%s)\n",
		       out, nr, plan.durable, plan.nr, plan.count[CUT_KEPT], plan.count[CUT_LOST],
		       plan.count[CUT_TORN], plan.mood, plan.shuffled ? ", out of order" : "");
	cut_plan_free(&plan);
out_log:
	blocklog_close(&log);
	return ret;
}

static int parse_policy(const char *text, enum cut_policy *policy)
{
	if (!strcmp(text, "random"))
		*policy = CUT_RANDOM;
	else if (!strcmp(text, "keep-all"))
		*policy = CUT_KEEP_ALL;
	else if (!strcmp(text, "drop-all"))
		*policy = CUT_DROP_ALL;
	else
		return -1;
	return 0;
}

static int cmd_apply(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "entries", required_argument, NULL, 'e' },
		{ "all", no_argument, NULL, 'a' },
		{ "policy", required_argument, NULL, 'p' },
		{ "sector", required_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	struct apply_options opt = {
		.all = true, .policy = CUT_RANDOM, .sector = BLOCKLOG_SECTOR,
	};
	bool said_all = false;
	int c, i;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's') {
			if (parse_number(optarg, &opt.seed))
				return 2;
			opt.have_seed = true;
		} else if (c == 'e') {
			if (parse_number(optarg, &opt.entries))
				return 2;
			opt.all = false;
		} else if (c == 'b') {
			if (parse_number(optarg, &opt.sector))
				return 2;
		} else if (c == 'a') {
			said_all = true;
		} else if (c != 'p' || parse_policy(optarg, &opt.policy)) {
			return usage();
		}
	}
	argc -= optind;
	argv += optind;
	if (opt.sector < BLOCKLOG_SECTOR || opt.sector > (1u << 20) ||
	    (opt.sector & (opt.sector - 1)))
		return usage();
	if (!opt.have_seed || (said_all && !opt.all) || !argc || argc % 3)
		return usage();
	for (i = 0; i < argc; i += 3)
		if (cut_disk(&opt, (unsigned int)i / 3, argv + i))
			return 1;
	return 0;
}

static int cmd_list(int argc, char **argv)
{
	struct blocklog log;
	size_t i;

	if (argc != 2)
		return usage();
	if (blocklog_open(&log, argv[1]))
		return 1;
	for (i = 0; i < log.nr; i++) {
		const struct blocklog_entry *e = &log.entries[i];

		printf("%zu %s%s%s%s", i,
		       e->flags & BLOCKLOG_MARK ? "mark" :
		       e->flags & BLOCKLOG_DISCARD ? "discard" :
		       e->length ? "write" : "flush",
		       e->length && (e->flags & BLOCKLOG_FLUSH) ? "+flush" : "",
		       e->flags & BLOCKLOG_FUA ? "+fua" : "",
		       e->flags & BLOCKLOG_METADATA ? "+meta" : "");
		if (e->length)
			printf(" at %llu length %llu", (unsigned long long)e->offset,
			       (unsigned long long)e->length);
		putchar('\n');
	}
	blocklog_close(&log);
	return 0;
}

static int cmd_stat(int argc, char **argv)
{
	uint64_t writes = 0, bytes = 0, discards = 0, flushes = 0, fua = 0, loose = 0, durable;
	struct blocklog log;
	size_t i;

	if (argc != 2)
		return usage();
	if (blocklog_open(&log, argv[1]))
		return 1;
	durable = blocklog_last_flush(&log, log.nr);
	for (i = 0; i < log.nr; i++) {
		const struct blocklog_entry *e = &log.entries[i];

		flushes += !!(e->flags & BLOCKLOG_FLUSH);
		fua += !!(e->flags & BLOCKLOG_FUA);
		discards += !!(e->flags & BLOCKLOG_DISCARD);
		if (e->data) {
			writes++;
			bytes += e->length;
		}
		if (i >= durable && blocklog_modifies(e) && !(e->flags & BLOCKLOG_FUA))
			loose++;
	}
	printf("entries %zu\nwrites %llu\nbytes %llu\nflushes %llu\nfua %llu\ndiscards %llu\n"
	       "unflushed %llu\nholes %zu\ntorn-bytes %llu\nclaimed %llu\n",
	       log.nr, (unsigned long long)writes, (unsigned long long)bytes,
	       (unsigned long long)flushes, (unsigned long long)fua, (unsigned long long)discards,
	       (unsigned long long)loose, log.holes, (unsigned long long)log.torn_bytes,
	       (unsigned long long)log.claimed);
	blocklog_close(&log);
	return 0;
}

static int cmd_truncate(int argc, char **argv)
{
	struct blocklog log;
	uint64_t wanted;
	size_t nr;
	int ret = 1;

	if (argc != 4)
		return usage();
	if (parse_number(argv[2], &wanted))
		return 2;
	if (blocklog_open(&log, argv[1]))
		return 1;
	if (!clip_entries(&log, argv[1], wanted, &nr) && !blocklog_truncate(&log, nr, argv[3]))
		ret = 0;
	blocklog_close(&log);
	return ret;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {
		{ "apply", cmd_apply },
		{ "list", cmd_list },
		{ "stat", cmd_stat },
		{ "truncate", cmd_truncate },
	};
	size_t i;
	int ret;

	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		ret = commands[i].run(argc - 1, argv + 1);
		if (fflush(stdout) && !ret) {
			perror("ktm-cut: standard output");
			ret = 1;
		}
		return ret;
	}
	return usage();
}
