/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* faults.c: exceptions and translation: error codes, the IDT, privilege, A and D bits, and
 * accesses that the second stage does not allow. */
#include "tests/fakexen/cpu/code.h"
#include "tests/unit/tap.h"

enum { R = FX_ACCESS_R, W = FX_ACCESS_W, X = FX_ACCESS_X };

static struct machine machine;
static struct machine_cpu *const vcpu = &machine.vcpu[0];
static struct fx_cpu_state *const state = &machine.vcpu[0].state;

CODE(load, "mov (%rdi), %rax; hlt");
CODE(store, "mov %rax, (%rdi); hlt");
CODE(jump, "jmp *%rdi");
CODE(undefined, "ud2");
CODE(divide, "xor %ecx, %ecx; div %ecx");
CODE(halt, "hlt");
CODE(read_cr0, "mov %cr0, %rax");
CODE(interrupt, "int $0x80; hlt");
CODE(system_call, "syscall; hlt");
CODE(system_return, "sysretq");
CODE(iret, "pushq $27; pushq $0x18000; pushq $0x202; pushq $35; pushq %rdi; iretq");
CODE(add_memory, "add %rax, (%rdi); hlt");
CODE(push_memory, "push (%rdi); hlt");
CODE(call_memory, "call *(%rdi)");
CODE(fill, "rep stosb; hlt");
CODE(cross, "mov $0x1122334455667788, %rax; hlt");

static enum fx_exit run(void)
{
	enum fx_exit reason = fx_cpu_run(vcpu->cpu, 1000, &vcpu->exit);

	return reason;
}

/* The error code that the handler found on its stack. */
static uint64_t error_code(void)
{
	return *machine_word(&machine, state->gpr[FX_RSP]);
}

#define PAGE_FAULTS(code, name, entry, user, wanted)				\
	do {									\
		START(&machine, code);						\
		if (user)							\
			machine_user(&machine);					\
		*machine_pte(&machine, MACHINE_DATA) = (entry);			\
		state->gpr[FX_RDI] = MACHINE_DATA + 8;				\
		run();								\
		tap_ok(TAP_SAME(machine_trapped(&machine), 14) &&		\
		       TAP_SAME(error_code(), wanted) &&				\
		       TAP_SAME(state->cr2, MACHINE_DATA + 8) &&			\
		       TAP_SAME(machine_word(&machine, state->gpr[FX_RSP])[3] >> 16 & 1, 1), \
			"page fault: %s", name);				\
	} while (0)

static void page_faults(void)
{
	PAGE_FAULTS(load, "read of what is not there", MACHINE_DATA, false, 0);
	PAGE_FAULTS(store, "write of what is not there", MACHINE_DATA, false, 2);
	PAGE_FAULTS(store, "write of a read-only page", MACHINE_DATA | 5, false, 3);
	PAGE_FAULTS(load, "the user reads a supervisor's page", MACHINE_DATA | 3, true, 5);
	PAGE_FAULTS(store, "the user writes a read-only page", MACHINE_DATA | 5, true, 7);
	PAGE_FAULTS(load, "the user reads what is not there", MACHINE_DATA, true, 4);
	PAGE_FAULTS(jump, "execution of a page with NX", MACHINE_DATA | 7 | 1ull << 63, false, 17);
	PAGE_FAULTS(jump, "the user executes a supervisor's page", MACHINE_DATA | 3, true, 21);
	PAGE_FAULTS(load, "a reserved bit", MACHINE_DATA | 7 | 1ull << 50, false, 9);
}

static void write_protection(void)
{
	START(&machine, store);
	*machine_pte(&machine, MACHINE_DATA) = MACHINE_DATA | 5;
	state->cr0 &= ~0x10000ull;
	state->gpr[FX_RDI] = MACHINE_DATA;
	state->gpr[FX_RAX] = 42;
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), -1) &&
	       TAP_SAME(*machine_word(&machine, MACHINE_DATA), 42),
		"without CR0.WP the supervisor writes a read-only page");
}

static void simple_faults(void)
{
	START(&machine, undefined);
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 6) &&
	       TAP_SAME(error_code(), MACHINE_CODE), "ud2: #UD, RIP at it");
	START(&machine, divide);
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 0), "division by zero: #DE");
	START(&machine, load);
	state->gpr[FX_RDI] = 1ull << 47;
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 13) && TAP_SAME(error_code(), 0),
		"a non-canonical address: #GP(0)");
	START(&machine, halt);
	machine_user(&machine);
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 13), "hlt at CPL 3: #GP");
	START(&machine, read_cr0);
	machine_user(&machine);
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 13), "mov from CR0 at CPL 3: #GP");
	START(&machine, halt);
	machine.memory[MACHINE_CODE] = 0x0f;
	machine.memory[MACHINE_CODE + 1] = 0xa6;
	tap_ok(TAP_SAME(run(), FX_EXIT_UNKNOWN) && TAP_SAME(vcpu->exit.bytes[1], 0xa6) &&
	       TAP_SAME(state->rip, MACHINE_CODE), "bytes that are no instruction: an exit with them");
}

