// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <unistd.h>

#include "harness.h"
#include "kernellog.h"

int log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	CHECK(log >= 0);
	CHECK_EQ(lseek(log, 0, SEEK_END), 0);
	return log;
}

const char *logged(int log, const char *regex)
{
	static char record[8193];
	bool matches = false;
	regex_t wanted;
	ssize_t n;

	CHECK_EQ(regcomp(&wanted, regex, REG_EXTENDED | REG_NOSUB), 0);
	/* One record per read; EPIPE: so many that the first are gone already. */
	while (!matches && (n = read(log, record, sizeof(record) - 1)) > 0) {
		record[n] = 0;
		matches = !regexec(&wanted, record, 0, NULL, 0);
	}
	regfree(&wanted);
	if (!matches)
		CHECK_EQ(errno, EAGAIN);
	return matches ? record : NULL;
}
