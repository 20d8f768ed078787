// SPDX-License-Identifier: GPL-2.0
/*
 * The log back into objects, when a TM is opened and when it is reopened.
 *
 * 1. Quiet: whatever memory believes of durable enlistments is dropped, what
 *    had not been handed to the log is rolled back, and every RM is offline. A
 *    decision that was handed over and failed stays in doubt.
 * 2. The journal is opened: each record is replayed into objects that nobody
 *    can find, they are written to the new restart area, and all of that is
 *    made durable.
 * 3. Only then are the objects published, and what was in doubt is settled.
 *
 * A failure before 3 leaves the TM as after 1 and can be tried again.
 *
 * To roll a TM forward is the same, but decisions of a later virtual clock do not count,
 * and if there is anything later nothing is written in 2: what was read is made
 * durable, published, and read again by the next step as by a reopening.
 */
#include <linux/hashtable.h>
#include <linux/log2.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "core/journal_replay.h"
#include "enlistment.h"
#include "recovery.h"
#include "rm.h"
#include "status.h"
#include "stream_found.h"
#include "transaction.h"

/* Heads of the hash tables, as powers of two. */
#define RM_BITS		10
#define TX_BITS_MIN	10
#define TX_BITS_MAX	18

/* Of the ring. Where as much lives as its restart extents hold, a chain is about three long. */
#define BYTES_PER_HEAD	2048

/*
 * An RM that lived before (@jp.live) or was found. @rm: with a reference. @jp: what
 * the log says of it.
 */
struct found_rm {
	struct hlist_node node;
	struct ktm_rm *rm;
	struct ktm_jp_rm jp;
};

/*
 * Most transactions of a log are over when it has been read to its end. So no more is
 * kept of each than its records say, until it is known which are left: @tx, @en are made
 * then, with a reference.
 *
 * @enlistments: those that are not over. @superior: the one of them whose record says so.
 * @jp: what the log says of it. @uow, @uid, @gid, @mode: as logged.
 */
struct found_tx {
	struct hlist_node node;
	struct ktm_transaction *tx;
	struct list_head enlistments;
	struct found_en *superior;
	struct ktm_jp_tx jp;
	struct ktm_guid uow;
	u32 uid, gid;
	u16 mode;
};

/* @rec: its prepared record, with @info behind it. @room: bytes that fit there. */
struct found_en {
	struct hlist_node node;
	struct list_head link;
	struct found_rm *rm;
	struct ktm_enlistment *en;
	u32 room;
	struct ktm_jrec rec;
	u8 info[];
};

/*
 * @jp: the rules of what the records mean, with the highest virtual clock in the log.
 * @limit: the one up to and with which its decisions count. @partial: it goes further than
 * that, so nothing new is written, nothing is kept in the log for what was found, and the
 * TM is not online. @tail: where the log ends.
 *
 * @rms, @txs, @enlistments: by GUID, tables of 1 << @bits heads each but the first. @key: of
 * their hash. @spare_txs, @spare_ens: what has come and gone, to be used again: in a log of a
 * million transactions few are under way at a time.
 */
struct recovery {
	struct ktm_tm *tm;
	struct ktm_jp jp;
	u64 limit;
	u64 tail;
	bool partial;
	u64 key[2];
	u32 bits;
	DECLARE_HASHTABLE(rms, RM_BITS);
	struct hlist_head *txs;
	struct hlist_head *enlistments;
	struct hlist_head spare_txs;
	struct hlist_head spare_ens;
	struct ktm_found_streams streams;
	int err;
};

/* Clients choose GUIDs. With a key that is drawn anew they cannot choose who shares a chain. */
static u32 guid_hash(const struct recovery *r, const struct ktm_guid *guid, u32 bits)
{
	u64 a, b;

	memcpy(&a, guid->b, sizeof(a));
	memcpy(&b, guid->b + sizeof(a), sizeof(b));
	return (a + r->key[0]) * (b + r->key[1]) >> (64 - bits);
}

static struct hlist_head *rm_chain(struct recovery *r, const struct ktm_guid *guid)
{
	return &r->rms[guid_hash(r, guid, RM_BITS)];
}

