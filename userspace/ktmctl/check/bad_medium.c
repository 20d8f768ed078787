// SPDX-License-Identifier: GPL-2.0
/*
 * A device that cannot read some of its bytes: linked to ktmctl with --wrap=pread.
 * KTM_TEST_BAD=FIRST:BYTES:ERRNO in the environment says which, and how they fail.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

ssize_t __real_pread(int fd, void *buffer, size_t bytes, off_t place);
ssize_t __wrap_pread(int fd, void *buffer, size_t bytes, off_t place);

ssize_t __wrap_pread(int fd, void *buffer, size_t bytes, off_t place)
{
	const char *bad = getenv("KTM_TEST_BAD");
	long long first, length;
	int error;

	if (bad && sscanf(bad, "%lld:%lld:%d", &first, &length, &error) == 3 &&
	    place < first + length && first < place + (off_t)bytes) {
		errno = error;
		return -1;
	}
	return __real_pread(fd, buffer, bytes, place);
}
