/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* op.h: a decoded instruction, and the list of what the interpreter can execute. */
#ifndef FAKEXEN_CPU_OP_H
#define FAKEXEN_CPU_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "fakexen/cpu/state.h"

struct fx_cpu;
struct fx_op;

/* What became of an instruction. */
enum fx_step {
	FX_STEP_NEXT,           /* done: RIP goes to the next instruction */
	FX_STEP_JUMPED,         /* done, RIP is set */
	FX_STEP_LEAVE,          /* as NEXT, but look at flags and modes before going on */
	FX_STEP_ARRIVED,        /* as JUMPED, but look at them */
	FX_STEP_REPEAT,         /* an iteration of a REP is done, RIP stays */
	FX_STEP_EXCEPTION,      /* state->injection holds it; the instruction did nothing */
	FX_STEP_EXIT,           /* cpu->exit says why; the instruction did nothing */
	FX_STEP_DONE_EXIT       /* cpu->exit says why; RIP goes to the next instruction */
};

typedef enum fx_step fx_op_run(struct fx_cpu *cpu, const struct fx_op *op);

enum fx_operand_kind { FX_OPERAND_NONE, FX_OPERAND_REGISTER, FX_OPERAND_IMMEDIATE,
		       FX_OPERAND_MEMORY, FX_OPERAND_VECTOR, FX_OPERAND_SYSTEM };

struct fx_operand {
	uint8_t kind;
	uint8_t size;           /* bytes */
	/* A general register's byte offset in state->gpr (AH is at 1); the number of a
	 * vector, segment, control or debug register. */
	uint8_t reg;
};

/* state->no_gpr, which lies behind them; and RIP, which does not. */
enum { FX_BASE_NONE = 8 * FX_GPRS, FX_BASE_RIP = 0xfe };

enum {
	FX_OP_LOCK = 1 << 0,
	FX_OP_REP = 1 << 1,
	FX_OP_REPNE = 1 << 2,
	FX_OP_ENDS = 1 << 3,            /* nothing after it may be executed unlooked */
	FX_OP_SEGMENT_BASE = 1 << 4,    /* the segment's base counts */
	FX_OP_UNIMPLEMENTED = 1 << 5,   /* to Xen's emulator: X86EMUL_UNIMPLEMENTED */
	FX_OP_UNHANDLEABLE = 1 << 6,    /* to Xen's emulator: X86EMUL_UNHANDLEABLE */
	FX_OP_PLAIN_ADDRESS = 1 << 7    /* 64 bits: base, index and displacement, nothing else */
};

struct fx_op {
	fx_op_run *run;
	uint64_t immediate;     /* sign-extended; a relative branch's distance */
	int64_t displacement;   /* of the memory operand; enter's level, a far selector */
	struct fx_operand operand[3];
	uint8_t base, index;    /* byte offsets in state->gpr, or FX_BASE_ */
	uint8_t scale;          /* a shift */
	uint8_t segment;        /* FX_ES...: of the memory operand */
	uint8_t size;           /* operand size in bytes */
	uint8_t address_size;   /* bytes */
	uint8_t length;
	uint8_t at;             /* where its bytes begin in the block's */
	uint8_t aux;            /* a condition, a direction: see its run function */
	uint8_t flags;          /* FX_OP_ */
};

/* The forms of an instruction for operands of 4 and of 8 bytes: quick.c. */
#define FX_OPS_QUICK(OP, name) OP(name##_quick4) OP(name##_quick8)
/* And those among them that touch no memory; that write, or may write, to a plain address; and
 * that read from one. */
