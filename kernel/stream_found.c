// SPDX-License-Identifier: GPL-2.0
/*
 * The log streams that a recovery finds, until they are published.
 */
#include <linux/jhash.h>
#include <linux/slab.h>

#include "status.h"
#include "stream_found.h"

/*
 * @s: being built from the log, with a reference
 * @live: once it is published, the TM's stream of that id, with a reference: @s, or one that was
 *	there before
 */
struct found {
	struct hlist_node id, guid, name;
	struct ktm_stream *s;
	struct ktm_stream *live;
};

void ktm_found_streams_init(struct ktm_found_streams *f, struct ktm_tm *tm)
{
	f->tm = tm;
	hash_init(f->by_id);
	hash_init(f->by_guid);
	hash_init(f->by_name);
}

static struct found *find(struct ktm_found_streams *f, u64 id)
{
	struct found *at;

	hash_for_each_possible(f->by_id, at, id, id) {
		if (at->s->id == id)
			return at;
	}
	return NULL;
}

static void drop(struct found *at)
{
	hash_del(&at->id);
	/* What it holds may be much, and the last reference may not take its time. */
	if (at->live != at->s)
		ktm_sindex_cut_above(&at->s->index, 0);
	if (at->live)
		ktm_object_put(&at->live->obj);
	ktm_object_put(&at->s->obj);
	kfree(at);
}

void ktm_found_streams_drop(struct ktm_found_streams *f)
{
	struct hlist_node *tmp;
	struct found *at;
	int i;

	hash_for_each_safe(f->by_id, i, tmp, at, id)
		drop(at);
}

static u64 id_of(const struct ktm_jrec *rec)
{
	switch (rec->type) {
	case KTM_JREC_STREAM:
		return rec->stream.id;
	case KTM_JREC_STREAM_GONE:
		return rec->stream_gone.id;
	case KTM_JREC_SREC:
		return rec->srec.id;
	case KTM_JREC_SBASE:
		return rec->sbase.id;
	case KTM_JREC_STRUNC:
		return rec->strunc.id;
	default:
		return rec->sindex.id;
	}
}

static int make(struct ktm_found_streams *f, const struct ktm_jrec *rec, struct found **atp)
{
	struct found *at = kzalloc(sizeof(*at), GFP_KERNEL_ACCOUNT);
	u32 status;

	if (!at)
		return -ENOMEM;
	status = ktm_stream_create_recovered(f->tm, rec, &at->s);
	if (status) {
		kfree(at);
		return ktm_status_errno(status);
	}
	hash_add(f->by_id, &at->id, at->s->id);
	*atp = at;
	return 0;
}

/**
 * ktm_found_streams_replay - one record of the log that is about a stream
 * @f: what was found so far
 * @jp: the replay
 * @rec: the record, STREAM to SINDEX
 *
 * Return: 0 or a negative errno.
 */
int ktm_found_streams_replay(struct ktm_found_streams *f, struct ktm_jp *jp,
			     const struct ktm_jrec *rec)
{
	struct found *at = find(f, id_of(rec));
	int what, err;

	what = ktm_stream_replay(at ? at->s : NULL, jp, rec);
	if (what == KTM_JP_MAKE) {
		err = make(f, rec, &at);
		if (err)
			return err;
		what = ktm_stream_replay(at->s, jp, rec);
	}
	if (what == KTM_JP_END)
		drop(at);
	return min(what, 0);
}

/**
 * ktm_found_streams_need - an enlistment that was found has room set aside
 * @f: what was found
 * @jp: the replay
 * @id: of the stream
 * @need: bytes
 *
 * While the journal is opening, which refuses nothing.
 *
 * Return: 0, or -EUCLEAN if no such stream lives or it cannot have granted that.
 */
int ktm_found_streams_need(struct ktm_found_streams *f, struct ktm_jp *jp, u64 id, u64 need)
{
	const struct found *at = find(f, id);
	int err = ktm_jp_need(jp, at ? at->s->quota : 0, need);

	return err ? err : ktm_journal_reserve(f->tm->journal, need);
}

static u32 guid_hash(const struct ktm_stream *s)
{
	return jhash(&s->obj.guid, sizeof(s->obj.guid), 0);
}

static u32 name_hash(const struct ktm_stream *s)
{
	return jhash(s->name, s->name_length, 0);
}

static bool guid_taken(struct ktm_found_streams *f, const struct ktm_stream *s)
{
	struct found *at;

	hash_for_each_possible(f->by_guid, at, guid, guid_hash(s)) {
		if (ktm_guid_eq(&at->s->obj.guid, &s->obj.guid))
			return true;
	}
	return false;
}

static bool name_taken(struct ktm_found_streams *f, const struct ktm_stream *s)
{
	struct found *at;

	hash_for_each_possible(f->by_name, at, name, name_hash(s)) {
		if (at->s->name_length == s->name_length &&
		    !memcmp(at->s->name, s->name, s->name_length))
			return true;
	}
	return false;
}

