/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emulate.c: one instruction on the hypervisor's behalf, as Xen's emulator does it: on the
 * host's p2m, with nothing checked but the guest's own page tables. */
#include <errno.h>

#include "fakexen/cpu/memory.h"

/* From here to end() nothing is cached, and memory is the host's. */
static void begin(struct fx_cpu *cpu, const struct fx_emulation *how, struct fx_cpu_exit *exit)
{
	cpu->exit = exit;
	cpu->emulation = how;
	cpu->host = true;
	cpu->code_page = NULL;
	cpu->end = NULL;
	cpu->watch_hits = 0;
	fx_refresh(cpu);
}

static void end(struct fx_cpu *cpu)
{
	cpu->emulation = NULL;
	cpu->host = false;
	cpu->completing = false;
	fx_refresh(cpu);
}

static enum fx_step decode(struct fx_cpu *cpu, const struct fx_emulation *how)
{
	return how->insn_bytes ? fx_block_bytes(cpu, &cpu->scratch, how->insn_bytes) :
		fx_block_fetch(cpu, &cpu->scratch);
}

/* An instruction done has consumed RF and the shadows, and TF traps after it. */
static enum fx_emulated retire(struct fx_cpu *cpu, uint64_t before)
{
	if (!(before & FX_TF))
		return FX_EMULATED_OKAY;
	fx_raise_debug(cpu, FX_DR6_BS);
	return FX_EMULATED_EXCEPTION;
}

static enum fx_emulated execute(struct fx_cpu *cpu, const struct fx_op *op)
{
	struct fx_cpu_state *state = cpu->state;
	uint64_t before = state->rflags;
	uint32_t shadow = state->interruptibility;
	enum fx_step step;

	state->rflags &= ~(uint64_t)FX_RF;
	state->interruptibility = 0;
	cpu->origin = state->rip;
	step = op->run(cpu, op);
	switch (step) {
	case FX_STEP_NEXT:
	case FX_STEP_LEAVE:
		state->rip += op->length;
		return retire(cpu, before);
	case FX_STEP_JUMPED:
	case FX_STEP_ARRIVED:
		return retire(cpu, before);
	case FX_STEP_DONE_EXIT:
		state->rip += op->length;
		return FX_EMULATED_EXIT;
	default:
		break;
	}
	state->rflags |= before & FX_RF;
	state->interruptibility = shadow;
	return step == FX_STEP_REPEAT ? FX_EMULATED_RETRY :
	       step == FX_STEP_EXCEPTION ? FX_EMULATED_EXCEPTION : FX_EMULATED_EXIT;
}

enum fx_emulated fx_cpu_emulate(struct fx_cpu *cpu, const struct fx_emulation *how,
	struct fx_cpu_exit *exit)
{
	static const struct fx_emulation plain = { 0 };
	const struct fx_op *op = cpu->scratch.op;
	enum fx_emulated emulated = FX_EMULATED_EXCEPTION;
	enum fx_step step;

	begin(cpu, how ? how : &plain, exit);
	step = decode(cpu, cpu->emulation);
	if (step == FX_STEP_EXIT) {
		emulated = FX_EMULATED_EXIT;
	} else if (step == FX_STEP_NEXT) {
		fx_describe(cpu, &cpu->scratch, op);
		if (op->flags & FX_OP_UNIMPLEMENTED)
			emulated = FX_EMULATED_UNIMPLEMENTED;
		else if (op->flags & FX_OP_UNHANDLEABLE)
			emulated = FX_EMULATED_UNHANDLEABLE;
		else
			emulated = execute(cpu, op);
	}
	end(cpu);
	return emulated;
}

int fx_cpu_descriptor(struct fx_cpu *cpu)
{
	static const struct fx_emulation plain = { 0 };
	struct fx_cpu_exit exit;
	enum fx_step step;

	begin(cpu, &plain, &exit);
	cpu->completing = true;
	step = fx_block_fetch(cpu, &cpu->scratch);
	cpu->origin = cpu->state->rip;
	if (step == FX_STEP_NEXT)
		step = cpu->scratch.op->run(cpu, cpu->scratch.op);
	end(cpu);
	return step == FX_STEP_NEXT ? 0 : -EFAULT;
}
