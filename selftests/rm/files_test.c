// SPDX-License-Identifier: GPL-2.0
/*
 * ktm-rm-files without a kernel: names, manifest, isolation, locks, and its store
 * under death and failure at every system call of a commit.
 *
 * usage: files_test DIRECTORY
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ktm.h>
#include <ktm-rm-client.h>

#include "tap.h"
#include "trouble.h"
#include "world.h"
#include "../../userspace/rm/files/names.h"
#include "../../userspace/rm/files/store.h"

#define SEALS	(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static char directory[4096];

/* ---- requests ---- */

static int content_fd(const char *text, unsigned int seals)
{
	int fd = memfd_create("content", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    fcntl(fd, F_ADD_SEALS, seals))
		die("no memory file");
	return fd;
}

static int put_fd(struct world *w, uint64_t t, const char *name, unsigned int flags, int fd)
{
	struct pack p;

	world_begin(&p);
	pack_u32(&p, flags);
	pack_bytes(&p, name, strlen(name));
	return world_request(w, RM_OP_FILES_PUT, t, &p, fd);
}

static int put(struct world *w, uint64_t t, const char *name, const char *text)
{
	int fd = content_fd(text, SEALS);
	int ret = put_fd(w, t, name, 0, fd);

	close(fd);
	return ret;
}

static int with_name(struct world *w, enum rm_op op, uint64_t t, const char *name)
{
	struct pack p;

	world_begin(&p);
	pack_bytes(&p, name, strlen(name));
	return world_request(w, op, t, &p, -1);
}

static int get(struct world *w, uint64_t t, const char *name, char text[64])
{
	int ret = with_name(w, RM_OP_FILES_GET, t, name);
	ssize_t n;

	text[0] = 0;
	if (ret)
		return ret;
	n = pread(w->answer_fd, text, 63, 0);
	text[n > 0 ? n : 0] = 0;
	return 0;
}

static bool reads(struct world *w, uint64_t t, const char *name, const char *expected)
{
	char text[64];
	int ret = get(w, t, name, text);

	if (!expected)
		return ret == -ENOENT;
	return !ret && !strcmp(text, expected);
}

/* The names in a directory with a space behind each, directories with a slash. */
static const char *list(struct world *w, uint64_t t, const char *name)
{
	static char text[4096];
	struct unpack u;
	struct pack p;
	uint32_t count;

	text[0] = 0;
	world_begin(&p);
	pack_bytes(&p, name, strlen(name));
	pack_bytes(&p, "", 0);
	if (world_request(w, RM_OP_FILES_LIST, t, &p, -1))
		return "error";
	unpack_init(&u, w->answer.data, w->answer.used);
	unpack_u8(&u);
	for (count = unpack_u32(&u); count; count--) {
		uint8_t is_directory = unpack_u8(&u);
		const char *data;
		size_t length;

		unpack_u64(&u);
		data = unpack_bytes(&u, &length);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.*s%s ",
			 (int)length, data, is_directory ? "/" : "");
	}
	return unpack_done(&u) ? text : "malformed";
}

/* ---- stores ---- */

