/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * responder.h: how finished answers get to Xen, from any number of threads.
 *
 * Flat combining: who has finished answers and finds nobody putting puts them, with one push
 * and one notify, and before it leaves puts what others have posted meanwhile. Who finds
 * somebody putting posts and goes on: nobody waits. It is all in one word: a bit that says
 * that somebody puts, and one for each turn that is posted.
 *
 *   C1  a post releases its answer to C2
 *   C2  whoever collects posted turns acquires them; and what the last putter did
 *   C3  leaving releases our pushes to the next putter's C2
 *
 * The notify is inside: under two of them side by side two answers of one vCPU could take
 * effect in the wrong order. Model: tests/model/combine.pml.
 */
#ifndef RS_ENGINE_RESPONDER_H
#define RS_ENGINE_RESPONDER_H

#include <stdint.h>

struct rs_counters;
struct rs_engine;

struct rs_responder {
	uint64_t word __attribute__((aligned(64)));
};

/*
 * Puts the answers of a set of turns, which are nobody's afterwards; their lanes go on. *ready
 * gets those turns that have become the first of their lanes by that, ours to run or to hand
 * on. 0, or -errno if the ring is corrupt or Xen cannot be notified.
 */
int rs_responder_put(struct rs_engine *engine, struct rs_counters *counters, uint64_t turns,
		     uint64_t *ready);

#endif
