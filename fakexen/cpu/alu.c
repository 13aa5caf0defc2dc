/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* alu.c: addition, subtraction, logic and what exchanges by comparing. */
#include "fakexen/cpu/memory.h"

/* Computes what becomes of `a`; *rflags comes in as it was. */
typedef uint64_t compute(uint64_t a, uint64_t b, unsigned int size, uint64_t *rflags);

static inline uint64_t add_carry(uint64_t a, uint64_t b, uint64_t carry, unsigned int size,
	uint64_t *rflags)
{
	uint64_t result = (a + b + carry) & fx_mask(size);

	fx_flags_set(rflags, FX_FLAGS_ARITHMETIC, fx_flags_add(a, b, result, size));
	return result;
}

static inline uint64_t sub_borrow(uint64_t a, uint64_t b, uint64_t borrow, unsigned int size,
	uint64_t *rflags)
{
	uint64_t result = (a - b - borrow) & fx_mask(size);

	fx_flags_set(rflags, FX_FLAGS_ARITHMETIC, fx_flags_sub(a, b, result, size));
	return result;
}

static inline uint64_t logic(uint64_t result, unsigned int size, uint64_t *rflags)
{
	result &= fx_mask(size);
	fx_flags_set(rflags, FX_FLAGS_ARITHMETIC, fx_flags_result(result, size));
	return result;
}

static inline uint64_t compute_add(uint64_t a, uint64_t b, unsigned int size, uint64_t *rflags)
{
	if (size < 4)
		return add_carry(a, b, 0, size, rflags);
	fx_flags_set(rflags, FX_FLAGS_ARITHMETIC, fx_host_add(&a, b, size));
	return a;
}

static inline uint64_t compute_adc(uint64_t a, uint64_t b, unsigned int size, uint64_t *rflags)
{
	return add_carry(a, b, *rflags & FX_CF, size, rflags);
}

static inline uint64_t compute_sub(uint64_t a, uint64_t b, unsigned int size, uint64_t *rflags)
{
	if (size < 4)
		return sub_borrow(a, b, 0, size, rflags);
	fx_flags_set(rflags, FX_FLAGS_ARITHMETIC, fx_host_subtract(&a, b, size));
	return a;
}

static inline uint64_t compute_sbb(uint64_t a, uint64_t b, unsigned int size, uint64_t *rflags)
{
	return sub_borrow(a, b, *rflags & FX_CF, size, rflags);
}

static inline uint64_t compute_and(uint64_t a, uint64_t b, unsigned int size, uint64_t *rflags)
{
	return logic(a & b, size, rflags);
}

static inline uint64_t compute_or(uint64_t a, uint64_t b, unsigned int size, uint64_t *rflags)
{
	return logic(a | b, size, rflags);
}

static inline uint64_t compute_xor(uint64_t a, uint64_t b, unsigned int size, uint64_t *rflags)
{
	return logic(a ^ b, size, rflags);
}

/* inc and dec leave the carry alone. */
static inline uint64_t compute_inc(uint64_t a, uint64_t b, unsigned int size, uint64_t *rflags)
{
	uint64_t flags = *rflags;
	uint64_t result = compute_add(a, 1, size, &flags);

	fx_flags_set(rflags, FX_FLAGS_ARITHMETIC & ~(uint64_t)FX_CF, flags);
	return result;
}

static inline uint64_t compute_dec(uint64_t a, uint64_t b, unsigned int size, uint64_t *rflags)
{
	uint64_t flags = *rflags;
	uint64_t result = compute_sub(a, 1, size, &flags);

	fx_flags_set(rflags, FX_FLAGS_ARITHMETIC & ~(uint64_t)FX_CF, flags);
	return result;
}

static inline uint64_t compute_neg(uint64_t a, uint64_t b, unsigned int size, uint64_t *rflags)
{
	return sub_borrow(0, a, 0, size, rflags);
}

static inline uint64_t compute_not(uint64_t a, uint64_t b, unsigned int size, uint64_t *rflags)
{
	return ~a & fx_mask(size);
}

__attribute__((always_inline)) static inline enum fx_step modify_memory(struct fx_cpu *cpu,
	const struct fx_op *op, uint64_t b, compute *how)
{
	unsigned int size = op->operand[0].size;
	uint64_t a, rflags, result;
	struct fx_place place;
	enum fx_step step = fx_place_open(cpu, op, &op->operand[0], &place, &a);

	if (step != FX_STEP_NEXT)
		return step;
	do {
		rflags = cpu->state->rflags;
		result = how(a, b, size, &rflags);
	} while (!fx_place_put(cpu, &place, &a, result));
	cpu->state->rflags = rflags;
	return FX_STEP_NEXT;
}

