/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run.c: threads that become workers, and the loop around their visits. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "engine/private.h"
#include "engine/rcu.h"
#include "engine/wait.h"
#include "ring/atomics.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/sandbox.h"
#include "xen/store.h"

static bool take_stop(struct rs_engine *engine)
{
	return rs_load_relaxed(&engine->stop) && rs_exchange_acquire(&engine->stop, 0);
}

int rs_engine_check_life(struct rs_engine *engine)
{
	struct rs_xen_domain info;
	int error = rs_xen_domain_read(engine->xen, engine->domain, &info);

	if (error == -ESRCH || (!error && info.dying))
		return rs_fail(ENODEV, "domain %u was destroyed while it was watched",
			       engine->domain);
	if (error)
		return error;
	if (info.ended)
		return rs_fail(ENODEV, "domain %u shut down, or crashed, while it was watched",
			       engine->domain);
	if (info.suspended && !rs_exchange_acquire(&engine->told_suspended, 1))
		rs_log(&engine->log, RS_LOG_WARNING,
		       "domain %u is suspended, to be saved or migrated, while it is watched: the "
		       "image will hold what was changed in its memory (breakpoints), but no watch: "
		       "detach first", engine->domain);
	return 0;
}

/* Empties what woke us, and looks whether the guest lives if that was it. */
static int look_around(struct rs_worker *worker)
{
	struct rs_engine *engine = worker->engine;
	uint64_t value;

	/* Non-blocking; nothing to read is no error here. */
	if (read(engine->stop_fd, &value, sizeof(value)) < 0 && errno != EAGAIN)
		return rs_fail(errno, "read eventfd: %s", strerror(errno));
	/* In a sandbox no program can be started. */
	if (rs_keeper_look(engine, !worker->confined))
		rs_ground_call(&engine->ground);
	if (engine->release_fd >= 0 ? rs_xen_store_released(engine->xen)
				    : read(engine->look_fd, &value, sizeof(value)) > 0)
		return rs_engine_check_life(engine);
	return 0;
}

/* Something else than work has ended a wait. */
static int look_after_wait(struct rs_worker *worker, int result)
{
	struct rs_engine *engine = worker->engine;

	if (result < 0)
		return rs_fail(result, "domain %u: waiting for events: %s", engine->domain,
			       strerror(-result));
	result = result == RS_DOORBELL_WOKEN ? look_around(worker) : 0;
	return !result && rs_load_relaxed(&engine->stop) ? RS_ENGINE_STOPPED : result;
}

int rs_engine_wait(struct rs_worker *worker, int timeout_ms)
{
	int result = rs_wait(worker, timeout_ms);

	if (result == RS_DOORBELL_WORK && !rs_load_relaxed(&worker->engine->stop))
		return 0;
	return look_after_wait(worker, result);
}

/* -- becoming a worker -- */

static struct rs_worker *take_seat(struct rs_engine *engine)
{
	uint64_t seats = rs_load_relaxed(&engine->seats);

	while (seats) {
		uint64_t bit = seats & -seats, found = rs_and_acq_rel(&engine->seats, ~bit);

		if (found & bit)
			return &engine->workers[__builtin_ctzll(bit)];
		seats = found;
	}
	return NULL;
}

static void leave_seat(struct rs_worker *worker)
{
	rs_or_acq_rel(&worker->engine->seats, 1ULL << worker->number);
}

int rs_engine_enter(struct rs_engine *engine, struct rs_worker **worker)
{
	/* Before we ask whether it is closing, against rs_engine_close. */
	rs_add_seq_cst(&engine->users, 1);
	if (rs_load_seq_cst(&engine->closing)) {
		rs_sub_acq_rel(&engine->users, 1);
		return rs_fail(ESHUTDOWN, "domain %u is being detached from", engine->domain);
	}
	*worker = take_seat(engine);
	if (!*worker) {
		rs_sub_acq_rel(&engine->users, 1);
		return rs_fail(EAGAIN, "domain %u: as many threads as options.workers (%u) handle "
				       "its events already", engine->domain, engine->worker_count);
	}
	rs_rcu_enter();
	rs_worker_here = *worker;
	return 0;
}

