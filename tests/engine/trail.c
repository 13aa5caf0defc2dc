/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trail.c: what was decoded is believed while all by which it was found is as it was, no longer.
 *
 * The guest is a file in memory of five blocks: four levels of page tables and the code, each in a
 * block of its own. The calls of xen/foreign.h are here, so what a frame is, whether there is one,
 * and how often it was mapped, is known. Where nothing is mapped any more, an access is a SIGSEGV.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "engine/code.h"
#include "engine/private.h"
#include "guest/private.h"
#include "ring/atomics.h"
#include "tests/engine/message.h"
#include "tests/guest/random.h"
#include "tests/unit/tap.h"

#define VERSION 7
#define CR4_PAE 0x20
#define LEVELS 4
#define BLOCKS (LEVELS + 1)
#define SIZE (BLOCKS * RS_BLOCK_SIZE)
#define FRAMES (BLOCKS * RS_BLOCK_FRAMES)
#define CODE (LEVELS * RS_BLOCK_SIZE + 3 * RS_FRAME_SIZE)
#define OTHER_CODE (CODE + RS_FRAME_SIZE)
#define RIP (TEST_RIP + 0x128)
#define OFFSET (RIP % RS_FRAME_SIZE)
#define CODE_BYTES 16 /* that a trail holds */
#define PRESENT 7     /* writable, the user's, and never accessed */
#define ACCESSED 0x20
#define DIRTY 0x40

/* -- the guest, and Xen, which maps it -- */

static int file;
static uint8_t *memory; /* all of it, as the guest sees it */
static bool missing[FRAMES];
static unsigned int maps; /* under the cache's mutex, as are both calls */

int rs_xen_foreign_open(struct rs_xen_foreign **foreign, struct rs_xen *xen, uint32_t domain)
{
	return -ENOSYS;
}

void rs_xen_foreign_close(struct rs_xen_foreign *foreign)
{
}

int rs_xen_foreign_map(struct rs_xen_foreign *foreign, uint64_t gfn, size_t count, bool writable,
		       void **pages, int *errors)
{
	uint8_t *bytes;

	if (gfn + count > FRAMES)
		return -EINVAL;
	bytes = mmap(NULL, count * RS_FRAME_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file,
		     (off_t)(gfn * RS_FRAME_SIZE));
	if (bytes == MAP_FAILED)
		return -errno;
	for (size_t i = 0; i < count; i++) {
		errors[i] = missing[gfn + i] ? -EINVAL : 0;
		if (missing[gfn + i])
			mprotect(bytes + i * RS_FRAME_SIZE, RS_FRAME_SIZE, PROT_NONE);
	}
	*pages = bytes;
	maps++;
	return 0;
}

/* The addresses are not given back: whoever still reads there is found. */
void rs_xen_foreign_unmap(struct rs_xen_foreign *foreign, void *pages, size_t count)
{
	if (mmap(pages, count * RS_FRAME_SIZE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		abort();
}

static struct rs_guest guest;

/* Where the entry of a level lies, 4 to 1. */
static uint64_t entry_address(unsigned int level)
{
	return (LEVELS - level) * (uint64_t)RS_BLOCK_SIZE + (RIP >> (3 + 9 * level) & 511) * 8;
}

static uint64_t *entry_of_level(unsigned int level)
{
	return (uint64_t *)(void *)(memory + entry_address(level));
}

/* Both pages hold the same instruction, mov [rax], rbx, and different bytes behind it. */
static void make_guest(uint32_t age_ms_max)
{
	static const uint8_t move[] = { 0x48, 0x89, 0x18 };

	memset(memory, 0, SIZE);
	memset(missing, 0, sizeof(missing));
	for (unsigned int level = LEVELS; level > 1; level--)
		*entry_of_level(level) = (LEVELS - level + 1) * (uint64_t)RS_BLOCK_SIZE | PRESENT;
	*entry_of_level(1) = CODE | PRESENT;
	memset(memory + CODE + OFFSET, 0x90, CODE_BYTES);
	memset(memory + OTHER_CODE + OFFSET, 0xcc, CODE_BYTES);
	memcpy(memory + CODE + OFFSET, move, sizeof(move));
	memcpy(memory + OTHER_CODE + OFFSET, move, sizeof(move));
	memset(&guest, 0, sizeof(guest));
	guest.max_gfn = FRAMES - 1;
	maps = 0;
	if (rs_cache_open(&guest.cache, NULL, SIZE, age_ms_max))
		exit(99);
}

static void end_guest(void)
{
	rs_cache_close(&guest.cache);
}

static void forget_all(void)
{
	rs_guest_forget(&guest, 0, UINT64_MAX);
}

static void sleep_ms(unsigned int ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L },
		  NULL);
}

/* -- trails -- */

