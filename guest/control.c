/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control.c: holding a guest still, injecting, and what it is at this moment. */
#include <errno.h>
#include <string.h>

#include <ringside/reply.h>
#include <ringside/vcpu.h>

#include "guest/private.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/vcpu.h"

#define INSN_LENGTH_MAX 15

int rs_guest_pause(struct rs_guest *guest)
{
	int error = rs_xen_domain_pause(guest->xen, guest->domain);

	if (!error)
		rs_add_relaxed(&guest->pauses, 1);
	return error;
}

/* Takes one of the pauses that are left, if there is one. */
static bool take_pause(struct rs_guest *guest)
{
	uint32_t pauses = rs_load_relaxed(&guest->pauses);

	while (pauses)
		if (rs_compare_exchange_acq_rel(&guest->pauses, &pauses, pauses - 1))
			return true;
	return false;
}

int rs_guest_resume(struct rs_guest *guest)
{
	if (!take_pause(guest))
		return rs_fail(EALREADY, "domain %u is not paused by this handle", guest->domain);
	return rs_xen_domain_unpause(guest->xen, guest->domain);
}

void rs_guest_leave_paused(struct rs_guest *guest)
{
	rs_store_relaxed(&guest->pauses, 0);
}

int rs_guest_adopt_pause(struct rs_guest *guest)
{
	struct rs_xen_domain info;
	int error = rs_xen_domain_read(guest->xen, guest->domain, &info);

	if (error)
		return error;
	if (!info.paused)
		return rs_fail(EALREADY, "domain %u is not paused by any tool", guest->domain);
	rs_add_relaxed(&guest->pauses, 1);
	return 0;
}

void rs_guest_resume_all(struct rs_guest *guest)
{
	while (take_pause(guest))
		rs_xen_domain_unpause(guest->xen, guest->domain);
}

static bool is_type(uint8_t type, uint8_t vector)
{
	switch (type) {
	case RS_INJECT_EXTERNAL:
		return vector >= 16;
	case RS_INJECT_NMI:
		return vector == 2;
	case RS_INJECT_HARDWARE_EXCEPTION:
		return vector < 32 && vector != 2;
	default:
		return type <= RS_INJECT_SOFTWARE_EXCEPTION && type != 1;
	}
}

int rs_vcpu_inject(struct rs_guest *guest, uint32_t vcpu, uint8_t vector, uint8_t type,
		   uint32_t error_code, uint8_t insn_length, uint64_t extra)
{
	if (vcpu >= guest->vcpu_count)
		return rs_fail(ENOENT, "domain %u has no vCPU %u", guest->domain, vcpu);
	if (!is_type(type, vector))
		return rs_fail(EINVAL, "inject, domain %u: vector %u does not go with type %u",
			       guest->domain, vector, type);
	if (insn_length > INSN_LENGTH_MAX)
		return rs_fail(EINVAL, "inject, domain %u: no instruction has %u bytes",
			       guest->domain, insn_length);
	return rs_xen_vcpu_inject(guest->xen, guest->domain, vcpu, vector, type, error_code,
				  insn_length, extra);
}

int rs_guest_facts_sized(struct rs_guest *guest, struct rs_guest_facts *out, size_t size)
{
	struct rs_guest_facts facts;
	struct rs_xen_domain info;
	uint64_t max_gfn = 0;
	int error = rs_xen_domain_read(guest->xen, guest->domain, &info);

	memset(out, 0, size);
	if (!error && !info.dying)
		error = rs_xen_domain_top(guest->xen, guest->domain, &max_gfn);
	if (error)
		return error;
	facts = (struct rs_guest_facts){
		.paused = info.paused,
		.dying = info.dying,
		.ended = info.ended,
		.vcpu_count = info.vcpu_count,
		.memory_bytes = info.memory_bytes,
		.address_max = (max_gfn + 1) * RS_FRAME_SIZE - 1,
	};
	memcpy(out, &facts, size < sizeof(facts) ? size : sizeof(facts));
	return 0;
}

int rs_vcpu_facts_sized(struct rs_guest *guest, uint32_t vcpu, struct rs_vcpu_facts *out,
			size_t size)
{
	struct rs_vcpu_facts facts;
	struct rs_xen_vcpu info;
	int error;

	memset(out, 0, size);
	if (vcpu >= guest->vcpu_count)
		return rs_fail(ENOENT, "domain %u has no vCPU %u", guest->domain, vcpu);
	error = rs_xen_vcpu_read(guest->xen, guest->domain, vcpu, &info);
	if (error)
		return error;
	facts = (struct rs_vcpu_facts){
		.online = info.online,
		.blocked = info.blocked,
		.cpu_time_ns = info.cpu_time_ns,
	};
	memcpy(out, &facts, size < sizeof(facts) ? size : sizeof(facts));
	return 0;
}
