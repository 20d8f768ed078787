// SPDX-License-Identifier: GPL-2.0
/* A transaction manager, and the steps of its clients. */
#define _GNU_SOURCE
#include "tm.h"

#include "bench.h"

#include <fcntl.h>

void tm_start(struct tm_handle *t, const char *device)
{
	int fd = -1, ret;

	memset(&t->guid, 0, sizeof(t->guid));
	t->ktm = ktm_open_device();
	if (t->ktm < 0)
		die("%s: %s", KTM_DEVICE, strerror(-t->ktm));
	if (device) {
		fd = open(device, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			die("%s: %s", device, strerror(errno));
	}
	t->tm = ktm_tm_create(t->ktm, fd, device ? 0 : KTM_TM_VOLATILE, KTM_TM_ALL_ACCESS, 0,
			      &t->guid, NULL);
	if (t->tm < 0)
		die("cannot make a transaction manager: %s", strerror(-t->tm));
	if (device) {
		close(fd);
		ret = ktm_tm_recover(t->tm, -1, NULL);
		if (ret)
			die("cannot recover: %s", strerror(-ret));
	}
}

void tm_end(struct tm_handle *t)
{
	close(t->tm);
	close(t->ktm);
}

int tx_begin(const struct tm_handle *t)
{
	int tx = ktm_tx_begin(t->ktm, t->tm, NULL, NULL, NULL);

	if (tx < 0)
		die("cannot begin a transaction: %s", strerror(-tx));
	return tx;
}

void tx_commit(int tx)
{
	uint32_t status;
	int ret = ktm_tx_commit(tx, KTM_CALL_WAIT, &status);

	if (ret)
		die("a commit failed: %s", ktm_status_text(status));
}

void tx_roll_back(int tx)
{
	int ret = ktm_tx_rollback(tx, KTM_CALL_WAIT, NULL);

	if (ret)
		die("a rollback failed: %s", strerror(-ret));
}
