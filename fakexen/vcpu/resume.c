/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resume.c: what a vCPU does when it is scheduled again, before it enters the guest, in
 * Xen's order (hvm_do_resume, hvm_vm_event_do_resume): registers, emulation, held back
 * writes of CR0, CR4, CR3 and an MSR, the tools' injection, and a look at what is about to
 * be injected. Each part is forgotten as soon as it is done, so that a resume which had to
 * wait for a slot goes on where it stopped. */
#include <errno.h>
#include <string.h>

#include "fakexen/atomics.h"
#include "fakexen/vcpu/private.h"

enum { VECTOR_UD = 6 };

static void set_registers(struct fx_runner *runner)
{
	struct fx_vcpu_answer *answer = &runner->vcpu->answer;

	if (!answer->set_registers)
		return;
	memcpy(runner->state->gpr, answer->gpr, sizeof(answer->gpr));
	runner->state->rflags = answer->rflags;
	runner->state->rip = answer->rip;
	answer->set_registers = false;
}

/* ---- emulation ---- */

static int unimplemented(struct fx_runner *runner)
{
	const struct fx_event event = { .reason = VM_EVENT_REASON_EMUL_UNIMPLEMENTED };
	int result = 0;

	if (fx_report_due(runner, runner->domain->monitor.emul_unimplemented, event.reason))
		result = fx_report(runner, &event, true);
	if (result < 0)
		return result;
	if (!result)
		fx_inject_exception(runner, VECTOR_UD, false, 0);
	return 0;
}

/* What the emulator leaves to the hypervisor's own code, like a write of CR3. */
static int complete(struct fx_runner *runner)
{
	int result;

	runner->emulating = true;
	result = fx_exit_handle(runner);
	runner->emulating = false;
	return result;
}

int fx_emulate(struct fx_runner *runner, const struct fx_emulation *how)
{
	switch (fx_cpu_emulate(runner->cpu, how, &runner->exit)) {
	case FX_EMULATED_EXIT:
		return complete(runner);
	case FX_EMULATED_UNIMPLEMENTED:
		return unimplemented(runner);
	case FX_EMULATED_UNHANDLEABLE:
		fx_inject_exception(runner, VECTOR_UD, false, 0);
		return 0;
	case FX_EMULATED_OKAY:
	case FX_EMULATED_RETRY:         /* the guest runs into the same fault again */
	case FX_EMULATED_EXCEPTION:
		return 0;
	}
	return 0;
}

static int emulate(struct fx_runner *runner)
{
	struct fx_vcpu_answer *answer = &runner->vcpu->answer;
	struct fx_emulation how = { .insn_bytes = NULL };
	uint32_t flags = answer->emulate_flags;
	int result;

	if (!flags)
		return 0;
	if (flags & VM_EVENT_FLAG_SET_EMUL_READ_DATA) {
		how.read_data = answer->emulation.read.data;
		how.read_size = answer->emulation.read.size;
		if (how.read_size > sizeof(answer->emulation.read.data))
			how.read_size = sizeof(answer->emulation.read.data);
	} else if (flags & VM_EVENT_FLAG_EMULATE_NOWRITE) {
		how.discard_writes = true;
	} else if (flags & VM_EVENT_FLAG_SET_EMUL_INSN_DATA) {
		how.insn_bytes = answer->emulation.insn.data;
	}
	answer->emulate_flags = 0;
	result = fx_emulate(runner, &how);
	if (result)
		answer->emulate_flags = flags;
	return result;
}

/* ---- the rest ---- */

/* The processor puts the exception in place if a write is not allowed. */
static void write_registers(struct fx_runner *runner)
{
	struct fx_vcpu_answer *answer = &runner->vcpu->answer;

	if (answer->write.cr0)
		fx_cpu_write_cr(runner->cpu, 0, answer->write.cr0_value);
	if (answer->write.cr4)
		fx_cpu_write_cr(runner->cpu, 4, answer->write.cr4_value);
	if (answer->write.cr3)
		fx_cpu_write_cr(runner->cpu, 3, answer->write.cr3_value);
	if (answer->write.msr)
		fx_write_msr(runner, answer->write.msr_index, answer->write.msr_value);
	answer->write.cr0 = answer->write.cr4 = answer->write.cr3 = answer->write.msr = false;
}

static void inject(struct fx_runner *runner)
{
	struct fx_vcpu *vcpu = runner->vcpu;

	if (!vcpu->async_exception_pending)
		return;
	if (!runner->state->injection.valid)
		fx_cpu_inject(runner->state, &vcpu->inject_event);
	vcpu->async_exception_pending = false;
}

static int next_interrupt(struct fx_runner *runner)
{
	struct fx_vcpu_answer *answer = &runner->vcpu->answer;
	const struct fx_injection *injection = &runner->state->injection;
	struct fx_event event = {
		.reason = VM_EVENT_REASON_INTERRUPT,
		.u.interrupt.x86 = {
			.vector = injection->vector,
			.type = injection->type,
			.error_code = injection->has_error_code ? injection->error_code : 0,
			.cr2 = runner->state->cr2,
		},
	};
	int result;

	if (!answer->next_interrupt || !runner->domain->vm_event.enabled || !injection->valid)
		return 0;
	answer->next_interrupt = false;
	result = fx_report(runner, &event, true);
	if (result < 0)
		answer->next_interrupt = true;
	return result < 0 ? result : 0;
}

static bool is_asked(const struct fx_vcpu *vcpu)
{
	const struct fx_vcpu_answer *answer = &vcpu->answer;

	return answer->set_registers || answer->emulate_flags || answer->write.cr0 ||
	       answer->write.cr4 || answer->write.cr3 || answer->write.msr ||
	       vcpu->async_exception_pending;
}

/* Device models are told that a page has gone (4.15 and later): that is all of this resume. */
static void tell_device_models(struct fx_runner *runner)
{
	if (is_asked(runner->vcpu))
		fx_add_seq_cst(&runner->domain->statistics.postponed, 1);
	runner->vcpu->mapcache_invalidate = false;
}

int fx_resume(struct fx_runner *runner)
{
	int result;

	if (runner->vcpu->mapcache_invalidate) {
		tell_device_models(runner);
		return 0;
	}
	set_registers(runner);
	result = emulate(runner);
	if (result || runner->must_resume)
		return result;          /* an event of the emulation: the rest comes then */
	write_registers(runner);
	inject(runner);
	return next_interrupt(runner);
}
