/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* source.c: switching the sources of events on and off. */
#include <errno.h>
#include <stdio.h>

#include <ringside/probe.h>

#include "xen/monitor.h"
#include "xen/private.h"

/* A source that the Xen of the build does not know; from 4.18 on it knows all of ours. */
__attribute__((unused)) static int fail_unknown(const char *name, const char *release)
{
	return rs_fail(EOPNOTSUPP, "%s events need Xen %s, and a build for it", name, release);
}

static int switch_vmexit(struct rs_xen *xen, uint32_t domain,
			 const struct rs_xen_source *source, bool on)
{
#ifdef XEN_DOMCTL_MONITOR_EVENT_VMEXIT
	return xc_monitor_vmexit(xen->control, domain, on, source->synchronous);
#else
	return fail_unknown("VM exit", "4.17");
#endif
}

static int switch_io(struct rs_xen *xen, uint32_t domain, bool on)
{
#ifdef XEN_DOMCTL_MONITOR_EVENT_IO
	return xc_monitor_io(xen->control, domain, on);
#else
	return fail_unknown("I/O", "4.18");
#endif
}

/* As libxenctrl returns it: 0, or -1 and errno; or our own -errno with its text. */
static int switch_call(struct rs_xen *xen, uint32_t domain, const struct rs_xen_source *source,
		       bool on)
{
	xc_interface *control = xen->control;

	switch (source->kind) {
	case RS_CR:
		return xc_monitor_write_ctrlreg(control, domain, (uint16_t)source->index, on,
						source->synchronous, source->ignored_bits,
						source->on_change_only);
	case RS_MSR:
		return xc_monitor_mov_to_msr(control, domain, source->index, on,
					     source->on_change_only);
	case RS_BREAKPOINT:
		return xc_monitor_software_breakpoint(control, domain, on);
	case RS_SINGLESTEP:
		return xc_monitor_singlestep(control, domain, on);
	case RS_GUEST_REQUEST:
		return xc_monitor_guest_request(control, domain, on, source->synchronous,
						source->allow_userspace);
	case RS_DEBUG:
		return xc_monitor_debug_exceptions(control, domain, on, source->synchronous);
	case RS_CPUID:
		return xc_monitor_cpuid(control, domain, on);
	case RS_PRIVILEGED_CALL:
		return xc_monitor_privileged_call(control, domain, on);
	case RS_DESCRIPTOR:
		return xc_monitor_descriptor_access(control, domain, on);
	case RS_EMUL_UNIMPLEMENTED:
		return xc_monitor_emul_unimplemented(control, domain, on);
	case RS_VMEXIT:
		return switch_vmexit(xen, domain, source, on);
	case RS_IO:
		return switch_io(xen, domain, on);
	case RS_PAGE:      /* by the access of pages: memory.h, altp2m.h */
	case RS_INTERRUPT: /* by an answer that asks for the next one */
		return 0;
	default:
		return rs_fail(EINVAL, "events of kind %d have no source", (int)source->kind);
	}
}

/* What it leaves behind if it is not switched off before the ring is given back. */
static uint32_t journal_bits(const struct rs_xen_source *source)
{
	if (source->kind == RS_CR)
		return RS_JOURNAL_CR(source->index);
	return source->kind == RS_DESCRIPTOR ? RS_JOURNAL_DESCRIPTOR : 0;
}

int rs_xen_monitor_switch(struct rs_xen *xen, uint32_t domain,
			  const struct rs_xen_source *source, bool on)
{
	char call[48];
	int result;

	if (on)
		rs_journal_source(xen->journal, journal_bits(source), true);
	result = switch_call(xen, domain, source, on);
	if (!on && !result)
		rs_journal_source(xen->journal, journal_bits(source), false);
	/* libxenctrl fails with -1 alone, which is no -errno of ours that can come here. */
	if (result != -1)
		return result < 0 ? result : 0;
	snprintf(call, sizeof(call), "switching %s events %s", rs_kind_name(source->kind),
		 on ? "on" : "off");
	return rs_xen_fail(xen, call, domain);
}
