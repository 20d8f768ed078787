// SPDX-License-Identifier: GPL-2.0
/* A journal for people. */
#include "dump.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Recovery information is bytes; so many are shown. */
#define SHOWN_BYTES	16u

static void print_guid(const char *before, const struct ktm_guid *guid)
{
	char text[KTM_GUID_STRING];

	printf("%s %s", before, ktm_guid_format(guid, text));
}

static void print_extent(const char *name, const struct ktm_jf_extent *extent)
{
	printf("  %s: byte %" PRIu64 ", %" PRIu64 " bytes", name, extent->start, extent->bytes);
}

static void print_date(uint64_t seconds)
{
	time_t created = (time_t)seconds;
	struct tm made;
	char text[32];

	if (gmtime_r(&created, &made) && strftime(text, sizeof(text), "%F %T UTC", &made))
		printf(", made %s", text);
}

static void print_superblock(uint64_t place, bool chosen, const struct ktm_jf_sb *sb,
			     const struct ktm_jf_fault *fault)
{
	uint32_t i;

	printf("superblock at byte %" PRIu64 ": ", place);
	if (!sb) {
		printf("not usable: %s\n", fault->msg);
		return;
	}
	printf("generation %" PRIu64 "%s\n", sb->generation, chosen ? ", the one that counts" : "");
	print_guid("  journal", &sb->uuid);
	print_guid(", transaction manager", &sb->tm_guid);
	print_date(sb->created);
	printf("\n  version %u, features %#x %#x %#x, write unit %u, device %" PRIu64
	       " bytes, window %" PRIu64 "\n", sb->version, sb->compat, sb->ro_compat, sb->incompat,
	       sb->unit, sb->dev_bytes, sb->window);
	for (i = 0; i < 2; i++) {
		print_extent("restart extent", &sb->restart[i]);
		if (i == sb->restart_index)
			printf(", in use: %" PRIu64 " bytes, checksum 0x%08x", sb->restart_bytes,
			       sb->restart_crc);
		putchar('\n');
	}
	for (i = 0; i < sb->ring_count; i++) {
		print_extent("ring", &sb->ring[i]);
		putchar('\n');
	}
	printf("  the tail is at LSN %" PRIu64 ", the restart area knows of the log up to %" PRIu64 "\n",
	       sb->tail_lsn, sb->restart_lsn);
	printf("  LSN %" PRIu64 " lies where the ring begins\n", sb->ring_lsn);
	printf("  epoch 0x%016" PRIx64 ", replay begins at LSN %" PRIu64 ", batch %" PRIu64
	       ", after checksum 0x%08x\n", sb->epoch, sb->start_lsn, sb->start_seq,
	       sb->start_prev_crc);
}

static void print_batch(const struct image *image)
{
	const struct ktm_jf_batch *batch = &image->jo.batch;

	if (ktm_jo_in_area(&image->jo))
		printf("restart area, batch %" PRIu64, batch->seq);
	else
		printf("batch %" PRIu64 " at LSN %" PRIu64, batch->seq, batch->lsn);
	printf(" (byte %" PRIu64 "): %u bytes, %u used, %u records", dump_batch_place(image),
	       batch->bytes, batch->used, batch->records);
	if (!ktm_jo_in_area(&image->jo))
		printf(", durable up to %" PRIu64, batch->flushed_lsn);
	printf(", checksum 0x%08x after 0x%08x\n", batch->crc, batch->prev_crc);
}

static void print_owner(uint32_t uid, uint32_t gid, uint16_t mode)
{
	printf(", owner %u:%u mode %#o", uid, gid, mode);
}

static void print_bytes(const uint8_t *bytes, uint32_t length, const char *what)
{
	uint32_t i;

	printf(", %u bytes of %s", length, what);
	for (i = 0; i < length && i < SHOWN_BYTES; i++)
		printf("%s%02x", i ? "" : ": ", bytes[i]);
	if (length > SHOWN_BYTES)
		fputs("..", stdout);
}

static void print_stream_id(uint64_t id)
{
	printf(" stream %#" PRIx64, id);
}

static void print_prepared(const struct ktm_jrec *rec)
{
	print_guid(" transaction", &rec->prepared.uow);
	if (rec->prepared.flags & KTM_JREC_P_FIRST)
		fputs(" (its first)", stdout);
	print_guid(rec->prepared.flags & KTM_JREC_P_SUPERIOR ? ", superior" : ", enlistment",
		   &rec->prepared.enlistment);
	print_guid(", resource manager", &rec->prepared.rm);
	printf(", key %#" PRIx64 ", mask %#x", rec->prepared.key, rec->prepared.mask);
	if (rec->prepared.stream) {
		putchar(',');
		print_stream_id(rec->prepared.stream);
		printf(" needs %" PRIu64 " bytes", rec->prepared.stream_need);
	}
	print_owner(rec->prepared.uid, rec->prepared.gid, rec->prepared.mode);
	print_bytes(rec->prepared.info, rec->prepared.info_len, "information");
}

