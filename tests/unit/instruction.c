/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* instruction.c: what may be emulated, and what must never be. */
#include "altp2m/instruction.h"

#include <string.h>

#include "tests/unit/tap.h"

static const struct {
	const char *name;
	uint8_t size;
	uint8_t code[16];
	bool is_proved;
	enum rs_repeat repeat;
} instructions[] = {
	{ "push rbp", 1, { 0x55 }, true, RS_REPEAT_NOT },
	{ "mov rbp, rsp", 3, { 0x48, 0x89, 0xe5 }, true, RS_REPEAT_NOT },
	{ "sub rsp, 0x20", 4, { 0x48, 0x83, 0xec, 0x20 }, true, RS_REPEAT_NOT },
	{ "endbr64", 4, { 0xf3, 0x0f, 0x1e, 0xfa }, true, RS_REPEAT_NOT },
	{ "nop word [rax+rax]", 6, { 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00 }, true, RS_REPEAT_NOT },
	{ "call rel32", 5, { 0xe8, 1, 2, 3, 4 }, true, RS_REPEAT_NOT },
	{ "mov rax, [rip+8]", 7, { 0x48, 0x8b, 0x05, 8, 0, 0, 0 }, true, RS_REPEAT_NOT },
	{ "lock xadd [rdi], eax", 4, { 0xf0, 0x0f, 0xc1, 0x07 }, true, RS_REPEAT_NOT },
	{ "cmpxchg16b [rdi]", 4, { 0x48, 0x0f, 0xc7, 0x0f }, true, RS_REPEAT_NOT },
	{ "movdqu xmm0, [rsi]", 4, { 0xf3, 0x0f, 0x6f, 0x06 }, true, RS_REPEAT_NOT },
	{ "rep movsb", 2, { 0xf3, 0xa4 }, true, RS_REPEAT_COUNTED },
	{ "rep stosq", 3, { 0xf3, 0x48, 0xab }, true, RS_REPEAT_COUNTED },
	{ "repne scasb", 2, { 0xf2, 0xae }, false, RS_REPEAT_WHILE_DIFFERENT },
	{ "repe cmpsb", 2, { 0xf3, 0xa6 }, false, RS_REPEAT_WHILE_EQUAL },
	{ "rep lodsb", 2, { 0xf3, 0xac }, false, RS_REPEAT_COUNTED },
	/* Panics a host whose FPU is lazy. */
	{ "vcvtps2ph [rdi], xmm0, 0", 6, { 0xc4, 0xe3, 0x79, 0x1d, 0x07, 0x00 }, false, RS_REPEAT_NOT },
	{ "vcvtps2ph xmm1, xmm0, 0", 6, { 0xc4, 0xe3, 0x79, 0x1d, 0xc1, 0x00 }, false, RS_REPEAT_NOT },
	/* Become a #UD without any event. */
	{ "xsaveopt [rdi]", 3, { 0x0f, 0xae, 0x37 }, false, RS_REPEAT_NOT },
	{ "xrstor [rdi]", 3, { 0x0f, 0xae, 0x2f }, false, RS_REPEAT_NOT },
	{ "iretq", 2, { 0x48, 0xcf }, false, RS_REPEAT_NOT },
	{ "mov dr7, rax", 3, { 0x0f, 0x23, 0xf8 }, false, RS_REPEAT_NOT },
	{ "mov rax, dr7", 3, { 0x0f, 0x21, 0xf8 }, false, RS_REPEAT_NOT },
	/* Endless events. */
	{ "int 0x80", 2, { 0xcd, 0x80 }, false, RS_REPEAT_NOT },
	/* Other undefined flags. */
	{ "imul rax, rbx, 3", 4, { 0x48, 0x6b, 0xc3, 0x03 }, false, RS_REPEAT_NOT },
	{ "bsf rax, rbx", 4, { 0x48, 0x0f, 0xbc, 0xc3 }, false, RS_REPEAT_NOT },
	/* Not run in all forms. */
	{ "mov rax, gs:[0x10]", 9, { 0x65, 0x48, 0x8b, 0x04, 0x25, 0x10, 0, 0, 0 }, false, RS_REPEAT_NOT },
	{ "mov ds, eax", 2, { 0x8e, 0xd8 }, false, RS_REPEAT_NOT },
	{ "mov cr3, rax", 3, { 0x0f, 0x22, 0xd8 }, false, RS_REPEAT_NOT },
	{ "push fs", 2, { 0x0f, 0xa0 }, false, RS_REPEAT_NOT },
	{ "mov eax, [edi]", 3, { 0x67, 0x8b, 0x07 }, false, RS_REPEAT_NOT },
	{ "syscall", 2, { 0x0f, 0x05 }, false, RS_REPEAT_NOT },
	{ "retf", 1, { 0xcb }, false, RS_REPEAT_NOT },
	{ "int3", 1, { 0xcc }, false, RS_REPEAT_NOT },
	{ "hlt", 1, { 0xf4 }, false, RS_REPEAT_NOT },
	{ "vmovups zmm0, [rax]", 6, { 0x62, 0xf1, 0x7c, 0x48, 0x10, 0x00 }, false, RS_REPEAT_NOT },
};
#define COUNT (sizeof(instructions) / sizeof(*instructions))

