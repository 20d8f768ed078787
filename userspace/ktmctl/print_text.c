// SPDX-License-Identifier: GPL-2.0
/* ktmctl status for people. */
#include "ktmctl.h"
#include "report.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NSEC_PER_MSEC	UINT64_C(1000000)

static void print_description(const uint8_t *text, uint32_t length)
{
	if (length && length <= KTM_MAX_DESCRIPTION)
		utf8_print_quoted(text, length);
}

static void print_age(uint64_t ns)
{
	uint64_t seconds = ns / 1000 / NSEC_PER_MSEC;

	if (seconds < 60)
		printf("%" PRIu64 ".%03" PRIu64 " s", seconds, ns / NSEC_PER_MSEC % 1000);
	else if (seconds < 3600)
		printf("%" PRIu64 " min %" PRIu64 " s", seconds / 60, seconds % 60);
	else
		printf("%" PRIu64 " h %" PRIu64 " min", seconds / 3600, seconds / 60 % 60);
}

static void print_reason(uint32_t status)
{
	printf(" (%s)\n", ktm_status_text(status));
}

static const struct rm_report *find_rm(const struct tm_report *tm, const struct ktm_guid *guid)
{
	size_t i;

	for (i = 0; tm && i < tm->rm_count; i++) {
		if (ktm_guid_equal(&tm->rms[i].guid, guid))
			return &tm->rms[i];
	}
	return NULL;
}

static void print_participant(const struct tm_report *tm, const struct tx_report *tx,
			      const struct ktm_en_pair *pair)
{
	const struct rm_report *rm = find_rm(tm, &pair->rm);
	char text[KTM_GUID_STRING];

	printf("      %s %s", is_waited_for(tx, pair) ? "waits for" : "enlisted",
	       ktm_guid_format(&pair->rm, text));
	if (rm && !rm->error)
		print_description(rm->info.description, rm->info.description_length);
	printf("%s: %s", is_superior(tx, pair) ? ", the superior" : "",
	       ktm_en_state_name(pair->state));
	puts(pair->present ? "" : ", its resource manager is away and has to recover");
}

static void print_transaction(const struct tm_report *tm, const struct tx_report *tx)
{
	char text[KTM_GUID_STRING];
	size_t i;

	printf("    transaction %s", ktm_guid_format(&tx->uow, text));
	if (tx->error) {
		print_reason(tx->status);
		return;
	}
	print_description(tx->info.description, tx->info.description_length);
	printf(": %s, for ", ktm_tx_state_name(tx->info.state));
	print_age(tx->info.age_ns);
	if (tx->info.timeout_ns) {
		fputs(" of at most ", stdout);
		print_age(tx->info.timeout_ns);
	}
	putchar('\n');
	for (i = 0; i < tx->pair_count; i++)
		print_participant(tm, tx, &tx->pairs[i]);
}

static void print_rm(const struct rm_report *rm)
{
	char text[KTM_GUID_STRING];

	printf("    resource manager %s", ktm_guid_format(&rm->guid, text));
	if (rm->error) {
		print_reason(rm->status);
		return;
	}
	print_description(rm->info.description, rm->info.description_length);
	printf(": %s, %s%s, %" PRIu32 " unfinished\n",
	       rm->info.flags & KTM_RM_VOLATILE ? "volatile" : "durable",
	       rm->info.online ? "online" : "away or recovering",
	       rm->info.flags & KTM_RM_EXCLUSIVE ? ", exclusive" : "", rm->info.enlistments);
}

static void print_log(const struct tm_report *tm)
{
	const struct ktm_tm_info *info = &tm->info;

	fputs("    log on", stdout);
	utf8_print_quoted((const uint8_t *)tm->path, (uint32_t)strlen(tm->path));
	printf(": %llu KiB, %llu KiB free, %llu KiB reserved; next LSN %llu, "
	       "durable up to %llu; %llu writes, %llu forces\n",
	       info->log_size >> 10, info->log_free >> 10, info->log_reserved >> 10, info->log_lsn,
	       info->log_flushed_lsn, info->writes, info->forces);
}

