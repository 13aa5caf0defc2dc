/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hvm_record.c: see hvm_record.h. What is checked on loading is what Xen checks. */
#include "fakexen/hypercalls/hvm_record.h"

#include <errno.h>
#include <string.h>

/* ---- CPU ---- */

#define CR0_KNOWN 0xe005003fu
#define CR0_PE (1u << 0)
#define CR0_ET (1u << 4)
#define CR0_PG (1u << 31)
#define CR4_KNOWN 0x001507ffu           /* of the default CPUID policy */
#define EFER_KNOWN 0x00000d01u
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define PHYSICAL_BITS 39

/* One segment's four members of struct hvm_hw_cpu. */
#define SAVE_SEGMENT(cpu, name, segment) do {                                          \
		(cpu)->name##_sel = (segment)->selector;                               \
		(cpu)->name##_limit = (segment)->limit;                                \
		(cpu)->name##_base = (segment)->base;                                  \
		(cpu)->name##_arbytes = (segment)->arbytes;                            \
	} while (0)
#define LOAD_SEGMENT(cpu, name, segment) do {                                          \
		(segment)->selector = (cpu)->name##_sel;                               \
		(segment)->limit = (cpu)->name##_limit;                                \
		(segment)->base = (cpu)->name##_base;                                  \
		(segment)->arbytes = unfold((cpu)->name##_arbytes);                    \
	} while (0)

/* Old Xens wrote access rights as the VMCS has them, with a gap. */
static uint16_t unfold(uint32_t arbytes)
{
	if ((arbytes & 0xf000) && !(arbytes & 0x0f00))
		return (arbytes & 0xff) | ((arbytes >> 4) & 0xf00);
	return arbytes;
}

static void save_general(const struct fx_cpu_state *state, struct hvm_hw_cpu *cpu)
{
	cpu->rax = state->gpr[FX_RAX];
	cpu->rbx = state->gpr[FX_RBX];
	cpu->rcx = state->gpr[FX_RCX];
	cpu->rdx = state->gpr[FX_RDX];
	cpu->rbp = state->gpr[FX_RBP];
	cpu->rsi = state->gpr[FX_RSI];
	cpu->rdi = state->gpr[FX_RDI];
	cpu->rsp = state->gpr[FX_RSP];
	cpu->r8 = state->gpr[FX_R8];
	cpu->r9 = state->gpr[FX_R9];
	cpu->r10 = state->gpr[FX_R10];
	cpu->r11 = state->gpr[FX_R11];
	cpu->r12 = state->gpr[FX_R12];
	cpu->r13 = state->gpr[FX_R13];
	cpu->r14 = state->gpr[FX_R14];
	cpu->r15 = state->gpr[FX_R15];
	cpu->rip = state->rip;
	cpu->rflags = state->rflags;
}

static void load_general(struct fx_cpu_state *state, const struct hvm_hw_cpu *cpu)
{
	state->gpr[FX_RAX] = cpu->rax;
	state->gpr[FX_RBX] = cpu->rbx;
	state->gpr[FX_RCX] = cpu->rcx;
	state->gpr[FX_RDX] = cpu->rdx;
	state->gpr[FX_RBP] = cpu->rbp;
	state->gpr[FX_RSI] = cpu->rsi;
	state->gpr[FX_RDI] = cpu->rdi;
	state->gpr[FX_RSP] = cpu->rsp;
	state->gpr[FX_R8] = cpu->r8;
	state->gpr[FX_R9] = cpu->r9;
	state->gpr[FX_R10] = cpu->r10;
	state->gpr[FX_R11] = cpu->r11;
	state->gpr[FX_R12] = cpu->r12;
	state->gpr[FX_R13] = cpu->r13;
	state->gpr[FX_R14] = cpu->r14;
	state->gpr[FX_R15] = cpu->r15;
	state->rip = cpu->rip;
	state->rflags = cpu->rflags | 2;
}

