// SPDX-License-Identifier: GPL-2.0
/*
 * Documentation/state-diagrams.md, drawn from the tables of the core: worlds of
 * two participants and a superior are walked through as in protocol_exhaustive,
 * and what each cell came to is written down.
 *
 * Usage: protocol_diagrams [FILE]
 *
 * Prints the document. With FILE: whether that is the document, as a test.
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol_moves.h"
#include "protocol_names.h"
#include "protocol_search.h"

#define KINDS(k)	k, ARRAY_SIZE(k)
#define D		(KIND_DURABLE | KIND_RECOVERY)
#define V		KIND_RECOVERY
#define S		(KIND_DURABLE | KIND_PHASES | KIND_REST)

static const u8 some[] = { D, D | KIND_P | KIND_S, V, V | KIND_P | KIND_S | KIND_D };
static const u8 below[] = { D, V | KIND_P };
static const u8 above[] = { S, S | KIND_REQUEST };
static const u8 bare[] = { KIND_DURABLE };

static const struct config configs[] = {
	{ "two", 2, { 0, 1, 2, 3 }, KINDS(some), NULL, 0, LOG_WHOLE },
	{ "two under a superior", 2, { 0, 1, 2, 3 }, KINDS(below), KINDS(above), LOG_WHOLE },
	{ "one under a superior that asks for little", 1, { 0, 1, 2, 3 }, KINDS(below),
	  KINDS(bare), LOG_WHOLE },
};

/**
 * struct table - one of the three
 * @mover: whose events
 * @title: for people
 * @states: their names
 * @nr_states: how many
 * @events: their names
 * @nr_events: how many
 */
struct table {
	enum mover mover;
	const char *title;
	const char *const *states;
	int nr_states;
	const char *const *events;
	int nr_events;
};

static const struct table tables[] = {
	{ BY_TX, "Transaction", tx_state_names, KTM_NR_TX_STATES, tx_event_names,
	  KTM_NR_TX_EVENTS },
	{ BY_PARTICIPANT, "Participant", en_state_names, KTM_NR_EN_STATES, en_event_names,
	  KTM_NR_EN_EVENTS },
	{ BY_SUPERIOR, "Superior", en_state_names, KTM_NR_EN_STATES, en_event_names,
	  KTM_NR_EN_EVENTS },
};

#define STATUS(st)	[KTM_STATUS_##st] = #st
static const char *const status_names[64] = {
	STATUS(REQUEST_NOT_VALID), STATUS(NOT_REQUESTED), STATUS(ALREADY_ABORTED),
	STATUS(ALREADY_COMMITTED), STATUS(SUPERIOR_EXISTS), STATUS(NOT_SUPERIOR),
	STATUS(RESPONSE_NOT_ENLISTED), STATUS(TRANSACTION_NOT_ACTIVE),
	STATUS(ENLISTMENT_NOT_FOUND), STATUS(LOG_CORRUPTION_DETECTED),
};

/* No colon: it would end the label of an arrow. */
static const char *const whose[NR_MOVERS] = { "", "participant's ", "superior's " };

/* Prints what comes between two of a list. */
static void between(FILE *f, bool *first, const char *what)
{
	if (!*first)
		fputs(what, f);
	*first = false;
}

/* ---- diagrams ---- */

/* The events of anybody that take a transaction from one state to another. */
static bool tx_label(FILE *f, int from, int to)
{
	bool first = true;
	size_t t;
	int ev;

	for (t = 0; t < ARRAY_SIZE(tables); t++) {
		for (ev = 0; ev < tables[t].nr_events; ev++) {
			if (!(tx_moves[tables[t].mover][from][ev] & 1u << to))
				continue;
			if (first)
				fprintf(f, "    %s --> %s: ", tx_state_names[from],
					tx_state_names[to]);
			between(f, &first, ", ");
			fprintf(f, "%s%s", whose[tables[t].mover], tables[t].events[ev]);
		}
	}
	return !first;
}

/* Its own events, and the states of the transaction that take it along. */
static bool en_label(FILE *f, const struct table *table, int from, int to)
{
	u32 along = follow_moves[table->mover][from][to];
	bool first = true;
	int i;

	for (i = 0; i < table->nr_events; i++) {
		if (!(cell_moves[table->mover][from][i].own & 1u << to))
			continue;
		if (first)
			fprintf(f, "    %s --> %s: ", en_state_names[from], en_state_names[to]);
		between(f, &first, ", ");
		fputs(table->events[i], f);
	}
	for (i = 0; i < KTM_NR_TX_STATES; i++) {
		if (!(along & 1u << i))
			continue;
		if (first)
			fprintf(f, "    %s --> %s: ", en_state_names[from], en_state_names[to]);
		between(f, &first, ", ");
		fprintf(f, "(%s)", tx_state_names[i]);
	}
	return !first;
}

static void diagram(FILE *f, const struct table *table)
{
	int from, to;

	fprintf(f, "```mermaid\nstateDiagram-v2\n    [*] --> ACTIVE\n");
	for (from = 0; from < table->nr_states; from++) {
		for (to = 0; to < table->nr_states; to++) {
			if (from == to)
				continue;
			if (table->mover == BY_TX ? tx_label(f, from, to) :
						    en_label(f, table, from, to))
				fputc('\n', f);
		}
	}
	fputs("```\n\n", f);
}

/* ---- tables ---- */

