/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control.c: control registers written, exits completed, and the state at the start. */
#include <errno.h>

#include "fakexen/cpu/memory.h"

#define CR0_VALID (FX_CR0_PE | FX_CR0_MP | FX_CR0_EM | FX_CR0_TS | FX_CR0_ET | FX_CR0_NE | \
		   FX_CR0_WP | FX_CR0_AM | FX_CR0_NW | FX_CR0_CD | (uint64_t)FX_CR0_PG)
#define CR3_NO_FLUSH (1ull << 63)

static int refuse(struct fx_cpu *cpu)
{
	fx_cpu_inject(cpu->state, &(struct fx_injection){ .vector = FX_GP, .type = FX_HARDWARE,
							  .has_error_code = true });
	return -EFAULT;
}

/* Paging means long mode here: the older forms are not in the subset, and refused. */
static int write_cr0(struct fx_cpu *cpu, uint64_t value)
{
	struct fx_cpu_state *state = cpu->state;
	bool paging = value & FX_CR0_PG, was_paging = state->cr0 & FX_CR0_PG;
	bool code64 = (state->efer & FX_EFER_LMA) && (state->segment[FX_CS].arbytes & 1 << 9);

	if (value >> 32 || (paging && !(value & FX_CR0_PE)) ||
	    ((value & FX_CR0_NW) && !(value & FX_CR0_CD)))
		return refuse(cpu);
	if (paging && !was_paging) {
		if (!(state->efer & FX_EFER_LME) || !(state->cr4 & FX_CR4_PAE) ||
		    (state->segment[FX_CS].arbytes & 1 << 9))
			return refuse(cpu);
		state->efer |= FX_EFER_LMA;
	} else if (!paging && was_paging) {
		if (code64 || (state->cr4 & FX_CR4_PCIDE))
			return refuse(cpu);
		state->efer &= ~(uint64_t)FX_EFER_LMA;
	}
	state->cr0 = (value & CR0_VALID) | FX_CR0_ET;
	return 0;
}

/* With PCIDs, bit 63 asks to keep translations; forgetting them all the same is allowed. */
static int write_cr3(struct fx_cpu *cpu, uint64_t value)
{
	if (cpu->state->cr4 & FX_CR4_PCIDE)
		value &= ~CR3_NO_FLUSH;
	if (value >> FX_PHYSICAL_BITS)
		return refuse(cpu);
	cpu->state->cr3 = cpu->translated.cr3 = value;
	fx_flush_translations(cpu);
	return 0;
}

static int write_cr4(struct fx_cpu *cpu, uint64_t value)
{
	struct fx_cpu_state *state = cpu->state;
	bool sets_pcide = (value & ~state->cr4) & FX_CR4_PCIDE;

	if (value & ~FX_CR4_VALID)
		return refuse(cpu);
	if ((state->efer & FX_EFER_LMA) && !(value & FX_CR4_PAE))
		return refuse(cpu);
	if (sets_pcide && (!(state->efer & FX_EFER_LMA) || (state->cr3 & 0xfff)))
		return refuse(cpu);
	state->cr4 = value;
	return 0;
}

int fx_cpu_write_cr(struct fx_cpu *cpu, uint32_t index, uint64_t value)
{
	switch (index) {
	case 0: return write_cr0(cpu, value);
	case 3: return write_cr3(cpu, value);
	case 4: return write_cr4(cpu, value);
	default: return refuse(cpu);
	}
}

/* x87 always, AVX only with SSE. */
int fx_cpu_write_xcr0(struct fx_cpu *cpu, uint64_t value)
{
	if (!(value & 1) || value > 7 || (value & 6) == 4)
		return refuse(cpu);
	cpu->state->xcr0 = value;
	return 0;
}

void fx_cpu_skip(struct fx_cpu *cpu, uint32_t insn_length)
{
	struct fx_cpu_state *state = cpu->state;
	bool code64 = (state->efer & FX_EFER_LMA) && (state->segment[FX_CS].arbytes & 1 << 9);

	state->rip += insn_length;
	if (!code64)
		state->rip = (uint32_t)state->rip;
	state->rflags &= ~(uint64_t)FX_RF;
	state->interruptibility = 0;
	if (state->rflags & FX_TF)
		state->pending_dbg |= FX_DR6_BS;
}

bool fx_cpu_interruptible(const struct fx_cpu_state *state)
{
	return (state->rflags & FX_IF) && !state->interruptibility && !state->injection.valid;
}

void fx_cpu_reset(struct fx_cpu_state *state)
{
	memset(state, 0, sizeof(*state));
	state->rip = 0xfff0;
	state->rflags = FX_FLAGS_ALWAYS;
	state->cr0 = FX_CR0_ET | FX_CR0_NW | FX_CR0_CD;
	state->xcr0 = 1;
	state->dr6 = 0xffff0ff0;
	state->dr7 = 0x400;
	for (unsigned int i = 0; i < FX_SEGMENTS; i++) {
		fx_segment_flat(&state->segment[i], 0, 0x93);
		state->segment[i].limit = 0xffff;
	}
	state->segment[FX_CS].selector = 0xf000;
	state->segment[FX_CS].base = 0xffff0000;
	state->segment[FX_CS].arbytes = 0x9b;
	state->gdtr.limit = state->idtr.limit = 0xffff;
	fx_segment_flat(&state->ldtr, 0, 0x82);
	fx_segment_flat(&state->tr, 0, 0x8b);
	state->ldtr.limit = state->tr.limit = 0xffff;
	state->pat = 0x0007040600070406;
	state->apic.apic_base = 0xfee00900;
	state->apic.spurious = 0xff;
	state->apic.lvt_timer = 1 << 16;
	fx_put(state->fxsave, 2, 0x37f);
	fx_put(state->fxsave + 24, 4, 0x1f80);
}

/* Flat 32-bit segments, no paging, the start info's address in EBX. */
void fx_cpu_pvh_entry(struct fx_cpu_state *state, uint32_t entry, uint32_t start_info)
{
	uint32_t id = state->apic.id;

	fx_cpu_reset(state);
	state->apic.id = id;
	state->cr0 = FX_CR0_PE | FX_CR0_ET;
	state->rip = entry;
	state->gpr[FX_RBX] = start_info;
	for (unsigned int i = 0; i < FX_SEGMENTS; i++)
		fx_segment_flat(&state->segment[i], 0, 0xc93);
	state->segment[FX_CS].arbytes = 0xc9b;
	state->tr.limit = 0x67;
	state->gdtr.limit = state->idtr.limit = 0;
}
