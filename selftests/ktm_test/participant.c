// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/ktm_test as a participant, see participant.h: the calls.
 */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/ktm.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "test.h"
#include "told.h"

enum kind { NONE, TM, STREAM, RM, TX, EN };

struct slot {
	enum kind kind;
	void *use;
};

/*
 * @lock: @slots. Not held in a call: whoever puts what another thread uses has made a wrong test.
 */
struct participant {
	struct mutex lock;
	struct slot slots[KTM_TEST_SLOTS];
	struct told *told;
};

static struct slot look(struct participant *p, u32 n)
{
	struct slot none = { }, slot;

	if (n >= KTM_TEST_SLOTS)
		return none;
	mutex_lock(&p->lock);
	slot = p->slots[n];
	mutex_unlock(&p->lock);
	return slot;
}

static void *use_of(struct participant *p, u32 n, enum kind kind)
{
	struct slot slot = look(p, n);

	return slot.kind == kind ? slot.use : NULL;
}

static int keep(struct participant *p, u32 n, enum kind kind, void *use)
{
	if (IS_ERR(use))
		return PTR_ERR(use);
	mutex_lock(&p->lock);
	WARN_ON(n >= KTM_TEST_SLOTS || p->slots[n].kind);
	p->slots[n] = (struct slot){ .kind = kind, .use = use };
	mutex_unlock(&p->lock);
	return 0;
}

static void put(struct slot slot)
{
	switch (slot.kind) {
	case NONE:
		break;
	case TM:
		ktm_tm_put(slot.use);
		break;
	case STREAM:
		ktm_log_stream_put(slot.use);
		break;
	case RM:
		ktm_rm_put(slot.use);
		break;
	case TX:
		ktm_transaction_put(slot.use);
		break;
	case EN:
		ktm_enlistment_put(slot.use);
		break;
	}
}

static struct slot take(struct participant *p, u32 n)
{
	struct slot slot = look(p, n);

	mutex_lock(&p->lock);
	p->slots[n].kind = NONE;
	mutex_unlock(&p->lock);
	return slot;
}

void test_put(struct participant *p, u32 n)
{
	put(take(p, n));
}

struct ktm_transaction_use *test_transaction(struct participant *p, u32 n)
{
	return use_of(p, n, TX);
}

struct ktm_rm_use *test_rm(struct participant *p, u32 n)
{
	return use_of(p, n, RM);
}

static u32 *status_of(struct ktm_test_op *c)
{
	return c->how & KTM_TEST_OP_NO_STATUS ? NULL : &c->status;
}

static struct ktm_guid *guid_of(struct ktm_test_op *c)
{
	return c->how & KTM_TEST_OP_NO_STATUS ? NULL : &c->guid;
}

static const char *name_of(struct ktm_test_op *c)
{
	return c->name[0] ? (const char *)c->name : NULL;
}

/* @data and @length of the caller, in the kernel; its size is of the largest that there is. */
#define DATA_BYTES	(KTM_MAX_RECOVERY_INFORMATION + 1)

