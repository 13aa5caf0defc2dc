/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exits.c: what makes the processor leave the guest, what it says then, and how an exit is
 * completed: control registers, MSRs, descriptor tables, ports, the APIC, budgets. */
#include "tests/fakexen/cpu/code.h"
#include "tests/unit/tap.h"

static struct machine machine;
static struct machine_cpu *const vcpu = &machine.vcpu[0];
static struct fx_cpu_state *const state = &machine.vcpu[0].state;
static struct fx_cpu_controls *controls;

CODE(cr3_writes, "mov %rax, %cr3; mov %rbx, %cr3; hlt");
CODE(cr0_write, "mov %rax, %cr0; hlt");
CODE(cr4_write, "mov %rax, %cr4; hlt");
CODE(lmsw, "lmsw %ax; hlt");
CODE(clts, "clts; hlt");
CODE(cr8, "mov %rax, %cr8; mov %cr8, %rbx; hlt");
CODE(wrmsr, "wrmsr; hlt");
CODE(rdmsr, "rdmsr; hlt");
CODE(xsetbv, "xsetbv; hlt");
CODE(cpuid, "cpuid; hlt");
CODE(vmcall, "vmcall; hlt");
CODE(vmfunc, "vmfunc; hlt");
CODE(out, "out %al, %dx; hlt");
CODE(in, "in $0x71, %eax; hlt");
CODE(outs, "rep outsw; hlt");
CODE(sgdt, "sgdt -32(%rsp); hlt");
CODE(lidt, "lidt 16(%rip); hlt");
CODE(str, "str %eax; hlt");
CODE(sldt_memory, "sldt 64(%rsi,%rbx,8); hlt");
CODE(ltr, "ltr %ax; hlt");
CODE(pause_loop, "1: pause; jmp 1b");
CODE(counting, "1: inc %rax; jmp 1b");
CODE(self_ipi, "mov $0x83f, %ecx; mov $0x41, %eax; xor %edx, %edx; wrmsr; nop; cli; nop; hlt");
CODE(self_ipi_masked, "cli; mov $0x83f, %ecx; mov $0x41, %eax; xor %edx, %edx; wrmsr; nop; sti; "
	"nop; nop; hlt");
CODE(read_tsc, "rdtsc; hlt");

static enum fx_exit run(void)
{
	return fx_cpu_run(vcpu->cpu, 1000, &vcpu->exit);
}

static void skip(void)
{
	fx_cpu_skip(vcpu->cpu, vcpu->exit.insn_length);
}

static bool at(uint64_t offset, uint32_t length)
{
	return TAP_SAME(state->rip, MACHINE_CODE + offset) && TAP_SAME(vcpu->exit.insn_length, length);
}

static void cr3(void)
{
	START(&machine, cr3_writes);
	state->gpr[FX_RAX] = MACHINE_PML4;
	state->gpr[FX_RBX] = MACHINE_PML4 | 8;
	controls->cr3_exiting = true;
	tap_ok(TAP_SAME(run(), FX_EXIT_CR_WRITE) && at(0, 3) && TAP_SAME(vcpu->exit.cr.index, 3) &&
	       TAP_SAME(vcpu->exit.cr.value, MACHINE_PML4), "a CR3 write exits, of the same value too");
	skip();
	tap_ok(TAP_SAME(run(), FX_EXIT_CR_WRITE) && at(3, 3) &&
	       TAP_SAME(state->cr3, MACHINE_PML4) &&
	       TAP_SAME(fx_cpu_write_cr(vcpu->cpu, 3, vcpu->exit.cr.value), 0) &&
	       TAP_SAME(state->cr3, MACHINE_PML4 | 8), "and is done when it is completed");
	START(&machine, cr3_writes);
	state->gpr[FX_RAX] = MACHINE_PML4;
	state->gpr[FX_RBX] = MACHINE_PML4 | 16;
	controls->cr3_exiting = false;
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT) && TAP_SAME(state->cr3, MACHINE_PML4 | 16),
		"without the control it does not exit");
	START(&machine, cr3_writes);
	state->gpr[FX_RAX] = 1ull << 63 | MACHINE_PML4;
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 13), "bit 63 without PCIDs: #GP");
	START(&machine, cr3_writes);
	state->cr4 |= 1 << 17;
	state->gpr[FX_RAX] = 1ull << 63 | MACHINE_PML4 | 5;
	state->gpr[FX_RBX] = MACHINE_PML4 | 6;
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT) && TAP_SAME(state->cr3, MACHINE_PML4 | 6),
		"with PCIDs it is taken off");
}

