// SPDX-License-Identifier: GPL-2.0
/*
 * ktmctl start: holds a transaction manager, which lives only while somebody
 * does. ktmctl recover: brings one back that lost its device.
 */
#define _GNU_SOURCE
#include "ktmctl.h"

#include <ktm.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A TM may go away between being found and being opened. */
#define OPEN_TRIES	100

struct start_options {
	uint32_t mode;
	const char *path;
};

static int parse_options(int argc, char **argv, struct start_options *options)
{
	static const struct option known[] = {
		{ "mode", required_argument, NULL, 'm' },
		{ 0 },
	};
	int option;
	char *end;

	memset(options, 0, sizeof(*options));
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option != 'm')
			return complain_usage("start: unknown option");
		options->mode = (uint32_t)strtoul(optarg, &end, 8);
		if (*end || !options->mode || options->mode > 0777)
			return complain_usage("'%s' is no mode (as 0660)", optarg);
	}
	if (argc - optind != 1)
		return complain_usage("start: which device?");
	options->path = argv[optind];
	return DONE;
}

/* Makes the TM, or opens the one that is there. Negative: complained. */
static int open_tm(int ktm, int device, const struct start_options *options, struct ktm_guid *guid)
{
	uint32_t status;
	int tm, tries;

	for (tries = 0; tries < OPEN_TRIES; tries++) {
		memset(guid, 0, sizeof(*guid));
		tm = ktm_tm_create(ktm, device, 0, KTM_TM_ALL_ACCESS, options->mode, guid, &status);
		if (tm != -EEXIST)
			break;
		tm = ktm_tm_open(ktm, guid, 0, KTM_MAXIMUM_ALLOWED, &status);
		if (tm != -ENOENT)
			break;
	}
	if (tm < 0)
		complain_status(options->path, tm, status);
	return tm;
}

/* The signals are blocked from the start, so that none is lost before the wait. */
static void block_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGHUP);
	sigprocmask(SIG_BLOCK, signals, NULL);
}

static int hold(int tm, const struct start_options *options, const struct ktm_guid *guid,
		const char *loop)
{
	char text[KTM_GUID_STRING];
	sigset_t signals;
	uint32_t status;
	int ret, number;

	block_signals(&signals);
	ret = ktm_tm_recover(tm, -1, &status);
	if (ret)
		return complain_status(options->path, ret, status);
	printf("transaction manager %s is online (%s%s%s)\n", ktm_guid_format(guid, text),
	       options->path, loop ? " on " : "", loop ? loop : "");
	if (fflush(stdout))
		return complain("cannot write to standard output");
	sigwait(&signals, &number);
	return DONE;
}

int command_start(int argc, char **argv)
{
	struct start_options options;
	struct ktm_guid guid;
	int ret, ktm, device, tm;
	char *loop;

	ret = parse_options(argc, argv, &options);
	if (ret)
		return ret;
	ktm = open_ktm();
	if (ktm < 0)
		return FAILED;
	device = device_open_for_tm(options.path, &loop);
	if (device < 0)
		return FAILED;
	tm = open_tm(ktm, device, &options, &guid);
	/* The TM has its own hold on the device. */
	close(device);
	if (tm < 0)
		return FAILED;
	ret = hold(tm, &options, &guid, loop);
	close(tm);
	free(loop);
	return ret;
}

int command_recover(int argc, char **argv)
{
	struct ktm_guid guid;
	int ret, ktm, tm, device = -1;
	uint32_t status;

	if (argc != 2 && argc != 3)
		return complain_usage("recover: which transaction manager?");
	if (ktm_guid_parse(argv[1], &guid))
		return complain_usage("'%s' is no GUID (ktmctl status shows them)", argv[1]);
	ktm = open_ktm();
	if (ktm < 0)
		return FAILED;
	tm = ktm_tm_open(ktm, &guid, 0, KTM_TM_RECOVER, &status);
	if (tm < 0)
		return complain_status(argv[1], tm, status);
	if (argc == 3) {
		device = open(argv[2], O_RDWR | O_CLOEXEC);
		if (device < 0)
			return complain("%s: %s", argv[2], strerror(errno));
	}
	ret = ktm_tm_recover(tm, device, &status);
	if (ret)
		return complain_status(argv[1], ret, status);
	printf("transaction manager %s is online\n", argv[1]);
	return DONE;
}
