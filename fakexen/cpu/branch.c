/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* branch.c: near and far branches, software interrupts, and the ways back from them. */
#include "fakexen/cpu/memory.h"

static enum fx_step jump(struct fx_cpu *cpu, uint64_t target)
{
	if (!cpu->code64)
		target = (uint32_t)target;
	else if (!fx_canonical(target))
		return fx_raise_general(cpu);
	cpu->state->rip = target;
	return FX_STEP_JUMPED;
}

static uint64_t next(const struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_rip(cpu, op) + op->length;
}

/* Where a near jmp or call leads. */
static enum fx_step target_of(struct fx_cpu *cpu, const struct fx_op *op, uint64_t *target)
{
	enum fx_step step = FX_STEP_NEXT;

	if (op->operand[0].kind == FX_OPERAND_IMMEDIATE)
		*target = next(cpu, op) + op->immediate;
	else
		step = fx_operand_get(cpu, op, &op->operand[0], target);
	if (step == FX_STEP_NEXT && cpu->code64 && !fx_canonical(*target))
		return fx_raise_general(cpu);
	return step;
}

enum fx_step fx_op_jcc(struct fx_cpu *cpu, const struct fx_op *op)
{
	if (!fx_condition(cpu->state->rflags, op->aux))
		return FX_STEP_NEXT;
	return jump(cpu, next(cpu, op) + op->immediate);
}

/* In 64-bit code, on a condition that is any of some flags (or none of them). */
enum fx_step fx_op_jcc_quick(struct fx_cpu *cpu, const struct fx_op *op)
{
	bool any = cpu->state->rflags & (uint64_t)op->displacement;

	return any == op->aux ? jump(cpu, next(cpu, op) + op->immediate) : fx_next(cpu, op);
}

enum fx_step fx_op_jmp(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t target;
	enum fx_step step = target_of(cpu, op, &target);

	return step == FX_STEP_NEXT ? jump(cpu, target) : step;
}

enum fx_step fx_op_call(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t target;
	enum fx_step step = target_of(cpu, op, &target);

	if (step == FX_STEP_NEXT)
		step = fx_push(cpu, fx_stack_size(cpu), next(cpu, op));
	return step == FX_STEP_NEXT ? jump(cpu, target) : step;
}

enum fx_step fx_op_ret(struct fx_cpu *cpu, const struct fx_op *op)
{
	unsigned int size = fx_stack_size(cpu);
	uint64_t target;
	enum fx_step step = fx_load(cpu, cpu->state->gpr[FX_RSP], size, &target);

	if (step == FX_STEP_NEXT)
		step = jump(cpu, target);
	if (step == FX_STEP_JUMPED)
		cpu->state->gpr[FX_RSP] = fx_stack_moved(cpu,
			(int64_t)(size + (op->immediate & 0xffff)));
	return step;
}

enum fx_step fx_op_loop(struct fx_cpu *cpu, const struct fx_op *op)
{
	const struct fx_operand rcx = { FX_OPERAND_REGISTER, op->address_size, FX_RCX * 8 };
	uint64_t count = (fx_register_get(cpu, &rcx) - 1) & fx_mask(op->address_size);
	bool zero = cpu->state->rflags & FX_ZF;
	bool taken = count && (op->aux == 0 || zero == (op->aux == 1));
	enum fx_step step = taken ? jump(cpu, next(cpu, op) + op->immediate) : FX_STEP_NEXT;

	if (step != FX_STEP_EXCEPTION)
		fx_register_put(cpu, &rcx, count);
	return step;
}

enum fx_step fx_op_jrcxz(struct fx_cpu *cpu, const struct fx_op *op)
{
	if (cpu->state->gpr[FX_RCX] & fx_mask(op->address_size))
		return FX_STEP_NEXT;
	return jump(cpu, next(cpu, op) + op->immediate);
}

/* The selector and offset of a far jmp or call: in the instruction or in memory. */
static enum fx_step far_target(struct fx_cpu *cpu, const struct fx_op *op, uint16_t *selector,
	uint64_t *offset)
{
	uint8_t pointer[10];
	enum fx_step step;

	*offset = op->immediate;
	*selector = (uint16_t)op->displacement;
	if (op->operand[0].kind == FX_OPERAND_IMMEDIATE)
		return FX_STEP_NEXT;
	step = fx_read(cpu, fx_address(cpu, op), pointer, op->size + 2u);
	if (step != FX_STEP_NEXT)
		return step;
	*offset = fx_get(pointer, op->size);
	*selector = (uint16_t)fx_get(pointer + op->size, 2);
	return step;
}