#define REFUSED(call, name)							\
	do {									\
		machine_long_mode(&machine, MACHINE_CODE);			\
		state->injection.valid = false;					\
		tap_ok(TAP_SAME((call) != 0, 1) && TAP_SAME(state->injection.valid, 1) && \
		       TAP_SAME(state->injection.vector, 13), "#GP: %s", name);	\
		state->injection.valid = false;					\
	} while (0)

static void other_crs(void)
{
	START(&machine, cr0_write);
	state->gpr[FX_RAX] = 0x8001003b;
	tap_ok(TAP_SAME(run(), FX_EXIT_CR_WRITE) && at(0, 3) && TAP_SAME(vcpu->exit.cr.index, 0) &&
	       TAP_SAME(vcpu->exit.cr.value, 0x8001003b), "a CR0 write exits");
	START(&machine, cr4_write);
	tap_ok(TAP_SAME(run(), FX_EXIT_CR_WRITE) && TAP_SAME(vcpu->exit.cr.index, 4), "a CR4 write too");
	START(&machine, lmsw);
	state->gpr[FX_RAX] = 0xfff8;
	tap_ok(TAP_SAME(run(), FX_EXIT_CR_WRITE) && at(0, 3) &&
	       TAP_SAME(vcpu->exit.cr.value, 0x80010039), "lmsw: its four bits, PE stays");
	START(&machine, clts);
	state->cr0 |= 8;
	tap_ok(TAP_SAME(run(), FX_EXIT_CR_WRITE) && at(0, 2) &&
	       TAP_SAME(vcpu->exit.cr.value, 0x80010033), "clts");
	START(&machine, cr8);
	state->gpr[FX_RAX] = 5;
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT) && TAP_SAME(state->gpr[FX_RBX], 5) &&
	       TAP_SAME(state->apic.task_priority, 0x50), "CR8 is the task priority, no exit");
	REFUSED(fx_cpu_write_cr(vcpu->cpu, 0, 0x80000000), "CR0.PG without PE");
	REFUSED(fx_cpu_write_cr(vcpu->cpu, 0, 0x20000011), "CR0.NW without CD");
	REFUSED(fx_cpu_write_cr(vcpu->cpu, 0, 1ull << 40 | 0x80000011), "CR0's upper half");
	REFUSED(fx_cpu_write_cr(vcpu->cpu, 0, 0x11), "paging off in 64-bit code");
	REFUSED(fx_cpu_write_cr(vcpu->cpu, 4, 0x40600), "PAE off in long mode");
	REFUSED(fx_cpu_write_cr(vcpu->cpu, 4, 0x42620), "CR4.VMXE");
	REFUSED((state->cr3 |= 3, fx_cpu_write_cr(vcpu->cpu, 4, 0x60620)), "PCIDE with a PCID set");
	REFUSED(fx_cpu_write_cr(vcpu->cpu, 3, 1ull << 50), "CR3 beyond the physical address");
	REFUSED(fx_cpu_write_xcr0(vcpu->cpu, 2), "XCR0 without x87");
	REFUSED(fx_cpu_write_xcr0(vcpu->cpu, 5), "XCR0: AVX without SSE");
	REFUSED(fx_cpu_write_xcr0(vcpu->cpu, 9), "XCR0: what there is not");
	REFUSED(fx_cpu_write_msr(vcpu->cpu, 0xc0000082, 1ull << 47), "LSTAR not canonical");
	REFUSED(fx_cpu_write_msr(vcpu->cpu, 0xc0000080, 1 << 16), "EFER: reserved");
	REFUSED(fx_cpu_write_msr(vcpu->cpu, 0xc0000080, 0xc01), "EFER.LME under paging");
	REFUSED(fx_cpu_write_msr(vcpu->cpu, 0x277, 2), "PAT: type 2");
	REFUSED(fx_cpu_write_msr(vcpu->cpu, 0x12345, 0), "an MSR that is not there");
}

static bool lstar_exits(void *opaque, uint32_t msr)
{
	return msr == 0xc0000082;
}

