// SPDX-License-Identifier: GPL-2.0
/*
 * The command line of both programs.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ktm.h>

#include "log.h"
#include "options.h"

enum {
	OPT_STORE = 256,
	OPT_EXTRA,
	OPT_SOCKET,
	OPT_MODE,
	OPT_DEVICE,
	OPT_TM,
	OPT_WAIT,
	OPT_VOLATILE,
	OPT_QUOTA,
	OPT_HELP,
};

static void help(const struct rm_program *program)
{
	printf("usage: %s --%s PATH --socket PATH [--device PATH | --tm GUID] [options]\n\n%s"
	       "  --socket PATH    Unix socket that clients connect to\n"
	       "  --mode MODE      who may: permissions of the socket, octal (0600)\n"
	       "  --device PATH    block device with the transaction manager's journal\n"
	       "  --tm GUID        transaction manager; default: the one it worked with last\n"
	       "  --wait-for-tm    wait until there is such a transaction manager\n"
	       "  --quota BYTES    of the transaction manager's log for this store's stream\n"
	       "  --volatile       for a volatile one: what is prepared dies with a process\n"
	       "  --help           this text\n", program->name, program->store_option,
	       program->usage);
}

static int parse_mode(const char *text, mode_t *mode)
{
	char *end;
	unsigned long v = strtoul(text, &end, 8);

	if (end == text || *end || v > 0777)
		return -EINVAL;
	*mode = v;
	return 0;
}

static int parse_quota(const char *text, uint64_t *quota)
{
	char *end;

	errno = 0;
	*quota = strtoull(text, &end, 10);
	return errno || end == text || *end || *text == '-' || !*quota ? -EINVAL : 0;
}

int options_parse(const struct rm_program *program, int argc, char **argv,
		  struct rm_options *options)
{
	const struct option known[] = {
		{ program->store_option, required_argument, NULL, OPT_STORE },
		{ "socket", required_argument, NULL, OPT_SOCKET },
		{ "mode", required_argument, NULL, OPT_MODE },
		{ "device", required_argument, NULL, OPT_DEVICE },
		{ "tm", required_argument, NULL, OPT_TM },
		{ "wait-for-tm", no_argument, NULL, OPT_WAIT },
		{ "quota", required_argument, NULL, OPT_QUOTA },
		{ "volatile", no_argument, NULL, OPT_VOLATILE },
		{ "help", no_argument, NULL, OPT_HELP },
		{ program->extra_option, required_argument, NULL, OPT_EXTRA },
		{ 0 },
	};
	int c;

	memset(options, 0, sizeof(*options));
	options->mode = 0600;
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case OPT_STORE:
			options->store = optarg;
			break;
		case OPT_EXTRA:
			options->extra = optarg;
			break;
		case OPT_SOCKET:
			options->socket = optarg;
			break;
		case OPT_MODE:
			if (parse_mode(optarg, &options->mode)) {
				log_line("--mode wants permissions such as 0660");
				return -EINVAL;
			}
			break;
		case OPT_DEVICE:
			options->device = optarg;
			break;
		case OPT_TM:
			if (ktm_guid_parse(optarg, &options->tm)) {
				log_line("--tm wants a GUID");
				return -EINVAL;
			}
			break;
		case OPT_WAIT:
			options->wait_for_tm = true;
			break;
		case OPT_VOLATILE:
			options->is_volatile = true;
			break;
		case OPT_QUOTA:
			if (parse_quota(optarg, &options->quota)) {
				log_line("--quota wants a number of bytes");
				return -EINVAL;
			}
			break;
		case OPT_HELP:
			help(program);
			return 1;
		default:
			return -EINVAL;
		}
	}
	if (optind < argc || !options->store || !options->socket) {
		log_line("needs --%s and --socket and no further arguments; try --help",
			 program->store_option);
		return -EINVAL;
	}
	return 0;
}
