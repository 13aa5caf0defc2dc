/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker.h: one thread's share of an engine: it claims lanes, or takes, and runs what it has
 * to the end.
 *
 * With one worker there is nothing to share, and lanes that are ready stay in `mine`. With
 * more they are in the engine's `ready`, from which any worker claims:
 *
 *   W1  who offers a lane releases it (and its turns) to W2
 *   W2  who claims it acquires W1
 *
 * Answers that wait while the watcher runs a quick handler are in `held`, for the deputy to
 * put if that handler gets stuck:
 *
 *   D1  the worker releases them
 *   D2  it, or the deputy, takes them out
 */
#ifndef RS_ENGINE_WORKER_H
#define RS_ENGINE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include <ringside/event.h>

#include "engine/statistics.h"
#include "engine/straight.h"
#include "ring/atomics.h"

struct rs_engine;
struct rs_turn;
struct rs_rule;

/* Workers are bits of a word. With eight slots on the ring more would have nothing to do. */
#define RS_WORKERS_MAX 64

/* How long a watch's handler has taken lately; read before each call, written on a change. */
struct rs_pace {
	union {
		struct {
			/* Calls left until it is known to take less time than a notify; */
			uint8_t held;
			/* than waking a thread. */
			uint8_t slow;
			uint8_t gone; /* its rule was unpublished */
			/* Calls left until one that took longer than waking is forgotten. */
			uint8_t once;
		};
		uint32_t all; /* 0: it is quick, and there */
	};
};

struct rs_worker {
	struct rs_engine *engine;
	uint32_t number;
	bool confined; /* in a sandbox */
	bool relief;  /* deadline.h: it asks nobody */
	bool pulling; /* for rs_engine_next, until it has */
	bool quick;   /* its last handler was known to be: see rs_wait_may_take */
	bool pulled;  /* an event, whose turn is kept: */
	struct rs_event pulled_event;
	uint64_t mine;          /* turns: lanes that we own and have not begun */
	uint64_t finished;      /* turns: answers to be put */
	uint64_t held;          /* likewise, while a handler runs: the deputy's, if it gets stuck */
	uint64_t stamp;         /* ticks, when the last stage ended */
	uint32_t misses;        /* looks in a row that found work and could not have it */
	/* wait.c: whether spinning has paid lately; the sleeps between trials, and until the next. */
	uint32_t credit, patience, sleeps_to_trial;
	uint32_t sleeps_to_look; /* wait.c: then the interrupt is to be where we are */
	struct rs_rule *running __attribute__((aligned(64))); /* whose handler runs */
	struct rs_rule *inner; /* the same, of another page that the instruction touches: others.h */
	uint32_t parked; /* a futex: 1 while it sleeps there */
	uint32_t beat;   /* changes with every turn */
	struct rs_straight straight __attribute__((aligned(64)));
	struct rs_known known[RS_KNOWN_COUNT];
	struct rs_counters counters __attribute__((aligned(64)));
};

/*
 * Runs what is ready, or takes, until nothing is left; puts all answers. Returns how many
 * turns were run, or -errno.
 */
int rs_worker_visit(struct rs_worker *worker);

/* The general way of that: all that straight.h leaves. `handled` turns were run before. */
int rs_worker_visit_lanes(struct rs_worker *worker, int handled);

/*
 * Before a handler of that pace: what is finished is put, unless the handler takes less time
 * than that; and if it is slow, somebody else looks after the ring and the other lanes.
 */
void rs_worker_prepare(struct rs_worker *worker, const struct rs_pace *pace);

/* The answers that this worker has finished, now. */
int rs_worker_flush(struct rs_worker *worker);

/* Lanes that are ready, to all workers: what a thread that is none has found. */
void rs_worker_offer(struct rs_engine *engine, uint64_t turns);

/* The end of a turn that was kept, in any thread. */
int rs_worker_finish(struct rs_engine *engine, struct rs_turn *turn);

void rs_pace_init(struct rs_pace *pace);
void rs_pace_change(struct rs_pace *pace, uint64_t ticks, const struct rs_engine *engine);

/* The worker that this thread is, innermost, or NULL. */
extern _Thread_local struct rs_worker *rs_worker_here;

#endif
