// SPDX-License-Identifier: GPL-2.0
/*
 * ktmctl start: opens the transaction manager of a journal, and holds it, or has it
 * stay by itself.
 */
#define _GNU_SOURCE
#include "ktmctl.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A TM may go away between being found and being opened. */
#define OPEN_TRIES	100

/**
 * struct start_options - what the command line says
 * @mode: who may open the TM; 0: not said
 * @clock: where recovery stops; 0: at the end of the log
 * @discard: the device is told what of the log is not needed any more
 * @persist: the TM stays without us
 * @path: where the journal is
 */
struct start_options {
	uint32_t mode;
	uint64_t clock;
	bool discard;
	bool persist;
	const char *path;
};

static int parse_mode(const char *text, uint32_t *mode)
{
	unsigned long bits;
	char *end;

	bits = strtoul(text, &end, 8);
	*mode = (uint32_t)bits;
	if (!isdigit((unsigned char)*text) || *end || !bits || bits > 0777)
		return complain_usage("'%s' is no mode (as 0660)", text);
	return DONE;
}

static int parse_options(int argc, char **argv, struct start_options *options)
{
	static const struct option known[] = {
		{ "mode", required_argument, NULL, 'm' },
		{ "discard", no_argument, NULL, 'd' },
		{ "persist", no_argument, NULL, 'p' },
		{ "until", required_argument, NULL, 'u' },
		{ 0 },
	};
	int option, ret = DONE;

	memset(options, 0, sizeof(*options));
	while (!ret && (option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (option == 'm')
			ret = parse_mode(optarg, &options->mode);
		else if (option == 'u')
			ret = parse_clock(optarg, &options->clock);
		else if (option == 'd')
			options->discard = true;
		else if (option == 'p')
			options->persist = true;
		else
			ret = complain_option(option, "start", argv);
	}
	if (ret)
		return ret;
	if (argc - optind != 1)
		return complain_usage("start: which device?");
	options->path = argv[optind];
	return DONE;
}

static uint32_t creation_flags(const struct start_options *options)
{
	return (options->persist ? KTM_TM_PERSIST : 0) | (options->discard ? KTM_TM_DISCARD : 0);
}

/* Makes the TM, and says so, or opens the one that is there. Negative: complained. */
static int open_tm(int ktm, int device, const struct start_options *options, struct ktm_guid *guid,
		   bool *made)
{
	uint32_t status;
	int tm, tries;

	for (tries = 0; tries < OPEN_TRIES; tries++) {
		memset(guid, 0, sizeof(*guid));
		tm = ktm_tm_create(ktm, device, creation_flags(options),
				   KTM_TM_ALL_ACCESS, options->mode, guid, &status);
		*made = tm >= 0;
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

static int wait_for_signal(const sigset_t *signals)
{
	int number;

	if (fflush(stdout))
		return complain("cannot write to standard output");
	sigwait(signals, &number);
	return DONE;
}

/* It stays only if it was made so, by us or by somebody before us. */
static int leave(int tm, const struct start_options *options)
{
	struct ktm_tm_info info;
	uint32_t status;
	int ret = ktm_tm_query(tm, &info, &status);

	if (ret)
		return complain_status(options->path, ret, status);
	if (!(info.flags & KTM_TM_PERSIST))
		return complain("%s: its transaction manager is open already and will go with its "
				"last user", options->path);
	return DONE;
}

static int run(int tm, const struct start_options *options, const struct ktm_guid *guid,
	       const char *loop)
{
	char where[PATH_MAX];
	sigset_t signals;
	int ret;

	block_signals(&signals);
	snprintf(where, sizeof(where), "%s%s%s", options->path, loop ? " on " : "",
		 loop ? loop : "");
	ret = recover_tm(tm, -1, options->clock, options->path);
	if (ret)
		return ret;
	ret = print_recovered(tm, guid, where);
	if (ret)
		return ret;
	return options->persist ? leave(tm, options) : wait_for_signal(&signals);
}

int command_start(int argc, char **argv)
{
	struct start_options options;
	struct ktm_guid guid;
	int ret, ktm, device, tm;
	bool made;
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
	tm = open_tm(ktm, device, &options, &guid, &made);
	/* The TM has its own hold on the device. */
	close(device);
	if (tm < 0)
		return FAILED;
	ret = run(tm, &options, &guid, loop);
	/* What could not be recovered shall not stay, unless it had been there before us. */
	if (ret && options.persist && made)
		ktm_tm_offline(tm, NULL);
	close(tm);
	free(loop);
	return ret;
}