/* Which memory an instruction accesses, with rdi 0x5000, rsi 0x6000, rsp 0x7000, rip 0x8000. */
static const struct {
	const char *name;
	uint8_t code[16];
	uint64_t linear;
	bool touches;
} accesses[] = {
	{ "mov [rdi], eax", { 0x89, 0x07 }, 0x5000, true },
	{ "mov [rdi], eax, its end", { 0x89, 0x07 }, 0x5003, true },
	{ "mov [rdi], eax, elsewhere", { 0x89, 0x07 }, 0x6000, false },
	{ "mov eax, [rsi+rdi*2+0x10]", { 0x8b, 0x44, 0x7e, 0x10 }, 0x10010, true },
	{ "mov rax, [rip+0x100]", { 0x48, 0x8b, 0x05, 0, 1, 0, 0 }, 0x8107, true },
	{ "push rax", { 0x50 }, 0x6ff8, true },
	{ "call rel32", { 0xe8, 0, 0, 0, 0 }, 0x6ff8, true },
	{ "pop rax", { 0x58 }, 0x7000, true },
	{ "rep movsb, from", { 0xf3, 0xa4 }, 0x6000, true },
	{ "rep movsb, to", { 0xf3, 0xa4 }, 0x5000, true },
	{ "lea rax, [rdi]", { 0x48, 0x8d, 0x07 }, 0x5000, false },
	{ "nop", { 0x90 }, 0x6ff8, false },
};

static void test_access(const struct rs_event *event, size_t i)
{
	struct rs_instruction found =
		rs_instruction_decode(accesses[i].code, sizeof(accesses[i].code), RS_WIDTH_64);

	tap_ok(TAP_SAME(rs_instruction_touches(&found, event, accesses[i].linear),
			accesses[i].touches),
	       "%s: %#" PRIx64 " is %stouched", accesses[i].name, accesses[i].linear,
	       accesses[i].touches ? "" : "not ");
}

/* rdi 0x5000, rsi 0x6000, rsp 0x7000, rip 0x8000, gs 0x9000. */
static struct rs_event event_with_registers(void)
{
	const struct rs_layout *layout = rs_layout_find(7);
	static uint64_t message[64];
	char *bytes = (char *)message;

	memcpy(bytes + layout->rdi, &(uint64_t){ 0x5000 }, 8);
	memcpy(bytes + layout->rsi, &(uint64_t){ 0x6000 }, 8);
	memcpy(bytes + layout->rsp, &(uint64_t){ 0x7000 }, 8);
	memcpy(bytes + layout->rip, &(uint64_t){ 0x8000 }, 8);
	memcpy(bytes + layout->gs_base, &(uint64_t){ 0x9000 }, 8);
	return (struct rs_event){ .layout = layout, .message = message };
}

static void test_accesses(void)
{
	struct rs_event event = event_with_registers();

	for (size_t i = 0; i < sizeof(accesses) / sizeof(*accesses); i++)
		test_access(&event, i);
}

/* Exactly where, with those registers. */
static const struct {
	const char *name;
	uint8_t code[16];
	uint64_t linear;
	uint16_t size;
	uint8_t access, number;
} operands[] = {
	{ "push rax", { 0x50 }, 0x6ff8, 8, 3, 0 },
	{ "push [rdi], from", { 0xff, 0x37 }, 0x5000, 8, 1, 0 },
	{ "push [rdi], to", { 0xff, 0x37 }, 0x6ff8, 8, 3, 1 },
	{ "call [rdi], to", { 0xff, 0x17 }, 0x6ff8, 8, 3, 1 },
	{ "ret", { 0xc3 }, 0x7000, 8, 1, 0 },
	{ "movsq, to", { 0x48, 0xa5 }, 0x5000, 8, 3, 0 },
	{ "movsq, from", { 0x48, 0xa5 }, 0x6000, 8, 1, 1 },
	{ "add [rdi], eax", { 0x01, 0x07 }, 0x5000, 4, 3, 0 },
	{ "mov rax, gs:[0x10]", { 0x65, 0x48, 0x8b, 0x04, 0x25, 0x10, 0, 0, 0 }, 0x9010, 8, 1, 0 },
	{ "movdqu [rsi-1], xmm0", { 0xf3, 0x0f, 0x7f, 0x46, 0xff }, 0x5fff, 16, 3, 0 },
	{ "mov eax, [edi]", { 0x67, 0x8b, 0x07 }, 0x5000, 4, 1, 0 },
};