static int call_tm(struct participant *p, struct ktm_test_op *c, void *data)
{
	struct ktm_tm_use *tm = use_of(p, c->on, TM);
	struct file *file = NULL;
	int ret;

	if (c->fn == OP_TM_GET_FROM_FD)
		return keep(p, c->slot, TM, ktm_tm_get_from_fd(c->fd, c->access, status_of(c)));
	if (c->fn == OP_TM_OPEN)
		return keep(p, c->slot, TM, ktm_tm_open(&c->guid, c->access, status_of(c)));
	if (c->device) {
		file = fget(c->device - 1);
		if (!file)
			return -ENOBUFS;
	}
	switch (c->fn) {
	case OP_TM_CREATE:
		ret = keep(p, c->slot, TM, ktm_tm_create(file, c->flags, c->access, c->mode,
							 guid_of(c), status_of(c)));
		break;
	case OP_TM_OPEN_LOG:
		ret = keep(p, c->slot, TM, ktm_tm_open_log(file, c->access, guid_of(c),
							   status_of(c)));
		break;
	case OP_TM_RECOVER:
		ret = ktm_tm_recover(tm, file, status_of(c));
		break;
	case OP_TM_ROLLFORWARD:
		ret = ktm_tm_rollforward(tm, c->clock, file, status_of(c));
		break;
	case OP_TM_TO_FD:
		ret = ktm_tm_to_fd(tm, c->access, status_of(c));
		break;
	case OP_TM_RENAME:
		ret = ktm_tm_rename(tm, &c->guid, status_of(c));
		break;
	case OP_TM_OFFLINE:
		ret = ktm_tm_offline(tm, status_of(c));
		break;
	case OP_TM_QUERY:
		ret = ktm_tm_query(tm, c->kind, data, &c->length, status_of(c));
		break;
	case OP_TM_ENUMERATE:
		ret = ktm_tm_enumerate(tm, c->kind, &c->guid, data, &c->count, status_of(c));
		c->length = c->count * sizeof(c->guid);
		break;
	default:
		ret = keep(p, c->slot, STREAM,
			   ktm_log_stream_create(tm, (const char *)c->name, c->count, c->access,
						 c->mode, NULL, status_of(c)));
	}
	if (file)
		fput(file);
	return ret;
}

static int call_all(struct ktm_test_op *c, void *data)
{
	int ret;

	switch (c->fn) {
	case OP_FREEZE_TRANSACTIONS:
		return ktm_freeze_transactions(c->timeout_ns, c->timeout_ns, status_of(c));
	case OP_THAW_TRANSACTIONS:
		return ktm_thaw_transactions(status_of(c));
	default:
		ret = ktm_enumerate_objects(c->kind, &c->guid, data, &c->count, status_of(c));
		c->length = c->count * sizeof(c->guid);
		return ret;
	}
}

static int call_tx(struct participant *p, struct ktm_test_op *c, void *data)
{
	struct ktm_transaction_use *tx = use_of(p, c->on, TX);

	switch (c->fn) {
	case OP_TRANSACTION_CREATE:
		return keep(p, c->slot, TX,
			    ktm_transaction_create(use_of(p, c->on, TM), c->flags, c->access,
						   c->mode, c->timeout_ns, name_of(c), guid_of(c),
						   status_of(c)));
	case OP_TRANSACTION_OPEN:
		return keep(p, c->slot, TX, ktm_transaction_open(&c->guid, c->access,
								 status_of(c)));
	case OP_TRANSACTION_GET_FROM_FD:
		return keep(p, c->slot, TX, ktm_transaction_get_from_fd(c->fd, c->access,
									status_of(c)));
	case OP_TRANSACTION_TO_FD:
		return ktm_transaction_to_fd(tx, c->access, status_of(c));
	case OP_TRANSACTION_COMMIT:
		return ktm_transaction_commit(tx, c->flags, status_of(c));
	case OP_TRANSACTION_COMMIT_ASYNC:
		return told_commit(p->told, c->on, tx, c->how, status_of(c));
	case OP_TRANSACTION_ROLLBACK:
		return ktm_transaction_rollback(tx, c->flags, status_of(c));
	case OP_TRANSACTION_WAIT:
		return ktm_transaction_wait(tx, c->timeout_ns,
					    status_of(c) ? &c->kind : NULL, status_of(c));
	case OP_TRANSACTION_QUERY:
		return ktm_transaction_query(tx, c->kind, data, &c->length, status_of(c));
	case OP_TRANSACTION_SET:
		return ktm_transaction_set(tx, c->kind, data, c->length, status_of(c));
	case OP_TRANSACTION_ID:
		c->guid = ktm_transaction_id(tx);
		return 0;
	default:
		return ktm_transaction_is_active(tx);
	}
}

