// SPDX-License-Identifier: GPL-2.0
/* Programs that a test runs beside itself. */
#define _GNU_SOURCE
#include "programs.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

pid_t start(const char *output, const char *const *argv)
{
	/* Emptied here, not by the child: nobody shall read what an earlier one said. */
	int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	pid_t pid;

	CHECK(fd >= 0);
	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fd, 1);
		dup2(fd, 2);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(fd);
	return pid;
}

void until_run(const char *command)
{
	const struct deadline d = deadline_in(PATIENCE);

	while (run("%s", command)) {
		if (deadline_passed(&d))
			FAIL("'%s' does not come true", command);
		nap();
	}
}