static struct hlist_head *tx_chain(struct recovery *r, const struct ktm_guid *uow)
{
	return &r->txs[guid_hash(r, uow, r->bits)];
}

static struct hlist_head *en_chain(struct recovery *r, const struct ktm_guid *guid)
{
	return &r->enlistments[guid_hash(r, guid, r->bits)];
}

/* Any of them may be dropped meanwhile. */
#define for_each_found_tx(r, i, tmp, f)							\
	for ((i) = 0; (i) < 1u << (r)->bits; (i)++)					\
		hlist_for_each_entry_safe(f, tmp, &(r)->txs[i], node)

static struct found_rm *find_rm(struct recovery *r, const struct ktm_guid *guid)
{
	struct found_rm *f;

	hlist_for_each_entry(f, rm_chain(r, guid), node) {
		if (ktm_guid_eq(&f->rm->obj.guid, guid))
			return f;
	}
	return NULL;
}

static struct found_tx *find_tx(struct recovery *r, const struct ktm_guid *uow)
{
	struct found_tx *f;

	hlist_for_each_entry(f, tx_chain(r, uow), node) {
		if (ktm_guid_eq(&f->uow, uow))
			return f;
	}
	return NULL;
}

static struct found_en *find_en(struct recovery *r, const struct ktm_guid *guid)
{
	struct found_en *f;

	hlist_for_each_entry(f, en_chain(r, guid), node) {
		if (ktm_guid_eq(&f->rec.prepared.enlistment, guid))
			return f;
	}
	return NULL;
}

static int add_rm(struct recovery *r, struct ktm_rm *rm, bool live)
{
	struct found_rm *f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);

	if (!f) {
		ktm_object_put(&rm->obj);
		return -ENOMEM;
	}
	f->rm = rm;
	f->jp.live = live;
	hlist_add_head(&f->node, rm_chain(r, &rm->obj.guid));
	return 0;
}

static void drop_rm(struct found_rm *f)
{
	hash_del(&f->node);
	ktm_object_put(&f->rm->obj);
	kfree(f);
}

static void drop_en(struct recovery *r, struct found_en *f)
{
	list_del(&f->link);
	hlist_del(&f->node);
	if (f->en)
		ktm_object_put(&f->en->obj);
	hlist_add_head(&f->node, &r->spare_ens);
}

static void drop_tx(struct recovery *r, struct found_tx *f)
{
	struct found_en *en, *next;

	list_for_each_entry_safe(en, next, &f->enlistments, link)
		drop_en(r, en);
	hlist_del(&f->node);
	if (f->tx)
		ktm_object_put(&f->tx->obj);
	hlist_add_head(&f->node, &r->spare_txs);
}

static int make_tables(struct recovery *r)
{
	struct ktm_journal_stat st;
	u64 heads;

	ktm_journal_stat(r->tm->journal, &st);
	heads = st.ring_bytes / BYTES_PER_HEAD;
	r->bits = clamp_t(u32, ilog2(heads + 1), TX_BITS_MIN, TX_BITS_MAX);
	get_random_bytes(r->key, sizeof(r->key));
	hash_init(r->rms);
	INIT_HLIST_HEAD(&r->spare_txs);
	INIT_HLIST_HEAD(&r->spare_ens);
	/* All of it is zero, which is an empty chain. */
	r->txs = kvcalloc(2ul << r->bits, sizeof(*r->txs), GFP_KERNEL_ACCOUNT);
	if (!r->txs)
		return -ENOMEM;
	r->enlistments = r->txs + (1ul << r->bits);
	return 0;
}

static void drop_all(struct recovery *r)
{
	struct found_tx *tx;
	struct found_en *en;
	struct found_rm *rm;
	struct hlist_node *tmp;
	u32 i;

	for_each_found_tx(r, i, tmp, tx)
		drop_tx(r, tx);
	hash_for_each_safe(r->rms, i, tmp, rm, node)
		drop_rm(rm);
	ktm_found_streams_drop(&r->streams);
	hlist_for_each_entry_safe(tx, tmp, &r->spare_txs, node)
		kfree(tx);
	hlist_for_each_entry_safe(en, tmp, &r->spare_ens, node)
		kvfree(en);
	kvfree(r->txs);
}

