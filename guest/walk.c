/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* walk.c: see walk.h. */
#include "guest/walk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "xen/error.h"

#define PAGE_BITS 12

#define CR0_PG 0x80000000
#define CR4_PSE 0x10
#define CR4_PAE 0x20
#define CR4_LA57 0x1000
#define EFER_LMA 0x400
#define EFER_NXE 0x800

#define ENTRY_PRESENT 0x1
#define ENTRY_WRITE 0x2
#define ENTRY_USER 0x4
#define ENTRY_LARGE 0x80
#define ENTRY_ADDRESS 0x000ffffffffff000ULL
#define ENTRY_NX (1ULL << 63)
/* Of a large page below its address: bit 12 is PAT's. */
#define LARGE_RESERVED(shift) (((1ULL << (shift)) - 1) & ~0x1fffULL)

/* One of the ways to page. */
struct shape {
	const char *name;
	uint64_t root;
	unsigned int levels;
	unsigned int index_bits;
	unsigned int entry_size;
	unsigned int large; /* bit by bit: the levels, from 0 on, whose entries may be pages */
	bool pse36;         /* large pages keep bits 39 to 32 of their address in bits 20 to 13 */
	bool pae;           /* the top level's four entries have no rights */
	unsigned int linear_bits;
};

static struct shape shape_of(const struct rs_paging *paging)
{
	bool five = paging->cr4 & CR4_LA57;

	if (!(paging->cr4 & CR4_PAE))
		return (struct shape){
			.name = "32-bit", .root = paging->cr3 & 0xfffff000, .levels = 2,
			.index_bits = 10, .entry_size = 4,
			.large = paging->cr4 & CR4_PSE ? 1 << 1 : 0, .pse36 = true,
			.linear_bits = 32,
		};
	if (!(paging->efer & EFER_LMA))
		return (struct shape){
			.name = "PAE", .root = paging->cr3 & 0xffffffe0, .levels = 3,
			.index_bits = 9, .entry_size = 8, .large = 1 << 1, .pae = true,
			.linear_bits = 32,
		};
	return (struct shape){
		.name = five ? "5-level" : "4-level", .root = paging->cr3 & ENTRY_ADDRESS,
		.levels = five ? 5 : 4, .index_bits = 9, .entry_size = 8,
		.large = 1 << 1 | 1 << 2, .linear_bits = five ? 57 : 48,
	};
}

static bool is_canonical(uint64_t linear, unsigned int bits)
{
	return (uint64_t)((int64_t)(linear << (64 - bits)) >> (64 - bits)) == linear;
}

/* A bit that the processor would fault for, present or not (SDM volume 3, 4.7: RSVD). */
static bool is_reserved(const struct shape *shape, const struct rs_paging *paging,
			unsigned int level, unsigned int shift, uint64_t entry)
{
	bool is_large = level && entry & ENTRY_LARGE;

	if (shape->entry_size == 4)
		return false;
	if (entry & ENTRY_NX && !(paging->efer & EFER_NXE))
		return true;
	if (shape->pae && level == 2)
		return entry & 0x1e6;
	if (is_large && !(shape->large & 1U << level))
		return true;
	return is_large && entry & LARGE_RESERVED(shift);
}

static uint64_t page_of(const struct shape *shape, uint64_t entry, unsigned int shift)
{
	uint64_t page = entry & ENTRY_ADDRESS & ~((1ULL << shift) - 1);

	if (shape->pse36 && shift > PAGE_BITS)
		page |= (entry >> 13 & 0xff) << 32;
	return page;
}

static uint32_t rights_of(uint64_t all, uint64_t any)
{
	return (all & ENTRY_WRITE ? RS_RIGHT_WRITE : 0) | (all & ENTRY_USER ? RS_RIGHT_USER : 0) |
	       (any & ENTRY_NX ? 0 : RS_RIGHT_EXECUTE);
}

static int fail_entry(const struct shape *shape, uint64_t linear,
		      const struct rs_translation *translation, const char *why)
{
	return rs_fail(EFAULT, "%#" PRIx64 " is mapped nowhere: in the guest's %s page tables the "
			       "entry of level %u, %#" PRIx64 " at %#" PRIx64 ", %s", linear,
		       shape->name, translation->level, translation->entry,
		       translation->entry_address, why);
}

static int walk_unpaged(uint64_t linear, struct rs_translation *translation)
{
	translation->physical = (uint32_t)linear;
	translation->page_size = 1ULL << PAGE_BITS;
	translation->rights = RS_RIGHT_WRITE | RS_RIGHT_USER | RS_RIGHT_EXECUTE;
	return 0;
}

int rs_walk(const struct rs_paging *paging, uint64_t linear, rs_read_physical read, void *context,
	    struct rs_translation *translation)
{
	struct shape shape = shape_of(paging);
	uint64_t table = shape.root, all = ~0ULL, any = 0;
	unsigned int level = shape.levels, shift;

	memset(translation, 0, sizeof(*translation));
	if (!(paging->cr0 & CR0_PG))
		return walk_unpaged(linear, translation);
	if (shape.linear_bits == 32)
		linear &= UINT32_MAX;
	else if (!is_canonical(linear, shape.linear_bits))
		return rs_fail(EINVAL, "%#" PRIx64 " is no canonical address of %u bits", linear,
			       shape.linear_bits);
	do {
		uint64_t entry = 0, index;
		int error;

		level--;
		shift = PAGE_BITS + level * shape.index_bits;
		index = linear >> shift & ((1u << shape.index_bits) - 1);
		translation->level = level + 1;
		translation->entry_address = table + index * shape.entry_size;
		error = read(context, translation->entry_address, &entry, shape.entry_size);
		if (error)
			return error;
		translation->entry = entry;
		if (!(entry & ENTRY_PRESENT))
			return fail_entry(&shape, linear, translation, "is not present");
		if (is_reserved(&shape, paging, level, shift, entry))
			return fail_entry(&shape, linear, translation, "has a reserved bit set");
		if (!shape.pae || level < 2)
			all &= entry;
		any |= entry;
		table = entry & ENTRY_ADDRESS;
	} while (level && !(translation->entry & ENTRY_LARGE && shape.large & 1u << level));
	translation->physical = page_of(&shape, translation->entry, shift) |
				(linear & ((1ULL << shift) - 1));
	translation->page_size = 1ULL << shift;
	translation->rights = rights_of(all, any);
	return 0;
}
