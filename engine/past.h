/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * past.h: which way a vCPU gets past a fault in a view, when its handler says RS_CONTINUE.
 *
 *   fast step   one event; what the instruction does is done by the processor, in view 0
 *   emulate     one event, for a watch that wants it: only an instruction that is decoded, known
 *               to be emulated right, and has caused the fault; else a fast step
 *   step        two events, for a watch that wants it; and for all writes to code with hidden
 *               breakpoints, which have to be copied when they are done
 */
#ifndef RS_ENGINE_PAST_H
#define RS_ENGINE_PAST_H

#include <ringside/event.h>
#include <ringside/watch.h>

struct rs_engine;

/* What the first watch that wants this event asks for. */
enum rs_way rs_past_way(struct rs_engine *engine, const struct rs_event *event);

/* Is Xen's emulator right for the instruction that has caused this page fault? */
bool rs_past_may_emulate(struct rs_engine *engine, const struct rs_event *event);

/*
 * Is it one that must not be emulated, whatever else there is? Known only of an engine that has
 * opened its guest's memory.
 */
bool rs_past_is_deadly(struct rs_engine *engine, const struct rs_event *event);

/* 64-bit code: the list knows no other. */
bool rs_past_is_64bit(const struct rs_event *event);

#endif
