// SPDX-License-Identifier: GPL-2.0
/* ktmctl: what an administrator does with transaction managers. */
#include "journal_format.h"
#include "ktmctl.h"

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"ktmctl journal format [--force] [--size SIZE] [--tm-guid GUID] DEVICE|FILE\n"
	"	makes a journal of the device; with --size of a file, too\n"
	"ktmctl journal check DEVICE|FILE\n"
	"	tells what is wrong with a journal, and what recovery would do\n"
	"ktmctl journal stat [--json] DEVICE|FILE\n"
	"	tells how full a journal is and what lives in it\n"
	"ktmctl journal dump [--json] [--uow GUID] [--stream ID] [--from LSN] DEVICE|FILE\n"
	"	shows all that stands in a journal\n"
	"ktmctl start [--mode MODE] [--discard] [--persist] [--until CLOCK] DEVICE|FILE\n"
	"	opens the journal's transaction manager and keeps it until SIGTERM;\n"
	"	with --persist it stays until ktmctl offline; with --discard the device is\n"
	"	told which part of the log is not needed any more\n"
	"ktmctl offline GUID\n"
	"	ends a transaction manager that was started with --persist\n"
	"ktmctl recover [--until CLOCK] GUID [DEVICE]\n"
	"	brings a transaction manager back whose device had failed, or one\n"
	"	further that was recovered up to a virtual clock only\n"
	"ktmctl rename [--tm-guid GUID] DEVICE|FILE\n"
	"	gives a journal's transaction manager another GUID\n"
	"ktmctl status [--json]\n"
	"	shows transaction managers, their logs and log streams, resource managers\n"
	"	and transactions\n"
	"ktmctl delete-stream [--force] TM-GUID NAME|GUID\n"
	"	deletes a log stream whose program is not coming back; with --force one\n"
	"	that has records still\n"
	"ktmctl freeze [--wait SECONDS] [--for SECONDS]\n"
	"	lets no transaction commit for a while; ktmctl thaw ends that\n"
	"ktmctl --version\n"
	"	tells which interface of the module and which journals it knows\n"
	"\n"
	"Exit code: 0 done, 1 failed, 2 wrong usage, 3 and 4 a damaged journal. The manual: man ktmctl\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "journal", command_journal },
	{ "start", command_start },
	{ "offline", command_offline },
	{ "recover", command_recover },
	{ "rename", command_rename },
	{ "status", command_status },
	{ "delete-stream", command_delete_stream },
	{ "freeze", command_freeze },
	{ "thaw", command_thaw },
};

static void complain_va(const char *format, va_list arguments)
{
	fputs("ktmctl: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

int complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain_va(format, arguments);
	va_end(arguments);
	return FAILED;
}

int complain_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain_va(format, arguments);
	va_end(arguments);
	fputs("Try 'ktmctl --help'.\n", stderr);
	return USAGE;
}

int complain_option(int returned, const char *command, char **argv)
{
	const char *last = argv[optind - 1];

	if (returned == ':')
		return complain_usage("%s: %s wants a value", command, last);
	/* Of a long one that is known, the number that getopt_long() would have returned. */
	if (optopt && strchr(last, '='))
		return complain_usage("%s: %s: it takes no value", command, last);
	if (optopt)
		return complain_usage("%s: unknown option -%c", command, optopt);
	return complain_usage("%s: unknown option %s", command, last);
}

uint64_t parse_size(const char *text)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t size;
	char *end;

	if (!isdigit((unsigned char)*text))
		return 0;
	size = strtoull(text, &end, 10);
	if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit || end[1] || size > UINT64_MAX >> 10 * (unit - units + 1))
			return 0;
		size <<= 10 * (unit - units + 1);
	}
	return size;
}

/* Of any command: who asks for help may be in the middle of a line. */
static bool asks_for_help(char **argv)
{
	if (!strcmp(argv[1], "help"))
		return true;
	while (*++argv && strcmp(*argv, "--")) {
		if (!strcmp(*argv, "--help") || !strcmp(*argv, "-h"))
			return true;
	}
	return false;
}

static int run(int argc, char **argv)
{
	size_t i;

	if (asks_for_help(argv)) {
		fputs(usage, stdout);
		return DONE;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("ktmctl of ktm for Linux: interface %u of the module, journals of version %u\n",
		       KTM_ABI_VERSION, KTM_JF_VERSION);
		return DONE;
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	}
	return complain_usage("'%s' is no command", argv[1]);
}

int main(int argc, char **argv)
{
	int ret;

	/* Its words would begin with the command's name instead of ours. */
	opterr = 0;
	if (argc < 2)
		return complain_usage("which command?");
	ret = run(argc, argv);
	/* A full disk behind standard output must not look like success. */
	if (fflush(stdout) || ferror(stdout))
		return complain("cannot write to standard output");
	return ret;
}
