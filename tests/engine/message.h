/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* message.h: requests as Xen would write them, for tests of the engine without Xen. */
#ifndef TESTS_ENGINE_MESSAGE_H
#define TESTS_ENGINE_MESSAGE_H

#include <string.h>

#include <ringside/ringside.h>

#include "engine/decode.h"
#include "engine/wire.h"
#include "ring/ring.h"

#define TEST_RIP 0xffffffff81000000ULL
#define TEST_GFN 0x1234

struct test_message {
	uint8_t bytes[RS_RING_MESSAGE_SIZE_MAX] __attribute__((aligned(8)));
};

static inline void test_set_u64(struct test_message *message, uint16_t offset, uint64_t value)
{
	memcpy(message->bytes + offset, &value, sizeof(value));
}

static inline uint64_t test_get_u64(const void *message, uint16_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)message + offset, sizeof(value));
	return value;
}

/* A vCPU in 64-bit mode that waits, with every register different. */
static inline struct rs_wire *test_request(struct test_message *message, uint32_t version,
					   enum rs_kind kind, uint32_t vcpu)
{
	const struct rs_layout *layout = rs_layout_find(version);
	struct rs_wire *wire = (struct rs_wire *)message->bytes;
	uint32_t code_segment = 0xa9bu << 20 | 0xfffff;

	memset(message, 0, sizeof(*message));
	for (uint16_t offset = layout->rax; offset <= layout->r15; offset += 8)
		test_set_u64(message, offset, 0x1111ULL * offset);
	test_set_u64(message, layout->rflags, 0x246);
	test_set_u64(message, layout->rip, TEST_RIP);
	test_set_u64(message, layout->cr0, 0x80010011);
	test_set_u64(message, layout->efer, 0xd01);
	memcpy(message->bytes + layout->cs, &code_segment, sizeof(code_segment));
	wire->version = version;
	wire->flags = RS_FLAG_VCPU_PAUSED;
	wire->reason = kind;
	wire->vcpu_id = vcpu;
	switch (kind) {
	case RS_PAGE:
		wire->u.page.gfn = TEST_GFN;
		wire->u.page.offset = 0x18;
		wire->u.page.flags = RS_ACCESS_R | RS_ACCESS_W;
		break;
	case RS_CR:
		wire->u.cr.index = RS_CR3;
		wire->u.cr.new_value = 0x2000;
		wire->u.cr.old_value = 0x1000;
		break;
	case RS_MSR:
		wire->u.msr.msr = 0xc0000082;
		break;
	case RS_BREAKPOINT:
		/* Two bytes long, so nobody looks at memory for it. */
		wire->u.debug.insn_length = 2;
		wire->u.debug.type = RS_INJECT_SOFTWARE_EXCEPTION;
		wire->u.debug.gfn = TEST_GFN;
		break;
	case RS_DEBUG:
		wire->u.debug.type = RS_INJECT_HARDWARE_EXCEPTION;
		wire->u.debug.pending_dbg = 0x4000;
		break;
	case RS_CPUID:
		wire->u.cpuid.insn_length = 2;
		wire->u.cpuid.leaf = 1;
		break;
	default:
		break;
	}
	return wire;
}

#endif
