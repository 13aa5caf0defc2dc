/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* string.c: string instructions. A REP is done an iteration at a time while somebody looks
 * (single steps, breakpoints), else some at once; what is left is run again from its start,
 * as after an interrupt. Xen's emulator does movs and stos whole, the others by iterations. */
#include "fakexen/cpu/memory.h"

enum { AT_ONCE = 256, EMULATED_AT_ONCE = 4096 };

typedef enum fx_step iteration(struct fx_cpu *cpu, const struct fx_op *op, bool *ends);

static uint64_t source(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t at = cpu->state->gpr[FX_RSI] & fx_mask(op->address_size);

	if (op->flags & FX_OP_SEGMENT_BASE)
		at += cpu->state->segment[op->segment].base;
	return cpu->code64 ? at : (uint32_t)at;
}

static uint64_t destination(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t at = cpu->state->gpr[FX_RDI] & fx_mask(op->address_size);

	return cpu->code64 ? at : (uint32_t)(at + cpu->state->segment[FX_ES].base);
}

static void advance(struct fx_cpu *cpu, const struct fx_op *op, unsigned int reg)
{
	const struct fx_operand pointer = { FX_OPERAND_REGISTER, op->address_size,
					    (uint8_t)(reg * 8) };
	uint64_t by = cpu->state->rflags & FX_DF ? -(uint64_t)op->size : op->size;

	fx_register_put(cpu, &pointer, fx_register_get(cpu, &pointer) + by);
}

static unsigned int limit(const struct fx_cpu *cpu, bool whole)
{
	if (cpu->emulation)
		return whole ? EMULATED_AT_ONCE : 1;
	if ((cpu->state->rflags & FX_TF) || cpu->controls.monitor_trap ||
	    (cpu->state->dr7 & 0xff))
		return 1;
	return AT_ONCE;
}

__attribute__((always_inline)) static inline enum fx_step repeat(struct fx_cpu *cpu,
	const struct fx_op *op, iteration *once, bool whole)
{
	const struct fx_operand rcx = { FX_OPERAND_REGISTER, op->address_size, FX_RCX * 8 };
	unsigned int left = limit(cpu, whole);
	uint64_t count;
	bool ends = false;
	enum fx_step step;

	if (!(op->flags & (FX_OP_REP | FX_OP_REPNE)))
		return once(cpu, op, &ends);
	while (!ends && (count = fx_register_get(cpu, &rcx))) {
		if (!left--)
			return FX_STEP_REPEAT;
		step = once(cpu, op, &ends);
		if (step != FX_STEP_NEXT)
			return step;
		fx_register_put(cpu, &rcx, count - 1);
	}
	return FX_STEP_NEXT;
}

static inline enum fx_step movs_once(struct fx_cpu *cpu, const struct fx_op *op, bool *ends)
{
	uint64_t value;
	enum fx_step step = fx_load(cpu, source(cpu, op), op->size, &value);

	if (step == FX_STEP_NEXT)
		step = fx_store(cpu, destination(cpu, op), op->size, value);
	if (step != FX_STEP_NEXT)
		return step;
	advance(cpu, op, FX_RSI);
	advance(cpu, op, FX_RDI);
	return step;
}

static inline enum fx_step stos_once(struct fx_cpu *cpu, const struct fx_op *op, bool *ends)
{
	enum fx_step step = fx_store(cpu, destination(cpu, op), op->size,
		cpu->state->gpr[FX_RAX] & fx_mask(op->size));

	if (step == FX_STEP_NEXT)
		advance(cpu, op, FX_RDI);
	return step;
}

static inline enum fx_step lods_once(struct fx_cpu *cpu, const struct fx_op *op, bool *ends)
{
	const struct fx_operand rax = { FX_OPERAND_REGISTER, op->size, 0 };
	uint64_t value;
	enum fx_step step = fx_load(cpu, source(cpu, op), op->size, &value);

	if (step != FX_STEP_NEXT)
		return step;
	fx_register_put(cpu, &rax, value);
	advance(cpu, op, FX_RSI);
	return step;
}

static void compared(struct fx_cpu *cpu, const struct fx_op *op, uint64_t a, uint64_t b, bool *ends)
{
	uint64_t *rflags = &cpu->state->rflags;

	a &= fx_mask(op->size);
	fx_flags_set(rflags, FX_FLAGS_ARITHMETIC,
		fx_flags_sub(a, b, (a - b) & fx_mask(op->size), op->size));
	*ends = !(*rflags & FX_ZF) == !(op->flags & FX_OP_REPNE);
}

static inline enum fx_step scas_once(struct fx_cpu *cpu, const struct fx_op *op, bool *ends)
{
	uint64_t value;
	enum fx_step step = fx_load(cpu, destination(cpu, op), op->size, &value);

	if (step != FX_STEP_NEXT)
		return step;
	compared(cpu, op, cpu->state->gpr[FX_RAX], value, ends);
	advance(cpu, op, FX_RDI);
	return step;
}

static inline enum fx_step cmps_once(struct fx_cpu *cpu, const struct fx_op *op, bool *ends)
{
	uint64_t a, b;
	enum fx_step step = fx_load(cpu, source(cpu, op), op->size, &a);

	if (step == FX_STEP_NEXT)
		step = fx_load(cpu, destination(cpu, op), op->size, &b);
	if (step != FX_STEP_NEXT)
		return step;
	compared(cpu, op, a, b, ends);
	advance(cpu, op, FX_RSI);
	advance(cpu, op, FX_RDI);
	return step;
}

enum fx_step fx_op_movs(struct fx_cpu *cpu, const struct fx_op *op)
{
	return repeat(cpu, op, movs_once, true);
}

enum fx_step fx_op_stos(struct fx_cpu *cpu, const struct fx_op *op)
{
	return repeat(cpu, op, stos_once, true);
}

enum fx_step fx_op_lods(struct fx_cpu *cpu, const struct fx_op *op)
{
	return repeat(cpu, op, lods_once, false);
}

enum fx_step fx_op_scas(struct fx_cpu *cpu, const struct fx_op *op)
{
	return repeat(cpu, op, scas_once, false);
}

enum fx_step fx_op_cmps(struct fx_cpu *cpu, const struct fx_op *op)
{
	return repeat(cpu, op, cmps_once, false);
}