/* ---- 1: quiet ---- */

static void quiet_tx(struct ktm_transaction *tx, void *ctx)
{
	struct ktm_enc *core, *next;
	struct recovery *r = ctx;

	mutex_lock(&tx->lock);
	/* Its first enlistment was refused meanwhile; it may have gone to another TM. */
	if (tx->tm != r->tm)
		goto unlock;
	ktm_tx_void(tx);
	tx->end_lsn = 0;
	list_for_each_entry_safe(core, next, &tx->core.enlistments, link) {
		struct ktm_enlistment *en = ktm_en_of_core(core);

		if (!(core->flags & KTM_ENC_DURABLE))
			continue;
		ktm_en_void(en);
		/* The log never knew of it, and only its RM knows the outcome. */
		if (core->state == KTM_EN_STATE_SINGLE_PHASE)
			continue;
		ktm_txc_expire(core);
		ktm_en_forget(en);
	}
	ktm_tx_event(tx, KTM_TXEV_QUIET);
unlock:
	mutex_unlock(&tx->lock);
}

/* The durable RMs that live, each with a reference; they are not made or lost meanwhile. */
static int collect_rms(struct recovery *r)
{
	struct ktm_tm *tm = r->tm;
	struct ktm_rm *rm;
	int err;

	lockdep_assert_held(&tm->lock);
	spin_lock(&tm->list_lock);
	list_for_each_entry(rm, &tm->rms, tm_link) {
		if (!ktm_rm_durable(rm))
			continue;
		/* It stays in the list, so the walk can go on from it. */
		ktm_object_get(&rm->obj);
		spin_unlock(&tm->list_lock);
		err = add_rm(r, rm, true);
		if (err)
			return err;
		cond_resched();
		spin_lock(&tm->list_lock);
	}
	spin_unlock(&tm->list_lock);
	return 0;
}

static int quiet(struct recovery *r)
{
	struct ktm_tm *tm = r->tm;
	struct found_rm *rm;
	int i, err;

	/* What the log was told, it has failed by now, or is about to. */
	if (wait_event_killable(tm->deciding_wait, !atomic_read(&tm->deciding)))
		return -EINTR;
	err = collect_rms(r);
	if (err)
		return err;
	hash_for_each(r->rms, i, rm, node)
		ktm_rm_offline(rm->rm);
	ktm_tm_for_each_transaction(tm, quiet_tx, r);
	ktm_streams_quiet(tm);
	return 0;
}

/* ---- 2: replay and snapshot ---- */

static void begin(void *ctx, const struct ktm_jf_sb *sb)
{
	struct recovery *r = ctx;

	ktm_jp_init(&r->jp, sb);
}

static int make_rm(struct recovery *r, const struct ktm_jrec *rec)
{
	struct ktm_object *obj;
	struct ktm_rm *rm;
	u32 status;

	/* A volatile one of that GUID lives, which no log of this TM can have let in. */
	obj = ktm_object_find(KTM_KIND_RM, r->tm, &rec->rm.guid);
	if (obj) {
		ktm_object_put(obj);
		return -EUCLEAN;
	}
	status = ktm_rm_create_recovered(r->tm, rec, &rm);
	if (status)
		return ktm_status_errno(status);
	return add_rm(r, rm, false);
}

/* What a record of one that is known says of it was so when that was made. */
static int replay_rm(struct recovery *r, const struct ktm_jrec *rec)
{
	struct found_rm *f = find_rm(r, &rec->rm.guid);
	int what = ktm_jp_rm(&r->jp, f ? &f->jp : NULL, rec);

	return what == KTM_JP_MAKE ? make_rm(r, rec) : what;
}

static int replay_rm_gone(struct recovery *r, const struct ktm_jrec *rec)
{
	struct found_rm *f = find_rm(r, &rec->rm_gone.guid);
	int what = ktm_jp_rm_gone(&r->jp, f ? &f->jp : NULL, rec);

	if (what == KTM_JP_END)
		drop_rm(f);
	return what;
}

