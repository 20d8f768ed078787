// SPDX-License-Identifier: GPL-2.0
/*
 * demo-baseline - the same import the usual way.
 *
 * usage: demo-baseline [--pace FILE] MANIFEST TREE DATABASE DIRECTORY
 *
 * For each package: one transaction of the database with a row per file, then
 * the files, each written under another name, synced, renamed, and its
 * directory synced. Nothing joins the two, and that is what it is there to
 * show: each half is as safe as it can be, and the whole is not.
 *
 * Started again, it goes on with the first package that the database does not
 * know, as such importers do.
 */
#include "manifest.h"
#include "pace.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct importer {
	struct manifest manifest;
	const char *tree;
	const char *directory;
	int directory_fd;
	sqlite3 *db;
	sqlite3_stmt *known;
	sqlite3_stmt *insert;
};

/* One file of the package at hand. */
struct content {
	void *data;
	size_t size;
	char sha256[SHA256_HEX + 1];
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "demo-baseline: %s: %s\n", what, why);
	exit(1);
}

static void run_sql(struct importer *imp, const char *sql)
{
	if (sqlite3_exec(imp->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		die(sql, sqlite3_errmsg(imp->db));
}

static sqlite3_stmt *prepare(struct importer *imp, const char *sql)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(imp->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		die(sql, sqlite3_errmsg(imp->db));
	return stmt;
}

static void open_stores(struct importer *imp, const char *database)
{
	imp->directory_fd = open(imp->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (imp->directory_fd < 0)
		die(imp->directory, strerror(errno));
	if (sqlite3_open(database, &imp->db) != SQLITE_OK)
		die(database, sqlite3_errmsg(imp->db));
	run_sql(imp, "PRAGMA journal_mode = WAL");
	run_sql(imp, "PRAGMA synchronous = FULL");
	run_sql(imp, "CREATE TABLE IF NOT EXISTS documents (package TEXT, version TEXT,"
		     " path TEXT PRIMARY KEY, size INTEGER, sha256 TEXT)");
	imp->known = prepare(imp, "SELECT 1 FROM documents WHERE path = ?");
	imp->insert = prepare(imp, "INSERT INTO documents VALUES (?, ?, ?, ?, ?)");
}

static int is_known(struct importer *imp, const struct package *p)
{
	int ret;

	sqlite3_bind_text(imp->known, 1, imp->manifest.documents[p->first].path, -1,
			  SQLITE_STATIC);
	ret = sqlite3_step(imp->known);
	if (ret != SQLITE_ROW && ret != SQLITE_DONE)
		die("SELECT", sqlite3_errmsg(imp->db));
	sqlite3_reset(imp->known);
	return ret == SQLITE_ROW;
}

static void read_content(struct importer *imp, const struct document *d, struct content *c)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", imp->tree, d->path);
	if (read_whole_file(path, &c->data, &c->size))
		die(path, strerror(errno));
	sha256_hex(c->data, c->size, c->sha256);
}

static void store_row(struct importer *imp, const struct package *p, const struct document *d,
		      const struct content *c)
{
	sqlite3_bind_text(imp->insert, 1, p->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(imp->insert, 2, p->version, -1, SQLITE_STATIC);
	sqlite3_bind_text(imp->insert, 3, d->path, -1, SQLITE_STATIC);
	sqlite3_bind_int64(imp->insert, 4, (sqlite3_int64)c->size);
	sqlite3_bind_text(imp->insert, 5, c->sha256, -1, SQLITE_STATIC);
	if (sqlite3_step(imp->insert) != SQLITE_DONE)
		die("INSERT", sqlite3_errmsg(imp->db));
	sqlite3_reset(imp->insert);
}

static void store_file(struct importer *imp, const struct content *c)
{
	char temporary[SHA256_HEX + 2];
	size_t done = 0;
	int fd;

	snprintf(temporary, sizeof(temporary), ".%s", c->sha256);
	fd = openat(imp->directory_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		die(temporary, strerror(errno));
	while (done < c->size) {
		ssize_t n = write(fd, (const char *)c->data + done, c->size - done);

		if (n < 0 && errno != EINTR)
			die(temporary, strerror(errno));
		done += n > 0 ? (size_t)n : 0;
	}
	if (fsync(fd) || close(fd) ||
	    renameat(imp->directory_fd, temporary, imp->directory_fd, c->sha256) ||
	    fsync(imp->directory_fd))
		die(c->sha256, strerror(errno));
}

static void import_package(struct importer *imp, const struct package *p)
{
	struct content *contents = calloc(p->nr, sizeof(*contents));
	size_t i;

	if (!contents)
		die("memory", strerror(errno));
	for (i = 0; i < p->nr; i++)
		read_content(imp, &imp->manifest.documents[p->first + i], &contents[i]);

	run_sql(imp, "BEGIN");
	for (i = 0; i < p->nr; i++)
		store_row(imp, p, &imp->manifest.documents[p->first + i], &contents[i]);
	run_sql(imp, "COMMIT");

	for (i = 0; i < p->nr; i++) {
		store_file(imp, &contents[i]);
		free(contents[i].data);
	}
	free(contents);
}

int main(int argc, char **argv)
{
	_Atomic uint64_t *pace = NULL;
	struct importer imp = { 0 };
	size_t i;

	if (argc > 2 && !strcmp(argv[1], "--pace")) {
		pace = pace_open(argv[2]);
		if (!pace)
			return 1;
		argv += 2;
		argc -= 2;
	}
	if (argc != 5)
		die("usage", "demo-baseline [--pace FILE] MANIFEST TREE DATABASE DIRECTORY");
	if (manifest_load(&imp.manifest, argv[1]))
		return 1;
	imp.tree = argv[2];
	imp.directory = argv[4];
	open_stores(&imp, argv[3]);

	for (i = 0; i < imp.manifest.nr_packages; i++) {
		const struct package *p = &imp.manifest.packages[i];

		if (is_known(&imp, p))
			continue;
		/* Never more than one package in front of the other import. */
		while (pace && atomic_load(pace) < i)
			usleep(5000);
		import_package(&imp, p);
		printf("@baseline %s\n", p->name);
		fflush(stdout);
	}
	sqlite3_finalize(imp.known);
	sqlite3_finalize(imp.insert);
	sqlite3_close(imp.db);
	close(imp.directory_fd);
	manifest_free(&imp.manifest);
	return 0;
}
