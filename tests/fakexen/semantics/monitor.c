/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* monitor.c: the sources of events: what each reports, when, and what it does not. */
#include <errno.h>
#include <string.h>

#include "tests/fakexen/semantics/script.h"

#define REGS(script, i) ((script)->event[i].data.regs.x86)
#define LSTAR 0xc0000082u

SNIPPET(nothing, "nop");
SNIPPET(write_cr0, "mov %cr0, %rax; or $8, %rax; mov %rax, %cr0; and $~8, %rax; mov %rax, %cr0");
SNIPPET(clear_task_switched, "mov %cr0, %rax; or $8, %rax; mov %rax, %cr0; clts");
SNIPPET(write_cr3, "mov %cr3, %rax; mov $0x111000, %ecx; mov %rcx, %cr3; mov %cr3, %rcx;"
	"mov %rcx, (%rsi); mov %rax, %cr3");
SNIPPET(same_cr3, "mov %cr3, %rax; mov %rax, %cr3");
SNIPPET(write_cr4, "mov %cr4, %rax; or $0x80, %rax; mov %rax, %cr4; or $0x104, %rax;"
	"mov %rax, %cr4; and $~0x184, %rax; mov %rax, %cr4");
SNIPPET(bad_cr4, "mov %cr4, %rax; bts $40, %rax; mov %rax, %cr4");
SNIPPET(xsetbv_twice, "xor %ecx, %ecx; xor %edx, %edx; mov $3, %eax; xsetbv;"
	"mov $1, %eax; xsetbv");
SNIPPET(write_lstar, "mov $0xc0000082, %ecx; mov $0x5678, %eax; mov $0x1234, %edx; wrmsr;"
	"rdmsr; mov %rax, (%rsi); mov %rdx, 8(%rsi)");
SNIPPET(unknown_msr, "mov $0x1fff, %ecx; xor %eax, %eax; xor %edx, %edx; wrmsr");
SNIPPET(breakpoint, "movq $7, (%rsi); int3; movq $8, (%rsi)");
SNIPPET(cpuid_0, "xor %eax, %eax; xor %ecx, %ecx; cpuid; mov %rax, (%rsi); mov %rbx, 8(%rsi)");
SNIPPET(descriptors, "sub $16, %rsp; sgdt (%rsp); sidt (%rsp); sldt %eax; str %eax");
SNIPPET(guest_request, "mov $34, %eax; mov $24, %edi; xor %esi, %esi; vmcall;"
	"mov %rax, 0x141000");
SNIPPET(bad_request, "mov $34, %eax; mov $24, %edi; mov $1, %esi; vmcall; mov %rax, 0x141000");
SNIPPET(icebp, ".byte 0xf1");
SNIPPET(trap_flag, "pushf; orl $0x100, (%rsp); popf; nop; nop");

static int write_ctrlreg(uint16_t index, bool on, bool sync, uint64_t mask, bool onchange)
{
	return xc_monitor_write_ctrlreg(xch, DOMAIN, index, on, sync, mask, onchange);
}

static bool is_cr(const struct script *script, unsigned int i, uint32_t index, uint64_t new,
	uint64_t old)
{
	const struct vm_event_write_ctrlreg *cr = &script->event[i].u.write_ctrlreg;

	return reported(script, i, VM_EVENT_REASON_WRITE_CTRLREG) && cr->index == index &&
	       cr->new_value == new && cr->old_value == old;
}

static void capabilities(void)
{
	uint32_t what = 0;

	tap_ok(!xc_monitor_get_capabilities(xch, DOMAIN, &what) && what == 0x1f7f &&
		xc_vm_event_get_version(xch) == 7, "capabilities and version are those of 4.17");
	tap_ok(FAILS(xc_monitor_privileged_call(xch, DOMAIN, true), EOPNOTSUPP),
		"privileged calls are ARM's: EOPNOTSUPP");
	tap_ok(FAILS(write_ctrlreg(4, true, true, 0, false), EINVAL),
		"a control register beyond XCR0: EINVAL");
}