/* The segment of a far branch that stays at its CPL; gates and tasks are not in the subset. */
static enum fx_step far_segment(struct fx_cpu *cpu, uint16_t selector, struct fx_segment *code)
{
	unsigned int cpl = cpu->user ? 3 : 0;
	enum fx_step step = fx_code_segment_check(cpu, selector, cpl, 0, code);
	bool conforming;

	if (step != FX_STEP_NEXT)
		return step;
	conforming = code->arbytes & 1 << 2;
	if (!conforming && ((selector & 3u) > cpl || (code->arbytes >> 5 & 3u) != cpl))
		return fx_raise_code(cpu, FX_GP, selector & ~3u);
	code->selector = (uint16_t)((selector & ~3u) | cpl);
	return step;
}

static enum fx_step far_arrive(struct fx_cpu *cpu, const struct fx_segment *code, uint64_t offset)
{
	bool code64 = (cpu->state->efer & FX_EFER_LMA) && (code->arbytes & 1 << 9);

	if (code64 && !fx_canonical(offset))
		return fx_raise_general(cpu);
	cpu->state->segment[FX_CS] = *code;
	cpu->state->rip = code64 ? offset : (uint32_t)offset;
	return FX_STEP_ARRIVED;
}

enum fx_step fx_op_far_jump(struct fx_cpu *cpu, const struct fx_op *op)
{
	struct fx_segment code;
	uint16_t selector;
	uint64_t offset;
	enum fx_step step = far_target(cpu, op, &selector, &offset);

	if (step == FX_STEP_NEXT)
		step = far_segment(cpu, selector, &code);
	return step == FX_STEP_NEXT ? far_arrive(cpu, &code, offset) : step;
}

enum fx_step fx_op_far_call(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t rsp = fx_stack_moved(cpu, -2 * (int64_t)op->size), offset, back;
	uint8_t frame[16] = { 0 };
	struct fx_segment code;
	uint16_t selector;
	enum fx_step step = far_target(cpu, op, &selector, &offset);

	if (step == FX_STEP_NEXT)
		step = far_segment(cpu, selector, &code);
	if (step != FX_STEP_NEXT)
		return step;
	back = next(cpu, op);
	memcpy(frame, &back, op->size);
	memcpy(frame + op->size, &cpu->state->segment[FX_CS].selector, 2);
	step = fx_write(cpu, rsp, frame, 2u * op->size);
	if (step != FX_STEP_NEXT)
		return step;
	step = far_arrive(cpu, &code, offset);
	if (step == FX_STEP_ARRIVED)
		cpu->state->gpr[FX_RSP] = rsp;
	return step;
}

/* Loads a stack segment on the way to an outer level, where the old CPL does not count. */
static enum fx_step outer_stack(struct fx_cpu *cpu, uint16_t selector, unsigned int cpl,
	struct fx_segment *stack)
{
	struct fx_descriptor descriptor;
	enum fx_step step;

	if (!(selector & ~3u) && cpl != 3) {
		fx_segment_flat(stack, selector, (uint16_t)(0xc93 | cpl << 5));
		return FX_STEP_NEXT;
	}
	if (!(selector & ~3u))
		return fx_raise_general(cpu);
	step = fx_descriptor_read(cpu, selector, false, FX_GP, &descriptor);
	if (step != FX_STEP_NEXT)
		return step;
	*stack = fx_descriptor_segment(selector, &descriptor);
	if ((selector & 3u) != cpl || (stack->arbytes & 0x1a) != 0x12 ||
	    (stack->arbytes >> 5 & 3u) != cpl)
		return fx_raise_code(cpu, FX_GP, selector & ~3u);
	if (!(stack->arbytes & 0x80))
		return fx_raise_code(cpu, FX_SS_VECTOR, selector & ~3u);
	stack->arbytes |= 1;
	return FX_STEP_NEXT;
}

/* What a far return or iret found on the stack. */
struct way_back {
	uint64_t rip, rsp;
	uint16_t cs, ss;
	bool has_stack;
	uint64_t rsp_after;     /* if there is no stack to switch to */
};

