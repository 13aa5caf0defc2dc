/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* system.c: instructions that speak to the processor itself, most of which a hypervisor
 * wants to see. */
#include "fakexen/cpu/memory.h"

static void register_put(struct fx_cpu *cpu, unsigned int reg, uint64_t value)
{
	cpu->state->gpr[reg] = value;
}

static enum fx_step complete(int error)
{
	return error ? FX_STEP_EXCEPTION : FX_STEP_LEAVE;
}

enum fx_step fx_op_unknown(struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_exit_insn(cpu, FX_EXIT_UNKNOWN);
}

/* More than 15 bytes, which nothing but prefixes can make. */
enum fx_step fx_op_too_long(struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_raise_general(cpu);
}

enum fx_step fx_op_hlt(struct fx_cpu *cpu, const struct fx_op *op)
{
	if (cpu->user)
		return fx_raise_general(cpu);
	cpu->state->halted = true;
	return fx_exit_done(cpu, FX_EXIT_HLT);
}

enum fx_step fx_op_pause(struct fx_cpu *cpu, const struct fx_op *op)
{
	return cpu->emulation ? FX_STEP_NEXT : fx_exit_done(cpu, FX_EXIT_PAUSE);
}

enum fx_step fx_op_cpuid(struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_exit_insn(cpu, FX_EXIT_CPUID);
}

enum fx_step fx_op_vmcall(struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_exit_insn(cpu, FX_EXIT_VMCALL);
}

enum fx_step fx_op_vmfunc(struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_exit_insn(cpu, FX_EXIT_VMFUNC);
}

/* Whether the CPL may touch IF and I/O ports; the TSS's bitmap is not in the subset. */
static bool io_allowed(const struct fx_cpu *cpu)
{
	return !cpu->user || (cpu->state->rflags & FX_IOPL) == FX_IOPL;
}

enum fx_step fx_op_cli(struct fx_cpu *cpu, const struct fx_op *op)
{
	if (!io_allowed(cpu))
		return fx_raise_general(cpu);
	cpu->state->rflags &= ~(uint64_t)FX_IF;
	return FX_STEP_LEAVE;
}

enum fx_step fx_op_sti(struct fx_cpu *cpu, const struct fx_op *op)
{
	struct fx_cpu_state *state = cpu->state;

	if (!io_allowed(cpu))
		return fx_raise_general(cpu);
	if (!(state->rflags & FX_IF))
		state->interruptibility |= FX_SHADOW_STI;
	state->rflags |= FX_IF;
	return FX_STEP_LEAVE;
}

enum fx_step fx_op_mov_from_cr(struct fx_cpu *cpu, const struct fx_op *op)
{
	const struct fx_cpu_state *state = cpu->state;
	uint64_t value;

	if (cpu->user)
		return fx_raise_general(cpu);
	switch (op->operand[1].reg) {
	case 0: value = state->cr0; break;
	case 2: value = state->cr2; break;
	case 3: value = state->cr3; break;
	case 4: value = state->cr4; break;
	case 8: value = state->apic.task_priority >> 4; break;
	default: return fx_raise(cpu, FX_UD);
	}
	fx_register_put(cpu, &op->operand[0], value);
	return FX_STEP_NEXT;
}

static enum fx_step cr_write(struct fx_cpu *cpu, uint32_t index, uint64_t value)
{
	if (index == 3 && !cpu->controls.cr3_exiting)
		return complete(fx_cpu_write_cr(cpu, index, value));
	cpu->exit->cr.index = index;
	cpu->exit->cr.value = value;
	return fx_exit_insn(cpu, FX_EXIT_CR_WRITE);
}

enum fx_step fx_op_mov_to_cr(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t value = fx_register_get(cpu, &op->operand[1]);

	if (cpu->user)
		return fx_raise_general(cpu);
	switch (op->operand[0].reg) {
	case 2:
		cpu->state->cr2 = value;
		return FX_STEP_NEXT;
	case 0:
	case 3:
	case 4:
		return cr_write(cpu, op->operand[0].reg, value);
	case 8:
		if (value > 15)
			return fx_raise_general(cpu);
		return complete(fx_apic_write(cpu, 0x808, value << 4));
	default:
		return fx_raise(cpu, FX_UD);
	}
}

/* lmsw sets PE, MP, EM and TS, and cannot clear PE. */
enum fx_step fx_op_lmsw(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t value, cr0 = cpu->state->cr0;
	enum fx_step step;

	if (cpu->user)
		return fx_raise_general(cpu);
	step = fx_operand_get(cpu, op, &op->operand[0], &value);
	if (step != FX_STEP_NEXT)
		return step;
	return cr_write(cpu, 0, (cr0 & ~14ull) | (value & 15));
}