static void control_registers(void)
{
	const struct script *s;
	uint64_t cr0 = 0x80000033, cr4 = 0x40620;

	write_ctrlreg(VM_EVENT_X86_CR0, true, true, 0, false);
	tap_ok(FAILS(write_ctrlreg(VM_EVENT_X86_CR0, true, true, 0, false), EEXIST),
		"switched on twice: EEXIST");
	s = script_run(write_cr0, plain);
	tap_ok(s->done && s->count == 2 && is_cr(s, 0, VM_EVENT_X86_CR0, cr0 | 8, cr0) &&
		is_cr(s, 1, VM_EVENT_X86_CR0, cr0, cr0 | 8), "CR0: new and old value");
	s = script_run(clear_task_switched, plain);
	tap_ok(s->count == 2 && is_cr(s, 1, VM_EVENT_X86_CR0, cr0, cr0 | 8), "clts writes CR0, too");
	write_ctrlreg(VM_EVENT_X86_CR0, false, true, 0, false);
	tap_ok(FAILS(write_ctrlreg(VM_EVENT_X86_CR0, false, true, 0, false), EEXIST),
		"switched off twice: EEXIST");

	write_ctrlreg(VM_EVENT_X86_CR3, true, true, 0, false);
	s = script_run(write_cr3, plain);
	tap_ok(s->done && s->count == 2 &&
		is_cr(s, 0, VM_EVENT_X86_CR3, GUEST_ROOT_B, GUEST_ROOT_A) &&
		REGS(s, 0).cr3 == GUEST_ROOT_A && script_result(0) == GUEST_ROOT_B,
		"CR3: the registers in the event hold the old value");
	s = script_run(same_cr3, plain);
	tap_ok(s->done && s->count == 0, "a write that changes nothing is not reported");
	write_ctrlreg(VM_EVENT_X86_CR3, false, true, 0, false);

	write_ctrlreg(VM_EVENT_X86_CR4, true, true, 0x80, false);
	s = script_run(write_cr4, plain);
	tap_ok(s->done && s->count == 2 && is_cr(s, 0, VM_EVENT_X86_CR4, cr4 | 0x184, cr4 | 0x80) &&
		is_cr(s, 1, VM_EVENT_X86_CR4, cr4, cr4 | 0x184),
		"CR4: a change of masked bits alone is not reported");
	s = script_run(bad_cr4, plain);
	tap_ok(s->count == 0 && s->gp == 1, "a reserved bit is #GP and no event");
	write_ctrlreg(VM_EVENT_X86_CR4, false, true, 0, false);

	write_ctrlreg(VM_EVENT_X86_XCR0, true, true, 0, false);
	s = script_run(xsetbv_twice, plain);
	tap_ok(s->done && s->count == 2 && is_cr(s, 0, VM_EVENT_X86_XCR0, 3, 0) &&
		is_cr(s, 1, VM_EVENT_X86_XCR0, 1, 3), "XCR0: the first old value is 0");
	write_ctrlreg(VM_EVENT_X86_XCR0, false, true, 0, false);
	s = script_run(write_cr4, plain);
	tap_ok(s->done && s->count == 0, "what is switched off is not reported");
}

static void applied_at_once(void)
{
	const struct script *s;
	vcpu_guest_context_any_t context;

	write_ctrlreg(VM_EVENT_X86_CR3, true, true, 0, false);
	script_start(write_cr3);
	tap_ok(script_stands(), "a synchronous event: the vCPU waits");
	xc_vcpu_getcontext(xch, DOMAIN, 0, &context);
	s = script_wait(plain, 0);
	tap_ok(s->count == 1 && REGS(s, 0).rip == SCRIPT_CODE + 8 &&
		context.x64.ctrlreg[3] == GUEST_ROOT_B &&
		context.x64.user_regs.rip == SCRIPT_CODE + 11,
		"by then the write is done and RIP moved on; the event has the RIP before");
	script_finish(plain);
	write_ctrlreg(VM_EVENT_X86_CR3, false, true, 0, false);

	write_ctrlreg(VM_EVENT_X86_CR3, true, false, 0, false);
	script_start(write_cr3);
	tap_ok(EVENTUALLY(*guest_word(SCRIPT_DATA + PAGE - 8) == 1),
		"an asynchronous event: the vCPU goes on");
	s = script_finish(plain);
	tap_ok(s->count == 2 && !(s->event[0].flags & VM_EVENT_FLAG_VCPU_PAUSED),
		"and the event says so");
	write_ctrlreg(VM_EVENT_X86_CR3, false, true, 0, false);
}

