// SPDX-License-Identifier: GPL-2.0
/*
 * Records of the journal: from memory to bytes and back.
 *
 * A record comes from a device that may be hostile, behind a checksum that
 * anybody can compute: every length and every value with a meaning is checked.
 */
#include "journal_format.h"

struct dclock {
	struct ktm_jf_drec head;
	__le64	clock;
};

struct drm {
	struct ktm_jf_drec head;
	u8	guid[16];
	__le32	uid;
	__le32	gid;
	__le16	mode;
	__le16	desc_len;
	__le32	flags;
};

struct drm_gone {
	struct ktm_jf_drec head;
	u8	guid[16];
};

struct dprepared {
	struct ktm_jf_drec head;
	u8	uow[16];
	u8	enlistment[16];
	u8	rm[16];
	__le64	key;
	__le64	stream;
	__le64	stream_need;
	__le32	mask;
	__le32	flags;
	__le32	uid;
	__le32	gid;
	__le16	mode;
	__le16	pad;
	__le32	info_len;
};

struct ddecision {
	struct ktm_jf_drec head;
	u8	uow[16];
	__le32	outcome;
	__le32	prepared;
	__le64	clock;
};

struct dcompletion {
	struct ktm_jf_drec head;
	u8	uow[16];
	u8	enlistment[16];
};

struct dtx {
	struct ktm_jf_drec head;
	u8	uow[16];
	__le32	outcome;
	__le32	prepared;
	__le32	flags;
	__le32	uid;
	__le32	gid;
	__le16	mode;
	__le16	pad;
	__le64	clock;
	__le64	lsn;
};

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

