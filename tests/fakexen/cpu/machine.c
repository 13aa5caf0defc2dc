/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine.c: the smallest hypervisor. It answers cpuid with zeros, lets every register
 * write through, starts vCPUs by vcpu_op and delivers interrupts. */
#include "tests/fakexen/cpu/machine.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(99);
}

static struct fx_ept_entry lookup(void *opaque, uint64_t gfn, bool host)
{
	struct machine *machine = opaque;
	struct fx_ept_entry entry = { NULL, FX_ACCESS_R | FX_ACCESS_W | FX_ACCESS_X };

	if (gfn >= machine->pages)
		return entry;
	entry.page = machine->memory + gfn * MACHINE_PAGE;
	if (!host)
		entry.access = machine->access[gfn];
	if (!host && machine->remapped && gfn == machine->remapped)
		entry.page = machine->memory + machine->remapped_to * MACHINE_PAGE;
	return entry;
}

static uint64_t tsc(void *opaque)
{
	return ((struct machine *)opaque)->now;
}

void machine_open(struct machine *machine, unsigned int megabytes)
{
	struct fx_cpu_memory memory = { lookup, machine };

	memset(machine, 0, sizeof(*machine));
	machine->pages = megabytes * 256u;
	machine->memory = mmap((void *)MACHINE_LINEAR, machine->pages * MACHINE_PAGE,
		PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	machine->access = malloc(machine->pages);
	if (machine->memory == MAP_FAILED || !machine->access)
		die("no memory");
	memset(machine->access, FX_ACCESS_R | FX_ACCESS_W | FX_ACCESS_X, machine->pages);
	for (unsigned int i = 0; i < MACHINE_CPUS; i++) {
		struct machine_cpu *vcpu = &machine->vcpu[i];

		vcpu->machine = machine;
		fx_cpu_reset(&vcpu->state);
		vcpu->state.apic.id = 2 * i;
		if (fx_cpu_create(&vcpu->cpu, &vcpu->state, &memory, &vcpu->attention, tsc, machine))
			die("fx_cpu_create");
	}
}

void machine_close(struct machine *machine)
{
	for (unsigned int i = 0; i < MACHINE_CPUS; i++)
		fx_cpu_destroy(machine->vcpu[i].cpu);
	munmap(machine->memory, machine->pages * MACHINE_PAGE);
	free(machine->access);
}

void machine_protect(struct machine *machine, uint64_t gfn, uint8_t access)
{
	machine->access[gfn] = access;
	for (unsigned int i = 0; i < MACHINE_CPUS; i++)
		fx_cpu_flush(machine->vcpu[i].cpu);
}

/* The PVH entry point in a PT_NOTE, or 0. */
static uint32_t find_entry(const uint8_t *notes, size_t size)
{
	for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= size;) {
		Elf64_Nhdr note;
		size_t name, value;
		uint32_t entry;

		memcpy(&note, notes + at, sizeof(note));
		name = at + sizeof(note);
		value = name + (note.n_namesz + 3u) / 4 * 4;
		if (note.n_type == 18 && !memcmp(notes + name, "Xen", 4)) {
			memcpy(&entry, notes + value, sizeof(entry));
			return entry;
		}
		at = value + (note.n_descsz + 3u) / 4 * 4;
	}
	return 0;
}

void machine_load(struct machine *machine, const char *path)
{
	FILE *file = fopen(path, "rb");
	static uint8_t image[4 << 20];
	Elf64_Ehdr header;
	uint32_t entry = 0;
	size_t size = file ? fread(image, 1, sizeof(image), file) : 0;

	if (!file || size < sizeof(header) || size == sizeof(image))
		die(path);
	fclose(file);
	memcpy(&header, image, sizeof(header));
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr segment;

		memcpy(&segment, image + header.e_phoff + i * sizeof(segment), sizeof(segment));
		if (segment.p_type == PT_LOAD)
			memcpy(machine->memory + segment.p_paddr, image + segment.p_offset,
				segment.p_filesz);
		if (segment.p_type == PT_NOTE && !entry)
			entry = find_entry(image + segment.p_offset, segment.p_filesz);
	}
	if (!entry)
		die("no PVH entry");
	fx_cpu_pvh_entry(&machine->vcpu[0].state, entry, 0x1000);
	machine->vcpu[0].up = true;
}

