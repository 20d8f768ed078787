// SPDX-License-Identifier: GPL-2.0
/*
 * A resource manager without a kernel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ktm.h>

#include "tap.h"
#include "world.h"

int world_transaction(void)
{
	struct ktm_guid uow;
	int fd = memfd_create("transaction", MFD_CLOEXEC);

	ktm_guid_generate(&uow);
	if (fd < 0 || write(fd, &uow, sizeof(uow)) != sizeof(uow))
		die("no memory file");
	return fd;
}

int world_enlist(void *context, int fd, uint64_t number, struct ktm_guid *enlistment,
		 struct ktm_guid *uow)
{
	(void)context;
	(void)number;
	if (fcntl(fd, F_GET_SEALS) < 0 || pread(fd, uow, sizeof(*uow), 0) != sizeof(*uow))
		return -EBADFD;
	ktm_guid_generate(enlistment);
	return 0;
}

void world_leave(void *context, const struct ktm_guid *enlistment)
{
	(void)context;
	(void)enlistment;
}

int world_open(struct world *w, const struct rm_program *program, const char *path,
	       const char *extra)
{
	struct rm_options options = { .store = path, .extra = extra };
	int ret;

	memset(w, 0, sizeof(*w));
	w->program = program;
	w->answer_fd = -1;
	ret = program->open(&options, &w->core, &w->identity, &w->store);
	if (ret) {
		if (w->store)
			program->close(w->store);
		return ret;
	}
	w->core.ops = &program->ops;
	w->core.store = w->store;
	w->core.enlist = world_enlist;
	w->core.leave = world_leave;
	w->core.limit = RM_TX_MAX;
	redo_init(&w->core.redo);
	ret = redo_open(&w->core.redo, -1, "stream", 0);
	if (!ret)
		ret = core_load(&w->core);
	if (ret)
		world_close(w);
	return ret;
}

int world_prepare(struct world *w, const struct ktm_guid *enlistment)
{
	struct redo_record record;
	uint64_t lsn;
	int ret;

	ret = core_prepare(&w->core, enlistment, &record);
	if (ret)
		return ret;
	check(record.count && record.need_records == 1 && record.need_bytes == REDO_HEAD,
	      "a vote without a record");
	ret = stream_take(&record, &lsn);
	if (!ret)
		core_voted(&w->core, enlistment, lsn);
	return ret;
}

int world_commit(struct world *w, const struct ktm_guid *enlistment)
{
	struct redo_record record;
	uint64_t lsn;
	int ret;

	/* The decision is durable before the resource manager hears of it. */
	stream_decide();
	ret = core_commit(&w->core, enlistment, &record);
	return ret ? ret : stream_take(&record, &lsn);
}

void world_close(struct world *w)
{
	if (w->answer_fd >= 0)
		close(w->answer_fd);
	pack_free(&w->answer);
	core_end(&w->core);
	w->program->close(w->store);
}

void world_begin(struct pack *p)
{
	pack_init(p, 64 << 20);
}

int world_request(struct world *w, enum rm_op op, uint64_t t, struct pack *p, int fd)
{
	struct request r = {
		.op = op,
		.t = t,
		.joined = &w->joined,
		.fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0),
		.out_fd = -1,
	};
	int ret;

	if (w->answer_fd >= 0)
		close(w->answer_fd);
	pack_free(&w->answer);
	pack_init(&r.out, RM_PACKET_MAX);
	unpack_init(&r.in, p->data ? p->data : (void *)"", p->used);
	ret = core_request(&w->core, &r);
	if (r.fd >= 0)
		close(r.fd);
	w->answer = r.out;
	w->answer_fd = r.out_fd;
	w->answer_t = r.out_t;
	memcpy(w->message, r.message, sizeof(w->message));
	pack_free(p);
	return ret;
}

uint64_t world_join(struct world *w, struct ktm_guid *enlistment)
{
	int fd = world_transaction();
	struct rm_tx *tx;
	struct pack p;
	int ret;

	world_begin(&p);
	ret = world_request(w, RM_OP_JOIN, 0, &p, fd);
	close(fd);
	if (ret)
		die("cannot join: %s", w->message);
	for (tx = w->core.txs; tx->number != w->answer_t; tx = tx->next)
		;
	*enlistment = tx->enlistment;
	return w->answer_t;
}
