/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * past.h: which way a vCPU gets past a page fault.
 *
 *   emulate     one event: only an instruction that is decoded, known to be emulated right, and
 *               has caused the fault
 *   fast step   one event: the processor executes the instruction, in view 0. Where emulation is
 *               not for it, or not wanted; what page tables are read for; a fault during the
 *               delivery of an interrupt; a string instruction that goes on into another page
 *               that is closed
 *   step        two events, for a watch that wants it, for a vCPU that single-steps anyway, and for
 *               all writes to code with hidden breakpoints, which have to be copied when they are
 *               done
 */
#ifndef RS_ENGINE_PAST_H
#define RS_ENGINE_PAST_H

#include <ringside/event.h>
#include <ringside/reply.h>
#include <ringside/watch.h>

struct rs_engine;
struct rs_instruction;

/* What the first watch that wants this event asks for, or else the engine's user: never AUTO. */
enum rs_way rs_past_way(struct rs_engine *engine, const struct rs_event *event);

/*
 * Has the instruction caused this page fault? If not, it is not executed when the vCPU goes on, but
 * something else is done to deliver an interrupt.
 */
bool rs_past_is_cause(const struct rs_event *event, const struct rs_instruction *instruction);

/* Is Xen's emulator right for the instruction that has caused this page fault in a view? */
bool rs_past_may_emulate(struct rs_engine *engine, const struct rs_event *event);

/*
 * Why Xen must not be asked to emulate, as the reply wants it: it would harm the host or the guest,
 * or would not do what the reply asks for. NULL: it may.
 */
const char *rs_past_refusal(struct rs_engine *engine, const struct rs_event *event,
			    const struct rs_reply *reply);

/*
 * May a page fault be answered by EMULATE without any further look, as a handler asks for
 * (`is_asked`) or because that is the way past it? Not if it is refused, nor if the instruction
 * accesses anything but what has faulted.
 */
bool rs_past_is_plain(struct rs_engine *engine, const struct rs_event *event, bool is_asked);

/* Does its instruction access nothing but what has faulted? Then nothing else is to be reported. */
bool rs_past_is_single(struct rs_engine *engine, const struct rs_event *event);

#endif
