// SPDX-License-Identifier: GPL-2.0
/*
 * stressall: the requests of log streams.
 */
#include "stressall.h"

#define NR_NAMES	3
#define MOST		2000	/* bytes in a record */

/* What an append came to is noted here, for links, reads and marks. */
static volatile uint64_t lately[16];

static uint64_t some_lsn(struct actor *a)
{
	return draw(a, 4) ? lately[draw(a, 16)] : 0;
}

static const char *some_name(struct actor *a)
{
	static const char *const names[NR_NAMES] = { "one", "two", "three" };

	return names[draw(a, NR_NAMES)];
}

void make_stream_create(struct actor *a, unsigned int request)
{
	struct ktm_stream_create c = ARG(ktm_stream_create, .access = KTM_STREAM_ALL_ACCESS,
					 .quota = 4096 + draw(a, 200000));

	c.name = (uintptr_t)some_name(a);
	c.name_length = strlen((const char *)(uintptr_t)c.name);
	if (make(some_fd(a, KTM_KIND_TM), request, &c) == KTM_STATUS_SUCCESS)
		keep_fd(a, KTM_KIND_STREAM, c.fd);
}

void make_stream_open(struct actor *a, unsigned int request)
{
	struct ktm_stream_open o = ARG(ktm_stream_open, .access = KTM_MAXIMUM_ALLOWED);

	o.name = (uintptr_t)some_name(a);
	o.name_length = strlen((const char *)(uintptr_t)o.name);
	if (make(some_fd(a, KTM_KIND_TM), request, &o) == KTM_STATUS_SUCCESS)
		keep_fd(a, KTM_KIND_STREAM, o.fd);
}

/* Every record is one byte, over and over. */
static struct ktm_stream_append some_record(struct actor *a, struct ktm_stream_piece *pieces)
{
	static unsigned char data[256][MOST];
	const unsigned char c = draw(a, 256);
	unsigned int bytes = draw(a, MOST), first = draw(a, bytes + 1);

	memset(data[c], c, MOST);
	pieces[0] = (struct ktm_stream_piece){ .base = (uintptr_t)data[c], .length = first };
	pieces[1] = (struct ktm_stream_piece){ .base = (uintptr_t)data[c],
					       .length = bytes - first };
	return ARG(ktm_stream_append, .count = 2, .pieces = (uintptr_t)pieces,
		   .flags = draw(a, 8) ? 0 : KTM_STREAM_RESTART,
		   .previous_lsn = draw(a, 4) ? 0 : some_lsn(a));
}

void make_stream_append(struct actor *a, unsigned int request)
{
	struct ktm_stream_piece pieces[2];
	struct ktm_stream_append r = some_record(a, pieces);

	if (!draw(a, 4))
		r.flags |= KTM_STREAM_RESERVED;
	if (!draw(a, 10))
		r.flags |= KTM_STREAM_DURABLE;
	if (make(some_fd(a, KTM_KIND_STREAM), request, &r) == KTM_STATUS_SUCCESS)
		lately[draw(a, 16)] = r.lsn;
}

void make_stream_reserve(struct actor *a, unsigned int request)
{
	struct ktm_stream_reserve r = ARG(ktm_stream_reserve, .records = draw(a, 10),
					  .bytes = draw(a, 5 * MOST),
					  .flags = draw(a, 3) ? 0 : KTM_STREAM_UNRESERVE);

	make(some_fd(a, KTM_KIND_STREAM), request, &r);
}

void make_stream_read(struct actor *a, unsigned int request)
{
	unsigned char data[MOST];
	struct ktm_stream_read r = ARG(ktm_stream_read, .mode = draw(a, 6), .lsn = some_lsn(a),
				       .buffer = (uintptr_t)data, .length = sizeof(data));
	unsigned int i;

	if (make(some_fd(a, KTM_KIND_STREAM), request, &r) != KTM_STATUS_SUCCESS)
		return;
	CHECK(r.length <= MOST && r.lsn);
	for (i = 1; i < r.length; i++)
		CHECK_EQ(data[i], data[0]);
}

void make_stream_flush(struct actor *a, unsigned int request)
{
	struct ktm_stream_flush f = ARG(ktm_stream_flush,
					.flags = draw(a, 2) ? KTM_STREAM_NOWAIT : 0);

	make(some_fd(a, KTM_KIND_STREAM), request, &f);
}

void make_stream_mark(struct actor *a, unsigned int request)
{
	struct ktm_stream_mark m = ARG(ktm_stream_mark, .lsn = some_lsn(a));

	make(some_fd(a, KTM_KIND_STREAM), request, &m);
}

void make_stream_delete(struct actor *a, unsigned int request)
{
	struct ktm_call c = ARG(ktm_call);

	make(some_fd(a, KTM_KIND_STREAM), request, &c);
}

bool bring_record(struct actor *a, unsigned int request, struct ktm_answer *answer,
		  struct bring *b)
{
	if ((request != KTM_IOC_PREPARE_COMPLETE && request != KTM_IOC_COMMIT_COMPLETE &&
	     request != KTM_IOC_ROLLBACK_COMPLETE) || draw(a, 3))
		return false;
	answer->stream_fd = some_fd(a, KTM_KIND_STREAM);
	b->append = some_record(a, b->pieces);
	answer->append = (uintptr_t)&b->append;
	if (request == KTM_IOC_PREPARE_COMPLETE && draw(a, 2)) {
		answer->stream_records = 1 + draw(a, 3);
		answer->stream_need = draw(a, MOST);
	}
	return true;
}
