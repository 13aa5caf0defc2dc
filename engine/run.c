/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run.c: waiting for events, and the loop around the rounds. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "engine/private.h"
#include "engine/rcu.h"
#include "ring/atomics.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/store.h"

/* Where xenstore does not tell us, we look this often whether the guest lives. */
#define LOOK_MS 500
/* A spinner looks at everything but the ring only now and then. */
#define SPINS_BETWEEN_LOOKS 65536

/* Of step: neither events nor an error. */
enum { STEP_IDLE = 0, STEP_STOPPED = -1000 };

_Thread_local struct rs_engine *rs_engine_here;

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
	return 0;
}

/* Empties what woke us, and looks whether the guest lives if that was it. */
static int look_around(struct rs_engine *engine)
{
	uint64_t value;

	/* Non-blocking; nothing to read is no error here. */
	if (read(engine->stop_fd, &value, sizeof(value)) < 0 && errno != EAGAIN)
		return rs_fail(errno, "read eventfd: %s", strerror(errno));
	if (engine->release_fd >= 0 && rs_xen_store_released(engine->xen))
		return rs_engine_check_life(engine);
	return 0;
}

static bool is_woken(const struct rs_engine *engine)
{
	struct epoll_event event;

	return epoll_wait(engine->wake_fd, &event, 1, 0) > 0;
}

/* With the port masked for good: whatever comes is seen on the page. */
static int spin(struct rs_engine *engine, int timeout_ms)
{
	uint64_t end = timeout_ms > 0 ? rs_now_ns() + (uint64_t)timeout_ms * 1000000 : 0;

	for (;;) {
		for (unsigned int i = 0; i < SPINS_BETWEEN_LOOKS; i++) {
			if (rs_ring_pending(&engine->ring))
				return RS_DOORBELL_WORK;
			if (rs_load_relaxed(&engine->stop))
				return RS_DOORBELL_WOKEN;
			if (!timeout_ms)
				return RS_DOORBELL_TIMEOUT;
			rs_cpu_relax();
		}
		if (is_woken(engine))
			return RS_DOORBELL_WOKEN;
		if (timeout_ms > 0 && rs_now_ns() >= end)
			return RS_DOORBELL_TIMEOUT;
	}
}

static int wait_for_work(struct rs_engine *engine, int timeout_ms)
{
	if (engine->release_fd < 0 && (timeout_ms < 0 || timeout_ms > LOOK_MS))
		timeout_ms = LOOK_MS;
	if (engine->waiting == RS_WAIT_SPIN)
		return spin(engine, timeout_ms);
	return rs_doorbell_wait(&engine->doorbell, &engine->ring, timeout_ms);
}

static int step(struct rs_engine *engine, int timeout_ms)
{
	int result;

	if (take_stop(engine))
		return STEP_STOPPED;
	result = wait_for_work(engine, timeout_ms);
	if (result < 0)
		return rs_fail(result, "domain %u: waiting for events: %s", engine->domain,
			       strerror(-result));
	switch (result) {
	case RS_DOORBELL_WORK:
		return rs_round(engine);
	case RS_DOORBELL_WOKEN:
		result = look_around(engine);
		return !result && take_stop(engine) ? STEP_STOPPED : result;
	default:
		return engine->release_fd < 0 ? rs_engine_check_life(engine) : STEP_IDLE;
	}
}

/* This thread becomes the engine's. */
static struct rs_engine *enter(struct rs_engine *engine)
{
	struct rs_engine *outer = rs_engine_here;

	rs_engine_here = engine;
	if (!outer)
		rs_rcu_enter();
	return outer;
}

/* Back to the engine whose handler has stepped this one, if that is what happened. */
static void leave(struct rs_engine *outer)
{
	if (!outer)
		rs_rcu_leave();
	rs_engine_here = outer;
}

int rs_engine_step(struct rs_engine *engine, int timeout_ms)
{
	struct rs_engine *outer = enter(engine);
	int result = step(engine, timeout_ms);

	leave(outer);
	return result == STEP_STOPPED ? 0 : result;
}

int rs_engine_run(struct rs_engine *engine)
{
	struct rs_engine *outer = enter(engine);
	int result;

	do
		result = step(engine, -1);
	while (result >= 0);
	leave(outer);
	return result == STEP_STOPPED ? 0 : result;
}

void rs_engine_stop(struct rs_engine *engine)
{
	static const uint64_t one = 1;
	int error = errno;

	/* The flag first: who is woken by the descriptor must find it. */
	rs_store_release(&engine->stop, 1);
	if (write(engine->stop_fd, &one, sizeof(one)) < 0) {
		/* Full, which means that it is readable: as good. */
	}
	errno = error;
}
