// SPDX-License-Identifier: GPL-2.0
/*
 * The log back into what lives. What a record asks for is the core's to say, and
 * kernel/recovery.c makes objects of the same answers.
 */
#define _GNU_SOURCE
#include "live.h"
#include "values.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

/* ---- trees ---- */

/* Balanced whatever the GUIDs are: a hostile journal cannot make a search slow. */
static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ktm_guid));
}

static void *find(const struct live_tree *tree, const struct ktm_guid *guid)
{
	void *node = tfind(guid, &tree->root, compare);

	return node ? *(void **)node : NULL;
}

static void *add(struct live_tree *tree, size_t bytes, const struct ktm_guid *guid)
{
	void *element = calloc(1, bytes);

	if (!element)
		return NULL;
	memcpy(element, guid, sizeof(*guid));
	if (!tsearch(element, &tree->root, compare)) {
		free(element);
		return NULL;
	}
	tree->count++;
	return element;
}

static void drop(struct live_tree *tree, void *element)
{
	tdelete(element, &tree->root, compare);
	tree->count--;
	free(element);
}

struct gathering {
	void **next;
};

static void gather(const void *node, VISIT visit, void *ctx)
{
	struct gathering *to = ctx;

	if (visit == postorder || visit == leaf)
		*to->next++ = *(void *const *)node;
}

void **live_list(const struct live_tree *tree)
{
	void **all = calloc(tree->count + 1, sizeof(*all));
	struct gathering to = { .next = all };

	if (all)
		twalk_r(tree->root, gather, &to);
	return all;
}

static void free_stream(void *element)
{
	struct live_stream *stream = element;

	free(stream->records);
	free(stream);
}

void live_init(struct live *live, const struct ktm_jf_sb *sb)
{
	memset(live, 0, sizeof(*live));
	ktm_jp_init(&live->found, sb);
}

void live_free(struct live *live)
{
	tdestroy(live->streams.root, free_stream);
	tdestroy(live->enlistments.root, free);
	tdestroy(live->transactions.root, free);
	tdestroy(live->rms.root, free);
}

/* Something is made of a record. */
static int check_values(struct live *live, const struct ktm_jrec *rec)
{
	const char *why = values_wrong(rec);

	if (!why)
		return 0;
	live->found.why = why;
	return -EUCLEAN;
}

/* ---- resource managers ---- */

static int replay_rm(struct live *live, const struct ktm_jrec *rec)
{
	struct live_rm *rm = find(&live->rms, &rec->rm.guid);
	int todo = ktm_jp_rm(&live->found, rm ? &rm->found : NULL, rec);

	if (todo == KTM_JP_MAKE) {
		if (check_values(live, rec))
			return -EUCLEAN;
		rm = add(&live->rms, sizeof(*rm), &rec->rm.guid);
		if (!rm)
			return -ENOMEM;
		todo = ktm_jp_rm(&live->found, &rm->found, rec);
	}
	if (todo != KTM_JP_TAKE)
		return min(todo, 0);
	rm->uid = rec->rm.uid;
	rm->gid = rec->rm.gid;
	rm->mode = rec->rm.mode;
	rm->flags = rec->rm.flags;
	rm->description_length = rec->rm.desc_len;
	memcpy(rm->description, rec->rm.desc, rec->rm.desc_len);
	return 0;
}

static int replay_rm_gone(struct live *live, const struct ktm_jrec *rec)
{
	struct live_rm *rm = find(&live->rms, &rec->rm_gone.guid);
	int todo = ktm_jp_rm_gone(&live->found, rm ? &rm->found : NULL, rec);

	if (todo == KTM_JP_END)
		drop(&live->rms, rm);
	return min(todo, 0);
}

/* ---- transactions ---- */

static struct live_tx *new_tx(struct live *live, const struct ktm_guid *uow, uint32_t uid,
			      uint32_t gid, uint16_t mode)
{
	struct live_tx *tx = add(&live->transactions, sizeof(*tx), uow);

	if (!tx)
		return NULL;
	tx->uid = uid;
	tx->gid = gid;
	tx->mode = mode;
	INIT_LIST_HEAD(&tx->enlistments);
	return tx;
}

static int replay_tx(struct live *live, const struct ktm_jrec *rec)
{
	struct live_tx *tx = find(&live->transactions, &rec->tx.uow);
	int todo = ktm_jp_tx(&live->found, tx ? &tx->found : NULL, rec);

	if (todo == KTM_JP_MAKE) {
		if (check_values(live, rec))
			return -EUCLEAN;
		tx = new_tx(live, &rec->tx.uow, rec->tx.uid, rec->tx.gid, rec->tx.mode);
		if (!tx)
			return -ENOMEM;
		todo = ktm_jp_tx(&live->found, &tx->found, rec);
	}
	return min(todo, 0);
}

