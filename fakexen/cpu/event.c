/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event.c: exceptions and interrupts: raised by an instruction or injected by the
 * hypervisor, they wait in state->injection and go through the 64-bit IDT (SDM 6.14). */
#include "fakexen/cpu/memory.h"

enum { GATE_INTERRUPT = 14, GATE_TRAP = 15 };

static bool contributory(uint8_t vector)
{
	return vector == FX_DE || (vector >= FX_TS && vector <= FX_GP);
}

static bool makes_double_fault(const struct fx_injection *first, const struct fx_injection *second)
{
	if (first->type != FX_HARDWARE || second->type != FX_HARDWARE)
		return false;
	if (first->vector == FX_PF_VECTOR)
		return second->vector == FX_PF_VECTOR || contributory(second->vector);
	return contributory(first->vector) && contributory(second->vector);
}

void fx_cpu_inject(struct fx_cpu_state *state, const struct fx_injection *injection)
{
	struct fx_injection event = *injection;

	if (state->injection.valid && makes_double_fault(&state->injection, injection))
		event = (struct fx_injection){ .vector = FX_DF_VECTOR, .type = FX_HARDWARE,
					       .has_error_code = true };
	event.valid = true;
	state->injection = event;
}

static enum fx_step raise_hardware(struct fx_cpu *cpu, const struct fx_injection *injection)
{
	struct fx_injection *pending = &cpu->state->injection;

	if (pending->valid && pending->vector == FX_DF_VECTOR && pending->type == FX_HARDWARE &&
	    (contributory(injection->vector) || injection->vector == FX_PF_VECTOR)) {
		pending->valid = false;
		return fx_exit_insn(cpu, FX_EXIT_TRIPLE_FAULT);
	}
	fx_cpu_inject(cpu->state, injection);
	return FX_STEP_EXCEPTION;
}

enum fx_step fx_raise(struct fx_cpu *cpu, uint8_t vector)
{
	return raise_hardware(cpu, &(struct fx_injection){ .vector = vector, .type = FX_HARDWARE });
}

enum fx_step fx_raise_code(struct fx_cpu *cpu, uint8_t vector, uint32_t error_code)
{
	return raise_hardware(cpu, &(struct fx_injection){ .vector = vector, .type = FX_HARDWARE,
		.has_error_code = true, .error_code = error_code });
}

enum fx_step fx_raise_page_fault(struct fx_cpu *cpu, uint64_t linear, uint32_t error_code)
{
	return raise_hardware(cpu, &(struct fx_injection){ .vector = FX_PF_VECTOR,
		.type = FX_HARDWARE, .has_error_code = true, .error_code = error_code,
		.cr2 = linear });
}

static enum fx_step exception_exit(struct fx_cpu *cpu, enum fx_exit reason, uint8_t vector,
	uint8_t type, uint64_t dr6)
{
	cpu->exit->exception.vector = vector;
	cpu->exit->exception.type = type;
	cpu->exit->exception.pending_dbg = dr6;
	cpu->exit->exception.icebp = type == FX_PRIVILEGED_SOFTWARE;
	return fx_exit_insn(cpu, reason);
}

/* int3, int1 and int n: RIP stays at the instruction until the event is delivered. */
enum fx_step fx_raise_software(struct fx_cpu *cpu, uint8_t vector, uint8_t type,
	uint8_t insn_length)
{
	const struct fx_injection injection = { .vector = vector, .type = type,
						.insn_length = insn_length };

	if (!cpu->emulation && type == FX_SOFTWARE_EXCEPTION && vector == FX_BP &&
	    cpu->controls.breakpoint_exiting)
		return exception_exit(cpu, FX_EXIT_BREAKPOINT, vector, type, 0);
	if (!cpu->emulation && type == FX_PRIVILEGED_SOFTWARE && cpu->controls.debug_exiting)
		return exception_exit(cpu, FX_EXIT_DEBUG, vector, type, 0);
	fx_cpu_inject(cpu->state, &injection);
	return FX_STEP_EXCEPTION;
}

enum fx_step fx_raise_debug(struct fx_cpu *cpu, uint64_t dr6)
{
	if (!cpu->emulation && cpu->controls.debug_exiting)
		return exception_exit(cpu, FX_EXIT_DEBUG, FX_DB, FX_HARDWARE, dr6);
	return raise_hardware(cpu, &(struct fx_injection){ .vector = FX_DB, .type = FX_HARDWARE,
							   .cr2 = dr6 });
}

static enum fx_step gate_read(struct fx_cpu *cpu, const struct fx_injection *event,
	uint32_t error_code, struct fx_descriptor *gate)
{
	const struct fx_table *idtr = &cpu->state->idtr;
	unsigned int type, dpl, cpl = cpu->user ? 3 : 0;
	bool software = event->type == FX_SOFTWARE_INTERRUPT || event->type == FX_SOFTWARE_EXCEPTION;
	enum fx_step step;

	if (event->vector * 16u + 15 > idtr->limit)
		return fx_raise_code(cpu, FX_GP, error_code);
	step = fx_system_read(cpu, idtr->base + event->vector * 16u, gate, sizeof(*gate));
	if (step != FX_STEP_NEXT)
		return step;
	type = gate->low >> 40 & 31;
	dpl = gate->low >> 45 & 3;
	if ((type != GATE_INTERRUPT && type != GATE_TRAP) || (software && dpl < cpl))
		return fx_raise_code(cpu, FX_GP, error_code);
	if (!(gate->low >> 47 & 1))
		return fx_raise_code(cpu, FX_NP, error_code);
	return FX_STEP_NEXT;
}

