// SPDX-License-Identifier: GPL-2.0
/*
 * Enlistments: making them, the answers of their RMs, their records.
 */
#include <linux/err.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "enlistment.h"
#include "freeze.h"
#include "room.h"
#include "status.h"

static struct kmem_cache *en_cache;

/* The prepared record of a superior is forced, so it needs a unit of its own. */
static u32 en_prepared_bytes(const struct ktm_enlistment *en, bool superior, u32 length)
{
	struct ktm_journal *j = en->rm->tm->journal;
	u32 bytes = ktm_journal_bytes(j, KTM_JREC_PREPARED, length);

	return superior ? bytes + ktm_journal_bytes(j, KTM_JREC_DECISION, 0) : bytes;
}

static bool en_is_superior(const struct ktm_enlistment *en)
{
	return en->core.flags & KTM_ENC_SUPERIOR;
}

/* Is who pays for it held to his share? */
static bool en_bounded(const struct ktm_enlistment *en)
{
	return !(en->tx->obj.unbounded && en->obj.unbounded);
}

/* enum ktm_status, or KTM_STREAM_NO_ROOM. */
static u32 en_take(struct ktm_enlistment *en, struct ktm_log_bytes bytes)
{
	struct ktm_journal *j = en->rm->tm->journal;
	u32 status;

	lockdep_assert_held(&en->tx->lock);
	if (!en->payer) {
		struct ktm_user *payer = ktm_user_of_log(en->obj.user, j);

		if (IS_ERR(payer))
			return KTM_STATUS_INSUFFICIENT_RESOURCES;
		en->payer = payer;
	}
	status = ktm_room_take(j, en->payer, bytes, en_bounded(en));
	if (status)
		return status;
	en->reserved += bytes.ring;
	en->charged += bytes.area;
	return KTM_STATUS_SUCCESS;
}

/* The TM has not been reopened since it was taken. */
static void en_give_back(struct ktm_enlistment *en, struct ktm_log_bytes bytes)
{
	lockdep_assert_held(&en->tx->lock);
	en->reserved -= bytes.ring;
	en->charged -= bytes.area;
	ktm_room_give_back(en->rm->tm->journal, en->payer, bytes);
}

/**
 * ktm_en_spent - what was kept for a record has gone into it
 * @en: the enlistment, its transaction's mutex held
 * @bytes: how much of @en->reserved
 */
void ktm_en_spent(struct ktm_enlistment *en, u32 bytes)
{
	lockdep_assert_held(&en->tx->lock);
	en->reserved -= bytes;
	ktm_user_uncharge_log(en->payer, (struct ktm_log_bytes){ .ring = bytes });
}

static struct ktm_log_bytes en_held(const struct ktm_enlistment *en)
{
	return (struct ktm_log_bytes){ .ring = en->reserved, .area = en->charged };
}

/*
 * What a durable enlistment may have to write: a prepared record without
 * information (more is asked for with the vote) and a completion record; and
 * what its transaction needs, unless another one has seen to that.
 *
 * Return: enum ktm_status, or KTM_STREAM_NO_ROOM.
 */
static u32 en_reserve(struct ktm_enlistment *en, bool superior)
{
	struct ktm_transaction *tx = en->tx;
	struct ktm_journal *j = en->rm->tm->journal;
	const struct ktm_log_bytes bytes = {
		.ring = en_prepared_bytes(en, superior, 0) +
			ktm_journal_bytes(j, KTM_JREC_COMPLETION, 0),
		.area = ktm_jrec_bytes(KTM_JREC_PREPARED, 0),
	};
	const bool first = !tx->reserved && !tx->charged;
	u32 status;

	lockdep_assert_held(&tx->lock);
	status = ktm_tx_reserve(tx);
	if (status)
		return status;
	status = en_take(en, bytes);
	if (status && first)
		ktm_tx_unreserve(tx);
	return status;
}

static void en_unreserve(struct ktm_enlistment *en)
{
	en_give_back(en, en_held(en));
	ktm_stream_need_end(&en->need);
}

/**
 * ktm_en_void - the log is opened again, and begins without reservations
 * @en: a durable enlistment, its transaction's mutex held
 */
void ktm_en_void(struct ktm_enlistment *en)
{
	lockdep_assert_held(&en->tx->lock);
	/* Who is asked again in the single phase may have to take it once more. */
	ktm_user_uncharge_log(en->payer, en_held(en));
	en->reserved = 0;
	en->charged = 0;
	ktm_stream_need_void(&en->need);
}

static struct ktm_enlistment *en_alloc(struct ktm_rm *rm, struct ktm_transaction *tx)
{
	struct ktm_enlistment *en = kmem_cache_zalloc(en_cache, GFP_KERNEL);

	if (!en)
		return NULL;
	INIT_LIST_HEAD(&en->rm_link);
	RB_CLEAR_NODE(&en->key_node);
	INIT_LIST_HEAD(&en->core.link);
	ktm_inbox_init(&en->inbox);
	en->rm = rm;
	en->tx = tx;
	return en;
}