static const struct rs_paging paging = { .cr0 = 0x80010011, .cr3 = 0, .cr4 = CR4_PAE,
					 .efer = 0xd01 };

/* Is it found, at the page that there is? What code lies in has to be read once, to be mapped. */
static bool find(struct rs_trail *trail, uint64_t page)
{
	struct rs_translation found = { .physical = 0 };
	uint64_t word;

	return TAP_SAME(rs_guest_read(&guest, page + OFFSET, &word, sizeof(word), NULL), 0) &&
	       TAP_SAME(rs_trail_find(&guest, &paging, RIP, &found, trail), 0) &&
	       TAP_SAME(found.physical, page + OFFSET) &&
	       TAP_SAME(trail->count, LEVELS + 2);
}

/* One bit after the other of `size` bytes: the trail must not hold while it is changed. */
static bool notices(const struct rs_trail *trail, uint64_t address, size_t size)
{
	bool good = true;

	for (size_t bit = 0; bit < size * 8; bit++) {
		memory[address + bit / 8] ^= (uint8_t)(1 << bit % 8);
		good &= TAP_SAME(rs_trail_holds(trail), false);
		memory[address + bit / 8] ^= (uint8_t)(1 << bit % 8);
		good &= TAP_SAME(rs_trail_holds(trail), true);
	}
	return good;
}

static void test_changes(void)
{
	struct rs_trail trail;

	make_guest(RS_GUEST_AGELESS);
	tap_ok(find(&trail, CODE) && rs_trail_holds(&trail) && rs_trail_holds(&trail) &&
	       TAP_SAME(maps, BLOCKS), "a trail holds when nothing has changed");
	for (unsigned int level = LEVELS; level; level--)
		tap_ok(notices(&trail, entry_address(level), 8),
		       "not if any bit of the entry of level %u has", level);
	tap_ok(notices(&trail, CODE + OFFSET, CODE_BYTES), "nor any of the sixteen bytes");
	for (unsigned int level = LEVELS; level; level--) {
		entry_of_level(level)[-1] ^= UINT64_MAX;
		entry_of_level(level)[1] ^= UINT64_MAX;
	}
	memory[CODE + OFFSET - 1] ^= 0xff;
	memory[CODE + OFFSET + CODE_BYTES] ^= 0xff;
	tap_ok(TAP_SAME(rs_trail_holds(&trail), true), "it does if what lies beside them has");
	end_guest();
}

/* They do not change where it leads. But the walk has to say so, the trail cannot know. */
static void test_accessed(void)
{
	struct rs_trail trail;
	bool good = true;

	make_guest(RS_GUEST_AGELESS);
	good &= find(&trail, CODE);
	for (unsigned int level = LEVELS; level; level--) {
		*entry_of_level(level) |= ACCESSED | (level == 1 ? DIRTY : 0);
		good &= TAP_SAME(rs_trail_holds(&trail), false) && find(&trail, CODE) &&
			TAP_SAME(rs_trail_holds(&trail), true);
	}
	tap_ok(good, "accessed and dirty bits: it is found anew, where it was");
	*entry_of_level(1) = OTHER_CODE | PRESENT;
	tap_ok(TAP_SAME(rs_trail_holds(&trail), false) && find(&trail, OTHER_CODE) &&
	       TAP_SAME(rs_trail_holds(&trail), true), "another page: it is found there");
	end_guest();
}

static void test_incomplete(void)
{
	struct rs_trail trail = { .count = 3 };
	struct rs_translation found;

	make_guest(RS_GUEST_AGELESS);
	*entry_of_level(2) = 0;
	tap_ok(TAP_SAME(rs_trail_find(&guest, &paging, RIP, &found, &trail), -EFAULT) &&
	       TAP_SAME(trail.count, 0) && TAP_SAME(rs_trail_holds(&trail), false),
	       "no page: no trail, and none holds");
	end_guest();
	make_guest(RS_GUEST_AGELESS);
	tap_ok(TAP_SAME(rs_trail_find(&guest, &paging, (RIP & ~0xfffULL) + RS_FRAME_SIZE - 15,
				      &found, &trail), 0) && TAP_SAME(trail.count, 0),
	       "fewer than sixteen bytes in the page: found, but without a trail");
	end_guest();
}

/* -- blocks that go -- */

