/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* instruction.c: what may be emulated, and what must never be. */
#include "altp2m/instruction.h"

#include "tests/unit/tap.h"

static const struct {
	const char *name;
	uint8_t size;
	uint8_t code[16];
	bool is_proved, is_repeated;
} instructions[] = {
	{ "push rbp", 1, { 0x55 }, true, false },
	{ "mov rbp, rsp", 3, { 0x48, 0x89, 0xe5 }, true, false },
	{ "sub rsp, 0x20", 4, { 0x48, 0x83, 0xec, 0x20 }, true, false },
	{ "endbr64", 4, { 0xf3, 0x0f, 0x1e, 0xfa }, true, false },
	{ "nop word [rax+rax]", 6, { 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00 }, true, false },
	{ "call rel32", 5, { 0xe8, 1, 2, 3, 4 }, true, false },
	{ "mov rax, [rip+8]", 7, { 0x48, 0x8b, 0x05, 8, 0, 0, 0 }, true, false },
	{ "lock xadd [rdi], eax", 4, { 0xf0, 0x0f, 0xc1, 0x07 }, true, false },
	{ "cmpxchg16b [rdi]", 4, { 0x48, 0x0f, 0xc7, 0x0f }, true, false },
	{ "movdqu xmm0, [rsi]", 4, { 0xf3, 0x0f, 0x6f, 0x06 }, true, false },
	{ "rep movsb", 2, { 0xf3, 0xa4 }, true, true },
	{ "rep stosq", 3, { 0xf3, 0x48, 0xab }, true, true },
	/* Panics a host whose FPU is lazy. */
	{ "vcvtps2ph [rdi], xmm0, 0", 6, { 0xc4, 0xe3, 0x79, 0x1d, 0x07, 0x00 }, false, false },
	{ "vcvtps2ph xmm1, xmm0, 0", 6, { 0xc4, 0xe3, 0x79, 0x1d, 0xc1, 0x00 }, false, false },
	/* Become a #UD without any event. */
	{ "xsaveopt [rdi]", 3, { 0x0f, 0xae, 0x37 }, false, false },
	{ "xrstor [rdi]", 3, { 0x0f, 0xae, 0x2f }, false, false },
	{ "iretq", 2, { 0x48, 0xcf }, false, false },
	{ "mov dr7, rax", 3, { 0x0f, 0x23, 0xf8 }, false, false },
	{ "mov rax, dr7", 3, { 0x0f, 0x21, 0xf8 }, false, false },
	/* Endless events. */
	{ "int 0x80", 2, { 0xcd, 0x80 }, false, false },
	/* Other undefined flags. */
	{ "imul rax, rbx, 3", 4, { 0x48, 0x6b, 0xc3, 0x03 }, false, false },
	{ "bsf rax, rbx", 4, { 0x48, 0x0f, 0xbc, 0xc3 }, false, false },
	/* Not run in all forms. */
	{ "mov rax, gs:[0x10]", 9, { 0x65, 0x48, 0x8b, 0x04, 0x25, 0x10, 0, 0, 0 }, false, false },
	{ "mov ds, eax", 2, { 0x8e, 0xd8 }, false, false },
	{ "mov cr3, rax", 3, { 0x0f, 0x22, 0xd8 }, false, false },
	{ "push fs", 2, { 0x0f, 0xa0 }, false, false },
	{ "mov eax, [edi]", 3, { 0x67, 0x8b, 0x07 }, false, false },
	{ "syscall", 2, { 0x0f, 0x05 }, false, false },
	{ "retf", 1, { 0xcb }, false, false },
	{ "int3", 1, { 0xcc }, false, false },
	{ "hlt", 1, { 0xf4 }, false, false },
	{ "vmovups zmm0, [rax]", 6, { 0x62, 0xf1, 0x7c, 0x48, 0x10, 0x00 }, false, false },
};
#define COUNT (sizeof(instructions) / sizeof(*instructions))

int main(void)
{
	static const uint8_t none[2] = { 0x0f, 0xff };

	for (size_t i = 0; i < COUNT; i++) {
		struct rs_instruction found =
			rs_instruction_decode(instructions[i].code, sizeof(instructions[i].code));

		tap_ok(TAP_SAME(found.length, instructions[i].size) &&
			       TAP_SAME(found.is_proved, instructions[i].is_proved) &&
			       TAP_SAME(found.is_repeated, instructions[i].is_repeated),
		       "%s: %s", instructions[i].name,
		       instructions[i].is_proved ? "emulated" : "not emulated");
		found = rs_instruction_decode(instructions[i].code, instructions[i].size - 1U);
		if (found.length || found.is_proved)
			tap_ok(false, "%s: cut short", instructions[i].name);
	}
	tap_ok(!rs_instruction_decode(none, 2).length, "what is no instruction");
	return tap_done();
}