static void privilege(void)
{
	uint64_t *frame;

	START(&machine, interrupt);
	machine_user(&machine);
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 13) && TAP_SAME(error_code(), 0x80 * 8 + 2),
		"int n at CPL 3 through a gate of DPL 0: #GP(vector)");
	START(&machine, interrupt);
	machine_user(&machine);
	*machine_word(&machine, MACHINE_IDT + 0x80 * 16) |= 0x600000000000;
	run();
	frame = machine_word(&machine, state->gpr[FX_RSP]);
	tap_ok(TAP_SAME(machine_trapped(&machine), 0x80) &&
	       TAP_SAME(state->gpr[FX_RSP], MACHINE_RSP0 - 40) &&
	       TAP_SAME(frame[0], MACHINE_CODE + 2) && TAP_SAME(frame[1], 35) &&
	       TAP_SAME(frame[3], MACHINE_STACK) && TAP_SAME(frame[4], 27) &&
	       TAP_SAME(state->segment[FX_CS].selector, 8) && TAP_SAME(state->segment[FX_SS].selector, 0),
		"int n at CPL 3: the TSS's stack, the whole frame, RIP past it");
	START(&machine, undefined);
	*machine_word(&machine, MACHINE_IDT + 6 * 16) |= 1ull << 32;
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 6) &&
	       TAP_SAME(state->gpr[FX_RSP], MACHINE_IST1 - 40), "a gate with an IST");
	START(&machine, iret);
	PUT(&machine, MACHINE_CODE + 256, read_cr0);
	state->gpr[FX_RDI] = MACHINE_CODE + 256;
	run();
	frame = machine_word(&machine, state->gpr[FX_RSP]);
	tap_ok(TAP_SAME(machine_trapped(&machine), 13) && TAP_SAME(frame[1], MACHINE_CODE + 256) &&
	       TAP_SAME(frame[2], 35) && TAP_SAME(frame[4], 0x18000), "iretq goes to CPL 3");
}

static void system_calls(void)
{
	START(&machine, system_call);
	PUT(&machine, MACHINE_CODE + 256, system_return);
	PUT(&machine, MACHINE_CODE + 2, read_cr0);
	machine_user(&machine);
	state->star = 8ull << 32 | 19ull << 48;
	state->lstar = MACHINE_CODE + 256;
	state->sfmask = 0x200;
	state->rflags |= 0x200;
	fx_cpu_run(vcpu->cpu, 1, &vcpu->exit);
	tap_ok(TAP_SAME(state->rip, MACHINE_CODE + 256) &&
	       TAP_SAME(state->segment[FX_CS].selector, 8) && TAP_SAME(state->rflags, 2) &&
	       TAP_SAME(state->gpr[FX_RCX], MACHINE_CODE + 2) && TAP_SAME(state->gpr[FX_R11], 0x202),
		"syscall");
	fx_cpu_run(vcpu->cpu, 1, &vcpu->exit);
	tap_ok(TAP_SAME(state->rip, MACHINE_CODE + 2) && TAP_SAME(state->rflags, 0x202) &&
	       TAP_SAME(state->segment[FX_CS].selector, 35) &&
	       TAP_SAME(state->segment[FX_SS].selector, 27), "sysret");
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 13), "and it is at CPL 3");
}

static void double_faults(void)
{
	START(&machine, load);
	state->gpr[FX_RDI] = 4 << 20;
	*machine_word(&machine, MACHINE_IDT + 14 * 16) = 0;
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 8) && TAP_SAME(error_code(), 0),
		"a fault while a page fault is delivered: #DF(0)");
	START(&machine, undefined);
	*machine_word(&machine, MACHINE_IDT + 6 * 16) = 0;
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 13) && TAP_SAME(error_code(), 6 * 8 + 3),
		"a fault while #UD is delivered: that fault, with EXT");
	START(&machine, undefined);
	state->idtr.limit = 0;
	tap_ok(TAP_SAME(run(), FX_EXIT_TRIPLE_FAULT), "no handler at all: a triple fault");
}

