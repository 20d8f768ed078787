// SPDX-License-Identifier: GPL-2.0
/* ktmctl freeze, thaw: no commit while snapshots of several devices are made. */
#include "ktmctl.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define NSEC_PER_SEC	1000000000ull

#define DEFAULT_WAIT	10
#define DEFAULT_FOR	30
#define MAX_SECONDS	(KTM_MAX_FREEZE_NS / NSEC_PER_SEC)

static int parse_seconds(const char *text, uint64_t least, uint64_t *ns)
{
	unsigned long long seconds;
	char *end;

	seconds = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || seconds < least || seconds > MAX_SECONDS)
		return complain_usage("'%s' is no time (%llu to %llu seconds)", text,
				      (unsigned long long)least, (unsigned long long)MAX_SECONDS);
	*ns = seconds * NSEC_PER_SEC;
	return DONE;
}

static int freeze(uint64_t wait_ns, uint64_t thaw_ns)
{
	uint32_t status;
	int ret, ktm;

	ktm = open_ktm();
	if (ktm < 0)
		return FAILED;
	ret = ktm_freeze(ktm, wait_ns, thaw_ns, &status);
	if (ret == -ETIMEDOUT)
		return complain("commits are still under way; nothing is frozen");
	if (ret)
		return complain_status("freeze", ret, status);
	printf("frozen for %llu seconds or until ktmctl thaw\n",
	       (unsigned long long)(thaw_ns / NSEC_PER_SEC));
	return DONE;
}

int command_freeze(int argc, char **argv)
{
	static const struct option known[] = {
		{ "wait", required_argument, NULL, 'w' },
		{ "for", required_argument, NULL, 'f' },
		{ 0 },
	};
	uint64_t wait_ns = DEFAULT_WAIT * NSEC_PER_SEC, thaw_ns = DEFAULT_FOR * NSEC_PER_SEC;
	int option, ret = DONE;

	while (!ret && (option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (option == 'w')
			ret = parse_seconds(optarg, 0, &wait_ns);
		else if (option == 'f')
			ret = parse_seconds(optarg, 1, &thaw_ns);
		else
			ret = complain_option(option, "freeze", argv);
	}
	if (ret)
		return ret;
	if (optind != argc)
		return complain_usage("freeze takes no arguments");
	return freeze(wait_ns, thaw_ns);
}

int command_thaw(int argc, char **argv)
{
	uint32_t status;
	int ret, ktm;

	(void)argv;
	if (argc != 1)
		return complain_usage("thaw takes no arguments");
	ktm = open_ktm();
	if (ktm < 0)
		return FAILED;
	ret = ktm_thaw(ktm, &status);
	if (ret)
		return complain_status("thaw", ret, status);
	puts("thawed");
	return DONE;
}
