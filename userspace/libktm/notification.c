// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading notifications, and walking over what was read. */
#include "internal.h"

#include <unistd.h>

KTM_EXPORT ssize_t ktm_read_notifications(int rm, void *buffer, size_t length)
{
	ssize_t bytes = read(rm, buffer, length);

	return bytes >= 0 ? bytes : -errno;
}

/*
 * A later kernel may put more behind the struct; its length says where the next
 * record begins, and the argument stays at the end of what we know.
 */
static bool is_whole(const struct ktm_notification *record, size_t available)
{
	return record->length >= sizeof(*record) &&
	       record->length <= available &&
	       record->length % 8 == 0 &&
	       record->argument_length <= record->length - sizeof(*record);
}

KTM_EXPORT int ktm_next_notification(const void *buffer, size_t bytes, size_t *offset,
				     struct ktm_notification *notification, const void **argument)
{
	const char *at = (const char *)buffer + *offset;
	struct ktm_notification record;
	size_t available;

	if (*offset > bytes)
		return -EBADMSG;
	available = bytes - *offset;
	if (!available)
		return 0;
	if (available < sizeof(record))
		return -EBADMSG;
	/* The caller's buffer need not be aligned. */
	memcpy(&record, at, sizeof(record));
	if (!is_whole(&record, available))
		return -EBADMSG;

	*notification = record;
	if (argument)
		*argument = record.argument_length ? at + sizeof(record) : NULL;
	*offset += record.length;
	return 1;
}
