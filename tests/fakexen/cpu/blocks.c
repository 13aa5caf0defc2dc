/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blocks.c: instructions that go on with one another, against the same one by one; and the page
 * that was accessed last, which is believed only as long as its translation is. */
#include "tests/fakexen/cpu/code.h"
#include "tests/unit/tap.h"

static struct machine machine;
static struct machine_cpu *const vcpu = &machine.vcpu[0];
static struct fx_cpu_state *const state = &machine.vcpu[0].state;

enum { NEXT_PAGE = MACHINE_DATA + MACHINE_PAGE, OTHER_PAGE = 0x200000, STEPS_MAX = 64 };

/* rdi: MACHINE_DATA. Accesses over the page's end, at it and in it, in both directions, with all
 * kinds of addresses; each result goes into rbx or memory. */
CODE(mixed,
	"mov $0x1122334455667788, %rax; mov %rax, 4088(%rdi); mov %rax, 4093(%rdi); inc %rcx\n"
	"add 4088(%rdi), %rbx; cmp 4092(%rdi), %rax; ja 1f; lea 5(%rdi,%rcx,8), %rdx\n"
	"incq (%rdx); add %rbx, (%rdx); subl $7, 4(%rdx,%rcx); xor 8(%rdi), %ebx; test %rbx, (%rdx)\n"
	"1: bsr %rax, %rsi; bsf %rbx, %rsi; shl %cl, %rbx; shr $3, %ebx; jns 2f; dec %rbx\n"
	"2: mov %ebx, 4095(%rdi); mov 4090(%rdi), %r8; add %r8, %rbx; rdtsc; or %rax, %rbx\n"
	"lea 3f(%rip), %r9; mov 3f(%rip), %r10d; addr32 mov (%edi), %r11; cmpl $1, (%rdi); je 3f\n"
	"call 4f; jmp 5f\n"
	"3: hlt; nop; nop; nop\n"
	"4: push %rbx; pop %rbp; ret\n"
	"5: lock incq 4080(%rdi); adc $0, %rbx; movzbl 3(%rdi), %eax; setc (%rdi); hlt");
/* Here and below a page is remembered when it is accessed for the second time. */
CODE(load_twice, "mov (%rdi), %rax; mov (%rdi), %rax; mov 8(%rdi), %rbx; hlt");
CODE(load_around, "mov (%rdi), %rax; mov (%rdi), %rax; invlpg (%rdi); nop; mov 8(%rdi), %rbx; hlt");
CODE(load_over_cr3, "mov (%rdi), %rax; mov (%rdi), %rax; mov %cr3, %rcx; mov %rcx, %cr3; nop;"
	"mov 8(%rdi), %rbx; hlt");
CODE(store_around, "mov %rax, (%rdi); mov %rax, (%rdi); invlpg (%rdi); nop; incq 8(%rdi); hlt");
CODE(to_user, "mov (%rdi), %rax; mov (%rdi), %rax; sysretq");
CODE(far_away, "mov (%rdi), %rax; mov (%rdi), %rax; nop; mov (%rsi), %rbx; hlt");
CODE(own_code, "incl 1f-1(%rip); nop; mov $0, %eax; 1: hlt");

static enum fx_exit run(uint64_t budget)
{
	return fx_cpu_run(vcpu->cpu, budget, &vcpu->exit);
}

static uint64_t pushed(unsigned int word)
{
	return machine_word(&machine, state->gpr[FX_RSP])[word];
}

/* ---- one by one ---- */

static void begin(void)
{
	START(&machine, mixed);
	memset(machine.memory + MACHINE_DATA, 0x5a, 2 * MACHINE_PAGE);
	state->gpr[FX_RDI] = MACHINE_DATA;
	machine.now = 1000;
}

struct outcome {
	uint64_t gpr[FX_GPRS], rip, rflags;
	uint8_t memory[2 * MACHINE_PAGE];
};