/* The first operand becomes what `how` makes of both. */
__attribute__((always_inline)) static inline enum fx_step modify(struct fx_cpu *cpu,
	const struct fx_op *op, compute *how)
{
	const struct fx_operand *to = &op->operand[0];
	uint64_t b = 0;
	enum fx_step step;

	if (op->operand[1].kind != FX_OPERAND_NONE) {
		step = fx_operand_get(cpu, op, &op->operand[1], &b);
		if (step != FX_STEP_NEXT)
			return step;
		b &= fx_mask(to->size);
	}
	if (to->kind == FX_OPERAND_MEMORY)
		return modify_memory(cpu, op, b, how);
	fx_register_put(cpu, to, how(fx_register_get(cpu, to), b, to->size, &cpu->state->rflags));
	return FX_STEP_NEXT;
}

/* The same with operands of a size that is known here, and without a lock. Memory that is watched,
 * emulated or in two pages is left to `otherwise`. */
__attribute__((always_inline)) static inline enum fx_step modify_quickly(struct fx_cpu *cpu,
	const struct fx_op *op, compute *how, unsigned int size, fx_op_run *otherwise)
{
	const struct fx_operand *to = &op->operand[0], *from = &op->operand[1];
	uint64_t b = op->immediate & fx_mask(size), *rflags = &cpu->state->rflags, linear;
	enum fx_step step;
	uint8_t *at;

	if (from->kind == FX_OPERAND_MEMORY)
		return otherwise(cpu, op);
	if (from->kind == FX_OPERAND_REGISTER)
		b = fx_register_cut(cpu, from, size);
	if (to->kind == FX_OPERAND_REGISTER) {
		fx_register_fill(cpu, to, size, how(fx_register_cut(cpu, to, size), b, size, rflags));
		return FX_STEP_NEXT;
	}
	linear = fx_address(cpu, op);
	at = fx_hit_last(cpu, linear, FX_ACCESS_W);
	if (!at) {
		if (!cpu->usable || !fx_within_page(linear, size))
			return otherwise(cpu, op);
		at = fx_reach(cpu, linear, FX_ACCESS_W, &step);
		if (!at)
			return step;
	}
	fx_put(at, size, how(fx_get(at, size), b, size, rflags));
	fx_stored(cpu, at);
	return FX_STEP_NEXT;
}

/* Only the flags of what `how` makes of both operands. */
__attribute__((always_inline)) static inline enum fx_step examine(struct fx_cpu *cpu,
	const struct fx_op *op, compute *how, unsigned int size)
{
	uint64_t a, b;
	enum fx_step step = fx_operand_cut(cpu, op, &op->operand[0], size, &a);

	if (step == FX_STEP_NEXT)
		step = fx_operand_cut(cpu, op, &op->operand[1], size, &b);
	if (step == FX_STEP_NEXT)
		how(a, b & fx_mask(size), size, &cpu->state->rflags);
	return step;
}

/* Both of these without memory: a function that cannot call another one saves no registers. */
__attribute__((always_inline)) static inline enum fx_step modify_register(struct fx_cpu *cpu,
	const struct fx_op *op, compute *how, unsigned int size)
{
	const struct fx_operand *to = &op->operand[0];

	fx_register_fill(cpu, to, size, how(fx_register_cut(cpu, to, size), fx_source(cpu, op, size),
		size, &cpu->state->rflags));
	return fx_next(cpu, op);
}

__attribute__((always_inline)) static inline enum fx_step examine_register(struct fx_cpu *cpu,
	const struct fx_op *op, compute *how, unsigned int size)
{
	how(fx_register_cut(cpu, &op->operand[0], size), fx_source(cpu, op, size), size,
		&cpu->state->rflags);
	return fx_next(cpu, op);
}

/* And with memory, by a plain address, in the page that was accessed last. */
__attribute__((always_inline)) static inline enum fx_step modify_last(struct fx_cpu *cpu,
	const struct fx_op *op, compute *how, unsigned int size, fx_op_run *otherwise)
{
	uint8_t *at = fx_hit_last(cpu, fx_plain_address(cpu, op), FX_ACCESS_W);

	if (!at)
		return otherwise(cpu, op);
	fx_put(at, size, how(fx_get(at, size), fx_source(cpu, op, size), size, &cpu->state->rflags));
	fx_stored(cpu, at);
	return fx_next(cpu, op);
}

