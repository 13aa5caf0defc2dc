/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu.h: a processor with VMX's shape. It runs guest code until something happens
 * that a hypervisor sees, and says what; the hypervisor acts and runs it again. It
 * knows guest-physical memory only through fx_cpu_memory, and nothing of Xen. */
#ifndef FAKEXEN_CPU_CPU_H
#define FAKEXEN_CPU_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fakexen/cpu/state.h"

enum { FX_ACCESS_R = 1, FX_ACCESS_W = 2, FX_ACCESS_X = 4 };

/* The bits of CR4 that this processor has: VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR
 * OSXMMEXCPT UMIP FSGSBASE PCIDE OSXSAVE SMEP. */
#define FX_CR4_VALID 0x170fffull

/* What a guest frame is, as an extended page table would say. */
struct fx_ept_entry {
	uint8_t *page;          /* 4096 bytes; NULL: nothing there (reads all ones) */
	uint8_t access;         /* FX_ACCESS_...: what the current view allows */
};

/* The processor's way to guest-physical memory. `lookup` is asked at each miss of the
 * processor's own translation cache, which only fx_cpu_flush() empties. `host` asks for
 * the host's p2m with every access allowed: what Xen's emulator works on. */
struct fx_cpu_memory {
	struct fx_ept_entry (*lookup)(void *opaque, uint64_t gfn, bool host);
	void *opaque;
};

/* What makes the processor leave the guest besides what always does (SDM 25.1). */
struct fx_cpu_controls {
	bool cr3_exiting;
	bool descriptor_exiting;        /* lgdt, sgdt, lidt, sidt, lldt, sldt, ltr, str */
	bool breakpoint_exiting;        /* #BP raised by int3 */
	bool debug_exiting;             /* #DB */
	bool monitor_trap;              /* leave after one instruction */
	bool interrupt_window;          /* leave as soon as an interrupt could be taken */
	bool (*msr_write_exits)(void *opaque, uint32_t msr); /* NULL: every wrmsr exits */
	void *opaque;
};

enum fx_exit {
	FX_EXIT_BUDGET,         /* `budget` instructions are done */
	FX_EXIT_ATTENTION,      /* *attention became non-zero */
	FX_EXIT_HLT,            /* RIP is past the hlt; state->halted is set */
	FX_EXIT_PAUSE,          /* RIP past it; a spinning guest gives way */
	FX_EXIT_CPUID,          /* this and the following: RIP is still at the instruction, */
	FX_EXIT_VMCALL,         /* exit->insn_length says how long it is */
	FX_EXIT_CR_WRITE,       /* exit->cr: CR0, CR3, CR4 (lmsw and clts too) */
	FX_EXIT_XSETBV,         /* exit->msr: index (must be 0) and value */
	FX_EXIT_MSR_WRITE,      /* exit->msr */
	FX_EXIT_MSR_READ,       /* an MSR that the processor itself does not hold */
	FX_EXIT_DESCRIPTOR,     /* exit->descriptor */
	FX_EXIT_IO,             /* exit->io */
	FX_EXIT_VMFUNC,
	FX_EXIT_BREAKPOINT,     /* #BP: exit->exception; RIP at the int3 */
	FX_EXIT_DEBUG,          /* #DB: exit->exception; a trap's RIP is past the instruction */
	FX_EXIT_EPT,            /* exit->ept: an access that the view does not allow;
	                         * nothing of the instruction has happened */
	FX_EXIT_MONITOR_TRAP,   /* one instruction (or one REP iteration) is done */
	FX_EXIT_INTERRUPT_WINDOW,
	FX_EXIT_TRIPLE_FAULT,
	FX_EXIT_UNKNOWN,        /* not in the interpreter's subset: the hypervisor logs it
	                         * (exit->bytes) and injects #UD */
	FX_EXITS
};

struct fx_cpu_exit {
	enum fx_exit reason;
	uint32_t insn_length;
	uint8_t bytes[15], byte_count;          /* of the instruction */
	union {
		struct { uint32_t index; uint64_t value; } cr;
		struct { uint32_t index; uint64_t value; } msr;
		struct {
			uint8_t descriptor;     /* 1 IDTR, 2 GDTR, 3 LDTR, 4 TR: VM_EVENT_DESC_ */
			bool is_write;
			uint32_t instr_info;    /* SDM tables 27-12 and 27-13 */
			uint64_t qualification; /* the displacement */
		} descriptor;
		struct { uint16_t port; uint8_t bytes; bool in, string, rep; } io;
		struct {
			uint8_t vector, type;
			uint64_t pending_dbg;   /* DR6's bits for #DB */
			bool icebp;             /* int1 */
		} exception;
		struct {
			uint64_t gpa, gla;
			uint8_t access;         /* what was tried: FX_ACCESS_...; W comes with R */
			bool gla_valid;
			bool in_page_table;     /* the walk itself faulted; else the access to gla */
			bool in_event_delivery; /* while pushing an exception's or interrupt's frame */
		} ept;
	};
};

struct fx_cpu;          /* private to its process: translation cache, decoded blocks */

/* Creates a processor around state that lies elsewhere (in shared memory). `attention`
 * is polled between blocks (relaxed); `tsc` is asked by rdtsc. 0 or -ENOMEM. */
