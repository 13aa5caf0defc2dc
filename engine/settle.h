/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * settle.h: what is right for an event when nobody says otherwise.
 *
 * RS_CONTINUE means that the guest goes on as if nobody looked. What that takes depends on
 * the kind of event, and is decided here, in one place:
 *
 *   write to a CR or MSR, guest request, interrupt, VM exit: Xen has seen to it: resume
 *   CPUID            the results are in the registers: set them, with RIP moved on
 *   breakpoint       one that the engine placed: past it (trap.h); the guest's own: give it
 *                    back; a stale one is executed again
 *   debug exception  synchronous: give it back
 *   single-step      it has taken its step: stop
 *   descriptor       emulate, or it reports again
 *   page fault       in a view: what past.h says; in the host's map: emulate; a write to code
 *                    with hidden breakpoints: step in view 0, then copy what was written
 *   not emulated     in a view: fast step in view 0; in the host's map: open the page for one
 *                    step; of another event's emulation: #UD, as if nobody watched
 *   I/O              Xen has not executed it: one step with the source switched off
 */
#ifndef RS_ENGINE_SETTLE_H
#define RS_ENGINE_SETTLE_H

#include <ringside/reply.h>

struct rs_engine;
struct rs_lane;

/*
 * Turns RS_ACTION_CONTINUE into the action it stands for; other replies pass. May ask for
 * the event's answer registers, and read the guest's memory (breakpoints only).
 */
void rs_settle(struct rs_engine *engine, struct rs_lane *lane, const struct rs_event *event,
	       struct rs_reply *reply);

/* One instruction in view 0, and back by the event of its step: two events. */
void rs_settle_step_in_view_0(struct rs_lane *lane, const struct rs_event *event,
			      struct rs_reply *reply);

/* One instruction in view 0, and back: by a fast step, or by the step that the vCPU takes anyway. */
void rs_settle_in_view_0(struct rs_lane *lane, const struct rs_event *event,
			 struct rs_reply *reply);

/* The same of an instruction that writes to code with breakpoints, which is then copied. */
void rs_settle_write_to_code(struct rs_lane *lane, const struct rs_event *event,
			     struct rs_reply *reply);

/* What RS_CONTINUE stands for while detaching, when the sources are off, views left and steps ended. */
void rs_settle_drain(struct rs_engine *engine, const struct rs_event *event,
		     struct rs_reply *reply);

/*
 * A vCPU has taken a step. If the engine itself wanted it, to get past something, that is
 * undone, *reply is made, and true returned: nobody else is to see the event.
 */
bool rs_settle_step(struct rs_engine *engine, struct rs_lane *lane,
		    const struct rs_event *event, struct rs_reply *reply);

#endif
