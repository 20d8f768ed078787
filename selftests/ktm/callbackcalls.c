// SPDX-License-Identifier: GPL-2.0
#include <unistd.h>

#include "callbackcalls.h"
#include "disk.h"

void op_enable(unsigned int rm)
{
	OP(KTM_STATUS_SUCCESS, RM_ENABLE_CALLBACKS, .on = rm);
}

void op_script(unsigned int mask, unsigned int what, int returns, unsigned int with)
{
	OP_TRY(SCRIPT, .mask = mask, .flags = what, .returns = returns, .with = with);
}

void op_begin(void)
{
	op_volatile();
	op_rm(RM);
	op_enable(RM);
	op_tx(TX);
}

void op_begin_durable(const char *path, guid_t rm)
{
	int fd;

	journal_format(path, guid_of(980));
	fd = disk_open(path);
	OP(KTM_STATUS_SUCCESS, TM_CREATE, .slot = 0, .device = fd + 1,
	   .access = KTM_TM_ALL_ACCESS);
	close(fd);
	OP(KTM_STATUS_SUCCESS, TM_RECOVER, .on = 0);
	OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = RM, .guid = rm, .access = KTM_RM_ALL_ACCESS);
	op_enable(RM);
	OP(KTM_STATUS_SUCCESS, RM_RECOVER, .on = RM);
	TOLD(RM, KTM_NOTIFY_LAST_RECOVER);
}

void op_commit(unsigned int tx, unsigned int want)
{
	OP(want, TRANSACTION_COMMIT, .on = tx, .flags = KTM_CALL_WAIT);
}

void committer(void *tx)
{
	op_commit(*(unsigned int *)tx, KTM_STATUS_SUCCESS);
}

void committer_in_vain(void *unused)
{
	(void)unused;
	op_commit(TX, KTM_STATUS_ROLLED_BACK);
}
