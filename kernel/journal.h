/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The journal: the only writer of the device.
 *
 * Life: attach (checks, claims the device, writes nothing) -> open (scans,
 * makes the finding durable) -> online -> detach. A write or flush that fails
 * takes it offline; open brings it back, after replace if need be.
 *
 * attach, open, replace, rename and detach sleep and are serialised by the caller. The
 * rest may be called from any number of threads; what sleeps says so.
 */
#ifndef KTM_JOURNAL_H
#define KTM_JOURNAL_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/types.h>

#include "core/journal_format.h"
#include "quota.h"

struct ktm_jc;
struct ktm_journal;
struct ktm_jsnap;

/**
 * struct ktm_journal_ops - what the journal asks of the transaction manager
 * @begin: replay follows, of the log that begins and ends as this superblock says.
 * @replay: one record of the log: those of the restart area, then those of the ring, in order.
 *	May sleep. A negative return ends the opening. If the opening fails later,
 *	all that was replayed is void. The record's pointers are good until it returns.
 * @snapshot: hand over all that lives, through ktm_jsnap_add(); the log ends at @tail. After the
 *	last replay, before anything is written that cannot be taken back. May sleep. A negative
 *	return (that of ktm_jsnap_add() included) ends the opening; a positive one, if nothing was
 *	handed over, ends it too, but what was replayed counts and is durable.
 * @restart_due: a restart area should be written (ktm_journal_restart()), soon and by
 *	somebody else: it must not sleep. May be called again before that has happened.
 * @offline: once for each time the journal goes offline, from its work, before any
 *	force is told of the failure. It must not wait for a force and must not call
 *	ktm_journal_open() or ktm_journal_detach().
 */
struct ktm_journal_ops {
	void (*begin)(void *ctx, const struct ktm_jf_sb *sb);
	int (*replay)(void *ctx, const struct ktm_jrec *rec);
	int (*snapshot)(void *ctx, struct ktm_jsnap *snap, u64 tail);
	void (*restart_due)(void *ctx);
	void (*offline)(void *ctx, int err);
};

/**
 * struct ktm_force - somebody who waits for the log to be durable
 * @done: called once, unless ktm_journal_unforce() was in time, from the journal's work, no lock
 *	held, in the order in which it was durable or asked for when it was so. @err 0: durable
 *	up to @lsn; -EIO: not known, the journal is offline; -ENOSPC: the log is full and
 *	@lsn is not that of a record that reserved a write unit (a later force may succeed).
 *	It may sleep for memory, append and force, but not wait for anybody who may be
 *	stopped: it holds up the callbacks behind it.
 * @lsn: the journal's
 * @err: the journal's
 * @node: the journal's
 */
struct ktm_force {
	void (*done)(struct ktm_force *f, int err);
	u64 lsn;
	int err;
	struct list_head node;
};

/**
 * struct ktm_journal_stat - the journal in numbers
 * @online: it takes records
 * @unit: write unit
 * @ring_bytes: size of the ring
 * @free_bytes: what is left of it, reservations taken off
 * @reserved_bytes: reservations
 * @restart_capacity: bytes that may live
 * @restart_charged: bytes that ktm_journal_live_charge() was granted
 * @quotas: what streams may keep alive, together
 * @restarts: restart areas written since the last opening
 * @tail_lsn: the oldest that is still needed
 * @start_lsn: restart point
 * @next_lsn: where the next batch goes
 * @flushed_lsn: durable up to here
 * @recovered_lsn: the tail that the last opening found
 * @generation: how many openings there have been
 * @appends: records since the last opening
 * @forces: forces asked for since then
 * @writes: batches written since then
 * @fua_writes: those of them that were written through the cache
 * @flushes: flushes sent since then
 * @fault: why it is not online, or what the last opening said
 */
struct ktm_journal_stat {
	bool online;
	u32 unit;
	u64 ring_bytes;
	u64 free_bytes;
	u64 reserved_bytes;
	u64 restart_capacity;
	u64 restart_charged;
	u64 quotas;
	u64 restarts;
	u64 tail_lsn;
	u64 start_lsn;
	u64 next_lsn;
	u64 flushed_lsn;
	u64 recovered_lsn;
	u64 generation;
	u64 appends;
	u64 forces;
	u64 writes;
	u64 fua_writes;
	u64 flushes;
	struct ktm_jf_fault fault;
};

