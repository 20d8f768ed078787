// SPDX-License-Identifier: GPL-2.0
/* What lives, as an opening writes it into its restart area. */
#include "live.h"

#include <errno.h>
#include <stdlib.h>

typedef int (*add_record)(void *ctx, const struct ktm_jrec *rec);

static int add_rm(const struct live_rm *rm, add_record add, void *ctx)
{
	const struct ktm_jrec rec = {
		.type = KTM_JREC_RM,
		.rm = {
			.guid = rm->guid,
			.uid = rm->uid,
			.gid = rm->gid,
			.mode = rm->mode,
			.flags = rm->flags,
			.desc_len = rm->description_length,
			.desc = rm->description,
		},
	};

	return add(ctx, &rec);
}

void live_stream_record(const struct live_stream *stream, struct ktm_jrec *rec)
{
	*rec = (struct ktm_jrec){
		.type = KTM_JREC_STREAM,
		.stream = {
			.guid = stream->guid,
			.id = stream->id,
			.quota = stream->quota,
			.base = stream->found.base,
			.last = stream->found.last,
			.restart = stream->found.restart,
			.entries = (u32)(stream->end - stream->first),
			.uid = stream->uid,
			.gid = stream->gid,
			.mode = stream->mode,
			.name_len = stream->name_length,
			.name = stream->name,
		},
	};
}

static int add_stream(const struct live_stream *stream, add_record add, void *ctx)
{
	struct ktm_jrec rec;
	size_t at;
	int ret;

	live_stream_record(stream, &rec);
	ret = add(ctx, &rec);
	for (at = stream->first; !ret && at < stream->end; at += rec.sindex.count) {
		memset(&rec, 0, sizeof(rec));
		rec.type = KTM_JREC_SINDEX;
		rec.sindex.id = stream->id;
		rec.sindex.count = min_t(u32, stream->end - at, KTM_JF_SINDEX_MAX);
		rec.sindex.entries = stream->records + at;
		ret = add(ctx, &rec);
	}
	return ret;
}

static int add_enlistment(const struct live_en *en, add_record add, void *ctx)
{
	/* Only its length counts here, so it was not kept. */
	static const u8 information[KTM_JF_INFO_MAX];
	const struct ktm_jrec rec = {
		.type = KTM_JREC_PREPARED,
		.prepared = {
			.uow = en->tx->uow,
			.enlistment = en->guid,
			.rm = en->rm->guid,
			.key = en->key,
			.stream = en->stream,
			.stream_need = en->stream_need,
			.mask = en->mask,
			.flags = en->superior ? KTM_JREC_P_SUPERIOR : 0,
			.uid = en->tx->uid,
			.gid = en->tx->gid,
			.mode = en->tx->mode,
			.info_len = en->information_length,
			.info = information,
		},
	};

	return add(ctx, &rec);
}

static int add_tx(const struct live_tx *tx, add_record add, void *ctx)
{
	static const u32 outcomes[] = {
		[KTM_FOUND_ABORT]	= KTM_JREC_ABORT,
		[KTM_FOUND_SEALED]	= KTM_JREC_UNDECIDED,
		[KTM_FOUND_COMMIT]	= KTM_JREC_COMMIT,
	};
	const struct ktm_jrec rec = {
		.type = KTM_JREC_TX,
		.tx = {
			.uow = tx->uow,
			.outcome = outcomes[ktm_jp_outcome(&tx->found, U64_MAX)],
			.prepared = tx->found.unfinished,
			.uid = tx->uid,
			.gid = tx->gid,
			.mode = tx->mode,
			.clock = tx->found.clock,
		},
	};
	const struct live_en *en;
	int ret = add(ctx, &rec);

	list_for_each_entry(en, &tx->enlistments, link) {
		if (ret)
			break;
		ret = add_enlistment(en, add, ctx);
	}
	return ret;
}

int live_records(const struct live *live, add_record add, void *ctx)
{
	const struct ktm_jrec clock = {
		.type = KTM_JREC_CLOCK,
		.clock.clock = live->found.clock,
	};
	void **rms = live_list(&live->rms), **streams = live_list(&live->streams);
	void **transactions = live_list(&live->transactions);
	size_t i;
	int ret = rms && streams && transactions ? add(ctx, &clock) : -ENOMEM;

	for (i = 0; !ret && rms[i]; i++)
		ret = add_rm(rms[i], add, ctx);
	for (i = 0; !ret && streams[i]; i++)
		ret = add_stream(streams[i], add, ctx);
	for (i = 0; !ret && transactions[i]; i++)
		ret = add_tx(transactions[i], add, ctx);
	free(rms);
	free(streams);
	free(transactions);
	return ret;
}
