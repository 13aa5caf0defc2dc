/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* monitor.c: the ring's domctl, and its life from enable to disable. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "xen/memory.h"
#include "xen/monitor.h"
#include "xen/private.h"

int rs_xen_monitor_version(struct rs_xen *xen, uint32_t *version)
{
	int result = xc_vm_event_get_version(xen->control);

	if (result < 0)
		return rs_xen_fail(xen, "xc_vm_event_get_version", RS_NO_DOMAIN);
	*version = (uint32_t)result;
	return 0;
}

/* Xen's capability bits, in its order, as kinds. */
static const struct {
	uint8_t capability, kind;
} capabilities[] = {
	{ XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG, RS_CR },
	{ XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR, RS_MSR },
	{ XEN_DOMCTL_MONITOR_EVENT_SINGLESTEP, RS_SINGLESTEP },
	{ XEN_DOMCTL_MONITOR_EVENT_SOFTWARE_BREAKPOINT, RS_BREAKPOINT },
	{ XEN_DOMCTL_MONITOR_EVENT_GUEST_REQUEST, RS_GUEST_REQUEST },
	{ XEN_DOMCTL_MONITOR_EVENT_DEBUG_EXCEPTION, RS_DEBUG },
	{ XEN_DOMCTL_MONITOR_EVENT_CPUID, RS_CPUID },
	{ XEN_DOMCTL_MONITOR_EVENT_PRIVILEGED_CALL, RS_PRIVILEGED_CALL },
	{ XEN_DOMCTL_MONITOR_EVENT_INTERRUPT, RS_INTERRUPT },
	{ XEN_DOMCTL_MONITOR_EVENT_DESC_ACCESS, RS_DESCRIPTOR },
	{ XEN_DOMCTL_MONITOR_EVENT_EMUL_UNIMPLEMENTED, RS_EMUL_UNIMPLEMENTED },
#ifdef XEN_DOMCTL_MONITOR_EVENT_VMEXIT /* 4.17 */
	{ XEN_DOMCTL_MONITOR_EVENT_VMEXIT, RS_VMEXIT },
#endif
#ifdef XEN_DOMCTL_MONITOR_EVENT_IO /* 4.18 */
	{ XEN_DOMCTL_MONITOR_EVENT_IO, RS_IO },
#endif
};

int rs_xen_monitor_kinds(struct rs_xen *xen, uint32_t domain, uint32_t *kinds)
{
	uint32_t bits = 0;

	*kinds = 0;
	if (xc_monitor_get_capabilities(xen->control, domain, &bits) < 0)
		return rs_xen_fail(xen, "xc_monitor_get_capabilities", domain);
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
		if (bits & 1U << capabilities[i].capability)
			*kinds |= 1U << capabilities[i].kind;
	return 0;
}

int rs_xen_monitor_taken(struct rs_xen *xen, uint32_t domain)
{
	xenmem_access_t access;

	if (xc_get_mem_access(xen->control, domain, 0, &access) == 0)
		return 1;
	/* Xen looks for the ring before it looks at the page, and for EPT before both. */
	if (errno == ENODEV)
		return 0;
	if (errno == ESRCH || errno == ERANGE)
		return 1;
	return rs_xen_fail(xen, "xc_get_mem_access", domain);
}

static int fail_taken(uint32_t domain)
{
	return rs_fail(EBUSY,
		       "domain %u: another agent holds its monitor ring: stop it (ringside, "
		       "xen-access, a LibVMI or DRAKVUF program); if it was killed, the ring "
		       "stays taken until the domain is destroyed",
		       domain);
}

int rs_xen_monitor_enable(struct rs_xen *xen, uint32_t domain, void **page, uint32_t *port)
{
	int error;

	*page = NULL;
	if (rs_xen_monitor_taken(xen, domain) == 1)
		return fail_taken(domain);
	/* It holds a pause of its own while it works. */
	rs_journal_pause_begin(xen->journal, false);
	rs_journal_source(xen->journal, RS_JOURNAL_RING_PAGE, true);
	*page = xc_monitor_enable(xen->control, domain, port);
	rs_journal_source(xen->journal, RS_JOURNAL_RING_PAGE, false);
	rs_journal_pause_end(xen->journal, false);
	if (*page)
		return 0;
	if (errno == EBUSY)
		return fail_taken(domain);
	if (errno == EOPNOTSUPP)
		return rs_xen_fail_cure(xen, "xc_monitor_enable", domain,
					"only HVM and PVH domains have a monitor ring");
	error = rs_xen_fail(xen, "xc_monitor_enable", domain);
	/* It fails in its last step, too: then the ring is on, and ours to give back. */
	if (rs_xen_monitor_taken(xen, domain) == 1)
		xc_monitor_disable(xen->control, domain);
	return error;
}

