// SPDX-License-Identifier: GPL-2.0
/*
 * A machine that comes up again: the module opens the journal, the RMs recover.
 */
#include "reopen.h"

#include "calls.h"
#include "dm.h"
#include "judge.h"

#include <string.h>
#include <unistd.h>

struct tally tally;

static const char *record_to;

static void put(const struct mark *mark)
{
	char text[MARK_TEXT];

	if (!record_to)
		return;
	mark_format(mark, text);
	dm_mark(record_to, text);
}

static void tell(const struct history *h, const struct en_history *en, enum fact fact)
{
	struct mark mark = {
		.fact = fact, .uow = h->txs[en->tx].uow, .en = en->guid, .rm = en->rm,
	};

	put(&mark);
}

static void tell_record(enum fact fact, uint32_t rm, const struct record *record,
			const struct mark_record *said)
{
	const struct mark mark = {
		.fact = fact, .rm = rm, .key = record->key, .length = record->length,
		.record = *said,
	};

	put(&mark);
}

static int open_tm(const char *journal)
{
	uint32_t status;
	int tm, tries;

	/* The last one may not have quite gone. */
	for (tries = 0; tries < PATIENCE_MS; tries++) {
		status = tm_create(journal, &tm);
		if (status != KTM_STATUS_OBJECT_NAME_COLLISION)
			break;
		usleep(1000);
	}
	if (status) {
		violation("the journal is not taken: status %u", status);
		return -1;
	}
	status = tm_recover(tm);
	if (!status)
		return tm;
	violation("the journal is not opened: status %u", status);
	close(tm);
	return -1;
}

static void take_up(struct history *h, const struct cut *cut, int fd, uint32_t rm,
		    const struct ktm_notification *n)
{
	uint8_t wanted[KTM_MAX_RECOVERY_INFORMATION], found[KTM_MAX_RECOVERY_INFORMATION];
	struct en_history *en = history_find(h, &n->enlistment);
	uint32_t length = sizeof(found), status;

	if (!en || en->rm != rm || !is_known(&en->known, FACT_VOTES, cut) ||
	    memcmp(&h->txs[en->tx].uow, &n->uow, sizeof(n->uow))) {
		violation("RM %u: RECOVER of an enlistment that nobody voted for", rm);
		return;
	}
	if (en->found != FOUND_NOTHING)
		violation("RM %u: RECOVER twice", rm);
	if (en->key != n->key)
		violation("RM %u: RECOVER with another key than was given", rm);
	information_fill(wanted, en->length, en->seed);
	status = en_information(fd, &en->guid, found, &length);
	if (status || length != en->length || memcmp(wanted, found, length))
		violation("RM %u: other recovery information than was left (status %u)", rm,
			  status);
	en->found = FOUND_RECOVER;
	status = answer(fd, KTM_IOC_EN_RECOVER, &en->guid, (uint64_t)(en - h->ens), NULL, 0);
	if (status != KTM_STATUS_PENDING)
		violation("RM %u: may not recover an enlistment: status %u", rm, status);
}

/* It is asked what it decided, and says the same as ever. */
static void decide(const struct history *h, struct en_history *en, int fd)
{
	bool commits = superior_commits(en->seed);
	uint32_t status;

	en->found = FOUND_QUERY;
	en->queried = true;
	tally.queried++;
	tell(h, en, FACT_ASKED);
	tell(h, en, commits ? FACT_DECIDES : FACT_REFUSES);
	status = answer(fd, commits ? KTM_IOC_EN_COMMIT : KTM_IOC_EN_ROLLBACK, &en->guid, 0, NULL, 0);
	if (status != (commits ? KTM_STATUS_PENDING : KTM_STATUS_SUCCESS))
		violation("the superior may not decide: status %u", status);
}

