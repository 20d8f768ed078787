// SPDX-License-Identifier: GPL-2.0
/*
 * demo-check - is every package of the catalogue there whole or not at all?
 *
 * usage: demo-check [--keys FILE] [--acknowledged FILE] [--whole FILE] [--count-torn]
 *		     MANIFEST DATABASE DIRECTORY
 *
 * Looks at what the disks hold, not at what anybody says of it: opens the
 * database and reads the directory by itself. Only what a driver keeps cannot be
 * had without it: --keys names what "demo-keys list" has said. Complains of
 *
 *  - a row that is not, word for word, a line of the manifest;
 *  - a row whose file is missing or has another SHA-256 than its name says;
 *  - a file that no row names;
 *  - a package of which some rows are there and some are not;
 *  - with --keys: a key that no package of the catalogue has, or that is there
 *    twice, or whose value is not what the rows and files of its package come to;
 *  - a key without its rows, rows without their key;
 *  - a package that was acknowledged (--acknowledged: one name per line) and
 *    is not there whole.
 *
 * Names that begin with a dot are skipped: they are how a file looks before it
 * is there. --whole writes the names of the packages that are there whole.
 * --count-torn, for the import without transactions, counts the packages that
 * are torn instead of complaining of them.
 *
 * Exits 1 if there was a complaint, 2 if it could not look.
 */
#include "index.h"
#include "manifest.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one name in the directory turned out to be. */
struct stored {
	char sha256[SHA256_HEX + 1];
	bool right;		/* its content has the hash that it is named after */
	bool named_by_row;
};

enum key_state { KEY_ABSENT, KEY_RIGHT, KEY_WRONG };

struct checker {
	struct manifest manifest;
	struct stored *stored;
	size_t nr_stored;
	bool *row_seen;		/* by document */
	size_t rows;
	bool with_keys;
	enum key_state *key;	/* by package */
	size_t keys;
	bool count_torn;
	unsigned long complaints;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "demo-check: %s: %s\n", what, why);
	exit(2);
}

static void complain(struct checker *c, const char *what, const char *about)
{
	if (c->count_torn)
		return;
	/* The first ones tell what is wrong; thousands more tell no more. */
	if (c->complaints++ < 20)
		printf("VIOLATION: %s: %s\n", what, about);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct stored *)a)->sha256, ((const struct stored *)b)->sha256);
}

static struct stored *find_stored(struct checker *c, const char *sha256)
{
	struct stored key;

	if (strlen(sha256) != SHA256_HEX)
		return NULL;
	memcpy(key.sha256, sha256, sizeof(key.sha256));
	return bsearch(&key, c->stored, c->nr_stored, sizeof(key), by_name);
}

static void read_directory(struct checker *c, const char *path)
{
	struct dirent *entry;
	size_t room = 0;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		die(path, strerror(errno));
	while (errno = 0, entry = readdir(dir)) {
		struct stored *s;
		char hex[SHA256_HEX + 1], name[4096];
		size_t size;
		void *data;

		/* lost+found is ext4's own. */
		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, "lost+found"))
			continue;
		if (strlen(entry->d_name) != SHA256_HEX) {
			complain(c, "a file that no row can name", entry->d_name);
			continue;
		}
		if (c->nr_stored == room) {
			room = room ? room * 2 : 256;
			c->stored = realloc(c->stored, room * sizeof(*c->stored));
			if (!c->stored)
				die("memory", strerror(errno));
		}
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (read_whole_file(name, &data, &size))
			die(name, strerror(errno));
		sha256_hex(data, size, hex);
		free(data);
		s = &c->stored[c->nr_stored++];
		memset(s, 0, sizeof(*s));
		memcpy(s->sha256, entry->d_name, sizeof(s->sha256));
		s->right = !strcmp(hex, s->sha256);
	}
	if (errno)
		die(path, strerror(errno));
	closedir(dir);
	if (c->nr_stored)
		qsort(c->stored, c->nr_stored, sizeof(*c->stored), by_name);
}

static const char *column(sqlite3_stmt *row, int i)
{
	const unsigned char *text = sqlite3_column_text(row, i);

	return text ? (const char *)text : "";
}