static void note(struct outcome *outcome)
{
	memcpy(outcome->gpr, state->gpr, sizeof(outcome->gpr));
	outcome->rip = state->rip;
	outcome->rflags = state->rflags;
	memcpy(outcome->memory, machine.memory + MACHINE_DATA, sizeof(outcome->memory));
	outcome->gpr[FX_RAX] = outcome->gpr[FX_RDX] = 0;        /* the TSC has been there */
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void one_by_one(void)
{
	static struct outcome single[STEPS_MAX], some;
	unsigned int steps = 0, wrong = 0;
	bool ended = false;

	begin();
	while (!ended && steps < STEPS_MAX) {
		ended = run(1) == FX_EXIT_HLT;
		note(&single[steps++]);
	}
	tap_ok(ended && steps > 35, "a piece of code, one by one: %u instructions", steps);
	for (unsigned int budget = 1; budget <= steps; budget++) {
		begin();
		run(budget);
		note(&some);
		wrong += !same(&some, &single[budget - 1]);
	}
	tap_ok(TAP_SAME(wrong, 0), "the first one, two, ... of them at once have done the same");
	begin();
	fx_cpu_controls(vcpu->cpu)->monitor_trap = true;
	wrong = 0;
	for (unsigned int i = 0; i < steps; i++) {
		run(1000);
		note(&some);
		wrong += !same(&some, &single[i]);
	}
	fx_cpu_controls(vcpu->cpu)->monitor_trap = false;
	tap_ok(TAP_SAME(wrong, 0), "and with the monitor trap flag, which they stop at");
	begin();
	state->dr[0] = 0x123000;
	state->dr7 = 0x30401 | 1;       /* data that nobody touches: nothing is remembered */
	run(1000);
	note(&some);
	tap_ok(same(&some, &single[steps - 1]), "and with a data breakpoint elsewhere");
}

/* ---- the page that was accessed last ---- */

#define FAULTS_AFTER(code, entry, error, where, name)				\
	do {									\
		START(&machine, code);						\
		state->gpr[FX_RDI] = MACHINE_DATA;				\
		run(2);								\
		*machine_pte(&machine, MACHINE_DATA) = (entry);			\
		run(1000);							\
		tap_ok(TAP_SAME(machine_trapped(&machine), 14) && TAP_SAME(pushed(0), error) && \
		       TAP_SAME(pushed(1), MACHINE_CODE + (where)) &&		\
		       TAP_SAME(state->cr2, MACHINE_DATA + 8), name);		\
	} while (0)

static void flushed(void)
{
	START(&machine, load_twice);
	state->gpr[FX_RDI] = MACHINE_DATA;
	*machine_word(&machine, MACHINE_DATA + 8) = 77;
	run(2);
	*machine_pte(&machine, MACHINE_DATA) = MACHINE_DATA;
	run(1000);
	tap_ok(TAP_SAME(machine_trapped(&machine), -1) && TAP_SAME(state->gpr[FX_RBX], 77),
		"an entry that is cleared and not flushed still serves, as it may");
	FAULTS_AFTER(load_around, MACHINE_DATA, 0, 10, "after invlpg it does not");
	FAULTS_AFTER(load_over_cr3, MACHINE_DATA, 0, 13, "nor after a write of CR3");
	FAULTS_AFTER(store_around, MACHINE_DATA | 5, 3, 10, "a page that has become read-only");
}

static void others_rights(void)
{
	START(&machine, to_user);
	PUT(&machine, MACHINE_CODE + 256, load_twice);
	*machine_pte(&machine, MACHINE_DATA) = MACHINE_DATA | 3;
	state->gpr[FX_RDI] = MACHINE_DATA;
	state->gpr[FX_RCX] = MACHINE_CODE + 256;
	state->gpr[FX_R11] = 0x202;
	state->star = 16ull << 48;
	run(1000);
	tap_ok(TAP_SAME(machine_trapped(&machine), 14) && TAP_SAME(pushed(0), 5) &&
	       TAP_SAME(pushed(1), MACHINE_CODE + 256),
		"what the supervisor has read is not the user's to read");
}

static void hypervisors(void)
{
	START(&machine, load_twice);
	state->gpr[FX_RDI] = MACHINE_DATA;
	run(2);
	machine_protect(&machine, MACHINE_DATA / MACHINE_PAGE, FX_ACCESS_X);
	tap_ok(TAP_SAME(run(1000), FX_EXIT_EPT) && TAP_SAME(state->rip, MACHINE_CODE + 6) &&
	       TAP_SAME(vcpu->exit.ept.gpa, MACHINE_DATA + 8),
		"a page that the hypervisor closes is closed");
	machine_protect(&machine, MACHINE_DATA / MACHINE_PAGE,
		FX_ACCESS_R | FX_ACCESS_W | FX_ACCESS_X);
}

/* What is read at an address after the page has been, or the vector of the exception. */
static void elsewhere(uint64_t address, uint64_t value, int vector, const char *name)
{
	START(&machine, far_away);
	memset(machine.memory + MACHINE_DATA - MACHINE_PAGE, 0x11, MACHINE_PAGE);
	memset(machine.memory + MACHINE_DATA, 0x22, MACHINE_PAGE);
	memset(machine.memory + NEXT_PAGE, 0x33, MACHINE_PAGE);
	memset(machine.memory + OTHER_PAGE, 0x44, MACHINE_PAGE);
	*machine_pte(&machine, NEXT_PAGE) = OTHER_PAGE | 7;
	state->gpr[FX_RBX] = 0;
	state->gpr[FX_RDI] = MACHINE_DATA;
	state->gpr[FX_RSI] = address;
	run(1000);
	tap_ok(TAP_SAME(state->gpr[FX_RBX], value) && TAP_SAME(machine_trapped(&machine), vector),
		"%s", name);
}

static void all_elsewhere(void)
{
	elsewhere(MACHINE_DATA - 8, 0x1111111111111111, -1, "the page before it");
	elsewhere(MACHINE_DATA - 4, 0x2222222211111111, -1, "into it");
	elsewhere(NEXT_PAGE - 8, 0x2222222222222222, -1, "its last word");
	elsewhere(NEXT_PAGE - 4, 0x4444444422222222, -1, "out of it, into what follows it");
	elsewhere(NEXT_PAGE, 0x4444444444444444, -1, "what follows it");
	elsewhere(~0ull << 12, 0, 14, "the last page of all");
	elsewhere(1ull << 63, 0, 13, "as far away as addresses get");
	elsewhere((1ull << 63) + MACHINE_DATA, 0, 13, "as far from the page");
}

static void own(void)
{
	START(&machine, own_code);
	run(1000);
	tap_ok(TAP_SAME(state->gpr[FX_RAX], 0x1000000),
		"a store into the page that is executed: what follows is looked at anew");
}

int main(void)
{
	machine_open(&machine, 4);
	one_by_one();
	flushed();
	others_rights();
	hypervisors();
	all_elsewhere();
	own();
	machine_close(&machine);
	return tap_done();
}