static void marks(void)
{
	uint64_t *entry;

	START(&machine, load);
	entry = machine_pte(&machine, MACHINE_DATA);
	state->gpr[FX_RDI] = MACHINE_DATA;
	run();
	tap_ok(TAP_SAME(*entry, MACHINE_DATA | 0x27), "a read sets A");
	START(&machine, store);
	state->gpr[FX_RDI] = MACHINE_DATA;
	run();
	tap_ok(TAP_SAME(*entry, MACHINE_DATA | 0x67) &&
	       TAP_SAME(*machine_word(&machine, MACHINE_PD) & 0x60, 0x20),
		"a write sets A and D, and A alone above");
	*entry &= ~0x60ull;
	START(&machine, store);
	*entry = MACHINE_DATA | 5;
	run();
	tap_ok(TAP_SAME(*entry & 0x40, 0), "a write that faults leaves D alone");
}

#define EPT(name, wanted_gpa, wanted_gla, wanted_access, table, delivery)	\
	tap_ok(TAP_SAME(vcpu->exit.reason, FX_EXIT_EPT) &&			\
	       TAP_SAME(vcpu->exit.ept.gpa, wanted_gpa) &&			\
	       TAP_SAME(vcpu->exit.ept.gla, wanted_gla) &&			\
	       TAP_SAME(vcpu->exit.ept.access, wanted_access) &&			\
	       TAP_SAME(vcpu->exit.ept.gla_valid, 1) &&				\
	       TAP_SAME(vcpu->exit.ept.in_page_table, table) &&			\
	       TAP_SAME(vcpu->exit.ept.in_event_delivery, delivery), "%s", name)

static void violations(void)
{
	const uint64_t gla = MACHINE_LINEAR + MACHINE_DATA + 8;

	START(&machine, load);
	state->gpr[FX_RDI] = gla;
	machine_protect(&machine, MACHINE_DATA / 4096, 0);
	run();
	EPT("a read of a closed page", MACHINE_DATA + 8, gla, R, 0, 0);
	tap_ok(TAP_SAME(state->rip, MACHINE_CODE) && TAP_SAME(state->rflags >> 16 & 1, 1),
		"RIP stays and RF is set");
	machine_protect(&machine, MACHINE_DATA / 4096, R);
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT) && TAP_SAME(state->rflags >> 16 & 1, 0),
		"opened, it goes on and RF is gone");
	START(&machine, store);
	state->gpr[FX_RDI] = gla;
	run();
	EPT("a write of a read-only page: R and W", MACHINE_DATA + 8, gla, R | W, 0, 0);
	START(&machine, jump);
	state->gpr[FX_RDI] = gla;
	run();
	EPT("execution of a page without X", MACHINE_DATA + 8, gla, X, 0, 0);
	tap_ok(TAP_SAME(state->rip, gla), "RIP is there");
	START(&machine, add_memory);
	*machine_word(&machine, MACHINE_DATA + 8) = 5;
	state->gpr[FX_RDI] = gla;
	state->gpr[FX_RAX] = 1;
	state->rflags |= 1;
	run();
	EPT("a read-modify-write: R and W at once", MACHINE_DATA + 8, gla, R | W, 0, 0);
	tap_ok(TAP_SAME(*machine_word(&machine, MACHINE_DATA + 8), 5) &&
	       TAP_SAME(state->rflags & 0x8d5, 1), "nothing of it has happened");
	machine_protect(&machine, MACHINE_DATA / 4096, R | W | X);
}

static void partial_violations(void)
{
	const uint64_t stack_page = MACHINE_STACK / 4096 - 1;

	START(&machine, push_memory);
	state->gpr[FX_RDI] = MACHINE_DATA;
	machine_protect(&machine, stack_page, R);
	run();
	EPT("push with its stack read-only", MACHINE_STACK - 8, MACHINE_STACK - 8, R | W, 0, 0);
	tap_ok(TAP_SAME(state->gpr[FX_RSP], MACHINE_STACK), "RSP has not moved");
	START(&machine, call_memory);
	state->gpr[FX_RDI] = MACHINE_DATA;
	run();
	tap_ok(TAP_SAME(state->rip, MACHINE_CODE) && TAP_SAME(state->gpr[FX_RSP], MACHINE_STACK),
		"nor has a call's");
	START(&machine, undefined);
	run();
	EPT("an exception's frame on a closed stack", MACHINE_STACK - 40, MACHINE_STACK - 40, R | W, 0, 1);
	machine_protect(&machine, stack_page, R | W | X);
	run();
	tap_ok(TAP_SAME(machine_trapped(&machine), 6), "opened, the exception is delivered");
	START(&machine, fill);
	state->gpr[FX_RDI] = MACHINE_DATA - 3;
	state->gpr[FX_RCX] = 10;
	state->gpr[FX_RAX] = 0x5a;
	machine_protect(&machine, MACHINE_DATA / 4096, R);
	run();
	EPT("rep stosb into a closed page", MACHINE_DATA, MACHINE_DATA, R | W, 0, 0);
	tap_ok(TAP_SAME(state->gpr[FX_RCX], 7) && TAP_SAME(state->gpr[FX_RDI], MACHINE_DATA) &&
	       TAP_SAME(machine.memory[MACHINE_DATA - 1], 0x5a), "the iterations before have happened");
	machine_protect(&machine, MACHINE_DATA / 4096, R | W | X);
}

