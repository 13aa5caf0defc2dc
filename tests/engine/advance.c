/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* advance.c: instructions that were executed, told. */
#include "engine/advance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/engine/message.h"
#include "tests/unit/tap.h"

static void set_mode(struct test_message *message, struct rs_event *event, enum rs_kind kind,
		     uint32_t cr, unsigned int bits)
{
	uint32_t attributes = bits == 64 ? 0xa9b : bits == 32 ? 0xc9b : 0x9b;
	uint32_t segment = attributes << 20 | 0xfffff;
	struct rs_wire *wire = test_request(message, 7, kind, 0);

	if (kind == RS_CR)
		wire->u.cr.index = cr;
	memcpy(message->bytes + rs_layout_find(7)->cs, &segment, sizeof(segment));
	if (bits != 64)
		test_set_u64(message, rs_layout_find(7)->efer, 0);
	rs_event_read(event, message->bytes, rs_layout_find(7));
}

static void test_lengths(void)
{
	static const struct {
		enum rs_kind kind;
		uint32_t cr;
		unsigned int bits, size;
		uint8_t code[15];
		int length;
		const char *name;
	} cases[] = {
		{ RS_CR, RS_CR3, 64, 15, { 0x0f, 0x22, 0xd8 }, 3, "mov cr3, rax" },
		{ RS_CR, RS_CR3, 64, 15, { 0x41, 0x0f, 0x22, 0xdf }, 4, "mov cr3, r15" },
		{ RS_CR, RS_CR0, 64, 15, { 0x0f, 0x22, 0xc0 }, 3, "mov cr0, rax" },
		{ RS_CR, RS_CR0, 64, 15, { 0x0f, 0x06 }, 2, "clts" },
		{ RS_CR, RS_CR0, 64, 15, { 0x0f, 0x01, 0x70, 0x08 }, 4, "lmsw [rax + 8]" },
		{ RS_CR, RS_CR4, 64, 15, { 0x0f, 0x22, 0xe7 }, 3, "mov cr4, rdi" },
		{ RS_CR, RS_XCR0, 64, 15, { 0x0f, 0x01, 0xd1 }, 3, "xsetbv" },
		{ RS_CR, RS_CR0, 16, 15, { 0x0f, 0x22, 0xc0 }, 3, "mov cr0, eax, 16-bit" },
		{ RS_CR, RS_CR0, 32, 15, { 0x2e, 0x0f, 0x22, 0xc0 }, 4, "a prefix, 32-bit" },
		{ RS_MSR, 0, 64, 15, { 0x0f, 0x30 }, 2, "wrmsr" },
		{ RS_MSR, 0, 64, 2, { 0x0f, 0x30 }, 2, "wrmsr at the end of what there is" },
		{ RS_MSR, 0, 64, 1, { 0x0f, 0x30 }, 0, "half of a wrmsr" },
		{ RS_GUEST_REQUEST, 0, 64, 15, { 0x0f, 0x01, 0xc1 }, 3, "vmcall" },
		{ RS_GUEST_REQUEST, 0, 64, 15, { 0x0f, 0x01, 0xd9 }, 3, "vmmcall" },
		{ RS_CR, RS_CR3, 64, 15, { 0x0f, 0x22, 0xe0 }, -EBADMSG, "another register" },
		{ RS_CR, RS_CR0, 64, 15, { 0x44, 0x0f, 0x22, 0xc0 }, -EBADMSG, "CR8" },
		{ RS_CR, RS_CR3, 64, 15, { 0x0f, 0x20, 0xd8 }, -EBADMSG, "mov rax, cr3" },
		{ RS_CR, RS_CR3, 32, 15, { 0xea }, -EBADMSG, "a far jump: a task switch" },
		{ RS_MSR, 0, 64, 15, { 0x0f, 0x32 }, -EBADMSG, "rdmsr" },
		{ RS_MSR, 0, 64, 15, { 0x06 }, -EBADMSG, "no instruction" },
		{ RS_BREAKPOINT, 0, 64, 15, { 0xcc }, -EBADMSG, "int3, which is not executed" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_message message;
		struct rs_event event;

		set_mode(&message, &event, cases[i].kind, cases[i].cr, cases[i].bits);
		tap_ok(TAP_SAME(rs_advance_length(&event, cases[i].code, cases[i].size),
				cases[i].length), "%s", cases[i].name);
	}
}

int main(void)
{
	test_lengths();
	return tap_done();
}