static void check_row(struct checker *c, sqlite3_stmt *row)
{
	const char *path = column(row, 2), *sha256 = column(row, 4);
	const struct document *d = manifest_find_document(&c->manifest, path);
	const struct package *p = d ? &c->manifest.packages[d->package] : NULL;
	struct stored *s = find_stored(c, sha256);

	c->rows++;
	if (s)
		s->named_by_row = true;
	if (!d || strcmp(p->name, column(row, 0)) || strcmp(p->version, column(row, 1)) ||
	    (uint64_t)sqlite3_column_int64(row, 3) != d->size || strcmp(d->sha256, sha256)) {
		complain(c, "a row that the catalogue does not have", path);
		return;
	}
	if (c->row_seen[d - c->manifest.documents])
		complain(c, "a row that is there twice", path);
	c->row_seen[d - c->manifest.documents] = true;
	if (!s)
		complain(c, "a row without its file", path);
}

static void read_database(struct checker *c, const char *path)
{
	sqlite3_stmt *row;
	sqlite3 *db;
	int ret;

	/* An importer that had not begun has made no database. */
	if (access(path, F_OK))
		return;
	/* For writing, so that a journal left by the cut can be rolled back. */
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		die(path, sqlite3_errmsg(db));
	sqlite3_busy_timeout(db, 30000);
	ret = sqlite3_prepare_v2(db, "SELECT 1 FROM sqlite_master WHERE name = 'documents'", -1,
				 &row, NULL);
	if (ret != SQLITE_OK)
		die(path, sqlite3_errmsg(db));
	ret = sqlite3_step(row);
	sqlite3_finalize(row);
	if (ret == SQLITE_ROW) {
		ret = sqlite3_prepare_v2(db, "SELECT package, version, path, size, sha256 FROM documents",
					 -1, &row, NULL);
		if (ret != SQLITE_OK)
			die(path, sqlite3_errmsg(db));
		while ((ret = sqlite3_step(row)) == SQLITE_ROW)
			check_row(c, row);
		sqlite3_finalize(row);
	}
	if (ret != SQLITE_DONE)
		die(path, sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* What the importer has written, if it has. */
static bool value_is_right(const struct checker *c, const struct package *p, const char *value)
{
	char want[KTM_SAMPLE_MAX_VALUE + 1];
	struct index_value v;
	size_t i;

	index_begin(&v);
	for (i = p->first; i < p->first + p->nr; i++)
		index_add(&v, c->manifest.documents[i].sha256);
	return !index_end(&v, p->version, want) && !strcmp(value, want);
}

static void check_key(struct checker *c, const char *key, const char *value)
{
	const struct package *p = manifest_find_package(&c->manifest, key);
	enum key_state *state;

	c->keys++;
	if (!p) {
		complain(c, "a key that the catalogue does not have", key);
		return;
	}
	state = &c->key[p - c->manifest.packages];
	if (*state != KEY_ABSENT)
		complain(c, "a key that is there twice", key);
	*state = value_is_right(c, p, value) ? KEY_RIGHT : KEY_WRONG;
	if (*state == KEY_WRONG)
		complain(c, "a key with a value that is not its own", key);
}

static void read_keys(struct checker *c, const char *path)
{
	FILE *list = fopen(path, "r");
	char line[KTM_SAMPLE_MAX_KEY + KTM_SAMPLE_MAX_VALUE + 3], *value;

	if (!list)
		die(path, strerror(errno));
	while (fgets(line, sizeof(line), list)) {
		value = strchr(line, '\t');
		if (!value)
			die(path, "is no list of keys");
		*value++ = 0;
		value[strcspn(value, "\n")] = 0;
		check_key(c, line, value);
	}
	fclose(list);
}

enum shape { ABSENT, WHOLE, TORN };

/*
 * A package is whole if each of its documents has row and file, and it has its key;
 * absent if none has a row and it has no key. (A file that belongs to an absent package shows as one that no row
 * names; several packages may own the same content.)
 */
static enum shape shape_of(struct checker *c, const struct package *p)
{
	const enum key_state key = c->key[p - c->manifest.packages];
	size_t with_row = 0, complete = 0, orphans = 0, i;

	for (i = p->first; i < p->first + p->nr; i++) {
		struct stored *s = find_stored(c, c->manifest.documents[i].sha256);

		with_row += c->row_seen[i];
		complete += c->row_seen[i] && s && s->right;
		orphans += s && !s->named_by_row;
	}
	if (c->with_keys && with_row && key == KEY_ABSENT)
		complain(c, "rows without their key", p->name);
	if (!with_row && key != KEY_ABSENT)
		complain(c, "a key without its rows", p->name);
	if (complete == p->nr && (!c->with_keys || key == KEY_RIGHT))
		return WHOLE;
	return with_row || orphans || key != KEY_ABSENT ? TORN : ABSENT;
}

static void check_packages(struct checker *c, const char *whole_path, bool *whole, size_t count[3])
{
	FILE *list = whole_path ? fopen(whole_path, "w") : NULL;
	size_t i;

	if (whole_path && !list)
		die(whole_path, strerror(errno));
	for (i = 0; i < c->manifest.nr_packages; i++) {
		const struct package *p = &c->manifest.packages[i];
		enum shape shape = shape_of(c, p);

		count[shape]++;
		whole[i] = shape == WHOLE;
		if (shape == WHOLE && list)
			fprintf(list, "%s\n", p->name);
		if (shape == TORN)
			complain(c, "a package that is there in part", p->name);
	}
	if (list && fclose(list))
		die(whole_path, strerror(errno));
}

static size_t check_acknowledged(struct checker *c, const char *path, const bool *whole)
{
	FILE *list = fopen(path, "r");
	char name[512];
	size_t nr = 0;

	if (!list)
		die(path, strerror(errno));
	while (fgets(name, sizeof(name), list)) {
		const struct package *p;

		name[strcspn(name, "\n")] = 0;
		p = manifest_find_package(&c->manifest, name);
		if (!p)
			die(name, "was acknowledged and is not in the catalogue");
		nr++;
		if (!whole[p - c->manifest.packages])
			complain(c, "a package that was reported committed is not there whole", name);
	}
	fclose(list);
	return nr;
}

static void check_files(struct checker *c)
{
	size_t i;

	for (i = 0; i < c->nr_stored; i++) {
		if (!c->stored[i].right)
			complain(c, "a file whose content is not what its name says",
				 c->stored[i].sha256);
		if (!c->stored[i].named_by_row)
			complain(c, "a file without a row", c->stored[i].sha256);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "keys", required_argument, NULL, 'k' },
		{ "acknowledged", required_argument, NULL, 'a' },
		{ "whole", required_argument, NULL, 'w' },
		{ "count-torn", no_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	const char *acknowledged_path = NULL, *whole_path = NULL, *keys_path = NULL;
	size_t count[3] = { 0 }, acknowledged = 0;
	struct checker c = { 0 };
	bool *whole;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'k')
			keys_path = optarg;
		else if (opt == 'a')
			acknowledged_path = optarg;
		else if (opt == 'w')
			whole_path = optarg;
		else if (opt == 't')
			c.count_torn = true;
		else
			return 2;
	}
	if (argc - optind != 3)
		die("usage", "demo-check [OPTION]... MANIFEST DATABASE DIRECTORY");
	if (manifest_load(&c.manifest, argv[optind]))
		return 2;
	c.row_seen = calloc(c.manifest.nr_documents + 1, sizeof(*c.row_seen));
	whole = calloc(c.manifest.nr_packages + 1, sizeof(*whole));
	c.key = calloc(c.manifest.nr_packages + 1, sizeof(*c.key));
	if (!c.row_seen || !whole || !c.key)
		die("memory", strerror(errno));

	read_directory(&c, argv[optind + 2]);
	read_database(&c, argv[optind + 1]);
	c.with_keys = keys_path;
	if (keys_path)
		read_keys(&c, keys_path);
	check_files(&c);
	check_packages(&c, whole_path, whole, count);
	if (acknowledged_path)
		acknowledged = check_acknowledged(&c, acknowledged_path, whole);

	printf("%zu packages whole, %zu torn, %zu not there; %zu rows, %zu files, %zu keys; "
	       "%zu acknowledged\n", count[WHOLE], count[TORN], count[ABSENT], c.rows, c.nr_stored,
	       c.keys, acknowledged);
	if (c.complaints)
		printf("%lu violations\n", c.complaints);
	free(whole);
	free(c.key);
	free(c.row_seen);
	free(c.stored);
	manifest_free(&c.manifest);
	return c.complaints ? 1 : 0;
}
