/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * others.h: the other closed pages that an instruction accesses, which is let past one of them.
 *
 * Whatever leads an instruction past a fault or a breakpoint opens all pages to it: view 0, the
 * host's map, Xen's emulator. So its operands are looked at before, and what is closed among them is
 * reported to those who watch it, as if it had faulted, too.
 */
#ifndef RS_ENGINE_OTHERS_H
#define RS_ENGINE_OTHERS_H

#include <stdbool.h>

#include <ringside/event.h>
#include <ringside/reply.h>

struct rs_engine;
struct rs_instruction;
struct rs_lane;

/*
 * Before a reply that lets the instruction past: calls the handlers of the others. What these reply
 * counts if *reply is RS_CONTINUE. Notes in the lane if code with hidden breakpoints is written.
 */
void rs_others_report(struct rs_engine *engine, struct rs_lane *lane, const struct rs_event *event,
		      struct rs_reply *reply);

/* Does a string instruction go on, in its iterations to come, into another page that is closed? */
bool rs_others_follow(struct rs_engine *engine, const struct rs_event *event,
		      const struct rs_instruction *instruction);

#endif
