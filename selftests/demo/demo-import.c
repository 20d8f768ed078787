// SPDX-License-Identifier: GPL-2.0
/*
 * demo-import - imports the catalogue, one transaction per package.
 *
 * usage: demo-import [--pace FILE] [--workers N] MANIFEST TREE SQLITE-SOCKET FILES-SOCKET
 *
 * A package is a row per file through ktm-rm-sqlite, the files themselves
 * through ktm-rm-files, each stored under its SHA-256, and a key in the store of
 * ktm_sample_rm, a driver (index.h), joined by one transaction of the kernel's. Prints "@commit PACKAGE" when the commit has
 * returned, and not before: whoever saw that line may rely on the package.
 *
 * Several workers import at once. Two packages may share a file (a licence, for
 * one); the one that comes second is told so, rolls back and tries again.
 */
#include "index.h"
#include "manifest.h"
#include "pace.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <ktm.h>
#include <ktm-rm-client.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A safety net: a resource manager that says nothing for so long is stuck. */
#define CALL_TIMEOUT_MS		120000
/* Conflicts end when the other transaction does; this many in a row do not happen. */
#define MAX_TRIES		2000
#define MAX_WORKERS		16

struct importer {
	struct manifest manifest;
	const char *tree;
	int ktm;
	int store;
	struct ktm_client *sql;
	struct ktm_client *files;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "demo-import: %s: %s\n", what, why);
	exit(1);
}

static struct ktm_client *connect_to(const char *path)
{
	struct ktm_client *c;
	int ret = ktm_client_connect(path, CALL_TIMEOUT_MS, &c);

	if (ret)
		die(path, strerror(-ret));
	return c;
}

/* 0, -EBUSY on a conflict; anything else is the end. */
static int check_call(struct ktm_client *c, const char *what, int ret)
{
	if (ret && ret != -EBUSY) {
		fprintf(stderr, "demo-import: %s: %s (%s)\n", what, strerror(-ret),
			ktm_client_message(c));
		exit(1);
	}
	return ret;
}

static bool is_known(struct importer *imp, const struct package *p)
{
	const struct ktm_sql_value path = ktm_sql_text(imp->manifest.documents[p->first].path);
	struct ktm_sql_result *result;
	bool known;

	check_call(imp->sql, "SELECT",
		   ktm_sql_query(imp->sql, KTM_NO_TX, "SELECT 1 FROM documents WHERE path = ?",
				 &path, 1, &result) ? -EIO : 0);
	known = result->rows;
	ktm_sql_free(result);
	return known;
}

static int store_document(struct importer *imp, uint64_t in_sql, uint64_t in_files,
			  const struct package *p, const struct document *d,
			  struct index_value *index)
{
	char path[4096], sha256[SHA256_HEX + 1];
	struct ktm_sql_value row[5];
	size_t size;
	void *data;
	int ret;

	snprintf(path, sizeof(path), "%s%s", imp->tree, d->path);
	if (read_whole_file(path, &data, &size))
		die(path, strerror(errno));
	sha256_hex(data, size, sha256);
	index_add(index, sha256);
	ret = check_call(imp->files, sha256,
			 ktm_files_put(imp->files, in_files, sha256, 0, data, size));
	free(data);
	if (ret)
		return ret;

	row[0] = ktm_sql_text(p->name);
	row[1] = ktm_sql_text(p->version);
	row[2] = ktm_sql_text(d->path);
	row[3] = ktm_sql_integer((int64_t)size);
	row[4] = ktm_sql_text(sha256);
	return check_call(imp->sql, d->path,
			  ktm_sql_exec(imp->sql, in_sql,
				       "INSERT INTO documents VALUES (?, ?, ?, ?, ?)", row, 5,
				       NULL));
}

/* The driver takes part by itself when it is first given the transaction. */
static int store_key(struct importer *imp, int tx, const struct package *p,
		     struct index_value *index)
{
	struct ktm_sample_item item = { .tx_fd = tx, .key_length = (uint32_t)strlen(p->name) };
	char value[KTM_SAMPLE_MAX_VALUE + 1];

	if (item.key_length > sizeof(item.key) || index_end(index, p->version, value))
		die(p->name, "is too long for the store in the kernel");
	item.value_length = (uint32_t)strlen(value);
	memcpy(item.key, p->name, item.key_length);
	memcpy(item.value, value, item.value_length);
	if (!ioctl(imp->store, KTM_SAMPLE_WRITE, &item))
		return 0;
	if (errno != EBUSY)
		die(STORE_DEVICE, strerror(errno));
	return -EBUSY;
}