static void save_control(const struct fx_cpu_state *state, struct hvm_hw_cpu *cpu)
{
	cpu->cr0 = state->cr0;
	cpu->cr2 = state->cr2;
	cpu->cr3 = state->cr3;
	cpu->cr4 = state->cr4;
	cpu->dr0 = state->dr[0];
	cpu->dr1 = state->dr[1];
	cpu->dr2 = state->dr[2];
	cpu->dr3 = state->dr[3];
	cpu->dr6 = state->dr6;
	cpu->dr7 = state->dr7;
	cpu->sysenter_cs = state->sysenter_cs;
	cpu->sysenter_esp = state->sysenter_esp;
	cpu->sysenter_eip = state->sysenter_eip;
	cpu->shadow_gs = state->kernel_gs_base;
	cpu->msr_lstar = state->lstar;
	cpu->msr_star = state->star;
	cpu->msr_cstar = state->cstar;
	cpu->msr_syscall_mask = state->sfmask;
	cpu->msr_efer = state->efer;
	cpu->msr_tsc_aux = state->tsc_aux;
}

static void load_control(struct fx_cpu_state *state, const struct hvm_hw_cpu *cpu)
{
	state->cr0 = cpu->cr0;
	state->cr2 = cpu->cr2;
	state->cr3 = cpu->cr3;
	state->cr4 = cpu->cr4;
	state->dr[0] = cpu->dr0;
	state->dr[1] = cpu->dr1;
	state->dr[2] = cpu->dr2;
	state->dr[3] = cpu->dr3;
	state->dr6 = cpu->dr6;
	state->dr7 = cpu->dr7;
	state->sysenter_cs = cpu->sysenter_cs;
	state->sysenter_esp = cpu->sysenter_esp;
	state->sysenter_eip = cpu->sysenter_eip;
	state->kernel_gs_base = cpu->shadow_gs;
	state->lstar = cpu->msr_lstar;
	state->star = cpu->msr_star;
	state->cstar = cpu->msr_cstar;
	state->sfmask = cpu->msr_syscall_mask;
	state->efer = cpu->msr_efer;
	state->tsc_aux = cpu->msr_tsc_aux;
}

static void save_segments(const struct fx_cpu_state *state, struct hvm_hw_cpu *cpu)
{
	SAVE_SEGMENT(cpu, es, &state->segment[FX_ES]);
	SAVE_SEGMENT(cpu, cs, &state->segment[FX_CS]);
	SAVE_SEGMENT(cpu, ss, &state->segment[FX_SS]);
	SAVE_SEGMENT(cpu, ds, &state->segment[FX_DS]);
	SAVE_SEGMENT(cpu, fs, &state->segment[FX_FS]);
	SAVE_SEGMENT(cpu, gs, &state->segment[FX_GS]);
	SAVE_SEGMENT(cpu, tr, &state->tr);
	SAVE_SEGMENT(cpu, ldtr, &state->ldtr);
	cpu->gdtr_base = state->gdtr.base;
	cpu->gdtr_limit = state->gdtr.limit;
	cpu->idtr_base = state->idtr.base;
	cpu->idtr_limit = state->idtr.limit;
}

static void load_segments(struct fx_cpu_state *state, const struct hvm_hw_cpu *cpu)
{
	LOAD_SEGMENT(cpu, es, &state->segment[FX_ES]);
	LOAD_SEGMENT(cpu, cs, &state->segment[FX_CS]);
	LOAD_SEGMENT(cpu, ss, &state->segment[FX_SS]);
	LOAD_SEGMENT(cpu, ds, &state->segment[FX_DS]);
	LOAD_SEGMENT(cpu, fs, &state->segment[FX_FS]);
	LOAD_SEGMENT(cpu, gs, &state->segment[FX_GS]);
	LOAD_SEGMENT(cpu, tr, &state->tr);
	LOAD_SEGMENT(cpu, ldtr, &state->ldtr);
	state->gdtr.base = cpu->gdtr_base;
	state->gdtr.limit = cpu->gdtr_limit;
	state->idtr.base = cpu->idtr_base;
	state->idtr.limit = cpu->idtr_limit;
}

static void save_pending(const struct fx_cpu_state *state, struct hvm_hw_cpu *cpu)
{
	const struct fx_injection *injection = &state->injection;

	if (!injection->valid)
		return;
	cpu->pending_valid = 1;
	cpu->pending_vector = injection->vector;
	cpu->pending_type = injection->type;
	cpu->pending_error_valid = injection->has_error_code;
	cpu->error_code = injection->error_code;
}

/* What an instruction raises comes again by itself when the instruction runs again. */
static bool needs_injection(const struct hvm_hw_cpu *cpu)
{
	enum { EXTERNAL, NMI = 2, HARDWARE_EXCEPTION = 3 };

	return cpu->pending_valid && (cpu->pending_type == EXTERNAL || cpu->pending_type == NMI ||
		(cpu->pending_type == HARDWARE_EXCEPTION && cpu->pending_vector != 3 &&
		 cpu->pending_vector != 4));
}

