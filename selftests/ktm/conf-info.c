// SPDX-License-Identifier: GPL-2.0
/*
 * Conformance: classes of information, asked of each kind of object: those of
 * another kind, those that there are not, buffers of every wrong length.
 */
#include "calls.h"

enum kind { TM, RM, TX, EN, KINDS };

/* @fixed: the struct's length, 0 where the answer's length varies; @set: can be set. */
static const struct class {
	unsigned int class, kind, fixed;
	bool set;
} classes[] = {
	{ KTM_INFO_TM_BASIC, TM, sizeof(struct ktm_tm_info), false },
	{ KTM_INFO_TM_LOG, TM, 0, false },
	{ KTM_INFO_TM_LOG_PATH, TM, 0, false },
	{ KTM_INFO_TM_RECOVERY, TM, 0, false },
	{ KTM_INFO_TM_ONLINE, TM, 0, false },
	{ KTM_INFO_RM_BASIC, RM, sizeof(struct ktm_rm_info), false },
	{ KTM_INFO_RM_COMPLETION, RM, sizeof(struct ktm_rm_completion), true },
	{ KTM_INFO_TX_BASIC, TX, sizeof(struct ktm_tx_info), false },
	{ KTM_INFO_TX_ENLISTMENTS, TX, 0, false },
	{ KTM_INFO_TX_PROPERTIES, TX, sizeof(struct ktm_tx_properties), true },
	{ KTM_INFO_TX_SUPERIOR, TX, 0, false },
	{ KTM_INFO_EN_BASIC, EN, sizeof(struct ktm_en_info), false },
	{ KTM_INFO_EN_RECOVERY, EN, 0, true },
	{ KTM_INFO_EN_CRM, EN, sizeof(struct ktm_en_crm), false },
};

#define NR_CLASSES	(sizeof(classes) / sizeof(classes[0]))

static int fds[KINDS];
static unsigned char room[KTM_MAX_RECOVERY_INFORMATION + 64];

void test_setup(void)
{
	fds[TM] = tm_volatile();
	fds[RM] = rm_create(fds[TM], KTM_RM_VOLATILE);
	fds[TX] = tx_create(fds[TM]);
	fds[EN] = enlist_fd(fds[RM], fds[TX], KTM_EN_ALL_ACCESS, NULL);
}

static void query_is(int fd, unsigned int class, unsigned int length, unsigned int want)
{
	struct ktm_query q = ARG(ktm_query, .info_class = class, .length = length,
				 .buffer = (uintptr_t)room);

	memset(room, 0xa5, sizeof(room));
	CALL(fd, KTM_IOC_QUERY, &q, want);
	if (want != KTM_STATUS_SUCCESS)
		CHECK_EQ(room[0], 0xa5);
}

static void set_is(int fd, unsigned int class, unsigned int length, unsigned int want)
{
	struct ktm_set s = ARG(ktm_set, .info_class = class, .length = length,
			       .buffer = (uintptr_t)room);

	memset(room, 0, sizeof(room));
	CALL(fd, KTM_IOC_SET, &s, want);
}

/* Each class on each kind of object that has none of it. */
TEST(wrong_classes)
{
	static const unsigned int none[] = { 0, 15, 1000, ~0u };
	unsigned int i, k;

	for (k = 0; k < KINDS; k++) {
		for (i = 0; i < NR_CLASSES; i++) {
			/* An RM answers for its enlistments, by GUID. */
			if (classes[i].kind == k || (k == RM && classes[i].kind == EN))
				continue;
			query_is(fds[k], classes[i].class, sizeof(room),
				 KTM_STATUS_INVALID_INFO_CLASS);
			set_is(fds[k], classes[i].class, classes[i].fixed,
			       KTM_STATUS_INVALID_INFO_CLASS);
		}
		for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
			query_is(fds[k], none[i], sizeof(room), KTM_STATUS_INVALID_INFO_CLASS);
			set_is(fds[k], none[i], 0, KTM_STATUS_INVALID_INFO_CLASS);
		}
	}
}

/* Not one byte is written to a buffer that is too short, and the right length is told. */
TEST(short_buffers)
{
	unsigned int i, length;

	for (i = 0; i < NR_CLASSES; i++) {
		if (!classes[i].fixed)
			continue;
		for (length = 0; length < classes[i].fixed; length++) {
			struct ktm_query q = ARG(ktm_query, .info_class = classes[i].class,
						 .length = length, .buffer = (uintptr_t)room);

			memset(room, 0xa5, sizeof(room));
			CALL(fds[classes[i].kind], KTM_IOC_QUERY, &q, KTM_STATUS_BUFFER_TOO_SMALL);
			CHECK_EQ(q.length, classes[i].fixed);
			CHECK_EQ(room[0], 0xa5);
		}
		query_is(fds[classes[i].kind], classes[i].class, classes[i].fixed,
			 KTM_STATUS_SUCCESS);
	}
}

TEST(lengths_of_set)
{
	const unsigned int port = sizeof(struct ktm_rm_completion);
	const unsigned int properties = sizeof(struct ktm_tx_properties);

	set_is(fds[RM], KTM_INFO_RM_COMPLETION, 0, KTM_STATUS_INFO_LENGTH_MISMATCH);
	set_is(fds[RM], KTM_INFO_RM_COMPLETION, port - 1, KTM_STATUS_INFO_LENGTH_MISMATCH);
	set_is(fds[RM], KTM_INFO_RM_COMPLETION, port + 1, KTM_STATUS_INFO_LENGTH_MISMATCH);
	set_is(fds[TX], KTM_INFO_TX_PROPERTIES, 0, KTM_STATUS_INFO_LENGTH_MISMATCH);
	set_is(fds[TX], KTM_INFO_TX_PROPERTIES, properties - 1, KTM_STATUS_INFO_LENGTH_MISMATCH);
	set_is(fds[TX], KTM_INFO_TX_PROPERTIES, properties + 1, KTM_STATUS_INFO_LENGTH_MISMATCH);
	set_is(fds[EN], KTM_INFO_EN_RECOVERY, KTM_MAX_RECOVERY_INFORMATION + 1,
	       KTM_STATUS_INFO_LENGTH_MISMATCH);
	set_is(fds[EN], KTM_INFO_EN_RECOVERY, KTM_MAX_RECOVERY_INFORMATION, KTM_STATUS_SUCCESS);
}

/* Whatever can only be asked for cannot be set, of a TM nothing can. */
TEST(what_can_only_be_asked_for)
{
	unsigned int i;

	for (i = 0; i < NR_CLASSES; i++)
		if (!classes[i].set)
			set_is(fds[classes[i].kind], classes[i].class, classes[i].fixed,
			       KTM_STATUS_INVALID_INFO_CLASS);
}
