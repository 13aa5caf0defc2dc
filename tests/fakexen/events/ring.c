/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ring.c: Xen's side of the ring: slots, who waits for one, enable and disable. */
#include <errno.h>
#include <string.h>

#include "tests/fakexen/events/bed.h"
#include "tests/unit/tap.h"

#define PAUSED VM_EVENT_FLAG_VCPU_PAUSED

static void test_request(void)
{
	struct bed bed;
	vm_event_request_t request;
	bool good = true;

	bed_make(&bed, 2);
	bed_enable(&bed);
	bed_vcpu(&bed, 1)->cpu.rip = 0x1234;
	bed_vcpu(&bed, 1)->cpu.gpr[FX_R15] = 15;
	good &= TAP_SAME(bed_report(&bed, 1, true), 1);
	good &= TAP_SAME(bed_waiting(&bed), 1);
	request = bed_take(&bed);
	good &= TAP_SAME(request.version, 7);
	good &= TAP_SAME(request.flags, PAUSED);
	good &= TAP_SAME(request.reason, VM_EVENT_REASON_GUEST_REQUEST);
	good &= TAP_SAME(request.vcpu_id, 1);
	good &= TAP_SAME(request.data.regs.x86.rip, 0x1234);
	good &= TAP_SAME(request.data.regs.x86.r15, 15);
	good &= TAP_SAME(request.data.regs.x86.vmtrace_pos, ~0ull);
	good &= TAP_SAME(bed_runnable(&bed, 1), false);
	good &= TAP_SAME(bed.delivered, 1);
	bed_answer(&bed, 1, PAUSED);
	good &= TAP_SAME(bed_runnable(&bed, 1), false);
	bed_notify(&bed);
	good &= TAP_SAME(bed_runnable(&bed, 1), true);
	good &= TAP_SAME(bed.woken[1], 1);
	good &= TAP_SAME(bed.page->rsp_event, 2);
	good &= TAP_SAME(bed.domain->statistics.rtt_count, 1);
	tap_ok(good, "a synchronous request pauses its vCPU until a notify consumes the answer");
	bed_destroy(&bed);
}

static void test_full(void)
{
	struct bed bed;
	bool good = true;

	bed_make(&bed, 12);
	bed_enable(&bed);
	for (unsigned int i = 0; i < 8; i++)
		good &= TAP_SAME(bed_report(&bed, i, true), 1);
	for (unsigned int i = 8; i < 11; i++)
		good &= TAP_SAME(bed_report(&bed, i, true), -EAGAIN);
	good &= TAP_SAME(bed_waiting(&bed), 8);
	good &= TAP_SAME(bed_runnable(&bed, 8), false);
	tap_ok(good, "the ring has 8 slots; a ninth vCPU sleeps");

	bed_answer(&bed, 3, PAUSED);
	bed_answer(&bed, 0, PAUSED);
	bed_notify(&bed);
	good = TAP_SAME(bed_runnable(&bed, 3), true) && TAP_SAME(bed_runnable(&bed, 0), true);
	good &= TAP_SAME(bed_runnable(&bed, 1), false);
	tap_ok(good, "answers in any order: Xen goes by the vCPU's number");

	/* 1 slot was free at the first answer, 2 at the second: three are woken for two */
	good = TAP_SAME(bed_runnable(&bed, 8), true) && TAP_SAME(bed_runnable(&bed, 9), true);
	good &= TAP_SAME(bed_runnable(&bed, 10), true);
	good &= TAP_SAME(bed_report(&bed, 9, true), 1);
	good &= TAP_SAME(bed_report(&bed, 11, true), 1);
	good &= TAP_SAME(bed_report(&bed, 8, true), -EAGAIN);
	good &= TAP_SAME(bed_report(&bed, 10, true), -EAGAIN);
	tap_ok(good, "each answer wakes as many sleepers as slots are free; some come too late");

	bed_answer(&bed, 1, PAUSED);
	bed_notify(&bed);
	good = TAP_SAME(bed_runnable(&bed, 8), true) && TAP_SAME(bed_runnable(&bed, 10), false);
	tap_ok(good, "they wait again, in order");
	bed_destroy(&bed);
}

