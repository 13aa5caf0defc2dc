/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* register_exits.c: writes of control registers, XCR0 and MSRs (hvm_set_cr0 and its kin,
 * hvm_msr_write_intercept). A write is checked, reported, and then done in the same exit,
 * or, under CONTROL_REGISTERS, held back in the vCPU's answer for resume.c. */
#include <errno.h>
#include <string.h>

#include "fakexen/vcpu/private.h"

enum {
	CR0_PE = 1u << 0, CR0_TS = 1u << 3, CR0_ET = 1u << 4, CR0_PG = 1u << 31,
	CR4_PAE = 1u << 5, CR4_PCIDE = 1u << 17,
	EFER_LMA = 1u << 10,
	VECTOR_GP = 13,
	PHYSICAL_BITS = 46,
	MSR_HYPERCALL_PAGE = 0x40000000,
	MSR_X2APIC_ICR = 0x830,
};
#define CR3_NOFLUSH (1ull << 63)
/* HVM_CR0_GUEST_RESERVED_BITS: bits that a guest may write and that stay 0. */
#define CR0_KNOWN 0xe005003full

static void general_protection(struct fx_runner *runner)
{
	fx_inject_exception(runner, VECTOR_GP, true, 0);
}

/* What is to become of a write; or -EAGAIN. Refused: an exception is on its way. */
enum { WRITE_NOW = 0, WRITE_HELD = 1, WRITE_REFUSED = 2 };

static int check_cr0(struct fx_runner *runner, uint64_t *value, bool may_defer)
{
	struct fx_vcpu_answer *answer = &runner->vcpu->answer;

	if (*value >> 32 || ((*value & CR0_PG) && !(*value & CR0_PE))) {
		general_protection(runner);
		return WRITE_REFUSED;
	}
	*value = (*value & CR0_KNOWN) | CR0_ET;
	if (may_defer)
		answer->write.cr0_value = *value;
	return fx_report_cr(runner, VM_EVENT_X86_CR0, *value, runner->state->cr0,
		may_defer ? &answer->write.cr0 : NULL);
}

static int check_cr3(struct fx_runner *runner, uint64_t *value)
{
	struct fx_vcpu_answer *answer = &runner->vcpu->answer;
	uint64_t plain = *value;

	if (runner->state->cr4 & CR4_PCIDE)
		plain &= ~CR3_NOFLUSH;
	if (plain >> PHYSICAL_BITS) {
		general_protection(runner);
		return WRITE_REFUSED;
	}
	answer->write.cr3_value = plain;
	return fx_report_cr(runner, VM_EVENT_X86_CR3, plain, runner->state->cr3,
		&answer->write.cr3);
}

static int check_cr4(struct fx_runner *runner, uint64_t value)
{
	struct fx_vcpu_answer *answer = &runner->vcpu->answer;

	if ((value & ~FX_CR4_VALID) ||
		(!(value & CR4_PAE) && (runner->state->efer & EFER_LMA))) {
		general_protection(runner);
		return WRITE_REFUSED;
	}
	answer->write.cr4_value = value;
	return fx_report_cr(runner, VM_EVENT_X86_CR4, value, runner->state->cr4,
		&answer->write.cr4);
}

/* CLTS is reported too, but never held back. */
static bool is_clts(const struct fx_cpu_exit *exit)
{
	return exit->byte_count >= 2 && exit->bytes[exit->insn_length - 2] == 0x0f &&
	       exit->bytes[exit->insn_length - 1] == 0x06;
}

int fx_exit_cr_write(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	uint64_t value = exit->cr.value;
	int result;

	switch (exit->cr.index) {
	case 0: result = check_cr0(runner, &value, !is_clts(exit)); break;
	case 3: result = check_cr3(runner, &value); break;
	case 4: result = check_cr4(runner, value); break;
	default:
		fx_domain_crash(runner, "a write to an unknown control register");
		return 0;
	}
	if (result < 0)
		return result;
	if (result == WRITE_HELD || (result == WRITE_NOW &&
		!fx_cpu_write_cr(runner->cpu, exit->cr.index, value)))
		fx_cpu_skip(runner->cpu, exit->insn_length);
	return 0;
}

