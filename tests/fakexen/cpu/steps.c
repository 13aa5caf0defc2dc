/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* steps.c: one instruction at a time, and stopping at one: the monitor trap, TF, RF, the
 * debug registers, int3 and int1, the shadows of sti and mov ss, and code that changes. */
#include "tests/fakexen/cpu/code.h"
#include "tests/unit/tap.h"

static struct machine machine;
static struct machine_cpu *const vcpu = &machine.vcpu[0];
static struct fx_cpu_state *const state = &machine.vcpu[0].state;
static struct fx_cpu_controls *controls;

CODE(some, "nop; xchg %ax, %ax; mov %r9, %rax; lea 1(%r9), %rax; hlt");
CODE(fill, "rep stosb; hlt");
CODE(trap_flag, "pushfq; orl $0x100, (%rsp); popfq; nop; nop; hlt");
CODE(breakpoint, "nop; int3; hlt");
CODE(icebp, "nop; .byte 0xf1; hlt");
CODE(fault, "mov (%rdi), %rax; hlt");
CODE(data, "mov %rax, (%rdi); mov (%rdi), %rbx; nop; hlt");
CODE(sti_hlt, "cli; nop; sti; hlt");
CODE(mov_ss, "mov %eax, %ss; nop; nop; hlt");
CODE(exits, "cpuid; nop; hlt");
CODE(loop, "1: inc %rax; nop; jmp 1b");
CODE(self, "movb $0x40, 1f+1(%rip); jmp 1f; 1: .byte 0xff, 0xc8; hlt");
CODE(back, "iretq");

static enum fx_exit run(void)
{
	return fx_cpu_run(vcpu->cpu, 1000, &vcpu->exit);
}

static bool stepped(uint64_t offset)
{
	return TAP_SAME(run(), FX_EXIT_MONITOR_TRAP) && TAP_SAME(state->rip, MACHINE_CODE + offset);
}

static void monitor_trap(void)
{
	struct fx_injection event = { .vector = 0x52 };

	controls->monitor_trap = true;
	START(&machine, some);
	tap_ok(stepped(1) && stepped(3) && stepped(6) && stepped(10), "the monitor trap");
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT), "and an instruction with an exit of its own");
	START(&machine, fill);
	state->gpr[FX_RDI] = MACHINE_DATA;
	state->gpr[FX_RCX] = 3;
	tap_ok(stepped(0) && TAP_SAME(state->gpr[FX_RCX], 2) && stepped(0) && stepped(2) &&
	       TAP_SAME(state->gpr[FX_RCX], 0), "at each iteration of a REP");
	START(&machine, exits);
	tap_ok(TAP_SAME(run(), FX_EXIT_CPUID), "an exit is no step");
	fx_cpu_skip(vcpu->cpu, vcpu->exit.insn_length);
	tap_ok(stepped(3), "the next instruction after it is");
	START(&machine, some);
	fx_cpu_inject(state, &event);
	tap_ok(TAP_SAME(run(), FX_EXIT_MONITOR_TRAP) &&
	       TAP_SAME(state->rip, MACHINE_STUBS + 0x52 * 16), "an injected event is a step");
	START(&machine, fault);
	state->gpr[FX_RDI] = 4 << 20;
	tap_ok(TAP_SAME(run(), FX_EXIT_MONITOR_TRAP) &&
	       TAP_SAME(state->rip, MACHINE_STUBS + 14 * 16), "so is an exception's delivery");
	controls->monitor_trap = false;
}

/* As recorded: type 3, no length, RIP past the instruction, TF still set. */
static void single_step(void)
{
	struct fx_injection event;

	controls->debug_exiting = true;
	START(&machine, trap_flag);
	tap_ok(TAP_SAME(run(), FX_EXIT_DEBUG) && TAP_SAME(state->rip, MACHINE_CODE + 10) &&
	       TAP_SAME(vcpu->exit.exception.vector, 1) && TAP_SAME(vcpu->exit.exception.type, 3) &&
	       TAP_SAME(vcpu->exit.exception.pending_dbg, 0x4000) &&
	       TAP_SAME(vcpu->exit.insn_length, 0) && TAP_SAME(state->rflags & 0x100, 0x100),
		"TF: #DB after the instruction after popfq");
	event = (struct fx_injection){ .vector = 1, .type = 3, .cr2 = 0x4000 };
	fx_cpu_inject(state, &event);
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 1) && TAP_SAME(state->dr6 & 0x4000, 0x4000) &&
	       TAP_SAME(machine_word(&machine, state->gpr[FX_RSP])[2] & 0x10100, 0x100) &&
	       TAP_SAME(state->rflags & 0x100, 0), "injected, it is delivered with DR6.BS");
	controls->debug_exiting = false;
	START(&machine, trap_flag);
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 1) &&
	       TAP_SAME(*machine_word(&machine, state->gpr[FX_RSP]), MACHINE_CODE + 10),
		"without the exit the guest gets it");
	START(&machine, exits);
	state->rflags |= 0x100;
	run();
	fx_cpu_skip(vcpu->cpu, vcpu->exit.insn_length);
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 1) &&
	       TAP_SAME(*machine_word(&machine, state->gpr[FX_RSP]), MACHINE_CODE + 2),
		"after an exit that was completed too");
}

