/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attach.c: taking a domain's ring, and undoing it all if any part fails. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "engine/coverage.h"
#include "engine/options.h"
#include "engine/orphan.h"
#include "engine/private.h"
#include "engine/wait.h"
#include "engine/wanted.h"
#include "guest/lent.h"
#include "journal/folder.h"
#include "ring/atomics.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/interrupt.h"
#include "xen/monitor.h"
#include "xen/privilege.h"
#include "xen/sandbox.h"
#include "xen/sized.h"
#include "xen/store.h"

/*
 * Waking a thread takes longer than a notify, in dom0 as on fakexen: a handler is worth it if
 * it takes some microseconds.
 */
#define WAKE_NOTIFIES 4
#define WAKE_TICKS_MIN 16384
#define NOTIFY_TRIES 8
#define LOOK_NS 500000000 /* between two looks whether a guest lives of whose end nobody tells us */

#define TURN_COUNT (RS_TURNS + RS_RING_SLOTS)
#define DEADLINE_MS_MAX 3600000

static uint32_t default_workers(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (processors < 3)
		return 1;
	return processors > RS_WORKERS_MAX ? RS_WORKERS_MAX : (uint32_t)processors - 1;
}

static int read_deadline(struct rs_engine *engine, const struct rs_engine_options *options)
{
	if (options->deadline_ms > DEADLINE_MS_MAX)
		return rs_fail(EINVAL, "deadline_ms: %u are too many: %d are an hour",
			       options->deadline_ms, DEADLINE_MS_MAX);
	if ((unsigned int)options->at_deadline > RS_AT_DEADLINE_CONTINUE)
		return rs_fail(EINVAL, "at_deadline: there is no such way: %d",
			       (int)options->at_deadline);
	if (options->at_deadline && !options->deadline_ms)
		return rs_fail(EINVAL, "at_deadline: without deadline_ms there is no deadline");
	engine->deadline.limit_ns = options->deadline_ms * 1000000ULL;
	engine->deadline.answers = options->at_deadline == RS_AT_DEADLINE_CONTINUE;
	return 0;
}

static int read_options(struct rs_engine *engine, const struct rs_engine_options *options,
			size_t size)
{
	struct rs_engine_options known;
	int error = rs_options_read(&known, sizeof(known), options, size);

	if (error)
		return error;
	if ((unsigned int)known.waiting > RS_WAIT_SPIN)
		return rs_fail(EINVAL, "waiting: there is no such mode: %d", (int)known.waiting);
	if ((unsigned int)known.page_method > RS_PAGE_METHOD_HOST)
		return rs_fail(EINVAL, "page_method: there is no such method: %d",
			       (int)known.page_method);
	if ((unsigned int)known.way > RS_WAY_STEP)
		return rs_fail(EINVAL, "way: there is no such way: %d", (int)known.way);
	engine->way = known.way;
	engine->log.function = known.log;
	engine->log.user = known.log_user;
	engine->log.level = known.log_level ? known.log_level : RS_LOG_WARNING;
	engine->recovers = known.recover;
	if ((unsigned int)known.keeper > RS_KEEPER_REQUIRED)
		return rs_fail(EINVAL, "keeper: there is no such mode: %d", (int)known.keeper);
	engine->keeper_mode = known.keeper;
	engine->stall_ms = known.stall_ms;
	if (known.stall_ms && !known.keeper)
		return rs_fail(EINVAL, "stall_ms: it is the keeper that looks: have one");
	if (known.keeper_path &&
	    snprintf(engine->keeper_path, sizeof(engine->keeper_path), "%s", known.keeper_path) >=
		    (int)sizeof(engine->keeper_path))
		return rs_fail(ENAMETOOLONG, "keeper_path: at most %zu bytes",
			       sizeof(engine->keeper_path) - 1);
	if ((unsigned int)known.sandbox > RS_SANDBOX_REQUIRED)
		return rs_fail(EINVAL, "sandbox: there is no such mode: %d", (int)known.sandbox);
	engine->sandbox_mode = known.sandbox;
	engine->waiting = known.waiting;
	engine->pages.wanted = known.page_method;
	engine->views.keeps_pool = known.keep_shadow_memory;
	if (known.workers > RS_WORKERS_MAX)
		return rs_fail(EINVAL, "workers: %u are too many, %d are as many as there can be",
			       known.workers, RS_WORKERS_MAX);
	engine->worker_count = known.workers ? known.workers : default_workers();
	engine->on_message = known.on_message;
	engine->on_message_user = known.on_message_user;
	return read_deadline(engine, &known);
}