/* A gate for each vector to a hlt of its own, with nothing but the frame to show. */
static void make_idt(struct machine *machine)
{
	for (unsigned int vector = 0; vector < 256; vector++) {
		uint64_t *gate = machine_word(machine, MACHINE_IDT + 16 * vector);
		uint64_t stub = MACHINE_STUBS + 16 * vector;

		gate[0] = (stub & 0xffff) | 8 << 16 | 0x8e00ull << 32 | (stub & 0xffff0000) << 32;
		gate[1] = 0;
		machine->memory[stub] = 0xf4;
	}
}

void machine_long_mode(struct machine *machine, uint64_t rip)
{
	struct fx_cpu_state *state = &machine->vcpu[0].state;
	uint64_t *gdt = machine_word(machine, MACHINE_GDT);

	fx_cpu_pvh_entry(state, 0, 0);
	gdt[1] = 0x00af9b000000ffff;
	gdt[2] = 0x00cf93000000ffff;
	gdt[3] = 0x00cff3000000ffff;
	gdt[4] = 0x00affb000000ffff;
	gdt[5] = 0x0000890000000067 | (uint64_t)MACHINE_TSS << 16;
	*machine_word(machine, MACHINE_TSS + 4) = MACHINE_RSP0;
	*machine_word(machine, MACHINE_TSS + 36) = MACHINE_IST1;
	make_idt(machine);
	*machine_word(machine, MACHINE_PML4) = MACHINE_PDPT | 7;
	*machine_word(machine, MACHINE_PDPT) = MACHINE_PD | 7;
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t table = MACHINE_PT + i * MACHINE_PAGE;

		machine_word(machine, MACHINE_PD)[i] = table | 7;
		machine_word(machine, MACHINE_PD)[(MACHINE_LINEAR >> 21) + i] = table | 7;
		for (unsigned int j = 0; j < 512; j++)
			machine_word(machine, table)[j] = (i * 512 + j) << 12 | 7;
	}
	state->gdtr = (struct fx_table){ MACHINE_GDT, 55 };
	state->idtr = (struct fx_table){ MACHINE_IDT, 4095 };
	state->tr = (struct fx_segment){ MACHINE_TSS, 0x67, 40, 0x8b };
	state->cr0 = 0x80010033;
	state->cr3 = MACHINE_PML4;
	state->cr4 = 0x40620;
	state->efer = 0xd01;
	state->segment[FX_CS].selector = 8;
	state->segment[FX_CS].arbytes = 0xa9b;
	state->segment[FX_SS].selector = 16;
	state->gpr[FX_RSP] = MACHINE_STACK;
	state->rip = rip;
	machine->vcpu[0].up = true;
	fx_cpu_flush(machine->vcpu[0].cpu);
}

void machine_user(struct machine *machine)
{
	struct fx_cpu_state *state = &machine->vcpu[0].state;

	state->segment[FX_CS].selector = 35;
	state->segment[FX_CS].arbytes = 0xafb;
	state->segment[FX_SS].selector = 27;
	state->segment[FX_SS].arbytes = 0xcf3;
}

int machine_trapped(const struct machine *machine)
{
	const struct machine_cpu *vcpu = &machine->vcpu[0];
	uint64_t stub = vcpu->state.rip - 1 - MACHINE_STUBS;

	return vcpu->exit.reason == FX_EXIT_HLT && stub % 16 == 0 && stub < 4096 ?
		(int)(stub / 16) : -1;
}

uint64_t *machine_pte(struct machine *machine, uint64_t linear)
{
	return machine_word(machine, MACHINE_PT + linear / MACHINE_PAGE % 1024 * 8);
}

/* vcpu_op(VCPUOP_initialise): struct vcpu_hvm_context in 64-bit mode. */
static int64_t initialise(struct machine *machine, struct machine_cpu *caller, uint64_t id)
{
	struct { uint32_t mode, pad; uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, rip, rflags,
		cr0, cr3, cr4, efer; } context;
	struct fx_cpu_state *state;

	if (id >= MACHINE_CPUS)
		return -2;
	if (fx_cpu_read_linear(caller->cpu, caller->state.gpr[FX_RDX], &context, sizeof(context)))
		return -14;
	state = &machine->vcpu[id].state;
	fx_cpu_pvh_entry(state, 0, 0);
	memcpy(state->gpr, &context.rax, 8 * sizeof(uint64_t));
	state->rip = context.rip;
	state->rflags = context.rflags | 2;
	state->cr0 = context.cr0;
	state->cr3 = context.cr3;
	state->cr4 = context.cr4;
	state->efer = context.efer;
	state->segment[FX_CS].arbytes = 0xa9b;
	return 0;
}

