// SPDX-License-Identifier: GPL-2.0
/* A journal for programs: one JSON object in each line, its members described in ktmctl(8). */
#include "dump.h"
#include "json.h"

static void print_extent(const struct ktm_jf_extent *extent)
{
	json_begin(NULL, '{');
	json_number("start", extent->start);
	json_number("bytes", extent->bytes);
	json_end('}');
}

static void begin(const char *kind)
{
	json_begin(NULL, '{');
	json_text("kind", kind);
}

static void end(void)
{
	json_end('}');
	json_line();
}

static void print_superblock(uint64_t place, bool chosen, const struct ktm_jf_sb *sb,
			     const struct ktm_jf_fault *fault)
{
	uint32_t i;

	begin("superblock");
	json_number("place", place);
	json_boolean("good", sb != NULL);
	json_boolean("chosen", chosen);
	if (!sb) {
		json_text("fault", fault->msg);
		end();
		return;
	}
	json_number("version", sb->version);
	json_number("compat", sb->compat);
	json_number("ro_compat", sb->ro_compat);
	json_number("incompat", sb->incompat);
	json_number("unit", sb->unit);
	json_guid("uuid", &sb->uuid);
	json_guid("tm_guid", &sb->tm_guid);
	json_number("device_bytes", sb->dev_bytes);
	json_number("window", sb->window);
	json_number("created", sb->created);
	json_begin("restart", '[');
	for (i = 0; i < 2; i++)
		print_extent(&sb->restart[i]);
	json_end(']');
	json_number("ring_lsn", sb->ring_lsn);
	json_begin("ring", '[');
	for (i = 0; i < sb->ring_count; i++)
		print_extent(&sb->ring[i]);
	json_end(']');
	json_number("generation", sb->generation);
	json_word("epoch", sb->epoch);
	json_number("start_lsn", sb->start_lsn);
	json_number("start_seq", sb->start_seq);
	json_number("start_prev_crc", sb->start_prev_crc);
	json_number("restart_index", sb->restart_index);
	json_number("restart_bytes", sb->restart_bytes);
	json_number("restart_crc", sb->restart_crc);
	json_number("restart_lsn", sb->restart_lsn);
	json_number("tail_lsn", sb->tail_lsn);
	end();
}

static void print_where(const struct image *image)
{
	json_text("where", ktm_jo_in_area(&image->jo) ? "restart" : "ring");
}

static void print_batch(const struct image *image)
{
	const struct ktm_jf_batch *batch = &image->jo.batch;

	begin("batch");
	print_where(image);
	json_number("place", dump_batch_place(image));
	json_number("lsn", batch->lsn);
	json_number("seq", batch->seq);
	json_number("flushed_lsn", batch->flushed_lsn);
	json_number("bytes", batch->bytes);
	json_number("used", batch->used);
	json_number("records", batch->records);
	json_number("crc", batch->crc);
	json_number("prev_crc", batch->prev_crc);
	end();
}

static void print_owner(uint32_t uid, uint32_t gid, uint16_t mode)
{
	json_number("uid", uid);
	json_number("gid", gid);
	json_number("mode", mode);
}

static void print_stream(const struct ktm_jrec *rec)
{
	json_word("stream", rec->stream.id);
	json_guid("guid", &rec->stream.guid);
	json_number("quota", rec->stream.quota);
	json_number("base", rec->stream.base);
	json_number("last", rec->stream.last);
	json_number("restart", rec->stream.restart);
	json_number("known_lsn", rec->stream.lsn);
	json_number("entries", rec->stream.entries);
	print_owner(rec->stream.uid, rec->stream.gid, rec->stream.mode);
	json_bytes_text("name", rec->stream.name, rec->stream.name_len);
}

static void print_index(const struct ktm_jrec *rec)
{
	uint32_t i;

	json_word("stream", rec->sindex.id);
	json_begin("entries", '[');
	for (i = 0; i < rec->sindex.count; i++) {
		const struct ktm_jsent entry = ktm_jrec_sent(rec, i);

		json_begin(NULL, '{');
		json_number("srec_lsn", entry.lsn);
		json_number("at_lsn", entry.place);
		json_number("bytes", entry.bytes);
		json_number("flags", entry.flags);
		json_end('}');
	}
	json_end(']');
}

