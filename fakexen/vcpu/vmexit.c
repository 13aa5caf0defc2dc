/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vmexit.c: the VMEXIT event, with the numbers of the SDM (appendix C, 28.2.1). */
#include "fakexen/vcpu/private.h"

/* What is not listed is no VM exit of a real processor. Reason 0 is an exception. */
static const struct { bool exits; uint8_t reason; } reasons[FX_EXITS] = {
	[FX_EXIT_BREAKPOINT] = { true, 0 },
	[FX_EXIT_DEBUG] = { true, 0 },
	[FX_EXIT_TRIPLE_FAULT] = { true, 2 },
	[FX_EXIT_INTERRUPT_WINDOW] = { true, 7 },
	[FX_EXIT_CPUID] = { true, 10 },
	[FX_EXIT_HLT] = { true, 12 },
	[FX_EXIT_VMCALL] = { true, 18 },
	[FX_EXIT_CR_WRITE] = { true, 28 },
	[FX_EXIT_IO] = { true, 30 },
	[FX_EXIT_MSR_READ] = { true, 31 },
	[FX_EXIT_MSR_WRITE] = { true, 32 },
	[FX_EXIT_MONITOR_TRAP] = { true, 37 },
	[FX_EXIT_PAUSE] = { true, 40 },
	[FX_EXIT_DESCRIPTOR] = { true, 46 },
	[FX_EXIT_EPT] = { true, 48 },
	[FX_EXIT_XSETBV] = { true, 55 },
	[FX_EXIT_VMFUNC] = { true, 59 },
};
enum { REASON_LDTR_TR = 47, DESCRIPTOR_LDTR = 3 };

/* mov to CR: number, and the general register of the ModRM byte; clts: type 2. */
static uint64_t cr_qualification(const struct fx_cpu_exit *exit)
{
	const uint8_t *bytes = exit->bytes;
	unsigned int at = 0;
	uint8_t rex = 0;

	while (at < exit->byte_count && bytes[at] != 0x0f) {
		rex = (bytes[at] & 0xf0) == 0x40 ? bytes[at] : 0;
		at++;
	}
	if (at + 1 < exit->byte_count && bytes[at + 1] == 0x06)
		return 2 << 4;
	if (at + 2 >= exit->byte_count)
		return exit->cr.index;
	if (bytes[at + 1] == 0x01)      /* lmsw: type 3, the source data in bits 16 to 31 */
		return 3 << 4 | (exit->cr.value & 0xffff) << 16;
	return exit->cr.index | ((bytes[at + 2] & 7u) | (rex & 1u) << 3) << 8;
}

static uint64_t io_qualification(const struct fx_cpu_exit *exit)
{
	return (exit->io.bytes - 1u) | exit->io.in << 3 | exit->io.string << 4 |
	       exit->io.rep << 5 | (uint64_t)exit->io.port << 16;
}

static uint64_t ept_qualification(const struct fx_cpu_exit *exit)
{
	return exit->ept.access | exit->ept.gla_valid << 7 |
	       (exit->ept.gla_valid && !exit->ept.in_page_table) << 8;
}

static uint64_t qualification(const struct fx_cpu_exit *exit)
{
	switch (exit->reason) {
	case FX_EXIT_CR_WRITE: return cr_qualification(exit);
	case FX_EXIT_IO: return io_qualification(exit);
	case FX_EXIT_EPT: return ept_qualification(exit);
	case FX_EXIT_DEBUG: return exit->exception.pending_dbg;
	case FX_EXIT_DESCRIPTOR: return exit->descriptor.qualification;
	default: return 0;
	}
}

int fx_exit_report(struct fx_runner *runner)
{
	const struct fx_cpu_exit *exit = &runner->exit;
	const struct fx_monitor *monitor = &runner->domain->monitor;
	struct fx_event event = { .reason = VM_EVENT_REASON_VMEXIT };

	if (!reasons[exit->reason].exits || !fx_report_due(runner, monitor->vmexit, event.reason))
		return 0;
	event.u.vmexit.arch.vmx.reason = reasons[exit->reason].reason;
	if (exit->reason == FX_EXIT_DESCRIPTOR && exit->descriptor.descriptor >= DESCRIPTOR_LDTR)
		event.u.vmexit.arch.vmx.reason = REASON_LDTR_TR;
	event.u.vmexit.arch.vmx.qualification = qualification(exit);
	return fx_report(runner, &event, monitor->vmexit_sync);
}
