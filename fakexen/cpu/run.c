/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run.c: a processor's life: made, run from exit to exit, destroyed. */
#include <errno.h>
#include <stdlib.h>

#include "fakexen/cpu/memory.h"

int fx_cpu_create(struct fx_cpu **out, struct fx_cpu_state *state,
	const struct fx_cpu_memory *memory, const uint32_t *attention,
	uint64_t (*tsc)(void *opaque), void *tsc_opaque)
{
	/* as aligned as its translations are, which calloc() is not */
	struct fx_cpu *cpu = aligned_alloc(_Alignof(struct fx_cpu), sizeof(*cpu));

	if (!cpu)
		return -ENOMEM;
	memset(cpu, 0, sizeof(*cpu));
	/* not touched where it is not needed: most blocks never are */
	cpu->block = cpu->own_block = calloc(FX_BLOCKS, sizeof(*cpu->block));
	if (!cpu->block) {
		free(cpu);
		return -ENOMEM;
	}
	cpu->state = state;
	cpu->memory = *memory;
	cpu->attention = attention;
	cpu->tsc = tsc;
	cpu->tsc_opaque = tsc_opaque;
	cpu->generation = 1;
	cpu->frame_generation = 1;
	memset(cpu->nothing, 0xff, sizeof(cpu->nothing));
	*out = cpu;
	return 0;
}

void fx_cpu_destroy(struct fx_cpu *cpu)
{
	if (!cpu)
		return;
	free(cpu->own_block);
	free(cpu);
}

struct fx_code *fx_code_create(void)
{
	return calloc(1, sizeof(struct fx_code));
}

void fx_code_destroy(struct fx_code *code)
{
	free(code);
}

void fx_cpu_use_code(struct fx_cpu *cpu, struct fx_code *code)
{
	free(cpu->own_block);
	cpu->own_block = NULL;
	cpu->block = code->block;
}

struct fx_cpu_controls *fx_cpu_controls(struct fx_cpu *cpu)
{
	return &cpu->controls;
}

/* The bits that decide what a walk finds. */
#define RULES_CR0 (FX_CR0_PE | FX_CR0_WP | (uint64_t)FX_CR0_PG)
#define RULES_CR4 (FX_CR4_PAE | FX_CR4_SMEP)
#define RULES_EFER (FX_EFER_LMA | FX_EFER_NXE)

/* A control register has changed: translations are void, and to be made anew if it was
 * one of those bits. */
static void take_controls(struct fx_cpu *cpu)
{
	const struct fx_cpu_state *state = cpu->state;

	if (((cpu->translated.cr0 ^ state->cr0) & RULES_CR0) ||
	    ((cpu->translated.cr4 ^ state->cr4) & RULES_CR4) ||
	    ((cpu->translated.efer ^ state->efer) & RULES_EFER))
		cpu->rules++;
	fx_flush_translations(cpu);
	cpu->translated.cr0 = state->cr0;
	cpu->translated.cr3 = state->cr3;
	cpu->translated.cr4 = state->cr4;
	cpu->translated.efer = state->efer;
}

/* What of the state asks for one instruction at a time. */
static bool wants_single(const struct fx_cpu *cpu)
{
	const struct fx_cpu_state *state = cpu->state;

	return (state->rflags & (FX_TF | FX_RF)) | state->interruptibility | (state->dr7 & 0xff) |
	       state->pending_dbg | cpu->controls.monitor_trap;
}

/* Whose accesses they are from now on, and whether translations serve them. */
static void take_rights(struct fx_cpu *cpu)
{
	uint8_t user = (cpu->state->segment[FX_SS].arbytes >> 5 & 3) == 3 ? 3 : 0;
	uint32_t usable = cpu->emulation || cpu->host || cpu->watched ? 0 : cpu->generation;

	if (user != cpu->user || usable != cpu->usable)
		fx_forget_last(cpu);
	cpu->user = user;
	cpu->usable = usable;
}

/* Takes up what the hypervisor or an instruction has changed in the state: the mode, the
 * privilege, and whether translations still are what the control registers say. */
