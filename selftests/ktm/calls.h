/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The steps that the tests are made of, each a few raw calls: a step that does
 * not succeed fails the test. Everything else is called with CALL().
 */
#ifndef KTM_TEST_CALLS_H
#define KTM_TEST_CALLS_H

#include <poll.h>

#include "harness.h"

typedef struct ktm_guid guid_t;

extern const guid_t nil;

bool same(const guid_t *a, const guid_t *b);
/* A GUID of our own, different for each @n; never nil. */
guid_t guid_of(unsigned int n);

#define EN_MASK	KTM_NOTIFY_TWO_PHASE

/* /dev/ktm, opened once per process. */
int dev(void);

/* From now on this process is somebody else; /dev/ktm, which is root's here, is open. */
#define NOBODY		65534
void become(uid_t uid, gid_t gid);

int tm_volatile(void);
int tm_open(const guid_t *guid);
guid_t tm_guid(int tm);

int tx_create(int tm);
int tx_create_timeout(int tm, uint64_t ns);
/*
 * The time-out, in ns, of one that has to do something before it passes: long enough for a machine
 * that stands still now and then.
 */
#define SOON	4000000000ull
/* That time-out is well over, since @tx was created. */
void until_overdue(int tx);
int tx_open(const guid_t *uow, unsigned int access);

/* A volatile RM, or (with flags 0) a durable one, which still has to recover. */
int rm_create(int tm, unsigned int flags);
int rm_create_as(int tm, unsigned int flags, const guid_t *guid);
int rm_open(int tm, const guid_t *guid);
/* RM_RECOVER of an RM that has nothing unfinished. */
void rm_recover_empty(int rm);
int rm_online(int tm, unsigned int n);
/* RM_RECOVER of one that may have some; the notifications are the caller's to take. */
void rm_recover(int rm);
/* The answer to RECOVER. */
void en_recover(int rm, guid_t en, uint64_t key);
/* An RM that has called Recover is told of one enlistment, and takes it up; with that call. */
void recover_only(int rm, guid_t en);
void rm_recover_one(int rm, guid_t en);
/* What a participant does in a phase: it is told, and answers. */
void en_preprepare(int rm, guid_t en);
void en_prepare(int rm, guid_t en);
void en_commit(int rm, guid_t en);
void en_rollback(int rm, guid_t en);

guid_t enlist(int rm, int tx);
guid_t enlist_key(int rm, int tx, uint64_t key);
int enlist_fd(int rm, int tx, unsigned int access, guid_t *guid);
guid_t enlist_mask(int rm, int tx, unsigned int mask, uint64_t key);
guid_t enlist_superior(int rm, int tx, unsigned int mask, uint64_t key);
/* The same with a descriptor; @superior: as a superior. */
int enlist_mask_fd(int rm, int tx, unsigned int mask, unsigned int access, bool superior,
		   guid_t *guid);

/* Answers on the RM's descriptor by GUID; must end with @want. */
#define ANSWER(rm, request, guid, want)					\
	do {								\
		struct ktm_answer __a = ARG(ktm_answer, .enlistment = (guid)); \
		CALL(rm, request, &__a, want);				\
	} while (0)
/* The same with a virtual clock. */
#define ANSWER_CLOCK(rm, request, guid, clock, want)			\
	do {								\
		struct ktm_answer __a = ARG(ktm_answer, .enlistment = (guid), \
					    .virtual_clock = (clock));	\
		CALL(rm, request, &__a, want);				\
	} while (0)
/* The same on the enlistment's own descriptor. */
#define ANSWER_FD(en, request, want)					\
	do {								\
		struct ktm_answer __a = ARG(ktm_answer);		\
		CALL(en, request, &__a, want);				\
	} while (0)

#define COMMIT(tx, how, want)						\
	do {								\
		struct ktm_call __c = ARG(ktm_call, .flags = (how));	\
		CALL(tx, KTM_IOC_COMMIT, &__c, want);			\
	} while (0)
#define ROLLBACK(tx, how, want)						\
	do {								\
		struct ktm_call __c = ARG(ktm_call, .flags = (how));	\
		CALL(tx, KTM_IOC_ROLLBACK, &__c, want);			\
	} while (0)

/* All commits of the machine, for at most so many nanoseconds. */
#define FREEZE(wait, last, want)					\
	do {								\
		struct ktm_freeze __f = ARG(ktm_freeze, .freeze_timeout_ns = (wait), \
					    .thaw_timeout_ns = (last));	\
		CALL(dev(), KTM_IOC_FREEZE, &__f, want);		\
	} while (0)

