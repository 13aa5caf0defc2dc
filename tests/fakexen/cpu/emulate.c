/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emulate.c: one instruction on the hypervisor's behalf, with the outcomes that Xen's own
 * emulator was seen to have. */
#include "tests/fakexen/cpu/code.h"
#include "tests/unit/tap.h"

static struct machine machine;
static struct machine_cpu *const vcpu = &machine.vcpu[0];
static struct fx_cpu_state *const state = &machine.vcpu[0].state;

CODE(load, "mov (%rdi), %rax");
CODE(store, "mov %rax, (%rdi)");
CODE(add_memory, "lock add %rax, (%rdi)");
CODE(compare, "cmp %rax, (%rdi)");
CODE(compare_exchange, "lock cmpxchg %rcx, (%rdi)");
CODE(pop, "pop %rax");
CODE(movs, "rep movsb");
CODE(stos, "rep stosq");
CODE(lods, "rep lodsb");
CODE(scas, "repne scasb");
CODE(cmps, "repe cmpsb");
CODE(call, "call *%rdi");
CODE(int3, "int3");
CODE(divide, "xor %ecx, %ecx; div %ecx");
CODE(cpuid, "cpuid");
CODE(wrmsr, "wrmsr");
CODE(mov_cr3, "mov %rax, %cr3");
CODE(sgdt, "sgdt (%rdi)");
CODE(lea, "lea 8(%rdi), %rax");
CODE(nops, ".byte 0x66, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, "
	"0x90, 0x90, 0x90");
CODE(xsave, "xsave (%rdi)");
CODE(rdpmc, "rdpmc");
CODE(vmcall, "vmcall");
CODE(xsaveopt, "xsaveopt (%rdi)");
CODE(xrstor, "xrstor (%rdi)");
CODE(iret, "iretq");
CODE(to_dr, "mov %rax, %dr0");
CODE(from_dr, "mov %dr7, %rax");

static enum fx_emulated emulate(const struct fx_emulation *how)
{
	return fx_cpu_emulate(vcpu->cpu, how, &vcpu->exit);
}

static enum fx_emulated simply(void)
{
	return emulate(NULL);
}

static uint64_t *data(void)
{
	return machine_word(&machine, MACHINE_DATA);
}

#define BEGIN(code)								\
	START(&machine, code);							\
	memset(data(), 0, MACHINE_PAGE);					\
	*data() = 0x0123456789abcdef;						\
	state->gpr[FX_RDI] = MACHINE_DATA

#define DONE(code) TAP_SAME(state->rip, MACHINE_CODE + (uint64_t)(code##_end - code))

static void outcomes(void)
{
#define OUTCOME(code, wanted)							\
	do {									\
		BEGIN(code);							\
		tap_ok(TAP_SAME(simply(), wanted) && TAP_SAME(state->rip, MACHINE_CODE) && \
		       TAP_SAME(state->injection.valid, 0), #code ": " #wanted); \
	} while (0)
	OUTCOME(xsave, FX_EMULATED_UNIMPLEMENTED);
	OUTCOME(rdpmc, FX_EMULATED_UNIMPLEMENTED);
	OUTCOME(vmcall, FX_EMULATED_UNIMPLEMENTED);
	OUTCOME(xsaveopt, FX_EMULATED_UNHANDLEABLE);
	OUTCOME(xrstor, FX_EMULATED_UNHANDLEABLE);
	OUTCOME(iret, FX_EMULATED_UNHANDLEABLE);
	OUTCOME(to_dr, FX_EMULATED_UNHANDLEABLE);
	OUTCOME(from_dr, FX_EMULATED_UNHANDLEABLE);
}

static void closed_pages(void)
{
	machine_protect(&machine, MACHINE_DATA / 4096, 0);
	machine_protect(&machine, MACHINE_CODE / 4096, 0);
	BEGIN(load);
	state->rflags |= 0x10000;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_OKAY) && TAP_SAME(state->gpr[FX_RAX], *data()) &&
	       DONE(load) && TAP_SAME(state->rflags & 0x10000, 0),
		"closed pages do not matter, RF is gone after");
	BEGIN(add_memory);
	state->gpr[FX_RAX] = 1;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_OKAY) && TAP_SAME(*data(), 0x0123456789abcdf0),
		"a locked read-modify-write");
	BEGIN(lea);
	tap_ok(TAP_SAME(simply(), FX_EMULATED_OKAY) && DONE(lea), "lea");
	BEGIN(call);
	tap_ok(TAP_SAME(simply(), FX_EMULATED_OKAY) && TAP_SAME(state->rip, MACHINE_DATA) &&
	       TAP_SAME(*machine_word(&machine, MACHINE_STACK - 8), MACHINE_CODE + 2), "a call");
	machine_protect(&machine, MACHINE_DATA / 4096, 7);
	machine_protect(&machine, MACHINE_CODE / 4096, 7);
	BEGIN(load);
	machine.remapped = MACHINE_DATA / 4096;
	machine.remapped_to = 0x200;
	fx_cpu_flush(vcpu->cpu);
	tap_ok(TAP_SAME(simply(), FX_EMULATED_OKAY) && TAP_SAME(state->gpr[FX_RAX], *data()),
		"a remapped page: the host's is read");
	BEGIN(store);
	state->gpr[FX_RAX] = 7;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_OKAY) && TAP_SAME(*data(), 7) &&
	       TAP_SAME(*machine_word(&machine, 0x200000), 0), "and written");
	machine.remapped = 0;
	fx_cpu_flush(vcpu->cpu);
}