void fx_refresh(struct fx_cpu *cpu)
{
	const struct fx_cpu_state *state = cpu->state;

	cpu->code64 = (state->efer & FX_EFER_LMA) && (state->segment[FX_CS].arbytes & 1 << 9);
	if (__builtin_expect((cpu->translated.cr3 ^ state->cr3) | (cpu->translated.cr0 ^ state->cr0) |
			     (cpu->translated.cr4 ^ state->cr4) |
			     (cpu->translated.efer ^ state->efer), 0))
		take_controls(cpu);
	/* Spread: top levels lie side by side, and so do the pages that are used together. */
	cpu->salt = state->cr3 / FX_PAGE * 37;
	cpu->single = wants_single(cpu);
	cpu->watched = fx_debug_watched(state);
	take_rights(cpu);
}

enum fx_step fx_exit_insn(struct fx_cpu *cpu, enum fx_exit reason)
{
	cpu->exit->reason = reason;
	return FX_STEP_EXIT;
}

enum fx_step fx_exit_done(struct fx_cpu *cpu, enum fx_exit reason)
{
	cpu->exit->reason = reason;
	return FX_STEP_DONE_EXIT;
}

/* Says in the exit which instruction it was. */
void fx_describe(struct fx_cpu *cpu, const struct fx_block *block, const struct fx_op *op)
{
	struct fx_cpu_exit *exit = cpu->exit;

	exit->insn_length = op->length;
	exit->byte_count = op->length;
	memcpy(exit->bytes, block->bytes + op->at, sizeof(exit->bytes));
}

static void describe_nothing(struct fx_cpu *cpu)
{
	cpu->exit->insn_length = 0;
	cpu->exit->byte_count = 0;
}

/* RIP after `op`, as its step asks for. */
static inline void advance(struct fx_cpu *cpu, const struct fx_op *op, enum fx_step step)
{
	if (step == FX_STEP_JUMPED || step == FX_STEP_ARRIVED)
		return;
	cpu->state->rip = fx_rip(cpu, op);
	if (step == FX_STEP_NEXT || step == FX_STEP_LEAVE || step == FX_STEP_DONE_EXIT)
		cpu->state->rip += op->length;
}

/* Whether the next instruction can follow without a look at flags and modes. */
static inline bool plain(enum fx_step step)
{
	return step <= FX_STEP_JUMPED;
}

/* The fast way: a block, with nothing to look at between its instructions. */
static enum fx_step run_block(struct fx_cpu *cpu)
{
	enum fx_step step = FX_STEP_NEXT;
	struct fx_block *block = fx_block_find(cpu, &step);
	const struct fx_op *op;

	if (!block) {
		describe_nothing(cpu);
		return step;
	}
	op = block->op;
	cpu->origin = cpu->state->rip;
	cpu->end = op + (block->count < cpu->budget ? block->count : cpu->budget);
	do {
		cpu->at = op;
		step = op->run(cpu, op);
		op = cpu->at;
	} while (step == FX_STEP_NEXT && ++op < cpu->end);
	if (step == FX_STEP_NEXT)
		op--;
	cpu->budget -= (uint64_t)(op - block->op) + 1;
	advance(cpu, op, step);
	if (step >= FX_STEP_EXIT)
		fx_describe(cpu, block, op);
	return step;
}

/* Success clears RF, unless the instruction itself has loaded RFLAGS. So does an exit that the
 * instruction asks for, int3 among them, though it has not been executed: one that came after a
 * fault, with RF set, exits with it clear (SDM 27.3.3; the lab shows it). Of an exception RF is in
 * the frame: set for a fault, clear for a trap. */
static enum fx_step finish_single(struct fx_cpu *cpu, enum fx_step step, uint64_t before,
	uint32_t shadow)
{
	struct fx_cpu_state *state = cpu->state;
	uint64_t dr6 = cpu->watch_hits;

	if (step == FX_STEP_REPEAT)
		state->rflags |= before & FX_RF;
	if (step == FX_STEP_EXIT) {
		state->interruptibility = shadow;
		return step;
	}
	if (step == FX_STEP_EXCEPTION || step == FX_STEP_DONE_EXIT)
		return step;
	if (before & FX_TF)
		dr6 |= FX_DR6_BS;
	if (!dr6)
		return step;
	dr6 |= state->pending_dbg;
	if (state->interruptibility & FX_SHADOW_MOV_SS) {
		state->pending_dbg = dr6;
		return step;
	}
	state->pending_dbg = 0;
	return fx_raise_debug(cpu, dr6);
}

