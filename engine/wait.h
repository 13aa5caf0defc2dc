/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wait.h: who waits for what, when there is nothing to do.
 *
 * With several workers that may sleep, one of them at most is the *watcher*: it looks at the ring,
 * then sleeps at the event channel. The others *park*, each at a futex of its own. The watcher
 * runs quick handlers itself, and stays what it is; before a slow one it gives the role up
 * and wakes somebody to be it. Whoever else is awake, and has run a quick handler, leaves the ring to
 * it and parks again. In spinning mode nobody sleeps and there are no roles.
 *
 * Nobody knows beforehand that a handler which has always been quick will block this time. So
 * one of those that park, the *deputy*, wakes once a millisecond while events come, and
 * takes the role, and the answers that wait, from a watcher that has been in one and the same
 * handler since: so one that blocks holds up the other vCPUs for two milliseconds, and its own
 * alone from then on. While all sleep, it does too. Who begins a handler while the watcher is busy,
 * the watcher itself not least, and finds no deputy, wakes somebody to be it.
 *
 * No work is forgotten, because whoever is about to sleep says so first and then looks again,
 * against whoever brings work and then looks who sleeps:
 *
 *   S2  parks: sets its bit of `parked`, then looks at `ready` and for a watcher
 *   S3  watcher: sets `blocked`, then looks at `ready`
 *   S4  brings work (W1) or gives the role up, then looks at `parked` and `blocked`
 *   S5  watcher: says that it is busy, then looks for a deputy before each handler
 *   S6  deputy: says that there is none, then looks whether the watcher is busy
 *
 * Models: tests/model/park.pml; deputy.pml for S5 and S6; sleep.pml for the ring's side of it.
 */
#ifndef RS_ENGINE_WAIT_H
#define RS_ENGINE_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/worker.h"

struct rs_engine;
struct rs_worker;

/*
 * Until there may be work, or something else to look at, or timeout_ms have passed (-1: no
 * limit). Returns an enum rs_doorbell_wait, or -errno.
 */
int rs_wait(struct rs_worker *worker, int timeout_ms);

/* Is it this one? */
bool rs_wait_is_watcher(const struct rs_worker *worker);

/*
 * A worker that runs quick handlers without being the watcher: is the ring its to look at? Only if
 * there is no watcher. Two that take turns at it are slower than one, and leave each other batches
 * of one; so what it does next is to park.
 */
bool rs_wait_may_take(const struct rs_worker *worker);

/* This worker leaves the engine's loop: it is not the watcher any more. */
void rs_wait_leave(struct rs_worker *worker);

/* Before a handler, with several workers; `slow`: it is known to take its time. */
void rs_wait_guard(struct rs_worker *worker, bool slow);

/* There is work, or reason to stop, for one more worker; for all that sleep. */
void rs_wait_wake(struct rs_engine *engine);
void rs_wait_wake_all(struct rs_engine *engine);

/* Can looking at the ring pay? Not on dom0's only CPU, which the guest's backends need, too. */
bool rs_wait_may_spin(void);
/* To spin has paid; so a worker begins, too. */
void rs_wait_learn(struct rs_worker *worker);

/* Its interrupt is moved to where the watcher, who is about to sleep, runs: xen/interrupt.h. */
void rs_wait_follow(struct rs_worker *worker) __attribute__((cold));

/* The same now and then: the first time, and when the kernel may have moved the thread since. */
static inline void rs_wait_settle(struct rs_worker *worker)
{
	if (__builtin_expect(!--worker->sleeps_to_look, false))
		rs_wait_follow(worker);
}

#endif