void rs_engine_leave(struct rs_worker *worker, struct rs_worker *outer)
{
	struct rs_engine *engine = worker->engine;

	rs_wait_leave(worker);
	leave_seat(worker);
	rs_worker_here = outer;
	rs_sub_acq_rel(&engine->users, 1);
}

bool rs_engine_close(struct rs_engine *engine, uint64_t limit_ns)
{
	uint64_t end = rs_now_ns() + limit_ns;

	rs_store_seq_cst(&engine->closing, 1);
	while (rs_load_seq_cst(&engine->users)) {
		rs_engine_stop(engine);
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
		if (rs_now_ns() > end)
			return false;
	}
	rs_store_relaxed(&engine->stop, 0);
	return true;
}

void rs_engine_fail(struct rs_engine *engine, int error)
{
	if (!rs_exchange_acq_rel(&engine->failing, 1)) {
		rs_error_keep(&engine->failure_note);
		rs_store_release(&engine->failure, error);
	}
	rs_engine_stop(engine);
}

/* What all threads have stopped for; or `result`, if it was not a failure. */
static int end(struct rs_engine *engine, int result)
{
	int failure = rs_load_acquire(&engine->failure);

	take_stop(engine);
	if (failure) {
		rs_error_restore(&engine->failure_note);
		rs_store_relaxed(&engine->failure, 0);
		rs_store_release(&engine->failing, 0);
		return failure;
	}
	if (result == RS_ENGINE_STOPPED)
		return rs_load_relaxed(&engine->closing)
			       ? rs_fail(ESHUTDOWN, "domain %u was detached from", engine->domain)
			       : 0;
	return result;
}

/* -- the loop -- */

static int loop(struct rs_worker *worker)
{
	struct rs_engine *engine = worker->engine;
	int result = 0;

	while (result >= 0 && !rs_load_relaxed(&engine->stop)) {
		result = engine->straight ? rs_straight_serve(worker) : RS_DOORBELL_WORK;
		if (result == RS_DOORBELL_WORK) {
			result = rs_worker_visit(worker);
			if (result)
				continue;
			result = rs_wait(worker, -1);
		}
		result = result == RS_DOORBELL_WORK ? 0 : look_after_wait(worker, result);
	}
	/* The others have no other way to learn of it. */
	if (result < 0 && result != RS_ENGINE_STOPPED)
		rs_engine_fail(engine, result);
	rs_wait_wake_all(engine);
	return result < 0 ? result : RS_ENGINE_STOPPED;
}

static void run_helper(struct rs_worker *worker)
{
	rs_rcu_enter();
	rs_worker_here = worker;
	loop(worker);
	rs_wait_leave(worker);
	leave_seat(worker);
}

static void *helper_main(void *argument)
{
	run_helper(argument);
	return NULL;
}

/* What could be done at attach can be done now, or the engine does not run. */
static void *confined_main(void *argument)
{
	struct rs_worker *worker = argument;
	struct rs_engine *engine = worker->engine;
	int error = rs_sandbox_enter();

	if (error) {
		rs_engine_fail(engine, error);
		leave_seat(worker);
	} else {
		worker->confined = true;
		run_helper(worker);
		worker->confined = false;
	}
	rs_ground_end(&engine->ground);
	return NULL;
}

static int start_confined(struct rs_worker *worker, pthread_t *thread)
{
	struct rs_ground *ground = &worker->engine->ground;
	int error;

	rs_ground_begin(ground);
	error = pthread_create(thread, NULL, confined_main, worker);
	if (error)
		rs_ground_end(ground);
	return error;
}

