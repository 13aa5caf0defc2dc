/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * code.h: the instructions at which a vCPU has stood lately, decoded.
 *
 * By RIP and address space. Each time the entries of the page tables are read, and compared with those
 * by which it was found, and the bytes, and compared with those that were decoded: whoever has
 * changed them (the guest, its devices, dom0), and whatever the guest has mapped there meanwhile,
 * what is given is what is there now.
 *
 * Of one vCPU: whoever owns its lane calls.
 */
#ifndef RS_ENGINE_CODE_H
#define RS_ENGINE_CODE_H

#include <stddef.h>
#include <stdint.h>

#include <ringside/event.h>
#include <ringside/reply.h>

#include "altp2m/instruction.h"
#include "guest/trail.h"

struct rs_engine;

#define RS_CODE_ENTRIES 64

struct rs_code_entry {
	uint64_t rip, cr3, efer;
	struct rs_trail trail; /* by which it was found; none of bytes that were given */
	uint64_t serial;       /* of the event that it was looked at for last */
	uint64_t expires;      /* ticks: it is not followed any more */
	uint32_t cs;           /* the segment, by then: how wide the code is */
	uint8_t bytes[RS_INSTRUCTION_SIZE]; /* zeros from `size` on */
	uint8_t size;                       /* 0: an entry that is not in use */
	uint8_t width;                      /* enum rs_width */
	struct rs_instruction instruction;
};

struct rs_code {
	struct rs_code_entry entries[RS_CODE_ENTRIES];
};

/*
 * The instruction at RIP. Its length is 0 if it cannot be read or is none. NULL: the engine has not
 * opened its guest's memory, as it has wherever pages are watched. Valid until the next call.
 */
const struct rs_instruction *rs_code_at(struct rs_engine *engine, const struct rs_event *event);

/* The same of bytes that the caller has, as many of them as `size`, and zeros behind. */
const struct rs_instruction *rs_code_of(struct rs_engine *engine, const struct rs_event *event,
					const uint8_t bytes[RS_INSTRUCTION_SIZE], size_t size);

#endif