static void test_operands(void)
{
	struct rs_event event = event_with_registers();

	for (size_t i = 0; i < sizeof(operands) / sizeof(*operands); i++) {
		struct rs_instruction found = rs_instruction_decode(operands[i].code, 16, RS_WIDTH_64);
		const struct rs_operand *operand = &found.operands[operands[i].number];

		tap_ok(found.operand_count > operands[i].number &&
			       TAP_SAME(rs_operand_linear(&found, operand, &event),
					operands[i].linear) &&
			       TAP_SAME(operand->size, operands[i].size) &&
			       TAP_SAME(operand->access, operands[i].access),
		       "%s: %u bytes at %#" PRIx64, operands[i].name, operands[i].size,
		       operands[i].linear);
	}
}

/* What an answer that feeds bytes, or drops a write, would do. */
static const struct {
	const char *name;
	uint8_t code[16];
	enum rs_width width;
	enum rs_emulation emulation;
	bool takes_data, takes_no_write;
} emulations[] = {
	{ "mov rax, [rdi]", { 0x48, 0x8b, 0x07 }, RS_WIDTH_64, RS_EMULATION_RIGHT, true, true },
	{ "add [rdi], eax", { 0x01, 0x07 }, RS_WIDTH_64, RS_EMULATION_RIGHT, false, true },
	{ "cmpxchg [rdi], eax", { 0x0f, 0xb1, 0x07 }, RS_WIDTH_64, RS_EMULATION_RIGHT, true, true },
	{ "vmovdqu ymm0, [rdi]", { 0xc5, 0xfe, 0x6f, 0x07 }, RS_WIDTH_64, RS_EMULATION_UNKNOWN, true,
	  true },
	{ "vmaskmovps xmm0, xmm1, [rdi]", { 0xc4, 0xe2, 0x71, 0x2c, 0x07 }, RS_WIDTH_64,
	  RS_EMULATION_OWN_DATA, false, true },
	{ "fxsave [rdi]", { 0x0f, 0xae, 0x07 }, RS_WIDTH_64, RS_EMULATION_UNKNOWN, true, false },
	{ "xsave [rdi]", { 0x0f, 0xae, 0x27 }, RS_WIDTH_64, RS_EMULATION_UNIMPLEMENTED, false, false },
	{ "xrstor [rdi]", { 0x0f, 0xae, 0x2f }, RS_WIDTH_64, RS_EMULATION_FAULTS, false, false },
	{ "mov rax, dr7", { 0x0f, 0x21, 0xf8 }, RS_WIDTH_64, RS_EMULATION_FAULTS, false, false },
	{ "int 0x80", { 0xcd, 0x80 }, RS_WIDTH_64, RS_EMULATION_ENDLESS, false, false },
	{ "vcvtps2ph [edi], xmm0, 0", { 0xc4, 0xe3, 0x79, 0x1d, 0x07, 0 }, RS_WIDTH_32,
	  RS_EMULATION_PANICS, false, false },
	{ "a prefix before it", { 0x2e, 0xc4, 0xe3, 0x79, 0x1d, 0x07, 0 }, RS_WIDTH_64,
	  RS_EMULATION_PANICS, false, false },
};

static void test_emulations(void)
{
	for (size_t i = 0; i < sizeof(emulations) / sizeof(*emulations); i++) {
		struct rs_instruction found =
			rs_instruction_decode(emulations[i].code, 16, emulations[i].width);

		tap_ok(TAP_SAME(found.emulation, emulations[i].emulation) &&
			       TAP_SAME(found.takes_data, emulations[i].takes_data) &&
			       TAP_SAME(found.takes_no_write, emulations[i].takes_no_write),
		       "%s: what an emulation does", emulations[i].name);
	}
}

int main(void)
{
	static const uint8_t none[2] = { 0x0f, 0xff };

	for (size_t i = 0; i < COUNT; i++) {
		struct rs_instruction found =
			rs_instruction_decode(instructions[i].code, sizeof(instructions[i].code),
					      RS_WIDTH_64);

		tap_ok(TAP_SAME(found.length, instructions[i].size) &&
			       TAP_SAME(found.is_proved, instructions[i].is_proved) &&
			       TAP_SAME(found.repeat, instructions[i].repeat),
		       "%s: %s", instructions[i].name,
		       instructions[i].is_proved ? "emulated" : "not emulated");
		if ((found.emulation == RS_EMULATION_PANICS) != (instructions[i].code[0] == 0xc4))
			tap_ok(false, "%s: deadly or not", instructions[i].name);
		found = rs_instruction_decode(instructions[i].code, instructions[i].size - 1U,
					      RS_WIDTH_64);
		if (found.length || found.is_proved)
			tap_ok(false, "%s: cut short", instructions[i].name);
	}
	test_accesses();
	tap_ok(!rs_instruction_decode(none, 2, RS_WIDTH_64).length, "what is no instruction");
	test_operands();
	test_emulations();
	return tap_done();
}
