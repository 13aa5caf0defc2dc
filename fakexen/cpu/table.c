/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* table.c: the instructions that load and store GDTR, IDTR, LDTR and TR. */
#include "fakexen/cpu/memory.h"

enum { IDTR = 1, GDTR, LDTR, TR };      /* as the exit names them */
enum { NO_BASE = 1 << 27, NO_INDEX = 1 << 22, IS_REGISTER = 1 << 10 };

/* The VM-exit instruction information (SDM tables 27-12, 27-13). Of a register operand
 * only its number counts; what hardware leaves undefined is zero. */
static uint32_t instr_info(const struct fx_cpu *cpu, const struct fx_op *op)
{
	uint32_t info = (uint32_t)op->aux << 28;

	if (op->operand[0].kind == FX_OPERAND_REGISTER)
		return info | IS_REGISTER | (uint32_t)(op->operand[0].reg / 8) << 3;
	info |= (op->address_size == 8 ? 2u : op->address_size == 4 ? 1u : 0u) << 7;
	info |= (uint32_t)op->segment << 15;
	if (!cpu->code64 && op->size == 4)
		info |= 1 << 11;
	info |= op->index == FX_BASE_NONE ? NO_INDEX : (uint32_t)(op->index / 8) << 18 | op->scale;
	info |= op->base >= FX_BASE_NONE ? NO_BASE : (uint32_t)(op->base / 8) << 23;
	return info;
}

/* Whether the hypervisor sees this one; it comes back to have it carried out. */
static bool leaves(struct fx_cpu *cpu, const struct fx_op *op, uint8_t descriptor, bool is_write)
{
	struct fx_cpu_exit *exit = cpu->exit;

	if (!cpu->controls.descriptor_exiting || cpu->emulation || cpu->completing)
		return false;
	exit->descriptor.descriptor = descriptor;
	exit->descriptor.is_write = is_write;
	exit->descriptor.instr_info = instr_info(cpu, op);
	exit->descriptor.qualification = 0;
	if (op->operand[0].kind == FX_OPERAND_MEMORY) {
		exit->descriptor.qualification = (uint64_t)op->displacement;
		if (op->base == FX_BASE_RIP)
			exit->descriptor.qualification += fx_rip(cpu, op) + op->length;
	}
	fx_exit_insn(cpu, FX_EXIT_DESCRIPTOR);
	return true;
}

/* Storing needs no privilege, unless UMIP says so; loading does. */
static bool forbidden(const struct fx_cpu *cpu, bool is_write)
{
	return cpu->user && (is_write || (cpu->state->cr4 & FX_CR4_UMIP));
}

static unsigned int pointer_size(const struct fx_cpu *cpu)
{
	return cpu->code64 ? 10 : 6;
}

static enum fx_step table_load(struct fx_cpu *cpu, const struct fx_op *op, uint8_t descriptor,
	struct fx_table *table)
{
	uint8_t pointer[10];
	enum fx_step step;

	if (forbidden(cpu, true))
		return fx_raise_general(cpu);
	if (leaves(cpu, op, descriptor, true))
		return FX_STEP_EXIT;
	step = fx_read(cpu, fx_address(cpu, op), pointer, pointer_size(cpu));
	if (step != FX_STEP_NEXT)
		return step;
	if (cpu->code64 && !fx_canonical(fx_get(pointer + 2, 8)))
		return fx_raise_general(cpu);
	table->limit = (uint32_t)fx_get(pointer, 2);
	table->base = fx_get(pointer + 2, pointer_size(cpu) - 2);
	if (!cpu->code64 && op->size == 2)
		table->base &= 0xffffff;
	return step;
}

static enum fx_step table_store(struct fx_cpu *cpu, const struct fx_op *op, uint8_t descriptor,
	const struct fx_table *table)
{
	uint8_t pointer[10];

	if (forbidden(cpu, false))
		return fx_raise_general(cpu);
	if (leaves(cpu, op, descriptor, false))
		return FX_STEP_EXIT;
	fx_put(pointer, 2, table->limit);
	fx_put(pointer + 2, 8, table->base);
	return fx_write(cpu, fx_address(cpu, op), pointer, pointer_size(cpu));
}

