/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * advance.h: past an instruction that was executed already.
 *
 * When Xen reports a write to a control register or an MSR, or a guest request, it has done
 * (or will do) what was asked, but RIP is still at the instruction, and Xen moves it on before
 * the vCPU resumes. An answer that sets the registers puts the old RIP back: then the
 * instruction runs twice, or for ever.
 */
#ifndef RS_ENGINE_ADVANCE_H
#define RS_ENGINE_ADVANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ringside/event.h>

struct rs_engine;

/* Has Xen seen to the instruction at RIP, whatever the answer? */
static inline bool rs_is_executed(const struct rs_event *event)
{
	return event->kind == RS_CR || event->kind == RS_MSR || event->kind == RS_GUEST_REQUEST;
}

/*
 * The length in bytes of the instruction that an executed event reports, of which `code` are
 * the first `size` bytes. 0: they are not enough. -EBADMSG: it is no instruction that could
 * have caused the event.
 */
int rs_advance_length(const struct rs_event *event, const uint8_t *code, size_t size);

/*
 * If the event's answer sets registers, and RIP is still at an executed instruction, moves it
 * behind that. Where the instruction cannot be read, logs why, and leaves it: such an answer is
 * refused.
 */
void rs_advance(struct rs_engine *engine, const struct rs_event *event);

#endif
