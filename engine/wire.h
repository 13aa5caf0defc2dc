/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire.h: a vm_event message as its bytes lie, up to the registers.
 *
 * Ours instead of Xen's, because a message may be of another version than the headers of
 * the build. This part is the same in versions 6 and 7; what follows it, from byte 56 on,
 * is described by struct rs_layout. tests/unit/layout.c asserts all of it against
 * xen/vm_event.h.
 */
#ifndef RS_ENGINE_WIRE_H
#define RS_ENGINE_WIRE_H

#include <stddef.h>
#include <stdint.h>

struct rs_wire_page {
	uint64_t gfn;
	uint64_t offset;
	uint64_t gla;
	uint32_t flags;
	uint32_t pad;
};

struct rs_wire_sharing {
	uint64_t gfn;
	uint32_t p2mt;
	uint32_t pad;
};

struct rs_wire_paging {
	uint64_t gfn;
	uint32_t p2mt;
	uint32_t flags;
};

struct rs_wire_cr {
	uint32_t index;
	uint32_t pad;
	uint64_t new_value;
	uint64_t old_value;
};

struct rs_wire_msr {
	uint64_t msr;
	uint64_t new_value;
	uint64_t old_value;
};

struct rs_wire_debug {
	uint64_t gfn;
	uint64_t pending_dbg;
	uint32_t insn_length;
	uint8_t type;
	uint8_t pad[3];
};

struct rs_wire_cpuid {
	uint32_t insn_length;
	uint32_t leaf;
	uint32_t subleaf;
	uint32_t pad;
};

struct rs_wire_interrupt {
	uint32_t vector;
	uint32_t type;
	uint32_t error_code;
	uint32_t pad;
	uint64_t cr2;
};

struct rs_wire_descriptor {
	uint32_t instr_info;
	uint32_t pad1;
	uint64_t exit_qualification;
	uint8_t descriptor;
	uint8_t is_write;
	uint8_t pad2[6];
};

struct rs_wire_vmexit {
	uint64_t reason;
	uint64_t qualification;
};

struct rs_wire_io {
	uint32_t bytes;
	uint16_t port;
	uint8_t in;
	uint8_t str;
};

struct rs_wire {
	uint32_t version;
	uint32_t flags;
	uint32_t reason;
	uint32_t vcpu_id;
	uint16_t altp2m_idx;
	uint16_t pad[3];
	union {
		struct rs_wire_page page;
		struct rs_wire_sharing sharing;
		struct rs_wire_paging paging;
		struct rs_wire_cr cr;
		struct rs_wire_msr msr;
		struct rs_wire_debug debug;
		uint64_t singlestep_gfn;
		uint16_t fast_singlestep_p2midx; /* responses only */
		struct rs_wire_cpuid cpuid;
		struct rs_wire_interrupt interrupt;
		struct rs_wire_descriptor descriptor;
		struct rs_wire_vmexit vmexit;
		struct rs_wire_io io;
	} u;
};

_Static_assert(offsetof(struct rs_wire, u) == 24, "Xen fixes the payload's place");
_Static_assert(sizeof(struct rs_wire) == 56, "and the registers' behind it");

#endif