static int enlist(struct live *live, struct live_tx *tx, struct live_rm *rm,
		  const struct ktm_jrec *rec)
{
	struct live_en *en;

	if (check_values(live, rec))
		return -EUCLEAN;
	en = add(&live->enlistments, sizeof(*en), &rec->prepared.enlistment);
	if (!en)
		return -ENOMEM;
	en->rm = rm;
	en->tx = tx;
	en->key = rec->prepared.key;
	en->stream = rec->prepared.stream;
	en->stream_need = rec->prepared.stream_need;
	en->information_length = rec->prepared.info_len;
	en->mask = rec->prepared.mask;
	en->superior = rec->prepared.flags & KTM_JREC_P_SUPERIOR;
	list_add_tail(&en->link, &tx->enlistments);
	return 0;
}

static int replay_prepared(struct live *live, const struct ktm_jrec *rec)
{
	const bool again = find(&live->enlistments, &rec->prepared.enlistment);
	struct live_tx *tx = find(&live->transactions, &rec->prepared.uow);
	struct live_rm *rm = find(&live->rms, &rec->prepared.rm);
	struct ktm_jp_rm *rm_found = rm ? &rm->found : NULL;
	int todo;

	todo = ktm_jp_prepared(&live->found, tx ? &tx->found : NULL, rm_found, again, rec);
	if (todo == KTM_JP_MAKE) {
		tx = new_tx(live, &rec->prepared.uow, rec->prepared.uid, rec->prepared.gid,
			    rec->prepared.mode);
		if (!tx)
			return -ENOMEM;
		todo = ktm_jp_prepared(&live->found, &tx->found, rm_found, again, rec);
	}
	return todo == KTM_JP_ENLIST ? enlist(live, tx, rm, rec) : min(todo, 0);
}

static void end_enlistment(struct live *live, struct live_en *en)
{
	list_del_init(&en->link);
	drop(&live->enlistments, en);
}

static struct live_en *find_superior(const struct live_tx *tx)
{
	struct live_en *en;

	list_for_each_entry(en, &tx->enlistments, link) {
		if (en->superior)
			return en;
	}
	return NULL;
}

static int replay_decision(struct live *live, const struct ktm_jrec *rec)
{
	struct live_tx *tx = find(&live->transactions, &rec->decision.uow);
	struct live_en *superior = tx ? find_superior(tx) : NULL;
	int todo = ktm_jp_decision(&live->found, tx ? &tx->found : NULL,
				   superior ? &superior->rm->found : NULL, rec);

	if (todo == KTM_JP_END_SUPERIOR)
		end_enlistment(live, superior);
	return min(todo, 0);
}

static int replay_completion(struct live *live, const struct ktm_jrec *rec)
{
	struct live_tx *tx = find(&live->transactions, &rec->completion.uow);
	struct live_en *en = find(&live->enlistments, &rec->completion.enlistment);
	int todo;

	if (en && en->tx != tx)
		en = NULL;
	todo = ktm_jp_completion(&live->found, tx ? &tx->found : NULL, en ? &en->rm->found : NULL,
				 en && en->superior, rec);
	if ((todo == KTM_JP_END || todo == KTM_JP_END_TX) && en)
		end_enlistment(live, en);
	if (todo == KTM_JP_END_TX)
		drop(&live->transactions, tx);
	return min(todo, 0);
}

/* ---- streams ---- */

static struct ktm_guid key_of(uint64_t id)
{
	struct ktm_guid key = { 0 };
	int i;

	/* High byte first: the order of the tree is that of the numbers. */
	for (i = 0; i < 8; i++)
		key.b[i] = (uint8_t)(id >> (56 - 8 * i));
	return key;
}

static struct live_stream *find_stream(const struct live *live, uint64_t id)
{
	const struct ktm_guid key = key_of(id);

	return find(&live->streams, &key);
}

static struct ktm_jp_stream *found_of(struct live_stream *stream)
{
	return stream ? &stream->found : NULL;
}

static struct live_stream *make_stream(struct live *live, const struct ktm_jrec *rec)
{
	const struct ktm_guid key = key_of(rec->stream.id);
	struct live_stream *stream = add(&live->streams, sizeof(*stream), &key);

	if (!stream)
		return NULL;
	stream->id = rec->stream.id;
	stream->guid = rec->stream.guid;
	stream->uid = rec->stream.uid;
	stream->gid = rec->stream.gid;
	stream->mode = rec->stream.mode;
	stream->name_length = rec->stream.name_len;
	memcpy(stream->name, rec->stream.name, rec->stream.name_len);
	return stream;
}