#define FX_OPS_REGISTER(OP, name) FX_OPS_QUICK(OP, name) OP(name##_register4) OP(name##_register8) \
	OP(name##_memory4) OP(name##_memory8) OP(name##_load4) OP(name##_load8)

/* Every function that executes instructions: one list, so that no prototype is missed. */
#define FX_OPS(OP)								\
	/* alu.c */								\
	OP(add) OP(adc) OP(sub) OP(sbb) OP(and) OP(or) OP(xor) OP(cmp) OP(test)	\
	OP(inc) OP(dec) OP(neg) OP(not) OP(xadd) OP(cmpxchg) OP(cmpxchg_pair)	\
	FX_OPS_REGISTER(OP, add) FX_OPS_REGISTER(OP, sub) FX_OPS_REGISTER(OP, and) \
	FX_OPS_REGISTER(OP, or) FX_OPS_REGISTER(OP, xor) FX_OPS_REGISTER(OP, cmp) \
	FX_OPS_REGISTER(OP, test) FX_OPS_REGISTER(OP, inc) FX_OPS_REGISTER(OP, dec) \
	/* multiply.c */							\
	OP(mul) OP(imul) OP(div) OP(idiv)					\
	/* shift.c */								\
	FX_OPS_QUICK(OP, shl) FX_OPS_QUICK(OP, shr)				\
	OP(shl) OP(shr) OP(sar) OP(rol) OP(ror) OP(rcl) OP(rcr) OP(shld) OP(shrd) \
	/* bit.c */								\
	OP(bsf_quick8) OP(bsr_quick8)						\
	OP(bt) OP(bts) OP(btr) OP(btc) OP(bsf) OP(bsr) OP(popcnt) OP(lzcnt) OP(tzcnt) \
	OP(bswap)								\
	/* move.c */								\
	FX_OPS_REGISTER(OP, mov)						\
	OP(mov) OP(movzx) OP(movsx) OP(movbe) OP(lea) OP(lea_quick8) OP(xchg) OP(push) OP(pop)	\
	OP(pushf) OP(popf) OP(pusha) OP(popa) OP(enter) OP(leave) OP(xlat)	\
	OP(set) OP(cmov) OP(cbw) OP(cwd)					\
	OP(sahf) OP(lahf) OP(flag) OP(nop) OP(mfence) OP(mov_to_segment)	\
	OP(mov_from_segment)							\
	/* branch.c */								\
	OP(jcc) OP(jcc_quick) OP(jmp) OP(call) OP(ret) OP(loop) OP(jrcxz) OP(far_jump) OP(far_call) \
	OP(far_return) OP(iret) OP(int3) OP(int1) OP(int) OP(ud2)		\
	OP(syscall) OP(sysret) OP(sysenter) OP(sysexit)				\
	/* string.c */								\
	OP(movs) OP(stos) OP(lods) OP(scas) OP(cmps)				\
	/* system.c */								\
	OP(unknown) OP(too_long) OP(hlt) OP(pause) OP(cpuid) OP(vmcall) OP(vmfunc) OP(cli) OP(sti) \
	OP(mov_from_cr) OP(mov_to_cr) OP(lmsw) OP(smsw) OP(clts) OP(mov_from_dr) \
	OP(mov_to_dr) OP(xsetbv) OP(xgetbv) OP(rdmsr) OP(wrmsr) OP(rdtsc) OP(rdtscp) \
	OP(rdpmc) OP(invlpg) OP(wbinvd) OP(swapgs) OP(fsgsbase) OP(io) OP(io_string) \
	/* table.c */								\
	OP(lgdt) OP(lidt) OP(sgdt) OP(sidt) OP(lldt) OP(ltr) OP(sldt) OP(str)	\
	/* vector.c */								\
	OP(vector_move) OP(vector_scalar) OP(vector_logic) OP(fxsave) OP(fxrstor) OP(xsave) \
	OP(xrstor) OP(ldmxcsr) OP(stmxcsr) OP(fninit) OP(fnstcw) OP(fldcw) OP(fnstsw)

#define FX_OP_DECLARE(name) fx_op_run fx_op_##name;
FX_OPS(FX_OP_DECLARE)
#undef FX_OP_DECLARE

/* Decodes the instruction at `bytes`. 0; -E2BIG: it goes on after `size` bytes;
 * -EINVAL: no such instruction; op->run raises or reports it then, op->length is 1. */
int fx_decode(struct fx_op *op, const uint8_t *bytes, unsigned int size, bool code64);

/* Has a decoded instruction executed by its quick form, if it has one (quick.c). */
void fx_quicken(struct fx_op *op, bool code64);

#endif
