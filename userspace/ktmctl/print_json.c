// SPDX-License-Identifier: GPL-2.0
/* ktmctl status for programs: one JSON object, its members described in ktmctl(8). */
#include "json.h"
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_guid(const char *name, const struct ktm_guid *guid)
{
	char text[KTM_GUID_STRING];

	printf("\"%s\":\"%s\"", name, ktm_guid_format(guid, text));
}

static void print_description(const uint8_t *text, uint32_t length)
{
	fputs(",\"description\":", stdout);
	json_quote(text, length <= KTM_MAX_DESCRIPTION ? length : KTM_MAX_DESCRIPTION);
}

static void print_boolean(const char *name, bool value)
{
	printf(",\"%s\":%s", name, value ? "true" : "false");
}

static void print_number(const char *name, uint64_t value)
{
	printf(",\"%s\":%" PRIu64, name, value);
}

static void print_error(uint32_t status)
{
	const char *name = ktm_status_name(status);

	printf(",\"error\":\"%s\"", name ? name : "UNKNOWN");
}

/* ---- objects ---- */

static void print_pair(const struct tx_report *tx, const struct ktm_en_pair *pair)
{
	putchar('{');
	print_guid("guid", &pair->enlistment);
	putchar(',');
	print_guid("rm", &pair->rm);
	printf(",\"state\":\"%s\"", ktm_en_state_name(pair->state));
	print_boolean("superior", is_superior(tx, pair));
	print_boolean("present", pair->present);
	print_boolean("waited_for", is_waited_for(tx, pair));
	putchar('}');
}

static void print_transaction(const struct tx_report *tx)
{
	size_t i;

	putchar('{');
	print_guid("uow", &tx->uow);
	if (tx->error) {
		print_error(tx->status);
		putchar('}');
		return;
	}
	printf(",\"state\":\"%s\",\"outcome\":\"%s\"", ktm_tx_state_name(tx->info.state),
	       ktm_tx_outcome_name(tx->info.outcome));
	print_description(tx->info.description, tx->info.description_length);
	print_number("age_ns", tx->info.age_ns);
	print_number("timeout_ns", tx->info.timeout_ns);
	fputs(",\"enlistments\":[", stdout);
	for (i = 0; i < tx->pair_count; i++) {
		if (i)
			putchar(',');
		print_pair(tx, &tx->pairs[i]);
	}
	fputs("]}", stdout);
}

static void print_transactions(const char *name, const struct tx_report *transactions, size_t count)
{
	size_t i;

	printf(",\"%s\":[", name);
	for (i = 0; i < count; i++) {
		if (i)
			putchar(',');
		print_transaction(&transactions[i]);
	}
	putchar(']');
}

static void print_rm(const struct rm_report *rm)
{
	putchar('{');
	print_guid("guid", &rm->guid);
	if (rm->error) {
		print_error(rm->status);
	} else {
		print_description(rm->info.description, rm->info.description_length);
		print_boolean("volatile", rm->info.flags & KTM_RM_VOLATILE);
		print_boolean("exclusive", rm->info.flags & KTM_RM_EXCLUSIVE);
		print_boolean("online", rm->info.online);
		print_number("enlistments", rm->info.enlistments);
	}
	putchar('}');
}

static void print_stream(const struct stream_report *stream)
{
	const struct ktm_stream_info *info = &stream->info;

	putchar('{');
	print_guid("guid", &stream->guid);
	if (stream->error) {
		print_error(stream->status);
		putchar('}');
		return;
	}
	fputs(",\"name\":", stdout);
	json_quote(info->name, info->name_length <= KTM_MAX_STREAM_NAME ? info->name_length :
									 KTM_MAX_STREAM_NAME);
	print_number("quota", info->quota);
	print_number("used", info->used);
	print_number("reserved", info->reserved);
	print_number("bytes", info->bytes);
	print_number("records", info->records);
	print_number("lost", info->lost);
	print_number("base", info->base_lsn);
	print_number("first", info->first_lsn);
	print_number("last", info->last_lsn);
	print_number("restart", info->restart_lsn);
	print_number("flushed", info->flushed_lsn);
	print_number("oldest_at_lsn", info->place_lsn);
	putchar('}');
}

static void print_streams(const struct tm_report *tm)
{
	size_t i;

	fputs(",\"streams\":[", stdout);
	for (i = 0; i < tm->stream_count; i++) {
		if (i)
			putchar(',');
		print_stream(&tm->streams[i]);
	}
	putchar(']');
}

static void print_space(const struct ktm_tm_space *space)
{
	print_number("quotas", space->quotas);
	print_number("live", space->live);
	print_number("live_limit", space->live_limit);
	print_number("restarts", space->restarts);
	print_number("copied", space->copied);
	print_number("restart_lsn", space->restart_lsn);
	print_number("tail_lsn", space->tail_lsn);
	if (ktm_guid_is_nil(&space->holder))
		return;
	putchar(',');
	print_guid("tail_held_by", &space->holder);
}

static void print_log(const struct tm_report *tm)
{
	const struct ktm_tm_info *info = &tm->info;

	fputs(",\"log\":{\"path\":", stdout);
	json_quote((const uint8_t *)tm->path, (uint32_t)strlen(tm->path));
	print_number("size", info->log_size);
	print_number("free", info->log_free);
	print_number("reserved", info->log_reserved);
	print_number("lsn", info->log_lsn);
	print_number("flushed_lsn", info->log_flushed_lsn);
	print_number("last_recovered_lsn", info->last_recovered_lsn);
	print_number("writes", info->writes);
	print_number("forces", info->forces);
	print_space(&tm->space);
	putchar('}');
}

static void print_tm(const struct tm_report *tm)
{
	size_t i;

	putchar('{');
	print_guid("guid", &tm->guid);
	if (tm->error) {
		print_error(tm->status);
		putchar('}');
		return;
	}
	printf(",\"state\":\"%s\"", ktm_tm_state_name(tm->info.state));
	print_boolean("volatile", tm->info.flags & KTM_TM_VOLATILE);
	print_boolean("persistent", tm->info.flags & KTM_TM_PERSIST);
	print_number("virtual_clock", tm->info.virtual_clock);
	print_number("indoubt", tm->info.indoubt);
	print_number("unfinished", tm->info.transactions);
	if (!(tm->info.flags & KTM_TM_VOLATILE)) {
		print_log(tm);
		print_streams(tm);
	}
	fputs(",\"resource_managers\":[", stdout);
	for (i = 0; i < tm->rm_count; i++) {
		if (i)
			putchar(',');
		print_rm(&tm->rms[i]);
	}
	putchar(']');
	print_transactions("transactions", tm->transactions, tm->tx_count);
	putchar('}');
}

void print_json(const struct report *report)
{
	size_t i;

	fputs("{\"transaction_managers\":[", stdout);
	for (i = 0; i < report->tm_count; i++) {
		if (i)
			putchar(',');
		print_tm(&report->tms[i]);
	}
	putchar(']');
	print_transactions("unbound_transactions", report->unbound, report->unbound_count);
	puts("}");
}
