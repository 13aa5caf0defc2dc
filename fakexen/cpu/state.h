/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state.h: the architectural state of one virtual processor. It lies in the model's
 * shared memory, so it holds no pointers. Names are those of the Intel SDM. */
#ifndef FAKEXEN_CPU_STATE_H
#define FAKEXEN_CPU_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum { FX_RAX, FX_RCX, FX_RDX, FX_RBX, FX_RSP, FX_RBP, FX_RSI, FX_RDI,
       FX_R8, FX_R9, FX_R10, FX_R11, FX_R12, FX_R13, FX_R14, FX_R15, FX_GPRS };
enum { FX_ES, FX_CS, FX_SS, FX_DS, FX_FS, FX_GS, FX_SEGMENTS };

struct fx_segment {
	uint64_t base;
	uint32_t limit;
	uint16_t selector;
	uint16_t arbytes;       /* Xen's form: SDM 24.4.1 access rights without bits 8-11 gap */
};

struct fx_table {               /* GDTR, IDTR */
	uint64_t base;
	uint32_t limit;
};

/* One event on its way into the guest: what VM-entry would inject (SDM 24.8.3). */
struct fx_injection {
	bool valid;
	uint8_t vector;
	uint8_t type;           /* X86_EVENTTYPE: 0 external, 2 NMI, 3 hardware exception,
	                         * 4 software interrupt, 5 privileged software exception,
	                         * 6 software exception */
	uint8_t insn_length;    /* for types 4 to 6: the pushed RIP is past the instruction */
	bool has_error_code;
	uint32_t error_code;
	uint64_t cr2;           /* for a page fault; DR6's pending bits for #DB */
};

/* An x2APIC (and xAPIC-less) just large enough for IPIs to itself and to others, EOI
 * and a one-shot or periodic timer in the TSC's ticks. */
struct fx_apic {
	uint64_t apic_base;     /* IA32_APIC_BASE */
	uint64_t icr;           /* the last value written to MSR 0x830 */
	uint32_t id;            /* x2APIC id: whoever resets the processor sets it */
	uint32_t spurious;      /* SVR */
	uint32_t task_priority;
	uint32_t irr[8], isr[8];
	uint32_t lvt_timer, timer_divide;
	uint64_t timer_initial;
	uint64_t timer_deadline; /* in TSC ticks, 0: not armed */
};

struct fx_cpu_state {
	uint64_t gpr[FX_GPRS];
	uint64_t no_gpr;            /* stays 0: what an address has in place of a register */
	uint64_t rip, rflags;
	uint64_t cr0, cr2, cr3, cr4, xcr0;
	uint64_t dr[4], dr6, dr7;
	struct fx_segment segment[FX_SEGMENTS], tr, ldtr;
	struct fx_table gdtr, idtr;
	uint64_t efer, star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t pat, tsc_adjust, tsc_aux, spec_ctrl, debugctl, misc_enable;
	uint64_t pending_dbg;       /* SDM 24.4.2 */
	uint32_t interruptibility;  /* bit 0: STI, bit 1: MOV SS */
	bool halted;
	struct fx_injection injection;
	struct fx_apic apic;
	uint8_t fxsave[512] __attribute__((aligned(64))); /* legacy area: x87, MXCSR, XMM */
	uint8_t ymm_high[256];
};

#endif