enum fx_step fx_op_lgdt(struct fx_cpu *cpu, const struct fx_op *op)
{
	return table_load(cpu, op, GDTR, &cpu->state->gdtr);
}

enum fx_step fx_op_lidt(struct fx_cpu *cpu, const struct fx_op *op)
{
	return table_load(cpu, op, IDTR, &cpu->state->idtr);
}

enum fx_step fx_op_sgdt(struct fx_cpu *cpu, const struct fx_op *op)
{
	return table_store(cpu, op, GDTR, &cpu->state->gdtr);
}

enum fx_step fx_op_sidt(struct fx_cpu *cpu, const struct fx_op *op)
{
	return table_store(cpu, op, IDTR, &cpu->state->idtr);
}

/* Loads LDTR (type 2) or TR (type 9, which becomes 11: busy). */
static enum fx_step system_segment(struct fx_cpu *cpu, const struct fx_op *op, uint8_t descriptor,
	unsigned int type, struct fx_segment *segment)
{
	struct fx_descriptor found = { 0, 0 };
	uint64_t selector;
	uint8_t busy;
	enum fx_step step;

	if (forbidden(cpu, true))
		return fx_raise_general(cpu);
	if (leaves(cpu, op, descriptor, true))
		return FX_STEP_EXIT;
	step = fx_operand_get(cpu, op, &op->operand[0], &selector);
	if (step != FX_STEP_NEXT)
		return step;
	selector &= 0xffff;
	if (!(selector & ~3ull)) {
		if (descriptor == TR)
			return fx_raise_general(cpu);
		fx_segment_flat(segment, (uint16_t)selector, 0);
		return step;
	}
	if (selector & 4)
		return fx_raise_code(cpu, FX_GP, (uint32_t)selector & ~3u);
	step = fx_descriptor_read(cpu, (uint16_t)selector, true, FX_GP, &found);
	if (step != FX_STEP_NEXT)
		return step;
	if ((found.low >> 40 & 31) != type)
		return fx_raise_code(cpu, FX_GP, (uint32_t)selector & ~3u);
	if (!(found.low >> 47 & 1))
		return fx_raise_code(cpu, FX_NP, (uint32_t)selector & ~3u);
	if (descriptor == TR) {
		found.low |= 2ull << 40;
		busy = (uint8_t)(found.low >> 40);
		step = fx_system_write(cpu, cpu->state->gdtr.base + (selector & ~7ull) + 5, &busy, 1);
	}
	if (step == FX_STEP_NEXT)
		*segment = fx_descriptor_segment((uint16_t)selector, &found);
	return step;
}

enum fx_step fx_op_lldt(struct fx_cpu *cpu, const struct fx_op *op)
{
	return system_segment(cpu, op, LDTR, 2, &cpu->state->ldtr);
}

enum fx_step fx_op_ltr(struct fx_cpu *cpu, const struct fx_op *op)
{
	return system_segment(cpu, op, TR, 9, &cpu->state->tr);
}

static enum fx_step selector_store(struct fx_cpu *cpu, const struct fx_op *op, uint8_t descriptor,
	uint16_t selector)
{
	if (forbidden(cpu, false))
		return fx_raise_general(cpu);
	if (leaves(cpu, op, descriptor, false))
		return FX_STEP_EXIT;
	return fx_operand_put(cpu, op, &op->operand[0], selector);
}

enum fx_step fx_op_sldt(struct fx_cpu *cpu, const struct fx_op *op)
{
	return selector_store(cpu, op, LDTR, cpu->state->ldtr.selector);
}

enum fx_step fx_op_str(struct fx_cpu *cpu, const struct fx_op *op)
{
	return selector_store(cpu, op, TR, cpu->state->tr.selector);
}
