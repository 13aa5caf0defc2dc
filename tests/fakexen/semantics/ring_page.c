/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ring_page.c: where the monitor's ring lies, and who can reach it. */
#include <errno.h>
#include <string.h>

#include "tests/fakexen/semantics/dom0.h"

#define RING_GFN 0xfeff9u

static int raw_ring(uint32_t op)
{
	struct xen_domctl *ctl = xencall_alloc_buffer(xcall, sizeof *ctl);
	int result;

	memset(ctl, 0, sizeof *ctl);
	ctl->cmd = XEN_DOMCTL_vm_event_op;
	ctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	ctl->domain = DOMAIN;
	ctl->u.vm_event_op.op = op;
	ctl->u.vm_event_op.mode = XEN_DOMCTL_VM_EVENT_OP_MONITOR;
	errno = 0;
	result = xencall1(xcall, __HYPERVISOR_domctl, (uintptr_t)ctl);
	xencall_free_buffer(xcall, ctl);
	return result;
}

static bool is_there(void)
{
	void *page = map_page(DOMAIN, RING_GFN);

	unmap_page(page);
	return page;
}

static void taken_out_of_the_guest(void)
{
	uint8_t *before = map_page(DOMAIN, RING_GFN);
	uint32_t port;

	tap_ok(before, "before monitor_enable anybody can map the ring's page");
	tap_ok(ring_open(), "the ring is made");
	errno = 0;
	tap_ok(!map_page(DOMAIN, RING_GFN) && errno == EINVAL, "then nobody any more: EINVAL");
	before[100] = 0x77;
	tap_ok(before[100] == 0x77, "but an older mapping stays good");
	errno = 0;
	tap_ok(!xc_monitor_enable(xch, DOMAIN, &port) && errno == EBUSY,
		"a second monitor_enable: EBUSY");
	unmap_page(before);
}

static void made_again(void)
{
	xc_domaininfo_t info = { 0 };
	uint64_t pages;

	tap_ok(ring_close(), "the ring is given up");
	tap_ok(FAILS(xc_monitor_disable(xch, DOMAIN), EINVAL), "giving it up again: EINVAL");
	xc_domain_getinfolist(xch, DOMAIN, 1, &info);
	pages = info.tot_pages;
	/* The failed enable above had populated the gfn anew. */
	tap_ok(is_there() && ring_open() && !is_there(), "it can be made again");
	ring_close();
	xc_domain_getinfolist(xch, DOMAIN, 1, &info);
	tap_ok(info.tot_pages == pages - 1, "and takes its page along when it goes");
	tap_ok(!is_there() && ring_open(), "where there is no page, one is populated");
	ring_close();
}

static void left_in_the_guest(void)
{
	xen_pfn_t gfn = RING_GFN;

	tap_ok(FAILS(raw_ring(XEN_VM_EVENT_ENABLE), EINVAL), "ENABLE without a page: EINVAL");
	xc_domain_populate_physmap_exact(xch, DOMAIN, 1, 0, 0, &gfn);
	tap_ok(!raw_ring(XEN_VM_EVENT_ENABLE) && is_there(),
		"a raw ENABLE leaves it in the guest, to be mapped by anybody");
	tap_ok(!raw_ring(XEN_VM_EVENT_DISABLE) && is_there(), "and so does DISABLE");
	tap_ok(FAILS(raw_ring(99), ENOSYS), "an unknown operation: ENOSYS");
}

int main(int argc, char **argv)
{
	const char *const options[] = { "--vcpus", "1", "--guest", "idle", NULL };

	(void)argc;
	dom0_enter(argv, options);
	tap_ok(xc_vm_event_get_version(xch) == VM_EVENT_INTERFACE_VERSION,
		"the version of the messages is known without a domain");
	taken_out_of_the_guest();
	made_again();
	left_in_the_guest();
	return tap_done();
}
