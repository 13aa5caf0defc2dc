/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event.c: what is reported, and when (xen/arch/x86/hvm/monitor.c of 4.17). */
#include <errno.h>

#include "fakexen/vcpu/private.h"

int fx_report(struct fx_runner *runner, const struct fx_event *event, bool sync)
{
	int result;

	if (runner->reported && runner->event.reason == event->reason) {
		runner->reported = false;
		runner->must_resume |= runner->result == 1;
		return runner->result;
	}
	result = fx_vm_event_report(runner->model, runner->host, runner->domain, runner->vcpu,
		event, sync);
	if (result == -EAGAIN) {
		runner->event = *event;
		runner->sync = sync;
	}
	/* The answer may be here already: even then the vCPU goes through its resume. */
	runner->must_resume |= result == 1;
	return result;
}

/* A write that may be held back is entered in the vCPU's answer before the event is put: an
 * answer that denies it can come at once. */
static int report_write(struct fx_runner *runner, const struct fx_event *event, bool sync,
	bool *held)
{
	bool holds = held && runner->domain->monitor.control_register_writes;
	int result;

	if (holds)
		*held = true;
	result = fx_report(runner, event, sync);
	if (result >= 0)
		return holds;
	if (holds)
		*held = false;
	return result;
}

bool fx_report_due(const struct fx_runner *runner, bool watched, uint32_t reason)
{
	return watched || (runner->reported && runner->event.reason == reason);
}

int fx_report_cr(struct fx_runner *runner, unsigned int index, uint64_t value, uint64_t old,
	bool *held)
{
	const struct fx_monitor *monitor = &runner->domain->monitor;
	uint16_t bit = 1u << index;
	bool watched = (monitor->cr_enabled & bit) && ((value ^ old) & ~monitor->cr_mask[index]);
	struct fx_event event = {
		.reason = VM_EVENT_REASON_WRITE_CTRLREG,
		.u.write_ctrlreg = { .index = index, .new_value = value, .old_value = old },
	};

	if (!fx_report_due(runner, watched, event.reason))
		return 0;
	return report_write(runner, &event, monitor->cr_sync & bit, held);
}

/* Bit of an MSR in one of the monitor's three bitmaps, or NULL: it cannot be watched. */
static const uint8_t *msr_byte(const uint8_t (*bitmap)[1024], uint32_t msr)
{
	switch (msr & ~0x1fffu) {
	case 0: return &bitmap[0][(msr & 0x1fff) / 8];
	case 0x40000000: return &bitmap[1][(msr & 0x1fff) / 8];
	case 0xc0000000: return &bitmap[2][(msr & 0x1fff) / 8];
	default: return NULL;
	}
}

static bool msr_bit(const uint8_t (*bitmap)[1024], uint32_t msr)
{
	const uint8_t *byte = msr_byte(bitmap, msr);

	return byte && (*byte >> (msr % 8) & 1);
}

bool fx_msr_watched(const struct fx_runner *runner, uint32_t msr)
{
	return msr_bit(runner->domain->monitor.msr_watched, msr);
}

int fx_report_msr(struct fx_runner *runner, uint32_t msr, uint64_t value, uint64_t old,
	bool *held)
{
	const struct fx_monitor *monitor = &runner->domain->monitor;
	bool watched = fx_msr_watched(runner, msr) &&
		       (!msr_bit(monitor->msr_onchange, msr) || value != old);
	struct fx_event event = {
		.reason = VM_EVENT_REASON_MOV_TO_MSR,
		.u.mov_to_msr = { .msr = msr, .new_value = value, .old_value = old },
	};

	if (!fx_report_due(runner, watched, event.reason))
		return 0;
	return report_write(runner, &event, true, held);
}

uint64_t fx_gfn_of_rip(struct fx_runner *runner)
{
	uint64_t gpa;

	if (fx_cpu_translate(runner->cpu, runner->state->segment[FX_CS].base + runner->state->rip,
		&gpa))
		return UINT64_MAX;
	return gpa / FX_PAGE;
}

int fx_report_at_rip(struct fx_runner *runner, uint32_t reason, bool sync, uint8_t type,
	uint32_t insn_length)
{
	struct fx_event event = { .reason = reason };
	uint64_t gfn = fx_gfn_of_rip(runner);

	switch (reason) {
	case VM_EVENT_REASON_SINGLESTEP:
		event.u.singlestep.gfn = gfn;
		break;
	case VM_EVENT_REASON_SOFTWARE_BREAKPOINT:
		event.u.software_breakpoint.gfn = gfn;
		event.u.software_breakpoint.type = type;
		event.u.software_breakpoint.insn_length = insn_length;
		break;
	default:
		event.u.debug_exception.gfn = gfn;
		event.u.debug_exception.type = type;
		event.u.debug_exception.insn_length = insn_length;
		break;
	}
	return fx_report(runner, &event, sync);
}

void fx_monitor_guest_request(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, struct fx_vcpu *vcpu)
{
	const struct fx_event event = { .reason = VM_EVENT_REASON_GUEST_REQUEST };

	if (domain->monitor.guest_request)
		fx_vm_event_report(model, host, domain, vcpu, &event,
			domain->monitor.guest_request_sync);
}