static void crossings(void)
{
	const uint64_t at = MACHINE_CODE + 4096 - 4;

	machine_long_mode(&machine, at);
	PUT(&machine, at, cross);
	machine_protect(&machine, MACHINE_CODE / 4096 + 1, R);
	run();
	EPT("an instruction over a page's end, the second page closed", MACHINE_CODE + 4096,
		MACHINE_CODE + 4096, X, 0, 0);
	tap_ok(TAP_SAME(state->rip, at), "RIP is at its start");
	machine_protect(&machine, MACHINE_CODE / 4096 + 1, R | W | X);
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT) && TAP_SAME(state->gpr[FX_RAX], 0x1122334455667788),
		"opened, it is executed");
	START(&machine, store);
	state->gpr[FX_RDI] = MACHINE_DATA + 4092;
	state->gpr[FX_RAX] = ~0ull;
	memset(machine.memory + MACHINE_DATA + 4088, 0, 16);
	machine_protect(&machine, MACHINE_DATA / 4096 + 1, R);
	run();
	EPT("a store over a page's end, the second page closed", MACHINE_DATA + 4096,
		MACHINE_DATA + 4096, R | W, 0, 0);
	tap_ok(TAP_SAME(*machine_word(&machine, MACHINE_DATA + 4088), 0),
		"nothing went to the first");
	machine_protect(&machine, MACHINE_DATA / 4096 + 1, R | W | X);
	run();
	tap_ok(TAP_SAME(*machine_word(&machine, MACHINE_DATA + 4088), 0xffffffff00000000) &&
	       TAP_SAME(*machine_word(&machine, MACHINE_DATA + 4096), 0xffffffff),
		"opened, both parts are written");
}

static void page_tables(void)
{
	const uint64_t entry = MACHINE_PT + MACHINE_DATA / 4096 * 8;

	START(&machine, load);
	state->gpr[FX_RDI] = MACHINE_DATA;
	machine_protect(&machine, MACHINE_PT / 4096, R);
	run();
	EPT("setting A in a read-only page table (for the code first)",
		MACHINE_PT + MACHINE_CODE / 4096 * 8, MACHINE_CODE, R | W, 1, 0);
	machine_protect(&machine, MACHINE_PT / 4096, R | W);
	fx_cpu_run(vcpu->cpu, 0, &vcpu->exit);
	*machine_pte(&machine, MACHINE_CODE) |= 0x20;
	machine_protect(&machine, MACHINE_PT / 4096, R);
	run();
	EPT("setting A in a read-only page table", entry, MACHINE_DATA, R | W, 1, 0);
	*machine_pte(&machine, MACHINE_DATA) |= 0x20;
	tap_ok(TAP_SAME(run(), FX_EXIT_HLT), "with A set already nothing is written");
	START(&machine, load);
	machine_protect(&machine, MACHINE_PT / 4096, 0);
	run();
	EPT("reading a closed page table", MACHINE_PT + MACHINE_CODE / 4096 * 8, MACHINE_CODE, R, 1, 0);
	machine_protect(&machine, MACHINE_PT / 4096, R | W | X);
}

static void absent(void)
{
	START(&machine, load);
	*machine_pte(&machine, MACHINE_DATA) = 0x80000000 | 7;
	state->gpr[FX_RDI] = MACHINE_DATA;
	run();
	tap_ok(TAP_SAME(state->gpr[FX_RAX], ~0ull), "where there is no memory, reads give ones");
	START(&machine, add_memory);
	*machine_pte(&machine, MACHINE_DATA) = 0x80000000 | 7;
	state->gpr[FX_RDI] = MACHINE_DATA;
	state->gpr[FX_RAX] = 2;
	run();
	tap_ok(TAP_SAME(state->rflags & 1, 1), "and writes vanish");
}

int main(void)
{
	machine_open(&machine, 4);
	page_faults();
	write_protection();
	simple_faults();
	privilege();
	system_calls();
	double_faults();
	marks();
	violations();
	partial_violations();
	crossings();
	page_tables();
	absent();
	machine_close(&machine);
	return tap_done();
}