static int call_rm(struct participant *p, struct ktm_test_op *c, void *data)
{
	static const struct ktm_guid nil;
	const struct ktm_guid *en = memcmp(&c->guid, &nil, sizeof(nil)) ? &c->guid : NULL;
	struct ktm_rm_use *rm = use_of(p, c->on, RM);
	int ret;

	switch (c->fn) {
	case OP_RM_CREATE:
		return keep(p, c->slot, RM,
			    ktm_rm_create(use_of(p, c->on, TM), c->flags, c->access, c->mode,
					  name_of(c), guid_of(c), status_of(c)));
	case OP_RM_OPEN:
		return keep(p, c->slot, RM, ktm_rm_open(use_of(p, c->on, TM), &c->guid, c->flags,
							c->access, status_of(c)));
	case OP_RM_GET_FROM_FD:
		return keep(p, c->slot, RM, ktm_rm_get_from_fd(c->fd, c->access, status_of(c)));
	case OP_RM_TO_FD:
		return ktm_rm_to_fd(rm, c->access, status_of(c));
	case OP_RM_RECOVER:
		return ktm_rm_recover(rm, status_of(c));
	case OP_RM_GET_NOTIFICATION:
		c->length = sizeof(struct ktm_notification);
		return ktm_rm_get_notification(rm, data, c->timeout_ns, status_of(c));
	case OP_RM_QUERY:
		return ktm_rm_query(rm, c->kind, en, data, &c->length, status_of(c));
	case OP_RM_SET:
		return ktm_rm_set(rm, c->kind, en, data, c->length, status_of(c));
	case OP_RM_ENUMERATE:
		ret = ktm_rm_enumerate(rm, &c->guid, data, &c->count, status_of(c));
		c->length = c->count * sizeof(c->guid);
		return ret;
	case OP_RM_REGISTER_PROTOCOL:
		return ktm_rm_register_protocol(rm, &c->guid, c->flags, c->length ? data : NULL,
						c->length, status_of(c));
	case OP_RM_PROPAGATION_COMPLETE:
		return ktm_rm_propagation_complete(rm, 1, c->length ? data : NULL, c->length,
						   status_of(c));
	case OP_RM_PROPAGATION_FAILED:
		return ktm_rm_propagation_failed(rm, 1, KTM_STATUS_UNSUCCESSFUL, status_of(c));
	case OP_RM_ENABLE_CALLBACKS:
		return told_enable(p->told, c->on, rm, c->how, status_of(c));
	case OP_RM_DISABLE_CALLBACKS:
		return ktm_rm_disable_callbacks(rm, status_of(c));
	default:
		return ktm_rm_enlist(rm, use_of(p, c->with, TX), c->flags, c->mask, c->key,
				     c->mode, guid_of(c), status_of(c));
	}
}

/* What an answer brings for a stream: a record, and room for more. */
static int call_voter(struct participant *p, struct ktm_test_op *c, void *data)
{
	struct ktm_enlistment_use *en = use_of(p, c->on, EN);
	struct kvec piece = { .iov_base = data, .iov_len = c->length };
	struct ktm_log_record record = { .flags = c->flags };
	struct ktm_answer_stream with = {
		.stream = use_of(p, c->with, STREAM),
		.record = c->length ? &record : NULL,
		.pieces = &piece,
		.count = 1,
		.need_records = c->count,
		.need_bytes = c->count * 16,
	};
	int ret;

	if (c->fn == OP_ENLISTMENT_PREPARE_COMPLETE && !with.stream)
		return ktm_enlistment_prepare_complete(en, c->length ? data : NULL, c->length, NULL,
						       c->clock, status_of(c));
	if (c->fn == OP_ENLISTMENT_PREPARE_COMPLETE)
		ret = ktm_enlistment_prepare_complete(en, NULL, 0, &with, c->clock, status_of(c));
	else if (c->fn == OP_ENLISTMENT_COMMIT_COMPLETE)
		ret = ktm_enlistment_commit_complete(en, with.stream ? &with : NULL, c->clock,
						     status_of(c));
	else
		ret = ktm_enlistment_rollback_complete(en, with.stream ? &with : NULL, c->clock,
						       status_of(c));
	c->key = record.lsn;
	return ret;
}

