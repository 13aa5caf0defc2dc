/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * next.c: events by pulling.
 *
 * A thread that pulls is a worker for the length of the call. A watch without a handler makes it
 * keep the event, as RS_LATER would, and return with it. What else it had begun is offered to
 * the others, since nobody knows when it will come again.
 */
#include "engine/private.h"
#include "engine/wait.h"
#include "ring/atomics.h"

static int64_t now_ms(void)
{
	return (int64_t)(rs_now_ns() / 1000000);
}

/* 1: one was pulled. 0: nothing came. STOPPED or -errno. */
static int pull(struct rs_worker *worker, int timeout_ms)
{
	int64_t deadline = timeout_ms > 0 ? now_ms() + timeout_ms : 0;
	int left = timeout_ms;

	for (;;) {
		int result = rs_worker_visit(worker);

		if (result < 0)
			return result;
		if (worker->pulled)
			return 1;
		if (result)
			continue;
		if (timeout_ms > 0) {
			left = (int)(deadline - now_ms());
			left = left > 0 ? left : 0;
		}
		result = rs_engine_wait(worker, left);
		if (result < 0)
			return result;
		if (!left && !rs_ring_pending(&worker->engine->ring) &&
		    !rs_load_relaxed(&worker->engine->ready))
			return 0;
	}
}

/* Lanes that were begun for nobody, to whoever comes. */
static void hand_over(struct rs_worker *worker)
{
	uint64_t mine = worker->mine;

	worker->mine = 0;
	if (mine)
		rs_worker_offer(worker->engine, mine);
	else if (rs_load_relaxed(&worker->engine->ready))
		rs_wait_wake(worker->engine);
}

int rs_engine_next(struct rs_engine *engine, struct rs_event *event, int timeout_ms)
{
	struct rs_worker *outer = rs_worker_here, *worker;
	int result = rs_engine_enter(engine, &worker);

	if (result)
		return result;
	worker->pulling = true;
	result = pull(worker, timeout_ms);
	if (worker->pulled)
		*event = worker->pulled_event;
	worker->pulled = worker->pulling = false;
	hand_over(worker);
	rs_engine_leave(worker, outer);
	return result == RS_ENGINE_STOPPED ? 0 : result;
}
