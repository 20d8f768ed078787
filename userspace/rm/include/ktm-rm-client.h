/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Client library of the resource managers ktm-rm-files and ktm-rm-sqlite.
 *
 *	struct ktm_client *files;
 *	uint64_t t;
 *
 *	ktm_client_connect("/run/ktm/files.sock", 0, &files);
 *	ktm_client_join(files, tx_fd, &t);
 *	ktm_files_put(files, t, "a/name", 0, data, size);
 *	... the same with other resource managers, then ktm_tx_commit(tx_fd)
 *	ktm_client_close(files);
 *
 * Every function that returns int returns 0 or a negative errno. -EBUSY always
 * means: another transaction that has not ended holds this row or this name;
 * nothing was waited for, roll back and try again. ktm_client_message() has words
 * for the last error that the resource manager answered.
 *
 * A connection is used by one thread at a time. It carries any number of
 * transactions. After a failure of the connection itself (-ECONNRESET,
 * -ETIMEDOUT, -EPROTO) every call on it fails with -ENOTCONN; close it and
 * connect anew. Closing a connection does not end a transaction.
 *
 * An argument t is the handle that ktm_client_join() gave, or KTM_NO_TX, which
 * reads what is committed and cannot write.
 */
#ifndef KTM_RM_CLIENT_H
#define KTM_RM_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ktm_client;

#define KTM_NO_TX	0

/**
 * ktm_client_connect() - connect to a resource manager
 * @path: its socket
 * @timeout_ms: how long a call may take before it gives up; 0: for ever
 * @c: out: the connection
 *
 * -ENOENT or -ECONNREFUSED while the resource manager does not serve (yet).
 */
int ktm_client_connect(const char *path, unsigned int timeout_ms, struct ktm_client **c);
void ktm_client_close(struct ktm_client *c);

/**
 * ktm_client_fd() - the connection's socket, to see with poll that the RM is gone
 * @c: the connection
 */
int ktm_client_fd(const struct ktm_client *c);

/**
 * ktm_client_message() - what the resource manager said about its last error
 * @c: the connection
 *
 * Never NULL; valid until the next call on the connection.
 */
const char *ktm_client_message(const struct ktm_client *c);

/**
 * ktm_client_join() - let the resource manager take part in a transaction
 * @c: the connection
 * @tx_fd: the transaction
 * @t: out: what names it in the calls below
 *
 * What is sent is a narrowed descriptor that cannot commit. Joining twice, over
 * another connection too, leads to the same work.
 */
int ktm_client_join(struct ktm_client *c, int tx_fd, uint64_t *t);

/*
 * ---- ktm-rm-files ----
 *
 * A name is a relative path of components of at most 255 bytes, together at
 * most KTM_FILES_NAME_MAX; none is empty, "." or "..". Directories come into
 * being with the first file in them and stay.
 */

#define KTM_FILES_NAME_MAX	1023
#define KTM_FILES_NEW		0x1	/* put: -EEXIST if the name is there */

/* Store a file. What was there under that name is replaced. */
int ktm_files_put(struct ktm_client *c, uint64_t t, const char *name, unsigned int flags,
		  const void *data, size_t size);
/* The same with the content of @fd, from its beginning to its end. */
int ktm_files_put_fd(struct ktm_client *c, uint64_t t, const char *name, unsigned int flags,
		     int fd);
/* Remove a file; -ENOENT if it is not there. */
int ktm_files_remove(struct ktm_client *c, uint64_t t, const char *name);
/* A descriptor for reading; its content never changes, whatever happens to the name. */
int ktm_files_get(struct ktm_client *c, uint64_t t, const char *name, int *fd);
int ktm_files_stat(struct ktm_client *c, uint64_t t, const char *name, uint64_t *size);

/**
 * struct ktm_files_entry - one entry of a directory
 * @name: its last component
 * @directory: 1 for a directory, 0 for a file
 * @size: of a file
 */
struct ktm_files_entry {
	const char *name;
	int directory;
	uint64_t size;
};

/**
 * ktm_files_list() - call @each for each entry of a directory, in order of names
 * @c: the connection
 * @t: transaction
 * @directory: its name, "" for the root
 * @each: returns 0 to go on, anything else ends the list and is returned
 * @arg: passed to @each
 *
 * @each may not use the connection. A long list is fetched in several steps;
 * what is committed between two of them may be seen or not.
 */
int ktm_files_list(struct ktm_client *c, uint64_t t, const char *directory,
		   int (*each)(void *arg, const struct ktm_files_entry *entry), void *arg);

/*
 * ---- ktm-rm-sqlite ----
 *
 * One SQL statement at a time, its parameters bound. A write needs a
 * transaction and a table with a PRIMARY KEY. Statements that define tables,
 * begin or end transactions, attach, or set options are refused (-EACCES).
 */

enum ktm_sql_type {
	KTM_SQL_NULL	= 0,
	KTM_SQL_INTEGER	= 1,
	KTM_SQL_REAL	= 2,
	KTM_SQL_TEXT	= 3,
	KTM_SQL_BLOB	= 4,
};

/**
 * struct ktm_sql_value - a parameter, or a value of a result
 * @type: which of the others counts
 * @integer: KTM_SQL_INTEGER
 * @real: KTM_SQL_REAL
 * @data: KTM_SQL_TEXT (UTF-8, no NUL needed; in results there is one behind
 *	it) and KTM_SQL_BLOB
 * @size: bytes of @data
 */
struct ktm_sql_value {
	enum ktm_sql_type type;
	int64_t integer;
	double real;
	const void *data;
	size_t size;
};

struct ktm_sql_value ktm_sql_null(void);
struct ktm_sql_value ktm_sql_integer(int64_t value);
struct ktm_sql_value ktm_sql_real(double value);
/* The string is not copied and must live until the call that uses the value. */
struct ktm_sql_value ktm_sql_text(const char *string);
struct ktm_sql_value ktm_sql_blob(const void *data, size_t size);

/**
 * ktm_sql_exec() - INSERT, UPDATE, DELETE or REPLACE
 * @c: the connection
 * @t: transaction
 * @sql: the statement, ? for each parameter
 * @values: the parameters
 * @count: of @values
 * @changes: out, may be NULL: rows that it changed
 *
 * Either the whole statement took effect or nothing of it. -EEXIST: a
 * constraint stands against it. -EINVAL: SQLite cannot make sense of it.
 */
int ktm_sql_exec(struct ktm_client *c, uint64_t t, const char *sql,
		 const struct ktm_sql_value *values, unsigned int count, uint64_t *changes);

/**
 * struct ktm_sql_result - rows that a query gave
 * @rows: how many rows are here
 * @columns: values in each
 * @more: 1 if there were more than fit into one answer (about 128 KiB); ask
 *	again for what comes behind the last row
 * @values: @rows times @columns values, row by row
 */
struct ktm_sql_result {
	unsigned int rows;
	unsigned int columns;
	int more;
	struct ktm_sql_value *values;
};

/**
 * ktm_sql_query() - SELECT
 * @c: the connection
 * @t: transaction: sees its own writes too; KTM_NO_TX: only what is committed
 * @sql: the statement
 * @values: the parameters
 * @count: of @values
 * @result: out: to be freed with ktm_sql_free()
 */
int ktm_sql_query(struct ktm_client *c, uint64_t t, const char *sql,
		  const struct ktm_sql_value *values, unsigned int count,
		  struct ktm_sql_result **result);
void ktm_sql_free(struct ktm_sql_result *result);

#ifdef __cplusplus
}
#endif

#endif /* KTM_RM_CLIENT_H */
