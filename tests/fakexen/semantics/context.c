/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* context.c: the registers of vCPUs, read and written from outside. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fakexen/semantics/dom0.h"

typedef HVM_SAVE_TYPE(CPU) cpu_record;

/* A record of a context, or NULL. */
static void *find(uint8_t *context, uint32_t size, uint16_t code, uint16_t instance)
{
	uint32_t offset = 0;

	while (offset + sizeof(struct hvm_save_descriptor) <= size) {
		struct hvm_save_descriptor descriptor;

		memcpy(&descriptor, context + offset, sizeof descriptor);
		if (descriptor.typecode == code && descriptor.instance == instance)
			return context + offset + sizeof descriptor;
		if (descriptor.typecode == HVM_SAVE_CODE(END))
			return NULL;
		offset += sizeof descriptor + descriptor.length;
	}
	return NULL;
}

/* In a pause: what changes is the guest's own doing. */
static void whole(uint8_t *context, int size)
{
	int length = xc_domain_hvm_getcontext(xch, DOMAIN, context, size);
	cpu_record first, second, part;
	bool found;

	found = length > 0 && find(context, length, HVM_SAVE_CODE(HEADER), 0) &&
		find(context, length, HVM_SAVE_CODE(CPU), 0) &&
		find(context, length, HVM_SAVE_CODE(CPU), 1) &&
		find(context, length, HVM_SAVE_CODE(LAPIC), 1) &&
		find(context, length, HVM_SAVE_CODE(MTRR), 0);
	if (!tap_ok(found, "a context has a header and each vCPU's records"))
		return;
	memcpy(&first, find(context, length, HVM_SAVE_CODE(CPU), 0), sizeof first);
	memcpy(&second, find(context, length, HVM_SAVE_CODE(CPU), 1), sizeof second);
	tap_ok((first.cr3 == GUEST_ROOT_A || first.cr3 == GUEST_ROOT_A + PAGE) &&
		(first.msr_efer & 0xd00) == 0xd00 && (first.cr0 & 0x80000001) == 0x80000001,
		"control registers of a guest in long mode");
	tap_ok(first.rsp != second.rsp, "vCPUs have their own");
	tap_ok(!xc_domain_hvm_getcontext_partial(xch, DOMAIN, HVM_SAVE_CODE(CPU), 1, &part,
		sizeof part) && part.rip == second.rip && part.r15 == second.r15,
		"one record by itself is the same");
	tap_ok(!xc_domain_hvm_setcontext(xch, DOMAIN, context, length),
		"a context can be given back");
}

static void by_parts(void)
{
	cpu_record part;
	uint64_t small;

	tap_ok(FAILS(xc_domain_hvm_getcontext_partial(xch, DOMAIN, HVM_SAVE_CODE(CPU), 2, &part,
		sizeof part), ENOENT), "of a vCPU that does not exist: ENOENT");
	tap_ok(FAILS(xc_domain_hvm_getcontext_partial(xch, DOMAIN, HVM_SAVE_CODE(CPU), 0, &small,
		sizeof small), ENOBUFS), "into too small a buffer: ENOBUFS");
	tap_ok(FAILS(xc_domain_hvm_getcontext_partial(xch, DOMAIN, 99, 0, &part, sizeof part),
		EINVAL), "of an unknown kind: EINVAL");
	tap_ok(FAILS(xc_domain_hvm_getcontext_partial(xch, DOMAIN, HVM_SAVE_CODE(HPET), 0, &part,
		sizeof part), ENOENT), "of a device that the domain has not: ENOENT");
}

static void refused(uint8_t *context, int size)
{
	int length = xc_domain_hvm_getcontext(xch, DOMAIN, context, size);
	cpu_record *cpu = find(context, length, HVM_SAVE_CODE(CPU), 0);
	uint64_t cr0 = cpu->cr0;

	tap_ok(FAILS(xc_domain_hvm_setcontext(xch, DOMAIN, context, 20), ENODATA),
		"a context without a whole header: ENODATA");
	context[8] ^= 1;
	tap_ok(FAILS(xc_domain_hvm_setcontext(xch, DOMAIN, context, length), EINVAL),
		"with another magic number: EINVAL");
	context[8] ^= 1;
	cpu->cr0 = 0x80000010;          /* paging without protection */
	tap_ok(FAILS(xc_domain_hvm_setcontext(xch, DOMAIN, context, length), EINVAL),
		"with an impossible CR0: EINVAL");
	cpu->cr0 = cr0;
	tap_ok(FAILS(xc_domain_hvm_setcontext(xch, DOMAIN, context, length - 8), ENODATA),
		"without an end: ENODATA");
	tap_ok(!xc_domain_hvm_setcontext(xch, DOMAIN, context, length), "put right, it is taken");
}

