/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dispatch.h: from an event to the handlers of those who want it. */
#ifndef RS_ENGINE_DISPATCH_H
#define RS_ENGINE_DISPATCH_H

#include <ringside/event.h>
#include <ringside/reply.h>

struct rs_engine;
struct rs_turn;
struct rs_rule;
struct rs_worker;

/*
 * Calls the handlers of all watches that want the turn's event, in the order in which they
 * were made. Returns the first reply other than RS_CONTINUE, or that.
 */
struct rs_reply rs_dispatch(struct rs_worker *worker, struct rs_turn *turn);

/*
 * The same of a page fault that Xen does not report, being another one of an event that is in hand:
 * *reply is that event's, and becomes theirs if it was RS_CONTINUE. In a worker's thread only, since
 * only those run handlers; nothing in others.
 */
void rs_dispatch_other(struct rs_engine *engine, const struct rs_event *event,
		       struct rs_reply *reply);

#endif