/* Into the RM's list; the reference is that of the transaction's list. */
static void en_link(struct ktm_enlistment *en)
{
	struct ktm_rm *rm = en->rm;

	ktm_object_get(&en->obj);
	spin_lock(&rm->list_lock);
	list_add_tail(&en->rm_link, &rm->enlistments);
	ktm_key_add(en);
	rm->nr_enlistments++;
	spin_unlock(&rm->list_lock);
}

/**
 * ktm_en_forget - its transaction has ended, or its TM goes
 * @en: the enlistment, its transaction's mutex held; the reference of the
 *	transaction's list is given up
 */
void ktm_en_forget(struct ktm_enlistment *en)
{
	struct ktm_rm *rm = en->rm;

	lockdep_assert_held(&en->tx->lock);
	ktm_txc_forget(&en->core);
	spin_lock(&rm->list_lock);
	list_del_init(&en->rm_link);
	ktm_key_remove(en);
	rm->nr_enlistments--;
	spin_unlock(&rm->list_lock);
	ktm_notify_forget(en);
	if (rm->tm->journal)
		en_unreserve(en);
	ktm_object_unpublish(&en->obj);
	ktm_object_put(&en->obj);
}

static bool en_mask_valid(u32 mask, bool superior)
{
	u32 required = superior ? KTM_NOTIFY_SUPERIOR_REQUIRED : KTM_NOTIFY_REQUIRED;

	if (superior && mask & KTM_NOTIFY_SUPERIOR_REFUSED)
		return false;
	return (mask & required) == required && !(mask & ~KTM_NOTIFY_ALL);
}

static u32 en_check_request(const struct ktm_enlist *arg)
{
	bool want_fd = arg->flags & KTM_ENLIST_FD;

	if (arg->flags & ~(KTM_ENLIST_FD | KTM_ENLIST_SUPERIOR) || arg->reserved ||
	    arg->reserved2)
		return KTM_STATUS_INVALID_PARAMETER;
	if (want_fd ? !arg->access || arg->access & ~KTM_EN_ALL_ACCESS : arg->access)
		return KTM_STATUS_INVALID_PARAMETER;
	if (!en_mask_valid(arg->mask, arg->flags & KTM_ENLIST_SUPERIOR))
		return KTM_STATUS_INVALID_PARAMETER;
	return KTM_STATUS_SUCCESS;
}

static u32 en_enter_bound(struct ktm_enlistment *en, u32 mask, bool superior)
{
	struct ktm_transaction *tx = en->tx;
	struct ktm_rm *rm = en->rm;
	bool durable = ktm_rm_durable(rm);
	u32 status, actions;

	/* Looked at after binding: a reopening TM would find the transaction now. */
	if (!ktm_rm_online(rm))
		return KTM_STATUS_TM_NOT_ONLINE;
	if (durable) {
		status = en_reserve(en, superior);
		if (status)
			return status;
	}
	if (ktm_object_publish(&en->obj)) {
		if (durable)
			en_unreserve(en);
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	}
	actions = ktm_txc_enlist(&tx->core, &en->core, mask, (durable ? KTM_ENC_DURABLE : 0) |
							     (superior ? KTM_ENC_SUPERIOR : 0));
	en_link(en);
	ktm_tx_carry_out(tx, en, actions);
	return KTM_STATUS_SUCCESS;
}

/* Under the transaction's mutex: all or nothing. */
static u32 en_enter(struct ktm_enlistment *en, u32 mask, bool superior)
{
	struct ktm_transaction *tx = en->tx;
	bool bound = tx->tm;
	u32 status;

	lockdep_assert_held(&tx->lock);
	/* Its decision could not be kept for the durable ones. */
	if (superior && !ktm_rm_durable(en->rm) && en->rm->tm->journal)
		return KTM_STATUS_TM_VOLATILE;
	status = ktm_txc_can_enlist(&tx->core, superior);
	if (status)
		return status;
	status = ktm_tx_bind(tx, en->rm->tm);
	if (status)
		return status;
	status = en_enter_bound(en, mask, superior);
	if (status && !bound) {
		if (tx->tm->journal)
			ktm_tx_unreserve(tx);
		ktm_tx_unbind(tx);
	}
	return status;
}

/**
 * ktm_enlist - KTM_IOC_ENLIST
 * @rm_handle: the RM's
 * @tx_handle: the transaction's
 * @arg: the request
 * @nfd: out: the descriptor, if one is wanted
 * @made: out: the enlistment with a reference, for ktm_enlist_undo()
 *
 * Who made the transaction pays: one RM works for many clients, as root perhaps, and none of them
 * shall take all that there is by having it work for him. Where that one may have all of a log,
 * who enlists pays.
 *
 * Return: enum ktm_status.
 */
