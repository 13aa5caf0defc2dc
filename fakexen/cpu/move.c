/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* move.c: moves, the stack, conversions and single flags. */
#include "fakexen/cpu/memory.h"

enum fx_step fx_op_mov(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t value;
	enum fx_step step = fx_operand_get(cpu, op, &op->operand[1], &value);

	if (step != FX_STEP_NEXT)
		return step;
	return fx_operand_put(cpu, op, &op->operand[0], value);
}

__attribute__((always_inline)) static inline enum fx_step move_quickly(struct fx_cpu *cpu,
	const struct fx_op *op, unsigned int size)
{
	uint64_t value;
	enum fx_step step = fx_operand_cut(cpu, op, &op->operand[1], size, &value);

	if (step != FX_STEP_NEXT)
		return step;
	if (op->operand[0].kind != FX_OPERAND_REGISTER)
		return fx_store(cpu, fx_address(cpu, op), size, value);
	fx_register_fill(cpu, &op->operand[0], size, value);
	return FX_STEP_NEXT;
}

enum fx_step fx_op_mov_quick4(struct fx_cpu *cpu, const struct fx_op *op)
{
	return move_quickly(cpu, op, 4);
}

enum fx_step fx_op_mov_quick8(struct fx_cpu *cpu, const struct fx_op *op)
{
	return move_quickly(cpu, op, 8);
}

/* By a plain address, in the page that was accessed last. */
#define MOVE_QUICKLY(size)							\
	enum fx_step fx_op_mov_load##size(struct fx_cpu *cpu, const struct fx_op *op) \
	{									\
		uint8_t *at = fx_hit_last(cpu, fx_plain_address(cpu, op), FX_ACCESS_R); \
										\
		if (!at)							\
			return fx_op_mov_quick##size(cpu, op);			\
		fx_register_fill(cpu, &op->operand[0], size, fx_get(at, size)); \
		return fx_next(cpu, op);						\
	}									\
	enum fx_step fx_op_mov_memory##size(struct fx_cpu *cpu, const struct fx_op *op) \
	{									\
		uint8_t *at = fx_hit_last(cpu, fx_plain_address(cpu, op), FX_ACCESS_W); \
										\
		if (!at)							\
			return fx_op_mov_quick##size(cpu, op);			\
		fx_put(at, size, fx_source(cpu, op, size));			\
		fx_stored(cpu, at);						\
		return fx_next(cpu, op);						\
	}									\
	enum fx_step fx_op_mov_register##size(struct fx_cpu *cpu, const struct fx_op *op) \
	{									\
		fx_register_fill(cpu, &op->operand[0], size, fx_source(cpu, op, size)); \
		return fx_next(cpu, op);						\
	}
MOVE_QUICKLY(4)
MOVE_QUICKLY(8)

enum fx_step fx_op_movzx(struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_op_mov(cpu, op);      /* what is loaded has no upper bits */
}

enum fx_step fx_op_movsx(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t value;
	enum fx_step step = fx_operand_get(cpu, op, &op->operand[1], &value);

	if (step == FX_STEP_NEXT)
		fx_register_put(cpu, &op->operand[0], fx_sign_extend(value, op->operand[1].size));
	return step;
}

enum fx_step fx_op_movbe(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t value;
	enum fx_step step = fx_operand_get(cpu, op, &op->operand[1], &value);

	if (step != FX_STEP_NEXT)
		return step;
	value = __builtin_bswap64(value) >> (64 - 8 * op->operand[1].size);
	return fx_operand_put(cpu, op, &op->operand[0], value);
}

enum fx_step fx_op_lea(struct fx_cpu *cpu, const struct fx_op *op)
{
	fx_register_put(cpu, &op->operand[0], fx_address(cpu, op));
	return FX_STEP_NEXT;
}

/* Into 8 bytes, of a plain address. */
enum fx_step fx_op_lea_quick8(struct fx_cpu *cpu, const struct fx_op *op)
{
	fx_register_fill(cpu, &op->operand[0], 8, fx_plain_address(cpu, op));
	return fx_next(cpu, op);
}

enum fx_step fx_op_xchg(struct fx_cpu *cpu, const struct fx_op *op)
{
	bool first = op->operand[1].kind == FX_OPERAND_MEMORY;
	const struct fx_operand *reg = &op->operand[first ? 0 : 1];
	uint64_t was, value = fx_register_get(cpu, reg);
	struct fx_place place;
	enum fx_step step = fx_place_open(cpu, op, &op->operand[first ? 1 : 0], &place, &was);

	if (step != FX_STEP_NEXT)
		return step;
	while (!fx_place_put(cpu, &place, &was, value))
		;
	fx_register_put(cpu, reg, was);
	return FX_STEP_NEXT;
}