static void hypercall(struct machine *machine, struct machine_cpu *vcpu)
{
	uint64_t *gpr = vcpu->state.gpr;
	int64_t result = -38;

	if (gpr[FX_RAX] == 24 && gpr[FX_RDI] == 0) {
		result = initialise(machine, vcpu, gpr[FX_RSI]);
	} else if (gpr[FX_RAX] == 24 && gpr[FX_RDI] == 1) {
		result = gpr[FX_RSI] < MACHINE_CPUS ? 0 : -2;
		if (!result)
			machine->vcpu[gpr[FX_RSI]].up = true;
	} else if (gpr[FX_RAX] == 29) {
		result = 0;
	} else if (gpr[FX_RAX] == 34 && gpr[FX_RDI] == 24) {
		machine->guest_requests++;
		result = 0;
	}
	gpr[FX_RAX] = (uint64_t)result;
}

/* What an exit asks for; false: the instruction did not complete. */
static bool complete(struct machine *machine, struct machine_cpu *vcpu, enum fx_exit reason)
{
	const struct fx_cpu_exit *exit = &vcpu->exit;
	struct fx_injection undefined = { .vector = 6, .type = 3 };
	uint64_t *gpr = vcpu->state.gpr;

	switch (reason) {
	case FX_EXIT_CPUID:
		gpr[FX_RAX] = gpr[FX_RBX] = gpr[FX_RCX] = gpr[FX_RDX] = 0;
		return true;
	case FX_EXIT_VMCALL:
		hypercall(machine, vcpu);
		return true;
	case FX_EXIT_CR_WRITE:
		return !fx_cpu_write_cr(vcpu->cpu, exit->cr.index, exit->cr.value);
	case FX_EXIT_XSETBV:
		return !fx_cpu_write_xcr0(vcpu->cpu, exit->msr.value);
	case FX_EXIT_MSR_WRITE:
		return !fx_cpu_write_msr(vcpu->cpu, exit->msr.index, exit->msr.value);
	case FX_EXIT_MSR_READ:
		return !fx_cpu_read_msr(vcpu->cpu, exit->msr.index, &gpr[FX_RAX]);
	case FX_EXIT_DESCRIPTOR:
		return !fx_cpu_descriptor(vcpu->cpu);
	case FX_EXIT_IO:
		return true;
	default:
		machine->unknown++;
		fx_cpu_inject(&vcpu->state, &undefined);
		return false;
	}
}

static void serve(struct machine *machine, struct machine_cpu *vcpu, enum fx_exit reason)
{
	vcpu->exits[reason]++;
	if (machine->watch && machine->watch(machine, vcpu, reason))
		return;
	if (reason >= FX_EXIT_CPUID && reason <= FX_EXIT_VMFUNC) {
		if (complete(machine, vcpu, reason))
			fx_cpu_skip(vcpu->cpu, vcpu->exit.insn_length);
	} else if (reason >= FX_EXIT_BREAKPOINT && reason != FX_EXIT_INTERRUPT_WINDOW) {
		machine->unknown++;
		vcpu->up = false;
	}
}

enum fx_exit machine_enter(struct machine_cpu *vcpu, uint64_t budget)
{
	struct fx_cpu_controls *controls = fx_cpu_controls(vcpu->cpu);
	struct fx_cpu_state *state = &vcpu->state;
	int vector;

	fx_apic_tick(state, vcpu->machine->now);
	vector = fx_apic_pending(state);
	controls->interrupt_window = false;
	if (vector >= 0 && fx_cpu_interruptible(state)) {
		fx_apic_accept(state, (uint8_t)vector);
		fx_cpu_inject(state, &(struct fx_injection){ .vector = (uint8_t)vector });
	} else if (vector >= 0) {
		controls->interrupt_window = true;
	}
	return fx_cpu_run(vcpu->cpu, budget, &vcpu->exit);
}

void machine_run(struct machine *machine, unsigned int rounds)
{
	while (rounds--) {
		for (unsigned int i = 0; i < MACHINE_CPUS; i++) {
			struct machine_cpu *vcpu = &machine->vcpu[i];

			if (vcpu->up)
				serve(machine, vcpu, machine_enter(vcpu, 1000));
		}
		machine->now += 1000;
	}
}
