/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Steps of the tests of drivers that take part: one call each of /root/ktm_test.ko, whose
 * participant.h has the functions and their arguments.
 */
#ifndef KTM_TEST_OP_CALLS_H
#define KTM_TEST_OP_CALLS_H

#include "../ktm_test/participant.h"
#include "drivercalls.h"

/* What a callback returns, as the kernel's <linux/ktm.h> has it. */
#define KTM_CALLBACK_HANDLED	0
#define KTM_CALLBACK_PENDING	1

/*
 * The call must tell this status, and return what goes with it; and again, if it is refused for
 * what it is, without anybody who wants to know the status.
 */
#define OP(want, fn_, ...)						\
	op_call(__FILE__, __LINE__, (struct ktm_test_op){ .fn = OP_##fn_, ##__VA_ARGS__ }, want)
struct ktm_test_op op_call(const char *file, int line, struct ktm_test_op c, unsigned int want);

/* What tells no status: what it returned, and all else of it. */
#define OP_TRY(fn_, ...)						\
	op_try((struct ktm_test_op){ .fn = OP_##fn_, ##__VA_ARGS__ })
struct ktm_test_op op_try(struct ktm_test_op c);

/* Makes a call from a descriptor to one of it that must succeed. */
int op_to_fd(unsigned int fn, unsigned int slot, unsigned int access);

/* By function: the statuses that it has told in tests of this machine so far. */
void op_seen(uint64_t met[OP_FUNCTIONS]);
const char *op_name(unsigned int fn);
/* Prints them, see shows_call(). */
void op_show(void);

/* The next thing that a callback was told: of this RM, this kind. */
struct ktm_test_told told(void);
#define TOLD(rm_, want)							\
	({								\
		struct ktm_test_told __t = told();			\
		CHECK_EQ(__t.rm, rm_);					\
		CHECK_EQ(__t.notification.kind, want);			\
		__t;							\
	})

/* The next notification of a driver's RM without callbacks must be this. */
struct ktm_notification op_take(unsigned int rm);
#define OP_TAKES(rm, want)	CHECK_EQ(op_take(rm).kind, want)

/* What most tests begin with: a volatile TM, in slot 0, and RMs of it. */
void op_volatile(void);
void op_rm(unsigned int slot);
void op_tx(unsigned int slot);
/* Without a use of the enlistment; and with one. */
guid_t op_rm_enlist(unsigned int rm, unsigned int tx, unsigned int mask, uint64_t key);
guid_t op_enlist(unsigned int rm, unsigned int tx, unsigned int slot, unsigned int mask);
void op_put(unsigned int slot);
unsigned int op_tx_state(unsigned int tx);

#endif /* KTM_TEST_OP_CALLS_H */
