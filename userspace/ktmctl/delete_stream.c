// SPDX-License-Identifier: GPL-2.0
/* ktmctl delete-stream: gives back what a stream holds whose program is not coming back. */
#include "ktmctl.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

/**
 * struct target - the stream that is meant
 * @tm: its TM, as the user named it
 * @name: the stream, as the user named it
 * @guid: of the stream
 */
struct target {
	const char *tm;
	const char *name;
	struct ktm_guid guid;
};

static int complain_of(const struct target *target, int error, uint32_t status)
{
	switch (status) {
	case KTM_STATUS_STREAM_NOT_FOUND:
		return complain("transaction manager %s has no stream '%s' (ktmctl status shows them)",
				target->tm, target->name);
	case KTM_STATUS_TM_NOT_ONLINE:
		return complain("%s: the transaction manager is not online; ktmctl recover %s comes first",
				target->name, target->tm);
	case KTM_STATUS_OBJECT_BUSY:
		return complain("%s: a transaction that is prepared will write into it; it has to end first (ktmctl status shows whom it waits for)",
				target->name);
	case KTM_STATUS_IO_ERROR:
		return complain("%s: the log failed; whether it is deleted ktmctl recover %s finds out",
				target->name, target->tm);
	default:
		return complain_status(target->name, error, status);
	}
}

/* What looks like a GUID may be a name all the same. */
static int open_target(int tm, struct target *target, uint32_t *status)
{
	const uint32_t access = KTM_STREAM_QUERY_INFORMATION | KTM_STREAM_MANAGE;
	int stream;

	if (!ktm_guid_parse(target->name, &target->guid)) {
		stream = ktm_stream_open(tm, &target->guid, access, status);
		if (stream != -ENOENT)
			return stream;
	}
	return ktm_stream_open_name(tm, target->name, access, &target->guid, status);
}

static int delete(int tm, struct target *target, bool force)
{
	struct ktm_stream_info info;
	char text[KTM_GUID_STRING];
	uint32_t status;
	int stream, ret;

	stream = open_target(tm, target, &status);
	if (stream < 0)
		return complain_of(target, stream, status);
	ret = ktm_stream_query(stream, &info, &status);
	if (!ret && info.records && !force) {
		close(stream);
		return complain("%s: it has %llu live records of %llu bytes: what its program has yet to bring into its own store is lost with them, for ever; --force deletes them",
				target->name, info.records, info.bytes);
	}
	if (!ret)
		ret = ktm_stream_delete(stream, &status);
	close(stream);
	if (ret)
		return complain_of(target, ret, status);
	printf("stream %s is deleted, and %llu live records with it; %llu bytes of quota are free again\n",
	       ktm_guid_format(&target->guid, text), info.records, info.quota);
	return DONE;
}

int command_delete_stream(int argc, char **argv)
{
	static const struct option known[] = {
		{ "force", no_argument, NULL, 'f' },
		{ 0 },
	};
	struct target target = { 0 };
	struct ktm_guid guid;
	bool force = false;
	int option, tm, ret;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option != 'f')
			return complain_option(option, "delete-stream", argv);
		force = true;
	}
	if (argc - optind != 2)
		return complain_usage("delete-stream: which transaction manager, which stream?");
	target.tm = argv[optind];
	target.name = argv[optind + 1];
	ret = parse_tm(target.tm, &guid);
	if (ret)
		return ret;
	if (!*target.name)
		return complain_usage("delete-stream: no stream has an empty name");
	tm = open_by_guid(target.tm, KTM_TM_QUERY_INFORMATION, &guid);
	if (tm < 0)
		return FAILED;
	ret = delete(tm, &target, force);
	close(tm);
	return ret;
}