static void load_pending(struct fx_cpu_state *state, const struct hvm_hw_cpu *cpu)
{
	state->injection = (struct fx_injection){ .valid = needs_injection(cpu),
		.vector = cpu->pending_vector, .type = cpu->pending_type,
		.has_error_code = cpu->pending_error_valid, .error_code = cpu->error_code,
		.cr2 = cpu->pending_vector == 14 ? cpu->cr2 : 0 };
}

static uint32_t save_cpu(const struct fx_caller *caller, const struct fx_vcpu *vcpu, void *to)
{
	struct hvm_hw_cpu *cpu = to;

	if (!vcpu->up)
		return 0;
	save_general(&vcpu->cpu, cpu);
	save_control(&vcpu->cpu, cpu);
	save_segments(&vcpu->cpu, cpu);
	save_pending(&vcpu->cpu, cpu);
	_Static_assert(sizeof(cpu->fpu_regs) == sizeof(vcpu->cpu.fxsave), "FXSAVE's image");
	memcpy(cpu->fpu_regs, vcpu->cpu.fxsave, sizeof(cpu->fpu_regs));
	cpu->flags = XEN_X86_FPU_INITIALISED;
	cpu->tsc = caller->host->now(caller->host->opaque) + vcpu->cpu.tsc_adjust;
	return sizeof(*cpu);
}

static bool control_registers_valid(const struct hvm_hw_cpu *cpu)
{
	bool paging = cpu->cr0 & CR0_PG;

	if ((cpu->cr0 & ~(uint64_t)CR0_KNOWN) || !(cpu->cr0 & CR0_ET) ||
		(paging && !(cpu->cr0 & CR0_PE)))
		return false;
	if ((cpu->cr4 & ~(uint64_t)CR4_KNOWN) || cpu->cr3 >> PHYSICAL_BITS)
		return false;
	if (cpu->msr_efer & ~(uint64_t)EFER_KNOWN)
		return false;
	return !(cpu->msr_efer & EFER_LMA) || ((cpu->msr_efer & EFER_LME) && paging);
}

static int load_cpu(struct fx_vcpu *vcpu, const void *from, uint32_t length)
{
	struct hvm_hw_cpu cpu = { 0 };

	memcpy(&cpu, from, length < sizeof cpu ? length : sizeof cpu);
	if (cpu.pad0 || (cpu.flags & ~XEN_X86_FPU_INITIALISED) ||
		cpu.msr_tsc_aux != (uint32_t)cpu.msr_tsc_aux || !control_registers_valid(&cpu))
		return -EINVAL;
	load_general(&vcpu->cpu, &cpu);
	load_control(&vcpu->cpu, &cpu);
	load_segments(&vcpu->cpu, &cpu);
	load_pending(&vcpu->cpu, &cpu);
	if (cpu.flags & XEN_X86_FPU_INITIALISED)
		memcpy(vcpu->cpu.fxsave, cpu.fpu_regs, sizeof(vcpu->cpu.fxsave));
	vcpu->exists = vcpu->up = true;
	return 0;
}

/* ---- the local APIC ---- */

#define APIC_VERSION 0x00050014u
enum { APIC_ID = 0x20, APIC_LVR = 0x30, APIC_TPR = 0x80, APIC_DFR = 0xe0, APIC_SPIV = 0xf0,
       APIC_ISR = 0x100, APIC_IRR = 0x200, APIC_ICR = 0x300, APIC_ICR2 = 0x310,
       APIC_LVTT = 0x320, APIC_LVT_FIRST = 0x330, APIC_LVT_LAST = 0x370, APIC_TMICT = 0x380,
       APIC_TDCR = 0x3e0 };
#define APIC_LVT_MASKED 0x10000u
#define APIC_BASE_X2APIC (1u << 10)

static void put_register(struct hvm_hw_lapic_regs *regs, unsigned int offset, uint32_t value)
{
	memcpy(&regs->data[offset], &value, sizeof value);
}

static uint32_t get_register(const struct hvm_hw_lapic_regs *regs, unsigned int offset)
{
	uint32_t value;

	memcpy(&value, &regs->data[offset], sizeof value);
	return value;
}