static struct found_tx *found_new_tx(struct recovery *r, const struct ktm_guid *uow, u16 mode,
				     u32 uid, u32 gid)
{
	struct found_tx *f = hlist_entry_safe(r->spare_txs.first, struct found_tx, node);

	if (f)
		hlist_del(&f->node);
	else
		f = kmalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->uow = *uow;
	f->mode = mode;
	f->uid = uid;
	f->gid = gid;
	INIT_LIST_HEAD(&f->enlistments);
	hlist_add_head(&f->node, tx_chain(r, uow));
	return f;
}

/* With room for so much information; the rest of it is the caller's to fill in. */
static struct found_en *found_new_en(struct recovery *r, u32 info_len)
{
	struct found_en *f = hlist_entry_safe(r->spare_ens.first, struct found_en, node);

	if (f) {
		hlist_del(&f->node);
		if (f->room >= info_len)
			return f;
		kvfree(f);
	}
	f = kvmalloc(struct_size(f, info, info_len), GFP_KERNEL_ACCOUNT);
	if (f)
		f->room = info_len;
	return f;
}

static int enlist(struct recovery *r, struct found_tx *tx, struct found_rm *rm,
		  const struct ktm_jrec *rec)
{
	struct found_en *f;

	/* Whether it is left or not. */
	if (!ktm_en_loggable(rec))
		return -EUCLEAN;
	f = found_new_en(r, rec->prepared.info_len);
	if (!f)
		return -ENOMEM;
	f->rm = rm;
	f->en = NULL;
	f->rec = *rec;
	memcpy(f->info, rec->prepared.info, rec->prepared.info_len);
	f->rec.prepared.info = f->info;
	list_add_tail(&f->link, &tx->enlistments);
	hlist_add_head(&f->node, en_chain(r, &rec->prepared.enlistment));
	if (rec->prepared.flags & KTM_JREC_P_SUPERIOR)
		tx->superior = f;
	return 0;
}

static int replay_prepared(struct recovery *r, const struct ktm_jrec *rec)
{
	const bool again = find_en(r, &rec->prepared.enlistment);
	struct found_rm *rm = find_rm(r, &rec->prepared.rm);
	struct found_tx *tx = find_tx(r, &rec->prepared.uow);
	struct ktm_jp_rm *jp = rm ? &rm->jp : NULL;
	int what;

	what = ktm_jp_prepared(&r->jp, tx ? &tx->jp : NULL, jp, again, rec);
	if (what == KTM_JP_MAKE) {
		tx = found_new_tx(r, &rec->prepared.uow, rec->prepared.mode, rec->prepared.uid,
				  rec->prepared.gid);
		if (!tx)
			return -ENOMEM;
		what = ktm_jp_prepared(&r->jp, &tx->jp, jp, again, rec);
	}
	return what == KTM_JP_ENLIST ? enlist(r, tx, rm, rec) : what;
}

/* Its RM has nothing more to do with it. */
static void end_enlistment(struct recovery *r, struct found_tx *tx, struct found_en *en)
{
	if (tx->superior == en)
		tx->superior = NULL;
	drop_en(r, en);
}

static struct ktm_jp_rm *rm_of_superior(const struct found_tx *tx)
{
	return tx && tx->superior ? &tx->superior->rm->jp : NULL;
}

static int replay_decision(struct recovery *r, const struct ktm_jrec *rec)
{
	struct found_tx *tx = find_tx(r, &rec->decision.uow);
	int what;

	what = ktm_jp_decision(&r->jp, tx ? &tx->jp : NULL, rm_of_superior(tx), rec);
	if (what == KTM_JP_END_SUPERIOR)
		end_enlistment(r, tx, tx->superior);
	return what;
}