static void msrs(void)
{
	uint64_t value;

	START(&machine, wrmsr);
	state->gpr[FX_RCX] = 0xc0000081;
	state->gpr[FX_RAX] = 0x89abcdef;
	state->gpr[FX_RDX] = 0x01234567;
	tap_ok(TAP_SAME(run(), FX_EXIT_MSR_WRITE) && at(0, 2) &&
	       TAP_SAME(vcpu->exit.msr.index, 0xc0000081) &&
	       TAP_SAME(vcpu->exit.msr.value, 0x0123456789abcdef), "wrmsr exits");
	tap_ok(TAP_SAME(fx_cpu_write_msr(vcpu->cpu, 0xc0000081, vcpu->exit.msr.value), 0) &&
	       TAP_SAME(fx_cpu_read_msr(vcpu->cpu, 0xc0000081, &value), 0) &&
	       TAP_SAME(value, 0x0123456789abcdef), "and is completed");
	controls->msr_write_exits = lstar_exits;
	START(&machine, wrmsr);
	state->gpr[FX_RCX] = 0xc0000081;
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT) && TAP_SAME(state->star, 0),
		"one that is not wanted does not exit");
	START(&machine, wrmsr);
	state->gpr[FX_RCX] = 0xc0000082;
	tap_ok(TAP_SAME(run(), FX_EXIT_MSR_WRITE), "one that is wanted does");
	START(&machine, wrmsr);
	state->gpr[FX_RCX] = 0x2ff;
	tap_ok(TAP_SAME(run(), FX_EXIT_MSR_WRITE), "and one that the processor does not hold");
	START(&machine, rdmsr);
	state->gpr[FX_RCX] = 0xc0000102;
	state->kernel_gs_base = 0x7f1234567000;
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT) && TAP_SAME(state->gpr[FX_RAX], 0x34567000) &&
	       TAP_SAME(state->gpr[FX_RDX], 0x7f12), "rdmsr");
	START(&machine, rdmsr);
	state->gpr[FX_RCX] = 0x17;
	tap_ok(TAP_SAME(run(), FX_EXIT_MSR_READ) && TAP_SAME(vcpu->exit.msr.index, 0x17),
		"rdmsr of what the processor does not hold exits");
	START(&machine, read_tsc);
	machine.now = 0x123456789;
	state->tsc_adjust = 1;
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT) && TAP_SAME(state->gpr[FX_RAX], 0x2345678a) &&
	       TAP_SAME(state->gpr[FX_RDX], 1), "rdtsc with its adjustment");
	fx_cpu_write_msr(vcpu->cpu, 0x10, 1000);
	fx_cpu_read_msr(vcpu->cpu, 0x10, &value);
	tap_ok(TAP_SAME(value, 1000), "the TSC can be written");
	controls->msr_write_exits = NULL;
}

static void plain(void)
{
	START(&machine, xsetbv);
	state->gpr[FX_RCX] = 0;
	state->gpr[FX_RAX] = 7;
	tap_ok(TAP_SAME(run(), FX_EXIT_XSETBV) && at(0, 3) && TAP_SAME(vcpu->exit.msr.value, 7) &&
	       TAP_SAME(fx_cpu_write_xcr0(vcpu->cpu, 7), 0) && TAP_SAME(state->xcr0, 7), "xsetbv");
	START(&machine, cpuid);
	tap_ok(TAP_SAME(run(), FX_EXIT_CPUID) && at(0, 2), "cpuid");
	START(&machine, vmcall);
	tap_ok(TAP_SAME(run(), FX_EXIT_VMCALL) && at(0, 3), "vmcall");
	START(&machine, vmfunc);
	tap_ok(TAP_SAME(run(), FX_EXIT_VMFUNC) && at(0, 3), "vmfunc");
	START(&machine, out);
	state->gpr[FX_RDX] = 0x1234;
	tap_ok(TAP_SAME(run(), FX_EXIT_IO) && at(0, 1) && TAP_SAME(vcpu->exit.io.port, 0x1234) &&
	       TAP_SAME(vcpu->exit.io.bytes, 1) && TAP_SAME(vcpu->exit.io.in, 0) &&
	       TAP_SAME(vcpu->exit.io.string, 0), "out");
	START(&machine, in);
	tap_ok(TAP_SAME(run(), FX_EXIT_IO) && at(0, 2) && TAP_SAME(vcpu->exit.io.port, 0x71) &&
	       TAP_SAME(vcpu->exit.io.bytes, 4) && TAP_SAME(vcpu->exit.io.in, 1), "in");
	START(&machine, outs);
	state->gpr[FX_RDX] = 0x70;
	tap_ok(TAP_SAME(run(), FX_EXIT_IO) && TAP_SAME(vcpu->exit.io.bytes, 2) &&
	       TAP_SAME(vcpu->exit.io.string, 1) && TAP_SAME(vcpu->exit.io.rep, 1), "rep outsw");
	START(&machine, out);
	machine_user(&machine);
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 13), "out at CPL 3: #GP");
}

