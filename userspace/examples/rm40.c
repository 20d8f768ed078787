// SPDX-License-Identifier: GPL-2.0
/*
 * A durable resource manager in 40 lines of code. It owns one value, the file
 * "value" in DIRECTORY, which changes only when a transaction commits.
 *
 *	rm40 TM-GUID GUID DIRECTORY
 *
 * A new value waits in a file that is named after its enlistment; commit renames
 * it. After a crash the file's being there is all that recovery has to know.
 * The TM's GUID belongs to the data: no other TM knows what became of it.
 * serve.c brings the requests, rm40-client.c sends them.
 */
#include "serve.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int directory;			/* to be synced when a name in it has changed */
static char name[KTM_GUID_STRING];
#define STAGED(event) ktm_guid_format(&(event)->enlistment, name)

/* A client's request: take part in its transaction and keep the new value aside. */
static int stage(struct ktm_rm *rm, int tx, const void *value, size_t length)
{
	struct ktm_rm_event event = { .kind = KTM_NOTIFY_PREPARE };
	int fd, ret = ktm_rm_enlist(rm, tx, 0, &event.enlistment, NULL);

	if (ret)
		return ret;
	fd = open(STAGED(&event), O_WRONLY | O_CREAT | O_EXCL | O_SYNC, 0600);
	if (write(fd, value, length) != (ssize_t)length)
		ret = ktm_rm_answer(rm, &event, KTM_RM_REFUSE, NULL) ? -EPROTO : -EIO;
	close(fd);
	return ret;
}

/* The vote: whatever a commit will need is safe now. */
static int prepare(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	return fsync(directory) ? KTM_RM_REFUSE : KTM_RM_DONE;
}

/* Comes again if we died before the answer was logged: nothing is left to rename then. */
static int commit(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	int failed = rename(STAGED(event), "value") && errno != ENOENT;

	return failed || fsync(directory) ? -EIO : KTM_RM_DONE;
}

static int rollback(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	return unlink(STAGED(event)) && errno != ENOENT ? -errno : KTM_RM_DONE;
}

/* Do we hold anything for this unfinished enlistment? */
static int recover(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	return access(STAGED(event), F_OK) ? KTM_RM_NONE : KTM_RM_DONE;
}

/* All unfinished ones have been named: what else waits here was never voted on. */
static int last_recover(struct ktm_rm *rm, void *data)
{
	DIR *here = opendir(".");
	struct ktm_en_info info;
	struct ktm_guid guid;

	for (struct dirent *entry; here && (entry = readdir(here));)
		if (!ktm_guid_parse(entry->d_name, &guid) &&
		    ktm_en_query(ktm_rm_descriptor(rm), &guid, &info, NULL) == -ENOENT)
			unlink(entry->d_name);
	return here ? closedir(here) : -errno;
}

int main(int argc, char **argv)
{
	struct ktm_rm_ops ops = { sizeof(ops), prepare, commit, rollback, recover,
				  .last_recover = last_recover };
	struct ktm_guid tm, me;
	struct ktm_rm_config config = { .size = sizeof(config), .tm = &tm, .guid = &me };

	if (argc != 4 || ktm_guid_parse(argv[1], &tm) || ktm_guid_parse(argv[2], &me) ||
	    chdir(argv[3]) || (directory = open(".", O_RDONLY)) < 0)
		errx(2, "usage: rm40 TM-GUID GUID DIRECTORY");
	return serve("socket", &config, &ops, stage);
}
