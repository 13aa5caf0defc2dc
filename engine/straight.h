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
 * seldom used. Model: tests/model/straight.pml.
 */
#ifndef RS_ENGINE_STRAIGHT_H
#define RS_ENGINE_STRAIGHT_H

#include <stdint.h>

struct rs_engine;
struct rs_rule;
struct rs_worker;

/* How many keys a worker remembers; a power of two. */
#define RS_KNOWN_COUNT 64

/* The one watch for a key, as it was found. */
struct rs_known {
	uint64_t key;
	uint64_t changes; /* of the table, by then; 0: nothing was found yet */
	struct rs_rule *rule;
	uint64_t plain; /* the first word of a reply that asks for nothing but to resume */
	uint32_t kind;
	uint32_t wanted; /* RS_PAGE: what of an access it wants to see */
} __attribute__((aligned(64)));

/* A worker's, while it visits. Handlers of one watch, one after the other, are a stage. */
struct rs_straight {
	struct rs_rule *rule; /* that has run last; may be gone */
	uint32_t kind;
	uint32_t first; /* request of the stage */
	uint64_t began; /* ticks: the stage */
	uint64_t seen;  /* the requests */
};

/* The ring and the turns are there. */
void rs_straight_open(struct rs_engine *engine);

/* As rs_worker_visit, which it goes on with where the ring holds something else. */
int rs_straight_visit(struct rs_worker *worker);

#endif
