/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* walk.c: page tables of every shape. */
#include "guest/walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/guest/random.h"
#include "tests/unit/tap.h"

#define PG 0x80000000ULL
#define PAE 0x20
#define PSE 0x10
#define LA57 0x1000
#define LMA 0x400
#define NXE 0x800
#define LONG (LMA | NXE)
#define NX (1ULL << 63)
#define P 1
#define PS 0x80

/* A guest of 1 MiB, all of it page tables. */
#define MEMORY_SIZE (1u << 20)
static uint64_t memory[MEMORY_SIZE / 8];
static unsigned int reads;

static int read_memory(void *context, uint64_t address, void *bytes, size_t size)
{
	reads++;
	if (address + size > sizeof(memory))
		return -EIO;
	memcpy(bytes, (const char *)memory + address, size);
	return 0;
}

static void set64(uint64_t table, unsigned int index, uint64_t entry)
{
	memory[table / 8 + index] = entry;
}

static void set32(uint64_t table, unsigned int index, uint32_t entry)
{
	((uint32_t *)memory)[table / 4 + index] = entry;
}

static void walk(struct rs_paging paging, uint64_t linear, uint64_t wanted, unsigned int looks,
		 const char *name)
{
	struct rs_translation found;
	int error;

	reads = 0;
	error = rs_walk(&paging, linear, read_memory, NULL, &found);
	tap_ok(TAP_SAME(error, 0) && TAP_SAME(found.physical, wanted) && TAP_SAME(reads, looks),
	       "%s: %#lx is at %#lx", name, (unsigned long)linear, (unsigned long)wanted);
}

static void fails(struct rs_paging paging, uint64_t linear, int wanted, const char *name)
{
	struct rs_translation found;

	tap_ok(TAP_SAME(rs_walk(&paging, linear, read_memory, NULL, &found), wanted),
	       "%s: %#lx", name, (unsigned long)linear);
}

/* The walk ends with -EFAULT at that entry of that level, and says so. */
static void ends(struct rs_paging paging, uint64_t linear, uint32_t level, uint64_t at,
		 const char *words)
{
	struct rs_translation found;
	int error = rs_walk(&paging, linear, read_memory, NULL, &found);
	bool said = strstr(rs_error_text(), words);

	if (!said)
		printf("# it said: %s\n", rs_error_text());
	tap_ok(TAP_SAME(error, -EFAULT) && TAP_SAME(found.level, level) &&
	       TAP_SAME(found.entry_address, at) && said, "%#lx: the entry of level %u %s",
	       (unsigned long)linear, level, words);
}

static void test_long(void)
{
	/* Flags of an address space, and of the pages, must not get in the way. */
	const uint64_t nx = NX, flags = 0x67;
	struct rs_paging four = { PG, 0x1018 | nx, PAE, LONG };
	struct rs_paging five = { PG, 0x7000, PAE | LA57, LONG };

	memset(memory, 0, sizeof(memory));
	set64(0x7000, 511, 0x1000 | flags);
	set64(0x1000, 511, 0x2000 | flags | nx);
	set64(0x2000, 510, 0x3000 | flags);
	set64(0x2000, 3, 0x5c0000000 | flags | PS | 1 << 12); /* PAT is no address */
	set64(0x3000, 8, 0x4000 | flags);
	set64(0x3000, 9, 0x123e00000 | flags | PS | 1 << 12);
	set64(0x4000, 7, 0xffffffff8000 | flags | nx | PS);   /* PAT here, no size */
	walk(four, 0xffffffff81007abc, 0xffffffff8abc, 4, "4 levels");
	walk(four, 0xffffffff81234567, 0x123e34567, 3, "2 MiB");
	walk(four, 0xffffff80f2345678, 0x5f2345678, 2, "1 GiB");
	walk(five, 0xffffffff81007abc, 0xffffffff8abc, 5, "5 levels");
	fails(four, 0xffffffff81008000, -EFAULT, "nothing there");
	fails(four, 0x1000, -EFAULT, "no table there");
	ends(four, 0xffffffff81008000, 1, 0x4040, "is not present");
	ends(four, 0xffff800000000000, 4, 0x1800, "is not present");
	fails(four, 0x800000000000, -EINVAL, "not canonical");
	fails(four, 0xffff7fffffffffff, -EINVAL, "not canonical");
	fails(five, 0x100000000000000, -EINVAL, "not canonical in 57 bits");
	fails(five, 0xfeffffffffffffff, -EINVAL, "not canonical in 57 bits");
	ends(five, 0x800000000000, 5, 0x7000, "is not present");
	set64(0x3000, 10, 0x123e02000 | flags | PS);
	ends(four, 0xffffffff81400000, 2, 0x3050, "has a reserved bit");
	set64(0x1000, 256, 0x2000 | flags | PS);
	ends(four, 0xffff800000000000, 4, 0x1800, "has a reserved bit");
	four.efer = LMA;
	ends(four, 0xffffffff81007abc, 4, 0x1ff8, "has a reserved bit");
	four.efer = LONG;
	set64(0x3000, 8, 0x40000000 | flags);
	fails(four, 0xffffffff81007abc, -EIO, "a table that cannot be read");
}

