// SPDX-License-Identifier: GPL-2.0
/*
 * In the virtual machine: measures one group of rows and prints them for
 * selftests/bench/report.awk.
 *
 * usage: ktm-bench [--quick] [--rounds N] [--journal DEVICE] [--disk DEVICE]
 *	  [--raw DEVICE] [--files DIRECTORY] [--pieces FILE] GROUP [DEVICE]...
 */
#include "bench.h"

#include <getopt.h>

struct bench_options bench = { .rounds = 7 };

static const struct {
	const char *name;
	void (*run)(void);
} groups[] = {
	{ "volatile", row_volatile },
	{ "kernel", row_kernel },
	{ "scale", row_scale },
	{ "open", row_open },
	{ "bytes", row_bytes },
	{ "durable", row_durable },
	{ "forced", row_forced },
	{ "group", row_group },
	{ "transfer", row_transfer },
	{ "curve", row_curve },
	{ "recovery", row_recovery },
};

static void usage(void)
{
	size_t i;

	fprintf(stderr, "usage: ktm-bench [--quick] [--rounds N] [--journal DEVICE] "
		"[--disk DEVICE] [--raw DEVICE] [--files DIRECTORY] [--pieces FILE] GROUP [DEVICE]...\n"
		"GROUP is one of");
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		fprintf(stderr, " %s", groups[i].name);
	fprintf(stderr, "\n");
	exit(2);
}

static void take_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "journal", required_argument, NULL, 'j' },
		{ "disk", required_argument, NULL, 'd' },
		{ "raw", required_argument, NULL, 'w' },
		{ "files", required_argument, NULL, 'f' },
		{ "pieces", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'q':
			bench.quick = true;
			bench.rounds = 1;
			break;
		case 'r':
			bench.rounds = (unsigned int)atoi(optarg);
			break;
		case 'j':
			bench.journal = optarg;
			break;
		case 'd':
			bench.disk = optarg;
			break;
		case 'w':
			bench.raw = optarg;
			break;
		case 'f':
			bench.files = optarg;
			break;
		case 'p':
			bench.pieces = optarg;
			break;
		default:
			usage();
		}
	}
	if (bench.rounds < 1 || bench.rounds > MAX_ROUNDS)
		die("--rounds wants 1 to %d", MAX_ROUNDS);
}

int main(int argc, char **argv)
{
	size_t i;

	take_options(argc, argv);
	if (argc == optind)
		usage();
	bench.devices = argv + optind + 1;
	bench.count = (unsigned int)(argc - optind - 1);
	/* What a child prints must not be there twice. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (!strcmp(groups[i].name, argv[optind])) {
			groups[i].run();
			return 0;
		}
	}
	usage();
}