u32 ktm_enlist(struct ktm_handle *rm_handle, struct ktm_handle *tx_handle, struct ktm_enlist *arg,
	       struct ktm_new_fd *nfd, struct ktm_enlistment **made)
{
	struct ktm_transaction *tx = ktm_tx_of(tx_handle->obj);
	struct ktm_rm *rm = ktm_rm_of(rm_handle->obj);
	int tries = KTM_STREAM_TRIES;
	struct ktm_enlistment *en;
	u32 status;

	if (!ktm_may(rm_handle, KTM_RM_ENLIST) || !ktm_may(tx_handle, KTM_TX_ENLIST))
		return KTM_STATUS_ACCESS_DENIED;
	status = en_check_request(arg);
	if (status)
		return status;
	en = en_alloc(rm, tx);
	if (!en)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	status = ktm_object_init_paid(&en->obj, KTM_KIND_EN, rm, NULL, arg->mode,
				      tx->obj.unbounded ? NULL : &tx->obj);
	if (status) {
		kmem_cache_free(en_cache, en);
		return status;
	}
	ktm_object_get(&rm->obj);
	ktm_object_get(&tx->obj);
	en->key = arg->key;
	if (arg->flags & KTM_ENLIST_FD) {
		status = ktm_handle_create(&en->obj, arg->access, 0, nfd);
		if (status)
			goto put;
	}
	do {
		ktm_tx_lock(tx);
		status = en_enter(en, arg->mask, arg->flags & KTM_ENLIST_SUPERIOR);
		en->own_handle = !status && nfd->handle;
		mutex_unlock(&tx->lock);
	} while (ktm_stream_again(rm->tm, &status, &tries));
	if (status) {
		ktm_new_fd_cancel(nfd);
		goto put;
	}
	arg->guid = en->obj.guid;
	arg->fd = nfd->fd;
	*made = en;
	return KTM_STATUS_SUCCESS;
put:
	ktm_object_put(&en->obj);
	return status;
}

/**
 * ktm_enlist_undo - the caller of Enlist could not be told of it
 * @en: the enlistment, with a reference of the caller
 */
void ktm_enlist_undo(struct ktm_enlistment *en)
{
	ktm_tx_lock(en->tx);
	en->own_handle = false;
	ktm_tx_carry_out(en->tx, en, ktm_txc_retract(&en->core));
	mutex_unlock(&en->tx->lock);
}

/**
 * ktm_en_find - an RM's enlistment by GUID
 * @rm: the RM
 * @guid: of the enlistment
 *
 * Return: the enlistment with a reference, or NULL.
 */
struct ktm_enlistment *ktm_en_find(struct ktm_rm *rm, const struct ktm_guid *guid)
{
	struct ktm_object *obj = ktm_object_find(KTM_KIND_EN, rm, guid);

	return obj ? ktm_en_of(obj) : NULL;
}

/* KTM_IOC_EN_OPEN */
u32 ktm_en_open(struct ktm_handle *handle, struct ktm_open *arg, struct ktm_new_fd *nfd)
{
	struct ktm_enlistment *en;
	u32 status;

	if (!ktm_may(handle, KTM_RM_ENLIST))
		return KTM_STATUS_ACCESS_DENIED;
	if (arg->flags || arg->reserved)
		return KTM_STATUS_INVALID_PARAMETER;
	en = ktm_en_find(ktm_rm_of(handle->obj), &arg->guid);
	if (!en)
		return KTM_STATUS_ENLISTMENT_NOT_FOUND;
	status = ktm_handle_open_object(&en->obj, arg->access, 0, nfd);
	ktm_object_put(&en->obj);
	arg->fd = nfd->fd;
	return status;
}

static u32 en_opened(struct ktm_object *obj, u32 access, u32 flags)
{
	struct ktm_enlistment *en = ktm_en_of(obj);

	if (!ktm_tm_hold(en->rm->tm))
		return KTM_STATUS_ENLISTMENT_NOT_FOUND;
	ktm_tx_lock(en->tx);
	en->handles++;
	mutex_unlock(&en->tx->lock);
	return KTM_STATUS_SUCCESS;
}

static void en_closed(struct ktm_object *obj, u32 access, bool unseen)
{
	struct ktm_enlistment *en = ktm_en_of(obj);

	ktm_tx_lock(en->tx);
	if (!--en->handles && en->own_handle)
		ktm_tx_enlistment_event(en, KTM_ENEV_CLOSE);
	mutex_unlock(&en->tx->lock);
	ktm_tm_release(en->rm->tm);
}

/* What so much information in a prepared record costs beyond what en_reserve() took. */
static struct ktm_log_bytes en_information_bytes(const struct ktm_enlistment *en, u32 length)
{
	bool superior = en_is_superior(en);

	return (struct ktm_log_bytes){
		.ring = en_prepared_bytes(en, superior, length) -
			en_prepared_bytes(en, superior, 0),
		.area = ktm_jrec_bytes(KTM_JREC_PREPARED, length) -
			ktm_jrec_bytes(KTM_JREC_PREPARED, 0),
	};
}

