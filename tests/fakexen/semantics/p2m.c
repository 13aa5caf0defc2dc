/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* p2m.c: the host's map of a domain's memory, and what its pages may be used for. */
#include <errno.h>
#include <string.h>

#include "tests/fakexen/semantics/dom0.h"

#define HOLE 0x8000u            /* above the guest's memory, below its special pages */
#define ALL_PAGES (~(uint64_t)0)

static int access_of(uint64_t gfn)
{
	xenmem_access_t access;

	return xc_get_mem_access(xch, DOMAIN, gfn, &access) ? -1 : (int)access;
}

static int set_access(uint64_t gfn, xenmem_access_t access)
{
	return xc_set_mem_access(xch, DOMAIN, access, gfn, 1);
}

static void without_a_ring(void)
{
	xenmem_access_t access;

	tap_ok(FAILS(xc_get_mem_access(xch, DOMAIN, DATA_GFN, &access), ENODEV),
		"get_mem_access without a ring: ENODEV");
	tap_ok(FAILS(set_access(DATA_GFN, XENMEM_access_rx), ENODEV),
		"set_mem_access without a ring: ENODEV");
}

static void access_of_pages(void)
{
	xen_pfn_t last = 0;
	bool same = true;

	for (int access = XENMEM_access_n; access <= XENMEM_access_n2rwx; access++)
		same &= !set_access(CODE_GFN + 1, access) && access_of(CODE_GFN + 1) == access;
	tap_ok(same, "each access that was set is read back, n2rwx and rx2rw too");
	tap_ok(FAILS(set_access(CODE_GFN + 1, 11), EINVAL), "an access beyond default: EINVAL");
	xc_domain_maximum_gpfn(xch, DOMAIN, &last);
	tap_ok(last == 0xfefff, "maximum_gpfn is that of the special pages");
	tap_ok(FAILS(set_access(last + 1, XENMEM_access_rwx), EINVAL),
		"set_mem_access beyond maximum_gpfn: EINVAL");
	tap_ok(!set_access(HOLE, XENMEM_access_rx), "where nothing is, set_mem_access returns 0");
	errno = 0;
	tap_ok(access_of(HOLE) == -1 && errno == ESRCH, "and get_mem_access ESRCH");
}

static void lists_of_pages(void)
{
	uint8_t access[4] = { XENMEM_access_r, XENMEM_access_rw, 99, XENMEM_access_x };
	uint64_t gfns[4] = { CODE_GFN + 1, CODE_GFN + 2, CODE_GFN + 3, CODE_GFN + 4 };

	for (unsigned int i = 0; i < 4; i++)
		set_access(gfns[i], XENMEM_access_rwx);
	tap_ok(FAILS(xc_set_mem_access_multi(xch, DOMAIN, access, gfns, 4), EINVAL) &&
		access_of(gfns[0]) == XENMEM_access_r && access_of(gfns[1]) == XENMEM_access_rw &&
		access_of(gfns[3]) == XENMEM_access_rwx,
		"a list stops at the failing page, with the ones before it done");
	access[2] = XENMEM_access_rx;
	tap_ok(!xc_set_mem_access_multi(xch, DOMAIN, access, gfns, 4) &&
		access_of(gfns[2]) == XENMEM_access_rx && access_of(gfns[3]) == XENMEM_access_x,
		"a list with one access a page");
	for (unsigned int i = 0; i < 4; i++)
		set_access(gfns[i], XENMEM_access_rwx);
}

static void default_access(void)
{
	xen_pfn_t gfn = HOLE;
	xenmem_access_t access = 0;

	tap_ok(!xc_set_mem_access(xch, DOMAIN, XENMEM_access_rx, ALL_PAGES, 0) &&
		!xc_get_mem_access(xch, DOMAIN, ALL_PAGES, &access) && access == XENMEM_access_rx,
		"the default access is that of gfn ~0");
	tap_ok(!xc_domain_populate_physmap_exact(xch, DOMAIN, 1, 0, 0, &gfn) &&
		access_of(gfn) == XENMEM_access_rx, "a new page gets it");
	set_access(gfn, XENMEM_access_r);
	tap_ok(!set_access(gfn, XENMEM_access_default) && access_of(gfn) == XENMEM_access_rx,
		"and so does a page by XENMEM_access_default");
	xc_set_mem_access(xch, DOMAIN, XENMEM_access_rwx, ALL_PAGES, 0);
	tap_ok(access_of(gfn) == XENMEM_access_rx, "pages that are there keep theirs");
	xc_domain_decrease_reservation_exact(xch, DOMAIN, 1, 0, &gfn);
}

static uint64_t total_pages(void)
{
	xc_domaininfo_t info;

	return xc_domain_getinfolist(xch, DOMAIN, 1, &info) == 1 ? info.tot_pages : 0;
}