/* It is about to read: perhaps the end of what it had decided. */
static void hears(const struct history *h, const struct cut *cut)
{
	size_t i;

	for (i = 0; record_to && i < h->nr_ens; i++) {
		const struct en_history *en = &h->ens[i];

		if (en->rm == SUPERIOR && en->found != FOUND_COMMIT &&
		    !is_known(&en->known, FACT_COMMIT, cut) &&
		    (en->queried || is_known(&en->known, FACT_DECIDES, cut)))
			tell(h, en, FACT_HEARS);
	}
}

/* Until LAST_RECOVER and the end of whatever it was asked about have come. */
static void listen_superior(struct history *h, const struct cut *cut, int fd)
{
	struct ktm_notification events[MAX_EVENTS];
	struct en_history *en;
	size_t missing = 0;
	bool last = false;
	uint32_t status;
	int i, n;

	while (!last || missing) {
		if (rm_waits(fd, PATIENCE_MS))
			hears(h, cut);
		n = rm_read(fd, events, PATIENCE_MS);
		if (n <= 0) {
			violation("the superior is not told what it waits for");
			return;
		}
		for (i = 0; i < n; i++) {
			if (events[i].kind == KTM_NOTIFY_LAST_RECOVER) {
				last = true;
				continue;
			}
			en = history_find(h, &events[i].enlistment);
			if (!en || en->rm != SUPERIOR || en->key != events[i].key ||
			    !is_known(&en->known, FACT_ENLISTED, cut)) {
				violation("the superior is told of what is not its own");
				continue;
			}
			switch (events[i].kind) {
			case KTM_NOTIFY_RECOVER_QUERY:
				missing++;
				decide(h, en, fd);
				break;
			case KTM_NOTIFY_COMMIT_COMPLETE:
				missing -= en->queried;
				en->found = FOUND_COMMIT;
				tally.told++;
				tell(h, en, FACT_COMMIT);
				break;
			case KTM_NOTIFY_ROLLBACK:
				missing -= en->queried;
				en->found = FOUND_ROLLBACK;
				tell(h, en, FACT_ROLLBACK);
				status = answer(fd, KTM_IOC_ROLLBACK_COMPLETE, &en->guid, 0, NULL, 0);
				if (status)
					violation("the superior may not finish: status %u", status);
				break;
			case KTM_NOTIFY_ROLLBACK_COMPLETE:
				break;
			default:
				violation("the superior is told %#x", events[i].kind);
			}
		}
	}
}

static void hear(struct history *h, uint32_t rm, const struct ktm_notification *n)
{
	struct en_history *en = n->key < h->nr_ens ? &h->ens[n->key] : NULL;

	if (!en || memcmp(&en->guid, &n->enlistment, sizeof(en->guid)) ||
	    en->found != FOUND_RECOVER) {
		violation("RM %u: an outcome that does not belong to what it recovered", rm);
		return;
	}
	en->found = n->kind == KTM_NOTIFY_COMMIT ? FOUND_COMMIT : FOUND_ROLLBACK;
	if (n->kind == KTM_NOTIFY_COMMIT)
		tally.commit++;
	else
		tally.rollback++;
	tell(h, en, n->kind == KTM_NOTIFY_COMMIT ? FACT_COMMIT : FACT_ROLLBACK);
}

/* Read until LAST_RECOVER and one outcome for each RECOVER have come. */
static void listen(struct history *h, const struct cut *cut, int fd, uint32_t rm)
{
	struct ktm_notification events[MAX_EVENTS];
	size_t missing = 0;
	bool last = false;
	int i, n;

	while (!last || missing) {
		n = rm_read(fd, events, PATIENCE_MS);
		if (n <= 0) {
			violation("RM %u: is not told what it waits for", rm);
			return;
		}
		for (i = 0; i < n; i++) {
			switch (events[i].kind) {
			case KTM_NOTIFY_RECOVER:
				if (last)
					violation("RM %u: RECOVER after LAST_RECOVER", rm);
				missing++;
				take_up(h, cut, fd, rm, &events[i]);
				break;
			case KTM_NOTIFY_LAST_RECOVER:
				last = true;
				break;
			case KTM_NOTIFY_COMMIT:
			case KTM_NOTIFY_ROLLBACK:
				missing -= !!missing;
				hear(h, rm, &events[i]);
				break;
			default:
				violation("RM %u: is told %#x", rm, events[i].kind);
			}
		}
	}
}

