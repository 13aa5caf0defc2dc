/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * straight.h: the common case in one go.
 *
 * One worker, nothing under way, and on the ring the request of a vCPU that waits, which one watch
 * wants: then it needs no lane, for it is handled before the next one is looked at; no responder,
 * for nobody else can put; and no turn of its own, for it is over when its handler returns. The
 * answer goes into the very slot that the request came in, and of it no more than Xen reads.
 * Whatever is not like that is left to the general path (worker.c), on the ring, untaken.
 *
 * Which watch it is the worker remembers, by kind and key, and believes as long as the table of
 * watches has not changed since. Instead of a read section:
 *
 *   Q1  the worker says what it runs, then looks whether the table has changed
 *   Q2  who changes it does, makes all threads pass a barrier (rs_rcu_wait), then looks what runs
 *
 * At least one of the two sees the other: Dekker's pattern, with the barrier on the side that is
 * seldom used. Q1 once a visit will do, since it says so until the end of that; but for what a
 * handler of ours removes meanwhile: that is told by the rule (rs_pace.gone). A watch that is new
 * by then was not there when these requests were made. Model: tests/model/straight.pml.
 */
#ifndef RS_ENGINE_STRAIGHT_H
#define RS_ENGINE_STRAIGHT_H

#include <stdint.h>

#include "engine/known.h"
#include "ring/ring.h"
#include "xen/port.h"

struct rs_engine;
struct rs_lane;
struct rs_record;
struct rs_worker;

/*
 * A worker's, while it visits. Handlers of one watch, one after the other, are a stage; a visit is
 * one, and one batch, unless it is split.
 */
struct rs_straight {
	struct rs_known *last; /* that was handled; its rule may be gone */
	struct rs_known none;  /* that no request is like */
	/* Copies, of what does not change. */
	struct rs_ring_page *page;
	struct rs_record *record;
	struct rs_lane *lanes;
	uint32_t vcpu_count;
	struct rs_xen_port port;
	/*
	 * Somebody has stopped the engine, or changed the table, or has buried a rule: then it is set,
	 * after that (A1). The worker clears it, then looks (A2).
	 */
	uint32_t attention;
	/* The ring's, the engine's and the doorbell's own are behind, until this way is left. */
	uint64_t serial __attribute__((aligned(64))); /* of the last event */
	bool armed;
	uint64_t seen;  /* ticks: the requests */
	uint32_t begin; /* the first of them */
	bool is_split;  /* then: */
	uint32_t first; /* request of the stage */
	uint32_t put;   /* that is not answered yet */
	uint64_t began; /* ticks: the stage */
};

/* The ring and the turns are there. */
void rs_straight_open(struct rs_engine *engine);

/* As rs_worker_visit, which it goes on with where the ring holds something else. */
int rs_straight_visit(struct rs_worker *worker);

/*
 * Visits and waits, in turn, until it is to stop (RS_DOORBELL_WORK too), or something else than
 * this way's is to be done. Returns what rs_wait does: RS_DOORBELL_WORK if it may be on the ring.
 */
int rs_straight_serve(struct rs_worker *worker);

#endif