static struct ktm_log_bytes bytes_between(struct ktm_log_bytes less, struct ktm_log_bytes more)
{
	return (struct ktm_log_bytes){
		.ring = more.ring - less.ring,
		.area = more.area - less.area,
	};
}

/**
 * ktm_en_record_bytes - what its prepared record takes of @en->reserved
 * @en: the enlistment; room was made for its information
 */
u32 ktm_en_record_bytes(const struct ktm_enlistment *en)
{
	return en_prepared_bytes(en, en_is_superior(en), en->information_length);
}

/*
 * Make so much more room for its prepared record, while it may still be refused: enum ktm_status,
 * or KTM_STREAM_NO_ROOM.
 */
static u32 en_reserve_more(struct ktm_enlistment *en, struct ktm_log_bytes more)
{
	return ktm_tm_online(en->rm->tm) ? en_take(en, more) : KTM_STATUS_TM_NOT_ONLINE;
}

/**
 * ktm_en_inform - it gets other recovery information, for its prepared record
 * @en: the enlistment, its transaction's mutex held; that is not logged yet
 * @information: in: what it gets; out: what it had
 * @length: bytes
 *
 * A superior's record comes when all others have voted. They would be rolled back for want of
 * room in a log that others only have to wait for, so its room is made now.
 *
 * Return: enum ktm_status, or KTM_STREAM_NO_ROOM; unless it is SUCCESS nothing has changed.
 */
u32 ktm_en_inform(struct ktm_enlistment *en, u8 **information, u32 length)
{
	struct ktm_log_bytes has, wants;
	u32 status = KTM_STATUS_SUCCESS;

	lockdep_assert_held(&en->tx->lock);
	if (en_is_superior(en) && ktm_rm_durable(en->rm)) {
		has = en_information_bytes(en, en->information_length);
		wants = en_information_bytes(en, length);
		if (length > en->information_length)
			status = en_reserve_more(en, bytes_between(has, wants));
		else
			en_give_back(en, bytes_between(wants, has));
	}
	if (status)
		return status;
	swap(en->information, *information);
	en->information_length = length;
	return KTM_STATUS_SUCCESS;
}

/* A record that came with the answer goes before what the answer itself brings to the log. */
static u32 en_append(const struct ktm_stream_answer *with, struct ktm_stream_need *need)
{
	struct ktm_stream *s;
	u32 status;

	if (!with || !with->append)
		return KTM_STATUS_SUCCESS;
	s = with->use->stream;
	mutex_lock(&s->lock);
	status = ktm_stream_append_locked(with->use, with->append, need);
	mutex_unlock(&s->lock);
	return status;
}

/*
 * What answers the single phase is the decision, and nothing of the TM's follows in the log that
 * makes a record durable that comes with it.
 */
static bool en_decides_with_record(const struct ktm_enlistment *en, enum ktm_en_event ev,
				   const struct ktm_stream_answer *with)
{
	return with && with->append && ev == KTM_ENEV_COMMIT_COMPLETE &&
	       en->core.state == KTM_EN_STATE_SINGLE_PHASE;
}

/* The vote of a durable enlistment goes to the log, not forced, before it counts. */
static u32 en_log_prepared(struct ktm_enlistment *en, const struct ktm_stream_answer *with)
{
	u32 status = KTM_STATUS_SUCCESS, bytes;
	struct ktm_log_bytes more;
	struct ktm_jrec rec;
	u64 lsn;

	/* First all that can be refused. */
	if (with && with->records)
		status = ktm_stream_need_reserve(&en->need, with->use, with->records,
						 with->bytes);
	if (status)
		return status;
	more = en_information_bytes(en, en->information_length);
	status = en_reserve_more(en, more);
	if (status)
		goto end_need;
	status = en_append(with, NULL);
	if (status)
		goto unreserve;
	en->log_key = en->key;
	en->log_stream = en->need.stream ? en->need.stream->id : 0;
	en->log_need = en->need.bytes;
	ktm_en_to_record(en, &en->tx->obj, &rec);
	if (!en->tx->logged)
		rec.prepared.flags |= KTM_JREC_P_FIRST;
	bytes = ktm_en_record_bytes(en);
	if (ktm_journal_append(en->rm->tm->journal, &rec, bytes, &lsn)) {
		status = KTM_STATUS_TM_NOT_ONLINE;
		goto unreserve;
	}
	en->logged = true;
	en->tx->logged = true;
	en->tx->log_lsn = lsn;
	ktm_en_spent(en, bytes);
	return KTM_STATUS_SUCCESS;
unreserve:
	en_give_back(en, more);
end_need:
	ktm_stream_need_end(&en->need);
	return status;
}

/**
 * ktm_en_log_completion - its RM has finished; append that, not forced
 * @en: the enlistment, its transaction's mutex held
 * @end: it is the last that the log knows of the transaction
 * @lsn: out: end of the record
 *
 * Return: SUCCESS, or TM_NOT_ONLINE and nothing is appended.
 */
