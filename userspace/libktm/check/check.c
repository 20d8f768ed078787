// SPDX-License-Identifier: LGPL-2.1-or-later
/* What of the library can be tested without the module. */
#define _GNU_SOURCE
#include "tap.h"

#include <ktm.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <uuid/uuid.h>

/* ---- GUIDs ---- */

static void test_guid(void)
{
	static const char *const bad[] = {
		"", "5c1e8f0a-90f5-4c0e-8a56-2ad1d5a1f7b", "5c1e8f0a-90f5-4c0e-8a56-2ad1d5a1f7bex",
		"5c1e8f0a_90f5-4c0e-8a56-2ad1d5a1f7be", "gc1e8f0a-90f5-4c0e-8a56-2ad1d5a1f7be",
	};
	const struct ktm_guid nil = { 0 };
	struct ktm_guid a, b, before;
	char text[KTM_GUID_STRING];
	size_t i;

	for (i = 0; i < 1000; i++) {
		ktm_guid_generate(&a);
		CHECK(!ktm_guid_is_nil(&a));
		CHECK(ktm_guid_format(&a, text) == text && strlen(text) == KTM_GUID_STRING - 1);
		CHECK(ktm_guid_parse(text, &b) == 0 && ktm_guid_equal(&a, &b));
	}
	CHECK(ktm_guid_parse("5C1E8F0A-90F5-4C0E-8A56-2AD1D5A1F7BE", &a) == 0);
	CHECK(a.b[0] == 0x5c && a.b[4] == 0x90 && a.b[15] == 0xbe);
	CHECK(!strcmp(ktm_guid_format(&a, text), "5c1e8f0a-90f5-4c0e-8a56-2ad1d5a1f7be"));
	CHECK(!ktm_guid_equal(&a, &nil) && ktm_guid_is_nil(&nil));
	done("GUIDs go to text and back, byte by byte as RFC 4122 says");

	before = a;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(ktm_guid_parse(bad[i], &a) == -EINVAL && ktm_guid_equal(&a, &before));
	done("what is no GUID is refused and changes nothing");
}

/* ---- notifications ---- */

static struct ktm_notification record(uint32_t length, uint32_t argument_length, uint64_t key)
{
	return (struct ktm_notification){
		.length = length, .kind = KTM_NOTIFY_PREPARE, .key = key,
		.argument_length = argument_length,
	};
}

static int walk(const void *bytes, size_t length, unsigned int *records)
{
	struct ktm_notification notification;
	size_t offset = 0, last;
	int ret;

	*records = 0;
	do {
		last = offset;
		ret = ktm_next_notification(bytes, length, &offset, &notification, NULL);
		*records += ret > 0;
	} while (ret > 0 && offset > last && offset <= length);
	return ret;
}

static void test_good_records(void)
{
	const size_t size = sizeof(struct ktm_notification);
	char bytes[4 * sizeof(struct ktm_notification) + 8 + 1], *at = bytes + 1;
	struct ktm_notification made, read;
	const void *argument;
	size_t offset = 0;

	/* Unaligned; the second one with an argument, the third longer than we know. */
	made = record((uint32_t)size, 0, 1);
	memcpy(at, &made, size);
	made = record((uint32_t)size + 8, 5, 2);
	memcpy(at + size, &made, size);
	memcpy(at + 2 * size, "hello", 5);
	made = record(2 * (uint32_t)size, 0, 3);
	memcpy(at + 2 * size + 8, &made, size);

	CHECK(ktm_next_notification(at, 4 * size + 8, &offset, &read, &argument) == 1);
	CHECK(read.key == 1 && !argument);
	CHECK(ktm_next_notification(at, 4 * size + 8, &offset, &read, &argument) == 1);
	CHECK(read.key == 2 && argument == at + 2 * size && !memcmp(argument, "hello", 5));
	CHECK(ktm_next_notification(at, 4 * size + 8, &offset, &read, &argument) == 1);
	CHECK(read.key == 3 && offset == 4 * size + 8);
	CHECK(ktm_next_notification(at, 4 * size + 8, &offset, &read, &argument) == 0);
	done("records are walked over, with arguments and with what later kernels add");
}

static void test_bad_records(void)
{
	const uint32_t size = sizeof(struct ktm_notification);
	struct {
		uint32_t length;
		uint32_t argument_length;
		size_t bytes;
	} bad[] = {
		{ 0, 0, size }, { 8, 0, size }, { size - 8, 0, size }, { size + 4, 0, size + 4 },
		{ size + 8, 0, size }, { UINT32_MAX - 7, 0, size }, { size, 1, size },
		{ size + 8, 9, size + 8 }, { size, UINT32_MAX, size }, { size, 0, size - 1 },
		{ size, 0, 1 },
	};
	char bytes[2 * sizeof(struct ktm_notification)] = { 0 };
	struct ktm_notification made;
	unsigned int records;
	size_t i, offset;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		made = record(bad[i].length, bad[i].argument_length, 0);
		memcpy(bytes, &made, size);
		CHECK(walk(bytes, bad[i].bytes, &records) == -EBADMSG && records == 0);
	}
	/* A good one is handed out before the bad one behind it is found. */
	made = record(size, 0, 0);
	memcpy(bytes, &made, size);
	memset(bytes + size, 0xff, size);
	CHECK(walk(bytes, 2 * size, &records) == -EBADMSG && records == 1);
	offset = size + 1;
	CHECK(ktm_next_notification(bytes, size, &offset, &made, NULL) == -EBADMSG);
	CHECK(walk(bytes, 0, &records) == 0 && records == 0);
	done("malformed records are refused");
}