static void refusals(FILE *f, const struct table *table, int state)
{
	int status, ev;

	for (status = 0; status < 64; status++) {
		bool first = true;

		for (ev = 0; ev < table->nr_events; ev++) {
			if (!(cell_moves[table->mover][state][ev].refused & 1ull << status))
				continue;
			if (first)
				fprintf(f, "- %s: ",
					status_names[status] ? status_names[status] : "?");
			between(f, &first, ", ");
			fputs(table->events[ev], f);
			/* It depends on more than the state. */
			if (cell_moves[table->mover][state][ev].own)
				fputs(" (at times)", f);
		}
		if (!first)
			fputs(";\n", f);
	}
}

static void accepted(FILE *f, const struct table *table, int state)
{
	int ev, to;

	fputs("| event | state then |\n| --- | --- |\n", f);
	for (ev = 0; ev < table->nr_events; ev++) {
		u32 own = cell_moves[table->mover][state][ev].own;
		bool first = true;

		if (!own)
			continue;
		fprintf(f, "| %s | ", table->events[ev]);
		if (own == 1u << state) {
			fputs("stays |\n", f);
			continue;
		}
		for (to = 0; to < table->nr_states; to++) {
			if (!(own & 1u << to))
				continue;
			between(f, &first, ", ");
			fputs(table->states[to], f);
		}
		fputs(" |\n", f);
	}
}

/* A superior's table has rows that nothing leads to. */
static bool occurs(const struct table *table, int state)
{
	int ev;

	for (ev = 0; ev < table->nr_events; ev++)
		if (cell_moves[table->mover][state][ev].own ||
		    cell_moves[table->mover][state][ev].refused)
			return true;
	return false;
}

static void rows(FILE *f, const struct table *table)
{
	int state;

	for (state = 0; state < table->nr_states; state++) {
		fprintf(f, "### %s: %s\n\n", table->title, table->states[state]);
		if (!occurs(table, state)) {
			fputs("Never: nobody decides alone where there is a superior.\n\n", f);
			continue;
		}
		accepted(f, table, state);
		fputs("\nRefused:\n\n", f);
		refusals(f, table, state);
		fputc('\n', f);
	}
}

static void document(FILE *f)
{
	size_t t;

	fputs("# The states of transactions and enlistments\n\n"
	      "Generated: `selftests/core/protocol_diagrams` walks through every world of two\n"
	      "participants and a superior, with the code of `kernel/core/`, and writes down what each\n"
	      "cell of the tables in `kernel/core/protocol_table.c` came to. The test\n"
	      "`core/protocol_diagrams` fails when this file is another than it prints. To make it anew:\n\n"
	      "    make -C selftests/core\n"
	      "    build/selftests/core/protocol_diagrams >Documentation/state-diagrams.md\n\n"
	      "The words: `uapi/linux/ktm.h` says what the states are. The seal is the prepared record of\n"
	      "a superior, forced before it is told that all are prepared. \"Handed over\" is the moment\n"
	      "from which a record may survive a crash, \"durable\" the one from which it must. In the\n"
	      "diagrams an arrow names the events that lead along it; of an enlistment first its own, then,\n"
	      "in brackets, the state of the transaction that takes it along. What a crash leaves in the\n"
	      "log comes back as COMMITTING, ABORTING or SUPERIOR_INDOUBT, and as INDOUBT while the log is\n"
	      "rolled forward short of a decision.\n\n", f);
	for (t = 0; t < ARRAY_SIZE(tables); t++) {
		fprintf(f, "## %s\n\n", tables[t].title);
		diagram(f, &tables[t]);
	}
	fputs("## What each event comes to\n\n"
	      "Everything that can happen in each state, also out of order. A refused event changes\n"
	      "nothing. \"At times\": the same event is also accepted in that state; it depends on who is\n"
	      "present, on what is in the log, or on who else takes part.\n\n", f);
	for (t = 0; t < ARRAY_SIZE(tables); t++)
		rows(f, &tables[t]);
}

static bool walk(void)
{
	bool fine = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(configs); i++) {
		struct search se = { .cfg = &configs[i] };

		search_run(&se);
		fine &= !se.violations;
		search_free(&se);
	}
	return fine;
}

/* Says where the two part. */
static bool same(const char *want, FILE *have)
{
	const char *line = want;
	int c, at = 1;

	while ((c = fgetc(have)) != EOF && c == *want) {
		if (c == '\n') {
			line = want + 1;
			at++;
		}
		want++;
	}
	if (c == EOF && !*want)
		return true;
	printf("# line %d should be: %.*s\n", at, (int)strcspn(line, "\n"), line);
	return false;
}

static int compare(const char *name)
{
	FILE *have = fopen(name, "r"), *f;
	bool all, ok;
	size_t size;
	char *text;

	printf("TAP version 13\n1..2\n");
	all = walk() && !coverage_gaps();
	printf("%s 1 - every cell that can be reached is in the diagrams\n", all ? "ok" : "not ok");
	f = open_memstream(&text, &size);
	if (!have || !f) {
		printf("Bail out! cannot read %s, or no memory\n", name);
		return 1;
	}
	document(f);
	fclose(f);
	ok = same(text, have);
	printf("%s 2 - %s is what the tables say\n", ok ? "ok" : "not ok", name);
	fclose(have);
	free(text);
	return !(all && ok);
}

int main(int argc, char **argv)
{
	if (argc > 2) {
		fprintf(stderr, "usage: %s [FILE]\n", argv[0]);
		return 2;
	}
	if (argc == 2)
		return compare(argv[1]);
	if (!walk())
		return 1;
	document(stdout);
	return 0;
}