u32 ktm_en_log_completion(struct ktm_enlistment *en, bool end, u64 *lsn)
{
	struct ktm_jrec rec = {
		.type = KTM_JREC_COMPLETION,
		.flags = end ? KTM_JREC_F_END : 0,
		.completion = {
			.uow = en->tx->obj.guid,
			.enlistment = en->obj.guid,
		},
	};

	lockdep_assert_held(&en->tx->lock);
	if (ktm_journal_append(en->rm->tm->journal, &rec, en->reserved, lsn))
		return KTM_STATUS_TM_NOT_ONLINE;
	ktm_en_spent(en, en->reserved);
	en->logged = false;
	ktm_stream_need_end(&en->need);
	return KTM_STATUS_SUCCESS;
}

/* What is told with the vote replaces what was told before; if it cannot be logged, it does not. */
static u32 en_prepare_complete(struct ktm_enlistment *en, u8 **information, u32 length,
			       const struct ktm_stream_answer *with)
{
	u32 status = KTM_STATUS_SUCCESS;
	bool replace = *information;

	if (replace) {
		swap(en->information, *information);
		swap(en->information_length, length);
	}
	if (ktm_rm_durable(en->rm))
		status = en_log_prepared(en, with);
	if (status) {
		if (replace) {
			swap(en->information, *information);
			swap(en->information_length, length);
		}
		return status;
	}
	return ktm_tx_enlistment_event(en, KTM_ENEV_PREPARE_COMPLETE);
}

static u32 en_recover(struct ktm_enlistment *en, u64 key)
{
	ktm_key_change(en, key);
	/* Its answer is a notification, but of a superior, which has got it already. */
	return ktm_tx_enlistment_event(en, KTM_ENEV_RECOVER) ?: KTM_STATUS_PENDING;
}

/* A reopening has let go of what is in the log's place, though not of the single phase. */
static u32 en_single_phase_reject(struct ktm_enlistment *en)
{
	u32 status;

	if (ktm_rm_durable(en->rm) && !en->reserved) {
		if (!ktm_rm_online(en->rm))
			return KTM_STATUS_TM_NOT_ONLINE;
		status = en_reserve(en, false);
		if (status)
			return status;
	}
	return ktm_tx_enlistment_event(en, KTM_ENEV_SINGLE_PHASE_REJECT);
}

/* The log must be there for what has to be decided in it. */
static u32 en_sup_commit(struct ktm_enlistment *en)
{
	ktm_tx_enlistment_event(en, KTM_ENEV_SUP_COMMIT);
	return en->core.state == KTM_EN_STATE_PREPARED &&
	       en->tx->core.state != KTM_TX_STATE_DECIDING ? KTM_STATUS_TM_NOT_ONLINE :
							    KTM_STATUS_PENDING;
}

static int en_event_of(unsigned int cmd)
{
	switch (cmd) {
	case KTM_IOC_PREPREPARE_COMPLETE:
		return KTM_ENEV_PREPREPARE_COMPLETE;
	case KTM_IOC_PREPARE_COMPLETE:
		return KTM_ENEV_PREPARE_COMPLETE;
	case KTM_IOC_COMMIT_COMPLETE:
		return KTM_ENEV_COMMIT_COMPLETE;
	case KTM_IOC_ROLLBACK_COMPLETE:
		return KTM_ENEV_ROLLBACK_COMPLETE;
	case KTM_IOC_READ_ONLY:
		return KTM_ENEV_READ_ONLY;
	case KTM_IOC_EN_ROLLBACK:
		return KTM_ENEV_ROLLBACK;
	case KTM_IOC_SINGLE_PHASE_REJECT:
		return KTM_ENEV_SINGLE_PHASE_REJECT;
	case KTM_IOC_REQUEST_OUTCOME:
		return KTM_ENEV_REQUEST_OUTCOME;
	case KTM_IOC_EN_PREPREPARE:
		return KTM_ENEV_SUP_PREPREPARE;
	case KTM_IOC_EN_PREPARE:
		return KTM_ENEV_SUP_PREPARE;
	case KTM_IOC_EN_COMMIT:
		return KTM_ENEV_SUP_COMMIT;
	case KTM_IOC_EN_RECOVER:
		return KTM_ENEV_RECOVER;
	default:
		return -EINVAL;
	}
}

/* Is it one of the requests that take a struct ktm_answer? */
bool ktm_is_answer(unsigned int cmd)
{
	return en_event_of(cmd) >= 0;
}

/* Has an enlistment's handle the right that such an answer needs? */
bool ktm_en_may_answer(const struct ktm_handle *handle, unsigned int cmd)
{
	switch (cmd) {
	case KTM_IOC_EN_RECOVER:
		return ktm_may(handle, KTM_EN_RECOVER);
	case KTM_IOC_EN_PREPREPARE:
	case KTM_IOC_EN_PREPARE:
	case KTM_IOC_EN_COMMIT:
		return ktm_may(handle, KTM_EN_SUPERIOR_RIGHTS);
	default:
		return ktm_may(handle, KTM_EN_SUBORDINATE_RIGHTS);
	}
}

