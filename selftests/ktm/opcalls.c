// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "opcalls.h"

/* What calls have come to in tests so far: other processes than this one. */
#define SEEN	"/tmp/op-seen"

static const char *const names[OP_ALL] = {
	[OP_PUT] = "a put",
	[OP_TM_CREATE] = "ktm_tm_create",
	[OP_TM_OPEN] = "ktm_tm_open",
	[OP_TM_OPEN_LOG] = "ktm_tm_open_log",
	[OP_TM_GET_FROM_FD] = "ktm_tm_get_from_fd",
	[OP_TM_TO_FD] = "ktm_tm_to_fd",
	[OP_TM_RECOVER] = "ktm_tm_recover",
	[OP_TM_ROLLFORWARD] = "ktm_tm_rollforward",
	[OP_TM_RENAME] = "ktm_tm_rename",
	[OP_TM_OFFLINE] = "ktm_tm_offline",
	[OP_TM_QUERY] = "ktm_tm_query",
	[OP_TM_ENUMERATE] = "ktm_tm_enumerate",
	[OP_STREAM_CREATE] = "ktm_log_stream_create",
	[OP_ENUMERATE_OBJECTS] = "ktm_enumerate_objects",
	[OP_FREEZE_TRANSACTIONS] = "ktm_freeze_transactions",
	[OP_THAW_TRANSACTIONS] = "ktm_thaw_transactions",
	[OP_TRANSACTION_CREATE] = "ktm_transaction_create",
	[OP_TRANSACTION_OPEN] = "ktm_transaction_open",
	[OP_TRANSACTION_GET_FROM_FD] = "ktm_transaction_get_from_fd",
	[OP_TRANSACTION_TO_FD] = "ktm_transaction_to_fd",
	[OP_TRANSACTION_COMMIT] = "ktm_transaction_commit",
	[OP_TRANSACTION_COMMIT_ASYNC] = "ktm_transaction_commit_async",
	[OP_TRANSACTION_ROLLBACK] = "ktm_transaction_rollback",
	[OP_TRANSACTION_WAIT] = "ktm_transaction_wait",
	[OP_TRANSACTION_QUERY] = "ktm_transaction_query",
	[OP_TRANSACTION_SET] = "ktm_transaction_set",
	[OP_TRANSACTION_ID] = "ktm_transaction_id",
	[OP_TRANSACTION_IS_ACTIVE] = "ktm_transaction_is_active",
	[OP_RM_CREATE] = "ktm_rm_create",
	[OP_RM_OPEN] = "ktm_rm_open",
	[OP_RM_GET_FROM_FD] = "ktm_rm_get_from_fd",
	[OP_RM_TO_FD] = "ktm_rm_to_fd",
	[OP_RM_RECOVER] = "ktm_rm_recover",
	[OP_RM_GET_NOTIFICATION] = "ktm_rm_get_notification",
	[OP_RM_QUERY] = "ktm_rm_query",
	[OP_RM_SET] = "ktm_rm_set",
	[OP_RM_ENUMERATE] = "ktm_rm_enumerate",
	[OP_RM_REGISTER_PROTOCOL] = "ktm_rm_register_protocol",
	[OP_RM_PROPAGATION_COMPLETE] = "ktm_rm_propagation_complete",
	[OP_RM_PROPAGATION_FAILED] = "ktm_rm_propagation_failed",
	[OP_RM_ENABLE_CALLBACKS] = "ktm_rm_enable_callbacks",
	[OP_RM_DISABLE_CALLBACKS] = "ktm_rm_disable_callbacks",
	[OP_RM_ENLIST] = "ktm_rm_enlist",
	[OP_ENLISTMENT_CREATE] = "ktm_enlistment_create",
	[OP_ENLISTMENT_OPEN] = "ktm_enlistment_open",
	[OP_ENLISTMENT_GET_FROM_FD] = "ktm_enlistment_get_from_fd",
	[OP_ENLISTMENT_TO_FD] = "ktm_enlistment_to_fd",
	[OP_ENLISTMENT_PREPREPARE_COMPLETE] = "ktm_enlistment_preprepare_complete",
	[OP_ENLISTMENT_PREPARE_COMPLETE] = "ktm_enlistment_prepare_complete",
	[OP_ENLISTMENT_COMMIT_COMPLETE] = "ktm_enlistment_commit_complete",
	[OP_ENLISTMENT_ROLLBACK_COMPLETE] = "ktm_enlistment_rollback_complete",
	[OP_ENLISTMENT_READ_ONLY] = "ktm_enlistment_read_only",
	[OP_ENLISTMENT_SINGLE_PHASE_REJECT] = "ktm_enlistment_single_phase_reject",
	[OP_ENLISTMENT_ROLLBACK] = "ktm_enlistment_rollback",
	[OP_ENLISTMENT_REQUEST_OUTCOME] = "ktm_enlistment_request_outcome",
	[OP_ENLISTMENT_RECOVER] = "ktm_enlistment_recover",
	[OP_ENLISTMENT_PREPREPARE] = "ktm_enlistment_preprepare",
	[OP_ENLISTMENT_PREPARE] = "ktm_enlistment_prepare",
	[OP_ENLISTMENT_COMMIT] = "ktm_enlistment_commit",
	[OP_ENLISTMENT_QUERY] = "ktm_enlistment_query",
	[OP_ENLISTMENT_SET] = "ktm_enlistment_set",
	[OP_ENLISTMENT_REFERENCE_KEY] = "ktm_enlistment_reference_key",
	[OP_ENLISTMENT_DEREFERENCE_KEY] = "ktm_enlistment_dereference_key",
	[OP_SCRIPT] = "a script",
	[OP_RELEASE] = "a release",
	[OP_TAKE] = "a take",
	[OP_FORGET] = "a forgetting",
	[OP_ADOPT] = "an adoption",
	[OP_CROWD] = "a crowd",
};