static int call_en(struct participant *p, struct ktm_test_op *c, void *data)
{
	struct ktm_enlistment_use *en = use_of(p, c->on, EN);
	u32 *status = status_of(c);
	bool last = false;
	int ret;

	switch (c->fn) {
	case OP_ENLISTMENT_CREATE:
		return keep(p, c->slot, EN,
			    ktm_enlistment_create(use_of(p, c->on, RM), use_of(p, c->with, TX),
						  c->flags, c->mask, c->key, c->access, c->mode,
						  guid_of(c), status));
	case OP_ENLISTMENT_OPEN:
		return keep(p, c->slot, EN, ktm_enlistment_open(use_of(p, c->on, RM), &c->guid,
								c->access, status));
	case OP_ENLISTMENT_GET_FROM_FD:
		return keep(p, c->slot, EN, ktm_enlistment_get_from_fd(c->fd, c->access, status));
	case OP_ENLISTMENT_TO_FD:
		return ktm_enlistment_to_fd(en, c->access, status);
	case OP_ENLISTMENT_PREPREPARE_COMPLETE:
		return ktm_enlistment_preprepare_complete(en, c->clock, status);
	case OP_ENLISTMENT_READ_ONLY:
		return ktm_enlistment_read_only(en, c->clock, status);
	case OP_ENLISTMENT_SINGLE_PHASE_REJECT:
		return ktm_enlistment_single_phase_reject(en, c->clock, status);
	case OP_ENLISTMENT_ROLLBACK:
		return ktm_enlistment_rollback(en, c->clock, status);
	case OP_ENLISTMENT_REQUEST_OUTCOME:
		return ktm_enlistment_request_outcome(en, status);
	case OP_ENLISTMENT_RECOVER:
		return ktm_enlistment_recover(en, c->key, status);
	case OP_ENLISTMENT_PREPREPARE:
		return ktm_enlistment_preprepare(en, c->clock, status);
	case OP_ENLISTMENT_PREPARE:
		return ktm_enlistment_prepare(en, c->clock, status);
	case OP_ENLISTMENT_COMMIT:
		return ktm_enlistment_commit(en, c->clock, status);
	case OP_ENLISTMENT_QUERY:
		return ktm_enlistment_query(en, c->kind, data, &c->length, status);
	case OP_ENLISTMENT_SET:
		return ktm_enlistment_set(en, c->kind, c->length ? data : NULL, c->length, status);
	case OP_ENLISTMENT_REFERENCE_KEY:
		return ktm_enlistment_reference_key(en, &c->key, status);
	case OP_ENLISTMENT_DEREFERENCE_KEY:
		ret = ktm_enlistment_dereference_key(en, &last, status);
		c->count = last;
		return ret;
	default:
		return call_voter(p, c, data);
	}
}

/* Is what it uses there? Of a transaction's TM, and of an answer's stream, none is all right. */
static bool is_right(struct participant *p, const struct ktm_test_op *c)
{
	enum kind on = look(p, c->on).kind;

	if (c->slot >= KTM_TEST_SLOTS || c->on >= KTM_TEST_SLOTS || c->length > DATA_BYTES - 1 ||
	    (c->fn != OP_STREAM_CREATE && c->count > DATA_BYTES / sizeof(c->guid)) ||
	    !memchr(c->name, 0, sizeof(c->name)))
		return false;
	switch (c->fn) {
	case OP_PUT:
	case OP_FORGET:
		return on != NONE;
	/* It believes what it is told. */
	case OP_ADOPT:
		return capable(CAP_SYS_ADMIN);
	case OP_TM_TO_FD:
	case OP_TM_RECOVER ... OP_STREAM_CREATE:
	case OP_RM_CREATE:
	case OP_RM_OPEN:
	case OP_CROWD:
		return on == TM;
	case OP_TRANSACTION_TO_FD ... OP_TRANSACTION_IS_ACTIVE:
		return on == TX;
	case OP_RM_TO_FD ... OP_RM_DISABLE_CALLBACKS:
	case OP_ENLISTMENT_OPEN:
		return on == RM;
	case OP_RM_ENLIST:
	case OP_ENLISTMENT_CREATE:
		return on == RM && use_of(p, c->with, TX);
	case OP_ENLISTMENT_TO_FD ... OP_ENLISTMENT_DEREFERENCE_KEY:
		return on == EN;
	default:
		return true;
	}
}

