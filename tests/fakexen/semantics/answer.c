/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* answer.c: what answers do besides emulation and steps, in which order, and when not. */
#include <errno.h>
#include <string.h>

#include "tests/fakexen/semantics/script.h"
#include <xendevicemodel.h>     /* wants what <xenctrl.h> defines */

#define REGS(script, i) ((script)->event[i].data.regs.x86)
#define PAUSED VM_EVENT_FLAG_VCPU_PAUSED

SNIPPET(nothing, "nop");
SNIPPET(request, "mov $34, %eax; mov $24, %edi; xor %esi, %esi; vmcall; mov $0x141000, %esi;"
	"mov %r9, (%rsi); mov %r10, 8(%rsi)");
SNIPPET(breakpoint, "movq $7, (%rsi); int3; movq $8, (%rsi)");
SNIPPET(request_then_int3, "mov $34, %eax; mov $24, %edi; xor %esi, %esi; vmcall; int3");

static xendevicemodel_handle *dmod;

static int inject(uint8_t vector, uint8_t type, uint32_t error_code, uint8_t length, uint64_t cr2)
{
	return xendevicemodel_inject_event(dmod, DOMAIN, 0, vector, type, error_code, length, cr2);
}

/* ---- registers ---- */

static void set_all(const vm_event_request_t *event, vm_event_response_t *response)
{
	skip(event, response, 0);
	response->data.regs.x86.rip = SCRIPT_CODE + 15; /* past the vmcall */
	response->data.regs.x86.r9 = 99;
	response->data.regs.x86.cr3 = 0x1234;   /* none of these is taken */
	response->data.regs.x86.dr7 = 0;
	response->data.regs.x86.msr_efer = 0;
	response->data.regs.x86.cs_sel = 0;
}

static void registers(void)
{
	const struct script *s;

	s = script_run(request, set_all);
	tap_ok(s->done && s->count == 1 && script_result(0) == 99,
		"SET_REGISTERS sets general registers and RIP, and none of the others");
}

/* ---- answers nobody is paused for ---- */

static void flags_without_a_pause(const vm_event_request_t *event, vm_event_response_t *response)
{
	set_all(event, response);
	response->data.regs.x86.r9 = 55;
	response->flags |= VM_EVENT_FLAG_TOGGLE_SINGLESTEP | PAUSED;
}

static void asynchronous(void)
{
	vm_event_request_t first, second, again;
	const struct script *s;

	xc_monitor_guest_request(xch, DOMAIN, false, true, false);
	xc_monitor_guest_request(xch, DOMAIN, true, false, false);
	xc_monitor_singlestep(xch, DOMAIN, true);
	s = script_run(request, flags_without_a_pause);
	tap_ok(s->done && s->count == 1 && script_result(0) != 55,
		"flags on the answer to an asynchronous event are ignored while nothing is paused");

	xc_monitor_singlestep(xch, DOMAIN, false);
	xc_monitor_software_breakpoint(xch, DOMAIN, true);
	script_start(request_then_int3);
	tap_ok(ring_take(&first, 2000) && !(first.flags & PAUSED) && ring_take(&second, 2000) &&
		second.reason == VM_EVENT_REASON_SOFTWARE_BREAKPOINT,
		"an asynchronous request and a synchronous one of the same vCPU");
	ring_answer_flags(&first, PAUSED, 0);
	tap_ok(ring_take(&again, 2000) && again.reason == VM_EVENT_REASON_SOFTWARE_BREAKPOINT,
		"VCPU_PAUSED on the answer to the first resumes the vCPU out of the second");
	xc_monitor_software_breakpoint(xch, DOMAIN, false);
	ring_answer(&second);
	ring_answer(&again);
	s = script_finish(plain);
	tap_ok(s->done && s->bp == 1, "and all of them answered it goes on");
	xc_monitor_guest_request(xch, DOMAIN, false, false, false);
	xc_monitor_guest_request(xch, DOMAIN, true, true, false);
}

static void by_the_vcpu(void)
{
	vm_event_request_t first;
	vm_event_response_t wrong = { .version = 6, .flags = PAUSED };
	const struct script *s;

	script_start(request);
	ring_take(&first, 2000);
	ring_put(&wrong);
	tap_ok(script_stands(), "an answer of another version leaves the vCPU paused");
	wrong.version = VM_EVENT_INTERFACE_VERSION;
	wrong.vcpu_id = 77;
	ring_put(&wrong);
	tap_ok(script_stands(), "so does one for a vCPU that does not exist");
	ring_answer_flags(&first, 0, 0);
	ring_answer(&first);
	s = script_finish(plain);
	tap_ok(s->done, "a right one frees it");
	/* three more answers than requests: a new ring is in order again */
	ring_close();
	ring_open();
	xc_monitor_guest_request(xch, DOMAIN, true, true, false);
}