static void test_forgotten(void)
{
	struct rs_trail trail;
	bool good = true;

	make_guest(RS_GUEST_AGELESS);
	good &= find(&trail, CODE);
	for (uint64_t i = 0; i < BLOCKS; i++) {
		uint64_t word;

		rs_guest_forget(&guest, i * RS_BLOCK_SIZE, 1);
		good &= TAP_SAME(rs_trail_holds(&trail), false);
		good &= TAP_SAME(rs_guest_read(&guest, i * RS_BLOCK_SIZE, &word, 8, NULL), 0);
		good &= TAP_SAME(rs_trail_holds(&trail), true);
	}
	tap_ok(good, "it does not hold while any of its blocks is not mapped, and does again");
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t word;

		forget_all();
		if (i)
			memory[CODE + OFFSET + 15] ^= 1;
		for (uint64_t k = 0; k < BLOCKS; k++)
			good &= TAP_SAME(rs_guest_read(&guest, k * RS_BLOCK_SIZE, &word, 8, NULL),
					 0);
		good &= TAP_SAME(rs_trail_holds(&trail), !i);
	}
	tap_ok(good, "mapped again it is what is there by then that counts");
	end_guest();
}

static void test_gone(void)
{
	struct rs_trail trail;
	bool good = true;

	make_guest(RS_GUEST_AGELESS);
	for (uint64_t i = 0; i < BLOCKS; i++) {
		uint64_t address = i < LEVELS ? entry_address(LEVELS - (unsigned int)i) : CODE;
		uint64_t other = i * RS_BLOCK_SIZE + 9 * RS_FRAME_SIZE, word;

		good &= find(&trail, CODE);
		missing[address / RS_FRAME_SIZE] = true;
		good &= TAP_SAME(rs_trail_holds(&trail), true);
		rs_guest_forget(&guest, address, 1);
		good &= TAP_SAME(rs_guest_read(&guest, other, &word, 8, NULL), 0);
		good &= TAP_SAME(rs_trail_holds(&trail), false);
		missing[address / RS_FRAME_SIZE] = false;
		rs_guest_forget(&guest, address, 1);
	}
	tap_ok(good, "a frame that has gone is not touched once its block is mapped anew");
	end_guest();
}

/* -- how long -- */

#define AGE_MS 1000000u /* so much that none is too old by itself, on however busy a machine */

/* As if it had been mapped so long ago. */
static void make_older(unsigned int block, uint32_t ms)
{
	guest.cache.blocks[block].mapped_ms -= ms;
}

static void test_left(void)
{
	struct rs_trail trail;
	bool good;

	make_guest(RS_GUEST_AGELESS);
	tap_ok(find(&trail, CODE) && TAP_SAME(trail.left_ms, UINT32_MAX),
	       "mappings that do not age leave a trail all time");
	end_guest();
	make_guest(AGE_MS);
	good = find(&trail, CODE) && trail.left_ms <= AGE_MS + 1;
	for (unsigned int i = 0; i < BLOCKS && good; i++) {
		make_older(i, AGE_MS / 10 * (i + 1));
		good = find(&trail, CODE) && trail.left_ms <= AGE_MS / 10 * (9 - i) + 1;
	}
	tap_ok(good && trail.left_ms > 0, "others as much as the oldest of its blocks has left");
	end_guest();
}

static struct rs_engine engine;
static struct rs_code code;
static struct test_message message;
static uint64_t serial;

static struct rs_code_entry *const entry = &code.entries[(RIP ^ RIP >> 6) % RS_CODE_ENTRIES];

/* When it has seen more than half a second it knows how quick its ticks are. */
static void make_engine(void)
{
	engine.vcpu_count = 1;
	engine.layout = rs_layout_find(VERSION);
	engine.codes = &code;
	engine.guest = &guest;
	engine.start_ticks = rs_ticks();
	engine.start_ns = rs_now_ns();
	sleep_ms(600);
}

/* Is the instruction at RIP, of another event, that which is in memory there? */
static bool decodes(uint64_t page)
{
	struct rs_instruction wanted = rs_instruction_decode(memory + page + OFFSET,
							     RS_INSTRUCTION_SIZE, RS_WIDTH_64);
	const struct rs_instruction *found;
	struct rs_event event;

	test_request(&message, VERSION, RS_PAGE, 0);
	test_set_u64(&message, engine.layout->rip, RIP);
	test_set_u64(&message, engine.layout->cr3, 0);
	test_set_u64(&message, engine.layout->cr4, CR4_PAE);
	rs_event_read(&event, message.bytes, engine.layout);
	event.serial = ++serial;
	found = rs_code_at(&engine, &event);
	return TAP_SAME(found->length, wanted.length) &&
	       TAP_SAME(found->operand_count, wanted.operand_count) &&
	       TAP_SAME(memcmp(entry->bytes, memory + page + OFFSET, RS_INSTRUCTION_SIZE), 0);
}

static void test_age(void)
{
	make_guest(AGE_MS);
	memset(&code, 0, sizeof(code));
	tap_ok(decodes(CODE) && TAP_SAME(maps, BLOCKS), "the engine decodes what is there");
	for (unsigned int i = 0; i < BLOCKS; i++)
		make_older(i, AGE_MS - 100);
	/* Found anew, when there is a tenth of a second left. */
	entry->trail.count = 0;
	tap_ok(decodes(CODE), "again by mappings that will soon be too old");
	sleep_ms(150);
	tap_ok(decodes(CODE) && TAP_SAME(maps, 2 * BLOCKS),
	       "and when they are too old it does not believe them");
	end_guest();
}

