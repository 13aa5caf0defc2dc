/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* advance.c: reads the instruction at RIP as the vCPU saw it, and moves RIP behind it. */
#include "engine/advance.h"

#include <errno.h>
#include <inttypes.h>

#include <Zydis/Zydis.h>

#include "engine/private.h"
#include "xen/error.h"

#define PAGE_BYTES 4096
#define EFER_LMA 0x400
#define CS_L 0x200 /* of rs_segment.attributes */
#define CS_D 0x400

/* -- which instruction -- */

static bool is_64bit(const struct rs_event *event)
{
	return rs_event_efer(event) & EFER_LMA && rs_event_cs(event).attributes & CS_L;
}

static void init_decoder(ZydisDecoder *decoder, const struct rs_event *event)
{
	if (is_64bit(event))
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	else if (rs_event_cs(event).attributes & CS_D)
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
	else
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
}

/* MOV to CRn is 0F 22 /n. */
static bool is_mov_to(const ZydisDecodedInstruction *instruction, unsigned int number)
{
	return instruction->mnemonic == ZYDIS_MNEMONIC_MOV &&
	       instruction->opcode_map == ZYDIS_OPCODE_MAP_0F && instruction->opcode == 0x22 &&
	       instruction->raw.modrm.reg == number && !instruction->raw.rex.R;
}

static bool writes_cr(const ZydisDecodedInstruction *instruction, uint32_t which)
{
	switch (which) {
	case RS_CR0:
		return is_mov_to(instruction, 0) ||
		       instruction->mnemonic == ZYDIS_MNEMONIC_CLTS ||
		       instruction->mnemonic == ZYDIS_MNEMONIC_LMSW;
	case RS_CR3:
		return is_mov_to(instruction, 3);
	case RS_CR4:
		return is_mov_to(instruction, 4);
	case RS_XCR0:
		return instruction->mnemonic == ZYDIS_MNEMONIC_XSETBV;
	default:
		return false;
	}
}

/* Another vCPU may have changed the code meanwhile, and a task switch writes CR3 too. */
static bool is_cause(const ZydisDecodedInstruction *instruction, const struct rs_event *event)
{
	switch (event->kind) {
	case RS_CR:
		return writes_cr(instruction, event->cr.which);
	case RS_MSR:
		return instruction->mnemonic == ZYDIS_MNEMONIC_WRMSR;
	case RS_GUEST_REQUEST:
		return instruction->mnemonic == ZYDIS_MNEMONIC_VMCALL ||
		       instruction->mnemonic == ZYDIS_MNEMONIC_VMMCALL;
	default:
		return false;
	}
}

int rs_advance_length(const struct rs_event *event, const uint8_t *code, size_t size)
{
	ZydisDecodedInstruction instruction;
	ZydisDecoder decoder;
	ZyanStatus status;

	init_decoder(&decoder, event);
	status = ZydisDecoderDecodeInstruction(&decoder, NULL, code, size, &instruction);
	if (status == ZYDIS_STATUS_NO_MORE_DATA)
		return 0;
	if (!ZYAN_SUCCESS(status) || !is_cause(&instruction, event))
		return -EBADMSG;
	return instruction.length;
}

/* -- where it is -- */

static int read_code(struct rs_engine *engine, const struct rs_event *event, uint64_t linear,
		     uint8_t *code, size_t size)
{
	struct rs_paging paging = rs_event_paging(event);
	struct rs_guest *guest = rs_engine_guest(engine);

	return guest ? rs_guest_read_virtual(guest, &paging, linear, code, size, NULL) : -EIO;
}

/* Its length, or -errno. The next page is looked at only if the instruction goes on there. */
static int measure(struct rs_engine *engine, const struct rs_event *event)
{
	uint64_t linear = rs_event_rip(event) + (is_64bit(event) ? 0 : rs_event_cs(event).base);
	size_t left = PAGE_BYTES - linear % PAGE_BYTES;
	uint8_t code[ZYDIS_MAX_INSTRUCTION_LENGTH];
	size_t size = left < sizeof(code) ? left : sizeof(code);
	int error = read_code(engine, event, linear, code, size);
	int length = error ? error : rs_advance_length(event, code, size);

	if (!length && size < sizeof(code)) {
		error = read_code(engine, event, linear + size, code + size, sizeof(code) - size);
		length = error ? error : rs_advance_length(event, code, sizeof(code));
	}
	if (length == 0 || length == -EBADMSG)
		return rs_fail(EBADMSG, "it is none that does this");
	return length;
}

void rs_advance(struct rs_engine *engine, const struct rs_event *event)
{
	uint64_t rip = rs_event_rip(event);
	struct rs_registers *registers;
	int length;

	if (!rs_is_executed(event) || !event->synchronous ||
	    event->answer->data != RS_ANSWER_REGISTERS)
		return;
	registers = rs_answer_registers(event);
	if (registers->rip != rip)
		return;
	length = measure(engine, event);
	if (length > 0) {
		rip += (unsigned int)length;
		registers->rip = is_64bit(event) ? rip : (uint32_t)rip;
		return;
	}
	rs_log(&engine->log, RS_LOG_WARNING,
	       "domain %u, vCPU %u: the instruction at %#" PRIx64 " cannot be told, to move RIP "
	       "behind it: %s", engine->domain, event->vcpu, rip, rs_error_text());
}