static void test_asynchronous(void)
{
	struct bed bed;
	bool good = true;

	bed_make(&bed, 2);
	bed_enable(&bed);
	for (unsigned int i = 0; i < 6; i++) {
		good &= TAP_SAME(bed_report(&bed, 0, false), 0);
		good &= TAP_SAME(bed_runnable(&bed, 0), true);
	}
	good &= TAP_SAME(bed_report(&bed, 0, false), 0);
	good &= TAP_SAME(bed_runnable(&bed, 0), false);
	good &= TAP_SAME(bed_waiting(&bed), 7);
	good &= TAP_SAME(bed.domain->ring.blocked, 1);
	good &= TAP_SAME(bed_report(&bed, 1, true), 1);
	tap_ok(good, "an asynchronous producer is blocked when fewer slots are free than vCPUs");
	bed_answer(&bed, 0, 0);
	bed_notify(&bed);
	good = TAP_SAME(bed_runnable(&bed, 0), true) && TAP_SAME(bed_runnable(&bed, 1), false);
	good &= TAP_SAME(bed.domain->ring.blocked, 0);
	tap_ok(good, "and let go as soon as an answer frees one");
	bed_destroy(&bed);

	bed_make(&bed, 8);
	bed_enable(&bed);
	good = TAP_SAME(bed_report(&bed, 0, false), 0) && TAP_SAME(bed_runnable(&bed, 0), false);
	tap_ok(good, "with 8 vCPUs an asynchronous event always blocks");
	bed_destroy(&bed);
}

static void test_queued_before_blocked(void)
{
	struct bed bed;
	bool good = true;

	bed_make(&bed, 9);
	bed_enable(&bed);
	for (unsigned int i = 0; i < 8; i++)
		bed_report(&bed, i, i != 7);    /* the last is asynchronous: blocked */
	good &= TAP_SAME(bed_report(&bed, 8, true), -EAGAIN);
	bed_answer(&bed, 0, PAUSED);
	bed_notify(&bed);
	good &= TAP_SAME(bed_runnable(&bed, 8), true) && TAP_SAME(bed_runnable(&bed, 7), false);
	good &= TAP_SAME(bed_report(&bed, 8, true), 1);
	good &= TAP_SAME(bed_runnable(&bed, 7), false);
	bed_answer(&bed, 1, PAUSED);
	bed_notify(&bed);
	good &= TAP_SAME(bed_runnable(&bed, 7), true);
	tap_ok(good, "sleepers get a slot before blocked producers are let go");
	bed_destroy(&bed);
}

static void test_wrong_answers(void)
{
	vm_event_response_t response = {
		.version = 6, .flags = PAUSED, .vcpu_id = 0,
	};
	struct bed bed;
	bool good = true;

	bed_make(&bed, 2);
	bed_enable(&bed);
	for (unsigned int i = 0; i < 8; i++)
		bed_report(&bed, 0, true);
	good &= TAP_SAME(bed_report(&bed, 1, true), -EAGAIN);
	bed_put(&bed, &response);
	response.version = 7;
	response.vcpu_id = 2;
	bed_put(&bed, &response);
	bed_notify(&bed);
	good &= TAP_SAME(bed_runnable(&bed, 1), true) && TAP_SAME(bed_report(&bed, 1, true), 1);
	good &= TAP_SAME(bed_vcpu(&bed, 0)->vm_event_pause_count, 8);
	good &= TAP_SAME(bed.domain->statistics.rejected, 2);
	good &= TAP_SAME(bed_report(&bed, 1, true), 1);
	tap_ok(good, "a wrong version or vCPU frees a slot and leaves the vCPU paused");
	for (unsigned int i = 0; i < 8; i++)
		bed_answer(&bed, 0, PAUSED);
	bed_notify(&bed);
	tap_ok(TAP_SAME(bed_runnable(&bed, 0), true), "a second, right answer frees the vCPU");
	bed_destroy(&bed);
}

