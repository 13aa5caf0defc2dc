/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vector.c: XMM registers moved, combined bit by bit, saved and restored; no arithmetic.
 * The state lies in the form that fxsave writes. */
#include "fakexen/cpu/memory.h"

enum {
	AT_FCW = 0, AT_FSW = 2, AT_FTW = 4, AT_MXCSR = 24, AT_MXCSR_MASK = 28, AT_XMM = 160,
	LEGACY_SIZE = 512, LEGACY_USED = 416, HEADER_SIZE = 64, YMM_SIZE = 256,
	XSAVE_X87 = 1, XSAVE_SSE = 2, XSAVE_AVX = 4,
	MXCSR_VALID = 0xffff, MXCSR_RESET = 0x1f80
};

static uint8_t *xmm(struct fx_cpu *cpu, const struct fx_operand *operand)
{
	return cpu->state->fxsave + AT_XMM + 16 * (operand->reg % 16);
}

/* #UD if SSE is off, #NM if the registers are not this task's. */
static enum fx_step usable(struct fx_cpu *cpu)
{
	const struct fx_cpu_state *state = cpu->state;

	if ((state->cr0 & FX_CR0_EM) || !(state->cr4 & FX_CR4_OSFXSR))
		return fx_raise(cpu, FX_UD);
	return state->cr0 & FX_CR0_TS ? fx_raise(cpu, FX_NM) : FX_STEP_NEXT;
}

static enum fx_step x87_usable(struct fx_cpu *cpu)
{
	return cpu->state->cr0 & (FX_CR0_EM | FX_CR0_TS) ? fx_raise(cpu, FX_NM) : FX_STEP_NEXT;
}

/* What the decoder left without a kind is an MMX or YMM register. */
static bool in_subset(const struct fx_op *op)
{
	return op->operand[0].kind != FX_OPERAND_NONE && op->operand[1].kind != FX_OPERAND_NONE;
}

static enum fx_step vector_get(struct fx_cpu *cpu, const struct fx_op *op,
	const struct fx_operand *operand, unsigned int size, bool aligned, uint8_t *value)
{
	uint64_t linear;

	if (operand->kind == FX_OPERAND_VECTOR) {
		memcpy(value, xmm(cpu, operand), size);
		return FX_STEP_NEXT;
	}
	linear = fx_address(cpu, op);
	return aligned && linear % 16 ? fx_raise_general(cpu) : fx_read(cpu, linear, value, size);
}

enum fx_step fx_op_vector_move(struct fx_cpu *cpu, const struct fx_op *op)
{
	bool aligned = op->aux;
	uint8_t value[16];
	uint64_t linear;
	enum fx_step step = in_subset(op) ? usable(cpu) : fx_op_unknown(cpu, op);

	if (step == FX_STEP_NEXT)
		step = vector_get(cpu, op, &op->operand[1], 16, aligned, value);
	if (step != FX_STEP_NEXT)
		return step;
	if (op->operand[0].kind == FX_OPERAND_VECTOR) {
		memcpy(xmm(cpu, &op->operand[0]), value, 16);
		return step;
	}
	linear = fx_address(cpu, op);
	return aligned && linear % 16 ? fx_raise_general(cpu) : fx_write(cpu, linear, value, 16);
}

/* movd, movq, movss, movsd: between XMM, general registers and memory. */
enum fx_step fx_op_vector_scalar(struct fx_cpu *cpu, const struct fx_op *op)
{
	const struct fx_operand *to = &op->operand[0], *from = &op->operand[1];
	unsigned int size = op->aux & 15;
	bool keeps = (op->aux & 16) && from->kind == FX_OPERAND_VECTOR;
	uint8_t value[16] = { 0 };
	uint64_t number = 0;
	enum fx_step step = in_subset(op) ? usable(cpu) : fx_op_unknown(cpu, op);

	if (step == FX_STEP_NEXT && from->kind == FX_OPERAND_REGISTER) {
		number = fx_register_get(cpu, from);
		size = from->size;
		memcpy(value, &number, size);
	} else if (step == FX_STEP_NEXT) {
		if (to->kind == FX_OPERAND_REGISTER)
			size = to->size;
		step = vector_get(cpu, op, from, size, false, value);
	}
	if (step != FX_STEP_NEXT)
		return step;
	memcpy(&number, value, 8);
	if (to->kind == FX_OPERAND_VECTOR)
		memcpy(xmm(cpu, to), value, keeps ? size : 16);
	else if (to->kind == FX_OPERAND_REGISTER)
		fx_register_put(cpu, to, number);
	else
		return fx_store(cpu, fx_address(cpu, op), size, number);
	return FX_STEP_NEXT;
}

