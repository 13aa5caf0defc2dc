/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest.c: see guest.h. */
#include "tests/fakexen/events/guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUEST_GDT 0x4000u
#define GUEST_IDT 0x5000u
#define GUEST_PDPT 0x7000u
#define GUEST_PD 0x8000u
#define PRESENT 0x63u           /* present, writable, accessed, dirty */

static void store(struct bed *bed, uint64_t address, uint64_t value)
{
	memcpy(bed_page(bed, address / FX_PAGE) + address % FX_PAGE, &value, sizeof(value));
}

static void make_tables(struct bed *bed)
{
	store(bed, GUEST_ROOT, GUEST_PDPT + PRESENT);
	store(bed, GUEST_ROOT_A, GUEST_PDPT + PRESENT);
	store(bed, GUEST_ROOT_B, GUEST_PDPT + PRESENT);
	store(bed, GUEST_PDPT, GUEST_PD + PRESENT);
	for (uint64_t i = 0; i < 8; i++)
		store(bed, GUEST_PD + 8 * i, i << 21 | 0x80 | PRESENT);
	store(bed, GUEST_GDT + 8, 0x00af9b000000ffff);
	store(bed, GUEST_GDT + 16, 0x00cf93000000ffff);
	/* vectors without an error code, and those with one, whose handler drops it */
	for (uint64_t vector = 0; vector < 256; vector++) {
		uint64_t handler = GUEST_HANDLER +
				   (vector == 8 || (vector >= 10 && vector <= 14) ? 0x40 : 0);

		store(bed, GUEST_IDT + 16 * vector, (handler & 0xffff) | 0x8e0000080000ull |
			(handler >> 16 & 0xffff) << 48);
		store(bed, GUEST_IDT + 16 * vector + 8, 0);
	}
}

static void make_handlers(struct bed *bed)
{
	/* inc qword [GUEST_DATA + 0x800]; iretq; at 0x40: add rsp, 8 first */
	static const uint8_t handler[] = {
		0x48, 0xff, 0x04, 0x25, 0x00, 0x28, 0x01, 0x00, 0x48, 0xcf,
	};
	static const uint8_t drop[] = { 0x48, 0x83, 0xc4, 0x08 };
	uint8_t *page = bed_page(bed, GUEST_HANDLER / FX_PAGE);

	memcpy(page, handler, sizeof(handler));
	memcpy(page + 0x40, drop, sizeof(drop));
	memcpy(page + 0x40 + sizeof(drop), handler, sizeof(handler));
}

static void make_state(struct fx_cpu_state *state, unsigned int vcpu)
{
	fx_cpu_reset(state);
	state->cr0 = 0x80000033;
	state->cr3 = GUEST_ROOT;
	state->cr4 = 0x40620;
	state->efer = 0xd00;
	state->rflags = 2;
	state->rip = GUEST_CODE;
	state->gpr[FX_RSP] = GUEST_STACK - 0x400 * vcpu;
	state->gdtr = (struct fx_table){ GUEST_GDT, 0x17 };
	state->idtr = (struct fx_table){ GUEST_IDT, 0xfff };
	for (unsigned int i = 0; i < FX_SEGMENTS; i++)
		state->segment[i] = (struct fx_segment){ 0, UINT32_MAX, 16, 0xc93 };
	state->segment[FX_CS] = (struct fx_segment){ 0, UINT32_MAX, 8, 0xa9b };
	state->apic.id = 2 * vcpu;
}

void guest_load(struct bed *bed, unsigned int vcpu, const uint8_t *code, size_t size)
{
	memcpy(bed_page(bed, GUEST_CODE / FX_PAGE), code, size);
	make_state(&bed_vcpu(bed, vcpu)->cpu, vcpu);
}

void guest_make(struct bed *bed, unsigned int vcpus, const uint8_t *code, size_t size)
{
	bed_make(bed, vcpus);
	bed_populate(bed, 0, GUEST_PAGES);
	make_tables(bed);
	make_handlers(bed);
	for (unsigned int i = 0; i < vcpus; i++)
		guest_load(bed, i, code, size);
}

struct fx_runner *guest_runner(struct bed *bed, unsigned int vcpu)
{
	struct fx_runner *runner;

	if (fx_runner_create(&runner, bed->model, &bed->host, BED_SLOT, vcpu)) {
		fputs("no runner\n", stderr);
		exit(1);
	}
	return runner;
}