static void strings(void)
{
	BEGIN(movs);
	state->gpr[FX_RSI] = MACHINE_DATA;
	state->gpr[FX_RDI] = MACHINE_DATA + 4090;
	state->gpr[FX_RCX] = 100;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_OKAY) && TAP_SAME(state->gpr[FX_RCX], 0) && DONE(movs) &&
	       TAP_SAME(machine.memory[MACHINE_DATA + 4091], 0xcd), "rep movs: whole");
	BEGIN(stos);
	state->gpr[FX_RCX] = 512;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_OKAY) && TAP_SAME(state->gpr[FX_RCX], 0), "rep stos: whole");
	BEGIN(stos);
	state->gpr[FX_RCX] = 100000;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_RETRY) && TAP_SAME(state->rip, MACHINE_CODE) &&
	       TAP_SAME(state->gpr[FX_RCX] < 100000, 1), "with a bound");
	BEGIN(lods);
	state->gpr[FX_RSI] = MACHINE_DATA;
	state->gpr[FX_RCX] = 2;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_RETRY) && TAP_SAME(state->gpr[FX_RCX], 1) &&
	       TAP_SAME(simply(), FX_EMULATED_OKAY) && TAP_SAME(state->gpr[FX_RAX], 0xcd) && DONE(lods),
		"rep lods: an iteration at a time");
	BEGIN(scas);
	state->gpr[FX_RAX] = 0xcd;
	state->gpr[FX_RCX] = 8;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_RETRY) && TAP_SAME(simply(), FX_EMULATED_OKAY) &&
	       TAP_SAME(state->gpr[FX_RCX], 6) && DONE(scas), "repne scas: until it is found");
	BEGIN(cmps);
	state->gpr[FX_RSI] = MACHINE_DATA;
	state->gpr[FX_RCX] = 2;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_RETRY) && TAP_SAME(simply(), FX_EMULATED_OKAY) && DONE(cmps),
		"repe cmps: an iteration at a time");
}

static void read_data(void)
{
	static const uint8_t fake[8] = { 0xed, 0xfe, 0xce, 0xfa, 0xed, 0xfe, 0xce, 0xfa };
	const struct fx_emulation how = { .read_data = fake, .read_size = sizeof(fake) };
	const struct fx_emulation four = { .read_data = fake, .read_size = 4 };

	BEGIN(load);
	tap_ok(TAP_SAME(emulate(&how), FX_EMULATED_OKAY) &&
	       TAP_SAME(state->gpr[FX_RAX], 0xfacefeedfacefeed), "a load gets the monitor's data");
	BEGIN(load);
	tap_ok(TAP_SAME(emulate(&four), FX_EMULATED_OKAY) &&
	       TAP_SAME(state->gpr[FX_RAX], 0xfacefeed), "and zeros behind it");
	BEGIN(compare);
	state->gpr[FX_RAX] = 0xfacefeedfacefeed;
	tap_ok(TAP_SAME(emulate(&how), FX_EMULATED_OKAY) && TAP_SAME(state->rflags >> 6 & 1, 1), "cmp");
	BEGIN(pop);
	tap_ok(TAP_SAME(emulate(&how), FX_EMULATED_OKAY) &&
	       TAP_SAME(state->gpr[FX_RAX], 0xfacefeedfacefeed), "pop");
	BEGIN(compare_exchange);
	state->gpr[FX_RAX] = 0xfacefeedfacefeed;
	state->gpr[FX_RCX] = 99;
	tap_ok(TAP_SAME(emulate(&how), FX_EMULATED_OKAY) && TAP_SAME(*data(), 99) &&
	       TAP_SAME(state->rflags >> 6 & 1, 1), "cmpxchg compares with it");
	BEGIN(movs);
	state->gpr[FX_RSI] = MACHINE_DATA + 64;
	state->gpr[FX_RCX] = 1;
	tap_ok(TAP_SAME(emulate(&how), FX_EMULATED_OKAY) && TAP_SAME(*data() & 0xff, 0xed), "movs");
	BEGIN(add_memory);
	state->gpr[FX_RAX] = 1;
	tap_ok(TAP_SAME(emulate(&how), FX_EMULATED_OKAY) && TAP_SAME(*data(), 0x0123456789abcdf0),
		"a read-modify-write works on the real bytes");
}