static uint32_t save_lapic(const struct fx_caller *caller, const struct fx_vcpu *vcpu, void *to)
{
	struct hvm_hw_lapic *lapic = to;

	(void)caller;
	lapic->apic_base_msr = vcpu->cpu.apic.apic_base;
	lapic->timer_divisor = 2;
	if ((vcpu->cpu.apic.timer_divide & 0xb) == 0xb)
		lapic->timer_divisor = 1;
	else
		lapic->timer_divisor <<= (vcpu->cpu.apic.timer_divide & 3) |
			(vcpu->cpu.apic.timer_divide & 8) >> 1;
	return sizeof(*lapic);
}

static int load_lapic(struct fx_vcpu *vcpu, const void *from, uint32_t length)
{
	const struct hvm_hw_lapic *lapic = from;

	(void)length;
	vcpu->cpu.apic.apic_base = lapic->apic_base_msr;
	return 0;
}

static uint32_t save_lapic_regs(const struct fx_caller *caller, const struct fx_vcpu *vcpu,
	void *to)
{
	const struct fx_apic *apic = &vcpu->cpu.apic;
	struct hvm_hw_lapic_regs *regs = to;

	(void)caller;
	put_register(regs, APIC_ID, apic->apic_base & APIC_BASE_X2APIC ? apic->id : apic->id << 24);
	put_register(regs, APIC_LVR, APIC_VERSION);
	put_register(regs, APIC_TPR, apic->task_priority);
	put_register(regs, APIC_DFR, UINT32_MAX);
	put_register(regs, APIC_SPIV, apic->spurious);
	for (unsigned int i = 0; i < 8; i++) {
		put_register(regs, APIC_ISR + 0x10 * i, apic->isr[i]);
		put_register(regs, APIC_IRR + 0x10 * i, apic->irr[i]);
	}
	put_register(regs, APIC_ICR, apic->icr);
	put_register(regs, APIC_ICR2, apic->icr >> 32);
	put_register(regs, APIC_LVTT, apic->lvt_timer);
	for (unsigned int offset = APIC_LVT_FIRST; offset <= APIC_LVT_LAST; offset += 0x10)
		put_register(regs, offset, APIC_LVT_MASKED);
	put_register(regs, APIC_TMICT, apic->timer_initial);
	put_register(regs, APIC_TDCR, apic->timer_divide);
	return sizeof(*regs);
}

static int load_lapic_regs(struct fx_vcpu *vcpu, const void *from, uint32_t length)
{
	const struct hvm_hw_lapic_regs *regs = from;
	struct fx_apic *apic = &vcpu->cpu.apic;

	(void)length;
	apic->task_priority = get_register(regs, APIC_TPR);
	apic->spurious = get_register(regs, APIC_SPIV);
	for (unsigned int i = 0; i < 8; i++) {
		apic->isr[i] = get_register(regs, APIC_ISR + 0x10 * i);
		apic->irr[i] = get_register(regs, APIC_IRR + 0x10 * i);
	}
	apic->icr = get_register(regs, APIC_ICR) | (uint64_t)get_register(regs, APIC_ICR2) << 32;
	apic->lvt_timer = get_register(regs, APIC_LVTT);
	apic->timer_initial = get_register(regs, APIC_TMICT);
	apic->timer_divide = get_register(regs, APIC_TDCR);
	return 0;
}

/* ---- what every domain has, and never uses: interrupt wires, MTRRs, machine checks ---- */

static uint32_t save_pci_irq(const struct fx_caller *caller, const struct fx_vcpu *vcpu, void *to)
{
	(void)caller, (void)vcpu, (void)to;
	return sizeof(struct hvm_hw_pci_irqs);
}

static uint32_t save_isa_irq(const struct fx_caller *caller, const struct fx_vcpu *vcpu, void *to)
{
	(void)caller, (void)vcpu, (void)to;
	return sizeof(struct hvm_hw_isa_irqs);
}

static uint32_t save_pci_link(const struct fx_caller *caller, const struct fx_vcpu *vcpu, void *to)
{
	(void)caller, (void)vcpu, (void)to;
	return sizeof(struct hvm_hw_pci_link);
}

/* Only what is not connected can be loaded. */
static int load_nothing(struct fx_vcpu *vcpu, const void *from, uint32_t length)
{
	const uint8_t *bytes = from;

	(void)vcpu;
	for (uint32_t i = 0; i < length; i++)
		if (bytes[i])
			return -EINVAL;
	return 0;
}

