// SPDX-License-Identifier: GPL-2.0
/*
 * Room in a log: reserved in its ring, charged to its restart areas and to somebody's share.
 */
#include "journal.h"
#include "room.h"
#include "status.h"
#include "stream.h"

/**
 * ktm_room_take - set room in a log aside
 * @j: the log
 * @payer: whose share it is of, from ktm_user_of_log()
 * @bytes: of its ring, for what may have to be written, and of restart areas
 * @bounded: he may not have more than his share
 *
 * Return: enum ktm_status, or KTM_STREAM_NO_ROOM: perhaps when the log has been cleaned; unless
 * it is SUCCESS nothing has changed.
 */
u32 ktm_room_take(struct ktm_journal *j, struct ktm_user *payer, struct ktm_log_bytes bytes,
		  bool bounded)
{
	const struct ktm_log_bytes all = ktm_journal_shared(j);
	u32 status;
	int err;

	if (ktm_user_charge_log(payer, bytes, bounded ? &all : NULL))
		return KTM_STATUS_QUOTA_EXCEEDED;
	status = KTM_STREAM_NO_ROOM;
	err = ktm_journal_reserve(j, bytes.ring);
	if (err)
		goto uncharge;
	/* What has no place in a restart area finds none in the next one. */
	status = KTM_STATUS_LOG_FULL;
	err = ktm_journal_live_charge(j, bytes.area);
	if (err)
		goto unreserve;
	return KTM_STATUS_SUCCESS;
unreserve:
	ktm_journal_unreserve(j, bytes.ring);
uncharge:
	ktm_user_uncharge_log(payer, bytes);
	return err == -ENOSPC ? status : KTM_STATUS_TM_NOT_ONLINE;
}

/**
 * ktm_room_give_back - it is not needed (any more)
 * @j: the log, not opened anew since
 * @payer: who was charged; NULL: nobody was, for nothing
 * @bytes: how much
 */
void ktm_room_give_back(struct ktm_journal *j, struct ktm_user *payer, struct ktm_log_bytes bytes)
{
	if (!payer)
		return;
	ktm_journal_live_uncharge(j, bytes.area);
	ktm_journal_unreserve(j, bytes.ring);
	ktm_user_uncharge_log(payer, bytes);
}
