/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* interrupt.c: exceptions and interrupts on their way into the guest. */
#include <errno.h>

#include "fakexen/atomics.h"
#include "fakexen/vcpu/private.h"

enum { TYPE_EXTERNAL = 0, TYPE_HARDWARE_EXCEPTION = 3 };
enum { ICR_FIXED = 0, ICR_MODE = 7 << 8, ICR_LOGICAL = 1 << 11 };
enum { SHORTHAND_NONE, SHORTHAND_SELF, SHORTHAND_ALL, SHORTHAND_OTHERS };
#define NO_ERROR_CODE UINT32_MAX        /* X86_EVENT_NO_EC */

void fx_inject_exception(struct fx_runner *runner, uint8_t vector, bool has_error_code,
	uint32_t error_code)
{
	const struct fx_injection injection = {
		.valid = true, .vector = vector, .type = TYPE_HARDWARE_EXCEPTION,
		.has_error_code = has_error_code, .error_code = error_code,
	};

	fx_cpu_inject(runner->state, &injection);
}

/* ---- interrupts from other vCPUs ---- */

static void take_sent(struct fx_runner *runner)
{
	if (!fx_load_relaxed(&runner->vcpu->interrupts_any))
		return;
	/* I1: before the vectors are taken; I2 sets it after the vector. */
	fx_swap_seq_cst(&runner->vcpu->interrupts_any, 0);
	for (unsigned int i = 0; i < 8; i++) {
		uint32_t bits;

		if (!fx_load_relaxed(&runner->vcpu->interrupts[i]))
			continue;
		for (bits = fx_swap_seq_cst(&runner->vcpu->interrupts[i], 0); bits; bits &= bits - 1)
			fx_apic_raise(runner->state, i * 32 + __builtin_ctz(bits));
	}
}

static bool addressed(const struct fx_apic *apic, uint64_t icr)
{
	uint32_t destination = icr >> 32;

	if (destination == UINT32_MAX)
		return true;
	if (!(icr & ICR_LOGICAL))
		return apic->id == destination;
	return destination >> 16 == apic->id >> 4 && (destination & 1u << (apic->id & 15));
}

static void send_to(struct fx_runner *runner, unsigned int index, uint8_t vector)
{
	struct fx_vcpu *to = &runner->domain->vcpus[index];

	if (index == runner->index) {
		fx_apic_raise(runner->state, vector);
		return;
	}
	fx_or_seq_cst(&to->interrupts[vector / 32], 1u << vector % 32);
	fx_store_seq_cst(&to->interrupts_any, 1);       /* I2 */
	runner->host->wake(runner->host->opaque, runner->slot, index);
}

void fx_interrupt_send(struct fx_runner *runner)
{
	uint64_t icr = runner->state->apic.icr;
	unsigned int shorthand = icr >> 18 & 3;

	if (shorthand == SHORTHAND_SELF)
		return;                 /* the processor has done it */
	if ((icr & ICR_MODE) != ICR_FIXED) {
		fx_log(runner, "an IPI of delivery mode %u: not modelled",
			(unsigned int)(icr & ICR_MODE) >> 8);
		return;
	}
	for (unsigned int i = 0; i < runner->domain->vcpu_count; i++) {
		bool self = i == runner->index;

		if (shorthand == SHORTHAND_NONE
				? !self && addressed(&runner->domain->vcpus[i].cpu.apic, icr)
				: !self || shorthand == SHORTHAND_ALL)
			send_to(runner, i, icr);
	}
}

/* ---- into the guest ---- */

void fx_interrupt_assist(struct fx_runner *runner)
{
	struct fx_cpu_state *state = runner->state;
	struct fx_cpu_controls *controls = fx_cpu_controls(runner->cpu);
	struct fx_injection injection = { .valid = true, .type = TYPE_EXTERNAL };
	int vector;

	controls->interrupt_window = false;
	take_sent(runner);
	if (runner->vcpu->single_step)
		return;                 /* held off while stepping */
	if (state->apic.timer_deadline)
		fx_apic_tick(state, runner->host->now(runner->host->opaque));
	vector = fx_apic_pending(state);
	if (vector < 0)
		return;
	if (state->injection.valid || !fx_cpu_interruptible(state)) {
		controls->interrupt_window = true;
		return;
	}
	fx_apic_accept(state, vector);
	injection.vector = vector;
	fx_cpu_inject(state, &injection);
}

bool fx_interrupt_due(struct fx_runner *runner, uint64_t *deadline)
{
	take_sent(runner);
	*deadline = fx_apic_tick(runner->state, runner->host->now(runner->host->opaque));
	return runner->state->injection.valid || fx_apic_pending(runner->state) >= 0;
}

/* ---- from the tools ---- */

int fx_vcpu_inject(struct fx_domain *domain, uint32_t index,
	const struct xen_dm_op_inject_event *event)
{
	struct fx_vcpu *vcpu;

	if (index >= domain->vcpu_count)
		return -EINVAL;
	vcpu = &domain->vcpus[index];
	if (vcpu->async_exception_pending)
		return -EBUSY;
	vcpu->inject_event = (struct fx_injection){
		.valid = true,
		.vector = event->vector,
		.type = event->type,
		.insn_length = event->insn_len,
		.has_error_code = event->error_code != NO_ERROR_CODE,
		.error_code = event->error_code,
		.cr2 = event->cr2,
	};
	vcpu->async_exception_pending = true;
	return 0;
}

int fx_vcpu_debug_op(struct fx_domain *domain, uint32_t index, uint32_t op)
{
	struct fx_vcpu *vcpu;

	if (index >= domain->vcpu_count)
		return -EINVAL;
	vcpu = &domain->vcpus[index];
	switch (op) {
	case XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON:
		vcpu->single_step = true;
		return 0;
	case XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF:
		vcpu->single_step = false;
		vcpu->fast_single_step = false;
		vcpu->fast_single_step_view = 0;
		return 0;
	default:
		return -ENOSYS;
	}
}
