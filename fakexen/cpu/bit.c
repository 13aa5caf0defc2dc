/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bit.c: single bits, and counting them. */
#include "fakexen/cpu/memory.h"

enum bit_change { BIT_KEEP, BIT_SET, BIT_RESET, BIT_FLIP };

static uint64_t changed(uint64_t value, uint64_t bit, enum bit_change change)
{
	switch (change) {
	case BIT_SET: return value | bit;
	case BIT_RESET: return value & ~bit;
	case BIT_FLIP: return value ^ bit;
	default: return value;
	}
}

/* With memory and a register the bit number reaches beyond the operand, both ways. */
static struct fx_op reaching(struct fx_cpu *cpu, const struct fx_op *op, uint64_t number)
{
	unsigned int size = op->operand[0].size;
	struct fx_op moved = *op;
	int64_t distance = (int64_t)fx_sign_extend(number, op->operand[1].size);

	if (op->operand[0].kind == FX_OPERAND_MEMORY && op->operand[1].kind == FX_OPERAND_REGISTER)
		moved.displacement += (distance >> __builtin_ctz(8 * size)) * (int64_t)size;
	return moved;
}

static enum fx_step bit_test(struct fx_cpu *cpu, const struct fx_op *op, enum bit_change change)
{
	unsigned int size = op->operand[0].size;
	uint64_t number, value, bit;
	struct fx_place place;
	struct fx_op moved;
	enum fx_step step = fx_operand_get(cpu, op, &op->operand[1], &number);

	if (step != FX_STEP_NEXT)
		return step;
	moved = reaching(cpu, op, number);
	bit = 1ull << (number & (8 * size - 1));
	if (change == BIT_KEEP) {
		step = fx_operand_get(cpu, &moved, &moved.operand[0], &value);
	} else {
		step = fx_place_open(cpu, &moved, &moved.operand[0], &place, &value);
		while (step == FX_STEP_NEXT &&
		       !fx_place_put(cpu, &place, &value, changed(value, bit, change)))
			;
	}
	if (step == FX_STEP_NEXT)
		fx_flags_set(&cpu->state->rflags, FX_CF, value & bit ? FX_CF : 0);
	return step;
}

enum fx_step fx_op_bt(struct fx_cpu *cpu, const struct fx_op *op)
{
	return bit_test(cpu, op, BIT_KEEP);
}

enum fx_step fx_op_bts(struct fx_cpu *cpu, const struct fx_op *op)
{
	return bit_test(cpu, op, BIT_SET);
}

enum fx_step fx_op_btr(struct fx_cpu *cpu, const struct fx_op *op)
{
	return bit_test(cpu, op, BIT_RESET);
}

enum fx_step fx_op_btc(struct fx_cpu *cpu, const struct fx_op *op)
{
	return bit_test(cpu, op, BIT_FLIP);
}

/* bsf and bsr of zero leave the destination as it was. */
static enum fx_step scan(struct fx_cpu *cpu, const struct fx_op *op, bool reverse)
{
	uint64_t value;
	enum fx_step step = fx_operand_get(cpu, op, &op->operand[1], &value);

	if (step != FX_STEP_NEXT)
		return step;
	fx_flags_set(&cpu->state->rflags, FX_ZF, value ? 0 : FX_ZF);
	if (value)
		fx_register_put(cpu, &op->operand[0], reverse ?
			63u - (unsigned int)__builtin_clzll(value) : (unsigned int)__builtin_ctzll(value));
	return step;
}

enum fx_step fx_op_bsf(struct fx_cpu *cpu, const struct fx_op *op)
{
	return scan(cpu, op, false);
}

enum fx_step fx_op_bsr(struct fx_cpu *cpu, const struct fx_op *op)
{
	return scan(cpu, op, true);
}

/* Registers of 8 bytes. */
__attribute__((always_inline)) static inline enum fx_step scan_quickly(struct fx_cpu *cpu,
	const struct fx_op *op, bool reverse)
{
	uint64_t value = fx_register_cut(cpu, &op->operand[1], 8);

	fx_flags_set(&cpu->state->rflags, FX_ZF, value ? 0 : FX_ZF);
	if (value)
		fx_register_fill(cpu, &op->operand[0], 8, reverse ?
			63u - (unsigned int)__builtin_clzll(value) : (unsigned int)__builtin_ctzll(value));
	return fx_next(cpu, op);
}

enum fx_step fx_op_bsf_quick8(struct fx_cpu *cpu, const struct fx_op *op)
{
	return scan_quickly(cpu, op, false);
}

enum fx_step fx_op_bsr_quick8(struct fx_cpu *cpu, const struct fx_op *op)
{
	return scan_quickly(cpu, op, true);
}

static enum fx_step count(struct fx_cpu *cpu, const struct fx_op *op, bool leading)
{
	unsigned int bits = 8 * op->operand[0].size, zeros = bits;
	uint64_t value;
	enum fx_step step = fx_operand_get(cpu, op, &op->operand[1], &value);

	if (step != FX_STEP_NEXT)
		return step;
	if (value)
		zeros = leading ? bits - 64 + (unsigned int)__builtin_clzll(value) :
			(unsigned int)__builtin_ctzll(value);
	fx_register_put(cpu, &op->operand[0], zeros);
	fx_flags_set(&cpu->state->rflags, FX_CF | FX_ZF, (value ? 0 : FX_CF) | (zeros ? 0 : FX_ZF));
	return step;
}

enum fx_step fx_op_lzcnt(struct fx_cpu *cpu, const struct fx_op *op)
{
	return count(cpu, op, true);
}

enum fx_step fx_op_tzcnt(struct fx_cpu *cpu, const struct fx_op *op)
{
	return count(cpu, op, false);
}

enum fx_step fx_op_popcnt(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t value;
	enum fx_step step = fx_operand_get(cpu, op, &op->operand[1], &value);

	if (step != FX_STEP_NEXT)
		return step;
	fx_register_put(cpu, &op->operand[0], (unsigned int)__builtin_popcountll(value));
	fx_flags_set(&cpu->state->rflags, FX_FLAGS_ARITHMETIC, value ? 0 : FX_ZF);
	return step;
}

enum fx_step fx_op_bswap(struct fx_cpu *cpu, const struct fx_op *op)
{
	unsigned int size = op->operand[0].size;
	uint64_t value = fx_register_get(cpu, &op->operand[0]);

	fx_register_put(cpu, &op->operand[0], __builtin_bswap64(value) >> (64 - 8 * size));
	return FX_STEP_NEXT;
}