static void software(void)
{
	struct fx_injection event = { .vector = 3, .type = 6, .insn_length = 1 };

	controls->breakpoint_exiting = true;
	START(&machine, breakpoint);
	tap_ok(TAP_SAME(run(), FX_EXIT_BREAKPOINT) && TAP_SAME(state->rip, MACHINE_CODE + 1) &&
	       TAP_SAME(vcpu->exit.exception.vector, 3) && TAP_SAME(vcpu->exit.exception.type, 6) &&
	       TAP_SAME(vcpu->exit.insn_length, 1), "int3 exits, RIP at it");
	fx_cpu_inject(state, &event);
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 3) &&
	       TAP_SAME(*machine_word(&machine, state->gpr[FX_RSP]), MACHINE_CODE + 2),
		"given back, it is delivered without an exit, RIP past it");
	controls->breakpoint_exiting = false;
	START(&machine, breakpoint);
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 3) &&
	       TAP_SAME(*machine_word(&machine, state->gpr[FX_RSP]), MACHINE_CODE + 2),
		"without the control the guest gets it");
	controls->debug_exiting = true;
	START(&machine, icebp);
	tap_ok(TAP_SAME(run(), FX_EXIT_DEBUG) && TAP_SAME(state->rip, MACHINE_CODE + 1) &&
	       TAP_SAME(vcpu->exit.exception.type, 5) && TAP_SAME(vcpu->exit.exception.icebp, 1) &&
	       TAP_SAME(vcpu->exit.insn_length, 1), "int1 exits as type 5, RIP at it");
	event = (struct fx_injection){ .vector = 1, .type = 5, .insn_length = 1 };
	fx_cpu_inject(state, &event);
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 1) &&
	       TAP_SAME(*machine_word(&machine, state->gpr[FX_RSP]), MACHINE_CODE + 2), "and is given back");
	controls->debug_exiting = false;
}

static void debug_registers(void)
{
	controls->debug_exiting = true;
	START(&machine, some);
	state->dr[1] = MACHINE_CODE + 3;
	state->dr7 = 0x404;
	tap_ok(TAP_SAME(run(), FX_EXIT_DEBUG) && TAP_SAME(state->rip, MACHINE_CODE + 3) &&
	       TAP_SAME(vcpu->exit.exception.pending_dbg, 2) &&
	       TAP_SAME(vcpu->exit.exception.type, 3) && TAP_SAME(state->rflags & 0x10000, 0),
		"an execution breakpoint: before the instruction, RF clear");
	tap_ok(TAP_SAME(run(), FX_EXIT_DEBUG) && TAP_SAME(state->rip, MACHINE_CODE + 3),
		"again, as long as RF is clear");
	state->rflags |= 0x10000;
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT) && TAP_SAME(state->rflags & 0x10000, 0),
		"with RF it is passed once");
	START(&machine, data);
	state->gpr[FX_RDI] = MACHINE_DATA + 4;
	state->dr[0] = MACHINE_DATA + 8;
	state->dr7 = 0xd0401;           /* write, 4 bytes */
	tap_ok(TAP_SAME(run(), FX_EXIT_DEBUG) && TAP_SAME(state->rip, MACHINE_CODE + 3) &&
	       TAP_SAME(vcpu->exit.exception.pending_dbg, 1), "a data breakpoint: after the write");
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT), "and not at the read");
	START(&machine, data);
	state->gpr[FX_RDI] = MACHINE_DATA + 4;
	state->dr[0] = MACHINE_DATA + 8;
	state->dr7 = 0xf0401;
	run();
	tap_ok(TAP_SAME(run(), FX_EXIT_DEBUG) && TAP_SAME(state->rip, MACHINE_CODE + 6),
		"unless it is one for both");
	START(&machine, data);
	state->gpr[FX_RDI] = MACHINE_DATA;
	state->dr[0] = MACHINE_DATA + 8;
	state->dr7 = 0xf0401;
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT), "a neighbour is no hit");
	controls->debug_exiting = false;
}

static void shadows(void)
{
	START(&machine, sti_hlt);
	controls->interrupt_window = true;
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT) && TAP_SAME(state->rip, MACHINE_CODE + 4),
		"sti shadows the hlt after it");
	tap_ok(TAP_SAME(run(), FX_EXIT_INTERRUPT_WINDOW), "and no more");
	START(&machine, mov_ss);
	state->gpr[FX_RAX] = 16;
	state->rflags |= 0x200;
	fx_cpu_run(vcpu->cpu, 0, &vcpu->exit);
	controls->interrupt_window = false;
	fx_cpu_run(vcpu->cpu, 1, &vcpu->exit);
	tap_ok(TAP_SAME(state->interruptibility, 2) && TAP_SAME(fx_cpu_interruptible(state), 0),
		"mov ss shadows");
	controls->interrupt_window = true;
	tap_ok(TAP_SAME(run(), FX_EXIT_INTERRUPT_WINDOW) && TAP_SAME(state->rip, MACHINE_CODE + 3),
		"one instruction");
	controls->interrupt_window = false;
	START(&machine, mov_ss);
	state->gpr[FX_RAX] = 16;
	state->rflags |= 0x100;
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 1) &&
	       TAP_SAME(*machine_word(&machine, state->gpr[FX_RSP]), MACHINE_CODE + 3),
		"and a single step");
}

