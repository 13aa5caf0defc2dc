/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* monitor.c: the domctls of vm_event, as far as they are not the ring's own. */
#include <errno.h>

#include "fakexen/hypercalls/private.h"
#include "fakexen/vm_event.h"

static int64_t control_ring(struct fx_domctl *op)
{
	struct fx_model *model = op->caller->model;
	struct xen_domctl_vm_event_op *event = &op->ctl.u.vm_event_op;

	switch (event->op) {
	case XEN_VM_EVENT_ENABLE:
		return fx_vm_event_enable(model, op->domain, &event->u.enable.port);
	case XEN_VM_EVENT_DISABLE:
		return fx_vm_event_disable(model, op->caller->host, op->domain);
	case XEN_VM_EVENT_RESUME:
		return fx_vm_event_resume(model, op->caller->host, op->domain);
	default:
		return -ENOSYS;
	}
}

int64_t fx_domctl_vm_event(struct fx_domctl *op)
{
	struct xen_domctl_vm_event_op *event = &op->ctl.u.vm_event_op;
	uint32_t said = op->caller->model->options.message_version;
	int64_t result;

	if (event->op == XEN_VM_EVENT_GET_VERSION) {
		event->u.version = said ? said : VM_EVENT_INTERFACE_VERSION;
		op->copy_back = true;
		return 0;
	}
	if (!op->domain)
		return -ESRCH;
	if (op->domain->id == 0)
		return -EINVAL;
	if (op->domain->state == FX_DOMAIN_DYING)
		return 0;
	if (!op->domain->vcpu_count)
		return -EINVAL;
	/* Debian's Xen has neither paging nor sharing. */
	if (event->mode != XEN_DOMCTL_VM_EVENT_OP_MONITOR)
		return -ENOSYS;
	result = control_ring(op);
	op->copy_back = result == 0;
	return result;
}

int64_t fx_domctl_monitor(struct fx_domctl *op)
{
	int64_t result;

	if (op->domain->id == 0)
		return -EPERM;
	result = fx_monitor_domctl(op->caller->model, op->caller->host, op->domain,
		&op->ctl.u.monitor_op);
	op->copy_back = result == 0;
	return result;
}

int64_t fx_domctl_access_required(struct fx_domctl *op)
{
	if (op->domain->id == 0)
		return -EPERM;
	op->domain->access_required = op->ctl.u.access_required.access_required;
	return 0;
}

/* No domain has a trace buffer: that is settled at creation. */
int64_t fx_domctl_vmtrace(struct fx_domctl *op)
{
	(void)op;
	return -EINVAL;
}
