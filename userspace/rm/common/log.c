// SPDX-License-Identifier: GPL-2.0
/*
 * Messages for the administrator, to standard error.
 */
#include <stdarg.h>
#include <stdio.h>

#include "log.h"

static const char *name = "ktm-rm";

void log_name(const char *program)
{
	name = program;
}

void log_line(const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	/* In one write, so that lines of several programs do not mix. */
	fprintf(stderr, "%s: %s\n", name, line);
}
