/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vcpu.c: calls about one vCPU. */
#include <errno.h>

#include "xen/private.h"

#include <ringside/guest.h>
#include <xen/hvm/save.h>

#include "xen/vcpu.h"

int rs_xen_vcpu_read(struct rs_xen *xen, uint32_t domain, uint32_t vcpu, struct rs_xen_vcpu *info)
{
	xc_vcpuinfo_t raw = { 0 };

	if (xc_vcpu_getinfo(xen->control, domain, vcpu, &raw) < 0)
		return rs_xen_fail(xen, "xc_vcpu_getinfo", domain);
	info->online = raw.online;
	info->blocked = raw.blocked;
	info->cpu_time_ns = raw.cpu_time;
	return 0;
}

int rs_xen_vcpu_step(struct rs_xen *xen, uint32_t domain, uint32_t vcpu, bool on)
{
	return rs_xen_check(xen,
			    xc_domain_debug_control(xen->control, domain,
						    on ? XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON
						       : XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF, vcpu),
			    "xc_domain_debug_control", domain);
}

int rs_xen_vcpu_inject(struct rs_xen *xen, uint32_t domain, uint32_t vcpu, uint8_t vector,
		       uint8_t type, uint32_t error_code, uint8_t insn_length, uint64_t extra)
{
	return rs_xen_check(xen,
			    xendevicemodel_inject_event(xen->model, (domid_t)domain, (int)vcpu,
							vector, type, error_code, insn_length,
							extra),
			    "xendevicemodel_inject_event", domain);
}

int rs_xen_vcpu_paging(struct rs_xen *xen, uint32_t domain, uint32_t vcpu,
		       struct rs_paging *paging)
{
	struct hvm_hw_cpu cpu;

	if (xc_domain_hvm_getcontext_partial(xen->control, domain, HVM_SAVE_CODE(CPU),
					     (uint16_t)vcpu, &cpu, sizeof(cpu)) < 0)
		return rs_xen_fail(xen, "xc_domain_hvm_getcontext_partial", domain);
	paging->cr0 = cpu.cr0;
	paging->cr3 = cpu.cr3;
	paging->cr4 = cpu.cr4;
	paging->efer = cpu.msr_efer;
	return 0;
}