static enum fx_step go_back(struct fx_cpu *cpu, const struct way_back *back)
{
	struct fx_cpu_state *state = cpu->state;
	unsigned int cpl = cpu->user ? 3 : 0, rpl = back->cs & 3u, dpl;
	struct fx_segment code, stack = state->segment[FX_SS];
	enum fx_step step;

	if (rpl < cpl)
		return fx_raise_code(cpu, FX_GP, back->cs & ~3u);
	step = fx_code_segment_check(cpu, back->cs, rpl, 0, &code);
	if (step != FX_STEP_NEXT)
		return step;
	dpl = code.arbytes >> 5 & 3;
	if (!(code.arbytes & 1 << 2) && dpl != rpl)
		return fx_raise_code(cpu, FX_GP, back->cs & ~3u);
	if (back->has_stack)
		step = outer_stack(cpu, back->ss, rpl, &stack);
	if (step != FX_STEP_NEXT)
		return step;
	step = far_arrive(cpu, &code, back->rip);
	if (step != FX_STEP_ARRIVED)
		return step;
	state->segment[FX_SS] = stack;
	state->gpr[FX_RSP] = back->has_stack ? back->rsp : back->rsp_after;
	return step;
}

enum fx_step fx_op_far_return(struct fx_cpu *cpu, const struct fx_op *op)
{
	unsigned int size = op->size, skipped = op->immediate & 0xffff;
	uint64_t rsp = cpu->state->gpr[FX_RSP];
	struct way_back back = { 0 };
	uint8_t frame[16];
	enum fx_step step = fx_read(cpu, rsp, frame, 2 * size);

	if (step != FX_STEP_NEXT)
		return step;
	back.rip = fx_get(frame, size);
	back.cs = (uint16_t)fx_get(frame + size, 2);
	back.has_stack = (back.cs & 3u) > (cpu->user ? 3u : 0u);
	back.rsp_after = fx_stack_moved(cpu, (int64_t)(2 * size + skipped));
	if (back.has_stack) {
		step = fx_read(cpu, back.rsp_after, frame, 2 * size);
		if (step != FX_STEP_NEXT)
			return step;
		back.rsp = fx_get(frame, size) + skipped;
		back.ss = (uint16_t)fx_get(frame + size, 2);
	}
	return go_back(cpu, &back);
}

/* 64-bit code always pops RSP and SS; 32-bit code returns at its own level only. */
enum fx_step fx_op_iret(struct fx_cpu *cpu, const struct fx_op *op)
{
	struct fx_cpu_state *state = cpu->state;
	unsigned int size = op->size, words = cpu->code64 ? 5 : 3;
	uint64_t mask = FX_FLAGS_WRITABLE | FX_RF, rflags;
	struct way_back back = { .has_stack = cpu->code64 };
	uint8_t frame[5 * 8];
	enum fx_step step;

	if (state->rflags & FX_NT)
		return fx_raise_general(cpu);
	step = fx_read(cpu, state->gpr[FX_RSP], frame, words * size);
	if (step != FX_STEP_NEXT)
		return step;
	if (cpu->user) {
		mask &= ~(uint64_t)FX_IOPL;
		if ((state->rflags & FX_IOPL) != FX_IOPL)
			mask &= ~(uint64_t)FX_IF;
	}
	back.rip = fx_get(frame, size);
	back.cs = (uint16_t)fx_get(frame + size, 2);
	rflags = fx_get(frame + 2 * size, size);
	back.rsp_after = fx_stack_moved(cpu, (int64_t)(words * size));
	if (back.has_stack) {
		back.rsp = fx_get(frame + 3 * size, size);
		back.ss = (uint16_t)fx_get(frame + 4 * size, 2);
	}
	step = go_back(cpu, &back);
	if (step == FX_STEP_ARRIVED)
		fx_flags_set(&state->rflags, mask & fx_mask(size), rflags);
	return step;
}

enum fx_step fx_op_int3(struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_raise_software(cpu, FX_BP, FX_SOFTWARE_EXCEPTION, op->length);
}

enum fx_step fx_op_int1(struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_raise_software(cpu, FX_DB, FX_PRIVILEGED_SOFTWARE, op->length);
}

