/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * instruction.h: what is known of an instruction, from its bytes, to get past it.
 *
 * Xen's emulator is right for nearly all instructions; for a few it is not, some become a #UD in
 * the guest without any event, and one can panic the host. So what is emulated is decoded first
 * and must be on a list (emulation.h), each of whose entries was run on the real Xen and compared
 * with what the processor does. All else is stepped.
 */
#ifndef RS_ALTP2M_INSTRUCTION_H
#define RS_ALTP2M_INSTRUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ringside/event.h>

#include "altp2m/emulation.h"

#define RS_INSTRUCTION_MAX 15 /* bytes */

/* Until RCX is 0; and as long as the two that it compares are equal, or are not. */
enum rs_repeat {
	RS_REPEAT_NOT = 0,
	RS_REPEAT_COUNTED,
	RS_REPEAT_WHILE_EQUAL,
	RS_REPEAT_WHILE_DIFFERENT,
};

/* In place of a general register's number, which is that of the processor. */
enum {
	RS_REGISTER_NEXT_RIP = 16, /* RIP behind the instruction */
	RS_REGISTER_FS,            /* the segment's base */
	RS_REGISTER_GS,
	RS_REGISTER_NONE,
};

/* Memory that it accesses: at base + index * scale + displacement + segment. */
struct rs_operand {
	uint8_t base, index, scale, segment;
	uint8_t access; /* RS_ACCESS_R, _W */
	bool is_narrow; /* the address has 32 bits */
	uint16_t size;  /* bytes; of a string instruction, those of one iteration */
	int64_t displacement;
};
#define RS_OPERANDS_MAX 3

struct rs_instruction {
	uint8_t length;         /* bytes; 0: not known */
	bool is_proved;         /* Xen's emulator does what the processor does */
	bool takes_data;        /* and reads what an answer feeds it in place of memory */
	bool takes_no_write;    /* and leaves memory alone where an answer says so */
	uint8_t emulation;      /* enum rs_emulation */
	uint8_t repeat;         /* enum rs_repeat: one iteration at a time, if it is stepped */
	uint8_t operand_count;
	struct rs_operand operands[RS_OPERANDS_MAX];
};

/* How wide the code is. */
enum rs_width {
	RS_WIDTH_16 = 0,
	RS_WIDTH_32,
	RS_WIDTH_64,
};
enum rs_width rs_instruction_width(const struct rs_event *event);

/*
 * `size` bytes are enough if the instruction ends among them. Of code that is not of 64 bits only
 * the length and what becomes of an emulation are known. Any thread, no allocation.
 */
struct rs_instruction rs_instruction_decode(const uint8_t *code, size_t size, enum rs_width width);

/* The linear address of an operand, with the registers of the event. */
uint64_t rs_operand_linear(const struct rs_instruction *instruction,
			   const struct rs_operand *operand, const struct rs_event *event);

/*
 * Does it access memory at or around a linear address, with the registers of the event? If not, it
 * has not caused the event's fault, which came from the delivery of an interrupt.
 */
bool rs_instruction_touches(const struct rs_instruction *instruction, const struct rs_event *event,
			    uint64_t linear);

#endif
