/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* msr.c: the MSRs that the processor itself holds, and what it accepts in them. */
#include <errno.h>

#include "fakexen/cpu/private.h"

enum {
	MSR_TSC = 0x10, MSR_APIC_BASE = 0x1b, MSR_TSC_ADJUST = 0x3b, MSR_SPEC_CTRL = 0x48,
	MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP = 0x175, MSR_SYSENTER_EIP = 0x176,
	MSR_MISC_ENABLE = 0x1a0, MSR_DEBUGCTL = 0x1d9, MSR_PAT = 0x277
};
#define MSR_EFER 0xc0000080u
#define MSR_STAR 0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_CSTAR 0xc0000083u
#define MSR_SFMASK 0xc0000084u
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_TSC_AUX 0xc0000103u

/* Where an MSR that is nothing but a number is kept, and which bits it may have. */
static uint64_t *plain(struct fx_cpu_state *state, uint32_t msr, uint64_t *valid, bool *address)
{
	*valid = ~0ull;
	*address = false;
	switch (msr) {
	case MSR_SYSENTER_CS: return &state->sysenter_cs;
	case MSR_MISC_ENABLE: return &state->misc_enable;
	case MSR_STAR: return &state->star;
	case MSR_TSC_ADJUST: return &state->tsc_adjust;
	case MSR_SPEC_CTRL: *valid = 7; return &state->spec_ctrl;
	case MSR_DEBUGCTL: *valid = 0xffc3; return &state->debugctl;
	case MSR_SFMASK: *valid = 0xffffffff; return &state->sfmask;
	case MSR_TSC_AUX: *valid = 0xffffffff; return &state->tsc_aux;
	default: break;
	}
	*address = true;
	switch (msr) {
	case MSR_SYSENTER_ESP: return &state->sysenter_esp;
	case MSR_SYSENTER_EIP: return &state->sysenter_eip;
	case MSR_LSTAR: return &state->lstar;
	case MSR_CSTAR: return &state->cstar;
	case MSR_FS_BASE: return &state->segment[FX_FS].base;
	case MSR_GS_BASE: return &state->segment[FX_GS].base;
	case MSR_KERNEL_GS_BASE: return &state->kernel_gs_base;
	default: return NULL;
	}
}

bool fx_msr_held(const struct fx_cpu_state *state, uint32_t msr)
{
	uint64_t valid;
	bool address;

	return msr == MSR_TSC || msr == MSR_EFER || msr == MSR_PAT || fx_apic_owns(state, msr) ||
	       plain((struct fx_cpu_state *)(uintptr_t)state, msr, &valid, &address);
}

uint64_t fx_tsc(const struct fx_cpu *cpu)
{
	return cpu->tsc(cpu->tsc_opaque) + cpu->state->tsc_adjust;
}

static int refuse(struct fx_cpu *cpu)
{
	fx_cpu_inject(cpu->state, &(struct fx_injection){ .vector = FX_GP, .type = FX_HARDWARE,
							  .has_error_code = true });
	return -EFAULT;
}

/* LMA is the processor's own; LME cannot change under paging. */
static int write_efer(struct fx_cpu *cpu, uint64_t value)
{
	struct fx_cpu_state *state = cpu->state;
	uint64_t writable = FX_EFER_SCE | FX_EFER_LME | FX_EFER_NXE;

	if (value & ~(writable | FX_EFER_LMA))
		return refuse(cpu);
	if ((state->cr0 & FX_CR0_PG) && ((value ^ state->efer) & FX_EFER_LME))
		return refuse(cpu);
	state->efer = (value & writable) | (state->efer & FX_EFER_LMA);
	return 0;
}

static bool pat_valid(uint64_t value)
{
	for (; value; value >>= 8)
		if ((value & 0xff) > 7 || (value & 0xff) == 2 || (value & 0xff) == 3)
			return false;
	return true;
}

int fx_cpu_write_msr(struct fx_cpu *cpu, uint32_t msr, uint64_t value)
{
	struct fx_cpu_state *state = cpu->state;
	uint64_t valid, *held;
	bool address;

	if (msr == MSR_EFER)
		return write_efer(cpu, value);
	if (fx_apic_owns(state, msr))
		return fx_apic_write(cpu, msr, value) ? refuse(cpu) : 0;
	if (msr == MSR_TSC) {
		state->tsc_adjust += value - fx_tsc(cpu);
		return 0;
	}
	if (msr == MSR_PAT) {
		if (!pat_valid(value))
			return refuse(cpu);
		state->pat = value;
		return 0;
	}
	held = plain(state, msr, &valid, &address);
	if (!held || (value & ~valid) || (address && !fx_canonical(value)))
		return refuse(cpu);
	*held = value;
	return 0;
}

int fx_cpu_read_msr(struct fx_cpu *cpu, uint32_t msr, uint64_t *value)
{
	struct fx_cpu_state *state = cpu->state;
	uint64_t valid, *held;
	bool address;

	if (fx_apic_owns(state, msr))
		return fx_apic_read(cpu, msr, value) ? refuse(cpu) : 0;
	if (msr == MSR_EFER || msr == MSR_PAT || msr == MSR_TSC) {
		*value = msr == MSR_EFER ? state->efer : msr == MSR_PAT ? state->pat : fx_tsc(cpu);
		return 0;
	}
	held = plain(state, msr, &valid, &address);
	if (!held)
		return refuse(cpu);
	*value = *held;
	return 0;
}
