// SPDX-License-Identifier: GPL-2.0
/*
 * Between libktm's loop and the core.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "participant.h"

static const char *guid_text(const struct ktm_guid *guid, char text[KTM_GUID_STRING])
{
	return ktm_guid_format(guid, text);
}

/* The store's part comes first: it opens the stream that is read then. */
static int on_recovering(struct ktm_rm *rm, void *data)
{
	struct participant *p = data;
	struct redo *redo = &p->core->redo;
	char name[KTM_MAX_STREAM_NAME], text[KTM_GUID_STRING];
	struct ktm_guid guid;
	int ret = 0;

	if (redo->fd < 0) {
		ktm_rm_guid(rm, &guid);
		snprintf(name, sizeof(name), "%s %s", p->name, guid_text(&guid, text));
		ret = redo_open(redo, ktm_rm_tm_descriptor(rm), name, p->quota);
	}
	return ret ? ret : core_load(p->core);
}

static void bring(const struct participant *p, struct ktm_rm_event *event,
		  const struct redo_record *record)
{
	if (!record->count)
		return;
	event->stream = p->core->redo.fd;
	event->record = record->pieces;
	event->record_count = record->count;
	event->previous_lsn = record->previous_lsn;
	event->stream_records = record->need_records;
	event->stream_need = record->need_bytes;
}

static int on_prepare(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct participant *p = data;
	char text[KTM_GUID_STRING];
	int ret;

	(void)rm;
	ret = core_prepare(p->core, &event->enlistment, &p->record);
	if (ret > 0)
		return KTM_RM_READ_ONLY;
	bring(p, event, &p->record);
	if (!ret)
		return KTM_RM_DONE;
	log_line("transaction %s is refused: %s", guid_text(&event->uow, text), strerror(-ret));
	return KTM_RM_REFUSE;
}

static int on_commit(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct participant *p = data;
	char text[KTM_GUID_STRING];
	int ret;

	(void)rm;
	ret = core_commit(p->core, &event->enlistment, &p->record);
	bring(p, event, &p->record);
	if (ret)
		log_line("transaction %s is committed but cannot be carried out yet: %s",
			 guid_text(&event->uow, text), strerror(-ret));
	return ret ? ret : KTM_RM_DONE;
}

static void on_answered(struct ktm_rm *rm, const struct ktm_rm_event *event, int error,
			uint32_t status, void *data)
{
	struct participant *p = data;
	char text[KTM_GUID_STRING];

	(void)rm;
	if (event->kind != KTM_NOTIFY_PREPARE)
		return;
	if (!error)
		core_voted(p->core, &event->enlistment, event->lsn);
	else if (error == -ENOSPC)
		log_line("transaction %s is refused: %s", guid_text(&event->uow, text),
			 ktm_status_text(status));
}

static int on_rollback(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct participant *p = data;

	(void)rm;
	core_rollback(p->core, &event->enlistment);
	return KTM_RM_DONE;
}

static int on_recover(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	struct participant *p = data;
	char text[KTM_GUID_STRING];
	int ret;

	(void)rm;
	ret = core_recover(p->core, &event->enlistment, &event->cookie);
	if (ret == -ENOENT)
		return KTM_RM_NONE;
	if (ret)
		log_line("what was prepared for transaction %s is damaged",
			 guid_text(&event->uow, text));
	return ret ? ret : KTM_RM_DONE;
}

static void on_indoubt(struct ktm_rm *rm, struct ktm_rm_event *event, void *data)
{
	char text[KTM_GUID_STRING];

	(void)rm;
	(void)data;
	/* Nothing to do: what is prepared keeps its locks until the word comes. */
	log_line("transaction %s is in doubt; what it touched stays locked",
		 guid_text(&event->uow, text));
}

static int on_last_recover(struct ktm_rm *rm, void *data)
{
	struct participant *p = data;

	(void)rm;
	core_last_recover(p->core);
	return p->online(p->context);
}

static void on_offline(struct ktm_rm *rm, void *data)
{
	struct participant *p = data;

	(void)rm;
	log_line("the transaction manager is offline; nobody is served until it is back");
	core_offline(p->core);
}

int participant_start(struct participant *p, const struct ktm_rm_config *config,
		      uint32_t *status)
{
	static const struct ktm_rm_ops ops = {
		.size = sizeof(ops),
		.prepare = on_prepare,
		.commit = on_commit,
		.rollback = on_rollback,
		.recover = on_recover,
		.indoubt = on_indoubt,
		.last_recover = on_last_recover,
		.offline = on_offline,
		.recovering = on_recovering,
		.answered = on_answered,
	};

	return ktm_rm_start(&p->rm, config, &ops, p, status);
}

int participant_enlist(void *context, int fd, uint64_t number, struct ktm_guid *enlistment,
		       struct ktm_guid *uow)
{
	struct participant *p = context;
	struct ktm_en_info info;
	int ret;

	ret = ktm_rm_enlist(p->rm, fd, number, enlistment, NULL);
	if (ret)
		return ret;
	/*
	 * Asked of our own enlistment, not of the descriptor: from here on nothing
	 * depends on what rights the client left us.
	 */
	ret = ktm_en_query(ktm_rm_descriptor(p->rm), enlistment, &info, NULL);
	if (ret) {
		participant_leave(p, enlistment);
		return ret;
	}
	*uow = info.uow;
	return 0;
}

void participant_leave(void *context, const struct ktm_guid *enlistment)
{
	struct participant *p = context;

	/* If it fails, PREPARE finds no work and leaves then. */
	ktm_read_only(ktm_rm_descriptor(p->rm), enlistment, NULL);
}
