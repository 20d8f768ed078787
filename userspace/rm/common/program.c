// SPDX-License-Identifier: GPL-2.0
/*
 * The program around a store.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "log.h"
#include "options.h"
#include "participant.h"

/* How long a predecessor that is just ending may take. */
#define PREDECESSOR_MS	5000
#define RETRY_MS	100
/* After so long without anything to do the store is synced. */
#define IDLE_MS		1000

/* Descriptors for connections, and those that we and the store have or need for a moment. */
#define OTHER_FDS	(2 * CONNECTIONS_MAX + 64)

/**
 * struct running - everything of a running program
 * @program: which
 * @options: from the command line
 * @epoll: what the loop waits on
 * @signals: SIGTERM and SIGINT arrive here
 * @store: open
 * @core: its transactions
 * @participant: towards the TM
 * @server: towards the clients
 * @ready: has said so
 */
struct running {
	const struct rm_program *program;
	struct rm_options options;
	int epoll;
	int signals;
	void *store;
	struct rm_core core;
	struct participant participant;
	struct server *server;
	bool ready;
};

int rm_lock_store(int fd)
{
	int waited;

	for (waited = 0; flock(fd, LOCK_EX | LOCK_NB); waited += RETRY_MS) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (waited >= PREDECESSOR_MS)
			return -EBUSY;
		poll(NULL, 0, RETRY_MS);
	}
	return 0;
}

static int setup_signals(struct running *run)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return run->signals < 0 ? -errno : 0;
}

/*
 * A transaction may keep a descriptor. Clients must not be able to take the last
 * ones with them: a commit needs some, and it may not fail.
 */
static int limit_transactions(struct running *run)
{
	const rlim_t wanted = RM_TX_MAX + OTHER_FDS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
		if (setrlimit(RLIMIT_NOFILE, &limit))
			return -errno;
	}
	if (limit.rlim_cur <= OTHER_FDS) {
		log_line("needs to have more than %u descriptors open (ulimit -n)", OTHER_FDS);
		return -EMFILE;
	}
	run->core.limit = limit.rlim_cur < wanted ? limit.rlim_cur - OTHER_FDS : RM_TX_MAX;
	return 0;
}

