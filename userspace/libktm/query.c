// SPDX-License-Identifier: LGPL-2.1-or-later
/* Looking at objects: queries and enumeration. */
#include "internal.h"

#include <limits.h>
#include <stdlib.h>

KTM_EXPORT int ktm_query(int fd, uint32_t info_class, const struct ktm_guid *object, void *buffer,
			 uint32_t *length, uint32_t *status)
{
	struct ktm_query arg = {
		.size = sizeof(arg),
		.info_class = info_class,
		.length = *length,
		.guid = ktm_guid_or_nil(object),
		.buffer = ktm_pointer(buffer),
	};
	int ret = ktm_call(fd, KTM_IOC_QUERY, &arg, status);

	if (!ret || ret == -EMSGSIZE)
		*length = arg.length;
	return ret;
}

KTM_EXPORT int ktm_set(int fd, uint32_t info_class, const struct ktm_guid *object,
		       const void *buffer, size_t length, uint32_t *status)
{
	struct ktm_set arg = {
		.size = sizeof(arg),
		.info_class = info_class,
		.length = (uint32_t)length,
		.guid = ktm_guid_or_nil(object),
		.buffer = ktm_bytes_pointer(buffer, length),
	};

	if (!ktm_length_fits(length))
		return ktm_fail(-EMSGSIZE, KTM_STATUS_INFO_LENGTH_MISMATCH, status);
	return ktm_call(fd, KTM_IOC_SET, &arg, status);
}

/*
 * Asks for an answer of unknown length, twice or more if it grows meanwhile.
 * Returns it in *@buffer, allocated.
 */
static int query_all(int fd, uint32_t info_class, const struct ktm_guid *object, uint32_t first,
		     void **buffer, uint32_t *length, uint32_t *status)
{
	uint32_t room = first;
	void *answer = NULL, *bigger;
	int ret;

	do {
		bigger = realloc(answer, room);
		if (!bigger) {
			free(answer);
			return ktm_fail(-ENOMEM, KTM_STATUS_INSUFFICIENT_RESOURCES, status);
		}
		answer = bigger;
		*length = room;
		ret = ktm_query(fd, info_class, object, answer, length, status);
		room = *length;
	} while (ret == -EMSGSIZE);

	if (ret) {
		free(answer);
		return ret;
	}
	*buffer = answer;
	return 0;
}

/*
 * A struct of this library's version. A kernel that knows more of it answers
 * more bytes: then only the part that we know is taken. One that knows less
 * leaves zeros behind.
 */
int ktm_query_struct(int fd, uint32_t info_class, const struct ktm_guid *object, void *info,
		     uint32_t size, uint32_t *status)
{
	uint32_t length = size;
	void *answer;
	int ret;

	memset(info, 0, size);
	ret = ktm_query(fd, info_class, object, info, &length, status);
	if (ret != -EMSGSIZE || length <= size)
		return ret;

	ret = query_all(fd, info_class, object, length, &answer, &length, status);
	if (ret)
		return ret;
	memcpy(info, answer, length < size ? length : size);
	free(answer);
	return 0;
}

KTM_EXPORT int ktm_tm_query(int tm, struct ktm_tm_info *info, uint32_t *status)
{
	return ktm_query_struct(tm, KTM_INFO_TM_BASIC, NULL, info, sizeof(*info), status);
}

KTM_EXPORT int ktm_tm_log(int tm, struct ktm_guid *log, uint32_t *status)
{
	return ktm_query_struct(tm, KTM_INFO_TM_LOG, NULL, log, sizeof(*log), status);
}

KTM_EXPORT int ktm_tm_log_path(int tm, char *path, size_t room, uint32_t *status)
{
	uint32_t length;
	int ret;

	/* The answer has no NUL: room for it is kept. */
	length = room < PATH_MAX ? (uint32_t)room : PATH_MAX;
	if (!length)
		return ktm_fail(-EMSGSIZE, KTM_STATUS_BUFFER_TOO_SMALL, status);
	length--;
	ret = ktm_query(tm, KTM_INFO_TM_LOG_PATH, NULL, path, &length, status);
	if (ret)
		return ret;
	path[length] = '\0';
	return (int)length;
}

KTM_EXPORT int ktm_tm_recovery_lsn(int tm, uint64_t *lsn, uint32_t *status)
{
	return ktm_query_struct(tm, KTM_INFO_TM_RECOVERY, NULL, lsn, sizeof(*lsn), status);
}

KTM_EXPORT int ktm_tm_online(int tm, uint32_t *status)
{
	uint32_t length = 0;

	return ktm_query(tm, KTM_INFO_TM_ONLINE, NULL, NULL, &length, status);
}

