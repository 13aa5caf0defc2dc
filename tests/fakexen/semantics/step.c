/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* step.c: single steps, fast ones, and what keeps a vCPU in or out of a view meanwhile. */
#include <errno.h>
#include <string.h>

#include "tests/fakexen/semantics/script.h"

#define TOGGLE VM_EVENT_FLAG_TOGGLE_SINGLESTEP
#define FAST VM_EVENT_FLAG_FAST_SINGLESTEP
#define VIEW VM_EVENT_FLAG_ALTERNATE_P2M

SNIPPET(steps, "mov $34, %eax; mov $24, %edi; xor %esi, %esi; vmcall; nop; xchg %ax, %ax;"
	"mov %r9, %rax; nop");
SNIPPET(load, "mov (%rdi), %rax; mov %rax, (%rsi)");
SNIPPET(load_and_load, "mov (%rdi), %rax; mov (%rdi), %rax; mov %rax, (%rsi)");
SNIPPET(breakpoint, "int3; movq $8, (%rsi)");
SNIPPET(rep_stos, "mov $0x55, %al; mov $3, %ecx; rep stosb; movq $8, (%rsi)");
SNIPPET(timer, "mov $0x838, %ecx; mov $1000, %eax; xor %edx, %edx; wrmsr;"
	"mov $34, %eax; mov $24, %edi; xor %esi, %esi; vmcall;"
	"mov $30, %ecx; 1: dec %ecx; jnz 1b; mov $0x100000, %ecx; 2: dec %ecx; jnz 2b");

static uint16_t view;

static void view_open(xenmem_access_t access)
{
	xc_altp2m_set_domain_state(xch, DOMAIN, true);
	xc_altp2m_create_view(xch, DOMAIN, XENMEM_access_rwx, &view);
	xc_altp2m_set_mem_access(xch, DOMAIN, view, SCRIPT_GFN, access);
	xc_altp2m_switch_to_view(xch, DOMAIN, view);
}

static void view_close(void)
{
	xc_altp2m_switch_to_view(xch, DOMAIN, 0);
	xc_altp2m_set_domain_state(xch, DOMAIN, false);
}

static uint16_t now_in(void)
{
	uint16_t index = 0xffff;

	xc_altp2m_get_vcpu_p2m_idx(xch, DOMAIN, 0, &index);
	return index;
}

static unsigned int steps_left;

static void toggle_at_both_ends(const vm_event_request_t *request, vm_event_response_t *response)
{
	if (request->reason != VM_EVENT_REASON_SINGLESTEP || !--steps_left)
		response->flags |= TOGGLE;
}

static void toggled(void)
{
	const struct script *s;
	bool good = true;

	xc_monitor_guest_request(xch, DOMAIN, true, true, false);
	xc_monitor_singlestep(xch, DOMAIN, true);
	steps_left = 3;
	s = script_run(steps, toggle_at_both_ends);
	for (unsigned int i = 1; i < 4; i++)
		good &= reported(s, i, VM_EVENT_REASON_SINGLESTEP) &&
			s->event[i].u.singlestep.gfn == SCRIPT_CODE / PAGE;
	tap_ok(s->done && s->count == 4 && good &&
		s->event[1].data.regs.x86.rip == SCRIPT_CODE + 16 &&
		s->event[2].data.regs.x86.rip == SCRIPT_CODE + 18 &&
		s->event[3].data.regs.x86.rip == SCRIPT_CODE + 21,
		"TOGGLE_SINGLESTEP: an event after each instruction until the next toggle");
	xc_monitor_singlestep(xch, DOMAIN, false);
	steps_left = 1;
	s = script_run(steps, toggle_at_both_ends);
	tap_ok(s->done && s->count == 1, "not watched, steps report nothing");
	xc_domain_debug_control(xch, DOMAIN, XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF, 0);
	xc_monitor_guest_request(xch, DOMAIN, false, true, false);
}

/* To view 0 for one step, and back. */
static void step_aside(const vm_event_request_t *request, vm_event_response_t *response)
{
	response->flags |= VIEW | TOGGLE;
	response->altp2m_idx = request->reason == VM_EVENT_REASON_SINGLESTEP ? view : 0;
}

