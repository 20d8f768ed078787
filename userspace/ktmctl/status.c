// SPDX-License-Identifier: GPL-2.0
/* ktmctl status: what there is and who waits for whom. */
#include "ktmctl.h"
#include "report.h"

#include <getopt.h>

int command_status(int argc, char **argv)
{
	static const struct option known[] = {
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	struct report report;
	bool json = false;
	int option, ret;

	while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (option != 'j')
			return complain_option(option, "status", argv);
		json = true;
	}
	if (optind != argc)
		return complain_usage("status takes no arguments");

	ret = collect(&report);
	if (!ret && json)
		print_json(&report);
	else if (!ret)
		print_text(&report);
	free_report(&report);
	return ret;
}