__attribute__((always_inline)) static inline enum fx_step load_last(struct fx_cpu *cpu,
	const struct fx_op *op, compute *how, unsigned int size, fx_op_run *otherwise)
{
	const struct fx_operand *to = &op->operand[0];
	uint8_t *at = fx_hit_last(cpu, fx_plain_address(cpu, op), FX_ACCESS_R);

	if (!at)
		return otherwise(cpu, op);
	fx_register_fill(cpu, to, size, how(fx_register_cut(cpu, to, size), fx_get(at, size), size,
		&cpu->state->rflags));
	return fx_next(cpu, op);
}

__attribute__((always_inline)) static inline enum fx_step examine_last(struct fx_cpu *cpu,
	const struct fx_op *op, compute *how, unsigned int size, fx_op_run *otherwise)
{
	uint8_t *at = fx_hit_last(cpu, fx_plain_address(cpu, op), FX_ACCESS_R);
	uint64_t *rflags = &cpu->state->rflags;

	if (!at)
		return otherwise(cpu, op);
	if (op->operand[0].kind == FX_OPERAND_MEMORY)
		how(fx_get(at, size), fx_source(cpu, op, size), size, rflags);
	else
		how(fx_register_cut(cpu, &op->operand[0], size), fx_get(at, size), size, rflags);
	return fx_next(cpu, op);
}

