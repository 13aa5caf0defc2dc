/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* altp2m.c: views of a domain's memory. The guest reads DATA_PAGE all the time. */
#include <errno.h>
#include <string.h>

#include "tests/fakexen/semantics/dom0.h"

#define HOLE 0x8000u
#define SHADOW 0xff000u         /* above the highest gfn, as shadow pages should be */
#define INVALID (~(xen_pfn_t)0)

static int access_in(uint16_t view, uint64_t gfn)
{
	xenmem_access_t access;

	return xc_altp2m_get_mem_access(xch, DOMAIN, view, gfn, &access) ? -1 : (int)access;
}

static bool absent_in(uint16_t view, uint64_t gfn)
{
	errno = 0;
	return access_in(view, gfn) == -1 && errno == ESRCH;
}

static int set_in(uint16_t view, uint64_t gfn, xenmem_access_t access)
{
	return xc_altp2m_set_mem_access(xch, DOMAIN, view, gfn, access);
}

static uint16_t new_view(void)
{
	uint16_t view = 0;

	tap_same(xc_altp2m_create_view(xch, DOMAIN, XENMEM_access_rwx, &view), 0,
		"create_view", __FILE__, __LINE__);
	return view;
}

static void populate(uint64_t gfn)
{
	xen_pfn_t pfn = gfn;

	xc_domain_populate_physmap_exact(xch, DOMAIN, 1, 0, 0, &pfn);
}

static void depopulate(uint64_t gfn)
{
	xen_pfn_t pfn = gfn;

	xc_domain_decrease_reservation_exact(xch, DOMAIN, 1, 0, &pfn);
}

/* A hypercall as no library makes it. */
static int raw(uint32_t version, uint32_t cmd)
{
	struct xen_hvm_altp2m_op *op = xencall_alloc_buffer(xcall, sizeof *op);
	int result;

	memset(op, 0, sizeof *op);
	op->version = version;
	op->cmd = cmd;
	op->domain = DOMAIN;
	errno = 0;
	result = xencall2(xcall, __HYPERVISOR_hvm_op, HVMOP_altp2m, (uintptr_t)op);
	xencall_free_buffer(xcall, op);
	return result;
}

static void switched_off(void)
{
	uint16_t view;
	bool on = true;

	tap_ok(!xc_altp2m_get_domain_state(xch, DOMAIN, &on) && !on, "it is off at first");
	tap_ok(FAILS(xc_altp2m_create_view(xch, DOMAIN, XENMEM_access_rwx, &view), EOPNOTSUPP) &&
		FAILS(xc_altp2m_switch_to_view(xch, DOMAIN, 0), EOPNOTSUPP),
		"no views without it: EOPNOTSUPP");
	tap_ok(FAILS(raw(HVMOP_ALTP2M_INTERFACE_VERSION + 1, HVMOP_altp2m_get_domain_state),
		EINVAL), "another version of the interface: EINVAL");
	tap_ok(FAILS(raw(HVMOP_ALTP2M_INTERFACE_VERSION, 99), EOPNOTSUPP),
		"an unknown command: EOPNOTSUPP");
	tap_ok(FAILS(xc_hvm_param_set(xch, DOMAIN, HVM_PARAM_ALTP2M, XEN_ALTP2M_mixed), EEXIST) &&
		!xc_hvm_param_set(xch, DOMAIN, HVM_PARAM_ALTP2M, XEN_ALTP2M_external),
		"the mode is set once");
}

static void ten_views(void)
{
	uint16_t view = 0;
	bool same = true;

	for (uint16_t i = 1; i < 10; i++)
		same &= !xc_altp2m_create_view(xch, DOMAIN, XENMEM_access_rwx, &view) && view == i;
	tap_ok(same, "nine views besides view 0");
	tap_ok(FAILS(xc_altp2m_create_view(xch, DOMAIN, XENMEM_access_rwx, &view), EINVAL),
		"and no tenth: EINVAL");
	tap_ok(!xc_altp2m_destroy_view(xch, DOMAIN, 4) && new_view() == 4,
		"the lowest free number comes next");
	for (uint16_t i = 1; i < 10; i++)
		same &= !xc_altp2m_destroy_view(xch, DOMAIN, i);
	tap_ok(same, "all can be destroyed");
	tap_ok(FAILS(xc_altp2m_create_view(xch, DOMAIN, 99, &view), EINVAL),
		"a view with an unknown access: EINVAL");
}