/* What of a stream never changes. */
static bool is_the_same(const struct ktm_stream *a, const struct ktm_stream *b)
{
	return ktm_guid_eq(&a->obj.guid, &b->obj.guid) && a->name_length == b->name_length &&
	       !memcmp(a->name, b->name, a->name_length) && uid_eq(a->obj.uid, b->obj.uid) &&
	       gid_eq(a->obj.gid, b->obj.gid) && a->obj.mode == b->obj.mode;
}

/* Who has one open must not read somebody else's: the device may hold another log now. */
static bool all_the_same(struct ktm_found_streams *f)
{
	const struct found *at;
	struct ktm_stream *s;

	lockdep_assert_held(&f->tm->lock);
	for (s = ktm_tm_next_stream(f->tm, NULL); s; s = ktm_tm_next_stream(f->tm, s)) {
		at = find(f, s->id);
		if (at && !is_the_same(at->s, s)) {
			ktm_object_put(&s->obj);
			return false;
		}
	}
	return true;
}

/**
 * ktm_found_streams_check - the log was read to its end
 * @f: what was found; its TM's mutex is held
 * @jp: the replay
 *
 * Return: 0, or -EUCLEAN if two that live have one GUID or one name, or all together more
 * than a log can grant, or one is not what the TM has under its id.
 */
int ktm_found_streams_check(struct ktm_found_streams *f, struct ktm_jp *jp)
{
	struct found *at;
	int i, err;

	if (!all_the_same(f)) {
		jp->why = "a stream is another than before the log was opened again";
		return -EUCLEAN;
	}
	hash_for_each(f->by_id, i, at, id) {
		err = ktm_jp_quota(jp, at->s->quota);
		if (err)
			return err;
		if (guid_taken(f, at->s) || name_taken(f, at->s)) {
			jp->why = "two streams have one name";
			return -EUCLEAN;
		}
		hash_add(f->by_guid, &at->guid, guid_hash(at->s));
		hash_add(f->by_name, &at->name, name_hash(at->s));
		ktm_stream_replayed(at->s);
	}
	return 0;
}

static int add_record(void *ctx, const struct ktm_jrec *rec)
{
	return ktm_jsnap_add(ctx, rec);
}

/**
 * ktm_found_streams_snapshot - what the opening's restart area says of them
 * @f: what was found, checked
 * @snap: the area
 *
 * Return: 0 or a negative errno.
 */
int ktm_found_streams_snapshot(struct ktm_found_streams *f, struct ktm_jsnap *snap)
{
	struct found *at;
	int i, err;

	hash_for_each(f->by_id, i, at, id) {
		err = ktm_stream_snapshot(at->s, add_record, snap);
		if (err)
			return err;
	}
	return 0;
}

/* The tail that the opening wrote down is where the oldest of their records is. */
static void find_holder(struct ktm_found_streams *f)
{
	struct ktm_guid holder = { };
	u64 place, oldest = U64_MAX;
	struct found *at;
	int i;

	hash_for_each(f->by_id, i, at, id) {
		place = ktm_stream_oldest_place(at->live);
		if (place < oldest) {
			oldest = place;
			holder = at->live->obj.guid;
		}
	}
	spin_lock(&f->tm->list_lock);
	f->tm->holder = holder;
	f->tm->copied = 0;
	spin_unlock(&f->tm->list_lock);
}

/**
 * ktm_found_streams_publish - what the log says is durable
 * @f: what was found; its TM's mutex is held
 *
 * May sleep until there is memory.
 */
void ktm_found_streams_publish(struct ktm_found_streams *f)
{
	struct ktm_stream *s = NULL, *next;
	struct found *at;
	int i;

	lockdep_assert_held(&f->tm->lock);
	/* Those that go make way for others of their GUIDs and names. */
	for (s = ktm_tm_next_stream(f->tm, NULL); s; s = next) {
		ktm_object_get(&s->obj);
		next = ktm_tm_next_stream(f->tm, s);
		at = find(f, s->id);
		if (at) {
			at->live = s;
			continue;
		}
		ktm_stream_lost(s);
		ktm_object_put(&s->obj);
	}
	hash_for_each(f->by_id, i, at, id) {
		if (at->live) {
			ktm_stream_swap(at->live, at->s);
			continue;
		}
		at->live = at->s;
		ktm_object_get(&at->s->obj);
		ktm_stream_publish_recovered(at->s);
	}
	find_holder(f);
}

/**
 * ktm_found_streams_live - a stream of the TM's that was found
 * @f: what was found, published
 * @id: of the stream
 *
 * Return: the stream, @f's as before, or NULL.
 */
struct ktm_stream *ktm_found_streams_live(struct ktm_found_streams *f, u64 id)
{
	const struct found *at = find(f, id);

	return at ? at->live : NULL;
}

/* The TM leaves its log: after its transactions were made quiet. */
void ktm_streams_quiet(struct ktm_tm *tm)
{
	struct ktm_stream *s;

	lockdep_assert_held(&tm->lock);
	for (s = ktm_tm_next_stream(tm, NULL); s; s = ktm_tm_next_stream(tm, s))
		ktm_stream_quiet(s);
}
