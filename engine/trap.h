/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trap.h: breakpoints that the engine places: where, and how a vCPU gets past one.
 *
 * Such a breakpoint is known by its guest-physical address, whichever linear address and address
 * space it is executed at; a watch by linear address sees only its own. Getting past it, by what
 * is there for the case:
 *
 *   an INT3 of the guest's own at the same address    the guest gets it
 *   an instruction on the list of what Xen emulates   EMULATE, its bytes in the answer: one event
 *   any other                                         a fast single-step in view 0: one event
 *   the same, of a vCPU that steps already            its step, in view 0: two events
 *   without altp2m                                    a step with the original byte back: two
 */
#ifndef RS_ENGINE_TRAP_H
#define RS_ENGINE_TRAP_H

#include <stdbool.h>
#include <stdint.h>

#include <ringside/event.h>
#include <ringside/reply.h>

struct rs_engine;
struct rs_lane;
struct rs_rule;

/* With `control` held. Where a rule's breakpoint is to be: known before it is published. */
int rs_trap_locate(struct rs_engine *engine, struct rs_rule *rule);

/* The guest-physical address of a breakpoint event. */
static inline uint64_t rs_trap_address(const struct rs_event *event)
{
	return event->breakpoint.gfn << 12 | (rs_event_rip(event) & 0xfff);
}

/* Is the INT3 that was hit ours? */
bool rs_trap_is_ours(const struct rs_engine *engine, const struct rs_event *event);

/* It was ours, and is removed: the guest has no INT3 there. No watch is to hear of it. */
bool rs_trap_is_stale(const struct rs_engine *engine, const struct rs_event *event);

/*
 * Is it the next iteration of a string instruction that this vCPU has begun under a breakpoint? Then
 * it was reported already.
 */
bool rs_trap_goes_on(struct rs_lane *lane, const struct rs_event *event);

/* The way past a breakpoint of ours, into *reply, which continues. False: it is none of ours. */
bool rs_trap_settle(struct rs_engine *engine, struct rs_lane *lane, const struct rs_event *event,
		    struct rs_reply *reply);

#endif