static int check_messages(struct rs_engine *engine)
{
	uint32_t version;
	int error = rs_xen_monitor_version(engine->xen, &version);

	if (error)
		return error;
	engine->layout = rs_layout_find(version);
	if (!engine->layout)
		return rs_fail(EOPNOTSUPP, "this Xen writes vm_event messages of version %u, and "
					   "6 and 7 (Xen 4.14 to 4.22) are understood", version);
	return 0;
}

/* Whoever holds the ring: is it known? */
static int fail_taken(struct rs_engine *engine, const struct rs_journal *journal)
{
	if (journal && rs_owner_lives(&journal->owner))
		return rs_fail(EBUSY, "domain %u: another agent holds its monitor ring: process %u: "
				      "stop that one", engine->domain, journal->owner.pid);
	if (journal)
		return rs_fail(EBUSY, "domain %u: another agent, process %u, has died and left it: "
				      "ringside recover %u, or attach with `recover`",
			       engine->domain, journal->owner.pid, engine->domain);
	return rs_fail(EBUSY,
		       "domain %u: another agent holds its monitor ring: stop it (ringside, "
		       "xen-access, a LibVMI or DRAKVUF program); if it was killed: ringside "
		       "recover --unrecorded %u", engine->domain, engine->domain);
}

/* What an earlier engine has left is nobody's to overwrite: only its journal says what to undo. */
static int check_predecessor(struct rs_engine *engine, const struct rs_xen_domain *info, bool taken)
{
	struct rs_journal *journal;
	bool left;
	int error = 0;

	rs_journal_find(&journal, engine->domain, info->handle);
	left = journal && !rs_owner_lives(&journal->owner) &&
	       (taken || !rs_journal_is_clean(journal));
	if (left && engine->recovers)
		error = rs_recover_domain(engine->xen, engine->domain, false, &engine->log);
	else if (left || taken)
		error = fail_taken(engine, journal);
	rs_journal_close(journal, false);
	return error;
}

static int open_journal(struct rs_engine *engine)
{
	struct rs_xen_domain info;
	char path[RS_FOLDER_PATH_SIZE];
	int error = rs_xen_domain_read(engine->xen, engine->domain, &info);

	if (error)
		return error;
	error = rs_journal_create(&engine->journal, engine->domain, info.handle,
				  &engine->journal_fd);
	rs_folder_path(engine->domain, "", path);
	if (error) {
		rs_log(&engine->log, RS_LOG_WARNING,
		       "domain %u: %s: %s: if this process is killed nobody but its keeper can undo "
		       "what it has changed", engine->domain, path, strerror(-error));
		rs_journal_create_nameless(&engine->journal, engine->domain, info.handle,
					   &engine->journal_fd);
	}
	rs_xen_keep_journal(engine->xen, engine->journal);
	return 0;
}

static int check_domain(struct rs_engine *engine, const char *name)
{
	struct rs_xen_domain info;
	int error = rs_xen_domain_read(engine->xen, engine->domain, &info);
	int pages;

	if (error)
		return error;
	if (info.dying)
		return rs_fail(ESRCH, "domain %s is being destroyed", name);
	if (!info.hvm)
		return rs_fail(EOPNOTSUPP, "domain %s is a PV domain: only HVM and PVH domains "
					   "have a monitor ring", name);
	engine->vcpu_count = info.vcpu_count;
	error = rs_xen_domain_top(engine->xen, engine->domain, &engine->max_gfn);
	if (error)
		return error;
	error = rs_xen_monitor_kinds(engine->xen, engine->domain, &engine->kinds);
	if (error)
		return error;
	engine->can_step = engine->kinds & 1U << RS_SINGLESTEP;
	error = rs_orphan_await_keeper(engine->domain, info.handle);
	if (error)
		return error;
	pages = rs_xen_monitor_taken(engine->xen, engine->domain);
	if (pages >= 0)
		engine->kinds |= 1U << RS_PAGE;
	return check_predecessor(engine, &info, pages == 1);
}