static void who_is_in_it(void)
{
	uint16_t view = new_view(), now_in = 99;
	vm_event_request_t request;

	tap_ok(!xc_altp2m_get_vcpu_p2m_idx(xch, DOMAIN, 1, &now_in) && now_in == 0,
		"vCPUs start in view 0");
	tap_ok(FAILS(xc_altp2m_get_vcpu_p2m_idx(xch, DOMAIN, 2, &now_in), EINVAL),
		"a vCPU that does not exist: EINVAL");
	tap_ok(!xc_altp2m_switch_to_view(xch, DOMAIN, view) &&
		!xc_altp2m_get_vcpu_p2m_idx(xch, DOMAIN, 1, &now_in) && now_in == view,
		"switch_to_view moves every vCPU");
	tap_ok(FAILS(xc_altp2m_destroy_view(xch, DOMAIN, view), EBUSY) &&
		FAILS(xc_altp2m_destroy_view(xch, DOMAIN, 0), EBUSY) &&
		FAILS(xc_altp2m_destroy_view(xch, DOMAIN, 7), EBUSY),
		"destroying an occupied view, view 0, or one never made: EBUSY");
	tap_ok(FAILS(xc_altp2m_switch_to_view(xch, DOMAIN, 7), EINVAL) &&
		FAILS(xc_altp2m_switch_to_view(xch, DOMAIN, 10), EINVAL),
		"switching to one never made: EINVAL");
	set_in(view, DATA_GFN, XENMEM_access_n);
	tap_ok(ring_take(&request, 2000) && request.altp2m_idx == view &&
		(request.flags & VM_EVENT_FLAG_ALTERNATE_P2M), "events name the view");
	ring_answer_flags(&request, VM_EVENT_FLAG_ALTERNATE_P2M, 0);
	tap_ok(EVENTUALLY(!xc_altp2m_get_vcpu_p2m_idx(xch, DOMAIN, request.vcpu_id, &now_in) &&
		now_in == 0), "an answer moves its vCPU alone");
	if (ring_take(&request, 2000))
		ring_answer_flags(&request, VM_EVENT_FLAG_ALTERNATE_P2M, 0);
	tap_ok(guest_runs(0) && guest_runs(1) && !xc_altp2m_destroy_view(xch, DOMAIN, view),
		"left by all, it can be destroyed");
}

static void visibility(void)
{
	uint16_t view = new_view(), now_in = 0;

	tap_ok(!xc_altp2m_set_visibility(xch, DOMAIN, view, false) &&
		FAILS(xc_altp2m_switch_to_view(xch, DOMAIN, view), EINVAL),
		"switching to an invisible view: EINVAL");
	xc_altp2m_set_visibility(xch, DOMAIN, view, true);
	tap_ok(!xc_altp2m_switch_to_view(xch, DOMAIN, view), "made visible again it works");
	xc_altp2m_set_visibility(xch, DOMAIN, view, false);
	tap_ok(!xc_altp2m_get_vcpu_p2m_idx(xch, DOMAIN, 0, &now_in) && now_in == view &&
		guest_runs(0), "made invisible under its vCPUs it stays theirs");
	tap_ok(FAILS(xc_altp2m_set_visibility(xch, DOMAIN, 7, true), EINVAL),
		"of a view never made: EINVAL");
	xc_altp2m_switch_to_view(xch, DOMAIN, 0);
	xc_altp2m_destroy_view(xch, DOMAIN, view);
}

static void lazy_copies(void)
{
	uint16_t view;

	xc_set_mem_access(xch, DOMAIN, XENMEM_access_rw, DATA_GFN, 1);
	view = new_view();
	tap_ok(absent_in(view, DATA_GFN), "get_mem_access of what a view has not copied: ESRCH");
	xc_altp2m_switch_to_view(xch, DOMAIN, view);
	tap_ok(guest_runs(0) && access_in(view, DATA_GFN) == XENMEM_access_rw,
		"touched by the guest it is copied, with the host's access");
	tap_ok(absent_in(view, CODE_GFN), "and nothing else");
	xc_altp2m_switch_to_view(xch, DOMAIN, 0);
	tap_ok(!set_in(view, CODE_GFN, XENMEM_access_x) &&
		access_in(view, CODE_GFN) == XENMEM_access_x, "setting an access copies, too");
	tap_ok(!set_in(view, HOLE, XENMEM_access_x) && absent_in(view, HOLE),
		"where the host has nothing, set_mem_access returns 0 and does nothing");
	tap_ok(FAILS(set_in(7, CODE_GFN, XENMEM_access_x), EINVAL) &&
		FAILS(set_in(view, CODE_GFN, 11), EINVAL), "a view never made, a bad access: EINVAL");
	xc_set_mem_access(xch, DOMAIN, XENMEM_access_rwx, DATA_GFN, 1);
	xc_altp2m_destroy_view(xch, DOMAIN, view);
}