static void pages_that_come_and_go(void)
{
	xen_pfn_t gfn = HOLE, type = HOLE, last = 0;
	uint64_t before = total_pages();
	uint8_t *page, *again;

	tap_ok(!xc_get_pfn_type_batch(xch, DOMAIN, 1, &type) && type == XEN_DOMCTL_PFINFO_XTAB,
		"where nothing is, the page's type is XTAB");
	page = map_page(DOMAIN, gfn);
	tap_ok(!page && errno == EINVAL, "and mapping it EINVAL");
	xc_domain_populate_physmap_exact(xch, DOMAIN, 1, 0, 0, &gfn);
	type = gfn;
	tap_ok(!xc_get_pfn_type_batch(xch, DOMAIN, 1, &type) && type == XEN_DOMCTL_PFINFO_NOTAB,
		"a populated page's type is NOTAB");
	page = map_page(DOMAIN, gfn);
	if (!tap_ok(page && total_pages() == before + 1, "it is mapped, and counts"))
		return;
	tap_ok(page[0] == 0 && !memcmp(page, page + 1, PAGE - 1), "it is clean");
	memset(page, 0x5a, PAGE);
	tap_ok(!xc_domain_decrease_reservation_exact(xch, DOMAIN, 1, 0, &gfn) &&
		page[17] == 0x5a, "removed from the guest, it stays good in its mapping");
	tap_ok(total_pages() == before + 1, "and goes on counting");
	tap_ok(!map_page(DOMAIN, gfn) && errno == EINVAL, "but nobody maps it anew");
	unmap_page(page);
	tap_ok(total_pages() == before, "until it is unmapped");
	tap_ok(!xc_domain_maximum_gpfn(xch, DOMAIN, &last) && last == 0xfefff,
		"maximum_gpfn does not shrink");
	tap_ok(xc_domain_decrease_reservation(xch, DOMAIN, 1, 0, &gfn) == 0,
		"removing what is not there removes nothing");
	xc_domain_populate_physmap_exact(xch, DOMAIN, 1, 0, 0, &gfn);
	again = map_page(DOMAIN, gfn);
	tap_ok(again && again[17] == 0, "a page populated anew is clean");
	unmap_page(again);
	xc_domain_decrease_reservation_exact(xch, DOMAIN, 1, 0, &gfn);
}

static void limits(void)
{
	xc_domaininfo_t info;
	xen_pfn_t gfns[4] = { HOLE, HOLE + 1, HOLE + 2, HOLE + 3 };

	xc_domain_getinfolist(xch, DOMAIN, 1, &info);
	xc_domain_setmaxmem(xch, DOMAIN, (info.tot_pages + 2) * 4);
	tap_ok(xc_domain_populate_physmap(xch, DOMAIN, 4, 0, 0, gfns) == 2,
		"populate_physmap stops at the domain's maximum");
	xc_domain_decrease_reservation(xch, DOMAIN, 2, 0, gfns);
	xc_domain_setmaxmem(xch, DOMAIN, info.max_pages * 4);
	tap_ok(xc_domain_populate_physmap(xch, DOMAIN, 4, 0, 0, gfns) == 4,
		"and goes on when that is raised");
	xc_domain_decrease_reservation_exact(xch, DOMAIN, 4, 0, gfns);
}

/* The guest reads DATA_PAGE all the time. */
static void violations(void)
{
	vm_event_request_t request;

	set_access(DATA_GFN, XENMEM_access_n);
	tap_ok(ring_take(&request, 2000) && request.reason == VM_EVENT_REASON_MEM_ACCESS &&
		request.u.mem_access.gfn == DATA_GFN, "a closed page: the guest's access reports");
	tap_ok(guest_stands(request.vcpu_id), "and waits");
	set_access(DATA_GFN, XENMEM_access_rwx);
	ring_answer(&request);
	tap_ok(guest_runs(request.vcpu_id), "opened and answered, it goes on");

	set_access(DATA_GFN, XENMEM_access_n2rwx);
	tap_ok(ring_take(&request, 2000) && !(request.flags & VM_EVENT_FLAG_VCPU_PAUSED) &&
		access_of(DATA_GFN) == XENMEM_access_rwx,
		"n2rwx: the first access reports without a pause, and opens the page");
	ring_answer(&request);
	while (ring_take(&request, 20))
		ring_answer(&request);
}

static void healing(void)
{
	set_access(DATA_GFN, XENMEM_access_n);
	tap_ok(ring_close() && guest_runs(0), "without a ring a violation stops nobody");
	tap_ok(ring_open() && access_of(DATA_GFN) == XENMEM_access_rwx,
		"the first one heals the page to rwx");
	set_access(DATA_GFN, XENMEM_access_rx);
	tap_ok(ring_close() && guest_runs(0) && ring_open() &&
		access_of(DATA_GFN) == XENMEM_access_rx, "what violates nothing heals nothing");
}

static void required(void)
{
	xc_domaininfo_t info = { 0 };

	xc_domain_set_access_required(xch, DOMAIN, 1);
	set_access(DATA_GFN, XENMEM_access_n);
	ring_close();
	tap_ok(EVENTUALLY(xc_domain_getinfolist(xch, DOMAIN, 1, &info) == 1 &&
		(info.flags & XEN_DOMINF_shutdown)) &&
		(info.flags >> XEN_DOMINF_shutdownshift & 255) == SHUTDOWN_crash,
		"with access_required the violation crashes the domain");
}

int main(int argc, char **argv)
{
	const char *const options[] = { "--vcpus", "1", "--guest", "cr3loop", NULL };

	(void)argc;
	dom0_enter(argv, options);
	*guest_word(GUEST_MAILBOX + HEADER_COMMAND) = LOOP_READ;
	tap_ok(guest_runs(0), "the guest runs");
	without_a_ring();
	if (!tap_ok(ring_open(), "the ring is open"))
		return tap_done();
	access_of_pages();
	lists_of_pages();
	default_access();
	pages_that_come_and_go();
	limits();
	violations();
	healing();
	required();
	return tap_done();
}
