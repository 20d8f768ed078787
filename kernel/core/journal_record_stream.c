// SPDX-License-Identifier: GPL-2.0
/*
 * Records of log streams: from memory to bytes and back, as in journal_record.c.
 */
#include "journal_record.h"

struct dstream {
	struct ktm_jf_drec head;
	u8	guid[16];
	__le64	id;
	__le64	quota;
	__le64	base;
	__le64	last;
	__le64	restart;
	__le64	lsn;
	__le32	entries;
	__le32	uid;
	__le32	gid;
	__le16	mode;
	__le16	name_len;
};

struct dstream_gone {
	struct ktm_jf_drec head;
	__le64	id;
};

struct dsrec {
	struct ktm_jf_drec head;
	__le64	id;
	__le64	lsn;
	__le64	previous;
	__le64	undo_next;
	__le32	len;
	__le32	crc;			/* of the data, then of what stands before this */
};

/* SBASE and STRUNC */
struct dsmark {
	struct ktm_jf_drec head;
	__le64	id;
	__le64	lsn;
};

struct dsent {
	__le64	lsn;
	__le64	place;
	__le32	bytes;
	__le32	flags;
};

struct dsindex {
	struct ktm_jf_drec head;
	__le64	id;
	__le32	count;
	__le32	pad;
};

u32 ktm_jsrec_bytes(u16 type, u32 var)
{
	u32 fixed, max = 0;

	BUILD_BUG_ON(sizeof(struct dsrec) + KTM_JF_SREC_MAX > KTM_JF_REC_MAX);
	BUILD_BUG_ON(sizeof(struct dsindex) + KTM_JF_SINDEX_MAX * sizeof(struct dsent) >
		     KTM_JF_REC_MAX);
	BUILD_BUG_ON(sizeof(struct dstream) != 88 || sizeof(struct dsrec) != 48);
	BUILD_BUG_ON(sizeof(struct dsent) != 24 || sizeof(struct dsindex) != 24);

	switch (type) {
	case KTM_JREC_STREAM:
		fixed = sizeof(struct dstream);
		max = KTM_JF_DESC_MAX;
		break;
	case KTM_JREC_STREAM_GONE:
		fixed = sizeof(struct dstream_gone);
		break;
	case KTM_JREC_SREC:
		fixed = sizeof(struct dsrec);
		max = KTM_JF_SREC_MAX;
		break;
	case KTM_JREC_SBASE:
	case KTM_JREC_STRUNC:
		fixed = sizeof(struct dsmark);
		break;
	case KTM_JREC_SINDEX:
		fixed = sizeof(struct dsindex);
		max = KTM_JF_SINDEX_MAX * sizeof(struct dsent);
		if (var % sizeof(struct dsent))
			return 0;
		break;
	default:
		return 0;
	}
	if (var > max)
		return 0;
	return ALIGN(fixed + var, 8u);
}

u32 ktm_jsrec_size(const struct ktm_jrec *rec)
{
	u32 var = 0;
	u64 id = 0;

	switch (rec->type) {
	case KTM_JREC_STREAM:
		id = rec->stream.id;
		var = rec->stream.name_len;
		break;
	case KTM_JREC_STREAM_GONE:
		id = rec->stream_gone.id;
		break;
	case KTM_JREC_SREC:
		id = rec->srec.id;
		var = rec->srec.len;
		break;
	case KTM_JREC_SBASE:
		id = rec->sbase.id;
		break;
	case KTM_JREC_STRUNC:
		id = rec->strunc.id;
		break;
	case KTM_JREC_SINDEX:
		id = rec->sindex.id;
		if (rec->sindex.count > KTM_JF_SINDEX_MAX)
			return 0;
		var = rec->sindex.count * sizeof(struct dsent);
		break;
	}
	return id ? ktm_jsrec_bytes(rec->type, var) : 0;
}

static void encode_stream(struct dstream *d, const struct ktm_jrec *rec)
{
	put_guid(d->guid, &rec->stream.guid);
	d->id = cpu_to_le64(rec->stream.id);
	d->quota = cpu_to_le64(rec->stream.quota);
	d->base = cpu_to_le64(rec->stream.base);
	d->last = cpu_to_le64(rec->stream.last);
	d->restart = cpu_to_le64(rec->stream.restart);
	d->lsn = cpu_to_le64(rec->stream.lsn);
	d->entries = cpu_to_le32(rec->stream.entries);
	d->uid = cpu_to_le32(rec->stream.uid);
	d->gid = cpu_to_le32(rec->stream.gid);
	d->mode = cpu_to_le16(rec->stream.mode);
	d->name_len = cpu_to_le16(rec->stream.name_len);
	if (rec->stream.name_len)
		memcpy(d + 1, rec->stream.name, rec->stream.name_len);
}

u32 ktm_jrec_data_crc(const void *data, u32 len)
{
	return crc32c(~0u, data, len);
}

void ktm_jrec_name(void *srec, u64 lsn, u32 data_crc)
{
	struct dsrec *d = srec;

	d->lsn = cpu_to_le64(lsn);
	d->crc = cpu_to_le32(~crc32c(data_crc, d, offsetof(struct dsrec, crc)));
}

static void encode_srec(struct dsrec *d, const struct ktm_jrec *rec)
{
	d->id = cpu_to_le64(rec->srec.id);
	d->previous = cpu_to_le64(rec->srec.previous);
	d->undo_next = cpu_to_le64(rec->srec.undo_next);
	d->len = cpu_to_le32(rec->srec.len);
	if (rec->srec.len)
		memcpy(d + 1, rec->srec.data, rec->srec.len);
	ktm_jrec_name(d, rec->srec.lsn, rec->srec.data_crc);
}

