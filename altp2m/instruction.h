/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * instruction.h: what is known of an instruction, from its bytes, to get past it.
 *
 * Xen's emulator is right for nearly all instructions; for a few it is not, some become a #UD in
 * the guest without any event, and one can panic the host. So what is emulated is decoded first
 * and must be on a list, each of whose entries was run on the real Xen and compared with what
 * the processor does. All else is stepped.
 */
#ifndef RS_ALTP2M_INSTRUCTION_H
#define RS_ALTP2M_INSTRUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ringside/event.h>

/* Until RCX is 0; and as long as the two that it compares are equal, or are not. */
enum rs_repeat {
	RS_REPEAT_NOT = 0,
	RS_REPEAT_COUNTED,
	RS_REPEAT_WHILE_EQUAL,
	RS_REPEAT_WHILE_DIFFERENT,
};

struct rs_instruction {
	uint8_t length;  /* bytes; 0: not known */
	bool is_proved;  /* Xen's emulator does what the processor does */
	bool is_deadly;  /* emulating it can panic the host: not even for want of another way */
	enum rs_repeat repeat; /* a string instruction: one iteration at a time, if it is stepped */
};

/*
 * Of 64-bit code; `size` bytes are enough if the instruction ends among them. Any thread, no
 * allocation.
 */
struct rs_instruction rs_instruction_decode(const uint8_t *code, size_t size);

/*
 * Does it access memory at or around a linear address, with the registers of the event? If not, it
 * has not caused the event's fault, which came from the delivery of an interrupt.
 */
bool rs_instruction_touches(const uint8_t *code, size_t size, const struct rs_event *event,
			    uint64_t linear);

#endif
