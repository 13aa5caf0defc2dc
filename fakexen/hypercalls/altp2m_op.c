/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* altp2m_op.c: HVMOP_altp2m with all its commands (do_altp2m_op of 4.17). */
#include <errno.h>

#include "fakexen/hypercalls/private.h"
#include "fakexen/p2m.h"
#include "fakexen/vm_event.h"

struct altp2m {
	const struct fx_caller *caller;
	struct fx_domain *domain;
	struct xen_hvm_altp2m_op op;
	bool copy_back;
};

static struct fx_vcpu *vcpu_of(struct fx_domain *domain, uint32_t index)
{
	return index < domain->vcpu_count ? &domain->vcpus[index] : NULL;
}

/* ---- notification of vCPUs: #VE itself is not modelled ---- */

static int enable_notify(struct altp2m *a)
{
	const struct xen_hvm_altp2m_vcpu_enable_notify *enable = &a->op.u.enable_notify;
	struct fx_vcpu *vcpu = vcpu_of(a->domain, enable->vcpu_id);
	const struct fx_p2m_entry *entry = fx_p2m_entry(a->domain, enable->gfn);

	if (enable->pad || !vcpu)
		return -EINVAL;
	if (vcpu->ve_notify)
		return -EEXIST;
	if (!entry || !entry->present)
		return -EINVAL;
	vcpu->ve_notify = true;
	return 0;
}

static int disable_notify(struct altp2m *a)
{
	struct fx_vcpu *vcpu = vcpu_of(a->domain, a->op.u.disable_notify.vcpu_id);

	if (!vcpu)
		return -EINVAL;
	vcpu->ve_notify = false;
	return 0;
}

static int set_suppress_ve(struct altp2m *a)
{
	const struct xen_hvm_altp2m_suppress_ve *ve = &a->op.u.suppress_ve;

	if (ve->pad1 || ve->pad2)
		return -EINVAL;
	return fx_view_set_suppress_ve(a->caller->model, a->domain, ve->view, ve->gfn,
		ve->suppress_ve);
}

static int get_suppress_ve(struct altp2m *a)
{
	struct xen_hvm_altp2m_suppress_ve *ve = &a->op.u.suppress_ve;
	bool suppress;
	int error;

	if (ve->pad1 || ve->pad2)
		return -EINVAL;
	error = fx_view_get_suppress_ve(a->caller->model, a->domain, ve->view, ve->gfn,
		&suppress);
	if (error)
		return error;
	ve->suppress_ve = suppress;
	a->copy_back = true;
	return 0;
}

static int set_suppress_ve_multi(struct altp2m *a)
{
	struct xen_hvm_altp2m_suppress_ve_multi *ve = &a->op.u.suppress_ve_multi;

	if (ve->pad1 || ve->first_gfn > ve->last_gfn)
		return -EINVAL;
	if (ve->view && (ve->view >= FX_VIEWS || !a->domain->views[ve->view].used))
		return -EINVAL;
	if (ve->last_gfn >= FX_GFNS)    /* nothing can be there */
		ve->last_gfn = FX_GFNS;
	for (; ve->first_gfn <= ve->last_gfn; ve->first_gfn++) {
		int error = fx_view_set_suppress_ve(a->caller->model, a->domain, ve->view,
			ve->first_gfn, ve->suppress_ve);

		if (!error || ve->first_error)
			continue;
		ve->first_error = error;
		ve->first_error_gfn = ve->first_gfn;
	}
	a->copy_back = true;
	return 0;
}

/* ---- access ---- */

static int set_access(struct altp2m *a)
{
	const struct xen_hvm_altp2m_mem_access *access = &a->op.u.mem_access;

	if (access->pad)
		return -EINVAL;
	if (access->access > XENMEM_access_default)
		return -EINVAL;
	return fx_view_set_access(a->caller->model, a->domain, access->view, access->gfn,
		access->access);
}

static int get_access(struct altp2m *a)
{
	struct xen_hvm_altp2m_mem_access *access = &a->op.u.mem_access;
	uint8_t found;
	int error;

	if (access->pad)
		return -EINVAL;
	error = fx_view_get_access(a->caller->model, a->domain, access->view, access->gfn, &found);
	if (error)
		return error;
	access->access = found;
	a->copy_back = true;
	return 0;
}

static int set_access_multi(struct altp2m *a)
{
	const struct xen_hvm_altp2m_set_mem_access_multi *multi = &a->op.u.set_mem_access_multi;

	if (multi->pad || multi->opaque > multi->nr)
		return -EINVAL;
	if (multi->view && (multi->view >= FX_VIEWS || !a->domain->views[multi->view].used))
		return -EINVAL;
	return fx_set_access_list(a->caller, a->domain, &(struct fx_access_list){
		.gfns = HANDLE_ADDRESS(multi->pfn_list),
		.accesses = HANDLE_ADDRESS(multi->access_list),
		.start = multi->opaque, .count = multi->nr, .view = multi->view });
}