static int add_waker(struct rs_engine *engine, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(engine->wake_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return rs_fail(errno, "epoll_ctl: %s", strerror(errno));
	return 0;
}

/* Wakes us now and then: cheaper than a limit to each sleep. */
static int open_look_timer(struct rs_engine *engine)
{
	const struct timespec period = { .tv_nsec = LOOK_NS };

	engine->look_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (engine->look_fd < 0 ||
	    timerfd_settime(engine->look_fd, 0, &(struct itimerspec){ period, period }, NULL))
		return rs_fail(errno, "timerfd: %s", strerror(errno));
	return add_waker(engine, engine->look_fd);
}

/* One descriptor that wakes the engine for all that is not the ring. */
static int open_wakers(struct rs_engine *engine)
{
	int error;

	engine->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (engine->stop_fd < 0)
		return rs_fail(errno, "eventfd: %s", strerror(errno));
	engine->wake_fd = epoll_create1(EPOLL_CLOEXEC);
	if (engine->wake_fd < 0)
		return rs_fail(errno, "epoll_create1: %s", strerror(errno));
	error = add_waker(engine, engine->stop_fd);
	if (error)
		return error;
	engine->release_fd = rs_xen_store_watch_release(engine->xen);
	if (engine->release_fd < 0) {
		rs_log(&engine->log, RS_LOG_WARNING,
		       "domain %u: its end is looked for now and then, not told: %s",
		       engine->domain, rs_error_text());
		return open_look_timer(engine);
	}
	return add_waker(engine, engine->release_fd);
}

static void close_files(struct rs_engine *engine)
{
	if (engine->record_fd >= 0)
		close(engine->record_fd);
	if (engine->journal_fd >= 0)
		close(engine->journal_fd);
}

static void close_wakers(struct rs_engine *engine)
{
	rs_doorbell_close(&engine->doorbell);
	if (engine->loop_fd >= 0)
		close(engine->loop_fd);
	if (engine->wake_fd >= 0)
		close(engine->wake_fd);
	if (engine->stop_fd >= 0)
		close(engine->stop_fd);
	if (engine->look_fd >= 0)
		close(engine->look_fd);
}

static void *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void unmap(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

/* One more where there are deadlines. */
static uint32_t count_workers(const struct rs_engine *engine)
{
	return engine->worker_count + (engine->deadline.limit_ns ? 1 : 0);
}

static void prepare_turns(struct rs_engine *engine)
{
	for (uint32_t i = 0; i < TURN_COUNT; i++) {
		engine->turns[i].engine = engine;
		engine->turns[i].number = (uint8_t)i;
	}
	for (uint32_t i = 0; i < RS_TURNS; i++) {
		engine->turns[i].record = &engine->record->turns[i];
		engine->turns[i].event.message = engine->record->turns[i].message;
		engine->turns[i].event.layout = engine->layout;
		engine->turns[i].event.answer = &engine->turns[i].answer;
	}
}

static void prepare_workers(struct rs_engine *engine)
{
	for (uint32_t i = 0; i < count_workers(engine); i++) {
		engine->workers[i].engine = engine;
		engine->workers[i].number = i;
		rs_wait_learn(&engine->workers[i]);
		engine->workers[i].sleeps_to_look = 1;
		engine->workers[i].relief = i == engine->worker_count;
	}
}

int rs_engine_allocate(struct rs_engine *engine)
{
	int error = rs_table_open(&engine->table);

	if (!error)
		error = rs_record_open(&engine->record, engine->domain, &engine->log,
				       &engine->record_fd);
	if (error)
		return error;
	engine->lanes = map(engine->vcpu_count * sizeof(*engine->lanes));
	engine->codes = map(engine->vcpu_count * sizeof(*engine->codes));
	engine->turns = map(TURN_COUNT * sizeof(*engine->turns));
	engine->workers = map(count_workers(engine) * sizeof(*engine->workers));
	if (!engine->lanes || !engine->codes || !engine->turns || !engine->workers)
		return rs_fail(ENOMEM, "no memory for %u vCPUs and %u workers", engine->vcpu_count,
			       engine->worker_count);
	prepare_turns(engine);
	prepare_workers(engine);
	engine->unused = (1ULL << RS_TURNS) - 1;
	engine->seats = engine->worker_count == 64 ? ~0ULL : (1ULL << engine->worker_count) - 1;
	engine->strangers.shared = true;
	engine->start_ns = rs_now_ns();
	engine->start_ticks = rs_ticks();
	return 0;
}

/* The least of some: what a notify takes when nothing comes between. */
static int measure_notify(struct rs_engine *engine)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < NOTIFY_TRIES; i++) {
		uint64_t begin = rs_ticks(), ticks;
		int error = rs_doorbell_notify(&engine->doorbell);

		if (error)
			return rs_fail(error, "domain %u: Xen cannot be notified (%s)",
				       engine->domain, strerror(-error));
		ticks = rs_ticks() - begin;
		least = ticks < least ? ticks : least;
	}
	engine->notify_ticks = least;
	engine->wake_ticks = least * WAKE_NOTIFIES;
	if (engine->wake_ticks < WAKE_TICKS_MIN)
		engine->wake_ticks = WAKE_TICKS_MIN;
	return 0;
}

