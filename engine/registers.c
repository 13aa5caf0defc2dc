/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registers.c: RIP is canonical, RFLAGS legal, for the mode that the vCPU is in. */
#include "engine/registers.h"

#include <stdbool.h>

#define CR0_PE 0x1
#define CR4_LA57 0x1000
#define EFER_LMA 0x400
#define CS_L 0x200 /* of rs_segment.attributes */

#define RFLAGS_FIXED 0x2      /* bit 1 is 1 */
#define RFLAGS_IF 0x200
#define RFLAGS_VM 0x20000
#define RFLAGS_LEGAL 0x3f7fd7 /* all that are defined, and bit 1 */

static bool is_canonical(uint64_t address, unsigned int bits)
{
	unsigned int unused = 64 - bits;

	return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

const char *rs_registers_check(const struct rs_registers *registers, const struct rs_event *event)
{
	bool long_mode = rs_event_efer(event) & EFER_LMA;
	bool is_64bit = long_mode && rs_event_cs(event).attributes & CS_L;
	uint64_t rflags = registers->rflags;

	if (is_64bit && !is_canonical(registers->rip, rs_event_cr4(event) & CR4_LA57 ? 57 : 48))
		return "RIP is not canonical";
	if (!is_64bit && registers->rip >> 32)
		return "RIP has more than 32 bits, but the vCPU is not in 64-bit mode";
	if (rflags & ~(uint64_t)RFLAGS_LEGAL || !(rflags & RFLAGS_FIXED))
		return "RFLAGS has a reserved bit wrong";
	if (rflags & RFLAGS_VM && (long_mode || !(rs_event_cr0(event) & CR0_PE)))
		return "RFLAGS.VM is not possible in this mode";
	return NULL;
}
