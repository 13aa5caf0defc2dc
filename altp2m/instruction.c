/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* instruction.c: decodes, and keeps of it what is asked for later. */
#include "altp2m/instruction.h"

#include <Zydis/Zydis.h>

#define CR0_PE 0x1
#define EFER_LMA 0x400
#define CS_L 0x200 /* of rs_segment.attributes */
#define CS_D 0x400

#define NUMBER_RCX 1
#define NUMBER_RSP 4
#define READS ZYDIS_OPERAND_ACTION_MASK_READ
#define WRITES ZYDIS_OPERAND_ACTION_MASK_WRITE

/* -- is it emulated right -- */

static bool is_mov_of_special(const ZydisDecodedInstruction *instruction)
{
	/* Of MOV only the general registers and memory: 0F 20 to 0F 26 are CR, DR and TR. */
	return instruction->opcode_map == ZYDIS_OPCODE_MAP_0F &&
	       instruction->mnemonic == ZYDIS_MNEMONIC_MOV && instruction->opcode >= 0x20 &&
	       instruction->opcode <= 0x26;
}

/*
 * Segment registers, far branches, FS and GS, and addresses of 32 bits were not run in all forms.
 * PUSH and POP of the map 0F are those of FS and GS.
 */
static bool is_plain(const ZydisDecodedInstruction *instruction)
{
	static const ZydisInstructionAttributes unproved =
		ZYDIS_ATTRIB_HAS_SEGMENT_FS | ZYDIS_ATTRIB_HAS_SEGMENT_GS;

	return !(instruction->attributes & unproved) &&
	       instruction->meta.branch_type != ZYDIS_BRANCH_TYPE_FAR &&
	       instruction->address_width == 64 && !is_mov_of_special(instruction) &&
	       !(instruction->mnemonic == ZYDIS_MNEMONIC_MOV &&
		 (instruction->opcode == 0x8c || instruction->opcode == 0x8e)) &&
	       !(instruction->opcode_map == ZYDIS_OPCODE_MAP_0F &&
		 (instruction->mnemonic == ZYDIS_MNEMONIC_PUSH ||
		  instruction->mnemonic == ZYDIS_MNEMONIC_POP));
}

static enum rs_emulation emulation_of(const ZydisDecodedInstruction *instruction)
{
	/* To and from debug registers. */
	if (is_mov_of_special(instruction) && (instruction->opcode & 1))
		return RS_EMULATION_FAULTS;
	return rs_emulation_of(instruction->mnemonic);
}

/* What Xen moves in one block goes to memory whatever an answer says, or is not known without. */
static bool moves_a_block(const ZydisDecodedInstruction *instruction)
{
	return instruction->meta.category == ZYDIS_CATEGORY_X87_ALU ||
	       instruction->meta.category == ZYDIS_CATEGORY_XSAVE ||
	       instruction->meta.category == ZYDIS_CATEGORY_XSAVEOPT ||
	       instruction->mnemonic == ZYDIS_MNEMONIC_FXSAVE ||
	       instruction->mnemonic == ZYDIS_MNEMONIC_FXSAVE64 ||
	       instruction->mnemonic == ZYDIS_MNEMONIC_FXRSTOR ||
	       instruction->mnemonic == ZYDIS_MNEMONIC_FXRSTOR64 ||
	       instruction->mnemonic == ZYDIS_MNEMONIC_MOVDIR64B;
}

/* An instruction that changes memory uses the real bytes, but for CMPXCHG. */
static bool changes_memory(const ZydisDecodedInstruction *instruction,
			   const ZydisDecodedOperand *operands)
{
	if (instruction->mnemonic == ZYDIS_MNEMONIC_CMPXCHG)
		return false;
	for (unsigned int i = 0; i < instruction->operand_count; i++)
		if (operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    operands[i].actions & READS && operands[i].actions & WRITES)
			return true;
	return false;
}

/* -- what it accesses -- */

static uint8_t number_of(ZydisRegister reg)
{
	if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
		return RS_REGISTER_NEXT_RIP;
	if (reg == ZYDIS_REGISTER_FS)
		return RS_REGISTER_FS;
	if (reg == ZYDIS_REGISTER_GS)
		return RS_REGISTER_GS;
	if (reg >= ZYDIS_REGISTER_RAX && reg <= ZYDIS_REGISTER_R15)
		return (uint8_t)(reg - ZYDIS_REGISTER_RAX);
	if (reg >= ZYDIS_REGISTER_EAX && reg <= ZYDIS_REGISTER_R15D)
		return (uint8_t)(reg - ZYDIS_REGISTER_EAX);
	return RS_REGISTER_NONE;
}

/* What a push writes is below RSP, which is not in the operand. */
static bool is_pushed(const ZydisDecodedOperand *operand)
{
	return operand->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN &&
	       operand->mem.base == ZYDIS_REGISTER_RSP && operand->actions & WRITES;
}