enum fx_step fx_op_vector_logic(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t a[2], b[2];
	enum fx_step step = in_subset(op) ? usable(cpu) : fx_op_unknown(cpu, op);

	if (step == FX_STEP_NEXT)
		step = vector_get(cpu, op, &op->operand[1], 16, true, (uint8_t *)b);
	if (step != FX_STEP_NEXT)
		return step;
	memcpy(a, xmm(cpu, &op->operand[0]), 16);
	for (unsigned int i = 0; i < 2; i++) {
		switch (op->aux) {
		case 0: a[i] &= b[i]; break;
		case 1: a[i] = ~a[i] & b[i]; break;
		case 2: a[i] |= b[i]; break;
		default: a[i] ^= b[i]; break;
		}
	}
	memcpy(xmm(cpu, &op->operand[0]), a, 16);
	return step;
}

enum fx_step fx_op_fxsave(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t linear = fx_address(cpu, op);
	enum fx_step step = x87_usable(cpu);

	if (step != FX_STEP_NEXT)
		return step;
	if (linear % 16)
		return fx_raise_general(cpu);
	fx_put(cpu->state->fxsave + AT_MXCSR_MASK, 4, MXCSR_VALID);
	return fx_write(cpu, linear, cpu->state->fxsave, LEGACY_USED);
}

enum fx_step fx_op_fxrstor(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t linear = fx_address(cpu, op);
	uint8_t area[LEGACY_USED];
	enum fx_step step = x87_usable(cpu);

	if (step != FX_STEP_NEXT)
		return step;
	if (linear % 16)
		return fx_raise_general(cpu);
	step = fx_read(cpu, linear, area, sizeof(area));
	if (step != FX_STEP_NEXT)
		return step;
	if (fx_get(area + AT_MXCSR, 4) & ~(uint64_t)MXCSR_VALID)
		return fx_raise_general(cpu);
	memcpy(cpu->state->fxsave, area, sizeof(area));
	return step;
}

/* Both want XCR0 on, an area of 64-byte alignment, and the components asked for. */
static enum fx_step xsave_usable(struct fx_cpu *cpu, uint64_t linear)
{
	if (!(cpu->state->cr4 & FX_CR4_OSXSAVE))
		return fx_raise(cpu, FX_UD);
	if (cpu->state->cr0 & FX_CR0_TS)
		return fx_raise(cpu, FX_NM);
	return linear % 64 ? fx_raise_general(cpu) : FX_STEP_NEXT;
}

static unsigned int requested(const struct fx_cpu *cpu)
{
	return (unsigned int)(cpu->state->gpr[FX_RAX] & cpu->state->xcr0);
}

static unsigned int area_size(unsigned int components)
{
	return LEGACY_SIZE + HEADER_SIZE + (components & XSAVE_AVX ? YMM_SIZE : 0);
}

/* xsave and xsaveopt, which may save less and here does not. */
enum fx_step fx_op_xsave(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t linear = fx_address(cpu, op), in_use;
	unsigned int components = requested(cpu);
	uint8_t area[LEGACY_SIZE + HEADER_SIZE + YMM_SIZE];
	struct fx_cpu_state *state = cpu->state;
	struct fx_span span;
	enum fx_step step = xsave_usable(cpu, linear);

	if (step == FX_STEP_NEXT)
		step = fx_span_open(cpu, linear, area_size(components), FX_ACCESS_W, &span);
	if (step != FX_STEP_NEXT)
		return step;
	fx_span_read(&span, area);
	fx_put(state->fxsave + AT_MXCSR_MASK, 4, MXCSR_VALID);
	if (components & XSAVE_X87) {
		memcpy(area, state->fxsave, AT_MXCSR);
		memcpy(area + 32, state->fxsave + 32, AT_XMM - 32);
	}
	if (components & (XSAVE_SSE | XSAVE_AVX))
		memcpy(area + AT_MXCSR, state->fxsave + AT_MXCSR, 8);
	if (components & XSAVE_SSE)
		memcpy(area + AT_XMM, state->fxsave + AT_XMM, LEGACY_USED - AT_XMM);
	if (components & XSAVE_AVX)
		memcpy(area + LEGACY_SIZE + HEADER_SIZE, state->ymm_high, YMM_SIZE);
	in_use = fx_get(area + LEGACY_SIZE, 8);
	fx_put(area + LEGACY_SIZE, 8, (in_use & ~state->gpr[FX_RAX]) | components);
	fx_span_write(&span, area);
	return step;
}