#define DESCRIPTOR(code, name, which, write, info, displacement)		\
	START(&machine, code);							\
	tap_ok(TAP_SAME(run(), FX_EXIT_DESCRIPTOR) &&				\
	       TAP_SAME(state->rip, MACHINE_CODE) &&				\
	       TAP_SAME(vcpu->exit.descriptor.descriptor, which) &&		\
	       TAP_SAME(vcpu->exit.descriptor.is_write, write) &&		\
	       TAP_SAME(vcpu->exit.descriptor.instr_info, info) &&		\
	       TAP_SAME(vcpu->exit.descriptor.qualification, displacement), "%s", name)

/* The instruction information of the first three is that of recorded messages. */
static void descriptors(void)
{
	uint16_t limit;

	controls->descriptor_exiting = true;
	DESCRIPTOR(sgdt, "sgdt exits", 2, 0, 0x2410100, (uint64_t)-32);
	tap_ok(TAP_SAME(fx_cpu_descriptor(vcpu->cpu), 0) && TAP_SAME(state->rip, MACHINE_CODE) &&
	       TAP_SAME(*machine_word(&machine, MACHINE_STACK - 32) & 0xffff, 55) &&
	       TAP_SAME(*machine_word(&machine, MACHINE_STACK - 24) & 0xffff, 0),
		"and is carried out, RIP unmoved");
	DESCRIPTOR(lidt, "lidt, relative to RIP", 1, 1, 0x38418100, MACHINE_CODE + 7 + 16);
	limit = 0x123;
	memcpy(machine.memory + MACHINE_CODE + 23, &limit, 2);
	tap_ok(TAP_SAME(fx_cpu_descriptor(vcpu->cpu), 0) && TAP_SAME(state->idtr.limit, 0x123),
		"and is carried out");
	DESCRIPTOR(str, "str to a register", 4, 0, 0x10000400, 0);
	tap_ok(TAP_SAME(fx_cpu_descriptor(vcpu->cpu), 0) && TAP_SAME(state->gpr[FX_RAX], 40),
		"and is carried out");
	DESCRIPTOR(sldt_memory, "sldt with base, index and scale", 3, 0, 0x30d8103, 64);
	controls->descriptor_exiting = false;
	START(&machine, ltr);
	state->gpr[FX_RAX] = 40;
	state->tr.base = 0;
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT) && TAP_SAME(state->tr.base, MACHINE_TSS) &&
	       TAP_SAME(machine.memory[MACHINE_GDT + 45], 0x8b), "ltr makes the TSS busy");
	START(&machine, ltr);
	state->gpr[FX_RAX] = 16;
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 13) &&
	       TAP_SAME(*machine_word(&machine, state->gpr[FX_RSP]), 16),
		"ltr of another descriptor: #GP(selector)");
}

static void leaving(void)
{
	START(&machine, counting);
	tap_ok(TAP_SAME(fx_cpu_run(vcpu->cpu, 501, &vcpu->exit), FX_EXIT_BUDGET) &&
	       TAP_SAME(state->gpr[FX_RAX], 251), "a budget is a number of instructions");
	vcpu->attention = 1;
	tap_ok(TAP_SAME(run(), FX_EXIT_ATTENTION) && TAP_SAME(state->gpr[FX_RAX], 251), "attention");
	vcpu->attention = 0;
	START(&machine, pause_loop);
	tap_ok(TAP_SAME(run(), FX_EXIT_PAUSE) && TAP_SAME(state->rip, MACHINE_CODE + 2),
		"pause: RIP is past it");
}

static void x2apic(void)
{
	fx_cpu_write_msr(vcpu->cpu, 0x1b, 0xfee00c00);
	fx_cpu_write_msr(vcpu->cpu, 0x80f, 0x1ff);
	state->rflags |= 0x200;
}

static bool none_exits(void *opaque, uint32_t msr)
{
	return false;
}

