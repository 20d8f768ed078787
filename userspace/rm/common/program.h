/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The program around a store: options, start, recovery, loop, end.
 */
#ifndef KTM_RM_PROGRAM_H
#define KTM_RM_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core.h"

/**
 * struct rm_options - from the command line
 * @store: where the data is
 * @socket: where clients come to
 * @mode: of the socket
 * @device: with the TM's journal, or NULL
 * @tm: the TM, nil if not given
 * @wait_for_tm: do not give up because there is no TM yet
 * @is_volatile: for a volatile TM
 * @quota: bytes of the log that the stream may take; 0: as is usual
 * @extra: of the option that only this program has, or NULL
 */
struct rm_options {
	const char *store;
	const char *socket;
	mode_t mode;
	const char *device;
	struct ktm_guid tm;
	bool wait_for_tm;
	bool is_volatile;
	uint64_t quota;
	const char *extra;
};

/**
 * struct rm_identity - what a store knows about itself
 * @rm: its resource manager's GUID, for good
 * @tm: the TM that it worked with last; nil: none yet
 * @in_use: there may be work in that TM's log: prepared, or not synced here
 */
struct rm_identity {
	struct ktm_guid rm;
	struct ktm_guid tm;
	bool in_use;
};

/**
 * struct rm_program - one of the two programs
 * @name: of the program, and the RM's description
 * @store_option: name of the option that says where the store is
 * @extra_option: name of its own option, or NULL
 * @usage: lines about both
 * @open: opens the store, alone: nobody else may have it open. Says on its own what is wrong
 * @set_tm: durably stores the TM's identity, and whether its log is in use
 * @close: the end
 * @ops: the store's functions
 */
struct rm_program {
	const char *name;
	const char *store_option;
	const char *extra_option;
	const char *usage;
	int (*open)(const struct rm_options *options, struct rm_core *core,
		    struct rm_identity *identity, void **store);
	int (*set_tm)(void *store, const struct ktm_guid *tm, bool in_use);
	void (*close)(void *store);
	struct rm_store_ops ops;
};

/* The whole program; its exit code. */
int rm_program_main(const struct rm_program *program, int argc, char **argv);

/* Waits a moment for a predecessor that is just ending to let go of @fd (flock). */
int rm_lock_store(int fd);

#endif /* KTM_RM_PROGRAM_H */
