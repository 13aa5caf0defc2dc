/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine.h: the smallest hypervisor that a guest runs under: some memory, one page table
 * of the second stage per machine, and processors that share them. */
#ifndef TESTS_FAKEXEN_CPU_MACHINE_H
#define TESTS_FAKEXEN_CPU_MACHINE_H

#include "fakexen/cpu/cpu.h"

enum {
	MACHINE_CPUS = 4, MACHINE_PAGE = 4096,
	/* machine_long_mode(): what lies where in guest-physical memory, whose first 4 MiB are
	 * mapped at 0 and at MACHINE_LINEAR, writable by everybody */
	MACHINE_GDT = 0x1000,           /* 8 code, 16 data, 24 user data, 32 user code, 40 TSS */
	MACHINE_TSS = 0x1800, MACHINE_IDT = 0x2000, MACHINE_STUBS = 0x3000, MACHINE_PML4 = 0x4000,
	MACHINE_PDPT = 0x5000, MACHINE_PD = 0x6000, MACHINE_PT = 0x7000,
	MACHINE_STACK = 0x10000, MACHINE_RSP0 = 0x12000, MACHINE_IST1 = 0x14000,
	MACHINE_CODE = 0x20000, MACHINE_DATA = 0x30000,
	/* where the memory is in our own address space too, if the kernel lets us have it */
	MACHINE_LINEAR = 0x10000000
};

struct machine_cpu {
	struct machine *machine;
	struct fx_cpu_state state;
	struct fx_cpu *cpu;
	struct fx_cpu_exit exit;
	uint32_t attention;
	bool up;
	uint64_t exits[FX_EXITS];
};

struct machine {
	uint8_t *memory;
	uint64_t pages;
	uint8_t *access;                /* of each page: FX_ACCESS_... */
	uint64_t remapped, remapped_to; /* a frame whose page in the view is another; 0: none */
	uint64_t now;                   /* the TSC, moved on by the machine */
	struct machine_cpu vcpu[MACHINE_CPUS];
	uint64_t guest_requests, unknown;
	/* Sees every exit before the machine does; true: it has dealt with it. */
	bool (*watch)(struct machine *machine, struct machine_cpu *vcpu, enum fx_exit reason);
};

/* Fails by exiting: a test cannot go on without it. */
void machine_open(struct machine *machine, unsigned int megabytes);
void machine_close(struct machine *machine);
/* Loads a PVH ELF and leaves vCPU 0 at its entry. */
void machine_load(struct machine *machine, const char *path);
/* Leaves vCPU 0 in flat 64-bit mode at `rip`, every vector with a handler that halts. */
void machine_long_mode(struct machine *machine, uint64_t rip);
/* Takes vCPU 0 from there to CPL 3. */
void machine_user(struct machine *machine);
/* The vector in whose handler vCPU 0 has just halted, or -1. */
int machine_trapped(const struct machine *machine);
/* The page-table entry of a linear address below 4 MiB. */
uint64_t *machine_pte(struct machine *machine, uint64_t linear);
/* Runs one processor for at most `budget` instructions, or to the next exit. */
enum fx_exit machine_enter(struct machine_cpu *vcpu, uint64_t budget);
/* Runs all processors by turns, dealing with exits, for `rounds` turns of 1000 instructions. */
void machine_run(struct machine *machine, unsigned int rounds);
void machine_protect(struct machine *machine, uint64_t gfn, uint8_t access);

/* A word of guest memory, which need not be aligned. */
typedef uint64_t machine_u64 __attribute__((aligned(1)));

static inline machine_u64 *machine_word(struct machine *machine, uint64_t gpa)
{
	return (uint64_t *)(void *)(machine->memory + gpa);
}

#endif