static void no_write(void)
{
	const struct fx_emulation how = { .discard_writes = true };

	BEGIN(store);
	tap_ok(TAP_SAME(emulate(&how), FX_EMULATED_OKAY) && TAP_SAME(*data(), 0x0123456789abcdef) &&
	       DONE(store), "a write is dropped");
	BEGIN(add_memory);
	state->gpr[FX_RAX] = 0xfedcba9876543211;
	tap_ok(TAP_SAME(emulate(&how), FX_EMULATED_OKAY) && TAP_SAME(*data(), 0x0123456789abcdef) &&
	       TAP_SAME(state->rflags & 0x41, 0x41), "of a read-modify-write the flags stay");
}

static void instruction_bytes(void)
{
	uint8_t bytes[16];
	const struct fx_emulation how = { .insn_bytes = bytes };

	memcpy(bytes, nops, sizeof(bytes));
	BEGIN(int3);
	tap_ok(TAP_SAME(emulate(&how), FX_EMULATED_OKAY) && TAP_SAME(state->rip, MACHINE_CODE + 2),
		"the monitor's bytes in an int3's place");
	memcpy(bytes, load, 3);
	BEGIN(int3);
	tap_ok(TAP_SAME(emulate(&how), FX_EMULATED_OKAY) && TAP_SAME(state->rip, MACHINE_CODE + 3) &&
	       TAP_SAME(state->gpr[FX_RAX], *data()), "with a memory operand");
	machine_long_mode(&machine, MACHINE_CODE + 4095);
	tap_ok(TAP_SAME(emulate(&how), FX_EMULATED_OKAY) && TAP_SAME(state->rip, MACHINE_CODE + 4098),
		"as the page's last byte");
	memset(bytes, 0x66, sizeof(bytes));
	BEGIN(int3);
	tap_ok(TAP_SAME(emulate(&how), FX_EMULATED_EXCEPTION) && TAP_SAME(state->injection.vector, 13),
		"15 prefixes and no end: #GP");
}

static void exceptions(void)
{
	BEGIN(load);
	state->gpr[FX_RDI] = 8 << 20;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_EXCEPTION) && TAP_SAME(state->injection.vector, 14) &&
	       TAP_SAME(state->injection.cr2, 8 << 20) && TAP_SAME(state->rip, MACHINE_CODE), "#PF");
	BEGIN(divide);
	state->rip += 2;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_EXCEPTION) && TAP_SAME(state->injection.vector, 0), "#DE");
	BEGIN(int3);
	fx_cpu_controls(vcpu->cpu)->breakpoint_exiting = true;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_EXCEPTION) && TAP_SAME(state->injection.vector, 3) &&
	       TAP_SAME(state->injection.type, 6), "int3 itself: #BP, no exit");
	fx_cpu_controls(vcpu->cpu)->breakpoint_exiting = false;
	BEGIN(lea);
	state->rflags |= 0x100;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_EXCEPTION) && TAP_SAME(state->injection.vector, 1) &&
	       DONE(lea), "TF: #DB after it");
}

static void exits(void)
{
	BEGIN(cpuid);
	tap_ok(TAP_SAME(simply(), FX_EMULATED_EXIT) && TAP_SAME(vcpu->exit.reason, FX_EXIT_CPUID) &&
	       TAP_SAME(vcpu->exit.insn_length, 2), "cpuid is the hypervisor's");
	BEGIN(wrmsr);
	state->gpr[FX_RCX] = 0xc0000082;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_EXIT) && TAP_SAME(vcpu->exit.reason, FX_EXIT_MSR_WRITE),
		"wrmsr too");
	BEGIN(mov_cr3);
	fx_cpu_controls(vcpu->cpu)->cr3_exiting = true;
	state->gpr[FX_RAX] = 0x4000;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_EXIT) && TAP_SAME(vcpu->exit.reason, FX_EXIT_CR_WRITE) &&
	       TAP_SAME(vcpu->exit.cr.value, 0x4000), "mov to CR3 too");
	BEGIN(sgdt);
	fx_cpu_controls(vcpu->cpu)->descriptor_exiting = true;
	tap_ok(TAP_SAME(simply(), FX_EMULATED_OKAY) && TAP_SAME(*data() & 0xffff, 55),
		"descriptor accesses are done at once");
}

int main(void)
{
	machine_open(&machine, 4);
	outcomes();
	closed_pages();
	strings();
	read_data();
	no_write();
	instruction_bytes();
	exceptions();
	exits();
	machine_close(&machine);
	return tap_done();
}
