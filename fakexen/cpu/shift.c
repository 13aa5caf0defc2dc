/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shift.c: shifts and rotates. Where the SDM leaves a flag undefined (OF of a count other
 * than 1, AF) it is what the last of so many shifts by 1 would give, and AF is clear. */
#include "fakexen/cpu/memory.h"

/* Shifts `a` by `count` (not 0); *rflags comes in as it was and goes out as it becomes. */
typedef uint64_t shift(uint64_t a, unsigned int count, unsigned int size, uint64_t *rflags);

enum { SHIFT_FLAGS = FX_FLAGS_ARITHMETIC, ROTATE_FLAGS = FX_CF | FX_OF };

static inline uint64_t overflow_if(bool overflow)
{
	return overflow ? FX_OF : 0;
}

static inline uint64_t shift_shl(uint64_t a, unsigned int count, unsigned int size,
	uint64_t *rflags)
{
	unsigned int bits = 8 * size;
	uint64_t result = count < bits ? a << count & fx_mask(size) : 0;
	bool carry = count <= bits && (a >> (bits - count) & 1);

	fx_flags_set(rflags, SHIFT_FLAGS, fx_flags_result(result, size) | carry |
		overflow_if(carry != fx_sign(result, size)));
	return result;
}

static inline uint64_t shift_shr(uint64_t a, unsigned int count, unsigned int size,
	uint64_t *rflags)
{
	uint64_t result = count < 64 ? a >> count : 0;
	bool carry = a >> (count - 1) & 1;

	fx_flags_set(rflags, SHIFT_FLAGS, fx_flags_result(result, size) | carry |
		overflow_if(count <= 8 * size && fx_sign(a >> (count - 1), size)));
	return result;
}

static inline uint64_t shift_sar(uint64_t a, unsigned int count, unsigned int size,
	uint64_t *rflags)
{
	int64_t wide = (int64_t)fx_sign_extend(a, size);
	uint64_t result = (uint64_t)(wide >> count) & fx_mask(size);
	bool carry = wide >> (count - 1) & 1;

	fx_flags_set(rflags, SHIFT_FLAGS, fx_flags_result(result, size) | carry);
	return result;
}

static inline uint64_t shift_rol(uint64_t a, unsigned int count, unsigned int size,
	uint64_t *rflags)
{
	unsigned int bits = 8 * size, by = count % bits;
	uint64_t result = by ? (a << by | a >> (bits - by)) & fx_mask(size) : a;

	fx_flags_set(rflags, ROTATE_FLAGS, (result & 1) |
		overflow_if((result & 1) != fx_sign(result, size)));
	return result;
}

static inline uint64_t shift_ror(uint64_t a, unsigned int count, unsigned int size,
	uint64_t *rflags)
{
	unsigned int bits = 8 * size, by = count % bits;
	uint64_t result = by ? (a >> by | a << (bits - by)) & fx_mask(size) : a;
	bool top = fx_sign(result, size), next = result >> (bits - 2) & 1;

	fx_flags_set(rflags, ROTATE_FLAGS, top | overflow_if(top != next));
	return result;
}

/* Through the carry, one bit at a time: at most 63 of them. */
static inline uint64_t shift_rcl(uint64_t a, unsigned int count, unsigned int size,
	uint64_t *rflags)
{
	uint64_t carry = *rflags & FX_CF;

	for (count %= 8 * size + 1; count; count--) {
		uint64_t out = fx_sign(a, size);

		a = (a << 1 | carry) & fx_mask(size);
		carry = out;
	}
	fx_flags_set(rflags, ROTATE_FLAGS, carry | overflow_if(carry != fx_sign(a, size)));
	return a;
}

static inline uint64_t shift_rcr(uint64_t a, unsigned int count, unsigned int size,
	uint64_t *rflags)
{
	uint64_t carry = *rflags & FX_CF;

	for (count %= 8 * size + 1; count; count--) {
		uint64_t out = a & 1;

		a = a >> 1 | carry << (8 * size - 1);
		carry = out;
	}
	fx_flags_set(rflags, ROTATE_FLAGS, carry |
		overflow_if(fx_sign(a, size) != (a >> (8 * size - 2) & 1)));
	return a;
}