enum fx_step fx_op_push(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t value;
	enum fx_step step = FX_STEP_NEXT;

	if (op->operand[0].kind == FX_OPERAND_SYSTEM)
		value = cpu->state->segment[op->operand[0].reg].selector;
	else
		step = fx_operand_get(cpu, op, &op->operand[0], &value);
	if (step != FX_STEP_NEXT)
		return step;
	return fx_push(cpu, op->size, value);
}

enum fx_step fx_op_pop(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t *rsp = &cpu->state->gpr[FX_RSP], before = *rsp, value;
	enum fx_step step = fx_load(cpu, before, op->size, &value);

	if (step != FX_STEP_NEXT)
		return step;
	/* a memory operand's address is worked out with RSP moved already */
	*rsp = fx_stack_moved(cpu, op->size);
	if (op->operand[0].kind == FX_OPERAND_SYSTEM)
		step = fx_segment_load(cpu, op->operand[0].reg, (uint16_t)value);
	else
		step = fx_operand_put(cpu, op, &op->operand[0], value);
	if (step != FX_STEP_NEXT)
		*rsp = before;
	return step;
}

enum fx_step fx_op_pushf(struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_push(cpu, op->size, cpu->state->rflags & ~(uint64_t)(FX_RF | FX_VM));
}

enum fx_step fx_op_popf(struct fx_cpu *cpu, const struct fx_op *op)
{
	struct fx_cpu_state *state = cpu->state;
	uint64_t value, mask = FX_FLAGS_WRITABLE;
	enum fx_step step = fx_load(cpu, state->gpr[FX_RSP], op->size, &value);

	if (step != FX_STEP_NEXT)
		return step;
	if (cpu->user) {
		mask &= ~(uint64_t)FX_IOPL;
		if ((state->rflags & FX_IOPL) != FX_IOPL)
			mask &= ~(uint64_t)FX_IF;
	}
	fx_flags_set(&state->rflags, mask & fx_mask(op->size), value);
	state->gpr[FX_RSP] = fx_stack_moved(cpu, op->size);
	return FX_STEP_LEAVE;
}

/* 32-bit code only, as popa. */
enum fx_step fx_op_pusha(struct fx_cpu *cpu, const struct fx_op *op)
{
	unsigned int size = op->size;
	uint64_t rsp = fx_stack_moved(cpu, -8 * (int64_t)size);
	uint8_t frame[8 * 4];
	enum fx_step step;

	for (unsigned int i = 0; i < 8; i++)
		memcpy(frame + (7 - i) * size, &cpu->state->gpr[i], size);
	step = fx_write(cpu, rsp, frame, 8 * size);
	if (step == FX_STEP_NEXT)
		cpu->state->gpr[FX_RSP] = rsp;
	return step;
}

enum fx_step fx_op_popa(struct fx_cpu *cpu, const struct fx_op *op)
{
	unsigned int size = op->size;
	uint64_t rsp = cpu->state->gpr[FX_RSP];
	uint8_t frame[8 * 4];
	enum fx_step step = fx_read(cpu, rsp, frame, 8 * size);

	if (step != FX_STEP_NEXT)
		return step;
	for (unsigned int i = 0; i < 8; i++)
		if (i != FX_RSP)
			memcpy(&cpu->state->gpr[i], frame + (7 - i) * size, size);
	cpu->state->gpr[FX_RSP] = fx_stack_moved(cpu, 8 * size);
	return FX_STEP_NEXT;
}

/* The whole frame is made in one piece, so that a fault in it leaves nothing behind. */
enum fx_step fx_op_enter(struct fx_cpu *cpu, const struct fx_op *op)
{
	struct fx_cpu_state *state = cpu->state;
	unsigned int size = op->size, level = (unsigned int)op->displacement & 31;
	uint64_t frame_pointer = fx_stack_moved(cpu, -(int64_t)size), bottom;
	uint8_t frame[33 * 8];
	enum fx_step step = FX_STEP_NEXT;

	memcpy(frame + level * size, &state->gpr[FX_RBP], size);
	if (level > 1)
		step = fx_read(cpu, state->gpr[FX_RBP] - (level - 1) * size, frame + size,
			(level - 1) * size);
	if (level)
		memcpy(frame, &frame_pointer, size);
	bottom = fx_stack_moved(cpu, -(int64_t)((level + 1) * size));
	if (step == FX_STEP_NEXT)
		step = fx_write(cpu, bottom, frame, (level + 1) * size);
	if (step != FX_STEP_NEXT)
		return step;
	state->gpr[FX_RSP] = bottom;
	state->gpr[FX_RSP] = fx_stack_moved(cpu, -(int64_t)(op->immediate & 0xffff));
	state->gpr[FX_RBP] = frame_pointer;
	return FX_STEP_NEXT;
}

