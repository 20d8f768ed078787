// SPDX-License-Identifier: GPL-2.0
/*
 * ktm-rm-sqlite: a resource manager that owns an SQLite database.
 */
#include "store.h"

int main(int argc, char **argv)
{
	return rm_program_main(&sql_program, argc, argv);
}