static unsigned int masked_count(uint64_t count, unsigned int size)
{
	return (unsigned int)count & (size == 8 ? 63 : 31);
}

__attribute__((always_inline)) static inline enum fx_step shift_by(struct fx_cpu *cpu,
	const struct fx_op *op, shift *how)
{
	unsigned int size = op->operand[0].size, count;
	uint64_t a, by, rflags, result;
	struct fx_place place;
	enum fx_step step = fx_place_open(cpu, op, &op->operand[0], &place, &a);

	if (step == FX_STEP_NEXT)
		step = fx_operand_get(cpu, op, &op->operand[1], &by);
	if (step != FX_STEP_NEXT)
		return step;
	count = masked_count(by, size);
	rflags = cpu->state->rflags;
	result = count ? how(a, count, size, &rflags) : a;
	fx_place_put(cpu, &place, &a, result);
	cpu->state->rflags = rflags;
	return FX_STEP_NEXT;
}

#define SHIFT(name)								\
	enum fx_step fx_op_##name(struct fx_cpu *cpu, const struct fx_op *op)	\
	{									\
		return shift_by(cpu, op, shift_##name);				\
	}

/* Registers of a size that is known here, by a count in the instruction or in CL. */
#define SHIFT_QUICKLY(name, size)						\
	enum fx_step fx_op_##name##_quick##size(struct fx_cpu *cpu, const struct fx_op *op) \
	{									\
		const struct fx_operand *by = &op->operand[1];			\
		unsigned int count = masked_count(by->kind == FX_OPERAND_IMMEDIATE ? \
			op->immediate : fx_register_cut(cpu, by, 1), size);	\
		uint64_t a = fx_register_cut(cpu, &op->operand[0], size);	\
										\
		if (count)							\
			a = shift_##name(a, count, size, &cpu->state->rflags);	\
		fx_register_fill(cpu, &op->operand[0], size, a);		\
		return fx_next(cpu, op);					\
	}
#define SHIFT_ALL(name) SHIFT(name) SHIFT_QUICKLY(name, 4) SHIFT_QUICKLY(name, 8)
SHIFT_ALL(shl)
SHIFT_ALL(shr)
SHIFT(sar)
SHIFT(rol)
SHIFT(ror)
SHIFT(rcl)
SHIFT(rcr)

/* shld and shrd: `a` shifted, filled up from `b`. A 16-bit count above 16 is undefined:
 * it goes on into `a` again, as Intel's processors do. */
static enum fx_step double_shift(struct fx_cpu *cpu, const struct fx_op *op, bool left)
{
	unsigned int size = op->operand[0].size, bits = 8 * size, count;
	uint64_t a, by, b = fx_register_get(cpu, &op->operand[1]), result;
	unsigned __int128 wide;
	struct fx_place place;
	bool carry = false;
	enum fx_step step = fx_place_open(cpu, op, &op->operand[0], &place, &a);

	if (step == FX_STEP_NEXT)
		step = fx_operand_get(cpu, op, &op->operand[2], &by);
	if (step != FX_STEP_NEXT)
		return step;
	count = masked_count(by, size);
	result = a;
	if (count && left) {
		wide = (unsigned __int128)a << bits | b;
		if (size == 2)
			wide = wide << 16 | a;
		result = (uint64_t)(wide >> ((size == 2 ? 2 * bits : bits) - count));
		carry = size == 2 ? wide >> (3 * bits - count) & 1 : a >> (bits - count) & 1;
	} else if (count) {
		wide = (unsigned __int128)b << bits | a;
		if (size == 2)
			wide |= (unsigned __int128)a << 32;
		result = (uint64_t)(wide >> count);
		carry = wide >> (count - 1) & 1;
	}
	result &= fx_mask(size);
	fx_place_put(cpu, &place, &a, result);
	if (count)
		fx_flags_set(&cpu->state->rflags, SHIFT_FLAGS, fx_flags_result(result, size) |
			carry | overflow_if(fx_sign(a ^ result, size)));
	return FX_STEP_NEXT;
}

enum fx_step fx_op_shld(struct fx_cpu *cpu, const struct fx_op *op)
{
	return double_shift(cpu, op, true);
}

enum fx_step fx_op_shrd(struct fx_cpu *cpu, const struct fx_op *op)
{
	return double_shift(cpu, op, false);
}