/* The stack that the handler gets: the TSS names it if the gate or a new CPL asks. */
static enum fx_step stack_find(struct fx_cpu *cpu, unsigned int ist, bool inner, uint64_t *rsp)
{
	const struct fx_segment *tr = &cpu->state->tr;
	unsigned int at = ist ? 28 + ist * 8 : 4;
	enum fx_step step = FX_STEP_NEXT;

	*rsp = cpu->state->gpr[FX_RSP];
	if (ist || inner) {
		if (at + 7 > tr->limit)
			return fx_raise_code(cpu, FX_TS, tr->selector & ~3u);
		step = fx_system_read(cpu, tr->base + at, rsp, 8);
	}
	if (step == FX_STEP_NEXT && !fx_canonical(*rsp))
		return fx_raise_code(cpu, FX_SS_VECTOR, 0);
	*rsp &= ~15ull;
	return step;
}

static enum fx_step frame_push(struct fx_cpu *cpu, const struct fx_injection *event, uint64_t *rsp)
{
	const struct fx_cpu_state *state = cpu->state;
	bool fault = event->type == FX_HARDWARE && event->vector != FX_DB;
	bool past = event->type >= FX_SOFTWARE_INTERRUPT;
	uint64_t frame[6] = {
		event->error_code,
		state->rip + (past ? event->insn_length : 0),
		state->segment[FX_CS].selector,
		state->rflags | (fault ? FX_RF : 0),
		state->gpr[FX_RSP],
		state->segment[FX_SS].selector
	};
	unsigned int first = event->has_error_code ? 0 : 1, size = (6 - first) * 8;

	*rsp -= size;
	return fx_system_write(cpu, *rsp, frame + first, size);
}

static void enter_handler(struct fx_cpu *cpu, const struct fx_descriptor *gate,
	struct fx_segment *code, uint64_t rsp)
{
	struct fx_cpu_state *state = cpu->state;
	unsigned int old_cpl = cpu->user ? 3 : 0, cpl = code->arbytes >> 5 & 3;

	if (cpl != old_cpl)
		fx_segment_flat(&state->segment[FX_SS], (uint16_t)cpl,
			(uint16_t)(0xc93 | cpl << 5));
	code->selector = (uint16_t)((code->selector & ~3u) | cpl);
	state->segment[FX_CS] = *code;
	state->gpr[FX_RSP] = rsp;
	state->rip = (gate->low & 0xffff) | (gate->low >> 32 & 0xffff0000) | gate->high << 32;
	state->rflags &= ~(uint64_t)(FX_TF | FX_NT | FX_RF | FX_VM);
	if ((gate->low >> 40 & 31) == GATE_INTERRUPT)
		state->rflags &= ~(uint64_t)FX_IF;
}

static enum fx_step deliver_once(struct fx_cpu *cpu, const struct fx_injection *event)
{
	bool external = event->type < FX_SOFTWARE_INTERRUPT || event->type == FX_PRIVILEGED_SOFTWARE;
	uint32_t error_code = event->vector * 8u + 2 + external;
	unsigned int cpl = cpu->user ? 3 : 0, new_cpl;
	struct fx_descriptor gate = { 0, 0 };
	struct fx_segment code;
	uint64_t rsp;
	enum fx_step step = gate_read(cpu, event, error_code, &gate);

	if (step == FX_STEP_NEXT)
		step = fx_code_segment_check(cpu, (uint16_t)(gate.low >> 16), cpl, external, &code);
	if (step != FX_STEP_NEXT)
		return step;
	if (!(code.arbytes & 1 << 9))
		return fx_raise_code(cpu, FX_GP, (code.selector & ~3u) | external);
	new_cpl = code.arbytes & 1 << 2 ? cpl : code.arbytes >> 5 & 3;
	code.arbytes = (uint16_t)((code.arbytes & ~0x60u) | new_cpl << 5);
	step = stack_find(cpu, gate.low >> 32 & 7, new_cpl != cpl, &rsp);
	if (step == FX_STEP_NEXT)
		step = frame_push(cpu, event, &rsp);
	if (step == FX_STEP_NEXT)
		enter_handler(cpu, &gate, &code, rsp);
	return step;
}

/* Delivers state->injection. A fault on the way takes its place or makes it a double
 * fault; an EPT violation leaves it waiting for the next run. */
enum fx_step fx_deliver(struct fx_cpu *cpu)
{
	struct fx_cpu_state *state = cpu->state;
	struct fx_injection event;
	enum fx_step step;

	do {
		event = state->injection;
		if (!(state->efer & FX_EFER_LMA)) {
			state->injection.valid = false; /* 32-bit gates are not in the subset */
			return fx_exit_insn(cpu, FX_EXIT_TRIPLE_FAULT);
		}
		if (event.vector == FX_PF_VECTOR && event.type == FX_HARDWARE)
			state->cr2 = event.cr2;
		if (event.vector == FX_DB && event.type == FX_HARDWARE)
			state->dr6 |= event.cr2 & (FX_DR6_BS | 15);
		cpu->delivering = true;
		step = deliver_once(cpu, &event);
		cpu->delivering = false;
	} while (step == FX_STEP_EXCEPTION);
	if (step == FX_STEP_NEXT) {
		state->injection.valid = false;
		state->halted = false;
		state->interruptibility = 0;
	}
	return step;
}