/* Signals are the program's own threads' affair. */
static int start_helper(struct rs_worker *worker, pthread_t *thread)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = worker->engine->sandboxed ? start_confined(worker, thread)
					  : pthread_create(thread, NULL, helper_main, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

/* The other workers' threads. Returns how many. */
static uint32_t start_helpers(struct rs_engine *engine, pthread_t *threads)
{
	uint32_t count = 0;

	while (count + 1 < engine->worker_count) {
		struct rs_worker *worker = take_seat(engine);

		if (!worker)
			break;
		if (start_helper(worker, &threads[count])) {
			leave_seat(worker);
			rs_log(&engine->log, RS_LOG_WARNING,
			       "domain %u: only %u workers of %u: no more threads",
			       engine->domain, count + 1, engine->worker_count);
			break;
		}
		count++;
	}
	return count;
}

/* As that worker, in another thread, which may less: this one looks after it. */
static int run_confined(struct rs_worker *worker, pthread_t *thread)
{
	struct rs_engine *engine = worker->engine;
	int error = start_helper(worker, thread);

	if (error)
		rs_engine_fail(engine, rs_fail(error, "domain %u: no thread for its worker: %s",
					       engine->domain, strerror(error)));
	rs_ground_serve(engine);
	return error;
}

static int run(struct rs_worker *worker)
{
	struct rs_engine *engine = worker->engine;
	pthread_t threads[RS_WORKERS_MAX];
	uint32_t count = engine->worker_count > 1 ? start_helpers(engine, threads) : 0;
	int result = RS_ENGINE_STOPPED;

	if (!engine->sandboxed)
		result = loop(worker);
	else if (!run_confined(worker, &threads[count]))
		count++;
	while (count)
		pthread_join(threads[--count], NULL);
	return end(engine, result);
}

int rs_engine_run(struct rs_engine *engine)
{
	struct rs_worker *outer = rs_worker_here, *worker;
	int result = rs_engine_enter(engine, &worker);

	if (result)
		return result;
	/* In a sandbox another thread is that worker. */
	if (engine->sandboxed)
		rs_worker_here = outer;
	result = run(worker);
	rs_engine_leave(worker, outer);
	return result;
}

static int step(struct rs_worker *worker, int timeout_ms)
{
	int result = rs_worker_visit(worker);

	if (result || rs_load_relaxed(&worker->engine->stop))
		return result;
	result = rs_engine_wait(worker, timeout_ms);
	return result ? result : rs_worker_visit(worker);
}

int rs_engine_step(struct rs_engine *engine, int timeout_ms)
{
	struct rs_worker *outer = rs_worker_here, *worker;
	int result = rs_engine_enter(engine, &worker);

	if (result)
		return result;
	if (!take_stop(engine))
		result = step(worker, timeout_ms);
	if (result < 0)
		result = end(engine, result);
	rs_engine_leave(worker, outer);
	return result;
}

void rs_engine_stop(struct rs_engine *engine)
{
	static const uint64_t one = 1;
	int error = errno;

	/* The flag first: who is woken by the descriptor must find it. */
	rs_store_seq_cst(&engine->stop, 1);
	rs_straight_call(engine); /* A1 */
	if (write(engine->stop_fd, &one, sizeof(one)) < 0) {
		/* Full, which means that it is readable: as good. */
	}
	rs_wait_wake_all(engine);
	errno = error;
}

static int open_loop(struct rs_engine *engine)
{
	struct epoll_event event = { .events = EPOLLIN };
	int port_fd = engine->doorbell.calls->fd(engine->doorbell.context);
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return rs_fail(errno, "epoll_create1: %s", strerror(errno));
	if (epoll_ctl(fd, EPOLL_CTL_ADD, port_fd, &event) < 0 ||
	    epoll_ctl(fd, EPOLL_CTL_ADD, engine->wake_fd, &event) < 0) {
		int error = rs_fail(errno, "epoll_ctl: %s", strerror(errno));

		close(fd);
		return error;
	}
	rs_store_relaxed(&engine->loop_fd, fd);
	return 0;
}

int rs_engine_fd(struct rs_engine *engine)
{
	int error = engine->loop_fd < 0 ? open_loop(engine) : 0;

	return error ? error : engine->loop_fd;
}
