/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* apic.c: an x2APIC as far as guests need it: fixed interrupts to itself, EOI, task
 * priority and a timer. Its registers are MSRs 0x800 to 0x83f (SDM 11.12). */
#include <errno.h>

#include "fakexen/cpu/private.h"

enum {
	MSR_APIC_BASE = 0x1b, MSR_TSC_DEADLINE = 0x6e0,
	APIC_ID = 0x802, APIC_VERSION = 0x803, APIC_TPR = 0x808, APIC_PPR = 0x80a, APIC_EOI = 0x80b,
	APIC_LDR = 0x80d, APIC_SVR = 0x80f, APIC_ISR = 0x810, APIC_TMR = 0x818, APIC_IRR = 0x820,
	APIC_ESR = 0x828, APIC_ICR = 0x830, APIC_LVT_TIMER = 0x832, APIC_LVT_THERMAL = 0x833,
	APIC_LVT_ERROR = 0x837, APIC_TIMER_INITIAL = 0x838, APIC_TIMER_CURRENT = 0x839,
	APIC_TIMER_DIVIDE = 0x83e, APIC_SELF_IPI = 0x83f,
	BASE_X2APIC = 1 << 10, BASE_ENABLED = 1 << 11,
	SVR_ENABLED = 1 << 8, LVT_MASKED = 1 << 16, LVT_MODE = 3 << 17, LVT_PERIODIC = 1 << 17,
	LVT_DEADLINE = 2 << 17, ICR_SHORTHAND = 3 << 18, ICR_SELF = 1 << 18, ICR_MODE = 7 << 8
};

static int highest(const uint32_t *bits)
{
	/* Mostly there is none. */
	if (!(bits[0] | bits[1] | bits[2] | bits[3] | bits[4] | bits[5] | bits[6] | bits[7]))
		return -1;
	for (int word = 7; word >= 0; word--)
		if (bits[word])
			return 32 * word + 31 - __builtin_clz(bits[word]);
	return -1;
}

static void set_bit(uint32_t *bits, uint8_t vector)
{
	bits[vector / 32] |= 1u << vector % 32;
}

static void clear_bit(uint32_t *bits, uint8_t vector)
{
	bits[vector / 32] &= ~(1u << vector % 32);
}

static uint32_t processor_priority(const struct fx_apic *apic)
{
	int in_service = highest(apic->isr);
	uint32_t class = in_service < 0 ? 0 : (uint32_t)in_service & 0xf0;

	return (apic->task_priority & 0xf0) >= class ? apic->task_priority : class;
}

/* APIC_BASE always; the registers once x2APIC mode is on. */
bool fx_apic_owns(const struct fx_cpu_state *state, uint32_t msr)
{
	if (msr == MSR_APIC_BASE || msr == MSR_TSC_DEADLINE)
		return true;
	return msr >= 0x800 && msr < 0x840 && (state->apic.apic_base & BASE_X2APIC);
}

void fx_apic_raise(struct fx_cpu_state *state, uint8_t vector)
{
	if (vector >= 16 && (state->apic.spurious & SVR_ENABLED))
		set_bit(state->apic.irr, vector);
}

int fx_apic_pending(const struct fx_cpu_state *state)
{
	int vector = highest(state->apic.irr);

	if (vector < 0 || ((uint32_t)vector & 0xf0) <= (processor_priority(&state->apic) & 0xf0))
		return -1;
	return vector;
}

void fx_apic_accept(struct fx_cpu_state *state, uint8_t vector)
{
	clear_bit(state->apic.irr, vector);
	set_bit(state->apic.isr, vector);
}

/* TSC ticks per count: the divide register's bits 0, 1 and 3 are a power of two. */
static unsigned int divide_shift(const struct fx_apic *apic)
{
	return ((apic->timer_divide & 3) + (apic->timer_divide >> 1 & 4) + 1) & 7;
}

static uint64_t period(const struct fx_apic *apic)
{
	return apic->timer_initial << divide_shift(apic);
}

uint64_t fx_apic_tick(struct fx_cpu_state *state, uint64_t tsc)
{
	struct fx_apic *apic = &state->apic;
	uint64_t late;

	if (!apic->timer_deadline || tsc < apic->timer_deadline)
		return apic->timer_deadline;
	if (!(apic->lvt_timer & LVT_MASKED))
		fx_apic_raise(state, (uint8_t)apic->lvt_timer);
	late = tsc - apic->timer_deadline;
	if ((apic->lvt_timer & LVT_MODE) == LVT_PERIODIC && period(apic))
		apic->timer_deadline = tsc + period(apic) - late % period(apic);
	else
		apic->timer_deadline = 0;
	return apic->timer_deadline;
}

static int write_base(struct fx_apic *apic, uint64_t value)
{
	uint64_t mode = value & (BASE_ENABLED | BASE_X2APIC);

	/* x2APIC needs the APIC on, and is left only by switching it off */
	if (mode == BASE_X2APIC || ((apic->apic_base & BASE_X2APIC) && mode == BASE_ENABLED))
		return -EFAULT;
	apic->apic_base = value;
	return 0;
}

/* Only a fixed interrupt to itself is done here; the hypervisor knows the others. */
static void send(struct fx_cpu_state *state, uint64_t icr)
{
	state->apic.icr = icr;
	if ((icr & ICR_SHORTHAND) == ICR_SELF && !(icr & ICR_MODE))
		fx_apic_raise(state, (uint8_t)icr);
}