static struct rs_operand operand_of(const ZydisDecodedInstruction *instruction,
				    const ZydisDecodedOperand *operand)
{
	struct rs_operand known = {
		.base = number_of(operand->mem.base),
		.index = number_of(operand->mem.index),
		.scale = operand->mem.scale,
		.segment = number_of(operand->mem.segment),
		.access = (operand->actions & READS ? RS_ACCESS_R : 0) |
			  (operand->actions & WRITES ? RS_ACCESS_R | RS_ACCESS_W : 0),
		.is_narrow = instruction->address_width == 32,
		.size = operand->size / 8,
		.displacement = operand->mem.disp.value,
	};

	if (is_pushed(operand))
		known.displacement -= known.size;
	return known;
}

static void note_operands(struct rs_instruction *known, const ZydisDecodedInstruction *instruction,
			  const ZydisDecodedOperand *operands)
{
	for (unsigned int i = 0; i < instruction->operand_count; i++) {
		if (operands[i].type != ZYDIS_OPERAND_TYPE_MEMORY ||
		    operands[i].mem.type != ZYDIS_MEMOP_TYPE_MEM ||
		    known->operand_count == RS_OPERANDS_MAX)
			continue;
		known->operands[known->operand_count++] = operand_of(instruction, &operands[i]);
	}
}

/* -- all of it -- */

static enum rs_repeat repeat_of(const ZydisDecodedInstruction *instruction)
{
	if (instruction->attributes & ZYDIS_ATTRIB_HAS_REPE)
		return RS_REPEAT_WHILE_EQUAL;
	if (instruction->attributes & ZYDIS_ATTRIB_HAS_REPNE)
		return RS_REPEAT_WHILE_DIFFERENT;
	return instruction->attributes & ZYDIS_ATTRIB_HAS_REP ? RS_REPEAT_COUNTED : RS_REPEAT_NOT;
}

enum rs_width rs_instruction_width(const struct rs_event *event)
{
	uint16_t attributes = rs_event_cs(event).attributes;

	if (rs_event_efer(event) & EFER_LMA && attributes & CS_L)
		return RS_WIDTH_64;
	return rs_event_cr0(event) & CR0_PE && attributes & CS_D ? RS_WIDTH_32 : RS_WIDTH_16;
}

static void init_decoder(ZydisDecoder *decoder, enum rs_width width)
{
	if (width == RS_WIDTH_64)
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	else if (width == RS_WIDTH_32)
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
	else
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
}

struct rs_instruction rs_instruction_decode(const uint8_t *code, size_t size, enum rs_width width)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	struct rs_instruction known = { 0 };
	ZydisDecodedInstruction instruction;
	ZydisDecoder decoder;
	bool harmless;

	init_decoder(&decoder, width);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, size, &instruction, operands)))
		return known;
	known.length = instruction.length;
	known.repeat = repeat_of(&instruction);
	known.emulation = emulation_of(&instruction);
	harmless = known.emulation <= RS_EMULATION_OWN_DATA;
	known.takes_data = harmless && known.emulation != RS_EMULATION_OWN_DATA &&
			   !changes_memory(&instruction, operands);
	known.takes_no_write = harmless && !moves_a_block(&instruction);
	if (width != RS_WIDTH_64)
		return known;
	known.is_proved = known.emulation == RS_EMULATION_RIGHT && is_plain(&instruction);
	note_operands(&known, &instruction, operands);
	return known;
}

/* -- where that is -- */

/* The general registers lie in the message in the order of their numbers. */
static inline uint64_t value_of(const struct rs_event *event, uint8_t number, uint64_t next)
{
	if (number < RS_REGISTER_NEXT_RIP)
		return rs_event_u64(event, (uint16_t)(event->layout->rax + number * 8));
	switch (number) {
	case RS_REGISTER_NEXT_RIP:
		return next;
	case RS_REGISTER_FS:
		return rs_event_fs(event).base;
	case RS_REGISTER_GS:
		return rs_event_gs(event).base;
	default:
		return 0;
	}
}

uint64_t rs_operand_linear(const struct rs_instruction *instruction,
			   const struct rs_operand *operand, const struct rs_event *event)
{
	uint64_t next = rs_event_rip(event) + instruction->length;
	uint64_t offset = value_of(event, operand->base, next) + (uint64_t)operand->displacement;

	if (operand->index != RS_REGISTER_NONE)
		offset += value_of(event, operand->index, next) * operand->scale;
	if (operand->is_narrow)
		offset = (uint32_t)offset;
	if (operand->segment != RS_REGISTER_NONE)
		offset += value_of(event, operand->segment, next);
	return offset;
}

/* The widest operand has 64 bytes; POP [RSP] and its like count RSP differently. */
static bool is_near(uint64_t a, uint64_t b)
{
	return a - b + 64 <= 128;
}

bool rs_instruction_touches(const struct rs_instruction *instruction, const struct rs_event *event,
			    uint64_t linear)
{
	for (unsigned int i = 0; i < instruction->operand_count; i++)
		if (is_near(rs_operand_linear(instruction, &instruction->operands[i], event),
			    linear))
			return true;
	return false;
}
