/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dispatch.h: from an event to the handlers of those who want it. */
#ifndef RS_ENGINE_DISPATCH_H
#define RS_ENGINE_DISPATCH_H

#include <ringside/reply.h>

struct rs_engine;

/*
 * Calls the handlers of all watches that want the event, in the order in which they were
 * made. Returns the first reply other than RS_CONTINUE, or that.
 */
struct rs_reply rs_dispatch(struct rs_engine *engine, const struct rs_event *event);

#endif