static void encode_smark(struct dsmark *d, u64 id, u64 lsn)
{
	d->id = cpu_to_le64(id);
	d->lsn = cpu_to_le64(lsn);
}

static void encode_sindex(struct dsindex *d, const struct ktm_jrec *rec)
{
	struct dsent *to = (struct dsent *)(d + 1);
	u32 i;

	d->id = cpu_to_le64(rec->sindex.id);
	d->count = cpu_to_le32(rec->sindex.count);
	for (i = 0; i < rec->sindex.count; i++, to++) {
		const struct ktm_jsent *from = &rec->sindex.entries[i];

		to->lsn = cpu_to_le64(from->lsn);
		to->place = cpu_to_le64(from->place);
		to->bytes = cpu_to_le32(from->bytes);
		to->flags = cpu_to_le32(from->flags);
	}
}

void ktm_jsrec_encode(const struct ktm_jrec *rec, void *buf)
{
	switch (rec->type) {
	case KTM_JREC_STREAM:
		encode_stream(buf, rec);
		break;
	case KTM_JREC_STREAM_GONE:
		((struct dstream_gone *)buf)->id = cpu_to_le64(rec->stream_gone.id);
		break;
	case KTM_JREC_SREC:
		encode_srec(buf, rec);
		break;
	case KTM_JREC_SBASE:
		encode_smark(buf, rec->sbase.id, rec->sbase.base);
		break;
	case KTM_JREC_STRUNC:
		encode_smark(buf, rec->strunc.id, rec->strunc.last);
		break;
	case KTM_JREC_SINDEX:
		encode_sindex(buf, rec);
		break;
	}
}

static u32 decode_stream(struct ktm_jrec *rec, const struct dstream *d)
{
	get_guid(&rec->stream.guid, d->guid);
	rec->stream.id = le64_to_cpu(d->id);
	rec->stream.quota = le64_to_cpu(d->quota);
	rec->stream.base = le64_to_cpu(d->base);
	rec->stream.last = le64_to_cpu(d->last);
	rec->stream.restart = le64_to_cpu(d->restart);
	rec->stream.lsn = le64_to_cpu(d->lsn);
	rec->stream.entries = le32_to_cpu(d->entries);
	rec->stream.uid = le32_to_cpu(d->uid);
	rec->stream.gid = le32_to_cpu(d->gid);
	rec->stream.mode = le16_to_cpu(d->mode);
	rec->stream.name_len = le16_to_cpu(d->name_len);
	rec->stream.name = (const u8 *)(d + 1);
	return rec->stream.name_len;
}

static u32 decode_srec(struct ktm_jrec *rec, const struct dsrec *d)
{
	rec->srec.id = le64_to_cpu(d->id);
	rec->srec.lsn = le64_to_cpu(d->lsn);
	rec->srec.previous = le64_to_cpu(d->previous);
	rec->srec.undo_next = le64_to_cpu(d->undo_next);
	rec->srec.len = le32_to_cpu(d->len);
	rec->srec.data = (const u8 *)(d + 1);
	return rec->srec.len;
}

static u32 decode_sindex(struct ktm_jrec *rec, const struct dsindex *d)
{
	rec->sindex.id = le64_to_cpu(d->id);
	rec->sindex.count = le32_to_cpu(d->count);
	rec->sindex.raw = (const u8 *)(d + 1);
	/* Of one that is too large nothing is believed. */
	return min_t(u32, rec->sindex.count, KTM_JF_SINDEX_MAX + 1) * sizeof(struct dsent);
}

struct ktm_jsent ktm_jrec_sent(const struct ktm_jrec *rec, u32 n)
{
	const struct dsent *d = (const struct dsent *)rec->sindex.raw + n;

	return (struct ktm_jsent){
		.lsn = le64_to_cpu(d->lsn),
		.place = le64_to_cpu(d->place),
		.bytes = le32_to_cpu(d->bytes),
		.flags = le32_to_cpu(d->flags),
	};
}

u32 ktm_jsrec_decode(struct ktm_jrec *rec, const void *buf)
{
	const struct dsmark *mark = buf;

	switch (rec->type) {
	case KTM_JREC_STREAM:
		return decode_stream(rec, buf);
	case KTM_JREC_STREAM_GONE:
		rec->stream_gone.id = le64_to_cpu(((const struct dstream_gone *)buf)->id);
		break;
	case KTM_JREC_SREC:
		return decode_srec(rec, buf);
	case KTM_JREC_SBASE:
		rec->sbase.id = le64_to_cpu(mark->id);
		rec->sbase.base = le64_to_cpu(mark->lsn);
		break;
	case KTM_JREC_STRUNC:
		rec->strunc.id = le64_to_cpu(mark->id);
		rec->strunc.last = le64_to_cpu(mark->lsn);
		break;
	case KTM_JREC_SINDEX:
		return decode_sindex(rec, buf);
	}
	return 0;
}

bool ktm_jsrec_whole(struct ktm_jrec *rec, const void *buf)
{
	const struct dsrec *d = buf;

	if (rec->type != KTM_JREC_SREC)
		return true;
	rec->srec.data_crc = ktm_jrec_data_crc(d + 1, rec->srec.len);
	return le32_to_cpu(d->crc) ==
	       ~crc32c(rec->srec.data_crc, d, offsetof(struct dsrec, crc));
}

u64 ktm_srec_cost(u32 bytes)
{
	return max(bytes + bytes / 2, 128u);
}