#define MODIFY(name)								\
	enum fx_step fx_op_##name(struct fx_cpu *cpu, const struct fx_op *op)	\
	{									\
		return modify(cpu, op, compute_##name);				\
	}
#define MODIFY_QUICKLY(name, size)						\
	enum fx_step fx_op_##name##_quick##size(struct fx_cpu *cpu, const struct fx_op *op) \
	{									\
		return modify_quickly(cpu, op, compute_##name, size, fx_op_##name); \
	}									\
	enum fx_step fx_op_##name##_register##size(struct fx_cpu *cpu, const struct fx_op *op) \
	{									\
		return modify_register(cpu, op, compute_##name, size);		\
	}									\
	enum fx_step fx_op_##name##_memory##size(struct fx_cpu *cpu, const struct fx_op *op) \
	{									\
		return modify_last(cpu, op, compute_##name, size, fx_op_##name##_quick##size); \
	}									\
	enum fx_step fx_op_##name##_load##size(struct fx_cpu *cpu, const struct fx_op *op) \
	{									\
		return load_last(cpu, op, compute_##name, size, fx_op_##name##_quick##size); \
	}
#define MODIFY_ALL(name) MODIFY(name) MODIFY_QUICKLY(name, 4) MODIFY_QUICKLY(name, 8)
MODIFY_ALL(add)
MODIFY(adc)
MODIFY_ALL(sub)
MODIFY(sbb)
MODIFY_ALL(and)
MODIFY_ALL(or)
MODIFY_ALL(xor)
MODIFY_ALL(inc)
MODIFY_ALL(dec)
MODIFY(neg)
MODIFY(not)

#define EXAMINE(name, how, size)						\
	enum fx_step fx_op_##name(struct fx_cpu *cpu, const struct fx_op *op)	\
	{									\
		return examine(cpu, op, compute_##how, size);			\
	}
#define EXAMINE_REGISTER(name, how, size)					\
	enum fx_step fx_op_##name##_register##size(struct fx_cpu *cpu, const struct fx_op *op) \
	{									\
		return examine_register(cpu, op, compute_##how, size);		\
	}									\
	enum fx_step fx_op_##name##_memory##size(struct fx_cpu *cpu, const struct fx_op *op) \
	{									\
		return examine_last(cpu, op, compute_##how, size, fx_op_##name##_quick##size); \
	}									\
	enum fx_step fx_op_##name##_load##size(struct fx_cpu *cpu, const struct fx_op *op) \
	{									\
		return examine_last(cpu, op, compute_##how, size, fx_op_##name##_quick##size); \
	}
EXAMINE(cmp, sub, op->operand[0].size)
EXAMINE(cmp_quick4, sub, 4)
EXAMINE(cmp_quick8, sub, 8)
EXAMINE_REGISTER(cmp, sub, 4)
EXAMINE_REGISTER(cmp, sub, 8)
EXAMINE(test, and, op->operand[0].size)
EXAMINE(test_quick4, and, 4)
EXAMINE(test_quick8, and, 8)
EXAMINE_REGISTER(test, and, 4)
EXAMINE_REGISTER(test, and, 8)

enum fx_step fx_op_xadd(struct fx_cpu *cpu, const struct fx_op *op)
{
	unsigned int size = op->operand[0].size;
	uint64_t a, b = fx_register_get(cpu, &op->operand[1]), rflags, result;
	struct fx_place place;
	enum fx_step step = fx_place_open(cpu, op, &op->operand[0], &place, &a);

	if (step != FX_STEP_NEXT)
		return step;
	if (!place.memory)      /* xadd of a register with itself doubles it: the sum goes last */
		fx_register_put(cpu, &op->operand[1], a);
	do {
		rflags = cpu->state->rflags;
		result = compute_add(a, b, size, &rflags);
	} while (!fx_place_put(cpu, &place, &a, result));
	if (place.memory)
		fx_register_put(cpu, &op->operand[1], a);
	cpu->state->rflags = rflags;
	return FX_STEP_NEXT;
}

static void serve_read(const struct fx_cpu *cpu, unsigned int size, void *value)
{
	const struct fx_emulation *emulation = cpu->emulation;

	if (!emulation || !emulation->read_data)
		return;
	memset(value, 0, size);
	memcpy(value, emulation->read_data, emulation->read_size < size ? emulation->read_size : size);
}

enum fx_step fx_op_cmpxchg(struct fx_cpu *cpu, const struct fx_op *op)
{
	const struct fx_operand accumulator = { FX_OPERAND_REGISTER, op->operand[0].size, 0 };
	unsigned int size = op->operand[0].size;
	uint64_t memory, was, expected = fx_register_get(cpu, &accumulator);
	uint64_t value = fx_register_get(cpu, &op->operand[1]);
	struct fx_place place;
	enum fx_step step = fx_place_open(cpu, op, &op->operand[0], &place, &memory);

	if (step != FX_STEP_NEXT)
		return step;
	do {    /* the old value is written back where it differs, as hardware does */
		was = memory;
		if (place.memory)
			serve_read(cpu, size, &was);
	} while (!fx_place_put(cpu, &place, &memory, was == expected ? value : memory));
	compute_sub(expected, was, size, &cpu->state->rflags);
	if (was != expected)
		fx_register_put(cpu, &accumulator, was);
	return FX_STEP_NEXT;
}

static void pair_exchange(const struct fx_op *op, const struct fx_span *span, uint8_t *was,
	const uint8_t *expected, const uint8_t *value)
{
	unsigned int size = op->aux * 2u;
	uint64_t now[2] = { 0, 0 }, wanted[2] = { 0, 0 };

	if (!(op->flags & FX_OP_LOCK) || span->first != size) {
		fx_span_write(span, memcmp(was, expected, size) ? was : value);
		return;
	}
	memcpy(now, was, size);
	do {
		memcpy(was, now, size);
		memcpy(wanted, memcmp(was, expected, size) ? was : value, size);
	} while (size == 16 ? !fx_exchange_pair_if(span->at[0], now, wanted) :
			      !fx_exchange_if(span->at[0], 8, now, wanted[0]));
}

/* cmpxchg8b and cmpxchg16b: RDX:RAX against memory, RCX:RBX into it. */
enum fx_step fx_op_cmpxchg_pair(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t *gpr = cpu->state->gpr, linear = fx_address(cpu, op);
	unsigned int half = op->aux;
	uint8_t was[16], expected[16], value[16];
	struct fx_span span;
	enum fx_step step;

	if (half == 8 && linear % 16)
		return fx_raise_general(cpu);
	step = fx_span_open(cpu, linear, half * 2, FX_ACCESS_W, &span);
	if (step != FX_STEP_NEXT)
		return step;
	fx_span_read(&span, was);
	serve_read(cpu, half * 2, was);
	memcpy(expected, &gpr[FX_RAX], half);
	memcpy(expected + half, &gpr[FX_RDX], half);
	memcpy(value, &gpr[FX_RBX], half);
	memcpy(value + half, &gpr[FX_RCX], half);
	if (cpu->emulation && cpu->emulation->read_data)
		fx_span_write(&span, memcmp(was, expected, half * 2) ? was : value);
	else
		pair_exchange(op, &span, was, expected, value);
	fx_flags_set(&cpu->state->rflags, FX_ZF, memcmp(was, expected, half * 2) ? 0 : FX_ZF);
	if (memcmp(was, expected, half * 2)) {
		gpr[FX_RAX] = gpr[FX_RDX] = 0;
		memcpy(&gpr[FX_RAX], was, half);
		memcpy(&gpr[FX_RDX], was + half, half);
	}
	return FX_STEP_NEXT;
}