static void test_surplus(void)
{
	struct bed bed;
	bool good = true;

	bed_make(&bed, 16);
	bed_enable(&bed);
	for (unsigned int i = 0; i < 3; i++)
		bed_answer(&bed, 0, PAUSED);
	bed_notify(&bed);
	good &= TAP_SAME(bed.domain->statistics.surplus, 3);
	good &= TAP_SAME(bed_vcpu(&bed, 0)->vm_event_pause_count, 0);
	for (unsigned int i = 0; i < 11; i++)
		good &= TAP_SAME(bed_report(&bed, i, true), 1);
	good &= TAP_SAME(bed_report(&bed, 11, true), -EAGAIN);
	good &= TAP_SAME(bed_waiting(&bed), 11);
	good &= TAP_SAME(bed_take(&bed).vcpu_id, 8);
	tap_ok(good, "3 answers too many: 11 requests on the ring of 8, three unread ones lost");
	good = TAP_SAME(fx_vm_event_missing(bed.domain), 11);
	tap_ok(good, "the book says which requests nobody has answered");
	bed_destroy(&bed);
}

static void test_nested_pauses(void)
{
	struct bed bed;
	bool good = true;

	bed_make(&bed, 1);
	bed_enable(&bed);
	bed_report(&bed, 0, true);
	bed_report(&bed, 0, true);
	bed_answer(&bed, 0, PAUSED);
	bed_notify(&bed);
	good &= TAP_SAME(bed_runnable(&bed, 0), false);
	bed_answer(&bed, 0, PAUSED);
	bed_notify(&bed);
	good &= TAP_SAME(bed_runnable(&bed, 0), true);
	bed_answer(&bed, 0, PAUSED);
	bed_notify(&bed);
	good &= TAP_SAME(bed_vcpu(&bed, 0)->vm_event_pause_count, 0);
	tap_ok(good, "pauses nest, and one answer too many does not make them negative");
	bed_destroy(&bed);
}

static void test_wrap(void)
{
	struct bed bed;
	bool good = true;

	bed_make(&bed, 1);
	bed_enable(&bed);
	bed.domain->ring.req_prod_pvt = bed.domain->ring.rsp_cons = UINT32_MAX - 2;
	bed.page->req_prod = bed.page->rsp_prod = UINT32_MAX - 2;
	bed.req_cons = bed.rsp_prod = UINT32_MAX - 2;
	for (unsigned int i = 0; i < 20; i++) {
		good &= TAP_SAME(bed_report(&bed, 0, true), 1);
		good &= TAP_SAME(bed_waiting(&bed), 1);
		good &= TAP_SAME(bed_take(&bed).vcpu_id, 0);
		bed_answer(&bed, 0, PAUSED);
		bed_notify(&bed);
		good &= TAP_SAME(bed_runnable(&bed, 0), true);
	}
	good &= TAP_SAME(bed.domain->ring.rsp_cons, 17);
	tap_ok(good, "indices run over 2^32");
	bed_destroy(&bed);
}