static void print_body(const struct ktm_jrec *rec)
{
	switch (rec->type) {
	case KTM_JREC_CLOCK:
		json_number("clock", rec->clock.clock);
		break;
	case KTM_JREC_RM:
		json_guid("rm", &rec->rm.guid);
		print_owner(rec->rm.uid, rec->rm.gid, rec->rm.mode);
		json_number("rm_flags", rec->rm.flags);
		json_bytes_text("description", rec->rm.desc, rec->rm.desc_len);
		break;
	case KTM_JREC_RM_GONE:
		json_guid("rm", &rec->rm_gone.guid);
		break;
	case KTM_JREC_PREPARED:
		json_guid("uow", &rec->prepared.uow);
		json_guid("enlistment", &rec->prepared.enlistment);
		json_guid("rm", &rec->prepared.rm);
		json_word("key", rec->prepared.key);
		json_word("stream", rec->prepared.stream);
		json_number("stream_need", rec->prepared.stream_need);
		json_number("mask", rec->prepared.mask);
		json_boolean("superior", rec->prepared.flags & KTM_JREC_P_SUPERIOR);
		json_boolean("first", rec->prepared.flags & KTM_JREC_P_FIRST);
		print_owner(rec->prepared.uid, rec->prepared.gid, rec->prepared.mode);
		json_hex("information", rec->prepared.info, rec->prepared.info_len);
		break;
	case KTM_JREC_DECISION:
		json_guid("uow", &rec->decision.uow);
		json_text("outcome", outcome_name(rec->decision.outcome));
		json_number("prepared", rec->decision.prepared);
		json_number("clock", rec->decision.clock);
		break;
	case KTM_JREC_COMPLETION:
		json_guid("uow", &rec->completion.uow);
		json_guid("enlistment", &rec->completion.enlistment);
		json_boolean("end", rec->flags & KTM_JREC_F_END);
		break;
	case KTM_JREC_TX:
		json_guid("uow", &rec->tx.uow);
		json_text("outcome", outcome_name(rec->tx.outcome));
		json_number("prepared", rec->tx.prepared);
		json_number("tx_flags", rec->tx.flags);
		print_owner(rec->tx.uid, rec->tx.gid, rec->tx.mode);
		json_number("clock", rec->tx.clock);
		json_number("known_lsn", rec->tx.lsn);
		break;
	case KTM_JREC_STREAM:
		print_stream(rec);
		break;
	case KTM_JREC_STREAM_GONE:
		json_word("stream", rec->stream_gone.id);
		break;
	case KTM_JREC_SREC:
		json_word("stream", rec->srec.id);
		json_number("srec_lsn", rec->srec.lsn);
		json_boolean("copy", rec->flags & KTM_JREC_F_COPY);
		json_boolean("restart", rec->flags & KTM_JREC_F_RESTART);
		json_number("previous", rec->srec.previous);
		json_number("undo_next", rec->srec.undo_next);
		json_hex("data", rec->srec.data, rec->srec.len);
		break;
	case KTM_JREC_SBASE:
		json_word("stream", rec->sbase.id);
		json_number("base", rec->sbase.base);
		break;
	case KTM_JREC_STRUNC:
		json_word("stream", rec->strunc.id);
		json_number("last", rec->strunc.last);
		break;
	case KTM_JREC_SINDEX:
		print_index(rec);
		break;
	}
}

static void print_record(const struct image *image)
{
	const struct ktm_jrec *rec = &image->jo.rec;

	begin("record");
	print_where(image);
	json_number("batch", image->jo.batch.lsn);
	json_number("offset", dump_record_start(image));
	json_number("bytes", ktm_jrec_size(rec));
	json_number("lsn", rec->lsn);
	json_text("type", record_name(rec->type));
	json_number("flags", rec->flags);
	print_body(rec);
	end();
}

static void print_tail(const struct image *image)
{
	const struct ktm_jo *jo = &image->jo;

	begin("tail");
	json_number("place", image_place(image, jo->tail));
	json_number("lsn", jo->tail);
	json_number("flushed_lsn", jo->flushed);
	end();
}

static void print_fault(const struct ktm_jf_fault *fault)
{
	begin("fault");
	json_text("code", fault_name(fault->code));
	json_number("place", fault->place);
	json_number("lsn", fault->lsn);
	json_text("message", fault->msg);
	end();
}

const struct dump_format dump_json = {
	.superblock = print_superblock,
	.batch = print_batch,
	.record = print_record,
	.tail = print_tail,
	.fault = print_fault,
};