int ktm_journal_init(void);
void ktm_journal_exit(void);

int ktm_journal_attach(struct file *filp, struct ktm_journal **jp, struct ktm_jf_fault *fault);
int ktm_journal_replace(struct ktm_journal *j, struct file *filp, struct ktm_jf_fault *fault);
int ktm_journal_open(struct ktm_journal *j, const struct ktm_journal_ops *ops, void *ctx,
		     struct ktm_jf_fault *fault);
int ktm_journal_rename(struct ktm_journal *j, const struct ktm_guid *tm,
		       struct ktm_jf_fault *fault);
void ktm_journal_detach(struct ktm_journal *j);
void ktm_journal_set_discard(struct ktm_journal *j, bool discard);

bool ktm_journal_online(const struct ktm_journal *j);
const struct ktm_guid *ktm_journal_guid(const struct ktm_journal *j);
const struct ktm_guid *ktm_journal_uuid(const struct ktm_journal *j);
u32 ktm_journal_path(struct ktm_journal *j, char *path, u32 room);
dev_t ktm_journal_dev(const struct ktm_journal *j);
struct ktm_log_bytes ktm_journal_shared(struct ktm_journal *j);

/*
 * Reservations end when the journal goes offline: nobody gives them back or uses them
 * then or later. Reservations and live charges start at 0 with every opening. What replay and
 * snapshot ask for is never refused: what recovery rebuilds was granted before.
 */
u32 ktm_journal_bytes(const struct ktm_journal *j, u16 type, u32 var);
int ktm_journal_reserve(struct ktm_journal *j, u64 bytes);
void ktm_journal_unreserve(struct ktm_journal *j, u64 bytes);

int ktm_journal_live_charge(struct ktm_journal *j, u64 bytes);
void ktm_journal_live_uncharge(struct ktm_journal *j, u64 bytes);

int ktm_journal_append(struct ktm_journal *j, const struct ktm_jrec *rec, u32 reserved, u64 *lsn);
int ktm_journal_append_force(struct ktm_journal *j, const struct ktm_jrec *rec, u32 reserved,
			     struct ktm_force *f);
void ktm_journal_force(struct ktm_journal *j, struct ktm_force *f, u64 lsn);
bool ktm_journal_force_again(struct ktm_journal *j, struct ktm_force *f);
bool ktm_journal_unforce(struct ktm_journal *j, struct ktm_force *f);
u64 ktm_journal_flushed(struct ktm_journal *j);

int ktm_jsnap_add(struct ktm_jsnap *snap, const struct ktm_jrec *rec);
int ktm_jsnap_make_room(struct ktm_jsnap *snap, u32 bytes);
int ktm_journal_restart(struct ktm_journal *j, int (*walk)(void *ctx, struct ktm_jsnap *snap),
			void *ctx);
int ktm_journal_wait_room(struct ktm_journal *j);
void ktm_journal_want_room(struct ktm_journal *j);
void ktm_journal_copy_plan(struct ktm_journal *j, struct ktm_jc *c);
void ktm_journal_copy_round(struct ktm_journal *j, struct ktm_jc *c);
void ktm_journal_unread(struct ktm_journal *j, bool any);
u32 ktm_journal_block(const struct ktm_journal *j);
void ktm_journal_freed(struct ktm_journal *j);
void ktm_journal_unread_gone(struct ktm_journal *j);
bool ktm_journal_outgrown(struct ktm_journal *j);
int ktm_journal_quota(struct ktm_journal *j, s64 change);

int ktm_journal_append_stream(struct ktm_journal *j, const struct ktm_jrec *rec, u32 reserved,
			      bool durable, u64 *lsn, u64 *place);
int ktm_journal_read(struct ktm_journal *j, u64 place, u32 bytes, void *buf);
int ktm_journal_read_written(struct ktm_journal *j, u64 from, u32 *bytes, void *buf);

void ktm_journal_stat(struct ktm_journal *j, struct ktm_journal_stat *st);

#endif /* KTM_JOURNAL_H */
