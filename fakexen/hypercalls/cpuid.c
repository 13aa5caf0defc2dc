/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpuid.c: what CPUID says: the default policy, and what a vCPU sees of its domain's. */
#include <string.h>
#include <xen/arch-x86/cpuid.h>

#include "fakexen/hypercalls/private.h"

#define NONE XEN_CPUID_NO_SUBLEAF

/* A plain Intel machine: long mode, x2APIC, XSAVE with AVX's state, 39 bits of physical
 * address. Leaves that are all zero are left out. */
static const struct fx_cpuid_leaf defaults[] = {
	{ 0x0, NONE, 0x0000000d, 0x756e6547, 0x6c65746e, 0x49656e69 },  /* GenuineIntel */
	{ 0x1, NONE, 0x000306c3, 0x00100800, 0x96b82203, 0x178bfbff },
	{ 0x2, NONE, 0x76036301, 0x00f0b5ff, 0x00000000, 0x00c30000 },
	{ 0x4, 0, 0x1c004121, 0x01c0003f, 0x0000003f, 0x00000000 },     /* caches */
	{ 0x4, 1, 0x1c004122, 0x01c0003f, 0x0000003f, 0x00000000 },
	{ 0x4, 2, 0x1c004143, 0x01c0003f, 0x000001ff, 0x00000000 },
	{ 0x4, 3, 0x1c03c163, 0x03c0003f, 0x00001fff, 0x00000006 },
	{ 0x7, 0, 0x00000000, 0x00000281, 0x00000000, 0x00000000 },     /* FSGSBASE SMEP ERMS */
	{ 0xb, 0, 0x00000001, 0x00000002, 0x00000100, 0x00000000 },     /* topology */
	{ 0xb, 1, 0x00000004, 0x00000008, 0x00000201, 0x00000000 },
	{ 0xd, 0, 0x00000007, 0x00000240, 0x00000340, 0x00000000 },     /* x87 SSE AVX */
	{ 0xd, 2, 0x00000100, 0x00000240, 0x00000000, 0x00000000 },
	{ 0x80000000, NONE, 0x80000008, 0x00000000, 0x00000000, 0x00000000 },
	{ 0x80000001, NONE, 0x00000000, 0x00000000, 0x00000001, 0x20100800 },
	{ 0x80000002, NONE, 0x656b6166, 0x3a6e6578, 0x6d206120, 0x6c65646f },
	{ 0x80000003, NONE, 0x20666f20, 0x49206e61, 0x6c65746e, 0x6f727020 },
	{ 0x80000004, NONE, 0x73736563, 0x0000726f, 0x00000000, 0x00000000 },
	{ 0x80000006, NONE, 0x00000000, 0x00000000, 0x01006040, 0x00000000 },
	{ 0x80000007, NONE, 0x00000000, 0x00000000, 0x00000000, 0x00000100 },
	{ 0x80000008, NONE, 0x00003027, 0x00000000, 0x00000000, 0x00000000 },
};

_Static_assert(ARRAY_COUNT(defaults) <= ARRAY_COUNT(((struct fx_domain *)NULL)->cpuid_policy),
	"a domain has room for the default policy");

const struct fx_domain *fx_cpu_policy_machine(struct fx_model *model)
{
	struct fx_domain *dom0 = fx_domain(model, 0);

	if (!dom0->cpuid_policy_count) {
		memcpy(dom0->cpuid_policy, defaults, sizeof defaults);
		dom0->cpuid_policy_count = ARRAY_COUNT(defaults);
	}
	return dom0;
}

void fx_cpu_policy_default(struct fx_model *model, struct fx_domain *domain)
{
	const struct fx_domain *machine = fx_cpu_policy_machine(model);

	memcpy(domain->cpuid_policy, machine->cpuid_policy, sizeof(domain->cpuid_policy));
	domain->cpuid_policy_count = machine->cpuid_policy_count;
}

const struct fx_cpuid_leaf *fx_cpu_policy_leaf(const struct fx_domain *domain, uint32_t leaf,
	uint32_t subleaf)
{
	for (uint32_t i = 0; i < domain->cpuid_policy_count; i++) {
		const struct fx_cpuid_leaf *line = &domain->cpuid_policy[i];

		if (line->leaf == leaf && (line->subleaf == NONE || line->subleaf == subleaf))
			return line;
	}
	return NULL;
}

/* ---- Xen's own leaves ---- */

enum { EAX, EBX, ECX, EDX };

#define XEN_VERSION (4u << 16 | 17u)
#define TSC_KHZ 1000000u
#define HYPERCALL_PAGE_MSR 0x40000000u

