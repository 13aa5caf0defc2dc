/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* context.c: see context.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "xen/context.h"
#include "xen/private.h"

#include <xen/hvm/save.h>

/* AMX's tiles, the largest of what XSAVE knows, are of 8 KiB. */
#define RECORD_MAX 16384

typedef HVM_SAVE_TYPE(CPU) cpu_record;
typedef HVM_SAVE_TYPE(LAPIC) lapic_record;

/* ---- Xen's CPU record and our registers ---- */

/* One value in both: where it is, and of how many bytes. */
struct field {
	uint16_t ours, xens;
	uint8_t our_size, xen_size;
};

#define FIELD(our, xen) \
	{ offsetof(struct rs_vcpu_registers, our), offsetof(cpu_record, xen), \
	  sizeof(((struct rs_vcpu_registers *)0)->our), sizeof(((cpu_record *)0)->xen) }
#define SAME(name) FIELD(name, name)
#define SEGMENT(name) \
	FIELD(name.base, name##_base), FIELD(name.limit, name##_limit), \
	FIELD(name.selector, name##_sel), FIELD(name.attributes, name##_arbytes)

static const struct field fields[] = {
	SAME(rax), SAME(rcx), SAME(rdx), SAME(rbx), SAME(rsp), SAME(rbp), SAME(rsi), SAME(rdi),
	SAME(r8), SAME(r9), SAME(r10), SAME(r11), SAME(r12), SAME(r13), SAME(r14), SAME(r15),
	SAME(rip), SAME(rflags), SAME(cr0), SAME(cr2), SAME(cr3), SAME(cr4),
	SAME(dr0), SAME(dr1), SAME(dr2), SAME(dr3), SAME(dr6), SAME(dr7),
	FIELD(efer, msr_efer), FIELD(star, msr_star), FIELD(lstar, msr_lstar),
	FIELD(cstar, msr_cstar), FIELD(sfmask, msr_syscall_mask), FIELD(tsc_aux, msr_tsc_aux),
	SAME(shadow_gs), SAME(sysenter_cs), SAME(sysenter_esp), SAME(sysenter_eip),
	SEGMENT(cs), SEGMENT(ss), SEGMENT(ds), SEGMENT(es), SEGMENT(fs), SEGMENT(gs),
	SEGMENT(tr), SEGMENT(ldtr),
	FIELD(gdtr.base, gdtr_base), FIELD(gdtr.limit, gdtr_limit),
	FIELD(idtr.base, idtr_base), FIELD(idtr.limit, idtr_limit),
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* x86 is little-endian: the first bytes of a value are its low ones. */
static void copy_fields(struct rs_vcpu_registers *registers, const cpu_record *cpu)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		uint64_t value = 0;

		memcpy(&value, (const char *)cpu + fields[i].xens, fields[i].xen_size);
		memcpy((char *)registers + fields[i].ours, &value, fields[i].our_size);
	}
}

static void copy_fields_back(cpu_record *cpu, const struct rs_vcpu_registers *registers)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		uint64_t value = 0;

		memcpy(&value, (const char *)registers + fields[i].ours, fields[i].our_size);
		memcpy((char *)cpu + fields[i].xens, &value, fields[i].xen_size);
	}
}

/* ---- reading ---- */

int rs_xen_context_record(struct rs_xen *xen, uint32_t domain, uint16_t type, uint16_t instance,
			  void *record, size_t size, size_t *length)
{
	void *buffer = xencall_alloc_buffer(xen->call, RECORD_MAX);
	struct xen_domctl call = {
		.cmd = XEN_DOMCTL_gethvmcontext_partial,
		.domain = (domid_t)domain,
		.u.hvmcontext_partial = { .type = type, .instance = instance,
					  .bufsz = RECORD_MAX },
	};
	int error;

	*length = 0;
	if (!buffer)
		return rs_xen_fail(xen, "xencall_alloc_buffer", domain);
	set_xen_guest_handle_raw(call.u.hvmcontext_partial.buffer, buffer);
	error = rs_xen_check(xen, rs_xen_domctl(xen, &call), "XEN_DOMCTL_gethvmcontext_partial",
			     domain);
	if (!error) {
		*length = call.u.hvmcontext_partial.bufsz;
		if (*length > size)
			error = rs_fail(ENOBUFS, "the record %u of domain %u has %zu bytes", type,
					domain, *length);
		memcpy(record, buffer, *length < size ? *length : size);
	}
	xencall_free_buffer(xen->call, buffer);
	return error;
}