static uint32_t save_mtrr(const struct fx_caller *caller, const struct fx_vcpu *vcpu, void *to)
{
	struct hvm_hw_mtrr *mtrr = to;

	(void)caller;
	mtrr->msr_pat_cr = vcpu->cpu.pat;
	mtrr->msr_mtrr_cap = 0x500 | MTRR_VCNT;         /* write-combining, fixed ranges */
	mtrr->msr_mtrr_def_type = 0xc00 | 6;            /* on, write-back */
	return sizeof(*mtrr);
}

static int load_mtrr(struct fx_vcpu *vcpu, const void *from, uint32_t length)
{
	const struct hvm_hw_mtrr *mtrr = from;

	(void)length;
	if ((mtrr->msr_mtrr_cap & 0xff) > MTRR_VCNT)
		return -EINVAL;
	vcpu->cpu.pat = mtrr->msr_pat_cr;
	return 0;
}

static uint32_t save_vmce(const struct fx_caller *caller, const struct fx_vcpu *vcpu, void *to)
{
	struct hvm_vmce_vcpu *vmce = to;

	(void)caller, (void)vcpu;
	vmce->caps = 0x01000c02;        /* of Xen's virtual machine-check banks on Intel */
	return sizeof(*vmce);
}

static int load_vmce(struct fx_vcpu *vcpu, const void *from, uint32_t length)
{
	(void)vcpu, (void)from, (void)length;
	return 0;
}

/* ---- XSAVE, TSC, MSRs ---- */

#define XCR0_X87 (1u << 0)
#define XCR0_SSE (1u << 1)
#define XCR0_AVX (1u << 2)
#define XCR0_KNOWN (XCR0_X87 | XCR0_SSE | XCR0_AVX)
#define XSAVE_MIN sizeof(struct hvm_hw_cpu_xsave)

static uint32_t save_xsave(const struct fx_caller *caller, const struct fx_vcpu *vcpu, void *to)
{
	struct hvm_hw_cpu_xsave *xsave = to;
	const struct fx_cpu_state *cpu = &vcpu->cpu;

	(void)caller;
	xsave->xfeature_mask = XCR0_KNOWN;
	xsave->xcr0 = xsave->xcr0_accum = cpu->xcr0;
	memcpy(&xsave->save_area.fpu_sse, cpu->fxsave, sizeof(cpu->fxsave));
	xsave->save_area.xsave_hdr.xstate_bv = cpu->xcr0;
	if (!(cpu->xcr0 & XCR0_AVX))
		return XSAVE_MIN;
	memcpy(xsave + 1, cpu->ymm_high, sizeof(cpu->ymm_high));
	return XSAVE_MIN + sizeof(cpu->ymm_high);
}

static int load_xsave(struct fx_vcpu *vcpu, const void *from, uint32_t length)
{
	const struct hvm_hw_cpu_xsave *xsave = from;
	struct fx_cpu_state *cpu = &vcpu->cpu;

	if (length < XSAVE_MIN)
		return -EINVAL;
	if (((xsave->xcr0 | xsave->xcr0_accum) & ~(uint64_t)XCR0_KNOWN) ||
		(xsave->xcr0 & ~xsave->xcr0_accum) ||
		(xsave->xcr0_accum && !(xsave->xcr0_accum & XCR0_X87)))
		return -EOPNOTSUPP;
	cpu->xcr0 = xsave->xcr0;
	memcpy(cpu->fxsave, &xsave->save_area.fpu_sse, sizeof(cpu->fxsave));
	if (length >= XSAVE_MIN + sizeof(cpu->ymm_high))
		memcpy(cpu->ymm_high, xsave + 1, sizeof(cpu->ymm_high));
	return 0;
}

static uint32_t save_tsc_adjust(const struct fx_caller *caller, const struct fx_vcpu *vcpu,
	void *to)
{
	struct hvm_tsc_adjust *tsc = to;

	(void)caller;
	tsc->tsc_adjust = vcpu->cpu.tsc_adjust;
	return sizeof(*tsc);
}

static int load_tsc_adjust(struct fx_vcpu *vcpu, const void *from, uint32_t length)
{
	const struct hvm_tsc_adjust *tsc = from;

	(void)length;
	vcpu->cpu.tsc_adjust = tsc->tsc_adjust;
	return 0;
}

