/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* multiply.c: multiplication and division. SF, ZF, AF and PF, which the SDM leaves
 * undefined here, keep their values. */
#include "fakexen/cpu/memory.h"

typedef unsigned __int128 u128;
typedef __int128 s128;

static void wide_put(struct fx_cpu *cpu, unsigned int size, uint64_t low, uint64_t high)
{
	const struct fx_operand rax = { FX_OPERAND_REGISTER, (uint8_t)size, 0 };
	const struct fx_operand rdx = { FX_OPERAND_REGISTER, (uint8_t)size, FX_RDX * 8 };
	const struct fx_operand ah = { FX_OPERAND_REGISTER, 1, 1 };

	fx_register_put(cpu, &rax, low);
	fx_register_put(cpu, size == 1 ? &ah : &rdx, high);
}

static void overflowed(struct fx_cpu *cpu, bool overflow)
{
	fx_flags_set(&cpu->state->rflags, FX_CF | FX_OF, overflow ? FX_CF | FX_OF : 0);
}

enum fx_step fx_op_mul(struct fx_cpu *cpu, const struct fx_op *op)
{
	unsigned int size = op->operand[0].size;
	uint64_t b, a = cpu->state->gpr[FX_RAX] & fx_mask(size), high;
	enum fx_step step = fx_operand_get(cpu, op, &op->operand[0], &b);
	u128 product;

	if (step != FX_STEP_NEXT)
		return step;
	product = (u128)a * b;
	high = (uint64_t)(product >> 8 * size) & fx_mask(size);
	wide_put(cpu, size, (uint64_t)product & fx_mask(size), high);
	overflowed(cpu, high);
	return step;
}

static bool fits(s128 product, unsigned int size)
{
	return product == (s128)(int64_t)fx_sign_extend((uint64_t)product, size);
}

/* One operand: into RDX:RAX; two or three: into the first. */
enum fx_step fx_op_imul(struct fx_cpu *cpu, const struct fx_op *op)
{
	unsigned int size = op->operand[0].size;
	bool narrow = op->operand[1].kind != FX_OPERAND_NONE;
	const struct fx_operand rax = { FX_OPERAND_REGISTER, (uint8_t)size, 0 };
	const struct fx_operand *first = &rax, *second = &op->operand[0];
	uint64_t a, b;
	enum fx_step step;
	s128 product;

	if (narrow) {
		bool three = op->operand[2].kind != FX_OPERAND_NONE;

		first = &op->operand[three ? 2 : 0];
		second = &op->operand[1];
	}
	step = fx_operand_get(cpu, op, second, &b);
	if (step == FX_STEP_NEXT)
		step = fx_operand_get(cpu, op, first, &a);
	if (step != FX_STEP_NEXT)
		return step;
	product = (s128)(int64_t)fx_sign_extend(a, size) * (int64_t)fx_sign_extend(b, size);
	if (narrow)
		fx_register_put(cpu, &op->operand[0], (uint64_t)product);
	else
		wide_put(cpu, size, (uint64_t)product & fx_mask(size),
			(uint64_t)((u128)product >> 8 * size) & fx_mask(size));
	overflowed(cpu, !fits(product, size));
	return FX_STEP_NEXT;
}

/* RDX:RAX, or AX. */
static u128 dividend(const struct fx_cpu *cpu, unsigned int size)
{
	const uint64_t *gpr = cpu->state->gpr;

	if (size == 1)
		return gpr[FX_RAX] & 0xffff;
	return (u128)(gpr[FX_RDX] & fx_mask(size)) << 8 * size | (gpr[FX_RAX] & fx_mask(size));
}

enum fx_step fx_op_div(struct fx_cpu *cpu, const struct fx_op *op)
{
	unsigned int size = op->operand[0].size;
	uint64_t divisor;
	enum fx_step step = fx_operand_get(cpu, op, &op->operand[0], &divisor);
	u128 whole = dividend(cpu, size);

	if (step != FX_STEP_NEXT)
		return step;
	if (!divisor || whole / divisor > fx_mask(size))
		return fx_raise(cpu, FX_DE);
	wide_put(cpu, size, (uint64_t)(whole / divisor), (uint64_t)(whole % divisor));
	return FX_STEP_NEXT;
}

enum fx_step fx_op_idiv(struct fx_cpu *cpu, const struct fx_op *op)
{
	unsigned int size = op->operand[0].size, unused = 128 - 16 * size;
	uint64_t divisor;
	enum fx_step step = fx_operand_get(cpu, op, &op->operand[0], &divisor);
	s128 whole = (s128)(dividend(cpu, size) << unused) >> unused, by;
	u128 negated = -(u128)whole;

	if (step != FX_STEP_NEXT)
		return step;
	by = (int64_t)fx_sign_extend(divisor, size);
	/* the most negative value of all by -1 would overflow our own division too */
	if (!by || (by == -1 && (s128)negated == whole && whole) || !fits(whole / by, size))
		return fx_raise(cpu, FX_DE);
	wide_put(cpu, size, (uint64_t)(whole / by) & fx_mask(size),
		(uint64_t)(whole % by) & fx_mask(size));
	return FX_STEP_NEXT;
}