/* As much of a record as we know; what this Xen does not save is 0. */
static int read_known(struct rs_xen *xen, uint32_t domain, uint32_t vcpu, uint16_t type,
		      void *record, size_t size)
{
	size_t length;
	int error;

	memset(record, 0, size);
	error = rs_xen_context_record(xen, domain, type, (uint16_t)vcpu, record, size, &length);
	return error == -ENOBUFS ? 0 : error;
}

int rs_xen_context_read(struct rs_xen *xen, uint32_t domain, uint32_t vcpu,
			struct rs_vcpu_registers *registers)
{
	struct hvm_hw_cpu_xsave xsave;
	lapic_record lapic;
	cpu_record cpu;
	int error = read_known(xen, domain, vcpu, HVM_SAVE_CODE(CPU), &cpu, sizeof(cpu));

	memset(registers, 0, sizeof(*registers));
	if (error == -ENOENT)
		return rs_fail(ENOENT, "domain %u has no vCPU %u", domain, vcpu);
	if (error == -ENODATA)
		return rs_fail(ENODATA, "vCPU %u of domain %u has no registers: the guest has not "
					"started it", vcpu, domain);
	if (error)
		return error;
	copy_fields(registers, &cpu);
	/* A guest without XSAVE, or without an APIC, has no such record. */
	if (!read_known(xen, domain, vcpu, CPU_XSAVE_CODE, &xsave, sizeof(xsave)))
		registers->xcr0 = xsave.xcr0;
	if (!read_known(xen, domain, vcpu, HVM_SAVE_CODE(LAPIC), &lapic, sizeof(lapic)))
		registers->apic_base = lapic.apic_base_msr;
	return 0;
}

/* ---- writing ---- */

struct context {
	uint8_t *bytes;
	size_t size;
};

static int read_context(struct rs_xen *xen, uint32_t domain, struct context *context)
{
	int size = xc_domain_hvm_getcontext(xen->control, domain, NULL, 0);

	if (size < 0)
		return rs_xen_fail(xen, "xc_domain_hvm_getcontext", domain);
	context->bytes = malloc((size_t)size);
	if (!context->bytes)
		return rs_fail(ENOMEM, "no memory for the context of domain %u", domain);
	size = xc_domain_hvm_getcontext(xen->control, domain, context->bytes, (uint32_t)size);
	if (size < 0)
		return rs_xen_fail(xen, "xc_domain_hvm_getcontext", domain);
	context->size = (size_t)size;
	return 0;
}

static bool is_kept(uint16_t type)
{
	return type == HVM_SAVE_CODE(HEADER) || type == HVM_SAVE_CODE(CPU) ||
	       type == CPU_XSAVE_CODE || type == HVM_SAVE_CODE(END);
}

/* Leaves of the context what is to be loaded, in its place. False: there is no such vCPU in it. */
static bool reduce(struct context *context, uint32_t vcpu,
		   const struct rs_vcpu_registers *registers)
{
	size_t from = 0, to = 0;
	bool found = false;

	while (from + sizeof(struct hvm_save_descriptor) <= context->size) {
		struct hvm_save_descriptor head;
		size_t whole;

		memcpy(&head, context->bytes + from, sizeof(head));
		whole = sizeof(head) + head.length;
		if (whole > context->size - from)
			return false;
		if (head.typecode == HVM_SAVE_CODE(CPU) && head.instance == vcpu &&
		    head.length >= sizeof(cpu_record)) {
			cpu_record cpu;

			memcpy(&cpu, context->bytes + from + sizeof(head), sizeof(cpu));
			copy_fields_back(&cpu, registers);
			memcpy(context->bytes + from + sizeof(head), &cpu, sizeof(cpu));
			found = true;
		}
		if (is_kept(head.typecode)) {
			memmove(context->bytes + to, context->bytes + from, whole);
			to += whole;
		}
		from += whole;
	}
	context->size = to;
	return found;
}

int rs_xen_context_write(struct rs_xen *xen, uint32_t domain, uint32_t vcpu,
			 const struct rs_vcpu_registers *registers)
{
	struct context context = { 0 };
	int error = read_context(xen, domain, &context);

	if (!error && !reduce(&context, vcpu, registers))
		error = rs_fail(ENODATA, "vCPU %u of domain %u has no registers to be set: the "
					 "guest has not started it", vcpu, domain);
	if (!error && xc_domain_hvm_setcontext(xen->control, domain, context.bytes,
					       (uint32_t)context.size) < 0)
		error = rs_xen_fail_cure(xen, "xc_domain_hvm_setcontext", domain,
					 "Xen's console (xl dmesg) may say which register it "
					 "refuses");
	free(context.bytes);
	return error;
}
