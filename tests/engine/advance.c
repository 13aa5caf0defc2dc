/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* advance.c: page tables of every shape walked, and instructions that were executed told. */
#include "engine/advance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/engine/message.h"
#include "tests/unit/tap.h"
#include "xen/translate.h"

#define PG 0x80000000ULL
#define PAE 0x20
#define PSE 0x10
#define LA57 0x1000
#define LMA 0x400
#define P 1
#define PS 0x80

/* A guest of 64 KiB, all of it page tables. */
static uint64_t memory[8192];
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
	uint64_t physical = 0;
	int error;

	reads = 0;
	error = rs_translate(&paging, linear, read_memory, NULL, &physical);
	tap_ok(TAP_SAME(error, 0) && TAP_SAME(physical, wanted) && TAP_SAME(reads, looks),
	       "%s: %#lx is at %#lx", name, (unsigned long)linear, (unsigned long)wanted);
}

static void fails(struct rs_paging paging, uint64_t linear, int wanted, const char *name)
{
	uint64_t physical;

	tap_ok(TAP_SAME(rs_translate(&paging, linear, read_memory, NULL, &physical), wanted),
	       "%s: %#lx", name, (unsigned long)linear);
}

static void test_long(void)
{
	/* Flags of an address space, and of the pages, must not get in the way. */
	const uint64_t nx = 1ULL << 63, flags = 0x67;
	struct rs_paging four = { PG, 0x1018 | nx, PAE, LMA };
	struct rs_paging five = { PG, 0x7000, PAE | LA57, LMA };

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
	set32(0x2000, 0x301, 0x5000 | P);
	set32(0x2000, 0x302, 0xff400000 | 0x12 << 13 | P | PS);
	set32(0x5000, 0x45, 0xabcde000 | P | PS);
	walk(two, 0xc0445678, 0xabcde678, 2, "32-bit");
	walk(two, 0xc0812345, 0x12ff412345, 1, "32-bit, 4 MiB above 4 GiB");
	two.cr4 = 0;
	fails(two, 0xc0812345, -EIO, "without PSE that is a table");
}

static void set_mode(struct test_message *message, struct rs_event *event, enum rs_kind kind,
		     uint32_t cr, unsigned int bits)
{
	uint32_t attributes = bits == 64 ? 0xa9b : bits == 32 ? 0xc9b : 0x9b;
	uint32_t segment = attributes << 20 | 0xfffff;
	struct rs_wire *wire = test_request(message, 7, kind, 0);

	if (kind == RS_CR)
		wire->u.cr.index = cr;
	memcpy(message->bytes + rs_layout_find(7)->cs, &segment, sizeof(segment));
	if (bits != 64)
		test_set_u64(message, rs_layout_find(7)->efer, 0);
	rs_event_read(event, message->bytes, rs_layout_find(7));
}

static void test_lengths(void)
{
	static const struct {
		enum rs_kind kind;
		uint32_t cr;
		unsigned int bits, size;
		uint8_t code[15];
		int length;
		const char *name;
	} cases[] = {
		{ RS_CR, RS_CR3, 64, 15, { 0x0f, 0x22, 0xd8 }, 3, "mov cr3, rax" },
		{ RS_CR, RS_CR3, 64, 15, { 0x41, 0x0f, 0x22, 0xdf }, 4, "mov cr3, r15" },
		{ RS_CR, RS_CR0, 64, 15, { 0x0f, 0x22, 0xc0 }, 3, "mov cr0, rax" },
		{ RS_CR, RS_CR0, 64, 15, { 0x0f, 0x06 }, 2, "clts" },
		{ RS_CR, RS_CR0, 64, 15, { 0x0f, 0x01, 0x70, 0x08 }, 4, "lmsw [rax + 8]" },
		{ RS_CR, RS_CR4, 64, 15, { 0x0f, 0x22, 0xe7 }, 3, "mov cr4, rdi" },
		{ RS_CR, RS_XCR0, 64, 15, { 0x0f, 0x01, 0xd1 }, 3, "xsetbv" },
		{ RS_CR, RS_CR0, 16, 15, { 0x0f, 0x22, 0xc0 }, 3, "mov cr0, eax, 16-bit" },
		{ RS_CR, RS_CR0, 32, 15, { 0x2e, 0x0f, 0x22, 0xc0 }, 4, "a prefix, 32-bit" },
		{ RS_MSR, 0, 64, 15, { 0x0f, 0x30 }, 2, "wrmsr" },
		{ RS_MSR, 0, 64, 2, { 0x0f, 0x30 }, 2, "wrmsr at the end of what there is" },
		{ RS_MSR, 0, 64, 1, { 0x0f, 0x30 }, 0, "half of a wrmsr" },
		{ RS_GUEST_REQUEST, 0, 64, 15, { 0x0f, 0x01, 0xc1 }, 3, "vmcall" },
		{ RS_GUEST_REQUEST, 0, 64, 15, { 0x0f, 0x01, 0xd9 }, 3, "vmmcall" },
		{ RS_CR, RS_CR3, 64, 15, { 0x0f, 0x22, 0xe0 }, -EBADMSG, "another register" },
		{ RS_CR, RS_CR0, 64, 15, { 0x44, 0x0f, 0x22, 0xc0 }, -EBADMSG, "CR8" },
		{ RS_CR, RS_CR3, 64, 15, { 0x0f, 0x20, 0xd8 }, -EBADMSG, "mov rax, cr3" },
		{ RS_CR, RS_CR3, 32, 15, { 0xea }, -EBADMSG, "a far jump: a task switch" },
		{ RS_MSR, 0, 64, 15, { 0x0f, 0x32 }, -EBADMSG, "rdmsr" },
		{ RS_MSR, 0, 64, 15, { 0x06 }, -EBADMSG, "no instruction" },
		{ RS_BREAKPOINT, 0, 64, 15, { 0xcc }, -EBADMSG, "int3, which is not executed" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_message message;
		struct rs_event event;

		set_mode(&message, &event, cases[i].kind, cases[i].cr, cases[i].bits);
		tap_ok(TAP_SAME(rs_advance_length(&event, cases[i].code, cases[i].size),
				cases[i].length), "%s", cases[i].name);
	}
}

int main(void)
{
	test_long();
	test_legacy();
	test_lengths();
	return tap_done();
}
