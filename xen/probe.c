/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe.c: asks this Xen, and a domain on it, what they offer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ringside/probe.h>
#include <ringside/version.h>

#include "xen/altp2m.h"
#include "xen/connection.h"
#include "xen/domain.h"
#include "xen/memory.h"
#include "xen/monitor.h"
#include "xen/store.h"

static const char *const kind_names[RS_KIND_COUNT] = {
	[RS_UNKNOWN] = "unknown",
	[RS_PAGE] = "page",
	[RS_SHARING] = "sharing",
	[RS_PAGING] = "paging",
	[RS_CR] = "cr",
	[RS_MSR] = "msr",
	[RS_BREAKPOINT] = "breakpoint",
	[RS_SINGLESTEP] = "singlestep",
	[RS_GUEST_REQUEST] = "guest_request",
	[RS_DEBUG] = "debug",
	[RS_CPUID] = "cpuid",
	[RS_PRIVILEGED_CALL] = "privileged_call",
	[RS_INTERRUPT] = "interrupt",
	[RS_DESCRIPTOR] = "descriptor",
	[RS_EMUL_UNIMPLEMENTED] = "emul_unimplemented",
	[RS_VMEXIT] = "vmexit",
	[RS_IO] = "io",
};

const char *rs_kind_name(enum rs_kind kind)
{
	unsigned int index = (unsigned int)kind;

	return kind_names[index < RS_KIND_COUNT ? index : RS_UNKNOWN];
}

static void probe_xen(struct rs_xen *xen, struct rs_probe *probe)
{
	struct rs_xen_release release;

	rs_xen_release(xen, &release);
	probe->xen_major = release.major;
	probe->xen_minor = release.minor;
	memcpy(probe->xen_extra, release.extra, sizeof(probe->xen_extra));
	sscanf(rs_version_xen(), "%u.%u", &probe->built_major, &probe->built_minor);
	probe->access_default = rs_xen_memory_access_default(xen);
	probe->fast_step_needs_monitor = !rs_xen_at_least(xen, 4, 19);
	probe->can_deny = rs_xen_at_least(xen, 4, 14);
	probe->view_count_max = rs_xen_altp2m_view_max(xen);
}

static int probe_domain(struct rs_xen *xen, const char *name, struct rs_probe *probe)
{
	struct rs_xen_domain info;
	uint32_t domain;
	int error = rs_xen_store_find(xen, name, &domain);

	if (error)
		return error;
	error = rs_xen_domain_read(xen, domain, &info);
	if (error)
		return error;
	probe->has_domain = true;
	probe->domain = domain;
	rs_xen_store_name(xen, domain, probe->name, sizeof(probe->name));
	probe->hvm = info.hvm;
	probe->hap = info.hap;
	probe->paused = info.paused;
	probe->dying = info.dying;
	probe->shutdown = info.ended;
	probe->vcpu_count = info.vcpu_count;
	probe->memory_bytes = info.memory_bytes;
	if (!info.hvm || info.dying)
		return 0;

	error = rs_xen_monitor_kinds(xen, domain, &probe->kinds);
	if (error)
		return error;
	error = rs_xen_domain_top(xen, domain, &probe->max_gfn);
	if (error)
		return error;
	/* Who can be asked about the ring has EPT, and so can have pages watched. */
	error = rs_xen_monitor_taken(xen, domain);
	probe->ring_known = error >= 0;
	probe->ring_taken = error == 1;
	if (probe->ring_known)
		probe->kinds |= 1U << RS_PAGE;
	probe->altp2m = rs_xen_altp2m_state(xen, domain);
	return 0;
}

int rs_probe_sized(const char *domain, struct rs_probe *out, size_t size)
{
	struct rs_probe probe = { 0 };
	struct rs_xen *xen;
	int error = rs_xen_open(&xen, NULL);

	memset(out, 0, size);
	if (error)
		return error;
	probe_xen(xen, &probe);
	error = rs_xen_monitor_version(xen, &probe.message_version);
	probe.usable = !error;
	if (!error && domain)
		error = probe_domain(xen, domain, &probe);
	memcpy(out, &probe, size < sizeof(probe) ? size : sizeof(probe));
	rs_xen_close(xen);
	return error;
}