enum fx_step fx_op_leave(struct fx_cpu *cpu, const struct fx_op *op)
{
	const struct fx_operand rbp = { FX_OPERAND_REGISTER, op->size, FX_RBP * 8 };
	uint64_t value, frame = cpu->state->gpr[FX_RBP];
	enum fx_step step = fx_load(cpu, frame, op->size, &value);

	if (step != FX_STEP_NEXT)
		return step;
	cpu->state->gpr[FX_RSP] = frame;
	cpu->state->gpr[FX_RSP] = fx_stack_moved(cpu, op->size);
	fx_register_put(cpu, &rbp, value);
	return FX_STEP_NEXT;
}

enum fx_step fx_op_xlat(struct fx_cpu *cpu, const struct fx_op *op)
{
	const struct fx_operand al = { FX_OPERAND_REGISTER, 1, 0 };
	uint64_t value, at = cpu->state->gpr[FX_RBX] + (uint8_t)cpu->state->gpr[FX_RAX];
	enum fx_step step;

	at &= fx_mask(op->address_size);
	if (op->flags & FX_OP_SEGMENT_BASE)
		at += cpu->state->segment[op->segment].base;
	step = fx_load(cpu, at, 1, &value);
	if (step == FX_STEP_NEXT)
		fx_register_put(cpu, &al, value);
	return step;
}

enum fx_step fx_op_set(struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_operand_put(cpu, op, &op->operand[0], fx_condition(cpu->state->rflags, op->aux));
}

/* Memory is read whether or not the condition holds, and the upper half cleared. */
enum fx_step fx_op_cmov(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t value;
	enum fx_step step = fx_operand_get(cpu, op, &op->operand[1], &value);

	if (step != FX_STEP_NEXT)
		return step;
	if (!fx_condition(cpu->state->rflags, op->aux))
		value = fx_register_get(cpu, &op->operand[0]);
	fx_register_put(cpu, &op->operand[0], value);
	return FX_STEP_NEXT;
}

enum fx_step fx_op_cbw(struct fx_cpu *cpu, const struct fx_op *op)
{
	const struct fx_operand rax = { FX_OPERAND_REGISTER, op->size, 0 };

	fx_register_put(cpu, &rax, fx_sign_extend(cpu->state->gpr[FX_RAX], op->size / 2u));
	return FX_STEP_NEXT;
}

enum fx_step fx_op_cwd(struct fx_cpu *cpu, const struct fx_op *op)
{
	const struct fx_operand rdx = { FX_OPERAND_REGISTER, op->size, FX_RDX * 8 };

	fx_register_put(cpu, &rdx, fx_sign(cpu->state->gpr[FX_RAX], op->size) ? ~0ull : 0);
	return FX_STEP_NEXT;
}

enum fx_step fx_op_sahf(struct fx_cpu *cpu, const struct fx_op *op)
{
	fx_flags_set(&cpu->state->rflags, FX_FLAGS_ARITHMETIC & ~FX_OF, cpu->state->gpr[FX_RAX] >> 8);
	return FX_STEP_NEXT;
}

enum fx_step fx_op_lahf(struct fx_cpu *cpu, const struct fx_op *op)
{
	const struct fx_operand ah = { FX_OPERAND_REGISTER, 1, 1 };

	fx_register_put(cpu, &ah, (uint8_t)cpu->state->rflags);
	return FX_STEP_NEXT;
}

/* clc, stc, cmc, cld, std */
enum fx_step fx_op_flag(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t flag = op->aux & 1 ? FX_DF : FX_CF, *rflags = &cpu->state->rflags;

	if (op->aux & 8)
		*rflags ^= flag;
	else
		fx_flags_set(rflags, flag, op->aux & 4 ? flag : 0);
	return FX_STEP_NEXT;
}

enum fx_step fx_op_nop(struct fx_cpu *cpu, const struct fx_op *op)
{
	return FX_STEP_NEXT;
}

enum fx_step fx_op_mfence(struct fx_cpu *cpu, const struct fx_op *op)
{
	fx_full_barrier();
	return FX_STEP_NEXT;
}

enum fx_step fx_op_mov_to_segment(struct fx_cpu *cpu, const struct fx_op *op)
{
	unsigned int segment = op->operand[0].reg;
	uint64_t selector;
	enum fx_step step;

	if (segment == FX_CS)
		return fx_raise(cpu, FX_UD);
	step = fx_operand_get(cpu, op, &op->operand[1], &selector);
	if (step == FX_STEP_NEXT)
		step = fx_segment_load(cpu, segment, (uint16_t)selector);
	if (step != FX_STEP_NEXT)
		return step;
	if (segment == FX_SS)
		cpu->state->interruptibility |= FX_SHADOW_MOV_SS;
	return FX_STEP_LEAVE;
}

enum fx_step fx_op_mov_from_segment(struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_operand_put(cpu, op, &op->operand[0],
		cpu->state->segment[op->operand[1].reg].selector);
}
