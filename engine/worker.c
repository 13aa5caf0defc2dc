/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* worker.c: claim or take, run, put. */
#include "engine/worker.h"

#include "engine/private.h"
#include "engine/taker.h"
#include "engine/turn.h"
#include "engine/wait.h"
#include "ring/atomics.h"

/* So many calls must be quick, in a row, before a handler is taken to be so. */
#define PATIENCE 8

_Thread_local struct rs_worker *rs_worker_here;

void rs_pace_init(struct rs_pace *pace)
{
	pace->held = pace->slow = PATIENCE;
}

/* Written only when it changes: handlers that are quick share a line that stays clean. */
static void learn(uint8_t *left, bool quick)
{
	uint8_t before = rs_load_relaxed(left), after = quick ? before - (before > 0) : PATIENCE;

	if (after != before)
		rs_store_relaxed(left, after);
}

void rs_pace_change(struct rs_pace *pace, uint64_t ticks, const struct rs_engine *engine)
{
	bool quick = ticks <= engine->wake_ticks;

	learn(&pace->held, ticks <= engine->notify_ticks);
	/* Once may be somebody else's turn on our CPU: to wake more threads there makes it worse. */
	learn(&pace->slow, quick || !rs_load_relaxed(&pace->once));
	learn(&pace->once, quick);
}

/* Lanes that we have made ready. */
static void keep(struct rs_worker *worker, uint64_t turns)
{
	if (!turns)
		return;
	if (worker->engine->worker_count == 1)
		worker->mine |= turns;
	else
		rs_or_seq_cst(&worker->engine->ready, turns); /* W1 */
}

void rs_worker_offer(struct rs_engine *engine, uint64_t turns)
{
	rs_or_seq_cst(&engine->ready, turns); /* W1 */
	rs_wait_wake(engine);
}

/* A lane to run: the turn that is first in it, or -1. */
static int claim(struct rs_worker *worker)
{
	uint64_t *ready = &worker->engine->ready, set = worker->mine;

	if (set) {
		worker->mine &= set - 1;
		return __builtin_ctzll(set);
	}
	for (set = rs_load_relaxed(ready); set;) {
		uint64_t bit = set & -set, found = rs_and_acq_rel(ready, ~bit); /* W2 */

		if (found & bit) {
			/* Another worker may have taken it, since our last stage ended. */
			worker->stamp = rs_ticks();
			return __builtin_ctzll(bit);
		}
		set = found;
	}
	return -1;
}

int rs_worker_flush(struct rs_worker *worker)
{
	uint64_t finished = worker->finished, ready = 0;
	int error;

	if (rs_load_relaxed(&worker->held))
		finished |= rs_exchange_acq_rel(&worker->held, 0); /* D2 */
	if (!finished)
		return 0;
	worker->finished = 0;
	error = rs_responder_put(worker->engine, &worker->counters, finished, &ready);
	keep(worker, ready);
	if (error)
		rs_engine_fail(worker->engine, error);
	return error;
}

/* Only the watcher's answers may wait: somebody looks after it. */
static void prepare_shared(struct rs_worker *worker, bool held, bool slow)
{
	uint64_t finished = worker->finished;

	worker->quick = !slow;
	rs_wait_guard(worker, slow);
	if (!finished)
		return;
	if (held || !rs_wait_is_watcher(worker)) {
		rs_worker_flush(worker);
		worker->stamp = rs_ticks();
		return;
	}
	worker->finished = 0;
	rs_or_acq_rel(&worker->held, finished); /* D1 */
}

void rs_worker_prepare(struct rs_worker *worker, const struct rs_pace *pace)
{
	bool held = rs_load_relaxed(&pace->held);

	if (worker->engine->worker_count > 1) {
		prepare_shared(worker, held, rs_load_relaxed(&pace->slow));
	} else if (worker->finished && held) {
		rs_worker_flush(worker);
		worker->stamp = rs_ticks();
	}
}

/* An asynchronous event whose answer has gone long since. Returns what its lane runs next. */
static uint64_t finish_early(struct rs_engine *engine, struct rs_counters *counters,
			     struct rs_turn *turn)
{
	int next;

	rs_counters_handler(counters, turn->event.kind, turn->ended - turn->began);
	next = rs_lane_next(turn->lane);
	if (rs_sub_acq_rel(&turn->parts, 1) == 1)
		rs_turns_free(engine, 1ULL << turn->number);
	return next < 0 ? 0 : 1ULL << next;
}

static void run(struct rs_worker *worker, int number)
{
	struct rs_turn *turn = &worker->engine->turns[number];

	rs_store_relaxed(&worker->beat, worker->beat + 1);
	if (!rs_turn_run(worker, turn))
		return;
	if (turn->early)
		keep(worker, finish_early(worker->engine, &worker->counters, turn));
	else
		worker->finished |= 1ULL << number;
}

/* What is ready, then what is on the ring. -1: nothing for us. */
static int find(struct rs_worker *worker)
{
	int number = claim(worker);
	uint64_t ready;

	if (number >= 0 || (worker->quick && !rs_wait_may_take(worker)))
		return number;
	ready = rs_take(worker);
	/* Asynchronous ones: others may wait for their slots. */
	if (worker->finished)
		rs_worker_flush(worker);
	if (!ready)
		return claim(worker);
	/* What it took to copy them all is not the first one's handler's. */
	worker->stamp = rs_ticks();
	keep(worker, ready & (ready - 1));
	return __builtin_ctzll(ready);
}

int rs_worker_visit(struct rs_worker *worker)
{
	return worker->engine->straight ? rs_straight_visit(worker)
					: rs_worker_visit_lanes(worker, 0);
}

int rs_worker_visit_lanes(struct rs_worker *worker, int handled)
{
	int number = find(worker), error = 0;

	while (number >= 0 && !error) {
		run(worker, number);
		handled++;
		if (worker->pulled)
			break;
		number = claim(worker);
		if (number >= 0)
			continue;
		error = rs_worker_flush(worker);
		number = claim(worker);
	}
	if (!error)
		error = rs_worker_flush(worker);
	return error ? error : handled;
}

int rs_worker_finish(struct rs_engine *engine, struct rs_turn *turn)
{
	struct rs_worker *here = rs_worker_here;
	struct rs_counters *counters =
		here && here->engine == engine ? &here->counters : &engine->strangers;
	uint64_t ready = 0;
	int error = 0;

	if (turn->early)
		ready = finish_early(engine, counters, turn);
	else
		error = rs_responder_put(engine, counters, 1ULL << turn->number, &ready);
	if (ready)
		rs_worker_offer(engine, ready);
	if (error)
		rs_engine_fail(engine, error);
	return error;
}