/* What a keeper, or whoever comes after us, has to know: before there is a ring. */
static void describe(struct rs_engine *engine)
{
	struct rs_record *record = engine->record;

	record->message_version = engine->layout->version;
	record->message_size = engine->layout->message_size;
	record->vcpu_count = engine->vcpu_count;
	rs_compiler_barrier();
	memcpy(record->magic, RS_RECORD_MAGIC, sizeof(record->magic));
}

/* With the domain paused: nobody may see the ring between its enabling and its start. */
static int take_ring(struct rs_engine *engine)
{
	uint32_t remote;
	int error = rs_keeper_map(engine);

	describe(engine);
	if (!error)
		error = rs_xen_monitor_enable(engine->xen, engine->domain, &engine->page, &remote);
	if (error)
		return error;
	error = rs_ring_init(&engine->ring, engine->page, engine->layout->message_size,
			     engine->layout->version, engine->vcpu_count);
	if (error) {
		rs_fail(error, "domain %u: the ring cannot be started: %s", engine->domain,
			strerror(-error));
		goto disable;
	}
	error = rs_xen_port_bind(&engine->port, engine->xen, engine->domain, remote);
	if (error)
		goto disable;
	rs_doorbell_init(&engine->doorbell, &rs_xen_port_calls, &engine->port, engine->wake_fd, 0);
	engine->record->port = engine->port.port;
	engine->record->remote_port = remote;
	engine->ring.mirror = &engine->record->req_cons;
	rs_straight_open(engine);
	error = rs_doorbell_open(&engine->doorbell);
	if (error)
		rs_fail(error, "domain %u: nothing to sleep at: %s", engine->domain,
			strerror(-error));
	else
		error = measure_notify(engine);
	if (!error)
		error = rs_wanted_begin(engine);
	if (!error)
		return 0;
	rs_xen_port_unbind(&engine->port);
disable:
	rs_xen_monitor_disable(engine->xen, engine->domain);
	rs_xen_monitor_unmap(engine->xen, engine->page);
	return error;
}

static int take_paused(struct rs_engine *engine)
{
	struct rs_error_note note;
	int error = rs_xen_domain_pause(engine->xen, engine->domain);

	if (error)
		return error;
	error = take_ring(engine);
	rs_error_keep(&note);
	rs_xen_domain_unpause(engine->xen, engine->domain);
	if (error)
		rs_error_restore(&note);
	return error;
}

/* Can the workers be restricted here? Without that the engine goes on, or not, as its user has said. */
static int prepare_sandbox(struct rs_engine *engine)
{
	int error = engine->sandbox_mode ? rs_sandbox_try() : 0;
	char text[256];

	engine->sandboxed = engine->sandbox_mode && !error;
	if (!error)
		return 0;
	snprintf(text, sizeof(text), "%s", rs_error_text());
	if (engine->sandbox_mode == RS_SANDBOX_REQUIRED)
		return rs_fail(error, "domain %u: no sandbox: %s", engine->domain, text);
	rs_log(&engine->log, error == -EOPNOTSUPP ? RS_LOG_INFO : RS_LOG_WARNING,
	       "domain %u: no sandbox: %s: its handlers may do all that this process may",
	       engine->domain, text);
	return 0;
}

/*
 * What wakes us is bound by now, and what we map of it mapped. Who is in a sandbox opens nothing any more:
 * what handlers may ask for is opened before; if it cannot be, they are told when they ask.
 */
static void restrict_all(struct rs_engine *engine)
{
	if (engine->sandboxed) {
		rs_interrupt_open(engine->port.interrupt);
		rs_engine_guest(engine);
	}
	rs_xen_restrict(engine->xen, engine->domain);
}