/* What it staged and was not told of is rolled back, or was finished. */
static void conclude(struct history *h, const struct cut *cut, int fd, uint32_t rm)
{
	uint32_t status;
	size_t i;

	for (i = 0; i < h->nr_ens; i++) {
		struct en_history *en = &h->ens[i];

		if (en->rm != rm || en->found != FOUND_NOTHING ||
		    !is_known(&en->known, FACT_VOTES, cut) ||
		    is_known(&en->known, FACT_FINISHES, cut))
			continue;
		status = fd < 0 ? KTM_STATUS_ENLISTMENT_NOT_FOUND :
			 answer(fd, KTM_IOC_EN_RECOVER, &en->guid, 0, NULL, 0);
		if (status != KTM_STATUS_ENLISTMENT_NOT_FOUND)
			violation("RM %u: an enlistment that was not mentioned is known: status %u",
				  rm, status);
		tally.concluded++;
		tell(h, en, FACT_ROLLBACK);
	}
}

/* The RM's own record goes into its stream with the answer, if it is not there. */
static uint32_t finish_logged(const struct history *h, const struct en_history *en, int fd,
			      struct found_stream *stream, unsigned long request)
{
	enum record_kind kind = en->found == FOUND_COMMIT ? RECORD_COMMIT : RECORD_ABORT;
	const struct found_record *redo = stream_record(stream, en->key, RECORD_REDO);
	const struct record record = {
		.serial = AGAIN_SERIAL + (uint32_t)(en - h->ens), .kind = kind, .key = en->key,
		.length = END_BYTES,
	};
	struct mark_record said = {
		.serial = record.serial, .kind = kind, .previous = redo ? redo->lsn : 0,
	};
	uint8_t data[END_BYTES];
	struct ktm_stream_piece piece = { (uintptr_t)data, sizeof(data) };
	struct ktm_stream_append append = append_arg(0, &piece, said.previous, 0);
	uint32_t status;

	if (stream_record(stream, en->key, kind))
		return answer(fd, request, &en->guid, 0, NULL, 0);
	record_fill(data, &record);
	tell_record(FACT_APPENDS, en->rm, &record, &said);
	status = answer_stream(fd, request, &en->guid, NULL, 0, stream->fd, &append, 0);
	said.lsn = append.lsn;
	if (!status)
		tell_record(FACT_APPENDED, en->rm, &record, &said);
	if (!status && stream->nr && said.lsn <= stream->list[stream->nr - 1].lsn)
		violation("RM %u: the LSN of a new stream record does not rise", en->rm);
	tally.appended += !status;
	return status;
}

static void finish(struct history *h, const int *fds, struct found_stream *streams)
{
	unsigned long request;
	uint32_t status;
	size_t i;

	for (i = 0; i < h->nr_ens; i++) {
		struct en_history *en = &h->ens[i];

		if (en->rm == SUPERIOR ||
		    (en->found != FOUND_COMMIT && en->found != FOUND_ROLLBACK))
			continue;
		tell(h, en, FACT_FINISHES);
		request = en->found == FOUND_COMMIT ? KTM_IOC_COMMIT_COMPLETE :
						      KTM_IOC_ROLLBACK_COMPLETE;
		if (en->rm < NR_STREAMS && streams[en->rm].fd >= 0)
			status = finish_logged(h, en, fds[en->rm], &streams[en->rm], request);
		else
			status = answer(fds[en->rm], request, &en->guid, 0, NULL, 0);
		if (status)
			violation("RM %u: may not finish: status %u", en->rm, status);
	}
}