static int ring_gfn(struct rs_xen *xen, uint32_t domain, xen_pfn_t *gfn)
{
	uint64_t value = 0;
	int error = rs_xen_check(xen, xc_hvm_param_get(xen->control, domain,
						       HVM_PARAM_MONITOR_RING_PFN, &value),
				 "xc_hvm_param_get", domain);

	*gfn = value;
	return error;
}

int rs_xen_monitor_map(struct rs_xen *xen, uint32_t domain, void **page)
{
	xen_pfn_t gfn;
	int error = ring_gfn(xen, domain, &gfn);

	if (error)
		return error;
	if (rs_xen_memory_map(xen, domain, gfn, 1, true, page) == 0)
		return 0;
	rs_journal_source(xen->journal, RS_JOURNAL_RING_PAGE, true);
	if (xc_domain_populate_physmap_exact(xen->control, domain, 1, 0, 0, &gfn))
		return rs_xen_fail(xen, "xc_domain_populate_physmap_exact", domain);
	return rs_xen_memory_map(xen, domain, gfn, 1, true, page);
}

int rs_xen_monitor_enable_here(struct rs_xen *xen, uint32_t domain, void **page, uint32_t *port)
{
	struct xen_domctl call = {
		.cmd = XEN_DOMCTL_vm_event_op,
		.domain = (domid_t)domain,
		.u.vm_event_op = { .op = XEN_VM_EVENT_ENABLE,
				   .mode = XEN_DOMCTL_VM_EVENT_OP_MONITOR },
	};
	int error = rs_xen_monitor_map(xen, domain, page);

	if (error)
		return error;
	error = rs_xen_check(xen, rs_xen_domctl(xen, &call), "XEN_VM_EVENT_ENABLE", domain);
	*port = call.u.vm_event_op.u.enable.port;
	if (!error)
		return 0;
	rs_xen_monitor_unmap(xen, *page);
	*page = NULL;
	return error;
}

int rs_xen_monitor_remove_page(struct rs_xen *xen, uint32_t domain)
{
	uint64_t there[RS_XEN_MEMORY_TYPES / 64];
	xen_pfn_t gfn;
	int error = ring_gfn(xen, domain, &gfn);

	if (!error)
		error = rs_xen_memory_is_ram(xen, domain, gfn, 1, there);
	if (!error && there[0] & 1)
		error = rs_xen_check(xen, xc_domain_decrease_reservation_exact(xen->control, domain,
									       1, 0, &gfn),
				     "xc_domain_decrease_reservation_exact", domain);
	if (!error)
		rs_journal_source(xen->journal, RS_JOURNAL_RING_PAGE, false);
	return error;
}

int rs_xen_monitor_resume(struct rs_xen *xen, uint32_t domain)
{
	return rs_xen_check(xen, xc_monitor_resume(xen->control, domain), "xc_monitor_resume",
			    domain);
}

int rs_xen_monitor_disable(struct rs_xen *xen, uint32_t domain)
{
	int error = rs_xen_check(xen, xc_monitor_disable(xen->control, domain),
				 "xc_monitor_disable", domain);

	if (!error)
		rs_journal_source(xen->journal, RS_JOURNAL_HELD_WRITES, false);
	return error;
}

void rs_xen_monitor_unmap(struct rs_xen *xen, void *page)
{
	if (page)
		xenforeignmemory_unmap(xen->memory, page, 1);
}

int rs_xen_monitor_hold_writes(struct rs_xen *xen, uint32_t domain)
{
	struct xen_domctl call = {
		.cmd = XEN_DOMCTL_monitor_op,
		.domain = (domid_t)domain,
		.u.monitor_op.op = XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS,
	};

	rs_journal_source(xen->journal, RS_JOURNAL_HELD_WRITES, true);
	return rs_xen_check(xen, rs_xen_domctl(xen, &call),
			    "XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS", domain);
}