static int replay_completion(struct recovery *r, const struct ktm_jrec *rec)
{
	struct found_tx *tx = find_tx(r, &rec->completion.uow);
	struct found_en *at, *en = NULL;
	int what;

	if (tx) {
		list_for_each_entry(at, &tx->enlistments, link) {
			if (ktm_guid_eq(&at->rec.prepared.enlistment, &rec->completion.enlistment))
				en = at;
		}
	}
	what = ktm_jp_completion(&r->jp, tx ? &tx->jp : NULL, en ? &en->rm->jp : NULL,
				 en && tx->superior == en, rec);
	if (en && (what == KTM_JP_END || what == KTM_JP_END_TX))
		end_enlistment(r, tx, en);
	if (what == KTM_JP_END_TX)
		drop_tx(r, tx);
	return what;
}

/* In a restart area: the transaction, before its prepared records. */
static int replay_tx(struct recovery *r, const struct ktm_jrec *rec)
{
	struct found_tx *tx = find_tx(r, &rec->tx.uow);
	int what;

	what = ktm_jp_tx(&r->jp, tx ? &tx->jp : NULL, rec);
	if (what != KTM_JP_MAKE)
		return what;
	if (!ktm_object_loggable(&rec->tx.uow, rec->tx.mode, rec->tx.uid, rec->tx.gid))
		return -EUCLEAN;
	tx = found_new_tx(r, &rec->tx.uow, rec->tx.mode, rec->tx.uid, rec->tx.gid);
	return tx ? ktm_jp_tx(&r->jp, &tx->jp, rec) : -ENOMEM;
}

static int replay(void *ctx, const struct ktm_jrec *rec)
{
	struct recovery *r = ctx;

	switch (rec->type) {
	case KTM_JREC_CLOCK:
		return ktm_jp_clock(&r->jp, rec);
	case KTM_JREC_RM:
		return replay_rm(r, rec);
	case KTM_JREC_RM_GONE:
		return replay_rm_gone(r, rec);
	case KTM_JREC_PREPARED:
		return replay_prepared(r, rec);
	case KTM_JREC_DECISION:
		return replay_decision(r, rec);
	case KTM_JREC_COMPLETION:
		return replay_completion(r, rec);
	case KTM_JREC_TX:
		return replay_tx(r, rec);
	case KTM_JREC_STREAM:
	case KTM_JREC_STREAM_GONE:
	case KTM_JREC_SREC:
	case KTM_JREC_SBASE:
	case KTM_JREC_STRUNC:
	case KTM_JREC_SINDEX:
		return ktm_found_streams_replay(&r->streams, &r->jp, rec);
	default:
		return -EUCLEAN;
	}
}

/*
 * A superior that rolled back while the log could not be told of it: memory knows,
 * and so did others.
 */
static void remember_abort(struct ktm_transaction *tx, void *ctx)
{
	struct recovery *r = ctx;
	struct found_tx *f = tx->logged ? find_tx(r, &tx->obj.guid) : NULL;

	if (f && ktm_jp_sealed(&f->jp) && ktm_txc_outcome(&tx->core) == KTM_OUTCOME_ABORTED &&
	    ktm_jp_abort(&r->jp, &f->jp, rm_of_superior(f)) == KTM_JP_END_SUPERIOR)
		end_enlistment(r, f, f->superior);
}

/*
 * Does a live transaction contradict the log? Memory is never believed against
 * it, but an outcome that was told must be there: else the device has lost what
 * it had confirmed, and nobody shall write on it.
 */
static void check_tx(struct ktm_transaction *tx, void *ctx)
{
	struct recovery *r = ctx;
	struct found_tx *f = find_tx(r, &tx->obj.guid);

	/* Another one of the same UOW, which the log has not heard of. */
	if (!tx->logged || READ_ONCE(tx->tm) != r->tm)
		return;
	if (f && f->jp.committed && ktm_txc_outcome(&tx->core) == KTM_OUTCOME_ABORTED)
		r->err = -EUCLEAN;
	if (f && !f->jp.committed && ktm_txc_outcome(&tx->core) == KTM_OUTCOME_COMMITTED)
		r->err = -EUCLEAN;
}