/* ---- injection ---- */

static int injected, injected_again;

static void give_back(const vm_event_request_t *event, vm_event_response_t *response)
{
	(void)response;
	injected = inject(3, event->u.software_breakpoint.type, ~0u,
		event->u.software_breakpoint.insn_length, 0);
	errno = 0;
	injected_again = inject(3, 6, ~0u, 1, 0);
}

static void inject_page_fault(const vm_event_request_t *event, vm_event_response_t *response)
{
	set_all(event, response);
	inject(14, 3, 2, 0, 0xabc000);
}

static void injections(void)
{
	const struct script *s;

	xc_monitor_software_breakpoint(xch, DOMAIN, true);
	s = script_run(breakpoint, give_back);
	tap_ok(s->done && s->count == 1 && s->bp == 1 && injected == 0 &&
		*guest_slot(0, SLOT_RIP) == SCRIPT_CODE + 8 && script_result(0) == 8,
		"a breakpoint given back is the guest's, which goes on past it");
	tap_ok(injected_again < 0, "a second injection before the vCPU has run: refused (EBUSY)");
	xc_monitor_software_breakpoint(xch, DOMAIN, false);
	s = script_run(request, inject_page_fault);
	tap_ok(s->pf == 1 && *guest_slot(0, SLOT_CR2) == 0xabc000 &&
		*guest_slot(0, SLOT_CODE) == 2 && *guest_slot(0, SLOT_RIP) == SCRIPT_CODE + 15,
		"an injected page fault has its CR2 and code, at the registers that the answer sets");
	tap_ok(xendevicemodel_inject_event(dmod, DOMAIN, 7, 3, 6, ~0u, 1, 0) < 0,
		"into a vCPU that does not exist: refused");
}

/* The first access to a page in a view takes an exit, in which the entry is copied. A software
 * exception that was on its way is not taken up again after that. */
static void into_a_view(void)
{
	const struct script *s;
	uint16_t view;

	xc_monitor_software_breakpoint(xch, DOMAIN, true);
	xc_altp2m_set_domain_state(xch, DOMAIN, true);
	xc_altp2m_create_view(xch, DOMAIN, XENMEM_access_rwx, &view);
	xc_altp2m_switch_to_view(xch, DOMAIN, view);
	s = script_run(breakpoint, give_back);
	tap_ok(s->done && s->count == 3 && s->bp == 1 && REGS(s, 2).rip == REGS(s, 0).rip,
		"comes again for each page that its delivery is the first to touch in a view, the "
		"IDT's and the stack's, and is the guest's once (%u events)", s->count);
	s = script_run(breakpoint, give_back);
	tap_ok(s->done && s->count == 1 && s->bp == 1, "not when the view has the page");
	xc_altp2m_switch_to_view(xch, DOMAIN, 0);
	xc_altp2m_set_domain_state(xch, DOMAIN, false);
	xc_monitor_software_breakpoint(xch, DOMAIN, false);
}

/* ---- the next interrupt ---- */

static void next_interrupt(const vm_event_request_t *event, vm_event_response_t *response)
{
	if (event->reason == VM_EVENT_REASON_INTERRUPT)
		return;
	response->flags |= VM_EVENT_FLAG_GET_NEXT_INTERRUPT;
	if (event->reason == VM_EVENT_REASON_SOFTWARE_BREAKPOINT)
		inject(3, 6, ~0u, 1, 0);
}

static void interrupts(void)
{
	const struct script *s;

	xc_monitor_software_breakpoint(xch, DOMAIN, true);
	s = script_run(breakpoint, next_interrupt);
	tap_ok(s->done && s->count == 2 && reported(s, 1, VM_EVENT_REASON_INTERRUPT) &&
		s->event[1].u.interrupt.x86.vector == 3 && s->event[1].u.interrupt.x86.type == 6 &&
		s->bp == 1, "GET_NEXT_INTERRUPT reports what is about to be injected");
	s = script_run(breakpoint, give_back);
	tap_ok(s->done && s->count == 1, "once");
	xc_monitor_software_breakpoint(xch, DOMAIN, false);
}

/* ---- a page removed meanwhile ---- */

static uint16_t view;
static void (*meanwhile)(void);

static void leaves_the_guest(void)
{
	xen_pfn_t gfn = 0xff000;

	xc_domain_populate_physmap_exact(xch, DOMAIN, 1, 0, 0, &gfn);
	xc_domain_decrease_reservation_exact(xch, DOMAIN, 1, 0, &gfn);
}

static void shows_another(void)
{
	xc_altp2m_change_gfn(xch, DOMAIN, view, OTHER_GFN, SCRIPT_GFN);
}

