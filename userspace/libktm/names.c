// SPDX-License-Identifier: LGPL-2.1-or-later
/* Words for the numbers that queries and notifications carry. */
#include "internal.h"

#define NAME_OF(names, value) \
	name_of(names, sizeof(names) / sizeof((names)[0]), value)

static const char *name_of(const char *const *names, size_t count, uint32_t value)
{
	return value < count && names[value] ? names[value] : "unknown";
}

KTM_EXPORT const char *ktm_tm_state_name(uint32_t state)
{
	static const char *const names[] = {
		[KTM_TM_STATE_OFFLINE]		= "offline",
		[KTM_TM_STATE_RECOVERING]	= "recovering",
		[KTM_TM_STATE_ONLINE]		= "online",
		[KTM_TM_STATE_FAILED]		= "failed",
		[KTM_TM_STATE_ROLLED_FORWARD]	= "rolled forward",
	};

	return NAME_OF(names, state);
}

KTM_EXPORT const char *ktm_tx_state_name(uint32_t state)
{
	static const char *const names[] = {
		[KTM_TX_STATE_ACTIVE]		= "active",
		[KTM_TX_STATE_PREPARING]	= "preparing",
		[KTM_TX_STATE_DECIDING]		= "deciding",
		[KTM_TX_STATE_COMMITTING]	= "committing",
		[KTM_TX_STATE_COMMITTED]	= "committed",
		[KTM_TX_STATE_ABORTING]		= "aborting",
		[KTM_TX_STATE_ABORTED]		= "aborted",
		[KTM_TX_STATE_INDOUBT]		= "in doubt",
		[KTM_TX_STATE_PREPREPARING]	= "pre-preparing",
		[KTM_TX_STATE_PREPREPARED]	= "pre-prepared",
		[KTM_TX_STATE_SEALING]		= "sealing",
		[KTM_TX_STATE_PREPARED]		= "prepared",
		[KTM_TX_STATE_SINGLE_PHASE]	= "single phase",
		[KTM_TX_STATE_SINGLE_PHASE_INDOUBT] = "in doubt (single phase)",
		[KTM_TX_STATE_SUPERIOR_INDOUBT]	= "in doubt (superior)",
	};

	return NAME_OF(names, state);
}

KTM_EXPORT const char *ktm_tx_outcome_name(uint32_t outcome)
{
	static const char *const names[] = {
		[KTM_OUTCOME_UNDETERMINED]	= "undetermined",
		[KTM_OUTCOME_COMMITTED]		= "committed",
		[KTM_OUTCOME_ABORTED]		= "aborted",
	};

	return NAME_OF(names, outcome);
}

KTM_EXPORT const char *ktm_en_state_name(uint32_t state)
{
	static const char *const names[] = {
		[KTM_EN_STATE_ACTIVE]		= "active",
		[KTM_EN_STATE_PREPARING]	= "preparing",
		[KTM_EN_STATE_PREPARED]		= "prepared",
		[KTM_EN_STATE_COMMITTING]	= "committing",
		[KTM_EN_STATE_COMMITTED]	= "committed",
		[KTM_EN_STATE_ABORTING]		= "aborting",
		[KTM_EN_STATE_ABORTED]		= "aborted",
		[KTM_EN_STATE_READ_ONLY]	= "read-only",
		[KTM_EN_STATE_PREPREPARING]	= "pre-preparing",
		[KTM_EN_STATE_PREPREPARED]	= "pre-prepared",
		[KTM_EN_STATE_SINGLE_PHASE]	= "single phase",
		[KTM_EN_STATE_DISCONNECTED]	= "disconnected",
	};

	return NAME_OF(names, state);
}

KTM_EXPORT const char *ktm_notification_name(uint32_t kind)
{
	switch (kind) {
#define NAME(bit) case KTM_NOTIFY_##bit: return #bit
	NAME(PREPREPARE);
	NAME(PREPARE);
	NAME(COMMIT);
	NAME(ROLLBACK);
	NAME(PREPREPARE_COMPLETE);
	NAME(PREPARE_COMPLETE);
	NAME(COMMIT_COMPLETE);
	NAME(ROLLBACK_COMPLETE);
	NAME(RECOVER);
	NAME(SINGLE_PHASE_COMMIT);
	NAME(DELEGATE_COMMIT);
	NAME(RECOVER_QUERY);
	NAME(ENLIST_PREPREPARE);
	NAME(LAST_RECOVER);
	NAME(INDOUBT);
	NAME(PROPAGATE_PULL);
	NAME(PROPAGATE_PUSH);
	NAME(MARSHAL);
	NAME(ENLIST_MASK);
	NAME(RM_DISCONNECTED);
	NAME(TM_ONLINE);
	NAME(COMMIT_REQUEST);
	NAME(PROMOTE);
	NAME(PROMOTE_NEW);
	NAME(REQUEST_OUTCOME);
	NAME(COMMIT_FINALIZE);
#undef NAME
	default:
		return "unknown";
	}
}