static void test_bytes(void)
{
	bool good = true;

	make_guest(RS_GUEST_AGELESS);
	memset(&code, 0, sizeof(code));
	good &= decodes(CODE) && decodes(CODE) && TAP_SAME(entry->trail.count, LEVELS + 2);
	for (size_t bit = 0; bit < RS_INSTRUCTION_SIZE * 8; bit++) {
		memory[CODE + OFFSET + bit / 8] ^= (uint8_t)(1 << bit % 8);
		good &= decodes(CODE);
		memory[CODE + OFFSET + bit / 8] ^= (uint8_t)(1 << bit % 8);
		good &= decodes(CODE);
	}
	tap_ok(good, "any bit of the code is changed: what is there is decoded");
	*entry_of_level(1) = OTHER_CODE | PRESENT;
	tap_ok(decodes(OTHER_CODE), "and so it is when another page is there");
	end_guest();
}

/* -- readers, while the blocks are forgotten and the page tables change -- */

#define READERS 2
#define ROUNDS 100

static uint32_t version; /* odd: the entry is being changed */
static uint32_t looks, held, wrong;
static uint32_t finished;

static uint64_t code_of(uint32_t at)
{
	return at / 2 % 2 ? OTHER_CODE : CODE;
}

/* V1: acquires V2, so what is read after it is of that version or a later one. */
static uint32_t version_now(void)
{
	return rs_load_acquire(&version);
}

/* Something seen between two looks at the version is of that version if they are the same. */
static void judge(uint32_t before, uint64_t physical)
{
	/* An addition of nothing, for it stays behind what was read. */
	if (before % 2 == 0 && rs_add_acq_rel(&version, 0) == before &&
	    physical != code_of(before) + OFFSET)
		rs_add_relaxed(&wrong, 1);
}

static void *read_on(void *unused)
{
	struct rs_translation found;
	struct rs_trail trail;
	uint64_t word;

	while (!rs_load_acquire(&finished)) {
		uint32_t before = version_now();

		rs_add_relaxed(&looks, 1);
		if (rs_trail_find(&guest, &paging, RIP, &found, &trail) ||
		    rs_guest_read(&guest, found.physical, &word, sizeof(word), NULL)) {
			rs_add_relaxed(&wrong, 1);
			continue;
		}
		judge(before, found.physical);
		for (unsigned int i = 0; i < 8; i++) {
			before = version_now();
			if (!rs_trail_holds(&trail))
				break;
			rs_add_relaxed(&held, 1);
			judge(before, found.physical);
		}
	}
	return NULL;
}

static void change_entry(void)
{
	uint32_t next = rs_add_acq_rel(&version, 1) + 2;

	/* After the odd version. */
	rs_store_release(entry_of_level(1), code_of(next) | PRESENT);
	/* V2: releases the entry to V1. */
	rs_add_acq_rel(&version, 1);
}

/* Somebody has looked since. */
static void await_look(uint32_t since)
{
	while (rs_load_relaxed(&looks) - since < READERS)
		sched_yield();
}

static void test_race(void)
{
	pthread_t readers[READERS];
	struct rs_trail trail;
	uint64_t seed = 7;

	make_guest(1000);
	for (unsigned int i = 0; i < READERS; i++)
		pthread_create(&readers[i], NULL, read_on, NULL);
	for (unsigned int i = 0; i < ROUNDS || !rs_load_relaxed(&held); i++) {
		uint64_t random = random_next(&seed) >> 16;
		uint32_t since = rs_load_relaxed(&looks);

		if (random & 1)
			change_entry();
		rs_guest_forget(&guest, random / 2 % SIZE, random % 3 * RS_BLOCK_SIZE);
		await_look(since);
	}
	rs_store_release(&finished, 1);
	for (unsigned int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	tap_ok(TAP_SAME(wrong, 0) && held, "%u looks by %u threads while blocks go, %u trails held: "
					   "none led astray", looks, READERS, held);
	tap_ok(find(&trail, code_of(version)) && TAP_SAME(rs_trail_holds(&trail), true),
	       "and then it holds again");
	end_guest();
}

int main(void)
{
	file = memfd_create("guest", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, SIZE))
		return 99;
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (memory == MAP_FAILED)
		return 99;
	test_changes();
	test_accessed();
	test_incomplete();
	test_forgotten();
	test_gone();
	test_left();
	make_engine();
	test_age();
	test_bytes();
	test_race();
	return tap_done();
}
