// SPDX-License-Identifier: GPL-2.0
/*
 * ktm-rm-sqlite: a resource manager that owns an SQLite database.
 */
#include "store.h"

int main(int argc, char **argv)
{
	static const struct rm_program program = {
		.name = "ktm-rm-sqlite",
		.store_option = "db",
		.extra_option = "schema",
		.usage =
			"  --db PATH        the database; others may read it, nobody else writes it\n"
			"  --schema PATH    SQL that makes the tables, run once when it is new\n",
		.open = sql_open,
		.set_tm = sql_set_tm,
		.close = sql_close,
		.ops = {
			.load = sql_load,
			.request = sql_request,
			.prepare = sql_prepare,
			.commit = sql_commit,
			.forget = sql_forget,
		},
	};

	return rm_program_main(&program, argc, argv);
}