KTM_EXPORT int ktm_rm_query(int rm, struct ktm_rm_info *info, uint32_t *status)
{
	return ktm_query_struct(rm, KTM_INFO_RM_BASIC, NULL, info, sizeof(*info), status);
}

KTM_EXPORT int ktm_tx_query(int tx, struct ktm_tx_info *info, uint32_t *status)
{
	return ktm_query_struct(tx, KTM_INFO_TX_BASIC, NULL, info, sizeof(*info), status);
}

KTM_EXPORT int ktm_tx_properties(int tx, struct ktm_tx_properties *properties, uint32_t *status)
{
	return ktm_query_struct(tx, KTM_INFO_TX_PROPERTIES, NULL, properties, sizeof(*properties),
				status);
}

KTM_EXPORT int ktm_tx_set_properties(int tx, const struct ktm_tx_properties *properties,
				     uint32_t *status)
{
	return ktm_set(tx, KTM_INFO_TX_PROPERTIES, NULL, properties, sizeof(*properties), status);
}

KTM_EXPORT int ktm_tx_superior(int tx, struct ktm_en_pair *superior, uint32_t *status)
{
	return ktm_query_struct(tx, KTM_INFO_TX_SUPERIOR, NULL, superior, sizeof(*superior),
				status);
}

KTM_EXPORT int ktm_en_query(int fd, const struct ktm_guid *enlistment, struct ktm_en_info *info,
			    uint32_t *status)
{
	return ktm_query_struct(fd, KTM_INFO_EN_BASIC, enlistment, info, sizeof(*info), status);
}

KTM_EXPORT int ktm_en_crm(int fd, const struct ktm_guid *enlistment, struct ktm_en_crm *crm,
			  uint32_t *status)
{
	return ktm_query_struct(fd, KTM_INFO_EN_CRM, enlistment, crm, sizeof(*crm), status);
}

KTM_EXPORT int ktm_en_set_information(int fd, const struct ktm_guid *enlistment,
				      const void *information, size_t length, uint32_t *status)
{
	return ktm_set(fd, KTM_INFO_EN_RECOVERY, enlistment, information, length, status);
}

KTM_EXPORT int ktm_en_information(int fd, const struct ktm_guid *enlistment, void *buffer,
				  size_t *length, uint32_t *status)
{
	uint32_t bytes = *length < UINT32_MAX ? (uint32_t)*length : UINT32_MAX;
	int ret = ktm_query(fd, KTM_INFO_EN_RECOVERY, enlistment, buffer, &bytes, status);

	if (!ret || ret == -EMSGSIZE)
		*length = bytes;
	return ret;
}

KTM_EXPORT int ktm_tx_enlistments(int tx, struct ktm_en_pair **pairs, size_t *count,
				  uint32_t *status)
{
	uint32_t length;
	void *answer;
	int ret;

	ret = query_all(tx, KTM_INFO_TX_ENLISTMENTS, NULL, 16 * sizeof(**pairs), &answer, &length,
			status);
	if (ret)
		return ret;
	*pairs = answer;
	*count = length / sizeof(**pairs);
	return 0;
}

KTM_EXPORT int ktm_enumerate(int fd, uint32_t kind, struct ktm_guid *cursor, struct ktm_guid *guids,
			     uint32_t *count, uint32_t *status)
{
	struct ktm_enumerate arg = {
		.size = sizeof(arg),
		.kind = kind,
		.count = *count,
		.cursor = *cursor,
		.guids = ktm_pointer(guids),
	};
	int ret = ktm_call(fd, KTM_IOC_ENUMERATE, &arg, status);

	if (!ret) {
		*cursor = arg.cursor;
		*count = arg.count;
	}
	return ret;
}

KTM_EXPORT void ktm_iter_init(struct ktm_iter *iter, int fd, uint32_t kind)
{
	memset(iter, 0, sizeof(*iter));
	iter->fd = fd;
	iter->kind = kind;
}

KTM_EXPORT int ktm_iter_next(struct ktm_iter *iter, struct ktm_guid *guid, uint32_t *status)
{
	const uint32_t room = sizeof(iter->guids) / sizeof(iter->guids[0]);
	int ret;

	if (iter->next == iter->count) {
		iter->next = 0;
		iter->count = room;
		ret = ktm_enumerate(iter->fd, iter->kind, &iter->cursor, iter->guids, &iter->count,
				    status);
		if (ret || iter->count > room) {
			iter->count = 0;
			return ret ? ret : ktm_fail(-EBADMSG, KTM_STATUS_UNSUCCESSFUL, status);
		}
		if (!iter->count)
			return 0;
	} else if (status) {
		*status = KTM_STATUS_SUCCESS;
	}
	*guid = iter->guids[iter->next++];
	return 1;
}
