// SPDX-License-Identifier: GPL-2.0
/* What is done with a transaction manager from outside: recover, offline, rename. */
#include "ktmctl.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int parse_clock(const char *text, uint64_t *clock)
{
	char *end;

	errno = 0;
	*clock = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || !*clock || errno)
		return complain_usage("'%s' is no virtual clock (ktmctl status shows it)", text);
	return DONE;
}

int recover_tm(int tm, int device, uint64_t clock, const char *what)
{
	uint32_t status;
	int ret;

	if (clock)
		ret = ktm_tm_rollforward(tm, device, clock, &status);
	else
		ret = ktm_tm_recover(tm, device, &status);
	if (clock && ret == -EPROTO)
		return complain("%s: it is online, there is nothing to recover", what);
	return ret ? complain_status(what, ret, status) : DONE;
}

int print_recovered(int tm, const struct ktm_guid *guid, const char *where)
{
	char text[KTM_GUID_STRING];
	struct ktm_tm_info info;
	uint32_t status;
	int ret;

	ktm_guid_format(guid, text);
	ret = ktm_tm_query(tm, &info, &status);
	if (ret)
		return complain_status(text, ret, status);
	printf("transaction manager %s is %s", text, ktm_tm_state_name(info.state));
	if (info.state == KTM_TM_STATE_ROLLED_FORWARD)
		printf(" to virtual clock %" PRIu64, (uint64_t)info.virtual_clock);
	if (where)
		printf(" (%s)", where);
	putchar('\n');
	return DONE;
}

int open_by_guid(const char *text, uint32_t access, struct ktm_guid *guid)
{
	uint32_t status;
	int ktm, tm;

	ktm = open_ktm();
	if (ktm < 0)
		return ktm;
	tm = ktm_tm_open(ktm, guid, 0, access, &status);
	close(ktm);
	if (tm < 0)
		complain_status(text, tm, status);
	return tm;
}

int parse_tm(const char *text, struct ktm_guid *guid)
{
	if (ktm_guid_parse(text, guid))
		return complain_usage("'%s' is no GUID (ktmctl status shows them)", text);
	return DONE;
}

/* ---- recover ---- */

static int recover(const char *name, const char *path, uint64_t clock)
{
	struct ktm_guid guid;
	int ret, tm, device = -1;

	ret = parse_tm(name, &guid);
	if (ret)
		return ret;
	tm = open_by_guid(name, KTM_TM_RECOVER | KTM_TM_QUERY_INFORMATION, &guid);
	if (tm < 0)
		return FAILED;
	if (path) {
		device = open(path, O_RDWR | O_CLOEXEC);
		if (device < 0)
			return complain("%s: %s", path, strerror(errno));
	}
	ret = recover_tm(tm, device, clock, name);
	return ret ? ret : print_recovered(tm, &guid, NULL);
}

int command_recover(int argc, char **argv)
{
	static const struct option known[] = {
		{ "until", required_argument, NULL, 'u' },
		{ 0 },
	};
	uint64_t clock = 0;
	int option, ret;

	while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (option != 'u')
			return complain_option(option, "recover", argv);
		ret = parse_clock(optarg, &clock);
		if (ret)
			return ret;
	}
	argc -= optind;
	argv += optind;
	if (argc != 1 && argc != 2)
		return complain_usage("recover: which transaction manager?");
	return recover(argv[0], argc == 2 ? argv[1] : NULL, clock);
}

/* ---- offline ---- */

int command_offline(int argc, char **argv)
{
	struct ktm_guid guid;
	uint32_t status;
	int ret, tm;

	if (argc != 2)
		return complain_usage("offline: which transaction manager?");
	ret = parse_tm(argv[1], &guid);
	if (ret)
		return ret;
	tm = open_by_guid(argv[1], KTM_TM_RECOVER, &guid);
	if (tm < 0)
		return FAILED;
	ret = ktm_tm_offline(tm, &status);
	if (ret == -EPROTO)
		return complain("%s: it was not started with --persist and goes with its last user",
				argv[1]);
	if (ret)
		return complain_status(argv[1], ret, status);
	printf("transaction manager %s is offline\n", argv[1]);
	return DONE;
}

/* ---- rename ---- */

static int rename_tm(const char *path, struct ktm_guid *guid)
{
	char before[KTM_GUID_STRING], after[KTM_GUID_STRING];
	struct ktm_guid found = { 0 };
	int ret, ktm, device, tm;
	uint32_t status;
	char *loop;

	ktm = open_ktm();
	if (ktm < 0)
		return FAILED;
	device = device_open_for_tm(path, &loop);
	if (device < 0)
		return FAILED;
	free(loop);
	/* Made and not recovered: so nobody can have learned its name from it. */
	tm = ktm_tm_create(ktm, device, 0, KTM_TM_ALL_ACCESS, 0, &found, &status);
	ktm_guid_format(&found, before);
	if (tm == -EEXIST)
		return complain("%s: transaction manager %s is in use", path, before);
	if (tm < 0)
		return complain_status(path, tm, status);
	ret = ktm_tm_rename(tm, guid, &status);
	if (ret)
		return complain_status(path, ret, status);
	printf("transaction manager %s is now %s\n", before, ktm_guid_format(guid, after));
	return DONE;
}

int command_rename(int argc, char **argv)
{
	static const struct option known[] = {
		{ "tm-guid", required_argument, NULL, 'g' },
		{ 0 },
	};
	struct ktm_guid guid = { 0 };
	int option;

	while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (option != 'g')
			return complain_option(option, "rename", argv);
		if (ktm_guid_parse(optarg, &guid) || ktm_guid_is_nil(&guid))
			return complain_usage("'%s' is no GUID", optarg);
	}
	if (argc - optind != 1)
		return complain_usage("rename: which device?");
	return rename_tm(argv[optind], &guid);
}
