// SPDX-License-Identifier: GPL-2.0
/*
 * Records of the journal: from memory to bytes and back. Those of log streams are in
 * journal_record_stream.c.
 *
 * A record comes from a device that may be hostile, behind a checksum that
 * anybody can compute: every length and every value with a meaning is checked.
 */
#include "journal_record.h"

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

u32 ktm_jrec_bytes(u16 type, u32 var)
{
	u32 fixed, max = 0;

	BUILD_BUG_ON(sizeof(struct dprepared) + KTM_JF_INFO_MAX > KTM_JF_REC_MAX);
	BUILD_BUG_ON(sizeof(struct dprepared) != 104 || sizeof(struct dtx) != 64);
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
	default:
		return ktm_jsrec_bytes(type, var);
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
	case KTM_JREC_CLOCK:
	case KTM_JREC_RM_GONE:
	case KTM_JREC_COMPLETION:
		break;
	default:
		return ktm_jsrec_size(rec);
	}
	return ktm_jrec_bytes(rec->type, var);
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
	default:
		ktm_jsrec_encode(rec, buf);
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
	default:
		var = ktm_jsrec_decode(rec, buf);
		break;
	}

	*why = "the length of a record does not agree with its contents";
	if (ktm_jrec_bytes(rec->type, var) != bytes)
		return 0;
	*why = "a record states an outcome or an id that cannot be";
	if (!ktm_jrec_size(rec))
		return 0;
	*why = "the checksum of a stream's record is wrong";
	if (!ktm_jsrec_whole(rec, buf))
		return 0;
	*why = NULL;
	return bytes;
}