static unsigned int run_again;

/* Echoes the registers of the request, RIP before the instruction. */
static void echo_once(const vm_event_request_t *request, vm_event_response_t *response)
{
	if (!run_again++)
		skip(request, response, 0);
}

static void registers_echoed(void)
{
	const struct script *s;

	xc_monitor_mov_to_msr(xch, DOMAIN, LSTAR, true, false);
	run_again = 0;
	s = script_run(write_lstar, echo_once);
	tap_ok(s->done && s->count == 2,
		"SET_REGISTERS with the event's own RIP runs the instruction twice");
	xc_monitor_mov_to_msr(xch, DOMAIN, LSTAR, false, false);
}

static void msrs(void)
{
	const struct script *s;

	tap_ok(FAILS(xc_monitor_mov_to_msr(xch, DOMAIN, 0x2000, true, false), EINVAL) &&
		FAILS(xc_monitor_mov_to_msr(xch, DOMAIN, 0xc0002000, true, false), EINVAL) &&
		!xc_monitor_mov_to_msr(xch, DOMAIN, 0x40000100, true, false),
		"MSRs are watched in three ranges of 8192; others: EINVAL");
	xc_monitor_mov_to_msr(xch, DOMAIN, 0x40000100, false, false);
	script_run(write_lstar, plain);
	xc_monitor_mov_to_msr(xch, DOMAIN, LSTAR, true, false);
	s = script_run(write_lstar, plain);
	tap_ok(s->done && s->count == 1 && reported(s, 0, VM_EVENT_REASON_MOV_TO_MSR) &&
		s->event[0].u.mov_to_msr.msr == LSTAR &&
		s->event[0].u.mov_to_msr.new_value == 0x123400005678 &&
		s->event[0].u.mov_to_msr.old_value == 0x123400005678 &&
		(s->event[0].flags & VM_EVENT_FLAG_VCPU_PAUSED),
		"wrmsr: index, new and old value, always synchronous, changed or not");
	xc_monitor_mov_to_msr(xch, DOMAIN, LSTAR, false, false);
	xc_monitor_mov_to_msr(xch, DOMAIN, LSTAR, true, true);
	s = script_run(write_lstar, plain);
	tap_ok(s->done && s->count == 0, "onchangeonly leaves out what changes nothing");
	xc_monitor_mov_to_msr(xch, DOMAIN, LSTAR, false, false);
	xc_monitor_mov_to_msr(xch, DOMAIN, 0x1fff, true, false);
	s = script_run(unknown_msr, plain);
	tap_ok(s->count == 0 && s->gp == 1, "an MSR that cannot be read is #GP and no event");
	xc_monitor_mov_to_msr(xch, DOMAIN, 0x1fff, false, false);
}

static void skip_int3(const vm_event_request_t *request, vm_event_response_t *response)
{
	skip(request, response, request->u.software_breakpoint.insn_length);
}

static void breakpoints(void)
{
	const struct script *s;

	xc_monitor_software_breakpoint(xch, DOMAIN, true);
	s = script_run(breakpoint, skip_int3);
	tap_ok(s->done && s->count == 1 && reported(s, 0, VM_EVENT_REASON_SOFTWARE_BREAKPOINT) &&
		s->event[0].u.software_breakpoint.gfn == SCRIPT_CODE / PAGE &&
		s->event[0].u.software_breakpoint.insn_length == 1 &&
		s->event[0].u.software_breakpoint.type == 6 &&
		REGS(s, 0).rip == SCRIPT_CODE + 7 && s->bp == 0 && script_result(0) == 8,
		"int3: gfn, type and length, RIP at it, and nothing in the guest");
	xc_monitor_software_breakpoint(xch, DOMAIN, false);
	s = script_run(breakpoint, plain);
	tap_ok(s->done && s->count == 0 && s->bp == 1, "not watched it is the guest's own");
	xc_monitor_singlestep(xch, DOMAIN, true);
	s = script_run(breakpoint, plain);
	tap_ok(s->done && s->count == 0 && s->bp == 1, "nor with single steps watched");
	xc_monitor_singlestep(xch, DOMAIN, false);
}

static void set_rbx(const vm_event_request_t *request, vm_event_response_t *response)
{
	skip(request, response, request->u.cpuid.insn_length);
	response->data.regs.x86.rbx = 0x5eed;
}