/* May it say so now? */
static u32 en_check_answer(const struct ktm_enlistment *en, enum ktm_en_event ev)
{
	/* A reopened TM knows it under a new object, or not at all. */
	if (list_empty(&en->core.link) && !ktm_enc_finished(&en->core))
		return KTM_STATUS_OBJECT_EXPIRED;
	if (ktm_rm_durable(en->rm) && !READ_ONCE(en->rm->online))
		return KTM_STATUS_TM_NOT_ONLINE;
	if (ev == KTM_ENEV_RECOVER && !ktm_rm_hears(en->rm))
		return KTM_STATUS_TM_NOT_ONLINE;
	return ktm_enc_check(&en->core, ev);
}

static u32 en_answer_locked(struct ktm_enlistment *en, enum ktm_en_event ev, u8 **information,
			    const struct ktm_answer *arg, const struct ktm_stream_answer *with)
{
	u32 status = en_check_answer(en, ev);

	if (status)
		return status;
	/* The single phase has begun since he said it. */
	if (en_decides_with_record(en, ev, with))
		return KTM_STATUS_NOT_REQUESTED;
	/* Before it counts, so that all that follows from it says so. */
	if (arg->virtual_clock)
		ktm_tm_clock_raise(en->rm->tm, arg->virtual_clock);
	switch (ev) {
	case KTM_ENEV_PREPARE_COMPLETE:
		return en_prepare_complete(en, information, arg->information_length, with);
	case KTM_ENEV_COMMIT_COMPLETE:
	case KTM_ENEV_ROLLBACK_COMPLETE:
		status = en_append(with, &en->need);
		return status ? status : ktm_tx_enlistment_event(en, ev);
	case KTM_ENEV_SINGLE_PHASE_REJECT:
		return en_single_phase_reject(en);
	case KTM_ENEV_RECOVER:
		return en_recover(en, arg->key);
	case KTM_ENEV_SUP_COMMIT:
		return en_sup_commit(en);
	case KTM_ENEV_SUP_PREPREPARE:
	case KTM_ENEV_SUP_PREPARE:
		return ktm_tx_enlistment_event(en, ev) ?: KTM_STATUS_PENDING;
	default:
		return ktm_tx_enlistment_event(en, ev);
	}
}

/*
 * Does it begin a commit, or take one up again that a freeze did not wait for,
 * because the RM that has to complete or to decide it was away?
 */
static bool en_begins(const struct ktm_enlistment *en, enum ktm_en_event ev)
{
	if (ktm_enc_check(&en->core, ev))
		return false;
	switch (ev) {
	case KTM_ENEV_SUP_PREPREPARE:
	case KTM_ENEV_SUP_PREPARE:
	case KTM_ENEV_SUP_COMMIT:
		return true;
	case KTM_ENEV_RECOVER:
		return ktm_txc_outcome(&en->tx->core) == KTM_OUTCOME_COMMITTED ||
		       en->core.state == KTM_EN_STATE_SINGLE_PHASE;
	default:
		return false;
	}
}

/*
 * The record of who decides alone is durable before his answer counts. Waits for that without a
 * lock; whether he may answer is looked at again then. If not, the record stays, and its name
 * is told. A log that is full says so before the record is there.
 */
static u32 en_append_decision(struct ktm_enlistment *en, enum ktm_en_event ev,
			      const struct ktm_stream_answer **with)
{
	const struct ktm_stream_answer *w = *with;
	bool decides;

	ktm_tx_lock(en->tx);
	decides = en_decides_with_record(en, ev, w) && !en_check_answer(en, ev);
	mutex_unlock(&en->tx->lock);
	if (!decides)
		return KTM_STATUS_SUCCESS;
	*with = NULL;
	w->append->flags |= KTM_STREAM_DURABLE;
	return ktm_stream_append(w->use, w->append, false);
}

/**
 * ktm_en_answer - an RM says something about one of its enlistments
 * @en: the enlistment, with a reference of the caller
 * @cmd: which of the requests that take a struct ktm_answer
 * @arg: the request; what it says of streams is in @with
 * @with: what it brings for a stream, or NULL
 * @in_kernel: the RM is a driver: @arg points to memory of the kernel
 *
 * Return: enum ktm_status; unless it is SUCCESS or PENDING nothing has changed but, if the log
 * has no room for the vote or is gone, the virtual clock; and, in the single phase, a record may
 * be in its stream: then it has its name.
 */
