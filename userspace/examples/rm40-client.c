// SPDX-License-Identifier: GPL-2.0
/*
 * Give several resource managers of the kind of rm40 a new value, all or none.
 *
 *	rm40-client VALUE SOCKET...
 *
 * Exit code 0: committed; 1: rolled back, all have the value they had before.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <ktm.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		errx(2, "%s: too long for a socket", path);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err(1, "%s", path);
	return fd;
}

/* Returns when the resource manager takes part, or ends the program. */
static void give(const char *path, int tx, const char *value)
{
	int fd = connect_to(path), answer;
	ssize_t ret;

	ret = ktm_tx_send(fd, tx, value, strlen(value), NULL);
	if (ret < 0)
		errx(1, "%s: cannot send: %s", path, strerror((int)-ret));
	if (recv(fd, &answer, sizeof(answer), 0) != sizeof(answer))
		errx(1, "%s: no answer", path);
	if (answer)
		errx(1, "%s: refused: %s", path, strerror(-answer));
	close(fd);
}

int main(int argc, char **argv)
{
	int i, ktm, tx, ret;
	uint32_t status;

	if (argc < 3 || !*argv[1])
		errx(2, "usage: rm40-client VALUE SOCKET...");
	ktm = ktm_open_device();
	if (ktm < 0)
		errx(1, "%s: %s", KTM_DEVICE, strerror(-ktm));
	tx = ktm_tx_begin(ktm, -1, program_invocation_short_name, NULL, &status);
	if (tx < 0)
		errx(1, "cannot begin: %s", ktm_status_text(status));

	/* Leaving early closes the transaction, which rolls it back. */
	for (i = 2; i < argc; i++)
		give(argv[i], tx, argv[1]);
	ret = ktm_tx_commit(tx, KTM_CALL_WAIT, &status);
	if (ret)
		errx(1, "not committed: %s", ktm_status_text(status));
	return 0;
}