/* That all have rolled back is told to a superior that wants to hear it. */
static void drain(int superior)
{
	struct ktm_notification events[MAX_EVENTS];
	int i, n;

	while ((n = rm_read(superior, events, 0)) > 0)
		for (i = 0; i < n; i++)
			if (events[i].kind != KTM_NOTIFY_ROLLBACK_COMPLETE)
				violation("the superior is told %#x at last", events[i].kind);
}

static void expect_nothing(int tm)
{
	struct ktm_tm_info info;
	uint32_t status = tm_info(tm, &info);

	if (status)
		violation("the transaction manager cannot be queried: status %u", status);
	else if (info.transactions || info.indoubt)
		violation("%u transactions are left, %u of them in doubt", info.transactions,
			  info.indoubt);
}

/* Returns its descriptor, or -1 if the journal does not know it. */
static int open_rm(int tm, uint32_t rm)
{
	struct ktm_guid guid = rm_guid(rm);
	uint32_t status;
	int fd;

	status = rm_open(tm, &guid, &fd);
	if (status == KTM_STATUS_RM_NOT_FOUND)
		return -1;
	if (!status) {
		status = rm_recover(fd);
		if (!status)
			return fd;
		close(fd);
	}
	violation("RM %u: cannot recover: status %u", rm, status);
	return -1;
}

/* Its stream, before it recovers. */
static void look(struct found_stream *stream, int tm, uint32_t rm)
{
	stream_find(stream, tm, rm);
	tally.records += stream->nr;
	if (stream->fd >= 0)
		tell_record(FACT_LAST, rm, &(struct record){ 0 }, &(struct mark_record){
				.serial = stream->nr ? stream->list[stream->nr - 1].record.serial : 0,
				.base = stream->base });
}

void reopen(struct history *h, const struct cut *cut, const char *journal, const char *recorder)
{
	struct found_stream streams[NR_STREAMS];
	int tm, superior, fds[NR_DURABLE];
	uint32_t rm;
	size_t i;

	record_to = recorder;
	for (i = 0; i < h->nr_ens; i++) {
		h->ens[i].found = FOUND_NOTHING;
		h->ens[i].queried = false;
	}
	tm = open_tm(journal);
	if (tm < 0)
		return;
	for (rm = 0; rm < NR_STREAMS; rm++)
		look(&streams[rm], tm, rm);
	/* First, as the others are in doubt until it has decided. */
	superior = open_rm(tm, SUPERIOR);
	if (superior >= 0)
		listen_superior(h, cut, superior);
	for (rm = 0; rm < NR_DURABLE; rm++) {
		fds[rm] = open_rm(tm, rm);
		if (fds[rm] >= 0)
			listen(h, cut, fds[rm], rm);
		conclude(h, cut, fds[rm], rm);
	}
	judge(h, cut, streams);
	finish(h, fds, streams);
	if (superior >= 0)
		drain(superior);
	expect_nothing(tm);
	if (superior >= 0)
		close(superior);
	for (rm = 0; rm < NR_DURABLE; rm++)
		if (fds[rm] >= 0)
			close(fds[rm]);
	for (rm = 0; rm < NR_STREAMS; rm++)
		stream_forget(&streams[rm]);
	close(tm);
}

void reopen_empty(const char *journal)
{
	struct ktm_notification events[MAX_EVENTS];
	int tm = open_tm(journal), fd, n;
	uint32_t rm;

	if (tm < 0)
		return;
	for (rm = 0; rm < NR_RMS; rm++) {
		fd = rm == NR_DURABLE ? -1 : open_rm(tm, rm);
		if (fd < 0)
			continue;
		n = rm_read(fd, events, PATIENCE_MS);
		if (n != 1 || events[0].kind != KTM_NOTIFY_LAST_RECOVER)
			violation("RM %u: something is left after all was finished", rm);
		close(fd);
	}
	expect_nothing(tm);
	close(tm);
}