u32 ktm_jrec_bytes(u16 type, u32 var)
{
	u32 fixed, max = 0;

	BUILD_BUG_ON(sizeof(struct dprepared) + KTM_JF_INFO_MAX > KTM_JF_REC_MAX);
	BUILD_BUG_ON(sizeof(struct dsrec) + KTM_JF_SREC_MAX > KTM_JF_REC_MAX);
	BUILD_BUG_ON(sizeof(struct dsindex) + KTM_JF_SINDEX_MAX * sizeof(struct dsent) >
		     KTM_JF_REC_MAX);
	BUILD_BUG_ON(sizeof(struct dprepared) != 104 || sizeof(struct dtx) != 64);
	BUILD_BUG_ON(sizeof(struct dstream) != 88 || sizeof(struct dsrec) != 48);
	BUILD_BUG_ON(sizeof(struct dsent) != 24 || sizeof(struct dsindex) != 24);
	BUILD_BUG_ON(sizeof(struct drm) != 40 || sizeof(struct ddecision) != 40);

	switch (type) {
	case KTM_JREC_CLOCK:
		fixed = sizeof(struct dclock);
		break;
	case KTM_JREC_RM:
		fixed = sizeof(struct drm);
		max = KTM_JF_DESC_MAX;
		break;
	case KTM_JREC_RM_GONE:
		fixed = sizeof(struct drm_gone);
		break;
	case KTM_JREC_PREPARED:
		fixed = sizeof(struct dprepared);
		max = KTM_JF_INFO_MAX;
		break;
	case KTM_JREC_DECISION:
		fixed = sizeof(struct ddecision);
		break;
	case KTM_JREC_COMPLETION:
		fixed = sizeof(struct dcompletion);
		break;
	case KTM_JREC_TX:
		fixed = sizeof(struct dtx);
		break;
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

static bool flags_valid(u16 type, u16 flags)
{
	switch (type) {
	case KTM_JREC_COMPLETION:
		return !(flags & ~KTM_JREC_F_END);
	case KTM_JREC_SREC:
		return !(flags & ~(KTM_JREC_F_COPY | KTM_JREC_F_RESTART));
	default:
		return !flags;
	}
}

static bool outcome_valid(u16 type, u32 outcome)
{
	if (outcome == KTM_JREC_UNDECIDED)
		return type == KTM_JREC_TX;
	return outcome == KTM_JREC_COMMIT || outcome == KTM_JREC_ABORT;
}

u32 ktm_jrec_size(const struct ktm_jrec *rec)
{
	u32 var = 0;

	if (!flags_valid(rec->type, rec->flags))
		return 0;
	switch (rec->type) {
	case KTM_JREC_RM:
		var = rec->rm.desc_len;
		break;
	case KTM_JREC_PREPARED:
		var = rec->prepared.info_len;
		break;
	case KTM_JREC_DECISION:
		if (!outcome_valid(rec->type, rec->decision.outcome))
			return 0;
		break;
	case KTM_JREC_TX:
		if (!outcome_valid(rec->type, rec->tx.outcome))
			return 0;
		break;
	case KTM_JREC_STREAM:
		if (!rec->stream.id)
			return 0;
		var = rec->stream.name_len;
		break;
	case KTM_JREC_SREC:
		var = rec->srec.len;
		break;
	case KTM_JREC_SINDEX:
		if (rec->sindex.count > KTM_JF_SINDEX_MAX)
			return 0;
		var = rec->sindex.count * sizeof(struct dsent);
		break;
	default:
		break;
	}
	return ktm_jrec_bytes(rec->type, var);
}

static void put_guid(u8 *to, const struct ktm_guid *guid)
{
	memcpy(to, guid->b, sizeof(guid->b));
}

static void get_guid(struct ktm_guid *guid, const u8 *from)
{
	memcpy(guid->b, from, sizeof(guid->b));
}

static void encode_prepared(struct dprepared *d, const struct ktm_jrec *rec)
{
	put_guid(d->uow, &rec->prepared.uow);
	put_guid(d->enlistment, &rec->prepared.enlistment);
	put_guid(d->rm, &rec->prepared.rm);
	d->key = cpu_to_le64(rec->prepared.key);
	d->stream = cpu_to_le64(rec->prepared.stream);
	d->stream_need = cpu_to_le64(rec->prepared.stream_need);
	d->mask = cpu_to_le32(rec->prepared.mask);
	d->flags = cpu_to_le32(rec->prepared.flags);
	d->uid = cpu_to_le32(rec->prepared.uid);
	d->gid = cpu_to_le32(rec->prepared.gid);
	d->mode = cpu_to_le16(rec->prepared.mode);
	d->info_len = cpu_to_le32(rec->prepared.info_len);
	if (rec->prepared.info_len)
		memcpy(d + 1, rec->prepared.info, rec->prepared.info_len);
}

static void encode_rm(struct drm *d, const struct ktm_jrec *rec)
{
	put_guid(d->guid, &rec->rm.guid);
	d->uid = cpu_to_le32(rec->rm.uid);
	d->gid = cpu_to_le32(rec->rm.gid);
	d->mode = cpu_to_le16(rec->rm.mode);
	d->desc_len = cpu_to_le16(rec->rm.desc_len);
	d->flags = cpu_to_le32(rec->rm.flags);
	if (rec->rm.desc_len)
		memcpy(d + 1, rec->rm.desc, rec->rm.desc_len);
}

static void encode_tx(struct dtx *d, const struct ktm_jrec *rec)
{
	put_guid(d->uow, &rec->tx.uow);
	d->outcome = cpu_to_le32(rec->tx.outcome);
	d->prepared = cpu_to_le32(rec->tx.prepared);
	d->flags = cpu_to_le32(rec->tx.flags);
	d->uid = cpu_to_le32(rec->tx.uid);
	d->gid = cpu_to_le32(rec->tx.gid);
	d->mode = cpu_to_le16(rec->tx.mode);
	d->clock = cpu_to_le64(rec->tx.clock);
	d->lsn = cpu_to_le64(rec->tx.lsn);
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

u32 ktm_jrec_encode(const struct ktm_jrec *rec, void *buf, u32 room)
{
	u32 size = ktm_jrec_size(rec);
	struct ktm_jf_drec *head = buf;

	if (!size || size > room)
		return 0;
	/* Padding and reserved fields are zero on the device. */
	memset(buf, 0, size);
	head->bytes = cpu_to_le32(size);
	head->type = cpu_to_le16(rec->type);
	head->flags = cpu_to_le16(rec->flags);

	switch (rec->type) {
	case KTM_JREC_CLOCK:
		((struct dclock *)buf)->clock = cpu_to_le64(rec->clock.clock);
		break;
	case KTM_JREC_RM:
		encode_rm(buf, rec);
		break;
	case KTM_JREC_RM_GONE:
		put_guid(((struct drm_gone *)buf)->guid, &rec->rm_gone.guid);
		break;
	case KTM_JREC_PREPARED:
		encode_prepared(buf, rec);
		break;
	case KTM_JREC_DECISION: {
		struct ddecision *d = buf;

		put_guid(d->uow, &rec->decision.uow);
		d->outcome = cpu_to_le32(rec->decision.outcome);
		d->prepared = cpu_to_le32(rec->decision.prepared);
		d->clock = cpu_to_le64(rec->decision.clock);
		break;
	}
	case KTM_JREC_COMPLETION: {
		struct dcompletion *d = buf;

		put_guid(d->uow, &rec->completion.uow);
		put_guid(d->enlistment, &rec->completion.enlistment);
		break;
	}
	case KTM_JREC_TX:
		encode_tx(buf, rec);
		break;
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
	return size;
}

static u32 decode_rm(struct ktm_jrec *rec, const struct drm *d)
{
	get_guid(&rec->rm.guid, d->guid);
	rec->rm.uid = le32_to_cpu(d->uid);
	rec->rm.gid = le32_to_cpu(d->gid);
	rec->rm.mode = le16_to_cpu(d->mode);
	rec->rm.desc_len = le16_to_cpu(d->desc_len);
	rec->rm.flags = le32_to_cpu(d->flags);
	rec->rm.desc = (const u8 *)(d + 1);
	return rec->rm.desc_len;
}

static u32 decode_prepared(struct ktm_jrec *rec, const struct dprepared *d)
{
	get_guid(&rec->prepared.uow, d->uow);
	get_guid(&rec->prepared.enlistment, d->enlistment);
	get_guid(&rec->prepared.rm, d->rm);
	rec->prepared.key = le64_to_cpu(d->key);
	rec->prepared.stream = le64_to_cpu(d->stream);
	rec->prepared.stream_need = le64_to_cpu(d->stream_need);
	rec->prepared.mask = le32_to_cpu(d->mask);
	rec->prepared.flags = le32_to_cpu(d->flags);
	rec->prepared.uid = le32_to_cpu(d->uid);
	rec->prepared.gid = le32_to_cpu(d->gid);
	rec->prepared.mode = le16_to_cpu(d->mode);
	rec->prepared.info_len = le32_to_cpu(d->info_len);
	rec->prepared.info = (const u8 *)(d + 1);
	return rec->prepared.info_len;
}

static void decode_tx(struct ktm_jrec *rec, const struct dtx *d)
{
	get_guid(&rec->tx.uow, d->uow);
	rec->tx.outcome = le32_to_cpu(d->outcome);
	rec->tx.prepared = le32_to_cpu(d->prepared);
	rec->tx.flags = le32_to_cpu(d->flags);
	rec->tx.uid = le32_to_cpu(d->uid);
	rec->tx.gid = le32_to_cpu(d->gid);
	rec->tx.mode = le16_to_cpu(d->mode);
	rec->tx.clock = le64_to_cpu(d->clock);
	rec->tx.lsn = le64_to_cpu(d->lsn);
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

static bool srec_whole(struct ktm_jrec *rec, const struct dsrec *d)
{
	rec->srec.data_crc = ktm_jrec_data_crc(d + 1, rec->srec.len);
	return le32_to_cpu(d->crc) ==
	       ~crc32c(rec->srec.data_crc, d, offsetof(struct dsrec, crc));
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

u32 ktm_jrec_decode(struct ktm_jrec *rec, const void *buf, u32 avail, const char **why)
{
	const struct ktm_jf_drec *head = buf;
	u32 bytes, least, var = 0;

	memset(rec, 0, sizeof(*rec));
	*why = "a record is cut off by the end of its batch";
	if (avail < sizeof(*head))
		return 0;
	bytes = le32_to_cpu(head->bytes);
	rec->type = le16_to_cpu(head->type);
	rec->flags = le16_to_cpu(head->flags);
	if (bytes > avail)
		return 0;

	*why = "a record has a type that this version does not know";
	least = ktm_jrec_bytes(rec->type, 0);
	if (!least)
		return 0;
	*why = "a record is shorter than its type demands";
	if (bytes < least)
		return 0;
	*why = "a record has flags that this version does not know";
	if (!flags_valid(rec->type, rec->flags))
		return 0;

	switch (rec->type) {
	case KTM_JREC_CLOCK:
		rec->clock.clock = le64_to_cpu(((const struct dclock *)buf)->clock);
		break;
	case KTM_JREC_RM:
		var = decode_rm(rec, buf);
		break;
	case KTM_JREC_RM_GONE:
		get_guid(&rec->rm_gone.guid, ((const struct drm_gone *)buf)->guid);
		break;
	case KTM_JREC_PREPARED:
		var = decode_prepared(rec, buf);
		break;
	case KTM_JREC_DECISION: {
		const struct ddecision *d = buf;

		get_guid(&rec->decision.uow, d->uow);
		rec->decision.outcome = le32_to_cpu(d->outcome);
		rec->decision.prepared = le32_to_cpu(d->prepared);
		rec->decision.clock = le64_to_cpu(d->clock);
		break;
	}
	case KTM_JREC_COMPLETION: {
		const struct dcompletion *d = buf;

		get_guid(&rec->completion.uow, d->uow);
		get_guid(&rec->completion.enlistment, d->enlistment);
		break;
	}
	case KTM_JREC_TX:
		decode_tx(rec, buf);
		break;
	case KTM_JREC_STREAM:
		var = decode_stream(rec, buf);
		break;
	case KTM_JREC_STREAM_GONE:
		rec->stream_gone.id = le64_to_cpu(((const struct dstream_gone *)buf)->id);
		break;
	case KTM_JREC_SREC:
		var = decode_srec(rec, buf);
		break;
	case KTM_JREC_SBASE:
		rec->sbase.id = le64_to_cpu(((const struct dsmark *)buf)->id);
		rec->sbase.base = le64_to_cpu(((const struct dsmark *)buf)->lsn);
		break;
	case KTM_JREC_STRUNC:
		rec->strunc.id = le64_to_cpu(((const struct dsmark *)buf)->id);
		rec->strunc.last = le64_to_cpu(((const struct dsmark *)buf)->lsn);
		break;
	case KTM_JREC_SINDEX:
		var = decode_sindex(rec, buf);
		break;
	}

	*why = "the length of a record does not agree with its contents";
	if (ktm_jrec_bytes(rec->type, var) != bytes)
		return 0;
	*why = "a record states an outcome or an id that cannot be";
	if (!ktm_jrec_size(rec))
		return 0;
	*why = "the checksum of a stream's record is wrong";
	if (rec->type == KTM_JREC_SREC && !srec_whole(rec, buf))
		return 0;
	*why = NULL;
	return bytes;
}
