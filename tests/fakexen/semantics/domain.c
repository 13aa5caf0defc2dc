/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* domain.c: domains as the tools see them: listed, paused, shut down, destroyed. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "tests/fakexen/semantics/dom0.h"

#define NOBODY 77u
#define PV 4u                   /* the fourth domain: --domains 3 --pv */

static bool info_of(uint32_t domid, xc_domaininfo_t *info)
{
	return xc_domain_getinfolist(xch, domid, 1, info) == 1 && info->domain == domid;
}

static void listed(void)
{
	xc_domaininfo_t list[8] = { 0 };
	xc_dominfo_t one;

	tap_ok(xc_domain_getinfolist(xch, 0, 8, list) == 5 && list[0].domain == 0 &&
		list[1].domain == 1 && list[4].domain == PV, "dom0 and all domains are listed");
	tap_ok(xc_domain_getinfolist(xch, 3, 1, list) == 1 && list[0].domain == 3,
		"a list begins where it is asked to, and is as long");
	tap_ok(info_of(DOMAIN, list) && (list[0].flags & XEN_DOMINF_hvm_guest) &&
		(list[0].flags & XEN_DOMINF_hap) && list[0].max_vcpu_id == 1 &&
		list[0].nr_online_vcpus == 2 && list[0].tot_pages == 16 * 256 + 8,
		"a guest is HVM with HAP; its vCPUs and pages");
	tap_ok(info_of(PV, list) && !(list[0].flags & XEN_DOMINF_hvm_guest), "a PV domain is not");
	tap_ok(xc_domain_getinfo(xch, DOMAIN, 1, &one) == 1 && one.domid == DOMAIN && one.hvm &&
		!one.paused, "getinfo says the same");
}

static void absent(void)
{
	uint32_t port;

	tap_ok(FAILS(xc_domain_pause(xch, NOBODY), ESRCH) &&
		FAILS(xc_monitor_disable(xch, NOBODY), ESRCH) &&
		FAILS(xc_altp2m_set_domain_state(xch, NOBODY, true), ESRCH),
		"a domain that does not exist: ESRCH");
	errno = 0;
	tap_ok(!xc_monitor_enable(xch, NOBODY, &port) && errno == ESRCH, "monitor_enable too");
	errno = 0;
	tap_ok(!map_page(NOBODY, 0) && errno == ESRCH, "and mapping");
	errno = 0;
	tap_ok(!xc_monitor_enable(xch, PV, &port) && errno == EINVAL,
		"monitor_enable of a PV domain: EINVAL");
	tap_ok(FAILS(xc_altp2m_set_domain_state(xch, PV, true), EOPNOTSUPP),
		"altp2m of a PV domain: EOPNOTSUPP");
}

static void versions(void)
{
	struct xen_domctl *ctl = xencall_alloc_buffer(xcall, sizeof *ctl);

	memset(ctl, 0, sizeof *ctl);
	ctl->cmd = XEN_DOMCTL_pausedomain;
	ctl->domain = DOMAIN;
	ctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION - 1;
	tap_ok(FAILS(xencall1(xcall, __HYPERVISOR_domctl, (uintptr_t)ctl), EACCES),
		"a domctl of another release: EACCES");
	ctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	ctl->cmd = XEN_DOMCTL_psr_alloc;
	tap_ok(FAILS(xencall1(xcall, __HYPERVISOR_domctl, (uintptr_t)ctl), ENOSYS),
		"one that is not modelled: ENOSYS");
	xencall_free_buffer(xcall, ctl);
	tap_ok(xc_version(xch, XENVER_version, NULL) == (4 << 16 | 17), "it claims to be 4.17");
}

static uint64_t cpu_time(unsigned int vcpu)
{
	xc_vcpuinfo_t info = { 0 };

	xc_vcpu_getinfo(xch, DOMAIN, vcpu, &info);
	return info.cpu_time;
}

static void paused(void)
{
	xc_domaininfo_t info = { 0 };
	uint64_t before;

	tap_ok(!xc_domain_pause(xch, DOMAIN) && info_of(DOMAIN, &info) &&
		(info.flags & XEN_DOMINF_paused) && guest_stands(0) && guest_stands(1),
		"a paused domain stands still");
	before = cpu_time(0);
	doze();
	tap_ok(cpu_time(0) == before, "and uses no time");
	xc_domain_pause(xch, DOMAIN);
	xc_domain_unpause(xch, DOMAIN);
	tap_ok(guest_stands(0), "pauses nest");
	tap_ok(!xc_domain_unpause(xch, DOMAIN) && guest_runs(0) && guest_runs(1) &&
		EVENTUALLY(cpu_time(0) > before), "the last unpause lets it go; its time grows");
	tap_ok(FAILS(xc_domain_unpause(xch, DOMAIN), EINVAL), "one unpause too many: EINVAL");
	tap_ok(guest_runs(0), "which changes nothing");
	tap_ok(FAILS(xc_vcpu_getinfo(xch, DOMAIN, 2, &(xc_vcpuinfo_t){ 0 }), EINVAL),
		"a vCPU that does not exist: EINVAL");
	tap_ok(FAILS(xc_domain_debug_control(xch, DOMAIN, XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF, 2),
		EINVAL), "nor can it be debugged");
}

