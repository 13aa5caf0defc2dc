/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exits.c: what Xen does when the processor leaves the guest (vmx_vmexit_handler). */
#include <errno.h>
#include <stdio.h>

#include "fakexen/hypercall.h"
#include "fakexen/p2m.h"
#include "fakexen/vcpu/private.h"

enum { VECTOR_DB = 1, VECTOR_UD = 6 };
enum { TYPE_SOFTWARE_INTERRUPT = 4, TYPE_SOFTWARE_EXCEPTION = 6 };
#define RFLAGS_IF 0x200u
#define DR6_FIXED 0xffff0ff0u

static void undefined_opcode(struct fx_runner *runner)
{
	fx_inject_exception(runner, VECTOR_UD, false, 0);
}

/* vmx_propagate_intr(): the guest gets what it raised. */
static void propagate(struct fx_runner *runner, const struct fx_cpu_exit *exit, uint8_t type)
{
	const struct fx_injection injection = {
		.valid = true,
		.vector = exit->exception.vector,
		.type = type,
		.insn_length = type >= TYPE_SOFTWARE_INTERRUPT ? exit->insn_length : 0,
		.cr2 = exit->exception.pending_dbg,
	};

	fx_cpu_inject(runner->state, &injection);
}

static int breakpoint(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	int result = 0;

	if (fx_report_due(runner, runner->domain->monitor.software_breakpoint,
		VM_EVENT_REASON_SOFTWARE_BREAKPOINT))
		result = fx_report_at_rip(runner, VM_EVENT_REASON_SOFTWARE_BREAKPOINT, true,
			TYPE_SOFTWARE_EXCEPTION, exit->insn_length);
	if (!result)
		propagate(runner, exit, TYPE_SOFTWARE_EXCEPTION);
	return result < 0 ? result : 0;
}

static int debug(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	const struct fx_monitor *monitor = &runner->domain->monitor;
	uint8_t type = exit->exception.type;
	uint32_t length = type >= TYPE_SOFTWARE_INTERRUPT ? exit->insn_length : 0;
	int result = 0;

	runner->state->dr6 = exit->exception.pending_dbg | DR6_FIXED;
	if (fx_report_due(runner, monitor->debug_exception, VM_EVENT_REASON_DEBUG_EXCEPTION))
		result = fx_report_at_rip(runner, VM_EVENT_REASON_DEBUG_EXCEPTION,
			monitor->debug_exception_sync, type, length);
	if (!result)
		propagate(runner, exit, type);
	return result < 0 ? result : 0;
}

static int monitor_trap(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	struct fx_vcpu *vcpu = runner->vcpu;
	int result;

	(void)exit;
	if (!fx_report_due(runner, vcpu->single_step && runner->domain->monitor.singlestep,
		VM_EVENT_REASON_SINGLESTEP))
		return 0;
	if (vcpu->fast_single_step) {
		fx_domain_lock(runner->model, runner->host, runner->domain);
		fx_view_switch_vcpu(runner->domain, vcpu, vcpu->fast_single_step_view);
		fx_domain_unlock(runner->domain);
		vcpu->single_step = false;
		vcpu->fast_single_step = false;
		vcpu->fast_single_step_view = 0;
		return 0;
	}
	result = fx_report_at_rip(runner, VM_EVENT_REASON_SINGLESTEP, true, 0, 0);
	return result < 0 ? result : 0;
}

static int cpuid(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	uint64_t *gpr = runner->state->gpr;
	struct fx_event event = {
		.reason = VM_EVENT_REASON_CPUID,
		.u.cpuid = {
			.insn_length = exit->insn_length,
			.leaf = gpr[FX_RAX], .subleaf = gpr[FX_RCX],
		},
	};
	uint32_t out[4];
	int result = 0;

	/* The results are in the registers already when the event has to wait. */
	if (fx_report_due(runner, false, event.reason))
		event = runner->event;
	fx_cpuid(runner->domain, runner->vcpu, event.u.cpuid.leaf, event.u.cpuid.subleaf, out);
	gpr[FX_RAX] = out[0];
	gpr[FX_RBX] = out[1];
	gpr[FX_RCX] = out[2];
	gpr[FX_RDX] = out[3];
	if (!runner->emulating &&
		fx_report_due(runner, runner->domain->monitor.cpuid, event.reason))
		result = fx_report(runner, &event, true);
	if (!result)
		fx_cpu_skip(runner->cpu, exit->insn_length);
	return result < 0 ? result : 0;
}