static void test_disable(void)
{
	struct bed bed;
	struct fx_monitor *monitor;
	vm_event_response_t response = {
		.version = 7, .reason = VM_EVENT_REASON_SOFTWARE_BREAKPOINT,
		.flags = VM_EVENT_FLAG_EMULATE | VM_EVENT_FLAG_SET_EMUL_INSN_DATA,
	};
	bool good = true;

	bed_make(&bed, 10);
	good &= TAP_SAME(fx_vm_event_disable(bed.model, &bed.host, bed.domain), -EINVAL);
	bed_enable(&bed);
	monitor = &bed.domain->monitor;
	monitor->cpuid = monitor->cr3_exiting = true;
	for (unsigned int i = 0; i < 8; i++)
		bed_report(&bed, i, true);
	bed_report(&bed, 8, true);
	good &= TAP_SAME(fx_vm_event_disable(bed.model, &bed.host, bed.domain), -EBUSY);
	good &= TAP_SAME(monitor->cpuid, false) && TAP_SAME(monitor->cr3_exiting, true);
	good &= TAP_SAME(bed.domain->vm_event.enabled, true);
	tap_ok(good, "disable is busy while a vCPU sleeps, and switches all sources off anyway");

	response.vcpu_id = 0;
	bed_put(&bed, &response);
	bed_notify(&bed);
	good = TAP_SAME(bed_report(&bed, 8, true), 1);
	good &= TAP_SAME(bed_vcpu(&bed, 0)->answer.emulate_flags, response.flags);
	good &= TAP_SAME(fx_vm_event_disable(bed.model, &bed.host, bed.domain), 0);
	good &= TAP_SAME(bed_vcpu(&bed, 0)->answer.emulate_flags, 0);
	good &= TAP_SAME(bed_vcpu(&bed, 1)->vm_event_pause_count, 1);
	good &= TAP_SAME(bed_runnable(&bed, 1), false);
	good &= TAP_SAME(bed.domain->statistics.abandoned, 8);
	tap_ok(good, "disable leaves vCPUs paused and forgets what answers asked for");

	good = TAP_SAME(fx_port_send(bed.model, &bed.host, bed.port), 0);
	tap_ok(good, "the port's other end is unbound then, and a notify does nothing");
	good = TAP_SAME(bed_report(&bed, 9, true), 0) && TAP_SAME(bed_runnable(&bed, 9), true);
	tap_ok(good, "without a ring an event is nobody's and the vCPU goes on");
	fx_port_unbind(bed.model, BED_DEVICE, bed.port);
	bed_enable(&bed);
	for (unsigned int i = 0; i < 8; i++)
		bed_answer(&bed, i, PAUSED);
	bed_notify(&bed);
	tap_ok(TAP_SAME(bed_runnable(&bed, 7), true), "answers on a new ring free them");
	bed_destroy(&bed);
}

static void test_disable_blocked(void)
{
	struct bed bed;
	bool good = true;

	bed_make(&bed, 8);
	bed_enable(&bed);
	bed_report(&bed, 0, false);
	good &= TAP_SAME(bed_runnable(&bed, 0), false);
	good &= TAP_SAME(fx_vm_event_disable(bed.model, &bed.host, bed.domain), 0);
	good &= TAP_SAME(bed_runnable(&bed, 0), true) && TAP_SAME(bed.woken[0], 1);
	tap_ok(good, "a blocked producer does not make disable busy: it is let go");
	bed_destroy(&bed);
}

static void test_enable(void)
{
	struct bed bed;
	uint32_t port;
	bool good = true;

	bed_make(&bed, 1);
	good &= TAP_SAME(fx_vm_event_enable(bed.model, bed.domain, &port), -EINVAL);
	bed.domain->params[HVM_PARAM_MONITOR_RING_PFN] = 0;
	good &= TAP_SAME(fx_vm_event_enable(bed.model, bed.domain, &port), -EOPNOTSUPP);
	bed.domain->params[HVM_PARAM_MONITOR_RING_PFN] = BED_RING_GFN;
	bed_enable(&bed);
	good &= TAP_SAME(fx_vm_event_enable(bed.model, bed.domain, &port), -EBUSY);
	tap_ok(good, "enable wants a page, named by the parameter, and one agent at a time");
	good = TAP_SAME(fx_p2m_remove(bed.model, bed.domain, BED_RING_GFN), 0);
	good &= TAP_SAME(bed_report(&bed, 0, true), 1) && TAP_SAME(bed_waiting(&bed), 1);
	tap_ok(good, "the page stays the ring's when it leaves the guest");
	bed_destroy(&bed);
}

int main(void)
{
	test_request();
	test_full();
	test_asynchronous();
	test_queued_before_blocked();
	test_wrong_answers();
	test_surplus();
	test_nested_pauses();
	test_wrap();
	test_disable();
	test_disable_blocked();
	test_enable();
	return tap_done();
}
