/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* legal.c: see legal.h. */
#include "guest/legal.h"

#include <stdbool.h>

#define CR0_PE 0x1ULL
#define CR0_ET 0x10ULL
#define CR0_NW 0x20000000ULL
#define CR0_CD 0x40000000ULL
#define CR0_PG 0x80000000ULL
#define CR0_KNOWN 0xe005003fULL

#define CR4_PAE 0x20ULL
#define CR4_LA57 0x1000ULL
#define CR4_PCIDE 0x20000ULL
#define CR4_KNOWN 0x3ff7fffULL /* VME to SMXE, FSGSBASE to UINTR */

#define EFER_LME 0x100ULL
#define EFER_LMA 0x400ULL
#define EFER_KNOWN 0xfd01ULL /* SCE, LME, LMA, NXE, SVME, LMSLE, FFXSR, TCE */

#define CS_L 0x200
#define RFLAGS_FIXED 0x2ULL
#define RFLAGS_VM 0x20000ULL
#define RFLAGS_KNOWN 0x3f7fd7ULL
#define PHYSICAL_LIMIT (1ULL << 52)

static bool is_canonical(uint64_t address, const struct rs_vcpu_registers *registers)
{
	unsigned int unused = registers->cr4 & CR4_LA57 ? 64 - 57 : 64 - 48;

	return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

static const char *control_illegal(const struct rs_vcpu_registers *registers)
{
	uint64_t cr0 = registers->cr0, cr4 = registers->cr4, efer = registers->efer;

	if (cr0 & ~CR0_KNOWN || !(cr0 & CR0_ET))
		return "CR0 has a reserved bit wrong";
	if (cr0 & CR0_PG && !(cr0 & CR0_PE))
		return "CR0 has PG without PE";
	if (cr0 & CR0_NW && !(cr0 & CR0_CD))
		return "CR0 has NW without CD";
	if (cr4 & ~CR4_KNOWN)
		return "CR4 has a reserved bit set";
	if (efer & ~EFER_KNOWN)
		return "EFER has a reserved bit set";
	if (!(efer & EFER_LMA) != !(efer & EFER_LME && cr0 & CR0_PG))
		return "EFER.LMA is not what EFER.LME and CR0.PG make of it";
	if (efer & EFER_LMA && !(cr4 & CR4_PAE))
		return "CR4.PAE is off in long mode";
	if (cr4 & CR4_PCIDE && !(efer & EFER_LMA))
		return "CR4.PCIDE is on outside of long mode";
	if (registers->cr3 >= PHYSICAL_LIMIT)
		return "CR3 has a reserved bit set";
	return NULL;
}

static const char *flow_illegal(const struct rs_vcpu_registers *registers)
{
	bool long_mode = registers->efer & EFER_LMA;
	bool is_64bit = long_mode && registers->cs.attributes & CS_L;
	uint64_t rflags = registers->rflags;

	if (is_64bit && !is_canonical(registers->rip, registers))
		return "RIP is not canonical";
	if (!is_64bit && registers->rip >> 32)
		return "RIP has more than 32 bits, but the vCPU is not in 64-bit mode";
	if (rflags & ~RFLAGS_KNOWN || !(rflags & RFLAGS_FIXED))
		return "RFLAGS has a reserved bit wrong";
	if (rflags & RFLAGS_VM && (long_mode || !(registers->cr0 & CR0_PE)))
		return "RFLAGS.VM is not possible in this mode";
	return NULL;
}

static const char *address_illegal(const struct rs_vcpu_registers *registers)
{
	const struct {
		uint64_t address;
		const char *bad;
	} addresses[] = {
		{ registers->fs.base, "the base of FS is not canonical" },
		{ registers->gs.base, "the base of GS is not canonical" },
		{ registers->tr.base, "the base of TR is not canonical" },
		{ registers->ldtr.base, "the base of LDTR is not canonical" },
		{ registers->gdtr.base, "the base of GDTR is not canonical" },
		{ registers->idtr.base, "the base of IDTR is not canonical" },
		{ registers->shadow_gs, "shadow_gs is not canonical" },
		{ registers->lstar, "LSTAR is not canonical" },
		{ registers->cstar, "CSTAR is not canonical" },
		{ registers->sysenter_eip, "SYSENTER_EIP is not canonical" },
		{ registers->sysenter_esp, "SYSENTER_ESP is not canonical" },
	};

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		if (!is_canonical(addresses[i].address, registers))
			return addresses[i].bad;
	if ((registers->cs.base | registers->ss.base | registers->ds.base | registers->es.base) >> 32)
		return "the base of CS, SS, DS or ES has more than 32 bits";
	return NULL;
}

const char *rs_registers_illegal(const struct rs_vcpu_registers *registers,
				 const struct rs_vcpu_registers *old)
{
	const char *bad = control_illegal(registers);

	if (!bad)
		bad = flow_illegal(registers);
	if (!bad)
		bad = address_illegal(registers);
	if (bad)
		return bad;
	if ((registers->dr6 | registers->dr7) >> 32)
		return "DR6 or DR7 has more than 32 bits";
	if (registers->tsc_aux >> 32)
		return "TSC_AUX has more than 32 bits";
	if (registers->xcr0 != old->xcr0)
		return "XCR0 cannot be set";
	if (registers->apic_base != old->apic_base)
		return "APIC_BASE cannot be set";
	return NULL;
}