static int call(struct participant *p, struct ktm_test_op *c, void *data)
{
	struct slot slot;

	switch (c->fn) {
	case OP_PUT:
		test_put(p, c->on);
		return 0;
	case OP_TM_CREATE ... OP_STREAM_CREATE:
		return call_tm(p, c, data);
	case OP_ENUMERATE_OBJECTS ... OP_THAW_TRANSACTIONS:
		return call_all(c, data);
	case OP_TRANSACTION_CREATE ... OP_TRANSACTION_IS_ACTIVE:
		return call_tx(p, c, data);
	case OP_RM_CREATE ... OP_RM_ENLIST:
		return call_rm(p, c, data);
	case OP_ENLISTMENT_CREATE ... OP_ENLISTMENT_DEREFERENCE_KEY:
		return call_en(p, c, data);
	case OP_SCRIPT:
		return told_script(p->told, c);
	case OP_RELEASE:
		told_release(p->told);
		return 0;
	case OP_FORGET:
		slot = take(p, c->on);
		c->kind = slot.kind;
		c->key = (uintptr_t)slot.use;
		return 0;
	case OP_ADOPT:
		return keep(p, c->slot, c->kind, (void *)(uintptr_t)c->key);
	case OP_CROWD:
		c->length = sizeof(struct ktm_test_crowd);
		return test_crowd(use_of(p, c->on, TM), c, data);
	default:
		c->length = sizeof(struct ktm_test_told);
		return told_take(p->told, data);
	}
}

/* What is wrong with the test itself is ENOBUFS, which no function of ktm returns. */
long participant_ioctl(struct participant *p, void __user *arg)
{
	struct ktm_test_op *c = memdup_user(arg, sizeof(*c));
	void *data = NULL;
	long err = 0;

	if (IS_ERR(c))
		return PTR_ERR(c);
	c->status = U32_MAX;
	if (c->fn >= OP_ALL || !is_right(p, c)) {
		c->ret = -ENOBUFS;
		goto out;
	}
	data = kvzalloc(DATA_BYTES, GFP_KERNEL);
	if (!data || (c->data && copy_from_user(data, u64_to_user_ptr(c->data), c->length))) {
		c->ret = -ENOBUFS;
		goto out;
	}
	c->ret = call(p, c, data);
	if (c->data && c->length <= DATA_BYTES &&
	    copy_to_user(u64_to_user_ptr(c->data), data, c->length))
		c->ret = -ENOBUFS;
out:
	if (copy_to_user(arg, c, sizeof(*c)))
		err = -EFAULT;
	kvfree(data);
	kfree(c);
	return err;
}

struct participant *participant_open(void)
{
	struct participant *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	p->told = told_new(p);
	if (!p->told) {
		kfree(p);
		return NULL;
	}
	mutex_init(&p->lock);
	return p;
}

/* Whatever is still held: RMs last but for their TM, as their callbacks may use the rest. */
void participant_release(struct participant *p)
{
	static const enum kind order[] = { RM, EN, TX, STREAM, TM };
	u32 i, n;

	told_release(p->told);
	for (i = 0; i < ARRAY_SIZE(order); i++)
		for (n = 0; n < KTM_TEST_SLOTS; n++)
			if (p->slots[n].kind == order[i])
				test_put(p, n);
	if (told_free(p->told))
		kfree(p);
}