static void lists(void)
{
	uint16_t view = new_view();
	uint8_t access[4] = { XENMEM_access_r, XENMEM_access_x, XENMEM_access_rx, 77 };
	uint64_t gfns[4] = { CODE_GFN, HOLE, CODE_GFN + 1, CODE_GFN + 2 };

	tap_ok(FAILS(xc_altp2m_set_mem_access_multi(xch, DOMAIN, view, access, gfns, 4), EINVAL) &&
		access_in(view, CODE_GFN) == XENMEM_access_r && absent_in(view, HOLE) &&
		access_in(view, CODE_GFN + 1) == XENMEM_access_rx && absent_in(view, CODE_GFN + 2),
		"a list skips what is not there and stops at an error, the ones before it done");
	tap_ok(FAILS(xc_altp2m_set_mem_access_multi(xch, DOMAIN, 7, access, gfns, 3), EINVAL),
		"in a view never made: EINVAL");
	xc_altp2m_destroy_view(xch, DOMAIN, view);
}

static void the_host_and_views(void)
{
	uint16_t view = new_view(), other = new_view();
	xenmem_access_t host = 0;

	tap_ok(!set_in(0, CODE_GFN, XENMEM_access_rx) &&
		!xc_get_mem_access(xch, DOMAIN, CODE_GFN, &host) && host == XENMEM_access_rx,
		"set_mem_access of view 0 edits the host's p2m");
	set_in(view, CODE_GFN, XENMEM_access_x);
	xc_set_mem_access(xch, DOMAIN, XENMEM_access_rx, CODE_GFN, 1);
	tap_ok(access_in(view, CODE_GFN) == XENMEM_access_rx && absent_in(other, CODE_GFN),
		"a host write, even of the same value, wipes what was set in views that hold the page");
	xc_set_mem_access(xch, DOMAIN, XENMEM_access_rwx, CODE_GFN, 1);
	tap_ok(access_in(view, CODE_GFN) == XENMEM_access_rwx, "and reaches them");
	xc_altp2m_destroy_view(xch, DOMAIN, view);
	xc_altp2m_destroy_view(xch, DOMAIN, other);
}

static void fill(uint64_t gfn, uint64_t value)
{
	uint64_t *page = map_page(DOMAIN, gfn);

	for (unsigned int i = 0; i < PAGE / sizeof(*page); i++)
		page[i] = value;
	unmap_page(page);
}

/* What the guest reads at the start of DATA_PAGE ends up in RAX. */
static bool guest_reads(uint64_t value)
{
	vcpu_guest_context_any_t context;

	return EVENTUALLY(!xc_vcpu_getcontext(xch, DOMAIN, 0, &context) &&
		context.x64.user_regs.rax == value);
}

static void remapping(void)
{
	uint16_t view = new_view();

	populate(SHADOW);
	fill(SHADOW, 0x5ad0);
	fill(DATA_GFN, 0xda7a);
	tap_ok(FAILS(xc_altp2m_change_gfn(xch, DOMAIN, view, DATA_GFN, HOLE), ESRCH) &&
		FAILS(xc_altp2m_change_gfn(xch, DOMAIN, view, HOLE, SHADOW), ESRCH),
		"change_gfn to or from a gfn that does not exist: ESRCH");
	tap_ok(FAILS(xc_altp2m_change_gfn(xch, DOMAIN, 7, DATA_GFN, SHADOW), EINVAL),
		"in a view never made: EINVAL");
	set_in(view, DATA_GFN, XENMEM_access_rx);
	tap_ok(!xc_altp2m_change_gfn(xch, DOMAIN, view, DATA_GFN, SHADOW) &&
		access_in(view, DATA_GFN) == XENMEM_access_rwx,
		"the entry gets the access that the new gfn has in the host");
	set_in(view, SHADOW, XENMEM_access_rw);
	tap_ok(!xc_altp2m_change_gfn(xch, DOMAIN, view, DATA_GFN, SHADOW) &&
		access_in(view, DATA_GFN) == XENMEM_access_rw,
		"or in the view, if it has one there");
	tap_ok(guest_reads(0xda7a), "in view 0 the guest reads the original");
	xc_altp2m_switch_to_view(xch, DOMAIN, view);
	tap_ok(guest_reads(0x5ad0), "in the view it reads the other page");
	tap_ok(!set_in(view, DATA_GFN, XENMEM_access_rwx) && guest_reads(0x5ad0),
		"setting an access leaves the remapping");
	tap_ok(!xc_altp2m_change_gfn(xch, DOMAIN, view, DATA_GFN, INVALID) && guest_reads(0xda7a),
		"INVALID_GFN takes it back");
	xc_altp2m_change_gfn(xch, DOMAIN, view, DATA_GFN, SHADOW);
	xc_set_mem_access(xch, DOMAIN, XENMEM_access_rwx, DATA_GFN, 1);
	tap_ok(guest_reads(0xda7a), "a host write wipes a remapping, too");
	xc_altp2m_switch_to_view(xch, DOMAIN, 0);
	xc_altp2m_destroy_view(xch, DOMAIN, view);
	depopulate(SHADOW);
}

