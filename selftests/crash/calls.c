// SPDX-License-Identifier: GPL-2.0
/*
 * The module's requests as functions.
 */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/**
 * die() - the test itself cannot go on
 * @format: why, as for printf()
 */
void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("# crash: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

/* Each argument struct begins with size and status. */
static uint32_t call(int fd, unsigned long request, void *arg, uint32_t size)
{
	uint32_t *head = arg;

	head[0] = size;
	head[1] = UINT32_MAX;
	if (ioctl(fd, request, arg) < 0 && head[1] == UINT32_MAX)
		die("request %#lx: %s, and no status", request, strerror(errno));
	return head[1];
}

static int control(void)
{
	int fd = open("/dev/ktm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("/dev/ktm: %s", strerror(errno));
	return fd;
}

uint32_t tm_create(const char *device, int *fd)
{
	struct ktm_tm_create arg = { .access = KTM_TM_ALL_ACCESS, .mode = 0700 };
	int ktm = control();
	uint32_t status;

	arg.device_fd = open(device, O_RDWR | O_CLOEXEC);
	if (arg.device_fd < 0)
		die("%s: %s", device, strerror(errno));
	status = call(ktm, KTM_IOC_TM_CREATE, &arg, sizeof(arg));
	*fd = arg.fd;
	close(arg.device_fd);
	close(ktm);
	return status;
}

uint32_t tm_recover(int tm)
{
	struct ktm_tm_recover arg = { .device_fd = -1 };

	return call(tm, KTM_IOC_TM_RECOVER, &arg, sizeof(arg));
}

uint32_t rm_create(int tm, const struct ktm_guid *guid, uint32_t flags, int *fd)
{
	struct ktm_rm_create arg = {
		.flags = flags | KTM_RM_EXCLUSIVE,
		.access = KTM_RM_ALL_ACCESS,
		.mode = 0700,
		.guid = *guid,
	};
	uint32_t status = call(tm, KTM_IOC_RM_CREATE, &arg, sizeof(arg));

	*fd = arg.fd;
	return status;
}

uint32_t rm_open(int tm, const struct ktm_guid *guid, int *fd)
{
	struct ktm_open arg = {
		.flags = KTM_OPEN_EXCLUSIVE,
		.access = KTM_RM_ALL_ACCESS,
		.guid = *guid,
	};
	uint32_t status = call(tm, KTM_IOC_RM_OPEN, &arg, sizeof(arg));

	*fd = arg.fd;
	return status;
}

uint32_t rm_recover(int rm)
{
	struct ktm_call arg = { 0 };

	return call(rm, KTM_IOC_RM_RECOVER, &arg, sizeof(arg));
}

uint32_t tx_create(int tm, uint64_t timeout_ns, struct ktm_guid *uow, int *fd)
{
	struct ktm_tx_create arg = {
		.access = KTM_TX_ALL_ACCESS,
		.tm_fd = tm,
		.timeout_ns = timeout_ns,
	};
	int ktm = control();
	uint32_t status = call(ktm, KTM_IOC_TX_CREATE, &arg, sizeof(arg));

	*uow = arg.uow;
	*fd = arg.fd;
	close(ktm);
	return status;
}

uint32_t tx_call(int tx, unsigned long request, uint32_t flags)
{
	struct ktm_call arg = { .flags = flags };

	return call(tx, request, &arg, sizeof(arg));
}

/* Waits until the outcome is known, whether or not everybody has finished. */
uint32_t tx_outcome(int tx, uint32_t *outcome)
{
	struct pollfd poller = { .fd = tx, .events = POLLIN };
	struct ktm_tx_info info;
	struct ktm_query arg = {
		.info_class = KTM_INFO_TX_BASIC,
		.length = sizeof(info),
		.buffer = (uintptr_t)&info,
	};
	uint32_t status;

	if (poll(&poller, 1, PATIENCE_MS) != 1)
		die("a transaction's outcome does not come");
	status = call(tx, KTM_IOC_QUERY, &arg, sizeof(arg));
	*outcome = status ? 0 : info.outcome;
	return status;
}

uint32_t enlist(int rm, int tx, uint32_t mask, bool superior, uint64_t key, struct ktm_guid *guid)
{
	struct ktm_enlist arg = {
		.flags = superior ? KTM_ENLIST_SUPERIOR : 0,
		.tx_fd = tx,
		.mask = mask,
		.key = key,
	};
	uint32_t status = call(rm, KTM_IOC_ENLIST, &arg, sizeof(arg));

	*guid = arg.guid;
	return status;
}

uint32_t answer(int rm, unsigned long request, const struct ktm_guid *en, uint64_t key,
		const void *information, uint32_t length)
{
	struct ktm_answer arg = {
		.information_length = length,
		.enlistment = *en,
		.key = key,
		.information = length ? (uintptr_t)information : 0,
	};

	return call(rm, request, &arg, sizeof(arg));
}

/* The same with a record for a stream, and with room for one more. */
uint32_t answer_stream(int rm, unsigned long request, const struct ktm_guid *en,
		       const void *information, uint32_t length, int stream,
		       struct ktm_stream_append *append, uint32_t need)
{
	struct ktm_answer arg = {
		.information_length = length,
		.enlistment = *en,
		.information = length ? (uintptr_t)information : 0,
		.append = (uintptr_t)append,
		.stream_fd = stream,
		.stream_records = !!need,
		.stream_need = need,
	};

	return call(rm, request, &arg, sizeof(arg));
}

uint32_t tm_info(int tm, struct ktm_tm_info *info)
{
	struct ktm_query arg = {
		.info_class = KTM_INFO_TM_BASIC,
		.length = sizeof(*info),
		.buffer = (uintptr_t)info,
	};

	return call(tm, KTM_IOC_QUERY, &arg, sizeof(arg));
}

uint32_t tm_space(int tm, struct ktm_tm_space *space)
{
	struct ktm_query arg = {
		.info_class = KTM_INFO_TM_SPACE,
		.length = sizeof(*space),
		.buffer = (uintptr_t)space,
	};

	return call(tm, KTM_IOC_QUERY, &arg, sizeof(arg));
}

uint32_t en_information(int rm, const struct ktm_guid *en, void *buffer, uint32_t *length)
{
	struct ktm_query arg = {
		.info_class = KTM_INFO_EN_RECOVERY,
		.length = *length,
		.guid = *en,
		.buffer = (uintptr_t)buffer,
	};
	uint32_t status = call(rm, KTM_IOC_QUERY, &arg, sizeof(arg));

	*length = arg.length;
	return status;
}

/**
 * rm_waits() - is there something to read, or to see?
 * @rm: its descriptor
 * @timeout_ms: how long to wait for it
 */
bool rm_waits(int rm, int timeout_ms)
{
	struct pollfd poller = { .fd = rm, .events = POLLIN };

	return poll(&poller, 1, timeout_ms) > 0;
}

/**
 * rm_read() - what an RM is told
 * @rm: its descriptor
 * @events: room for MAX_EVENTS
 * @timeout_ms: how long to wait for the first
 *
 * Return: how many; 0 after the time-out; -1: its TM is not online, or it must recover.
 */
int rm_read(int rm, struct ktm_notification *events, int timeout_ms)
{
	struct pollfd poller = { .fd = rm, .events = POLLIN };
	ssize_t n;

	n = poll(&poller, 1, timeout_ms);
	if (n < 0 && errno != EINTR)
		die("poll of an RM: %s", strerror(errno));
	if (n <= 0)
		return 0;
	if (!(poller.revents & POLLIN))
		return -1;
	/* What was there may have been withdrawn meanwhile, and nothing else may ever come. */
	if (fcntl(rm, F_SETFL, O_NONBLOCK))
		die("fcntl of an RM: %s", strerror(errno));
	n = read(rm, events, MAX_EVENTS * sizeof(*events));
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0)
		die("read of an RM: %s", strerror(errno));
	return (int)(n / (ssize_t)sizeof(*events));
}

/**
 * append_arg() - a record for a stream
 * @flags: KTM_STREAM_
 * @piece: its data
 * @previous: the LSN that it is linked to, or 0
 * @base: where to advance the base to, or 0
 *
 * Return: for stream_append() or answer_stream().
 */
struct ktm_stream_append append_arg(uint32_t flags, struct ktm_stream_piece *piece,
				    uint64_t previous, uint64_t base)
{
	return (struct ktm_stream_append){
		.size = sizeof(struct ktm_stream_append),
		.flags = flags,
		.count = 1,
		.pieces = (uintptr_t)piece,
		.previous_lsn = previous,
		.base_lsn = base,
	};
}

uint32_t stream_create(int tm, const char *name, uint64_t quota, int *fd)
{
	struct ktm_stream_create arg = {
		.access = KTM_STREAM_ALL_ACCESS,
		.mode = 0700,
		.quota = quota,
		.name = (uintptr_t)name,
		.name_length = (uint32_t)strlen(name),
	};
	uint32_t status = call(tm, KTM_IOC_STREAM_CREATE, &arg, sizeof(arg));

	*fd = arg.fd;
	return status;
}

uint32_t stream_open(int tm, const char *name, int *fd)
{
	struct ktm_stream_open arg = {
		.access = KTM_STREAM_ALL_ACCESS,
		.name = (uintptr_t)name,
		.name_length = (uint32_t)strlen(name),
	};
	uint32_t status = call(tm, KTM_IOC_STREAM_OPEN, &arg, sizeof(arg));

	*fd = arg.fd;
	return status;
}

uint32_t stream_info(int stream, struct ktm_stream_info *info)
{
	struct ktm_query arg = {
		.info_class = KTM_INFO_STREAM_BASIC,
		.length = sizeof(*info),
		.buffer = (uintptr_t)info,
	};

	return call(stream, KTM_IOC_QUERY, &arg, sizeof(arg));
}

uint32_t stream_append(int stream, struct ktm_stream_append *append)
{
	return call(stream, KTM_IOC_STREAM_APPEND, append, sizeof(*append));
}

/* @buffer: room for KTM_MAX_STREAM_RECORD bytes */
uint32_t stream_read(int stream, uint32_t mode, uint64_t lsn, uint8_t *buffer,
		     struct ktm_stream_read *read)
{
	*read = (struct ktm_stream_read){
		.mode = mode,
		.lsn = lsn,
		.length = KTM_MAX_STREAM_RECORD,
		.buffer = (uintptr_t)buffer,
	};
	return call(stream, KTM_IOC_STREAM_READ, read, sizeof(*read));
}

/* All that there is. */
uint32_t stream_flush(int stream)
{
	struct ktm_stream_flush arg = { 0 };

	return call(stream, KTM_IOC_STREAM_FLUSH, &arg, sizeof(arg));
}

uint32_t stream_advance(int stream, uint64_t base)
{
	struct ktm_stream_mark arg = { .lsn = base };

	return call(stream, KTM_IOC_STREAM_ADVANCE, &arg, sizeof(arg));
}
