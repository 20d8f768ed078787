/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The line that says how a run of the model ended, printed from within spin's
 * verifier the first time that it comes to such an end. README.md explains it.
 */

#include <stdio.h>
#include <string.h>

struct outcome {
	int n, superior;
	int client;
	int enlisted[3], end[3], gone[3];
	int sup_end, sup_gone;
	int forces;
	int crashed, failed, died, left, sup_died, timed_out;
};

/* In the order of the numbers in ktm.pml. */
static const char *const outcome_client[] = {
	"NONE", "IN_COMMIT", "IN_ROLLBACK", "COMMITTED", "ABORTED", "INDOUBT", "ROLLBACK", "CLOSED",
	"REFUSED", "LOST",
};
static const char *const outcome_end[] = {
	"PREPARED", "COMMITTED", "ABORTED", "READ_ONLY", "DISCONNECTED", "CLOSED",
};

static void outcome_fault(char *list, int happened, const char *name)
{
	if (!happened)
		return;
	if (*list)
		strcat(list, ",");
	strcat(list, name);
}

/* There are some ten thousand different lines at most. */
static int outcome_seen(const char *line)
{
	static char *seen[1 << 18];
	unsigned int h = 5381;
	const char *p;

	for (p = line; *p; p++)
		h = h * 33 + (unsigned char)*p;
	for (h &= 0x3ffff; seen[h]; h = (h + 1) & 0x3ffff)
		if (!strcmp(seen[h], line))
			return 1;
	seen[h] = strdup(line);
	return !seen[h];
}

static void outcome_line(const struct outcome *o)
{
	char line[256], faults[64] = "", name[8];
	int i, len;

	len = sprintf(line, "client=%s", outcome_client[o->client]);
	for (i = 0; i < o->n; i++)
		len += sprintf(line + len, " en%d=%s", i + 1, !o->enlisted[i] ? "ABSENT" :
			       !o->end[i] && o->gone[i] ? "GONE" : outcome_end[o->end[i]]);
	if (o->superior)
		len += sprintf(line + len, " sup=%s", !o->sup_end && o->sup_gone ? "GONE" :
			       outcome_end[o->sup_end]);
	outcome_fault(faults, o->crashed, "c");
	outcome_fault(faults, o->failed, "j");
	for (i = 0; i < o->n; i++) {
		sprintf(name, "r%d", i + 1);
		outcome_fault(faults, o->died & 1 << i, name);
	}
	for (i = 0; i < o->n; i++) {
		sprintf(name, "g%d", i + 1);
		outcome_fault(faults, o->left & 1 << i, name);
	}
	outcome_fault(faults, o->sup_died, o->sup_gone ? "gs" : "s");
	outcome_fault(faults, o->timed_out, "t");
	sprintf(line + len, " forces=%d faults=%s", o->forces, *faults ? faults : "none");
	if (!outcome_seen(line))
		puts(line);
}
