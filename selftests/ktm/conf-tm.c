// SPDX-License-Identifier: GPL-2.0
/* Conformance: what calls on a transaction manager come to when there is nothing to do. */
#include "calls.h"
#include "disk.h"

/* Online already: that is all that was wanted, and nobody notices. */
TEST(recover_again)
{
	struct ktm_tm_recover again = ARG(ktm_tm_recover, .device_fd = -1);
	struct disk d = disk_make(8 * MIB);
	struct ktm_tm_info before, after;
	int tm, rm, tx;
	guid_t en;

	journal_format(d.path, guid_of(9));
	tm = tm_online(d.path);
	rm = rm_create(tm, 0);
	rm_recover_empty(rm);
	tx = tx_create(tm);
	en = enlist(rm, tx);
	before = tm_info(tm);
	CALL(tm, KTM_IOC_TM_RECOVER, &again, KTM_STATUS_SUCCESS);
	after = tm_info(tm);
	CHECK(!memcmp(&before, &after, sizeof(before)));
	CHECK_EQ(rm_info(rm).online, 1);
	COMMIT(tx, 0, KTM_STATUS_PENDING);
	TAKE(rm, KTM_NOTIFY_PREPARE, en);
	ANSWER(rm, KTM_IOC_PREPARE_COMPLETE, en, KTM_STATUS_SUCCESS);
	TAKE(rm, KTM_NOTIFY_COMMIT, en);
	ANSWER(rm, KTM_IOC_COMMIT_COMPLETE, en, KTM_STATUS_SUCCESS);
	TX_BECOMES(tx, KTM_TX_STATE_COMMITTED);
}