static void cpuid(void)
{
	const struct script *s;

	xc_monitor_cpuid(xch, DOMAIN, true);
	s = script_run(cpuid_0, set_rbx);
	tap_ok(s->done && s->count == 1 && reported(s, 0, VM_EVENT_REASON_CPUID) &&
		s->event[0].u.cpuid.leaf == 0 && s->event[0].u.cpuid.insn_length == 2 &&
		REGS(s, 0).rbx == 0x756e6547 && REGS(s, 0).rip == SCRIPT_CODE + 4 &&
		script_result(1) == 0x5eed, "cpuid: the registers hold results, RIP is at it");
	xc_monitor_cpuid(xch, DOMAIN, false);
}

static void descriptor_access(void)
{
	const struct script *s;

	xc_monitor_descriptor_access(xch, DOMAIN, true);
	s = script_run(descriptors, emulate);
	tap_ok(s->done && s->count == 4 && reported(s, 0, VM_EVENT_REASON_DESCRIPTOR_ACCESS) &&
		s->event[0].u.desc_access.descriptor == VM_EVENT_DESC_GDTR &&
		s->event[1].u.desc_access.descriptor == VM_EVENT_DESC_IDTR &&
		s->event[2].u.desc_access.descriptor == VM_EVENT_DESC_LDTR &&
		s->event[3].u.desc_access.descriptor == VM_EVENT_DESC_TR &&
		!s->event[0].u.desc_access.is_write, "descriptor tables, answered by EMULATE");
	s = script_run(descriptors, plain);
	tap_ok(!s->done && s->count == EVENTS_MAX, "answered plainly the event comes again for ever");
	xc_monitor_descriptor_access(xch, DOMAIN, false);
	script_run(nothing, plain);
}

static void guest_requests(void)
{
	const struct script *s;

	xc_monitor_guest_request(xch, DOMAIN, true, true, false);
	s = script_run(guest_request, plain);
	tap_ok(s->done && s->count == 1 && reported(s, 0, VM_EVENT_REASON_GUEST_REQUEST) &&
		(s->event[0].flags & VM_EVENT_FLAG_VCPU_PAUSED) &&
		REGS(s, 0).rip == SCRIPT_CODE + 12 && script_result(0) == 0,
		"a guest's request: RIP at the vmcall");
	s = script_run(bad_request, plain);
	tap_ok(s->done && s->count == 0 && (int64_t)script_result(0) == -EINVAL,
		"with an argument it is EINVAL");
	xc_monitor_guest_request(xch, DOMAIN, false, true, false);
	s = script_run(guest_request, plain);
	tap_ok(s->done && s->count == 0 && script_result(0) == 0, "not watched it succeeds silently");
}

static void debug_exceptions(void)
{
	const struct script *s;

	xc_monitor_debug_exceptions(xch, DOMAIN, true, true);
	s = script_run(icebp, plain);
	tap_ok(!s->done && s->count == EVENTS_MAX && s->db == 0 &&
		s->event[0].u.debug_exception.type == 5 &&
		s->event[0].u.debug_exception.insn_length == 1,
		"synchronous: the guest gets no #DB unless somebody injects it");
	xc_monitor_debug_exceptions(xch, DOMAIN, false, true);
	script_run(nothing, plain);
	xc_monitor_debug_exceptions(xch, DOMAIN, true, false);
	s = script_run(icebp, plain);
	tap_ok(s->done && s->count == 1 && s->db == 1, "asynchronous: Xen delivers it itself");
	s = script_run(trap_flag, plain);
	tap_ok(s->done && s->count == 1 && s->db == 1 &&
		s->event[0].u.debug_exception.type == 3 &&
		s->event[0].u.debug_exception.insn_length == 0, "a step by the trap flag: type 3");
	xc_monitor_debug_exceptions(xch, DOMAIN, false, false);
}

static void vmexits(void)
{
	const struct script *s;
	bool found = false;

	xc_monitor_vmexit(xch, DOMAIN, true, false);
	s = script_run(cpuid_0, plain);
	xc_monitor_vmexit(xch, DOMAIN, false, false);
	for (unsigned int i = 0; i < s->count && i < EVENTS_MAX; i++)
		found |= reported(s, i, VM_EVENT_REASON_VMEXIT) &&
			 s->event[i].u.vmexit.arch.vmx.reason == 10;
	tap_ok(found, "an exit is reported with its number: 10 for cpuid");
	while (script_wait(plain, 20)->count && ring_close() && ring_open())
		break;
}

