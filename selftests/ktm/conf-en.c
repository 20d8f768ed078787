// SPDX-License-Identifier: GPL-2.0
/*
 * Conformance: each status of the calls that are made on enlistments, and each
 * notification of a participant, by one small test. What becomes of a transaction
 * in all the mixtures and disasters is tried elsewhere.
 */
#include "calls.h"
#include "disk.h"

#define SINGLE	(EN_MASK | KTM_NOTIFY_SINGLE_PHASE_COMMIT)

static const unsigned int answers[] = {
	KTM_IOC_PREPREPARE_COMPLETE, KTM_IOC_PREPARE_COMPLETE, KTM_IOC_COMMIT_COMPLETE,
	KTM_IOC_ROLLBACK_COMPLETE, KTM_IOC_READ_ONLY, KTM_IOC_EN_ROLLBACK,
	KTM_IOC_SINGLE_PHASE_REJECT, KTM_IOC_REQUEST_OUTCOME, KTM_IOC_EN_PREPREPARE,
	KTM_IOC_EN_PREPARE, KTM_IOC_EN_COMMIT,
};

#define NR_ANSWERS	(sizeof(answers) / sizeof(answers[0]))

static int tm, rm, other, tx;

void test_setup(void)
{
	tm = tm_volatile();
	rm = rm_create(tm, KTM_RM_VOLATILE);
	other = rm_create(tm, KTM_RM_VOLATILE);
	tx = tx_create(tm);
}

static void finish_commit(int of, guid_t en)
{
	en_prepare(of, en);
	en_commit(of, en);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
}

/* Each call that names an enlistment which the RM has not got, or not any more. */
TEST(not_found)
{
	guid_t en = enlist(rm, tx), left = enlist(rm, tx), none = guid_of(99);
	unsigned int i;

	ANSWER(rm, KTM_IOC_READ_ONLY, left, KTM_STATUS_SUCCESS);
	for (i = 0; i < NR_ANSWERS; i++) {
		ANSWER(rm, answers[i], none, KTM_STATUS_ENLISTMENT_NOT_FOUND);
		ANSWER(other, answers[i], en, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	}
	ANSWER(rm, KTM_IOC_EN_RECOVER, none, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	EN_IS(rm, en, KTM_EN_STATE_ACTIVE);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	finish_commit(rm, en);
}

/* By a key that several have, that one has, that none has. */
TEST(by_key)
{
	guid_t a = enlist_key(rm, tx, 5), b = enlist_key(rm, tx, 5), c = enlist_key(rm, tx, 6);
	struct ktm_answer by = ARG(ktm_answer, .flags = KTM_ANSWER_BY_KEY, .key = 5);
	unsigned int i;

	for (i = 0; i < NR_ANSWERS; i++)
		CALL(rm, answers[i], &by, KTM_STATUS_OBJECT_NAME_COLLISION);
	EN_IS(rm, a, KTM_EN_STATE_ACTIVE);
	EN_IS(rm, b, KTM_EN_STATE_ACTIVE);
	by.key = 7;
	CALL(rm, KTM_IOC_READ_ONLY, &by, KTM_STATUS_ENLISTMENT_NOT_FOUND);
	by.key = 6;
	CALL(rm, KTM_IOC_READ_ONLY, &by, KTM_STATUS_SUCCESS);
	EN_IS(rm, c, KTM_EN_STATE_READ_ONLY);
	EN_IS(rm, a, KTM_EN_STATE_ACTIVE);
}

/* Phase 0: asked once, answered once. */
TEST(preprepare_complete)
{
	guid_t en = enlist_mask(rm, tx, EN_MASK | KTM_NOTIFY_PREPREPARE, 0);

	ANSWER(rm, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_NOT_REQUESTED);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPREPARE, en);
	TX_IS(tx, KTM_TX_STATE_PREPREPARING);
	ANSWER(rm, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	ANSWER(rm, KTM_IOC_PREPREPARE_COMPLETE, en, KTM_STATUS_NOT_REQUESTED);
	finish_commit(rm, en);
}

/* READ_ONLY wherever the reference allows it: before Commit, in phase 0, in phase 1. */
TEST(read_only)
{
	guid_t early = enlist_mask(rm, tx, EN_MASK | KTM_NOTIFY_PREPREPARE, 0);
	guid_t asked = enlist_mask(rm, tx, EN_MASK | KTM_NOTIFY_PREPREPARE, 0);
	guid_t answered = enlist_mask(rm, tx, EN_MASK | KTM_NOTIFY_PREPREPARE, 0);
	guid_t en = enlist(other, tx);

	ANSWER(rm, KTM_IOC_READ_ONLY, early, KTM_STATUS_SUCCESS);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPREPARE, asked);
	TAKE(rm, KTM_NOTIFY_PREPREPARE, answered);
	ANSWER(rm, KTM_IOC_PREPREPARE_COMPLETE, answered, KTM_STATUS_SUCCESS);
	ANSWER(rm, KTM_IOC_READ_ONLY, asked, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_PREPARE, answered);
	ANSWER(rm, KTM_IOC_READ_ONLY, answered, KTM_STATUS_SUCCESS);
	EN_IS(rm, early, KTM_EN_STATE_READ_ONLY);
	EN_IS(rm, asked, KTM_EN_STATE_READ_ONLY);
	EN_IS(rm, answered, KTM_EN_STATE_READ_ONLY);
	TAKE_NONE(rm);
	TAKE(other, KTM_NOTIFY_PREPARE, en);
	ANSWER(other, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	ANSWER(other, KTM_IOC_READ_ONLY, en, KTM_STATUS_NOT_REQUESTED);
	TAKE(other, KTM_NOTIFY_COMMIT, en);
	ANSWER(other, KTM_IOC_READ_ONLY, en, KTM_STATUS_NOT_REQUESTED);
	ANSWER(other, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
}

/* The one that is asked alone: its CommitComplete is the outcome. */
TEST(single_phase)
{
	guid_t en = enlist_mask(rm, tx, SINGLE, 0);

	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, en, KTM_STATUS_NOT_REQUESTED);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_NOT_REQUESTED);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
	TAKE_NONE(rm);
}

TEST(single_phase_reject)
{
	guid_t en = enlist_mask(rm, tx, SINGLE, 0);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, en, KTM_STATUS_SUCCESS);
	ANSWER(rm, KTM_IOC_SINGLE_PHASE_REJECT, en, KTM_STATUS_NOT_REQUESTED);
	finish_commit(rm, en);
}