/* Presumed abort: what was not decided by now never will be, but by a superior. */
static u32 found_outcome(const struct found_tx *f)
{
	if (f->jp.committed)
		return KTM_JREC_COMMIT;
	return ktm_jp_sealed(&f->jp) ? KTM_JREC_UNDECIDED : KTM_JREC_ABORT;
}

/* What is left is made into objects. */
static int make_tx(struct recovery *r, struct found_tx *f)
{
	struct found_en *en;
	u32 status;

	status = ktm_tx_create_recovered(r->tm, &f->uow, f->mode, f->uid, f->gid, &f->tx);
	if (status)
		return ktm_status_errno(status);
	list_for_each_entry(en, &f->enlistments, link) {
		status = ktm_en_create_recovered(en->rm->rm, &en->rec, &en->en);
		if (status)
			return ktm_status_errno(status);
		cond_resched();
	}
	return 0;
}

static int snapshot_tx(struct recovery *r, struct ktm_jsnap *snap, struct found_tx *f)
{
	struct ktm_journal *j = r->tm->journal;
	const struct ktm_object *obj = &f->tx->obj;
	struct found_en *found;
	struct ktm_jrec rec = {
		.type = KTM_JREC_TX,
		.tx = {
			.uow = obj->guid,
			.outcome = found_outcome(f),
			.uid = from_kuid(&init_user_ns, obj->uid),
			.gid = from_kgid(&init_user_ns, obj->gid),
			.mode = obj->mode,
			.clock = f->jp.clock,
			.prepared = f->jp.unfinished,
		},
	};
	int err;

	err = ktm_jsnap_add(snap, &rec);
	if (err)
		return err;
	ktm_journal_live_charge(j, ktm_jrec_bytes(KTM_JREC_TX, 0));
	if (ktm_jp_sealed(&f->jp))
		ktm_journal_reserve(j, ktm_journal_bytes(j, KTM_JREC_DECISION, 0));
	list_for_each_entry(found, &f->enlistments, link) {
		const struct ktm_enlistment *en = found->en;

		ktm_en_to_record(en, obj, &rec);
		err = ktm_jsnap_add(snap, &rec);
		if (err)
			return err;
		ktm_journal_live_charge(j, ktm_jrec_bytes(KTM_JREC_PREPARED,
							  en->information_length));
		ktm_journal_reserve(j, ktm_journal_bytes(j, KTM_JREC_COMPLETION, 0));
		if (!en->log_stream)
			continue;
		err = ktm_found_streams_need(&r->streams, &r->jp, en->log_stream, en->log_need);
		if (err)
			return err;
	}
	return 0;
}

static int snapshot_clock(struct recovery *r, struct ktm_jsnap *snap)
{
	struct ktm_jrec rec = {
		.type = KTM_JREC_CLOCK,
		/* Memory may be further: answers have raised it since the last decision. */
		.clock.clock = max(r->jp.clock, ktm_tm_clock(r->tm)),
	};

	ktm_journal_live_charge(r->tm->journal, ktm_jrec_bytes(KTM_JREC_CLOCK, 0));
	return ktm_jsnap_add(snap, &rec);
}

static int snapshot(void *ctx, struct ktm_jsnap *snap, u64 tail)
{
	struct recovery *r = ctx;
	struct ktm_jrec rec;
	struct hlist_node *tmp;
	struct found_tx *tx;
	struct found_rm *rm;
	u32 i;
	int err;

	err = ktm_jp_end(&r->jp, tail);
	if (err)
		return err;
	r->tail = tail;
	err = ktm_found_streams_check(&r->streams, &r->jp);
	if (err)
		return err;
	ktm_tm_for_each_transaction(r->tm, remember_abort, r);
	r->err = 0;
	ktm_tm_for_each_transaction(r->tm, check_tx, r);
	if (r->err)
		return r->err;
	for_each_found_tx(r, i, tmp, tx) {
		err = make_tx(r, tx);
		if (err)
			return err;
	}
	r->partial = r->jp.clock > r->limit;
	if (r->partial)
		return 1;
	err = snapshot_clock(r, snap);
	if (err)
		return err;
	hash_for_each(r->rms, i, rm, node) {
		ktm_rm_to_record(rm->rm, &rec);
		err = ktm_jsnap_add(snap, &rec);
		if (err)
			return err;
		ktm_journal_live_charge(r->tm->journal,
					ktm_jrec_bytes(KTM_JREC_RM, rm->rm->description_length));
	}
	err = ktm_found_streams_snapshot(&r->streams, snap);
	if (err)
		return err;
	for_each_found_tx(r, i, tmp, tx) {
		err = snapshot_tx(r, snap, tx);
		if (err)
			return err;
	}
	return 0;
}

