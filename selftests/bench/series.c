// SPDX-License-Identifier: GPL-2.0
/* Numbers of several rounds, and how they are printed for the runner. */
#include "bench.h"

#include <stdarg.h>

void series_add(struct series *s, double value)
{
	if (s->count == MAX_ROUNDS)
		die("too many rounds");
	s->value[s->count++] = value;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median_of(double *values, size_t count)
{
	if (!count)
		die("no measurement at all");
	qsort(values, count, sizeof(*values), compare);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double series_median(const struct series *s)
{
	struct series sorted = *s;

	return median_of(sorted.value, sorted.count);
}

void report(const char *row, const char *unit, const struct series *floor,
	    const struct series *ours, const struct series *value, enum goal direction, double goal)
{
	struct series sorted = *value;
	double median = median_of(sorted.value, sorted.count);

	printf("@row\t%s\t%s\t", row, unit);
	if (floor)
		printf("%.6g", series_median(floor));
	else
		printf("-");
	printf("\t%.6g\t%.6g\t%.6g\t%.6g\t%s\t%.6g\n", series_median(ours), median, sorted.value[0],
	       sorted.value[sorted.count - 1], direction == AT_MOST ? "<=" : ">=", goal);
}

void remark(const char *row, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("@remark\t%s\t", row);
	vprintf(fmt, args);
	printf("\n");
	va_end(args);
}

void report_point(const char *who, unsigned int clients, const struct series *per_second)
{
	struct series sorted = *per_second;
	double median = median_of(sorted.value, sorted.count);

	printf("@point\t%s\t%u\t%.6g\t%.6g\t%.6g\n", who, clients, median, sorted.value[0],
	       sorted.value[sorted.count - 1]);
}
