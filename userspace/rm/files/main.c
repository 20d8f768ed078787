// SPDX-License-Identifier: GPL-2.0
/*
 * ktm-rm-files: a resource manager that owns a directory tree.
 */
#include "store.h"

int main(int argc, char **argv)
{
	return rm_program_main(&files_program, argc, argv);
}