const char *op_name(unsigned int fn)
{
	return names[fn];
}

static void seen(unsigned int fn, unsigned int status)
{
	int fd = open(SEEN, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	char line[32];
	int length = snprintf(line, sizeof(line), "%u %u\n", fn, status);

	CHECK(fd >= 0);
	/* For those of other users, too; who may not has no need to. */
	fchmod(fd, 0666);
	CHECK_EQ(write(fd, line, length), length);
	close(fd);
}

void op_seen(uint64_t met[OP_FUNCTIONS])
{
	FILE *file = fopen(SEEN, "r");
	unsigned int fn, status;

	CHECK(file);
	memset(met, 0, OP_FUNCTIONS * sizeof(*met));
	while (fscanf(file, "%u %u", &fn, &status) == 2) {
		CHECK(fn < OP_FUNCTIONS && status < 64);
		met[fn] |= 1ull << status;
	}
	fclose(file);
}

void op_show(void)
{
	uint64_t met[OP_FUNCTIONS];
	unsigned int fn, status;

	op_seen(met);
	for (fn = OP_PUT + 1; fn < OP_FUNCTIONS; fn++)
		for (status = 0; status < 64; status++)
			if (met[fn] >> status & 1)
				shows_call(names[fn], status);
}

struct ktm_test_op op_try(struct ktm_test_op c)
{
	CHECK_EQ(ioctl(drv, KTM_TEST_OP, &c), 0);
	if (c.ret == -ENOBUFS)
		FAIL("%s: the test is wrong", names[c.fn]);
	if (c.fn < OP_FUNCTIONS && c.status == UINT_MAX)
		seen(c.fn, KTM_STATUS_SUCCESS);
	return c;
}

static bool returns(const struct ktm_test_op *c, unsigned int status)
{
	bool makes_fd = c->fn == OP_TM_TO_FD || c->fn == OP_RM_TO_FD ||
			c->fn == OP_TRANSACTION_TO_FD || c->fn == OP_ENLISTMENT_TO_FD;

	if (makes_fd && !status)
		return c->ret >= 0;
	return c->ret == -status_errno(status);
}

/* Does the same come to the same? What was done once cannot be done again. */
static bool refused_again(unsigned int status)
{
	return status == KTM_STATUS_INVALID_PARAMETER || status == KTM_STATUS_ACCESS_DENIED ||
	       status == KTM_STATUS_INVALID_HANDLE || status == KTM_STATUS_OBJECT_TYPE_MISMATCH;
}

struct ktm_test_op op_call(const char *file, int line, struct ktm_test_op c, unsigned int want)
{
	struct ktm_test_op again = c;

	CHECK_EQ(ioctl(drv, KTM_TEST_OP, &c), 0);
	if (c.ret == -ENOBUFS)
		test_fail(file, line, "%s: the test is wrong", names[c.fn]);
	if (c.status != want || !returns(&c, want))
		test_fail(file, line, "%s returned %d, status %s, not %s", names[c.fn], c.ret,
			  status_name(c.status), status_name(want));
	seen(c.fn, want);
	if (refused_again(want)) {
		again.how |= KTM_TEST_OP_NO_STATUS;
		CHECK_EQ(ioctl(drv, KTM_TEST_OP, &again), 0);
		if (again.status != UINT_MAX || again.ret != c.ret)
			test_fail(file, line, "%s without a status returned %d, not %d",
				  names[c.fn], again.ret, c.ret);
	}
	return c;
}

int op_to_fd(unsigned int fn, unsigned int slot, unsigned int access)
{
	struct ktm_test_op c = { .fn = fn, .on = slot, .access = access };

	return op_call(__FILE__, __LINE__, c, KTM_STATUS_SUCCESS).ret;
}

struct ktm_test_told told(void)
{
	struct ktm_test_told t;

	CHECK_EQ(OP_TRY(TAKE, .data = (uintptr_t)&t).ret, 0);
	return t;
}

struct ktm_notification op_take(unsigned int rm)
{
	struct ktm_notification n;

	OP(KTM_STATUS_SUCCESS, RM_GET_NOTIFICATION, .on = rm, .data = (uintptr_t)&n,
	   .timeout_ns = PATIENCE * 1000000000ull);
	return n;
}

void op_volatile(void)
{
	OP(KTM_STATUS_SUCCESS, TM_CREATE, .slot = 0, .flags = KTM_TM_VOLATILE,
	   .access = KTM_TM_ALL_ACCESS);
}

void op_rm(unsigned int slot)
{
	OP(KTM_STATUS_SUCCESS, RM_CREATE, .slot = slot, .flags = KTM_RM_VOLATILE,
	   .access = KTM_RM_ALL_ACCESS);
}

void op_tx(unsigned int slot)
{
	OP(KTM_STATUS_SUCCESS, TRANSACTION_CREATE, .slot = slot, .access = KTM_TX_ALL_ACCESS);
}

guid_t op_rm_enlist(unsigned int rm, unsigned int tx, unsigned int mask, uint64_t key)
{
	return OP(KTM_STATUS_SUCCESS, RM_ENLIST, .on = rm, .with = tx, .mask = mask,
		  .key = key).guid;
}

guid_t op_enlist(unsigned int rm, unsigned int tx, unsigned int slot, unsigned int mask)
{
	return OP(KTM_STATUS_SUCCESS, ENLISTMENT_CREATE, .on = rm, .with = tx, .slot = slot,
		  .mask = mask, .access = KTM_EN_ALL_ACCESS).guid;
}

void op_put(unsigned int slot)
{
	CHECK_EQ(OP_TRY(PUT, .on = slot).ret, 0);
}

unsigned int op_tx_state(unsigned int tx)
{
	struct ktm_tx_info info;

	OP(KTM_STATUS_SUCCESS, TRANSACTION_QUERY, .on = tx, .kind = KTM_INFO_TX_BASIC,
	   .data = (uintptr_t)&info, .length = sizeof(info));
	return info.state;
}