enum fx_step fx_op_smsw(struct fx_cpu *cpu, const struct fx_op *op)
{
	if (cpu->user && (cpu->state->cr4 & FX_CR4_UMIP))
		return fx_raise_general(cpu);
	return fx_operand_put(cpu, op, &op->operand[0], cpu->state->cr0);
}

enum fx_step fx_op_clts(struct fx_cpu *cpu, const struct fx_op *op)
{
	if (cpu->user)
		return fx_raise_general(cpu);
	return cr_write(cpu, 0, cpu->state->cr0 & ~(uint64_t)FX_CR0_TS);
}

/* DR4 and DR5 are DR6 and DR7, unless CR4.DE says they are nothing. */
static int debug_register(const struct fx_cpu *cpu, unsigned int number)
{
	if (number == 4 || number == 5)
		return cpu->state->cr4 & FX_CR4_DE ? -1 : (int)number + 2;
	return number < 8 ? (int)number : -1;
}

enum fx_step fx_op_mov_from_dr(struct fx_cpu *cpu, const struct fx_op *op)
{
	const struct fx_cpu_state *state = cpu->state;
	int number = debug_register(cpu, op->operand[1].reg);

	if (cpu->user)
		return fx_raise_general(cpu);
	if (number < 0)
		return fx_raise(cpu, FX_UD);
	fx_register_put(cpu, &op->operand[0], number == 6 ? state->dr6 :
		number == 7 ? state->dr7 : state->dr[number]);
	return FX_STEP_NEXT;
}

enum fx_step fx_op_mov_to_dr(struct fx_cpu *cpu, const struct fx_op *op)
{
	struct fx_cpu_state *state = cpu->state;
	int number = debug_register(cpu, op->operand[0].reg);
	uint64_t value = fx_register_get(cpu, &op->operand[1]);

	if (cpu->user)
		return fx_raise_general(cpu);
	if (number < 0)
		return fx_raise(cpu, FX_UD);
	if (number >= 6 && value >> 32)
		return fx_raise_general(cpu);
	if (number == 6)
		state->dr6 = (value & 0xe00f) | 0xffff0ff0;
	else if (number == 7)
		state->dr7 = (value & 0xffff2bff) | 0x400;
	else
		state->dr[number] = value;
	return FX_STEP_LEAVE;
}

static uint64_t edx_eax(const struct fx_cpu *cpu)
{
	return cpu->state->gpr[FX_RDX] << 32 | (uint32_t)cpu->state->gpr[FX_RAX];
}

static void put_edx_eax(struct fx_cpu *cpu, uint64_t value)
{
	register_put(cpu, FX_RAX, (uint32_t)value);
	register_put(cpu, FX_RDX, value >> 32);
}

enum fx_step fx_op_xsetbv(struct fx_cpu *cpu, const struct fx_op *op)
{
	if (!(cpu->state->cr4 & FX_CR4_OSXSAVE))
		return fx_raise(cpu, FX_UD);
	if (cpu->user)
		return fx_raise_general(cpu);
	cpu->exit->msr.index = (uint32_t)cpu->state->gpr[FX_RCX];
	cpu->exit->msr.value = edx_eax(cpu);
	return fx_exit_insn(cpu, FX_EXIT_XSETBV);
}

enum fx_step fx_op_xgetbv(struct fx_cpu *cpu, const struct fx_op *op)
{
	if (!(cpu->state->cr4 & FX_CR4_OSXSAVE))
		return fx_raise(cpu, FX_UD);
	if ((uint32_t)cpu->state->gpr[FX_RCX])
		return fx_raise_general(cpu);
	put_edx_eax(cpu, cpu->state->xcr0);
	return FX_STEP_NEXT;
}

enum fx_step fx_op_rdmsr(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint32_t msr = (uint32_t)cpu->state->gpr[FX_RCX];
	uint64_t value;

	if (cpu->user)
		return fx_raise_general(cpu);
	if (!fx_msr_held(cpu->state, msr)) {
		cpu->exit->msr.index = msr;
		cpu->exit->msr.value = 0;
		return fx_exit_insn(cpu, FX_EXIT_MSR_READ);
	}
	if (fx_cpu_read_msr(cpu, msr, &value))
		return FX_STEP_EXCEPTION;
	put_edx_eax(cpu, value);
	return FX_STEP_NEXT;
}

/* An IPI to others always exits: only the hypervisor knows them. */
static bool write_exits(const struct fx_cpu *cpu, uint32_t msr, uint64_t value)
{
	const struct fx_cpu_controls *controls = &cpu->controls;

	return !controls->msr_write_exits || controls->msr_write_exits(controls->opaque, msr) ||
	       !fx_msr_held(cpu->state, msr) || (msr == 0x830 && (value >> 18 & 3) != 1);
}