/* Whether it is time to end; waits so long for that. */
static bool told_to_end(struct running *run, int ms)
{
	struct pollfd p = { .fd = run->signals, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

/* What a TM that is only not there yet answers. */
static bool may_come(int error)
{
	return error == -ENOENT || error == -ENXIO || error == -ENODEV || error == -ENOTCONN;
}

static const char other_tm[] =
	"the log of another transaction manager has work of the store: start it with that one";

/* 0; 1: told to end meanwhile. */
static int open_rm(struct running *run, const struct rm_identity *identity)
{
	const struct rm_options *o = &run->options;
	struct ktm_rm_config config = {
		.size = sizeof(config),
		.flags = o->is_volatile ? KTM_RM_LOOP_VOLATILE : 0,
		.wait_ms = PREDECESSOR_MS,
		.device = o->device,
		.tm = ktm_guid_is_nil(&o->tm) ? NULL : &o->tm,
		.guid = &identity->rm,
		.description = run->program->name,
	};
	bool said = false;
	uint32_t status;
	int ret;

	/* Who brings the device may also reopen a journal that failed. */
	if (o->device)
		config.flags |= KTM_RM_LOOP_REOPEN;
	/*
	 * What is in a log only its TM can tell. Without such work any will do; the last
	 * one if nobody says which.
	 */
	if (identity->in_use || (!config.tm && !config.device))
		config.tm = &identity->tm;
	if (identity->in_use && !ktm_guid_is_nil(&o->tm) &&
	    !ktm_guid_equal(&o->tm, &identity->tm)) {
		log_line(other_tm);
		return -EXDEV;
	}
	if (identity->in_use && o->is_volatile) {
		log_line("a log has work of the store: end that without --volatile first");
		return -EXDEV;
	}
	if (!config.device && ktm_guid_is_nil(config.tm)) {
		log_line("which transaction manager? give --device or --tm");
		return -EINVAL;
	}

	for (;;) {
		status = KTM_STATUS_SUCCESS;
		ret = participant_start(&run->participant, &config, &status);
		if (!o->wait_for_tm || !may_come(ret))
			break;
		if (!said)
			log_line("waiting for the transaction manager");
		said = true;
		if (told_to_end(run, RETRY_MS))
			return 1;
	}
	if (ret == -EXDEV && identity->in_use)
		log_line(other_tm);
	else if (ret)
		log_line("cannot open the resource manager: %s (%s)", strerror(-ret),
			 ktm_status_text(status));
	return ret;
}

static int go_online(void *context)
{
	struct running *run = context;
	int ret;

	if (run->ready) {
		log_line("the transaction manager is back");
		return 0;
	}
	ret = server_listen(run->server, run->options.socket, run->options.mode);
	if (ret) {
		log_line("cannot listen on %s: %s", run->options.socket, strerror(-ret));
		return ret;
	}
	run->ready = true;
	puts("ready");
	fflush(stdout);
	return 0;
}

static int watch(struct running *run, int fd, void *tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = tag };

	return epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int loop(struct running *run)
{
	struct ktm_rm *rm = run->participant.rm;
	struct epoll_event events[64];
	uint32_t status;
	int i, n, ret;

	ret = watch(run, run->signals, &run->signals);
	if (!ret)
		ret = watch(run, ktm_rm_fd(rm), &run->participant);
	if (ret)
		return ret;

	for (;;) {
		n = epoll_wait(run->epoll, events, 64, core_may_sync(&run->core) ? IDLE_MS : -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n) {
			ret = core_sync(&run->core);
			if (ret)
				return ret;
		}
		for (i = 0; i < n; i++) {
			struct source *source = events[i].data.ptr;

			if (events[i].data.ptr == &run->signals)
				return 0;
			if (events[i].data.ptr != &run->participant) {
				source->ready(source, events[i].events);
				continue;
			}
			status = KTM_STATUS_SUCCESS;
			ret = ktm_rm_dispatch(rm, &status);
			/* All has been answered: nothing is on its way to the log. */
			if (ret >= 0 && core_should_sync(&run->core))
				ret = core_sync(&run->core);
			if (ret < 0) {
				log_line("ends: %s (%s); the next start goes on from here",
					 strerror(-ret), ktm_status_text(status));
				return ret;
			}
		}
	}
}

/* Another TM will do for the next start if nothing is left in the log of this one. */
static int settle(struct running *run, const struct ktm_guid *tm)
{
	bool empty;
	int ret = core_settle(&run->core, &empty);

	if (ret)
		log_line("not all could be synced: %s; the next start goes on from here",
			 strerror(-ret));
	else if (empty && !run->options.is_volatile)
		ret = run->program->set_tm(run->store, tm, false);
	return ret;
}

static int run_program(struct running *run)
{
	struct rm_identity identity;
	struct ktm_guid tm;
	int ret;

	redo_init(&run->core.redo);
	ret = setup_signals(run);
	if (!ret)
		ret = limit_transactions(run);
	if (ret)
		return ret;
	ret = run->program->open(&run->options, &run->core, &identity, &run->store);
	if (ret)
		return ret;
	run->core.ops = &run->program->ops;
	run->core.store = run->store;
	run->core.enlist = participant_enlist;
	run->core.leave = participant_leave;
	run->core.context = &run->participant;
	run->participant.core = &run->core;
	run->participant.name = run->program->name;
	run->participant.quota = run->options.quota;
	run->participant.online = go_online;
	run->participant.context = run;

	run->epoll = epoll_create1(EPOLL_CLOEXEC);
	run->server = server_new(run->epoll, core_request, &run->core);
	if (run->epoll < 0 || !run->server)
		return -ENOMEM;
	ret = open_rm(run, &identity);
	if (ret)
		return ret > 0 ? 0 : ret;

	/* Before anything of ours can be in its log. */
	ktm_rm_tm_guid(run->participant.rm, &tm);
	if (!ktm_guid_equal(&tm, &identity.tm) || (!identity.in_use && !run->options.is_volatile)) {
		ret = run->program->set_tm(run->store, &tm, !run->options.is_volatile);
		if (ret) {
			log_line("cannot store the transaction manager's identity: %s",
				 strerror(-ret));
			return ret;
		}
	}
	if (run->options.is_volatile) {
		/* There is no recovery that would begin it all. */
		ret = core_load(&run->core);
		if (ret)
			return ret;
		core_last_recover(&run->core);
		ret = go_online(run);
		if (ret)
			return ret;
	}
	ret = loop(run);
	return ret ? ret : settle(run, &tm);
}

int rm_program_main(const struct rm_program *program, int argc, char **argv)
{
	struct running *run = calloc(1, sizeof(*run));
	int ret;

	log_name(program->name);
	if (!run)
		return EXIT_FAILURE;
	run->program = program;
	run->epoll = -1;
	run->signals = -1;
	ret = options_parse(program, argc, argv, &run->options);
	if (!ret) {
		ret = run_program(run);
		server_free(run->server);
		/* The loop first: what is not prepared is rolled back by its end. */
		if (run->participant.rm)
			ktm_rm_end(run->participant.rm);
		if (run->store) {
			core_end(&run->core);
			program->close(run->store);
		}
		if (run->epoll >= 0)
			close(run->epoll);
		if (run->signals >= 0)
			close(run->signals);
	}
	free(run);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
