// SPDX-License-Identifier: GPL-2.0
#include "protocol_names.h"

#define TX(st)	[KTM_TX_STATE_##st] = #st
const char *const tx_state_names[KTM_NR_TX_STATES] = {
	TX(ACTIVE), TX(PREPREPARING), TX(PREPREPARED), TX(PREPARING), TX(SEALING), TX(PREPARED),
	TX(SUPERIOR_INDOUBT), TX(DECIDING), TX(INDOUBT), TX(SINGLE_PHASE),
	TX(SINGLE_PHASE_INDOUBT), TX(COMMITTING), TX(COMMITTED), TX(ABORTING), TX(ABORTED),
};

#define EN(st)	[KTM_EN_STATE_##st] = #st
const char *const en_state_names[KTM_NR_EN_STATES] = {
	EN(ACTIVE), EN(PREPREPARING), EN(PREPREPARED), EN(PREPARING), EN(PREPARED),
	EN(SINGLE_PHASE), EN(COMMITTING), EN(COMMITTED), EN(ABORTING), EN(ABORTED),
	EN(READ_ONLY), EN(DISCONNECTED),
};

const char *const tx_event_names[KTM_NR_TX_EVENTS] = {
	[KTM_TXEV_COMMIT]		= "Commit",
	[KTM_TXEV_ROLLBACK]		= "Rollback",
	[KTM_TXEV_CLOSE]		= "closing",
	[KTM_TXEV_EXPIRE]		= "time-out",
	[KTM_TXEV_DECISION_HANDED]	= "decision handed over",
	[KTM_TXEV_DECISION_REFUSED]	= "decision refused",
	[KTM_TXEV_DECISION_DURABLE]	= "decision durable",
	[KTM_TXEV_DECISION_FAILED]	= "decision failed",
	[KTM_TXEV_SEAL_HANDED]		= "seal handed over",
	[KTM_TXEV_SEAL_REFUSED]		= "seal refused",
	[KTM_TXEV_SEAL_DURABLE]		= "seal durable",
	[KTM_TXEV_SEAL_FAILED]		= "seal failed",
	[KTM_TXEV_QUIET]		= "log is read again",
	[KTM_TXEV_SETTLE_COMMIT]	= "log holds the decision",
	[KTM_TXEV_SETTLE_SEALED]	= "log holds the seal only",
	[KTM_TXEV_SETTLE_ABORT]		= "log holds neither",
};

const char *const en_event_names[KTM_NR_EN_EVENTS] = {
	[KTM_ENEV_PREPREPARE_COMPLETE]	= "PrePrepareComplete",
	[KTM_ENEV_PREPARE_COMPLETE]	= "PrepareComplete",
	[KTM_ENEV_READ_ONLY]		= "ReadOnly",
	[KTM_ENEV_ROLLBACK]		= "Rollback",
	[KTM_ENEV_COMMIT_COMPLETE]	= "CommitComplete",
	[KTM_ENEV_ROLLBACK_COMPLETE]	= "RollbackComplete",
	[KTM_ENEV_SINGLE_PHASE_REJECT]	= "SinglePhaseReject",
	[KTM_ENEV_REQUEST_OUTCOME]	= "RequestOutcome",
	[KTM_ENEV_SUP_PREPREPARE]	= "PrePrepare",
	[KTM_ENEV_SUP_PREPARE]		= "Prepare",
	[KTM_ENEV_SUP_COMMIT]		= "Commit",
	[KTM_ENEV_RM_RECOVER]		= "RM recovery",
	[KTM_ENEV_RECOVER]		= "Recover",
	[KTM_ENEV_REPORTED]		= "end read",
	[KTM_ENEV_RM_CLOSE]		= "RM closing",
	[KTM_ENEV_CLOSE]		= "closing",
};
