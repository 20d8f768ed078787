// SPDX-License-Identifier: GPL-2.0
/* ktmctl journal: what is done with a journal that no transaction manager has open. */
#include "ktmctl.h"

#include <string.h>

int command_journal(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {
		{ "format", journal_format },
		{ "check", journal_check },
		{ "dump", journal_dump },
		{ "stat", journal_stat },
	};
	size_t i;

	if (argc < 2)
		return complain_usage("journal: format, check, dump or stat?");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	}
	return complain_usage("'%s' is nothing to do with a journal", argv[1]);
}