/* Whatever the bytes: the walk ends, and what it hands out lies inside of them. */
static void test_random_records(void)
{
	const size_t size = sizeof(struct ktm_notification);
	struct ktm_notification notification;
	const unsigned int seed = 20261121;
	unsigned int tries, steps, violations = 0;
	char bytes[512];
	const void *argument;
	size_t i, offset;

	srandom(seed);
	for (tries = 0; tries < 200000; tries++) {
		for (i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)random();
		/* Lengths near the truth, so that the walk comes far. */
		for (i = 0; i + size <= sizeof(bytes); i += size + 8) {
			notification = record((uint32_t)(size + 8 * (random() % 3)),
					      (uint32_t)(random() % 24), 0);
			memcpy(bytes + i, &notification, size);
		}
		offset = 0;
		steps = 0;
		while (ktm_next_notification(bytes, sizeof(bytes), &offset, &notification,
					     &argument) == 1) {
			if (++steps > sizeof(bytes) / size || offset > sizeof(bytes))
				break;
			if (argument && ((const char *)argument < bytes ||
					 (const char *)argument + notification.argument_length >
					 bytes + offset))
				violations++;
		}
		violations += offset > sizeof(bytes) || steps > sizeof(bytes) / size;
	}
	printf("campaign notifications: tried=%u violations=%u seed=%u\n", tries, violations, seed);
	CHECK(!violations);
	done("random bytes never lead the walk astray");
}

/* ---- calls on descriptors of something else ---- */

static void test_foreign_stream(int fd)
{
	struct iovec pieces[KTM_MAX_STREAM_PIECES + 1] = { 0 };
	struct ktm_stream_piece room[KTM_MAX_STREAM_PIECES];
	struct ktm_stream_append append = { 0 };
	struct ktm_stream_record record = { .lsn = 3 };
	uint64_t lsn = 4;
	uint32_t status;
	char data[2] = "x";

	CHECK(ktm_stream_create(fd, "name", 1 << 20, KTM_STREAM_ALL_ACCESS, 0, NULL, &status) ==
	      -ENOTTY);
	CHECK(ktm_stream_open_name(fd, "name", KTM_STREAM_READ, NULL, &status) == -ENOTTY);
	CHECK(ktm_stream_append(fd, 0, pieces, KTM_MAX_STREAM_PIECES, 0, 0, &lsn, &status) ==
	      -ENOTTY && status == KTM_STATUS_OBJECT_TYPE_MISMATCH && lsn == 4);
	CHECK(ktm_stream_append(fd, 0, pieces, KTM_MAX_STREAM_PIECES + 1, 0, 0, &lsn, &status) ==
	      -EINVAL && status == KTM_STATUS_INVALID_PARAMETER);
	CHECK(ktm_stream_read(fd, KTM_STREAM_NEXT, 0, data, 1, &record, &status) == -ENOTTY);
	CHECK(record.lsn == 3 && status == KTM_STATUS_OBJECT_TYPE_MISMATCH);
	CHECK(ktm_stream_wait(-1, 0, &status) == -ETIMEDOUT && status == KTM_STATUS_TIMEOUT);
	CHECK(ktm_stream_wait(1000000, 0, &status) == -EBADF);
	CHECK(!ktm_stream_wait(fd, KTM_WAIT_FOREVER, &status) && status == KTM_STATUS_SUCCESS);
	pieces[1] = (struct iovec){ data, 2 };
	CHECK(!ktm_stream_gather(&append, room, pieces, 2) && append.count == 2);
	CHECK(room[1].base == (uintptr_t)data && room[1].length == 2 && !room[0].length);
	CHECK(!ktm_stream_gather(&append, room, pieces, 0) && !append.count && !append.pieces);
	done("streams: what is none is told apart, and pieces are gathered");
}