/* ---- views ---- */

static int create_view(struct altp2m *a)
{
	struct xen_hvm_altp2m_view *view = &a->op.u.view;

	if (view->hvmmem_default_access > XENMEM_access_default)
		return -EINVAL;
	a->copy_back = true;
	return fx_view_create(a->caller->model, a->domain, view->hvmmem_default_access,
		&view->view);
}

static int get_view_of_vcpu(struct altp2m *a)
{
	const struct fx_vcpu *vcpu = vcpu_of(a->domain, a->op.u.get_vcpu_p2m_idx.vcpu_id);

	if (!vcpu)
		return -EINVAL;
	a->op.u.get_vcpu_p2m_idx.altp2m_idx = vcpu->view;
	a->copy_back = true;
	return 0;
}

static int set_visibility(struct altp2m *a)
{
	if (a->op.u.set_visibility.pad)
		return -EINVAL;
	return fx_view_set_visible(a->caller->model, a->domain,
		a->op.u.set_visibility.altp2m_idx, a->op.u.set_visibility.visible);
}

static int change_gfn(struct altp2m *a)
{
	const struct xen_hvm_altp2m_change_gfn *change = &a->op.u.change_gfn;

	if (change->pad1 || change->pad2)
		return -EINVAL;
	return fx_view_change_gfn(a->caller->model, a->domain, change->view, change->old_gfn,
		change->new_gfn);
}

static int carry_out(struct altp2m *a)
{
	struct fx_model *model = a->caller->model;

	switch (a->op.cmd) {
	case HVMOP_altp2m_get_domain_state:
		a->op.u.domain_state.state = a->domain->altp2m_active;
		a->copy_back = true;
		return 0;
	case HVMOP_altp2m_set_domain_state:
		return fx_altp2m_set_state(model, a->domain, a->op.u.domain_state.state);
	case HVMOP_altp2m_vcpu_enable_notify:
		return enable_notify(a);
	case HVMOP_altp2m_vcpu_disable_notify:
		return disable_notify(a);
	case HVMOP_altp2m_create_p2m:
		return create_view(a);
	case HVMOP_altp2m_destroy_p2m:
		return fx_view_destroy(model, a->domain, a->op.u.view.view);
	case HVMOP_altp2m_switch_p2m:
		return fx_view_switch_domain(model, a->domain, a->op.u.view.view);
	case HVMOP_altp2m_set_suppress_ve:
		return set_suppress_ve(a);
	case HVMOP_altp2m_set_suppress_ve_multi:
		return set_suppress_ve_multi(a);
	case HVMOP_altp2m_get_suppress_ve:
		return get_suppress_ve(a);
	case HVMOP_altp2m_set_mem_access:
		return set_access(a);
	case HVMOP_altp2m_set_mem_access_multi:
		return set_access_multi(a);
	case HVMOP_altp2m_get_mem_access:
		return get_access(a);
	case HVMOP_altp2m_change_gfn:
		return change_gfn(a);
	case HVMOP_altp2m_get_p2m_idx:
		return get_view_of_vcpu(a);
	default:
		return set_visibility(a);
	}
}

static bool works_without_altp2m(uint32_t cmd)
{
	return cmd == HVMOP_altp2m_get_domain_state || cmd == HVMOP_altp2m_set_domain_state;
}

int64_t fx_altp2m_op(const struct fx_caller *caller, uint64_t address)
{
	struct altp2m a = { .caller = caller };
	int result;

	if (!caller->model->options.altp2m)
		return -EOPNOTSUPP;
	if (fx_copy_in(caller, &a.op, address, sizeof a.op))
		return -EFAULT;
	if (a.op.pad1 || a.op.pad2 || a.op.version != HVMOP_ALTP2M_INTERFACE_VERSION)
		return -EINVAL;
	if (!a.op.cmd || a.op.cmd > HVMOP_altp2m_set_visibility)
		return -EOPNOTSUPP;
	a.domain = fx_domain_any(caller, a.op.domain);
	if (!a.domain)
		return -ESRCH;
	if (!a.domain->is_hvm || (!a.domain->altp2m_active && !works_without_altp2m(a.op.cmd)))
		return -EOPNOTSUPP;
	if (a.domain->params[HVM_PARAM_ALTP2M] == XEN_ALTP2M_disabled)
		return -EINVAL;
	/* An answer may be moving a vCPU to another view in some process just now. */
	fx_domain_lock(caller->model, caller->host, a.domain);
	result = carry_out(&a);
	fx_domain_unlock(a.domain);
	if (!result && a.copy_back && fx_copy_out(caller, address, &a.op, sizeof a.op))
		return -EFAULT;
	return result;
}
