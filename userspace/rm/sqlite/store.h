/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The store of ktm-rm-sqlite: one SQLite database, in WAL mode, that this
 * process alone writes. Beside the tables of its users it holds
 *
 *	ktm_identity	GUIDs of the RM and of the TM
 *	ktm_intent	enlistment, what its transaction will change
 *
 * SQLite has one writer at a time and cannot prepare. So each transaction is
 * kept as the list of row changes that its statements made, and SQLite's own
 * write transaction is only a place to work in: the changes of the transaction
 * that works are put into it, its next statement runs on top of them, and it is
 * always rolled back, until an intent or a commit is written. The rows that a
 * transaction changed, and their unique keys, are locked from the statement to
 * the end: so what its changes met then, they meet again, in whatever order
 * transactions commit, and carrying them out cannot fail.
 */
#ifndef KTM_SQLITE_STORE_H
#define KTM_SQLITE_STORE_H

#include <time.h>

#include "../common/program.h"
#include "schema.h"

/* Bytes that the changes of one transaction may take. */
#define CHANGES_MAX	(16u << 20)
/* Characters of a LIKE or GLOB pattern; SQLite takes 50000. */
#define SQL_PATTERN_MAX	1000

/**
 * struct sql_work - of one transaction
 * @changes: as record.c writes them
 * @count: how many
 * @stored: its intent may be in the database
 */
struct sql_work {
	struct pack changes;
	uint32_t count;
	bool stored;
};

/**
 * struct sql_client - a statement of a client that is being prepared or run
 * @write: it may write
 * @steps: how much longer it may run
 * @deadline: the same, as a time
 * @refusal: why it is denied
 * @tx: a write is recorded for it
 * @ran: it was begun
 * @error: recording failed: negative errno
 */
struct sql_client {
	bool write;
	unsigned int steps;
	time_t deadline;
	char refusal[MESSAGE_MAX];
	struct rm_tx *tx;
	bool ran;
	int error;
};

/**
 * struct sql_store - an open database
 * @core: whose locks we take
 * @lock: descriptor of the database, locked while we run
 * @db: where transactions work and are committed
 * @reader: sees only what is committed
 * @schema: of the tables
 * @loaded: the transaction whose changes are in @db's open write transaction
 * @client: the client's statement, or NULL while we run our own
 */
struct sql_store {
	struct rm_core *core;
	int lock;
	sqlite3 *db;
	sqlite3 *reader;
	struct schema schema;
	struct rm_tx *loaded;
	struct sql_client *client;
};

/* setup.c */
extern const struct rm_program sql_program;
int sql_open(const struct rm_options *options, struct rm_core *core,
	     struct rm_identity *identity, void **store);
int sql_set_tm(void *store, const struct ktm_guid *tm);
void sql_close(void *store);

/* work.c: the write transaction and what is in it */
int sql_run(sqlite3 *db, const char *sql);
/* A result code as a negative errno. */
int sql_errno(int rc);
/* What the connection says about its last error, to the log; returns sql_errno(). */
int sql_log(sqlite3 *db, const char *what, int rc);
/* Begins a write transaction with nothing in it; a result code of SQLite. */
int sql_begin(struct sql_store *s);
/* Makes @tx the one that is loaded; a result code. */
int sql_load_tx(struct sql_store *s, struct rm_tx *tx);
/* Rolls the write transaction back, whoever's it is. */
void sql_unload(struct sql_store *s);

/* record.c: from statements to changes */
void sql_record_hook(void *store, sqlite3 *db, int op, const char *database, const char *table,
		     sqlite3_int64 key1, sqlite3_int64 key2);
/* And back: carries them all out; a result code. */
int sql_replay(struct sql_store *s, const struct sql_work *work);
/* Whether these are @count changes and nothing else. */
bool sql_changes_valid(const struct pack *changes, uint32_t count);

/* intent.c */
struct sql_work *sql_work(struct rm_tx *tx);
int sql_load(void *store, struct rm_core *core);
int sql_prepare(void *store, struct rm_tx *tx);
int sql_commit(void *store, struct rm_tx *tx);
int sql_forget(void *store, struct rm_tx *tx, bool keep);

/* client.c */
int sql_authorize(void *store, int action, const char *a, const char *b, const char *database,
		  const char *trigger);
int sql_progress(void *store);
int sql_request(void *store, struct rm_tx *tx, struct request *r);

#endif /* KTM_SQLITE_STORE_H */
