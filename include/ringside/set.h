/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * set.h: many domains, some threads.
 *
 * An engine each, in threads of its own, is the way for few domains that have much to do. A set
 * is for many that mostly rest: its threads serve whichever domain has events, in turn, at most
 * eight events a turn, so that a noisy one takes no more than its share. One domain's events
 * are handled by one thread at a time.
 */
#ifndef RINGSIDE_SET_H
#define RINGSIDE_SET_H

#include <ringside/engine.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct rs_set;

/*
 * Called when an engine of the set cannot go on: its guest has ended (-ENODEV), or a call failed
 * (rs_strerror tells). It is not in the set any more, and the callee's to detach, in this
 * thread or later.
 */
typedef void (*rs_set_ended)(struct rs_engine *engine, int error, void *user);

/* An empty set. `ended` may be NULL: then such engines just leave. */
int rs_set_open(struct rs_set **set, rs_set_ended ended, void *user)
	__attribute__((warn_unused_result));

/*
 * An engine joins, or leaves. Any thread, at any time. Nobody else runs, steps or pulls it while
 * it is in the set. Having left, it is not being handled any more; from inside a handler of
 * its own: it will not be once that has returned. -EEXIST, -ENOENT.
 */
int rs_set_add(struct rs_set *set, struct rs_engine *engine) __attribute__((warn_unused_result));
int rs_set_remove(struct rs_set *set, struct rs_engine *engine);

/*
 * Serves the set's engines, in this thread, until rs_set_stop. As many threads as like to may do
 * so at once. 0 or -errno.
 */
int rs_set_run(struct rs_set *set) __attribute__((warn_unused_result));

/* Makes all threads that serve the set return, for good. Async-signal-safe. */
void rs_set_stop(struct rs_set *set);

/* When no thread serves it any more. Its engines stay attached. NULL is nothing. */
void rs_set_close(struct rs_set *set);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
