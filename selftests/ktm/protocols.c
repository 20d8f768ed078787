// SPDX-License-Identifier: GPL-2.0
/*
 * Protocols by which an RM is reached from afar, and the answers to propagation,
 * for which nobody ever asks.
 */
#include "calls.h"
#include "disk.h"

static int tm, rm;
static char information[KTM_MAX_PROTOCOL_INFORMATION + 1];

void test_setup(void)
{
	tm = tm_volatile();
	rm = rm_create(tm, KTM_RM_VOLATILE | KTM_RM_COMMUNICATION);
}

static struct ktm_protocol protocol(unsigned int n, unsigned int length)
{
	return ARG(ktm_protocol, .protocol = guid_of(n), .length = length,
		   .information = length ? (uintptr_t)information : 0);
}

#define REGISTER(on, n, length, want)					\
	do {								\
		struct ktm_protocol __p = protocol(n, length);		\
		CALL(on, KTM_IOC_REGISTER_PROTOCOL, &__p, want);	\
	} while (0)

TEST(registered_once_each)
{
	int other = rm_create(tm, KTM_RM_VOLATILE | KTM_RM_COMMUNICATION);
	unsigned int i;

	for (i = 0; i < KTM_MAX_PROTOCOLS; i++)
		REGISTER(rm, i, i ? i * KTM_MAX_PROTOCOL_INFORMATION / (KTM_MAX_PROTOCOLS - 1) : 0,
			 KTM_STATUS_SUCCESS);
	for (i = 0; i < KTM_MAX_PROTOCOLS; i++)
		REGISTER(rm, i, 7, KTM_STATUS_PROTOCOL_EXISTS);
	REGISTER(rm, KTM_MAX_PROTOCOLS, 7, KTM_STATUS_QUOTA_EXCEEDED);
	/* Another RM's are its own. */
	REGISTER(other, 0, 7, KTM_STATUS_SUCCESS);
}

TEST(flags_and_lengths)
{
	struct ktm_protocol p = protocol(1, 16);

	p.flags = KTM_PROTOCOL_EXPLICIT_MARSHAL_ONLY | KTM_PROTOCOL_DYNAMIC_MARSHAL_INFO;
	CALL(rm, KTM_IOC_REGISTER_PROTOCOL, &p, KTM_STATUS_SUCCESS);
	REGISTER(rm, 2, KTM_MAX_PROTOCOL_INFORMATION + 1, KTM_STATUS_INVALID_PARAMETER);
	p = protocol(2, 16);
	p.information = 0;
	CALL(rm, KTM_IOC_REGISTER_PROTOCOL, &p, KTM_STATUS_INVALID_PARAMETER);
	p = protocol(2, 16);
	p.length = 0;
	CALL(rm, KTM_IOC_REGISTER_PROTOCOL, &p, KTM_STATUS_INVALID_PARAMETER);
	p = protocol(2, 16);
	p.protocol = nil;
	CALL(rm, KTM_IOC_REGISTER_PROTOCOL, &p, KTM_STATUS_INVALID_PARAMETER);
	p = protocol(2, 16);
	p.information = 4096;
	CALL(rm, KTM_IOC_REGISTER_PROTOCOL, &p, KTM_STATUS_FAULT);
	/* What was refused is not there. */
	REGISTER(rm, 2, 16, KTM_STATUS_SUCCESS);
}

TEST(only_for_communication)
{
	int other = rm_create(tm, KTM_RM_VOLATILE);

	CHECK_EQ(rm_info(rm).flags, KTM_RM_VOLATILE | KTM_RM_COMMUNICATION);
	CHECK_EQ(rm_info(other).flags, KTM_RM_VOLATILE);
	REGISTER(other, 1, 7, KTM_STATUS_REQUEST_NOT_VALID);
}

/* What an RM may do is in the log; where it is reached now is not. */
TEST(after_a_restart)
{
	struct disk d = disk_make(8 * MIB);
	guid_t talks = guid_of(1), silent = guid_of(2);
	int durable_tm, a, b, again, tx;
	unsigned char *content;

	journal_format(d.path, guid_of(900));
	durable_tm = tm_online(d.path);
	a = rm_create_as(durable_tm, KTM_RM_COMMUNICATION, &talks);
	b = rm_create_as(durable_tm, 0, &silent);
	REGISTER(a, 1, 7, KTM_STATUS_SUCCESS);
	/* A second descriptor keeps it, the last close forgets it. */
	again = rm_open(durable_tm, &talks);
	close(a);
	REGISTER(again, 1, 7, KTM_STATUS_PROTOCOL_EXISTS);
	close(again);
	a = rm_open(durable_tm, &talks);
	REGISTER(a, 1, 7, KTM_STATUS_SUCCESS);
	REGISTER(a, 1, 7, KTM_STATUS_PROTOCOL_EXISTS);
	rm_recover_empty(a);
	rm_recover_empty(b);
	tx = tx_create(durable_tm);
	commit_one(b, tx);
	close(tx);
	content = disk_read(&d);
	close(a);
	close(b);
	durable_tm = disk_after_cut(&d, durable_tm, content);
	a = rm_open(durable_tm, &talks);
	b = rm_open(durable_tm, &silent);
	CHECK_EQ(rm_info(a).flags, KTM_RM_COMMUNICATION);
	CHECK_EQ(rm_info(b).flags, 0);
	REGISTER(a, 1, 7, KTM_STATUS_SUCCESS);
	REGISTER(b, 1, 7, KTM_STATUS_REQUEST_NOT_VALID);
	close(a);
	close(b);
	/* Nor is it forgotten by the restart area that this opening has written. */
	tm_close(durable_tm, d.path);
	durable_tm = tm_online(d.path);
	a = rm_open(durable_tm, &talks);
	CHECK_EQ(rm_info(a).flags, KTM_RM_COMMUNICATION);
	close(a);
	tm_close(durable_tm, d.path);
}

TEST(nobody_has_asked)
{
	struct ktm_propagation p = ARG(ktm_propagation, .cookie = 1, .length = 10,
				       .buffer = (uintptr_t)information);

	CALL(rm, KTM_IOC_PROPAGATION_COMPLETE, &p, KTM_STATUS_NOT_REQUESTED);
	CALL(rm, KTM_IOC_PROPAGATION_FAILED, &p, KTM_STATUS_INVALID_PARAMETER);
	p.cause = KTM_STATUS_IO_ERROR;
	CALL(rm, KTM_IOC_PROPAGATION_COMPLETE, &p, KTM_STATUS_INVALID_PARAMETER);
	p.cause = 0;
	p.length = KTM_MAX_PROTOCOL_INFORMATION + 1;
	CALL(rm, KTM_IOC_PROPAGATION_COMPLETE, &p, KTM_STATUS_INVALID_PARAMETER);
	p.length = 0;
	CALL(rm, KTM_IOC_PROPAGATION_COMPLETE, &p, KTM_STATUS_INVALID_PARAMETER);
	p.buffer = 0;
	CALL(rm, KTM_IOC_PROPAGATION_COMPLETE, &p, KTM_STATUS_NOT_REQUESTED);
	p.cause = KTM_STATUS_IO_ERROR;
	CALL(rm, KTM_IOC_PROPAGATION_FAILED, &p, KTM_STATUS_NOT_REQUESTED);
	p.cookie = 0;
	CALL(rm, KTM_IOC_PROPAGATION_FAILED, &p, KTM_STATUS_NOT_REQUESTED);
}
