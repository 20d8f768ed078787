/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a log says, record by record: the smallest thing that can replay one.
 *
 * It keeps what kernel/core/journal_replay.h wants its caller to keep, in lists, and can
 * give it back as the records of a restart area.
 */
#ifndef KTM_TEST_JOURNAL_MODEL_H
#define KTM_TEST_JOURNAL_MODEL_H

#include "journal_picture.h"
#include "journal_replay.h"

struct jm_rm {
	struct jm_rm *next;
	struct ktm_jp_rm jp;
	struct ktm_jrec rec;	/* with memory of its own behind the pointer */
};

struct jm_en {
	struct jm_en *next;
	struct jm_rm *rm;
	struct ktm_jrec rec;
};

struct jm_tx {
	struct jm_tx *next;
	struct ktm_jp_tx jp;
	struct ktm_guid uow;
	u32 uid, gid;
	u16 mode;
	u64 seen;		/* end of its last record in the log */
	struct jm_en *enlistments;
	struct jm_en *superior;
};

struct jm_stream {
	struct jm_stream *next;
	struct ktm_jp_stream jp;
	struct ktm_jrec rec;
	u64 seen;		/* end of its last record in the log */
	struct ktm_jsent *entries;	/* by name, rising */
	u32 count, room;
	struct ktm_jpic *picture;	/* being taken of it, or NULL */
};

struct jmodel {
	struct ktm_jp jp;
	struct jm_rm *rms;
	struct jm_tx *txs;
	struct jm_stream *streams;
};

void jmodel_init(struct jmodel *m, const struct ktm_jf_sb *sb);
void jmodel_free(struct jmodel *m);

/* 0 or -EUCLEAN, and m->jp.why says why. */
int jmodel_replay(struct jmodel *m, const struct ktm_jrec *rec);
int jmodel_end(struct jmodel *m, u64 tail);

/* The same for the same live set, in whatever order. */
u64 jmodel_digest(const struct jmodel *m);

/* The oldest place of a live record of a stream; U64_MAX: there is none. */
u64 jmodel_oldest(const struct jmodel *m);

/*
 * Of one transaction or stream, @lsn: what its first record is to say that it knows; @picture: of
 * the stream's index.
 */
int jmodel_snapshot_tx(const struct jm_tx *tx, u64 lsn,
		       int (*add)(void *ctx, const struct ktm_jrec *rec), void *ctx);
int jmodel_snapshot_stream(const struct jm_stream *s, u64 lsn, const struct ktm_jpic *picture,
			   int (*add)(void *ctx, const struct ktm_jrec *rec), void *ctx);

/*
 * All that lives, as an opening writes it. @add: 0, or a negative errno which ends it and
 * is returned.
 */
int jmodel_snapshot(const struct jmodel *m, int (*add)(void *ctx, const struct ktm_jrec *rec),
		    void *ctx);

#endif