/* 0: committed. -EBUSY: rolled back for a conflict. */
static int try_package(struct importer *imp, const struct package *p)
{
	struct index_value index;
	uint64_t in_sql, in_files;
	uint32_t status;
	size_t i;
	int tx, ret;

	tx = ktm_tx_begin(imp->ktm, -1, p->name, NULL, &status);
	if (tx < 0)
		die("could not begin a transaction", ktm_status_text(status));
	ret = check_call(imp->sql, "join", ktm_client_join(imp->sql, tx, &in_sql));
	if (!ret)
		ret = check_call(imp->files, "join", ktm_client_join(imp->files, tx, &in_files));
	index_begin(&index);
	for (i = 0; !ret && i < p->nr; i++)
		ret = store_document(imp, in_sql, in_files, p,
				     &imp->manifest.documents[p->first + i], &index);
	if (!ret)
		ret = store_key(imp, tx, p, &index);
	if (ret) {
		if (ktm_tx_rollback(tx, KTM_CALL_WAIT, &status))
			die("could not roll back", ktm_status_text(status));
		close(tx);
		return ret;
	}
	ret = ktm_tx_commit(tx, KTM_CALL_WAIT, &status);
	close(tx);
	if (ret)
		die(p->name, ktm_status_text(status));
	return 0;
}

static void import_package(struct importer *imp, const struct package *p)
{
	unsigned int tries;

	for (tries = 0; try_package(imp, p); tries++) {
		if (tries == MAX_TRIES)
			die(p->name, "conflicts with another transaction that does not end");
		/* Not in step with the other worker, which does the same. */
		usleep(1000 + (unsigned int)(getpid() % 7) * 1500);
	}
	printf("@commit %s\n", p->name);
	fflush(stdout);
}

/* The pace is how many packages were begun; workers may overtake each other. */
static void set_pace(_Atomic uint64_t *pace, uint64_t begun)
{
	uint64_t seen = atomic_load(pace);

	while (seen < begun && !atomic_compare_exchange_weak(pace, &seen, begun))
		;
}

static void work(struct importer *imp, _Atomic uint64_t *next, _Atomic uint64_t *pace,
		 const char *sql_socket, const char *files_socket)
{
	size_t i;

	imp->ktm = ktm_open_device();
	if (imp->ktm < 0)
		die(KTM_DEVICE, strerror(-imp->ktm));
	imp->store = open(STORE_DEVICE, O_RDWR | O_CLOEXEC);
	if (imp->store < 0)
		die(STORE_DEVICE, strerror(errno));
	imp->sql = connect_to(sql_socket);
	imp->files = connect_to(files_socket);
	while ((i = atomic_fetch_add(next, 1)) < imp->manifest.nr_packages) {
		const struct package *p = &imp->manifest.packages[i];

		if (pace)
			set_pace(pace, i);
		if (!is_known(imp, p))
			import_package(imp, p);
	}
	ktm_client_close(imp->files);
	ktm_client_close(imp->sql);
	close(imp->store);
	close(imp->ktm);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "pace", required_argument, NULL, 'p' },
		{ "workers", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	_Atomic uint64_t *pace = NULL, *next;
	int workers = 2, running, opt, status, failed = 0;
	struct importer imp = { 0 };

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'p')
			pace = pace_open(optarg);
		else if (opt == 'w')
			workers = atoi(optarg);
		if (opt == '?' || (opt == 'p' && !pace) || workers < 1 || workers > MAX_WORKERS)
			return 2;
	}
	if (argc - optind != 4)
		die("usage", "demo-import [OPTION]... MANIFEST TREE SQLITE-SOCKET FILES-SOCKET");
	if (manifest_load(&imp.manifest, argv[optind]))
		return 1;
	imp.tree = argv[optind + 1];
	next = mmap(NULL, sizeof(*next), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (next == MAP_FAILED)
		die("memory", strerror(errno));

	for (running = 0; running < workers; running++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork", strerror(errno));
		if (!pid) {
			work(&imp, next, pace, argv[optind + 2], argv[optind + 3]);
			return 0;
		}
	}
	while (running && wait(&status) > 0) {
		running--;
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			failed = 1;
	}
	if (pace)
		atomic_store(pace, PACE_FREE);
	manifest_free(&imp.manifest);
	return failed;
}