#define THAW(want)							\
	do {								\
		struct ktm_call __c = ARG(ktm_call);			\
		CALL(dev(), KTM_IOC_THAW, &__c, want);			\
	} while (0)

#define FOREVER	(~0ull)
/* TX_WAIT with a safety net; must end with @want. */
#define WAIT(tx, want)							\
	do {								\
		struct ktm_tx_wait __w = ARG(ktm_tx_wait,		\
			.timeout_ns = PATIENCE * 1000000000ull);	\
		CALL(tx, KTM_IOC_TX_WAIT, &__w, want);			\
	} while (0)

/* Takes one notification; waits for it, fails the test if none comes. */
struct ktm_notification take(int rm);
/* The next notification must be @kind, of enlistment @en, and no other. */
#define TAKE(rm, want, en)						\
	do {								\
		const guid_t __g = (en);				\
		struct ktm_notification __n = take(rm);			\
		if (__n.kind != (want) || !same(&__n.enlistment, &__g))	\
			FAIL("got notification 0x%x%s, not %s", __n.kind, \
			     same(&__n.enlistment, &__g) ? "" :		\
			     " of another enlistment", #want);		\
		test_shows_notification(want);				\
	} while (0)
/* It must also carry this virtual clock and this key. */
#define TAKE_AT(rm, want, en, clock, key_)				\
	do {								\
		const guid_t __g = (en);				\
		struct ktm_notification __n = take(rm);			\
		if (__n.kind != (want) || !same(&__n.enlistment, &__g))	\
			FAIL("got notification 0x%x, not %s", __n.kind, #want); \
		CHECK_EQ(__n.virtual_clock, clock);			\
		CHECK_EQ(__n.key, key_);				\
	} while (0)
/* poll() of one descriptor without waiting, and with. */
short poll_now(int fd);
short poll_for(int fd, short events);
/* Nothing waits on this RM. */
#define TAKE_NONE(rm)	CHECK_EQ(poll_now(rm) & POLLIN, 0)

struct ktm_tm_info tm_info(int tm);
struct ktm_tm_space tm_space(int tm);
/* Waits until it knows that its log has failed. */
void tm_failed(int tm);
struct ktm_rm_info rm_info(int rm);
struct ktm_tx_info tx_info(int tx);
struct ktm_en_info en_info(int en);
struct ktm_en_info rm_en_info(int rm, guid_t guid);

#define TX_IS(tx, want)		CHECK_EQ(tx_info(tx).state, want)
#define EN_IS(rm, guid, want)	CHECK_EQ(rm_en_info(rm, guid).state, want)
/* An enlistment that has ended: its state, or gone from its RM. */
#define EN_GONE(rm, guid_)						\
	do {								\
		struct ktm_en_info __i;					\
		struct ktm_query __q = ARG(ktm_query,			\
			.info_class = KTM_INFO_EN_BASIC, .guid = (guid_), \
			.length = sizeof(__i), .buffer = (uintptr_t)&__i); \
		CALL(rm, KTM_IOC_QUERY, &__q, KTM_STATUS_ENLISTMENT_NOT_FOUND); \
	} while (0)
void tx_becomes(const char *file, int line, int tx, unsigned int state);
/* The transaction reaches this state without anything more being done. */
#define TX_BECOMES(tx, state)	tx_becomes(__FILE__, __LINE__, tx, state)

/* Number of objects of a kind that are listed on @fd. */
unsigned int count_objects(int fd, unsigned int kind);
bool listed(int fd, unsigned int kind, guid_t guid);

int narrow(int fd, unsigned int access);

/* Passing a descriptor through a socket. */
void send_fd(int sock, int fd);
int recv_fd(int sock);

/* Commit in a process of its own that waits; CALL()ed with this status. */
pid_t commit_in_child(int tx, unsigned int want);

/* A process of the test sits in an interruptible sleep: it waits in its call. */
void until_asleep(pid_t pid);
/* It waits for something that it cannot be interrupted in; killed it may be. */
void until_stuck(pid_t pid);
/* It waits, for the one or for the other. */
void until_waiting(pid_t pid);

/* From now on this signal ends every wait of this process and of those it makes, and that is all. */
void catch_signal(int signal);
/* Such signals come all the time, or no more. */
void be_interrupted(bool on);
/* @call, in a process of its own, waits until a signal ends that. */
void interrupt(void (*call)(void *), void *data);

/* One whole commit that a superior of this process drives, with one RM in it. */
void commit_under(int boss, guid_t sup, int rm, guid_t en);
/* One whole commit with one RM in this process. */
void commit_one(int rm, int tx);

#endif /* KTM_TEST_CALLS_H */