u32 ktm_en_answer(struct ktm_enlistment *en, unsigned int cmd, const struct ktm_answer *arg,
		  const struct ktm_stream_answer *with, bool in_kernel)
{
	bool prepare = cmd == KTM_IOC_PREPARE_COMPLETE;
	u8 *information;
	int ev = en_event_of(cmd);
	int tries = KTM_STREAM_TRIES;
	bool passed = false;
	u32 status;

	if (ev < 0 || !ktm_clock_valid(arg->virtual_clock) ||
	    (arg->virtual_clock && (ev == KTM_ENEV_RECOVER || ev == KTM_ENEV_REQUEST_OUTCOME)))
		return KTM_STATUS_INVALID_PARAMETER;
	if (arg->flags || (arg->key && cmd != KTM_IOC_EN_RECOVER) ||
	    (arg->information && !(prepare && ktm_rm_durable(en->rm))))
		return KTM_STATUS_INVALID_PARAMETER;
	information = ktm_copy_information(ktm_pointer(in_kernel, arg->information),
					   arg->information_length);
	if (IS_ERR(information))
		return ktm_status_from_errno(PTR_ERR(information));
	status = en_append_decision(en, ev, &with);
	if (status)
		goto free;
	do {
		status = KTM_STATUS_SUCCESS;
		ktm_tx_lock(en->tx);
		if (en_begins(en, ev))
			status = ktm_tx_pass_gate(en->tx, &passed);
		if (!status)
			status = en_answer_locked(en, ev, &information, arg, with);
		mutex_unlock(&en->tx->lock);
		/* Neither a vote nor its record fails for what is dead in the log. */
	} while (ktm_stream_again(en->rm->tm, &status, &tries));
	if (passed)
		ktm_commit_is_over();
free:
	kvfree(information);
	return status;
}

/**
 * ktm_en_loggable - can an enlistment and its transaction say this of themselves?
 * @rec: a prepared record
 */
bool ktm_en_loggable(const struct ktm_jrec *rec)
{
	return en_mask_valid(rec->prepared.mask, rec->prepared.flags & KTM_JREC_P_SUPERIOR) &&
	       !(rec->prepared.flags & ~(KTM_JREC_P_SUPERIOR | KTM_JREC_P_FIRST)) &&
	       !ktm_guid_is_nil(&rec->prepared.enlistment) &&
	       ktm_object_loggable(&rec->prepared.uow, rec->prepared.mode, rec->prepared.uid,
				   rec->prepared.gid);
}

/**
 * ktm_en_create_recovered - an enlistment whose prepared record was found
 * @rm: its RM
 * @rec: the record
 * @enp: out: the enlistment with a reference, to be given to ktm_en_adopt()
 *
 * Return: enum ktm_status; LOG_CORRUPTION_DETECTED for values that no logged
 * enlistment can have.
 */
u32 ktm_en_create_recovered(struct ktm_rm *rm, const struct ktm_jrec *rec,
			    struct ktm_enlistment **enp)
{
	bool superior = rec->prepared.flags & KTM_JREC_P_SUPERIOR;
	struct ktm_enlistment *en;
	u32 status;

	if (!ktm_en_loggable(rec))
		return KTM_STATUS_LOG_CORRUPTION_DETECTED;
	en = en_alloc(rm, NULL);
	if (!en)
		return KTM_STATUS_INSUFFICIENT_RESOURCES;
	status = ktm_object_init_recovered(&en->obj, KTM_KIND_EN, rm, &rec->prepared.enlistment,
					   rm->obj.mode, from_kuid(&init_user_ns, rm->obj.uid),
					   from_kgid(&init_user_ns, rm->obj.gid));
	if (status) {
		kmem_cache_free(en_cache, en);
		return status;
	}
	ktm_object_get(&rm->obj);
	en->key = rec->prepared.key;
	en->log_key = rec->prepared.key;
	en->log_stream = rec->prepared.stream;
	en->log_need = rec->prepared.stream_need;
	en->core.mask = rec->prepared.mask;
	en->core.flags = superior ? KTM_ENC_SUPERIOR : 0;
	if (rec->prepared.info_len) {
		en->information = kvmalloc(rec->prepared.info_len, GFP_KERNEL_ACCOUNT);
		if (!en->information) {
			ktm_object_put(&en->obj);
			return KTM_STATUS_INSUFFICIENT_RESOURCES;
		}
		memcpy(en->information, rec->prepared.info, rec->prepared.info_len);
		en->information_length = rec->prepared.info_len;
	}
	*enp = en;
	return KTM_STATUS_SUCCESS;
}

/**
 * ktm_en_adopt - a recovered enlistment becomes part of its transaction
 * @en: from ktm_en_create_recovered()
 * @tx: its transaction, mutex held
 * @reserved: bytes of the log that were reserved for it
 * @charged: bytes of restart area that were charged for it
 *
 * May sleep until there is memory.
 */
void ktm_en_adopt(struct ktm_enlistment *en, struct ktm_transaction *tx, u32 reserved, u32 charged)
{
	lockdep_assert_held(&tx->lock);
	ktm_object_get(&tx->obj);
	en->tx = tx;
	en->reserved = reserved;
	en->charged = charged;
	en->logged = true;
	en->payer = ktm_user_of_log_nofail(tx->obj.user, en->rm->tm->journal);
	ktm_user_charge_log(en->payer, en_held(en), NULL);
	ktm_object_publish_nofail(&en->obj);
	ktm_txc_enlist_recovered(&tx->core, &en->core, en->core.mask, en_is_superior(en));
	WRITE_ONCE(tx->settled, ktm_txc_settled(&tx->core));
	en_link(en);
	ktm_object_put(&en->obj);
}