/* Nobody else knows the outcome, and it will not come back. */
TEST(single_phase_unanswered)
{
	guid_t en = enlist_mask(rm, tx, SINGLE, 0);

	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
	close(rm);
	WAIT(tx, KTM_STATUS_INDOUBT);
	TX_IS(tx, KTM_TX_STATE_SINGLE_PHASE_INDOUBT);
	CHECK_EQ(tx_info(tx).outcome, KTM_OUTCOME_UNDETERMINED);
	SHOWS("close rm-single-phase");
}

/* The others have prepared, and learn that nobody is left to tell them the outcome. */
TEST(disconnected)
{
	const unsigned int mask = EN_MASK | KTM_NOTIFY_RM_DISCONNECTED;
	struct disk d = disk_make(8 * MIB);
	int durable, store, cache;
	guid_t en, light;

	journal_format(d.path, guid_of(9));
	durable = tm_online(d.path);
	store = rm_create(durable, 0);
	rm_recover_empty(store);
	cache = rm_create(durable, KTM_RM_VOLATILE);
	tx = tx_create(durable);
	en = enlist_mask(store, tx, SINGLE, 0);
	light = enlist_mask(cache, tx, mask, 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(cache, KTM_NOTIFY_PREPARE, light);
	TAKE_NONE(store);
	ANSWER(cache, KTM_IOC_PREPARE_COMPLETE, light, KTM_STATUS_SUCCESS);
	TAKE(store, KTM_NOTIFY_SINGLE_PHASE_COMMIT, en);
	TAKE_NONE(cache);
	close(store);
	TAKE(cache, KTM_NOTIFY_RM_DISCONNECTED, light);
	WAIT(tx, KTM_STATUS_INDOUBT);
	EN_IS(cache, light, KTM_EN_STATE_DISCONNECTED);
}

/* Not prepared: there is no outcome to ask for. Prepared: whoever has not is not waited for. */
TEST(request_outcome)
{
	guid_t en = enlist(rm, tx), slow = enlist(other, tx);

	ANSWER(rm, KTM_IOC_REQUEST_OUTCOME, en, KTM_STATUS_REQUEST_NOT_VALID);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	ANSWER(rm, KTM_IOC_REQUEST_OUTCOME, en, KTM_STATUS_REQUEST_NOT_VALID);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TX_IS(tx, KTM_TX_STATE_PREPARING);
	ANSWER(rm, KTM_IOC_REQUEST_OUTCOME, en, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_ROLLBACK, en);
	/* It need not see a PREPARE that it has not read. */
	TAKE(other, KTM_NOTIFY_ROLLBACK, slow);
	ANSWER(rm, KTM_IOC_ROLLBACK_COMPLETE, en, KTM_STATUS_SUCCESS);
	ANSWER(other, KTM_IOC_ROLLBACK_COMPLETE, slow, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_ABORTED);
}

static void mask_is(unsigned int flags, unsigned int mask, unsigned int want)
{
	struct ktm_enlist e = ARG(ktm_enlist, .tx_fd = tx, .mask = mask, .flags = flags);
	const unsigned int before = tx_info(tx).enlistments;

	CALL(rm, KTM_IOC_ENLIST, &e, want);
	CHECK_EQ(tx_info(tx).enlistments, before + (want == KTM_STATUS_SUCCESS));
	if (want == KTM_STATUS_SUCCESS)
		CHECK_EQ(rm_en_info(rm, e.guid).mask, mask);
}

/* What a mask has to name, what it may, and what it may not. */
TEST(masks)
{
	static const unsigned int never_sent[] = {
		KTM_NOTIFY_DELEGATE_COMMIT, KTM_NOTIFY_ENLIST_PREPREPARE, KTM_NOTIFY_PROPAGATE_PULL,
		KTM_NOTIFY_PROPAGATE_PUSH, KTM_NOTIFY_MARSHAL, KTM_NOTIFY_ENLIST_MASK,
		KTM_NOTIFY_TM_ONLINE, KTM_NOTIFY_PROMOTE, KTM_NOTIFY_PROMOTE_NEW,
		KTM_NOTIFY_COMMIT_FINALIZE,
	};
	static const unsigned int required[] = {
		KTM_NOTIFY_PREPARE, KTM_NOTIFY_COMMIT, KTM_NOTIFY_ROLLBACK,
	};
	static const unsigned int refused[] = {
		KTM_NOTIFY_PREPREPARE, KTM_NOTIFY_PREPARE, KTM_NOTIFY_COMMIT,
		KTM_NOTIFY_SINGLE_PHASE_COMMIT,
	};
	const unsigned int above = KTM_NOTIFY_ROLLBACK | KTM_NOTIFY_COMMIT_COMPLETE;
	unsigned int i;

	for (i = 0; i < sizeof(never_sent) / sizeof(never_sent[0]); i++)
		mask_is(0, KTM_NOTIFY_REQUIRED | never_sent[i], KTM_STATUS_SUCCESS);
	SHOWS("mask never-sent");
	for (i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		mask_is(0, EN_MASK & ~required[i], KTM_STATUS_INVALID_PARAMETER);
		mask_is(0, SINGLE & ~required[i], KTM_STATUS_INVALID_PARAMETER);
	}
	mask_is(0, 0, KTM_STATUS_INVALID_PARAMETER);
	mask_is(0, EN_MASK | 0x80000000u, KTM_STATUS_INVALID_PARAMETER);
	mask_is(0, KTM_NOTIFY_REQUIRED, KTM_STATUS_SUCCESS);
	mask_is(0, SINGLE, KTM_STATUS_SUCCESS);
	SHOWS("mask required");
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		mask_is(KTM_ENLIST_SUPERIOR, above | refused[i], KTM_STATUS_INVALID_PARAMETER);
	SHOWS("mask superior-refused");
	mask_is(KTM_ENLIST_SUPERIOR, KTM_NOTIFY_COMMIT_COMPLETE, KTM_STATUS_INVALID_PARAMETER);
	mask_is(KTM_ENLIST_SUPERIOR, above, KTM_STATUS_SUCCESS);
	SHOWS("mask superior-required");
}

/* Phase 0 and the single phase are for those who have asked for them. */
TEST(only_what_the_mask_names)
{
	guid_t plain = enlist(rm, tx), early;

	early = enlist_mask(other, tx, EN_MASK | KTM_NOTIFY_PREPREPARE, 0);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(other, KTM_NOTIFY_PREPREPARE, early);
	TAKE_NONE(rm);
	ANSWER(other, KTM_IOC_READ_ONLY, early, KTM_STATUS_SUCCESS);
	/* Alone now, but not asked to decide alone. */
	finish_commit(rm, plain);
	SHOWS("mask not-named-not-sent");
}