static void changing_code(void)
{
	START(&machine, loop);
	controls->breakpoint_exiting = true;
	fx_cpu_run(vcpu->cpu, 300, &vcpu->exit);
	machine.memory[MACHINE_CODE + 3] = 0xcc;
	tap_ok(TAP_SAME(run(), FX_EXIT_BREAKPOINT) && TAP_SAME(state->rip, MACHINE_CODE + 3),
		"a breakpoint written from outside is met, without any call");
	machine.memory[MACHINE_CODE + 3] = 0x90;
	tap_ok(TAP_SAME(run(), FX_EXIT_BUDGET), "and gone when it is taken away");
	controls->breakpoint_exiting = false;
	START(&machine, self);
	state->gpr[FX_RAX] = 5;
	machine.memory[MACHINE_CODE + 2] = 0x05;        /* modrm of movb to 1f + 1: see below */
	START(&machine, self);
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT), "a guest that changes its own code");
	tap_ok(TAP_SAME(machine.memory[MACHINE_CODE + (size_t)(self_end - self) - 2], 0x40),
		"has changed it");
}

static void remapping(void)
{
	START(&machine, some);
	PUT(&machine, 0x200000, breakpoint);
	machine.remapped = MACHINE_CODE / 4096;
	machine.remapped_to = 0x200;
	controls->breakpoint_exiting = true;
	fx_cpu_flush(vcpu->cpu);
	tap_ok(TAP_SAME(run(), FX_EXIT_BREAKPOINT), "another page in the view is seen after a flush");
	machine.remapped = 0;
	fx_cpu_flush(vcpu->cpu);
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT), "and the first one again");
	controls->breakpoint_exiting = false;
}

static void resume_flag(void)
{
	START(&machine, some);
	PUT(&machine, MACHINE_CODE + 256, back);
	machine_word(&machine, MACHINE_STACK - 40)[0] = MACHINE_CODE;
	machine_word(&machine, MACHINE_STACK - 40)[1] = 8;
	machine_word(&machine, MACHINE_STACK - 40)[2] = 0x10202;
	machine_word(&machine, MACHINE_STACK - 40)[3] = MACHINE_STACK;
	machine_word(&machine, MACHINE_STACK - 40)[4] = 16;
	state->rip = MACHINE_CODE + 256;
	state->gpr[FX_RSP] = MACHINE_STACK - 40;
	state->dr[0] = MACHINE_CODE;
	state->dr7 = 0x401;
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT) && TAP_SAME(state->rip, MACHINE_CODE + 11),
		"iretq loads RF, which passes the breakpoint it returns to");
}

/* A fault leaves RF set for the instruction that is taken up again, which may be one that exits. */
static void resume_flag_of_exits(void)
{
	controls->breakpoint_exiting = true;
	START(&machine, breakpoint);
	machine_protect(&machine, MACHINE_CODE / 4096, 0);
	tap_ok(TAP_SAME(run(), FX_EXIT_EPT) && TAP_SAME(state->rflags >> 16 & 1, 1),
		"a closed page of code leaves RF set");
	machine_protect(&machine, MACHINE_CODE / 4096, FX_ACCESS_R | FX_ACCESS_X);
	state->rip = MACHINE_CODE + 1;
	tap_ok(TAP_SAME(run(), FX_EXIT_BREAKPOINT) && TAP_SAME(state->rip, MACHINE_CODE + 1) &&
	       TAP_SAME(state->rflags >> 16 & 1, 0), "int3 exits with RF clear, also after a fault");
	controls->breakpoint_exiting = false;
	START(&machine, breakpoint);
	state->rip = MACHINE_CODE + 1;
	state->rflags |= 0x10000;
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 3) &&
	       TAP_SAME(machine_word(&machine, state->gpr[FX_RSP])[2] >> 16 & 1, 0),
		"nor is RF in the frame of an int3");
	START(&machine, exits);
	state->rflags |= 0x10000;
	tap_ok(TAP_SAME(run(), FX_EXIT_CPUID) && TAP_SAME(state->rflags >> 16 & 1, 0),
		"cpuid exits with RF clear");
}

int main(void)
{
	machine_open(&machine, 4);
	controls = fx_cpu_controls(vcpu->cpu);
	monitor_trap();
	single_step();
	software();
	debug_registers();
	shadows();
	changing_code();
	remapping();
	resume_flag();
	resume_flag_of_exits();
	machine_close(&machine);
	return tap_done();
}