int fx_exit_xsetbv(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	uint64_t value = exit->msr.value;
	int result = 0;

	if (exit->msr.index == 0)
		result = fx_report_cr(runner, VM_EVENT_X86_XCR0, value, runner->vcpu->xcr0,
			NULL);
	if (result < 0)
		return result;
	if (exit->msr.index) {
		general_protection(runner);
	} else if (!fx_cpu_write_xcr0(runner->cpu, value)) {
		runner->vcpu->xcr0 = value;
		fx_cpu_skip(runner->cpu, exit->insn_length);
	}
	return 0;
}

/* Xen fills the page with one stub a hypercall: mov $number, %eax; vmcall; ret. */
static int write_hypercall_page(struct fx_runner *runner, uint64_t value)
{
	struct fx_ept_entry entry = fx_ept_lookup(runner, value / FX_PAGE, true);

	if (!entry.page) {
		general_protection(runner);
		return -EFAULT;
	}
	memset(entry.page, 0xcc, FX_PAGE);
	for (uint32_t number = 0; number < FX_PAGE / 32; number++) {
		uint8_t *stub = entry.page + number * 32;

		stub[0] = 0xb8;
		memcpy(stub + 1, &number, sizeof(number));
		memcpy(stub + 5, "\x0f\x01\xc1\xc3", 4);
	}
	fx_cpu_invalidate_code(runner->cpu, entry.page);
	return 0;
}

int fx_write_msr(struct fx_runner *runner, uint32_t msr, uint64_t value)
{
	int error;

	if (msr == MSR_HYPERCALL_PAGE)
		return write_hypercall_page(runner, value);
	error = fx_cpu_write_msr(runner->cpu, msr, value);
	if (!error && msr == MSR_X2APIC_ICR)
		fx_interrupt_send(runner);
	return error;
}

int fx_exit_msr_write(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	struct fx_vcpu_answer *answer = &runner->vcpu->answer;
	uint32_t msr = exit->msr.index;
	uint64_t old = 0;
	int result = 0;

	/* The old value matters to a monitor alone, and some registers can only be written. */
	if (msr != MSR_HYPERCALL_PAGE && fx_msr_watched(runner, msr) &&
		fx_cpu_read_msr(runner->cpu, msr, &old))
		return 0;
	answer->write.msr_index = msr;
	answer->write.msr_value = exit->msr.value;
	result = fx_report_msr(runner, msr, exit->msr.value, old, &answer->write.msr);
	if (result < 0)
		return result;
	if (!result && fx_write_msr(runner, msr, exit->msr.value))
		return 0;
	fx_cpu_skip(runner->cpu, exit->insn_length);
	return 0;
}

int fx_exit_msr_read(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	uint64_t value;

	if (fx_cpu_read_msr(runner->cpu, exit->msr.index, &value)) {
		fx_log(runner, "rdmsr of %#x: not modelled", exit->msr.index);
		return 0;
	}
	runner->state->gpr[FX_RAX] = (uint32_t)value;
	runner->state->gpr[FX_RDX] = value >> 32;
	fx_cpu_skip(runner->cpu, exit->insn_length);
	return 0;
}

/* Those that Xen lets the guest write by itself, unless they have ever been watched. */
static bool passed_through(uint32_t msr)
{
	return (msr >= 0x174 && msr <= 0x176) || (msr >= 0xc0000100 && msr <= 0xc0000102);
}

bool fx_msr_write_exits(void *opaque, uint32_t msr)
{
	const struct fx_runner *runner = opaque;
	const struct fx_monitor *monitor = &runner->domain->monitor;
	unsigned int range = msr >= 0xc0000000 ? 2 : 0;

	return !passed_through(msr) ||
	       (monitor->msr_intercepted[range][(msr & 0x1fff) / 8] & 1u << msr % 8);
}