static void parameters(void)
{
	uint64_t value = 0;

	tap_ok(!xc_hvm_param_get(xch, DOMAIN, HVM_PARAM_MONITOR_RING_PFN, &value) &&
		value == 0xfeff9, "the monitor's ring has its page below 0xff000");
	tap_ok(FAILS(xc_hvm_param_get(xch, DOMAIN, HVM_NR_PARAMS, &value), EINVAL) &&
		FAILS(xc_hvm_param_set(xch, DOMAIN, HVM_PARAM_NESTEDHVM, 1), EINVAL),
		"unknown and deprecated parameters: EINVAL");
}

static bool told(xenevtchn_handle *handle, int milliseconds)
{
	struct pollfd fd = { .fd = xenevtchn_fd(handle), .events = POLLIN };

	if (poll(&fd, 1, milliseconds) != 1)
		return false;
	return !xenevtchn_unmask(handle, xenevtchn_pending(handle));
}

static void shut_down(xenevtchn_handle *exceptions)
{
	xc_domaininfo_t info = { 0 };

	tap_ok(!xc_domain_shutdown(xch, 2, SHUTDOWN_reboot) && info_of(2, &info) &&
		(info.flags & XEN_DOMINF_shutdown) &&
		(info.flags >> XEN_DOMINF_shutdownshift & 255) == SHUTDOWN_reboot,
		"a domain that is shut down says why");
	tap_ok(told(exceptions, 1000), "VIRQ_DOM_EXC tells");
	xc_domain_shutdown(xch, 2, SHUTDOWN_crash);
	tap_ok(info_of(2, &info) &&
		(info.flags >> XEN_DOMINF_shutdownshift & 255) == SHUTDOWN_reboot,
		"the first reason stands");
}

static void destroyed(xenevtchn_handle *exceptions)
{
	xc_domaininfo_t info = { 0 };
	uint64_t *page = map_page(3, DATA_GFN);

	page[5] = 0x1234567;
	while (told(exceptions, 20))
		;
	tap_ok(!xc_domain_destroy(xch, 3) && told(exceptions, 1000),
		"VIRQ_DOM_EXC tells of a domain that is destroyed");
	tap_ok(info_of(3, &info) && (info.flags & XEN_DOMINF_dying) && info.tot_pages == 1,
		"a mapping keeps it, dying");
	tap_ok(page[5] == 0x1234567, "the mapping is still good");
	errno = 0;
	tap_ok(!map_page(3, CODE_GFN) && errno == EINVAL, "others cannot be made");
	tap_ok(!xc_monitor_disable(xch, 3) && !xc_monitor_resume(xch, 3),
		"vm_event calls on it return 0 and do nothing");
	tap_ok(!xc_domain_destroy(xch, 3), "destroying it again returns 0");
	unmap_page(page);
	tap_ok(EVENTUALLY(!info_of(3, &info)), "with the last mapping it is gone");
	tap_ok(FAILS(xc_domain_destroy(xch, 3), ESRCH), "and then ESRCH");
}

static void created(void)
{
	struct xen_domctl_createdomain config = {
		.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap, .max_vcpus = 3,
		.grant_opts = XEN_DOMCTL_GRANT_version(1),
		.arch.emulation_flags = XEN_X86_EMU_LAPIC };
	xc_domaininfo_t info = { 0 };
	uint32_t id = 0, taken = DOMAIN, port;
	bool on = true;

	tap_ok(FAILS(xc_domain_create(xch, &taken, &config), EEXIST), "an id that is taken: EEXIST");
	tap_ok(!xc_domain_create(xch, &id, &config) && id > PV, "a domain is created");
	errno = 0;
	tap_ok(!xc_monitor_enable(xch, id, &port), "without vCPUs it has no ring");
	tap_ok(FAILS(xc_domain_max_vcpus(xch, id, 4), EINVAL) && !xc_domain_max_vcpus(xch, id, 3),
		"it gets as many vCPUs as was said at first");
	tap_ok(info_of(id, &info) && info.max_vcpu_id == 2 && info.nr_online_vcpus == 0 &&
		(info.flags & XEN_DOMINF_paused), "which are down, and it paused");
	tap_ok(FAILS(xc_altp2m_get_domain_state(xch, id, &on), EINVAL),
		"altp2m's mode is not set: EINVAL");
	config.max_vcpus = 0;
	tap_ok(FAILS(xc_domain_create(xch, &taken, &config), EEXIST) && (taken = 0, true) &&
		FAILS(xc_domain_create(xch, &taken, &config), EINVAL), "no vCPUs at all: EINVAL");
	tap_ok(!xc_domain_destroy(xch, id) && !info_of(id, &info),
		"without mappings it is gone at once");
}

int main(int argc, char **argv)
{
	const char *const options[] = { "--vcpus", "2", "--memory", "16", "--domains", "3", "--pv",
		"--guest", "worker", NULL };
	xenevtchn_handle *exceptions;

	(void)argc;
	dom0_enter(argv, options);
	exceptions = xenevtchn_open(NULL, 0);
	tap_ok(guest_runs(0) && guest_runs(1), "the guest runs");
	listed();
	absent();
	versions();
	paused();
	parameters();
	tap_ok(xenevtchn_bind_virq(exceptions, VIRQ_DOM_EXC) > 0, "VIRQ_DOM_EXC can be bound");
	shut_down(exceptions);
	destroyed(exceptions);
	created();
	return tap_done();
}