static void interrupts(void)
{
	controls->msr_write_exits = none_exits;
	START(&machine, self_ipi);
	x2apic();
	tap_ok(TAP_SAME(machine_enter(vcpu, 1000), FX_EXIT_INTERRUPT_WINDOW) &&
	       TAP_SAME(state->rip, MACHINE_CODE + 14) && TAP_SAME(fx_apic_pending(state), 0x41),
		"a self-IPI opens the window at once");
	tap_ok(TAP_SAME(machine_enter(vcpu, 1000), FX_EXIT_HLT) &&
	       TAP_SAME(machine_trapped(&machine), 0x41) && TAP_SAME(state->apic.isr[2], 2) &&
	       TAP_SAME(*machine_word(&machine, state->gpr[FX_RSP]), MACHINE_CODE + 14) &&
	       TAP_SAME(state->rflags & 0x200, 0), "and is delivered, IF clear");
	fx_apic_raise(state, 0x42);
	tap_ok(TAP_SAME(fx_apic_pending(state), -1), "its class holds others of it off");
	fx_apic_raise(state, 0x52);
	tap_ok(TAP_SAME(fx_apic_pending(state), 0x52), "but not those above");
	fx_cpu_write_msr(vcpu->cpu, 0x808, 0x50);
	tap_ok(TAP_SAME(fx_apic_pending(state), -1), "task priority holds those off");
	fx_cpu_write_msr(vcpu->cpu, 0x808, 0);
	fx_apic_accept(state, 0x52);
	fx_cpu_write_msr(vcpu->cpu, 0x80b, 0);
	fx_cpu_write_msr(vcpu->cpu, 0x80b, 0);
	tap_ok(TAP_SAME(state->apic.isr[2], 0) && TAP_SAME(fx_apic_pending(state), 0x42),
		"EOI ends the highest");
	START(&machine, self_ipi_masked);
	x2apic();
	tap_ok(TAP_SAME(machine_enter(vcpu, 1000), FX_EXIT_INTERRUPT_WINDOW) &&
	       TAP_SAME(state->rip, MACHINE_CODE + 18),
		"with IF clear the window opens one instruction after sti");
	START(&machine, wrmsr);
	x2apic();
	state->gpr[FX_RCX] = 0x830;
	state->gpr[FX_RAX] = 0x41;
	state->gpr[FX_RDX] = 2;
	controls->interrupt_window = false;
	tap_ok(TAP_SAME(run(), FX_EXIT_MSR_WRITE) && TAP_SAME(vcpu->exit.msr.value, 0x200000041),
		"an IPI to another exits even if no MSR does");
	controls->msr_write_exits = NULL;
}

static void timer(void)
{
	uint64_t value;

	machine_long_mode(&machine, MACHINE_CODE);
	x2apic();
	machine.now = 1000;
	fx_cpu_write_msr(vcpu->cpu, 0x83e, 11);
	fx_cpu_write_msr(vcpu->cpu, 0x832, 0x40);
	fx_cpu_write_msr(vcpu->cpu, 0x838, 500);
	tap_ok(TAP_SAME(fx_apic_tick(state, 1499), 1500) && TAP_SAME(fx_apic_pending(state), -1),
		"a timer names its deadline");
	machine.now = 1400;
	tap_ok(TAP_SAME(fx_cpu_read_msr(vcpu->cpu, 0x839, &value), 0) && TAP_SAME(value, 100),
		"and counts down");
	tap_ok(TAP_SAME(fx_apic_tick(state, 1500), 0) && TAP_SAME(fx_apic_pending(state), 0x40),
		"and fires once");
	fx_apic_accept(state, 0x40);
	fx_cpu_write_msr(vcpu->cpu, 0x80b, 0);
	fx_cpu_write_msr(vcpu->cpu, 0x832, 0x20040);
	fx_cpu_write_msr(vcpu->cpu, 0x83e, 0);
	fx_cpu_write_msr(vcpu->cpu, 0x838, 500);
	tap_ok(TAP_SAME(fx_apic_tick(state, 2450), 3400) && TAP_SAME(fx_apic_pending(state), 0x40),
		"periodic, divided by two, late: no drift");
	fx_cpu_write_msr(vcpu->cpu, 0x832, 0x40040);
	fx_cpu_write_msr(vcpu->cpu, 0x6e0, 9000);
	tap_ok(TAP_SAME(fx_apic_tick(state, 8999), 9000) && TAP_SAME(fx_apic_tick(state, 9000), 0),
		"a deadline in the TSC");
}

int main(void)
{
	machine_open(&machine, 4);
	controls = fx_cpu_controls(vcpu->cpu);
	cr3();
	other_crs();
	msrs();
	plain();
	descriptors();
	leaving();
	interrupts();
	timer();
	machine_close(&machine);
	return tap_done();
}