static const char *store_path(const char *name)
{
	static char path[5000];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static const char *in_store(const char *store, const char *name)
{
	static char path[6000];

	snprintf(path, sizeof(path), "%s/%s", store_path(store), name);
	return path;
}

/* Of the stream: with the small one no transaction fits the log. */
#define QUOTA		(4u << 20)
#define SMALL_QUOTA	1200u

static uint64_t quota = QUOTA;

/* And an empty stream, which the store does not know. */
static void wipe(const char *store)
{
	char command[6000];

	snprintf(command, sizeof(command), "rm -rf '%s'", store_path(store));
	if (system(command))
		die("cannot remove %s", store);
	stream_new(quota);
}

static void open_or_die(struct world *w, const char *store)
{
	if (world_open(w, &files_program, store_path(store), NULL))
		die("cannot open %s", store);
}

/*
 * So that what was too large for the log may go: the base has to pass it, and that
 * has to be durable.
 */
static void let_go(struct world *w)
{
	struct ktm_guid e;
	int i;

	for (i = 0; i < 3; i++) {
		uint64_t t = world_join(w, &e);

		if (put(w, t, "beside", "x") || world_prepare(w, &e) || world_commit(w, &e))
			die("cannot commit beside");
		stream_decide();
		check(!core_sync(&w->core), "sync");
	}
}

/* Nothing but what the last ones left that let_go() needs. */
static bool staged_is_empty(const char *store)
{
	DIR *dir = opendir(in_store(store, "ktm/staged"));
	unsigned int entries = 0;

	if (!dir)
		die("cannot read ktm/staged");
	while (readdir(dir))
		entries++;
	closedir(dir);
	/* Beside . and .., and the directory of the last one. */
	return entries == 2 + (quota == SMALL_QUOTA);
}

/* ---- parts ---- */

static void test_names(void)
{
	static const char *const good[] = { "a", "a/b", "...", "..a", ".a/.b", "a b", "a\\b" };
	static const char *const bad[] = {
		"", "/", "/a", "a/", "a//b", ".", "..", "a/.", "a/..", "../a", "./a", "a/../b",
	};
	char name[NAME_LENGTH + 1], text[NAME_LENGTH + 2];
	size_t i, length = 0;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		check(!name_check(good[i], strlen(good[i]), name) && !strcmp(name, good[i]),
		      "\"%s\" is a name", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check(name_check(bad[i], strlen(bad[i]), name) == -EINVAL, "\"%s\" is no name",
		      bad[i]);
	check(name_check("a\0b", 3, name) == -EINVAL, "a NUL is refused");
	memset(text, 'x', sizeof(text));
	check(name_check(text, COMPONENT_MAX + 1, name) == -ENAMETOOLONG, "long component");
	check(!name_check(text, COMPONENT_MAX, name), "longest component");
	for (i = 200; i < sizeof(text); i += 200)
		text[i] = '/';
	check(!name_check(text, NAME_LENGTH, name), "longest name");
	check(name_check(text, NAME_LENGTH + 1, name) == -ENAMETOOLONG, "long name");
	check(name_parent("a/b/c", &length) && length == 1 && name_parent("a/b/c", &length) &&
	      length == 3 && !name_parent("a/b/c", &length), "parents");
	check(name_below("a/b", "a") && !name_below("ab", "a") && !name_below("a", "a"), "below");
	ok(!failures(), "names: what is one and what is not");
}

static void test_manifest(void)
{
	struct ops ops = { 0 }, back;
	unsigned long tried = 0;
	struct pack p;
	size_t i;
	int bit;

	ops_set(&ops, "b", OP_PUT, 7, 700);
	ops_set(&ops, "a/x", OP_REMOVE, 0, 0);
	ops_set(&ops, "c", OP_PUT, 8, 0);
	ops_set(&ops, "b", OP_PUT, 9, 900);
	pack_init(&p, 1 << 20);
	manifest_pack(&p, &ops);
	check(!manifest_unpack(p.data, p.used, &back) && back.count == 3 &&
	      !strcmp(back.ops[0].name, "a/x") && back.ops[0].kind == OP_REMOVE &&
	      back.ops[1].content == 9 && back.ops[1].size == 900 && back.ops[2].content == 8,
	      "comes back as it was");
	ops_free(&back);
	for (i = 0; i < p.used; i++, tried++)
		check(manifest_unpack(p.data, i, &back) == -EUCLEAN, "cut at %zu", i);
	for (i = 0; i < p.used; i++) {
		for (bit = 0; bit < 8; bit++, tried++) {
			p.data[i] ^= 1 << bit;
			check(manifest_unpack(p.data, p.used, &back) == -EUCLEAN,
			      "bit %d of byte %zu", bit, i);
			p.data[i] ^= 1 << bit;
		}
	}
	pack_free(&p);
	ops_free(&ops);
	campaign("rm_files_manifest", tried, failures(), 0);
}

static void test_isolation(void)
{
	struct ktm_guid e1, e2;
	struct world w;
	uint64_t t1, t2;

	wipe("isolation");
	open_or_die(&w, "isolation");
	ok(with_name(&w, RM_OP_FILES_STAT, 0, "a") == -ENOTCONN,
	   "nobody is served before LAST_RECOVER");
	core_last_recover(&w.core);
	t1 = world_join(&w, &e1);
	t2 = world_join(&w, &e2);

	check(!put(&w, t1, "a", "one"), "put a");
	check(!put(&w, t1, "d/e/f", "deep"), "put d/e/f");
	check(reads(&w, t1, "a", "one") && reads(&w, t1, "d/e/f", "deep"), "reads its own");
	check(reads(&w, t2, "a", NULL) && reads(&w, 0, "a", NULL), "others do not");
	check(!strcmp(list(&w, t1, ""), "a d/ ") && !strcmp(list(&w, t1, "d"), "e/ ") &&
	      !strcmp(list(&w, t2, ""), "") && !strcmp(list(&w, 0, "d"), "error"), "lists");
	check(put(&w, t2, "a", "two") == -EBUSY, "the same name is busy");
	check(with_name(&w, RM_OP_FILES_REMOVE, t2, "a") == -EBUSY, "removing it too");
	check(put(&w, t2, "d", "two") == -EBUSY, "a directory in use is busy as a file");
	check(put(&w, t2, "a/b", "two") == -EBUSY, "a file in use is busy as a directory");
	check(!put(&w, t2, "d/e/g", "beside"), "two in one directory");
	check(put(&w, t1, "d/e/g", "x") == -EBUSY, "and the other way round");
	check(put(&w, t1, "d", "x") == -EBUSY, "d is shared now");
	check(put(&w, t1, "a/b", "x") == -ENOTDIR, "own file as a directory");
	check(put(&w, t1, "d/e", "x") == -EBUSY, "own directory as a file, shared");
	check(!world_prepare(&w, &e1), "prepare");
	check(put(&w, t1, "z", "late") == -ESTALE, "nothing is added after prepare");
	check(reads(&w, 0, "a", NULL), "prepared is not visible");
	check(put(&w, t2, "a", "two") == -EBUSY, "prepared is locked");
	check(!world_commit(&w, &e1), "commit");
	check(reads(&w, 0, "a", "one") && reads(&w, t2, "d/e/f", "deep"), "committed is visible");
	check(!world_commit(&w, &e1), "commit again: nothing staged, no error");
	check(!put(&w, t2, "a", "two"), "the lock is free");
	check(put(&w, t2, "d/e", "x") == -EISDIR && put(&w, t2, "d/e/f/g", "x") == -ENOTDIR,
	      "files are no directories");
	core_rollback(&w.core, &e2);
	check(reads(&w, 0, "a", "one") && reads(&w, 0, "d/e/g", NULL), "rolled back");
	check(staged_is_empty("isolation"), "nothing is left over");
	ok(!failures(), "a transaction's files are its own until it commits");

	t1 = world_join(&w, &e1);
	check(!with_name(&w, RM_OP_FILES_REMOVE, t1, "a") && reads(&w, t1, "a", NULL) &&
	      reads(&w, 0, "a", "one"), "removed for itself only");
	check(with_name(&w, RM_OP_FILES_REMOVE, t1, "a") == -ENOENT, "twice");
	check(put(&w, t1, "a/b", "x") == -ENOTDIR, "not a directory in the same transaction");
	check(!strcmp(list(&w, t1, ""), "d/ "), "not listed");
	check(!put(&w, t1, "n", "1") && !with_name(&w, RM_OP_FILES_REMOVE, t1, "n") &&
	      !put(&w, t1, "n", "2") && !put(&w, t1, "n", "3") && reads(&w, t1, "n", "3"),
	      "the last word counts: %s", w.message);
	check(!world_prepare(&w, &e1) && !world_commit(&w, &e1), "commit");
	check(reads(&w, 0, "a", NULL) && reads(&w, 0, "n", "3"), "done");
	t1 = world_join(&w, &e1);
	check(world_prepare(&w, &e1) == 1, "nothing done: read only");
	ok(!failures(), "remove, replace, read-only");

	t1 = world_join(&w, &e1);
	check(put(&w, t1, "n/../../x", "x") == -EINVAL && put(&w, t1, "/etc/x", "x") == -EINVAL,
	      "traversal");
	if (symlink("/", in_store("isolation", "tree/link")))
		die("cannot plant a link");
	check(put(&w, t1, "link/tmp/x", "x") < 0 && get(&w, 0, "link/etc/passwd",
							(char[64]){ 0 }) < 0 &&
	      !strcmp(list(&w, 0, "link"), "error") && put(&w, t1, "link", "x") < 0,
	      "a symbolic link leads nowhere");
	unlink(in_store("isolation", "tree/link"));
	ok(!failures(), "nothing leads out of the tree");
	world_close(&w);
}

static void test_descriptors(void)
{
	struct ktm_guid e;
	struct world w;
	int p[2], fd;
	uint64_t t;

	wipe("descriptors");
	if (world_open(&w, &files_program, store_path("descriptors"), "10"))
		die("cannot open");
	core_last_recover(&w.core);
	t = world_join(&w, &e);
	if (pipe2(p, O_CLOEXEC))
		die("pipe");
	check(put_fd(&w, t, "a", 0, p[0]) == -EBADFD, "pipe");
	check(put_fd(&w, t, "a", 0, -1) == -EPROTO, "none");
	fd = content_fd("x", 0);
	check(put_fd(&w, t, "a", 0, fd) == -EBADFD, "unsealed");
	close(fd);
	fd = content_fd("x", F_SEAL_SHRINK | F_SEAL_GROW);
	check(put_fd(&w, t, "a", 0, fd) == -EBADFD, "half sealed");
	close(fd);
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	check(put_fd(&w, t, "a", 0, fd) == -EBADFD, "a file");
	close(fd);
	check(put(&w, t, "a", "12345678901") == -EFBIG, "too large");
	fd = content_fd("1234567890", SEALS);
	check(put_fd(&w, t, "a", 2, fd) == -EINVAL, "unknown flag");
	check(!put_fd(&w, t, "a", KTM_FILES_NEW, fd), "largest");
	check(put_fd(&w, t, "a", KTM_FILES_NEW, fd) == -EEXIST, "not new");
	check(put_fd(&w, 0, "b", 0, fd) == -EINVAL, "no transaction");
	check(put_fd(&w, t + 1, "b", 0, fd) == -EINVAL, "a handle of nobody");
	close(fd);
	check(with_name(&w, 99, t, "a") == -EOPNOTSUPP, "unknown request");
	check(with_name(&w, RM_OP_SQL_EXEC, t, "a") == -EOPNOTSUPP, "the other one's request");
	check(world_request(&w, RM_OP_JOIN, 0, &(struct pack){ 0 }, p[1]) == -EBADFD,
	      "joining with a pipe");
	check(reads(&w, t, "a", "1234567890") && world_prepare(&w, &e) == 0 &&
	      !world_commit(&w, &e), "and it goes on");
	close(p[0]);
	close(p[1]);
	world_close(&w);
	ok(!failures(), "descriptors of the wrong kind and other nonsense are refused");
}

/* ---- trouble ---- */

static void old_state(const char *store)
{
	struct ktm_guid e;
	struct world w;
	uint64_t t;

	wipe(store);
	open_or_die(&w, store);
	core_last_recover(&w.core);
	t = world_join(&w, &e);
	if (put(&w, t, "a", "old") || put(&w, t, "d/x", "x") || world_prepare(&w, &e) ||
	    world_commit(&w, &e))
		die("cannot make the old state");
	world_close(&w);
}

static int change(struct world *w, uint64_t t)
{
	int ret = put(w, t, "a", "new");

	if (!ret)
		ret = put(w, t, "b/c/d", "deep");
	if (!ret)
		ret = put(w, t, "d/y", "y");
	if (!ret)
		ret = with_name(w, RM_OP_FILES_REMOVE, t, "d/x");
	return ret;
}

static bool is_old(struct world *w)
{
	return reads(w, 0, "a", "old") && reads(w, 0, "b/c/d", NULL) && reads(w, 0, "d/x", "x") &&
	       reads(w, 0, "d/y", NULL);
}

static bool is_new(struct world *w)
{
	return reads(w, 0, "a", "new") && reads(w, 0, "b/c/d", "deep") && reads(w, 0, "d/x",
										NULL) &&
	       reads(w, 0, "d/y", "y");
}

/* What a process that died has told the transaction manager. */
struct told {
	struct ktm_guid enlistment;
	bool voted;
	bool finished;
};

/* The whole transaction; its process may die on the way. */
static void run_transaction(const char *store, struct told *told)
{
	struct world w;
	uint64_t t;

	open_or_die(&w, store);
	core_last_recover(&w.core);
	t = world_join(&w, &told->enlistment);
	if (change(&w, t) || world_prepare(&w, &told->enlistment))
		_exit(1);
	told->voted = true;
	if (world_commit(&w, &told->enlistment))
		_exit(1);
	told->finished = true;
}

/* A start after a crash; may die on the way, too. */
static void run_recovery(const char *store, const struct told *told, bool commit)
{
	uint64_t number;
	struct world w;
	int ret;

	open_or_die(&w, store);
	if (told->voted) {
		ret = core_recover(&w.core, &told->enlistment, &number);
		if (ret && ret != -ENOENT)
			_exit(1);
		if (commit) {
			if (world_commit(&w, &told->enlistment))
				_exit(1);
		} else {
			core_rollback(&w.core, &told->enlistment);
		}
	}
	core_last_recover(&w.core);
}

/* Runs it in a process of its own; true if it came to the end. */
static bool forked(void (*run)(const char *, struct told *, bool), const char *store,
		   struct told *told, bool commit, enum trouble kind, unsigned int at)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		trouble_set(kind, at);
		run(store, told, commit);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		die("a process of the test died otherwise");
	if (WEXITSTATUS(status) == TROUBLE_EXIT)
		return false;
	check(!WEXITSTATUS(status), "call %u: the process failed", at);
	return true;
}

static void transaction(const char *store, struct told *told, bool commit)
{
	(void)commit;
	run_transaction(store, told);
}

static void recovery(const char *store, struct told *told, bool commit)
{
	run_recovery(store, told, commit);
}

static void judge(const char *store, const struct told *told, bool commit, unsigned int at,
		  unsigned int again)
{
	struct world w;

	open_or_die(&w, store);
	core_last_recover(&w.core);
	if (told->voted && commit)
		check(is_new(&w), "died at call %u and %u: not all is committed", at, again);
	else
		check(is_old(&w), "died at call %u and %u: not all is rolled back", at, again);
	if (quota == SMALL_QUOTA)
		let_go(&w);
	world_close(&w);
	check(staged_is_empty(store), "died at call %u and %u: something is left", at, again);
}

/*
 * Dies at each call of a transaction, then at each call of the recovery, then
 * recovers.
 */
static void test_death(enum trouble kind, const char *name)
{
	struct told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long tried = 0, died_voted = 0;
	unsigned int at, again;
	bool over = false;

	for (at = 1; !over; at++) {
		bool recovered = false;

		for (again = 0; !recovered; again++, tried++) {
			old_state("death");
			memset(told, 0, sizeof(*told));
			over = forked(transaction, "death", told, true, kind, at);
			died_voted += told->voted && !told->finished;
			if (again)
				recovered = forked(recovery, "death", told, true, kind, again);
			forked(recovery, "death", told, true, TROUBLE_NONE, 0);
			judge("death", told, true, at, again);
		}
	}
	check(died_voted > 5, "only %lu deaths between vote and end", died_voted);
	munmap(told, sizeof(*told));
	campaign(name, tried, failures(), 0);
}

/* Prepared, then decided against: dies at each call of the recovery that drops it. */
static void test_death_in_rollback(void)
{
	struct told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long tried;
	bool over = false;
	struct world w;
	uint64_t t;

	for (tried = 0; !over; tried++) {
		old_state("rollback");
		memset(told, 0, sizeof(*told));
		open_or_die(&w, "rollback");
		core_last_recover(&w.core);
		t = world_join(&w, &told->enlistment);
		if (change(&w, t) || world_prepare(&w, &told->enlistment))
			die("cannot prepare");
		told->voted = true;
		world_close(&w);
		over = forked(recovery, "rollback", told, false, TROUBLE_DIE_BEFORE, tried + 1);
		forked(recovery, "rollback", told, false, TROUBLE_NONE, 0);
		judge("rollback", told, false, tried + 1, 0);
	}
	check(tried > 4, "only %lu calls", tried);
	munmap(told, sizeof(*told));
	campaign("rm_files_death_in_rollback", tried, failures(), 0);
}

/* What could not be removed at once is after the next start. */
static void nothing_left(const char *store, unsigned int at)
{
	struct world w;

	open_or_die(&w, store);
	core_last_recover(&w.core);
	if (quota == SMALL_QUOTA)
		let_go(&w);
	world_close(&w);
	check(staged_is_empty(store), "something is left after call %u", at);
}

static void test_failure(void)
{
	unsigned long tried = 0;
	struct ktm_guid e;
	unsigned int at;
	bool fired = true;
	struct world w;
	uint64_t t;
	int ret;

	for (at = 1; fired; at++, tried++) {
		old_state("failure");
		open_or_die(&w, "failure");
		core_last_recover(&w.core);
		t = world_join(&w, &e);
		trouble_set(TROUBLE_NONE, 0);
		ret = change(&w, t);
		trouble_count();
		if (ret)
			die("the change fails without trouble");

		trouble_set(TROUBLE_FAIL, at);
		ret = world_prepare(&w, &e);
		fired = trouble_count() >= at;
		check(!ret == !fired, "prepare with a failure at call %u: %d", at, ret);
		core_rollback(&w.core, &e);
		check(is_old(&w), "rolled back after call %u", at);
		world_close(&w);
		nothing_left("failure", at);
	}
	for (at = 1, fired = true; fired; at++, tried++) {
		old_state("failure");
		open_or_die(&w, "failure");
		core_last_recover(&w.core);
		t = world_join(&w, &e);
		if (change(&w, t) || world_prepare(&w, &e))
			die("cannot prepare");
		trouble_set(TROUBLE_FAIL, at);
		ret = world_commit(&w, &e);
		fired = trouble_count() >= at;
		check(fired || !ret, "commit fails without a failure");
		check(!world_commit(&w, &e), "second attempt after call %u", at);
		check(is_new(&w), "committed after call %u", at);
		world_close(&w);
		nothing_left("failure", at);
	}
	campaign("rm_files_failure", tried, failures(), 0);
}

static unsigned int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	if (!dir)
		die("cannot read /proc/self/fd");
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Many more at once than there are threads that close them. */
static void test_dropping(void)
{
	const unsigned int before = open_descriptors();
	unsigned int i, naps;

	for (i = 0; i < 500; i++) {
		int fd = fcntl(0, F_DUPFD_CLOEXEC, 0);

		if (fd < 0)
			die("no descriptor");
		server_drop_fd(fd);
	}
	/* A net, not a measure: one that is forgotten stays for ever. */
	for (naps = 0; open_descriptors() > before && naps < 600; naps++)
		usleep(100000);
	ok(open_descriptors() == before, "500 descriptors that are dropped are all closed");
}

/* ---- every sequence of operations on a name and one below it ---- */

#define SEQUENCE	3
#define CHOICES		4

static const char *const upper = "a", *const lower = "a/b";

/* What a transaction saw last under the two names; "" is nothing. */
struct view {
	char upper[8];
	char lower[8];
};

static bool sees(struct world *w, uint64_t t, const struct view *v)
{
	char text[64];
	int ret = get(w, t, upper, text);

	/* A directory is all that may be there instead. */
	if (*v->upper ? ret || strcmp(text, v->upper) : ret != -ENOENT && ret != -EISDIR)
		return false;
	ret = get(w, t, lower, text);
	return *v->lower ? !ret && !strcmp(text, v->lower) : ret == -ENOENT || ret == -ENOTDIR;
}

/* Operation @choice of a transaction; refusing it is no failure. */
static void operate(struct world *w, uint64_t t, unsigned int choice, unsigned int number,
		    struct view *v)
{
	const char *name = choice & 1 ? lower : upper;
	char *there = choice & 1 ? v->lower : v->upper;
	char text[8];

	snprintf(text, sizeof(text), "v%u", number);
	if (choice & 2 && !with_name(w, RM_OP_FILES_REMOVE, t, name))
		*there = 0;
	else if (!(choice & 2) && !put(w, t, name, text))
		strcpy(there, text);
}

/*
 * The operations that @sequence numbers, on top of @start: nothing, a file, or a
 * file below. Call @at of the commit fails; whether there was one.
 */
static bool run_sequence(unsigned int start, unsigned int sequence, unsigned int at)
{
	struct view v = { "", "" };
	unsigned int i, rest = sequence;
	bool fired = false;
	struct ktm_guid e;
	struct world w;
	uint64_t t;

	wipe("sequence");
	open_or_die(&w, "sequence");
	core_last_recover(&w.core);
	if (start) {
		t = world_join(&w, &e);
		operate(&w, t, start - 1, 0, &v);
		if (world_prepare(&w, &e) || world_commit(&w, &e))
			die("cannot make what is there before");
	}
	t = world_join(&w, &e);
	for (i = 1; i <= SEQUENCE; i++, rest /= CHOICES)
		operate(&w, t, rest % CHOICES, i, &v);
	check(sees(&w, t, &v), "start %u, sequence %u: sees itself otherwise", start, sequence);
	if (!world_prepare(&w, &e)) {
		trouble_set(TROUBLE_FAIL, at);
		world_commit(&w, &e);
		fired = trouble_count() >= at;
		check(!world_commit(&w, &e), "start %u, sequence %u, call %u: no commit", start,
		      sequence, at);
	}
	check(sees(&w, 0, &v), "start %u, sequence %u, call %u: not what it saw", start, sequence,
	      at);
	world_close(&w);
	return fired;
}

static void test_sequences(void)
{
	unsigned int start, sequence, at;
	unsigned long tried = 0;

	for (start = 0; start <= 2; start++)
		for (sequence = 0; sequence < CHOICES * CHOICES * CHOICES; sequence++)
			for (at = 1; tried++, run_sequence(start, sequence, at); at++)
				;
	campaign("rm_files_sequences", tried, failures(), 0);
}

/*
 * Nothing is synced for what the log has. What it does not have is, before the vote,
 * and so is the store before the base moves.
 */
static void test_sync_order(void)
{
	bool small = quota == SMALL_QUOTA;
	struct ktm_guid e;
	const char *trace;
	struct world w;
	uint64_t t;

	old_state("sync");
	open_or_die(&w, "sync");
	core_last_recover(&w.core);
	t = world_join(&w, &e);
	if (change(&w, t))
		die("cannot change");
	trouble_set(TROUBLE_NONE, 0);
	check(!world_prepare(&w, &e), "prepare");
	trouble_count();
	trace = trouble_trace();
	if (small)
		check(*trace && trace[strlen(trace) - 1] == 'S' && strchr(trace, 'r'),
		      "prepare: %s does not end with a sync", trace);
	else
		check(!*trace, "prepare: %s is more than nothing", trace);

	trouble_set(TROUBLE_NONE, 0);
	check(!world_commit(&w, &e), "commit");
	trouble_count();
	trace = trouble_trace();
	check(strchr(trace, 'r') && strchr(trace, 'u') && !strpbrk(trace, "Sf"),
	      "commit: %s has a sync", trace);
	stream_decide();
	trouble_set(TROUBLE_NONE, 0);
	check(!core_sync(&w.core), "sync");
	trouble_count();
	check(*trouble_trace() == 'S' && stream_count() == 1, "sync: %s, %u records live",
	      trouble_trace(), stream_count());
	world_close(&w);
	ok(!failures(), small ? "what is synced when the log has it not" : "what is synced when");
}

/*
 * The TM is reopened, which takes an advance back, and the resource manager lives. What was
 * too large for the log is needed again, until the base has passed it again.
 */
static void test_reopened(void)
{
	struct ktm_guid e, dropped;
	struct world w;
	uint64_t t;

	old_state("reopened");
	open_or_die(&w, "reopened");
	core_last_recover(&w.core);
	t = world_join(&w, &e);
	check(!change(&w, t) && !world_prepare(&w, &e) && !world_commit(&w, &e), "the first");
	stream_decide();
	check(!core_sync(&w.core), "the base passes it, and that is not durable");
	t = world_join(&w, &dropped);
	check(!put(&w, t, "dropped", "z"), "one in the middle");
	stream_cut();
	core_offline(&w.core);
	check(!core_load(&w.core), "found again");
	core_last_recover(&w.core);
	check(world_prepare(&w, &dropped) == -ENOENT, "what was dropped is refused");
	t = world_join(&w, &e);
	check(!put(&w, t, "later", "y") && !world_prepare(&w, &e) && !world_commit(&w, &e),
	      "a later one");
	check(!core_sync(&w.core), "sync");
	stream_cut();
	/* What was not durable is gone, so the stream has to be opened anew. */
	w.core.redo.fd = -1;
	world_close(&w);
	open_or_die(&w, "reopened");
	core_last_recover(&w.core);
	world_close(&w);
	ok(!failures(), "a base that a reopening takes back takes nothing with it");
}

/* What a failed sync was about may be the work of another transaction. */
static void test_failed_sync(void)
{
	struct ktm_guid e1, e2, e3;
	uint64_t t1, t2, t3;
	struct world w;

	wipe("failed");
	open_or_die(&w, "failed");
	core_last_recover(&w.core);
	t1 = world_join(&w, &e1);
	t2 = world_join(&w, &e2);
	check(!put(&w, t1, "a", "one") && !put(&w, t2, "b", "two"), "both put");
	/* A manifest is written, renamed, synced. */
	trouble_set(TROUBLE_FAIL, 3);
	check(world_prepare(&w, &e1) == -EIO, "the first one's sync fails");
	trouble_count();
	check(!strcmp(trouble_trace(), "wrS"), "calls of a prepare: %s", trouble_trace());
	core_rollback(&w.core, &e1);
	check(world_prepare(&w, &e2) == -EIO, "the second one may be what was not written");
	core_rollback(&w.core, &e2);
	t3 = world_join(&w, &e3);
	check(!put(&w, t3, "b", "three") && !world_prepare(&w, &e3) &&
	      !world_commit(&w, &e3) && reads(&w, 0, "b", "three") && reads(&w, 0, "a", NULL),
	      "what begins later is not concerned");
	stream_decide();
	check(core_sync(&w.core) == -EIO, "but the base stays, so that it is done over again");
	world_close(&w);
	open_or_die(&w, "failed");
	core_last_recover(&w.core);
	check(!core_sync(&w.core) && reads(&w, 0, "b", "three"), "as the next start does");
	world_close(&w);
	ok(!failures(), "a sync that fails is a failure of all that waits to be synced");
}

static void test_damage(void)
{
	struct ktm_guid e, e2;
	char path[600], guid[KTM_GUID_STRING];
	uint64_t t, number;
	struct world w;
	int fd;

	old_state("damage");
	open_or_die(&w, "damage");
	core_last_recover(&w.core);
	t = world_join(&w, &e);
	if (change(&w, t) || world_prepare(&w, &e))
		die("cannot prepare");
	world_close(&w);

	open_or_die(&w, "damage");
	check(!core_recover(&w.core, &e, &number) && number, "and found by its enlistment");
	ktm_guid_generate(&e2);
	check(core_recover(&w.core, &e2, &number) == -ENOENT, "another one is not");
	core_last_recover(&w.core);
	t = world_join(&w, &e2);
	check(put(&w, t, "a", "x") == -EBUSY, "what is in doubt stays locked");
	check(is_old(&w), "and invisible");
	world_close(&w);

	if (quota == SMALL_QUOTA) {
		snprintf(path, sizeof(path), "ktm/staged/%s/" MANIFEST, ktm_guid_format(&e, guid));
		fd = open(in_store("damage", path), O_WRONLY | O_CLOEXEC);
		if (fd < 0 || pwrite(fd, "?", 1, 20) != 1)
			die("cannot damage the manifest");
		close(fd);
	} else {
		stream_damage();
	}
	open_or_die(&w, "damage");
	check(core_recover(&w.core, &e, &number) == -EUCLEAN, "damage that matters is an error");
	check(w.core.count == 1, "and nothing was thrown away");
	core_last_recover(&w.core);
	check(is_old(&w), "damage that nobody asks for was never voted for");
	if (quota == SMALL_QUOTA)
		let_go(&w);
	world_close(&w);
	check(staged_is_empty("damage"), "and goes");
	ok(!failures(), quota == SMALL_QUOTA ? "the same of what is in the store" :
	   "prepared work is found again, damage is noticed");
}

static void test_identity(void)
{
	struct ktm_guid tm, rm;
	struct world w, second;

	wipe("identity");
	open_or_die(&w, "identity");
	rm = w.identity.rm;
	ktm_guid_generate(&tm);
	check(!ktm_guid_is_nil(&rm) && ktm_guid_is_nil(&w.identity.tm), "new");
	check(!w.identity.in_use && !files_program.set_tm(w.store, &tm, true), "set");
	check(world_open(&second, &files_program, store_path("identity"), NULL) == -EBUSY,
	      "one process at a time");
	world_close(&w);
	open_or_die(&w, "identity");
	check(ktm_guid_equal(&rm, &w.identity.rm) && ktm_guid_equal(&tm, &w.identity.tm), "kept");
	check(w.identity.in_use && !files_program.set_tm(w.store, &tm, false), "its log is in use");
	world_close(&w);
	open_or_die(&w, "identity");
	check(!w.identity.in_use, "its log is empty");
	world_close(&w);
	if (truncate(in_store("identity", "ktm/identity"), 10))
		die("truncate");
	check(world_open(&w, &files_program, store_path("identity"), NULL) == -EUCLEAN, "damaged");
	ok(!failures(), "a store knows its GUID and its transaction manager");
}

/* A start finds the tree as the last of them left it, and the log with all of them. */
static void test_last_word(void)
{
	struct ktm_guid e;
	struct world w;
	int i;

	wipe("last");
	open_or_die(&w, "last");
	core_last_recover(&w.core);
	for (i = 0; i < 3; i++) {
		uint64_t t = world_join(&w, &e);

		check(!(i == 1 ? with_name(&w, RM_OP_FILES_REMOVE, t, "a") :
			put(&w, t, i ? "a/b" : "a", "x")), "change %d", i);
		check(!world_prepare(&w, &e) && !world_commit(&w, &e), "commit %d", i);
	}
	for (i = 0; i < 2; i++) {
		world_close(&w);
		open_or_die(&w, "last");
		core_last_recover(&w.core);
		check(reads(&w, 0, "a/b", "x"), "start %d", i);
	}
	check(stream_count() == 6, "all of it is in the log");
	world_close(&w);
	ok(!failures(), "a file that was removed is no obstacle to the directory in its place");
}

/* ---- power cuts ---- */

static void copy_store(const char *from, const char *to)
{
	char command[60000], a[5100], b[5100];

	snprintf(a, sizeof(a), "%s", store_path(from));
	snprintf(b, sizeof(b), "%s", store_path(to));
	snprintf(command, sizeof(command), "rm -rf '%s'; cp -a '%s' '%s'", b, a, b);
	if (system(command))
		die("cannot copy %s", from);
}

/* What a power cut may leave of a file that was not synced: nothing in it. */
static void empty_files(const char *store)
{
	char command[6000];

	snprintf(command, sizeof(command), "find '%s/tree' -type f -exec truncate -s 0 {} +",
		 store_path(store));
	if (system(command))
		die("cannot empty files");
}

#define CUT_NAMES	6

static uint64_t random_state;

static unsigned int rnd(unsigned int below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % below;
}

enum cut_store {
	CUT_KEPT,	/* all of the store reached the disk */
	CUT_LOST,	/* nothing behind the last sync did */
	CUT_EMPTY,	/* names did, contents did not */
	CUT_ONLINE,	/* the TM alone lost its device: we go on living */
	CUT_STORES,
};

/* What the TM knows of the transactions since the last cut, and what they did. */
struct cut_tx {
	struct ktm_guid e;
	uint64_t done_lsn;
	bool decided;
	bool over;
	unsigned int names[2];
	char contents[2][16];
};

/* One transaction: puts or removes one or two names; 0 if it was prepared. */
static int cut_transaction(struct world *w, struct cut_tx *tx, struct redo_record *record)
{
	uint64_t t = world_join(w, &tx->e), lsn;
	int i, ret = 0;

	for (i = 0; i < 2 && !ret; i++) {
		char name[16];

		tx->names[i] = rnd(CUT_NAMES);
		snprintf(name, sizeof(name), "d%u/n", tx->names[i]);
		if (rnd(4)) {
			snprintf(tx->contents[i], 16, "%u", 1 + rnd(100000));
			ret = put(w, t, name, tx->contents[i]);
		} else {
			ret = with_name(w, RM_OP_FILES_REMOVE, t, name);
			if (ret == -ENOENT)
				ret = 0;
		}
	}
	if (!ret)
		ret = core_prepare(&w->core, &tx->e, record);
	if (!ret)
		ret = stream_take(record, &lsn);
	if (!ret)
		core_voted(&w->core, &tx->e, lsn);
	else
		core_rollback(&w->core, &tx->e);
	return ret;
}

static void cut_decide(struct world *w, struct cut_tx *tx, char expected[CUT_NAMES][16])
{
	struct redo_record record;
	int i;

	stream_decide();
	tx->decided = true;
	tx->over = true;
	for (i = 0; i < 2; i++)
		memcpy(expected[tx->names[i]], tx->contents[i], 16);
	check(!core_commit(&w->core, &tx->e, &record) && !stream_take(&record, &tx->done_lsn),
	      "commit");
}

/*
 * Transactions on a few names; now and then the store is synced, and in the end the power
 * is cut. Of the log only what is durable is there. A commit that was decided counts.
 */
static void cut_round(const char *store, enum cut_store kind)
{
	char expected[CUT_NAMES][16] = { "" };
	unsigned int count = 0, i, steps = 10 + rnd(30);
	struct redo_record record;
	struct cut_tx txs[40];
	struct world w;
	uint64_t number;

	wipe(store);
	open_or_die(&w, store);
	core_last_recover(&w.core);
	check(!core_sync(&w.core), "sync");
	copy_store(store, "cut-copy");
	while (steps--) {
		struct cut_tx *tx = &txs[count];

		if (!rnd(6)) {
			check(!core_sync(&w.core), "sync");
			copy_store(store, "cut-copy");
			continue;
		}
		memset(tx, 0, sizeof(*tx));
		if (cut_transaction(&w, tx, &record))
			continue;
		count++;
		/* What is not in the log was synced, and all before it. */
		if (quota == SMALL_QUOTA)
			copy_store(store, "cut-copy");
		if (rnd(2)) {
			cut_decide(&w, tx, expected);
		} else if (!rnd(3)) {
			core_rollback(&w.core, &tx->e);
			stream_give_back();
			tx->over = true;
		}
		/* Undecided for a while, or till the end. */
		tx = &txs[rnd(count)];
		if (!tx->over && !rnd(3))
			cut_decide(&w, tx, expected);
	}
	if (kind == CUT_ONLINE)
		core_offline(&w.core);
	else
		world_close(&w);
	stream_cut();
	if (kind == CUT_LOST)
		copy_store("cut-copy", store);
	/* Only what no sync was about since. */
	if (kind == CUT_EMPTY && stream_base_unmoved() && quota != SMALL_QUOTA)
		empty_files(store);

	if (kind != CUT_ONLINE)
		open_or_die(&w, store);
	else if (core_load(&w.core))
		die("cannot load again");
	for (i = 0; i < count; i++) {
		if (!txs[i].decided || stream_has(txs[i].done_lsn))
			continue;
		check(core_recover(&w.core, &txs[i].e, &number) != -EUCLEAN, "damage");
		check(!world_commit(&w, &txs[i].e), "commit again");
	}
	core_last_recover(&w.core);
	for (i = 0; i < CUT_NAMES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%u/n", i);
		check(reads(&w, 0, name, *expected[i] ? expected[i] : NULL), "%s is not %s", name,
		      expected[i]);
	}
	world_close(&w);
}

static void test_cuts(unsigned long seed, const char *name)
{
	unsigned long tried;

	random_state = seed;
	for (tried = 0; tried < 90; tried++)
		cut_round("cut", tried % CUT_STORES);
	campaign(name, tried, failures(), seed);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		die("usage: files_test DIRECTORY");
	snprintf(directory, sizeof(directory), "%s", argv[1]);
	test_names();
	test_manifest();
	test_isolation();
	test_descriptors();
	test_dropping();
	test_sync_order();
	test_damage();
	test_identity();
	test_failure();
	test_sequences();
	test_death(TROUBLE_DIE_BEFORE, "rm_files_death_before");
	test_death(TROUBLE_DIE_AFTER, "rm_files_death_after");
	test_death_in_rollback();
	test_last_word();
	test_cuts(1, "rm_files_cuts");
	/* The same where nothing fits the log. */
	quota = SMALL_QUOTA;
	test_sync_order();
	test_reopened();
	test_failed_sync();
	test_damage();
	test_failure();
	test_death(TROUBLE_DIE_BEFORE, "rm_files_death_before_stored");
	test_death_in_rollback();
	test_cuts(1, "rm_files_cuts_stored");
	return done();
}