static void print_stream(const struct ktm_jrec *rec)
{
	print_stream_id(rec->stream.id);
	utf8_print_quoted(rec->stream.name, rec->stream.name_len);
	print_guid("", &rec->stream.guid);
	printf(", quota %" PRIu64 ", base %" PRIu64 ", last %" PRIu64 ", restart record %" PRIu64,
	       rec->stream.quota, rec->stream.base, rec->stream.last, rec->stream.restart);
	if (rec->stream.lsn)
		printf(", %u live records, known up to %" PRIu64, rec->stream.entries,
		       rec->stream.lsn);
	print_owner(rec->stream.uid, rec->stream.gid, rec->stream.mode);
}

static void print_index(const struct ktm_jrec *rec)
{
	uint32_t i;

	print_stream_id(rec->sindex.id);
	for (i = 0; i < rec->sindex.count; i++) {
		const struct ktm_jsent entry = ktm_jrec_sent(rec, i);

		printf("\n    record %" PRIu64, entry.lsn);
		if (entry.flags & KTM_JREC_F_LOST)
			printf(" is lost");
		else
			printf(" is at LSN %" PRIu64, entry.place);
		printf(", %u bytes%s", entry.bytes,
		       entry.flags & KTM_JREC_F_RESTART ? ", a restart record" : "");
	}
}

static void print_body(const struct ktm_jrec *rec)
{
	switch (rec->type) {
	case KTM_JREC_CLOCK:
		printf(" %" PRIu64, rec->clock.clock);
		break;
	case KTM_JREC_RM:
		print_guid("", &rec->rm.guid);
		utf8_print_quoted(rec->rm.desc, rec->rm.desc_len);
		print_owner(rec->rm.uid, rec->rm.gid, rec->rm.mode);
		if (rec->rm.flags & KTM_JREC_RM_COMMUNICATION)
			fputs(", may register protocols", stdout);
		break;
	case KTM_JREC_RM_GONE:
		print_guid("", &rec->rm_gone.guid);
		break;
	case KTM_JREC_PREPARED:
		print_prepared(rec);
		break;
	case KTM_JREC_DECISION:
		print_guid(" transaction", &rec->decision.uow);
		printf(", %s, %u prepared, clock %" PRIu64, outcome_name(rec->decision.outcome),
		       rec->decision.prepared, rec->decision.clock);
		break;
	case KTM_JREC_COMPLETION:
		print_guid(" transaction", &rec->completion.uow);
		print_guid(", enlistment", &rec->completion.enlistment);
		if (rec->flags & KTM_JREC_F_END)
			fputs(", the last", stdout);
		break;
	case KTM_JREC_TX:
		print_guid(" transaction", &rec->tx.uow);
		printf(", %s, %u prepared, clock %" PRIu64 ", known up to %" PRIu64,
		       outcome_name(rec->tx.outcome), rec->tx.prepared, rec->tx.clock, rec->tx.lsn);
		print_owner(rec->tx.uid, rec->tx.gid, rec->tx.mode);
		break;
	case KTM_JREC_STREAM:
		print_stream(rec);
		break;
	case KTM_JREC_STREAM_GONE:
		print_stream_id(rec->stream_gone.id);
		break;
	case KTM_JREC_SREC:
		print_stream_id(rec->srec.id);
		printf(", %s%srecord %" PRIu64 ", previous %" PRIu64 ", undo next %" PRIu64,
		       rec->flags & KTM_JREC_F_COPY ? "copy of " : "",
		       rec->flags & KTM_JREC_F_RESTART ? "restart " : "", rec->srec.lsn,
		       rec->srec.previous, rec->srec.undo_next);
		print_bytes(rec->srec.data, rec->srec.len, "data");
		break;
	case KTM_JREC_SBASE:
		print_stream_id(rec->sbase.id);
		printf(", base %" PRIu64, rec->sbase.base);
		break;
	case KTM_JREC_STRUNC:
		print_stream_id(rec->strunc.id);
		printf(", last %" PRIu64, rec->strunc.last);
		break;
	case KTM_JREC_SINDEX:
		print_index(rec);
		break;
	}
}

static void print_record(const struct image *image)
{
	const struct ktm_jrec *rec = &image->jo.rec;

	fputs("  ", stdout);
	if (rec->lsn)
		printf("%" PRIu64 " ", rec->lsn);
	fputs(record_name(rec->type), stdout);
	print_body(rec);
	putchar('\n');
}

static void print_tail(const struct image *image)
{
	const struct ktm_jo *jo = &image->jo;

	printf("the log ends at LSN %" PRIu64 " (byte %" PRIu64 "), known to be durable up to %" PRIu64
	       "\n", jo->tail, image_place(image, jo->tail), jo->flushed);
}

static void print_fault(const struct ktm_jf_fault *fault)
{
	printf("the reading ends at byte %" PRIu64, fault->place);
	if (fault->lsn)
		printf(", LSN %" PRIu64, fault->lsn);
	printf(": %s\n", fault->msg);
}

const struct dump_format dump_text = {
	.superblock = print_superblock,
	.batch = print_batch,
	.record = print_record,
	.tail = print_tail,
	.fault = print_fault,
};