static int replay_stream(struct live *live, const struct ktm_jrec *rec)
{
	struct live_stream *stream = find_stream(live, rec->stream.id);
	struct ktm_jrec known;
	int todo;

	if (stream)
		live_stream_record(stream, &known);
	todo = ktm_jp_stream(&live->found, found_of(stream), stream ? &known : NULL, rec);
	if (todo == KTM_JP_MAKE) {
		stream = make_stream(live, rec);
		if (!stream)
			return -ENOMEM;
		todo = ktm_jp_stream(&live->found, &stream->found, NULL, rec);
	}
	if (todo != KTM_JP_TAKE)
		return min(todo, 0);
	if (check_values(live, rec))
		return -EUCLEAN;
	stream->quota = rec->stream.quota;
	return 0;
}

static int replay_stream_gone(struct live *live, const struct ktm_jrec *rec)
{
	struct live_stream *stream = find_stream(live, rec->stream_gone.id);
	int todo = ktm_jp_stream_gone(&live->found, found_of(stream), rec);

	if (todo == KTM_JP_END) {
		free(stream->records);
		drop(&live->streams, stream);
	}
	return min(todo, 0);
}

static int add_record(struct live_stream *stream, const struct ktm_jsent *record)
{
	if (stream->end == stream->room) {
		const size_t room = stream->room ? 2 * stream->room : 16;
		struct ktm_jsent *bigger = realloc(stream->records, room * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		stream->records = bigger;
		stream->room = room;
	}
	stream->records[stream->end++] = *record;
	stream->bytes += record->bytes;
	return 0;
}

/* Where the first record is whose name is at least this one. */
static size_t first_from(const struct live_stream *stream, uint64_t lsn)
{
	size_t low = stream->first, high = stream->end;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (stream->records[middle].lsn < lsn)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int replay_sindex(struct live *live, const struct ktm_jrec *rec)
{
	struct live_stream *stream = find_stream(live, rec->sindex.id);
	int todo = ktm_jp_sindex(&live->found, found_of(stream), rec);
	uint32_t i;
	int ret = min(todo, 0);

	for (i = 0; todo == KTM_JP_ADD && !ret && i < rec->sindex.count; i++) {
		const struct ktm_jsent record = ktm_jrec_sent(rec, i);

		ret = add_record(stream, &record);
	}
	return ret;
}

static int replay_srec(struct live *live, const struct ktm_jrec *rec)
{
	struct live_stream *stream = find_stream(live, rec->srec.id);
	const uint32_t bytes = ktm_jrec_size(rec);
	const struct ktm_jsent here = {
		.lsn = rec->srec.lsn,
		.place = rec->lsn - bytes,
		.bytes = bytes,
		.flags = rec->flags & KTM_JREC_F_RESTART,
	};
	struct ktm_jsent *lives = NULL;
	size_t at;
	int todo;

	at = stream ? first_from(stream, rec->srec.lsn) : 0;
	if (stream && at < stream->end && stream->records[at].lsn == rec->srec.lsn)
		lives = &stream->records[at];
	todo = ktm_jp_srec(&live->found, found_of(stream), lives, rec);
	if (todo == KTM_JP_ADD)
		return add_record(stream, &here);
	if (todo == KTM_JP_MOVE)
		*lives = here;
	return min(todo, 0);
}

static int replay_sbase(struct live *live, const struct ktm_jrec *rec)
{
	struct live_stream *stream = find_stream(live, rec->sbase.id);
	int todo = ktm_jp_sbase(&live->found, found_of(stream), rec);

	while (todo == KTM_JP_CUT_BELOW && stream->first < stream->end &&
	       stream->records[stream->first].lsn < stream->found.base)
		stream->bytes -= stream->records[stream->first++].bytes;
	return min(todo, 0);
}

static int replay_strunc(struct live *live, const struct ktm_jrec *rec)
{
	struct live_stream *stream = find_stream(live, rec->strunc.id);
	int todo = ktm_jp_strunc(&live->found, found_of(stream), rec);
	size_t i;

	if (todo != KTM_JP_CUT_ABOVE)
		return min(todo, 0);
	while (stream->first < stream->end &&
	       stream->records[stream->end - 1].lsn > rec->strunc.last)
		stream->bytes -= stream->records[--stream->end].bytes;
	for (i = stream->end; i > stream->first; i--) {
		if (stream->records[i - 1].flags & KTM_JREC_F_RESTART)
			break;
	}
	ktm_jp_stream_cut(&stream->found, i > stream->first ? stream->records[i - 1].lsn : 0);
	return 0;
}

/* ---- all of it ---- */

int live_replay(struct live *live, const struct ktm_jrec *rec)
{
	switch (rec->type) {
	case KTM_JREC_CLOCK:
		return ktm_jp_clock(&live->found, rec);
	case KTM_JREC_RM:
		return replay_rm(live, rec);
	case KTM_JREC_RM_GONE:
		return replay_rm_gone(live, rec);
	case KTM_JREC_TX:
		return replay_tx(live, rec);
	case KTM_JREC_PREPARED:
		return replay_prepared(live, rec);
	case KTM_JREC_DECISION:
		return replay_decision(live, rec);
	case KTM_JREC_COMPLETION:
		return replay_completion(live, rec);
	case KTM_JREC_STREAM:
		return replay_stream(live, rec);
	case KTM_JREC_STREAM_GONE:
		return replay_stream_gone(live, rec);
	case KTM_JREC_SINDEX:
		return replay_sindex(live, rec);
	case KTM_JREC_SREC:
		return replay_srec(live, rec);
	case KTM_JREC_SBASE:
		return replay_sbase(live, rec);
	case KTM_JREC_STRUNC:
		return replay_strunc(live, rec);
	default:
		live->found.why = "a record of a kind that is not known";
		return -EUCLEAN;
	}
}

static int compare_guids(const void *a, const void *b)
{
	const struct live_stream *const *one = a, *const *other = b;

	return compare(&(*one)->guid, &(*other)->guid);
}

static int compare_names(const void *a, const void *b)
{
	const struct live_stream *const *one = a, *const *other = b;
	const int shorter = (*one)->name_length - (*other)->name_length;

	return shorter ? shorter : memcmp((*one)->name, (*other)->name, (*one)->name_length);
}

static bool has_twins(struct live_stream **streams, size_t count,
		      int (*compare_two)(const void *a, const void *b))
{
	size_t i;

	qsort(streams, count, sizeof(*streams), compare_two);
	for (i = 1; i < count; i++) {
		if (!compare_two(&streams[i - 1], &streams[i]))
			return true;
	}
	return false;
}

static int check_streams(struct live *live)
{
	struct live_stream **all = (struct live_stream **)live_list(&live->streams);
	int ret = 0;
	size_t i;

	if (!all)
		return -ENOMEM;
	for (i = 0; !ret && i < live->streams.count; i++)
		ret = ktm_jp_quota(&live->found, all[i]->quota);
	if (has_twins(all, live->streams.count, compare_guids) ||
	    has_twins(all, live->streams.count, compare_names)) {
		live->found.why = "two streams have one GUID or one name";
		ret = -EUCLEAN;
	}
	free(all);
	return ret;
}

static int check_enlistments(struct live *live)
{
	struct live_en **all = (struct live_en **)live_list(&live->enlistments);
	const struct live_stream *stream;
	size_t i;
	int ret = 0;

	if (!all)
		return -ENOMEM;
	for (i = 0; !ret && i < live->enlistments.count; i++) {
		if (!all[i]->stream)
			continue;
		stream = find_stream(live, all[i]->stream);
		ret = ktm_jp_need(&live->found, stream ? stream->quota : 0, all[i]->stream_need);
	}
	free(all);
	return ret;
}

int live_complete(struct live *live, uint64_t tail)
{
	return ktm_jp_end(&live->found, tail);
}

int live_consistent(struct live *live)
{
	int ret = check_streams(live);

	return ret ? ret : check_enlistments(live);
}

uint64_t live_used(const struct live_stream *stream, uint64_t *lost)
{
	uint64_t used = 0;
	size_t i;

	*lost = 0;
	for (i = stream->first; i < stream->end; i++) {
		used += ktm_srec_cost(stream->records[i].bytes);
		*lost += !!(stream->records[i].flags & KTM_JREC_F_LOST);
	}
	return used;
}

uint64_t live_oldest_of(const struct live_stream *stream)
{
	uint64_t oldest = UINT64_MAX;
	size_t i;

	for (i = stream->first; i < stream->end; i++)
		if (!(stream->records[i].flags & KTM_JREC_F_LOST))
			oldest = min(oldest, stream->records[i].place);
	return oldest;
}

struct oldest {
	uint64_t place;
	const struct live_stream *stream;
};

static void look_for_oldest(const void *node, VISIT visit, void *ctx)
{
	const struct live_stream *stream = *(void *const *)node;
	struct oldest *oldest = ctx;
	uint64_t place;

	if (visit != postorder && visit != leaf)
		return;
	place = live_oldest_of(stream);
	if (place < oldest->place) {
		oldest->place = place;
		oldest->stream = stream;
	}
}

uint64_t live_oldest(const struct live *live, const struct live_stream **whose)
{
	struct oldest oldest = { .place = UINT64_MAX };

	twalk_r(live->streams.root, look_for_oldest, &oldest);
	*whose = oldest.stream;
	return oldest.place;
}