static void x87_reset(struct fx_cpu_state *state)
{
	memset(state->fxsave, 0, AT_MXCSR);
	memset(state->fxsave + 32, 0, AT_XMM - 32);
	fx_put(state->fxsave + AT_FCW, 2, 0x37f);
}

enum fx_step fx_op_xrstor(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t linear = fx_address(cpu, op), present;
	unsigned int components = requested(cpu);
	uint8_t area[LEGACY_SIZE + HEADER_SIZE + YMM_SIZE];
	struct fx_cpu_state *state = cpu->state;
	enum fx_step step = xsave_usable(cpu, linear);

	if (step == FX_STEP_NEXT)
		step = fx_read(cpu, linear, area, area_size(components));
	if (step != FX_STEP_NEXT)
		return step;
	present = fx_get(area + LEGACY_SIZE, 8);
	if ((present & ~state->xcr0) || fx_get(area + LEGACY_SIZE + 8, 8) ||
	    fx_get(area + LEGACY_SIZE + 16, 8) ||
	    ((components & (XSAVE_SSE | XSAVE_AVX)) &&
	     (fx_get(area + AT_MXCSR, 4) & ~(uint64_t)MXCSR_VALID)))
		return fx_raise_general(cpu);
	if (components & XSAVE_X87 & present) {
		memcpy(state->fxsave, area, AT_MXCSR);
		memcpy(state->fxsave + 32, area + 32, AT_XMM - 32);
	} else if (components & XSAVE_X87) {
		x87_reset(state);
	}
	if (components & (XSAVE_SSE | XSAVE_AVX))
		memcpy(state->fxsave + AT_MXCSR, area + AT_MXCSR, 4);
	if (components & XSAVE_SSE & present)
		memcpy(state->fxsave + AT_XMM, area + AT_XMM, LEGACY_USED - AT_XMM);
	else if (components & XSAVE_SSE)
		memset(state->fxsave + AT_XMM, 0, LEGACY_USED - AT_XMM);
	if (components & XSAVE_AVX & present)
		memcpy(state->ymm_high, area + LEGACY_SIZE + HEADER_SIZE, YMM_SIZE);
	else if (components & XSAVE_AVX)
		memset(state->ymm_high, 0, YMM_SIZE);
	return step;
}

enum fx_step fx_op_ldmxcsr(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t value;
	enum fx_step step = usable(cpu);

	if (step == FX_STEP_NEXT)
		step = fx_load(cpu, fx_address(cpu, op), 4, &value);
	if (step != FX_STEP_NEXT)
		return step;
	if (value & ~(uint64_t)MXCSR_VALID)
		return fx_raise_general(cpu);
	fx_put(cpu->state->fxsave + AT_MXCSR, 4, value);
	return step;
}

enum fx_step fx_op_stmxcsr(struct fx_cpu *cpu, const struct fx_op *op)
{
	enum fx_step step = usable(cpu);

	if (step != FX_STEP_NEXT)
		return step;
	return fx_store(cpu, fx_address(cpu, op), 4, fx_get(cpu->state->fxsave + AT_MXCSR, 4));
}

enum fx_step fx_op_fninit(struct fx_cpu *cpu, const struct fx_op *op)
{
	enum fx_step step = x87_usable(cpu);

	if (step == FX_STEP_NEXT)
		x87_reset(cpu->state);
	return step;
}

enum fx_step fx_op_fnstcw(struct fx_cpu *cpu, const struct fx_op *op)
{
	enum fx_step step = x87_usable(cpu);

	if (step != FX_STEP_NEXT)
		return step;
	return fx_store(cpu, fx_address(cpu, op), 2, fx_get(cpu->state->fxsave + AT_FCW, 2));
}

enum fx_step fx_op_fldcw(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t value;
	enum fx_step step = x87_usable(cpu);

	if (step == FX_STEP_NEXT)
		step = fx_load(cpu, fx_address(cpu, op), 2, &value);
	if (step == FX_STEP_NEXT)
		fx_put(cpu->state->fxsave + AT_FCW, 2, value);
	return step;
}

enum fx_step fx_op_fnstsw(struct fx_cpu *cpu, const struct fx_op *op)
{
	struct fx_operand to = op->operand[0];
	enum fx_step step = x87_usable(cpu);

	if (step != FX_STEP_NEXT)
		return step;
	to.size = 2;
	return fx_operand_put(cpu, op, &to, fx_get(cpu->state->fxsave + AT_FSW, 2));
}