static void fast(const vm_event_request_t *request, vm_event_response_t *response)
{
	(void)request;
	response->flags |= VIEW | FAST;
	response->altp2m_idx = 0;
	response->u.fast_singlestep.p2midx = view;
}

static void fast_and_toggle(const vm_event_request_t *request, vm_event_response_t *response)
{
	if (request->reason == VM_EVENT_REASON_SINGLESTEP) {
		step_aside(request, response);
		return;
	}
	fast(request, response);
	response->flags |= TOGGLE;
}

static void past_a_fault(void)
{
	const struct script *s;

	xc_monitor_singlestep(xch, DOMAIN, true);
	view_open(XENMEM_access_n);
	s = script_run(load_and_load, step_aside);
	tap_ok(s->done && s->count == 4 && s->event[0].altp2m_idx == view &&
		reported(s, 1, VM_EVENT_REASON_SINGLESTEP) && s->event[1].altp2m_idx == 0 &&
		now_in() == view, "a view switch and a toggled step: two events a fault");
	s = script_run(load_and_load, fast);
	tap_ok(s->done && s->count == 2 && s->event[1].altp2m_idx == view && now_in() == view,
		"FAST_SINGLESTEP: one event a fault, and back in the view by itself");
	s = script_run(load, fast_and_toggle);
	tap_ok(s->done && s->count == 2 && reported(s, 1, VM_EVENT_REASON_SINGLESTEP),
		"TOGGLE_SINGLESTEP wins over FAST_SINGLESTEP");
	view_close();
	xc_monitor_singlestep(xch, DOMAIN, false);
}

static void fast_alone(void)
{
	const struct script *s;

	view_open(XENMEM_access_n);
	s = script_run(load, fast);
	tap_ok(s->done && s->count == 1 && now_in() == 0,
		"without monitor_singlestep a fast step stays in the permissive view");
	s = script_run(load, fast);
	tap_ok(s->done && s->count == 0, "and goes on there unseen");
	tap_ok(!xc_domain_debug_control(xch, DOMAIN, XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF, 0),
		"SINGLE_STEP_OFF ends it");
	xc_altp2m_switch_to_view(xch, DOMAIN, view);
	xc_monitor_singlestep(xch, DOMAIN, true);
	s = script_run(load, fast);
	tap_ok(s->done && s->count == 1 && now_in() == view, "then a proper one works");
	xc_monitor_singlestep(xch, DOMAIN, false);
	view_close();
	tap_ok(FAILS(xc_domain_debug_control(xch, DOMAIN, 99, 0), ENOSYS) &&
		FAILS(xc_domain_debug_control(xch, DOMAIN, 0, 7), EINVAL),
		"a wrong debug op: ENOSYS; a wrong vCPU: EINVAL");
}

static void fast_to_nowhere(const vm_event_request_t *request, vm_event_response_t *response)
{
	fast(request, response);
	response->u.fast_singlestep.p2midx = 7;
}

static unsigned int tries;

static void to_nowhere(const vm_event_request_t *request, vm_event_response_t *response)
{
	(void)request;
	response->flags |= VIEW;
	response->altp2m_idx = tries++ < 3 ? 7 : 0;
}

static void wrong_views(void)
{
	const struct script *s;

	xc_monitor_singlestep(xch, DOMAIN, true);
	view_open(XENMEM_access_n);
	tries = 0;
	s = script_run(load, to_nowhere);
	tap_ok(s->done && s->count == 4 && now_in() == 0,
		"a switch to a view that does not exist is ignored: the fault repeats");
	xc_altp2m_switch_to_view(xch, DOMAIN, view);
	s = script_run(load, fast_to_nowhere);
	tap_ok(s->done && s->count == 1 && now_in() == 0,
		"a fast step whose return view does not exist stays in the permissive one");
	view_close();
	xc_monitor_singlestep(xch, DOMAIN, false);
}

static void cancelled(const vm_event_request_t *request, vm_event_response_t *response)
{
	fast(request, response);
	xc_domain_pause(xch, DOMAIN);
}

