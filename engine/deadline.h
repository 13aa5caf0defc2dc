/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deadline.h: events that stay open for too long.
 *
 * Where the user has asked for it a thread looks, four times in the limit, at the turns: one that
 * shows the same event, with its handler running or kept, for longer than the limit has missed its
 * deadline. That is told, and counted; and if the engine is to go on it is answered, as RS_CONTINUE
 * says. Nothing of this is on an event's way where nobody has asked; where somebody has, an event of
 * several workers leaves these marks in turn->state:
 *
 *   RUNS      its worker is about to call handlers
 *   RETURNED  they have returned with a reply; or what was kept was answered too late
 *   MISSED    the deadline's: the answer, and the lane, are its affair from now on
 *   SETTLED   which has come to its end
 *
 * Who may answer is decided by one word:
 *
 *   Z1  a worker releases its lane, by RUNS, to Z2
 *   Z2  the deadline claims: from RUNS or KEPT to MISSED, in one exchange; acquires Z1, E2
 *   Z3  a worker whose handler has returned says so; if that finds MISSED its reply is too late
 *   Z4  of two that have to be done with a turn, its late handler or answer and the deadline, each
 *       says so, and the second one frees it
 *
 * The late handler still has its event in its hands, and perhaps writes to its answer. So the turn
 * stays as it is, and is nobody else's, until the handler has returned; the answer is built in
 * another one, its substitute: there are as many as the ring has slots, and so as requests can be
 * open. While a handler is late its lane goes on without any.
 *
 * Model: tests/model/deadline.pml.
 */
#ifndef RS_ENGINE_DEADLINE_H
#define RS_ENGINE_DEADLINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/record.h"

struct rs_engine;
struct rs_turn;
struct rs_worker;

/* So many turns may wait for late ones to be done with them: half of all. */
#define RS_LATE_MAX 16

struct rs_deadline {
	uint64_t limit_ns; /* 0: there is none */
	bool answers;      /* not only tells */
	bool runs;         /* the thread */
	bool ending;
	pthread_t thread;
	pthread_mutex_t lock; /* for `ending`, which `ends` tells */
	pthread_cond_t ends;
	uint64_t busy; /* substitutes: the thread takes them, and whoever puts gives them back */
	uint64_t missed, passed_over;
	uint32_t late; /* handlers. By who is first it may be -1 for a moment */
	/* The thread's: which event a turn shows, since when, and whether that was told. */
	struct {
		uint64_t serial, since_ns;
		bool told;
	} seen[RS_TURNS];
};

/* The thread begins, where there is a limit; ends, when nobody runs handlers any more. */
int rs_deadline_start(struct rs_engine *engine);
void rs_deadline_end(struct rs_engine *engine);

/* A turn's handlers, and its end, as rs_turn_end. By its lane's owner. */
bool rs_deadline_run(struct rs_worker *worker, struct rs_turn *turn);

/* What may have to be told of a turn: before others see that its handler runs, or that it is kept. */
void rs_deadline_note(struct rs_turn *turn);

/* A substitute's answer is on the page. */
void rs_deadline_settled(struct rs_turn *substitute);

/* Nobody may answer this event any more. -ETIMEDOUT: because it is late, as it is said. */
int rs_deadline_refuse(struct rs_turn *turn, uint64_t serial);

#endif