/* The slow way: one instruction, between looks at breakpoints, TF, RF and shadows. */
static enum fx_step run_single(struct fx_cpu *cpu)
{
	struct fx_cpu_state *state = cpu->state;
	uint64_t before = state->rflags, dr6;
	uint32_t shadow = state->interruptibility;
	enum fx_step step = FX_STEP_NEXT;
	struct fx_block *block;

	cpu->budget--;
	describe_nothing(cpu);
	if (state->pending_dbg && !(shadow & FX_SHADOW_MOV_SS)) {
		dr6 = state->pending_dbg;
		state->pending_dbg = 0;
		return fx_raise_debug(cpu, dr6);
	}
	dr6 = before & FX_RF ? 0 : fx_debug_code_hits(cpu);
	if (dr6)
		return fx_raise_debug(cpu, dr6);
	block = fx_block_find(cpu, &step);
	cpu->watch_hits = 0;
	if (block) {
		state->rflags &= ~(uint64_t)FX_RF;
		state->interruptibility = 0;
		cpu->origin = state->rip;
		cpu->end = NULL;
		step = block->op->run(cpu, block->op);
		advance(cpu, block->op, step);
		if (step >= FX_STEP_EXIT)
			fx_describe(cpu, block, block->op);
	}
	step = finish_single(cpu, step, before, shadow);
	if (cpu->controls.monitor_trap && step < FX_STEP_EXCEPTION) {
		describe_nothing(cpu);
		fx_exit_insn(cpu, FX_EXIT_MONITOR_TRAP);
		return FX_STEP_EXIT;
	}
	return step;
}

/* Reasons to leave before the next instruction, in the order in which they count. */
static inline bool leaves(struct fx_cpu *cpu)
{
	enum fx_exit reason;

	if (__builtin_expect(fx_peek(cpu->attention), 0))
		reason = FX_EXIT_ATTENTION;
	else if (__builtin_expect(cpu->controls.interrupt_window, 0) &&
		 fx_cpu_interruptible(cpu->state))
		reason = FX_EXIT_INTERRUPT_WINDOW;
	else if (__builtin_expect(cpu->state->halted, 0))
		reason = FX_EXIT_HLT;
	else if (__builtin_expect(!cpu->budget, 0))
		reason = FX_EXIT_BUDGET;
	else
		return false;
	describe_nothing(cpu);
	cpu->exit->reason = reason;
	return true;
}

static enum fx_step deliver(struct fx_cpu *cpu)
{
	enum fx_step step;

	describe_nothing(cpu);
	step = fx_deliver(cpu);
	if (step == FX_STEP_EXIT)
		return step;
	fx_refresh(cpu);
	if (cpu->controls.monitor_trap)
		return fx_exit_insn(cpu, FX_EXIT_MONITOR_TRAP);
	return FX_STEP_NEXT;
}

enum fx_exit fx_cpu_run(struct fx_cpu *cpu, uint64_t budget, struct fx_cpu_exit *exit)
{
	enum fx_step step = FX_STEP_NEXT;

	cpu->exit = exit;
	cpu->budget = budget;
	cpu->emulation = NULL;
	cpu->host = false;
	fx_refresh(cpu);
	do {
		if (__builtin_expect(cpu->state->injection.valid, 0)) {
			step = deliver(cpu);
			if (step == FX_STEP_EXIT)
				break;
		}
		if (leaves(cpu))
			break;
		if (__builtin_expect(cpu->single, 0))
			step = run_single(cpu);
		else
			do
				step = run_block(cpu);
			while (plain(step) && !fx_peek(cpu->attention) && cpu->budget);
		if (step < FX_STEP_EXIT)
			fx_refresh(cpu);
	} while (step < FX_STEP_EXIT);
	/* RF marks a fault that will be taken up again, as hardware does (SDM 27.3.3) */
	if (exit->reason == FX_EXIT_EPT && !exit->ept.in_event_delivery)
		cpu->state->rflags |= FX_RF;
	return exit->reason;
}
