/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the library share. */
#ifndef KTM_INTERNAL_H
#define KTM_INTERNAL_H

#include <ktm.h>

#include <errno.h>
#include <string.h>

/* Everything is hidden but what carries this; libktm.map gives it its version. */
#define KTM_EXPORT __attribute__((visibility("default")))

/* Every argument struct of the uapi begins like this. */
struct ktm_argument {
	uint32_t size;
	uint32_t status;
};

/*
 * Makes the call: 0 or a negative errno, and the status at *@status. @arg has
 * its size set and its status 0.
 */
int ktm_call(int fd, unsigned long request, void *arg, uint32_t *status);

/* The same for those that take struct ktm_call without flags. */
int ktm_simple_call(int fd, unsigned long request, uint32_t *status);

/*
 * Asks for a struct of this library's version; what an older kernel does not
 * know of it is zero.
 */
int ktm_query_struct(int fd, uint32_t info_class, const struct ktm_guid *object, void *info,
		     uint32_t size, uint32_t *status);

/* For failures before or after the call. Returns @error (a negative errno). */
int ktm_fail(int error, uint32_t code, uint32_t *status);

static inline struct ktm_guid ktm_guid_or_nil(const struct ktm_guid *guid)
{
	static const struct ktm_guid nil;

	return guid ? *guid : nil;
}

static inline uint64_t ktm_pointer(const void *pointer)
{
	return (uintptr_t)pointer;
}

/* Bytes of a description without its NUL; one that is too long the kernel refuses. */
static inline uint32_t ktm_description_length(const char *text)
{
	return text ? (uint32_t)strnlen(text, KTM_MAX_DESCRIPTION + 1) : 0;
}

/* An empty one is none. */
static inline uint64_t ktm_description_pointer(const char *text)
{
	return text && *text ? ktm_pointer(text) : 0;
}

/*
 * Bytes for a field narrower than size_t: a length must never wrap into one that
 * is valid. No struct takes more than KTM_MAX_RECOVERY_INFORMATION.
 */
static inline bool ktm_length_fits(size_t length)
{
	return length <= KTM_MAX_RECOVERY_INFORMATION;
}

/* None of them is no pointer: the kernel wants it so. */
static inline uint64_t ktm_bytes_pointer(const void *bytes, size_t length)
{
	return length ? ktm_pointer(bytes) : 0;
}

/* A clock for time-outs that outlast signals. */
uint64_t ktm_now_ns(void);
/* What is left of one that began at @begin; 0 and KTM_WAIT_FOREVER stay what they are. */
uint64_t ktm_remaining(uint64_t begin, uint64_t timeout_ns);

/* The four Opens differ in where they are made. */
int ktm_open_by_guid(int fd, unsigned long request, const struct ktm_guid *guid, uint32_t flags,
		     uint32_t access, uint32_t *status);

#endif /* KTM_INTERNAL_H */
