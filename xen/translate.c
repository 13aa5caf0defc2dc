/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* translate.c: the walk. */
#include "xen/translate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

#include "xen/error.h"
#include "xen/memory.h"

#define PAGE_BITS 12
#define PAGE_BYTES (1u << PAGE_BITS)

#define CR0_PG 0x80000000
#define CR4_PSE 0x10
#define CR4_PAE 0x20
#define CR4_LA57 0x1000
#define EFER_LMA 0x400

#define ENTRY_PRESENT 0x1
#define ENTRY_LARGE 0x80
#define ENTRY_ADDRESS 0x000ffffffffff000ULL

/* One of the ways to page. */
struct shape {
	uint64_t root;
	unsigned int levels;
	unsigned int index_bits;
	unsigned int entry_size;
	unsigned int large; /* bit by bit: the levels, from 0 on, whose entries may be pages */
	bool pse36;         /* large pages keep bits 39 to 32 of their address in bits 20 to 13 */
};

static struct shape shape_of(const struct rs_paging *paging)
{
	if (!(paging->cr4 & CR4_PAE))
		return (struct shape){
			.root = paging->cr3 & 0xfffff000, .levels = 2, .index_bits = 10,
			.entry_size = 4, .large = paging->cr4 & CR4_PSE ? 1 << 1 : 0,
			.pse36 = true,
		};
	if (!(paging->efer & EFER_LMA))
		return (struct shape){
			.root = paging->cr3 & 0xffffffe0, .levels = 3, .index_bits = 9,
			.entry_size = 8, .large = 1 << 1,
		};
	return (struct shape){
		.root = paging->cr3 & ENTRY_ADDRESS, .levels = paging->cr4 & CR4_LA57 ? 5 : 4,
		.index_bits = 9, .entry_size = 8, .large = 1 << 1 | 1 << 2,
	};
}

static uint64_t page_of(const struct shape *shape, uint64_t entry, unsigned int shift)
{
	uint64_t page = entry & ENTRY_ADDRESS & ~((1ULL << shift) - 1);

	if (shape->pse36 && shift > PAGE_BITS)
		page |= (entry >> 13 & 0xff) << 32;
	return page;
}

static int fail_unmapped(uint64_t linear)
{
	return rs_fail(EFAULT, "the guest's page tables map nothing at %#" PRIx64, linear);
}

int rs_translate(const struct rs_paging *paging, uint64_t linear, rs_read_physical read,
		 void *context, uint64_t *physical)
{
	struct shape shape = shape_of(paging);
	uint64_t table = shape.root, entry = 0;
	unsigned int level = shape.levels, shift;

	if (!(paging->efer & EFER_LMA))
		linear &= UINT32_MAX;
	if (!(paging->cr0 & CR0_PG)) {
		*physical = linear;
		return 0;
	}
	do {
		uint64_t index;
		int error;

		level--;
		shift = PAGE_BITS + level * shape.index_bits;
		index = linear >> shift & ((1u << shape.index_bits) - 1);
		/* The four top entries of PAE are all that there are: linear has 32 bits. */
		error = read(context, table + index * shape.entry_size, &entry, shape.entry_size);
		if (error)
			return error;
		if (!(entry & ENTRY_PRESENT))
			return fail_unmapped(linear);
		table = entry & ENTRY_ADDRESS;
	} while (level && !(entry & ENTRY_LARGE && shape.large & 1u << level));
	*physical = page_of(&shape, entry, shift) | (linear & ((1ULL << shift) - 1));
	return 0;
}

struct memory {
	struct rs_xen *xen;
	uint32_t domain;
};

static int read_physical(void *context, uint64_t address, void *bytes, size_t size)
{
	const struct memory *memory = context;

	return rs_xen_memory_read(memory->xen, memory->domain, address >> PAGE_BITS,
				  (uint32_t)(address % PAGE_BYTES), bytes, size);
}

int rs_xen_linear_read(struct rs_xen *xen, uint32_t domain, const struct rs_paging *paging,
		       uint64_t linear, void *bytes, size_t size)
{
	struct memory memory = { xen, domain };
	uint64_t physical;
	int error = rs_translate(paging, linear, read_physical, &memory, &physical);

	return error ? error : read_physical(&memory, physical, bytes, size);
}
