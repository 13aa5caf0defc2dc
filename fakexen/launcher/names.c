/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* names.c: names of hypercalls and events for reports: those of Xen's headers. */
#include "fakexen/launcher/names.h"

#include <stddef.h>

#include "fakexen/xen.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define NAME(name) [__HYPERVISOR_##name] = #name
static const char *const hypercalls[] = {
	NAME(set_trap_table), NAME(mmu_update), NAME(set_gdt), NAME(stack_switch),
	NAME(set_callbacks), NAME(fpu_taskswitch), NAME(sched_op_compat), NAME(platform_op),
	NAME(set_debugreg), NAME(get_debugreg), NAME(update_descriptor), NAME(memory_op),
	NAME(multicall), NAME(update_va_mapping), NAME(set_timer_op),
	NAME(event_channel_op_compat), NAME(xen_version), NAME(console_io),
	NAME(physdev_op_compat), NAME(grant_table_op), NAME(vm_assist),
	NAME(update_va_mapping_otherdomain), NAME(iret), NAME(vcpu_op), NAME(set_segment_base),
	NAME(mmuext_op), NAME(xsm_op), NAME(nmi_op), NAME(sched_op), NAME(callback_op),
	NAME(xenoprof_op), NAME(event_channel_op), NAME(physdev_op), NAME(hvm_op), NAME(sysctl),
	NAME(domctl), NAME(kexec_op), NAME(tmem_op), NAME(argo_op), NAME(xenpmu_op), NAME(dm_op),
	NAME(hypfs_op),
};
#undef NAME

#define NAME(name) [XEN_DOMCTL_##name] = "domctl." #name
static const char *const domctls[] = {
	NAME(createdomain), NAME(destroydomain), NAME(pausedomain), NAME(unpausedomain),
	NAME(getdomaininfo), NAME(setvcpuaffinity), NAME(shadow_op), NAME(max_mem),
	NAME(setvcpucontext), NAME(getvcpucontext), NAME(getvcpuinfo), NAME(max_vcpus),
	NAME(scheduler_op), NAME(setdomainhandle), NAME(setdebugging), NAME(irq_permission),
	NAME(iomem_permission), NAME(ioport_permission), NAME(hypercall_init),
	NAME(settimeoffset), NAME(getvcpuaffinity), NAME(real_mode_area),
	NAME(resumedomain), NAME(sendtrigger), NAME(subscribe), NAME(gethvmcontext),
	NAME(sethvmcontext), NAME(set_address_size), NAME(get_address_size), NAME(assign_device),
	NAME(bind_pt_irq), NAME(memory_mapping), NAME(ioport_mapping), NAME(set_ext_vcpucontext),
	NAME(get_ext_vcpucontext), NAME(set_opt_feature), NAME(test_assign_device),
	NAME(set_target), NAME(deassign_device), NAME(unbind_pt_irq), NAME(get_device_group),
	NAME(debug_op), NAME(gethvmcontext_partial), NAME(vm_event_op), NAME(mem_sharing_op),
	NAME(gettscinfo), NAME(settscinfo), NAME(getpageframeinfo3), NAME(setvcpuextstate),
	NAME(getvcpuextstate), NAME(set_access_required), NAME(audit_p2m),
	NAME(set_virq_handler), NAME(set_broken_page_p2m), NAME(setnodeaffinity),
	NAME(getnodeaffinity), NAME(cacheflush), NAME(get_vcpu_msrs), NAME(set_vcpu_msrs),
	NAME(setvnumainfo), NAME(psr_cmt_op), NAME(monitor_op), NAME(psr_alloc),
	NAME(soft_reset), NAME(vuart_op), NAME(get_cpu_policy), NAME(set_cpu_policy),
	NAME(vmtrace_op), NAME(get_paging_mempool_size), NAME(set_paging_mempool_size),
};
#undef NAME

/* By VM_EVENT_REASON_; the last is 4.18's. */
static const char *const events[] = {
	"unknown", "mem_access", "mem_sharing", "mem_paging", "write_ctrlreg", "mov_to_msr",
	"software_breakpoint", "singlestep", "guest_request", "debug_exception", "cpuid",
	"privileged_call", "interrupt", "descriptor_access", "emul_unimplemented", "vmexit",
	"io_instruction",
};

static const char *find(const char *const *names, size_t count, unsigned int index)
{
	return index < count && names[index] ? names[index] : "unknown";
}

const char *name_of_hypercall(unsigned int number)
{
	return find(hypercalls, COUNT(hypercalls), number);
}

const char *name_of_domctl(unsigned int command)
{
	return find(domctls, COUNT(domctls), command);
}

const char *name_of_event(unsigned int reason)
{
	return find(events, COUNT(events), reason);
}
