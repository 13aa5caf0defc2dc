/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* domctl.c: from a domctl's number to who does it, and what holds for all of them. */
#include <errno.h>

#include "fakexen/hypercalls/private.h"

static const struct {
	const char *name;
	fx_domctl_handler *handle;      /* NULL: known by name only */
} commands[] = {
	[XEN_DOMCTL_createdomain] = { "createdomain", fx_domctl_create },
	[XEN_DOMCTL_destroydomain] = { "destroydomain", fx_domctl_destroy },
	[XEN_DOMCTL_pausedomain] = { "pausedomain", fx_domctl_pause },
	[XEN_DOMCTL_unpausedomain] = { "unpausedomain", fx_domctl_unpause },
	[XEN_DOMCTL_getdomaininfo] = { "getdomaininfo", fx_domctl_info },
	[XEN_DOMCTL_setvcpuaffinity] = { "setvcpuaffinity", NULL },
	[XEN_DOMCTL_shadow_op] = { "shadow_op", fx_domctl_shadow },
	[XEN_DOMCTL_max_mem] = { "max_mem", fx_domctl_max_mem },
	[XEN_DOMCTL_setvcpucontext] = { "setvcpucontext", fx_domctl_set_vcpu_context },
	[XEN_DOMCTL_getvcpucontext] = { "getvcpucontext", fx_domctl_get_vcpu_context },
	[XEN_DOMCTL_getvcpuinfo] = { "getvcpuinfo", fx_domctl_get_vcpu_info },
	[XEN_DOMCTL_max_vcpus] = { "max_vcpus", fx_domctl_max_vcpus },
	[XEN_DOMCTL_scheduler_op] = { "scheduler_op", NULL },
	[XEN_DOMCTL_setdomainhandle] = { "setdomainhandle", fx_domctl_set_handle },
	[XEN_DOMCTL_setdebugging] = { "setdebugging", NULL },
	[XEN_DOMCTL_hypercall_init] = { "hypercall_init", NULL },
	[XEN_DOMCTL_settimeoffset] = { "settimeoffset", NULL },
	[XEN_DOMCTL_getvcpuaffinity] = { "getvcpuaffinity", fx_domctl_get_affinity },
	[XEN_DOMCTL_resumedomain] = { "resumedomain", fx_domctl_resume },
	[XEN_DOMCTL_sendtrigger] = { "sendtrigger", NULL },
	[XEN_DOMCTL_gethvmcontext] = { "gethvmcontext", fx_domctl_get_hvm_context },
	[XEN_DOMCTL_sethvmcontext] = { "sethvmcontext", fx_domctl_set_hvm_context },
	[XEN_DOMCTL_set_address_size] = { "set_address_size", fx_domctl_address_size },
	[XEN_DOMCTL_get_address_size] = { "get_address_size", fx_domctl_address_size },
	[XEN_DOMCTL_get_ext_vcpucontext] = { "get_ext_vcpucontext", NULL },
	[XEN_DOMCTL_set_ext_vcpucontext] = { "set_ext_vcpucontext", NULL },
	[XEN_DOMCTL_debug_op] = { "debug_op", fx_domctl_debug },
	[XEN_DOMCTL_gethvmcontext_partial] = { "gethvmcontext_partial",
		fx_domctl_get_hvm_context_partial },
	[XEN_DOMCTL_vm_event_op] = { "vm_event_op", fx_domctl_vm_event },
	[XEN_DOMCTL_mem_sharing_op] = { "mem_sharing_op", NULL },
	[XEN_DOMCTL_gettscinfo] = { "gettscinfo", NULL },
	[XEN_DOMCTL_settscinfo] = { "settscinfo", NULL },
	[XEN_DOMCTL_getpageframeinfo3] = { "getpageframeinfo3", fx_domctl_page_types },
	[XEN_DOMCTL_getvcpuextstate] = { "getvcpuextstate", NULL },
	[XEN_DOMCTL_setvcpuextstate] = { "setvcpuextstate", NULL },
	[XEN_DOMCTL_set_access_required] = { "set_access_required",
		fx_domctl_access_required },
	[XEN_DOMCTL_setnodeaffinity] = { "setnodeaffinity", NULL },
	[XEN_DOMCTL_getnodeaffinity] = { "getnodeaffinity", NULL },
	[XEN_DOMCTL_get_vcpu_msrs] = { "get_vcpu_msrs", NULL },
	[XEN_DOMCTL_set_vcpu_msrs] = { "set_vcpu_msrs", NULL },
	[XEN_DOMCTL_monitor_op] = { "monitor_op", fx_domctl_monitor },
	[XEN_DOMCTL_soft_reset] = { "soft_reset", NULL },
	[XEN_DOMCTL_get_cpu_policy] = { "get_cpu_policy", fx_domctl_get_cpu_policy },
	[XEN_DOMCTL_set_cpu_policy] = { "set_cpu_policy", fx_domctl_set_cpu_policy },
	[XEN_DOMCTL_vmtrace_op] = { "vmtrace_op", fx_domctl_vmtrace },
	[XEN_DOMCTL_get_paging_mempool_size] = { "get_paging_mempool_size",
		fx_domctl_get_paging_pool },
	[XEN_DOMCTL_set_paging_mempool_size] = { "set_paging_mempool_size",
		fx_domctl_set_paging_pool },
};

const char *fx_domctl_name(unsigned int cmd)
{
	return cmd < ARRAY_COUNT(commands) ? commands[cmd].name : NULL;
}

/* Commands that take no domain, or look for it in their own way. */
static bool needs_no_domain(const struct xen_domctl *ctl)
{
	switch (ctl->cmd) {
	case XEN_DOMCTL_createdomain:
	case XEN_DOMCTL_getdomaininfo:
		return true;
	case XEN_DOMCTL_vm_event_op:    /* GET_VERSION is asked of nobody */
		return ctl->domain == DOMID_INVALID;
	default:
		return false;
	}
}

static int64_t carry_out(struct fx_domctl *op)
{
	uint32_t cmd = op->ctl.cmd;

	if (cmd < ARRAY_COUNT(op->caller->model->domctls))
		op->caller->model->domctls[cmd]++;
	op->domain = fx_domain_find(op->caller->model, op->ctl.domain);
	if (!op->domain && !needs_no_domain(&op->ctl))
		return -ESRCH;
	if (cmd < ARRAY_COUNT(commands) && commands[cmd].handle)
		return commands[cmd].handle(op);
	if (fx_domctl_name(cmd))
		return fx_unmodelled(op->caller, "domctl %s", fx_domctl_name(cmd));
	return fx_unmodelled(op->caller, "domctl %u", cmd);
}

int64_t fx_domctl(const struct fx_caller *caller, uint64_t address)
{
	struct fx_domctl op = { .caller = caller };
	int64_t result;

	if (fx_copy_in(caller, &op.ctl, address, sizeof op.ctl))
		return -EFAULT;
	if (op.ctl.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
		return -EACCES;
	result = carry_out(&op);
	if (op.copy_back && fx_copy_out(caller, address, &op.ctl, sizeof op.ctl))
		return -EFAULT;
	return result;
}