#define MSR_SPEC_CTRL 0x48
#define MSR_RECORD_LENGTH (offsetof(struct hvm_msr, msr) + sizeof(struct hvm_one_msr))

/* Only what is not zero is saved. */
static uint32_t save_msrs(const struct fx_caller *caller, const struct fx_vcpu *vcpu, void *to)
{
	struct hvm_msr *msrs = to;

	(void)caller;
	if (!vcpu->cpu.spec_ctrl)
		return 0;
	msrs->count = 1;
	msrs->msr[0].index = MSR_SPEC_CTRL;
	msrs->msr[0].val = vcpu->cpu.spec_ctrl;
	return MSR_RECORD_LENGTH;
}

static int load_msrs(struct fx_vcpu *vcpu, const void *from, uint32_t length)
{
	const struct hvm_msr *msrs = from;

	if (length < offsetof(struct hvm_msr, msr) ||
		length < offsetof(struct hvm_msr, msr) + (uint64_t)msrs->count * sizeof(*msrs->msr))
		return -EMSGSIZE;
	for (uint32_t i = 0; i < msrs->count; i++) {
		if (msrs->msr[i]._rsvd)
			return -EOPNOTSUPP;
		if (msrs->msr[i].index != MSR_SPEC_CTRL)
			return -ENXIO;
		vcpu->cpu.spec_ctrl = msrs->msr[i].val;
	}
	return 0;
}

/* ---- the list ---- */

#undef PIC      /* libtool's; here it is the name of a record */
#define LENGTH(name) sizeof(HVM_SAVE_TYPE(name))

static const struct fx_record records[] = {
	{ HVM_SAVE_CODE(CPU), LENGTH(CPU), true, save_cpu, load_cpu },
	{ HVM_SAVE_CODE(PIC), LENGTH(PIC), false, NULL, NULL },
	{ HVM_SAVE_CODE(IOAPIC), LENGTH(IOAPIC), false, NULL, NULL },
	{ HVM_SAVE_CODE(LAPIC), LENGTH(LAPIC), true, save_lapic, load_lapic },
	{ HVM_SAVE_CODE(LAPIC_REGS), LENGTH(LAPIC_REGS), true, save_lapic_regs, load_lapic_regs },
	{ HVM_SAVE_CODE(PCI_IRQ), LENGTH(PCI_IRQ), false, save_pci_irq, load_nothing },
	{ HVM_SAVE_CODE(ISA_IRQ), LENGTH(ISA_IRQ), false, save_isa_irq, load_nothing },
	{ HVM_SAVE_CODE(PCI_LINK), LENGTH(PCI_LINK), false, save_pci_link, load_nothing },
	{ HVM_SAVE_CODE(PIT), LENGTH(PIT), false, NULL, NULL },
	{ HVM_SAVE_CODE(RTC), LENGTH(RTC), false, NULL, NULL },
	{ HVM_SAVE_CODE(HPET), LENGTH(HPET), false, NULL, NULL },
	{ HVM_SAVE_CODE(PMTIMER), LENGTH(PMTIMER), false, NULL, NULL },
	{ HVM_SAVE_CODE(MTRR), LENGTH(MTRR), true, save_mtrr, load_mtrr },
	{ HVM_SAVE_CODE(VIRIDIAN_DOMAIN), LENGTH(VIRIDIAN_DOMAIN), false, NULL, NULL },
	{ CPU_XSAVE_CODE, XSAVE_MIN + 256, true, save_xsave, load_xsave },
	{ HVM_SAVE_CODE(VIRIDIAN_VCPU), LENGTH(VIRIDIAN_VCPU), true, NULL, NULL },
	{ HVM_SAVE_CODE(VMCE_VCPU), LENGTH(VMCE_VCPU), true, save_vmce, load_vmce },
	{ HVM_SAVE_CODE(TSC_ADJUST), LENGTH(TSC_ADJUST), true, save_tsc_adjust, load_tsc_adjust },
	{ CPU_MSR_CODE, MSR_RECORD_LENGTH, true, save_msrs, load_msrs },
};

const struct fx_record *fx_record_next(const struct fx_record *record)
{
	if (!record)
		return records;
	return record + 1 < records + ARRAY_COUNT(records) ? record + 1 : NULL;
}

const struct fx_record *fx_record_find(uint16_t code)
{
	for (size_t i = 0; i < ARRAY_COUNT(records); i++)
		if (records[i].code == code)
			return &records[i];
	return NULL;
}