static void arm(struct fx_cpu *cpu, uint64_t initial)
{
	struct fx_apic *apic = &cpu->state->apic;

	apic->timer_initial = initial;
	apic->timer_deadline = initial ? cpu->tsc(cpu->tsc_opaque) + period(apic) : 0;
}

static int write_deadline(struct fx_cpu *cpu, uint64_t value)
{
	struct fx_apic *apic = &cpu->state->apic;

	/* the deadline counts in the clock below the guest's adjustment */
	if ((apic->lvt_timer & LVT_MODE) == LVT_DEADLINE)
		apic->timer_deadline = value ? value - cpu->state->tsc_adjust : 0;
	return 0;
}

static void end_of_interrupt(struct fx_apic *apic)
{
	int vector = highest(apic->isr);

	if (vector >= 0)
		clear_bit(apic->isr, (uint8_t)vector);
}

static int write_register(struct fx_cpu *cpu, uint32_t msr, uint64_t value)
{
	struct fx_apic *apic = &cpu->state->apic;

	if (msr == MSR_APIC_BASE)
		return write_base(apic, value);
	if (msr == MSR_TSC_DEADLINE)
		return write_deadline(cpu, value);
	if (msr != APIC_ICR && value >> 32)
		return -EFAULT;
	switch (msr) {
	case APIC_TPR: apic->task_priority = (uint8_t)value; return 0;
	case APIC_SVR: apic->spurious = (uint32_t)value & 0x1ff; return 0;
	case APIC_ICR: send(cpu->state, value); return 0;
	case APIC_SELF_IPI: fx_apic_raise(cpu->state, (uint8_t)value); return 0;
	case APIC_TIMER_INITIAL: arm(cpu, value); return 0;
	case APIC_TIMER_DIVIDE: apic->timer_divide = (uint32_t)value & 11; return 0;
	case APIC_LVT_TIMER:
		apic->lvt_timer = (uint32_t)value & (LVT_MODE | LVT_MASKED | 0xff);
		return 0;
	case APIC_EOI:
		if (value)
			return -EFAULT;
		end_of_interrupt(apic);
		return 0;
	case APIC_ESR:
		return value ? -EFAULT : 0;
	default:        /* the other local vectors have no source; the rest is read-only */
		return msr >= APIC_LVT_THERMAL && msr <= APIC_LVT_ERROR ? 0 : -EFAULT;
	}
}

/* A write may leave an interrupt ready to be taken: asks for the window then. */
int fx_apic_write(struct fx_cpu *cpu, uint32_t msr, uint64_t value)
{
	int error = write_register(cpu, msr, value);

	if (!error && fx_apic_pending(cpu->state) >= 0)
		cpu->controls.interrupt_window = true;
	return error;
}

static uint64_t timer_current(struct fx_cpu *cpu)
{
	const struct fx_apic *apic = &cpu->state->apic;
	uint64_t now = cpu->tsc(cpu->tsc_opaque);

	return apic->timer_deadline > now ? (apic->timer_deadline - now) >> divide_shift(apic) : 0;
}

int fx_apic_read(struct fx_cpu *cpu, uint32_t msr, uint64_t *value)
{
	const struct fx_apic *apic = &cpu->state->apic;

	if (msr >= APIC_ISR && msr < APIC_ISR + 8) {
		*value = apic->isr[msr - APIC_ISR];
		return 0;
	}
	if (msr >= APIC_IRR && msr < APIC_IRR + 8) {
		*value = apic->irr[msr - APIC_IRR];
		return 0;
	}
	switch (msr) {
	case MSR_APIC_BASE: *value = apic->apic_base; return 0;
	case MSR_TSC_DEADLINE:
		*value = (apic->lvt_timer & LVT_MODE) == LVT_DEADLINE && apic->timer_deadline ?
			apic->timer_deadline + cpu->state->tsc_adjust : 0;
		return 0;
	case APIC_ID: *value = apic->id; return 0;
	case APIC_VERSION: *value = 0x50014; return 0;
	case APIC_TPR: *value = apic->task_priority; return 0;
	case APIC_PPR: *value = processor_priority(apic); return 0;
	case APIC_LDR: *value = (apic->id >> 4) << 16 | 1u << (apic->id & 15); return 0;
	case APIC_SVR: *value = apic->spurious; return 0;
	case APIC_ICR: *value = apic->icr; return 0;
	case APIC_LVT_TIMER: *value = apic->lvt_timer; return 0;
	case APIC_TIMER_INITIAL: *value = apic->timer_initial; return 0;
	case APIC_TIMER_CURRENT: *value = timer_current(cpu); return 0;
	case APIC_TIMER_DIVIDE: *value = apic->timer_divide; return 0;
	case APIC_EOI:
	case APIC_SELF_IPI: return -EFAULT;
	default:
		*value = msr >= APIC_LVT_THERMAL && msr <= APIC_LVT_ERROR ? LVT_MASKED : 0;
		return (msr >= APIC_LVT_THERMAL && msr <= APIC_LVT_ERROR) || msr == APIC_ESR ||
		       (msr >= APIC_TMR && msr < APIC_IRR) ? 0 : -EFAULT;
	}
}