enum fx_step fx_op_int(struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_raise_software(cpu, (uint8_t)op->immediate, FX_SOFTWARE_INTERRUPT, op->length);
}

enum fx_step fx_op_ud2(struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_raise(cpu, FX_UD);
}

static enum fx_step enter_ring(struct fx_cpu *cpu, uint16_t cs, uint16_t ss, bool code64,
	unsigned int cpl, uint64_t rip)
{
	struct fx_cpu_state *state = cpu->state;

	fx_segment_flat(&state->segment[FX_CS], (uint16_t)((cs & ~3u) | cpl),
		(uint16_t)((code64 ? 0xa9b : 0xc9b) | cpl << 5));
	fx_segment_flat(&state->segment[FX_SS], (uint16_t)((ss & ~3u) | cpl),
		(uint16_t)(0xc93 | cpl << 5));
	state->rip = rip;
	return FX_STEP_ARRIVED;
}

enum fx_step fx_op_syscall(struct fx_cpu *cpu, const struct fx_op *op)
{
	struct fx_cpu_state *state = cpu->state;
	uint16_t cs = (uint16_t)(state->star >> 32);

	if (!(state->efer & FX_EFER_SCE) || !cpu->code64)
		return fx_raise(cpu, FX_UD);
	state->gpr[FX_RCX] = next(cpu, op);
	state->gpr[FX_R11] = state->rflags & ~(uint64_t)FX_RF;
	state->rflags = (state->rflags & ~(state->sfmask | FX_RF)) | FX_FLAGS_ALWAYS;
	return enter_ring(cpu, cs, (uint16_t)(cs + 8), true, 0, state->lstar);
}

enum fx_step fx_op_sysret(struct fx_cpu *cpu, const struct fx_op *op)
{
	struct fx_cpu_state *state = cpu->state;
	uint16_t base = (uint16_t)(state->star >> 48);
	bool code64 = op->size == 8;

	if (!(state->efer & FX_EFER_SCE) || !cpu->code64)
		return fx_raise(cpu, FX_UD);
	if (cpu->user || (code64 && !fx_canonical(state->gpr[FX_RCX])))
		return fx_raise_general(cpu);
	state->rflags = (state->gpr[FX_R11] & (FX_FLAGS_WRITABLE | FX_VIF | FX_VIP)) |
			FX_FLAGS_ALWAYS;
	return enter_ring(cpu, (uint16_t)(base + (code64 ? 16 : 0)), (uint16_t)(base + 8), code64, 3,
		code64 ? state->gpr[FX_RCX] : (uint32_t)state->gpr[FX_RCX]);
}

enum fx_step fx_op_sysenter(struct fx_cpu *cpu, const struct fx_op *op)
{
	struct fx_cpu_state *state = cpu->state;
	bool long_mode = state->efer & FX_EFER_LMA;
	uint16_t cs = (uint16_t)(state->sysenter_cs & ~3ull);

	if (!(state->cr0 & FX_CR0_PE) || !cs)
		return fx_raise_general(cpu);
	state->rflags &= ~(uint64_t)(FX_VM | FX_IF | FX_RF);
	state->gpr[FX_RSP] = long_mode ? state->sysenter_esp : (uint32_t)state->sysenter_esp;
	return enter_ring(cpu, cs, (uint16_t)(cs + 8), long_mode, 0,
		long_mode ? state->sysenter_eip : (uint32_t)state->sysenter_eip);
}

enum fx_step fx_op_sysexit(struct fx_cpu *cpu, const struct fx_op *op)
{
	struct fx_cpu_state *state = cpu->state;
	bool code64 = op->size == 8;
	uint16_t cs = (uint16_t)(state->sysenter_cs & ~3ull);
	uint64_t rip = state->gpr[FX_RDX], rsp = state->gpr[FX_RCX];

	if (cpu->user || !cs || (code64 && (!fx_canonical(rip) || !fx_canonical(rsp))))
		return fx_raise_general(cpu);
	cs = (uint16_t)(cs + (code64 ? 32 : 16));
	state->gpr[FX_RSP] = code64 ? rsp : (uint32_t)rsp;
	return enter_ring(cpu, cs, (uint16_t)(cs + 8), code64, 3, code64 ? rip : (uint32_t)rip);
}
