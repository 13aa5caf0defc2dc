/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* instruction.c: decodes, and looks the instruction up in the list. */
#include "altp2m/instruction.h"

#include <Zydis/Zydis.h>

/*
 * Proved on Xen 4.14, 4.17 and 4.20: with its memory operand's page closed, with its own page
 * closed, and in place of an INT3. Not there: IMUL of three operands, BSF and BSR, which leave
 * other undefined flags; all of SSE, AVX and x87 but plain moves and XOR, since of these only
 * some forms were run; what was not run at all.
 */
static bool is_listed(ZydisMnemonic mnemonic)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_ADC:
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_AND:
	case ZYDIS_MNEMONIC_BT:
	case ZYDIS_MNEMONIC_BTC:
	case ZYDIS_MNEMONIC_BTR:
	case ZYDIS_MNEMONIC_BTS:
	case ZYDIS_MNEMONIC_CALL:
	case ZYDIS_MNEMONIC_CMOVB:
	case ZYDIS_MNEMONIC_CMOVBE:
	case ZYDIS_MNEMONIC_CMOVL:
	case ZYDIS_MNEMONIC_CMOVLE:
	case ZYDIS_MNEMONIC_CMOVNB:
	case ZYDIS_MNEMONIC_CMOVNBE:
	case ZYDIS_MNEMONIC_CMOVNL:
	case ZYDIS_MNEMONIC_CMOVNLE:
	case ZYDIS_MNEMONIC_CMOVNO:
	case ZYDIS_MNEMONIC_CMOVNP:
	case ZYDIS_MNEMONIC_CMOVNS:
	case ZYDIS_MNEMONIC_CMOVNZ:
	case ZYDIS_MNEMONIC_CMOVO:
	case ZYDIS_MNEMONIC_CMOVP:
	case ZYDIS_MNEMONIC_CMOVS:
	case ZYDIS_MNEMONIC_CMOVZ:
	case ZYDIS_MNEMONIC_CMP:
	case ZYDIS_MNEMONIC_CMPXCHG:
	case ZYDIS_MNEMONIC_CMPXCHG16B:
	case ZYDIS_MNEMONIC_CMPXCHG8B:
	case ZYDIS_MNEMONIC_DEC:
	case ZYDIS_MNEMONIC_DIV:
	case ZYDIS_MNEMONIC_ENDBR64:
	case ZYDIS_MNEMONIC_ENTER:
	case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_JB:
	case ZYDIS_MNEMONIC_JBE:
	case ZYDIS_MNEMONIC_JL:
	case ZYDIS_MNEMONIC_JLE:
	case ZYDIS_MNEMONIC_JMP:
	case ZYDIS_MNEMONIC_JNB:
	case ZYDIS_MNEMONIC_JNBE:
	case ZYDIS_MNEMONIC_JNL:
	case ZYDIS_MNEMONIC_JNLE:
	case ZYDIS_MNEMONIC_JNO:
	case ZYDIS_MNEMONIC_JNP:
	case ZYDIS_MNEMONIC_JNS:
	case ZYDIS_MNEMONIC_JNZ:
	case ZYDIS_MNEMONIC_JO:
	case ZYDIS_MNEMONIC_JP:
	case ZYDIS_MNEMONIC_JS:
	case ZYDIS_MNEMONIC_JZ:
	case ZYDIS_MNEMONIC_LEAVE:
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVAPS:
	case ZYDIS_MNEMONIC_MOVBE:
	case ZYDIS_MNEMONIC_MOVDQA:
	case ZYDIS_MNEMONIC_MOVDQU:
	case ZYDIS_MNEMONIC_MOVNTI:
	case ZYDIS_MNEMONIC_MOVSB:
	case ZYDIS_MNEMONIC_MOVSQ:
	case ZYDIS_MNEMONIC_MOVSW:
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
	case ZYDIS_MNEMONIC_MOVUPS:
	case ZYDIS_MNEMONIC_MOVZX:
	case ZYDIS_MNEMONIC_MUL:
	case ZYDIS_MNEMONIC_NEG:
	case ZYDIS_MNEMONIC_NOP:
	case ZYDIS_MNEMONIC_NOT:
	case ZYDIS_MNEMONIC_OR:
	case ZYDIS_MNEMONIC_POP:
	case ZYDIS_MNEMONIC_POPCNT:
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_RCL:
	case ZYDIS_MNEMONIC_RCR:
	case ZYDIS_MNEMONIC_RET:
	case ZYDIS_MNEMONIC_ROL:
	case ZYDIS_MNEMONIC_ROR:
	case ZYDIS_MNEMONIC_SAR:
	case ZYDIS_MNEMONIC_SBB:
	case ZYDIS_MNEMONIC_SETB:
	case ZYDIS_MNEMONIC_SETBE:
	case ZYDIS_MNEMONIC_SETL:
	case ZYDIS_MNEMONIC_SETLE:
	case ZYDIS_MNEMONIC_SETNB:
	case ZYDIS_MNEMONIC_SETNBE:
	case ZYDIS_MNEMONIC_SETNL:
	case ZYDIS_MNEMONIC_SETNLE:
	case ZYDIS_MNEMONIC_SETNO:
	case ZYDIS_MNEMONIC_SETNP:
	case ZYDIS_MNEMONIC_SETNS:
	case ZYDIS_MNEMONIC_SETNZ:
	case ZYDIS_MNEMONIC_SETO:
	case ZYDIS_MNEMONIC_SETP:
	case ZYDIS_MNEMONIC_SETS:
	case ZYDIS_MNEMONIC_SETZ:
	case ZYDIS_MNEMONIC_SHL:
	case ZYDIS_MNEMONIC_SHLD:
	case ZYDIS_MNEMONIC_SHR:
	case ZYDIS_MNEMONIC_SHRD:
	case ZYDIS_MNEMONIC_STOSB:
	case ZYDIS_MNEMONIC_STOSD:
	case ZYDIS_MNEMONIC_STOSQ:
	case ZYDIS_MNEMONIC_STOSW:
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_TEST:
	case ZYDIS_MNEMONIC_XADD:
	case ZYDIS_MNEMONIC_XCHG:
	case ZYDIS_MNEMONIC_XOR:
	case ZYDIS_MNEMONIC_XORPS:
		return true;
	default:
		return false;
	}
}

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

