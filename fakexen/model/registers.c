/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registers.c: see registers.h. */
#include "fakexen/model/registers.h"

#include <string.h>

#define GRANULAR 0x800  /* G, in the packed form of the access rights */

/* The general registers lie in the message in the order in which they are numbered. */
_Static_assert(offsetof(struct vm_event_regs_x86, r15) == 8 * FX_R15, "registers in order");
_Static_assert(offsetof(struct vm_event_regs_x86, rsp) == 8 * FX_RSP, "registers in order");

static inline struct vm_event_x86_selector_reg pack(const struct fx_segment *segment)
{
	uint32_t limit = segment->arbytes & GRANULAR ? segment->limit >> 12 : segment->limit;

	return (struct vm_event_x86_selector_reg){ .limit = limit, .ar = segment->arbytes };
}

static void fill_segments(struct vm_event_regs_x86 *to, const struct fx_segment *segment)
{
	to->cs_base = segment[FX_CS].base;
	to->ss_base = segment[FX_SS].base;
	to->ds_base = segment[FX_DS].base;
	to->es_base = segment[FX_ES].base;
	to->fs_base = segment[FX_FS].base;
	to->gs_base = segment[FX_GS].base;
	to->cs = pack(&segment[FX_CS]);
	to->ss = pack(&segment[FX_SS]);
	to->ds = pack(&segment[FX_DS]);
	to->es = pack(&segment[FX_ES]);
	to->fs = pack(&segment[FX_FS]);
	to->gs = pack(&segment[FX_GS]);
	to->cs_sel = segment[FX_CS].selector;
	to->ss_sel = segment[FX_SS].selector;
	to->ds_sel = segment[FX_DS].selector;
	to->es_sel = segment[FX_ES].selector;
	to->fs_sel = segment[FX_FS].selector;
	to->gs_sel = segment[FX_GS].selector;
	to->_pad = 0;
}

void fx_registers_fill(struct vm_event_regs_x86 *to, const struct fx_vcpu *vcpu)
{
	const struct fx_cpu_state *cpu = &vcpu->cpu;

	memcpy(to, cpu->gpr, sizeof(cpu->gpr));
	to->rflags = cpu->rflags;
	to->dr6 = 0;
	to->dr7 = vcpu->reported_dr7;
	to->rip = cpu->rip;
	to->cr0 = cpu->cr0;
	to->cr2 = cpu->cr2;
	to->cr3 = cpu->cr3;
	to->cr4 = cpu->cr4;
	to->sysenter_cs = cpu->sysenter_cs;
	to->sysenter_esp = cpu->sysenter_esp;
	to->sysenter_eip = cpu->sysenter_eip;
	to->msr_efer = cpu->efer;
	to->msr_star = cpu->star;
	to->msr_lstar = cpu->lstar;
	to->gdtr_base = cpu->gdtr.base;
	to->npt_base = 0;
	to->vmtrace_pos = ~0ull;
	fill_segments(to, cpu->segment);
	to->shadow_gs = cpu->kernel_gs_base;
	to->gdtr_limit = cpu->gdtr.limit;
}

void fx_registers_take(struct fx_vcpu_answer *to, const struct vm_event_regs_x86 *from)
{
	memcpy(to->gpr, from, sizeof(to->gpr));
	to->rflags = from->rflags;
	to->rip = from->rip;
	to->set_registers = true;
}
