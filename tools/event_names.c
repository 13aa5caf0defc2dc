/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event_names.c: words for the numbers in an event. */
#include "tools/event_names.h"

#include <stddef.h>

#include <ringside/event.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *name_at(const char *const *names, size_t count, uint64_t index)
{
	return index < count ? names[index] : NULL;
}

const char *cr_name(uint32_t which)
{
	static const char *const names[] = {
		[RS_CR0] = "CR0", [RS_CR3] = "CR3", [RS_CR4] = "CR4", [RS_XCR0] = "XCR0",
	};

	return name_at(names, COUNT(names), which);
}

const char *descriptor_name(uint32_t which)
{
	static const char *const names[] = {
		[RS_IDTR] = "IDTR", [RS_GDTR] = "GDTR", [RS_LDTR] = "LDTR", [RS_TR] = "TR",
	};

	return name_at(names, COUNT(names), which);
}

const char *msr_name(uint64_t index)
{
	static const struct {
		uint32_t index;
		const char *name;
	} msrs[] = {
		{ 0x10, "TSC" },
		{ 0x1b, "APIC_BASE" },
		{ 0x48, "SPEC_CTRL" },
		{ 0x49, "PRED_CMD" },
		{ 0x174, "SYSENTER_CS" },
		{ 0x175, "SYSENTER_ESP" },
		{ 0x176, "SYSENTER_EIP" },
		{ 0x1d9, "DEBUGCTL" },
		{ 0x277, "PAT" },
		{ 0x6e0, "TSC_DEADLINE" },
		{ 0x80b, "X2APIC_EOI" },
		{ 0x830, "X2APIC_ICR" },
		{ 0xda0, "XSS" },
		{ 0xc0000080, "EFER" },
		{ 0xc0000081, "STAR" },
		{ 0xc0000082, "LSTAR" },
		{ 0xc0000083, "CSTAR" },
		{ 0xc0000084, "FMASK" },
		{ 0xc0000100, "FS_BASE" },
		{ 0xc0000101, "GS_BASE" },
		{ 0xc0000102, "KERNEL_GS_BASE" },
		{ 0xc0000103, "TSC_AUX" },
	};

	for (size_t i = 0; i < COUNT(msrs); i++)
		if (msrs[i].index == index)
			return msrs[i].name;
	return NULL;
}

const char *interruption_name(uint32_t type)
{
	static const char *const names[] = {
		[0] = "external interrupt",
		[2] = "NMI",
		[3] = "hardware exception",
		[4] = "software interrupt",
		[5] = "privileged software exception",
		[6] = "software exception",
	};

	return name_at(names, COUNT(names), type);
}

const char *flag_name(unsigned int bit)
{
	static const char *const names[] = {
		"VCPU_PAUSED",       "FOREIGN",
		"EMULATE",           "EMULATE_NOWRITE",
		"TOGGLE_SINGLESTEP", "SET_EMUL_READ_DATA",
		"DENY",              "ALTERNATE_P2M",
		"SET_REGISTERS",     "SET_EMUL_INSN_DATA",
		"GET_NEXT_INTERRUPT", "FAST_SINGLESTEP",
		"NESTED_P2M",        "RESET_VMTRACE",
		"RESET_FORK_STATE",  "RESET_FORK_MEMORY",
	};

	return name_at(names, COUNT(names), bit);
}

const char *access_name(unsigned int bit)
{
	static const char *const names[] = {
		"R", "W", "X", "GLA_VALID", "FAULT_WITH_GLA", "FAULT_IN_GPT",
	};

	return name_at(names, COUNT(names), bit);
}