/* A GUID, and the name of the stream if it could be asked. */
static void print_stream_name(const struct stream_report *stream)
{
	char text[KTM_GUID_STRING];

	printf("stream %s", ktm_guid_format(&stream->guid, text));
	if (!stream->error && stream->info.name_length <= KTM_MAX_STREAM_NAME)
		utf8_print_quoted(stream->info.name, stream->info.name_length);
}

static void print_room(const struct tm_report *tm)
{
	const struct ktm_tm_space *space = &tm->space;
	const struct stream_report *holder = find_stream(tm, &space->holder);

	printf("    room: %llu KiB are quotas of streams; restart areas take %llu of %llu KiB; "
	       "since it was opened %llu of them were written and %llu records copied forward\n",
	       space->quotas >> 10, space->live >> 10, space->live_limit >> 10, space->restarts,
	       space->copied);
	if (!holder)
		return;
	fputs("    its tail is held back by ", stdout);
	print_stream_name(holder);
	putchar('\n');
}

static void print_stream(const struct stream_report *stream)
{
	const struct ktm_stream_info *info = &stream->info;

	fputs("    ", stdout);
	print_stream_name(stream);
	if (stream->error) {
		print_reason(stream->status);
		return;
	}
	printf(": %llu record%s, ", info->records, info->records == 1 ? "" : "s");
	if (info->lost)
		printf("%" PRIu32 " of them lost, ", info->lost);
	printf("%llu of %llu bytes of quota used, %llu reserved; base LSN %llu, last %llu, "
	       "durable up to %llu\n", info->used, info->quota, info->reserved, info->base_lsn,
	       info->last_lsn, info->flushed_lsn);
}

/* What an administrator may want to do about it. */
static void print_advice(const struct tm_report *tm, const char *guid)
{
	if (tm->info.state == KTM_TM_STATE_FAILED)
		printf("    its device failed: when it works again, ktmctl recover %s\n", guid);
	if (tm->info.state == KTM_TM_STATE_ROLLED_FORWARD)
		printf("    takes no new work: to go on to the end of its log, ktmctl recover %s\n",
		       guid);
	if (tm->info.flags & KTM_TM_PERSIST)
		printf("    stays when nobody uses it, until ktmctl offline %s\n", guid);
}

static void print_tm(const struct tm_report *tm)
{
	char text[KTM_GUID_STRING];
	size_t i;

	printf("transaction manager %s", ktm_guid_format(&tm->guid, text));
	if (tm->error) {
		print_reason(tm->status);
		return;
	}
	printf(": %s, %s, %" PRIu32 " resource managers, %" PRIu32 " transactions, %" PRIu32
	       " in doubt; virtual clock %llu\n",
	       ktm_tm_state_name(tm->info.state),
	       tm->info.flags & KTM_TM_VOLATILE ? "volatile" : "durable", tm->info.rms,
	       tm->info.transactions, tm->info.indoubt, tm->info.virtual_clock);
	print_advice(tm, text);
	if (!(tm->info.flags & KTM_TM_VOLATILE)) {
		print_log(tm);
		print_room(tm);
	}
	for (i = 0; i < tm->stream_count; i++)
		print_stream(&tm->streams[i]);
	for (i = 0; i < tm->rm_count; i++)
		print_rm(&tm->rms[i]);
	for (i = 0; i < tm->tx_count; i++)
		print_transaction(tm, &tm->transactions[i]);
}

void print_text(const struct report *report)
{
	size_t i;

	for (i = 0; i < report->tm_count; i++)
		print_tm(&report->tms[i]);
	if (!report->tm_count)
		puts("no transaction manager is open (or none that you may see)");
	if (report->unbound_count)
		puts("transactions without a transaction manager so far");
	for (i = 0; i < report->unbound_count; i++)
		print_transaction(NULL, &report->unbound[i]);
}