/* Its prepared record, for the log and for restart areas. */
void ktm_en_to_record(const struct ktm_enlistment *en, const struct ktm_object *tx,
		      struct ktm_jrec *rec)
{
	*rec = (struct ktm_jrec){
		.type = KTM_JREC_PREPARED,
		.prepared = {
			.uow = tx->guid,
			.enlistment = en->obj.guid,
			.rm = en->rm->obj.guid,
			.key = en->log_key,
			.stream = en->log_stream,
			.stream_need = en->log_need,
			.mask = en->core.mask,
			.flags = en_is_superior(en) ? KTM_JREC_P_SUPERIOR : 0,
			.uid = from_kuid(&init_user_ns, tx->uid),
			.gid = from_kgid(&init_user_ns, tx->gid),
			.mode = tx->mode,
			.info_len = en->information_length,
			.info = en->information,
		},
	};
}

/**
 * ktm_rm_for_each_enlistment - visit every enlistment of an RM once
 * @rm: the RM; its mutex is held, which keeps two walks apart
 * @fn: may sleep, may end the enlistment; called with its transaction's mutex
 *
 * Those that are made meanwhile are visited too.
 */
void ktm_rm_for_each_enlistment(struct ktm_rm *rm, void (*fn)(struct ktm_enlistment *en))
{
	struct ktm_enlistment *en;

	lockdep_assert_held(&rm->lock);
	spin_lock(&rm->list_lock);
	while (!list_empty(&rm->enlistments)) {
		en = list_first_entry(&rm->enlistments, struct ktm_enlistment, rm_link);
		list_move_tail(&en->rm_link, &rm->walked);
		ktm_object_get(&en->obj);
		spin_unlock(&rm->list_lock);
		mutex_lock(&en->tx->lock);
		/* It may have been forgotten before we got here. */
		if (!list_empty(&en->core.link))
			fn(en);
		mutex_unlock(&en->tx->lock);
		ktm_object_put(&en->obj);
		spin_lock(&rm->list_lock);
	}
	list_splice_init(&rm->walked, &rm->enlistments);
	spin_unlock(&rm->list_lock);
}

/* KTM_INFO_EN_BASIC */
void ktm_en_info(struct ktm_enlistment *en, struct ktm_en_info *info)
{
	memset(info, 0, sizeof(*info));
	info->enlistment = en->obj.guid;
	info->uow = en->tx->obj.guid;
	info->rm = en->rm->obj.guid;
	ktm_tx_lock(en->tx);
	info->key = en->key;
	info->state = en->core.state;
	info->mask = en->core.mask;
	mutex_unlock(&en->tx->lock);
}

static void en_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(en_cache, container_of(rcu, struct ktm_enlistment, rcu));
}

static void en_free(struct ktm_object *obj)
{
	struct ktm_enlistment *en = ktm_en_of(obj);

	kvfree(en->information);
	WARN_ON_ONCE(en->reserved || en->charged);
	ktm_user_put(en->payer);
	if (en->tx)
		ktm_object_put(&en->tx->obj);
	ktm_object_put(&en->rm->obj);
	call_rcu(&en->rcu, en_free_rcu);
}

static void en_show(struct ktm_object *obj, struct seq_file *m)
{
	seq_printf(m, "ktm-state:\t%u\n", READ_ONCE(ktm_en_of(obj)->core.state));
}

static const struct file_operations en_fops = {
	.owner		= THIS_MODULE,
	.release	= ktm_handle_release,
	.unlocked_ioctl	= ktm_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= ktm_handle_show_fdinfo,
	.llseek		= noop_llseek,
};

const struct ktm_kind_ops ktm_en_ops = {
	.name		= "en",
	.fops		= &en_fops,
	.not_found	= KTM_STATUS_ENLISTMENT_NOT_FOUND,
	.all_access	= KTM_EN_ALL_ACCESS,
	.r		= KTM_EN_QUERY_INFORMATION,
	.w		= KTM_EN_QUERY_INFORMATION | KTM_EN_SET_INFORMATION |
			  KTM_EN_SUBORDINATE_RIGHTS | KTM_EN_SUPERIOR_RIGHTS,
	.x		= KTM_EN_RECOVER,
	.opened		= en_opened,
	.closed		= en_closed,
	.free		= en_free,
	.show		= en_show,
};

/**
 * ktm_enlistments_init() - once, when the module is loaded
 */
int ktm_enlistments_init(void)
{
	en_cache = KMEM_CACHE(ktm_enlistment, SLAB_ACCOUNT);
	return en_cache ? 0 : -ENOMEM;
}

/**
 * ktm_enlistments_exit() - once, when none is left and rcu_barrier() has been passed
 */
void ktm_enlistments_exit(void)
{
	kmem_cache_destroy(en_cache);
}
