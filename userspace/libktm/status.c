// SPDX-License-Identifier: LGPL-2.1-or-later
/* Statuses: their names, what they mean, their errno. */
#include "internal.h"

#define STATUS(name, error, text) [KTM_STATUS_##name] = { #name, text, error }

static const struct {
	const char *name;
	const char *text;
	int error;
} statuses[] = {
	STATUS(SUCCESS, 0, "done"),
	STATUS(PENDING, 0, "begun and still under way"),
	STATUS(TIMEOUT, ETIMEDOUT, "the time to wait is over"),
	STATUS(NO_MORE_ENTRIES, 0, "nothing is left to list"),
	STATUS(INVALID_PARAMETER, EINVAL, "an argument is not valid"),
	STATUS(INVALID_HANDLE, EBADF, "not an open descriptor"),
	STATUS(OBJECT_TYPE_MISMATCH, EBADFD, "a descriptor of another kind of object"),
	STATUS(ACCESS_DENIED, EACCES, "the descriptor or the object's mode does not allow it"),
	STATUS(INSUFFICIENT_RESOURCES, ENOMEM, "not enough memory"),
	STATUS(BUFFER_TOO_SMALL, EMSGSIZE, "the buffer is too small for the answer"),
	STATUS(INVALID_INFO_CLASS, EINVAL, "this object cannot be asked that"),
	STATUS(INFO_LENGTH_MISMATCH, EMSGSIZE, "the buffer's length does not fit the question"),
	STATUS(OBJECT_NAME_EXISTS, EEXIST, "an object of this name exists"),
	STATUS(OBJECT_NAME_COLLISION, EEXIST, "the GUID is in use already"),
	STATUS(OBJECT_NAME_INVALID, EINVAL, "not a valid name"),
	STATUS(LOG_CORRUPTION_DETECTED, EUCLEAN,
	       "the journal, or a record in it, is damaged; ktmctl journal check says where"),
	STATUS(LOG_FULL, ENOSPC, "the journal has no room for this"),
	STATUS(TM_VOLATILE, EOPNOTSUPP, "the transaction manager is volatile: it has no log"),
	STATUS(TM_IDENTITY_MISMATCH, EXDEV, "this belongs to another transaction manager"),
	STATUS(TM_NOT_ONLINE, ENOTCONN,
	       "the transaction or resource manager is offline: it has to be recovered first"),
	STATUS(TM_NOT_FOUND, ENOENT, "no such transaction manager"),
	STATUS(TRANSACTION_NOT_FOUND, ENOENT, "no such transaction"),
	STATUS(RM_NOT_FOUND, ENOENT, "no such resource manager"),
	STATUS(ENLISTMENT_NOT_FOUND, ENOENT, "no such enlistment"),
	STATUS(TRANSACTION_NOT_ACTIVE, ESTALE, "the transaction is being ended already"),
	STATUS(SUPERIOR_EXISTS, EBUSY, "a superior transaction manager decides on it"),
	STATUS(ALREADY_ABORTED, ECANCELED, "the transaction was rolled back before"),
	STATUS(ALREADY_COMMITTED, EALREADY, "the transaction was committed before"),
	STATUS(REQUEST_NOT_VALID, EPROTO, "the call comes out of order"),
	STATUS(NOT_REQUESTED, ENOMSG, "nobody waits for this answer"),
	STATUS(NOT_SUPERIOR, EPERM, "only a superior transaction manager may say this"),
	STATUS(RESPONSE_NOT_ENLISTED, ENOPROTOOPT, "the enlistment did not ask for this phase"),
	STATUS(OBJECT_EXPIRED, ESTALE, "the object is gone"),
	STATUS(UNSUCCESSFUL, EIO, "it failed"),
	STATUS(QUOTA_EXCEEDED, EDQUOT, "the user has too many of these objects, or too much of the log"),
	STATUS(SHARING_VIOLATION, EBUSY, "somebody has the resource manager open exclusively"),
	STATUS(INDOUBT, ENOTRECOVERABLE,
	       "the outcome is not known yet: it is settled when the log can be read again"),
	STATUS(IO_ERROR, EIO, "the journal's device failed"),
	STATUS(LOG_NOT_A_JOURNAL, EUCLEAN, "the device holds no journal; ktmctl journal format makes one"),
	STATUS(LOG_TOO_SMALL, EUCLEAN, "the device is smaller than its journal"),
	STATUS(LOG_UNSUPPORTED, EUCLEAN, "the journal is of a version this module cannot use"),
	STATUS(DEVICE_BUSY, EBUSY, "the device is in use by somebody else"),
	STATUS(INTERRUPTED, EINTR, "a signal ended the wait"),
	STATUS(FAULT, EFAULT, "a pointer leads nowhere"),
	STATUS(TOO_MANY_FILES, EMFILE, "the process has too many open files"),
	STATUS(ROLLED_BACK, ECANCELED, "the transaction was rolled back"),
	STATUS(OBJECT_BUSY, EBUSY, "somebody still uses it"),
	STATUS(NOT_FROZEN, EPROTO, "the transactions are not frozen"),
	STATUS(FREEZE_IN_PROGRESS, EBUSY, "the transactions are frozen already"),
	STATUS(PROTOCOL_EXISTS, EEXIST, "the protocol is registered already"),
	STATUS(STREAM_NOT_FOUND, ENOENT, "no such log stream"),
	STATUS(LOG_RECORD_NONEXISTENT, ENOENT, "the stream has no such record (any more)"),
	STATUS(STREAM_FULL, ENOSPC, "the stream has used up its quota"),
	STATUS(STREAM_REOPENED, ESTALE,
	       "the log was reopened: query the stream, then look at what it holds"),
	STATUS(POSSIBLE_DEADLOCK, EDEADLK, "it would wait for itself"),
};

static bool is_known(uint32_t status)
{
	return status < sizeof(statuses) / sizeof(statuses[0]) && statuses[status].name;
}

KTM_EXPORT const char *ktm_status_name(uint32_t status)
{
	return is_known(status) ? statuses[status].name : NULL;
}

KTM_EXPORT const char *ktm_status_text(uint32_t status)
{
	return is_known(status) ? statuses[status].text : "a status this library does not know";
}

KTM_EXPORT int ktm_status_errno(uint32_t status)
{
	return is_known(status) ? statuses[status].error : EIO;
}
