// SPDX-License-Identifier: GPL-2.0
/* A journal in numbers, for programs: one JSON object, its members described in ktmctl(8). */
#include "json.h"
#include "stat.h"

static void print_stream(const struct live_stream *stream)
{
	const uint64_t oldest = live_oldest_of(stream);
	uint64_t lost;
	const uint64_t used = live_used(stream, &lost);

	json_begin(NULL, '{');
	json_word("stream", stream->id);
	json_guid("guid", &stream->guid);
	json_bytes_text("name", stream->name, stream->name_length);
	json_number("quota", stream->quota);
	json_number("used", used);
	json_number("base", stream->found.base);
	json_number("last", stream->found.last);
	json_number("restart", stream->found.restart);
	json_number("records", stream->end - stream->first);
	json_number("lost", lost);
	json_number("bytes", stream->bytes);
	json_number("oldest_at_lsn", oldest == UINT64_MAX ? 0 : oldest);
	json_end('}');
}

void stat_json(const struct stat_report *report)
{
	const struct survey *survey = report->survey;
	const struct live *live = &survey->live;
	const struct ktm_jo *jo = &survey->image.jo;
	const struct ktm_jf_sb *sb = &jo->sb;
	size_t i;

	json_begin(NULL, '{');
	json_guid("uuid", &sb->uuid);
	json_guid("tm_guid", &sb->tm_guid);
	json_number("version", sb->version);
	json_number("generation", sb->generation);
	json_number("device_bytes", sb->dev_bytes);
	json_number("device_bytes_now", survey->image.bytes);
	json_number("unit", sb->unit);
	json_number("restart_extent_bytes", sb->restart[0].bytes);
	json_number("ring_bytes", sb->ring_bytes);
	json_number("ring_bytes_after_recovery", jo->next_sb.ring_bytes);
	json_number("ring_extents", sb->ring_count);
	json_number("window", sb->window);
	json_number("tail_lsn", sb->tail_lsn);
	json_number("start_lsn", sb->start_lsn);
	json_number("end_lsn", jo->tail);
	json_number("used_bytes", report->used);
	json_number("needed_bytes", report->needed);
	json_number("live_bytes", survey->live_bytes);
	json_number("live_capacity", report->capacity);
	json_number("more_usual_transactions", report->usual);
	json_number("more_largest_transactions", report->largest);
	json_number("virtual_clock", live->found.clock);
	json_number("resource_managers", live->rms.count);
	json_begin("transactions", '{');
	json_number("commit", report->outcomes[KTM_FOUND_COMMIT]);
	json_number("roll_back", report->outcomes[KTM_FOUND_ABORT]);
	json_number("superior", report->outcomes[KTM_FOUND_SEALED]);
	json_end('}');
	json_number("enlistments", live->enlistments.count);
	json_begin("streams", '[');
	for (i = 0; report->streams[i]; i++)
		print_stream(report->streams[i]);
	json_end(']');
	if (report->holder)
		json_word("tail_held_by", report->holder->id);
	json_end('}');
	json_line();
}