static void cancelling(void)
{
	const struct script *s;

	xc_monitor_singlestep(xch, DOMAIN, true);
	view_open(XENMEM_access_n);
	script_start(load);
	script_wait(cancelled, 2000);
	tap_ok(!xc_domain_debug_control(xch, DOMAIN, XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF, 0) &&
		!xc_altp2m_switch_to_view(xch, DOMAIN, 0), "a fast step in flight, switched off");
	xc_domain_unpause(xch, DOMAIN);
	s = script_finish(plain);
	tap_ok(s->done && s->count == 1 && now_in() == 0, "does not put its vCPU back into the view");
	xc_altp2m_switch_to_view(xch, DOMAIN, view);
	script_start(load);
	script_wait(cancelled, 2000);
	xc_altp2m_switch_to_view(xch, DOMAIN, 0);
	xc_domain_unpause(xch, DOMAIN);
	s = script_finish(plain);
	tap_ok(s->done && now_in() == view, "one that is not switched off does");
	view_close();
	xc_monitor_singlestep(xch, DOMAIN, false);
}

static void past_a_breakpoint(void)
{
	const struct script *s;
	xen_pfn_t shadow = 0xff000;
	uint8_t *page, *original;

	xc_domain_populate_physmap_exact(xch, DOMAIN, 1, 0, 0, &shadow);
	view_open(XENMEM_access_rwx);
	xc_monitor_software_breakpoint(xch, DOMAIN, true);
	xc_monitor_singlestep(xch, DOMAIN, true);
	page = map_page(DOMAIN, shadow);
	original = map_page(DOMAIN, SCRIPT_CODE / PAGE);
	script_run(rep_stos, plain);
	memcpy(page, original, PAGE);
	page[7] = 0xcc;                 /* in place of rep stosb */
	xc_altp2m_set_mem_access(xch, DOMAIN, view, shadow, XENMEM_access_x);
	xc_altp2m_change_gfn(xch, DOMAIN, view, SCRIPT_CODE / PAGE, shadow);
	s = script_run(rep_stos, fast);
	tap_ok(s->done && s->count == 3 && s->event[0].u.software_breakpoint.gfn ==
		SCRIPT_CODE / PAGE,
		"a hidden breakpoint on a REP: a fast step hits it again at each iteration");
	unmap_page(page);
	unmap_page(original);
	xc_monitor_singlestep(xch, DOMAIN, false);
	xc_monitor_software_breakpoint(xch, DOMAIN, false);
	view_close();
	xc_domain_decrease_reservation_exact(xch, DOMAIN, 1, 0, &shadow);
}

static uint64_t timers_while_stepping;

static void step_on(const vm_event_request_t *request, vm_event_response_t *response)
{
	if (request->reason != VM_EVENT_REASON_SINGLESTEP) {
		response->flags |= TOGGLE;
		timers_while_stepping = *guest_slot(0, SLOT_TIMER);
	} else if (!--steps_left) {
		doze();                 /* the timer is long due */
		timers_while_stepping = *guest_slot(0, SLOT_TIMER) - timers_while_stepping;
		response->flags |= TOGGLE;
	}
}

static void interrupts(void)
{
	const struct script *s;
	uint64_t timers = *guest_slot(0, SLOT_TIMER);

	xc_monitor_guest_request(xch, DOMAIN, true, true, false);
	xc_monitor_singlestep(xch, DOMAIN, true);
	steps_left = 40;
	s = script_run(timer, step_on);
	tap_ok(s->count == 41 && timers_while_stepping == 0, "interrupts are held off while stepping");
	tap_ok(s->done && *guest_slot(0, SLOT_TIMER) == timers + 1, "and come afterwards");
	xc_monitor_singlestep(xch, DOMAIN, false);
	xc_monitor_guest_request(xch, DOMAIN, false, true, false);
	script_run(breakpoint, plain);
}

int main(int argc, char **argv)
{
	const char *const options[] = { "--vcpus", "1", "--guest", "cr3loop", NULL };

	(void)argc;
	dom0_enter(argv, options);
	*guest_word(GUEST_MAILBOX + HEADER_COMMAND) = LOOP_READ;
	tap_ok(guest_runs(0) && ring_open(), "the guest runs and the ring is open");
	toggled();
	past_a_fault();
	fast_alone();
	wrong_views();
	cancelling();
	past_a_breakpoint();
	interrupts();
	return tap_done();
}
