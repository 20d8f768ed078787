// SPDX-License-Identifier: GPL-2.0
/*
 * ktm-rm-files: a resource manager that owns a directory tree.
 */
#include "store.h"

int main(int argc, char **argv)
{
	static const struct rm_program program = {
		.name = "ktm-rm-files",
		.store_option = "store",
		.extra_option = "max-size",
		.usage =
			"  --store PATH     directory of the store; committed files are in PATH/tree\n"
			"  --max-size N     largest file that is taken, in bytes (67108864)\n",
		.open = files_open,
		.set_tm = files_set_tm,
		.close = files_close,
		.ops = {
			.load = files_load,
			.request = files_request,
			.prepare = files_prepare,
			.commit = files_commit,
			.forget = files_forget,
		},
	};

	return rm_program_main(&program, argc, argv);
}
