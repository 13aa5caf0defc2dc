/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lifecycle.c: hypercalls that are refused, domains that come, pause, die and linger. */
#include <errno.h>
#include <string.h>

#include "fakexen/p2m.h"
#include "tests/fakexen/hypercalls/fixture.h"
#include "tests/unit/tap.h"

static void what_is_not_modelled(void)
{
	struct xen_domctl ctl = { 0 };

	tap_ok(fixture_hypercall(__HYPERVISOR_kexec_op, 0, 0, 0) == -ENOSYS &&
		fixture_logged("kexec_op"), "an unmodelled hypercall: ENOSYS, named in the log");
	tap_ok(fixture_domctl(&ctl, XEN_DOMCTL_setvnumainfo, 0) == -ENOSYS &&
		fixture_logged("domctl 74"), "an unmodelled domctl: the same");
	ctl.interface_version = XEN_DOMCTL_INTERFACE_VERSION + 1;
	tap_ok(fixture_hypercall(__HYPERVISOR_domctl, (uintptr_t)&ctl, 0, 0) == -EACCES,
		"another release's domctl: EACCES");
	tap_ok(fixture_hypercall(__HYPERVISOR_domctl, 16, 0, 0) == -EFAULT,
		"a bad address: EFAULT");
	tap_ok(fixture_domctl(&ctl, XEN_DOMCTL_pausedomain, 77) == -ESRCH,
		"no such domain: ESRCH");
	tap_ok(fixture_caller()->model->hypercalls[__HYPERVISOR_domctl] == 4 &&
		fixture_caller()->model->domctls[XEN_DOMCTL_pausedomain] == 1,
		"calls are counted, domctls by command too");
}

static void restriction(void)
{
	struct fx_caller caller = *fixture_caller();
	const struct fx_dm_buffer buffer = { 0, 0 };

	caller.restricted_to = 5;
	tap_ok(fx_hypercall(&caller, __HYPERVISOR_xen_version, (uint64_t[5]){ 0 }) == -EPERM,
		"a restricted handle makes no hypercalls");
	tap_ok(fx_map_foreign(&caller, 6, 0) == -EPERM && fx_map_foreign(&caller, 5, 0) == -ESRCH,
		"and maps pages of its domain only");
	tap_ok(fx_dm_op(&caller, 6, 1, &buffer) == -EPERM &&
		fx_dm_op(&caller, 5, 1, &buffer) == -ESRCH, "nor is it another's device model");
}

static void pausing(void)
{
	struct xen_domctl ctl = { 0 };
	uint32_t id = fixture_domain(2, 4);
	const struct fx_domain *domain = fx_domain_find(fixture_caller()->model, id);
	bool same = true;

	tap_ok(domain && domain->pause_count == 1 && !domain->vcpus[0].up,
		"a new domain is paused, its vCPUs down");
	for (unsigned int i = 1; i < 255; i++)
		same &= fixture_domctl(&ctl, XEN_DOMCTL_pausedomain, id) == 0;
	tap_ok(same && fixture_domctl(&ctl, XEN_DOMCTL_pausedomain, id) == -EOVERFLOW,
		"255 pauses nest, the next is EOVERFLOW");
	for (unsigned int i = 0; i < 255; i++)
		same &= fixture_domctl(&ctl, XEN_DOMCTL_unpausedomain, id) == 0;
	tap_ok(same && fixture_domctl(&ctl, XEN_DOMCTL_unpausedomain, id) == -EINVAL,
		"one unpause too many: EINVAL");
	fixture_domctl(&ctl, XEN_DOMCTL_destroydomain, id);
}

static void info(void)
{
	struct xen_domctl ctl = { 0 };
	uint32_t id = fixture_domain(3, 5);
	const struct xen_domctl_getdomaininfo *info = &ctl.u.getdomaininfo;
	int64_t result = fixture_domctl(&ctl, XEN_DOMCTL_getdomaininfo, id);

	tap_ok(!result && info->domain == id && info->max_vcpu_id == 2 && info->tot_pages == 5 &&
		(info->flags & 0xffff) == (XEN_DOMINF_hvm_guest | XEN_DOMINF_hap |
		XEN_DOMINF_paused), "getdomaininfo: flags, pages, vCPUs");
	result = fixture_domctl(&ctl, XEN_DOMCTL_getdomaininfo, 1 - !id);
	tap_ok(!result && info->domain >= 1 && ctl.domain == info->domain,
		"of an id that is free: the next one's");
	tap_ok(fixture_domctl(&ctl, XEN_DOMCTL_getdomaininfo, id + 1) == -ESRCH,
		"behind the last one: ESRCH");
	fixture_domctl(&ctl, XEN_DOMCTL_destroydomain, id);
}

static void zombie(void)
{
	struct fx_model *model = fixture_caller()->model;
	struct xen_domctl ctl = { 0 };
	uint32_t id = fixture_domain(1, 8), gone = model->domains_gone;
	uint64_t mappings = model->mappings;
	int64_t frame = fx_map_foreign(fixture_caller(), id, 3);
	int64_t result;

	tap_ok(frame >= 0 && model->mappings == mappings + 1, "a page is mapped");
	fx_page(model, frame)[7] = 0x55;
	tap_ok(!fixture_domctl(&ctl, XEN_DOMCTL_destroydomain, id) &&
		model->domains_gone == gone + 1, "its domain is destroyed, and that is told");
	result = fixture_domctl(&ctl, XEN_DOMCTL_getdomaininfo, id);
	tap_ok(!result && ctl.domain == id && (ctl.u.getdomaininfo.flags & XEN_DOMINF_dying) &&
		ctl.u.getdomaininfo.tot_pages == 1, "but it is still there, dying, with that page");
	tap_ok(fx_map_foreign(fixture_caller(), id, 3) == -EINVAL, "nobody maps it any more");
	tap_ok(!fixture_domctl(&ctl, XEN_DOMCTL_destroydomain, id) &&
		model->domains_gone == gone + 1, "destroying it again is nothing new");
	tap_ok(fx_page(model, frame)[7] == 0x55, "the mapping is as good as before");
	fx_unmap_foreign(model, fixture_caller()->host, frame);
	tap_ok(!fx_domain_find(model, id) && model->mappings == mappings,
		"with its last mapping it is gone");
	tap_ok(fx_page(model, frame)[7] == 0, "and its memory is clean");
}

static void slots(void)
{
	struct xen_domctl ctl = { 0 };
	uint32_t ids[8], count = 0;

	while (count < 8 && (ids[count] = fixture_domain(1, 1)))
		count++;
	tap_ok(count == 5, "five domains fit beside dom0");
	fixture_domctl(&ctl, XEN_DOMCTL_destroydomain, ids[2]);
	ctl = (struct xen_domctl){ .u.createdomain = { .max_vcpus = 1,
		.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap } };
	tap_ok(fixture_domctl(&ctl, XEN_DOMCTL_createdomain, ids[3]) == -EEXIST,
		"an id that is taken: EEXIST");
	tap_ok(!fixture_domctl(&ctl, XEN_DOMCTL_createdomain, 999) && ctl.domain == 999,
		"a slot that was freed serves again, under the id that was asked for");
	fixture_domctl(&ctl, XEN_DOMCTL_destroydomain, 999);
	for (unsigned int i = 0; i < count; i++)
		fixture_domctl(&ctl, XEN_DOMCTL_destroydomain, ids[i]);
}

int main(void)
{
	what_is_not_modelled();
	restriction();
	pausing();
	info();
	zombie();
	slots();
	return tap_done();
}