enum fx_step fx_op_wrmsr(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint32_t msr = (uint32_t)cpu->state->gpr[FX_RCX];
	uint64_t value = edx_eax(cpu);

	if (cpu->user)
		return fx_raise_general(cpu);
	if (!write_exits(cpu, msr, value))
		return complete(fx_cpu_write_msr(cpu, msr, value));
	cpu->exit->msr.index = msr;
	cpu->exit->msr.value = value;
	return fx_exit_insn(cpu, FX_EXIT_MSR_WRITE);
}

static bool tsc_forbidden(const struct fx_cpu *cpu)
{
	return cpu->user && (cpu->state->cr4 & FX_CR4_TSD);
}

enum fx_step fx_op_rdtsc(struct fx_cpu *cpu, const struct fx_op *op)
{
	if (tsc_forbidden(cpu))
		return fx_raise_general(cpu);
	put_edx_eax(cpu, fx_tsc(cpu));
	return fx_next(cpu, op);
}

enum fx_step fx_op_rdtscp(struct fx_cpu *cpu, const struct fx_op *op)
{
	if (tsc_forbidden(cpu))
		return fx_raise_general(cpu);
	put_edx_eax(cpu, fx_tsc(cpu));
	register_put(cpu, FX_RCX, (uint32_t)cpu->state->tsc_aux);
	return FX_STEP_NEXT;
}

/* There are no performance counters. */
enum fx_step fx_op_rdpmc(struct fx_cpu *cpu, const struct fx_op *op)
{
	return fx_raise_general(cpu);
}

enum fx_step fx_op_invlpg(struct fx_cpu *cpu, const struct fx_op *op)
{
	if (cpu->user)
		return fx_raise_general(cpu);
	fx_flush_translations(cpu);     /* all: one large page may be many of ours */
	return FX_STEP_LEAVE;
}

enum fx_step fx_op_wbinvd(struct fx_cpu *cpu, const struct fx_op *op)
{
	return cpu->user ? fx_raise_general(cpu) : FX_STEP_NEXT;
}

enum fx_step fx_op_swapgs(struct fx_cpu *cpu, const struct fx_op *op)
{
	struct fx_cpu_state *state = cpu->state;
	uint64_t base = state->segment[FX_GS].base;

	if (!cpu->code64)
		return fx_raise(cpu, FX_UD);
	if (cpu->user)
		return fx_raise_general(cpu);
	state->segment[FX_GS].base = state->kernel_gs_base;
	state->kernel_gs_base = base;
	return FX_STEP_NEXT;
}

/* rdfsbase and its kin; aux: bit 0 GS, bit 1 write */
enum fx_step fx_op_fsgsbase(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t *base = &cpu->state->segment[op->aux & 1 ? FX_GS : FX_FS].base, value;

	if (!cpu->code64 || !(cpu->state->cr4 & FX_CR4_FSGSBASE))
		return fx_raise(cpu, FX_UD);
	if (!(op->aux & 2)) {
		fx_register_put(cpu, &op->operand[0], *base);
		return FX_STEP_NEXT;
	}
	value = fx_register_get(cpu, &op->operand[0]);
	if (!fx_canonical(value))
		return fx_raise_general(cpu);
	*base = value;
	return FX_STEP_NEXT;
}

static enum fx_step io_exit(struct fx_cpu *cpu, const struct fx_op *op, uint16_t port,
	unsigned int bytes, bool string)
{
	if (!io_allowed(cpu))
		return fx_raise_general(cpu);
	cpu->exit->io.port = port;
	cpu->exit->io.bytes = (uint8_t)bytes;
	cpu->exit->io.in = op->aux;
	cpu->exit->io.string = string;
	cpu->exit->io.rep = op->flags & (FX_OP_REP | FX_OP_REPNE);
	return fx_exit_insn(cpu, FX_EXIT_IO);
}

enum fx_step fx_op_io(struct fx_cpu *cpu, const struct fx_op *op)
{
	const struct fx_operand *data = &op->operand[op->aux ? 0 : 1];
	const struct fx_operand *port = &op->operand[op->aux ? 1 : 0];

	return io_exit(cpu, op, port->kind == FX_OPERAND_IMMEDIATE ? (uint8_t)op->immediate :
		(uint16_t)cpu->state->gpr[FX_RDX], data->size, false);
}

enum fx_step fx_op_io_string(struct fx_cpu *cpu, const struct fx_op *op)
{
	return io_exit(cpu, op, (uint16_t)cpu->state->gpr[FX_RDX], op->size, true);
}