int fx_cpu_create(struct fx_cpu **cpu, struct fx_cpu_state *state,
	const struct fx_cpu_memory *memory, const uint32_t *attention,
	uint64_t (*tsc)(void *opaque), void *tsc_opaque);
void fx_cpu_destroy(struct fx_cpu *cpu);

/* Decoded blocks that several processors use, which one thread runs: they mostly execute the
 * same code, and one copy of it stays in the host's cache. It outlives them. NULL: no memory. */
struct fx_code *fx_code_create(void);
void fx_code_destroy(struct fx_code *code);
void fx_cpu_use_code(struct fx_cpu *cpu, struct fx_code *code);

/* The controls are the hypervisor's to change between two runs. */
struct fx_cpu_controls *fx_cpu_controls(struct fx_cpu *cpu);

/* Forgets all translations (the p2m, the view or a page's access has changed). */
void fx_cpu_flush(struct fx_cpu *cpu);
/* Guest memory was written from outside: throws decoded code of that page away. Code
 * written by any fx_cpu of this process through its own stores is noticed by itself;
 * for writes by other processes the block cache compares bytes before it reuses a block
 * after fx_cpu_flush(); see block.c for how. */
void fx_cpu_invalidate_code(struct fx_cpu *cpu, const uint8_t *page);

/* Runs at most `budget` instructions. Delivers state->injection first. */
enum fx_exit fx_cpu_run(struct fx_cpu *cpu, uint64_t budget, struct fx_cpu_exit *exit);

/* How to execute one instruction on the hypervisor's behalf: what Xen's emulator does for
 * VM_EVENT_FLAG_EMULATE and its kin. Works on the host's p2m without access checks. */
struct fx_emulation {
	const uint8_t *insn_bytes;      /* 16 bytes instead of memory's, or NULL */
	const uint8_t *read_data;       /* served to loads, or NULL: SET_EMUL_READ_DATA */
	uint32_t read_size;
	bool discard_writes;            /* EMULATE_NOWRITE */
};
enum fx_emulated {
	FX_EMULATED_OKAY,
	FX_EMULATED_RETRY,              /* a REP with iterations left: run it again */
	FX_EMULATED_EXIT,               /* *exit says what the hypervisor has to complete */
	FX_EMULATED_EXCEPTION,          /* state->injection holds the guest's exception */
	FX_EMULATED_UNIMPLEMENTED,      /* Xen's X86EMUL_UNIMPLEMENTED (xsave, rdpmc, vmcall) */
	FX_EMULATED_UNHANDLEABLE        /* X86EMUL_UNHANDLEABLE: #UD in the guest */
};
enum fx_emulated fx_cpu_emulate(struct fx_cpu *cpu, const struct fx_emulation *how,
	struct fx_cpu_exit *exit);

/* Completing exits. They check what hardware would check: 0, or the exception that is
 * now in state->injection (-EFAULT). They do not move RIP: fx_cpu_skip() does, and clears
 * the interrupt shadow (and raises a single-step #DB if TF was set). */
int fx_cpu_write_cr(struct fx_cpu *cpu, uint32_t index, uint64_t value);
int fx_cpu_write_xcr0(struct fx_cpu *cpu, uint64_t value);
int fx_cpu_write_msr(struct fx_cpu *cpu, uint32_t msr, uint64_t value);
int fx_cpu_read_msr(struct fx_cpu *cpu, uint32_t msr, uint64_t *value);
/* Carries out the descriptor-table instruction at RIP that has just exited. */
int fx_cpu_descriptor(struct fx_cpu *cpu);
void fx_cpu_skip(struct fx_cpu *cpu, uint32_t insn_length);

/* Puts an event into state->injection, or (two contributory exceptions) makes it #DF. */
void fx_cpu_inject(struct fx_cpu_state *state, const struct fx_injection *injection);
/* Whether an external interrupt could be taken now; the highest pending vector or -1. */
bool fx_cpu_interruptible(const struct fx_cpu_state *state);
int fx_apic_pending(const struct fx_cpu_state *state);
void fx_apic_accept(struct fx_cpu_state *state, uint8_t vector);    /* IRR to ISR */
void fx_apic_raise(struct fx_cpu_state *state, uint8_t vector);
/* Fires the timer if its deadline has passed; returns the next deadline or 0. */
uint64_t fx_apic_tick(struct fx_cpu_state *state, uint64_t tsc);
/* An IPI that a write to the x2APIC's ICR asked for, for the hypervisor to route to
 * other processors: polled after FX_EXIT_MSR_WRITE of 0x830. Self-IPIs are done inside. */

/* Guest-linear memory as the guest's kernel sees it, through the host's p2m: 0 or -EFAULT. */
int fx_cpu_read_linear(struct fx_cpu *cpu, uint64_t linear, void *to, size_t size);
int fx_cpu_write_linear(struct fx_cpu *cpu, uint64_t linear, const void *from, size_t size);
/* Translates RIP or another linear address to a guest-physical one, or -EFAULT. */
int fx_cpu_translate(struct fx_cpu *cpu, uint64_t linear, uint64_t *gpa);

/* The state at power-on and at a PVH start (Xen's docs/misc/pvh.pandoc). */
void fx_cpu_reset(struct fx_cpu_state *state);
void fx_cpu_pvh_entry(struct fx_cpu_state *state, uint32_t entry, uint32_t start_info);

#endif