static int control_writes_held(void)
{
	struct xen_domctl *op = xencall_alloc_buffer(xcall, sizeof(*op));
	int result;

	memset(op, 0, sizeof(*op));
	op->cmd = XEN_DOMCTL_monitor_op;
	op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	op->domain = DOMAIN;
	op->u.monitor_op.op = XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS;
	result = xencall1(xcall, __HYPERVISOR_domctl, (unsigned long)op);
	xencall_free_buffer(xcall, op);
	return result;
}

static void deny(const vm_event_request_t *request, vm_event_response_t *response)
{
	response->flags |= VM_EVENT_FLAG_DENY;
	response->u = request->u;
}

SNIPPET(read_back, "mov %cr4, %rax; or $0x100, %rax; mov %rax, %cr4; mov %cr4, %rbx;"
	"mov %rbx, (%rsi); and $~0x100, %rax; mov %rax, %cr4");

static void denying(void)
{
	const struct script *s;

	write_ctrlreg(VM_EVENT_X86_CR3, true, true, 0, false);
	s = script_run(write_cr3, deny);
	tap_ok(s->done && script_result(0) == GUEST_ROOT_B,
		"DENY does nothing by default: the write is done already");
	write_ctrlreg(VM_EVENT_X86_CR3, false, true, 0, false);

	tap_ok(!control_writes_held(), "CONTROL_REGISTERS holds writes back");
	write_ctrlreg(VM_EVENT_X86_CR3, true, true, 0, false);
	s = script_run(write_cr3, deny);
	tap_ok(s->done && s->count == 1 && script_result(0) == GUEST_ROOT_A,
		"a denied write of CR3 is not done");
	s = script_run(write_cr3, plain);
	tap_ok(s->done && s->count == 2 && script_result(0) == GUEST_ROOT_B,
		"an allowed one is done at the answer");
	write_ctrlreg(VM_EVENT_X86_CR3, false, true, 0, false);
	write_ctrlreg(VM_EVENT_X86_CR4, true, true, 0, false);
	s = script_run(read_back, deny);
	tap_ok(s->done && script_result(0) == 0x40620, "CR4 can be denied");
	write_ctrlreg(VM_EVENT_X86_CR4, false, true, 0, false);
	xc_monitor_mov_to_msr(xch, DOMAIN, 0xc0000102, true, false);
	xc_monitor_mov_to_msr(xch, DOMAIN, LSTAR, true, false);
	s = script_run(write_lstar, deny);
	tap_ok(s->done && script_result(0) == 0x5678, "so can an MSR, which keeps its value");
	xc_monitor_mov_to_msr(xch, DOMAIN, LSTAR, false, false);
	xc_monitor_mov_to_msr(xch, DOMAIN, 0xc0000102, false, false);
	write_ctrlreg(VM_EVENT_X86_XCR0, true, true, 0, false);
	s = script_run(xsetbv_twice, deny);
	tap_ok(s->done && is_cr(s, 1, VM_EVENT_X86_XCR0, 1, 3), "XCR0 cannot");
	write_ctrlreg(VM_EVENT_X86_XCR0, false, true, 0, false);
}

int main(int argc, char **argv)
{
	const char *const options[] = { "--vcpus", "1", "--guest", "cr3loop", NULL };

	(void)argc;
	dom0_enter(argv, options);
	*guest_word(GUEST_MAILBOX + HEADER_COMMAND) = LOOP_READ;
	tap_ok(guest_runs(0), "the guest runs");
	tap_ok(FAILS(xc_monitor_mov_to_msr(xch, DOMAIN, LSTAR, true, false), ENXIO),
		"an MSR cannot be watched before there was a ring: ENXIO");
	if (!tap_ok(ring_open(), "the ring is open"))
		return tap_done();
	capabilities();
	control_registers();
	applied_at_once();
	registers_echoed();
	msrs();
	breakpoints();
	cpuid();
	descriptor_access();
	guest_requests();
	debug_exceptions();
	vmexits();
	denying();
	return tap_done();
}