static void offline(void *ctx, int err)
{
	struct recovery *r = ctx;

	ktm_tm_log_failed(r->tm);
}

static void restart_due(void *ctx)
{
	struct recovery *r = ctx;

	ktm_tm_restart_due(r->tm);
}

static const struct ktm_journal_ops journal_ops = {
	.begin = begin,
	.replay = replay,
	.snapshot = snapshot,
	.restart_due = restart_due,
	.offline = offline,
};

/* ---- 3: publish ---- */

/* The live transaction of that UOW, with a reference and its mutex, or NULL. */
static struct ktm_transaction *live_tx(struct ktm_tm *tm, const struct ktm_guid *uow)
{
	struct ktm_object *obj = ktm_object_find(KTM_KIND_TX, NULL, uow);
	struct ktm_transaction *tx;

	if (!obj)
		return NULL;
	tx = ktm_tx_of(obj);
	mutex_lock(&tx->lock);
	/*
	 * One that a client has just made is another, of the same UOW. One that had
	 * finished goes when its last descriptor is closed, and is no place for what the
	 * log has not got of that.
	 */
	if (tx->tm == tm && tx->logged && !tx->retired)
		return tx;
	mutex_unlock(&tx->lock);
	ktm_object_put(obj);
	return NULL;
}

static void adopt(struct recovery *r, struct ktm_enlistment *en, struct ktm_transaction *tx)
{
	struct ktm_stream *s = NULL;

	ktm_en_adopt(en, tx, ktm_journal_bytes(r->tm->journal, KTM_JREC_COMPLETION, 0),
		     ktm_jrec_bytes(KTM_JREC_PREPARED, en->information_length));
	if (en->log_stream)
		s = ktm_found_streams_live(&r->streams, en->log_stream);
	if (s)
		ktm_stream_need_recovered(&en->need, s, en->log_need);
}

static void publish_tx(struct recovery *r, struct found_tx *f)
{
	static const enum ktm_tx_event settling[] = {
		[KTM_FOUND_ABORT]	= KTM_TXEV_SETTLE_ABORT,
		[KTM_FOUND_SEALED]	= KTM_TXEV_SETTLE_SEALED,
		[KTM_FOUND_COMMIT]	= KTM_TXEV_SETTLE_COMMIT,
	};
	struct ktm_journal *j = r->tm->journal;
	struct ktm_transaction *tx = live_tx(r->tm, &f->uow);
	const enum ktm_found found = ktm_jp_outcome(&f->jp, r->limit);
	struct ktm_log_bytes held = { };
	struct found_en *en;

	if (!tx) {
		tx = f->tx;
		ktm_object_get(&tx->obj);
		ktm_txc_init_recovered(&tx->core, found);
		ktm_tx_publish_recovered(tx, r->tm);
		mutex_lock(&tx->lock);
	}
	tx->logged = true;
	tx->log_lsn = r->tail;
	tx->log_clock = f->jp.clock;
	tx->log_outcome = found_outcome(f);
	if (!r->partial) {
		held.area = ktm_jrec_bytes(KTM_JREC_TX, 0);
		if (ktm_jp_sealed(&f->jp))
			held.ring = ktm_journal_bytes(j, KTM_JREC_DECISION, 0);
		ktm_tx_reserve_recovered(tx, held);
	}
	list_for_each_entry(en, &f->enlistments, link) {
		if (r->partial)
			ktm_en_adopt(en->en, tx, 0, 0);
		else
			adopt(r, en->en, tx);
		/* Its reference went to the transaction. */
		en->en = NULL;
	}
	if (tx->core.state == KTM_TX_STATE_INDOUBT && found != KTM_FOUND_DOUBT)
		ktm_tx_event(tx, settling[found]);
	mutex_unlock(&tx->lock);
	ktm_object_put(&tx->obj);
}