static int descriptor(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	const struct fx_event event = {
		.reason = VM_EVENT_REASON_DESCRIPTOR_ACCESS,
		.u.desc_access = {
			.descriptor = exit->descriptor.descriptor,
			.is_write = exit->descriptor.is_write,
			.arch.vmx.instr_info = exit->descriptor.instr_info,
			.arch.vmx.exit_qualification = exit->descriptor.qualification,
		},
	};
	int result;

	if (!runner->emulating &&
		fx_report_due(runner, runner->domain->monitor.descriptor_access, event.reason)) {
		result = fx_report(runner, &event, true);
		return result < 0 ? result : 0;
	}
	if (!fx_cpu_descriptor(runner->cpu))
		fx_cpu_skip(runner->cpu, exit->insn_length);
	return 0;
}

/* hvm_hlt(): to halt with interrupts off means to go down. */
static int halt(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	(void)exit;
	if (runner->state->rflags & RFLAGS_IF)
		return 0;
	fx_vcpu_down(runner);
	return 0;
}

static int pause_loop(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	(void)exit;
	runner->yielded = true;
	return 0;
}

static int vmfunc(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	(void)exit;
	fx_log(runner, "vmfunc at %#lx: refused", (unsigned long)runner->state->rip);
	undefined_opcode(runner);
	return 0;
}

static int triple_fault(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	(void)exit;
	fx_log(runner, "triple fault at %#lx", (unsigned long)runner->state->rip);
	fx_domain_shutdown(runner->model, runner->host, runner->domain,
		runner->domain->params[HVM_PARAM_TRIPLE_FAULT_REASON]);
	return 0;
}

static int unknown(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	char text[3 * sizeof(exit->bytes) + 1] = "";

	for (unsigned int i = 0; i < exit->byte_count && i < sizeof(exit->bytes); i++)
		snprintf(text + 3 * i, 4, " %02x", exit->bytes[i]);
	fx_log(runner, "unknown instruction at %#lx:%s", (unsigned long)runner->state->rip, text);
	undefined_opcode(runner);
	return 0;
}

typedef int handler(struct fx_runner *runner, const struct fx_cpu_exit *exit);

static handler *const handlers[FX_EXITS] = {
	[FX_EXIT_HLT] = halt,
	[FX_EXIT_PAUSE] = pause_loop,
	[FX_EXIT_CPUID] = cpuid,
	[FX_EXIT_VMCALL] = fx_exit_vmcall,
	[FX_EXIT_CR_WRITE] = fx_exit_cr_write,
	[FX_EXIT_XSETBV] = fx_exit_xsetbv,
	[FX_EXIT_MSR_WRITE] = fx_exit_msr_write,
	[FX_EXIT_MSR_READ] = fx_exit_msr_read,
	[FX_EXIT_DESCRIPTOR] = descriptor,
	[FX_EXIT_IO] = fx_exit_io,
	[FX_EXIT_VMFUNC] = vmfunc,
	[FX_EXIT_BREAKPOINT] = breakpoint,
	[FX_EXIT_DEBUG] = debug,
	[FX_EXIT_EPT] = fx_exit_ept,
	[FX_EXIT_MONITOR_TRAP] = monitor_trap,
	[FX_EXIT_TRIPLE_FAULT] = triple_fault,
	[FX_EXIT_UNKNOWN] = unknown,
};

int fx_exit_handle(struct fx_runner *runner)
{
	handler *handle = handlers[runner->exit.reason];

	return handle ? handle(runner, &runner->exit) : 0;
}