static void removals(void)
{
	uint16_t view = new_view(), other = new_view();

	populate(SHADOW);
	populate(SHADOW + 1);
	populate(SHADOW + 4);
	populate(HOLE);
	set_in(view, CODE_GFN, XENMEM_access_x);
	set_in(view, HOLE, XENMEM_access_r);
	set_in(other, CODE_GFN, XENMEM_access_x);
	xc_altp2m_change_gfn(xch, DOMAIN, view, DATA_GFN, SHADOW);
	xc_altp2m_change_gfn(xch, DOMAIN, view, CODE_GFN + 1, SHADOW + 4);
	depopulate(HOLE);
	tap_ok(absent_in(view, HOLE) && access_in(view, CODE_GFN) == XENMEM_access_x,
		"removing a page outside the remapped range: that entry alone goes");
	populate(HOLE);
	tap_ok(absent_in(view, HOLE), "and populating it again does not bring it back");
	depopulate(SHADOW + 1);
	tap_ok(absent_in(view, CODE_GFN) && absent_in(view, DATA_GFN),
		"removing a page inside the remapped range resets the whole view");
	tap_ok(access_in(other, CODE_GFN) == XENMEM_access_x, "but not another one");
	depopulate(HOLE);
	depopulate(SHADOW);
	depopulate(SHADOW + 4);
	xc_altp2m_destroy_view(xch, DOMAIN, view);
	xc_altp2m_destroy_view(xch, DOMAIN, other);
}

static void suppressed_exceptions(void)
{
	uint16_t view = new_view();
	bool suppress = false;

	tap_ok(FAILS(xc_altp2m_get_suppress_ve(xch, DOMAIN, view, CODE_GFN, &suppress), ESRCH),
		"suppress_ve of what is not copied: ESRCH");
	set_in(view, CODE_GFN, XENMEM_access_x);
	tap_ok(!xc_altp2m_get_suppress_ve(xch, DOMAIN, view, CODE_GFN, &suppress) && suppress,
		"#VE is suppressed at first");
	tap_ok(!xc_altp2m_set_suppress_ve(xch, DOMAIN, view, CODE_GFN, false) &&
		!xc_altp2m_get_suppress_ve(xch, DOMAIN, view, CODE_GFN, &suppress) && !suppress &&
		!set_in(view, CODE_GFN, XENMEM_access_rx) &&
		!xc_altp2m_get_suppress_ve(xch, DOMAIN, view, CODE_GFN, &suppress) && !suppress,
		"what was set stays when the access changes");
	xc_altp2m_destroy_view(xch, DOMAIN, view);
}

/* With vCPUs in a view, a fault waiting. */
static void switching_off(void)
{
	uint16_t view = new_view();
	vm_event_request_t request;
	bool on = true;

	set_in(view, DATA_GFN, XENMEM_access_n);
	xc_altp2m_switch_to_view(xch, DOMAIN, view);
	tap_ok(ring_take(&request, 2000), "a fault waits in a view");
	tap_ok(!xc_altp2m_set_domain_state(xch, DOMAIN, false) &&
		!xc_altp2m_get_domain_state(xch, DOMAIN, &on) && !on,
		"altp2m goes off under it");
	do
		ring_answer(&request);
	while (ring_take(&request, 50));
	tap_ok(guest_runs(0) && guest_runs(1), "answered, all vCPUs go on");
	xc_altp2m_set_domain_state(xch, DOMAIN, true);
	tap_ok(FAILS(xc_altp2m_switch_to_view(xch, DOMAIN, view), EINVAL), "its views are gone");
	tap_ok(!xc_altp2m_set_domain_state(xch, DOMAIN, true), "switching it on twice is allowed");
	xc_altp2m_set_domain_state(xch, DOMAIN, false);
}

int main(int argc, char **argv)
{
	const char *const options[] = { "--vcpus", "2", "--guest", "cr3loop", NULL };

	(void)argc;
	dom0_enter(argv, options);
	*guest_word(GUEST_MAILBOX + HEADER_COMMAND) = LOOP_READ;
	tap_ok(guest_runs(1) && ring_open(), "the guest runs and the ring is open");
	switched_off();
	tap_ok(!xc_altp2m_set_domain_state(xch, DOMAIN, true), "altp2m goes on");
	ten_views();
	who_is_in_it();
	visibility();
	lazy_copies();
	lists();
	the_host_and_views();
	remapping();
	removals();
	suppressed_exceptions();
	switching_off();
	return tap_done();
}
