/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dm.c: dm_op, the device model's hypercalls: of them only the injection of events. */
#include <errno.h>
#include <string.h>

#include "fakexen/hypercalls/private.h"
#include "fakexen/vcpu.h"

#define BUFFERS_MAX 16

static int64_t carry_out(const struct fx_caller *caller, struct fx_domain *domain,
	const struct xen_dm_op *op)
{
	if (op->pad)
		return -EINVAL;
	if (op->op == XEN_DMOP_inject_event)
		return op->u.inject_event.vcpuid < domain->vcpu_count
			? fx_vcpu_inject(domain, op->u.inject_event.vcpuid, &op->u.inject_event)
			: -EINVAL;
	fx_unmodelled(caller, "dm_op %u", op->op);
	return -EOPNOTSUPP;
}

int64_t fx_dm_op(const struct fx_caller *caller, uint32_t domid, uint32_t buffer_count,
	const struct fx_dm_buffer *buffers)
{
	struct fx_domain *domain;
	struct xen_dm_op op = { 0 };
	size_t size;

	caller->model->hypercalls[__HYPERVISOR_dm_op]++;
	if (caller->restricted_to >= 0 && (uint32_t)caller->restricted_to != domid)
		return -EPERM;
	if (buffer_count > BUFFERS_MAX)
		return -E2BIG;
	domain = fx_domain_find(caller->model, domid);
	if (!domain)
		return -ESRCH;
	if (domain->id == 0)
		return -EPERM;
	if (!domain->is_hvm)
		return -EINVAL;
	if (!buffer_count)
		return -EFAULT;
	size = buffers[0].size < sizeof op ? buffers[0].size : sizeof op;
	if (fx_copy_in(caller, &op, buffers[0].address, size))
		return -EFAULT;
	return carry_out(caller, domain, &op);
}

/* The same as a plain hypercall. */
int64_t fx_dm_hypercall(const struct fx_caller *caller, uint64_t domid, uint64_t count,
	uint64_t address)
{
	xen_dm_op_buf_t given[BUFFERS_MAX];
	struct fx_dm_buffer buffers[BUFFERS_MAX];

	if (count > BUFFERS_MAX)
		return -E2BIG;
	if (fx_copy_in(caller, given, address, count * sizeof(*given)))
		return -EFAULT;
	for (uint64_t i = 0; i < count; i++)
		buffers[i] = (struct fx_dm_buffer){ HANDLE_ADDRESS(given[i].h), given[i].size };
	caller->model->hypercalls[__HYPERVISOR_dm_op]--;        /* counted there again */
	return fx_dm_op(caller, domid, count, buffers);
}
