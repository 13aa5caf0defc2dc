/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hypercall.c: from a hypercall's number to who does it, and the caller's memory. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "fakexen/hypercalls/private.h"

int fx_copy_in(const struct fx_caller *caller, void *to, uint64_t from, size_t size)
{
	return caller->host->copy_in(caller->host->opaque, caller->pid, to, from, size);
}

int fx_copy_out(const struct fx_caller *caller, uint64_t to, const void *from, size_t size)
{
	return caller->host->copy_out(caller->host->opaque, caller->pid, to, from, size);
}

void fx_host_log(const struct fx_host *host, const char *format, ...)
{
	char line[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	host->log(host->opaque, line);
}

int fx_unmodelled(const struct fx_caller *caller, const char *format, ...)
{
	char what[200];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof what, format, arguments);
	va_end(arguments);
	fx_host_log(caller->host, "not modelled: %s (called by process %d)", what, (int)caller->pid);
	return -ENOSYS;
}

static const char *const names[] = {
	[__HYPERVISOR_set_trap_table] = "set_trap_table",
	[__HYPERVISOR_mmu_update] = "mmu_update",
	[__HYPERVISOR_platform_op] = "platform_op",
	[__HYPERVISOR_memory_op] = "memory_op",
	[__HYPERVISOR_multicall] = "multicall",
	[__HYPERVISOR_xen_version] = "xen_version",
	[__HYPERVISOR_console_io] = "console_io",
	[__HYPERVISOR_grant_table_op] = "grant_table_op",
	[__HYPERVISOR_vm_assist] = "vm_assist",
	[__HYPERVISOR_vcpu_op] = "vcpu_op",
	[__HYPERVISOR_mmuext_op] = "mmuext_op",
	[__HYPERVISOR_xsm_op] = "xsm_op",
	[__HYPERVISOR_nmi_op] = "nmi_op",
	[__HYPERVISOR_sched_op] = "sched_op",
	[__HYPERVISOR_callback_op] = "callback_op",
	[__HYPERVISOR_xenoprof_op] = "xenoprof_op",
	[__HYPERVISOR_event_channel_op] = "event_channel_op",
	[__HYPERVISOR_physdev_op] = "physdev_op",
	[__HYPERVISOR_hvm_op] = "hvm_op",
	[__HYPERVISOR_sysctl] = "sysctl",
	[__HYPERVISOR_domctl] = "domctl",
	[__HYPERVISOR_kexec_op] = "kexec_op",
	[__HYPERVISOR_argo_op] = "argo_op",
	[__HYPERVISOR_xenpmu_op] = "xenpmu_op",
	[__HYPERVISOR_dm_op] = "dm_op",
	[__HYPERVISOR_hypfs_op] = "hypfs_op",
};

const char *fx_hypercall_name(unsigned int op)
{
	return op < ARRAY_COUNT(names) ? names[op] : NULL;
}

static int64_t count_and_dispatch(const struct fx_caller *caller, uint64_t op,
	const uint64_t args[5]);

/* Several hypercalls in one; each gets a result of its own. */
static int64_t multicall(const struct fx_caller *caller, uint64_t address, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++, address += sizeof(multicall_entry_t)) {
		multicall_entry_t entry;

		if (fx_copy_in(caller, &entry, address, sizeof entry))
			return -EFAULT;
		if (entry.op == __HYPERVISOR_multicall)
			entry.result = -EINVAL;
		else
			entry.result = count_and_dispatch(caller, entry.op,
				(uint64_t[5]){ entry.args[0], entry.args[1], entry.args[2],
					entry.args[3], entry.args[4] });
		if (fx_copy_out(caller, address + offsetof(multicall_entry_t, result),
			    &entry.result, sizeof entry.result))
			return -EFAULT;
	}
	return 0;
}

static int64_t dispatch(const struct fx_caller *caller, uint64_t op, const uint64_t args[5])
{
	switch (op) {
	case __HYPERVISOR_memory_op:
		return fx_memory_op(caller, args[0], args[1]);
	case __HYPERVISOR_multicall:
		return multicall(caller, args[0], args[1]);
	case __HYPERVISOR_xen_version:
		return fx_xen_version(caller, args[0], args[1]);
	case __HYPERVISOR_sched_op:
		return fx_sched_op(caller, args[0], args[1]);
	case __HYPERVISOR_event_channel_op:
		return fx_event_channel_op(caller, args[0], args[1]);
	case __HYPERVISOR_hvm_op:
		return fx_hvm_op(caller, args[0], args[1]);
	case __HYPERVISOR_sysctl:
		return fx_sysctl(caller, args[0]);
	case __HYPERVISOR_domctl:
		return fx_domctl(caller, args[0]);
	case __HYPERVISOR_dm_op:
		return fx_dm_hypercall(caller, args[0], args[1], args[2]);
	case __HYPERVISOR_xsm_op:
		return -ENOSYS;         /* as Xen says without XSM */
	default:
		if (fx_hypercall_name(op))
			return fx_unmodelled(caller, "hypercall %s", fx_hypercall_name(op));
		return fx_unmodelled(caller, "hypercall %llu", (unsigned long long)op);
	}
}

static int64_t count_and_dispatch(const struct fx_caller *caller, uint64_t op,
	const uint64_t args[5])
{
	if (op < ARRAY_COUNT(caller->model->hypercalls))
		caller->model->hypercalls[op]++;
	return dispatch(caller, op, args);
}

int64_t fx_hypercall(const struct fx_caller *caller, uint64_t op, const uint64_t args[5])
{
	/* Linux lets a restricted descriptor make device model calls and mappings only. */
	if (caller->restricted_to >= 0)
		return -EPERM;
	return count_and_dispatch(caller, op, args);
}
