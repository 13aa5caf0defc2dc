/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * taker.h: from the ring into the lanes.
 *
 * Taking is serial by nature, there is one req_cons, and short: at most eight copies of 400
 * bytes. Whoever is awake takes, by a lock that is tried and never waited for.
 *
 *   K1  the taker acquires K2: the ring's index and the lanes' ends are as the last one left them
 *   K2  releases them
 *   F1  the taker acquires F2: nobody reads the turn any more that it writes to
 *   F2  who frees turns releases them
 *
 * Model: tests/model/lane.pml.
 */
#ifndef RS_ENGINE_TAKER_H
#define RS_ENGINE_TAKER_H

#include <stdint.h>

struct rs_engine;
struct rs_worker;

/*
 * Takes up to eight requests. Returns those turns that are the first of their lanes: these
 * lanes are the caller's now, to run or to hand on. Asynchronous requests may be answered
 * already: then they are in worker->finished. 0: nothing, or somebody else takes.
 */
uint64_t rs_take(struct rs_worker *worker);

/* Turns that nobody looks at any more. */
void rs_turns_free(struct rs_engine *engine, uint64_t turns);

#endif