static void test_foreign(void)
{
	const struct ktm_guid guid = { { 1 } };
	struct ktm_guid written = { { 2 } };
	struct ktm_iter iter;
	uint32_t status = 0;
	char buffer[64];
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	CHECK(ktm_tm_create(fd, -1, KTM_TM_VOLATILE, KTM_TM_ALL_ACCESS, 0, &written,
			    &status) == -ENOTTY);
	CHECK(status == KTM_STATUS_OBJECT_TYPE_MISMATCH && written.b[0] == 2);
	CHECK(ktm_tx_begin(-1, -1, NULL, NULL, &status) == -EBADF);
	CHECK(status == KTM_STATUS_INVALID_HANDLE);
	CHECK(ktm_tx_commit(fd, KTM_CALL_WAIT, NULL) == -ENOTTY);
	CHECK(ktm_tx_wait(fd, KTM_CALL_WAIT, 0, NULL, &status) == -EINVAL);
	CHECK(status == KTM_STATUS_INVALID_PARAMETER);
	CHECK(ktm_prepare_complete(fd, &guid, buffer, KTM_MAX_RECOVERY_INFORMATION + 1,
				   &status) == -EINVAL);
	CHECK(ktm_prepare_complete(fd, &guid, buffer, (size_t)1 << 32, &status) == -EINVAL);
	test_foreign_stream(fd);
	ktm_iter_init(&iter, fd, KTM_KIND_TM);
	CHECK(ktm_iter_next(&iter, &written, &status) == -ENOTTY);
	CHECK(ktm_iter_next(&iter, &written, &status) == -ENOTTY);
	CHECK(ktm_read_notifications(-1, buffer, sizeof(buffer)) == -EBADF);
	close(fd);
	done("descriptors of something else get the class and the precise status");
}

/* ---- sockets ---- */

static unsigned int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static void send_with(int socket, const char *data, const int *fds, size_t count)
{
	char control[CMSG_SPACE(8 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec vector = { .iov_base = (void *)(uintptr_t)data, .iov_len = strlen(data) };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
	struct cmsghdr *head;

	if (count) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(head), fds, count * sizeof(int));
	}
	CHECK(sendmsg(socket, &message, 0) == (ssize_t)strlen(data));
}

static void test_receive(void)
{
	/* A descriptor too many keeps the socket open: then the last receive fails. */
	const struct timeval patience = { .tv_sec = 10 };
	int ends[2], fds[8], tx, i;
	unsigned int before;
	char data[8];

	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	CHECK(!setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
	for (i = 0; i < 8; i++)
		fds[i] = ends[0];
	before = open_descriptors();

	send_with(ends[0], "one", fds, 1);
	CHECK(ktm_tx_recv(ends[1], data, sizeof(data), &tx) == 3 && !memcmp(data, "one", 3));
	CHECK(tx >= 0 && (fcntl(tx, F_GETFD) & FD_CLOEXEC) && open_descriptors() == before + 1);
	close(tx);
	send_with(ends[0], "none", NULL, 0);
	CHECK(ktm_tx_recv(ends[1], data, sizeof(data), &tx) == 4 && tx == -1);
	done("a message brings its descriptor, or none");

	send_with(ends[0], "two", fds, 2);
	CHECK(ktm_tx_recv(ends[1], data, sizeof(data), &tx) == -EBADMSG && tx == -1);
	send_with(ends[0], "eight", fds, 8);
	CHECK(ktm_tx_recv(ends[1], data, sizeof(data), &tx) == -EBADMSG && tx == -1);
	send_with(ends[0], "much too long", fds, 1);
	CHECK(ktm_tx_recv(ends[1], data, sizeof(data), &tx) == -EMSGSIZE && tx == -1);
	CHECK(open_descriptors() == before);
	done("what a peer may not send is refused and leaves no descriptor behind");

	CHECK(ktm_tx_send(ends[0], ends[1], "x", 1, NULL) == -ENOTTY);
	CHECK(ktm_tx_send(ends[0], ends[1], "", 0, NULL) == -EINVAL);
	close(ends[0]);
	CHECK(ktm_tx_recv(ends[1], data, sizeof(data), &tx) == 0 && tx == -1);
	close(ends[1]);
	done("sending what is no transaction is refused; a closed peer is seen");
}

/* ---- statuses, against the list that check.sh takes from the uapi header ---- */

static void test_status(const char *path)
{
	char name[64], error[64];
	unsigned int number, known = 0;
	FILE *list = fopen(path, "re");
	int value;

	CHECK(list);
	while (list && fscanf(list, "%63s %u %63s %d", name, &number, error, &value) == 4) {
		CHECK(ktm_status_name(number) && !strcmp(ktm_status_name(number), name));
		CHECK(ktm_status_errno(number) == value);
		CHECK(strlen(ktm_status_text(number)) > 3);
		known++;
	}
	if (list)
		fclose(list);
	CHECK(known > 40 && !ktm_status_name(known) && ktm_status_errno(known) == EIO);
	CHECK(ktm_status_text(UINT32_MAX));
	done("every status has its name, errno and text");

	CHECK(!strcmp(ktm_tx_state_name(KTM_TX_STATE_INDOUBT), "in doubt"));
	CHECK(!strcmp(ktm_tx_state_name(1000), "unknown"));
	CHECK(!strcmp(ktm_tx_outcome_name(0), "unknown"));
	CHECK(!strcmp(ktm_notification_name(KTM_NOTIFY_LAST_RECOVER), "LAST_RECOVER"));
	CHECK(!strcmp(ktm_notification_name(KTM_NOTIFY_PREPARE | KTM_NOTIFY_COMMIT), "unknown"));
	done("states and notifications have words");
}

int main(int argc, char **argv)
{
	test_guid();
	test_good_records();
	test_bad_records();
	test_random_records();
	test_foreign();
	test_receive();
	test_status(argc > 1 ? argv[1] : "");
	return tap_end();
}
