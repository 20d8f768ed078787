/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's requests as functions. Each returns the call's status, one of
 * enum ktm_status, and hands descriptors out through pointers.
 */
#ifndef KTM_CRASH_CALLS_H
#define KTM_CRASH_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/ktm.h>

/* How long anybody waits for what must come; only a hang takes as long. */
#define PATIENCE_MS	60000

#define MAX_EVENTS	32

void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

uint32_t tm_create(const char *device, int *fd);
uint32_t tm_recover(int tm);
uint32_t rm_create(int tm, const struct ktm_guid *guid, uint32_t flags, int *fd);
uint32_t rm_open(int tm, const struct ktm_guid *guid, int *fd);
uint32_t rm_recover(int rm);
uint32_t tx_create(int tm, uint64_t timeout_ns, struct ktm_guid *uow, int *fd);
uint32_t tx_call(int tx, unsigned long request, uint32_t flags);
uint32_t tx_outcome(int tx, uint32_t *outcome);
uint32_t enlist(int rm, int tx, uint32_t mask, bool superior, uint64_t key, struct ktm_guid *guid);
uint32_t answer(int rm, unsigned long request, const struct ktm_guid *en, uint64_t key,
		const void *information, uint32_t length);
uint32_t answer_stream(int rm, unsigned long request, const struct ktm_guid *en,
		       const void *information, uint32_t length, int stream,
		       struct ktm_stream_append *append, uint32_t need);
uint32_t tm_info(int tm, struct ktm_tm_info *info);
uint32_t tm_space(int tm, struct ktm_tm_space *space);
uint32_t en_information(int rm, const struct ktm_guid *en, void *buffer, uint32_t *length);
bool rm_waits(int rm, int timeout_ms);
int rm_read(int rm, struct ktm_notification *events, int timeout_ms);

/* Log streams; see <linux/ktm.h>. */
struct ktm_stream_append append_arg(uint32_t flags, struct ktm_stream_piece *piece,
				    uint64_t previous, uint64_t base);
uint32_t stream_create(int tm, const char *name, uint64_t quota, int *fd);
uint32_t stream_open(int tm, const char *name, int *fd);
uint32_t stream_info(int stream, struct ktm_stream_info *info);
uint32_t stream_append(int stream, struct ktm_stream_append *append);
uint32_t stream_read(int stream, uint32_t mode, uint64_t lsn, uint8_t *buffer,
		     struct ktm_stream_read *read);
uint32_t stream_flush(int stream);
uint32_t stream_advance(int stream, uint64_t base);

#endif