/* In doubt, and not in the log: it had not got there. */
static void settle_tx(struct ktm_transaction *tx, void *ctx)
{
	struct recovery *r = ctx;
	struct found_tx *f = tx->logged ? find_tx(r, &tx->obj.guid) : NULL;

	if (f && ktm_jp_decided_later(&f->jp, r->limit))
		return;
	mutex_lock(&tx->lock);
	if (tx->tm != r->tm)
		goto unlock;
	if (tx->core.state == KTM_TX_STATE_INDOUBT)
		ktm_tx_event(tx, KTM_TXEV_SETTLE_ABORT);
	else if (ktm_txc_outcome(&tx->core) != KTM_OUTCOME_UNDETERMINED)
		ktm_tx_carry_out(tx, NULL, ktm_txc_reopened(&tx->core));
unlock:
	mutex_unlock(&tx->lock);
}

static void publish(struct recovery *r)
{
	struct hlist_node *tmp;
	struct found_tx *tx;
	struct found_rm *rm;
	u32 i;

	ktm_tm_clock_raise(r->tm, min(r->jp.clock, r->limit));
	hash_for_each(r->rms, i, rm, node) {
		if (!rm->jp.live)
			ktm_rm_publish_recovered(rm->rm);
	}
	if (!r->partial)
		ktm_found_streams_publish(&r->streams);
	for_each_found_tx(r, i, tmp, tx)
		publish_tx(r, tx);
	ktm_tm_for_each_transaction(r->tm, settle_tx, r);
	ktm_tx_reap_ended(r->tm);
}

static void recovered(struct recovery *r)
{
	struct ktm_tm *tm = r->tm;

	if (r->partial) {
		tm->reached = r->limit;
		WRITE_ONCE(tm->state, KTM_TM_STATE_ROLLED_FORWARD);
	} else {
		tm->reached = U64_MAX;
		/* It may have failed once more in the meantime. */
		cmpxchg(&tm->state, KTM_TM_STATE_RECOVERING, KTM_TM_STATE_ONLINE);
	}
}

/**
 * ktm_recovery_run - bring a durable TM online, or roll it forward
 * @tm: the TM, its mutex held, not online
 * @limit: the virtual clock up to which its log shall count; U64_MAX: to the end
 * @fault: out: what is wrong with the journal, if that is what is wrong
 *
 * Return: 0 and the TM is online (unless its log has just failed again), or rolled
 * forward if the log goes further than @limit; or a negative errno and it is neither.
 */
int ktm_recovery_run(struct ktm_tm *tm, u64 limit, struct ktm_jf_fault *fault)
{
	/* What it had told of a part of its log is dropped before that is read again. */
	u32 failed = tm->state == KTM_TM_STATE_OFFLINE ? tm->state : KTM_TM_STATE_FAILED;
	struct recovery *r;
	int err;

	lockdep_assert_held(&tm->lock);
	/* The journal keeps it as the context of its calls for as long as it lives. */
	r = tm->recovery;
	if (!r) {
		r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
		if (!r)
			return -ENOMEM;
		r->tm = tm;
		tm->recovery = r;
	}
	memset(&r->jp, 0, sizeof(r->jp));
	r->limit = limit;
	r->partial = false;
	err = make_tables(r);
	if (err)
		return err;
	ktm_found_streams_init(&r->streams, tm);
	WRITE_ONCE(tm->state, KTM_TM_STATE_RECOVERING);
	err = quiet(r);
	if (!err)
		err = ktm_journal_open(tm->journal, &journal_ops, r, fault);
	if (err >= 0)
		publish(r);
	else if (r->jp.why)
		fault->msg = r->jp.why;
	drop_all(r);
	if (err < 0)
		WRITE_ONCE(tm->state, failed);
	else
		recovered(r);
	return min(err, 0);
}