/* Header, vCPU 0, end. */
static void one_vcpu_only(uint8_t *context, int size)
{
	int length = xc_domain_hvm_getcontext(xch, DOMAIN, context, size);
	uint8_t *cpu = find(context, length, HVM_SAVE_CODE(CPU), 0);
	uint8_t *end = cpu + sizeof(cpu_record);
	uint8_t *other = malloc(size);
	xc_domaininfo_t info = { 0 };
	cpu_record part;

	memcpy(other, context, length);
	memset(end, 0, sizeof(struct hvm_save_descriptor));
	tap_ok(!xc_domain_hvm_setcontext(xch, DOMAIN, context, end - context + 8) &&
		xc_domain_getinfolist(xch, DOMAIN, 1, &info) == 1 && info.nr_online_vcpus == 1,
		"a context with one CPU record takes the other vCPUs down");
	tap_ok(FAILS(xc_domain_hvm_getcontext_partial(xch, DOMAIN, HVM_SAVE_CODE(CPU), 1, &part,
		sizeof part), ENODATA), "a vCPU that is down has no record: ENODATA");
	xc_domain_unpause(xch, DOMAIN);
	tap_ok(guest_runs(0) && guest_stands(1), "the one runs, the other does not");
	xc_domain_pause(xch, DOMAIN);
	tap_ok(!xc_domain_hvm_setcontext(xch, DOMAIN, other, length) &&
		xc_domain_getinfolist(xch, DOMAIN, 1, &info) == 1 && info.nr_online_vcpus == 2,
		"the whole one brings them up again");
	free(other);
}

static void registers(void)
{
	vcpu_guest_context_any_t context, again;
	uint64_t slot;

	tap_ok(!xc_vcpu_getcontext(xch, DOMAIN, 1, &context) &&
		context.x64.user_regs.r15 == GUEST_SLOTS + GUEST_SLOT_SIZE,
		"vcpu_getcontext has the vCPU's registers");
	slot = context.x64.user_regs.r15;
	context.x64.user_regs.r15 = GUEST_SLOTS + 100 * GUEST_SLOT_SIZE;
	context.x64.ctrlreg[3] = 0xdead000;
	tap_ok(!xc_vcpu_setcontext(xch, DOMAIN, 1, &context) &&
		!xc_vcpu_getcontext(xch, DOMAIN, 1, &again) &&
		again.x64.user_regs.r15 == GUEST_SLOTS + 100 * GUEST_SLOT_SIZE &&
		again.x64.ctrlreg[3] != 0xdead000,
		"vcpu_setcontext sets general registers, and no control registers");
	xc_domain_unpause(xch, DOMAIN);
	tap_ok(guest_runs(100), "the guest goes on with them");
	xc_domain_pause(xch, DOMAIN);
	xc_vcpu_getcontext(xch, DOMAIN, 1, &context);
	context.x64.user_regs.r15 = slot;
	context.x64.flags &= ~VGCF_online;
	xc_vcpu_setcontext(xch, DOMAIN, 1, &context);
	xc_domain_unpause(xch, DOMAIN);
	tap_ok(guest_runs(0) && guest_stands(1), "without VGCF_online the vCPU is down");
	xc_domain_pause(xch, DOMAIN);
	context.x64.flags |= VGCF_online;
	xc_vcpu_setcontext(xch, DOMAIN, 1, &context);
	tap_ok(FAILS(xc_vcpu_getcontext(xch, DOMAIN, 2, &context), EINVAL),
		"of a vCPU that does not exist: EINVAL");
}

static void translation(void)
{
	tap_ok(xc_translate_foreign_address(xch, DOMAIN, 0, GUEST_DATA_PAGE + 8) == DATA_GFN,
		"translate_foreign_address walks the guest's own tables");
	tap_ok(xc_translate_foreign_address(xch, DOMAIN, 0, 0x7f0000000000) == 0,
		"where they map nothing it returns 0");
}

static void cpuid(void)
{
	tap_ok(FAILS(xc_cpuid_apply_policy(xch, DOMAIN, false, NULL, 0, true, false, false, NULL,
		NULL), EEXIST), "the CPUID policy of a domain that has run: EEXIST");
}

int main(int argc, char **argv)
{
	const char *const options[] = { "--vcpus", "2", "--guest", "cr3loop", NULL };
	uint8_t *context;
	int size;

	(void)argc;
	dom0_enter(argv, options);
	tap_ok(guest_runs(0) && guest_runs(1), "the guest runs");
	xc_domain_pause(xch, DOMAIN);
	size = xc_domain_hvm_getcontext(xch, DOMAIN, NULL, 0);
	context = size > 0 ? malloc(size) : NULL;
	if (!tap_ok(context, "the size of a context"))
		return tap_done();
	whole(context, size);
	by_parts();
	refused(context, size);
	one_vcpu_only(context, size);
	registers();
	translation();
	cpuid();
	xc_domain_unpause(xch, DOMAIN);
	tap_ok(guest_runs(0) && guest_runs(1), "after all this both vCPUs run on");
	free(context);
	return tap_done();
}