static void leaves_a_view(void)
{
	shows_another();
	xc_altp2m_change_gfn(xch, DOMAIN, view, OTHER_GFN, ~0UL);
}

static void set_registers(const vm_event_request_t *event, vm_event_response_t *response)
{
	set_all(event, response);
	response->data.regs.x86.r10 = 42;
	response->data.regs.x86.rip = SCRIPT_CODE + 27; /* off its end: whenever it comes */
	meanwhile();
}

static void inject_first(const vm_event_request_t *event, vm_event_response_t *response)
{
	if (!*guest_word(SCRIPT_DATA + 8)) {
		give_back(event, response);
		meanwhile();
	}
	*guest_word(SCRIPT_DATA + 8) = 1;
}

/* Of what an answer asks for, whether the vCPU has it when it goes on. */
static bool registers_are_set(void)
{
	const struct script *s;

	*guest_word(SCRIPT_DATA) = 77;
	s = script_run(request, set_registers);
	tap_ok(s->done && s->count == 1, "a request is answered, and registers set");
	script_run(nothing, plain);
	return script_result(0) == 77;
}

/* Else it executes the INT3 once more. */
static bool exception_is_injected(void)
{
	const struct script *s;

	xc_monitor_software_breakpoint(xch, DOMAIN, true);
	script_run(breakpoint, give_back);      /* the pages have been touched in this view */
	*guest_word(SCRIPT_DATA + 8) = 0;
	s = script_run(breakpoint, inject_first);
	tap_ok(s->done && s->bp == 1, "a breakpoint is the guest's, and it goes on");
	xc_monitor_software_breakpoint(xch, DOMAIN, false);
	return s->count == 1;
}

static void expect(void (*what)(void), bool done, const char *text)
{
	meanwhile = what;
	tap_ok(registers_are_set() == done, "%s: SET_REGISTERS is %s at the resume", text,
		done ? "done" : "not done");
	tap_ok(exception_is_injected() == done, "%s: so is the injection", text);
}

static void late_answers(void)
{
	expect(leaves_the_guest, false, "a page leaves the guest while the request is open");
	xc_altp2m_set_domain_state(xch, DOMAIN, true);
	xc_altp2m_create_view(xch, DOMAIN, XENMEM_access_rwx, &view);
	expect(shows_another, true, "a view shows another page meanwhile");
	expect(leaves_a_view, false, "what a view has shown goes meanwhile");
	xc_altp2m_set_domain_state(xch, DOMAIN, false);
}

/* ---- the ring's end ---- */

static void nops(const vm_event_request_t *event, vm_event_response_t *response)
{
	(void)event;
	response->flags |= VM_EVENT_FLAG_EMULATE | VM_EVENT_FLAG_SET_EMUL_INSN_DATA;
	memset(response->data.emul.insn.data, 0x90, 16);
	xc_domain_pause(xch, DOMAIN);   /* so that it is not done before the disable */
}

static void lost_with_the_ring(void)
{
	const struct script *s;

	xc_monitor_software_breakpoint(xch, DOMAIN, true);
	script_start(breakpoint);
	script_wait(nops, 2000);
	tap_ok(ring_close(), "the ring goes with an answer consumed and not yet done");
	tap_ok(ring_open(), "and a new one comes");
	xc_domain_unpause(xch, DOMAIN);
	s = script_finish(plain);
	tap_ok(s->done && s->bp == 1, "the emulation is lost: the guest gets a #BP");
	xc_monitor_guest_request(xch, DOMAIN, true, true, false);
}

static void paused_beyond_the_ring(void)
{
	vm_event_request_t open;
	vm_event_response_t made_up = { .version = VM_EVENT_INTERFACE_VERSION, .flags = PAUSED };
	const struct script *s;

	script_start(request);
	tap_ok(ring_take(&open, 2000) && ring_close() && script_stands(),
		"disable leaves a vCPU with an open request paused");
	ring_open();
	ring_put(&made_up);
	s = script_finish(plain);
	tap_ok(s->done, "a made-up answer on a new ring frees it");
	ring_close();
	ring_open();
}

int main(int argc, char **argv)
{
	const char *const options[] = { "--vcpus", "1", "--guest", "cr3loop", NULL };

	(void)argc;
	dom0_enter(argv, options);
	dmod = xendevicemodel_open(NULL, 0);
	*guest_word(GUEST_MAILBOX + HEADER_COMMAND) = LOOP_READ;
	tap_ok(guest_runs(0) && ring_open() && dmod, "the guest runs and the ring is open");
	xc_monitor_guest_request(xch, DOMAIN, true, true, false);
	registers();
	asynchronous();
	by_the_vcpu();
	injections();
	into_a_view();
	interrupts();
	late_answers();
	lost_with_the_ring();
	paused_beyond_the_ring();
	return tap_done();
}
