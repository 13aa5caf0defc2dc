/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* monitor.c: XEN_DOMCTL_monitor_op, the toggles of event sources (xen/common/monitor.c and
 * xen/arch/x86/monitor.c of 4.17). It runs on the call thread: no vCPU moves meanwhile. */
#include <errno.h>

#include "fakexen/vm_event.h"

static uint32_t capabilities(const struct fx_model *model, const struct fx_domain *domain)
{
	uint32_t all = 1u << XEN_DOMCTL_MONITOR_EVENT_GUEST_REQUEST |
		       1u << XEN_DOMCTL_MONITOR_EVENT_SOFTWARE_BREAKPOINT |
		       1u << XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR |
		       1u << XEN_DOMCTL_MONITOR_EVENT_INTERRUPT |
		       1u << XEN_DOMCTL_MONITOR_EVENT_CPUID |
		       1u << XEN_DOMCTL_MONITOR_EVENT_DEBUG_EXCEPTION |
		       1u << XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG |
		       1u << XEN_DOMCTL_MONITOR_EVENT_EMUL_UNIMPLEMENTED |
		       1u << XEN_DOMCTL_MONITOR_EVENT_INGUEST_PAGEFAULT |
		       1u << XEN_DOMCTL_MONITOR_EVENT_VMEXIT |
		       1u << XEN_DOMCTL_MONITOR_EVENT_SINGLESTEP |
		       1u << XEN_DOMCTL_MONITOR_EVENT_DESC_ACCESS;

	return domain->is_hvm ? all & ~model->options.capabilities_off : 0;
}

static int toggle(bool *what, bool on)
{
	if (*what == on)
		return -EEXIST;
	*what = on;
	return 0;
}

static void set_bit16(uint16_t *bits, uint16_t bit, bool on)
{
	*bits = on ? *bits | bit : *bits & ~bit;
}

static int toggle_cr(struct fx_monitor *monitor, const struct xen_domctl_monitor_op *op, bool on)
{
	unsigned int index = op->u.mov_to_cr.index;
	uint16_t bit = 1u << index;

	if (index >= sizeof(monitor->cr_mask) / sizeof(*monitor->cr_mask) ||
		op->u.mov_to_cr.pad1 || op->u.mov_to_cr.pad2)
		return -EINVAL;
	if (!!(monitor->cr_enabled & bit) == on)
		return -EEXIST;
	set_bit16(&monitor->cr_sync, bit, op->u.mov_to_cr.sync);
	set_bit16(&monitor->cr_onchange, bit, op->u.mov_to_cr.onchangeonly);
	set_bit16(&monitor->cr_enabled, bit, on);
	monitor->cr_mask[index] = on ? op->u.mov_to_cr.bitmask : 0;
	/* These two latch the processors' controls anew; nothing else does. */
	if (index == VM_EVENT_X86_CR3 || index == VM_EVENT_X86_CR4)
		monitor->cr3_exiting = monitor->cr_enabled & 1u << VM_EVENT_X86_CR3;
	return 0;
}

static int msr_range(uint32_t msr)
{
	switch (msr & ~0x1fffu) {
	case 0: return 0;
	case 0x40000000: return 1;
	case 0xc0000000: return 2;
	default: return -EINVAL;
	}
}

static int toggle_msr(struct fx_domain *domain, const struct xen_domctl_monitor_op *op, bool on)
{
	struct fx_monitor *monitor = &domain->monitor;
	uint32_t msr = op->u.mov_to_msr.msr;
	int range = msr_range(msr);
	unsigned int byte = (msr & 0x1fff) / 8, bit = 1u << msr % 8;
	bool was_on = range >= 0 && (monitor->msr_watched[range][byte] & bit);

	/* In Xen's order: what is not there cannot be switched off. */
	if (was_on == on)
		return -EEXIST;
	if (!monitor->msr_bitmaps)
		return -ENXIO;
	if (range < 0)
		return range;
	monitor->msr_watched[range][byte] ^= bit;
	if (!on)
		return 0;
	monitor->msr_intercepted[range][byte] |= bit;
	if (op->u.mov_to_msr.onchangeonly)
		monitor->msr_onchange[range][byte] |= bit;
	else
		monitor->msr_onchange[range][byte] &= ~bit;
	return 0;
}

static int toggle_event(struct fx_domain *domain, const struct xen_domctl_monitor_op *op, bool on)
{
	struct fx_monitor *monitor = &domain->monitor;
	int error;

	switch (op->event) {
	case XEN_DOMCTL_MONITOR_EVENT_GUEST_REQUEST:
		error = toggle(&monitor->guest_request, on);
		if (!error) {
			monitor->guest_request_sync = op->u.guest_request.sync;
			monitor->guest_request_userspace = op->u.guest_request.allow_userspace;
		}
		return error;
	case XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG:
		return toggle_cr(monitor, op, on);
	case XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR:
		return toggle_msr(domain, op, on);
	case XEN_DOMCTL_MONITOR_EVENT_SINGLESTEP:
		return toggle(&monitor->singlestep, on);
	case XEN_DOMCTL_MONITOR_EVENT_INGUEST_PAGEFAULT:
		return toggle(&monitor->inguest_pagefault_disabled, on);
	case XEN_DOMCTL_MONITOR_EVENT_DESC_ACCESS:
		error = toggle(&monitor->descriptor_access, on);
		if (!error)
			monitor->descriptor_exiting = on;
		return error;
	case XEN_DOMCTL_MONITOR_EVENT_SOFTWARE_BREAKPOINT:
		return toggle(&monitor->software_breakpoint, on);
	case XEN_DOMCTL_MONITOR_EVENT_DEBUG_EXCEPTION:
		error = toggle(&monitor->debug_exception, on);
		if (!error)
			monitor->debug_exception_sync = on && op->u.debug_exception.sync;
		return error;
	case XEN_DOMCTL_MONITOR_EVENT_CPUID:
		return toggle(&monitor->cpuid, on);
	case XEN_DOMCTL_MONITOR_EVENT_EMUL_UNIMPLEMENTED:
		return toggle(&monitor->emul_unimplemented, on);
	case XEN_DOMCTL_MONITOR_EVENT_VMEXIT:
		error = toggle(&monitor->vmexit, on);
		if (!error)
			monitor->vmexit_sync = op->u.vmexit.sync;
		return error;
	default:
		return -EOPNOTSUPP;
	}
}

int fx_monitor_domctl(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, struct xen_domctl_monitor_op *op)
{
	(void)host;
	switch (op->op) {
	case XEN_DOMCTL_MONITOR_OP_ENABLE:
	case XEN_DOMCTL_MONITOR_OP_DISABLE:
		if (op->event > 31)
			return -EINVAL;
		if (!(capabilities(model, domain) & 1u << op->event))
			return -EOPNOTSUPP;
		return toggle_event(domain, op, op->op == XEN_DOMCTL_MONITOR_OP_ENABLE);
	case XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES:
		op->event = capabilities(model, domain);
		return 0;
	case XEN_DOMCTL_MONITOR_OP_EMULATE_EACH_REP:
		if (!domain->vm_event.enabled)
			return -EINVAL;
		domain->monitor.emulate_each_rep = op->event;
		return 0;
	case XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS:
		domain->monitor.control_register_writes = true;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}