static void test_legacy(void)
{
	struct rs_paging none = { 0x10, 0x1000, PAE, 0 };
	struct rs_paging pae = { PG, 0x1020, PAE, 0 };
	struct rs_paging two = { PG, 0x2000, PSE, 0 };

	memset(memory, 0, sizeof(memory));
	walk(none, 0xffff0, 0xffff0, 0, "no paging");
	set64(0x1020, 3, 0x3000 | P);
	set64(0x3000, 1, 0x4000 | P);
	set64(0x3000, 2, 0x2345600000 | P | PS);
	set64(0x4000, 5, 0x1234567000 | P);
	walk(pae, 0xffffffffc0205123, 0x1234567123, 3, "PAE, and 32 bits of address");
	walk(pae, 0xc0505123, 0x2345705123, 2, "PAE, 2 MiB");
	ends(pae, 0x40000000, 3, 0x1028, "is not present");
	set64(0x1020, 0, 0x3000 | P | 2);
	ends(pae, 0x200000, 3, 0x1020, "has a reserved bit");
	set32(0x2000, 0x301, 0x5000 | P);
	set32(0x2000, 0x302, 0xff400000 | 0x12 << 13 | P | PS);
	set32(0x5000, 0x45, 0xabcde000 | P | PS);
	walk(two, 0xc0445678, 0xabcde678, 2, "32-bit");
	walk(two, 0xc0812345, 0x12ff412345, 1, "32-bit, 4 MiB above 4 GiB");
	two.cr4 = 0;
	fails(two, 0xc0812345, -EIO, "without PSE that is a table");
}

/* ---- many mappings at random, against a list of them ---- */

#define MAPPINGS 300

struct mapping {
	uint64_t linear, size, physical;
	uint32_t rights;
};

struct space {
	const char *name;
	struct rs_paging paging;
	unsigned int levels, index_bits, entry_size, large_max; /* 0: only pages of 4 KiB */
	struct mapping mappings[MAPPINGS];
	unsigned int count;
	uint64_t unused; /* memory from here on */
	uint64_t seed;
};

static uint64_t random_of(struct space *space, uint64_t count)
{
	return (random_next(&space->seed) >> 16) % count;
}

static uint64_t *entry_at(uint64_t table, uint64_t index, unsigned int size)
{
	return (uint64_t *)((char *)memory + table + index * size);
}

static uint64_t get(const struct space *space, uint64_t table, uint64_t index)
{
	uint64_t entry = 0;

	memcpy(&entry, entry_at(table, index, space->entry_size), space->entry_size);
	return entry;
}

static void put(const struct space *space, uint64_t table, uint64_t index, uint64_t entry)
{
	memcpy(entry_at(table, index, space->entry_size), &entry, space->entry_size);
}

static uint64_t random_flags(struct space *space)
{
	uint64_t flags = P | random_of(space, 4) << 1;

	return space->entry_size == 8 && !random_of(space, 3) ? flags | NX : flags;
}

/* A few places in the address space, so that tables are shared; canonical. */
static uint64_t random_linear(struct space *space)
{
	unsigned int bits = 12 + space->levels * space->index_bits;
	uint64_t linear = 0;

	bits = bits > 57 ? 57 : bits > 32 && bits < 48 ? 32 : bits;
	for (unsigned int level = 0; level < space->levels; level++)
		linear |= (random_of(space, 2) ? random_of(space, 3) :
			   (1u << space->index_bits) - 1 - random_of(space, 3))
			  << (12 + level * space->index_bits);
	if (bits == 32)
		return linear & UINT32_MAX;
	return (uint64_t)((int64_t)(linear << (64 - bits)) >> (64 - bits));
}