static enum rs_repeat repeat_of(const ZydisDecodedInstruction *instruction)
{
	if (instruction->attributes & ZYDIS_ATTRIB_HAS_REPE)
		return RS_REPEAT_WHILE_EQUAL;
	if (instruction->attributes & ZYDIS_ATTRIB_HAS_REPNE)
		return RS_REPEAT_WHILE_DIFFERENT;
	return instruction->attributes & ZYDIS_ATTRIB_HAS_REP ? RS_REPEAT_COUNTED : RS_REPEAT_NOT;
}

struct rs_instruction rs_instruction_decode(const uint8_t *code, size_t size)
{
	struct rs_instruction known = { 0 };
	ZydisDecodedInstruction instruction;
	ZydisDecoder decoder;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, code, size, &instruction)))
		return known;
	known.length = instruction.length;
	known.repeat = repeat_of(&instruction);
	/* #NM inside Xen, where that switches the FPU lazily. */
	known.is_deadly = instruction.mnemonic == ZYDIS_MNEMONIC_VCVTPS2PH;
	known.is_proved = is_listed(instruction.mnemonic) && is_plain(&instruction);
	return known;
}

/* The general registers, in the order of their numbers, which is the message's. */
static void read_registers(const struct rs_event *event, ZydisRegisterContext *context)
{
	for (unsigned int i = 0; i < 16; i++)
		context->values[ZYDIS_REGISTER_RAX + i] =
			rs_event_u64(event, (uint16_t)(event->layout->rax + i * 8));
}

/* A stack's access lies beside RSP, and the widest operand has 64 bytes. */
static bool is_near(uint64_t a, uint64_t b)
{
	return a - b + 64 <= 128;
}

bool rs_instruction_touches(const uint8_t *code, size_t size, const struct rs_event *event,
			    uint64_t linear)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	static _Thread_local ZydisRegisterContext context;
	ZydisDecodedInstruction instruction;
	ZydisDecoder decoder;
	ZyanU64 address;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, size, &instruction, operands)))
		return false;
	read_registers(event, &context);
	for (unsigned int i = 0; i < instruction.operand_count; i++) {
		if (operands[i].type != ZYDIS_OPERAND_TYPE_MEMORY ||
		    operands[i].mem.type != ZYDIS_MEMOP_TYPE_MEM)
			continue;
		if (ZYAN_SUCCESS(ZydisCalcAbsoluteAddressEx(&instruction, &operands[i],
							    rs_event_rip(event), &context,
							    &address)) &&
		    is_near(address, linear))
			return true;
	}
	return false;
}