static void time_leaf(uint32_t subleaf, uint32_t out[4])
{
	if (subleaf == 0) {
		out[EAX] = 1u << 1;             /* the TSC is safe */
		out[ECX] = TSC_KHZ;
	} else if (subleaf == 2) {
		out[EAX] = TSC_KHZ;
	}
}

static void hypervisor_leaf(const struct fx_domain *domain, const struct fx_vcpu *vcpu,
	uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	switch (leaf - XEN_CPUID_FIRST_LEAF) {
	case 0:
		out[EAX] = XEN_CPUID_FIRST_LEAF + XEN_CPUID_MAX_NUM_LEAVES;
		out[EBX] = XEN_CPUID_SIGNATURE_EBX;
		out[ECX] = XEN_CPUID_SIGNATURE_ECX;
		out[EDX] = XEN_CPUID_SIGNATURE_EDX;
		break;
	case 1:
		out[EAX] = XEN_VERSION;
		break;
	case 2:
		out[EAX] = 1;
		out[EBX] = HYPERCALL_PAGE_MSR;
		break;
	case 3:
		time_leaf(subleaf, out);
		break;
	case 4:
		if (!domain->is_hvm || subleaf)
			break;
		out[EAX] = XEN_HVM_CPUID_IOMMU_MAPPINGS | XEN_HVM_CPUID_VCPU_ID_PRESENT |
			   XEN_HVM_CPUID_DOMID_PRESENT | XEN_HVM_CPUID_UPCALL_VECTOR;
		out[EBX] = vcpu - domain->vcpus;
		out[ECX] = domain->id;
		break;
	}
}

/* ---- what depends on the vCPU ---- */

#define CR4_OSXSAVE (1u << 18)
#define EFER_LMA (1u << 10)
#define APIC_BASE_ENABLED (1u << 11)
#define FEATURE_OSXSAVE (1u << 27)      /* leaf 1, ECX */
#define FEATURE_APIC (1u << 9)          /* leaf 1, EDX */
#define FEATURE_SYSCALL (1u << 11)      /* leaf 0x80000001, EDX */
#define XCR0_AVX (1u << 2)
#define XSAVE_LEGACY 576u               /* bytes of x87 and SSE with the header; */
#define XSAVE_AVX 832u                  /* and with AVX */

static void adjust(const struct fx_domain *domain, const struct fx_vcpu *vcpu, uint32_t leaf,
	uint32_t subleaf, uint32_t out[4])
{
	const struct fx_cpu_state *cpu = &vcpu->cpu;
	uint32_t apic_id = (vcpu - domain->vcpus) * 2;

	switch (leaf) {
	case 0x1:
		out[EBX] = (out[EBX] & 0x00ffffff) | apic_id << 24;
		if (cpu->cr4 & CR4_OSXSAVE)
			out[ECX] |= FEATURE_OSXSAVE;
		if (!(cpu->apic.apic_base & APIC_BASE_ENABLED))
			out[EDX] &= ~FEATURE_APIC;
		break;
	case 0xb:
		out[ECX] = (out[ECX] & ~0xffu) | (subleaf & 0xff);
		out[EDX] = apic_id;
		break;
	case 0xd:
		if (subleaf == 0)
			out[EBX] = cpu->xcr0 & XCR0_AVX ? XSAVE_AVX : XSAVE_LEGACY;
		break;
	case 0x80000001:                /* Intel hides SYSCALL outside of long mode */
		if (!(cpu->efer & EFER_LMA))
			out[EDX] &= ~FEATURE_SYSCALL;
		break;
	}
}

/* Beyond the highest leaf everything is zero. */
static bool in_range(const struct fx_domain *domain, uint32_t leaf)
{
	const struct fx_cpuid_leaf *highest = fx_cpu_policy_leaf(domain, leaf & 0x80000000, 0);

	return highest && leaf <= highest->eax;
}

void fx_cpuid(const struct fx_domain *domain, const struct fx_vcpu *vcpu, uint32_t leaf,
	uint32_t subleaf, uint32_t out[4])
{
	const struct fx_cpuid_leaf *line;

	memset(out, 0, 4 * sizeof(*out));
	if (leaf >= XEN_CPUID_FIRST_LEAF && leaf <= XEN_CPUID_FIRST_LEAF + 0x1ff) {
		hypervisor_leaf(domain, vcpu, leaf, subleaf, out);
		return;
	}
	if (!in_range(domain, leaf))
		return;
	line = fx_cpu_policy_leaf(domain, leaf, subleaf);
	if (line) {
		out[EAX] = line->eax;
		out[EBX] = line->ebx;
		out[ECX] = line->ecx;
		out[EDX] = line->edx;
	}
	adjust(domain, vcpu, leaf, subleaf, out);
}