static void add_mapping(struct space *space)
{
	uint64_t table = space->paging.cr3, linear = random_linear(space), all = ~0ULL, any = 0;
	unsigned int leaf = space->large_max ? (unsigned int)random_of(space, space->large_max + 1)
					     : 0;

	for (unsigned int level = space->levels - 1;; level--) {
		unsigned int shift = 12 + level * space->index_bits;
		uint64_t index = linear >> shift & ((1u << space->index_bits) - 1);
		uint64_t entry = get(space, table, index);
		bool top_of_pae = space->levels == 3 && level == 2;

		if (level == leaf) {
			uint64_t flags = random_flags(space), size = 1ULL << shift;
			uint64_t limit = space->entry_size == 4 && !level ? 1ULL << 32 : 1ULL << 40;
			uint64_t page = random_of(space, limit >> shift) << shift;

			if (entry)
				return;
			entry = page | flags | (level ? PS : 0);
			if (space->entry_size == 4 && level)
				entry = (page & 0xffc00000) | page >> 32 << 13 | flags | PS;
			put(space, table, index, entry);
			all &= flags;
			any |= flags;
			space->mappings[space->count++] = (struct mapping){
				linear & ~(size - 1), size, page,
				(all & 2 ? RS_RIGHT_WRITE : 0) | (all & 4 ? RS_RIGHT_USER : 0) |
					(any & NX ? 0 : RS_RIGHT_EXECUTE) };
			return;
		}
		if (!entry) {
			if (space->unused + 4096 > MEMORY_SIZE)
				return;
			entry = space->unused | (top_of_pae ? P : random_flags(space));
			space->unused += 4096;
			put(space, table, index, entry);
		} else if (entry & PS) {
			return;
		}
		all &= top_of_pae ? ~0ULL : entry;
		any |= entry;
		table = entry & 0xffffffffff000;
	}
}

static const struct mapping *find(const struct space *space, uint64_t linear)
{
	for (unsigned int i = 0; i < space->count; i++)
		if (linear - space->mappings[i].linear < space->mappings[i].size)
			return &space->mappings[i];
	return NULL;
}

static bool look(struct space *space, uint64_t linear)
{
	const struct mapping *wanted = find(space, linear);
	struct rs_translation found;
	int error = rs_walk(&space->paging, linear, read_memory, NULL, &found);

	if (!wanted)
		return TAP_SAME(error, -EFAULT);
	return TAP_SAME(error, 0) && TAP_SAME(found.page_size, wanted->size) &&
	       TAP_SAME(found.physical, wanted->physical + (linear - wanted->linear)) &&
	       TAP_SAME(found.rights, wanted->rights);
}

static void test_random(struct space *space)
{
	bool good = true;

	memset(memory, 0, sizeof(memory));
	space->seed = 12345;
	space->unused = space->paging.cr3 + 4096;
	for (unsigned int tries = 0; space->count < MAPPINGS && tries < 3000; tries++)
		add_mapping(space);
	for (unsigned int i = 0; i < space->count && good; i++)
		good = look(space, space->mappings[i].linear +
				   random_of(space, space->mappings[i].size));
	for (unsigned int i = 0; i < 20000 && good; i++)
		good = look(space, random_linear(space) | random_of(space, 4096));
	tap_ok(good && space->count > 20, "%s: %u mappings at random are found, and no others",
	       space->name, space->count);
}

int main(void)
{
	static struct space spaces[] = {
		{ "32-bit", { PG, 0x1000, PSE, 0 }, 2, 10, 4, 1, .count = 0 },
		{ "PAE", { PG, 0x1000, PAE, NXE }, 3, 9, 8, 1, .count = 0 },
		{ "4-level", { PG, 0x1000, PAE, LONG }, 4, 9, 8, 2, .count = 0 },
		{ "5-level", { PG, 0x1000, PAE | LA57, LONG }, 5, 9, 8, 2, .count = 0 },
	};

	test_long();
	test_legacy();
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
		test_random(&spaces[i]);
	return tap_done();
}