static int attach(struct rs_engine *engine, const char *domain)
{
	int error = rs_xen_store_find(engine->xen, domain, &engine->domain);

	if (!error)
		error = check_messages(engine);
	if (!error)
		error = check_domain(engine, domain);
	if (error)
		return error;
	rs_xen_store_name(engine->xen, engine->domain, engine->name, sizeof(engine->name));
	engine->sources.xen = engine->pages.xen = engine->views.xen = engine->xen;
	engine->sources.domain = engine->pages.domain = engine->views.domain = engine->domain;
	engine->pages.log = engine->views.log = &engine->log;
	engine->pages.views = &engine->views;
	engine->traps.xen = engine->traps.shadows.xen = engine->xen;
	engine->traps.domain = engine->traps.shadows.domain = engine->domain;
	engine->traps.log = engine->traps.shadows.log = &engine->log;
	engine->traps.pages = &engine->pages;
	engine->may_spin = engine->waiting == RS_WAIT_ADAPTIVE && rs_wait_may_spin();
	/* The journal first: by it whoever comes after us finds the record, too. */
	error = open_journal(engine);
	if (!error)
		error = rs_engine_allocate(engine);
	if (!error)
		error = open_wakers(engine);
	if (!error)
		error = rs_keeper_start(engine);
	if (!error)
		error = prepare_sandbox(engine);
	if (!error)
		error = rs_deadline_start(engine);
	if (!error)
		error = take_paused(engine);
	if (!error)
		restrict_all(engine);
	return error;
}

/* What attach has got by itself; a part that it did not reach is 0, NULL or -1. */
void rs_engine_free(struct rs_engine *engine)
{
	rs_deadline_end(engine);
	close_wakers(engine);
	close_files(engine);
	rs_watch_free_all(engine);
	rs_coverage_free(engine);
	rs_view_free_all(engine);
	free(engine->sources.on);
	unmap(engine->workers, count_workers(engine) * sizeof(*engine->workers));
	unmap(engine->turns, TURN_COUNT * sizeof(*engine->turns));
	unmap(engine->codes, engine->vcpu_count * sizeof(*engine->codes));
	unmap(engine->lanes, engine->vcpu_count * sizeof(*engine->lanes));
	rs_keeper_end(engine);
	rs_record_close(engine->record);
	rs_guest_close(engine->guest);
	rs_journal_close(engine->journal, true);
	rs_xen_close(engine->xen);
	rs_ground_destroy(&engine->ground);
	pthread_mutex_destroy(&engine->guest_opening);
	pthread_mutex_destroy(&engine->burial);
	pthread_mutex_destroy(&engine->control);
	free(engine);
}

int rs_engine_attach_sized(struct rs_engine **out, const char *domain,
			   const struct rs_engine_options *options, size_t size)
{
	struct rs_engine *engine = aligned_alloc(64, sizeof(*engine));
	struct rs_error_note note;
	int error;

	*out = NULL;
	if (!engine)
		return rs_fail(ENOMEM, "no memory for an engine");
	memset(engine, 0, sizeof(*engine));
	engine->wake_fd = engine->stop_fd = engine->release_fd = engine->look_fd = -1;
	engine->loop_fd = engine->doorbell.sleep_fd = -1;
	engine->record_fd = engine->journal_fd = engine->keeper.fd = -1;
	pthread_mutex_init(&engine->control, NULL);
	pthread_mutex_init(&engine->burial, NULL);
	pthread_mutex_init(&engine->guest_opening, NULL);
	rs_ground_init(&engine->ground);
	rs_views_init(&engine->views);
	rs_traps_init(&engine->traps);
	error = read_options(engine, options, size);
	if (!error)
		error = rs_xen_open(&engine->xen, &engine->log);
	if (!error)
		error = attach(engine, domain);
	if (error) {
		rs_error_keep(&note);
		rs_engine_free(engine);
		rs_error_restore(&note);
		return error;
	}
	rs_log(&engine->log, RS_LOG_INFO, "domain %u (%s): attached, %u vCPUs, messages of version %u",
	       engine->domain, engine->name, engine->vcpu_count, engine->layout->version);
	*out = engine;
	return 0;
}

uint32_t rs_engine_domain(const struct rs_engine *engine)
{
	return engine->domain;
}

const char *rs_engine_domain_name(const struct rs_engine *engine)
{
	return engine->name;
}

uint32_t rs_engine_vcpu_count(const struct rs_engine *engine)
{
	return engine->vcpu_count;
}

struct rs_guest *rs_engine_guest(struct rs_engine *engine)
{
	/* G1: acquires G2. */
	struct rs_guest *guest = rs_load_acquire(&engine->guest);

	if (guest)
		return guest;
	pthread_mutex_lock(&engine->guest_opening);
	guest = engine->guest;
	/* Many engines never look at their guest's memory: it is opened when one does. */
	if (!guest && !rs_guest_open_lent(&guest, engine->xen, &engine->log, engine->domain,
					   engine->max_gfn))
		/* G2: releases the guest to G1. */
		rs_store_release(&engine->guest, guest);
	pthread_mutex_unlock(&engine->guest_opening);
	return guest;
}

uint16_t rs_engine_view(const struct rs_engine *engine)
{
	return rs_load_relaxed(&engine->pages.view);
}
